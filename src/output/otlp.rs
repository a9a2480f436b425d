//! OpenTelemetry logs as OTLP JSON: one record per incident, and one per row of its timeline.
//!
//! Source: OTLP 1.x JSON mapping (64-bit integers are strings; enums are numbers) and the semantic conventions named in
//! the attributes. What was observed is the log, so that the observed time is the time of the event.

use std::io::Write;

use serde_json::{Value, json};

use super::told::{Told, end_of, main_cause, told};
use super::{Output, Results, sanitize, written};
use crate::error::{Error, Result};
use crate::report::Report;
use crate::report::incident::IncidentInfo;
use crate::taxonomy::Cause;
use crate::time::Timestamp;

/// `--format otlp`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Otlp;

fn nanos(at: Timestamp) -> String {
    (i128::from(at.0.max(0)) * 1000).to_string()
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": sanitize(value) } })
}

fn integer(key: &str, value: u64) -> Value {
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}

/// Severity number and text of a row.
fn severity(kind: &str) -> (u8, &'static str) {
    match kind {
        "onset" | "relapse" => (18, "ERROR2"),
        "error" | "peak" | "spread" | "origin_shift" => (17, "ERROR"),
        "health" | "silence" => (13, "WARN"),
        _ => (9, "INFO"),
    }
}

fn of_incident(incident: &IncidentInfo, cause: Option<Cause>, origin_of: &str) -> Vec<Value> {
    let mut attributes = vec![
        text("logscan503.incident.id", &incident.id),
        text("logscan503.origin", origin_of),
        text("logscan503.confidence", incident.origin.confidence.level.as_str()),
    ];
    if let Some(cause) = cause {
        attributes.push(text("error.type", cause.as_str()));
        attributes.push(text("logscan503.cause.id", cause.as_str()));
        attributes.push(text("logscan503.cause.role", cause.role().as_str()));
    }
    attributes
}

fn incident_record(report: &Report, incident: &IncidentInfo) -> Value {
    let cause = main_cause(incident).and_then(|cause| cause.id);
    let mut attributes = of_incident(incident, cause, incident.origin.verdict.as_str());
    if let [status] = report.settings.status[..] {
        attributes.push(integer("http.response.status_code", u64::from(status)));
    }
    attributes.push(text("logscan503.incident.status", incident.status));
    attributes.push(text("logscan503.incident.fingerprint", &incident.fingerprint));
    attributes.push(integer("logscan503.incident.entries", incident.impact.entries));
    attributes.push(text("logscan503.incident.end", &end_of(report, incident).to_rfc3339()));
    json!({
        "timeUnixNano": nanos(incident.started_at),
        "observedTimeUnixNano": nanos(incident.started_at),
        "severityNumber": 19,
        "severityText": "ERROR3",
        "eventName": "logscan503.incident",
        "body": { "stringValue": sanitize(&incident.title) },
        "attributes": attributes,
    })
}

fn row_record(told: &Told<'_>) -> Value {
    let mut attributes =
        of_incident(told.incident, told.cause, told.incident.origin.verdict.as_str());
    attributes.push(text("logscan503.timeline.kind", told.row.kind));
    attributes.push(text("logscan503.timeline.phase", told.row.phase));
    attributes.push(integer("logscan503.timeline.count", told.row.count));
    if let (Some(item), Some(source)) = (told.evidence, told.source) {
        attributes.push(text("log.file.path", source));
        attributes.push(integer("log.file.line", item.line));
        attributes.extend(item.text.as_deref().map(|line| text("log.record.original", line)));
    }
    let (number, name) = severity(told.row.kind);
    json!({
        "timeUnixNano": nanos(told.row.at),
        "observedTimeUnixNano": nanos(told.row.at),
        "severityNumber": number,
        "severityText": name,
        "eventName": "logscan503.timeline",
        "body": { "stringValue": sanitize(&told.row.text) },
        "attributes": attributes,
    })
}

impl Output for Otlp {
    fn name(&self) -> &'static str {
        "otlp"
    }

    fn write(&self, results: &Results<'_>, out: &mut dyn Write) -> Result<()> {
        let report = results.report;
        let incidents = report.incidents.iter().map(|incident| incident_record(report, incident));
        let records: Vec<Value> =
            incidents.chain(told(report).map(|told| row_record(&told))).collect();
        let request = json!({ "resourceLogs": [{
            "resource": { "attributes": [
                text("service.name", report.tool.name),
                text("service.version", report.tool.version),
            ]},
            "scopeLogs": [{
                "scope": { "name": report.tool.name, "version": report.tool.version },
                "logRecords": records,
            }],
        }]});
        // One request on one line, as collectors read them from files.
        serde_json::to_writer(&mut *out, &request).map_err(|error| Error::Output(error.into()))?;
        written(out.write_all(b"\n"))
    }
}
