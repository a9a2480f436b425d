//! Partial results: what one run found of its inputs, in a file that later runs put together.
//!
//! In: a [`Scan`]. Out: a file of facts and counts, before any verdict; [`merge()`] makes one [`Scan`] of several.
//! Invariants: attribution runs once, after the last merge, so that any split of the inputs over any runs gives the same
//! verdicts, also where an access log and its error log were in different ones. Facts number rows of this release's tables:
//! files of other releases or rules are refused. The checksum covers the whole file.
//!
//! The file: a line of text with the version of the form and of the program; then, as one gzip stream, the length of the
//! header (8 bytes, little endian), the header (JSON: conditions, inputs with their counts), the kept lines of inputs that
//! cannot be read at a position (offset, length, bytes), the entries, the messages; then SHA-256 of all before it. Ordinary
//! lines are not in it: the story and the quotes come from the inputs where they can be opened again. Where a layout was
//! worked out, what its columns are called is told by the lines of all partial results: so a sample of such lines is in the
//! header, and behind each entry of such an input stands its line (length, bytes).

mod merge;
mod recorded;

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression as Level;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::naming::{LinesByText, bare_line, is_worked_out};
use super::{Scan, ScannedInput, TextSource};
use crate::cause::CauseMatcher;
use crate::error::{Error, Result};
use crate::fact::EntryFact;
use crate::store::{Sorted, Stored};
use crate::verdict;

pub use merge::{Merged, Merging, merge};
use recorded::RecordedInput;

/// Version of the form. A change of the form, however small, raises it: facts are not kept for long.
const FORM: u32 = 7;

/// How the first line begins.
const MAGIC: &str = "logscan503 partial ";

/// Bytes of the checksum.
const DIGEST_BYTES: u64 = 32;

/// Names that are told per input: those of what events are about, and those of backends. Verdicts rest on them, so that
/// there must be room for all that an input names; the limit is for inputs in which every line makes one up.
const MAX_TOLD_NAMES: usize = 65_536;

/// Events per input whose name can be shown where the input is absent. No verdict rests on that.
const MAX_TOLD_PLACES: usize = 20_000;

/// What was asked for when facts were made. Partial results merge only if they agree on all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// Statuses whose access lines are entries.
    pub statuses: Vec<u16>,
    /// `--tz`, as typed.
    pub zone: Option<String>,
    /// `--since` and `--until`, microseconds UTC.
    pub window: (Option<i64>, Option<i64>),
    /// `--gap`.
    pub gap_s: i64,
    /// `--log-format`, as typed.
    pub log_format: Vec<String>,
    /// The nginx configurations that were read, one behind the other.
    pub nginx_conf: Option<Vec<u8>>,
    /// The Apache configurations that were read, one behind the other.
    pub apache_conf: Option<Vec<u8>>,
    /// The rule files that were read: path and text.
    pub rules: Vec<(String, String)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    /// Digest of the tables whose rows facts number.
    tables: String,
    conditions: Conditions,
    inputs: Vec<RecordedInput>,
    n_entries: u64,
    n_causes: u64,
    interrupted: bool,
    /// Lines of worked-out layouts.
    pools: LinesByText,
}

/// A digest of the tables whose rows facts number.
fn tables_digest(matcher: &CauseMatcher) -> String {
    let mut hasher = Sha256::new();
    for rule in matcher.rules() {
        hasher.update(format!("{rule:?}\n"));
    }
    for rule in verdict::RULES {
        hasher.update(format!("{rule:?}\n"));
    }
    format!("{:x}", hasher.finalize())
}

/// Writes what a scan found.
///
/// # Errors
/// When the file cannot be written, or spilled facts cannot be read again.
pub fn write_partial(
    scan: Scan,
    conditions: &Conditions,
    matcher: &CauseMatcher,
    out: &mut dyn Write,
) -> Result<()> {
    let (entries, causes) = (scan.entries.sorted(), scan.causes.sorted());
    let mut inputs: Vec<RecordedInput> = scan.inputs.iter().map(RecordedInput::of).collect();
    for fact in entries.rows() {
        let EntryFact { upstream, place, .. } = fact?;
        let index = place.position.input as usize;
        let (Some(input), Some(recorded)) = (scan.inputs.get(index), inputs.get_mut(index)) else {
            continue;
        };
        let is_new = upstream != 0 && !recorded.backends.contains_key(&upstream);
        if is_new
            && recorded.backends.len() < MAX_TOLD_NAMES
            && let Some(name) = input.backend(upstream, place)
        {
            recorded.backends.insert(upstream, name);
        }
    }
    for fact in causes.rows() {
        let fact = fact?;
        let index = fact.place.position.input as usize;
        let is_event = matcher.rule(fact.rule).is_some_and(|rule| !rule.kind.explains_requests());
        if let (true, Some(input), Some(recorded)) =
            (is_event && fact.scope != 0, scan.inputs.get(index), inputs.get_mut(index))
        {
            let name = || input.scope_of(&fact, matcher).map(|(_, name)| name);
            recorded.tell_scope(&fact, name);
        }
    }
    let header = Header {
        tables: tables_digest(matcher),
        conditions: conditions.clone(),
        inputs,
        n_entries: entries.len(),
        n_causes: causes.len(),
        interrupted: scan.interrupted,
        pools: scan.pools.clone(),
    };
    let mut out = Hashing { out, hasher: Sha256::new() };
    let written = |result: io::Result<()>| result.map_err(Error::Output);
    written(writeln!(out, "{MAGIC}{FORM} of {}", env!("CARGO_PKG_VERSION")))?;
    let mut packed = GzEncoder::new(&mut out, Level::fast());
    let text = serde_json::to_vec(&header).map_err(|error| Error::Output(error.into()))?;
    written(packed.write_all(&(text.len() as u64).to_le_bytes()))?;
    written(packed.write_all(&text))?;
    for input in &scan.inputs {
        written(write_kept(input, &mut packed))?;
    }
    write_facts(&entries, &mut packed, |fact| line_of(fact, &scan.inputs))?;
    write_facts(&causes, &mut packed, |_| None)?;
    written(packed.finish().map(|_| ()))?;
    let digest = out.hasher.finalize();
    written(out.out.write_all(&digest).and_then(|()| out.out.flush()))
}

fn write_kept(input: &ScannedInput, out: &mut dyn Write) -> io::Result<()> {
    let TextSource::Spool(spool, _) = &input.text else { return Ok(()) };
    let mut n_written = 0;
    for line in spool.lines() {
        out.write_all(&line.offset.to_le_bytes())?;
        out.write_all(&(line.bytes.len() as u32).to_le_bytes())?;
        out.write_all(&line.bytes)?;
        n_written += 1;
    }
    // The header has promised them.
    if n_written == spool.len() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// The bare line of an entry whose layout was worked out, empty where it is read by another reader. `None`: the input has
/// no such layout.
fn line_of(fact: &EntryFact, inputs: &[ScannedInput]) -> Option<Vec<u8>> {
    let input = inputs.get(fact.place.position.input as usize)?;
    input.plan.as_deref().filter(|plan| is_worked_out(plan))?;
    let bare = || {
        let (line, plan) = (input.fetch(fact.place)?, input.plan_at(fact.place.position.offset)?);
        let (index, bare) = bare_line(plan, &line)?;
        let mut numbered = vec![index as u8];
        numbered.extend_from_slice(&bare);
        Some(numbered)
    };
    Some(bare().unwrap_or_default())
}

/// Writes facts, each with what goes behind it.
fn write_facts<T: Stored, K: Ord>(
    facts: &Sorted<T, K>,
    out: &mut dyn Write,
    behind: impl Fn(&T) -> Option<Vec<u8>>,
) -> Result<()> {
    let mut buffer = Vec::new();
    for fact in facts.rows() {
        buffer.clear();
        let fact = fact?;
        fact.write(&mut buffer);
        if let Some(line) = behind(&fact) {
            buffer.extend_from_slice(&(line.len() as u32).to_le_bytes());
            buffer.extend_from_slice(&line);
        }
        out.write_all(&buffer).map_err(Error::Output)?;
    }
    Ok(())
}

/// A writer that hashes what goes through it.
struct Hashing<'w> {
    out: &'w mut dyn Write,
    hasher: Sha256,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.out.write(bytes)?;
        self.hasher.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// An opened and checked partial result.
#[derive(Debug)]
pub struct Partial {
    path: PathBuf,
    header: Header,
    /// Where the gzip stream starts, and its length.
    packed: (u64, u64),
}

impl Partial {
    /// Opens a file and checks that it is whole and of this release.
    ///
    /// # Errors
    /// [`Error::Partial`] when it is anything else; [`Error::Read`] when it cannot be read.
    pub fn open(path: &Path) -> Result<Partial> {
        let refuse =
            |reason: &str| Error::Partial { path: path.to_owned(), reason: reason.to_owned() };
        let fault = |source: io::Error| Error::Read { path: path.to_owned(), source };
        let file = File::open(path).map_err(fault)?;
        let length = file.metadata().map_err(fault)?.len();
        let mut reader = io::BufReader::with_capacity(256 << 10, &file);
        let mut first = Vec::new();
        io::BufRead::read_until(&mut reader.by_ref().take(200), b'\n', &mut first)
            .map_err(fault)?;
        let line = String::from_utf8_lossy(&first);
        let versions = line
            .strip_suffix('\n')
            .and_then(|line| line.strip_prefix(MAGIC))
            .and_then(|rest| rest.split_once(" of "));
        let Some((form, tool)) = versions else {
            return Err(refuse("is no partial result (made by --partial)"));
        };
        let own = env!("CARGO_PKG_VERSION");
        if form != FORM.to_string() || tool != own {
            let reason = format!(
                "is a partial result of form {form}, made by version {tool}; this is version {own}, which merges form {FORM} of its own only: make it again"
            );
            return Err(refuse(&reason));
        }
        let start = first.len() as u64;
        let Some(packed_bytes) = length.checked_sub(start + DIGEST_BYTES) else {
            return Err(refuse("is cut short: make it again"));
        };
        let mut hasher = Sha256::new();
        hasher.update(&first);
        let n = io::copy(&mut reader.by_ref().take(packed_bytes), &mut hasher).map_err(fault)?;
        let mut digest = Vec::new();
        reader.read_to_end(&mut digest).map_err(fault)?;
        if n != packed_bytes || digest[..] != hasher.finalize()[..] {
            return Err(refuse("is damaged (its checksum does not match): make it again"));
        }
        let packed = (start, packed_bytes);
        let mut body = body_of(path, packed)?;
        let header = read_header(&mut body).map_err(|error| refuse(&error.to_string()))?;
        Ok(Partial { path: path.to_owned(), header, packed })
    }

    /// What was asked for when it was made.
    pub fn conditions(&self) -> &Conditions {
        &self.header.conditions
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The decompressed body of a file, from its start.
fn body_of(path: &Path, (start, length): (u64, u64)) -> Result<Box<dyn Read>> {
    let fault = |source: io::Error| Error::Read { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(fault)?;
    io::Seek::seek(&mut file, io::SeekFrom::Start(start)).map_err(fault)?;
    let packed = io::BufReader::with_capacity(128 << 10, file.take(length));
    Ok(Box::new(io::BufReader::with_capacity(128 << 10, flate2::bufread::GzDecoder::new(packed))))
}

fn read_header(body: &mut dyn Read) -> io::Result<Header> {
    let mut length = [0; 8];
    body.read_exact(&mut length)?;
    let mut text = Vec::new();
    body.take(u64::from_le_bytes(length)).read_to_end(&mut text)?;
    serde_json::from_slice(&text).map_err(io::Error::from)
}
