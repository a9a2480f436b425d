//! What the scan of every block needs to know: which statuses matter, and by which rules messages are known.

use crate::cause::CauseMatcher;
use crate::fact::{EntryFact, REFUSED};
use crate::format::About;
use crate::taxonomy::Server;

/// What the scan of every block needs to know.
#[derive(Debug)]
pub(in crate::scan) struct Context<'c> {
    /// Statuses whose lines become facts.
    pub wanted: [bool; 1000],
    /// Statuses whose facts are entries.
    pub chosen: [bool; 1000],
    /// The cause table.
    pub matcher: &'c CauseMatcher,
    /// Every line is wanted, and no facts.
    pub every_line: bool,
}

impl Context<'_> {
    /// True for a status that only lines of nginx's limits are joined by, and that nobody asked for, of another server.
    pub(super) fn is_in_vain(&self, about: &About, status: u16) -> bool {
        let is_of_others = || {
            !matches!(about.server, Server::Nginx | Server::Unknown)
                && about.ambiguous_with != Some(Server::Nginx)
        };
        self.is_bystander(status) && is_of_others()
    }

    /// True for a fact of such a status that no line of a limit can belong to: a backend was asked, or nothing joins it.
    pub(super) fn is_idle(&self, fact: &EntryFact) -> bool {
        self.is_bystander(fact.status) && (fact.upstream != 0 || fact.target_key == 0)
    }

    fn is_bystander(&self, status: u16) -> bool {
        REFUSED.contains(&status) && !self.chosen[usize::from(status.min(999))]
    }
}
