//! The text of a `log-format` directive, compiled to layouts.
//!
//! In: the text as it stands in the configuration, quoted or with escaped blanks. Out: a reader.
//! Captured headers are left out of a line together with a blank when nothing is captured, so a format that has them is
//! compiled once with and once without each.
//! Source: `HAProxy` `doc/configuration.txt`, section 8.2.6 (custom log format, table of aliases); `src/log.c`.

use std::sync::Arc;

use super::{HaproxyAccess, HaproxyClf, about, set_target};
use crate::format::layout::{Kind, Layout, Part};
use crate::format::{About, FormatBasis, Glance, Reader};
use crate::record::{AccessRecord, Escape, Field, Record, Skip};
use crate::time::Notation;

/// `option httplog`, spelled out.
const HTTPLOG: &str = r"%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r";

/// Aliases that mean something to this product or have a narrow shape. All others are opaque text.
const ALIASES: &[(&str, Field, Kind)] = &[
    ("B", Field::BytesSent, Kind::Word),
    ("CC", Field::Other, Kind::Token),
    ("CS", Field::Other, Kind::Token),
    ("HM", Field::Method, Kind::Word),
    ("HP", Field::Uri, Kind::Text),
    ("HPO", Field::Uri, Kind::Text),
    ("HQ", Field::Args, Kind::Text),
    ("HU", Field::RequestUri, Kind::Text),
    ("HV", Field::Protocol, Kind::Word),
    ("ID", Field::RequestId, Kind::Token),
    ("ST", Field::Status, Kind::Status),
    ("T", Field::Time, Kind::Time(Notation::Clf)),
    ("Ta", Field::RequestTimeMillis, Kind::Word),
    ("Tc", Field::ConnectTimeMillis, Kind::Word),
    ("Td", Field::Other, Kind::Word),
    ("Th", Field::Other, Kind::Word),
    ("Ti", Field::Other, Kind::Word),
    ("Tl", Field::Time, Kind::Time(Notation::Clf)),
    ("Tq", Field::ReceiveTimeMillis, Kind::Word),
    ("TR", Field::ReceiveTimeMillis, Kind::Word),
    ("Tr", Field::ResponseTimeMillis, Kind::Word),
    ("Ts", Field::Time, Kind::Time(Notation::EpochSeconds)),
    ("Tt", Field::RequestTimeMillis, Kind::Word),
    ("Tu", Field::Other, Kind::Word),
    ("Tw", Field::QueueTimeMillis, Kind::Word),
    ("U", Field::Other, Kind::Word),
    ("ac", Field::Other, Kind::Word),
    ("b", Field::Backend, Kind::Token),
    (TARGET, Field::BackendTarget, Kind::Token),
    ("bc", Field::Other, Kind::Word),
    ("bi", Field::Other, Kind::Word),
    ("bp", Field::Other, Kind::Word),
    ("bq", Field::Other, Kind::Word),
    ("ci", Field::RemoteAddr, Kind::Word),
    ("cp", Field::ClientPort, Kind::Word),
    ("f", Field::Frontend, Kind::Token),
    ("fc", Field::Other, Kind::Word),
    ("fi", Field::ServerIp, Kind::Word),
    ("fp", Field::ServerPort, Kind::Word),
    ("ft", Field::Frontend, Kind::Token),
    ("lc", Field::Other, Kind::Word),
    ("ms", Field::Other, Kind::Word),
    ("pid", Field::ProcessId, Kind::Word),
    ("r", Field::Request, Kind::Text),
    ("rc", Field::Retries, Kind::Text),
    ("rt", Field::Other, Kind::Word),
    ("s", Field::BackendServer, Kind::Token),
    ("sc", Field::Other, Kind::Word),
    ("si", Field::Other, Kind::Word),
    ("sp", Field::Other, Kind::Word),
    ("sq", Field::Other, Kind::Word),
    ("sslc", Field::Other, Kind::Word),
    ("sslv", Field::Other, Kind::Word),
    ("t", Field::Time, Kind::Time(Notation::ClfVariant)),
    ("tr", Field::Time, Kind::Time(Notation::ClfVariant)),
    ("trg", Field::Time, Kind::Time(Notation::Clf)),
    ("trl", Field::Time, Kind::Time(Notation::Clf)),
    ("ts", Field::TerminationState, Kind::Word),
    ("tsc", Field::TerminationState, Kind::Word),
];

/// Name of backend and server together.
const TARGET: &str = "b/s";

/// Captured headers: nothing at all is printed where nothing is captured.
const OPTIONAL: [&str; 4] = ["hr", "hs", "hrl", "hsl"];

/// What an expression such as `%[capture.req.hdr(0)]` gives, by how it begins.
const EXPRESSIONS: &[(&str, Field)] = &[
    ("req.hdr(host)", Field::Host),
    ("req.hdr(user-agent)", Field::UserAgent),
    ("req.hdr(x-forwarded-for)", Field::ForwardedFor),
    ("req.hdr(x-request-id)", Field::RequestId),
    ("unique-id", Field::RequestId),
];

/// A variable of a format.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Variable {
    name: String,
    is_quoted: bool,
}

/// A piece of a format.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Variable(Variable),
}

/// Splits the text of a format, without the quotes around it.
fn pieces(body: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut quotes_all = false;
    let mut rest = body;
    while let Some(at) = rest.find('%') {
        literal.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix('%') {
            literal.push('%');
            rest = behind;
            continue;
        }
        let mut is_quoted = quotes_all;
        // A name of the item, and its type: only for encoded formats.
        if let Some((_, behind)) = rest.strip_prefix('(').and_then(|named| named.split_once(')')) {
            rest = behind;
        }
        if let Some((flags, behind)) = rest.strip_prefix('{').and_then(|text| text.split_once('}'))
        {
            for flag in flags.split(',') {
                match flag.trim() {
                    "+Q" => is_quoted = true,
                    "-Q" => is_quoted = false,
                    _ => {}
                }
            }
            rest = behind;
        }
        let name = if rest.starts_with('[') {
            let end = closing(rest).ok_or("`%[` without its `]`")?;
            &rest[..=end]
        } else {
            let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
            let length = rest.find(|letter| !is_name(letter)).unwrap_or(rest.len());
            longest_alias(&rest[..length])
        };
        if name.is_empty() {
            return Err("`%` without an alias".to_owned());
        }
        rest = &rest[name.len()..];
        // `%o` prints nothing: its flags hold for all that follows.
        if name == "o" {
            quotes_all = is_quoted;
            continue;
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
        }
        pieces.push(Piece::Variable(Variable { name: name.to_owned(), is_quoted }));
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(joined(with_single_blanks(pieces)))
}

/// The pieces as they are printed: blanks are, but never two in a row, nor at the start.
fn with_single_blanks(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut is_behind_blank = true;
    let print = |piece| {
        let Piece::Literal(text) = piece else {
            is_behind_blank = false;
            return piece;
        };
        let mut printed = String::new();
        for letter in text.chars() {
            if letter != ' ' || !is_behind_blank {
                printed.push(letter);
            }
            is_behind_blank = letter == ' ';
        }
        Piece::Literal(printed)
    };
    pieces.into_iter().map(print).collect()
}

/// The pieces, with `%b/%s` as one variable: the names of both may hold anything but a blank.
fn joined(pieces: Vec<Piece>) -> Vec<Piece> {
    let is = |piece: &Piece, name: &str| matches!(piece, Piece::Variable(it) if it.name == name && !it.is_quoted);
    let mut joined: Vec<Piece> = Vec::new();
    for piece in pieces {
        let is_pair = is(&piece, "s")
            && matches!(&joined[..], [.., one, Piece::Literal(slash)] if is(one, "b") && slash == "/");
        if is_pair {
            joined.truncate(joined.len() - 2);
            joined.push(Piece::Variable(Variable { name: TARGET.to_owned(), is_quoted: false }));
        } else {
            joined.push(piece);
        }
    }
    joined
}

/// The offset of the `]` that closes the bracket at the start.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    text.bytes().position(|byte| {
        depth += i32::from(byte == b'[') - i32::from(byte == b']');
        depth == 0
    })
}

/// The alias that letters begin with: an alias ends where no longer one fits.
fn longest_alias(letters: &str) -> &str {
    let known = |name: &&str| {
        *name == "o" || OPTIONAL.contains(name) || ALIASES.iter().any(|row| row.0 == *name)
    };
    (1..=letters.len()).rev().map(|end| &letters[..end]).find(known).unwrap_or(letters)
}

/// The field and the kind of a variable.
fn meaning(name: &str) -> (Field, Kind) {
    if let Some(inside) = name.strip_prefix('[') {
        let row = EXPRESSIONS.iter().find(|row| inside.starts_with(row.0));
        return (row.map_or(Field::Other, |row| row.1), Kind::Text);
    }
    let row = ALIASES.iter().find(|row| row.0 == name);
    row.map_or((Field::Other, Kind::Text), |row| (row.1, row.2))
}

/// The layout of some pieces.
fn assemble(body: &str, pieces: &[Piece]) -> Result<Layout, String> {
    let mut lead = String::new();
    let mut parts: Vec<Part> = Vec::new();
    for piece in pieces {
        let literal = match parts.last_mut() {
            Some(part) => &mut part.after,
            None => &mut lead,
        };
        match piece {
            Piece::Literal(text) => literal.push_str(text),
            Piece::Variable(variable) => {
                let (field, kind) = meaning(&variable.name);
                // Numbers are printed without quotes.
                let quote = if variable.is_quoted && is_text(kind) { "\"" } else { "" };
                literal.push_str(quote);
                let after = quote.to_owned();
                parts.push(Part { name: variable.name.clone(), field, kind, after });
            }
        }
    }
    Layout::assemble(body, Escape::Haproxy, lead, &parts)
}

fn is_text(kind: Kind) -> bool {
    !matches!(kind, Kind::Status | Kind::Time(_))
}

/// The pieces without the captured headers that `left_out` marks, one bit each, and without the blank behind each.
fn without(pieces: &[Piece], left_out: usize) -> Vec<Piece> {
    let mut kept: Vec<Piece> = Vec::new();
    let mut n_optional = 0;
    let mut drops_blank = false;
    for piece in pieces {
        match piece {
            Piece::Variable(variable) if OPTIONAL.contains(&variable.name.as_str()) => {
                let is_left_out = left_out >> n_optional & 1 == 1;
                n_optional += 1;
                if is_left_out {
                    drops_blank = true;
                    continue;
                }
                kept.push(piece.clone());
            }
            Piece::Literal(text) if drops_blank => {
                kept.push(Piece::Literal(text.strip_prefix(' ').unwrap_or(text).to_owned()));
            }
            _ => kept.push(piece.clone()),
        }
        drops_blank = false;
    }
    kept
}

/// Reads lines of a given `log-format`.
#[derive(Debug, Clone)]
pub struct HaproxyCustom {
    /// With captured headers, and without.
    layouts: Vec<Layout>,
    about: About,
}

impl HaproxyCustom {
    fn new(body: &str, basis: FormatBasis) -> Result<Self, String> {
        let pieces = pieces(body)?;
        let is_optional = |piece: &&Piece| matches!(piece, Piece::Variable(variable) if OPTIONAL.contains(&variable.name.as_str()));
        let n_optional = pieces.iter().filter(is_optional).count().min(4);
        let layouts: Result<Vec<Layout>, String> = (0..1 << n_optional)
            .map(|left_out| assemble(body, &without(&pieces, left_out)))
            .collect();
        let layouts = layouts.map_err(|reason| match reason.as_str() {
            "the format has no status" => {
                "the format has no %ST: lines of TCP mode are read without a format".to_owned()
            }
            _ => reason,
        })?;
        let notation = layouts.first().ok_or("an empty format")?.notation();
        Ok(HaproxyCustom { layouts, about: about(body, notation, basis) })
    }
}

impl Reader for HaproxyCustom {
    fn about(&self) -> &About {
        &self.about
    }

    fn glance<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        let mut result = Err(Skip::Shape);
        for layout in &self.layouts {
            result = layout.glance(line);
            if result.is_ok() {
                break;
            }
        }
        result
    }

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        let mut result = Err(Skip::Shape);
        for layout in &self.layouts {
            result = layout.parse(record);
            if result.is_ok() {
                break;
            }
        }
        result.map(|mut access| {
            completed(&mut access);
            Record::Access(access)
        })
    }

    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        if let Some(layout) = self.layouts.iter().find(|layout| layout.parse(record).is_ok()) {
            layout.each_field(record, each);
        }
    }
}

/// Takes timers with slashes between them apart: `TR/Tw/Tc/Tr/Ta`, or with `Th/Ti/` before them.
fn split_timers(access: &mut AccessRecord<'_>) {
    let Some(timers) = access.raw(Field::Timers) else { return };
    let n_before = match memchr::memchr_iter(b'/', timers).count() {
        4 => 0,
        6 => 2,
        _ => return,
    };
    let each = timers.split(|byte| *byte == b'/').skip(n_before);
    let fields = [
        Field::ReceiveTimeMillis,
        Field::QueueTimeMillis,
        Field::ConnectTimeMillis,
        Field::ResponseTimeMillis,
        Field::RequestTimeMillis,
    ];
    for (field, timer) in fields.into_iter().zip(each) {
        access.set(field, timer);
    }
}

/// Adds what a record is about, and takes apart what stands together.
pub(super) fn completed(access: &mut AccessRecord<'_>) {
    split_timers(access);
    // No section has a slash in its name.
    let joined = access.raw(Field::Backend).filter(|backend| backend.contains(&b'/'));
    match access.raw(Field::BackendTarget).or(joined) {
        Some(target) => set_target(access, target),
        None => {
            if let Some(backend) = access.raw(Field::Backend) {
                access.set(Field::UpstreamAddr, backend);
            }
        }
    }
}

/// A reader for what a user gives: the text of a `log-format`, quoted, with escaped blanks or plain, or the directive.
///
/// # Errors
///
/// Says in words why such lines cannot be read.
///
/// # Examples
///
/// ```
/// use logscan503::format::haproxy_access::log_format::parse_spec;
///
/// assert!(parse_spec(r#"log-format "%ci:%cp [%tr] %ft %b/%s %ST %tsc %{+Q}r""#).is_ok());
/// assert!(parse_spec("httplog").is_ok());
/// assert!(parse_spec("%ci %ST").is_err());
/// ```
pub fn parse_spec(spec: &str) -> Result<Arc<dyn Reader>, String> {
    let spec = spec.trim();
    let body = spec.strip_prefix("log-format").map_or(spec, str::trim_start);
    let plain = match body.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\\\"", "\""),
        None => body.replace("\\ ", " ").replace("\\\"", "\""),
    };
    match plain.as_str() {
        "httplog" | "httpslog" | HTTPLOG => Ok(Arc::new(HaproxyAccess::new(FormatBasis::Given))),
        "httplog clf" | "clf" => Ok(Arc::new(HaproxyClf::new(FormatBasis::Given))),
        plain => Ok(Arc::new(HaproxyCustom::new(plain, FormatBasis::Given)?)),
    }
}

/// True for the text of a `log-format`, as opposed to formats of other servers that use `%` as well.
pub fn is_spec(spec: &str) -> bool {
    let spec = spec.trim();
    spec.starts_with("log-format")
        || matches!(spec, "httplog" | "httpslog" | "httplog clf")
        || spec.contains("%[")
        || ["%ST", "%tr", "%ft", "%tsc", "%ci", "%HM", "%TR"].iter().any(|alias| {
            // `%START_TIME%` and `%TRACE_ID%` are Envoy's.
            let ends = |at: usize| !spec[at..].starts_with(|next: char| next.is_ascii_uppercase());
            spec.match_indices(alias).any(|(at, _)| ends(at + alias.len()))
        })
}
