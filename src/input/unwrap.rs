//! Exports that wrap their records -> one record, one line: `{"records":[{...},{...}]}`, `[{...},{...}]`, arrays deeper in
//! a document (`unwrap/nested.rs`), objects printed over several lines, and objects with nothing between them.
//!
//! In: the text of an input. Out: as many bytes, each at its offset: a break stands where a comma or bracket stood
//! between records, blanks where the wrapper stood.
//! Invariants: no byte moves, so that offsets hold for the input as it is; only between objects with nothing between them
//! breaks are put in ([`Breaks::Glued`]). Line breaks of the input become `\r`, which is a blank to JSON and lets
//! [`Breaks::count`] tell in which line of the input a record begins.

mod nested;

use super::journal::Gather;

/// Keys of arrays that exports wrap records in.
const KEYS: [&[u8]; 8] =
    [b"records", b"entries", b"events", b"logs", b"items", b"value", b"data", b"results"];

/// Longer beginnings are no wrapper.
const MAX_START_BYTES: usize = 256;

/// Keys of exported Windows events, which have a reader for all their shapes.
const WINDOWS: [&[u8]; 3] = [b"\"TimeCreated\"", b"\"ProviderName\"", b"\"EventID\""];

/// How the lines of an input that was taken apart relate to those of the input as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breaks {
    /// Records stood in an array: the breaks between them were none.
    Array,
    /// Records stood behind each other, over several lines each.
    Sequence,
    /// Records stood behind each other in one line, with nothing between them: offsets are those of the text with breaks.
    Glued,
}

impl Breaks {
    /// How many line breaks of the input are in some bytes of what it became.
    pub fn count(self, bytes: &[u8]) -> u64 {
        let n = memchr::memchr_iter(b'\r', bytes).count();
        let between = match self {
            Breaks::Array | Breaks::Glued => 0,
            Breaks::Sequence => memchr::memchr_iter(b'\n', bytes).count(),
        };
        (n + between) as u64
    }
}

/// How the records of an input with these first bytes are wrapped. `None`: they are not.
pub(super) fn breaks_of(head: &[u8]) -> Option<Breaks> {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    // Of these, arrays without line breaks alone are taken apart (`ConvertTo-Json -Compress`).
    let is_compact = text.starts_with(b"[{\"");
    if !is_compact && WINDOWS.iter().any(|key| memchr::memmem::find(head, key).is_some()) {
        return None;
    }
    match start_of(text) {
        Start::Wrapper(_) => return Some(Breaks::Array),
        Start::Other if text.starts_with(b"{") => match nested::first_array(text) {
            Start::Nested(..) => return Some(Breaks::Array),
            _ if is_glued(text) => return Some(Breaks::Glued),
            _ => {}
        },
        _ => {}
    }
    let inside = text.strip_prefix(b"{")?;
    let blanks = &inside[..inside.len() - inside.trim_ascii_start().len()];
    (blanks.contains(&b'\n') && inside.trim_ascii_start().starts_with(b"\""))
        .then_some(Breaks::Sequence)
}

/// True where another object begins right behind the first one in a text without lines, and both begin with a key. Lines
/// of which one holds two objects are lines all the same.
fn is_glued(line: &[u8]) -> bool {
    if memchr::memchr(b'\n', line.trim_ascii_end()).is_some() {
        return false;
    }
    let begins = |text: &[u8]| {
        let key =
            text.strip_prefix(b"{\"").and_then(|rest| rest.split(|byte| *byte == b'"').nth(1));
        key.is_some_and(|behind| behind.trim_ascii_start().starts_with(b":"))
    };
    let mut between = memchr::memmem::find_iter(line, b"}{");
    begins(line)
        && between.any(|at| nested::left_open(&line[..=at]).is_empty() && begins(&line[at + 1..]))
}

/// What the start of a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// A wrapper: so many bytes up to the bracket of its array, that included.
    Wrapper(usize),
    /// A wrapper whose array stands deeper: the bytes, and the key of its arrays.
    Nested(usize, &'static [u8]),
    /// Something else.
    Other,
    /// More bytes are needed.
    Open,
}

/// What `text` begins with: `[{`, `{"records":[`, or something else.
fn start_of(text: &[u8]) -> Start {
    let blanks =
        |at: usize| text[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let open = |at: usize| {
        if at >= text.len() && at < MAX_START_BYTES { Start::Open } else { Start::Other }
    };
    let mut at = 1;
    if text.first() == Some(&b'{') {
        at += blanks(at);
        let Some(rest) = text[at..].strip_prefix(b"\"") else { return open(at) };
        let key = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        if !rest.is_empty()
            && key < rest.len()
            && !KEYS.iter().any(|known| known.eq_ignore_ascii_case(&rest[..key]))
        {
            return Start::Other;
        }
        at += 1 + key;
        for expected in [b'"', b':', b'['] {
            at += blanks(at);
            if text.get(at) != Some(&expected) {
                return open(at);
            }
            at += 1;
        }
    } else if text.first() != Some(&b'[') {
        return Start::Other;
    }
    let first = at + blanks(at);
    match text.get(first) {
        Some(b'{' | b']') => Start::Wrapper(at),
        Some(_) => Start::Other,
        None => open(first),
    }
}

/// Where in the text we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Between values.
    Outside,
    /// In a value that is a record itself.
    Record,
    /// In an array of records at this depth.
    Array(usize),
    /// Behind the array, in the object around it.
    Tail,
}

/// More blanks between two records are not looked over.
const MAX_BLANKS: usize = 256;

/// Takes an input apart.
///
/// A damaged record does not swallow those behind it: within an object, `{` cannot follow a comma, a bracket closes what was
/// opened last of its kind, and an object over several lines begins at the start of a line.
pub(super) struct Unwrap {
    breaks: Breaks,
    place: Place,
    /// The brackets that are open.
    open: Vec<u8>,
    in_string: bool,
    is_escaped: bool,
    /// The key of the arrays of a document that may hold several, and the brackets that are open in them.
    again: Option<(&'static [u8], usize)>,
}

/// What stands behind a byte, blanks left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ahead {
    /// The start of an object.
    Object,
    Other,
    /// More bytes are needed.
    Unknown,
}

impl Unwrap {
    pub(super) fn new(breaks: Breaks) -> Self {
        Unwrap {
            breaks,
            place: Place::Outside,
            open: Vec::new(),
            in_string: false,
            is_escaped: false,
            again: None,
        }
    }

    /// What begins at this byte: a wrapper, another array of the one that we are in, or something else.
    fn start(&self, text: &[u8]) -> Start {
        match (self.place, text[0]) {
            (Place::Outside, b'{' | b'[') => match start_of(text) {
                Start::Other if text[0] == b'{' && self.breaks == Breaks::Array => {
                    nested::first_array(text)
                }
                start => start,
            },
            (Place::Tail, b'"') if !self.in_string && self.is_in_object() => match self.again {
                Some((key, depth)) if self.open.len() + 1 == depth => nested::next_array(text, key),
                _ => Start::Other,
            },
            _ => Start::Other,
        }
    }

    /// Enters the array that a text ends with the bracket of.
    fn enter(&mut self, start: &[u8], key: Option<&'static [u8]>, out: &mut Vec<u8>) {
        let last = start.len() - 1;
        out.extend(start[..last].iter().map(|byte| if *byte == b'\n' { b'\r' } else { b' ' }));
        out.push(b'\n');
        if self.place == Place::Outside {
            self.open.clear();
        }
        self.open.extend(nested::left_open(start));
        self.place = Place::Array(self.open.len());
        self.again = key.map(|key| (key, self.open.len()));
    }

    /// How many brackets stand around the records.
    fn around(&self) -> usize {
        if let Place::Array(depth) = self.place { depth } else { 0 }
    }

    /// True where another record may begin although the one before it is not closed.
    fn may_restart(&self, byte: u8) -> bool {
        match self.place {
            Place::Array(depth) => {
                byte == b',' && !self.in_string && self.open.len() > depth && self.is_in_object()
            }
            Place::Record => byte == b'\n' && self.breaks != Breaks::Array,
            Place::Outside | Place::Tail => false,
        }
    }

    fn is_in_object(&self) -> bool {
        self.open.last() == Some(&b'{')
    }

    /// Another record begins behind this byte.
    fn restart(&mut self) -> u8 {
        self.open.truncate(self.around());
        (self.in_string, self.is_escaped) = (false, false);
        if self.place == Place::Record {
            self.place = Place::Outside;
        }
        b'\n'
    }

    /// Closes what a bracket closes. False: nothing of its kind is open within the array of records.
    fn close(&mut self, opening: u8) -> bool {
        let around = self.around();
        let found = self.open[around..].iter().rposition(|open| *open == opening);
        if let Some(found) = found {
            self.open.truncate(around + found);
        }
        found.is_some()
    }

    /// What a byte becomes; brackets and quotes are followed.
    fn next(&mut self, byte: u8) -> u8 {
        if byte == b'\n' {
            // No string goes over a line: a damaged one ends here.
            (self.in_string, self.is_escaped) = (false, false);
            let is_between = self.place == Place::Outside && self.breaks == Breaks::Sequence;
            return if is_between { b'\n' } else { b'\r' };
        }
        let shown = if self.place == Place::Tail || byte == b'\r' { b' ' } else { byte };
        if self.in_string {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return shown;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => {
                self.open.push(byte);
                if self.place == Place::Outside {
                    self.place = Place::Record;
                }
            }
            b'}' | b']' => {
                let is_closed = self.close(if byte == b'}' { b'{' } else { b'[' });
                if matches!(self.place, Place::Array(_)) {
                    if is_closed || byte == b'}' {
                        return shown;
                    }
                    // The array itself, whatever a damaged record has left open.
                    self.open.truncate(self.around() - 1);
                    let is_bare = self.open.is_empty();
                    self.place = if is_bare { Place::Outside } else { Place::Tail };
                    return b'\n';
                }
                if self.open.is_empty() {
                    self.place = Place::Outside;
                }
            }
            b',' if self.place == Place::Array(self.open.len()) => return b'\n',
            _ => {}
        }
        shown
    }
}

/// What stands behind the byte at the start of a text: with blanks between, or right behind a line break.
fn ahead_of(text: &[u8], at_end: bool) -> Ahead {
    let rest = &text[1..];
    let blank = |byte: &&u8| text[0] != b'\n' && byte.is_ascii_whitespace();
    let n_blanks = rest.iter().take(MAX_BLANKS).take_while(blank).count();
    match rest.get(n_blanks) {
        Some(b'{') => Ahead::Object,
        None if !at_end && n_blanks < MAX_BLANKS => Ahead::Unknown,
        _ => Ahead::Other,
    }
}

impl Gather for Unwrap {
    fn take(&mut self, text: &[u8], at_end: bool, out: &mut Vec<u8>) -> usize {
        let mut at = 0;
        while let Some(&byte) = text.get(at) {
            match self.start(&text[at..]) {
                Start::Wrapper(length) => {
                    self.enter(&text[at..at + length], None, out);
                    at += length;
                    continue;
                }
                Start::Nested(length, key) => {
                    self.enter(&text[at..at + length], Some(key), out);
                    at += length;
                    continue;
                }
                Start::Open if !at_end => break,
                Start::Open | Start::Other => {}
            }
            if self.may_restart(byte) {
                match ahead_of(&text[at..], at_end) {
                    Ahead::Object => {
                        out.push(self.restart());
                        at += 1;
                        continue;
                    }
                    Ahead::Unknown => break,
                    Ahead::Other => {}
                }
            }
            let was_outside = self.place == Place::Outside;
            out.push(self.next(byte));
            at += 1;
            if self.breaks == Breaks::Glued && !was_outside && self.place == Place::Outside {
                out.push(b'\n');
            }
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unwrapped(text: &[u8], step: usize) -> Option<(Breaks, Vec<u8>)> {
        let breaks = breaks_of(text)?;
        let mut unwrap = Unwrap::new(breaks);
        let (mut out, mut pending) = (Vec::new(), Vec::new());
        for chunk in text.chunks(step) {
            pending.extend_from_slice(chunk);
            let used = unwrap.take(&pending, false, &mut out);
            pending.drain(..used);
        }
        unwrap.take(&pending, true, &mut out);
        Some((breaks, out))
    }

    /// Records with the lines of the input in which they begin.
    #[track_caller]
    fn check(text: &str, expected: &[(u64, &str)]) {
        for step in [1, 7, 4096] {
            let (breaks, out) = unwrapped(text.as_bytes(), step).expect("wrapped");
            assert_eq!(out.len(), text.len());
            let mut records = Vec::new();
            for line in out.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
                if !line.is_empty() {
                    let at = line.as_ptr() as usize - out.as_ptr() as usize;
                    let shown = String::from_utf8_lossy(line).replace('\r', "~");
                    records.push((1 + breaks.count(&out[..at]), shown));
                }
            }
            let records: Vec<_> = records.iter().map(|row| (row.0, &*row.1)).collect();
            assert_eq!(records, expected, "{step}");
        }
    }

    #[test]
    fn records_get_lines_of_their_own() {
        check(
            r#"{"records":[{"a":"],{"},{"b":[1,2]}]}"#,
            &[(1, r#"{"a":"],{"}"#), (1, r#"{"b":[1,2]}"#)],
        );
        check(
            "{\r\n  \"Records\" : [\r\n {\"a\":1},\r\n {\r\n\"b\":2}\r\n],\"next\":[{}]}\n{\"records\":[{\"c\":3}]}\n",
            &[(3, r#"{"a":1}"#), (4, "{ ~\"b\":2}"), (7, r#"{"c":3}"#)],
        );
        check("[{\"a\":1}\n,{\"b\":2}\n]", &[(1, r#"{"a":1}"#), (2, r#"{"b":2}"#)]);
        check("{\n \"a\":1\n}\n{\n \"b\":2\n}\n", &[(1, "{~ \"a\":1~}"), (4, "{~ \"b\":2~}")]);
        check("{\"records\":[]}", &[]);
        // Windows events, as `ConvertTo-Json -Compress` writes them.
        check(
            r#"[{"Id":1,"ProviderName":"x"},{"Id":2}]"#,
            &[(1, r#"{"Id":1,"ProviderName":"x"}"#), (1, r#"{"Id":2}"#)],
        );
    }

    #[test]
    fn records_deep_in_a_document_get_lines_of_their_own() {
        check(
            r#"{"took":3,"hits":{"total":{"value":2},"max_score":null,"hits":[{"_source":{"hits":[{"a":1}]}},{"b":[]}]},"x":[{}]}"#,
            &[(1, r#"{"_source":{"hits":[{"a":1}]}}"#), (1, r#"{"b":[]}"#)],
        );
        // Batches come with nothing between them.
        check(
            r#"{"messageType":"DATA_MESSAGE","logEvents":[{"id":"1"},{"id":"2"}]}{"owner":"1","logEvents":[{"id":"3"}]}"#,
            &[(1, r#"{"id":"1"}"#), (1, r#"{"id":"2"}"#), (1, r#"{"id":"3"}"#)],
        );
        check(
            "{\"status\":\"success\",\n\"data\":{\"result\":[{\"stream\":{\"values\":\"x\"},\n\"values\":[[\"1\",\"a\"],\n[\"2\",\"],[\",{\"k\":\"v\"}]]},{\"stream\":{},\"values\" : [ [\"3\",\"c\"]]}]}}\n",
            &[(3, r#"["1","a"]"#), (4, r#"["2","],[",{"k":"v"}]"#), (4, r#"["3","c"]"#)],
        );
        check(
            "{\"resourceLogs\":[{\"resource\":{},\"scopeLogs\":[{\"scope\":{},\"logRecords\":[{\"a\":1}]},{\"logRecords\":[]},{\"logRecords\":[{\"logRecords\":[{\"b\":2}]}]}]}]}\n{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"c\":3}]}]}]}\n",
            &[(1, r#"{"a":1}"#), (1, r#"{"logRecords":[{"b":2}]}"#), (2, r#"{"c":3}"#)],
        );
        check(
            r#"{"queryLanguage":"CWLI","results":[[{"field":"@message","value":"a"},{"field":"b"}],[{"field":"c"}]]}"#,
            &[
                (1, r#"[{"field":"@message","value":"a"},{"field":"b"}]"#),
                (1, r#"[{"field":"c"}]"#),
            ],
        );
    }

    #[test]
    fn objects_with_nothing_between_them_are_taken_apart() {
        let text = "{\"a\":\"}{\"}{\"b\":{\"c\":[]}}{\"d\":4} {\"e\":5}\n";
        for step in [1, 7, 4096] {
            let (breaks, out) = unwrapped(text.as_bytes(), step).expect("wrapped");
            let shown = String::from_utf8_lossy(&out).replace('\r', "~");
            let expected = "{\"a\":\"}{\"}\n{\"b\":{\"c\":[]}}\n{\"d\":4}\n {\"e\":5}\n~";
            assert_eq!((breaks, &*shown), (Breaks::Glued, expected), "{step}");
            assert_eq!(breaks.count(&out), 1);
        }
        // Two writers at once leave two objects in a line.
        assert_eq!(unwrapped(b"{\"a\":1}{\"b\":2}\n{\"c\":3}\n", 4096), None);
    }

    #[test]
    fn a_damaged_record_does_not_swallow_those_behind_it() {
        let last = (1, r#"{"c":3}"#);
        // A string that is cut ends with its line.
        check("[{\"a\":\"x}\n,{\"b\":2}]", &[(1, "{\"a\":\"x}"), (2, r#"{"b":2}"#)]);
        // The comma is lost with the string: so is the next record, and no more.
        check(
            "[{\"a\":\"x},\n{\"b\":2},\n{\"c\":3}]",
            &[(1, "{\"a\":\"x},~{\"b\":2}"), (3, r#"{"c":3}"#)],
        );
        check(r#"[{"a":{"b":1},{"c":3}]"#, &[(1, r#"{"a":{"b":1}"#), last]);
        check(r#"[{"a":["b"},{"c":3}]"#, &[(1, r#"{"a":["b"}"#), last]);
        check(r#"[{"a":1}},{"c":3}]"#, &[(1, r#"{"a":1}}"#), last]);
        check(
            r#"{"records":[{"a":1,{"b":[{},{}]}},{"c":3},{"d":4]}"#,
            &[(1, r#"{"a":1"#), (1, r#"{"b":[{},{}]}}"#), last, (1, r#"{"d":4"#)],
        );
        check("{\n \"a\":{\n}\n{\n \"b\":2\n}\n", &[(1, "{~ \"a\":{~}"), (4, "{~ \"b\":2~}")]);
        // What is whole is never taken for damaged.
        check(
            r#"[{"a":[{"b":1},{"b":[[],{}]}], "c":{"d":{},"e":[]}} , {"c":3}]"#,
            &[(1, r#"{"a":[{"b":1},{"b":[[],{}]}], "c":{"d":{},"e":[]}}"#), last],
        );
    }

    #[test]
    fn what_is_not_wrapped_is_left_alone() {
        for text in [
            "{\"a\":1}\n{\"a\":2}",
            "{\"a\":\"}{\"}\n{\"a\":2}{\"b\":3}",
            "{192.0.2.1}{GET /}{503}",
            "{\"192.0.2.1\"}{\"GET /\"}{\"503\"}",
            // Elsewhere, and of other kinds.
            "{\"time\":1,\"event\":{\"logEvents\":[{\"a\":1}]}}\n",
            "{\"time\":1,\"values\":[[\"1\",\"a\"]],\"results\":[{\"a\":1}]}\n",
            "{\"data\":{\"result\":[{\"values\":[[1435781430.781,\"1\"]]}]}}\n",
            "{\"tags\":[{\"a\":1}]}",
            "[2026-11-20T21:31:23Z] x",
            "[\n {\"TimeCreated\":\"x\"}]",
            "1.2.3.4 - -",
            "",
        ] {
            assert_eq!(breaks_of(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_byte_moves(tail in "[\\[\\]{}\",:\\\\ \\r\\na1]{0,80}", step in 1usize..9) {
            for start in ["[{", "{\"took\":[{}],\"hits\":{\"hits\":[{", "{\"streams\":[{\"values\":[[\""] {
                let text = format!("{start}{tail}");
                let (_, out) = unwrapped(text.as_bytes(), step).expect("wrapped");
                prop_assert_eq!(out.len(), text.len());
            }
        }
    }
}
