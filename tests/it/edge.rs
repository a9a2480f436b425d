//! The verdicts against labelled logs of proxies, CDNs and cloud load balancers.
//!
//! In: scenarios of `../shared/corpus/edge_synthetic`, and the samples of `../shared/corpus/edge`. Out: what is wrong.
//! Invariants: the program gets paths and no hints; a request is found again by the id in its query.

use std::collections::{BTreeMap, HashMap};
use std::fs;

use serde_json::{Value, json};

use crate::support::{Fixture, logs_of, run_in, scenarios, shared};

/// Servers whose scenarios are held to their labels.
const SERVERS: [&str; 8] =
    ["azure_", "caddy_", "cloudflare_", "envoy_", "fastly_", "gcp_", "istio_", "traefik_"];

/// The id in the query of a request.
fn rid_of(target: &str) -> Option<String> {
    let at = target.find("rid=")? + 4;
    let is_part = |letter: &char| letter.is_ascii_alphanumeric() || "_-".contains(*letter);
    Some(target[at..].chars().take_while(is_part).collect())
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// True for a value that is the label's, or one of its alternatives.
fn is_accepted(found: &Value, label: &Value, name: &str, alternatives: &str) -> bool {
    let others = label[alternatives].as_array();
    *found == label[name] || others.is_some_and(|others| others.contains(found))
}

#[test]
fn labelled_requests_are_decided_rightly_and_once() {
    let Some(shared) = shared() else { return };
    let mut faults: BTreeMap<String, usize> = BTreeMap::new();
    let mut n_labels = 0;
    for folder in scenarios(&shared, &["edge_synthetic"]) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !SERVERS.iter().any(|server| name.starts_with(server)) {
            continue;
        }
        let text = fs::read_to_string(folder.join("labels.jsonl")).expect("labels.jsonl");
        let labels = text.lines().map(|line| serde_json::from_str(line).expect("labels.jsonl"));
        let labels = labels.filter(|label: &Value| label["status"] == 503);
        let mut labels: HashMap<_, _> =
            labels.map(|label| ((word(&label["log"]), word(&label["rid"])), label)).collect();
        n_labels += labels.len();
        let logs = logs_of(&folder);
        let mut args = vec!["--format", "entries"];
        args.extend(logs.iter().map(String::as_str));
        let mut fault = |what: String| *faults.entry(format!("{name}: {what}")).or_default() += 1;
        for row in run_in(&folder, &args, b"").rows() {
            let Some(rid) = rid_of(&word(&row["target"])) else { continue };
            let Some(label) = labels.remove(&(word(&row["source"]), rid)) else {
                fault(format!("extra {}", row["rule"]));
                continue;
            };
            let said = format!("{} {} by {}", row["origin"], row["cause"], row["rule"]);
            let wanted = format!("{} {}", label["origin"], label["cause"]);
            let is_origin_wrong = !is_accepted(&row["origin"], &label, "origin", "origin_any");
            let is_cause_wrong = row["origin"] == label["origin"]
                && !is_accepted(&row["cause"], &label, "cause", "cause_alt")
                && !label["cause"].is_null();
            if is_origin_wrong || is_cause_wrong {
                fault(format!("{said} instead of {wanted}"));
            }
        }
        for label in labels.values() {
            fault(format!("not found: {} {}", label["origin"], label["cause"]));
        }
    }
    assert!(n_labels > 2000, "{n_labels} labels");
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_line_of_the_samples_is_understood() {
    let Some(shared) = shared() else { return };
    let mut n_lines = 0;
    let corpus = shared.join("corpus/edge");
    for server in fs::read_dir(&corpus).expect("the corpus is readable") {
        let folder = server.expect("the corpus is readable").path();
        if !folder.is_dir() {
            continue;
        }
        let server = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for log in logs_of(&folder) {
            let said = run_in(&folder, &["parse", "-q", &log], b"");
            for row in said.rows() {
                assert_ne!(row["kind"], "unparsed", "{server}/{log}: {row}");
                n_lines += 1;
            }
        }
    }
    assert!(n_lines > 50, "{n_lines} lines");
}

/// `AzureDiagnostics` has a column per property, named after its type.
#[test]
fn rows_of_the_first_application_gateway_name_their_backend() {
    let row = |second: usize, status: u16, added: &str| {
        let query = format!("a={second}&X-AzureApplicationGateway-CACHE-HIT=0&{added}");
        json!({
            "TimeGenerated": format!("2026-03-04T06:44:{second:02}Z"),
            "Category": "ApplicationGatewayAccessLog",
            "OperationName": "ApplicationGatewayAccess",
            "instanceId_s": "ApplicationGatewayRole_IN_0",
            "clientIP_s": "203.0.113.24",
            "httpMethod_s": "GET",
            "requestUri_s": "/cart",
            "requestQuery_s": query,
            "httpStatus_d": status,
        })
        .to_string()
            + "\n"
    };
    let text: String = (0..20)
        .map(|second| row(second, 200, "SERVER-ROUTED=10.4.0.6&SERVER-STATUS=200"))
        .chain([row(30, 503, "SERVER-ROUTED=10.4.0.6&SERVER-STATUS=503")])
        .collect();
    let fixture = Fixture::new();
    fixture.write("rows.json", text);
    let rows = fixture.run(&["--format", "entries", "rows.json"], b"").rows();
    let said: Vec<_> =
        rows.iter().map(|row| [&row["format"], &row["origin"], &row["upstream"]]).collect();
    assert_eq!(said, [["azure_app_gateway", "upstream", "10.4.0.6"]]);
}
