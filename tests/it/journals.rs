//! Journals as text in which nginx's error lines are among those of others, and logs that begin or end amid a failure.

use std::fmt::Write as _;

use crate::support::Fixture;

/// Requests of a second each, of which every one has an error line.
const N_REQUESTS: usize = 40;

/// What stands before an error line: `{at}` of it is a second.
type Head = fn(usize, &str) -> String;

fn iso(second: usize, tag: &str) -> String {
    format!("2026-11-20T21:34:{second:02}+0000 app7 {tag}: ")
}

fn since_boot(second: usize, tag: &str) -> String {
    format!("[{:5}.004217] app7 {tag}: ", 8000 + second)
}

fn access(upstream: &str) -> String {
    (0..N_REQUESTS).fold(String::new(), |mut log, nth| {
        writeln!(
            log,
            "198.51.100.7 - - [20/Nov/2026:21:34:{nth:02} +0000] \"GET /a/{nth} HTTP/1.1\" 503 95 \"-\" \"curl/8.5.0\"{upstream}"
        )
        .expect("a string takes all");
        log
    })
}

/// The same between good answers, with the backend and what nginx stores for it.
fn access_with_backends() -> String {
    let good = |nth: usize| {
        format!(
            "198.51.100.9 - - [20/Nov/2026:21:33:{nth:02} +0000] \"GET /b/{nth} HTTP/1.1\" 200 812 \"-\" \"curl/8.5.0\" \"127.20.36.11:8080\" \"200\"\n"
        )
    };
    let good: String = (0..60).map(good).collect();
    good + &access(" \"127.20.36.11:8080\" \"502\"")
}

fn refused(nth: usize) -> String {
    format!(
        "2026/11/20 21:34:{nth:02} [error] 31321#31321: *{} connect() failed (111: Connection refused) while connecting to upstream, client: 198.51.100.7, server: cart.example.com, request: \"GET /a/{nth} HTTP/1.1\", upstream: \"http://127.20.36.11:8080/a/{nth}\", host: \"cart.example.com\"\n",
        600 + nth
    )
}

/// A journal: what others say first, then nginx's lines with those of a service between them.
fn journal(head: Head, before: &[(&str, &str)]) -> String {
    let mut log = String::new();
    for (tag, message) in before {
        writeln!(log, "{}{message}", head(0, tag)).expect("a string takes all");
    }
    for nth in 0..N_REQUESTS {
        write!(log, "{}{}", head(nth, "nginx[1044]"), refused(nth)).expect("a string takes all");
        if nth % 10 == 9 {
            let message = "cart.service: Main process exited, code=exited, status=1/FAILURE";
            writeln!(log, "{}{message}", head(nth, "systemd[1]")).expect("a string takes all");
        }
    }
    log
}

/// How many entries have each origin.
fn origins(access: &str, error: &str) -> Vec<(String, usize)> {
    let fixture = Fixture::new();
    fixture.write("access.log", access);
    fixture.write("error.log", error);
    let rows = fixture.run(&["--format", "entries", "access.log", "error.log"], b"").rows();
    let mut counts = std::collections::BTreeMap::new();
    for row in &rows {
        *counts.entry(row["origin"].as_str().unwrap_or("-").to_owned()).or_default() += 1;
    }
    counts.into_iter().collect()
}

#[track_caller]
fn check(access: &str, error: &str, expected: &[(&str, usize)]) {
    let found = origins(access, error);
    let found: Vec<_> = found.iter().map(|(origin, n)| (origin.as_str(), *n)).collect();
    assert_eq!(found, expected);
}

const DUMP: [(&str, &str); 6] = [
    ("kernel", "python3 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0"),
    ("kernel", "CPU: 1 PID: 990 Comm: python3 Not tainted 6.1.0-27-amd64 #1  Debian 6.1.115-1"),
    ("kernel", "memory: usage 524288kB, limit 524288kB, failcnt 4387"),
    ("kernel", "Tasks state (memory values in pages):"),
    ("kernel", "[    990]   998   990   245781   128640  1396736        0             0 python3"),
    ("node[3301]", "Error: Cannot find module './config/production.json'"),
];

#[test]
fn text_of_other_programs_does_not_hide_the_lines_of_nginx() {
    for head in [iso as Head, since_boot] {
        check(&access(""), &journal(head, &DUMP), &[("proxy", N_REQUESTS)]);
    }
}

/// More lines than the sample holds are the kernel's.
#[test]
fn a_journal_may_begin_with_pages_of_other_text() {
    let dumps = DUMP[..5].repeat(400);
    check(&access(""), &journal(iso, &dumps), &[("proxy", N_REQUESTS)]);
}

/// The last field is what nginx stores for its own failures and for a backend's answer alike.
#[test]
fn the_missing_part_of_an_error_log_is_no_silence() {
    let access = access_with_backends();
    let all: String = (0..N_REQUESTS).map(refused).collect();
    check(&access, &all, &[("proxy", N_REQUESTS)]);
    let first: String = (0..25).map(refused).collect();
    check(&access, &first, &[("proxy", 25), ("unknown", 15)]);
    let last: String = (15..N_REQUESTS).map(refused).collect();
    check(&access, &last, &[("proxy", 25), ("unknown", 15)]);
}

/// systemd's `journald-rate-limit.c`: messages beyond the rate of a unit are dropped and counted.
#[test]
fn what_the_journal_dropped_is_no_silence() {
    let access = access_with_backends();
    let told = |nth: usize| format!("{}{}", iso(nth, "nginx[1044]"), refused(nth));
    let gap: String = (0..10).chain(30..N_REQUESTS).map(told).collect();
    check(&access, &gap, &[("proxy", 20), ("upstream", 20)]);
    let dropped = iso(39, "systemd-journald[312]") + "Suppressed 20 messages from nginx.service\n";
    check(&access, &(gap + &dropped), &[("proxy", 20), ("unknown", 20)]);
}
