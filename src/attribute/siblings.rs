//! Which logs the names of paths set apart: one kind of log, of several servers or sites.
//!
//! In: paths of inputs, and which of them hold entries. Out: [`Siblings`]. The rule: where a word of a path, put in the
//! place of another, gives the path of another access log (`web01_httperr1.log` beside `web02_httperr1.log`), such words
//! tell logs apart. A log of events whose path has one of them, as `web01_events.csv` and `events/web01.csv` have, or whose
//! events name that machine, does not speak for access logs that have another in its place.
//! Invariants: a word is a directory or a part of a name, never the whole of one; it has a letter, and counts neither days
//! nor pieces of a log; what no path sets apart is not set apart; names are compared, never read, so that this may only
//! take entries from an event.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::evidence::InputIndex;
use crate::fact::{Machine, machine_key};

/// So many digits in a row are a date, or count pieces of a log.
const MIN_DATE_DIGITS: usize = 4;

/// Names behind which a number counts the pieces of a log, or the sites of a server.
const PIECES: [&str; 3] = ["httperr", "extend", "w3svc"];

/// What stands in the place of a word that tells logs apart.
const HOLE: &str = "*";

/// Words of paths that tell logs apart.
#[derive(Debug, Clone, Default)]
pub(super) struct Siblings {
    /// Words of each input, for each way to cut a path.
    words: Vec<[Vec<String>; 2]>,
    /// The words of each input that may tell it apart, each with what stands around it.
    places: Vec<Vec<(String, String)>>,
    /// Words that tell logs apart, by what stands around them.
    apart: BTreeMap<String, BTreeSet<String>>,
    /// All of them.
    telling: BTreeSet<String>,
    /// Which of the inputs are access logs.
    has_entries: Vec<bool>,
    /// Per input, which log it is a piece of.
    series: Vec<u32>,
    /// The pieces of each log.
    pieces: Vec<Vec<InputIndex>>,
}

impl Siblings {
    /// Looks at paths, and whether they are those of access logs.
    pub(super) fn of_paths<P: AsRef<Path>>(inputs: impl Iterator<Item = (P, bool)>) -> Self {
        let mut siblings = Siblings::default();
        let mut series: BTreeMap<String, u32> = BTreeMap::new();
        for (input, (path, has_entries)) in (0..).zip(inputs) {
            let path = path.as_ref().to_string_lossy().to_ascii_lowercase();
            let log = *series.entry(without_dates(&path)).or_insert(siblings.pieces.len() as u32);
            siblings.series.push(log);
            siblings.pieces.resize_with(siblings.pieces.len().max(log as usize + 1), Vec::new);
            siblings.pieces[log as usize].push(input);
            let words = [words(&path, "/\\_."), words(&path, "/\\_.-")];
            // Whoever keeps pieces of a log may have named each as he liked.
            let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
            let whole = name.split('.').next().unwrap_or_default();
            let places = places_of(&words).filter(|(_, word)| *word != whole);
            siblings.places.push(places.map(|(around, word)| (around, word.to_owned())).collect());
            siblings.words.push(words);
            siblings.has_entries.push(has_entries);
        }
        let of_access = siblings.places.iter().zip(&siblings.has_entries).filter(|(_, has)| **has);
        for (around, word) in of_access.flat_map(|(places, _)| places) {
            siblings.apart.entry(around.clone()).or_default().insert(word.clone());
        }
        siblings.apart.retain(|_, words| words.len() > 1);
        siblings.telling = siblings.apart.values().flatten().cloned().collect();
        siblings
    }

    /// The access logs that the events of an input, and of a machine (0: not known), do not speak for, in order.
    pub(super) fn foreign(&self, events: InputIndex, machine: u32) -> Vec<InputIndex> {
        let own = self.words.get(events as usize).into_iter().flatten().flatten();
        let is_machine = |word: &&String| {
            machine != 0 && machine_key(Machine::Computer(word.as_bytes())) == machine
        };
        let own: BTreeSet<&String> = own
            .filter(|word| self.telling.contains(*word))
            .chain(self.telling.iter().filter(is_machine))
            .collect();
        if own.is_empty() {
            return Vec::new();
        }
        let is_foreign = |places: &[(String, String)]| {
            places.iter().any(|(around, word)| {
                let others = self.apart.get(around);
                others.is_some_and(|others| {
                    !own.contains(word) && others.iter().any(|it| own.contains(it))
                })
            })
        };
        (0..)
            .zip(&self.places)
            .zip(&self.has_entries)
            .filter(|((_, places), has_entries)| **has_entries && is_foreign(places))
            .map(|((input, _), _)| input)
            .collect()
    }

    /// True when words tell some of these logs apart.
    pub(super) fn are_apart(&self, logs: impl Iterator<Item = u32>) -> bool {
        let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
        let inputs = logs.filter_map(|log| self.pieces(log).first());
        let places = inputs.filter_map(|input| self.places.get(*input as usize));
        places.flatten().any(|(around, word)| {
            self.apart.contains_key(around) && *seen.entry(around).or_insert(word) != word.as_str()
        })
    }

    /// The log that an input is a piece of, as a number.
    pub(super) fn series(&self, input: InputIndex) -> u32 {
        self.series.get(input as usize).copied().unwrap_or(0)
    }

    /// The inputs that are pieces of a log.
    pub(super) fn pieces(&self, log: u32) -> &[InputIndex] {
        self.pieces.get(log as usize).map_or(&[], Vec::as_slice)
    }
}

fn words(path: &str, separators: &str) -> Vec<String> {
    let words = path.split(|letter| separators.contains(letter));
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The words that may tell a log apart, each with what stands around it in a path that is cut the same way.
fn places_of(cuts: &[Vec<String>; 2]) -> impl Iterator<Item = (String, &str)> {
    cuts.iter().zip(["", "-"]).flat_map(|(words, way)| {
        let distinct: BTreeSet<&str> = words.iter().map(String::as_str).collect();
        distinct.into_iter().filter(|word| may_tell(word)).map(move |word| {
            let around = words.iter().map(|other| if other == word { HOLE } else { other });
            let around: Vec<String> = around.map(without_dates).collect();
            (format!("{way}/{}", around.join("/")), word)
        })
    })
}

fn may_tell(word: &str) -> bool {
    let is_piece = PIECES.iter().any(|name| {
        let number = word.strip_prefix(*name);
        number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
    });
    !is_piece && word.bytes().any(|byte| byte.is_ascii_alphabetic()) && without_dates(word) == word
}

/// A path with a mark in place of long numbers.
fn without_dates(path: &str) -> String {
    let mut kept = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let n_digits = from.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, after) = from.split_at(n_digits);
        kept.push_str(before);
        kept.push_str(if n_digits < MIN_DATE_DIGITS { digits } else { "#" });
        rest = after;
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which access logs the first path, that of a log of events, does not speak for.
    #[track_caller]
    fn check(events: &str, access: &[&str], expected: &[&str]) {
        let paths = std::iter::once((events, false)).chain(access.iter().map(|path| (*path, true)));
        let foreign = Siblings::of_paths(paths).foreign(0, machine_key(Machine::Computer(b"APP1")));
        let got: Vec<&str> = foreign.iter().map(|input| access[*input as usize - 1]).collect();
        assert_eq!(got, expected, "{events}");
    }

    #[test]
    fn events_of_one_server_are_not_for_the_logs_of_another() {
        let flat = ["web01_httperr1.log", "web02_httperr1.log"];
        check("web01_events.csv", &flat, &flat[1..]);
        check("WEB02_events.csv", &flat, &flat[..1]);
        check("events.csv", &flat, &[]);
        check("web03_events.csv", &flat, &[]);
        check("web01_web02_events.csv", &flat, &[]);
        check(
            "events/web01.csv",
            &["web01/httperr1.log", "web02/httperr1.log"],
            &["web02/httperr1.log"],
        );
        check("web-1-events.csv", &["web-1/a.log", "web-2/a.log"], &[]);
        check("web-1_events.csv", &["web-1/a.log", "web-2/a.log"], &["web-2/a.log"]);
        check(
            "web1-events.csv",
            &["web1-u_ex260512.log", "web2-u_ex260513.log"],
            &["web2-u_ex260513.log"],
        );
        // Days, and pieces of one log.
        check("ex260512.csv", &["u_ex260512.log", "u_ex260513.log"], &[]);
        check("01_events.csv", &["01_a.log", "02_a.log"], &[]);
        check("events.csv", &["app1/a.log", "app2/a.log"], &["app2/a.log"]);
        check("httperr1_events.csv", &["httperr1.log", "httperr2.log"], &[]);
        // Another kind of log.
        check("web01_events.csv", &["web01_u_ex260512.log", "web02_httperr1.log"], &[]);
    }

    #[test]
    fn days_of_a_log_are_one_log() {
        let paths =
            ["a/u_ex260512.log", "a/u_ex260513.log", "b/u_ex260512.log", "a/web2_u_ex260512.log"];
        let siblings = Siblings::of_paths(paths.iter().map(|path| (*path, true)));
        assert_eq!([0, 1, 2, 3].map(|input| siblings.series(input)), [0, 0, 1, 2]);
        assert_eq!(siblings.pieces(0), [0, 1]);
        assert!(siblings.are_apart([0, 1].into_iter()));
        assert!(!siblings.are_apart([0, 2].into_iter()));
        // However a path is cut, a log is not apart from itself.
        let siblings = Siblings::of_paths([("s0-_a/httperr1.log", true)].into_iter());
        assert!(!siblings.are_apart([0].into_iter()));
    }
}
