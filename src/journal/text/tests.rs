//! Tests of the text modes: authored lines, and the corpus where it is at hand.

use proptest::prelude::*;

use super::*;
use crate::journal::JournalFile;
use crate::journal::tests::corpus;
use crate::time::Timestamp;

/// Time, host, identifier, pid, message.
#[track_caller]
fn check(line: &str, time: &str, host: &str, identifier: &str, pid: Option<u64>, message: &str) {
    let TextLine::Entry(entry) = parse_line(line.as_bytes()) else { unreachable!("{line}") };
    let found = match entry.time {
        TextTime::Stamp(stamp) => {
            format!("{} {:?}", Timestamp(stamp.micros).to_rfc3339(), stamp.offset_s)
        }
        TextTime::Yearless(time) => format!("{}-{} {}", time.month, time.day, time.time_of_day_us),
        TextTime::Monotonic(monotonic_us) => format!("boot+{monotonic_us}"),
    };
    assert_eq!(found, time, "{line}");
    assert_eq!(entry.host.unwrap_or_default(), host.as_bytes(), "{line}");
    assert_eq!((entry.identifier, entry.pid), (identifier.as_bytes(), pid), "{line}");
    assert_eq!(entry.message, message.as_bytes(), "{line}");
    assert_eq!(&line.as_bytes()[entry.indent..], entry.message);
}

#[test]
fn the_shape_of_the_time_tells_the_mode() {
    let rest = "web-01 nginx[8]: up: yes";
    let check = |time: &str, expected: &str| {
        check(&format!("{time} {rest}"), expected, "web-01", "nginx", Some(8), "up: yes");
    };
    check("Mar 10 14:00:01", "3-10 50401000000");
    check("Mar  5 14:00:01", "3-5 50401000000");
    check("Feb 29 00:00:00.000007", "2-29 7");
    check("2025-03-10T14:00:01+0000", "2025-03-10T14:00:01Z Some(0)");
    check("2025-03-10T14:00:01.019504+01:00", "2025-03-10T13:00:01.019504Z Some(3600)");
    check("Mon 2025-03-10 10:00:01 EDT", "2025-03-10T14:00:01Z Some(-14400)");
    check("Mon 2025-03-10 10:00:01 -03", "2025-03-10T13:00:01Z Some(-10800)");
    check("Mon 2025-03-10 10:00:01 IST", "2025-03-10T10:00:01Z None");
    check("1741615201.019504", "2025-03-10T14:00:01.019504Z Some(0)");
    check("[    6.020000]", "boot+6020000");
    check("[    6.020000 <    0.120000 >]", "boot+6020000");
    check("[    5.000000                ]", "boot+5000000");
}

#[test]
fn tags_hosts_and_messages_of_odd_shapes() {
    let t = "3-10 0";
    check(
        "Mar 10 00:00:00 h kernel: nginx[12]: segfault",
        t,
        "h",
        "kernel",
        None,
        "nginx[12]: segfault",
    );
    check("Mar 10 00:00:00 h gdm-password][99]: x", t, "h", "gdm-password]", Some(99), "x");
    check("Mar 10 00:00:00 h my app[7]: x", t, "h", "my app", Some(7), "x");
    check("Mar 10 00:00:00 systemd[1]: x", t, "", "systemd", Some(1), "x");
    check("Mar 10 00:00:00 h a[1]: ", t, "h", "a", Some(1), "");
    check("Mar 10 00:00:00 h a[1]:", t, "h", "a", Some(1), "");
    check("Mar 10 00:00:00 h a[1]: -- b", t, "h", "a", Some(1), "-- b");
}

#[test]
fn units_and_blobs_are_told() {
    let line = b"Mon 2025-03-10 14:00:01 UTC h user@1.service/app.service[1]: [4.2K blob data]";
    let TextLine::Entry(entry) = parse_line(line) else { unreachable!("is an entry") };
    assert_eq!(entry.unit, Some(&b"user@1.service"[..]));
    let record = entry.record();
    assert!(record.is_message_withheld && record.message.is_none());
}

#[test]
fn lines_that_are_no_entries() {
    let check = |line: &str, expected: TextLine<'_>| {
        assert_eq!(parse_line(line.as_bytes()), expected, "{line}");
    };
    let at = |micros: i64| Some(Stamp { micros: micros * SECOND_US, offset_s: Some(0) });
    check("-- Reboot --", TextLine::Boot(None));
    check("-- Boot 11111111111111111111111111111111 --", TextLine::Boot(Some([0x11; 16])));
    check("-- No entries --", TextLine::Remark);
    check("-- Subject: A start job for unit nginx.service has failed", TextLine::Remark);
    check("░░ Subject: the same", TextLine::Remark);
    check(
        "-- Logs begin at Mon 2025-03-10 14:00:00 UTC, end at Mon 2025-03-10 14:00:01 UTC. --",
        TextLine::Span(at(1_741_615_200), at(1_741_615_201)),
    );
    check(
        "-- Journal begins at Mon 2025-03-10 14:00:00 UTC. --",
        TextLine::Span(at(1_741_615_200), None),
    );
    check("    MESSAGE=a=b", TextLine::VerboseField(b"MESSAGE", b"a=b"));
    check("            more", TextLine::Continuation(b"            more"));
    check("Started nginx.", TextLine::Other);
    check("", TextLine::Other);
    check("Mar 32 00:00:00 h a[1]: x", TextLine::Other);
}

#[test]
fn a_continuation_keeps_its_own_indent() {
    assert_eq!(continuation(b"      File", 4), Some(&b"  File"[..]));
    assert_eq!(continuation(b"   x", 4), None);
    assert_eq!(continuation(b"x", 0), None);
}

#[test]
fn real_lines_tell_what_the_file_holds() {
    let Some(path) = corpus("journal/plain-jenkins.journal") else { return };
    let folder = path.parent().expect("is in a folder").join("expected");
    for name in [
        "short",
        "short-precise",
        "short-iso",
        "short-iso-precise",
        "short-full",
        "short-unix",
        "short-monotonic",
        "short-delta",
        "with-unit",
    ] {
        let text = std::fs::read(folder.join(format!("plain-jenkins.v252.{name}.txt")))
            .expect("is readable");
        let file = std::fs::File::open(&path).expect("is readable");
        let mut entries = JournalFile::open(file).expect("is a journal").entries();
        let (mut n_entries, mut n_continuations, mut n_boots) = (0, 0, 0);
        let mut indent = 0;
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match parse_line(line) {
                TextLine::Entry(entry) => {
                    n_entries += 1;
                    indent = entry.indent;
                    let mut record = None;
                    while record.is_none() {
                        let read = entries.next_entry().expect("as many").expect("is whole");
                        record = read.get(b"MESSAGE").is_some().then(|| read.record());
                        // It corrects the time of the boot by the sender's clock, in a way of its own.
                        if name != "short-delta" {
                            check_time(&entry, record.as_ref());
                        }
                        if let Some(record) = &record {
                            assert_eq!(entry.host, record.host.as_deref());
                            if name == "with-unit" {
                                assert!(
                                    entry.unit.is_none() || entry.unit == record.unit.as_deref()
                                );
                            } else {
                                assert_eq!(Some(entry.identifier), record.identifier.as_deref());
                            }
                            let is_kernel = entry.pid.is_none() && record.is_kernel();
                            assert!(is_kernel || entry.pid == record.pid);
                        }
                    }
                }
                TextLine::Continuation(line) => {
                    assert!(continuation(line, indent).is_some());
                    n_continuations += 1;
                }
                TextLine::Boot(id) => {
                    assert!(id.is_some());
                    n_boots += 1;
                }
                other => unreachable!("{other:?}"),
            }
        }
        assert_eq!((n_entries, n_continuations, n_boots), (708, 3, 1), "{name}");
    }
}

/// The printed time is the sender's, cut to what the mode shows.
#[track_caller]
fn check_time(entry: &TextEntry<'_>, record: Option<&JournalRecord<'_>>) {
    let Some(record) = record else { return };
    let printed = record.source_realtime_us.unwrap_or(record.realtime_us);
    match entry.time {
        TextTime::Stamp(stamp) => {
            assert!(stamp.micros == printed || stamp.micros == printed - printed % SECOND_US);
        }
        TextTime::Yearless(time) => {
            let found = time.resolve(printed).expect("is a day");
            assert!(found == printed || found == printed - printed % SECOND_US);
        }
        // Kernel messages show their own clock, `_SOURCE_MONOTONIC_TIMESTAMP`.
        TextTime::Monotonic(monotonic_us) => {
            assert!(record.monotonic_us.is_some_and(|us| us.abs_diff(monotonic_us) < 1000));
        }
    }
}

#[test]
fn real_verbose_text_is_heads_fields_and_continuations() {
    let Some(path) = corpus("journal/expected/plain-jenkins.v252.verbose.txt") else { return };
    let text = std::fs::read(path).expect("is readable");
    let mut n_heads = 0;
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match parse_line(line) {
            TextLine::VerboseHead(_, cursor) => {
                assert!(cursor.starts_with(b"s=cac09bcbe95747188b267e46a2839b2e;i="));
                n_heads += 1;
            }
            TextLine::VerboseField(..) | TextLine::Continuation(_) | TextLine::Boot(_) => {}
            other => unreachable!("{other:?}"),
        }
    }
    assert_eq!(n_heads, 709);
}

proptest! {
    #[test]
    fn never_panics(line in prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..60),
        "(Mar 10 14:00:01|Mon 2025-03-10 14:00:01 UTC|\\[ 1.5\\]|-- |-- Logs begin at |1741615201.1|    )[ -~]{0,40}".prop_map(String::into_bytes),
    ]) {
        let _ = parse_line(&line);
        let _ = continuation(&line, 3);
    }
}
