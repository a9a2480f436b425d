//! One request in one layer, as far as other layers can tell it: what a join between layers looks at.
//!
//! In: a verdict. Out: a [`Hop`], small and without the evidence, and the time in which its request was served.
//! Invariants: an entry has one hop per id it carries and one for its target, so that whatever two layers share brings
//! them together.

use crate::attribute::Verdict;
use crate::evidence::{Place, Position};
use crate::fact::{Flags, asked_method, shortened};
use crate::taxonomy::Origin;
use crate::time::SECOND_US;

/// What the key of a hop is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyKind {
    /// A request id, a trace or the id of a delivery network.
    Id = 0,
    /// The target.
    Target = 1,
}

/// Order of hops: what has the same key stands together, in order of time.
pub(super) type HopKey = (u8, u64, i64, Position);

/// An entry under one of its keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Hop {
    pub kind: u8,
    pub key: u64,
    /// The instant that the format stamps, microseconds UTC.
    pub at: i64,
    /// The same before clocks were put right.
    pub stamped_at: i64,
    pub place: Place,
    pub client: u32,
    pub forwarded: u32,
    pub forwarded_before: u32,
    pub host: u32,
    pub server: u32,
    pub listen: u32,
    pub upstream: u32,
    pub body_bytes: u32,
    pub duration_ms: u32,
    pub status: u16,
    pub method: u16,
    pub flags: Flags,
    /// Group of inputs; later the layer.
    pub group: u16,
    /// Marks of [`Taken`](super::Taken).
    pub taken: u64,
    origin: u8,
    cause: u8,
    /// The answer is known to have come from a log that may not be joined.
    pub goes_on: u8,
    /// The line says that the attempt which decided got another status than the response.
    remapped: u8,
}

crate::store::stored!(
    Hop, kind: u8, key: u64, at: i64, stamped_at: i64, place.position.input: u32, place.position.offset: u64, place.line: u64,
    place.length: u32, client: u32, forwarded: u32, forwarded_before: u32, host: u32, server: u32, listen: u32,
    upstream: u32, body_bytes: u32, duration_ms: u32, status: u16, method: u16, flags.0: u16, group: u16, taken: u64, origin: u8, cause: u8,
    goes_on: u8, remapped: u8
);

/// First and last possible instant of a request's start and end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Served {
    pub start: (i64, i64),
    pub end: (i64, i64),
}

/// Rows of lines that name the status of the deciding attempt, which is not 503: a deeper line with that status is of an
/// answer that came too late, or of an earlier attempt.
const REMAPPED: [&str; 6] = [
    "nginx.upstream_502_ambiguous",
    "nginx.upstream_504_ambiguous",
    "nginx.upstream_502_silent",
    "nginx.upstream_502_relayed",
    "nginx.upstream_status_5xx",
    "nginx.remapped_answer",
];

/// How far the instants of a line of unknown kind may lie from its stamp.
const VAGUE_US: i64 = 2 * SECOND_US;

impl Hop {
    /// The hops of an entry.
    pub(super) fn of(verdict: &Verdict, group: u16) -> impl Iterator<Item = Hop> {
        let entry = verdict.entry;
        let hop = Hop {
            at: entry.at,
            stamped_at: entry.at,
            place: entry.place,
            client: shortened(entry.client),
            forwarded: entry.forwarded,
            forwarded_before: entry.forwarded_before,
            host: entry.host,
            server: entry.server,
            listen: entry.listen,
            upstream: entry.upstream,
            body_bytes: entry.body_bytes,
            duration_ms: entry.duration_ms,
            status: entry.status,
            method: asked_method(entry.method),
            flags: entry.flags,
            group,
            origin: verdict.origin() as u8,
            cause: verdict.cause().map_or(0, |cause| cause as u8 + 1),
            goes_on: u8::from(verdict.goes_on()),
            remapped: u8::from(entry.status == 503 && REMAPPED.contains(&verdict.rule().id)),
            ..Hop::default()
        };
        let mut ids = [entry.request, entry.trace, entry.edge_id];
        ids.sort_unstable();
        (0..ids.len())
            .filter(move |index| {
                ids[*index] != 0 && (*index == 0 || ids[*index] != ids[*index - 1])
            })
            .map(move |index| Hop { kind: KeyKind::Id as u8, key: ids[index], ..hop })
            .chain((entry.hop != 0).then_some(Hop {
                kind: KeyKind::Target as u8,
                key: entry.hop,
                ..hop
            }))
    }

    /// The same in another group.
    pub(super) fn in_group(mut self, group: u16) -> Self {
        self.group = group;
        self
    }

    pub(super) fn order(&self) -> HopKey {
        (self.kind, self.key, self.at, self.place.position)
    }

    /// The published origin at this layer.
    pub(super) fn origin(&self) -> Origin {
        Origin::ALL.get(usize::from(self.origin)).copied().unwrap_or(Origin::Unknown)
    }

    /// True when this layer did not make the response, as far as it knows.
    pub(super) fn may_relay(&self) -> bool {
        matches!(self.origin(), Origin::Upstream | Origin::Unknown)
    }

    /// True when a deeper line of this status may be the answer that this one relayed.
    pub(super) fn may_relay_status(&self) -> bool {
        self.may_relay() && self.remapped == 0
    }

    /// True when this layer made the response.
    pub(super) fn made_it(&self) -> bool {
        !self.may_relay()
    }

    /// What two hops of one layer must share so that it does not matter which of them was meant.
    pub(super) fn answer(&self) -> (u8, u8) {
        (self.origin, self.cause)
    }

    /// When the request was served. A stamp of whole seconds may be up to a second early.
    pub(super) fn served(&self) -> Served {
        let rounding = if self.at.rem_euclid(SECOND_US) == 0 { SECOND_US - 1 } else { 0 };
        let stamp = (self.at, self.at + rounding);
        let has = |flag| self.flags.has(flag);
        if has(Flags::SHARED_LAYOUT) {
            let long =
                if has(Flags::TIMED) { i64::from(self.duration_ms) * 1000 } else { VAGUE_US };
            let (early, late) = (stamp.0 - long, stamp.1 + long);
            return Served { start: (early, stamp.1), end: (stamp.0, late) };
        }
        let duration = has(Flags::TIMED).then(|| i64::from(self.duration_ms) * 1000);
        match (has(Flags::AT_START), duration) {
            (true, Some(us)) => Served { start: stamp, end: (stamp.0 + us, stamp.1 + us + 1000) },
            (true, None) => Served { start: stamp, end: (stamp.0, stamp.1 + VAGUE_US) },
            (false, Some(us)) => Served { start: (stamp.0 - us - 1000, stamp.1 - us), end: stamp },
            (false, None) => Served { start: (stamp.0 - VAGUE_US, stamp.1), end: stamp },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_request_follows_from_stamp_duration_and_rounding() {
        let hop = |at, flags| Hop { at, flags, duration_ms: 500, ..Hop::default() };
        let timed = Flags::TIMED;
        let whole = 10 * SECOND_US;
        let served = hop(whole, timed).served();
        assert_eq!(served.end, (whole, whole + SECOND_US - 1));
        assert_eq!(served.start.1, whole + SECOND_US / 2 - 1);
        let exact = hop(whole + 1, Flags(timed.0 | Flags::AT_START.0)).served();
        assert_eq!(exact.start, (whole + 1, whole + 1));
        assert_eq!(exact.end.0, whole + 1 + SECOND_US / 2);
    }

    #[test]
    fn a_status_that_an_attempt_did_not_get_is_not_relayed() {
        let may_relay = |rule: &str, status| {
            let mut verdict = Verdict::default();
            verdict.entry.status = status;
            verdict.entry.hop = 5;
            verdict.set_rule(crate::verdict::rule_index(rule));
            Hop::of(&verdict, 0).all(|hop| hop.may_relay_status())
        };
        assert!(!may_relay("nginx.upstream_504_ambiguous", 503));
        assert!(may_relay("nginx.upstream_504_ambiguous", 504));
        assert!(may_relay("nginx.upstream_status_503", 503));
    }

    #[test]
    fn an_entry_stands_under_each_of_its_ids_once_and_under_its_target() {
        let mut verdict = Verdict::default();
        verdict.entry.request = 7;
        verdict.entry.trace = 7;
        verdict.entry.edge_id = 9;
        verdict.entry.hop = 5;
        let keys: Vec<_> = Hop::of(&verdict, 0).map(|hop| (hop.kind, hop.key)).collect();
        assert_eq!(keys, [(0, 7), (0, 9), (1, 5)]);
    }
}
