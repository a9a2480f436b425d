//! Access logs of one JSON object per line: nginx `escape=json`, and others with the usual keys.
//!
//! In: lines. Out: access records; values are raw slices with [`Escape::Json`].
//! Invariants: the keys of time and status are chosen once, from the sample. `glance` finds them by search: in an
//! object an unescaped `"key"` before a colon is a key. `parse` reads all pairs and refuses a line in which it finds
//! another time or status than `glance`, as when a nested object has the same key first.
//! Source: nginx `ngx_http_log_module.c`.

mod keys;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::keys::{STATUS_KEYS, TIME_KEYS, field_of, is_nginx_key};
use super::caddy_log;
use super::json_pairs::{Key, Pair, Pairs};
use super::{About, FORMATS, Format, FormatBasis, Glance, Instant, Proposal, Reader, Sample};
use crate::bytes::{parse_seconds_us, parse_status};
use crate::record::{AccessRecord, Escape, Field, Record, Skip, split_request};
use crate::taxonomy::{LogRole, Server};
use crate::time::Notation;

/// More lines than this do not make the choice of keys better.
const MAX_LINES: usize = 200;

/// Reads access lines that are JSON objects.
#[derive(Debug)]
pub struct JsonAccess {
    about: About,
    time: Key,
    status: Key,
    // Keys as written, sorted.
    fields: Vec<(Box<[u8]>, Field)>,
}

impl JsonAccess {
    /// Chooses keys from the lines. `None`: no key holds times, none holds statuses, or nothing is a request.
    pub fn detect(sample: &Sample<'_>) -> Option<Self> {
        let objects: Vec<Vec<Pair<'_>>> = sample
            .lines
            .iter()
            .filter(|line| line.trim_ascii_start().starts_with(b"{") && !is_declared(line))
            .take(MAX_LINES)
            .filter_map(|line| Pairs::of(line).collect::<Result<_, _>>().ok())
            .collect();
        let names = names_of(&objects);
        let (time, notation) = choose_time(&objects, &names)?;
        let status = choose(&objects, &names, STATUS_KEYS, |value| parse_status(value).is_some())?;
        let mut fields: Vec<(Box<[u8]>, Field)> = names
            .iter()
            .filter(|name| **name != time && **name != status)
            .map(|name| (Box::from(*name), field_by_values(name, &objects)))
            .filter(|(_, field)| *field != Field::Other)
            .collect();
        // Traefik tells the client twice: `ClientAddr` has the port too.
        if names.iter().any(|name| name.eq_ignore_ascii_case(b"clienthost")) {
            fields.retain(|(name, _)| !name.eq_ignore_ascii_case(b"clientaddr"));
        }
        let is_request = fields.iter().any(|(_, field)| {
            matches!(field, Field::Request | Field::Method | Field::RequestUri | Field::RemoteAddr)
        });
        if !is_request {
            return None;
        }
        fields.sort_by(|one, other| one.0.cmp(&other.0));
        let is_nginx = names.iter().any(|name| is_nginx_key(name));
        let listed: Vec<_> = names.iter().map(|name| String::from_utf8_lossy(name)).collect();
        let about = About {
            format: if is_nginx { "nginx_access" } else { "json_access" },
            layout: format!("json{{{}}}", listed.join(",")),
            server: if is_nginx { Server::Nginx } else { Server::Unknown },
            role: LogRole::Access,
            notation,
            instant: Instant::End,
            basis: FormatBasis::Detected,
            ambiguous_with: None,
        };
        Some(JsonAccess { about, time: Key::new(time), status: Key::new(status), fields })
    }
}

impl Reader for JsonAccess {
    fn about(&self) -> &About {
        &self.about
    }

    #[inline]
    fn glance<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        if !line.trim_ascii_start().starts_with(b"{") {
            return Err(Skip::Shape);
        }
        let stamp = self.time.find(line).ok_or(Skip::BadTime)?;
        let status = self.status.find(line).and_then(parse_status).ok_or(Skip::BadStatus)?;
        Ok(Glance { stamp, status })
    }

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        let glance = self.glance(record)?;
        let stamp = self.about.notation.parse(glance.stamp).ok_or(Skip::BadTime)?;
        let mut access = AccessRecord::new(stamp, glance.status, Escape::Json);
        let (mut time, mut status) = (None, None);
        for pair in Pairs::of(record) {
            let (key, value) = pair?;
            if key == self.time.name() {
                time = time.or(Some(value));
                access.set(Field::Time, value);
            } else if key == self.status.name() {
                status = status.or(Some(value));
                access.set(Field::Status, value);
            } else if let Ok(idx) = self.fields.binary_search_by(|(known, _)| (**known).cmp(key)) {
                access.set(self.fields[idx].1, value);
            }
        }
        if time != Some(glance.stamp) || status.and_then(parse_status) != Some(glance.status) {
            return Err(Skip::Shape);
        }
        Ok(Record::Access(access))
    }

    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        for (key, value) in Pairs::of(record).map_while(Result::ok) {
            each(&String::from_utf8_lossy(key), value);
        }
    }
}

/// True for a line of another format, which knows its keys.
fn is_declared(line: &[u8]) -> bool {
    FORMATS.iter().filter_map(|format| format.declared()).any(|declared| declared.owns(line))
        || caddy_log::is_line(line)
}

/// All keys, in the order in which they first occur.
fn names_of<'a>(objects: &[Vec<Pair<'a>>]) -> Vec<&'a [u8]> {
    let mut names: Vec<&[u8]> = Vec::new();
    for (key, _) in objects.iter().flatten() {
        if !names.contains(key) && names.len() < 100 {
            names.push(key);
        }
    }
    names
}

fn value_of<'a>(object: &[Pair<'a>], name: &[u8]) -> Option<&'a [u8]> {
    object.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
}

/// The first key of the table that is in most objects with a value that passes.
fn choose<'a>(
    objects: &[Vec<Pair<'a>>],
    names: &[&'a [u8]],
    table: &[&str],
    passes: impl Fn(&[u8]) -> bool,
) -> Option<&'a [u8]> {
    table
        .iter()
        .flat_map(|key| names.iter().filter(|name| name.eq_ignore_ascii_case(key.as_bytes())))
        .map(|name| {
            let has_it = |object: &&Vec<Pair<'_>>| value_of(object, name).is_some_and(&passes);
            (*name, objects.iter().filter(has_it).count())
        })
        .filter(|(_, n_passing)| n_passing * 2 > objects.len())
        .max_by_key(|(name, n_passing)| {
            let rank = table.iter().position(|key| name.eq_ignore_ascii_case(key.as_bytes()));
            (*n_passing, usize::MAX - rank.unwrap_or(usize::MAX))
        })
        .map(|(name, _)| name)
}

fn choose_time<'a>(objects: &[Vec<Pair<'a>>], names: &[&'a [u8]]) -> Option<(&'a [u8], Notation)> {
    // Notations with a zone and a known unit go first.
    [Notation::Iso8601, Notation::Clf, Notation::EpochSeconds, Notation::EpochMillis]
        .into_iter()
        .find_map(|notation| {
            let name = choose(objects, names, TIME_KEYS, |value| notation.parse(value).is_some())?;
            Some((name, notation))
        })
}

/// The field of a key, corrected where its values say otherwise.
fn field_by_values(name: &[u8], objects: &[Vec<Pair<'_>>]) -> Field {
    let values = || {
        objects.iter().filter_map(|object| value_of(object, name)).filter(|value| !value.is_empty())
    };
    let field = field_of(name);
    match field {
        // Some call the target or the path `request`.
        Field::Request if values().next().is_some() => {
            let n_paths = values().filter(|value| value.starts_with(b"/")).count();
            let n_lines = values().filter(|value| !split_request(value).0.is_empty()).count();
            if n_paths > n_lines { Field::RequestUri } else { field }
        }
        // Whole milliseconds or text with a unit would be read as seconds.
        Field::RequestTime if name != b"request_time" => {
            let is_seconds =
                |value: &[u8]| value.contains(&b'.') && parse_seconds_us(value).is_some();
            if values().next().is_some() && values().all(is_seconds) { field } else { Field::Other }
        }
        field => field,
    }
}

/// The format of access logs with one JSON object per line.
#[derive(Debug)]
pub struct JsonAccessFormat;

impl Format for JsonAccessFormat {
    fn name(&self) -> &'static str {
        "nginx_json"
    }

    fn summary(&self) -> &'static str {
        "JSON access logs, one object per line (nginx escape=json); recognised by keys such as \"status\" and \"time\""
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        let reader = JsonAccess::detect(sample)?;
        let is_read = |line: &&&[u8]| reader.parse(line).is_ok() && !is_declared(line);
        let n_accepted = sample.lines.iter().filter(is_read).count();
        (n_accepted > 0).then(|| Proposal {
            reader: Arc::new(reader),
            n_accepted,
            notes: Vec::new(),
        })
    }
}
