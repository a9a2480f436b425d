//! Requests that a message and an entry name: by how much the clocks of their logs are apart.
//!
//! In: the sorted stores of entries and messages. Out: votes for the offset of each log without zone. The rules:
//!
//! 1. A request that went through several servers stands in the access log of each, and their clocks may be apart. An
//!    error log has the clock of its own server, so the nearest access log is asked alone: that of its server with its own
//!    name in its directory, then those in its directory, then any of its server.
//! 2. Of several that are equally near, one whose entries fit what the companion says is its own: nothing is to be mended.
//! 3. Logs of other servers tell zones, no clocks: their machine may be another.
//!
//! Invariants: sums, which do not depend on the order of inputs.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::super::folders::name_of;
use super::{MAX_OFFSET_S, MIN_PAIRS, NEAR_S, QUARTER_S, Vote, Votes, winner};
use crate::error::Result;
use crate::evidence::InputIndex;
use crate::fact::{CauseFact, EntryFact, Flags};
use crate::scan::{JoinKey, ScannedInput};
use crate::store::Sorted;
use crate::taxonomy::{LogRole, Server};
use crate::time::SECOND_US;

/// How near an access log is to an error log; the nearest comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Nearness {
    /// Its own name, as `shop-access.log` beside `shop-error.log`.
    Name,
    /// Its directory.
    Directory,
    /// Its server.
    Server,
    /// Another server.
    Foreign,
}

/// Votes of each error log, by how near the access logs are, and by access log.
#[derive(Debug, Default)]
struct Asked {
    by_nearness: BTreeMap<Nearness, BTreeMap<i64, Vote>>,
    by_log: BTreeMap<(Nearness, InputIndex), BTreeMap<i64, Vote>>,
}

/// Where an input lies, what it is called, and whose messages or entries it holds.
struct Described {
    name: (String, String),
    messages: Vec<Server>,
    entries: Vec<Server>,
}

impl Described {
    fn of(input: &ScannedInput) -> Self {
        let servers = |is_error: bool| {
            let readers = input.plan.iter().flat_map(|plan| plan.detected());
            let abouts = readers.map(|reader| reader.about());
            abouts
                .filter(|about| (about.role == LogRole::Error) == is_error)
                .flat_map(|about| [Some(about.server), about.ambiguous_with])
                .flatten()
                .collect()
        };
        Described { name: name_of(&input.path), messages: servers(true), entries: servers(false) }
    }

    /// How near the access log `other` is to this error log.
    fn nearness(&self, other: &Self) -> Nearness {
        // Whose lines these are is told by the formats of web servers alone.
        let may_be_own = |server: &Server| {
            *server == Server::Unknown
                || other.entries.is_empty()
                || other.entries.iter().any(|entry| *entry == *server || *entry == Server::Unknown)
        };
        if !self.messages.is_empty() && !self.messages.iter().any(may_be_own) {
            Nearness::Foreign
        } else if self.name == other.name {
            Nearness::Name
        } else if self.name.0 == other.name.0 {
            Nearness::Directory
        } else {
            Nearness::Server
        }
    }
}

/// Lets the first entry and the first message of every request that two logs name vote for an offset. `said`: what the
/// companions of an input say.
pub(super) fn vote(
    inputs: &[ScannedInput],
    entries: &Sorted<EntryFact, JoinKey>,
    causes: &Sorted<CauseFact, JoinKey>,
    said: impl Fn(usize) -> Option<i32>,
) -> Result<Votes> {
    let described: Vec<Described> = inputs.iter().map(Described::of).collect();
    let mut asked: BTreeMap<InputIndex, Asked> = BTreeMap::new();
    let mut entries = entries.rows().peekable();
    let mut causes = causes.rows().peekable();
    // The first of each input.
    let (mut messages, mut served) = (BTreeMap::new(), BTreeMap::new());
    while let Some(cause) = causes.next() {
        let cause = cause?;
        let key = (cause.target_key, cause.client);
        messages.clear();
        messages.insert(cause.place.position.input, cause);
        while let Some(row) = causes
            .next_if(|row| row.as_ref().is_ok_and(|fact| (fact.target_key, fact.client) == key))
        {
            let cause = row?;
            messages.entry(cause.place.position.input).or_insert(cause);
        }
        messages.retain(|_, cause| cause.flags.has(Flags::ZONELESS));
        served.clear();
        if key.0 == 0 || messages.is_empty() {
            continue;
        }
        while let Some(row) = entries
            .next_if(|row| row.as_ref().is_ok_and(|fact| (fact.target_key, fact.client) <= key))
        {
            let entry = row?;
            if (entry.target_key, entry.client) == key {
                served.entry(entry.place.position.input).or_insert(entry);
            }
        }
        served.retain(|_, entry| !entry.flags.has(Flags::ZONELESS));
        for (input, cause) in &messages {
            asked.entry(*input).or_default().ask(*input, cause, &served, &described);
        }
    }
    Ok(asked
        .into_iter()
        .map(|(input, asked)| (input, asked.chosen(said(input as usize))))
        .collect())
}

impl Asked {
    /// Lets a message vote with the entries of its request.
    fn ask(
        &mut self,
        input: InputIndex,
        cause: &CauseFact,
        served: &BTreeMap<InputIndex, EntryFact>,
        described: &[Described],
    ) {
        let Some(own) = described.get(input as usize) else { return };
        // The first entry of each nearness.
        let mut first: BTreeMap<Nearness, (i64, Vote)> = BTreeMap::new();
        for (log, entry) in served {
            let Some(other) = described.get(*log as usize) else { continue };
            let difference = apart_s(cause, entry);
            if difference.abs() > MAX_OFFSET_S {
                continue;
            }
            let nearness = own.nearness(other);
            let vote = Vote::of(entry.at, cause.place.position.offset);
            add(self.by_log.entry((nearness, *log)).or_default(), difference, vote);
            let so_far = first.entry(nearness).or_insert((difference, vote));
            if entry.at < so_far.1.span.0 {
                *so_far = (difference, vote);
            }
        }
        for (nearness, (difference, vote)) in first {
            add(self.by_nearness.entry(nearness).or_default(), difference, vote);
        }
    }

    /// The votes of the nearest access logs that have enough.
    fn chosen(self, said: Option<i32>) -> BTreeMap<i64, Vote> {
        let n_votes = |votes: &BTreeMap<i64, Vote>| votes.values().map(|vote| vote.n).sum::<u64>();
        let Some((nearness, votes)) =
            self.by_nearness.into_iter().find(|(_, votes)| n_votes(votes) >= MIN_PAIRS)
        else {
            return BTreeMap::new();
        };
        let is_as_said = |votes: &BTreeMap<i64, Vote>| {
            let found = winner(votes, said).zip(said);
            found.is_some_and(|((offset_s, _), said)| i64::from(offset_s - said).abs() <= NEAR_S)
        };
        let of_logs = self.by_log.into_iter().filter(|((near, _), _)| *near == nearness);
        let fitting = of_logs.map(|(_, votes)| votes).filter(is_as_said);
        let rank = |votes: &BTreeMap<i64, Vote>| {
            let offset_s = winner(votes, said).map_or(0, |(offset_s, _)| offset_s);
            (n_votes(votes), Reverse(offset_s.unsigned_abs()), offset_s)
        };
        if let Some(own) = fitting.max_by_key(rank) {
            return own;
        }
        if nearness < Nearness::Foreign {
            return votes;
        }
        let is_zone =
            winner(&votes, said).is_some_and(|(offset_s, _)| i64::from(offset_s) % QUARTER_S == 0);
        if is_zone { votes } else { BTreeMap::new() }
    }
}

/// Seconds from an entry to a message.
fn apart_s(cause: &CauseFact, entry: &EntryFact) -> i64 {
    cause.at.div_euclid(SECOND_US) - entry.at.div_euclid(SECOND_US)
}

fn add(votes: &mut BTreeMap<i64, Vote>, difference: i64, vote: Vote) {
    let row = votes.entry(difference);
    row.and_modify(|so_far| so_far.add(vote)).or_insert(vote);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The difference that is chosen of the pairs of logs: how near, which, how far apart, and how many.
    #[track_caller]
    fn check(pairs: &[(Nearness, InputIndex, i64, u64)], said: Option<i32>, expected: Option<i32>) {
        let mut asked = Asked::default();
        for (nearness, log, difference, n) in pairs {
            let vote = Vote { n: *n, ..Vote::of(0, 0) };
            add(asked.by_log.entry((*nearness, *log)).or_default(), *difference, vote);
            add(asked.by_nearness.entry(*nearness).or_default(), *difference, vote);
        }
        let found = winner(&asked.chosen(said), said).map(|(offset_s, _)| offset_s);
        assert_eq!(found, expected, "{pairs:?}");
    }

    #[test]
    fn the_nearest_access_log_tells_the_clock() {
        use Nearness::{Directory, Foreign, Name, Server};
        check(&[(Name, 1, 0, 50), (Directory, 0, 8, 90)], Some(0), Some(0));
        check(&[(Name, 1, 3, 50), (Directory, 0, 0, 90)], Some(0), Some(3));
        // Too few.
        check(&[(Name, 1, 0, 4), (Server, 0, 8, 90)], Some(0), Some(8));
        // Of equals the one that fits.
        check(&[(Directory, 1, 0, 50), (Directory, 0, 8, 90)], Some(0), Some(0));
        check(&[(Directory, 1, 3600, 50), (Directory, 0, 3608, 90)], Some(3600), Some(3600));
        check(&[(Foreign, 1, 8, 90)], Some(0), None);
        check(&[(Foreign, 1, 3600, 90), (Foreign, 1, 17, 9)], Some(0), Some(3600));
    }

    #[test]
    fn nearness_is_told_by_names_and_servers() {
        let described = |directory: &str, name: &str, messages: &[Server], entries: &[Server]| {
            let name = (directory.to_owned(), name.to_owned());
            Described { name, messages: messages.to_vec(), entries: entries.to_vec() }
        };
        let own = described("/logs", "mid", &[Server::Nginx], &[]);
        for (directory, name, servers, expected) in [
            ("/logs", "mid", &[Server::Nginx][..], Nearness::Name),
            ("/logs", "edge", &[Server::Apache, Server::Nginx], Nearness::Directory),
            ("/other", "mid", &[Server::Unknown], Nearness::Server),
            ("/logs", "mid", &[Server::Apache], Nearness::Foreign),
        ] {
            assert_eq!(own.nearness(&described(directory, name, &[], servers)), expected);
        }
    }
}
