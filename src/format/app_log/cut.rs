//! What is left of the heads of lines that lost their times, as people paste them.
//!
//! In: a line. Out: the level, and where the message may begin. Invariants: only places are told; whether a message
//! stands there is for the cause table to say.

use memchr::memmem;

use super::heads::{digits, is_level};
use crate::format::envelope::behind_marks;

/// How far into a line what is left of its head is looked for.
const CUT_HEAD_BYTES: usize = 64;

/// What is left of a head that lost its time: the level, and where the message begins.
pub(super) fn cut_head(line: &[u8]) -> (&[u8], usize) {
    if let Some(at) = behind_tag(line).or_else(|| behind_event(line)) {
        return (b"", at);
    }
    let from = line.len() - behind_marks(line).trim_ascii_start().len();
    let text = &line[from..];
    let elided = [&b"[...] "[..], b"... ", b"...", b"\xe2\x80\xa6"];
    let elided = elided.iter().find(|mark| text.starts_with(mark)).map_or(0, |mark| mark.len());
    let from = from + elided;
    let from = from + usize::from(matches!(line.get(from), Some(b'"' | b'\'')));
    // nginx: `[error] 12#12: *4 text`, behind what else is left of the head.
    let head = &line[from..line.len().min(from + CUT_HEAD_BYTES)];
    let behind_level = |close: usize| {
        let open = memchr::memrchr(b'[', &head[..close]).map_or(0, |open| open + 1);
        let level = &line[from + open..from + close];
        is_level(level).then_some((level, from + close + 2))
    };
    let mut closes = memmem::find_iter(head, b"] ");
    if let Some((level, at)) = closes.find_map(behind_level) {
        return (level, behind_process(line, at));
    }
    let text = behind_process(line, from);
    if text > from {
        return (b"", text);
    }
    if let Some(colon) = memchr::memchr(b':', &line[from..])
        && is_level(&line[from..from + colon])
    {
        return (&line[from..from + colon], from + colon + 1);
    }
    (b"", from)
}

/// Where the reason begins in a row of events as `kubectl describe` prints them under a heading of their own:
/// `  Warning  Unhealthy  3m (x17 over 12h)  kubelet  text`.
pub(super) fn behind_event(line: &[u8]) -> Option<usize> {
    let blanks = line.iter().take_while(|byte| **byte == b' ').count();
    let row = &line[blanks..];
    let behind = row.strip_prefix(b"Warning  ").or_else(|| row.strip_prefix(b"Normal  "))?;
    let reason = behind.trim_ascii_start();
    let word = reason.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    (word > 0 && reason[word..].starts_with(b"  ")).then(|| line.len() - reason.len())
}

/// Where the tag begins of a record of varnishlog: `-   FetchError     text`, and, as Varnish 3 wrote it,
/// `   11 FetchError   c text`.
pub(super) fn behind_tag(line: &[u8]) -> Option<usize> {
    let dashes = line.iter().take_while(|byte| **byte == b'-').count();
    if dashes > 0 && line[dashes..].starts_with(b"  ") {
        return Some(dashes);
    }
    let blanks = line.iter().take_while(|byte| **byte == b' ').count();
    let end = blanks + digits(&line[blanks..]);
    (end > blanks && line[end..].starts_with(b" FetchError ")).then_some(end)
}

/// Where the message begins behind `12#12: *4 ` or a part of that.
pub(super) fn behind_process(line: &[u8], from: usize) -> usize {
    let rest = &line[from..];
    let process = rest[digits(rest)..].strip_prefix(b"#");
    let text = process
        .map(|rest| &rest[digits(rest)..])
        .and_then(|rest| rest.strip_prefix(b": ").or(rest.strip_prefix(b" ")))
        .unwrap_or(rest);
    let connection = text.strip_prefix(b"*").filter(|rest| digits(rest) > 0);
    let text = connection.and_then(|rest| rest[digits(rest)..].strip_prefix(b" ")).unwrap_or(text);
    line.len() - text.len()
}

/// Where the message begins behind the brackets of Apache that follow from `from` on, and the words of an error number
/// that lost the number: `[pid 7:tid 8] [client 192.0.2.1:5] text`, `Connection refused: [client 192.0.2.1:5] text`.
pub(super) fn behind_brackets(line: &[u8], from: usize) -> usize {
    let mut at = from;
    if let Some(client) = memmem::find(&line[from..], b": [client ")
        && line[from..from + client].iter().all(|byte| byte.is_ascii_alphabetic() || *byte == b' ')
    {
        at = from + client + 2;
    }
    while let Some(inside) = line[at..].strip_prefix(b"[")
        && let Some(close) = memmem::find(inside, b"] ")
        && is_of_apache(&inside[..close])
    {
        at += close + 3;
    }
    at
}

/// True for what Apache writes into brackets at the start of a line.
fn is_of_apache(inside: &[u8]) -> bool {
    let is_named = |name: &&[u8]| inside.starts_with(name);
    let is_level = |colon: usize| is_level(&inside[colon + 1..]);
    inside.is_empty()
        || [&b"client "[..], b"remote ", b"pid "].iter().any(is_named)
        || memchr::memrchr(b':', inside).is_some_and(is_level)
}
