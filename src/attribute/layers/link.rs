//! Links from an entry to the line of the same request in a deeper layer, and where a chain of links ends.
//!
//! In: the link of each entry to the next deeper line. Out: the link of each entry to the deepest.
//! Invariants: a chain is followed through lines that relayed only; it ends, since layers have no cycle.

use super::hop::Hop;
use crate::attribute::peek_key;
use crate::error::Result;
use crate::evidence::{Place, Position};
use crate::store::{Budget, Sorted, Sorter};
use crate::taxonomy::{Cause, Origin};

/// Chains are no longer: more hops in a row are not found in any system.
const MAX_HOPS: usize = 8;

/// What joined two lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkBasis {
    /// An id that both carry.
    RequestId = 0,
    /// Client or target, and time.
    ClientTargetTime = 1,
}

impl LinkBasis {
    /// The id used in outputs.
    pub const fn as_str(self) -> &'static str {
        match self {
            LinkBasis::RequestId => "request_id",
            LinkBasis::ClientTargetTime => "client_target_time",
        }
    }
}

/// An entry, and the line of its request in a deeper layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Link {
    pub(super) front_at: i64,
    pub(super) front: Position,
    pub(super) front_layer: u16,
    pub(super) basis: u8,
    /// The deeper line.
    pub deep: Place,
    pub(super) deep_origin: u8,
    pub(super) deep_cause: u8,
    /// Layer of the deeper line.
    pub deep_layer: u16,
    /// The entry is decided by it: it left open who made the response, and the deeper layer answered it.
    pub(super) decides: u8,
    /// The deeper line is known not to be where the request ended.
    pub(super) goes_on: u8,
}

crate::store::stored!(
    Link, front_at: i64, front.input: u32, front.offset: u64, front_layer: u16, basis: u8, deep.position.input: u32,
    deep.position.offset: u64, deep.line: u64, deep.length: u32, deep_origin: u8, deep_cause: u8, deep_layer: u16,
    decides: u8, goes_on: u8
);

impl Link {
    /// A link from a line in front, decided by it or not.
    pub(super) fn new(front: &Hop, deep: &Hop, basis: LinkBasis, decides: bool) -> Self {
        let (deep_origin, deep_cause) = deep.answer();
        Link {
            front_at: front.stamped_at,
            front: front.place.position,
            front_layer: front.group,
            basis: basis as u8,
            deep: deep.place,
            deep_origin,
            deep_cause,
            deep_layer: deep.group,
            decides: u8::from(decides),
            goes_on: deep.goes_on,
        }
    }

    /// Its place in the order of verdicts.
    pub(in crate::attribute) fn key(&self) -> LinkKey {
        (self.front_at, self.front)
    }

    /// See [`Found`](super::Found).
    pub(super) fn order(&self) -> (Position, u8, u16) {
        (self.front, LinkBasis::ClientTargetTime as u8 - self.basis, self.deep_layer)
    }

    /// Who made the response by the deepest line, seen from there.
    pub fn origin(&self) -> Origin {
        Origin::ALL.get(usize::from(self.deep_origin)).copied().unwrap_or(Origin::Unknown)
    }

    /// Why, by the deepest line.
    pub fn cause(&self) -> Option<Cause> {
        usize::from(self.deep_cause).checked_sub(1).and_then(|code| Cause::ALL.get(code).copied())
    }

    /// What joined the entry with the deepest line: of several joins in a row the weakest.
    pub fn basis(&self) -> LinkBasis {
        if self.basis == LinkBasis::RequestId as u8 {
            LinkBasis::RequestId
        } else {
            LinkBasis::ClientTargetTime
        }
    }

    /// True when the join shows that the entry was relayed, which its own line leaves open.
    pub fn decides(&self) -> bool {
        self.decides != 0
    }
}

/// Order of links on the timeline.
pub(in crate::attribute) type LinkKey = (i64, Position);

/// Of the links of one entry, that to the deepest layer.
pub(super) fn deepest(
    links: &Sorted<Link, (Position, u8, u16)>,
    budget: &Budget,
) -> Result<Sorted<Link, Position>> {
    let mut kept: Sorter<Link, Position> = Sorter::new(budget.clone(), |link| link.front);
    let mut last: Option<Link> = None;
    for link in links.rows() {
        let link = link?;
        if let Some(before) = last.filter(|before| before.front != link.front) {
            kept.push(before)?;
        }
        last = Some(link);
    }
    if let Some(link) = last {
        kept.push(link)?;
    }
    Ok(kept.sorted())
}

/// Follows every link to the end of its chain.
pub(super) fn followed(
    links: &Sorted<Link, Position>,
    budget: &Budget,
) -> Result<Sorted<Link, LinkKey>> {
    let mut done: Sorter<Link, LinkKey> =
        Sorter::new(budget.clone(), |link| (link.front_at, link.front));
    let mut open: Sorter<Link, (Position, Position)> = by_deep(budget);
    for link in links.rows() {
        open.push(link?)?;
    }
    for _ in 0..MAX_HOPS {
        let mut next = links.rows().peekable();
        let mut further = by_deep(budget);
        let mut n_further = 0u64;
        for link in open.sorted().rows() {
            let mut link = link?;
            let target = link.deep.position;
            let onward = loop {
                match peek_key(&mut next, |row: &Link| row.front)? {
                    Some(front) if front < target => drop(next.next()),
                    Some(front) if front == target && may_relay(link.origin()) => {
                        break next.peek().and_then(|row| row.as_ref().ok());
                    }
                    _ => break None,
                }
            };
            if let Some(onward) = onward {
                link.deep = onward.deep;
                link.deep_origin = onward.deep_origin;
                link.deep_cause = onward.deep_cause;
                link.deep_layer = onward.deep_layer;
                link.goes_on = onward.goes_on;
                link.basis = link.basis.max(onward.basis);
                further.push(link)?;
                n_further += 1;
            } else {
                done.push(link)?;
            }
        }
        open = further;
        if n_further == 0 {
            break;
        }
    }
    // Longer chains end where they were followed to.
    for link in open.sorted().rows() {
        done.push(link?)?;
    }
    Ok(done.sorted())
}

fn by_deep(budget: &Budget) -> Sorter<Link, (Position, Position)> {
    Sorter::new(budget.clone(), |link| (link.deep.position, link.front))
}

fn may_relay(origin: Origin) -> bool {
    matches!(origin, Origin::Upstream | Origin::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_that_is_too_long_ends_where_it_was_followed_to() {
        let at = |input| Position { input, offset: 9 };
        let budget = Budget::new(1 << 20, None);
        let mut links: Sorter<Link, Position> = Sorter::new(budget.clone(), |link| link.front);
        for layer in 0..20 {
            let deep = Place { position: at(layer + 1), ..Place::default() };
            let deep_layer = layer as u16 + 1;
            let deep_origin = Origin::Upstream as u8;
            links
                .push(Link { front: at(layer), deep, deep_layer, deep_origin, ..Link::default() })
                .unwrap();
        }
        let found = followed(&links.sorted(), &budget).unwrap();
        let ends: Vec<u16> = found.rows().map(|link| link.unwrap().deep_layer).collect();
        assert_eq!(ends.len(), 20);
        assert_eq!((ends[0], ends[19]), (MAX_HOPS as u16 + 1, 20));
    }

    #[test]
    fn a_chain_of_three_ends_at_the_deepest() {
        let at = |input| Position { input, offset: 9 };
        let link = |front, deep, origin: Origin, basis: LinkBasis| Link {
            front: at(front),
            deep: Place { position: at(deep), ..Place::default() },
            deep_layer: deep as u16,
            deep_origin: origin as u8,
            basis: basis as u8,
            ..Link::default()
        };
        let budget = Budget::new(1 << 20, None);
        let mut links: Sorter<Link, Position> = Sorter::new(budget.clone(), |link| link.front);
        for row in [
            link(0, 1, Origin::Upstream, LinkBasis::RequestId),
            link(1, 2, Origin::Upstream, LinkBasis::ClientTargetTime),
            link(2, 3, Origin::Proxy, LinkBasis::RequestId),
            link(4, 1, Origin::Upstream, LinkBasis::RequestId),
        ] {
            links.push(row).unwrap();
        }
        let ends: Vec<_> = followed(&links.sorted(), &budget)
            .unwrap()
            .rows()
            .map(|link| link.unwrap())
            .map(|link| (link.front.input, link.deep_layer, link.origin(), link.basis()))
            .collect();
        let weak = LinkBasis::ClientTargetTime;
        assert_eq!(
            ends,
            [
                (0, 3, Origin::Proxy, weak),
                (1, 3, Origin::Proxy, weak),
                (2, 3, Origin::Proxy, LinkBasis::RequestId),
                (4, 3, Origin::Proxy, weak),
            ]
        );
    }
}
