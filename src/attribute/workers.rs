//! Sub-requests of functions at the edge: what a function relayed, where the log has the request it made.
//!
//! In: all entries. Out: the parents of those that an origin answered. A function that ends well may have made the
//! status itself, or have relayed that of a sub-request, which has a line of its own that names its parent.
//! Invariants: a parent counts for one status; more than [`MAX_PARENTS`] are not kept, and then none counts.
//! Source: Cloudflare documentation, `ParentRayID` and `WorkerSubrequest`.

use crate::error::Result;
use crate::fact::EntryFact;
use crate::scan::{JoinKey, ScannedInput};
use crate::store::Sorted;
use crate::taxonomy::{Origin, Server};
use crate::verdict::{RULES, WORKER_RAN, WORKER_RELAYED, rule_index};

/// Memory for parents is bounded: 16 bytes each.
const MAX_PARENTS: usize = 1 << 20;

/// Parents of sub-requests that an origin answered with an error, and its status.
#[derive(Debug, Default)]
pub(super) struct Workers {
    parents: Vec<(u64, u16)>,
}

impl Workers {
    /// Looks at the entries, where a log has such lines at all.
    pub(super) fn of(
        inputs: &[ScannedInput],
        entries: &Sorted<EntryFact, JoinKey>,
    ) -> Result<Self> {
        let has_workers = |input: &ScannedInput| {
            let mut readers = input.plan.iter().flat_map(|plan| plan.detected());
            readers.any(|reader| reader.about().server == Server::Cloudflare)
        };
        let mut workers = Workers::default();
        if !inputs.iter().any(has_workers) {
            return Ok(workers);
        }
        for fact in entries.rows() {
            let fact = fact?;
            let rule = RULES.get(usize::from(fact.rule));
            let is_origins = rule.is_some_and(|rule| {
                rule.origin == Origin::Upstream && rule.id.starts_with(Server::Cloudflare.as_str())
            });
            if is_origins && fact.edge_id != 0 {
                if workers.parents.len() == MAX_PARENTS {
                    return Ok(Workers::default());
                }
                workers.parents.push((fact.edge_id, fact.status));
            }
        }
        workers.parents.sort_unstable();
        workers.parents.dedup();
        Ok(workers)
    }

    /// Notes in an entry that its function relayed what an origin answered.
    pub(super) fn resolve(&self, fact: &mut EntryFact) {
        if !self.parents.is_empty()
            && fact.rule == rule_index(WORKER_RAN)
            && self.parents.binary_search(&(fact.id, fact.status)).is_ok()
        {
            fact.rule = rule_index(WORKER_RELAYED);
        }
    }
}
