//! The shape of the incident timeline document, and its version.
//!
//! In: nothing. Out: the serialized types; [`build`] fills them.
//! Invariants: flat, `snake_case`; times are RFC 3339 UTC; capped lists carry `total`; clock and host data only in `run`.
//! Adding a field is a minor change, renaming one a major.

pub mod build;
pub mod incident;
pub mod schema;
pub mod text_of;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::tally::LineCounts;
use crate::taxonomy::{Cause, LogRole, Origin, Server};
use crate::time::Timestamp;

use incident::IncidentInfo;

/// Name of the document's schema.
pub const SCHEMA: &str = "logscan503.timeline";
/// Version of the document's schema.
pub const SCHEMA_VERSION: &str = "1.0.0";

/// The whole document.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Report {
    /// Name of the document's schema.
    #[schemars(extend("const" = SCHEMA))]
    pub schema: &'static str,
    /// Version of the document's schema: adding is minor, anything else major.
    #[schemars(regex(pattern = r"^1\.[0-9]+\.[0-9]+$"))]
    pub schema_version: &'static str,
    /// The program.
    pub tool: Tool,
    /// The run: the only part that differs between runs over the same bytes. Left out with `--reproducible`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunInfo>,
    /// What was asked for.
    pub settings: Settings,
    /// Every input.
    pub inputs: Vec<InputInfo>,
    /// Which time the inputs cover, and what they lack.
    pub coverage: Coverage,
    /// Counts over everything.
    pub totals: Totals,
    /// Servers whose logs show the same requests, outermost first; empty where no two do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<LayerInfo>,
    /// The incidents, in order of time.
    pub incidents: Vec<IncidentInfo>,
    /// Every cause line understood, by cause and scope.
    pub signals: Vec<SignalInfo>,
    /// Entries that belong to no incident.
    pub background: Background,
    /// What the reader should know about the run.
    pub diagnostics: Vec<Diagnostic>,
}

/// The program.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// One run.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RunInfo {
    /// The command line.
    pub argv: Vec<String>,
    /// When it started.
    pub started_at: Timestamp,
    /// How long it took, milliseconds.
    pub elapsed_ms: u64,
    /// Its exit code.
    pub exit_code: u8,
    /// It was stopped before the end of the input.
    pub partial: bool,
}

/// What was asked for.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Settings {
    /// Statuses whose lines are entries.
    pub status: Vec<u16>,
    /// Start of the time window.
    pub since: Option<Timestamp>,
    /// End of the time window.
    pub until: Option<Timestamp>,
    /// The zone given by `--tz`, or `+00:00`.
    pub assumed_tz: String,
    /// Width of series buckets, seconds.
    pub bucket_s: i64,
    /// Gap between incidents, seconds.
    pub gap_s: i64,
    /// Pseudonyms in place of personal data: `none`, `random_key` (of this run alone) or `content_key` (made of what the
    /// inputs hold, so that runs over the same inputs agree).
    pub redaction: &'static str,
    /// Digest of the cause rules in force.
    pub rules_digest: String,
    /// Events that the user knows of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<MarkInfo>,
}

/// An event that the user knows of.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MarkInfo {
    /// When.
    pub at: Timestamp,
    /// What.
    pub text: String,
}

/// A vantage point: all logs of one kind of server at one depth.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LayerInfo {
    /// Its name: the server, and where several layers have the same, one of its files.
    pub name: String,
    /// The software that wrote the logs.
    pub server: Server,
    /// Indices of its inputs.
    pub inputs: Vec<u32>,
    /// Names of the layers right behind it.
    pub in_front_of: Vec<String>,
    /// How far its clock is ahead of that of the outermost layer in front of it, seconds; 0 for within rounding.
    pub clock_offset_s: f64,
    /// Its entries.
    pub entries: u64,
    /// Its entries that were found in a deeper layer, by an id and by target and time.
    pub joined: Joined,
    /// Where those ended, most first.
    pub resolved_to: Vec<ResolvedTo>,
}

/// How entries were found in a deeper layer.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Joined {
    /// By an id that both lines carry.
    pub request_id: u64,
    /// By target and time.
    pub client_target_time: u64,
}

/// What a deeper layer says of entries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct ResolvedTo {
    /// Name of the layer.
    pub layer: String,
    /// Who made the responses, seen from there.
    pub origin: Origin,
    /// Why.
    pub id: Option<Cause>,
    /// How many.
    pub entries: u64,
}

/// One input.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct InputInfo {
    /// Its number, as evidence refers to it.
    pub index: usize,
    /// The path as given; `-` for standard input.
    pub path: String,
    /// Member of an archive.
    pub member: Option<String>,
    /// What its lines are for.
    pub role: LogRole,
    /// Id of the format of most lines.
    pub format: Option<String>,
    /// The layout of most lines: its name, or a format string.
    pub layout: Option<String>,
    /// How the format was chosen.
    pub format_basis: Option<&'static str>,
    /// All formats found, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub formats: Vec<FormatShare>,
    /// What was inferred about the layout, and how sure it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub format_notes: Vec<String>,
    /// How it is packed.
    pub compression: Option<&'static str>,
    /// Stored bytes.
    pub bytes_read: u64,
    /// Bytes after decompression.
    pub bytes_decoded: u64,
    /// Second of the first record.
    pub first_at: Option<Timestamp>,
    /// Second of the last record.
    pub last_at: Option<Timestamp>,
    /// Offset from UTC of its clock.
    pub tz: Option<String>,
    /// How that is known.
    pub tz_basis: Option<&'static str>,
    /// What a unit of `lines` is.
    pub unit: &'static str,
    /// Its lines, by how they were taken.
    pub lines: LineCounts,
    /// Entries that another line, here or in an input before it, had already: they are counted there.
    pub duplicates: u64,
    /// Files beside it that hold the same, byte by byte, and were left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<String>,
    /// The first line that was not understood.
    pub first_unparsed: Option<UnparsedLine>,
    /// Why it could not be read, or not to its end.
    pub error: Option<String>,
}

/// A format of a mixed input.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FormatShare {
    /// Id of the format.
    pub format: &'static str,
    /// The layout.
    pub layout: String,
    /// How it was chosen.
    pub basis: &'static str,
    /// Records read by it.
    pub records: u64,
}

/// A line that was not understood.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct UnparsedLine {
    /// Its number.
    pub line: u64,
    /// Why.
    pub reason: &'static str,
    /// Its first bytes.
    pub text: String,
}

/// Which time the inputs cover.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Coverage {
    /// Second of the first record of any input.
    pub first_at: Option<Timestamp>,
    /// Second of the last record of any input; the last entry's own time where that is later.
    pub last_at: Option<Timestamp>,
    /// Stretches without any access line although there was traffic before and after, or messages went on.
    pub gaps: Vec<Gap>,
    /// The input seems to hold lines of the chosen statuses only.
    pub filtered: bool,
    /// Until when logs that are delivered late are whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub horizons: Vec<Horizon>,
    /// Entries that were delivered again, and are counted once.
    pub duplicates: u64,
    /// What would have decided more.
    pub missing: Vec<Missing>,
}

/// Until when the logs of a service that delivers late are whole.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Horizon {
    /// The service.
    pub server: Server,
    /// Lines of later requests may be missing.
    pub complete_until: Timestamp,
    /// How that is known: `file_names` or `usual_delay`.
    pub basis: &'static str,
}

/// A stretch without access lines.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Gap {
    /// `silence`: nothing was logged. `ingest_stall`: nothing was accepted, and then much at once.
    pub kind: &'static str,
    /// End of the traffic before.
    pub from: Timestamp,
    /// Start of the traffic behind.
    pub to: Timestamp,
    /// Length, seconds.
    pub duration_s: f64,
}

/// Something that the inputs lack.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Missing {
    /// A field or a file.
    pub what: String,
    /// What follows from the lack.
    pub effect: String,
    /// How to have it next time.
    pub fix: String,
    /// How many entries it would have helped.
    pub entries: u64,
}

/// Counts over everything.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Totals {
    /// Access lines.
    pub requests: u64,
    /// Access lines by status: 502, 503, 504 and the chosen ones.
    pub by_status: BTreeMap<u16, u64>,
    /// Access lines of the chosen statuses.
    pub entries: u64,
    /// Entries by origin: every origin, zeros included.
    pub by_origin: BTreeMap<Origin, u64>,
    /// Entries by cause.
    pub by_cause: BTreeMap<Cause, u64>,
    /// Entries of probes.
    pub probe_entries: u64,
    /// Entries that belong to no incident.
    pub background_entries: u64,
}

/// Messages of one cause about one thing.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SignalInfo {
    /// The cause.
    pub id: Cause,
    /// Who generates the responses it explains.
    pub origin: Origin,
    /// Which row of the cause table saw the first of them.
    pub rule: String,
    /// How many messages.
    pub count: u64,
    /// How many explain an entry.
    pub joined: u64,
    /// First.
    pub first_at: Option<Timestamp>,
    /// Last.
    pub last_at: Option<Timestamp>,
    /// What they are about.
    pub scope: BTreeMap<&'static str, String>,
    /// The first of them.
    pub evidence: Vec<SignalEvidence>,
    /// What the first of them says happened. For people.
    #[serde(skip)]
    pub summary: String,
    /// What to do. For people, where no incident tells it.
    #[serde(skip)]
    pub next_steps: Vec<String>,
}

/// The first message of a signal.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SignalEvidence {
    /// Index of the input.
    pub input: u32,
    /// Number of its first line.
    pub line: u64,
    /// Offset of its first byte, decoded.
    pub byte_offset: u64,
    /// Its first 512 bytes as UTF-8.
    pub text: Option<String>,
}

/// Entries that belong to no incident.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Background {
    /// How many.
    pub entries: u64,
    /// Per hour of covered time.
    pub per_hour: Option<f64>,
    /// By origin.
    pub by_origin: BTreeMap<Origin, u64>,
    /// What to do about the most frequent cause of all entries. For people, where no incident tells it.
    #[serde(skip)]
    pub next_steps: Vec<String>,
}

/// Something the reader should know about the run.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Diagnostic {
    /// `warning` or `info`.
    pub level: &'static str,
    /// Stable id.
    pub code: &'static str,
    /// The input it is about.
    pub input: Option<usize>,
    /// How often.
    pub count: Option<u64>,
    /// In words.
    pub message: String,
    /// The line it is about.
    pub line: Option<u64>,
}
