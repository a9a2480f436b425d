//! A private directory, the program, and what it said.
//!
//! In: files and arguments. Out: exit code, standard output and standard error.
//! Invariants: nothing is left behind; no test depends on the working directory or on another test's files.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use jsonschema::Validator;
use logscan503::report::schema::timeline_schema;
use serde_json::Value;
use tempfile::TempDir;

/// A private directory that vanishes with the fixture.
#[derive(Debug)]
pub(crate) struct Fixture {
    dir: TempDir,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Fixture { dir: tempfile::tempdir().expect("a temporary directory can be made") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file, with its folders, and returns its path.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("below the directory")).expect("can be made");
        fs::write(&path, bytes).expect("can be written");
        path
    }

    /// Runs the program in the directory, with arguments and standard input.
    pub(crate) fn run(&self, args: &[&str], input: &[u8]) -> Said {
        run_in(self.dir.path(), args, input)
    }
}

/// What the program said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Said {
    /// Standard output as one JSON document. A timeline document must be valid by its schema.
    #[track_caller]
    #[expect(
        clippy::panic,
        reason = "fails the test that asks for JSON, with what was said instead"
    )]
    pub(crate) fn json(&self) -> Value {
        let text = std::str::from_utf8(&self.out).expect("standard output is UTF-8");
        let value: Value = serde_json::from_str(text).unwrap_or_else(|error| {
            panic!("not JSON: {error}; exit {:?}\n{text:.400}\n{}", self.code, self.err)
        });
        if value["schema"] == "logscan503.timeline" {
            check_document(&value);
        }
        value
    }

    /// Standard output as JSON Lines.
    #[track_caller]
    pub(crate) fn rows(&self) -> Vec<Value> {
        let text = std::str::from_utf8(&self.out).expect("standard output is UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }
}

/// How many entries got each "origin/cause", in order of their name.
pub(crate) fn count_verdicts<'r>(
    rows: impl IntoIterator<Item = &'r Value>,
) -> Vec<(String, usize)> {
    let mut counts = BTreeMap::new();
    for row in rows {
        let text = |key: &str| row[key].as_str().unwrap_or("-");
        *counts.entry(format!("{}/{}", text("origin"), text("cause"))).or_insert(0) += 1;
    }
    counts.into_iter().collect()
}

/// Fails unless a timeline document is valid by the schema that the program prints.
#[track_caller]
pub(crate) fn check_document(document: &Value) {
    static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
        let schema = serde_json::to_value(timeline_schema()).expect("a schema is JSON");
        jsonschema::validator_for(&schema).expect("the schema is valid")
    });
    let faults: Vec<String> = VALIDATOR
        .iter_errors(document)
        .map(|fault| format!("{}: {fault}", fault.instance_path()))
        .collect();
    assert!(faults.is_empty(), "not valid by the schema: {faults:#?}");
}

/// Runs the program in a directory, with arguments and standard input.
pub(crate) fn run_in(dir: &Path, args: &[&str], input: &[u8]) -> Said {
    let mut child = Command::new(env!("CARGO_BIN_EXE_logscan503"))
        .args(args)
        .current_dir(dir)
        // What the caller's terminal prefers must not change a test.
        .env_remove("CLICOLOR_FORCE")
        .env("NO_COLOR", "1")
        .env("LC_ALL", "C.UTF-8")
        .env_remove("COLUMNS")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program was built");
    let mut stdin = child.stdin.take().expect("piped");
    std::thread::scope(|scope| {
        // A program that reads no input closes the pipe: not a failure of the test.
        scope.spawn(move || stdin.write_all(input).ok());
        let output = child.wait_with_output().expect("the program can be waited for");
        Said {
            code: output.status.code(),
            out: output.stdout,
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    })
}

/// The labelled corpora beside the repository. `None`, with a visible message, where they are absent.
pub(crate) fn shared() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    if path.is_dir() {
        return Some(path);
    }
    // Written past the test runner's capture, so that a skipped test is seen.
    writeln!(std::io::stderr(), "skipped: ../shared is absent").ok();
    None
}

/// The scenarios of some corpora, in order of their paths.
pub(crate) fn scenarios(shared: &Path, corpora: &[&str]) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for corpus in corpora {
        let entries = fs::read_dir(shared.join("corpus").join(corpus)).expect("the corpus");
        folders.extend(entries.map(|entry| entry.expect("can be listed").path()));
    }
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders
}

/// The raw logs of a scenario, relative to it; of a journal in several forms, one.
pub(crate) fn logs_of(folder: &Path) -> Vec<String> {
    const NO_LOGS: [&str; 5] =
        ["labels.jsonl", "scenario.json", "README.md", "INDEX.json", "SOURCES.md"];
    let mut logs: Vec<String> = walkdir::WalkDir::new(folder)
        .into_iter()
        .map(|entry| entry.expect("can be listed"))
        .filter(|entry| entry.file_type().is_file())
        .filter(|entry| !NO_LOGS.contains(&&*entry.file_name().to_string_lossy()))
        .filter_map(|entry| Some(entry.path().strip_prefix(folder).ok()?.to_str()?.to_owned()))
        .collect();
    logs.sort();
    let is_journal = |log: &String| log.contains("journal.") || log.ends_with(".journal");
    let kept = logs.iter().find(|log| log.ends_with(".journal"));
    let kept = kept.or_else(|| logs.iter().find(|log| is_journal(log))).cloned();
    logs.retain(|log| !is_journal(log) || Some(log) == kept.as_ref());
    logs
}

/// True when a test is to run over every scenario, not over a few.
pub(crate) fn all_scenarios() -> bool {
    std::env::var_os("LOGSCAN503_ALL_SCENARIOS").is_some()
}

/// Numbers that look random and are the same for the same seed.
#[derive(Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % n.max(1) as u64) as usize
    }

    /// Puts things in any order.
    pub(crate) fn shuffle<T>(&mut self, things: &mut [T]) {
        for index in (1..things.len()).rev() {
            things.swap(index, self.below(index + 1));
        }
    }
}

/// One gzip member.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).expect("memory");
    packed.finish().expect("memory")
}

/// Writes the logs of a folder, each cut at random line ends into pieces named as by rotation, nine of them in all where
/// there are not more logs; some are compressed. Gives their names.
pub(crate) fn rotate(
    fixture: &Fixture,
    folder: &Path,
    logs: &[String],
    dice: &mut Dice,
) -> Vec<String> {
    let most = (9 / logs.len().max(1)).max(1);
    let mut names = Vec::new();
    for log in logs {
        let bytes = fs::read(folder.join(log)).expect("can be read");
        // A single log needs two pieces at least, or there is nothing to merge.
        let n = dice.below(most).max(usize::from(logs.len() == 1));
        cut(fixture, log, &bytes, n, dice, &mut names);
    }
    names
}

/// Writes one log, cut `n` times.
fn cut(
    fixture: &Fixture,
    log: &str,
    bytes: &[u8],
    n: usize,
    dice: &mut Dice,
    names: &mut Vec<String>,
) {
    let is_text = !bytes.starts_with(&[0x1f, 0x8b]) && !bytes.starts_with(&[0xff, 0xfe]);
    let ends: Vec<usize> = memchr::memchr_iter(b'\n', bytes).map(|end| end + 1).collect();
    let mut cuts = vec![0, bytes.len()];
    if is_text && !log.ends_with(".journal") && !ends.is_empty() {
        cuts.extend((0..n).map(|_| ends[dice.below(ends.len())]));
    }
    cuts.sort_unstable();
    cuts.dedup();
    let n_pieces = cuts.len() - 1;
    for (index, part) in cuts.windows(2).enumerate() {
        let piece = &bytes[part[0]..part[1]];
        let number = n_pieces - 1 - index;
        let name = if number == 0 { log.to_owned() } else { format!("{log}.{number}") };
        if is_text && n_pieces > 1 && dice.below(4) == 0 {
            fixture.write(&format!("{name}.gz"), gzip(piece));
            names.push(format!("{name}.gz"));
        } else {
            fixture.write(&name, piece);
            names.push(name);
        }
    }
}
