//! The columns that Apache alone writes: the handler, what a backend answered, and whether an error line was written.
//!
//! In: columns, the handler before any other is named. Out: more names.
//! Invariants: all of it hangs on a handler, or a balancer, that no other server has a word for; `%L` and
//! `%{proxy-status}n` decide verdicts, so they are told from cookies and from `%s` by what no such column does.
//! Source: Apache httpd 2.4 `mod_log_config.c` (`%R`, `%L`), `server/core.c` (`core_generate_log_id`), `mod_unique_id.c`,
//! `mod_proxy_http.c` (the note `proxy-status`), `mod_proxy_balancer.c` (`BALANCER_NAME`).

use std::collections::BTreeSet;

use super::Naming;
use crate::bytes::is_absent;
use crate::record::{is_file_name, is_gateway_handler, is_proxy_handler};

/// Handlers of modules that come with the server, or often beside it, other than `mod_proxy`'s.
const HANDLERS: &[&[u8]] = &[
    b"default-handler",
    b"httpd/unix-directory",
    b"httpd/unix-file",
    b"type-map",
    b"cgi-script",
    b"fcgid-script",
    b"wsgi-script",
    b"redirect-handler",
    b"server-status",
    b"server-info",
    b"balancer-manager",
    b"application/x-httpd-php",
];

/// How modules call their handlers: `lua-map-handler`, `perl-script`, `ldap-status`.
const ENDINGS: &[&[u8]] = &[b"-handler", b"-script", b"-status"];

/// Ids of eleven letters are the server's own, longer ones those of `mod_unique_id`, old and new.
const ID_LENGTHS: [usize; 4] = [11, 19, 24, 27];

/// Fewer ids show nothing.
const MIN_IDS: usize = 3;

/// Fewer requests do not show that a value goes with how they ended.
const MIN_ROWS: usize = 8;

impl Naming<'_, '_> {
    /// Names the handler.
    pub(super) fn apache_handler(&mut self) {
        let columns = self.columns;
        let found = columns.iter().position(|column| {
            let mut present = column.values.iter().filter(|value| !is_absent(value)).peekable();
            // Types of content are handlers as well.
            let is_handler = |value: &&[u8]| {
                !is_file_name(value)
                    && (is_proxy_handler(value)
                        || is_gateway_handler(value)
                        || HANDLERS.contains(value)
                        || ENDINGS.iter().any(|ending| value.ends_with(ending))
                        || value.contains(&b'/'))
            };
            column.values.iter().any(|value| is_proxy_handler(value))
                && present.peek().is_some()
                && present.all(is_handler)
        });
        if let Some(idx) = found {
            self.set(idx, "apache_handler");
        }
    }

    /// Names what hangs on the handler, or on the name of a balancer. The status is known.
    pub(super) fn apache_fields(&mut self) {
        let columns = self.columns;
        let balancer = columns.iter().position(|column| {
            // The scheme may have been taken for a label.
            let is_cut = column.label.as_deref() == Some("balancer");
            let name: &[u8] = if is_cut { b"//" } else { b"balancer://" };
            let mut present = column.values.iter().filter(|value| !is_absent(value)).peekable();
            present.peek().is_some() && present.all(|value| value.starts_with(name))
        });
        if let Some(idx) = balancer {
            self.set(idx, "apache_balancer");
        }
        let handler = self.find("apache_handler");
        if handler.or(balancer).is_none() {
            return;
        }
        let is_worker = |idx: &usize| self.is_worker(*idx, handler);
        if let Some(idx) = self.unnamed().into_iter().find(is_worker) {
            self.set(idx, "apache_worker");
        }
        let Some(handler) = handler else { return };
        if let Some(idx) = self.unnamed().into_iter().find(|idx| self.is_answer(*idx, handler)) {
            self.set(idx, "apache_proxy_status");
        }
        let is_log_id = |idx: &usize| {
            self.ids(*idx).is_some_and(|rows| {
                self.are_of_failures(*idx, &rows) || self.are_of_lost_answers(*idx, handler)
            })
        };
        if let Some(idx) = self.unnamed().into_iter().find(is_log_id) {
            self.set(idx, "apache_log_id");
        }
    }

    /// True for the base URLs of a few workers. In quotes they may be an `Origin`, which has nothing to do with the handler:
    /// nearly all requests that were handed to a backend have a worker, and no others.
    fn is_worker(&self, idx: usize, handler: Option<usize>) -> bool {
        let column = &self.columns[idx];
        let is_base = |value: &&[u8]| {
            let Some(mark) = memchr::memmem::find(value, b"://") else { return false };
            mark > 0 && value[mark + 3..].contains(&b':') && !value[mark + 3..].contains(&b'/')
        };
        let mut present = column.values.iter().filter(|value| !is_absent(value)).peekable();
        present.peek().is_some()
            && present.all(is_base)
            && (column.wrap != b'"'
                || handler.is_some_and(|handler| handler < idx && self.is_of_proxied(idx, handler)))
    }

    /// True for values of nearly all requests that were handed to `mod_proxy`, and of no others.
    fn is_of_proxied(&self, idx: usize, handler: usize) -> bool {
        let columns = self.columns;
        let proxied: Vec<usize> = (0..columns[idx].n())
            .filter(|row| is_proxy_handler(columns[handler].values[*row]))
            .collect();
        let n_there = proxied.iter().filter(|row| !columns[idx].is_absent_at(**row)).count();
        n_there == columns[idx].n_present()
            && n_there >= MIN_ROWS
            && n_there * 10 >= proxied.len() * 9
    }

    /// True for a status that is missing wherever no backend was asked, which `%s` never is.
    fn is_answer(&self, idx: usize, handler: usize) -> bool {
        let (column, columns) = (&self.columns[idx], self.columns);
        let rows = || 0..column.n();
        let is_proxied = |row: usize| is_proxy_handler(columns[handler].values[row]);
        let is_asked = |row: usize| column.is_absent_at(row) || is_proxied(row);
        column.is(&[super::Kind::Status])
            && column.n_lists == 0
            && column.n_absent > 0
            && rows().all(is_asked)
    }

    /// The rows of a column of ids that some requests have, each its own.
    fn ids(&self, idx: usize) -> Option<Vec<usize>> {
        let column = &self.columns[idx];
        let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/@_-".contains(byte);
        let rows: Vec<usize> = (0..column.n()).filter(|row| !column.is_absent_at(*row)).collect();
        let length = rows.first().map_or(0, |row| column.values[*row].len());
        let is_id = |value: &[u8]| value.len() == length && value.iter().all(is_letter);
        let distinct: BTreeSet<&[u8]> = rows.iter().map(|row| column.values[*row]).collect();
        let are_ids = ID_LENGTHS.contains(&length)
            && distinct.len() >= MIN_IDS
            && distinct.len() == rows.len()
            && distinct.iter().all(|value| is_id(value));
        are_ids.then_some(rows)
    }

    /// True for ids that only failed requests have.
    fn are_of_failures(&self, idx: usize, rows: &[usize]) -> bool {
        let column = &self.columns[idx];
        let Some(status) = self.find("status") else { return false };
        let is_failure = |row: usize| self.columns[status].values[row].first() >= Some(&b'4');
        let n_failures = rows.iter().filter(|row| is_failure(**row)).count();
        n_failures * 10 >= rows.len() * 9
            && (0..column.n()).any(|row| column.is_absent_at(row) && !is_failure(row))
    }

    /// True for ids that all requests have whose backend gave no answer, and few of those that were answered: the first
    /// have an error line each, the others only where an attempt before had failed.
    fn are_of_lost_answers(&self, idx: usize, handler: usize) -> bool {
        let Some(answer) = self.find("apache_proxy_status") else { return false };
        let columns = self.columns;
        let has_id = |row: &usize| !columns[idx].is_absent_at(*row);
        let (lost, answered): (Vec<usize>, Vec<usize>) = (0..columns[idx].n())
            .filter(|row| is_proxy_handler(columns[handler].values[*row]))
            .partition(|row| columns[answer].is_absent_at(*row));
        let n_untold = answered.iter().filter(|row| !has_id(row)).count();
        lost.len() >= MIN_ROWS
            && lost.iter().all(has_id)
            && n_untold >= MIN_ROWS
            && n_untold * 5 >= answered.len() * 4
    }
}
