//! Access lines in three layouts, formatted by hand.
//!
//! In: what a request was and how it was answered. Out: bytes appended to a buffer, without the newline.
//! Source: nginx, `ngx_http_log_module.c` and `ngx_http_upstream.c` (lists of attempts).

use clap::ValueEnum;

/// How access lines are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Layout {
    /// nginx `combined`: nothing about the upstream.
    Combined,
    /// `combined "$upstream_addr" "$upstream_status" $upstream_response_time $request_time $request_id`.
    Upstream,
    /// One JSON object per line, as `escape=json` writes it.
    Json,
}

impl Layout {
    /// Mean length of a line, measured; only used to choose the span of the log.
    pub(crate) const fn usual_line_bytes(self) -> u64 {
        match self {
            Layout::Combined => 240,
            Layout::Upstream => 304,
            Layout::Json => 528,
        }
    }

    pub(crate) const fn sees_upstream(self) -> bool {
        !matches!(self, Layout::Combined)
    }
}

/// One try at a backend: `$upstream_addr`, `$upstream_status`, milliseconds.
pub(crate) type Attempt = (&'static str, u16, u64);

/// What an access line says.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) client: &'a [u8],
    pub(crate) request: &'a [u8],
    pub(crate) host: &'static str,
    pub(crate) status: u16,
    pub(crate) body_bytes: u64,
    pub(crate) referer: &'a [u8],
    pub(crate) agent: &'a [u8],
    pub(crate) attempts: &'a [Attempt],
    pub(crate) request_ms: u64,
}

/// Day of the month, hour, minute and second.
pub(crate) const fn clock(second: u64) -> (u64, u64, u64, u64) {
    (1 + second / 86_400, second / 3600 % 24, second / 60 % 60, second % 60)
}

pub(crate) fn clf(second: u64) -> String {
    let (day, hour, minute, second) = clock(second);
    format!("{day:02}/Jun/2026:{hour:02}:{minute:02}:{second:02} +0000")
}

pub(crate) fn rfc3339(second: u64) -> String {
    let (day, hour, minute, second) = clock(second);
    format!("2026-06-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

pub(crate) fn push_number(line: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    line.extend_from_slice(&digits[at..]);
}

pub(crate) fn push_seconds(line: &mut Vec<u8>, ms: u64) {
    push_number(line, ms / 1000);
    let ms = ms % 1000;
    line.extend([
        b'.',
        b'0' + (ms / 100) as u8,
        b'0' + (ms / 10 % 10) as u8,
        b'0' + (ms % 10) as u8,
    ]);
}

pub(crate) fn push_hex(line: &mut Vec<u8>, value: u64) {
    for place in (0..16).rev() {
        line.push(b"0123456789abcdef"[(value >> (place * 4) & 15) as usize]);
    }
}

/// An nginx list variable: one item per attempt, `-` for none.
pub(crate) fn push_list(
    line: &mut Vec<u8>,
    attempts: &[Attempt],
    item: impl Fn(&mut Vec<u8>, &Attempt),
) {
    if attempts.is_empty() {
        line.push(b'-');
    }
    for (nth, attempt) in attempts.iter().enumerate() {
        if nth > 0 {
            line.extend(b", ");
        }
        item(line, attempt);
    }
}

pub(crate) fn push_combined(line: &mut Vec<u8>, stamp: &[u8], answer: &Answer<'_>) {
    line.extend_from_slice(answer.client);
    line.extend_from_slice(b" - - [");
    line.extend_from_slice(stamp);
    line.extend_from_slice(b"] \"");
    line.extend_from_slice(answer.request);
    line.extend_from_slice(b"\" ");
    push_number(line, u64::from(answer.status));
    line.push(b' ');
    push_number(line, answer.body_bytes);
    line.extend_from_slice(b" \"");
    line.extend_from_slice(answer.referer);
    line.extend_from_slice(b"\" \"");
    line.extend_from_slice(answer.agent);
    line.push(b'"');
}

pub(crate) fn push_upstream(line: &mut Vec<u8>, answer: &Answer<'_>, id: (u64, u64)) {
    line.extend_from_slice(b" \"");
    push_list(line, answer.attempts, |line, attempt| line.extend_from_slice(attempt.0.as_bytes()));
    line.extend_from_slice(b"\" \"");
    push_list(line, answer.attempts, |line, attempt| push_number(line, u64::from(attempt.1)));
    line.extend_from_slice(b"\" ");
    push_list(line, answer.attempts, |line, attempt| push_seconds(line, attempt.2));
    line.push(b' ');
    push_seconds(line, answer.request_ms);
    line.push(b' ');
    push_hex(line, id.0);
    push_hex(line, id.1);
}

pub(crate) fn push_json(line: &mut Vec<u8>, stamp: &[u8], answer: &Answer<'_>, id: (u64, u64)) {
    // With escape=json an absent header is the empty string, not "-".
    let or_empty = |value: &'_ [u8]| if value == b"-" { 0 } else { value.len() };
    line.extend_from_slice(b"{\"time_local\":\"");
    line.extend_from_slice(stamp);
    line.extend_from_slice(b"\",\"remote_addr\":\"");
    line.extend_from_slice(answer.client);
    line.extend_from_slice(b"\",\"request\":\"");
    line.extend_from_slice(answer.request);
    line.extend_from_slice(b"\",\"status\":\"");
    push_number(line, u64::from(answer.status));
    line.extend_from_slice(b"\",\"body_bytes_sent\":\"");
    push_number(line, answer.body_bytes);
    line.extend_from_slice(b"\",\"request_time\":\"");
    push_seconds(line, answer.request_ms);
    line.extend_from_slice(b"\",\"upstream_addr\":\"");
    if !answer.attempts.is_empty() {
        push_list(line, answer.attempts, |line, attempt| {
            line.extend_from_slice(attempt.0.as_bytes());
        });
    }
    line.extend_from_slice(b"\",\"upstream_status\":\"");
    if !answer.attempts.is_empty() {
        push_list(line, answer.attempts, |line, attempt| push_number(line, u64::from(attempt.1)));
    }
    line.extend_from_slice(b"\",\"upstream_response_time\":\"");
    if !answer.attempts.is_empty() {
        push_list(line, answer.attempts, |line, attempt| push_seconds(line, attempt.2));
    }
    line.extend_from_slice(b"\",\"http_host\":\"");
    line.extend_from_slice(answer.host.as_bytes());
    line.extend_from_slice(b"\",\"http_referrer\":\"");
    line.extend_from_slice(&answer.referer[..or_empty(answer.referer)]);
    line.extend_from_slice(b"\",\"http_user_agent\":\"");
    line.extend_from_slice(&answer.agent[..or_empty(answer.agent)]);
    line.extend_from_slice(b"\",\"request_id\":\"");
    push_hex(line, id.0);
    push_hex(line, id.1);
    line.extend_from_slice(b"\"}");
}
