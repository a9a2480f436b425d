//! One journal entry, whichever way it came: file, export stream, JSON or text.
//!
//! In: names and values of fields. Out: [`JournalRecord`], borrowed where the source allows it.
//! Source: systemd.journal-fields(7).

use std::borrow::Cow;

use crate::bytes::parse_u64;

/// The fields a record is made of.
pub(super) const NAMES: [&str; 24] = [
    "MESSAGE",
    "MESSAGE_ID",
    "PRIORITY",
    "SYSLOG_IDENTIFIER",
    "_COMM",
    "_PID",
    "SYSLOG_PID",
    "_HOSTNAME",
    "_TRANSPORT",
    "_SYSTEMD_UNIT",
    "_SYSTEMD_USER_UNIT",
    "UNIT",
    "USER_UNIT",
    "OBJECT_SYSTEMD_UNIT",
    "COREDUMP_UNIT",
    "CONTAINER_NAME",
    "CONTAINER_ID_FULL",
    "CONTAINER_PARTIAL_MESSAGE",
    "INVOCATION_ID",
    "_SYSTEMD_INVOCATION_ID",
    "UNIT_RESULT",
    "_BOOT_ID",
    "_SOURCE_REALTIME_TIMESTAMP",
    "_MACHINE_ID",
];

/// How far the sender's clock may be from the receiver's before it is not believed, in microseconds.
const MAX_SOURCE_SKEW_US: i64 = 5_000_000;

/// Text of a field: borrowed, or owned where it had to be decoded.
pub type Text<'a> = Cow<'a, [u8]>;

/// One journal entry.
///
/// Values are bytes as the sender wrote them. `None`: the entry has no such field, or its source does not show it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct JournalRecord<'a> {
    /// When journald received the entry, microseconds UTC; 0 where the source does not say.
    pub realtime_us: i64,
    /// When the sender says it was (`_SOURCE_REALTIME_TIMESTAMP`), microseconds UTC.
    pub source_realtime_us: Option<i64>,
    /// Microseconds since the start of the boot.
    pub monotonic_us: Option<u64>,
    /// Which boot.
    pub boot_id: Option<[u8; 16]>,
    /// Which machine (`_MACHINE_ID`).
    pub machine_id: Option<[u8; 16]>,
    /// The host (`_HOSTNAME`).
    pub host: Option<Text<'a>>,
    /// Unit of the sender (`_SYSTEMD_UNIT`, else `_SYSTEMD_USER_UNIT`). systemd itself is `init.scope`.
    pub unit: Option<Text<'a>>,
    /// Unit the entry is about (`UNIT`, `USER_UNIT`, `OBJECT_SYSTEMD_UNIT`, `COREDUMP_UNIT`).
    pub about_unit: Option<Text<'a>>,
    /// One run of the unit (`INVOCATION_ID`, else `_SYSTEMD_INVOCATION_ID`), hexadecimal.
    pub invocation_id: Option<Text<'a>>,
    /// Name of the sender (`SYSLOG_IDENTIFIER`, else `_COMM`).
    pub identifier: Option<Text<'a>>,
    /// Process of the sender (`_PID`, else `SYSLOG_PID`).
    pub pid: Option<u64>,
    /// Severity, 0 emergency to 7 debug.
    pub priority: Option<u8>,
    /// How the entry came: `kernel`, `stdout`, `syslog`, `journal`, ... Only `kernel` proves a kernel message.
    pub transport: Option<Text<'a>>,
    /// Kind of message, the same in every language.
    pub message_id: Option<[u8; 16]>,
    /// How a unit failed (`UNIT_RESULT`).
    pub unit_result: Option<Text<'a>>,
    /// Name of the container.
    pub container_name: Option<Text<'a>>,
    /// Full id of the container.
    pub container_id: Option<Text<'a>>,
    /// The message goes on in the next entry of the same container.
    pub is_partial: bool,
    /// The message. `None`: there is none, or the source does not show it (see `is_message_withheld`).
    pub message: Option<Text<'a>>,
    /// There is a message, but the source leaves it out for its size or its bytes.
    pub is_message_withheld: bool,
}

impl<'a> JournalRecord<'a> {
    /// Takes a field. A field set twice keeps its first value; a field that is no part of a record is ignored.
    pub fn set(&mut self, name: &[u8], value: Text<'a>) {
        match name {
            b"MESSAGE" => keep(&mut self.message, value),
            b"MESSAGE_ID" => self.message_id = self.message_id.or_else(|| parse_id(&value)),
            b"PRIORITY" => {
                let priority = parse_u64(&value).filter(|&priority| priority <= 7);
                self.priority = self.priority.or(priority.map(|priority| priority as u8));
            }
            b"SYSLOG_IDENTIFIER" => self.identifier = Some(value),
            b"_COMM" => keep(&mut self.identifier, value),
            b"_PID" => self.pid = parse_u64(&value).or(self.pid),
            b"SYSLOG_PID" => self.pid = self.pid.or_else(|| parse_u64(&value)),
            b"_HOSTNAME" => keep(&mut self.host, value),
            b"_TRANSPORT" => keep(&mut self.transport, value),
            b"_SYSTEMD_UNIT" => self.unit = Some(value),
            b"_SYSTEMD_USER_UNIT" => keep(&mut self.unit, value),
            b"UNIT" => self.about_unit = Some(value),
            b"USER_UNIT" | b"OBJECT_SYSTEMD_UNIT" | b"COREDUMP_UNIT" => {
                keep(&mut self.about_unit, value);
            }
            b"CONTAINER_NAME" => keep(&mut self.container_name, value),
            b"CONTAINER_ID_FULL" => keep(&mut self.container_id, value),
            b"CONTAINER_PARTIAL_MESSAGE" => self.is_partial = *value == *b"true",
            b"INVOCATION_ID" => self.invocation_id = Some(value),
            b"_SYSTEMD_INVOCATION_ID" => keep(&mut self.invocation_id, value),
            b"UNIT_RESULT" => keep(&mut self.unit_result, value),
            b"_BOOT_ID" => self.boot_id = parse_id(&value).or(self.boot_id),
            b"_MACHINE_ID" => self.machine_id = parse_id(&value),
            b"_SOURCE_REALTIME_TIMESTAMP" => self.source_realtime_us = parse_us(&value),
            b"__REALTIME_TIMESTAMP" => {
                self.realtime_us = parse_us(&value).unwrap_or(self.realtime_us);
            }
            b"__MONOTONIC_TIMESTAMP" => self.monotonic_us = parse_u64(&value),
            _ => {}
        }
    }

    /// When it happened, microseconds UTC: the sender's clock where it is within five seconds of the receiver's.
    pub fn time_us(&self) -> i64 {
        match self.source_realtime_us {
            Some(source)
                if self.realtime_us == 0
                    || source.abs_diff(self.realtime_us) <= MAX_SOURCE_SKEW_US as u64 =>
            {
                source
            }
            _ => self.realtime_us,
        }
    }

    /// True for what the kernel itself said. An identifier `kernel` can be forged, the transport cannot.
    pub fn is_kernel(&self) -> bool {
        self.transport.as_deref() == Some(b"kernel")
    }
}

fn keep<'a>(slot: &mut Option<Text<'a>>, value: Text<'a>) {
    if slot.is_none() {
        *slot = Some(value);
    }
}

fn parse_us(digits: &[u8]) -> Option<i64> {
    i64::try_from(parse_u64(digits)?).ok()
}

/// Reads an id of 32 hexadecimal digits, with or without the dashes of a UUID.
pub fn parse_id(text: &[u8]) -> Option<[u8; 16]> {
    let mut id = [0; 16];
    let mut n_digits = 0;
    for &byte in text {
        if byte == b'-' {
            continue;
        }
        let digit = char::from(byte).to_digit(16)? as u8;
        let slot = id.get_mut(n_digits / 2)?;
        *slot = *slot << 4 | digit;
        n_digits += 1;
    }
    (n_digits == 32).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_better_field_wins_in_any_order() {
        let fields = [
            ("_COMM", "nginx"),
            ("SYSLOG_IDENTIFIER", "web"),
            ("SYSLOG_PID", "7"),
            ("_PID", "8"),
            ("USER_UNIT", "a.service"),
            ("UNIT", "b.service"),
            ("PRIORITY", "9"),
        ];
        let mut backwards = fields;
        backwards.reverse();
        for order in [fields, backwards] {
            let mut record = JournalRecord::default();
            for (name, value) in order {
                record.set(name.as_bytes(), value.as_bytes().into());
            }
            assert_eq!(record.identifier.as_deref(), Some(&b"web"[..]));
            assert_eq!(record.pid, Some(8));
            assert_eq!(record.about_unit.as_deref(), Some(&b"b.service"[..]));
            assert_eq!(record.priority, None);
        }
    }

    #[test]
    fn the_senders_clock_is_believed_within_five_seconds() {
        let check = |source: Option<i64>, time_us: i64| {
            let record = JournalRecord {
                realtime_us: 100_000_000,
                source_realtime_us: source,
                ..JournalRecord::default()
            };
            assert_eq!(record.time_us(), time_us);
        };
        check(None, 100_000_000);
        check(Some(99_999_000), 99_999_000);
        check(Some(90_000_000), 100_000_000);
    }

    #[test]
    fn ids_have_32_digits() {
        let check = |text: &str, first: Option<u8>| {
            assert_eq!(parse_id(text.as_bytes()).map(|id| id[0]), first, "{text}");
        };
        check("39f53479d3a045ac8e11786248231fbf", Some(0x39));
        check("39f53479-d3a0-45ac-8e11-786248231fbf", Some(0x39));
        check("39f53479d3a045ac8e11786248231fb", None);
        check("39f53479d3a045ac8e11786248231fbf0", None);
        check("", None);
        check("x9f53479d3a045ac8e11786248231fbf", None);
    }
}
