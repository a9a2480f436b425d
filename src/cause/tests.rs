//! Unit tests of the cause table and its matcher.

use super::*;
use crate::format::Reader;
use crate::format::apache_error::ApacheError;
use crate::format::nginx_error::NginxError;
use crate::record::Record;
use std::path::Path;

fn matcher() -> CauseMatcher {
    CauseMatcher::new(Vec::new()).expect("the built-in table compiles")
}

/// A line of the nginx or Apache error log, a Windows event as `provider/id: text`, or else a bare message.
fn record_of(text: &str) -> ErrorRecord<'_> {
    let parsed = NginxError::new().parse(text.as_bytes());
    if let Ok(Record::Error(record)) = parsed.or_else(|_| ApacheError::new().parse(text.as_bytes()))
    {
        return record;
    }
    let (event, message) = event_of(text).map_or((None, text), |(it, text)| (Some(it), text));
    ErrorRecord {
        event,
        told: told_of(text),
        message: message.as_bytes(),
        ..ErrorRecord::default()
    }
}

/// What `origin/cause: text` says of itself.
fn told_of(text: &str) -> Option<(Origin, Cause)> {
    let (origin, cause) = text.split_once(": ")?.0.split_once('/')?;
    Some((Origin::from_id(origin)?, Cause::from_id(cause)?))
}

/// The event and the text of `provider/id: text`.
fn event_of(text: &str) -> Option<(WindowsEvent<'_>, &str)> {
    let (head, message) = text.split_once(": ")?;
    let (provider, id) = head.rsplit_once('/')?;
    Some((WindowsEvent { provider: provider.as_bytes(), id: id.parse().ok()?, data: b"" }, message))
}

/// The line belongs to rule `id`, with this scope and detail.
#[track_caller]
fn check(line: &str, id: &str, scope: &str, detail: &str) {
    let matcher = matcher();
    let found = matcher.match_message(&record_of(line)).expect(line);
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let rule = matcher.rule(found.rule).expect("just found");
    assert_eq!((&*rule.id, &*text(found.scope), &*text(found.detail)), (id, scope, detail));
}

/// A line of the nginx error log with a request and an upstream.
fn line(level: &str, message: &str, upstream: &str) -> String {
    format!(
        "2026/11/20 21:17:22 [{level}] 14#14: *4 {message}, client: 1.2.3.4, server: ex.test, request: \"GET /a HTTP/1.1\", upstream: \"{upstream}\", host: \"ex.test\""
    )
}

#[test]
fn every_expression_of_the_table_compiles() {
    for rule in matcher().rules() {
        if let Some(text) = &rule.regex {
            assert!(Regex::new(text).is_ok(), "{}: {text}", rule.id);
        }
    }
}

#[test]
fn every_example_belongs_to_its_own_row() {
    let matcher = matcher();
    let mut wrong = Vec::new();
    for (idx, row) in RULES.iter().enumerate() {
        let is_nginx = row.example.starts_with("2026/");
        assert_eq!(NginxError::new().parse(row.example.as_bytes()).is_ok(), is_nginx, "{}", row.id);
        let is_apache = row.server == Server::Apache;
        let parsed = ApacheError::new().parse(row.example.as_bytes());
        assert_eq!(parsed.is_ok(), is_apache, "{}", row.id);
        let found = matcher.match_message(&record_of(row.example)).map(|found| found.rule);
        if found != Some(idx as u16) {
            let other = found.and_then(|rule| matcher.rule(rule)).map(|rule| rule.id.to_string());
            wrong.push((row.id, other));
        }
    }
    assert_eq!(wrong, []);
}

#[test]
fn every_row_is_complete() {
    for row in RULES {
        assert!(!row.source.is_empty() && !row.note.is_empty(), "{}", row.id);
        let explains = row.kind.explains_requests();
        assert!(
            !explains || row.origin != Origin::Unknown,
            "{} explains without an origin",
            row.id
        );
        assert!(!explains || !row.status.is_empty(), "{} explains without a status", row.id);
    }
}

#[test]
fn a_user_rule_comes_before_the_table() {
    let json = r#"[{"id": "shop.closed", "needles": ["^no live", ["downstreams", "upstreams"]],
        "cause": "maintenance", "origin": "proxy", "kind": "state_down", "for_s": 5, "scope": "upstream_group"}]"#;
    let rules = parse_user_rules(json, Path::new("rules.json")).expect("valid");
    let matcher = CauseMatcher::new(rules).expect("compiles");
    let text = line("error", "no live upstreams while connecting to upstream", "http://grp/a");
    let found = matcher.match_message(&record_of(&text)).expect("known");
    assert_eq!(usize::from(found.rule), RULES.len());
    assert_eq!(found.scope, b"grp");
    let rule = matcher.rule(found.rule).expect("just found");
    assert_eq!((&*rule.id, rule.cause), ("shop.closed", Some(Cause::Maintenance)));
    assert_eq!(rule.kind, RuleKind::StateDown { for_s: Some(5) });
}

#[test]
fn bad_rule_files_are_refused_with_the_place() {
    let check = |json: &str, expected: &str| {
        let error = parse_user_rules(json, Path::new("rules.json")).expect_err(json).to_string();
        assert!(error.starts_with("rules.json: ") && error.contains(expected), "{error}");
    };
    check("[", "not valid JSON: EOF while parsing a list at line 1 column 1");
    check("7", "expected a list of rules");
    check(r#"[{"id": "a"}]"#, "rule 1 `a`: missing field `needles`");
    check(r#"[{"id": "a", "needles": []}]"#, "rule 1 `a`: `needles` must hold");
    check(r#"[{"id": "a", "needles": ["x"], "colour": 1}]"#, "unknown field `colour`");
    check(r#"[{"id": "a", "needles": ["x"], "cause": "y"}]"#, "`y` is not a known cause id");
    check(r#"[{"id": "a", "needles": ["x"], "kind": "y"}]"#, "`kind` is `y`, expected one of:");
    check(r#"[{"id": "a", "needles": ["x"], "regex": "("}]"#, "`regex`: ");
    check(r#"[{"id": "nginx.start", "needles": ["x"]}]"#, "the id is taken");
}

#[test]
fn scopes_and_details_are_captured() {
    check(
        &line(
            "error",
            "connect() failed (111: Unknown error) while connecting to upstream",
            "http://[::1]:80/a",
        ),
        "nginx.connect_refused",
        "[::1]:80",
        "111",
    );
    check(
        &line("error", r#"limiting requests, excess: 4.061 by zone "customer""#, "x"),
        "nginx.limit_req",
        "customer",
        "4.061",
    );
    check(
        &line(
            "alert",
            "9 worker_connections are not enough while connecting to upstream",
            "http://10.0.0.1:80/",
        ),
        "nginx.worker_connections_upstream",
        "",
        "9",
    );
    check(
        "2026/11/20 21:17:22 [emerg] 1#1: host not found in upstream \"app:8080\" in /etc/nginx/a.conf:7",
        "nginx.host_not_found_at_start",
        "app",
        "/etc/nginx/a.conf:7",
    );
    check(
        &line("crit", r#"open() "/srv/x" failed (24: Too many open files)"#, "x"),
        "nginx.open_no_fd",
        "/srv/x",
        "24",
    );
}

#[test]
fn foreign_text_is_not_taken_for_a_message() {
    check(
        &line(
            "error",
            "FastCGI sent in stderr: \"PHP message: no live upstreams\" while reading response header from upstream",
            "fastcgi://127.0.0.1:9000",
        ),
        "nginx.php_text",
        "127.0.0.1:9000",
        "",
    );
    check(
        &line(
            "error",
            r#"open() "/srv/x" failed (24: y" failed (2: No such file or directory)"#,
            "x",
        ),
        "nginx.file_missing",
        "",
        "",
    );
    check(
        &line(
            "error",
            r#"open() "/srv/no live upstreams" failed (2: No such file or directory)"#,
            "x",
        ),
        "nginx.file_missing",
        "",
        "",
    );
    check(
        &line("error", r#"user "a could not be resolved (3: b": password mismatch"#, "x"),
        "nginx.client_denied",
        "",
        "",
    );
}

#[test]
fn facts_carry_the_keys_of_the_join() {
    let matcher = matcher();
    let text = line("error", "no live upstreams while connecting to upstream", "http://grp/a");
    let fact = cause_fact(&record_of(&text), Place::default(), &matcher).expect("known");
    assert_eq!(fact.target_key, target_key(Escape::None, b"GET", b"/a"));
    assert_eq!((fact.client, fact.connection), (hash_name(b"1.2.3.4"), 4));
    assert_eq!((fact.host, fact.scope), (hash_short(b"ex.test"), hash_short(b"grp")));
    assert_eq!(fact.flags, Flags::ZONELESS);

    let cut = |target_bytes: usize| {
        let head =
            "2026/11/20 21:17:22 [error] 14#14: *4 no live upstreams, client: 1.2.3.4, server: _";
        let text = format!("{head}, request: \"GET /{}", "a".repeat(target_bytes - 1));
        cause_fact(&record_of(&text), Place::default(), &matcher).expect("known")
    };
    let whole = target_key(Escape::None, b"GET", format!("/{}", "a".repeat(900)).as_bytes());
    assert_eq!((cut(100).target_key, cut(600).target_key), (0, whole));
    assert!(cut(100).flags.has(Flags::TRUNCATED));
    assert_eq!(cut(100).host, 0);

    let noise = line("warn", "using uninitialized \"x\" variable", "x");
    assert_eq!(cause_fact(&record_of(&noise), Place::default(), &matcher), None);
}
