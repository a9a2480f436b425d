//! Whether an incident is over, and how that is known.
//!
//! In: the incident, the counts after it, and the access lines behind its last entries, read again. Out: a [`Recovery`].
//! The rule: it is **verified** when, behind the last entry, at least [`MIN_SUCCESSES`] consecutive requests for the
//! affected paths were answered without a server error, at least one for every second of these paths. Paths are affected
//! when they hold [`MIN_SHARE`] of the entries (their templates; the ten most frequent at most). The lines are read up to
//! [`MAX_READ_BYTES`] per input: those behind the last entry of each input, then inputs that begin later (a rotation), and
//! looked at in order of time, up to `--until`.
//! Where lines cannot be read again (pipes), or no path stands out, the counts of all paths have to do, and the end stays
//! **unverified**; without enough good answers of any kind the incident is **ongoing**.

use std::collections::{BTreeMap, BTreeSet};

use aho_corasick::AhoCorasick;

use super::incident::EvidenceList;
use crate::analysis::Analysis;
use crate::evidence::{Place, Position};
use crate::fact::{hash_path, path_template};
use crate::incident::ranking::Ranked;
use crate::incident::{Incident, TOP_ROWS};
use crate::report::Coverage;
use crate::report::incident::Recovery;
use crate::report::text_of::Texts;
use crate::scan::read_access;
use crate::time::{SECOND_US, Timestamp};

/// Good answers after the last entry that make an end believable.
const MIN_GOOD_AFTER: u64 = 20;

/// Consecutive successes on affected paths that verify an end.
const MIN_SUCCESSES: u64 = 20;

/// No more than these are looked for.
const ENOUGH_SUCCESSES: u64 = 200;

/// A path is affected when it holds one in this many entries.
const MIN_SHARE: u64 = 50;

/// Bytes read behind an incident, per input.
const MAX_READ_BYTES: u64 = 4 << 20;

/// Inputs read behind an incident.
const MAX_READ_INPUTS: usize = 8;

/// Whether and when the incident ended.
pub(super) fn recovery(
    incident: &Incident,
    analysis: &Analysis,
    coverage: &Coverage,
    until: Option<i64>,
    texts: Texts<'_>,
    evidence: &mut EvidenceList<'_>,
) -> Recovery {
    let last_s = incident.core.last_s;
    let last = if incident.last_entry.is_some() { "entry" } else { "failure" };
    let end = coverage.last_at.map_or(last_s, Timestamp::second);
    // What came behind `--until` is not looked at.
    let end = until.map_or(end, |until| end.min(until.div_euclid(SECOND_US)).max(last_s));
    let after = analysis.requests.sum(last_s + 1, end.max(last_s + 1));
    let good = after.requests.saturating_sub(after.server_errors);
    let over = good >= MIN_GOOD_AFTER || (good > 0 && end - last_s >= 60);
    if !over || coverage.filtered {
        let silent = end - last_s;
        return Recovery {
            state: "ongoing",
            at: None,
            basis: format!(
                "the input ends {silent} s after the last {last}, with {good} good answers"
            ),
            evidence: Vec::new(),
        };
    }
    let seen = Seen::behind(incident, analysis, until, texts);
    let n_paths = seen.succeeded.len();
    if let Some((at, place)) = seen.first_success
        && seen.successes >= MIN_SUCCESSES
        && n_paths * 2 >= seen.n_affected
    {
        let more = if seen.successes >= ENOUGH_SUCCESSES { " or more" } else { "" };
        let plural = if n_paths == 1 { "path" } else { "paths" };
        let behind = match seen.kin_failures {
            0 => String::new(),
            n => format!(", after {n} more answers with 502 or 504"),
        };
        return Recovery {
            state: "verified",
            at: Some(Timestamp(at)),
            basis: format!(
                "{} consecutive successes{more} on {n_paths} affected {plural}{behind}",
                seen.successes
            ),
            evidence: vec![evidence.id(place, Some(at))],
        };
    }
    let last_state = seen
        .last_failure
        .map(|status| format!("; the last failure on an affected path is a {status}"))
        .unwrap_or_default();
    Recovery {
        state: "unverified",
        at: Some(Timestamp::from_second(last_s + 1)),
        basis: format!(
            "{good} requests without a server error after the last {last}, on all paths{last_state}"
        ),
        evidence: Vec::new(),
    }
}

/// What the lines behind an incident show.
#[derive(Debug, Default)]
struct Seen {
    /// Affected paths.
    n_affected: usize,
    /// Affected paths that succeeded since the last failure on one.
    succeeded: BTreeSet<u64>,
    /// Successes on them.
    successes: u64,
    /// The first of these.
    first_success: Option<(i64, Place)>,
    /// Answers of gateways on affected paths behind the last second of the incident.
    kin_failures: u64,
    /// Status of the last failure on an affected path.
    last_failure: Option<u16>,
}

impl Seen {
    fn behind(
        incident: &Incident,
        analysis: &Analysis,
        until: Option<i64>,
        texts: Texts<'_>,
    ) -> Seen {
        let affected = Affected::of(incident, texts);
        let mut seen = Seen { n_affected: affected.paths.len(), ..Seen::default() };
        if affected.paths.is_empty() {
            return seen;
        }
        // The number of the line, where it is known.
        let mut starts: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
        for (input, place) in &incident.course.last_in {
            starts.insert(*input, (place.position.offset, place.line));
        }
        let mut order: Vec<(i64, u32)> = starts.keys().map(|input| (i64::MIN, *input)).collect();
        for (index, input) in texts.inputs.iter().enumerate() {
            let index = index as u32;
            let first_s = first_access_second(analysis, index);
            let begins_later = first_s.filter(|second| *second >= incident.core.last_s);
            if let Some(second) =
                begins_later.filter(|_| !starts.contains_key(&index) && input.addressable())
            {
                order.push((second, index));
            }
        }
        order.sort_unstable();
        order.truncate(MAX_READ_INPUTS);
        // An input is read until it has enough itself; further only where another one still fails at that time.
        for enough in [ENOUGH_SUCCESSES, u64::MAX] {
            let known_until = until.unwrap_or(i64::MAX);
            let mut answers = Answers { rows: Vec::new(), known_until, enough, stopped: false };
            for (begins_s, input) in &order {
                // Inputs that begin later are read only as far as the others do not decide.
                if *begins_s > i64::MIN {
                    seen.judge(&answers, incident.core.last_s);
                    if seen.successes >= ENOUGH_SUCCESSES {
                        return seen;
                    }
                }
                let start = starts.get(input).copied().unwrap_or((0, 1));
                answers.read(*input, start, incident, analysis, texts, &affected);
            }
            seen.judge(&answers, incident.core.last_s);
            if seen.successes >= ENOUGH_SUCCESSES || !answers.stopped {
                break;
            }
        }
        seen
    }

    /// Goes through the answers of all inputs in order of time.
    fn judge(&mut self, answers: &Answers, last_s: i64) {
        let n_affected = self.n_affected;
        *self = Seen { n_affected, ..Seen::default() };
        let mut rows: Vec<&Answer> = answers.rows.iter().collect();
        rows.sort_unstable_by_key(|row| (row.at, row.place.position));
        for row in rows.into_iter().take_while(|row| row.at < answers.known_until) {
            if row.status >= 500 {
                self.succeeded.clear();
                self.successes = 0;
                self.first_success = None;
                let is_kin = matches!(row.status, 502 | 504);
                self.kin_failures += u64::from(is_kin && row.at.div_euclid(SECOND_US) > last_s);
                self.last_failure = Some(row.status);
            } else {
                self.successes += 1;
                self.succeeded.insert(row.path);
                self.first_success.get_or_insert((row.at, row.place));
            }
            if self.successes >= ENOUGH_SUCCESSES {
                return;
            }
        }
    }
}

/// The affected paths.
#[derive(Debug)]
struct Affected {
    /// Hashes of their templates.
    paths: BTreeSet<u64>,
    /// A word of each of them, which its lines hold. `None`: one of them has no word.
    words: Option<AhoCorasick>,
}

impl Affected {
    fn of(incident: &Incident, texts: Texts<'_>) -> Affected {
        let mut rows = incident.paths.top(TOP_ROWS);
        rows.retain(|row| row.count * MIN_SHARE >= incident.entries);
        let word_of = |row: &Ranked| {
            let template =
                texts.access(row.example, |record| path_template(record.target_parts().0))?;
            word_in(&template).map(<[u8]>::to_vec)
        };
        let words: Option<Vec<Vec<u8>>> = rows.iter().map(word_of).collect();
        Affected {
            paths: rows.iter().map(|row| row.key).collect(),
            words: words.and_then(|words| AhoCorasick::new(words).ok()),
        }
    }

    /// False: the line is not about any of them.
    fn may_be_in(&self, line: &[u8]) -> bool {
        self.words.as_ref().is_none_or(|words| words.is_match(line))
    }
}

/// The longest word in the plain parts of a path's template. Words are of characters that no log escapes.
fn word_in(template: &[u8]) -> Option<&[u8]> {
    let is_in_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._".contains(byte);
    let mut parts = memchr::memmem::find_iter(template, b"{id}").collect::<Vec<_>>();
    parts.push(template.len());
    let mut from = 0;
    let plain = parts.into_iter().map(|end| &template[std::mem::replace(&mut from, end + 4)..end]);
    let words = plain.flat_map(|part| part.split(|byte| !is_in_word(byte)));
    words.filter(|word| !word.is_empty()).max_by_key(|word| word.len())
}

/// An answer on an affected path.
#[derive(Debug, Clone, Copy)]
struct Answer {
    at: i64,
    place: Place,
    status: u16,
    path: u64,
}

/// Answers behind an incident.
#[derive(Debug)]
struct Answers {
    rows: Vec<Answer>,
    /// From here on, lines of an input may be missing; microseconds UTC.
    known_until: i64,
    /// An input is read no further when it has so many successes in a row.
    enough: u64,
    /// That was so.
    stopped: bool,
}

impl Answers {
    /// Reads those of an input, from the line at an offset on.
    fn read(
        &mut self,
        input: u32,
        (start, first_line): (u64, u64),
        incident: &Incident,
        analysis: &Analysis,
        texts: Texts<'_>,
        affected: &Affected,
    ) {
        let Some(scanned) = texts.inputs.get(input as usize) else { return };
        let zones = &analysis.attribution.zones;
        let answer_of = |offset: u64, line: &[u8]| {
            read_access(scanned.plan_at(offset)?, line, |_, record| {
                let at = match record.stamp.offset_s {
                    Some(_) => record.stamp.micros,
                    None => zones.utc(input, record.stamp.micros),
                };
                (at, record.status, hash_path(record.target_parts().0))
            })
        };
        let (mut line_number, mut in_a_row) = (first_line, 0);
        let mut last_at = None;
        // The last line, if it was passed over, and its offset.
        let (mut passed_at, mut passed) = (0, Vec::new());
        scanned.lines_from(start, MAX_READ_BYTES, &mut |offset, line| {
            let place = Place {
                position: Position { input, offset },
                line: line_number,
                length: line.len() as u32,
            };
            line_number += 1;
            passed.clear();
            if !affected.may_be_in(line) {
                passed_at = offset;
                passed.extend_from_slice(line);
                return true;
            }
            let Some((at, status, path)) = answer_of(offset, line) else { return true };
            last_at = Some(at);
            // A client that gave up, was refused or found nothing says neither.
            let says = !(400..500).contains(&status);
            if says && at >= incident.ended_at && affected.paths.contains(&path) {
                self.rows.push(Answer { at, place, status, path });
                in_a_row = if status >= 500 { 0 } else { in_a_row + 1 };
            }
            in_a_row < self.enough && at < self.known_until
        });
        last_at = answer_of(passed_at, &passed).map(|(at, _, _)| at).or(last_at);
        self.stopped |= in_a_row >= self.enough;
        let is_cut =
            in_a_row >= self.enough || start.saturating_add(MAX_READ_BYTES) < scanned.bytes_decoded;
        if let Some(last_at) = last_at.filter(|_| is_cut) {
            // The last line itself is known.
            self.known_until = self.known_until.min(last_at + 1);
        }
    }
}

/// The first second of an input's access lines.
fn first_access_second(analysis: &Analysis, index: u32) -> Option<i64> {
    let tally = &analysis.inputs.get(index as usize)?.tally;
    let zones = &analysis.attribution.zones;
    let zoned = tally.zoned.span().map(|(first, _)| first);
    let local = tally.zoneless.span().map(|(first, _)| first);
    let zoneless = local.map(|first| zones.utc(index, first * SECOND_US).div_euclid(SECOND_US));
    zoned.into_iter().chain(zoneless).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_of_the_plain_parts() {
        for (template, word) in [
            ("/", None),
            ("/{id}", None),
            ("/api/v2/users/{id}/cart", Some("users")),
            ("/img/{id}.jpg", Some(".jpg")),
            ("/caf%C3%A9/a", Some("caf")),
            ("", None),
        ] {
            assert_eq!(word_in(template.as_bytes()), word.map(str::as_bytes), "{template}");
        }
    }
}
