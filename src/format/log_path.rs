//! Which directive of a configuration writes a log file, from their paths.
//!
//! In: directives with the paths they give, and the path of a file. Out: those that may write it, best match first.
//! Invariants: a file matches by its name, and the more directories agree, the better: incident logs are often copied
//! away from where they were written. A variable in a directive matches any text, and the names that rotation makes
//! (`access.log.2.gz`, `access.log-20261120`) count as the log.

use std::borrow::Cow;
use std::cmp::Reverse;

/// The directives that may write the file at `path`, best match first; of equal matches, the first one first.
pub(super) fn best_first<'d, D>(
    directives: &'d [D],
    path_of: impl Fn(&D) -> &str,
    path: &str,
) -> Vec<&'d D> {
    let mut found: Vec<(usize, bool, &D)> = directives
        .iter()
        .filter_map(|directive| {
            let pattern = path_of(directive);
            Some((n_equal_parts(pattern, path)?, !pattern.contains('$'), directive))
        })
        .collect();
    // Stable: of equal matches the first directive stays first.
    found.sort_by_key(|(n_parts, is_literal, _)| Reverse((*is_literal, *n_parts)));
    found.into_iter().map(|(_, _, directive)| directive).collect()
}

/// How many parts of two paths agree, from the file name backwards. `None`: not even the file name.
fn n_equal_parts(pattern: &str, path: &str) -> Option<usize> {
    let path = path.replace('\\', "/");
    let mut pattern_parts = pattern.rsplit('/');
    let mut path_parts = path.rsplit('/');
    let (name_pattern, name) = (pattern_parts.next()?, path_parts.next()?);
    if !unrotated(name).iter().any(|name| matches(name_pattern, name)) {
        return None;
    }
    let n_directories =
        pattern_parts.zip(path_parts).take_while(|(part, other)| matches(part, other)).count();
    Some(1 + n_directories)
}

/// True when `text` is what `pattern` prints for some values of its variables (`$name`, `${name}`).
fn matches(pattern: &str, text: &str) -> bool {
    let Some(dollar) = pattern.find('$') else { return pattern == text };
    let Some(rest) = text.strip_prefix(&pattern[..dollar]) else { return false };
    let variable = &pattern[dollar + 1..];
    let after = match variable.strip_prefix('{') {
        Some(braced) => braced.find('}').map_or("", |end| &braced[end + 1..]),
        None => variable
            .trim_start_matches(|letter: char| letter.is_ascii_alphanumeric() || letter == '_'),
    };
    if !after.contains('$') {
        return rest.len() >= after.len() && rest.ends_with(after);
    }
    rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| matches(after, &rest[at..]))
}

/// A file name, and what it was before rotation added numbers, dates and suffixes of compression.
fn unrotated(name: &str) -> Vec<Cow<'_, str>> {
    let mut names = vec![Cow::Borrowed(name)];
    let mut rest = name;
    while let Some(shorter) = without_suffix(rest) {
        names.push(Cow::Borrowed(shorter));
        rest = shorter;
    }
    // logrotate's `extension .log`: access-20261120.log, access.1.log
    if let Some((stem, extension)) = rest.rsplit_once('.')
        && let Some(shorter) = without_suffix(stem)
    {
        names.push(Cow::Owned(format!("{shorter}.{extension}")));
    }
    names
}

fn without_suffix(name: &str) -> Option<&str> {
    for suffix in [".gz", ".bz2", ".xz", ".zst", ".lz4", ".zip", ".old", ".bak"] {
        if let Some(shorter) = name.strip_suffix(suffix) {
            return Some(shorter);
        }
    }
    let shorter = name.trim_end_matches(|letter: char| {
        letter.is_ascii_digit() || matches!(letter, '-' | '_' | '.')
    });
    // `.1`, `-20261120`, `.2026-11-20`, `-20261120-1795210283`, but not the digits of `access2`.
    let tail = &name[shorter.len()..];
    (!shorter.is_empty()
        && tail.starts_with(['.', '-', '_'])
        && tail.ends_with(|letter: char| letter.is_ascii_digit()))
    .then_some(shorter)
}
