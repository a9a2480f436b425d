//! Finds the rules whose anchors a message holds.
//!
//! In: the anchor texts of all rules. Out: for a message, the rules of those that occur in it.
//! Invariants: every occurrence is found. Each text is known by four of its bytes, which are marked in a table by their
//! hash: a position of a message costs one look at the table, and no look waits for the one before, as the steps of an
//! automaton do. Only where the mark is set is the text compared.

use std::collections::HashMap;
use std::ops::ControlFlow;

/// Bytes of a text by which it is known.
const GRAM_BYTES: usize = 4;

/// The table has two to the power of this many bits: 32 KiB, which stay in the first-level cache.
const TABLE_BITS: u32 = 18;

/// A text that messages of a rule hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Anchor<'a> {
    pub(super) text: &'a [u8],
    /// The rule.
    pub(super) rule: u16,
    /// It counts at the start of a message only.
    pub(super) at_start: bool,
}

/// The anchors of all rules, ready to be searched for.
#[derive(Debug)]
pub(super) struct Anchors {
    /// One bit for each hash.
    marked: Vec<u64>,
    /// Sorted by their four bytes.
    known: Vec<Known>,
    /// Texts of fewer bytes, of which rules of users may have some: each is searched for by itself.
    short: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    gram: u32,
    /// Where these four bytes stand in the text.
    offset: usize,
    text: Box<[u8]>,
    rule: u16,
    at_start: bool,
}

impl Anchors {
    pub(super) fn of(anchors: &[Anchor<'_>]) -> Self {
        let mut n_uses: HashMap<u32, usize> = HashMap::new();
        for gram in anchors.iter().flat_map(|anchor| grams(anchor.text)) {
            *n_uses.entry(gram).or_default() += 1;
        }
        let mut marked = vec![0; 1 << (TABLE_BITS - u64::BITS.ilog2())];
        let (mut known, mut short) = (Vec::new(), Vec::new());
        for &Anchor { text, rule, at_start } in anchors {
            // The bytes that fewest texts share are likely to be rare in other messages as well.
            let rarest = grams(text).enumerate().min_by_key(|(_, gram)| n_uses[gram]);
            let (offset, gram) = rarest.unwrap_or_default();
            let anchor = Known { gram, offset, text: text.into(), rule, at_start };
            if rarest.is_none() {
                short.push(anchor);
                continue;
            }
            let (word, bit) = place(gram);
            marked[word] |= bit;
            known.push(anchor);
        }
        known.sort_by_key(|anchor| anchor.gram);
        Anchors { marked, known, short }
    }

    /// Calls `each` with the rule of every occurrence of an anchor, and whether it counts at this place, until it breaks.
    pub(super) fn find(
        &self,
        message: &[u8],
        mut each: impl FnMut(u16, bool) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        for (at, gram) in grams(message).enumerate() {
            let (word, bit) = place(gram);
            if self.marked[word] & bit == 0 {
                continue;
            }
            let first = self.known.partition_point(|anchor| anchor.gram < gram);
            for anchor in self.known[first..].iter().take_while(|anchor| anchor.gram == gram) {
                let Some(start) = at.checked_sub(anchor.offset) else { continue };
                if message[start..].starts_with(&anchor.text) {
                    each(anchor.rule, !anchor.at_start || start == 0)?;
                }
            }
        }
        for anchor in &self.short {
            if let Some(start) = memchr::memmem::find(message, &anchor.text) {
                each(anchor.rule, !anchor.at_start || start == 0)?;
            }
        }
        ControlFlow::Continue(())
    }
}

/// All groups of four bytes.
fn grams(text: &[u8]) -> impl Iterator<Item = u32> {
    text.windows(GRAM_BYTES).filter_map(|gram| gram.first_chunk().copied()).map(u32::from_le_bytes)
}

/// Word and bit of the table for a group, by multiplicative hashing (Knuth, TAOCP 6.4).
fn place(gram: u32) -> (usize, u64) {
    let hash = gram.wrapping_mul(0x9e37_79b1) >> (u32::BITS - TABLE_BITS);
    ((hash / u64::BITS) as usize, 1 << (hash % u64::BITS))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(anchors: &Anchors, message: &[u8]) -> Vec<(u16, bool)> {
        let mut all = Vec::new();
        let _ = anchors.find(message, |rule, counts| {
            all.push((rule, counts));
            ControlFlow::Continue(())
        });
        all.sort_unstable();
        all.dedup();
        all
    }

    proptest! {
        #[test]
        fn every_occurrence_is_found(
            texts in prop::collection::vec((prop::collection::vec(b'a'..=b'c', 1..8), any::<bool>()), 1..20),
            message in prop::collection::vec(b'a'..=b'c', 0..60),
        ) {
            let anchor = |(rule, (text, at_start)): (usize, &(Vec<u8>, bool))| -> (Vec<u8>, u16, bool) {
                (text.clone(), rule as u16, *at_start)
            };
            let owned: Vec<_> = texts.iter().enumerate().map(anchor).collect();
            let all: Vec<_> = owned
                .iter()
                .map(|(text, rule, at_start)| Anchor { text, rule: *rule, at_start: *at_start })
                .collect();
            // Of short texts the first occurrence alone, which is the one that counts at the start.
            let mut expected: Vec<(u16, bool)> = all
                .iter()
                .flat_map(|anchor| {
                    let n_all = if anchor.text.len() < GRAM_BYTES { 1 } else { usize::MAX };
                    let overlapping = (0..message.len())
                        .filter(|at| message[*at..].starts_with(anchor.text))
                        .take(n_all);
                    overlapping.map(|at| (anchor.rule, !anchor.at_start || at == 0)).collect::<Vec<_>>()
                })
                .collect();
            expected.sort_unstable();
            expected.dedup();
            prop_assert_eq!(found(&Anchors::of(&all), &message), expected);
        }
    }

    #[test]
    fn the_search_ends_when_it_is_told() {
        let anchor = |text, rule| Anchor { text, rule, at_start: false };
        let anchors = Anchors::of(&[anchor(b"refused", 1), anchor(b"fus", 2), anchor(b"sed", 3)]);
        let mut n_calls = 0;
        let ended = anchors.find(b"connection refused", |_, _| {
            n_calls += 1;
            ControlFlow::Break(())
        });
        assert_eq!((ended, n_calls), (ControlFlow::Break(()), 1));
        assert!(found(&anchors, b"").is_empty());
    }
}
