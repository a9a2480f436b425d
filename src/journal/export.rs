//! The journal export format: `journalctl -o export`, the HTTP gateway, systemd-journal-upload.
//!
//! In: a stream of bytes, in pieces of any size. Out: [`ExportEntry`]s.
//! Invariants: fields are framed before anything is split, because a binary field may hold blank lines; memory is
//! bounded by the largest entry; after damage the stream is taken up at the next `__CURSOR=` or
//! `__REALTIME_TIMESTAMP=` that follows a blank line, and one damaged entry is counted.
//! Source: systemd `docs/JOURNAL_EXPORT_FORMATS.md`, `src/shared/journal-importer.c`.

use std::ops::Range;

use memchr::memmem;

use super::fault::{Fault, FaultKind, Faults};
use super::record::JournalRecord;

/// A longer field is skipped and counted.
const MAX_FIELD_BYTES: u64 = 16 << 20;

/// What systemd itself accepts; a longer length is no length.
const MAX_ANNOUNCED_BYTES: u64 = 768 << 20;

/// The bytes of an entry before it counts as damaged.
const MAX_ENTRY_BYTES: usize = 64 << 20;

/// What an entry that follows another starts with.
const STARTS: [&[u8]; 2] = [b"\n\n__CURSOR=", b"\n\n__REALTIME_TIMESTAMP="];

/// True when a stream or file starts like an export stream.
pub fn is_export(head: &[u8]) -> bool {
    let line_bytes = memchr::memchr(b'\n', head).unwrap_or(head.len());
    match memchr::memchr(b'=', &head[..line_bytes]) {
        Some(length) => head.starts_with(b"_") && is_name(&head[..length]),
        None => false,
    }
}

/// Takes an export stream apart.
#[derive(Debug, Default)]
pub struct ExportParser {
    /// Starts with the entry that is not complete yet.
    buffer: Vec<u8>,
    /// Offset of the buffer in the stream.
    offset: u64,
    /// Where the next field starts in the buffer.
    at: usize,
    /// Up to here no end of line was found after `at`.
    searched: usize,
    fields: Vec<(Range<usize>, Range<usize>)>,
    /// Bytes to come that belong to a field that is too large.
    n_skipped: u64,
    /// Looking for the start of an entry.
    is_lost: bool,
    faults: Faults,
}

/// What stands at the start of a field.
enum Step {
    Field { name: Range<usize>, value: Range<usize>, next: usize },
    Blank { next: usize },
    TooLarge { n_bytes: u64, data: usize },
    More,
    Damage,
}

impl ExportParser {
    /// A parser at the start of a stream.
    pub fn new() -> Self {
        ExportParser::default()
    }

    /// A parser somewhere in a stream: everything before the next start of an entry is passed over.
    pub fn mid_stream() -> Self {
        ExportParser { is_lost: true, ..ExportParser::default() }
    }

    /// The damage met so far.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Takes the next bytes of the stream and gives every entry they complete.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(ExportEntry<'_>)) {
        let skipped = self.n_skipped.min(bytes.len() as u64) as usize;
        self.n_skipped -= skipped as u64;
        self.offset += skipped as u64;
        self.buffer.extend_from_slice(&bytes[skipped..]);
        let mut start = 0;
        loop {
            if self.is_lost && !self.find_start(&mut start) {
                break;
            }
            match self.step() {
                Step::Field { name, value, next } => {
                    self.fields.push((name, value));
                    self.move_to(next);
                    if next - start > MAX_ENTRY_BYTES {
                        self.lose(start);
                    }
                }
                Step::Blank { next } => {
                    self.give(start, &mut each);
                    start = next;
                    self.move_to(next);
                }
                Step::TooLarge { n_bytes, data } => {
                    let offset = self.offset + self.at as u64;
                    self.faults.add_field(Fault { kind: FaultKind::TooLarge, offset });
                    let here = ((self.buffer.len() - data) as u64).min(n_bytes) as usize;
                    self.buffer.drain(self.at..data + here);
                    self.offset += (data + here - self.at) as u64;
                    self.n_skipped = n_bytes - here as u64;
                    self.searched = self.at;
                }
                Step::More => break,
                Step::Damage => self.lose(start),
            }
        }
        self.forget(start);
    }

    /// Ends the stream: the last entry may lack its blank line.
    pub fn finish(mut self, mut each: impl FnMut(ExportEntry<'_>)) -> Faults {
        if self.at < self.buffer.len() || self.n_skipped > 0 {
            let offset = self.offset + self.buffer.len() as u64;
            if !self.is_lost {
                self.faults.add_entry(Fault { kind: FaultKind::Truncated, offset });
            }
        } else {
            self.give(0, &mut each);
        }
        self.faults
    }

    fn give(&mut self, start: usize, each: &mut impl FnMut(ExportEntry<'_>)) {
        if !self.fields.is_empty() {
            let offset = self.offset + start as u64;
            each(ExportEntry { buffer: &self.buffer, fields: &self.fields, offset });
            self.fields.clear();
        }
    }

    fn move_to(&mut self, at: usize) {
        self.at = at;
        self.searched = at;
    }

    /// Looks at the field at `at`.
    fn step(&mut self) -> Step {
        let buffer = &self.buffer[..];
        let Some(newline) = memchr::memchr(b'\n', &buffer[self.searched..]) else {
            self.searched = buffer.len();
            let is_long = (buffer.len() - self.at) as u64 > MAX_FIELD_BYTES;
            return if is_long { Step::Damage } else { Step::More };
        };
        let end = self.searched + newline;
        let line = &buffer[self.at..end];
        if line.is_empty() {
            return Step::Blank { next: end + 1 };
        }
        if let Some(length) = memchr::memchr(b'=', line) {
            let name = self.at..self.at + length;
            if !is_name(&line[..length]) {
                return Step::Damage;
            }
            return Step::Field { value: name.end + 1..end, name, next: end + 1 };
        }
        if !is_name(line) {
            return Step::Damage;
        }
        let data = end + 9;
        let length = buffer.get(end + 1..data).and_then(|bytes| bytes.first_chunk());
        let Some(n_bytes) = length.copied().map(u64::from_le_bytes) else { return Step::More };
        if n_bytes > MAX_ANNOUNCED_BYTES {
            return Step::Damage;
        }
        if n_bytes > MAX_FIELD_BYTES {
            return Step::TooLarge { n_bytes: n_bytes + 1, data };
        }
        let value = data..data + n_bytes as usize;
        match buffer.get(value.end) {
            Some(b'\n') => Step::Field { next: value.end + 1, name: self.at..end, value },
            Some(_) => Step::Damage,
            None => Step::More,
        }
    }

    /// The entry at `start` is damaged. Its start is where the search for the next one begins.
    fn lose(&mut self, start: usize) {
        let offset = self.offset + self.at as u64;
        self.faults.add_entry(Fault { kind: FaultKind::Syntax, offset });
        self.fields.clear();
        self.is_lost = true;
        self.move_to(start);
    }

    /// Moves to the next start of an entry. False when there is none yet: all but its possible beginning is dropped.
    fn find_start(&mut self, start: &mut usize) -> bool {
        let found =
            STARTS.iter().filter_map(|needle| memmem::find(&self.buffer[self.at..], needle));
        let found = found.min();
        *start = match found {
            Some(place) => self.at + place + 2,
            None => self.at.max(self.buffer.len().saturating_sub(STARTS[1].len() - 1)),
        };
        self.move_to(*start);
        self.is_lost = found.is_none();
        !self.is_lost
    }

    /// Drops the bytes before the entry that is not complete.
    fn forget(&mut self, start: usize) {
        self.buffer.drain(..start);
        self.offset += start as u64;
        self.at -= start;
        self.searched -= start;
        for (name, value) in &mut self.fields {
            *name = name.start - start..name.end - start;
            *value = value.start - start..value.end - start;
        }
    }
}

/// True for what journald accepts as the name of a field.
fn is_name(name: &[u8]) -> bool {
    let is_known = |byte: &u8| byte.is_ascii_uppercase() || *byte == b'_' || byte.is_ascii_digit();
    (1..=64).contains(&name.len()) && !name[0].is_ascii_digit() && name.iter().all(is_known)
}

/// One entry of an export stream.
#[derive(Debug, Clone, Copy)]
pub struct ExportEntry<'e> {
    buffer: &'e [u8],
    fields: &'e [(Range<usize>, Range<usize>)],
    /// Offset of the entry in the stream, in bytes. Where a field was too large, of its end.
    pub offset: u64,
}

impl<'e> ExportEntry<'e> {
    /// Name and value of every field, in the order of the stream. A name may repeat.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&'e [u8], &'e [u8])> + Clone + use<'e> {
        let buffer = self.buffer;
        self.fields.iter().map(|(name, value)| (&buffer[name.clone()], &buffer[value.clone()]))
    }

    /// The first value of a field.
    pub fn get(&self, name: &[u8]) -> Option<&'e [u8]> {
        self.fields().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// The entry as the other journal readers give it.
    pub fn record(&self) -> JournalRecord<'e> {
        let mut record = JournalRecord::default();
        for (name, value) in self.fields() {
            record.set(name, value.into());
        }
        record
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::journal::tests::corpus;

    type Fields = Vec<(Vec<u8>, Vec<u8>)>;

    fn read(stream: &[u8], piece: usize) -> (Vec<Fields>, Faults) {
        let mut all = Vec::new();
        let mut each = |entry: ExportEntry<'_>| {
            all.push(entry.fields().map(|(name, value)| (name.to_vec(), value.to_vec())).collect());
        };
        let mut parser = ExportParser::new();
        for piece in stream.chunks(piece) {
            parser.push(piece, &mut each);
        }
        let faults = parser.finish(&mut each);
        (all, faults)
    }

    #[track_caller]
    fn check(stream: &[u8], messages: &[&[u8]], n_damaged: u64) {
        for piece in [1, 2, 3, 7, 1000] {
            let (all, faults) = read(stream, piece);
            let found: Vec<&[u8]> = all
                .iter()
                .flatten()
                .filter(|(name, _)| name == b"MESSAGE")
                .map(|(_, value)| &value[..])
                .collect();
            assert_eq!((found, faults.n_entries), (messages.to_vec(), n_damaged), "by {piece}");
        }
    }

    #[test]
    fn text_and_binary_fields_are_framed() {
        check(b"", &[], 0);
        check(b"MESSAGE=a\n\nMESSAGE=b=c\n\n\n\nMESSAGE=\n", &[b"a", b"b=c", b""], 0);
        check(b"A=1\nMESSAGE\n\x04\0\0\0\0\0\0\0a\n\nb\n\nMESSAGE=c\n", &[b"a\n\nb", b"c"], 0);
        check(b"MESSAGE=a\n\nMESSAGE=b", &[b"a"], 1);
    }

    #[test]
    fn after_damage_the_next_entry_is_found() {
        let next = b"\n\n__REALTIME_TIMESTAMP=1\nMESSAGE=b\n\n__CURSOR=s=1\nMESSAGE=c\n";
        let with = |head: &[u8]| [head, next].concat();
        check(&with(b"MESSAGE=a\nwhat is this"), &[b"b", b"c"], 1);
        check(&with(b"MESSAGE=a\nX\n\0\0\0\0\0\0\0\xff"), &[b"b", b"c"], 1);
        check(&with(b"MESSAGE=a\nX\n\x01\0\0\0\0\0\0\0ab"), &[b"b", b"c"], 1);
    }

    #[test]
    fn a_field_that_is_too_large_is_skipped_alone() {
        let n_bytes = MAX_FIELD_BYTES as usize + 5;
        let mut stream = b"A=1\nCOREDUMP\n".to_vec();
        stream.extend((n_bytes as u64).to_le_bytes());
        stream.resize(stream.len() + n_bytes, b'\n');
        stream.extend(b"\nMESSAGE=a\n\nMESSAGE=b\n");
        for piece in [4096, 1 << 30] {
            let (all, faults) = read(&stream, piece);
            assert_eq!(all.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
            assert_eq!((faults.n_entries, faults.n_fields), (0, 1));
        }
    }

    #[test]
    fn a_stream_can_be_entered_anywhere() {
        let stream = b"lf\nMESSAGE=a\n\n__CURSOR=s=1\nMESSAGE=b\n\n__CURSOR=s=2\nMESSAGE=c\n\n";
        let mut parser = ExportParser::mid_stream();
        let mut messages = Vec::new();
        for byte in stream {
            parser.push(&[*byte], |entry| {
                messages.push(entry.get(b"MESSAGE").map(<[u8]>::to_vec));
            });
        }
        assert_eq!(messages, [Some(b"b".to_vec()), Some(b"c".to_vec())]);
        assert!(parser.faults().is_empty());
    }

    #[test]
    fn export_streams_are_told_from_other_text() {
        assert!(is_export(b"__CURSOR=s=1\n"));
        assert!(is_export(b"__REALTIME_TIMESTAMP=17"));
        assert!(!is_export(b"HOME=/root\n"));
        assert!(!is_export(b"__CURSOR\n"));
        assert!(!is_export(b""));
    }

    #[test]
    fn a_real_stream_gives_what_the_file_gives() {
        for name in ["plain-jenkins.v252.export.txt", "plain-jenkins.v257.export.txt"] {
            let Some(path) = corpus(&format!("journal/expected/{name}")) else { return };
            let (all, faults) = read(&std::fs::read(path).expect("is readable"), 64 << 10);
            assert!(faults.is_empty());
            let path = corpus("journal/plain-jenkins.journal").expect("is beside the other");
            let file = crate::journal::JournalFile::open(std::fs::File::open(path).expect("opens"));
            let mut entries = file.expect("is a journal").entries();
            for fields in all {
                let entry = entries.next_entry().expect("as many").expect("is whole");
                let is_own = |(name, _): &&(Vec<u8>, Vec<u8>)| !name.starts_with(b"__");
                let mut streamed: Vec<(&[u8], &[u8])> = fields
                    .iter()
                    .filter(is_own)
                    .map(|(name, value)| (&name[..], &value[..]))
                    .collect();
                streamed.sort_unstable();
                // The stream repeats the boot of the entry's head, once.
                let mut read: Vec<_> = entry.fields().collect();
                read.sort_unstable();
                assert_eq!(streamed, read);
                let cursor = fields.iter().find(|(name, _)| name == b"__CURSOR");
                assert_eq!(cursor.map(|(_, value)| &value[..]), Some(entry.cursor().as_bytes()));
            }
            assert!(entries.next_entry().is_none());
        }
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter_and_nothing_panics(
            parts in proptest::collection::vec(prop_oneof![
                Just(b"\n".to_vec()), Just(b"\n\n__CURSOR=s=1\n".to_vec()), Just(b"MESSAGE=a\n".to_vec()),
                Just(b"MESSAGE\n\x03\0\0\0\0\0\0\0a\nb\n".to_vec()), Just(b"__REALTIME_TIMESTAMP=5\n".to_vec()),
                proptest::collection::vec(any::<u8>(), 0..12),
            ], 0..30),
            piece in 1usize..50,
        ) {
            let stream = parts.concat();
            prop_assert_eq!(read(&stream, piece).0, read(&stream, stream.len().max(1)).0);
        }
    }
}
