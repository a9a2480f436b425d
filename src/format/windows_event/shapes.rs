//! The shapes in which events are exported: how each begins, and where its parts are.

use memchr::memmem;

use super::csv::Columns;
use super::json;
use crate::bytes::parse_u64;
use crate::time::parse_windows_local;

/// The parts of an event, raw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    pub time: Option<&'a [u8]>,
    pub provider: Option<&'a [u8]>,
    pub id: Option<&'a [u8]>,
    pub level: Option<&'a [u8]>,
    pub computer: Option<&'a [u8]>,
    /// Named data, where it stands apart from what the event says.
    pub data: Option<&'a [u8]>,
    /// What the event says, as text or as named data.
    pub message: &'a [u8],
}

/// How events are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// `wevtutil /f:text`: `Event[0]:`, then `  Key: value` lines and a description.
    WevtutilText,
    /// Copied from Event Viewer: `Log Name:      System` and so on.
    ViewerText {
        /// What its lines are called, in their order.
        labels: Vec<Vec<u8>>,
    },
    /// XML, one element a line or over many lines; of a pasted part, from its `<Provider` on.
    Xml {
        /// The element that begins an event.
        first: &'static [u8],
    },
    /// JSON: an object in one line, or over lines and indented by so many blanks.
    Json {
        /// Blanks before the brace.
        indent: usize,
    },
    /// `Key : value` lines of PowerShell; the key that comes first.
    List {
        /// The first key of each event.
        first: Vec<u8>,
    },
    /// CSV; the index of each column.
    Csv(Columns),
}

/// What the lines of a copied event are called in English.
const VIEWER_LABELS: [&str; 10] = [
    "Log Name",
    "Source",
    "Date",
    "Event ID",
    "Task Category",
    "Level",
    "Keywords",
    "User",
    "Computer",
    "Description",
];

/// Keys that `Get-WinEvent` and `Get-EventLog` give events, and with which a list of them may begin.
const LIST_KEYS: [&str; 33] = [
    "ActivityId",
    "Category",
    "CategoryNumber",
    "Container",
    "ContainerLog",
    "Data",
    "EntryType",
    "EventID",
    "Id",
    "Index",
    "InstanceId",
    "Keywords",
    "Level",
    "LevelDisplayName",
    "LogName",
    "MachineName",
    "Message",
    "Opcode",
    "OpcodeDisplayName",
    "ProcessId",
    "ProviderId",
    "ProviderName",
    "Qualifiers",
    "RecordId",
    "ReplacementStrings",
    "Source",
    "Task",
    "TaskDisplayName",
    "TimeCreated",
    "TimeGenerated",
    "TimeWritten",
    "UserId",
    "UserName",
];

impl Shape {
    /// The shape of a sample that holds events.
    pub(super) fn of(lines: &[&[u8]]) -> Option<Shape> {
        let any = |text: &[u8]| {
            let finder = memmem::Finder::new(text);
            lines.iter().any(|line| finder.find(line).is_some())
        };
        if lines.iter().any(|line| Shape::WevtutilText.starts(line)) {
            return any(b"  Event ID: ").then_some(Shape::WevtutilText);
        }
        if lines.iter().any(|line| line.starts_with(b"Log Name:  ")) && any(b"Event ID:") {
            let labels = VIEWER_LABELS.iter().map(|label| label.as_bytes().to_vec()).collect();
            return Some(Shape::ViewerText { labels });
        }
        if any(b"<EventID") && any(b"<Provider ") {
            let whole = Shape::Xml { first: b"<Event" };
            let is_whole = lines.iter().any(|line| whole.starts(line));
            return Some(if is_whole { whole } else { Shape::Xml { first: b"<Provider" } });
        }
        if let Some(columns) = Columns::of(lines) {
            return Some(Shape::Csv(columns));
        }
        let is_object = |line: &&&[u8]| json::is_event(line);
        if any(b"\"ProviderName\"")
            || any(b"\"TimeGenerated\"") && any(b"\"EventID\"")
            || any(b"\"EventTime\"") && any(b"\"EventID\"") && any(b"\"SourceName\"")
        {
            let brace = lines.iter().find(|line| line.trim_ascii().starts_with(b"{"))?;
            let indent = brace.len() - brace.trim_ascii_start().len();
            return Some(Shape::Json { indent });
        }
        if lines.iter().find(is_object).is_some() {
            return Some(Shape::Json { indent: 0 });
        }
        if let Some(labels) = lines.windows(VIEWER_LABELS.len()).find_map(labels_of) {
            return Some(Shape::ViewerText { labels });
        }
        let key = lines.iter().find_map(|line| list_key(line))?;
        let is_event = |key: &[u8]| lines.iter().any(|line| name_of(line) == Some(key));
        let named = is_event(b"ProviderName") && is_event(b"Id");
        let sourced = is_event(b"Source") && (is_event(b"InstanceId") || is_event(b"EventID"));
        (named || sourced).then(|| Shape::List { first: key.to_vec() })
    }

    /// The name of the layout.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Shape::WevtutilText => "wevtutil text",
            Shape::ViewerText { .. } => "Event Viewer text",
            Shape::Xml { .. } => "XML",
            Shape::Json { .. } => "JSON",
            Shape::List { .. } => "Format-List",
            Shape::Csv(_) => "CSV",
        }
    }

    /// True for the first line of an event.
    pub(super) fn starts(&self, line: &[u8]) -> bool {
        match self {
            Shape::WevtutilText => {
                let Some(rest) = line.strip_prefix(b"Event[") else { return false };
                let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                digits > 0 && matches!(rest[digits..].trim_ascii_end(), b"]" | b"]:")
            }
            Shape::ViewerText { labels } => {
                labels.first().is_some_and(|label| has_label(line, label))
            }
            Shape::Xml { first } => {
                let line = line.trim_ascii_start();
                let line = line.strip_prefix(b"<Events>").unwrap_or(line).trim_ascii_start();
                let rest = line.strip_prefix(*first);
                rest.is_some_and(|rest| matches!(rest.first(), Some(b' ' | b'>')))
            }
            Shape::Json { indent } => {
                let text = line.trim_ascii();
                let at = line.len() - line.trim_ascii_start().len();
                text == b"{" && at == *indent || json::is_event(text)
            }
            Shape::List { first } => name_of(line) == Some(first),
            Shape::Csv(columns) => columns.starts(line),
        }
    }

    /// True for a line around the events that says nothing.
    pub(super) fn is_heading(&self, line: &[u8]) -> bool {
        match self {
            Shape::Xml { .. } => {
                let line = line.trim_ascii();
                line.starts_with(b"<?xml ") || line == b"<Events>"
            }
            Shape::Json { .. } => line.trim_ascii() == b"[",
            Shape::Csv(columns) => columns.is_heading(line),
            _ => false,
        }
    }

    /// True for a line that goes on with an event, whatever else might read it.
    pub(super) fn continues(&self, line: &[u8]) -> bool {
        let text = line.trim_ascii_start();
        let is_indented = text.len() < line.len();
        match self {
            Shape::WevtutilText => is_indented && memchr::memchr(b':', text).is_some(),
            Shape::ViewerText { labels } => labels.iter().any(|label| has_label(line, label)),
            Shape::Xml { .. } => {
                let name = text.strip_prefix(b"</").or_else(|| text.strip_prefix(b"<"));
                name.is_some_and(|name| name.first().is_some_and(u8::is_ascii_alphabetic))
            }
            Shape::Json { .. } => {
                is_indented && matches!(text.first(), Some(b'"' | b'{' | b'}' | b'[' | b']'))
            }
            Shape::List { .. } => is_indented || name_of(line).is_some(),
            Shape::Csv(_) => false,
        }
    }

    /// True where dates with slashes have the day first, as some time of the sample, or its language, shows.
    pub(super) fn is_day_first(&self, lines: &[&[u8]]) -> bool {
        let numbers = |line: &&[u8]| {
            let time = self.parts(line).time?;
            let mut numbers = time.split(|byte| *byte == b'/').map(parse_u64);
            Some((numbers.next()??, numbers.next()??))
        };
        let dates = || lines.iter().filter_map(numbers);
        let is_english = match self {
            Shape::Csv(columns) => columns.is_english(),
            Shape::ViewerText { labels } => {
                labels.first().is_some_and(|label| label == VIEWER_LABELS[0].as_bytes())
            }
            _ => true,
        };
        dates().any(|(first, _)| first > 12)
            || !is_english && !dates().any(|(_, second)| second > 12)
    }

    /// The parts of an event.
    pub(super) fn parts<'a>(&self, record: &'a [u8]) -> Parts<'a> {
        match self {
            Shape::WevtutilText => text_parts(record, |label| label),
            Shape::ViewerText { labels } => text_parts(record, |label| {
                let index = labels.iter().position(|known| known == label);
                index.and_then(|index| VIEWER_LABELS.get(index)).map_or(b"", |name| name.as_bytes())
            }),
            Shape::Xml { .. } => xml_parts(record),
            Shape::Json { .. } => json::parts(record),
            Shape::List { .. } => list_parts(record),
            Shape::Csv(columns) => columns.parts(record),
        }
    }
}

/// True for a line with this label. French has a blank before the colon.
fn has_label(line: &[u8], label: &[u8]) -> bool {
    line.strip_prefix(label).is_some_and(|rest| rest.trim_ascii_start().starts_with(b":"))
}

/// The parts of lines with labels; `name` gives a label in English.
fn text_parts<'a, 'n>(record: &'a [u8], name: impl Fn(&'a [u8]) -> &'n [u8]) -> Parts<'a>
where
    'a: 'n,
{
    let mut parts = Parts::default();
    let mut at = 0;
    for line in record.split_inclusive(|byte| *byte == b'\n').take(16) {
        let start = at;
        at += line.len();
        let Some(colon) = memchr::memchr(b':', line) else { continue };
        let value = Some(line[colon + 1..].trim_ascii());
        match name(line[..colon].trim_ascii()) {
            b"Source" => parts.provider = value,
            b"Date" => parts.time = value,
            b"Event ID" => parts.id = value,
            b"Level" => parts.level = value,
            b"Computer" => parts.computer = value,
            b"Description" => {
                parts.message = record[start + colon + 1..].trim_ascii();
                break;
            }
            _ => {}
        }
    }
    parts
}

fn xml_parts(record: &[u8]) -> Parts<'_> {
    let message = [&b"<EventData"[..], b"<UserData", b"<RenderingInfo"]
        .into_iter()
        .filter_map(|name| memmem::find(record, name))
        .min();
    // The head of an event ends before its data, which may hold anything.
    let head = &record[..message.unwrap_or(record.len())];
    Parts {
        time: attribute(head, b"SystemTime="),
        provider: element(head, b"<Provider").and_then(|rest| attribute(rest, b"Name=")),
        id: element(head, b"<EventID").and_then(content),
        level: element(head, b"<Level").and_then(content),
        computer: element(head, b"<Computer").and_then(content),
        data: None,
        message: message.map_or(&[][..], |at| &record[at..]),
    }
}

/// What stands behind the name of an element.
fn element<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    memmem::find(text, name).map(|at| &text[at + name.len()..])
}

/// The text of an element whose name has been passed.
fn content(text: &[u8]) -> Option<&[u8]> {
    let text = &text[memchr::memchr(b'>', text)? + 1..];
    Some(text[..memchr::memchr(b'<', text)?].trim_ascii())
}

/// The quoted value of an attribute.
fn attribute<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let rest = element(text, name)?;
    let (quote, rest) = rest.split_first()?;
    Some(&rest[..memchr::memchr(*quote, rest)?])
}

/// The key of a `Key   : value` line.
fn name_of(line: &[u8]) -> Option<&[u8]> {
    let key = &line[..memchr::memchr(b':', line)?];
    let name = key.trim_ascii_end();
    let is_name = !name.is_empty() && name.iter().all(u8::is_ascii_alphanumeric);
    (is_name && key.ends_with(b" ")).then_some(name)
}

/// The key, where events may begin with it.
fn list_key(line: &[u8]) -> Option<&[u8]> {
    name_of(line).filter(|name| LIST_KEYS.iter().any(|key| key.as_bytes() == *name))
}

fn list_parts(record: &[u8]) -> Parts<'_> {
    let mut parts = Parts::default();
    let mut at = 0;
    for line in record.split_inclusive(|byte| *byte == b'\n') {
        let start = at;
        at += line.len();
        let (Some(name), Some(colon)) = (name_of(line), memchr::memchr(b':', line)) else {
            continue;
        };
        let value = Some(line[colon + 1..].trim_ascii());
        match name {
            b"TimeCreated" | b"TimeGenerated" => parts.time = value,
            b"ProviderName" | b"Source" => parts.provider = value,
            b"Id" | b"EventID" => parts.id = value,
            b"InstanceId" => parts.id = parts.id.or(value),
            b"LevelDisplayName" | b"EntryType" => parts.level = value,
            b"MachineName" => parts.computer = value,
            b"Message" => {
                // Further lines are indented.
                let rest = &record[start + colon + 1..];
                let mut end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                while rest.get(end + 1).is_some_and(|byte| *byte == b' ') {
                    let next = memchr::memchr(b'\n', &rest[end + 1..]);
                    end = next.map_or(rest.len(), |length| end + 1 + length);
                }
                parts.message = rest[..end].trim_ascii();
            }
            _ => {}
        }
    }
    parts
}

/// What the lines of a copied event are called, if these are its lines: a word, a source, a time, a number, and further
/// words up to one without a value, behind which the text stands.
fn labels_of(lines: &[&[u8]]) -> Option<Vec<Vec<u8>>> {
    let pairs: Vec<(&[u8], &[u8])> = lines
        .iter()
        .map(|line| {
            let colon = memchr::memchr(b':', line)?;
            Some((&line[..colon], line[colon + 1..].trim_ascii()))
        })
        .collect::<Option<_>>()?;
    let is_label = |label: &[u8]| {
        label.len() <= 40
            && label.first().is_some_and(|byte| !byte.is_ascii_whitespace())
            && !label.iter().any(|byte| byte.is_ascii_digit() || b"\"{}<>=|".contains(byte))
    };
    let is_alike = pairs.iter().all(|(label, _)| is_label(label));
    let (last, values) = pairs.split_last()?;
    let (source, time, id) = (values.get(1)?.1, values.get(2)?.1, values.get(3)?.1);
    let is_event = is_alike
        && last.1.is_empty()
        && values.iter().all(|(_, value)| !value.is_empty())
        && source.iter().any(u8::is_ascii_alphabetic)
        && parse_windows_local(time).is_some()
        && matches!(id.len(), 1..=5)
        && id.iter().all(u8::is_ascii_digit);
    is_event.then(|| pairs.iter().map(|(label, _)| label.trim_ascii().to_vec()).collect())
}
