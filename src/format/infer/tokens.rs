//! Cuts a line into values and the literal text between them.
//!
//! In: one line, and a way to cut. Out: [`Tokens`]. Lines of one layout give the same literals.
//! Invariants: literals and values, put together again, are the line; nothing is copied.

use super::names::variable_of_key;
use super::values::{Kind, is_item_kind, item_kind, join_kinds};
use crate::bytes::offset_of;

/// A line in pieces: `literals[0] values[0] literals[1] ... values[n-1] literals[n]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tokens<'a> {
    /// The variable parts.
    pub(super) values: Vec<&'a [u8]>,
    /// What is around them; one more than values.
    pub(super) literals: Vec<&'a [u8]>,
}

/// A way to cut lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cut {
    /// At blanks, with quotes, brackets, labels and lists kept together.
    Blanks,
    /// At blanks, but after this many values the rest of the line is one value.
    BlanksThenRest(usize),
    /// At a separator; the fields listed are cut further at blanks.
    Separator(&'static [u8], Vec<usize>),
    /// At these labels (` key=`), in this order; what is before the first is cut at blanks.
    Labels(Vec<Vec<u8>>),
}

/// Separators that layouts use, besides blanks. A comma or semicolon before a blank is part of a value.
pub(super) const SEPARATORS: &[&[u8]] =
    &[b"\t", b"|", b";", b",", b"^", b"~", b"\x01", b"; ", b", ", b" - "];

/// Cuts a line.
pub(super) fn cut<'a>(line: &'a [u8], how: &Cut) -> Tokens<'a> {
    match how {
        Cut::Blanks => at_blanks(line, usize::MAX),
        Cut::BlanksThenRest(n_values) => at_blanks(line, *n_values),
        Cut::Separator(separator, inner) => at_separator(line, separator, inner),
        Cut::Labels(labels) => at_labels(line, labels),
    }
}

/// Length of a label such as `rt=` or `status: ` at the start of `text`, its blank included.
fn label_length(text: &[u8]) -> Option<usize> {
    let length = key_length(text)?;
    match text[length..] {
        // `id=7&status=503` is a query, not a label and its value.
        [b'=', ref rest @ ..] if is_query_tail(rest) => None,
        [b'=', ..] | [b':', b'"' | b'[', ..] => Some(length + 1),
        // `request_time 0.003`
        [b' ', ..]
            if text[..length].contains(&b'_') && variable_of_key(&text[..length]).is_some() =>
        {
            Some(length + 1)
        }
        [b':', b' ', ref rest @ ..] if rest.first() != Some(&b' ') => Some(length + 2),
        [b':', ref rest @ ..]
            if !rest.starts_with(b"//") && variable_of_key(&text[..length]).is_some() =>
        {
            Some(length + 1)
        }
        _ => None,
    }
}

fn is_query_tail(text: &[u8]) -> bool {
    let word = text.split(|byte| *byte == b' ').next().unwrap_or_default();
    word.contains(&b'&') && !word.contains(&b'/') && !word.starts_with(b"\"")
}

/// Length of a key at the start of `text`.
pub(super) fn key_length(text: &[u8]) -> Option<usize> {
    let length = text.iter().take_while(|byte| is_key_byte(**byte)).count();
    let starts_well =
        text.first().is_some_and(|byte| byte.is_ascii_alphabetic() || b"_@".contains(byte));
    (starts_well && length <= 40).then_some(length)
}

/// True for bytes of keys.
pub(super) fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.@".contains(&byte)
}

fn at_blanks(line: &[u8], n_values: usize) -> Tokens<'_> {
    let mut tokens = Tokens::default();
    let (mut literal, mut at) = (0, 0);
    while at < line.len() {
        let rest = &line[at..];
        if rest[0] == b' ' || rest[0] == b'\t' {
            at += 1;
            continue;
        }
        if tokens.values.len() == n_values {
            tokens.literals.push(&line[literal..at]);
            tokens.values.push(rest);
            literal = line.len();
            break;
        }
        // Behind the first value of a pair.
        if at == literal && at > 0 && PAIRING.contains(&rest[0]) && rest.len() > 1 {
            at += 1;
            let (open, length) = value_length(&line[at..]);
            tokens.literals.push(&line[literal..at + open]);
            tokens.values.push(&line[at + open..at + open + length]);
            literal = at + open + length;
            at = literal + open;
            continue;
        }
        if let Some(length) = punctuation_length(rest) {
            at += length;
            continue;
        }
        if let Some(length) = label_length(rest) {
            at += length;
            // `us= rt=0.1`: an empty value.
            if line[at - 1] != b' ' && line.get(at).is_none_or(|next| *next == b' ') {
                tokens.literals.push(&line[literal..at]);
                tokens.values.push(&line[at..at]);
                literal = at;
                continue;
            }
            if at >= line.len() {
                break;
            }
            // Only one label per value: `a=b=c` has the value `b=c`.
            if punctuation_length(&line[at..]).is_some() {
                continue;
            }
        }
        let (open, length) = value_length(&line[at..]);
        tokens.literals.push(&line[literal..at + open]);
        tokens.values.push(&line[at + open..at + open + length]);
        literal = at + open + length;
        at = literal + open;
    }
    tokens.literals.push(&line[literal.min(line.len())..]);
    tokens
}

/// Length of a run of separating punctuation between blanks.
fn punctuation_length(text: &[u8]) -> Option<usize> {
    let length = text.iter().take_while(|byte| b"|:;,>=<~#-".contains(byte)).count();
    let ends = text.get(length).is_none_or(|byte| *byte == b' ' || *byte == b'\t');
    let is_absent_mark = matches!(
        &text[..length],
        b"-" | b"-:" | b"-," | b"-;" | b"-|" | b"->-" | b"<->" | b"<->," | b"<->;" | b"<->|"
    );
    (length > 0 && ends && !is_absent_mark).then_some(length)
}

/// How many bytes open the value at the start of `text`, and its length.
fn value_length(text: &[u8]) -> (usize, usize) {
    if text[0] == b'"'
        && let Some(length) = quoted_length(&text[1..])
    {
        let marks = 1 + brackets(&text[1..=length]);
        return (marks, length + 2 - 2 * marks);
    }
    let closing = match text[0] {
        b'[' => b']',
        b'(' => b')',
        b'<' => b'>',
        b'{' => b'}',
        b'\'' => b'\'',
        _ => return (0, bare_length(text)),
    };
    let end = text.iter().enumerate().skip(1).find(|(at, byte)| {
        **byte == closing && text.get(at + 1).is_none_or(|next| b" ,;|\"\t".contains(next))
    });
    let is_wrapped = |end: usize| {
        b"]}'".contains(&closing)
            || !text[..end].contains(&b' ')
            // `(502, 503)`, and not `(X11; Linux)`.
            || bare_length(&text[1..end]) == end - 1
    };
    match end {
        Some((end, _)) if is_wrapped(end) => (1, end - 1),
        _ => (0, bare_length(text)),
    }
}

/// How many brackets open a time in quotes: `%t` of Apache and Varnish brings its own.
pub(super) fn brackets(quoted: &[u8]) -> usize {
    let is_time = |text| matches!(item_kind(text), Kind::Clf | Kind::ClfVariant);
    usize::from(matches!(quoted, [b'[', time @ .., b']'] if is_time(time)))
}

/// Length of quoted text up to its closing quote; a backslash takes the next byte with it.
fn quoted_length(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    None
}

fn bare_length(text: &[u8]) -> usize {
    if let Some(length) = time_length(text) {
        return length;
    }
    let mut end = item_length(text);
    let mut kind = item_kind(&text[..end]);
    let mut is_open = is_item_kind(kind) || &text[..end] == b"-";
    while is_open {
        let glue = if text[end..].starts_with(b", ") {
            2
        } else if text[end..].starts_with(b" : ") {
            3
        } else {
            break;
        };
        let next = &text[end + glue..];
        let item = &next[..item_length(next)];
        if item.is_empty() {
            break;
        }
        let next_kind = item_kind(item);
        // `peer: 127.0.0.1:8080, took: 0.001`
        let is_key = item.ends_with(b":") || item.contains(&b'=');
        if is_key && next_kind == Kind::Word {
            break;
        }
        is_open = if item == b"-" {
            true
        } else if &text[..end] == b"-" {
            is_item_kind(next_kind)
        } else {
            join_kinds(kind, next_kind).is_some_and(is_item_kind)
        };
        if is_open {
            end += glue + item.len();
            kind = if item == b"-" { kind } else { next_kind };
        }
        // A group name ends the list of an attempt; what follows is an address again or nothing.
        if kind == Kind::Word || kind == Kind::Host {
            kind = Kind::Addr;
        }
    }
    end
}

/// What stands between the two values of a pair: `127.0.0.1:8080>502`, `st=503/502`.
const PAIRING: &[u8] = b">/";

/// Length of a word, or of the first value of a pair.
fn item_length(text: &[u8]) -> usize {
    let end = word_length(text);
    let word = &text[..end];
    let is_of_pair = |part: &[u8]| {
        part == b"-" || matches!(item_kind(part), Kind::Status | Kind::Seconds | Kind::Addr)
    };
    // A path, a date and the times of HAProxy have more of them, and other values.
    let middle = PAIRING.iter().find_map(|mark| memchr::memchr(*mark, word));
    match middle {
        Some(at) if is_of_pair(&word[..at]) && is_of_pair(&word[at + 1..]) => at,
        _ => end,
    }
}

fn word_length(text: &[u8]) -> usize {
    let end = text.iter().position(|byte| b" \t".contains(byte)).unwrap_or(text.len());
    let kept = text[..end].iter().rposition(|byte| !b",;|".contains(byte));
    let end = kept.map_or(end, |last| last + 1);
    // `to: 10.0.0.1:8080: GET /`
    match text[..end].strip_suffix(b":") {
        Some(word) if word == b"-" || matches!(item_kind(word), Kind::Addr | Kind::Ip) => end - 1,
        _ => end,
    }
}

/// Length of a time that holds a blank.
pub(super) fn time_length(text: &[u8]) -> Option<usize> {
    // `20/Nov/2026:21:29:42.123 +0000`
    if let Some(blank @ 21..=27) = memchr::memchr(b' ', text)
        && let Some(time) = text.get(..blank + 6)
        && text.get(blank + 6).is_none_or(|next| !next.is_ascii_alphanumeric())
        && item_kind(time) == Kind::ClfVariant
    {
        return Some(time.len());
    }
    for (length, blank) in [(26, 20), (19, 10)] {
        if text.get(blank).is_some_and(|byte| *byte == b' ' || blank == 10 && *byte == b'T') {
            let length = match length {
                // A fraction may follow.
                19 => {
                    let tail = text.get(19..)?;
                    19 + tail
                        .iter()
                        .take_while(|byte| byte.is_ascii_digit() || b".,+Z:".contains(byte))
                        .count()
                }
                other => other,
            };
            let time = text.get(..length)?;
            let time = time.strip_suffix(b",").unwrap_or(time);
            let zoned = &text[..time.len() + offset_length(&text[time.len()..])];
            if zoned.len() > time.len() && item_kind(zoned) == Kind::Iso {
                return Some(zoned.len());
            }
            // Without a blank in it, it is a word.
            if text[10] != b'T'
                && (matches!(item_kind(time), Kind::Clf | Kind::Iso)
                    || crate::time::parse_nginx_error(time).is_some())
            {
                return Some(time.len());
            }
        }
    }
    None
}

/// Length of ` +0000`, with its blank, or of `-07:00` at the start of `text`: what a layout reads as the zone of the time
/// before it.
fn offset_length(text: &[u8]) -> usize {
    let n = match text {
        [b' ', b'+' | b'-', zone @ ..] if zone.len() >= 4 && is_digits(&zone[..4]) => 6,
        [b'-', zone @ ..] if zone.len() >= 4 && is_digits(&zone[..4]) => 5,
        [b'-', a, b, b':', c, d, ..] if is_digits(&[*a, *b, *c, *d]) => 6,
        _ => return 0,
    };
    if text.get(n).is_some_and(u8::is_ascii_alphanumeric) { 0 } else { n }
}

fn is_digits(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_digit)
}

fn at_separator<'a>(line: &'a [u8], separator: &[u8], inner: &[usize]) -> Tokens<'a> {
    let mut tokens = Tokens::default();
    let (mut literal, mut start, mut field) = (0, 0, 0);
    loop {
        let end = field_end(line, start, separator);
        if inner.contains(&field) {
            let sub = at_blanks(&line[start..end], usize::MAX);
            for (before, value) in sub.literals.iter().zip(&sub.values) {
                let from = offset_of(line, value);
                debug_assert!(from >= before.len());
                tokens.literals.push(&line[literal..from]);
                tokens.values.push(value);
                literal = from + value.len();
            }
        } else {
            let (from, to) = bare_field(line, start, end);
            tokens.literals.push(&line[literal..from]);
            tokens.values.push(&line[from..to]);
            literal = to;
        }
        field += 1;
        if end >= line.len() {
            break;
        }
        start = end + separator.len();
    }
    tokens.literals.push(&line[literal..]);
    tokens
}

fn field_end(line: &[u8], start: usize, separator: &[u8]) -> usize {
    let mut at = start;
    let blanks = line[start..].iter().take_while(|byte| **byte == b' ').count();
    let label = label_length(&line[start + blanks..]).unwrap_or(0);
    if line.get(start + blanks + label) == Some(&b'"')
        && let Some(length) = quoted_length(&line[start + blanks + label + 1..])
    {
        at = start + blanks + label + 1 + length;
    }
    let is_list_mark = separator == b"," || separator == b";";
    while at < line.len() {
        if line[at..].starts_with(separator) && !(is_list_mark && line.get(at + 1) == Some(&b' ')) {
            return at;
        }
        at += 1;
    }
    line.len()
}

/// The value inside a field: without blanks, label, quotes and brackets around it.
fn bare_field(line: &[u8], start: usize, end: usize) -> (usize, usize) {
    let (mut from, mut to) = trim(line, start, end);
    if let Some(length) = label_length(&line[from..to]) {
        (from, to) = trim(line, from + length, to);
    }
    match line[from..to] {
        [b'"', .., b'"'] | [b'[', .., b']'] if to - from >= 2 && is_wrapped(&line[from..to]) => {
            let marks = 1 + brackets(&line[from + 1..to - 1]);
            (from + marks, to - marks)
        }
        _ => (from, to),
    }
}

fn is_wrapped(text: &[u8]) -> bool {
    let inner = &text[1..text.len() - 1];
    !inner.contains(&text[text.len() - 1]) || quoted_length(&text[1..]) == Some(inner.len())
}

fn trim(line: &[u8], mut from: usize, mut to: usize) -> (usize, usize) {
    while from < to && line[from] == b' ' {
        from += 1;
    }
    while to > from && line[to - 1] == b' ' {
        to -= 1;
    }
    (from, to)
}

fn at_labels<'a>(line: &'a [u8], labels: &[Vec<u8>]) -> Tokens<'a> {
    let places = label_places(line, labels);
    let Some((first, _)) = places.first() else { return at_blanks(line, usize::MAX) };
    let mut tokens = at_blanks(&line[..*first], usize::MAX);
    let mut literal = first - tokens.literals.pop().map_or(0, <[u8]>::len);
    for (idx, (at, length)) in places.iter().enumerate() {
        let end = places.get(idx + 1).map_or(line.len(), |(next, _)| *next);
        let (mut from, mut to) = (at + length, end.max(at + length));
        (from, to) = trim(line, from, to);
        if let [b'"', .., b'"'] | [b'[', .., b']'] = line[from..to]
            && to - from >= 2
        {
            let marks = 1 + brackets(&line[from + 1..to - 1]);
            (from, to) = (from + marks, to - marks);
        }
        tokens.literals.push(&line[literal..from]);
        tokens.values.push(&line[from..to]);
        literal = to;
    }
    tokens.literals.push(&line[literal..]);
    tokens
}

fn label_places(line: &[u8], labels: &[Vec<u8>]) -> Vec<(usize, usize)> {
    let mut places = Vec::new();
    let mut from = 0;
    for label in labels {
        let found = if from == 0 && label.first() == Some(&b' ') && line.starts_with(&label[1..]) {
            Some((0, label.len() - 1))
        } else {
            memchr::memmem::find(&line[from..], label).map(|at| (from + at, label.len()))
        };
        let Some((at, length)) = found else { return Vec::new() };
        places.push((at, length));
        from = at + length;
    }
    places
}

/// Labels ` key=` or ` key: ` that occur in at least nine of ten lines, in the order of a line that has them all.
pub(super) fn common_labels(lines: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut counts: Vec<(Vec<u8>, usize)> = Vec::new();
    for line in lines {
        let mut seen: Vec<&[u8]> = Vec::new();
        let mut at = 0;
        while at < line.len() {
            if (at == 0 || line[at - 1] == b' ')
                && let Some(length) = label_length(&line[at..])
            {
                let label = &line[at..at + length];
                if !seen.contains(&label) {
                    seen.push(label);
                }
                at += length;
            } else {
                at += 1;
            }
        }
        for label in seen {
            let with_blank = [b" ", label].concat();
            let n_labels = counts.len();
            if let Some((_, count)) = counts.iter_mut().find(|(known, _)| *known == with_blank) {
                *count += 1;
            } else if n_labels < 200 {
                counts.push((with_blank, 1));
            }
        }
    }
    counts.retain(|(_, count)| count * 10 >= lines.len() * 9);
    counts.into_iter().map(|(label, _)| label).collect()
}
