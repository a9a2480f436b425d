//! Metrics for `node_exporter`'s textfile collector (Prometheus text format 0.0.4).
//!
//! Invariants: no timestamps (the collector rejects them); labels come from closed sets, never from log text; every
//! metric has its `# HELP` and `# TYPE`, once. With `-o NAME.prom` the file is replaced as a whole.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;

use super::told::{end_of, main_cause};
use super::{Output, Results, written};
use crate::error::Result;
use crate::report::Report;
use crate::taxonomy::{Cause, Origin};
use crate::time::{SECOND_US, Timestamp};

/// `--format prom`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prom;

/// Collects metrics as text.
struct Page(String);

impl Page {
    fn metric(&mut self, name: &str, kind: &str, help: &str) {
        let _ =
            writeln!(self.0, "# HELP logscan503_{name} {help}\n# TYPE logscan503_{name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.0, "logscan503_{name}{labels} {value}");
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.metric(name, kind, help);
        self.sample(name, "", value);
    }
}

fn seconds(at: Timestamp) -> f64 {
    at.0 as f64 / SECOND_US as f64
}

fn page(report: &Report) -> String {
    let mut page = Page(String::new());
    let totals = &report.totals;
    page.single("requests_total", "counter", "Access lines read.", totals.requests);
    page.metric("responses_total", "counter", "Access lines with these statuses.");
    for (status, n) in &totals.by_status {
        page.sample("responses_total", &format!("{{status=\"{status}\"}}"), n);
    }
    page.metric(
        "responses_503_total",
        "counter",
        "Responses with the statuses asked for (503 unless told otherwise), by who generated them.",
    );
    for (origin, n) in &totals.by_origin {
        page.sample("responses_503_total", &format!("{{origin=\"{origin}\"}}"), n);
    }
    page.metric(
        "incidents_total",
        "counter",
        "Incidents found, by who generated the responses, and why.",
    );
    let mut incidents: BTreeMap<(Origin, &str), u64> = BTreeMap::new();
    for incident in &report.incidents {
        let cause =
            main_cause(incident).and_then(|cause| cause.id).map_or("unknown", Cause::as_str);
        *incidents.entry((incident.origin.verdict, cause)).or_default() += 1;
    }
    for ((origin, cause), n) in &incidents {
        page.sample("incidents_total", &format!("{{origin=\"{origin}\",cause=\"{cause}\"}}"), n);
    }
    let active = report.incidents.iter().filter(|incident| incident.ended_at.is_none()).count();
    page.single(
        "incident_active",
        "gauge",
        "Incidents that go on at the end of the input.",
        active,
    );
    if let Some(last) = report.incidents.iter().max_by_key(|incident| incident.started_at) {
        page.single(
            "last_incident_start_timestamp_seconds",
            "gauge",
            "When the last incident began.",
            seconds(last.started_at),
        );
        page.single(
            "last_incident_end_timestamp_seconds",
            "gauge",
            "When the last incident ended; the end of the input while it goes on.",
            seconds(end_of(report, last)),
        );
    }
    let unparsed: u64 = report.inputs.iter().map(|input| input.lines.unparsed).sum();
    page.single("unparsed_lines_total", "counter", "Lines that no format understood.", unparsed);
    if let Some(run) = &report.run {
        page.single(
            "last_run_timestamp_seconds",
            "gauge",
            "When this run started.",
            seconds(run.started_at),
        );
    }
    page.metric("build_info", "gauge", "The program.");
    page.sample("build_info", &format!("{{version=\"{}\"}}", report.tool.version), 1);
    page.0
}

impl Output for Prom {
    fn name(&self) -> &'static str {
        "prom"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["prom"]
    }

    fn write(&self, results: &Results<'_>, out: &mut dyn Write) -> Result<()> {
        written(out.write_all(page(results.report).as_bytes()))
    }
}
