//! A plain matcher for inferred layouts: good enough to count the lines that fit.
//!
//! In: a format string, lines. Out: yes or no.
//! Invariants: values end where the next literal text first occurs; lists of attempts and times may hold blanks.

use memchr::memmem;

use super::tokens::{Cut, cut};
use crate::bytes::parse_status;
use crate::record::Escape;
use crate::time::{
    parse_clf, parse_clf_variant, parse_epoch_micros, parse_epoch_millis, parse_epoch_seconds,
    parse_iso8601,
};

/// A format string, taken apart.
#[derive(Debug)]
pub(super) struct Matcher {
    head: Vec<u8>,
    // A variable, and the literal text after it.
    parts: Vec<(String, Vec<u8>)>,
    escape: Escape,
}

impl Matcher {
    /// Takes a format string apart.
    pub(super) fn new(body: &str, escape: Escape) -> Self {
        let mut pieces = body.split('$');
        let head = pieces.next().unwrap_or_default().as_bytes().to_vec();
        let parts = pieces
            .map(|piece| {
                let braced = piece.strip_prefix('{').and_then(|piece| piece.split_once('}'));
                let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
                let end = piece.find(|letter| !is_name(letter)).unwrap_or(piece.len());
                let (name, literal) = braced.unwrap_or_else(|| piece.split_at(end));
                (name.to_owned(), literal.as_bytes().to_vec())
            })
            .collect();
        Matcher { head, parts, escape }
    }

    /// True when a line has all literal text in order, and a time and a status where they belong.
    pub(super) fn fits(&self, line: &[u8]) -> bool {
        let Some(mut rest) = line.strip_prefix(self.head.as_slice()) else { return false };
        for (idx, (name, literal)) in self.parts.iter().enumerate() {
            let is_last = idx + 1 == self.parts.len();
            let Some(length) = self.value_length(name, literal, rest, is_last) else {
                return false;
            };
            let value = &rest[..length];
            let is_good = match name.as_str() {
                "status" => parse_status(value).is_some(),
                "time_local" => parse_clf(value).is_some(),
                "time_local_variant" => parse_clf_variant(value).is_some(),
                "time_iso8601" => parse_iso8601(value).is_some(),
                "time_epoch_millis" => parse_epoch_millis(value).is_some(),
                "time_epoch_micros" => parse_epoch_micros(value).is_some(),
                "msec" => parse_epoch_seconds(value).is_some(),
                _ => true,
            };
            if !is_good {
                return false;
            }
            rest = &rest[length + literal.len()..];
        }
        rest.is_empty()
    }

    fn value_length(
        &self,
        name: &str,
        literal: &[u8],
        rest: &[u8],
        is_last: bool,
    ) -> Option<usize> {
        if is_last {
            return rest.strip_suffix(literal).map(<[u8]>::len);
        }
        let may_hold_blanks = name.starts_with("upstream_") || name.starts_with("time_");
        if literal.starts_with(b" ")
            && may_hold_blanks
            && let Some(first) = cut(rest, &Cut::BlanksThenRest(1)).values.first()
            && rest.starts_with(first)
            && rest[first.len()..].starts_with(literal)
        {
            return Some(first.len());
        }
        let mut from = 0;
        loop {
            let at = from + memmem::find(rest.get(from..)?, literal)?;
            let n_escapes = rest[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
            let is_escaped =
                self.escape == Escape::Json && literal.first() == Some(&b'"') && n_escapes % 2 == 1;
            if !is_escaped {
                return Some(at);
            }
            from = at + 1;
        }
    }
}
