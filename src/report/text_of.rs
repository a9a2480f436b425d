//! Places -> the text that stands there: quoted lines, and the names that facts only hold as hashes.
//!
//! In: a [`Place`] and the scanned inputs. Out: text as UTF-8.
//! Invariants: only the record at the place is read; what cannot be read again is `None`.

use crate::cause::scope::{host_name, upstream_peer};
use crate::cause::{CauseMatcher, Scope};
use crate::evidence::Place;
use crate::fact::path_template;
use crate::format::About;
use crate::record::{AccessRecord, ErrorRecord, Field, split_request, unescape};
use crate::scan::{ScannedInput, ending_of, host_of, read_access, upstream_of};

/// Bytes of a quoted line.
pub const QUOTED_BYTES: usize = 512;

/// The inputs, to read records again.
#[derive(Debug, Clone, Copy)]
pub struct Texts<'i> {
    /// All inputs.
    pub inputs: &'i [ScannedInput],
    /// The cause table, to tell what a message is about.
    pub matcher: &'i CauseMatcher,
}

/// Which name of an access line is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// The path, without query.
    Path,
    /// The path's template: ids in it folded.
    Template,
    /// The host.
    Host,
    /// The last upstream; for HTTP.sys, the request queue.
    Upstream,
    /// The request queue of HTTP.sys, which is named as its application pool.
    Queue,
    /// The server's own code for how the request ended.
    Ending,
    /// The client.
    Client,
}

impl<'i> Texts<'i> {
    /// The record at a place.
    pub fn bytes(&self, place: Place) -> Option<Vec<u8>> {
        self.inputs.get(place.position.input as usize)?.fetch(place)
    }

    /// The first [`QUOTED_BYTES`] bytes of the record, as UTF-8.
    pub fn quote(&self, place: Place) -> Option<String> {
        self.bytes(place).map(|bytes| quoted(&bytes))
    }

    /// Calls `read` with the access record at a place.
    pub fn access<T>(&self, place: Place, read: impl FnOnce(&AccessRecord<'_>) -> T) -> Option<T> {
        let input = self.inputs.get(place.position.input as usize)?;
        let bytes = input.fetch(place)?;
        read_access(input.plan_at(place.position.offset)?, &bytes, |_, record| read(record))
    }

    /// What is known of the reader that understands the access line at a place.
    pub fn about(&self, place: Place) -> Option<&'i About> {
        let input = self.inputs.get(place.position.input as usize)?;
        let plan = input.plan_at(place.position.offset)?;
        let bytes = input.fetch(place)?;
        let reader = read_access(plan, &bytes, |reader, _| reader).unwrap_or(0);
        plan.readers.get(reader).map(|reader| reader.about())
    }

    /// Calls `read` with the message at a place.
    pub fn message<T>(&self, place: Place, read: impl FnOnce(&ErrorRecord<'_>) -> T) -> Option<T> {
        self.inputs.get(place.position.input as usize)?.message(place, read)
    }

    /// A name in the access line, or else in the message, at a place.
    pub fn name(&self, place: Place, name: Name) -> Option<String> {
        let found = self.access(place, |record| {
            let raw = match name {
                Name::Path | Name::Template => record.target_parts().0,
                Name::Host => host_of(record),
                Name::Upstream => upstream_of(record).unwrap_or_default(),
                Name::Queue => record.value(Field::QueueName).unwrap_or_default(),
                Name::Ending => ending_of(record).unwrap_or_default(),
                Name::Client => record.value(Field::RemoteAddr).unwrap_or_default(),
            };
            if name == Name::Template {
                return unescaped(record, &path_template(raw));
            }
            unescaped(record, raw)
        });
        found.or_else(|| {
            self.message(place, |record| {
                let raw = match name {
                    Name::Path | Name::Template => {
                        let (_, target) = split_request(record.request.unwrap_or_default());
                        memchr::memchr(b'?', target).map_or(target, |query| &target[..query])
                    }
                    Name::Host => host_name(record).unwrap_or_default(),
                    Name::Upstream => upstream_peer(record.upstream.unwrap_or_default()),
                    Name::Client => record.client.unwrap_or_default(),
                    Name::Queue | Name::Ending => b"",
                };
                quoted(raw)
            })
        })
    }

    /// What the message at a place is about: the kind of name, and the name.
    pub fn scope(&self, place: Place) -> Option<(Scope, String)> {
        let input = self.inputs.get(place.position.input as usize)?;
        let (rule, name) = input.scope(place, self.matcher)?;
        let rule = self.matcher.rule(rule)?;
        (!name.is_empty()).then(|| (rule.scope, quoted(&name)))
    }
}

/// The field under which a scope stands in outputs.
pub const fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::UpstreamPeer => "peer",
        Scope::UpstreamGroup => "upstream",
        Scope::Zone => "zone",
        Scope::Host => "host",
        Scope::Path => "path",
        Scope::Process => "process",
        Scope::Name | Scope::None => "name",
    }
}

/// The start of a record as UTF-8; what is no UTF-8 becomes U+FFFD.
pub fn quoted(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(QUOTED_BYTES)]).into_owned()
}

/// A value with its escapes undone, as UTF-8.
pub fn unescaped(record: &AccessRecord<'_>, raw: &[u8]) -> String {
    let mut plain = vec![0; raw.len()];
    let n = unescape(record.escape, raw, &mut plain);
    String::from_utf8_lossy(&plain[..n]).into_owned()
}
