//! Which logs are surely of one server at one depth.
//!
//! In: the inputs, and which server wrote what of them. Out: groups, which joins between layers tell apart. The rules:
//!
//! 1. A group is what one server wrote in one directory into files of one name but for dates and numbers.
//! 2. Groups of one server and directory are one group if no two of them share requests: parts of one log, or the logs of
//!    machines side by side, whatever their names are. Where two do share requests, the names keep them apart.
//!
//! Invariants: names can keep logs apart, never bring them together against what they hold.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::hop::Hop;
use super::relation;
use super::{Verdicts, application};
use crate::error::Result;
use crate::evidence::{InputIndex, Place};
use crate::fact::EntryFact;
use crate::scan::ScannedInput;
use crate::taxonomy::{Origin, Server};

use crate::attribute::Verdict;
use crate::attribute::folders::{self, is_error_log};
use crate::attribute::verdict::server_of;

/// The groups of all inputs.
#[derive(Debug, Clone, Default)]
pub(super) struct Groups {
    /// Server of each group.
    pub(super) servers: Vec<Server>,
    /// Group of what one server wrote in one input.
    pub(super) of_source: BTreeMap<(InputIndex, Server), u16>,
    /// Backends that entries name which may be relayed, each with a line that does.
    pub(super) backends: BTreeMap<u32, Place>,
    /// Server and directory of each group, as a number.
    places: Vec<usize>,
}

/// The group that took in each of the former ones.
#[derive(Debug, Clone, Default)]
pub(super) struct Pooled(Vec<u16>);

impl Pooled {
    pub(super) fn of(&self, group: u16) -> u16 {
        self.0.get(usize::from(group)).copied().unwrap_or(group)
    }
}

impl Groups {
    pub(super) fn of(inputs: &[ScannedInput], verdicts: Verdicts<'_>) -> Result<Self> {
        let mut groups = Groups::default();
        let names: Vec<(String, String)> =
            inputs.iter().map(|input| name_of(&input.path)).collect();
        let mut sources: BTreeSet<(InputIndex, Server)> = BTreeSet::new();
        for verdict in verdicts {
            let verdict = verdict?;
            let EntryFact { upstream, place, rule, .. } = verdict.entry;
            sources.insert((place.position.input, server_of(rule)));
            if matches!(verdict.origin(), Origin::Upstream | Origin::Unknown) {
                application::note_backend(&mut groups.backends, upstream, place);
            }
        }
        let mut index: BTreeMap<(Server, &str, &str), u16> = BTreeMap::new();
        let mut places: BTreeMap<(Server, &str), usize> = BTreeMap::new();
        for (input, server) in sources {
            let Some((directory, name)) = names.get(input as usize) else { continue };
            let fresh = groups.servers.len() as u16;
            let group = *index.entry((server, directory, name)).or_insert(fresh);
            if group == fresh {
                groups.servers.push(server);
                let fresh = places.len();
                groups.places.push(*places.entry((server, directory)).or_insert(fresh));
            }
            groups.of_source.insert((input, server), group);
        }
        Ok(groups)
    }

    pub(super) fn of_entry(&self, verdict: &Verdict) -> u16 {
        let source = (verdict.entry.place.position.input, server_of(verdict.entry.rule));
        self.of_source.get(&source).copied().unwrap_or(0)
    }

    /// Rule 2. Tells which group each of the former ones is in now.
    pub(super) fn pool(&mut self, hops: impl Iterator<Item = Result<Hop>>) -> Result<Pooled> {
        let unchanged = Pooled((0..self.servers.len() as u16).collect());
        let n_places = self.places.iter().collect::<BTreeSet<_>>().len();
        if n_places == self.servers.len() {
            return Ok(unchanged);
        }
        let place_of = |group: u16| self.places.get(usize::from(group)).copied().unwrap_or(0);
        let apart = relation::places_with_layers(hops, &place_of)?;
        let mut pooled = Vec::with_capacity(self.servers.len());
        let mut of_place: BTreeMap<usize, u16> = BTreeMap::new();
        let mut servers = Vec::new();
        for (server, place) in self.servers.iter().zip(&self.places) {
            let fresh = servers.len() as u16;
            let group = if apart.contains(place) {
                fresh
            } else {
                *of_place.entry(*place).or_insert(fresh)
            };
            if group == fresh {
                servers.push(*server);
            }
            pooled.push(group);
        }
        let pooled = Pooled(pooled);
        for group in self.of_source.values_mut() {
            *group = pooled.of(*group);
        }
        self.servers = servers;
        self.places = Vec::new();
        Ok(pooled)
    }
}

/// Directory and name of the logs of each group that an error log of the same name lies beside.
pub(super) fn with_error_logs(
    groups: &Groups,
    inputs: &[ScannedInput],
) -> BTreeMap<u16, BTreeSet<(String, String)>> {
    let error_logs = inputs.iter().filter(|input| is_error_log(input));
    let names: BTreeSet<(String, String)> =
        error_logs.map(|input| folders::name_of(&input.path)).collect();
    let mut found: BTreeMap<u16, BTreeSet<(String, String)>> = BTreeMap::new();
    for ((input, _), group) in &groups.of_source {
        let name = inputs.get(*input as usize).map(|input| folders::name_of(&input.path));
        if let Some(name) = name.filter(|it| names.contains(it)) {
            found.entry(*group).or_default().insert(name);
        }
    }
    found
}

/// Directory and name of a path, without what changes from file to file of one log: dates among the directories, words
/// with digits in the name, and the endings of packers.
pub(in crate::attribute) fn name_of(path: &Path) -> (String, String) {
    let text = path.to_string_lossy().to_ascii_lowercase();
    let is_kept = |word: &&str| {
        !word.bytes().any(|byte| byte.is_ascii_digit())
            && !matches!(*word, "gz" | "zst" | "old" | "bak")
    };
    // Directories are hosts, services or dates; only the dates are all digits.
    let (directories, file) = text.rsplit_once(['/', '\\']).unwrap_or(("", &text));
    let is_date = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let directories: Vec<&str> =
        directories.split(['/', '\\']).filter(|part| !is_date(part)).collect();
    let words: Vec<&str> = file.split(['.', '_', '-']).filter(is_kept).collect();
    (directories.join("/"), words.join("."))
}
