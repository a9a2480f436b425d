//! `--redact`: no output tells who asked for what, and the same one is the same everywhere.
//!
//! In: the real incident under `fixtures/`, and lines with personal data in every place where servers write it. Out:
//! nothing; every output is searched for what the logs hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::support::{Fixture, Said};

/// Every output, as the program lists them.
fn outputs(fixture: &Fixture) -> Vec<String> {
    let said = fixture.run(&["--format", "no such output", "-"], b"");
    let (_, list) = said.err.trim_end().split_once("expected one of: ").expect("lists them");
    let outputs: Vec<String> = list.split(", ").map(str::to_owned).collect();
    assert!(outputs.len() >= 12, "{outputs:?}");
    outputs
}

#[track_caller]
fn check_hidden(said: &Said, secrets: &BTreeSet<String>, what: &str) {
    assert!(matches!(said.code, Some(0 | 4)), "{what}: {:?} {}", said.code, said.err);
    let out = String::from_utf8_lossy(&said.out);
    for text in [&*out, &said.err] {
        let leak = secrets.iter().find(|secret| text.contains(secret.as_str()));
        let around = leak.map(|leak| {
            let at = text.find(leak.as_str()).unwrap_or_default();
            text[..at].chars().rev().take(200).collect::<Vec<_>>().iter().rev().collect::<String>()
        });
        assert_eq!(leak, None, "{what} shows it behind: {around:?}");
    }
}

/// Clients, queries and request ids of the real incident.
fn secrets_of_the_incident(fixture: &Fixture) -> BTreeSet<String> {
    let mut secrets = BTreeSet::new();
    for log in ["access.log", "error.log"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/incident").join(log);
        let text = std::fs::read(path).expect(log);
        fixture.write(&format!("logs/{log}"), &text);
        for line in String::from_utf8_lossy(&text).lines() {
            if log == "access.log" {
                secrets.extend(line.split(' ').next().map(str::to_owned));
                let id = line.rsplit(' ').next().unwrap_or_default();
                secrets.extend((id.len() == 32).then(|| id.to_owned()));
            }
            let queries = line.split('?').skip(1);
            let query = queries.filter_map(|rest| rest.split([' ', '"']).next());
            secrets.extend(query.filter(|query| query.len() > 6).map(str::to_owned));
        }
    }
    secrets.remove("-");
    assert!(secrets.len() > 500, "{}", secrets.len());
    secrets
}

#[test]
fn no_output_shows_a_client_a_query_or_an_id_of_the_real_incident() {
    let fixture = Fixture::new();
    let secrets = secrets_of_the_incident(&fixture);
    for output in outputs(&fixture) {
        let said = fixture.run(&["--redact", "-v", "--format", &output, "logs"], b"");
        check_hidden(&said, &secrets, &output);
    }
    check_hidden(&fixture.run(&["parse", "--redact", "logs"], b""), &secrets, "parse");
}

/// What must not be shown.
const SECRETS: [&str; 16] = [
    "203.0.113.77",
    "2001:db8:77::9",
    "198.51.100.23",
    "alice",
    "bob.smith",
    "example.net",
    "order=4711",
    "voucher",
    "sup3rs3cret",
    "eyJhbGciOiJIUzI1NiJ9",
    "5f0c27a1d4b84e11",
    "carol",
    "dGhpcyBpcyBhIHNlY3JldA",
    "192.0.2.144",
    "hunter2",
    "dave",
];

/// Personal data in columns, targets, headers, messages and lines that nobody understands.
fn personal_lines(fixture: &Fixture) {
    let mut access = String::new();
    let mut iis = String::from(
        "#Software: Microsoft Internet Information Services 10.0\n#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\n",
    );
    let mut error = String::new();
    for n in 0..40 {
        let status = if n % 4 == 0 { 200 } else { 503 };
        let _ = writeln!(
            access,
            "203.0.113.77 - alice [20/Nov/2026:21:30:{n:02} +0000] \"GET /u/bob.smith@example.net/reset/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0?order=4711&voucher=x HTTP/1.1\" {status} 9 \"https://shop.example.com/?order=4711\" \"Mozilla/5.0\" \"198.51.100.23\" rt=0.010 ua=\"10.9.9.9:80\" us=\"502\" uct=\"0.000\" urt=\"0.010\""
        );
        let _ = writeln!(
            iis,
            "2026-11-20 21:30:{n:02} 10.9.9.8 GET /basket order=4711&voucher=y 443 EXAMPLE\\carol 2001:db8:77::9 Mozilla/5.0 - {status} 0 0 3"
        );
        let _ = writeln!(
            error,
            "2026/11/20 21:30:{n:02} [error] 7#7: *{n} connect() failed (111: Connection refused) while connecting to upstream, client: 203.0.113.77, server: shop.example.com, request: \"GET /u/bob.smith@example.net/reset/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0?order=4711&voucher=x HTTP/1.1\", upstream: \"http://10.9.9.9:80/a?order=4711\", host: \"shop.example.com\", referrer: \"https://dave:hunter2@pay.example.org/?voucher\""
        );
        let _ = writeln!(
            error,
            "2026/11/20 21:30:{n:02} [error] 7#7: *{n} FastCGI sent in stderr: \"PHP Fatal error: login of bob.smith@example.net from 192.0.2.144 failed, password=sup3rs3cret, Authorization: Basic dGhpcyBpcyBhIHNlY3JldA==, id 5f0c27a1d4b84e11\" while reading response header from upstream, client: 203.0.113.77, server: shop.example.com, request: \"GET /x?voucher=1 HTTP/1.1\""
        );
    }
    access.push_str("?? of carol order=4711 from 203.0.113.77: nobody understands this\n");
    fixture.write("logs/access.log", access);
    fixture.write("logs/error.log", error);
    fixture.write("logs/u_ex261120.log", iis);
}

#[test]
fn personal_data_is_hidden_wherever_servers_write_it() {
    let fixture = Fixture::new();
    personal_lines(&fixture);
    let secrets: BTreeSet<String> = SECRETS.iter().map(|secret| (*secret).to_owned()).collect();
    let plain = fixture.run(&["--format", "events", "--status", "5xx", "logs"], b"");
    let text = String::from_utf8_lossy(&plain.out);
    let untold: Vec<&str> = SECRETS.into_iter().filter(|secret| !text.contains(secret)).collect();
    assert!(untold.len() <= 2, "the test would not notice {untold:?}");
    for output in outputs(&fixture) {
        let args = ["--redact", "-v", "--status", "5xx", "--format", &output, "logs"];
        check_hidden(&fixture.run(&args, b""), &secrets, &output);
    }
    let parsed = fixture.run(&["parse", "--redact", "logs"], b"");
    check_hidden(&parsed, &secrets, "parse");
    for row in parsed.rows().iter().filter(|row| row["kind"] == "access") {
        let (client, fields) = (row["client"].as_str().expect("a client"), &row["fields"]);
        assert!(fields["remote_addr"] == client || fields["c-ip"] == client, "{row}");
    }
    // What must be repaired stays readable.
    let text = fixture.run(&["--redact", "--format", "json", "logs"], b"").out;
    let text = String::from_utf8_lossy(&text);
    assert!(text.contains("10.9.9.9:80") && text.contains("shop.example.com"));
}

fn clients(said: &Said) -> Vec<String> {
    let rows = said.rows();
    rows.iter().map(|row| row["client"].as_str().expect("a client").to_owned()).collect()
}

#[test]
fn pseudonyms_are_one_to_one_within_a_run_and_new_in_the_next() {
    let fixture = Fixture::new();
    secrets_of_the_incident(&fixture);
    let plain = fixture.run(&["--format", "entries", "logs"], b"");
    let hidden = || fixture.run(&["--redact", "--format", "entries", "logs"], b"");
    let (one, other) = (hidden(), hidden());
    assert_ne!(one.out, other.out);
    let (mut forth, mut back) = (BTreeMap::new(), BTreeMap::new());
    for (client, name) in clients(&plain).into_iter().zip(clients(&one)) {
        assert!(name.starts_with("client-"), "{name}");
        assert_eq!(forth.entry(client.clone()).or_insert_with(|| name.clone()), &name);
        assert_eq!(back.entry(name).or_insert_with(|| client.clone()), &client);
    }
    // A quote names a client as its column does.
    for row in one.rows() {
        let client = row["client"].as_str().expect("a client");
        for line in row["evidence"].as_array().expect("lines") {
            let text = line["text"].as_str().expect("text");
            assert!(text.contains(client), "{client}: {text}");
        }
    }
}

#[test]
fn reproducible_pseudonyms_are_those_of_the_content() {
    let fixture = Fixture::new();
    secrets_of_the_incident(&fixture);
    let args = ["--redact", "--reproducible", "--format", "json"];
    let whole = fixture.run(&[&args[..], &["logs"]].concat(), b"");
    for more in [&["-j", "1", "--range-bytes", "999"][..], &["--memory", "1"]] {
        assert_eq!(fixture.run(&[&args[..], more, &["logs"]].concat(), b"").out, whole.out);
    }
    fixture.run(&["--partial", "a.part", "logs/access.log"], b"");
    fixture.run(&["--partial", "e.part", "logs/error.log"], b"");
    let merged = fixture.run(&[&["merge"], &args[..], &["e.part", "a.part"]].concat(), b"");
    assert_eq!(merged.out, whole.out);
    assert_eq!(whole.json()["settings"]["redaction"], "content_key");
    let random = fixture.run(&["--redact", "--format", "json", "logs"], b"").json();
    assert_eq!(random["settings"]["redaction"], "random_key");
    // Everything but names is as without.
    let plain = fixture.run(&["--reproducible", "--format", "json", "logs"], b"").json();
    assert_eq!(plain["settings"]["redaction"], "none");
    assert_eq!(plain["totals"], whole.json()["totals"]);
    let spans = |document: &Value| document["incidents"][0]["series"].clone();
    assert_eq!(spans(&plain), spans(&whole.json()));
}

#[test]
fn a_partial_result_is_not_redacted_and_says_so() {
    let fixture = Fixture::new();
    fixture.write("access.log", "");
    let said = fixture.run(&["--redact", "--partial", "a.part", "access.log"], b"");
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("--redact"), "{}", said.err);
}
