//! Journals that are no lines -> lines of JSON, as `journalctl -o json` writes them: one entry, one line.
//!
//! In: binary journal files, export streams, `verbose` and `json-pretty` output. Out: a stream of text. Event logs of
//! Windows become lines the same way (module `evtx`).
//! Invariants: only the first bytes tell what an input is; everything else passes through untouched. An entry keeps its
//! cursor, which is how it is found again; values over [`MAX_VALUE_BYTES`] become `null`, as `journalctl` has it for
//! smaller ones. Damage is told at the end, when every whole entry is out.

use std::fs::File;
use std::io::{self, Cursor, Read, Write};

use super::events_xml::{EventsXml, is_glued};
#[cfg(feature = "evtx")]
use super::evtx;
use super::unwrap::{Unwrap, breaks_of};
use super::{Breaks, Unit};
use crate::journal::export::{ExportParser, is_export};
use crate::journal::json::next_object;
use crate::journal::text::{TextLine, TextTime, continuation, parse_line};
use crate::journal::{Entries, Faults, Header, JournalFile};
use crate::positioned::read_at_most;

/// Bytes that tell what an input is.
pub(super) const SNIFFED_BYTES: usize = 4096;

/// Longer values are left out.
const MAX_VALUE_BYTES: usize = 64 << 10;

/// Bytes made before they are handed out.
const CHUNK_BYTES: usize = 256 << 10;

/// Bytes of a binary journal that cannot be read at any position.
const MAX_PACKED_BYTES: u64 = 1 << 30;

/// A form of journal that is turned into lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A file of journald.
    Binary,
    /// `journalctl -o export`.
    Export,
    /// `journalctl -o verbose`.
    Verbose,
    /// `journalctl -o json-pretty`.
    Pretty,
    /// An event log of Windows.
    #[cfg(feature = "evtx")]
    Events,
}

impl Form {
    /// True for files that have to be read at any position.
    pub(super) fn is_packed(self) -> bool {
        match self {
            Form::Binary => true,
            #[cfg(feature = "evtx")]
            Form::Events => true,
            _ => false,
        }
    }
}

/// The form of a journal with these first bytes. `None`: it is no such thing.
pub(super) fn form_of(head: &[u8]) -> Option<Form> {
    if head.starts_with(&Header::SIGNATURE) {
        return Some(Form::Binary);
    }
    #[cfg(feature = "evtx")]
    if head.starts_with(evtx::SIGNATURE) {
        return Some(Form::Events);
    }
    if is_export(head) {
        return Some(Form::Export);
    }
    if head.starts_with(b"{\n") {
        let holds = |key: &[u8]| memchr::memmem::find(head, key).is_some();
        let is_entry = holds(b"\"_BOOT_ID\" :") || holds(b"\"__REALTIME_TIMESTAMP\" :");
        return is_entry.then_some(Form::Pretty);
    }
    let mut lines = head.split(|byte| *byte == b'\n').map(parse_line);
    let first = lines
        .find(|line| !matches!(line, TextLine::Span(..) | TextLine::Boot(_) | TextLine::Remark));
    matches!(first, Some(TextLine::VerboseHead(..))).then_some(Form::Verbose)
}

/// A stream of lines, whatever journal or export `input` is; and what they are.
pub(super) fn decode_journal(
    mut input: Box<dyn Read + Send>,
) -> io::Result<(Box<dyn Read + Send>, Unit)> {
    let mut head = vec![0; SNIFFED_BYTES];
    let mut n = 0;
    while n < head.len() {
        match input.read(&mut head[n..]) {
            Ok(0) => break,
            Ok(more) => {
                n += more;
                // A pipe gives what there is: do not wait for more than a line.
                if memchr::memchr(b'\n', &head[..n]).is_some()
                    && more < 4096
                    && !is_open(&head[..n])
                {
                    break;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // It comes again.
            Err(_) if n > 0 => break,
            Err(error) => return Err(error),
        }
    }
    head.truncate(n);
    let (form, breaks) = (form_of(&head), breaks_of(&head));
    let is_glued = is_glued(&head);
    let input: Box<dyn Read + Send> = Box::new(Cursor::new(head).chain(input));
    Ok(match (form, breaks) {
        (Some(form), _) => (lines_of(form, input)?, Unit::Entry),
        (None, Some(breaks)) => {
            let source = TextSource::new(input, Unwrap::new(breaks));
            (Box::new(Lines::new(source)), Unit::Record(breaks))
        }
        (None, None) if is_glued => {
            let source = TextSource::new(input, EventsXml::default());
            (Box::new(Lines::new(source)), Unit::Record(Breaks::Array))
        }
        (None, None) => (input, Unit::Line),
    })
}

/// True for the start of what may yet be a journal.
fn is_open(head: &[u8]) -> bool {
    head.starts_with(b"{\n")
        || head.starts_with(b"[\n")
        || head.starts_with(b"-- ")
        || head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).starts_with(b"<?xml ")
}

/// A file that has to be read at any position as lines: a binary journal, an event log.
pub(super) fn open_journal(file: File) -> io::Result<Box<dyn Read + Send>> {
    #[cfg(feature = "evtx")]
    {
        let mut head = [0; 8];
        if read_at_most(&file, 0, &mut head)? == head.len() && head == *evtx::SIGNATURE {
            return Ok(Box::new(Lines::new(evtx::EventSource::open(file)?)));
        }
    }
    let entries = JournalFile::open(file)?.entries();
    Ok(Box::new(Lines::new(BinarySource { entries, ended: false })))
}

fn lines_of(form: Form, mut input: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    Ok(match form {
        Form::Binary => {
            let mut bytes = Vec::new();
            input.by_ref().take(MAX_PACKED_BYTES).read_to_end(&mut bytes)?;
            let entries = JournalFile::from_bytes(bytes)?.entries();
            Box::new(Lines::new(BinarySource { entries, ended: false }))
        }
        #[cfg(feature = "evtx")]
        Form::Events => {
            let mut bytes = Vec::new();
            input.by_ref().take(MAX_PACKED_BYTES).read_to_end(&mut bytes)?;
            Box::new(Lines::new(evtx::EventSource::open(Cursor::new(bytes))?))
        }
        Form::Export => {
            let parser = Some(ExportParser::new());
            Box::new(Lines::new(ExportSource { input, parser, buffer: vec![0; 64 << 10] }))
        }
        Form::Verbose => Box::new(Lines::new(TextSource::new(input, Verbose::default()))),
        Form::Pretty => Box::new(Lines::new(TextSource::new(input, Pretty))),
    })
}

/// Makes lines, some at a time.
pub(super) trait LineSource: Send {
    /// Appends lines. False: there are no more.
    fn fill(&mut self, out: &mut Vec<u8>) -> io::Result<bool>;
}

/// The lines of a source, as a stream.
struct Lines<S> {
    source: S,
    made: Vec<u8>,
    taken: usize,
    ended: bool,
    fault: Option<io::Error>,
}

impl<S: LineSource> Lines<S> {
    fn new(source: S) -> Self {
        Lines { source, made: Vec::new(), taken: 0, ended: false, fault: None }
    }
}

impl<S: LineSource> Read for Lines<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.made.len() {
            if let Some(fault) = self.fault.take() {
                return Err(fault);
            }
            if self.ended {
                return Ok(0);
            }
            self.made.clear();
            self.taken = 0;
            match self.source.fill(&mut self.made) {
                Ok(more) => self.ended = !more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => (self.ended, self.fault) = (true, Some(error)),
            }
        }
        let n = (self.made.len() - self.taken).min(buffer.len());
        buffer[..n].copy_from_slice(&self.made[self.taken..self.taken + n]);
        self.taken += n;
        Ok(n)
    }
}

/// What is said of damage when every whole entry is out.
fn told(faults: &Faults) -> io::Result<bool> {
    let Some(first) = faults.first else { return Ok(false) };
    Err(io::Error::new(io::ErrorKind::InvalidData, format!("the journal is damaged: {first}")))
}

struct BinarySource {
    entries: Entries,
    ended: bool,
}

impl LineSource for BinarySource {
    fn fill(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        while out.len() < CHUNK_BYTES {
            match self.entries.next_entry() {
                None if out.is_empty() || self.ended => return told(self.entries.faults()),
                None => {
                    self.ended = true;
                    break;
                }
                // It is counted, and told at the end.
                Some(Err(_)) => {}
                Some(Ok(entry)) => {
                    let head = entry.head();
                    let metadata = Metadata {
                        cursor: entry.cursor().into_bytes(),
                        realtime_us: head.realtime_us,
                        monotonic_us: Some(head.monotonic_us),
                        boot_id: Some(u128::from_be_bytes(head.boot_id)),
                    };
                    push_entry(out, &metadata, &entry.fields());
                }
            }
        }
        Ok(true)
    }
}

struct ExportSource {
    input: Box<dyn Read + Send>,
    /// Gone when the stream has ended.
    parser: Option<ExportParser>,
    buffer: Vec<u8>,
}

impl LineSource for ExportSource {
    fn fill(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        let n = self.input.read(&mut self.buffer)?;
        let mut each = |entry: crate::journal::export::ExportEntry<'_>| {
            let number = |name: &[u8]| entry.get(name).and_then(crate::bytes::parse_u64);
            let metadata = Metadata {
                cursor: entry.get(b"__CURSOR").unwrap_or_default().to_vec(),
                realtime_us: number(b"__REALTIME_TIMESTAMP").unwrap_or(0),
                monotonic_us: number(b"__MONOTONIC_TIMESTAMP"),
                boot_id: None,
            };
            push_entry(out, &metadata, &entry.fields());
        };
        match &mut self.parser {
            Some(parser) if n > 0 => {
                parser.push(&self.buffer[..n], &mut each);
                Ok(true)
            }
            _ => match self.parser.take() {
                Some(parser) => {
                    let faults = parser.finish(&mut each);
                    if out.is_empty() || !faults.is_empty() { told(&faults) } else { Ok(false) }
                }
                None => Ok(false),
            },
        }
    }
}

/// Makes entries of whole lines of text.
pub(super) trait Gather: Send {
    /// Takes what is whole from the start of `text`; all of it at the end. Returns how much.
    fn take(&mut self, text: &[u8], at_end: bool, out: &mut Vec<u8>) -> usize;
}

struct TextSource<G> {
    input: Box<dyn Read + Send>,
    gather: G,
    pending: Vec<u8>,
}

impl<G> TextSource<G> {
    fn new(input: Box<dyn Read + Send>, gather: G) -> Self {
        TextSource { input, gather, pending: Vec::new() }
    }
}

impl<G: Gather> LineSource for TextSource<G> {
    fn fill(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        let have = self.pending.len();
        self.pending.resize(have + (64 << 10), 0);
        let result = self.input.read(&mut self.pending[have..]);
        self.pending.truncate(have + *result.as_ref().unwrap_or(&0));
        let ended = result? == 0;
        let used = self.gather.take(&self.pending, ended, out);
        self.pending.drain(..used);
        if self.pending.len() > super::MAX_LINE_BYTES * 8 {
            self.pending.clear();
        }
        Ok(!ended)
    }
}

/// Objects over several lines.
struct Pretty;

impl Gather for Pretty {
    fn take(&mut self, text: &[u8], _: bool, out: &mut Vec<u8>) -> usize {
        let mut at = 0;
        while let Some((object, next)) = next_object(&text[at..]) {
            let object = &text[at + object.start..at + object.end];
            for line in object.split(|byte| *byte == b'\n') {
                out.extend_from_slice(line.trim_ascii());
            }
            out.push(b'\n');
            at += next;
        }
        at
    }
}

/// Heads with indented fields behind them.
#[derive(Default)]
struct Verbose {
    head: Option<Metadata>,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Verbose {
    fn flush(&mut self, out: &mut Vec<u8>) {
        if let Some(head) = self.head.take() {
            let fields = self.fields.iter().map(|(name, value)| (&name[..], &value[..]));
            push_entry(out, &head, &fields);
        }
        self.fields.clear();
    }
}

impl Gather for Verbose {
    fn take(&mut self, text: &[u8], at_end: bool, out: &mut Vec<u8>) -> usize {
        let end = if at_end {
            text.len()
        } else {
            memchr::memrchr(b'\n', text).map_or(0, |newline| newline + 1)
        };
        for line in text[..end].split_inclusive(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if let Some((name, value)) = self.fields.last_mut()
                && let Some(more) = continuation(line, name.len() + 5)
            {
                value.push(b'\n');
                value.extend_from_slice(more);
                continue;
            }
            match parse_line(line) {
                TextLine::VerboseHead(time, cursor) => {
                    self.flush(out);
                    self.head = Some(Metadata {
                        cursor: cursor.to_vec(),
                        realtime_us: realtime_of(cursor, time),
                        monotonic_us: None,
                        boot_id: None,
                    });
                }
                TextLine::VerboseField(name, value) if !value.ends_with(b" blob data]") => {
                    self.fields.push((name.to_vec(), value.to_vec()));
                }
                _ => {}
            }
        }
        if at_end {
            self.flush(out);
        }
        end
    }
}

/// When an entry was received: the cursor says it exactly.
fn realtime_of(cursor: &[u8], time: TextTime) -> u64 {
    let part = cursor.split(|byte| *byte == b';').find_map(|part| part.strip_prefix(b"t="));
    let exact = part.and_then(|hex| u64::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
    exact.unwrap_or(match time {
        TextTime::Stamp(stamp) => stamp.micros.max(0) as u64,
        _ => 0,
    })
}

/// What `journalctl` adds to the fields of an entry.
#[derive(Default)]
struct Metadata {
    cursor: Vec<u8>,
    realtime_us: u64,
    monotonic_us: Option<u64>,
    boot_id: Option<u128>,
}

/// Appends an entry as a line. What a scan needs first comes first.
fn push_entry<'e>(
    out: &mut Vec<u8>,
    metadata: &Metadata,
    fields: &(impl Iterator<Item = (&'e [u8], &'e [u8])> + Clone),
) {
    out.extend_from_slice(b"{\"__CURSOR\":");
    push_value(out, &metadata.cursor);
    // Writing to memory cannot fail.
    let _ = write!(out, ",\"__REALTIME_TIMESTAMP\":\"{}\"", metadata.realtime_us);
    if let Some(message) = fields.clone().find(|(name, _)| *name == b"MESSAGE") {
        out.extend_from_slice(b",\"MESSAGE\":");
        push_value(out, message.1);
    }
    if let Some(monotonic_us) = metadata.monotonic_us {
        let _ = write!(out, ",\"__MONOTONIC_TIMESTAMP\":\"{monotonic_us}\"");
    }
    if let Some(boot_id) = metadata.boot_id {
        let _ = write!(out, ",\"_BOOT_ID\":\"{boot_id:032x}\"");
    }
    for (index, (name, value)) in fields.clone().enumerate() {
        let is_told = name == b"MESSAGE"
            || name == b"__CURSOR"
            || name == b"__REALTIME_TIMESTAMP"
            || (name == b"__MONOTONIC_TIMESTAMP" && metadata.monotonic_us.is_some())
            || (name == b"_BOOT_ID" && metadata.boot_id.is_some());
        if is_told || fields.clone().take(index).any(|(earlier, _)| earlier == name) {
            continue;
        }
        out.extend_from_slice(b",\"");
        out.extend_from_slice(name);
        out.extend_from_slice(b"\":");
        let mut others =
            fields.clone().skip(index + 1).filter(|(other, _)| *other == name).peekable();
        let repeats = others.peek().is_some();
        if repeats {
            out.push(b'[');
        }
        push_value(out, value);
        for (_, other) in others {
            out.push(b',');
            push_value(out, other);
        }
        if repeats {
            out.push(b']');
        }
    }
    out.extend_from_slice(b"}\n");
}

/// A value: a string, or its bytes as numbers where it is no text, or `null` where it is too long.
fn push_value(out: &mut Vec<u8>, value: &[u8]) {
    let is_text = |byte: &u8| *byte >= b' ' || *byte == b'\n' || *byte == b'\t';
    if value.len() > MAX_VALUE_BYTES {
        out.extend_from_slice(b"null");
    } else if !value.iter().all(is_text) || std::str::from_utf8(value).is_err() {
        for (index, byte) in value.iter().enumerate() {
            let _ = write!(out, "{}{byte}", if index == 0 { '[' } else { ',' });
        }
        out.push(b']');
    } else {
        out.push(b'"');
        for &byte in value {
            match byte {
                b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
                b'\n' => out.extend_from_slice(b"\\n"),
                b'\t' => out.extend_from_slice(b"\\t"),
                _ => out.push(byte),
            }
        }
        out.push(b'"');
    }
}
