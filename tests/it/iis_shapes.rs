//! Shapes in which rows of IIS and HTTP.sys reach the program: put together, without their header, in JSON, with values
//! missing.
//!
//! In: small inputs. Out: origins, causes and times of their entries.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::support::Fixture;

const FIELDS: &str = "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\n";
const HTTPERR: &str = "#Software: Microsoft HTTP API 2.0\n#Fields: date time c-ip c-port s-ip s-port cs-version cs-method cs-uri streamid streamid_ex sc-status s-siteid s-reason s-queuename transport\n";
const ARR: &str = "X-ARR-CACHE-HIT=0&X-ARR-LOG-ID=09134ab7-f79a-4fa5-a0f6-1d8763efb36a";

/// `n` lines that `line` makes of their numbers.
fn lines(n: usize, line: impl Fn(usize) -> String) -> String {
    (0..n).fold(String::new(), |mut text, index| {
        text += &line(index);
        text.push('\n');
        text
    })
}

/// Rows of a site: one in four is a 503.
fn site(n: usize, query: &str) -> String {
    lines(n, |index| {
        let status = if index % 4 == 0 { "503 2" } else { "200 0" };
        format!(
            "2026-05-12 12:{:02}:{:02} 10.1.1.1 GET /a{index} {query} 443 - 192.0.2.7 UA - {status} 0 15",
            index / 60 % 60,
            index % 60
        )
    })
}

/// Rows of HTTP.sys.
fn kernel(n: usize) -> String {
    lines(n, |index| {
        format!(
            "2026-05-12 12:{:02}:{:02} 192.0.2.9 4444 10.1.1.1 443 HTTP/1.1 GET /b{index} - - 503 2 Disabled P TCP",
            index / 60 % 60,
            index % 60
        )
    })
}

/// The verdicts of an input, each with how many entries have it: origin and cause.
fn verdicts(text: &str) -> BTreeMap<(String, String), usize> {
    let mut found = BTreeMap::new();
    for row in entries(text) {
        let text = |key: &str| row[key].as_str().unwrap_or("-").to_owned();
        *found.entry((text("origin"), text("cause"))).or_default() += 1;
    }
    found
}

fn entries(text: &str) -> Vec<Value> {
    let fixture = Fixture::new();
    fixture.write("one.log", text);
    let of_file = fixture.run(&["one.log", "--format", "entries"], b"").rows();
    let of_stream = fixture.run(&["-", "--format", "entries"], text.as_bytes()).rows();
    assert_eq!(of_file.len(), of_stream.len());
    of_file
}

#[track_caller]
fn check(text: &str, expected: &[(&str, &str, usize)]) {
    let expected: BTreeMap<_, _> = expected
        .iter()
        .map(|(origin, cause, n)| (((*origin).to_owned(), (*cause).to_owned()), *n))
        .collect();
    assert_eq!(verdicts(text), expected, "{text:.600}");
}

#[test]
fn rows_are_read_by_the_header_above_them() {
    let own =
        [("local_process", "app_pool_stopped", 200), ("local_process", "concurrency_limit", 50)];
    let (site, kernel) = (site(200, "-"), kernel(200));
    check(&format!("{HTTPERR}{kernel}{FIELDS}{site}"), &own);
    check(&format!("{FIELDS}{site}{HTTPERR}{kernel}"), &own);
    // The header of the one was cut off, or that of both.
    check(&format!("{kernel}{FIELDS}{site}"), &own);
    check(&format!("{site}{HTTPERR}{kernel}"), &own);
    check(&format!("{kernel}{site}"), &own);
    check(&format!("{site}{kernel}"), &own);
    // A header every few rows, over many blocks.
    let text = format!("{HTTPERR}{kernel}{FIELDS}{site}").repeat(60);
    check(
        &text,
        &[
            ("local_process", "app_pool_stopped", 12000),
            ("local_process", "concurrency_limit", 3000),
        ],
    );
}

#[test]
fn a_layout_that_fits_two_logs_is_no_layout() {
    let fields =
        FIELDS.replace("time-taken", "time-taken X-Forwarded-For OriginalURL CRYPT_PROTOCOL");
    let site = site(120, "-").replace('\n', " 192.0.2.3 /a TLSv1.2\n");
    let httperr = HTTPERR.replace(" streamid streamid_ex", "").replace(" transport", "");
    let kernel = kernel(100).replace(" - - 503", " 503").replace(" TCP", "");
    check(
        &format!("{httperr}{kernel}{fields}{site}"),
        &[("local_process", "app_pool_stopped", 100), ("local_process", "concurrency_limit", 30)],
    );
}

#[test]
fn a_query_too_long_to_be_logged_hides_the_farm() {
    let rows = site(40, "...").replace("503 2", "503 0");
    check(&format!("{FIELDS}{rows}"), &[("unknown", "-", 10)]);
    let rows = site(40, "-").replace("503 2", "503 0");
    check(&format!("{FIELDS}{rows}"), &[("local_process", "-", 10)]);
}

#[test]
fn an_empty_value_between_two_blanks_keeps_its_column() {
    let rows = site(40, "-").replace("443 - ", "443  ");
    check(&format!("{FIELDS}{rows}"), &[("local_process", "concurrency_limit", 10)]);
    // Two blanks where nothing is missing.
    let rows = site(40, "-").replace("443 - ", "443  bob ");
    check(&format!("{FIELDS}{rows}"), &[("local_process", "concurrency_limit", 10)]);
}

#[test]
fn what_the_farm_answered_counts_in_every_format() {
    let member = format!("x=1&{ARR}&SERVER-STATUS=503");
    let native = |query: &str| {
        lines(20, |index| {
            format!(
                "192.0.2.7, -, 2/23/2026, 12:12:{index:02}, W3SVC1, WEB01, 10.1.1.1, 324, 285, 935, 503, 0, GET, /a, {query},"
            )
        })
    };
    check(&native(&member), &[("upstream", "upstream_503", 20)]);
    check(&native(ARR), &[("proxy", "-", 20)]);
    check(&native("-"), &[("unknown", "-", 20)]);
    let ncsa = |query: &str| {
        lines(20, |index| {
            format!(
                "192.0.2.7 - - [15/Mar/2026:12:04:{index:02} -0500] \"GET /a?{query} HTTP/1.1\" 503 15"
            )
        })
    };
    check(&ncsa(&member), &[("upstream", "upstream_503", 20)]);
    check(&ncsa(ARR), &[("proxy", "-", 20)]);
    // A few may come from clients.
    let mixed = format!("{}{}", ncsa(&member), ncsa("x=1").repeat(3));
    let (origins, _): (Vec<_>, Vec<_>) = verdicts(&mixed).into_keys().unzip();
    assert_eq!(origins, ["unknown"]);
}

#[test]
fn events_of_the_module_of_a_shipper_are_rows() {
    let access = |query: &str, substatus: u32| {
        lines(20, |index| {
            format!(
                r#"{{"@timestamp":"2026-03-14T12:29:{index:02}.000Z","event":{{"dataset":"iis.access","duration":30000000}},"http":{{"request":{{"method":"GET"}},"response":{{"status_code":503}}}},"iis":{{"access":{{"sub_status":{substatus},"win32_status":0,"site_name":"W3SVC1"}}}},"source":{{"address":"192.0.2.7"}},"url":{{"path":"/a"{query}}}}}"#
            )
        })
    };
    let query = |text: &str| format!(r#","query":"{text}""#);
    check(&access("", 2), &[("local_process", "concurrency_limit", 20)]);
    check(&access("", 0), &[("local_process", "-", 20)]);
    check(&access(&query("..."), 0), &[("unknown", "-", 20)]);
    let member = format!("x=1&{ARR}&SERVER-STATUS=503");
    check(&access(&query(&member), 0), &[("upstream", "upstream_503", 20)]);
    let escaped = member.replace('&', "\\u0026");
    check(&access(&query(&escaped), 0), &[("upstream", "upstream_503", 20)]);
    let error = lines(20, |index| {
        format!(
            r#"{{"@timestamp":"2026-03-14T12:40:{index:02}.000Z","event":{{"dataset":"iis.error"}},"http":{{"request":{{"method":"POST"}},"response":{{"status_code":503}}}},"iis":{{"error":{{"reason_phrase":"ConnLimit","queue_name":"-"}}}},"source":{{"address":"192.0.2.7","port":4444}},"url":{{"original":"/b?x=1"}}}}"#
        )
    });
    check(&error, &[("local_process", "connection_limit", 20)]);
}

#[test]
fn objects_whose_keys_are_columns_are_rows() {
    let row = |query: &str, substatus: u32| {
        lines(20, |index| {
            format!(
                r#"{{"EventTime":"2026-03-14 13:29:00","date":"2026-03-14","time":"12:29:{index:02}","s-ip":"10.1.1.1","cs-method":"GET","cs-uri-stem":"/a",{query}"c-ip":"192.0.2.7","sc-status":503,"sc-substatus":{substatus},"sc-win32-status":0,"time-taken":"30","SourceModuleName":"iis"}}"#
            )
        })
    };
    let query = |text: &str| format!(r#""cs-uri-query":"{text}","#);
    check(&row("", 2), &[("local_process", "concurrency_limit", 20)]);
    // Whether the column exists shows in other rows alone.
    check(&row("", 0), &[("unknown", "-", 20)]);
    check(&format!("{}{}", row("", 0), row(&query("x=1"), 0)), &[("local_process", "-", 40)]);
    let member = query(&format!("{ARR}&SERVER-STATUS=503"));
    check(&row(&member, 0), &[("upstream", "upstream_503", 20)]);
    assert_eq!(entries(&row("", 2))[0]["at"], "2026-03-14T12:29:00Z");
    let kernel = lines(20, |index| {
        format!(
            r#"{{"date":"2026-03-14","time":"12:40:{index:02}","c-ip":"192.0.2.7","c-port":"4444","s-ip":"10.1.1.1","s-port":"80","cs-method":"POST","cs-uri":"/b","sc-status":503,"s-siteid":"1","s-reason":"QueueFull","s-queuename":"P"}}"#
        )
    });
    check(&kernel, &[("local_process", "request_queue_full", 20)]);
}

#[test]
fn rows_with_a_time_alone_go_on_behind_midnight() {
    let mut text = "#Software: Microsoft Internet Information Services 10.0\n#Date: 2026-05-12 23:58:20\n#Fields: time c-ip cs-method cs-uri-stem cs-uri-query sc-status sc-substatus time-taken\n".to_owned();
    for second in 0..20_000_u32 {
        let of_day = (86_300 + second) % 86_400;
        let (hour, minute) = (of_day / 3600, of_day / 60 % 60);
        let status = if second % 1000 == 0 { "503 2" } else { "200 0" };
        writeln!(text, "{hour:02}:{minute:02}:{:02} 192.0.2.7 GET /a - {status} 1", of_day % 60)
            .expect("a string takes all");
    }
    let rows = entries(&text);
    let at: Vec<_> = rows.iter().filter_map(|row| row["at"].as_str()).collect();
    assert_eq!((at.len(), at[0], at[1]), (20, "2026-05-12T23:58:20Z", "2026-05-13T00:15:00Z"));
    assert!(at.is_sorted(), "{at:?}");
}

#[test]
fn columns_of_the_administrator_stand_behind_the_standard_ones() {
    let row = |query: &str, end: &str| {
        lines(20, |index| {
            format!(
                "2026-03-15 17:11:{index:02} W3SVC1 WEB01 10.1.1.1 GET /a {query} 80 - 192.0.2.7 HTTP/1.1 UA - - shop.example.com {end}"
            )
        })
    };
    let member = format!("{ARR}&SERVER-STATUS=503");
    let custom = "203.0.113.9,+10.2.3.4 400";
    check(
        &row("-", &format!("503 2 0 1543 512 30 {custom}")),
        &[("local_process", "concurrency_limit", 20)],
    );
    // Without the substatus, sizes stand where the Windows code would: no column behind the status is named.
    check(&row("-", &format!("503 2 1543 512 30 {custom}")), &[("unknown", "-", 20)]);
    check(
        &row(&member, &format!("503 2 1543 512 30 {custom}")),
        &[("upstream", "upstream_503", 20)],
    );
    check(&row(&member, "503 0"), &[("upstream", "upstream_503", 20)]);
    check(&row("-", "503 2"), &[("unknown", "-", 20)]);
}

/// Rows of a table: names of columns, and twenty rows of which each is a 503 with this query and substatus.
fn table(separator: &str, quote: &str, query: &str, substatus: u32) -> String {
    let row = |values: &[&str]| {
        let values: Vec<String> =
            values.iter().map(|value| format!("{quote}{value}{quote}")).collect();
        values.join(separator)
    };
    let names = [
        "LogRow",
        "date",
        "time",
        "s-sitename",
        "c-ip",
        "cs-method",
        "cs-uri-stem",
        "cs-uri-query",
        "sc-status",
        "sc-substatus",
        "sc-win32-status",
        "time-taken",
        "cs(User-Agent)",
    ];
    let substatus = substatus.to_string();
    row(&names)
        + "\n"
        + &lines(20, |index| {
            let time = format!("12:00:{index:02}");
            row(&[
                "5",
                "2026-03-10",
                &time,
                "W3SVC1",
                "192.0.2.7",
                "GET",
                "/a",
                query,
                "503",
                &substatus,
                "0",
                "15",
                "UA",
            ])
        })
}

#[test]
fn tables_of_rows_are_read_by_their_heading() {
    let member = format!("{ARR}&SERVER-STATUS=503");
    for (separator, quote) in [(",", ""), ("\t", ""), (",", "\""), (";", "\"")] {
        let made = |query, substatus| table(separator, quote, query, substatus);
        check(&made("", 2), &[("local_process", "concurrency_limit", 20)]);
        check(&made("", 0), &[("local_process", "-", 20)]);
        check(&made(&member, 0), &[("upstream", "upstream_503", 20)]);
        let typed = format!("#TYPE System.Data.DataRow\n{}", made("x=1", 2));
        check(&typed, &[("local_process", "concurrency_limit", 20)]);
    }
    assert_eq!(entries(&table(",", "", "", 2))[0]["at"], "2026-03-10T12:00:00Z");
    // As Log Parser aligns them.
    let aligned = table("   ", "", "-", 2).replacen('\n', "\n------ ---------- ------\n", 1);
    check(&aligned, &[("local_process", "concurrency_limit", 20)]);
}

#[test]
fn objects_within_texts_and_keys_with_dots_are_looked_into() {
    let service = |substatus: u32| {
        lines(20, |index| {
            let inside = format!(
                r#"{{\"CsHost\":\"shop\",\"CIp\":\"192.0.2.7\",\"CsUriStem\":\"/a\",\"CsUriQuery\":\"q=\\\"x\\\"\",\"CsMethod\":\"GET\",\"TimeTaken\":15,\"ScStatus\":\"503\",\"ScSubStatus\":\"{substatus}\",\"ScWin32Status\":\"0\"}}"#
            );
            format!(
                r#"{{"time":"2026-03-10T12:00:{index:02}.5Z","category":"AppServiceHTTPLogs","properties":"{inside}","Host":"w1"}}"#
            )
        })
    };
    check(&service(2), &[("local_process", "concurrency_limit", 20)]);
    check(&service(0), &[("local_process", "-", 20)]);
    assert_eq!(entries(&service(2))[0]["at"], "2026-03-10T12:00:00.500Z");
    let records = format!("{{\"records\":[{}]}}", service(2).trim_end().replace('\n', ",\n"));
    check(&records, &[("local_process", "concurrency_limit", 20)]);
    let dotted = lines(20, |index| {
        format!(
            r#"{{"@timestamp":"2026-03-14T12:29:{index:02}.000Z","http.request.method":"GET","http.response.status_code":503,"iis.access.sub_status":2,"iis.access.win32_status":0,"source.address":"192.0.2.7","url.path":"/a"}}"#
        )
    });
    check(&dotted, &[("local_process", "concurrency_limit", 20)]);
    let underscores = lines(20, |index| {
        format!(
            r#"{{"date":17731440{index:02}.0,"cs_method":"GET","cs_uri_stem":"/a","cs_uri_query":"-","c_ip":"192.0.2.7","sc_status":503,"sc_substatus":2,"sc_win32_status":0,"time_taken":15}}"#
        )
    });
    check(&underscores, &[("local_process", "concurrency_limit", 20)]);
}
