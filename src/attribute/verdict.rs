//! The verdict of one entry, and how evidence changes it.
//!
//! In: an entry's own row of the decision tables, and the message that explains it. Out: a [`Verdict`], stored as small
//! integers. Invariants: a closed row stands whatever a message says; an origin is published at `likely` or above only.

use std::sync::LazyLock;

use super::companions::Companions;
use super::intervals::Intervals;
use super::layers::{Link, LinkBasis};
use super::relayed;
use crate::cause::{CauseMatcher, Rule, RuleKind};
use crate::evidence::Place;
use crate::fact::{CauseFact, EntryFact, Flags};
use crate::taxonomy::{Basis, Cause, Confidence, Origin, Server};
use crate::verdict::{
    Contact, FAILED_OR_STALE, Openness, RULES, VerdictRule, relayed_row, rule_index,
};

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
    pub fn items(self) -> impl Iterator<Item = Basis> {
        Basis::ALL.iter().copied().filter(move |item| self.0 >> *item as u16 & 1 == 1)
    }
}

/// Rows of entries that were relayed if nginx did not fail itself, which only a log of the level error would tell.
const RELAYED: [&str; 2] = ["nginx.upstream_502_silent", "nginx.contacted_silent"];

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
    pub(super) basis: u16,
    pub(super) message_rule: u16,
    pub(super) origin: u8,
    pub(super) cause: u8,
    pub(super) confidence: u8,
    pub(super) open: u8,
}

crate::store::stored!(
    Verdict, entry.at: i64, entry.place.position.input: u32, entry.place.position.offset: u64, entry.place.line: u64,
    entry.place.length: u32, entry.target_key: u64, entry.client: u64, entry.path: u64, entry.id: u64,
    entry.request: u64, entry.trace: u64, entry.edge_id: u64, entry.hop: u64, entry.connection: u64, entry.host: u32,
    entry.upstream: u32, entry.ending: u32, entry.log_id: u32,
    entry.site: u32, entry.listen: u32, entry.server: u32, entry.forwarded: u32, entry.forwarded_before: u32, entry.machine: u32, entry.referrer: u32, entry.duration_ms: u32, entry.body_bytes: u32,
    entry.status: u16, entry.method: u16, entry.rule: u16, entry.flags.0: u16, evidence.position.input: u32, evidence.position.offset: u64,
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
    pub(super) fn own(entry: EntryFact) -> Self {
        let mut verdict =
            Verdict { entry, message_rule: NO_RULE, scope: entry.upstream, ..Verdict::default() };
        verdict.set_rule(entry.rule);
        verdict
    }

    /// Takes over a row of the decision tables.
    pub(super) fn set_rule(&mut self, rule: u16) {
        let row = rule_at(rule);
        self.entry.rule = rule;
        self.basis = BasisSet::of(row.basis).0;
        self.origin = row.origin as u8;
        self.cause = cause_code(row.cause);
        self.confidence = row.confidence as u8;
        self.open = u8::from(row.openness == Openness::Open);
    }

    /// True when the message that explains it is about one attempt, and nothing shows whether that was the last.
    pub(super) fn rests_on_attempt(&self, matcher: &CauseMatcher) -> bool {
        let rule = self.message_rule().and_then(|rule| matcher.rule(rule));
        self.rule().contact == Contact::NotLogged
            && rule
                .is_some_and(|rule| rule.kind == RuleKind::Failure && rule.server == Server::Nginx)
    }

    /// True for an entry of nginx whose layout shows no backend, and that no error line was found for.
    pub(super) fn has_no_line(&self) -> bool {
        self.rule().contact == Contact::NotLogged
            && self.server() == Server::Nginx
            && self.evidence.length == 0
            && !self.entry.flags.has(Flags::TRACED)
    }

    /// The verdict once all pages and attempts are known: that of an attempt behind the one that failed leaves it open,
    /// and so do a backend whose requests go on to others, an answer behind a redirect, and one that may be stale.
    pub(super) fn by_page(self, matcher: &CauseMatcher, companions: &Companions) -> Self {
        let directory = companions.directory(self.entry.place.position.input);
        let is_before = self.rule().contact == Contact::AfterRedirect && !self.is_kin();
        let is_other = is_before
            || self.rests_on_attempt(matcher)
                && (companions.pages.differ_from(directory, &self.entry)
                    || companions.pages.may_differ_from(directory, &self.entry, self.scope)
                    || companions.go_on(self.evidence.position.input, self.scope));
        let is_failure = || {
            self.server() == Server::Nginx
                && self.is_decided()
                && self.own_origin() == Origin::Proxy
                && self.rule().contact != Contact::None
        };
        if is_failure() && !self.is_kin() && companions.may_be_stale(&self.entry) {
            let mut own = Verdict::own(self.entry);
            own.set_rule(rule_index(FAILED_OR_STALE));
            return own;
        }
        if !is_other {
            return self;
        }
        // The log was not silent, whatever its line tells.
        let mut own = Verdict::own(self.entry);
        own.entry.flags = own.entry.flags.with(Flags::TRACED, true);
        own
    }

    /// The verdict once it is known which error logs stayed silent for good.
    pub(super) fn settled(mut self, companions: &Companions, intervals: &Intervals) -> Self {
        // Where the origin stands, silence may tell the cause.
        let lacks_cause =
            self.rule().openness == Openness::CauseOpen && self.message_rule == NO_RULE;
        if (self.open == 1 || lacks_cause)
            && let Some(id) = self.rule().when_silent
            && !self.entry.flags.has(Flags::DOUBTED)
            && !self.entry.flags.has(Flags::TRACED)
            && companions.hears(&self.entry, server_of_rule(id))
            && companions.silence_speaks(
                self.entry.place.position.input,
                self.entry.at,
                server_of_rule(id),
            )
            && (!RELAYED.contains(&id)
                || companions.tells_failures(self.entry.place.position.input)
                    && !companions.is_cut_off(&self.entry))
            && (id != relayed::BESIDE
                || companions
                    .behind
                    .failing
                    .explains(self.entry.at, self.entry.flags.has(Flags::HEAD)))
            && (rule_at(rule_index(id)).contact != Contact::None
                || !companions.may_be_kept(&self.entry))
        {
            self.set_rule(rule_index(id));
        }
        self.set_state(intervals);
        self
    }

    /// Takes over the cause of a state that the server was in.
    fn set_state(&mut self, intervals: &Intervals) {
        let is_open = self.rule().openness == Openness::CauseOpen
            && self.rule().when_traced.is_none()
            && self.message_rule == NO_RULE;
        let by_entry = is_open.then(|| intervals.explaining(&self.entry)).flatten();
        let by_message = || {
            let message = self.message_rule().filter(|_| self.is_decided())?;
            intervals.explaining_message(message, self.scope, self.evidence_at, &self.entry)
        };
        let Some(state) = by_entry.or_else(by_message) else { return };
        self.cause = cause_code(Some(state.cause));
        self.basis = BasisSet(self.basis).with(Basis::StateInterval).0;
        self.confidence = self.confidence.min(Confidence::Likely as u8);
        self.message_rule = state.rule;
        self.scope = if state.scope == 0 { self.scope } else { state.scope };
        // The request's own line says more than an event that explains many.
        if self.evidence.length == 0 {
            self.evidence = state.place;
            self.evidence_at = state.at;
        }
    }

    /// The verdict once the line of a deeper layer is known: what its own fields leave open was relayed from there.
    pub(super) fn relayed(mut self, link: &Link) -> Self {
        if link.decides() && self.origin() == Origin::Unknown {
            let by_id = link.basis() == LinkBasis::RequestId;
            self.set_rule(rule_index(relayed_row(self.entry.status, by_id)));
        }
        self
    }

    /// Takes over what an error line of this request says.
    pub(super) fn set_message(
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
        // The cause of another origin than the message's is none.
        let is_other = rule.origin != Origin::Unknown && rule.origin != row.origin;
        if rule.cause.is_some() || is_other {
            self.cause = cause_code(rule.cause);
        }
        self.confidence = confidence as u8;
        self.open = 0;
    }

    /// Leaves open who failed, where a line of the server alone may be about the request.
    pub(super) fn doubt(&mut self) {
        if let Some(id) = self.rule().when_traced.filter(|_| self.message_rule == NO_RULE) {
            self.set_rule(rule_index(id));
        }
    }

    /// Drops the cause where another message may be the entry's as well, of the same origin and another cause.
    pub(super) fn forget_cause(&mut self) {
        if self.rule().openness != Openness::Closed {
            self.cause = 0;
        }
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

    /// The server whose table the row is in.
    pub(super) fn server(&self) -> Server {
        server_of(self.entry.rule)
    }

    /// True when a log beside has the answer as well: whoever made it, made it there, or behind it.
    pub(super) fn goes_on(&self) -> bool {
        self.rule().id == relayed::FOUND
    }

    /// True when the status was not asked for.
    pub(super) fn is_kin(&self) -> bool {
        self.entry.flags.has(Flags::KIN)
    }

    pub(super) fn own_origin(&self) -> Origin {
        Origin::ALL[usize::from(self.origin).min(Origin::ALL.len() - 1)]
    }

    pub(super) fn own_cause(&self) -> Option<Cause> {
        usize::from(self.cause).checked_sub(1).and_then(|code| Cause::ALL.get(code).copied())
    }
}

/// The server whose table the row of this index is in.
pub(super) fn server_of(rule: u16) -> Server {
    static SERVERS: LazyLock<Vec<Server>> =
        LazyLock::new(|| RULES.iter().map(|rule| server_of_rule(rule.id)).collect());
    SERVERS.get(usize::from(rule)).copied().unwrap_or(Server::Unknown)
}

/// The server whose table a row is in.
pub(super) fn server_of_rule(id: &str) -> Server {
    let prefix = id.split('.').next().unwrap_or_default();
    Server::from_id(prefix).unwrap_or(Server::Unknown)
}

fn rule_at(rule: u16) -> &'static VerdictRule {
    RULES.get(usize::from(rule)).unwrap_or(&RULES[0])
}

fn cause_code(cause: Option<Cause>) -> u8 {
    cause.map_or(0, |cause| cause as u8 + 1)
}
