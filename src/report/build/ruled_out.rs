//! What an incident was not, and how that is known.
//!
//! In: the incident, its load and changes. Out: [`Rejected`] hypotheses.
//! Invariants: a hypothesis is rejected only on a log that would have shown it; a log that was not read rejects nothing.

use std::collections::BTreeSet;

use crate::incident::{Event, Incident};
use crate::report::incident::{Change, Rejected, Traffic};
use crate::report::text_of::Texts;
use crate::taxonomy::{Cause, LogRole, Server};

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

/// Fewer retries than this part of the failures are no storm.
const NO_STORM: f64 = 0.1;

/// The hypotheses that do not hold, in the order in which people have them.
pub(super) fn rejected(
    incident: &Incident,
    texts: Texts<'_>,
    traffic: &Traffic,
    changes: &[Change],
) -> Vec<Rejected> {
    let mut rows = Vec::new();
    if incident.from_messages {
        return rows;
    }
    let servers = speaking_servers(texts);
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
        let reason = "no start, reload or stop in the messages from 15 min before the onset on";
        rows.push(Rejected { id: Cause::DeployInProgress, reason: reason.to_owned() });
    }
    let rule_of = |event: &Event| texts.matcher.rule(event.rule);
    let is_change = |cause: Cause| {
        incident.changes.iter().filter_map(rule_of).any(|rule| rule.cause == Some(cause))
    };
    let is_told = |cause: Cause| incident.causes.keys().any(|(_, _, other)| *other == Some(cause));
    let seen = |cause: Cause| is_told(cause) || is_change(cause);
    for (server, cause, reason) in SILENT {
        if servers.contains(server) && !seen(*cause) {
            rows.push(Rejected { id: *cause, reason: (*reason).to_owned() });
        }
    }
    rows
}

/// The servers whose messages were read.
fn speaking_servers(texts: Texts<'_>) -> BTreeSet<Server> {
    let mut servers = BTreeSet::new();
    for input in texts.inputs {
        let Some(plan) = &input.plan else { continue };
        for (index, reader) in plan.readers.iter().enumerate() {
            let about = reader.about();
            let records = input.tally.by_reader.get(index).copied().unwrap_or(0);
            if records > 0 && about.role == LogRole::Error {
                servers.insert(about.server);
            }
        }
    }
    servers
}
