//! Tests of reading nginx configuration.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn only_format(conf: &str) -> LogFormat {
    let conf = NginxConf::parse(conf.as_bytes());
    assert_eq!(conf.diagnostics, []);
    assert_eq!(conf.formats.len(), 2, "{:?}", conf.formats);
    conf.formats[1].clone()
}

#[test]
fn strings_are_put_together_and_escapes_undone() {
    #[track_caller]
    fn check(conf: &str, body: &str) {
        assert_eq!(only_format(conf).body, body, "{conf}");
    }
    check("log_format a '$x ' '\"$y\"';", "$x \"$y\"");
    check("log_format a \"$x \\\"$y\\\"\";", "$x \"$y\"");
    check("log_format a $x;", "$x");
    check("log_format a ${x}b${y};", "${x}b${y}");
    check("log_format a '$x\\ty\\\\z\\d';", "$x\ty\\z\\d");
    check("log_format a '$x\n$y';", "$x\n$y");
    check("log_format a 'it\"s' \"it's\";", "it\"sit's");
    check("log_format a b#c # comment ; {\n 'd';", "b#cd");
    check("log_format a 'x;{}#y';", "x;{}#y");
    check("http {\n\tlog_format a\n\t\t'$x '\n\t\t'$y';\n}", "$x $y");
    check("\u{feff}x; log_format a '$x';", "$x");
}

#[test]
fn escape_is_read() {
    assert_eq!(only_format("log_format a escape=json '$x';").escape, Escape::Json);
    assert_eq!(only_format("log_format a escape=none '$x';").escape, Escape::None);
    assert_eq!(only_format("log_format a escape=default '$x';").escape, Escape::Default);
    assert_eq!(only_format("log_format a '$x';").escape, Escape::Default);
}

#[track_caller]
fn check(conf: &NginxConf, path: &str, body: Option<&str>) {
    let format = conf.format_for(path).map(|format| format.body.as_str());
    assert_eq!(format, body, "{path}");
}

#[test]
fn logs_are_mapped_to_formats() {
    let conf = NginxConf::parse(
        b"
error_log /var/log/nginx/error.log warn;
error_log stderr;
http {
    log_format Main '$status 1';
    log_format json escape=json '{\"s\":$status}';
    log_format odd '$status odd';
    access_log /var/log/nginx/access.log main;
    access_log syslog:server=10.0.0.1 main;
    server { access_log off; }
    server { access_log /var/log/nginx/shop.access.log json buffer=32k flush=5s; }
    server { access_log logs/plain.log; access_log logs/unbuffered.log gzip; }
    server { access_log /srv/${host}/$server_port-access.log odd if=$loggable; }
    server { access_log /srv/other/access.log nowhere; error_log /srv/other/errors.log; }
}
stream { log_format main '$status stream'; access_log /var/log/nginx/stream.log main; }
",
    );
    assert_eq!(conf.diagnostics, []);
    check(&conf, "/var/log/nginx/access.log", Some("$status 1"));
    check(&conf, "access.log", Some("$status 1"));
    check(&conf, "C:\\incident\\nginx\\access.log", Some("$status 1"));
    check(&conf, "/var/log/nginx/access.log.1", Some("$status 1"));
    check(&conf, "copy/access.log.2.gz", Some("$status 1"));
    check(&conf, "copy/access.log-20261120", Some("$status 1"));
    check(&conf, "copy/access.log-20261120.gz", Some("$status 1"));
    check(&conf, "copy/access.log-2026-11-20.bz2", Some("$status 1"));
    check(&conf, "copy/access-20261120.log", Some("$status 1"));
    check(&conf, "shop.access.log.1", Some("{\"s\":$status}"));
    check(&conf, "plain.log", Some(COMBINED));
    check(&conf, "unbuffered.log", Some(COMBINED));
    check(&conf, "/srv/a.example/8080-access.log", Some("$status odd"));
    check(&conf, "8080-access.log.3", Some("$status odd"));
    check(&conf, "stream.log", Some("$status stream"));
    check(&conf, "another.log", None);
    check(&conf, "error.log", None);
    assert_eq!(conf.error_log_for("x/error.log.1.gz").map(|log| log.level.as_str()), Some("warn"));
    assert_eq!(conf.error_log_for("errors.log").map(|log| log.level.as_str()), Some("error"));
    assert_eq!(conf.error_logs.len(), 2);
}

#[test]
fn more_equal_directories_win() {
    let conf = NginxConf::parse(
        b"log_format a 'a $status'; log_format b 'b $status';
          access_log /log/one/access.log a; access_log /log/two/access.log b;",
    );
    let bodies = |path: &str| -> Vec<String> {
        conf.formats_for(path).iter().map(|format| format.name.clone()).collect()
    };
    assert_eq!(bodies("two/access.log"), ["b", "a"]);
    assert_eq!(bodies("access.log"), ["a", "b"]);
}

#[test]
fn output_of_nginx_t() {
    let conf = NginxConf::parse(
        b"nginx: the configuration file /etc/nginx/nginx.conf syntax is ok
nginx: configuration file /etc/nginx/nginx.conf test is successful
# configuration file /etc/nginx/nginx.conf:
user nginx;
http {
    include /etc/nginx/conf.d/*.conf;
}

# configuration file /etc/nginx/conf.d/broken.conf:
log_format broken '$status
never closed;
# configuration file /etc/nginx/conf.d/shop.conf:
server {
    listen 80;
    content_by_lua_block {
        ngx.say(\"} it's -- {\") -- don't }
    }
    location ~ \\.php$ { access_log /log/shop.log brief; }
}
# configuration file /etc/nginx/conf.d/zz.conf:
log_format brief '$msec $status';
log_format worse escape=xml '$msec';
log_format nothing;
access_log
",
    );
    assert_eq!(
        conf.format_for("shop.log").map(|format| format.body.as_str()),
        Some("$msec $status")
    );
    let told: Vec<(Option<&str>, usize, &str)> = conf
        .diagnostics
        .iter()
        .map(|told| (told.file.as_deref(), told.line, told.message.as_str()))
        .collect();
    let zz = Some("/etc/nginx/conf.d/zz.conf");
    assert_eq!(
        told,
        [
            (Some("/etc/nginx/conf.d/broken.conf"), 1, BAD_QUOTES),
            (zz, 2, "log_format worse: escape is default, json or none, not \"xml\""),
            (zz, 3, "log_format nothing: expected the text of the format"),
            (zz, 4, "directive \"access_log\" is not ended by `;`"),
        ]
    );
}

#[test]
fn a_broken_part_costs_only_itself() {
    let conf = NginxConf::parse(
        b"log_format a 'x'y;\nlog_format b '$status';\nserver { listen 80 }\naccess_log /b.log b;\n}}}",
    );
    assert_eq!(conf.format_for("b.log").map(|format| format.body.as_str()), Some("$status"));
    let lines: Vec<usize> = conf.diagnostics.iter().map(|told| told.line).collect();
    assert_eq!(lines, [1, 3]);
}

#[test]
fn pasted_directives() {
    let body = |text: &str| log_format_of_directive(text).map(|format| format.body);
    assert_eq!(body("log_format main '$a ' '$b';"), Ok("$a $b".to_owned()));
    assert_eq!(body("log_format main '$a '\n   '$b'"), Ok("$a $b".to_owned()));
    assert!(body("log_format main").is_err());
    assert!(body("log_format main '$a").is_err());
    assert!(body("access_log x;").is_err());
}

proptest! {
    #[test]
    fn never_panics(text in proptest::collection::vec(any::<u8>(), 0..300), path in any::<String>()) {
        let conf = NginxConf::parse(&text);
        let _ = conf.formats_for(&path);
    }

    #[test]
    fn never_panics_on_pieces(parts in proptest::collection::vec(proptest::sample::select(vec![
        "log_format ", "a ", "'", "\"", "\\", "${", "$x", "{", "}", ";", "#", "\n", "é", "access_log /x/$y.log a",
        "x_by_lua_block {", "--", "# configuration file /a:\n", "nginx: x\n", "escape=json ",
    ]), 0..30)) {
        let conf = NginxConf::parse(parts.concat().as_bytes());
        let _ = conf.formats_for("/x/z.log.1.gz");
    }

    #[test]
    fn a_quoted_body_is_read_back(body in "[ -~]{1,60}") {
        let quoted = body.replace('\\', "\\\\").replace('\'', "\\'");
        let conf = NginxConf::parse(format!("log_format a '{quoted}';").as_bytes());
        prop_assert_eq!(conf.formats.get(1).map(|format| format.body.clone()), Some(body));
    }
}
