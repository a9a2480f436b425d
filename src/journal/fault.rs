//! What is wrong with a journal: counted, told with its place, never the end of the other entries.

use std::io;

/// What kind of damage was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// The system could not read the file.
    Read(io::ErrorKind),
    /// The file ends before what its header or an object announces.
    Truncated,
    /// The list of entries is damaged or does not hold as many as the header says: entries are found by walking all
    /// objects instead.
    EntryArray,
    /// What should be an entry is none.
    Entry,
    /// Bytes between objects are no object.
    Object,
    /// A field of an entry is damaged; the entry came without it.
    Data,
    /// A field of an entry could not be unpacked; the entry came without it.
    Compression,
    /// A field is larger than 16 MiB, or an entry than 64 MiB; the entry came without it.
    TooLarge,
    /// A piece of an export stream or a JSON line that is no entry.
    Syntax,
}

impl FaultKind {
    /// For people.
    pub const fn as_str(self) -> &'static str {
        match self {
            FaultKind::Read(_) => "the file cannot be read here",
            FaultKind::Truncated => "the file is cut",
            FaultKind::EntryArray => "the list of entries is damaged",
            FaultKind::Entry => "a damaged entry",
            FaultKind::Object => "bytes that are no object",
            FaultKind::Data => "a damaged field",
            FaultKind::Compression => "a field that cannot be unpacked",
            FaultKind::TooLarge => "a field that is too large",
            FaultKind::Syntax => "bytes that are no entry",
        }
    }
}

/// One damaged place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{} at byte {offset}", kind.as_str())]
pub struct Fault {
    /// What is wrong.
    pub kind: FaultKind,
    /// Offset in the file or stream, in bytes.
    pub offset: u64,
}

/// All damage met so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Faults {
    /// Entries, or places where entries may have been, that gave nothing.
    pub n_entries: u64,
    /// Fields missing in entries that were given.
    pub n_fields: u64,
    /// The first place.
    pub first: Option<Fault>,
}

impl Faults {
    /// True when nothing was found wrong.
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(super) fn add_entry(&mut self, fault: Fault) {
        self.n_entries += 1;
        self.first.get_or_insert(fault);
    }

    pub(super) fn add_field(&mut self, fault: Fault) {
        self.n_fields += 1;
        self.first.get_or_insert(fault);
    }
}
