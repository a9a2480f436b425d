//! lighttpd: an outage of its one backend, and the backend's own 503 behind it.
//!
//! In: `fixtures/lighttpd`. Out: entries, messages and rows of `parse`.
//! Invariants: nothing in these logs says who made which response, so no origin is published; the messages of the time
//! and the size of the page are told beside the entries.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::run_in;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/lighttpd")
}

#[test]
fn no_origin_is_made_up() {
    let rows = run_in(&folder(), &["--format", "entries", "."], b"").rows();
    assert_eq!(rows.len(), 14);
    assert!(
        rows.iter().all(|row| row["origin"] == "unknown" && row["cause"].is_null()),
        "{rows:?}"
    );
}

#[test]
fn messages_of_the_time_are_told() {
    let document = run_in(&folder(), &["."], b"").json();
    let formats: Vec<_> = document["inputs"].as_array().expect("a list").iter().collect();
    assert_eq!(
        formats.iter().map(|input| &input["format"]).collect::<Vec<_>>(),
        ["lighttpd_access", "lighttpd_error"]
    );
    let incidents = document["incidents"].as_array().expect("a list");
    assert_eq!(incidents.len(), 1);
    let causes = incidents[0]["causes"].as_array().expect("a list");
    let messages = |id: &str| {
        causes.iter().find(|cause| cause["id"] == id).map(|cause| cause["messages"].clone())
    };
    assert_eq!(messages("upstream_refused"), Some(Value::from(6)));
    assert_eq!(messages("no_live_upstreams"), Some(Value::from(1)));
}

#[test]
fn every_line_is_understood() {
    for (log, kind) in [("access.log", "access"), ("error.log", "error")] {
        let rows = run_in(&folder(), &["parse", "-q", log], b"").rows();
        assert!(!rows.is_empty() && rows.iter().all(|row| row["kind"] == kind), "{log}: {rows:?}");
    }
}
