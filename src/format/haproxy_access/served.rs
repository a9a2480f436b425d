//! Which backends have servers, as the lines beside each other show.
//!
//! In: a reader and the lines of a head. Out: a reader that marks lines of such backends.
//! Why: a frontend that finds no backend is logged as one whose servers are down, under its own name. A name that has
//! servers in other lines is not such a frontend.
//! Invariants: what is known comes from the head of an input, which a file and a stream share.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::format::{About, Glance, Proposal, Reader};
use crate::record::{AccessRecord, Field, Record, Skip};
use crate::time::Stamp;

/// More names are not kept.
const MAX_NAMES: usize = 256;

/// Lets a reader learn whether a backend was found, where its lines leave that open.
pub(in crate::format) fn with_servers(proposal: Proposal) -> Proposal {
    let reader = Arc::new(Served { inner: proposal.reader, served: Arc::default() });
    Proposal { reader, ..proposal }
}

/// The backends that have servers. None where lines tell by themselves whether a backend was found.
fn served_in(reader: &dyn Reader, head: &[&[u8]]) -> BTreeSet<Box<[u8]>> {
    let mut served: BTreeSet<Box<[u8]>> = BTreeSet::new();
    for line in head {
        let Ok(Record::Access(record)) = reader.parse(line) else { continue };
        let is_told = record.raw(Field::ReceiveTimeMillis).is_some()
            || (record.raw(Field::Frontend).is_some() && record.raw(Field::Backend).is_none());
        if is_told {
            return BTreeSet::new();
        }
        if let (Some(backend), Some(server)) =
            (record.value(Field::Backend), record.value(Field::BackendServer))
            && !server.starts_with(b"<")
            && served.len() < MAX_NAMES
            && !served.contains(backend)
        {
            served.insert(backend.into());
        }
    }
    served
}

/// Reads lines as another reader does, and marks those of backends that have servers.
#[derive(Debug)]
struct Served {
    inner: Arc<dyn Reader>,
    served: Arc<BTreeSet<Box<[u8]>>>,
}

impl Served {
    fn mark(&self, access: &mut AccessRecord<'_>) {
        if let Some(backend) = access.value(Field::Backend)
            && self.served.contains(backend)
        {
            access.set(Field::ServedBackend, backend);
        }
    }
}

impl Reader for Served {
    fn about(&self) -> &About {
        self.inner.about()
    }

    fn glance<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        self.inner.glance(line)
    }

    fn stamp(&self, text: &[u8]) -> Option<Stamp> {
        self.inner.stamp(text)
    }

    fn carried(&self) -> i64 {
        self.inner.carried()
    }

    fn lacks_time(&self) -> bool {
        self.inner.lacks_time()
    }

    fn written_at(&self, line: &[u8]) -> Option<i64> {
        self.inner.written_at(line)
    }

    fn in_zone(&self, offset_s: i32) -> Option<Arc<dyn Reader>> {
        let inner = self.inner.in_zone(offset_s)?;
        Some(Arc::new(Served { inner, served: Arc::clone(&self.served) }))
    }

    fn taught_by(&self, head: &[&[u8]]) -> Option<Arc<dyn Reader>> {
        let served = served_in(self.inner.as_ref(), head);
        if served.is_empty() {
            return None;
        }
        Some(Arc::new(Served { inner: Arc::clone(&self.inner), served: Arc::new(served) }))
    }

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        let mut record = self.inner.parse(record)?;
        if let Record::Access(access) = &mut record {
            self.mark(access);
        }
        Ok(record)
    }

    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        self.inner.each_field(record, each);
    }
}
