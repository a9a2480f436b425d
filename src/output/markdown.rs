//! A post-mortem to paste, in the Markdown that GitHub and GitLab have in common.
//!
//! Invariants: what comes from logs is hostile: it stands in code spans and fences that it cannot end, so that it makes no
//! links, mentions, issue references, tables or HTML. The headings follow the post-mortem template of the SRE book; those
//! that only people can fill in stay empty.

use std::fmt::Write as _;
use std::io::Write;

use super::told::source_of;
use super::{Output, Results, sanitize, written};
use crate::error::Result;
use crate::report::Report;
use crate::report::incident::{Impact, IncidentInfo, Top};
use crate::taxonomy::Role;

/// `--format markdown`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Markdown;

/// Lines of evidence quoted per incident.
const MAX_EVIDENCE: usize = 12;

/// The longest run of backticks in a text.
fn backticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Text in a code span that it cannot end.
fn code(text: &str) -> String {
    let text = sanitize(text);
    let fence = "`".repeat(backticks(&text) + 1);
    if text.trim().is_empty() {
        return String::new();
    }
    // A blank inside lets the text begin or end with a backtick; it is not shown.
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A cell of a table, which nothing in it ends: there, and only there, a pipe is escaped, also in code spans.
fn cell(markdown: &str) -> String {
    markdown.replace('|', "\\|")
}

/// Words as prose where nothing in them means anything to Markdown, else as code.
fn words(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || " ,.;:()%/+-'\"".contains(c);
    // `GH-12` is an issue to some readers of Markdown.
    let is_link = ["//", "www.", "GH-"].iter().any(|mark| text.contains(mark));
    let starts_block = text.starts_with(['+', '-'])
        || text.starts_with(|c: char| c.is_ascii_digit()) && text.contains(". ");
    if text.chars().all(|c| plain(c) || c == '_') && !is_link && !starts_block {
        text.replace('_', "\\_")
    } else {
        code(text)
    }
}

impl Output for Markdown {
    fn name(&self) -> &'static str {
        "markdown"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["md", "markdown"]
    }

    fn write(&self, results: &Results<'_>, out: &mut dyn Write) -> Result<()> {
        let report = results.report;
        let mut page = String::new();
        if report.incidents.is_empty() {
            let totals = &report.totals;
            let _ = writeln!(
                page,
                "# No incident found\n\n{} requests, {} entries, {} of them background.\n",
                totals.requests, totals.entries, totals.background_entries
            );
        }
        for incident in &report.incidents {
            write_incident(&mut page, report, incident);
        }
        how(&mut page, report);
        written(out.write_all(page.as_bytes()))
    }
}

fn write_incident(page: &mut String, report: &Report, incident: &IncidentInfo) {
    let end = incident
        .ended_at
        .map_or_else(|| "goes on at the end of the input".to_owned(), |at| format!("to {at}"));
    let _ = writeln!(page, "# Incident {}: {}\n", incident.id, words(&incident.title));
    let _ = writeln!(page, "## Summary\n");
    let _ = writeln!(
        page,
        "{} from {} {end} ({:.0} s). Status: {}. Severity: {}, {}.\n",
        words(&incident.title),
        incident.started_at,
        incident.duration_s,
        words(incident.status),
        incident.severity.level,
        words(&incident.severity.reason)
    );
    impact(page, &incident.impact);
    let _ = writeln!(page, "\n## Origin\n");
    let _ = writeln!(
        page,
        "**{}**, {}: {}.\n",
        words(incident.origin.verdict.as_str()),
        incident.origin.confidence.level,
        words(&incident.origin.decided_by)
    );
    causes(page, incident);
    detection(page, incident);
    timeline(page, incident);
    let recovery = &incident.recovery;
    let at = recovery.at.map(|at| format!(" at {at}")).unwrap_or_default();
    let _ =
        writeln!(page, "\n## Recovery\n\n{}{at}: {}.\n", recovery.state, words(&recovery.basis));
    next_steps(page, incident);
    evidence(page, report, incident);
    ruled_out(page, incident);
    page.push_str("## Lessons\n\n\n## Action items\n\n- [ ] \n\n");
}

fn impact(page: &mut String, impact: &Impact) {
    let _ = writeln!(page, "## Impact\n");
    let _ = writeln!(page, "| measure | value |\n|---|---|");
    let _ = writeln!(
        page,
        "| failed responses | {} ({} of them of probes) |",
        impact.entries, impact.probe_entries
    );
    let _ = writeln!(page, "| requests in that time | {} |", impact.requests);
    if let Some(ratio) = impact.error_ratio {
        let _ = writeln!(page, "| error ratio | {:.1} % |", ratio * 100.0);
    }
    if let (Some(ratio), Some(at)) = (impact.peak_ratio, impact.peak_at) {
        let _ = writeln!(page, "| worst moment | {:.1} % at {at} |", ratio * 100.0);
    }
    let about = if impact.clients.approx { "about " } else { "" };
    let _ = writeln!(page, "| clients | {about}{} |", impact.clients.count);
    for (status, n) in impact.kin.iter().filter(|(_, n)| **n > 0) {
        let _ = writeln!(page, "| responses with {status} beside | {n} |");
    }
    for (name, top) in [
        ("paths", &impact.top_paths),
        ("hosts", &impact.top_hosts),
        ("upstreams", &impact.top_upstreams),
    ] {
        top_row(page, name, top);
    }
    if let Some(states) = &impact.termination_states {
        top_row(page, "termination states", states);
    }
}

fn top_row(page: &mut String, name: &str, top: &Top) {
    if top.items.is_empty() {
        return;
    }
    let shown: Vec<String> = top
        .items
        .iter()
        .take(5)
        .map(|item| format!("{} ({})", code(&item.key), item.count))
        .collect();
    let about = if top.approx { "about " } else { "" };
    let _ = writeln!(page, "| {name} ({about}{}) | {} |", top.total, cell(&shown.join(", ")));
}

fn causes(page: &mut String, incident: &IncidentInfo) {
    let _ = writeln!(page, "## Causes\n");
    for role in [Role::Trigger, Role::Mechanism, Role::Amplifier, Role::Contributing] {
        for cause in incident.causes.iter().filter(|cause| cause.role == role) {
            let id = cause.id.map_or_else(|| "not known".to_owned(), |id| words(id.as_str()));
            let _ = writeln!(
                page,
                "- {role}: **{id}**, {}, {:.1} % of the failures: {} [{}]",
                cause.confidence.level,
                cause.explained_ratio * 100.0,
                words(&cause.summary),
                cause.evidence.join(", ")
            );
        }
    }
    page.push('\n');
}

/// The first sign, against the first failure that a user saw.
fn detection(page: &mut String, incident: &IncidentInfo) {
    let _ = writeln!(page, "## Detection\n");
    match incident.timeline.iter().find(|row| row.phase == "before") {
        Some(row) => {
            let lead = (incident.started_at.0 - row.at.0) as f64 / 1e6;
            let _ = writeln!(
                page,
                "First sign in the logs: {} at {}, {lead:.1} s before the first failure at {}.\n",
                words(&row.text),
                row.at,
                incident.started_at
            );
        }
        None => {
            let _ =
                writeln!(page, "No sign before the first failure at {}.\n", incident.started_at);
        }
    }
}

fn timeline(page: &mut String, incident: &IncidentInfo) {
    let _ = writeln!(page, "## Timeline\n\nAll times are UTC.\n");
    let _ = writeln!(page, "| time | phase | what | evidence |\n|---|---|---|---|");
    for row in &incident.timeline {
        let times = if row.count > 1 { format!(" (x{})", row.count) } else { String::new() };
        let _ = writeln!(
            page,
            "| {} | {} | {}: {}{times} | {} |",
            row.at,
            row.phase,
            words(row.kind),
            cell(&words(&row.text)),
            row.evidence.join(", ")
        );
    }
}

/// What the causes call for, each step once.
fn next_steps(page: &mut String, incident: &IncidentInfo) {
    let steps: Vec<&String> = incident.causes.iter().flat_map(|cause| &cause.next_steps).collect();
    if !steps.is_empty() {
        let _ = writeln!(page, "## What to do now\n");
        let mut told: Vec<&String> = Vec::new();
        for step in steps {
            if !told.contains(&step) {
                let _ = writeln!(page, "- [ ] {}", code(step));
                told.push(step);
            }
        }
        page.push('\n');
    }
}

fn ruled_out(page: &mut String, incident: &IncidentInfo) {
    if !incident.rejected.is_empty() {
        let _ = writeln!(page, "## What was ruled out\n");
        for rejected in &incident.rejected {
            let _ =
                writeln!(page, "- {}: {}", words(rejected.id.as_str()), words(&rejected.reason));
        }
        page.push('\n');
    }
}

fn evidence(page: &mut String, report: &Report, incident: &IncidentInfo) {
    let _ = writeln!(
        page,
        "## Evidence\n\n<details><summary>{} lines, {} shown</summary>\n",
        incident.evidence.total,
        incident.evidence.items.len().min(MAX_EVIDENCE)
    );
    for item in incident.evidence.items.iter().take(MAX_EVIDENCE) {
        let _ =
            writeln!(page, "{}: {} line {}\n", item.id, code(source_of(report, item)), item.line);
        let text = sanitize(item.text.as_deref().unwrap_or("(cannot be read again)"));
        let fence = "`".repeat(backticks(&text).max(2) + 1);
        let _ = writeln!(page, "{fence}text\n{text}\n{fence}\n");
    }
    page.push_str("</details>\n\n");
}

fn how(page: &mut String, report: &Report) {
    let _ = writeln!(page, "## How this was produced\n");
    let _ = writeln!(
        page,
        "logscan503 {}, rules {}.\n",
        report.tool.version,
        code(&report.settings.rules_digest)
    );
    if let Some(run) = &report.run {
        let _ = writeln!(page, "Command: {}\n", code(&run.argv.join(" ")));
    }
    let _ = writeln!(page, "| input | format | lines | understood |\n|---|---|---|---|");
    for input in &report.inputs {
        let format = input.format.as_deref().unwrap_or("not understood");
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} |",
            cell(&code(&input.path)),
            words(format),
            input.lines.read,
            input.lines.parsed
        );
    }
    for missing in &report.coverage.missing {
        let _ = writeln!(
            page,
            "\nMissing: {}: {}. To have it: {}.",
            words(&missing.what),
            words(&missing.effect),
            code(&missing.fix)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_text_cannot_leave_its_code_span() {
        for (text, expected) in [
            ("a`b", "``a`b``"),
            ("`", "`` ` ``"),
            ("a|b", "`a|b`"),
            ("](javascript:x)", "`](javascript:x)`"),
            ("<script>", "`<script>`"),
        ] {
            assert_eq!(code(text), expected);
        }
    }

    #[test]
    fn only_harmless_words_are_prose() {
        for (text, expected) in [
            ("first 503, /search", "first 503, /search"),
            ("no_live_upstreams", "no\\_live\\_upstreams"),
            ("@team", "`@team`"),
            ("see #12", "`see #12`"),
            ("http://x.y", "`http://x.y`"),
            ("www.x.y", "`www.x.y`"),
            ("*a*", "`*a*`"),
            ("1. a", "`1. a`"),
        ] {
            assert_eq!(words(text), expected);
        }
    }
}
