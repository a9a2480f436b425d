//! `log-format` strings that nobody told: known by their column of termination states.
//!
//! In: sampled lines. Out: a reader.
//! Invariants: a server is named where `<NOSRV>`, a label or the timers behind it tell its column; a timer, where -1, a
//! label or the server before it does.
//! Source: `HAProxy` `doc/configuration.txt`, section 8.2.6 (aliases), 8.4 (timers) and 8.5 (termination states).

use super::log_format::completed;
use super::served::with_servers;
use super::{about, split_target};
use crate::bytes::is_peer_address;
use crate::format::infer::telltale::{Columns, Telltale, propose};
use crate::format::{FormatBasis, Proposal, Sample};
use crate::record::{AccessRecord, Escape, Field};

/// `%ts` and `%tsc`.
const STATES: Telltale = Telltale {
    is_value: is_termination,
    is_proof: |value| {
        is_termination(value)
            && (value.starts_with(b"--") || (value.len() == 4 && value.ends_with(b"--")))
    },
    // Dashes may be anything; four without a label, once beside a client's port, are the state of sessions that ended well.
    is_sure: |columns, idx| {
        let is_calm = |other: &usize| columns.all(*other, |value| value == b"----");
        let label = columns.label(idx);
        let is_only_calm = label.is_empty()
            && (0..columns.n()).filter(is_calm).eq([idx])
            && (0..columns.n()).any(|other| columns.all(other, is_peer_address));
        let is_called_so = ["term", "state"].iter().any(|word| label.contains(word))
            || matches!(&*label, "ts" | "tsc");
        let is_beside = |other: usize| {
            columns.any(other, |value| is_no_server(value) || split_target(value).1 == b"<NOSRV>")
                || columns.all(other, is_timers)
        };
        is_only_calm
            || is_called_so
            || columns.any(idx, |value| value.iter().any(|byte| *byte != b'-'))
            || (0..columns.n()).any(is_beside)
    },
    hints: &["--"],
    is_word: true,
    field: Field::TerminationState,
    escape: Escape::Haproxy,
    name,
    finish,
};

/// The same under a key of an object. Two letters are codes of countries and states as well.
pub(in crate::format) const STATES_BY_KEY: Telltale = Telltale {
    is_sure: |columns, idx| {
        let has_none = |other: usize| columns.any(other, is_no_server);
        (STATES.is_sure)(columns, idx)
            && (columns.all(idx, |value| value.len() == 4) || (0..columns.n()).any(has_none))
    },
    ..STATES
};

/// `%b/%s`, in layouts without a state.
const TARGETS: Telltale = Telltale {
    is_value: is_target,
    is_proof: |value| value.ends_with(b"/<NOSRV>"),
    is_sure: |_, _| true,
    hints: &["/<NOSRV>"],
    is_word: false,
    field: Field::BackendTarget,
    ..STATES
};

/// `%s` by itself, in layouts without a state.
const SERVERS: Telltale = Telltale {
    is_value: is_name,
    is_proof: is_no_server,
    is_sure: |_, _| true,
    hints: &["<NOSRV>"],
    is_word: false,
    field: Field::BackendServer,
    ..STATES
};

/// `%TR/%Tw/%Tc/%Tr/%Ta` behind `%b/%s`, in layouts without a state.
const TIMERS: Telltale = Telltale {
    is_value: is_timers,
    is_proof: |value| is_timers(value) && is_unreached(value),
    is_sure: |columns, idx| idx.checked_sub(1).is_some_and(|before| columns.all(before, is_target)),
    hints: &["/-1/"],
    is_word: false,
    field: Field::Timers,
    ..STATES
};

/// True for a termination state: how and when a session ended, and what was done with cookies.
pub(in crate::format) fn is_termination(value: &[u8]) -> bool {
    let (end, cookies) = match value {
        [end, phase] => ([*end, *phase], None),
        [end, phase, found, done] => ([*end, *phase], Some([*found, *done])),
        _ => return false,
    };
    b"CSPLRDUIKTcs-".contains(&end[0])
        && b"RQCHDLT-".contains(&end[1])
        && cookies
            .is_none_or(|[found, done]| b"NIDVEOU-".contains(&found) && b"NIUPRD-".contains(&done))
}

/// The reader for lines of a format that has states, or else servers of which there may be none, if they are such lines.
pub(super) fn custom(sample: &Sample<'_>) -> Option<Proposal> {
    [&STATES, &TARGETS, &SERVERS, &TIMERS].into_iter().find_map(|telltale| {
        let about = |body: &str, notation| about(body, notation, FormatBasis::Detected);
        Some(with_servers(propose(sample, telltale, about)?))
    })
}

fn is_count(value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"+").unwrap_or(value);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// A timer: -1 where its phase was never reached.
fn is_timer(value: &[u8]) -> bool {
    value == b"-1" || is_count(value)
}

fn is_name(value: &[u8]) -> bool {
    !value.is_empty() && !value.contains(&b' ')
}

/// `backend/server`, which `HTTP/1.1` is not.
fn is_target(value: &[u8]) -> bool {
    let mut names = value.split(|byte| *byte == b'/');
    let (Some(backend), Some(server), None) = (names.next(), names.next(), names.next()) else {
        return false;
    };
    !backend.is_empty()
        && !server.is_empty()
        && !is_timer(backend)
        && backend != b"HTTP"
        && is_name(value)
}

fn is_no_server(value: &[u8]) -> bool {
    value == b"<NOSRV>"
}

/// `TR/Tw/Tc/Tr/Ta`, or `Th/Ti/TR/Tw/Tc/Tr/Ta`. What comes first and last is always reached, and each of the others only
/// where the one before it is.
fn is_timers(value: &[u8]) -> bool {
    let mut n_parts = 0;
    let mut parts: [&[u8]; 7] = [b""; 7];
    for part in value.split(|byte| *byte == b'/') {
        if n_parts == parts.len() || !is_timer(part) {
            return false;
        }
        parts[n_parts] = part;
        n_parts += 1;
    }
    let is_reached = |idx: usize| parts[idx] != b"-1";
    match n_parts {
        5 => true,
        7 => {
            let is_in_order = (4..6).all(|idx| is_reached(idx - 1) || !is_reached(idx));
            is_reached(0) && is_reached(1) && is_reached(6) && is_in_order
        }
        _ => false,
    }
}

/// `backend/server TR/Tw/Tc/Tr/Ta`, as in the default format.
fn is_before_timers(columns: &Columns<'_>, idx: usize) -> bool {
    idx + 1 < columns.n() && columns.all(idx + 1, is_timers)
}

fn is_unreached(value: &[u8]) -> bool {
    value.split(|byte| *byte == b'/').any(|part| part == b"-1")
}

fn name(columns: &mut Columns<'_>) {
    const SERVER: &[&str] =
        &["server", "srv", "servername", "backendserver", "s", "srvname", "hapserver"];
    const BACKEND: &[&str] = &["backend", "be", "backendname", "b", "bename", "pool", "bk", "bck"];
    const FRONTEND: &[&str] = &["frontend", "fe", "frontendname", "f", "ft", "fename"];
    state(columns);
    columns.set_first(Field::BackendTarget, |columns, idx| {
        columns.all(idx, is_target)
            && (columns.any(idx, |value| split_target(value).1 == b"<NOSRV>")
                || is_before_timers(columns, idx)
                || columns.label(idx).contains("backend")
                || columns.label(idx).contains("server"))
    });
    if columns.find(Field::BackendTarget).is_none() {
        columns.set_labelled(Field::BackendServer, SERVER, is_name);
        columns.set_labelled(Field::Backend, BACKEND, is_name);
        columns.set_first(Field::BackendServer, |columns, idx| columns.any(idx, is_no_server));
        // `%ft %b %s`: names before the server's.
        if let Some(server) = columns.find(Field::BackendServer)
            && let Some(backend) = before(columns, server)
            && columns.is_name(backend)
        {
            columns.set(backend, Field::Backend);
        }
    }
    columns.set_labelled(Field::Frontend, FRONTEND, is_name);
    let section = columns.find(Field::Backend).or_else(|| columns.find(Field::BackendTarget));
    if let Some(frontend) = section.and_then(|idx| before(columns, idx))
        && columns.is_name(frontend)
        && !columns.all(frontend, is_termination)
    {
        columns.set(frontend, Field::Frontend);
    }
    timers(columns);
}

/// The column before another, but for arrows between them: `web -> app -> s1`.
fn before(columns: &Columns<'_>, idx: usize) -> Option<usize> {
    (0..idx)
        .rev()
        .find(|other| columns.any(*other, |text| text.iter().any(u8::is_ascii_alphanumeric)))
}

/// With cookies, no state of a log of failures alone has two dashes. Where a server tells whose log it is, the letters do.
fn state(columns: &mut Columns<'_>) {
    columns.set_first(Field::TerminationState, |columns, idx| {
        columns.all(idx, |value| value.len() == 4 && is_termination(value))
    });
}

fn timers(columns: &mut Columns<'_>) {
    let target = columns.find(Field::BackendTarget);
    if let Some(target) = target.filter(|target| is_before_timers(columns, *target)) {
        columns.set(target + 1, Field::Timers);
    }
    columns.set_first(Field::Timers, |columns, idx| {
        columns.all(idx, is_timers) && columns.any(idx, is_unreached)
    });
    if columns.find(Field::Timers).is_some() {
        return;
    }
    for (field, labels) in [
        (Field::ReceiveTimeMillis, &["treq", "tq", "trequest", "timerequest"][..]),
        (Field::QueueTimeMillis, &["tw", "tqueue", "timequeue", "queuetime"]),
        (Field::ConnectTimeMillis, &["tc", "tconn", "tconnect", "timeconnect", "connecttime"]),
        (Field::ResponseTimeMillis, &["tr", "tresp", "tresponse", "timeresponse", "responsetime"]),
        (Field::RequestTimeMillis, &["ta", "tt", "ttotal", "total", "timetotal", "duration"]),
    ] {
        columns.set_labelled(field, labels, is_timer);
    }
    // `%Tw %Tc %Tr` without labels, with or without `%TR` before them: all are -1 where no server was reached.
    let is_such = |columns: &Columns<'_>, idx: usize| {
        columns.is_free(idx) && columns.all(idx, is_timer) && columns.any(idx, is_unreached)
    };
    let Some(first) = (0..columns.n()).find(|idx| is_such(columns, *idx)) else { return };
    let n = (first..columns.n()).take_while(|idx| is_such(columns, *idx)).count();
    if n == 3 || n == 4 {
        let queue = first + n - 3;
        if n == 4 {
            columns.set(first, Field::ReceiveTimeMillis);
        }
        columns.set(queue, Field::QueueTimeMillis);
        columns.set(queue + 1, Field::ConnectTimeMillis);
        columns.set(queue + 2, Field::ResponseTimeMillis);
        if queue + 3 < columns.n() && columns.all(queue + 3, is_count) {
            columns.set(queue + 3, Field::RequestTimeMillis);
        }
    }
}

/// Takes apart what stands together.
fn finish(access: &mut AccessRecord<'_>) {
    if let Some(client) = access.raw(Field::RemoteAddr)
        && client.contains(&b':')
    {
        let (address, port) = super::split_client(client);
        if port.len() <= 5 && is_count(port) && address.contains(&b'.') {
            access.replace(Field::RemoteAddr, Some(address));
            access.set(Field::ClientPort, port);
        }
    }
    completed(access);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{FormatChoice, detect_dated};
    use crate::record::Record;
    use crate::time::parse_iso8601;

    /// What the fields of the last line are, `Some` or not at all.
    #[track_caller]
    fn check(lines: &[&str], wanted: &[(Field, Option<&str>)]) {
        let sample = Sample::of(lines.iter().map(|line| line.as_bytes()).collect());
        let proposal = custom(&sample).expect("known");
        assert_eq!(proposal.n_accepted, lines.len());
        let last = lines.last().expect("a line").as_bytes();
        let reader = proposal.reader.taught_by(&sample.lines).unwrap_or(proposal.reader);
        let Ok(Record::Access(record)) = reader.parse(last) else { unreachable!() };
        for (field, value) in wanted {
            let found = record.raw(*field).map(|raw| String::from_utf8_lossy(raw).into_owned());
            assert_eq!(found.as_deref(), *value, "{field:?}");
        }
    }

    #[test]
    fn labels_name_columns() {
        check(
            &[
                r#"ts=1795286521 ms=191 src=192.0.2.9 method=GET path="/a?b" http_status=200 srv=s1 be=app fe=web term_state=---- t_queue=0 t_conn=1 t_resp=5 t_total=6"#,
                r#"ts=1795286521 ms=195 src=192.0.2.9 method=GET path="/" http_status=200 srv=s2 be=app fe=web term_state=---- t_queue=0 t_conn=1 t_resp=5 t_total=6"#,
                r#"ts=1795286522 ms=202 src=192.0.2.8 method=GET path="/503" http_status=503 srv=<NOSRV> be=app fe=web term_state=SC-- t_queue=-1 t_conn=-1 t_resp=-1 t_total=0"#,
            ],
            &[
                (Field::TerminationState, Some("SC--")),
                (Field::BackendServer, Some("<NOSRV>")),
                (Field::Backend, Some("app")),
                (Field::Frontend, Some("web")),
                (Field::ResponseTimeMillis, Some("-1")),
                (Field::RequestUri, Some("/503")),
                (Field::UpstreamAddr, Some("app")),
            ],
        );
    }

    #[test]
    fn values_name_columns() {
        check(
            &[
                "21/Nov/2026:18:40:08.314|192.0.2.1|GET|/a|200|----|app|s1|0|1|15|16|977",
                "21/Nov/2026:18:40:08.330|192.0.2.2|POST|/b|201|----|app|s1|0|0|14|14|731",
                "21/Nov/2026:18:40:09.314|192.0.2.3|GET|/503|503|SC--|app|<NOSRV>|-1|-1|-1|0|217",
            ],
            &[
                (Field::BackendServer, Some("<NOSRV>")),
                (Field::Backend, Some("app")),
                (Field::QueueTimeMillis, Some("-1")),
                (Field::RequestTimeMillis, Some("0")),
                (Field::Method, Some("GET")),
            ],
        );
        check(
            &[
                r#"192.0.2.1:5000 [21/Nov/2026:18:40:08.314] web -> app -> s1 0/0/1/15/16 200 977 ---- "GET /a HTTP/1.1""#,
                r#"192.0.2.2:5001 [21/Nov/2026:18:40:08.330] web -> app -> s1 0/0/0/14/14 201 731 ---- "POST /b HTTP/1.1""#,
                r#"192.0.2.3:5002 [21/Nov/2026:18:40:09.314] web -> app -> <NOSRV> 0/-1/-1/-1/0 503 217 SC-- "GET /c HTTP/1.1""#,
            ],
            &[(Field::Backend, Some("app")), (Field::BackendServer, Some("<NOSRV>"))],
        );
        check(
            &[
                r#"203.0.113.9:5000 [21/Nov/2026:18:41:32.206] web 127.0.0.1:59796 127.20.42.11:8080 app s1 0/0/0/13/13 200 147/596 ---- 0 "/a" GET"#,
                r#"203.0.113.8:5001 [21/Nov/2026:18:41:33.206] web -:- -:- web <NOSRV> -1/-1/-1/-1/0 400 0/0 CR-- 0 "<BADREQ>" <BADREQ>"#,
                r#"203.0.113.9:5002 [21/Nov/2026:18:41:34.206] web 127.0.0.1:59797 127.20.42.11:8080 app s1 0/0/0/-1/13 502 147/596 SH-- 0 "/c" GET"#,
            ],
            &[
                (Field::RemoteAddr, Some("203.0.113.9")),
                (Field::ClientPort, Some("5002")),
                (Field::BackendServer, Some("s1")),
                (Field::ResponseTimeMillis, Some("-1")),
            ],
        );
    }

    #[test]
    fn a_server_before_timers_is_known_without_a_failure() {
        check(
            &[
                r#"203.0.113.9:5000 [21/Nov/2026:18:41:32.206] web app/s1 0/0/0/13/13 200 147 ---- 2/1/1/1/0 0/0 {www.example.com} "GET /a HTTP/1.1""#,
                r#"203.0.113.8:5001 [21/Nov/2026:18:41:33.206] web app/s2 0/0/1/17/18 200 596 ---- 2/1/1/1/0 0/0 {www.example.com} "GET /b HTTP/1.1""#,
                r#"203.0.113.9:5002 [21/Nov/2026:18:41:34.206] web app/s1 0/0/0/3/3 503 596 ---- 2/1/1/1/0 0/0 {www.example.com} "GET /c HTTP/1.1""#,
            ],
            &[
                (Field::Frontend, Some("web")),
                (Field::Backend, Some("app")),
                (Field::BackendServer, Some("s1")),
                (Field::UpstreamAddr, Some("app/s1")),
                (Field::ResponseTimeMillis, Some("3")),
            ],
        );
    }

    #[test]
    fn a_time_in_its_zone_may_hold_a_blank() {
        check(
            &[
                r#"21/Nov/2026:18:41:32 +0900 200 ---- app/s1 "GET /a HTTP/1.1" 203.0.113.9:5000 web 0/0/0/13/13 596"#,
                r#"21/Nov/2026:18:41:33 +0900 400 CR-- web/<NOSRV> "<BADREQ>" 203.0.113.9:5001 web -1/-1/-1/-1/0 0"#,
                r#"21/Nov/2026:18:41:34 +0900 503 PR-- app/<NOSRV> "GET /b HTTP/1.1" 203.0.113.7:5000 web 0/-1/-1/-1/0 191"#,
            ],
            &[
                (Field::BackendServer, Some("<NOSRV>")),
                (Field::Backend, Some("app")),
                (Field::RemoteAddr, Some("203.0.113.7")),
                (Field::Request, Some("GET /b HTTP/1.1")),
            ],
        );
    }

    #[test]
    fn states_may_stand_in_brackets_or_behind_a_key() {
        for (open, close) in
            [("<", ">"), ("(", ")"), ("[", "]"), ("{", "}"), ("'", "'"), ("ts:", "")]
        {
            let line = |status: u16, state: &str, server: &str| {
                format!(
                    r#"[22/Nov/2026:13:09:23 +0000] client=[2001:db8::7]:59614 ({status}) {open}{state}{close} app/{server} 0/0/0/31/31 "GET /a HTTP/1.1""#
                )
            };
            let lines = [
                line(200, "--NI", "s1"),
                line(200, "----", "s1"),
                line(200, "--NI", "s2"),
                line(200, "----", "s1"),
                line(503, "SC--", "<NOSRV>"),
            ];
            check(
                &lines.each_ref().map(String::as_str),
                &[
                    (Field::TerminationState, Some("SC--")),
                    (Field::Status, Some("503")),
                    (Field::Backend, Some("app")),
                    (Field::BackendServer, Some("<NOSRV>")),
                ],
            );
        }
    }

    #[test]
    fn servers_and_timers_tell_layouts_without_states() {
        check(
            &[
                r#"ci=198.51.100.27 t=[22/Nov/2026:14:20:47.423] ft=shop b=bk s=w1 TR=0 Tw=0 Tc=0 Tr=0 Ta=0 ST=200 r="GET /a HTTP/1.1""#,
                r#"ci=198.51.100.28 t=[22/Nov/2026:14:20:47.425] ft=shop b=bk s=w2 TR=0 Tw=0 Tc=0 Tr=7 Ta=9 ST=200 r="GET /b HTTP/1.1""#,
                r#"ci=198.51.100.29 t=[22/Nov/2026:14:20:47.740] ft=shop b=bk s=<NOSRV> TR=0 Tw=-1 Tc=-1 Tr=-1 Ta=0 ST=503 r="GET /c HTTP/1.1""#,
            ],
            &[
                (Field::BackendServer, Some("<NOSRV>")),
                (Field::Frontend, Some("shop")),
                (Field::Backend, Some("bk")),
                (Field::ReceiveTimeMillis, Some("0")),
                (Field::ConnectTimeMillis, Some("-1")),
                (Field::TerminationState, None),
            ],
        );
        check(
            &[
                r#"198.51.100.27 - - [22/Nov/2026:14:20:47 +0100] "GET /a HTTP/1.1" 200 113 "-" "curl/8.5.0" "bk" "w1" 0 0 1 2"#,
                r#"198.51.100.28 - - [22/Nov/2026:14:20:48 +0100] "GET /b HTTP/1.1" 200 113 "-" "curl/8.5.0" "bk" "w2" 0 0 1 2"#,
                r#"198.51.100.29 - - [22/Nov/2026:14:20:49 +0100] "GET /c HTTP/1.1" 503 113 "-" "curl/8.5.0" "bk" "<NOSRV>" -1 -1 -1 0"#,
            ],
            &[
                (Field::BackendServer, Some("<NOSRV>")),
                (Field::Backend, Some("bk")),
                (Field::QueueTimeMillis, Some("-1")),
            ],
        );
    }

    #[test]
    fn seven_timers_and_addresses_of_servers_are_taken_apart() {
        check(
            &[
                r#"198.51.100.64:60726 [22/Nov/2026:13:09:25.025] web app/s1(127.0.0.1:21012) 0/1/0/0/1/3/4 200 217 ---- 3/3/0/0/0 0/0 "GET /a HTTP/1.1""#,
                r#"198.51.100.64:60727 [22/Nov/2026:13:09:25.925] web app/<NOSRV>(-:-) 0/1/0/-1/-1/-1/0 503 217 SC-- 3/3/0/0/0 0/0 "GET /b HTTP/1.1""#,
                r#"198.51.100.64:60728 [22/Nov/2026:13:09:26.025] web app/s2(127.0.0.1:21012) 0/1/0/9/-1/-1/5 503 217 SC-- 3/3/0/0/+2 0/0 "GET /c HTTP/1.1""#,
            ],
            &[
                (Field::BackendServer, Some("s2")),
                (Field::UpstreamAddr, Some("app/s2")),
                (Field::ReceiveTimeMillis, Some("0")),
                (Field::QueueTimeMillis, Some("9")),
                (Field::ConnectTimeMillis, Some("-1")),
                (Field::RequestTimeMillis, Some("5")),
            ],
        );
        assert!(is_timers(b"0/0/0/3/3") && is_timers(b"0/1/0/0/-1/-1/0"));
        assert!(!is_timers(b"0/-1/-1/-1/0/0/0") && !is_timers(b"0/0/0/0"));
    }

    #[test]
    fn messages_of_as_many_words_are_no_lines_of_the_layout() {
        let lines = [
            "22/Nov/2026:14:20:47.423 198.51.100.27 GET /a 200 ----",
            "22/Nov/2026:14:20:47.425 198.51.100.28 GET /b 200 ----",
            "22/Nov/2026:14:20:47.740 198.51.100.29 GET /c 503 sQ--",
            "proxy shop has no server available!",
        ];
        let sample = Sample::of(lines.iter().map(|line| line.as_bytes()).collect());
        assert_eq!(custom(&sample).map(|proposal| proposal.n_accepted), Some(3));
    }

    #[test]
    fn sessions_without_a_status_take_none_from_the_others() {
        let lines = [
            "21/Nov/2026:18:40:08.314;192.0.2.1;GET;/a;200;app;s1;0;1;15;16;----;0",
            "21/Nov/2026:18:40:08.330;192.0.2.2;POST;/b;201;app;s1;0;0;14;14;----;0",
            "21/Nov/2026:18:40:09.314;192.0.2.3;GET;/c;-1;web;<NOSRV>;-1;-1;-1;0;PR--;0",
            "21/Nov/2026:18:40:09.415;192.0.2.4;GET;/d;503;app;<NOSRV>;-1;-1;-1;0;SC--;0",
        ];
        let sample = Sample::of(lines.iter().map(|line| line.as_bytes()).collect());
        let proposal = custom(&sample).expect("known");
        assert_eq!(proposal.n_accepted, 3);
        let Ok(Record::Access(record)) = proposal.reader.parse(sample.lines[3]) else {
            unreachable!()
        };
        assert_eq!(record.status, 503);
        assert_eq!(record.raw(Field::TerminationState), Some(&b"SC--"[..]));
        assert_eq!(record.raw(Field::QueueTimeMillis), Some(&b"-1"[..]));
    }

    #[test]
    fn states_of_failures_alone_name_no_frontend() {
        for (refused, tarpitted, state) in [
            ("SC--", "PT--", Some("PT--")),
            ("SCDN", "PTNN", Some("PTNN")),
            // Two letters may be the code of a country.
            ("SC", "PT", None),
        ] {
            check(
                &[
                    &format!(
                        "503 {refused} app/<NOSRV> GET /a 0/-1/-1/-1/0 [22/Nov/2026:16:41:58.266] 198.51.100.4:4"
                    ),
                    &format!(
                        "503 {refused} app/<NOSRV> GET /b 0/-1/-1/-1/0 [22/Nov/2026:16:41:58.297] 198.51.100.5:5"
                    ),
                    &format!(
                        "503 {tarpitted} app/<NOSRV> GET /c 0/300/-1/-1/300 [22/Nov/2026:16:41:59.297] 198.51.100.6:6"
                    ),
                ],
                &[
                    (Field::TerminationState, state),
                    (Field::Frontend, None),
                    (Field::Backend, Some("app")),
                    (Field::QueueTimeMillis, Some("300")),
                ],
            );
        }
    }

    #[test]
    fn a_backend_that_has_servers_is_no_frontend_without_one() {
        let lines = [
            r#"[22/Nov/2026:14:20:47.423] "GET /a HTTP/1.1" 200 shop w1 ---- 0"#,
            r#"[22/Nov/2026:14:20:47.455] "GET /b HTTP/1.1" 200 shop w1 ---- 2"#,
            r#"[22/Nov/2026:14:20:48.455] "GET /c HTTP/1.1" 503 web <NOSRV> SC-- 0"#,
            r#"[22/Nov/2026:14:20:49.455] "GET /d HTTP/1.1" 503 shop <NOSRV> SC-- 0"#,
        ];
        check(&lines[..3], &[(Field::Backend, Some("web")), (Field::ServedBackend, None)]);
        check(&lines, &[(Field::Backend, Some("shop")), (Field::ServedBackend, Some("shop"))]);
        // Lines behind the head tell nothing.
        let sample = Sample::of(lines.iter().map(|line| line.as_bytes()).collect());
        let reader = custom(&sample).expect("known").reader;
        assert!(reader.taught_by(&sample.lines[2..]).is_none());
        let Ok(Record::Access(record)) = reader.parse(sample.lines[3]) else { unreachable!() };
        assert!(record.raw(Field::ServedBackend).is_none());
    }

    #[test]
    fn times_of_the_daemon_stand_where_lines_have_none() {
        let lines = [
            "Nov 20 21:30:35 lb1 haproxy[1]: client=127.0.0.1 port=5385 frontend=fe_web backend=fe_web server=<NOSRV> status=400 bytes=0 tsc=CR-- TR=-1 Tw=-1 Tc=-1 Tr=-1 Ta=0 req=\"<BADREQ>\"",
            "Nov 20 21:30:36 lb1 haproxy[1]: client=192.0.2.9 port=5386 frontend=fe_web backend=be_app server=app1 status=200 bytes=2890 tsc=---- TR=0 Tw=0 Tc=0 Tr=23 Ta=23 req=\"POST /a HTTP/1.1\"",
            "Nov 20 21:30:37 lb1 haproxy[1]: client=192.0.2.8 port=5387 frontend=fe_web backend=be_app server=<NOSRV> status=503 bytes=217 tsc=SC-- TR=0 Tw=-1 Tc=-1 Tr=-1 Ta=0 req=\"GET /b HTTP/1.1\"",
        ];
        let text = lines.join("\n") + "\n";
        let written = parse_iso8601(b"2026-11-20T23:00:00+00:00").map(|stamp| stamp.micros);
        let path = std::path::Path::new("x");
        let plan = detect_dated(path, &[text.as_bytes()], &FormatChoice::default(), written);
        let reader = plan.detected().next().expect("a reader");
        assert_eq!(reader.about().format, "haproxy_access");
        let last = lines[2].as_bytes();
        let expected = parse_iso8601(b"2026-11-20T21:30:37").map(|stamp| stamp.micros);
        let glance = reader.glance(last).expect("known");
        assert_eq!(reader.stamp(glance.stamp).map(|stamp| stamp.micros), expected);
        let Ok(Record::Access(record)) = reader.parse(last) else { unreachable!() };
        assert_eq!((record.status, Some(record.stamp.micros)), (503, expected));
        assert_eq!(record.raw(Field::BackendServer), Some(&b"<NOSRV>"[..]));
        assert_eq!(record.raw(Field::RequestTimeMillis), Some(&b"0"[..]));
        // Without the daemon's, there is none.
        let bare = lines.map(|line| line.split_once(": ").expect("a prefix").1.as_bytes());
        assert!(custom(&Sample::of(bare.to_vec())).is_none());
    }

    #[test]
    fn words_of_two_letters_are_no_states_by_themselves() {
        for word in ["----", "--", "SC--", "sQ", "PRNN", "cDVN"] {
            assert!(is_termination(word.as_bytes()), "{word}");
        }
        for word in ["", "-", "---", "DE", "GET", "SC-", "200", "hit", "AB--"] {
            assert!(!is_termination(word.as_bytes()), "{word}");
        }
        let lines = [
            "192.0.2.1 [21/Nov/2026:18:40:08 +0000] 200 CH GET /a",
            "192.0.2.2 [21/Nov/2026:18:40:09 +0000] 200 CD GET /b",
            "192.0.2.3 [21/Nov/2026:18:40:09 +0000] 503 SD GET /c",
        ];
        assert!(custom(&Sample::of(lines.iter().map(|line| line.as_bytes()).collect())).is_none());
    }
}
