//! The set of facts -> the final verdict of every entry.
//!
//! In: the sorted stores of entry and cause facts, and what the inputs' tallies say of zones. Out: an [`Attribution`].
//! Invariants: a pure function of the *set* of facts: it runs once, after the last fact, so that nothing depends on the
//! order in which lines, files or machines were read. Evidence counts in this order: fields of the entry's own line
//! (module `verdict`), an error line of the same request (module [`join`]), the silence of an error log, body size.
//!
//! How an entry and an error line find each other is documented in [`join`], and, for servers whose error lines do not
//! name their request, in [`threads`] and [`client`]; which logs belong together in [`companions`]; how zone-less clocks
//! are resolved in [`zones`].

pub mod client;
pub mod clock;
mod cluster;
pub mod companions;
pub mod intervals;
pub mod join;
pub mod layers;
pub mod lean;
mod leftovers;
mod onset;
mod places;
mod relayed;
mod second;
mod strangers;
pub mod threads;
mod twice;
mod verdict;
mod workers;
pub mod zones;

use std::collections::BTreeMap;
use std::iter::Peekable;

use crate::cause::{CauseMatcher, RuleKind};
use crate::error::Result;
use crate::evidence::{InputIndex, Place, Position};
use crate::fact::{CauseFact, EntryFact, Flags};
use crate::scan::{JoinKey, ScannedInput};
use crate::store::{Budget, Sorted, Sorter, Stored};
use crate::taxonomy::{Basis, LogRole, Origin, Server};

use cluster::{Cluster, Part};
use companions::Companions;
use intervals::Intervals;
use layers::{Layers, Link, Listeners, Verdicts};
use lean::Leanings;
use leftovers::Leftovers;
use relayed::Hops;
use second::{Outlet, SecondPhase};
use strangers::clients_differ;
use workers::Workers;
use zones::{ZonePolicy, Zones};

pub use relayed::CLIENT_CLOSED;
pub use verdict::{BasisSet, Leaning, Verdict};

/// A verdict, and the line of its request in the deepest layer that has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Followed {
    /// The verdict.
    pub verdict: Verdict,
    /// The deeper line; `None` where no deeper layer has the request.
    pub link: Option<Link>,
}

impl Stored for Followed {
    const BYTES: usize = Verdict::BYTES + 1 + Link::BYTES;

    fn write(&self, out: &mut Vec<u8>) {
        self.verdict.write(out);
        out.push(u8::from(self.link.is_some()));
        self.link.unwrap_or_default().write(out);
    }

    fn read(bytes: &[u8]) -> Self {
        let (verdict, rest) = bytes.split_at(Verdict::BYTES);
        let link = rest.split_first().filter(|(is_some, _)| **is_some != 0);
        Followed { verdict: Verdict::read(verdict), link: link.map(|(_, link)| Link::read(link)) }
    }
}

/// Messages of one cause about one thing, whether or not an entry was joined to them.
#[derive(Debug, Clone, Copy)]
pub struct Signal {
    /// Row of the cause table of the first message.
    pub rule: u16,
    /// How many messages.
    pub count: u64,
    /// How many of them explain an entry.
    pub joined: u64,
    /// Time of the first, microseconds UTC.
    pub first_at: i64,
    /// Time of the last, microseconds UTC.
    pub last_at: i64,
    /// Where the first one is (by position).
    pub place: Place,
}

/// What a [`Signal`] is about: its cause (code), origin (code) and scope (short hash).
pub type SignalKey = (u8, u8, u32);

/// More distinct signals than this share the scope 0. Scopes may be host names that clients make up.
const MAX_SIGNALS: usize = 10_000;

/// Order of verdicts and messages on the timeline.
pub type TimeKey = (i64, Position);

/// The result: every entry with its verdict, every message with its resolved time.
#[derive(Debug)]
pub struct Attribution {
    verdicts: Sorted<Verdict, TimeKey>,
    companions: Companions,
    intervals: Intervals,
    leanings: Leanings,
    /// Which logs stand in front of which.
    pub layers: Layers,
    /// All messages that matched a rule, by time; [`Flags::JOINED`] marks those that explain an entry.
    pub messages: Sorted<CauseFact, TimeKey>,
    /// Messages by what they say.
    pub signals: BTreeMap<SignalKey, Signal>,
    /// Entries that an input holds and another line, or input, had already: they are counted once.
    pub redelivered: BTreeMap<InputIndex, u64>,
    /// How zone-less clocks were resolved.
    pub zones: Zones,
}

impl Attribution {
    /// The verdicts in order of time.
    pub fn verdicts(&self) -> impl Iterator<Item = Result<Verdict>> + '_ {
        self.followed().map(|row| row.map(|row| row.verdict))
    }

    /// The verdicts in order of time, each with its link to a deeper layer.
    pub fn followed(&self) -> impl Iterator<Item = Result<Followed>> + '_ {
        follow(&self.verdicts, &self.companions, &self.intervals, &self.layers)
    }

    /// True when an error log is among the inputs.
    pub fn error_log_present(&self) -> bool {
        self.companions.any_error_log()
    }

    /// How many entries there are.
    pub fn n_entries(&self) -> u64 {
        self.verdicts.len()
    }

    /// The best guess for an entry whose origin is not decided.
    pub fn leaning(&self, verdict: &Verdict) -> Option<Leaning> {
        if verdict.is_decided() {
            return None;
        }
        if verdict.own_origin() == Origin::Unknown && lean::speaks_of(verdict) {
            return self.leanings.for_entry(&verdict.entry);
        }
        let row = verdict.rule();
        let basis = BasisSet::of(match row.basis {
            [] if row.missing.is_empty() => &[],
            [] => &[Basis::FieldValue],
            basis => basis,
        });
        (verdict.own_origin() != Origin::Unknown).then(|| Leaning {
            origin: verdict.own_origin(),
            cause: verdict.own_cause(),
            basis,
        })
    }
}

/// What attribution is to do.
#[derive(Debug)]
pub struct AttributeConfig<'c> {
    /// The cause table.
    pub matcher: &'c CauseMatcher,
    /// What the user said of zones.
    pub zone: ZonePolicy,
    /// Entries and messages outside are left out: microseconds UTC, inclusive start, exclusive end.
    pub window: (Option<i64>, Option<i64>),
    /// Memory for verdicts, and where they spill.
    pub budget: Budget,
}

impl AttributeConfig<'_> {
    fn in_window(&self, at: i64) -> bool {
        self.window.0.is_none_or(|since| since <= at)
            && self.window.1.is_none_or(|until| at < until)
    }
}

/// Decides every entry.
///
/// # Errors
/// When temporary files fail.
pub fn attribute(
    inputs: &[ScannedInput],
    entries: Sorter<EntryFact, JoinKey>,
    causes: Sorter<CauseFact, JoinKey>,
    config: &AttributeConfig<'_>,
) -> Result<Attribution> {
    let (mut entries, mut causes) = (entries.sorted(), causes.sorted());
    let zones = Zones::resolve(inputs, &entries, &causes, config.zone, config.matcher)?;
    let workers = Workers::of(inputs, &entries)?;
    let listeners = Listeners::of(inputs, &causes, config.matcher)?;
    let intervals = Intervals::of(inputs, &causes, &zones, config.matcher)?;
    let companions = Companions::of(inputs, &zones);
    let strangers = clients_differ(&entries, &causes, config.matcher, &companions, &zones)?;
    let mut walk = Walk {
        config,
        workers,
        companions,
        zones,
        verdicts: Sorter::new(config.budget.clone(), |verdict| {
            (verdict.entry.at, verdict.entry.place.position)
        }),
        messages: Sorter::new(config.budget.clone(), |fact| (fact.at, fact.place.position)),
        signals: BTreeMap::new(),
        redelivered: BTreeMap::new(),
        leftovers: Leftovers::new(&config.budget),
        hops: Hops::default(),
        strangers,
    };
    let mut second = SecondPhase::new(config.matcher, &config.budget, is_apache_alone(inputs));
    walk.all(&mut entries, &mut causes, &mut second)?;
    let found = second.finish(&mut walk)?;
    walk.companions.note_apache(found.trusts_silence());
    let verdicts = walk.verdicts.sorted();
    let companions = walk.companions;
    let settled = || -> Verdicts<'_> {
        Box::new(
            verdicts.rows().map(|row| row.map(|verdict| verdict.settled(&companions, &intervals))),
        )
    };
    let layers = Layers::of(inputs, &listeners, &settled, &config.budget)?;
    let known =
        follow(&verdicts, &companions, &intervals, &layers).map(|row| row.map(|row| row.verdict));
    let leanings = Leanings::of(known)?;
    Ok(Attribution {
        verdicts,
        companions,
        intervals,
        leanings,
        layers,
        messages: walk.messages.sorted(),
        signals: walk.signals,
        redelivered: walk.redelivered,
        zones: walk.zones,
    })
}

/// Verdicts in order of time, settled, each with its link to a deeper layer.
fn follow<'f>(
    verdicts: &'f Sorted<Verdict, TimeKey>,
    companions: &'f Companions,
    intervals: &'f Intervals,
    layers: &'f Layers,
) -> impl Iterator<Item = Result<Followed>> + 'f {
    let mut links = layers.links().peekable();
    verdicts.rows().map(move |verdict| {
        let verdict = verdict?.settled(companions, intervals);
        let key = (verdict.entry.at, verdict.entry.place.position);
        while let Some(next) = peek_key(&mut links, Link::key)? {
            if next >= key {
                let link = if next == key { links.next().transpose()? } else { None };
                let verdict = link.map_or(verdict, |link| verdict.relayed(&link));
                return Ok(Followed { verdict, link });
            }
            links.next();
        }
        Ok(Followed { verdict, link: None })
    })
}

/// The walk over both stores in step, one cluster of equal keys after the other.
struct Walk<'w> {
    config: &'w AttributeConfig<'w>,
    workers: Workers,
    zones: Zones,
    companions: Companions,
    verdicts: Sorter<Verdict, TimeKey>,
    messages: Sorter<CauseFact, TimeKey>,
    signals: BTreeMap<SignalKey, Signal>,
    redelivered: BTreeMap<InputIndex, u64>,
    leftovers: Leftovers,
    hops: Hops,
    /// Access log and error log name different clients: the target alone joins them.
    strangers: bool,
}

impl Walk<'_> {
    fn all(
        &mut self,
        entries: &mut Sorted<EntryFact, JoinKey>,
        causes: &mut Sorted<CauseFact, JoinKey>,
        second: &mut SecondPhase<'_>,
    ) -> Result<()> {
        let by_client = !self.strangers;
        let key_of = |target: u64, client: u64| (target, if by_client { client } else { 0 });
        let mut cluster = Cluster::new(&self.config.budget);
        let mut entry_rows = entries.last_rows().peekable();
        let mut cause_rows = causes.last_rows().peekable();
        loop {
            let entry_key =
                peek_key(&mut entry_rows, |fact: &EntryFact| key_of(fact.target_key, fact.client))?;
            let cause_key =
                peek_key(&mut cause_rows, |fact: &CauseFact| key_of(fact.target_key, fact.client))?;
            let Some(key) = [entry_key, cause_key].into_iter().flatten().min() else { break };
            while let Some(row) = entry_rows.next_if(|row| {
                row.as_ref().is_ok_and(|fact| key_of(fact.target_key, fact.client) == key)
            }) {
                let mut fact = row?;
                self.zones.resolve_entry(&mut fact);
                self.workers.resolve(&mut fact);
                if relayed::is_abandoned(&fact) {
                    self.hops.note_abandoned(&fact);
                } else if self.config.in_window(fact.at) {
                    cluster.push_entry(Verdict::own(fact))?;
                }
                // What names no request is not joined here, and may be of any number.
                if key.0 == 0 {
                    self.close(key.0, &mut cluster.part, second)?;
                }
            }
            while let Some(row) = cause_rows.next_if(|row| {
                row.as_ref().is_ok_and(|fact| key_of(fact.target_key, fact.client) == key)
            }) {
                let mut fact = row?;
                self.zones.resolve_cause(&mut fact);
                if self.config.in_window(fact.at) || fact.flags.has(Flags::TIMELESS) {
                    cluster.push_message(fact)?;
                }
                if key.0 == 0 {
                    self.close(key.0, &mut cluster.part, second)?;
                }
            }
            cluster.each_part(&mut |part| {
                if key.0 != 0 {
                    twice::drop_copies(&mut part.causes);
                    twice::drop_redelivered(&mut part.entries, |input| {
                        *self.redelivered.entry(input).or_default() += 1;
                    });
                    part.join(self.config.matcher, &self.companions, &self.zones, by_client);
                }
                self.close(key.0, part, second)
            })?;
        }
        self.flush_hops(None)?;
        self.leftovers.flush(&mut self.verdicts)
    }

    /// Hands on the entries of a cache once all of their target were seen. `target_key`: of what comes next.
    fn flush_hops(&mut self, target_key: Option<u64>) -> Result<()> {
        for verdict in self.hops.drain(target_key, &mut self.companions) {
            self.verdicts.push(verdict)?;
        }
        Ok(())
    }

    /// Hands on what a cluster holds; what may be doubted waits for the other clients of the same target.
    fn close(
        &mut self,
        target_key: u64,
        part: &mut Part,
        second: &mut SecondPhase<'_>,
    ) -> Result<()> {
        if target_key != self.leftovers.target_key {
            self.leftovers.flush(&mut self.verdicts)?;
            self.leftovers.target_key = target_key;
        }
        if self.hops.is_done_before(target_key) {
            self.flush_hops(Some(target_key))?;
        }
        for verdict in part.entries.drain(..) {
            if target_key != 0 && self.hops.take(&verdict) {
                continue;
            }
            let Some(verdict) = second.take_entry(verdict)? else { continue };
            if verdict.open == 1 && verdict.rule().when_silent.is_some() && !verdict.is_kin() {
                self.leftovers.push(verdict)?;
            } else {
                self.entry(verdict)?;
            }
        }
        for fact in part.causes.drain(..) {
            let directory = self.companions.directory(fact.place.position.input);
            let Some(fact) = second.take_message(fact, directory)? else { continue };
            let rule = self.config.matcher.rule(fact.rule);
            let joined = fact.flags.has(Flags::JOINED);
            if rule.is_some_and(|rule| rule.kind.explains_requests()) && target_key != 0 {
                self.companions.note(fact.place.position.input, joined);
                if !joined {
                    self.leftovers.note_line(fact.at);
                }
            }
            self.message(fact)?;
        }
        Ok(())
    }
}

impl Outlet for Walk<'_> {
    fn entry(&mut self, verdict: Verdict) -> Result<()> {
        // Entries of statuses that were not asked for have claimed their lines, and are done.
        if verdict.is_kin() { Ok(()) } else { self.verdicts.push(verdict) }
    }

    fn message(&mut self, fact: CauseFact) -> Result<()> {
        note_signal(&mut self.signals, self.config.matcher, &fact);
        self.messages.push(fact)
    }
}

/// True when an input holds lines of this kind, and nobody else's.
fn is_log_of(input: &ScannedInput, role: LogRole, server: Server) -> bool {
    input.plan.iter().flat_map(|plan| plan.detected()).any(|reader| {
        let about = reader.about();
        about.role == role && about.server == server && about.ambiguous_with.is_none()
    })
}

/// True when access lines that several servers write are Apache's: its messages are there, and no others, nor an access
/// log that is surely its own.
fn is_apache_alone(inputs: &[ScannedInput]) -> bool {
    let any = |role, server| inputs.iter().any(|input| is_log_of(input, role, server));
    any(LogRole::Error, Server::Apache)
        && !any(LogRole::Error, Server::Nginx)
        && !any(LogRole::Access, Server::Apache)
}

/// The key of the next row; an unreadable run surfaces here.
fn peek_key<T, K>(
    rows: &mut Peekable<impl Iterator<Item = Result<T>>>,
    key: impl Fn(&T) -> K,
) -> Result<Option<K>> {
    match rows.next_if(Result::is_err) {
        Some(Err(error)) => Err(error),
        _ => Ok(rows.peek().and_then(|row| row.as_ref().ok()).map(key)),
    }
}

fn note_signal(
    signals: &mut BTreeMap<SignalKey, Signal>,
    matcher: &CauseMatcher,
    fact: &CauseFact,
) {
    let Some(rule) = matcher.rule(fact.rule) else { return };
    let Some(cause) = rule.cause else { return };
    if matches!(rule.kind, RuleKind::Noise | RuleKind::Lifecycle(_)) {
        return;
    }
    let mut key = (cause as u8, rule.origin as u8, fact.scope);
    if signals.len() >= MAX_SIGNALS && !signals.contains_key(&key) {
        key.2 = 0;
    }
    let fresh = Signal {
        rule: fact.rule,
        count: 0,
        joined: 0,
        first_at: fact.at,
        last_at: fact.at,
        place: fact.place,
    };
    let signal = signals.entry(key).or_insert(fresh);
    signal.count += 1;
    signal.joined += u64::from(fact.flags.has(Flags::JOINED));
    signal.first_at = signal.first_at.min(fact.at);
    signal.last_at = signal.last_at.max(fact.at);
    if fact.place.position < signal.place.position {
        signal.place = fact.place;
        signal.rule = fact.rule;
    }
}
