//! How much was asked of the servers, and how much of a group of backends failed.
//!
//! In: the incident, and requests over time. Out: [`Traffic`], [`GroupFailure`].
//! Invariants: load is compared with the same length of time before; what no access log covers is not known.

use super::round;
use crate::analysis::Analysis;
use crate::incident::Incident;
use crate::report::Coverage;
use crate::report::incident::{GroupFailure, Impact, Traffic};
use crate::report::text_of::Texts;
use crate::taxonomy::Cause;

/// Watched failures below which their repetitions say nothing.
const MIN_WATCHED: u64 = 20;

/// Requests before an incident below which nothing is compared with them.
const MIN_BEFORE: u64 = 20;

/// Load before and during the incident, and how much of it is retries.
pub(super) fn traffic(incident: &Incident, analysis: &Analysis, coverage: &Coverage) -> Traffic {
    let (watched, retries) = incident.course.retries();
    let is_told = watched >= MIN_WATCHED;
    let retry_ratio = is_told.then(|| round(retries as f64 / watched as f64, 3));
    let amplification = is_told.then(|| round(watched as f64 / (watched - retries) as f64, 2));
    let (first, last) = (incident.core.first_s, incident.core.last_s);
    let length = (last - first + 1).max(10);
    let during = analysis.requests.sum(first, last).requests as f64 / (last - first + 1) as f64;
    // Other logs may begin before the access log: they count no requests.
    let known_from = analysis.requests.span().map_or(first, |(from, _)| from);
    let before_length = length.min(first - known_from);
    let n_before = analysis.requests.sum(first - before_length.max(1), first - 1).requests;
    if coverage.filtered || before_length < 3 || n_before < MIN_BEFORE {
        return Traffic {
            baseline_rps: None,
            during_rps: (!coverage.filtered && during > 0.0).then(|| round(during, 1)),
            surge_ratio: None,
            retry_ratio,
            amplification,
            verdict: "unknown",
        };
    }
    let before = n_before as f64 / before_length as f64;
    let surge = round(during / before, 2);
    let verdict = match surge {
        ratio if ratio >= 2.0 => "surge",
        ratio if ratio <= 0.5 => "drop",
        _ => "no_surge",
    };
    Traffic {
        baseline_rps: Some(round(before, 1)),
        during_rps: Some(round(during, 1)),
        surge_ratio: Some(surge),
        retry_ratio,
        amplification,
        verdict,
    }
}

/// The backends that messages name as failing; `None` where they name none.
pub(super) fn group_failure(
    incident: &Incident,
    impact: &Impact,
    texts: Texts<'_>,
) -> Option<GroupFailure> {
    let places = incident.course.peers.values();
    let mut failed: Vec<String> =
        places.filter_map(|place| texts.scope(*place).map(|(_, name)| name)).collect();
    failed.sort_unstable();
    failed.dedup();
    if failed.is_empty() {
        return None;
    }
    let none_left =
        incident.causes.keys().any(|(_, _, cause)| *cause == Some(Cause::NoLiveUpstreams));
    let extent = match impact.error_ratio {
        _ if none_left => "total",
        Some(ratio) if ratio < 0.9 => "partial",
        _ => "unknown",
    };
    Some(GroupFailure { failed, extent })
}
