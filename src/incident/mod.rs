//! Verdicts -> incidents: when they began and ended, whom they hit, what explains them.
//!
//! In: an [`Attribution`] and the requests over time. Out: [`Incident`]s in order of time, and the background.
//! Invariants: pure; two passes over the verdicts in order of time; every entry belongs to one incident or to the
//! background. When an incident begins and ends is decided in [`segment`].

pub mod course;
mod from_messages;
pub mod ranking;
pub mod segment;

use std::collections::{BTreeMap, BTreeSet};

use crate::attribute::{Attribution, Followed};
use crate::cause::{CauseMatcher, RuleKind, Scope};
use crate::error::Result;
use crate::evidence::Place;
use crate::fact::{CauseFact, Flags};
use crate::tally::Series;
use crate::taxonomy::{Basis, Cause, Confidence, Origin, Server};
use crate::time::SECOND_US;

use course::Course;
use from_messages::{add_message_incidents, spoken_for, with_kin_bursts};
use ranking::{Ranking, Sample};
use segment::{Core, Seconds, cores, count, trim};

/// How incidents are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IncidentConfig {
    /// Entries further apart than this are different incidents, seconds.
    pub gap_s: i64,
    /// Width of the buckets of an incident's series, seconds.
    pub bucket_s: i64,
}

impl IncidentConfig {
    /// A longer pause than this splits a span, microseconds.
    pub fn pause_us(self) -> i64 {
        (3 * self.bucket_s).max(30) * SECOND_US
    }
}

impl Default for IncidentConfig {
    fn default() -> Self {
        IncidentConfig { gap_s: 300, bucket_s: 10 }
    }
}

/// Time in which changes before an incident are told, microseconds.
pub const CHANGES_BEFORE_US: i64 = 900 * SECOND_US;

/// Time in which changes and failing backends after an incident are told, microseconds.
pub const CHANGES_AFTER_US: i64 = 60 * SECOND_US;

/// Time in which a backend that fails before an incident counts as one that fails in it, microseconds.
const PEERS_BEFORE_US: i64 = 60 * SECOND_US;

/// Rows kept of each ranking.
pub const TOP_ROWS: usize = 10;

/// Changes kept per incident.
const MAX_CHANGES: usize = 200;

/// What explains part of an incident: an origin with a cause, or what stayed open.
pub type CauseKey = (Origin, Option<Cause>);

/// A row of an incident's causes: the layer that saw it, where several layers show the same requests, and what explains
/// it there.
pub type RowKey = (Option<u16>, Origin, Option<Cause>);

/// Messages and entries quoted per cause.
const QUOTED_PER_CAUSE: usize = 3;

/// One row of an incident's causes.
#[derive(Debug, Clone)]
pub struct CauseGroup {
    /// Entries that this explains.
    pub entries: u64,
    /// Messages of this cause in the incident, whether or not an entry was joined to them.
    pub messages: u64,
    /// First and last instant of what it explains, lone outliers left out; microseconds UTC.
    pub first_at: i64,
    /// See `first_at`.
    pub last_at: i64,
    /// Stretches without a longer pause: first, last, entries.
    pub spans: Vec<(i64, i64, u64)>,
    /// The confidence that nine in ten of its entries reach.
    pub confidence: Confidence,
    by_confidence: BTreeMap<Confidence, u64>,
    /// All kinds of evidence.
    pub basis: Vec<Basis>,
    /// What it is about: scopes with their counts.
    pub scopes: Ranking,
    /// The rule of the cause table that decided the first entry, if a message did.
    pub message_rule: Option<u16>,
    /// Entries to quote, with their time.
    pub quoted_entries: Vec<(Place, i64)>,
    /// Messages to quote, with their time.
    pub quoted_messages: Vec<(Place, i64)>,
    /// Leanings of what stayed open, by origin and cause.
    pub leanings: BTreeMap<CauseKey, u64>,
    /// Where its requests ended, by layer, origin and cause there.
    pub resolved: BTreeMap<(u16, Origin, Option<Cause>), u64>,
    times: Seconds,
}

impl CauseGroup {
    fn new() -> Self {
        CauseGroup {
            entries: 0,
            messages: 0,
            first_at: i64::MAX,
            last_at: i64::MIN,
            spans: Vec::new(),
            confidence: Confidence::Unknown,
            by_confidence: BTreeMap::new(),
            basis: Vec::new(),
            scopes: Ranking::default(),
            message_rule: None,
            quoted_entries: Vec::new(),
            quoted_messages: Vec::new(),
            leanings: BTreeMap::new(),
            resolved: BTreeMap::new(),
            times: Vec::new(),
        }
    }

    /// Notes that something of this cause happened, in order of time.
    fn note_time(&mut self, at: i64, config: IncidentConfig) {
        count(&mut self.times, at.div_euclid(SECOND_US));
        let pause_us = config.pause_us();
        match self.spans.last_mut() {
            Some((_, last, n)) if at - *last <= pause_us => {
                *last = at;
                *n += 1;
            }
            _ => self.spans.push((at, at, 1)),
        }
    }

    /// Leaves lone outliers out of the spans, and settles the confidence.
    fn close(&mut self) {
        let mut reached = 0;
        for (confidence, n) in self.by_confidence.iter().rev() {
            reached += n;
            if reached * 10 >= self.entries * 9 {
                self.confidence = *confidence;
                break;
            }
        }
        let core = trim(&self.times);
        let (Some((first_s, _)), Some((last_s, _))) = (core.first(), core.last()) else { return };
        let (low, high) = (first_s * SECOND_US, (last_s + 1) * SECOND_US);
        self.spans.retain(|(first, last, _)| *last >= low && *first < high);
        if let Some(span) = self.spans.first_mut() {
            span.0 = span.0.max(low);
        }
        if let Some(span) = self.spans.last_mut() {
            span.1 = span.1.min(high - 1);
        }
        self.first_at = self.spans.first().map_or(low, |span| span.0);
        self.last_at = self.spans.last().map_or(low, |span| span.1);
        if self.last_at == high - 1 {
            self.last_at = last_s * SECOND_US;
        }
    }
}

/// A message on an incident's timeline.
#[derive(Debug, Clone, Copy)]
pub struct Event {
    /// When, microseconds UTC.
    pub at: i64,
    /// Row of the cause table.
    pub rule: u16,
    /// Where it is.
    pub place: Place,
}

/// One incident.
#[derive(Debug, Clone)]
pub struct Incident {
    /// First and last second.
    pub core: Core,
    /// Time of the first entry (or message), microseconds UTC.
    pub started_at: i64,
    /// Time of the last entry (or message), microseconds UTC.
    pub ended_at: i64,
    /// Entries.
    pub entries: u64,
    /// Entries of probes among them.
    pub probe_entries: u64,
    /// Entries by origin.
    pub by_origin: BTreeMap<Origin, u64>,
    /// What explains them.
    pub causes: BTreeMap<RowKey, CauseGroup>,
    /// The first entry, with its time.
    pub onset: Option<(Place, i64)>,
    /// The last entry, with its time.
    pub last_entry: Option<(Place, i64)>,
    /// Paths, hosts, upstreams and clients by entries.
    pub paths: Ranking,
    /// See `paths`.
    pub hosts: Ranking,
    /// See `paths`.
    pub upstreams: Ranking,
    /// Codes of the server for how requests ended, by entries.
    pub endings: Ranking,
    /// See `paths`.
    pub clients: Ranking,
    /// Width of the buckets, seconds: fine for a short incident, coarse for a long one.
    pub bucket_s: i64,
    /// Entries per bucket (number since the epoch) and origin.
    pub buckets: BTreeMap<i64, BTreeMap<Origin, u64>>,
    /// What the messages around it tell: the server, and the cause.
    pub told: BTreeSet<(Server, Cause)>,
    /// Servers near a limit, shortly before it and in it: the first message of each row, and how many there are.
    pub pressures: BTreeMap<u16, (Event, u64)>,
    /// State changes before and in it.
    pub changes: Vec<Event>,
    /// The earliest failure of one backend shortly before or at the onset.
    pub first_failing: Option<Event>,
    /// It is told by messages only: no entry of the chosen statuses belongs to it.
    pub from_messages: bool,
    /// Requests answered with a kin status whose messages tell why.
    pub kin_failures: u64,
    /// Retries, spread and pauses.
    pub course: Course,
}

impl Incident {
    fn new(core: Core, config: IncidentConfig) -> Self {
        Incident {
            core,
            bucket_s: bucket_width(core.last_s - core.first_s + 1, config.bucket_s),
            started_at: i64::MAX,
            ended_at: i64::MIN,
            entries: 0,
            probe_entries: 0,
            by_origin: BTreeMap::new(),
            causes: BTreeMap::new(),
            onset: None,
            last_entry: None,
            paths: Ranking::default(),
            hosts: Ranking::default(),
            upstreams: Ranking::default(),
            endings: Ranking::default(),
            clients: Ranking::default(),
            buckets: BTreeMap::new(),
            told: BTreeSet::new(),
            pressures: BTreeMap::new(),
            changes: Vec::new(),
            first_failing: None,
            from_messages: false,
            kin_failures: 0,
            course: Course::default(),
        }
    }

    /// One that messages alone tell of.
    fn told(core: Core, config: IncidentConfig) -> Self {
        Incident { from_messages: true, ..Incident::new(core, config) }
    }

    /// Lets go of what only counting needs: there may be many incidents.
    fn close_rankings(&mut self) {
        for ranking in [
            &mut self.paths,
            &mut self.hosts,
            &mut self.upstreams,
            &mut self.endings,
            &mut self.clients,
        ] {
            ranking.close(TOP_ROWS);
        }
        self.course.close();
        for cause in self.causes.values_mut() {
            cause.scopes.close(1);
        }
    }

    fn holds(&self, at: i64) -> bool {
        let second = at.div_euclid(SECOND_US);
        self.core.first_s <= second && second <= self.core.last_s
    }

    fn widen(&mut self, at: i64) {
        self.started_at = self.started_at.min(at);
        self.ended_at = self.ended_at.max(at);
    }

    fn add_entry(&mut self, row: &Followed, attribution: &Attribution, config: IncidentConfig) {
        let (verdict, layers) = (&row.verdict, &attribution.layers);
        let entry = &verdict.entry;
        self.widen(entry.at);
        self.entries += 1;
        self.probe_entries += u64::from(entry.flags.has(Flags::PROBE));
        *self.by_origin.entry(verdict.origin()).or_default() += 1;
        self.onset.get_or_insert((entry.place, entry.at));
        self.last_entry = Some((entry.place, entry.at));
        self.course.add_entry(entry, config.pause_us());
        let sample = Sample::of(entry.place);
        self.paths.add(entry.path, &sample);
        self.hosts.add(u64::from(entry.host), &sample);
        self.upstreams.add(u64::from(entry.upstream), &sample);
        self.endings.add(u64::from(entry.ending), &sample);
        self.clients.add(entry.client, &sample);
        let bucket = entry.at.div_euclid(self.bucket_s * SECOND_US);
        *self.buckets.entry(bucket).or_default().entry(verdict.origin()).or_default() += 1;
        let layer = layers.layer_of(row).filter(|layer| !layers.is_alone(*layer));
        let key = (layer.map(|layer| layer as u16), verdict.origin(), verdict.cause());
        let group = self.causes.entry(key).or_insert_with(CauseGroup::new);
        if let Some(link) = layers.resolved(row).and_then(|resolved| resolved.link) {
            let end = (link.deep_layer, link.origin(), link.cause());
            *group.resolved.entry(end).or_default() += 1;
        }
        group.entries += 1;
        group.note_time(entry.at, config);
        *group.by_confidence.entry(verdict.confidence()).or_default() += 1;
        for basis in verdict.basis().items() {
            if !group.basis.contains(&basis) {
                group.basis.push(basis);
            }
        }
        if verdict.evidence.length > 0 {
            group.scopes.add(u64::from(verdict.scope), &Sample::of(verdict.evidence));
            group.message_rule = group.message_rule.or(verdict.message_rule());
            if group.quoted_messages.len() < QUOTED_PER_CAUSE {
                group.quoted_messages.push((verdict.evidence, verdict.evidence_at));
            }
        } else {
            group.scopes.add(u64::from(verdict.scope), &sample);
        }
        if group.quoted_entries.len() < QUOTED_PER_CAUSE {
            group.quoted_entries.push((entry.place, entry.at));
        }
        if let Some(leaning) = attribution.leaning(verdict) {
            *group.leanings.entry((leaning.origin, leaning.cause)).or_default() += 1;
        }
    }

    /// Adds a message that explains no entry of the chosen statuses.
    fn add_message(&mut self, fact: &CauseFact, key: CauseKey, config: IncidentConfig) {
        // Messages belong with the entries that they would explain, where only one layer has such.
        let mut rows = self.causes.keys().filter(|(_, origin, cause)| (*origin, *cause) == key);
        let row = match (rows.next(), rows.next()) {
            (Some(row), None) => *row,
            _ => (None, key.0, key.1),
        };
        let group = self.causes.entry(row).or_insert_with(CauseGroup::new);
        group.messages += 1;
        if group.entries == 0 {
            group.note_time(fact.at, config);
            group.confidence = Confidence::Confirmed;
            group.basis = vec![Basis::ExplicitMessage];
            group.message_rule.get_or_insert(fact.rule);
            group.scopes.add(u64::from(fact.scope), &Sample::of(fact.place));
            if group.quoted_messages.len() < QUOTED_PER_CAUSE {
                group.quoted_messages.push((fact.place, fact.at));
            }
        }
        let is_kin = fact.flags.has(Flags::KIN);
        self.kin_failures += u64::from(is_kin);
        if is_kin {
            self.widen(fact.at);
        }
        if self.from_messages {
            self.widen(fact.at);
            let sample = Sample::of(fact.place);
            self.hosts.add(u64::from(fact.host), &sample);
            self.clients.add(fact.client, &sample);
        }
    }
}

/// An incident shorter than this is told second by second.
const SHORT_S: i64 = 120;

/// Buckets of one incident.
const MAX_BUCKETS: i64 = 2000;

/// The width of an incident's buckets, seconds.
const fn bucket_width(length_s: i64, usual_s: i64) -> i64 {
    if length_s <= SHORT_S { 1 } else { usual_s * (length_s / usual_s / MAX_BUCKETS + 1) }
}

/// All incidents, and what is none.
#[derive(Debug)]
pub struct Incidents {
    /// In order of time.
    pub incidents: Vec<Incident>,
    /// Entries outside of them, by origin.
    pub background: BTreeMap<Origin, u64>,
    /// All entries by origin.
    pub by_origin: BTreeMap<Origin, u64>,
    /// All entries by cause.
    pub by_cause: BTreeMap<Cause, u64>,
    /// All entries of probes.
    pub probe_entries: u64,
    /// All entries by status.
    pub by_status: BTreeMap<u16, u64>,
    /// What would have decided entries that stayed open, and how many.
    pub lacking: BTreeMap<&'static str, u64>,
}

/// Groups entries, and messages that no entry explains, into incidents.
///
/// # Errors
/// When temporary files fail.
pub fn group(
    attribution: &Attribution,
    requests: &Series,
    matcher: &CauseMatcher,
    config: IncidentConfig,
) -> Result<Incidents> {
    let mut seconds = Seconds::new();
    for at in attribution.instants() {
        count(&mut seconds, at?.div_euclid(SECOND_US));
    }
    let cores = cores(&seconds, requests, config.gap_s);
    let (cores, apart) = with_kin_bursts(cores, attribution, requests, matcher, config)?;
    let mut incidents: Vec<Incident> =
        cores.into_iter().map(|core| Incident::new(core, config)).collect();
    let mut result = Incidents {
        incidents: Vec::new(),
        background: BTreeMap::new(),
        by_origin: BTreeMap::new(),
        by_cause: BTreeMap::new(),
        probe_entries: 0,
        by_status: BTreeMap::new(),
        lacking: BTreeMap::new(),
    };
    let mut current = 0;
    for row in attribution.followed() {
        let row = row?;
        let verdict = &row.verdict;
        let at = verdict.entry.at;
        *result.by_origin.entry(verdict.origin()).or_default() += 1;
        *result.by_status.entry(verdict.entry.status).or_default() += 1;
        if let Some(cause) = verdict.cause() {
            *result.by_cause.entry(cause).or_default() += 1;
        }
        result.probe_entries += u64::from(verdict.entry.flags.has(Flags::PROBE));
        if !verdict.is_decided() {
            for what in verdict.rule().missing {
                *result.lacking.entry(what).or_default() += 1;
            }
        }
        while let Some(incident) = incidents
            .get_mut(current)
            .filter(|incident| incident.core.last_s < at.div_euclid(SECOND_US))
        {
            incident.close_rankings();
            current += 1;
        }
        match incidents.get_mut(current).filter(|incident| incident.holds(at)) {
            Some(incident) => incident.add_entry(&row, attribution, config),
            None => *result.background.entry(verdict.origin()).or_default() += 1,
        }
    }
    incidents.extend(apart.into_iter().map(|core| Incident::told(core, config)));
    incidents.sort_by_key(|incident| incident.core.first_s);
    add_message_incidents(&mut incidents, attribution, requests, matcher, config)?;
    incidents.sort_by_key(|incident| incident.core.first_s);
    add_messages(&mut incidents, attribution, matcher, config)?;
    for incident in &mut incidents {
        for cause in incident.causes.values_mut() {
            cause.close();
        }
    }
    result.incidents = incidents;
    Ok(result)
}

/// Puts messages into the incidents they fall in: unexplained failures, changes, the first failing backend.
fn add_messages(
    incidents: &mut [Incident],
    attribution: &Attribution,
    matcher: &CauseMatcher,
    config: IncidentConfig,
) -> Result<()> {
    if incidents.is_empty() {
        return Ok(());
    }
    let mut first = 0;
    for fact in attribution.messages.rows() {
        let fact = fact?;
        let Some(rule) = matcher.rule(fact.rule) else { continue };
        if fact.flags.has(Flags::TIMELESS) {
            continue;
        }
        let unexplained = spoken_for(&fact, matcher);
        let event = Event { at: fact.at, rule: fact.rule, place: fact.place };
        // Both come in order of time: incidents that no later message can belong to are left behind.
        while incidents.get(first).is_some_and(|incident| {
            fact.at > (incident.core.last_s + 1) * SECOND_US + CHANGES_AFTER_US
        }) {
            first += 1;
        }
        // A burst of kin failures may overlap with an incident of entries: each takes its own messages.
        let is_kin = fact.flags.has(Flags::KIN);
        let its_own = unexplained.is_some()
            && incidents[first..]
                .iter()
                .take_while(|incident| incident.core.first_s * SECOND_US <= fact.at)
                .any(|incident| incident.from_messages == is_kin && incident.holds(fact.at));
        for incident in &mut incidents[first..] {
            let start_us = incident.core.first_s * SECOND_US;
            let end_us = (incident.core.last_s + 1) * SECOND_US;
            if fact.at < start_us - CHANGES_BEFORE_US {
                break;
            }
            if fact.at > end_us + CHANGES_AFTER_US {
                continue;
            }
            let is_near = start_us - PEERS_BEFORE_US <= fact.at && fact.at <= end_us;
            if let Some(cause) = rule.cause.filter(|_| is_near && rule.kind != RuleKind::Noise) {
                incident.told.insert((rule.server, cause));
            }
            match rule.kind {
                RuleKind::Pressure if is_near && rule.cause.is_some() => {
                    incident.pressures.entry(fact.rule).or_insert((event, 0)).1 += 1;
                }
                RuleKind::Lifecycle(_)
                | RuleKind::Trigger(_)
                | RuleKind::StateDown { .. }
                | RuleKind::StateUp
                    if incident.changes.len() < MAX_CHANGES =>
                {
                    incident.changes.push(event);
                }
                kind if kind.explains_requests() => {
                    if rule.scope == Scope::UpstreamPeer && is_near {
                        incident.course.note_peer(fact.scope, fact.place);
                    }
                    let near_onset = fact.at <= start_us + 5 * SECOND_US;
                    if rule.scope == Scope::UpstreamPeer
                        && near_onset
                        && incident.first_failing.is_none()
                    {
                        incident.first_failing = Some(event);
                    }
                    let is_others = its_own && incident.from_messages != is_kin;
                    if let Some(key) = unexplained.filter(|_| !is_others && incident.holds(fact.at))
                    {
                        incident.add_message(&fact, key, config);
                    }
                }
                _ => {}
            }
        }
    }
    Ok(())
}
