//! What a server's message means: a table of rules, and one pass that finds the rule of a message.
//!
//! In: an [`ErrorRecord`]. Out: the row of the table that it matches with what the message is about, as a [`Match`] or
//! as an owned [`CauseFact`].
//! Invariants: causes are data ([`rules::RULES`]); a message belongs to at most one row; matching reads the message
//! only, never the context suffix, which holds what clients sent.

pub mod advice;
mod anchors;
mod digest;
mod needle;
mod quoted;
mod request;
pub mod rules;
pub mod scope;
mod user;

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::{LazyLock, OnceLock};

use regex::bytes::{Captures, Regex};

use self::anchors::{Anchor, Anchors};
use self::needle::{Needle, anchor_step, split_needle};
use crate::error::{Error, Result};
use crate::evidence::Place;
use crate::fact::{
    CauseFact, Flags, KEYED_TARGET_BYTES, hash_name, hash_short, method_key, referrer_key,
    target_key,
};
use crate::record::{ErrorRecord, Escape, WindowsEvent, split_request};
use crate::taxonomy::{Cause, Origin, Server};

pub use rules::{CauseRule, Events, RULES};
pub use user::parse_user_rules;

/// What a message does to the story.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RuleKind {
    /// Explains one request: joined to its entry. A later attempt of the same request may fail otherwise.
    Failure,
    /// Explains one request and is always the last failure of it: nothing is tried afterwards.
    FinalFailure,
    /// A failure after the status was sent: the body was cut, the status has another reason or none.
    Late,
    /// A sign of trouble that explains no request by itself.
    Pressure,
    /// Something went out of service.
    StateDown {
        /// For how long by default, in seconds; `None`: until something says otherwise.
        for_s: Option<u32>,
    },
    /// Something came back into service.
    StateUp,
    /// The service itself changed.
    Lifecycle(ChangeKind),
    /// Something failed apart from any one request, and may be what set a run of failures off: a process, a
    /// dependency, a limit of the machine. It counts as a signal, and as a change.
    Trigger(ChangeKind),
    /// Recognised, and no reason for a 5xx.
    Noise,
}

impl RuleKind {
    /// The id used in rule files and outputs.
    pub const fn as_str(self) -> &'static str {
        match self {
            RuleKind::Failure => "failure",
            RuleKind::FinalFailure => "final_failure",
            RuleKind::Late => "late",
            RuleKind::Pressure => "pressure",
            RuleKind::StateDown { .. } => "state_down",
            RuleKind::StateUp => "state_up",
            RuleKind::Lifecycle(_) => "lifecycle",
            RuleKind::Trigger(_) => "trigger",
            RuleKind::Noise => "noise",
        }
    }

    /// True for messages that explain a request they name.
    pub const fn explains_requests(self) -> bool {
        matches!(self, RuleKind::Failure | RuleKind::FinalFailure)
    }
}

/// How a service changed: the `kind` of `changes` in reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// It started.
    ServiceStart,
    /// It could not start.
    StartFailure,
    /// It read its configuration again.
    ConfigReload,
    /// It was to read its configuration again and could not.
    ReloadFailed,
    /// Its configuration was refused.
    ConfigError,
    /// It stopped or was stopped.
    ServiceStop,
    /// A worker process was killed from outside.
    WorkerKilled,
    /// A worker process died of itself.
    WorkerCrashed,
    /// Its log files were reopened.
    LogRotation,
    /// Its program file was replaced.
    BinaryUpgrade,
    /// A new release of it was rolled out.
    Deploy,
    /// What it depends on failed.
    DependencyFailed,
    /// It ran out of memory, disk, workers or handles.
    ResourceExhausted,
}

impl ChangeKind {
    /// Every kind.
    pub const ALL: [ChangeKind; 13] = [
        ChangeKind::ServiceStart,
        ChangeKind::StartFailure,
        ChangeKind::ConfigReload,
        ChangeKind::ReloadFailed,
        ChangeKind::ConfigError,
        ChangeKind::ServiceStop,
        ChangeKind::WorkerKilled,
        ChangeKind::WorkerCrashed,
        ChangeKind::LogRotation,
        ChangeKind::BinaryUpgrade,
        ChangeKind::Deploy,
        ChangeKind::DependencyFailed,
        ChangeKind::ResourceExhausted,
    ];

    /// The id used in outputs.
    pub const fn as_str(self) -> &'static str {
        match self {
            ChangeKind::ServiceStart => "service_start",
            ChangeKind::StartFailure => "start_failure",
            ChangeKind::ConfigReload => "config_reload",
            ChangeKind::ReloadFailed => "reload_failed",
            ChangeKind::ConfigError => "config_error",
            ChangeKind::ServiceStop => "service_stop",
            ChangeKind::WorkerKilled => "worker_killed",
            ChangeKind::WorkerCrashed => "worker_crashed",
            ChangeKind::LogRotation => "log_rotation",
            ChangeKind::BinaryUpgrade => "binary_upgrade",
            ChangeKind::Deploy => "deploy",
            ChangeKind::DependencyFailed => "dependency_failed",
            ChangeKind::ResourceExhausted => "resource_exhausted",
        }
    }
}

/// What a message is about, and so where its scope text comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One backend: the address in the `upstream:` URL, spelled as in `$upstream_addr`.
    UpstreamPeer,
    /// A group of backends: the name in the `upstream:` URL.
    UpstreamGroup,
    /// A shared memory zone named in the message.
    Zone,
    /// The host the client asked for, or else the server name.
    Host,
    /// A file named in the message.
    Path,
    /// A process id in the message.
    Process,
    /// A DNS or service name in the message.
    Name,
    /// Nothing smaller than the server.
    None,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Scope; 8] = [
        Scope::UpstreamPeer,
        Scope::UpstreamGroup,
        Scope::Zone,
        Scope::Host,
        Scope::Path,
        Scope::Process,
        Scope::Name,
        Scope::None,
    ];

    /// The id used in rule files and outputs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scope::UpstreamPeer => "upstream_peer",
            Scope::UpstreamGroup => "upstream_group",
            Scope::Zone => "zone",
            Scope::Host => "host",
            Scope::Path => "path",
            Scope::Process => "process",
            Scope::Name => "name",
            Scope::None => "none",
        }
    }
}

/// A rule in force: a row of the table, or one of a rule file.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Published id, e.g. `nginx.no_live_upstreams`.
    pub id: Cow<'static, str>,
    /// The software whose messages these are.
    pub server: Server,
    /// Texts that must all occur, in this order; of each step any one alternative. See [`CauseRule::needles`].
    pub needles: Vec<Vec<Cow<'static, str>>>,
    /// Events of the Windows event log. See [`CauseRule::events`].
    pub events: &'static [Events],
    /// Must match as well, when present. See [`CauseRule::regex`].
    pub regex: Option<Cow<'static, str>>,
    /// Severities to which the rule is limited; empty: any.
    pub levels: Vec<Cow<'static, str>>,
    /// Only messages that name a client and no backend. See [`CauseRule::without_upstream`].
    pub without_upstream: bool,
    /// Why, if the message tells.
    pub cause: Option<Cause>,
    /// Who generates the response that this message explains.
    pub origin: Origin,
    /// What the message does to the story.
    pub kind: RuleKind,
    /// Statuses that a stock server answers with; empty: none, or whatever the backend said.
    pub status: Cow<'static, [u16]>,
    /// What the message is about.
    pub scope: Scope,
    /// One line for people: what happened.
    pub note: Cow<'static, str>,
    /// Where this is documented.
    pub source: Cow<'static, str>,
}

impl From<&CauseRule> for Rule {
    fn from(row: &CauseRule) -> Self {
        let owned = |texts: &'static [&'static str]| texts.iter().copied().map(Cow::from).collect();
        Rule {
            id: row.id.into(),
            server: row.server,
            needles: row.needles.iter().map(|step| owned(step)).collect(),
            events: row.events,
            regex: (!row.regex.is_empty()).then(|| row.regex.into()),
            levels: owned(row.levels),
            without_upstream: row.without_upstream,
            cause: row.cause,
            origin: row.origin,
            kind: row.kind,
            status: Cow::from(row.status),
            scope: row.scope,
            note: row.note.into(),
            source: row.source.into(),
        }
    }
}

/// A message that belongs to a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match<'a> {
    /// Index of the rule: see [`CauseMatcher::rule`]. Indices of built-in rows do not depend on user rules.
    pub rule: u16,
    /// What it is about; empty when the message does not tell. Which kind of name it is says [`Rule::scope`].
    pub scope: &'a [u8],
    /// A number or word that makes the message precise (excess, errno, status); empty for none.
    pub detail: &'a [u8],
}

/// Which groups of a regular expression are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Groups {
    /// All that a [`Match`] holds.
    All,
    /// Only the scope: [`Match::detail`] stays empty.
    Scope,
}

/// A regular expression that is compiled when it is first needed: a run needs few of them, and compiling all takes
/// longer than scanning 100 MB.
#[derive(Debug)]
struct Expression {
    text: Cow<'static, str>,
    compiled: OnceLock<Option<Regex>>,
}

impl Expression {
    fn new(text: Cow<'static, str>) -> Self {
        Expression { text, compiled: OnceLock::new() }
    }

    /// `None`: it is not valid. Those of the table are (a test compiles them), those of rule files are checked early.
    fn get(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| Regex::new(&self.text).ok()).as_ref()
    }
}

/// Groups that hold the scope: one, or one for each way in which it is written.
const SCOPE_GROUPS: [&str; 3] = ["scope", "scope_of_data", "scope_unquoted"];

/// True when an expression has a group for the scope.
fn names_scope(expression: &Regex) -> bool {
    expression.capture_names().flatten().any(|name| SCOPE_GROUPS.contains(&name))
}

/// What the group for the scope holds; empty where none does.
fn scope_of<'a>(captures: &Captures<'a>) -> &'a [u8] {
    let found = SCOPE_GROUPS.iter().find_map(|name| captures.name(name));
    found.map_or(&[][..], |found| found.as_bytes())
}

/// Words of the candidate set: as many rules as [`CauseMatcher`] takes, 64 to a word.
const CANDIDATE_WORDS: usize = 16;

/// Finds the rule of a message.
///
/// Every rule has an anchor: the step of its needles whose shortest alternative is longest. One pass over the message
/// finds the anchors in it, which marks the candidates. Then the first candidate in priority order whose
/// whole predicate holds (levels, all needles in order, regular expression) is the rule. Priority is: rules of rule
/// files first, since their author knows the system better, then the table, top to bottom.
#[derive(Debug, Default)]
pub struct CauseMatcher {
    rules: Vec<Rule>,
    /// Steps of needles; same indices as `rules`. Built when a rule is first looked at: a run needs few of them.
    needles: Vec<OnceLock<Vec<Vec<Needle>>>>,
    /// Every expression once: many rules share one.
    expressions: Vec<Expression>,
    /// Same indices as `rules`: the rule's expression.
    expression_of: Vec<Option<usize>>,
    /// Built when the first message is looked at: access logs alone have none.
    anchors: OnceLock<Anchors>,
}

/// The numbers in a set of candidates, in rising order.
fn members(candidates: [u64; CANDIDATE_WORDS]) -> impl Iterator<Item = usize> {
    (0..).step_by(64).zip(candidates).flat_map(|(base, mut word)| {
        std::iter::from_fn(move || {
            let bit = (word != 0).then(|| word.trailing_zeros() as usize)?;
            word &= word - 1;
            Some(base + bit)
        })
    })
}

impl CauseMatcher {
    /// The built-in table alone.
    pub fn built_in() -> &'static CauseMatcher {
        static BUILT_IN: LazyLock<CauseMatcher> = LazyLock::new(|| {
            // Without rules of a user nothing can be wrong with them.
            CauseMatcher::new(Vec::new()).unwrap_or_default()
        });
        &BUILT_IN
    }

    /// The built-in table and `user_rules` (from [`parse_user_rules`]).
    ///
    /// # Errors
    /// [`Error::Flag`] when there are too many rules or an expression is not valid; what [`parse_user_rules`]
    /// accepted is always valid.
    pub fn new(user_rules: Vec<Rule>) -> Result<Self> {
        let mut rules: Vec<Rule> = RULES.iter().map(Rule::from).collect();
        rules.extend(user_rules);
        if rules.len() > CANDIDATE_WORDS * 64 {
            return Err(unusable(format!("at most {} rules are possible", CANDIDATE_WORDS * 64)));
        }
        let mut index_of: HashMap<&str, usize> = HashMap::new();
        let (mut expressions, mut expression_of) = (Vec::new(), Vec::with_capacity(rules.len()));
        for (rule_idx, rule) in rules.iter().enumerate() {
            expression_of.push(rule.regex.as_ref().map(|text| {
                *index_of.entry(text.as_ref()).or_insert_with(|| {
                    expressions.push(Expression::new(text.clone()));
                    expressions.len() - 1
                })
            }));
            if rule_idx >= RULES.len()
                && let Some(Some(index)) = expression_of.last()
                && expressions[*index].get().is_none()
            {
                return Err(unusable(format!("rule {}: not a regular expression", rule.id)));
            }
        }
        let needles = rules.iter().map(|_| OnceLock::new()).collect();
        Ok(CauseMatcher { rules, needles, expressions, expression_of, anchors: OnceLock::new() })
    }

    fn needles_of(&self, rule_idx: usize) -> &[Vec<Needle>] {
        self.needles[rule_idx].get_or_init(|| {
            let steps = self.rules[rule_idx].needles.iter();
            steps.map(|step| step.iter().map(|needle| Needle::new(needle)).collect()).collect()
        })
    }

    /// The expression of a rule, if it has one.
    fn expression(&self, rule_idx: usize) -> Option<&Regex> {
        self.expressions[self.expression_of[rule_idx]?].get()
    }

    /// A rule by its index.
    pub fn rule(&self, index: u16) -> Option<&Rule> {
        self.rules.get(usize::from(index))
    }

    /// Every rule, built-in rows first; positions are the indices of [`Match::rule`].
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule of a message, [`RuleKind::Noise`] included. `None`: the message is not known.
    ///
    /// Allocates nothing, except inside the regular expression of the one rule whose needles matched.
    pub fn match_message<'a>(&self, record: &ErrorRecord<'a>) -> Option<Match<'a>> {
        self.find(record, Groups::All)
    }

    fn anchors(&self) -> &Anchors {
        self.anchors.get_or_init(|| {
            let mut anchors = Vec::new();
            for (rule, needles) in self.rules.iter().map(|rule| &rule.needles).enumerate() {
                for needle in anchor_step(needles) {
                    let (text, at_start) = split_needle(needle);
                    anchors.push(Anchor { text: text.as_bytes(), rule: rule as u16, at_start });
                }
            }
            Anchors::of(&anchors)
        })
    }

    /// False for a text that no rule can match, whatever else its record says.
    pub fn may_match(&self, message: &[u8]) -> bool {
        self.anchors().find(message, |_, _| ControlFlow::Break(())).is_break()
    }

    fn find<'a>(&self, record: &ErrorRecord<'a>, groups: Groups) -> Option<Match<'a>> {
        if let Some(event) = record.event
            && let Some(found) = self.find_event(record, event)
        {
            return Some(found);
        }
        if let Some(told) = record.told {
            return Self::find_told(record, told);
        }
        let mut candidates = [0u64; CANDIDATE_WORDS];
        let _ = self.anchors().find(record.message, |rule, counts| {
            candidates[usize::from(rule) / 64] |= u64::from(counts) << (rule % 64);
            ControlFlow::Continue(())
        });
        if candidates == [0; CANDIDATE_WORDS] {
            return None;
        }
        let of_users = members(candidates).filter(|rule| *rule >= RULES.len());
        let of_table = members(candidates).filter(|rule| *rule < RULES.len());
        of_users.chain(of_table).find_map(|rule| self.verify(rule, record, groups))
    }

    /// The rule of an event, by its provider and number. The expression of such a rule only finds the scope: it need not
    /// match, since texts of events are translated. Named data go before the text.
    fn find_event<'a>(
        &self,
        record: &ErrorRecord<'a>,
        event: WindowsEvent<'a>,
    ) -> Option<Match<'a>> {
        let is_meant = |rule: &Rule| rule.events.iter().any(|events| events.hold(event));
        let rule = self.rules.iter().position(is_meant)?;
        let expression = self.expression(rule);
        let captures = |text: &'a [u8]| expression.and_then(|it| it.captures(text));
        let of_data = if event.data.is_empty() { None } else { captures(event.data) };
        let of_data = of_data.as_ref().map(scope_of).unwrap_or_default();
        let of_text = captures(record.message);
        let mut scope = match of_data {
            [] => of_text.as_ref().map(scope_of).unwrap_or_default(),
            named => named,
        };
        if scope.is_empty() && expression.is_some_and(|it| rules::quotes_scope(it.as_str())) {
            scope = quoted::quoted_name(record.message).unwrap_or_default();
        }
        let detail = of_text.as_ref().and_then(|found| found.name("detail"));
        let detail = detail.map(|found| found.as_bytes()).unwrap_or_default();
        Some(Match { rule: rule as u16, scope, detail })
    }

    /// The row for what an access line says of itself: its text, which holds what clients sent, is not looked at.
    fn find_told<'a>(
        record: &ErrorRecord<'a>,
        (origin, cause): (Origin, Cause),
    ) -> Option<Match<'a>> {
        let is_meant =
            |row: &CauseRule| row.origin == origin && row.cause == Some(cause) && row.is_told();
        let rule = RULES.iter().position(is_meant)?;
        let scope = record.upstream.map(scope::upstream_peer).unwrap_or_default();
        Some(Match { rule: rule as u16, scope, detail: &[] })
    }

    /// The whole predicate of one rule.
    fn verify<'a>(
        &self,
        rule_idx: usize,
        record: &ErrorRecord<'a>,
        groups: Groups,
    ) -> Option<Match<'a>> {
        let rule = &self.rules[rule_idx];
        if !rule.levels.is_empty()
            && !rule.levels.iter().any(|level| level.as_bytes() == record.level)
        {
            return None;
        }
        if rule.without_upstream && (record.client.is_none() || record.upstream.is_some()) {
            return None;
        }
        let mut at = 0;
        for step in self.needles_of(rule_idx) {
            at = step.iter().filter_map(|needle| needle.end_in(record.message, at)).min()?;
        }
        let (mut captured, mut detail) = (&[][..], &[][..]);
        match self.expression(rule_idx) {
            // Telling whether it matches is several times faster than telling where its groups are.
            Some(expression) if groups == Groups::Scope && !names_scope(expression) => {
                expression.is_match(record.message).then_some(())?;
            }
            Some(expression) => {
                let captures = expression.captures(record.message)?;
                captured = scope_of(&captures);
                detail = captures.name("detail").map_or(&[][..], |found| found.as_bytes());
            }
            None => {}
        }
        let named = match rule.scope {
            Scope::UpstreamPeer | Scope::UpstreamGroup => record.upstream.map(scope::upstream_peer),
            Scope::Host => scope::host_name(record),
            _ => None,
        };
        let scope = if captured.is_empty() { named.unwrap_or_default() } else { captured };
        Some(Match { rule: rule_idx as u16, scope, detail })
    }
}

fn unusable(expected: String) -> Error {
    Error::Flag { flag: "--rules", value: String::new(), expected }
}

/// The owned fact of a message, if a rule other than [`RuleKind::Noise`] knows it.
pub fn cause_fact(
    record: &ErrorRecord<'_>,
    place: Place,
    matcher: &CauseMatcher,
) -> Option<CauseFact> {
    let found = matcher.find(record, Groups::Scope)?;
    let rule = matcher.rule(found.rule)?;
    if rule.kind == RuleKind::Noise {
        return None;
    }
    let zoneless = record.stamp.is_some_and(|stamp| stamp.offset_s.is_none());
    Some(CauseFact {
        at: record.stamp.map_or(0, |stamp| stamp.micros),
        place,
        target_key: request_key(record),
        client: hash_name(record.client.unwrap_or_default()),
        connection: record.connection.unwrap_or(0),
        host: scope::host_key(scope::host_name(record).unwrap_or_default()),
        scope: hash_short(found.scope),
        machine: 0,
        referrer: record.referrer.map_or(0, |text| referrer_key(escape_of(rule.server), text)),
        log_id: if rule.server == Server::Apache { request::log_id(record) } else { 0 },
        path: if rule.server == Server::Apache { request::path(record) } else { 0 },
        method: record.request.map_or(0, |request| method_key(split_request(request).0)),
        rule: found.rule,
        flags: Flags::default()
            .with(Flags::ZONELESS, zoneless)
            .with(Flags::TIMELESS, record.stamp.is_none())
            .with(Flags::TRUNCATED, record.truncated)
            .with(Flags::OF_SUBREQUEST, record.subrequest.is_some()),
    })
}

/// How a server escapes what it quotes in messages.
fn escape_of(server: Server) -> Escape {
    if server == Server::Apache { Escape::Apache } else { Escape::None }
}

/// [`target_key`] of the request that a message names; 0 when it names none, or its target is cut too short.
fn request_key(record: &ErrorRecord<'_>) -> u64 {
    let Some(request) = record.request else { return 0 };
    let (method, target) = split_request(request);
    let is_last_value =
        record.upstream.is_none() && record.host.is_none() && record.referrer.is_none();
    // A whole request line ends in its protocol; without one, a cut last value may have lost some of its target.
    let is_whole = request.len() > method.len() + 1 + target.len();
    if record.truncated && is_last_value && !is_whole && target.len() < KEYED_TARGET_BYTES {
        return 0;
    }
    target_key(Escape::None, method, target)
}

#[cfg(test)]
mod tests;
