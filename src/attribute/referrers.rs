//! Which logs tell the `Referer` of a request, and which hosts.
//!
//! In: entries and messages that name no request. Out: whether the lack of a referrer, or another one, says that an entry
//! and a message are of different requests. The rule: messages of one row of the cause table name the referrer where there
//! is one if any of that row does so beside them; a layout may have been worked out, so that its column is believed only
//! where most of what it holds stands in messages as well. Of hosts only those count that messages name: an access log may
//! hold what the client asked for where messages hold the name of the site.
//! Invariants: memory is bounded; directories count, not files, so that a log in pieces is one log.

use std::collections::{BTreeMap, BTreeSet};

use crate::fact::{CauseFact, EntryFact, NO_REFERRER};

/// Referrers of messages that are kept: those with the smallest keys.
const MAX_KEYS: usize = 1 << 16;

/// What is known of the referrers of all logs.
#[derive(Debug, Clone, Default)]
pub(super) struct Referrers {
    /// Directories, and rows of the cause table whose messages name a referrer there.
    rows: BTreeSet<(usize, u16)>,
    /// What messages name.
    keys: BTreeSet<u32>,
    /// Hosts that messages name: those with the smallest keys.
    hosts: BTreeSet<u32>,
    /// Entries of a directory by whether messages name their referrer: yes, no.
    entries: BTreeMap<usize, (u64, u64)>,
}

impl Referrers {
    /// Notes a message of a log in this directory.
    pub(super) fn note_message(&mut self, fact: &CauseFact, directory: usize) {
        if fact.host != 0 {
            self.hosts.insert(fact.host);
            if self.hosts.len() > MAX_KEYS {
                self.hosts.pop_last();
            }
        }
        if fact.referrer != 0 {
            self.rows.insert((directory, fact.rule));
            self.keys.insert(fact.referrer);
            if self.keys.len() > MAX_KEYS {
                self.keys.pop_last();
            }
        }
    }

    /// Notes the referrer of an entry of a log in this directory, once all messages are known.
    pub(super) fn note_entry(&mut self, referrer: u32, directory: usize) {
        let is_full = self.keys.len() >= MAX_KEYS;
        let is_kept = !is_full || self.keys.last().is_some_and(|last| referrer <= *last);
        if referrer > NO_REFERRER && is_kept {
            let (common, other) = self.entries.entry(directory).or_default();
            *(if self.keys.contains(&referrer) { common } else { other }) += 1;
        }
    }

    /// Adds what another has noted.
    pub(super) fn absorb(&mut self, other: Referrers) {
        self.rows.extend(other.rows);
        self.keys.extend(other.keys);
        self.hosts.extend(other.hosts);
        for keys in [&mut self.keys, &mut self.hosts] {
            while keys.len() > MAX_KEYS {
                keys.pop_last();
            }
        }
    }

    /// The host of an entry if messages name it; else 0.
    pub(super) fn host_of(&self, entry: &EntryFact) -> u32 {
        if self.hosts.contains(&entry.host) { entry.host } else { 0 }
    }

    /// True when the entries of a directory tell their referrers.
    pub(super) fn are_told_in(&self, directory: usize) -> bool {
        self.entries.get(&directory).is_some_and(|(common, other)| common > other)
    }

    /// The referrer that the lines of a request name: [`NO_REFERRER`] where they would name one; 0 where they do not tell.
    pub(super) fn of_lines(&self, lines: &[CauseFact], directory: usize) -> u32 {
        let named = lines.iter().map(|fact| fact.referrer).find(|key| *key != 0);
        let would_name =
            |fact: &CauseFact| fact.client != 0 && self.rows.contains(&(directory, fact.rule));
        named.unwrap_or_else(|| if lines.iter().any(would_name) { NO_REFERRER } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_tell_that_there_is_none_where_others_of_their_kind_name_one() {
        let line =
            |client, rule, referrer| CauseFact { client, referrer, rule, ..CauseFact::default() };
        let mut referrers = Referrers::default();
        referrers.note_message(&line(1, 7, 50), 0);
        referrers.note_message(&line(1, 8, 0), 0);
        let of = |lines: &[CauseFact], directory| referrers.of_lines(lines, directory);
        assert_eq!(of(&[line(0, 9, 0), line(1, 7, 60)], 0), 60);
        assert_eq!(of(&[line(0, 9, 0), line(1, 7, 0)], 0), NO_REFERRER);
        // Another kind of message, another log, a message without its request.
        assert_eq!(
            [of(&[line(1, 8, 0)], 0), of(&[line(1, 7, 0)], 1), of(&[line(0, 7, 0)], 0)],
            [0; 3]
        );
    }

    #[test]
    fn a_column_is_believed_where_messages_name_what_it_holds() {
        let mut referrers = Referrers::default();
        for referrer in [50, 60] {
            referrers.note_message(&CauseFact { referrer, ..CauseFact::default() }, 0);
        }
        for (referrer, directory) in
            [(50, 0), (60, 0), (70, 0), (NO_REFERRER, 1), (50, 2), (80, 2), (0, 2)]
        {
            referrers.note_entry(referrer, directory);
        }
        assert_eq!(
            [0, 1, 2].map(|directory| referrers.are_told_in(directory)),
            [true, false, false]
        );
    }
}
