//! What single values look like, and profiles of whole columns.
//!
//! In: values of one column over the sampled lines. Out: a [`Kind`] per value and counts per column.
//! Invariants: a value has one kind, the most telling one; a list counts as the kind of its items.

use std::collections::BTreeSet;

use crate::bytes::{is_absent, is_peer_address, parse_seconds_us, parse_status, upstream_items};
use crate::record::{METHODS, is_cache_status};
use crate::time::{
    parse_clf, parse_clf_variant, parse_epoch_micros, parse_epoch_millis, parse_epoch_seconds,
    parse_iso8601,
};

/// The shape of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A status code that servers really send: `200`, `499`, `000`.
    Status,
    /// Any other unsigned number.
    Int,
    /// `0.003`: exactly three decimals.
    Seconds,
    /// `10.0.0.1:80`, `[::1]:80`, `backend:8080`, `unix:/run/a.sock`.
    Addr,
    /// An IPv4 or IPv6 address.
    Ip,
    /// A name with a dot, or `localhost`.
    Host,
    /// Starts with `/`.
    Path,
    /// `GET`, `POST`, ...
    Method,
    /// `GET /x HTTP/1.1`.
    Request,
    /// `20/Nov/2026:21:29:42 +0000`.
    Clf,
    /// `20/Nov/2026:21:29:42.123 +0000`, or without a zone.
    ClfVariant,
    /// `2026-11-20T21:29:42+00:00`.
    Iso,
    /// `1795210283.328`.
    Epoch,
    /// `1795210283328`.
    EpochMillis,
    /// `1795210283328123`.
    EpochMicros,
    /// 32 hexadecimal digits, or a UUID.
    Id,
    /// `1-69a72295-f2381d73a25ca15108b90b05`, with or without `Root=`: a trace of AWS.
    AwsTrace,
    /// `00-<32 digits>-<16 digits>-01`: a trace parent.
    TraceParent,
    /// 56 letters that end in `==`: a request of `CloudFront`.
    CloudFrontId,
    /// `8f2d3c4b5a697887-FRA`: a request of Cloudflare.
    CloudflareRay,
    /// `HIT`, `MISS`, ...
    Cache,
    /// `PASSED`, `REJECTED`, ...
    Limit,
    /// `https://...`.
    Url,
    /// A user agent.
    Agent,
    /// `HTTP/1.1`.
    Protocol,
    /// `http` or `https`.
    Scheme,
    /// Anything else without a blank.
    Word,
    /// Anything else.
    Text,
}

const N_KINDS: usize = Kind::Text as usize + 1;

const LIMIT_WORDS: &[&str] =
    &["PASSED", "DELAYED", "REJECTED", "DELAYED_DRY_RUN", "REJECTED_DRY_RUN"];

/// The kind of a value that is not absent. Lists are judged by their items.
pub(super) fn kind_of(value: &[u8]) -> Kind {
    let kind = item_kind(value);
    if kind == Kind::Text && is_list(value) {
        return list_kind(value).unwrap_or(Kind::Text);
    }
    kind
}

/// True for a value of several items.
pub(super) fn is_list(value: &[u8]) -> bool {
    memchr::memmem::find(value, b", ").is_some() || memchr::memmem::find(value, b" : ").is_some()
}

fn list_kind(value: &[u8]) -> Option<Kind> {
    let mut kind = None;
    for item in upstream_items(value).filter(|item| !is_absent(item)) {
        kind = match (kind, item_kind(item)) {
            (None, first) => Some(first),
            (Some(so_far), next) => Some(join_kinds(so_far, next)?),
        };
    }
    kind.filter(|kind| is_item_kind(*kind))
}

/// True for kinds that occur in lists of attempts or of forwarded addresses.
pub(super) fn is_item_kind(kind: Kind) -> bool {
    matches!(kind, Kind::Status | Kind::Int | Kind::Seconds | Kind::Addr | Kind::Ip)
}

/// The kind of a list that holds items of both kinds, if there is such a list.
pub(super) fn join_kinds(one: Kind, other: Kind) -> Option<Kind> {
    match (one, other) {
        _ if one == other => Some(one),
        (Kind::Status | Kind::Int, Kind::Status | Kind::Int) => Some(Kind::Int),
        // `10.0.0.1:80, grp`: no peer of the group was left.
        (Kind::Addr, Kind::Word | Kind::Host) | (Kind::Word | Kind::Host, Kind::Addr) => {
            Some(Kind::Addr)
        }
        _ => None,
    }
}

/// The kind of one item.
pub(super) fn item_kind(value: &[u8]) -> Kind {
    let Ok(text) = std::str::from_utf8(value) else { return Kind::Text };
    let has_blank = text.contains(' ');
    if parse_clf(value).is_some() {
        return Kind::Clf;
    }
    if parse_clf_variant(value).is_some() {
        return Kind::ClfVariant;
    }
    if parse_iso8601(value).is_some() {
        return Kind::Iso;
    }
    if is_request(text) {
        return Kind::Request;
    }
    if text.starts_with("http://") || text.starts_with("https://") {
        return Kind::Url;
    }
    if text.starts_with('/') && !has_blank {
        return Kind::Path;
    }
    if text.contains("Mozilla/") || is_product(text) {
        return Kind::Agent;
    }
    if has_blank || text.is_empty() {
        return Kind::Text;
    }
    word_kind(text)
}

fn word_kind(text: &str) -> Kind {
    let value = text.as_bytes();
    if parse_status(value).is_some_and(is_known_status) {
        return Kind::Status;
    }
    if parse_epoch_seconds(value).is_some() {
        return Kind::Epoch;
    }
    if parse_epoch_millis(value).is_some() {
        return Kind::EpochMillis;
    }
    if parse_epoch_micros(value).is_some() {
        return Kind::EpochMicros;
    }
    if is_id(value) {
        return Kind::Id;
    }
    if let Some(kind) = hop_id(value) {
        return kind;
    }
    if value.iter().all(u8::is_ascii_digit) {
        return Kind::Int;
    }
    if is_seconds(value) {
        return Kind::Seconds;
    }
    if text.parse::<std::net::IpAddr>().is_ok() {
        return Kind::Ip;
    }
    if is_addr(text) {
        return Kind::Addr;
    }
    if text.starts_with("HTTP/") {
        return Kind::Protocol;
    }
    if METHODS.contains(&value) {
        return Kind::Method;
    }
    if is_cache_status(value) {
        return Kind::Cache;
    }
    if LIMIT_WORDS.contains(&text) {
        return Kind::Limit;
    }
    if text == "http" || text == "https" {
        return Kind::Scheme;
    }
    if is_host(text) { Kind::Host } else { Kind::Word }
}

/// True for `PRODUCT/VERSION...`, as in `curl/8.5.0` or `kube-probe/1.29 (linux)`.
fn is_product(text: &str) -> bool {
    let first = text.split(' ').next().unwrap_or_default();
    let Some((name, version)) = first.split_once('/') else { return false };
    name != "HTTP"
        && name.bytes().any(|byte| byte.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && version.bytes().next().is_some_and(|byte| byte.is_ascii_digit() || byte == b'v')
}

fn is_request(text: &str) -> bool {
    let Some((method, rest)) = text.split_once(' ') else { return false };
    !method.is_empty()
        && method.bytes().all(|byte| byte.is_ascii_uppercase() || b"_-".contains(&byte))
        && rest.rsplit_once(' ').is_some_and(|(_, protocol)| protocol.starts_with("HTTP/"))
}

fn is_known_status(status: u16) -> bool {
    matches!(status,
        0 | 9 | 100..=103 | 200..=208 | 226 | 300..=308 | 400..=418 | 421..=426 | 428 | 429 | 431
        | 444 | 451 | 494..=499 | 500..=511 | 520..=530 | 561 | 599)
}

fn is_seconds(value: &[u8]) -> bool {
    value.len() >= 5 && value[value.len() - 4] == b'.' && parse_seconds_us(value).is_some()
}

fn is_id(value: &[u8]) -> bool {
    match value.len() {
        32 => value.iter().all(u8::is_ascii_hexdigit),
        36 => value.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        }),
        _ => false,
    }
}

/// The kind of an id that clouds and delivery networks hand on.
fn hop_id(value: &[u8]) -> Option<Kind> {
    let parts: Vec<&[u8]> = value.split(|byte| *byte == b'-').collect();
    let is_hex = |part: &[u8], n: usize| part.len() == n && part.iter().all(u8::is_ascii_hexdigit);
    let root = value.strip_prefix(b"Root=").unwrap_or(value).strip_prefix(b"1-");
    let is_root = |root: &[u8]| {
        root.len() >= 33 && is_hex(&root[..8], 8) && root[8] == b'-' && is_hex(&root[9..33], 24)
    };
    if root.is_some_and(is_root) {
        return Some(Kind::AwsTrace);
    }
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    match parts[..] {
        [version, trace, span, flags]
            if is_hex(version, 2) && is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2) =>
        {
            Some(Kind::TraceParent)
        }
        [ray, place]
            if is_hex(ray, 16) && place.len() == 3 && place.iter().all(u8::is_ascii_uppercase) =>
        {
            Some(Kind::CloudflareRay)
        }
        _ if value.len() == 56
            && value.strip_suffix(b"==").is_some_and(|id| id.iter().all(is_letter)) =>
        {
            Some(Kind::CloudFrontId)
        }
        _ => None,
    }
}

fn is_addr(text: &str) -> bool {
    if text.starts_with("unix:") {
        return true;
    }
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let port_is_number =
        (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host_is_name = match inner {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            host.bytes().any(|byte| byte.is_ascii_alphanumeric())
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        }
    };
    port_is_number && host_is_name
}

/// True for the name of a protocol of encryption: `TLSv1.3`, `SSLv3`.
fn is_encryption(text: &str) -> bool {
    ["TLSv", "DTLSv", "SSLv"].iter().any(|name| text.starts_with(name))
}

fn is_host(text: &str) -> bool {
    text == "localhost"
        || (text.contains('.')
            && !is_encryption(text)
            && text.bytes().any(|byte| byte.is_ascii_alphabetic())
            && !text.starts_with('.')
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)))
}

/// One column over all lines that share a skeleton.
#[derive(Debug, Clone)]
pub(super) struct Column<'a> {
    /// The key written before the values, if any, as written.
    pub(super) label: Option<String>,
    /// The byte that opens the value (`"`, `[`), or 0.
    pub(super) wrap: u8,
    /// One value per line.
    pub(super) values: Vec<&'a [u8]>,
    /// How many values are absent: empty or `-`.
    pub(super) n_absent: usize,
    /// How many values are lists.
    pub(super) n_lists: usize,
    counts: [usize; N_KINDS],
    /// How many different values there are; not counted past 64.
    pub(super) n_distinct: usize,
}

impl<'a> Column<'a> {
    /// Profiles the values.
    pub(super) fn new(label: Option<String>, wrap: u8, values: Vec<&'a [u8]>) -> Self {
        let (mut n_absent, mut n_lists, mut counts) = (0, 0, [0; N_KINDS]);
        let mut distinct = BTreeSet::new();
        for value in &values {
            if distinct.len() < 64 {
                distinct.insert(*value);
            }
            if is_absent(value) {
                n_absent += 1;
                continue;
            }
            let kind = kind_of(value);
            counts[kind as usize] += 1;
            n_lists += usize::from(is_item_kind(kind) && is_list(value));
        }
        let n_distinct = distinct.len();
        Column { label, wrap, values, n_absent, n_lists, counts, n_distinct }
    }

    /// Number of lines.
    pub(super) fn n(&self) -> usize {
        self.values.len()
    }

    /// Number of values that are there.
    pub(super) fn n_present(&self) -> usize {
        self.n() - self.n_absent
    }

    /// How many values are of a kind.
    pub(super) fn count(&self, kind: Kind) -> usize {
        self.counts[kind as usize]
    }

    /// True when at least one value and 98 % of the present values are of one of the kinds.
    pub(super) fn is(&self, kinds: &[Kind]) -> bool {
        let n: usize = kinds.iter().map(|kind| self.count(*kind)).sum();
        n > 0 && n * 50 >= self.n_present() * 49
    }

    /// True when an item of a value is the address of a peer.
    pub(super) fn has_peers(&self) -> bool {
        self.values.iter().flat_map(|value| upstream_items(value)).any(is_peer_address)
    }

    /// True when no value is absent or a list.
    pub(super) fn is_always_single(&self) -> bool {
        self.n_absent == 0 && self.n_lists == 0
    }

    /// True for the value of one line being absent.
    pub(super) fn is_absent_at(&self, row: usize) -> bool {
        self.values.get(row).is_none_or(|value| is_absent(value))
    }

    /// Seconds of the last item in one line, in microseconds.
    pub(super) fn seconds_us_at(&self, row: usize) -> Option<u64> {
        // A retried request took as long as all its attempts.
        let value = self.values.get(row)?;
        let items = upstream_items(value);
        items.filter_map(parse_seconds_us).reduce(u64::saturating_add)
    }
}
