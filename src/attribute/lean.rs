//! A best guess for entries that nothing decides: relayed and configured responses in a log without upstream fields.
//!
//! In: undecided verdicts in order of time. Out: per host and stretch of time, a [`Leaning`]. A page that the server makes
//! itself has one size; a size that varies points to a backend. Never more than `possible`.
//!
//! What one size means differs by server. nginx pads its pages for some agents, so that two sizes may be one page. Apache's
//! sizes may count headers (`%O`, the stock format of Debian), which vary a little with the connection, and its log holds
//! the page of an `ErrorDocument` beside the built-in one: there one or two sizes must make up nearly all.
//! Source: page sizes measured on nginx 1.22 (the built-in page, and 402 bytes more for Chrome and MSIE: `msie_padding`,
//! `ngx_http_special_response.c`) and on Apache 2.4.

use std::collections::{BTreeMap, HashMap};

use super::{BasisSet, Leaning, Verdict};
use crate::error::Result;
use crate::fact::EntryFact;
use crate::taxonomy::{Basis, Cause, Origin, Server};
use crate::time::SECOND_US;

/// Undecided entries further apart than this are judged apart.
const GAP_US: i64 = 300 * SECOND_US;

/// More distinct sizes than this say no more.
const MAX_SIZES: usize = 16;

/// More hosts than this are judged together.
const MAX_HOSTS: usize = 1024;

/// What nginx adds to its pages for some agents.
pub(super) const PADDING_BYTES: u32 = 402;

/// Of this many entries one may have another size and the page still be one page.
const SLACK: u64 = 10;

/// False for entries of servers whose pages have rows of their own.
pub fn speaks_of(verdict: &Verdict) -> bool {
    !matches!(verdict.server(), Server::Varnish | Server::Haproxy)
}

/// Leanings by host and time.
#[derive(Debug, Clone, Default)]
pub struct Leanings {
    /// Per host: first and last instant of a stretch, and its leaning.
    stretches: HashMap<u32, Vec<(i64, i64, Leaning)>>,
}

/// Sizes seen in one stretch.
#[derive(Debug, Default)]
struct Stretch {
    span: Option<(i64, i64)>,
    sizes: BTreeMap<u32, u64>,
    is_apache: bool,
}

impl Stretch {
    fn note(&mut self, entry: &EntryFact) {
        self.span = Some((self.span.map_or(entry.at, |(first, _)| first), entry.at));
        if let Some(size) = entry.page_bytes()
            && (self.sizes.len() < MAX_SIZES || self.sizes.contains_key(&size))
        {
            *self.sizes.entry(size).or_default() += 1;
        }
    }

    /// First and last instant, and the leaning. `None`: no size is known.
    fn leaning(&self) -> Option<(i64, i64, Leaning)> {
        let (first, last) = self.span?;
        let is_one_page = match (self.is_apache, &self.sizes) {
            (_, sizes) if sizes.is_empty() => return None,
            (true, sizes) => is_nearly_all(sizes),
            (false, sizes) => is_page_of_nginx(sizes),
        };
        let (origin, cause) = if is_one_page {
            (Origin::LocalProcess, Cause::Maintenance)
        } else {
            (Origin::Upstream, Cause::Upstream503)
        };
        let basis = BasisSet::of(&[Basis::BodySize]);
        Some((first, last, Leaning { origin, cause: Some(cause), basis }))
    }
}

/// One size, or two of which one is padded.
fn is_page_of_nginx(sizes: &BTreeMap<u32, u64>) -> bool {
    let mut sizes = sizes.keys();
    match (sizes.next(), sizes.next(), sizes.next()) {
        (Some(_), None, None) => true,
        (Some(plain), Some(padded), None) => padded - plain == PADDING_BYTES,
        _ => false,
    }
}

/// The two commonest sizes are nearly all; of few entries the commonest one.
fn is_nearly_all(sizes: &BTreeMap<u32, u64>) -> bool {
    let mut counts: Vec<u64> = sizes.values().copied().collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let total: u64 = counts.iter().sum();
    let n_pages = if total < 2 * SLACK { 1 } else { 2 };
    let common: u64 = counts.iter().take(n_pages).sum();
    (total - common) * SLACK <= total
}

impl Leanings {
    /// Looks at all verdicts, which must be in order of time.
    pub fn of(verdicts: impl Iterator<Item = Result<Verdict>>) -> Result<Self> {
        let mut leanings = Leanings::default();
        let mut open: HashMap<u32, Stretch> = HashMap::new();
        for verdict in verdicts {
            let verdict = verdict?;
            if verdict.is_decided()
                || verdict.own_origin() != Origin::Unknown
                || !speaks_of(&verdict)
            {
                continue;
            }
            let host = leanings.host_of(&verdict.entry);
            leanings.stretches.entry(host).or_default();
            let stretch = open.entry(host).or_default();
            if stretch.span.is_some_and(|(_, last)| verdict.entry.at - last > GAP_US) {
                leanings.close(host, &std::mem::take(stretch));
            }
            stretch.is_apache = verdict.rule().id.starts_with(Server::Apache.as_str());
            stretch.note(&verdict.entry);
        }
        for (host, stretch) in open {
            leanings.close(host, &stretch);
        }
        Ok(leanings)
    }

    /// The leaning for an undecided entry.
    pub fn for_entry(&self, entry: &EntryFact) -> Option<Leaning> {
        let stretches = self.stretches.get(&self.host_of(entry))?;
        let next = stretches.partition_point(|(first, _, _)| *first <= entry.at);
        let (_, last, leaning) = stretches.get(next.checked_sub(1)?)?;
        (entry.at <= *last).then_some(*leaning)
    }

    /// The key under which an entry is judged.
    fn host_of(&self, entry: &EntryFact) -> u32 {
        let is_kept = self.stretches.contains_key(&entry.host) || self.stretches.len() < MAX_HOSTS;
        if is_kept { entry.host } else { 0 }
    }

    fn close(&mut self, host: u32, stretch: &Stretch) {
        self.stretches.entry(host).or_default().extend(stretch.leaning());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(is_apache: bool, sizes: &[(u32, u64)], origin: Option<Origin>) {
        let sizes = sizes.iter().copied().collect();
        let stretch = Stretch { span: Some((0, 9)), sizes, is_apache };
        assert_eq!(stretch.leaning().map(|(_, _, leaning)| leaning.origin), origin);
    }

    #[test]
    fn one_page_is_the_servers_own() {
        for is_apache in [false, true] {
            check(is_apache, &[], None);
            check(is_apache, &[(197, 5)], Some(Origin::LocalProcess));
            check(is_apache, &[(100, 5), (120, 5), (160, 5)], Some(Origin::Upstream));
        }
        check(false, &[(197, 5), (599, 1)], Some(Origin::LocalProcess));
        check(false, &[(197, 99), (198, 1)], Some(Origin::Upstream));
    }

    #[test]
    fn sizes_with_headers_vary_a_little() {
        check(true, &[(551, 40), (569, 50), (600, 3)], Some(Origin::LocalProcess));
        check(true, &[(551, 1), (569, 1)], Some(Origin::Upstream));
        check(true, &[(551, 40), (569, 50), (600, 30)], Some(Origin::Upstream));
    }
}
