//! The grammar of Apache's `ErrorLogFormat`.
//!
//! In: the text of a format. Out: an [`ErrorLayout`], which cuts lines into parts.
//! A format is a row of fields, each with at most one item and the literal text around it; a blank parts them, `\ ` is
//! a blank inside a field, `% ` parts fields without printing anything. A field whose item is empty is left out with
//! its text, so every field but the time is tried and may be missing.
//! Source: Apache httpd 2.4 `server/log.c` (`parse_errorlog_string`, `do_errorlog_format`).

use nom::branch::alt;
use nom::bytes::complete::{tag, take_till, take_while};
use nom::character::complete::{anychar, char, satisfy};
use nom::combinator::{all_consuming, map, opt, value};
use nom::multi::many0;
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

use super::{LEVELS, Parts, take_errno};
use crate::record::Skip;
use crate::time::Notation;

/// A compiled `ErrorLogFormat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorLayout {
    fields: Vec<Slot>,
    notation: Notation,
}

/// A field: an item and the text around it, with the blank that parts it from the field before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Slot {
    /// Whether a blank stands before it, unless it is the first one printed.
    blank: bool,
    before: Vec<u8>,
    item: Option<Item>,
    after: Vec<u8>,
}

impl Slot {
    /// The length of what `body` begins with where the item has no value: a hyphen, or nothing where text ends it.
    fn absent_length(&self, body: &[u8]) -> Option<usize> {
        if matches!(self.item, None | Some(Item::Time | Item::Message)) {
            return None;
        }
        let behind = body.strip_prefix(b"-").unwrap_or(body);
        let length = body.len() - behind.len();
        let is_ended = if self.after.is_empty() {
            length == 1 && behind.first().is_none_or(|byte| b" \t,;|".contains(byte))
        } else {
            behind.starts_with(&self.after)
        };
        is_ended.then_some(length)
    }
}

/// What a field prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Time,
    Module,
    Level,
    Pid,
    Tid,
    /// The log id of the request.
    RequestId,
    Client,
    Errno,
    Message,
    Referer,
    /// `file.c(123)`.
    SourceFile,
    /// Text without blanks, used by nothing.
    Word,
}

/// A piece of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece<'b> {
    Literal(char),
    /// A blank that ends a field and is printed.
    Blank,
    /// The end of a field that prints nothing.
    Break,
    Item {
        argument: Option<&'b str>,
        letter: char,
    },
}

fn pieces(text: &str) -> IResult<&str, Vec<Piece<'_>>> {
    let modifiers = |text| {
        take_while(|letter: char| letter.is_ascii_digit() || letter == '-' || letter == '+')
            .parse(text)
    };
    let argument = delimited(char('{'), take_till(|letter| letter == '}'), char('}'));
    let item = map(
        preceded(
            (char('%'), modifiers),
            (opt(argument), satisfy(|letter| letter.is_ascii_alphabetic())),
        ),
        |(argument, letter)| Piece::Item { argument, letter },
    );
    all_consuming(many0(alt((
        value(Piece::Literal('%'), tag("%%")),
        value(Piece::Break, tag("% ")),
        item,
        map(preceded(char('\\'), anychar), |letter| match letter {
            'n' => Piece::Literal('\n'),
            't' => Piece::Literal('\t'),
            other => Piece::Literal(other),
        }),
        value(Piece::Blank, char(' ')),
        map(satisfy(|letter| letter != '%'), Piece::Literal),
    ))))
    .parse(text)
}

impl ErrorLayout {
    /// Compiles the text of an `ErrorLogFormat`.
    ///
    /// # Errors
    ///
    /// Says in words why such lines cannot be read: no time, no message, text that is no format.
    ///
    /// # Examples
    ///
    /// ```
    /// use logscan503::format::apache_error::error_log_format::ErrorLayout;
    ///
    /// assert!(ErrorLayout::compile(r"[%{u}t] [%-m:%l] [pid %P] %E: [client\ %a] %M").is_ok());
    /// assert!(ErrorLayout::compile("%M").is_err());
    /// ```
    pub fn compile(body: &str) -> Result<ErrorLayout, String> {
        let (_, pieces) = pieces(body.trim_end())
            .map_err(|_| "expected `%` to be followed by an item of ErrorLogFormat".to_owned())?;
        let mut notation = None;
        let mut fields: Vec<Slot> = vec![Slot::default()];
        for piece in pieces {
            let last = fields.len() - 1;
            let field = &mut fields[last];
            match piece {
                Piece::Literal(letter) => {
                    let text =
                        if field.item.is_some() { &mut field.after } else { &mut field.before };
                    text.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Piece::Blank => fields.push(Slot { blank: true, ..Slot::default() }),
                Piece::Break => fields.push(Slot::default()),
                Piece::Item { argument, letter } => {
                    let item = item_of(letter, argument);
                    if item == Item::Time && notation.is_none() {
                        notation = Some(time_notation(argument)?);
                    }
                    // Two items in one field, `%m:%l`: the second opens a field of its own that no blank parts.
                    if field.item.is_some() {
                        fields.push(Slot { item: Some(item), ..Slot::default() });
                    } else {
                        field.item = Some(item);
                    }
                }
            }
        }
        fields.retain(|field| *field != Slot::default());
        let has = |item: Item| fields.iter().any(|field| field.item == Some(item));
        if !has(Item::Message) {
            return Err("the format has no message: it needs %M".to_owned());
        }
        let notation = notation.ok_or("the format has no time: it needs %t")?;
        Ok(ErrorLayout { fields, notation })
    }

    /// How times are written.
    pub fn notation(&self) -> Notation {
        self.notation
    }

    /// Cuts a record into its parts.
    pub(super) fn parts<'a>(&self, record: &'a [u8]) -> Result<Parts<'a>, Skip> {
        let line_end = memchr::memchr(b'\n', record).unwrap_or(record.len());
        let mut parts = Parts::default();
        let (mut at, mut errno_at, mut is_first) = (0, None, true);
        for (index, field) in self.fields.iter().enumerate() {
            let rest = &record[at..line_end];
            let blank = usize::from(field.blank && !is_first && rest.first() == Some(&b' '));
            let Some(body) = rest[blank..].strip_prefix(&field.before[..]) else {
                if field.item == Some(Item::Time) {
                    return Err(Skip::Shape);
                }
                continue;
            };
            let start = line_end - body.len();
            let length = match field.item {
                None => Some(0),
                Some(Item::Message) => Some(self.message_length(index, body)),
                Some(item) => value_length(item, body, &field.after, self.notation),
            };
            let fits = length.is_some_and(|length| body[length..].starts_with(&field.after));
            // `%-a` prints a hyphen for what there is not.
            if !fits && let Some(length) = field.absent_length(body) {
                at = start + length + field.after.len();
                is_first = false;
                continue;
            }
            let (Some(length), true) = (length, fits) else {
                if field.item == Some(Item::Time) {
                    return Err(Skip::BadTime);
                }
                continue;
            };
            if field.item == Some(Item::Errno) {
                errno_at = Some(start);
            }
            let value = &body[..length];
            match field.item {
                Some(Item::Time) if parts.stamp.is_empty() => parts.stamp = value,
                Some(Item::Module) => parts.module = value,
                Some(Item::Level) => parts.level = value,
                Some(Item::Pid) => parts.pid = value,
                Some(Item::Tid) => parts.tid = value,
                Some(Item::RequestId) if value != b"-" => parts.request_id = value,
                Some(Item::Client) => parts.client = Some(value),
                Some(Item::Errno) => parts.errno = Some(value),
                Some(Item::Referer) => parts.referrer = Some(value).filter(|value| *value != b"-"),
                Some(Item::Message) => {
                    // Lines glued to the record belong to the message, unless something follows it on its own line.
                    let is_last = start + length == line_end;
                    let end = if is_last { record.len() } else { start + length };
                    parts.text = &record[start..end];
                    parts.message = &record[errno_at.unwrap_or(start)..end];
                }
                _ => {}
            }
            at = start + length + field.after.len();
            is_first = false;
        }
        if parts.stamp.is_empty() || parts.text.is_empty() {
            return Err(Skip::Shape);
        }
        Ok(parts)
    }

    /// A message ends where the text of the next field with an item begins, or with the line, before what the format ends
    /// in.
    fn message_length(&self, index: usize, body: &[u8]) -> usize {
        let own = &self.fields[index].after;
        let end = self.fields.last().map_or(&[][..], |last| &last.after[..]);
        let whole = body.strip_suffix(end).unwrap_or(body).len();
        self.fields[index + 1..]
            .iter()
            .filter(|field| field.item.is_some())
            .filter_map(|field| {
                let blank: &[u8] = if field.blank { b" " } else { b"" };
                let mark = [own, blank, &field.before[..]].concat();
                (!mark.trim_ascii().is_empty()).then(|| memchr::memmem::find(body, &mark))?
            })
            .min()
            .unwrap_or(whole)
    }
}

fn item_of(letter: char, argument: Option<&str>) -> Item {
    match (letter, argument) {
        ('t', _) => Item::Time,
        ('m', _) => Item::Module,
        ('l', _) => Item::Level,
        ('P', _) => Item::Pid,
        ('T', _) => Item::Tid,
        ('L', None) => Item::RequestId,
        ('a', _) => Item::Client,
        ('E', _) => Item::Errno,
        ('M', _) => Item::Message,
        ('F', _) => Item::SourceFile,
        ('i', Some(name)) if name.eq_ignore_ascii_case("Referer") => Item::Referer,
        _ => Item::Word,
    }
}

/// How the time of an `ErrorLogFormat` is written: flags `u` (microseconds), `c` (compact) and `z` (offset), or
/// `strftime`.
fn time_notation(argument: Option<&str>) -> Result<Notation, String> {
    let argument = argument.unwrap_or_default();
    if argument.chars().all(|letter| "cuz".contains(letter)) {
        return Ok(if argument.contains('c') { Notation::Iso8601 } else { Notation::Ctime });
    }
    match argument.replace("%T", "%H:%M:%S").replace("%F", "%Y-%m-%d").trim_end_matches(" %z") {
        "%Y-%m-%d %H:%M:%S" | "%Y-%m-%dT%H:%M:%S" | "%Y-%m-%dT%H:%M:%S%z" => Ok(Notation::Iso8601),
        "%d/%b/%Y:%H:%M:%S" | "%d/%b/%Y %H:%M:%S" => Ok(Notation::ClfVariant),
        "%a %b %d %H:%M:%S %Y" => Ok(Notation::Ctime),
        _ => Err(format!("the time `%{{{argument}}}t` cannot be read")),
    }
}

/// The length of a value at the start of `text`. `None`: no such value.
fn value_length(item: Item, text: &[u8], after: &[u8], notation: Notation) -> Option<usize> {
    let leading =
        |test: fn(&u8) -> bool| text.iter().position(|byte| !test(byte)).unwrap_or(text.len());
    let some = |length: usize| (length > 0).then_some(length);
    match item {
        Item::Time => (19..=42).rev().find(|length| {
            text.get(..*length).is_some_and(|stamp| notation.parse(stamp).is_some())
                && text[*length..].starts_with(after)
        }),
        Item::Level => LEVELS.iter().find(|level| text.starts_with(level)).map(|level| level.len()),
        Item::Module => {
            some(leading(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')))
        }
        Item::Pid | Item::Tid => some(leading(u8::is_ascii_digit)),
        Item::Client => some(leading(|byte| {
            byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':' | b'[' | b']')
        }))
        .map(|length| {
            if after.starts_with(b"]") && text[..length].ends_with(b"]") {
                length - 1
            } else {
                length
            }
        }),
        // In a column of its own it ends with that.
        Item::Errno if after.starts_with(b"\"") || after.starts_with(b"|") => {
            let end = memchr::memmem::find(text, after)?;
            text.starts_with(b"(").then_some(end)
        }
        Item::Errno => take_errno(text).map(<[u8]>::len),
        Item::Referer => Some(text.strip_suffix(after).unwrap_or(text).len()),
        Item::Message => None,
        Item::SourceFile | Item::Word | Item::RequestId => {
            // In quotes there may be blanks.
            let is_quoted = after.starts_with(b"\"");
            let solid = if is_quoted { text.len() } else { leading(|byte| *byte != b' ') };
            let end = if after.is_empty() {
                solid
            } else {
                memchr::memmem::find(&text[..(solid + after.len()).min(text.len())], after)?
            };
            let is_wanted = item != Item::SourceFile || text[..end].ends_with(b")");
            some(end).filter(|end| is_wanted && (is_quoted || text[*end - 1] != b' '))
        }
    }
}
