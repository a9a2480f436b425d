//! Requests that a limit refused with a status of its own: 429, or nginx's 444.
//!
//! In: facts. Out: which entries may be such requests, and which lines are theirs.
//! The rule: `limit_req_status` and `limit_conn_status` hold for a place of the configuration, so that a line about a limit
//! belongs to the request that was answered with such a status before it belongs to one with another status. A 503 beside
//! it that may have written the line as well is not explained by it, and its own lack of a line says nothing.
//! Source: `ngx_http_limit_req_module.c`, `ngx_http_limit_conn_module.c` (the line is written where the request is refused).

use crate::cause::{Rule, RuleKind};
use crate::fact::{EntryFact, Flags, REFUSED};
use crate::taxonomy::{Cause, Origin, Server};

/// True for an entry that a limit may have refused: no backend was asked.
pub(super) fn is_refused(fact: &EntryFact) -> bool {
    REFUSED.contains(&fact.status) && fact.upstream == 0
}

/// True for an entry of such a status that nobody asked for: it takes the line of its limit, and nothing else.
pub(super) fn is_bystander(fact: &EntryFact) -> bool {
    REFUSED.contains(&fact.status) && fact.flags.has(Flags::KIN)
}

/// True for a line that a limit writes when it refuses a request.
pub(super) fn is_of_limit(rule: &Rule) -> bool {
    let is_limit = matches!(
        rule.cause,
        Some(Cause::RateLimited | Cause::ConnectionLimit | Cause::MemoryExhausted)
    );
    is_limit
        && rule.server == Server::Nginx
        && rule.kind == RuleKind::FinalFailure
        && rule.origin == Origin::LocalProcess
}
