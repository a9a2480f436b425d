//! Access logs of one JSON object per line: nginx `escape=json`, and others with the usual keys.
//!
//! In: lines. Out: access records; values are raw slices with [`Escape::Json`].
//! Invariants: the places of time and status are chosen once, from the sample. `glance` finds them by search: in an
//! object an unescaped `"key"` before a colon is a key. Where the sample shows that objects in it use the same keys, it
//! walks the line instead. `parse` reads all values and refuses a line in which it finds another time or status than
//! `glance`.
//! Source: nginx `ngx_http_log_module.c`.

mod by_values;
mod given_away;
mod keys;

#[cfg(test)]
mod tests;

use std::cell::LazyCell;

use self::by_values::{has_lists_of_statuses, told_by_values};
use self::given_away::GivenAway;
use self::keys::{
    DOUBTFUL_STATUS_KEYS, STATUS_KEYS, TIME_KEYS, field_of, is_key_of_nginx_alone, is_nginx_key,
    is_upstream_addr, is_variable_of_nginx, plain_name, rank_in,
};
use super::caddy_log;
use super::haproxy_access::with_servers;
use super::infer::{field_of_label, is_time_of_no_nginx};
use super::json_by_values::Columns;
use super::json_pairs::{Key, Leaves};
use super::{About, FORMATS, Format, FormatBasis, Glance, Instant, Proposal, Reader, Sample};
use crate::bytes::{
    is_absent, is_peer_address, parse_scaled_seconds_us, parse_status, upstream_items,
};
use crate::record::{
    AccessRecord, Escape, Field, Record, Skip, is_cache_status, is_log_id, is_proxy_handler,
    split_request, split_url,
};
use crate::taxonomy::{LogRole, Server};
use crate::time::Notation;

/// More lines than this do not make the choice of keys better.
const MAX_LINES: usize = 200;

/// Reads access lines that are JSON objects.
#[derive(Debug)]
pub struct JsonAccess {
    about: About,
    time: Place,
    status: Place,
    /// Time and status are found by search.
    by_search: bool,
    // Paths as written, sorted.
    fields: Vec<(Box<[u8]>, Field)>,
    /// The key that gave the server away: an object without it is another's.
    telltale: Option<Place>,
    /// Sets fields that are parts of others.
    finish: fn(&mut AccessRecord<'_>),
}

/// Where a value stands.
#[derive(Debug)]
struct Place {
    path: Box<[u8]>,
    /// The last key of the path.
    key: Key,
}

impl Place {
    fn of(path: &[u8], objects: &[Object<'_>]) -> Self {
        // A key may have a `.` itself: then it is the whole path.
        let last = memchr::memrchr(b'.', path).map_or(path, |dot| &path[dot + 1..]);
        let whole = Key::new(path);
        let is_whole = objects.iter().any(|object| whole.find(object.line).is_some());
        Place { path: path.into(), key: if is_whole { whole } else { Key::new(last) } }
    }

    /// True when a search finds the value that stands at the path.
    fn is_found(&self, object: &Object<'_>) -> bool {
        self.key.find(object.line) == value_of(object, &self.path)
    }
}

/// A line of the sample, and its leaves.
struct Object<'a> {
    line: &'a [u8],
    leaves: Vec<(Vec<u8>, &'a [u8])>,
}

impl<'a> Object<'a> {
    /// `None`: not an object, or not to its end.
    fn of(line: &'a [u8]) -> Option<Self> {
        let mut found = Object { line, leaves: Vec::new() };
        let mut leaves = Leaves::of(line);
        while let Some((path, value)) = leaves.next().ok()? {
            found.leaves.push((path.to_vec(), value));
        }
        Some(found)
    }
}

impl JsonAccess {
    /// Chooses keys from the lines. `None`: no key holds times, none holds statuses, or nothing is a request.
    pub fn detect(sample: &Sample<'_>) -> Option<Self> {
        let mut objects: Vec<Object<'_>> = sample
            .lines
            .iter()
            .filter(|line| line.trim_ascii_start().starts_with(b"{") && !is_declared(line))
            .take(MAX_LINES)
            .filter_map(|line| Object::of(line))
            .collect();
        if let Some(telltale) = GivenAway::key_of(&objects) {
            let (telling, others): (Vec<_>, Vec<_>) =
                objects.into_iter().partition(|object| value_of(object, &telltale).is_some());
            objects = telling;
            // Where a key that is missing told it, none does.
            if GivenAway::key_of(&objects).is_none() {
                objects.extend(others);
            }
        }
        let names = names_of(&objects);
        let lines: Vec<&[u8]> = objects.iter().map(|object| object.line).collect();
        let columns = LazyCell::new(|| Columns::of(&lines));
        let is_status = |value: &[u8]| parse_status(value).is_some();
        // Where an operator has names of his own, the values may tell.
        let status = choose(&objects, &names, STATUS_KEYS, is_status)
            .or_else(|| own_name(&names, columns.as_ref()?.status_key()?))
            .or_else(|| choose(&objects, &names, DOUBTFUL_STATUS_KEYS, is_status))?;
        let (time, notation) = choose_time(&objects, &names).or_else(|| {
            let columns = columns.as_ref().filter(|columns| columns.are_requests())?;
            let (key, notation) = columns.time_key()?;
            Some((own_name(&names, key)?, notation))
        })?;
        let others: Vec<&[u8]> =
            names.iter().copied().filter(|name| *name != time && *name != status).collect();
        let mut fields: Vec<(Box<[u8]>, Field)> = others
            .iter()
            .map(|name| (Box::from(*name), field_by_values(name, &objects)))
            .filter(|(_, field)| *field != Field::Other)
            .collect();
        add_labelled(&mut fields, &others, &objects);
        let given_away = GivenAway::of(&objects, &others, &fields);
        if let Some(given_away) = &given_away {
            fields.clone_from(&given_away.fields);
        }
        // Traefik tells the client twice: `ClientAddr` has the port too.
        if names.iter().any(|name| name.eq_ignore_ascii_case(b"clienthost")) {
            fields.retain(|(name, _)| !name.eq_ignore_ascii_case(b"clientaddr"));
        }
        split_target(&mut fields, &objects);
        if given_away.is_none()
            && !fields.iter().any(|(_, field)| matches!(field, Field::Request | Field::RequestUri))
            && let Some(key) = columns.as_ref().and_then(Columns::request_key)
        {
            fields.retain(|(name, _)| **name != *key);
            fields.push((Box::from(key), Field::Request));
        }
        if given_away.is_none() && columns.as_ref().is_some_and(Columns::are_requests) {
            let told = told_by_values(&fields, &names, time, status, &objects);
            fields.extend(told);
        }
        let has = |wanted| fields.iter().any(|(_, field)| *field == wanted);
        let request = [Field::Request, Field::Method, Field::RequestUri, Field::RemoteAddr];
        if !request.into_iter().any(has) {
            return None;
        }
        // Ids of entries in a log are kept by others as well: they tell no server.
        let is_apache = given_away.is_none()
            && fields.iter().any(|(name, field)| {
                let mut values = objects.iter().filter_map(|object| value_of(object, name));
                *field == Field::Handler && values.any(is_proxy_handler)
            });
        if is_apache {
            for (_, field) in &mut fields {
                *field = of_apache(*field);
            }
        }
        let has = |wanted| fields.iter().any(|(_, field)| *field == wanted);
        // What nginx alone can tell makes the writer sure; an operator of Apache may use the names of its variables.
        let is_known_as_nginx = names.iter().any(|name| is_key_of_nginx_alone(name))
            || names.iter().filter(|name| is_variable_of_nginx(name)).count() > 1
            || (has(Field::UpstreamAddr) && has(Field::UpstreamStatus))
            || has_lists_of_statuses(&fields, &objects)
            || objects.iter().any(|object| has_request_time(object));
        // Its times, which nginx has no word for, may tell that an operator did so.
        let is_surely_nginx = is_known_as_nginx && !has_times_of_no_nginx(time, notation, &objects);
        let is_nginx = !is_apache
            && given_away.is_none()
            && (is_known_as_nginx || names.iter().any(|name| is_nginx_key(name)));
        if is_nginx && !has(Field::UpstreamCacheStatus) {
            fields.extend(cache_field(&names, &fields, &objects));
        }
        fields.sort_by(|one, other| one.0.cmp(&other.0));
        let listed: Vec<_> = names.iter().map(|name| String::from_utf8_lossy(name)).collect();
        let (server, format) = match (&given_away, is_apache, is_nginx) {
            (Some(given_away), ..) => (given_away.server, given_away.format),
            (_, true, _) => (Server::Apache, "apache_access"),
            (_, _, true) => (Server::Nginx, "nginx_access"),
            _ => (Server::Unknown, "json_access"),
        };
        let about = About {
            format,
            layout: format!("json{{{}}}", listed.join(",")),
            server,
            role: LogRole::Access,
            notation,
            // Apache's `%t` is when the request came in, and so is what proxies have.
            instant: if is_apache || given_away.is_some() { Instant::Start } else { Instant::End },
            basis: FormatBasis::Detected,
            // Keys that any server may be told to write.
            ambiguous_with: (server == Server::Unknown
                || server == Server::Nginx && is_nginx && !is_surely_nginx)
                .then_some(Server::Apache),
        };
        let (time, status) = (Place::of(time, &objects), Place::of(status, &objects));
        // What stands in an object is found by a walk alone.
        let is_on_top = |place: &Place| place.key.is_of(&place.path);
        let by_search = is_on_top(&time)
            && is_on_top(&status)
            && objects.iter().all(|row| time.is_found(row) && status.is_found(row));
        let telltale = given_away.as_ref().map(|told| Place::of(&told.key, &objects));
        let finish = given_away.map_or((|_| {}) as fn(&mut AccessRecord<'_>), |told| told.finish);
        Some(JsonAccess { about, time, status, by_search, fields, telltale, finish })
    }

    /// Time and status by a walk over the line.
    fn walk<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        let (mut stamp, mut status) = (None, None);
        let mut leaves = Leaves::of(line);
        while stamp.is_none() || status.is_none() {
            let Some((path, value)) = leaves.next()? else { break };
            if stamp.is_none() && path == &*self.time.path {
                stamp = Some(value);
            } else if status.is_none() && path == &*self.status.path {
                status = Some(value);
            }
        }
        let status = status.and_then(parse_status).ok_or(Skip::BadStatus)?;
        Ok(Glance { stamp: stamp.ok_or(Skip::BadTime)?, status })
    }
}

impl Reader for JsonAccess {
    fn about(&self) -> &About {
        &self.about
    }

    #[inline]
    fn glance<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        let is_telling = |telltale: &Place| telltale.key.find(line).is_some();
        if !line.trim_ascii_start().starts_with(b"{")
            || !self.telltale.as_ref().is_none_or(is_telling)
        {
            return Err(Skip::Shape);
        }
        if !self.by_search {
            return self.walk(line);
        }
        let (stamp, stamp_at) = self.time.key.find_from(line, 0).ok_or(Skip::BadTime)?;
        let (status, status_at) = self.status.key.find_from(line, 0).ok_or(Skip::BadStatus)?;
        // An object before either may have the same key.
        let head = &line[..stamp_at.max(status_at)];
        if memchr::memchr_iter(b'{', head).nth(1).is_some() {
            return self.walk(line);
        }
        let status = parse_status(status).ok_or(Skip::BadStatus)?;
        Ok(Glance { stamp, status })
    }

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        let glance = self.glance(record)?;
        let stamp = self.about.notation.parse(glance.stamp).ok_or(Skip::BadTime)?;
        let mut access = AccessRecord::new(stamp, glance.status, Escape::Json);
        let (mut time, mut status) = (None, None);
        let mut leaves = Leaves::of(record);
        while let Some((path, value)) = leaves.next()? {
            if path == &*self.time.path {
                time = time.or(Some(value));
                access.set(Field::Time, value);
            } else if path == &*self.status.path {
                status = status.or(Some(value));
                access.set(Field::Status, value);
            } else if let Ok(idx) = self.fields.binary_search_by(|(known, _)| (**known).cmp(path)) {
                access.set(self.fields[idx].1, value);
            }
        }
        if time != Some(glance.stamp) || status.and_then(parse_status) != Some(glance.status) {
            return Err(Skip::Shape);
        }
        (self.finish)(&mut access);
        Ok(Record::Access(access))
    }

    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        let mut leaves = Leaves::of(record);
        while let Ok(Some((path, value))) = leaves.next() {
            each(&String::from_utf8_lossy(path), value);
        }
    }
}

/// True for a line of another format, which knows its keys.
fn is_declared(line: &[u8]) -> bool {
    FORMATS.iter().filter_map(|format| format.declared()).any(|declared| declared.owns(line))
        || caddy_log::is_line(line)
}

/// True for an object with the duration of the request as nginx writes it, in seconds with three decimals.
fn has_request_time(object: &Object<'_>) -> bool {
    object
        .leaves
        .iter()
        .any(|(path, value)| field_of(path) == Field::RequestTime && is_fraction(value))
}

/// All paths, in the order in which they first occur.
fn names_of<'o>(objects: &'o [Object<'_>]) -> Vec<&'o [u8]> {
    let mut names: Vec<&[u8]> = Vec::new();
    for (path, _) in objects.iter().flat_map(|object| &object.leaves) {
        if !names.contains(&path.as_slice()) && names.len() < 100 {
            names.push(path);
        }
    }
    names
}

fn value_of<'a>(object: &Object<'a>, name: &[u8]) -> Option<&'a [u8]> {
    object.leaves.iter().find(|(path, _)| path == name).map(|(_, value)| *value)
}

/// A path that the values gave, as one of those that the objects have.
fn own_name<'o>(names: &[&'o [u8]], key: &[u8]) -> Option<&'o [u8]> {
    names.iter().copied().find(|name| *name == key)
}

/// The path that ranks first in the table of those that are in most objects with a value that passes.
fn choose<'o>(
    objects: &[Object<'_>],
    names: &[&'o [u8]],
    table: &[&str],
    passes: impl Fn(&[u8]) -> bool,
) -> Option<&'o [u8]> {
    names
        .iter()
        .filter_map(|name| {
            let has_it = |object: &&Object<'_>| value_of(object, name).is_some_and(&passes);
            Some((*name, rank_in(table, name)?, objects.iter().filter(has_it).count()))
        })
        .filter(|(_, _, n_passing)| n_passing * 2 > objects.len())
        .min_by_key(|(_, rank, n_passing)| (std::cmp::Reverse(*n_passing), *rank))
        .map(|(name, _, _)| name)
}

fn choose_time<'o>(objects: &[Object<'_>], names: &[&'o [u8]]) -> Option<(&'o [u8], Notation)> {
    // Notations with a zone and a known unit go first.
    [
        Notation::Iso8601,
        Notation::Clf,
        Notation::EpochSeconds,
        Notation::EpochMillis,
        Notation::EpochMicros,
        Notation::EpochNanos,
        Notation::ClfVariant,
    ]
    .into_iter()
    .find_map(|notation| {
        let name = choose(objects, names, TIME_KEYS, |value| notation.parse(value).is_some())?;
        Some((name, notation))
    })
}

/// True for times that nginx does not write by itself: its finest are milliseconds, and its zones have a colon.
fn has_times_of_no_nginx(time: &[u8], notation: Notation, objects: &[Object<'_>]) -> bool {
    match notation {
        Notation::EpochMicros | Notation::EpochNanos => true,
        Notation::Iso8601 => {
            objects.iter().filter_map(|object| value_of(object, time)).all(is_time_of_no_nginx)
        }
        _ => false,
    }
}

/// What Apache can only mean by a field: it knows what a backend answered last, and the URL of a worker.
fn of_apache(field: Field) -> Field {
    match field {
        Field::UpstreamStatus => Field::ProxyStatus,
        Field::UpstreamAddr => Field::Other,
        field => field,
    }
}

/// The field of a key, corrected where its values say otherwise.
fn field_by_values(name: &[u8], objects: &[Object<'_>]) -> Field {
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
            if values().next().is_some() && values().all(is_fraction) {
                field
            } else {
                Field::Other
            }
        }
        // A name of which no line has an address is that of a backend, not of a group without a peer.
        Field::UpstreamAddr if !is_upstream_addr(name) => {
            let is_absent_everywhere = values().all(is_absent);
            let has_peer = || values().flat_map(upstream_items).any(is_peer_address);
            if is_absent_everywhere || has_peer() { field } else { Field::Other }
        }
        // Some have microseconds under the same key.
        Field::UpstreamStatus => {
            let is_status = |item: &[u8]| is_absent(item) || parse_status(item).is_some();
            let n_statuses = values().filter(|value| upstream_items(value).all(is_status)).count();
            let n_values = values().count();
            // Short durations look like statuses, but no status is that long.
            let is_long = |value: &[u8]| value.len() > 3 && value.iter().all(u8::is_ascii_digit);
            if n_statuses * 2 >= n_values && !values().any(is_long) {
                Field::UpstreamStatus
            } else if values().all(|value| value.iter().all(u8::is_ascii_digit)) {
                Field::RequestTimeMicros
            } else {
                Field::Other
            }
        }
        // Most requests have none. Whose it is a plainer name does not tell.
        Field::LogId => {
            let is_telling = values().any(|value| !is_absent(value))
                || rank_in(&["err_id", "errlog_id", "error_log_id"], name).is_some();
            let is_none_or_id = |value: &[u8]| is_absent(value) || is_log_id(value);
            if is_telling && values().all(is_none_or_id) { field } else { Field::Other }
        }
        // What `mod_proxy_balancer` tells is the URL of a worker; others have workers too.
        Field::BalancerWorker => {
            let is_url = |value: &[u8]| is_absent(value) || split_url(value).is_some();
            if values().all(is_url) { field } else { Field::Other }
        }
        Field::UpstreamResponseTime if name != b"upstream_response_time" => {
            let is_seconds = |item: &[u8]| is_absent(item) || is_fraction(item);
            if values().flat_map(upstream_items).all(is_seconds) { field } else { Field::Other }
        }
        field => field,
    }
}

/// Adds keys that are no usual names, but usual labels in lines of text, where nothing else has their field.
fn add_labelled(fields: &mut Vec<(Box<[u8]>, Field)>, names: &[&[u8]], objects: &[Object<'_>]) {
    for name in names.iter().filter(|name| field_of(name) == Field::Other) {
        let Some(label) = plain_name(name) else { continue };
        let values = objects.iter().filter_map(|object| value_of(object, name)).collect();
        let field = field_of_label(&label, values);
        if !matches!(field, Field::Other | Field::Time | Field::Status | Field::UpstreamCacheStatus)
            && (!tells_of_backends(field) || is_label_of_upstream(&label))
            && fields.iter().all(|(_, known)| *known != field)
        {
            fields.push((Box::from(*name), field));
        }
    }
}

/// True for what nginx tells of each attempt.
fn tells_of_backends(field: Field) -> bool {
    field.is_list() && field != Field::ForwardedFor
}

/// True for labels that can mean nothing else: others have an `origin`, a `peer`, a `backend` and an `uptime` too.
fn is_label_of_upstream(label: &str) -> bool {
    let plain = label.replace(['_', '-'], "").to_ascii_lowercase();
    plain.starts_with("ups") || plain == "ustatus" || plain == "uaddr"
}

/// The key, of those that stand for nothing yet, whose values are those of `$upstream_cache_status` and of nothing else.
fn cache_field(
    names: &[&[u8]],
    fields: &[(Box<[u8]>, Field)],
    objects: &[Object<'_>],
) -> Option<(Box<[u8]>, Field)> {
    let is_free = |name: &&&[u8]| {
        field_of(name) == Field::Other && fields.iter().all(|(known, _)| **known != ***name)
    };
    let holds_verdicts = |name: &&&[u8]| {
        let values = || {
            objects
                .iter()
                .filter_map(|object| value_of(object, name))
                .filter(|value| !is_absent(value))
        };
        values().next().is_some() && values().all(is_cache_status)
    };
    let mut found = names.iter().filter(is_free).filter(holds_verdicts);
    // Of two, one may be that of a cache behind this one.
    let only = found.next().filter(|_| found.next().is_none())?;
    Some((Box::from(*only), Field::UpstreamCacheStatus))
}

/// True for a number with a fraction: `0.003`, or `3e-05` as some encoders have it.
fn is_fraction(value: &[u8]) -> bool {
    value.iter().any(|byte| matches!(byte, b'.' | b'-')) && parse_scaled_seconds_us(value).is_some()
}

/// Where the query has a key of its own and no target holds one, the target is the path alone.
fn split_target(fields: &mut [(Box<[u8]>, Field)], objects: &[Object<'_>]) {
    let has = |name: &[u8], passes: fn(&[u8]) -> bool| {
        objects.iter().filter_map(|object| value_of(object, name)).any(passes)
    };
    let is_query = |(name, field): &(Box<[u8]>, Field)| {
        *field == Field::Args && has(name, |value| !is_absent(value))
    };
    if !fields.iter().any(is_query) {
        return;
    }
    for (name, field) in fields {
        if *field == Field::RequestUri && !has(name, |value| value.contains(&b'?')) {
            *field = Field::Uri;
        }
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
        let is_object = |line: &&&[u8]| line.trim_ascii_start().starts_with(b"{");
        let has_status = |object: Object<'_>| {
            let is_known = |path: &[u8]| {
                [STATUS_KEYS, DOUBTFUL_STATUS_KEYS].iter().any(|keys| rank_in(keys, path).is_some())
            };
            object.leaves.iter().any(|(path, _)| is_known(path))
        };
        // Cheaper than to ask every declared format whose the lines are.
        if !sample
            .lines
            .iter()
            .filter(is_object)
            .filter_map(|line| Object::of(line))
            .any(has_status)
            && !Columns::of(&sample.lines).is_some_and(|columns| columns.are_requests())
        {
            return None;
        }
        let reader = JsonAccess::detect(sample)?;
        let n_accepted = sample.count(|line| reader.parse(line).is_ok() && !is_declared(line));
        let is_haproxy = reader.about().server == Server::Haproxy;
        let proposal = Proposal::counted(reader, n_accepted)?;
        Some(if is_haproxy { with_servers(proposal) } else { proposal })
    }
}
