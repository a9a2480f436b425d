//! Apache access logs: the layouts in common use, and readers for any `LogFormat`.
//!
//! In: lines without terminator. Out: records by way of a [`Layout`](super::layout::Layout).
//! Invariants: [`LAYOUTS`] goes from special to general. A layout that nginx has too is proposed only where the lines
//! do not look like nginx's; see [`evidence`].
//! Source: Apache httpd 2.4 `mod_log_config.c`, `docs/conf/httpd.conf.in`; Debian `apache2.conf`; the row comments.

pub mod evidence;
pub mod log_format;
mod time_format;

use std::sync::LazyLock;

use super::apache_conf::log_format_of_directive;
use super::layout_reader::{AS_CUT, LayoutReader};
use super::{About, Format, FormatBasis, Proposal, Sample};
use crate::record::Field;
use crate::taxonomy::{LogRole, Server};

macro_rules! combined {
    () => {
        r#"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#
    };
}
macro_rules! combined_with_headers {
    () => {
        r#"%h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i""#
    };
}

/// The layout in force where `CustomLog` and `TransferLog` find no format.
pub const COMMON: &str = r#"%h %l %u %t "%r" %>s %b"#;

/// Layouts by their usual names: name and text, tried in this order.
pub const LAYOUTS: &[(&str, &str)] = &[
    // What it takes to tell who generated a response: see the verdicts for Apache.
    ("diagnostic", concat!(combined!(), " %D %L %R %{proxy-status}n %{BALANCER_WORKER_NAME}e")),
    // Apache documentation and httpd.conf, with mod_logio.
    ("combinedio", concat!(combined!(), " %I %O")),
    ("combined_seconds_micros", concat!(combined!(), " %T/%D")),
    ("combined_seconds_micros_starred", concat!(combined!(), " **%T/%D**")),
    // Debian and Ubuntu, other_vhosts_access.log.
    ("vhost_combined", concat!("%v:%p ", combined_with_headers!())),
    // The same on other systems, with the size of the body.
    ("vhost_combined_body", concat!("%v:%p ", combined!())),
    // Gandi hosting.
    (
        "vhost_combined_seconds",
        r#"%v %h %l %u %t (%T s) "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#,
    ),
    ("vhost_combined_without_port", concat!("%v ", combined!())),
    ("vhost_common", r#"%v %h %l %u %t "%r" %>s %b"#),
    ("combined_forwarded", concat!(combined!(), r#" "%{X-Forwarded-For}i""#)),
    // Debian and Ubuntu redefine combined and common: sizes include headers.
    ("combined_with_headers", combined_with_headers!()),
    ("combined", combined!()),
    ("common_with_headers", r#"%h %l %u %t "%r" %>s %O"#),
    ("common", COMMON),
    // Times without a zone, or with one-digit days.
    (
        "combined_other_time",
        r#"%h %l %u [%{%d/%b/%Y:%H:%M:%S}t] "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#,
    ),
    ("common_other_time", r#"%h %l %u [%{%d/%b/%Y:%H:%M:%S}t] "%r" %>s %b"#),
    // The two halves of `%t` apart, the zone left out: a blank stays before the bracket. As sent to fail2ban.
    (
        "vhost_combinedio_other_time",
        r#"%h %l %u %{X-Forwarded-For}i [%{%d/%b/%Y:%H:%M:%S}t ] %v "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %X %I %O %D"#,
    ),
];

/// Layouts of [`LAYOUTS`] that hold `%O`, where another row has `%b` at the same place.
const WITH_HEADERS: &[&str] = &["vhost_combined", "combined_with_headers", "common_with_headers"];

/// Layouts of [`LAYOUTS`] whose lines nginx writes as well.
const SHARED_WITH_NGINX: &[&str] = &[
    "vhost_combined_without_port",
    "combined_forwarded",
    "combined_with_headers",
    "combined",
    "common_with_headers",
    "common",
    "combined_other_time",
    "common_other_time",
];

/// Layouts of [`LAYOUTS`] with a port behind the host, which nginx can be told to write.
const WITH_PORT: &[&str] = &["vhost_combined", "vhost_combined_body"];

/// A reader for a layout of [`LAYOUTS`]. `None`: no layout has this name.
pub fn named(name: &str) -> Option<LayoutReader> {
    let (_, body) = LAYOUTS.iter().find(|row| row.0 == name)?;
    of_body(body, FormatBasis::Given).ok()
}

/// A reader for the text of a `LogFormat`, the escapes of its quotes undone.
///
/// # Errors
///
/// Says in words why such lines cannot be read; see [`log_format::compile`].
pub fn of_body(body: &str, basis: FormatBasis) -> Result<LayoutReader, String> {
    let log_format::Compiled { layout, instant } = log_format::compile(body)?;
    let known = LAYOUTS.iter().find(|row| row.1 == body);
    let about = About {
        format: ApacheAccessFormat::NAME,
        layout: known.map_or(body, |row| row.0).to_owned(),
        server: Server::Apache,
        role: LogRole::Access,
        notation: layout.notation(),
        instant,
        basis,
        ambiguous_with: None,
    };
    Ok(LayoutReader { layout, about, finish: AS_CUT })
}

/// The readers of [`LAYOUTS`], for lines that are to be recognised. Compiled once, for all inputs.
static READERS: LazyLock<Vec<LayoutReader>> = LazyLock::new(|| {
    let reader = |(name, body): &(&str, &str)| {
        // Nobody asks for idents any more. Taking any word for one would take a host in front of the line for the
        // client, and the client for the ident.
        let strict = body.replacen(" %l ", " - ", 1);
        let mut reader = of_body(&strict, FormatBasis::Detected).ok()?;
        (*name).clone_into(&mut reader.about.layout);
        Some(reader)
    };
    let readers: Vec<_> = LAYOUTS.iter().filter_map(reader).collect();
    debug_assert_eq!(readers.len(), LAYOUTS.len(), "every layout compiles");
    readers
});

/// Recognises Apache access lines by trying [`LAYOUTS`].
#[derive(Debug, Clone, Copy)]
pub struct ApacheAccessFormat;

impl ApacheAccessFormat {
    const NAME: &'static str = "apache_access";
}

impl Format for ApacheAccessFormat {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn summary(&self) -> &'static str {
        "Apache access log: combined, common, vhost_combined and other layouts in common use, or a given LogFormat"
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        let writer = evidence::writer_of(sample);
        let includes_headers = evidence::sizes_include_headers(sample);
        let has_port_alone = evidence::shows_port_alone(sample);
        let proposals = LAYOUTS.iter().zip(&*READERS).filter_map(|((name, body), reader)| {
            let is_shared = SHARED_WITH_NGINX.contains(name);
            let is_other_size = WITH_HEADERS.contains(name)
                && (includes_headers == Some(false) || is_shared && includes_headers.is_none());
            let is_with_port = WITH_PORT.contains(name);
            if is_other_size || (is_shared || is_with_port) && writer == Some(Server::Nginx) {
                return None;
            }
            // Columns of others, or its own in another order, stand where the diagnostic layout has its own: then all
            // that is read there is wrong, in lines as well that look right.
            let is_misread = |line: &[u8]| {
                reader.parse_access(line).is_ok_and(|record| !record.has_plausible_backend_fields())
            };
            if body.contains("%R") && sample.lines.iter().any(|line| is_misread(line)) {
                return None;
            }
            // `mod_logio` counts, so that it writes no `-`: the last column is another one.
            let lacks_count = |line: &[u8]| {
                reader
                    .parse_access(line)
                    .is_ok_and(|record| record.raw(Field::BytesSent) == Some(b"-"))
            };
            if body.contains(" %I %O") && sample.lines.iter().any(|line| lacks_count(line)) {
                return None;
            }
            let n_accepted = sample.count(|line| reader.parse_access(line).is_ok());
            if n_accepted == 0 {
                return None;
            }
            let mut reader = reader.clone();
            if is_shared && writer.is_none() || is_with_port && has_port_alone {
                reader.about.ambiguous_with = Some(Server::Nginx);
            }
            Proposal::counted(reader, n_accepted)
        });
        Proposal::best(proposals)
    }
}

/// A reader for what a user gives as a log format: the name of a layout of [`LAYOUTS`], the text of a `LogFormat`, with
/// or without the quotes and escapes that it has in a configuration, or a whole directive.
///
/// # Errors
///
/// Says in words what is wrong.
///
/// # Examples
///
/// ```
/// use logscan503::format::apache_access::parse_spec;
///
/// assert!(parse_spec("vhost_combined").is_ok());
/// assert!(parse_spec(r#"%h %l %u %t "%r" %>s %b %D"#).is_ok());
/// assert!(parse_spec(r#"LogFormat "%h %t \"%r\" %>s" brief"#).is_ok());
/// ```
pub fn parse_spec(spec: &str) -> Result<LayoutReader, String> {
    let spec = spec.trim();
    let first = spec.split_whitespace().next().unwrap_or_default();
    if first.eq_ignore_ascii_case("LogFormat") {
        return of_body(&log_format_of_directive(spec)?, FormatBasis::Given);
    }
    if !spec.contains('%') {
        return named(spec).ok_or_else(|| {
            let names: Vec<&str> = LAYOUTS.iter().map(|row| row.0).collect();
            format!("expected the text of a LogFormat, or one of {}", names.join(", "))
        });
    }
    if spec.contains("\\\"") {
        let inside = spec.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(spec);
        let directive = format!("LogFormat \"{inside}\"");
        return of_body(&log_format_of_directive(&directive)?, FormatBasis::Given);
    }
    of_body(spec, FormatBasis::Given)
}

#[cfg(test)]
mod tests;
