//! In which order the entries of a file come, and how they are found when that order is damaged.
//!
//! In: the chain of entry arrays. Out: offsets at which entries should be, rising.
//! Invariants: the chain is followed only if a first pass found it whole (as many rising offsets as the header
//! counts); else all objects are walked, and bytes that are no object are searched for the next one, eight by eight.
//! Both find the same entries of an undamaged file, because journald only ever appends.

use super::fault::{Fault, FaultKind};
use super::header::{FileState, Header};
use super::object::{ENTRY, ENTRY_ARRAY, ENTRY_BYTES, ObjectHead};
use super::windows::{Windows, u32_at, u64_at};

/// Items of an array read at a time.
const BATCH: u64 = 512;

/// The offsets of the entries of one file.
#[derive(Debug)]
pub(super) struct Order {
    compact: bool,
    chain: Option<Chain>,
    /// Entries are looked for here first: after a damaged item of the chain, or instead of it.
    walk: Option<Walk>,
    /// The item of the chain that comes after the walk.
    ahead: Option<u64>,
    /// End of the last entry given.
    last: u64,
}

impl Order {
    /// The order of a file, and the fault that makes it a walk.
    pub(super) fn new(windows: &mut Windows, header: &Header) -> (Order, Option<Fault>) {
        let compact = header.is_compact();
        let fault = check_chain(windows, header).err();
        let (chain, walk) = match fault {
            None => (Some(Chain::new(header)), None),
            Some(_) => (None, Some(Walk { at: header.header_bytes, end: windows.len() })),
        };
        (Order { compact, chain, walk, ahead: None, last: header.header_bytes }, fault)
    }

    /// Where the next entry should be.
    pub(super) fn next(&mut self, windows: &mut Windows) -> Option<u64> {
        if let Some(walk) = &mut self.walk {
            if let Some(offset) = walk.next(windows) {
                return Some(offset);
            }
            self.walk = None;
        }
        match self.ahead.take() {
            Some(offset) => Some(offset),
            // The first pass has read the same items, so that a fault here is a file that changed: its rest is gone.
            None => self.chain.as_mut()?.next(windows, self.compact).ok().flatten(),
        }
    }

    /// Tells that an entry of `n_items` fields is at the offset given last.
    pub(super) fn found(&mut self, offset: u64, n_items: usize) {
        let item_bytes = if self.compact { 4 } else { 16 };
        self.last = (offset + ENTRY_BYTES + n_items as u64 * item_bytes).next_multiple_of(8);
    }

    /// Tells that no entry was at the offset given last. True when it came from the chain, which says there is one:
    /// the objects between its neighbours are walked next.
    pub(super) fn missed(&mut self, windows: &mut Windows) -> bool {
        if self.walk.is_some() {
            return false;
        }
        let Some(chain) = &mut self.chain else { return false };
        self.ahead = chain.next(windows, self.compact).ok().flatten();
        let end = self.ahead.map_or(windows.len(), |ahead| ahead.min(windows.len()));
        self.walk = Some(Walk { at: self.last, end });
        true
    }

    /// True while offsets are guesses.
    pub(super) fn is_walking(&self) -> bool {
        self.walk.is_some()
    }
}

/// Follows the chain without looking at the entries.
fn check_chain(windows: &mut Windows, header: &Header) -> Result<(), Fault> {
    let mut chain = Chain::new(header);
    let mut n_entries = 0;
    let mut last = 0;
    while let Some(offset) = chain.next(windows, header.is_compact())? {
        if offset <= last || offset >= windows.len() {
            return Err(Fault { kind: FaultKind::EntryArray, offset: chain.array });
        }
        last = offset;
        n_entries += 1;
    }
    // A writer links an entry before it counts it.
    let matches = match header.state {
        FileState::Online => n_entries >= header.n_entries,
        _ => n_entries == header.n_entries,
    };
    if matches {
        Ok(())
    } else {
        Err(Fault { kind: FaultKind::EntryArray, offset: header.entry_array_offset })
    }
}

/// A place in the chain of entry arrays.
#[derive(Debug)]
struct Chain {
    /// The array, or 0 at the end.
    array: u64,
    /// Where the next items are, and how many the array still has.
    at: u64,
    n_left: u64,
    next_array: u64,
    opened: bool,
    batch: Vec<u64>,
    taken: usize,
}

impl Chain {
    fn new(header: &Header) -> Chain {
        Chain {
            array: header.entry_array_offset,
            at: 0,
            n_left: 0,
            next_array: 0,
            opened: false,
            batch: Vec::new(),
            taken: 0,
        }
    }

    /// The next item; `None` at the end of the chain.
    fn next(&mut self, windows: &mut Windows, compact: bool) -> Result<Option<u64>, Fault> {
        loop {
            if let Some(&offset) = self.batch.get(self.taken) {
                self.taken += 1;
                // Items past the last one are zeros.
                return Ok((offset != 0).then_some(offset));
            }
            if self.array == 0 {
                return Ok(None);
            }
            let item_bytes = if compact { 4 } else { 8 };
            if !self.opened {
                let kind = FaultKind::EntryArray;
                let head = ObjectHead::expect(windows, self.array, ENTRY_ARRAY, kind)?;
                self.next_array = windows.u64(self.array + 16)?;
                self.at = self.array + 24;
                self.n_left = (head.size - 24) / item_bytes;
                self.opened = true;
            }
            if self.n_left == 0 {
                if self.next_array != 0 && self.next_array <= self.array {
                    return Err(Fault { kind: FaultKind::EntryArray, offset: self.array });
                }
                self.array = self.next_array;
                self.opened = false;
                continue;
            }
            let n = self.n_left.min(BATCH);
            let bytes = windows.slice(self.at, n * item_bytes)?;
            self.batch.clear();
            self.taken = 0;
            self.batch.extend(
                bytes
                    .chunks_exact(item_bytes as usize)
                    .map(|item| if compact { u64::from(u32_at(item, 0)) } else { u64_at(item, 0) }),
            );
            self.at += n * item_bytes;
            self.n_left -= n;
        }
    }
}

/// A walk over all objects.
#[derive(Debug)]
struct Walk {
    at: u64,
    end: u64,
}

impl Walk {
    /// The next object that says it is an entry.
    fn next(&mut self, windows: &mut Windows) -> Option<u64> {
        while self.at + 16 <= self.end {
            let offset = self.at;
            let Ok(head) = ObjectHead::read(windows, offset, FaultKind::Object) else {
                self.at += 8;
                continue;
            };
            let next = offset + head.size.next_multiple_of(8);
            // A size is believed if an object, or nothing at all, stands behind it. Else the next object is searched
            // for within this one.
            let believed = next + 16 > windows.len()
                || ObjectHead::read(windows, next, FaultKind::Object).is_ok()
                || windows.array(next).is_ok_and(|bytes: [u8; 16]| bytes == [0; 16]);
            self.at = if believed { next } else { offset + 16 };
            if head.kind == ENTRY {
                return Some(offset);
            }
        }
        None
    }
}
