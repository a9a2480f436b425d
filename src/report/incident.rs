//! The shape of one incident in the timeline document.
//!
//! In: nothing. Out: the serialized types; [`build`](super::build) fills them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::ResolvedTo;
use crate::taxonomy::{Basis, Cause, Confidence, Origin, Role};
use crate::time::Timestamp;

/// One incident.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct IncidentInfo {
    /// Unique in the document, and stable over runs on the same input.
    pub id: String,
    /// The same problem has the same fingerprint in every document.
    pub fingerprint: String,
    /// One line.
    pub title: String,
    /// `recovered`, `relapsed`, `ongoing_at_end`, `starts_before_input`.
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
    /// The backends that messages name as failing.
    pub group: Option<GroupFailure>,
    /// Load before and during.
    pub traffic: Traffic,
    /// State changes around it.
    pub changes: Vec<Change>,
    /// Whether and when it ended.
    pub recovery: Recovery,
    /// Whether the same problem came before or after in the input.
    pub recurrence: Option<Recurrence>,
    /// Counts over time.
    pub series: SeriesInfo,
    /// The story, in order of time.
    pub timeline: Vec<TimelineRow>,
    /// The lines that all this rests on.
    pub evidence: Capped<EvidenceItem>,
}

/// How bad an incident is.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Severity {
    /// `minor`, `major` or `critical`.
    pub level: &'static str,
    /// Why.
    pub reason: String,
}

/// Whom an incident hit.
#[derive(Debug, Clone, Serialize, JsonSchema)]
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
    /// The server's own codes for how requests ended, by entries: termination states of `HAProxy`, flags of Envoy; null
    /// where lines have none.
    pub termination_states: Option<Top>,
    /// Clients by entries.
    pub top_clients: Top,
}

/// A number of distinct things.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Count {
    /// How many.
    pub count: u64,
    /// It is an estimate.
    pub approx: bool,
}

/// A ranking.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Top {
    /// Distinct keys.
    pub total: u64,
    /// Counts are estimates.
    pub approx: bool,
    /// The first of them.
    pub items: Vec<TopItem>,
}

/// A row of a ranking.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TopItem {
    /// The name.
    pub key: String,
    /// How often.
    pub count: u64,
}

/// Who generated the responses of an incident.
#[derive(Debug, Clone, Serialize, JsonSchema)]
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
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ConfidenceInfo {
    /// How sure.
    pub level: Confidence,
    /// Kinds of evidence.
    pub basis: Vec<Basis>,
}

/// A best guess.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LeaningInfo {
    /// Who probably generated it.
    pub origin: Origin,
    /// Why, if that can be guessed.
    pub cause: Option<Cause>,
    /// What the guess rests on.
    pub basis: Vec<Basis>,
}

/// One cause of an incident.
#[derive(Debug, Clone, Serialize, JsonSchema)]
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
    /// Entries it explains; none for what stands beside the causes of the entries: a marked event, a storm of retries.
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
    /// The layer that saw it, where several show the same requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// Where its requests ended, seen from the deepest layers that have them: rows of those layers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resolved_to: Vec<ResolvedTo>,
    /// Ids of evidence items.
    pub evidence: Vec<String>,
    /// What to do.
    pub next_steps: Vec<String>,
    /// For what stayed open: the best guess of most entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaning: Option<LeaningInfo>,
}

/// A stretch of time with its entries.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Span {
    /// First.
    pub first_at: Timestamp,
    /// Last.
    pub last_at: Timestamp,
    /// Entries, or messages where there are no entries.
    pub entries: u64,
}

/// A hypothesis that does not hold.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Rejected {
    /// The cause.
    pub id: Cause,
    /// Why not.
    pub reason: String,
}

/// The first component that failed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
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

/// How much of a group of backends failed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct GroupFailure {
    /// Backends that a message names as failing, in order of their names.
    pub failed: Vec<String>,
    /// `total`: a message says that none was left; `partial`: some failed, and other requests were served; `unknown`.
    pub extent: &'static str,
}

/// The same problem at other times of the input: incidents with the same fingerprint.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Recurrence {
    /// How often it occurs in the input, this incident included.
    pub occurrences: u64,
    /// Which of them this one is, from 1.
    pub number: u64,
    /// Ids of the ones just before, latest first.
    pub earlier: Vec<String>,
    /// Median time between two of them, start to start, seconds.
    pub interval_s: f64,
    /// They come at a stable interval: three intervals or more, all within a tenth of the median.
    pub periodic: bool,
}

/// Load before and during an incident.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Traffic {
    /// Requests per second before.
    pub baseline_rps: Option<f64>,
    /// Requests per second during.
    pub during_rps: Option<f64>,
    /// During by before.
    pub surge_ratio: Option<f64>,
    /// Share of the failures that repeat the same request of the same client within 10 s; probes left out.
    pub retry_ratio: Option<f64>,
    /// Failures for every request that is no such repetition.
    pub amplification: Option<f64>,
    /// `no_surge`, `surge`, `drop` or `unknown`.
    pub verdict: &'static str,
}

/// A state change around an incident.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// What kind; `mark` for an event that the user has marked.
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
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Recovery {
    /// `verified`: enough consecutive successes on the affected paths followed; `unverified`, `relapsed` or `ongoing`.
    pub state: &'static str,
    /// When.
    pub at: Option<Timestamp>,
    /// What that rests on.
    pub basis: String,
    /// Ids of evidence items.
    pub evidence: Vec<String>,
}

/// Counts over time: element i is the bucket that starts `i * bucket_s` after `start`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
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
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TimelineRow {
    /// When.
    pub at: Timestamp,
    /// `before`, `onset`, `during`, `recovery` or `after`.
    pub phase: &'static str,
    /// `change`, `health`, `error`, `onset`, `peak`, `spread`, `origin_shift`, `silence`, `ingest_stall`, `recovery`,
    /// `relapse` or `mark`.
    pub kind: &'static str,
    /// What happened.
    pub text: String,
    /// How often.
    pub count: u64,
    /// The cause it is about.
    pub cause: Option<Cause>,
    /// Ids of evidence items.
    pub evidence: Vec<String>,
}

impl TimelineRow {
    /// How much the story needs this row: rows of the smallest numbers go last.
    pub fn weight(&self) -> u8 {
        match (self.kind, self.phase) {
            ("onset" | "recovery" | "peak", _) => 9,
            ("mark" | "relapse" | "silence" | "ingest_stall", _) => 8,
            ("error", _) => 7,
            ("origin_shift", _) | ("change", "before") => 6,
            ("health", "before") => 5,
            ("change" | "spread", _) => 4,
            _ => 3,
        }
    }

    /// The `n` rows that matter most, in their order; of equal ones the first.
    pub fn curated(rows: &[TimelineRow], n: usize) -> Vec<&TimelineRow> {
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|index| std::cmp::Reverse(rows[*index].weight()));
        order.truncate(n);
        order.sort_unstable();
        order.into_iter().map(|index| &rows[index]).collect()
    }
}

/// A list of which only a part is shown.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Capped<T> {
    /// How many there are.
    pub total: u64,
    /// Those shown.
    pub items: Vec<T>,
}

/// A quoted line.
#[derive(Debug, Clone, Serialize, JsonSchema)]
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
