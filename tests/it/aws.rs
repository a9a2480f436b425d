//! Logs of AWS services as they are delivered: late, unordered, twice, with headers in mid-stream.
//!
//! In: lines as the services write them; the samples of the user guides where the corpus is there. Out: rows and reports.

use std::fmt::Write;
use std::fs;

use serde_json::{Value, json};

use crate::support::{Fixture, shared};

/// A line of an Application Load Balancer.
fn alb(second: usize, status: u16, target_status: &str, id: &str) -> String {
    let target = if target_status == "-" { "-" } else { "10.0.0.1:80" };
    format!(
        "https 2026-04-02T05:51:{second:02}.100000Z app/web/50dc 192.0.2.{second}:2817 {target} 0.001 0.002 0.000 {status} {target_status} 34 366 \"GET https://www.example.com:443/a?b={second} HTTP/1.1\" \"curl/8\" - - arn:aws:elasticloadbalancing:us-east-2:1:targetgroup/web/73e2 \"{id}\" \"-\" \"-\" 0 2026-04-02T05:51:00.364000Z \"forward\" \"-\" \"-\" \"-\" \"-\" \"-\" \"-\"\n"
    )
}

const HEADER: &str = "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header x-edge-detailed-result-type\n";

/// A row of a standard log of `CloudFront`.
fn cloudfront(second: usize, status: u16, result: &str, id: usize) -> String {
    format!(
        "2026-04-02\t05:51:{second:02}\tFRA56-P4\t11972\t192.0.2.{second}\tGET\td1.cloudfront.net\t/a%2520b\t{status}\t-\tcurl/8\tb=%2522\t-\tError\tid{id}==\tshop.example.com\t{result}\n"
    )
}

fn one_each<T: PartialEq + Ord + Clone>(rows: &[T]) -> bool {
    let mut sorted = rows.to_vec();
    sorted.sort();
    sorted.windows(2).all(|pair| pair[0] != pair[1])
}

#[test]
fn lines_that_come_twice_count_once_and_belong_to_the_first_file() {
    let fixture = Fixture::new();
    let (mut first, mut second) = (String::new(), String::new());
    for n in 0..30 {
        first += &alb(n, if n % 2 == 0 { 503 } else { 200 }, "-", &format!("Root=1-{n:08x}-a"));
    }
    // Three come again, in another order and between others; one is another request of the same trace.
    for n in [31, 4, 2, 32, 8] {
        second += &alb(n, 503, "-", &format!("Root=1-{n:08x}-a"));
    }
    second += &alb(2, 503, "-", "Self=1-00000009-b;Root=1-00000002-a");
    fixture.write("b.log", &second);
    fixture.write("a.log", format!("{first}{}", alb(6, 503, "-", "Root=1-00000006-a")));
    let mut documents = Vec::new();
    for args in [["-j", "1"], ["-j", "4"]] {
        let memory = if args[1] == "4" { "1" } else { "64M" };
        let said = fixture.run(
            &["--format", "json", args[0], args[1], "--memory", memory, "b.log", "a.log"],
            b"",
        );
        let mut document = said.json();
        document["run"] = Value::Null;
        documents.push(document);
    }
    assert_eq!(documents[0], documents[1]);
    let document = &documents[0];
    // 15 of the first file, 31, 32 and the one with another id of the second.
    assert_eq!(document["totals"]["entries"], 18);
    assert_eq!(document["totals"]["by_origin"]["proxy"], 18);
    assert_eq!(document["coverage"]["duplicates"], 4);
    assert_eq!(document["inputs"][0]["duplicates"], 1);
    assert_eq!(document["inputs"][1]["duplicates"], 3);
    let told = document["diagnostics"].as_array().expect("a list");
    assert_eq!(told.iter().filter(|row| row["code"] == "duplicate_entries").count(), 2);
    let rows = fixture.run(&["--format", "entries", "b.log", "a.log"], b"").rows();
    let places: Vec<_> =
        rows.iter().map(|row| (row["source"].to_string(), row["line"].as_u64())).collect();
    assert!(one_each(&places) && rows.len() == 18);
    assert_eq!(rows.iter().filter(|row| row["source"] == "a.log").count(), 15);
}

#[test]
fn headers_in_mid_stream_and_control_messages_are_no_lines() {
    let fixture = Fixture::new();
    let mut text = HEADER.to_owned();
    for n in 0..40 {
        if n % 10 == 5 {
            text += HEADER;
        }
        let result = ["CapacityExceeded", "Error", "FunctionThrottledError"][n % 3];
        text += &cloudfront(n, 503, result, n);
    }
    fixture.write("E1.2026-04-02-05.abc", &text);
    fixture
        .write("ELBAccessLogTestFile", "Enable AccessLog for ELB: web at 2026-04-02T05:41:00Z\n");
    let paths = ["E1.2026-04-02-05.abc", "ELBAccessLogTestFile"];
    let args = ["--format", "json", "--range-bytes", "700", paths[0], paths[1]];
    let document = fixture.run(&args, b"").json();
    let lines = &document["inputs"][0]["lines"];
    assert_eq!((&lines["parsed"], &lines["directive"]), (&40.into(), &10.into()), "{lines}");
    assert_eq!(document["inputs"][1]["lines"]["directive"], 1);
    let by_origin = &document["totals"]["by_origin"];
    assert_eq!((&by_origin["cdn"], &by_origin["unknown"]), (&27.into(), &13.into()));
    let rows = fixture.run(&["--format", "entries", paths[0]], b"").rows();
    // What the viewer sent is told with one layer of escapes undone.
    assert_eq!(rows[0]["target"], "/a%20b?b=%22");
    assert_eq!(rows[1]["leaning"]["origin"], "upstream");
    assert!(rows[1]["missing"].to_string().contains("origin-fbl"));
}

#[test]
fn reports_say_until_when_late_logs_are_whole() {
    let fixture = Fixture::new();
    let name = |node: &str, clock: &str| {
        format!("1_elasticloadbalancing_us-east-2_app.web.50dc_20260402T{clock}Z_{node}_abc.log")
    };
    let lines = |status| {
        (0..40).fold(String::new(), |mut text, n| {
            write!(text, "{}", alb(n, status, "-", &format!("Root=1-{status}{n:05x}-a")))
                .expect("fits");
            text
        })
    };
    fixture.write(&name("192.0.2.1", "0550"), lines(200));
    fixture.write(&name("192.0.2.2", "0550"), lines(200));
    fixture.write(&name("192.0.2.1", "0555"), lines(503));
    let document = fixture.run(&["--format", "json", "."], b"").json();
    let horizon = &document["coverage"]["horizons"][0];
    assert_eq!(horizon["server"], "alb");
    assert_eq!(horizon["complete_until"], "2026-04-02T05:50:00Z");
    assert_eq!(horizon["basis"], "file_names");
    let told = document["diagnostics"].to_string();
    assert!(told.contains("late_lines"), "{told}");
}

#[test]
fn a_list_of_fields_reads_real_time_records() {
    let fixture = Fixture::new();
    let rows = "1774613700.280\t503\t/a?b=1\t-\n1774613701.280\t503\t/a?b=2\t0.120\n";
    fixture.write("stream", rows);
    let fields = "timestamp sc-status cs-uri-stem origin-fbl";
    let rows = fixture.run(&["--format", "entries", "--log-format", fields, "stream"], b"").rows();
    let origins: Vec<_> = rows.iter().map(|row| row["origin"].as_str()).collect();
    assert_eq!(origins, [Some("unknown"), Some("upstream")]);
}

/// Records without a header come through Kinesis, whose readers hand them on as messages.
#[test]
fn real_time_records_are_known_in_the_objects_of_shippers() {
    let row = |second: u32| {
        let (status, result) = if second < 20 { (200, "Miss") } else { (503, "CapacityExceeded") };
        format!(
            "17746137{second:02}.280\t192.0.2.{second}\t0.002\t{status}\t912\tGET\thttps\td1.cloudfront.net\t/a?b={second}\t735\tSIN52-P3\tbf-3HZ8e5R489jH0wKFRiRQD2LRLJHW1Ahr5FDgTmDOhjLC6JlCo{second}==\tshop.example.com\t0.002\tHTTP/2.0\tIPv4\tcurl/8\t-\t-\tb={second}\t{result}"
        )
    };
    let shipped = |line: &String| json!({"message": line, "host": {"name": "w"}}).to_string();
    let lines: Vec<_> = (0..40).map(row).collect();
    let fixture = Fixture::new();
    fixture.write("plain", lines.join("\n"));
    fixture.write("shipped.json", lines.iter().map(shipped).collect::<Vec<_>>().join("\n"));
    let said = |file: &str| -> Vec<String> {
        let rows = fixture.run(&["--format", "entries", file], b"").rows();
        let keys = ["at", "server", "target", "origin", "cause", "rule"];
        rows.iter().map(|row| keys.iter().map(|key| row[*key].to_string()).collect()).collect()
    };
    let plain = said("plain");
    assert!(plain.len() == 20 && plain[0].contains("cdn_capacity"), "{plain:?}");
    assert_eq!(said("shipped.json"), plain);
}

#[test]
fn every_line_of_the_user_guides_is_understood() {
    let Some(shared) = shared() else { return };
    let mut n_files = 0;
    for folder in ["aws-alb", "aws-clb", "cloudfront"] {
        for file in fs::read_dir(shared.join("corpus/edge").join(folder)).expect("readable") {
            let path = file.expect("readable").path();
            let bytes = fs::read(&path).expect("readable");
            let fixture = Fixture::new();
            fixture.write("x.log", &bytes);
            let document = fixture.run(&["--format", "json", "x.log"], b"").json();
            let lines = &document["inputs"][0]["lines"];
            let n = |name: &str| lines[name].as_u64().unwrap_or(u64::MAX);
            assert_eq!(n("read"), n("parsed") + n("directive"), "{}: {lines}", path.display());
            assert!(n("parsed") > 0);
            n_files += 1;
        }
    }
    assert!(n_files >= 3);
}
