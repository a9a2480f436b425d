//! `log-format` strings that print JSON: the keys are the operator's, and mostly the names of the manual.
//!
//! In: nothing. Out: [`JSON`], which names the keys. Invariants: an object without a termination state is not of the format.
//! Source: `HAProxy` `doc/configuration.txt`, section 8.2.6 (names of the aliases); names in common use.

use super::log_format::completed;
use super::served::with_servers;
use crate::format::json_declared::{Declared, Required, TimeAt, Use, key, time_at, value};
use crate::format::{Format, Instant, Proposal, Sample};
use crate::record::Field;
use crate::taxonomy::Server;
use crate::time::Notation;

/// `%t` and `%tr` have no zone, `%T` and `%trg` have one, `%Ts` is a number.
const TIMES: &[Notation] = &[
    Notation::Iso8601,
    Notation::EpochSeconds,
    Notation::EpochMillis,
    Notation::EpochMicros,
    Notation::Clf,
    Notation::ClfVariant,
];

const REQUIRED: &[Required] = &[
    value(
        &[
            "termination_state",
            "termination_code",
            "term_state",
            "session_end_state",
            "tsc",
            "term",
            "termination",
            "hap_tsc",
            "haproxy>termination_state",
            "haproxy>term_state",
            "haproxy>tsc",
            "haproxy.termination_state",
            "connection>termination_state",
        ],
        STATES,
    ),
    key(STATUS),
];

const STATUS: &[&str] = &[
    "status_code",
    "http_status_code",
    "http_status",
    "response_code",
    "status",
    "code",
    "st",
    "response_status",
    "http>response>status_code",
    "http.response.status_code",
    "response>status",
    "http>status",
];

/// Who ended a session, and in which phase, with or without what was done with cookies: usual ones first.
const STATES: &[&str] = &[
    "--~", "S-~", "SC~", "SH~", "SD~", "SL~", "SQ~", "SR~", "ST~", "C-~", "CR~", "CQ~", "CC~",
    "CH~", "CD~", "CL~", "CT~", "PR~", "PQ~", "PC~", "PH~", "PD~", "PL~", "PT~", "P-~", "L-~",
    "LR~", "LC~", "LH~", "LD~", "LL~", "R-~", "RR~", "RQ~", "RC~", "RH~", "RD~", "D-~", "DC~",
    "DH~", "DD~", "DL~", "U-~", "UD~", "I-~", "IR~", "IQ~", "IC~", "IH~", "ID~", "IL~", "K-~",
    "KC~", "KH~", "KD~", "KL~",
];

const TIME: &[TimeAt] = &[
    time_at("request_date", TIMES),
    time_at("accept_date", TIMES),
    time_at("timestamp", TIMES),
    time_at("@timestamp", TIMES),
    time_at("time", TIMES),
    time_at("date", TIMES),
    time_at("time_local", TIMES),
    time_at("ts", TIMES),
    time_at("t", TIMES),
    time_at("start_time", TIMES),
    time_at("datetime", TIMES),
    time_at("date_time", TIMES),
    time_at("haproxy_dt", TIMES),
];

/// A declared format whose readers learn which backends have servers.
#[derive(Debug)]
pub struct Learning(&'static Declared);

impl Format for Learning {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn summary(&self) -> &'static str {
        self.0.summary()
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        self.0.propose(sample).map(with_servers)
    }

    fn declared(&self) -> Option<&Declared> {
        Some(self.0)
    }
}

/// The format [`JSON`].
pub const JSON_LINES: Learning = Learning(&JSON);

/// Lines of JSON.
pub const JSON: Declared = Declared {
    name: "haproxy_json",
    summary: "HAProxy access log (a log-format that prints JSON); recognised by \"termination_state\"",
    server: Server::Haproxy,
    instant: Instant::Start,
    required: REQUIRED,
    besides: &[],
    time: TIME,
    status: STATUS,
    fields: &[
        ("client_ip", Use::Client),
        ("client", Use::Client),
        ("client_address", Use::Client),
        ("remote_addr", Use::Client),
        ("src", Use::Client),
        ("client_port", Use::As(Field::ClientPort)),
        ("frontend_name", Use::As(Field::Frontend)),
        ("frontend", Use::As(Field::Frontend)),
        ("backend_name", Use::As(Field::Backend)),
        ("backend", Use::As(Field::Backend)),
        ("server_name", Use::As(Field::BackendServer)),
        ("backend_server", Use::As(Field::BackendServer)),
        ("server", Use::As(Field::BackendServer)),
        ("termination_state", Use::As(Field::TerminationState)),
        ("termination_code", Use::As(Field::TerminationState)),
        ("term_state", Use::As(Field::TerminationState)),
        ("session_state", Use::As(Field::TerminationState)),
        ("tsc", Use::As(Field::TerminationState)),
        // Before `TR`: with small letters it mostly means this.
        ("Tr", Use::As(Field::ResponseTimeMillis)),
        ("TR", Use::As(Field::ReceiveTimeMillis)),
        ("Tq", Use::As(Field::ReceiveTimeMillis)),
        ("treq", Use::As(Field::ReceiveTimeMillis)),
        ("t_request", Use::As(Field::ReceiveTimeMillis)),
        ("time_request", Use::As(Field::ReceiveTimeMillis)),
        ("timers", Use::As(Field::Timers)),
        ("Tw", Use::As(Field::QueueTimeMillis)),
        ("time_queue", Use::As(Field::QueueTimeMillis)),
        ("Tc", Use::As(Field::ConnectTimeMillis)),
        ("time_connect", Use::As(Field::ConnectTimeMillis)),
        ("time_response", Use::As(Field::ResponseTimeMillis)),
        ("time_server_response", Use::As(Field::ResponseTimeMillis)),
        ("Ta", Use::As(Field::RequestTimeMillis)),
        ("Tt", Use::As(Field::RequestTimeMillis)),
        ("time_active", Use::As(Field::RequestTimeMillis)),
        ("time_total", Use::As(Field::RequestTimeMillis)),
        ("time_duration", Use::As(Field::RequestTimeMillis)),
        ("retries", Use::As(Field::Retries)),
        ("bytes_read", Use::As(Field::BytesSent)),
        ("bytes_sent", Use::As(Field::BytesSent)),
        ("http_request", Use::As(Field::Request)),
        ("request", Use::As(Field::Request)),
        ("http_method", Use::As(Field::Method)),
        ("request_method", Use::As(Field::Method)),
        ("method", Use::As(Field::Method)),
        ("http_uri", Use::Url),
        ("request_uri", Use::Url),
        ("uri", Use::Url),
        ("url", Use::Url),
        ("path", Use::Url),
        ("http_query", Use::As(Field::Args)),
        ("query", Use::As(Field::Args)),
        ("host", Use::As(Field::Host)),
        ("http_host", Use::As(Field::Host)),
        ("user_agent", Use::As(Field::UserAgent)),
        ("unique_id", Use::As(Field::RequestId)),
        ("request_id", Use::As(Field::RequestId)),
        ("client_addr", Use::Client),
        ("remote_ip", Use::Client),
        ("src_ip", Use::Client),
        ("ip", Use::Client),
        ("ci", Use::Client),
        ("client>ip", Use::Client),
        ("client>address", Use::Client),
        ("source>ip", Use::Client),
        ("source>address", Use::Client),
        ("source.ip", Use::Client),
        ("cp", Use::As(Field::ClientPort)),
        ("src_port", Use::As(Field::ClientPort)),
        ("source>port", Use::As(Field::ClientPort)),
        ("fe", Use::As(Field::Frontend)),
        ("front", Use::As(Field::Frontend)),
        ("ft", Use::As(Field::Frontend)),
        ("frontend_name_transport", Use::As(Field::Frontend)),
        ("haproxy>frontend_name", Use::As(Field::Frontend)),
        ("haproxy>frontend", Use::As(Field::Frontend)),
        ("haproxy.frontend_name", Use::As(Field::Frontend)),
        ("be", Use::As(Field::Backend)),
        ("bk", Use::As(Field::Backend)),
        ("haproxy>backend_name", Use::As(Field::Backend)),
        ("haproxy>backend", Use::As(Field::Backend)),
        ("haproxy.backend_name", Use::As(Field::Backend)),
        ("srv", Use::As(Field::BackendServer)),
        ("srv_name", Use::As(Field::BackendServer)),
        ("haproxy>server_name", Use::As(Field::BackendServer)),
        ("haproxy>server", Use::As(Field::BackendServer)),
        ("haproxy.server_name", Use::As(Field::BackendServer)),
        ("session_end_state", Use::As(Field::TerminationState)),
        ("term", Use::As(Field::TerminationState)),
        ("termination", Use::As(Field::TerminationState)),
        ("state", Use::As(Field::TerminationState)),
        ("hap_tsc", Use::As(Field::TerminationState)),
        ("haproxy>termination_state", Use::As(Field::TerminationState)),
        ("haproxy>term_state", Use::As(Field::TerminationState)),
        ("haproxy>tsc", Use::As(Field::TerminationState)),
        ("haproxy.termination_state", Use::As(Field::TerminationState)),
        ("t_queue", Use::As(Field::QueueTimeMillis)),
        ("queue_time", Use::As(Field::QueueTimeMillis)),
        ("haproxy>time_queue", Use::As(Field::QueueTimeMillis)),
        ("haproxy.time_queue", Use::As(Field::QueueTimeMillis)),
        ("t_connect", Use::As(Field::ConnectTimeMillis)),
        ("connect_time", Use::As(Field::ConnectTimeMillis)),
        ("time_backend_connect", Use::As(Field::ConnectTimeMillis)),
        ("haproxy>time_backend_connect", Use::As(Field::ConnectTimeMillis)),
        ("haproxy.time_backend_connect", Use::As(Field::ConnectTimeMillis)),
        ("t_response", Use::As(Field::ResponseTimeMillis)),
        ("response_time", Use::As(Field::ResponseTimeMillis)),
        ("time_backend_response", Use::As(Field::ResponseTimeMillis)),
        ("server_response_time", Use::As(Field::ResponseTimeMillis)),
        ("haproxy>time_backend_response", Use::As(Field::ResponseTimeMillis)),
        ("haproxy>server_response_time", Use::As(Field::ResponseTimeMillis)),
        ("t_total", Use::As(Field::RequestTimeMillis)),
        ("total_time", Use::As(Field::RequestTimeMillis)),
        ("duration_ms", Use::As(Field::RequestTimeMillis)),
        ("haproxy>total_time", Use::As(Field::RequestTimeMillis)),
        ("haproxy>total_waiting_time_ms", Use::As(Field::RequestTimeMillis)),
        ("rc", Use::As(Field::Retries)),
        ("haproxy>connections>retries", Use::As(Field::Retries)),
        ("bytes", Use::As(Field::BytesSent)),
        ("haproxy>bytes_read", Use::As(Field::BytesSent)),
        ("http>response>bytes", Use::As(Field::BytesSent)),
        ("req", Use::As(Field::Request)),
        ("request_line", Use::As(Field::Request)),
        ("verb", Use::As(Field::Method)),
        ("http>request>method", Use::As(Field::Method)),
        ("http.request.method", Use::As(Field::Method)),
        ("request>method", Use::As(Field::Method)),
        ("request_path", Use::Url),
        ("uri_path", Use::Url),
        ("http>request>uri", Use::Url),
        ("http>request>path", Use::Url),
        ("request>uri", Use::Url),
        ("request>path", Use::Url),
        ("url>original", Use::Url),
        ("url>path", Use::Url),
        ("hostname", Use::As(Field::Host)),
        ("vhost", Use::As(Field::Host)),
        ("http>request>host", Use::As(Field::Host)),
        ("ua", Use::As(Field::UserAgent)),
        ("user_agent>original", Use::As(Field::UserAgent)),
        ("uid", Use::As(Field::RequestId)),
        ("req_id", Use::As(Field::RequestId)),
        ("http>request>id", Use::As(Field::RequestId)),
        ("connection>termination_state", Use::As(Field::TerminationState)),
        ("backend>name", Use::As(Field::Backend)),
        ("target_server>name", Use::As(Field::BackendServer)),
    ],
    finish: Some(completed),
};

/// What no other server has in one object: the names of both sections, the time in a queue and the time to connect.
const BY_TIMERS: &[Required] = &[
    key(&["backend_name", "backend", "be", "haproxy>backend_name", "haproxy.backend_name"]),
    key(&[
        "server_name",
        "server",
        "srv",
        "srv_name",
        "haproxy>server_name",
        "haproxy.server_name",
    ]),
    key(&["time_queue", "Tw", "t_queue", "haproxy>time_queue", "haproxy.time_queue"]),
    key(&[
        "time_connect",
        "time_backend_connect",
        "Tc",
        "t_connect",
        "haproxy>time_backend_connect",
        "haproxy.time_backend_connect",
    ]),
    key(STATUS),
];

/// Lines of JSON without a termination state, or with one under another name.
pub const JSON_BY_TIMERS: Declared = Declared {
    name: "haproxy_json_timers",
    summary: "HAProxy access log (a log-format that prints JSON); recognised by the timers \"Tw\" and \"Tc\"",
    required: BY_TIMERS,
    ..JSON
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{Format, Sample};
    use crate::record::Record;

    #[test]
    fn keys_of_the_manual_are_read() {
        let line = br#"{"timestamp":"20/Nov/2026:21:05:20.537","client_ip":"192.0.2.7","client_port":39572,"frontend_name":"fe~","backend_name":"be","server_name":"<NOSRV>","Tw":-1,"Tc":-1,"Tr":-1,"Ta":0,"status_code":503,"bytes_read":217,"termination_state":"SC--","http_method":"GET","http_uri":"/a?b","retries":"+3"}"#;
        let sample = Sample::of(vec![line]);
        let proposal = JSON.propose(&sample).expect("known");
        let Ok(Record::Access(record)) = proposal.reader.parse(line) else { unreachable!() };
        let text = |field| record.raw(field).map(String::from_utf8_lossy);
        assert_eq!(text(Field::TerminationState).as_deref(), Some("SC--"));
        assert_eq!(text(Field::BackendServer).as_deref(), Some("<NOSRV>"));
        assert_eq!(text(Field::UpstreamAddr).as_deref(), Some("be"));
        assert_eq!(text(Field::ResponseTimeMillis).as_deref(), Some("-1"));
        assert_eq!((record.status, record.stamp.offset_s), (503, None));
        assert_eq!(record.target_parts(), (&b"/a"[..], Some(&b"b"[..])));
        let without = br#"{"timestamp":1795353647.740,"remote_addr":"198.51.100.27","frontend_name":"shop","backend_name":"bk","server_name":"<NOSRV>","http_status":"503","bytes_read":"113","time_queue":"-1","time_connect":"-1","time_response":"-1","time_total":"0"}"#;
        let sample = Sample::of(vec![without]);
        assert!(JSON.propose(&sample).is_none());
        let proposal = JSON_BY_TIMERS.propose(&sample).expect("known");
        let Ok(Record::Access(record)) = proposal.reader.parse(without) else { unreachable!() };
        assert_eq!(record.raw(Field::ConnectTimeMillis), Some(&b"-1"[..]));
        let joined = br#"{"ts":"22/Nov/2026:13:09:23 +0000","fe":"fe_web","be":"be_pay/pay1","timers":"0/1/2/31/34","status":200,"tsc":"--NI"}"#;
        let proposal = JSON.propose(&Sample::of(vec![joined])).expect("known");
        let Ok(Record::Access(record)) = proposal.reader.parse(joined) else { unreachable!() };
        assert_eq!(record.raw(Field::Backend), Some(&b"be_pay"[..]));
        assert_eq!(record.raw(Field::BackendServer), Some(&b"pay1"[..]));
        assert_eq!(record.raw(Field::ResponseTimeMillis), Some(&b"31"[..]));
        let other = Sample::of(vec![
            br#"{"time":"2026-11-20T21:05:20Z","status":503,"request":"GET / HTTP/1.1"}"#,
        ]);
        assert!(JSON.propose(&other).is_none());
    }

    #[test]
    fn the_two_timers_that_differ_in_case_are_told_apart() {
        let check = |timers: &str, receive: Option<&str>, response: Option<&str>| {
            let line = format!(
                r#"{{"time":"2026-11-20T21:05:20Z","fe":"a","be":"a","srv":"<NOSRV>",{timers},"status":503,"tsc":"SC--"}}"#
            );
            let proposal = JSON.propose(&Sample::of(vec![line.as_bytes()])).expect("known");
            let Ok(Record::Access(record)) = proposal.reader.parse(line.as_bytes()) else {
                unreachable!()
            };
            let text = |field| record.raw(field).map(String::from_utf8_lossy);
            assert_eq!(text(Field::ReceiveTimeMillis).as_deref(), receive, "{timers}");
            assert_eq!(text(Field::ResponseTimeMillis).as_deref(), response, "{timers}");
        };
        check(r#""TR":0,"Tw":-1,"Tc":-1,"Tr":-1"#, Some("0"), Some("-1"));
        check(r#""Tr":-1,"TR":0"#, Some("0"), Some("-1"));
        check(r#""tq":0,"tw":-1,"tc":-1,"tr":-1"#, Some("0"), Some("-1"));
        check(r#""tw":-1,"tc":-1,"tr":-1"#, None, Some("-1"));
    }

    #[test]
    fn lines_show_which_backends_have_servers() {
        let line = |server: &str, status: &str, state: &str| {
            format!(
                r#"{{"time":"2026-11-20T21:05:20Z","be":"app","srv":"{server}","status":{status},"tsc":"{state}"}}"#
            )
        };
        let lines = [
            line("app1", "200", "----"),
            line("<NOSRV>", "503", "SC--"),
            line("app1", "-1", "CD--"),
        ];
        let head: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
        let proposal = JSON_LINES.propose(&Sample::of(head.clone())).expect("known");
        assert_eq!(proposal.n_accepted, 3);
        let reader = proposal.reader.taught_by(&head).expect("learned");
        let Ok(Record::Access(record)) = reader.parse(head[1]) else { unreachable!() };
        assert_eq!(record.raw(Field::ServedBackend), Some(&b"app"[..]));
        let Ok(Record::Access(record)) = reader.parse(head[2]) else { unreachable!() };
        assert_eq!(record.status, 0);
    }
}
