//! What the lines of one request have in common in two logs, and whether that tells them from others.
//!
//! In: pairs of lines that are one request. Out: [`Common`].
//! Invariants: counts only; what agrees by chance is no evidence.

use std::collections::BTreeMap;

use super::hop::Hop;
use crate::fact::Flags;

/// What both lines of a pair have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "things that are alike or not, in any combination"
)]
pub(super) struct Common {
    /// Both name the same client.
    pub client: bool,
    /// The deeper one names the client of the other last in `X-Forwarded-For`.
    pub forwarded: bool,
    /// It names it last but one.
    pub forwarded_before: bool,
    /// Both name the same host.
    pub host: bool,
    /// Both have bodies of the same size.
    pub body: bool,
    /// Clients or sizes differ so much from request to request that it is no chance when two lines agree.
    pub tells: bool,
}

impl Common {
    fn of(front: &Hop, deep: &Hop) -> Self {
        let same = |one: u32, other: u32| one != 0 && one == other;
        Common {
            client: same(front.client, deep.client),
            forwarded: same(front.client, deep.forwarded),
            forwarded_before: same(front.client, deep.forwarded_before),
            host: same(front.host, deep.host),
            body: has_body(front) && has_body(deep) && front.body_bytes == deep.body_bytes,
            tells: false,
        }
    }
}

impl Common {
    /// True when both lines name the client of the request.
    pub(super) fn names_client(self) -> bool {
        self.client || self.forwarded || self.forwarded_before
    }

    /// What holds for both.
    pub(super) fn also(self, other: Common) -> Common {
        Common {
            client: self.client && other.client,
            forwarded: self.forwarded && other.forwarded,
            forwarded_before: self.forwarded_before && other.forwarded_before,
            host: self.host && other.host,
            body: self.body && other.body,
            tells: self.tells && other.tells,
        }
    }
}

fn has_body(hop: &Hop) -> bool {
    hop.flags.has(Flags::SIZED) && !hop.flags.has(Flags::HEAD)
}

/// How often each value of a field was seen.
#[derive(Debug, Clone, Default)]
struct Values {
    counts: BTreeMap<u32, u64>,
    n: u64,
}

impl Values {
    /// More distinct values than this are not counted apart: each of the others is rare.
    const MAX_VALUES: usize = 1000;

    /// Two lines that have nothing to do with each other agree at most once in so many times.
    const LEAST_ODDS: u64 = 4;

    fn note(&mut self, value: u32) {
        self.n += 1;
        if self.counts.len() < Self::MAX_VALUES || self.counts.contains_key(&value) {
            *self.counts.entry(value).or_default() += 1;
        }
    }

    /// True when an equal value in both lines is hardly chance.
    fn tell(&self) -> bool {
        let n_agree: u64 = self.counts.values().map(|n| n * n).sum();
        self.n >= 5 && n_agree * Self::LEAST_ODDS <= self.n * self.n
    }
}

/// How often each thing was common.
#[derive(Debug, Clone, Default)]
pub(super) struct CommonCounts {
    n: u64,
    n_bodies: u64,
    client: u64,
    forwarded: u64,
    forwarded_before: u64,
    host: u64,
    body: u64,
    /// Clients of the one in front, and sizes of its bodies.
    clients: Values,
    bodies: Values,
}

impl CommonCounts {
    /// Counts a pair.
    pub(super) fn note(&mut self, front: &Hop, deep: &Hop) {
        let common = Common::of(front, deep);
        self.n += 1;
        self.clients.note(front.client);
        if has_body(front) && has_body(deep) {
            self.n_bodies += 1;
            self.bodies.note(front.body_bytes);
        }
        self.client += u64::from(common.client);
        self.forwarded += u64::from(common.forwarded);
        self.forwarded_before += u64::from(common.forwarded_before);
        self.host += u64::from(common.host);
        self.body += u64::from(common.body);
    }

    /// What nearly all pairs have in common.
    pub(super) fn settled(&self) -> Common {
        let nearly = |n: u64, total: u64| total >= 5 && n * 20 >= total * 19;
        let common = Common {
            client: nearly(self.client, self.n),
            forwarded: nearly(self.forwarded, self.n),
            forwarded_before: nearly(self.forwarded_before, self.n),
            host: nearly(self.host, self.n),
            body: nearly(self.body, self.n_bodies),
            tells: false,
        };
        let tells =
            (common.names_client() && self.clients.tell()) || (common.body && self.bodies.tell());
        Common { tells, ..common }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_tell_where_they_differ() {
        let tell = |rows: &[(u32, u64)]| {
            let mut values = Values::default();
            for (value, n) in rows {
                for _ in 0..*n {
                    values.note(*value);
                }
            }
            values.tell()
        };
        assert!(!tell(&[(197, 1000)]));
        assert!(!tell(&[(197, 900), (1, 20), (2, 20), (3, 20), (4, 40)]));
        assert!(tell(&[(1, 20), (2, 20), (3, 20), (4, 20), (5, 20)]));
        assert!(!tell(&[(1, 1), (2, 1)]));
    }
}
