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
use crate::taxonomy::{Cause, Origin};
use crate::time::SECOND_US;

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
    let mut n_of_server: BTreeMap<&str, usize> = BTreeMap::new();
    for layer in &layers.rows {
        *n_of_server.entry(layer.server.as_str()).or_default() += 1;
    }
    let name = |layer: &Layer| {
        let server = layer.server.as_str();
        if n_of_server.get(server).is_none_or(|n| *n < 2) {
            return server.to_owned();
        }
        let input = layer.inputs.first().and_then(|input| analysis.inputs.get(*input as usize));
        input.map_or_else(
            || server.to_owned(),
            |input| format!("{server} ({})", input.path.to_string_lossy()),
        )
    };
    layers.rows.iter().map(name).collect()
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
    let mut ends: BTreeMap<(&str, Origin, Option<Cause>), u64> = BTreeMap::new();
    for end in rows().flat_map(|row| &row.resolved_to) {
        *ends.entry((&end.layer, end.origin, end.id)).or_default() += end.entries;
    }
    let ((deep, origin, cause), n_ended) = ends.into_iter().max_by_key(|(end, n)| (*n, *end))?;
    if n_ended * 2 < n_entries {
        return None;
    }
    let whose = if origin == Origin::Upstream {
        format!("of a backend of {deep}")
    } else {
        format!("{deep}'s")
    };
    let deeper = causes
        .iter()
        .find(|row| row.layer.as_deref() == Some(deep) && (row.origin, row.id) == (origin, cause));
    let why = match (deeper, cause) {
        (Some(row), Some(_)) => format!(", because {}", row.summary),
        (None, Some(cause)) => format!(", because {}", cause.meaning()),
        _ => String::new(),
    };
    let share = if n_ended == n_entries {
        format!("{n_entries} responses of {front} were {whose}")
    } else {
        format!("{n_ended} of {n_entries} responses of {front} were {whose}")
    };
    Some(format!("{share}{why}"))
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
