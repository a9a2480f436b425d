//! Timelines for Timesketch, as JSON Lines or CSV: both import unmodified.
//!
//! Source: timesketch/lib/utils.py (`read_and_validate_csv`, `read_and_validate_jsonl`). Every row has `message`,
//! `datetime` and `timestamp_desc`. All times have one form, with microseconds and an offset: pandas takes the form of the
//! first row for all, and drops rows that differ. `tag` is a list; in CSV it is written as JSON, which the importer reads
//! back. Old importers want three rows or more (google/timesketch#2467): the span of the logs and a summary see to that.

use std::io::Write;

use chrono::{DateTime, SecondsFormat};
use serde::Serialize;

use super::csv::{cause_id, table};
use super::told::{json_line, told};
use super::{Output, Results, sanitize};
use crate::error::Result;
use crate::report::Report;
use crate::time::Timestamp;

/// `--format timesketch`: JSON Lines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timesketch;

/// `--format timesketch-csv`.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimesketchCsv;

/// What `data_type` says of our rows.
const DATA_TYPE: &str = "logscan503:timeline";

/// `OpenSearch` refuses longer terms; a row's text is far shorter.
const MAX_FIELD_BYTES: usize = 8 << 10;

/// One row. The CSV has the same columns in the same order.
#[derive(Debug, Serialize)]
struct Row {
    message: String,
    datetime: String,
    timestamp_desc: String,
    /// Microseconds since the epoch.
    timestamp: i64,
    tag: Vec<String>,
    data_type: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    origin: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    cause_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    incident_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    confidence: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    source_file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_line: Option<u64>,
    #[serde(skip_serializing_if = "String::is_empty")]
    evidence: String,
}

impl Row {
    fn new(at: Timestamp, desc: String, message: &str) -> Self {
        Row {
            message: field(message),
            datetime: iso_micros(at),
            timestamp_desc: desc,
            timestamp: at.0,
            tag: vec!["logscan503".to_owned()],
            data_type: DATA_TYPE,
            origin: String::new(),
            cause_id: String::new(),
            incident_id: String::new(),
            confidence: String::new(),
            source_file: String::new(),
            source_line: None,
            evidence: String::new(),
        }
    }
}

/// ISO 8601 with offset and six decimals, always.
fn iso_micros(at: Timestamp) -> String {
    DateTime::from_timestamp_micros(at.0)
        .map(|time| time.to_rfc3339_opts(SecondsFormat::Micros, false))
        .unwrap_or_default()
}

/// A text without line breaks and controls, of bounded length.
fn field(text: &str) -> String {
    let text = sanitize(text);
    let mut end = text.len().min(MAX_FIELD_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

/// What kind of time a row's is.
fn desc_of(kind: &str, status: &str) -> String {
    match kind {
        "onset" => format!("{status} onset"),
        "peak" => format!("{status} peak"),
        "error" => "Cause first seen".to_owned(),
        "change" => "Service change".to_owned(),
        "health" => "Backend health".to_owned(),
        "spread" => format!("{status} spread"),
        "origin_shift" => "Origin shift".to_owned(),
        "silence" => "Log silence".to_owned(),
        "recovery" => "Recovery".to_owned(),
        "relapse" => "Relapse".to_owned(),
        "mark" => "User mark".to_owned(),
        other => format!("{status} {other}"),
    }
}

fn rows(report: &Report) -> Vec<Row> {
    let statuses: Vec<String> = report.settings.status.iter().map(u16::to_string).collect();
    let status = if statuses.len() > 3 { "5xx".to_owned() } else { statuses.join("/") };
    let mut rows: Vec<Row> = told(report)
        .map(|told| {
            let incident = told.incident;
            let desc = match told.row.kind {
                "recovery" if incident.recovery.state == "verified" => {
                    "Recovery verified".to_owned()
                }
                kind => desc_of(kind, &status),
            };
            let mut row = Row::new(told.row.at, desc, &told.row.text);
            row.tag.push(told.row.kind.to_owned());
            row.tag.push(told.row.phase.to_owned());
            row.origin = incident.origin.verdict.to_string();
            row.cause_id = cause_id(told.cause);
            row.incident_id.clone_from(&incident.id);
            row.confidence = incident.origin.confidence.level.to_string();
            row.source_file = field(told.source.unwrap_or_default());
            row.source_line = told.evidence.map(|item| item.line);
            row.evidence =
                field(told.evidence.and_then(|item| item.text.as_deref()).unwrap_or_default());
            row
        })
        .collect();
    let span = (report.coverage.first_at, report.coverage.last_at);
    if let (Some(first), Some(last)) = span {
        let files = report.inputs.len();
        let totals = &report.totals;
        let summary = format!(
            "{} requests, {} entries of status {status}, {} incidents",
            totals.requests,
            totals.entries,
            report.incidents.len()
        );
        rows.push(Row::new(
            first,
            "Logs start".to_owned(),
            &format!("first record of {files} inputs"),
        ));
        rows.push(Row::new(last, "Logs end".to_owned(), &format!("last record of {files} inputs")));
        rows.push(Row::new(last, "Summary".to_owned(), &summary));
    }
    rows.sort_by_key(|row| row.timestamp);
    rows
}

impl Output for Timesketch {
    fn name(&self) -> &'static str {
        "timesketch"
    }

    fn write(&self, results: &Results<'_>, out: &mut dyn Write) -> Result<()> {
        rows(results.report).iter().try_for_each(|row| json_line(out, row))
    }
}

impl Output for TimesketchCsv {
    fn name(&self) -> &'static str {
        "timesketch-csv"
    }

    fn write(&self, results: &Results<'_>, out: &mut dyn Write) -> Result<()> {
        let header = [
            "message",
            "datetime",
            "timestamp_desc",
            "timestamp",
            "tag",
            "data_type",
            "origin",
            "cause_id",
            "incident_id",
            "confidence",
            "source_file",
            "source_line",
            "evidence",
        ];
        let rows = rows(results.report).into_iter().map(|row| {
            [
                row.message,
                row.datetime,
                row.timestamp_desc,
                row.timestamp.to_string(),
                serde_json::json!(row.tag).to_string(),
                row.data_type.to_owned(),
                row.origin,
                row.cause_id,
                row.incident_id,
                row.confidence,
                row.source_file,
                row.source_line.map(|line| line.to_string()).unwrap_or_default(),
                row.evidence,
            ]
        });
        table(out, header, rows)
    }
}
