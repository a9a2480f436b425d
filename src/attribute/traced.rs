//! Lines of error logs that name no request, as they are sorted on the way to their entries.
//!
//! In: messages. Out: [`ThreadLine`], in order of threads; [`Traced`], in order of clients and requests.
//! Invariants: keys are unique, so that the order depends on the facts alone.

use crate::evidence::Position;
use crate::fact::CauseFact;
use crate::time::SECOND_US;

/// Order of lines: by directory and thread, or else client. Stamps of whole seconds (`ErrorLog syslog`, Apache 2.2) order
/// nothing: there the file does. Of any other instant, the line that names the client comes last: it ends the attempt.
pub(super) type ThreadKey = (u32, u64, i64, Position, bool, (u32, u16, u32), Position);

/// Order of the lines of requests: by client and request.
pub(super) type RequestKey = (u64, i64, Position, i64, Position);

/// A line of a thread.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ThreadLine {
    /// Where the error log lies: the lines of one process may be spread over rotated logs, and over those of its hosts.
    pub(super) directory: u32,
    pub(super) fact: CauseFact,
}

crate::store::stored!(
    ThreadLine, directory: u32, fact.at: i64, fact.place.position.input: u32, fact.place.position.offset: u64,
    fact.place.line: u64, fact.place.length: u32, fact.target_key: u64, fact.client: u64, fact.connection: u64,
    fact.host: u32, fact.scope: u32, fact.machine: u32, fact.referrer: u32, fact.log_id: u32,
    fact.path: u32, fact.method: u16, fact.rule: u16, fact.flags.0: u16
);

impl ThreadLine {
    /// What keeps its lines apart: the thread, or else the client.
    pub(super) fn thread(&self) -> (u32, u64) {
        let CauseFact { connection, client, .. } = self.fact;
        (self.directory, if connection == 0 { client } else { connection })
    }

    /// In order.
    pub(super) fn key(&self) -> ThreadKey {
        let CauseFact { at, client, place, scope, rule, referrer, .. } = self.fact;
        let (directory, thread) = self.thread();
        let is_whole = at % SECOND_US == 0;
        let in_file = if is_whole { place.position } else { Position::default() };
        (directory, thread, at, in_file, client != 0, (scope, rule, referrer), place.position)
    }
}

/// A line with the request that it belongs to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Traced {
    /// Client of the request; 0 for unknown.
    pub(super) client: u64,
    /// Time of the request's last line.
    pub(super) at: i64,
    /// Place of its first line.
    pub(super) first: Position,
    pub(super) fact: CauseFact,
}

crate::store::stored!(
    Traced, client: u64, at: i64, first.input: u32, first.offset: u64, fact.at: i64, fact.place.position.input: u32,
    fact.place.position.offset: u64, fact.place.line: u64, fact.place.length: u32, fact.target_key: u64,
    fact.client: u64, fact.connection: u64, fact.host: u32, fact.scope: u32, fact.machine: u32, fact.referrer: u32,
    fact.log_id: u32, fact.path: u32, fact.method: u16, fact.rule: u16, fact.flags.0: u16
);

impl Traced {
    /// In order.
    pub(super) fn key(&self) -> RequestKey {
        (self.client, self.at, self.first, self.fact.at, self.fact.place.position)
    }
}
