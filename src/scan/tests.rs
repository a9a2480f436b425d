//! What a scan finds does not depend on how its inputs were cut.

use std::io::Write;
use std::path::Path;

use flate2::Compression as Level;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;
use crate::record::Field;

/// What is compared: the counts, and every entry with what its own plan reads there.
type Found = (InputTally, Vec<(EntryFact, String)>);

fn scan_file(path: &Path, range_bytes: u64) -> Found {
    let matcher = CauseMatcher::new(Vec::new()).unwrap();
    let formats = FormatChoice::default();
    let interrupted = Arc::new(AtomicBool::new(false));
    let mut wanted = [false; 1000];
    wanted[503] = true;
    let config = ScanConfig {
        chosen: [true; 1000],
        wanted,
        n_threads: 3,
        range_bytes,
        matcher: &matcher,
        formats: &formats,
        budget: Budget::new(1 << 20, None),
        interrupted: &interrupted,
    };
    let scan = scan(vec![Source::open(path)], &config).unwrap();
    let input = &scan.inputs[0];
    assert_eq!(input.error, None);
    assert!(input.tally.lines.balances());
    let entries = scan.entries.sorted();
    let read_again = |fact: EntryFact| {
        let line = input.fetch(fact.place).expect("the line can be had again");
        let plan = input.plan_at(fact.place.position.offset).expect("there is a plan");
        let client = read_access(plan, &line, |_, record| {
            assert_eq!((record.status, record.stamp.micros), (fact.status, fact.at));
            let client = record.value(Field::RemoteAddr).unwrap_or_default();
            String::from_utf8_lossy(client).into_owned()
        });
        (fact, client.expect("its plan reads it"))
    };
    (input.tally.clone(), entries.rows().map(|fact| read_again(fact.unwrap())).collect())
}

fn written(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn packed(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut packer = GzEncoder::new(Vec::new(), Level::fast());
    packer.write_all(bytes).unwrap();
    written(&packer.finish().unwrap())
}

/// Layouts that take each other's rows for their own, or for none.
const LAYOUTS: [(&str, &str); 5] = [
    ("date time c-ip s-ip cs-uri-stem sc-status sc-substatus", "192.0.2.N 10.0.0.1 /a/N 503 2"),
    ("date time s-ip c-ip cs-uri-stem sc-status", "10.0.0.1 192.0.2.N /b/N 503"),
    ("date time sc-status cs-uri-query c-ip", "503 x=N 192.0.2.N"),
    ("date time sc-win32-status sc-status c-ip", "503 200 192.0.2.N"),
    ("time c-ip sc-status", ""),
];

/// Writes a log: each part is a layout, a number of rows, and whether a `#Date:` line comes before it.
fn w3c_log(parts: &[(usize, u8, bool)]) -> String {
    let mut lines = Vec::new();
    for (index, (layout, n_rows, dated)) in parts.iter().enumerate() {
        let (fields, rest) = LAYOUTS[layout % LAYOUTS.len()];
        if *dated {
            lines.push(format!("#Date: 2026-03-{:02} 00:00:00", 1 + index % 28));
        }
        lines.push("#Software: Microsoft Internet Information Services 10.0".to_owned());
        lines.push(format!("#Fields: {fields}"));
        for row in 0..*n_rows {
            let clock = format!("{:02}:{:02}:{:02}", index % 24, row / 60, row % 60);
            lines.push(match rest.replace('N', &row.to_string()) {
                rest if rest.is_empty() => format!("{clock} 192.0.2.{row} 503"),
                rest => format!("2026-03-10 {clock} {rest}"),
            });
        }
    }
    lines.join("\n") + "\n"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn changing_layouts_give_the_same_facts_however_the_log_is_cut(
        parts in proptest::collection::vec((0usize..5, 0u8..40, any::<bool>()), 1..12),
    ) {
        let log = w3c_log(&parts);
        let file = written(log.as_bytes());
        let whole = scan_file(file.path(), 1 << 20);
        prop_assert_eq!(whole.0.lines.read, log.lines().count() as u64);
        for range_bytes in [64, 100, 333, 1000, 4096] {
            prop_assert_eq!(&scan_file(file.path(), range_bytes), &whole, "{} bytes", range_bytes);
        }
        prop_assert_eq!(&scan_file(packed(log.as_bytes()).path(), 1 << 20), &whole);
        let utf16: Vec<u8> = log.encode_utf16().flat_map(u16::to_le_bytes).collect();
        prop_assert_eq!(&scan_file(written(&utf16).path(), 64), &whole);
    }
}

#[test]
fn a_log_that_changes_its_layout_once_is_read_by_the_right_one_from_there() {
    let log = w3c_log(&[(0, 200, true), (3, 250, true), (0, 200, false), (1, 100, true)]);
    let file = written(log.as_bytes());
    let (tally, entries) = scan_file(file.path(), 512);
    // In the second layout 503 is a Windows code.
    assert_eq!((entries.len(), tally.statuses[503], tally.statuses[200]), (500, 500, 250));
    assert_eq!((tally.lines.parsed, tally.lines.directive, tally.lines.unparsed), (750, 11, 0));
}

#[test]
fn stdin_style_streams_of_several_logs_are_followed() {
    let nginx =
        "192.0.2.1 - - [20/Nov/2026:21:29:42 +0000] \"GET / HTTP/1.1\" 503 197 \"-\" \"curl\"\n";
    let httperr = "#Software: Microsoft HTTP API 2.0\n#Fields: date time c-ip c-port s-ip s-port cs-version cs-method cs-uri sc-status s-siteid s-reason s-queuename\n2026-03-14 08:00:01 192.0.2.10 50123 192.0.2.1 80 HTTP/1.1 GET / 503 1 AppOffline P\n2026-03-14 08:00:01 192.0.2.10 50123 192.0.2.1 80 - - - - - Timer_ConnectionIdle -\n";
    let w3c = w3c_log(&[(0, 30, true), (2, 30, true)]);
    let log = format!("{}{httperr}{w3c}{httperr}{nginx}", nginx.repeat(5));
    let plain = scan_file(written(log.as_bytes()).path(), 200);
    assert_eq!(plain, scan_file(packed(log.as_bytes()).path(), 1 << 20));
    assert_eq!((plain.1.len(), plain.0.statuses[0], plain.0.lines.unparsed), (68, 2, 0));
}

#[test]
fn the_zeros_at_the_end_of_a_file_copied_while_live_are_one_line() {
    let mut log = w3c_log(&[(0, 30, true)]).replace('\n', "\r\n").into_bytes();
    log.extend([0; 5000]);
    let (tally, entries) = scan_file(written(&log).path(), 1 << 20);
    assert_eq!((entries.len(), tally.lines.parsed, tally.lines.unparsed), (30, 30, 1));
}

/// Streams of a container, in pieces: which of the two goes on, how long the piece is, and whether its line ends with it.
type Written = (bool, usize, bool);

/// An access line on stdout, an application's line on stderr.
fn whole_line(stderr: bool, row: usize) -> String {
    if stderr {
        return format!("worker {row} is busy");
    }
    format!(
        "192.0.2.{} - - [20/Nov/2026:21:29:{:02} +0000] \"GET /{} HTTP/1.1\" 503 197 \"-\" \"curl\"",
        row % 250,
        row % 60,
        "x".repeat(40)
    )
}

/// A line of an engine's log: number of the text on its stream, stderr or stdout, cut or not, text.
type Envelope = fn(usize, bool, bool, &str) -> String;

/// Writes both streams as an engine does: a line over the room of its buffer is cut, and the other stream may come between.
fn container_log(writes: &[Written], envelope: Envelope) -> (String, usize) {
    let mut log = String::new();
    let mut rest = [String::new(), String::new()];
    let mut rows = [0; 2];
    let closing = [(false, 200, true), (true, 200, true)];
    for &(stderr, length, ends) in writes.iter().chain(&closing) {
        let stream = usize::from(stderr);
        if rest[stream].is_empty() {
            rows[stream] += 1;
            rest[stream] = whole_line(stderr, rows[stream]);
        }
        let n = if ends { rest[stream].len() } else { length.min(rest[stream].len()) };
        let left = rest[stream].split_off(n);
        let text = std::mem::replace(&mut rest[stream], left);
        let is_cut = !rest[stream].is_empty();
        log += &envelope(rows[stream], stderr, is_cut, &text);
        log.push('\n');
    }
    (log, rows[0])
}

fn cri(_: usize, stderr: bool, is_cut: bool, text: &str) -> String {
    let stream = if stderr { "stderr" } else { "stdout" };
    let tag = if is_cut { "P" } else { "F" };
    format!("2026-11-20T21:30:00.123456789Z {stream} {tag} {text}")
}

fn docker(row: usize, stderr: bool, is_cut: bool, text: &str) -> String {
    let stream = if stderr { "stderr" } else { "stdout" };
    let text = text.replace('"', "\\\"");
    let end = if is_cut { "" } else { "\\n" };
    let time = format!("2026-11-20T21:30:{:02}.{row:09}Z", row % 60);
    format!("{{\"log\":\"{text}{end}\",\"stream\":\"{stream}\",\"time\":\"{time}\"}}")
}

fn journal(_: usize, stderr: bool, is_cut: bool, text: &str) -> String {
    let text = text.replace('"', "\\\"");
    let priority = if stderr { 3 } else { 6 };
    let partial = if is_cut { ",\"CONTAINER_PARTIAL_MESSAGE\":\"true\"" } else { "" };
    format!(
        "{{\"__REALTIME_TIMESTAMP\":\"1795210200000000\",\"PRIORITY\":\"{priority}\",\"MESSAGE\":\"{text}\",\"CONTAINER_ID_FULL\":\"4f1c\"{partial}}}"
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn lines_that_engines_cut_are_whole_however_the_log_is_cut(
        writes in proptest::collection::vec((any::<bool>(), 1usize..60, any::<bool>()), 1..60),
    ) {
        for envelope in [cri as Envelope, docker, journal] {
            // Enough whole lines to tell the format by.
            let mut head = vec![(false, 0, true); 20];
            head.extend([(true, 0, true); 3]);
            head.extend(&writes);
            let (log, n_entries) = container_log(&head, envelope);
            let file = written(log.as_bytes());
            let whole = scan_file(file.path(), 1 << 20);
            prop_assert_eq!(whole.0.lines.read, log.lines().count() as u64);
            prop_assert_eq!(whole.1.len(), n_entries, "{}", log);
            prop_assert!(whole.1.iter().all(|(_, client)| client.starts_with("192.0.2.")));
            for range_bytes in [150, 1000] {
                prop_assert_eq!(&scan_file(file.path(), range_bytes), &whole, "{} bytes", range_bytes);
            }
            prop_assert_eq!(&scan_file(packed(log.as_bytes()).path(), 1 << 20), &whole);
        }
    }
}
