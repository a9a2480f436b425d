//! Of which machine and site of IIS an input is, where its lines do not say so.
//!
//! In: paths of inputs, the machines that events name, and entries that name theirs. Out: [`Machines`]. The rule: a
//! directory or a part of a file's name that is a machine's name (`web01/`, `web01_httperr1.log`) tells the machine; so do
//! the other logs of the directory, where their entries name one. A name is a machine's where events have it: words of
//! paths alone, which number pieces of logs as well, tell nothing. A directory `W3SVC2` tells the site, as IIS names the
//! folders of sites.
//! Invariants: names of files are compared, never read; two names in one path tell nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::places::Places;
use crate::error::Result;
use crate::evidence::InputIndex;
use crate::fact::{EntryFact, Machine, machine_key, site_key};
use crate::scan::{JoinKey, ScannedInput};
use crate::store::Sorted;

/// Keys of a machine and a site; 0 where they are not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Told {
    machine: u32,
    site: u32,
}

/// What is known of each input.
#[derive(Debug, Clone, Default)]
pub(super) struct Machines {
    of_input: Vec<Told>,
}

impl Machines {
    /// Looks at the inputs. `known`: the machines that events name.
    ///
    /// # Errors
    /// When temporary files fail.
    pub(super) fn of(
        inputs: &[ScannedInput],
        entries: &Sorted<EntryFact, JoinKey>,
        places: &Places,
        known: &BTreeSet<u32>,
    ) -> Result<Self> {
        let told = inputs.iter().map(|input| Told {
            machine: machine_in(&input.path, known),
            site: site_in(&input.path),
        });
        let mut of_input: Vec<Told> = told.collect();
        if known.len() > 1 {
            let mut in_directory: BTreeMap<usize, BTreeSet<u32>> = BTreeMap::new();
            for entry in entries.rows() {
                let entry = entry?;
                if entry.machine != 0
                    && let Some(directory) = places.directory(entry.place.position.input)
                {
                    in_directory.entry(directory).or_default().insert(entry.machine);
                }
            }
            for (input, told) in (0..).zip(&mut of_input).filter(|(_, told)| told.machine == 0) {
                let named = places.directory(input).and_then(|own| in_directory.get(&own));
                told.machine = named.and_then(only).unwrap_or(0);
            }
        }
        Ok(Machines { of_input })
    }

    /// The entry with what its input tells of its machine and site, where its line does not.
    pub(super) fn placed(&self, entry: &EntryFact) -> EntryFact {
        let told = self.told(entry.place.position.input);
        EntryFact {
            machine: if entry.machine == 0 { told.machine } else { entry.machine },
            site: if entry.site == 0 { told.site } else { entry.site },
            ..*entry
        }
    }

    /// The machine of an input; 0 where it is not known.
    pub(super) fn machine(&self, input: InputIndex) -> u32 {
        self.told(input).machine
    }

    /// The site of an input; 0 where it is not known.
    pub(super) fn site(&self, input: InputIndex) -> u32 {
        self.told(input).site
    }

    /// The sites that inputs tell.
    pub(super) fn sites(&self) -> impl Iterator<Item = u32> + '_ {
        self.of_input.iter().map(|told| told.site).filter(|site| *site != 0)
    }

    fn told(&self, input: InputIndex) -> Told {
        self.of_input.get(input as usize).copied().unwrap_or_default()
    }
}

/// The only one, if there is one.
fn only(keys: &BTreeSet<u32>) -> Option<u32> {
    keys.first().copied().filter(|_| keys.len() == 1)
}

/// The keys that parts of a path would have as names of machines.
fn names_in(path: &Path) -> impl Iterator<Item = u32> {
    let words = path
        .iter()
        .filter_map(|part| part.to_str())
        .flat_map(|part| part.split(['_', '.']).chain(part.split(['_', '.', '-'])).chain([part]));
    words.map(|word| machine_key(Machine::Computer(word.as_bytes()))).filter(|key| *key != 0)
}

/// The machine that a path names; 0 for none, or several.
fn machine_in(path: &Path, known: &BTreeSet<u32>) -> u32 {
    let named: BTreeSet<u32> = names_in(path).filter(|key| known.contains(key)).collect();
    only(&named).unwrap_or(0)
}

/// The site whose folder a path names; 0 for none.
fn site_in(path: &Path) -> u32 {
    let is_folder = |name: &&str| {
        let digits = name.get(..5).filter(|head| head.eq_ignore_ascii_case("W3SVC"));
        digits.is_some() && name.len() > 5 && name[5..].bytes().all(|byte| byte.is_ascii_digit())
    };
    let directory = path.parent().unwrap_or(Path::new(""));
    let mut names = directory.iter().filter_map(|part| part.to_str());
    names.rfind(is_folder).map_or(0, |name| site_key(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_machines_and_sites() {
        let key = |name: &str| machine_key(Machine::Computer(name.as_bytes()));
        let known = BTreeSet::from([key("WEB01"), key("web-02.example.com")]);
        for (path, expected) in [
            ("logs/web01/httperr1.log", "WEB01"),
            ("web01_httperr1.log", "WEB01"),
            ("WEB01-u_ex260512.log", "WEB01"),
            ("web-02/u_ex260512.log", "WEB-02"),
            ("web-02.httperr1.log", "WEB-02"),
            ("web01/web-02/u_ex260512.log", ""),
            ("web03/u_ex260512.log", ""),
        ] {
            assert_eq!(machine_in(Path::new(path), &known), key(expected), "{path}");
        }
        assert_eq!(site_in(Path::new("LogFiles/W3SVC2/u_ex260512.log")), site_key(b"2"));
        assert_eq!(site_in(Path::new("LogFiles/W3SVC/W3SVC2.log")), 0);
    }
}
