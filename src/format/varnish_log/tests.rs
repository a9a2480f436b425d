//! Tests of transactions and raw lines of `varnishlog`.

use super::*;

#[test]
fn raw_lines_of_one_transaction_are_one_record() {
    let lines = [
        "         1 Begin          c sess 0 HTTP/1",
        "         2 Begin          c req 1 rxreq",
        "         2 Timestamp      c Start: 1795354214.077206 0.000000 0.000000",
        "         2 ReqMethod      c GET",
        "         9 ReqURL         c /other",
        "         2 ReqURL         c /a",
        "         2 TTL            c VCL 10 2 0 1795354214 uncacheable",
        "         2 RespStatus     c 503",
        "         2 End            c ",
        "         0 Backend_health - ap1 Still healthy 4---X-RH 4 3 4 0.1 0.2 \"HTTP/1.1 200 X\"",
    ];
    let sample = Sample::of(lines.iter().map(|line| line.as_bytes()).collect());
    let proposal = VarnishLogFormat.propose(&sample).expect("known");
    assert_eq!(proposal.n_accepted, lines.len());
    let reader = proposal.reader;
    let starts: Vec<bool> =
        lines.iter().map(|line| reader.glance(line.as_bytes()).is_ok()).collect();
    assert_eq!(starts.iter().filter(|is_start| **is_start).count(), 3);
    assert!((2..9).all(|line| !starts[line] && reader.continues(lines[line].as_bytes())));
    let record = lines[1..9].join("\n");
    let Ok(Record::Access(access)) = reader.parse(record.as_bytes()) else {
        unreachable!("a request of a client")
    };
    assert_eq!(access.status, 503);
    assert_eq!(access.raw(Field::RequestUri), Some(&b"/a"[..]));
}

#[test]
fn a_part_of_a_page_has_nothing_from_the_backend_of_the_page() {
    let part = |begin: &str| {
        format!(
            "**  << Request  >> 20\n--  Begin          req 18 esi\n\
             --  Timestamp      Start: 1795354214.077206 0.000000 0.000000\n--  ReqURL         /frag\n\
             --  RespStatus     503\n--  End            \n\
             **  << BeReq    >> 19\n--  Begin          bereq {begin}\n--  BerespStatus   503\n"
        )
    };
    let reader = VarnishLog::default();
    let status = |record: &str| {
        let Ok(Record::Access(access)) = reader.parse(record.as_bytes()) else {
            unreachable!("a request of a client")
        };
        access.raw(Field::BackendStatus).map(<[u8]>::to_vec)
    };
    assert_eq!(status(&part("18 fetch")), None);
    assert_eq!(status(&part("20 fetch")), Some(b"503".to_vec()));
    let retry = |asking: &str| {
        let second = "*3* << BeReq    >> 21\n--- Begin          bereq ASKING retry\n--- BerespStatus   500\n";
        part("20 fetch") + &second.replace("ASKING", asking)
    };
    assert_eq!(status(&retry("19")), Some(b"500".to_vec()));
    assert_eq!(status(&retry("17")), Some(b"503".to_vec()));
}

#[test]
fn raw_lines_that_were_cut_out_are_messages() {
    let lines = ["  3 FetchError     b HTC eof (-1)", "  7 FetchError     b HTC eof (-1)"];
    let sample = Sample::of(lines.iter().map(|line| line.as_bytes()).collect());
    let reader = VarnishLogFormat.propose(&sample).expect("known").reader;
    assert!(lines.iter().all(|line| reader.glance(line.as_bytes()).is_ok()));
    assert!(matches!(reader.parse(lines[0].as_bytes()), Ok(Record::Error(_))));
}
