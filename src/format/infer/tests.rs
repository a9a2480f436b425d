//! Tests of layout inference.

use proptest::prelude::*;

use super::*;

/// What a server would log for request number `n`: one in six is answered without a backend, one in six was retried.
fn value(name: &str, n: usize) -> String {
    let calls_backend = !n.is_multiple_of(6);
    let is_retried = n % 6 == 1;
    let status = ["503", "200", "200", "304", "503", "404"][n % 6];
    let us = 3000 + (n * 7919) % 90_000;
    let seconds = |us: usize| format!("{}.{:03}", us / 1_000_000, us / 1000 % 1000);
    let per_attempt = |first: String, last: String| {
        if !calls_backend {
            "-".to_owned()
        } else if is_retried {
            format!("{first}, {last}")
        } else {
            last
        }
    };
    let agents = [
        "curl/8.5.0",
        "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
        "-",
        "kube-probe/1.29",
        "Go-http-client/1.1",
    ];
    match name {
        "time_local" => format!("20/Nov/2026:21:{:02}:{:02} +0000", n / 60 % 60, n % 60),
        "time_local_variant" => {
            format!("20/Nov/2026:21:{:02}:{:02}.{n:03} +0800", n / 60 % 60, n % 60)
        }
        "time_epoch_millis" => format!("17952102{:02}{:03}", 10 + n, n * 37 % 1000),
        "time_epoch_micros" => format!("17952102{:02}{:06}", 10 + n, n * 37_777 % 1_000_000),
        "time_iso8601" => format!("2026-11-20T21:{:02}:{:02}+00:00", n / 60 % 60, n % 60),
        "msec" => format!("17952102{:02}.{:03}", 10 + n, (n * 37) % 1000),
        "remote_addr" => ["203.0.113.7", "2001:db8::17", "198.51.100.4"][n % 3].to_owned(),
        "remote_user" | "constant" => "-".to_owned(),
        "request" => format!("{} {} HTTP/1.1", value("request_method", n), value("request_uri", n)),
        "request_method" => ["GET", "POST"][n % 2].to_owned(),
        "request_uri" => format!("/cart/{n}?status=503&x={n}"),
        "server_protocol" => "HTTP/1.1".to_owned(),
        "scheme" => "https".to_owned(),
        "status" => status.to_owned(),
        "body_bytes_sent" if status == "304" => "0".to_owned(),
        "body_bytes_sent" => (190 + n * 131 % 7000).to_string(),
        "http_referer" => ["-", "https://shop.example.com/cart?step=2"][n % 2].to_owned(),
        "http_user_agent" => agents[n % agents.len()].to_owned(),
        "http_x_forwarded_for" => ["-", "192.0.2.9, 10.0.0.1", "192.0.2.8"][n % 3].to_owned(),
        "host" => ["shop.example.com", "api.example.com"][n % 2].to_owned(),
        "request_time" => seconds(if calls_backend { us + 4000 } else { 0 }),
        "request_id" => format!("{:032x}", n * 2_654_435_761),
        "connection" => (4000 + n * 3).to_string(),
        "upstream_addr" => {
            per_attempt("10.0.0.1:8080".to_owned(), format!("10.0.0.{}:8080", 1 + n % 3))
        }
        "upstream_status" => per_attempt("502".to_owned(), status.to_owned()),
        "upstream_response_time" => per_attempt("0.001".to_owned(), seconds(us)),
        "upstream_header_time" => per_attempt("-".to_owned(), seconds(us - us / 10)),
        "upstream_connect_time" => per_attempt("-".to_owned(), "0.001".to_owned()),
        "upstream_cache_status" => ["-", "MISS", "HIT"][n % 3].to_owned(),
        "limit_req_status" => ["REJECTED", "PASSED"][usize::from(calls_backend)].to_owned(),
        "server_addr" => "10.0.0.5:443".to_owned(),
        other => panic!("no value for {other}"),
    }
}

fn render(layout: &str, n: usize) -> String {
    let mut pieces = layout.split('$');
    let mut line = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let length = piece.find(|letter| !is_name(letter)).unwrap_or(piece.len());
        line += &value(&piece[..length], n);
        line += &piece[length..];
    }
    line
}

fn infer(lines: &[String]) -> Option<Inferred> {
    infer_layout(&Sample::of(lines.iter().map(String::as_bytes).collect()))
}

/// Lines of `layout` lead to `expected`, and all of them fit it.
#[track_caller]
fn check(layout: &str, expected: &str) {
    let lines: Vec<String> = (0..90).map(|n| render(layout, n)).collect();
    let inferred = infer(&lines).expect("inferred");
    assert_eq!(inferred.body, expected, "{:?}", inferred.notes);
    assert_eq!(inferred.n_accepted_estimate, lines.len(), "{}", inferred.body);
}

#[track_caller]
fn check_same(layout: &str) {
    check(layout, layout);
}

const COMBINED: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#;

#[test]
fn tails_of_combined_are_told_apart() {
    check_same(COMBINED);
    check_same(&format!(r#"{COMBINED} "$http_x_forwarded_for""#));
    check_same(&format!(
        r#"{COMBINED} "$upstream_addr" "$upstream_status" $upstream_response_time $request_time $request_id"#
    ));
    check_same(&format!(
        r#"{COMBINED} rt=$request_time uct="$upstream_connect_time" uht="$upstream_header_time" urt="$upstream_response_time""#
    ));
    check_same(&format!(
        r#"{COMBINED} rt=$request_time ua="$upstream_addr" us="$upstream_status" ut="$upstream_response_time" cs=$upstream_cache_status"#
    ));
    check_same(&format!(
        "{COMBINED} $request_time $upstream_connect_time $upstream_header_time $upstream_response_time $upstream_addr $upstream_status"
    ));
    check_same(&format!(
        "{COMBINED} upstream: $upstream_addr status: $upstream_status request_time:$request_time"
    ));
    check_same(&format!("$host {COMBINED} conn=$connection"));
    check_same(&format!("{COMBINED} | $request_time | $upstream_response_time | $upstream_addr"));
}

#[test]
fn a_client_that_is_always_the_same_is_one_in_its_place() {
    let layout =
        format!(r#"{COMBINED} "$http_x_forwarded_for" "$upstream_addr" "$upstream_status""#);
    let lines: Vec<String> = (0..90)
        .map(|n| {
            let addresses = ["203.0.113.7", "2001:db8::17", "198.51.100.4"];
            let line = render(&layout, n);
            let client = addresses.iter().find_map(|client| line.strip_prefix(client));
            format!("10.0.1.2{}", client.unwrap_or_default())
        })
        .collect();
    assert_eq!(infer(&lines).map(|inferred| inferred.body), Some(layout));
}

#[test]
fn separated_layouts_in_any_order() {
    check_same(
        "$msec|$status|$request_time|$upstream_status|$upstream_addr|$host|$request_method|$request_uri|$body_bytes_sent|$remote_addr|$http_user_agent",
    );
    check_same(
        "$time_iso8601\t$remote_addr\t$host\t$request\t$status\t$body_bytes_sent\t$request_time\t$upstream_response_time\t$upstream_addr\t$http_user_agent",
    );
    check_same(
        "$time_local;$remote_addr;$request_method;$request_uri;$status;$upstream_status;$upstream_addr;$request_time;\"$http_user_agent\"",
    );
    check_same(
        "$time_iso8601,$status,$upstream_status,\"$upstream_addr\",$host,\"$request\",$request_time,$upstream_response_time",
    );
    check_same(
        "$time_local | $remote_addr | $host | $request | $status | $upstream_addr | $upstream_status | $http_user_agent",
    );
}

#[test]
fn labelled_layouts() {
    check_same(
        r#"time=$time_iso8601 client=$remote_addr method=$request_method uri=$request_uri status=$status upstream_addr="$upstream_addr" upstream_status="$upstream_status" request_time=$request_time"#,
    );
    check_same(
        "time=$time_iso8601 status=$status ua=$http_user_agent host=$host uri=$request_uri us=$upstream_status urt=$upstream_response_time",
    );
    // As `ltsv.org` has them, `host` is the remote host.
    check_same(
        "time:$time_local\thost:$remote_addr\treq:$request\tstatus:$status\tsize:$body_bytes_sent\tua:$http_user_agent\treqtime:$request_time\tupsaddr:$upstream_addr",
    );
    check_same(
        "time:$time_local\thost:$host\tmethod:$request_method\turi:$request_uri\tstatus:$status",
    );
    check_same(
        r#"[$time_local] $status $request_method $scheme $host "$request_uri" [Client $remote_addr] [Length $body_bytes_sent] "$http_user_agent" "$http_referer""#,
    );
}

#[test]
fn layouts_with_words_and_unusual_quotes() {
    check(
        "[$time_local] $remote_addr > $host to: $upstream_addr: $request $status upstream_response_time $upstream_response_time msec $msec request_time $request_time",
        "[$time_local] $remote_addr > $host to: $upstream_addr: $request_method $request_uri $server_protocol $status upstream_response_time $upstream_response_time $unknown_1 $msec request_time $request_time",
    );
    check_same(&format!("{COMBINED} '$upstream_addr' '$upstream_status'"));
    check_same(&format!("{COMBINED} {{$upstream_addr}} {{$upstream_status}}"));
    check_same(&format!("{COMBINED} <$request_time> ($upstream_response_time)"));
}

#[test]
fn values_may_stand_in_pairs_and_in_arrows() {
    check_same(&format!("{COMBINED} up=$upstream_addr>$upstream_status rt=$request_time"));
    check_same(&format!("{COMBINED} <$upstream_addr> <$upstream_status> <$upstream_cache_status>"));
    check_same(
        "[$time_local] $msec $remote_addr \"$request\" st=$status/$upstream_status up=$upstream_addr t=$request_time/$upstream_response_time",
    );
    check_same(&format!("{COMBINED} ($upstream_status) ($request_time)"));
    // The key behind a list is none of its items.
    check_same(
        "$time_iso8601 client: $remote_addr, req: \"$request\", code: $status, us: $upstream_status, peer: $upstream_addr, took: $request_time",
    );
}

#[test]
fn a_status_of_errors_alone_is_no_backends() {
    let line = |n: usize, tail: &dyn Fn(&str) -> String| {
        let status = ["200", "200", "304", "503"][n % 4];
        format!(
            "192.0.2.{n} - - [20/Nov/2026:21:00:{n:02} +0000] \"GET /{n} HTTP/1.1\" {status} {n}7 {}",
            tail(status)
        )
    };
    let body = |tail: &dyn Fn(&str) -> String| {
        let lines: Vec<String> = (0..60).map(|n| line(n, tail)).collect();
        infer(&lines).expect("inferred").body
    };
    let of_errors = |status: &str| if status == "503" { "503" } else { "-" }.to_owned();
    assert!(body(&of_errors).ends_with("$status $body_bytes_sent $unknown_1"));
    assert!(
        body(&|status| if status == "304" { "-" } else { status }.to_owned())
            .ends_with("$upstream_status")
    );
    // No such column has this key.
    let redirected = |status: &str| format!("redir={}", if status == "304" { "-" } else { status });
    assert!(body(&redirected).ends_with("redir=$unknown_1"));
}

#[test]
fn tails_that_have_no_layout_leave_the_head() {
    let lines: Vec<String> = (0..60usize)
        .map(|n| {
            let tail = format!("{{{}}}", "x, ".repeat(n % 20)) + &" y".repeat(n % 7);
            format!("192.0.2.{n} - - [20/Nov/2026:21:00:{n:02} +0000] \"GET /{n} HTTP/1.1\" 503 {n} {tail}")
        })
        .collect();
    let sample = Sample::of(lines.iter().map(String::as_bytes).collect());
    let proposal = InferredFormat.propose(&sample).expect("a layout");
    assert_eq!(proposal.n_accepted, lines.len());
    let fields = proposal.reader.about().layout.clone();
    assert!(
        fields.starts_with("$remote_addr - $remote_user [$time_local] \"$request\" $status"),
        "{fields}"
    );
}

#[test]
fn what_could_be_several_variables_stays_unnamed() {
    // An address that never is absent and has the port of a listener; a duration that nothing tells apart.
    check(
        &format!("{COMBINED} $server_addr $constant"),
        &format!("{COMBINED} $unknown_1 $unknown_2"),
    );
    // Two limits write the same words.
    check(&format!("{COMBINED} $limit_req_status"), &format!("{COMBINED} $unknown_1"));
    // A status that always is the response's: a copy of it as well as the backend's.
    check(&format!("{COMBINED} \"$status\""), &format!("{COMBINED} \"$unknown_1\""));
}

/// The end of the layout of 60 lines, behind time, client, target and status.
#[track_caller]
fn check_tail(tail: impl Fn(usize) -> String, expected: &str) {
    let line = |n: usize| {
        format!(
            "20/Nov/2026:21:00:{n:02} +0000|192.0.2.{n}|GET /{n} HTTP/1.1|503|{}|{}",
            100 + n,
            tail(n)
        )
    };
    let lines: Vec<String> = (0..60).map(line).collect();
    let body = infer(&lines).expect("inferred").body;
    let head = "$time_local|$remote_addr|$request|$status|$body_bytes_sent|";
    assert_eq!(body.strip_prefix(head), Some(expected), "{body}");
}

#[test]
fn names_of_backends_are_no_addresses() {
    check_tail(|_| "backend=app".to_owned(), "backend=$unknown_1");
    check_tail(|_| "upstream=app:8080".to_owned(), "upstream=$unknown_1");
    check_tail(|_| "upstream_addr=app".to_owned(), "upstream_addr=$upstream_addr");
    let peer = |n: usize| if n.is_multiple_of(9) { "app" } else { "10.0.0.1:80" };
    check_tail(|n| format!("backend={}", peer(n)), "backend=$upstream_addr");
}

#[test]
fn a_few_peers_are_backends_and_many_are_clients() {
    let or_none =
        |n: usize, value: String| if n.is_multiple_of(9) { "-".to_owned() } else { value };
    check_tail(|n| or_none(n, format!("10.0.0.{}:80", n % 3)), "$upstream_addr");
    check_tail(|n| or_none(n, format!("10.0.0.9:{}", 40_000 + n)), "$unknown_1");
}

#[test]
fn a_log_of_errors_alone_shows_what_backends_answered() {
    let status = |n: usize| if n.is_multiple_of(3) { "503" } else { "502" };
    check_tail(|n| format!("unix:/run/app.sock|{}", status(n)), "$upstream_addr|$upstream_status");
    check_tail(|n| format!("unix:/run/app.sock|{}", 200 + n % 2), "$upstream_addr|$unknown_1");
}

#[test]
fn hosts_and_targets_by_their_values() {
    let labelled = |host: &str| {
        let line = |n: usize| {
            format!("time=2026-11-20T21:00:{n:02}+00:00 status=503 host={host} client=192.0.2.{n}")
        };
        let lines: Vec<String> = (0..20).map(line).collect();
        infer(&lines).expect("inferred").body
    };
    // Where another column is the client, an address is what the client asked for.
    for host in ["10.0.0.5", "a.example"] {
        let body = labelled(host);
        assert!(body.ends_with("host=$host client=$remote_addr"), "{body}");
    }
    let line = |n: usize, path: &str, query: &str| {
        format!("time=2026-11-20T21:00:{n:02}+00:00 status=503 method=GET path={path} args={query}")
    };
    let body = |path: &str| {
        let lines: Vec<String> = (0..20).map(|n| line(n, path, "a")).collect();
        infer(&lines).expect("inferred").body
    };
    assert!(body("/a").ends_with("path=$uri args=$args"), "{}", body("/a"));
    assert!(body("/a?b").ends_with("path=$request_uri args=$args"), "{}", body("/a?b"));
}

#[track_caller]
fn check_lines(lines: &[&str], expected: Option<&str>) {
    let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    let inferred = infer(&lines);
    assert_eq!(inferred.as_ref().map(|inferred| inferred.body.as_str()), expected, "{inferred:?}");
}

#[test]
fn few_lines_give_only_safe_names() {
    check_lines(
        &[
            r#"203.0.113.7 - - [20/Nov/2026:21:00:01 +0000] "GET / HTTP/1.1" 503 190 "-" "curl/8.5.0" "10.0.0.1:8080" "503" 0.001 0.001"#,
        ],
        Some(&format!("{COMBINED} \"$unknown_1\" \"$unknown_2\" $unknown_3 $unknown_4")),
    );
    check_lines(
        &[
            r#"203.0.113.7 - - [20/Nov/2026:21:00:01 +0000] "GET / HTTP/1.1" 502 190 "-" "curl/8.5.0" upstream: 10.0.0.1:8080, 10.0.0.2:8080 rt=0.001"#,
        ],
        Some(&format!("{COMBINED} upstream: $upstream_addr rt=$request_time")),
    );
    check_lines(
        &[
            "1795210283.328|503|0.001|10.0.0.1:80, 10.0.0.2:80|502, 503|/x|curl/8 (linux)",
            "1795210284.001|503|0.000|-|-|/y|-",
        ],
        Some(
            "$msec|$status|$request_time|$upstream_addr|$upstream_status|$request_uri|$http_user_agent",
        ),
    );
}

#[test]
fn an_outage_does_not_hide_whose_a_status_is() {
    let named = |answered: [&str; 2], failed: [&str; 2]| {
        let line = |n: usize| {
            let [status, other] = if n.is_multiple_of(3) { answered } else { failed };
            format!(
                "192.0.2.{n}|20/Nov/2026:21:00:{n:02} +0000|GET /{n} HTTP/1.1|{status}|{}|10.0.0.7:8080|{other}",
                100 + n
            )
        };
        let lines: Vec<String> = (0..60).map(line).collect();
        infer(&lines).expect("a layout").body.ends_with("|$upstream_addr|$upstream_status")
    };
    assert!(named(["200", "200"], ["503", "502"]));
    // Another status than that of good responses, too: it may be anything's.
    assert!(!named(["200", "304"], ["503", "502"]));
}

#[test]
fn times_that_nginx_does_not_write() {
    check_same(&COMBINED.replace("time_local", "time_local_variant"));
    check_same("$time_local_variant $remote_addr \"$request\" $status $body_bytes_sent $host");
    check_same("$time_epoch_micros $remote_addr $request_method $request_uri $status $host");
    check_same("$time_epoch_millis|$remote_addr|$request_method|$request_uri|$status|$host");
}

#[test]
fn a_status_beside_words_of_a_cache_may_be_of_another_request() {
    let line = |n: usize, cache: &str| {
        let (status, answer) = [("200", "200"), ("503", "503"), ("404", "-")][n % 3];
        let word = if cache.is_empty() { "" } else { [" MISS", " MISS", " HIT"][n % 3] };
        format!(
            "10.0.0.{} [20/Nov/2026:21:29:{:02} +0000] \"GET /a{n} HTTP/1.1\" {status} - \"a\\\"b\" {answer}{word}",
            n % 5,
            n % 60
        )
    };
    for (cache, expected) in [("", "$apache_proxy_status"), ("with", "$unknown_status")] {
        let lines: Vec<String> = (0..90).map(|n| line(n, cache)).collect();
        let sample = Sample::of(lines.iter().map(String::as_bytes).collect());
        let proposal = InferredFormat.propose(&sample).expect("worked out");
        let layout = &proposal.reader.about().layout;
        assert!(layout.contains(expected), "{layout}");
    }
}

#[test]
fn columns_of_apache_alone() {
    let kinds = |n: usize| match n % 6 {
        0 => ("503", "-", "-", false),
        1 => ("503", "proxy-server", "-", true),
        2 => ("503", "proxy-server", "503", false),
        3 => ("404", "proxy-server", "404", false),
        _ => ("200", "proxy-server", "200", false),
    };
    // What `of` says of each line, behind the same columns.
    let body = |of: &dyn Fn(usize) -> String| {
        let lines: Vec<String> = (0..90)
            .map(|n| format!("{} {}", render("$remote_addr [$time_local] \"$request\"", n), of(n)))
            .collect();
        infer(&lines).expect("inferred").body
    };
    let id = |n: usize| format!("awIPKpeVkEzmqHJ9nrtrYg{n:05}");
    let of_apache = |n| {
        let (status, handler, answer, is_told) = kinds(n);
        let log_id = if is_told { id(n) } else { "-".to_owned() };
        format!("{status} {} h={handler} {answer} {log_id}", 100 + n)
    };
    assert_eq!(
        body(&of_apache),
        "$remote_addr [$time_local] \"$request\" $status $body_bytes_sent h=$apache_handler $apache_proxy_status $apache_log_id"
    );
    // A log of nothing but failures: ids go with answers that did not come, and workers, in quotes, with the handler.
    let of_outage = |n: usize| {
        let (handler, answer, log_id, worker) = match n % 4 {
            0 => ("-", "-", "-".to_owned(), "-"),
            1 => ("-", "-", id(n), "-"),
            2 => ("proxy-server", "-", id(n), "http://10.0.0.1:8080"),
            _ => ("proxy-server", "503", "-".to_owned(), "http://10.0.0.2:8080"),
        };
        format!("503 {} {log_id} {handler} {answer} \"{worker}\"", 100 + n)
    };
    assert_eq!(
        body(&of_outage),
        "$remote_addr [$time_local] \"$request\" $status $body_bytes_sent $apache_log_id $apache_handler $apache_proxy_status \"$apache_worker\""
    );
    // Ids of clients, and origins of pages, go with neither.
    let of_clients = |n: usize| {
        let (handler, answer) =
            if n.is_multiple_of(2) { ("-", "-") } else { ("proxy-server", "503") };
        let answer = if n % 4 == 1 { "-" } else { answer };
        let client = if n.is_multiple_of(3) { id(n) } else { "-".to_owned() };
        let origin = if n.is_multiple_of(3) { "http://shop.example.com:8080" } else { "-" };
        format!("503 {} {client} {handler} {answer} \"{origin}\"", 100 + n)
    };
    let of_clients = body(&of_clients);
    assert!(of_clients.contains("$apache_proxy_status"), "{of_clients}");
    assert!(!of_clients.contains("$apache_log_id"), "{of_clients}");
    assert!(!of_clients.contains("$apache_worker"), "{of_clients}");
    // The status before internal redirects, and a cookie that some clients have.
    let of_others = |n| {
        let (status, handler, ..) = kinds(n);
        let cookie = if n % 2 == 0 { id(n) } else { "-".to_owned() };
        format!("{status} {} {handler} {status} {cookie}", 100 + n)
    };
    assert_eq!(
        body(&of_others),
        "$remote_addr [$time_local] \"$request\" $status $body_bytes_sent $apache_handler $unknown_1 $unknown_2"
    );
    // Files: what is served, the page of an error, and what a backend was asked for.
    let of_files = |n| {
        let (status, handler, ..) = kinds(n);
        let file = match (status, handler) {
            ("503", _) => "/srv/www/errors/503.html".to_owned(),
            (_, "-") => "/srv/www/index.html".to_owned(),
            _ => format!("proxy:http://10.0.0.1:8080/cart?x={n}"),
        };
        format!("{status} {} {file}", 100 + n)
    };
    let of_files = body(&of_files);
    assert!(!of_files.contains("$apache_handler"), "{of_files}");
}

#[test]
fn lines_without_time_or_status_give_nothing() {
    check_lines(&[], None);
    check_lines(&["hello world", ""], None);
    check_lines(&[r#"203.0.113.7 "GET / HTTP/1.1" 503 190"#], None);
    check_lines(&["2026/11/20 21:29:49 [error] 7#7: *1 connect() failed (111: x), 503"], None);
    check_lines(&[r#"{"time":"2026-11-20T21:31:23Z","status":503}"#], None);
}

#[test]
fn mixed_layouts_are_found_one_after_the_other() {
    let labelled = "time=$time_iso8601 status=$status uri=$request_uri host=$host";
    let lines: Vec<String> =
        (0..90).map(|n| render(if n % 3 == 0 { labelled } else { COMBINED }, n)).collect();
    let sample = Sample::of(lines.iter().map(String::as_bytes).collect());
    let bodies: Vec<String> =
        infer_layouts(&sample, 4).into_iter().map(|inferred| inferred.body).collect();
    assert_eq!(bodies, [COMBINED, labelled]);
    assert_eq!(infer_layout(&sample).map(|inferred| inferred.n_accepted_estimate), Some(60));
}

#[test]
fn notes_say_what_was_seen() {
    let layout = format!("{COMBINED} $upstream_addr $upstream_status");
    let lines: Vec<String> = (0..90).map(|n| render(&layout, n)).collect();
    let inferred = infer(&lines).expect("inferred");
    assert_eq!(
        inferred.notes,
        [
            "column 10 `10.0.0.1:8080, 10.0.0.2:8080` taken for $upstream_addr: host:port in 75 of 90 lines, absent in 15, a list in 15",
            "column 11 `502, 200` taken for $upstream_status: a status in 75 of 90 lines, absent in 15, a list in 15; that of the response in 75",
        ]
    );
}

proptest! {
    #[test]
    fn never_panics(lines in proptest::collection::vec("[ -~\t]{0,60}|[\"\\[\\]|,:;=a0-9 .$/-]{0,60}", 0..6), raw in proptest::collection::vec(any::<u8>(), 0..60)) {
        let time = "20/Nov/2026:21:00:01 +0000";
        let with_status: Vec<String> = lines.iter().map(|line| format!("[{time}] 503 {line}")).collect();
        for lines in [&lines, &with_status] {
            let mut sample = Sample::of(lines.iter().map(String::as_bytes).collect());
            sample.lines.push(&raw);
            for inferred in infer_layouts(&sample, 3) {
                prop_assert!(inferred.n_accepted_estimate > 0);
                prop_assert!(inferred.body.contains("$status"));
            }
        }
    }
}

#[test]
fn caches_that_log_whole_urls_are_not_nginx() {
    for (host, is_of_nginx) in [("http://www.red.test", false), ("", true)] {
        let line = |n: usize| {
            let (status, cache) = [(200, "MISS"), (503, "HIT"), (200, "HIT")][n % 3];
            format!(
                r#"203.0.113.{n}, 127.0.0.1 [22/Nov/2026:16:56:22 +0000] "GET {host}/a/{n} HTTP/1.1" {status} 28{n} {n}45 "{cache}" "{n}19""#
            )
        };
        let lines: Vec<String> = (1..10).map(line).collect();
        let sample = Sample::of(lines.iter().map(String::as_bytes).collect());
        let inferred = infer_layout(&sample).expect("a layout");
        assert_eq!(inferred.body.contains("$upstream_cache_status"), is_of_nginx, "{inferred:?}");
        let reader = InferredFormat.propose(&sample).expect("a reader").reader;
        assert_eq!(reader.about().ambiguous_with.is_none(), is_of_nginx);
    }
}
