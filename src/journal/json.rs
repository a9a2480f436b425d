//! Journal entries as JSON: `journalctl -o json`, `json-pretty`, `json-seq` and `json-sse`.
//!
//! In: a buffer of objects, or one object. Out: where objects are, their [`JournalRecord`]s, and a quick look at the
//! two keys a scan needs first.
//! Invariants: strings are borrowed unless they hold escapes; keys come in any order; no tree is built per object.
//! Source: systemd `src/shared/logs-show.c`, `output_json`; RFC 7464 for `json-seq`.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use memchr::{memchr, memmem};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::fault::{Fault, FaultKind};
use super::record::JournalRecord;
use crate::bytes::parse_u64;

/// Where the next object of a buffer is, and where the bytes behind it start.
///
/// `None`: there is no whole object; at the end of the input what is left is none. Text between objects (`data: `, a
/// record separator, blank lines, other lines) is passed over.
pub fn next_object(bytes: &[u8]) -> Option<(Range<usize>, usize)> {
    let mut at = 0;
    while at < bytes.len() {
        let newline = memchr(b'\n', &bytes[at..]).map(|length| at + length);
        let end = newline.unwrap_or(bytes.len());
        let next = newline.map_or(end, |newline| newline + 1);
        let line = bytes[at..end].trim_ascii_end();
        let lead = line.len() - unwrapped(line).len();
        match &line[lead..] {
            // Pretty: strings hold no raw newline, so the first line that is a brace ends the object.
            b"{" => {
                let close = memmem::find(&bytes[end..], b"\n}")? + end + 2;
                return Some((at + lead..close, close));
            }
            [b'{', .., b'}'] => return Some((at + lead..at + line.len(), next)),
            _ => at = next,
        }
    }
    None
}

/// A line without what `json-seq` and `json-sse` put before its object.
fn unwrapped(line: &[u8]) -> &[u8] {
    let line = line.strip_prefix(b"\x1e").unwrap_or(line);
    line.strip_prefix(b"data: ").unwrap_or(line).trim_ascii_start()
}

/// What the quick look at an object finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glance {
    /// When journald received the entry, microseconds UTC.
    pub realtime_us: i64,
    /// Where the value of `MESSAGE` starts in the object, its quote, bracket or `n` of `null` included. `None`: there
    /// is no message.
    pub message_at: Option<usize>,
}

/// Finds the two keys without parsing the object.
#[derive(Debug)]
pub struct Glancer {
    realtime: memmem::Finder<'static>,
    message: memmem::Finder<'static>,
}

impl Default for Glancer {
    fn default() -> Self {
        Glancer::new()
    }
}

impl Glancer {
    /// Builds the two searches; once for all objects.
    pub fn new() -> Self {
        Glancer {
            realtime: memmem::Finder::new(b"\"__REALTIME_TIMESTAMP\""),
            message: memmem::Finder::new(b"\"MESSAGE\""),
        }
    }

    /// Looks at one object. `None`: it has no time, so it is no journal entry.
    ///
    /// A quote inside a string is written `\"`: a key that is found without a backslash before it and with a colon
    /// behind it is a key.
    pub fn glance(&self, object: &[u8]) -> Option<Glance> {
        let at = value_at(&self.realtime, object)?;
        let rest = &object[at..];
        let rest = rest.strip_prefix(b"\"").unwrap_or(rest);
        let n_digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let realtime_us = i64::try_from(parse_u64(&rest[..n_digits])?).ok()?;
        Some(Glance { realtime_us, message_at: value_at(&self.message, object) })
    }
}

/// Where the value of a key starts.
fn value_at(key: &memmem::Finder<'_>, object: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + key.find(&object[from..])?;
        from = at + key.needle().len();
        let rest = &object[from..];
        let n_blanks = rest.iter().take_while(|byte| **byte == b' ').count();
        if rest.get(n_blanks) == Some(&b':') && (at == 0 || object[at - 1] != b'\\') {
            let value = &rest[n_blanks + 1..];
            let n_more = value.iter().take_while(|byte| **byte == b' ').count();
            return Some(from + n_blanks + 1 + n_more);
        }
    }
}

/// One value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonValue<'a> {
    /// The bytes of the value.
    Bytes(Cow<'a, [u8]>),
    /// `null`: journalctl leaves out values of 4 KiB and more unless it is asked for all.
    Withheld,
    /// An object or a number that is no text of a field.
    Other,
    /// The values of a field that occurs more than once.
    Many(Vec<JsonValue<'a>>),
}

/// Parses an object and calls `each` with every field.
///
/// # Errors
/// What is no JSON object; the offset is the column of the damage, counted from 0. Fields before it were given.
pub fn parse_fields<'a>(
    object: &'a [u8],
    each: impl FnMut(&str, JsonValue<'a>),
) -> Result<(), Fault> {
    let mut json = serde_json::Deserializer::from_slice(object);
    let fault = |error: serde_json::Error| Fault {
        kind: FaultKind::Syntax,
        offset: error.column().saturating_sub(1) as u64,
    };
    FieldsSeed(each).deserialize(&mut json).map_err(fault)?;
    json.end().map_err(fault)
}

/// Parses an object as a record.
///
/// # Errors
/// As [`parse_fields`].
pub fn parse(object: &[u8]) -> Result<JournalRecord<'_>, Fault> {
    let mut record = JournalRecord::default();
    parse_fields(object, |name, value| set(&mut record, name, value))?;
    Ok(record)
}

fn set<'a>(record: &mut JournalRecord<'a>, name: &str, value: JsonValue<'a>) {
    match value {
        JsonValue::Bytes(bytes) => record.set(name.as_bytes(), bytes),
        JsonValue::Withheld if name == "MESSAGE" => record.is_message_withheld = true,
        JsonValue::Withheld | JsonValue::Other => {}
        JsonValue::Many(values) => {
            // The first value is the one that counts, as in the other readers.
            if let Some(first) = values.into_iter().next() {
                set(record, name, first);
            }
        }
    }
}

struct FieldsSeed<F>(F);

impl<'de, F: FnMut(&str, JsonValue<'de>)> DeserializeSeed<'de> for FieldsSeed<F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de, F: FnMut(&str, JsonValue<'de>)> Visitor<'de> for FieldsSeed<F> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a journal entry")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(Key(name)) = map.next_key()? {
            (self.0)(&name, map.next_value()?);
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for JsonValue<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = JsonValue<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the value of a field")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(JsonValue::Bytes(Cow::Borrowed(text.as_bytes())))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(JsonValue::Bytes(Cow::Owned(text.as_bytes().to_vec())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(JsonValue::Withheld)
    }

    // Other programs write numbers as numbers.
    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(JsonValue::Bytes(Cow::Owned(number.to_string().into_bytes())))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(JsonValue::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(JsonValue::Other)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(JsonValue::Bytes(Cow::Borrowed(if value { b"true" } else { b"false" })))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(JsonValue::Other)
    }

    /// Numbers are the bytes of one value; anything else are the values of a repeated field.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut bytes = Vec::new();
        let mut values = Vec::new();
        while let Some(item) = list.next_element()? {
            match item {
                Item::Byte(byte) => bytes.push(byte),
                Item::Value(value) => values.push(value),
            }
        }
        Ok(if values.is_empty() {
            JsonValue::Bytes(Cow::Owned(bytes))
        } else {
            JsonValue::Many(values)
        })
    }
}

enum Item<'a> {
    Byte(u8),
    Value(JsonValue<'a>),
}

impl<'de> Deserialize<'de> for Item<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(ItemVisitor)
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a byte or a value")
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(u8::try_from(number).map_or(Item::Value(JsonValue::Other), Item::Byte))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Item::Value(JsonValue::Bytes(Cow::Borrowed(text.as_bytes()))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Item::Value(JsonValue::Bytes(Cow::Owned(text.as_bytes().to_vec()))))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Item::Value(JsonValue::Withheld))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        ValueVisitor.visit_seq(list).map(Item::Value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::journal::tests::corpus;

    #[track_caller]
    fn check(object: &str, message: Option<&[u8]>, is_withheld: bool) {
        let record = parse(object.as_bytes()).expect(object);
        assert_eq!(record.message.as_deref(), message);
        assert_eq!(record.is_message_withheld, is_withheld);
    }

    #[test]
    fn a_message_comes_in_every_shape() {
        check(r#"{"MESSAGE":"a\tb","PRIORITY":"6"}"#, Some(b"a\tb"), false);
        check(r#"{"MESSAGE":[27,91,109,255]}"#, Some(b"\x1b[m\xff"), false);
        check(r#"{"MESSAGE":null}"#, None, true);
        check(r#"{"MESSAGE":["a","b"]}"#, Some(b"a"), false);
        check(r#"{"MESSAGE":[[104,105],null]}"#, Some(b"hi"), false);
        check(r#"{"MESSAGE":""}"#, Some(b""), false);
        check(r#"{"_PID":7,"x":{"MESSAGE":"inner"},"y":-1.5}"#, None, false);
        assert!(matches!(
            parse(br#"{"MESSAGE":"plain"}"#).expect("JSON").message,
            Some(Cow::Borrowed(b"plain"))
        ));
        assert_eq!(parse(br#"{"MESSAGE":"cut"#).expect_err("is cut").kind, FaultKind::Syntax);
    }

    #[test]
    fn objects_are_found_in_every_mode() {
        let check = |text: &str, objects: &[&str]| {
            let (mut at, mut found) = (0, Vec::new());
            while let Some((range, next)) = next_object(&text.as_bytes()[at..]) {
                found.push(&text[at + range.start..at + range.end]);
                at += next;
            }
            assert_eq!(found, objects);
        };
        check("{\"A\":\"1\"}\n{\"A\":\"2\"}", &["{\"A\":\"1\"}", "{\"A\":\"2\"}"]);
        check("\x1e{\"A\":\"1\"}\n\x1e{\"A\":\"2\"}\n", &["{\"A\":\"1\"}", "{\"A\":\"2\"}"]);
        check("data: {\"A\":\"1\"}\n\ndata: {}\n\n", &["{\"A\":\"1\"}", "{}"]);
        check(
            "{\n\t\"A\" : \"1\"\n}\n{\n\t\"A\" : \"2\"\n}\n{\n\t",
            &["{\n\t\"A\" : \"1\"\n}", "{\n\t\"A\" : \"2\"\n}"],
        );
        check("-- No entries --\n", &[]);
    }

    #[test]
    fn the_quick_look_is_not_misled_by_messages() {
        let check = |object: &str, expected: Option<(i64, Option<&str>)>| {
            let glance = Glancer::new().glance(object.as_bytes());
            let found = glance
                .map(|glance| (glance.realtime_us, glance.message_at.map(|at| &object[at..=at])));
            assert_eq!(found, expected, "{object}");
        };
        check(r#"{"MESSAGE":"x","__REALTIME_TIMESTAMP":"17"}"#, Some((17, Some("\""))));
        check(r#"{"__REALTIME_TIMESTAMP" : "17", "MESSAGE" : [1]}"#, Some((17, Some("["))));
        check(r#"{"A":"\"MESSAGE\":","B":"MESSAGE","__REALTIME_TIMESTAMP":"1"}"#, Some((1, None)));
        check(r#"{"A":"\"MESSAGE","__REALTIME_TIMESTAMP":"1"}"#, Some((1, None)));
        check(r#"{"A":"1"}"#, None);
        check("", None);
    }

    #[test]
    fn real_objects_are_read_and_glanced_at_alike() {
        for name in ["journal/expected/plain-jenkins.v257.json", "real/journald_nginx/journal.json"]
        {
            let Some(path) = corpus(name) else { return };
            let text = std::fs::read(path).expect("is readable");
            let glancer = Glancer::new();
            let (mut at, mut n_objects) = (0, 0);
            while let Some((range, next)) = next_object(&text[at..]) {
                let object = &text[at + range.start..at + range.end];
                let record = parse(object).expect("is an entry");
                let glance = glancer.glance(object).expect("has a time");
                assert_eq!(glance.realtime_us, record.realtime_us);
                let has_message = record.message.is_some() || record.is_message_withheld;
                assert_eq!(glance.message_at.is_some(), has_message);
                at += next;
                n_objects += 1;
            }
            assert_eq!(n_objects, memchr::memchr_iter(b'\n', &text).count());
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[\\x1e\\n \\{\\}\\[\\]\":,\\\\0-9ntuMESAGdat_]{0,60}") {
            let _ = parse(text.as_bytes());
            let _ = next_object(text.as_bytes());
            let _ = Glancer::new().glance(text.as_bytes());
        }
    }
}
