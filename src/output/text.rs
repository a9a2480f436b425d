//! The summary for a terminal: who, since when, why, how bad, is it over, what next.
//!
//! Invariants: words carry the meaning, colour only supports it; log text is stripped of control, bidirectional and
//! invisible characters; at most `width` columns, ASCII only where the terminal asks for it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;

use anstyle::{AnsiColor, Style};

use super::{Output, Results, TextStyle, written};
use crate::error::Result;
use crate::report::incident::{CauseInfo, IncidentInfo, TimelineRow, Top, TopItem};
use crate::report::{Report, SignalInfo};
use crate::taxonomy::{Cause, Confidence, Origin};
use crate::time::Timestamp;

/// `--format text`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text;

/// Incidents shown in full.
const MAX_INCIDENTS: usize = 10;

/// Rows of a story shown.
const MAX_ROWS: usize = 16;

/// Next steps shown per incident.
const MAX_STEPS: usize = 5;

/// Causes shown where there is no incident.
const MAX_SIGNALS: usize = 4;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const BAD: Style = AnsiColor::Red.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default();

impl Output for Text {
    fn name(&self) -> &'static str {
        "text"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["txt"]
    }

    fn write(&self, results: &Results<'_>, out: &mut dyn Write) -> Result<()> {
        let mut page = Page { text: String::new(), style: results.style, report: results.report };
        page.head();
        if results.report.incidents.is_empty() {
            page.nothing();
        }
        for (index, incident) in results.report.incidents.iter().take(MAX_INCIDENTS).enumerate() {
            page.incident(index + 1, incident);
        }
        let hidden = results.report.incidents.len().saturating_sub(MAX_INCIDENTS);
        if hidden > 0 {
            page.line(&format!("\n{hidden} more incidents: see --format json"));
        }
        page.kin_outside();
        page.layers();
        page.notes();
        written(out.write_all(page.text.as_bytes()))
    }
}

/// Characters that could act on a terminal, or hide: replaced one by one.
///
/// Control characters become U+FFFD, except that a tab becomes a blank; bidirectional controls and zero-width characters
/// are dropped.
pub fn sanitize(text: &str) -> Cow<'_, str> {
    let hidden = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{00ad}');
    if !text.chars().any(|c| c.is_control() || hidden(c)) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' | '\n' | '\r' => clean.push(' '),
            c if hidden(c) => {}
            c if c.is_control() => clean.push('\u{fffd}'),
            c => clean.push(c),
        }
    }
    Cow::Owned(clean)
}

struct Page<'r> {
    text: String,
    style: TextStyle,
    report: &'r Report,
}

impl Page<'_> {
    /// Adds a line, sanitized by its makers, cut to the width.
    fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// Adds a labelled row: a label of ten columns at an indent of five, and text that is wrapped under itself.
    fn row(&mut self, label: &str, text: &str, style: Style) {
        const INDENT: usize = 16;
        let room = self.style.width.saturating_sub(INDENT).max(30);
        for (index, part) in wrap(&sanitize(text), room).into_iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            let _ = writeln!(self.text, "     {BOLD}{label:<10}{BOLD:#} {style}{part}{style:#}");
        }
    }

    fn head(&mut self) {
        let report = self.report;
        let lines: u64 = report.inputs.iter().map(|input| input.lines.read).sum();
        let bytes: u64 = report.inputs.iter().map(|input| input.bytes_decoded).sum();
        let span = match (report.coverage.first_at, report.coverage.last_at) {
            (Some(first), Some(last)) => format!("  {} -> {} UTC", moment(first), moment(last)),
            _ => String::new(),
        };
        let n = report.inputs.len();
        let files = counted(n as u64, "input");
        let head = format!("{files}  {}  {}{span}", size(bytes), counted(lines, "line"));
        let _ = writeln!(self.text, "{BOLD}logscan503 {}{BOLD:#}  {head}", report.tool.version);
    }

    /// What was found where there is no incident: single entries, and messages that say why responses failed.
    fn nothing(&mut self) {
        let report = self.report;
        let statuses = statuses(&report.settings.status);
        let mut text = match report.totals.requests {
            0 if !report.signals.is_empty() => {
                format!("no {statuses} incident: messages alone, no requests")
            }
            n => {
                let single = report.totals.entries;
                let entries = if single == 1 { "entry" } else { "entries" };
                format!(
                    "no {statuses} incident: {}, {} single {entries} outside of any burst",
                    counted(n, "request"),
                    grouped(single)
                )
            }
        };
        let kin = kin_of(&report.totals.by_status, &report.settings.status);
        if !kin.is_empty() {
            let _ = write!(text, "; also {} (see --status 5xx)", kin.join(", "));
        }
        let is_quiet = report.totals.entries == 0 && report.signals.is_empty();
        let style = if is_quiet { GOOD } else { BOLD };
        self.line(&format!("\n{style}{text}{style:#}"));
        self.single_entries();
        self.signals();
    }

    /// Who made entries that form no incident, and why.
    fn single_entries(&mut self) {
        let report = self.report;
        if report.totals.entries == 0 {
            return;
        }
        self.text.push('\n');
        let mut label = "ORIGIN";
        for (origin, n) in report.totals.by_origin.iter().filter(|(_, n)| **n > 0) {
            let text = format!("{origin:<13} {}  {}", n_entries(*n), origin.meaning());
            self.row(std::mem::take(&mut label), &text, Style::new());
        }
        let mut causes: Vec<_> = report.totals.by_cause.iter().collect();
        causes.sort_by_key(|(cause, n)| (std::cmp::Reverse(**n), **cause));
        label = "CAUSE";
        for (cause, n) in causes.iter().take(MAX_SIGNALS) {
            let text = format!("{cause:<20} {}  {}", n_entries(**n), cause.meaning());
            self.row(std::mem::take(&mut label), &text, Style::new());
        }
        self.steps(&report.background.next_steps, causes.first().map(|(cause, _)| **cause));
    }

    /// What messages say that no incident tells of.
    fn signals(&mut self) {
        let report = self.report;
        if report.signals.is_empty() {
            return;
        }
        self.line("\nwhat messages say:");
        let known = |signal: &&SignalInfo| signal.origin != Origin::Unknown;
        let (decided, open): (Vec<_>, Vec<_>) = report.signals.iter().partition(known);
        let shown: Vec<_> = decided.into_iter().chain(open).take(MAX_SIGNALS).collect();
        for signal in &shown {
            let about = signal.scope.iter().next();
            let about = about.map(|(kind, name)| format!("  {} {name}", kind.replace('_', " ")));
            let text = format!(
                "{:<20} {} x  {}{}",
                signal.id,
                grouped(signal.count),
                signal.summary,
                about.unwrap_or_default()
            );
            self.row("CAUSE", &text, Style::new());
            let who = match signal.origin {
                Origin::Unknown => "who answered, such a message does not tell".to_owned(),
                origin => format!("{origin}: {}", origin.meaning()),
            };
            self.row("ORIGIN", &who, Style::new());
            if let Some(text) = signal.evidence.first().and_then(|said| said.text.as_deref()) {
                let line = text.lines().next().unwrap_or_default();
                let room = self.style.width.saturating_sub(17).max(30);
                self.row("", &line.chars().take(room).collect::<String>(), DIM);
            }
        }
        if let Some(first) = shown.first() {
            self.steps(&first.next_steps, Some(first.id));
        }
    }

    /// What to do next.
    fn steps(&mut self, steps: &[String], cause: Option<Cause>) {
        for (index, step) in steps.iter().take(MAX_STEPS).enumerate() {
            self.row(if index == 0 { "NEXT" } else { "" }, step, Style::new());
        }
        if let Some(cause) = cause {
            self.row("", &format!("logscan503 explain {cause}"), DIM);
        }
    }

    fn incident(&mut self, number: usize, incident: &IncidentInfo) {
        let over = match incident.status {
            "ongoing_at_end" => format!("{BAD}ONGOING at the end of the input{BAD:#}"),
            "starts_before_input" => "ended; began before the input".to_owned(),
            _ => format!("{GOOD}ended{GOOD:#}"),
        };
        let end = incident.ended_at.map_or_else(|| "...".to_owned(), clock);
        let _ = writeln!(
            self.text,
            "\n{BOLD} #{number}  {} -> {end}  {}{BOLD:#}  {over}  severity {}",
            moment(incident.started_at),
            duration(incident.duration_s),
            incident.severity.level
        );
        self.origin(incident);
        for (index, cause) in
            incident.causes.iter().filter(|cause| cause.id.is_some()).take(6).enumerate()
        {
            self.cause(if index == 0 { "CAUSE" } else { "" }, cause);
        }
        self.impact(incident);
        if let Some(ratio) = incident.traffic.surge_ratio {
            let verdict = incident.traffic.verdict.replace('_', " ");
            self.row(
                "LOAD",
                &format!("{ratio:.2} x the requests before ({verdict})"),
                Style::new(),
            );
        }
        self.chart(incident);
        self.story(incident);
        self.next(incident);
    }

    fn origin(&mut self, incident: &IncidentInfo) {
        let mut shares: Vec<_> = incident.origin.shares.iter().collect();
        shares.sort_by(|a, b| b.1.total_cmp(a.1).then(a.0.cmp(b.0)));
        if shares.is_empty() {
            let text = format!("{}, from messages only", incident.origin.verdict);
            self.row("ORIGIN", &text, BOLD);
        }
        for (index, (origin, share)) in shares.into_iter().enumerate() {
            let best = incident
                .causes
                .iter()
                .filter(|cause| cause.origin == *origin)
                .map(|cause| cause.confidence.level)
                .max()
                .unwrap_or(Confidence::Unknown);
            let sure =
                if best == Confidence::Unknown { String::new() } else { format!("  {best}") };
            let leaning = incident
                .causes
                .iter()
                .filter(|cause| cause.origin == *origin)
                .find_map(|cause| cause.leaning.as_ref())
                .map(|leaning| format!(", probably {}", leaning.origin));
            let text = format!(
                "{origin:<13} {:>5.1} %{sure}  {}{}",
                share * 100.0,
                origin.meaning(),
                leaning.unwrap_or_default()
            );
            self.row(if index == 0 { "ORIGIN" } else { "" }, &text, Style::new());
        }
    }

    fn cause(&mut self, label: &str, cause: &CauseInfo) {
        let Some(id) = cause.id else { return };
        let n = match (cause.entries, cause.messages) {
            (0, 0) => String::new(),
            (0, n) => format!("{} messages  ", grouped(n)),
            (n, _) => format!("{} entries  ", grouped(n)),
        };
        let text = format!(
            "{:<20} {}  {}  {n}{}",
            id.as_str(),
            cause.role,
            cause.confidence.level,
            cause.summary
        );
        self.row(label, &text, Style::new());
    }

    fn impact(&mut self, incident: &IncidentInfo) {
        let impact = &incident.impact;
        let kin = kin_of(&impact.kin, &[]);
        let mut text = match impact.error_ratio {
            _ if impact.entries == 0 && !kin.is_empty() => {
                format!("{}, {}", kin.join(", "), incident.severity.reason)
            }
            Some(ratio) => {
                format!("{} entries, {:.1} % of requests", grouped(impact.entries), ratio * 100.0)
            }
            None => format!("{} entries", grouped(impact.entries)),
        };
        if let (Some(ratio), Some(at)) = (impact.peak_ratio, impact.peak_at) {
            let _ = write!(text, " (peak {:.1} % at {})", ratio * 100.0, clock(at));
        }
        // What only messages tell of is known by no client or path.
        if impact.clients.count > 0 || impact.top_paths.total > 0 {
            let about = if impact.clients.approx { "about " } else { "" };
            let _ = write!(
                text,
                ", {about}{} clients, {} paths",
                grouped(impact.clients.count),
                grouped(impact.top_paths.total)
            );
        }
        if let Some(top) = impact.top_paths.items.first() {
            let _ = write!(text, ", most often {} ({})", top.key, grouped(top.count));
        }
        self.row("IMPACT", &text, Style::new());
        if let Some(states) = &impact.termination_states {
            let listed = |top: &Top| {
                let item = |item: &TopItem| format!("{} ({})", item.key, grouped(item.count));
                top.items.iter().take(4).map(item).collect::<Vec<_>>().join(", ")
            };
            let text =
                format!("ended {}; towards {}", listed(states), listed(&impact.top_upstreams));
            self.row("", &text, DIM);
        }
        if impact.probe_entries > 0 {
            self.row(
                "",
                &format!("{} of them are health checks", grouped(impact.probe_entries)),
                DIM,
            );
        }
        if !kin.is_empty() && impact.entries > 0 {
            self.row("", &format!("in the same time also {}", kin.join(", ")), Style::new());
        }
    }

    /// Entries over time as a line of bars.
    fn chart(&mut self, incident: &IncidentInfo) {
        let entries = &incident.series.entries;
        if entries.len() < 2 || entries.iter().all(|n| *n == 0) {
            return;
        }
        let room = self.style.width.saturating_sub(40).clamp(10, 60);
        let per_cell = entries.len().div_ceil(room);
        let cells: Vec<u64> = entries.chunks(per_cell).map(|cell| cell.iter().sum()).collect();
        let most = cells.iter().copied().max().unwrap_or(0).max(1);
        let bars: Vec<char> = if self.style.unicode {
            "▁▂▃▄▅▆▇█".chars().collect()
        } else {
            ".:-=+*%#".chars().collect()
        };
        let bar = |n: &u64| match n {
            0 => ' ',
            n => bars[((n * bars.len() as u64).div_ceil(most) as usize - 1).min(bars.len() - 1)],
        };
        let line: String = cells.iter().map(bar).collect();
        let cell_s = per_cell as i64 * incident.series.bucket_s;
        self.row("ENTRIES", &format!("{line}  at most {most} in {cell_s} s"), Style::new());
    }

    fn story(&mut self, incident: &IncidentInfo) {
        for row in TimelineRow::curated(&incident.timeline, MAX_ROWS) {
            let address = row
                .evidence
                .first()
                .and_then(|id| incident.evidence.items.iter().find(|item| item.id == *id))
                .and_then(|item| {
                    let path = &self.report.inputs.get(item.input as usize)?.path;
                    Some(format!("  [{path}:{}]", item.line))
                });
            let times =
                if row.count > 1 { format!(" (x{})", grouped(row.count)) } else { String::new() };
            let text = format!("{:<9}{}{times}{}", row.kind, row.text, address.unwrap_or_default());
            self.row(&clock(row.at), &text, Style::new());
        }
    }

    fn next(&mut self, incident: &IncidentInfo) {
        // The first step of every cause, then the second of each, and so on.
        let deepest = incident.causes.iter().map(|cause| cause.next_steps.len()).max().unwrap_or(0);
        let mut steps: Vec<&String> = Vec::new();
        for depth in 0..deepest {
            for step in incident.causes.iter().filter_map(|cause| cause.next_steps.get(depth)) {
                if !steps.contains(&step) {
                    steps.push(step);
                }
            }
        }
        let steps: Vec<String> = steps.into_iter().cloned().collect();
        self.steps(&steps, incident.causes.iter().find_map(|cause| cause.id));
    }

    /// Answers with kin statuses that no incident counts.
    fn kin_outside(&mut self) {
        let report = self.report;
        if report.incidents.is_empty() {
            return;
        }
        let mut outside = report.totals.by_status.clone();
        for (status, n) in report.incidents.iter().flat_map(|incident| &incident.impact.kin) {
            outside.entry(*status).and_modify(|left| *left = left.saturating_sub(*n));
        }
        let kin = kin_of(&outside, &report.settings.status);
        if !kin.is_empty() {
            let text = format!("{} outside of incidents (see --status 5xx)", kin.join(", "));
            self.text.push('\n');
            self.row("ALSO", &text, Style::new());
        }
    }

    /// Who saw how many responses, and who made them in the end.
    fn layers(&mut self) {
        for (index, layer) in self.report.layers.iter().enumerate() {
            if index == 0 {
                self.text.push('\n');
            }
            let ends: Vec<String> = layer
                .resolved_to
                .iter()
                .map(|end| {
                    let why = end.id.map_or(end.origin.as_str(), Cause::as_str);
                    format!("{} {} {why}", grouped(end.entries), end.layer)
                })
                .collect();
            let seen = format!("{}: {} responses", layer.name, grouped(layer.entries));
            let text =
                if ends.is_empty() { seen } else { format!("{seen}, of them {}", ends.join(", ")) };
            self.row(if index == 0 { "LAYERS" } else { "" }, &text, Style::new());
        }
    }

    fn notes(&mut self) {
        let report = self.report;
        let missing: Vec<String> = report
            .coverage
            .missing
            .iter()
            .map(|missing| {
                format!("{} ({} entries): {}", missing.what, grouped(missing.entries), missing.fix)
            })
            .collect();
        if !missing.is_empty() || !report.diagnostics.is_empty() || report.coverage.filtered {
            self.text.push('\n');
        }
        if report.coverage.filtered {
            self.row(
                "NOTE",
                "the input seems to hold lines of this status only: no ratios, no recovery",
                DIM,
            );
        }
        for text in missing {
            self.row("MISSING", &text, DIM);
        }
        for diagnostic in &report.diagnostics {
            self.row("NOTE", &diagnostic.message, DIM);
        }
    }
}

/// `31 x 502`: how many answers there were of each status, but for those that were asked for.
fn kin_of(by_status: &BTreeMap<u16, u64>, chosen: &[u16]) -> Vec<String> {
    by_status
        .iter()
        .filter(|(status, n)| **n > 0 && !chosen.contains(status))
        .map(|(status, n)| format!("{} x {status}", grouped(*n)))
        .collect()
}

/// Breaks text at blanks into parts of at most `room` characters; a longer word stays whole.
fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut parts = vec![String::new()];
    for word in text.split_inclusive(' ') {
        let last = parts.len() - 1;
        let used = parts[last].chars().count();
        if used > 0 && used + word.trim_end().chars().count() > room {
            parts.push(word.to_owned());
        } else {
            parts[last].push_str(word);
        }
    }
    parts.iter().map(|part| part.trim_end().to_owned()).collect()
}

/// `503`, `502/503`, `5xx`: whole classes by their digit.
fn statuses(chosen: &[u16]) -> String {
    let is_whole = |class: u16| (class * 100..class * 100 + 100).all(|one| chosen.contains(&one));
    let whole: Vec<u16> = (1..=9).filter(|class| is_whole(*class)).collect();
    let single = chosen.iter().filter(|one| !whole.contains(&(*one / 100))).map(u16::to_string);
    whole.iter().map(|class| format!("{class}xx")).chain(single).collect::<Vec<_>>().join("/")
}

/// `2026-11-20 21:29:49`.
fn moment(at: Timestamp) -> String {
    let text = Timestamp::from_second(at.second()).to_rfc3339();
    text.trim_end_matches('Z').replace('T', " ")
}

/// `21:29:49`.
fn clock(at: Timestamp) -> String {
    moment(at).split_off(11)
}

/// `6m42s`.
fn duration(seconds: f64) -> String {
    let whole = seconds.round() as i64;
    match whole {
        0..60 => format!("{whole}s"),
        60..3600 => format!("{}m{:02}s", whole / 60, whole % 60),
        _ => format!("{}h{:02}m", whole / 3600, whole % 3600 / 60),
    }
}

/// `1 entry`, `18 204 entries`.
fn n_entries(n: u64) -> String {
    if n == 1 { "1 entry".to_owned() } else { format!("{} entries", grouped(n)) }
}

/// `1 request`, `18 204 requests`.
fn counted(n: u64, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{} {one}s", grouped(n)) }
}

/// `18 204`.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// `3.1 GiB`.
fn size(bytes: u64) -> String {
    let (unit, shift) = match bytes {
        0..1024 => return format!("{bytes} B"),
        1024..0x10_0000 => ("KiB", 10),
        0x10_0000..0x4000_0000 => ("MiB", 20),
        _ => ("GiB", 30),
    };
    format!("{:.1} {unit}", bytes as f64 / f64::from(1u32 << shift))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_text_cannot_act_on_a_terminal() {
        assert_eq!(sanitize("a\u{1b}[31mb\u{202e}c\td"), "a\u{fffd}[31mbc d");
        assert!(matches!(sanitize("plain ü"), Cow::Borrowed(_)));
    }

    #[test]
    fn whole_classes_of_statuses_are_named_by_their_digit() {
        let class: Vec<u16> = (500..600).collect();
        assert_eq!(statuses(&class), "5xx");
        assert_eq!(statuses(&[502, 503]), "502/503");
        assert_eq!(statuses(&[vec![429], class].concat()), "5xx/429");
    }

    #[test]
    fn numbers_for_people() {
        assert_eq!(grouped(1_234_567), "1 234 567");
        assert_eq!(size(512), "512 B");
        assert_eq!(size(3 << 30), "3.0 GiB");
        assert_eq!(duration(402.1), "6m42s");
        assert_eq!(duration(7260.0), "2h01m");
    }
}
