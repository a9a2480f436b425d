//! The decision table of Heroku's router.
//!
//! In: the fields of one line of the router. Out: the id of a row.
//! The router names every response of its own by a code (`H10` ...). Without one it relayed what a dyno answered.
//! Source: Heroku Dev Center, "Heroku Error Codes" and "HTTP Routing".

use super::{Openness, VerdictRule, decided, open};
use crate::record::{AccessRecord, Field};
use crate::taxonomy::{Cause, Confidence, Origin};

const CODES: &str = "Heroku Dev Center, Heroku Error Codes";

/// The rows.
pub(super) const RULES: &[VerdictRule] = &[
    open(
        "heroku.other",
        Origin::Unknown,
        None,
        &["code", "dyno"],
        "HTTP Routing: neither a code nor a dyno",
    ),
    decided(
        "heroku.relayed_503",
        Origin::Upstream,
        Some(Cause::Upstream503),
        "HTTP Routing: at=info, a dyno answered",
    ),
    decided(
        "heroku.relayed_5xx",
        Origin::Upstream,
        Some(Cause::UpstreamError),
        "HTTP Routing: at=info, a dyno answered",
    ),
    // The logs of the dyno may say why it is down.
    VerdictRule {
        openness: Openness::CauseOpen,
        ..decided("heroku.h10", Origin::Proxy, Some(Cause::ProcessCrashed), CODES)
    },
    decided("heroku.h11", Origin::Proxy, Some(Cause::RequestQueueFull), CODES),
    decided("heroku.h12", Origin::Proxy, Some(Cause::UpstreamTimeout), CODES),
    decided("heroku.h13", Origin::Proxy, Some(Cause::UpstreamReset), CODES),
    decided("heroku.h14", Origin::Proxy, Some(Cause::NoLiveUpstreams), CODES),
    decided("heroku.h15", Origin::Proxy, Some(Cause::UpstreamTimeout), CODES),
    decided("heroku.h17", Origin::Proxy, Some(Cause::UpstreamInvalidResponse), CODES),
    decided("heroku.h19", Origin::Proxy, Some(Cause::UpstreamTimeout), CODES),
    decided("heroku.h20", Origin::Proxy, Some(Cause::StartupFailure), CODES),
    decided("heroku.h21", Origin::Proxy, Some(Cause::UpstreamRefused), CODES),
    decided("heroku.h22", Origin::Proxy, Some(Cause::ConnectionLimit), CODES),
    decided("heroku.client", Origin::Proxy, Some(Cause::ClientAborted), CODES),
    decided("heroku.maintenance", Origin::LocalProcess, Some(Cause::Maintenance), CODES),
    decided("heroku.policy", Origin::LocalProcess, Some(Cause::PolicyDenied), CODES),
    VerdictRule {
        confidence: Confidence::Likely,
        ..decided("heroku.coded", Origin::Proxy, None, CODES)
    },
];

/// Id of the row that the fields of a line select.
pub(super) fn own_verdict(record: &AccessRecord<'_>) -> &'static str {
    match record.value(Field::ResponseDetails) {
        Some(b"H10") => "heroku.h10",
        Some(b"H11") => "heroku.h11",
        Some(b"H12") => "heroku.h12",
        Some(b"H18") if record.value(Field::TerminationState) == Some(b"client") => "heroku.client",
        Some(b"H13" | b"H18") => "heroku.h13",
        Some(b"H14") => "heroku.h14",
        Some(b"H15") => "heroku.h15",
        Some(b"H17" | b"H25") => "heroku.h17",
        Some(b"H19") => "heroku.h19",
        Some(b"H20") => "heroku.h20",
        Some(b"H21") => "heroku.h21",
        Some(b"H22") => "heroku.h22",
        Some(b"H27" | b"H28") => "heroku.client",
        Some(b"H80") => "heroku.maintenance",
        // The free hours are used up.
        Some(b"H82") => "heroku.policy",
        Some(_) => "heroku.coded",
        None if record.value(Field::UpstreamAddr).is_none() => "heroku.other",
        None if record.status == 503 => "heroku.relayed_503",
        None => "heroku.relayed_5xx",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Escape;
    use crate::verdict::tests::check_row;

    #[test]
    fn rows_of_the_table() {
        let check = |status, fields: &[(Field, &str)], row: &str| {
            check_row(own_verdict, Escape::None, status, fields, row);
        };
        let code = |code| [(Field::ResponseDetails, code)];
        check(503, &code("H10"), "heroku.h10");
        check(503, &code("H12"), "heroku.h12");
        check(503, &code("H18"), "heroku.h13");
        let closed_by = |side| [(Field::ResponseDetails, "H18"), (Field::TerminationState, side)];
        check(503, &closed_by("backend"), "heroku.h13");
        check(503, &closed_by("client"), "heroku.client");
        check(503, &code("H80"), "heroku.maintenance");
        check(503, &code("H82"), "heroku.policy");
        check(503, &code("H99"), "heroku.coded");
        check(503, &[(Field::UpstreamAddr, "web.1")], "heroku.relayed_503");
        check(500, &[(Field::UpstreamAddr, "web.1")], "heroku.relayed_5xx");
        check(503, &[(Field::UpstreamAddr, "")], "heroku.other");
    }
}
