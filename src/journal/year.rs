//! Times without a year, as `journalctl` and syslog print them, and the year they may belong to.
//!
//! In: month, day and time of day. Out: instants, once a reference is given.
//! Invariants: which reference is right is decided elsewhere (boot header, file time, now).

use chrono::{DateTime, Datelike, NaiveDate};

use crate::time::SECOND_US;

/// A calendar time without year and zone: `Mar 10 14:00:01.019504`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct YearlessTime {
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31; 29 for February is possible.
    pub day: u32,
    /// Microseconds since midnight, by the clock of whoever printed it.
    pub time_of_day_us: i64,
}

impl YearlessTime {
    /// The time in a given year, as local microseconds since the epoch. `None`: February 29 of a common year.
    pub fn in_year(self, year: i32) -> Option<i64> {
        let midnight = NaiveDate::from_ymd_opt(year, self.month, self.day)?.and_hms_opt(0, 0, 0)?;
        Some(midnight.and_utc().timestamp_micros() + self.time_of_day_us)
    }

    /// The time in the latest year that puts it no later than a day after the reference. See [`resolve_year`].
    pub fn resolve(self, reference_us: i64) -> Option<i64> {
        resolve_year(self.month, self.day, self.time_of_day_us, reference_us)
    }
}

/// The instant of a year-less time in the latest year that puts it no later than a day after `reference_us`.
///
/// Both are local microseconds since the epoch; the day absorbs the zone. February 29 goes back to a leap year.
/// `None`: no such day, or a reference that is no time.
///
/// # Examples
/// ```
/// use logscan503::journal::text::resolve_year;
/// let new_year_2026 = 1_767_225_600_000_000;
/// let christmas = resolve_year(12, 25, 0, new_year_2026);
/// assert_eq!(christmas, Some(1_766_620_800_000_000)); // of 2025
/// ```
pub fn resolve_year(month: u32, day: u32, time_of_day_us: i64, reference_us: i64) -> Option<i64> {
    let time = YearlessTime { month, day, time_of_day_us };
    let limit = reference_us.checked_add(86_400 * SECOND_US)?;
    let newest = DateTime::from_timestamp_micros(limit)?.year();
    // Leap years are at most eight years apart.
    (0..=8).find_map(|back| time.in_year(newest - back).filter(|&instant| instant <= limit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn the_latest_year_not_after_the_next_day_is_taken() {
        let check = |month, day, reference: &str, expected: Option<&str>| {
            let reference = Timestamp::from_rfc3339(reference).expect("is a time");
            let found = resolve_year(month, day, 43_200 * SECOND_US, reference.0);
            let found = found.map(|instant| Timestamp(instant).to_rfc3339());
            assert_eq!(found.as_deref(), expected);
        };
        check(3, 10, "2025-03-10T14:00:00Z", Some("2025-03-10T12:00:00Z"));
        check(3, 11, "2025-03-10T14:00:00Z", Some("2025-03-11T12:00:00Z"));
        check(3, 12, "2025-03-10T14:00:00Z", Some("2024-03-12T12:00:00Z"));
        check(12, 31, "2026-01-01T00:00:00Z", Some("2025-12-31T12:00:00Z"));
        check(1, 1, "2025-12-31T23:00:00Z", Some("2026-01-01T12:00:00Z"));
        check(2, 29, "2026-06-01T00:00:00Z", Some("2024-02-29T12:00:00Z"));
        check(2, 29, "1903-06-01T00:00:00Z", Some("1896-02-29T12:00:00Z"));
        check(2, 30, "2026-06-01T00:00:00Z", None);
        assert_eq!(resolve_year(1, 1, 0, i64::MAX), None);
        assert_eq!(resolve_year(0, 1, 0, 0), None);
    }
}
