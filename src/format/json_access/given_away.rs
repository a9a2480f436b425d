//! Servers that the values under one key give away, whatever an operator calls the key.
//!
//! In: sampled objects and their keys. Out: the server, and the fields of its keys.
//! Invariants: the words are those by which lines of text are known (`infer/telltale.rs`); other keys are named as there,
//! by their label and their values, else as in any access log. Objects with keys that only nginx has are not looked at.

use super::{Object, names_of, value_of};
use crate::format::infer::telltale::{Columns, Telltale};
use crate::format::json_declared::has_no_header;
use crate::format::{envoy, fastly, haproxy_access, varnish_ncsa};
use crate::record::{AccessRecord, Field};
use crate::taxonomy::Server;

/// Ids of the formats, who writes them, and the words.
const KNOWN: &[(&str, Server, &Telltale)] = &[
    (envoy::JSON.name, Server::Envoy, &envoy::BY_DETAILS),
    (envoy::JSON.name, Server::Envoy, &envoy::FLAGS_BY_KEY),
    (haproxy_access::JSON.name, Server::Haproxy, &haproxy_access::STATES_BY_KEY),
    (fastly::ACCESS.name, Server::Fastly, &fastly::STATES_BY_KEY),
    (fastly::ACCESS.name, Server::Fastly, &fastly::REASONS),
    (varnish_ncsa::JSON.name, Server::Varnish, &varnish_ncsa::HANDLING_BY_KEY),
    (varnish_ncsa::JSON.name, Server::Varnish, &varnish_ncsa::PROXIED),
];

/// What a usual key means whoever writes it.
const COMMON: &[Field] = &[
    Field::RemoteAddr,
    Field::RemoteUser,
    Field::Request,
    Field::Method,
    Field::RequestUri,
    Field::Args,
    Field::Protocol,
    Field::BodyBytes,
    Field::BytesSent,
    Field::RequestLength,
    Field::Referer,
    Field::UserAgent,
    Field::ForwardedFor,
    Field::Host,
    Field::RequestTime,
    Field::RequestTimeMillis,
    Field::RequestTimeMicros,
    Field::RequestId,
    Field::UpstreamAddr,
];

/// A server, and what its keys mean.
pub(super) struct GivenAway {
    pub(super) format: &'static str,
    pub(super) server: Server,
    pub(super) finish: fn(&mut AccessRecord<'_>),
    /// The key that tells.
    pub(super) key: Box<[u8]>,
    pub(super) fields: Vec<(Box<[u8]>, Field)>,
}

/// What a key gives away: the id of the format, who writes it, the words, and which column it is.
type Told = (&'static str, Server, &'static Telltale, usize);

/// The values under each key.
fn columns_of<'a>(objects: &[Object<'a>], names: &[&[u8]]) -> Columns<'a> {
    let column = |name: &&[u8]| {
        let last = memchr::memrchr(b'.', name).map_or(*name, |dot| &name[dot + 1..]);
        // A key that is missing, and one without a value, is as a dash in a line of text.
        let value = |object| value_of(object, name).filter(|value| !value.is_empty());
        let values = objects.iter().map(|object| value(object).unwrap_or(b"-")).collect();
        (String::from_utf8_lossy(last).into_owned(), values)
    };
    Columns::labelled(names.iter().map(column).collect())
}

fn told_by(columns: &Columns<'_>) -> Option<Told> {
    KNOWN.iter().find_map(|(format, server, telltale)| {
        Some((*format, *server, *telltale, columns.given_away_by(telltale)?))
    })
}

impl GivenAway {
    /// The key of some of the objects that gives a server away.
    pub(super) fn key_of(objects: &[Object<'_>]) -> Option<Box<[u8]>> {
        let names = names_of(objects);
        let (.., idx) = told_by(&columns_of(objects, &names))?;
        names.get(idx).map(|name| Box::from(*name))
    }

    /// `None`: no key gives a server away. `usual`: what keys mean by their names.
    pub(super) fn of(
        objects: &[Object<'_>],
        names: &[&[u8]],
        usual: &[(Box<[u8]>, Field)],
    ) -> Option<Self> {
        let mut columns = columns_of(objects, names);
        let (format, server, telltale, idx) = told_by(&columns)?;
        let key = Box::from(*names.get(idx)?);
        columns.set(idx, telltale.field);
        (telltale.name)(&mut columns);
        for (idx, name) in names.iter().enumerate() {
            let known =
                usual.iter().find(|(usual, field)| **usual == **name && COMMON.contains(field));
            // The number may count the header, too.
            let is_body = |idx| server != Server::Varnish || columns.any(idx, has_no_header);
            if let Some((_, field)) = known
                && (*field != Field::BodyBytes || is_body(idx))
            {
                columns.set(idx, *field);
            }
        }
        columns.name_request();
        let fields = names
            .iter()
            .enumerate()
            .filter_map(|(idx, name)| columns.field(idx).map(|field| (Box::from(*name), field)));
        Some(GivenAway { format, server, finish: telltale.finish, key, fields: fields.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::JsonAccess;
    use super::*;
    use crate::format::{Reader, Sample};
    use crate::record::Record;

    /// What a reader of the lines is called, and what it finds in the last of them.
    #[track_caller]
    fn check(lines: &[&str], format: &str, fields: &[(Field, &str)]) {
        let sample = Sample::of(lines.iter().map(|line| line.as_bytes()).collect());
        let reader = JsonAccess::detect(&sample).expect("known");
        assert_eq!(reader.about().format, format);
        let last = lines.last().expect("a line").as_bytes();
        let Ok(Record::Access(record)) = reader.parse(last) else { panic!("not read") };
        for (field, value) in fields {
            let found = record.raw(*field).map(String::from_utf8_lossy);
            assert_eq!(found.as_deref(), Some(*value), "{field:?}");
        }
    }

    #[test]
    fn envoy_is_known_by_flags_and_details_under_any_key() {
        let lines = [
            r#"{"@timestamp":"2026-11-20T21:30:01Z","http":{"response":{"status_code":200}},"url":{"path":"/a"},"envoy":{"response_flags":"-","upstream_host":"10.0.0.5:80"}}"#,
            r#"{"@timestamp":"2026-11-20T21:30:02Z","http":{"response":{"status_code":503}},"url":{"path":"/b"},"envoy":{"response_flags":"UH","upstream_host":null}}"#,
        ];
        let fields =
            [(Field::ResponseFlags, "UH"), (Field::RequestUri, "/b"), (Field::Status, "503")];
        check(&lines, "envoy_json", &fields);
        check(
            &[
                r#"{"t":"2026-11-20T21:30:01Z","code":200,"m":"GET","p":"/a","why":"via_upstream"}"#,
                r#"{"t":"2026-11-20T21:30:02Z","code":503,"m":"GET","p":"/b","why":"upstream_reset_before_response_started{overflow}"}"#,
            ],
            "envoy_json",
            &[
                (Field::ResponseDetails, "upstream_reset_before_response_started{overflow}"),
                (Field::Method, "GET"),
                (Field::RequestUri, "/b"),
            ],
        );
    }

    #[test]
    fn varnish_is_known_by_whole_urls_beside_words_of_its_own() {
        check(
            &[
                r#"{"@timestamp":"2026-11-22T13:30:24Z","client_ip":"127.0.0.1","request":"GET http://a.example/x HTTP/1.1","status_code":"200","size":"471","duration_us":114,"cache":"hit"}"#,
                r#"{"@timestamp":"2026-11-22T13:30:24Z","client_ip":"127.0.0.1","request":"GET http://a.example/y HTTP/1.1","status_code":"503","size":"283","duration_us":114,"cache":"miss"}"#,
            ],
            "varnish_json",
            &[(Field::CacheHandling, "miss"), (Field::RequestTimeMicros, "114")],
        );
        check(
            &[
                r#"{"@timestamp":"2026-11-22T13:30:24Z","ip":"127.0.0.1","request":"GET http://a.example/x HTTP/1.1","status":"200","x_varnish":"131221 98"}"#,
                r#"{"@timestamp":"2026-11-22T13:30:24Z","ip":"127.0.0.1","request":"GET http://a.example/y HTTP/1.1","status":"503","x_varnish":"131224"}"#,
            ],
            "varnish_json",
            &[
                (Field::Request, "GET http://a.example/y HTTP/1.1"),
                (Field::RemoteAddr, "127.0.0.1"),
            ],
        );
        // What Varnish says in a header, in the log of a server in front of it.
        check(
            &[
                r#"{"ts":"2026-11-22T13:30:24Z","client":"127.0.0.1","request":"GET /x HTTP/1.1","status":"200","x_cache":"hit"}"#,
                r#"{"ts":"2026-11-22T13:30:24Z","client":"127.0.0.1","request":"GET /y HTTP/1.1","status":"503","x_cache":"synth"}"#,
            ],
            "json_access",
            &[],
        );
        // A proxy that clients ask for whole URLs, and says nothing of Varnish.
        check(
            &[
                r#"{"@timestamp":"2026-11-22T13:30:24Z","ip":"127.0.0.1","request":"GET http://a.example/x HTTP/1.1","status":"200"}"#,
                r#"{"@timestamp":"2026-11-22T13:30:24Z","ip":"127.0.0.1","request":"GET http://a.example/y HTTP/1.1","status":"503"}"#,
            ],
            "json_access",
            &[],
        );
    }

    #[test]
    fn haproxy_is_known_by_states_under_any_key() {
        check(
            &[
                r#"{"t":"20/Nov/2026:21:30:01.003","ci":"192.0.2.1","fe":"web","bk":"app","srv":"s1","st":200,"ts":"----","tw":0,"tc":1,"tr":5,"req":"GET /a HTTP/1.1"}"#,
                r#"{"t":"20/Nov/2026:21:30:02.003","ci":"192.0.2.1","fe":"web","bk":"app","srv":"<NOSRV>","st":503,"ts":"SC--","tw":-1,"tc":-1,"tr":-1,"req":"GET /b HTTP/1.1"}"#,
            ],
            "haproxy_json",
            &[
                (Field::TerminationState, "SC--"),
                (Field::BackendServer, "<NOSRV>"),
                (Field::Backend, "app"),
                (Field::ResponseTimeMillis, "-1"),
                (Field::RemoteAddr, "192.0.2.1"),
            ],
        );
    }

    #[test]
    fn fastly_is_known_by_reasons() {
        check(
            &[
                r#"{"time":"2026-11-20T21:30:01Z","status":200,"url":"/a","did":"HIT-CLUSTER","resp":{"reason":"OK"}}"#,
                r#"{"time":"2026-11-20T21:30:02Z","status":503,"url":"/b","did":"ERROR","resp":{"reason":"first byte timeout"}}"#,
            ],
            "fastly_access",
            &[(Field::ResponseDetails, "first byte timeout")],
        );
    }

    #[test]
    fn words_of_applications_are_no_servers() {
        let pairs = [
            (r#""level":"ERROR""#, r#""level":"ERROR""#),
            (r#""outcome":"HIT""#, r#""outcome":"ERROR""#),
            (r#""result":"PASS""#, r#""result":"HIT-CLUSTER""#),
            (r#""state":"HIT""#, r#""state":"ERROR""#),
            (r#""reason":"OK""#, r#""reason":"first byte timeout""#),
            (r#""fastly_client_ip":"::1","reason":"OK""#, r#""reason":"backend read error""#),
            (r#""country":"NC""#, r#""country":"UC""#),
            (r#""team":"-""#, r#""team":"UO""#),
            (r#""flag":"DC""#, r#""flag":"UC""#),
        ];
        for (usual, failed) in pairs {
            let usual =
                format!(r#"{{"time":"2026-11-20T21:30:01Z","status":200,"url":"/a",{usual}}}"#);
            let failed =
                format!(r#"{{"time":"2026-11-20T21:30:02Z","status":503,"url":"/b",{failed}}}"#);
            check(&[&usual, &failed], "json_access", &[(Field::RequestUri, "/b")]);
        }
    }

    #[test]
    fn objects_without_the_key_are_anothers() {
        let envoy = r#"{"t":"2026-11-20T21:30:01Z","code":503,"path":"/a","why":"via_upstream"}"#;
        let other = r#"{"t":"2026-11-20T21:30:02Z","code":503,"path":"/b","msg":"x"}"#;
        let sample = Sample::of(vec![other.as_bytes(), envoy.as_bytes()]);
        let reader = JsonAccess::detect(&sample).expect("known");
        assert_eq!(reader.about().server, Server::Envoy);
        assert!(reader.parse(envoy.as_bytes()).is_ok());
        assert!(reader.glance(other.as_bytes()).is_err());
    }

    #[test]
    fn words_that_others_have_give_nothing_away() {
        // Codes of states, a column of dashes, and what nginx has been told to pass on.
        check(
            &[
                r#"{"time":"2026-11-20T21:30:01Z","status":200,"url":"/a","state":"--","geo":"UT"}"#,
                r#"{"time":"2026-11-20T21:30:02Z","status":503,"url":"/b","state":"SC","geo":"NC"}"#,
            ],
            "json_access",
            &[],
        );
        check(
            &[
                r#"{"time":"2026-11-20T21:30:01Z","status":200,"request_uri":"/a","upstream_addr":"10.0.0.5:80","upstream_status":"200","flags":"-"}"#,
                r#"{"time":"2026-11-20T21:30:02Z","status":503,"request_uri":"/b","upstream_addr":"10.0.0.5:80","upstream_status":"503","flags":"UH"}"#,
            ],
            "nginx_access",
            &[(Field::UpstreamStatus, "503")],
        );
    }
}
