//! How well an error line fits an access line, by what both say beside client, target and time.
//!
//! In: an entry, a message, and their rows of the two tables. Out: a [`Fit`], by which entries compete for lines.
//! The rule: a line about an attempt that failed belongs to no entry that asked no backend, nor to one whose only attempt
//! was answered; a line of nginx to none that names another method, HEAD and GET included. The entry that names the backend or the referrer of the line goes before others, and one that names
//! another backend, host, referrer or method comes last; so does one that was handed to a backend, where the line is that of a limit.
//! Source: nginx `ngx_http_upstream.c` (one line per failed attempt, with the peer's name as in `$upstream_addr`; the
//! `$upstream_*` variables have an item per attempt and are `-` where there was none), `ngx_http_limit_req_module.c` (a
//! limit refuses before a backend is asked).

use super::refused::is_of_limit;
use super::verdict::{Verdict, server_of};
use crate::cause::{Rule, RuleKind, Scope};
use crate::fact::{CauseFact, EntryFact, Flags, method_key, methods_differ};
use crate::taxonomy::{Origin, Server};
use crate::verdict::{Contact, Openness, VerdictRule, writes_access_logs};

/// How well a line fits an entry, beside target and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// Another server wrote it, or the fields of the entry rule it out.
    Not,
    /// The entry names another backend, host, referrer or method, or its request got beyond what the line tells of.
    Elsewhere,
    /// The fields of the entry tell another cause.
    Poorly,
    /// The layout of the entry is one that several servers write.
    Fairly,
    /// Nothing speaks against it.
    Well,
    /// Both name the same backend, or the same referrer.
    Surely,
}

impl Fit {
    /// All that let a line be the entry's, the best first.
    pub(super) const ALL: [Fit; 5] =
        [Fit::Surely, Fit::Well, Fit::Fairly, Fit::Poorly, Fit::Elsewhere];
}

/// How well a line fits an entry.
pub(super) fn fit(entry: &EntryFact, fact: &CauseFact, rule: &Rule) -> Fit {
    let row = Verdict::own(*entry).rule();
    let is_shared = entry.flags.has(Flags::SHARED_LAYOUT);
    let is_foreign = writes_access_logs(rule.server) && server_of(entry.rule) != rule.server;
    if is_foreign && !is_shared || is_ruled_out(entry, row, fact, rule) {
        Fit::Not
    } else if is_elsewhere(entry, fact, rule) {
        Fit::Elsewhere
    } else if row.openness == Openness::Closed && row.cause.is_some() && row.cause != rule.cause {
        Fit::Poorly
    } else if is_shared {
        Fit::Fairly
    } else if is_of_attempt(fact, rule) && entry.upstream == fact.scope
        || fact.referrer != 0 && entry.referrer == fact.referrer
    {
        Fit::Surely
    } else {
        Fit::Well
    }
}

/// True for a line about an attempt of an entry whose list of attempts shows that it was not the last: it tells nothing
/// of how the request ended.
pub(super) fn is_of_earlier_attempt(entry: &EntryFact, fact: &CauseFact, rule: &Rule) -> bool {
    entry.flags.has(Flags::RETRIED)
        && entry.upstream != 0
        && is_failed_attempt(fact, rule)
        && entry.upstream != fact.scope
}

/// True for a line of nginx about a backend that it may have gone on from.
pub(super) fn is_failed_attempt(fact: &CauseFact, rule: &Rule) -> bool {
    rule.kind == RuleKind::Failure && is_of_attempt(fact, rule)
}

/// True for a line of nginx about a backend that gave no answer, where it names that.
fn is_of_attempt(fact: &CauseFact, rule: &Rule) -> bool {
    rule.server == Server::Nginx
        && rule.origin == Origin::Proxy
        && matches!(rule.scope, Scope::UpstreamPeer | Scope::UpstreamGroup)
        && fact.scope != 0
}

fn is_ruled_out(entry: &EntryFact, row: &VerdictRule, fact: &CauseFact, rule: &Rule) -> bool {
    let asked_nobody = row.contact == Contact::None && entry.upstream == 0;
    let is_answer = row.contact == Contact::Answered
        || row.openness == Openness::Closed
            && row.contact != Contact::Kept
            && row.origin == Origin::Upstream
            && entry.upstream != 0;
    let was_answered =
        is_answer && entry.flags.has(Flags::SEES_UPSTREAM) && !entry.flags.has(Flags::RETRIED);
    // Of one server, both logs have the request line as it came.
    let is_of_other = rule.server == Server::Nginx && methods_differ(entry.method, fact.method);
    is_of_other || is_of_attempt(fact, rule) && (asked_nobody || was_answered)
}

fn is_elsewhere(entry: &EntryFact, fact: &CauseFact, rule: &Rule) -> bool {
    let differ = |one: u32, other: u32| one != 0 && other != 0 && one != other;
    let names_other = is_of_attempt(fact, rule)
        && !entry.flags.has(Flags::RETRIED)
        && differ(entry.upstream, fact.scope);
    // The method of the entry may be one that an error page put in its place: GET.
    let was_changed = entry.method == 0 && fact.method != 0 && fact.method != method_key(b"GET");
    names_other
        || differ(entry.host, fact.host)
        || differ(entry.referrer, fact.referrer)
        || was_changed
        || is_of_limit(rule) && entry.upstream != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::CauseMatcher;
    use crate::verdict::rule_index;

    #[track_caller]
    fn check(row: &'static str, entry: EntryFact, line: &str, fact: CauseFact, expected: Fit) {
        let matcher = CauseMatcher::new(Vec::new()).unwrap();
        let rule = (0..u16::MAX).map_while(|idx| matcher.rule(idx)).find(|rule| rule.id == line);
        let entry = EntryFact { rule: rule_index(row), ..entry };
        assert_eq!(fit(&entry, &fact, rule.unwrap()), expected, "{row} {line}");
    }

    #[test]
    fn lines_fit_entries_whose_fields_do_not_speak_against_them() {
        let seen = |upstream, flags: Flags| EntryFact {
            upstream,
            flags: Flags(flags.0 | Flags::SEES_UPSTREAM.0),
            ..EntryFact::default()
        };
        let once = |upstream| seen(upstream, Flags::default());
        let again = |upstream| seen(upstream, Flags::RETRIED);
        let of = |scope| CauseFact { scope, ..CauseFact::default() };
        let (refused, none_live) = ("nginx.connect_refused", "nginx.no_live_upstreams");
        // No backend was asked.
        for row in ["nginx.no_upstream_contact", "nginx.slow_without_upstream"] {
            check(row, once(0), refused, of(7), Fit::Not);
            check(row, once(0), none_live, of(7), Fit::Not);
            check(row, once(0), "nginx.limit_req", of(7), Fit::Well);
            check(row, once(7), refused, of(7), Fit::Surely);
        }
        // The only one answered, or the last of several.
        check("nginx.upstream_status_503", once(7), refused, of(7), Fit::Not);
        check("nginx.upstream_status_503", once(7), none_live, of(8), Fit::Not);
        check("nginx.upstream_status_503", again(7), refused, of(8), Fit::Poorly);
        check("nginx.cached_upstream_error", once(7), refused, of(7), Fit::Poorly);
        check("nginx.upstream_status_503", once(7), "nginx.limit_req", of(9), Fit::Elsewhere);
        // Backends and hosts.
        check("nginx.upstream_502_ambiguous", once(7), refused, of(7), Fit::Surely);
        check("nginx.upstream_502_ambiguous", once(7), refused, of(8), Fit::Elsewhere);
        check("nginx.upstream_502_ambiguous", again(7), refused, of(8), Fit::Well);
        check("nginx.upstream_502_ambiguous", once(7), refused, of(0), Fit::Well);
        let at = |host| EntryFact { host, ..EntryFact::default() };
        let told = CauseFact { host: 3, ..of(7) };
        check("nginx.no_upstream_field", at(3), refused, told, Fit::Well);
        check("nginx.no_upstream_field", at(0), refused, told, Fit::Well);
        check("nginx.no_upstream_field", at(4), refused, told, Fit::Elsewhere);
        check("apache.no_proxy_field", at(3), refused, told, Fit::Not);
        // Referrers and methods.
        let limited = "nginx.limit_req";
        let from = |referrer| EntryFact { referrer, ..EntryFact::default() };
        let told = CauseFact { referrer: 5, method: method_key(b"DELETE"), ..CauseFact::default() };
        let asked = |entry, method| EntryFact { method: method_key(method), ..entry };
        check("nginx.no_upstream_field", asked(from(5), b"DELETE"), limited, told, Fit::Surely);
        check("nginx.no_upstream_field", asked(from(0), b"DELETE"), limited, told, Fit::Well);
        check("nginx.no_upstream_field", asked(from(6), b"DELETE"), limited, told, Fit::Elsewhere);
        check("nginx.no_upstream_field", from(5), limited, told, Fit::Elsewhere);
        check("nginx.no_upstream_field", asked(from(5), b"GET"), limited, told, Fit::Not);
        let head = CauseFact { method: method_key(b"HEAD"), ..CauseFact::default() };
        check("nginx.no_upstream_field", asked(from(0), b"GET"), limited, head, Fit::Not);
        check("nginx.no_upstream_field", asked(from(0), b"HEAD"), limited, head, Fit::Well);
    }
}
