//! Events as objects of JSON: what PowerShell, Winlogbeat, Elastic Agent, `NXLog` and Fluent Bit name their parts.

use super::shapes::Parts;
use crate::bytes::offset_of;
use crate::cause::RULES;
use crate::format::app_log::json::value;

/// Who wrote an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    /// Winlogbeat: `winlog.event_id`, or `event_id` of its older releases.
    Winlogbeat,
    /// The common schema of Elastic alone: `event.code`, `event.provider`.
    Ecs,
    /// `NXLog`: `EventTime`, `SourceName`, `EventID`, and the data of the event among them.
    Nxlog,
    /// PowerShell, Fluent Bit, the table `Event` of Azure: properties of the event.
    Properties,
}

/// The value of the first of several keys that is there.
fn any<'a>(text: &'a [u8], keys: &[&[u8]]) -> Option<&'a [u8]> {
    keys.iter().find_map(|key| value(text, key))
}

/// True for a value that is a number.
fn is_number(value: Option<&[u8]>) -> bool {
    value.is_some_and(|value| !value.is_empty() && value.iter().all(u8::is_ascii_digit))
}

const WINLOG_IDS: [&[u8]; 2] = [b"event_id", b"winlog.event_id"];
const WINLOG_PROVIDERS: [&[u8]; 3] = [b"provider_name", b"winlog.provider_name", b"source_name"];
const WINLOG_COMPUTERS: [&[u8]; 2] = [b"computer_name", b"winlog.computer_name"];

fn writer_of(text: &[u8]) -> Option<Writer> {
    if is_number(any(text, &WINLOG_IDS))
        && any(text, &WINLOG_PROVIDERS).is_some()
        && any(text, &WINLOG_COMPUTERS).is_some()
    {
        return Some(Writer::Winlogbeat);
    }
    if value(text, b"EventTime").is_some()
        && value(text, b"SourceName").is_some()
        && is_number(value(text, b"EventID"))
    {
        return Some(Writer::Nxlog);
    }
    let has_source = || {
        value(text, b"Source").is_some()
            && value(text, b"TimeGenerated").is_some()
            && is_number(any(text, &[b"EventID", b"InstanceId"]))
    };
    if value(text, b"ProviderName").is_some() || has_source() {
        return Some(Writer::Properties);
    }
    let (id, provider) = ecs(text);
    // Others number their events as well.
    (is_number(id) && provider.is_some_and(is_known)).then_some(Writer::Ecs)
}

/// True for a provider of Windows that some rule is about.
fn is_known(provider: &[u8]) -> bool {
    let mut events = RULES.iter().flat_map(|rule| rule.events);
    events.any(|events| events.provider.as_bytes() == provider)
}

/// Number and provider of the common schema, in an object or with dots in their names.
fn ecs(text: &[u8]) -> (Option<&[u8]>, Option<&[u8]>) {
    let event = object(text, b"event").unwrap_or_default();
    let part = |key: &[u8], dotted: &[u8]| value(event, key).or_else(|| value(text, dotted));
    (part(b"code", b"event.code"), part(b"provider", b"event.provider"))
}

/// True for an object in one line that is an event.
pub(super) fn is_event(line: &[u8]) -> bool {
    let text = line.trim_ascii();
    text.len() > 2 && text.starts_with(b"{") && writer_of(text).is_some()
}

/// The parts of an event.
pub(super) fn parts(record: &[u8]) -> Parts<'_> {
    let data = data_of(record);
    match writer_of(record).unwrap_or(Writer::Properties) {
        Writer::Winlogbeat => Parts {
            time: value(record, b"@timestamp"),
            provider: any(record, &WINLOG_PROVIDERS),
            id: any(record, &WINLOG_IDS),
            level: any(record, &[b"level", b"log.level"]),
            computer: any(record, &WINLOG_COMPUTERS),
            data,
            message: value(record, b"message").unwrap_or_default(),
        },
        Writer::Ecs => {
            let (id, provider) = ecs(record);
            let host = object(record, b"host").unwrap_or_default();
            Parts {
                time: value(record, b"@timestamp"),
                provider,
                id,
                level: any(record, &[b"level", b"log.level"]),
                computer: value(host, b"name").or_else(|| value(record, b"host.name")),
                data,
                message: value(record, b"message").unwrap_or_default(),
            }
        }
        Writer::Nxlog => Parts {
            time: value(record, b"EventTime"),
            provider: value(record, b"SourceName"),
            id: value(record, b"EventID"),
            level: any(record, &[b"EventType", b"Severity"]),
            computer: value(record, b"Hostname"),
            data,
            message: value(record, b"Message").unwrap_or_default(),
        },
        Writer::Properties => Parts {
            time: any(record, &[b"TimeCreated", b"TimeGenerated"]),
            provider: any(record, &[b"ProviderName", b"Source"]),
            id: any(record, &[b"Id", b"EventID", b"InstanceId"]),
            level: any(record, &[b"LevelDisplayName", b"EntryType", b"EventLevelName"]),
            computer: any(record, &[b"MachineName", b"Computer"]),
            data,
            message: any(record, &[b"Message", b"RenderedDescription", b"EventData"])
                .unwrap_or_default(),
        },
    }
}

/// The key of the name of a pool, up to its end.
const POOL: &[u8] = b"AppPoolID\"";

/// The named data of an event: all that stands in an object of its own, or the name of the pool with its key.
fn data_of(record: &[u8]) -> Option<&[u8]> {
    if let Some(data) = object(record, b"event_data") {
        return Some(data);
    }
    let at = memchr::memmem::find(record, POOL)?;
    let rest = record[at + POOL.len()..].trim_ascii_start().strip_prefix(b":")?;
    let string = rest.trim_ascii_start().strip_prefix(b"\"")?;
    let end = memchr::memchr(b'"', string)?;
    Some(&record[at..=offset_of(record, string) + end])
}

/// The text of the object that a key holds, with its brackets.
fn object<'a>(text: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let found = value(text, key).filter(|found| found.starts_with(b"{"))?;
    let at = offset_of(text, found);
    let (mut depth, mut in_string, mut is_escaped) = (0usize, false, false);
    for (index, byte) in text[at..].iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            b'{' if !in_string => depth += 1,
            b'}' if !in_string => {
                depth -= 1;
                if depth == 0 {
                    return Some(&text[at..=at + index]);
                }
            }
            _ => {}
        }
    }
    Some(&text[at..])
}
