//! Access lines as facts: what is kept of a line that matters, in keys of fixed size.
//!
//! In: lines and their plan. Out: [`EntryFact`]s, and the names that reports show of a record.
//! Invariants: a line that no layout fits to its end has a fact all the same.

use std::borrow::Cow;

use crate::bytes::{last_upstream_item, parse_u64};
use crate::cause::scope::{host_key, target_group_name, without_port, worker_peer};
use crate::evidence::Place;
use crate::fact::{
    EntryFact, Flags, Machine, entry_referrer_key, forwarded_keys, hash_name, hash_path,
    hash_short, id_key, listen_key, machine_key, method_key, pool_key, request_keys, site_key,
};
use crate::format::{About, Glance, Instant, Plan, Reader};
use crate::record::{AccessRecord, Field, Record, split_url, unescape};
use crate::taxonomy::Server;
use crate::verdict::{is_probe, own_verdict, undecided_rule};

/// Bytes of a user agent that are looked at.
const AGENT_BYTES: usize = 512;

/// Calls `read` with the record of an access line, by the first reader that understands it wholly, and its index.
pub(crate) fn read_access<T>(
    plan: &Plan,
    line: &[u8],
    read: impl FnOnce(usize, &AccessRecord<'_>) -> T,
) -> Option<T> {
    let mut read = Some(read);
    plan.readers.iter().enumerate().find_map(|(index, reader)| {
        let mut found = None;
        reader.read(line, &mut |result| {
            if let Ok(Record::Access(record)) = result
                && let Some(read) = read.take()
            {
                found = Some(read(index, &record));
            }
        });
        found
    })
}

/// The fact of an access line. A line whose time and status are at their place but which no layout fits to its end
/// still counts: it gets a fact with nothing else in it.
fn entry_fact(
    plan: &Plan,
    reader: usize,
    line: &[u8],
    glance: Glance<'_>,
    place: Place,
) -> Option<EntryFact> {
    let whole = read_access(plan, line, |reader, record| {
        let reader = &plan.readers[reader];
        on_machine(whole_fact(reader.about(), record, place), reader.as_ref(), line)
    });
    whole.or_else(|| {
        let stamp = plan.readers[reader].stamp(glance.stamp)?;
        Some(EntryFact {
            at: stamp.micros,
            place,
            status: glance.status,
            rule: undecided_rule(plan.readers[reader].about().server),
            machine: plan.readers[reader].machine(line),
            flags: Flags::TRUNCATED.with(Flags::ZONELESS, stamp.offset_s.is_none()),
            ..EntryFact::default()
        })
    })
}

/// The fact of an access line with the machine that wrote it: as the line says, or what stands around it.
pub(in crate::scan) fn on_machine(fact: EntryFact, reader: &dyn Reader, line: &[u8]) -> EntryFact {
    let machine = if fact.machine == 0 { reader.machine(line) } else { fact.machine };
    EntryFact { machine, ..fact }
}

/// The fact of an access line, marked where it is no entry itself.
pub(in crate::scan) fn marked_fact(
    plan: &Plan,
    reader: usize,
    line: &[u8],
    glance: Glance<'_>,
    place: Place,
    chosen: &[bool; 1000],
) -> Option<EntryFact> {
    let mut fact = entry_fact(plan, reader, line, glance, place)?;
    fact.flags = fact.flags.with(Flags::KIN, !chosen[usize::from(fact.status).min(999)]);
    Some(fact)
}

/// The fact of an access record.
pub(in crate::scan) fn whole_fact(
    about: &About,
    record: &AccessRecord<'_>,
    place: Place,
) -> EntryFact {
    let (method, _) = record.request();
    let (path, query) = record.target_parts();
    let duration_us = record.duration_us();
    let body_bytes = record.body_bytes();
    let sent_bytes = record
        .value(Field::BytesSent)
        .and_then(parse_u64)
        .filter(|_| about.server == Server::Apache && body_bytes.is_none());
    let mut plain_agent = [0u8; AGENT_BYTES];
    let agent = record.value(Field::UserAgent).unwrap_or_default();
    let n_agent = unescape(record.escape, agent, &mut plain_agent);
    let id = record.value(Field::RequestId).map_or(0, hash_name);
    let redelivered = id != 0 && about.server.redelivers();
    let upstream = upstream_of(record);
    let server_ip = record.value(Field::ServerIp).unwrap_or_default();
    let [forwarded, forwarded_before] =
        forwarded_keys(record.value(Field::ForwardedFor).unwrap_or_default());
    let flags = Flags::default()
        .with(Flags::ZONELESS, record.stamp.offset_s.is_none())
        .with(Flags::PROBE, is_probe(&plain_agent[..n_agent]))
        .with(Flags::TIMED, duration_us.is_some())
        .with(Flags::SIZED, body_bytes.is_some())
        .with(Flags::SIZED_WITH_HEADERS, sent_bytes.is_some())
        .with(Flags::HEAD, method == b"HEAD")
        .with(Flags::SEES_UPSTREAM, record.raw(Field::UpstreamStatus).is_some())
        .with(Flags::RETRIED, record.is_retried())
        .with(Flags::AT_START, about.instant == Instant::Start)
        .with(Flags::SHARED_LAYOUT, about.ambiguous_with.is_some())
        .with(Flags::REDELIVERED, redelivered);
    let (target_key, hop) = request_keys(record.escape, method, path, query);
    // nginx goes on with GET when an error page takes over: `$request` keeps the method, `$request_method` does not.
    // Source: `ngx_http_special_response.c`, `ngx_http_send_error_page`.
    let may_be_changed = method == b"GET"
        && record.raw(Field::Request).is_none()
        && matches!(about.server, Server::Nginx | Server::Unknown);
    EntryFact {
        at: record.stamp.micros,
        place,
        // Copies of a line stand together even where it does not tell the request.
        target_key: if target_key == 0 && redelivered { id } else { target_key },
        client: record.value(Field::RemoteAddr).map_or(0, hash_name),
        path: hash_path(path),
        id,
        request: record.value(Field::RequestId).map_or(0, id_key),
        trace: record.value(Field::TraceId).map_or(0, id_key),
        edge_id: record.value(Field::EdgeRequestId).map_or(0, id_key),
        hop,
        connection: record.value(Field::Connection).and_then(parse_u64).unwrap_or(0),
        host: host_key(host_of(record)),
        upstream: match record.value(Field::QueueName) {
            Some(pool) if record.upstreams().is_none() => pool_key(pool),
            _ => upstream.map_or(0, |name| hash_short(&name)),
        },
        ending: ending_of(record).map_or(0, hash_short),
        log_id: record.value(Field::LogId).map_or(0, hash_short),
        site: site_key(record.value(Field::SiteName).unwrap_or_default()),
        listen: listen_key(server_ip, record.value(Field::ServerPort).unwrap_or_default()),
        server: hash_short(server_ip),
        forwarded,
        forwarded_before,
        machine: record
            .value(Field::ComputerName)
            .map_or(0, |name| machine_key(Machine::Computer(name))),
        referrer: entry_referrer_key(record.escape, record.value(Field::Referer)),
        duration_ms: duration_us.map_or(0, milliseconds),
        body_bytes: body_bytes.or(sent_bytes).map_or(0, |n| n.min(u64::from(u32::MAX)) as u32),
        status: record.status,
        method: if may_be_changed { 0 } else { method_key(method) },
        rule: own_verdict(about, record),
        flags,
    }
}

/// A duration in milliseconds; 0 only for none at all: what lasted less is not what a log of whole seconds calls 0.
fn milliseconds(duration_us: u64) -> u32 {
    let ms = (duration_us / 1000).max(u64::from(duration_us > 0));
    ms.min(u64::from(u32::MAX)) as u32
}

/// What the request was sent to last, or was to be sent to: a backend, a group of them, a request queue.
pub(crate) fn upstream_of<'a>(record: &AccessRecord<'a>) -> Option<Cow<'a, [u8]>> {
    let address = match record.upstreams() {
        Some(Cow::Borrowed(list)) => {
            Some(last_upstream_item(list)).filter(|item| *item != b"-").map(Cow::Borrowed)
        }
        joined => joined,
    };
    let named = || {
        let name = record
            .value(Field::QueueName)
            .or_else(|| record.value(Field::TargetGroup).map(target_group_name));
        record.value(Field::BalancerWorker).map(worker_peer).or(name.map(Cow::Borrowed))
    };
    address.or_else(named)
}

/// The server's own code for how a request ended.
pub(crate) fn ending_of<'a>(record: &AccessRecord<'a>) -> Option<&'a [u8]> {
    record.raw(Field::TerminationState).or_else(|| record.value(Field::ResponseFlags))
}

/// The host of an access line without its port: the one asked for, else the server that took it.
pub(crate) fn host_of<'a>(record: &AccessRecord<'a>) -> &'a [u8] {
    let of_url = || split_url(record.request().1).map(|(host, _)| host);
    let host =
        record.value(Field::Host).or_else(of_url).or_else(|| record.value(Field::ServerName));
    without_port(host.unwrap_or_default())
}
