//! Causes beside those of the entries: an event that the user has marked, and a storm of retries.
//!
//! In: the incident, its changes and its load. Out: [`CauseInfo`]s that explain no entry of their own.
//! Invariants: they decide nothing: origin, title and fingerprint come from the causes of the entries. A mark is a
//! candidate by its time alone, so `possible` at most. A storm of retries is named only where it is plain:
//! [`MIN_WATCHED`] failures of known clients, which are most of the failures, [`MIN_AMPLIFICATION`] of them for every
//! request that is no repetition, [`MIN_SURGE`] times the requests of the time before (clients that ask again and again
//! when all is well do not add load), and one layer of logs (two show each request twice).

use std::collections::BTreeMap;

use super::changes::relation;
use super::incident::{EvidenceList, lead_s};
use super::round;
use crate::analysis::Mark;
use crate::incident::course::Storm;
use crate::incident::{CHANGES_AFTER_US, CHANGES_BEFORE_US, Incident};
use crate::report::incident::{CauseInfo, Change, ConfidenceInfo, Span, Traffic};
use crate::taxonomy::{Basis, Cause, Confidence, Origin};
use crate::time::Timestamp;

/// Fewer watched failures do not tell a storm.
const MIN_WATCHED: u64 = 100;

/// Failures for every request that is no repetition.
const MIN_AMPLIFICATION: f64 = 2.0;

/// Requests during the incident, by those before.
const MIN_SURGE: f64 = 1.5;

/// The kind of change that a user has marked.
pub(super) const MARK: &str = "mark";

/// The last event that the user marked before the onset.
pub(super) fn marked(incident: &Incident, changes: &[Change]) -> Option<CauseInfo> {
    let is_before = |change: &&Change| change.kind == MARK && change.at.0 <= incident.started_at;
    let change = changes.iter().rev().find(is_before)?;
    Some(CauseInfo {
        first_at: Some(change.at),
        last_at: Some(change.at),
        lead_s: Some(change.lead_s),
        summary: format!("{} (marked), {:.0} s before the onset", change.what, change.lead_s),
        ..beside(
            Cause::DeployInProgress,
            Origin::Unknown,
            Confidence::Possible,
            &[Basis::TimeWindow, Basis::UserMark],
        )
    })
}

/// A storm of retries, where there is a plain one.
pub(super) fn retry_storm(
    incident: &Incident,
    verdict: Origin,
    traffic: &Traffic,
    n_layers: usize,
    evidence: &mut EvidenceList<'_>,
) -> Option<CauseInfo> {
    let Storm { watched, retries, first, last_at, is_sample } = incident.course.storm()?;
    let are_most = is_sample || watched * 2 >= incident.entries;
    let amplification = traffic.amplification.filter(|factor| *factor >= MIN_AMPLIFICATION)?;
    let surge = traffic.surge_ratio.filter(|ratio| *ratio >= MIN_SURGE)?;
    if n_layers > 1 || watched < MIN_WATCHED || !are_most {
        return None;
    }
    let (first_at, place) = first;
    let part = round(retries as f64 * 100.0 / watched as f64, 0);
    let span =
        Span { first_at: Timestamp(first_at), last_at: Timestamp(last_at), entries: retries };
    Some(CauseInfo {
        first_at: Some(span.first_at),
        last_at: Some(span.last_at),
        lead_s: Some(lead_s(incident, first_at)),
        summary: format!(
            "{part} % of the failures repeat a request of the same client within 10 s, {amplification} failures for each; {surge} x the requests of the time before"
        ),
        spans: vec![span],
        evidence: vec![evidence.id(place, Some(first_at))],
        ..beside(Cause::RetryStorm, verdict, Confidence::Likely, &[Basis::FieldValue])
    })
}

/// A cause without entries.
fn beside(cause: Cause, origin: Origin, level: Confidence, basis: &[Basis]) -> CauseInfo {
    CauseInfo {
        id: Some(cause),
        origin,
        role: cause.role(),
        confidence: ConfidenceInfo { level, basis: basis.to_vec() },
        scope: BTreeMap::new(),
        entries: 0,
        messages: 0,
        explained_ratio: 0.0,
        first_at: None,
        last_at: None,
        spans: Vec::new(),
        lead_s: None,
        summary: String::new(),
        layer: None,
        resolved_to: Vec::new(),
        evidence: Vec::new(),
        next_steps: Vec::new(),
        leaning: None,
    }
}

/// The events that the user has marked, around an incident.
pub(super) fn marks(incident: &Incident, marks: &[Mark]) -> Vec<Change> {
    let is_near = |mark: &&Mark| {
        incident.started_at - CHANGES_BEFORE_US <= mark.at
            && mark.at <= incident.ended_at + CHANGES_AFTER_US
    };
    let row = |mark: &Mark| Change {
        at: Timestamp(mark.at),
        kind: MARK,
        what: mark.text.clone(),
        relation: relation(incident, mark.at),
        lead_s: lead_s(incident, mark.at),
        evidence: Vec::new(),
    };
    marks.iter().filter(is_near).map(row).collect()
}
