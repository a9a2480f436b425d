//! Which access logs and error logs name different clients for the same request.
//!
//! In: the sorted stores of entries and messages. Out: [`Strangers`], the pairs that do: behind a load balancer one log
//! may name the balancer and the other the client that it forwards for. Learned from targets that stand in one entry and
//! one message. The rule:
//!
//! 1. An access log is held against the messages that may be about it: those of its own directory, where error logs lie
//!    there, else all.
//! 2. They are strangers where most requests that stand once in either are of different clients.
//! 3. Where too few stand in the pair, all access logs of its directory tell, then all logs of the run, as long as what
//!    the pair itself has does not speak against it.
//!
//! Invariants: what a pair of logs tells by itself no other log changes; too few targets tell nothing, and clients are
//! believed.

use std::collections::{BTreeMap, BTreeSet};

use super::companions::Companions;
use super::zones::Zones;
use super::{peek_key, verdict::server_of};
use crate::cause::CauseMatcher;
use crate::error::Result;
use crate::evidence::InputIndex;
use crate::fact::{CauseFact, EntryFact, Flags};
use crate::scan::JoinKey;
use crate::store::Sorted;
use crate::taxonomy::Server;
use crate::time::SECOND_US;

/// Fewer targets tell nothing.
const MIN_TARGETS: u64 = 20;

/// How far entry and message of one request may be apart, beside the duration.
const NEAR_US: i64 = 3 * SECOND_US;

/// Access logs, each with a directory of error logs that names other clients.
#[derive(Debug, Clone, Default)]
pub(super) struct Strangers(BTreeSet<(InputIndex, usize)>);

/// What one log has of a target.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    n: u64,
    client: u64,
    at: i64,
    duration_us: i64,
}

impl Seen {
    fn note(&mut self, client: u64, at: i64, duration_us: i64) {
        *self = Seen { n: self.n + 1, client, at, duration_us };
    }

    fn is_pair(&self, said: &Seen) -> bool {
        (self.n, said.n) == (1, 1) && (self.at - said.at).abs() <= NEAR_US + self.duration_us
    }
}

/// Targets whose clients are the same in both logs, and others.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    n_same: u64,
    n_other: u64,
}

impl Counts {
    fn add(&mut self, other: Counts) {
        self.n_same += other.n_same;
        self.n_other += other.n_other;
    }

    /// `None`: there are too few.
    fn are_strangers(self) -> Option<bool> {
        (self.n_same + self.n_other >= MIN_TARGETS).then_some(self.n_other > self.n_same)
    }
}

/// Counts of access logs and directories of error logs.
type Pairs = BTreeMap<(InputIndex, usize), Counts>;

impl Strangers {
    /// Learns from all facts.
    pub(super) fn of(
        entries: &Sorted<EntryFact, JoinKey>,
        causes: &Sorted<CauseFact, JoinKey>,
        matcher: &CauseMatcher,
        companions: &Companions,
        zones: &Zones,
    ) -> Result<Self> {
        if !companions.any_error_log() {
            return Ok(Self::default());
        }
        let pairs = pairs_of(entries, causes, matcher, companions, zones)?;
        Ok(Self::by_counts(&pairs, companions))
    }

    /// Rules 2 and 3.
    fn by_counts(pairs: &Pairs, companions: &Companions) -> Self {
        let mut in_all = Counts::default();
        let mut in_place: BTreeMap<(usize, usize), Counts> = BTreeMap::new();
        for ((input, said), counts) in pairs {
            in_all.add(*counts);
            in_place.entry((companions.directory(*input), *said)).or_default().add(*counts);
        }
        if in_all.n_other == 0 {
            return Self::default();
        }
        let is_strange = |input: InputIndex, said: usize| {
            let own = pairs.get(&(input, said)).copied().unwrap_or_default();
            let place = (companions.directory(input), said);
            let near = in_place.get(&place).copied().unwrap_or_default();
            own.are_strangers().unwrap_or_else(|| {
                let by_place = || {
                    near.are_strangers().unwrap_or_else(|| {
                        near.n_other > near.n_same && in_all.are_strangers() == Some(true)
                    })
                };
                own.n_same <= own.n_other && by_place()
            })
        };
        let said: BTreeSet<usize> = pairs.keys().map(|(_, said)| *said).collect();
        let strange = companions.inputs().flat_map(|input| {
            let said = said.iter().filter(move |said| companions.may_be_about(**said, input));
            said.map(move |said| (input, *said))
        });
        Strangers(strange.filter(|(input, said)| is_strange(*input, *said)).collect())
    }

    /// True when no two logs are.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True when this access log names other clients than the error logs of this directory.
    pub(super) fn are(&self, input: InputIndex, said: usize) -> bool {
        self.0.contains(&(input, said))
    }
}

fn pairs_of(
    entries: &Sorted<EntryFact, JoinKey>,
    causes: &Sorted<CauseFact, JoinKey>,
    matcher: &CauseMatcher,
    companions: &Companions,
    zones: &Zones,
) -> Result<Pairs> {
    let mut pairs = Pairs::new();
    // Per directory of error logs, and per access log.
    let (mut said, mut served) = (BTreeMap::new(), BTreeMap::new());
    let mut entry_rows = entries.rows().peekable();
    let mut cause_rows = causes.rows().peekable();
    while let Some(target) = peek_key(&mut cause_rows, |fact: &CauseFact| fact.target_key)? {
        while let Some(row) =
            cause_rows.next_if(|row| row.as_ref().is_ok_and(|fact| fact.target_key == target))
        {
            let mut fact = row?;
            let explains =
                matcher.rule(fact.rule).is_some_and(|rule| rule.kind.explains_requests());
            if target != 0 && explains && !fact.flags.has(Flags::TIMELESS) {
                zones.resolve_cause(&mut fact);
                let directory = companions.directory(fact.place.position.input);
                let seen: &mut Seen = said.entry(directory).or_default();
                seen.note(fact.client, fact.at, 0);
            }
        }
        while let Some(row) =
            entry_rows.next_if(|row| row.as_ref().is_ok_and(|fact| fact.target_key <= target))
        {
            let mut fact = row?;
            if fact.target_key == target && server_of(fact.rule) == Server::Nginx {
                zones.resolve_entry(&mut fact);
                let seen: &mut Seen = served.entry(fact.place.position.input).or_default();
                seen.note(fact.client, fact.at, i64::from(fact.duration_ms) * 1000);
            }
        }
        let n_said: u64 = said.values().map(|seen| seen.n).sum();
        for (input, entry) in std::mem::take(&mut served) {
            for (directory, line) in &said {
                // Of lines of several servers, any may be about an entry without error logs beside it.
                let is_one = n_said == 1 || companions.has_error_log(companions.directory(input));
                if is_one && companions.may_be_about(*directory, input) && entry.is_pair(line) {
                    let counts: &mut Counts = pairs.entry((input, *directory)).or_default();
                    let is_same = line.client == entry.client;
                    counts.n_same += u64::from(is_same);
                    counts.n_other += u64::from(!is_same);
                }
            }
        }
        said.clear();
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of the access logs, by name, are strangers to the error logs beside them.
    #[track_caller]
    fn check(counts: &[(&str, u64, u64)], expected: &[&str]) {
        let paths = counts.iter().map(|(path, ..)| *path);
        let companions = Companions::of_paths(paths);
        let pairs: Pairs = (0..)
            .zip(counts)
            .map(|(input, (_, n_same, n_other))| {
                let counts = Counts { n_same: *n_same, n_other: *n_other };
                ((input, companions.directory(input)), counts)
            })
            .collect();
        let strangers = Strangers::by_counts(&pairs, &companions);
        let got: Vec<&str> = (0..)
            .zip(counts)
            .filter(|(input, _)| strangers.are(*input, companions.directory(*input)))
            .map(|(_, (path, ..))| *path)
            .collect();
        assert_eq!(got, expected, "{counts:?}");
    }

    #[test]
    fn each_pair_of_logs_tells_for_itself() {
        check(&[("edge/a.log", 90, 0), ("web/a.log", 0, 40)], &["web/a.log"]);
        check(&[("web/a.log", 90, 0), ("web/b.log", 0, 40)], &["web/b.log"]);
        check(&[("web/a.log", 0, 19)], &[]);
        check(&[("web/a.log", 20, 20)], &[]);
    }

    #[test]
    fn logs_with_too_little_follow_those_around_them() {
        // Pieces of one log.
        check(&[("web/a.log", 0, 15), ("web/b.log", 0, 15)], &["web/a.log", "web/b.log"]);
        check(&[("web/a.log", 0, 40), ("web/b.log", 0, 0)], &["web/a.log", "web/b.log"]);
        check(&[("web/a.log", 0, 40), ("web/b.log", 2, 1)], &["web/a.log"]);
        // Machines side by side.
        check(&[("web1/a.log", 0, 15), ("web2/a.log", 0, 15)], &["web1/a.log", "web2/a.log"]);
        check(&[("web1/a.log", 0, 40), ("web2/a.log", 0, 0)], &["web1/a.log"]);
    }
}
