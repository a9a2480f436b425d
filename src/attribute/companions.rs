//! Which error logs speak for which access logs, and whether their silence says something.
//!
//! In: the scanned inputs, their zones, and how many lines of each directory found an entry. Out: answers per entry.
//! The rule: an access log belongs with the error logs of its own directory, or of its name there (module `folders`). Where
//! its directory has none, it belongs with those of all others, but only if all access logs lie in one directory (`access/`
//! beside `error/`); otherwise logs of several servers lie side by side, and silence says nothing. Silence counts while the error logs cover the time,
//! give or take `REACH_US`, while most of their lines find their requests, and most entries that leave a line find theirs:
//! a log may be of a level that lacks them. Where lines name their machine, those of one machine say nothing of others. An
//! empty file that is named as an error log covers everything.

use std::collections::{BTreeMap, BTreeSet};
#[cfg(test)]
use std::path::Path;

use super::answers::Answers;
use super::failing::Failing;
use super::folders::{Folders, is_named_error_log};
use super::pages::FailurePages;
use super::retries::Retries;
use super::zones::Zones;
use crate::evidence::InputIndex;
use crate::fact::{CauseFact, EntryFact, machines_agree};
use crate::format::{CacheSeen, Plan};
use crate::scan::ScannedInput;
use crate::taxonomy::{LogRole, Server};
use crate::time::SECOND_US;
use crate::verdict::Contact;

/// How far from its first and last line an error log still covers the time: quiet stretches are its nature.
const REACH_US: i64 = 900 * SECOND_US;

/// Of more machines of one server than this, it is not asked which of them wrote a line.
const MAX_MACHINES: usize = 4096;

/// More seconds of losses than this are not kept for a directory.
const MAX_LOSSES: usize = 65_536;

/// The error logs of one directory.
#[derive(Debug, Clone, Default)]
struct Directory {
    has_error_log: bool,
    /// First and last record of its error logs, microseconds UTC.
    span: Option<(i64, i64)>,
    /// First and last record of its access logs.
    access_span: Option<(i64, i64)>,
    /// An empty error log is there.
    has_empty: bool,
    /// Seconds in which it was told that messages had been dropped.
    losses_s: BTreeSet<i64>,
    /// What good answers in its access logs show of a cache.
    cache: CacheSeen,
    joined: u64,
    unjoined: u64,
    /// Entries that leave a line, whose line was found, and others.
    told: u64,
    untold: u64,
}

impl Directory {
    fn absorb(&mut self, other: &Directory) {
        self.joined += other.joined;
        self.unjoined += other.unjoined;
        self.told += other.told;
        self.untold += other.untold;
        other.losses_s.iter().for_each(|second| self.note_loss(second * SECOND_US));
    }

    fn note_loss(&mut self, at: i64) {
        self.losses_s.insert(at.div_euclid(SECOND_US));
        if self.losses_s.len() > MAX_LOSSES {
            self.losses_s.pop_last();
        }
    }

    /// True when messages of about this time were dropped.
    fn lost_at(&self, at: i64) -> bool {
        let second = |at: i64| at.div_euclid(SECOND_US);
        self.losses_s.range(second(at - REACH_US)..=second(at + REACH_US)).next().is_some()
    }

    /// True when its error logs were written at this time for sure: between the seconds of their first and last line.
    fn surrounds(&self, at: i64) -> bool {
        self.span.is_some_and(|(first, last)| (first + SECOND_US..last).contains(&at))
    }

    fn covers(&self, at: i64) -> bool {
        let is_near = |(first, last)| first - REACH_US <= at && at <= last + REACH_US;
        self.has_error_log && self.span.map_or(self.has_empty, is_near)
    }

    fn speaks_at(&self, at: i64) -> bool {
        self.unjoined <= self.joined
            && self.untold <= self.told
            && self.covers(at)
            && !self.lost_at(at)
    }
}

/// What is known of all inputs.
#[derive(Debug, Clone, Default)]
pub struct Companions {
    /// Directory of each input.
    of_input: Vec<usize>,
    directories: Vec<Directory>,
    /// All access logs lie in one directory.
    one_access_directory: bool,
    /// An Apache error log is there, and whether most of its requests found their entries.
    apache: Option<bool>,
    /// The access logs behind a cache.
    pub(super) behind: Behind,
    /// What backends answered.
    answers: Answers,
    /// The directories are those of several servers: what a backend answered to one is no answer to another.
    answers_apart: bool,
    /// Machines by whose messages are there; 0 where the machine is not known.
    machines: BTreeMap<Server, BTreeSet<u32>>,
    /// Pages of entries that a line about one attempt explains.
    pub(super) pages: FailurePages,
    /// Pages that limits refuse with: what is known before entries are paired.
    pub(super) limit_pages: FailurePages,
    /// Backends whose failures are not the end of a request.
    retries: Retries,
    /// First and last record of all access logs, microseconds UTC.
    access_span: Option<(i64, i64)>,
    /// Caddy's messages, wherever they lie: one process writes one runtime log.
    caddy: Directory,
    /// Inputs that hold them.
    of_caddy: Vec<InputIndex>,
    /// Inputs that are error logs of Apache.
    of_apache: Vec<InputIndex>,
}

/// Access logs beside those of a cache: are they its backends', and do they cover a time?
#[derive(Debug, Clone, Default)]
pub(super) struct Behind {
    /// Requests in the logs of the cache, and in that of the others that has most.
    n_requests: (u64, u64),
    /// First and last record of the others, microseconds UTC.
    span: Option<(i64, i64)>,
    /// Requests, first and last record of each of the others.
    others: BTreeMap<InputIndex, (u64, Option<(i64, i64)>)>,
    /// The same of the logs of the cache.
    caches: BTreeMap<InputIndex, (u64, Option<(i64, i64)>)>,
    /// Their entries that the cache has as well, and those that it lacks.
    pub(super) n_found: u64,
    pub(super) n_missed: u64,
    /// When the cache made pages because a fetch failed, and pages that may have another reason.
    pub(super) failing: Failing,
}

impl Behind {
    /// Fewer common entries than this prove no relation.
    const MIN_FOUND: u64 = 5;

    /// How far beyond its first and last line an access log speaks: a server that is down writes none.
    const REACH_US: i64 = 60 * SECOND_US;

    /// Notes an access log.
    fn note(
        &mut self,
        is_cache: bool,
        input: InputIndex,
        n_requests: u64,
        span: Option<(i64, i64)>,
    ) {
        if is_cache {
            self.n_requests.0 += n_requests;
            self.caches.insert(input, (n_requests, span));
            return;
        }
        self.others.insert(input, (n_requests, span));
        if let Some((first, last)) = span {
            let (low, high) = self.span.unwrap_or((first, last));
            self.span = Some((low.min(first), high.max(last)));
        }
    }

    /// Forgets logs that are not behind the cache. Of the logs that stay, that with most requests has so many.
    pub(super) fn settle(&mut self, fronts: &BTreeSet<InputIndex>, n_most: u64) {
        (self.n_requests, self.span) = ((0, n_most), None);
        let (caches, others) = (std::mem::take(&mut self.caches), std::mem::take(&mut self.others));
        for (input, (n_requests, span)) in caches {
            self.note(true, input, n_requests, span);
        }
        for (input, (n_requests, span)) in others {
            if !fronts.contains(&input) {
                self.note(false, input, n_requests, span);
            }
        }
    }

    /// Requests in each log of the cache.
    pub(super) fn n_requests_of_caches(&self) -> impl Iterator<Item = (InputIndex, u64)> {
        self.caches.iter().map(|(input, (n_requests, _))| (*input, *n_requests))
    }

    /// Requests in each of the other logs.
    pub(super) fn n_requests_of_others(&self) -> impl Iterator<Item = (InputIndex, u64)> {
        self.others.iter().map(|(input, (n_requests, _))| (*input, *n_requests))
    }

    /// True when the cache handed its requests on to the servers of these logs, which would show one at this time. What
    /// stands before a cache sees more requests than the cache does.
    fn speaks_at(&self, at: i64) -> bool {
        let is_behind = self.n_found >= Self::MIN_FOUND
            && self.n_missed * 4 <= self.n_found
            && self.n_requests.1 <= self.n_requests.0;
        let covers = |(first, last)| first - Self::REACH_US <= at && at <= last + Self::REACH_US;
        is_behind && self.span.is_some_and(covers)
    }
}

impl Companions {
    /// Looks at the inputs.
    pub(super) fn of(inputs: &[ScannedInput], folders: &Folders, zones: &Zones) -> Self {
        let mut companions = Companions::default();
        companions.directories.resize(folders.len(), Directory::default());
        let mut access = Vec::new();
        for (input_index, input) in inputs.iter().enumerate() {
            let directory = folders.folder(input_index as InputIndex);
            companions.of_input.push(directory);
            let row = &mut companions.directories[directory];
            match &input.plan {
                Some(plan) => {
                    row.cache = row.cache.max(plan.cache);
                    for reader in plan.detected() {
                        let about = reader.about();
                        match about.role {
                            LogRole::Error if about.server == Server::Nginx => {
                                row.has_error_log = true;
                            }
                            LogRole::Error if about.server == Server::Apache => {
                                companions.apache = Some(false);
                                companions.of_apache.push(input_index as InputIndex);
                            }
                            LogRole::Error if about.server == Server::Caddy => {
                                companions.caddy.has_error_log = true;
                                widen(
                                    &mut companions.caddy,
                                    input,
                                    input_index as InputIndex,
                                    zones,
                                );
                                companions.of_caddy.push(input_index as InputIndex);
                            }
                            LogRole::Access => access.push(directory),
                            _ => {}
                        }
                    }
                    if row.has_error_log {
                        widen(row, input, input_index as InputIndex, zones);
                    }
                    companions.note_access(input, plan, input_index as InputIndex, zones);
                }
                None if input.is_empty() && is_named_error_log(&input.path) => {
                    (row.has_error_log, row.has_empty) = (true, true);
                }
                None => {}
            }
        }
        access.dedup();
        companions.one_access_directory = access.windows(2).all(|pair| pair[0] == pair[1]);
        companions.answers_apart = companions.are_servers(inputs);
        companions
    }

    /// True where each directory has access logs, and an error log, of the same time as those of the others: none holds
    /// older pieces of the logs in another, and none is one of several that a name tells apart.
    fn are_servers(&self, inputs: &[ScannedInput]) -> bool {
        let parents: BTreeSet<_> = inputs.iter().map(|input| input.path.parent()).collect();
        let spans: Vec<_> = self.directories.iter().filter_map(|row| row.access_span).collect();
        let overlap = |one: (i64, i64), other: (i64, i64)| {
            let shared = one.1.min(other.1) - one.0.max(other.0);
            shared * 2 > (one.1 - one.0).min(other.1 - other.0)
        };
        parents.len() == self.directories.len()
            && spans.len() == self.directories.len()
            && self.directories.iter().all(|row| row.has_error_log)
            && spans
                .iter()
                .enumerate()
                .all(|(index, one)| spans[index + 1..].iter().all(|other| overlap(*one, *other)))
    }

    /// The directory of an entry, as far as answers are kept by it.
    fn server_of_answers(&self, entry: &EntryFact) -> usize {
        if self.answers_apart { self.directory(entry.place.position.input) } else { 0 }
    }

    /// Notes an access log as that of a cache, or of another server.
    fn note_access(&mut self, input: &ScannedInput, plan: &Plan, index: InputIndex, zones: &Zones) {
        let is = |role, server: Option<Server>| {
            plan.detected().any(|reader| {
                let about = reader.about();
                about.role == role && server.is_none_or(|server| about.server == server)
            })
        };
        let is_cache = is(LogRole::Access, Some(Server::Varnish));
        if !is_cache && !is(LogRole::Access, None) {
            return;
        }
        let zoneless = input.tally.zoneless_span;
        let zoneless =
            zoneless.map(|(first, last)| (zones.utc(index, first), zones.utc(index, last)));
        let n_requests = input.tally.statuses.iter().sum();
        let span = input.tally.zoned_span.or(zoneless);
        let directory = self.directory(index);
        self.directories[directory].access_span =
            wider(self.directories[directory].access_span, span);
        self.access_span = wider(self.access_span, span);
        self.behind.note(is_cache, index, n_requests, span);
    }

    /// The directory of an input.
    pub fn directory(&self, input: InputIndex) -> usize {
        self.of_input.get(input as usize).copied().unwrap_or(0)
    }

    /// True when error logs lie in this directory.
    pub fn has_error_log(&self, directory: usize) -> bool {
        self.directories.get(directory).is_some_and(|row| row.has_error_log)
    }

    /// All inputs.
    pub(super) fn inputs(&self) -> impl Iterator<Item = InputIndex> + use<> {
        0..self.of_input.len() as InputIndex
    }

    /// True when messages of logs in this directory may be about the entries of an input: they lie beside it, or no
    /// error logs do.
    pub(super) fn may_be_about(&self, directory: usize, input: InputIndex) -> bool {
        let own = self.directory(input);
        own == directory || !self.has_error_log(own)
    }

    /// Directories of these paths, with error logs in each.
    #[cfg(test)]
    pub(super) fn of_paths<'p>(paths: impl Iterator<Item = &'p str>) -> Self {
        let mut companions = Companions::default();
        let mut index: BTreeMap<&Path, usize> = BTreeMap::new();
        for path in paths {
            let fresh = index.len();
            let path = Path::new(path).parent().unwrap_or_else(|| Path::new(""));
            companions.of_input.push(*index.entry(path).or_insert(fresh));
        }
        let directory = Directory { has_error_log: true, ..Directory::default() };
        companions.directories = vec![directory; index.len()];
        companions
    }

    /// Counts an error line that names a request, and whether it found one.
    pub fn note(&mut self, input: InputIndex, joined: bool) {
        let directory = self.directory(input);
        let row = if self.of_caddy.contains(&input) {
            Some(&mut self.caddy)
        } else {
            self.directories.get_mut(directory)
        };
        if let Some(row) = row {
            row.joined += u64::from(joined);
            row.unjoined += u64::from(!joined);
        }
    }

    /// Counts a line of nginx about an attempt that failed, where the access logs that may have the request were written.
    pub(super) fn note_attempt(&mut self, fact: &CauseFact, joined: bool) {
        let directory = self.directory(fact.place.position.input);
        let own = self.directories.get(directory).and_then(|row| row.access_span);
        let covers = |(first, last)| (first..=last).contains(&fact.at);
        if joined || own.or(self.access_span).is_some_and(covers) {
            self.retries.note(directory, fact.scope, fact.target_key, joined);
        }
    }

    /// Notes that messages of logs beside this one were dropped.
    pub(super) fn note_loss(&mut self, input: InputIndex, at: i64) {
        let directory = self.directory(input);
        if let Some(row) = self.directories.get_mut(directory) {
            row.note_loss(at);
        }
    }

    /// True when the error logs that tell how requests failed at the entry's backend had not begun at its time, or had
    /// ended: a piece of a log that was rotated, or copied before the end.
    pub(super) fn is_cut_off(&self, entry: &EntryFact) -> bool {
        let own = self.directory(entry.place.position.input);
        let is_own = self.has_error_log(own);
        let mut rows = self.directories.iter().enumerate();
        rows.any(|(index, row)| {
            (!is_own || index == own)
                && self.retries.ends_at(index, entry.upstream)
                && !row.surrounds(entry.at)
        })
    }

    /// True when requests for which this message stands went on to other backends.
    pub(super) fn go_on(&self, message: InputIndex, backend: u32) -> bool {
        self.retries.go_on(self.directory(message), backend)
    }

    /// Notes the machine that wrote a message of a server.
    pub(super) fn note_machine(&mut self, server: Server, machine: u32) {
        let known = self.machines.entry(server).or_default();
        if known.len() <= MAX_MACHINES {
            known.insert(machine);
        }
    }

    /// True when messages of a server may be there of the machine that served an entry: those of others say nothing of it.
    pub(super) fn hears(&self, entry: &EntryFact, server: Server) -> bool {
        let Some(known) = self.machines.get(&server) else { return true };
        known.len() > MAX_MACHINES
            || known.contains(&entry.machine)
            || known.iter().any(|machine| machines_agree(*machine, entry.machine))
    }

    /// Counts an entry that leaves a line in the error log, and whether it was found.
    pub(super) fn note_due(&mut self, entry: &EntryFact, found: bool) {
        let own = self.directory(entry.place.position.input);
        let is_own = self.has_error_log(own);
        let rows = self.directories.iter_mut().enumerate();
        let speaking = rows.filter(|(index, _)| !is_own || *index == own).map(|(_, row)| row);
        for row in speaking.filter(|row| row.covers(entry.at)) {
            row.told += u64::from(found);
            row.untold += u64::from(!found);
        }
    }

    /// Notes an entry that a backend answered, or that asked none.
    pub(super) fn note_answer(&mut self, entry: &EntryFact, contact: Contact) {
        let own = self.server_of_answers(entry);
        match contact {
            Contact::Answered => self.answers.note(entry, own),
            Contact::None => self.answers.note_unasked(entry, own),
            _ => {}
        }
    }

    /// Adds what another, of the same inputs, has counted.
    pub(super) fn absorb(&mut self, other: &Companions) {
        for (row, more) in self.directories.iter_mut().zip(&other.directories) {
            row.absorb(more);
        }
        self.caddy.absorb(&other.caddy);
        self.answers.absorb(&other.answers);
        for (server, machines) in &other.machines {
            for machine in machines {
                self.note_machine(*server, *machine);
            }
        }
        self.pages.absorb(&other.pages);
        self.retries.absorb(&other.retries);
        self.behind.n_found += other.behind.n_found;
        self.behind.n_missed += other.behind.n_missed;
        self.behind.failing.absorb(&other.behind.failing);
    }

    /// Notes whether the requests of Apache error logs found their entries well enough for silence to count.
    pub fn note_apache(&mut self, trusted: bool) {
        self.apache = self.apache.map(|_| trusted);
    }

    /// True when the lack of an error line for an entry of this input at this time says something.
    pub fn silence_speaks(&self, input: InputIndex, at: i64, server: Server) -> bool {
        match server {
            Server::Nginx => {}
            Server::Apache => {
                return self.apache == Some(true) && self.is_near(&self.of_apache, input);
            }
            Server::Varnish => return self.behind.speaks_at(at),
            Server::Caddy => {
                // Where pages of errors are handled, failures have lines at level DEBUG only.
                return self.caddy.joined > 0
                    && self.caddy.speaks_at(at)
                    && self.is_near(&self.of_caddy, input);
            }
            _ => return false,
        }
        let own = self.directory(input);
        if self.has_error_log(own) {
            return self.directories[own].speaks_at(at);
        }
        self.one_access_directory && self.directories.iter().any(|row| row.speaks_at(at))
    }

    /// True when the error logs that may be about the entries of an input have told of failures that became of requests:
    /// their level has them, and they may be believed where they lack one. An empty log beside them tells nothing of its
    /// level, and may be the one that the entry is for.
    pub(super) fn tells_failures(&self, input: InputIndex) -> bool {
        let own = self.directory(input);
        let tells = |row: &Directory| row.joined > 0 && !row.has_empty;
        if self.has_error_log(own) {
            return tells(&self.directories[own]);
        }
        self.directories.iter().any(tells)
    }

    /// True when one of these logs may be about the entries of an input: it lies beside it, or all access logs lie in
    /// one place.
    fn is_near(&self, logs: &[InputIndex], input: InputIndex) -> bool {
        let own = self.directory(input);
        self.one_access_directory || logs.iter().any(|log| self.directory(*log) == own)
    }

    /// True when an entry whose backend failed may have got an answer that a cache had kept.
    pub(super) fn may_be_stale(&self, entry: &EntryFact) -> bool {
        let own = self.directory(entry.place.position.input);
        self.directories.get(own).is_some_and(|row| row.cache == CacheSeen::Some)
            && self.answers.may_stand_in_for(entry, self.server_of_answers(entry))
    }

    /// True when an entry that asked no backend may be an answer that a cache had kept.
    pub(super) fn may_be_kept(&self, entry: &EntryFact) -> bool {
        let own = self.server_of_answers(entry);
        match self.directories.get(self.directory(entry.place.position.input)) {
            Some(Directory { cache: CacheSeen::Some, .. }) => true,
            Some(Directory { cache: CacheSeen::None, .. }) => self.answers.has_twin_of(entry, own),
            _ => self.answers.has_original_of(entry, own),
        }
    }

    /// True when an error log is among the inputs.
    pub fn any_error_log(&self) -> bool {
        self.directories.iter().any(|row| row.has_error_log)
            || self.apache.is_some()
            || self.caddy.has_error_log
    }
}

/// The time from the first to the last of both.
fn wider(one: Option<(i64, i64)>, other: Option<(i64, i64)>) -> Option<(i64, i64)> {
    [one, other].into_iter().flatten().reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
}

/// The time that an input's messages cover.
fn widen(row: &mut Directory, input: &ScannedInput, index: InputIndex, zones: &Zones) {
    let zoneless = input.tally.messages_zoneless.span().map(|(first, last)| {
        (zones.utc(index, first * SECOND_US), zones.utc(index, last * SECOND_US))
    });
    let zoned = input.tally.messages_zoned.span();
    let zoned = zoned.map(|(first, last)| (first * SECOND_US, last * SECOND_US));
    for (first, last) in [zoneless, zoned].into_iter().flatten() {
        row.span =
            Some(row.span.map_or((first, last), |(low, high)| (low.min(first), high.max(last))));
    }
}
