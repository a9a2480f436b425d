//! Tests of the `CloudFront` reader and of what it makes of columns without a header.

use proptest::prelude::*;

use super::*;

const HEADER: &str = "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end";
const ROW: &str = "2026-03-24 14:24:15 SIN52-P3 11972 198.51.100.24 GET d1.cloudfront.net /a%2520b 503 - Mozilla/5.0%20(X11) q=%2522a%2522 - Error bac1pnKsEZEkZUxW7wmBn4VznGiCC8TR0F97odmDzFRlPTlAytpUal== shop.example.com https 512 0.001 - TLSv1.3 TLS_AES_128_GCM_SHA256 Error HTTP/2.0 - - 57144 0.001 FunctionExecutionError text/html 11672 - -";

fn tabs(row: &str) -> String {
    row.replace(' ', "\t")
}

#[track_caller]
fn check(reader: &dyn Reader, row: &str, expected: &[(Field, &str)]) {
    let Ok(Record::Access(record)) = reader.parse(row.as_bytes()) else { panic!("refused: {row}") };
    for (field, value) in expected {
        let found = record.raw(*field).map(String::from_utf8_lossy);
        assert_eq!(found.as_deref(), Some(*value), "{field:?}");
    }
}

fn proposed(lines: &[String]) -> Option<Proposal> {
    CloudFrontFormat.propose(&Sample::of(lines.iter().map(String::as_bytes).collect()))
}

#[test]
fn a_header_puts_columns_in_their_place() {
    let lines = ["#Version: 1.0".to_owned(), HEADER.to_owned(), tabs(ROW)];
    let proposal = proposed(&lines).expect("of CloudFront");
    assert_eq!(proposal.n_accepted, 2);
    let expected = [
        (Field::RemoteAddr, "198.51.100.24"),
        (Field::Uri, "/a%2520b"),
        (Field::Args, "q=%2522a%2522"),
        (Field::Host, "shop.example.com"),
        (Field::EdgeDetailedResultType, "FunctionExecutionError"),
        (Field::RequestTime, "0.001"),
    ];
    check(proposal.reader.as_ref(), &tabs(ROW), &expected);
    // An empty column behind the last, new columns, and missing ones.
    check(proposal.reader.as_ref(), &format!("{}\t", tabs(ROW)), &expected);
    check(proposal.reader.as_ref(), &format!("{}\t-\tabc", tabs(ROW)), &expected);
    let old = tabs(ROW).split('\t').take(20).collect::<Vec<_>>().join("\t");
    check(proposal.reader.as_ref(), &old, &expected[..4]);
    // Copied from a page.
    check(proposal.reader.as_ref(), ROW, &expected);
}

#[test]
fn headers_of_others_are_left_to_them() {
    let reader = CloudFront::declared("");
    let is_layout =
        |line: &str| matches!(reader.directive(line.as_bytes()), Some(Directive::Layout(_)));
    assert!(is_layout(HEADER));
    assert!(!is_layout("#Fields: date time cs-uri-stem sc-status"));
    // A streaming distribution has no status.
    assert!(!is_layout("#Fields: date time x-edge-location c-ip x-event sc-bytes x-cf-status"));
}

/// Lines with these columns, by their place in [`fields::REAL_TIME`].
fn real_time(names: &[&str], n_lines: usize) -> Vec<String> {
    let value = |name: &str, line: usize| -> String {
        let origin_answered = line.is_multiple_of(2);
        match name {
            "timestamp" => format!("17746137{line:02}.280"),
            "c-ip" => format!("192.0.2.{line}"),
            "time-to-first-byte" | "time-taken" => format!("0.{line:03}"),
            "sc-status" => if origin_answered { "503" } else { "200" }.to_owned(),
            "sc-bytes" | "cs-bytes" => format!("{}", 700 + line),
            "cs-method" => "GET".to_owned(),
            "cs-protocol" => "https".to_owned(),
            "cs-host" => "d1.cloudfront.net".to_owned(),
            "cs-uri-stem" => format!("/a?b={line}"),
            "x-edge-location" => "FRA56-P4".to_owned(),
            "x-edge-request-id" => {
                "bf-3HZ8e5R489jH0wKFRiRQD2LRLJHW1Ahr5FDgTmDOhjLC6JlCoI9==".to_owned()
            }
            "x-host-header" => "shop.example.com".to_owned(),
            "cs-user-agent" => "curl/8.5.0".to_owned(),
            "cs-uri-query" => format!("b={line}"),
            "x-edge-result-type" | "x-edge-response-result-type" => {
                if origin_answered { "Error" } else { "Hit" }.to_owned()
            }
            "x-edge-detailed-result-type" => {
                if origin_answered { "OriginCommError" } else { "Hit" }.to_owned()
            }
            "c-country" => "US".to_owned(),
            "origin-fbl" | "origin-lbl" => {
                if origin_answered {
                    format!("0.{line:03}")
                } else {
                    "-".to_owned()
                }
            }
            "asn" => "16268".to_owned(),
            _ => "-".to_owned(),
        }
    };
    (0..n_lines)
        .map(|line| names.iter().map(|name| value(name, line)).collect::<Vec<_>>().join("\t"))
        .collect()
}

#[track_caller]
fn check_columns(names: &[&str], expected: &str) {
    let proposal = proposed(&real_time(names, 20)).expect("of CloudFront");
    assert_eq!(proposal.reader.about().layout, expected);
    assert_eq!(proposal.n_accepted, 20);
}

#[test]
fn columns_without_a_header_are_told_by_what_they_hold() {
    let all: Vec<&str> = fields::REAL_TIME.iter().take(43).map(|row| row.0).collect();
    check_columns(&all, &all.join(" "));
    for names in [
        &[
            "timestamp",
            "c-ip",
            "sc-status",
            "cs-method",
            "cs-uri-stem",
            "x-edge-location",
            "x-edge-response-result-type",
            "x-edge-result-type",
            "x-edge-detailed-result-type",
            "origin-fbl",
            "origin-lbl",
        ][..],
        &[
            "timestamp",
            "c-ip",
            "time-to-first-byte",
            "sc-status",
            "cs-method",
            "cs-host",
            "cs-uri-stem",
            "x-edge-request-id",
            "x-host-header",
            "time-taken",
            "cs-user-agent",
            "x-edge-response-result-type",
            "x-edge-detailed-result-type",
            "c-country",
            "origin-fbl",
            "asn",
        ],
        &["timestamp", "sc-status", "x-edge-location", "x-edge-request-id", "time-taken"],
    ] {
        check_columns(names, &names.join(" "));
    }
}

#[test]
fn a_time_that_may_be_any_is_never_the_origins() {
    let names = ["timestamp", "sc-status", "x-edge-location", "time-taken"];
    check_columns(&names, &names.join(" "));
}

#[test]
fn tables_of_others_are_no_cloudfront() {
    for line in [
        "1774613700.280\t192.0.2.254\t0.002\t503\t9781\tGET\t/a",
        "2026-03-24 14:24:15 198.51.100.24 GET /a 503",
        "a\tb\tc\td",
    ] {
        assert!(proposed(&vec![line.to_owned(); 5]).is_none(), "{line}");
    }
}

#[test]
fn a_list_of_names_is_a_format() {
    let reader = CloudFront::given("timestamp,c-ip sc-status, cs-uri-stem").expect("a list");
    assert_eq!(reader.about.basis, FormatBasis::Given);
    check(&reader, "1774613700.280\t192.0.2.1\t503\t/a", &[(Field::Uri, "/a")]);
    assert!(CloudFront::given("timestamp c-ip cs-uri-stem").is_none());
    assert!(CloudFront::given("combined").is_none());
    assert!(CloudFront::given("timestamp sc-status nonsense").is_none());
}

#[test]
fn json_has_the_names_as_keys() {
    let line = r#"{"date":"2026-03-03","time":"17:43:32","c-ip":"203.0.113.7","cs-uri-stem":"/img","sc-status":"503","x-edge-result-type":"Error","x-edge-request-id":"f94=","timestamp(ms)":"1772559812408"}"#;
    let sample = Sample::of(vec![line.as_bytes()]);
    let proposal = JSON.propose(&sample).expect("of CloudFront");
    let Ok(Record::Access(record)) = proposal.reader.parse(line.as_bytes()) else { panic!() };
    assert_eq!(record.stamp.micros, 1_772_559_812_408_000);
    assert_eq!((record.status, record.escape), (503, Escape::Percent));
    assert_eq!(record.raw(Field::RequestId), Some(&b"f94="[..]));
    let line = line.replace(r#","timestamp(ms)":"1772559812408""#, "");
    let sample = Sample::of(vec![line.as_bytes()]);
    let proposal = JSON.propose(&sample).expect("of CloudFront");
    assert_eq!(proposal.reader.about().notation, Notation::W3c);
}

#[test]
fn real_time_records_as_json_are_no_logs_of_app_service() {
    let lines: Vec<String> = ["0.250", "-"]
        .iter()
        .map(|first| {
            format!(
                r#"{{"timestamp":"1772559812.408","c-ip":"203.0.113.7","sc-status":"503","cs-method":"GET","cs-uri-stem":"/img","x-edge-response-result-type":"Error","x-edge-detailed-result-type":"Error","origin-fbl":"{first}"}}"#
            )
        })
        .collect();
    let text = lines.join("\n") + "\n";
    let path = std::path::Path::new("x");
    let plan =
        crate::format::detect(path, &[text.as_bytes()], &crate::format::FormatChoice::default());
    let reader = plan.detected().next().expect("a reader");
    assert_eq!(reader.about().format, "cloudfront_json");
    let Ok(Record::Access(record)) = reader.parse(lines[0].as_bytes()) else { panic!() };
    assert_eq!(record.raw(Field::OriginFirstByte), Some(&b"0.250"[..]));
}

proptest! {
    #[test]
    fn never_panics_and_glance_agrees_with_parse(
        words in proptest::collection::vec("2026-03-24|14:24:15|503|-|/a|Error|[ -~]{0,5}", 0..14),
        is_tab in any::<bool>(),
    ) {
        let line = words.join(if is_tab { "\t" } else { " " }).into_bytes();
        let reader = CloudFront::declared(HEADER.trim_start_matches("#Fields: "));
        reader.each_field(&line, &mut |_, _| {});
        let _ = infer::columns(&Sample::of(vec![&line]));
        if let Ok(Record::Access(record)) = reader.parse(&line) {
            let glance = reader.glance(&line).expect("parse accepts nothing that glance refuses");
            prop_assert_eq!(glance.status, record.status);
            prop_assert_eq!(reader.stamp(glance.stamp).map(|stamp| stamp.micros / 1_000_000), Some(record.stamp.micros / 1_000_000));
        }
    }
}
