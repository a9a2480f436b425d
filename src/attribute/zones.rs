//! Local clocks of unknown zone -> UTC.
//!
//! In: what the inputs' lines say of offsets, the facts themselves, and the user's word. Out: one policy per input.
//! The order of precedence for an input whose lines carry no zone:
//!
//! 1. `--tz`.
//! 2. Pairs: requests that both an access log (with zone) and this log name, in a message or as an entry of a server on
//!    their way. If at least [`MIN_PAIRS`] pairs agree on one difference, that is the offset: a whole quarter of an hour
//!    for a zone, anything else for a clock that is off; an hour less or more behind some line is daylight saving. When
//!    the companion says otherwise, the disagreement is reported. Which access logs are asked: see module `pairs`.
//! 3. The companion: offsets on the lines of access logs that may be of the same machine, see module `lenders`.
//! 4. Where there is none, the clients that messages name: see module `clients`.
//! 5. For events of Windows exported with local times: the offset at which they fall on the start of what they explain,
//!    see module [`intervals`](super::intervals). IIS writes UTC wherever it is, so its logs are no companions for them.
//! 6. UTC, assumed.

mod clients;
mod lenders;
mod pairs;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use self::lenders::Lenders;
use super::onset;
use crate::cause::CauseMatcher;
use crate::error::Result;
use crate::fact::{CauseFact, EntryFact, Flags};
use crate::scan::{JoinKey, ScannedInput};
use crate::store::Sorted;
use crate::tally::OffsetTable;
use crate::taxonomy::{LogRole, Server};
use crate::time::SECOND_US;

/// Pairs that must agree before they count.
pub const MIN_PAIRS: u64 = 5;

/// Offsets of zones are multiples of this, seconds.
const QUARTER_S: i64 = 900;

/// Rounding and waiting move a pair by at most this, seconds.
const NEAR_S: i64 = 2;

/// Most requests of a target are served within so many seconds.
const MAX_SERVED_S: i64 = 5;

/// No clock is further off than the zones at both ends of the world, seconds.
const MAX_OFFSET_S: i64 = 15 * 3600;

/// What the user said of zones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ZonePolicy {
    /// Nothing.
    #[default]
    Unsaid,
    /// A fixed offset, seconds east of UTC.
    Offset(i32),
    /// A named zone with its daylight-saving rules.
    Named(chrono_tz::Tz),
}

/// How the clock of an input is resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputZone {
    /// Its lines carry their zone (the offset of the first of them).
    InLine(i32),
    /// From access logs beside it.
    Companion(OffsetTable),
    /// From requests found in both logs: the offset, how many pairs, and what the companion says instead, if it differs.
    Pairs {
        /// Seconds east of UTC.
        offset_s: i32,
        /// Offsets by time, where the zone changed between winter and summer.
        changes: OffsetTable,
        /// Pairs that agree.
        n_pairs: u64,
        /// The companion's offset where it differs.
        companion_s: Option<i32>,
    },
    /// From events that set off failures in other logs: the offset, and how many events fall on the start of such a run.
    Onsets {
        /// Seconds east of UTC.
        offset_s: i32,
        /// Events that agree.
        n_events: u64,
    },
    /// Said by the user.
    Flag(ZonePolicy),
    /// Taken for UTC.
    Assumed,
}

impl InputZone {
    /// The id used in outputs.
    pub fn basis(&self) -> &'static str {
        match self {
            InputZone::InLine(_) => "in_line",
            InputZone::Companion(_) => "companion",
            InputZone::Pairs { .. } => "pairs",
            InputZone::Onsets { .. } => "onsets",
            InputZone::Flag(_) => "flag",
            InputZone::Assumed => "assumed",
        }
    }

    /// Seconds east of UTC when the local clock showed `local_us`.
    pub fn offset_at(&self, local_us: i64) -> i32 {
        match self {
            InputZone::InLine(offset_s) | InputZone::Onsets { offset_s, .. } => *offset_s,
            InputZone::Pairs { offset_s, changes, .. } => {
                changes.offset_at(local_us).unwrap_or(*offset_s)
            }
            InputZone::Companion(table) => table.offset_at(local_us).unwrap_or(0),
            InputZone::Flag(policy) => flag_offset(*policy, local_us),
            InputZone::Assumed => 0,
        }
    }
}

/// The offset by the user's word. In the hour that a clock shows twice the earlier instant is taken; an hour that it
/// skips is read with the offset before the change.
fn flag_offset(policy: ZonePolicy, local_us: i64) -> i32 {
    use chrono::{DateTime, Offset, TimeZone};
    match policy {
        ZonePolicy::Unsaid => 0,
        ZonePolicy::Offset(offset_s) => offset_s,
        ZonePolicy::Named(zone) => {
            let Some(local) = DateTime::from_timestamp_micros(local_us) else { return 0 };
            let local = local.naive_utc();
            let found = zone.offset_from_local_datetime(&local).earliest().or_else(|| {
                let before = local - chrono::TimeDelta::hours(3);
                zone.offset_from_local_datetime(&before).earliest()
            });
            found.map_or(0, |offset| offset.fix().local_minus_utc())
        }
    }
}

/// The zones of all inputs.
#[derive(Debug, Clone, Default)]
pub struct Zones {
    /// By index of the input.
    pub inputs: Vec<InputZone>,
}

impl Zones {
    /// Finds the zone of every input.
    pub fn resolve(
        inputs: &[ScannedInput],
        entries: &Sorted<EntryFact, JoinKey>,
        causes: &Sorted<CauseFact, JoinKey>,
        policy: ZonePolicy,
        matcher: &CauseMatcher,
    ) -> Result<Self> {
        let lenders = Lenders::of(inputs);
        let is_windows = |input: &ScannedInput| {
            input.tally.zoneless_span.is_some() && is_of(input, Server::Windows)
        };
        let mut local = OffsetTable::default();
        let mut onsets = BTreeMap::new();
        if policy == ZonePolicy::Unsaid && inputs.iter().any(is_windows) {
            for input in inputs.iter().filter(|input| !is_of(input, Server::Iis)) {
                local.merge(&input.tally.offsets);
            }
            onsets = onset::offsets(entries, causes, matcher)?;
        }
        let needed = inputs.iter().any(|input| input.tally.zoneless_span.is_some());
        let votes = if needed && policy == ZonePolicy::Unsaid {
            let said = |index: usize| {
                let input: &ScannedInput = &inputs[index];
                let span = input.tally.zoneless_span?;
                lenders.table_for(directory(input), span)?.offset_at(span.0)
            };
            let mut votes = pairs::vote(inputs, entries, causes, said)?;
            if has_entries_of_both(inputs) {
                vote_by_hops(entries, &mut votes)?;
            }
            votes
        } else {
            HashMap::new()
        };
        let companions: Vec<Option<OffsetTable>> = inputs
            .iter()
            .map(|input| lenders.table_for(directory(input), input.tally.zoneless_span?))
            .collect();
        let is_open = |index: &u32| {
            let index = *index as usize;
            inputs[index].tally.zoneless_span.is_some() && companions[index].is_none()
        };
        let open: Vec<u32> = (0..inputs.len() as u32).filter(is_open).collect();
        let by_client = if policy == ZonePolicy::Unsaid && !open.is_empty() {
            clients::offsets(inputs, &open, entries, causes)?
        } else {
            HashMap::new()
        };
        let zone_of = |(index, input): (usize, &ScannedInput)| {
            if input.tally.zoneless_span.is_none() {
                let first = input.tally.offsets.spans.iter().min_by_key(|(_, span)| span.0);
                // Messages in envelopes carry the zone of the envelope.
                let messages = input.tally.zoned_span.map(|_| InputZone::InLine(0));
                return first
                    .map(|(offset_s, _)| InputZone::InLine(*offset_s))
                    .or(messages)
                    .unwrap_or(InputZone::Assumed);
            }
            if policy != ZonePolicy::Unsaid {
                return InputZone::Flag(policy);
            }
            if is_windows(input) && local.spans.is_empty() {
                return onsets.get(&(index as u32)).map_or(InputZone::Assumed, |found| {
                    InputZone::Onsets { offset_s: found.0, n_events: found.1 }
                });
            }
            let companion = companions[index].as_ref();
            let local_us = input.tally.zoneless_span.map_or(0, |(first, _)| first);
            let said = companion.and_then(|table| table.offset_at(local_us));
            if let Some((offset_s, n_pairs)) =
                votes.get(&(index as u32)).and_then(|votes| winner(votes, said))
                && companion.is_none_or(|table| !agrees(table, offset_s))
            {
                let changes = changes_of(&votes[&(index as u32)], offset_s);
                return InputZone::Pairs { offset_s, changes, n_pairs, companion_s: said };
            }
            if let Some(table) = companion {
                return InputZone::Companion(table.clone());
            }
            by_client.get(&(index as u32)).map_or(InputZone::Assumed, |(offset_s, n_pairs)| {
                InputZone::Pairs {
                    offset_s: *offset_s,
                    changes: OffsetTable::default(),
                    n_pairs: *n_pairs,
                    companion_s: None,
                }
            })
        };
        Ok(Zones { inputs: inputs.iter().enumerate().map(zone_of).collect() })
    }

    /// True when the clock of an input was found to be off by what is no zone.
    pub fn is_measured_clock(&self, input: u32) -> bool {
        match self.inputs.get(input as usize) {
            Some(InputZone::Pairs { offset_s, .. }) => i64::from(*offset_s) % QUARTER_S != 0,
            _ => false,
        }
    }

    /// Resolves a local time of an input.
    pub fn utc(&self, input: u32, local_us: i64) -> i64 {
        let offset_s = self.inputs.get(input as usize).map_or(0, |zone| zone.offset_at(local_us));
        local_us - i64::from(offset_s) * SECOND_US
    }

    /// Resolves the time of an entry.
    pub(super) fn resolve_entry(&self, fact: &mut EntryFact) {
        if fact.flags.has(Flags::ZONELESS) {
            fact.at = self.utc(fact.place.position.input, fact.at);
            fact.flags = fact.flags.without(Flags::ZONELESS);
        }
    }

    /// Resolves the time of a message.
    pub(super) fn resolve_cause(&self, fact: &mut CauseFact) {
        if fact.flags.has(Flags::ZONELESS) {
            fact.at = self.utc(fact.place.position.input, fact.at);
            fact.flags = fact.flags.without(Flags::ZONELESS);
        }
    }
}

/// True when all that is read from an input was written by one server.
fn is_of(input: &ScannedInput, server: Server) -> bool {
    let mut readers = input.plan.iter().flat_map(|plan| plan.detected()).peekable();
    readers.peek().is_some() && readers.all(|reader| reader.about().server == server)
}

fn directory(input: &ScannedInput) -> &Path {
    input.path.parent().unwrap_or_else(|| Path::new(""))
}

/// True when lines of the companion carry this offset, or one that rounding may have moved.
fn agrees(table: &OffsetTable, offset_s: i32) -> bool {
    table.spans.keys().any(|said| i64::from(said - offset_s).abs() <= NEAR_S)
}

/// Pairs that speak for a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Vote {
    n: u64,
    /// The first and the last instant at which there are such pairs, microseconds UTC.
    span: (i64, i64),
    /// Where in the log without zone the first and the last of them stand.
    lines: (u64, u64),
}

impl Vote {
    fn of(at: i64, offset: u64) -> Self {
        Vote { n: 1, span: (at, at), lines: (offset, offset) }
    }

    fn add(&mut self, other: Vote) {
        self.n += other.n;
        self.span = (self.span.0.min(other.span.0), self.span.1.max(other.span.1));
        self.lines = (self.lines.0.min(other.lines.0), self.lines.1.max(other.lines.1));
    }
}

/// Votes per input: difference of its clock to UTC in seconds, and the pairs that speak for it.
type Votes = HashMap<u32, BTreeMap<i64, Vote>>;

/// Adds a pair.
fn note(votes: &mut Votes, input: u32, difference: i64, vote: Vote) {
    let row = votes.entry(input).or_default().entry(difference);
    row.and_modify(|so_far| so_far.add(vote)).or_insert(vote);
}

/// The offset of a zone next to a difference, seconds.
fn nearest_quarter(difference: i64) -> i64 {
    (difference + QUARTER_S / 2).div_euclid(QUARTER_S) * QUARTER_S
}

/// True when requests may stand in a log without zone and in one with it.
fn has_entries_of_both(inputs: &[ScannedInput]) -> bool {
    let is_access = |input: &&ScannedInput| {
        let mut readers = input.plan.iter().flat_map(|plan| plan.detected());
        readers.any(|reader| reader.about().role != LogRole::Error)
    };
    let mut logs = inputs.iter().filter(is_access);
    let mut others = inputs.iter().filter(is_access);
    logs.any(|input| input.tally.zoneless_span.is_some())
        && others.any(|input| !input.tally.offsets.spans.is_empty())
}

/// When a target was asked for, by input; `None`: more than once.
type Asked = BTreeMap<u32, Option<i64>>;

/// Lets every target that stands once in a log without zone and once in one with it vote for an offset: on its way through
/// several servers a request is stamped by all of them. Of what is asked for again and again, the first entries of two logs
/// are apart by as much as the logs begin apart.
fn vote_by_hops(entries: &Sorted<EntryFact, JoinKey>, votes: &mut Votes) -> Result<()> {
    let mut target = 0;
    // Without zone and with one.
    let (mut local, mut zoned) = (Asked::new(), Asked::new());
    let mut count = |local: &mut Asked, zoned: &mut Asked| {
        let once = |row: (&u32, &Option<i64>)| Some((*row.0, (*row.1)?));
        for (input, shown) in local.iter().filter_map(once) {
            for (_, at) in zoned.iter().filter_map(once) {
                let difference = shown.div_euclid(SECOND_US) - at.div_euclid(SECOND_US);
                let quarters = nearest_quarter(difference);
                // One may stamp the start of a request and the other its end.
                let is_zone = (difference - quarters).abs() <= MAX_SERVED_S;
                let vote = if is_zone { quarters } else { difference };
                if difference.abs() <= MAX_OFFSET_S {
                    // Where it stands is not kept: such pairs show no change.
                    note(votes, input, vote, Vote { lines: (0, u64::MAX), ..Vote::of(at, 0) });
                }
            }
        }
        local.clear();
        zoned.clear();
    };
    for entry in entries.rows() {
        let entry = entry?;
        if entry.target_key == 0 {
            continue;
        }
        if entry.target_key != target {
            count(&mut local, &mut zoned);
            target = entry.target_key;
        }
        let logs = if entry.flags.has(Flags::ZONELESS) { &mut local } else { &mut zoned };
        let asked = logs.entry(entry.place.position.input);
        asked.and_modify(|at| *at = None).or_insert(Some(entry.at));
    }
    count(&mut local, &mut zoned);
    Ok(())
}

/// The offset (seconds) that at least three in five pairs speak for, and how many. `said`: what the companion says.
fn winner(votes: &BTreeMap<i64, Vote>, said: Option<i32>) -> Option<(i32, u64)> {
    let total: u64 = votes.values().map(|vote| vote.n).sum();
    let near = |difference: i64| {
        votes.range(difference - 1..=difference + 1).map(|(_, vote)| vote.n).sum::<u64>()
    };
    let (difference, n_pairs) = votes
        .keys()
        .map(|difference| (*difference, near(*difference)))
        .max_by_key(|(difference, n)| (*n, votes[difference].n, *difference))?;
    let quarters = nearest_quarter(difference);
    let n_changed = changed(votes, quarters).map_or(0, |(_, vote)| vote.n);
    if n_pairs < MIN_PAIRS || (n_pairs + n_changed) * 5 < total * 3 {
        return None;
    }
    if (difference - quarters).abs() <= NEAR_S {
        return Some((quarters as i32, n_pairs));
    }
    // A clock that is off is off for every request: pairs that fit what the companion says speak against it.
    let at_companion = near(i64::from(said.unwrap_or(0)));
    if at_companion * 10 >= total {
        return None;
    }
    let offset_s = difference;
    Some((offset_s as i32, n_pairs))
}

/// The pairs near the offset of a zone.
fn about(votes: &BTreeMap<i64, Vote>, offset_s: i64) -> Option<Vote> {
    let near = votes.range(offset_s - NEAR_S..=offset_s + NEAR_S).map(|(_, vote)| *vote);
    near.reduce(|mut sum, vote| {
        sum.add(vote);
        sum
    })
}

/// The offset that was in force before or behind the lines with this one: an hour less or more, in lines of their own.
/// What is asked for every hour looks the same, but its lines stand among the others.
fn changed(votes: &BTreeMap<i64, Vote>, offset_s: i64) -> Option<(i64, Vote)> {
    let own = about(votes, offset_s)?;
    let is_apart = |one: Vote, other: Vote| one.lines.1 < other.lines.0;
    [offset_s - 3600, offset_s + 3600]
        .into_iter()
        .filter_map(|other| Some((other, about(votes, other)?)))
        .filter(|(_, other)| other.n >= MIN_PAIRS)
        .find(|(_, other)| is_apart(own, *other) || is_apart(*other, own))
}

/// Which offset was in force when, if it changed.
fn changes_of(votes: &BTreeMap<i64, Vote>, offset_s: i32) -> OffsetTable {
    let mut table = OffsetTable::default();
    let own = about(votes, i64::from(offset_s));
    if let Some((own, (other, vote))) = own.zip(changed(votes, i64::from(offset_s))) {
        for (offset_s, span) in [(offset_s, own.span), (other as i32, vote.span)] {
            table.note(offset_s, span.0);
            table.note(offset_s, span.1);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_may_change_within_a_log() {
        let vote = |n, span, lines| Vote { n, span, lines };
        // Where each hour stands, in microseconds UTC and in lines.
        let check = |summer: Vote, winter: Vote, expected: Option<(i32, i32)>| {
            let votes = BTreeMap::from([(7200, summer), (3600, winter)]);
            let table = changes_of(&votes, winner(&votes, None).map_or(0, |found| found.0));
            // Two o'clock, before and behind the change, by what the log shows in that hour.
            let at = |utc_s: i64, offset_s: i64| table.offset_at((utc_s + offset_s) * SECOND_US);
            assert_eq!(at(3590, 7200).zip(at(3605, 3600)), expected);
        };
        let (before, behind) = ((3_580_000_000, 3_599_000_000), (3_600_000_000, 3_620_000_000));
        check(vote(70, before, (0, 69)), vote(30, behind, (70, 99)), Some((7200, 3600)));
        check(vote(20, before, (0, 19)), vote(21, behind, (20, 40)), Some((7200, 3600)));
        check(vote(70, before, (0, 69)), vote(4, behind, (70, 73)), None);
        check(vote(70, before, (0, 80)), vote(30, behind, (70, 99)), None);
    }

    #[test]
    fn pairs_tell_zones_from_clocks_that_are_off() {
        let votes = |rows: &[(i64, u64)]| {
            let vote = |n| Vote { n, span: (0, 0), lines: (0, 9) };
            winner(&rows.iter().map(|(difference, n)| (*difference, vote(*n))).collect(), Some(0))
        };
        assert_eq!(votes(&[(3600, 50), (3599, 20), (17, 1)]), Some((3600, 70)));
        assert_eq!(votes(&[(-1, 30), (0, 40)]), Some((0, 70)));
        assert_eq!(votes(&[(7, 30), (6, 10)]), Some((7, 40)));
        assert_eq!(votes(&[(7, 3)]), None);
        assert_eq!(votes(&[(7, 30), (0, 5)]), None);
        assert_eq!(votes(&[(0, 10), (100, 10), (200, 10)]), None);
    }

    #[test]
    fn named_zones_follow_daylight_saving() {
        let zone = InputZone::Flag(ZonePolicy::Named(chrono_tz::Europe::Paris));
        let local = |text: &str| {
            crate::time::parse_iso8601(text.as_bytes()).map_or(0, |stamp| stamp.micros)
        };
        assert_eq!(zone.offset_at(local("2026-07-01 12:00:00")), 7200);
        assert_eq!(zone.offset_at(local("2026-12-01 12:00:00")), 3600);
        // Shown twice: the earlier instant. Skipped: the offset before the change.
        assert_eq!(zone.offset_at(local("2026-10-25 02:30:00")), 7200);
        assert_eq!(zone.offset_at(local("2026-03-29 02:30:00")), 3600);
    }
}
