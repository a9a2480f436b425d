//! Wrappers that hold their records deeper than under their first key: answers of log stores, batches of shippers.
//!
//! In: the text that a document begins with. Out: where its first array of records begins, and under which key such
//! arrays stand in it.
//! Invariants: only arrays that their keys and their first record show are taken; no more than [`MAX_BYTES`] are looked at.
//! Sources: Elasticsearch "Search API" (`hits.hits`); `CloudWatch` Logs "Subscription filters" (`logEvents`) and
//! `GetQueryResults` (`results`); Loki "HTTP API" (`data.result[].values`, `streams[].values`); OTLP 1.0, "JSON Protobuf
//! encoding" (`resourceLogs[].scopeLogs[].logRecords`).

use super::Start;

/// A document whose records begin later is none of these.
const MAX_BYTES: usize = 64 << 10;

/// More blanks between two parts are not looked over.
const MAX_BLANKS: usize = 256;

/// An array of records.
struct Shape {
    /// The key above its own; empty: it stands in the document itself.
    outer: &'static [u8],
    key: &'static [u8],
    /// How its first record begins, blanks left out.
    first: &'static [u8],
}

const SHAPES: [Shape; 6] = [
    Shape { outer: b"hits", key: b"hits", first: b"{" },
    Shape { outer: b"", key: b"logEvents", first: b"{" },
    Shape { outer: b"", key: b"results", first: b"[{\"field\"" },
    Shape { outer: b"result", key: b"values", first: b"[\"" },
    Shape { outer: b"streams", key: b"values", first: b"[\"" },
    Shape { outer: b"scopeLogs", key: b"logRecords", first: b"{" },
];

/// Where the first array of records of a document begins.
pub(super) fn first_array(text: &[u8]) -> Start {
    walk(&text[..text.len().min(MAX_BYTES)]).unwrap_or(if text.len() < MAX_BYTES {
        Start::Open
    } else {
        Start::Other
    })
}

/// `None`: it ends before that can be told.
fn walk(text: &[u8]) -> Option<Start> {
    // The keys under which the open brackets stand.
    let mut names: Vec<&[u8]> = Vec::new();
    let mut key: &[u8] = b"";
    let mut at = 0;
    loop {
        match *text.get(at)? {
            b'"' => {
                let end = string_end(text, at + 1)?;
                let behind = end + 1 + blanks(&text[end + 1..]);
                if *text.get(behind)? == b':' {
                    key = &text[at + 1..end];
                }
                at = end;
            }
            b'[' if !names.is_empty() => {
                let outer = names.iter().rev().find(|name| !name.is_empty());
                let outer = outer.copied().unwrap_or_default();
                let shape = SHAPES.iter().find(|shape| shape.outer == outer && shape.key == key);
                if let Some(shape) = shape
                    && holds(&text[at + 1..], shape.first)?
                {
                    return Some(Start::Nested(at + 1, shape.key));
                }
                names.push(key);
                key = b"";
            }
            b'{' | b'[' => {
                names.push(key);
                key = b"";
            }
            b'}' | b']' => {
                names.pop();
                if names.is_empty() {
                    return Some(Start::Other);
                }
            }
            b',' => key = b"",
            _ => {}
        }
        at += 1;
    }
}

/// What begins at the quote of a key: another array of the same document, under `key`, or something else.
pub(super) fn next_array(text: &[u8], key: &[u8]) -> Start {
    let most = key.len() + 8 * MAX_BLANKS;
    walk_key(text, key).unwrap_or(if text.len() < most { Start::Open } else { Start::Other })
}

/// `None`: the text ends before that can be told.
fn walk_key(text: &[u8], key: &[u8]) -> Option<Start> {
    let mut at = 1;
    for expected in key {
        if text.get(at)? != expected {
            return Some(Start::Other);
        }
        at += 1;
    }
    for expected in [b'"', b':', b'['] {
        at += blanks(&text[at..]);
        if *text.get(at)? != expected {
            return Some(Start::Other);
        }
        at += 1;
    }
    let Some(shape) = SHAPES.iter().find(|shape| shape.key == key) else {
        return Some(Start::Other);
    };
    let is_array = holds(&text[at..], shape.first)?;
    Some(if is_array { Start::Nested(at, shape.key) } else { Start::Other })
}

/// True for an array that begins with such a record behind its bracket, or is empty. `None`: more bytes are needed.
fn holds(text: &[u8], first: &[u8]) -> Option<bool> {
    let mut at = blanks(text);
    if *text.get(at)? == b']' {
        return Some(true);
    }
    for expected in first {
        at += blanks(&text[at..]);
        if text.get(at)? != expected {
            return Some(false);
        }
        at += 1;
    }
    Some(true)
}

fn blanks(text: &[u8]) -> usize {
    text.iter().take(MAX_BLANKS).take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// The closing quote of a string whose inside begins at `at`.
fn string_end(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

/// The brackets that a text leaves open.
pub(super) fn left_open(text: &[u8]) -> Vec<u8> {
    let mut open = Vec::new();
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => at = string_end(text, at + 1).unwrap_or(text.len()),
            b'{' | b'[' => open.push(*byte),
            b'}' | b']' => {
                open.pop();
            }
            _ => {}
        }
        at += 1;
    }
    open
}
