//! The layers -> their part of the document.
//!
//! In: the analysis. Out: [`LayerInfo`]s, and what is to be said of clocks.
//! Invariants: as for [`build`](super).

use std::collections::BTreeMap;

use super::round;
use crate::analysis::Analysis;
use crate::attribute::layers::Layer;
use crate::incident::{CauseGroup, Incident};
use crate::report::incident::CauseInfo;
use crate::report::{Joined, LayerInfo, ResolvedTo};
use crate::taxonomy::{Cause, Origin, Server};
use crate::time::SECOND_US;

/// Ends named in a title.
const TOLD_ENDS: usize = 3;

/// Clocks that are less apart are taken to agree: logs round to seconds.
const TOLD_US: i64 = 2 * SECOND_US;

/// The layers that share requests with others.
pub(super) fn layers(analysis: &Analysis) -> Vec<LayerInfo> {
    let layers = &analysis.attribution.layers;
    let names = names(analysis);
    layers.rows.iter().enumerate().map(|(index, layer)| info(index, layer, &names)).collect()
}

/// Name of each layer.
pub(super) fn names(analysis: &Analysis) -> Vec<String> {
    let layers = &analysis.attribution.layers;
    let path = |input: u32| {
        let input = analysis.inputs.get(input as usize)?;
        Some(input.path.to_string_lossy().replace('\\', "/"))
    };
    let mut n_of_server: BTreeMap<&str, usize> = BTreeMap::new();
    for layer in &layers.rows {
        *n_of_server.entry(layer.server.as_str()).or_default() += 1;
    }
    let paths =
        || layers.rows.iter().flat_map(|layer| &layer.inputs).filter_map(|input| path(*input));
    let shared = shared_directories(paths());
    let name = |layer: &Layer| {
        let server = match layer.server {
            Server::Unknown => "a server",
            server => server.as_str(),
        };
        let first = layer.inputs.first().and_then(|input| path(*input));
        match first.filter(|_| n_of_server.get(layer.server.as_str()).is_some_and(|n| *n > 1)) {
            Some(path) => format!("{server} ({})", path.get(shared..).unwrap_or(&path)),
            None => server.to_owned(),
        }
    };
    layers.rows.iter().map(name).collect()
}

/// Bytes of the directories that all paths begin with.
fn shared_directories(paths: impl Iterator<Item = String>) -> usize {
    let mut shared: Option<String> = None;
    for path in paths {
        let directory = path.rfind('/').map_or("", |slash| &path[..=slash]);
        shared = Some(match shared {
            None => directory.to_owned(),
            Some(before) => {
                let alike = before.split_inclusive('/').zip(directory.split_inclusive('/'));
                alike.take_while(|(one, other)| one == other).map(|(one, _)| one).collect()
            }
        });
    }
    shared.map_or(0, |shared| shared.len())
}

fn info(index: usize, layer: &Layer, names: &[String]) -> LayerInfo {
    let mut resolved_to: Vec<ResolvedTo> = layer
        .resolved
        .iter()
        .map(|((deep, origin, cause), entries)| ResolvedTo {
            layer: names[*deep].clone(),
            origin: Origin::ALL.get(usize::from(*origin)).copied().unwrap_or(Origin::Unknown),
            id: usize::from(*cause).checked_sub(1).and_then(|code| Cause::ALL.get(code).copied()),
            entries: *entries,
        })
        .collect();
    resolved_to.sort_by_key(|row| (std::cmp::Reverse(row.entries), row.clone()));
    let n_joined: u64 = layer.resolved.values().sum();
    LayerInfo {
        name: names[index].clone(),
        server: layer.server,
        inputs: layer.inputs.clone(),
        in_front_of: layer.behind.iter().map(|deep| names[*deep].clone()).collect(),
        clock_offset_s: round(layer.offset_us as f64 / SECOND_US as f64, 1),
        entries: layer.entries,
        joined: Joined { request_id: layer.by_id, client_target_time: n_joined - layer.by_id },
        resolved_to,
    }
}

/// Where the requests of a row ended, most first.
pub(super) fn resolved_to(group: &CauseGroup, layers: &[String]) -> Vec<ResolvedTo> {
    let mut rows: Vec<ResolvedTo> = group
        .resolved
        .iter()
        .filter_map(|((layer, origin, id), entries)| {
            let layer = layers.get(usize::from(*layer))?.clone();
            Some(ResolvedTo { layer, origin: *origin, id: *id, entries: *entries })
        })
        .collect();
    rows.sort_by_key(|row| (std::cmp::Reverse(row.entries), row.clone()));
    rows
}

/// A layer, and what it says of requests that ended there.
type End<'l> = (&'l str, Origin, Option<Cause>);

/// The title of an incident that the outermost layer relayed for the most part. `None`: it did not.
pub(super) fn relayed_title(
    incident: &Incident,
    causes: &[CauseInfo],
    layers: &[String],
) -> Option<String> {
    let outermost = incident.causes.keys().filter_map(|(layer, _, _)| *layer).min()?;
    let front = layers.get(usize::from(outermost))?;
    let rows = || causes.iter().filter(|row| row.layer.as_ref() == Some(front));
    let n_entries: u64 = rows().map(|row| row.entries).sum();
    let mut ends: BTreeMap<End<'_>, u64> = BTreeMap::new();
    for end in rows().flat_map(|row| &row.resolved_to) {
        *ends.entry((&end.layer, end.origin, end.id)).or_default() += end.entries;
    }
    let mut ends: Vec<(End<'_>, u64)> = ends.into_iter().collect();
    ends.sort_by_key(|(end, n)| (std::cmp::Reverse(*n), *end));
    let n_ended: u64 = ends.iter().map(|(_, n)| n).sum();
    if n_ended * 2 < n_entries || n_ended == 0 {
        return None;
    }
    let whose = |(deep, origin, _): &End<'_>| match origin {
        Origin::Upstream => format!("of a backend of {deep}"),
        _ => format!("{deep}'s"),
    };
    let why = |(deep, origin, cause): &End<'_>| {
        let deeper = causes.iter().find(|row| {
            row.layer.as_deref() == Some(deep) && (row.origin, row.id) == (*origin, *cause)
        });
        let meaning = cause.map(|cause| cause.meaning().to_owned());
        let summary = deeper.filter(|_| cause.is_some()).map(|row| row.summary.clone());
        summary.or(meaning).map_or_else(String::new, |why| format!(", because {why}"))
    };
    let told = match &ends[..] {
        [(end, n), ..] if *n == n_entries => {
            return Some(format!("{n} responses of {front} were {}{}", whose(end), why(end)));
        }
        [(end, n), ..] if n * 2 >= n_entries => {
            vec![format!("{n} were {}{}", whose(end), why(end))]
        }
        ends => ends
            .iter()
            .take(TOLD_ENDS)
            .map(|(end, n)| {
                let cause = end.2.map_or_else(String::new, |cause| format!(" ({cause})"));
                format!("{n} were {}{cause}", whose(end))
            })
            .collect(),
    };
    Some(format!("of {n_entries} responses of {front} {}", told.join(", ")))
}

/// Index of the first input of each layer whose clock is off, and what to say.
pub(super) fn clock_shifts(analysis: &Analysis) -> Vec<(usize, String)> {
    let layers = &analysis.attribution.layers;
    let names = names(analysis);
    let rows = layers.rows.iter().zip(names);
    rows.filter(|(layer, _)| layer.offset_us.abs() >= TOLD_US)
        .filter_map(|(layer, name)| {
            let input = *layer.inputs.first()? as usize;
            let off_s = layer.offset_us as f64 / SECOND_US as f64;
            let message = format!(
                "the clock of {name} differs by {off_s:+.0} s from that of the server in front of it: requests found in the logs of both say so, and were joined with that allowed for"
            );
            Some((input, message))
        })
        .collect()
}
