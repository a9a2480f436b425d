//! Test support: small journal files, written the way journald lays them out, without hash tables.
//!
//! In: entries as lists of fields. Out: the bytes of a file. A field that occurs again is stored once.

use std::collections::HashMap;

/// First reception time of built files.
pub(super) const START_US: u64 = 1_741_615_200_000_000;

/// Bytes of a header as systemd 252 writes it.
const HEADER_BYTES: usize = 264;

/// Writes a file of the given incompatible flags with one entry per list of fields, one second apart.
pub(super) fn build(incompatible: u32, entries: &[Vec<Vec<u8>>]) -> Vec<u8> {
    build_from(incompatible, 1, 0x11, entries)
}

/// As [`build`], with the first sequence number and the byte all ids are made of.
pub(super) fn build_from(
    incompatible: u32,
    first_seqnum: u64,
    id: u8,
    entries: &[Vec<Vec<u8>>],
) -> Vec<u8> {
    let compact = incompatible & 16 != 0;
    let mut bytes = vec![0; HEADER_BYTES];
    let mut data: HashMap<&[u8], usize> = HashMap::new();
    // Arrays of 4, 8, 16, ... entries, each linked from the one before.
    let (mut array, mut n_free, mut item_at, mut capacity, mut first_array) = (0, 0, 0, 4, 0);
    for (number, fields) in entries.iter().enumerate() {
        let offsets: Vec<usize> = fields
            .iter()
            .map(|field| {
                let offset = *data.entry(field).or_insert_with(|| {
                    let head = if compact { 72 } else { 64 };
                    let offset = object(&mut bytes, 1, head + field.len());
                    put(&mut bytes, offset + 16, hash(field));
                    bytes[offset + head..offset + head + field.len()].copy_from_slice(field);
                    offset
                });
                let n_entries = u64::from(bytes[offset + 56]) + 1;
                put(&mut bytes, offset + 56, n_entries.min(200));
                offset
            })
            .collect();
        let item_bytes = if compact { 4 } else { 16 };
        let entry = object(&mut bytes, 3, 64 + offsets.len() * item_bytes);
        let seconds = number as u64 * 1_000_000;
        put(&mut bytes, entry + 16, first_seqnum + number as u64);
        put(&mut bytes, entry + 24, START_US + seconds);
        put(&mut bytes, entry + 32, 5_000_000 + seconds);
        bytes[entry + 40..entry + 56].fill(id);
        put(&mut bytes, entry + 56, fields.iter().fold(0, |all, field| all ^ hash(field)));
        for (place, (&offset, field)) in offsets.iter().zip(fields).enumerate() {
            let at = entry + 64 + place * item_bytes;
            if compact {
                bytes[at..at + 4].copy_from_slice(&(offset as u32).to_le_bytes());
            } else {
                put(&mut bytes, at, offset as u64);
                put(&mut bytes, at + 8, hash(field));
            }
        }
        let link_bytes = if compact { 4 } else { 8 };
        if n_free == 0 {
            let next = object(&mut bytes, 6, 24 + capacity * link_bytes);
            if array == 0 {
                first_array = next;
            } else {
                put(&mut bytes, array + 16, next as u64);
            }
            (array, n_free, item_at) = (next, capacity, next + 24);
            capacity *= 2;
        }
        bytes[item_at..item_at + 4].copy_from_slice(&(entry as u32).to_le_bytes());
        item_at += link_bytes;
        n_free -= 1;
    }
    bytes[..8].copy_from_slice(b"LPKSHHRH");
    bytes[12..16].copy_from_slice(&incompatible.to_le_bytes());
    bytes[24..40].fill(id);
    bytes[72..88].fill(id);
    put(&mut bytes, 88, HEADER_BYTES as u64);
    put(&mut bytes, 152, entries.len() as u64);
    put(&mut bytes, 176, first_array as u64);
    bytes
}

/// Appends an object of zeros with its head.
fn object(bytes: &mut Vec<u8>, kind: u8, size: usize) -> usize {
    let offset = bytes.len();
    bytes.resize(offset + size.next_multiple_of(8), 0);
    bytes[offset] = kind;
    put(bytes, offset + 8, size as u64);
    offset
}

fn put(bytes: &mut [u8], at: usize, value: u64) {
    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

/// Any hash does: the reader compares hashes with each other and computes none.
fn hash(field: &[u8]) -> u64 {
    field.iter().fold(7, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}
