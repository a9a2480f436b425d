//! The fields of one entry after the other, gathered in buffers that are used again.
//!
//! In: the offsets of data objects. Out: spans of names and values.
//! Invariants: a field that several entries share is read and unpacked once while the cache holds it; a field that
//! the filter refuses is never copied; the cache holds at most [`MAX_CACHE_BYTES`] and one entry.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::fault::{Fault, FaultKind};
use super::object::{DATA, Item, ObjectHead};
use super::unpack::{MAX_DATA_BYTES, Unpacker};
use super::windows::{Windows, u64_at};

/// Bytes of shared fields kept before the cache starts anew.
const MAX_CACHE_BYTES: usize = 16 << 20;

/// Fields remembered before the cache starts anew, refused ones included.
const MAX_CACHE_FIELDS: usize = 1 << 18;

/// The largest shared field that is kept; a larger one is read again for every entry.
const MAX_CACHED_BYTES: usize = 1 << 20;

/// All fields of an entry together.
const MAX_ENTRY_BYTES: usize = 64 << 20;

/// Longer names do not occur: journald refuses them.
const MAX_NAME_BYTES: usize = 64;

/// Which fields of entries are wanted.
#[derive(Debug, Clone, Default)]
pub struct FieldFilter {
    names: Option<Vec<Box<[u8]>>>,
}

impl FieldFilter {
    /// Every field.
    pub const fn all() -> Self {
        FieldFilter { names: None }
    }

    /// The fields of these names alone.
    pub fn only<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        FieldFilter { names: Some(names.into_iter().map(|name| name.as_bytes().into()).collect()) }
    }

    /// The fields a [`JournalRecord`](super::JournalRecord) is made of.
    pub fn record() -> Self {
        FieldFilter::only(super::record::NAMES)
    }

    /// True for a wanted field.
    pub fn accepts(&self, name: &[u8]) -> bool {
        match &self.names {
            None => true,
            Some(names) => names.iter().any(|wanted| **wanted == *name),
        }
    }
}

/// Where the bytes of a field are.
#[derive(Debug, Clone, Copy)]
struct Span {
    /// In the cache, else among the entry's own bytes.
    is_shared: bool,
    start: u32,
    /// Length of the name; `=` follows, then the value.
    name_bytes: u32,
    end: u32,
}

/// Multiplication by an odd constant: keys are offsets, multiples of 8.
#[derive(Debug, Default)]
struct OffsetHasher(u64);

impl Hasher for OffsetHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, offset: u64) {
        let product = (self.0 ^ offset).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ (product >> 32);
    }
}

/// Gathers the fields of entries.
#[derive(Debug)]
pub(super) struct Fields {
    compact: bool,
    filter: FieldFilter,
    unpacker: Unpacker,
    /// By offset of the data object; `None` for what the filter refuses.
    cache: HashMap<u64, Option<Span>, BuildHasherDefault<OffsetHasher>>,
    shared: Vec<u8>,
    own: Vec<u8>,
    spans: Vec<Span>,
}

impl Fields {
    pub(super) fn new(compact: bool, filter: FieldFilter) -> Self {
        Fields {
            compact,
            filter,
            unpacker: Unpacker::new(),
            cache: HashMap::default(),
            shared: Vec::new(),
            own: Vec::new(),
            spans: Vec::new(),
        }
    }

    /// Gathers the fields of an entry. `lost` is called for each that is damaged.
    pub(super) fn gather(
        &mut self,
        windows: &mut Windows,
        items: &[Item],
        mut lost: impl FnMut(Fault),
    ) {
        self.spans.clear();
        self.own.clear();
        if self.shared.len() > MAX_CACHE_BYTES || self.cache.len() > MAX_CACHE_FIELDS {
            self.cache.clear();
            self.shared.clear();
        }
        for item in items {
            match self.cache.get(&item.offset) {
                Some(cached) => self.spans.extend(*cached),
                None => match self.read(windows, *item) {
                    Ok(span) => self.spans.extend(span),
                    Err(fault) => lost(fault),
                },
            }
        }
    }

    /// Reads a field that is not in the cache. `None`: the filter refuses it.
    fn read(&mut self, windows: &mut Windows, item: Item) -> Result<Option<Span>, Fault> {
        let fault = |kind| Fault { kind, offset: item.offset };
        let head = ObjectHead::expect(windows, item.offset, DATA, FaultKind::Data)?;
        let payload_at: u64 = if self.compact { 72 } else { 64 };
        // `NAME=` at least.
        let length = head.size.checked_sub(payload_at).filter(|&length| length >= 2);
        let length = length.ok_or(fault(FaultKind::Data))?;
        if length > MAX_DATA_BYTES - payload_at {
            return Err(fault(FaultKind::TooLarge));
        }
        let object = windows.slice(item.offset, head.size)?;
        if item.hash.is_some_and(|hash| hash != u64_at(object, 16)) {
            return Err(fault(FaultKind::Data));
        }
        let is_shared = u64_at(object, 56) > 1 && length <= MAX_CACHED_BYTES as u64;
        let payload = &object[payload_at as usize..];
        let store = if is_shared { &mut self.shared } else { &mut self.own };
        let start = store.len();
        if start + payload.len() > MAX_ENTRY_BYTES + MAX_CACHE_BYTES {
            return Err(fault(FaultKind::TooLarge));
        }
        let name_bytes = if head.flags == 0 {
            let name_bytes = name_bytes(payload).ok_or(fault(FaultKind::Data))?;
            if self.filter.accepts(&payload[..name_bytes]) {
                store.extend_from_slice(payload);
            }
            name_bytes
        } else {
            self.unpacker.unpack(head.flags, payload, store).map_err(fault)?;
            let Some(name_bytes) = name_bytes(&store[start..]) else {
                store.truncate(start);
                return Err(fault(FaultKind::Data));
            };
            if !self.filter.accepts(&store[start..start + name_bytes]) {
                store.truncate(start);
            }
            name_bytes
        };
        let span = (store.len() > start).then_some(Span {
            is_shared,
            start: start as u32,
            name_bytes: name_bytes as u32,
            end: store.len() as u32,
        });
        if is_shared {
            self.cache.insert(item.offset, span);
        }
        Ok(span)
    }

    /// The gathered fields, in the order of the entry.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> + Clone {
        self.spans.iter().map(|span| {
            let store = if span.is_shared { &self.shared } else { &self.own };
            let field = &store[span.start as usize..span.end as usize];
            let (name, rest) = field.split_at(span.name_bytes as usize);
            (name, &rest[1..])
        })
    }
}

/// Length of the name of `NAME=value`.
fn name_bytes(field: &[u8]) -> Option<usize> {
    let head = &field[..field.len().min(MAX_NAME_BYTES + 1)];
    memchr::memchr(b'=', head).filter(|&length| length > 0)
}
