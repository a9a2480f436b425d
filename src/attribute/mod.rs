//! The set of facts -> the final verdict of every entry.
//!
//! In: the sorted stores of entry and cause facts, and what the inputs' tallies say of zones. Out: an [`Attribution`].
//! Invariants: a pure function of the *set* of facts: it runs once, after the last fact, so that nothing depends on the
//! order in which lines, files or machines were read. Evidence counts in this order: fields of the entry's own line
//! (module `verdict`), an error line of the same request (module [`join`]), the silence of an error log, body size.
//!
//! How an entry and an error line find each other is documented in [`join`]; how zone-less clocks are resolved in
//! [`zones`].

pub mod companions;
pub mod join;
pub mod lean;
pub mod zones;

use std::collections::BTreeMap;

use crate::cause::{CauseMatcher, Rule, RuleKind};
use crate::error::Result;
use crate::evidence::{Place, Position};
use crate::fact::{CauseFact, EntryFact, Flags};
use crate::scan::{JoinKey, ScannedInput};
use crate::store::{Budget, Sorted, Sorter, Stored};
use crate::taxonomy::{Basis, Cause, Confidence, Origin};
use crate::time::SECOND_US;
use crate::verdict::{Openness, RULES, VerdictRule, rule_index};

use companions::Companions;
use join::{Matched, match_cluster};
use lean::Leanings;
use zones::{ZonePolicy, Zones};

/// A set of [`Basis`] items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct BasisSet(u16);

impl BasisSet {
    /// The set of these items.
    pub fn of(items: &[Basis]) -> Self {
        items.iter().fold(BasisSet(0), |set, item| set.with(*item))
    }

    /// The set with one more item.
    #[must_use]
    pub fn with(self, item: Basis) -> Self {
        BasisSet(self.0 | 1 << item as u16)
    }

    /// The items, in the order of the taxonomy.
    pub fn items(self) -> Vec<Basis> {
        Basis::ALL.iter().copied().filter(|item| self.0 >> *item as u16 & 1 == 1).collect()
    }
}

/// No rule of the cause table.
const NO_RULE: u16 = u16::MAX;

/// The verdict of one entry, as stored. Read it through its methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verdict {
    /// The entry, its time resolved to UTC.
    pub entry: EntryFact,
    /// The error line that explains it; length 0 for none.
    pub evidence: Place,
    /// Time of that line, microseconds UTC.
    pub evidence_at: i64,
    /// What the cause is about, as a short hash: peer, group, zone; 0 for none.
    pub scope: u32,
    basis: u16,
    message_rule: u16,
    origin: u8,
    cause: u8,
    confidence: u8,
    open: u8,
}

crate::store::stored!(
    Verdict, entry.at: i64, entry.place.position.input: u32, entry.place.position.offset: u64, entry.place.line: u64,
    entry.place.length: u32, entry.target_key: u64, entry.client: u64, entry.path: u64, entry.id: u64,
    entry.connection: u64, entry.host: u32, entry.upstream: u32, entry.duration_ms: u32, entry.body_bytes: u32,
    entry.status: u16, entry.rule: u16, entry.flags.0: u16, evidence.position.input: u32, evidence.position.offset: u64,
    evidence.line: u64, evidence.length: u32, evidence_at: i64, scope: u32, basis: u16, message_rule: u16, origin: u8,
    cause: u8, confidence: u8, open: u8
);

/// A best guess that is not published as a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaning {
    /// Who probably generated it.
    pub origin: Origin,
    /// Why, if that can be guessed.
    pub cause: Option<Cause>,
    /// What the guess rests on.
    pub basis: BasisSet,
}

impl Verdict {
    /// The verdict that an entry's own fields give.
    fn own(entry: EntryFact) -> Self {
        let mut verdict =
            Verdict { entry, message_rule: NO_RULE, scope: entry.upstream, ..Verdict::default() };
        verdict.set_rule(entry.rule);
        verdict
    }

    /// Takes over a row of the decision tables.
    fn set_rule(&mut self, rule: u16) {
        let row = rule_at(rule);
        self.entry.rule = rule;
        self.basis = BasisSet::of(row.basis).0;
        self.origin = row.origin as u8;
        self.cause = cause_code(row.cause);
        self.confidence = row.confidence as u8;
        self.open = u8::from(row.openness == Openness::Open);
    }

    /// The verdict once it is known which error logs stayed silent for good.
    fn settled(mut self, companions: &Companions) -> Self {
        if self.open == 1
            && let Some(id) = self.rule().when_silent
            && !self.entry.flags.has(Flags::DOUBTED)
            && companions.silence_speaks(self.entry.place.position.input, self.entry.at)
        {
            self.set_rule(rule_index(id));
        }
        self
    }

    /// Takes over what an error line of this request says.
    fn set_message(
        &mut self,
        fact: &CauseFact,
        rule: &Rule,
        confidence: Confidence,
        basis: BasisSet,
    ) {
        self.evidence = fact.place;
        self.evidence_at = fact.at;
        let row = rule_at(self.entry.rule);
        if row.openness == Openness::Closed {
            // The fields decide; a line that agrees is evidence all the same.
            if rule.cause == row.cause {
                self.basis |= basis.0;
                self.scope = fact.scope;
                self.message_rule = fact.rule;
            } else {
                self.evidence = Place::default();
            }
            return;
        }
        self.message_rule = fact.rule;
        self.scope = if fact.scope == 0 { self.scope } else { fact.scope };
        self.basis = BasisSet::of(row.basis).0 | basis.0;
        if rule.origin != Origin::Unknown {
            self.origin = rule.origin as u8;
        }
        if rule.cause.is_some() {
            self.cause = cause_code(rule.cause);
        }
        self.confidence = confidence as u8;
        self.open = 0;
    }

    /// The published origin: `unknown` below `likely`.
    pub fn origin(&self) -> Origin {
        if self.is_decided() { self.own_origin() } else { Origin::Unknown }
    }

    /// The published cause.
    pub fn cause(&self) -> Option<Cause> {
        if self.is_decided() { self.own_cause() } else { None }
    }

    /// How sure the published verdict is.
    pub fn confidence(&self) -> Confidence {
        match Confidence::ALL[usize::from(self.confidence)] {
            confidence if confidence >= Confidence::Likely => confidence,
            _ => Confidence::Unknown,
        }
    }

    /// True when the verdict is sure enough to be published.
    pub fn is_decided(&self) -> bool {
        self.open == 0 && Confidence::ALL[usize::from(self.confidence)] >= Confidence::Likely
    }

    /// What the published verdict rests on.
    pub fn basis(&self) -> BasisSet {
        if self.is_decided() { BasisSet(self.basis) } else { BasisSet::default() }
    }

    /// Index in the cause table of the rule whose message decided or supports the verdict.
    pub fn message_rule(&self) -> Option<u16> {
        (self.message_rule != NO_RULE).then_some(self.message_rule)
    }

    /// The row of the decision tables that holds.
    pub fn rule(&self) -> &'static VerdictRule {
        rule_at(self.entry.rule)
    }

    fn own_origin(&self) -> Origin {
        Origin::ALL[usize::from(self.origin).min(Origin::ALL.len() - 1)]
    }

    fn own_cause(&self) -> Option<Cause> {
        usize::from(self.cause).checked_sub(1).and_then(|code| Cause::ALL.get(code).copied())
    }
}

fn rule_at(rule: u16) -> &'static VerdictRule {
    RULES.get(usize::from(rule)).unwrap_or(&RULES[0])
}

fn cause_code(cause: Option<Cause>) -> u8 {
    cause.map_or(0, |cause| cause as u8 + 1)
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
    leanings: Leanings,
    /// All messages that matched a rule, by time; [`Flags::JOINED`] marks those that explain an entry.
    pub messages: Sorted<CauseFact, TimeKey>,
    /// Messages by what they say.
    pub signals: BTreeMap<SignalKey, Signal>,
    /// How zone-less clocks were resolved.
    pub zones: Zones,
}

impl Attribution {
    /// The verdicts in order of time.
    pub fn verdicts(&self) -> impl Iterator<Item = Result<Verdict>> + '_ {
        self.verdicts.rows().map(|verdict| verdict.map(|verdict| verdict.settled(&self.companions)))
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
        if verdict.own_origin() == Origin::Unknown {
            return self.leanings.at(verdict.entry.at);
        }
        let basis = BasisSet::of(if verdict.rule().missing.is_empty() {
            &[]
        } else {
            &[Basis::FieldValue]
        });
        Some(Leaning { origin: verdict.own_origin(), cause: verdict.own_cause(), basis })
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
    let (entries, causes) = (entries.sorted(), causes.sorted());
    let zones = Zones::resolve(inputs, &entries, &causes, config.zone)?;
    let half = || Budget { bytes: config.budget.bytes / 2, ..config.budget.clone() };
    let mut walk = Walk {
        config,
        companions: Companions::of(inputs, &zones),
        zones,
        verdicts: Sorter::new(half(), |verdict| (verdict.entry.at, verdict.entry.place.position)),
        messages: Sorter::new(half(), |fact| (fact.at, fact.place.position)),
        signals: BTreeMap::new(),
        leftovers: Leftovers::default(),
    };
    walk.all(&entries, &causes)?;
    let verdicts = walk.verdicts.sorted();
    let companions = walk.companions;
    let settled =
        verdicts.rows().map(|verdict| verdict.map(|verdict| verdict.settled(&companions)));
    let leanings = Leanings::of(settled)?;
    Ok(Attribution {
        verdicts,
        companions,
        leanings,
        messages: walk.messages.sorted(),
        signals: walk.signals,
        zones: walk.zones,
    })
}

/// The walk over both stores in step, one cluster of equal keys after the other.
struct Walk<'w> {
    config: &'w AttributeConfig<'w>,
    zones: Zones,
    companions: Companions,
    verdicts: Sorter<Verdict, TimeKey>,
    messages: Sorter<CauseFact, TimeKey>,
    signals: BTreeMap<SignalKey, Signal>,
    leftovers: Leftovers,
}

impl Walk<'_> {
    fn all(
        &mut self,
        entries: &Sorted<EntryFact, JoinKey>,
        causes: &Sorted<CauseFact, JoinKey>,
    ) -> Result<()> {
        let mut cluster = Cluster::default();
        let mut entry_rows = entries.rows().peekable();
        let mut cause_rows = causes.rows().peekable();
        loop {
            let entry_key =
                peek_key(&mut entry_rows, |fact: &EntryFact| (fact.target_key, fact.client))?;
            let cause_key =
                peek_key(&mut cause_rows, |fact: &CauseFact| (fact.target_key, fact.client))?;
            let Some(key) = [entry_key, cause_key].into_iter().flatten().min() else { break };
            while let Some(row) = entry_rows
                .next_if(|row| row.as_ref().is_ok_and(|fact| (fact.target_key, fact.client) == key))
            {
                let mut fact = row?;
                self.zones.resolve_entry(&mut fact);
                if self.config.in_window(fact.at) {
                    cluster.entries.push(Verdict::own(fact));
                }
            }
            while let Some(row) = cause_rows
                .next_if(|row| row.as_ref().is_ok_and(|fact| (fact.target_key, fact.client) == key))
            {
                let mut fact = row?;
                self.zones.resolve_cause(&mut fact);
                if self.config.in_window(fact.at) || fact.flags.has(Flags::TIMELESS) {
                    cluster.causes.push(fact);
                }
            }
            if key.0 != 0 {
                cluster.join(self.config.matcher, &self.companions, &self.zones);
            }
            self.close(key.0, &mut cluster)?;
        }
        self.flush_leftovers()
    }

    /// Hands on what a cluster holds; what may be doubted waits for the other clients of the same target.
    fn close(&mut self, target_key: u64, cluster: &mut Cluster) -> Result<()> {
        if target_key != self.leftovers.target_key || self.leftovers.is_full() {
            self.flush_leftovers()?;
            self.leftovers.target_key = target_key;
        }
        for verdict in cluster.entries.drain(..) {
            if verdict.entry.flags.has(Flags::KIN) {
                continue;
            }
            if verdict.open == 1 && verdict.rule().when_silent.is_some() {
                self.leftovers.entries.push(verdict);
            } else {
                self.verdicts.push(verdict)?;
            }
        }
        for fact in cluster.causes.drain(..) {
            let rule = self.config.matcher.rule(fact.rule);
            let joined = fact.flags.has(Flags::JOINED);
            if rule.is_some_and(|rule| rule.kind.explains_requests()) && target_key != 0 {
                self.companions.note(fact.place.position.input, joined);
                if !joined {
                    self.leftovers.lines.push(fact.at);
                }
            }
            note_signal(&mut self.signals, self.config.matcher, &fact);
            self.messages.push(fact)?;
        }
        Ok(())
    }

    /// Entries beside whose end a line for the same target, but another client, found no entry are left in doubt: the
    /// two logs may name clients differently (`X-Forwarded-For`).
    fn flush_leftovers(&mut self) -> Result<()> {
        self.leftovers.lines.sort_unstable();
        for mut verdict in self.leftovers.entries.drain(..) {
            let from = verdict.entry.at - DOUBT_US;
            let next = self.leftovers.lines.partition_point(|at| *at < from);
            let near =
                self.leftovers.lines.get(next).is_some_and(|at| *at <= verdict.entry.at + DOUBT_US);
            verdict.entry.flags = verdict.entry.flags.with(Flags::DOUBTED, near);
            self.verdicts.push(verdict)?;
        }
        self.leftovers.lines.clear();
        Ok(())
    }
}

/// How near a line of another client puts an entry in doubt, microseconds.
const DOUBT_US: i64 = 2 * SECOND_US;

/// Entries and lines of one target that found nothing, of all clients.
#[derive(Debug, Default)]
struct Leftovers {
    target_key: u64,
    entries: Vec<Verdict>,
    lines: Vec<i64>,
}

impl Leftovers {
    /// More entries than this are judged in parts, so that memory stays bounded.
    const MAX_ENTRIES: usize = 65_536;

    fn is_full(&self) -> bool {
        self.entries.len() >= Self::MAX_ENTRIES
    }
}

type Rows<'s, T> = std::iter::Peekable<Box<dyn Iterator<Item = Result<T>> + 's>>;

/// The key of the next row; an unreadable run surfaces here.
fn peek_key<T: Stored, K>(rows: &mut Rows<'_, T>, key: impl Fn(&T) -> K) -> Result<Option<K>> {
    match rows.next_if(Result::is_err) {
        Some(Err(error)) => Err(error),
        _ => Ok(rows.peek().and_then(|row| row.as_ref().ok()).map(key)),
    }
}

/// Entries and messages of one client and request.
#[derive(Debug, Default)]
struct Cluster {
    entries: Vec<Verdict>,
    causes: Vec<CauseFact>,
}

impl Cluster {
    /// Pairs what belongs together: within each directory first, then entries whose directory has no error log with
    /// what is left.
    fn join(&mut self, matcher: &CauseMatcher, companions: &Companions, zones: &Zones) {
        if self.entries.is_empty() || self.causes.is_empty() {
            return;
        }
        self.entries
            .sort_unstable_by_key(|verdict| (verdict.entry.at, verdict.entry.place.position));
        self.causes.sort_unstable_by_key(|fact| (fact.at, fact.place.position));
        let entry_dir =
            |verdict: &Verdict| companions.directory(verdict.entry.place.position.input);
        let cause_dir = |fact: &CauseFact| companions.directory(fact.place.position.input);
        let mut directories: Vec<usize> = self.entries.iter().map(entry_dir).collect();
        directories.sort_unstable();
        directories.dedup();
        for directory in
            directories.iter().copied().filter(|directory| companions.has_error_log(*directory))
        {
            let entries = positions(&self.entries, |verdict| entry_dir(verdict) == directory);
            let causes = positions(&self.causes, |fact| cause_dir(fact) == directory);
            self.join_part(matcher, zones, &entries, &causes);
        }
        if directories.iter().any(|directory| !companions.has_error_log(*directory)) {
            let entries =
                positions(&self.entries, |verdict| !companions.has_error_log(entry_dir(verdict)));
            let causes = positions(&self.causes, |fact| !fact.flags.has(Flags::JOINED));
            self.join_part(matcher, zones, &entries, &causes);
        }
    }

    /// Pairs the entries and messages at these positions.
    fn join_part(
        &mut self,
        matcher: &CauseMatcher,
        zones: &Zones,
        entries: &[usize],
        causes: &[usize],
    ) {
        let explains = |fact: &CauseFact| {
            matcher.rule(fact.rule).is_some_and(|rule| rule.kind.explains_requests())
        };
        let is_final = |fact: &CauseFact| {
            matcher.rule(fact.rule).is_some_and(|rule| rule.kind == RuleKind::FinalFailure)
        };
        let entry_facts: Vec<EntryFact> =
            entries.iter().map(|index| self.entries[*index].entry).collect();
        let cause_facts: Vec<CauseFact> = causes.iter().map(|index| self.causes[*index]).collect();
        for Matched { entry, deciding, lines, confidence, basis } in
            match_cluster(&entry_facts, &cause_facts, &explains, &is_final)
        {
            let fact = cause_facts[deciding];
            if let Some(rule) = matcher.rule(fact.rule) {
                // An attempt that failed may have been followed by one that the log does not show; and a clock that
                // had to be measured makes no pair certain.
                let sees_upstream = entry_facts[entry].flags.has(Flags::SEES_UPSTREAM);
                let certain = (rule.kind == RuleKind::FinalFailure || sees_upstream)
                    && !zones.is_measured_clock(fact.place.position.input);
                let confidence =
                    if certain { confidence } else { confidence.min(Confidence::Likely) };
                self.entries[entries[entry]].set_message(&fact, rule, confidence, basis);
            }
            for line in lines {
                let flags = &mut self.causes[causes[line]].flags;
                *flags = flags.with(Flags::JOINED, true);
            }
        }
    }
}

/// Indices of the rows for which `holds`.
fn positions<T>(rows: &[T], holds: impl Fn(&T) -> bool) -> Vec<usize> {
    rows.iter().enumerate().filter(|(_, row)| holds(row)).map(|(index, _)| index).collect()
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
