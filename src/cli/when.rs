//! Time expressions: `2026-06-01T02:00:00Z`, `2026-06-01 02:00`, `14:30`, `-2h`, `90 minutes ago`.
//!
//! In: the text, the present, and the zone for times without one. Out: microseconds UTC.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeZone, Utc};
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::character::complete::{alpha1, char, digit1, space0, space1};
use nom::combinator::{all_consuming, map_res, opt, value};
use nom::multi::many1;
use nom::sequence::{preceded, terminated};
use nom::{IResult, Parser};

use crate::attribute::zones::{InputZone, ZonePolicy};
use crate::time::{SECOND_US, Timestamp};

/// Reads a time expression. `None`: it is none.
pub(super) fn parse_time(text: &str, now: Timestamp, zone: ZonePolicy) -> Option<Timestamp> {
    let text = text.trim();
    if text == "now" {
        return Some(now);
    }
    if let Some(time) = Timestamp::from_rfc3339(text) {
        return Some(time);
    }
    if let Ok((_, seconds)) = all_consuming(relative).parse(text) {
        return now.0.checked_sub(seconds.checked_mul(SECOND_US)?).map(Timestamp);
    }
    if let Some(seconds) = text.strip_prefix('@') {
        return seconds.parse::<i64>().ok()?.checked_mul(SECOND_US).map(Timestamp);
    }
    let local = local_time(text, now, zone)?;
    let zone = if zone == ZonePolicy::Unsaid { InputZone::Assumed } else { InputZone::Flag(zone) };
    let local_us = local.and_utc().timestamp_micros();
    Some(Timestamp(local_us - i64::from(zone.offset_at(local_us)) * SECOND_US))
}

/// `-2h`, `-1h30m`, `90 minutes ago`, `2h ago`: seconds before the present.
fn relative(input: &str) -> IResult<&str, i64> {
    let minus = preceded(char('-'), many1(amount));
    let ago = terminated(many1(terminated(amount, space0)), tag("ago"));
    let (rest, amounts) = alt((minus, ago)).parse(input)?;
    Ok((rest, amounts.into_iter().fold(0, i64::saturating_add)))
}

/// A number with a unit, in seconds.
fn amount(input: &str) -> IResult<&str, i64> {
    let number = map_res(digit1, |digits: &str| digits.parse::<i64>());
    let unit = map_res(alpha1, |word: &str| {
        Ok::<i64, &str>(match word {
            "s" | "sec" | "secs" | "second" | "seconds" => 1,
            "m" | "min" | "mins" | "minute" | "minutes" => 60,
            "h" | "hour" | "hours" => 3600,
            "d" | "day" | "days" => 86_400,
            "w" | "week" | "weeks" => 604_800,
            _ => return Err("unit"),
        })
    });
    let (rest, (number, _, unit)) = (number, opt(space1), unit).parse(input)?;
    Ok((rest, number.saturating_mul(unit)))
}

/// A calendar time without zone. A bare clock time is that of the present day, or of the day before if it is to come.
fn local_time(text: &str, now: Timestamp, zone: ZonePolicy) -> Option<NaiveDateTime> {
    for form in ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"] {
        if let Ok(time) = NaiveDateTime::parse_from_str(text, form) {
            return Some(time);
        }
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return date.and_hms_opt(0, 0, 0);
    }
    let (_, (hour, minute, second)) = all_consuming(clock).parse(text).ok()?;
    let zone = if zone == ZonePolicy::Unsaid { InputZone::Assumed } else { InputZone::Flag(zone) };
    let offset_us = i64::from(zone.offset_at(now.0)) * SECOND_US;
    let here: DateTime<Utc> = Utc.timestamp_micros(now.0 + offset_us).single()?;
    let today = NaiveDate::from_ymd_opt(here.year(), here.month(), here.day())?;
    let time = today.and_hms_opt(hour, minute, second)?;
    if time > here.naive_utc() { time.checked_sub_days(chrono::Days::new(1)) } else { Some(time) }
}

/// `14:30` or `14:30:05`.
fn clock(input: &str) -> IResult<&str, (u32, u32, u32)> {
    let number = |input| map_res(digit1, str::parse::<u32>).parse(input);
    let (rest, (hour, _, minute, second)) =
        (number, char(':'), number, alt((preceded(char(':'), number), value(0, tag("")))))
            .parse(input)?;
    Ok((rest, (hour, minute, second)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, zone: ZonePolicy, expected: Option<&str>) {
        let now = Timestamp::from_rfc3339("2026-11-20T21:30:00Z").unwrap();
        let got = parse_time(text, now, zone).map(Timestamp::to_rfc3339);
        assert_eq!(got.as_deref(), expected, "{text}");
    }

    #[test]
    fn expressions() {
        let utc = ZonePolicy::Unsaid;
        let paris = ZonePolicy::Named(chrono_tz::Europe::Paris);
        check("2026-06-01T02:00:00+02:00", utc, Some("2026-06-01T00:00:00Z"));
        check("2026-06-01 02:00", utc, Some("2026-06-01T02:00:00Z"));
        check("2026-06-01 02:00", paris, Some("2026-06-01T00:00:00Z"));
        check("2026-06-01", utc, Some("2026-06-01T00:00:00Z"));
        check("14:30", utc, Some("2026-11-20T14:30:00Z"));
        check("23:30", utc, Some("2026-11-19T23:30:00Z"));
        check("22:15", paris, Some("2026-11-20T21:15:00Z"));
        check("-2h", utc, Some("2026-11-20T19:30:00Z"));
        check("-1h30m", utc, Some("2026-11-20T20:00:00Z"));
        check("90 minutes ago", utc, Some("2026-11-20T20:00:00Z"));
        check("1 day 2 hours ago", utc, Some("2026-11-19T19:30:00Z"));
        check("now", utc, Some("2026-11-20T21:30:00Z"));
        check("@1795210283", utc, Some("2026-11-20T21:31:23Z"));
        for text in ["", "yesterday-ish", "25:00", "-", "2h", "2026-13-01"] {
            check(text, utc, None);
        }
        // Further than times reach.
        for text in ["-9999999999999h", "-9223372036854775807s1s", "@9223372036854775807"] {
            check(text, utc, None);
        }
    }
}
