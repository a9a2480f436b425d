//! Caddy's runtime log: one JSON object per message, with the request where a handler failed.
//!
//! In: lines with `level`, `ts` and `msg` that are no access lines. Out: messages: the logger's name, `msg`, `error` and
//! `err_trace`, with client, request and host.
//! Invariants: texts are decoded, since rules match quotes and clients write backslashes: a record is no part of its
//! line, so `parse` refuses it and `read` gives it.
//! Source: Caddy `logging.go`, `modules/caddyhttp/server.go` (`logger.Error` of failed requests), `reverseproxy.go`.

use super::json_declared::{ANY_TIME, at_path};
use super::json_pairs::Key;
use super::{About, Format, FormatBasis, Glance, Instant, Proposal, Reader, Sample, caddy, reads};
use crate::bytes::parse_u64;
use crate::record::{ErrorRecord, Escape, Record, Skip, unescape};
use crate::taxonomy::{LogRole, Server};
use crate::time::Notation;

/// Keys of the time, best first.
const TIMES: &[&str] = &["ts", "time", "timestamp"];

/// Reads messages of Caddy.
#[derive(Debug)]
pub struct CaddyLog {
    about: About,
    time: Key,
    level: Key,
    message: Key,
}

impl CaddyLog {
    fn new(time: &str, notation: Notation) -> Self {
        let about = About {
            format: CaddyLogFormat::NAME,
            layout: "json".to_owned(),
            server: Server::Caddy,
            role: LogRole::Error,
            notation,
            instant: Instant::End,
            basis: FormatBasis::Detected,
            ambiguous_with: None,
        };
        CaddyLog {
            about,
            time: Key::new(time.as_bytes()),
            level: Key::new(b"level"),
            message: Key::new(b"msg"),
        }
    }
}

/// A value without its escapes.
fn plain(raw: &[u8]) -> Vec<u8> {
    let mut out = vec![0; raw.len()];
    let n = unescape(Escape::Json, raw, &mut out);
    out.truncate(n);
    out
}

impl Reader for CaddyLog {
    fn about(&self) -> &About {
        &self.about
    }

    #[inline]
    fn glance<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        let is_message = line.starts_with(b"{")
            && line.trim_ascii_end().ends_with(b"}")
            && self.level.find(line).is_some()
            && self.message.find(line).is_some();
        if !is_message || caddy::ACCESS.owns(line) {
            return Err(Skip::Shape);
        }
        let stamp = self.time.find(line).ok_or(Skip::BadTime)?;
        Ok(Glance { stamp, status: 0 })
    }

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        self.glance(record)?;
        Err(Skip::Encoded)
    }

    fn read(&self, record: &[u8], each: &mut dyn FnMut(Result<Record<'_>, Skip>)) {
        let line = record.split(|byte| *byte == b'\n').next().unwrap_or(record);
        let glance = match self.glance(line) {
            Ok(glance) => glance,
            Err(skip) => return each(Err(skip)),
        };
        let Some(stamp) = self.stamp(glance.stamp) else { return each(Err(Skip::BadTime)) };
        let value = |path| at_path(line, path).map(|(_, value)| value);
        // The trace names the handler that failed.
        let message = [value("logger"), value("msg"), value("error"), value("err_trace")]
            .into_iter()
            .flatten()
            .filter(|text| !text.is_empty())
            .map(plain)
            .collect::<Vec<_>>()
            .join(&b": "[..]);
        let client = value("request>client_ip").or_else(|| value("request>remote_ip"));
        let request = value("request>uri").map(|uri| {
            let method = value("request>method").unwrap_or_default();
            [plain(method), plain(uri)].join(&b' ')
        });
        let upstream = value("upstream").or_else(|| value("host")).map(plain);
        let host = value("request>host").map(plain);
        each(Ok(Record::Error(ErrorRecord {
            stamp: Some(stamp),
            level: self.level.find(line).unwrap_or_default(),
            connection: value("request>remote_port").and_then(parse_u64),
            message: &message,
            client,
            request: request.as_deref(),
            upstream: upstream.as_deref(),
            host: host.as_deref(),
            ..ErrorRecord::default()
        })));
    }

    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        super::json_declared::each_leaf("", record, each);
    }
}

/// Recognises Caddy's runtime log.
#[derive(Debug)]
pub struct CaddyLogFormat;

impl CaddyLogFormat {
    const NAME: &'static str = "caddy_log";
}

impl Format for CaddyLogFormat {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn summary(&self) -> &'static str {
        "Caddy runtime logs (JSON); recognised by \"level\", \"msg\" and a logger of Caddy's"
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        // Others log with zap as well: one line must name a part of Caddy.
        if !sample.lines.iter().any(|line| is_line(line) && !caddy::ACCESS.owns(line)) {
            return None;
        }
        let readers = TIMES
            .iter()
            .flat_map(|time| ANY_TIME.iter().map(|notation| CaddyLog::new(time, *notation)));
        let count =
            |reader: &CaddyLog| sample.lines.iter().filter(|line| reads(reader, line)).count();
        let (n_accepted, reader) = readers
            .map(|reader| (count(&reader), reader))
            .reduce(|best, next| if next.0 > best.0 { next } else { best })?;
        Proposal::counted(reader, n_accepted)
    }
}

/// True for a message that names a part of Caddy.
pub(super) fn is_line(line: &[u8]) -> bool {
    line.starts_with(b"{")
        && at_path(line, "msg").is_some()
        && at_path(line, "logger").is_some_and(|(_, logger)| is_part_of_caddy(logger))
}

/// True for the name of a logger of Caddy or of one of its modules.
fn is_part_of_caddy(logger: &[u8]) -> bool {
    const PARTS: [&[u8]; 6] =
        [b"http.log", b"http.handlers", b"http.auto_https", b"tls", b"admin", b"caddy"];
    PARTS.iter().any(|part| {
        logger.strip_prefix(*part).is_some_and(|rest| rest.is_empty() || rest[0] == b'.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"level":"error","ts":1795211322.431044,"logger":"http.log.error.log0","msg":"dial \"x\": connection refused","request":{"remote_ip":"127.0.0.1","remote_port":"40552","method":"GET","host":"shop.example.com","uri":"/a?b=\"c"},"status":502}"#;

    #[test]
    fn a_failed_request_is_named() {
        let sample = Sample::of(vec![LINE.as_bytes()]);
        let proposal = CaddyLogFormat.propose(&sample).expect("recognised");
        let mut n = 0;
        proposal.reader.read(LINE.as_bytes(), &mut |result| {
            let Ok(Record::Error(record)) = result else { panic!("no message") };
            assert_eq!(record.message, br#"http.log.error.log0: dial "x": connection refused"#);
            assert_eq!(record.request, Some(&br#"GET /a?b="c"#[..]));
            assert_eq!((record.connection, record.client), (Some(40_552), Some(&b"127.0.0.1"[..])));
            n += 1;
        });
        assert_eq!(n, 1);
    }

    #[test]
    fn access_lines_and_other_logs_of_zap_are_left_alone() {
        let access = LINE.replace("http.log.error", "http.log.access");
        let other = LINE.replace("http.log.error.log0", "main");
        for text in [access, other] {
            assert!(CaddyLogFormat.propose(&Sample::of(vec![text.as_bytes()])).is_none());
        }
    }
}
