//! What an event is about: an application pool or a site of IIS, as its text or its data name it.
//!
//! In: names. Out: [`About`], and whether an entry is of the same.
//! Invariants: a number of a site and a name of one tell nothing about each other; programs are about no pool.

use crate::fact::{EntryFact, pool_key, site_key, sites_differ};

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct About {
    /// The application pool; 0 for not told.
    pub(super) pool: u32,
    /// The site; 0 for not told.
    pub(super) site: u32,
}

impl About {
    /// Whether it is about the application of an entry. `None`: one of them does not tell.
    pub(super) fn names(self, entry: &EntryFact) -> Option<bool> {
        if self.pool != 0 && entry.upstream != 0 {
            return Some(self.pool == entry.upstream);
        }
        let is_told = self.site != 0 && entry.site != 0;
        sites_differ(self.site, entry.site).filter(|_| is_told).map(|differ| !differ)
    }

    /// What a name is of: a pool, or the site in `/LM/W3SVC/1/ROOT/app` and `MACHINE/WEBROOT/APPHOST/Site/app`.
    pub(super) fn named(name: &[u8]) -> Self {
        let path = b"/LM/W3SVC/";
        if name.get(..path.len()).is_some_and(|head| head.eq_ignore_ascii_case(path)) {
            let site = name[path.len()..].split(|byte| *byte == b'/').next().unwrap_or_default();
            return About { site: site_key(site), pool: 0 };
        }
        let path = b"MACHINE/WEBROOT/APPHOST/";
        if name.get(..path.len()).is_some_and(|head| head.eq_ignore_ascii_case(path)) {
            let site = name[path.len()..].split(|byte| *byte == b'/').next().unwrap_or_default();
            return About { site: site_key(site), pool: 0 };
        }
        // Programs are about no pool.
        if name.is_empty() || name.contains(&b'/') || memchr::memmem::find(name, b".exe").is_some()
        {
            return About::default();
        }
        About { pool: pool_key(name), site: 0 }
    }
}
