//! One fixed-layout parser per notation.
//!
//! In: the bytes of a stamp. Out: a [`Stamp`]. `None`: not of the notation, or no such time.
//! Invariants: digits are read at fixed places, never past the stamp; `chrono` is the oracle in tests.
//! Source: nginx `ngx_times.c`; Apache `mod_log_config` and `core.c`; the W3C draft; each function says more.

use super::{SECOND_US, Stamp};
use crate::bytes::{parse_u64, two_digits};

/// Days from 1970-01-01 to a day of the proleptic Gregorian calendar.
///
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = i64::from((month + 9) % 12);
    let day_of_year = (153 * shifted_month + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn days_in_month(year: i64, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Local microseconds of a calendar time. A leap second (`:60`) counts as the next second. `None`: no such time.
fn civil_us(year: i64, month: u32, day: u32, hour: u32, minute: u32, second: u32) -> Option<i64> {
    if !(1..=12).contains(&month) || day == 0 || day > days_in_month(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = days_from_civil(year, month, day);
    let seconds = i64::from(hour * 3600 + minute * 60 + second);
    Some((days * 86_400 + seconds) * SECOND_US)
}

/// Local microseconds of a day at the clock that `text` begins with, and what follows the clock.
fn at_clock(year: i64, month: u32, day: u32, text: &[u8]) -> Option<(i64, &[u8])> {
    let (clock, rest) = text.split_first_chunk()?;
    let (hour, minute, second) = clock_of(*clock)?;
    Some((civil_us(year, month, day, hour, minute, second)?, rest))
}

/// The month of an English three-letter abbreviation.
#[inline]
fn month_number(name: [u8; 3]) -> Option<u32> {
    Some(match &name {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    })
}

fn year_of(digits: [u8; 4]) -> Option<i64> {
    let [a, b, c, d] = digits;
    Some(i64::from(two_digits([a, b])?) * 100 + i64::from(two_digits([c, d])?))
}

/// Bytes of `21:29:42`.
const CLOCK_BYTES: usize = 8;

/// Hours, minutes and seconds of `21:29:42`.
fn clock_of(text: [u8; CLOCK_BYTES]) -> Option<(u32, u32, u32)> {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = text else { return None };
    Some((two_digits([h1, h2])?, two_digits([m1, m2])?, two_digits([s1, s2])?))
}

/// Seconds east of UTC of `+0200`, `+02:00`, `-08`, `Z`.
pub fn parse_offset(text: &[u8]) -> Option<i32> {
    let (sign, digits) = match text {
        // BigQuery writes the name.
        b"Z" | b"z" | b"UTC" => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match *digits {
        [a, b] => (two_digits([a, b])?, 0),
        [a, b, c, d] | [a, b, b':', c, d] => (two_digits([a, b])?, two_digits([c, d])?),
        _ => return None,
    };
    if hours > 23 || minutes > 59 {
        return None;
    }
    Some(sign * (hours * 3600 + minutes * 60) as i32)
}

fn without_brackets(text: &[u8]) -> &[u8] {
    match text {
        [b'[', inside @ .., b']'] => inside,
        _ => text,
    }
}

/// Parses `20/Nov/2026:21:29:42 +0000` (26 bytes), also in the brackets that `%t` brings along where a format puts it into
/// quotes.
pub fn parse_clf(text: &[u8]) -> Option<Stamp> {
    let text = without_brackets(text);
    let &[d1, d2, b'/', m1, m2, m3, b'/', y1, y2, y3, y4, b':', ref rest @ ..] = text else {
        return None;
    };
    let (year, month) = (year_of([y1, y2, y3, y4])?, month_number([m1, m2, m3])?);
    let (local, rest) = at_clock(year, month, two_digits([d1, d2])?, rest)?;
    Some(Stamp::zoned(local, parse_offset(rest.strip_prefix(b" ")?)?))
}

/// Parses `2026-11-20T21:29:42.123+01:00` and its usual variants, also with a blank before the offset; without a zone
/// the stamp is zone-less.
pub fn parse_iso8601(text: &[u8]) -> Option<Stamp> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T' | b't' | b' ', ref rest @ ..] = text
    else {
        return None;
    };
    let (year, month) = (year_of([y1, y2, y3, y4])?, two_digits([m1, m2])?);
    let (local, rest) = at_clock(year, month, two_digits([d1, d2])?, rest)?;
    let (fraction_us, zone) = take_fraction(rest)?;
    with_offset(local + fraction_us, zone)
}

/// Parses `1795210283.328` or `1795210283`. Only years 2001 to 2286, so that a byte count is not taken for a time.
pub fn parse_epoch_seconds(text: &[u8]) -> Option<Stamp> {
    let (whole, fraction) = match memchr::memchr(b'.', text) {
        Some(dot) => (&text[..dot], Some(&text[dot + 1..])),
        None => (text, None),
    };
    if whole.len() != 10 || whole[0] == b'0' {
        return None;
    }
    let fraction_us = match fraction {
        Some(digits) => fraction_us(digits)?,
        None => 0,
    };
    Some(Stamp::zoned(parse_u64(whole)? as i64 * SECOND_US + fraction_us, 0))
}

/// Parses `1795210283328`, milliseconds since the epoch (13 digits), with or without a fraction.
pub fn parse_epoch_millis(text: &[u8]) -> Option<Stamp> {
    let (whole, fraction) = match memchr::memchr(b'.', text) {
        Some(dot) => (&text[..dot], fraction_us(&text[dot + 1..])? / 1000),
        None => (text, 0),
    };
    if whole.len() != 13 || whole[0] == b'0' {
        return None;
    }
    Some(Stamp::zoned(parse_u64(whole)? as i64 * 1000 + fraction, 0))
}

/// Parses `2026/11/20 21:29:49`, with or without a fraction, no zone.
pub fn parse_nginx_error(text: &[u8]) -> Option<Stamp> {
    let &[y1, y2, y3, y4, b'/', m1, m2, b'/', d1, d2, b' ', ref rest @ ..] = text else {
        return None;
    };
    let (year, month) = (year_of([y1, y2, y3, y4])?, two_digits([m1, m2])?);
    let (local, rest) = at_clock(year, month, two_digits([d1, d2])?, rest)?;
    let (fraction_us, b"") = take_fraction(rest)? else { return None };
    Some(Stamp { micros: local + fraction_us, offset_s: None })
}

/// Parses the date and time columns of a W3C extended log, which are UTC. `text` goes from the first of the two columns
/// to the end of the other: what stands between them is passed over.
///
/// Source: W3C working draft "Extended Log File Format"; IIS configuration reference, `logFile`.
pub fn parse_w3c(text: &[u8]) -> Option<Stamp> {
    if let &[ref date @ .., b' ', h1, h2, b':', m1, m2, b':', s1, s2] = text
        && let Some(day_us) = w3c_day_us(date)
    {
        return Some(Stamp::zoned(day_us + clock_us([h1, h2, b':', m1, m2, b':', s1, s2])?, 0));
    }
    let text = text.strip_prefix(b"\"").unwrap_or(text);
    let text = text.strip_suffix(b"\"").unwrap_or(text);
    // Each may stand in quotes, also as a value of JSON; any separator may be between them.
    let is_between = |byte: &u8| !byte.is_ascii_digit() && !matches!(byte, b'-' | b':' | b'.');
    let first = &text[..text.iter().position(is_between)?];
    let last = &text[text.iter().rposition(is_between)? + 1..];
    let day = w3c_day_us(first).zip(w3c_clock_us(last));
    let swapped = || w3c_day_us(last).zip(w3c_clock_us(first));
    let (day_us, clock_us) = day.or_else(swapped)?;
    Some(Stamp::zoned(day_us + clock_us, 0))
}

/// Local microseconds at the start of `2026-11-20`.
pub fn w3c_day_us(text: &[u8]) -> Option<i64> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else { return None };
    civil_us(year_of([y1, y2, y3, y4])?, two_digits([m1, m2])?, two_digits([d1, d2])?, 0, 0, 0)
}

/// Microseconds since midnight of `21:29:42`, with or without a fraction.
pub fn w3c_clock_us(text: &[u8]) -> Option<i64> {
    let &[h1, h2, c1, m1, m2, c2, s1, s2, ref rest @ ..] = text else { return None };
    let whole = clock_us([h1, h2, c1, m1, m2, c2, s1, s2])?;
    match rest {
        [] => Some(whole),
        [b'.', digits @ ..] => Some(whole + fraction_us(digits)?),
        _ => None,
    }
}

/// Microseconds since midnight.
fn clock_us(text: [u8; CLOCK_BYTES]) -> Option<i64> {
    let (hour, minute, second) = clock_of(text)?;
    (hour <= 23 && minute <= 59 && second <= 60)
        .then_some(i64::from(hour * 3600 + minute * 60 + second) * SECOND_US)
}

/// Parses `2/23/2013, 12:12:46`: month, day, year, local time.
///
/// Source: IIS documentation, "IIS Log File Formats". A first number above 12 is taken for the day; two-digit years are
/// those of IIS 4 (1970 to 2069).
pub fn parse_iis_native(text: &[u8]) -> Option<Stamp> {
    let comma = memchr::memchr(b',', text)?;
    let (date, clock) = (&text[..comma], text[comma + 1..].strip_prefix(b" ")?);
    let mut parts = date.split(|byte| *byte == b'/').map(parse_u64);
    let (first, second, year) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() || first > 31 || second > 31 {
        return None;
    }
    let (month, day) = if first > 12 { (second, first) } else { (first, second) };
    let year = match year {
        0..=69 => 2000 + year,
        70..=99 => 1900 + year,
        1000..=9999 => year,
        _ => return None,
    };
    let (hour, minute, second) = match *clock {
        [h, b':', m1, m2, b':', s1, s2] => clock_of([b'0', h, b':', m1, m2, b':', s1, s2])?,
        [h1, h2, b':', m1, m2, b':', s1, s2] => clock_of([h1, h2, b':', m1, m2, b':', s1, s2])?,
        _ => return None,
    };
    let local = civil_us(year as i64, month as u32, day as u32, hour, minute, second)?;
    Some(Stamp { micros: local, offset_s: None })
}

/// Parses `3/17/2026 12:54:16 PM` (month first, unless that number is above 12), `17.03.2026 12:54:16` (day first) and
/// `2026-03-17 12:54:16`: the local time as the language of Windows writes it. A fraction may follow the seconds.
pub fn parse_windows_local(text: &[u8]) -> Option<Stamp> {
    parse_windows_local_in(text, false)
}

/// As [`parse_windows_local`], where it is known whether dates with slashes have the day before the month.
pub fn parse_windows_local_in(text: &[u8], is_day_first: bool) -> Option<Stamp> {
    if text.get(4) == Some(&b'-') {
        return parse_iso8601(text);
    }
    let blank = memchr::memchr(b' ', text)?;
    let (date, clock) = (text[..blank].trim_ascii_end(), &text[blank + 1..]);
    let date = date.strip_suffix(b",").unwrap_or(date);
    let mark = *date.iter().find(|byte| !byte.is_ascii_digit())?;
    let mut numbers = date.split(|byte| *byte == mark).map(parse_u64);
    let (first, second, year) = (numbers.next()??, numbers.next()??, numbers.next()??);
    if numbers.next().is_some() || !matches!(mark, b'/' | b'.' | b'-') || first > 31 || second > 31
    {
        return None;
    }
    let day_first = is_day_first || mark != b'/' || first > 12;
    let (month, day) = if day_first { (second, first) } else { (first, second) };
    let end = clock.iter().position(|byte| !byte.is_ascii_digit() && *byte != b':');
    let (clock, half) = clock.split_at(end.unwrap_or(clock.len()));
    let (fraction_us, half) = match half {
        [b'.', rest @ ..] => {
            let n = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let us = rest[..n].iter().chain(b"000000").take(6);
            (us.fold(0, |us, digit| us * 10 + i64::from(digit - b'0')), &rest[n..])
        }
        _ => (0, half),
    };
    // A narrow blank may stand before the half of the day.
    let half =
        half.iter().copied().find(u8::is_ascii_alphabetic).map(|byte| byte.to_ascii_uppercase());
    let mut parts = clock.split(|byte| *byte == b':').map(parse_u64);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let hour = match half {
        Some(b'P') if hour < 12 => hour + 12,
        Some(b'A') if hour == 12 => 0,
        _ => hour,
    };
    let local =
        civil_us(year as i64, month as u32, day as u32, hour as u32, minute as u32, second as u32)?;
    let micros = local + fraction_us;
    (1970..=9999).contains(&year).then_some(Stamp { micros, offset_s: None })
}

/// Parses `1795210283328123456`, nanoseconds since the epoch (19 digits).
pub fn parse_epoch_nanos(text: &[u8]) -> Option<Stamp> {
    if text.len() != 19 || text[0] == b'0' {
        return None;
    }
    Some(Stamp::zoned((parse_u64(text)? / 1000) as i64, 0))
}

/// Parses `1795210283328123`, microseconds since the epoch (16 digits).
pub fn parse_epoch_micros(text: &[u8]) -> Option<Stamp> {
    if text.len() != 16 || text[0] == b'0' {
        return None;
    }
    Some(Stamp::zoned(parse_u64(text)? as i64, 0))
}

/// Parses `1/Nov/2026:21:29:42`, `20/Nov/2026 21:29:42.123 +0100` and the like, also in the brackets that Apache's `%t` has.
pub fn parse_clf_variant(text: &[u8]) -> Option<Stamp> {
    let text = without_brackets(text);
    let (day, rest) = match text {
        [ones, b'/', rest @ ..] => (two_digits([b'0', *ones])?, rest),
        [tens, ones, b'/', rest @ ..] => (two_digits([*tens, *ones])?, rest),
        _ => return None,
    };
    let &[m1, m2, m3, b'/', y1, y2, y3, y4, b':' | b' ', ref rest @ ..] = rest else {
        return None;
    };
    let (year, month) = (year_of([y1, y2, y3, y4])?, month_number([m1, m2, m3])?);
    let (local, rest) = at_clock(year, month, day, rest)?;
    let (fraction_us, zone) = take_fraction(rest)?;
    with_offset(local + fraction_us, zone)
}

/// Parses `Fri Nov 20 21:21:41.755305 2026`, also without a fraction or with ` +0100` at the end.
pub fn parse_ctime(text: &[u8]) -> Option<Stamp> {
    let &[w1, w2, w3, b' ', m1, m2, m3, b' ', tens, ones, b' ', ref rest @ ..] = text else {
        return None;
    };
    if ![w1, w2, w3].iter().all(u8::is_ascii_alphabetic) {
        return None;
    }
    let tens = if tens == b' ' { b'0' } else { tens };
    let (clock, rest) = rest.split_at_checked(CLOCK_BYTES)?;
    let (fraction_us, rest) = take_fraction(rest)?;
    let &[b' ', y1, y2, y3, y4, ref zone @ ..] = rest else { return None };
    let day = two_digits([tens, ones])?;
    let (year, month) = (year_of([y1, y2, y3, y4])?, month_number([m1, m2, m3])?);
    let (local, _) = at_clock(year, month, day, clock)?;
    with_offset(local + fraction_us, zone)
}

/// Microseconds of a leading `.123` or `,123`, 0 without one, and what follows.
fn take_fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let [b'.' | b',', tail @ ..] = text else { return Some((0, text)) };
    let n_digits = tail.iter().take_while(|byte| byte.is_ascii_digit()).count();
    Some((fraction_us(&tail[..n_digits])?, &tail[n_digits..]))
}

/// A stamp with the offset that `zone` holds: nothing, or an offset that one blank may precede.
fn with_offset(local_us: i64, zone: &[u8]) -> Option<Stamp> {
    match zone.strip_prefix(b" ").unwrap_or(zone) {
        [] if zone.is_empty() => Some(Stamp { micros: local_us, offset_s: None }),
        offset => Some(Stamp::zoned(local_us, parse_offset(offset)?)),
    }
}

/// Microseconds of 1 to 9 fraction digits.
fn fraction_us(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    let mut micros = 0i64;
    for place in 0..6 {
        let digit = match digits.get(place) {
            Some(byte) if byte.is_ascii_digit() => i64::from(byte - b'0'),
            Some(_) => return None,
            None => 0,
        };
        micros = micros * 10 + digit;
    }
    digits.iter().skip(6).all(u8::is_ascii_digit).then_some(micros)
}
