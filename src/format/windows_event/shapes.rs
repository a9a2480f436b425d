//! The shapes in which events are exported: how each begins, and where its parts are.

use memchr::memmem;

use crate::format::app_log::json;

/// The parts of an event, raw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    pub time: Option<&'a [u8]>,
    pub provider: Option<&'a [u8]>,
    pub id: Option<&'a [u8]>,
    pub level: Option<&'a [u8]>,
    pub computer: Option<&'a [u8]>,
    /// What the event says, as text or as named data.
    pub message: &'a [u8],
}

/// How events are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// `wevtutil /f:text`: `Event[0]:`, then `  Key: value` lines and a description.
    WevtutilText,
    /// Copied from Event Viewer: `Log Name:      System` and so on.
    ViewerText,
    /// XML, one element a line or over many lines; of a pasted part, from its `<Provider` on.
    Xml {
        /// The element that begins an event.
        first: &'static [u8],
    },
    /// JSON of PowerShell: an object in one line, or over lines and indented by so many blanks.
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

/// Where a CSV has what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Columns {
    n: usize,
    time: usize,
    provider: usize,
    id: usize,
    level: Option<usize>,
    message: usize,
}

/// The columns of Event Viewer; the last one has no name.
const VIEWER: Columns = Columns { n: 6, time: 1, provider: 2, id: 3, level: Some(0), message: 5 };
const VIEWER_HEADING: &[u8] = b"Level,Date and Time,Source,Event ID,Task Category";

const LIST_KEYS: [&[u8]; 6] =
    [b"TimeCreated", b"TimeGenerated", b"Message", b"Id", b"Index", b"EventID"];

impl Shape {
    /// The shape of a sample that holds events.
    pub(super) fn of(lines: &[&[u8]]) -> Option<Shape> {
        let any = |text: &[u8]| lines.iter().any(|line| memmem::find(line, text).is_some());
        if lines.iter().any(|line| Shape::WevtutilText.starts(line)) {
            return any(b"  Event ID: ").then_some(Shape::WevtutilText);
        }
        if lines.iter().any(|line| Shape::ViewerText.starts(line)) {
            return any(b"Event ID:").then_some(Shape::ViewerText);
        }
        if any(b"<EventID") && any(b"<Provider ") {
            let whole = Shape::Xml { first: b"<Event" };
            let is_whole = lines.iter().any(|line| whole.starts(line));
            return Some(if is_whole { whole } else { Shape::Xml { first: b"<Provider" } });
        }
        if let Some(columns) = lines.iter().find_map(|line| columns_of(line)) {
            return Some(Shape::Csv(columns));
        }
        if any(b"\"ProviderName\"") || any(b"\"TimeGenerated\"") && any(b"\"EventID\"") {
            let brace = lines.iter().find(|line| line.trim_ascii().starts_with(b"{"))?;
            let indent = brace.len() - brace.trim_ascii_start().len();
            return Some(Shape::Json { indent });
        }
        let key = lines.iter().find_map(|line| list_key(line))?;
        let is_event = |key: &[u8]| {
            lines.iter().any(|line| list_key(line) == Some(key) || name_of(line) == Some(key))
        };
        let named = is_event(b"ProviderName") && is_event(b"Id");
        (named || is_event(b"Source") && is_event(b"InstanceId"))
            .then(|| Shape::List { first: key.to_vec() })
    }

    /// The name of the layout.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Shape::WevtutilText => "wevtutil text",
            Shape::ViewerText => "Event Viewer text",
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
            Shape::ViewerText => line.starts_with(b"Log Name:  "),
            Shape::Xml { first } => {
                let line = line.trim_ascii_start();
                let line = line.strip_prefix(b"<Events>").unwrap_or(line).trim_ascii_start();
                let rest = line.strip_prefix(*first);
                rest.is_some_and(|rest| matches!(rest.first(), Some(b' ' | b'>')))
            }
            Shape::Json { indent } => {
                let text = line.trim_ascii();
                let at = line.len() - line.trim_ascii_start().len();
                text == b"{" && at == *indent
                    || text.starts_with(b"{\"") && json::value(text, b"ProviderName").is_some()
            }
            Shape::List { first } => name_of(line) == Some(first),
            Shape::Csv(columns) => {
                if columns_of(line).is_some() {
                    return false;
                }
                if columns.message < columns.time {
                    return line.starts_with(b"\"");
                }
                cell(line, columns.time)
                    .is_some_and(|time| time.first().is_some_and(u8::is_ascii_digit))
            }
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
            Shape::Csv(_) => line.starts_with(b"#TYPE ") || columns_of(line).is_some(),
            _ => false,
        }
    }

    /// The parts of an event.
    pub(super) fn parts<'a>(&self, record: &'a [u8]) -> Parts<'a> {
        match self {
            Shape::WevtutilText | Shape::ViewerText => text_parts(record),
            Shape::Xml { .. } => xml_parts(record),
            Shape::Json { .. } => json_parts(record),
            Shape::List { .. } => list_parts(record),
            Shape::Csv(columns) => csv_parts(record, *columns),
        }
    }
}

fn text_parts(record: &[u8]) -> Parts<'_> {
    let mut parts = Parts::default();
    let mut at = 0;
    for line in record.split_inclusive(|byte| *byte == b'\n').take(16) {
        let start = at;
        at += line.len();
        let Some(colon) = memchr::memchr(b':', line) else { continue };
        let value = Some(line[colon + 1..].trim_ascii());
        match line[..colon].trim_ascii() {
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

fn json_parts(record: &[u8]) -> Parts<'_> {
    let value =
        |keys: [&[u8]; 2]| json::value(record, keys[0]).or_else(|| json::value(record, keys[1]));
    Parts {
        time: value([b"TimeCreated", b"TimeGenerated"]),
        provider: value([b"ProviderName", b"Source"]),
        id: value([b"Id", b"EventID"]),
        level: value([b"LevelDisplayName", b"EntryType"]),
        computer: value([b"MachineName", b"Computer"]),
        message: value([b"Message", b"EventData"]).unwrap_or_default(),
    }
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
    name_of(line).filter(|name| LIST_KEYS.contains(name))
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

/// The columns that the first line of a CSV names.
fn columns_of(line: &[u8]) -> Option<Columns> {
    if line.starts_with(VIEWER_HEADING) {
        return Some(VIEWER);
    }
    if memmem::find(line, b"ProviderName").is_none() || memmem::find(line, b"TimeCreated").is_none()
    {
        return None;
    }
    let names: Vec<&[u8]> = cells(line).collect();
    let index = |name: &[u8]| names.iter().position(|other| *other == name);
    Some(Columns {
        n: names.len(),
        time: index(b"TimeCreated")?,
        provider: index(b"ProviderName")?,
        id: index(b"Id")?,
        level: index(b"LevelDisplayName").or_else(|| index(b"Level")),
        message: index(b"Message")?,
    })
}

fn csv_parts(record: &[u8], columns: Columns) -> Parts<'_> {
    let row: Vec<&[u8]> = cells(record).take(columns.n).collect();
    let cell = |index: usize| row.get(index).copied();
    Parts {
        time: cell(columns.time),
        provider: cell(columns.provider),
        id: cell(columns.id),
        level: columns.level.and_then(cell),
        computer: None,
        message: cell(columns.message).unwrap_or_default(),
    }
}

fn cell(row: &[u8], index: usize) -> Option<&[u8]> {
    cells(row).nth(index)
}

/// The cells of a row; quotes inside stay doubled.
fn cells(row: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(row);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = match text.strip_prefix(b"\"") {
            None => memchr::memchr(b',', text).unwrap_or(text.len()),
            Some(quoted) => 1 + closing_quote(quoted) + 1,
        };
        let end = end.min(text.len());
        rest = text[end..].strip_prefix(b",");
        let cell = &text[..end];
        let inner = cell.strip_prefix(b"\"").map(|cell| cell.strip_suffix(b"\"").unwrap_or(cell));
        Some(inner.unwrap_or(cell))
    })
}

/// Index of the quote that ends a quoted cell; its length without one.
fn closing_quote(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(quote) = memchr::memchr(b'"', &text[at..]) {
        if text.get(at + quote + 1) != Some(&b'"') {
            return at + quote;
        }
        at += quote + 2;
    }
    text.len()
}
