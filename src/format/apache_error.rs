//! The Apache error log: `[Fri Nov 20 21:21:41.755305 2026] [proxy:error] [pid 1:tid 2] (111)Connection refused:
//! [client 192.0.2.1:5] AH01114: text, referer: URL`.
//!
//! In: one message, which may span several physical lines. Out: an [`ErrorRecord`], values raw as Apache wrote them.
//! What the record's fields hold, where Apache differs from others:
//!
//! - `message` begins at the error number where there is one, `(111)Connection refused: `, and so holds the `[client]`
//!   that stands behind it, then `AHnnnnn: ` and the text. It ends before `, referer: `.
//! - `client` has no port. Many telling lines (AH00957) have no client at all; the next lines of the same process and
//!   thread have it. So `connection`, since Apache numbers no connections, is a hash of process and thread id, or of
//!   the log id of the request where the format has that alone. Access lines print other thread ids: it joins error
//!   lines with each other only.
//!
//! Invariants: what a client puts into its request or `Referer` is never taken for the head of a line.
//! Source: Apache httpd 2.4 `server/log.c` (`do_errorlog_default`), 2.2 `server/log.c`; `mod_jk` `jk_util.c`.

mod bracketed;
pub mod error_log_format;
mod worked_out;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use memchr::memmem;

use self::error_log_format::ErrorLayout;
use super::{About, Format, FormatBasis, Glance, Instant, Proposal, Reader, Sample};
use crate::bytes::parse_u64;
use crate::record::{ErrorRecord, Record, Skip};
use crate::taxonomy::{LogRole, Server};
use crate::time::Notation;

/// Longest line that Apache writes, without its newline: `MAX_STRING_LEN` is 8192.
const LONGEST_LINE_BYTES: usize = 8191;

/// The severities, as written.
const LEVELS: [&[u8]; 16] = [
    b"emerg", b"alert", b"crit", b"error", b"warn", b"notice", b"info", b"debug", b"trace1",
    b"trace2", b"trace3", b"trace4", b"trace5", b"trace6", b"trace7", b"trace8",
];

/// The parts of a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Parts<'a> {
    stamp: &'a [u8],
    module: &'a [u8],
    level: &'a [u8],
    pid: &'a [u8],
    tid: &'a [u8],
    /// The log id of the request (`%L`).
    request_id: &'a [u8],
    /// Address and port.
    client: Option<&'a [u8]>,
    /// The name of the site.
    host: Option<&'a [u8]>,
    /// `(111)Connection refused`.
    errno: Option<&'a [u8]>,
    /// From the error number, or else from the text, up to the referer.
    message: &'a [u8],
    /// The message without error number and client.
    text: &'a [u8],
    referrer: Option<&'a [u8]>,
}

/// How lines are cut into parts.
#[derive(Debug, Clone)]
enum Grammar {
    /// The default formats of all versions, and others of brackets.
    Bracketed,
    /// The same without the time, which is left to the daemon by `ErrorLog syslog`.
    Timeless,
    /// An `ErrorLogFormat`.
    Compiled(ErrorLayout),
}

/// Reads messages of an Apache error log.
#[derive(Debug, Clone)]
pub struct ApacheError {
    about: About,
    grammar: Grammar,
}

impl ApacheError {
    /// A reader for the default formats of Apache 2.2 and 2.4, and of `mod_jk`'s own log.
    pub fn new() -> Self {
        Self::bracketed(Notation::Ctime, "default")
    }

    fn bracketed(notation: Notation, layout: &str) -> Self {
        let about = about(layout, notation, FormatBasis::Detected);
        ApacheError { about, grammar: Grammar::Bracketed }
    }

    /// A reader for what `ErrorLog syslog` hands to the daemon.
    fn timeless() -> Self {
        let about = about("syslog", Notation::Ctime, FormatBasis::Detected);
        ApacheError { about, grammar: Grammar::Timeless }
    }

    /// A reader for the text of an `ErrorLogFormat`, the escapes of its quotes undone.
    ///
    /// # Errors
    ///
    /// Says in words why such lines cannot be read.
    pub fn from_format(body: &str, basis: FormatBasis) -> Result<Self, String> {
        let layout = ErrorLayout::compile(body)?;
        let about = about(body, layout.notation(), basis);
        Ok(ApacheError { about, grammar: Grammar::Compiled(layout) })
    }

    fn parts<'a>(&self, record: &'a [u8]) -> Result<Parts<'a>, Skip> {
        match &self.grammar {
            Grammar::Bracketed => bracketed::parts(record),
            Grammar::Timeless => bracketed::timeless_parts(record),
            Grammar::Compiled(layout) => layout.parts(record),
        }
    }
}

fn about(layout: &str, notation: Notation, basis: FormatBasis) -> About {
    About {
        format: "apache_error",
        layout: layout.to_owned(),
        server: Server::Apache,
        role: LogRole::Error,
        notation,
        instant: Instant::End,
        basis,
        ambiguous_with: None,
    }
}

impl Default for ApacheError {
    fn default() -> Self {
        Self::new()
    }
}

impl Reader for ApacheError {
    fn about(&self) -> &About {
        &self.about
    }

    fn glance<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        Ok(Glance { stamp: self.parts(line)?.stamp, status: 0 })
    }

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        let parts = self.parts(record)?;
        let stamp = match parts.stamp {
            [] => None,
            text => Some(self.about.notation.parse(text).ok_or(Skip::BadTime)?),
        };
        // 2.2, which wrote no port, has no modules and no numbers of messages either.
        let has_port = !parts.pid.is_empty() || !parts.module.is_empty() || is_numbered(parts.text);
        Ok(Record::Error(ErrorRecord {
            stamp,
            level: parts.level,
            pid: parse_u64(parts.pid),
            connection: thread_key(parts.pid, parts.tid).or_else(|| id_key(parts.request_id)),
            log_id: Some(parts.request_id).filter(|id| !id.is_empty()),
            message: parts.message,
            client: parts.client.map(|client| without_port(client, has_port)),
            server: parts.host,
            request: None,
            subrequest: None,
            upstream: None,
            host: None,
            referrer: parts.referrer,
            truncated: record.len() >= LONGEST_LINE_BYTES,
            event: None,
            told: None,
        }))
    }

    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        let Ok(parts) = self.parts(record) else { return };
        for (name, value) in [
            ("time", Some(parts.stamp).filter(|stamp| !stamp.is_empty())),
            ("module", Some(parts.module).filter(|module| !module.is_empty())),
            ("level", Some(parts.level)),
            ("pid", Some(parts.pid).filter(|pid| !pid.is_empty())),
            ("tid", Some(parts.tid).filter(|tid| !tid.is_empty())),
            ("request_id", Some(parts.request_id).filter(|id| !id.is_empty())),
            ("errno", parts.errno),
            ("client", parts.client),
            ("vhost", parts.host),
            ("message", Some(parts.text)),
            ("referer", parts.referrer),
        ] {
            if let Some(value) = value {
                each(name, value);
            }
        }
    }
}

/// A number for process and thread: what joins the lines of one request. `None` without a process id; never 0.
fn thread_key(pid: &[u8], tid: &[u8]) -> Option<u64> {
    let (pid, tid) = (parse_u64(pid)?, parse_u64(tid).unwrap_or(0));
    // The multiplier is the golden ratio in 64 bits: it spreads the few bits of a process id over the word.
    Some((pid.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ tid).max(1))
}

/// A number for a log id, which joins the lines of one request as well. `None` without one; never 0.
fn id_key(id: &[u8]) -> Option<u64> {
    let mix = |key: u64, byte: &u8| (key ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    (!id.is_empty()).then(|| id.iter().fold(0xcbf2_9ce4_8422_2325, mix).max(1))
}

/// The address of `192.0.2.1:5`. Apache 2.2 wrote no port, so that the last group of an IPv6 address looked like one.
fn without_port(client: &[u8], has_port: bool) -> &[u8] {
    let Some(colon) = memchr::memrchr(b':', client) else { return client };
    let (address, port) = (&client[..colon], &client[colon + 1..]);
    let is_port = !port.is_empty() && port.iter().all(u8::is_ascii_digit);
    let is_v6 = memchr::memchr(b':', address).is_some();
    if !is_port || (is_v6 && !has_port) {
        return client;
    }
    address.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")).unwrap_or(address)
}

/// The text before `, referer: ` on the first line, and the referer.
///
/// The first one counts: a client can put the words into its `Referer`, which comes last.
fn split_referrer(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    let end = memchr::memchr(b'\n', text).unwrap_or(text.len());
    for mark in [&b", referer: "[..], b", referer http"] {
        if let Some(at) = memmem::find(&text[..end], mark) {
            let value = if mark.ends_with(b"http") { at + mark.len() - 4 } else { at + mark.len() };
            return (&text[..at], Some(&text[value..end]));
        }
    }
    (text, None)
}

/// True for text that begins with the number of a message: `AH01114: `.
fn is_numbered(text: &[u8]) -> bool {
    text.len() > 9
        && text.starts_with(b"AH")
        && text[2..7].iter().all(u8::is_ascii_digit)
        && text[7..].starts_with(b": ")
}

/// `(111)Connection refused` at the start of `text`; it ends before `: ` or before ` [client `.
fn take_errno(text: &[u8]) -> Option<&[u8]> {
    let rest = text.strip_prefix(b"(")?;
    let close = memchr::memchr(b')', rest).filter(|close| *close <= 16)?;
    let number = rest[..close].strip_prefix(b"OS ").or(rest[..close].strip_prefix(b"EAI "));
    let number = number.unwrap_or(&rest[..close]);
    if number.is_empty() || !number.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-') {
        return None;
    }
    let end = memmem::find(text, b": ").into_iter().chain(memmem::find(text, b" [")).min();
    Some(&text[..end?])
}

/// `[client ADDRESS] ` or `[remote ADDRESS] ` at the start of `text`: the address, and what follows.
fn take_client(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = text.strip_prefix(b"[client ").or_else(|| text.strip_prefix(b"[remote "))?;
    // Some versions write `[::1]:5`.
    let from = if rest.starts_with(b"[") { memchr::memchr(b']', rest)? + 1 } else { 0 };
    let close = from + memchr::memchr2(b']', b'\n', &rest[from..])?;
    if rest[close] != b']' {
        return None;
    }
    let behind = &rest[close + 1..];
    Some((&rest[..close], behind.strip_prefix(b" ").unwrap_or(behind)))
}

/// Proposes [`ApacheError`].
#[derive(Debug)]
pub struct ApacheErrorFormat;

impl Format for ApacheErrorFormat {
    fn name(&self) -> &'static str {
        "apache_error"
    }

    fn summary(&self) -> &'static str {
        "Apache error log, known by `[Fri Nov 20 21:21:41.755305 2026] [module:level] ` at the start of a line"
    }

    fn given(&self, spec: &str) -> Option<Result<Arc<dyn Reader>, String>> {
        let first = spec.split_whitespace().next()?;
        let is_ours = first.eq_ignore_ascii_case("ErrorLogFormat");
        is_ours.then(|| parse_spec(spec).map(|reader| Arc::new(reader) as Arc<dyn Reader>))
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        let readers = [
            ApacheError::new(),
            ApacheError::bracketed(Notation::Iso8601, "compact"),
            ApacheError::timeless(),
        ];
        let proposal_of = |reader: ApacheError| {
            let n_accepted = sample.count(|line| reader.parse(line).is_ok());
            Proposal::counted(reader, n_accepted)
        };
        let known = Proposal::best(readers.into_iter().filter_map(proposal_of));
        if known.as_ref().is_some_and(|known| known.n_accepted * 2 >= sample.lines.len()) {
            return known;
        }
        // The numbers of messages are Apache's own: a format that prints them is known by these.
        let worked_out = worked_out::work_out(&sample.lines)
            .and_then(|body| ApacheError::from_format(&body, FormatBasis::Detected).ok())
            .and_then(proposal_of);
        Proposal::best(known.into_iter().chain(worked_out))
    }

    fn standing_reader(&self) -> Option<Arc<dyn Reader>> {
        Some(Arc::new(ApacheError::new()))
    }
}

/// A reader for what a user gives as the format of an error log: `default`, the text of an `ErrorLogFormat`, or the whole
/// directive.
///
/// # Errors
///
/// Says in words what is wrong.
pub fn parse_spec(spec: &str) -> Result<ApacheError, String> {
    let spec = spec.trim();
    if spec == "default" {
        return Ok(ApacheError::new());
    }
    let first = spec.split_whitespace().next().unwrap_or_default();
    if first.eq_ignore_ascii_case("ErrorLogFormat") {
        let directive = format!("LogFormat{}", &spec[first.len()..]);
        let body = super::apache_conf::log_format_of_directive(&directive)?;
        return ApacheError::from_format(&body, FormatBasis::Given);
    }
    ApacheError::from_format(spec, FormatBasis::Given)
}
