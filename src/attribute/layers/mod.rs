//! The joins between layers: one request in the logs of a proxy and of what stands behind it.
//!
//! In: the verdicts of every log by itself. Out: [`Layers`]: which logs are in front of which, and for entries that were
//! relayed the line of the deepest layer that has the request.
//!
//! Logs are put into groups: module `groups`. What stands in two groups tells which of them is in front and how far their clocks are apart: module `relation`. Groups of one kind of server
//! of which none is in front of another are one layer. Then entries are linked to deeper lines:
//!
//! 1. By an id that stands once in either layer.
//! 2. By target and time, and whatever else both layers write alike, for lines that no id joined: see `target`. Where
//!    several lines may be meant, they must all say the same, and there must be enough of them.
//! 3. A link to a line that relayed too is followed on: module `link`.
//!
//! Invariants: what a layer made itself is never linked; the origin at a layer is changed only where its own line left it
//! open, and then to `upstream`; names of servers and files decide nothing; what is sorted spills past the budget.

mod application;
mod common;
mod groups;
mod hop;
mod link;
mod relation;
mod target;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::verdict::server_of;
use super::{Followed, Verdict};
use crate::error::Result;
use crate::evidence::{InputIndex, Position};
use crate::scan::ScannedInput;
use crate::store::{Budget, Sorted, Sorter};
use crate::taxonomy::{Origin, Server};

pub(super) use application::Listeners;
use common::Common;
pub(super) use groups::name_of;
use groups::{Groups, with_error_logs};
use hop::{Hop, HopKey, KeyKind};
use link::{deepest, followed};
use relation::{Relation, Relations, relations};

pub use link::{Link, LinkBasis};

/// More groups than this are not told apart: their logs are left unjoined.
const MAX_GROUPS: usize = 1024;

/// Of more layers than this that are in front of others, the innermost are left unjoined.
const MAX_FRONTS: usize = 63;

/// Verdicts in order of time.
pub(super) type Verdicts<'v> = Box<dyn Iterator<Item = Result<Verdict>> + 'v>;

/// Hops, those of one key together.
type Hops<'h> = Box<dyn Iterator<Item = Result<Hop>> + 'h>;

/// A vantage point: all logs of one kind of server at one depth.
#[derive(Debug, Clone)]
pub struct Layer {
    /// The software that wrote the logs.
    pub server: Server,
    /// Its inputs, in order.
    pub inputs: Vec<InputIndex>,
    /// Layers right behind it.
    pub behind: Vec<usize>,
    /// Another log has the same requests, and nothing tells which of the two is in front.
    pub is_open: bool,
    /// The clock of this layer against that of the outermost layer in front of it, microseconds.
    pub offset_us: i64,
    /// Its entries.
    pub entries: u64,
    /// Its entries that were followed to a deeper layer: by layer, origin and cause code there.
    pub resolved: BTreeMap<(usize, u8, u8), u64>,
    /// Those of them that an id joined.
    pub by_id: u64,
}

/// The row of requests that a cache logs without a client and without an answer, as its own to backends.
const NO_CONNECTION: &str = "varnish.no_connection";

/// All layers, outermost first. Empty where no two logs show the same requests.
#[derive(Debug, Default)]
pub struct Layers {
    /// The layers.
    pub rows: Vec<Layer>,
    of_source: HashMap<(InputIndex, Server), usize>,
    links: Option<Sorted<Link, link::LinkKey>>,
}

/// Where a request ended, for an entry of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolved {
    /// Who made the response, seen from the deepest layer that has the request.
    pub origin: Origin,
    /// The line there; `None`: the entry's own.
    pub link: Option<Link>,
}

impl Layers {
    /// Joins the layers.
    pub(super) fn of<'v>(
        inputs: &[ScannedInput],
        listeners: &Listeners,
        verdicts: &dyn Fn() -> Verdicts<'v>,
        budget: &Budget,
    ) -> Result<Self> {
        // Without a client, it is no request that a server in front of this one sent.
        let is_vantage = |verdict: &Verdict| verdict.rule().id != NO_CONNECTION;
        let of_vantage = || -> Verdicts<'v> {
            Box::new(verdicts().filter(move |row| row.as_ref().map_or(true, is_vantage)))
        };
        let mut groups = Groups::of(inputs, of_vantage())?;
        if groups.servers.len() < 2 || groups.servers.len() > MAX_GROUPS {
            return Ok(Layers::default());
        }
        let mut hops: Sorter<Hop, HopKey> = Sorter::new(budget.clone(), Hop::order);
        for verdict in of_vantage() {
            let verdict = verdict?;
            for hop in Hop::of(&verdict, groups.of_entry(&verdict)) {
                hops.push(hop)?;
            }
        }
        let hops = hops.sorted();
        let applications = listeners.among(inputs, &groups.backends);
        let pooled = groups.pool(hops.rows())?;
        let hops = || -> Hops<'_> {
            Box::new(hops.rows().map(|hop| hop.map(|hop| hop.in_group(pooled.of(hop.group)))))
        };
        let with_error_logs = with_error_logs(&groups, inputs);
        let are_apart =
            |one: u16, other: u16| match (with_error_logs.get(&one), with_error_logs.get(&other)) {
                (Some(one), Some(other)) => one.is_disjoint(other),
                _ => false,
            };
        let relations = relations(&hops, &applications, &are_apart)?;
        let (mut layers, mut arrangement) = Layers::arranged(&groups, relations);
        arrangement.applications = applications;
        if layers.rows.is_empty() {
            return Ok(layers);
        }
        let links = arrangement.links(&hops, budget)?;
        layers.count(verdicts(), &links)?;
        layers.links = Some(links);
        Ok(layers)
    }

    /// Puts groups into layers by their relations.
    fn arranged(groups: &Groups, relations: Relations) -> (Self, Arrangement) {
        let order = Order::of(groups.servers.len(), relations.known);
        let is_open =
            |group: &u16| relations.open.iter().any(|(one, other)| one == group || other == group);
        let mut layers: Vec<(usize, Server, Vec<u16>)> = Vec::new();
        let mut ranked: Vec<u16> = (0..groups.servers.len() as u16).collect();
        ranked.sort_by_key(|group| (order.depth(*group), *group));
        for group in ranked {
            let server = groups.servers[usize::from(group)];
            let fits =
                |members: &[u16]| members.iter().all(|other| !order.is_ordered(*other, group));
            // Where nothing is known of the place of a log, what is known of another says nothing of it.
            let is_apart = |group: &u16| is_open(group) && !order.has_place(*group);
            let known = layers.iter_mut().find(|row| {
                row.1 == server && fits(&row.2) && !is_apart(&group) && !row.2.iter().any(is_apart)
            });
            match known {
                Some(row) => row.2.push(group),
                None => layers.push((order.depth(group), server, vec![group])),
            }
        }
        let mut layer_of = vec![0usize; groups.servers.len()];
        for (index, (_, _, members)) in layers.iter().enumerate() {
            for group in members {
                layer_of[usize::from(*group)] = index;
            }
        }
        let arrangement = Arrangement::of(&order, layer_of);
        if order.kept.is_empty() {
            return (Layers::default(), arrangement);
        }
        let mut of_source = HashMap::new();
        let mut rows: Vec<Layer> = layers
            .iter()
            .map(|(_, server, members)| Layer {
                server: *server,
                offset_us: members.first().map_or(0, |group| order.offset(*group)),
                inputs: Vec::new(),
                behind: Vec::new(),
                is_open: members.iter().any(is_open),
                entries: 0,
                resolved: BTreeMap::new(),
                by_id: 0,
            })
            .collect();
        for ((input, server), group) in &groups.of_source {
            let layer = arrangement.layer_of[usize::from(*group)];
            of_source.insert((*input, *server), layer);
            rows[layer].inputs.push(*input);
        }
        for row in &mut rows {
            row.inputs.sort_unstable();
            row.inputs.dedup();
        }
        // Lines whose layout several servers have do not tell whose they are.
        for row in order.kept.iter().filter(|row| row.is_application) {
            rows[arrangement.layer_of[usize::from(row.deep)]].server = Server::Application;
        }
        for (front, deep) in arrangement.pairs.keys() {
            rows[*front].behind.push(*deep);
        }
        (Layers { rows, of_source, links: None }, arrangement)
    }

    /// The layer of an entry. `None`: there are no layers.
    pub fn layer_of(&self, followed: &Followed) -> Option<usize> {
        // A line that was decided by its link no longer shows the server of its own row.
        let linked = followed.link.map(|link| usize::from(link.front_layer));
        linked.or_else(|| self.layer_by_row(&followed.verdict))
    }

    fn layer_by_row(&self, verdict: &Verdict) -> Option<usize> {
        let input = verdict.entry.place.position.input;
        self.of_source.get(&(input, server_of(verdict.entry.rule))).copied()
    }

    /// True when no other layer was found to share requests with this one.
    pub fn is_alone(&self, layer: usize) -> bool {
        self.rows[layer].behind.is_empty()
            && !self.rows.iter().any(|row| row.behind.contains(&layer))
    }

    /// True when nothing is known to be behind a layer, and nothing may be.
    fn is_deepest(&self, layer: usize) -> bool {
        self.rows[layer].behind.is_empty() && !self.rows[layer].is_open
    }

    /// The links in order of their entries' time.
    pub(super) fn links(&self) -> impl Iterator<Item = Result<Link>> + '_ {
        self.links.iter().flat_map(Sorted::rows)
    }

    /// Where the request of an entry ended. `None`: that is not known, or there is but one layer.
    pub fn resolved(&self, followed: &Followed) -> Option<Resolved> {
        let Followed { verdict, link } = followed;
        if let Some(link) = *link {
            let is_end = link.origin() != Origin::Upstream
                || (link.goes_on == 0 && self.is_deepest(usize::from(link.deep_layer)));
            return (is_end && link.origin() != Origin::Unknown)
                .then(|| Resolved { origin: link.origin(), link: Some(link) });
        }
        let layer = self.layer_of(followed)?;
        let is_end =
            verdict.origin() != Origin::Upstream || (!verdict.goes_on() && self.is_deepest(layer));
        let is_known = verdict.origin() != Origin::Unknown && !self.is_alone(layer);
        (is_end && is_known).then(|| Resolved { origin: verdict.origin(), link: None })
    }

    fn count(&mut self, verdicts: Verdicts<'_>, links: &Sorted<Link, link::LinkKey>) -> Result<()> {
        for verdict in verdicts {
            if let Some(layer) = self.layer_by_row(&verdict?) {
                self.rows[layer].entries += 1;
            }
        }
        for link in links.rows() {
            let link = link?;
            let Some(row) = self.rows.get_mut(usize::from(link.front_layer)) else { continue };
            let key = (usize::from(link.deep_layer), link.deep_origin, link.deep_cause);
            *row.resolved.entry(key).or_default() += 1;
            row.by_id += u64::from(link.basis() == LinkBasis::RequestId);
        }
        Ok(())
    }
}

/// Which group is in front of which.
#[derive(Debug, Clone, Default)]
struct Order {
    kept: Vec<Relation>,
    /// All groups behind each.
    behind: Vec<BTreeSet<u16>>,
}

impl Order {
    /// Keeps the relations that make no circle, those with most pairs first.
    fn of(n_groups: usize, mut relations: Vec<Relation>) -> Self {
        relations.sort_by_key(|row| {
            (std::cmp::Reverse((row.n_by_id, row.n_pairs)), row.front, row.deep)
        });
        let mut order = Order { kept: Vec::new(), behind: vec![BTreeSet::new(); n_groups] };
        for relation in relations {
            if order.behind[usize::from(relation.deep)].contains(&relation.front) {
                continue;
            }
            let mut new = order.behind[usize::from(relation.deep)].clone();
            new.insert(relation.deep);
            for group in 0..n_groups {
                if group == usize::from(relation.front)
                    || order.behind[group].contains(&relation.front)
                {
                    order.behind[group].extend(&new);
                }
            }
            order.kept.push(relation);
        }
        order
    }

    fn is_ordered(&self, one: u16, other: u16) -> bool {
        self.behind[usize::from(one)].contains(&other)
            || self.behind[usize::from(other)].contains(&one)
    }

    /// True when it is known to be in front of another, or behind one.
    fn has_place(&self, group: u16) -> bool {
        self.kept.iter().any(|row| row.front == group || row.deep == group)
    }

    /// How many groups in a row stand in front of it.
    fn depth(&self, group: u16) -> usize {
        self.behind.iter().filter(|behind| behind.contains(&group)).count()
    }

    /// The clock of a group against that of the outermost one in front of it.
    fn offset(&self, group: u16) -> i64 {
        let next =
            self.kept.iter().filter(|row| row.deep == group).min_by_key(|row| {
                (self.depth(row.front), std::cmp::Reverse(row.n_pairs), row.front)
            });
        next.map_or(0, |row| row.offset_us + self.offset(row.front))
    }
}

/// What an id joined, so that target and time do not join it again.
#[derive(Debug, Clone, Copy, Default)]
struct Taken {
    place: Position,
    mark: u64,
}

/// Order of what is taken.
type TakenKey = (Position, u64);

crate::store::stored!(Taken, place.input: u32, place.offset: u64, mark: u64);

impl Taken {
    /// The line has its deeper line. The other bits say of which layer's lines it is the deeper line.
    const LINKED: u64 = 1 << 63;

    fn order(&self) -> TakenKey {
        (self.place, self.mark)
    }
}

/// Links as they are found: by entry, those by target before those by id, and the deepest last.
type Found = Sorter<Link, (Position, u8, u16)>;

/// What two layers share.
#[derive(Debug, Clone, Copy)]
struct Shared {
    /// What both write alike of a request.
    common: Common,
    /// Whatever the deeper layer answers, the layer in front shows.
    is_covered: bool,
}

/// What matching between layers needs to know.
#[derive(Debug)]
struct Arrangement {
    /// Layer of each group.
    layer_of: Vec<usize>,
    /// Clock of each group against the outermost one.
    offsets: Vec<i64>,
    /// Layers of which the first is in front of the second, and what their lines have in common.
    pairs: BTreeMap<(usize, usize), Shared>,
    /// Layers in front of others, in order.
    fronts: Vec<usize>,
    /// Backends that are servers of applications.
    applications: BTreeSet<u32>,
}

impl Arrangement {
    fn of(order: &Order, layer_of: Vec<usize>) -> Self {
        let mut pairs: BTreeMap<(usize, usize), Shared> = BTreeMap::new();
        for row in &order.kept {
            let key = (layer_of[usize::from(row.front)], layer_of[usize::from(row.deep)]);
            pairs
                .entry(key)
                .and_modify(|shared| {
                    shared.common = shared.common.also(row.common);
                    shared.is_covered &= row.is_covered;
                })
                .or_insert(Shared { common: row.common, is_covered: row.is_covered });
        }
        let mut fronts: Vec<usize> = pairs.keys().map(|(front, _)| *front).collect();
        fronts.dedup();
        fronts.truncate(MAX_FRONTS);
        pairs.retain(|(front, _), _| fronts.binary_search(front).is_ok());
        let offsets = (0..layer_of.len() as u16).map(|group| order.offset(group)).collect();
        Arrangement { layer_of, offsets, pairs, fronts, applications: BTreeSet::new() }
    }

    /// All links, each followed to the deepest line.
    fn links<'h>(
        &self,
        hops: &dyn Fn() -> Hops<'h>,
        budget: &Budget,
    ) -> Result<Sorted<Link, link::LinkKey>> {
        let mut found: Found = Sorter::new(budget.clone(), Link::order);
        let mut taken: Sorter<Taken, TakenKey> = Sorter::new(budget.clone(), Taken::order);
        let mut rows: Vec<Hop> = Vec::new();
        for hop in hops() {
            let mut hop = hop?;
            if hop.kind != KeyKind::Id as u8 {
                break;
            }
            self.place(&mut hop);
            if rows.first().is_some_and(|row| row.key != hop.key) {
                self.by_id(&rows, &mut found, &mut taken)?;
                rows.clear();
            }
            if rows.len() <= target::MAX_ID_ROWS {
                rows.push(hop);
            }
        }
        self.by_id(&rows, &mut found, &mut taken)?;
        target::by_target(self, hops, &taken.sorted(), budget, &mut found)?;
        followed(&deepest(&found.sorted(), budget)?, budget)
    }

    /// Puts a hop into its layer, by the clock of the outermost layer.
    fn place(&self, hop: &mut Hop) {
        let group = usize::from(hop.group);
        hop.at -= self.offsets.get(group).copied().unwrap_or(0);
        hop.group = self.layer_of.get(group).copied().unwrap_or(0) as u16;
    }

    /// Step 1: lines that carry the same id.
    fn by_id(
        &self,
        rows: &[Hop],
        found: &mut Found,
        taken: &mut Sorter<Taken, TakenKey>,
    ) -> Result<()> {
        if rows.len() < 2 || rows.len() > target::MAX_ID_ROWS {
            return Ok(());
        }
        for front in rows.iter().filter(|row| row.may_relay_status()) {
            let n_alike = rows.iter().filter(|row| row.group == front.group).count();
            // The nearest layer behind: the chain leads on from there.
            let mut deeper: Vec<&Hop> = rows
                .iter()
                .filter(|row| row.status == front.status)
                .filter(|row| {
                    self.is_front(front.group, row.group) && target::may_be_one(front, row)
                })
                .collect();
            deeper.sort_by_key(|row| (row.group, row.at, row.place.position));
            let Some(nearest) = deeper.first().map(|row| row.group) else { continue };
            deeper.retain(|row| row.group == nearest);
            // Of several attempts the last decides.
            let Some(last) = deeper.last() else { continue };
            if n_alike > 1 && deeper.iter().any(|row| row.answer() != last.answer()) {
                continue;
            }
            let is_open = front.origin() == Origin::Unknown;
            found.push(self.link(front, last, LinkBasis::RequestId, is_open))?;
            taken.push(Taken { place: front.place.position, mark: Taken::LINKED })?;
            for row in deeper {
                taken.push(Taken { place: row.place.position, mark: self.mark(front.group) })?;
            }
        }
        Ok(())
    }

    /// The link between two lines.
    fn link(&self, front: &Hop, deep: &Hop, basis: LinkBasis, decides: bool) -> Link {
        let mut link = Link::new(front, deep, basis, decides);
        if deep.origin() == Origin::Unknown && self.applications.contains(&front.upstream) {
            link.deep_origin = Origin::LocalProcess as u8;
        }
        link
    }

    /// The mark of what is the deeper line of one in this layer.
    fn mark(&self, front: u16) -> u64 {
        self.fronts.binary_search(&usize::from(front)).map_or(0, |index| 1 << index)
    }

    fn is_front(&self, front: u16, deep: u16) -> bool {
        self.pairs.contains_key(&(usize::from(front), usize::from(deep)))
    }
}
