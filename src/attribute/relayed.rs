//! Entries of a cache whose lines do not say who answered, and the same requests in the logs of its backends.
//!
//! In: entries in order of request target, but for those of servers in front of the cache (see module `fronts`). Out: the
//! cache's entries, those marked that a log beside has as well.
//! The log that the cache itself writes of its requests to backends (`varnishncsa -b`) tells their answers as well as theirs.
//! The rule: requests of one target are paired one to one, in order of time. A backend's 503 with a body of the same size
//! is the answer that was relayed; a request that the backend saw given up (499) is one that the cache gave up on. A cache
//! may ask with GET for what it was asked for with HEAD, never the other way round.
//! Whether the logs beside are those of backends at all is judged when everything is paired: see `companions`. Only then
//! does a pair mean something, and the lack of one that the backend gave no answer.

use std::collections::BTreeMap;

use super::Verdict;
use super::companions::Companions;
use crate::fact::{EntryFact, Flags};
use crate::taxonomy::Server;
use crate::time::SECOND_US;
use crate::verdict::rule_index;

/// What a server logs for a client that gave up.
pub const CLIENT_CLOSED: u16 = 499;

/// The row of entries that other failed fetches of the same second decide.
pub(super) const BESIDE: &str = "varnish.fetch_failed_beside";

/// The row of entries whose answer an access log beside has as well.
pub(super) const FOUND: &str = "varnish.relayed_found";

/// Rows of entries whose answer a backend may have given.
const MAY_BE_RELAYED: [&str; 3] = ["varnish.other_page", "varnish.empty", "varnish.head"];

/// Rows of entries that the cache may have made itself.
const MAY_BE_OWN: [&str; 3] = ["varnish.own_page", "varnish.own_short_page", "varnish.head"];

/// A backend stamps a request at most so long after the cache, where its line has no duration.
const LATEST_US: i64 = 15 * SECOND_US;

/// Clocks differ so much, and whole seconds are rounded.
const SKEW_US: i64 = 2 * SECOND_US;

/// True for a request that its client gave up, and that nobody asked for.
pub(super) fn is_abandoned(fact: &EntryFact) -> bool {
    fact.status == CLIENT_CLOSED && fact.flags.has(Flags::KIN)
}

/// When a request of another server began, and when at the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Began {
    at: i64,
    latest_at: i64,
}

impl Began {
    pub(super) fn of(fact: &EntryFact) -> Self {
        let is_start = fact.flags.has(Flags::AT_START);
        if is_start || fact.flags.has(Flags::TIMED) {
            let lasted = if is_start { 0 } else { i64::from(fact.duration_ms) * 1000 };
            let at = fact.at - lasted;
            return Began { at, latest_at: at };
        }
        Began { at: fact.at - LATEST_US, latest_at: fact.at }
    }

    pub(super) fn is_behind(&self, at: i64) -> bool {
        self.at > at + SKEW_US
    }

    pub(super) fn may_be(&self, at: i64) -> bool {
        !self.is_behind(at) && self.latest_at >= at - SKEW_US
    }
}

/// Requests of others, in order of time.
type Queue = Vec<Began>;

/// Requests of others by what they asked with, HEAD first.
type ByMethod = [Queue; 2];

/// Where requests stand that asked as this one did.
pub(super) fn method_of(fact: &EntryFact) -> usize {
    usize::from(!fact.flags.has(Flags::HEAD))
}

/// The last that may be the request that the cache stamps `at`, taken out. Requests of the cache come from the last to
/// the first: where only the end of a request is known, the nearest one before it is rather its own.
fn take_at(queue: &mut Queue, at: i64) -> bool {
    while queue.last().is_some_and(|began| began.is_behind(at)) {
        queue.pop();
    }
    let found = queue.last().is_some_and(|began| began.may_be(at));
    if found {
        queue.pop();
    }
    found
}

/// Requests of one target.
#[derive(Debug, Default)]
pub(super) struct Hops {
    target_key: u64,
    cache: Vec<Verdict>,
    /// Answers of others, with method and the size of the body.
    answers: Vec<(Began, usize, u32)>,
    /// Requests to others that were given up.
    abandoned: ByMethod,
    /// A part of the requests of this target was judged before.
    is_cut: bool,
}

impl Hops {
    /// More requests than this are judged in parts, so that memory stays bounded. A request and its answer may then be in
    /// different parts: that one was not found says nothing there.
    const MAX_REQUESTS: usize = 65_536;

    /// True when what is held is to be judged before requests of this target come.
    pub(super) fn is_done_before(&self, target_key: u64) -> bool {
        let n_abandoned: usize = self.abandoned.iter().map(Vec::len).sum();
        let n_held = self.cache.len() + self.answers.len() + n_abandoned;
        n_held > 0 && (target_key != self.target_key || n_held >= Self::MAX_REQUESTS)
    }

    /// Takes an entry of a cache, and looks at those of others. False: the entry goes on as it is.
    pub(super) fn take(&mut self, verdict: &Verdict) -> bool {
        let fact = &verdict.entry;
        self.target_key = fact.target_key;
        let is_cache = verdict.server() == Server::Varnish;
        if is_cache && verdict.open == 1 && !verdict.is_kin() {
            self.cache.push(*verdict);
            return true;
        }
        if !is_cache && fact.status == 503 && fact.flags.has(Flags::SIZED) {
            self.answers.push((Began::of(fact), method_of(fact), fact.body_bytes));
        }
        false
    }

    /// Looks at a request that its client gave up.
    pub(super) fn note_abandoned(&mut self, fact: &EntryFact) {
        let queue = &mut self.abandoned[method_of(fact)];
        if fact.target_key != 0 && queue.len() < Self::MAX_REQUESTS {
            self.target_key = fact.target_key;
            queue.push(Began::of(fact));
        }
    }

    /// The entries of the cache, marked; counts how many of the others' were found. `next_key`: of which target requests
    /// come next.
    pub(super) fn drain(
        &mut self,
        next_key: Option<u64>,
        companions: &mut Companions,
    ) -> Vec<Verdict> {
        let held = std::mem::take(self);
        let goes_on = next_key == Some(held.target_key);
        let is_part = goes_on || held.is_cut;
        *self = Hops { target_key: held.target_key, is_cut: goes_on, ..Hops::default() };
        let (mut entries, mut answers, mut abandoned) = (held.cache, held.answers, held.abandoned);
        answers.sort_unstable();
        for queue in &mut abandoned {
            queue.sort_unstable();
        }
        entries.sort_unstable_by_key(|Verdict { entry, .. }| {
            (entry.at, entry.content(), entry.place.position)
        });
        let n_answers = answers.len() as u64;
        let mut by_size: BTreeMap<(usize, u32), Queue> = BTreeMap::new();
        for (began, method, size) in answers {
            by_size.entry((method, size)).or_default().push(began);
        }
        let mut n_found = 0;
        // Those with a body first: its size says which answer is theirs.
        for with_body in [true, false] {
            for verdict in entries.iter_mut().rev() {
                let EntryFact { at, body_bytes, flags, .. } = verdict.entry;
                if flags.has(Flags::HEAD) == with_body {
                    continue;
                }
                let row = verdict.rule().id;
                let method = method_of(&verdict.entry);
                let relayed = MAY_BE_RELAYED.contains(&row)
                    && if with_body {
                        let queue = by_size.get_mut(&(method, body_bytes));
                        queue.is_some_and(|queue| take_at(queue, at))
                    } else {
                        by_size.values_mut().any(|queue| take_at(queue, at))
                    };
                if relayed {
                    n_found += 1;
                    verdict.set_rule(rule_index("varnish.other_page_found"));
                } else if MAY_BE_OWN.contains(&row)
                    && abandoned[method..].iter_mut().any(|queue| take_at(queue, at))
                {
                    verdict.set_rule(rule_index("varnish.own_page_abandoned"));
                } else {
                    let failing = &mut companions.behind.failing;
                    match row {
                        "varnish.own_page" => failing.note_failure(at),
                        "varnish.own_short_page" => failing.note_open(at),
                        "varnish.other_page" if !is_part => failing.note_other(),
                        _ => {}
                    }
                    let flags = &mut verdict.entry.flags;
                    *flags = flags.with(Flags::TRACED, is_part);
                }
            }
        }
        companions.behind.n_found += n_found;
        // What one part lacks another may have.
        companions.behind.n_missed += if is_part { 0 } else { n_answers - n_found };
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(rule: &str, at_s: i64, size: u32, flags: Flags) -> Verdict {
        Verdict::own(EntryFact {
            at: at_s * SECOND_US,
            body_bytes: size,
            status: 503,
            target_key: 7,
            duration_ms: 1500,
            rule: rule_index(rule),
            flags: Flags(flags.0 | Flags::SIZED.0),
            ..EntryFact::default()
        })
    }

    #[test]
    fn requests_are_paired_one_to_one() {
        let mut hops = Hops::default();
        for (rule, at_s, size, flags) in [
            ("varnish.other_page", 10, 197, Flags::default()),
            ("varnish.other_page", 11, 197, Flags::default()),
            ("varnish.other_page", 12, 197, Flags::default()),
            ("varnish.other_page", 13, 14, Flags::default()),
            ("varnish.own_page", 13, 283, Flags::default()),
            ("varnish.head", 14, 0, Flags::HEAD),
            ("varnish.own_page", 60, 283, Flags::default()),
            ("varnish.own_short_page", 70, 279, Flags::default()),
        ] {
            assert!(hops.take(&entry(rule, at_s, size, flags)));
        }
        for (at_s, size) in [(10, 197), (12, 197), (13, 283), (15, 25), (90, 14)] {
            let other = entry("nginx.no_upstream_field", at_s, size, Flags::TIMED);
            assert!(!hops.take(&other));
        }
        hops.note_abandoned(&entry("nginx.other", 61, 0, Flags::TIMED).entry);
        assert!(hops.is_done_before(8) && !hops.is_done_before(7));
        let mut companions = Companions::default();
        let rows: Vec<_> =
            hops.drain(None, &mut companions).iter().map(|verdict| verdict.rule().id).collect();
        assert_eq!(
            rows,
            [
                "varnish.other_page_found",
                "varnish.other_page",
                "varnish.other_page_found",
                "varnish.other_page",
                "varnish.own_page",
                "varnish.other_page_found",
                "varnish.own_page_abandoned",
                "varnish.own_short_page",
            ]
        );
        assert_eq!((companions.behind.n_found, companions.behind.n_missed), (3, 2));
        let failing = &companions.behind.failing;
        let fails = [13, 14, 60, 70].map(|s| failing.explains(s * SECOND_US, false));
        assert_eq!(fails, [true, true, false, false]);
    }

    #[test]
    fn a_request_with_head_was_no_get_of_the_cache() {
        let mut hops = Hops::default();
        for (rule, flags) in [("varnish.own_page", Flags::default()), ("varnish.head", Flags::HEAD)]
        {
            assert!(hops.take(&entry(rule, 60, 283, flags)));
        }
        let given_up = Flags(Flags::TIMED.0 | Flags::HEAD.0);
        hops.note_abandoned(&entry("nginx.other", 61, 0, given_up).entry);
        let drained = hops.drain(None, &mut Companions::default());
        let rows: Vec<_> = drained.iter().map(|verdict| verdict.rule().id).collect();
        assert_eq!(rows, ["varnish.own_page", "varnish.own_page_abandoned"]);
    }

    #[test]
    fn of_a_target_judged_in_parts_what_was_not_found_says_nothing() {
        let mut hops = Hops::default();
        let mut companions = Companions::default();
        let page = entry("varnish.other_page", 10, 197, Flags::default());
        let mut is_traced = |hops: &mut Hops, next_key| {
            assert!(hops.take(&page));
            let drained = hops.drain(next_key, &mut companions);
            drained.iter().all(|verdict| verdict.entry.flags.has(Flags::TRACED))
        };
        assert!(is_traced(&mut hops, Some(7)));
        assert!(is_traced(&mut hops, Some(8)));
        assert!(!is_traced(&mut hops, Some(8)));
    }
}
