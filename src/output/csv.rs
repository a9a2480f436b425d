//! Tables for spreadsheets: one row per row of a timeline, or one per incident.
//!
//! Invariants: RFC 4180, UTF-8, one header; a text that a spreadsheet would run as a formula gets an apostrophe in front
//! (OWASP, "CSV Injection"); no cell holds a line break or a control character.

use std::io::Write;

use super::told::{Told, main_cause, source_of, told};
use super::{Output, Results, sanitize};
use crate::error::{Error, Result};
use crate::taxonomy::Cause;
use crate::time::Timestamp;

/// `--format csv`: the timelines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Csv;

/// `--format csv-incidents`: one row per incident.
#[derive(Debug, Clone, Copy)]
pub(super) struct CsvIncidents;

/// A text as a cell that no spreadsheet takes for a formula.
pub(super) fn cell(text: &str) -> String {
    let text = sanitize(text);
    if text.trim_start().starts_with(['=', '+', '-', '@']) {
        format!("'{text}")
    } else {
        text.into_owned()
    }
}

/// Writes a table; a row is as long as the header.
pub(super) fn table<const N: usize>(
    out: &mut dyn Write,
    header: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> Result<()> {
    let fault = |error: csv::Error| Error::Output(error.into());
    let mut table = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
    table.write_record(header).map_err(fault)?;
    for row in rows {
        table.write_record(row.iter().map(|text| cell(text))).map_err(fault)?;
    }
    table.flush().map_err(Error::Output)
}

/// The id of a cause; empty where none is known.
pub(super) fn cause_id(cause: Option<Cause>) -> String {
    cause.map_or_else(String::new, |cause| cause.to_string())
}

impl Output for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["csv"]
    }

    fn write(&self, results: &Results<'_>, out: &mut dyn Write) -> Result<()> {
        let header = [
            "at",
            "incident_id",
            "phase",
            "kind",
            "text",
            "count",
            "origin",
            "cause_id",
            "confidence",
            "source_file",
            "source_line",
            "byte_offset",
            "evidence",
        ];
        table(out, header, told(results.report).map(timeline_row))
    }
}

fn timeline_row(told: Told<'_>) -> [String; 13] {
    let Told { incident, row, evidence, source, cause } = told;
    [
        row.at.to_rfc3339(),
        incident.id.clone(),
        row.phase.to_owned(),
        row.kind.to_owned(),
        row.text.clone(),
        row.count.to_string(),
        incident.origin.verdict.to_string(),
        cause_id(cause),
        incident.origin.confidence.level.to_string(),
        source.unwrap_or_default().to_owned(),
        evidence.map(|item| item.line.to_string()).unwrap_or_default(),
        evidence.map(|item| item.byte_offset.to_string()).unwrap_or_default(),
        evidence.and_then(|item| item.text.clone()).unwrap_or_default(),
    ]
}

impl Output for CsvIncidents {
    fn name(&self) -> &'static str {
        "csv-incidents"
    }

    fn write(&self, results: &Results<'_>, out: &mut dyn Write) -> Result<()> {
        let header = [
            "incident_id",
            "fingerprint",
            "title",
            "status",
            "started_at",
            "ended_at",
            "duration_s",
            "severity",
            "origin",
            "confidence",
            "cause_id",
            "entries",
            "requests",
            "error_ratio",
            "peak_ratio",
            "peak_at",
            "clients",
            "recovery",
            "source_file",
            "source_line",
        ];
        let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let rows = results.report.incidents.iter().map(|incident| {
            let impact = &incident.impact;
            let first = incident.evidence.items.first();
            [
                incident.id.clone(),
                incident.fingerprint.clone(),
                incident.title.clone(),
                incident.status.to_owned(),
                incident.started_at.to_rfc3339(),
                incident.ended_at.map(Timestamp::to_rfc3339).unwrap_or_default(),
                incident.duration_s.to_string(),
                incident.severity.level.to_owned(),
                incident.origin.verdict.to_string(),
                incident.origin.confidence.level.to_string(),
                cause_id(main_cause(incident).and_then(|cause| cause.id)),
                impact.entries.to_string(),
                impact.requests.to_string(),
                number(impact.error_ratio),
                number(impact.peak_ratio),
                impact.peak_at.map(Timestamp::to_rfc3339).unwrap_or_default(),
                impact.clients.count.to_string(),
                incident.recovery.state.to_owned(),
                first.map(|item| source_of(results.report, item)).unwrap_or_default().to_owned(),
                first.map(|item| item.line.to_string()).unwrap_or_default(),
            ]
        });
        table(out, header, rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_or_breaks_its_row() {
        for (text, expected) in [
            ("=HYPERLINK(\"http://x\")", "'=HYPERLINK(\"http://x\")"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "' =1"),
            ("a\r\nb", "a  b"),
            ("\u{202e}=1", "'=1"),
            ("plain, with = inside", "plain, with = inside"),
        ] {
            assert_eq!(cell(text), expected);
        }
    }
}
