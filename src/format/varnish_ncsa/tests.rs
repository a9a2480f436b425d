//! Tests of layouts of `varnishncsa`: sampled lines in, readers and what they find out.

use super::*;

const LINE: &str = r#"192.0.2.7 - joe [20/Nov/2026:21:06:08 +0000] "GET http://a.example/x?y HTTP/1.1" 503 282 "-" "curl \"7\"""#;

#[track_caller]
fn check(reader: &dyn Reader, line: &str, wanted: &[(Field, &str)]) {
    let glance = reader.glance(line.as_bytes()).expect(line);
    let Ok(Record::Access(record)) = reader.parse(line.as_bytes()) else { unreachable!("{line}") };
    assert_eq!(glance.status, record.status);
    for (field, value) in wanted {
        let found = record.raw(*field).map(|raw| String::from_utf8_lossy(raw).into_owned());
        assert_eq!(found.as_deref(), Some(*value), "{field:?}");
    }
}

#[test]
fn the_default_layout_is_read() {
    let reader = VarnishNcsa::new(None, FormatBasis::Detected);
    check(
        &reader,
        LINE,
        &[
            (Field::RemoteAddr, "192.0.2.7"),
            (Field::RemoteUser, "joe"),
            (Field::Request, "GET http://a.example/x?y HTTP/1.1"),
            (Field::BodyBytes, "282"),
            (Field::UserAgent, r#"curl \"7\""#),
        ],
    );
    check(&reader, &LINE.replace("192.0.2.7", "-"), &[(Field::RemoteAddr, "-")]);
    for line in ["", "x", &LINE[..60], &LINE[..80], &LINE.replace(" 503 ", " 50 ")] {
        assert!(reader.parse(line.as_bytes()).is_err(), "{line}");
    }
}

#[test]
fn further_columns_are_known_by_their_values() {
    let line = |tail: &str| format!("{} {tail}", LINE.split(" \"-\"").next().unwrap_or(""));
    let lines =
        [line("miss miss 2 - RECV"), line("hit hit 32770 3 - RECV"), line("synth miss 14 - RECV")];
    let sample = Sample::of(lines.iter().map(String::as_bytes).collect());
    let proposal = VarnishNcsaFormat.propose(&sample).expect("known");
    assert_eq!(proposal.n_accepted, 3);
    check(proposal.reader.as_ref(), &lines[2], &[(Field::CacheHandling, "synth")]);
    let lines = [format!("{LINE} 1.5 pass"), format!("{LINE} - hit")];
    let sample = Sample::of(lines.iter().map(String::as_bytes).collect());
    let proposal = VarnishNcsaFormat.propose(&sample).expect("known");
    check(proposal.reader.as_ref(), &lines[0], &[(Field::CacheHandling, "pass")]);
}

#[test]
fn plain_targets_are_left_to_other_servers() {
    let line = LINE.replace("http://a.example", "");
    let sample = Sample::of(vec![line.as_bytes()]);
    assert!(VarnishNcsaFormat.propose(&sample).is_none());
}

#[test]
fn given_formats_are_compiled() {
    let spec =
        r#"%t %s %b "%r" %{Varnish:handling}x %{Varnish:time_firstbyte}x %{VSL:BerespStatus}x"#;
    let line = r#"[20/Nov/2026:21:06:08 +0000] 503 9 "GET http://a/ HTTP/1.1" pass 0.001 503"#;
    let reader = parse_spec(spec).expect("valid");
    check(reader.as_ref(), line, &[(Field::CacheHandling, "pass"), (Field::BackendStatus, "503")]);
}

#[test]
fn formats_of_ones_own_are_known_by_their_handling() {
    let lines = [
        r#"2026-11-21T18:43:12+0100 192.0.2.1 GET a.example /x?y=1 200 714 miss 0.011 "curl/8.5.0""#,
        r#"2026-11-21T18:43:13+0100 192.0.2.1 HEAD a.example /x 200 0 pass 0.010 "-""#,
        r#"2026-11-21T18:43:14+0100 192.0.2.2 GET a.example /z 503 262 synth 0.000 "-""#,
    ];
    let sample = Sample::of(lines.iter().map(|line| line.as_bytes()).collect());
    let proposal = VarnishNcsaFormat.propose(&sample).expect("known");
    assert_eq!((proposal.n_accepted, proposal.reader.about().server), (3, Server::Varnish));
    let wanted = [
        (Field::CacheHandling, "synth"),
        (Field::BodyBytes, "262"),
        (Field::RequestUri, "/z"),
        (Field::RemoteAddr, "192.0.2.2"),
    ];
    check(proposal.reader.as_ref(), lines[2], &wanted);
    let proxied = [
        r#"[2026-11-20T21:32:23+0000] 192.0.2.1 "GET http://a.example/a HTTP/1.1" 200 313 hit 0.012000"#,
        r#"[2026-11-20T21:32:24+0000] 192.0.2.1 "GET http://a.example/b HTTP/1.1" 200 0 miss 0.012000"#,
        r#"[2026-11-20T21:32:27+0000] 192.0.2.2 "GET http://a.example/c HTTP/1.1" 503 282 miss 0.001000"#,
    ];
    let sample = Sample::of(proxied.iter().map(|line| line.as_bytes()).collect());
    let proposal = VarnishNcsaFormat.propose(&sample).expect("known");
    check(proposal.reader.as_ref(), proxied[2], &[(Field::CacheHandling, "miss")]);
    // Without a word of Varnish's the targets tell; what Squid writes of its results is another proxy's.
    let told = proxied.map(|line| {
        line.replace(" hit ", " ")
            .replace(" 503 282 miss ", " 503 \"Backend fetch failed\" 282 ")
            .replace(" 313 ", " \"OK\" 313 ")
            .replace(" 200 0 miss ", " 200 \"OK\" 0 ")
    });
    let sample = Sample::of(told.iter().map(String::as_bytes).collect());
    let proposal = VarnishNcsaFormat.propose(&sample).expect("known");
    let wanted = [(Field::ResponseReason, "Backend fetch failed"), (Field::BodyBytes, "282")];
    check(proposal.reader.as_ref(), &told[2], &wanted);
    let of_squid = told.each_ref().map(|line| format!("{line} TCP_MISS:HIER_DIRECT"));
    let sample = Sample::of(of_squid.iter().map(String::as_bytes).collect());
    assert!(VarnishNcsaFormat.propose(&sample).is_none());
    // Whole URLs alone tell nothing, and none of these is beside a peer or the statuses of several attempts.
    let silent = told.each_ref().map(|line| line.replace("Backend fetch failed", "Moved"));
    let sample = Sample::of(silent.iter().map(String::as_bytes).collect());
    assert!(VarnishNcsaFormat.propose(&sample).is_none());
    for further in ["10.0.0.9:8080", "\"502, 503\""] {
        let other = told.each_ref().map(|line| format!("{line} {further}"));
        let sample = Sample::of(other.iter().map(String::as_bytes).collect());
        assert!(VarnishNcsaFormat.propose(&sample).is_none(), "{further}");
    }
    let referred = told.each_ref().map(|line| {
        let line = line.replace("http://a.example", "");
        format!("{line} \"http://a.example/from\"")
    });
    let sample = Sample::of(referred.iter().map(String::as_bytes).collect());
    assert!(VarnishNcsaFormat.propose(&sample).is_none());
    let relative = proxied.map(|line| line.replace("http://a.example", ""));
    let sample = Sample::of(relative.iter().map(String::as_bytes).collect());
    assert!(VarnishNcsaFormat.propose(&sample).is_none());
    let plain =
        lines.map(|line| line.replace("miss", "m").replace("pass", "p").replace("synth", "s"));
    let sample = Sample::of(plain.iter().map(String::as_bytes).collect());
    assert!(VarnishNcsaFormat.propose(&sample).is_none());
}

#[test]
fn further_columns_may_have_keys_and_brackets() {
    let lines = ["hit", "miss", "synth"];
    for around in ["handling=VALUE", "[VALUE]", "\"VALUE\"", "h=\"VALUE\""] {
        let lines = lines.map(|value| format!("{LINE} 0.01 {}", around.replace("VALUE", value)));
        let sample = Sample::of(lines.iter().map(String::as_bytes).collect());
        let proposal = VarnishNcsaFormat.propose(&sample).expect("known");
        check(proposal.reader.as_ref(), &lines[2], &[(Field::CacheHandling, "synth")]);
    }
}

#[test]
fn a_number_that_may_count_the_header_is_no_size_of_a_body() {
    let bytes_of = |least: &str, own: &str| {
        let lines = [(200, least, "pass"), (503, "282", "miss"), (503, "262", "synth")];
        let lines = lines.map(|(status, bytes, handling)| {
            own.replace("STATUS", &status.to_string())
                .replace("BYTES", bytes)
                .replace("HANDLING", handling)
        });
        let sample = Sample::of(lines.iter().map(String::as_bytes).collect());
        let formats: [&dyn Format; 2] = [&VarnishNcsaFormat, &JSON];
        let proposal = formats.iter().find_map(|format| format.propose(&sample)).expect("known");
        let Ok(Record::Access(record)) = proposal.reader.parse(lines[1].as_bytes()) else {
            unreachable!("{own}")
        };
        record.body_bytes()
    };
    let time = "2026-11-21T18:43:12+0100";
    for own in [
        format!("{time} 192.0.2.1 \"GET /x HTTP/1.1\" STATUS BYTES HANDLING"),
        format!(
            "time={time} client=192.0.2.1 bytes=BYTES req=\"GET /x HTTP/1.1\" status=STATUS handling=HANDLING"
        ),
        format!(
            r#"{{"when":"{time}","src":"192.0.2.1","req":"GET /x HTTP/1.1","code":STATUS,"bytes":"BYTES","handling":"HANDLING"}}"#
        ),
    ] {
        assert_eq!(bytes_of("12", &own), Some(282), "{own}");
        assert_eq!(bytes_of("212", &own), None, "{own}");
    }
}
