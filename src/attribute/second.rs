//! The second phase of joining: entries and error lines that do not name the same request.
//!
//! In: what the first phase left: open entries of servers whose messages do not name their request (Apache), and their
//! messages. Out: the same entries, decided where a message explains them, and the messages, marked. Three steps, each a
//! pass over facts sorted anew:
//!
//! 1. Messages by thread become requests: module [`threads`](super::threads).
//! 2. Entries and requests by client: module [`client`](super::client). It runs three times: to see whether the
//!    clocks agree, to learn which pages come with error lines, and to decide.
//! 3. Entries and requests whose client the messages do not name, by time alone, where their numbers agree.
//!
//! Invariants: what is sorted spills past the budget; of one client no more than [`MAX_CHUNK`] facts are in memory, and
//! the cut between two chunks depends on the facts alone.

use super::client::{FAR_US, Joined, Known, Look, Pages, Trace, match_client};
use super::clock::Clocks;
use super::deciding::{deciding, is_of_server};
use super::homes::{Home, Homes};
use super::own_lines::Subject;
use super::referrers::Referrers;
use super::rivals::{Contest, Told};
use super::threads::{Line, Request, Thread};
use super::traced::{RequestKey, ThreadKey, ThreadLine, Traced};
use super::{BasisSet, Verdict};
use crate::cause::{CauseMatcher, Rule, RuleKind, Scope};
use crate::error::Result;
use crate::evidence::{InputIndex, Position};
use crate::fact::{CauseFact, EntryFact, Flags};
use crate::store::{Budget, Sorted, Sorter};
use crate::taxonomy::{Basis, Cause, Confidence, Origin, Server};
use crate::time::SECOND_US;
use crate::verdict::Openness;

/// Facts of one client that are judged together at most.
const MAX_CHUNK: usize = 200_000;

/// Facts of one client further apart than this, beside durations, have nothing to do with each other.
const GAP_US: i64 = 10 * FAR_US;

/// What a pair rests on whose entry and lines name the same log id.
const BY_ID: &[Basis] = &[Basis::ExplicitMessage, Basis::RequestJoin];

/// Order of entries: by client.
type ClientKey = (u64, i64, Position);

/// Entries and the lines of requests, by client.
type ByClient = (Sorted<Verdict, ClientKey>, Sorted<Traced, RequestKey>);

/// Where decided entries and marked messages go.
pub(super) trait Outlet {
    /// Takes an entry.
    fn entry(&mut self, verdict: &Verdict) -> Result<()>;
    /// Takes a message.
    fn message(&mut self, fact: CauseFact) -> Result<()>;
}

/// How many requests of the error log found their entry, of those that end in a status of the entries.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Found {
    pub joined: u64,
    pub unjoined: u64,
}

impl Found {
    /// True when the silence of the error log about an entry says something: most requests that it has were found.
    pub(super) fn trusts_silence(self) -> bool {
        self.unjoined <= self.joined
    }
}

/// Collects what the first phase leaves.
pub(super) struct SecondPhase<'m> {
    matcher: &'m CauseMatcher,
    budget: Budget,
    /// Entries in a layout that several servers write are Apache's.
    takes_shared: bool,
    entries: Sorter<Verdict, ClientKey>,
    lines: Sorter<ThreadLine, ThreadKey>,
    /// Where the logs lie.
    homes: Homes,
    referrers: Referrers,
}

impl<'m> SecondPhase<'m> {
    pub(super) fn new(matcher: &'m CauseMatcher, budget: &Budget, takes_shared: bool) -> Self {
        SecondPhase {
            matcher,
            takes_shared,
            entries: Sorter::new(budget.clone(), |verdict| {
                let EntryFact { client, at, place, .. } = verdict.entry;
                (client, at, place.position)
            }),
            lines: Sorter::new(budget.clone(), ThreadLine::key),
            homes: Homes::default(),
            referrers: Referrers::default(),
            budget: budget.clone(),
        }
    }

    /// Adds what another has taken.
    pub(super) fn absorb(&mut self, other: Self) -> Result<()> {
        self.homes.absorb(other.homes);
        self.referrers.absorb(other.referrers);
        self.entries.absorb(other.entries)?;
        self.lines.absorb(other.lines)
    }

    /// Takes an entry of a log in this directory if the second phase may decide it. False: it was not taken.
    pub(super) fn takes_entry(&mut self, verdict: &Verdict, directory: usize) -> Result<bool> {
        let row = verdict.rule();
        let is_shared = verdict.entry.flags.has(Flags::SHARED_LAYOUT);
        let is_ours =
            if is_shared { self.takes_shared } else { row.id.starts_with(Server::Apache.as_str()) };
        let is_open = row.openness != Openness::Closed && verdict.message_rule().is_none();
        if is_ours && is_open {
            self.homes.note_entry(verdict.entry.place.position.input, directory);
            self.entries.push(*verdict)?;
        }
        Ok(is_ours && is_open)
    }

    /// Takes a message that the second phase may join, of a log in this directory, or gives it back.
    pub(super) fn take_message(
        &mut self,
        fact: CauseFact,
        directory: usize,
    ) -> Result<Option<CauseFact>> {
        let is_ours = self
            .matcher
            .rule(fact.rule)
            .is_some_and(|rule| rule.server == Server::Apache && rule.kind.explains_requests());
        if !is_ours || fact.flags.has(Flags::JOINED) || fact.flags.has(Flags::TIMELESS) {
            return Ok(Some(fact));
        }
        self.homes.note_message(fact.place.position.input, directory);
        self.referrers.note_message(&fact, directory);
        self.lines.push(ThreadLine { directory: directory as u32, fact })?;
        Ok(None)
    }

    /// Joins, and hands on everything that was taken.
    pub(super) fn finish(self, outlet: &mut dyn Outlet) -> Result<Found> {
        let SecondPhase { matcher, budget, entries, lines, homes, mut referrers, .. } = self;
        let requests = requests_of(lines, matcher, &budget)?.sorted();
        let both = (entries.sorted(), requests);
        for verdict in both.0.rows() {
            let entry = verdict?.entry;
            referrers.note_entry(entry.referrer, homes.directory(entry.place.position.input));
        }
        let ground = Ground { matcher, home: &homes.resolve(), homes: &homes, referrers };
        let (clocks, statuses) = votes_of(&both, &ground)?;
        let is_off = clocks.off();
        let pages = pages_of(&both, &ground, &is_off)?;
        let mut found = Found::default();
        let mut left: Sorter<Verdict, ClientKey> = Sorter::new(budget.clone(), |verdict| {
            (0, verdict.entry.at, verdict.entry.place.position)
        });
        let mut unnamed: Sorter<Traced, RequestKey> = Sorter::new(budget, Traced::key);
        let look = |entry: &EntryFact| pages.look(entry);
        each_chunk_of_client(&both, &mut |chunk| {
            let joined = chunk.join(&ground, &look, &is_off);
            chunk.settle(&joined, matcher, &[Basis::ExplicitMessage, Basis::CountMatch]);
            for (index, verdict) in chunk.entries.drain(..).enumerate() {
                // What is contested has its request, though none can be told to be it.
                if verdict.message_rule().is_some() || joined.contested.contains_key(&index) {
                    outlet.entry(&verdict)?;
                } else {
                    left.push(verdict)?;
                }
            }
            for request in chunk.requests.drain(..) {
                if request.client == 0 && request.is_whole(matcher) {
                    for fact in request.lines {
                        let Traced { client, at, first, .. } = request.key;
                        unnamed.push(Traced { client, at, first, fact })?;
                    }
                } else {
                    found.note(&request, matcher, &statuses);
                    request.hand_on(outlet)?;
                }
            }
            Ok(())
        })?;
        drop(both);
        each_chunk(&left.sorted(), &unnamed.sorted(), |_| 0, &mut |chunk| {
            let traces = chunk.traces_in_time(&ground, &is_off);
            let host = |entry: &EntryFact| ground.referrers.host_of(entry);
            // Any client's: so each entry must have its request.
            let known =
                Known { home: &ground.of_entry(), host: &host, slack: None, ..Known::OF_CLIENT };
            let joined = match_client(&chunk.facts(&ground), &traces, known);
            let basis = [Basis::ExplicitMessage, Basis::CountMatch, Basis::TimeWindow];
            chunk.settle(&joined, matcher, &basis);
            for verdict in chunk.entries.drain(..) {
                outlet.entry(&verdict)?;
            }
            for request in chunk.requests.drain(..) {
                found.note(&request, matcher, &statuses);
                request.hand_on(outlet)?;
            }
            Ok(())
        })?;
        Ok(found)
    }
}

impl Found {
    fn note(&mut self, request: &Failed, matcher: &CauseMatcher, statuses: &[bool; 1000]) {
        let Some(last) = request.lines.last() else { return };
        let ends_in = matcher.rule(last.rule).map_or(&[][..], |rule| &rule.status[..]);
        let is_wanted = |status: &u16| statuses.get(usize::from(*status)) == Some(&true);
        if ends_in.iter().any(is_wanted) {
            let is_joined = last.flags.has(Flags::JOINED);
            self.joined += u64::from(is_joined);
            self.unjoined += u64::from(!is_joined);
        }
    }
}

/// Step 1: lines by thread become requests.
fn requests_of(
    lines: Sorter<ThreadLine, ThreadKey>,
    matcher: &CauseMatcher,
    budget: &Budget,
) -> Result<Sorter<Traced, RequestKey>> {
    let mut requests = Sorter::new(budget.clone(), Traced::key);
    let mut thread = Thread::default();
    let mut current = None;
    for line in lines.sorted().rows() {
        let line = line?;
        let (key, fact) = (line.thread(), line.fact);
        // Lines of unknown threads and clients cannot be put together.
        if current != Some(key) || fact.connection == 0 && fact.client == 0 {
            push_all(thread.finish(), &mut requests)?;
            current = Some(key);
        }
        let Some(rule) = matcher.rule(fact.rule) else { continue };
        let line = Line {
            fact,
            is_final: rule.kind == RuleKind::FinalFailure,
            waited: rule.cause == Some(Cause::UpstreamTimeout),
            names_peer: rule.scope == Scope::UpstreamPeer,
        };
        push_all(thread.push(&line), &mut requests)?;
    }
    push_all(thread.finish(), &mut requests)?;
    Ok(requests)
}

fn push_all(done: Vec<Request>, requests: &mut Sorter<Traced, RequestKey>) -> Result<()> {
    for Request { client, lines, .. } in done {
        let (Some(first), Some(last)) = (lines.first(), lines.last()) else { continue };
        let (first, at) = (first.place.position, last.at);
        for fact in &lines {
            requests.push(Traced { client, at, first, fact: *fact })?;
        }
    }
    Ok(())
}

/// A request of the error log.
#[derive(Debug)]
struct Failed {
    client: u64,
    key: Traced,
    lines: Vec<CauseFact>,
}

impl Failed {
    /// True when the lines are surely those of one whole request. A failed attempt of an unknown thread and client is not:
    /// another line may be about the same request, which then would count twice. Where no connection was tried, because
    /// the pool was empty or the worker in error, the request ends there (`ap_proxy_acquire_connection`).
    fn is_whole(&self, matcher: &CauseMatcher) -> bool {
        self.lines.iter().any(|fact| {
            let rule = matcher.rule(fact.rule);
            let is_last = rule.is_some_and(|rule| {
                let is_no_attempt =
                    matches!(rule.cause, Some(Cause::ConnectionLimit | Cause::NoLiveUpstreams));
                rule.kind == RuleKind::FinalFailure || is_no_attempt
            });
            fact.connection != 0 || fact.client != 0 || is_last
        })
    }

    /// Gives its messages away.
    fn hand_on(self, outlet: &mut dyn Outlet) -> Result<()> {
        self.lines.into_iter().try_for_each(|fact| outlet.message(fact))
    }
}

/// What is known before the joins.
struct Ground<'g> {
    matcher: &'g CauseMatcher,
    homes: &'g Homes,
    home: &'g dyn Fn(InputIndex, u32) -> Home,
    referrers: Referrers,
}

impl Ground<'_> {
    fn of_entry(&self) -> impl Fn(&EntryFact) -> Home {
        |entry| (self.home)(entry.place.position.input, entry.machine)
    }

    fn referrer_of(&self, lines: &[CauseFact]) -> u32 {
        let input = lines.first().map_or(0, |fact| fact.place.position.input);
        self.referrers.of_lines(lines, self.homes.directory(input))
    }

    fn home_of(&self, lines: &[CauseFact]) -> Home {
        let machine = lines.iter().map(|fact| fact.machine).find(|machine| *machine != 0);
        let input = lines.first().map_or(0, |fact| fact.place.position.input);
        (self.home)(input, machine.unwrap_or(0))
    }
}

/// What a row of the cause table tells.
pub(super) fn told_by(rule: &Rule) -> Told {
    Told { origin: rule.origin as u8, cause: rule.cause.map_or(0, |cause| cause as u8 + 1) }
}

/// Entries and requests of one client that are near each other.
#[derive(Debug, Default)]
struct Chunk {
    entries: Vec<Verdict>,
    requests: Vec<Failed>,
}

/// The host that the lines of a request name: what knows the request knows its host. A line without client may name the
/// server that holds the backends.
fn host_of(lines: &[CauseFact]) -> u32 {
    lines.iter().rfind(|fact| fact.client != 0).map_or(0, |fact| fact.host)
}

/// True when one of the failures that the lines of a request tell waits for something; they may if none is told.
fn takes_time<'r>(rules: impl Iterator<Item = &'r Rule>) -> bool {
    let mut waits = rules.filter_map(|rule| match rule.cause? {
        // That there is no route is told by the lack of an answer.
        Cause::UpstreamRefused => Some(rule.id == "apache.connect_unreachable"),
        Cause::NoLiveUpstreams
        | Cause::RateLimited
        | Cause::PolicyDenied
        | Cause::ConfigPermission => Some(false),
        _ => Some(true),
    });
    waits.next().is_none_or(|first| first || waits.any(|waits| waits))
}

impl Chunk {
    fn traces<'m>(&self, ground: &Ground<'m>) -> Vec<Trace<'m>> {
        let matcher = ground.matcher;
        let trace = |request: &Failed| {
            let rule_of = |fact: &CauseFact| matcher.rule(fact.rule);
            let decides = deciding(&request.lines, 0, matcher).and_then(rule_of);
            let is_peer = |fact: &&CauseFact| {
                rule_of(fact).is_some_and(|rule| rule.scope == Scope::UpstreamPeer)
            };
            let last = request.lines.last().and_then(rule_of);
            let is_server =
                |fact: &CauseFact| fact.client == 0 && rule_of(fact).is_some_and(is_of_server);
            let named = |name: fn(&CauseFact) -> u32| {
                request.lines.iter().map(name).find(|name| *name != 0).unwrap_or(0)
            };
            Trace {
                at: request.key.at,
                referrer: ground.referrer_of(&request.lines),
                upstream: request.lines.iter().rfind(is_peer).map_or(0, |fact| fact.scope),
                host: host_of(&request.lines),
                statuses: last.map_or(&[], |rule| &rule.status),
                is_slow: takes_time(request.lines.iter().filter_map(rule_of)),
                told: decides.map(told_by).unwrap_or_default(),
                subject: Subject {
                    is_of_proxy: decides.is_some_and(|rule| {
                        matches!(rule.origin, Origin::Proxy | Origin::Upstream)
                    }),
                    is_of_server: request.lines.iter().all(is_server),
                    is_answered: decides.is_some_and(|rule| {
                        rule.origin == Origin::Upstream && rule.kind == RuleKind::FinalFailure
                    }),
                },
                log_id: named(|fact| fact.log_id),
                path: named(|fact| fact.path),
                home: ground.home_of(&request.lines),
            }
        };
        self.requests.iter().map(trace).collect()
    }

    /// Step 2. Neither entries nor messages without a client take part.
    fn join(
        &self,
        ground: &Ground<'_>,
        look: &dyn Fn(&EntryFact) -> Look,
        is_off: &dyn Fn(u32) -> bool,
    ) -> Joined {
        if self.requests.first().is_some_and(|request| request.client == 0) {
            return Joined::default();
        }
        let host = |entry: &EntryFact| ground.referrers.host_of(entry);
        let known = Known { look, home: &ground.of_entry(), host: &host, ..Known::OF_CLIENT };
        match_client(&self.facts(ground), &self.traces_in_time(ground, is_off), known)
    }

    /// The entries; without a referrer where that is not to be believed.
    fn facts(&self, ground: &Ground<'_>) -> Vec<EntryFact> {
        let fact = |verdict: &Verdict| {
            let entry = verdict.entry;
            let directory = ground.homes.directory(entry.place.position.input);
            let is_told = ground.referrers.are_told_in(directory);
            EntryFact { referrer: if is_told { entry.referrer } else { 0 }, ..entry }
        };
        self.entries.iter().map(fact).collect()
    }

    /// The traces, where those of an input whose clock is off fit nothing.
    fn traces_in_time<'m>(
        &self,
        ground: &Ground<'m>,
        is_off: &dyn Fn(u32) -> bool,
    ) -> Vec<Trace<'m>> {
        let mut traces = self.traces(ground);
        for (trace, request) in traces.iter_mut().zip(&self.requests) {
            if is_off(request.key.first.input) {
                trace.statuses = &[0];
            }
        }
        traces
    }

    /// Decides what is paired; of the rest, marks what may have a request in the error log all the same.
    fn settle(&mut self, joined: &Joined, matcher: &CauseMatcher, basis: &[Basis]) {
        let mut is_silent = vec![false; self.entries.len()];
        for &entry in &joined.silent {
            is_silent[entry] = true;
        }
        for (verdict, is_silent) in self.entries.iter_mut().zip(is_silent) {
            let flags = &mut verdict.entry.flags;
            *flags = flags.with(Flags::TRACED, !is_silent);
        }
        for &(entry, request) in &joined.pairs {
            let verdict = &mut self.entries[entry];
            let lines = &mut self.requests[request].lines;
            let mut told = None;
            let contest = joined.contested.get(&entry);
            if contest != Some(&Contest::Origin)
                && let Some(fact) = deciding(lines, verdict.entry.upstream, matcher)
                && let Some(rule) = matcher.rule(fact.rule)
            {
                let by_id = joined.by_id.contains(&entry);
                let sure = if by_id { Confidence::Confirmed } else { Confidence::Likely };
                let basis = if by_id { BY_ID } else { basis };
                verdict.set_message(fact, rule, sure, BasisSet::of(basis));
                told = verdict.entry.is_kin_failure().then_some(fact.place.position);
                if contest.is_some() {
                    verdict.forget_cause();
                }
            }
            for fact in lines {
                let is_told = told == Some(fact.place.position);
                fact.flags = fact.flags.with(Flags::JOINED, true).with(Flags::KIN, is_told);
            }
        }
        for &entry in &joined.near {
            self.entries[entry].doubt();
        }
    }
}

/// What the clocks of the error logs are apart, and which statuses the entries have.
fn votes_of(both: &ByClient, ground: &Ground<'_>) -> Result<(Clocks, [bool; 1000])> {
    let (mut clocks, mut statuses) = (Clocks::default(), [false; 1000]);
    each_chunk_of_client(both, &mut |chunk| {
        for verdict in &chunk.entries {
            if let Some(seen) = statuses.get_mut(usize::from(verdict.entry.status)) {
                *seen = true;
            }
        }
        let facts = chunk.facts(ground);
        for (request, trace) in chunk.requests.iter().zip(chunk.traces(ground)) {
            if request.client != 0 {
                let input = request.key.first.input;
                let directory = ground.homes.directory(input);
                clocks.of(input, directory).vote(&facts, &trace);
            }
        }
        Ok(())
    })?;
    Ok((clocks, statuses))
}

/// Which pages come with error lines.
fn pages_of(both: &ByClient, ground: &Ground<'_>, is_off: &dyn Fn(u32) -> bool) -> Result<Pages> {
    let mut pages = Pages::default();
    each_chunk_of_client(both, &mut |chunk| {
        let joined = chunk.join(ground, &|_| Look::Open, is_off);
        for (entry, _) in joined.pairs {
            pages.note(&chunk.entries[entry].entry, true);
        }
        for entry in joined.silent {
            pages.note(&chunk.entries[entry].entry, false);
        }
        for (entry, is_paired) in joined.counted {
            pages.note_counted(&chunk.entries[entry].entry, is_paired);
        }
        Ok(())
    })?;
    Ok(pages)
}

/// As [`each_chunk`], of entries that have their own clients.
fn each_chunk_of_client(
    (entries, requests): &ByClient,
    each: &mut dyn FnMut(&mut Chunk) -> Result<()>,
) -> Result<()> {
    each_chunk(entries, requests, |verdict| verdict.entry.client, each)
}

/// Calls `each` with the entries and the requests of each client, in pieces that have nothing to do with each other.
fn each_chunk<EK: Ord + Send, RK: Ord + Send>(
    entries: &Sorted<Verdict, EK>,
    requests: &Sorted<Traced, RK>,
    client_of: fn(&Verdict) -> u64,
    each: &mut dyn FnMut(&mut Chunk) -> Result<()>,
) -> Result<()> {
    let mut entry_rows = entries.rows().peekable();
    let mut request_rows = requests.rows().peekable();
    let mut chunk = Chunk::default();
    // The client, and the time up to which facts belong to the chunk.
    let mut reach: Option<(u64, i64)> = None;
    loop {
        let next_entry =
            super::peek_key(&mut entry_rows, |row: &Verdict| (client_of(row), row.entry.at))?;
        let next_line = super::peek_key(&mut request_rows, |row: &Traced| (row.client, row.at))?;
        let Some(next) = [next_entry, next_line].into_iter().flatten().min() else { break };
        let is_near = reach.is_some_and(|(client, to)| client == next.0 && next.1 <= to);
        if !is_near || chunk.entries.len() + chunk.requests.len() >= MAX_CHUNK {
            each(&mut chunk)?;
            chunk = Chunk::default();
            reach = None;
        }
        let mut to = next.1 + GAP_US;
        if next_entry == Some(next) {
            let Some(row) = entry_rows.next() else { break };
            let verdict = row?;
            to += i64::from(verdict.entry.duration_ms) * (SECOND_US / 1000);
            chunk.entries.push(verdict);
        } else {
            let Some(row) = request_rows.next() else { break };
            let first = row?;
            let mut lines = vec![first.fact];
            while let Some(row) = request_rows.next_if(|row| {
                row.as_ref().is_ok_and(|row| {
                    (row.client, row.at, row.first) == (first.client, first.at, first.first)
                })
            }) {
                lines.push(row?.fact);
            }
            chunk.requests.push(Failed { client: first.client, key: first, lines });
        }
        reach = Some((next.0, reach.map_or(to, |(_, before)| before.max(to))));
    }
    each(&mut chunk)
}
