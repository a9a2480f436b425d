//! Hostile inputs: every line is accounted for, and the exit code says how it went.
//!
//! In: one table of inputs. Out: for each, what `--format json` counts and how the program exits.
//! Invariants: read = parsed + continuation + directive + blank + unparsed + filtered, in every row.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use serde_json::Value;

use crate::support::Fixture;

/// An ordinary line, a failing one, and another ordinary one: `combined`, each ended by a newline.
const THREE_LINES: &str = r#"192.0.2.1 - - [01/Jun/2026:02:03:04 +0000] "GET /a HTTP/1.1" 200 512 "-" "curl/8.5.0"
192.0.2.2 - - [01/Jun/2026:02:03:05 +0000] "GET /b?x=503 HTTP/1.1" 503 197 "-" "Mozilla/5.0 (X11; Linux x86_64)"
192.0.2.3 - - [01/Jun/2026:02:03:06 +0000] "POST /c HTTP/1.1" 201 3 "https://example.com/" "okhttp/4.12.0"
"#;

/// Lines as `inputs[].lines` counts them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Lines {
    read: u64,
    parsed: u64,
    continuation: u64,
    directive: u64,
    blank: u64,
    unparsed: u64,
    filtered: u64,
}

/// The usual account: nothing but parsed, blank and unparsed lines.
const fn lines(parsed: u64, blank: u64, unparsed: u64) -> Lines {
    Lines {
        read: parsed + blank + unparsed,
        parsed,
        continuation: 0,
        directive: 0,
        blank,
        unparsed,
        filtered: 0,
    }
}

/// A hostile input.
struct Row {
    name: &'static str,
    /// Makes the files and returns the paths to give to the program.
    make: fn(&Fixture) -> Vec<PathBuf>,
    /// The account of the first path.
    lines: Lines,
    /// The last input carries an error.
    corrupt: bool,
    exit: i32,
}

const ROWS: &[Row] = &[
    // No line was understood, so nothing was ruled out: the exit code says so, as for any input without a usable line.
    Row {
        name: "empty file",
        make: |at| vec![at.write("access.log", "")],
        lines: lines(0, 0, 0),
        corrupt: false,
        exit: 3,
    },
    // A log that is being written ends anywhere; a whole last line counts with or without its newline.
    Row {
        name: "no final newline",
        make: |at| vec![at.write("access.log", THREE_LINES.trim_end())],
        lines: lines(3, 0, 0),
        corrupt: false,
        exit: 0,
    },
    // Over 1 MiB: one unparsed line, however long, in flat memory; the lines before and after it are still found.
    Row {
        name: "a line of 200 MB",
        make: |at| vec![long_line(at)],
        lines: lines(6, 0, 1),
        corrupt: false,
        exit: 0,
    },
    // A crash leaves blocks that were allocated but not written. They hold no newline, so they are one line, and no text.
    Row {
        name: "NUL tail",
        make: |at| vec![at.write("access.log", [THREE_LINES.as_bytes(), &[0; 65_536]].concat())],
        lines: lines(3, 0, 1),
        corrupt: false,
        exit: 0,
    },
    // Somebody else's file in the log directory: 64 pieces between newlines, none of them a log line.
    Row {
        name: "binary",
        make: |at| vec![at.write("access.log", binary())],
        lines: lines(0, 0, 64),
        corrupt: false,
        exit: 3,
    },
    // The copy broke off inside the stamp of the fourth line: what arrived is used, the cut line is counted as unparsed
    // (it was read), and the input is named as corrupt because lines are missing.
    Row {
        name: "truncated gzip",
        make: |at| {
            let cut = THREE_LINES.len() + "192.0.2.1 - - [01/Jun/20".len();
            vec![at.write("access.log.gz", gzip_cut(&THREE_LINES.repeat(40), cut))]
        },
        lines: lines(3, 0, 1),
        corrupt: true,
        exit: 4,
    },
    // What follows may be a damaged further member, so the account cannot be called complete; the good member counts whole.
    Row {
        name: "gzip with trailing garbage",
        make: |at| {
            vec![at.write("access.log.gz", [&gzip(THREE_LINES)[..], b"garbage\n?"].concat())]
        },
        lines: lines(3, 0, 0),
        corrupt: true,
        exit: 4,
    },
    // A log that passed through a Windows share. The carriage return is part of the line end, so `\r\n` alone is blank.
    Row {
        name: "CRLF",
        make: |at| vec![at.write("access.log", format!("{THREE_LINES}\n").replace('\n', "\r\n"))],
        lines: lines(3, 1, 0),
        corrupt: false,
        exit: 0,
    },
    // Passed through two tools that each ended lines in their own way. What is before `\r\n` belongs to the last value, here
    // the status, so such a line is none of this layout: it is counted, and the scan goes on behind it.
    Row {
        name: "CR CR LF behind a status",
        make: |at| {
            let log = "#Fields: date time cs-uri-stem sc-status\n\
                2026-06-01 02:03:04 /a 200\r\n2026-06-01 02:03:05 /b 503\r\r\n2026-06-01 02:03:06 /c 200\r\n";
            vec![at.write("u_ex260601.log", log)]
        },
        lines: Lines { read: 4, directive: 1, ..lines(2, 0, 1) },
        corrupt: false,
        exit: 0,
    },
    // Servers that do not escape write what the client sent. Time and status are at their place, so the line counts; the
    // 503 is quoted in the report, which must stay UTF-8.
    Row {
        name: "invalid UTF-8",
        make: |at| vec![at.write("access.log", invalid_utf8())],
        lines: lines(3, 0, 0),
        corrupt: false,
        exit: 0,
    },
    // A TLS hello on a plain port, an empty request, and a connection that said nothing: answered with 400, and logged as
    // requests, so they are traffic.
    Row {
        name: "TLS garbage requests",
        make: |at| {
            let garbage = r#"192.0.2.4 - - [01/Jun/2026:02:03:07 +0000] "\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03\xA7\x22\x5C\xEE" 400 157 "-" "-"
192.0.2.4 - - [01/Jun/2026:02:03:07 +0000] "" 400 0 "-" "-"
192.0.2.4 - - [01/Jun/2026:02:03:08 +0000] "-" 400 0 "-" "-"
"#;
            vec![at.write("access.log", [THREE_LINES, garbage].concat())]
        },
        lines: lines(6, 0, 0),
        corrupt: false,
        exit: 0,
    },
    // Containers write both logs to one stream: either kind of line is understood wherever it stands, and an access line
    // after an error line is not its continuation.
    Row {
        name: "access and error lines in one file",
        make: |at| vec![at.write("both.log", mixed())],
        lines: lines(5, 0, 0),
        corrupt: false,
        exit: 0,
    },
    // The shell expanded `*.log`, and one of the names is a link to nothing: named in the report, and the others are read.
    Row {
        name: "an unreadable file among good ones",
        make: |at| vec![at.write("access.log", THREE_LINES), unreadable(at)],
        lines: lines(3, 0, 0),
        corrupt: true,
        exit: 4,
    },
];

#[test]
fn hostile_inputs_are_accounted_for() {
    let mut faults = Vec::new();
    for row in ROWS {
        let fixture = Fixture::new();
        let paths = (row.make)(&fixture);
        let mut args = vec!["--format", "json"];
        args.extend(paths.iter().map(|path| path.to_str().expect("temporary paths are UTF-8")));
        let said = fixture.run(&args, b"");
        let mut fault = |what: String| faults.push(format!("{}: {what}", row.name));
        if said.code != Some(row.exit) {
            fault(format!("exit {:?}, expected {}; {}", said.code, row.exit, said.err.trim_end()));
        }
        let Ok(document) = serde_json::from_slice::<Value>(&said.out) else {
            fault("standard output is not one JSON document".to_owned());
            continue;
        };
        let inputs = document["inputs"].as_array().map_or(&[][..], Vec::as_slice);
        let input_of =
            |path: &PathBuf| inputs.iter().find(|input| input["path"].as_str() == path.to_str());
        let (Some(first), Some(last)) =
            (paths.first().and_then(input_of), paths.last().and_then(input_of))
        else {
            fault(format!("of {} inputs, some are not in the report", paths.len()));
            continue;
        };
        let got = lines_of(first);
        if got != row.lines {
            fault(format!("{got:?}, expected {:?}", row.lines));
        }
        if last["error"].is_null() == row.corrupt {
            fault(format!("error is {}", last["error"]));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_expected_account_is_conserved() {
    for Row { name, lines: it, .. } in ROWS {
        let sum = it.parsed + it.continuation + it.directive + it.blank + it.unparsed + it.filtered;
        assert_eq!(it.read, sum, "{name}");
    }
}

fn lines_of(input: &Value) -> Lines {
    // A count that is absent or no number differs from every expected one.
    let count = |key: &str| input["lines"][key].as_u64().unwrap_or(u64::MAX);
    Lines {
        read: count("read"),
        parsed: count("parsed"),
        continuation: count("continuation"),
        directive: count("directive"),
        blank: count("blank"),
        unparsed: count("unparsed"),
        filtered: count("filtered"),
    }
}

fn long_line(at: &Fixture) -> PathBuf {
    let path = at.path("access.log");
    let mut file = BufWriter::new(File::create(&path).expect("can be made"));
    let chunk = vec![b'a'; 1_000_000];
    let mut write = |bytes: &[u8]| file.write_all(bytes).expect("can be written");
    write(THREE_LINES.as_bytes());
    for _ in 0..200 {
        write(&chunk);
    }
    write(b"\n");
    write(THREE_LINES.as_bytes());
    file.flush().expect("can be written");
    path
}

/// 64 lines of bytes as a compiled program has them; no line is empty.
fn binary() -> Vec<u8> {
    let mut state = 503u32;
    let mut bytes = b"\x7fELF\x02\x01\x01\x00".to_vec();
    for nth in 0..64 * 900 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let byte = (state >> 24) as u8;
        bytes.push(if byte == b'\n' || byte == b'\r' { 0 } else { byte });
        if nth % 900 == 899 {
            bytes.push(b'\n');
        }
    }
    bytes
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).expect("a vector takes any bytes");
    encoder.finish().expect("a vector takes any bytes")
}

/// A gzip file that breaks off after `cut` bytes of `text`. The one block is stored, so the cut is exact (RFC 1951, 3.2.4).
fn gzip_cut(text: &str, cut: usize) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("a stored block holds 64 KiB");
    let mut bytes = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x01".to_vec();
    bytes.extend(length.to_le_bytes());
    bytes.extend((!length).to_le_bytes());
    bytes.extend(&text.as_bytes()[..cut]);
    bytes
}

fn invalid_utf8() -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in THREE_LINES.lines() {
        let (start, agent) = line.rsplit_once(" \"").expect("a combined line");
        bytes.extend(start.replace("/b", "/b\u{1}").bytes());
        bytes.extend(b" \"\xff\xfe\xc3\x28 ");
        bytes.extend(agent.bytes());
        bytes.push(b'\n');
    }
    bytes
}

fn mixed() -> String {
    let refused = r#"2026/06/01 02:03:05 [error] 7#7: *41 connect() failed (111: Connection refused) while connecting to upstream, client: 192.0.2.2, server: example.com, request: "GET /b?x=503 HTTP/1.1", upstream: "http://10.0.0.5:8080/b?x=503", host: "example.com""#;
    let notice =
        "2026/06/01 02:03:06 [notice] 1#1: signal 1 (SIGHUP) received from 12, reconfiguring";
    let lines: Vec<_> = THREE_LINES.lines().collect();
    [lines[0], refused, lines[1], notice, lines[2], ""].join("\n")
}

/// A path that exists and cannot be read, also by root, for whom permissions do not count.
fn unreadable(at: &Fixture) -> PathBuf {
    let path = at.path("gone.log");
    #[cfg(unix)]
    std::os::unix::fs::symlink(at.path("absent"), &path).expect("can be made");
    #[cfg(windows)]
    std::os::windows::fs::symlink_file(at.path("absent"), &path).expect("can be made");
    assert!(fs::symlink_metadata(&path).is_ok());
    path
}

/// An archive of more files than a process may usually hold open: the soft limit is raised.
#[cfg(unix)]
#[test]
fn more_files_than_the_soft_limit_allows_are_all_read() {
    let fixture = Fixture::new();
    for index in 0..80 {
        fixture.write(&format!("logs/access-{index}.log"), THREE_LINES);
    }
    let said = std::process::Command::new("sh")
        .args(["-c", "ulimit -S -n 40 && exec \"$0\" --format json logs"])
        .arg(env!("CARGO_BIN_EXE_logscan503"))
        .current_dir(fixture.path("."))
        .output()
        .expect("a shell runs");
    let document: Value = serde_json::from_slice(&said.stdout).expect("a report");
    assert_eq!(document["inputs"].as_array().map(Vec::len), Some(80));
    assert_eq!(said.status.code(), Some(0));
}
