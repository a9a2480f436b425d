//! Rows that no line's own fields select: what the log of a deeper layer decides about a line in front of it.
//!
//! In: nothing. Out: the rows, by id.
//! Source: the response of the deeper layer to the same request, joined by module `attribute::layers`.

use super::{Openness, VerdictRule, decided};
use crate::taxonomy::{Basis, Cause, Confidence, Origin};

const JOIN: &[Basis] = &[Basis::RequestJoin];
const DEEPER: &str = "the log of the server behind it has this request with the same status";

const fn relayed(id: &'static str, cause: Cause, confidence: Confidence) -> VerdictRule {
    VerdictRule {
        confidence,
        basis: JOIN,
        openness: Openness::Closed,
        ..decided(id, Origin::Upstream, Some(cause), DEEPER)
    }
}

/// The rows.
pub(super) const RULES: &[VerdictRule] = &[
    relayed("layers.relayed_503", Cause::Upstream503, Confidence::Confirmed),
    relayed("layers.relayed_5xx", Cause::UpstreamError, Confidence::Confirmed),
    relayed("layers.relayed_503_by_target", Cause::Upstream503, Confidence::Likely),
    relayed("layers.relayed_5xx_by_target", Cause::UpstreamError, Confidence::Likely),
];

/// Id of the row for a line that relayed what a deeper layer answered.
pub const fn relayed_row(status: u16, by_id: bool) -> &'static str {
    match (status, by_id) {
        (503, true) => "layers.relayed_503",
        (_, true) => "layers.relayed_5xx",
        (503, false) => "layers.relayed_503_by_target",
        (_, false) => "layers.relayed_5xx_by_target",
    }
}
