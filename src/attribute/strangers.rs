//! Whether access log and error log name the same client for the same request.
//!
//! In: the sorted stores of entries and messages. Out: true when they do not: behind a load balancer one log may name the
//! balancer and the other the client that it forwards for. Learned from targets that stand in one entry and one message.
//! Invariants: a property of the whole run; too few targets tell nothing, and clients are believed.

use super::companions::Companions;
use super::zones::Zones;
use super::{peek_key, verdict::server_of};
use crate::cause::CauseMatcher;
use crate::error::Result;
use crate::fact::{CauseFact, EntryFact, Flags};
use crate::scan::JoinKey;
use crate::store::Sorted;
use crate::taxonomy::Server;
use crate::time::SECOND_US;

/// Fewer targets tell nothing.
const MIN_TARGETS: u64 = 20;

/// How far entry and message of one request may be apart, beside the duration.
const NEAR_US: i64 = 3 * SECOND_US;

/// What one store has of a target.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    n: u64,
    client: u64,
    at: i64,
    duration_us: i64,
}

impl Seen {
    fn note(&mut self, client: u64, at: i64, duration_us: i64) {
        *self = Seen { n: self.n + 1, client, at, duration_us };
    }
}

/// True when most requests that stand once in either log are of different clients there.
pub(super) fn clients_differ(
    entries: &Sorted<EntryFact, JoinKey>,
    causes: &Sorted<CauseFact, JoinKey>,
    matcher: &CauseMatcher,
    companions: &Companions,
    zones: &Zones,
) -> Result<bool> {
    if !companions.any_error_log() {
        return Ok(false);
    }
    let (mut n_same, mut n_other) = (0u64, 0u64);
    let mut entry_rows = entries.rows().peekable();
    let mut cause_rows = causes.rows().peekable();
    while let Some(target) = peek_key(&mut cause_rows, |fact: &CauseFact| fact.target_key)? {
        let (mut said, mut served) = (Seen::default(), Seen::default());
        while let Some(row) =
            cause_rows.next_if(|row| row.as_ref().is_ok_and(|fact| fact.target_key == target))
        {
            let mut fact = row?;
            let explains =
                matcher.rule(fact.rule).is_some_and(|rule| rule.kind.explains_requests());
            if target != 0 && explains && !fact.flags.has(Flags::TIMELESS) {
                zones.resolve_cause(&mut fact);
                said.note(fact.client, fact.at, 0);
            }
        }
        while let Some(row) =
            entry_rows.next_if(|row| row.as_ref().is_ok_and(|fact| fact.target_key <= target))
        {
            let mut fact = row?;
            if fact.target_key == target && server_of(fact.rule) == Server::Nginx {
                zones.resolve_entry(&mut fact);
                served.note(fact.client, fact.at, i64::from(fact.duration_ms) * 1000);
            }
        }
        let is_pair = said.n == 1
            && served.n == 1
            && (served.at - said.at).abs() <= NEAR_US + served.duration_us;
        n_same += u64::from(is_pair && said.client == served.client);
        n_other += u64::from(is_pair && said.client != served.client);
    }
    Ok(n_same + n_other >= MIN_TARGETS && n_other > n_same)
}
