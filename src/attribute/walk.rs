//! The walk over both stores in step, one cluster of equal keys after the other.
//!
//! In: entry and cause facts in order of target and client. Out: [`Walked`]: verdicts, messages, and what was counted.
//! The facts of one target are in one part of the stores, and nothing that is learned about one target is used for another
//! before all were seen: so the parts are walked side by side, and what they found is put together.
//! Invariants: what is put together does not depend on how the targets were divided.

use std::collections::{BTreeMap, BTreeSet};

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::cluster::{Cluster, Part, explains_its_request};
use super::companions::Companions;
use super::fit::is_failed_attempt;
use super::leftovers::Leftovers;
use super::refused::{is_bystander, is_refused};
use super::relayed::{self, Hops};
use super::second::{Outlet, SecondPhase};
use super::signals::Signals;
use super::strangers::Strangers;
use super::verdict::server_of;
use super::workers::Workers;
use super::zones::Zones;
use super::{AttributeConfig, TimeKey, Verdict, peek_key, twice};
use crate::cause::CauseMatcher;
use crate::error::Result;
use crate::evidence::InputIndex;
use crate::fact::{CauseFact, EntryFact, Flags};
use crate::scan::JoinKey;
use crate::store::{Rows, Sorted, Sorter};
use crate::taxonomy::Server;
use crate::verdict::undecided_rule;

/// The row of messages which tell that others were dropped.
const MESSAGES_DROPPED: &str = "systemd.rate_limited";

/// What is known before the walk.
pub(super) struct Ground<'w> {
    pub(super) config: &'w AttributeConfig<'w>,
    pub(super) workers: Workers,
    pub(super) zones: Zones,
    /// The log of a cache is among the inputs, whose requests are looked for in the logs of its backends.
    pub(super) is_with_cache: bool,
    /// Logs that do not tell what the cache's backends answered.
    pub(super) fronts: BTreeSet<InputIndex>,
    /// Entries in a layout that several servers write are Apache's.
    pub(super) takes_shared: bool,
    /// Entries in a layout of Apache's that nginx may have been told to write are nginx's.
    pub(super) is_nginx_alone: bool,
    /// Access logs and error logs that name different clients: the target alone joins them.
    pub(super) strangers: Strangers,
}

impl Ground<'_> {
    /// Decides whose an entry is in a layout of Apache's that nginx may have been told to write.
    fn settle_writer(&self, entry: &mut EntryFact) {
        if entry.flags.has(Flags::SHARED_LAYOUT) && server_of(entry.rule) == Server::Apache {
            entry.flags = entry.flags.without(Flags::SHARED_LAYOUT);
            if self.is_nginx_alone {
                entry.rule = undecided_rule(Server::Nginx);
                entry.flags = entry.flags.without(Flags::AT_START);
            }
        }
    }

    /// True for entries that may be of a cache, or of its backends.
    fn asks_for_backend(&self, entry: &EntryFact) -> bool {
        self.is_with_cache && !self.fronts.contains(&entry.place.position.input)
    }

    /// What facts have in common that are joined together.
    fn key_of(&self, target: u64, client: u64) -> (u64, u64) {
        (target, if self.strangers.is_empty() { client } else { 0 })
    }
}

/// Walks over all facts, which are not wanted again.
///
/// # Errors
/// When temporary files fail.
pub(super) fn walk<'w>(
    ground: &'w Ground<'w>,
    companions: Companions,
    entries: &mut Sorted<EntryFact, JoinKey>,
    causes: &mut Sorted<CauseFact, JoinKey>,
) -> Result<Walked<'w>> {
    let mut whole = Walk::new(ground, companions);
    if entries.has_spilled() || causes.has_spilled() {
        whole.all(entries.last_rows(), causes.last_rows())?;
        return whole.finish();
    }
    // Where there are no messages, nothing of a target hangs on its other clients: a cache's requests apart.
    let n_messages: Vec<usize> = causes.part_lengths().collect();
    let may_divide = |part: usize| n_messages[part] == 0 && !ground.is_with_cache;
    let together = |one: &EntryFact, other: &EntryFact| {
        ground.key_of(one.target_key, one.client) == ground.key_of(other.target_key, other.client)
    };
    let messages = causes.last_rows_in_parts(|_| false, |_, _| true);
    let parts: Vec<_> = entries
        .last_rows_in_parts(may_divide, together)
        .into_iter()
        .zip(messages)
        .flat_map(|(entries, messages)| {
            let mut messages = messages.into_iter();
            entries.into_iter().map(move |piece| (piece, messages.next()))
        })
        .collect();
    let walked = parts.into_par_iter().map(|(entries, causes)| {
        let mut part = Walk::new(ground, whole.walked.companions.clone());
        part.all(entries, causes.into_iter().flatten())?;
        Ok(part)
    });
    for part in walked.collect::<Result<Vec<_>>>()? {
        whole.absorb(part)?;
    }
    whole.finish()
}

/// What a walk found.
pub(super) struct Walked<'w> {
    matcher: &'w CauseMatcher,
    pub(super) companions: Companions,
    pub(super) verdicts: Sorter<Verdict, TimeKey>,
    pub(super) messages: Sorter<CauseFact, TimeKey>,
    pub(super) signals: Signals,
    /// Lines that another line, or input, had already.
    pub(super) redelivered: BTreeMap<InputIndex, u64>,
}

/// A walk on its way.
struct Walk<'w> {
    ground: &'w Ground<'w>,
    walked: Walked<'w>,
    leftovers: Leftovers,
    hops: Hops,
    second: SecondPhase<'w>,
}

impl<'w> Walk<'w> {
    /// A walk over nothing yet. `companions` has counted nothing.
    fn new(ground: &'w Ground<'w>, companions: Companions) -> Self {
        let AttributeConfig { matcher, budget, .. } = ground.config;
        let walked = Walked {
            matcher,
            companions,
            verdicts: Sorter::new(budget.clone(), |verdict| {
                (verdict.entry.at, verdict.entry.place.position)
            }),
            messages: Sorter::new(budget.clone(), |fact| (fact.at, fact.place.position)),
            signals: Signals::default(),
            redelivered: BTreeMap::new(),
        };
        Walk {
            ground,
            walked,
            leftovers: Leftovers::new(budget),
            hops: Hops::default(),
            second: SecondPhase::new(matcher, budget, ground.takes_shared),
        }
    }

    fn all(
        &mut self,
        entries: Rows<'_, EntryFact, JoinKey>,
        causes: impl Iterator<Item = Result<CauseFact>>,
    ) -> Result<()> {
        let ground = self.ground;
        let key_of = |target: u64, client: u64| ground.key_of(target, client);
        let mut cluster = Cluster::new(&ground.config.budget);
        let mut entry_rows = entries.peekable();
        let mut cause_rows = causes.peekable();
        loop {
            let entry_key =
                peek_key(&mut entry_rows, |fact: &EntryFact| key_of(fact.target_key, fact.client))?;
            let cause_key =
                peek_key(&mut cause_rows, |fact: &CauseFact| key_of(fact.target_key, fact.client))?;
            let Some(key) = [entry_key, cause_key].into_iter().flatten().min() else { break };
            while let Some(row) = entry_rows.next_if(|row| {
                row.as_ref().is_ok_and(|fact| key_of(fact.target_key, fact.client) == key)
            }) {
                let mut fact = row?;
                ground.zones.resolve_entry(&mut fact);
                ground.settle_writer(&mut fact);
                ground.workers.resolve(&mut fact);
                if relayed::is_abandoned(&fact) {
                    if ground.asks_for_backend(&fact) {
                        self.make_way(fact.target_key)?;
                        self.hops.note_abandoned(&fact);
                    }
                } else if !is_bystander(&fact) || key.0 != 0 && is_refused(&fact) {
                    let verdict = Verdict::own(fact);
                    // A copy may be in the window, and its original before it.
                    self.walked.companions.note_answer(&fact, verdict.rule().contact);
                    if ground.config.in_window(fact.at) {
                        cluster.push_entry(verdict)?;
                    }
                }
                // What names no request is not joined here, and may be of any number.
                if key.0 == 0 {
                    self.close(key.0, &mut cluster.part)?;
                }
            }
            while let Some(row) = cause_rows.next_if(|row| {
                row.as_ref().is_ok_and(|fact| key_of(fact.target_key, fact.client) == key)
            }) {
                let mut fact = row?;
                ground.zones.resolve_cause(&mut fact);
                if ground.config.in_window(fact.at) || fact.flags.has(Flags::TIMELESS) {
                    cluster.push_message(fact)?;
                }
                if key.0 == 0 {
                    self.close(key.0, &mut cluster.part)?;
                }
            }
            cluster.each_part(&mut |part| {
                if key.0 != 0 {
                    twice::drop_copies(&mut part.causes);
                    twice::drop_redelivered(&mut part.entries, |input| {
                        *self.walked.redelivered.entry(input).or_default() += 1;
                    });
                    part.join(
                        ground.config.matcher,
                        &self.walked.companions,
                        &ground.zones,
                        &ground.strangers,
                    );
                }
                self.close(key.0, part)
            })?;
        }
        self.flush_hops(None)?;
        self.leftovers.flush(&mut self.walked.verdicts)
    }

    /// Adds what a walk over other targets found.
    fn absorb(&mut self, other: Walk<'w>) -> Result<()> {
        self.walked.absorb(other.walked)?;
        self.second.absorb(other.second)
    }

    /// Decides what names no request, once all targets were seen.
    fn finish(self) -> Result<Walked<'w>> {
        let Walk { mut walked, second, .. } = self;
        let found = second.finish(&mut walked)?;
        walked.companions.note_apache(found.trusts_silence());
        Ok(walked)
    }

    /// Hands on the entries of a cache once all of their target were seen. `target_key`: of what comes next.
    fn flush_hops(&mut self, target_key: Option<u64>) -> Result<()> {
        for verdict in self.hops.drain(target_key, &mut self.walked.companions) {
            self.walked.verdicts.push(verdict)?;
        }
        Ok(())
    }

    /// Hands on what is held of a cache's requests, where requests of this target belong to others.
    fn make_way(&mut self, target_key: u64) -> Result<()> {
        if self.hops.is_done_before(target_key) {
            self.flush_hops(Some(target_key))
        } else {
            Ok(())
        }
    }

    /// Hands on what a cluster holds; what may be doubted waits for the other clients of the same target.
    fn close(&mut self, target_key: u64, part: &mut Part) -> Result<()> {
        if target_key != self.leftovers.target_key {
            self.leftovers.flush(&mut self.walked.verdicts)?;
            self.leftovers.target_key = target_key;
        }
        self.make_way(target_key)?;
        let bystanding = |verdict: &&Verdict| !is_bystander(&verdict.entry);
        for verdict in part.entries.iter().filter(bystanding) {
            if target_key != 0
                && self.ground.asks_for_backend(&verdict.entry)
                && self.hops.take(verdict)
            {
                continue;
            }
            if verdict.rule().leaves_line && !verdict.entry.flags.has(Flags::TRACED) {
                self.walked.companions.note_due(&verdict.entry, verdict.evidence.length > 0);
            }
            if verdict.rests_on_attempt(self.ground.config.matcher) {
                let companions = &mut self.walked.companions;
                let directory = companions.directory(verdict.entry.place.position.input);
                companions.pages.note(directory, &verdict.entry, verdict.scope);
            } else if verdict.has_no_line() {
                let companions = &mut self.walked.companions;
                let directory = companions.directory(verdict.entry.place.position.input);
                companions.pages.note_without_line(directory, &verdict.entry);
            }
            let directory = self.walked.companions.directory(verdict.entry.place.position.input);
            if self.second.takes_entry(verdict, directory)? {
                continue;
            }
            if verdict.open == 1 && verdict.rule().when_silent.is_some() && !verdict.is_kin() {
                self.leftovers.push(verdict)?;
            } else {
                self.walked.entry(verdict)?;
            }
        }
        part.entries.clear();
        for fact in part.causes.drain(..) {
            let directory = self.walked.companions.directory(fact.place.position.input);
            if let Some(rule) = self.ground.config.matcher.rule(fact.rule) {
                self.walked.companions.note_machine(rule.server, fact.machine);
                if rule.id == MESSAGES_DROPPED {
                    self.walked.companions.note_loss(fact.place.position.input, fact.at);
                }
            }
            let Some(fact) = self.second.take_message(fact, directory)? else { continue };
            let joined = fact.flags.has(Flags::JOINED);
            if explains_its_request(self.ground.config.matcher, &fact) && target_key != 0 {
                let rule = self.ground.config.matcher.rule(fact.rule);
                if rule.is_some_and(|rule| is_failed_attempt(&fact, rule)) {
                    self.walked.companions.note_attempt(&fact, joined);
                }
                self.walked.companions.note(fact.place.position.input, joined);
                self.leftovers.note_line(fact.at, joined);
            }
            self.walked.message(fact)?;
        }
        Ok(())
    }
}

impl Walked<'_> {
    /// Adds what a walk over other targets found.
    fn absorb(&mut self, other: Self) -> Result<()> {
        self.companions.absorb(&other.companions);
        self.verdicts.absorb(other.verdicts)?;
        self.messages.absorb(other.messages)?;
        self.signals.absorb(other.signals);
        for (input, n) in other.redelivered {
            *self.redelivered.entry(input).or_default() += n;
        }
        Ok(())
    }
}

impl Outlet for Walked<'_> {
    fn entry(&mut self, verdict: &Verdict) -> Result<()> {
        // Entries of statuses that were not asked for have claimed their lines, and are done.
        if verdict.is_kin() { Ok(()) } else { self.verdicts.push(*verdict) }
    }

    fn message(&mut self, fact: CauseFact) -> Result<()> {
        self.signals.note(self.matcher, &fact);
        self.messages.push(fact)
    }
}
