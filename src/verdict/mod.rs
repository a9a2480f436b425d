//! What an access line's own fields decide: origin, cause and confidence, or that the line leaves it open.
//!
//! In: an [`AccessRecord`] and the server that wrote it. Out: a [`VerdictRule`], a row of [`RULES`].
//! Invariants: pure; every verdict of every row is one that the row's `source` supports; rows only get appended, since
//! their index is stored in facts.

mod akamai;
mod alb;
mod apache;
mod api_gateway;
mod azure;
mod caddy;
mod clb;
mod cloudflare;
mod cloudfront;
mod envoy;
mod fastly;
mod google_lb;
mod haproxy;
mod iis;
mod lighttpd;
mod nginx;
mod probe;
mod relay;
mod traefik;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::format::About;
use crate::record::AccessRecord;
use crate::taxonomy::{Basis, Cause, Confidence, Origin, Server};

pub use probe::is_probe;
pub use relay::relayed_row;

/// What may still change a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Openness {
    /// Nothing: the fields decide origin and cause.
    Closed,
    /// The origin stands; an error line of the request may name the cause.
    CauseOpen,
    /// An error line of the request decides. Without one the row gives only a leaning, or what `when_silent` says.
    Open,
}

/// One row of a decision table.
#[derive(Debug, Clone, Copy)]
pub struct VerdictRule {
    /// Stable id, `server.what`.
    pub id: &'static str,
    /// Who generated the response; for an open row the leaning.
    pub origin: Origin,
    /// Why; for an open row part of the leaning.
    pub cause: Option<Cause>,
    /// How sure the row is by itself. Open rows are at most `possible`.
    pub confidence: Confidence,
    /// What the row rests on.
    pub basis: &'static [Basis],
    /// What may still change it.
    pub openness: Openness,
    /// The row that holds instead when an error log covers the time and has no line for the request.
    pub when_silent: Option<&'static str>,
    /// What would decide an open row.
    pub missing: &'static [&'static str],
    /// Where the rule comes from.
    pub source: &'static str,
}

const FIELD: &[Basis] = &[Basis::FieldValue];
const FIELD_AND_SILENCE: &[Basis] = &[Basis::FieldValue, Basis::Absence];

/// A row whose fields decide.
const fn decided(
    id: &'static str,
    origin: Origin,
    cause: Option<Cause>,
    source: &'static str,
) -> VerdictRule {
    VerdictRule {
        id,
        origin,
        cause,
        confidence: Confidence::Confirmed,
        basis: FIELD,
        openness: Openness::Closed,
        when_silent: None,
        missing: &[],
        source,
    }
}

/// A row that leaves the origin open.
const fn open(
    id: &'static str,
    origin: Origin,
    cause: Option<Cause>,
    missing: &'static [&'static str],
    source: &'static str,
) -> VerdictRule {
    VerdictRule {
        id,
        origin,
        cause,
        confidence: Confidence::Possible,
        basis: &[],
        openness: Openness::Open,
        when_silent: None,
        missing,
        source,
    }
}

/// The rows of each server. A new server is appended.
const TABLES: &[&[VerdictRule]] = &[
    nginx::RULES,
    iis::RULES,
    apache::RULES,
    envoy::RULES,
    traefik::RULES,
    caddy::RULES,
    cloudflare::RULES,
    fastly::RULES,
    akamai::RULES,
    azure::RULES,
    google_lb::RULES,
    alb::RULES,
    clb::RULES,
    cloudfront::RULES,
    api_gateway::RULES,
    relay::RULES,
    haproxy::RULES,
    lighttpd::RULES,
];

const N_RULES: usize = {
    let (mut n_rules, mut table) = (0, 0);
    while table < TABLES.len() {
        n_rules += TABLES[table].len();
        table += 1;
    }
    n_rules
};

/// The tables, one behind the other.
const ALL: [VerdictRule; N_RULES] = {
    let mut all = [nginx::RULES[0]; N_RULES];
    let (mut to, mut table) = (0, 0);
    while table < TABLES.len() {
        let mut from = 0;
        while from < TABLES[table].len() {
            all[to] = TABLES[table][from];
            (to, from) = (to + 1, from + 1);
        }
        table += 1;
    }
    all
};

/// Every row of every server.
pub const RULES: &[VerdictRule] = &ALL;

/// Index of the row with this id. Ids are constants of this crate; tests check that each one used exists.
pub fn rule_index(id: &str) -> u16 {
    static INDEX: LazyLock<HashMap<&'static str, u16>> =
        LazyLock::new(|| RULES.iter().zip(0..).map(|(rule, index)| (rule.id, index)).collect());
    INDEX.get(id).copied().unwrap_or(0)
}

/// The row of a line that cannot be read to its end.
pub fn undecided_rule(server: Server) -> u16 {
    rule_index(match server {
        Server::Iis => "iis.other",
        Server::Apache => "apache.no_proxy_field",
        Server::Envoy => "envoy.other",
        Server::Traefik => "traefik.other",
        Server::Caddy => "caddy.other",
        Server::Cloudflare => "cloudflare.no_origin_status",
        Server::Fastly => "fastly.other",
        Server::Akamai => "akamai.other",
        Server::AzureFrontDoor => "azure_front_door.other",
        Server::AzureAppGateway => "azure_app_gateway.other",
        Server::GoogleLb => "google_lb.other",
        Server::Alb => "alb.other",
        Server::Clb => "clb.other",
        Server::CloudFront => "cloudfront.other",
        Server::ApiGateway => "api_gateway.no_integration_status",
        Server::Haproxy => "haproxy.no_state",
        Server::Lighttpd => "lighttpd.no_backend_field",
        _ => "nginx.no_upstream_field",
    })
}

/// The row that an access line's own fields select.
pub fn own_verdict(about: &About, record: &AccessRecord<'_>) -> u16 {
    match about.server {
        Server::Iis => rule_index(iis::own_verdict(record)),
        Server::Apache => rule_index(apache::own_verdict(record)),
        Server::Envoy => rule_index(envoy::own_verdict(record)),
        Server::Traefik => rule_index(traefik::own_verdict(record)),
        Server::Caddy => rule_index(caddy::own_verdict(record)),
        Server::Cloudflare => rule_index(cloudflare::own_verdict(record)),
        Server::Fastly => rule_index(fastly::own_verdict(record)),
        Server::Akamai => rule_index(akamai::own_verdict(record)),
        Server::AzureFrontDoor => rule_index(azure::front_door(record)),
        Server::AzureAppGateway => rule_index(azure::app_gateway(record)),
        Server::GoogleLb => rule_index(google_lb::own_verdict(record)),
        Server::Alb => rule_index(alb::own_verdict(record)),
        Server::Clb => rule_index(clb::own_verdict(record)),
        Server::CloudFront => rule_index(cloudfront::own_verdict(record)),
        Server::ApiGateway => rule_index(api_gateway::own_verdict(record)),
        Server::Haproxy => rule_index(haproxy::own_verdict(record)),
        Server::Lighttpd => rule_index(lighttpd::own_verdict(record)),
        _ => rule_index(nginx::own_verdict(record)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Escape, Field};
    use crate::time::Stamp;

    /// Fails unless a server's function picks a row for these fields.
    #[track_caller]
    pub(super) fn check_row(
        pick: impl Fn(&AccessRecord<'_>) -> &'static str,
        escape: Escape,
        status: u16,
        fields: &[(Field, &str)],
        row: &str,
    ) {
        let mut record = AccessRecord::new(Stamp { micros: 0, offset_s: Some(0) }, status, escape);
        for (field, value) in fields {
            record.set(*field, value.as_bytes());
        }
        let picked = pick(&record);
        assert!(RULES.iter().any(|rule| rule.id == picked), "{picked} is no row");
        assert_eq!(picked, row);
    }

    #[test]
    fn every_row_is_consistent() {
        let mut seen = std::collections::BTreeSet::new();
        for rule in RULES {
            assert!(seen.insert(rule.id), "{} twice", rule.id);
            assert!(!rule.source.is_empty(), "{} has no source", rule.id);
            match rule.openness {
                Openness::Open => assert!(rule.confidence <= Confidence::Possible, "{}", rule.id),
                _ => assert!(rule.confidence >= Confidence::Likely, "{}", rule.id),
            }
            if let Some(id) = rule.when_silent {
                assert!(RULES.iter().any(|other| other.id == id), "{id} is no row");
            }
        }
    }
}
