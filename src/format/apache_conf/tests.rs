//! Unit tests of reading Apache configuration.

use super::*;

const CONF: &str = r#"
# comment
Define LOGS /var/log/site
ErrorLog ${APACHE_LOG_DIR}/error.log
LogFormat "%v:%p %h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\"" vhost_combined
LogFormat "%h %t \"%r\" \
%>s" brief
logformat "%t %>s"
<IfModule mod_ssl.c>
    CustomLog ${LOGS}/ssl.log brief env=!quiet
</IfModule>
TransferLog logs/transfer_log
<VirtualHost *:80>
    ErrorLogFormat "[%t] %M"
    ErrorLog "/srv/my logs/shop-error.log"
    LogFormat "%t %>s %D" brief
    CustomLog "|/usr/bin/rotatelogs -l /srv/logs/shop.%Y%m%d.log 86400" brief
    CustomLog /srv/logs/plain.log "%t %s %T"
    CustomLog /srv/logs/clf.log
</VirtualHost>
<VirtualHost *:81>
    CustomLog /srv/logs/other.log brief
    CustomLog /srv/logs/lost.log nowhere
    CustomLog /srv/logs/open.log "%t
    ErrorLog syslog:local1
</VirtualHost>
"#;

#[test]
fn logs_have_the_format_in_force_for_them() {
    let conf = ApacheConf::parse(CONF.as_bytes());
    let check = |path: &str, body: Option<&str>| {
        assert_eq!(conf.format_for(path).map(|format| format.body.as_str()), body, "{path}");
    };
    check("/var/log/site/ssl.log", Some("%h %t \"%r\" %>s"));
    check("ssl.log.2.gz", Some("%h %t \"%r\" %>s"));
    check("logs/transfer_log", Some("%t %>s"));
    check("shop.20261120.log", Some("%t %>s %D"));
    check("plain.log", Some("%t %s %T"));
    check("clf.log", Some(COMMON));
    check("other.log", Some("%h %t \"%r\" %>s"));
    check("lost.log", None);
    check("access.log", None);
    assert_eq!(
        conf.format("vhost_combined").map(|format| format.name.as_str()),
        Some("vhost_combined")
    );
    assert!(conf.format("Vhost_combined").is_none());
}

#[test]
fn error_logs_have_their_format() {
    let conf = ApacheConf::parse(CONF.as_bytes());
    let format = |path: &str| conf.error_log_for(path).map(|log| log.format.clone());
    assert_eq!(format("error.log.1"), Some(None));
    assert_eq!(format("shop-error.log"), Some(Some("[%t] %M".to_owned())));
    assert_eq!(format("local1"), None);
}

#[test]
fn what_cannot_be_read_is_told_with_its_line() {
    let conf = ApacheConf::parse(CONF.as_bytes());
    let told: Vec<_> = conf.diagnostics.iter().map(|told| (told.line, &told.message[..])).collect();
    assert_eq!(
        told,
        [
            (23, "no LogFormat has the nickname \"nowhere\""),
            (24, "customlog: expected a quoted word to be closed"),
        ]
    );
}

#[test]
fn a_pasted_directive_gives_its_format() {
    let of = |text: &str| log_format_of_directive(text);
    assert_eq!(of(r#"LogFormat "%t \"%r\" \\ \x" a"#), Ok(r#"%t "%r" \ \x"#.to_owned()));
    assert_eq!(of("logformat '%t %>s'"), Ok("%t %>s".to_owned()));
    assert!(of("LogFormat").is_err());
    assert!(of("CustomLog a b").is_err());
}
