//! The story of an incident: a short list of what happened, in order of time.
//!
//! In: the parts of the incident's document. Out: [`TimelineRow`]s, at most [`MAX_ROWS`]; where there are more, those that
//! matter least are left out, whenever they were.

use super::beside::MARK;
use super::incident::EvidenceList;
use super::stall::INGEST_STALL;
use crate::evidence::Place;
use crate::incident::Incident;
use crate::incident::course::{First, Reach, Stretch};
use crate::report::Coverage;
use crate::report::incident::{CauseInfo, Change, FirstFailing, Impact, Recovery, TimelineRow};
use crate::report::text_of::{Name, Texts};
use crate::tally::Series;
use crate::taxonomy::Origin;
use crate::time::{SECOND_US, Timestamp};

/// Rows of a story; one more is kept free for a relapse.
const MAX_ROWS: usize = 39;

/// Changes told before other rows are crowded out.
const MAX_CHANGES: usize = 12;

/// Limits told that servers reached.
const MAX_PRESSURES: usize = 6;

/// Rows of what an incident spread to.
const MAX_SPREAD: usize = 6;

/// A host or upstream counts as reached when it holds this part of the entries, and this many.
const SPREAD_PART: u64 = 100;
const MIN_SPREAD: u64 = 3;

/// Windows in which the leading origin is looked for, seconds.
const SHIFT_WINDOW_S: i64 = 10;

/// Entries that an origin must lead with, before and after, for a shift.
const MIN_SHIFT: u64 = 20;

/// Entries on both sides of a pause for a relapse.
const MIN_RELAPSE: u64 = 5;

/// Relapses told: those behind the longest pauses.
const MAX_RELAPSES: usize = 12;

/// Good answers in a pause that make it one.
const MIN_GOOD_IN_PAUSE: u64 = 10;

/// What a story is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Story<'s> {
    pub incident: &'s Incident,
    pub causes: &'s [CauseInfo],
    pub changes: &'s [Change],
    pub first_failing: Option<&'s FirstFailing>,
    pub recovery: &'s Recovery,
    pub impact: &'s Impact,
    pub coverage: &'s Coverage,
    pub requests: &'s Series,
}

/// Tells the story.
pub(super) fn story(
    parts: Story<'_>,
    texts: Texts<'_>,
    evidence: &mut EvidenceList<'_>,
) -> Vec<TimelineRow> {
    let mut teller = Teller { parts, texts, evidence, rows: Vec::new() };
    teller.first_failing();
    teller.changes();
    teller.onset();
    teller.causes();
    teller.pressures();
    teller.spread();
    teller.shifts();
    teller.relapses();
    teller.silences();
    teller.peak();
    teller.end();
    let mut rows = teller.rows;
    rows.sort_by_key(|row| (row.at, rank(row.kind)));
    TimelineRow::curated(&rows, MAX_ROWS).into_iter().cloned().collect()
}

/// Order of rows of the same instant: what leads comes first.
fn rank(kind: &str) -> u8 {
    match kind {
        "change" | "mark" => 0,
        "health" => 1,
        "onset" => 2,
        "error" => 3,
        "peak" => 4,
        _ => 5,
    }
}

/// Collects the rows.
struct Teller<'s, 't, 'e, 'l> {
    parts: Story<'s>,
    texts: Texts<'t>,
    evidence: &'e mut EvidenceList<'l>,
    rows: Vec<TimelineRow>,
}

impl Teller<'_, '_, '_, '_> {
    fn tell(&mut self, at: Timestamp, kind: &'static str, text: String, evidence: Vec<String>) {
        let phase = self.phase_of(at);
        self.rows.push(TimelineRow { at, phase, kind, text, count: 1, cause: None, evidence });
    }

    fn phase_of(&self, at: Timestamp) -> &'static str {
        match at.0 {
            at if at < self.parts.incident.started_at => "before",
            at if at <= self.parts.incident.ended_at => "during",
            _ => "after",
        }
    }

    fn quote(&mut self, place: Place, at: i64) -> Vec<String> {
        vec![self.evidence.id(place, Some(at))]
    }

    fn first_failing(&mut self) {
        let Some(failing) = self.parts.first_failing else { return };
        let text = format!("{} is the first to fail", failing.component);
        self.tell(failing.at, "health", text, failing.evidence.clone());
    }

    fn changes(&mut self) {
        let (marks, others): (Vec<&Change>, Vec<&Change>) =
            self.parts.changes.iter().partition(|change| change.kind == MARK);
        for change in marks.into_iter().chain(others.into_iter().take(MAX_CHANGES)) {
            let kind = match change.kind {
                MARK => "mark",
                kind if kind.starts_with("backend_") => "health",
                _ => "change",
            };
            self.tell(change.at, kind, change.what.clone(), change.evidence.clone());
        }
    }

    fn onset(&mut self) {
        let incident = self.parts.incident;
        let Some((place, at)) = incident.onset else { return };
        let path = self.texts.name(place, Name::Path).unwrap_or_default();
        let status = self.texts.access(place, |record| record.status);
        let status = status.map_or_else(|| "failure".to_owned(), |status| status.to_string());
        let lines = self.quote(place, at);
        let text = if path.is_empty() {
            format!("first {status}")
        } else {
            format!("first {status}, {path}")
        };
        self.tell(Timestamp(at), "onset", text, lines);
        if let Some(row) = self.rows.last_mut() {
            row.phase = "onset";
        }
    }

    fn causes(&mut self) {
        for cause in self.parts.causes {
            let (Some(first_at), Some(id)) = (cause.first_at, cause.id) else { continue };
            let n_beside: u64 = cause.spans.iter().map(|span| span.entries).sum();
            let count = [cause.entries, cause.messages, n_beside].into_iter().find(|n| *n > 0);
            // A mark has its own row.
            let Some(count) = count else { continue };
            let text = format!("{id}: {}", cause.summary);
            let lines = cause.evidence.iter().take(2).cloned().collect();
            self.tell(first_at, "error", text, lines);
            if let Some(row) = self.rows.last_mut() {
                row.count = count;
                row.cause = Some(id);
            }
        }
    }

    /// Limits that servers reached: they hold requests up, and name none.
    fn pressures(&mut self) {
        let incident = self.parts.incident;
        let mut rows: Vec<_> = incident.pressures.values().copied().collect();
        rows.sort_by_key(|(event, _)| (event.at, event.place.position));
        for (event, n) in rows.into_iter().take(MAX_PRESSURES) {
            let Some(rule) = self.texts.matcher.rule(event.rule) else { continue };
            let scope = self.texts.scope(event.place).map(|(_, name)| format!(" ({name})"));
            let times = if n > 1 { format!(", {n} messages") } else { String::new() };
            let text = format!("{}{}{times}", rule.note, scope.unwrap_or_default());
            let lines = self.quote(event.place, event.at);
            self.tell(Timestamp(event.at), "health", text, lines);
        }
    }

    /// Hosts and upstreams that fail later than the first.
    fn spread(&mut self) {
        let incident = self.parts.incident;
        let least = (incident.entries / SPREAD_PART).max(MIN_SPREAD);
        let later =
            |first: &&First| first.at >= incident.started_at + SECOND_US && first.entries >= least;
        let firsts: Vec<First> =
            incident.course.firsts.iter().filter(later).take(MAX_SPREAD).copied().collect();
        for (index, first) in firsts.iter().enumerate() {
            // One line may be the first of a host and of an upstream: the host says it.
            if firsts[..index].iter().any(|told| told.place == first.place) {
                continue;
            }
            let (what, name) = match first.reach {
                Reach::Host => ("host", Name::Host),
                Reach::Upstream => ("upstream", Name::Upstream),
            };
            let name =
                self.texts.name(first.place, name).filter(|name| !name.is_empty() && name != "-");
            let Some(name) = name else { continue };
            let lines = self.quote(first.place, first.at);
            let text = format!("first failure of {what} {name}");
            self.tell(Timestamp(first.at), "spread", text, lines);
            if let Some(row) = self.rows.last_mut() {
                row.count = first.entries;
            }
        }
    }

    /// When another origin begins to lead.
    fn shifts(&mut self) {
        for shift in shifts(self.parts.incident) {
            let text = format!(
                "now mostly generated by {}, before by {}",
                shift.to.as_str(),
                shift.from.as_str()
            );
            self.tell(Timestamp::from_second(shift.second), "origin_shift", text, Vec::new());
        }
    }

    /// When failures come back after a pause in which requests were served.
    fn relapses(&mut self) {
        let stretches: &[Stretch] = &self.parts.incident.course.stretches;
        let (mut before, mut last_at) = (0, 0);
        let mut pauses: Vec<(i64, u64, &Stretch)> = Vec::new();
        for stretch in stretches {
            if before >= MIN_RELAPSE && stretch.entries >= MIN_RELAPSE {
                let (from, to) = (last_at / SECOND_US + 1, stretch.first_at / SECOND_US - 1);
                let pause = self.parts.requests.sum(from, to.max(from));
                let good = pause.requests.saturating_sub(pause.server_errors);
                if good >= MIN_GOOD_IN_PAUSE {
                    pauses.push((last_at, good, stretch));
                }
            }
            before += stretch.entries;
            last_at = stretch.last_at;
        }
        // Only those that are told are read again: an incident of days may have hundreds.
        pauses.sort_by_key(|(from, _, stretch)| (from - stretch.first_at, *from));
        pauses.truncate(MAX_RELAPSES);
        for (from, good, stretch) in pauses {
            let after = self.mitigation(from, stretch.first_at);
            let pause_s = (stretch.first_at - from) / SECOND_US;
            let text = format!(
                "failures again after {pause_s} s without any and {good} good answers{after}"
            );
            let lines = self.quote(stretch.first, stretch.first_at);
            self.tell(Timestamp(stretch.first_at), "relapse", text, lines);
        }
    }

    /// What was done just before or in a pause, and did not last.
    fn mitigation(&self, from: i64, to: i64) -> String {
        let is_near = |change: &&Change| {
            !change.kind.starts_with("backend_")
                && from - 60 * SECOND_US <= change.at.0
                && change.at.0 <= to
        };
        let done = self.parts.changes.iter().rev().find(is_near);
        done.map(|change| format!(", despite: {}", change.what)).unwrap_or_default()
    }

    /// Stretches without any access line, or without any accepted request, in or beside the incident.
    fn silences(&mut self) {
        let incident = self.parts.incident;
        let beside_us = 300 * SECOND_US;
        for gap in &self.parts.coverage.gaps {
            let touches = gap.from.0 <= incident.ended_at + beside_us
                && gap.to.0 >= incident.started_at - beside_us;
            if touches {
                let seconds = gap.duration_s;
                let text = if gap.kind == INGEST_STALL {
                    let n = self.parts.requests.sum(gap.to.second(), gap.to.second()).requests;
                    format!(
                        "no request is accepted for {seconds:.0} s, then {n} come in one second"
                    )
                } else {
                    format!("nothing is logged for {seconds:.0} s")
                };
                self.tell(gap.from, gap.kind, text, Vec::new());
            }
        }
    }

    fn peak(&mut self) {
        let impact = self.parts.impact;
        let (Some(at), Some(ratio)) = (impact.peak_at, impact.peak_ratio) else { return };
        let at = at.max(Timestamp(self.parts.incident.started_at));
        self.tell(at, "peak", format!("{:.1} % of requests fail", ratio * 100.0), Vec::new());
    }

    fn end(&mut self) {
        let incident = self.parts.incident;
        let recovery = self.parts.recovery;
        let (mut lines, at) = match incident.last_entry {
            Some((place, at)) => (self.quote(place, at), at),
            None if incident.kin_failures > 0 => (Vec::new(), i64::MIN),
            None => return,
        };
        lines.extend(recovery.evidence.iter().cloned());
        let over = recovery.state != "ongoing";
        let kind = if over { "recovery" } else { "error" };
        let last = match incident.last_entry {
            None => "last failure",
            Some(_) if at < incident.ended_at => "last failure, with another status",
            Some(_) => "last entry",
        };
        let text = format!("{last}; {}", recovery.basis);
        self.tell(Timestamp(incident.ended_at), kind, text, lines);
        if let Some(row) = self.rows.last_mut() {
            row.phase = if over { "recovery" } else { "during" };
        }
    }
}

/// Another origin begins to lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shift {
    second: i64,
    from: Origin,
    to: Origin,
}

/// Where the decided origin that holds most entries of a window changes, and both lead for long enough to count.
fn shifts(incident: &Incident) -> Vec<Shift> {
    let width = incident.bucket_s;
    let per_window = (SHIFT_WINDOW_S / width).max(1);
    let mut leads: Vec<(Origin, i64, u64)> = Vec::new();
    let buckets: Vec<_> = incident.buckets.iter().collect();
    for window in buckets.chunk_by(|(a, _), (b, _)| **a / per_window == **b / per_window) {
        let mut sums: std::collections::BTreeMap<Origin, u64> = std::collections::BTreeMap::new();
        for (origin, n) in window.iter().flat_map(|(_, by_origin)| by_origin.iter()) {
            *sums.entry(*origin).or_default() += n;
        }
        let total: u64 = sums.values().sum();
        let lead = sums.into_iter().max_by_key(|(origin, n)| (*n, std::cmp::Reverse(*origin)));
        let Some((origin, n)) = lead else { continue };
        if origin == Origin::Unknown || n * 10 < total * 6 {
            continue;
        }
        match leads.last_mut() {
            Some((last, _, sum)) if *last == origin => *sum += n,
            _ => leads.push((origin, window[0].0 * width, n)),
        }
    }
    leads.retain(|(_, _, n)| *n >= MIN_SHIFT);
    leads.dedup_by_key(|(origin, _, _)| *origin);
    leads
        .windows(2)
        .map(|pair| Shift { second: pair[1].1, from: pair[0].0, to: pair[1].0 })
        .collect()
}
