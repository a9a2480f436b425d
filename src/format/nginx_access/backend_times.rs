//! Whether a column without a key holds `$upstream_response_time`.
//!
//! In: its values, each with the status and the duration of its request. Out: yes or no.
//! Invariants: marks of absence alone prove nothing, since any variable may be absent; what is longer than the requests are,
//! or absent where a gateway failed, is another duration.
//! Source: nginx `ngx_http_upstream.c` (`ngx_http_upstream_response_time_variable`; a failed attempt has its duration, too).

use crate::bytes::{is_absent, parse_seconds_us, upstream_items};

/// The server's cached clock ticks, so that a part may seem to take this much longer than the whole, microseconds.
const TICKS_US: u64 = 2000;

/// With fewer lines than this, a column that is always there is believed to be what its layout says.
const FEW_LINES: usize = 10;

/// What the values of a column show, counted.
#[derive(Debug, Default)]
pub(in crate::format) struct BackendTimes {
    timed: usize,
    absent: usize,
    lists: usize,
    other: usize,
    /// Longer than the request, and shorter.
    above: usize,
    below: usize,
    /// Absent in the last attempt of a 502 or 504, and not.
    lost: usize,
    told: usize,
}

impl BackendTimes {
    /// Counts one value.
    pub(in crate::format) fn note(&mut self, value: &[u8], status: u16, request_us: Option<u64>) {
        let is_gateway_error = matches!(status, 502 | 504);
        let (mut total_us, mut n_items, mut n_times) = (0u64, 0, 0);
        let mut is_last_told = false;
        for item in upstream_items(value) {
            n_items += 1;
            is_last_told = !is_absent(item);
            if !is_last_told {
                continue;
            }
            let Some(micros) = parse_seconds_us(item).filter(|_| has_three_decimals(item)) else {
                self.other += 1;
                return;
            };
            n_times += 1;
            total_us = total_us.saturating_add(micros);
        }
        self.lists += usize::from(n_items > 1);
        // Each attempt has its duration, the last one too: what it lacks is a header or a connection.
        self.told += usize::from(is_gateway_error && is_last_told);
        self.lost += usize::from(is_gateway_error && !is_last_told);
        if n_times == 0 {
            self.absent += 1;
            return;
        }
        self.timed += 1;
        let Some(request_us) = request_us else { return };
        self.above += usize::from(total_us > request_us.saturating_add(TICKS_US));
        self.below += usize::from(request_us > total_us.saturating_add(TICKS_US));
    }

    /// True when they are durations of backends.
    pub(in crate::format) fn are_shown(&self) -> bool {
        let n = self.timed + self.absent + self.other;
        let differs = self.absent > 0 || self.lists > 0 || self.below > 0;
        self.timed > 0
            && self.other * 50 <= n
            && self.above * 10 <= self.timed
            && self.lost <= self.told
            && (differs || n < FEW_LINES)
    }
}

/// As nginx writes durations.
fn has_three_decimals(item: &[u8]) -> bool {
    item.len() >= 5 && item[item.len() - 4] == b'.'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rows: &[(&str, u16, u64)], expected: bool) {
        let mut times = BackendTimes::default();
        for (value, status, request_ms) in rows {
            times.note(value.as_bytes(), *status, Some(request_ms * 1000));
        }
        assert_eq!(times.are_shown(), expected, "{rows:?}");
    }

    #[test]
    fn only_durations_of_backends_pass() {
        check(&[("0.012", 200, 12), ("-", 503, 0)], true);
        check(&[("0.012", 200, 12)], true);
        check(&[("0.001, 0.004", 200, 5), ("- : 0.004", 503, 5)], true);
        check(&[("-", 200, 12), ("-", 503, 0)], false);
        check(&[("-", 200, 12), ("PASSED", 503, 0)], false);
        check(&[("441", 200, 12), ("0.5", 200, 12)], false);
        // An epoch, or the age of the connection.
        check(&[("1795210283.328", 200, 12)], false);
        check(&[("0.012", 200, 12), ("1.400", 200, 9), ("2.000", 200, 9)], false);
        check(&[("0.012", 200, 12); 10], false);
        check(&[("0.012", 200, 30); 10], true);
        // A connection that failed took no time to be made, an answer that failed took some.
        check(&[("0.001", 200, 12), ("-", 502, 1)], false);
        check(&[("0.001", 200, 12), ("0.000", 502, 1), ("-", 502, 9)], true);
        // So has the last attempt of several.
        check(&[("0.001", 200, 12), ("0.004 : -", 502, 5)], false);
        check(&[("0.001", 200, 12), ("- : 0.004", 502, 5)], true);
    }
}
