//! A quick answer for messages that hold none of many texts, which is true of most.
//!
//! In: texts. Out: whether a message may hold one of them; a no is certain.
//! Invariants: four bytes of each text are marked in a table by their hash, so a message that holds a text holds marked
//! bytes. A position costs one look at the table, and no look waits for the one before, as steps of an automaton do.

use std::collections::HashMap;

/// Bytes of a text that are marked.
const GRAM_BYTES: usize = 4;

/// The table has two to the power of this many bits: 32 KiB, which stay in the first-level cache.
const TABLE_BITS: u32 = 18;

/// Which groups of four bytes the texts are known by.
#[derive(Debug)]
pub(super) struct Sieve {
    marked: Vec<u64>,
}

impl Sieve {
    /// A sieve for texts. `None`: one of them is too short to be known by four bytes.
    pub(super) fn of(texts: &[&[u8]]) -> Option<Self> {
        let mut n_uses: HashMap<u32, usize> = HashMap::new();
        for gram in texts.iter().flat_map(|text| grams(text)) {
            *n_uses.entry(gram).or_default() += 1;
        }
        let mut sieve = Sieve { marked: vec![0; 1 << (TABLE_BITS - u64::BITS.ilog2())] };
        for text in texts {
            // The bytes that fewest texts share are likely to be rare in other messages as well.
            let (word, bit) = place(grams(text).min_by_key(|gram| n_uses[gram])?);
            sieve.marked[word] |= bit;
        }
        Some(sieve)
    }

    /// False for a message that holds none of the texts.
    pub(super) fn may_hold(&self, message: &[u8]) -> bool {
        grams(message).any(|gram| {
            let (word, bit) = place(gram);
            self.marked[word] & bit != 0
        })
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
    use super::*;

    #[test]
    fn a_text_is_never_missed() {
        let texts: [&[u8]; 3] = [b"no live upstreams", b"refused", b"oom-"];
        let sieve = Sieve::of(&texts).unwrap();
        for text in texts {
            for (before, after) in [("", ""), ("a ", ""), ("", " b"), ("x", "y")] {
                assert!(sieve.may_hold(&[before.as_bytes(), text, after.as_bytes()].concat()));
            }
        }
        for other in ["", "oom", "worker heartbeat ok, job 1 took 1 ms"] {
            assert!(!sieve.may_hold(other.as_bytes()), "{other}");
        }
        assert!(Sieve::of(&[b"abc"]).is_none());
    }
}
