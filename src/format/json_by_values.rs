//! Which keys of access lines in JSON hold the time and the status, where their names do not say it.
//!
//! In: sampled lines, one object each. Out: paths: keys, behind those of the objects that they stand in, with `.` between.
//! Invariants: a key counts only if it alone can be it; one that some of the objects lack, or that holds anything else in
//! one of them, is none. Keys that tell one instant are as good as one. What looks like messages of an application is left
//! alone.

use super::json_pairs::{Leaves, Pairs};
use crate::bytes::parse_status;
use crate::record::{HTTP_METHODS, split_request};
use crate::time::{Notation, SECOND_US};

/// Fewer lines show nothing.
const MIN_LINES: usize = 3;

/// More lines do not show more.
const MAX_LINES: usize = 200;

/// More keys than this has no access line.
const MAX_KEYS: usize = 100;

/// Keys of messages, calls and counts that applications log; a server has none of them where it logs requests.
const MESSAGE_KEYS: &[&str] = &[
    "level",
    "lvl",
    "severity",
    "loglevel",
    "log_level",
    "event",
    "text",
    "logger",
    "component",
    "caller",
    "msg",
    "message",
    "bucket",
    "metric",
];

/// How times are written: with a zone first.
const TIMES: [Notation; 6] = [
    Notation::Iso8601,
    Notation::Clf,
    Notation::ClfVariant,
    Notation::NginxError,
    Notation::EpochSeconds,
    Notation::EpochMillis,
];

/// The same, where no key has one of these.
const FINE_TIMES: [Notation; 2] = [Notation::EpochMicros, Notation::EpochNanos];

/// The path of the time, and how it is written.
type Time<'s> = (&'s [u8], Notation);

/// Several columns may be it.
struct Several;

/// A path, and its values in all lines.
type Keyed<'l> = (Vec<u8>, Vec<&'l [u8]>);

/// The keys that all lines have: the outermost ones, which are asked first, and all paths. What stands in an object may be
/// anything else's: of a certificate, a pod, a backend.
#[derive(Debug)]
pub(super) struct Columns<'l> {
    outermost: Vec<Keyed<'l>>,
    all: Vec<Keyed<'l>>,
}

impl<'l> Columns<'l> {
    /// `None`: the lines are too few, or no objects.
    pub(super) fn of(lines: &[&'l [u8]]) -> Option<Self> {
        let lines = &lines[..lines.len().min(MAX_LINES)];
        let mut columns: Vec<Keyed<'l>> = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            let mut leaves = Leaves::of(line);
            while let Some((path, value)) = leaves.next().ok()? {
                match columns.iter().position(|(known, _)| *known == path) {
                    // Of a key that an object has twice, the first counts.
                    Some(at) if columns[at].1.len() == index => columns[at].1.push(value),
                    None if index == 0 && columns.len() < MAX_KEYS => {
                        columns.push((path.to_vec(), vec![value]));
                    }
                    _ => {}
                }
            }
        }
        columns.retain(|(_, values)| values.len() == lines.len());
        let first = lines.first().filter(|_| lines.len() >= MIN_LINES)?;
        let keys: Vec<&[u8]> = Pairs::of(first).filter_map(|pair| Some(pair.ok()?.0)).collect();
        let is_outermost = |(path, _): &&Keyed<'l>| keys.contains(&&**path);
        Some(Columns {
            outermost: columns.iter().filter(is_outermost).cloned().collect(),
            all: columns,
        })
    }

    /// What the outermost keys tell, else what all paths do.
    fn find<'s, T>(&'s self, it: impl Fn(&'s [Keyed<'l>]) -> Option<T>) -> Option<T> {
        it(&self.outermost).or_else(|| it(&self.all))
    }

    /// The key of the time, and how it is written.
    pub(super) fn time_key(&self) -> Option<(&[u8], Notation)> {
        // An id may have as many digits as the finer ones.
        let found = |columns| time_in(columns, &TIMES).or_else(|| time_in(columns, &FINE_TIMES));
        self.find(found).and_then(Result::ok)
    }

    /// The key of the status, in lines of requests.
    pub(super) fn status_key(&self) -> Option<&[u8]> {
        // A duration may have three digits as well.
        let is_usual = |value: &&&[u8]| {
            matches!(**value, b"200" | b"204" | b"301" | b"302" | b"304" | b"404" | b"500" | b"503")
        };
        let is_status = |values: &[&[u8]]| {
            values.iter().all(|value| parse_status(value).is_some_and(is_of_http))
                && values.iter().filter(is_usual).count() * 2 > values.len()
        };
        let status = self.find(|columns| only(columns, is_status));
        status.filter(|_| self.are_requests())
    }

    /// The key whose values are lines of requests (`GET / HTTP/1.1`).
    pub(super) fn request_key(&self) -> Option<&[u8]> {
        self.find(|columns| {
            columns.iter().find(|(_, values)| are_request_lines(values)).map(|(key, _)| &**key)
        })
    }

    /// True for lines of requests that are no messages of an application.
    pub(super) fn are_requests(&self) -> bool {
        let is_message = |columns: &[Keyed<'_>]| {
            columns.iter().any(|(key, _)| {
                let last = key.rsplit(|byte| *byte == b'.').next().unwrap_or(key);
                MESSAGE_KEYS.iter().any(|name| last.eq_ignore_ascii_case(name.as_bytes()))
            })
        };
        // What scanners send has none, or one of their own.
        let are_methods = |values: &[&[u8]]| {
            let n_methods = values.iter().filter(|value| HTTP_METHODS.contains(value)).count();
            n_methods * 10 >= values.len() * 9
        };
        let are_paths = |values: &[&[u8]]| {
            let n_paths = values.iter().filter(|value| value.starts_with(b"/")).count();
            n_paths * 10 >= values.len() * 8
        };
        let are_requests = |columns: &[Keyed<'_>]| {
            let has = |passes: &dyn Fn(&[&[u8]]) -> bool| columns.iter().any(|(_, it)| passes(it));
            !is_message(columns)
                && (has(&are_request_lines) || (has(&are_methods) && has(&are_paths)))
        };
        are_requests(&self.outermost) || !is_message(&self.outermost) && are_requests(&self.all)
    }
}

/// The key whose values are it, if there is one and no other.
fn only<'s>(columns: &'s [Keyed<'_>], is_it: impl Fn(&[&[u8]]) -> bool) -> Option<&'s [u8]> {
    let mut found = columns.iter().filter(|(_, values)| is_it(values)).map(|(key, _)| &**key);
    found.next().filter(|_| found.next().is_none())
}

/// The column of the time, in one of the notations, and how it is written.
fn time_in<'s>(
    columns: &'s [Keyed<'_>],
    notations: &[Notation],
) -> Option<Result<Time<'s>, Several>> {
    let notation_of = |values: &[&[u8]]| {
        let is_it = |notation: &&Notation| values.iter().all(|value| is_time(value, **notation));
        notations.iter().find(is_it).copied()
    };
    let mut found =
        columns.iter().filter_map(|(key, values)| Some((&**key, values, notation_of(values)?)));
    let (key, values, notation) = found.next()?;
    // One clock in two notations, not the start and the end.
    let is_same = |(_, others, other): (_, &Vec<&[u8]>, Notation)| {
        values.iter().zip(others).all(|(one, two)| {
            let (one, two) = (notation.parse(one), other.parse(two));
            one.zip(two).is_some_and(|(one, two)| {
                one.offset_s.is_some() == two.offset_s.is_some()
                    && (one.micros - two.micros).abs() < SECOND_US
            })
        })
    };
    Some(if found.all(is_same) { Ok((key, notation)) } else { Err(Several) })
}

fn is_of_http(status: u16) -> bool {
    (100..600).contains(&status)
}

fn is_time(value: &[u8], notation: Notation) -> bool {
    let n_digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
    // A count may have as many digits: seconds of this century begin with 1 to 4.
    let is_plausible = match notation {
        Notation::EpochSeconds => n_digits == 10 && value[0] < b'5',
        Notation::EpochMillis => n_digits == 13 && value[0] < b'5',
        Notation::EpochMicros => n_digits == 16 && value[0] < b'5',
        Notation::EpochNanos => n_digits == 19 && value[0] < b'5',
        _ => true,
    };
    is_plausible && notation.parse(value).is_some()
}

fn are_request_lines(values: &[&[u8]]) -> bool {
    let is_request = |value: &&&[u8]| HTTP_METHODS.contains(&split_request(value).0);
    values.iter().filter(is_request).count() * 10 >= values.len() * 8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(text: &str) -> Vec<&[u8]> {
        text.lines().map(str::as_bytes).collect()
    }

    #[test]
    fn values_tell_time_and_status() {
        let text = r#"{"when":"2026-11-22T13:09:23Z","d":3,"rq":"GET /a HTTP/1.1","rc":200,"n":1795353647}
{"when":"2026-11-22T13:09:24Z","d":14,"rq":"GET /b HTTP/1.1","rc":"503","n":7}
{"when":"2026-11-22T13:09:25Z","d":217,"rq":"POST /c HTTP/1.1","rc":404,"n":8}"#;
        let lines = lines_of(text);
        let columns = Columns::of(&lines).expect("objects");
        assert_eq!(columns.time_key(), Some((&b"when"[..], Notation::Iso8601)));
        assert_eq!(columns.status_key(), Some(&b"rc"[..]));
        assert_eq!(columns.request_key(), Some(&b"rq"[..]));
        assert!(Columns::of(&lines[..2]).is_none());
        // Of two that may be it, none is.
        let two = text.replace("\"d\":", "\"e\":\"2026-11-22T13:09:25Z\",\"q\":200,\"d\":");
        let two = Columns::of(&lines_of(&two)).expect("objects");
        assert_eq!((two.time_key(), two.status_key()), (None, None));
    }

    #[test]
    fn what_stands_in_objects_is_known_by_its_path() {
        let text = r#"{"e":{"at":"22/Nov/2026:13:25:47 +0000","utc":"2026-11-22T13:25:47.123Z","id":1795353947123456789},"q":{"how":"GET","doc":"/a"},"r":{"rc":200}}"#;
        let columns_of = |text: &str| {
            let found = Columns::of(&[text.as_bytes(); 3]).expect("objects");
            let time = found.time_key().map(|(key, notation)| (key.to_vec(), notation));
            (time, found.status_key().map(<[u8]>::to_vec))
        };
        // One instant under two keys, and an id of as many digits as nanoseconds.
        let at = Some((b"e.at".to_vec(), Notation::Clf));
        assert_eq!(columns_of(text), (at.clone(), Some(b"r.rc".to_vec())));
        assert_eq!(columns_of(&text.replace("13:25:47.123", "13:25:49.123")).0, None);
        let nanos =
            r#"{"e":{"at":1795353947123456789},"q":{"how":"GET","doc":"/a"},"r":{"rc":200}}"#;
        assert_eq!(columns_of(nanos).0, Some((b"e.at".to_vec(), Notation::EpochNanos)));
        let message = text.replace("\"q\":", "\"log\":{\"level\":\"info\"},\"q\":");
        assert_eq!(columns_of(&message), (at, None));
        // The outermost keys go first, whatever stands in objects.
        let outer = r#"{"t":"2026-11-22T13:25:47Z","m":"GET","p":"/a","rc":503,"tls":{"until":"2027-11-22T13:25:47Z"},"build":{"component":"web","n":200}}"#;
        let t = Some((b"t".to_vec(), Notation::Iso8601));
        assert_eq!(columns_of(outer), (t, Some(b"rc".to_vec())));
    }

    #[test]
    fn messages_of_applications_are_no_access_lines() {
        fn columns(line: &str) -> Columns<'_> {
            Columns::of(&[line.as_bytes(); 4]).expect("objects")
        }
        let line = r#"{"level":"info","msg":"done","req":"GET /a HTTP/1.1","rc":200}"#;
        assert_eq!(columns(line).status_key(), None);
        let line = r#"{"at":"2026-11-22T13:09:23Z","req":"GET /a HTTP/1.1","ms":217}"#;
        assert_eq!(columns(line).status_key(), None);
        let line = r#"{"at":"2026-11-22T13:09:23Z","job":"mail","rc":200}"#;
        assert_eq!(columns(line).status_key(), None);
        // Calls of a client, and counts.
        for own in ["\"log.level\":\"info\"", "\"event\":\"call\"", "\"metric\":\"n\""] {
            let line = format!(
                r#"{{"at":"2026-11-22T13:09:23Z","req":"GET /a HTTP/1.1","rc":200,{own}}}"#
            );
            assert_eq!(columns(&line).status_key(), None, "{own}");
            assert!(!columns(&line).are_requests(), "{own}");
        }
    }
}
