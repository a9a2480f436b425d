//! Keys of JSON access lines that an operator has chosen freely, known by their values.
//!
//! In: sampled objects, their paths, and the fields that are known. Out: more fields.
//! Invariants: values are judged as those of columns in lines of text are (`infer`): by their kind, and by how they move
//! with others. What tells of a backend takes evidence that nothing else gives. Fields that are known stay as they are.

use super::keys::field_of;
use super::{Object, value_of};
use crate::bytes::{is_absent, parse_u64, upstream_items};
use crate::format::infer::fields_by_values;
use crate::record::{Field, split_request};

/// What values may tell. The rest decides little, and much looks like it.
const TOLD: &[Field] = &[
    Field::Request,
    Field::Method,
    Field::RequestUri,
    Field::RemoteAddr,
    Field::UpstreamAddr,
    Field::UpstreamStatus,
];

/// Fewer responses without a body show nothing.
const MIN_BODILESS: usize = 3;

/// A path, and its field.
type Named = (Box<[u8]>, Field);

/// Keys whose values alone tell what they are, where nothing else has their field. `time` and `status` have no field in
/// `fields`.
pub(super) fn told_by_values(
    fields: &[Named],
    names: &[&[u8]],
    time: &[u8],
    status: &[u8],
    objects: &[Object<'_>],
) -> Vec<Named> {
    let field_at = |name: &[u8]| match name {
        _ if name == time => Some(Field::Time),
        _ if name == status => Some(Field::Status),
        _ => fields.iter().find(|(key, _)| **key == *name).map(|(_, field)| *field),
    };
    // Of usual keys, names and values have said what they are not.
    let mut open = names.to_vec();
    open.retain(|name| field_at(name).is_some() || field_of(name) == Field::Other);
    let column = |name: &&[u8]| {
        let last = memchr::memrchr(b'.', name).map_or(*name, |dot| &name[dot + 1..]);
        let values = objects.iter().map(|object| value_of(object, name).unwrap_or(b"-")).collect();
        (String::from_utf8_lossy(last).into_owned(), values, field_at(name))
    };
    let told = fields_by_values(open.iter().map(column).collect());
    let is_free = |name: &[u8], wanted: Field| {
        field_at(name).is_none() && fields.iter().all(|(_, known)| *known != wanted)
    };
    let told = open.iter().zip(told).filter_map(|(name, field)| {
        let field = field.filter(|field| TOLD.contains(field) && is_free(name, *field))?;
        Some((Box::from(*name), field))
    });
    let mut told: Vec<Named> = told.collect();
    // An address and a status may be those of anything that the server asks. Statuses of several attempts are those of a
    // proxy.
    let of_backend = [Field::UpstreamAddr, Field::UpstreamStatus];
    if !has_lists_of_statuses(&told, objects) {
        told.retain(|(_, field)| !of_backend.contains(field));
    }
    let is_told = |name: &[u8]| told.iter().any(|(known, _)| **known == *name);
    let open: Vec<&[u8]> =
        open.into_iter().filter(|name| is_free(name, Field::BodyBytes) && !is_told(name)).collect();
    let known = || fields.iter().chain(&told);
    let body = body_bytes(&open, known(), status, objects);
    told.extend(body.map(|name| (Box::from(name), Field::BodyBytes)));
    told
}

/// The only key that is always a number, 0 where a response has no body, and not 0 in others.
fn body_bytes<'n, 'f>(
    open: &[&'n [u8]],
    mut known: impl Iterator<Item = &'f Named>,
    status: &[u8],
    objects: &[Object<'_>],
) -> Option<&'n [u8]> {
    let method = known
        .find(|(_, field)| matches!(field, Field::Method | Field::Request))
        .map(|(key, _)| key);
    let is_bodiless = |object: &&Object<'_>| {
        let method = method.and_then(|key| value_of(object, key)).unwrap_or_default();
        let method =
            Some(split_request(method).0).filter(|word| !word.is_empty()).unwrap_or(method);
        method == b"HEAD"
            || value_of(object, status).is_some_and(|status| matches!(status, b"204" | b"304"))
    };
    let (bodiless, others): (Vec<_>, Vec<_>) = objects.iter().partition(is_bodiless);
    let is_body = |name: &&&[u8]| {
        let number = |object: &&Object<'_>| value_of(object, name).and_then(parse_u64);
        bodiless.iter().all(|object| number(object) == Some(0))
            && others.iter().all(|object| number(object).is_some())
            && others.iter().filter(|object| number(object) != Some(0)).count() * 2 > others.len()
    };
    let mut found = open.iter().filter(is_body);
    found.next().filter(|_| bodiless.len() >= MIN_BODILESS && found.next().is_none()).copied()
}

/// True where a value holds the statuses of several attempts, as only nginx writes them.
pub(super) fn has_lists_of_statuses(fields: &[Named], objects: &[Object<'_>]) -> bool {
    let is_list = |value: &[u8]| upstream_items(value).filter(|item| !is_absent(item)).count() > 1;
    let named = fields.iter().filter(|(_, field)| *field == Field::UpstreamStatus);
    named
        .flat_map(|(name, _)| objects.iter().filter_map(|object| value_of(object, name)))
        .any(is_list)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::super::JsonAccess;
    use crate::format::{Reader, Sample};
    use crate::record::{Field, Record};
    use crate::taxonomy::Server;

    /// Lines of requests: `body` has `@n`, `@method`, `@status`, `@addr` and `@answer` of the backend, and `@bytes`.
    fn lines_of(body: &str) -> String {
        let mut text = String::new();
        for n in 0..40 {
            let is_own = n % 5 == 0;
            let (method, bytes) = if n % 4 == 1 { ("HEAD", 0) } else { ("GET", 197 + n) };
            let status = ["503", "200", "200", "503", "404"][n % 5];
            let addr = if is_own { String::new() } else { format!("10.0.0.{}:8080", 1 + n % 3) };
            let is_retried = n % 10 == 8;
            let addr = if is_retried { format!("10.0.0.9:8080, {addr}") } else { addr };
            let line = body
                .replace("@n", &format!("{n:02}"))
                .replace("@method", method)
                .replace("@status", status)
                .replace("@addr", &addr)
                .replace("@answer, ", if is_retried { "502, " } else { "" })
                .replace("@answer", if is_own { "" } else { status })
                .replace("@bytes", &bytes.to_string());
            let _ = writeln!(text, "{line}");
        }
        text
    }

    /// The server, and the values of fields in the line of request 3.
    #[track_caller]
    fn found(text: &str, fields: &[Field]) -> (Server, Vec<Option<String>>) {
        let lines: Vec<&[u8]> = text.lines().map(str::as_bytes).collect();
        let line = lines[3];
        let reader = JsonAccess::detect(&Sample::of(lines)).expect("known");
        let Ok(Record::Access(record)) = reader.parse(line) else { panic!("not read") };
        let value = |field: &Field| {
            record.raw(*field).map(|value| String::from_utf8_lossy(value).into_owned())
        };
        (reader.about().server, fields.iter().map(value).collect())
    }

    const WHAT: &[Field] = &[
        Field::Status,
        Field::Method,
        Field::RequestUri,
        Field::RemoteAddr,
        Field::BodyBytes,
        Field::UpstreamAddr,
        Field::UpstreamStatus,
    ];

    #[track_caller]
    fn check(body: &str, server: Server, expected: [&str; 7]) {
        let (writer, values) = found(&lines_of(body), WHAT);
        let values: Vec<&str> =
            values.iter().map(|value| value.as_deref().unwrap_or("?")).collect();
        assert_eq!((writer, &*values), (server, &expected[..]));
    }

    #[test]
    fn keys_of_an_operator_in_objects_are_known_by_their_values() {
        let all = ["503", "GET", "/a/03", "192.0.2.103", "200", "10.0.0.1:8080", "503"];
        check(
            r#"{"when":17952102@n123456,"who":{"src":"192.0.2.1@n"},"q":{"how":"@method","doc":"/a/@n"},"r":{"rc":@status,"vol":@bytes},"next":{"node":"@addr","said":"@answer, @answer"}}"#,
            Server::Nginx,
            all,
        );
    }

    #[test]
    fn an_address_and_a_status_may_be_those_of_another_service() {
        let of_request = ["503", "GET", "/a/03", "192.0.2.103", "200", "?", "?"];
        check(
            r#"{"when":17952102@n123456,"who":{"src":"192.0.2.1@n"},"q":{"how":"@method","doc":"/a/@n"},"r":{"rc":@status,"vol":@bytes},"login":{"node":"10.0.0.9:443","said":"@answer"}}"#,
            Server::Unknown,
            of_request,
        );
    }

    #[test]
    fn an_address_alone_is_no_backend() {
        check(
            r#"{"when":"2026-11-22T13:09:@nZ","q":{"how":"@method","doc":"/a/@n"},"rc":@status,"db":{"node":"@addr","said":"0.003"}}"#,
            Server::Unknown,
            ["503", "GET", "/a/03", "?", "?", "?", "?"],
        );
    }

    #[test]
    fn messages_get_no_fields_by_values() {
        check(
            r#"{"ts":"2026-11-22T13:09:@nZ","level":"info","method":"@method","where":"/a/@n","status":@status,"node":"@addr","said":"@answer"}"#,
            Server::Unknown,
            ["503", "GET", "?", "?", "?", "?", "?"],
        );
    }
}
