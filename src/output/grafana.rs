//! Grafana annotations: bodies of `POST /api/annotations`, as a JSON array. Nothing is ever posted.
//!
//! Invariants: times are milliseconds; an incident is a region (`time` and `timeEnd`), every further row that tells a
//! change is a point; text is escaped for HTML, which Grafana shows; tags come from closed sets.

use std::io::Write;

use serde::Serialize;

use super::told::{end_of, main_cause, told};
use super::{Output, Results, sanitize, written};
use crate::error::{Error, Result};
use crate::report::incident::IncidentInfo;
use crate::taxonomy::Cause;
use crate::time::Timestamp;

/// `--format grafana`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grafana;

/// One annotation.
#[derive(Debug, Serialize)]
struct Annotation {
    time: i64,
    #[serde(rename = "timeEnd", skip_serializing_if = "Option::is_none")]
    time_end: Option<i64>,
    tags: Vec<String>,
    text: String,
}

const fn millis(at: Timestamp) -> i64 {
    at.0.div_euclid(1000)
}

/// Text that HTML shows as it is.
pub(super) fn escape_html(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in sanitize(text).chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
    html
}

fn tags(incident: &IncidentInfo, cause: Option<Cause>, kind: &str) -> Vec<String> {
    let mut tags = vec!["logscan503".to_owned(), format!("origin:{}", incident.origin.verdict)];
    tags.extend(cause.map(|cause| format!("cause:{cause}")));
    tags.push(kind.to_owned());
    tags
}

impl Output for Grafana {
    fn name(&self) -> &'static str {
        "grafana"
    }

    fn write(&self, results: &Results<'_>, out: &mut dyn Write) -> Result<()> {
        let report = results.report;
        let regions = report.incidents.iter().map(|incident| Annotation {
            time: millis(incident.started_at),
            time_end: Some(millis(end_of(report, incident))),
            tags: tags(incident, main_cause(incident).and_then(|cause| cause.id), "incident"),
            text: escape_html(&format!("{}. {}", incident.title, incident.severity.reason)),
        });
        // Onset, end and peak are in the region already.
        let is_point =
            |kind: &str| matches!(kind, "change" | "origin_shift" | "silence" | "relapse" | "mark");
        let points = told(report).filter(|told| is_point(told.row.kind)).map(|told| Annotation {
            time: millis(told.row.at),
            time_end: None,
            tags: tags(told.incident, told.cause, told.row.kind),
            text: escape_html(&told.row.text),
        });
        let mut all: Vec<Annotation> = regions.chain(points).collect();
        all.sort_by_key(|annotation| annotation.time);
        serde_json::to_writer_pretty(&mut *out, &all)
            .map_err(|error| Error::Output(error.into()))?;
        written(out.write_all(b"\n"))
    }
}
