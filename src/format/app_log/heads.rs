//! The grammar of heads: where a line has its time, its level and its message.

use memchr::memmem;

use super::cut::behind_process;
use super::json;
use crate::bytes::{offset_of, parse_seconds_us, two_digits};
use crate::journal::text::YearlessTime;
use crate::time::{
    SECOND_US, Stamp, parse_clf_variant, parse_ctime, parse_epoch_millis, parse_epoch_nanos,
    parse_epoch_seconds, parse_iso8601, parse_nginx_error,
};

/// What a head says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Head<'a> {
    /// Empty where the head has no time. The date may lack a part: see [`partial_stamp`].
    pub stamp: &'a [u8],
    pub level: &'a [u8],
    pub pid: &'a [u8],
    /// Offset of the message.
    pub message_at: usize,
    /// Where it ends, if not at the end of the record.
    pub message_end: Option<usize>,
}

/// Level words, in lower case.
const LEVELS: [&[u8]; 29] = [
    b"trace",
    b"debug",
    b"info",
    b"information",
    b"notice",
    b"note",
    b"warn",
    b"warning",
    b"error",
    b"err",
    b"severe",
    b"fatal",
    b"critical",
    b"crit",
    b"alert",
    b"emerg",
    b"panic",
    b"log",
    b"config",
    b"fine",
    b"finer",
    b"finest",
    b"statement",
    b"system",
    // Serilog.
    b"vrb",
    b"dbg",
    b"inf",
    b"wrn",
    b"ftl",
];

/// Words between the time and the level, at most.
const MAX_WORDS: usize = 7;

/// The head of a line. `None`: it has none that is known.
pub(super) fn head_of(line: &[u8]) -> Option<Head<'_>> {
    match line.first()? {
        b'{' => json_head(line),
        b'[' => bracketed_head(line).or_else(|| tagged_head(line)),
        b'0'..=b'9' => redis_head(line)
            .or_else(|| slash_head(line))
            .or_else(|| iso_head(line, 0))
            .or_else(|| named_month_head(line, 0))
            .or_else(|| clock_head(line)),
        b'I' | b'W' | b'E' | b'F' | b'D' => {
            ruby_head(line).or_else(|| klog_head(line)).or_else(|| ctime_head(line))
        }
        b't' | b'l' | b'm'
            if line.starts_with(b"time=")
                || line.starts_with(b"ts=")
                || line.starts_with(b"level=")
                || line.starts_with(b"msg=") =>
        {
            logfmt_head(line)
        }
        b'A'..=b'Z' => ctime_head(line),
        b'a'..=b'z' => dotnet_head(line),
        _ => None,
    }
}

/// Parses any stamp that a head has.
pub(in crate::format) fn parse_stamp(text: &[u8]) -> Option<Stamp> {
    if let Some(local) = text.strip_suffix(b" UTC").or_else(|| text.strip_suffix(b" GMT")) {
        let stamp = parse_stamp(local)?;
        return Some(Stamp { offset_s: Some(stamp.offset_s.unwrap_or(0)), ..stamp });
    }
    match text {
        [_, _, _, _, b'-', ..] => parse_iso8601(text),
        [_, _, _, _, b'/', ..] => parse_nginx_error(text.get(..19)?),
        [_, _, b'-' | b' ', ..] | [_, b'-' | b' ', ..] => {
            let mut clf = [0u8; 40];
            let clf = clf.get_mut(..text.len())?;
            clf.copy_from_slice(text);
            // Up to the year the parts are joined by `-` or blanks, where CLF has slashes.
            let mark = text[text.iter().position(|byte| matches!(byte, b'-' | b' '))?];
            clf.iter_mut().filter(|byte| **byte == mark).take(2).for_each(|byte| *byte = b'/');
            parse_clf_variant(clf)
        }
        [first, ..] if first.is_ascii_alphabetic() => parse_ctime(text),
        _ if text.len() == 13 && !text.contains(&b'.') => parse_epoch_millis(text),
        _ if text.len() == 19 && !text.contains(&b'.') => parse_epoch_nanos(text),
        _ => parse_epoch_seconds(text.get(..text.len().min(20))?),
    }
}

pub(super) fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// Length of `21:17:24` with its fraction.
fn clock(text: &[u8]) -> Option<usize> {
    let &[h1, h2, b':', m1, m2, b':', s1, s2, ref rest @ ..] = text else { return None };
    [h1, h2, m1, m2, s1, s2].iter().all(u8::is_ascii_digit).then_some(())?;
    let fraction = match rest {
        [b'.' | b',', tail @ ..] if digits(tail) > 0 => 1 + digits(tail),
        _ => 0,
    };
    Some(8 + fraction)
}

/// Length of a zone: `Z`, ` UTC`, `+0200`, ` +02:00`.
fn zone(text: &[u8]) -> usize {
    for known in [&b"Z"[..], b" UTC", b" GMT"] {
        if text.starts_with(known) {
            return known.len();
        }
    }
    let blank = usize::from(text.starts_with(b" "));
    match &text[blank..] {
        [b'+' | b'-', rest @ ..] => match (digits(rest), rest.get(2)) {
            (4, _) => blank + 5,
            (2, Some(b':')) if digits(&rest[3..]) == 2 => blank + 6,
            (2, _) => blank + 3,
            _ => 0,
        },
        _ => 0,
    }
}

/// Length of `2026-11-20 21:17:24.123 +0000`.
fn iso(text: &[u8]) -> Option<usize> {
    let &[y1, y2, y3, y4, b'-', _, _, b'-', _, _, b' ' | b'T', ref rest @ ..] = text else {
        return None;
    };
    [y1, y2, y3, y4].iter().all(u8::is_ascii_digit).then_some(())?;
    let end = 11 + clock(rest)?;
    Some(end + zone(&text[end..]))
}

/// Length of `20-Nov-2026 21:17:24.123 UTC` or `20 Nov 2026 21:17:24.123`. Other names of zones are left out.
fn named_month(text: &[u8]) -> Option<usize> {
    let day = digits(text);
    let mark = *text.get(day).filter(|byte| matches!(byte, b'-' | b' '))?;
    let rest = &text[day + 1..];
    let is_date = (1..=2).contains(&day)
        && rest.get(..3)?.iter().all(u8::is_ascii_alphabetic)
        && rest.get(3) == Some(&mark)
        && digits(&rest[4..]) == 4
        && rest.get(8) == Some(&b' ');
    is_date.then_some(())?;
    let end = day + 10 + clock(&rest[9..])?;
    Some(end + zone(&text[end..]))
}

/// A word without brackets and marks, up to a slash.
fn bare_word(word: &[u8]) -> &[u8] {
    let is_mark =
        |byte: &u8| matches!(byte, b'[' | b']' | b'(' | b')' | b':' | b'|' | b',' | b'<' | b'>');
    let start = word.iter().position(|byte| !is_mark(byte)).unwrap_or(word.len());
    let word = &word[start..];
    let end = word.iter().position(|byte| is_mark(byte) || *byte == b'/').unwrap_or(word.len());
    &word[..end]
}

pub(super) fn is_level(word: &[u8]) -> bool {
    word.len() <= 11 && LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word))
}

/// The level, process and message behind a time that ends at `from`.
fn leveled<'a>(line: &'a [u8], stamp: &'a [u8], from: usize) -> Option<Head<'a>> {
    let mut pid: &[u8] = b"";
    let mut at = from;
    for _ in 0..MAX_WORDS {
        at += line[at..].iter().position(|byte| !matches!(byte, b' ' | b'\t'))?;
        let end = line[at..].iter().position(|byte| matches!(byte, b' ' | b'\t'));
        let word = &line[at..end.map_or(line.len(), |end| at + end)];
        let inner = bare_word(word);
        at += word.len();
        if is_level(inner) {
            // `[error]text` and `ERROR:text` have no blank.
            let used = offset_of(word, inner) + inner.len();
            let level_end = at - word.len() + used;
            let tail = line[level_end..at]
                .iter()
                .position(|byte| matches!(byte, b']' | b':' | b'>' | b'|'));
            let message_at = tail.map_or(at, |tail| level_end + tail + 1);
            // nginx, with a time that it did not write: `12#12: *4 text, client: ADDRESS`.
            let message_at = message_of(line, message_at);
            let text_at = behind_process(line, message_at);
            let context = memmem::find(&line[text_at..], b", client: ");
            return Some(Head {
                stamp,
                level: inner,
                pid,
                message_at: text_at,
                message_end: context.filter(|_| text_at > message_at).map(|end| text_at + end),
            });
        }
        if !inner.is_empty() && inner.iter().all(u8::is_ascii_digit) {
            pid = inner;
        }
    }
    None
}

/// Passes over what stands between level and message: a process id, a thread, a class.
fn message_of(line: &[u8], from: usize) -> usize {
    let rest = &line[from..];
    let skipped = |text: &[u8]| from + (rest.len() - text.len());
    let text = rest.trim_ascii_start();
    // Spring: `1 --- [main] c.e.Foo : text`.
    if let Some(at) = memmem::find(text, b"--- [").filter(|at| *at < 12)
        && let Some(colon) = memmem::find(&text[at..], b" : ")
    {
        return skipped(&text[at + colon + 3..]);
    }
    // Ruby: `-- : text`.
    if let Some(text) = text.strip_prefix(b"-- : ") {
        return skipped(text);
    }
    // JULI: `[main] org.example.Class.method text`.
    if text.starts_with(b"[")
        && let Some(close) = memmem::find(text, b"] ")
    {
        let behind = &text[close + 2..];
        let word = &behind[..memchr::memchr(b' ', behind).unwrap_or(behind.len())];
        let n_dots = memchr::memchr_iter(b'.', word).count();
        if n_dots >= 2 && word.len() < behind.len() && !word.ends_with(b":") {
            return skipped(behind[word.len()..].trim_ascii_start());
        }
    }
    skipped(text)
}

fn iso_head(line: &[u8], from: usize) -> Option<Head<'_>> {
    let length = iso(&line[from..])?;
    let (stamp, end) = (&line[from..from + length], from + length);
    let rest = &line[end..];
    // SQL Server writes the process in place of a level, PM2 its name.
    for mark in [&b" spid"[..], b" Server  ", b" Logon   ", b" Backup  ", b": PM2 "] {
        if let Some(behind) = rest.strip_prefix(mark) {
            let word = memchr::memchr(b' ', behind).unwrap_or(0);
            let keep = if mark == b" spid" { word } else { 0 };
            let text = behind[keep..].trim_ascii_start();
            return Some(Head { stamp, message_at: line.len() - text.len(), ..Head::default() });
        }
    }
    leveled(line, stamp, end)
}

/// `21:17:24.123 [main] ERROR org.example.Class - text` of Logback, which has no date.
fn clock_head(line: &[u8]) -> Option<Head<'_>> {
    let length = clock(line)?;
    leveled(line, &line[..length], length)
}

fn named_month_head(line: &[u8], from: usize) -> Option<Head<'_>> {
    let length = named_month(&line[from..])?;
    leveled(line, &line[from..from + length], from + length)
}

/// `[2026-11-20 21:17:24 +0000] [99] [ERROR] text`, `[20-Nov-2026 21:17:24] WARNING: text`, `[ W 2026-... ]: text`,
/// `[21:17:24 ERR] text` of .NET, which has no date, and `[12345.678901] text` of the kernel.
fn bracketed_head(line: &[u8]) -> Option<Head<'_>> {
    let inner = &line[1..];
    if let Some(length) = clock(inner)
        && let Some(rest) = inner[length..].strip_prefix(b" ")
        && let Some(close) = memchr::memchr(b']', rest)
        && is_level(&rest[..close])
    {
        let text = rest[close + 1..].trim_ascii_start();
        return Some(Head {
            stamp: &inner[..length],
            level: &rest[..close],
            message_at: line.len() - text.len(),
            ..Head::default()
        });
    }
    if let Some(length) = named_month(inner) {
        // PHP: whatever follows is its text, with a level or without.
        let close = memchr::memchr(b']', line).filter(|close| *close < 64)?;
        let stamp = &inner[..length];
        let text = line[close + 1..].trim_ascii_start();
        let word = &text[..memchr::memchr(b' ', text).unwrap_or(text.len())];
        let short = leveled(line, stamp, close + 1).filter(|_| is_level(bare_word(word)));
        return Some(short.unwrap_or(Head {
            stamp,
            message_at: line.len() - text.len(),
            ..Head::default()
        }));
    }
    if let Some(length) = iso(inner) {
        let end = 1 + length;
        return leveled(line, &inner[..length], end);
    }
    // Passenger; before version 5 without a level.
    let passenger = match inner {
        [b' ', letter, b' ', rest @ ..] => Some((*letter, rest)),
        [b' ', rest @ ..] => Some((b'N', rest)),
        _ => None,
    };
    if let Some((letter, rest)) = passenger
        && let Some(length) = iso(rest)
    {
        let close = memmem::find(line, b" ]: ")?;
        let process = &rest[length..].trim_ascii_start();
        let level: &[u8] = match letter {
            b'C' | b'E' => b"error",
            b'W' => b"warn",
            _ => b"info",
        };
        let pid = &process[..digits(process)];
        return Some(Head {
            stamp: &rest[..length],
            level,
            pid,
            message_at: close + 4,
            ..Head::default()
        });
    }
    let uptime = inner.trim_ascii_start();
    // Linkerd: seconds since its start, and a level.
    if let Some(close) = memchr::memchr(b']', &uptime[..uptime.len().min(24)])
        && let Some(seconds) = uptime[..close].strip_suffix(b"s")
        && parse_seconds_us(seconds).is_some()
    {
        let from = line.len() - uptime.len() + close + 1;
        return leveled(line, b"", from);
    }
    let whole = digits(uptime);
    let is_uptime = whole > 0
        && uptime.get(whole) == Some(&b'.')
        && digits(&uptime[whole + 1..]) == 6
        && uptime.get(whole + 7) == Some(&b']');
    is_uptime.then(|| {
        let text = uptime[whole + 8..].trim_ascii_start();
        Head { message_at: line.len() - text.len(), ..Head::default() }
    })
}

/// `99:M 20 Nov 2026 21:17:24.123 # text` of Redis; its marks stand for levels.
fn redis_head(line: &[u8]) -> Option<Head<'_>> {
    let process = digits(line);
    let [b':', role, b' ', rest @ ..] = &line[process..] else { return None };
    role.is_ascii_uppercase().then_some(())?;
    let length = named_month(rest)?;
    let [b' ', mark, b' ', text @ ..] = &rest[length..] else { return None };
    let level: &[u8] = match mark {
        b'#' => b"warning",
        b'*' => b"notice",
        b'-' => b"info",
        b'.' => b"debug",
        _ => return None,
    };
    let message_at = line.len() - text.len();
    Some(Head {
        stamp: &rest[..length],
        level,
        pid: &line[..process],
        message_at,
        ..Head::default()
    })
}

/// `2026/11/20 21:17:24 text` of Go, with a fraction or without. The error log of nginx begins alike.
fn slash_head(line: &[u8]) -> Option<Head<'_>> {
    let stamp = line.get(..19)?;
    parse_nginx_error(stamp)?;
    let end = 11 + clock(&line[11..])?;
    let text = line[end..].strip_prefix(b" ")?;
    if text.starts_with(b"[")
        && let Some(hash) = memchr::memchr(b'#', &text[..text.len().min(40)])
    {
        // NGINX Unit writes no colon: `[alert] 9#9 *4 text`.
        let behind = hash + 1 + digits(&text[hash + 1..]);
        text[behind..].strip_prefix(b" ")?;
        let head = leveled(line, stamp, end)?;
        return Some(Head { message_at: behind_process(line, head.message_at), ..head });
    }
    let short = leveled(line, stamp, end).filter(|head| head.message_at < end + 12);
    Some(short.unwrap_or(Head { stamp, message_at: end + 1, ..Head::default() }))
}

/// `E, [2026-11-20T21:17:24.123456 #99] ERROR -- : text` of Ruby.
fn ruby_head(line: &[u8]) -> Option<Head<'_>> {
    let rest = line[1..].strip_prefix(b", [")?;
    let length = iso(rest)?;
    let process = rest[length..].strip_prefix(b" #")?;
    let pid = &process[..digits(process)];
    let close = memchr::memchr(b']', line)?;
    leveled(line, &rest[..length], close + 1).map(|head| Head { pid, ..head })
}

/// A stamp that lacks a part of its date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Partial {
    /// `1120 21:17:24.123456` of Kubernetes.
    Yearless(YearlessTime),
    /// `21:17:24` of .NET, microseconds since midnight.
    TimeOfDay(i64),
}

/// What such a stamp says. `None`: it lacks nothing, or is none.
pub(super) fn partial_stamp(text: &[u8]) -> Option<Partial> {
    let (date, time) = match text {
        [_, _, b':', ..] => (None, text),
        [m1, m2, d1, d2, b' ', time @ ..] => {
            (Some((two_digits([*m1, *m2])?, two_digits([*d1, *d2])?)), time)
        }
        _ => return None,
    };
    let time = time.trim_ascii_start();
    let &[h1, h2, b':', m1, m2, b':', ref seconds @ ..] = time else { return None };
    let (hour, minute) = (two_digits([h1, h2])?, two_digits([m1, m2])?);
    let second_us = i64::try_from(parse_seconds_us(seconds)?).ok()?;
    if hour > 23 || minute > 59 || second_us > 60 * SECOND_US {
        return None;
    }
    let time_of_day_us = i64::from(hour * 3600 + minute * 60) * SECOND_US + second_us;
    Some(match date {
        None => Partial::TimeOfDay(time_of_day_us),
        Some((month, day)) => Partial::Yearless(YearlessTime { month, day, time_of_day_us }),
    })
}

/// `E1120 21:17:24.123456   99 file.go:12] text` of Kubernetes: the year is left out.
fn klog_head(line: &[u8]) -> Option<Head<'_>> {
    let (letter, rest) = line.split_first()?;
    if digits(rest) != 4 || rest.get(4) != Some(&b' ') {
        return None;
    }
    let time = rest[5..].trim_ascii_start();
    let stamp = &rest[..rest.len() - time.len() + clock(time)?];
    let close = memmem::find(line, b"] ").filter(|close| *close < 120)?;
    let level: &[u8] = match letter {
        b'I' | b'D' => b"info",
        b'W' => b"warning",
        b'E' => b"error",
        _ => b"fatal",
    };
    Some(Head { stamp, level, message_at: close + 2, ..Head::default() })
}

/// `Fri Nov 20 21:17:24 2026 - text` of uWSGI.
fn ctime_head(line: &[u8]) -> Option<Head<'_>> {
    let stamp = line.get(..24)?;
    let text = line[24..].strip_prefix(b" - ")?;
    parse_ctime(stamp)?;
    Some(Head { stamp, message_at: line.len() - text.len(), ..Head::default() })
}

/// `fail: Category[0]`: the message follows in the next lines, indented.
fn dotnet_head(line: &[u8]) -> Option<Head<'_>> {
    let (level, category) = line.split_at_checked(4)?;
    let level: &[u8] = match level {
        b"trce" | b"dbug" => b"debug",
        b"info" => b"info",
        b"warn" => b"warning",
        b"fail" => b"error",
        b"crit" => b"critical",
        _ => return None,
    };
    let category = category.strip_prefix(b": ")?;
    let number = category.strip_suffix(b"]")?;
    let open = memchr::memrchr(b'[', number)?;
    let is_category = open > 0 && digits(&number[open + 1..]) == number.len() - open - 1;
    (is_category && memchr::memchr(b' ', category).is_none()).then_some(Head {
        level,
        message_at: line.len(),
        ..Head::default()
    })
}

/// `time="2026-..." level=error msg="text" err="more"`.
fn logfmt_head(line: &[u8]) -> Option<Head<'_>> {
    let level = logfmt_value(line, b"level=").filter(|level| is_level(level))?;
    let message = [&b"msg="[..], b"message=", b"error=", b"err="]
        .iter()
        .find_map(|key| logfmt_at(line, key))?;
    let stamp = [&b"time="[..], b"ts="].iter().find_map(|key| logfmt_value(line, key));
    let stamp = stamp.filter(|text| parse_stamp(text).is_some()).unwrap_or_default();
    Some(Head { stamp, level, message_at: message, ..Head::default() })
}

/// `[APP]time="2026-..." level=error msg="text"` of Skipper.
fn tagged_head(line: &[u8]) -> Option<Head<'_>> {
    let close = line.iter().take(24).position(|byte| *byte == b']')?;
    let from = close + 1 + usize::from(line.get(close + 1) == Some(&b' '));
    let rest = line[from..].starts_with(b"time=").then_some(&line[from..])?;
    logfmt_head(rest).map(|head| Head { message_at: head.message_at + from, ..head })
}

/// Offset of the value of a key.
fn logfmt_at(line: &[u8], key: &[u8]) -> Option<usize> {
    let mut starts = memmem::find_iter(line, key);
    let at = starts.find(|at| *at == 0 || line[at - 1] == b' ')? + key.len();
    Some(at + usize::from(line.get(at) == Some(&b'"')))
}

fn logfmt_value<'a>(line: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let at = logfmt_at(line, key)?;
    let is_quoted = line[at - 1] == b'"';
    let end = memchr::memchr(if is_quoted { b'"' } else { b' ' }, &line[at..]);
    Some(&line[at..end.map_or(line.len(), |end| at + end)])
}

/// An object with a level and a message. One with a method and a status is a request.
fn json_head(line: &[u8]) -> Option<Head<'_>> {
    let first = |keys: &[&[u8]]| keys.iter().find_map(|key| json::value(line, key));
    let level = first(&[
        b"level",
        b"severity",
        b"levelname",
        b"log.level",
        b"lvl",
        b"@l",
        b"LogLevel",
        b"s",
        b"Level",
    ])?;
    let is_number = !level.is_empty() && digits(level) == level.len();
    if !is_number && !is_level(level) && level.len() != 1 {
        return None;
    }
    let message = first(&[b"msg", b"message", b"Message", b"@m", b"@mt", b"event"])?;
    let has = |key: &[u8]| json::value(line, key).is_some();
    if (has(b"status") || has(b"status_code")) && (has(b"method") || has(b"request") || has(b"uri"))
    {
        return None;
    }
    let stamp = first(&[
        b"$date",
        b"time",
        b"timestamp",
        b"@timestamp",
        b"ts",
        b"datetime",
        b"asctime",
        b"@t",
        b"Timestamp",
    ]);
    let stamp = stamp.filter(|text| parse_stamp(text).is_some()).unwrap_or_default();
    let mut start = offset_of(line, message);
    let mut end = start + message.len();
    // The cause often stands in a value beside the message.
    for value in
        [&b"error"[..], b"err", b"exception", b"stack", b"stack_trace", b"exc_info", b"Exception"]
    {
        if let Some(value) = json::value(line, value) {
            start = start.min(offset_of(line, value));
            end = end.max(offset_of(line, value) + value.len());
        }
    }
    Some(Head { stamp, level, message_at: start, message_end: Some(end), ..Head::default() })
}
