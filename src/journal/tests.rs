//! Tests of binary files: built ones, and the corpus where it is at hand.

use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::Value;

use super::build::build;
use super::*;

/// Flags of a file with 64-bit offsets, and of a compact one.
const LAYOUTS: [u32; 2] = [0, 16];

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// An entry, and every byte range it is made of.
#[derive(Debug, Clone)]
struct Whole {
    head: EntryHead,
    fields: Fields,
    extents: Vec<(u64, u64)>,
}

/// The corpus, or `None` with a message.
pub(super) fn corpus(path: &str) -> Option<PathBuf> {
    let beside = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared"));
    let root = std::env::var_os("LOGSCAN503_SHARED").map_or(beside, PathBuf::from);
    let path = root.join("corpus").join(path);
    if !path.exists() {
        eprintln!("skipped: {} is absent (LOGSCAN503_SHARED names its root)", path.display());
        return None;
    }
    Some(path)
}

pub(super) const FILES: [&str; 5] = [
    "plain-jenkins.journal",
    "zstd-keyed.journal",
    "compact-zstd.journal",
    "compact-lz4-v254.journal",
    "xz-keyed-v254.journal",
];

fn small_file(flags: u32, n_entries: usize) -> Vec<u8> {
    let entries: Vec<Vec<Vec<u8>>> = (0..n_entries)
        .map(|number| {
            vec![
                b"_HOSTNAME=web-01".to_vec(),
                format!("MESSAGE=request {number} took {} ms", number * 7).into_bytes(),
                format!("_SYSTEMD_UNIT=app-{}.service", number % 3).into_bytes(),
            ]
        })
        .collect();
    build(flags, &entries)
}

fn read_all(bytes: Vec<u8>) -> (Vec<Whole>, Faults) {
    let Ok(file) = JournalFile::from_bytes(bytes) else { return Default::default() };
    let payload_at = if file.header().is_compact() { 72 } else { 64 };
    let item_bytes = if file.header().is_compact() { 4 } else { 16 };
    let mut entries = file.entries();
    let mut all = Vec::new();
    while let Some(result) = entries.advance() {
        let Ok(head) = result else { continue };
        let fields: Fields = entries
            .entry()
            .expect("just moved to")
            .fields()
            .map(|(name, value)| (name.to_vec(), value.to_vec()))
            .collect();
        let items = entries.items.clone();
        let mut extents = vec![(head.offset, head.offset + 64 + items.len() as u64 * item_bytes)];
        for item in items {
            let size = entries.windows.u64(item.offset + 8).unwrap_or(payload_at);
            extents.push((item.offset, item.offset.saturating_add(size)));
        }
        all.push(Whole { head, fields, extents });
    }
    (all, *entries.faults())
}

/// Every entry of `whole` that `is_intact` must be in `damaged`, unchanged and in order.
#[track_caller]
fn check_intact(
    whole: &[Whole],
    damaged: &[Whole],
    is_intact: impl Fn(&Whole) -> bool,
    what: &str,
) {
    let mut rest = damaged.iter();
    for entry in whole.iter().filter(|entry| is_intact(entry)) {
        let found =
            rest.by_ref().any(|other| (other.head, &other.fields) == (entry.head, &entry.fields));
        assert!(found, "{what}: the entry {} is intact but not given", entry.head.seqnum);
    }
}

/// Cuts and flips. An entry is intact when all its byte ranges are before the cut, or none holds the flipped byte.
#[track_caller]
fn check_damage(bytes: &[u8], n_rounds: u64) {
    let (whole, faults) = read_all(bytes.to_vec());
    assert!(!whole.is_empty() && faults.is_empty(), "{faults:?}");
    let objects_at =
        JournalFile::from_bytes(bytes.to_vec()).expect("is whole").header().header_bytes;
    let end = whole.iter().flat_map(|entry| &entry.extents).map(|&(_, end)| end).max().unwrap_or(0);
    let mut seed = 0x5eed_u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 20) % below
    };
    for _ in 0..n_rounds {
        let cut = 208 + random(end - 208);
        let (damaged, faults) = read_all(bytes[..cut as usize].to_vec());
        let is_intact = |entry: &Whole| entry.extents.iter().all(|&(_, end)| end <= cut);
        check_intact(&whole, &damaged, is_intact, &format!("cut at {cut}"));
        assert!(damaged.len() == whole.len() || !faults.is_empty());

        let at = objects_at + random(end - objects_at);
        let bit = random(8);
        let mut flipped = bytes.to_vec();
        flipped[at as usize] ^= 1 << bit;
        let (damaged, _) = read_all(flipped);
        let is_intact =
            |entry: &Whole| entry.extents.iter().all(|&(from, to)| at < from || to <= at);
        check_intact(&whole, &damaged, is_intact, &format!("bit {bit} of byte {at} flipped"));
    }
}

#[test]
fn a_built_file_is_read_in_both_layouts() {
    for flags in LAYOUTS {
        let (all, faults) = read_all(small_file(flags, 50));
        assert!(faults.is_empty());
        assert_eq!(all.len(), 50);
        assert_eq!(all[49].fields[1].1, b"request 49 took 343 ms");
        assert_eq!(all[49].head.seqnum, 50);
        assert!(
            all[49].head.cursor().starts_with("s=11111111111111111111111111111111;i=32;b=1111")
        );
    }
}

#[test]
fn a_filter_leaves_out_fields_and_nothing_else() {
    let file = JournalFile::from_bytes(small_file(16, 9)).expect("is a journal");
    let mut entries = file.entries_with(FieldFilter::only(["MESSAGE"]));
    let mut n_entries = 0;
    while let Some(result) = entries.next_entry() {
        let entry = result.expect("is whole");
        assert_eq!(entry.fields().len(), 1);
        assert!(entry.get(b"MESSAGE").is_some_and(|text| text.starts_with(b"request")));
        assert_eq!(entry.record().host, None);
        n_entries += 1;
    }
    assert_eq!(n_entries, 9);
}

#[test]
fn entries_survive_cuts_and_flips_of_built_files() {
    for flags in LAYOUTS {
        check_damage(&small_file(flags, 60), 300);
    }
}

#[test]
fn entries_survive_cuts_and_flips_of_real_files() {
    for name in FILES {
        let Some(path) = corpus(&format!("journal/{name}")) else { return };
        check_damage(&std::fs::read(path).expect("is readable"), 25);
    }
}

#[test]
fn a_broken_list_of_entries_is_replaced_by_a_walk() {
    let check = |at: usize, bytes: [u8; 8], n_faults: u64| {
        let mut file = small_file(0, 20);
        file[at..at + 8].copy_from_slice(&bytes);
        let (all, faults) = read_all(file);
        assert_eq!((all.len(), faults.n_entries), (20, n_faults));
    };
    check(176, 0u64.to_le_bytes(), 1);
    check(176, 8u64.to_le_bytes(), 1);
    check(152, 19u64.to_le_bytes(), 1);
    check(152, 20u64.to_le_bytes(), 0);
}

#[test]
fn a_list_that_points_past_the_end_is_not_followed() {
    let mut file = small_file(0, 20);
    let array = u64::from_le_bytes(file[176..184].try_into().expect("eight bytes")) as usize;
    // The last item of the first array.
    file[array + 24 + 3 * 8 + 7] = 0x70;
    let (all, faults) = read_all(file);
    assert_eq!((all.len(), faults.n_entries), (20, 1));
}

#[test]
fn real_files_hold_what_journalctl_says() {
    let Some(path) = corpus("journal/expected/plain-jenkins.v252.json") else { return };
    let expected = std::fs::read_to_string(path).expect("is readable");
    let expected: Vec<serde_json::Map<String, Value>> =
        expected.lines().map(|line| serde_json::from_str(line).expect("is JSON")).collect();
    assert_eq!(expected.len(), 709);
    for name in FILES {
        let path = corpus(&format!("journal/{name}")).expect("is beside the other");
        let file = std::fs::File::open(path).expect("is readable");
        let mut entries = JournalFile::open(file).expect("is a journal").entries();
        for json in &expected {
            let entry = entries.next_entry().expect("as many").expect("is whole");
            check_entry(&entry, json, name);
        }
        assert!(entries.next_entry().is_none());
        assert!(entries.faults().is_empty());
    }
}

#[track_caller]
fn check_entry(entry: &Entry<'_>, json: &serde_json::Map<String, Value>, file: &str) {
    let mut n_fields = 0;
    for (key, value) in json {
        let text = |text: String| assert_eq!(value.as_str(), Some(&text[..]), "{file} {key}");
        match key.as_str() {
            "__CURSOR" if file.starts_with("plain") => text(entry.cursor()),
            "__CURSOR" => {}
            "__REALTIME_TIMESTAMP" => text(entry.head().realtime_us.to_string()),
            "__MONOTONIC_TIMESTAMP" => text(entry.head().monotonic_us.to_string()),
            "_BOOT_ID" => {
                assert_eq!(
                    Some(entry.head().boot_id),
                    parse_id(value.as_str().expect("text").as_bytes())
                );
                n_fields += entry.get(b"_BOOT_ID").iter().len();
            }
            name => {
                let values: Vec<&[u8]> = entry
                    .fields()
                    .filter(|(other, _)| *other == name.as_bytes())
                    .map(|(_, value)| value)
                    .collect();
                n_fields += values.len();
                let mut expected = bytes_of(value);
                // Repeated fields have no order.
                let mut values: Vec<Option<&[u8]>> =
                    values.iter().map(|value| Some(*value)).collect();
                values.sort();
                expected.sort();
                let expected: Vec<Option<&[u8]>> =
                    expected.iter().map(|value| value.as_deref()).collect();
                if expected == [None] {
                    assert!(values[0].is_some_and(|value| value.len() > 4000));
                } else {
                    assert_eq!(values, expected, "{file} {key}");
                }
            }
        }
    }
    assert_eq!(entry.fields().len(), n_fields, "{file}");
    assert_eq!(entry.n_lost_fields(), 0);
}

/// The values of a field as journalctl writes them; `None` for one that is too large.
fn bytes_of(value: &Value) -> Vec<Option<Vec<u8>>> {
    match value {
        Value::String(text) => vec![Some(text.clone().into_bytes())],
        Value::Array(items) if items.iter().all(Value::is_number) => {
            vec![Some(items.iter().map(|item| item.as_u64().expect("a byte") as u8).collect())]
        }
        Value::Array(items) => items.iter().flat_map(bytes_of).collect(),
        _ => vec![None],
    }
}

proptest! {
    #[test]
    fn never_panics(
        flags in 0u32..32,
        n_entries in 0usize..6,
        edits in proptest::collection::vec((any::<u16>(), any::<u8>()), 0..30),
        tail in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut bytes = small_file(flags, n_entries);
        for (at, byte) in edits {
            let at = usize::from(at) % bytes.len();
            bytes[at] = byte;
        }
        bytes.extend(tail);
        read_all(bytes);
    }
}
