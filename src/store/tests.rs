//! Order, memory and spilling of the stores.

use proptest::prelude::*;

use super::*;
use crate::evidence::Position;

fn fact(at: i64, offset: u64) -> EntryFact {
    let mut fact =
        EntryFact { at, target_key: 7, body_bytes: 9, status: 503, ..EntryFact::default() };
    fact.place.position = Position { input: 3, offset };
    fact
}

#[test]
fn facts_survive_being_written() {
    let mut bytes = Vec::new();
    let entry = fact(-5, 1 << 40);
    entry.write(&mut bytes);
    assert_eq!(bytes.len(), EntryFact::BYTES);
    assert_eq!(EntryFact::read(&bytes), entry);
}

#[test]
fn memory_stays_within_the_budget() {
    let bytes = 1 << 20;
    let budget = Budget::new(bytes, None);
    let sorter = || Sorter::new(budget.clone(), |fact: &EntryFact| (fact.at, fact.place.position));
    let (mut one, mut other) = (sorter(), sorter());
    for offset in 0..40_000 {
        one.push(fact(7, offset)).unwrap();
        other.push(fact(8, offset)).unwrap();
        let held = (one.parts[0].len() + other.parts[0].len()) * size_of::<EntryFact>();
        assert!(held <= bytes + (256 << 10), "{held}");
    }
    assert!(one.runs.len() > 1 && other.runs.len() > 1);
    let sorted = one.sorted();
    assert_eq!(sorted.rows().map(|row| row.unwrap().place.position.offset).max(), Some(39_999));
    drop((sorted, other));
    assert_eq!(budget.0.used_bytes.load(Ordering::Relaxed), 0);
}

proptest! {
    #[test]
    fn the_order_does_not_depend_on_the_budget(
        times in proptest::collection::vec(-50i64..50, 0..3000),
        budget in 1usize..400_000,
    ) {
        let order = |bytes: usize| {
            let mut sorter = Sorter::new(Budget::new(bytes, None), |fact: &EntryFact| (fact.at, fact.place.position));
            for (offset, at) in times.iter().enumerate() {
                sorter.push(fact(*at, offset as u64)).unwrap();
            }
            let mut sorted = sorter.sorted();
            sorted.update(|fact| fact.status += 1).unwrap();
            let once: Vec<EntryFact> = sorted.rows().map(|fact| fact.unwrap()).collect();
            let again: Vec<EntryFact> = sorted.last_rows().map(|fact| fact.unwrap()).collect();
            assert_eq!(once, again);
            once
        };
        prop_assert_eq!(order(budget), order(usize::MAX));
    }

    #[test]
    fn what_is_taken_over_is_sorted_in(times in proptest::collection::vec((-9i64..9, 0usize..3), 0..200)) {
        let budget = Budget::new(usize::MAX, None);
        let sorter = || Sorter::new(budget.clone(), |fact: &EntryFact| (fact.at, fact.place.position));
        let mut sorters = [sorter(), sorter(), sorter()];
        for (offset, (at, to)) in times.iter().enumerate() {
            sorters[*to].push(fact(*at, offset as u64)).unwrap();
        }
        let [mut all, second, third] = sorters;
        all.absorb(second).unwrap();
        all.absorb(third).unwrap();
        let mut expected: Vec<i64> = times.iter().map(|(at, _)| *at).collect();
        expected.sort_unstable();
        let found: Vec<i64> = all.sorted().rows().map(|row| row.unwrap().at).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn parts_hold_all_in_order(
        keys: Vec<u64>, budget in proptest::option::of(1usize..100_000),
    ) {
        let budget = Budget::new(budget.unwrap_or(usize::MAX), None);
        let key = |fact: &EntryFact| (fact.target_key, fact.place.position);
        let mut sorter = Sorter::in_parts(budget.clone(), key, |fact| part_of(fact.target_key));
        for (index, key) in keys.iter().enumerate() {
            sorter.push(EntryFact { target_key: *key, ..fact(0, index as u64) }).unwrap();
        }
        let mut sorted = sorter.sorted();
        let mut expected = keys.clone();
        expected.sort_unstable();
        let target_keys = |rows: Rows<'_, _, _>| -> Vec<u64> {
            rows.map(|row: Result<EntryFact>| row.unwrap().target_key).collect()
        };
        prop_assert_eq!(target_keys(sorted.rows()), &*expected);
        if !sorted.has_spilled() {
            let parts = sorted.last_rows_in_parts(|_| true, |one, other| one.target_key == other.target_key);
            let found: Vec<u64> = parts.into_iter().flatten().flat_map(target_keys).collect();
            prop_assert_eq!(found, expected);
        }
        drop(sorted);
        prop_assert_eq!(budget.0.used_bytes.load(Ordering::Relaxed), 0);
    }
}
