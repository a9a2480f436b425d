//! Tests of the pairs of one client.

use super::*;
use crate::fact::hash_path;
use crate::verdict::rule_index;

fn entry(second: i64) -> EntryFact {
    EntryFact {
        at: second * SECOND_US,
        status: 503,
        flags: Flags::AT_START,
        ..EntryFact::default()
    }
}

fn trace(ms: i64) -> Trace<'static> {
    Trace { at: ms * 1000, statuses: &[503], ..Trace::default() }
}

#[track_caller]
fn check(entries: &[EntryFact], traces: &[Trace<'_>], expected: &[(usize, usize)]) {
    assert_eq!(match_client(entries, traces, Known::OF_CLIENT).pairs, expected);
}

#[test]
fn as_many_requests_as_entries_are_paired_in_order() {
    check(&[entry(10), entry(10)], &[trace(10_100), trace(10_900)], &[(0, 0), (1, 1)]);
    check(&[entry(10), entry(14)], &[trace(10_100), trace(14_900)], &[(0, 0), (1, 1)]);
    check(&[entry(10)], &[trace(10_100), trace(10_200)], &[(0, 0)]);
}

#[test]
fn fewer_requests_than_entries_are_paired_by_what_both_name() {
    check(&[entry(10), entry(10)], &[trace(10_100)], &[]);
    let from = |referrer| EntryFact { referrer, ..entry(10) };
    let of = Trace { referrer: 5, ..trace(10_100) };
    check(&[from(0), from(5)], &[of], &[(1, 0)]);
    check(&[from(1), from(5)], &[Trace { referrer: 1, ..of }], &[(0, 0)]);
    // Lines that do not tell.
    check(&[from(1), from(5)], &[trace(10_100)], &[]);
    check(&[from(5), from(5)], &[of], &[]);
    let to = |upstream| EntryFact { upstream, ..entry(10) };
    let at = |upstream| Trace { upstream, ..trace(10_100) };
    check(&[to(3), to(4)], &[at(4)], &[(1, 0)]);
    // A request that went on to another backend did not end with the failure.
    check(&[to(3), to(3)], &[at(4), at(4)], &[]);
    check(&[to(3), to(0)], &[at(4), at(3)], &[(0, 1), (1, 0)]);
}

#[test]
fn a_line_is_written_between_start_and_end() {
    check(&[entry(10)], &[trace(9_900)], &[]);
    check(&[entry(10)], &[trace(14_000)], &[]);
    check(&[entry(10)], &[Trace { is_slow: true, ..trace(60_000) }], &[(0, 0)]);
    let timed = EntryFact {
        duration_ms: 5000,
        flags: Flags(Flags::AT_START.0 | Flags::TIMED.0),
        ..entry(10)
    };
    check(&[timed], &[trace(15_900)], &[(0, 0)]);
    check(&[timed], &[Trace { is_slow: true, ..trace(18_000) }], &[]);
}

#[test]
fn what_waits_for_nothing_is_written_at_once() {
    check(&[entry(10)], &[trace(11_500)], &[]);
    check(&[entry(10)], &[Trace { is_slow: true, ..trace(11_500) }], &[(0, 0)]);
    // Of two entries, only one was being served.
    check(&[entry(10), entry(11)], &[trace(11_500)], &[(1, 0)]);
    let at = |second, host| EntryFact { host, ..entry(second) };
    let of = |ms, host| Trace { host, ..trace(ms) };
    check(&[at(10, 3), at(10, 4)], &[of(10_100, 4)], &[(1, 0)]);
    check(&[at(10, 3)], &[of(10_100, 4)], &[]);
}

#[test]
fn a_line_of_the_moment_is_not_for_an_entry_long_before() {
    let of = |bytes| EntryFact { body_bytes: bytes, ..entry(10) };
    let look =
        |entry: &EntryFact| if entry.at > 12 * SECOND_US { Look::Silent } else { Look::Open };
    let known = Known { look: &look, ..Known::OF_CLIENT };
    let slow = |ms| Trace { is_slow: true, ..trace(ms) };
    let entries = [of(600), EntryFact { at: 16 * SECOND_US, ..of(26) }];
    // Whatever the page of the second says: the line was written when that came in.
    assert_eq!(match_client(&entries, &[slow(16_100)], known).pairs, []);
    assert_eq!(match_client(&entries, &[slow(15_100)], known).pairs, [(0, 0)]);
    // What tells that no line was written takes none.
    assert_eq!(match_client(&entries[..1], &[slow(16_100)], known).pairs, [(0, 0)]);
}

#[test]
fn the_status_must_be_one_that_the_failure_gives() {
    check(&[entry(10)], &[Trace { statuses: &[502], ..trace(10_100) }], &[]);
    check(&[entry(10)], &[Trace { statuses: &[], ..trace(10_100) }], &[(0, 0)]);
}

#[test]
fn pages_tell_explained_entries_from_others() {
    let sized = |body_bytes| EntryFact {
        body_bytes,
        flags: Flags(Flags::AT_START.0 | Flags::SIZED.0),
        ..entry(10)
    };
    let mut pages = Pages::default();
    assert_eq!(pages.look(&sized(1)), Look::Open);
    for _ in 0..9 {
        pages.note(&sized(1), true);
        pages.note(&sized(2), false);
    }
    let entries = [sized(2), sized(1)];
    let look = |entry: &EntryFact| pages.look(entry);
    let known = Known { look: &look, ..Known::OF_CLIENT };
    assert_eq!(match_client(&entries, &[trace(10_100)], known).pairs, [(1, 0)]);
    assert_eq!(match_client(&entries[..1], &[trace(10_100)], known).pairs, []);
}

#[test]
fn what_lines_say_decides_between_those_of_one_second() {
    let sized = |body_bytes| EntryFact { body_bytes, ..entry(10) };
    let entries = [sized(2), sized(1), sized(4), sized(3)];
    let traces = [trace(10_100), trace(10_200), trace(10_300), trace(10_400)];
    let of_trace = |entries: &[EntryFact]| -> Vec<u32> {
        let mut pairs = match_client(entries, &traces, Known::OF_CLIENT).pairs;
        pairs.sort_by_key(|pair| pair.1);
        pairs.iter().map(|pair| entries[pair.0].body_bytes).collect()
    };
    assert_eq!(of_trace(&entries), [1, 2, 3, 4]);
    assert_eq!(of_trace(&[entries[3], entries[0], entries[2], entries[1]]), [1, 2, 3, 4]);
}

#[test]
fn entries_without_any_trace_are_told() {
    let joined = match_client(&[entry(10), entry(200)], &[trace(10_100)], Known::OF_CLIENT);
    assert_eq!((joined.pairs, joined.silent), (vec![(0, 0)], vec![1]));
}

#[test]
fn what_contradicts_each_other_is_not_paired() {
    let from = |referrer| EntryFact { referrer, ..entry(10) };
    let of = |referrer| Trace { referrer, ..trace(10_100) };
    check(&[from(5)], &[of(6)], &[]);
    check(&[from(1), from(5)], &[of(5), of(5)], &[(1, 0)]);
    check(&[from(5), from(6)], &[of(6), of(5)], &[(0, 1), (1, 0)]);
    let on = |machine| EntryFact { machine, ..entry(10) };
    let by = |machine| Trace { home: Home { place: 0, machine }, ..trace(10_100) };
    let home = |entry: &EntryFact| Home { place: 0, machine: entry.machine };
    let known = Known { home: &home, ..Known::OF_CLIENT };
    let pairs =
        |entries: &[EntryFact], traces: &[Trace<'_>]| match_client(entries, traces, known).pairs;
    assert_eq!(pairs(&[on(4), on(6)], &[by(6), by(4)]), [(0, 1), (1, 0)]);
    assert_eq!(pairs(&[on(4), on(6)], &[by(6)]), [(1, 0)]);
    assert_eq!(pairs(&[on(4)], &[by(6)]), []);
    assert_eq!(pairs(&[on(4)], &[by(0)]), [(0, 0)]);
}

#[test]
fn pairs_of_one_second_that_tell_different_things_are_contested() {
    let of = |ms, origin| Trace { told: Told { origin, cause: 1 }, ..trace(ms) };
    let contested = |entries: &[EntryFact], traces: &[Trace<'_>]| {
        let joined = match_client(entries, traces, Known::OF_CLIENT);
        joined.contested.into_keys().collect::<Vec<_>>()
    };
    assert_eq!(contested(&[entry(10), entry(10)], &[of(10_100, 1), of(10_200, 2)]), [0, 1]);
    assert_eq!(contested(&[entry(10), entry(10)], &[of(10_100, 1), of(10_200, 1)]), [0; 0]);
    assert_eq!(contested(&[entry(10), entry(12)], &[of(10_100, 1), of(12_200, 2)]), [0; 0]);
    let timed = |duration_ms| EntryFact {
        duration_ms,
        flags: Flags(Flags::AT_START.0 | Flags::TIMED.0),
        ..entry(10)
    };
    let slow = Trace { is_slow: true, ..of(15_400, 2) };
    assert_eq!(contested(&[timed(20), timed(5000)], &[of(10_100, 1), slow]), [0; 0]);
}

#[test]
fn of_any_client_all_entries_must_have_a_request() {
    let entries: Vec<EntryFact> = (0..40).map(|_| entry(10)).collect();
    let traces: Vec<Trace<'_>> = (0..39).map(|ms| trace(10_100 + ms)).collect();
    let strict = Known { slack: None, ..Known::OF_CLIENT };
    assert_eq!(match_client(&entries, &traces, Known::OF_CLIENT).pairs.len(), 39);
    assert_eq!(match_client(&entries, &traces, strict).pairs.len(), 0);
    assert_eq!(match_client(&entries[1..], &traces, strict).pairs.len(), 39);
}

#[test]
fn numbers_tell_which_page_comes_with_lines() {
    let sized = |second, body_bytes| EntryFact {
        body_bytes,
        flags: Flags(Flags::AT_START.0 | Flags::SIZED.0),
        ..entry(second)
    };
    let counted = |entries: &[EntryFact], traces: &[Trace<'_>]| {
        match_client(entries, traces, Known::OF_CLIENT).counted
    };
    // One answer of a backend, and then two failures.
    let entries = [sized(9, 1), sized(10, 2), sized(10, 2)];
    let slow = |ms| Trace { is_slow: true, ..trace(ms) };
    let traces = [trace(10_100), trace(10_900)];
    assert_eq!(
        counted(&entries, &[slow(10_100), slow(10_900)]),
        [(0, false), (1, true), (2, true)]
    );
    // Of two pages either may be it; of one with too many, some have no line.
    assert_eq!(counted(&[sized(10, 1), sized(10, 2)], &traces[..1]), []);
    assert_eq!(counted(&[sized(10, 1), sized(10, 1)], &traces[..1]), [(1, false)]);
    // As many, but at another time.
    assert_eq!(counted(&[sized(8, 1), sized(10, 2), sized(10, 2)], &traces[..1]).len(), 1);
    let mut pages = Pages::default();
    for n in 1..=20 {
        assert_eq!(pages.look(&sized(9, 2)), Look::Open, "{n}");
        pages.note_counted(&sized(9, 1), false);
        pages.note_counted(&sized(9, 2), true);
    }
    assert_eq!([1, 2].map(|page| pages.look(&sized(9, page))), [Look::Silent, Look::Explained]);
    // What is sure goes before.
    (0..5).for_each(|_| pages.note(&sized(9, 1), true));
    assert_eq!(pages.look(&sized(9, 1)), Look::Explained);
}

#[test]
fn handlers_and_log_ids_rule_lines_out() {
    let of = |row, second| EntryFact { rule: rule_index(row), ..entry(second) };
    let about =
        |ms| Trace { subject: Subject { is_of_proxy: true, ..Subject::default() }, ..trace(ms) };
    let local = of("apache.local_handler", 10);
    check(&[local], &[about(10_100)], &[]);
    check(&[local], &[trace(10_100)], &[(0, 0)]);
    check(&[local, of("apache.proxied", 10)], &[about(10_100)], &[(1, 0)]);
    // Written without the request, so that `%L` does not count it.
    let of_server = Trace {
        subject: Subject { is_of_proxy: true, is_of_server: true, is_answered: false },
        ..about(10_100)
    };
    let unlogged = of("apache.proxied_without_error_line_503", 10);
    check(&[unlogged], &[about(10_100)], &[]);
    check(&[unlogged], &[of_server], &[(0, 0)]);
    check(&[of("apache.proxy_no_answer", 10)], &[of_server], &[]);
}

#[test]
fn an_id_or_a_path_that_both_name_goes_before_order() {
    let (id, path) = (7, hash_path(b"/x"));
    let with_id = EntryFact { log_id: id, ..entry(10) };
    check(&[entry(10), with_id], &[Trace { log_id: id, ..trace(10_100) }], &[(1, 0)]);
    let of_path = EntryFact { path, ..entry(10) };
    let told = Trace { path: shortened(path), ..trace(10_100) };
    check(&[entry(10), of_path], &[told], &[(1, 0)]);
    // An entry of that path seconds away has it, or none; where there is none, the server's path may be another one.
    check(&[entry(10), EntryFact { path, ..entry(40) }], &[told], &[]);
    check(&[entry(10)], &[told], &[(0, 0)]);
}
