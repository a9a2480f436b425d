//! Exports of Windows events as XML without line breaks between events -> one event, one line.
//!
//! In: the text of an input, e.g. `<Events><Event ...>...</Event><Event ...>...</Event></Events>`, as Event Viewer saves
//! it. Out: as many bytes, each at its offset: a break stands where the last byte of `</Event>` stood, blanks where the
//! wrapper stood.
//! Invariants: those of [`unwrap`](super::unwrap): no byte moves, and line breaks of the input become `\r`, so that
//! [`Breaks::Array`](super::Breaks::Array) counts them. What becomes of a byte depends on the bytes around it, not on how
//! the input comes in pieces.

use memchr::memmem;

use super::journal::Gather;

const START: &[u8] = b"<Event";
const END: &[u8] = b"</Event>";

/// Longer tags are no wrapper.
const MAX_TAG_BYTES: usize = 256;

/// True for an input with these first bytes, if its events are not each on lines of their own.
pub(super) fn is_glued(head: &[u8]) -> bool {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    if !text.starts_with(b"<?xml ") && !text.starts_with(START) {
        return false;
    }
    let starts = memmem::find_iter(text, START).find(|at| is_start(&text[*at..], true));
    let Some(start) = starts else { return false };
    let line = text[..start].rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    if !line.trim_ascii().is_empty() {
        return true;
    }
    let Some(end) = memmem::find(&text[start..], END) else {
        // It is longer than what is seen of it.
        return !text[start..].contains(&b'\n');
    };
    let rest = &text[start + end + END.len()..];
    let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
    rest.get(blanks) == Some(&b'<')
}

/// True where an event begins. An element of another name that begins the same way is none.
fn is_start(text: &[u8], at_end: bool) -> bool {
    match text.strip_prefix(START).map(|rest| rest.first()) {
        Some(Some(byte)) => *byte == b'>' || byte.is_ascii_whitespace(),
        Some(None) => at_end,
        None => false,
    }
}

/// Takes an input apart.
///
/// An event that is cut does not swallow those behind it: no event is part of another.
#[derive(Debug, Default)]
pub(super) struct EventsXml {
    in_event: bool,
    /// Something other than blanks stands behind the last break.
    is_begun: bool,
}

impl EventsXml {
    /// Copies text without tags; the break before an event that begins behind it is put into its last bytes.
    fn copy(&mut self, text: &[u8], is_before_event: bool, out: &mut Vec<u8>) {
        let from = out.len();
        self.is_begun |= !text.trim_ascii().is_empty();
        out.extend(text.iter().map(|byte| match byte {
            b'\n' => b'\r',
            b'\r' => b' ',
            other => *other,
        }));
        if !is_before_event || !self.is_begun {
            return;
        }
        let at = match text {
            [] => return,
            [.., _, b'\n'] => text.len() - 2,
            _ => text.len() - 1,
        };
        out[from + at] = b'\n';
        self.is_begun = false;
    }

    /// Puts blanks in place of a tag, and a break in place of its last byte.
    fn blank(&mut self, tag: &[u8], out: &mut Vec<u8>) {
        let last = tag.len() - 1;
        out.extend(tag[..last].iter().map(|byte| if *byte == b'\n' { b'\r' } else { b' ' }));
        out.push(b'\n');
        self.is_begun = false;
    }
}

/// The tag of a wrapper that a text begins with: `<?xml ...?>`, `<Events>`, `</Events>`. `Err`: more bytes are needed.
fn wrapper(text: &[u8], at_end: bool) -> Result<Option<&[u8]>, ()> {
    if ![&b"<?xml "[..], b"<Events", b"</Events"].iter().any(|name| text.starts_with(name)) {
        return Ok(None);
    }
    let seen = &text[..text.len().min(MAX_TAG_BYTES)];
    match memchr::memchr(b'>', seen) {
        Some(end) => Ok(Some(&text[..=end])),
        None if at_end || seen.len() == MAX_TAG_BYTES => Ok(None),
        None => Err(()),
    }
}

impl Gather for EventsXml {
    fn take(&mut self, text: &[u8], at_end: bool, out: &mut Vec<u8>) -> usize {
        let mut at = 0;
        loop {
            let rest = &text[at..];
            let Some(tag) = memchr::memchr(b'<', rest) else {
                // What an event may begin behind is held back.
                let n = if at_end { rest.len() } else { rest.len().saturating_sub(2) };
                self.copy(&rest[..n], false, out);
                return at + n;
            };
            let (before, rest) = rest.split_at(tag);
            if rest.len() <= END.len() && !at_end {
                return at;
            }
            let begins = is_start(rest, at_end);
            let around = if self.in_event || begins { Ok(None) } else { wrapper(rest, at_end) };
            let Ok(around) = around else { return at };
            self.copy(before, begins, out);
            at += before.len();
            if let Some(tag) = around {
                self.blank(tag, out);
                at += tag.len();
            } else if self.in_event && rest.starts_with(END) {
                out.extend_from_slice(&END[..END.len() - 1]);
                out.push(b'\n');
                (self.in_event, self.is_begun) = (false, false);
                at += END.len();
            } else {
                self.in_event |= begins;
                self.is_begun = true;
                out.push(b'<');
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::input::Breaks;

    fn taken_apart(text: &[u8], step: usize) -> Vec<u8> {
        let mut events = EventsXml::default();
        let (mut out, mut pending) = (Vec::new(), Vec::new());
        for chunk in text.chunks(step) {
            pending.extend_from_slice(chunk);
            let used = events.take(&pending, false, &mut out);
            pending.drain(..used);
        }
        events.take(&pending, true, &mut out);
        out
    }

    /// Lines with their offset and the line of the input in which they begin.
    #[track_caller]
    fn check(text: &str, expected: &[(usize, u64, &str)]) {
        assert!(is_glued(text.as_bytes()));
        for step in [1, 2, 7, 4096] {
            let out = taken_apart(text.as_bytes(), step);
            assert_eq!(out.len(), text.len());
            let mut events = Vec::new();
            for line in out.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
                if !line.is_empty() {
                    let at = line.as_ptr() as usize - out.as_ptr() as usize;
                    let shown = String::from_utf8_lossy(line).replace('\r', "~");
                    events.push((at, 1 + Breaks::Array.count(&out[..at]), shown));
                }
            }
            let events: Vec<_> = events.iter().map(|row| (row.0, row.1, &*row.2)).collect();
            assert_eq!(events, expected, "{step}");
        }
    }

    #[test]
    fn events_get_lines_of_their_own() {
        check(
            "<Event a='1'><EventID>5</EventID></Event><Event><x/></Event>",
            &[(0, 1, "<Event a='1'><EventID>5</EventID></Event"), (41, 1, "<Event><x/></Event")],
        );
        check(
            "<?xml version=\"1.0\"?>\r\n<Events><Event>a\r\nb</Event>\r\n<Event>c</Event></Events>",
            &[(31, 2, "<Event>a ~b</Event"), (52, 4, "<Event>c</Event")],
        );
        check(
            "<?xml version='1.0'?><Events><Event>a</Event>\n<Event>b</Event>\n</Events>",
            &[(29, 1, "<Event>a</Event"), (46, 2, "<Event>b</Event")],
        );
        check("<Events><Event><EventData/></Event>", &[(8, 1, "<Event><EventData/></Event")]);
    }

    #[test]
    fn a_cut_event_does_not_swallow_those_behind_it() {
        check(
            "<Event a='1'>\n<x>cut\n<Event>b</Event><Event>c</Event>",
            &[
                (0, 1, "<Event a='1'>~<x>cu"),
                (21, 3, "<Event>b</Event"),
                (37, 3, "<Event>c</Event"),
            ],
        );
        check(
            "<Event>b</Event></Events><!-- x -->\n<?xml version='1.0'?><Events><Event>c</Event>",
            &[(0, 1, "<Event>b</Event"), (25, 1, "<!-- x -->"), (65, 2, "<Event>c</Event")],
        );
    }

    #[test]
    fn what_has_lines_is_left_alone() {
        for text in [
            "<Event a='1'><x/></Event>\r\n<Event/>",
            "<?xml version='1.0'?>\n<Events>\n<Event><x/></Event>\n<Event/>\n</Events>",
            "<Event>\n  <System>",
            "<EventData/>",
            "<13>Nov 20 21:29:42 host x: y",
            "<?xml version='1.0'?><failedRequest/>",
            "",
        ] {
            assert!(!is_glued(text.as_bytes()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_byte_moves_and_pieces_make_no_difference(
            parts in proptest::collection::vec(
                prop_oneof![
                    Just("<Event>"), Just("<Event a='"), Just("</Event>"), Just("<Events>"), Just("</Events>"),
                    Just("<?xml "), Just("<"), Just(">"), Just("\r\n"), Just("\n"), Just(" "), Just("ab"), Just("<Ev"),
                ],
                0..24,
            ),
            step in 1usize..9,
        ) {
            let text = parts.concat();
            let whole = taken_apart(text.as_bytes(), 1 << 20);
            prop_assert_eq!(whole.len(), text.len());
            prop_assert_eq!(taken_apart(text.as_bytes(), step), whole);
        }
    }
}
