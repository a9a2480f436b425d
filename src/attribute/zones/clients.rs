//! The offset of an error log whose lines name a client but no request, as Apache's do.
//!
//! In: messages without zone, entries with one. Out: per input, the offset at which its messages fall on entries of their
//! clients.
//! The rule: of the offsets of zones, the one at which most messages stand within the seconds after an entry of the same
//! client; it must hold for three messages in five, and for twice as many as any other.
//! Invariants: a second of a client counts once, however many lines it has; entries are those of the nearest directories
//! with access logs; memory is bounded.

use std::collections::{BTreeMap, HashMap};

use super::{MAX_OFFSET_S, MAX_SERVED_S, MIN_PAIRS, NEAR_S, nearest_quarter};
use crate::attribute::places::{Heard, Places};
use crate::error::Result;
use crate::evidence::InputIndex;
use crate::fact::{CauseFact, EntryFact, Flags};
use crate::scan::{JoinKey, ScannedInput};
use crate::store::Sorted;
use crate::time::SECOND_US;

/// More seconds of one log are not looked at, nor more entries of one client.
const MAX_MESSAGES: usize = 1 << 14;
const MAX_ENTRIES: usize = 1 << 10;

/// Seconds in which a log has messages about a client.
type Seconds = BTreeMap<u64, Vec<i64>>;

/// The offset of every input that shows one, and how many messages speak for it.
pub(super) fn offsets(
    inputs: &[ScannedInput],
    entries: &Sorted<EntryFact, JoinKey>,
    causes: &Sorted<CauseFact, JoinKey>,
) -> Result<HashMap<InputIndex, (i32, u64)>> {
    let mut messages: BTreeMap<InputIndex, (usize, Seconds)> = BTreeMap::new();
    for cause in causes.rows() {
        let cause = cause?;
        let is_local = cause.flags.has(Flags::ZONELESS) && !cause.flags.has(Flags::TIMELESS);
        if cause.target_key != 0 || cause.client == 0 || !is_local {
            continue;
        }
        let (n, seconds) = messages.entry(cause.place.position.input).or_default();
        let of_client = seconds.entry(cause.client).or_default();
        let second = cause.at.div_euclid(SECOND_US);
        if *n < MAX_MESSAGES && !of_client.contains(&second) {
            of_client.push(second);
            *n += 1;
        }
    }
    if messages.is_empty() {
        return Ok(HashMap::new());
    }
    let places = Places::of(inputs);
    let heard: BTreeMap<InputIndex, Heard> =
        messages.keys().map(|input| (*input, places.heard(*input))).collect();
    let mut served: BTreeMap<InputIndex, BTreeMap<u64, Vec<i64>>> = BTreeMap::new();
    for entry in entries.rows() {
        let entry = entry?;
        if entry.flags.has(Flags::ZONELESS) {
            continue;
        }
        for (input, (_, seconds)) in &messages {
            let is_of_it = seconds.contains_key(&entry.client)
                && places.hears(&heard[input], entry.place.position.input);
            if is_of_it {
                let times = served.entry(*input).or_default().entry(entry.client).or_default();
                if times.len() < MAX_ENTRIES {
                    times.push(entry.at.div_euclid(SECOND_US));
                }
            }
        }
    }
    let none = BTreeMap::new();
    let found = messages.iter().filter_map(|(input, (_, seconds))| {
        Some((*input, agreed(seconds, served.get(input).unwrap_or(&none))?))
    });
    Ok(found.collect())
}

/// The offset that most messages agree on.
fn agreed(messages: &Seconds, served: &BTreeMap<u64, Vec<i64>>) -> Option<(i32, u64)> {
    let mut votes: BTreeMap<i64, u64> = BTreeMap::new();
    let mut total = 0;
    for (client, seconds) in messages {
        let Some(entries) = served.get(client) else { continue };
        for second in seconds {
            let differences = entries.iter().map(|entry| second - entry);
            let mut near: Vec<i64> =
                differences.filter(|difference| difference.abs() <= MAX_OFFSET_S).collect();
            total += u64::from(!near.is_empty());
            // A line is written while its request is served.
            near.retain(|difference| {
                (-NEAR_S..=MAX_SERVED_S).contains(&(difference - nearest_quarter(*difference)))
            });
            let mut quarters: Vec<i64> = near.into_iter().map(nearest_quarter).collect();
            quarters.sort_unstable();
            quarters.dedup();
            for quarter in quarters {
                *votes.entry(quarter).or_default() += 1;
            }
        }
    }
    let (offset_s, n) = votes.iter().max_by_key(|(offset_s, n)| (**n, **offset_s))?;
    let is_rival = |(other, n_others): (&i64, &u64)| other != offset_s && n_others * 2 > *n;
    let is_agreed = *n >= MIN_PAIRS && n * 5 >= total * 3 && !votes.iter().any(is_rival);
    is_agreed.then_some((*offset_s as i32, *n))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages of one client each, and when its requests were served.
    #[track_caller]
    fn check(rows: &[(i64, &[i64])], expected: Option<(i32, u64)>) {
        let clients = || (1..).zip(rows);
        let messages = clients().map(|(client, (at, _))| (client, vec![*at])).collect();
        let served = clients().map(|(client, (_, entries))| (client, entries.to_vec())).collect();
        assert_eq!(agreed(&messages, &served), expected, "{rows:?}");
    }

    #[test]
    fn messages_fall_on_the_entries_of_their_clients() {
        let at = |start: i64, entries: &'static [i64]| (start + 7200, entries);
        let rows = [at(10, &[10]), at(20, &[19]), at(30, &[30, 77]), at(44, &[40]), at(50, &[50])];
        check(&rows, Some((7200, 5)));
        check(&rows[..4], None);
        // Clients that come back every hour show no zone.
        let hourly: &[i64] = &[0, 3600, 7200, 10800];
        check(&[(7200, hourly); 9], None);
        // Messages about requests that are not there.
        check(&[(7200, &[100]), (7230, &[500]), (7260, &[60]), (7290, &[33]), (7320, &[1])], None);
    }
}
