//! Which columns rows without a header have.
//!
//! In: sampled lines. Out: the names of their columns, and what stands between them.
//! Columns come in a documented order, of which any may be left out. So the columns are laid onto that order, each to the
//! right of the one before, such that what they hold fits best; of equally good ways each column goes to the first name
//! that it can have. So a lone time is the time taken, and never the time to the origin's first byte, which decides who
//! answered.
//! Invariants: nothing is proposed without a time, a status, and something that only `CloudFront` writes.

use super::fields::{REAL_TIME, STANDARD};
use crate::bytes::{is_absent, parse_status, parse_u64};
use crate::format::Sample;
use crate::record::Field;
use crate::time::{Notation, w3c_clock_us, w3c_day_us};

/// Rows that are looked at.
const MAX_ROWS: usize = 200;

/// More columns than this are none of `CloudFront`.
const MAX_COLUMNS: usize = 64;

/// What the columns of rows are.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) names: Vec<&'static str>,
    pub(super) separator: u8,
}

/// Finds the columns of most rows of a sample.
pub(super) fn columns(sample: &Sample<'_>) -> Option<Found> {
    let mut best: Option<(i64, Found)> = None;
    for separator in *b"\t ,;|" {
        let Some(rows) = rows_of(sample, separator).filter(|rows| may_be_dated(rows)) else {
            continue;
        };
        for order in [REAL_TIME, STANDARD] {
            let Some((score, names)) = lay(&rows, order) else { continue };
            if is_cloudfront(&rows, &names) && best.as_ref().is_none_or(|(most, _)| score > *most) {
                best = Some((score, Found { names, separator }));
            }
        }
    }
    best.map(|(_, found)| found)
}

/// The values of the rows that have as many columns as most have.
fn rows_of<'a>(sample: &Sample<'a>, separator: u8) -> Option<Vec<Vec<&'a [u8]>>> {
    let rows: Vec<Vec<&[u8]>> = sample
        .lines
        .iter()
        .filter(|line| !line.starts_with(b"{") && !line.starts_with(b"#"))
        .take(MAX_ROWS)
        .map(|line| line.split(|byte| *byte == separator).take(MAX_COLUMNS + 1).collect())
        .collect();
    let mut counts: Vec<usize> = rows.iter().map(Vec::len).collect();
    counts.sort_unstable();
    let usual = counts
        .chunk_by(|a, b| a == b)
        .max_by_key(|same| same.len())
        .map(|same| same[0])
        .filter(|n| (3..=MAX_COLUMNS).contains(n))?;
    let rows: Vec<_> = rows.into_iter().filter(|row| row.len() == usual).collect();
    (rows.len() * 2 > counts.len()).then_some(rows)
}

/// True where some column may be the status, and some the time: what takes little of the work, and few others have.
fn may_be_dated(rows: &[Vec<&[u8]>]) -> bool {
    let n_columns = rows.first().map_or(0, Vec::len);
    let may_have = |name| (0..n_columns).any(|column| fit(rows, column, name).is_some());
    (may_have("timestamp") || may_have("timestamp(ms)") || (may_have("date") && may_have("time")))
        && may_have("sc-status")
}

/// A column that fits no name at its place: a field that is newer than this list.
const UNNAMED: i64 = -40;

/// Lays columns onto names in order. `None`: no time or no status can be among them.
fn lay(rows: &[Vec<&[u8]>], order: &[(&'static str, Field)]) -> Option<(i64, Vec<&'static str>)> {
    let n_columns = rows.first()?.len();
    // best[c]: the best score of the columns from c on with the names from n on; taken back to front over n.
    let mut best = vec![vec![0i64; n_columns + 1]; order.len() + 1];
    for (column, score) in best[order.len()].iter_mut().enumerate() {
        *score = UNNAMED * (n_columns - column) as i64;
    }
    let fits: Vec<Vec<Option<i64>>> = (0..n_columns)
        .map(|column| order.iter().map(|(name, _)| fit(rows, column, name)).collect())
        .collect();
    for name in (0..order.len()).rev() {
        for column in (0..n_columns).rev() {
            let here = fits[column][name].map(|score| score + best[name + 1][column + 1]);
            let unnamed = UNNAMED + best[name][column + 1];
            best[name][column] = best[name + 1][column].max(unnamed).max(here.unwrap_or(i64::MIN));
        }
    }
    let (mut name, mut names) = (0, Vec::with_capacity(n_columns));
    for column in 0..n_columns {
        loop {
            let score = best[name][column];
            let here = fits[column].get(name).copied().flatten();
            if here.is_some_and(|here| here + best[name + 1][column + 1] == score) {
                names.push(order[name].0);
                name += 1;
                break;
            }
            if name == order.len() || UNNAMED + best[name][column + 1] == score {
                names.push("-");
                break;
            }
            name += 1;
        }
    }
    let has = |wanted: &str| names.contains(&wanted);
    let has_time = (has("date") && has("time")) || has("timestamp") || has("timestamp(ms)");
    (has_time && has("sc-status")).then(|| (best[0][0], names))
}

/// How well a column's values fit a name, of 100. `None`: they do not.
fn fit(rows: &[Vec<&[u8]>], column: usize, name: &str) -> Option<i64> {
    let (mut n_values, mut n_fitting) = (0usize, 0usize);
    let mut weight = 0;
    for row in rows {
        let value = row[column];
        if is_absent(value) {
            if !may_be_absent(name) {
                return None;
            }
            continue;
        }
        n_values += 1;
        if let Some(fit) = fit_of(name, value) {
            n_fitting += 1;
            weight += fit;
        }
    }
    if n_values == 0 {
        return Some(1);
    }
    (n_fitting * 20 >= n_values * 19).then(|| weight / n_values as i64)
}

/// False for what every row has.
fn may_be_absent(name: &str) -> bool {
    !matches!(
        name,
        "date"
            | "time"
            | "timestamp"
            | "sc-status"
            | "time-taken"
            | "x-edge-location"
            | "x-edge-request-id"
    )
}

/// How much a value speaks for a name, of 100. `None`: it cannot be its value.
fn fit_of(name: &str, value: &[u8]) -> Option<i64> {
    let is_number = parse_u64(value).is_some();
    let letters = |from: u8, to: u8| value.iter().all(|byte| (from..=to).contains(byte));
    let (fits, weight) = match name {
        "timestamp" => (Notation::EpochSeconds.parse(value).is_some(), 100),
        "timestamp(ms)" => (Notation::EpochMillis.parse(value).is_some(), 100),
        "date" => (w3c_day_us(value).is_some(), 100),
        "time" => (w3c_clock_us(value).is_some(), 100),
        "c-ip" => (is_address(value), 90),
        "sc-status" => (
            parse_status(value).is_some_and(|status| status == 0 || (100..600).contains(&status)),
            60,
        ),
        "time-to-first-byte" | "time-taken" | "origin-fbl" | "origin-lbl" => {
            (is_seconds(value), 60)
        }
        "sc-bytes" | "cs-bytes" | "sc-content-len" | "sc-range-start" | "sc-range-end"
        | "cs-headers-count" | "asn" => (is_number, 40),
        "c-port" => (parse_u64(value).is_some_and(|port| port <= 65_535), 41),
        "cs-method" => ((3..=16).contains(&value.len()) && letters(b'A', b'Z'), 60),
        "cs-protocol" => (matches!(value, b"http" | b"https" | b"ws" | b"wss" | b"grpcs"), 90),
        "cs-host" | "cs(Host)" => (value.ends_with(b".cloudfront.net") || is_host(value), 50),
        "x-host-header" => (is_host(value), 50),
        "cs-uri-stem" => (value.starts_with(b"/"), 60),
        "x-edge-location" => (is_location(value), 80),
        "x-edge-request-id" => (is_request_id(value), 90),
        "cs-protocol-version" => (value.starts_with(b"HTTP/"), 90),
        "c-ip-version" => (matches!(value, b"IPv4" | b"IPv6"), 90),
        "cs-user-agent" | "cs(User-Agent)" => {
            (!is_number, if has_any(value, b"/(") { 30 } else { 10 })
        }
        "cs-referer" | "cs(Referer)" => {
            (!is_number, if memchr::memmem::find(value, b"://").is_some() { 40 } else { 2 })
        }
        "cs-uri-query" => (true, if has_any(value, b"=") { 25 } else { 3 }),
        "cs-cookie" | "cs(Cookie)" => (true, if has_any(value, b"=") { 15 } else { 2 }),
        "x-edge-detailed-result-type" => (is_result_type(value), 80),
        "x-edge-result-type" | "x-edge-response-result-type" => {
            let is_detail = value.starts_with(b"Origin") && value.ends_with(b"Error");
            (is_result_type(value) && !is_detail, 80)
        }
        "x-forwarded-for" => (true, if has_any(value, b".:") { 12 } else { 2 }),
        "ssl-protocol" => (value.starts_with(b"TLSv") || value.starts_with(b"SSLv"), 90),
        "ssl-cipher" => (value.len() > 8 && has_any(value, b"-_") && !has_any(value, b"/. "), 40),
        "fle-status" | "fle-encrypted-fields" => (true, 2),
        "sc-content-type" => (has_any(value, b"/") && !value.starts_with(b"/"), 20),
        "c-country" => (value.len() == 2 && letters(b'A', b'Z'), 60),
        "cs-accept-encoding" | "cs-accept" => (!is_number, 8),
        "cache-behavior-path-pattern" => (has_any(value, b"*/"), 20),
        "cs-headers" => (has_any(value, b":"), 15),
        "cs-header-names" => (!is_number, 6),
        _ => (!is_number, 3),
    };
    fits.then_some(weight)
}

fn has_any(value: &[u8], bytes: &[u8]) -> bool {
    value.iter().any(|byte| bytes.contains(byte))
}

fn is_seconds(value: &[u8]) -> bool {
    memchr::memchr(b'.', value).is_some_and(|dot| {
        let (whole, rest) = (&value[..dot], &value[dot + 1..]);
        whole.len() <= 6
            && (1..=6).contains(&rest.len())
            && [whole, rest].iter().all(|part| part.iter().all(u8::is_ascii_digit))
    })
}

fn is_address(value: &[u8]) -> bool {
    std::str::from_utf8(value).is_ok_and(|text| text.parse::<std::net::IpAddr>().is_ok())
}

fn is_host(value: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(byte);
    value.iter().all(is_letter) && value.iter().any(u8::is_ascii_alphabetic) && has_any(value, b".")
}

/// `SEA19-C1`, `LAX1`, `FRA56-P4`.
fn is_location(value: &[u8]) -> bool {
    let (place, group) = match memchr::memchr(b'-', value) {
        Some(dash) => (&value[..dash], &value[dash + 1..]),
        None => (value, &b""[..]),
    };
    place.len() >= 4
        && place[..3].iter().all(u8::is_ascii_uppercase)
        && place[3..].iter().all(u8::is_ascii_digit)
        && group.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// Base64 of the URL kind, padded.
fn is_request_id(value: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_=".contains(byte);
    value.len() >= 40 && value.ends_with(b"=") && value.iter().all(is_letter)
}

/// `Hit`, `RefreshHit`, `OriginConnectError`, `FunctionGeneratedResponse`, ...
fn is_result_type(value: &[u8]) -> bool {
    const WORDS: [&[u8]; 4] = [b"Hit", b"Miss", b"Redirect", b"Error"];
    const ENDS: [&[u8]; 5] = [b"Hit", b"Error", b"Exceeded", b"Response", b"Blocked"];
    const STARTS: [&[u8]; 6] =
        [b"Origin", b"Client", b"Invalid", b"Function", b"Lambda", b"Aborted"];
    value.iter().all(u8::is_ascii_alphabetic)
        && (WORDS.contains(&value)
            || (value.first().is_some_and(u8::is_ascii_uppercase)
                && (ENDS.iter().any(|end| value.ends_with(end))
                    || STARTS.iter().any(|start| value.starts_with(start)))))
}

/// True when a column holds what only `CloudFront` writes.
fn is_cloudfront(rows: &[Vec<&[u8]>], names: &[&str]) -> bool {
    let holds = |wanted: &str, is_it: fn(&[u8]) -> bool| {
        names.iter().position(|name| *name == wanted).is_some_and(|column| {
            let values = rows.iter().map(|row| row[column]).filter(|value| !is_absent(value));
            let (mut n_values, mut n_fitting) = (0, 0);
            for value in values {
                n_values += 1;
                n_fitting += usize::from(is_it(value));
            }
            n_values > 0 && n_fitting * 20 >= n_values * 19
        })
    };
    let types =
        ["x-edge-result-type", "x-edge-response-result-type", "x-edge-detailed-result-type"];
    holds("x-edge-location", is_location)
        || holds("x-edge-request-id", is_request_id)
        || types.into_iter().any(|name| holds(name, is_result_type))
}
