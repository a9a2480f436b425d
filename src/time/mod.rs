//! Instants in microseconds UTC, and one fixed-layout parser per log notation.
//!
//! In: the bytes of a stamp. Out: a [`Stamp`], which may still lack its zone ("time late": design law of the
//! pipeline; the zone is resolved in attribution against what the access logs say).
//! Invariants: parsers read digits at fixed places and never look past the stamp; `chrono` is the oracle in tests.
//! Source: nginx `ngx_times.c` for the forms of `$time_local`, `$time_iso8601` and the error log.

mod parse;

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, SecondsFormat};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

pub use parse::{
    parse_clf, parse_clf_variant, parse_ctime, parse_epoch_micros, parse_epoch_millis,
    parse_epoch_nanos, parse_epoch_seconds, parse_iis_native, parse_iso8601, parse_nginx_error,
    parse_offset, parse_w3c, parse_windows_local, parse_windows_local_in, w3c_clock_us, w3c_day_us,
};

/// Microseconds per second.
pub const SECOND_US: i64 = 1_000_000;

/// An instant: microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The second that holds this instant, as seconds since the epoch.
    pub const fn second(self) -> i64 {
        self.0.div_euclid(SECOND_US)
    }

    /// The start of a second.
    pub const fn from_second(second: i64) -> Self {
        Timestamp(second * SECOND_US)
    }

    /// RFC 3339 in UTC with as many decimals as the value needs (0, 3 or 6).
    pub fn to_rfc3339(self) -> String {
        match DateTime::from_timestamp_micros(self.0) {
            Some(time) => {
                let decimals = if self.0 % SECOND_US == 0 {
                    SecondsFormat::Secs
                } else if self.0 % 1000 == 0 {
                    SecondsFormat::Millis
                } else {
                    SecondsFormat::Micros
                };
                time.to_rfc3339_opts(decimals, true)
            }
            None => format!("{}us", self.0),
        }
    }

    /// Reads an RFC 3339 time.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text).ok().map(|time| Timestamp(time.timestamp_micros()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.to_rfc3339())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&self.to_rfc3339())
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time", "description": "RFC 3339, UTC" })
    }
}

/// What a log line says about its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Microseconds since the epoch: UTC when `offset_s` is known, else the local clock read as if it were UTC.
    pub micros: i64,
    /// Seconds east of UTC that the line gives. `None`: the line gives no zone.
    pub offset_s: Option<i32>,
}

impl Stamp {
    /// A stamp whose zone the line gives.
    const fn zoned(local_us: i64, offset_s: i32) -> Self {
        Stamp { micros: local_us - offset_s as i64 * SECOND_US, offset_s: Some(offset_s) }
    }
}

/// How a log writes its times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Notation {
    /// `20/Nov/2026:21:29:42 +0000` (no brackets).
    Clf,
    /// `2026-11-20T21:29:42+00:00`, also with a fraction, `Z`, `+0000`, a blank for the `T`, or without a zone.
    Iso8601,
    /// `1795210283.328`: seconds since the epoch, with or without a fraction.
    EpochSeconds,
    /// `1795210283328`: milliseconds since the epoch, with or without a fraction.
    EpochMillis,
    /// `2026/11/20 21:29:49`: the nginx error log, no zone; Caddy writes a fraction too.
    NginxError,
    /// `2026-11-20 21:29:42`, the date and time columns of a W3C extended log, in UTC. Columns may be in the other order,
    /// quoted, apart from each other, and the time may have a fraction.
    W3c,
    /// `11/20/2026, 21:29:42`: the date and time columns of the Microsoft IIS log format, no zone.
    IisNative,
    /// `1/Nov/2026:21:29:42`: like [`Notation::Clf`], but the day may have one digit, a blank may stand for the first
    /// colon, seconds may have a fraction, the zone may be missing, and brackets may stand around it.
    ClfVariant,
    /// `1795210283328123`: microseconds since the epoch.
    EpochMicros,
    /// `1795210283328123456`: nanoseconds since the epoch.
    EpochNanos,
    /// Any time that syslog daemons and `journalctl` write, the year left out perhaps: only its reader can parse it.
    Syslog,
    /// `3/17/2026 12:54:16 PM`, `17.03.2026 12:54:16` and the like: what Windows shows, no zone.
    WindowsLocal,
    /// `Fri Nov 20 21:21:41.755305 2026`: the Apache error log; the fraction may be missing, an offset may follow.
    Ctime,
}

impl Notation {
    /// Parses a stamp that fills `text` wholly. `None`: not of this notation, or no such date.
    pub fn parse(self, text: &[u8]) -> Option<Stamp> {
        match self {
            Notation::Clf => parse_clf(text),
            Notation::Iso8601 => parse_iso8601(text),
            Notation::EpochSeconds => parse_epoch_seconds(text),
            Notation::EpochMillis => parse_epoch_millis(text),
            Notation::NginxError => parse_nginx_error(text),
            Notation::W3c => parse_w3c(text),
            Notation::IisNative => parse_iis_native(text),
            Notation::ClfVariant => parse_clf_variant(text),
            Notation::EpochMicros => parse_epoch_micros(text),
            Notation::EpochNanos => parse_epoch_nanos(text),
            Notation::Ctime => parse_ctime(text),
            Notation::Syslog => None,
            Notation::WindowsLocal => parse_windows_local(text),
        }
    }

    /// The part of a stamp that decides its second: equal slices mean equal seconds.
    ///
    /// Lets a scan skip parsing while the clock has not moved.
    #[inline]
    pub fn second_part(self, text: &[u8]) -> &[u8] {
        match self {
            // Where a zone or the year may follow the fraction, only the whole text decides.
            Notation::Clf
            | Notation::NginxError
            | Notation::Iso8601
            | Notation::W3c
            | Notation::IisNative
            | Notation::ClfVariant
            | Notation::Syslog
            | Notation::WindowsLocal
            | Notation::Ctime => text,
            Notation::EpochSeconds => match memchr::memchr(b'.', text) {
                Some(dot) => &text[..dot],
                None => text,
            },
            Notation::EpochMillis => &text[..text.len().saturating_sub(3)],
            Notation::EpochMicros => &text[..text.len().saturating_sub(6)],
            Notation::EpochNanos => &text[..text.len().saturating_sub(9)],
        }
    }
}

/// Writes an offset as `+02:00`.
pub fn format_offset(offset_s: i32) -> String {
    let sign = if offset_s < 0 { '-' } else { '+' };
    let minutes = offset_s.unsigned_abs() / 60;
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use chrono::{NaiveDateTime, TimeZone, Utc};
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(notation: Notation, text: &str, rfc3339: &str, offset_s: Option<i32>) {
        let stamp = notation.parse(text.as_bytes()).expect(text);
        assert_eq!(Timestamp(stamp.micros).to_rfc3339(), rfc3339);
        assert_eq!(stamp.offset_s, offset_s);
    }

    #[test]
    fn each_notation_is_read() {
        check(Notation::Clf, "20/Nov/2026:13:31:47 -0800", "2026-11-20T21:31:47Z", Some(-28_800));
        check(Notation::Iso8601, "2026-11-20T21:17:24+00:00", "2026-11-20T21:17:24Z", Some(0));
        check(Notation::Iso8601, "2026-11-20 21:17:24,5", "2026-11-20T21:17:24.500Z", None);
        check(
            Notation::Iso8601,
            "2026-11-20T21:17:24.000001Z",
            "2026-11-20T21:17:24.000001Z",
            Some(0),
        );
        check(Notation::EpochSeconds, "1795210283.328", "2026-11-20T21:31:23.328Z", Some(0));
        check(Notation::EpochMillis, "1795210283328", "2026-11-20T21:31:23.328Z", Some(0));
        check(Notation::NginxError, "2026/11/20 21:29:49", "2026-11-20T21:29:49Z", None);
        check(Notation::NginxError, "2026/11/20 21:29:49.5", "2026-11-20T21:29:49.500Z", None);
        check(Notation::EpochMillis, "1795210283328.5", "2026-11-20T21:31:23.328500Z", Some(0));
        for text in [
            "2026-11-20 21:29:42",
            "21:29:42 2026-11-20",
            "\"2026-11-20\" \"21:29:42\"",
            "2026-11-20\t21:29:42",
            "2026-11-20   21:29:42",
            "21:29:42 GET / 2026-11-20",
            "2026-11-20\",\"time\":\"21:29:42",
        ] {
            check(Notation::W3c, text, "2026-11-20T21:29:42Z", Some(0));
        }
        check(Notation::W3c, "2026-11-20 21:29:42.363", "2026-11-20T21:29:42.363Z", Some(0));
        check(Notation::IisNative, "2/23/2013, 12:12:46", "2013-02-23T12:12:46Z", None);
        check(Notation::IisNative, "23/2/13, 1:12:46", "2013-02-23T01:12:46Z", None);
        let micros = "2026-11-20T21:21:41.755305Z";
        check(Notation::Ctime, "Fri Nov 20 21:21:41.755305 2026", micros, None);
        check(Notation::Ctime, "Fri Nov 20 22:21:41.755305 2026 +0100", micros, Some(3600));
        check(Notation::Ctime, "Sun Dec  4 04:47:44 2005", "2005-12-04T04:47:44Z", None);
        check(Notation::Iso8601, "2026-11-20 22:21:41.755305 +0100", micros, Some(3600));
        check(
            Notation::ClfVariant,
            "1/Apr/2014:00:00:01 -0500",
            "2014-04-01T05:00:01Z",
            Some(-18_000),
        );
        check(Notation::ClfVariant, "20/Nov/2026 21:21:41.755305", micros, None);
        check(
            Notation::ClfVariant,
            "[20/Nov/2026:21:29:42 +0000]",
            "2026-11-20T21:29:42Z",
            Some(0),
        );
        check(Notation::EpochMicros, "1795209701755305", micros, Some(0));
        check(Notation::EpochNanos, "1795209701755305432", micros, Some(0));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "20/Nov/2026:24:00:00 +0000",
            "31/Feb/2026:00:00:00 +0000",
            "20/nov/2026:01:00:00 +0000",
        ] {
            assert_eq!(Notation::Clf.parse(text.as_bytes()), None, "{text}");
        }
        for text in ["2026-11-20", "2026-11-31 00:00:00", "2026-11-20 24:00:00", "a b", " "] {
            assert_eq!(Notation::W3c.parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Notation::IisNative.parse(b"2/30/2013, 12:12:46"), None);
        assert_eq!(Notation::EpochSeconds.parse(b"503"), None);
        assert_eq!(Notation::NginxError.parse(b"2026/13/20 21:29:49"), None);
        assert_eq!(Notation::Iso8601.parse(b"2026-11-20T21:17:24."), None);
        assert_eq!(Notation::Ctime.parse(b"Fri Nov 20 21:21:41 2026 "), None);
        assert_eq!(Notation::ClfVariant.parse(b"32/Nov/2026:21:21:41"), None);
        assert_eq!(Notation::ClfVariant.parse(b"[20/Nov/2026:21:21:41"), None);
    }

    #[test]
    fn offsets_in_all_spellings() {
        assert_eq!(parse_offset(b"+0530"), Some(19_800));
        assert_eq!(parse_offset(b"-08:00"), Some(-28_800));
        assert_eq!(parse_offset(b"Z"), Some(0));
        assert_eq!(parse_offset(b"+9"), None);
        assert_eq!(format_offset(-28_800), "-08:00");
    }

    proptest! {
        #[test]
        fn agrees_with_chrono(second in -2_000_000_000i64..7_000_000_000, minutes in -900i32..900) {
            let zone = chrono::FixedOffset::east_opt(minutes * 60).expect("in range");
            let time = zone.timestamp_opt(second, 0).single().expect("in range");
            let clf = time.format("%d/%b/%Y:%H:%M:%S %z").to_string();
            prop_assert_eq!(parse_clf(clf.as_bytes()), Some(Stamp::zoned((second + i64::from(minutes) * 60) * SECOND_US, minutes * 60)));
            let iso = time.to_rfc3339();
            prop_assert_eq!(parse_iso8601(iso.as_bytes()).map(|stamp| stamp.micros), Some(second * SECOND_US));
            let error = time.format("%Y/%m/%d %H:%M:%S").to_string();
            let oracle = NaiveDateTime::parse_from_str(&error, "%Y/%m/%d %H:%M:%S").expect("just printed");
            prop_assert_eq!(parse_nginx_error(error.as_bytes()).map(|stamp| stamp.micros), Some(Utc.from_utc_datetime(&oracle).timestamp_micros()));
        }

        #[test]
        fn never_panics(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            for notation in [Notation::Clf, Notation::Iso8601, Notation::EpochSeconds, Notation::EpochMillis, Notation::NginxError, Notation::W3c, Notation::IisNative, Notation::ClfVariant, Notation::EpochMicros, Notation::EpochNanos, Notation::Ctime] {
                let _ = notation.parse(&text);
                let _ = notation.second_part(&text);
            }
        }
    }
}
