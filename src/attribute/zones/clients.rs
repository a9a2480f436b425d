//! The offset of an error log whose lines name a client but no request, as Apache's do.
//!
//! In: messages without zone, entries with one. Out: per input, the offset at which its messages fall on entries of their
//! clients.
//! The rule: of the offsets of zones, the one at which most messages stand within the seconds after an entry of the same
//! client; it must hold for three messages in five, and for twice as many as any other.
//! Invariants: a second of a client counts once, however many lines it has; entries are those of the nearest directories
//! with access logs; what is kept is bounded over all inputs by [`MAX_MESSAGES`] and [`MAX_TIMES`]; what is left out depends
//! on clients, targets and times, not on the order of the inputs.

use std::collections::{BTreeMap, HashMap};

use super::{MAX_OFFSET_S, MAX_SERVED_S, MIN_PAIRS, NEAR_S, nearest_quarter};
use crate::attribute::places::{Heard, Places};
use crate::error::Result;
use crate::evidence::InputIndex;
use crate::fact::{CauseFact, EntryFact, Flags};
use crate::scan::{JoinKey, ScannedInput};
use crate::store::Sorted;
use crate::time::SECOND_US;

/// No more messages are looked at, over all logs; each log has an equal share of them.
const MAX_MESSAGES: usize = 1 << 16;

/// Nor more of one log.
const MAX_MESSAGES_OF_LOG: usize = 1 << 14;

/// No more times of entries are kept, over all clients; each client has an equal share of them.
const MAX_TIMES: usize = 1 << 20;

/// Nor more of one client.
const MAX_TIMES_OF_CLIENT: usize = 1 << 10;

/// Logs that speak for the same entries.
type Group = usize;

/// The offset of every one of the `open` inputs that shows one, and how many messages speak for it.
pub(super) fn offsets(
    inputs: &[ScannedInput],
    open: &[InputIndex],
    entries: &Sorted<EntryFact, JoinKey>,
    causes: &Sorted<CauseFact, JoinKey>,
) -> Result<HashMap<InputIndex, (i32, u64)>> {
    let places = Places::of(inputs);
    let mut clients = Clients::of(open, |input| places.heard(input));
    for cause in causes.rows() {
        let cause = cause?;
        if cause.target_key != 0 {
            // They are in order: no others are without a target.
            break;
        }
        let is_local = cause.flags.has(Flags::ZONELESS) && !cause.flags.has(Flags::TIMELESS);
        if cause.client != 0 && is_local {
            let second = cause.at.div_euclid(SECOND_US);
            clients.note_message(cause.place.position.input, cause.client, second);
        }
    }
    if clients.rows.is_empty() {
        return Ok(HashMap::new());
    }
    let share = clients.share_of_times();
    for entry in entries.rows() {
        let entry = entry?;
        if !entry.flags.has(Flags::ZONELESS) {
            let input = entry.place.position.input;
            let hears = |heard: &Heard| places.hears(heard, input);
            clients.note_entry(entry.client, entry.at.div_euclid(SECOND_US), share, hears);
        }
    }
    Ok(clients.agreed())
}

/// A log without zone.
#[derive(Debug)]
struct Log {
    group: Group,
    n_messages: usize,
    /// Client and second of the last message.
    last: Option<(u64, i64)>,
}

/// What is known of a client.
#[derive(Debug, Default)]
struct Client {
    /// Seconds in which logs have messages about it.
    messages: Vec<(InputIndex, i64)>,
    /// Seconds of its entries, per group of logs that name it.
    served: Vec<(Group, Vec<i64>)>,
}

/// The clients that messages name.
#[derive(Debug, Default)]
struct Clients {
    logs: BTreeMap<InputIndex, Log>,
    /// What each group speaks for.
    groups: Vec<Heard>,
    /// Messages of one log that are looked at.
    share: usize,
    rows: HashMap<u64, Client>,
}

impl Clients {
    /// For messages of these logs.
    fn of(open: &[InputIndex], heard: impl Fn(InputIndex) -> Heard) -> Self {
        let share = (MAX_MESSAGES / open.len().max(1)).min(MAX_MESSAGES_OF_LOG);
        let mut clients = Clients { share, ..Clients::default() };
        if (share as u64) < MIN_PAIRS {
            return clients;
        }
        let mut groups: BTreeMap<Heard, Group> = BTreeMap::new();
        for input in open {
            let fresh = groups.len();
            let group = *groups.entry(heard(*input)).or_insert(fresh);
            clients.logs.insert(*input, Log { group, n_messages: 0, last: None });
        }
        clients.groups = vec![None; groups.len()];
        for (heard, group) in groups {
            clients.groups[group] = heard;
        }
        clients
    }

    /// Takes a message; those of a log come in the order of clients and times.
    fn note_message(&mut self, input: InputIndex, client: u64, second: i64) {
        let Some(log) = self.logs.get_mut(&input) else { return };
        if log.n_messages == self.share || log.last == Some((client, second)) {
            return;
        }
        log.n_messages += 1;
        log.last = Some((client, second));
        let row = self.rows.entry(client).or_default();
        row.messages.push((input, second));
        if row.served.iter().all(|(group, _)| *group != log.group) {
            row.served.push((log.group, Vec::new()));
        }
    }

    /// Times of entries that are kept for a client and a group.
    fn share_of_times(&self) -> usize {
        let n: usize = self.rows.values().map(|row| row.served.len()).sum();
        (MAX_TIMES / n.max(1)).min(MAX_TIMES_OF_CLIENT)
    }

    /// Takes an entry for the groups that speak for it.
    fn note_entry(
        &mut self,
        client: u64,
        second: i64,
        share: usize,
        hears: impl Fn(&Heard) -> bool,
    ) {
        let Some(row) = self.rows.get_mut(&client) else { return };
        for (group, times) in &mut row.served {
            let is_wanted = times.len() < share && times.last() != Some(&second);
            if is_wanted && hears(&self.groups[*group]) {
                times.push(second);
            }
        }
    }

    /// The offset of each log that most of its messages agree on.
    fn agreed(&self) -> HashMap<InputIndex, (i32, u64)> {
        let mut votes: BTreeMap<InputIndex, Votes> = BTreeMap::new();
        for row in self.rows.values() {
            for (input, second) in &row.messages {
                let group = self.logs[input].group;
                let served = row.served.iter().find(|(other, _)| *other == group);
                if let Some((_, entries)) = served {
                    votes.entry(*input).or_default().add(*second, entries);
                }
            }
        }
        votes.iter().filter_map(|(input, votes)| Some((*input, votes.winner()?))).collect()
    }
}

/// What the messages of a log speak for.
#[derive(Debug, Default)]
struct Votes {
    by_offset: BTreeMap<i64, u64>,
    /// Messages with entries of their clients.
    total: u64,
}

impl Votes {
    /// Lets a message vote.
    fn add(&mut self, second: i64, entries: &[i64]) {
        let differences = entries.iter().map(|entry| second - entry);
        let mut near: Vec<i64> =
            differences.filter(|difference| difference.abs() <= MAX_OFFSET_S).collect();
        self.total += u64::from(!near.is_empty());
        // A line is written while its request is served.
        near.retain(|difference| {
            (-NEAR_S..=MAX_SERVED_S).contains(&(difference - nearest_quarter(*difference)))
        });
        let mut quarters: Vec<i64> = near.into_iter().map(nearest_quarter).collect();
        quarters.sort_unstable();
        quarters.dedup();
        for quarter in quarters {
            *self.by_offset.entry(quarter).or_default() += 1;
        }
    }

    /// The offset that most messages agree on.
    fn winner(&self) -> Option<(i32, u64)> {
        let votes = &self.by_offset;
        let (offset_s, n) = votes.iter().max_by_key(|(offset_s, n)| (**n, **offset_s))?;
        let is_rival = |(other, n_others): (&i64, &u64)| other != offset_s && n_others * 2 > *n;
        let is_agreed = *n >= MIN_PAIRS && n * 5 >= self.total * 3 && !votes.iter().any(is_rival);
        is_agreed.then_some((*offset_s as i32, *n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages of one client each, and when its requests were served.
    #[track_caller]
    fn check(rows: &[(i64, &[i64])], expected: Option<(i32, u64)>) {
        let mut clients = Clients::of(&[3], |_| None);
        for (client, (at, _)) in (1..).zip(rows) {
            clients.note_message(3, client, *at);
        }
        let share = clients.share_of_times();
        for (client, (_, entries)) in (1..).zip(rows) {
            entries.iter().for_each(|entry| clients.note_entry(client, *entry, share, |_| true));
        }
        assert_eq!(clients.agreed().get(&3).copied(), expected, "{rows:?}");
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

    #[test]
    fn what_is_kept_is_bounded_over_all_logs() {
        const N_CLIENTS: u64 = 1000;
        let offset_of = |log: u32| 900 * i64::from(log % 5);
        let open: Vec<InputIndex> = (0..200).collect();
        // The logs in either order.
        let found = |name: fn(u32) -> InputIndex| {
            let mut clients = Clients::of(&open, |input| Some(vec![input as usize % 2]));
            let at = |client: u64| client as i64 * 10;
            for client in 1..=N_CLIENTS {
                for log in 0..200 {
                    clients.note_message(name(log), client, at(client) + offset_of(log));
                }
            }
            // Of a log that has no part in it.
            clients.note_message(200, 1, 0);
            let share = clients.share_of_times();
            for client in 1..=N_CLIENTS {
                (0..2000).for_each(|n| {
                    clients.note_entry(client, at(client) + n * MAX_OFFSET_S * 2, share, |_| true);
                });
            }
            let n_messages: usize = clients.rows.values().map(|row| row.messages.len()).sum();
            let times = clients.rows.values().flat_map(|row| &row.served);
            let n_times: usize = times.map(|(_, times)| times.len()).sum();
            assert!(n_messages <= MAX_MESSAGES && n_times <= MAX_TIMES, "{n_messages} {n_times}");
            let agreed = clients.agreed();
            (0..200).map(|log| agreed.get(&name(log)).copied()).collect::<Vec<_>>()
        };
        let forwards = found(|log| log);
        let expected = |log| Some((offset_of(log) as i32, (MAX_MESSAGES / 200) as u64));
        assert_eq!(forwards, (0..200).map(expected).collect::<Vec<_>>());
        assert_eq!(found(|log| 199 - log), forwards);
        // Too many logs for any to show an offset.
        let many: Vec<InputIndex> = (0..MAX_MESSAGES as u32).collect();
        assert!(Clients::of(&many, |_| None).logs.is_empty());
    }
}
