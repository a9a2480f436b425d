//! Pairs of entries and requests that might as well be others.
//!
//! In: the pairs of one client whose times overlap, and the requests beside them that found no entry. Out: which pairs
//! another pairing of the same facts contradicts. Logs of whole seconds do not tell in which order requests of one second
//! were served, so that a pair is trusted only if every pairing that fits as well says the same of its entry.
//! The rule: two pairs are rivals when they are told different things, and both entries fit the other's request, and that
//! fits them together as well. A request without an entry is a rival of any pair whose entry it fits as well.
//! Invariants: what is contested does not depend on the order of the pairs.

/// More requests than this are not compared with one entry: it counts as contested by all of them.
const MAX_RIVALS: usize = 1024;

/// What a message tells of a request: who failed, and why. Numbers that are equal where it is the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Told {
    /// Who.
    pub origin: u8,
    /// Why.
    pub cause: u8,
}

/// A request, and the entry it is paired with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    /// When its last line was written.
    pub(super) at: i64,
    pub(super) told: Told,
    /// Index of the entry, with the time in which its lines may lie.
    pub(super) entry: Option<(usize, i64, i64)>,
    /// Index of the request.
    pub(super) trace: usize,
}

/// In what the rivals of a pair differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contest {
    /// In the cause alone.
    Cause,
    /// In the origin.
    Origin,
}

/// The contested pairs, as indices of their entries. `claims` are in order of time; `fit` says how well a request fits an
/// entry, the higher the better.
pub(super) fn contested(
    claims: &[Claim],
    fit: &dyn Fn(usize, usize) -> Option<u32>,
) -> Vec<(usize, Contest)> {
    if claims.windows(2).all(|pair| pair[0].told == pair[1].told) {
        return Vec::new();
    }
    claims
        .iter()
        .filter_map(|claim| {
            let (entry, from, to) = claim.entry?;
            let first = claims.partition_point(|other| other.at < from);
            let end = claims.partition_point(|other| other.at <= to);
            let near = &claims[first..end];
            if near.iter().all(|other| other.told == claim.told) {
                return None;
            }
            let is_other = |other: &Claim| other.told.origin != claim.told.origin;
            let most = if near.iter().any(is_other) { Contest::Origin } else { Contest::Cause };
            if near.len() > MAX_RIVALS {
                return Some((entry, most));
            }
            let mut worst = None;
            for other in near {
                worst = worst.max(contest(claim, other, fit));
                if worst == Some(most) {
                    break;
                }
            }
            Some((entry, worst?))
        })
        .collect()
}

/// How another request contests a pair.
fn contest(
    claim: &Claim,
    other: &Claim,
    fit: &dyn Fn(usize, usize) -> Option<u32>,
) -> Option<Contest> {
    let (entry, ..) = claim.entry?;
    if claim.told == other.told {
        return None;
    }
    let own = fit(entry, claim.trace).unwrap_or(0);
    let crossed = fit(entry, other.trace)?;
    let is_as_good = match other.entry {
        None => crossed >= own,
        Some((rival, ..)) => {
            let theirs = fit(rival, other.trace).unwrap_or(0);
            crossed + fit(rival, claim.trace)? >= own + theirs
        }
    };
    let differs_in =
        if claim.told.origin == other.told.origin { Contest::Cause } else { Contest::Origin };
    is_as_good.then_some(differs_in)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: Told = Told { origin: 1, cause: 1 };
    const LIMIT: Told = Told { origin: 2, cause: 2 };
    const TIMEOUT: Told = Told { origin: 1, cause: 3 };

    /// Requests with what they tell and their entries; the entries that are contested, where all fit all equally.
    #[track_caller]
    fn check(rows: &[(i64, Told, Option<usize>)], expected: &[(usize, Contest)]) {
        check_with(rows, &|_, _| Some(1), expected);
    }

    #[track_caller]
    fn check_with(
        rows: &[(i64, Told, Option<usize>)],
        fit: &dyn Fn(usize, usize) -> Option<u32>,
        expected: &[(usize, Contest)],
    ) {
        let claims: Vec<Claim> = rows
            .iter()
            .enumerate()
            .map(|(trace, (at, told, entry))| {
                let entry = entry.map(|entry| (entry, 0, 100));
                Claim { at: *at, told: *told, entry, trace }
            })
            .collect();
        assert_eq!(contested(&claims, fit), expected);
    }

    #[test]
    fn what_all_tell_alike_is_not_contested() {
        check(&[(1, PROXY, Some(0)), (2, PROXY, Some(1)), (3, PROXY, None)], &[]);
    }

    #[test]
    fn pairs_that_may_change_places_are_contested() {
        let (origin, cause) = (Contest::Origin, Contest::Cause);
        check(&[(1, PROXY, Some(1)), (2, LIMIT, Some(0))], &[(1, origin), (0, origin)]);
        check(&[(1, PROXY, Some(0)), (2, TIMEOUT, Some(1))], &[(0, cause), (1, cause)]);
        check(
            &[(1, PROXY, Some(0)), (2, TIMEOUT, Some(1)), (3, LIMIT, Some(2))],
            &[(0, origin), (1, origin), (2, origin)],
        );
        // Out of its time.
        let own = |entry, trace| (entry == trace).then_some(1);
        check_with(&[(1, PROXY, Some(0)), (200, LIMIT, Some(1))], &own, &[]);
    }

    #[test]
    fn a_request_without_entry_contests_those_that_it_fits() {
        check(&[(1, PROXY, Some(0)), (2, LIMIT, None)], &[(0, Contest::Origin)]);
        check_with(
            &[(1, PROXY, Some(0)), (2, LIMIT, None)],
            &|_, trace| Some(if trace == 0 { 2 } else { 1 }),
            &[],
        );
    }

    #[test]
    fn pairs_that_fit_better_as_they_are_stand() {
        let rows = [(1, PROXY, Some(0)), (2, LIMIT, Some(1))];
        check_with(&rows, &|entry, trace| Some(u32::from(entry == trace)), &[]);
        check_with(&rows, &|entry, trace| (entry >= trace).then_some(1), &[]);
    }
}
