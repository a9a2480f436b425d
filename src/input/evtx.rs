//! Event logs of Windows (`.evtx`) -> lines of XML, as `wevtutil qe /f:xml` writes them: one event, one line.
//!
//! In: the bytes of a file. Out: lines for `windows_event`.
//! Invariants: events come in the order of the file's chunks; damage is told at the end, when every whole event is out.
//! Events over [`MAX_EVENT_BYTES`] are left out.

use std::fmt::Display;
use std::io::{self, Read, Seek};
use std::sync::Arc;

use evtx::{EvtxChunkData, EvtxParser, ParserSettings};

use super::journal::LineSource;

/// How such a file begins.
pub(super) const SIGNATURE: &[u8; 8] = b"ElfFile\0";

/// Longer events are left out.
const MAX_EVENT_BYTES: usize = 256 << 10;

/// The events of a file.
pub(super) struct EventSource {
    chunks: Box<dyn Iterator<Item = evtx::err::Result<EvtxChunkData>> + Send>,
    settings: Arc<ParserSettings>,
    /// Chunks that the head of the file tells, and that were there.
    n_chunks: (u64, u64),
    n_faults: u64,
    first_fault: String,
}

impl EventSource {
    /// Opens a file.
    ///
    /// # Errors
    /// When it does not begin as such a file does.
    pub(super) fn open<T: Read + Seek + Send + 'static>(file: T) -> io::Result<Self> {
        let settings = ParserSettings::new().num_threads(1).indent(false);
        let parser = EvtxParser::from_read_seek(file).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("no event log: {error}"))
        })?;
        let n_chunks = (u64::from(parser.header().chunk_count), 0);
        Ok(EventSource {
            chunks: Box::new(parser.with_configuration(settings.clone()).into_chunks()),
            settings: Arc::new(settings),
            n_chunks,
            n_faults: 0,
            first_fault: String::new(),
        })
    }

    fn note(&mut self, fault: &impl Display) {
        if self.n_faults == 0 {
            self.first_fault = fault.to_string();
        }
        self.n_faults += 1;
    }

    fn told(&self) -> io::Result<bool> {
        if self.n_faults == 0 {
            return Ok(false);
        }
        let text = format!(
            "the event log is damaged in {} places: {}",
            self.n_faults,
            self.first_fault.replace(['\n', '\r'], " ")
        );
        Err(io::Error::new(io::ErrorKind::InvalidData, text))
    }
}

impl LineSource for EventSource {
    /// Appends the events of one chunk (64 KiB).
    fn fill(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        let next = self.chunks.next();
        self.n_chunks.1 += u64::from(next.is_some());
        let mut chunk = match next {
            None => {
                let (told, there) = self.n_chunks;
                if there < told {
                    self.note(&format!("it ends after {there} of {told} chunks"));
                    self.n_chunks.0 = there;
                }
                return self.told();
            }
            Some(Ok(chunk)) => chunk,
            Some(Err(fault)) => {
                self.note(&fault);
                return Ok(true);
            }
        };
        let mut faults = Vec::new();
        match chunk.parse(Arc::clone(&self.settings)) {
            Err(fault) => faults.push(fault.to_string()),
            Ok(mut chunk) => {
                for record in chunk.iter() {
                    match record.and_then(evtx::EvtxRecord::into_xml_bytes) {
                        Ok(record) => push_event(out, &record.data),
                        Err(fault) => faults.push(fault.to_string()),
                    }
                }
            }
        }
        for fault in faults {
            self.note(&fault);
        }
        Ok(true)
    }
}

/// Appends an event as a line, without the declaration before it.
fn push_event(out: &mut Vec<u8>, xml: &[u8]) {
    let start = memchr::memmem::find(xml, b"<Event").unwrap_or(0);
    let event = xml[start..].trim_ascii();
    if event.is_empty() || event.len() > MAX_EVENT_BYTES {
        return;
    }
    out.extend(event.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }));
    out.push(b'\n');
}
