//! Backends that are applications: what answers there is made there, even where its access log does not tell.
//!
//! In: messages in which application servers say where they listen, and backends as proxies name them. Out: the backends
//! that are such servers.
//! Invariants: a server that listens on every address of its machine is known by its port.

use std::collections::{BTreeMap, BTreeSet};

use crate::cause::CauseMatcher;
use crate::error::Result;
use crate::evidence::Place;
use crate::fact::CauseFact;
use crate::scan::{JoinKey, ScannedInput};
use crate::store::Sorted;

/// The row of the cause table for messages that tell the address.
const LISTENING: &str = "app.listening";

/// More servers and backends than this are not looked at.
const MAX_NAMES: usize = 512;

/// The addresses at which application servers said that they listen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listeners {
    addresses: BTreeSet<Vec<u8>>,
    /// Ports of those that listen on every address.
    ports: BTreeSet<Vec<u8>>,
}

impl Listeners {
    /// Collects them.
    pub(crate) fn of(
        inputs: &[ScannedInput],
        causes: &Sorted<CauseFact, JoinKey>,
        matcher: &CauseMatcher,
    ) -> Result<Self> {
        let mut listeners = Listeners::default();
        for fact in causes.rows() {
            let fact = fact?;
            if fact.target_key != 0 {
                break;
            }
            if matcher.rule(fact.rule).is_some_and(|rule| rule.id == LISTENING)
                && let Some(address) = address_in(inputs, &fact, matcher)
            {
                listeners.add(&address);
            }
        }
        Ok(listeners)
    }

    fn add(&mut self, address: &[u8]) {
        if self.addresses.len() + self.ports.len() >= MAX_NAMES {
            return;
        }
        let Some(colon) = memchr::memrchr(b':', address) else { return };
        let (host, port) = (&address[..colon], &address[colon + 1..]);
        if matches!(host, b"0.0.0.0" | b"[::]" | b"*" | b"") {
            self.ports.insert(port.to_vec());
        } else {
            self.addresses.insert(address.to_vec());
        }
    }

    /// True when such a server listens at the address of a backend.
    fn holds(&self, backend: &[u8]) -> bool {
        let port = memchr::memrchr(b':', backend).map(|colon| &backend[colon + 1..]);
        self.addresses.contains(backend) || port.is_some_and(|port| self.ports.contains(port))
    }

    /// Those of these backends that are application servers; each with a line that names it.
    pub(super) fn among(
        &self,
        inputs: &[ScannedInput],
        backends: &BTreeMap<u32, Place>,
    ) -> BTreeSet<u32> {
        if self.addresses.is_empty() && self.ports.is_empty() {
            return BTreeSet::new();
        }
        let known = backends.iter().filter(|(backend, place)| {
            let input = inputs.get(place.position.input as usize);
            let name = input.and_then(|input| input.backend(**backend, **place));
            name.is_some_and(|name| self.holds(&name))
        });
        known.map(|(backend, _)| *backend).collect()
    }
}

fn address_in(
    inputs: &[ScannedInput],
    fact: &CauseFact,
    matcher: &CauseMatcher,
) -> Option<Vec<u8>> {
    let input = inputs.get(fact.place.position.input as usize)?;
    input.scope_of(fact, matcher).map(|(_, address)| address)
}

/// Notes one line per backend.
pub(super) fn note_backend(backends: &mut BTreeMap<u32, Place>, backend: u32, place: Place) {
    if backend != 0 && (backends.len() < MAX_NAMES || backends.contains_key(&backend)) {
        let kept = backends.entry(backend).or_insert(place);
        if place.position < kept.position {
            *kept = place;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backends_are_known_by_address_or_by_the_port_of_a_wildcard() {
        let mut listeners = Listeners::default();
        for address in ["127.0.0.1:8000", "0.0.0.0:9000", "[::]:9001", "no port"] {
            listeners.add(address.as_bytes());
        }
        let check = |backend: &str, is_known| {
            assert_eq!(listeners.holds(backend.as_bytes()), is_known, "{backend}");
        };
        check("127.0.0.1:8000", true);
        check("10.0.0.1:8000", false);
        check("10.0.0.1:9000", true);
        check("[fd00::1]:9001", true);
        check("unix:/run/app.sock", false);
    }
}
