//! How logs escape bytes inside values, and how that is undone.
//!
//! In: a raw value. Out: its bytes, in a buffer of the caller.
//! Invariants: what is no escape stands for itself; nothing fails.

/// How a log escapes bytes inside values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Escape {
    /// nginx `escape=default`: `\xHH` for control bytes, `"`, `\` and bytes above 0x7E.
    Default,
    /// nginx `escape=json` and JSON objects: backslash escapes.
    Json,
    /// Apache: `\"`, `\\`, `\n` and the like; `\xhh` in lower case for other control bytes and bytes above 0x7E.
    Apache,
    /// `CloudFront`: `%XX`, once over whatever the client sent.
    Percent,
    /// `HAProxy`: `#HH` for control bytes, `"`, `#` and bytes above 0x7E.
    Haproxy,
    /// Nothing is escaped.
    None,
}

/// Undoes `escape` into `out` and returns how many bytes of `out` were filled; stops when `out` is full.
pub fn unescape(escape: Escape, raw: &[u8], out: &mut [u8]) -> usize {
    // Most values hold no escape.
    let marker = match escape {
        Escape::Default | Escape::Apache | Escape::Json => Some(b'\\'),
        Escape::Haproxy => Some(b'#'),
        Escape::Percent => Some(b'%'),
        Escape::None => None,
    };
    let fitting = raw.len().min(out.len());
    if marker.is_none_or(|marker| memchr::memchr(marker, &raw[..fitting]).is_none()) {
        out[..fitting].copy_from_slice(&raw[..fitting]);
        return fitting;
    }
    let (mut from, mut to) = (0, 0);
    while from < raw.len() && to < out.len() {
        let (byte, used) = match (escape, &raw[from..]) {
            (Escape::Default | Escape::Apache, [b'\\', b'x', high, low, ..]) => {
                match (hex(*high), hex(*low)) {
                    (Some(high), Some(low)) => (high * 16 + low, 4),
                    _ => (b'\\', 1),
                }
            }
            (Escape::Apache, [b'\\', code, ..]) => match code {
                b'n' => (b'\n', 2),
                b'r' => (b'\r', 2),
                b't' => (b'\t', 2),
                b'b' => (8, 2),
                b'v' => (11, 2),
                b'"' | b'\\' => (*code, 2),
                _ => (b'\\', 1),
            },
            (Escape::Haproxy, [b'#', high, low, ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high * 16 + low, 3),
                _ => (b'#', 1),
            },
            (Escape::Json, [b'\\', b'u', a, b, c, d, ..]) => {
                match (hex(*a), hex(*b), hex(*c), hex(*d)) {
                    (Some(0), Some(0), Some(high), Some(low)) => (high * 16 + low, 6),
                    _ => (b'\\', 1),
                }
            }
            (Escape::Json, [b'\\', code, ..]) => {
                let byte = match code {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'f' => 12,
                    other => *other,
                };
                (byte, 2)
            }
            (Escape::Percent, [b'%', high, low, ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high * 16 + low, 3),
                _ => (b'%', 1),
            },
            (_, rest) => (rest[0], 1),
        };
        out[to] = byte;
        to += 1;
        from += used;
    }
    to
}

fn hex(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone() {
        let check = |escape, raw: &str, plain: &[u8]| {
            let mut out = [0; 64];
            let n = unescape(escape, raw.as_bytes(), &mut out);
            assert_eq!(&out[..n], plain);
        };
        check(Escape::Default, "a\\x22b\\x5Cc", b"a\"b\\c");
        check(Escape::Default, "a\\xZZ", b"a\\xZZ");
        check(Escape::Apache, "a\\\"b\\\\c\\t\\xf9\\xZZ\\q\\", b"a\"b\\c\t\xf9\\xZZ\\q\\");
        check(Escape::Json, "a\\\"b\\\\c\\u001F\\n", b"a\"b\\c\x1f\n");
        check(Escape::Percent, "a%20b%2520c%zz%", b"a b%20c%zz%");
        check(Escape::Haproxy, "a#22b#23#zz#2", b"a\"b##zz#2");
        check(Escape::None, "a\\x22", b"a\\x22");
    }
}
