//! Access logs of one JSON object per line whose keys are declared: a format is data, this is its reader.
//!
//! In: a [`Declared`], which says how objects are recognised, where time and status are, and what other keys mean.
//! Out: a [`Reader`] for the spellings and the notation of time that a sample has.
//! Paths: keys from the outside in, `>` between them (`request>remote_ip`); an item of a list is called by its number
//! (`resp_headers>Server>0`). Compared without case, `_` and `-`; an object may have the path as one key with dots.
//! Invariants: `glance` finds keys by search, as in `json_access`; a key that occurs twice in a line is looked up by its
//! path instead. `parse` walks the whole object, and refuses a line in which the search found something else.

mod paths;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use super::json_by_values::Columns;
use super::json_pairs::{Key, Pairs, items};
use super::{About, Directive, Format, FormatBasis, Glance, Instant, Proposal, Reader, Sample};
use crate::bytes::{is_absent, offset_of, parse_status, parse_u64, split_url, without_client_port};
use crate::record::{AccessRecord, Escape, Field, Record, Skip};
use crate::taxonomy::{LogRole, Server};
use crate::time::Notation;

use paths::DEEPER;
pub(super) use paths::{at_path, is_flat_key, is_key};

/// Lines from which spellings and notations are learned.
const MAX_LINES: usize = 200;

/// More declared keys than this are not looked at.
const MAX_KEYS: usize = 160;

/// What a key's value is.
#[derive(Debug, Clone, Copy)]
pub enum Use {
    /// The value of a field.
    As(Field),
    /// As `As`, of a column that every record has, though an object without a value lacks the key: it has none then, if
    /// the key is seen in others.
    OfColumn(Field),
    /// The size of the body, where a line has fewer bytes than any header: it may count the header, too.
    BodySize,
    /// An absolute URL: the host, and the target with its query. What is no URL is a target.
    Url,
    /// The client's address, perhaps with its port.
    Client,
    /// A list of addresses, of which the first is the client's.
    FirstClient,
}

impl Use {
    /// Sets what a value is, if it is a value, or if it is none, as wanted.
    pub(super) fn set<'a>(self, value: &'a [u8], with_value: bool, access: &mut AccessRecord<'a>) {
        if is_absent(value) == with_value {
            return;
        }
        match (self, split_url(value)) {
            (Use::As(field) | Use::OfColumn(field), _) => access.set(field, value),
            (Use::BodySize, _) => access.set(Field::BodyBytes, value),
            (Use::Url, Some((host, target))) => {
                access.set(Field::Host, host);
                access.set(Field::RequestUri, if target.is_empty() { b"/" } else { target });
            }
            (Use::Url, None) => access.set(Field::RequestUri, value),
            (Use::Client, _) => access.set(Field::RemoteAddr, without_client_port(value)),
            (Use::FirstClient, _) => {
                let first = value.split(|byte| *byte == b',').next().unwrap_or(value);
                access.set(Field::RemoteAddr, without_client_port(first.trim_ascii()));
            }
        }
    }
}

/// No response of HTTP has a header that is shorter: a status line, `Connection` and an empty line.
const LEAST_HEADER_BYTES: u64 = 40;

/// True for a count of bytes that cannot include the header of a response.
pub(super) fn has_no_header(value: &[u8]) -> bool {
    value == b"-" || parse_u64(value).is_some_and(|bytes| bytes < LEAST_HEADER_BYTES)
}

/// Where a log keeps its time.
#[derive(Debug, Clone, Copy)]
pub struct TimeAt {
    /// Path of the time; of the date, where `clock` is given.
    pub path: &'static str,
    /// Path of the time of day, where it stands apart from the date.
    pub clock: Option<&'static str>,
    /// How it may be written.
    pub notations: &'static [Notation],
}

/// A time under one key.
pub const fn time_at(path: &'static str, notations: &'static [Notation]) -> TimeAt {
    TimeAt { path, clock: None, notations }
}

/// Numbers since the epoch, told from each other by their length, and texts.
pub const ANY_TIME: &[Notation] = &[
    Notation::Iso8601,
    Notation::EpochSeconds,
    Notation::EpochMillis,
    Notation::EpochMicros,
    Notation::EpochNanos,
    Notation::Clf,
    Notation::NginxError,
];

/// What an object must have to be of a format.
#[derive(Debug, Clone, Copy)]
pub struct Required {
    /// One of these paths must be there.
    pub any_of: &'static [&'static str],
    /// With one of these values, where any are given; a `*` at the end stands for any rest.
    pub values: &'static [&'static str],
    /// None of them need be there, but what is there must have such a value.
    pub optional: bool,
}

/// A key that must be there, whatever its value.
pub const fn key(any_of: &'static [&'static str]) -> Required {
    Required { any_of, values: &[], optional: false }
}

/// A key that must have one of some values.
pub const fn value(any_of: &'static [&'static str], values: &'static [&'static str]) -> Required {
    Required { any_of, values, optional: false }
}

/// A key that must have one of some values, where it is there.
pub const fn value_if_any(
    any_of: &'static [&'static str],
    values: &'static [&'static str],
) -> Required {
    Required { any_of, values, optional: true }
}

/// A format of access logs in JSON.
#[derive(Debug, Clone, Copy)]
pub struct Declared {
    /// Id of the format in every output.
    pub name: &'static str,
    /// One line for people: what it is and how it is recognised.
    pub summary: &'static str,
    /// What writes it.
    pub server: Server,
    /// Which instant its time is.
    pub instant: Instant,
    /// What tells its objects from others.
    pub required: &'static [Required],
    /// What tells records that come with the requests and are none: of probes, of a firewall, of another hop.
    pub besides: &'static [Required],
    /// Where the time may be, best first.
    pub time: &'static [TimeAt],
    /// Where the status may be, best first. An object without any has status 0: no response was begun.
    pub status: &'static [&'static str],
    /// What the other keys are. Of several paths for one field the first with a value counts.
    pub fields: &'static [(&'static str, Use)],
    /// Sets fields that are parts of other fields.
    pub finish: Option<fn(&mut AccessRecord<'_>)>,
}

/// A key to be found in raw lines, by search where it is the only one of its name, else by its path.
#[derive(Debug, Clone)]
struct KeyAt {
    key: Key,
    path: Cow<'static, str>,
}

impl KeyAt {
    /// The key of a path as the lines spell it. `None`: no line has it.
    fn learn(path: impl Into<Cow<'static, str>>, lines: &[&[u8]]) -> Option<Self> {
        let path = path.into();
        let spelled = lines.iter().find_map(|line| at_path(line, &path))?.0;
        Some(KeyAt { key: Key::new(spelled), path })
    }

    #[inline]
    fn find<'a>(&self, line: &'a [u8]) -> Option<&'a [u8]> {
        let (value, behind) = self.key.find_from(line, 0)?;
        if self.key.find_from(line, behind).is_none() {
            return Some(value);
        }
        at_path(line, &self.path).map(|(_, value)| value)
    }
}

/// A required key as the lines spell it.
#[derive(Debug, Clone)]
struct Mark {
    keys: Vec<KeyAt>,
    values: &'static [&'static str],
    optional: bool,
}

impl Mark {
    #[inline]
    fn is_in(&self, line: &[u8]) -> bool {
        if self.values.is_empty() && !self.optional {
            // Wherever it is: the walk of `parse` looks at its place.
            return self.keys.iter().any(|key| key.key.find(line).is_some());
        }
        let mut found = self.keys.iter().filter_map(|key| key.find(line)).peekable();
        (self.optional && found.peek().is_none())
            || found.any(|found| self.values.is_empty() || is_one_of(found, self.values))
    }
}

/// True for a value that is listed, compared without case. Behind a `*` there may be anything; behind a `~` nothing, or two
/// bytes of which each is a letter or `-`.
pub(super) fn is_one_of(found: &[u8], values: &[&str]) -> bool {
    let begins = |start: &str| {
        let head = found.get(..start.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
    };
    values.iter().any(|value| {
        if let Some(start) = value.strip_suffix('*') {
            begins(start)
        } else if let Some(start) = value.strip_suffix('~') {
            let is_flag = |byte: &u8| byte.is_ascii_uppercase() || *byte == b'-';
            begins(start)
                && match &found[start.len()..] {
                    [] => true,
                    [one, other] => is_flag(one) && is_flag(other),
                    _ => false,
                }
        } else {
            found.eq_ignore_ascii_case(value.as_bytes())
        }
    })
}

/// A key of declared paths, with the keys inside of its value.
#[derive(Debug, Clone, Default)]
struct Node {
    key: Cow<'static, str>,
    /// Indices of the uses of its value.
    slots: Vec<usize>,
    inside: Vec<Node>,
}

impl Node {
    fn add(&mut self, path: &'static str, slot: usize) {
        let (key, deeper) = match path.split_once(DEEPER) {
            Some((key, deeper)) => (key, Some(deeper)),
            None => (path, None),
        };
        let is_known = |node: &Node| match deeper {
            Some(_) => is_key(node.key.as_bytes(), key),
            // `Tr` is declared beside `TR`, and means another value.
            None => node.key == key,
        };
        let known = self.inside.iter().position(is_known);
        let index = known.unwrap_or_else(|| {
            self.inside.push(Node { key: key.into(), ..Node::default() });
            self.inside.len() - 1
        });
        match deeper {
            Some(deeper) => self.inside[index].add(deeper, slot),
            None => self.inside[index].slots.push(slot),
        }
    }

    /// Adds a key of the outermost object that nothing declares.
    fn add_key(&mut self, key: String, slot: usize) {
        self.inside.push(Node { key: key.into(), slots: vec![slot], ..Node::default() });
    }

    fn take<'a>(&self, value: &'a [u8], found: &mut Found<'a>) {
        for slot in &self.slots {
            found[*slot] = found[*slot].or(Some(value));
        }
        if !self.inside.is_empty() {
            // What is damaged in there is without values.
            let _ = self.walk(value, found);
        }
    }

    /// Takes the values of declared keys inside of an object or a list.
    fn walk<'a>(&self, value: &'a [u8], found: &mut Found<'a>) -> Result<(), Skip> {
        if value.first() == Some(&b'[') {
            for (index, item) in items(value).enumerate().take(MAX_KEYS) {
                for node in self.inside.iter().filter(|node| node.key.parse() == Ok(index)) {
                    node.take(item, found);
                }
            }
            return Ok(());
        }
        // Where an object has `Status` and `status`, the one spelled as declared counts.
        let mut spelled_so = 0_u128;
        for pair in Pairs::of(value) {
            let (key, value) = pair?;
            let spelled = self.inside.iter().position(|node| node.key.as_bytes() == key);
            let known =
                spelled.or_else(|| self.inside.iter().position(|node| is_key(key, &node.key)));
            let Some(index) = known else { continue };
            let node = &self.inside[index];
            let bit = 1_u128 << (index % 128);
            if key == node.key.as_bytes() && spelled_so & bit == 0 {
                spelled_so |= bit;
                node.slots.iter().for_each(|slot| found[*slot] = None);
            }
            node.take(value, found);
        }
        Ok(())
    }
}

/// Values of declared keys, by slot.
type Found<'a> = [Option<&'a [u8]>; MAX_KEYS];

/// Slots of the keys that every line has; those of the fields follow.
const TIME: usize = 0;
const CLOCK: usize = 1;
const STATUS: usize = 2;
const FIELDS: usize = 3;

/// Reads the lines of a declared format as a sample spells them.
#[derive(Debug)]
pub struct DeclaredReader {
    about: About,
    format: Declared,
    marks: Vec<Mark>,
    time: KeyAt,
    clock: Option<KeyAt>,
    status: Option<KeyAt>,
    root: Node,
    /// Paths that keys of the sample spell as a whole, and their slots.
    flat: Vec<(&'static str, usize)>,
    /// Fields of keys that were seen, and stand for no value where they are missing.
    columns: Vec<Field>,
}

impl DeclaredReader {
    /// Learns from lines. `None`: none is of the format, or they have no time.
    fn learn(format: &Declared, sample: &Sample<'_>) -> Option<Self> {
        let lines: Vec<&[u8]> =
            sample.lines.iter().copied().filter(|line| format.owns(line)).take(MAX_LINES).collect();
        let marks = format.required.iter().map(|required| Mark {
            keys: required.any_of.iter().filter_map(|path| KeyAt::learn(*path, &lines)).collect(),
            values: required.values,
            optional: required.optional,
        });
        let named = choose_time(format, &lines);
        let (path, clock, notation) = if let Some((time, notation)) = named {
            (time.path.into(), time.clock, notation)
        } else {
            // What is told by a value that no other server writes has whatever names its operator chose.
            let is_free = matches!(format.server, Server::Haproxy | Server::Varnish);
            let columns = is_free.then(|| Columns::of(&lines)).flatten()?;
            let (key, notation) = columns.time_key()?;
            let key = std::str::from_utf8(key).ok().filter(|key| !key.contains(DEEPER))?;
            // What stands in an object, or a key that spells such a path.
            (Cow::Owned(key.replace('.', ">")), None, notation)
        };
        let status = format.status.iter().max_by_key(|path| {
            let has_it = |line: &&&[u8]| {
                at_path(line, path).is_some_and(|(_, value)| parse_status(value).is_some())
            };
            // Of equals, the first of the list.
            let rank = format.status.iter().position(|other| other == *path);
            (lines.iter().filter(has_it).count(), usize::MAX - rank.unwrap_or(0))
        });
        let mut root = Node::default();
        let mut places = Vec::new();
        match &path {
            Cow::Borrowed(path) => places.push((*path, TIME)),
            Cow::Owned(key) => root.add_key(key.clone(), TIME),
        }
        places.extend(clock.map(|clock| (clock, CLOCK)));
        places.extend(status.map(|status| (*status, STATUS)));
        let is_told = |(_, (path, use_)): &(usize, &(&'static str, Use))| {
            let is_body =
                |line: &&[u8]| at_path(line, path).is_some_and(|(_, value)| has_no_header(value));
            !matches!(use_, Use::BodySize) || lines.iter().any(is_body)
        };
        let fields = (FIELDS..MAX_KEYS).zip(format.fields).filter(is_told);
        places.extend(fields.map(|(slot, (path, _))| (*path, slot)));
        for (path, slot) in &places {
            root.add(path, *slot);
        }
        let is_flat = |(path, _): &(&str, usize)| {
            lines.iter().any(|line| {
                Pairs::of(line).map_while(Result::ok).any(|(key, _)| is_flat_key(key, path))
            })
        };
        let flat = places.into_iter().filter(is_flat).collect();
        let about = About {
            format: format.name,
            layout: "json".to_owned(),
            server: format.server,
            role: LogRole::Access,
            notation,
            instant: format.instant,
            basis: FormatBasis::Detected,
            ambiguous_with: None,
        };
        let columns = format.fields.iter().filter_map(|(path, use_)| match use_ {
            Use::OfColumn(field) => {
                lines.iter().any(|line| at_path(line, path).is_some()).then_some(*field)
            }
            _ => None,
        });
        Some(DeclaredReader {
            about,
            columns: columns.collect(),
            marks: marks.collect(),
            time: KeyAt::learn(path, &lines)?,
            clock: clock.and_then(|clock| KeyAt::learn(clock, &lines)),
            status: status.and_then(|status| KeyAt::learn(*status, &lines)),
            root,
            flat,
            format: *format,
        })
    }

    fn stamp_of<'a>(&self, line: &'a [u8]) -> Option<&'a [u8]> {
        let time = self.time.find(line)?;
        match &self.clock {
            None => Some(time),
            Some(clock) => Some(spanning(line, time, clock.find(line)?)),
        }
    }
}

/// The path and the notation of time that most lines have.
fn choose_time(format: &Declared, lines: &[&[u8]]) -> Option<(TimeAt, Notation)> {
    let mut best: Option<(usize, TimeAt, Notation)> = None;
    for at in format.time {
        for notation in at.notations {
            let is_time = |line: &&&[u8]| {
                let time = at_path(line, at.path).map(|(_, value)| value);
                let text = match at.clock {
                    None => time,
                    Some(clock) => time.and_then(|time| {
                        let (_, clock) = at_path(line, clock)?;
                        Some(spanning(line, time, clock))
                    }),
                };
                text.is_some_and(|text| notation.parse(text).is_some())
            };
            let n_times = lines.iter().filter(is_time).count();
            if n_times > best.map_or(0, |(n_times, ..)| n_times) {
                best = Some((n_times, *at, *notation));
            }
        }
    }
    best.map(|(_, at, notation)| (at, notation))
}

/// The part of a line from the start of one of its values to the end of another.
pub(super) fn spanning<'a>(line: &'a [u8], one: &[u8], other: &[u8]) -> &'a [u8] {
    let offset = |part: &[u8]| offset_of(line, part);
    let start = offset(one).min(offset(other));
    let end = (offset(one) + one.len()).max(offset(other) + other.len());
    &line[start..end]
}

/// The status of a value; 0 where there was no response.
#[inline]
pub(super) fn status_of(value: Option<&[u8]>) -> Option<u16> {
    match value {
        None | Some(b"0" | b"" | b"-" | b"-1" | b"null") => Some(0),
        Some(value) => parse_status(value),
    }
}

impl Reader for DeclaredReader {
    fn about(&self) -> &About {
        &self.about
    }

    #[inline]
    fn glance<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        if !line.trim_ascii_start().starts_with(b"{")
            || !self.marks.iter().all(|mark| mark.is_in(line))
        {
            return Err(Skip::Shape);
        }
        let stamp = self.stamp_of(line).ok_or(Skip::BadTime)?;
        let status = self.status.as_ref().and_then(|status| status.find(line));
        let status = status_of(status).ok_or(Skip::BadStatus)?;
        Ok(Glance { stamp, status })
    }

    fn directive(&self, line: &[u8]) -> Option<Directive> {
        let line = line.trim_ascii_start();
        let is_beside = |required: &Required| required.is_in(line);
        (line.starts_with(b"{") && self.format.besides.iter().any(is_beside))
            .then_some(Directive::Comment)
    }

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        let glance = self.glance(record)?;
        let stamp = self.about.notation.parse(glance.stamp).ok_or(Skip::BadTime)?;
        let mut found: Found<'a> = [None; MAX_KEYS];
        self.root.walk(record, &mut found)?;
        if !self.flat.is_empty() {
            for (key, value) in Pairs::of(record).map_while(Result::ok) {
                let named = self.flat.iter().filter(|(path, _)| is_flat_key(key, path));
                named.for_each(|(_, slot)| found[*slot] = found[*slot].or(Some(value)));
            }
        }
        let time = match (found[TIME], found[CLOCK]) {
            (Some(time), Some(clock)) => Some(spanning(record, time, clock)),
            (time, _) => time,
        };
        if time != Some(glance.stamp)
            || status_of(found[STATUS]) != Some(glance.status)
            || !self.format.owns(record)
        {
            return Err(Skip::Shape);
        }
        let mut access = AccessRecord::new(stamp, glance.status, Escape::Json);
        access.set(Field::Time, glance.stamp);
        if let Some(status) = found[STATUS] {
            access.set(Field::Status, status);
        }
        // Values first, so that a key without one does not stand before another that has it.
        for with_value in [true, false] {
            for (value, (_, use_)) in found[FIELDS..].iter().zip(self.format.fields) {
                if let Some(value) = value {
                    use_.set(value, with_value, &mut access);
                }
            }
        }
        for field in &self.columns {
            access.set(*field, b"-");
        }
        if let Some(finish) = self.format.finish {
            finish(&mut access);
        }
        Ok(Record::Access(access))
    }

    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        each_leaf("", record, each);
    }
}

/// Calls `each` with the values that hold no others, under their paths.
pub(super) fn each_leaf<'a>(path: &str, object: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
    for (key, value) in Pairs::of(object).map_while(Result::ok) {
        let mut path = path.to_owned();
        if !path.is_empty() {
            path.push(DEEPER);
        }
        path.push_str(&String::from_utf8_lossy(key));
        // Lines are limited in length; so is the depth of what they hold, in practice. The rest is shown as it is.
        if value.starts_with(b"{\"") && path.len() < 200 {
            each_leaf(&path, value, each);
        } else {
            each(&path, value);
        }
    }
}

impl Declared {
    /// True for an object that has everything required.
    pub(super) fn owns(&self, line: &[u8]) -> bool {
        line.trim_ascii_start().starts_with(b"{")
            && self.required.iter().all(|required| required.is_in(line))
    }
}

impl Required {
    fn is_in(&self, object: &[u8]) -> bool {
        let values = self.any_of.iter().filter_map(|path| at_path(object, path));
        let mut values = values.map(|(_, value)| value).peekable();
        (self.optional && values.peek().is_none())
            || values.any(|found| self.values.is_empty() || is_one_of(found, self.values))
    }
}

impl Format for Declared {
    fn name(&self) -> &'static str {
        self.name
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        if sample.is_beyond(|line| self.owns(line)) {
            return None;
        }
        Proposal::of(DeclaredReader::learn(self, sample)?, sample)
    }

    fn declared(&self) -> Option<&Declared> {
        Some(self)
    }
}
