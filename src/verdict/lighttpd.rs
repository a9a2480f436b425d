//! The decision table of lighttpd.
//!
//! In: the fields of one access line. Out: the id of a row.
//! No directive of `accesslog.format` tells of backends, and the error log names no request and says only once that all
//! backends are down: neither a line nor silence decides who made a response. What an entry shows is the size of its
//! page: lighttpd's own error page has one size per status and release, and nearly all of its 5xx are a gateway's. That
//! is a leaning, no verdict: `mod_magnet` sends the same page, and so does another lighttpd behind this one.
//! Source: lighttpd 1.4 `mod_accesslog.c`, `gw_backend.c` (`gw_host_get`, `gw_write_error`), `response.c`
//! (`http_response_static_errdoc`), `keyvalue.c` of 1.4.45.

use super::{VerdictRule, open};
use crate::record::AccessRecord;
use crate::taxonomy::Origin;

const BACKEND_LOG: &[&str] = &["access log of the backend"];

/// The rows. See the module head for sources; the `source` of a row names the place within them.
pub(super) const RULES: &[VerdictRule] = &[
    // First: the row of lines that cannot be read to their end.
    open(
        "lighttpd.no_backend_field",
        Origin::Unknown,
        None,
        BACKEND_LOG,
        "mod_accesslog.c: no directive tells of backends",
    ),
    open(
        "lighttpd.own_page",
        Origin::Proxy,
        None,
        BACKEND_LOG,
        "response.c: the size is that of the built-in page; gw_backend.c: failures of backends send it",
    ),
];

/// Sizes of the built-in page without its two titles: since 1.4.74, and before.
const PAGES: [u64; 2] = [132, 315];

/// Titles per status: today's, and that of releases before 1.4.50, on the older page.
const TITLES: [(u16, &str, &str); 4] = [
    (500, "500 Internal Server Error", "500 - Internal Server Error"),
    (502, "502 Bad Gateway", "502 - Bad Gateway"),
    (503, "503 Service Unavailable", "503 - Service Not Available"),
    (504, "504 Gateway Timeout", "504 - Gateway Timeout"),
];

/// Id of the row that the fields of an access line select.
pub(super) fn own_verdict(record: &AccessRecord<'_>) -> &'static str {
    if record.body_bytes().is_some_and(|size| is_own_page(record.status, size)) {
        "lighttpd.own_page"
    } else {
        "lighttpd.no_backend_field"
    }
}

/// True for the size of a built-in page: the title stands in it twice.
fn is_own_page(status: u16, size: u64) -> bool {
    TITLES.iter().filter(|row| row.0 == status).any(|(_, title, old)| {
        let [today, before] = PAGES;
        let twice = |text: &str| 2 * text.len() as u64;
        [today + twice(title), before + twice(title), before + twice(old)].contains(&size)
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::check_row;
    use super::*;
    use crate::record::{Escape, Field};

    #[test]
    fn the_size_of_the_page_gives_a_leaning() {
        let check = |status, size, row| {
            check_row(own_verdict, Escape::Apache, status, &[(Field::BodyBytes, size)], row);
        };
        for size in ["178", "361", "369"] {
            check(503, size, "lighttpd.own_page");
        }
        check(504, "170", "lighttpd.own_page");
        check(504, "178", "lighttpd.no_backend_field");
        check(503, "177", "lighttpd.no_backend_field");
        check(503, "-", "lighttpd.no_backend_field");
        check(501, "178", "lighttpd.no_backend_field");
        check_row(own_verdict, Escape::Apache, 503, &[], "lighttpd.no_backend_field");
    }

    #[test]
    fn nothing_is_decided_by_a_line_alone() {
        use crate::verdict::Openness;
        assert!(
            RULES.iter().all(|row| row.openness == Openness::Open && row.when_silent.is_none())
        );
    }
}
