//! systemd journals: binary files, export streams, JSON lines and the text modes of `journalctl`.
//!
//! In: bytes that journald or `journalctl` wrote. Out: [`JournalRecord`]s, ready for their messages to be looked at
//! again as lines of whatever wrote them.
//! Invariants: nothing here knows other log formats, opens a file, or decides a year or a zone; damaged bytes are
//! counted and never end the rest.
//! Source: systemd, `docs/JOURNAL_FILE_FORMAT.md`, `docs/JOURNAL_EXPORT_FORMATS.md`, `src/shared/logs-show.c`.

#[cfg(test)]
mod build;
pub mod export;
mod fault;
mod fields;
mod file;
mod header;
mod interleave;
pub mod json;
mod object;
mod order;
mod record;
#[cfg(test)]
mod tests;
pub mod text;
mod unpack;
mod windows;
mod year;

pub use fault::{Fault, FaultKind, Faults};
pub use fields::FieldFilter;
pub use file::{Entries, Entry, JournalFile};
pub use header::{FileState, Header};
pub use interleave::{Interleaved, compare, interleave};
pub use object::EntryHead;
pub use record::{JournalRecord, Text, parse_id};
