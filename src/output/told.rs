//! The timeline as flat rows, for the outputs that know no nesting.
//!
//! In: a [`Report`]. Out: its rows in order, each with its incident, its cause, and the first line it rests on.

use std::io::Write;

use serde::Serialize;

use super::written;
use crate::error::{Error, Result};
use crate::report::Report;
use crate::report::incident::{CauseInfo, EvidenceItem, IncidentInfo, TimelineRow};
use crate::taxonomy::Cause;

/// One row of a timeline with what stands around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'r> {
    /// The incident.
    pub incident: &'r IncidentInfo,
    /// The row.
    pub row: &'r TimelineRow,
    /// The first line that the row rests on.
    pub evidence: Option<&'r EvidenceItem>,
    /// The input of that line, as it was given.
    pub source: Option<&'r str>,
    /// The cause that the row is about, else the main cause of the incident.
    pub cause: Option<Cause>,
}

/// All rows of all incidents, in order.
pub(super) fn told(report: &Report) -> impl Iterator<Item = Told<'_>> {
    report.incidents.iter().flat_map(move |incident| {
        let main = main_cause(incident).and_then(|cause| cause.id);
        incident.timeline.iter().map(move |row| {
            let evidence = row.evidence.first().and_then(|id| evidence_of(incident, id));
            Told {
                incident,
                row,
                evidence,
                source: evidence.map(|item| source_of(report, item)),
                cause: row.cause.or(main),
            }
        })
    })
}

/// The cause with most entries among those of the incident's verdict, if any is known.
pub(super) fn main_cause(incident: &IncidentInfo) -> Option<&CauseInfo> {
    let verdict = incident.origin.verdict;
    let explains = |cause: &&CauseInfo| cause.entries + cause.messages > 0;
    let mut causes = incident.causes.iter().filter(explains);
    causes.find(|cause| cause.origin == verdict && cause.id.is_some())
}

/// The evidence item with this id.
pub(super) fn evidence_of<'r>(incident: &'r IncidentInfo, id: &str) -> Option<&'r EvidenceItem> {
    incident.evidence.items.iter().find(|item| item.id == id)
}

/// The path of the input that an evidence item is in, as it was given.
pub(super) fn source_of<'r>(report: &'r Report, item: &EvidenceItem) -> &'r str {
    report.inputs.get(item.input as usize).map_or("", |input| input.path.as_str())
}

/// When an incident ended; the end of the input while it goes on.
pub(super) fn end_of(report: &Report, incident: &IncidentInfo) -> crate::time::Timestamp {
    let last = report.coverage.last_at.unwrap_or(incident.started_at);
    incident.ended_at.unwrap_or(last).max(incident.started_at)
}

/// One value as a line of JSON.
pub(super) fn json_line(out: &mut dyn Write, value: &impl Serialize) -> Result<()> {
    serde_json::to_writer(&mut *out, value).map_err(|error| Error::Output(error.into()))?;
    written(out.write_all(b"\n"))
}
