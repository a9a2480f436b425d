//! The small owned facts that leave a block: all that attribution ever sees of a line.
//!
//! In: a parsed record and its place. Out: [`EntryFact`], [`CauseFact`]: fixed-size, `Copy`, free of lifetimes.
//! Invariants: names are hashes; the text is fetched again by position when a report needs it. Hashes are SipHash-1-3
//! with a fixed key, so facts from several machines agree. Times may be local: see [`Flags::ZONELESS`].

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use crate::evidence::Place;
use crate::record::{Escape, split_request, split_url, unescape};

/// Bytes of a request target that take part in its key. Error lines are cut at 2048 bytes in all, so that the first
/// part of a long target is what both logs are sure to hold.
pub const KEYED_TARGET_BYTES: usize = 512;

/// Hash of a name; 0 stands for "none".
pub fn hash_name(name: &[u8]) -> u64 {
    if name.is_empty() {
        return 0;
    }
    let mut hasher = SipHasher13::new_with_keys(0x6c6f_6773_6361_6e35, 0x3033_0000_0000_0001);
    hasher.write(name);
    hasher.finish().max(1)
}

/// Short hash of a name, for the few distinct values (hosts, peers, zones); 0 stands for "none".
pub fn hash_short(name: &[u8]) -> u32 {
    let hash = hash_name(name);
    if hash == 0 { 0 } else { ((hash ^ (hash >> 32)) as u32).max(1) }
}

/// Key of a request: its method and the first [`KEYED_TARGET_BYTES`] bytes of its unescaped target; 0 for no request.
pub fn target_key(escape: Escape, method: &[u8], target: &[u8]) -> u64 {
    target_parts_key(escape, method, target, None)
}

/// [`target_key`] of a target whose path and query are apart: the same as that of `path?query`.
pub fn target_parts_key(escape: Escape, method: &[u8], path: &[u8], query: Option<&[u8]>) -> u64 {
    if method.is_empty() && path.is_empty() && query.is_none() {
        return 0;
    }
    // A cache asks with GET for what it was asked for with HEAD.
    let method = if method == b"HEAD" { b"GET" } else { method };
    // The layers of one request write its target with or without the host.
    let path = split_url(path).map_or(path, |(_, path)| path);
    let mut plain = [0u8; KEYED_TARGET_BYTES];
    let mut n = unescape(escape, path, &mut plain);
    if let (Some(query), Some(mark)) = (query, plain.get_mut(n)) {
        *mark = b'?';
        n += 1;
        n += unescape(escape, query, &mut plain[n..]);
    }
    let mut hasher = SipHasher13::new_with_keys(0x6c6f_6773_6361_6e35, 0x3033_0000_0000_0002);
    hasher.write(method);
    hasher.write_u8(0);
    hasher.write(&plain[..n]);
    hasher.finish().max(1)
}

/// [`target_key`] of a whole request line, as error logs quote it.
pub fn request_line_key(escape: Escape, line: &[u8]) -> u64 {
    let (method, target) = split_request(line);
    target_key(escape, method, target)
}

/// Key of a `Referer`: of the first [`KEYED_TARGET_BYTES`] bytes, unescaped; 0 for none.
pub fn referrer_key(escape: Escape, referrer: &[u8]) -> u32 {
    if referrer == b"-" {
        return 0;
    }
    let mut plain = [0u8; KEYED_TARGET_BYTES];
    let n = unescape(escape, referrer, &mut plain);
    hash_short(&plain[..n])
}

/// Marks on facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Flags(pub u16);

impl Flags {
    /// `at` is a local clock of unknown zone, read as if it were UTC.
    pub const ZONELESS: Flags = Flags(1);
    /// The entry comes from a health checker or monitor.
    pub const PROBE: Flags = Flags(2);
    /// The record was cut, so a missing field says nothing.
    pub const TRUNCATED: Flags = Flags(4);
    /// The entry's layout has a duration.
    pub const TIMED: Flags = Flags(8);
    /// The entry has a body size.
    pub const SIZED: Flags = Flags(16);
    /// The method is HEAD: no body whatever made the response.
    pub const HEAD: Flags = Flags(32);
    /// The layout has a field for the upstream status.
    pub const SEES_UPSTREAM: Flags = Flags(64);
    /// The record has no time of its own.
    pub const TIMELESS: Flags = Flags(128);
    /// The message explains an entry (set by attribution).
    pub const JOINED: Flags = Flags(256);
    /// The entry's time is when the request came in, not when it was answered.
    pub const AT_START: Flags = Flags(512);
    /// The layout is one that several servers write: whose line it is cannot be told from it.
    pub const SHARED_LAYOUT: Flags = Flags(1024);
    /// The entry has no body size, but the size of the whole response in its place (Apache's `%O`).
    pub const SIZED_WITH_HEADERS: Flags = Flags(2048);
    /// The error log has requests that may be the entry's own, though none could be told to be (set by attribution):
    /// its silence says nothing.
    pub const TRACED: Flags = Flags(4096);
    /// The entry's status was not asked for: it only claims its own error lines.
    pub const KIN: Flags = Flags(8192);
    /// Another client's request for the same target failed at the same time, and its line found no entry.
    pub const DOUBTED: Flags = Flags(16_384);

    /// True when all of `other` is set.
    pub const fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Sets `other` when `condition` holds.
    #[must_use]
    pub const fn with(self, other: Flags, condition: bool) -> Flags {
        if condition { Flags(self.0 | other.0) } else { self }
    }
}

/// One access line of a wanted status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EntryFact {
    /// Microseconds: UTC, or local when [`Flags::ZONELESS`]. The instant is the one that the format stamps.
    pub at: i64,
    /// Where the line is.
    pub place: Place,
    /// [`target_key`] of the request.
    pub target_key: u64,
    /// Hash of the client address.
    pub client: u64,
    /// Hash of the path, without query.
    pub path: u64,
    /// Hash of the request id.
    pub id: u64,
    /// Connection number; 0 for none.
    pub connection: u64,
    /// Hash of the host.
    pub host: u32,
    /// Hash of the last upstream address or group; for HTTP.sys, of the request queue (the application pool).
    pub upstream: u32,
    /// [`referrer_key`] of the `Referer`; 0 for none.
    pub referrer: u32,
    /// Duration in milliseconds, when [`Flags::TIMED`].
    pub duration_ms: u32,
    /// Body bytes, when [`Flags::SIZED`]; with headers, when [`Flags::SIZED_WITH_HEADERS`].
    pub body_bytes: u32,
    /// The status.
    pub status: u16,
    /// What the entry's own fields decide: index of a row of `verdict::RULES`.
    pub rule: u16,
    /// Marks.
    pub flags: Flags,
}

impl EntryFact {
    /// The size that tells pages from each other, where the entry has a page.
    pub fn page_bytes(&self) -> Option<u32> {
        let is_sized = self.flags.has(Flags::SIZED) || self.flags.has(Flags::SIZED_WITH_HEADERS);
        (is_sized && !self.flags.has(Flags::HEAD)).then_some(self.body_bytes)
    }
}

/// One message that matched a row of the cause table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CauseFact {
    /// Microseconds: UTC, or local when [`Flags::ZONELESS`]; 0 when [`Flags::TIMELESS`].
    pub at: i64,
    /// Where the message is.
    pub place: Place,
    /// [`target_key`] of the request it names; 0 for none.
    pub target_key: u64,
    /// Hash of the client it names; 0 for none.
    pub client: u64,
    /// Connection number; 0 for none.
    pub connection: u64,
    /// Hash of the host, or else the server name, it names; 0 for none.
    pub host: u32,
    /// Hash of the peer, group, zone or process it is about; 0 for none.
    pub scope: u32,
    /// [`referrer_key`] of the `Referer` it names; 0 for none.
    pub referrer: u32,
    /// Which row of the cause table.
    pub rule: u16,
    /// Marks.
    pub flags: Flags,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_target_in_parts_has_the_key_of_the_whole(
            path in r"/([a-z]|\\x41|\\u0041){0,200}",
            query in r"([a-z=&?]|\\x41){0,300}",
        ) {
            for escape in [Escape::None, Escape::Default, Escape::Json] {
                let parts = target_parts_key(escape, b"GET", path.as_bytes(), Some(query.as_bytes()));
                let whole = format!("{path}?{query}");
                prop_assert_eq!(parts, target_key(escape, b"GET", whole.as_bytes()));
            }
        }
    }
}
