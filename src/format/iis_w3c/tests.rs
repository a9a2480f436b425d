//! Rows and directives of W3C logs, from real logs and made up.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::format::detect::{FormatChoice, detect};
use crate::format::{accepts, follow};

const DEFAULT: &str = KNOWN[0].1;

/// Reads a row: time, status, client, path, query.
#[track_caller]
fn check(fields: &str, row: &str, expected: (&str, u16, &str, &str, Option<&str>)) {
    let mut reader: Arc<dyn Reader> = Arc::new(IisW3c::declared(""));
    for line in fields.lines() {
        assert!(follow(&mut reader, line.as_bytes()), "{line}");
    }
    let glance = reader.glance(row.as_bytes()).expect(row);
    let record = access(reader.as_ref(), row.as_bytes()).expect(row);
    assert_eq!(glance.status, record.status);
    assert_eq!(reader.stamp(glance.stamp), Some(record.stamp));
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let (path, query) = record.target_parts();
    assert_eq!(
        (
            Timestamp(record.stamp.micros).to_rfc3339(),
            record.status,
            record.value(Field::RemoteAddr).map(text).unwrap_or_default(),
            text(path),
            query.map(text),
        ),
        (
            expected.0.to_owned(),
            expected.1,
            expected.2.to_owned(),
            expected.3.to_owned(),
            expected.4.map(str::to_owned)
        )
    );
}

fn access<'a>(reader: &dyn Reader, row: &'a [u8]) -> Result<AccessRecord<'a>, Skip> {
    match reader.parse(row)? {
        Record::Access(record) => Ok(record),
        Record::Error(_) => Err(Skip::Shape),
    }
}

#[test]
fn columns_stand_where_the_directive_says() {
    check(
        &format!("#Fields: {DEFAULT} "),
        "2026-03-10 12:21:00 10.0.0.1 GET /a b=1 443 - 192.0.2.7 curl/8 - 503 2 0 15",
        ("2026-03-10T12:21:00Z", 503, "192.0.2.7", "/a", Some("b=1")),
    );
    check(
        "#Fields: time date c-ip cs-method cs-uri-stem cs-uri-query sc-status sc-substatus",
        "12:21:00 2026-03-10 192.0.2.7 GET /503 - 404 0",
        ("2026-03-10T12:21:00Z", 404, "192.0.2.7", "/503", None),
    );
    check(
        "#Fields: sc-status date c-ip time",
        "503 2026-03-10 192.0.2.7 12:21:00",
        ("2026-03-10T12:21:00Z", 503, "192.0.2.7", "", None),
    );
    // The date comes from the directive.
    check(
        "#Date: 2013-07-30 00:00:00\n#Fields: time c-ip cs-uri-stem sc-status",
        "00:00:13 192.0.2.7 / 200",
        ("2013-07-30T00:00:13Z", 200, "192.0.2.7", "/", None),
    );
    // A header that takes the date away: it names the day before its columns.
    check(
        "#Fields: date time sc-status\n#Date: 2013-07-30 00:00:00\n#Fields: time c-ip cs-uri-stem sc-status",
        "00:00:13 192.0.2.7 / 200",
        ("2013-07-30T00:00:13Z", 200, "192.0.2.7", "/", None),
    );
    // Two blanks separate like one.
    check(
        &format!("#Fields: {DEFAULT}"),
        "2022-01-01 00:01:24 ::1 POST /powershell a=1 444  random\\ranuser1 ::1 UA - 200 0 0 15",
        ("2022-01-01T00:01:24Z", 200, "::1", "/powershell", Some("a=1")),
    );
    // Past midnight; not so where the time is a little before that of the directive, or another server wrote it.
    let late = "#Date: 2013-07-30 23:58:00\n#Fields: time c-ip cs-uri-stem sc-status";
    let of_iis = &format!("{late} sc-substatus");
    check(
        of_iis,
        "00:00:13 192.0.2.7 / 200 0",
        ("2013-07-31T00:00:13Z", 200, "192.0.2.7", "/", None),
    );
    check(
        of_iis,
        "23:57:59 192.0.2.7 / 200 0",
        ("2013-07-30T23:57:59Z", 200, "192.0.2.7", "/", None),
    );
    check(late, "00:00:13 192.0.2.7 / 200", ("2013-07-30T00:00:13Z", 200, "192.0.2.7", "/", None));
    // Nothing between two blanks is a value where the row has one too few without it.
    check(
        &format!("#Fields: {DEFAULT}"),
        "2022-01-01 00:01:24 ::1 GET /a a=1 444  ::1 UA - 503 2 0 15",
        ("2022-01-01T00:01:24Z", 503, "::1", "/a", Some("a=1")),
    );
    check(
        &format!("#Fields: {DEFAULT}"),
        "2022-01-01 00:01:24 ::1 GET /a  444 - ::1  - 503 2 0 15",
        ("2022-01-01T00:01:24Z", 503, "::1", "/a", None),
    );
    // A row that was cut, with two blanks that count as one.
    check(
        &format!("#Fields: {DEFAULT}"),
        "2022-01-01 00:01:24 ::1 GET /a a=1 444  bob ::1 UA - 503 2 0",
        ("2022-01-01T00:01:24Z", 503, "::1", "/a", Some("a=1")),
    );
    // A `#Fields:` line that was cut short.
    check(
        "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query",
        "2015-01-13 00:32:17 100.79.192.81 GET /robots.txt - 80 - 157.55.39.146 UA - 404 0 2 1405 242 283",
        ("2015-01-13T00:32:17Z", 404, "157.55.39.146", "/robots.txt", None),
    );
}

#[test]
fn values_in_quotes_may_hold_blanks_and_raw_quotes_may_stand_anywhere() {
    let advanced = "#Fields:   date-local time-local   s-ip   cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) cs(Host) sc-status sc-substatus sc-win32-status TimeTakenMS";
    check(
        advanced,
        r#"2012-08-15 17:00:00.675 10.10.28.140 GET /hello - 80 - "173.5.0.0" "Mozilla/5.0 (X 503 0)" - "h.example.com" 404 " ""garbage"" w/ spaces " 0 359"#,
        ("2012-08-15T17:00:00.675Z", 404, "173.5.0.0", "/hello", None),
    );
    let plain = format!("#Fields: {DEFAULT}");
    check(
        &plain,
        r#"2026-03-10 12:21:00 10.0.0.1 GET /a - 443 - 192.0.2.7 "curl x" 503 2 0 15"#,
        ("2026-03-10T12:21:00Z", 503, "192.0.2.7", "/a", None),
    );
    check(
        &plain,
        r#"2026-03-10 12:21:00 10.0.0.1 GET "/a" - 443 "bob 192.0.2.7 "200 - 503 2 0 15"#,
        ("2026-03-10T12:21:00Z", 503, "192.0.2.7", "/a", None),
    );
}

#[test]
fn what_the_farm_proxy_adds_to_the_query_is_taken_apart() {
    let check = |query: &str, args: Option<&str>, member: Option<&str>, id: Option<&str>| {
        let row = format!("2026-03-10 12:21:00 ::1 GET /a {query} 443 - ::2 UA - 503 0 0 15");
        let record = access(&IisW3c::declared(DEFAULT), row.as_bytes()).expect("a row");
        let text =
            |field| record.value(field).map(|value| String::from_utf8_lossy(value).into_owned());
        assert_eq!(text(Field::Args).as_deref(), args, "{query}");
        assert_eq!(text(Field::UpstreamStatus).as_deref(), member, "{query}");
        assert_eq!(text(Field::RequestId).as_deref(), id, "{query}");
        assert_eq!(
            record.raw(Field::ArrLogId).is_some(),
            record.raw(Field::UpstreamStatus).is_some()
        );
    };
    check(
        "id=7&X-ARR-CACHE-HIT=0&X-ARR-LOG-ID=ab-1&SERVER-STATUS=503",
        Some("id=7"),
        Some("503"),
        Some("ab-1"),
    );
    check("X-ARR-CACHE-HIT=0&X-ARR-LOG-ID=ab-1", None, None, Some("ab-1"));
    check(
        "X-AzureApplicationGateway-CACHE-HIT=0&SERVER-ROUTED=10.4.0.4&X-AzureApplicationGateway-LOG-ID=ab&SERVER-STATUS=404",
        None,
        Some("404"),
        Some("ab"),
    );
    check("a=1&X-ARR-LOG-ID=ab-1", Some("a=1"), None, Some("ab-1"));
    // Forged, or in the wrong place.
    check(
        "X-ARR-CACHE-HIT=0&X-ARR-LOG-ID=f&SERVER-STATUS=503&a=1",
        Some("X-ARR-CACHE-HIT=0&X-ARR-LOG-ID=f&SERVER-STATUS=503&a=1"),
        None,
        None,
    );
    check("SERVER-STATUS=503", Some("SERVER-STATUS=503"), None, None);
    check("...", None, None, None);
    check(
        "SERVER-STATUS=200&X-ARR-CACHE-HIT=0&X-ARR-LOG-ID=f&SERVER-STATUS=503",
        Some("SERVER-STATUS=200"),
        Some("503"),
        Some("f"),
    );
}

#[test]
fn rows_of_other_producers_are_read_as_far_as_they_are_plain() {
    check(
        "#Fields: date time cs-uri cs-method c-ip cs-uri-query sc-status",
        r#""2017-06-28" "07:26:35" "www.example.com/page.php" "GET" "123.0.0.1" "a=1" "200""#,
        ("2017-06-28T07:26:35Z", 200, "123.0.0.1", "/page.php", Some("a=1")),
    );
    check(
        "#Fields: date time c-ip cs-uri sc-status",
        r#""2017-06-28" "07:26:35" "123.0.0.1" "www.example.com/" """#,
        ("2017-06-28T07:26:35Z", 0, "123.0.0.1", "/", None),
    );
    check(
        "#Fields:  c-ip  date  time  cs-method  cs-uri  sc-status  bytes",
        "64.103.37.2      2001-10-31     00:00:18      GET      /a.gif?x=1    200     350",
        ("2001-10-31T00:00:18Z", 200, "64.103.37.2", "/a.gif", Some("x=1")),
    );
    // FTP answers 503 for a bad sequence of commands.
    check(
        "#Date: 2000-10-09\n#Fields: time c-ip cs-method cs-uri-stem sc-status",
        "16:44:49 1.1.1.1 [2]USER anonymous 503",
        ("2000-10-09T16:44:49Z", 0, "1.1.1.1", "anonymous", None),
    );
}

#[test]
fn milliseconds_are_the_unit_of_iis() {
    let row = b"2026-03-10 12:21:00 ::1 GET /a - 443 - ::2 UA - 503 0 0 30015";
    let record = access(&IisW3c::declared(DEFAULT), row).expect("a row");
    assert_eq!(record.duration_us(), Some(30_015_000));
    let others = IisW3c::declared("date time sc-status time-taken");
    let seconds = |row: &'static str| access(&others, row.as_bytes()).expect(row).duration_us();
    assert_eq!(seconds("2026-03-10 12:21:00 200 0.015"), Some(15_000));
    assert_eq!(seconds("2026-03-10 12:21:00 200 15"), None);
}

#[test]
fn what_is_no_row_of_the_layout_is_refused() {
    let reader = IisW3c::declared(DEFAULT);
    for row in [
        "",
        "2026-03-10 12:21:00 10.0.0.1 GET /a b=1 443 - 192.0.2.7 curl/8 -",
        "2026-03-10 12:21:00 10.0.0.1 GET /a b=1 443 - 192.0.2.7 curl/8 - 50",
        "2026-13-10 12:21:00 10.0.0.1 GET /a b=1 443 - 192.0.2.7 curl/8 - 503 0 0 1",
        "#Software: Microsoft Internet Information Services 10.0",
    ] {
        assert!(!accepts(&reader, row.as_bytes()), "{row}");
        assert!(reader.parse(row.as_bytes()).is_err(), "{row}");
    }
    assert!(!accepts(&IisW3c::declared(""), b"2026-03-10 12:21:00"));
    let padded = b"2026-03-10 12:21:00 ::1 GET /a - 443 - ::2 UA - 503 0 0 30015\r\0\0\0";
    assert!(accepts(&reader, padded));
}

#[test]
fn directives_are_told_from_rows_and_from_those_of_http_sys() {
    let reader = IisW3c::declared("");
    let is_layout =
        |line: &str| matches!(reader.directive(line.as_bytes()), Some(Directive::Layout(_)));
    let is_comment =
        |line: &str| matches!(reader.directive(line.as_bytes()), Some(Directive::Comment));
    assert!(is_layout("#Fields: date time sc-status"));
    assert!(is_layout("\u{feff}#Fields: date time sc-status"));
    assert!(is_layout("#Date: 2026-03-10 12:21:00"));
    assert!(is_comment("#Date: 28/Jun/2017 07:28:59"));
    assert!(is_comment("#Software: SGOS 6.5"));
    // It tells whose rows are those of few columns.
    assert!(is_layout("#Software: Microsoft Internet Information Services 10.0"));
    assert!(is_comment("#Version: 1.0   // comment"));
    for line in ["# comment", "#0 main", "Fields: a", "#Fields", "#Error: x"] {
        assert!(reader.directive(line.as_bytes()).is_none(), "{line}");
    }
}

#[test]
fn rows_of_http_sys_are_not_read_by_the_columns_of_another_header() {
    let w3c = "2026-03-10 12:21:00 ::1 GET /a - 443 - ::2 UA - 503 0 0 15\n";
    let dropped =
        "2026-03-10 12:21:00 ::2 50123 ::1 80 HTTP/1.1 GET / - - 503 2 AppOffline P TCP\n";
    let fields = format!("#Fields: {DEFAULT}\n");
    let httperr = "#Fields: date time c-ip c-port s-ip s-port cs-version cs-method cs-uri streamid streamid_ex sc-status s-siteid s-reason s-queuename transport\n";
    let check = |text: &str| {
        let plan = detect(Path::new("x"), &[text.as_bytes()], &FormatChoice::default());
        let mut formats: Vec<_> = plan.detected().map(|reader| reader.about().format).collect();
        formats.sort_unstable();
        assert_eq!(formats, ["iis_httperr", "iis_w3c"], "{text}");
        let own = plan.readers.iter().find(|reader| reader.about().format == "iis_w3c");
        let mut reader = Arc::clone(own.expect("it was detected"));
        for line in text.lines().map(str::as_bytes) {
            let is_own = understands(&mut reader, line);
            assert_eq!(is_own, line != dropped.trim_end().as_bytes(), "{text}");
        }
    };
    check(&format!("{httperr}{dropped}{fields}{w3c}"));
    check(&format!("{fields}{w3c}{httperr}{dropped}{fields}{w3c}"));
    // Above a header, and without any.
    check(&format!("{dropped}{fields}{w3c}"));
    check(&format!("{w3c}{w3c}{dropped}"));
    check(&format!("{dropped}{dropped}{w3c}"));
}

#[test]
fn columns_of_http_sys_are_read_by_name_where_they_are_not_the_usual_ones() {
    let fields = "date time c-ip cs-method cs-uri sc-status s-reason";
    let reader = IisW3c::declared(fields);
    assert_eq!(reader.about().server, Server::Iis);
    let row = |status: &str| format!("2026-03-10 12:21:00 ::1 GET /a?b=c {status} QueueFull");
    let line = row("503");
    let Ok(Record::Access(record)) = reader.parse(line.as_bytes()) else { panic!("not read") };
    assert_eq!(record.raw(Field::Reason), Some(&b"QueueFull"[..]));
    assert_eq!(record.raw(Field::RequestUri), Some(&b"/a?b=c"[..]));
    assert!(accepts(&reader, row("-").as_bytes()));
    assert!(!accepts(
        &IisW3c::declared("date time c-ip cs-method cs-uri sc-status cs-host"),
        row("-").as_bytes()
    ));
}

#[test]
fn the_software_tells_whose_few_columns_are() {
    let server = |text: &str| {
        let plan = detect(Path::new("x"), &[text.as_bytes()], &FormatChoice::default());
        plan.readers[0].about().server
    };
    let rows = "#Fields: date time cs-method cs-uri-stem cs-uri-query sc-status\n2026-03-10 12:21:00 GET /a - 503\n";
    assert_eq!(server(rows), Server::Unknown);
    let software = "#Software: Microsoft Internet Information Services 10.0\n";
    assert_eq!(server(&format!("{software}{rows}")), Server::Iis);
    assert_eq!(
        server(&format!("#Date: 2026-03-10 12:21:00\n{rows}{software}{rows}")),
        Server::Unknown
    );
}

#[test]
fn layouts_are_found_in_samples_with_and_without_directives() {
    let check = |text: &str, expected: &[(&str, &str)]| {
        let plan = detect(Path::new("x"), &[text.as_bytes()], &FormatChoice::default());
        let got: Vec<_> = plan
            .detected()
            .map(|reader| (reader.about().format, reader.about().layout.as_str()))
            .collect();
        assert_eq!(got, expected, "{text}");
    };
    let row = "2026-03-10 12:21:00 ::1 GET /a - 443 - ::2 UA - 503 0 0 15\n";
    check(row, &[("iis_w3c", "default")]);
    check(&format!("#Fields: {DEFAULT}\n{row}"), &[("iis_w3c", "default")]);
    let changed = "#Fields: date time sc-status\n2026-03-10 12:21:00 503\n".repeat(9);
    check(&format!("#Version: 1.0\n#Fields: {DEFAULT}\n{row}{changed}"), &[("iis_w3c", "default")]);
    check("#Fields: date time sc-status\n", &[("iis_w3c", "date time sc-status")]);
    let longer = "2026-02-19 10:28:49 ::1 GET /forbidden - 80 - ::1 UA - 404 0 2 5035 184 189\n";
    check(
        &format!("{row}{row}{longer}"),
        &[("iis_w3c", "default"), ("iis_w3c", "default_with_bytes")],
    );
    check(
        "#Software: Microsoft HTTP API 2.0\n2025-03-14 08:00:01 192.0.2.10 50123 192.0.2.1 80 HTTP/1.1 GET / 503 1 AppOffline P\n",
        &[("iis_httperr", "httperr")],
    );
}

proptest! {
    #[test]
    fn never_panics_and_glance_agrees_with_parse(
        words in proptest::collection::vec("|2026-03-10|12:21:00|503|-|/a|\"|\"x|y\"|\"\"|[ -~]{0,6}|\t|\0", 0..20),
        fields in proptest::sample::select(vec![
            DEFAULT,
            "date time sc-status cs-uri-query",
            "time sc-status date cs-uri-stem",
            "time sc-status",
            "cs-method x-session",
            "",
        ]),
    ) {
        let line = words.join(" ").into_bytes();
        let mut reader: Arc<dyn Reader> = Arc::new(IisW3c::declared(fields));
        follow(&mut reader, b"#Date: 2026-03-10");
        let glance = reader.glance(&line);
        reader.each_field(&line, &mut |_, _| {});
        if let Ok(record) = access(reader.as_ref(), &line) {
            let glance = glance.expect("parse accepts nothing that glance refuses");
            prop_assert_eq!(glance.status, record.status);
            prop_assert_eq!(reader.stamp(glance.stamp), Some(record.stamp));
            let _ = record.target_parts();
        }
    }

    #[test]
    fn the_leap_finds_what_the_walk_finds(
        words in proptest::collection::vec("503|200|-|/a|[!-~]{1,20}|\\[2\\]USER|\"|", 10..16),
        is_dated in any::<bool>(),
    ) {
        let columns = Columns::declared(DEFAULT);
        let stamp = if is_dated { "2026-03-10 12:21:00" } else { "2026-03 100 12:21:0" };
        let row = format!("{stamp} {}", words.join(" "));
        let by_walk = columns.walked(row.as_bytes());
        let by_leap = dispatch!(Level::new(), simd => columns.leap(simd, row.as_bytes()));
        if let Some(found) = by_leap {
            prop_assert_eq!(by_walk.map(|found| (found.stamp, found.status)), Some((found.stamp, found.status)));
        }
    }

    #[test]
    fn directives_never_panic(line in "#(Fields|Date|Version)?:?[ -~\u{e9}]{0,40}") {
        let reader = IisW3c::declared(DEFAULT);
        if let Some(Directive::Layout(next)) = reader.directive(line.as_bytes()) {
            let _ = next.glance(line.as_bytes());
        }
    }
}
