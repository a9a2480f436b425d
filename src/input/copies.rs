//! Copies: the same log under two names, as rotation and archiving leave them for a while or for good.
//!
//! In: the inputs of a run, opened. Out: those that count; each tells which copies of it were left out.
//! Invariants: a copy lies in the directory of its original, its name is that of the original and an ending (`access.log`,
//! `access.log.1`, `access.log.1.gz`, `access.log.bak`), and their text is the same, byte by byte. Logs of other names are none, whatever is in
//! them: two sites that only health checks ask write the same lines. The plain file stays, else the first in order.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::{Compression, Origin, Source};
use crate::positioned::read_at_most;

/// Bytes of either text that are compared at once.
const STEP_BYTES: usize = 128 << 10;

/// Bytes of the length of the text, at the end of a member of a compressed file (RFC 1952, 2.3.1: `ISIZE`).
const SIZE_BYTES: u64 = 4;

/// Leaves out inputs that are copies of others. The order of what stays is kept.
pub fn drop_copies(sources: &mut Vec<Source>) {
    let mut alike: BTreeMap<(&Path, u32), Vec<usize>> = BTreeMap::new();
    for (index, source) in sources.iter().enumerate() {
        if let (Some(directory), Some(size)) = (source.path.parent(), text_size(source)) {
            alike.entry((directory, size)).or_default().push(index);
        }
    }
    let original_of = originals(
        alike.into_values(),
        |index| sources[index].is_stream(),
        |one, other| is_copy(&sources[one], &sources[other]),
    );
    for (copy, original) in &original_of {
        let (path, is_named) = (sources[*copy].path.clone(), sources[*copy].is_named);
        sources[*original].copies.push(path);
        sources[*original].is_named |= is_named;
    }
    let mut index = 0..;
    sources.retain(|_| index.next().is_some_and(|index| !original_of.contains_key(&index)));
}

/// The original of each copy, by number, in groups of inputs that may be alike. Of equal ones the first stays, plain files
/// before streams.
pub fn originals(
    groups: impl Iterator<Item = Vec<usize>>,
    is_stream: impl Fn(usize) -> bool,
    is_copy: impl Fn(usize, usize) -> bool,
) -> BTreeMap<usize, usize> {
    let mut original_of = BTreeMap::new();
    for mut group in groups {
        group.sort_by_key(|index| (is_stream(*index), *index));
        let mut kept: Vec<usize> = Vec::new();
        for index in group {
            match kept.iter().find(|other| is_copy(index, **other)) {
                Some(original) => drop(original_of.insert(index, *original)),
                None => kept.push(index),
            }
        }
    }
    original_of
}

/// True where one input is a copy of the other.
pub fn is_copy(one: &Source, other: &Source) -> bool {
    is_name_of_copy(&one.path, &other.path)
        && text_size(one).is_some_and(|size| text_size(other) == Some(size))
        && have_same_text(one, other).unwrap_or(false)
}

/// Words that endings of copies have; others have a digit.
const WORDS: [&[u8]; 6] = [b"bak", b"backup", b"copy", b"old", b"orig", b"save"];

/// True where the names are such that one file may be a copy of the other: in one directory, and one has an ending more.
pub fn is_name_of_copy(one: &Path, other: &Path) -> bool {
    let stem = |path: &Path| -> Option<PathBuf> {
        let is_packed = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz"));
        if is_packed { Some(path.file_stem()?.into()) } else { Some(path.file_name()?.into()) }
    };
    let (Some(own), Some(others)) = (stem(one), stem(other)) else { return false };
    let (own, others) = (own.as_os_str().as_encoded_bytes(), others.as_os_str().as_encoded_bytes());
    let more = own.strip_prefix(others).or_else(|| others.strip_prefix(own));
    let is_ending = |text: &[u8]| match text.split_first() {
        None => true,
        Some((b'~', rest)) => rest.is_empty(),
        Some((b'.' | b'-' | b'_', rest)) => {
            rest.iter().all(|byte| byte.is_ascii_digit() || b".-_".contains(byte))
                || WORDS.iter().any(|word| rest.eq_ignore_ascii_case(word))
        }
        Some(_) => false,
    };
    one.parent() == other.parent() && one != other && more.is_some_and(is_ending)
}

/// Bytes of its text, by their lower 32 bits, as far as that can be had without reading it. `None`: it cannot, or is empty.
fn text_size(source: &Source) -> Option<u32> {
    let stored = Some(source.bytes).filter(|bytes| *bytes > 0)?;
    let (file, compression) = stored_in(source)?;
    if compression == Compression::None {
        return Some(stored as u32);
    }
    let mut size = [0; SIZE_BYTES as usize];
    let n = read_at_most(file, stored.checked_sub(SIZE_BYTES)?, &mut size).ok()?;
    Some(u32::from_le_bytes(size)).filter(|size| n == SIZE_BYTES as usize && *size > 0)
}

fn stored_in(source: &Source) -> Option<(&File, Compression)> {
    match source.origin.as_ref().ok()? {
        Origin::Plain(file) | Origin::Journal(file) => Some((file, Compression::None)),
        Origin::Stream(file, compression) => Some((file, *compression)),
        Origin::Stdin => None,
    }
}

fn have_same_text(one: &Source, other: &Source) -> io::Result<bool> {
    let (Some(mut one), Some(mut other)) = (text_of(one), text_of(other)) else { return Ok(false) };
    let (mut own_step, mut others_step) = (Vec::new(), Vec::new());
    loop {
        own_step.clear();
        others_step.clear();
        one.by_ref().take(STEP_BYTES as u64).read_to_end(&mut own_step)?;
        other.by_ref().take(STEP_BYTES as u64).read_to_end(&mut others_step)?;
        if own_step != others_step {
            return Ok(false);
        }
        if own_step.is_empty() {
            return Ok(true);
        }
    }
}

fn text_of(source: &Source) -> Option<Box<dyn Read + '_>> {
    let (file, compression) = stored_in(source)?;
    let stored = FromStart { file, at: 0 }.take(source.bytes);
    Some(match compression {
        Compression::None => Box::new(stored),
        Compression::Gzip => {
            Box::new(MultiGzDecoder::new(BufReader::with_capacity(STEP_BYTES, stored)))
        }
    })
}

/// Reads a file from its start, and leaves alone where others read it.
struct FromStart<'f> {
    file: &'f File,
    at: u64,
}

impl Read for FromStart<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = read_at_most(self.file, self.at, buffer)?;
        self.at += n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression as Level;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Level::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// Names that stay of these files, each with the names of its copies.
    fn kept(files: &[(&str, Vec<u8>)]) -> Vec<(String, Vec<String>)> {
        let folder = tempfile::tempdir().unwrap();
        let open = |(name, bytes): &(&str, Vec<u8>)| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            Source::open(&path)
        };
        let mut sources: Vec<Source> = files.iter().map(open).collect();
        drop_copies(&mut sources);
        let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
        let row = |source: &Source| (name(&source.path), source.copies.iter().map(name).collect());
        sources.iter().map(row).collect()
    }

    fn row(name: &str, copies: &[&str]) -> (String, Vec<String>) {
        (name.to_owned(), copies.iter().map(|&name| name.to_owned()).collect())
    }

    #[test]
    fn the_plain_file_stays_and_names_its_copies() {
        let text = b"one line\n".repeat(40_000);
        let files = [
            ("a.log.1", text.clone()),
            ("a.log.1.bak", text.clone()),
            ("a.log.1.gz", packed(&text)),
        ];
        assert_eq!(kept(&files), [row("a.log.1", &["a.log.1.bak", "a.log.1.gz"])]);
        let files = [("a.log.2.gz", packed(&text)), ("a.log.2.old.gz", packed(&text))];
        assert_eq!(kept(&files), [row("a.log.2.gz", &["a.log.2.old.gz"])]);
    }

    #[test]
    fn other_text_other_names_and_empty_files_are_no_copies() {
        let text = b"one line\n".repeat(40_000);
        let mut other = text.clone();
        *other.last_mut().unwrap() = b' ';
        let files = [
            ("a.log", text.clone()),
            ("a.log.1", other),
            ("a.log.2", Vec::new()),
            ("a.log.3", Vec::new()),
            ("a-admin.log", text.clone()),
            ("a.log10", text.clone()),
            ("b.log", text.clone()),
            ("b.log.1.gz", packed(&text[..text.len() - 9])),
        ];
        assert_eq!(kept(&files), files.map(|(name, _)| row(name, &[])));
    }

    #[test]
    fn a_damaged_archive_is_no_copy() {
        let text = b"one line\n".repeat(40_000);
        let mut damaged = packed(&text);
        let middle = damaged.len() / 2;
        damaged[middle] ^= 0xff;
        let files = [("a.log.1", text), ("a.log.1.gz", damaged)];
        assert_eq!(kept(&files), [row("a.log.1", &[]), row("a.log.1.gz", &[])]);
    }
}
