//! Tests of declared JSON access logs.

use proptest::prelude::*;

use super::*;

const FORMAT: Declared = Declared {
    name: "test_access",
    summary: "a test",
    server: Server::Unknown,
    instant: Instant::End,
    required: &[value(&["logger"], &["http.access*"]), key(&["http", "request"])],
    besides: &[],
    time: &[
        TimeAt { path: "date", clock: Some("clock"), notations: &[Notation::W3c] },
        time_at("ts", ANY_TIME),
    ],
    status: &["http>status", "status"],
    fields: &[
        ("http>client", Use::As(Field::RemoteAddr)),
        ("http>peer", Use::As(Field::RemoteAddr)),
        ("http>url", Use::Url),
        ("http>method", Use::As(Field::Method)),
        ("headers>Server>1", Use::As(Field::Handler)),
        ("took", Use::As(Field::RequestTimeMillis)),
    ],
    finish: None,
};

fn reader_of(lines: &[&str]) -> Option<DeclaredReader> {
    let lines = lines.iter().map(|line| line.as_bytes()).collect();
    DeclaredReader::learn(&FORMAT, &Sample { lines })
}

const NESTED: &str = r#"{"logger":"HTTP.access.log0","took":12.5,"ts":1795210413.5,"headers":{"status":["1"],"Server":["a", "b \"c\""]},"http":{"status":503,"client":"-","peer":"192.0.2.1","url":"https:\/\/a.example:443\/b?\"status\":200","method":null}}"#;

#[track_caller]
fn check(lines: &[&str], status: u16, second: i64, fields: &[(Field, &str)]) {
    let reader = reader_of(lines).expect("detected");
    let line = lines[0].as_bytes();
    let glance = reader.glance(line).expect("glanced");
    let Ok(Record::Access(access)) = reader.parse(line) else { panic!("no access record") };
    assert_eq!((glance.status, access.status), (status, status));
    assert_eq!(access.stamp.micros / 1_000_000, second);
    for (field, value) in fields {
        assert_eq!(access.raw(*field), Some(value.as_bytes()), "{field:?}");
    }
}

#[test]
fn values_are_found_by_their_paths() {
    check(
        &[NESTED],
        503,
        1_795_210_413,
        &[
            (Field::RemoteAddr, "192.0.2.1"),
            (Field::Host, "a.example:443"),
            (Field::RequestUri, r#"\/b?\"status\":200"#),
            (Field::Method, ""),
            (Field::Handler, r#"b \"c\""#),
            (Field::RequestTimeMillis, "12.5"),
        ],
    );
    // Other spellings and another place of the time; no status, as of a request without response.
    let bare = r#"{"Logger":"http.access","Request":{},"DATE":"2026-11-20","x":[1,{"status":9}],"Clock":"21:33:33"}"#;
    check(&[bare], 0, 1_795_210_413, &[]);
}

#[test]
fn what_is_not_of_the_format_is_refused() {
    assert!(reader_of(&[r#"{"logger":"http.error","ts":1795210413,"http":{}}"#]).is_none());
    assert!(reader_of(&[r#"{"logger":"http.access","http":{},"ts":"soon"}"#]).is_none());
    let reader = reader_of(&[NESTED]).expect("detected");
    let skip = |line: &str| reader.parse(line.as_bytes()).err();
    assert_eq!(skip(&NESTED.replace("HTTP.access", "http.errors")), Some(Skip::Shape));
    assert_eq!(skip(&NESTED.replace("503", "\"many\"")), Some(Skip::BadStatus));
    assert_eq!(skip(&NESTED.replace("1795210413.5", "17")), Some(Skip::BadTime));
    assert_eq!(skip(&NESTED[..NESTED.len() - 2]), Some(Skip::Truncated));
    // The only key of the name stands elsewhere.
    let elsewhere = NESTED.replacen("\"status\":503", "\"code\":503", 1);
    assert!(skip(&elsewhere).is_some());
}

proptest! {
    #[test]
    fn never_panics_and_glance_agrees_with_parse(
        tail in proptest::collection::vec(any::<u8>(), 0..40),
        cut in 0usize..300,
        object in "[{}\\[\\]\",:\\\\ >astu0-9]{0,60}",
    ) {
        let reader = reader_of(&[NESTED]).expect("detected");
        let mut line = NESTED.as_bytes().to_vec();
        let cut = cut.min(line.len());
        line.splice(cut..cut, tail);
        for text in [&line[..], object.as_bytes()] {
            if let Ok(Record::Access(access)) = reader.parse(text) {
                let glance = reader.glance(text).expect("parse accepts no line that glance refuses");
                prop_assert_eq!(glance.status, access.status);
                prop_assert_eq!(Some(glance.stamp), access.raw(Field::Time));
            }
            reader.each_field(text, &mut |_, _| {});
            let _ = FORMAT.propose(&Sample { lines: vec![text, text] });
        }
    }
}
