//! The whole run as JSON Lines, for programs that follow along: what `kind` says, in order of time where it has one.
//!
//! `header`, every `input`, then the stream: `entry` (the row of `--format entries`), `message` (every line that matched a
//! cause rule) and `timeline` (the curated rows), merged by time; then every `incident` as in the document, `signal` and
//! `diagnostic`, and an `end` with the totals. Readers must ignore kinds and fields that they do not know.

use std::io::Write;

use serde::Serialize;
use serde_json::{Value, json};

use super::entries;
use super::told::{Told, json_line, told};
use super::{Output, Results};
use crate::attribute::Followed;
use crate::error::Result;
use crate::fact::{CauseFact, Flags};
use crate::report::text_of::{Texts, scope_name};
use crate::time::Timestamp;

/// `--format events`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Events;

/// Name of the stream's schema.
const SCHEMA: &str = "logscan503.events";
/// Version of the stream's schema.
const SCHEMA_VERSION: &str = "1.0.0";

/// A row of the stream: its kind, and its own fields.
#[derive(Debug, Serialize)]
struct Event<T> {
    kind: &'static str,
    #[serde(flatten)]
    value: T,
}

impl Output for Events {
    fn name(&self) -> &'static str {
        "events"
    }

    fn write(&self, results: &Results<'_>, out: &mut dyn Write) -> Result<()> {
        let report = results.report;
        let header = json!({
            "schema": SCHEMA,
            "schema_version": SCHEMA_VERSION,
            "tool": report.tool,
            "settings": report.settings,
            "coverage": report.coverage,
        });
        json_line(out, &Event { kind: "header", value: header })?;
        for input in &report.inputs {
            json_line(out, &Event { kind: "input", value: input })?;
        }
        stream(results, out)?;
        for incident in &report.incidents {
            json_line(out, &Event { kind: "incident", value: incident })?;
        }
        for signal in &report.signals {
            json_line(out, &Event { kind: "signal", value: signal })?;
        }
        for diagnostic in &report.diagnostics {
            json_line(out, &Event { kind: "diagnostic", value: diagnostic })?;
        }
        let end =
            json!({ "totals": report.totals, "background": report.background, "run": report.run });
        json_line(out, &Event { kind: "end", value: end })
    }
}

/// What comes next in the stream.
enum Next {
    Timeline,
    Message,
    Entry,
}

/// Entries, messages and curated rows, by time; at the same instant the curated row leads, then the message.
fn stream(results: &Results<'_>, out: &mut dyn Write) -> Result<()> {
    let paths = entries::paths(results);
    let mut rows: Vec<Told<'_>> = told(results.report).collect();
    rows.sort_by_key(|told| told.row.at);
    let mut rows = rows.into_iter().peekable();
    let mut messages = results.analysis.attribution.messages.rows();
    let mut followed = results.analysis.attribution.followed();
    let mut message = messages.next().transpose()?;
    let mut entry = followed.next().transpose()?;
    loop {
        let heads = [
            rows.peek().map(|told| (told.row.at.0, Next::Timeline)),
            message.as_ref().map(|fact: &CauseFact| (fact.at, Next::Message)),
            entry.as_ref().map(|entry: &Followed| (entry.verdict.entry.at, Next::Entry)),
        ];
        let Some((_, next)) = heads.into_iter().flatten().min_by_key(|(at, _)| *at) else {
            return Ok(());
        };
        match next {
            Next::Timeline => {
                if let Some(told) = rows.next() {
                    let value = json!({ "incident": told.incident.id, "cause": told.cause });
                    let mut value = merged(value, &told.row);
                    value["kind"] = "timeline".into();
                    value["event"] = told.row.kind.into();
                    json_line(out, &value)?;
                }
            }
            Next::Message => {
                if let Some(fact) = message {
                    json_line(out, &message_row(&fact, results, &paths))?;
                }
                message = messages.next().transpose()?;
            }
            Next::Entry => {
                if let Some(entry) = entry {
                    let row = entries::row(&entry, results, &paths);
                    json_line(out, &Event { kind: "entry", value: row })?;
                }
                entry = followed.next().transpose()?;
            }
        }
    }
}

/// An object with the fields of another added, where it does not have them.
fn merged(mut object: Value, further: &impl Serialize) -> Value {
    let further = serde_json::to_value(further).unwrap_or_default();
    if let (Value::Object(object), Value::Object(further)) = (&mut object, further) {
        for (key, value) in further {
            object.entry(key).or_insert(value);
        }
    }
    object
}

fn message_row(fact: &CauseFact, results: &Results<'_>, paths: &[String]) -> Value {
    let texts = Texts::of(results.analysis, results.config);
    let rule = results.config.matcher.rule(fact.rule);
    let scope = texts.scope(fact.place).map(|(kind, name)| json!({ scope_name(kind): name }));
    let has_time = !fact.flags.has(Flags::TIMELESS);
    json!({
        "kind": "message",
        "at": has_time.then_some(Timestamp(fact.at)),
        "cause": rule.and_then(|rule| rule.cause),
        "rule": rule.map(|rule| rule.id.to_string()),
        "event": rule.map(|rule| rule.kind.as_str()),
        "note": rule.map(|rule| rule.note.to_string()),
        "scope": scope,
        "joined": fact.flags.has(Flags::JOINED),
        "incident": has_time.then(|| entries::incident_of(results, fact.at)).flatten(),
        "source": entries::path_of(paths, fact.place),
        "line": fact.place.line,
        "byte_offset": fact.place.position.offset,
        "text": texts.quote(fact.place),
    })
}
