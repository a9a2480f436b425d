//! Error lines of one thread -> the lines of each request.
//!
//! In: the messages of one process and thread, or of one client where no thread is known, in order of time, each as a
//! [`Line`]. Out: [`Request`]s: the lines that one request wrote. The rule, for servers whose messages do not name their request but whose threads serve one request
//! at a time:
//!
//! 1. An attempt ends with the line that names the client. Lines without a client belong to the next such line of the
//!    thread, if that follows at once: the server writes both before it does anything else.
//! 2. Attempts of one client that follow each other at once are one request that went from backend to backend. An
//!    attempt that waited for its backend may take long, so that the next one may come later. A backend that was tried
//!    already begins a new request, unless it is tried again in the same moment; so does another referrer in the same
//!    message, and a line that is always the last of its request ends it. Where stamps are whole seconds, attempts that
//!    name no client are of one moment if their lines follow each other in the file.
//! 3. Lines without a client that nothing follows belong to the request they follow at once, else they are a request of
//!    their own, of an unknown client.
//!
//! Source: Apache httpd 2.4 `mod_proxy.c` (`proxy_handler`: the loop over the members of a balancer), `proxy_util.c`
//! (AH00957, AH00959, AH00940 are written without request), `mod_proxy_http.c` (AH01114 follows in the same call).

use crate::fact::CauseFact;
use crate::time::SECOND_US;

/// Lines that are written in one go are no further apart.
const AT_ONCE_US: i64 = SECOND_US / 10;

/// A backend that was tried already is tried again within this time, if at all: `forcerecovery` does so where every member
/// is in error state. No client can have had its answer and sent the next request by then.
const RETRY_US: i64 = SECOND_US / 1000;

/// The longest that an attempt waits for its backend by default: `ProxyTimeout`.
const WAIT_US: i64 = 60 * SECOND_US;

/// More lines than this are not one request.
const MAX_LINES: usize = 64;

/// What is known of a message.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// The message.
    pub fact: CauseFact,
    /// It is always the last one of its request.
    pub is_final: bool,
    /// It is written after a wait for a backend.
    pub waited: bool,
    /// It names a backend that was tried.
    pub names_peer: bool,
}

/// The lines of one request, in order of time.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Hash of the client; 0 when no line names one.
    pub client: u64,
    /// The lines.
    pub lines: Vec<CauseFact>,
    peers: Vec<u32>,
    is_closed: bool,
    first_at: i64,
    last_at: i64,
}

impl Request {
    fn push(&mut self, line: &Line) {
        if self.lines.is_empty() {
            self.first_at = line.fact.at;
        }
        self.last_at = line.fact.at;
        if self.client == 0 {
            self.client = line.fact.client;
        }
        if line.names_peer && line.fact.scope != 0 {
            self.peers.push(line.fact.scope);
        }
        self.is_closed |= line.is_final;
        self.lines.push(line.fact);
    }

    fn append(&mut self, other: Request) {
        self.last_at = other.last_at;
        self.is_closed |= other.is_closed;
        self.peers.extend(other.peers);
        self.lines.extend(other.lines);
    }

    /// True when the same message names another referrer: it does so of each attempt of a request.
    fn is_from_elsewhere(&self, next: &Request) -> bool {
        let named = |request: &Request| {
            let last = request.lines.iter().rfind(|fact| fact.client != 0);
            last.map(|fact| (fact.rule, fact.referrer))
        };
        matches!((named(self), named(next)), (Some(one), Some(other)) if one.0 == other.0 && one.1 != other.1)
    }

    /// True when `next` may have been written in the same go. Stamps of whole seconds do not tell: without a client, the
    /// file does.
    fn is_of_one_moment(&self, next: &Request) -> bool {
        let (Some(last), Some(first)) = (self.lines.last(), next.lines.first()) else {
            return false;
        };
        if self.client == 0 && is_whole(last.at) && is_whole(first.at) {
            return follows_in_file(last, first);
        }
        next.first_at - self.last_at <= RETRY_US
    }

    /// True when a line says again what this attempt has said already.
    fn is_repeated_by(&self, line: &Line) -> bool {
        let is_same =
            |fact: &CauseFact| fact.rule == line.fact.rule && fact.scope == line.fact.scope;
        let follows = self.lines.last().is_some_and(|last| follows_in_file(last, &line.fact));
        line.names_peer && is_whole(line.fact.at) && !follows && self.lines.iter().any(is_same)
    }

    /// True when `next` may be a further attempt of this request.
    fn goes_on_with(&self, next: &Request, waited: bool) -> bool {
        let wait_us = if waited { WAIT_US } else { AT_ONCE_US };
        !self.is_closed
            && (next.client == 0 || next.client == self.client)
            && !self.is_from_elsewhere(next)
            && next.first_at - self.last_at <= wait_us
            && (self.is_of_one_moment(next)
                || !next.peers.iter().any(|peer| self.peers.contains(peer)))
            && self.lines.len() + next.lines.len() <= MAX_LINES
    }
}

/// Gathers the lines of one thread.
#[derive(Debug, Default)]
pub struct Thread {
    /// The request so far.
    request: Option<Request>,
    /// Lines without a client that wait for the next line with one.
    attempt: Request,
    waited: bool,
}

impl Thread {
    /// Takes the next line of the thread; returns a request that is known to be over.
    pub fn push(&mut self, line: &Line) -> Vec<Request> {
        let mut done = Vec::new();
        let follows = line.fact.at - self.attempt.last_at <= AT_ONCE_US;
        let is_over = !follows || self.attempt.lines.len() >= MAX_LINES;
        if !self.attempt.lines.is_empty() && (is_over || self.attempt.is_repeated_by(line)) {
            self.end_attempt(&mut done);
        }
        self.attempt.push(line);
        self.waited |= line.waited;
        if line.fact.client != 0 {
            self.end_attempt(&mut done);
        }
        done
    }

    /// The requests that are left at the end of the thread's lines.
    pub fn finish(&mut self) -> Vec<Request> {
        let mut done = Vec::new();
        self.end_attempt(&mut done);
        done.extend(self.request.take());
        done
    }

    fn end_attempt(&mut self, done: &mut Vec<Request>) {
        let attempt = std::mem::take(&mut self.attempt);
        let waited = std::mem::take(&mut self.waited);
        if attempt.lines.is_empty() {
            return;
        }
        match &mut self.request {
            Some(request) if request.goes_on_with(&attempt, waited) => request.append(attempt),
            request => done.extend(request.replace(attempt)),
        }
    }
}

fn is_whole(at: i64) -> bool {
    at % SECOND_US == 0
}

/// True when a line stands right behind another one.
fn follows_in_file(line: &CauseFact, next: &CauseFact) -> bool {
    let (at, next_at) = (line.place.position, next.place.position);
    let end = at.offset + u64::from(line.place.length) + "\r\n".len() as u64;
    at.input == next_at.input && at.offset <= next_at.offset && next_at.offset <= end
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Milliseconds, client, peer, and whether it ends the request.
    type Row = (i64, u64, u32, bool);

    #[track_caller]
    fn check(rows: &[Row], expected: &[(u64, usize)]) {
        let mut thread = Thread::default();
        let mut requests = Vec::new();
        for (ms, client, scope, is_final) in rows {
            let fact =
                CauseFact { at: ms * 1000, client: *client, scope: *scope, ..CauseFact::default() };
            let waited = *scope > 100;
            let line = Line { fact, is_final: *is_final, waited, names_peer: *scope != 0 };
            requests.extend(thread.push(&line));
        }
        requests.extend(thread.finish());
        let got: Vec<_> =
            requests.iter().map(|request| (request.client, request.lines.len())).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn a_line_without_client_belongs_to_the_next_with_one() {
        check(&[(0, 0, 1, false), (0, 7, 0, false)], &[(7, 2)]);
        check(&[(0, 0, 1, false), (900, 7, 0, false)], &[(0, 1), (7, 1)]);
    }

    #[test]
    fn a_request_may_go_from_backend_to_backend() {
        check(&[(0, 0, 1, false), (0, 7, 0, false), (1, 0, 2, false), (1, 7, 0, false)], &[(7, 4)]);
        check(
            &[(0, 0, 1, false), (0, 7, 0, false), (9, 0, 1, false), (9, 7, 0, false)],
            &[(7, 2), (7, 2)],
        );
        check(
            &[(0, 0, 1, false), (0, 7, 0, false), (1, 0, 2, false), (1, 8, 0, false)],
            &[(7, 2), (8, 2)],
        );
        // The second backend was waited for.
        check(
            &[(0, 0, 1, false), (0, 7, 0, false), (5000, 0, 102, false), (5000, 7, 0, false)],
            &[(7, 4)],
        );
    }

    #[test]
    fn requests_of_one_moment_have_referrers_of_their_own() {
        let requests = |referrers: [u32; 2]| {
            let mut thread = Thread::default();
            let lines = referrers.map(|referrer| {
                let fact = CauseFact { at: 5, client: 7, referrer, ..CauseFact::default() };
                Line { fact, is_final: false, waited: false, names_peer: false }
            });
            let done: usize = lines.iter().map(|line| thread.push(line).len()).sum();
            done + thread.finish().len()
        };
        assert_eq!([requests([3, 3]), requests([0, 0]), requests([0, 3])], [1, 1, 2]);
    }

    #[test]
    fn a_last_line_ends_the_request() {
        check(&[(0, 7, 0, true), (0, 7, 0, true)], &[(7, 1), (7, 1)]);
        check(&[(0, 7, 1, false), (0, 7, 0, true), (1, 7, 2, false)], &[(7, 2), (7, 1)]);
    }

    #[test]
    fn a_line_that_nothing_follows_belongs_to_what_it_follows() {
        check(&[(0, 0, 1, false), (0, 7, 0, false), (1, 0, 2, false)], &[(7, 3)]);
        check(&[(0, 0, 1, false), (500, 0, 1, false)], &[(0, 1), (0, 1)]);
    }

    #[test]
    fn whole_seconds_leave_it_to_the_file() {
        let requests = |rows: &[(u64, u32)]| {
            let mut thread = Thread::default();
            let mut done = 0;
            for (offset, scope) in rows {
                let mut fact =
                    CauseFact { at: 5 * SECOND_US, scope: *scope, ..CauseFact::default() };
                (fact.place.position.offset, fact.place.length) = (*offset, 100);
                let line = Line { fact, is_final: false, waited: false, names_peer: true };
                done += thread.push(&line).len();
            }
            done + thread.finish().len()
        };
        assert_eq!(requests(&[(0, 1), (101, 1)]), 1);
        assert_eq!(requests(&[(0, 1), (303, 1), (808, 1)]), 3);
        assert_eq!(requests(&[(0, 1), (303, 2)]), 1);
    }
}
