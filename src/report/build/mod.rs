//! An [`Analysis`] -> the timeline document.
//!
//! In: the analysis and the settings. Out: a [`Report`].
//! Invariants: pure apart from reading quoted lines again; every list has one order, given by the data.

mod beside;
mod changes;
mod horizon;
mod incident;
mod layers;
mod load;
mod recovery;
mod recurrence;
mod ruled_out;
mod stall;
mod story;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};

use incident::{filled_steps, incident_info};
use layers::{clock_shifts, layers};
use recurrence::note_recurrence;

use super::incident::IncidentInfo;
use super::text_of::{Texts, scope_name};
use super::{
    Background, Coverage, Diagnostic, FormatShare, Gap, InputInfo, MarkInfo, Missing, Report,
    SCHEMA, SCHEMA_VERSION, Settings, SignalEvidence, SignalInfo, Tool, Totals, UnparsedLine,
};
use crate::analysis::{Analysis, AnalysisConfig, filtered_lines};
use crate::attribute::zones::{InputZone, ZonePolicy};
use crate::attribute::{Signal, is_apache_without_nginx};
use crate::cause::CauseMatcher;
use crate::error::Result;
use crate::format::About;
use crate::incident::Incident;
use crate::scan::ScannedInput;
use crate::taxonomy::{LogRole, Origin, Server};
use crate::time::{SECOND_US, Timestamp, format_offset};

/// Shortest silence that is reported, seconds.
const MIN_GAP_S: i64 = 60;

/// Seconds with access lines from which on an input is busy enough for its silence at the end to count.
const MIN_BUSY: usize = 60;

/// Signals shown; the most frequent ones.
const MAX_SIGNALS: usize = 200;

/// One in so many lines that `grep 503` lets through has another status.
const PIPED_OTHERS: u64 = 20;

/// Fewer requests do not tell whether the input was filtered before.
const MIN_FILTERED: u64 = 20;

/// Builds the document. `run` is left empty.
///
/// # Errors
/// When threads fail.
pub fn report(analysis: &Analysis, config: &AnalysisConfig<'_>) -> Result<Report> {
    let texts = Texts::of(analysis, config);
    let inputs: Vec<InputInfo> = analysis
        .inputs
        .iter()
        .enumerate()
        .map(|(index, input)| input_info(index, input, analysis, config, texts))
        .collect();
    let totals = totals(analysis);
    let coverage = coverage(analysis, &inputs, &totals);
    // Each reads the lines behind it again.
    let mut incidents: Vec<IncidentInfo> = config.pool()?.install(|| {
        let incidents = analysis.incidents.incidents.par_iter().enumerate();
        let info =
            |(index, incident)| incident_info(index, incident, analysis, config, texts, &coverage);
        incidents.map(info).collect()
    });
    note_recurrence(&mut incidents);
    let background_entries = totals.background_entries;
    let most_frequent =
        totals.by_cause.iter().max_by_key(|(cause, n)| (**n, std::cmp::Reverse(**cause)));
    let next_steps = most_frequent
        .map_or_else(Vec::new, |(cause, _)| filled_steps(*cause, None, None, None, texts));
    let covered_us = match (coverage.first_at, coverage.last_at) {
        (Some(first), Some(last)) => (last.0 - first.0).max(SECOND_US),
        _ => 0,
    };
    let per_hour = (covered_us > 0).then(|| {
        round(background_entries as f64 * 3600.0 * SECOND_US as f64 / covered_us as f64, 2)
    });
    Ok(Report {
        schema: SCHEMA,
        schema_version: SCHEMA_VERSION,
        tool: Tool { name: "logscan503", version: env!("CARGO_PKG_VERSION") },
        run: None,
        settings: settings(config),
        diagnostics: diagnostics(analysis, &inputs, &coverage),
        layers: layers(analysis),
        inputs,
        coverage,
        totals,
        incidents,
        signals: signals(analysis, config.matcher, texts),
        background: Background {
            entries: background_entries,
            per_hour,
            by_origin: analysis.incidents.background.clone(),
            next_steps,
        },
    })
}

/// Rounds to some decimals, so that documents do not carry noise.
pub(super) fn round(value: f64, decimals: i32) -> f64 {
    let factor = 10f64.powi(decimals);
    (value * factor).round() / factor
}

fn settings(config: &AnalysisConfig<'_>) -> Settings {
    let assumed_tz = match config.zone {
        ZonePolicy::Unsaid => "+00:00".to_owned(),
        ZonePolicy::Offset(offset_s) => format_offset(offset_s),
        ZonePolicy::Named(zone) => zone.name().to_owned(),
    };
    Settings {
        status: config.statuses.clone(),
        since: config.window.0.map(Timestamp),
        until: config.window.1.map(Timestamp),
        assumed_tz,
        bucket_s: config.incidents.bucket_s,
        gap_s: config.incidents.gap_s,
        redaction: config.redaction.as_str(),
        marks: config
            .marks
            .iter()
            .map(|mark| MarkInfo { at: Timestamp(mark.at), text: mark.text.clone() })
            .collect(),
        rules_digest: rules_digest(config.matcher),
    }
}

/// A digest of the rules in force, so that two documents can be told to rest on the same table.
fn rules_digest(matcher: &CauseMatcher) -> String {
    let mut hex = String::from("sha256:");
    for byte in matcher.digest() {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

fn input_info(
    index: usize,
    input: &ScannedInput,
    analysis: &Analysis,
    config: &AnalysisConfig<'_>,
    texts: Texts<'_>,
) -> InputInfo {
    let tally = &input.tally;
    let zones = &analysis.attribution.zones;
    let mut lines = tally.lines;
    let n_filtered = filtered_lines(input, index, zones, config.window);
    lines.filtered += n_filtered;
    lines.parsed -= n_filtered;
    let shares = format_shares(input);
    let main = shares.iter().max_by_key(|share| share.records).cloned();
    let zone = zones.inputs.get(index);
    let (first_at, last_at) = record_span(analysis, index).unzip();
    let has_records = first_at.is_some();
    let tz = zone.filter(|_| has_records).map(|zone| {
        let local = tally.zoneless_span.map_or(0, |(first, _)| first);
        format_offset(zone.offset_at(local))
    });
    InputInfo {
        index,
        path: input.path.to_string_lossy().into_owned(),
        member: None,
        role: role_of(input),
        format: main.as_ref().map(|share| share.format.to_owned()),
        layout: main.as_ref().map(|share| share.layout.clone()),
        format_basis: main.as_ref().map(|share| share.basis),
        formats: if shares.len() > 1 { shares } else { Vec::new() },
        format_notes: input
            .plan
            .iter()
            .flat_map(|plan| &plan.notes)
            .map(|note| texts.kept(note))
            .collect(),
        compression: input.compression.as_str(),
        bytes_read: input.bytes_read,
        bytes_decoded: input.bytes_decoded,
        first_at,
        last_at,
        tz,
        tz_basis: zone.filter(|_| has_records).map(InputZone::basis),
        unit: input.unit(),
        lines,
        duplicates: analysis.attribution.redelivered.get(&(index as u32)).copied().unwrap_or(0),
        copies: input.copies.iter().map(|path| path.to_string_lossy().into_owned()).collect(),
        first_unparsed: tally.first_unparsed.as_ref().map(|unparsed| UnparsedLine {
            line: unparsed.line,
            reason: unparsed.reason.as_str(),
            text: texts.unparsed(&unparsed.text),
        }),
        error: input.error.clone(),
    }
}

/// First and last instant of an input's records.
fn record_span(analysis: &Analysis, index: usize) -> Option<(Timestamp, Timestamp)> {
    let tally = &analysis.inputs[index].tally;
    let zones = &analysis.attribution.zones;
    let zoneless = tally
        .zoneless_span
        .map(|(first, last)| (zones.utc(index as u32, first), zones.utc(index as u32, last)));
    let spans = [tally.zoned_span, zoneless];
    let first = spans.iter().flatten().map(|span| span.0).min()?;
    let last = spans.iter().flatten().map(|span| span.1).max()?;
    Some((Timestamp(first), Timestamp(last)))
}

/// What the readers that read records of an input say of themselves, and how many records these are.
fn readers_of(input: &ScannedInput) -> impl Iterator<Item = (&About, u64)> {
    let readers = input.plan.iter().flat_map(|plan| &plan.readers);
    let counts = input.tally.by_reader.iter().chain(std::iter::repeat(&0));
    let counted = readers.zip(counts).map(|(reader, records)| (reader.about(), *records));
    counted.filter(|(_, records)| *records > 0)
}

/// The formats that read records of an input, most records first.
fn format_shares(input: &ScannedInput) -> Vec<FormatShare> {
    let mut shares: Vec<_> = readers_of(input)
        .map(|(about, records)| FormatShare {
            format: about.format,
            layout: about.layout.clone(),
            basis: about.basis.as_str(),
            records,
        })
        .collect();
    shares.sort_by_key(|share| std::cmp::Reverse(share.records));
    shares
}

fn role_of(input: &ScannedInput) -> LogRole {
    let mut roles = readers_of(input).map(|(about, _)| about.role);
    match roles.next() {
        None => LogRole::Unknown,
        Some(first) if roles.all(|role| role == first) => first,
        Some(_) => LogRole::Mixed,
    }
}

fn totals(analysis: &Analysis) -> Totals {
    let sum = analysis.requests.total();
    let mut by_status: BTreeMap<u16, u64> = [502, 503, 504].into_iter().zip(sum.kin).collect();
    let incidents = &analysis.incidents;
    by_status.extend(&incidents.by_status);
    let mut by_origin: BTreeMap<Origin, u64> =
        Origin::ALL.iter().map(|origin| (*origin, 0)).collect();
    by_origin.extend(&incidents.by_origin);
    Totals {
        requests: sum.requests,
        by_status,
        entries: analysis.attribution.n_entries(),
        by_origin,
        by_cause: incidents.by_cause.clone(),
        probe_entries: incidents.probe_entries,
        background_entries: incidents.background.values().sum(),
    }
}

fn coverage(analysis: &Analysis, inputs: &[InputInfo], totals: &Totals) -> Coverage {
    // Inputs tell whole seconds; what is in them is not behind their end.
    let incidents = analysis.incidents.incidents.iter();
    let ended_at = incidents.map(|incident| Timestamp(incident.ended_at)).max();
    let last_at = inputs.iter().filter_map(|input| input.last_at).max().max(ended_at);
    Coverage {
        first_at: inputs.iter().filter_map(|input| input.first_at).min(),
        last_at,
        gaps: gaps(analysis, last_at),
        filtered: is_filtered(analysis, totals),
        horizons: horizon::horizons(&analysis.inputs, inputs),
        duplicates: inputs.iter().map(|input| input.duplicates).sum(),
        missing: missing(analysis),
    }
}

/// True when the input seems to hold lines of the chosen statuses only. Files must hold nothing else: an outage may be
/// nearly total. What comes through a pipe may hold a few others, as a `grep 503` finds sizes and ids too.
fn is_filtered(analysis: &Analysis, totals: &Totals) -> bool {
    let (requests, entries) = (totals.requests, totals.entries);
    let is_piped = analysis.inputs.iter().all(|input| input.path.as_os_str() == "-");
    requests >= MIN_FILTERED
        && (requests == entries
            || (is_piped && requests.saturating_sub(entries) * PIPED_OTHERS <= requests))
}

/// Silences: pauses between access lines that are much longer than pauses usually are, also at the end of the input
/// where messages went on without them.
fn gaps(analysis: &Analysis, last_at: Option<Timestamp>) -> Vec<Gap> {
    let width = analysis.requests.width_s();
    let mut seconds: Vec<i64> = analysis.requests.iter().map(|(second, _)| second).collect();
    let mut pauses: Vec<i64> = seconds.windows(2).map(|pair| pair[1] - pair[0]).collect();
    pauses.sort_unstable();
    // The pause that 99 of 100 stay below: what is ordinary on this server.
    let usual = pauses.get(pauses.len() * 99 / 100).copied().unwrap_or(0);
    let limit = MIN_GAP_S.max(20 * usual).max(2 * width);
    // Fewer lines do not tell what is usual: the end of a short paste is no silence.
    if seconds.len() >= MIN_BUSY {
        seconds.extend(last_at.map(Timestamp::second));
    }
    let silences = seconds.windows(2).filter(|pair| pair[1] - pair[0] > limit).map(|pair| Gap {
        kind: "silence",
        from: Timestamp::from_second(pair[0]),
        to: Timestamp::from_second(pair[1]),
        duration_s: (pair[1] - pair[0]) as f64,
    });
    let mut gaps: Vec<Gap> = silences.collect();
    // What is a silence already is no news.
    let stalls = stall::stalls(analysis).into_iter();
    let fresh: Vec<Gap> = stalls
        .filter(|stall| !gaps.iter().any(|gap| gap.from <= stall.to && stall.from <= gap.to))
        .collect();
    gaps.extend(fresh);
    gaps.sort_by_key(|gap| (gap.from, gap.to));
    gaps
}

/// What Apache has where nginx has the status of its upstream.
const APACHE_FIELDS: &str = "%L %R %{proxy-status}n";

/// What would have decided the entries that stayed open.
fn missing(analysis: &Analysis) -> Vec<Missing> {
    let mut lacking = analysis.incidents.lacking.clone();
    if analysis.attribution.error_log_present() {
        lacking.remove("error log of this server");
    }
    if is_apache_without_nginx(&analysis.inputs) {
        let of_nginx = ["upstream_status", "upstream_header_time"];
        if let Some(entries) = of_nginx.into_iter().filter_map(|what| lacking.remove(what)).max() {
            lacking.insert(APACHE_FIELDS, entries);
        }
    }
    let rows = lacking.into_iter().map(|(what, entries)| {
        let (effect, fix) = match what {
            APACHE_FIELDS => (
                "a relayed response, a configured one and Apache's own look the same",
                "add %L %R %{proxy-status}n to LogFormat",
            ),
            "upstream_status" => (
                "a relayed response and a configured one look the same",
                "add $upstream_addr $upstream_status $upstream_header_time to log_format",
            ),
            "upstream_header_time" => (
                "a 502 or 504 of a backend and nginx's own look the same",
                "add $upstream_header_time to log_format",
            ),
            "error log of this server" => (
                "failures that nginx explains there stay unexplained",
                "give the error log of the same server as a further input",
            ),
            "origin-fbl" => (
                "a 503 of the origin and one of the edge look the same",
                "choose origin-fbl in real-time logs or the second version of standard logs",
            ),
            "access log of the origin" => (
                "a 503 of the origin and one of the edge look the same",
                "give the access log of the origin as a further input",
            ),
            "access log of the backend" => (
                "a 503 of the backend and one of the proxy look the same",
                "give the access log of the backend as a further input",
            ),
            "$context.integration.status" => (
                "a 503 of the integration and one of the gateway look the same",
                "add $context.integration.status and $context.error.responseType to the log format",
            ),
            _ => ("the origin stays open", "log this field"),
        };
        Missing { what: what.to_owned(), effect: effect.to_owned(), fix: fix.to_owned(), entries }
    });
    let absent = analysis.inputs.iter().filter(|input| input.is_absent());
    let absent = absent.map(|input| Missing {
        what: input.path.to_string_lossy().into_owned(),
        effect: "its lines cannot be quoted, and names, the recovery and spread may be missing"
            .to_owned(),
        fix: "put it where it was, or give --root DIR".to_owned(),
        entries: 0,
    });
    rows.chain(absent).collect()
}

fn signals(analysis: &Analysis, matcher: &CauseMatcher, texts: Texts<'_>) -> Vec<SignalInfo> {
    let mut rows: Vec<&Signal> = analysis.attribution.signals.values().collect();
    // Of equally many messages those come first that say what happened to a request.
    let explains = |signal: &Signal| {
        matcher.rule(signal.rule).is_some_and(|rule| rule.kind.explains_requests())
    };
    rows.sort_by_key(|signal| {
        (std::cmp::Reverse(signal.count), !explains(signal), signal.place.position)
    });
    rows.truncate(MAX_SIGNALS);
    let row = |signal: &Signal| {
        let rule = matcher.rule(signal.rule)?;
        let scope = texts.scope(signal.place);
        let at = |at: i64| (at != 0).then_some(Timestamp(at));
        let name = scope.as_ref().map(|(_, name)| name);
        let is_told = !matches!(rule.server, Server::Unknown | Server::Application);
        let server = is_told.then_some(rule.server);
        let next_steps = filled_steps(rule.cause?, name, None, server, texts);
        Some(SignalInfo {
            id: rule.cause?,
            origin: rule.origin,
            rule: rule.id.to_string(),
            count: signal.count,
            joined: signal.joined,
            first_at: at(signal.first_at),
            last_at: at(signal.last_at),
            scope: scope.into_iter().map(|(kind, name)| (scope_name(kind), name)).collect(),
            summary: rule.note.to_string(),
            next_steps,
            evidence: vec![SignalEvidence {
                input: signal.place.position.input,
                line: signal.place.line,
                byte_offset: signal.place.position.offset,
                text: texts.quote(signal.place),
            }],
        })
    };
    rows.into_iter().filter_map(row).collect()
}

fn diagnostics(analysis: &Analysis, inputs: &[InputInfo], coverage: &Coverage) -> Vec<Diagnostic> {
    let mut rows = Vec::new();
    let mut add = |level, code, input, count, message, line| {
        rows.push(Diagnostic { level, code, input, count, message, line });
    };
    for (info, input) in inputs.iter().zip(&analysis.inputs) {
        let index = Some(info.index);
        if let Some(error) = &info.error {
            add(
                "warning",
                "unreadable_input",
                index,
                None,
                format!("{}: {error}", info.path),
                None,
            );
        }
        if !info.copies.is_empty() {
            let message = format!(
                "{}: the same stands in {}, which is left out",
                info.path,
                info.copies.join(", ")
            );
            add("info", "copies", index, Some(info.copies.len() as u64), message, None);
        }
        if let Some(unparsed) = &info.first_unparsed {
            let n = info.lines.unparsed;
            let message = format!(
                "{}: {n} of {} lines were not understood; the first is line {}: {}",
                info.path, info.lines.read, unparsed.line, unparsed.reason
            );
            add("warning", "unparsed_lines", index, Some(n), message, Some(unparsed.line));
        }
        if input.n_unread_requests() > 0 {
            let message = format!(
                "{}: its lines look like requests, but none was read as one: their layout is not understood (see --log-format)",
                info.path
            );
            let n = input.n_unread_requests() as u64;
            add("warning", "unread_requests", index, Some(n), message, None);
        }
        if info.duplicates > 0 {
            let message = format!(
                "{}: {} entries were delivered before, under the same request id, and are not counted again",
                info.path, info.duplicates
            );
            add("info", "duplicate_entries", index, Some(info.duplicates), message, None);
        }
        match analysis.attribution.zones.inputs.get(info.index) {
            Some(InputZone::Pairs { offset_s, n_pairs, companion_s: Some(said), .. }) => {
                let message = format!(
                    "{}: its clock differs from the access log beside it ({}) by {} s: {n_pairs} requests found in both logs give {}",
                    info.path,
                    format_offset(*said),
                    offset_s - said,
                    format_offset(*offset_s)
                );
                add("warning", "clock_shift", index, Some(*n_pairs), message, None);
            }
            Some(InputZone::Onsets { offset_s, n_events }) => {
                let message = format!(
                    "{}: its times carry no zone; {n_events} of its events fall on the start of what they explain at {}, so that is taken (see --tz)",
                    info.path,
                    format_offset(*offset_s)
                );
                add("info", "zone_from_events", index, Some(*n_events), message, None);
            }
            Some(InputZone::Assumed) if input.tally.zoneless_span.is_some() => {
                let message = format!(
                    "{}: its times carry no zone and nothing tells it; taken for UTC (see --tz)",
                    info.path
                );
                add("info", "zone_assumed", index, None, message, None);
            }
            _ => {}
        }
    }
    for horizon in &coverage.horizons {
        let is_late = |incident: &&Incident| incident.ended_at > horizon.complete_until.0;
        if let Some(incident) = analysis.incidents.incidents.iter().rev().find(is_late) {
            let message = format!(
                "lines of {} may be missing from {} on: whether what was seen until {} is over cannot be told yet",
                horizon.server,
                horizon.complete_until,
                Timestamp(incident.ended_at)
            );
            add("warning", "late_lines", None, None, message, None);
        }
    }
    for (index, message) in clock_shifts(analysis) {
        add("warning", "clock_shift", Some(index), None, message, None);
    }
    if analysis.interrupted {
        let message = "stopped early: the rest of the input was not read".to_owned();
        add("warning", "interrupted", None, None, message, None);
    }
    rows
}
