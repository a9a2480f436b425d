//! The source tree keeps its floors, says what each module is for, and stays in small files.
//!
//! In: every file below `src/`. Out: one list of all violations.
//! Invariants: `lib.rs` declares modules and is on no floor; what follows `mod tests` is not read.

use std::fs;
use std::path::{Path, PathBuf};

/// A module imports only floors below its own, or its own floor.
const FLOORS: [&[&str]; 11] = [
    &["taxonomy", "time", "bytes", "positioned", "evidence", "error"],
    &["input", "journal", "redact"],
    &["record", "fact", "cause"],
    &["format", "verdict"],
    &["tally", "store"],
    &["scan"],
    &["attribute"],
    &["incident", "analysis"],
    &["report"],
    &["output"],
    &["cli", "main"],
];
const MAX_LINES: usize = 600;
/// Pure data tables, read as tables: length is no burden there.
const TABLES: [&str; 8] = [
    "cause/rules.rs",
    "cause/rules/apache.rs",
    "cause/rules/apps.rs",
    "cause/rules/dependencies.rs",
    "cause/rules/kubernetes.rs",
    "cause/rules/systemd.rs",
    "cause/rules/windows.rs",
    "cause/advice.rs",
];

#[test]
fn modules_import_only_lower_floors_and_say_what_they_are_for() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    assert!(files.len() > 5, "src/ was not found");
    let mut faults = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).expect("source is UTF-8");
        let name = path.strip_prefix(&src).expect("below src").to_string_lossy().replace('\\', "/");
        faults.extend(faults_of(&name, &text).into_iter().map(|fault| format!("{name}: {fault}")));
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn an_upward_import_is_found_in_every_spelling() {
    let check = |text: &str, n_faults: usize| {
        let faults = faults_of("record.rs", &format!("//! Doc.\n{text}"));
        assert_eq!(faults.len(), n_faults, "{text}: {faults:?}");
    };
    check("use crate::bytes::parse_u64;", 0);
    check("use crate::fact::Flags;", 0);
    check("use crate::Error;", 0);
    check("use crate::verdict::Rule;", 1);
    check("use crate::{bytes, verdict::{Rule, Other}, scan};", 2);
    check("use crate::{\n    bytes::x,\n    report,\n};", 1);
    check("fn f() -> crate::tally::Tally {}", 1);
    check("pub(crate) fn f() {}\n// crate::tally is above\n/// See [`crate::tally`].", 0);
    check("use crate::helpers::x;", 1);
    check("#[cfg(test)]\nmod tests {\n    use crate::report::Report;\n}", 0);
    assert_eq!(faults_of("record.rs", "use crate::bytes;").len(), 1, "no module comment");
    assert_eq!(faults_of("fact.rs", &format!("//! Doc.\n{}", "\n".repeat(700))).len(), 1);
}

fn rust_files(dir: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(dir)
        .expect("is readable")
        .map(|entry| entry.expect("is readable").path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|names| names.contains(&module))
}

fn faults_of(name: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if !text.starts_with("//!") {
        faults.push("does not start with a `//!` comment".to_owned());
    }
    let n_lines = text.lines().count();
    if n_lines > MAX_LINES && !TABLES.contains(&name) {
        faults.push(format!("{n_lines} lines, more than {MAX_LINES}"));
    }
    let module = name.split('/').next().unwrap_or(name).trim_end_matches(".rs");
    if module == "lib" {
        return faults;
    }
    let Some(own) = floor_of(module) else {
        faults.push(format!("`{module}` has no floor"));
        return faults;
    };
    let is_test = name.ends_with("/tests.rs");
    for import in imports(text).into_iter().filter(|_| !is_test) {
        match floor_of(&import) {
            Some(floor) if floor > own => {
                faults.push(format!("floor {own} imports `{import}` of floor {floor}"));
            }
            Some(_) => {}
            None => faults.push(format!("imports `{import}`, which has no floor")),
        }
    }
    faults
}

/// The modules named after `crate::`, comments and unit tests left out. Re-exports (`crate::Error`) are no modules.
fn imports(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text);
    let code: Vec<_> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let mut names = Vec::new();
    for (at, path) in code.match_indices("crate::") {
        let before = code[..at].bytes().next_back();
        if before.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            continue;
        }
        let rest = &code[at + path.len()..];
        match rest.strip_prefix('{') {
            Some(group) => names.extend(first_names(group)),
            None => names.push(identifier(rest)),
        }
    }
    names.retain(|name| name.starts_with(|first: char| first.is_ascii_lowercase()));
    names
}

/// The first name of each item of `a::b, c::{d, e}, f}`.
fn first_names(group: &str) -> Vec<String> {
    let (mut names, mut depth, mut wanted) = (Vec::new(), 0, true);
    for (at, symbol) in group.char_indices() {
        match symbol {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => wanted = true,
            _ if symbol.is_whitespace() => {}
            _ if wanted => {
                names.push(identifier(&group[at..]));
                wanted = false;
            }
            _ => {}
        }
    }
    names
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|symbol| symbol.is_ascii_alphanumeric() || *symbol == '_').collect()
}
