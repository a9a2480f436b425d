//! The columns that tell of backends: addresses, statuses, durations and sizes per attempt.
//!
//! In: columns of which time, status and headers already have names. Out: more names.
//! Invariants: columns of one attempt have values, lists and absences in the same lines; that is the evidence.

use super::super::names::is_status_list;
use super::super::values::{Column, Kind};
use super::{Naming, is_int};
use crate::bytes::{is_absent, is_peer_address, last_upstream_item, parse_status, upstream_items};
use crate::format::nginx_access::backend_times::BackendTimes;

/// With fewer lines than this, chance agreement between columns proves nothing.
const FEW_LINES: usize = 10;

impl Naming<'_, '_> {
    pub(super) fn upstream_addr(&mut self) {
        if self.find("upstream_addr").is_some() {
            return;
        }
        let columns = self.columns;
        let mut candidates = self.unnamed();
        candidates.retain(|idx| {
            let column = &columns[*idx];
            column.count(Kind::Addr) > 0 && column.is(&[Kind::Addr, Kind::Word, Kind::Host])
        });
        let proven: Vec<usize> =
            candidates.iter().copied().filter(|idx| self.is_proven_addr(*idx)).collect();
        if let [only] = proven[..] {
            let column = &columns[only];
            let why = format!(
                "host:port in {} of {} lines, absent in {}, a list in {}",
                column.count(Kind::Addr),
                column.n(),
                column.n_absent,
                column.n_lists
            );
            self.set(only, "upstream_addr");
            self.note(only, "taken for $upstream_addr", &why);
        } else {
            for idx in candidates {
                self.note(
                    idx,
                    "left unnamed",
                    "an address, but nothing shows that it is a backend's",
                );
            }
        }
    }

    fn is_proven_addr(&self, idx: usize) -> bool {
        let column = &self.columns[idx];
        if column.n_lists > 0 || column.values.iter().any(|value| value.starts_with(b"unix:")) {
            return true;
        }
        let others = || (0..self.columns.len()).filter(move |other| *other != idx);
        let is_upstream_like = |other: &usize| {
            let other_column = &self.columns[*other];
            self.names[*other] != Some("status")
                && (other_column.is(&[Kind::Status]) || other_column.is(&[Kind::Seconds]))
        };
        // Absent in the same lines as a status or a duration, and not always: both tell of the same attempt.
        if column.n_absent > 0 {
            let goes_along = |other| self.n_same_absence(idx, other) * 50 >= column.n() * 49;
            return others().filter(is_upstream_like).any(goes_along) || self.are_few_peers(idx);
        }
        // Never absent: few addresses, with a status beside them that mostly, but not always, is that of the response. One
        // that always is shows nothing, unless a second duration does: the server's own address stands in every line too.
        let Some(status) = self.find("status") else { return false };
        let hosts_are_addresses = column.values.iter().all(|value| {
            let host =
                value.iter().rposition(|byte| *byte == b':').map_or(&value[..0], |at| &value[..at]);
            host.starts_with(b"[") || host.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
        });
        let is_web_port = column.n_distinct == 1
            && column
                .values
                .iter()
                .any(|value| value.ends_with(b":80") || value.ends_with(b":443"));
        column.n() >= FEW_LINES
            && hosts_are_addresses
            && !is_web_port
            && !self.is_in_place_of_client(idx)
            && column.n_distinct * 2 <= column.n()
            && others().any(|other| {
                other != status
                    && self.columns[other].is(&[Kind::Status])
                    && self.is_of_another(other, status)
                    && self.mostly_agrees(other, status)
            })
    }

    /// True for the first address of a line, in front of its time: that of the client, with its port.
    fn is_in_place_of_client(&self, idx: usize) -> bool {
        let is_time = |name: Option<&str>| {
            name.is_some_and(|name| super::TIMES.iter().any(|(time, _)| *time == name))
        };
        let is_address = |column: &Column<'_>| column.is(&[Kind::Ip, Kind::Addr]);
        self.names.iter().copied().position(is_time).is_some_and(|time| idx < time)
            && !self.columns[..idx].iter().any(is_address)
    }

    /// True when a status is not that of the response in some line: a copy of it is the same in all. Where two durations
    /// stand in the lines, of which one is never above the other, there are two answers, which may be alike.
    fn is_of_another(&self, idx: usize, status: usize) -> bool {
        self.n_equal(idx, status) < self.n_lines()
            || self.columns[idx].n_lists > 0
            || self.has_two_durations()
    }

    fn has_two_durations(&self) -> bool {
        let durations = || self.columns.iter().filter(|column| column.is(&[Kind::Seconds]));
        let is_within = |inner: &Column<'_>, outer: &Column<'_>| {
            let pairs = || {
                (0..self.n_lines())
                    .filter_map(|row| Some((inner.seconds_us_at(row)?, outer.seconds_us_at(row)?)))
            };
            pairs().all(|(inner, outer)| inner <= outer) && pairs().any(|(one, other)| one < other)
        };
        durations().enumerate().any(|(nth, outer)| {
            let mut others = durations().enumerate().filter(|(other, _)| *other != nth);
            others.any(|(_, inner)| is_within(inner, outer))
        })
    }

    /// True for addresses with a port of which there are fewer than clients: those of clients would be as many or more.
    fn are_few_peers(&self, idx: usize) -> bool {
        let column = &self.columns[idx];
        let is_list_of_peers = |value: &&[u8]| upstream_items(value).all(is_peer_address);
        let n_peers = column.values.iter().copied().filter(|value| is_list_of_peers(value)).count();
        column.n() >= FEW_LINES
            && column.n_distinct * 4 <= column.n()
            && n_peers * 50 >= column.n_present() * 49
            && self
                .find("remote_addr")
                .is_some_and(|client| self.columns[client].n_distinct > column.n_distinct)
    }

    fn n_same_absence(&self, one: usize, other: usize) -> usize {
        (0..self.n_lines())
            .filter(|row| {
                self.columns[one].is_absent_at(*row) == self.columns[other].is_absent_at(*row)
            })
            .count()
    }

    fn n_equal(&self, one: usize, other: usize) -> usize {
        let (one, other) = (&self.columns[one].values, &self.columns[other].values);
        one.iter()
            .zip(other)
            .filter(|(a, b)| last_upstream_item(a) == last_upstream_item(b))
            .count()
    }

    /// True when a status is that of the response in half of all lines, or nearly always where the response is no server
    /// error: in an outage a proxy gives another status than the backend, line after line.
    fn mostly_agrees(&self, idx: usize, status: usize) -> bool {
        if self.n_equal(idx, status) * 2 >= self.n_lines() {
            return true;
        }
        let (values, statuses) = (&self.columns[idx].values, &self.columns[status].values);
        let answered =
            values.iter().zip(statuses).filter(|(_, status)| **status < b"500".as_slice());
        let (mut n_answered, mut n_agree) = (0, 0);
        for (value, status) in answered {
            n_answered += 1;
            n_agree += usize::from(last_upstream_item(value) == last_upstream_item(status));
        }
        n_answered >= FEW_LINES && n_agree * 10 >= n_answered * 9
    }

    pub(super) fn upstream_status(&mut self) {
        if self.find("upstream_status").is_some() {
            return;
        }
        let (columns, n) = (self.columns, self.n_lines());
        let Some(status) = self.find("status") else { return };
        let addr = self.find("upstream_addr");
        // A label is proof of its own.
        let is_called_so = addr.is_some_and(|addr| columns[addr].label.is_some());
        let mut candidates = self.unnamed();
        candidates.retain(|idx| is_status_list(&columns[*idx]));
        let mut proven = Vec::new();
        for idx in &candidates {
            let column = &columns[*idx];
            let n_agree = self.n_equal(*idx, status);
            let is_proven = match addr {
                Some(addr) => {
                    let counts_match = (0..n)
                        .filter(|row| {
                            upstream_items(columns[addr].values[*row]).count()
                                == upstream_items(column.values[*row]).count()
                        })
                        .count();
                    let shows_absence = column.n_absent > 0 || column.n_lists > 0;
                    let n_contradictions = (0..n)
                        .filter(|row| {
                            let status = columns[status].values[*row];
                            columns[addr].is_absent_at(*row) != column.is_absent_at(*row)
                                && status != b"499"
                        })
                        .count();
                    n_contradictions * 50 <= n
                        && counts_match * 50 >= n * 49
                        && (shows_absence
                            || self.is_remapped(*idx, status)
                            || (self.status_is_sure
                                && n >= FEW_LINES
                                && (is_called_so || self.is_of_another(*idx, status))
                                && self.mostly_agrees(*idx, status)))
                }
                // Without addresses only a list, or absence and agreement in many lines, tell; or that the response
                // is another error than this one, as error pages make it. A key that no such column has speaks
                // against it: `redir=200`.
                None => {
                    column.n_lists > 0
                        || self.is_remapped(*idx, status)
                        || (n >= FEW_LINES
                            && column.n_absent > 0
                            && column.n_present() >= 3
                            && n_agree * 10 >= column.n_present() * 8
                            && column.label.is_none()
                            && self.is_in_answers(*idx, status))
                }
            };
            if is_proven {
                proven.push((*idx, n_agree));
            }
        }
        if let [(only, n_agree)] = proven[..] {
            let column = &columns[only];
            let why = format!(
                "a status in {} of {n} lines, absent in {}, a list in {}; that of the response in {n_agree}",
                column.n_present(),
                column.n_absent,
                column.n_lists
            );
            self.set(only, "upstream_status");
            self.note(only, "taken for $upstream_status", &why);
        } else {
            for idx in candidates {
                self.note(idx, "left unnamed", "a status, but not surely the backend's");
            }
        }
    }

    /// True when a status stands in lines of requests that were served, as a backend's does in most of them. One that is
    /// written for errors alone may be the server's own: `%{REDIRECT_STATUS}e`, or a `map` of `$status`.
    fn is_in_answers(&self, idx: usize, status: usize) -> bool {
        let statuses = &self.columns[status].values;
        let served = (0..self.n_lines()).filter(|row| statuses[*row] < b"400".as_slice());
        let (mut n_served, mut n_present) = (0, 0);
        for row in served {
            n_served += 1;
            n_present += usize::from(!self.columns[idx].is_absent_at(row));
        }
        n_present > 0 && n_present * 4 >= n_served
    }

    /// True when a status is that of the response but where an error of a gateway became a 503.
    fn is_remapped(&self, idx: usize, status: usize) -> bool {
        let (values, statuses) = (&self.columns[idx].values, &self.columns[status].values);
        let (mut n_remapped, mut n_other) = (0, 0);
        for (value, status) in values.iter().zip(statuses) {
            match (*value, *status) {
                (value, status) if value == status => {}
                (b"502" | b"504", b"503") => n_remapped += 1,
                _ => n_other += 1,
            }
        }
        n_remapped >= 3 && n_other * 50 <= values.len()
    }

    /// True when two columns have the same number of items, or none, in nearly all lines.
    fn goes_with(&self, one: usize, other: usize) -> bool {
        let (one, other) = (&self.columns[one], &self.columns[other]);
        // Lists and absences are rare in calm times: where one column has them, the other must have them too.
        let (mut n_special, mut n_apart) = (0usize, 0usize);
        for (a, b) in one.values.iter().zip(&other.values) {
            let shape = |value: &[u8]| (is_absent(value), upstream_items(value).count());
            n_special += usize::from(shape(a) != (false, 1) || shape(b) != (false, 1));
            n_apart += usize::from(shape(a) != shape(b));
        }
        n_apart * 10 <= n_special && n_apart * 50 <= one.n()
    }

    /// True when absence in a column goes with absence of a backend, as far as the lines show it.
    fn goes_with_upstream(&self, idx: usize) -> bool {
        let witness = self.find("upstream_addr").or_else(|| self.find("upstream_status"));
        let column = &self.columns[idx];
        match witness {
            Some(witness) => self.goes_with(idx, witness),
            None => column.n_lists > 0 || (column.n() >= FEW_LINES && column.n_absent > 0),
        }
    }

    /// The duration of the whole request: always one number, even where the backend's are lists or absent.
    fn request_time(&mut self, open: &[usize]) -> Option<usize> {
        let columns = self.columns;
        let mut single = open.to_vec();
        single.retain(|idx| columns[*idx].is_always_single());
        let witness = self.find("upstream_addr").or_else(|| self.find("upstream_status"));
        let mut apart = single.clone();
        apart.retain(|idx| {
            witness.is_some_and(|witness| !self.goes_with(*idx, witness))
                || open.iter().any(|other| !columns[*other].is_always_single())
        });
        if let [only] = apart[..] {
            return Some(only);
        }
        if let ([only], None) = (&single[..], witness) {
            // Nothing in such lines speaks of a backend.
            return Some(*only);
        }
        if let ([only], true) = (&single[..], self.find("upstream_response_time").is_some()) {
            return Some(*only);
        }
        let longest = single.iter().copied().find(|idx| {
            open.len() > 1 && open.iter().all(|other| idx == other || self.is_longer(*idx, *other))
        });
        if longest.is_none() {
            for idx in single {
                self.note(idx, "left unnamed", "a duration: the request's or the backend's");
            }
        }
        longest
    }

    pub(super) fn durations(&mut self) {
        let columns = self.columns;
        let mut open = self.unnamed_of(&[Kind::Seconds]);
        open.retain(|idx| columns[*idx].label.is_none());
        if self.find("request_time").is_none()
            && let Some(idx) = self.request_time(&open)
        {
            self.set(idx, "request_time");
        }
        open.retain(|idx| self.names[*idx].is_none());
        let has_witness =
            self.find("upstream_addr").is_some() || self.find("upstream_status").is_some();
        open.retain(|idx| {
            let column = &columns[*idx];
            column.n_absent > 0
                || column.n_lists > 0
                || (has_witness && self.n_lines() >= FEW_LINES)
        });
        let whole: Vec<usize> =
            open.iter().copied().filter(|idx| self.goes_with_upstream(*idx)).collect();
        let response = match open[..] {
            [only] => whole.contains(&only).then_some(only),
            _ => whole
                .iter()
                .copied()
                .find(|idx| open.iter().all(|other| idx == other || self.is_longer(*idx, *other))),
        };
        let is_known = self.find("upstream_response_time").is_some();
        let Some(response) = response.filter(|idx| !is_known && self.is_of_backends(*idx)) else {
            return;
        };
        let has_request_time = self.find("request_time").is_some();
        if !has_request_time && columns[response].is_always_single() {
            return;
        }
        self.set(response, "upstream_response_time");
        open.retain(|idx| *idx != response);
        if let [one, other] = open[..] {
            let (short, long) = if self.is_longer(other, one) {
                (one, other)
            } else if self.is_longer(one, other) {
                (other, one)
            } else {
                return;
            };
            self.set(short, "upstream_connect_time");
            self.set(long, "upstream_header_time");
        }
    }

    /// True when the durations of a column may be those of backends: of answers, not of connections.
    fn is_of_backends(&self, idx: usize) -> bool {
        let columns = self.columns;
        let Some(status) = self.find("status") else { return false };
        let whole = self.find("request_time");
        let mut times = BackendTimes::default();
        for row in 0..self.n_lines() {
            let request_us = whole.and_then(|whole| columns[whole].seconds_us_at(row));
            let status = parse_status(columns[status].values[row]).unwrap_or(0);
            times.note(columns[idx].values[row], status, request_us);
        }
        times.are_shown()
    }

    /// True when a duration is at least the other in nearly all lines, and really more in some.
    fn is_longer(&self, one: usize, other: usize) -> bool {
        // Differences of 2 ms are how the server's cached clock ticks, both ways: measured on nginx 1.22, which of the two
        // is above the other more often changes with the load. A name that is wrong refuses lines without a backend.
        const TICKS_US: u64 = 2000;
        let (mut n_longer, mut n_shorter) = (0usize, 0usize);
        for row in 0..self.n_lines() {
            let one = self.columns[one].seconds_us_at(row);
            let (Some(a), Some(b)) = (one, self.columns[other].seconds_us_at(row)) else {
                continue;
            };
            n_longer += usize::from(a > b.saturating_add(TICKS_US));
            n_shorter += usize::from(b > a.saturating_add(TICKS_US));
        }
        n_longer > 0 && n_shorter * 20 <= n_longer
    }

    pub(super) fn sizes(&mut self) {
        let columns = self.columns;
        let Some(status) = self.find("status") else { return };
        if self.find("body_bytes_sent").is_none() {
            let follows = Some(status + 1).filter(|idx| {
                columns.get(*idx).is_some_and(|column| {
                    // Statuses only: rather the backend's than sizes.
                    is_int(column) && column.label.is_none() && column.count(Kind::Int) > 0
                }) && self.names[*idx].is_none()
            });
            let empty_when_unmodified = || {
                let rows: Vec<usize> = (0..self.n_lines())
                    .filter(|row| matches!(columns[status].values[*row], b"304" | b"204"))
                    .collect();
                self.unnamed().into_iter().find(|idx| {
                    !rows.is_empty()
                        && is_int(&columns[*idx])
                        && columns[*idx].label.is_none()
                        && columns[*idx].n_distinct > 2
                        && rows.iter().all(|row| columns[*idx].values[*row] == b"0")
                })
            };
            if let Some(idx) = follows.or_else(empty_when_unmodified) {
                self.set(idx, "body_bytes_sent");
            }
        }
        // A length per attempt that is mostly that of the response. Bytes received would be more: they hold the header.
        let Some(addr) = self.find("upstream_addr") else { return };
        let Some(bytes) = self.find("body_bytes_sent") else { return };
        for idx in self.unnamed_of(&[Kind::Int, Kind::Status]) {
            let shows_absence = columns[idx].n_absent > 0 || columns[idx].n_lists > 0;
            if shows_absence
                && self.n_same_absence(idx, addr) * 50 >= self.n_lines() * 49
                && self.n_equal(idx, bytes) * 2 > columns[idx].n_present()
            {
                self.set(idx, "upstream_response_length");
            }
        }
    }

    pub(super) fn ingress_names(&mut self) {
        let columns = self.columns;
        if self.find("upstream_addr").is_none() {
            return;
        }
        for idx in self.unnamed() {
            let column = &columns[idx];
            let is_backend = |value: &&[u8]| {
                *value == b"upstream-default-backend"
                    || (memchr::memchr_iter(b'-', value).count() >= 2
                        && value
                            .iter()
                            .all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(byte)))
            };
            let n_backends = column.values.iter().filter(|value| is_backend(value)).count();
            if column.wrap == b'[' && n_backends > 0 && n_backends * 10 >= column.n_present() * 9 {
                self.set(idx, "proxy_upstream_name");
                if let Some(next) = columns.get(idx + 1)
                    && next.wrap == b'['
                    && next.n_absent * 2 > next.n()
                {
                    self.set(idx + 1, "proxy_alternative_upstream_name");
                }
                return;
            }
        }
    }
}
