//! Compiles an access log format into a plan by which lines are read.
//!
//! In: the text of an nginx `log_format`, e.g. `$remote_addr - $remote_user [$time_local] "$request" $status`, or the
//! parts that another grammar found (Apache `LogFormat`). Out: a [`Layout`], which reads lines at two speeds.
//! Invariants: `parse` accepts a line only if the whole layout fits the whole line; for such a line `glance` finds the
//! same stamp and status. Time is linear in the line: fields are searched once each, and at most
//! [`MAX_TRIES`] times again in all.
//! Source: nginx `ngx_http_log_module.c`.

mod fit;
mod shape;
#[cfg(test)]
mod tests;

use std::fmt;

use fearless_simd::{Level, Simd, dispatch};
use nom::branch::alt;
use nom::bytes::complete::{tag, take_till1, take_while1};
use nom::combinator::{all_consuming, map};
use nom::multi::many0;
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

use self::fit::{Fitted, Spans, fit};
use self::shape::{CLF_BYTES, Literal, Shape, Surroundings, shape};
pub(in crate::format) use self::shape::{Kind, next_quote, nginx_variable};
use super::Glance;
use crate::bytes::{find_near, parse_status};
use crate::record::{AccessRecord, Escape, Field, Skip};
use crate::time::{Notation, Stamp};

/// Most variables a layout can have, so that parsing needs no allocation. Formats rarely have more than 40.
pub const MAX_VARIABLES: usize = 128;

/// How many searches may be repeated for one line, because an earlier field did not end where it seemed to.
///
/// Lines written by servers need none or one. The limit is for lines written to cost time.
pub const MAX_TRIES: u32 = 64;

/// A compiled `log_format`. Immutable.
#[derive(Clone)]
pub struct Layout {
    body: String,
    escape: Escape,
    lead: Vec<u8>,
    slots: Vec<Slot>,
    /// Index of the slot that dates a line; `None` where what stands around the line does.
    time: Option<usize>,
    notation: Notation,
    /// A second slot for the same instant, since the epoch (`$msec`), when the line is dated by whole seconds.
    fine_time: Option<(usize, Notation)>,
    status: usize,
    anchor: Option<Anchor>,
}

/// A variable and the literal that follows it.
#[derive(Clone)]
struct Slot {
    name: String,
    field: Field,
    shape: Shape,
    after: Literal,
}

/// The short way to stamp and status, for layouts with `[$time_local] "$request" $status`, no `"` before that, and
/// escaping of `"`: the first `"` of a line behind a time opens the request, since no value can hold one.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    /// The first `"` is at this offset or later.
    least: usize,
}

/// One variable of a format, as its grammar understands it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::format) struct Part {
    /// The server's own name, for people.
    pub(in crate::format) name: String,
    /// What it means.
    pub(in crate::format) field: Field,
    /// What it prints.
    pub(in crate::format) kind: Kind,
    /// The literal text behind it.
    pub(in crate::format) after: String,
}

/// A piece of a format.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece<'b> {
    Literal(&'b str),
    Variable(&'b str),
}

fn pieces(body: &str) -> IResult<&str, Vec<Piece<'_>>> {
    let name = |text| {
        take_while1(|letter: char| letter.is_ascii_alphanumeric() || letter == '_').parse(text)
    };
    all_consuming(many0(alt((
        map(delimited(tag("${"), name, tag("}")), Piece::Variable),
        map(preceded(tag("$"), name), Piece::Variable),
        map(take_till1(|letter| letter == '$'), Piece::Literal),
    ))))
    .parse(body)
}

impl Layout {
    /// Compiles the text of a format: the strings of a `log_format` directive, put together without a separator.
    ///
    /// # Errors
    ///
    /// Says in words why lines of this format cannot be read: no time, no status, a `$` without a name, a line break
    /// inside, too many variables.
    ///
    /// # Examples
    ///
    /// ```
    /// use logscan503::format::layout::Layout;
    /// use logscan503::record::Escape;
    ///
    /// let layout = Layout::compile("$msec|$status|$request_uri", Escape::Default).expect("valid");
    /// assert_eq!(layout.glance(b"1795210283.328|503|/cart").expect("of this layout").status, 503);
    /// assert!(Layout::compile("$remote_addr $status", Escape::Default).is_err());
    /// ```
    pub fn compile(body: &str, escape: Escape) -> Result<Layout, String> {
        let text = body.trim_end();
        let (_, pieces) = pieces(text).map_err(|_| describe_bad_dollar(text))?;
        if text.contains(['\n', '\r']) {
            return Err("a line break inside the format: one record per line is needed".to_owned());
        }
        let mut lead = String::new();
        let mut parts: Vec<Part> = Vec::new();
        for piece in pieces {
            match (piece, parts.last_mut()) {
                (Piece::Literal(literal), None) => literal.clone_into(&mut lead),
                (Piece::Literal(literal), Some(part)) => literal.clone_into(&mut part.after),
                (Piece::Variable(name), _) => {
                    let (field, kind) = nginx_variable(name);
                    parts.push(Part { name: name.to_owned(), field, kind, after: String::new() });
                }
            }
        }
        if !parts.iter().any(|part| matches!(part.kind, Kind::Time(_))) {
            return Err(
                "the format has no time: it needs $time_iso8601, $time_local or $msec".to_owned()
            );
        }
        if !parts.iter().any(|part| part.field == Field::Status) {
            return Err("the format has no $status".to_owned());
        }
        Layout::assemble(body, escape, lead, &parts)
    }

    /// Builds the layout of parts that a grammar found in `body`; `lead` is the literal text before the first.
    ///
    /// # Errors
    ///
    /// Says in words why such lines cannot be read.
    pub(in crate::format) fn assemble(
        body: &str,
        escape: Escape,
        lead: String,
        parts: &[Part],
    ) -> Result<Layout, String> {
        let layout = Layout::assemble_undated(body, escape, lead, parts)?;
        if layout.time.is_some() { Ok(layout) } else { Err("the format has no time".to_owned()) }
    }

    /// As [`Layout::assemble`], of parts among which no time need be: a record then has the time 0, without zone.
    ///
    /// # Errors
    ///
    /// Says in words why such lines cannot be read.
    pub(in crate::format) fn assemble_undated(
        body: &str,
        escape: Escape,
        lead: String,
        parts: &[Part],
    ) -> Result<Layout, String> {
        if parts.len() > MAX_VARIABLES {
            return Err(format!("{} variables; at most {MAX_VARIABLES} can be read", parts.len()));
        }
        let mut slots = Vec::with_capacity(parts.len());
        let mut before = lead.as_bytes();
        for (index, part) in parts.iter().enumerate() {
            let (after, is_last) = (part.after.as_bytes(), index + 1 == parts.len());
            let place = Surroundings { before, after, is_last, escape };
            let shape = shape(part.field, part.kind, place);
            let (name, field) = (part.name.clone(), part.field);
            slots.push(Slot { name, field, shape, after: Literal::new(after) });
            before = after;
        }
        let notation_of = |slot: &Slot| match slot.shape {
            Shape::Time(notation) => Some(notation),
            _ => None,
        };
        let (time, notation) = slots
            .iter()
            .enumerate()
            .find_map(|(index, slot)| Some((Some(index), notation_of(slot)?)))
            .unwrap_or((None, Notation::Syslog));
        let status = slots
            .iter()
            .position(|slot| slot.field == Field::Status)
            .ok_or("the format has no status")?;
        let fine_time = slots.iter().enumerate().find_map(|(index, slot)| {
            let notation = notation_of(slot).filter(|fine| {
                use Notation::{EpochMicros, EpochMillis, EpochSeconds};
                matches!(fine, EpochSeconds | EpochMillis | EpochMicros)
            })?;
            (Some(index) != time && slot.field == Field::Time).then_some((index, notation))
        });
        let mut layout = Layout {
            body: body.to_owned(),
            escape,
            lead: lead.into_bytes(),
            slots,
            time,
            notation,
            fine_time,
            status,
            anchor: None,
        };
        layout.anchor = layout.find_anchor();
        Ok(layout)
    }

    fn find_anchor(&self) -> Option<Anchor> {
        let literal = |index: usize| self.slots.get(index).map(|slot| slot.after.bytes());
        let time = self.time?;
        let before = time.checked_sub(1).map_or(Some(&self.lead[..]), literal)?;
        let last = self.status == time + 2 && self.status + 1 == self.slots.len();
        let after = literal(self.status)?;
        let fits = matches!(self.escape, Escape::Default | Escape::Apache)
            && self.notation == Notation::Clf
            && before.ends_with(b"[")
            && literal(time)? == b"] \""
            && self.slots.get(time + 1)?.shape == Shape::Quoted
            && literal(time + 1)? == b"\" "
            && self.status == time + 2
            && (after.starts_with(b" ") || (last && after.is_empty()));
        let mut least = self.lead.len() + CLF_BYTES + b"] ".len();
        let mut has_quote = self.lead.contains(&b'"');
        for slot in &self.slots[..time] {
            least += slot.after.bytes().len();
            has_quote |= slot.after.bytes().contains(&b'"');
        }
        (fits && !has_quote).then_some(Anchor { least })
    }

    /// The text that was compiled.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// How values are escaped.
    pub fn escape(&self) -> Escape {
        self.escape
    }

    /// How the time that dates a line is written: the first time variable of the layout.
    pub fn notation(&self) -> Notation {
        self.notation
    }

    /// The variables in the order of the line, under nginx's names without `$`, and what each is.
    pub fn variables(&self) -> impl ExactSizeIterator<Item = (&str, Field)> {
        self.slots.iter().map(|slot| (slot.name.as_str(), slot.field))
    }

    /// Finds stamp and status of a line (without terminator), looking no further than needed.
    ///
    /// Accepts every line that [`Layout::parse`] accepts, and some that are cut or have more fields.
    ///
    /// # Errors
    ///
    /// A [`Skip`] that says what is missing.
    pub fn glance<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        dispatch!(Level::baseline(), simd => self.look(simd, line))
    }

    /// [`Layout::glance`] by the vectors of some machine.
    // The hot function of the product. Common layouts take the anchor: two searches for `"` and a few comparisons.
    // Others walk field by field while each can end in one place only. What is left is matched in full, slowly.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "called once per line by the hot loop")]
    pub(super) fn look<'a, S: Simd>(&self, simd: S, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        if let Some(anchor) = self.anchor
            && let Some(glance) = anchor.look(simd, line)
        {
            return Ok(glance);
        }
        self.glance_by_walking(line)
    }

    #[inline(never)]
    fn glance_by_walking<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        match self.walk(line) {
            Some((stamp, status)) => Ok(Glance { stamp, status }),
            None => self.glance_by_matching(line),
        }
    }

    #[cold]
    fn glance_by_matching<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        let mut spans = Spans::NONE;
        fit(self, line, &mut spans)?;
        let status = status_of(spans.of(self.status, line)).ok_or(Skip::BadStatus)?;
        Ok(Glance { stamp: self.time_of(&spans, line), status })
    }

    /// Stamp and status, if every field up to them can end in one place only.
    fn walk<'a>(&self, line: &'a [u8]) -> Option<(&'a [u8], u16)> {
        let mut at = line.strip_prefix(&self.lead[..]).map(|_| self.lead.len())?;
        let (mut stamp, mut status) = (&line[..0], 0);
        let upto = self.time.map_or(self.status, |time| time.max(self.status));
        for (index, slot) in self.slots.iter().enumerate().take(upto + 1) {
            let after = slot.after.bytes();
            let end = match slot.shape {
                Shape::Open { list: false, .. } if !after.is_empty() => {
                    let limit = next_quote(self.escape, line, at);
                    let region = &line[at..(limit + after.len()).min(line.len())];
                    let first = slot.after.find(region)?;
                    if slot.after.find(&region[first + 1..]).is_some() {
                        return None;
                    }
                    at + first
                }
                shape => shape.end(self.escape, line, at, after).ok()?,
            };
            if Some(index) == self.time {
                stamp = &line[at..end];
            } else if index == self.status {
                status = status_of(&line[at..end])?;
            }
            if !line[end..].starts_with(after) {
                return None;
            }
            at = end + after.len();
        }
        Some((stamp, status))
    }

    /// Reads a whole line (without terminator); blanks at its end are ignored.
    ///
    /// # Errors
    ///
    /// A [`Skip`] that says why the layout does not fit.
    pub fn parse<'a>(&self, line: &'a [u8]) -> Result<AccessRecord<'a>, Skip> {
        let mut spans = Spans::NONE;
        let fitted = fit(self, line, &mut spans)?;
        let status = status_of(spans.of(self.status, line)).ok_or(Skip::BadStatus)?;
        let time = self.time_of(&spans, line);
        let stamp = match self.time {
            Some(_) => self.notation.parse(time).ok_or(Skip::BadTime)?,
            None => Stamp { micros: 0, offset_s: None },
        };
        if fitted == Fitted::WithRawQuotes
            && self.glance(line) != Ok(Glance { stamp: time, status })
        {
            return Err(Skip::Shape);
        }
        let mut record = AccessRecord::new(self.refined(stamp, line, &spans), status, self.escape);
        for (index, slot) in self.slots.iter().enumerate() {
            if slot.field != Field::Other {
                record.set(slot.field, spans.of(index, line));
            }
        }
        Ok(record)
    }

    /// The text that dates a line; empty where none does.
    fn time_of<'a>(&self, spans: &Spans, line: &'a [u8]) -> &'a [u8] {
        self.time.map_or(b"", |time| spans.of(time, line))
    }

    /// The stamp with the fraction of a second that a `$msec` of the same line gives.
    ///
    /// Both print the server's one cached time, so the second is the same; if it is not, the line was tampered with.
    fn refined(&self, stamp: Stamp, line: &[u8], spans: &Spans) -> Stamp {
        let fine = self.fine_time.and_then(|(slot, notation)| notation.parse(spans.of(slot, line)));
        match fine {
            Some(fine) if (0..1_000_000).contains(&(fine.micros - stamp.micros)) => {
                Stamp { micros: fine.micros, ..stamp }
            }
            _ => stamp,
        }
    }

    /// Calls `each` with nginx's name and the raw value of every variable, in the order of the line.
    ///
    /// Does nothing for a line that [`Layout::parse`] refuses.
    pub fn each_field<'a>(&self, line: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        let mut spans = Spans::NONE;
        if fit(self, line, &mut spans).is_ok() {
            for (index, slot) in self.slots.iter().enumerate() {
                each(&slot.name, spans.of(index, line));
            }
        }
    }
}

/// A status; 0 for no response, for which `HAProxy` has -1.
#[inline]
fn status_of(text: &[u8]) -> Option<u16> {
    if matches!(text, b"0" | b"-" | b"-1") { Some(0) } else { parse_status(text) }
}

impl Anchor {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "called once per line by the hot loop")]
    fn look<S: Simd>(self, simd: S, line: &[u8]) -> Option<Glance<'_>> {
        let quote = self.least + find_near(simd, b'"', line.get(self.least..)?)?;
        // `[` + stamp + `] ` end at the quote; the layout's literals hold at least these bytes.
        let dated = line.get(quote.checked_sub(CLF_BYTES + 3)?..quote)?;
        let [b'[', stamp @ .., b']', b' '] = dated else { return None };
        let rest = &line[quote + 1..];
        let close = find_near(simd, b'"', rest)?;
        // Only Apache writes `\"`: what follows is for the slower ways.
        if close > 0 && rest[close - 1] == b'\\' {
            return None;
        }
        let ([b' ', a, b, c, b' ', ..] | [b' ', a, b, c]) = rest[close + 1..] else { return None };
        Some(Glance { stamp, status: parse_status(&[a, b, c])? })
    }
}

impl fmt::Debug for Layout {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Layout")
            .field("body", &self.body)
            .field("escape", &self.escape)
            .field("anchor", &self.anchor)
            .finish_non_exhaustive()
    }
}

/// What is wrong with a format whose pieces do not parse: a `$` that starts no variable.
fn describe_bad_dollar(body: &str) -> String {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let bad = body.match_indices('$').find(|(at, _)| {
        let rest = &body[at + 1..];
        match rest.strip_prefix('{') {
            Some(braced) => !braced
                .find(|letter| !is_name(letter))
                .is_some_and(|end| end > 0 && braced[end..].starts_with('}')),
            None => !rest.starts_with(is_name),
        }
    });
    match bad {
        Some((at, _)) => format!("`$` without a variable name at byte {}", at + 1),
        None => "not a log format".to_owned(),
    }
}
