//! Which of the error lines of one request tells how it ended, and what its lines are about.
//!
//! In: the lines of a request (see module [`threads`](super::threads)), and their rows of the cause table. Out: the line
//! that decides, and whether lines are of the server or of the request.

use crate::cause::{CauseMatcher, Rule, RuleKind, Scope};
use crate::fact::CauseFact;
use crate::taxonomy::Origin;
use crate::time::SECOND_US;

/// A status that follows a failed attempt at the same backend within this time is no answer of it.
const SELF_MADE_US: i64 = SECOND_US / 10;

/// Rows of lines that Apache writes without the request: they name no client, and `%L` does not count them.
/// Source: Apache httpd 2.4 `proxy_util.c` (AH00957, AH02454, AH00940, AH00941: `ap_log_error`).
const OF_SERVER: [&str; 12] = [
    "apache.connect_refused",
    "apache.connect_unreachable",
    "apache.connect_timeout",
    "apache.connect_no_port",
    "apache.connect_denied",
    "apache.connect_failed",
    "apache.socket_denied",
    "apache.socket_queue_full",
    "apache.socket_refused",
    "apache.socket_no_descriptor",
    "apache.worker_in_error",
    "apache.pool_exhausted",
];

/// True for a line that its server writes without the request.
pub(super) fn is_of_server(rule: &Rule) -> bool {
    OF_SERVER.contains(&rule.id.as_ref())
}

/// The line that decides: the last with a cause that is about the entry's backend, else the last with a cause, else the
/// last. `None`: the lines do not tell who failed.
pub(super) fn deciding<'l>(
    lines: &'l [CauseFact],
    upstream: u32,
    matcher: &CauseMatcher,
) -> Option<&'l CauseFact> {
    if lines.iter().any(|fact| may_be_self_made(lines, fact, matcher)) {
        return None;
    }
    let has_cause = |fact: &&CauseFact| {
        matcher.rule(fact.rule).is_some_and(|rule| {
            rule.cause.is_some()
                && !(rule.origin == Origin::Upstream && is_after_no_contact(lines, fact, matcher))
        })
    };
    let mut telling = lines.iter().filter(has_cause);
    let about =
        lines.iter().filter(has_cause).rfind(|fact| upstream != 0 && fact.scope == upstream);
    about.or_else(|| telling.next_back()).or(lines.last())
}

/// True for a line about the status of a backend that a line just before tells was not reached at all. Apache compares the
/// status that it gives itself with `failonstatus`, too.
/// Source: `mod_proxy_balancer.c` (`proxy_balancer_post_request` takes `r->status`, whoever set it).
fn is_after_no_contact(lines: &[CauseFact], fact: &CauseFact, matcher: &CauseMatcher) -> bool {
    fact.scope != 0
        && lines.iter().any(|before| {
            before.scope == fact.scope
                && is_just_before(before, fact)
                && failed_with(before, Scope::UpstreamPeer, matcher)
        })
}

/// The same where no thread is known: the line that names the backend without a client is then not among the lines of
/// the request, so that the attempt that failed may have been at another member.
fn may_be_self_made(lines: &[CauseFact], fact: &CauseFact, matcher: &CauseMatcher) -> bool {
    fact.connection == 0
        && matcher.rule(fact.rule).is_some_and(|rule| rule.origin == Origin::Upstream)
        && lines
            .iter()
            .any(|before| is_just_before(before, fact) && failed_with(before, Scope::Name, matcher))
}

fn is_just_before(before: &CauseFact, fact: &CauseFact) -> bool {
    (0..=SELF_MADE_US).contains(&(fact.at - before.at))
}

/// True for a failed attempt whose line names this.
fn failed_with(fact: &CauseFact, scope: Scope, matcher: &CauseMatcher) -> bool {
    matcher.rule(fact.rule).is_some_and(|rule| {
        rule.origin == Origin::Proxy && rule.kind == RuleKind::Failure && rule.scope == scope
    })
}
