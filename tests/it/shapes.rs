//! Logs of load balancers and CDNs in the shapes that consoles, queries and shippers export.
//!
//! In: a few lines, written here. Out: origin, cause and upstream of every entry.
//! Invariants: a shape changes no verdict, and what it does not tell is not made up.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::support::Fixture;

/// Origin, cause and upstream of each 503 of a file.
#[track_caller]
fn found(name: &str, text: &str) -> Vec<[String; 3]> {
    let fixture = Fixture::new();
    fixture.write(name, text);
    let rows = fixture.run(&["--format", "entries", name], b"").rows();
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    rows.iter().map(|row| ["origin", "cause", "upstream"].map(|key| text(&row[key]))).collect()
}

/// Fails unless every 503 of a file has this origin, cause and upstream.
#[track_caller]
fn check(name: &str, text: &str, n: usize, expected: [&str; 3]) {
    let rows = found(name, text);
    assert_eq!(rows.len(), n, "{rows:?}");
    assert!(rows.iter().all(|row| *row == expected), "{rows:?}");
}

/// An object of Envoy's access log: the cluster has no healthy host.
fn envoy(second: usize) -> Value {
    json!({
        "start_time": format!("2026-03-17T19:06:{second:02}.633Z"),
        "method": "GET",
        "path": format!("/a?rid={second}"),
        "protocol": "HTTP/2",
        "response_code": 503,
        "response_code_details": "no_healthy_upstream",
        "response_flags": "UH",
        "bytes_sent": 19,
        "duration": 0,
        "upstream_host": null,
        "upstream_cluster": "shop",
        "downstream_remote_address": "192.0.2.248:63513",
        "authority": "shop.example.com",
    })
}

const NO_HOST: [&str; 3] = ["proxy", "no_live_upstreams", "-"];

#[test]
fn a_copy_of_the_status_beside_an_address_is_no_backend() {
    let statuses = ["200", "404", "503", "200", "304"];
    let (mut client, mut server) = (String::new(), String::new());
    for n in 0..40 {
        let (second, status) = (n % 60, statuses[n % 5]);
        let _ = writeln!(
            client,
            "203.0.113.{}:{} [01/Jun/2026:07:46:{second:02} +0000] \"GET /{n} HTTP/1.1\" {status} {status} 0.151 806 \"curl/8.5.0\"",
            n % 12,
            40_000 + n % 12
        );
        let _ = writeln!(
            server,
            "2026-06-01T07:46:{second:02}.000Z 198.51.100.{n} GET /p/{n} {status} {status} 0.{:03} 10.0.0.{}:8080 api.example.com",
            100 + n,
            1 + n % 3
        );
    }
    check("client.log", &client, 8, ["unknown", "-", "-"]);
    check("server.log", &server, 8, ["unknown", "-", "-"]);
    // One line that differs shows that the second status is another's.
    let differs = server.replacen("304 304", "304 200", 1);
    let rows = found("differs.log", &differs);
    assert!(rows.iter().all(|row| row[0] == "upstream" && row[2].starts_with("10.")), "{rows:?}");
}

#[test]
fn keys_of_an_operator_are_known_by_their_values() {
    let statuses = [404, 200, 200, 503, 200];
    let line = |n: usize| {
        let (status, is_own) = (statuses[n % 5], n.is_multiple_of(5));
        let node = (!is_own).then(|| format!("10.0.0.{}:8080", 1 + n % 3));
        let is_retried = n % 10 == 8;
        let node =
            if is_retried { node.map(|node| format!("10.0.0.9:8080, {node}")) } else { node };
        let said = (!is_own).then(|| status.to_string());
        let said = if is_retried { said.map(|said| format!("502, {said}")) } else { said };
        json!({
            "evt": {"when": 1_795_353_946_000_000_000u64 + n as u64 * 1_000_000},
            "who": {"src": format!("192.0.2.{n}")},
            "q": {"how": "GET", "doc": format!("/a/{n}?b=1")},
            "r": {"rc": status, "vol": 197},
            "next": {"node": node, "said": said},
        })
    };
    let lines: Vec<String> = (0..40).map(|n| line(n).to_string()).collect();
    let rows = found("own.json", &lines.join("\n"));
    assert_eq!(rows.len(), 8);
    let is_of_backend = |row: &[String; 3]| row[0] == "upstream" && row[2].starts_with("10.0.0.");
    assert!(rows.iter().all(is_of_backend), "{rows:?}");
}

#[test]
fn tables_of_portals_are_read_by_their_names() {
    let heading = "\"TimeGenerated [UTC]\",ClientIp,HttpMethod,OriginalRequestUriWithArgs,HttpStatus,ServerRouted,ServerStatus,TimeTaken,ErrorInfo";
    let row = "\"06/01/2026, 07:46:40.000 AM\",192.0.2.59,POST,/api/cart,503,10.4.0.4:443,503,0.217,ERRORINFO_NO_ERROR";
    let expected = ["upstream", "upstream_503", "10.4.0.4:443"];
    check("gateway.csv", &format!("{heading}\n{row}\n{row}\n"), 2, expected);
    let heading = "TimeGenerated [UTC],Category,trackingReference_s,httpMethod_s,requestUri_s,httpStatusCode_s,errorInfo_s,originIp_s";
    let row = "2026-03-04T08:04:09.0000000Z,FrontDoorAccessLog,20260304T08,GET,https://a.example:443/,503,OriginConnectionRefused,N/A";
    let other = row.replace("AccessLog", "HealthProbeLog");
    let second = row.replace("20260304T08,", "20260304T09,");
    let text = format!("{heading}\n{row}\n{other}\n{second}\n");
    check("door.csv", &text, 2, ["cdn", "upstream_refused", "-"]);
    let heading = "insertId,jsonPayload.statusDetails,httpRequest.requestMethod,httpRequest.requestUrl,httpRequest.status,httpRequest.remoteIp,timestamp,resource.type";
    let row = "7d4d,failed_to_pick_backend,GET,https://a.example/,503,192.0.2.1,2026-06-01T07:46:40.000000Z,http_load_balancer";
    check("google.csv", &format!("{heading}\n{row}\n"), 1, NO_HOST);
}

#[test]
fn nothing_is_worked_out_under_a_heading_of_other_names() {
    let mut rows = String::new();
    for n in 0..30 {
        let answer = if n % 3 == 0 { "-" } else { "503" };
        let _ = writeln!(
            rows,
            "2026-03-04T08:04:{n:02}Z,192.0.2.{n},GET,/p/{n},503,{answer},{}",
            if n % 3 == 0 { "-" } else { "10.0.0.1:80" }
        );
    }
    let names = "When,Who,How,What,Ended,Before,Place";
    assert!(found("table.csv", &format!("{names}\n{rows}")).is_empty());
    let names = "time,client,method,uri,status,upstream_status,upstream_addr";
    let rows = found("named.csv", &format!("{names}\n{rows}"));
    assert_eq!(rows.len(), 30, "{rows:?}");
    let upstream = rows.iter().filter(|row| row[0] == "upstream").count();
    assert_eq!(upstream, 20, "{rows:?}");
}

#[test]
fn arrays_over_several_lines_hold_whole_records() {
    let objects: Vec<Value> = (0..3).map(envoy).collect();
    let lines: Vec<String> = objects.iter().map(Value::to_string).collect();
    check("lines.json", &format!("[\n{}\n]\n", lines.join(",\n")), 3, NO_HOST);
    let pretty = serde_json::to_string_pretty(&objects).expect("is written");
    check("pretty.json", &pretty, 3, NO_HOST);
    check("records.json", &format!("{{\"records\":[\n{}\n]}}\n", lines.join(",\n")), 3, NO_HOST);
}

#[test]
fn numbers_with_an_exponent_are_numbers() {
    let line = |took: &str| {
        format!(
            r#"{{"duration":{took},"level":"error","logger":"http.log.access.log0","msg":"handled request","request":{{"host":"a.example","method":"GET","proto":"HTTP/1.1","remote_ip":"192.0.2.1","uri":"/"}},"resp_headers":{{"Content-Type":["text/plain"],"Server":["Caddy"]}},"size":35,"status":503,"ts":1795211331.67,"user_id":""}}"#
        )
    };
    let said = |took: &str| {
        let fixture = Fixture::new();
        fixture.write("caddy.json", line(took) + "\n");
        let rows = fixture.run(&["--format", "entries", "caddy.json"], b"").rows();
        [&rows[0]["rule"], &rows[0]["leaning"], &rows[0]["duration_ms"]].map(Value::to_string)
    };
    assert_eq!(said("3.4633e-05"), said("0.000034633"));
    assert_eq!(said("3.4633e-05")[2], "0.034");
}

/// Puts something around a line, given its number.
type Wrap = fn(&str, usize) -> String;

#[test]
fn what_stands_around_objects_and_lines_is_taken_off() {
    let around: [(&str, Wrap); 6] = [
        ("logs tail", |line, n| format!("2026-03-17T19:06:{n:02} {line}")),
        ("stream", |line, n| format!("2026-03-17T19:06:{n:02}.9+00:00 ecs/edge/0a1b {line}")),
        ("swarm", |line, _| format!("edge_proxy.1.x7k2@node3    | {line}")),
        ("task", |line, _| format!("edge.proxy {line}")),
        ("page", |line, n| format!("Tue, Mar 17 2026 7:06:{n:02} pm {line}")),
        ("cell", |line, n| format!("17737744016{n:02},\"{}\"", line.replace('"', "\"\""))),
    ];
    for (what, wrap) in around {
        let lines: Vec<String> = (0..5).map(|n| wrap(&envoy(n).to_string(), n)).collect();
        let rows = found("edge.log", &(lines.join("\n") + "\n"));
        assert_eq!(rows, vec![NO_HOST; 5], "{what}");
    }
    let line = r#"{"a":{"json":0},"json":LINE}"#.replace("LINE", &envoy(1).to_string());
    check("nested.json", &(line + "\n"), 1, NO_HOST);
}

#[test]
fn whole_records_of_traefik_without_an_origin_had_none() {
    let line = r#"{"ClientAddr":"192.0.2.31:46519","ClientHost":"192.0.2.31","DownstreamContentSize":20,"DownstreamStatus":503,"Duration":171000000,"RequestHost":"a.example","RequestMethod":"GET","RequestPath":"/","RequestProtocol":"HTTP/2.0","RouterName":"app@file","ServiceName":"app@file","StartUTC":"2026-06-01T07:48:40.274Z","level":"info","msg":"","time":"2026-06-01T07:48:40Z"}"#;
    check("traefik.json", &format!("{line}\n"), 1, NO_HOST);
    let chosen = line.replace(r#""RequestProtocol":"HTTP/2.0","#, "");
    check("chosen.json", &format!("{chosen}\n"), 1, ["unknown", "-", "-"]);
}

#[test]
fn tables_of_application_load_balancers_are_read() {
    let names = "type,time,elb,client_ip,client_port,target_ip,target_port,request_processing_time,target_processing_time,response_processing_time,elb_status_code,target_status_code,request_verb,request_url,request_proto,target_group_arn,actions_executed,lambda_error_reason";
    let row = "h2,2026-06-01T07:48:41.9Z,app/a/0a,203.0.113.77,59951,,-,-1,-1,-1,503,-,GET,https://a.example:443/x,HTTP/2.0,arn:aws:x,forward,-";
    check("alb.csv", &format!("{names}\n{row}\n"), 1, NO_HOST);
    let object = json!({
        "timestamp": "2026-06-01T07:48:41.9Z", "elb": "app/a/0a", "client_host": "203.0.113.77:5",
        "target_host": "10.7.0.23:8443", "elb_status_code": "503", "target_status_code": "503",
        "request_method": "GET", "request_url": "https://a.example:443/x", "actions_executed": "forward",
    });
    let expected = ["upstream", "upstream_503", "10.7.0.23:8443"];
    check("alb.json", &format!("{object}\n"), 1, expected);
}

#[test]
fn blocks_by_rate_limits_alone_are_limits() {
    let line = |sources: &str| {
        format!(
            r#"{{"ClientIP":"192.0.2.1","ClientRequestHost":"a.example","ClientRequestMethod":"GET","ClientRequestURI":"/","EdgeResponseStatus":503,"EdgeStartTimestamp":"2026-06-01T07:48:40Z","OriginResponseStatus":0,"RayID":"8f2d3c4b5a697887","SecurityAction":"block","SecuritySources":{sources}}}"#
        ) + "\n"
    };
    assert_eq!(found("cf.json", &line(r#"["rateLimit"]"#))[0][1], "rate_limited");
    assert_ne!(found("cf.json", &line(r#"["rateLimit","waf"]"#))[0][1], "rate_limited");
}

/// Origin of each 503 among requests of an application that logs something of its own with them.
fn origins_with(own: impl Fn(usize) -> Value) -> Vec<String> {
    let mut text = String::new();
    for n in 0..12 {
        let mut row = json!({
            "time": format!("2026-11-22T13:00:{n:02}Z"),
            "method": "GET",
            "path": format!("/b/{n}"),
            "status": if n % 3 == 0 { 503 } else { 200 },
        });
        if let (Some(row), Value::Object(own)) = (row.as_object_mut(), own(n)) {
            row.extend(own);
        }
        let _ = writeln!(text, "{row}");
    }
    found("app.json", &text).into_iter().map(|[origin, ..]| origin).collect()
}

#[test]
fn words_of_an_application_name_no_server() {
    let failed =
        |n: usize, yes: &str, no: &str| (if n.is_multiple_of(3) { yes } else { no }).to_owned();
    let all = vec!["unknown".to_owned(); 4];
    assert_eq!(origins_with(|_| json!({ "level": "ERROR" })), all);
    assert_eq!(origins_with(|n| json!({ "outcome": failed(n, "ERROR", "HIT") })), all);
    assert_eq!(origins_with(|n| json!({ "reason": failed(n, "first byte timeout", "OK") })), all);
    assert_eq!(origins_with(|n| json!({ "region": failed(n, "UC", "DC") })), all);
    assert_eq!(origins_with(|n| json!({ "team": failed(n, "UO", "-") })), all);
    assert_eq!(origins_with(|n| json!({ "log_id": format!("74bf20f876ffc474c02519{n:02}") })), all);
    let line =
        |n: usize| format!("2026-11-22T13:00:{n}Z ERROR 10.0.0.1 \"GET /a HTTP/1.1\" 503 12\n");
    let text: String = (10..22).map(line).collect();
    assert!(found("app.log", &text).iter().all(|[origin, ..]| origin == "unknown"));
}

#[test]
fn calls_of_a_client_are_no_requests() {
    for own in [r#""event":"http call","lvl":"info""#, r#""component":"client""#, r#""metric":"n""#]
    {
        let line = |n: usize| {
            format!(
                "{{{own},\"when\":\"2026-11-22T13:00:{n}Z\",\"rc\":503,\"rq\":\"GET /{n} HTTP/1.1\"}}\n"
            )
        };
        let text: String = (10..22).map(line).collect();
        assert_eq!(found("calls.log", &text).len(), 0, "{own}");
    }
}
