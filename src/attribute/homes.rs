//! Where facts without a common request come from: the logs of which server, on which machine.
//!
//! In: the directories of entries and of messages that name no request. Out: a [`Home`] for each fact.
//! The rule: a directory that has entries and messages is a server's own. Where there are several such, the messages of
//! one are not for the entries of another, and entries look for their messages at home before they look elsewhere. What
//! lies in a directory of entries alone, or of messages alone, may belong to any.
//! Invariants: directories count, not files, so that a log in pieces is one log.

use std::collections::{BTreeMap, BTreeSet};

use crate::evidence::InputIndex;
use crate::fact::machines_agree;

/// Where a fact comes from; 0 where that is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Home {
    /// Number of a directory that is a server's own, from 1.
    pub place: u32,
    /// Key of the machine.
    pub machine: u32,
}

impl Home {
    /// True when both may be of one server.
    pub fn agrees(self, other: Home) -> bool {
        (self.place == 0 || other.place == 0 || self.place == other.place)
            && machines_agree(self.machine, other.machine)
    }

    /// True when anything is known of it.
    pub fn is_known(self) -> bool {
        self != Home::default()
    }
}

/// The directories of all facts.
#[derive(Debug, Clone, Default)]
pub(super) struct Homes {
    of_input: BTreeMap<InputIndex, usize>,
    with_entries: BTreeSet<usize>,
    with_messages: BTreeSet<usize>,
}

impl Homes {
    /// Notes an entry of an input that lies in this directory.
    pub(super) fn note_entry(&mut self, input: InputIndex, directory: usize) {
        self.of_input.insert(input, directory);
        self.with_entries.insert(directory);
    }

    /// Notes a message likewise.
    pub(super) fn note_message(&mut self, input: InputIndex, directory: usize) {
        self.of_input.insert(input, directory);
        self.with_messages.insert(directory);
    }

    /// Adds what another has noted.
    pub(super) fn absorb(&mut self, other: Homes) {
        self.of_input.extend(other.of_input);
        self.with_entries.extend(other.with_entries);
        self.with_messages.extend(other.with_messages);
    }

    /// The directory of an input.
    pub(super) fn directory(&self, input: InputIndex) -> usize {
        self.of_input.get(&input).copied().unwrap_or_default()
    }

    /// Tells of an input and a machine what home they are.
    pub(super) fn resolve(&self) -> impl Fn(InputIndex, u32) -> Home + use<> {
        let own: BTreeSet<usize> =
            self.with_entries.intersection(&self.with_messages).copied().collect();
        let of_input = if own.len() > 1 { self.of_input.clone() } else { BTreeMap::new() };
        move |input, machine| {
            let place = of_input.get(&input).filter(|directory| own.contains(directory));
            Home { place: place.map_or(0, |directory| *directory as u32 + 1), machine }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_with_both_are_homes_where_there_are_several() {
        let mut homes = Homes::default();
        homes.note_entry(0, 0);
        homes.note_message(1, 0);
        homes.note_entry(2, 1);
        homes.note_message(3, 2);
        let place = |homes: &Homes, input| homes.resolve()(input, 0).place;
        assert_eq!([0, 1, 2, 3].map(|input| place(&homes, input)), [0; 4]);
        let mut more = Homes::default();
        more.note_message(4, 1);
        homes.absorb(more);
        assert_eq!([0, 1, 2, 3, 4].map(|input| place(&homes, input)), [1, 1, 2, 0, 2]);
    }

    #[test]
    fn homes_agree_unless_both_are_known_and_differ() {
        let home = |place, machine| Home { place, machine };
        assert!(home(1, 0).agrees(home(1, 8)) && home(1, 8).agrees(home(0, 0)));
        assert!(!home(1, 0).agrees(home(2, 0)) && !home(1, 8).agrees(home(1, 10)));
        assert!(home(0, 8).is_known() && !home(0, 0).is_known());
    }
}
