//! Which logs lie together: those of one server, as far as directories and names tell.
//!
//! In: where the inputs lie, and what they hold. Out: [`Folders`], a number per input. The rules:
//!
//! 1. Logs of one directory lie together. For the next rule `access/` and `error/` beside each other are one directory.
//! 2. Where the error logs of a directory have several names, and each is the name of an access log as well (`web1-access.log`
//!    beside `web1-error.log`, and the same of `web2`), the names are servers', or hosts' of one server with logs of their
//!    own: each name is a folder. An access log whose name no error log has is one by itself.
//! 3. What the lines hold may speak against it: most requests that error lines name must stand in the access logs of
//!    their own folder, if they stand in any.
//!
//! Invariants: names of files are compared, never read; the order of inputs changes no answer but the numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::peek_key;
use crate::error::Result;
use crate::evidence::InputIndex;
use crate::fact::{CauseFact, EntryFact};
use crate::scan::{JoinKey, ScannedInput};
use crate::store::Sorted;
use crate::taxonomy::{LogRole, Server};

/// So many of a hundred requests must stand in the access logs of the folder that names them.
const MIN_PERCENT: u64 = 90;

/// What an input holds, for rule 2.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Holds {
    access: bool,
    errors: bool,
}

/// The folder of each input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Folders {
    of_input: Vec<usize>,
    n_folders: usize,
}

impl Folders {
    /// Looks at the inputs and at what their lines hold.
    ///
    /// # Errors
    /// When temporary files fail.
    pub(super) fn of(
        inputs: &[ScannedInput],
        entries: &Sorted<EntryFact, JoinKey>,
        causes: &Sorted<CauseFact, JoinKey>,
    ) -> Result<Self> {
        let paths: Vec<(&Path, Holds)> =
            inputs.iter().map(|input| (input.path.as_path(), holds(input))).collect();
        let (whole, by_name) = (Folders::by_directory(&paths), Folders::by_name(&paths));
        if whole.n_folders == by_name.n_folders || by_name.agree(entries, causes)? {
            return Ok(by_name);
        }
        Ok(whole)
    }

    /// Rule 1, without what is said of `access/`.
    fn by_directory(paths: &[(&Path, Holds)]) -> Self {
        Folders::numbered(paths.iter().map(|(path, _)| path.parent().unwrap_or(Path::new(""))))
    }

    /// Rules 1 and 2.
    fn by_name(paths: &[(&Path, Holds)]) -> Self {
        let names: Vec<(String, String)> = paths.iter().map(|(path, _)| name_of(path)).collect();
        let mut stems: BTreeMap<&str, [BTreeSet<&str>; 2]> = BTreeMap::new();
        for ((directory, stem), (_, holds)) in names.iter().zip(paths) {
            let [access, errors] = stems.entry(directory).or_default();
            if holds.access {
                access.insert(stem);
            }
            if holds.errors {
                errors.insert(stem);
            }
        }
        let is_split = |directory: &str| {
            let stems = stems.get(directory);
            stems.is_some_and(|[access, errors]| errors.len() > 1 && errors.is_subset(access))
        };
        Folders::numbered(names.iter().zip(paths).map(|((directory, stem), (path, _))| {
            if is_split(directory) {
                (directory.clone(), Some(stem.clone()))
            } else {
                let directory = path.parent().unwrap_or(Path::new(""));
                (directory.to_string_lossy().into_owned(), None)
            }
        }))
    }

    fn numbered<K: Ord>(keys: impl Iterator<Item = K>) -> Self {
        let mut index: BTreeMap<K, usize> = BTreeMap::new();
        let of_input = keys
            .map(|key| {
                let fresh = index.len();
                *index.entry(key).or_insert(fresh)
            })
            .collect();
        Folders { of_input, n_folders: index.len() }
    }

    /// Rule 3.
    fn agree(
        &self,
        entries: &Sorted<EntryFact, JoinKey>,
        causes: &Sorted<CauseFact, JoinKey>,
    ) -> Result<bool> {
        let (mut n_own, mut n_any) = (0, 0);
        let (mut entry_rows, mut cause_rows) =
            (entries.rows().peekable(), causes.rows().peekable());
        while let Some(target) = peek_key(&mut cause_rows, |fact: &CauseFact| fact.target_key)? {
            let (mut said, mut served) = (BTreeSet::new(), BTreeSet::new());
            while let Some(row) =
                cause_rows.next_if(|row| row.as_ref().is_ok_and(|fact| fact.target_key == target))
            {
                said.insert(self.folder(row?.place.position.input));
            }
            while let Some(row) =
                entry_rows.next_if(|row| row.as_ref().is_ok_and(|fact| fact.target_key <= target))
            {
                let entry = row?;
                if entry.target_key == target {
                    served.insert(self.folder(entry.place.position.input));
                }
            }
            if target != 0 && !served.is_empty() {
                n_any += said.len() as u64;
                n_own += said.intersection(&served).count() as u64;
            }
        }
        Ok(n_own * 100 >= n_any * MIN_PERCENT)
    }

    /// The folder of an input.
    pub(super) fn folder(&self, input: InputIndex) -> usize {
        self.of_input.get(input as usize).copied().unwrap_or(0)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.n_folders
    }
}

/// True for the error log of a server that passes requests on, also of one that had nothing to say.
pub(super) fn is_error_log(input: &ScannedInput) -> bool {
    holds(input).errors
}

fn holds(input: &ScannedInput) -> Holds {
    let mut holds = Holds::default();
    for reader in input.plan.iter().flat_map(|plan| plan.detected()) {
        let about = reader.about();
        let is_proxy = matches!(about.server, Server::Nginx | Server::Apache);
        holds.access |= about.role == LogRole::Access;
        holds.errors |= about.role == LogRole::Error && is_proxy;
    }
    if input.is_empty() {
        let is_named = is_named_error_log(&input.path);
        holds = Holds { access: !is_named, errors: is_named };
    }
    holds
}

/// True for `error.log`, `shop-error.log.1`, `errors.log`: as servers and packages name them.
pub(super) fn is_named_error_log(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    name.contains("error")
}

/// The directory of a path and the name of its log: without the words that tell access logs from error logs, and without
/// what rotation adds.
pub(super) fn name_of(path: &Path) -> (String, String) {
    let is_role = |word: &str| {
        matches!(word, "access" | "accesslog" | "error" | "errors" | "errorlog" | "err" | "log")
    };
    let file = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    let mut kept: Vec<&str> = Vec::new();
    // True behind a word of the name: a number there is part of it (`web-1`), elsewhere it is rotation's.
    let mut in_name = false;
    for word in file.split(|letter: char| !letter.is_alphanumeric()) {
        let is_packer = matches!(word, "" | "gz" | "zst" | "bz2" | "xz" | "txt" | "json" | "old");
        let is_date = is_number(word) && word.len() >= 4;
        in_name = !is_packer && !is_date && !is_role(word) && (in_name || !is_number(word));
        if in_name {
            kept.push(word);
        }
    }
    let ends_with_role = file
        .split(|letter: char| !letter.is_alphanumeric())
        .rfind(|word| !is_number(word) && !matches!(*word, "" | "gz" | "zst" | "bz2" | "xz"))
        .is_some_and(is_role);
    while !ends_with_role && kept.len() > 1 && kept.last().is_some_and(|word| is_number(word)) {
        kept.pop();
    }
    let mut directory = path.parent().unwrap_or(Path::new(""));
    let last = directory.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    if is_role(&last) {
        directory = directory.parent().unwrap_or(Path::new(""));
    }
    (directory.to_string_lossy().into_owned(), kept.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The folders of these logs, of which those with "error" in their path are error logs.
    #[track_caller]
    fn check(paths: &[&str], expected: &[usize]) {
        let holds =
            |path: &str| Holds { access: !path.contains("err"), errors: path.contains("err") };
        let paths: Vec<(&Path, Holds)> =
            paths.iter().map(|path| (Path::new(*path), holds(path))).collect();
        assert_eq!(Folders::by_name(&paths).of_input, expected, "{paths:?}");
    }

    #[test]
    fn names_that_pair_are_folders() {
        check(
            &["web1-access.log", "web2-access.log", "web1-error.log", "web2-error.log"],
            &[0, 1, 0, 1],
        );
        check(
            &["access.log.web1", "access.log.web2", "error.log.web1", "error.log.web2.1"],
            &[0, 1, 0, 1],
        );
        check(&["access/a.log", "access/b.log", "error/a.log", "error/b.log"], &[0, 1, 0, 1]);
        check(
            &["edge_access.log", "a_access.log", "b_access.log", "a_error.log", "b_error.log"],
            &[0, 1, 2, 1, 2],
        );
        check(
            &["access_log", "ssl_access_log", "error_log", "ssl_error_log-20261122"],
            &[0, 1, 0, 1],
        );
        check(
            &["web-1-access.log", "web-2-access.log", "web-1-error.log.3.gz", "web-2-error.log"],
            &[0, 1, 0, 1],
        );
    }

    #[test]
    fn other_names_are_not() {
        check(&["a-access.log", "b-access.log", "error.log"], &[0, 0, 0]);
        check(&["a-access.log", "b-access.log", "a-error.log"], &[0, 0, 0]);
        check(&["access.log", "a-error.log", "b-error.log"], &[0, 0, 0]);
        check(&["access.log", "access.log.1", "error.log", "error.log.1"], &[0, 0, 0, 0]);
        check(&["access-20261121.log", "access-20261122.log", "error-20261121.log"], &[0, 0, 0]);
        check(
            &["one/access.log", "two/access.log", "one/error.log", "two/error.log"],
            &[0, 1, 0, 1],
        );
    }
}
