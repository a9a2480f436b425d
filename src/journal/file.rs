//! Binary journal files: entries in their order, whatever state the file is in.
//!
//! In: a `.journal` file, closed, open for writing, cut or damaged. Out: [`Entry`]s and what was wrong.
//! Invariants: read-only, by positioned reads; no byte is trusted; an entry whose own object and data objects are
//! whole is given whole, in the order of the file.
//! Source: systemd `journal-def.h`, `journal-file.c`, `sd-journal.c`.

use std::fmt::Write;
use std::fs::File;
use std::io;

use super::fault::{Fault, FaultKind, Faults};
use super::fields::{FieldFilter, Fields};
use super::header::Header;
use super::object::{DATA, EntryHead, Item, ObjectHead, read_entry};
use super::order::Order;
use super::record::JournalRecord;
use super::windows::Windows;

/// A binary journal file.
#[derive(Debug)]
pub struct JournalFile {
    windows: Windows,
    header: Header,
}

impl JournalFile {
    /// Opens a file at any position. What is written to it from now on is not looked at.
    ///
    /// # Errors
    /// What the system says; `InvalidData` for what is no journal file; `Unsupported` for a newer layout.
    pub fn open(file: File) -> io::Result<JournalFile> {
        JournalFile::new(Windows::of_file(file)?)
    }

    /// Takes the bytes of a file, for journals that come packed or through a pipe.
    ///
    /// # Errors
    /// As [`JournalFile::open`].
    pub fn from_bytes(bytes: Vec<u8>) -> io::Result<JournalFile> {
        JournalFile::new(Windows::of_bytes(bytes))
    }

    fn new(mut windows: Windows) -> io::Result<JournalFile> {
        let length = windows.len().min(512);
        let header = Header::parse(windows.slice(0, length).map_err(io::Error::other)?)?;
        Ok(JournalFile { windows, header })
    }

    /// What the header says.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// All entries, oldest first, with all fields.
    pub fn entries(self) -> Entries {
        self.entries_with(FieldFilter::all())
    }

    /// All entries, oldest first, with the fields that a filter accepts.
    pub fn entries_with(mut self, filter: FieldFilter) -> Entries {
        let (order, fault) = Order::new(&mut self.windows, &self.header);
        let mut faults = Faults::default();
        if let Some(fault) = fault {
            faults.add_entry(fault);
        }
        Entries {
            windows: self.windows,
            fields: Fields::new(self.header.is_compact(), filter),
            header: self.header,
            order,
            items: Vec::new(),
            head: None,
            fault,
            faults,
        }
    }
}

/// Reads entry after entry. Not an [`Iterator`]: an [`Entry`] borrows buffers that the next one fills again.
#[derive(Debug)]
pub struct Entries {
    pub(super) windows: Windows,
    header: Header,
    order: Order,
    fields: Fields,
    pub(super) items: Vec<Item>,
    head: Option<EntryHead>,
    /// To be told before the next entry.
    fault: Option<Fault>,
    faults: Faults,
}

impl Entries {
    /// What the header of the file says.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The damage met so far.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The next entry with its fields. A fault is told once, at its place, and does not end the entries: call again.
    pub fn next_entry(&mut self) -> Option<Result<Entry<'_>, Fault>> {
        match self.advance()? {
            Ok(_) => self.entry().map(Ok),
            Err(fault) => Some(Err(fault)),
        }
    }

    /// Moves to the next entry without reading its fields.
    pub fn advance(&mut self) -> Option<Result<EntryHead, Fault>> {
        self.head = None;
        if let Some(fault) = self.fault.take() {
            return Some(Err(fault));
        }
        loop {
            let offset = self.order.next(&mut self.windows)?;
            match self.read(offset) {
                Ok(head) => {
                    self.order.found(offset, self.items.len());
                    self.head = Some(head);
                    return Some(Ok(head));
                }
                Err(fault) => {
                    // The walk around a damaged item of the chain meets the same damage again.
                    let is_news = self.order.missed(&mut self.windows)
                        || self.faults.first.is_none_or(|first| first.offset != fault.offset);
                    if is_news {
                        self.faults.add_entry(fault);
                        return Some(Err(fault));
                    }
                }
            }
        }
    }

    fn read(&mut self, offset: u64) -> Result<EntryHead, Fault> {
        let compact = self.header.is_compact();
        let seqnum_id = self.header.seqnum_id;
        let head = read_entry(&mut self.windows, offset, seqnum_id, compact, &mut self.items)?;
        // The inside of a field may look like an entry; it cannot well point at fields.
        let has_field = |item: &Item| {
            ObjectHead::expect(&mut self.windows, item.offset, DATA, FaultKind::Data).is_ok()
        };
        if self.order.is_walking() && !self.items.iter().any(has_field) {
            return Err(Fault { kind: FaultKind::Entry, offset });
        }
        Ok(head)
    }

    /// The entry moved to last, with its fields. `None` before the first one, after the last one and at a fault.
    pub fn entry(&mut self) -> Option<Entry<'_>> {
        let head = self.head?;
        let before = self.faults.n_fields;
        let faults = &mut self.faults;
        self.fields.gather(&mut self.windows, &self.items, |fault| faults.add_field(fault));
        let n_lost = (self.faults.n_fields - before) as usize;
        Some(Entry { head, fields: &self.fields, n_lost })
    }
}

/// One entry of a journal file.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'e> {
    head: EntryHead,
    fields: &'e Fields,
    n_lost: usize,
}

impl<'e> Entry<'e> {
    /// Where the entry stands.
    pub fn head(&self) -> &EntryHead {
        &self.head
    }

    /// How many of its fields are damaged and not given.
    pub fn n_lost_fields(&self) -> usize {
        self.n_lost
    }

    /// Name and value of every wanted field, in the order of the entry. A name may repeat.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&'e [u8], &'e [u8])> + Clone + use<'e> {
        self.fields.iter()
    }

    /// The first value of a field.
    pub fn get(&self, name: &[u8]) -> Option<&'e [u8]> {
        self.fields().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// The name of this entry among all entries, as `journalctl` prints it in `__CURSOR`.
    pub fn cursor(&self) -> String {
        self.head.cursor()
    }

    /// The entry as the other journal readers give it.
    pub fn record(&self) -> JournalRecord<'e> {
        let mut record = JournalRecord {
            realtime_us: self.head.realtime_us as i64,
            monotonic_us: Some(self.head.monotonic_us),
            boot_id: Some(self.head.boot_id),
            ..JournalRecord::default()
        };
        for (name, value) in self.fields() {
            record.set(name, value.into());
        }
        record
    }
}

impl EntryHead {
    /// The name of this entry among all entries, as `journalctl` prints it in `__CURSOR`.
    pub fn cursor(&self) -> String {
        let mut text = String::with_capacity(160);
        text.push_str("s=");
        push_id(&mut text, self.seqnum_id);
        // Writing to a string cannot fail.
        let _ = write!(text, ";i={:x};b=", self.seqnum);
        push_id(&mut text, self.boot_id);
        let (monotonic, realtime, hash) = (self.monotonic_us, self.realtime_us, self.xor_hash);
        let _ = write!(text, ";m={monotonic:x};t={realtime:x};x={hash:x}");
        text
    }
}

fn push_id(text: &mut String, id: [u8; 16]) {
    let _ = write!(text, "{:032x}", u128::from_be_bytes(id));
}
