//! The shape of the incident timeline document, and its version.
//!
//! In: nothing. Out: the serialized types; [`build`](crate::report::build) fills them.
//! Invariants: flat, `snake_case`; times are RFC 3339 UTC; capped lists carry `total`; clock and host data only in `run`.
//! Adding a field is a minor change, renaming one a major.

pub mod build;
mod incident;
mod story;
pub mod text_of;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::tally::LineCounts;
use crate::taxonomy::{Basis, Cause, Confidence, LogRole, Origin, Role};
use crate::time::Timestamp;

/// Name of the document's schema.
pub const SCHEMA: &str = "logscan503.timeline";
/// Version of the document's schema.
pub const SCHEMA_VERSION: &str = "1.0.0";

/// The whole document.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// [`SCHEMA_VERSION`].
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
#[derive(Debug, Clone, Serialize)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// One run.
#[derive(Debug, Clone, Serialize)]
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
#[derive(Debug, Clone, Serialize)]
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
    /// Pseudonyms in place of personal data.
    pub redaction: &'static str,
    /// Digest of the cause rules in force.
    pub rules_digest: String,
}

/// One input.
#[derive(Debug, Clone, Serialize)]
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
    /// Time of the first record.
    pub first_at: Option<Timestamp>,
    /// Time of the last record.
    pub last_at: Option<Timestamp>,
    /// Offset from UTC of its clock.
    pub tz: Option<String>,
    /// How that is known.
    pub tz_basis: Option<&'static str>,
    /// What a unit of `lines` is.
    pub unit: &'static str,
    /// Its lines, by how they were taken.
    pub lines: LineCounts,
    /// The first line that was not understood.
    pub first_unparsed: Option<UnparsedLine>,
    /// Why it could not be read, or not to its end.
    pub error: Option<String>,
}

/// A format of a mixed input.
#[derive(Debug, Clone, Serialize)]
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
#[derive(Debug, Clone, Serialize)]
pub struct UnparsedLine {
    /// Its number.
    pub line: u64,
    /// Why.
    pub reason: &'static str,
    /// Its first bytes.
    pub text: String,
}

/// Which time the inputs cover.
#[derive(Debug, Clone, Serialize)]
pub struct Coverage {
    /// Time of the first record of any input.
    pub first_at: Option<Timestamp>,
    /// Time of the last record of any input.
    pub last_at: Option<Timestamp>,
    /// Stretches without any access line although there was traffic before and after.
    pub gaps: Vec<Gap>,
    /// The input seems to hold lines of the chosen statuses only.
    pub filtered: bool,
    /// What would have decided more.
    pub missing: Vec<Missing>,
}

/// A stretch without access lines.
#[derive(Debug, Clone, Serialize)]
pub struct Gap {
    /// End of the traffic before.
    pub from: Timestamp,
    /// Start of the traffic behind.
    pub to: Timestamp,
    /// Length, seconds.
    pub duration_s: f64,
}

/// Something that the inputs lack.
#[derive(Debug, Clone, Serialize)]
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
#[derive(Debug, Clone, Serialize)]
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

/// One incident.
#[derive(Debug, Clone, Serialize)]
pub struct IncidentInfo {
    /// Unique in the document, and stable over runs on the same input.
    pub id: String,
    /// The same problem has the same fingerprint in every document.
    pub fingerprint: String,
    /// One line.
    pub title: String,
    /// `recovered`, `ongoing_at_end`, `starts_before_input`.
    pub status: &'static str,
    /// First entry.
    pub started_at: Timestamp,
    /// Last entry; null while it goes on.
    pub ended_at: Option<Timestamp>,
    /// From first to last entry, seconds.
    pub duration_s: f64,
    /// How bad.
    pub severity: Severity,
    /// Whom it hit.
    pub impact: Impact,
    /// Who generated the responses.
    pub origin: OriginInfo,
    /// Why, most entries first.
    pub causes: Vec<CauseInfo>,
    /// What it was not, and why.
    pub rejected: Vec<Rejected>,
    /// The first component that failed.
    pub first_failing: Option<FirstFailing>,
    /// Load before and during.
    pub traffic: Traffic,
    /// State changes around it.
    pub changes: Vec<Change>,
    /// Whether and when it ended.
    pub recovery: Recovery,
    /// Counts over time.
    pub series: SeriesInfo,
    /// The story, in order of time.
    pub timeline: Vec<TimelineRow>,
    /// The lines that all this rests on.
    pub evidence: Capped<EvidenceItem>,
}

/// How bad an incident is.
#[derive(Debug, Clone, Serialize)]
pub struct Severity {
    /// `minor`, `major` or `critical`.
    pub level: &'static str,
    /// Why.
    pub reason: String,
}

/// Whom an incident hit.
#[derive(Debug, Clone, Serialize)]
pub struct Impact {
    /// Entries.
    pub entries: u64,
    /// Access lines between first and last entry.
    pub requests: u64,
    /// Entries among them; null when the input was filtered before.
    pub error_ratio: Option<f64>,
    /// The worst bucket.
    pub peak_ratio: Option<f64>,
    /// Start of that bucket.
    pub peak_at: Option<Timestamp>,
    /// Distinct clients.
    pub clients: Count,
    /// Entries of probes.
    pub probe_entries: u64,
    /// Other statuses of the same kind in that time.
    pub kin: BTreeMap<u16, u64>,
    /// Paths by entries.
    pub top_paths: Top,
    /// Hosts by entries.
    pub top_hosts: Top,
    /// Upstreams by entries.
    pub top_upstreams: Top,
    /// Clients by entries.
    pub top_clients: Top,
}

/// A number of distinct things.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Count {
    /// How many.
    pub count: u64,
    /// It is an estimate.
    pub approx: bool,
}

/// A ranking.
#[derive(Debug, Clone, Serialize)]
pub struct Top {
    /// Distinct keys.
    pub total: u64,
    /// Counts are estimates.
    pub approx: bool,
    /// The first of them.
    pub items: Vec<TopItem>,
}

/// A row of a ranking.
#[derive(Debug, Clone, Serialize)]
pub struct TopItem {
    /// The name.
    pub key: String,
    /// How often.
    pub count: u64,
}

/// Who generated the responses of an incident.
#[derive(Debug, Clone, Serialize)]
pub struct OriginInfo {
    /// The origin of most entries.
    pub verdict: Origin,
    /// How sure that is.
    pub confidence: ConfidenceInfo,
    /// Share of each origin that occurs.
    pub shares: BTreeMap<Origin, f64>,
    /// What decided, in words.
    pub decided_by: String,
    /// For `unknown`: the best guess.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaning: Option<LeaningInfo>,
}

/// A confidence with what it rests on.
#[derive(Debug, Clone, Serialize)]
pub struct ConfidenceInfo {
    /// How sure.
    pub level: Confidence,
    /// Kinds of evidence.
    pub basis: Vec<Basis>,
}

/// A best guess.
#[derive(Debug, Clone, Serialize)]
pub struct LeaningInfo {
    /// Who probably generated it.
    pub origin: Origin,
    /// Why, if that can be guessed.
    pub cause: Option<Cause>,
    /// What the guess rests on.
    pub basis: Vec<Basis>,
}

/// One cause of an incident.
#[derive(Debug, Clone, Serialize)]
pub struct CauseInfo {
    /// The cause; null for what stayed open.
    pub id: Option<Cause>,
    /// Who generated the responses it explains.
    pub origin: Origin,
    /// Its part.
    pub role: Role,
    /// How sure.
    pub confidence: ConfidenceInfo,
    /// What it is about.
    pub scope: BTreeMap<&'static str, String>,
    /// Entries it explains.
    pub entries: u64,
    /// Messages of it, joined or not, that no entry of the chosen statuses explains.
    pub messages: u64,
    /// Share of the incident's entries.
    pub explained_ratio: f64,
    /// First of what it explains.
    pub first_at: Option<Timestamp>,
    /// Last of what it explains.
    pub last_at: Option<Timestamp>,
    /// Stretches without a longer pause.
    pub spans: Vec<Span>,
    /// Seconds from its first message to the first entry; positive when the cause came first.
    pub lead_s: Option<f64>,
    /// One line.
    pub summary: String,
    /// Ids of evidence items.
    pub evidence: Vec<String>,
    /// What to do.
    pub next_steps: Vec<String>,
    /// For what stayed open: the best guess of most entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaning: Option<LeaningInfo>,
}

/// A stretch of time with its entries.
#[derive(Debug, Clone, Serialize)]
pub struct Span {
    /// First.
    pub first_at: Timestamp,
    /// Last.
    pub last_at: Timestamp,
    /// Entries, or messages where there are no entries.
    pub entries: u64,
}

/// A hypothesis that does not hold.
#[derive(Debug, Clone, Serialize)]
pub struct Rejected {
    /// The cause.
    pub id: Cause,
    /// Why not.
    pub reason: String,
}

/// The first component that failed.
#[derive(Debug, Clone, Serialize)]
pub struct FirstFailing {
    /// Its name.
    pub component: String,
    /// What it is.
    pub kind: &'static str,
    /// When.
    pub at: Timestamp,
    /// Seconds before the first entry.
    pub lead_s: f64,
    /// Ids of evidence items.
    pub evidence: Vec<String>,
}

/// Load before and during an incident.
#[derive(Debug, Clone, Serialize)]
pub struct Traffic {
    /// Requests per second before.
    pub baseline_rps: Option<f64>,
    /// Requests per second during.
    pub during_rps: Option<f64>,
    /// During by before.
    pub surge_ratio: Option<f64>,
    /// `no_surge`, `surge`, `drop` or `unknown`.
    pub verdict: &'static str,
}

/// A state change around an incident.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// What kind.
    pub kind: &'static str,
    /// What happened, to what.
    pub what: String,
    /// `preceded_by`, `during` or `followed_by`.
    pub relation: &'static str,
    /// Seconds before the first entry.
    pub lead_s: f64,
    /// Ids of evidence items.
    pub evidence: Vec<String>,
}

/// Whether and when an incident ended.
#[derive(Debug, Clone, Serialize)]
pub struct Recovery {
    /// `unverified` or `ongoing`.
    pub state: &'static str,
    /// When.
    pub at: Option<Timestamp>,
    /// What that rests on.
    pub basis: String,
    /// Ids of evidence items.
    pub evidence: Vec<String>,
}

/// Counts over time: element i is the bucket that starts `i * bucket_s` after `start`.
#[derive(Debug, Clone, Serialize)]
pub struct SeriesInfo {
    /// Width of a bucket, seconds.
    pub bucket_s: i64,
    /// Start of the first bucket.
    pub start: Timestamp,
    /// Access lines.
    pub requests: Vec<u64>,
    /// Entries.
    pub entries: Vec<u64>,
    /// Entries by origin.
    pub by_origin: BTreeMap<Origin, Vec<u64>>,
}

/// One row of the story.
#[derive(Debug, Clone, Serialize)]
pub struct TimelineRow {
    /// When.
    pub at: Timestamp,
    /// `before`, `onset`, `during`, `recovery` or `after`.
    pub phase: &'static str,
    /// `change`, `health`, `error`, `onset`, `peak` or `recovery`.
    pub kind: &'static str,
    /// What happened.
    pub text: String,
    /// How often.
    pub count: u64,
    /// Ids of evidence items.
    pub evidence: Vec<String>,
}

/// A list of which only a part is shown.
#[derive(Debug, Clone, Serialize)]
pub struct Capped<T> {
    /// How many there are.
    pub total: u64,
    /// Those shown.
    pub items: Vec<T>,
}

/// A quoted line.
#[derive(Debug, Clone, Serialize)]
pub struct EvidenceItem {
    /// Unique in the incident.
    pub id: String,
    /// Index of the input.
    pub input: u32,
    /// Number of its first line.
    pub line: u64,
    /// Offset of its first byte, decoded.
    pub byte_offset: u64,
    /// Length in bytes, without the last line terminator.
    pub byte_length: u32,
    /// Its time.
    pub at: Option<Timestamp>,
    /// Its first 512 bytes as UTF-8; null when they cannot be read again.
    pub text: Option<String>,
    /// The input can be opened and the line found at its offset.
    pub addressable: bool,
    /// Cursor or record id of inputs without offsets.
    pub cursor: Option<String>,
}

/// Messages of one cause about one thing.
#[derive(Debug, Clone, Serialize)]
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
}

/// The first message of a signal.
#[derive(Debug, Clone, Serialize)]
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
#[derive(Debug, Clone, Serialize)]
pub struct Background {
    /// How many.
    pub entries: u64,
    /// Per hour of covered time.
    pub per_hour: Option<f64>,
    /// By origin.
    pub by_origin: BTreeMap<Origin, u64>,
}

/// Something the reader should know about the run.
#[derive(Debug, Clone, Serialize)]
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
