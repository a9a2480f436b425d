//! The header of a binary journal file.
//!
//! In: the first bytes of the file. Out: [`Header`].
//! Source: systemd `src/libsystemd/sd-journal/journal-def.h`, `struct Header`, versions 219 to 256.

use std::io;

use super::windows::{id_at, u32_at, u64_at};

/// How many bytes of the header every version writes.
pub(super) const MIN_HEADER_BYTES: u64 = 208;

const COMPACT: u32 = 1 << 4;
/// XZ, LZ4, keyed hash, ZSTD, compact. A file with any other bit is laid out in a way this reader does not know.
const KNOWN_INCOMPATIBLE: u32 = 0b1_1111;

/// What the writer said of the state of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileState {
    /// Closed in order.
    Offline,
    /// Open for writing, or left so by a crash: counters may lag behind the objects.
    Online,
    /// Rotated.
    Archived,
    /// A number no version writes.
    Unknown,
}

/// What the header of a journal file says. Nothing in it is trusted for reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Whether the file was closed.
    pub state: FileState,
    /// Feature bits a reader must know: 1 XZ, 2 LZ4, 4 keyed hash, 8 ZSTD, 16 compact.
    pub incompatible_flags: u32,
    /// Id of this file, and key of its hashes.
    pub file_id: [u8; 16],
    /// Machine that wrote the file.
    pub machine_id: [u8; 16],
    /// Which sequence the entries are numbered in; shared by the files of one journald.
    pub seqnum_id: [u8; 16],
    /// Where objects start.
    pub header_bytes: u64,
    /// Number of entries.
    pub n_entries: u64,
    /// Sequence number of the first entry; 0 in an empty file.
    pub head_seqnum: u64,
    /// Sequence number of the last entry.
    pub tail_seqnum: u64,
    /// Reception time of the first entry, microseconds UTC; 0 in an empty file.
    pub head_realtime_us: u64,
    /// Reception time of the last entry.
    pub tail_realtime_us: u64,
    /// Where the list of entries starts; 0 in an empty file.
    pub(super) entry_array_offset: u64,
}

impl Header {
    /// The bytes every journal file starts with.
    pub const SIGNATURE: [u8; 8] = *b"LPKSHHRH";

    /// Reads a header from the first 208 bytes or more.
    ///
    /// # Errors
    /// `InvalidData`: no journal file, or shorter than a header. `Unsupported`: laid out in a newer way.
    pub fn parse(bytes: &[u8]) -> io::Result<Header> {
        if !bytes.starts_with(&Header::SIGNATURE) {
            return Err(invalid("is no systemd journal file"));
        }
        if (bytes.len() as u64) < MIN_HEADER_BYTES {
            return Err(invalid("is cut within the header of a systemd journal file"));
        }
        let incompatible_flags = u32_at(bytes, 12);
        let unknown = incompatible_flags & !KNOWN_INCOMPATIBLE;
        if unknown != 0 {
            let text = format!(
                "is a systemd journal file with the unknown feature bit {}; use: journalctl --file FILE -o export | logscan503",
                unknown.trailing_zeros()
            );
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
        let state = match bytes[16] {
            0 => FileState::Offline,
            1 => FileState::Online,
            2 => FileState::Archived,
            _ => FileState::Unknown,
        };
        let header_bytes = u64_at(bytes, 88);
        let plausible =
            (MIN_HEADER_BYTES..=4096).contains(&header_bytes) && header_bytes.is_multiple_of(8);
        Ok(Header {
            state,
            incompatible_flags,
            file_id: id_at(bytes, 24),
            machine_id: id_at(bytes, 40),
            seqnum_id: id_at(bytes, 72),
            header_bytes: if plausible { header_bytes } else { MIN_HEADER_BYTES },
            n_entries: u64_at(bytes, 152),
            tail_seqnum: u64_at(bytes, 160),
            head_seqnum: u64_at(bytes, 168),
            entry_array_offset: u64_at(bytes, 176),
            head_realtime_us: u64_at(bytes, 184),
            tail_realtime_us: u64_at(bytes, 192),
        })
    }

    /// True when offsets inside objects take four bytes.
    pub fn is_compact(&self) -> bool {
        self.incompatible_flags & COMPACT != 0
    }
}

fn invalid(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_error(bytes: &[u8], kind: io::ErrorKind, text: &str) {
        let error = Header::parse(bytes).expect_err("no header");
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().contains(text), "{error}");
    }

    #[test]
    fn what_is_no_readable_journal_is_refused_with_its_reason() {
        let mut header = [0; 256];
        check_error(b"", io::ErrorKind::InvalidData, "is no systemd journal file");
        check_error(&header, io::ErrorKind::InvalidData, "is no systemd journal file");
        header[..8].copy_from_slice(&Header::SIGNATURE);
        check_error(&header[..100], io::ErrorKind::InvalidData, "is cut");
        header[12] = 0b10_0100;
        check_error(&header, io::ErrorKind::Unsupported, "feature bit 5");
        header[12] = 0b1_0100;
        let header = Header::parse(&header).expect("known bits");
        assert!(header.is_compact());
        assert_eq!(header.header_bytes, MIN_HEADER_BYTES);
    }
}
