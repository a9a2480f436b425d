//! lighttpd access logs: the default of `mod_accesslog` and what people add to it, and readers for any `accesslog.format`.
//!
//! In: lines without terminator. Out: records by way of a [`Layout`](super::layout::Layout).
//! Invariants: the grammar is that of Apache's `LogFormat`; what differs is what values mean: `%h` is always an address,
//! `%V` is the host that the client asked for, in lower case, and `%t` is the end of the request unless it says `begin:`. A detected
//! line begins with an address. Formats that print what Apache's or nginx's do (`%h %l %u ...`) are read as those.
//! Source: lighttpd 1.4 `mod_accesslog.c` (`fmap`, `accesslog_append_time`), `buffer.c` (`buffer_append_bs_escaped`),
//! `request.c` (`http_request_parse_header`: the host is copied in lower case).

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use super::apache_access::log_format;
use super::layout_reader::{AS_CUT, Finish, LayoutReader};
use super::{About, Format, FormatBasis, Instant, Proposal, Reader, Sample};
use crate::record::{AccessRecord, Field};
use crate::taxonomy::{LogRole, Server};

macro_rules! default {
    () => {
        r#"%h %V %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#
    };
}

/// The layout in force where `accesslog.format` is not set.
pub const DEFAULT: &str = default!();

/// Layouts by name: name and text, tried in this order.
pub const LAYOUTS: &[(&str, &str)] = &[
    ("default_forwarded", concat!(default!(), r#" "%{X-Forwarded-For}i""#)),
    ("default_duration", concat!(default!(), " %D")),
    ("default", DEFAULT),
    ("default_common", r#"%h %V %u %t "%r" %>s %b"#),
];

/// A reader for the text of an `accesslog.format`, the escapes of its quotes undone.
fn reader_of(body: &str, basis: FormatBasis, finish: Finish) -> Result<LayoutReader, String> {
    let layout = log_format::compile(body)?.layout;
    let known = LAYOUTS.iter().find(|row| row.1 == body);
    let instant = if body.contains("%{begin:") { Instant::Start } else { Instant::End };
    let about = About {
        format: LighttpdAccessFormat::NAME,
        layout: known.map_or(body, |row| row.0).to_owned(),
        server: Server::Lighttpd,
        role: LogRole::Access,
        notation: layout.notation(),
        instant,
        basis,
        ambiguous_with: None,
    };
    Ok(LayoutReader { layout, about, finish })
}

/// The readers of [`LAYOUTS`], for lines that are to be recognised. Compiled once, for all inputs.
static READERS: LazyLock<Vec<LayoutReader>> = LazyLock::new(|| {
    let reader = |(_, body): &(&str, &str)| reader_of(body, FormatBasis::Detected, is_of_address);
    LAYOUTS.iter().filter_map(|row| reader(row).ok()).collect()
});

/// True for a line whose client is an address.
fn is_of_address(record: &mut AccessRecord<'_>) -> bool {
    let client = record.value(Field::RemoteAddr).and_then(|text| std::str::from_utf8(text).ok());
    client.is_some_and(|text| text.parse::<IpAddr>().is_ok())
}

/// True for the directive of a configuration: `accesslog.format = "%h %V ..."`.
pub fn is_spec(spec: &str) -> bool {
    spec.trim_start().starts_with("accesslog.format")
}

/// A reader for the directive of a configuration.
///
/// # Errors
///
/// Says in words what is wrong.
///
/// # Examples
///
/// ```
/// use logscan503::format::lighttpd_access::parse_spec;
///
/// assert!(parse_spec(r#"accesslog.format = "%a %t \"%r\" %s %D""#).is_ok());
/// assert!(parse_spec("accesslog.format = %h").is_err());
/// ```
pub fn parse_spec(spec: &str) -> Result<Arc<dyn Reader>, String> {
    let text = spec.trim().strip_prefix("accesslog.format").unwrap_or(spec).trim_start();
    let text = text.strip_prefix('=').unwrap_or(text).trim();
    let body = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .ok_or("expected accesslog.format = \"...\"")?;
    let reader = reader_of(&body.replace("\\\"", "\""), FormatBasis::Given, AS_CUT)?;
    Ok(Arc::new(reader))
}

/// Recognises lighttpd access lines by trying [`LAYOUTS`].
#[derive(Debug, Clone, Copy)]
pub struct LighttpdAccessFormat;

impl LighttpdAccessFormat {
    const NAME: &'static str = "lighttpd_access";
}

impl Format for LighttpdAccessFormat {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn summary(&self) -> &'static str {
        "lighttpd access log: the default layout, known by the host between client and user, or a given accesslog.format"
    }

    fn given(&self, spec: &str) -> Option<Result<Arc<dyn Reader>, String>> {
        is_spec(spec).then(|| parse_spec(spec))
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        let proposals = READERS.iter().filter_map(|reader| {
            let mut names_host = false;
            let n_accepted = sample.count(|line| {
                let Ok(record) = reader.parse_access(line) else { return false };
                let host = record.value(Field::ServerName);
                // An id in its place: Apache's `%{UNIQUE_ID}e`, or a user's name.
                if host.is_some_and(|host| host.iter().any(u8::is_ascii_uppercase)) {
                    return false;
                }
                names_host |= host.is_some();
                true
            });
            // Where no line names a host, the column is the `-` of other servers.
            if names_host { Proposal::counted(reader.clone(), n_accepted) } else { None }
        });
        Proposal::best(proposals)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::format::{FormatChoice, detect};
    use crate::record::Record;

    const LINE: &str = r#"192.0.2.7 shop.test:8080 - [20/Nov/2026:21:29:42 +0100] "GET /a?q=\"x\" HTTP/1.1" 503 178 "-" "curl/8.5""#;

    /// Format and layout that detection finds first.
    #[track_caller]
    fn check(lines: &str, format: &str, layout: &str) {
        let plan = detect(Path::new("x"), &[lines.as_bytes()], &FormatChoice::default());
        let about = plan.detected().next().expect("a format").about();
        assert_eq!((about.format, &*about.layout), (format, layout));
    }

    #[test]
    fn layouts_are_told_from_content() {
        check(LINE, "lighttpd_access", "default");
        check(&format!("{LINE} 1500"), "lighttpd_access", "default_duration");
        check(&format!("{LINE} \"10.0.0.1\""), "lighttpd_access", "default_forwarded");
        let common = LINE.replace(r#" "-" "curl/8.5""#, "");
        check(&common, "lighttpd_access", "default_common");
        // A client of HTTP/1.0 names no host.
        let nameless = LINE.replace("shop.test:8080", "-");
        check(&format!("{nameless}\n{nameless}\n{LINE}"), "lighttpd_access", "default");
    }

    #[test]
    fn lines_of_others_are_left_alone() {
        let nameless = LINE.replace("shop.test:8080", "-");
        check(&nameless, "apache_access", "combined");
        // With `%D`, which is often added.
        let timed = format!("{nameless} 1500\n").repeat(20);
        let plan = detect(Path::new("x"), &[timed.as_bytes()], &FormatChoice::default());
        assert!(plan.detected().all(|reader| reader.about().format == "apache_access"));
        check(&format!("shop.test {nameless}"), "apache_access", "vhost_combined_without_port");
        let sample =
            |line: &str| LighttpdAccessFormat.propose(&Sample::of(vec![line.as_bytes()])).is_some();
        assert!(!sample(&LINE.replace("192.0.2.7", "client.test")));
        assert!(!sample(&LINE.replace("shop.test:8080", "iYzNAbxgBgBkewABWAAAAMDG")));
        assert!(!sample(&LINE.replace(" 503 ", " - ")));
    }

    #[test]
    fn values_are_where_they_belong() {
        let reader = reader_of(DEFAULT, FormatBasis::Detected, is_of_address).expect("valid");
        assert_eq!(reader.about().instant, Instant::End);
        let Ok(Record::Access(record)) = reader.parse(LINE.as_bytes()) else { panic!("refused") };
        assert_eq!(record.status, 503);
        assert_eq!(record.stamp.offset_s, Some(3600));
        assert_eq!(record.value(Field::RemoteAddr), Some(&b"192.0.2.7"[..]));
        assert_eq!(record.value(Field::ServerName), Some(&b"shop.test:8080"[..]));
        assert_eq!(record.value(Field::RemoteUser), None);
        assert_eq!(record.request(), (&b"GET"[..], &br#"/a?q=\"x\""#[..]));
        assert_eq!(record.body_bytes(), Some(178));
        let empty = LINE.replace(" 178 ", " - ");
        let Ok(Record::Access(record)) = reader.parse(empty.as_bytes()) else { panic!("refused") };
        assert_eq!(record.body_bytes(), Some(0));
    }

    #[test]
    fn any_format_can_be_given() {
        let given = |spec: &str| parse_spec(spec).map(|reader| reader.about().clone());
        let about =
            given(r#"accesslog.format = "%a %{begin:%F %T}t \"%r\" %s %D""#).expect("valid");
        assert_eq!((about.server, about.instant), (Server::Lighttpd, Instant::Start));
        assert!(given(r#"accesslog.format="%a \"%r\" %s""#).expect_err("bad").contains("no time"));
        assert!(is_spec("accesslog.format=x") && !is_spec("LogFormat x"));
    }
}
