//! Byte-slice scanning: integers, trimming, lists. Nothing here allocates or validates UTF-8.
//!
//! In: slices of a line, without its terminator. Out: sub-slices and `Copy` numbers.

use std::net::SocketAddr;

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, u8x16, u8x64};

/// The first line of a text, without its line break.
#[inline]
pub fn first_line(text: &[u8]) -> &[u8] {
    memchr::memchr(b'\n', text).map_or(text, |end| &text[..end])
}

/// Offset in a text of a part of it.
pub fn offset_of(text: &[u8], part: &[u8]) -> usize {
    (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize).min(text.len())
}

/// Parses an unsigned decimal number that fills `digits` wholly. `None`: empty, a non-digit, or overflow.
pub fn parse_u64(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// Parses exactly two decimal digits.
#[inline]
pub fn two_digits(pair: [u8; 2]) -> Option<u32> {
    let (tens, ones) = (pair[0].wrapping_sub(b'0'), pair[1].wrapping_sub(b'0'));
    if tens > 9 || ones > 9 { None } else { Some(u32::from(tens) * 10 + u32::from(ones)) }
}

/// Parses a status code: exactly three digits (nginx writes `%03u`, so `000` and `009` occur).
#[inline(always)]
#[expect(clippy::inline_always, reason = "called once per line by the hot loop")]
pub fn parse_status(digits: &[u8]) -> Option<u16> {
    let &[a, b, c] = digits else { return None };
    let (a, b, c) = (a.wrapping_sub(b'0'), b.wrapping_sub(b'0'), c.wrapping_sub(b'0'));
    if a > 9 || b > 9 || c > 9 {
        return None;
    }
    Some(u16::from(a) * 100 + u16::from(b) * 10 + u16::from(c))
}

/// Parses `12`, `12.3` or `0.004` seconds to microseconds. `None`: not of that form.
pub fn parse_seconds_us(text: &[u8]) -> Option<u64> {
    let (whole, fraction) = match memchr::memchr(b'.', text) {
        Some(dot) => (&text[..dot], &text[dot + 1..]),
        None => (text, &[][..]),
    };
    let seconds = parse_u64(whole)?;
    let mut micros = 0u64;
    for (place, byte) in fraction.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        if place < 6 {
            micros = micros * 10 + u64::from(digit);
        }
    }
    for _ in fraction.len()..6 {
        micros *= 10;
    }
    seconds.checked_mul(1_000_000)?.checked_add(micros)
}

/// As [`parse_seconds_us`], with an exponent where there is one: `3.4633e-05`, as encoders of JSON write small and large
/// numbers.
pub fn parse_scaled_seconds_us(text: &[u8]) -> Option<u64> {
    let Some(mark) = memchr::memchr2(b'e', b'E', text) else { return parse_seconds_us(text) };
    let (number, exponent) = (&text[..mark], &text[mark + 1..]);
    let (is_negative, exponent) = match exponent {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    let exponent = u32::try_from(parse_u64(exponent)?).ok()?;
    let dot = memchr::memchr(b'.', number).unwrap_or(number.len());
    let fraction = number.get(dot + 1..).unwrap_or_default();
    // Sixteen digits are all that a number of JSON holds.
    let mut digits = 0u64;
    let mut power = 6 + if is_negative { -i64::from(exponent) } else { i64::from(exponent) };
    for (place, byte) in number[..dot].iter().chain(fraction).enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        let is_of_fraction = place >= dot;
        if digits < 10_u64.pow(16) {
            digits = digits * 10 + u64::from(digit);
            power -= i64::from(is_of_fraction);
        } else {
            power += i64::from(!is_of_fraction);
        }
    }
    if dot == 0 {
        return None;
    }
    let factor = 10_u64.checked_pow(u32::try_from(power.unsigned_abs()).ok()?);
    match factor {
        Some(factor) if power < 0 => Some(digits / factor),
        Some(factor) => digits.checked_mul(factor),
        None => (power < 0 || digits == 0).then_some(0),
    }
}

/// Parses `0.004`, `3.4633e-05`, `0.005192s`, `15ms`, `15.2us` or `77ns` to microseconds: seconds where no unit is given.
pub fn parse_duration_us(text: &[u8]) -> Option<u64> {
    if text.iter().any(|byte| matches!(byte, b'e' | b'E')) {
        return parse_scaled_seconds_us(text);
    }
    let split = text.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.');
    let (number, unit) = text.split_at(split.unwrap_or(text.len()));
    let per_second = match unit {
        b"" | b"s" => 1,
        b"ms" => 1000,
        b"us" | b"\xc2\xb5s" => 1_000_000,
        b"ns" => 1_000_000_000,
        _ => return None,
    };
    parse_seconds_us(number).map(|micros| micros / per_second)
}

/// Host and target of an absolute URL: `https://a:443/b?c` gives `a:443` and `/b?c`. The slashes may be escaped as JSON
/// allows. `None`: no such URL.
pub fn split_url(url: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memchr(b':', url).filter(|colon| *colon <= 5)?;
    let rest = url[colon + 1..].strip_prefix(b"//");
    let rest = rest.or_else(|| url[colon + 1..].strip_prefix(b"\\/\\/"))?;
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'\\' | b'?'));
    Some(rest.split_at(end.unwrap_or(rest.len())))
}

/// An address without its port: `1.2.3.4:80` and `[2001:db8::1]:80` lose it, `2001:db8::1` has none.
pub fn without_client_port(address: &[u8]) -> &[u8] {
    if let Some(inside) = address.strip_prefix(b"[") {
        return memchr::memchr(b']', inside).map_or(address, |end| &inside[..end]);
    }
    match memchr::memchr(b':', address) {
        Some(colon) if memchr::memchr(b':', &address[colon + 1..]).is_none() => &address[..colon],
        _ => address,
    }
}

/// True for the marks by which servers write "no value": empty, and `-`.
#[inline]
pub fn is_absent(value: &[u8]) -> bool {
    value.is_empty() || value == b"-"
}

/// The last item of an nginx `$upstream_*` list: `, ` separates attempts, ` : ` internal redirects.
///
/// An item may be empty (the attempt died before a peer name existed), and a trailing ` : ` gives a last empty item.
/// Source: `ngx_http_upstream.c`, `ngx_http_upstream_addr_variable`.
pub fn last_upstream_item(list: &[u8]) -> &[u8] {
    let mut end = list.len();
    while let Some(blank) = memchr::memrchr(b' ', &list[..end]) {
        if list[..blank].ends_with(b",") || list[..blank].ends_with(b" :") {
            return &list[blank + 1..];
        }
        end = blank;
    }
    list
}

/// True for an item of `$upstream_addr` that is a peer: an address with its port, or a socket. Where no peer was chosen, and
/// in the variables of other servers that are called alike, there is only a name.
pub fn is_peer_address(item: &[u8]) -> bool {
    item.starts_with(b"unix:")
        || std::str::from_utf8(item).is_ok_and(|text| text.parse::<SocketAddr>().is_ok())
}

/// The items of an nginx `$upstream_*` list; see [`last_upstream_item`].
pub fn upstream_items(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(list);
    std::iter::from_fn(move || {
        let list = rest?;
        let cut = memchr::memchr_iter(b' ', list).find_map(|blank| {
            let before = &list[..blank];
            let item = before.strip_suffix(b",").or_else(|| before.strip_suffix(b" :"))?;
            Some((item, &list[blank + 1..]))
        });
        let (item, behind) = cut.map_or((list, None), |(item, behind)| (item, Some(behind)));
        rest = behind;
        Some(item)
    })
}

/// Bytes looked at before a search of its own is worth its call.
const NEAR_BYTES: usize = 128;

/// The offset of the first `wanted`, as `memchr` gives it; faster where that is likely to be near.
#[inline(always)]
#[expect(clippy::inline_always, reason = "called for every line by the hot loop")]
pub fn find_near<S: Simd>(simd: S, wanted: u8, text: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < NEAR_BYTES
        && let Some(chunk) = text.get(at..).and_then(<[u8]>::first_chunk)
    {
        let places = places_of::<S, u8x64<S>>(simd, wanted, chunk);
        if places != 0 {
            return Some(at + places.trailing_zeros() as usize);
        }
        at += chunk.len();
    }
    memchr::memchr(wanted, &text[at..]).map(|further| at + further)
}

/// As [`find_near`], in sixteen bytes at a time that any machine compares at once.
#[inline]
pub fn find_soon(wanted: u8, text: &[u8]) -> Option<usize> {
    dispatch!(Level::baseline(), simd => {
        let mut at = 0;
        while at < NEAR_BYTES / 2
            && let Some(chunk) = text.get(at..).and_then(<[u8]>::first_chunk)
        {
            let places = places_of::<_, u8x16<_>>(simd, wanted, chunk);
            if places != 0 {
                return Some(at + places.trailing_zeros() as usize);
            }
            at += chunk.len();
        }
        memchr::memchr(wanted, &text[at..]).map(|further| at + further)
    })
}

/// Which bytes are `wanted`: the lowest bit stands for the first of them. `V` is a vector of bytes.
#[inline(always)]
#[expect(clippy::inline_always, reason = "called for every line by the hot loop")]
pub fn places_of<S: Simd, V: SimdInt<S, Element = u8>>(
    simd: S,
    wanted: u8,
    bytes: &V::Array,
) -> u64 {
    V::load_array_ref(simd, bytes).simd_eq(V::splat(simd, wanted)).to_bitmask()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_may_have_a_unit() {
        let check = |text: &str, micros| assert_eq!(parse_duration_us(text.as_bytes()), micros);
        check("0.004", Some(4000));
        check("0.005192s", Some(5192));
        check("15.2ms", Some(15_200));
        check("15\u{b5}s", Some(15));
        check("77000ns", Some(77));
        check("1m2s", None);
        check("", None);
    }

    #[test]
    fn places_are_bits_at_every_level() {
        let bytes: [u8; 64] = std::array::from_fn(|at| b"ab a"[at % 4]);
        let expected = |wanted| (0..64).map(|at| u64::from(bytes[at] == wanted) << at).sum::<u64>();
        for level in [Level::baseline(), Level::new()] {
            for wanted in *b"ab c" {
                dispatch!(level, simd => {
                    assert_eq!(places_of::<_, u8x64<_>>(simd, wanted, &bytes), expected(wanted));
                    let first = bytes.first_chunk().unwrap();
                    let near = places_of::<_, u8x16<_>>(simd, wanted, first);
                    assert_eq!(near, expected(wanted) & 0xffff);
                });
            }
        }
    }

    #[test]
    fn ports_are_cut_from_addresses() {
        let check = |text: &str, bare: &str| {
            assert_eq!(without_client_port(text.as_bytes()), bare.as_bytes());
        };
        check("192.0.2.1:5090", "192.0.2.1");
        check("[2001:db8::1]:5090", "2001:db8::1");
        check("2001:db8::1", "2001:db8::1");
        check("192.0.2.1", "192.0.2.1");
    }

    #[test]
    fn urls_split_into_host_and_target() {
        let check = |url: &str, parts: Option<(&str, &str)>| {
            let parts = parts.map(|(host, target)| (host.as_bytes(), target.as_bytes()));
            assert_eq!(split_url(url.as_bytes()), parts);
        };
        check("https://a.example:443/b?c=d", Some(("a.example:443", "/b?c=d")));
        check("http://[2001:db8::1]", Some(("[2001:db8::1]", "")));
        check(r"https:\/\/a\/b", Some(("a", r"\/b")));
        check("/a?u=http://b/", None);
    }

    /// Searches for a byte in every way.
    fn found(wanted: u8, text: &[u8]) -> [Option<usize>; 3] {
        let near = |level| dispatch!(level, simd => find_near(simd, wanted, text));
        [near(Level::baseline()), near(Level::new()), find_soon(wanted, text)]
    }

    proptest::proptest! {
        #[test]
        fn what_is_near_is_found_as_by_memchr(text in proptest::collection::vec(30u8..36, 0..200), wanted in 28u8..38) {
            proptest::prop_assert_eq!(found(wanted, &text), [memchr::memchr(wanted, &text); 3]);
        }

        #[test]
        fn what_is_far_is_found_as_by_memchr(length in 0usize..300, after: Vec<u8>) {
            let text = [&vec![b'x'; length][..], b" ", &after].concat();
            proptest::prop_assert_eq!(found(b' ', &text), [Some(length); 3]);
        }
    }

    #[test]
    fn integers() {
        assert_eq!(parse_u64(b"1795210283"), Some(1_795_210_283));
        assert_eq!(parse_u64(b""), None);
        assert_eq!(parse_u64(b"12a"), None);
        assert_eq!(parse_u64(b"99999999999999999999"), None);
        assert_eq!(parse_status(b"009"), Some(9));
        assert_eq!(parse_status(b"50"), None);
        assert_eq!(parse_status(b"5x3"), None);
    }

    #[test]
    fn seconds_keep_six_decimals() {
        assert_eq!(parse_seconds_us(b"1.003"), Some(1_003_000));
        assert_eq!(parse_seconds_us(b"12"), Some(12_000_000));
        assert_eq!(parse_seconds_us(b"0.0000019"), Some(1));
        assert_eq!(parse_seconds_us(b"-"), None);
        assert_eq!(parse_seconds_us(b"1.0x"), None);
    }

    #[test]
    fn numbers_may_have_an_exponent() {
        let check = |text: &str, us| {
            assert_eq!(parse_scaled_seconds_us(text.as_bytes()), us, "{text}");
            assert_eq!(parse_duration_us(text.as_bytes()), us, "{text}");
        };
        check("3.4633e-05", Some(34));
        check("1E-7", Some(0));
        check("2.5e+3", Some(2_500_000_000));
        check("12e0", Some(12_000_000));
        check("1.23456789012345678901e1", Some(12_345_678));
        check("1e-4000000000", Some(0));
        for text in
            ["1e40", "e5", ".5e1", "1e", "1e-", "1ex", "1.2.3e4", "-1e2", "1e99999999999999999999"]
        {
            check(text, None);
        }
    }

    #[test]
    fn the_last_attempt_of_a_list_is_found() {
        let check = |list: &[u8], item: &[u8]| assert_eq!(last_upstream_item(list), item);
        check(b"-", b"-");
        check(b"502, 503", b"503");
        check(b"10.0.0.1:80, grp", b"grp");
        check(b"502 : 503", b"503");
        check(b"10.0.0.1:80 : ", b"");
        check(b"[::1]:80, unix:/run/a b.sock", b"unix:/run/a b.sock");
        check(b"", b"");
    }

    #[test]
    fn lists_split_on_attempts_and_redirects() {
        let check = |list: &[u8], items: &[&[u8]]| {
            assert_eq!(upstream_items(list).collect::<Vec<_>>(), items);
            assert_eq!(last_upstream_item(list), *items.last().expect("never empty"));
        };
        check(b"-", &[b"-"]);
        check(b"502, 503", &[b"502", b"503"]);
        check(b"502 : 503", &[b"502", b"503"]);
        check(b"10.0.0.1:80 : ", &[b"10.0.0.1:80", b""]);
        check(b"", &[b""]);
    }
}
