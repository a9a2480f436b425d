//! Whose entries the events of a log may explain, where logs of several machines are loaded.
//!
//! In: where the inputs lie. Out: the directories of access logs that are nearest to a log. The rule: events speak for the
//! access logs of their own directory; where it has none, for those that share most of its path: `web1/iis/` and
//! `web1/HTTPERR/` are nearer to `web1/events/` than `web2/iis/` is. Of access logs that are equally near none is left
//! out, so that logs of one machine are never torn apart by it.
//! Invariants: names of directories are compared, never read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::evidence::InputIndex;
use crate::scan::ScannedInput;
use crate::taxonomy::LogRole;

/// Where the inputs lie.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    /// Directory of each input.
    of_input: Vec<usize>,
    directories: Vec<PathBuf>,
    /// Directories with access logs.
    access: Vec<usize>,
}

/// Directories of access logs that a log speaks for, in order. `None`: all of them.
pub(super) type Heard = Option<Vec<usize>>;

impl Places {
    /// Looks at the inputs.
    pub(super) fn of(inputs: &[ScannedInput]) -> Self {
        Places::of_paths(paths(inputs))
    }

    /// Looks at paths, and whether they are those of access logs.
    pub(super) fn of_paths<P: AsRef<Path>>(inputs: impl Iterator<Item = (P, bool)>) -> Self {
        let mut places = Places::default();
        let mut index: BTreeMap<PathBuf, usize> = BTreeMap::new();
        for (path, has_entries) in inputs {
            let path = path.as_ref().parent().unwrap_or_else(|| Path::new(""));
            let fresh = index.len();
            let directory = *index.entry(path.to_owned()).or_insert(fresh);
            if directory == fresh {
                places.directories.push(path.to_owned());
            }
            places.of_input.push(directory);
            if has_entries {
                places.access.push(directory);
            }
        }
        places.access.sort_unstable();
        places.access.dedup();
        places
    }

    /// The access logs that the events of an input speak for.
    pub(super) fn heard(&self, input: InputIndex) -> Heard {
        let own = self.directory(input)?;
        let depth = |other: &usize| {
            let (own, other) = (&self.directories[own], &self.directories[*other]);
            let n_common =
                own.components().zip(other.components()).take_while(|(a, b)| a == b).count();
            (own == other, n_common)
        };
        let nearest = self.access.iter().map(depth).max()?;
        let near: Vec<usize> =
            self.access.iter().copied().filter(|other| depth(other) == nearest).collect();
        (near.len() < self.access.len()).then_some(near)
    }

    /// True when an entry of this input is one of those that are spoken for.
    pub(super) fn hears(&self, heard: &Heard, input: InputIndex) -> bool {
        let Some(heard) = heard else { return true };
        self.directory(input).is_some_and(|own| heard.binary_search(&own).is_ok())
    }

    /// The directory of an input, as a number.
    pub(super) fn directory(&self, input: InputIndex) -> Option<usize> {
        self.of_input.get(input as usize).copied()
    }
}

/// The path of each input, and whether it is that of an access log.
pub(super) fn paths(inputs: &[ScannedInput]) -> impl Iterator<Item = (&Path, bool)> {
    inputs.iter().map(|input| {
        let mut readers = input.plan.iter().flat_map(|plan| plan.detected());
        let has_entries = readers.any(|reader| reader.about().role != LogRole::Error);
        (input.path.as_path(), has_entries)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which access logs the first path, that of a log of events, speaks for.
    #[track_caller]
    fn check(events: &str, access: &[&str], expected: &[&str]) {
        let paths = std::iter::once((events, false)).chain(access.iter().map(|path| (*path, true)));
        let places = Places::of_paths(paths);
        let heard = places.heard(0);
        let got: Vec<&str> = (1..)
            .zip(access)
            .filter(|(input, _)| places.hears(&heard, *input))
            .map(|(_, path)| *path)
            .collect();
        assert_eq!(got, expected, "{events}");
    }

    #[test]
    fn events_speak_for_the_machine_whose_logs_they_lie_with() {
        let two = ["web1/iis/a.log", "web1/HTTPERR/b.log", "web2/iis/a.log", "web2/HTTPERR/b.log"];
        check("web1/events/x.xml", &two, &two[..2]);
        check("web1/x.xml", &two, &two[..2]);
        check("web2/iis/x.xml", &two, &two[2..3]);
        check("x.xml", &two, &two);
        check("events/x.xml", &two, &two);
        check("events/x.xml", &two[..2], &two[..2]);
        check("web1/x.xml", &["web1/a.log", "web2/a.log"], &["web1/a.log"]);
        check("x.xml", &["a.log", "b.log"], &["a.log", "b.log"]);
    }
}
