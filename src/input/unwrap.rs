//! Exports that wrap their records -> one record, one line: `{"records":[{...},{...}]}`, `[{...},{...}]`, and objects
//! printed over several lines.
//!
//! In: the text of an input. Out: as many bytes, each at its offset: a break stands where a comma or bracket stood
//! between records, blanks where the wrapper stood.
//! Invariants: no byte moves, so that offsets hold for the input as it is. Line breaks of the input become `\r`, which
//! is a blank to JSON and lets [`Breaks::count`] tell in which line of the input a record begins.

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
}

impl Breaks {
    /// How many line breaks of the input are in some bytes of what it became.
    pub fn count(self, bytes: &[u8]) -> u64 {
        let n = memchr::memchr_iter(b'\r', bytes).count();
        let between = match self {
            Breaks::Array => 0,
            Breaks::Sequence => memchr::memchr_iter(b'\n', bytes).count(),
        };
        (n + between) as u64
    }
}

/// How the records of an input with these first bytes are wrapped. `None`: they are not.
pub(super) fn breaks_of(head: &[u8]) -> Option<Breaks> {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    if WINDOWS.iter().any(|key| memchr::memmem::find(head, key).is_some()) {
        return None;
    }
    if let Start::Wrapper(_) = start_of(text) {
        return Some(Breaks::Array);
    }
    let inside = text.strip_prefix(b"{")?;
    let blanks = &inside[..inside.len() - inside.trim_ascii_start().len()];
    (blanks.contains(&b'\n') && inside.trim_ascii_start().starts_with(b"\""))
        .then_some(Breaks::Sequence)
}

/// What the start of a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// A wrapper: so many bytes up to the bracket of its array, that included.
    Wrapper(usize),
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

/// Takes an input apart.
pub(super) struct Unwrap {
    breaks: Breaks,
    place: Place,
    depth: usize,
    in_string: bool,
    is_escaped: bool,
}

impl Unwrap {
    pub(super) fn new(breaks: Breaks) -> Self {
        Unwrap { breaks, place: Place::Outside, depth: 0, in_string: false, is_escaped: false }
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
                self.depth += 1;
                if self.place == Place::Outside {
                    self.place = Place::Record;
                }
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if let Place::Array(depth) = self.place
                    && self.depth < depth
                {
                    self.place = if self.depth == 0 { Place::Outside } else { Place::Tail };
                    return b'\n';
                }
                if self.depth == 0 {
                    self.place = Place::Outside;
                }
            }
            b',' if self.place == Place::Array(self.depth) => return b'\n',
            _ => {}
        }
        shown
    }
}

impl Gather for Unwrap {
    fn take(&mut self, text: &[u8], at_end: bool, out: &mut Vec<u8>) -> usize {
        let mut at = 0;
        while let Some(&byte) = text.get(at) {
            if self.place == Place::Outside && matches!(byte, b'{' | b'[') {
                match start_of(&text[at..]) {
                    Start::Wrapper(length) => {
                        let (last, start) = (length - 1, &text[at..at + length]);
                        let blank = |byte: &u8| if *byte == b'\n' { b'\r' } else { b' ' };
                        out.extend(start[..last].iter().map(blank));
                        out.push(b'\n');
                        self.depth = if byte == b'{' { 2 } else { 1 };
                        self.place = Place::Array(self.depth);
                        at += length;
                        continue;
                    }
                    Start::Open if !at_end => break,
                    Start::Open | Start::Other => {}
                }
            }
            out.push(self.next(byte));
            at += 1;
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
        // A string that is cut ends with its line.
        check("[{\"a\":\"x}\n,{\"b\":2}]", &[(1, "{\"a\":\"x}~,{\"b\":2}]")]);
    }

    #[test]
    fn what_is_not_wrapped_is_left_alone() {
        for text in [
            "{\"a\":1}\n{\"a\":2}",
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
            let text = format!("[{{{tail}");
            let (_, out) = unwrapped(text.as_bytes(), step).expect("wrapped");
            prop_assert_eq!(out.len(), text.len());
        }
    }
}
