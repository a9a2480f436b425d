//! What an incident was not, and how that is known.
//!
//! In: the incident, its load and changes. Out: [`Rejected`] hypotheses.
//! Invariants: a hypothesis is rejected only on a log that would have shown it; a log that was not read rejects nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::record_span;
use crate::analysis::{Analysis, AnalysisConfig};
use crate::incident::{Event, Incident};
use crate::report::incident::{Change, Rejected, Traffic};
use crate::report::text_of::Texts;
use crate::taxonomy::{Cause, LogRole, Server};
use crate::time::SECOND_US;

/// What a server's messages would have said: the server, the cause, and the words that are missing.
const SILENT: &[(Server, Cause, &str)] = &[
    (Server::Nginx, Cause::RateLimited, "no \"limiting requests\" line of nginx in the window"),
    (
        Server::Nginx,
        Cause::ConnectionLimit,
        "no \"limiting connections\" line of nginx in the window",
    ),
    (Server::Nginx, Cause::NoLiveUpstreams, "no \"no live upstreams\" line of nginx in the window"),
    (
        Server::Nginx,
        Cause::WorkerLimit,
        "no \"worker_connections are not enough\" line of nginx in the window",
    ),
    (Server::Nginx, Cause::FdExhausted, "no \"Too many open files\" line of nginx in the window"),
    (
        Server::Apache,
        Cause::WorkerLimit,
        "no \"server reached MaxRequestWorkers\" line of Apache in the window",
    ),
    (Server::Iis, Cause::RequestQueueFull, "no QueueFull in the HTTP.sys error log"),
    (Server::Iis, Cause::AppPoolStopped, "no Disabled in the HTTP.sys error log"),
    (Server::Iis, Cause::RapidFailProtection, "no AppOffline in the HTTP.sys error log"),
    (Server::Kernel, Cause::OomKilled, "no \"Out of memory\" line of the kernel around the onset"),
    (
        Server::Systemd,
        Cause::RestartLimitHit,
        "no \"Start request repeated too quickly\" line of systemd around the onset",
    ),
];

/// How far a log may begin after the onset, or end before the end of an incident, and still cover it, seconds.
const NEAR_S: i64 = 300;

/// Fewer retries than this part of the failures are no storm.
const NO_STORM: f64 = 0.1;

/// The hypotheses that do not hold, in the order in which people have them.
pub(super) fn rejected(
    incident: &Incident,
    config: &AnalysisConfig<'_>,
    analysis: &Analysis,
    texts: Texts<'_>,
    traffic: &Traffic,
    changes: &[Change],
) -> Vec<Rejected> {
    let mut rows = Vec::new();
    if incident.from_messages {
        return rows;
    }
    let servers = speaking_servers(incident, analysis);
    if let (Some(ratio), "no_surge" | "drop") = (traffic.surge_ratio, traffic.verdict) {
        let reason = format!("{ratio} x the requests of the same time before");
        rows.push(Rejected { id: Cause::TrafficSurge, reason });
    }
    if let Some(ratio) = traffic.retry_ratio.filter(|ratio| *ratio < NO_STORM) {
        let reason = format!("{:.1} % of the failures repeat a request within 10 s", ratio * 100.0);
        rows.push(Rejected { id: Cause::RetryStorm, reason });
    }
    let is_lifecycle = |change: &Change| !change.kind.starts_with("backend_");
    if !servers.is_empty() && !changes.iter().any(is_lifecycle) {
        let marks = if config.marks.is_empty() {
            "no deploy mark given (--mark)"
        } else {
            "no mark falls into that time"
        };
        let reason = format!(
            "no start, reload or stop in the messages from 15 min before the onset on, and {marks}"
        );
        rows.push(Rejected { id: Cause::DeployInProgress, reason });
    }
    let rule_of = |event: &Event| texts.matcher.rule(event.rule);
    let is_change = |cause: Cause| {
        incident.changes.iter().filter_map(rule_of).any(|rule| rule.cause == Some(cause))
    };
    let is_told = |cause: Cause| incident.causes.keys().any(|(_, _, other)| *other == Some(cause));
    // Apache writes it once in its lifetime, so that any earlier line may still hold.
    let is_lasting = |server: Server, cause: Cause| {
        let mut signals = analysis.attribution.signals.iter();
        (server, cause) == (Server::Apache, Cause::WorkerLimit)
            && signals.any(|((code, ..), signal)| {
                *code == cause as u8 && signal.first_at <= incident.ended_at
            })
    };
    let seen = |server: Server, cause: Cause| {
        is_told(cause)
            || is_change(cause)
            || incident.told.contains(&(server, cause))
            || is_lasting(server, cause)
    };
    for (server, cause, reason) in SILENT {
        if servers.contains(server) && !seen(*server, *cause) {
            rows.push(Rejected { id: *cause, reason: (*reason).to_owned() });
        }
    }
    rows
}

/// The servers whose messages were read and cover the incident: a log of another day says nothing, nor does one that ends
/// before. Between two messages of one file the log was kept; between two files it may not have been.
fn speaking_servers(incident: &Incident, analysis: &Analysis) -> BTreeSet<Server> {
    let mut spans: BTreeMap<Server, Vec<(i64, i64)>> = BTreeMap::new();
    for (index, input) in analysis.inputs.iter().enumerate() {
        let Some(plan) = &input.plan else { continue };
        let Some((first, last)) = record_span(analysis, index) else { continue };
        for (reader, records) in plan.readers.iter().zip(&input.tally.by_reader) {
            let about = reader.about();
            if *records > 0 && about.role == LogRole::Error {
                spans.entry(about.server).or_default().push((first.0, last.0));
            }
        }
    }
    let time = (incident.started_at, incident.ended_at);
    spans.into_iter().filter(|(_, spans)| cover(spans, time)).map(|(server, _)| server).collect()
}

/// True when files with these first and last messages cover a time, give or take [`NEAR_S`].
fn cover(spans: &[(i64, i64)], (from, to): (i64, i64)) -> bool {
    let near_us = NEAR_S * SECOND_US;
    let mut spans = spans.to_vec();
    spans.sort_unstable();
    let mut reached: Option<i64> = None;
    for (first, last) in spans {
        let goes_on = first <= reached.unwrap_or(from) + near_us;
        if goes_on && last + near_us >= from {
            reached = Some(reached.map_or(last, |reached| reached.max(last)));
        }
    }
    reached.is_some_and(|reached| to <= reached + near_us)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_speaks_for_the_time_that_it_covers() {
        let check = |spans: &[(i64, i64)], expected: bool| {
            let spans: Vec<_> =
                spans.iter().map(|(from, to)| (from * SECOND_US, to * SECOND_US)).collect();
            let time = (10_000 * SECOND_US, 12_000 * SECOND_US);
            assert_eq!(cover(&spans, time), expected, "{spans:?}");
        };
        check(&[(0, 20_000)], true);
        check(&[(10_200, 11_800)], true);
        check(&[(12_900, 90_000)], false);
        check(&[(0, 9000)], false);
        check(&[(0, 10_500)], false);
        check(&[(11_000, 20_000), (0, 10_900)], true);
        // The day before and the day after.
        check(&[(0, 9900), (12_100, 20_000)], false);
        check(&[], false);
    }
}
