//! The times of `LogFormat`: `%t`, `%{strftime}t`, `%{msec}t` and their combinations.
//!
//! In: the argument of a `%{...}t`. Out: a [`TimeText`] with a template in which shorthands are spelled out, and the
//! notation of a template.
//! Source: Apache httpd 2.4 `mod_log_config.c` (`log_request_time`).

use crate::time::Notation;

/// The template of a fraction of a second: its digits, whatever their number.
const FRACTION: &str = "%f";

/// A time as a format prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TimeText {
    /// Literal text before the time.
    pub(super) before: String,
    /// The time in conversions of `strftime`, without shorthands; `%f` stands for a fraction.
    pub(super) template: String,
    /// Literal text behind the time.
    pub(super) after: String,
    /// Whether the end of the request is meant.
    pub(super) is_end: bool,
}

impl TimeText {
    /// What the argument of a `%{...}t` prints; `None` for a plain `%t`.
    pub(super) fn of(argument: Option<&str>) -> TimeText {
        let argument = argument.unwrap_or_default();
        let (is_end, format) = match argument.split_once(':') {
            Some(("begin", format)) => (false, format),
            Some(("end", format)) => (true, format),
            _ if argument == "end" => (true, ""),
            _ if argument == "begin" => (false, ""),
            _ => (false, argument),
        };
        let whole = match format {
            "" => "[%d/%b/%Y:%H:%M:%S %z]".to_owned(),
            "sec" => "%s".to_owned(),
            "msec" => "%s%f3".to_owned(),
            "usec" => "%s%f6".to_owned(),
            "msec_frac" | "usec_frac" => FRACTION.to_owned(),
            strftime => spelled_out(strftime),
        };
        let is_frame = |letter: char| "[](){}\"'|<>".contains(letter);
        let start = whole.len() - whole.trim_start_matches(is_frame).len();
        let end = whole.trim_end_matches(is_frame).len().max(start);
        TimeText {
            before: whole[..start].to_owned(),
            template: whole[start..end].to_owned(),
            after: whole[end..].to_owned(),
            is_end,
        }
    }
}

/// A `strftime` format without shorthands.
fn spelled_out(format: &str) -> String {
    [
        ("%T", "%H:%M:%S"),
        ("%F", "%Y-%m-%d"),
        ("%R", "%H:%M"),
        ("%c", "%a %b %d %H:%M:%S %Y"),
        ("%e", "%d"),
        ("%h", "%b"),
        ("%:z", "%z"),
    ]
    .iter()
    .fold(format.to_owned(), |text, (short, long)| text.replace(short, long))
}

/// How the time of a template is written. `None`: it is not a time that dates a line.
pub(super) fn notation_of(template: &str) -> Option<Notation> {
    let plain = template.replace(&format!(".{FRACTION}"), "");
    let plain = plain.strip_suffix("%z").map_or(plain.as_str(), str::trim_end);
    Some(match (template, plain) {
        ("%d/%b/%Y:%H:%M:%S %z", _) => Notation::Clf,
        (_, "%d/%b/%Y:%H:%M:%S" | "%d/%b/%Y %H:%M:%S") => Notation::ClfVariant,
        (_, "%Y-%m-%dT%H:%M:%S" | "%Y-%m-%d %H:%M:%S" | "%Y-%m-%dT%H:%M:%SZ") => Notation::Iso8601,
        (_, "%a %b %d %H:%M:%S %Y") => Notation::Ctime,
        ("%Y/%m/%d %H:%M:%S", _) => Notation::NginxError,
        ("%s%f3", _) => Notation::EpochMillis,
        ("%s%f6", _) => Notation::EpochMicros,
        ("%s" | "%s.%f", _) => Notation::EpochSeconds,
        _ => return None,
    })
}
