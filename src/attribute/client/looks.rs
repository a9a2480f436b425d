//! Which pages come with error lines.
//!
//! In: entries that are paired, or surely have no line. Out: what the page of an entry says of its lines.
//! Invariants: few entries say nothing.

use std::collections::HashMap;

use super::SLACK;
use crate::fact::EntryFact;

/// What the page of an entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Nothing.
    Open,
    /// Entries that look like it are explained by error lines.
    Explained,
    /// Entries that look like it have no error line.
    Silent,
}

/// Host, status, row of the decision tables, and size where it counts: what makes two pages one. An entry that was not
/// handed to a backend may have the same built-in page as one that was.
pub(super) type PageKey = (u32, u16, u16, Option<u32>);

/// Which pages come with error lines: per status, row and size of the page, and per host.
///
/// Learned from entries that are surely paired and from those whose client has no line at all. A server's own error page
/// has one size, so that the entries it explains look alike, and pages of backends look otherwise.
#[derive(Debug, Clone, Default)]
pub struct Pages {
    /// How many were paired and how many have no line.
    counts: HashMap<PageKey, (u64, u64)>,
    /// The same by numbers alone, of pages with a size.
    counted: HashMap<PageKey, (u64, u64)>,
}

impl Pages {
    /// More distinct pages than this are not learned.
    const MAX_PAGES: usize = 50_000;

    /// Fewer entries than this say nothing.
    const MIN_SEEN: u64 = 5;

    /// Fewer entries than this say nothing by their numbers.
    const MIN_COUNTED: u64 = 20;

    pub(super) fn sized_key(entry: &EntryFact) -> Option<PageKey> {
        entry.page_bytes().map(|size| (entry.host, entry.status, entry.rule, Some(size)))
    }

    fn keys(entry: &EntryFact) -> impl Iterator<Item = PageKey> {
        let key = (entry.host, entry.status, entry.rule, None);
        Self::sized_key(entry).into_iter().chain((entry.host != 0).then_some(key))
    }

    /// Learns from an entry.
    pub fn note(&mut self, entry: &EntryFact, is_paired: bool) {
        for key in Self::keys(entry) {
            Self::add(&mut self.counts, key, is_paired);
        }
    }

    /// Learns from an entry that numbers speak of.
    pub fn note_counted(&mut self, entry: &EntryFact, is_paired: bool) {
        if let Some(key) = Self::sized_key(entry) {
            Self::add(&mut self.counted, key, is_paired);
        }
    }

    fn add(counts: &mut HashMap<PageKey, (u64, u64)>, key: PageKey, is_paired: bool) {
        if counts.len() < Self::MAX_PAGES || counts.contains_key(&key) {
            let (paired, silent) = counts.entry(key).or_default();
            *(if is_paired { paired } else { silent }) += 1;
        }
    }

    /// What is known of entries like this one.
    pub fn look(&self, entry: &EntryFact) -> Look {
        let surely = Self::keys(entry).map(|key| (&self.counts, key, Self::MIN_SEEN));
        let by_number = Self::sized_key(entry).map(|key| (&self.counted, key, Self::MIN_COUNTED));
        for (counts, key, least) in surely.chain(by_number) {
            let (paired, silent) = counts.get(&key).copied().unwrap_or_default();
            if paired + silent < least {
                continue;
            }
            if paired >= silent * SLACK as u64 {
                return Look::Explained;
            }
            if silent >= paired * SLACK as u64 {
                return Look::Silent;
            }
        }
        Look::Open
    }
}
