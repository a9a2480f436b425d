//! Which access logs beside those of a cache are of servers in front of it.
//!
//! In: the store of entries, and the inputs. Out: the inputs whose server is in front of the cache, or may be: what they
//! have of a request is the cache's own answer, and says nothing of where that came from.
//! The rule: 503s that stand in the log of the cache and in another are paired as in [`relayed`](super::relayed). Then
//!
//! 1. a log is behind where its server made what the cache has as well, where its `X-Forwarded-For` ends in the client of
//!    the cache, which appends it, or where its requests take less time. It is in front where it has what the cache made,
//!    where it is the other way round with the addresses, or where its requests take more time. Nine in ten of these votes
//!    must be for behind;
//! 2. where nothing of that is known, a log is in front where the cache has one client for all that are paired, and the log
//!    has several; it is behind where that is the other way round. Else it is behind if it lacks requests of the cache: what
//!    is in front sees all of them.
//!
//! Invariants: names can put the pieces of a log together, never decide; a log without any pair stays as it is.

use std::collections::{BTreeMap, BTreeSet};

use super::companions::Companions;
use super::layers::name_of;
use super::peek_key;
use super::relayed::{Began, method_of};
use super::verdict::{Verdict, server_of};
use super::zones::Zones;
use crate::error::Result;
use crate::evidence::InputIndex;
use crate::fact::{EntryFact, Flags, shortened};
use crate::scan::{JoinKey, ScannedInput};
use crate::store::Sorted;
use crate::taxonomy::{Origin, Server};
use crate::verdict::{Contact, RULES, rule_index};

/// Entries of one target that are looked at.
const MAX_OF_TARGET: usize = 4096;

/// Durations closer than this are the same, milliseconds.
const SAME_MS: u32 = 1;

/// What is known of one log beside those of the cache.
#[derive(Debug, Clone, Copy, Default)]
struct Log {
    n_pairs: u64,
    /// Votes for the log to be behind the cache, and in front of it.
    n_behind: u64,
    n_front: u64,
    /// Clients of the pairs, in the log of the cache and in this one.
    of_cache: Clients,
    own: Clients,
}

/// Whether there is more than one client.
#[derive(Debug, Clone, Copy, Default)]
struct Clients {
    first: Option<u64>,
    is_varied: bool,
}

impl Clients {
    fn note(&mut self, client: u64) {
        self.is_varied |= *self.first.get_or_insert(client) != client;
    }
}

impl Log {
    fn note(&mut self, of_cache: &EntryFact, own: &EntryFact) {
        self.n_pairs += 1;
        self.of_cache.note(of_cache.client);
        self.own.note(own.client);
        let names = |forwarded: u32, client: u64| {
            of_cache.client != own.client && forwarded != 0 && forwarded == shortened(client)
        };
        let (both_timed, apart_ms) = (
            of_cache.flags.has(Flags::TIMED) && own.flags.has(Flags::TIMED),
            of_cache.duration_ms.abs_diff(own.duration_ms),
        );
        let is_longer = |one: &EntryFact, other: &EntryFact| {
            both_timed && apart_ms > SAME_MS && one.duration_ms > other.duration_ms
        };
        self.n_behind += u64::from(made_it(own) && !made_it(of_cache))
            + u64::from(names(own.forwarded, of_cache.client))
            + u64::from(is_longer(of_cache, own));
        self.n_front += u64::from(made_it(of_cache) && !made_it(own))
            + u64::from(names(of_cache.forwarded, own.client))
            + u64::from(is_longer(own, of_cache));
    }

    /// `lacks_some`: requests of the cache are not in this log.
    fn may_be_in_front(&self, lacks_some: bool) -> bool {
        if self.n_behind + self.n_front > 0 {
            return self.n_behind < self.n_front * 9 || self.n_behind == 0;
        }
        match (self.of_cache.is_varied, self.own.is_varied) {
            (false, true) => true,
            (true, false) => false,
            _ => !lacks_some,
        }
    }
}

/// True when the server of this entry made the response, by what its own line says.
fn made_it(entry: &EntryFact) -> bool {
    let verdict = Verdict::own(*entry);
    let row = verdict.rule();
    let is_own = matches!(verdict.origin(), Origin::LocalProcess | Origin::Proxy);
    // Without a contact there was no backend whose answer it could be.
    let if_silent = row.when_silent.and_then(|id| RULES.get(usize::from(rule_index(id))));
    let is_alone = if_silent.is_some_and(|row| row.contact == Contact::None);
    is_alone || row.contact == Contact::None || row.id == "varnish.own_page" || is_own
}

/// What stands beside the log of a cache.
#[derive(Debug, Clone, Default)]
pub(super) struct Beside {
    /// Inputs whose entries say nothing of where the answers of the cache came from.
    pub(super) fronts: BTreeSet<InputIndex>,
    /// Requests in the log that has most of them, of those that may be behind the cache.
    pub(super) n_most_requests: u64,
}

/// Looks at the logs beside that of a cache.
pub(super) fn beside_cache(
    inputs: &[ScannedInput],
    entries: &Sorted<EntryFact, JoinKey>,
    companions: &Companions,
    zones: &Zones,
) -> Result<Beside> {
    let mut index = BTreeMap::new();
    let log_of: Vec<usize> = inputs
        .iter()
        .map(|input| {
            let fresh = index.len();
            *index.entry(name_of(&input.path)).or_insert(fresh)
        })
        .collect();
    let mut logs = vec![Log::default(); index.len()];
    let mut n_of_cache = 0u64;
    let mut rows = entries.rows().peekable();
    while let Some(target) = peek_key(&mut rows, |fact: &EntryFact| fact.target_key)? {
        let mut of_cache: Vec<EntryFact> = Vec::new();
        let mut others: Vec<EntryFact> = Vec::new();
        while let Some(row) =
            rows.next_if(|row| row.as_ref().is_ok_and(|fact| fact.target_key == target))
        {
            let mut fact = row?;
            let is_one = fact.status == 503
                && (fact.flags.has(Flags::SIZED) || fact.flags.has(Flags::SIZED_WITH_HEADERS))
                && !fact.flags.has(Flags::HEAD)
                && !fact.flags.has(Flags::KIN);
            let is_cache = server_of(fact.rule) == Server::Varnish;
            let held = if is_cache { &mut of_cache } else { &mut others };
            if target != 0 && is_one && held.len() < MAX_OF_TARGET {
                zones.resolve_entry(&mut fact);
                held.push(fact);
            }
        }
        n_of_cache += of_cache.len() as u64;
        each_pair(of_cache, others, &mut |of_cache, own| {
            if let Some(log) = log_of.get(own.place.position.input as usize) {
                logs[*log].note(of_cache, own);
            }
        });
    }
    let mut n_requests = vec![0u64; logs.len()];
    for (input, n) in companions.behind.n_requests_of_others() {
        if let Some(log) = log_of.get(input as usize) {
            n_requests[*log] += n;
        }
    }
    let n_requests_of_caches: u64 = companions.behind.n_requests_of_caches().map(|row| row.1).sum();
    let is_in_front = |log: usize| {
        let row = &logs[log];
        let lacks_some =
            row.n_pairs * 10 < n_of_cache * 9 || n_requests[log] < n_requests_of_caches;
        row.n_pairs > 0 && row.may_be_in_front(lacks_some)
    };
    let all = (0..inputs.len() as InputIndex).zip(&log_of);
    let fronts = all.filter(|(_, log)| is_in_front(**log)).map(|(input, _)| input).collect();
    let may_be_behind = (0..n_requests.len()).filter(|log| !is_in_front(*log));
    let n_most_requests = may_be_behind.map(|log| n_requests[log]).max().unwrap_or(0);
    Ok(Beside { fronts, n_most_requests })
}

/// Calls `each` with the entries of one target that are of one request, that of the cache first: of the same method and
/// size, one to one from the last to the first, in each other input by itself.
fn each_pair(
    mut of_cache: Vec<EntryFact>,
    others: Vec<EntryFact>,
    each: &mut dyn FnMut(&EntryFact, &EntryFact),
) {
    if of_cache.is_empty() || others.is_empty() {
        return;
    }
    // Where headers are counted, sizes do not tell.
    let page_of = |fact: &EntryFact| {
        (method_of(fact), fact.flags.has(Flags::SIZED).then_some(fact.body_bytes))
    };
    let mut queues: BTreeMap<_, BTreeMap<InputIndex, Vec<(Began, EntryFact)>>> = BTreeMap::new();
    for fact in others {
        let of_page = queues.entry(page_of(&fact)).or_default();
        of_page.entry(fact.place.position.input).or_default().push((Began::of(&fact), fact));
    }
    for queue in queues.values_mut().flat_map(BTreeMap::values_mut) {
        queue.sort_unstable_by_key(|(began, fact)| (*began, fact.place.position));
    }
    of_cache.sort_unstable_by_key(|fact| (fact.at, fact.place.position));
    for fact in of_cache.iter().rev() {
        let unsized_page = (method_of(fact), None);
        let other = Some(unsized_page).filter(|page| *page != page_of(fact));
        for page in [Some(page_of(fact)), other].into_iter().flatten() {
            for queue in queues.get_mut(&page).into_iter().flat_map(BTreeMap::values_mut) {
                while queue.last().is_some_and(|(began, _)| began.is_behind(fact.at)) {
                    queue.pop();
                }
                if let Some((_, other)) = queue.pop_if(|(began, _)| began.may_be(fact.at)) {
                    each(fact, &other);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SECOND_US;

    fn entry(rule: &str, client: u64) -> EntryFact {
        let rule = rule_index(rule);
        EntryFact { rule, client, status: 503, flags: Flags::SIZED, ..EntryFact::default() }
    }

    /// Five pairs, with clients that vary if they are to; whether the log may be in front.
    #[track_caller]
    fn check(
        (of_cache, cache_varies): (EntryFact, bool),
        (own, own_varies): (EntryFact, bool),
        lacks_some: bool,
        expected: bool,
    ) {
        let mut beside = Log::default();
        for n in 0..5 {
            let client = |fact: EntryFact, varies| EntryFact {
                client: fact.client + u64::from(varies) * n,
                ..fact
            };
            beside.note(&client(of_cache, cache_varies), &client(own, own_varies));
        }
        assert_eq!(beside.may_be_in_front(lacks_some), expected);
    }

    #[test]
    fn what_either_made_tells_which_is_in_front() {
        let (page, other) = (entry("varnish.own_page", 1), entry("varnish.other_page", 1));
        let plain = entry("nginx.no_upstream_field", 1);
        check((page, true), (plain, true), true, true);
        check((entry("varnish.synth", 1), true), (plain, true), true, true);
        check((other, false), (entry("nginx.no_upstream_contact", 1), true), false, false);
        // Both say that they did: neither is believed.
        check((page, true), (entry("nginx.no_upstream_contact", 1), true), false, true);
    }

    #[test]
    fn addresses_and_durations_tell_it_as_well() {
        let plain = entry("nginx.no_upstream_field", 900);
        let other = entry("varnish.other_page", 1);
        let forwarded =
            |fact: EntryFact, client| EntryFact { forwarded: shortened(client), ..fact };
        check((other, false), (forwarded(plain, 1), true), false, false);
        check((forwarded(other, 900), true), (plain, false), true, true);
        let lasted = |fact: EntryFact, duration_ms| EntryFact {
            duration_ms,
            flags: Flags(fact.flags.0 | Flags::TIMED.0),
            ..fact
        };
        check((lasted(other, 90), false), (lasted(plain, 80), true), false, false);
        check((lasted(other, 80), true), (lasted(plain, 90), false), true, true);
    }

    #[test]
    fn without_votes_one_client_for_all_is_a_proxy() {
        let (other, plain) =
            (entry("varnish.other_page", 1), entry("nginx.upstream_status_503", 900));
        check((other, false), (plain, true), true, true);
        check((other, true), (plain, false), false, false);
        // Where that does not tell, what is in front has all requests.
        check((other, true), (plain, true), true, false);
        check((other, true), (plain, true), false, true);
    }

    #[test]
    fn requests_are_paired_by_page_and_time() {
        let at = |second: i64, body_bytes, input| {
            let mut fact = EntryFact {
                at: second * SECOND_US,
                body_bytes,
                ..entry("nginx.no_upstream_field", 1)
            };
            fact.flags = fact.flags.with(Flags::TIMED, true);
            fact.place.position.input = input;
            fact
        };
        let of_cache = vec![at(10, 7, 0), at(50, 7, 0), at(50, 8, 0)];
        let others = vec![at(10, 7, 1), at(11, 7, 2), at(50, 7, 1), at(90, 8, 1)];
        let mut pairs = Vec::new();
        each_pair(of_cache, others, &mut |one, other| {
            pairs.push((one.at / SECOND_US, other.at / SECOND_US, other.place.position.input));
        });
        assert_eq!(pairs, [(50, 50, 1), (10, 10, 1), (10, 11, 2)]);
        // A size with headers is that of no page.
        let mut with_headers = at(10, 90, 3);
        with_headers.flags = Flags::SIZED_WITH_HEADERS.with(Flags::TIMED, true);
        let mut n_pairs = 0;
        each_pair(vec![at(10, 7, 0)], vec![with_headers], &mut |_, _| n_pairs += 1);
        assert_eq!(n_pairs, 1);
    }
}
