//! What a user types, and what comes back: flags, outputs, exit codes, messages.

use std::fs;
use std::path::Path;

use crate::support::Fixture;

const ACCESS: &str = concat!(
    "192.0.2.1 - - [20/Nov/2026:21:29:42 +0000] \"GET /a HTTP/1.1\" 200 5 \"-\" \"curl\"\n",
    "192.0.2.1 - - [20/Nov/2026:21:29:43 +0000] \"GET /a HTTP/1.1\" 503 197 \"-\" \"curl\"\n",
    "192.0.2.2 - - [20/Nov/2026:21:29:44 +0000] \"GET /b HTTP/1.1\" 503 197 \"-\" \"curl\"\n",
    "192.0.2.2 - - [20/Nov/2026:21:29:45 +0000] \"GET /b HTTP/1.1\" 502 157 \"-\" \"curl\"\n",
);

const ERROR: &str = concat!(
    "2026/11/20 21:29:43 [error] 7#7: *1 limiting requests, excess: 1.000 by zone \"one\", client: 192.0.2.1, ",
    "server: ex.test, request: \"GET /a HTTP/1.1\", host: \"ex.test\"\n",
    "2026/11/20 21:29:44 [error] 7#7: *2 no live upstreams while connecting to upstream, client: 192.0.2.2, ",
    "server: ex.test, request: \"GET /b HTTP/1.1\", upstream: \"http://grp/b\", host: \"ex.test\"\n",
);

fn fixture() -> Fixture {
    let fixture = Fixture::new();
    fixture.write("access.log", ACCESS);
    fixture.write("error.log", ERROR);
    fixture
}

/// (origin, cause) of each row, and its line.
fn verdicts(fixture: &Fixture, args: &[&str]) -> Vec<(u64, String, String)> {
    let mut all = vec!["--format", "entries"];
    all.extend(args);
    let said = fixture.run(&all, b"");
    assert_eq!(said.code, Some(0), "{}", said.err);
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
    said.rows()
        .iter()
        .map(|row| (row["line"].as_u64().unwrap_or(0), text(&row["origin"]), text(&row["cause"])))
        .collect()
}

fn row(line: u64, origin: &str, cause: &str) -> (u64, String, String) {
    (line, origin.to_owned(), cause.to_owned())
}

#[test]
fn error_lines_decide_entries_of_a_combined_log() {
    let expected = [row(2, "local_process", "rate_limited"), row(3, "proxy", "no_live_upstreams")];
    assert_eq!(verdicts(&fixture(), &["access.log", "error.log"]), expected);
}

#[test]
fn without_the_error_log_the_answer_is_unknown_and_says_what_is_missing() {
    let fixture = fixture();
    assert_eq!(
        verdicts(&fixture, &["access.log"]),
        [row(2, "unknown", "-"), row(3, "unknown", "-")]
    );
    let rows = fixture.run(&["--format", "entries", "access.log"], b"").rows();
    let missing: Vec<_> = rows[0]["missing"].as_array().expect("a list").iter().collect();
    assert!(missing.iter().any(|what| what.as_str() == Some("upstream_status")), "{missing:?}");
}

/// Lines of `combined` are nginx's as well as Apache's; the error log beside them tells.
#[test]
fn advice_is_for_the_server_whose_error_log_is_there() {
    let fixture = Fixture::new();
    fixture.write("access.log", ACCESS);
    let at = |second: u32| format!("[Fri Nov 20 21:29:{second}.123456 2026]");
    let refused = "AH00957: HTTP: attempt to connect to 10.1.1.1:80 (10.1.1.1:80) failed";
    let error = format!(
        "{} [proxy:error] [pid 7:tid 8] (111)Connection refused: {refused}\n\
         {} [proxy_http:error] [pid 7:tid 8] [client 192.0.2.1:5] AH01114: HTTP: failed to make connection to backend: 10.1.1.1\n\
         {} [mpm_event:notice] [pid 7:tid 7] AH00489: Apache/2.4.71 configured -- resuming normal operations\n",
        at(43),
        at(43),
        at(49),
    );
    fixture.write("error.log", &error);
    let said = fixture.run(&["--format", "text", "access.log", "error.log"], b"").out;
    let said = String::from_utf8_lossy(&said);
    let told = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("ss -ltnp | grep 10.1.1.1") && !told.contains("nginx -T"), "{said}");
    assert!(told.contains("add %L %R %{proxy-status}n to LogFormat"), "{said}");
    assert!(!told.contains("$upstream_addr"), "{said}");
}

#[test]
fn statuses_are_chosen_by_code_list_and_class() {
    let fixture = fixture();
    let lines = |list: &str| -> Vec<u64> {
        verdicts(&fixture, &["--status", list, "access.log"]).into_iter().map(|row| row.0).collect()
    };
    assert_eq!(lines("502"), [4]);
    assert_eq!(lines("502,503"), [2, 3, 4]);
    assert_eq!(lines("5xx"), [2, 3, 4]);
    assert_eq!(lines("2xx"), [1]);
}

#[test]
fn a_window_filters_lines_and_keeps_the_account() {
    let fixture = fixture();
    let args = [
        "--since",
        "2026-11-20T21:29:44Z",
        "--until",
        "2026-11-20 21:29:45",
        "access.log",
        "error.log",
    ];
    assert_eq!(verdicts(&fixture, &args), [row(3, "proxy", "no_live_upstreams")]);
    let mut all = vec!["--format", "json"];
    all.extend(args);
    let document = fixture.run(&all, b"").json();
    assert_eq!(document["totals"]["requests"], 1);
    let lines = &document["inputs"][0]["lines"];
    assert_eq!(
        (&lines["read"], &lines["parsed"], &lines["filtered"]),
        (&4.into(), &1.into(), &3.into())
    );
    let lines = &document["inputs"][1]["lines"];
    assert_eq!(
        (&lines["read"], &lines["parsed"], &lines["filtered"]),
        (&2.into(), &1.into(), &1.into())
    );
}

#[test]
fn local_error_logs_are_read_in_the_zone_of_the_access_log() {
    let fixture = Fixture::new();
    fixture.write("access.log", ACCESS.replace("+0000", "+0200"));
    fixture.write("error.log", ERROR);
    let expected = [row(2, "local_process", "rate_limited"), row(3, "proxy", "no_live_upstreams")];
    assert_eq!(verdicts(&fixture, &["access.log", "error.log"]), expected);
    let document = fixture.run(&["--format", "json", "access.log", "error.log"], b"").json();
    assert_eq!(document["inputs"][1]["tz"], "+02:00");
    assert_eq!(document["inputs"][1]["tz_basis"], "companion");
    let flagged =
        fixture.run(&["--format", "json", "--tz", "Europe/Paris", "error.log"], b"").json();
    assert_eq!(flagged["inputs"][0]["tz"], "+01:00");
    assert_eq!(flagged["inputs"][0]["tz_basis"], "flag");
}

#[test]
fn an_error_log_alone_gives_a_timeline() {
    let fixture = fixture();
    let document = fixture.run(&["--format", "json", "error.log"], b"").json();
    assert_eq!(document["totals"]["entries"], 0);
    let incident = &document["incidents"][0];
    assert_eq!(incident["impact"]["entries"], 0);
    let ids: Vec<_> =
        incident["causes"].as_array().expect("a list").iter().map(|cause| &cause["id"]).collect();
    assert_eq!(ids, ["rate_limited", "no_live_upstreams"]);
    assert_eq!(document["signals"].as_array().map(Vec::len), Some(2));
}

#[test]
fn exit_codes() {
    let fixture = fixture();
    fixture.write("garbage.log", "neither\nthis\nnor that\n");
    let code = |args: &[&str]| fixture.run(args, b"").code;
    assert_eq!(code(&["access.log"]), Some(0));
    assert_eq!(code(&["--fail-on", "incident", "access.log", "error.log"]), Some(1));
    assert_eq!(code(&["--fail-on", "unknown", "access.log", "error.log"]), Some(0));
    assert_eq!(code(&["--fail-on", "unknown", "access.log"]), Some(1));
    assert_eq!(code(&["garbage.log"]), Some(3));
    // A result without a file that was named is not all that was asked for; a directory holds all sorts of files.
    let said = fixture.run(&["garbage.log", "access.log", "--format", "json"], b"");
    assert_eq!(said.code, Some(4));
    assert!(said.err.contains("garbage.log: 3 of 3 lines were not understood"), "{}", said.err);
    assert_eq!(code(&["parse", "garbage.log", "access.log"]), Some(4));
    assert_eq!(code(&["--partial", "x.part", "garbage.log", "access.log"]), Some(4));
    assert_eq!(code(&["merge", "x.part"]), Some(4));
    assert_eq!(code(&["*.log"]), Some(4));
    assert_eq!(code(&["--fail-on", "incident", "garbage.log", "access.log", "error.log"]), Some(1));
    assert_eq!(code(&["."]), Some(0));
    assert_eq!(code(&["missing.log"]), Some(2));
    // The others are read all the same.
    let said = fixture.run(&["missing.log", "access.log", "--format", "json"], b"");
    assert_eq!(said.code, Some(4));
    assert_ne!(said.json()["totals"]["entries"], 0);
    assert!(said.err.contains("missing.log"), "{}", said.err);
    for wrong in [
        &["--status", "abc", "access.log"][..],
        &["--format", "nonsense", "access.log"],
        &["--since", "soon", "access.log"],
        &["--tz", "Mars/Olympus", "access.log"],
        &["--memory", "lots", "access.log"],
        &["--threads", "0", "access.log"],
        &["--threads", "100000", "access.log"],
        &["--log-format", "no variables", "access.log"],
        &["--rules", "missing.json", "access.log"],
        &["-o", "missing/out.json", "access.log"],
        &["--no-such-flag"],
        &["explain", "no_such_cause"],
    ] {
        let said = fixture.run(wrong, b"");
        assert_eq!(said.code, Some(2), "{wrong:?}");
        assert!(said.out.is_empty(), "{wrong:?}");
        assert!(!said.err.is_empty(), "{wrong:?}");
    }
}

#[test]
fn an_output_file_is_written_as_a_whole_and_its_extension_decides() {
    let fixture = fixture();
    let said = fixture.run(&["-o", "out.json", "access.log"], b"");
    assert_eq!((said.code, said.out.len()), (Some(0), 0));
    let text = fs::read_to_string(fixture.path("out.json")).expect("written");
    assert!(text.contains("\"schema\": \"logscan503.timeline\""));
    fixture.run(&["-o", "out.jsonl", "access.log"], b"");
    assert_eq!(fs::read_to_string(fixture.path("out.jsonl")).expect("written").lines().count(), 2);
    fixture.run(&["-o", "out.txt", "access.log"], b"");
    let page = fs::read_to_string(fixture.path("out.txt")).expect("written");
    assert!(page.starts_with("logscan503 ") && !page.contains('\u{1b}'), "{page}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said_of_the_file() {
    let fixture = fixture();
    let log = fixture.path("access.log");
    let line = fs::read_to_string(&log).expect("written before");
    fs::write(&log, line.repeat(2000)).expect("a temporary directory");
    for args in [&["--format", "entries", "-o", "/dev/full"][..], &["--partial", "/dev/full"]] {
        let said = fixture.run(&[args, &["access.log"]].concat(), b"");
        assert_eq!(said.code, Some(2), "{args:?}");
        assert!(said.err.contains("/dev/full: cannot be written"), "{args:?}: {}", said.err);
    }
}

#[test]
fn given_formats_are_used_and_bound_to_files() {
    let fixture = Fixture::new();
    fixture.write("odd.log", "503~/x~1795210283.328~192.0.2.9\n200~/y~1795210284.000~192.0.2.9\n");
    fixture.write("nginx.conf", "http { log_format odd '$status~$request_uri~' '$msec~$remote_addr';\n access_log /var/log/nginx/odd.log odd; }\n");
    for args in [
        &["--log-format", "$status~$request_uri~$msec~$remote_addr", "odd.log"][..],
        &["--log-format", "odd*=$status~$request_uri~$msec~$remote_addr", "odd.log"],
        &["--nginx-conf", "nginx.conf", "odd.log"],
    ] {
        assert_eq!(verdicts(&fixture, args), [row(1, "unknown", "-")], "{args:?}");
    }
}

#[test]
fn user_rules_explain_entries() {
    let fixture = fixture();
    fixture.write("rules.json", r#"[{"id": "mine.limit", "needles": [["limiting requests"]], "cause": "policy_denied", "origin": "local_process", "kind": "final_failure", "scope": "zone"}]"#);
    let rows = verdicts(&fixture, &["--rules", "rules.json", "access.log", "error.log"]);
    assert_eq!(rows[0], row(2, "local_process", "policy_denied"));
}

#[test]
fn explain_and_formats_speak() {
    let fixture = fixture();
    let all = fixture.run(&["explain"], b"");
    assert!(String::from_utf8_lossy(&all.out).lines().count() > 50);
    let one = fixture.run(&["explain", "no_live_upstreams"], b"");
    assert!(String::from_utf8_lossy(&one.out).contains("nginx -T"));
    let formats = fixture.run(&["formats", "access.log"], b"");
    let text = String::from_utf8_lossy(&formats.out).into_owned();
    assert!(text.contains("nginx_access") && text.contains("combined"), "{text}");
}

#[test]
fn log_text_cannot_act_on_the_terminal() {
    let fixture = Fixture::new();
    let line = "192.0.2.1 - - [20/Nov/2026:21:29:43 +0000] \"GET /\u{1b}]0;pwned\u{7}\u{202e} HTTP/1.1\" 503 197 \"-\" \"curl\"\n";
    fixture.write("access.log", line.repeat(20));
    let said = fixture.run(&["--format", "text", "access.log"], b"");
    let page = String::from_utf8_lossy(&said.out).into_owned();
    assert!(page.contains("pwned"), "{page}");
    assert!(!page.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{page:?}");
}

#[test]
fn the_summary_of_the_real_incident() {
    let fixture = Fixture::new();
    for name in ["access.log", "error.log"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/incident").join(name);
        fixture.write(name, fs::read(path).expect(name));
    }
    let said = fixture.run(&["--format", "text", "access.log", "error.log"], b"");
    insta::assert_snapshot!(String::from_utf8_lossy(&said.out));
}

#[cfg(unix)]
#[test]
fn an_output_path_that_is_no_plain_file_is_kept_as_it_is() {
    use std::os::unix::fs::{FileTypeExt, symlink};
    let fixture = fixture();
    fixture.write("real.json", "old");
    symlink(fixture.path("real.json"), fixture.path("link.json")).expect("can be made");
    assert_eq!(fixture.run(&["-o", "link.json", "access.log"], b"").code, Some(0));
    assert!(fs::symlink_metadata(fixture.path("link.json")).expect("there").is_symlink());
    assert!(fs::read_to_string(fixture.path("real.json")).expect("there").contains("logscan503"));
    let made = std::process::Command::new("mkfifo").arg(fixture.path("pipe")).status();
    if made.is_ok_and(|status| status.success()) {
        let path = fixture.path("pipe");
        let reader = std::thread::spawn(move || fs::read(path).expect("a pipe"));
        assert_eq!(
            fixture.run(&["--format", "json", "-o", "pipe", "access.log"], b"").code,
            Some(0)
        );
        assert!(reader.join().expect("read").starts_with(b"{"));
        assert!(fs::metadata(fixture.path("pipe")).expect("there").file_type().is_fifo());
    }
}

#[cfg(unix)]
#[test]
fn a_walk_passes_over_pipes_and_counts_a_linked_file_once() {
    let fixture = Fixture::new();
    fixture.write("logs/access.log", ACCESS);
    std::os::unix::fs::symlink(fixture.path("logs/access.log"), fixture.path("logs/current"))
        .expect("can be made");
    let _ = std::process::Command::new("mkfifo").arg(fixture.path("logs/pipe")).status();
    assert_eq!(verdicts(&fixture, &["logs"]).len(), 2);
}
