//! Logs of applications and of what they depend on: one tolerant reader for the usual heads of lines.
//!
//! In: one message, with the stack trace behind it. Out: an [`ErrorRecord`]: time, level, process, message. `heads`
//! holds the grammar of heads: PHP-FPM, gunicorn, uWSGI, Unicorn, Tomcat, Java and Python logging, Go, .NET, `PostgreSQL`,
//! `MySQL`, SQL Server, Redis, `RabbitMQ`, Kafka, Kubernetes, Passenger, `key=value` and JSON lines.
//! Such heads are not peculiar to one program, so the format yields to all others: it proposes itself only for lines
//! about which no other format has anything to say, and never stands by.
//! A second layout, [`BARE`], reads lines that were pasted without their time. Nothing in their shape tells that they
//! are messages, so it takes only lines that the cause table knows.

mod cut;
mod heads;
pub(super) mod json;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use memchr::memmem;

pub(super) use self::heads::parse_stamp;
use self::heads::{Head, Partial, head_of};
use super::{About, FORMATS, Format, FormatBasis, Glance, Instant, Proposal, Reader, Sample};
use crate::bytes::{first_line, parse_u64};
use crate::cause::{CauseMatcher, RuleKind};
use crate::record::{ErrorRecord, Record, Skip};
use crate::taxonomy::{LogRole, Server};
use crate::time::{Notation, SECOND_US, Stamp};

/// Microseconds of a day.
const DAY_US: i64 = 86_400 * SECOND_US;

/// Name of the layout of lines without time.
pub const BARE: &str = "bare";

/// Reads messages of applications.
#[derive(Debug, Clone)]
pub struct AppLog {
    about: About,
    /// Lines without a head are taken too, if the cause table knows them.
    bare: bool,
    /// What dates that lack a part are completed by.
    dates: Dates,
}

/// What is known of dates that lines leave out.
#[derive(Debug, Clone, Copy, Default)]
struct Dates {
    /// No line is later than this by a day, local time: decides years.
    reference_us: Option<i64>,
    /// Midnight of the one day whose times stand without a date.
    day_us: Option<i64>,
}

impl Dates {
    fn stamp(self, text: &[u8]) -> Option<Stamp> {
        let micros = match heads::partial_stamp(text) {
            None => return parse_stamp(text),
            Some(Partial::Yearless(time)) => time.resolve(self.reference_us?)?,
            Some(Partial::TimeOfDay(time_us)) => self.day_us? + time_us,
        };
        Some(Stamp { micros, offset_s: None })
    }
}

/// The day of times without a date, by the last one and the time of the file. `None`: the clock goes back by more than
/// threads do, so that there may be several days.
fn only_day_us(times: &[i64], reference_us: i64) -> Option<i64> {
    let is_one_day = times.is_sorted_by(|before, after| *before <= after + 60 * SECOND_US);
    let last = *times.last().filter(|_| is_one_day)?;
    // The nearest one: the zone is not known.
    Some((reference_us - last + DAY_US / 2).div_euclid(DAY_US) * DAY_US)
}

impl AppLog {
    fn new(bare: bool) -> Self {
        let about = About {
            format: AppLogFormat::NAME,
            layout: if bare { BARE } else { "heads" }.to_owned(),
            server: Server::Application,
            role: LogRole::Error,
            notation: Notation::Iso8601,
            instant: Instant::End,
            basis: FormatBasis::Detected,
            ambiguous_with: None,
        };
        AppLog { about, bare, dates: Dates::default() }
    }

    fn head<'a>(&self, line: &'a [u8]) -> Option<Head<'a>> {
        let mut head = head_of(line);
        if let Some(head) = &mut head
            && heads::partial_stamp(head.stamp).is_some()
            && self.dates.stamp(head.stamp).is_none()
        {
            // Half a date is none.
            head.stamp = b"";
        }
        if head.is_none() && self.bare { bare_head(line) } else { head }
    }
}

impl Reader for AppLog {
    fn about(&self) -> &About {
        &self.about
    }

    fn glance<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        let head = self.head(line).ok_or(Skip::Shape)?;
        Ok(Glance { stamp: head.stamp, status: 0 })
    }

    fn stamp(&self, text: &[u8]) -> Option<Stamp> {
        self.dates.stamp(text)
    }

    fn dated(&self, lines: &[&[u8]], reference_us: i64) -> Option<Arc<dyn Reader>> {
        let partial = |line: &&[u8]| heads::partial_stamp(head_of(line)?.stamp);
        let mut times = Vec::new();
        let mut is_yearless = false;
        for partial in lines.iter().filter_map(partial) {
            match partial {
                Partial::Yearless(_) => is_yearless = true,
                Partial::TimeOfDay(time_us) => times.push(time_us),
            }
        }
        let dates = Dates {
            reference_us: is_yearless.then_some(reference_us),
            day_us: only_day_us(&times, reference_us),
        };
        let is_told = dates.reference_us.is_some() || dates.day_us.is_some();
        is_told.then(|| Arc::new(AppLog { dates, ..self.clone() }) as Arc<dyn Reader>)
    }

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        let head = self.head(first_line(record)).ok_or(Skip::Shape)?;
        let stamp = match head.stamp {
            [] => None,
            text => Some(self.dates.stamp(text).ok_or(Skip::BadTime)?),
        };
        // A stack trace behind the head belongs to the message; a head may also end its message.
        let message = match head.message_end {
            Some(end) => &record[head.message_at..end],
            None => &record[head.message_at..],
        };
        Ok(Record::Error(ErrorRecord {
            stamp,
            level: head.level,
            pid: parse_u64(head.pid),
            message: message.trim_ascii(),
            ..ErrorRecord::default()
        }))
    }

    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        let Some(head) = self.head(first_line(record)) else { return };
        for (name, value) in [("time", head.stamp), ("level", head.level), ("pid", head.pid)] {
            if !value.is_empty() {
                each(name, value);
            }
        }
        each(
            "message",
            record[head.message_at..head.message_end.unwrap_or(record.len())].trim_ascii(),
        );
    }
}

/// The head of a line that was cut from its time: what is left of one, before a message that the cause table knows.
fn bare_head(line: &[u8]) -> Option<Head<'_>> {
    let is_start = line.first().is_some_and(|byte| byte.is_ascii_graphic() || *byte == b' ');
    let is_indented = line.starts_with(b"  ");
    let is_row = || cut::behind_tag(line).is_some() || cut::behind_event(line).is_some();
    if !is_start || (is_indented && !is_row()) {
        return None;
    }
    let (level, at) = cut::cut_head(line);
    // `panic: text` may be a level, or the message.
    let starts = [cut::behind_brackets(line, at), at, 0];
    let mut tried = None;
    starts.into_iter().find_map(|from| {
        let is_new = tried.replace(from) != Some(from);
        let level = if from == 0 { b"" } else { level };
        if is_new { known_head(line, level, from) } else { None }
    })
}

/// The head of a message from `from` on, if the cause table knows it.
fn known_head<'a>(line: &'a [u8], level: &'a [u8], from: usize) -> Option<Head<'a>> {
    let text = line[from..].trim_ascii_start();
    let message_at = line.len() - text.len();
    // What follows is context, which holds what clients sent.
    let end = memmem::find(text, b", client: ").unwrap_or(text.len());
    let record = ErrorRecord { level, message: &text[..end], ..ErrorRecord::default() };
    let matcher = CauseMatcher::built_in();
    let found = matcher.match_message(&record)?;
    (matcher.rule(found.rule)?.kind != RuleKind::Noise).then_some(Head {
        level,
        message_at,
        message_end: (end < text.len()).then_some(message_at + end),
        ..Head::default()
    })
}

/// True for a line with a time and a level that names no request: `2026-11-20T21:17:24Z DBG proxy.go:121 > 502 Bad Gateway`.
pub(super) fn is_message(line: &[u8]) -> bool {
    let is_leveled =
        head_of(line).is_some_and(|head| !head.level.is_empty() && head.stamp.len() > 8);
    is_leveled
        && [&b" /"[..], b"\"/", b"=/", b"http", b"GET", b"POST"]
            .iter()
            .all(|mark| memmem::find(line, mark).is_none())
}

/// Proposes [`AppLog`].
#[derive(Debug)]
pub struct AppLogFormat;

impl AppLogFormat {
    const NAME: &str = "app_log";
}

impl Format for AppLogFormat {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn summary(&self) -> &'static str {
        "messages of applications, databases, caches and queues, known by a time and a level at the start of a line"
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        let timed = AppLog::new(false);
        let is_timed = sample.lines.iter().any(|line| timed.parse(line).is_ok());
        let reader = if is_timed { timed } else { AppLog::new(true) };
        let n_accepted = sample.count(|line| reader.parse(line).is_ok());
        let is_wanted = || {
            let sample = &Sample::of(sample.lines.clone());
            let others = FORMATS.iter().filter(|format| format.name() != Self::NAME);
            !others.into_iter().any(|format| format.propose(sample).is_some())
        };
        Proposal::counted(reader, n_accepted).filter(|_| is_wanted())
    }
}
