//! Access logs of format strings that nobody told: known by their column of details, or of response flags.
//!
//! In: sampled lines. Out: a reader.
//! Invariants: the words of a telling column are Envoy's own in every line; a backend's host is named where some lines
//! have none.
//! Source: Envoy documentation, "Response code details" and "Access logging" (`%RESPONSE_FLAGS%`).

use super::{about, are_known_flags, is_address, is_known_flag};
use crate::format::infer::telltale::{Columns, Telltale, propose};
use crate::format::{FormatBasis, Proposal, Sample};
use crate::record::{AccessRecord, Escape, Field};

/// Details that no other server writes, by how they begin.
const DETAILS: &[&str] =
    &["via_upstream", "upstream_reset_before_response_started", "no_healthy_upstream"];

/// `%RESPONSE_CODE_DETAILS%`.
pub(in crate::format) const BY_DETAILS: Telltale = Telltale {
    is_value: is_details,
    is_proof: |value| DETAILS.iter().any(|details| value.starts_with(details.as_bytes())),
    is_sure: |_, _| true,
    hints: DETAILS,
    is_word: false,
    field: Field::ResponseDetails,
    escape: Escape::Default,
    name,
    finish,
};

/// `%RESPONSE_FLAGS%`.
const BY_FLAGS: Telltale = Telltale {
    is_value: is_flags,
    // Others are codes of countries as well.
    is_proof: |value| {
        const OWN: &[&[u8]] = &[b"UF", b"UH", b"UO", b"UC", b"UT", b"UR", b"URX", b"UPE", b"UAEX"];
        is_flags(value)
            && value.split(|byte| *byte == b',').any(|flag| OWN.contains(&flag) || flag.len() > 8)
    },
    is_sure: |_, _| true,
    hints: &["UF", "UH", "UO", "UC", "UT", "UR", "UPE", "UAEX", "Upstream"],
    is_word: false,
    field: Field::ResponseFlags,
    escape: Escape::Default,
    name,
    finish,
};

/// The same under a key of an object: Envoy's own key tells, or flags between marks of none where the key, or another
/// one, is called as Envoy's are. Codes of countries, states and units stand under keys as well.
pub(in crate::format) const FLAGS_BY_KEY: Telltale = Telltale {
    is_proof: is_flags,
    is_sure: |columns, idx| {
        const BESIDE: &[&str] = &["upstreamhost", "upstreamcluster", "responsecodedetails"];
        let label = columns.label(idx);
        let is_own = |value: &[u8]| (BY_FLAGS.is_proof)(value) && value != b"UT" && value != b"UR";
        let is_beside = |other: usize| BESIDE.contains(&&*columns.label(other));
        ["responseflag", "respflag"].iter().any(|name| label.contains(name))
            || (columns.any(idx, is_own)
                && columns.any(idx, |value| value == b"-")
                && (label.contains("flag") || (0..columns.n()).any(is_beside)))
    },
    ..BY_FLAGS
};

/// The reader for lines of a format that has details or flags, if they are such lines.
pub(super) fn custom(sample: &Sample<'_>) -> Option<Proposal> {
    let by = |telltale| {
        propose(sample, telltale, |body, notation| about(body, notation, FormatBasis::Detected))
    };
    by(&BY_DETAILS).or_else(|| by(&BY_FLAGS))
}

/// A word of the details, with its reasons in braces; blanks are written as `_`.
fn is_details(value: &[u8]) -> bool {
    let word = value.iter().take_while(|byte| byte.is_ascii_lowercase() || **byte == b'_').count();
    value == b"-" || (word > 3 && matches!(value.get(word), None | Some(b'{' | b'.' | b'[')))
}

/// Flags that are known, or the mark of none.
fn is_flags(value: &[u8]) -> bool {
    value == b"-" || are_known_flags(value)
}

fn name(columns: &mut Columns<'_>) {
    columns.set_first(Field::ResponseFlags, |columns, idx| {
        columns.all(idx, is_flags) && columns.any(idx, is_known_flag)
    });
    let is_host = |value: &[u8]| value == b"-" || is_address(value);
    columns.set_labelled(Field::UpstreamAddr, &["upstreamhost"], is_host);
    columns.set_first(Field::UpstreamAddr, |columns, idx| {
        columns.all(idx, |value| value == b"-" || is_address(value))
            && columns.any(idx, |value| value == b"-")
            && columns.any(idx, is_address)
    });
}

fn finish(record: &mut AccessRecord<'_>) {
    super::finish(record);
}
