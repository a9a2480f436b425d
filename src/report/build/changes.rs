//! State changes around an incident: restarts, reloads, deploys, backends that go and come.
//!
//! In: the messages on the incident's timeline, and the user's marks. Out: [`Change`]s, repeated ones told once.

use super::beside;
use super::incident::{EvidenceList, lead_s};
use crate::analysis::Mark;
use crate::cause::{CauseMatcher, RuleKind};
use crate::incident::{Event, Incident};
use crate::report::incident::Change;
use crate::report::text_of::Texts;
use crate::time::{SECOND_US, Timestamp};

/// The changes, in order of time.
pub(super) fn changes(
    incident: &Incident,
    matcher: &CauseMatcher,
    marks: &[Mark],
    texts: Texts<'_>,
    evidence: &mut EvidenceList<'_>,
) -> Vec<Change> {
    let row = |event: &Event| {
        let rule = matcher.rule(event.rule)?;
        let kind = match rule.kind {
            RuleKind::Lifecycle(change) | RuleKind::Trigger(change) => change.as_str(),
            RuleKind::StateDown { .. } => "backend_down",
            RuleKind::StateUp => "backend_up",
            _ => return None,
        };
        let scope = texts.scope(event.place).map(|(_, name)| format!(" ({name})"));
        Some(Change {
            at: Timestamp(event.at),
            kind,
            what: format!("{}{}", rule.note, scope.unwrap_or_default()),
            relation: relation(incident, event.at),
            lead_s: lead_s(incident, event.at),
            evidence: vec![evidence.id(event.place, Some(event.at))],
        })
    };
    // Several lines of one restart say the same; the first of a kind within ten seconds stands for them.
    let mut rows: Vec<Change> = Vec::new();
    for change in incident.changes.iter().filter_map(row) {
        let told = rows.iter().rev().any(|other| {
            other.kind == change.kind
                && other.what == change.what
                && change.at.0 - other.at.0 < 10 * SECOND_US
        });
        if !told {
            rows.push(change);
        }
    }
    rows.extend(beside::marks(incident, marks));
    rows.sort_by_key(|change| change.at);
    rows
}

/// How an instant lies to an incident.
pub(super) fn relation(incident: &Incident, at: i64) -> &'static str {
    if at < incident.started_at {
        "preceded_by"
    } else if at <= incident.ended_at {
        "during"
    } else {
        "followed_by"
    }
}
