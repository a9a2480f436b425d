//! The set of facts -> the final verdict of every entry.
//!
//! In: the sorted stores of entry and cause facts, and what the inputs' tallies say of zones. Out: an [`Attribution`].
//! Invariants: a pure function of the *set* of facts: it runs once, after the last fact, so that nothing depends on the
//! order in which lines, files or machines were read. Evidence counts in this order: fields of the entry's own line
//! (module `verdict`), an error line of the same request (module [`join`]), the silence of an error log, body size.
//!
//! How an entry and an error line find each other is documented in [`join`], and, for servers whose error lines do not
//! name their request, in [`threads`] and [`client`]; which logs belong together in [`companions`]; how zone-less clocks
//! are resolved in [`zones`].

mod answers;
pub mod client;
pub mod clock;
mod cluster;
pub mod companions;
mod copies;
mod deciding;
pub mod doubles;
mod failing;
pub mod fit;
mod folders;
mod fronts;
pub mod homes;
pub mod intervals;
pub mod join;
pub mod layers;
pub mod lean;
mod leftovers;
mod limit_pages;
mod machines;
mod onset;
mod overlap;
mod own_lines;
mod pages;
mod places;
mod referrers;
mod refused;
mod relayed;
mod retries;
pub mod rivals;
mod second;
mod siblings;
mod signals;
mod strangers;
pub mod threads;
mod traced;
mod twice;
mod verdict;
mod waiting;
mod walk;
mod workers;
pub mod zones;

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cause::CauseMatcher;
use crate::error::Result;
use crate::evidence::{InputIndex, Position};
use crate::fact::{CauseFact, EntryFact};
use crate::scan::{JoinKey, ScannedInput};
use crate::store::{Budget, Sorted, Sorter, Stored};
use crate::taxonomy::{Basis, LogRole, Origin, Server};

use companions::Companions;
use folders::Folders;
use fronts::{Beside, beside_cache};
use intervals::Intervals;
use layers::{Layers, Link, Listeners, Verdicts};
use lean::Leanings;
use limit_pages::limit_pages;
use strangers::Strangers;
use walk::{Ground, walk};
use workers::Workers;
use zones::{ZonePolicy, Zones};

pub use relayed::CLIENT_CLOSED;
pub use signals::{Signal, SignalKey};
pub use verdict::{BasisSet, Leaning, Verdict};

/// A verdict, and the line of its request in the deepest layer that has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Followed {
    /// The verdict.
    pub verdict: Verdict,
    /// The deeper line; `None` where no deeper layer has the request.
    pub link: Option<Link>,
}

impl Stored for Followed {
    const BYTES: usize = Verdict::BYTES + 1 + Link::BYTES;

    fn write(&self, out: &mut Vec<u8>) {
        self.verdict.write(out);
        out.push(u8::from(self.link.is_some()));
        self.link.unwrap_or_default().write(out);
    }

    fn read(bytes: &[u8]) -> Self {
        let (verdict, rest) = bytes.split_at(Verdict::BYTES);
        let link = rest.split_first().filter(|(is_some, _)| **is_some != 0);
        Followed { verdict: Verdict::read(verdict), link: link.map(|(_, link)| Link::read(link)) }
    }
}

/// Order of verdicts and messages on the timeline.
pub type TimeKey = (i64, Position);

/// The result: every entry with its verdict, every message with its resolved time.
#[derive(Debug)]
pub struct Attribution {
    verdicts: Sorted<Verdict, TimeKey>,
    companions: Companions,
    leanings: Leanings,
    /// Which logs stand in front of which.
    pub layers: Layers,
    /// All messages that matched a rule, by time; [`Flags::JOINED`](crate::fact::Flags::JOINED) marks those that explain an entry.
    pub messages: Sorted<CauseFact, TimeKey>,
    /// Messages by what they say.
    pub signals: BTreeMap<SignalKey, Signal>,
    /// Entries that an input holds and another line, or input, had already: they are counted once.
    pub redelivered: BTreeMap<InputIndex, u64>,
    /// How zone-less clocks were resolved.
    pub zones: Zones,
}

impl Attribution {
    /// The verdicts in order of time.
    pub fn verdicts(&self) -> impl Iterator<Item = Result<Verdict>> + '_ {
        self.followed().map(|row| row.map(|row| row.verdict))
    }

    /// The verdicts in order of time, each with its link to a deeper layer.
    pub fn followed(&self) -> impl Iterator<Item = Result<Followed>> + '_ {
        follow(&self.verdicts, &self.layers)
    }

    /// The instants of the entries in order, microseconds UTC.
    pub fn instants(&self) -> impl Iterator<Item = Result<i64>> + '_ {
        self.verdicts.rows().map(|row| row.map(|verdict| verdict.entry.at))
    }

    /// True when an error log is among the inputs.
    pub fn error_log_present(&self) -> bool {
        self.companions.any_error_log()
    }

    /// How many entries there are.
    pub fn n_entries(&self) -> u64 {
        self.verdicts.len()
    }

    /// The best guess for an entry whose origin is not decided.
    pub fn leaning(&self, verdict: &Verdict) -> Option<Leaning> {
        if verdict.is_decided() {
            return None;
        }
        if verdict.own_origin() == Origin::Unknown && lean::speaks_of(verdict) {
            return self.leanings.for_entry(&verdict.entry);
        }
        let row = verdict.rule();
        let basis = BasisSet::of(match row.basis {
            [] if row.missing.is_empty() => &[],
            [] => &[Basis::FieldValue],
            basis => basis,
        });
        (verdict.own_origin() != Origin::Unknown).then(|| Leaning {
            origin: verdict.own_origin(),
            cause: verdict.own_cause(),
            basis,
        })
    }
}

/// What attribution is to do.
#[derive(Debug)]
pub struct AttributeConfig<'c> {
    /// The cause table.
    pub matcher: &'c CauseMatcher,
    /// What the user said of zones.
    pub zone: ZonePolicy,
    /// Entries and messages outside are left out: microseconds UTC, inclusive start, exclusive end.
    pub window: (Option<i64>, Option<i64>),
    /// Memory for verdicts, and where they spill.
    pub budget: Budget,
}

impl AttributeConfig<'_> {
    fn in_window(&self, at: i64) -> bool {
        self.window.0.is_none_or(|since| since <= at)
            && self.window.1.is_none_or(|until| at < until)
    }
}

/// Decides every entry.
///
/// # Errors
/// When temporary files fail.
pub fn attribute(
    inputs: &[ScannedInput],
    entries: Sorter<EntryFact, JoinKey>,
    causes: Sorter<CauseFact, JoinKey>,
    config: &AttributeConfig<'_>,
) -> Result<Attribution> {
    let (mut entries, mut causes) = rayon::join(|| entries.sorted(), || causes.sorted());
    let zones = Zones::resolve(inputs, &entries, &causes, config.zone, config.matcher)?;
    let workers = Workers::of(inputs, &entries)?;
    let listeners = Listeners::of(inputs, &causes, config.matcher)?;
    let intervals = Intervals::of(inputs, (&entries, &causes), &zones, config.matcher)?;
    let folders = Folders::of(inputs, &entries, &causes)?;
    let mut companions = Companions::of(inputs, &folders, &zones);
    let (strangers, limit_pages) = rayon::join(
        || Strangers::of(&entries, &causes, config.matcher, &companions, &zones),
        || limit_pages(&entries, &causes, config.matcher, &companions, &zones),
    );
    let strangers = strangers?;
    companions.limit_pages = limit_pages?;
    let is_with_cache =
        inputs.iter().any(|input| is_log_of(input, LogRole::Access, Server::Varnish));
    let Beside { fronts, n_most_requests } = if is_with_cache {
        beside_cache(inputs, &entries, &companions, &zones)?
    } else {
        Beside::default()
    };
    companions.behind.settle(&fronts, n_most_requests);
    let ground = Ground {
        config,
        workers,
        zones,
        is_with_cache,
        fronts,
        takes_shared: is_apache_alone(inputs),
        is_nginx_alone: is_nginx_alone(inputs),
        strangers,
    };
    let walked = walk(&ground, companions, &mut entries, &mut causes)?;
    // One after the other: either uses all workers, and both at once the memory of both.
    let messages = walked.messages.sorted();
    let mut verdicts = walked.verdicts.sorted();
    let mut companions = walked.companions;
    companions.behind.failing.weigh();
    let any_open = AtomicBool::new(false);
    verdicts.update(|verdict| {
        let by_page = verdict.by_page(config.matcher, &companions);
        *verdict = by_page.settled(&companions, &intervals);
        if !verdict.is_decided() {
            any_open.store(true, Ordering::Relaxed);
        }
    })?;
    let settled = || -> Verdicts<'_> { Box::new(verdicts.rows()) };
    let layers = Layers::of(inputs, &listeners, &settled, &config.budget)?;
    let leanings = if any_open.into_inner() || layers.links().next().is_some() {
        Leanings::of(follow(&verdicts, &layers).map(|row| row.map(|row| row.verdict)))?
    } else {
        Leanings::default()
    };
    Ok(Attribution {
        verdicts,
        companions,
        leanings,
        layers,
        messages,
        signals: walked.signals.into_rows(),
        redelivered: walked.redelivered,
        zones: ground.zones,
    })
}

/// Verdicts in order of time, each with its link to a deeper layer.
fn follow<'f>(
    verdicts: &'f Sorted<Verdict, TimeKey>,
    layers: &'f Layers,
) -> impl Iterator<Item = Result<Followed>> + 'f {
    let mut links = layers.links().peekable();
    verdicts.rows().map(move |verdict| {
        let verdict = verdict?;
        let key = (verdict.entry.at, verdict.entry.place.position);
        while let Some(next) = peek_key(&mut links, Link::key)? {
            if next >= key {
                let link = if next == key { links.next().transpose()? } else { None };
                let verdict = link.map_or(verdict, |link| verdict.relayed(&link));
                return Ok(Followed { verdict, link });
            }
            links.next();
        }
        Ok(Followed { verdict, link: None })
    })
}

/// True when an input holds lines of this kind, and nobody else's.
fn is_log_of(input: &ScannedInput, role: LogRole, server: Server) -> bool {
    input.plan.iter().flat_map(|plan| plan.detected()).any(|reader| {
        let about = reader.about();
        about.role == role && about.server == server && about.ambiguous_with.is_none()
    })
}

/// True when access lines that several servers write are Apache's: its messages are there, and no others, nor an access
/// log that is surely its own.
fn is_apache_alone(inputs: &[ScannedInput]) -> bool {
    let any = |role, server| inputs.iter().any(|input| is_log_of(input, role, server));
    any(LogRole::Error, Server::Apache)
        && !any(LogRole::Error, Server::Nginx)
        && !inputs.iter().any(|input| has_access_log_of(input, Server::Apache))
}

/// True when access lines in a layout of Apache's that nginx may have been told to write are nginx's: its messages are
/// there, and neither Apache's nor an access log that is surely nginx's own.
pub fn is_nginx_alone(inputs: &[ScannedInput]) -> bool {
    let any = |role, server| inputs.iter().any(|input| is_log_of(input, role, server));
    any(LogRole::Error, Server::Nginx)
        && !any(LogRole::Error, Server::Apache)
        && !any(LogRole::Access, Server::Nginx)
}

/// True when an input holds access lines in a layout of this server's.
fn has_access_log_of(input: &ScannedInput, server: Server) -> bool {
    input.plan.iter().flat_map(|plan| plan.detected()).any(|reader| {
        let about = reader.about();
        about.role == LogRole::Access && about.server == server
    })
}

/// True when access lines that several servers write are Apache's, and no other lines are nginx's: advice is for Apache.
pub fn is_apache_without_nginx(inputs: &[ScannedInput]) -> bool {
    is_apache_alone(inputs)
        && !inputs.iter().any(|input| is_log_of(input, LogRole::Access, Server::Nginx))
}

/// The key of the next row; an unreadable run surfaces here.
fn peek_key<T, K>(
    rows: &mut Peekable<impl Iterator<Item = Result<T>>>,
    key: impl Fn(&T) -> K,
) -> Result<Option<K>> {
    match rows.next_if(Result::is_err) {
        Some(Err(error)) => Err(error),
        _ => Ok(rows.peek().and_then(|row| row.as_ref().ok()).map(key)),
    }
}
