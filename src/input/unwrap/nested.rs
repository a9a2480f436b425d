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

/// An array of records, and the document that it stands in.
struct Shape {
    /// The keys that lead to it from the document on, through arrays of objects; the last is its own.
    path: &'static [&'static [u8]],
    /// How its first record begins, blanks left out.
    first: &'static [u8],
    /// The document's keys besides that of the path. With any other, it is a record of something else that quotes one.
    beside: &'static [&'static [u8]],
}

impl Shape {
    const fn key(&self) -> &'static [u8] {
        self.path[self.path.len() - 1]
    }

    /// True where the array under `key`, with the open brackets under `names`, is this one.
    fn is_at(&self, names: &[&[u8]], key: &[u8]) -> bool {
        let path = names.iter().copied().filter(|name| !name.is_empty()).chain([key]);
        path.eq(self.path.iter().copied())
    }

    fn may_have(&self, key: &[u8]) -> bool {
        key == self.path[0] || self.beside.contains(&key)
    }
}

const SHAPES: [Shape; 6] = [
    Shape {
        path: &[b"hits", b"hits"],
        first: b"{",
        beside: &[
            b"took",
            b"timed_out",
            b"terminated_early",
            b"num_reduce_phases",
            b"_shards",
            b"_clusters",
            b"_scroll_id",
            b"pit_id",
        ],
    },
    Shape {
        path: &[b"logEvents"],
        first: b"{",
        beside: &[
            b"messageType",
            b"owner",
            b"logGroup",
            b"logStream",
            b"subscriptionFilters",
            b"policyLevel",
        ],
    },
    Shape {
        path: &[b"results"],
        first: b"[{\"field\"",
        beside: &[b"queryLanguage", b"statistics", b"status", b"encryptionKey"],
    },
    Shape { path: &[b"data", b"result", b"values"], first: b"[\"", beside: &[b"status"] },
    Shape { path: &[b"streams", b"values"], first: b"[\"", beside: &[] },
    Shape { path: &[b"resourceLogs", b"scopeLogs", b"logRecords"], first: b"{", beside: &[] },
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
    let mut may_be = [true; SHAPES.len()];
    let mut at = 0;
    loop {
        match *text.get(at)? {
            b'"' => {
                let end = string_end(text, at + 1)?;
                let behind = end + 1 + blanks(&text[end + 1..]);
                if *text.get(behind)? == b':' {
                    key = &text[at + 1..end];
                    if names.len() == 1 {
                        for (may_be, shape) in may_be.iter_mut().zip(&SHAPES) {
                            *may_be &= shape.may_have(key);
                        }
                        if may_be == [false; SHAPES.len()] {
                            return Some(Start::Other);
                        }
                    }
                }
                at = end;
            }
            b'[' if !names.is_empty() => {
                let mut shapes = SHAPES.iter().zip(may_be);
                let shape = shapes.find(|(shape, may_be)| *may_be && shape.is_at(&names, key));
                if let Some((shape, _)) = shape
                    && holds(&text[at + 1..], shape.first)? == Holds::Records
                {
                    return Some(Start::Nested(at + 1, shape.key()));
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
    let Some(shape) = SHAPES.iter().find(|shape| shape.key() == key) else {
        return Some(Start::Other);
    };
    let is_array = holds(&text[at..], shape.first)? != Holds::Others;
    Some(if is_array { Start::Nested(at, shape.key()) } else { Start::Other })
}

/// What an array holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Nothing,
    Records,
    Others,
}

/// What stands behind the bracket of an array whose records begin so. `None`: more bytes are needed.
fn holds(text: &[u8], first: &[u8]) -> Option<Holds> {
    let mut at = blanks(text);
    if *text.get(at)? == b']' {
        return Some(Holds::Nothing);
    }
    for expected in first {
        at += blanks(&text[at..]);
        if text.get(at)? != expected {
            return Some(Holds::Others);
        }
        at += 1;
    }
    Some(Holds::Records)
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
