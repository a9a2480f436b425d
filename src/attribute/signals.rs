//! Messages by what they say: each cause about one thing is one signal, whether or not an entry was joined to it.
//!
//! In: messages that matched a rule. Out: [`Signal`]s by [`SignalKey`].
//! Invariants: a function of the set of messages, in bounded memory: past [`MAX_SIGNALS`] those with the largest keys
//! share the scope 0. Scopes may be host names that clients make up.

use std::collections::BTreeMap;

use crate::cause::{CauseMatcher, RuleKind};
use crate::evidence::Place;
use crate::fact::{CauseFact, Flags};

/// Messages of one cause about one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal {
    /// Row of the cause table of the first message.
    pub rule: u16,
    /// How many messages.
    pub count: u64,
    /// How many of them explain an entry.
    pub joined: u64,
    /// Time of the first, microseconds UTC.
    pub first_at: i64,
    /// Time of the last, microseconds UTC.
    pub last_at: i64,
    /// Where the first one is (by position).
    pub place: Place,
}

impl Signal {
    fn absorb(&mut self, other: &Signal) {
        self.count += other.count;
        self.joined += other.joined;
        self.first_at = self.first_at.min(other.first_at);
        self.last_at = self.last_at.max(other.last_at);
        if other.place.position < self.place.position {
            (self.place, self.rule) = (other.place, other.rule);
        }
    }
}

/// What a [`Signal`] is about: its cause (code), origin (code) and scope (short hash).
pub type SignalKey = (u8, u8, u32);

/// More distinct signals are not told apart.
const MAX_SIGNALS: usize = 10_000;

/// Collects signals.
#[derive(Debug, Default)]
pub(super) struct Signals {
    /// Those about something.
    scoped: BTreeMap<SignalKey, Signal>,
    /// Those about nothing in particular, and those not told apart.
    shared: BTreeMap<SignalKey, Signal>,
}

impl Signals {
    /// Counts a message.
    pub(super) fn note(&mut self, matcher: &CauseMatcher, fact: &CauseFact) {
        let Some(rule) = matcher.rule(fact.rule) else { return };
        let Some(cause) = rule.cause else { return };
        if matches!(rule.kind, RuleKind::Noise | RuleKind::Lifecycle(_)) {
            return;
        }
        let signal = Signal {
            rule: fact.rule,
            count: 1,
            joined: u64::from(fact.flags.has(Flags::JOINED)),
            first_at: fact.at,
            last_at: fact.at,
            place: fact.place,
        };
        self.add((cause as u8, rule.origin as u8, fact.scope), signal);
    }

    /// Adds what others collected.
    pub(super) fn absorb(&mut self, other: Signals) {
        for (key, signal) in other.scoped.into_iter().chain(other.shared) {
            self.add(key, signal);
        }
    }

    /// All signals.
    pub(super) fn into_rows(mut self) -> BTreeMap<SignalKey, Signal> {
        self.shared.append(&mut self.scoped);
        self.shared
    }

    // A key that had to go is larger than all that stay, and goes at once when it comes again: so what stays was counted
    // from its first message on, in whatever order they come.
    fn add(&mut self, key: SignalKey, signal: Signal) {
        let rows = if key.2 == 0 { &mut self.shared } else { &mut self.scoped };
        rows.entry(key).and_modify(|row| row.absorb(&signal)).or_insert(signal);
        if self.scoped.len() > MAX_SIGNALS
            && let Some(((cause, origin, _), signal)) = self.scoped.pop_last()
        {
            self.add((cause, origin, 0), signal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Position;

    fn signal(offset: u64) -> Signal {
        let position = Position { input: 0, offset };
        let place = Place { position, ..Place::default() };
        Signal { rule: 1, count: 1, joined: 0, first_at: 5, last_at: 5, place }
    }

    #[test]
    fn too_many_signals_share_a_scope_in_any_order() {
        let n = MAX_SIGNALS as u32 + 500;
        let (mut forward, mut backward) = (Signals::default(), Signals::default());
        let mut halves = [Signals::default(), Signals::default()];
        for scope in (1..=n).chain(1..=n) {
            forward.add((1, 2, scope), signal(u64::from(scope)));
            backward.add((1, 2, n + 1 - scope), signal(u64::from(n + 1 - scope)));
            halves[scope as usize % 2].add((1, 2, scope), signal(u64::from(scope)));
        }
        let [mut both, other] = halves;
        both.absorb(other);
        let rows = forward.into_rows();
        assert_eq!((rows.len(), rows[&(1, 2, 0)].count), (MAX_SIGNALS + 1, 2 * 500));
        assert!(rows == backward.into_rows());
        assert!(rows == both.into_rows());
    }
}
