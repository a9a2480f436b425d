//! One run from inputs to incidents: the floors below, put together.
//!
//! In: opened inputs and an [`AnalysisConfig`]. Out: an [`Analysis`], from which every output is made.
//! Invariants: no clock, no environment; equal bytes and settings give equal results.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rayon::{ThreadPool, ThreadPoolBuilder};
use sha2::{Digest, Sha256};

use crate::attribute::zones::{ZonePolicy, Zones};
use crate::attribute::{AttributeConfig, Attribution, CLIENT_CLOSED, attribute};
use crate::cause::CauseMatcher;
use crate::error::{Error, Result};
use crate::evidence::InputIndex;
use crate::fact::REFUSED;
use crate::format::FormatChoice;
use crate::incident::{IncidentConfig, Incidents, group};
use crate::input::{Source, drop_copies};
use crate::redact::{KEY_BYTES, Redaction, Redactor};
use crate::scan::{Scan, ScanConfig, ScannedInput, scan};
use crate::store::Budget;
use crate::tally::Series;
use crate::time::SECOND_US;

/// What a run is to do.
#[derive(Debug)]
pub struct AnalysisConfig<'c> {
    /// Statuses whose access lines are entries, in rising order.
    pub statuses: Vec<u16>,
    /// Worker threads.
    pub n_threads: usize,
    /// Bytes of a range of a plain file.
    pub range_bytes: u64,
    /// Formats given by the user.
    pub formats: FormatChoice,
    /// The cause table.
    pub matcher: &'c CauseMatcher,
    /// Bytes of facts and verdicts kept in memory; what is more is spilled.
    pub memory_bytes: usize,
    /// Where to spill; `None` for the system's temporary directory.
    pub temp_dir: Option<PathBuf>,
    /// What the user said of zones.
    pub zone: ZonePolicy,
    /// Only records in this time: microseconds UTC, inclusive start, exclusive end.
    pub window: (Option<i64>, Option<i64>),
    /// How incidents are told apart.
    pub incidents: IncidentConfig,
    /// Events that the user knows of, in order of time.
    pub marks: Vec<Mark>,
    /// Whether personal data is replaced, and by which key.
    pub redaction: Redaction,
}

/// An event that the user knows of: a deploy, a switch, a purge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// When, microseconds UTC.
    pub at: i64,
    /// What.
    pub text: String,
}

impl AnalysisConfig<'_> {
    /// A fresh budget for all facts and verdicts of a run.
    pub fn budget(&self) -> Budget {
        Budget::new(self.memory_bytes, self.temp_dir.clone())
    }

    /// Workers for what is judged and told.
    ///
    /// # Errors
    /// When threads cannot be started.
    pub fn pool(&self) -> Result<ThreadPool> {
        ThreadPoolBuilder::new()
            .num_threads(self.n_threads)
            .build()
            .map_err(|error| Error::Threads(error.to_string()))
    }
}

/// The result of a run.
#[derive(Debug)]
pub struct Analysis {
    /// The inputs, readable again by place.
    pub inputs: Vec<ScannedInput>,
    /// The verdicts.
    pub attribution: Attribution,
    /// The incidents.
    pub incidents: Incidents,
    /// Access lines over time, all inputs, within the window.
    pub requests: Series,
    /// The run was stopped early.
    pub interrupted: bool,
    /// Replaces personal data in every text that is shown.
    pub redactor: Option<Redactor>,
}

/// Runs everything from scan to incidents.
///
/// # Errors
/// When threads or temporary files fail. Unreadable inputs are noted in the result.
pub fn analyse(
    sources: Vec<Source>,
    config: &AnalysisConfig<'_>,
    interrupted: &Arc<AtomicBool>,
) -> Result<Analysis> {
    let budget = config.budget();
    let found = collect_within(sources, config, interrupted, &budget)?;
    let found = config.pool()?.install(|| found.name_columns(&budget))?;
    conclude(found, config, budget)
}

/// The scan alone: facts and counts, before any verdict.
///
/// # Errors
/// When threads or temporary files fail. Unreadable inputs are noted in the result.
pub fn collect(
    sources: Vec<Source>,
    config: &AnalysisConfig<'_>,
    interrupted: &Arc<AtomicBool>,
) -> Result<Scan> {
    collect_within(sources, config, interrupted, &config.budget())
}

fn collect_within(
    mut sources: Vec<Source>,
    config: &AnalysisConfig<'_>,
    interrupted: &Arc<AtomicBool>,
    budget: &Budget,
) -> Result<Scan> {
    let mut chosen = [false; 1000];
    for status in &config.statuses {
        chosen[usize::from(*status).min(999)] = true;
    }
    // Every server error takes part in joins, or its error lines would be free for entries that are not theirs.
    let mut wanted = chosen;
    wanted[500..600].fill(true);
    // What a server logs when a cache or proxy before it gave up waiting: such requests say what became of those there.
    wanted[usize::from(CLIENT_CLOSED)] = true;
    // What a limit refused with a status of its own has a line in the error log, too.
    for status in REFUSED {
        wanted[usize::from(status)] = true;
    }
    let scan_config = ScanConfig {
        wanted,
        chosen,
        n_threads: config.n_threads,
        range_bytes: config.range_bytes,
        matcher: config.matcher,
        formats: &config.formats,
        budget: budget.clone(),
        interrupted,
    };
    drop_copies(&mut sources);
    scan(sources, &scan_config)
}

/// From facts to incidents: all that needs the whole set of facts, be it of one scan or of several merged.
///
/// # Errors
/// When threads or temporary files fail.
pub fn conclude(found: Scan, config: &AnalysisConfig<'_>, budget: Budget) -> Result<Analysis> {
    let Scan { inputs, entries, causes, interrupted, .. } = found;
    config.pool()?.install(|| {
        let attribute_config = AttributeConfig {
            matcher: config.matcher,
            zone: config.zone,
            window: config.window,
            budget,
        };
        let attribution = attribute(&inputs, entries, causes, &attribute_config)?;
        let requests = requests_over_time(&inputs, &attribution.zones, config.window);
        let incidents = group(&attribution, &requests, config.matcher, config.incidents)?;
        let redactor = match config.redaction {
            Redaction::None => None,
            Redaction::RandomKey => Some(Redactor::random()?),
            Redaction::ContentKey => Some(Redactor::keyed(content_key(&attribution)?)),
        };
        Ok(Analysis { inputs, attribution, incidents, requests, interrupted, redactor })
    })
}

/// A digest of the entries: who asked for what, when. Nobody can make it up without the logs.
fn content_key(attribution: &Attribution) -> Result<[u8; KEY_BYTES]> {
    let mut hasher = Sha256::new_with_prefix("logscan503 pseudonyms");
    for verdict in attribution.verdicts() {
        let entry = verdict?.entry;
        let place = entry.place;
        let numbers = [
            entry.client,
            entry.target_key,
            entry.id,
            entry.connection,
            entry.at.cast_unsigned(),
            place.position.offset,
            u64::from(place.length),
            u64::from(entry.duration_ms),
            u64::from(entry.body_bytes),
            u64::from(entry.referrer),
        ];
        for number in numbers {
            hasher.update(number.to_le_bytes());
        }
    }
    for signal in attribution.signals.values() {
        hasher.update(signal.first_at.to_le_bytes());
        hasher.update(signal.last_at.to_le_bytes());
        hasher.update(signal.count.to_le_bytes());
        hasher.update(signal.place.length.to_le_bytes());
    }
    Ok(hasher.finalize().into())
}

/// Adds counts over the local seconds of an input to counts over UTC seconds.
pub fn merge_local(all: &mut Series, local: &Series, input: InputIndex, zones: &Zones) {
    all.merge_mapped(local, |second| zones.utc(input, second * SECOND_US).div_euclid(SECOND_US));
}

/// Access lines of all inputs over UTC seconds, cut to the window.
fn requests_over_time(
    inputs: &[ScannedInput],
    zones: &Zones,
    window: (Option<i64>, Option<i64>),
) -> Series {
    let mut all = Series::default();
    for (index, input) in inputs.iter().enumerate() {
        all.merge(&input.tally.zoned);
        merge_local(&mut all, &input.tally.zoneless, index as InputIndex, zones);
    }
    all.within(window)
}

/// How many records of an input lie outside the window: access lines and messages.
pub fn filtered_lines(
    input: &ScannedInput,
    index: usize,
    zones: &Zones,
    window: (Option<i64>, Option<i64>),
) -> u64 {
    if window == (None, None) {
        return 0;
    }
    let tally = &input.tally;
    let outside = |series: &Series, zoneless: bool| {
        let mut all = Series::default();
        if zoneless {
            merge_local(&mut all, series, index as InputIndex, zones);
        } else {
            all.merge(series);
        }
        all.total().requests - all.within(window).total().requests
    };
    outside(&tally.zoned, false)
        + outside(&tally.zoneless, true)
        + outside(&tally.messages_zoned, false)
        + outside(&tally.messages_zoneless, true)
}
