//! The pages that a limit refuses with, learned before entries and lines are paired.
//!
//! In: the sorted stores of entries and messages. Out: the sizes of the pages of entries that are surely a limit's: those
//! of a client and target that has, in a second, as many entries as lines of limits, and no other lines.
//! A backend may relay its own refusal in the same second; in a layout without backends only the page tells them apart.
//! Invariants: a property of all entries; too few, or pages of all sizes, tell nothing.

use super::companions::Companions;
use super::pages::FailurePages;
use super::refused::is_of_limit;
use super::zones::Zones;
use super::{peek_key, verdict::server_of};
use crate::cause::CauseMatcher;
use crate::error::Result;
use crate::fact::{CauseFact, EntryFact, Flags};
use crate::scan::JoinKey;
use crate::store::Sorted;
use crate::taxonomy::Server;
use crate::time::SECOND_US;

/// More facts of one client and target than this teach nothing.
const MAX_FACTS: usize = 4096;

/// What stands in a second: an entry, or a line, and whether that is a limit's.
enum Seen {
    Entry(EntryFact),
    Line { is_limit: bool },
}

/// Learns the pages of limits.
pub(super) fn limit_pages(
    entries: &Sorted<EntryFact, JoinKey>,
    causes: &Sorted<CauseFact, JoinKey>,
    matcher: &CauseMatcher,
    companions: &Companions,
    zones: &Zones,
) -> Result<FailurePages> {
    let mut pages = FailurePages::default();
    let mut entry_rows = entries.rows().peekable();
    let mut cause_rows = causes.rows().peekable();
    while let Some(key) =
        peek_key(&mut cause_rows, |fact: &CauseFact| (fact.target_key, fact.client))?
    {
        let mut seen: Vec<(i64, Seen)> = Vec::new();
        let mut any_limit = false;
        while let Some(row) = cause_rows
            .next_if(|row| row.as_ref().is_ok_and(|fact| (fact.target_key, fact.client) == key))
        {
            let mut fact = row?;
            let rule = matcher.rule(fact.rule).filter(|rule| rule.kind.explains_requests());
            if let Some(rule) = rule.filter(|_| !fact.flags.has(Flags::TIMELESS)) {
                let is_limit = is_of_limit(rule);
                any_limit |= is_limit;
                zones.resolve_cause(&mut fact);
                if seen.len() <= MAX_FACTS {
                    seen.push((second_of(fact.at), Seen::Line { is_limit }));
                }
            }
        }
        while let Some(row) = entry_rows
            .next_if(|row| row.as_ref().is_ok_and(|fact| (fact.target_key, fact.client) <= key))
        {
            let mut fact = row?;
            let is_alike = (fact.target_key, fact.client) == key;
            if is_alike && any_limit && seen.len() <= MAX_FACTS {
                zones.resolve_entry(&mut fact);
                seen.push((second_of(fact.at), Seen::Entry(fact)));
            }
        }
        if any_limit && key.0 != 0 && seen.len() <= MAX_FACTS {
            seen.sort_by_key(|(second, _)| *second);
            for piece in seen.chunk_by(|one, next| one.0 == next.0) {
                learn(piece, companions, &mut pages);
            }
        }
    }
    Ok(pages)
}

/// Limits refuse at once: line and entry have the time of one cached clock.
fn second_of(at: i64) -> i64 {
    at.div_euclid(SECOND_US)
}

/// Learns from the entries and lines of one second.
fn learn(piece: &[(i64, Seen)], companions: &Companions, pages: &mut FailurePages) {
    let entries = piece.iter().filter_map(|(_, seen)| match seen {
        Seen::Entry(entry) => Some(entry),
        Seen::Line { .. } => None,
    });
    let all_limits = piece.iter().all(|(_, seen)| !matches!(seen, Seen::Line { is_limit: false }));
    if all_limits && entries.clone().count() * 2 == piece.len() {
        for entry in entries.filter(|entry| server_of(entry.rule) == Server::Nginx) {
            pages.note(companions.directory(entry.place.position.input), entry, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::rule_index;

    const LIMIT: Seen = Seen::Line { is_limit: true };

    fn entry(body_bytes: u32) -> Seen {
        let rule = rule_index("nginx.no_upstream_field");
        Seen::Entry(EntryFact { body_bytes, rule, flags: Flags::SIZED, ..EntryFact::default() })
    }

    /// Whether pages of 599 bytes are learned to be other than a limit's of 197, from seconds like this one.
    #[track_caller]
    fn check(second: impl Fn() -> Vec<Seen>, expected: bool) {
        let companions = Companions::of_paths(["access.log"].into_iter());
        let mut pages = FailurePages::default();
        for at in 0..20 {
            let piece: Vec<(i64, Seen)> = second().into_iter().map(|seen| (at, seen)).collect();
            learn(&piece, &companions, &mut pages);
        }
        let Seen::Entry(other) = entry(599) else { return };
        assert_eq!(pages.differ_from(companions.directory(0), &other), expected);
    }

    #[test]
    fn seconds_with_as_many_entries_as_lines_of_limits_teach_the_page() {
        check(|| vec![entry(197), LIMIT], true);
        check(|| vec![entry(197), LIMIT, LIMIT, entry(197)], true);
        // One of these was not refused by the limit.
        check(|| vec![entry(197), entry(599), LIMIT], false);
        check(|| vec![entry(197), LIMIT, LIMIT], false);
        check(|| vec![entry(197), Seen::Line { is_limit: false }], false);
    }
}
