//! The cause table: every message that the engine knows, one row each.
//!
//! In: nothing. Out: [`RULES`]. Invariants: the order of rows is their priority: a message belongs to the first row
//! that it satisfies, so rows about quoted foreign text (PHP output, Lua text, file names) stand
//! first, and special rows before general ones. Each row's `example` satisfies that very row; a test walks them all.
//! The rows of other servers stand in files of their own, behind those of nginx: indices only ever grow.
//! Source: nginx 1.31.5 source, the file named per row; ingress-nginx controller v1.15.1; lua-nginx-module.

mod apache;
mod apps;
mod cloudfront;
mod dependencies;
mod edge;
mod gateways;
mod haproxy;
mod kubernetes;
mod lighttpd;
mod pages;
mod systemd;
mod undated;
mod varnish;
mod windows;

use super::{ChangeKind, RuleKind, Scope};
use crate::record::WindowsEvent;
use crate::taxonomy::{Cause, Origin, Server};

/// Events of one provider of the Windows event log.
#[derive(Debug, Clone, Copy)]
pub struct Events {
    /// Name of the provider, as in `Provider Name=` or as event source.
    pub provider: &'static str,
    /// Numbers of the events.
    pub ids: &'static [u32],
}

impl Events {
    /// True when an event is one of these.
    pub fn hold(&self, event: WindowsEvent<'_>) -> bool {
        self.ids.contains(&event.id)
            && event.provider.eq_ignore_ascii_case(self.provider.as_bytes())
    }
}

/// One row of the cause table.
#[derive(Debug, Clone, Copy)]
pub struct CauseRule {
    /// Published id, e.g. `nginx.no_live_upstreams`.
    pub id: &'static str,
    /// The software whose messages these are.
    pub server: Server,
    /// Steps that must all occur in the message, in this order; of each step any one alternative. `^` in front of a
    /// text of the first step: at the start of the message only, so that quoted foreign text cannot pass for it.
    /// Error numbers, not their words, are matched: the words are lost on some systems (`111: Unknown error`).
    pub needles: &'static [&'static [&'static str]],
    /// Events of the Windows event log that the row stands for, whatever their text.
    pub events: &'static [Events],
    /// Must match as well, unless empty, except for events. Its group `scope` gives the scope text, `detail` the detail.
    pub regex: &'static str,
    /// Severities to which the row is limited; empty: any.
    pub levels: &'static [&'static str],
    /// Only messages that name a client and no backend.
    pub without_upstream: bool,
    /// Why, if the message tells.
    pub cause: Option<Cause>,
    /// Who generates the response that this message explains.
    pub origin: Origin,
    /// What the message does to the story.
    pub kind: RuleKind,
    /// Statuses that a stock server answers with; empty: none, or whatever the backend said.
    pub status: &'static [u16],
    /// What the message is about.
    pub scope: Scope,
    /// One line for people: what happened.
    pub note: &'static str,
    /// A message that satisfies the row: a whole log line, or, where it is not of the nginx error log, the message.
    pub example: &'static str,
    /// Where the message comes from.
    pub source: &'static str,
}

/// True for the expression of a rule about Windows events whose scope is a name in quotes, whatever the language.
pub(super) fn quotes_scope(regex: &str) -> bool {
    windows::quotes_scope(regex)
}

impl CauseRule {
    /// True for a row about access lines without a time, which no text selects.
    pub const fn is_told(&self) -> bool {
        self.needles.is_empty() && self.events.is_empty()
    }
}

/// An error log line: level, message, and for messages about a request its upstream URL.
macro_rules! line {
    ($level:literal, $message:literal) => {
        concat!("2026/11/20 21:17:22 [", $level, "] 14#14: ", $message)
    };
    ($level:literal, $message:literal, request) => {
        concat!(
            "2026/11/20 21:17:22 [",
            $level,
            "] 14#14: *4 ",
            $message,
            ", client: 198.51.100.7, server: ex.test, ",
            "request: \"GET /a HTTP/1.1\", host: \"ex.test\""
        )
    };
    ($level:literal, $message:literal, $upstream:literal) => {
        concat!(
            "2026/11/20 21:17:22 [",
            $level,
            "] 14#14: *4 ",
            $message,
            ", client: 198.51.100.7, server: ex.test, ",
            "request: \"GET /a HTTP/1.1\", upstream: \"",
            $upstream,
            "\", host: \"ex.test\""
        )
    };
}

/// What a row does not say.
const BASE: CauseRule = CauseRule {
    id: "",
    server: Server::Nginx,
    needles: &[],
    events: &[],
    regex: "",
    levels: &[],
    without_upstream: false,
    cause: None,
    origin: Origin::Unknown,
    kind: RuleKind::Noise,
    status: &[],
    scope: Scope::None,
    note: "",
    example: "",
    source: "",
};

const ZONE: &str = r#"(?-u)zone "(?<scope>[^"]*)"#;
const EXCESS: &str = r#"(?-u)excess: (?<detail>[0-9.]+),? by zone "(?<scope>[^"]*)"#;
const EXITED: &str = "(?-u)process (?<scope>[0-9]+) exited(?: on signal (?<detail>[0-9]+))?";
const FIRST_NUMBER: &str = "(?-u)^(?<detail>[0-9]+) ";
const OPEN_NO_FD: &str = r#"(?s-u)^\w+\(\) "(?<scope>.*)" failed \((?<detail>23|24): [^"]*$"#;
const FILE_NO_SPACE: &str = r#"(?s-u)^\w+\(\) "(?<scope>.*)" failed \((?<detail>28|122): [^"]*$"#;
const FILE_DENIED: &str = r#"(?s-u)^\w+\(\) "(?<scope>.*)" failed \((?<detail>13|30): [^"]*$"#;
const IN_FILE: &str = r"(?-u) in (?<scope>\S+:[0-9]+)$";
const ERRNO: &str = r"(?-u)failed \((?<detail>[0-9]+):";
const STATUS: &str = "(?-u)status: (?<detail>[0-9]+)";
const RESOLVED: &str = r"(?-u)^(?<scope>\S+) could not be resolved \((?<detail>[0-9]+)";
/// The body of Kong's own answers.
const KONG_MESSAGE: &[&str] = &[r#"^{"message":"#, r#"^{ "message":"#, r#"^"message":"#];
const SRC_UPSTREAM: &str = "nginx src/http/ngx_http_upstream.c";
const SRC_CONNECT: &str = "nginx src/event/ngx_event_connect.c";
const SRC_REQUEST: &str = "nginx src/http/ngx_http_request.c";
const SRC_LIMIT_REQ: &str = "nginx src/http/modules/ngx_http_limit_req_module.c";
const SRC_LIMIT_CONN: &str = "nginx src/http/modules/ngx_http_limit_conn_module.c";
const SRC_FASTCGI: &str = "nginx src/http/modules/ngx_http_fastcgi_module.c";
const SRC_PROXY: &str = "nginx src/http/modules/ngx_http_proxy_module.c";
const SRC_GRPC: &str = "nginx src/http/modules/ngx_http_grpc_module.c";
const SRC_CORE: &str = "nginx src/http/ngx_http_core_module.c";
const SRC_STATIC: &str = "nginx src/http/modules/ngx_http_static_module.c";
const SRC_FILE: &str = "nginx src/core/ngx_file.c";
const SRC_CYCLE: &str = "nginx src/core/ngx_cycle.c";
const SRC_PROCESS: &str = "nginx src/os/unix/ngx_process.c";
const SRC_PROCESS_CYCLE: &str = "nginx src/os/unix/ngx_process_cycle.c";
const SRC_CONNECTION: &str = "nginx src/core/ngx_connection.c";
const SRC_ACCEPT: &str = "nginx src/event/ngx_event_accept.c";
const SRC_OPENSSL: &str = "nginx src/event/ngx_event_openssl.c";
const SRC_SLAB: &str = "nginx src/core/ngx_slab.c";
const SRC_CONF_FILE: &str = "nginx src/core/ngx_conf_file.c";
const SRC_EVENT: &str = "nginx src/event/ngx_event.c";
const SRC_RECV: &str = "nginx src/os/unix/ngx_errno.c and the callers in ngx_http_upstream.c";
const SRC_RESOLVER: &str = "nginx src/core/ngx_resolver.c";
const SRC_SCRIPT: &str = "nginx src/http/ngx_http_script.c";
const SRC_ALLOC: &str = "nginx src/os/unix/ngx_alloc.c";
const SRC_CONTROLLER: &str = "ingress-nginx internal/ingress/controller/controller.go";
const SRC_BALANCER: &str = "ingress-nginx rootfs/etc/nginx/lua/balancer.lua";
/// Lua's mark, and the file without it, as it is pasted.
const LUA_OF_BALANCER: &[&str] = &["^[lua] ", "^balancer.lua:"];
const SRC_KONG: &str = "Kong kong/runloop/handler.lua, kong/runloop/balancer, kong/init.lua";
const SRC_KONG_PAGES: &str = "Kong kong/error_handlers.lua";
const SRC_APISIX: &str = "APISIX apisix/init.lua, apisix/balancer.lua, apisix/utils/upstream.lua";
const SRC_LUA: &str = "lua-nginx-module src/ngx_http_lua_socket_tcp.c";
const SRC_HEALTHCHECK: &str = "lua-resty-upstream-healthcheck lib/resty/upstream/healthcheck.lua";
const SRC_CHECK: &str = "nginx_upstream_check_module ngx_http_upstream_check_module.c";
const SRC_PLUS: &str = "NGINX Plus documentation, active health checks (wording unverified)";
const SRC_PHP: &str = "php-src main/main.c, Zend/zend_alloc.c; nginx ngx_http_fastcgi_module.c";
const SRC_MODSEC: &str = "ModSecurity-nginx, libmodsecurity message texts";

/// The table, in order of priority: the rows of nginx, then those of each other server.
pub const RULES: &[CauseRule] = &TABLE;

/// The rows of each server, in order of priority: those that know their messages by their starts come first.
const SERVERS: &[&[CauseRule]] = &[
    NGINX,
    apache::RULES,
    haproxy::RULES,
    varnish::RULES,
    edge::RULES,
    gateways::RULES,
    // Before those of applications, some of which know words that every program writes.
    lighttpd::RULES,
    apps::RULES,
    kubernetes::RULES,
    cloudfront::RULES,
    pages::RULES,
    systemd::RULES,
    dependencies::RULES,
    windows::RULES,
    undated::RULES,
];

static TABLE: [CauseRule; n_rules()] = {
    let mut table = [BASE; n_rules()];
    let (mut server, mut filled) = (0, 0);
    while server < SERVERS.len() {
        let mut row = 0;
        while row < SERVERS[server].len() {
            table[filled] = SERVERS[server][row];
            row += 1;
            filled += 1;
        }
        server += 1;
    }
    table
};

const fn n_rules() -> usize {
    let (mut server, mut n) = (0, 0);
    while server < SERVERS.len() {
        n += SERVERS[server].len();
        server += 1;
    }
    n
}

/// The rows of nginx, in order of priority.
const NGINX: &[CauseRule] = &[
    // Text of a FastCGI application (PHP), quoted by nginx. The application's answer is relayed, so its origin is the backend.
    CauseRule {
        id: "nginx.php_script_unknown",
        needles: &[&["^FastCGI sent in stderr: "], &["Primary script unknown"]],
        scope: Scope::UpstreamPeer,
        note: "the script file does not exist: the backend answers 404",
        example: line!(
            "error",
            r#"FastCGI sent in stderr: "Primary script unknown" while reading response header from upstream"#,
            "fastcgi://unix:/run/php.sock:"
        ),
        source: SRC_PHP,
        ..BASE
    },
    CauseRule {
        id: "nginx.php_memory_limit",
        needles: &[&["^FastCGI sent in stderr: "], &["Allowed memory size of ", "Out of memory"]],
        cause: Some(Cause::MemoryExhausted),
        origin: Origin::Upstream,
        kind: RuleKind::Failure,
        status: &[500],
        scope: Scope::UpstreamPeer,
        note: "a PHP script ran over memory_limit",
        example: line!(
            "error",
            r#"FastCGI sent in stderr: "PHP message: PHP Fatal error:  Allowed memory size of 134217728 bytes exhausted (tried to allocate 20480 bytes) in /a.php on line 3" while reading response header from upstream"#,
            "fastcgi://unix:/run/php.sock:"
        ),
        source: SRC_PHP,
        ..BASE
    },
    CauseRule {
        id: "nginx.php_time_limit",
        needles: &[&["^FastCGI sent in stderr: "], &["Maximum execution time of "]],
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Upstream,
        kind: RuleKind::Failure,
        status: &[500],
        scope: Scope::UpstreamPeer,
        note: "a PHP script ran over max_execution_time",
        example: line!(
            "error",
            r#"FastCGI sent in stderr: "PHP message: PHP Fatal error:  Maximum execution time of 30 seconds exceeded in /a.php on line 3" while reading response header from upstream"#,
            "fastcgi://unix:/run/php.sock:"
        ),
        source: SRC_PHP,
        ..BASE
    },
    CauseRule {
        id: "nginx.php_database",
        needles: &[
            &["^FastCGI sent in stderr: "],
            &[
                "SQLSTATE[HY000] [2002]",
                "SQLSTATE[HY000] [1040]",
                "SQLSTATE[HY000] [1203]",
                "SQLSTATE[HY000] [2006]",
                "SQLSTATE[08004]",
                "SQLSTATE[08006]",
                "MySQL server has gone away",
                "mysqli_connect()",
                "mysqli_real_connect()",
                "pg_connect()",
            ],
        ],
        cause: Some(Cause::DependencyDatabase),
        origin: Origin::Upstream,
        kind: RuleKind::Failure,
        status: &[500],
        scope: Scope::UpstreamPeer,
        note: "the PHP application could not use its database",
        example: line!(
            "error",
            r#"FastCGI sent in stderr: "PHP message: PHP Fatal error:  Uncaught PDOException: SQLSTATE[HY000] [2002] Connection refused in /a.php:3" while reading response header from upstream"#,
            "fastcgi://unix:/run/php.sock:"
        ),
        source: SRC_PHP,
        ..BASE
    },
    CauseRule {
        id: "nginx.php_redis",
        needles: &[&["^FastCGI sent in stderr: "], &["RedisException"]],
        cause: Some(Cause::DependencyCache),
        origin: Origin::Upstream,
        kind: RuleKind::Failure,
        status: &[500],
        scope: Scope::UpstreamPeer,
        note: "the PHP application could not use Redis",
        example: line!(
            "error",
            r#"FastCGI sent in stderr: "PHP message: PHP Fatal error:  Uncaught RedisException: Connection refused in /a.php:3" while reading response header from upstream"#,
            "fastcgi://unix:/run/php.sock:"
        ),
        source: SRC_PHP,
        ..BASE
    },
    CauseRule {
        id: "nginx.php_parse_error",
        needles: &[&["^FastCGI sent in stderr: "], &["PHP Parse error: "]],
        cause: Some(Cause::StartupFailure),
        origin: Origin::Upstream,
        kind: RuleKind::Failure,
        status: &[500],
        scope: Scope::UpstreamPeer,
        note: "a PHP file does not compile, often just after a deploy",
        example: line!(
            "error",
            r#"FastCGI sent in stderr: "PHP message: PHP Parse error:  syntax error, unexpected end of file in /a.php on line 3" while reading response header from upstream"#,
            "fastcgi://unix:/run/php.sock:"
        ),
        source: SRC_PHP,
        ..BASE
    },
    CauseRule {
        id: "nginx.php_fatal",
        needles: &[&["^FastCGI sent in stderr: "], &["PHP Fatal error: "]],
        cause: Some(Cause::UpstreamError),
        origin: Origin::Upstream,
        kind: RuleKind::Failure,
        status: &[500],
        scope: Scope::UpstreamPeer,
        note: "a PHP script died of an uncaught error",
        example: line!(
            "error",
            r#"FastCGI sent in stderr: "PHP message: PHP Fatal error:  Uncaught Error: x in /a.php:3" while reading response header from upstream"#,
            "fastcgi://unix:/run/php.sock:"
        ),
        source: SRC_PHP,
        ..BASE
    },
    CauseRule {
        id: "nginx.php_text",
        needles: &[&["^FastCGI sent in stderr: "]],
        scope: Scope::UpstreamPeer,
        note: "PHP wrote a warning or notice; the request went on",
        example: line!(
            "error",
            r#"FastCGI sent in stderr: "PHP message: PHP Warning:  Undefined variable $x in /a.php on line 3" while reading response header from upstream"#,
            "fastcgi://unix:/run/php.sock:"
        ),
        source: SRC_PHP,
        ..BASE
    },
    // Lua text: ingress-nginx writes some of its own; the rest is the business of its author.
    CauseRule {
        id: "ingress.no_peer",
        needles: &[&["^[lua] "], &["no peer was returned, balancer: "]],
        regex: r"(?-u)balancer: (?<detail>\w+)",
        cause: Some(Cause::NoLiveUpstreams),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[502],
        scope: Scope::UpstreamGroup,
        note: "the balancer of ingress-nginx had no endpoint to give",
        example: line!(
            "warn",
            "[lua] balancer.lua:348: balance(): no peer was returned, balancer: round_robin while connecting to upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_BALANCER,
        ..BASE
    },
    CauseRule {
        id: "ingress.all_retried",
        needles: &[&["^[lua] "], &["all endpoints have been retried"]],
        cause: Some(Cause::NoLiveUpstreams),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[502],
        scope: Scope::UpstreamGroup,
        note: "ingress-nginx tried every endpoint of the service",
        example: line!(
            "error",
            "[lua] balancer.lua:340: all endpoints have been retried while connecting to upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_BALANCER,
        ..BASE
    },
    CauseRule {
        id: "ingress.proxy_to_self",
        needles: &[&["^[lua] "], &["attempted to proxy to self, "]],
        cause: Some(Cause::NoLiveUpstreams),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[502],
        scope: Scope::UpstreamGroup,
        note: "the only endpoint left was the ingress itself",
        example: line!(
            "error",
            "[lua] balancer.lua:330: attempted to proxy to self, balancer: round_robin, peer: 10.0.0.1:80 while connecting to upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_BALANCER,
        ..BASE
    },
    CauseRule {
        id: "kong.no_peer",
        needles: &[&["^[lua] "], &["failure to get a peer from the ring-balancer"]],
        cause: Some(Cause::NoLiveUpstreams),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[503],
        note: "Kong's balancer had no healthy target to give",
        example: line!(
            "error",
            "[lua] openidc.lua:497: openidc_discover(): response indicates failure, status=503, body={\"message\":\"failure to get a peer from the ring-balancer\"}",
            request
        ),
        source: "Kong kong/runloop/balancer/init.lua: the body of its 503 without a healthy target",
        ..BASE
    },
    CauseRule {
        id: "kong.dns_failed",
        needles: &[
            LUA_OF_BALANCER,
            &["execute(): "],
            &["DNS resolution failed: ", "name resolution failed"],
        ],
        cause: Some(Cause::UpstreamDns),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[503, 500],
        note: "Kong could not resolve the name of the backend",
        example: line!(
            "error",
            "[lua] balancer.lua:900: execute(): DNS resolution failed: dns server error: 3 name error. Tried: [\"(short)app:(na) - cache-miss\"]",
            request
        ),
        source: SRC_KONG,
        ..BASE
    },
    CauseRule {
        id: "kong.balancer_no_peer",
        needles: &[
            &["^[lua] ", "^failed "],
            &["the initial dns/balancer resolve for ", "to retry the dns/balancer resolver for "],
            &["no peer is available", "No peers are available"],
        ],
        cause: Some(Cause::NoLiveUpstreams),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[503, 500],
        note: "Kong's balancer had no healthy target to give",
        example: line!(
            "error",
            "[lua] init.lua:1166: balancer(): failed to retry the dns/balancer resolver for app' with: No peers are available while connecting to upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_KONG,
        ..BASE
    },
    CauseRule {
        id: "kong.balancer_dns_failed",
        needles: &[
            &["^[lua] ", "^failed "],
            &["the initial dns/balancer resolve for ", "to retry the dns/balancer resolver for "],
        ],
        cause: Some(Cause::UpstreamDns),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[500, 503],
        note: "Kong could not resolve the name of the backend",
        example: line!(
            "error",
            "[lua] responses.lua:121: after(): failed the initial dns/balancer resolve for 'app' with: dns server error: 3 name error",
            request
        ),
        source: SRC_KONG,
        ..BASE
    },
    CauseRule {
        id: "kong.target_unresolved",
        needles: &[&["^[lua] ", "^queryDns(): "], &["querying dns for "], &[" failed: "]],
        regex: r"(?-u)querying dns for (?<scope>\S+) failed",
        cause: Some(Cause::UpstreamDns),
        origin: Origin::Proxy,
        kind: RuleKind::Pressure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "Kong could not resolve the name of a target",
        example: line!(
            "error",
            "[lua] base.lua:234: queryDns(): [ringbalancer 1] querying dns for app_backend failed: dns server error: 3 name error"
        ),
        source: "Kong lua-resty-dns-client src/resty/dns/balancer/base.lua, queryDns",
        ..BASE
    },
    CauseRule {
        id: "kong.no_balancer",
        needles: &[&["^[lua] "], &["balancer not found for "]],
        regex: r"(?-u)balancer not found for (?<scope>[^\s,]+)",
        cause: Some(Cause::NoLiveUpstreams),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[503],
        scope: Scope::UpstreamGroup,
        note: "Kong had no balancer for the upstream yet",
        example: line!(
            "error",
            "[lua] balancers.lua:228: get_balancer(): balancer not found for app.default.80.svc, will create it",
            request
        ),
        source: "Kong kong/runloop/balancer/balancers.lua, get_balancer",
        ..BASE
    },
    CauseRule {
        id: "kong.unhealthy",
        needles: &[
            &["^[lua] "],
            &["[healthchecks] balancer "],
            &["reported health status changed to UNHEALTHY"],
        ],
        regex: r"(?-u)\[healthchecks\] balancer (?<scope>\S+)",
        cause: Some(Cause::HealthCheckFailed),
        origin: Origin::Proxy,
        kind: RuleKind::Pressure,
        scope: Scope::Name,
        note: "Kong counts the whole upstream as unhealthy",
        example: line!(
            "warn",
            "[lua] balancer.lua:242: callback(): [healthchecks] balancer app reported health status changed to UNHEALTHY, context: ngx.timer"
        ),
        source: SRC_KONG,
        ..BASE
    },
    CauseRule {
        id: "kong.body_no_peer",
        needles: &[KONG_MESSAGE, &["failure to get a peer from the ring-balancer"]],
        cause: Some(Cause::NoLiveUpstreams),
        origin: Origin::Proxy,
        kind: RuleKind::Pressure,
        status: &[503],
        note: "Kong's balancer had no healthy target to give",
        example: r#"{"message":"failure to get a peer from the ring-balancer"}"#,
        source: SRC_KONG,
        ..BASE
    },
    CauseRule {
        id: "kong.body_dns",
        needles: &[KONG_MESSAGE, &["name resolution failed"]],
        cause: Some(Cause::UpstreamDns),
        origin: Origin::Proxy,
        kind: RuleKind::Pressure,
        status: &[503],
        note: "Kong could not resolve the name of the backend",
        example: r#"{"message":"name resolution failed"}"#,
        source: SRC_KONG,
        ..BASE
    },
    CauseRule {
        id: "kong.body_timeout",
        needles: &[KONG_MESSAGE, &["The upstream server is timing out"]],
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Proxy,
        kind: RuleKind::Pressure,
        status: &[504],
        note: "the backend behind Kong did not answer in time",
        example: r#"{"message":"The upstream server is timing out"}"#,
        source: SRC_KONG_PAGES,
        ..BASE
    },
    CauseRule {
        id: "kong.body_invalid_response",
        needles: &[KONG_MESSAGE, &["An invalid response was received from the upstream server"]],
        cause: Some(Cause::UpstreamInvalidResponse),
        origin: Origin::Proxy,
        kind: RuleKind::Pressure,
        status: &[502],
        note: "the backend behind Kong refused the connection or gave no valid answer",
        example: r#"{"message":"An invalid response was received from the upstream server"}"#,
        source: SRC_KONG_PAGES,
        ..BASE
    },
    CauseRule {
        id: "apisix.no_upstream_node",
        needles: &[
            &["^[lua] "],
            &[
                "failed to set upstream: no valid upstream node",
                "failed to find valid upstream server",
                "failed to pick server: all upstream servers tried",
                "no valid upstream node",
            ],
        ],
        cause: Some(Cause::NoLiveUpstreams),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[503, 502],
        note: "APISIX had no node of the upstream to give",
        example: line!(
            "error",
            "[lua] init.lua:512: http_access_phase(): failed to set upstream: no valid upstream node: nil",
            request
        ),
        source: SRC_APISIX,
        ..BASE
    },
    CauseRule {
        id: "apisix.no_upstream",
        needles: &[&["^[lua] "], &["missing upstream configuration"]],
        cause: Some(Cause::NoRoute),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[502, 500],
        note: "the route of APISIX has no upstream",
        example: line!(
            "error",
            "[lua] init.lua:527: http_access_phase(): failed to parse upstream: missing upstream configuration in Route or Service",
            request
        ),
        source: SRC_APISIX,
        ..BASE
    },
    CauseRule {
        id: "apisix.dns_failed",
        needles: &[&["^[lua] "], &["failed to parse domain: "], &["error: "]],
        regex: r"(?-u)failed to parse domain: (?<scope>[^\s,]+)",
        cause: Some(Cause::UpstreamDns),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[503, 500, 502],
        scope: Scope::Name,
        note: "APISIX could not resolve the name of an upstream node",
        example: line!(
            "error",
            "[lua] resolver.lua:80: parse_domain(): failed to parse domain: app.internal, error: failed to query the DNS server: dns server error: 3 name error",
            request
        ),
        source: SRC_APISIX,
        ..BASE
    },
    CauseRule {
        id: "openresty.peer_down",
        needles: &[&["^[lua] ", "^healthcheck: "], &["peer "], &["is turned down after "]],
        regex: r"(?-u)peer (?<scope>\S+) is turned down",
        cause: Some(Cause::HealthCheckFailed),
        origin: Origin::Proxy,
        kind: RuleKind::StateDown { for_s: None },
        scope: Scope::UpstreamPeer,
        note: "a health check in Lua took the backend out",
        example: line!(
            "warn",
            "[lua] healthcheck.lua:46: warn(): healthcheck: peer 10.0.0.1:80 is turned down after 3 failure(s)"
        ),
        source: SRC_HEALTHCHECK,
        ..BASE
    },
    CauseRule {
        id: "openresty.peer_up",
        needles: &[&["^[lua] ", "^healthcheck: "], &["peer "], &["is turned up after "]],
        regex: r"(?-u)peer (?<scope>\S+) is turned up",
        kind: RuleKind::StateUp,
        scope: Scope::UpstreamPeer,
        note: "a health check in Lua took the backend in again",
        example: line!(
            "warn",
            "[lua] healthcheck.lua:46: warn(): healthcheck: peer 10.0.0.1:80 is turned up after 2 success(es)"
        ),
        source: SRC_HEALTHCHECK,
        ..BASE
    },
    CauseRule {
        id: "openresty.check_failed",
        needles: &[
            &["^[lua] ", "^healthcheck: "],
            &[
                "failed to receive status line from ",
                "failed to connect to ",
                "failed to send request to ",
                "failed to ssl handshake to ",
                "bad status line from ",
                "bad status code from ",
            ],
        ],
        regex: r"(?-u)healthcheck: (?:failed to|bad) .*?(?:from|to) (?<scope>\S+?:[0-9]+)",
        cause: Some(Cause::HealthCheckFailed),
        origin: Origin::Proxy,
        kind: RuleKind::Pressure,
        scope: Scope::UpstreamPeer,
        note: "a health check of the backend failed",
        example: line!(
            "error",
            "[lua] healthcheck.lua:53: errlog(): healthcheck: failed to receive status line from 10.0.0.1:80: timeout"
        ),
        source: SRC_HEALTHCHECK,
        ..BASE
    },
    CauseRule {
        id: "nginx.lua_text",
        needles: &[&["^[lua] "]],
        note: "text written by Lua code",
        example: line!("error", "[lua] init.lua:12: handler(): cache miss", request),
        source: SRC_LUA,
        ..BASE
    },
    // The web application firewall.
    CauseRule {
        id: "nginx.modsecurity_denied_5xx",
        needles: &[&["ModSecurity: Access denied with code 5"], &[r#"Matched "Operator"#]],
        regex: "(?-u)with code (?<detail>[0-9]+)",
        cause: Some(Cause::PolicyDenied),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::Host,
        note: "a ModSecurity rule denied the request with a 5xx",
        example: line!(
            "error",
            r#"[client 198.51.100.7] ModSecurity: Access denied with code 503 (phase 2). Matched "Operator" [id "1"]"#,
            request
        ),
        source: SRC_MODSEC,
        ..BASE
    },
    // The module for Apache words its matches otherwise, and names the client a second time.
    CauseRule {
        id: "apache.modsecurity_denied_5xx",
        needles: &[&["ModSecurity: Access denied with code 5"]],
        regex: r"(?s-u)^(?:\[[a-zA-Z_-]+[ :=][^\]\n]*\] ){0,3}ModSecurity: Access denied with code (?<detail>[0-9]+)",
        cause: Some(Cause::PolicyDenied),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[500, 503],
        scope: Scope::Host,
        note: "a ModSecurity rule denied the request with a 5xx",
        example: concat!(
            "[Fri Nov 20 21:21:42.843219 2026] [security2:error] [pid 17445:tid 17470] ",
            r#"[client 198.51.100.7:0] [client 198.51.100.7] ModSecurity: Access denied with code 503 (phase 1). Pattern match "x" at REQUEST_URI. [id "1"] [uri "/a"]"#
        ),
        source: "ModSecurity 2.9 apache2/re.c (msre_perform_disruptive_actions), apache2/apache2_util.c",
        server: Server::Apache,
        ..BASE
    },
    CauseRule {
        id: "nginx.modsecurity",
        needles: &[&["ModSecurity: "]],
        note: "ModSecurity reported or denied with a 4xx",
        example: line!(
            "error",
            "[client 198.51.100.7] ModSecurity: Access denied with code 403 (phase 2).",
            request
        ),
        source: SRC_MODSEC,
        ..BASE
    },
    // Messages about files. Their names may be chosen by clients.
    CauseRule {
        id: "nginx.open_no_fd",
        needles: &[
            &[r#"^open() ""#, r#"^openat() ""#, r#"^opendir() ""#, r#"^stat() ""#],
            &[r#"" failed (24: "#, r#"" failed (23: "#],
        ],
        regex: OPEN_NO_FD,
        cause: Some(Cause::FdExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Failure,
        status: &[500],
        scope: Scope::Path,
        note: "no file descriptor was left to open a file",
        example: line!("crit", r#"open() "/srv/a.html" failed (24: Too many open files)"#, request),
        source: SRC_CORE,
        ..BASE
    },
    CauseRule {
        id: "nginx.log_disk_full",
        needles: &[
            &[r#"^write() to ""#, r#"^writev() to ""#, r#"^pwrite() to ""#],
            &[r#"" failed (28: "#, r#"" failed (122: "#],
        ],
        regex: r#"(?s-u)^\w+\(\) to "(?<scope>.*)" failed \((?<detail>28|122): [^"]*$"#,
        cause: Some(Cause::DiskFull),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        scope: Scope::Path,
        note: "a log line could not be written: the disk is full",
        example: line!(
            "alert",
            r#"write() to "/var/log/nginx/access.log" failed (28: No space left on device) while logging request"#,
            request
        ),
        source: "nginx src/http/modules/ngx_http_log_module.c",
        ..BASE
    },
    CauseRule {
        id: "nginx.disk_full_late",
        needles: &[
            &[
                r#"^pwritev() ""#,
                r#"^pwrite() ""#,
                r#"^write() ""#,
                r#"^writev() ""#,
                r#"^mkdir() ""#,
                r#"^open() ""#,
                r#"^rename() ""#,
            ],
            &[r#"" failed (28: "#, r#"" failed (122: "#],
            &["while reading upstream"],
        ],
        regex: FILE_NO_SPACE,
        cause: Some(Cause::DiskFull),
        origin: Origin::LocalProcess,
        kind: RuleKind::Late,
        scope: Scope::Path,
        note: "a temporary file could not be written while the response was on its way",
        example: line!(
            "crit",
            r#"pwritev() "/var/cache/nginx/proxy_temp/1/00/0000000001" failed (28: No space left on device) while reading upstream"#,
            "http://10.0.0.1:80/a"
        ),
        source: SRC_FILE,
        ..BASE
    },
    CauseRule {
        id: "nginx.disk_full",
        needles: &[
            &[
                r#"^pwritev() ""#,
                r#"^pwrite() ""#,
                r#"^write() ""#,
                r#"^writev() ""#,
                r#"^mkdir() ""#,
                r#"^open() ""#,
                r#"^rename() ""#,
            ],
            &[r#"" failed (28: "#, r#"" failed (122: "#],
        ],
        regex: FILE_NO_SPACE,
        cause: Some(Cause::DiskFull),
        origin: Origin::LocalProcess,
        kind: RuleKind::Failure,
        status: &[500],
        scope: Scope::Path,
        note: "a temporary file could not be written: the disk is full",
        example: line!(
            "crit",
            r#"pwritev() "/var/cache/nginx/client_temp/0000000001" failed (28: No space left on device)"#,
            request
        ),
        source: SRC_FILE,
        ..BASE
    },
    CauseRule {
        id: "nginx.write_short",
        needles: &[&[r#"" has written only "#]],
        regex: r#"(?s-u)^\w+\(\) "(?<scope>.*)" has written only [^"]*$"#,
        cause: Some(Cause::DiskFull),
        origin: Origin::LocalProcess,
        kind: RuleKind::Failure,
        status: &[500],
        scope: Scope::Path,
        note: "a write stopped half way, as on a full disk",
        example: line!(
            "crit",
            r#"pwritev() "/var/cache/nginx/client_temp/0000000001" has written only 4096 of 16384"#,
            request
        ),
        source: "nginx src/os/unix/ngx_files.c",
        ..BASE
    },
    CauseRule {
        id: "nginx.start_file_denied",
        needles: &[
            &[
                r#"^pwritev() ""#,
                r#"^pwrite() ""#,
                r#"^write() ""#,
                r#"^writev() ""#,
                r#"^mkdir() ""#,
                r#"^open() ""#,
                r#"^rename() ""#,
            ],
            &[r#"" failed (13: "#, r#"" failed (30: "#],
        ],
        regex: FILE_DENIED,
        levels: &["emerg"],
        cause: Some(Cause::ConfigPermission),
        kind: RuleKind::Lifecycle(ChangeKind::StartFailure),
        scope: Scope::Path,
        note: "nginx may not use a file that its configuration names",
        example: line!(
            "emerg",
            r#"open() "/var/log/nginx/access.log" failed (13: Permission denied)"#
        ),
        source: SRC_CYCLE,
        ..BASE
    },
    CauseRule {
        id: "nginx.config_error_file",
        needles: &[
            &[r#"^open() ""#, r#"^opendir() ""#, r#"^glob() ""#],
            &[r#"" failed ("#],
            &[" in "],
        ],
        regex: IN_FILE,
        levels: &["emerg"],
        cause: Some(Cause::ConfigError),
        kind: RuleKind::Lifecycle(ChangeKind::ConfigError),
        scope: Scope::Path,
        note: "a configuration file names a file that cannot be read",
        example: line!(
            "emerg",
            r#"open() "/etc/nginx/mime.types" failed (2: No such file or directory) in /etc/nginx/nginx.conf:8"#
        ),
        source: SRC_CONF_FILE,
        ..BASE
    },
    CauseRule {
        id: "nginx.start_file",
        needles: &[
            &[
                r#"^pwritev() ""#,
                r#"^pwrite() ""#,
                r#"^write() ""#,
                r#"^writev() ""#,
                r#"^mkdir() ""#,
                r#"^open() ""#,
                r#"^rename() ""#,
            ],
            &[r#"" failed ("#],
        ],
        regex: r#"(?s-u)^\w+\(\) "(?<scope>.*)" failed \((?<detail>[0-9]+): [^"]*$"#,
        levels: &["emerg"],
        cause: Some(Cause::StartupFailure),
        kind: RuleKind::Lifecycle(ChangeKind::StartFailure),
        scope: Scope::Path,
        note: "nginx cannot use a file or directory that it needs to start",
        example: line!(
            "emerg",
            r#"mkdir() "/var/cache/nginx/client_temp" failed (2: No such file or directory)"#
        ),
        source: SRC_CYCLE,
        ..BASE
    },
    CauseRule {
        id: "nginx.temp_file_denied_late",
        needles: &[
            &[
                r#"^pwritev() ""#,
                r#"^pwrite() ""#,
                r#"^write() ""#,
                r#"^writev() ""#,
                r#"^mkdir() ""#,
                r#"^open() ""#,
                r#"^rename() ""#,
            ],
            &[r#"" failed (13: "#, r#"" failed (30: "#],
            &["while reading upstream"],
        ],
        regex: FILE_DENIED,
        levels: &["crit"],
        cause: Some(Cause::ConfigPermission),
        origin: Origin::LocalProcess,
        kind: RuleKind::Late,
        scope: Scope::Path,
        note: "nginx may not write its temporary files; the response was cut",
        example: line!(
            "crit",
            r#"open() "/var/lib/nginx/proxy/1/00/0000000001" failed (13: Permission denied) while reading upstream"#,
            "http://10.0.0.1:80/a"
        ),
        source: SRC_FILE,
        ..BASE
    },
    CauseRule {
        id: "nginx.temp_file_denied",
        needles: &[
            &[
                r#"^pwritev() ""#,
                r#"^pwrite() ""#,
                r#"^write() ""#,
                r#"^writev() ""#,
                r#"^mkdir() ""#,
                r#"^open() ""#,
                r#"^rename() ""#,
            ],
            &[r#"" failed (13: "#, r#"" failed (30: "#],
        ],
        regex: FILE_DENIED,
        levels: &["crit"],
        cause: Some(Cause::ConfigPermission),
        origin: Origin::LocalProcess,
        kind: RuleKind::Failure,
        status: &[500],
        scope: Scope::Path,
        note: "nginx may not write its temporary files",
        example: line!(
            "crit",
            r#"open() "/var/lib/nginx/body/0000000001" failed (13: Permission denied)"#,
            request
        ),
        source: SRC_FILE,
        ..BASE
    },
    CauseRule {
        id: "nginx.no_pid_file",
        needles: &[&[r#"^open() ""#], &[r#".pid" failed (2: "#]],
        regex: r#"(?-u)^open\(\) "(?<scope>[^"]*)" failed \(2: [^"]*\)$"#,
        cause: Some(Cause::ServiceStopped),
        kind: RuleKind::Lifecycle(ChangeKind::ReloadFailed),
        scope: Scope::Path,
        note: "a signal was to be sent, but there is no pid file: nginx is not running",
        example: line!("error", r#"open() "/run/nginx.pid" failed (2: No such file or directory)"#),
        source: SRC_CYCLE,
        ..BASE
    },
    CauseRule {
        id: "nginx.bad_pid_file",
        needles: &[&[r#"^invalid PID number ""#]],
        regex: r#"(?-u) in "(?<scope>[^"]*)"$"#,
        kind: RuleKind::Lifecycle(ChangeKind::ReloadFailed),
        scope: Scope::Path,
        note: "a signal was to be sent, but the pid file is empty",
        example: line!("error", r#"invalid PID number "" in "/run/nginx.pid""#),
        source: SRC_CYCLE,
        ..BASE
    },
    CauseRule {
        id: "nginx.file_missing",
        needles: &[
            &[
                r#"^open() ""#,
                r#"^openat() ""#,
                r#"^stat() ""#,
                r#"^lstat() ""#,
                r#"^opendir() ""#,
                r#"^""#,
            ],
            &[
                r#"" failed (2: "#,
                r#"" failed (20: "#,
                r#"" failed (36: "#,
                r#"" failed (40: "#,
                r#"" is not found ("#,
            ],
        ],
        note: "a file does not exist: 404",
        example: line!(
            "error",
            r#"open() "/srv/favicon.ico" failed (2: No such file or directory)"#,
            request
        ),
        source: SRC_STATIC,
        ..BASE
    },
    CauseRule {
        id: "nginx.file_denied",
        needles: &[
            &[r#"^open() ""#, r#"^openat() ""#, r#"^stat() ""#, r#"^opendir() ""#, r#"^""#],
            &[r#"" failed (13: "#, r#"" is forbidden (13: "#],
        ],
        note: "a file may not be read: 403",
        example: line!("error", r#"open() "/srv/a.html" failed (13: Permission denied)"#, request),
        source: SRC_STATIC,
        ..BASE
    },
    CauseRule {
        id: "nginx.delete_failed",
        needles: &[&[
            r#"^unlink() ""#,
            r#"^rename() ""#,
            r#"^utimes() ""#,
            r#"^chmod() ""#,
            r#"^chown() ""#,
            r#"^rmdir() ""#,
        ]],
        note: "a file could not be removed or renamed",
        example: line!(
            "crit",
            r#"unlink() "/var/cache/nginx/a" failed (2: No such file or directory)"#
        ),
        source: SRC_FILE,
        ..BASE
    },
    // What clients did: 4xx and 499.
    CauseRule {
        id: "nginx.client_denied",
        needles: &[&[
            "^access forbidden by rule",
            r#"^directory index of ""#,
            r#"^user ""#,
            "^no user/password was provided",
            "^access forbidden",
            "^PAM: ",
        ]],
        note: "access was refused: 401 or 403",
        example: line!("error", "access forbidden by rule", request),
        source: "nginx src/http/modules/ngx_http_access_module.c, ngx_http_auth_basic_module.c",
        ..BASE
    },
    CauseRule {
        id: "nginx.client_invalid",
        needles: &[&[
            "^client sent ",
            "^client intended to send too large ",
            "^no host in ",
            "^invalid host in ",
        ]],
        note: "the request was not valid: 4xx",
        example: line!("error", "client intended to send too large body: 2097152 bytes", request),
        source: SRC_REQUEST,
        ..BASE
    },
    CauseRule {
        id: "nginx.client_gone",
        needles: &[&["client prematurely closed connection"]],
        cause: Some(Cause::ClientAborted),
        note: "the client closed the connection before the answer: 499",
        example: line!(
            "info",
            "epoll_wait() reported that client prematurely closed connection, so upstream connection is closed too while sending request to upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_UPSTREAM,
        ..BASE
    },
    CauseRule {
        id: "nginx.client_closed",
        needles: &[&["^client "]],
        note: "the client closed, idled out or timed out",
        example: line!("info", "client 198.51.100.7 closed keepalive connection"),
        source: SRC_REQUEST,
        ..BASE
    },
    // Load limits. Dry runs reject nothing.
    CauseRule {
        id: "nginx.limit_dry_run",
        needles: &[&[
            "^limiting requests, dry run",
            "^delaying request, dry run",
            "^limiting connections, dry run",
        ]],
        regex: ZONE,
        scope: Scope::Zone,
        note: "a limit would have acted, but only counts",
        example: line!(
            "error",
            r#"limiting requests, dry run, excess: 1.000 by zone "one""#,
            request
        ),
        source: SRC_LIMIT_REQ,
        ..BASE
    },
    CauseRule {
        id: "nginx.limit_req",
        needles: &[&["^limiting requests, excess: "]],
        regex: EXCESS,
        cause: Some(Cause::RateLimited),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::Zone,
        note: "limit_req rejected the request",
        example: line!("error", r#"limiting requests, excess: 1.000 by zone "one""#, request),
        source: SRC_LIMIT_REQ,
        ..BASE
    },
    CauseRule {
        id: "nginx.limit_req_delay",
        needles: &[&["^delaying request, excess: "]],
        regex: EXCESS,
        cause: Some(Cause::RateLimited),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        scope: Scope::Zone,
        note: "limit_req made a request wait",
        example: line!("warn", r#"delaying request, excess: 0.841, by zone "one""#, request),
        source: SRC_LIMIT_REQ,
        ..BASE
    },
    CauseRule {
        id: "nginx.limit_conn",
        needles: &[&[r#"^limiting connections by zone ""#]],
        regex: ZONE,
        cause: Some(Cause::ConnectionLimit),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::Zone,
        note: "limit_conn rejected the request",
        example: line!("error", r#"limiting connections by zone "perip""#, request),
        source: SRC_LIMIT_CONN,
        ..BASE
    },
    CauseRule {
        id: "nginx.limit_req_zone_full",
        needles: &[&["^could not allocate node"], &[r#" in limit_req zone ""#]],
        regex: ZONE,
        cause: Some(Cause::MemoryExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::Zone,
        note: "the shared memory of a limit_req zone is full, so the request was rejected",
        example: line!("alert", r#"could not allocate node in limit_req zone "one""#, request),
        source: SRC_LIMIT_REQ,
        ..BASE
    },
    CauseRule {
        id: "nginx.limit_conn_zone_full",
        needles: &[&[r#"^ngx_slab_alloc() failed: no memory in limit_conn_zone ""#]],
        regex: r#"(?-u)limit_conn_zone "(?<scope>[^"]*)"#,
        cause: Some(Cause::MemoryExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::Zone,
        note: "the shared memory of a limit_conn zone is full: requests are rejected without another line",
        example: line!("crit", r#"ngx_slab_alloc() failed: no memory in limit_conn_zone "addr""#),
        source: SRC_SLAB,
        ..BASE
    },
    CauseRule {
        id: "nginx.zone_full",
        needles: &[&[
            "^ngx_slab_alloc() failed: no memory",
            "^could not allocate node",
            "^could not allocate new session",
        ]],
        cause: Some(Cause::MemoryExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        note: "a shared memory zone is full; old entries are dropped",
        example: line!("crit", r#"ngx_slab_alloc() failed: no memory in cache keys zone "c""#),
        source: SRC_SLAB,
        ..BASE
    },
    // Limits of the process.
    CauseRule {
        id: "nginx.worker_connections_reusing",
        needles: &[&[" worker_connections are not enough, reusing connections"]],
        regex: FIRST_NUMBER,
        cause: Some(Cause::WorkerLimit),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        note: "connection slots run out: idle keepalive connections are closed",
        example: line!("warn", "512 worker_connections are not enough, reusing connections"),
        source: SRC_CONNECTION,
        ..BASE
    },
    CauseRule {
        id: "nginx.worker_connections_upstream",
        needles: &[&[" worker_connections are not enough while "]],
        regex: FIRST_NUMBER,
        cause: Some(Cause::WorkerLimit),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[500],
        note: "no connection slot was left for the connection to the backend",
        example: line!(
            "alert",
            "512 worker_connections are not enough while connecting to upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_CONNECTION,
        ..BASE
    },
    CauseRule {
        id: "nginx.worker_connections_accept",
        needles: &[&[" worker_connections are not enough"]],
        regex: FIRST_NUMBER,
        cause: Some(Cause::WorkerLimit),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        note: "no connection slot was left for a new client: it was dropped, without an access line",
        example: line!("alert", "512 worker_connections are not enough"),
        source: SRC_CONNECTION,
        ..BASE
    },
    CauseRule {
        id: "nginx.worker_connections_over_fd_limit",
        needles: &[&[" worker_connections exceed open file resource limit: "]],
        regex: "(?-u)limit: (?<detail>[0-9]+)",
        cause: Some(Cause::FdExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        note: "worker_connections is larger than the file descriptor limit",
        example: line!("warn", "4096 worker_connections exceed open file resource limit: 1024"),
        source: SRC_EVENT,
        ..BASE
    },
    CauseRule {
        id: "nginx.accept_no_fd",
        needles: &[&[
            "^accept4() failed (24: ",
            "^accept() failed (24: ",
            "^accept4() failed (23: ",
            "^accept() failed (23: ",
        ]],
        regex: ERRNO,
        cause: Some(Cause::FdExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        note: "no file descriptor was left for a new client; accepting pauses",
        example: line!("crit", "accept4() failed (24: Too many open files)"),
        source: SRC_ACCEPT,
        ..BASE
    },
    CauseRule {
        id: "nginx.accept_failed",
        needles: &[&["^accept4() failed (", "^accept() failed ("]],
        note: "a client went away before it was accepted",
        example: line!("error", "accept4() failed (103: Software caused connection abort)"),
        source: SRC_ACCEPT,
        ..BASE
    },
    CauseRule {
        id: "nginx.socket_no_fd",
        needles: &[&["^socket() failed (24: ", "^socket() failed (23: "]],
        regex: ERRNO,
        cause: Some(Cause::FdExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[500],
        scope: Scope::UpstreamPeer,
        note: "no file descriptor was left for the connection to the backend",
        example: line!(
            "alert",
            "socket() failed (24: Too many open files) while connecting to upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_CONNECT,
        ..BASE
    },
    CauseRule {
        id: "nginx.socket_failed",
        needles: &[&["^socket() failed ("]],
        regex: ERRNO,
        cause: Some(Cause::ConfigError),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[500],
        scope: Scope::UpstreamPeer,
        note: "the system refused a socket for the connection to the backend",
        example: line!(
            "alert",
            "socket() failed (97: Address family not supported by protocol) while connecting to upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_CONNECT,
        ..BASE
    },
    CauseRule {
        id: "nginx.fd_number_upstream",
        needles: &[
            &["^the new socket has number "],
            &[" files are available while connecting to upstream"],
        ],
        cause: Some(Cause::FdExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[500],
        scope: Scope::UpstreamPeer,
        note: "the descriptor of the connection to the backend is beyond what nginx can hold",
        example: line!(
            "alert",
            "the new socket has number 1024, but only 1024 files are available while connecting to upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_CONNECTION,
        ..BASE
    },
    CauseRule {
        id: "nginx.fd_number",
        needles: &[&["^the new socket has number "]],
        cause: Some(Cause::FdExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        note: "the descriptor of a new client is beyond what nginx can hold: it was dropped",
        example: line!(
            "alert",
            "the new socket has number 1024, but only 1024 files are available"
        ),
        source: SRC_CONNECTION,
        ..BASE
    },
    CauseRule {
        id: "nginx.no_memory",
        needles: &[&["^malloc(", "^posix_memalign(", "^memalign(", "^mmap("], &[" failed"]],
        cause: Some(Cause::MemoryExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Failure,
        status: &[500],
        note: "the system gave no memory",
        example: line!("emerg", "malloc(4096) failed (12: Cannot allocate memory)", request),
        source: SRC_ALLOC,
        ..BASE
    },
    CauseRule {
        id: "nginx.fork_failed",
        needles: &[&[r#"^fork() failed while spawning ""#, "^could not respawn "]],
        cause: Some(Cause::MemoryExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        note: "a worker process could not be started: no memory or no process id",
        example: line!(
            "alert",
            r#"fork() failed while spawning "worker process" (12: Cannot allocate memory)"#
        ),
        source: SRC_PROCESS,
        ..BASE
    },
    // Name resolution.
    CauseRule {
        id: "nginx.resolver_unreachable",
        needles: &[&["while resolving, resolver: "]],
        regex: r"(?-u)resolver: (?<scope>\S+)",
        cause: Some(Cause::DnsFailure),
        origin: Origin::Proxy,
        kind: RuleKind::Pressure,
        scope: Scope::Name,
        note: "the DNS server could not be reached",
        example: line!(
            "error",
            "send() failed (111: Connection refused) while resolving, resolver: 127.0.0.1:53"
        ),
        source: SRC_RESOLVER,
        ..BASE
    },
    CauseRule {
        id: "nginx.resolver_answer",
        needles: &[&[
            "^DNS error (",
            "^unexpected DNS response",
            "^wrong ident ",
            "^no CNAME or A responses",
            "^could not cancel ",
            "^unexpected AAAA response",
            "^unexpected A record",
        ]],
        cause: Some(Cause::DnsFailure),
        origin: Origin::Proxy,
        kind: RuleKind::Pressure,
        note: "the DNS server gave an unusable answer",
        example: line!("error", "unexpected DNS response for ex.test"),
        source: SRC_RESOLVER,
        ..BASE
    },
    CauseRule {
        id: "nginx.resolve_failed",
        needles: &[&[" could not be resolved ("]],
        regex: RESOLVED,
        cause: Some(Cause::UpstreamDns),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[502],
        scope: Scope::Name,
        note: "the name of the backend could not be resolved",
        example: line!(
            "error",
            "orders.internal could not be resolved (3: Host not found)",
            request
        ),
        source: SRC_RESOLVER,
        ..BASE
    },
    CauseRule {
        id: "nginx.no_resolver",
        needles: &[&["^no resolver defined to resolve "]],
        regex: r"(?-u)to resolve (?<scope>[^\s,]+)",
        cause: Some(Cause::UpstreamDns),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[502],
        scope: Scope::Name,
        note: "the name of the backend has to be resolved, and no `resolver` is configured",
        example: line!("error", "no resolver defined to resolve orders.internal", request),
        source: SRC_UPSTREAM,
        ..BASE
    },
    // Connections that nginx makes for itself.
    CauseRule {
        id: "nginx.ocsp",
        needles: &[&["while requesting certificate status", "^OCSP ", r#"^certificate status ""#]],
        note: "certificate status could not be fetched",
        example: line!(
            "error",
            "connect() failed (111: Connection refused) while requesting certificate status, responder: ocsp.ex.test"
        ),
        source: "nginx src/event/ngx_event_openssl_stapling.c",
        ..BASE
    },
    CauseRule {
        id: "nginx.syslog",
        needles: &[&["while logging to syslog"]],
        note: "a log line could not be sent to syslog",
        example: line!(
            "alert",
            "send() failed (111: Connection refused) while logging to syslog, server: unix:/dev/log"
        ),
        source: "nginx src/core/ngx_syslog.c",
        ..BASE
    },
    // Connecting to the backend.
    CauseRule {
        id: "nginx.no_live_upstreams",
        needles: &[&["^no live upstreams"]],
        cause: Some(Cause::NoLiveUpstreams),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[502],
        scope: Scope::UpstreamGroup,
        note: "every server of the group was marked down",
        example: line!("error", "no live upstreams while connecting to upstream", "http://grp/a"),
        source: SRC_UPSTREAM,
        ..BASE
    },
    // A connection to a backend says `while connecting to upstream`, and names it.
    CauseRule {
        id: "nginx.lua_connect",
        needles: &[&["^connect() "], &["failed ("]],
        regex: r"(?-u)^connect\(\) (?:to (?<scope>\S+) )?failed \([0-9]+: [^()]*\)$",
        without_upstream: true,
        kind: RuleKind::Pressure,
        scope: Scope::Name,
        note: "a service that Lua code talks to did not take the connection",
        example: line!("error", "connect() failed (111: Connection refused)", request),
        source: "lua-nginx-module src/ngx_http_lua_socket_tcp.c",
        ..BASE
    },
    CauseRule {
        id: "nginx.connect_refused",
        needles: &[
            &[
                "^connect() ",
                "^kevent() reported that connect() ",
                "^WSARecv() ",
                "^epoll_wait() reported that connect() ",
            ],
            &["failed (111: ", "failed (61: ", "failed (10061: "],
        ],
        regex: ERRNO,
        cause: Some(Cause::UpstreamRefused),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[502],
        scope: Scope::UpstreamPeer,
        note: "nothing listens at the backend address",
        example: line!(
            "error",
            "connect() failed (111: Unknown error) while connecting to upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_CONNECT,
        ..BASE
    },
    CauseRule {
        id: "nginx.connect_unreachable",
        needles: &[
            &[
                "^connect() ",
                "^kevent() reported that connect() ",
                "^WSARecv() ",
                "^epoll_wait() reported that connect() ",
            ],
            &[
                "failed (113: ",
                "failed (101: ",
                "failed (112: ",
                "failed (100: ",
                "failed (65: ",
                "failed (51: ",
                "failed (64: ",
                "failed (10065: ",
                "failed (10051: ",
            ],
        ],
        regex: ERRNO,
        cause: Some(Cause::UpstreamRefused),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[502],
        scope: Scope::UpstreamPeer,
        note: "the backend host cannot be reached",
        example: line!(
            "error",
            "connect() failed (113: No route to host) while connecting to upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_CONNECT,
        ..BASE
    },
    CauseRule {
        id: "nginx.connect_timed_out",
        needles: &[
            &[
                "^connect() ",
                "^kevent() reported that connect() ",
                "^WSARecv() ",
                "^epoll_wait() reported that connect() ",
            ],
            &["failed (110: ", "failed (60: ", "failed (10060: "],
        ],
        regex: ERRNO,
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[502],
        scope: Scope::UpstreamPeer,
        note: "the kernel gave up connecting to the backend",
        example: line!(
            "error",
            "connect() failed (110: Connection timed out) while connecting to upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_CONNECT,
        ..BASE
    },
    CauseRule {
        id: "nginx.connect_no_socket",
        needles: &[
            &[
                "^connect() ",
                "^kevent() reported that connect() ",
                "^WSARecv() ",
                "^epoll_wait() reported that connect() ",
            ],
            &["failed (2: "],
        ],
        regex: ERRNO,
        cause: Some(Cause::UpstreamRefused),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[502],
        scope: Scope::UpstreamPeer,
        note: "the socket file of the backend does not exist: the application server is not running",
        example: line!(
            "crit",
            "connect() to unix:/run/php.sock failed (2: No such file or directory) while connecting to upstream",
            "fastcgi://unix:/run/php.sock:"
        ),
        source: SRC_CONNECT,
        ..BASE
    },
    CauseRule {
        id: "nginx.connect_denied",
        needles: &[
            &[
                "^connect() ",
                "^kevent() reported that connect() ",
                "^WSARecv() ",
                "^epoll_wait() reported that connect() ",
            ],
            &["failed (13: ", "failed (1: "],
        ],
        regex: ERRNO,
        cause: Some(Cause::ConfigPermission),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[502],
        scope: Scope::UpstreamPeer,
        note: "nginx may not connect to the backend (file mode, SELinux, AppArmor)",
        example: line!(
            "crit",
            "connect() to unix:/run/php.sock failed (13: Permission denied) while connecting to upstream",
            "fastcgi://unix:/run/php.sock:"
        ),
        source: SRC_CONNECT,
        ..BASE
    },
    CauseRule {
        id: "nginx.connect_backlog_full",
        needles: &[
            &[
                "^connect() ",
                "^kevent() reported that connect() ",
                "^WSARecv() ",
                "^epoll_wait() reported that connect() ",
            ],
            &["failed (11: ", "failed (35: "],
        ],
        regex: ERRNO,
        cause: Some(Cause::UpstreamRefused),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[502],
        scope: Scope::UpstreamPeer,
        note: "the listen queue of the backend socket is full",
        example: line!(
            "error",
            "connect() to unix:/run/php.sock failed (11: Resource temporarily unavailable) while connecting to upstream",
            "fastcgi://unix:/run/php.sock:"
        ),
        source: SRC_CONNECT,
        ..BASE
    },
    CauseRule {
        id: "nginx.connect_no_port",
        needles: &[
            &[
                "^connect() ",
                "^kevent() reported that connect() ",
                "^WSARecv() ",
                "^epoll_wait() reported that connect() ",
            ],
            &["failed (99: ", "failed (49: ", "failed (10049: ", "failed (10055: "],
        ],
        regex: ERRNO,
        cause: Some(Cause::PortExhausted),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[502],
        scope: Scope::UpstreamPeer,
        note: "no local port was free for a connection to the backend",
        example: line!(
            "crit",
            "connect() to 10.0.0.1:80 failed (99: Cannot assign requested address) while connecting to upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_CONNECT,
        ..BASE
    },
    CauseRule {
        id: "nginx.connect_reset",
        needles: &[
            &[
                "^connect() ",
                "^kevent() reported that connect() ",
                "^WSARecv() ",
                "^epoll_wait() reported that connect() ",
            ],
            &["failed (104: ", "failed (54: ", "failed (10054: "],
        ],
        regex: ERRNO,
        cause: Some(Cause::UpstreamReset),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[502],
        scope: Scope::UpstreamPeer,
        note: "the backend reset the connection at once",
        example: line!(
            "error",
            "connect() failed (104: Connection reset by peer) while connecting to upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_CONNECT,
        ..BASE
    },
    CauseRule {
        id: "nginx.connect_other",
        needles: &[
            &[
                "^connect() ",
                "^kevent() reported that connect() ",
                "^WSARecv() ",
                "^epoll_wait() reported that connect() ",
            ],
            &["failed ("],
        ],
        regex: ERRNO,
        cause: Some(Cause::UpstreamRefused),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[502],
        scope: Scope::UpstreamPeer,
        note: "the connection to the backend failed",
        example: line!(
            "crit",
            "connect() to 10.0.0.1:80 failed (22: Invalid argument) while connecting to upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_CONNECT,
        ..BASE
    },
    CauseRule {
        id: "nginx.connect_cut",
        needles: &[
            &["failed (111: ", "failed (61: ", "failed (10061: ", "failed (113: ", "failed (2: "],
            &["while connecting to upstream"],
        ],
        regex: ERRNO,
        cause: Some(Cause::UpstreamRefused),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[502],
        scope: Scope::UpstreamPeer,
        note: "the connection to the backend failed; the start of the line was cut off",
        example: "to unix:/run/php.sock failed (111: Connection refused) while connecting to upstream",
        source: SRC_CONNECT,
        ..BASE
    },
    CauseRule {
        id: "nginx.bind_no_port",
        needles: &[
            &["^bind("],
            &[") failed (98: ", ") failed (48: "],
            &["while connecting to upstream"],
        ],
        regex: ERRNO,
        cause: Some(Cause::PortExhausted),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[502, 500],
        scope: Scope::UpstreamPeer,
        note: "no port of the proxy_bind address was free",
        example: line!(
            "crit",
            "bind(10.0.0.9) failed (98: Address already in use) while connecting to upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_CONNECT,
        ..BASE
    },
    CauseRule {
        id: "nginx.bind_bad_address",
        needles: &[&["^bind("], &[") failed ("], &["while connecting to upstream"]],
        regex: ERRNO,
        cause: Some(Cause::ConfigError),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[500],
        scope: Scope::UpstreamPeer,
        note: "the proxy_bind address is not one of this host",
        example: line!(
            "crit",
            "bind(10.0.0.9) failed (99: Cannot assign requested address) while connecting to upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_CONNECT,
        ..BASE
    },
    // TLS to the backend.
    CauseRule {
        id: "nginx.upstream_certificate_expired",
        needles: &[
            &["^upstream SSL certificate verify error: ", "^SSL_do_handshake() failed"],
            &["(10:", "certificate expired", "certificate has expired"],
            &["while SSL handshaking to upstream"],
        ],
        cause: Some(Cause::CertificateExpired),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[502],
        scope: Scope::UpstreamPeer,
        note: "a certificate between nginx and the backend has expired",
        example: line!(
            "error",
            "upstream SSL certificate verify error: (10:certificate has expired) while SSL handshaking to upstream",
            "https://10.0.0.1/a"
        ),
        source: SRC_UPSTREAM,
        ..BASE
    },
    CauseRule {
        id: "nginx.upstream_certificate",
        needles: &[&["^upstream SSL certificate "]],
        cause: Some(Cause::UpstreamTls),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[502],
        scope: Scope::UpstreamPeer,
        note: "the certificate of the backend was not accepted",
        example: line!(
            "error",
            r#"upstream SSL certificate does not match "grp" while SSL handshaking to upstream"#,
            "https://10.0.0.1/a"
        ),
        source: SRC_UPSTREAM,
        ..BASE
    },
    CauseRule {
        id: "nginx.upstream_tls",
        needles: &[
            &["^SSL_do_handshake() failed", "^peer closed connection in SSL handshake", "^SSL_"],
            &["while SSL handshaking to upstream"],
        ],
        cause: Some(Cause::UpstreamTls),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[502],
        scope: Scope::UpstreamPeer,
        note: "the TLS handshake with the backend failed",
        example: line!(
            "error",
            "SSL_do_handshake() failed (SSL: error:0A00010B:SSL routines::wrong version number) while SSL handshaking to upstream",
            "https://10.0.0.1/a"
        ),
        source: SRC_OPENSSL,
        ..BASE
    },
    // Waiting for the backend. Once a response is being read its status has been sent.
    CauseRule {
        id: "nginx.timeout_body",
        needles: &[
            &["^upstream timed out ("],
            &[
                "while reading upstream",
                "while proxying upgraded connection",
                "while proxying connection",
                "while proxying and reading from upstream",
                "while proxying and sending to client",
                "while sending to client",
            ],
        ],
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Proxy,
        kind: RuleKind::Late,
        scope: Scope::UpstreamPeer,
        note: "the backend stopped in the middle of its response",
        example: line!(
            "error",
            "upstream timed out (110: Connection timed out) while reading upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_UPSTREAM,
        ..BASE
    },
    CauseRule {
        id: "nginx.timeout_connect",
        needles: &[&["^upstream timed out ("], &["while connecting to upstream"]],
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[504],
        scope: Scope::UpstreamPeer,
        note: "the backend did not accept the connection in time",
        example: line!(
            "error",
            "upstream timed out (110: Connection timed out) while connecting to upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_UPSTREAM,
        ..BASE
    },
    CauseRule {
        id: "nginx.timeout_tls",
        needles: &[&["^upstream timed out ("], &["while SSL handshaking to upstream"]],
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[504],
        scope: Scope::UpstreamPeer,
        note: "the TLS handshake with the backend took too long",
        example: line!(
            "error",
            "upstream timed out (110: Connection timed out) while SSL handshaking to upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_UPSTREAM,
        ..BASE
    },
    CauseRule {
        id: "nginx.timeout_send",
        needles: &[&["^upstream timed out ("], &["while sending request to upstream"]],
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[504],
        scope: Scope::UpstreamPeer,
        note: "the backend did not take the request in time",
        example: line!(
            "error",
            "upstream timed out (110: Connection timed out) while sending request to upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_UPSTREAM,
        ..BASE
    },
    CauseRule {
        id: "nginx.timeout_header",
        needles: &[&["^upstream timed out ("], &["while reading response header from upstream"]],
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[504],
        scope: Scope::UpstreamPeer,
        note: "the backend took the request and did not answer in time",
        example: line!(
            "error",
            "upstream timed out (110: Connection timed out) while reading response header from upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_UPSTREAM,
        ..BASE
    },
    CauseRule {
        id: "nginx.timeout_other",
        needles: &[&["^upstream timed out ("]],
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[504],
        scope: Scope::UpstreamPeer,
        note: "the backend did not answer in time",
        example: line!(
            "error",
            "upstream timed out (110: Connection timed out) while reading",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_UPSTREAM,
        ..BASE
    },
    // The backend ended the connection.
    CauseRule {
        id: "nginx.closed_body",
        needles: &[
            &["^upstream prematurely closed "],
            &[
                "while reading upstream",
                "while proxying upgraded connection",
                "while proxying connection",
                "while proxying and reading from upstream",
                "while proxying and sending to client",
                "while sending to client",
            ],
        ],
        cause: Some(Cause::UpstreamReset),
        origin: Origin::Proxy,
        kind: RuleKind::Late,
        scope: Scope::UpstreamPeer,
        note: "the backend closed the connection in the middle of its response",
        example: line!(
            "error",
            "upstream prematurely closed connection while reading upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_UPSTREAM,
        ..BASE
    },
    CauseRule {
        id: "nginx.closed_fastcgi",
        needles: &[&["^upstream prematurely closed FastCGI "]],
        cause: Some(Cause::UpstreamReset),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[502],
        scope: Scope::UpstreamPeer,
        note: "the FastCGI application closed before it answered",
        example: line!(
            "error",
            "upstream prematurely closed FastCGI stdout while reading response header from upstream",
            "fastcgi://unix:/run/php.sock:"
        ),
        source: SRC_FASTCGI,
        ..BASE
    },
    CauseRule {
        id: "nginx.closed_stream",
        needles: &[&[
            "^upstream prematurely closed stream",
            "^upstream rejected request with error ",
            "^upstream sent goaway with error ",
        ]],
        cause: Some(Cause::UpstreamReset),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[502],
        scope: Scope::UpstreamPeer,
        note: "the gRPC or HTTP/2 backend closed the stream",
        example: line!(
            "error",
            "upstream rejected request with error 2 while reading response header from upstream",
            "grpc://10.0.0.1:80"
        ),
        source: SRC_GRPC,
        ..BASE
    },
    CauseRule {
        id: "nginx.closed_header",
        needles: &[&["^upstream prematurely closed "]],
        cause: Some(Cause::UpstreamReset),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[502],
        scope: Scope::UpstreamPeer,
        note: "the backend closed the connection before it answered",
        example: line!(
            "error",
            "upstream prematurely closed connection while reading response header from upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_UPSTREAM,
        ..BASE
    },
    CauseRule {
        id: "nginx.reset_body",
        needles: &[
            &[
                "^recv() failed (",
                "^readv() failed (",
                "^send() failed (",
                "^writev() failed (",
                "^sendfile() failed (",
                "^sendfile64() failed (",
                "^SSL_read() failed",
                "^SSL_write() failed",
                "^SSL_shutdown() failed",
                "^kevent() reported about ",
                "^epoll_wait() reported that upstream",
                "^kevent() reported that upstream",
            ],
            &["while reading upstream", "while proxying "],
        ],
        cause: Some(Cause::UpstreamReset),
        origin: Origin::Proxy,
        kind: RuleKind::Late,
        scope: Scope::UpstreamPeer,
        note: "the connection to the backend broke in the middle of its response",
        example: line!(
            "error",
            "readv() failed (104: Connection reset by peer) while reading upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_RECV,
        ..BASE
    },
    CauseRule {
        id: "nginx.read_timed_out",
        needles: &[
            &["^recv() failed (110: ", "^readv() failed (110: ", "^recv() failed (60: "],
            &["while reading response header from upstream"],
        ],
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[502],
        scope: Scope::UpstreamPeer,
        note: "the kernel gave up on the connection to the backend",
        example: line!(
            "error",
            "recv() failed (110: Connection timed out) while reading response header from upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_RECV,
        ..BASE
    },
    CauseRule {
        id: "nginx.upstream_tls_data",
        needles: &[
            &["^SSL_read() failed", "^SSL_write() failed"],
            &["while reading response header from upstream", "while sending request to upstream"],
        ],
        cause: Some(Cause::UpstreamTls),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[502],
        scope: Scope::UpstreamPeer,
        note: "the TLS connection to the backend broke",
        example: line!(
            "error",
            "SSL_read() failed (SSL: error:0A000412:SSL routines::sslv3 alert bad certificate) while reading response header from upstream",
            "https://10.0.0.1/a"
        ),
        source: SRC_OPENSSL,
        ..BASE
    },
    CauseRule {
        id: "nginx.reset_header",
        needles: &[
            &[
                "^recv() failed (",
                "^readv() failed (",
                "^send() failed (",
                "^writev() failed (",
                "^sendfile() failed (",
                "^sendfile64() failed (",
                "^SSL_read() failed",
                "^SSL_write() failed",
                "^SSL_shutdown() failed",
                "^kevent() reported about ",
                "^epoll_wait() reported that upstream",
                "^kevent() reported that upstream",
            ],
            &["while reading response header from upstream"],
        ],
        cause: Some(Cause::UpstreamReset),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[502],
        scope: Scope::UpstreamPeer,
        note: "the backend reset the connection before it answered",
        example: line!(
            "error",
            "recv() failed (104: Connection reset by peer) while reading response header from upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_RECV,
        ..BASE
    },
    CauseRule {
        id: "nginx.reset_send",
        needles: &[
            &[
                "^recv() failed (",
                "^readv() failed (",
                "^send() failed (",
                "^writev() failed (",
                "^sendfile() failed (",
                "^sendfile64() failed (",
                "^SSL_read() failed",
                "^SSL_write() failed",
                "^SSL_shutdown() failed",
                "^kevent() reported about ",
                "^epoll_wait() reported that upstream",
                "^kevent() reported that upstream",
            ],
            &["while sending request to upstream", "while connecting to upstream"],
        ],
        cause: Some(Cause::UpstreamReset),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[502],
        scope: Scope::UpstreamPeer,
        note: "the backend closed the connection while the request was sent",
        example: line!(
            "error",
            "writev() failed (32: Broken pipe) while sending request to upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_RECV,
        ..BASE
    },
    CauseRule {
        id: "nginx.client_connection",
        needles: &[&[
            "^recv() failed (",
            "^readv() failed (",
            "^send() failed (",
            "^writev() failed (",
            "^sendfile() failed (",
            "^sendfile64() failed (",
            "^SSL_read() failed",
            "^SSL_write() failed",
            "^SSL_shutdown() failed",
            "^kevent() reported about ",
            "^epoll_wait() reported that upstream",
            "^kevent() reported that upstream",
            "^SSL_do_handshake() failed",
            "^peer closed connection in SSL handshake",
            "^SSL_",
            "^recvmsg() ",
            "^sendmsg() ",
            "^ssl_",
        ]],
        note: "the connection to a client broke or its TLS handshake failed",
        example: line!(
            "info",
            "recv() failed (104: Connection reset by peer) while sending to client",
            request
        ),
        source: SRC_OPENSSL,
        ..BASE
    },
    CauseRule {
        id: "nginx.runtime_certificate",
        needles: &[&["^cannot load certificate"]],
        levels: &["error", "crit", "warn"],
        note: "a certificate for clients could not be loaded during a handshake",
        example: line!(
            "error",
            r#"cannot load certificate "/etc/ssl/ex.pem": BIO_new_file() failed while SSL handshaking, client: 198.51.100.7, server: 0.0.0.0:443"#
        ),
        source: SRC_OPENSSL,
        ..BASE
    },
    // What the backend sent.
    CauseRule {
        id: "nginx.sent_http09",
        needles: &[&["^upstream sent no valid HTTP/"]],
        cause: Some(Cause::UpstreamInvalidResponse),
        origin: Origin::Proxy,
        kind: RuleKind::Pressure,
        scope: Scope::UpstreamPeer,
        note: "the backend does not speak HTTP/1 (wrong port or protocol); its bytes were relayed as they came",
        example: line!(
            "error",
            "upstream sent no valid HTTP/1.0 header while reading response header from upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_PROXY,
        ..BASE
    },
    CauseRule {
        id: "nginx.sent_ignored",
        needles: &[&["^upstream sent "], &["ignored"]],
        note: "the backend sent something superfluous, which was ignored",
        example: line!(
            "warn",
            r#"upstream sent duplicate header line: "Date: x", previous value: "Date: y", ignored while reading response header from upstream"#,
            "http://10.0.0.1:80/a"
        ),
        source: SRC_UPSTREAM,
        ..BASE
    },
    CauseRule {
        id: "nginx.sent_more",
        needles: &[&["^upstream sent more data than specified"]],
        note: "the backend sent more than it announced",
        example: line!(
            "warn",
            r#"upstream sent more data than specified in "Content-Length" header while reading upstream"#,
            "http://10.0.0.1:80/a"
        ),
        source: SRC_UPSTREAM,
        ..BASE
    },
    CauseRule {
        id: "nginx.sent_big_header",
        needles: &[&["^upstream sent too big header"]],
        cause: Some(Cause::UpstreamInvalidResponse),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[502],
        scope: Scope::UpstreamPeer,
        note: "the response header of the backend is larger than the buffer",
        example: line!(
            "error",
            "upstream sent too big header while reading response header from upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_UPSTREAM,
        ..BASE
    },
    CauseRule {
        id: "nginx.sent_invalid_body",
        needles: &[
            &["^upstream sent "],
            &[
                "while reading upstream",
                "while proxying upgraded connection",
                "while proxying connection",
                "while proxying and reading from upstream",
                "while proxying and sending to client",
                "while sending to client",
            ],
        ],
        cause: Some(Cause::UpstreamInvalidResponse),
        origin: Origin::Proxy,
        kind: RuleKind::Late,
        scope: Scope::UpstreamPeer,
        note: "the body of the response is not valid",
        example: line!(
            "error",
            "upstream sent invalid chunked response while reading upstream",
            "http://10.0.0.1:80/a"
        ),
        source: SRC_PROXY,
        ..BASE
    },
    CauseRule {
        id: "nginx.sent_invalid",
        needles: &[&["^upstream sent "]],
        cause: Some(Cause::UpstreamInvalidResponse),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[502],
        scope: Scope::UpstreamPeer,
        note: "the backend sent a response that is not valid",
        example: line!(
            "error",
            r#"upstream sent invalid header: "X-Bad\x00..." while reading response header from upstream"#,
            "http://10.0.0.1:80/a"
        ),
        source: SRC_UPSTREAM,
        ..BASE
    },
    CauseRule {
        id: "nginx.response_buffered",
        needles: &[&["is buffered to a temporary file"]],
        note: "a body went to a temporary file",
        example: line!(
            "warn",
            "an upstream response is buffered to a temporary file /var/cache/nginx/proxy_temp/1/00/0000000001 while reading upstream",
            "http://10.0.0.1:80/a"
        ),
        source: "nginx src/event/ngx_event_pipe.c",
        ..BASE
    },
    // Health of backends.
    CauseRule {
        id: "nginx.peer_disabled",
        needles: &[&["^upstream server temporarily disabled"]],
        cause: Some(Cause::HealthCheckFailed),
        origin: Origin::Proxy,
        kind: RuleKind::StateDown { for_s: Some(10) },
        scope: Scope::UpstreamPeer,
        note: "max_fails was reached: the backend is left out for fail_timeout (10 s by default)",
        example: line!(
            "warn",
            "upstream server temporarily disabled while connecting to upstream",
            "http://10.0.0.1:80/a"
        ),
        source: "nginx src/http/ngx_http_upstream_round_robin.c",
        ..BASE
    },
    CauseRule {
        id: "nginx_plus.peer_unhealthy",
        needles: &[&["^peer is unhealthy"]],
        regex: r#"(?-u)(?:of peer (?<scope>\S+))?(?: in upstream "(?<detail>[^"]*))?$"#,
        cause: Some(Cause::HealthCheckFailed),
        origin: Origin::Proxy,
        kind: RuleKind::StateDown { for_s: None },
        scope: Scope::UpstreamPeer,
        note: "an active health check took the backend out",
        example: line!(
            "warn",
            r#"peer is unhealthy while connecting to upstream, health check "match" of peer 10.0.0.1:80 in upstream "grp""#
        ),
        source: SRC_PLUS,
        ..BASE
    },
    CauseRule {
        id: "nginx_plus.peer_healthy",
        needles: &[&["^peer is healthy"]],
        regex: r"(?-u)of peer (?<scope>\S+)",
        kind: RuleKind::StateUp,
        scope: Scope::UpstreamPeer,
        note: "an active health check took the backend in again",
        example: line!(
            "notice",
            r#"peer is healthy while checking response, health check of peer 10.0.0.1:80 in upstream "grp""#
        ),
        source: SRC_PLUS,
        ..BASE
    },
    CauseRule {
        id: "nginx_check.peer_down",
        needles: &[&["disable check peer: "]],
        regex: r"(?-u)check peer: (?<scope>\S+)",
        cause: Some(Cause::HealthCheckFailed),
        origin: Origin::Proxy,
        kind: RuleKind::StateDown { for_s: None },
        scope: Scope::UpstreamPeer,
        note: "the check module took the backend out",
        example: line!("error", "disable check peer: 10.0.0.1:80 "),
        source: SRC_CHECK,
        ..BASE
    },
    CauseRule {
        id: "nginx_check.peer_up",
        needles: &[&["enable check peer: "]],
        regex: r"(?-u)check peer: (?<scope>\S+)",
        kind: RuleKind::StateUp,
        scope: Scope::UpstreamPeer,
        note: "the check module took the backend in again",
        example: line!("error", "enable check peer: 10.0.0.1:80 "),
        source: SRC_CHECK,
        ..BASE
    },
    CauseRule {
        id: "nginx_check.failed",
        needles: &[&["check time out with peer: "]],
        regex: r"(?-u)peer: (?<scope>\S+)",
        cause: Some(Cause::HealthCheckFailed),
        origin: Origin::Proxy,
        kind: RuleKind::Pressure,
        scope: Scope::UpstreamPeer,
        note: "a health check of the backend failed",
        example: line!("error", "check time out with peer: 10.0.0.1:80 "),
        source: SRC_CHECK,
        ..BASE
    },
    // Configuration and code that fail per request.
    CauseRule {
        id: "nginx.auth_request",
        needles: &[&["^auth request unexpected status: "]],
        regex: STATUS,
        cause: Some(Cause::AuthDependency),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[500],
        scope: Scope::Host,
        note: "the authorization service answered neither 2xx nor 401 or 403",
        example: line!(
            "error",
            "auth request unexpected status: 503 while sending to client",
            request
        ),
        source: "nginx src/http/modules/ngx_http_auth_request_module.c",
        ..BASE
    },
    CauseRule {
        id: "nginx.redirect_cycle",
        needles: &[&["^rewrite or internal redirection cycle"]],
        cause: Some(Cause::ConfigError),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[500],
        scope: Scope::Host,
        note: "rewrites or internal redirects go round in a circle",
        example: line!(
            "error",
            r#"rewrite or internal redirection cycle while internally redirecting to "/index.html""#,
            request
        ),
        source: SRC_CORE,
        ..BASE
    },
    CauseRule {
        id: "nginx.named_location",
        needles: &[&[r#"^could not find named location ""#]],
        regex: r#"(?-u)location "(?<scope>[^"]*)"#,
        cause: Some(Cause::ConfigError),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[500],
        scope: Scope::Name,
        note: "error_page or try_files names a location that does not exist",
        example: line!("error", r#"could not find named location "@x""#, request),
        source: SRC_CORE,
        ..BASE
    },
    CauseRule {
        id: "nginx.bad_upstream_config",
        needles: &[&[
            r#"^no port in upstream ""#,
            "^no upstream configuration",
            r#"^invalid URL prefix in ""#,
            r#"^invalid port in upstream ""#,
            "^zero length URI to proxy",
            r#"^no host in upstream ""#,
            r#"^invalid host in upstream ""#,
        ]],
        levels: &["error", "alert", "crit"],
        cause: Some(Cause::ConfigError),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[500],
        note: "the backend address that a variable gives is not usable",
        example: line!("error", r#"no port in upstream "grp""#, request),
        source: SRC_UPSTREAM,
        ..BASE
    },
    CauseRule {
        id: "nginx.subrequests_cycle",
        needles: &[&[
            r#"^subrequests cycle while processing ""#,
            "^request reference counter overflow",
        ]],
        cause: Some(Cause::ConfigError),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[500],
        scope: Scope::Host,
        note: "subrequests go round in a circle",
        example: line!("error", r#"subrequests cycle while processing "/a""#, request),
        source: SRC_CORE,
        ..BASE
    },
    CauseRule {
        id: "nginx.lua_aborted",
        needles: &[&[
            "^lua entry thread aborted: ",
            "^failed to run balancer_by_lua",
            "^failed to run access_by_lua",
            "^failed to load external Lua file",
            "^failed to load inlined Lua code",
        ]],
        origin: Origin::LocalProcess,
        kind: RuleKind::Failure,
        status: &[500],
        scope: Scope::Host,
        note: "Lua code in nginx died",
        example: line!(
            "error",
            "lua entry thread aborted: runtime error: /etc/nginx/a.lua:3: attempt to index a nil value",
            request
        ),
        source: "lua-nginx-module src/ngx_http_lua_util.c",
        ..BASE
    },
    CauseRule {
        id: "nginx.js_exception",
        needles: &[&["^js exception: "]],
        origin: Origin::LocalProcess,
        kind: RuleKind::Failure,
        status: &[500],
        scope: Scope::Host,
        note: "njs code in nginx died",
        example: line!(
            "error",
            r#"js exception: TypeError: cannot get property "a" of undefined"#,
            request
        ),
        source: "njs nginx/ngx_http_js_module.c",
        ..BASE
    },
    CauseRule {
        id: "nginx.lua_socket",
        needles: &[&["^lua tcp socket ", "^lua udp socket "]],
        regex: r"(?-u)^lua \w+ socket [^,]*(?:, when connecting to (?<scope>\S+))?",
        kind: RuleKind::Pressure,
        scope: Scope::Name,
        note: "a service that Lua code talks to did not answer",
        example: line!(
            "error",
            "lua tcp socket connect timed out, when connecting to 10.0.0.5:6379",
            request
        ),
        source: SRC_LUA,
        ..BASE
    },
    CauseRule {
        id: "nginx.uninitialized",
        needles: &[&[r#"^using uninitialized ""#]],
        note: "a variable has no value",
        example: line!(
            "warn",
            r#"using uninitialized "req_id" variable while logging request"#,
            request
        ),
        source: SRC_SCRIPT,
        ..BASE
    },
    // Worker processes.
    CauseRule {
        id: "nginx.worker_killed",
        needles: &[&[" process "], &[" exited on signal 9"]],
        regex: EXITED,
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerKilled),
        scope: Scope::Process,
        note: "a worker was killed from outside; the kernel log tells whether memory was the reason",
        example: line!("alert", "worker process 31337 exited on signal 9"),
        source: SRC_PROCESS,
        ..BASE
    },
    CauseRule {
        id: "nginx.worker_terminated",
        needles: &[
            &[" process "],
            &[" exited on signal 15", " exited on signal 3", " exited on signal 2"],
        ],
        regex: r"(?-u)process (?<scope>[0-9]+) exited on signal (?:15|3|2)\b",
        scope: Scope::Process,
        note: "a worker was told to stop",
        example: line!("alert", "worker process 31337 exited on signal 15"),
        source: SRC_PROCESS,
        ..BASE
    },
    CauseRule {
        id: "nginx.worker_crashed",
        needles: &[&[" process "], &[" exited on signal "]],
        regex: EXITED,
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        scope: Scope::Process,
        note: "a worker crashed",
        example: line!("alert", "worker process 31337 exited on signal 11 (core dumped)"),
        source: SRC_PROCESS,
        ..BASE
    },
    CauseRule {
        id: "nginx.worker_not_respawned",
        needles: &[&[" process "], &[" exited with fatal code "]],
        regex: EXITED,
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        scope: Scope::Process,
        note: "a worker could not start and is not replaced: capacity is lost",
        example: line!(
            "alert",
            "worker process 31337 exited with fatal code 2 and cannot be respawned"
        ),
        source: SRC_PROCESS,
        ..BASE
    },
    CauseRule {
        id: "nginx.worker_exited",
        needles: &[&[" process "], &[" exited with code "]],
        regex: EXITED,
        scope: Scope::Process,
        note: "a worker ended",
        example: line!("notice", "worker process 31337 exited with code 0"),
        source: SRC_PROCESS,
        ..BASE
    },
    CauseRule {
        id: "nginx.zone_locked",
        needles: &[&[r#"^shared memory zone ""#], &[r#"" was locked by "#]],
        regex: ZONE,
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Lifecycle(ChangeKind::WorkerCrashed),
        scope: Scope::Zone,
        note: "a worker died while it held a lock",
        example: line!("alert", r#"shared memory zone "one" was locked by 31337"#),
        source: SRC_PROCESS,
        ..BASE
    },
    // Start, reload, stop.
    CauseRule {
        id: "nginx.start",
        needles: &[&[
            "^nginx/",
            "^openresty/",
            "^tengine/",
            "^Tengine/",
            "^freenginx/",
            "^angie/",
            "^Angie/",
        ]],
        regex: "(?-u)/(?<detail>[0-9.]+)",
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStart),
        note: "nginx started",
        example: line!("notice", "nginx/1.22.1"),
        source: SRC_CYCLE,
        ..BASE
    },
    CauseRule {
        id: "nginx.start_detail",
        needles: &[&[
            r#"^using the ""#,
            "^OS: ",
            "^built by ",
            "^getrlimit(",
            "^start worker process",
            "^start cache ",
            "^start privileged ",
        ]],
        note: "part of a start or reload",
        example: line!("notice", "start worker processes"),
        source: SRC_PROCESS_CYCLE,
        ..BASE
    },
    CauseRule {
        id: "nginx.reload",
        needles: &[&["^signal 1 (SIGHUP) received"]],
        cause: Some(Cause::DeployInProgress),
        kind: RuleKind::Lifecycle(ChangeKind::ConfigReload),
        note: "nginx was told to read its configuration again",
        example: line!("notice", "signal 1 (SIGHUP) received from 1234, reconfiguring"),
        source: SRC_PROCESS,
        ..BASE
    },
    CauseRule {
        id: "nginx.stop",
        needles: &[&[
            "^signal 3 (SIGQUIT) received",
            "^signal 15 (SIGTERM) received",
            "^signal 2 (SIGINT) received",
        ]],
        regex: r"(?-u)\((?<detail>SIG[A-Z]+)\)",
        cause: Some(Cause::ServiceStopped),
        origin: Origin::LocalProcess,
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStop),
        note: "nginx was told to stop",
        example: line!("notice", "signal 3 (SIGQUIT) received from 1, shutting down"),
        source: SRC_PROCESS,
        ..BASE
    },
    CauseRule {
        id: "nginx.log_rotation",
        needles: &[&["^signal 10 (SIGUSR1) received", "^signal 30 (SIGUSR1) received"]],
        kind: RuleKind::Lifecycle(ChangeKind::LogRotation),
        note: "the logs were reopened",
        example: line!("notice", "signal 10 (SIGUSR1) received from 1, reopening logs"),
        source: SRC_PROCESS,
        ..BASE
    },
    CauseRule {
        id: "nginx.binary_upgrade",
        needles: &[&[
            "^signal 12 (SIGUSR2) received",
            "^signal 31 (SIGUSR2) received",
            r#"^using inherited sockets from ""#,
        ]],
        cause: Some(Cause::DeployInProgress),
        kind: RuleKind::Lifecycle(ChangeKind::BinaryUpgrade),
        note: "the nginx program is being replaced",
        example: line!("notice", "signal 12 (SIGUSR2) received from 1234, changing binary"),
        source: SRC_PROCESS,
        ..BASE
    },
    CauseRule {
        id: "nginx.process_detail",
        needles: &[&[
            "^signal ",
            "^reconfiguring",
            "^gracefully shutting down",
            "^exiting",
            "^exit",
            "^shutting down",
            "^reopening logs",
            "^changing binary",
            "^cache manager process",
            "^cache loader",
            "^http file cache: ",
            "^worker process is shutting down",
        ]],
        note: "part of a reload, stop or rotation",
        example: line!("notice", "gracefully shutting down"),
        source: SRC_PROCESS_CYCLE,
        ..BASE
    },
    CauseRule {
        id: "nginx.bind_retry",
        needles: &[&["^try again to bind()"]],
        note: "the listen address is in use; nginx tries again",
        example: line!("notice", "try again to bind() after 500ms"),
        source: SRC_CONNECTION,
        ..BASE
    },
    CauseRule {
        id: "nginx.bind_failed",
        needles: &[&["^bind() to ", "^listen() to ", "^still could not bind()"]],
        regex: r"(?-u)^(?:\w+\(\) to (?<scope>.+?) failed \((?<detail>[0-9]+):|.)",
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        note: "nginx could not start: its listen address is in use or not allowed",
        example: line!("emerg", "bind() to 0.0.0.0:80 failed (98: Address already in use)"),
        source: SRC_CONNECTION,
        ..BASE
    },
    CauseRule {
        id: "nginx.host_not_found_at_start",
        needles: &[&[
            r#"^host not found in upstream ""#,
            r#"^host not found in ""#,
            "^could not resolve host",
        ]],
        regex: r#"(?-u)"(?<scope>[^":]*)[^"]*"(?: in (?<detail>\S+:[0-9]+))?"#,
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ConfigError),
        scope: Scope::Name,
        note: "a backend name in the configuration could not be resolved: no start, no reload",
        example: line!(
            "emerg",
            r#"host not found in upstream "app.internal" in /etc/nginx/conf.d/app.conf:12"#
        ),
        source: "nginx src/core/ngx_inet.c, src/http/ngx_http_upstream.c",
        ..BASE
    },
    CauseRule {
        id: "nginx.certificate_at_start",
        needles: &[&["^cannot load certificate", "^SSL_CTX_use_", "^BIO_new_file("]],
        regex: r#"(?-u)"(?<scope>[^"]*)"#,
        levels: &["emerg"],
        cause: Some(Cause::ConfigError),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ConfigError),
        scope: Scope::Path,
        note: "a certificate or key could not be loaded: no start, no reload",
        example: line!(
            "emerg",
            r#"cannot load certificate "/etc/ssl/ex.pem": BIO_new_file() failed (SSL: error:80000002:system library::No such file or directory)"#
        ),
        source: SRC_OPENSSL,
        ..BASE
    },
    CauseRule {
        id: "nginx.config_error",
        needles: &[&[" in "]],
        regex: IN_FILE,
        levels: &["emerg"],
        cause: Some(Cause::ConfigError),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ConfigError),
        scope: Scope::Path,
        note: "the configuration was refused; a running nginx goes on with the old one",
        example: line!(
            "emerg",
            r#"unknown directive "proxy_pas" in /etc/nginx/conf.d/app.conf:12"#
        ),
        source: SRC_CONF_FILE,
        ..BASE
    },
    CauseRule {
        id: "nginx.config_warning",
        needles: &[&[
            r#"^conflicting server name ""#,
            "^low address bits of ",
            "^could not build optimal ",
            r#"^"ssl_stapling" ignored"#,
            r#"^the ""#,
            r#"^duplicate MIME type ""#,
            "^protocol options redefined",
            r#"^server name ""#,
            r#"^the number of ""#,
        ]],
        levels: &["warn", "notice"],
        note: "the configuration has a blemish",
        example: line!("warn", r#"conflicting server name "ex.test" on 0.0.0.0:80, ignored"#),
        source: SRC_CONF_FILE,
        ..BASE
    },
    CauseRule {
        id: "nginx.housekeeping",
        needles: &[&[
            "^open socket #",
            "^aborting",
            "^ignore long locked inactive cache entry",
            r#"^cache file ""#,
            "^header already sent",
            "^zero size buf in ",
            "^setsockopt(",
            "^getsockopt(",
            "^getpeername() ",
            "^shutdown() ",
            "^close() ",
            "^ioctl(",
            "^fcntl(",
            r#"^chmod(""#,
            r#"^chown(""#,
            "^sched_setaffinity()",
            "^setpriority(",
            "^prctl(",
        ]],
        note: "an oddity without consequence for a response",
        example: line!("alert", "open socket #12 left in connection 5"),
        source: SRC_PROCESS_CYCLE,
        ..BASE
    },
    // The ingress-nginx controller (klog lines, beside nginx in the same stream).
    CauseRule {
        id: "ingress.no_endpoints",
        needles: &[
            &["ervice "],
            &["does not have any active Endpoint", "does not have any active endpoint"],
        ],
        regex: r#"(?-u)ervice \\?"?(?<scope>[^\s"\\]+)"#,
        cause: Some(Cause::NoLiveUpstreams),
        origin: Origin::Proxy,
        kind: RuleKind::StateDown { for_s: None },
        status: &[503],
        scope: Scope::Name,
        note: "the service has no ready endpoint: the ingress answers 503 for it",
        example: r#"W1120 21:17:24.123456       7 controller.go:1163] Service "shop/web" does not have any active Endpoint."#,
        source: SRC_CONTROLLER,
        ..BASE
    },
    CauseRule {
        id: "ingress.endpoints_error",
        needles: &[&["Error obtaining Endpoints for Service "]],
        regex: r#"(?-u)for Service \\?"(?<scope>[^"\\]+)"#,
        cause: Some(Cause::NoLiveUpstreams),
        origin: Origin::Proxy,
        kind: RuleKind::StateDown { for_s: None },
        status: &[503],
        scope: Scope::Name,
        note: "the service or its endpoints do not exist",
        example: r#"W1120 21:17:24.123456       7 controller.go:1131] Error obtaining Endpoints for Service "shop/web": no object matching key "shop/web" in local store"#,
        source: SRC_CONTROLLER,
        ..BASE
    },
    CauseRule {
        id: "ingress.reload_failed",
        needles: &[&["Unexpected failure reloading the backend"]],
        cause: Some(Cause::ConfigError),
        origin: Origin::LocalProcess,
        kind: RuleKind::Lifecycle(ChangeKind::ReloadFailed),
        note: "the controller could not apply a new configuration",
        example: "E1120 21:17:24.123456       7 controller.go:230] Unexpected failure reloading the backend:",
        source: SRC_CONTROLLER,
        ..BASE
    },
    CauseRule {
        id: "ingress.reload",
        needles: &[&["backend reload required"]],
        cause: Some(Cause::DeployInProgress),
        kind: RuleKind::Lifecycle(ChangeKind::ConfigReload),
        note: "an ingress or its settings changed",
        example: r#"I1120 21:17:24.123456       7 controller.go:217] "Configuration changes detected, backend reload required""#,
        source: SRC_CONTROLLER,
        ..BASE
    },
    CauseRule {
        id: "ingress.reloaded",
        needles: &[&["Backend successfully reloaded", "backend successfully reloaded"]],
        note: "the new configuration is in force",
        example: r#"I1120 21:17:24.223456       7 controller.go:237] "Backend successfully reloaded""#,
        source: SRC_CONTROLLER,
        ..BASE
    },
];
