//! One JSON object per entry, in order of (input, line).

use std::io::Write;

use serde::Serialize;

use super::told::json_line;
use super::{Output, Results};
use crate::attribute::Followed;
use crate::error::Result;
use crate::evidence::{Place, Position};
use crate::fact::Flags;
use crate::report::text_of::{Shown, Texts};
use crate::store::{Budget, Sorter};
use crate::taxonomy::{Basis, Cause, Confidence, Origin};
use crate::time::{SECOND_US, Timestamp};

/// `--format entries`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entries;

/// One row. The fields are those of the published row shape.
#[derive(Debug, Serialize)]
pub(super) struct Row<'r> {
    pub at: Timestamp,
    pub status: u16,
    pub origin: Origin,
    pub cause: Option<Cause>,
    pub confidence: Confidence,
    pub basis: Vec<Basis>,
    pub rule: &'r str,
    pub resolved_origin: Option<Origin>,
    pub resolved_by: Option<ResolvedBy<'r>>,
    pub incident: Option<&'r str>,
    pub probe: bool,
    pub source: &'r str,
    pub member: Option<&'r str>,
    pub line: u64,
    pub byte_offset: u64,
    pub format: &'r str,
    pub server: &'r str,
    #[serde(flatten)]
    pub shown: Shown,
    pub bytes: Option<u64>,
    pub duration_ms: Option<f64>,
    pub leaning: Option<LeaningRow>,
    pub missing: &'r [&'r str],
    pub evidence: Vec<EvidenceRow<'r>>,
    /// Where the line is.
    #[serde(skip)]
    pub place: Place,
}

/// What joined an entry with the line of the deepest layer that has its request, and that line.
#[derive(Debug, Serialize)]
pub(super) struct ResolvedBy<'r> {
    /// `request_id` or `client_target_time`; `own_line` where no deeper layer has it.
    join: &'r str,
    layer: String,
    cause: Option<Cause>,
    source: &'r str,
    member: Option<&'r str>,
    line: u64,
    byte_offset: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct LeaningRow {
    origin: Origin,
    cause: Option<Cause>,
    basis: Vec<Basis>,
}

#[derive(Debug, Serialize)]
pub(super) struct EvidenceRow<'r> {
    source: &'r str,
    member: Option<&'r str>,
    line: u64,
    byte_offset: u64,
    at: Timestamp,
    text: Option<String>,
}

impl Output for Entries {
    fn name(&self) -> &'static str {
        "entries"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["jsonl", "ndjson"]
    }

    fn write(&self, results: &Results<'_>, out: &mut dyn Write) -> Result<()> {
        let paths = paths(results);
        let budget = Budget::new(results.config.memory_bytes / 2, results.config.temp_dir.clone());
        let mut by_position: Sorter<Followed, Position> =
            Sorter::new(budget, |row| row.verdict.entry.place.position);
        for row in results.analysis.attribution.followed() {
            by_position.push(row?)?;
        }
        for followed in by_position.sorted().rows() {
            json_line(out, &row(&followed?, results, &paths))?;
        }
        Ok(())
    }
}

impl<'r> Row<'r> {
    fn set_resolved(&mut self, followed: &Followed, results: &Results<'r>, paths: &'r [String]) {
        let verdict = &followed.verdict;
        let layers = &results.analysis.attribution.layers;
        let Some(resolved) = layers.resolved(followed) else { return };
        let place = resolved.link.map_or(verdict.entry.place, |link| link.deep);
        let layer = resolved.link.map(|link| usize::from(link.deep_layer));
        let layer = layer.or_else(|| layers.layer_of(followed));
        self.resolved_origin = Some(resolved.origin);
        self.resolved_by = Some(ResolvedBy {
            join: resolved.link.map_or("own_line", |link| link.basis().as_str()),
            layer: layer
                .and_then(|layer| results.report.layers.get(layer))
                .map_or_else(String::new, |layer| layer.name.clone()),
            cause: resolved.link.map_or(verdict.cause(), |link| link.cause()),
            source: path_of(paths, place),
            member: None,
            line: place.line,
            byte_offset: place.position.offset,
        });
    }
}

/// The paths of all inputs, as they were given.
pub(super) fn paths(results: &Results<'_>) -> Vec<String> {
    let inputs = results.analysis.inputs.iter();
    inputs.map(|input| input.path.to_string_lossy().into_owned()).collect()
}

/// The path of the input that a place is in.
pub(super) fn path_of(paths: &[String], place: Place) -> &str {
    paths.get(place.position.input as usize).map_or("", String::as_str)
}

/// The row of one entry.
pub(super) fn row<'r>(followed: &Followed, results: &Results<'r>, paths: &'r [String]) -> Row<'r> {
    let verdict = &followed.verdict;
    let analysis = results.analysis;
    let entry = &verdict.entry;
    let texts = Texts::of(analysis, results.config);
    let shown = texts.shown(entry.place);
    let about = texts.about(entry.place);
    let message_rule = verdict.message_rule().and_then(|rule| results.config.matcher.rule(rule));
    let rule = match message_rule {
        Some(rule) if verdict.is_decided() => rule.id.as_ref(),
        _ => verdict.rule().id,
    };
    let leaning = analysis.attribution.leaning(verdict).map(|leaning| LeaningRow {
        origin: leaning.origin,
        cause: leaning.cause,
        basis: leaning.basis.items().collect(),
    });
    let evidence = (verdict.evidence.length > 0).then(|| EvidenceRow {
        source: path_of(paths, verdict.evidence),
        member: None,
        line: verdict.evidence.line,
        byte_offset: verdict.evidence.position.offset,
        at: Timestamp(verdict.evidence_at),
        text: texts.quote(verdict.evidence),
    });
    let mut row = Row {
        at: Timestamp(entry.at),
        status: entry.status,
        origin: verdict.origin(),
        cause: verdict.cause(),
        confidence: verdict.confidence(),
        basis: verdict.basis().items().collect(),
        rule,
        resolved_origin: None,
        resolved_by: None,
        incident: incident_of(results, entry.at),
        probe: entry.flags.has(Flags::PROBE),
        source: path_of(paths, entry.place),
        member: None,
        line: entry.place.line,
        byte_offset: entry.place.position.offset,
        format: about.map_or("", |about| about.format),
        server: about.map_or("", |about| about.server.as_str()),
        bytes: entry.flags.has(Flags::SIZED).then_some(u64::from(entry.body_bytes)),
        duration_ms: shown.duration_us.map(|us| us as f64 / 1000.0),
        shown,
        leaning,
        missing: if verdict.is_decided() { &[] } else { verdict.rule().missing },
        evidence: evidence.into_iter().collect(),
        place: entry.place,
    };
    row.set_resolved(followed, results, paths);
    row
}

/// The id of the incident that holds an instant.
pub(super) fn incident_of<'r>(results: &Results<'r>, at: i64) -> Option<&'r str> {
    let second = at.div_euclid(SECOND_US);
    let incidents = &results.analysis.incidents.incidents;
    let index = incidents.iter().position(|incident| {
        !incident.from_messages && incident.core.first_s <= second && second <= incident.core.last_s
    })?;
    results.report.incidents.get(index).map(|incident| incident.id.as_str())
}
