//! Requests of health checkers and monitors, told by their user agent.
//!
//! Source: the agents' documentation: AWS ELB, Kubernetes (`pkg/probe/http`), Google Cloud, Route 53, Cloudflare,
//! Consul, Envoy, Nagios plugins, `UptimeRobot`, Pingdom and others.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

/// Bytes of a user agent that are looked at.
const AGENT_BYTES: usize = 512;

/// Parts of user agents that only probes send, in small letters.
const PROBE_AGENTS: &[&str] = &[
    "elb-healthchecker/",
    "kube-probe/",
    "googlehc/",
    "googlestackdrivermonitoring",
    "amazon-route53-health-check-service",
    "cloudflare-healthchecks/",
    "cloudflare-traffic-manager/",
    "edge health probe",
    "load balancer agent",
    "readyforrequest/",
    "consul health check",
    "envoy/hc",
    "check_http/",
    "blackbox exporter/",
    "blackbox-exporter/",
    "datadog/synthetics",
    "datadogsynthetics",
    "newrelicpinger/",
    "pingdom.com_bot",
    "uptimerobot/",
    "statuscake",
    "better uptime bot",
    "updown.io",
    "site24x7",
    "hetrixtools",
    "uptime-kuma/",
    "zabbix",
];

static MATCHER: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(PROBE_AGENTS).ok()
});

/// True when a user agent, of which the first 512 bytes count, is that of a health checker or monitor.
pub fn is_probe(user_agent: &[u8]) -> bool {
    // Where case counts, and the first pattern wins, few patterns are searched for with vector instructions at once.
    let mut small = [0u8; AGENT_BYTES];
    let n = user_agent.len().min(AGENT_BYTES);
    small[..n].copy_from_slice(&user_agent[..n]);
    small[..n].make_ascii_lowercase();
    MATCHER.as_ref().is_some_and(|matcher| matcher.is_match(&small[..n]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_in_small_letters() {
        for part in PROBE_AGENTS {
            assert_eq!(*part, part.to_ascii_lowercase());
        }
    }

    #[test]
    fn probes_are_told_from_users() {
        for agent in [
            "kube-probe/1.29",
            "ELB-HealthChecker/2.0",
            "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
        ] {
            assert!(is_probe(agent.as_bytes()), "{agent}");
        }
        for agent in ["Mozilla/5.0 (X11; Linux x86_64)", "curl/8.5.0", "-", ""] {
            assert!(!is_probe(agent.as_bytes()), "{agent}");
        }
    }
}
