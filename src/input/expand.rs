//! Arguments -> the files they mean: paths, directories walked, quoted patterns expanded.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use walkdir::WalkDir;

use super::Source;
use crate::error::{Error, Result};

/// The inputs that `arguments` mean, in canonical order: by path, each once. None at all, or `-`, is standard input.
///
/// A directory is walked for all its files. A name that is no file is tried as a pattern (`*`, `?`, `[..]`, `**`).
///
/// A name that is neither a file nor a pattern that matches one is an input that cannot be read, as long as there are others.
///
/// # Errors
/// Such a name, where nothing else is there.
pub fn expand(arguments: &[OsString]) -> Result<Vec<Source>> {
    if arguments.is_empty() {
        return Ok(vec![Source::stdin()]);
    }
    let mut paths = Paths::new();
    let (mut stdin, mut missing) = (false, Vec::new());
    for argument in arguments {
        let path = Path::new(argument);
        if argument == "-" {
            stdin = true;
        } else if path.is_dir() {
            for found in walk(path, None) {
                paths.entry(found).or_insert(false);
            }
        } else if path.symlink_metadata().is_ok() {
            paths.insert(path.to_owned(), true);
        } else {
            match expand_pattern(argument, path) {
                Ok(found) => paths.extend(found.into_iter().map(|found| (found, true))),
                Err(Error::NoInput(_)) => missing.push(path.to_owned()),
                Err(error) => return Err(error),
            }
        }
    }
    // A log that was rotated away does not keep the others from being read.
    if let Some(first) = missing.first()
        && paths.is_empty()
        && !stdin
    {
        return Err(Error::NoInput(first.to_string_lossy().into_owned()));
    }
    paths.extend(missing.into_iter().map(|path| (path, true)));
    drop_links(&mut paths);
    let open =
        |(path, is_named): (&PathBuf, &bool)| Source { is_named: *is_named, ..Source::open(path) };
    let mut sources: Vec<Source> = paths.iter().map(open).collect();
    if stdin {
        sources.insert(0, Source::stdin());
    }
    Ok(sources)
}

/// Paths of inputs, and whether they were named, by themselves or by a pattern, or found in a directory.
type Paths = BTreeMap<PathBuf, bool>;

/// Leaves out names of files that are there under another name: a link and its target, `a.log` and `./a.log`. The first
/// in order stays.
fn drop_links(paths: &mut Paths) {
    let mut seen = BTreeSet::new();
    paths.retain(|path, _| path.canonicalize().map_or(true, |real| seen.insert(real)));
}

fn expand_pattern(argument: &OsString, path: &Path) -> Result<Vec<PathBuf>> {
    let missing = || Error::NoInput(argument.to_string_lossy().into_owned());
    let text = path.to_str().filter(|text| text.contains(['*', '?', '['])).ok_or_else(missing)?;
    let glob = GlobBuilder::new(text)
        .literal_separator(true)
        .build()
        .map_err(|error| Error::Flag {
            flag: "PATH",
            value: text.to_owned(),
            expected: format!("a valid pattern ({error})"),
        })?
        .compile_matcher();
    let found = walk(&fixed_prefix(path), Some(&glob));
    if found.is_empty() { Err(missing()) } else { Ok(found) }
}

/// The leading part of a pattern that holds no wildcard: where a walk has to start.
fn fixed_prefix(pattern: &Path) -> PathBuf {
    let prefix: PathBuf = pattern
        .components()
        .take_while(|part| match part {
            Component::Normal(name) => !name.to_string_lossy().contains(['*', '?', '[']),
            _ => true,
        })
        .collect();
    if prefix.as_os_str().is_empty() { PathBuf::from(".") } else { prefix }
}

/// The files below `root`, or those of them that a pattern matches. What cannot be listed is passed over: it
/// was not named.
fn walk(root: &Path, only: Option<&GlobMatcher>) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for entry in WalkDir::new(root).follow_links(true).into_iter().filter_map(Result::ok) {
        // Pipes and devices would block, and nobody named them.
        if !entry.file_type().is_file() {
            continue;
        }
        let path = entry.into_path();
        let path = path.strip_prefix(".").map_or_else(|_| path.clone(), Path::to_owned);
        if only.is_none_or(|glob| glob.is_match(&path)) {
            paths.push(path);
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(arguments: &[OsString]) -> Vec<String> {
        let sources = expand(arguments).unwrap();
        sources
            .iter()
            .map(|source| source.path.file_name().unwrap().to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn directories_patterns_and_files_give_the_same_sorted_list() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        for name in ["b.log", "a.log", "sub/c.log"] {
            std::fs::write(folder.path().join(name), "x\n").unwrap();
        }
        let at = |name: &str| folder.path().join(name).into_os_string();
        let all = ["a.log", "b.log", "c.log"];
        assert_eq!(names(&[folder.path().as_os_str().to_owned()]), all);
        assert_eq!(names(&[at("**/*.log")]), all);
        assert_eq!(names(&[at("sub"), at("b.log"), at("a.log"), at("a.log")]), all);
        assert_eq!(names(&[at("*.log")]), ["a.log", "b.log"]);
        assert!(matches!(expand(&[at("z*.log")]), Err(Error::NoInput(_))));
        assert!(matches!(expand(&[at("missing")]), Err(Error::NoInput(_))));
        assert_eq!(names(&[at("missing"), at("a.log")]), ["a.log", "missing"]);
    }
}
