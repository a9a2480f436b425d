//! The incidents of a log, and the truth about its 503s.
//!
//! In: what was written. Out: `truth.json`.
//! Invariants: counted where a line is written, never inferred from lines.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::line::{Layout, rfc3339};
use crate::world::Request;

/// How a 503 came to be, by construction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    NoLiveUpstreams,
    RateLimited,
    UpstreamTimeout,
    Relayed,
    Refused,
}

impl Fault {
    pub(crate) const fn truth(self) -> (&'static str, &'static str) {
        match self {
            Fault::NoLiveUpstreams => ("proxy", "no_live_upstreams"),
            Fault::RateLimited => ("local_process", "rate_limited"),
            Fault::UpstreamTimeout => ("proxy", "upstream_timeout"),
            Fault::Relayed => ("upstream", "upstream_503"),
            Fault::Refused => ("proxy", "upstream_refused"),
        }
    }

    /// What the lines of this layout can tell: a relayed 503 leaves no error line.
    pub(crate) const fn decidable(self, layout: Layout) -> bool {
        layout.sees_upstream() || !matches!(self, Fault::Relayed)
    }
}

/// A burst of failing requests.
#[derive(Debug)]
pub(crate) struct Incident {
    pub(crate) fault: Fault,
    pub(crate) host: &'static str,
    /// Part of the log, in millionths of its bytes.
    pub(crate) from_ppm: u64,
    pub(crate) to_ppm: u64,
    pub(crate) requests: Vec<Request>,
    pub(crate) entries: u64,
    pub(crate) first_second: u64,
    pub(crate) last_second: u64,
}

/// What was written.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    pub(crate) lines: u64,
    pub(crate) error_lines: u64,
    pub(crate) by_status: BTreeMap<u16, u64>,
    pub(crate) actual: BTreeMap<(&'static str, &'static str), u64>,
    pub(crate) decidable: BTreeMap<(&'static str, Option<&'static str>), u64>,
}

/// The four incidents. Paths of one never occur in another, nor in ordinary traffic.
pub(crate) fn incidents(layout: Layout, share_ppm: u64, span_s: u64) -> Vec<Incident> {
    // Some five minutes each, or longer where the share could not be reached in that time.
    let width_ppm = (300 * 1_000_000 / span_s).clamp(10_000, 40_000).max(share_ppm * 10 / 28);
    let make = |fault, host, from_ppm, target: &dyn Fn(u64) -> Vec<u8>| Incident {
        fault,
        host,
        from_ppm,
        to_ppm: from_ppm + width_ppm,
        requests: (0..48).map(|nth| Request::new(layout, host, "GET", target(nth))).collect(),
        entries: 0,
        first_second: 0,
        last_second: 0,
    };
    vec![
        make(Fault::NoLiveUpstreams, "api.example.com", 150_000, &|nth| match nth % 8 {
            7 => format!("/api/v1/checkout?note=say-\"hi\"-{nth}").into_bytes(),
            _ => format!("/api/v1/checkout/{}?step={}", 4000 + nth * 7, nth % 4).into_bytes(),
        }),
        make(Fault::RateLimited, "search.example.com", 360_000, &|nth| match nth % 8 {
            7 => format!("/find?q=back\\slash{nth}").into_bytes(),
            _ => format!("/find?q=term{nth}&page={}", nth % 5).into_bytes(),
        }),
        make(Fault::UpstreamTimeout, "reports.example.com", 580_000, &|nth| {
            format!("/reports/{}/export?from=2026-05-01&to=2026-05-31", 100 + nth).into_bytes()
        }),
        make(Fault::Relayed, "blog.example.com", 790_000, &|nth| {
            format!("/comments/{}?after={}", 7000 + nth * 3, nth).into_bytes()
        }),
    ]
}

pub(crate) fn report(
    (layout, seed): (Layout, u64),
    truth: &Truth,
    bytes: u64,
    incidents: &[Incident],
) -> Value {
    let incident = |incident: &Incident| {
        let (origin, cause) = incident.fault.truth();
        json!({
            "origin": origin, "cause": cause, "decidable": incident.fault.decidable(layout),
            "host": incident.host, "entries": incident.entries,
            "first_at": rfc3339(incident.first_second), "last_at": rfc3339(incident.last_second),
        })
    };
    json!({
        "format": format!("{layout:?}").to_lowercase(), "seed": seed, "bytes": bytes,
        "lines": truth.lines, "error_lines": truth.error_lines,
        "by_status": truth.by_status.iter().map(|(status, n)| (status.to_string(), json!(n))).collect::<serde_json::Map<_, _>>(),
        // What these lines can tell: relayed 503s are unknown where the layout has no upstream field.
        "entries": truth.decidable.iter().map(|((origin, cause), n)| json!({"origin": origin, "cause": cause, "count": n})).collect::<Vec<_>>(),
        // What happened.
        "actual": truth.actual.iter().map(|((origin, cause), n)| json!({"origin": origin, "cause": cause, "count": n})).collect::<Vec<_>>(),
        "incidents": incidents.iter().filter(|it| it.entries > 0).map(incident).collect::<Vec<_>>(),
    })
}
