//! SARIF 2.1.0, for code-review and CI systems: an incident is a result, the cause catalogue its rules.
//!
//! Source: OASIS SARIF 2.1.0. Text is plain, never Markdown. The command line and the times of the run are given only
//! where the document has a `run`, so that reproducible documents stay so.

use std::fmt::Write as _;
use std::io::Write;

use serde_json::{Value, json};

use super::told::{evidence_of, main_cause, source_of};
use super::{Output, Results, sanitize, written};
use crate::cause::advice::explain;
use crate::error::{Error, Result};
use crate::report::Report;
use crate::report::incident::{EvidenceItem, IncidentInfo};
use crate::taxonomy::{Cause, Confidence};

/// `--format sarif`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sarif;

/// The rule of incidents whose cause is not known.
const UNKNOWN_RULE: &str = "unknown_cause";

/// Causes whose results point to the ones they explain are listed in this order, the unknown one last.
fn rule_index(cause: Option<Cause>) -> usize {
    let known = cause.and_then(|cause| Cause::ALL.iter().position(|other| *other == cause));
    known.unwrap_or(Cause::ALL.len())
}

impl Output for Sarif {
    fn name(&self) -> &'static str {
        "sarif"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["sarif"]
    }

    fn write(&self, results: &Results<'_>, out: &mut dyn Write) -> Result<()> {
        let report = results.report;
        let log = json!({
            "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": report.tool.name,
                    "semanticVersion": report.tool.version,
                    "rules": rules(),
                }},
                "columnKind": "unicodeCodePoints",
                "artifacts": report.inputs.iter().map(|input| {
                    let mut artifact = json!({
                        "location": { "uri": uri(&input.path) },
                        "roles": ["analysisTarget"],
                    });
                    // The length of what was read from a pipe is not that of a file.
                    if input.path != "-" {
                        artifact["length"] = json!(input.bytes_read);
                    }
                    artifact
                }).collect::<Vec<_>>(),
                "invocations": [invocation(report)],
                "results": report.incidents.iter().map(|incident| result(report, incident)).collect::<Vec<_>>(),
            }],
        });
        serde_json::to_writer_pretty(&mut *out, &log)
            .map_err(|error| Error::Output(error.into()))?;
        written(out.write_all(b"\n"))
    }
}

fn rules() -> Vec<Value> {
    let mut rules: Vec<Value> = Cause::ALL
        .iter()
        .map(|cause| {
            json!({
                "id": cause.as_str(),
                "shortDescription": { "text": cause.meaning() },
                "help": { "text": explain(*cause) },
                "properties": { "role": cause.role() },
            })
        })
        .collect();
    rules.push(json!({
        "id": UNKNOWN_RULE,
        "shortDescription": { "text": "the evidence does not decide why the responses were generated" },
    }));
    rules
}

fn invocation(report: &Report) -> Value {
    let notices: Vec<Value> = report
        .diagnostics
        .iter()
        .map(|diagnostic| {
            let level = if diagnostic.level == "warning" { "warning" } else { "note" };
            json!({
                "level": level,
                "descriptor": { "id": diagnostic.code },
                "message": { "text": sanitize(&diagnostic.message) },
            })
        })
        .collect();
    let mut invocation = json!({
        "executionSuccessful": report.run.as_ref().is_none_or(|run| !run.partial),
        "toolExecutionNotifications": notices,
    });
    if let Some(run) = &report.run {
        invocation["commandLine"] = run.argv.join(" ").into();
        invocation["exitCode"] = run.exit_code.into();
        invocation["startTimeUtc"] = run.started_at.to_rfc3339().into();
    }
    invocation
}

fn result(report: &Report, incident: &IncidentInfo) -> Value {
    let main = main_cause(incident);
    let cause = main.and_then(|cause| cause.id);
    let level = match incident.severity.level {
        "critical" | "major" => "error",
        _ => "warning",
    };
    let rank = match incident.origin.confidence.level {
        Confidence::Confirmed => 100.0,
        Confidence::Likely => 75.0,
        Confidence::Possible => 40.0,
        Confidence::Unknown => 10.0,
    };
    let text = format!(
        "{}. {} First {}, last {}. {}.",
        incident.title,
        incident.severity.reason,
        incident.started_at,
        incident.ended_at.map_or_else(|| "not seen".to_owned(), |at| at.to_string()),
        incident.origin.decided_by,
    );
    let own: Vec<&EvidenceItem> = main
        .iter()
        .flat_map(|cause| &cause.evidence)
        .filter_map(|id| evidence_of(incident, id))
        .collect();
    let first = own.first().copied().or(incident.evidence.items.first());
    let related =
        incident.evidence.items.iter().filter(|item| first.is_none_or(|own| own.id != item.id));
    let steps = incident.timeline.iter().map(|row| {
        let place = row.evidence.first().and_then(|id| evidence_of(incident, id));
        let mut location = place.map_or_else(|| json!({}), |item| location(report, item));
        location["message"] = json!({ "text": sanitize(&row.text) });
        let is_edge = matches!(row.kind, "onset" | "recovery" | "peak" | "relapse");
        json!({
            "location": location,
            "executionTimeUtc": row.at.to_rfc3339(),
            "importance": if is_edge { "essential" } else { "important" },
            "kinds": [row.kind],
        })
    });
    let mut result = json!({
        "ruleId": cause.map_or(UNKNOWN_RULE, Cause::as_str),
        "ruleIndex": rule_index(cause),
        "kind": "fail",
        "level": level,
        "rank": rank,
        "message": { "text": sanitize(&text) },
        "locations": first.map(|item| location(report, item)).into_iter().collect::<Vec<_>>(),
        "relatedLocations": related.map(|item| location(report, item)).collect::<Vec<_>>(),
        "partialFingerprints": { "incident/v1": incident.fingerprint },
        "codeFlows": [{ "threadFlows": [{ "locations": steps.collect::<Vec<_>>() }] }],
        "properties": {
            "incident": incident.id,
            "origin": incident.origin.verdict,
            "status": incident.status,
        },
    });
    // At least one occurrence, or none is said: an incident may be told by messages only.
    if incident.impact.entries > 0 {
        result["occurrenceCount"] = incident.impact.entries.into();
    }
    result
}

fn location(report: &Report, item: &EvidenceItem) -> Value {
    let mut region = json!({ "startLine": item.line });
    // Offsets of what cannot be opened there would mislead.
    if item.addressable {
        region["byteOffset"] = item.byte_offset.into();
        region["byteLength"] = item.byte_length.into();
    }
    if let Some(text) = &item.text {
        region["snippet"] = json!({ "text": sanitize(text) });
    }
    let path = source_of(report, item);
    json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(path), "index": item.input },
        "region": region,
    }})
}

/// A path as a relative or absolute URI reference (RFC 3986).
fn uri(path: &str) -> String {
    if path == "-" {
        return "stdin:".to_owned();
    }
    let path = path.replace('\\', "/");
    let mut uri = String::with_capacity(path.len());
    // A drive letter, or a colon in the first segment, would be read as a scheme.
    if path.as_bytes().get(1) == Some(&b':') {
        uri.push_str("file:///");
    } else if path.starts_with('/') {
        uri.push_str("file://");
    } else if path.split('/').next().is_some_and(|first| first.contains(':')) {
        uri.push_str("./");
    }
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=:@".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        for (path, expected) in [
            ("logs/access.log", "logs/access.log"),
            ("/var/log/a b#1.log", "file:///var/log/a%20b%231.log"),
            ("C:\\logs\\u_ex.log", "file:///C:/logs/u_ex.log"),
            ("a:/b.log", "file:///a:/b.log"),
            ("ab:c.log", "./ab:c.log"),
            ("-", "stdin:"),
            ("l\u{e4}.log", "l%C3%A4.log"),
        ] {
            assert_eq!(uri(path), expected);
        }
    }
}
