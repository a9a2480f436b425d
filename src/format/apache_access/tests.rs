//! Unit tests of Apache access logs.

use proptest::prelude::*;

use super::*;
use crate::format::Reader;
use crate::format::nginx_access::NginxAccessFormat;
use crate::record::{Field, Record};

const START: &str =
    r#"10.0.0.1 - - [20/Nov/2026:21:29:42 +0000] "GET /a HTTP/1.1" 503 190 "-" "curl/8""#;
const MARK: &str =
    r#"10.0.0.1 - - [20/Nov/2026:21:29:42 +0000] "GET /a HTTP/1.1" 304 - "-" "curl/8""#;

/// The layout and server that Apache's and nginx's formats propose for lines.
#[track_caller]
fn check(lines: &[&str], apache: Option<&str>, nginx: Option<&str>) {
    let sample = Sample::of(lines.iter().map(|line| line.as_bytes()).collect());
    let layout = |proposal: Option<Proposal>| {
        proposal.filter(|found| found.n_accepted == lines.len()).map(|found| {
            let about = found.reader.about().clone();
            (about.layout, about.server, about.ambiguous_with)
        })
    };
    let found = layout(ApacheAccessFormat.propose(&sample));
    assert_eq!(found.as_ref().map(|found| found.0.as_str()), apache, "{lines:?}");
    let found = layout(NginxAccessFormat.propose(&sample));
    assert_eq!(found.as_ref().map(|found| found.0.as_str()), nginx, "{lines:?}");
}

#[test]
fn layouts_are_known_by_their_lines() {
    check(&[START], Some("combined"), Some("combined"));
    check(&[START, MARK], Some("combined"), None);
    check(&[&format!("{START} 120 340")], Some("combinedio"), None);
    check(&[&format!("a.example:80 {START}")], Some("vhost_combined"), None);
    check(
        &[&format!("a.example {START}")],
        Some("vhost_combined_without_port"),
        Some("vhost_combined"),
    );
    check(&[&START.replace("190", "-").replace("503", "304")], Some("combined"), None);
    check(&[&START.replace("503", "499")], None, Some("combined"));
    check(&[&START.replace("GET", "HEAD")], Some("combined_with_headers"), None);
    check(
        &[&START.replace("20/Nov/2026:21:29:42 +0000", "1/Nov/2026:21:29:42")],
        Some("combined_other_time"),
        None,
    );
    check(
        &[&format!("{START} 1500 W9 proxy-server 503 http://10.0.0.1:80")],
        Some("diagnostic"),
        None,
    );
    // The columns of the diagnostic layout in another order, shown by one line only.
    for columns in [
        "1500 W9 - proxy-server http://10.0.0.1:80",
        "1500 W9 503 proxy-server http://10.0.0.1:80",
        "1500 proxy-server W9 - http://10.0.0.1:80",
        "W9 proxy-server 503 http://10.0.0.1:80 1500",
        "1500 503 proxy:fcgi://localhost - -",
        "1500 - http://10.0.0.1:80 proxy-server 503",
    ] {
        check(&[&format!("{START} 1500 - - - -"), &format!("{START} {columns}")], None, None);
    }
    check(&[&format!("{START} 1500 - proxy:fcgi://localhost - -")], Some("diagnostic"), None);
    check(&[&format!("{START} 1500 W9 application/x-httpd-php - -")], Some("diagnostic"), None);
    check(&[&format!(r#"{START} "10.1.1.1, 10.1.1.2""#)], Some("combined_forwarded"), Some("main"));
    check(&[&format!(r#"{START} "-" "-""#)], None, None);
    let mixed = [MARK, &format!("a.example {START}")];
    let sample = Sample::of(mixed.iter().map(|line| line.as_bytes()).collect());
    assert_eq!(ApacheAccessFormat.propose(&sample).map(|found| found.n_accepted), Some(1));
}

#[test]
fn columns_in_another_order_refuse_the_layout_however_many_lines_are_wanted() {
    let lines = [
        format!("{START} 1500 - - - -"),
        format!("{START} 1500 http://10.0.0.1:80 proxy-server 503 -"),
    ];
    for least in 0..3 {
        let sample = Sample::of(lines.iter().map(String::as_bytes).collect());
        assert!(ApacheAccessFormat.propose(&sample.with_least(least)).is_none(), "{least}");
    }
}

#[test]
fn a_reader_of_either_server_reads_the_escapes_of_both() {
    let sample = Sample::of(vec![START.as_bytes()]);
    let reader = NginxAccessFormat.propose(&sample).expect("known").reader;
    assert_eq!(reader.about().ambiguous_with, Some(Server::Apache));
    for agent in [r#"a\"b"#, r"a\x22b", r"a\\"] {
        let line = START.replace("curl/8", agent);
        let Ok(Record::Access(record)) = reader.parse(line.as_bytes()) else { panic!("{line}") };
        assert_eq!(record.value(Field::UserAgent), Some(agent.as_bytes()));
    }
    let request = START.replace("GET /a", r#"GET /\" 200 "#);
    assert_eq!(reader.glance(request.as_bytes()).map(|glance| glance.status), Ok(503));
}

#[test]
fn every_known_layout_compiles_under_its_own_name() {
    for (index, (name, body)) in LAYOUTS.iter().enumerate() {
        let reader = named(name).expect(name);
        assert_eq!(reader.about().layout, *name);
        assert!(LAYOUTS[..index].iter().all(|row| row.0 != *name && row.1 != *body), "{name}");
    }
    for name in SHARED_WITH_NGINX.iter().chain(WITH_HEADERS) {
        assert!(LAYOUTS.iter().any(|row| row.0 == *name), "{name}");
    }
    assert!(named("nonsense").is_none());
}

#[test]
fn specs_are_names_texts_or_directives() {
    #[track_caller]
    fn check(spec: &str, layout: &str) {
        let reader = parse_spec(spec).expect(spec);
        assert_eq!(
            (reader.about().layout.as_str(), reader.about().basis),
            (layout, FormatBasis::Given)
        );
    }
    check("common", "common");
    check(COMMON, "common");
    check(r#""%h %l %u %t \"%r\" %>s %b""#, "common");
    check(r#"LogFormat "%h %l %u %t \"%r\" %>s %b" anything"#, "common");
    check("%t %>s", "%t %>s");
    assert!(parse_spec("comon").is_err_and(|told| told.contains("vhost_combined")));
    assert!(parse_spec("%h").is_err_and(|told| told.contains("no time")));
}

proptest! {
    /// Whatever `parse` accepts, `glance` sees alike.
    #[test]
    fn glance_agrees_with_parse(cuts in proptest::collection::vec((0usize..90, 0usize..9), 0..6)) {
        let pieces = ["\"", "\\", "\\\"", " ", " 404 ", "\" 200 12", "[", "] \"", "é"];
        for name in ["combined", "vhost_combined", "common", "diagnostic", "common_other_time"] {
            let reader = named(name).expect("known");
            let mut line = format!("a:80 {START} 1 2 3 4 5").into_bytes();
            for (at, piece) in &cuts {
                line.splice(at..at, pieces[*piece].bytes());
            }
            for from in [0, 5] {
                for upto in [line.len() - 10, line.len()] {
                    let line = &line[from..upto];
                    if let Ok(Record::Access(record)) = reader.parse(line) {
                        let glance = reader.glance(line).expect("parse accepts it");
                        prop_assert_eq!(glance.status, record.status);
                        let stamp = reader.stamp(glance.stamp).expect("parse accepts it");
                        prop_assert_eq!(stamp.micros / 1_000_000, record.stamp.micros / 1_000_000);
                    }
                }
            }
        }
    }

    #[test]
    fn any_bytes_never_panic(line in proptest::collection::vec(any::<u8>(), 0..120), spec in "[%a-zA-Z{}<>!0-9\" \\\\]{0,30}") {
        for (_, body) in LAYOUTS {
            let reader = of_body(body, FormatBasis::Given).expect("known");
            let _ = (reader.glance(&line), reader.parse(&line));
        }
        if let Ok(reader) = of_body(&spec, FormatBasis::Given) {
            let _ = (reader.glance(&line), reader.parse(&line));
        }
        let _ = crate::format::apache_error::parse_spec(&spec);
        let _ = super::super::apache_conf::ApacheConf::parse(&line);
        let _ = super::super::apache_conf::ApacheConf::parse(spec.as_bytes());
    }
}
