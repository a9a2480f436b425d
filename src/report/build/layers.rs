//! The layers -> their part of the document.
//!
//! In: the analysis. Out: [`LayerInfo`]s, and what is to be said of clocks.
//! Invariants: as for [`build`](super).

use std::collections::BTreeMap;

use super::round;
use crate::analysis::Analysis;
use crate::attribute::layers::{Layer, Layers};
use crate::report::{Joined, LayerInfo, ResolvedTo};
use crate::taxonomy::{Cause, Origin};
use crate::time::SECOND_US;

/// Clocks that are less apart are taken to agree: logs round to seconds.
const TOLD_US: i64 = 2 * SECOND_US;

/// The layers that share requests with others.
pub(super) fn layers(analysis: &Analysis) -> Vec<LayerInfo> {
    let layers = &analysis.attribution.layers;
    let names = names(analysis, layers);
    layers.rows.iter().enumerate().map(|(index, layer)| info(index, layer, &names)).collect()
}

/// Name of each layer.
fn names(analysis: &Analysis, layers: &Layers) -> Vec<String> {
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

/// Index of the first input of each layer whose clock is off, and what to say.
pub(super) fn clock_shifts(analysis: &Analysis) -> Vec<(usize, String)> {
    let layers = &analysis.attribution.layers;
    let names = names(analysis, layers);
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
