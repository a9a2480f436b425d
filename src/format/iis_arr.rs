//! What Application Request Routing (ARR) adds to the queries that IIS logs, whatever the format of the log:
//! `...&X-ARR-CACHE-HIT=0[&SERVER-ROUTED=10.4.0.4]&X-ARR-LOG-ID=GUID[&SERVER-STATUS=503]`.
//!
//! In: raw queries. Out: the query that the client sent, and the fields of the farm.
//! Invariants: a client can send these names too: only the last ones count, in this order, at the very end.
//! Source: Application Request Routing, query additions seen in real logs.

use memchr::memmem;

use crate::record::{AccessRecord, Escape, Field, split_request};

/// The end of a query, taken apart.
struct Added<'a> {
    /// What stands before it.
    own: &'a [u8],
    id: &'a [u8],
    hit: Option<&'a [u8]>,
    routed: Option<&'a [u8]>,
    status: Option<&'a [u8]>,
}

impl<'a> Added<'a> {
    /// `None`: nothing was added.
    fn of(query: &'a [u8], escape: Escape) -> Option<Self> {
        let mut own = query;
        let mut last = |names: &[&[u8]]| last_pair(&mut own, names, escape);
        let status = last(&[b"SERVER-STATUS="]);
        let id = last(&[b"X-ARR-LOG-ID=", b"X-AzureApplicationGateway-LOG-ID="])?;
        let routed = last(&[b"SERVER-ROUTED="]);
        let hit = last(&[b"X-ARR-CACHE-HIT=", b"X-AzureApplicationGateway-CACHE-HIT="]);
        // A lone id comes from a front end: this server is the member.
        let own = if hit.is_none() && (status.is_some() || routed.is_some()) { query } else { own };
        Some(Added { own, id, hit, routed, status })
    }

    fn set(&self, record: &mut AccessRecord<'a>) {
        record.set(Field::RequestId, self.id);
        let Some(hit) = self.hit else { return };
        record.set(Field::ArrLogId, self.id);
        record.set(Field::UpstreamCacheStatus, hit);
        record.set(Field::UpstreamStatus, self.status.unwrap_or(b"-"));
        if let Some(routed) = self.routed {
            record.set(Field::UpstreamAddr, routed);
        }
    }
}

/// Sets the query that the client sent, and the fields of what was added to it. Of a query that was longer than IIS logs,
/// which tells neither, it sets nothing: as if the log had no such column.
pub(super) fn set_query<'a>(record: &mut AccessRecord<'a>, query: &'a [u8]) {
    if query == b"..." {
        return;
    }
    let added = Added::of(query, record.escape);
    record.set(Field::Args, added.as_ref().map_or(query, |added| added.own));
    if let Some(added) = added {
        added.set(record);
    }
}

/// As [`set_query`], for a record whose query was set as it stands in the log.
pub(super) fn take_apart_query(record: &mut AccessRecord<'_>) {
    let Some(query) = record.raw(Field::Args) else { return };
    record.replace(Field::Args, None);
    set_query(record, query);
}

/// As [`set_query`], for a record with a request line, whose parts are set instead if something was added.
pub(super) fn take_apart_request(record: &mut AccessRecord<'_>) {
    let Some(request) = record.raw(Field::Request) else { return };
    let (method, target) = split_request(request);
    let Some(mark) = memchr::memchr(b'?', target) else { return };
    let Some(added) = Added::of(&target[mark + 1..], record.escape) else { return };
    let end = if added.own.is_empty() { mark } else { mark + 1 + added.own.len() };
    record.replace(Field::Request, None);
    record.set(Field::Method, method);
    record.set(Field::RequestUri, &target[..end]);
    added.set(record);
}

/// Takes `NAME=value` off the end of a query if one of these is its last pair.
fn last_pair<'a>(query: &mut &'a [u8], names: &[&[u8]], escape: Escape) -> Option<&'a [u8]> {
    let plain = memchr::memrchr(b'&', query).map(|at| (at, 1));
    // Some writers of JSON are afraid of HTML.
    let escaped = || memmem::rfind(query, b"\\u0026").map(|at| (at, 6));
    let mark = if escape == Escape::Json { plain.max(escaped()) } else { plain };
    let (before, pair) = match mark {
        Some((at, length)) => (&query[..at], &query[at + length..]),
        None => (&query[..0], *query),
    };
    let value = names.iter().find_map(|name| pair.strip_prefix(*name))?;
    *query = before;
    Some(value)
}
