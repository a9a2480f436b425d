//! The story of an incident: a short list of what happened, in order of time.
//!
//! In: the parts of the incident's document. Out: [`TimelineRow`]s, at most [`MAX_ROWS`].

use super::incident::EvidenceList;
use crate::incident::Incident;
use crate::report::incident::{CauseInfo, Change, FirstFailing, Impact, Recovery, TimelineRow};
use crate::report::text_of::{Name, Texts};
use crate::time::Timestamp;

/// Rows of a story.
const MAX_ROWS: usize = 40;

/// Changes told before other rows are crowded out.
const MAX_CHANGES: usize = 12;

/// What a story is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Story<'s> {
    pub incident: &'s Incident,
    pub causes: &'s [CauseInfo],
    pub changes: &'s [Change],
    pub first_failing: Option<&'s FirstFailing>,
    pub recovery: &'s Recovery,
    pub impact: &'s Impact,
}

/// Tells the story.
pub(super) fn story(
    parts: Story<'_>,
    texts: Texts<'_>,
    evidence: &mut EvidenceList<'_>,
) -> Vec<TimelineRow> {
    let incident = parts.incident;
    let onset = Timestamp(incident.started_at);
    let mut rows = Vec::new();
    let phase_of = |at: Timestamp| match at {
        at if at < onset => "before",
        at if at.0 <= incident.ended_at => "during",
        _ => "after",
    };
    for change in parts.changes.iter().take(MAX_CHANGES) {
        let kind = if change.kind.starts_with("backend_") { "health" } else { "change" };
        rows.push(row(
            change.at,
            phase_of(change.at),
            kind,
            change.what.clone(),
            1,
            change.evidence.clone(),
        ));
    }
    if let Some(failing) = parts.first_failing {
        let text = format!("{} is the first to fail", failing.component);
        rows.insert(
            0,
            row(failing.at, phase_of(failing.at), "health", text, 1, failing.evidence.clone()),
        );
    }
    if let Some(place) = incident.onset {
        let path = texts.name(place, Name::Path).unwrap_or_default();
        let status = texts.access(place, |record| record.status).unwrap_or(503);
        let text = format!("first {status}, {path}");
        rows.push(row(
            onset,
            "onset",
            "onset",
            text,
            1,
            vec![evidence.id(place, Some(incident.started_at))],
        ));
    }
    for cause in parts.causes {
        let (Some(first_at), Some(id)) = (cause.first_at, cause.id) else { continue };
        let count = if cause.entries > 0 { cause.entries } else { cause.messages };
        let text = format!("{id}: {}", cause.summary);
        let evidence = cause.evidence.iter().take(2).cloned().collect();
        let row = row(first_at, phase_of(first_at), "error", text, count, evidence);
        rows.push(TimelineRow { cause: Some(id), ..row });
    }
    if let (Some(at), Some(ratio)) = (parts.impact.peak_at, parts.impact.peak_ratio) {
        let text = format!("{:.1} % of requests fail", ratio * 100.0);
        rows.push(row(at.max(onset), "during", "peak", text, 1, Vec::new()));
    }
    if let Some(place) = incident.last_entry {
        let at = Timestamp(incident.ended_at);
        let over = parts.recovery.state != "ongoing";
        let (phase, kind) = if over { ("recovery", "recovery") } else { ("during", "error") };
        let text = format!("last entry; {}", parts.recovery.basis);
        rows.push(row(at, phase, kind, text, 1, vec![evidence.id(place, Some(incident.ended_at))]));
    }
    rows.sort_by_key(|row| (row.at, rank(row.kind)));
    rows.truncate(MAX_ROWS);
    rows
}

fn row(
    at: Timestamp,
    phase: &'static str,
    kind: &'static str,
    text: String,
    count: u64,
    evidence: Vec<String>,
) -> TimelineRow {
    TimelineRow { at, phase, kind, text, count, cause: None, evidence }
}

/// Order of rows of the same instant: what leads comes first.
fn rank(kind: &str) -> u8 {
    match kind {
        "change" => 0,
        "health" => 1,
        "onset" => 2,
        "error" => 3,
        "peak" => 4,
        _ => 5,
    }
}
