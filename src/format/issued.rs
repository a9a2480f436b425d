//! Ids that tell when they were given out, and so the zone of the clock beside them.
//!
//! In: lines of a log whose times have no zone. Out: its offset to UTC, where ids in the lines say when their requests came
//! in. Two kinds are known: the unique id of `HAProxy` as its manual writes it
//! (`%{+X}o %ci:%cp_%fi:%fp_%Ts_%rt:%pid`, where `%Ts` is the second of the request), and the trace of an AWS load balancer
//! (`Root=1-` and the second in hexadecimal digits).
//! Invariants: ids may come from clients: a zone counts only if nearly all ids agree, and none is read from few.
//! Source: `HAProxy` configuration manual, `unique-id-format`; AWS, "Request tracing for your Application Load Balancer".

use std::collections::BTreeMap;

use super::Reader;
use super::envelope::offset_between;
use crate::time::SECOND_US;

/// Fewer ids tell nothing.
const MIN_IDS: usize = 5;

/// The offset, in seconds east of UTC, of the clock that wrote these lines. `None`: the reader's lines have a zone, or no
/// ids that tell.
pub(super) fn zone_of(reader: &dyn Reader, lines: &[&[u8]]) -> Option<i32> {
    let mut votes: BTreeMap<Option<i32>, usize> = BTreeMap::new();
    for line in lines {
        let Some(issued_s) = issued_s(line) else { continue };
        let Some(local_us) = reader.written_at(line) else { continue };
        *votes.entry(offset_between(local_us, issued_s * SECOND_US)).or_default() += 1;
    }
    let total: usize = votes.values().sum();
    let (offset_s, n_votes) = votes.into_iter().max_by_key(|(_, n_votes)| *n_votes)?;
    offset_s.filter(|_| n_votes >= MIN_IDS && n_votes * 20 >= total * 19)
}

/// The second, since 1970, at which an id in the line was given out.
fn issued_s(line: &[u8]) -> Option<i64> {
    const DIGITS: usize = 8;
    let digits = |at: usize| {
        let text = std::str::from_utf8(line.get(at..at + DIGITS)?).ok()?;
        i64::from_str_radix(text, 16).ok().filter(|_| !text.starts_with(['+', '-']))
    };
    let trace = b"Root=1-";
    if let Some(at) = memchr::memmem::find(line, trace)
        && line.get(at + trace.len() + DIGITS) == Some(&b'-')
    {
        return digits(at + trace.len());
    }
    // `7F000001:8296_7F00001E:1F90_4F7B0A69_0003:790E`: between two underscores, before a counter and the process.
    memchr::memchr_iter(b'_', line).find_map(|at| {
        let rest = line.get(at + 1 + DIGITS..)?.strip_prefix(b"_")?;
        let n_counter = rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let is_id = (1..=8).contains(&n_counter) && rest.get(n_counter) == Some(&b':');
        let before = line[..at].iter().rev().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let has_port = before > 0 && line.get(at - before - 1) == Some(&b':');
        digits(at + 1).filter(|_| is_id && has_port)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_tell_when_they_were_given_out() {
        for (text, expected) in [
            ("x {7F000001:8296_7F00001E:1F90_4F7B0A69_0003:790E} y", Some(0x4F7B_0A69)),
            ("\"Root=1-69203f5a-0123456789abcdef01234567\"", Some(0x6920_3F5A)),
            ("Self=1-69203f5a-01;Root=1-69203f5b-0123", Some(0x6920_3F5B)),
            ("GET /a_12345678_0003:9 HTTP/1.1", None),
            ("Root=1-6920", None),
            ("1F90_4F7B0A6", None),
            ("", None),
        ] {
            assert_eq!(issued_s(text.as_bytes()), expected, "{text}");
        }
    }
}
