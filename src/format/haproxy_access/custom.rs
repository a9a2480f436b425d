//! `log-format` strings that nobody told: known by their column of termination states.
//!
//! In: sampled lines. Out: a reader.
//! Invariants: a server is named where `<NOSRV>` or a label tells its column; a timer, where -1 or a label does.
//! Source: `HAProxy` `doc/configuration.txt`, section 8.2.6 (aliases), 8.4 (timers) and 8.5 (termination states).

use super::about;
use super::log_format::completed;
use crate::format::infer::telltale::{Columns, Telltale, propose};
use crate::format::{FormatBasis, Proposal, Sample};
use crate::record::{AccessRecord, Escape, Field};

/// `%ts` and `%tsc`.
const STATES: Telltale = Telltale {
    is_value: is_termination,
    is_proof: |value| is_termination(value) && value.starts_with(b"--"),
    field: Field::TerminationState,
    escape: Escape::Haproxy,
    name,
    finish,
};

/// True for a termination state: how and when a session ended, and what was done with cookies.
pub(in crate::format) fn is_termination(value: &[u8]) -> bool {
    let (end, cookies) = match value {
        [end, phase] => ([*end, *phase], None),
        [end, phase, found, done] => ([*end, *phase], Some([*found, *done])),
        _ => return false,
    };
    b"CSPLRDUIKTcs-".contains(&end[0])
        && b"RQCHDLT-".contains(&end[1])
        && cookies.is_none_or(|[found, done]| {
            b"NIDVEOU-".contains(&found) && b"NIUPRD-".contains(&done)
        })
}

/// The reader for lines of a format that has states, if they are such lines.
pub(super) fn custom(sample: &Sample<'_>) -> Option<Proposal> {
    propose(sample, &STATES, |body, notation| about(body, notation, FormatBasis::Detected))
}

fn is_count(value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"+").unwrap_or(value);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// A timer: -1 where its phase was never reached.
fn is_timer(value: &[u8]) -> bool {
    value == b"-1" || is_count(value)
}

fn is_name(value: &[u8]) -> bool {
    !value.is_empty() && !value.contains(&b' ')
}

/// `backend/server`.
fn is_target(value: &[u8]) -> bool {
    let mut names = value.split(|byte| *byte == b'/');
    let (Some(backend), Some(server), None) = (names.next(), names.next(), names.next()) else {
        return false;
    };
    !backend.is_empty() && !server.is_empty() && !is_timer(backend) && is_name(value)
}

fn is_no_server(value: &[u8]) -> bool {
    value == b"<NOSRV>"
}

/// `TR/Tw/Tc/Tr/Ta`.
fn is_timers(value: &[u8]) -> bool {
    value.split(|byte| *byte == b'/').count() == 5 && value.split(|byte| *byte == b'/').all(is_timer)
}

fn is_unreached(value: &[u8]) -> bool {
    value.split(|byte| *byte == b'/').any(|part| part == b"-1")
}

fn name(columns: &mut Columns<'_>) {
    const SERVER: &[&str] =
        &["server", "srv", "servername", "backendserver", "s", "srvname", "hapserver"];
    const BACKEND: &[&str] = &["backend", "be", "backendname", "b", "bename", "pool"];
    const FRONTEND: &[&str] = &["frontend", "fe", "frontendname", "f", "ft", "fename"];
    columns.set_first(Field::BackendTarget, |columns, idx| {
        columns.all(idx, is_target)
            && (columns.any(idx, |value| value.ends_with(b"/<NOSRV>"))
                || columns.label(idx).contains("backend")
                || columns.label(idx).contains("server"))
    });
    if columns.find(Field::BackendTarget).is_none() {
        columns.set_labelled(Field::BackendServer, SERVER, is_name);
        columns.set_labelled(Field::Backend, BACKEND, is_name);
        columns.set_first(Field::BackendServer, |columns, idx| columns.any(idx, is_no_server));
        // `%ft %b %s`: names before the server's.
        if let Some(server) = columns.find(Field::BackendServer)
            && let Some(backend) = server.checked_sub(1)
            && columns.is_name(backend)
        {
            columns.set(backend, Field::Backend);
        }
    }
    columns.set_labelled(Field::Frontend, FRONTEND, is_name);
    let section = columns.find(Field::Backend).or_else(|| columns.find(Field::BackendTarget));
    if let Some(frontend) = section.and_then(|idx| idx.checked_sub(1))
        && columns.is_name(frontend)
    {
        columns.set(frontend, Field::Frontend);
    }
    timers(columns);
}

fn timers(columns: &mut Columns<'_>) {
    columns.set_first(Field::Timers, |columns, idx| {
        columns.all(idx, is_timers) && columns.any(idx, is_unreached)
    });
    if columns.find(Field::Timers).is_some() {
        return;
    }
    for (field, labels) in [
        (Field::QueueTimeMillis, &["tw", "tqueue", "timequeue", "queuetime"][..]),
        (Field::ConnectTimeMillis, &["tc", "tconn", "tconnect", "timeconnect", "connecttime"]),
        (Field::ResponseTimeMillis, &["tr", "tresp", "tresponse", "timeresponse", "responsetime"]),
        (Field::RequestTimeMillis, &["ta", "tt", "ttotal", "total", "timetotal", "duration"]),
    ] {
        columns.set_labelled(field, labels, is_timer);
    }
    // `%Tw %Tc %Tr` without labels, with or without `%TR` before them: all are -1 where no server was reached.
    let is_such = |columns: &Columns<'_>, idx: usize| {
        columns.is_free(idx) && columns.all(idx, is_timer) && columns.any(idx, is_unreached)
    };
    let Some(first) = (0..columns.n()).find(|idx| is_such(columns, *idx)) else { return };
    let n = (first..columns.n()).take_while(|idx| is_such(columns, *idx)).count();
    if n == 3 || n == 4 {
        let queue = first + n - 3;
        columns.set(queue, Field::QueueTimeMillis);
        columns.set(queue + 1, Field::ConnectTimeMillis);
        columns.set(queue + 2, Field::ResponseTimeMillis);
        if queue + 3 < columns.n() && columns.all(queue + 3, is_count) {
            columns.set(queue + 3, Field::RequestTimeMillis);
        }
    }
}

/// Takes apart what stands together.
fn finish(access: &mut AccessRecord<'_>) {
    if let Some(timers) = access.raw(Field::Timers) {
        let mut each = timers.split(|byte| *byte == b'/').skip(1);
        for field in [
            Field::QueueTimeMillis,
            Field::ConnectTimeMillis,
            Field::ResponseTimeMillis,
            Field::RequestTimeMillis,
        ] {
            if let Some(timer) = each.next() {
                access.set(field, timer);
            }
        }
    }
    if let Some(client) = access.raw(Field::RemoteAddr)
        && client.contains(&b':')
    {
        let (address, port) = super::split_client(client);
        if port.len() <= 5 && is_count(port) && address.contains(&b'.') {
            access.set(Field::RemoteAddr, address);
            access.set(Field::ClientPort, port);
        }
    }
    completed(access);
}
