//! A best guess for entries that nothing decides: relayed and configured responses in a log without upstream fields.
//!
//! In: undecided verdicts in order of time. Out: per stretch of time, a [`Leaning`]. A page that nginx serves itself has
//! one size; a size that varies with the path points to a backend. Never more than `possible`.
//! Source: page sizes measured on nginx 1.22: the built-in page, and 402 bytes more for Chrome and MSIE
//! (`msie_padding`, `ngx_http_special_response.c`).

use std::collections::BTreeSet;

use super::{BasisSet, Leaning, Verdict};
use crate::error::Result;
use crate::fact::Flags;
use crate::taxonomy::{Basis, Cause, Origin};
use crate::time::SECOND_US;

/// Undecided entries further apart than this are judged apart.
const GAP_US: i64 = 300 * SECOND_US;

/// More distinct sizes than this say no more.
const MAX_SIZES: usize = 16;

/// What nginx adds to its pages for some agents.
const PADDING_BYTES: u32 = 402;

/// Leanings by time.
#[derive(Debug, Clone, Default)]
pub struct Leanings {
    /// First and last instant of a stretch, and its leaning.
    stretches: Vec<(i64, i64, Leaning)>,
}

/// Sizes seen in one stretch.
#[derive(Debug, Default)]
struct Stretch {
    span: Option<(i64, i64)>,
    sizes: BTreeSet<u32>,
}

impl Leanings {
    /// Looks at all verdicts, which must be in order of time.
    pub fn of(verdicts: impl Iterator<Item = Result<Verdict>>) -> Result<Self> {
        let mut leanings = Leanings::default();
        let mut stretch = Stretch::default();
        for verdict in verdicts {
            let verdict = verdict?;
            if verdict.is_decided() || verdict.own_origin() != Origin::Unknown {
                continue;
            }
            let at = verdict.entry.at;
            if stretch.span.is_some_and(|(_, last)| at - last > GAP_US) {
                leanings.close(&mut stretch);
            }
            stretch.span = Some((stretch.span.map_or(at, |(first, _)| first), at));
            let flags = verdict.entry.flags;
            if flags.has(Flags::SIZED) && !flags.has(Flags::HEAD) && stretch.sizes.len() < MAX_SIZES
            {
                stretch.sizes.insert(verdict.entry.body_bytes);
            }
        }
        leanings.close(&mut stretch);
        Ok(leanings)
    }

    /// The leaning for an undecided entry at an instant.
    pub fn at(&self, at: i64) -> Option<Leaning> {
        let next = self.stretches.partition_point(|(first, _, _)| *first <= at);
        let (_, last, leaning) = self.stretches.get(next.checked_sub(1)?)?;
        (at <= *last).then_some(*leaning)
    }

    fn close(&mut self, stretch: &mut Stretch) {
        let Stretch { span, sizes } = std::mem::take(stretch);
        let Some((first, last)) = span else { return };
        let padded_only: Vec<u32> = sizes.iter().copied().collect();
        let one_page = match padded_only[..] {
            [] => return,
            [_] => true,
            [plain, padded] => padded - plain == PADDING_BYTES,
            _ => false,
        };
        let (origin, cause) = if one_page {
            (Origin::LocalProcess, Cause::Maintenance)
        } else {
            (Origin::Upstream, Cause::Upstream503)
        };
        let basis = BasisSet::of(&[Basis::BodySize]);
        self.stretches.push((first, last, Leaning { origin, cause: Some(cause), basis }));
    }
}
