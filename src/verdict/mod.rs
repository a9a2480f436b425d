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
mod heroku;
mod iis;
mod lighttpd;
mod nginx;
mod probe;
mod relay;
mod traefik;
mod varnish;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::format::About;
use crate::record::AccessRecord;
use crate::taxonomy::{Basis, Cause, Confidence, Origin, Server};

pub use cloudflare::{WORKER_RAN, WORKER_RELAYED};
pub use nginx::FAILED_OR_STALE;
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

/// What a line tells of its server's contact with a backend, where attribution asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contact {
    /// Not asked for.
    Unsaid,
    /// Its layout has no field that would tell.
    NotLogged,
    /// There was none.
    None,
    /// A backend gave the response, as it was passed on.
    Answered,
    /// A cache gave an answer that it had kept, whatever became of an attempt to renew it.
    Kept,
    /// A backend answered behind a redirect: with the response, or with the page for an error before it.
    AfterRedirect,
}

/// What an access line tells of the error lines of its request, where these do not name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ErrorLines {
    /// Whether the request was handed to the module that asks backends; `None`: not told.
    pub is_proxied: Option<bool>,
    /// Whether a line was written that belongs to the request, and so names its client; `None`: not told.
    pub are_written: Option<bool>,
    /// Whether a backend answered over HTTP; `None`: not told.
    pub is_answered: Option<bool>,
}

impl ErrorLines {
    /// Nothing is told.
    pub const UNSAID: ErrorLines =
        ErrorLines { is_proxied: None, are_written: None, is_answered: None };
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
    /// The server logs an error for every such entry: where error logs lack them, their silence says nothing.
    pub leaves_line: bool,
    /// What the line tells of a contact with a backend.
    pub contact: Contact,
    /// What the line tells of its error lines.
    pub lines: ErrorLines,
    /// The row that holds instead when a line of the server alone may be about the request, and nothing tells whether.
    pub when_traced: Option<&'static str>,
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
        leaves_line: false,
        contact: Contact::Unsaid,
        lines: ErrorLines::UNSAID,
        when_traced: None,
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
        confidence: Confidence::Possible,
        basis: &[],
        openness: Openness::Open,
        missing,
        ..decided(id, origin, cause, source)
    }
}

/// How the entries of one server are decided.
#[derive(Clone, Copy)]
struct Table {
    server: Server,
    rules: &'static [VerdictRule],
    /// Id of the row of a line that cannot be read to its end.
    undecided: &'static str,
    /// Gives the id of the row that the fields of an access line select.
    own_verdict: fn(&AccessRecord<'_>) -> &'static str,
}

/// The decision tables. A new server is appended. The first one is also for lines of unknown servers.
const TABLES: &[Table] = &[
    Table {
        server: Server::Nginx,
        rules: nginx::RULES,
        undecided: "nginx.no_upstream_field",
        own_verdict: nginx::own_verdict,
    },
    Table {
        server: Server::Iis,
        rules: iis::RULES,
        undecided: "iis.other",
        own_verdict: iis::own_verdict,
    },
    Table {
        server: Server::Apache,
        rules: apache::RULES,
        undecided: "apache.no_proxy_field",
        own_verdict: apache::own_verdict,
    },
    Table {
        server: Server::Envoy,
        rules: envoy::RULES,
        undecided: "envoy.other",
        own_verdict: envoy::own_verdict,
    },
    Table {
        server: Server::Traefik,
        rules: traefik::RULES,
        undecided: "traefik.other",
        own_verdict: traefik::own_verdict,
    },
    Table {
        server: Server::Caddy,
        rules: caddy::RULES,
        undecided: "caddy.other",
        own_verdict: caddy::own_verdict,
    },
    Table {
        server: Server::Cloudflare,
        rules: cloudflare::RULES,
        undecided: "cloudflare.no_origin_status",
        own_verdict: cloudflare::own_verdict,
    },
    Table {
        server: Server::Fastly,
        rules: fastly::RULES,
        undecided: "fastly.other",
        own_verdict: fastly::own_verdict,
    },
    Table {
        server: Server::Akamai,
        rules: akamai::RULES,
        undecided: "akamai.other",
        own_verdict: akamai::own_verdict,
    },
    Table {
        server: Server::AzureFrontDoor,
        rules: azure::RULES,
        undecided: "azure_front_door.other",
        own_verdict: azure::front_door,
    },
    Table {
        server: Server::AzureAppGateway,
        // The rows stand with those of Front Door.
        rules: &[],
        undecided: "azure_app_gateway.other",
        own_verdict: azure::app_gateway,
    },
    Table {
        server: Server::GoogleLb,
        rules: google_lb::RULES,
        undecided: "google_lb.other",
        own_verdict: google_lb::own_verdict,
    },
    Table {
        server: Server::Alb,
        rules: alb::RULES,
        undecided: "alb.other",
        own_verdict: alb::own_verdict,
    },
    Table {
        server: Server::Clb,
        rules: clb::RULES,
        undecided: "clb.other",
        own_verdict: clb::own_verdict,
    },
    Table {
        server: Server::CloudFront,
        rules: cloudfront::RULES,
        undecided: "cloudfront.other",
        own_verdict: cloudfront::own_verdict,
    },
    Table {
        server: Server::ApiGateway,
        rules: api_gateway::RULES,
        undecided: "api_gateway.no_integration_status",
        own_verdict: api_gateway::own_verdict,
    },
    Table {
        server: Server::Haproxy,
        rules: haproxy::RULES,
        undecided: "haproxy.no_state",
        own_verdict: haproxy::own_verdict,
    },
    Table {
        server: Server::Varnish,
        rules: varnish::RULES,
        undecided: "varnish.undecided",
        own_verdict: varnish::own_verdict,
    },
    Table {
        server: Server::Lighttpd,
        rules: lighttpd::RULES,
        undecided: "lighttpd.no_backend_field",
        own_verdict: lighttpd::own_verdict,
    },
    Table {
        server: Server::Heroku,
        rules: heroku::RULES,
        undecided: "heroku.other",
        own_verdict: heroku::own_verdict,
    },
];

/// How many rows there are: those of the servers, and those of what joins between them decide.
const N_RULES: usize = {
    let (mut n_rules, mut table) = (relay::RULES.len(), 0);
    while table < TABLES.len() {
        n_rules += TABLES[table].rules.len();
        table += 1;
    }
    n_rules
};

/// The rows, one table behind the other.
static ALL: [VerdictRule; N_RULES] = {
    let mut all = [nginx::RULES[0]; N_RULES];
    let (mut to, mut table) = (0, 0);
    while table <= TABLES.len() {
        let rules = if table < TABLES.len() { TABLES[table].rules } else { relay::RULES };
        let mut from = 0;
        while from < rules.len() {
            all[to] = rules[from];
            (to, from) = (to + 1, from + 1);
        }
        table += 1;
    }
    all
};

/// Every row of every server.
pub static RULES: &[VerdictRule] = &ALL;

/// Index of the row with this id. Ids are constants of this crate; tests check that each one used exists.
pub fn rule_index(id: &str) -> u16 {
    static INDEX: LazyLock<HashMap<&'static str, u16>> =
        LazyLock::new(|| RULES.iter().zip(0..).map(|(rule, index)| (rule.id, index)).collect());
    INDEX.get(id).copied().unwrap_or(0)
}

fn table_of(server: Server) -> &'static Table {
    TABLES.iter().find(|table| table.server == server).unwrap_or(&TABLES[0])
}

/// True for servers that write access lines, which have a table of their own.
pub fn writes_access_logs(server: Server) -> bool {
    TABLES.iter().any(|table| table.server == server)
}

/// The row of a line that cannot be read to its end.
pub fn undecided_rule(server: Server) -> u16 {
    rule_index(table_of(server).undecided)
}

/// The row that an access line's own fields select.
pub fn own_verdict(about: &About, record: &AccessRecord<'_>) -> u16 {
    rule_index((table_of(about.server).own_verdict)(record))
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
    fn every_server_of_access_logs_has_a_table() {
        use Server::{Application, Dependency, Kernel, Kubernetes, Systemd, Unknown, Windows};
        let writes_messages_only = |server: &Server| {
            matches!(server, Application | Dependency | Systemd | Kernel | Kubernetes | Windows)
        };
        for server in Server::ALL.iter().filter(|server| !writes_messages_only(server)) {
            let has_table = table_of(*server).server == *server;
            assert!(has_table || *server == Unknown, "{}", server.as_str());
        }
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
        for table in TABLES {
            assert!(
                table_of(table.server).undecided == table.undecided,
                "{} twice",
                table.server.as_str()
            );
            assert!(RULES.iter().any(|rule| rule.id == table.undecided), "{}", table.undecided);
        }
    }
}
