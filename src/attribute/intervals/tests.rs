//! States and the entries that they explain.

use super::*;
use crate::fact::{pool_key, site_key};
use crate::verdict::{RULES as VERDICTS, rule_index};

#[test]
fn every_row_names_rows_that_exist() {
    for state in STATES {
        for id in state.begins.iter().chain(state.ends).chain(state.explains_messages) {
            assert!(RULES.iter().any(|rule| rule.id == *id), "{id}");
        }
        for id in state.explains {
            assert!(VERDICTS.iter().any(|rule| rule.id == *id), "{id}");
        }
    }
}

#[test]
fn events_are_about_a_pool_or_a_site() {
    let pool = |name: &str| About { pool: pool_key(name.as_bytes()), site: 0 };
    let site = |name: &str| About { site: site_key(name.as_bytes()), pool: 0 };
    for (name, expected) in [
        ("ShopPool", pool("ShopPool")),
        ("/LM/W3SVC/12/ROOT/app", site("12")),
        ("/lm/w3svc/1/ROOT", site("1")),
        ("w3wp.exe (6120)", About::default()),
        ("MACHINE/WEBROOT/APPHOST/SHOP", site("Shop")),
        ("MACHINE/WEBROOT/APPHOST/DEFAULT WEB SITE/API", site("Default+Web+Site")),
        ("", About::default()),
    ] {
        assert_eq!(About::named(name.as_bytes()), expected, "{name}");
    }
}

#[track_caller]
fn check(intervals: &[(i64, i64, About)], entry: EntryFact, is_explained: bool) {
    let rows = intervals.iter().map(|(from, to, about)| Interval {
        state: 0,
        from: *from,
        to: *to,
        reach: 0,
        about: *about,
        heard: 0,
        is_vague: false,
        is_torn: false,
        fact: CauseFact::default(),
    });
    let mut intervals = Intervals { rows: rows.collect(), ..Intervals::default() };
    intervals.arrange();
    assert_eq!(intervals.explaining(&entry).is_some(), is_explained);
}

#[test]
fn a_state_explains_the_entries_of_its_time_and_application() {
    let entry = |at, site| EntryFact {
        at,
        site,
        rule: rule_index("iis.application_503"),
        ..EntryFact::default()
    };
    let site = |site| About { site, pool: 0 };
    check(&[(5, 9, site(2))], entry(7, 2), true);
    check(&[(5, 9, site(2))], entry(10, 2), false);
    check(&[(5, 9, site(2))], entry(7, 4), false);
    check(&[(5, 9, site(2))], entry(7, 0), true);
    check(&[(5, 9, site(2)), (6, 8, site(4))], entry(7, 0), false);
    check(&[(5, 9, site(2)), (6, 8, site(4))], entry(7, 4), true);
    let other = EntryFact { rule: rule_index("iis.concurrency_limit"), ..entry(7, 2) };
    check(&[(5, 9, site(2))], other, false);
}

#[test]
fn a_state_explains_no_entry_of_another_machine() {
    let row = |heard| Interval {
        state: 0,
        from: 5,
        to: 9,
        reach: 0,
        about: About::default(),
        heard,
        is_vague: false,
        is_torn: false,
        fact: CauseFact::default(),
    };
    let entry = |input| {
        let mut entry =
            EntryFact { at: 7, rule: rule_index("iis.application_503"), ..EntryFact::default() };
        entry.place.position.input = input;
        entry
    };
    let mut intervals = Intervals {
        rows: vec![row(0)],
        heard: vec![(Some(vec![1]), Vec::new())],
        places: Places::of_paths([("web0/a.log", true), ("web1/a.log", true)].into_iter()),
        ..Intervals::default()
    };
    intervals.arrange();
    assert!(intervals.explaining(&entry(0)).is_none());
    assert!(intervals.explaining(&entry(1)).is_some());
}

/// Whether an entry of a machine (0: it names none) is explained by a state that these machines are in, where
/// `known` have events about the same pool.
#[track_caller]
fn check_machines(in_state: &[u32], known: &[u32], machine: u32, is_explained: bool) {
    let rule = rule_index("iis.application_503");
    let entry = EntryFact { at: 7, rule, machine, ..EntryFact::default() };
    let about = About { pool: 5, site: 0 };
    let row = |machine: &u32| Interval {
        state: 0,
        from: 5,
        to: 9,
        reach: 0,
        about,
        heard: 0,
        is_vague: false,
        is_torn: false,
        fact: CauseFact { machine: *machine, ..CauseFact::default() },
    };
    let mut intervals = Intervals {
        rows: in_state.iter().map(row).collect(),
        known: BTreeMap::from([((about, 0), known.iter().copied().collect())]),
        ..Intervals::default()
    };
    intervals.arrange();
    assert_eq!(intervals.explaining(&entry).is_some(), is_explained, "{in_state:?} {machine}");
}

#[test]
fn of_machines_with_the_same_pool_each_explains_its_own_entries() {
    let (one, other) = (2, 4);
    check_machines(&[one], &[one], 0, true);
    check_machines(&[one], &[one, other], one, true);
    check_machines(&[one], &[one, other], other, false);
    check_machines(&[one], &[one, other], 0, false);
    check_machines(&[one, other], &[one, other], 0, true);
}
