//! The Microsoft IIS log format: fifteen columns between commas, local time, no header.
//!
//! In: rows without terminator. Out: records.
//! Invariants: the columns are fixed; `, ` separates them, so that a bare comma belongs to the URL.
//! Source: IIS documentation, "IIS Log File Formats":
//! `::1, -, 2/23/2013, 12:12:46, W3SVC1, HOST, ::1, 324, 285, 935, 200, 0, GET, /, -,`

use super::iis_arr::set_query;
use super::iis_w3c::without_padding;
use super::{About, Format, FormatBasis, Glance, Instant, Proposal, Reader, Sample};
use crate::bytes::parse_status;
use crate::record::{AccessRecord, Escape, Field, Record, Skip};
use crate::taxonomy::{LogRole, Server};
use crate::time::Notation;

/// The columns, under the names of the W3C log.
const COLUMNS: [(&str, Field); 15] = [
    ("c-ip", Field::RemoteAddr),
    ("cs-username", Field::RemoteUser),
    ("date", Field::Other),
    ("time", Field::Other),
    ("s-sitename", Field::SiteName),
    ("s-computername", Field::ComputerName),
    ("s-ip", Field::ServerIp),
    ("time-taken", Field::RequestTimeMillis),
    ("cs-bytes", Field::RequestLength),
    ("sc-bytes", Field::BytesSent),
    ("sc-status", Field::Status),
    ("sc-win32-status", Field::Win32Status),
    ("cs-method", Field::Method),
    ("cs-uri-stem", Field::Uri),
    ("cs-uri-query", Field::Args),
];

/// Reads rows of the Microsoft IIS log format.
#[derive(Debug, Clone)]
pub struct IisNative {
    about: About,
}

impl Default for IisNative {
    fn default() -> Self {
        IisNative {
            about: About {
                format: IisNativeFormat::NAME,
                layout: "iis".to_owned(),
                server: Server::Iis,
                role: LogRole::Access,
                notation: Notation::IisNative,
                instant: Instant::End,
                basis: FormatBasis::Detected,
                ambiguous_with: None,
            },
        }
    }
}

/// The values of a row, and the text of its date and time.
fn cut(line: &[u8]) -> Result<([&[u8]; 15], &[u8]), Skip> {
    let row = without_padding(line).trim_ascii_end();
    let row = row.strip_suffix(b",").unwrap_or(row);
    let mut values: [&[u8]; 15] = [&[]; 15];
    let (mut column, mut start) = (0, 0);
    let mut stamp = (0, 0);
    let ends = memchr::memmem::find_iter(row, b", ").chain(std::iter::once(row.len()));
    for end in ends {
        let value = values.get_mut(column).ok_or(Skip::Shape)?;
        *value = &row[start..end];
        match column {
            2 => stamp.0 = start,
            3 => stamp.1 = end,
            _ => {}
        }
        start = (end + 2).min(row.len());
        column += 1;
    }
    if column < 14 { Err(Skip::Truncated) } else { Ok((values, &row[stamp.0..stamp.1])) }
}

impl Reader for IisNative {
    fn about(&self) -> &About {
        &self.about
    }

    #[inline]
    fn glance<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        let (values, stamp) = cut(line)?;
        Ok(Glance { stamp, status: parse_status(values[10]).ok_or(Skip::BadStatus)? })
    }

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        let (values, text) = cut(record)?;
        let status = parse_status(values[10]).ok_or(Skip::BadStatus)?;
        let stamp = self.stamp(text).ok_or(Skip::BadTime)?;
        let mut access = AccessRecord::new(stamp, status, Escape::None);
        access.set(Field::Time, text);
        for ((_, field), value) in COLUMNS.iter().zip(values) {
            match field {
                Field::Other => {}
                Field::Args => set_query(&mut access, value),
                _ => access.set(*field, value),
            }
        }
        Ok(Record::Access(access))
    }

    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        let Ok((values, _)) = cut(record) else { return };
        for ((name, _), value) in COLUMNS.iter().zip(values) {
            each(name, value);
        }
    }
}

/// Recognises the Microsoft IIS log format.
#[derive(Debug, Clone, Copy)]
pub struct IisNativeFormat;

impl IisNativeFormat {
    const NAME: &'static str = "iis_native";
}

impl Format for IisNativeFormat {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn summary(&self) -> &'static str {
        "Microsoft IIS log format: fifteen columns between commas, local time, no header"
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        Proposal::of(IisNative::default(), sample)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn a_row_is_read() {
        let line = b"::1, -, 2/23/2013, 12:12:46, W3SVC1, HOST, ::1, 324, 285, 935, 503, 0, GET, /a,b, x=1,2,";
        let Ok(Record::Access(record)) = IisNative::default().parse(line) else { panic!() };
        assert_eq!(Timestamp(record.stamp.micros).to_rfc3339(), "2013-02-23T12:12:46Z");
        assert_eq!((record.status, record.stamp.offset_s), (503, None));
        assert_eq!(record.request(), (&b"GET"[..], &b"/a,b"[..]));
        assert_eq!(record.target_parts(), (&b"/a,b"[..], Some(&b"x=1,2"[..])));
        assert_eq!(record.duration_us(), Some(324_000));
        assert_eq!(record.raw(Field::RemoteAddr), Some(&b"::1"[..]));
    }

    #[test]
    fn what_the_farm_proxy_adds_to_the_query_is_taken_apart() {
        let line = b"::1, -, 2/23/2013, 12:12:46, W3SVC1, HOST, ::1, 324, 285, 935, 503, 0, GET, /a, x=1&X-ARR-CACHE-HIT=0&X-ARR-LOG-ID=ab-1&SERVER-STATUS=503,";
        let Ok(Record::Access(record)) = IisNative::default().parse(line) else { panic!() };
        assert_eq!(record.target_parts(), (&b"/a"[..], Some(&b"x=1"[..])));
        assert_eq!(record.raw(Field::UpstreamStatus), Some(&b"503"[..]));
        assert_eq!(record.raw(Field::ArrLogId), Some(&b"ab-1"[..]));
    }

    #[test]
    fn other_rows_are_refused() {
        for line in ["", "a, b, c", "::1, -, 2/23/2013, 12:12:46, W3SVC1, HOST, ::1, 324, 285, 9"] {
            assert!(IisNative::default().parse(line.as_bytes()).is_err(), "{line}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_glance_agrees_with_parse(
            words in proptest::collection::vec("2/23/2013|12:12:46|503|-|/a,b|[ -~]{0,5}", 0..18),
        ) {
            let line = words.join(", ").into_bytes();
            let reader = IisNative::default();
            let glance = reader.glance(&line);
            reader.each_field(&line, &mut |_, _| {});
            if let Ok(Record::Access(record)) = reader.parse(&line) {
                let glance = glance.expect("parse accepts nothing that glance refuses");
                prop_assert_eq!(glance.status, record.status);
                prop_assert_eq!(reader.stamp(glance.stamp), Some(record.stamp));
            }
        }
    }
}
