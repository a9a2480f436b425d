//! Objects of a journal file: what their first bytes say, and whether it can be true.
//!
//! In: an offset. Out: [`ObjectHead`], or the fault that stands there.
//! Invariants: nothing is believed: alignment, bounds, the smallest size of the kind and the flags are checked before
//! a byte behind the head is looked at.
//! Source: systemd `journal-def.h`, `struct ObjectHeader` and below.

use super::fault::{Fault, FaultKind};
use super::windows::{Windows, id_at, u32_at, u64_at};

pub(super) const DATA: u8 = 1;
pub(super) const ENTRY: u8 = 3;
pub(super) const ENTRY_ARRAY: u8 = 6;

/// Size of an entry object without its items.
pub(super) const ENTRY_BYTES: u64 = 64;

/// Smallest size of every kind of object, by its number: unused, data, field, entry, two hash tables, array, tag.
const MIN_BYTES: [u64; 8] = [16, 64, 40, ENTRY_BYTES, 16, 16, 24, 64];

/// No object starts at a larger offset; above it a number is no time either.
const MAX_REALTIME_US: u64 = 1 << 55;

/// The first 16 bytes of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ObjectHead {
    pub(super) kind: u8,
    /// How the payload of a data object is packed: 1 XZ, 2 LZ4, 4 ZSTD.
    pub(super) flags: u8,
    /// Size in bytes, the head included.
    pub(super) size: u64,
}

impl ObjectHead {
    /// Reads the head at `offset`. `fault` is what to report where there is no object.
    pub(super) fn read(
        windows: &mut Windows,
        offset: u64,
        fault: FaultKind,
    ) -> Result<ObjectHead, Fault> {
        let bad = Fault { kind: fault, offset };
        if !offset.is_multiple_of(8) || offset == 0 {
            return Err(bad);
        }
        let [kind, flags, r1, r2, r3, r4, r5, r6, ref size @ ..] = windows.array::<16>(offset)?;
        let size = u64_at(size, 0);
        let packed = flags != 0;
        let plausible = (1..8).contains(&kind)
            && [r1, r2, r3, r4, r5, r6] == [0; 6]
            && (!packed || (kind == DATA && matches!(flags, 1 | 2 | 4)))
            && size >= MIN_BYTES[usize::from(kind)];
        if !plausible {
            return Err(bad);
        }
        match offset.checked_add(size) {
            Some(end) if end <= windows.len() => Ok(ObjectHead { kind, flags, size }),
            _ => Err(Fault { kind: FaultKind::Truncated, offset }),
        }
    }

    /// Reads the head of an object of a given kind.
    pub(super) fn expect(
        windows: &mut Windows,
        offset: u64,
        kind: u8,
        fault: FaultKind,
    ) -> Result<ObjectHead, Fault> {
        let head = ObjectHead::read(windows, offset, fault)?;
        if head.kind == kind { Ok(head) } else { Err(Fault { kind: fault, offset }) }
    }
}

/// Where an entry stands, in its file and among all entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryHead {
    /// Offset of the entry in its file, in bytes.
    pub offset: u64,
    /// Which sequence `seqnum` counts in.
    pub seqnum_id: [u8; 16],
    /// Number of the entry in its sequence; rises, with gaps.
    pub seqnum: u64,
    /// When journald received the entry, microseconds UTC.
    pub realtime_us: u64,
    /// Microseconds since the start of the boot.
    pub monotonic_us: u64,
    /// Which boot.
    pub boot_id: [u8; 16],
    /// Exclusive or of the hashes of all fields.
    pub xor_hash: u64,
}

/// One field of an entry: where its data object is, and the hash the entry says it has (not in compact files).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) offset: u64,
    pub(super) hash: Option<u64>,
}

/// Reads the entry at `offset` and where its fields are, into `items`.
pub(super) fn read_entry(
    windows: &mut Windows,
    offset: u64,
    seqnum_id: [u8; 16],
    compact: bool,
    items: &mut Vec<Item>,
) -> Result<EntryHead, Fault> {
    items.clear();
    let bad = Fault { kind: FaultKind::Entry, offset };
    let head = ObjectHead::expect(windows, offset, ENTRY, FaultKind::Entry)?;
    let item_bytes = if compact { 4 } else { 16 };
    let list = head.size - ENTRY_BYTES;
    if list == 0 || !list.is_multiple_of(item_bytes) {
        return Err(bad);
    }
    let bytes = windows.slice(offset, head.size)?;
    let entry = EntryHead {
        offset,
        seqnum_id,
        seqnum: u64_at(bytes, 16),
        realtime_us: u64_at(bytes, 24),
        monotonic_us: u64_at(bytes, 32),
        boot_id: id_at(bytes, 40),
        xor_hash: u64_at(bytes, 56),
    };
    if entry.seqnum == 0 || entry.realtime_us == 0 || entry.realtime_us >= MAX_REALTIME_US {
        return Err(bad);
    }
    let list = &bytes[ENTRY_BYTES as usize..];
    items.extend(list.chunks_exact(item_bytes as usize).map(|item| {
        if compact {
            Item { offset: u64::from(u32_at(item, 0)), hash: None }
        } else {
            Item { offset: u64_at(item, 0), hash: Some(u64_at(item, 8)) }
        }
    }));
    Ok(entry)
}
