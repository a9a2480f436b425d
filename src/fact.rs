//! The small owned facts that leave a block: all that attribution ever sees of a line.
//!
//! In: a parsed record and its place. Out: [`EntryFact`], [`CauseFact`]: fixed-size, `Copy`, free of lifetimes.
//! Invariants: names are hashes; the text is fetched again by position when a report needs it. Hashes are SipHash-1-3
//! with a fixed key, so facts from several machines agree. Times may be local: see [`Flags::ZONELESS`].

mod machine;
mod methods;

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use crate::evidence::Place;
use crate::record::{Escape, plain_id, split_request, split_url, unescape};

pub use machine::{Machine, machine_key, machines_agree, pool_key, site_key, sites_differ};
pub use methods::{asked_method, method_key, methods_agree, methods_differ};

/// Statuses by which limits of nginx may refuse requests: too many of them; and what it logs where it closes the connection
/// without an answer.
pub const REFUSED: [u16; 2] = [429, 444];

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
    shortened(hash_name(name))
}

/// [`hash_short`] of the name with this hash.
pub fn shortened(hash: u64) -> u32 {
    if hash == 0 { 0 } else { ((hash ^ (hash >> 32)) as u32).max(1) }
}

/// Hash of a path's template (see [`path_template`]); 0 for no path.
pub fn hash_path(path: &[u8]) -> u64 {
    if path.is_empty() {
        return 0;
    }
    let mut hasher = SipHasher13::new_with_keys(0x6c6f_6773_6361_6e35, 0x3033_0000_0000_0003);
    each_template_part(path, &mut |part| hasher.write(part));
    hasher.finish().max(1)
}

/// A path with the ids in it folded: `/orders/17/items/1f6e.../a.png` and `/orders/18/...` are one template.
///
/// A segment is an id when it is a number, digits with hyphens or the like between them (a date), a UUID, eight or more
/// hexadecimal digits with a decimal one among them, or a token of twenty or more letters and digits of which a fifth are
/// digits. A file name extension stays.
pub fn path_template(path: &[u8]) -> Vec<u8> {
    let mut template = Vec::with_capacity(path.len());
    each_template_part(path, &mut |part| template.extend_from_slice(part));
    template
}

/// Hands out the parts of a path's template: stretches of the path as they are, and `{id}` between them.
fn each_template_part(path: &[u8], each: &mut impl FnMut(&[u8])) {
    if !path.iter().any(u8::is_ascii_digit) {
        return each(path);
    }
    let (mut plain_from, mut start) = (0, 0);
    while start <= path.len() {
        let length = memchr::memchr(b'/', &path[start..]);
        let end = length.map_or(path.len(), |length| start + length);
        let segment = &path[start..end];
        let dot = memchr::memrchr(b'.', segment).filter(|dot| {
            let extension = &segment[dot + 1..];
            (1..=5).contains(&extension.len()) && extension[0].is_ascii_alphabetic()
        });
        let stem = &segment[..dot.unwrap_or(segment.len())];
        if is_id(stem) {
            each(&path[plain_from..start]);
            each(b"{id}");
            plain_from = start + stem.len();
        }
        start = end + 1;
    }
    each(&path[plain_from..]);
}

fn is_id(segment: &[u8]) -> bool {
    let n_digits = segment.iter().filter(|byte| byte.is_ascii_digit()).count();
    if n_digits == 0 {
        return false;
    }
    let all = |is: fn(&u8) -> bool| segment.iter().all(is);
    n_digits == segment.len()
        || (n_digits >= 4 && all(|byte| byte.is_ascii_digit() || b"-_:.".contains(byte)))
        || (segment.len() >= 8 && all(|byte| byte.is_ascii_hexdigit() || *byte == b'-'))
        || (segment.len() >= 20
            && n_digits * 5 >= segment.len()
            && all(|byte| byte.is_ascii_alphanumeric() || b"-_=".contains(byte)))
}

/// Key of a request: the first [`KEYED_TARGET_BYTES`] bytes of its unescaped target; 0 for no request. The method is no part
/// of it: not every log has the method that was asked for, see [`method_key`].
pub fn target_key(escape: Escape, method: &[u8], target: &[u8]) -> u64 {
    target_parts_key(escape, method, target, None)
}

/// [`target_key`] of a target whose path and query are apart: the same as that of `path?query`.
pub fn target_parts_key(escape: Escape, method: &[u8], path: &[u8], query: Option<&[u8]>) -> u64 {
    if method.is_empty() && path.is_empty() && query.is_none() {
        return 0;
    }
    // The layers of one request write its target with or without the host.
    let path = split_url(path).map_or(path, |(_, path)| path);
    let mut plain = [0u8; KEYED_TARGET_BYTES];
    let n = plain_target(escape, path, query, &mut plain);
    plain_key(&plain[..n])
}

/// [`target_key`] of a whole request line, as error logs quote it.
pub fn request_line_key(escape: Escape, line: &[u8]) -> u64 {
    let (method, target) = split_request(line);
    target_key(escape, method, target)
}

/// Key of a request id, the same on every hop: see [`plain_id`]; 0 for none, and for what is no id.
pub fn id_key(raw: &[u8]) -> u64 {
    let id = plain_id(raw);
    // Shorter values, and those of one letter, are counters and placeholders.
    let is_id = id.len() >= 8 && id.iter().any(|byte| *byte != id[0]);
    let mut lower = [0u8; 128];
    let n = id.len().min(lower.len());
    lower[..n].copy_from_slice(&id[..n]);
    // Only hexadecimal ids are written in either case.
    if lower[..n].iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-') {
        lower[..n].make_ascii_lowercase();
    }
    if is_id { hash_name(&lower[..n]) } else { 0 }
}

/// Key of a request that is the same in the logs of a proxy and its backend, which write a target differently: with or
/// without scheme and host, percent-encoded once, twice or not at all, blanks as `+`. It is [`target_parts_key`] of what
/// is left when all that is decoded; 0 for no request.
pub fn hop_key(escape: Escape, method: &[u8], path: &[u8], query: Option<&[u8]>) -> u64 {
    let mut plain = [0u8; 2 * KEYED_TARGET_BYTES];
    let n = plain_target(escape, origin_form(path), query.filter(|it| !it.is_empty()), &mut plain);
    if method.is_empty() { 0 } else { decoded_key(&mut plain, n) }
}

/// [`target_parts_key`] and [`hop_key`] of a request.
pub fn request_keys(
    escape: Escape,
    method: &[u8],
    path: &[u8],
    query: Option<&[u8]>,
) -> (u64, u64) {
    // Most targets are short, and hold nothing to decode: both keys are one.
    if !method.is_empty() && path.first() == Some(&b'/') && query.is_none_or(|it| !it.is_empty()) {
        let mut plain = [0u8; 2 * KEYED_TARGET_BYTES];
        let n = plain_target(escape, path, query, &mut plain);
        if n < KEYED_TARGET_BYTES {
            let key = plain_key(&plain[..n]);
            let is_plain = memchr::memchr2(b'%', b'+', &plain[..n]).is_none();
            return (key, if is_plain { key } else { decoded_key(&mut plain, n) });
        }
    }
    (target_parts_key(escape, method, path, query), hop_key(escape, method, path, query))
}

/// Writes the unescaped target, as much of it as there is room for; returns its length.
fn plain_target(escape: Escape, path: &[u8], query: Option<&[u8]>, plain: &mut [u8]) -> usize {
    let mut n = unescape(escape, path, plain);
    if let (Some(query), Some(mark)) = (query, plain.get_mut(n)) {
        *mark = b'?';
        n += 1;
        n += unescape(escape, query, &mut plain[n..]);
    }
    n
}

/// The key of an unescaped target.
fn plain_key(target: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(0x6c6f_6773_6361_6e35, 0x3033_0000_0000_0002);
    hasher.write(target);
    hasher.finish().max(1)
}

/// The key of the decoded form of the unescaped target that is in the first `n` bytes.
fn decoded_key(plain: &mut [u8], mut n: usize) -> u64 {
    if n == 0 {
        return 0;
    }
    for _ in 0..3 {
        let before = n;
        n = percent_decoded(&mut plain[..n]);
        if n == before {
            break;
        }
    }
    plain_key(&plain[..n.min(KEYED_TARGET_BYTES)])
}

/// Keys of the last and the last but one address in an `X-Forwarded-For`; 0 for none. Earlier ones come from the client,
/// who may write anything.
pub fn forwarded_keys(raw: &[u8]) -> [u32; 2] {
    let mut addresses = raw.rsplit(|byte| *byte == b',').map(<[u8]>::trim_ascii).map(hash_short);
    [addresses.next().unwrap_or(0), addresses.next().unwrap_or(0)]
}

/// Key of the address and port that a server listens on, spelled as a proxy in front spells its backend; 0 unless both
/// are known.
pub fn listen_key(address: &[u8], port: &[u8]) -> u32 {
    let mut text = [0u8; 64];
    let is_v6 = memchr::memchr(b':', address).is_some();
    let parts: [&[u8]; 5] =
        if is_v6 { [b"[", address, b"]", b":", port] } else { [b"", address, b"", b":", port] };
    if address.is_empty()
        || port.is_empty()
        || parts.iter().map(|part| part.len()).sum::<usize>() > text.len()
    {
        return 0;
    }
    let mut n = 0;
    for part in parts {
        text[n..n + part.len()].copy_from_slice(part);
        n += part.len();
    }
    hash_short(&text[..n])
}

/// `/a` of `http://example.com/a`; other targets stay as they are.
pub fn origin_form(target: &[u8]) -> &[u8] {
    let head = &target[..target.len().min(8)];
    let Some(mark) = memchr::memmem::find(head, b"://").filter(|mark| *mark > 0) else {
        return target;
    };
    let rest = &target[mark + 3..];
    memchr::memchr(b'/', rest).map_or(b"/", |path| &rest[path..])
}

/// Decodes `%XX` in place, and `+` to a blank; returns the new length.
fn percent_decoded(bytes: &mut [u8]) -> usize {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| (*byte as char).to_digit(16));
    let (mut from, mut to) = (0, 0);
    while from < bytes.len() {
        let (byte, used) =
            match (bytes[from], digit(bytes.get(from + 1)), digit(bytes.get(from + 2))) {
                (b'%', Some(high), Some(low)) => ((high * 16 + low) as u8, 3),
                (b'+', _, _) => (b' ', 1),
                (byte, _, _) => (byte, 1),
            };
        bytes[to] = byte;
        (from, to) = (from + used, to + 1);
    }
    to
}

/// Key of the `Referer` of a request that had none, where its line would tell.
pub const NO_REFERRER: u32 = 1;

/// Key of a `Referer`: of the first [`KEYED_TARGET_BYTES`] bytes, unescaped; 0 for none.
pub fn referrer_key(escape: Escape, referrer: &[u8]) -> u32 {
    if referrer == b"-" {
        return 0;
    }
    let mut plain = [0u8; KEYED_TARGET_BYTES];
    let n = unescape(escape, referrer, &mut plain);
    hash_short(&plain[..n])
}

/// Key of the `Referer` of an entry: [`NO_REFERRER`] where the layout has the field and the line does not; 0 where the
/// layout lacks it.
pub fn entry_referrer_key(escape: Escape, referrer: Option<&[u8]>) -> u32 {
    referrer.map_or(0, |text| referrer_key(escape, text).max(NO_REFERRER))
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
    /// The entry's status was not asked for: it only claims its own error lines. Of messages: this one decides an entry
    /// that was answered with a kin status (set by attribution).
    pub const KIN: Flags = Flags(8192);
    /// Another client's request for the same target failed at the same time, and its line found no entry.
    pub const DOUBTED: Flags = Flags(16_384);
    /// The message is about a subrequest, whose failure need not be that of the request. Entries have their size here.
    pub const OF_SUBREQUEST: Flags = Flags::SIZED;
    /// The entry lists several attempts at backends. Messages have their join here.
    pub const RETRIED: Flags = Flags::JOINED;
    /// The request id is no client's, and the log may deliver the line twice: the same id is the same request.
    pub const REDELIVERED: Flags = Flags(32_768);

    /// True when all of `other` is set.
    pub const fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Sets `other` when `condition` holds.
    #[must_use]
    pub const fn with(self, other: Flags, condition: bool) -> Flags {
        if condition { Flags(self.0 | other.0) } else { self }
    }

    /// Takes a flag away.
    #[must_use]
    pub const fn without(self, other: Flags) -> Flags {
        Flags(self.0 & !other.0)
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
    /// [`hash_path`] of the path, without query.
    pub path: u64,
    /// Hash of the request id as it stands in the line.
    pub id: u64,
    /// [`id_key`] of the request id.
    pub request: u64,
    /// [`id_key`] of the trace.
    pub trace: u64,
    /// [`id_key`] of the id that a delivery network gave.
    pub edge_id: u64,
    /// [`hop_key`] of the request.
    pub hop: u64,
    /// Connection number; 0 for none.
    pub connection: u64,
    /// Hash of the host.
    pub host: u32,
    /// Hash of the last upstream address or group; for HTTP.sys, of the request queue (the application pool).
    pub upstream: u32,
    /// Hash of the server's own code for how the request ended: `HAProxy`'s termination state, Envoy's flags; 0 for none.
    pub ending: u32,
    /// Hash of the id that Apache gives to the error lines of a request (`%L`); 0 for none.
    pub log_id: u32,
    /// Hash of the number of the IIS site; 0 for none.
    pub site: u32,
    /// Hash of the server's own address and port, where the line has them.
    pub listen: u32,
    /// Hash of the server's own address.
    pub server: u32,
    /// Hash of the last address in `X-Forwarded-For`: the client of the hop before.
    pub forwarded: u32,
    /// Hash of the address before that.
    pub forwarded_before: u32,
    /// [`machine_key`] of what wrote the line, where it or its envelope names that; 0 for none.
    pub machine: u32,
    /// [`entry_referrer_key`] of the `Referer`.
    pub referrer: u32,
    /// Duration in milliseconds, when [`Flags::TIMED`].
    pub duration_ms: u32,
    /// Body bytes, when [`Flags::SIZED`]; with headers, when [`Flags::SIZED_WITH_HEADERS`].
    pub body_bytes: u32,
    /// The status.
    pub status: u16,
    /// [`method_key`] of the method; 0 where it may not be the one that was asked with.
    pub method: u16,
    /// What the entry's own fields decide: index of a row of `verdict::RULES`.
    pub rule: u16,
    /// Marks.
    pub flags: Flags,
}

impl EntryFact {
    /// What the line says, but for when and where it was written: it puts lines of one instant in an order that does not
    /// depend on how they were handed over.
    pub fn content(&self) -> impl Ord + use<> {
        let EntryFact { request, id, hop, target_key, client, trace, edge_id, .. } = *self;
        let names = (self.host, self.upstream, self.ending, self.referrer, self.forwarded);
        let names = (names, self.machine, self.log_id);
        let numbers = (self.connection, self.duration_ms, self.body_bytes, self.status);
        let marks = (self.rule, self.flags, self.place.length);
        (numbers, names, [request, id, hop, target_key, client, trace, edge_id], marks)
    }

    /// True for what a server answered with the status of a gateway, where others was asked for: stock nginx says 502 where
    /// no backend is left, and 504 where one was too slow.
    pub fn is_kin_failure(&self) -> bool {
        self.flags.has(Flags::KIN) && matches!(self.status, 502 | 504)
    }

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
    /// [`machine_key`] of what wrote the message, where it or its envelope names that; 0 for none.
    pub machine: u32,
    /// [`referrer_key`] of the `Referer` it names; 0 for none.
    pub referrer: u32,
    /// Hash of the log id of the request it names; 0 for none.
    pub log_id: u32,
    /// Hash of the path of the request it names, without the rest of the target: see [`shortened`]; 0 for none.
    pub path: u32,
    /// [`method_key`] of the request it names; 0 for none.
    pub method: u16,
    /// Which row of the cause table.
    pub rule: u16,
    /// Marks.
    pub flags: Flags,
}

impl CauseFact {
    /// What the message says, but for when and where it was written: see [`EntryFact::content`].
    pub fn content(&self) -> impl Ord + use<> {
        let CauseFact { scope, rule, referrer, host, machine, target_key, client, .. } = *self;
        let of_request = (self.log_id, self.path);
        (scope, rule, referrer, host, machine, [target_key, client], of_request, self.place.length)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_hop_writes_its_target_in_its_own_way() {
        let key = |path: &str| hop_key(Escape::None, b"GET", path.as_bytes(), None);
        for path in ["/a b", "/a%20b", "/a%2520b", "/a+b", "http://example.com/a%20b"] {
            assert_eq!(key(path), target_key(Escape::None, b"GET", b"/a b"), "{path}");
        }
    }

    #[test]
    fn ids_in_paths_are_folded() {
        for (path, expected) in [
            ("/", "/"),
            ("/cart", "/cart"),
            ("/orders/17/items", "/orders/{id}/items"),
            ("/u/3f2504e0-4f89-11d3-9a0c-0305e82c3301", "/u/{id}"),
            ("/img/123.jpg", "/img/{id}.jpg"),
            ("/blog/2026-11-20/", "/blog/{id}/"),
            ("/assets/app.5f3c9a1e.js", "/assets/app.5f3c9a1e.js"),
            ("/c/5f3c9a1e77aa", "/c/{id}"),
            ("/api/v2/search", "/api/v2/search"),
            ("/t/eyJhbGciOiJIUzI1NiJ9x12345", "/t/{id}"),
            ("/facade/beef", "/facade/beef"),
            ("/index.php", "/index.php"),
        ] {
            let template = path_template(path.as_bytes());
            assert_eq!(String::from_utf8_lossy(&template), expected, "{path}");
        }
        assert_eq!(hash_path(b"/a/1"), hash_path(b"/a/22"));
        assert_ne!(hash_path(b"/a/1"), hash_path(b"/b/1"));
        assert_eq!(hash_path(b""), 0);
    }

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

        #[test]
        fn both_keys_at_once_are_the_keys(
            method in "GET|HEAD|POST|",
            path in r"(/|http://a/)([a-z+]|%2[0-9]|\\x41){0,200}",
            query in proptest::option::of(r"([a-z=&+]|%41){0,200}"),
        ) {
            for escape in [Escape::None, Escape::Default] {
                let (method, path) = (method.as_bytes(), path.as_bytes());
                let query = query.as_ref().map(String::as_bytes);
                let apart = (
                    target_parts_key(escape, method, path, query),
                    hop_key(escape, method, path, query),
                );
                prop_assert_eq!(request_keys(escape, method, path, query), apart);
            }
        }
    }
}
