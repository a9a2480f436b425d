//! What was delivered twice: the same message in two inputs (a log file and the journal, a sidecar and the node), the
//! same access line twice from a service that delivers at least once.
//!
//! In: the messages, or the entries, of one client and request, times resolved. Out: each once.
//! Invariants: only messages that name their connection are compared, and only across inputs: what one input says twice
//! happened twice. Of each message the input with most copies is kept, of equals the first; so order changes nothing.
//! Of entries only those are compared whose id the service made: the copy with the smallest position is kept.

use super::Verdict;
use super::verdict::server_of;
use crate::evidence::InputIndex;
use crate::fact::{CauseFact, Flags};
use crate::taxonomy::Server;
use crate::time::SECOND_US;

/// Drops entries that were delivered again, but for the first copy. Calls `each` with the input of every other copy of an
/// entry that counts. What stays is in order of time.
pub(super) fn drop_redelivered(entries: &mut Vec<Verdict>, mut each: impl FnMut(InputIndex)) {
    if entries.len() < 2
        || !entries.iter().any(|verdict| verdict.entry.flags.has(Flags::REDELIVERED))
    {
        return;
    }
    entries.sort_unstable_by_key(|verdict| (named(verdict), verdict.entry.place.position));
    entries.dedup_by(|later, earlier| {
        let is_copy = later.entry.flags.has(Flags::REDELIVERED) && named(later) == named(earlier);
        if is_copy && !later.is_kin() {
            each(later.entry.place.position.input);
        }
        is_copy
    });
    entries.sort_unstable_by_key(|verdict| (verdict.entry.at, verdict.entry.place.position));
}

/// What makes an access line the same one: whether it may come twice at all, id, status, and for Envoy the instant and
/// the input as well: it passes an id on, so that retries and the next proxy have it too.
fn named(verdict: &Verdict) -> (bool, u64, u16, Option<(i64, InputIndex)>) {
    let entry = &verdict.entry;
    let is_envoys = server_of(verdict.entry.rule) == Server::Envoy;
    let when = is_envoys.then_some((entry.at, entry.place.position.input));
    (!entry.flags.has(Flags::REDELIVERED), entry.id, entry.status, when)
}

/// What makes a message the same one: second, connection, rule, host, what it is about, and method.
type Identity = (i64, u64, u16, (u32, u32, u16));

fn identity(fact: &CauseFact) -> Identity {
    let names = (fact.host, fact.scope, fact.method);
    (fact.at.div_euclid(SECOND_US), fact.connection, fact.rule, names)
}

/// Drops copies that other inputs hold. The order of what stays is kept.
pub(super) fn drop_copies(causes: &mut Vec<CauseFact>) {
    let Some(first) = causes.first().map(|fact| fact.place.position.input) else { return };
    if causes.iter().all(|fact| fact.place.position.input == first) {
        return;
    }
    let mut told: Vec<(Identity, u32)> = causes
        .iter()
        .filter(|fact| fact.connection != 0)
        .map(|fact| (identity(fact), fact.place.position.input))
        .collect();
    told.sort_unstable();
    let mut kept: Vec<(Identity, u32)> = Vec::new();
    for same in told.chunk_by(|a, b| a.0 == b.0) {
        let mut best = (0, same[0].1);
        for of_input in same.chunk_by(|a, b| a.1 == b.1) {
            if of_input.len() > best.0 {
                best = (of_input.len(), of_input[0].1);
            }
        }
        kept.push((same[0].0, best.1));
    }
    causes.retain(|fact| {
        let known = kept.binary_search_by_key(&identity(fact), |(identity, _)| *identity);
        known.is_ok_and(|index| kept[index].1 == fact.place.position.input) || fact.connection == 0
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Place, Position};
    use crate::fact::EntryFact;

    #[test]
    fn an_entry_that_comes_twice_counts_once() {
        let verdict = |offset, id, flags| {
            Verdict::own(EntryFact {
                at: 9 - offset as i64,
                id,
                status: 503,
                flags,
                place: Place { position: Position { input: 3, offset }, ..Place::default() },
                ..EntryFact::default()
            })
        };
        let check = |rows: &[(u64, u64, Flags)], expected: &[u64], n_dropped: usize| {
            let mut entries: Vec<_> =
                rows.iter().map(|(offset, id, flags)| verdict(*offset, *id, *flags)).collect();
            let mut dropped = Vec::new();
            drop_redelivered(&mut entries, |input| dropped.push(input));
            let left: Vec<_> =
                entries.iter().map(|verdict| verdict.entry.place.position.offset).collect();
            assert_eq!((&left[..], dropped.len()), (expected, n_dropped));
        };
        let again = Flags::REDELIVERED;
        check(&[(5, 7, again), (1, 7, again), (3, 8, again)], &[3, 1], 1);
        check(&[(5, 7, again), (1, 7, again), (2, 7, again)], &[1], 2);
        // An id that clients may choose is none to count by.
        check(&[(1, 7, Flags::default()), (2, 7, Flags::default())], &[1, 2], 0);
        let kin = again.with(Flags::KIN, true);
        check(&[(1, 7, kin), (2, 7, kin)], &[1], 0);
    }

    #[test]
    fn a_message_of_two_inputs_counts_once_and_one_said_twice_counts_twice() {
        let fact = |input, offset, connection| CauseFact {
            at: 5 * SECOND_US + i64::from(input),
            connection,
            place: Place { position: Position { input, offset }, ..Place::default() },
            ..CauseFact::default()
        };
        let check = |facts: &[(u32, u64, u64)], expected: &[(u32, u64)]| {
            let mut causes: Vec<_> = facts.iter().map(|row| fact(row.0, row.1, row.2)).collect();
            drop_copies(&mut causes);
            let left: Vec<_> = causes.iter().map(|fact| fact.place.position).collect();
            let left: Vec<_> = left.iter().map(|place| (place.input, place.offset)).collect();
            assert_eq!(left, expected);
        };
        check(&[(0, 1, 7), (1, 1, 7)], &[(0, 1)]);
        check(&[(0, 1, 7), (1, 1, 7), (1, 2, 7)], &[(1, 1), (1, 2)]);
        check(&[(0, 1, 7), (0, 2, 7)], &[(0, 1), (0, 2)]);
        check(&[(0, 1, 0), (1, 1, 0)], &[(0, 1), (1, 1)]);
        check(&[(0, 1, 7), (1, 1, 8)], &[(0, 1), (1, 1)]);
    }
}
