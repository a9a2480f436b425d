//! The same message in two inputs: a log file and the journal, a sidecar and the node.
//!
//! In: the messages of one client and request, times resolved. Out: each message once.
//! Invariants: only messages that name their connection are compared, and only across inputs: what one input says twice
//! happened twice. Of each message the input with most copies is kept, of equals the first; so order changes nothing.

use crate::fact::CauseFact;
use crate::time::SECOND_US;

/// What makes a message the same one: second, connection, rule, host and what it is about.
type Identity = (i64, u64, u16, u32, u32);

fn identity(fact: &CauseFact) -> Identity {
    (fact.at.div_euclid(SECOND_US), fact.connection, fact.rule, fact.host, fact.scope)
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
