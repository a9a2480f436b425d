//! Elastic Common Schema 9, as NDJSON: an `alert` per incident, an `event` per row of its timeline and per entry.
//!
//! Invariants: field names are dotted, as ECS allows for documents that are indexed; empty fields are left out; durations
//! are nanoseconds.

use std::io::Write;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::entries;
use super::told::{Told, end_of, json_line, main_cause, told};
use super::{Output, Results};
use crate::error::Result;
use crate::report::Report;
use crate::report::incident::IncidentInfo;
use crate::report::text_of::Texts;
use crate::taxonomy::Cause;

/// `--format ecs`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ecs;

/// The version of ECS whose names are used.
const ECS_VERSION: &str = "9.0.0";

/// Nanoseconds per second.
const NANOS: f64 = 1e9;

/// Builds a document; what is empty is not put in.
struct Document(Map<String, Value>);

impl Document {
    fn new(at: String, kind: &str, dataset: &str) -> Self {
        let mut document = Document(Map::new());
        document.put("@timestamp", at);
        document.put("ecs.version", ECS_VERSION);
        document.put("event.kind", kind);
        document.put("event.module", "logscan503");
        document.put("event.dataset", format!("logscan503.{dataset}"));
        document.0.insert("event.category".to_owned(), json!(["web"]));
        document.0.insert("event.type".to_owned(), json!(["error"]));
        document.put("event.outcome", "failure");
        document.0.insert("tags".to_owned(), json!(["logscan503"]));
        document
    }

    fn put(&mut self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        let is_empty =
            value.is_null() || value.as_str().is_some_and(|text| text.is_empty() || text == "-");
        if !is_empty {
            self.0.insert(name.to_owned(), value);
        }
    }

    fn cause(&mut self, cause: Option<Cause>) {
        let Some(cause) = cause else { return };
        self.put("event.code", cause.as_str());
        self.put("event.reason", cause.meaning());
        self.put("error.type", cause.as_str());
    }
}

impl Output for Ecs {
    fn name(&self) -> &'static str {
        "ecs"
    }

    fn write(&self, results: &Results<'_>, out: &mut dyn Write) -> Result<()> {
        let report = results.report;
        for incident in &report.incidents {
            json_line(out, &alert(report, incident))?;
        }
        for told in told(report) {
            json_line(out, &timeline_event(&told))?;
        }
        let paths = entries::paths(results);
        for followed in results.analysis.attribution.followed() {
            let row = entries::row(&followed?, results, &paths);
            json_line(out, &entry_event(&row, results))?;
        }
        Ok(())
    }
}

fn alert(report: &Report, incident: &IncidentInfo) -> Map<String, Value> {
    let mut document = Document::new(incident.started_at.to_rfc3339(), "alert", "incident");
    let end = end_of(report, incident);
    let is_over = incident.ended_at.is_some();
    let edges = if is_over { json!(["error", "start", "end"]) } else { json!(["error", "start"]) };
    document.0.insert("event.type".to_owned(), edges);
    document.put("message", incident.title.as_str());
    document.put("event.id", incident.id.as_str());
    document.put("event.action", "incident");
    document.put("event.start", incident.started_at.to_rfc3339());
    if is_over {
        document.put("event.end", end.to_rfc3339());
        document.put("event.duration", (incident.duration_s * NANOS) as u64);
    }
    document.put(
        "event.severity",
        match incident.severity.level {
            "critical" => 99,
            "major" => 73,
            _ => 47,
        },
    );
    document.cause(main_cause(incident).and_then(|cause| cause.id));
    document.put("rule.name", incident.fingerprint.as_str());
    document.put("labels.origin", incident.origin.verdict.as_str());
    document.put("labels.confidence", incident.origin.confidence.level.as_str());
    document.put("labels.incident_status", incident.status);
    document.0
}

fn timeline_event(told: &Told<'_>) -> Map<String, Value> {
    let mut document = Document::new(told.row.at.to_rfc3339(), "event", "timeline");
    match told.row.kind {
        "onset" => {
            document.0.insert("event.type".to_owned(), json!(["error", "start"]));
        }
        "recovery" => {
            document.0.insert("event.type".to_owned(), json!(["end"]));
            document.put("event.outcome", "success");
        }
        "change" | "mark" => {
            document.0.insert("event.type".to_owned(), json!(["change"]));
            document.put("event.outcome", "unknown");
        }
        _ => {}
    }
    document.put("message", told.row.text.as_str());
    document.put("event.action", told.row.kind);
    document.cause(told.cause);
    document.put("labels.incident_id", told.incident.id.as_str());
    document.put("labels.origin", told.incident.origin.verdict.as_str());
    document.put("labels.phase", told.row.phase);
    if let (Some(item), Some(source)) = (told.evidence, told.source) {
        document.put("log.file.path", source);
        document.put("log.origin.file.line", item.line);
        document.put("event.original", item.text.clone());
    }
    document.0
}

fn entry_event(row: &entries::Row<'_>, results: &Results<'_>) -> Map<String, Value> {
    let mut document = Document::new(row.at.to_rfc3339(), "event", "entry");
    let (path, query) = match row.shown.target.as_deref().map(|target| target.split_once('?')) {
        Some(Some((path, query))) => (Some(path.to_owned()), Some(query.to_owned())),
        Some(None) => (row.shown.target.clone(), None),
        None => (None, None),
    };
    let method = row.shown.method.as_deref().unwrap_or_default();
    let target = row.shown.target.as_deref().unwrap_or_default();
    document.put("message", format!("{} {method} {target}", row.status));
    document.put("event.action", "response");
    document.cause(row.cause);
    document.put("http.request.method", row.shown.method.clone());
    document.put("http.request.id", row.shown.request_id.clone());
    document.put("http.response.status_code", row.status);
    document.put("http.response.body.bytes", row.bytes);
    document.put("url.path", path);
    document.put("url.query", query);
    document.put("url.domain", row.shown.host.clone());
    // ECS wants an address there; logs may hold a name.
    let address =
        row.shown.client.as_deref().filter(|text| text.parse::<std::net::IpAddr>().is_ok());
    document.put("client.address", row.shown.client.clone());
    document.put("client.ip", address);
    document.put("source.ip", address);
    document.put("event.duration", row.duration_ms.map(|ms| (ms * 1e6) as u64));
    document.put("observer.product", row.server);
    document.put("observer.type", if row.server.is_empty() { "" } else { "proxy" });
    document.put("rule.id", row.rule);
    document.put("log.file.path", row.source);
    document.put("log.origin.file.line", row.line);
    document.put("labels.origin", row.origin.as_str());
    document.put("labels.confidence", row.confidence.as_str());
    document.put("labels.incident_id", row.incident);
    let texts = Texts::of(results.analysis, results.config);
    if let Some(line) = texts.bytes(row.place) {
        // A digest of the line would let anyone try which address stood in it.
        if texts.redactor.is_none() {
            document.put("event.hash", format!("{:x}", Sha256::digest(&line)));
        }
        document.put("event.original", texts.quote(row.place));
    }
    document.0
}
