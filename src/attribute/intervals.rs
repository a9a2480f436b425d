//! Events that put a server into a state, and the entries of that time: what names no request but explains many.
//!
//! In: events (messages of the cause table that begin or end a `State`), and entries whose own line leaves the cause
//! open. Out: the cause of those entries. The rules:
//!
//! 1. A state lasts from the event that begins it to the first that ends it, or begins another, for the same application
//!    or pool, and no longer than its row says; nor longer than its entries come, where they stop though requests are
//!    served (module `shown`). It may begin a little before its event: the event is written when all is done.
//! 2. It explains entries of the rows that its row names only: the server's own word, where there is one, goes before.
//! 3. An event about another application pool, or another site, explains nothing. Where entry or event does not tell,
//!    the event counts only if all such events of that time are about one; if it is about some pool or site, also only if
//!    all entries of that time that do not tell, or that tell what it does not, are of one pool, site or log.
//! 4. Of several machines, an event explains entries of its own: module `places`, and the names that events, entries and
//!    files have for their machine (modules `machines` and `siblings`). Where they tell several apart, and not of which
//!    the event is, it explains none. An entry that names none is explained where all machines whose events are about the same
//!    thing are in that state, or there is one such machine.
//!
//! Invariants: the origin of an entry never changes here; a cause by state is never more than `likely`.
//! Source: Microsoft, IIS and ASP.NET Core module events; KB 820729 (`N/A`: memory could not be had).

mod about;
mod shown;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::cause::{CauseMatcher, RULES};
use crate::error::Result;
use crate::evidence::{InputIndex, Place};
use crate::fact::{CauseFact, EntryFact, Flags, machines_agree};
use crate::format::iis_httperr::IisHttperrFormat;
use crate::scan::{JoinKey, ScannedInput};
use crate::store::Sorted;
use crate::taxonomy::{Cause, Server};
use crate::time::SECOND_US;

use self::about::About;
use self::shown::{Shown, Thing};
use super::machines::Machines;
use super::places::{Heard, Places, paths};
use super::siblings::Siblings;
use super::zones::Zones;

/// A kind of state.
#[derive(Debug)]
pub(super) struct State {
    /// Rows of the cause table that begin it.
    begins: &'static [&'static str],
    /// Rows of the cause table that end it.
    ends: &'static [&'static str],
    /// How long before its event it may have begun, seconds.
    before_s: i64,
    /// How long it lasts at most, seconds.
    at_most_s: i64,
    /// Rows of the verdict tables that it explains.
    explains: &'static [&'static str],
    /// Rows of the cause table whose requests it explains more deeply, if they are about the same thing as its event.
    explains_messages: &'static [&'static str],
    /// Why those requests failed.
    cause: Cause,
    /// The first of these entries comes with the event, so that a clock without zone can be read from it.
    pub(super) is_sharp: bool,
    /// Its events are about a pool or a site, even those that do not say about which.
    is_of_one: bool,
}

const HOUR_S: i64 = 3600;

/// What a row does not say.
const BASE: State = State {
    begins: &[],
    ends: &[],
    before_s: 0,
    at_most_s: 0,
    explains: &[],
    explains_messages: &[],
    cause: Cause::ProcessCrashed,
    is_sharp: false,
    is_of_one: false,
};

/// The kinds of state. Of several that hold, the first counts.
pub(super) const STATES: &[State] = &[
    State {
        begins: &["windows.ancm_offline"],
        ends: &["windows.ancm_started"],
        before_s: 5,
        at_most_s: 12 * HOUR_S,
        explains: &["iis.application_503"],
        cause: Cause::AppOffline,
        is_sharp: true,
        is_of_one: true,
        ..BASE
    },
    State {
        begins: &["windows.ancm_recycled"],
        ends: &["windows.ancm_started"],
        before_s: 5,
        at_most_s: 600,
        explains: &["iis.application_503"],
        cause: Cause::DeployInProgress,
        is_sharp: true,
        is_of_one: true,
        ..BASE
    },
    State {
        begins: &["windows.was_identity", "windows.was_disabled", "windows.w3svc_wp_failed"],
        before_s: 10,
        at_most_s: 24 * HOUR_S,
        explains: &["iis.httperr_app_offline"],
        cause: Cause::StartupFailure,
        is_sharp: true,
        is_of_one: true,
        ..BASE
    },
    // The event of the resource detector is written some time into the shortage.
    State {
        begins: &["windows.low_memory"],
        before_s: 300,
        at_most_s: 1800,
        explains: &["iis.httperr_not_available", "iis.httperr_other", "iis.application_503"],
        cause: Cause::MemoryExhausted,
        ..BASE
    },
    State {
        begins: &["windows.was_rapid_fail"],
        before_s: 10,
        at_most_s: 24 * HOUR_S,
        explains: &["iis.httperr_app_offline"],
        cause: Cause::RapidFailProtection,
        is_sharp: true,
        is_of_one: true,
        ..BASE
    },
    // The socket of a daemon whose processes die faster than they start fills up.
    State {
        begins: &["apache.wsgi_crashed"],
        at_most_s: 30,
        explains_messages: &["apache.wsgi_queue_full", "apache.wsgi_queue_timeout"],
        cause: Cause::ProcessCrashed,
        ..BASE
    },
    // HAProxy says once per second at most which limit it is at.
    State {
        begins: &["haproxy.fd_limit"],
        before_s: 5,
        at_most_s: 60,
        explains: &["haproxy.resource"],
        cause: Cause::FdExhausted,
        ..BASE
    },
    State {
        begins: &["haproxy.memory_limit"],
        before_s: 5,
        at_most_s: 60,
        explains: &["haproxy.resource", "haproxy.internal_error"],
        cause: Cause::MemoryExhausted,
        ..BASE
    },
    State {
        begins: &["haproxy.maxconn_reached"],
        before_s: 5,
        at_most_s: 60,
        explains: &["haproxy.resource"],
        cause: Cause::ConnectionLimit,
        ..BASE
    },
];

/// A stretch of time in a state.
#[derive(Debug, Clone, Copy)]
struct Interval {
    state: usize,
    from: i64,
    to: i64,
    /// The latest end of the rows of its state up to this one.
    reach: i64,
    about: About,
    /// Which entries it may explain: index into [`Intervals::heard`].
    heard: usize,
    /// Which of several entries it is about cannot be told.
    is_vague: bool,
    /// Its entries that name no machine stand in logs that seem to be of several: of which cannot be told.
    is_torn: bool,
    fact: CauseFact,
}

impl Interval {
    /// Whether entries of a thing are of its state, and may be of its machine.
    fn may_be_of(&self, (state, _, _, machine, _): &Thing) -> bool {
        *state == self.state && machines_agree(self.fact.machine, *machine)
    }

    /// As [`About::names`].
    fn names(&self, (_, upstream, site, ..): &Thing) -> Option<bool> {
        let entry = EntryFact { upstream: *upstream, site: *site, ..EntryFact::default() };
        self.about.names(&entry)
    }

    fn explained(&self) -> Explained {
        Explained {
            cause: STATES[self.state].cause,
            rule: self.fact.rule,
            scope: self.fact.scope,
            place: self.fact.place,
            at: self.fact.at,
        }
    }
}

/// All states of a run.
#[derive(Debug, Default)]
pub struct Intervals {
    rows: Vec<Interval>,
    /// The access logs that events of each place speak for, and those that they do not.
    heard: Vec<(Heard, Vec<InputIndex>)>,
    places: Places,
    siblings: Siblings,
    /// The machines that have events about one thing, by what it is and which entries they may explain.
    known: BTreeMap<(About, usize), BTreeSet<u32>>,
    /// Machines and sites of the inputs.
    machines: Machines,
}

/// A state that explains an entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Explained {
    pub cause: Cause,
    pub rule: u16,
    pub scope: u32,
    pub place: Place,
    pub at: i64,
}

/// Events about one trouble come within this time: those of another state after it are about another trouble.
const SAME_TROUBLE_US: i64 = 120 * SECOND_US;

/// True when the state of the one explains what the state of the other does: where the one begins, the other is over.
fn replaces(later: usize, state: usize) -> bool {
    later != state && STATES[later].explains == STATES[state].explains
}

/// More events than this are not looked at: they would tell of everything and so of nothing.
const MAX_EVENTS: usize = 10_000;

/// More stretches of time than this are not kept apart.
const MAX_INTERVALS: usize = 1000;

/// Per row of the verdict tables the kinds of state that explain its entries, a bit each.
static EXPLAINED: LazyLock<Vec<u32>> = LazyLock::new(|| {
    states_of(crate::verdict::RULES.iter().map(|rule| rule.id), |state| state.explains)
});

/// Per row of the cause table the kinds of state that explain its messages, a bit each.
static EXPLAINED_MESSAGES: LazyLock<Vec<u32>> =
    LazyLock::new(|| states_of(RULES.iter().map(|rule| rule.id), |state| state.explains_messages));

fn states_of<'i>(
    ids: impl Iterator<Item = &'i str>,
    explains: fn(&State) -> &[&'static str],
) -> Vec<u32> {
    let bits = |id: &str| {
        let rows = STATES.iter().enumerate().filter(|(_, state)| explains(state).contains(&id));
        rows.fold(0, |bits, (state, _)| bits | 1 << state)
    };
    ids.map(bits).collect()
}

/// The kinds of state that a row of the cause table begins.
pub(super) fn begun_by(matcher: &CauseMatcher, rule: u16) -> impl Iterator<Item = usize> + '_ {
    let id = matcher.rule(rule).map(|rule| rule.id.as_ref());
    (0..STATES.len()).filter(move |state| id.is_some_and(|id| STATES[*state].begins.contains(&id)))
}

/// True for entries that a kind of state explains.
pub(super) fn is_explained_by(state: usize, entry: &EntryFact) -> bool {
    EXPLAINED.get(usize::from(entry.rule)).is_some_and(|states| states >> state & 1 == 1)
}

impl Intervals {
    /// Collects the states of all inputs.
    pub(super) fn of(
        inputs: &[ScannedInput],
        (entries, causes): (&Sorted<EntryFact, JoinKey>, &Sorted<CauseFact, JoinKey>),
        zones: &Zones,
        matcher: &CauseMatcher,
    ) -> Result<Self> {
        let mut intervals = Intervals {
            places: Places::of(inputs),
            siblings: Siblings::of_paths(paths(inputs)),
            ..Intervals::default()
        };
        let mut events: Vec<(CauseFact, About, usize)> = Vec::new();
        let mut heard_of: BTreeMap<(InputIndex, u32), usize> = BTreeMap::new();
        // Events name no request: they come first.
        for fact in causes.rows() {
            let mut fact = fact?;
            if fact.target_key != 0 || events.len() >= MAX_EVENTS {
                break;
            }
            let ends = |state: &State| {
                let id = matcher.rule(fact.rule).map(|rule| rule.id.as_ref());
                id.is_some_and(|id| state.ends.contains(&id))
            };
            let matters = begun_by(matcher, fact.rule).next().is_some() || STATES.iter().any(ends);
            if matters && !fact.flags.has(Flags::TIMELESS) {
                zones.resolve_cause(&mut fact);
                // Only events of Windows tell of pools and sites.
                let is_windows =
                    matcher.rule(fact.rule).is_some_and(|rule| rule.server == Server::Windows);
                let about =
                    if is_windows { about(inputs, &fact, matcher) } else { About::default() };
                let (input, machine) = (fact.place.position.input, fact.machine);
                let heard = heard_of.entry((input, machine));
                let heard = *heard.or_insert_with(|| intervals.heard(input, machine));
                events.push((fact, about, heard));
            }
        }
        if events.is_empty() {
            return Ok(intervals);
        }
        let named = events.iter().map(|(fact, ..)| fact.machine);
        let known = named.filter(|machine| *machine != 0).collect();
        intervals.machines = Machines::of(inputs, entries, &intervals.places, &known)?;
        for (fact, about, heard) in &mut events {
            if fact.machine == 0 {
                fact.machine = intervals.machines.machine(fact.place.position.input);
            }
            intervals.known.entry((*about, *heard)).or_default().insert(fact.machine);
        }
        let shown = intervals.shown(entries, zones)?;
        events.sort_by_key(|(fact, ..)| (fact.at, fact.place.position));
        for (index, (fact, about, heard)) in events.iter().enumerate() {
            for state in begun_by(matcher, fact.rule) {
                let row = &STATES[state];
                let ends = |(later, other, by): &&(CauseFact, About, usize)| {
                    let id = matcher.rule(later.rule).map_or("", |rule| rule.id.as_ref());
                    let is_same = (other, by, later.machine) == (about, heard, fact.machine);
                    let is_other = later.at - fact.at > SAME_TROUBLE_US
                        && *about != About::default()
                        && begun_by(matcher, later.rule).any(|other| replaces(other, state));
                    is_same && (row.ends.contains(&id) || is_other)
                };
                let latest = fact.at + row.at_most_s * SECOND_US;
                let end = events[index + 1..].iter().find(ends).map_or(latest, |(end, ..)| end.at);
                let mut interval = Interval {
                    state,
                    from: fact.at - row.before_s * SECOND_US,
                    to: end.min(latest),
                    reach: 0,
                    about: *about,
                    heard: *heard,
                    is_vague: false,
                    is_torn: false,
                    fact: *fact,
                };
                let end = intervals.shown_end(&interval, &shown, inputs, zones);
                // The second in which it ended belongs to it.
                interval.to = end.unwrap_or(interval.to) + SECOND_US;
                interval.is_vague = row.is_of_one && intervals.is_vague(&interval, &shown);
                interval.is_torn = intervals.is_torn(&interval, &shown);
                intervals.rows.push(interval);
            }
        }
        intervals.merge();
        Ok(intervals)
    }

    /// When there were entries that a state may explain.
    fn shown(&self, entries: &Sorted<EntryFact, JoinKey>, zones: &Zones) -> Result<Shown> {
        let mut shown = Shown::default();
        for entry in entries.rows() {
            let mut entry = entry?;
            let states = EXPLAINED.get(usize::from(entry.rule)).copied().unwrap_or(0);
            if states != 0 {
                zones.resolve_entry(&mut entry);
                let EntryFact { upstream, site, machine, .. } = self.machines.placed(&entry);
                let log = self.siblings.series(entry.place.position.input);
                for state in (0..STATES.len()).filter(|state| states >> state & 1 == 1) {
                    shown.note((state, upstream, site, machine, log), &entry);
                }
            }
        }
        Ok(shown)
    }

    /// When the entries that an interval may explain stopped, if they are seen to.
    fn shown_end(
        &self,
        row: &Interval,
        shown: &Shown,
        inputs: &[ScannedInput],
        zones: &Zones,
    ) -> Option<i64> {
        let is_of = |thing: &Thing| row.may_be_of(thing) && row.names(thing) != Some(false);
        // What another site, or HTTP.sys itself, does says nothing.
        let own: BTreeSet<u32> = shown.sites(&is_of).collect();
        let all: BTreeSet<u32> = shown.sites(&|_| true).chain(self.machines.sites()).collect();
        let tells = |index: &InputIndex| match self.machines.site(*index) {
            0 => all.len() <= 1,
            site => own.contains(&site),
        };
        let good = |from, to| {
            let near = (0..).zip(inputs).filter(|(index, input)| {
                self.hears(row, *index) && tells(index) && !is_of_http_sys(input)
            });
            shown::good_requests(near, zones, (from, to))
        };
        shown.end((row.from, row.to), &is_of, good)
    }

    /// True when entries of several pools, sites or logs may be those that an event is about: it does not say, or they do
    /// not. One of a pool that it does not say is told by entries that begin with it.
    fn is_vague(&self, row: &Interval, shown: &Shown) -> bool {
        /// So long after the event the first entry comes, seconds.
        const REACH_S: i64 = 120;
        let mut one = None;
        shown.between((row.from, row.to)).any(|(thing, first_s)| {
            let (_, pool, site, _, log) = *thing;
            if !row.may_be_of(thing) || row.names(thing).is_some() || !self.hears_log(row, log) {
                return false;
            }
            let of =
                if pool != 0 { (pool, 0, 0) } else { (0, site, if site == 0 { log } else { 0 }) };
            let is_late = pool != 0 && first_s > row.fact.at.div_euclid(SECOND_US) + REACH_S;
            *one.get_or_insert(of) != of || is_late
        })
    }

    /// True when entries that name no machine, or are told none by their event, stand in logs that paths set apart.
    fn is_torn(&self, row: &Interval, shown: &Shown) -> bool {
        let is_untold = |(_, _, _, machine, log): &Thing| {
            (*machine == 0 || row.fact.machine == 0) && self.hears_log(row, *log)
        };
        let things = shown.between((row.from, row.to)).map(|(thing, _)| thing);
        let things = things.filter(|thing| row.may_be_of(thing) && row.names(thing) != Some(false));
        self.siblings.are_apart(things.filter(|thing| is_untold(thing)).map(|thing| thing.4))
    }

    /// True when the event of an interval may be about entries of the pieces of a log.
    fn hears_log(&self, row: &Interval, log: u32) -> bool {
        self.siblings.pieces(log).iter().any(|input| self.hears(row, *input))
    }

    /// True when the event of an interval may be about entries of an input.
    fn hears(&self, row: &Interval, input: InputIndex) -> bool {
        self.heard.get(row.heard).is_none_or(|(heard, foreign)| {
            self.places.hears(heard, input) && foreign.binary_search(&input).is_err()
        })
    }

    /// The access logs that the events of an input and a machine speak for, and those that they do not.
    fn heard(&mut self, input: InputIndex, machine: u32) -> usize {
        let heard = (self.places.heard(input), self.siblings.foreign(input, machine));
        self.heard.iter().position(|other| *other == heard).unwrap_or_else(|| {
            self.heard.push(heard);
            self.heard.len() - 1
        })
    }

    /// True when an interval may be of the machine that an entry names, or whose log it stands in.
    fn is_of(&self, row: &Interval, entry: &EntryFact) -> bool {
        machines_agree(row.fact.machine, entry.machine)
            && self.hears(row, entry.place.position.input)
    }

    /// Makes one interval of those that overlap and are about the same thing; the first event stands for them.
    fn merge(&mut self) {
        let thing =
            |row: &Interval| (row.state, row.about, row.fact.scope, row.fact.machine, row.heard);
        self.rows.sort_by_key(|row| (thing(row), row.fact.at, row.fact.place.position));
        self.rows.dedup_by(|later, kept| {
            let is_one = thing(later) == thing(kept) && later.from <= kept.to;
            if is_one {
                kept.to = kept.to.max(later.to);
                kept.is_vague |= later.is_vague;
                kept.is_torn |= later.is_torn;
            }
            is_one
        });
        if self.rows.len() > MAX_INTERVALS {
            // Part of them would look as if there were no others.
            self.rows.clear();
        }
        self.arrange();
    }

    /// Brings the rows of a state together, in order of time.
    fn arrange(&mut self) {
        self.rows.sort_by_key(|row| (row.state, row.from, row.fact.at, row.fact.place.position));
        let mut before: Option<(usize, i64)> = None;
        for row in &mut self.rows {
            let reach = before.filter(|(state, _)| *state == row.state).map_or(i64::MIN, |it| it.1);
            row.reach = reach.max(row.to);
            before = Some((row.state, row.reach));
        }
    }

    /// The state that explains why a message came, deeper than the message itself. `entry` is what the message explains.
    pub(super) fn explaining_message(
        &self,
        rule: u16,
        scope: u32,
        at: i64,
        entry: &EntryFact,
    ) -> Option<Explained> {
        // Rows of the table keep their index whatever rules a user adds.
        let states = EXPLAINED_MESSAGES.get(usize::from(rule)).copied().unwrap_or(0);
        self.of_states(states, |rows| {
            let holding = self.holding(rows, at, entry);
            holding.filter(|row| row.fact.scope == scope).last()
        })
    }

    /// The state that explains an entry.
    pub(super) fn explaining(&self, entry: &EntryFact) -> Option<Explained> {
        let states = EXPLAINED.get(usize::from(entry.rule)).copied().unwrap_or(0);
        if states == 0 || self.rows.is_empty() {
            return None;
        }
        let entry = &self.machines.placed(entry);
        self.of_states(states, |rows| {
            let (mut named, mut earliest, mut is_one_thing) = (None, None::<&Interval>, true);
            for row in self.holding(rows, entry.at, entry) {
                is_one_thing &= earliest.is_none_or(|other| other.about == row.about);
                earliest = Some(row);
                if row.about.names(entry) == Some(true) {
                    named = Some(row);
                }
            }
            let is_told = |row: &&Interval| row.about.names(entry).is_none() && !row.is_vague;
            let unnamed = earliest.filter(|row| is_one_thing && is_told(row));
            named.or(unnamed).filter(|row| {
                let in_state =
                    self.holding(rows, entry.at, entry).filter(|on| on.about == row.about);
                let is_told = entry.machine != 0 && row.fact.machine != 0;
                (is_told || !row.is_torn) && (entry.machine != 0 || self.are_all(in_state, row))
            })
        })
    }

    /// True when these intervals are of all machines that have events about what one of them is about.
    fn are_all<'i>(&self, rows: impl Iterator<Item = &'i Interval>, one: &Interval) -> bool {
        let Some(machines) = self.known.get(&(one.about, one.heard)) else { return true };
        let is_subset = |in_state: BTreeSet<u32>| machines.is_subset(&in_state);
        machines.len() <= 1 || is_subset(rows.map(|row| row.fact.machine).collect())
    }

    /// The first answer that the rows of one of these states give.
    fn of_states<'i>(
        &'i self,
        states: u32,
        answer: impl Fn(&'i [Interval]) -> Option<&'i Interval>,
    ) -> Option<Explained> {
        if states == 0 || self.rows.is_empty() {
            return None;
        }
        let found = (0..STATES.len()).filter(|state| states >> state & 1 == 1).find_map(|state| {
            let from = self.rows.partition_point(|row| row.state < state);
            let to = self.rows.partition_point(|row| row.state <= state);
            answer(&self.rows[from..to])
        });
        found.map(Interval::explained)
    }

    /// The rows of one state that hold at this time, on the machine of an entry; the earliest is the last.
    fn holding<'i>(
        &'i self,
        rows: &'i [Interval],
        at: i64,
        entry: &EntryFact,
    ) -> impl Iterator<Item = &'i Interval> {
        let begun = rows.partition_point(|row| row.from <= at);
        rows[..begun]
            .iter()
            .rev()
            .take_while(move |row| at <= row.reach)
            .filter(move |row| at <= row.to && self.is_of(row, entry))
    }
}

/// True for the log of requests that HTTP.sys kept from applications.
fn is_of_http_sys(input: &ScannedInput) -> bool {
    let mut readers = input.plan.iter().flat_map(|plan| plan.detected());
    readers.any(|reader| reader.about().format == IisHttperrFormat::NAME)
}

/// What an event is about: the pool that it names, or the site in `/LM/W3SVC/1/ROOT` and `MACHINE/WEBROOT/APPHOST/...`.
fn about(inputs: &[ScannedInput], fact: &CauseFact, matcher: &CauseMatcher) -> About {
    let input = inputs.get(fact.place.position.input as usize);
    let scope = input.and_then(|input| input.scope_of(fact, matcher));
    scope.map(|(_, name)| About::named(&name)).unwrap_or_default()
}
