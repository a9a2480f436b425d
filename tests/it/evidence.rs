//! Every quoted line stands where the document says.
//!
//! The documented decoding: the input is decompressed, UTF-16 becomes UTF-8, and `byte_offset` counts bytes of the result.
//! The record there is `byte_length` long, and its first 512 bytes, with U+FFFD for what is no UTF-8, are the text.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::Path;

use serde_json::Value;

use crate::support::{Fixture, logs_of, run_in, scenarios, shared};

/// The decoded bytes of an input.
fn decoded(path: &Path) -> Vec<u8> {
    let stored = std::fs::read(path).expect("the source can be opened");
    let plain = if stored.starts_with(&[0x1f, 0x8b]) {
        let mut plain = Vec::new();
        flate2::read::MultiGzDecoder::new(&stored[..]).read_to_end(&mut plain).expect("gzip");
        plain
    } else {
        stored
    };
    let units = |from_bytes: fn([u8; 2]) -> u16| -> Vec<u16> {
        plain[2..].chunks_exact(2).map(|pair| from_bytes([pair[0], pair[1]])).collect()
    };
    match plain[..] {
        [0xff, 0xfe, ..] => String::from_utf16_lossy(&units(u16::from_le_bytes)).into_bytes(),
        [0xfe, 0xff, ..] => String::from_utf16_lossy(&units(u16::from_be_bytes)).into_bytes(),
        _ => plain,
    }
}

/// Checks every evidence item of a document whose paths are relative to a folder; counts those found and those without
/// an address.
#[track_caller]
fn check(folder: &Path, document: &Value) -> (usize, usize) {
    let mut sources: HashMap<u64, Vec<u8>> = HashMap::new();
    let (mut found, mut without) = (0, 0);
    for incident in document["incidents"].as_array().expect("incidents") {
        let items = incident["evidence"]["items"].as_array().expect("items");
        for row in incident["timeline"].as_array().expect("rows") {
            for id in row["evidence"].as_array().expect("ids") {
                assert!(items.iter().any(|item| item["id"] == *id), "{id} is not listed");
            }
        }
        for item in items {
            let input = item["input"].as_u64().expect("an index");
            let path = document["inputs"][input as usize]["path"].as_str().expect("a path");
            if item["addressable"] == false {
                assert!(item["cursor"].as_str().is_some_and(|cursor| !cursor.is_empty()), "{item}");
                without += 1;
                continue;
            }
            let bytes = sources.entry(input).or_insert_with(|| decoded(&folder.join(path)));
            let offset = item["byte_offset"].as_u64().expect("an offset") as usize;
            let length = item["byte_length"].as_u64().expect("a length") as usize;
            let record = &bytes[offset..offset + length];
            let text = String::from_utf8_lossy(&record[..length.min(512)]);
            assert_eq!(item["text"], *text, "{path}: {item}");
            let before = &bytes[..offset];
            // Of several records on one physical line, each has the number of that line.
            let line = memchr::memchr_iter(b'\n', before).count() as u64 + 1;
            assert_eq!(item["line"], line, "{path}: {item}");
            found += 1;
        }
    }
    (found, without)
}

#[test]
fn every_line_quoted_of_the_fixtures_is_found_again() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = run_in(root, &["--format", "json", "fixtures"], b"").json();
    let (found, without) = check(root, &document);
    assert!(found >= 15 && without == 0, "{found} found, {without} without an address");
}

#[test]
fn every_line_quoted_of_the_corpora_is_found_again() {
    let Some(shared) = shared() else { return };
    let mut sum = (0, 0);
    for folder in scenarios(&shared, &["real", "iis_synthetic"]) {
        let logs = logs_of(&folder);
        let args = ["--format", "json", "-q", "--status", "5xx"];
        let args: Vec<&str> = args.into_iter().chain(logs.iter().map(String::as_str)).collect();
        let document = run_in(&folder, &args, b"").json();
        let (found, without) = check(&folder, &document);
        sum = (sum.0 + found, sum.1 + without);
    }
    assert!(sum.0 > 500, "{sum:?}");
}

#[test]
fn compressed_and_wide_inputs_count_decoded_bytes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let access = std::fs::read(root.join("fixtures/incident/access.log")).expect("the fixture");
    let error = std::fs::read(root.join("fixtures/incident/error.log")).expect("the fixture");
    let fixture = Fixture::new();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &access).expect("memory");
    fixture.write("access.log.gz", packed.finish().expect("memory"));
    let text = String::from_utf8_lossy(&error);
    let wide: Vec<u8> =
        [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    fixture.write("error.log", wide);
    let document = fixture.run(&["--format", "json", "."], b"").json();
    let (found, without) = check(&fixture.path("."), &document);
    assert!(found >= 10 && without == 0, "{found} found, {without} without an address");
}

#[test]
fn what_has_no_address_says_so() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let access = std::fs::read(root.join("fixtures/incident/access.log")).expect("the fixture");
    let document = run_in(root, &["--format", "json", "-"], &access).json();
    let (found, without) = check(root, &document);
    assert!(found == 0 && without > 0, "{found} found, {without} without an address");
    let items = document["incidents"][0]["evidence"]["items"].as_array().expect("items");
    assert!(items.iter().all(|item| item["text"].as_str().is_some_and(|text| text.len() > 50)));
}
