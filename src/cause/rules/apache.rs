//! The messages of Apache httpd and its modules: `mod_proxy`, `mod_wsgi`, `mod_cgid`, `mod_qos`, `mod_jk`, the MPMs.
//!
//! In: nothing. Out: [`RULES`], part of the cause table. Messages begin at the error number (see the Apache error
//! format), and expressions hold on to the start of a message, so that a request or a script that quotes a message is
//! not taken for it. The error number is the `detail` of every row.
//! Source: Apache httpd 2.4.63 and 2.2.35, the file named per row; `mod_wsgi` 4.9 and 5; `mod_jk` 1.2; `mod_qos` 11.

use super::{BASE as NGINX_BASE, CauseRule};
use crate::cause::{ChangeKind, RuleKind, Scope};
use crate::taxonomy::{Cause, Origin, Server};

/// An error log line: module and level, and the rest of the line.
macro_rules! line {
    ($module_and_level:literal, $rest:literal) => {
        concat!(
            "[Fri Nov 20 21:21:42.843219 2026] [",
            $module_and_level,
            "] [pid 17445:tid 17470] ",
            $rest
        )
    };
}

/// An expression that begins where the words of a message begin: behind its error number, its client, and what else an
/// `ErrorLogFormat` puts into brackets there (`[vhost %v]`, `[rid %L]`) or into columns of their own.
macro_rules! words {
    ($rest:literal) => {
        concat!(
            r#"(?s-u)^(?:\((?<detail>[A-Z]* ?-?[0-9]+)\)[^\[\n]*?[:=|;,\t] ?"?)?(?:\[[a-zA-Z_-]+[ :=][^\]\n]*\] ){0,3}"#,
            $rest
        )
    };
}

/// What a row does not say.
const BASE: CauseRule = CauseRule { server: Server::Apache, ..NGINX_BASE };

// Error numbers: Linux, the BSDs, Windows, and those of APR (70007 timed out).
const REFUSED: &[&str] = &["^(111)", "^(61)", "^(OS 10061)", "^(730061)"];
const UNREACHABLE: &[&str] = &["^(113)", "^(101)", "^(65)", "^(51)", "^(OS 10065)", "^(OS 10051)"];
const TIMED_OUT: &[&str] = &["^(70007)", "^(110)", "^(60)", "^(OS 10060)"];
const NO_PORT: &[&str] = &["^(99)", "^(49)", "^(OS 10049)"];
const NO_DESCRIPTOR: &[&str] = &["^(24)", "^(23)"];
const DENIED: &[&str] = &["^(13)"];
const QUEUE_FULL: &[&str] = &["^(11)"];

const SRC_PROXY: &str = "Apache modules/proxy/proxy_util.c, mod_proxy.c";
const SRC_PROXY_HTTP: &str = "Apache modules/proxy/mod_proxy_http.c";
const SRC_BALANCER: &str = "Apache modules/proxy/mod_proxy_balancer.c";
const SRC_PROXY_FCGI: &str = "Apache modules/proxy/mod_proxy_fcgi.c";
const SRC_PROXY_AJP: &str = "Apache modules/proxy/mod_proxy_ajp.c";
const SRC_FCGID: &str =
    "mod_fcgid modules/fcgid/fcgid_bridge.c, fcgid_proc_unix.c, fcgid_spawn_ctl.c, fcgid_pm_main.c";
const SRC_FASTCGI: &str = "mod_fastcgi mod_fastcgi.c";
const SRC_WSGI: &str = "mod_wsgi src/server/mod_wsgi.c";
const SRC_QOS: &str = "mod_qos 11.63 message texts";
const SRC_CGID: &str = "Apache modules/generators/mod_cgid.c";
const SRC_MPM: &str = "Apache server/mpm, server/mpm_common.c, server/mpm_unix.c";
const SRC_JK: &str = "tomcat-connectors native/common/jk_ajp_common.c, jk_lb_worker.c";
const SRC_PHP: &str = "php-src main/main.c, sapi/apache2handler";

/// The rows, in order of priority.
pub(super) const RULES: &[CauseRule] = &[
    // Text of a FastCGI application (PHP), quoted by mod_proxy_fcgi: its answer is relayed.
    CauseRule {
        id: "apache.php_script_unknown",
        needles: &[&["AH01071: Got error '"], &["Primary script unknown"]],
        regex: words!("AH01071: "),
        note: "the script file does not exist: the backend answers 404",
        example: line!(
            "proxy_fcgi:error",
            "[client 198.51.100.7:5] AH01071: Got error 'Primary script unknown'"
        ),
        source: SRC_PROXY_FCGI,
        ..BASE
    },
    CauseRule {
        id: "apache.php_memory_limit",
        needles: &[&["AH01071: Got error '"], &["Allowed memory size of "]],
        regex: words!("AH01071: "),
        cause: Some(Cause::MemoryExhausted),
        origin: Origin::Upstream,
        kind: RuleKind::Failure,
        status: &[500],
        note: "a PHP script ran over memory_limit",
        example: line!(
            "proxy_fcgi:error",
            "[client 198.51.100.7:5] AH01071: Got error 'PHP message: PHP Fatal error:  Allowed memory size of 134217728 bytes exhausted (tried to allocate 20480 bytes) in /a.php on line 3'"
        ),
        source: SRC_PROXY_FCGI,
        ..BASE
    },
    CauseRule {
        id: "apache.php_time_limit",
        needles: &[&["AH01071: Got error '"], &["Maximum execution time of "]],
        regex: words!("AH01071: "),
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Upstream,
        kind: RuleKind::Failure,
        status: &[500],
        note: "a PHP script ran over max_execution_time",
        example: line!(
            "proxy_fcgi:error",
            "[client 198.51.100.7:5] AH01071: Got error 'PHP message: PHP Fatal error:  Maximum execution time of 30 seconds exceeded in /a.php on line 3'"
        ),
        source: SRC_PROXY_FCGI,
        ..BASE
    },
    CauseRule {
        id: "apache.php_database",
        needles: &[
            &["AH01071: Got error '"],
            &[
                "SQLSTATE[HY000] [2002]",
                "SQLSTATE[HY000] [1040]",
                "SQLSTATE[HY000] [1203]",
                "SQLSTATE[HY000] [2006]",
                "SQLSTATE[08006]",
                "MySQL server has gone away",
                "mysqli_connect()",
                "mysqli_real_connect()",
                "pg_connect()",
            ],
        ],
        regex: words!("AH01071: "),
        cause: Some(Cause::DependencyDatabase),
        origin: Origin::Upstream,
        kind: RuleKind::Failure,
        status: &[500, 503],
        note: "a PHP script could not reach its database",
        example: line!(
            "proxy_fcgi:error",
            "[client 198.51.100.7:5] AH01071: Got error 'PHP message: PHP Fatal error:  Uncaught PDOException: SQLSTATE[HY000] [2002] Connection refused in /a.php:3'"
        ),
        source: SRC_PROXY_FCGI,
        ..BASE
    },
    CauseRule {
        id: "apache.php_fatal",
        needles: &[&["AH01071: Got error '"], &["PHP Fatal error:"]],
        regex: words!("AH01071: "),
        cause: Some(Cause::UpstreamError),
        origin: Origin::Upstream,
        kind: RuleKind::Failure,
        status: &[500],
        note: "a PHP script died",
        example: line!(
            "proxy_fcgi:error",
            "[client 198.51.100.7:5] AH01071: Got error 'PHP message: PHP Fatal error:  Uncaught Error in /a.php:3'"
        ),
        source: SRC_PROXY_FCGI,
        ..BASE
    },
    CauseRule {
        id: "apache.php_text",
        needles: &[&["AH01071: Got error '"]],
        regex: words!("AH01071: "),
        note: "a PHP script wrote a message",
        example: line!(
            "proxy_fcgi:error",
            "[client 198.51.100.7:5] AH01071: Got error 'PHP message: PHP Warning:  x'"
        ),
        source: SRC_PROXY_FCGI,
        ..BASE
    },
    // mod_php runs scripts in the server.
    CauseRule {
        id: "apache.mod_php_memory_limit",
        needles: &[&["^PHP Fatal error:  Allowed memory size of "]],
        cause: Some(Cause::MemoryExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Failure,
        status: &[500],
        note: "a PHP script ran over memory_limit",
        example: line!(
            "php:error",
            "[client 198.51.100.7:5] PHP Fatal error:  Allowed memory size of 134217728 bytes exhausted in /a.php on line 3"
        ),
        source: SRC_PHP,
        ..BASE
    },
    CauseRule {
        id: "apache.mod_php_database",
        needles: &[
            &["^PHP "],
            &[
                "SQLSTATE[HY000] [2002]",
                "SQLSTATE[HY000] [1040]",
                "SQLSTATE[HY000] [1203]",
                "SQLSTATE[HY000] [2006]",
                "SQLSTATE[08006]",
                "MySQL server has gone away",
                "mysqli_connect()",
                "mysqli_real_connect()",
                "pg_connect()",
            ],
        ],
        cause: Some(Cause::DependencyDatabase),
        origin: Origin::LocalProcess,
        kind: RuleKind::Failure,
        status: &[500, 503],
        note: "a PHP script could not reach its database",
        example: line!(
            "php:warn",
            "[client 198.51.100.7:5] PHP Warning:  mysqli_connect(): (HY000/2002): Connection refused in /a.php on line 3"
        ),
        source: SRC_PHP,
        ..BASE
    },
    CauseRule {
        id: "apache.mod_php_fatal",
        needles: &[&["^PHP Fatal error:", "^PHP Parse error:"]],
        origin: Origin::LocalProcess,
        kind: RuleKind::Failure,
        status: &[500],
        note: "a PHP script died",
        example: line!(
            "php:error",
            "[client 198.51.100.7:5] PHP Fatal error:  Uncaught Error in /a.php:3"
        ),
        source: SRC_PHP,
        ..BASE
    },
    CauseRule {
        id: "apache.mod_php_text",
        needles: &[&["^PHP Warning:", "^PHP Notice:", "^PHP Deprecated:"]],
        note: "a PHP script wrote a message",
        example: line!("php:notice", "[client 198.51.100.7:5] PHP Notice:  x in /a.php on line 3"),
        source: SRC_PHP,
        ..BASE
    },
    CauseRule {
        id: "apache.cgi_text",
        needles: &[&["AH01215: "]],
        regex: words!("AH01215: "),
        note: "a CGI script wrote a message",
        example: line!(
            "cgi:error",
            "[client 198.51.100.7:5] AH01215: Traceback (most recent call last):"
        ),
        source: "Apache modules/generators/mod_cgi.c",
        ..BASE
    },
    // The probes of mod_proxy_hcheck, which no request waits for.
    CauseRule {
        id: "apache.health_check_connect",
        needles: &[&["AH00957: HC"], &["attempt to connect to "]],
        regex: words!(
            r"AH00957: HC[A-Z0-9]*: attempt to connect to (?:\S+ \()?(?<scope>[^\s()*]+)"
        ),
        cause: Some(Cause::HealthCheckFailed),
        origin: Origin::Proxy,
        kind: RuleKind::Pressure,
        scope: Scope::UpstreamPeer,
        note: "a health check could not connect to the backend",
        example: line!(
            "proxy:error",
            "(111)Connection refused: AH00957: HCTCP: attempt to connect to 10.0.0.1:8080 (app:8080) failed"
        ),
        source: "Apache modules/proxy/mod_proxy_hcheck.c (hc_get_backend, hc_init_worker)",
        ..BASE
    },
    // Connecting to a backend. Written without a client: the next line of the same thread has it.
    CauseRule {
        id: "apache.connect_refused",
        needles: &[REFUSED, &["attempt to connect to "]],
        regex: words!(
            r"(?:AH00957: |proxy: )[A-Za-z0-9]+: attempt to connect to (?:\S+ \()?(?<scope>[^\s()*]+)"
        ),
        cause: Some(Cause::UpstreamRefused),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "the backend refused the connection",
        example: line!(
            "proxy:error",
            "(111)Connection refused: AH00957: http: attempt to connect to 10.0.0.1:8080 (app:8080) failed"
        ),
        source: SRC_PROXY,
        ..BASE
    },
    CauseRule {
        id: "apache.connect_unreachable",
        needles: &[UNREACHABLE, &["attempt to connect to "]],
        regex: words!(
            r"(?:AH00957: |proxy: )[A-Za-z0-9]+: attempt to connect to (?:\S+ \()?(?<scope>[^\s()*]+)"
        ),
        cause: Some(Cause::UpstreamRefused),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "no route to the backend",
        example: line!(
            "proxy:error",
            "(113)No route to host: AH00957: http: attempt to connect to 10.0.0.1:8080 (app:8080) failed"
        ),
        source: SRC_PROXY,
        ..BASE
    },
    CauseRule {
        id: "apache.connect_timeout",
        needles: &[TIMED_OUT, &["attempt to connect to "]],
        regex: words!(
            r"(?:AH00957: |proxy: )[A-Za-z0-9]+: attempt to connect to (?:\S+ \()?(?<scope>[^\s()*]+)"
        ),
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "connecting to the backend took too long",
        example: line!(
            "proxy:error",
            "(70007)The timeout specified has expired: AH00957: http: attempt to connect to 10.0.0.1:8080 (app:8080) failed"
        ),
        source: SRC_PROXY,
        ..BASE
    },
    CauseRule {
        id: "apache.connect_no_port",
        needles: &[NO_PORT, &["attempt to connect to "]],
        regex: words!(
            r"(?:AH00957: |proxy: )[A-Za-z0-9]+: attempt to connect to (?:\S+ \()?(?<scope>[^\s()*]+)"
        ),
        cause: Some(Cause::PortExhausted),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "no local port was free for a connection to the backend",
        example: line!(
            "proxy:error",
            "(99)Cannot assign requested address: AH00957: http: attempt to connect to 10.0.0.1:8080 (app:8080) failed"
        ),
        source: SRC_PROXY,
        ..BASE
    },
    CauseRule {
        id: "apache.connect_denied",
        needles: &[DENIED, &["attempt to connect to "]],
        regex: words!(
            r"(?:AH00957: |proxy: )[A-Za-z0-9]+: attempt to connect to (?:\S+ \()?(?<scope>[^\s()*]+)"
        ),
        cause: Some(Cause::ConfigPermission),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "the system forbids connections to the backend (SELinux httpd_can_network_connect)",
        example: line!(
            "proxy:error",
            "(13)Permission denied: AH00957: http: attempt to connect to 10.0.0.1:8080 (app:8080) failed"
        ),
        source: SRC_PROXY,
        ..BASE
    },
    CauseRule {
        id: "apache.connect_failed",
        needles: &[&["attempt to connect to "]],
        regex: words!(
            r"(?:AH00957: |proxy: )[A-Za-z0-9]+: attempt to connect to (?:\S+ \()?(?<scope>[^\s()*]+)"
        ),
        cause: Some(Cause::UpstreamRefused),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "the backend could not be connected",
        example: line!(
            "proxy:error",
            "(104)Connection reset by peer: AH00957: http: attempt to connect to 10.0.0.1:8080 (*) failed"
        ),
        source: SRC_PROXY,
        ..BASE
    },
    CauseRule {
        id: "apache.socket_denied",
        needles: &[DENIED, &["AH02454: "]],
        regex: words!(
            r"AH02454: [A-Za-z0-9]+: attempt to connect to Unix domain socket (?<scope>\S+)"
        ),
        cause: Some(Cause::ConfigPermission),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "the socket of the backend may not be opened",
        example: line!(
            "proxy:error",
            "(13)Permission denied: AH02454: FCGI: attempt to connect to Unix domain socket /run/php.sock (localhost:8000) failed"
        ),
        source: SRC_PROXY,
        ..BASE
    },
    CauseRule {
        id: "apache.socket_queue_full",
        needles: &[QUEUE_FULL, &["AH02454: "]],
        regex: words!(
            r"AH02454: [A-Za-z0-9]+: attempt to connect to Unix domain socket (?<scope>\S+)"
        ),
        cause: Some(Cause::RequestQueueFull),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "the listen queue of the backend is full",
        example: line!(
            "proxy:error",
            "(11)Resource temporarily unavailable: AH02454: FCGI: attempt to connect to Unix domain socket /run/php.sock (localhost:8000) failed"
        ),
        source: SRC_PROXY,
        ..BASE
    },
    CauseRule {
        id: "apache.socket_refused",
        needles: &[&["AH02454: "]],
        regex: words!(
            r"AH02454: [A-Za-z0-9]+: attempt to connect to Unix domain socket (?<scope>\S+)"
        ),
        cause: Some(Cause::UpstreamRefused),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "nothing listens on the socket of the backend",
        example: line!(
            "proxy:error",
            "(2)No such file or directory: AH02454: FCGI: attempt to connect to Unix domain socket /run/php.sock (localhost:8000) failed"
        ),
        source: SRC_PROXY,
        ..BASE
    },
    CauseRule {
        id: "apache.socket_no_descriptor",
        needles: &[NO_DESCRIPTOR, &["AH00952: ", "AH02453: "]],
        regex: words!("AH0(?:0952|2453): "),
        cause: Some(Cause::FdExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Failure,
        status: &[503],
        note: "no file descriptor was free for a connection to the backend",
        example: line!(
            "proxy:error",
            "(24)Too many open files: AH00952: HTTP: error creating fam 2 socket to 10.0.0.1"
        ),
        source: SRC_PROXY,
        ..BASE
    },
    CauseRule {
        id: "apache.worker_disabled",
        needles: &[&["ap_proxy_connect_backend disabling worker for ("]],
        regex: words!(
            r"(?:AH00959: )?ap_proxy_connect_backend disabling worker for \((?<scope>[^()]*)\)"
        ),
        cause: Some(Cause::HealthCheckFailed),
        origin: Origin::Proxy,
        kind: RuleKind::StateDown { for_s: Some(60) },
        scope: Scope::UpstreamPeer,
        note: "a backend that could not be connected is left out for a while",
        example: line!(
            "proxy:error",
            "AH00959: ap_proxy_connect_backend disabling worker for (10.0.0.1:8080) for 60s"
        ),
        source: SRC_PROXY,
        ..BASE
    },
    CauseRule {
        id: "apache.worker_in_error",
        needles: &[&["disabled connection for ("]],
        regex: words!(
            r"(?:AH00940: |proxy: )[A-Za-z0-9]+: disabled connection for \((?<scope>[^()]*)\)"
        ),
        cause: Some(Cause::NoLiveUpstreams),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "the backend is left out after failures, and no other is there",
        example: line!("proxy:error", "AH00940: http: disabled connection for (10.0.0.1:8080)"),
        source: SRC_PROXY,
        ..BASE
    },
    CauseRule {
        id: "apache.pool_exhausted",
        needles: &[&["AH00941: "]],
        regex: words!(
            r"AH00941: [A-Za-z0-9]+: failed to acquire connection for \((?<scope>[^()]*)\)"
        ),
        cause: Some(Cause::ConnectionLimit),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "all connections to the backend (max=) were in use for longer than acquire=",
        example: line!(
            "proxy:error",
            "(70007)The timeout specified has expired: AH00941: http: failed to acquire connection for (10.0.0.1:8080)"
        ),
        source: SRC_PROXY,
        ..BASE
    },
    CauseRule {
        id: "apache.no_connection",
        needles: &[
            &["AH01114: ", "AH01079: ", "AH00896: ", "AH10101: ", "AH00866: ", "AH02452: "],
            &["failed to make connection to backend: "],
        ],
        regex: words!(
            r"AH[0-9]{5}: (?:[A-Z]+: )?failed to make connection to backend: (?<scope>\S+)"
        ),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[503],
        scope: Scope::Name,
        note: "no connection to the backend; the line before it, of the same thread, says why",
        example: line!(
            "proxy_http:error",
            "[client 198.51.100.7:5] AH01114: HTTP: failed to make connection to backend: 10.0.0.1"
        ),
        source: SRC_PROXY_HTTP,
        ..BASE
    },
    CauseRule {
        id: "apache.balancer_all_in_error",
        needles: &[&[": All workers are in error state"]],
        regex: words!(r"(?:AH011(?:67|70): |proxy: BALANCER: \()balancer://(?<scope>[^\s:()]+)"),
        cause: Some(Cause::NoLiveUpstreams),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::UpstreamGroup,
        note: "every member of the balancer is in error state",
        example: line!(
            "proxy_balancer:error",
            "[client 198.51.100.7:5] AH01170: balancer://shop: All workers are in error state"
        ),
        source: SRC_BALANCER,
        ..BASE
    },
    CauseRule {
        id: "apache.balancer_all_in_error_2_2",
        needles: &[
            // mod_proxy_cluster kept the words.
            &["^proxy: BALANCER: (", "^proxy: CLUSTER: ("],
            &["). All workers are in error state"],
        ],
        regex: words!(r"proxy: [A-Z]+: \((?:balancer://)?(?<scope>[^\s:()]+)"),
        cause: Some(Cause::NoLiveUpstreams),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::UpstreamGroup,
        note: "every member of the balancer is in error state",
        example: line!(
            "error",
            "proxy: BALANCER: (balancer://shop). All workers are in error state"
        ),
        source: SRC_BALANCER,
        ..BASE
    },
    CauseRule {
        id: "apache.balancer_empty",
        needles: &[&["AH01171: "]],
        regex: words!(r"AH01171: balancer://(?<scope>[^\s:]+)"),
        cause: Some(Cause::NoLiveUpstreams),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::UpstreamGroup,
        note: "the balancer has no members",
        example: line!(
            "proxy_balancer:error",
            "[client 198.51.100.7:5] AH01171: balancer://shop: No workers in balancer"
        ),
        source: SRC_BALANCER,
        ..BASE
    },
    CauseRule {
        id: "apache.balancer_busy",
        needles: &[&["AH00934: "]],
        regex: words!(r"AH00934: all workers are busy\.  Unable to serve (?<scope>\S+)"),
        cause: Some(Cause::ConnectionLimit),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::Name,
        note: "all workers of the backend are busy",
        example: line!(
            "proxy:error",
            "[client 198.51.100.7:5] AH00934: all workers are busy.  Unable to serve http://app/"
        ),
        source: SRC_PROXY,
        ..BASE
    },
    CauseRule {
        id: "apache.member_failed_on_503",
        needles: &[&["AH01174: "], &["due to status code 503 "]],
        regex: words!(r"AH01174: balancer://\S+: Forcing worker \([a-z0-9]+://(?<scope>[^/)]+)"),
        cause: Some(Cause::Upstream503),
        origin: Origin::Upstream,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "a member of the balancer answered 503, which was relayed, and is left out for a while",
        example: line!(
            "proxy_balancer:error",
            "[client 198.51.100.7:5] AH01174: balancer://shop: Forcing worker (http://10.0.0.1:8080) into error state due to status code 503 matching 'failonstatus' balancer parameter"
        ),
        source: SRC_BALANCER,
        ..BASE
    },
    CauseRule {
        id: "apache.member_failed_on_status",
        needles: &[&["AH01174: "]],
        regex: words!(r"AH01174: balancer://\S+: Forcing worker \([a-z0-9]+://(?<scope>[^/)]+)"),
        cause: Some(Cause::UpstreamError),
        origin: Origin::Upstream,
        kind: RuleKind::FinalFailure,
        status: &[500, 502, 504],
        scope: Scope::UpstreamPeer,
        note: "a member of the balancer answered with an error, which was relayed, and is left out for a while",
        example: line!(
            "proxy_balancer:error",
            "[client 198.51.100.7:5] AH01174: balancer://shop: Forcing worker (http://10.0.0.1:8080) into error state due to status code 500 matching 'failonstatus' balancer parameter"
        ),
        source: SRC_BALANCER,
        ..BASE
    },
    CauseRule {
        id: "apache.member_failed_on_timeout",
        needles: &[&["AH02460: "]],
        regex: words!(r"AH02460: balancer://\S+: Forcing worker \([a-z0-9]+://(?<scope>[^/)]+)"),
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[502, 504],
        scope: Scope::UpstreamPeer,
        note: "a member of the balancer did not answer in time and is left out for a while",
        example: line!(
            "proxy_balancer:error",
            "[client 198.51.100.7:5] AH02460: balancer://shop: Forcing worker (http://10.0.0.1:8080) into error state due to timeout and 'failontimeout' parameter being set"
        ),
        source: SRC_BALANCER,
        ..BASE
    },
    CauseRule {
        id: "apache.health_check_down",
        needles: &[&["ealth check DISABLING "]],
        regex: words!(
            r"AH03303: (?:Threaded )?[Hh]ealth check DISABLING [a-z0-9]+://(?<scope>[^/\s]+)"
        ),
        cause: Some(Cause::HealthCheckFailed),
        origin: Origin::Proxy,
        kind: RuleKind::StateDown { for_s: None },
        scope: Scope::UpstreamPeer,
        note: "a health check took the backend out",
        example: line!("proxy_hcheck:info", "AH03303: Health check DISABLING http://10.0.0.1:8080"),
        source: "Apache modules/proxy/mod_proxy_hcheck.c",
        ..BASE
    },
    CauseRule {
        id: "apache.health_check_up",
        needles: &[&["ealth check ENABLING "]],
        regex: words!(
            r"AH03302: (?:Threaded )?[Hh]ealth check ENABLING [a-z0-9]+://(?<scope>[^/\s]+)"
        ),
        kind: RuleKind::StateUp,
        scope: Scope::UpstreamPeer,
        note: "a health check put the backend back",
        example: line!("proxy_hcheck:info", "AH03302: Health check ENABLING http://10.0.0.1:8080"),
        source: "Apache modules/proxy/mod_proxy_hcheck.c",
        ..BASE
    },
    // Waiting for the answer. AH00898 follows and ends the request: with 502, or with 503 where a probe (`ping=`) was not
    // answered, which it says itself.
    CauseRule {
        id: "apache.response_timeout",
        needles: &[TIMED_OUT, &["error reading status line from remote server "]],
        regex: words!(
            r"(?:AH01102: |proxy: )error reading status line from remote server (?<scope>\S+)"
        ),
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[502],
        scope: Scope::UpstreamPeer,
        note: "the backend did not answer in time",
        example: line!(
            "proxy_http:error",
            "(70007)The timeout specified has expired: [client 198.51.100.7:5] AH01102: error reading status line from remote server 10.0.0.1:8080"
        ),
        source: SRC_PROXY_HTTP,
        ..BASE
    },
    CauseRule {
        id: "apache.response_reset",
        needles: &[&["error reading status line from remote server "]],
        regex: words!(
            r"(?:AH01102: |proxy: )error reading status line from remote server (?<scope>\S+)"
        ),
        cause: Some(Cause::UpstreamReset),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[502],
        scope: Scope::UpstreamPeer,
        note: "the backend closed or reset the connection before it answered",
        example: line!(
            "proxy_http:error",
            "(104)Connection reset by peer: [client 198.51.100.7:5] AH01102: error reading status line from remote server 10.0.0.1:8080"
        ),
        source: SRC_PROXY_HTTP,
        ..BASE
    },
    CauseRule {
        id: "apache.dns_failure",
        needles: &[&["DNS lookup failure for: "], &[" returned by "]],
        regex: words!(r"(?:AH00898: |proxy: )DNS lookup failure for: (?<scope>\S+)"),
        cause: Some(Cause::UpstreamDns),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[500, 502],
        scope: Scope::Name,
        note: "the name of the backend does not resolve",
        example: line!(
            "proxy:error",
            "(EAI 2)Name or service not known: [client 198.51.100.7:5] AH00898: DNS lookup failure for: app.invalid returned by /dns/"
        ),
        source: SRC_PROXY,
        ..BASE
    },
    CauseRule {
        id: "apache.tls_handshake_failed",
        needles: &[&["Error during SSL Handshake with remote server returned by "]],
        regex: words!("(?:AH00898: |proxy: )Error during SSL"),
        cause: Some(Cause::UpstreamTls),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[500, 502],
        note: "the TLS handshake with the backend failed",
        example: line!(
            "proxy:error",
            "[client 198.51.100.7:5] AH00898: Error during SSL Handshake with remote server returned by /a"
        ),
        source: SRC_PROXY,
        ..BASE
    },
    CauseRule {
        id: "apache.continue_timeout",
        needles: &[&["Timeout on 100-Continue returned by "]],
        regex: words!("(?:AH00898: |proxy: )Timeout on"),
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[503],
        note: "the backend did not answer the probe (ping=) in time",
        example: line!(
            "proxy:error",
            "[client 198.51.100.7:5] AH00898: Timeout on 100-Continue returned by /a"
        ),
        source: SRC_PROXY,
        ..BASE
    },
    CauseRule {
        id: "apache.bad_status_line",
        needles: &[&[
            "Corrupt status line returned by remote server: ",
            "interim responses from origin server returned by ",
            "bad HTTP/1.1 header returned by ",
            "bad HTTP/1.0 header returned by ",
        ]],
        regex: words!("(?:AH00898: |AH01106: |proxy: )(?:Corrupt|Too many|bad HTTP)"),
        cause: Some(Cause::UpstreamInvalidResponse),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[502],
        note: "the backend answered something that is no HTTP",
        example: line!(
            "proxy:error",
            "[client 198.51.100.7:5] AH00898: Corrupt status line returned by remote server: HTTQ returned by /a"
        ),
        source: SRC_PROXY,
        ..BASE
    },
    CauseRule {
        id: "apache.error_reading",
        needles: &[&["Error reading from remote server returned by "]],
        regex: words!("(?:AH00898: |proxy: )Error reading"),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[502],
        note: "the backend gave no valid answer; the line before it, of the same thread, says why",
        example: line!(
            "proxy:error",
            "[client 198.51.100.7:5] AH00898: Error reading from remote server returned by /a"
        ),
        source: SRC_PROXY,
        ..BASE
    },
    CauseRule {
        id: "apache.bad_header_name",
        needles: &[&["AH02429: ", "AH02430: "]],
        regex: words!("AH024(?:29|30): "),
        cause: Some(Cause::UpstreamInvalidResponse),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[500],
        note: "the answer has a header that is not valid",
        example: line!(
            "http:error",
            "[client 198.51.100.7:5] AH02429: Response header name 'X Y' contains invalid characters, aborting request"
        ),
        source: "Apache modules/http/http_filters.c",
        ..BASE
    },
    CauseRule {
        id: "apache.bad_headers",
        needles: &[&["AH01098: ", "AH01099: ", "AH01100: ", "AH10124: ", "AH10404: "]],
        regex: words!("AH(?:01098|01099|01100|10124|10404): "),
        cause: Some(Cause::UpstreamInvalidResponse),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[502],
        note: "the backend sent headers that are not valid or too large",
        example: line!(
            "proxy_http:warn",
            "(22)Invalid argument: [client 198.51.100.7:5] AH10404: Error reading headers from backend"
        ),
        source: SRC_PROXY_HTTP,
        ..BASE
    },
    CauseRule {
        id: "apache.body_cut",
        needles: &[&["AH01110: ", "proxy: error reading response"]],
        regex: words!("(?:AH01110: |proxy: error)"),
        cause: Some(Cause::UpstreamReset),
        origin: Origin::Proxy,
        kind: RuleKind::Late,
        note: "the backend broke off in the body; the status was sent before",
        example: line!(
            "proxy_http:error",
            "(104)Connection reset by peer: [client 198.51.100.7:5] AH01110: error reading response"
        ),
        source: SRC_PROXY_HTTP,
        ..BASE
    },
    CauseRule {
        id: "apache.request_body_timeout",
        needles: &[TIMED_OUT, &["pass request body failed to "]],
        regex: words!(r"(?:AH0(?:1084|1097): |proxy: )pass request body failed to (?<scope>\S+)"),
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[504],
        scope: Scope::UpstreamPeer,
        note: "the backend took the request too slowly",
        example: line!(
            "proxy_http:error",
            "(70007)The timeout specified has expired: [client 198.51.100.7:5] AH01084: pass request body failed to 10.0.0.1:8080 (app)"
        ),
        source: SRC_PROXY_HTTP,
        ..BASE
    },
    CauseRule {
        id: "apache.request_body_failed",
        needles: &[&["pass request body failed to "]],
        regex: words!(r"(?:AH0(?:1084|1097): |proxy: )pass request body failed to (?<scope>\S+)"),
        cause: Some(Cause::UpstreamReset),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[502, 500],
        scope: Scope::UpstreamPeer,
        note: "the backend closed the connection while the request was sent",
        example: line!(
            "proxy_http:error",
            "(32)Broken pipe: [client 198.51.100.7:5] AH01084: pass request body failed to 10.0.0.1:8080 (app)"
        ),
        source: SRC_PROXY_HTTP,
        ..BASE
    },
    CauseRule {
        id: "apache.client_body",
        needles: &[&["AH01095: ", "AH01096: ", "AH02608: "]],
        regex: words!("AH0(?:1095|1096|2608): "),
        cause: Some(Cause::ClientAborted),
        note: "the request body could not be read: usually the client went away",
        example: line!(
            "proxy_http:error",
            "(70014)End of file found: [client 198.51.100.7:5] AH01095: prefetch request body failed to 10.0.0.1:8080 (app) from 198.51.100.7 ()"
        ),
        source: SRC_PROXY_HTTP,
        ..BASE
    },
    CauseRule {
        id: "apache.no_protocol_handler",
        needles: &[&["AH01144: ", "proxy: No protocol handler was valid for the URL"]],
        regex: words!("(?:AH01144: |proxy: No)"),
        cause: Some(Cause::ConfigError),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[500],
        note: "the module for the scheme of the backend URL is not loaded",
        example: line!(
            "proxy:warn",
            "[client 198.51.100.7:5] AH01144: No protocol handler was valid for the URL /x (scheme 'fcgi'). If you are using a DSO version of mod_proxy, make sure the proxy submodules are included in the configuration using LoadModule."
        ),
        source: SRC_PROXY,
        ..BASE
    },
    CauseRule {
        id: "apache.tls_not_enabled",
        needles: &[&["failed to enable ssl support"]],
        regex: words!("AH0[01]961: "),
        cause: Some(Cause::ConfigError),
        origin: Origin::LocalProcess,
        kind: RuleKind::Failure,
        status: &[500],
        note: "TLS to the backend is not configured (SSLProxyEngine)",
        example: line!(
            "proxy:error",
            "AH00961: https: failed to enable ssl support for 10.0.0.1:8443 (app)"
        ),
        source: SRC_PROXY,
        ..BASE
    },
    CauseRule {
        id: "apache.backend_certificate",
        needles: &[&["AH02039: "]],
        regex: words!("AH02039: "),
        cause: Some(Cause::UpstreamTls),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[500, 502],
        note: "the certificate of the backend was refused",
        example: line!(
            "ssl:error",
            "[remote 10.0.0.1:8443] AH02039: Certificate Verification: Error (10): certificate has expired"
        ),
        source: "Apache modules/ssl/ssl_engine_kernel.c",
        ..BASE
    },
    CauseRule {
        id: "apache.fcgi_timeout",
        needles: &[TIMED_OUT, &["AH01075: "]],
        regex: words!(r"AH01075: Error dispatching request to (?:(?<scope>[^\s:]+:[0-9]*)|:)"),
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        // 503 in releases before 2.4.21, 504 since.
        status: &[503, 504],
        scope: Scope::UpstreamPeer,
        note: "the FastCGI backend did not answer in time",
        example: line!(
            "proxy_fcgi:error",
            "(70007)The timeout specified has expired: [client 198.51.100.7:5] AH01075: Error dispatching request to app:9000: (polling)"
        ),
        source: SRC_PROXY_FCGI,
        ..BASE
    },
    CauseRule {
        id: "apache.fcgi_reset",
        needles: &[&["AH01075: "]],
        regex: words!(r"AH01075: Error dispatching request to (?:(?<scope>[^\s:]+:[0-9]*)|:)"),
        cause: Some(Cause::UpstreamReset),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "the FastCGI backend closed the connection",
        example: line!(
            "proxy_fcgi:error",
            "(104)Connection reset by peer: [client 198.51.100.7:5] AH01075: Error dispatching request to app:9000: (reading input brigade)"
        ),
        source: SRC_PROXY_FCGI,
        ..BASE
    },
    CauseRule {
        id: "apache.fcgi_broken",
        needles: &[&["AH01067: ", "AH01073: ", "AH01074: "]],
        regex: words!("AH010(?:67|73|74): "),
        cause: Some(Cause::UpstreamReset),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[503],
        note: "the FastCGI backend closed the connection",
        example: line!(
            "proxy_fcgi:error",
            "[client 198.51.100.7:5] AH01067: Failed to read FastCGI header"
        ),
        source: SRC_PROXY_FCGI,
        ..BASE
    },
    CauseRule {
        id: "apache.fcgi_bad_headers",
        needles: &[&["AH01070: "]],
        regex: words!("AH01070: "),
        cause: Some(Cause::UpstreamInvalidResponse),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[500],
        note: "the FastCGI backend sent headers that are not valid",
        example: line!(
            "proxy_fcgi:error",
            "[client 198.51.100.7:5] AH01070: Error parsing script headers"
        ),
        source: SRC_PROXY_FCGI,
        ..BASE
    },
    CauseRule {
        id: "apache.ajp_timeout_2_2",
        needles: &[TIMED_OUT, &["proxy: read response failed from ", "proxy: dialog to "]],
        regex: words!(r"proxy: (?:read response failed from|dialog to) (?<scope>\S+)"),
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[500, 503, 504],
        scope: Scope::UpstreamPeer,
        note: "the AJP backend did not answer in time",
        example: line!(
            "error",
            "(70007)The timeout specified has expired: proxy: read response failed from 10.0.0.1:8009 (app)"
        ),
        source: SRC_PROXY_AJP,
        ..BASE
    },
    CauseRule {
        id: "apache.ajp_reset_2_2",
        needles: &[&["proxy: read response failed from ", "proxy: dialog to "]],
        regex: words!(r"proxy: (?:read response failed from|dialog to) (?<scope>\S+)"),
        cause: Some(Cause::UpstreamReset),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[500, 503],
        scope: Scope::UpstreamPeer,
        note: "the AJP backend closed the connection",
        example: line!(
            "error",
            "(104)Connection reset by peer: proxy: dialog to 10.0.0.1:8009 (app) failed"
        ),
        source: SRC_PROXY_AJP,
        ..BASE
    },
    CauseRule {
        id: "apache.ajp_link_timeout",
        needles: &[TIMED_OUT, &["ajp_ilink_receive", "ajp_ilink_send"]],
        regex: words!(r"(?:AH0[01][0-9]{3}: )?ajp_"),
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Proxy,
        kind: RuleKind::Pressure,
        note: "an AJP backend did not answer in time",
        example: line!(
            "proxy_ajp:error",
            "(70007)The timeout specified has expired: AH01030: ajp_ilink_receive() can't receive header"
        ),
        source: "Apache modules/proxy/ajp_link.c, ajp_header.c",
        ..BASE
    },
    CauseRule {
        id: "apache.ajp_timeout",
        needles: &[TIMED_OUT, &["AH00878: ", "AH00893: ", "AH00868: ", "AH00897: "]],
        regex: words!(r"AH00(?:878|893|868|897): [a-z/ ]+ (?:to|from) (?<scope>\S+)"),
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        // 500 for a request that may not be repeated: one with a body or with a query.
        status: &[500, 503, 504],
        scope: Scope::UpstreamPeer,
        note: "the AJP backend did not answer in time",
        example: line!(
            "proxy_ajp:error",
            "(70007)The timeout specified has expired: [client 198.51.100.7:5] AH00897: cping/cpong failed to 10.0.0.1:8009 (app:8009)"
        ),
        source: SRC_PROXY_AJP,
        ..BASE
    },
    CauseRule {
        id: "apache.ajp_reset",
        needles: &[&["AH00878: ", "AH00893: ", "AH00868: ", "AH00897: "]],
        regex: words!(r"AH00(?:878|893|868|897): [a-z/ ]+ (?:to|from) (?<scope>\S+)"),
        cause: Some(Cause::UpstreamReset),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[500, 503, 504],
        scope: Scope::UpstreamPeer,
        note: "the AJP backend closed the connection",
        example: line!(
            "proxy_ajp:error",
            "(104)Connection reset by peer: [client 198.51.100.7:5] AH00878: read response failed from 10.0.0.1:8009 (app:8009)"
        ),
        source: SRC_PROXY_AJP,
        ..BASE
    },
    // What the AJP library says before mod_proxy_ajp does: the line that follows decides.
    CauseRule {
        id: "apache.ajp_link",
        needles: &[&["ajp_ilink_receive", "ajp_ilink_send"]],
        regex: words!(r"(?:AH0[01][0-9]{3}: )?ajp_"),
        cause: Some(Cause::UpstreamReset),
        origin: Origin::Proxy,
        kind: RuleKind::Pressure,
        note: "the connection to an AJP backend broke",
        example: line!(
            "proxy_ajp:error",
            "(104)Connection reset by peer: AH01030: ajp_ilink_receive() can't receive header"
        ),
        source: "Apache modules/proxy/ajp_link.c, ajp_header.c",
        ..BASE
    },
    CauseRule {
        id: "apache.uwsgi_reset",
        needles: &[&["AH10098: ", "AH00858: "]],
        regex: words!(r"AH(?:10098|00858): sending data to (?<scope>\S+) failed"),
        cause: Some(Cause::UpstreamReset),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::UpstreamPeer,
        note: "the backend closed the connection while the request was sent",
        example: line!(
            "proxy_uwsgi:error",
            "(32)Broken pipe: [client 198.51.100.7:5] AH10098: sending data to app:3031 failed"
        ),
        source: "Apache modules/proxy/mod_proxy_uwsgi.c, mod_proxy_scgi.c",
        ..BASE
    },
    CauseRule {
        id: "apache.tunnel_failed",
        needles: &[&["AH10214: ", "AH10224: "]],
        regex: words!("AH102(?:14|24): "),
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Proxy,
        kind: RuleKind::Late,
        note: "a tunnel (WebSocket) broke or timed out",
        example: line!("proxy:error", "[client 198.51.100.7:5] AH10224: tunnel timed out"),
        source: SRC_PROXY,
        ..BASE
    },
    // Capacity. Nothing of this answers a request: connections wait.
    CauseRule {
        id: "apache.max_request_workers",
        needles: &[&[
            "server reached MaxRequestWorkers setting",
            "server reached MaxClients setting",
        ]],
        regex: words!("(?:AH[0-9]{5}: )?server reached"),
        cause: Some(Cause::WorkerLimit),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        note: "all workers are busy: connections wait in the listen queue. Written once per lifetime of the server",
        example: line!(
            "mpm_event:error",
            "AH00484: server reached MaxRequestWorkers setting, consider raising the MaxRequestWorkers setting"
        ),
        source: SRC_MPM,
        ..BASE
    },
    CauseRule {
        id: "apache.near_max_request_workers",
        needles: &[&["server is within MinSpareThreads of MaxRequestWorkers"]],
        regex: words!("AH[0-9]{5}: server is"),
        cause: Some(Cause::WorkerLimit),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        note: "nearly all workers are busy",
        example: line!(
            "mpm_event:error",
            "AH10159: server is within MinSpareThreads of MaxRequestWorkers, consider raising the MaxRequestWorkers setting"
        ),
        source: SRC_MPM,
        ..BASE
    },
    CauseRule {
        id: "apache.scoreboard_full",
        needles: &[&["scoreboard is full, not at MaxRequestWorkers"]],
        regex: words!("(?:AH[0-9]{5}: )?scoreboard"),
        cause: Some(Cause::WorkerLimit),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        note: "processes that stop gracefully hold the slots of new ones",
        example: line!(
            "mpm_event:error",
            "AH03490: scoreboard is full, not at MaxRequestWorkers.Increase ServerLimit."
        ),
        source: SRC_MPM,
        ..BASE
    },
    CauseRule {
        id: "apache.server_busy",
        needles: &[&["server seems busy, (you may need to increase "]],
        regex: words!("(?:AH[0-9]{5}: )?server seems"),
        cause: Some(Cause::WorkerLimit),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        note: "more workers are started at once than usual",
        example: line!(
            "mpm_prefork:info",
            "AH00162: server seems busy, (you may need to increase StartServers, or Min/MaxSpareServers), spawning 8 children, there are 0 idle, and 10 total children"
        ),
        source: SRC_MPM,
        ..BASE
    },
    CauseRule {
        id: "apache.fork_failed",
        needles: &[&["fork: Unable to fork new process"]],
        regex: words!("(?:AH[0-9]{5}: )?fork:"),
        cause: Some(Cause::MemoryExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        note: "no process could be started: memory or process limit",
        example: line!(
            "mpm_prefork:error",
            "(12)Cannot allocate memory: AH00159: fork: Unable to fork new process"
        ),
        source: SRC_MPM,
        ..BASE
    },
    CauseRule {
        id: "apache.thread_failed",
        needles: &[&["_thread_create: unable to create "]],
        regex: words!("(?:AH[0-9]{5}: )?apr?_thread_create:"),
        cause: Some(Cause::MemoryExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        note: "no thread could be started: memory or thread limit",
        example: line!(
            "mpm_event:alert",
            "(11)Resource temporarily unavailable: AH00480: ap_thread_create: unable to create worker thread"
        ),
        source: SRC_MPM,
        ..BASE
    },
    CauseRule {
        id: "apache.accept_no_descriptor",
        needles: &[NO_DESCRIPTOR, &["apr_socket_accept: ", "AH00056: ", "accept"]],
        regex: words!("(?:AH00056: |apr_socket_accept: )"),
        cause: Some(Cause::FdExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        note: "no file descriptor was free for a client",
        example: line!(
            "core:error",
            "(24)Too many open files: AH00056: apr_socket_accept: (client socket)"
        ),
        source: "Apache os/unix/unixd.c",
        ..BASE
    },
    CauseRule {
        id: "apache.child_fatal",
        needles: &[&["returned a Fatal error... Apache is exiting!"]],
        regex: words!("(?:AH00050: )?Child"),
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStop),
        note: "a process failed in a way that stops the whole server",
        example: line!(
            "core:alert",
            "AH00050: Child 123 returned a Fatal error... Apache is exiting!"
        ),
        source: SRC_MPM,
        ..BASE
    },
    CauseRule {
        id: "apache.resource_shortage",
        needles: &[&[
            "A resource shortage or other unrecoverable failure was encountered before any child process initialized successfully",
        ]],
        regex: words!("AH0232[45]: "),
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Lifecycle(ChangeKind::StartFailure),
        note: "no process could be started",
        example: line!(
            "mpm_event:alert",
            "AH02324: A resource shortage or other unrecoverable failure was encountered before any child process initialized successfully... httpd is exiting!"
        ),
        source: SRC_MPM,
        ..BASE
    },
    CauseRule {
        id: "apache.children_killed",
        needles: &[&["children are killed successively!"]],
        regex: words!("AH1039[23]: "),
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        note: "process after process dies",
        example: line!("mpm_event:warn", "AH10392: children are killed successively!"),
        source: SRC_MPM,
        ..BASE
    },
    CauseRule {
        id: "apache.assertion",
        needles: &[&["AH00102: "]],
        regex: words!("AH00102: "),
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Lifecycle(ChangeKind::WorkerCrashed),
        note: "a process failed a check of its own and died",
        example: line!(
            "core:crit",
            r#"AH00102: [Fri Nov 20 21:21:42 2026] file mod_x.c, line 12, assertion "p" failed"#
        ),
        source: "Apache server/log.c",
        ..BASE
    },
    CauseRule {
        id: "apache.script_ended",
        needles: &[&["End of script output before headers: ", "Premature end of script headers: "]],
        regex: words!(
            r"(?:AH[0-9]{5}: )?(?:End of script output before|Premature end of script) headers: (?<scope>[^\s,]+)"
        ),
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Failure,
        status: &[500],
        scope: Scope::Path,
        note: "a script, or its process, ended before it answered",
        example: line!(
            "cgi:error",
            "[client 198.51.100.7:5] End of script output before headers: a.cgi"
        ),
        source: "Apache server/util_script.c",
        ..BASE
    },
    CauseRule {
        id: "apache.cgid_unreachable",
        needles: &[&["AH01257: "]],
        regex: words!("AH01257: "),
        cause: Some(Cause::WorkerLimit),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[503],
        note: "the CGI daemon did not take the request",
        example: line!(
            "cgid:error",
            "(111)Connection refused: [client 198.51.100.7:5] AH01257: unable to connect to cgi daemon after multiple tries: /srv/a.cgi"
        ),
        source: SRC_CGID,
        ..BASE
    },
    CauseRule {
        id: "apache.cgid_gone",
        needles: &[&["AH02833: ", "AH01258: "]],
        regex: words!("AH(?:02833|01258): "),
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[503],
        note: "the CGI daemon is gone",
        example: line!(
            "cgid:error",
            "[client 198.51.100.7:5] AH01258: cgid daemon is gone; is Apache terminating?: /srv/a.cgi"
        ),
        source: SRC_CGID,
        ..BASE
    },
    CauseRule {
        id: "apache.cgid_failed",
        needles: &[&["AH10176: ", "AH10245: ", "AH10246: "]],
        regex: words!("AH10(?:176|245|246): "),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[503],
        note: "the CGI daemon did not take the request",
        example: line!(
            "cgid:error",
            "[client 198.51.100.7:5] AH10245: could not send request to cgi daemon: /srv/a.cgi"
        ),
        source: SRC_CGID,
        ..BASE
    },
    CauseRule {
        id: "apache.cgid_restarted",
        needles: &[&["AH01239: "]],
        regex: words!("AH01239: "),
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Lifecycle(ChangeKind::WorkerCrashed),
        note: "the CGI daemon died and is started again",
        example: line!("cgid:error", "AH01239: cgid daemon process died, restarting"),
        source: SRC_CGID,
        ..BASE
    },
    CauseRule {
        id: "apache.cgi_timeout",
        needles: &[&["AH01220: "]],
        regex: words!(r"AH01220: Timeout waiting for output from CGI script (?<scope>\S+)"),
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[504],
        scope: Scope::Path,
        note: "a CGI script gave no output in time",
        example: line!(
            "cgi:error",
            "[client 198.51.100.7:5] AH01220: Timeout waiting for output from CGI script /srv/a.cgi"
        ),
        source: "Apache modules/generators/mod_cgi.c",
        ..BASE
    },
    // mod_fcgid starts its processes itself.
    CauseRule {
        id: "apache.fcgid_no_slot",
        needles: &[&["mod_fcgid: can't apply process slot for "]],
        regex: words!(r"mod_fcgid: can't apply process slot for (?<scope>\S+)"),
        cause: Some(Cause::WorkerLimit),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::Path,
        note: "no process of the application was free, and no further one was started: a limit, or it does not start",
        example: line!(
            "fcgid:warn",
            "[client 198.51.100.7:5] mod_fcgid: can't apply process slot for /srv/app.fcgi"
        ),
        source: SRC_FCGID,
        ..BASE
    },
    CauseRule {
        id: "apache.fcgid_timeout",
        needles: &[&["mod_fcgid: read data timeout in ", "mod_fcgid: write data timeout in "]],
        regex: words!(r"mod_fcgid: (?:read|write) data timeout in [0-9]+ seconds"),
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[500],
        note: "the application process did not answer in time",
        example: line!(
            "fcgid:warn",
            "[client 198.51.100.7:5] mod_fcgid: read data timeout in 45 seconds"
        ),
        source: SRC_FCGID,
        ..BASE
    },
    CauseRule {
        id: "apache.fcgid_died",
        needles: &[&[
            "mod_fcgid: error reading data from FastCGI server",
            "mod_fcgid: error reading data, FastCGI server closed connection",
            "mod_fcgid: can't get data from fastcgi server",
        ]],
        regex: words!("mod_fcgid: "),
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[500],
        note: "the application process ended, or closed the connection, before it answered",
        example: line!(
            "fcgid:warn",
            "(104)Connection reset by peer: [client 198.51.100.7:5] mod_fcgid: error reading data from FastCGI server"
        ),
        source: SRC_FCGID,
        ..BASE
    },
    CauseRule {
        id: "apache.fcgid_too_many",
        needles: &[&["^mod_fcgid: "], &[", skip the spawn request"]],
        cause: Some(Cause::WorkerLimit),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        note: "the limit of application processes is reached",
        example: line!(
            "fcgid:warn",
            "mod_fcgid: /srv/app.fcgi total process count 1000 >= 1000, skip the spawn request"
        ),
        source: SRC_FCGID,
        ..BASE
    },
    CauseRule {
        id: "apache.fcgid_spawn_failed",
        needles: &[&[
            "mod_fcgid: can't create process",
            "mod_fcgid: can't spawn",
            "mod_fcgid: can't run ",
            "mod_fcgid: spawn process ",
        ]],
        regex: words!("mod_fcgid: "),
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        note: "an application process could not be started",
        example: line!(
            "fcgid:error",
            "(12)Cannot allocate memory: mod_fcgid: can't create process"
        ),
        source: SRC_FCGID,
        ..BASE
    },
    CauseRule {
        id: "apache.fcgid_crashed",
        needles: &[&["^mod_fcgid: process "], &[", get unexpected signal "]],
        regex: r"(?-u)^mod_fcgid: process (?<scope>[^ (]+).*get unexpected signal (?<detail>[0-9]+)",
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        scope: Scope::Path,
        note: "an application process crashed",
        example: line!(
            "fcgid:error",
            "mod_fcgid: process /srv/app.fcgi(99) exit(communication error), get unexpected signal 11"
        ),
        source: SRC_FCGID,
        ..BASE
    },
    // mod_fastcgi talks to processes of its own and to foreign ones with the same words.
    CauseRule {
        id: "apache.fastcgi_timeout",
        needles: &[&["FastCGI: comm with "], &["aborted: "], &["idle timeout"]],
        regex: words!(r#"FastCGI: comm with (?:\(dynamic\) )?server "(?<scope>[^"]*)""#),
        cause: Some(Cause::UpstreamTimeout),
        kind: RuleKind::Pressure,
        scope: Scope::Path,
        note: "the FastCGI process did not answer in time",
        example: line!(
            "error",
            r#"[client 198.51.100.7] FastCGI: comm with server "/srv/app.fcgi" aborted: idle timeout (30 sec)"#
        ),
        source: SRC_FASTCGI,
        ..BASE
    },
    CauseRule {
        id: "apache.fastcgi_died",
        needles: &[
            &["FastCGI: comm with ", "FastCGI: failed to connect to server "],
            &["aborted: ", "connect() failed"],
        ],
        regex: words!(
            r#"FastCGI: (?:comm with|failed to connect to) (?:\(dynamic\) )?server "(?<scope>[^"]*)""#
        ),
        cause: Some(Cause::UpstreamReset),
        kind: RuleKind::Pressure,
        scope: Scope::Path,
        note: "the FastCGI process refused or closed the connection",
        example: line!(
            "error",
            r#"(104)Connection reset by peer: [client 198.51.100.7] FastCGI: comm with server "/srv/app.fcgi" aborted: read failed"#
        ),
        source: SRC_FASTCGI,
        ..BASE
    },
    // mod_wsgi's daemon is the server's own pool of application processes.
    CauseRule {
        id: "apache.wsgi_socket_gone",
        needles: &[&["^(2)", "^(22)"], &["Unable to connect to WSGI daemon process '"]],
        regex: words!(
            r"(?:mod_wsgi \(pid=[0-9]+\): )?(?:WSGI[0-9]{4}: )?Unable to connect to WSGI daemon process '(?<scope>[^']*)'"
        ),
        cause: Some(Cause::ServiceStopped),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::Name,
        note: "the socket of the WSGI daemon is gone: Apache was restarted meanwhile, or the daemon never started",
        example: line!(
            "wsgi:error",
            "(2)No such file or directory: [client 198.51.100.7:5] mod_wsgi (pid=7): Unable to connect to WSGI daemon process 'site' on '/run/wsgi.sock' as user with uid=33."
        ),
        source: SRC_WSGI,
        ..BASE
    },
    CauseRule {
        id: "apache.wsgi_queue_full",
        needles: &[&["Unable to connect to WSGI daemon process '"], &["after multiple attempts"]],
        regex: words!(
            r"(?:mod_wsgi \(pid=[0-9]+\): )?(?:WSGI[0-9]{4}: )?Unable to connect to WSGI daemon process '(?<scope>[^']*)'"
        ),
        cause: Some(Cause::RequestQueueFull),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::Name,
        note: "the listen queue of the WSGI daemon is full, or it is down",
        example: line!(
            "wsgi:error",
            "(11)Resource temporarily unavailable: [client 198.51.100.7:5] mod_wsgi (pid=7): Unable to connect to WSGI daemon process 'site' on '/run/wsgi.sock' after multiple attempts as listener backlog limit was exceeded or the socket does not exist."
        ),
        source: SRC_WSGI,
        ..BASE
    },
    CauseRule {
        id: "apache.wsgi_denied",
        needles: &[DENIED, &["Unable to connect to WSGI daemon process '"]],
        regex: words!(
            r"(?:mod_wsgi \(pid=[0-9]+\): )?(?:WSGI[0-9]{4}: )?Unable to connect to WSGI daemon process '(?<scope>[^']*)'"
        ),
        cause: Some(Cause::ConfigPermission),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::Name,
        note: "the socket of the WSGI daemon may not be opened",
        example: line!(
            "wsgi:error",
            "(13)Permission denied: [client 198.51.100.7:5] mod_wsgi (pid=7): Unable to connect to WSGI daemon process 'site' on '/run/wsgi.sock' as user with uid=33."
        ),
        source: SRC_WSGI,
        ..BASE
    },
    CauseRule {
        id: "apache.wsgi_unreachable",
        needles: &[&["Unable to connect to WSGI daemon process "]],
        regex: words!(
            r"(?:mod_wsgi \(pid=[0-9]+\): )?(?:WSGI[0-9]{4}: )?Unable to connect to WSGI daemon process '?(?<scope>[^' ]*)'"
        ),
        cause: Some(Cause::RequestQueueFull),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::Name,
        note: "the WSGI daemon took no connection: its listen queue is full, or it is down",
        example: line!(
            "wsgi:error",
            "(11)Resource temporarily unavailable: [client 198.51.100.7:5] mod_wsgi (pid=7): Unable to connect to WSGI daemon process 'site' on '/run/wsgi.sock'."
        ),
        source: SRC_WSGI,
        ..BASE
    },
    CauseRule {
        id: "apache.wsgi_restart_limit",
        needles: &[&["Maximum number of WSGI daemon process '"], &["restart attempts reached: "]],
        regex: words!(
            r"(?:mod_wsgi \(pid=[0-9]+\): )?(?:WSGI[0-9]{4}: )?Maximum number of WSGI daemon process '(?<scope>[^']*)'"
        ),
        cause: Some(Cause::RestartLimitHit),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[503],
        scope: Scope::Name,
        note: "the WSGI daemon was restarted too often for one request",
        example: line!(
            "wsgi:error",
            "[client 198.51.100.7:5] mod_wsgi (pid=7): Maximum number of WSGI daemon process 'site' restart attempts reached: 3."
        ),
        source: SRC_WSGI,
        ..BASE
    },
    CauseRule {
        id: "apache.wsgi_timeout",
        needles: &[&["Timeout when reading response headers from daemon process '"]],
        regex: words!(
            r"(?:mod_wsgi \(pid=[0-9]+\): )?(?:WSGI[0-9]{4}: )?Timeout when reading response headers from daemon process '(?<scope>[^']*)'"
        ),
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[504],
        scope: Scope::Name,
        note: "the WSGI application did not answer in time",
        example: line!(
            "wsgi:error",
            "(70007)The timeout specified has expired: [client 198.51.100.7:5] mod_wsgi (pid=7): Timeout when reading response headers from daemon process 'site'"
        ),
        source: SRC_WSGI,
        ..BASE
    },
    CauseRule {
        id: "apache.wsgi_queue_timeout",
        needles: &[&["Queue timeout expired for WSGI daemon process '"]],
        regex: words!(
            r"(?:mod_wsgi \(pid=[0-9]+\): )?(?:WSGI[0-9]{4}: )?Queue timeout expired for WSGI daemon process '(?<scope>[^']*)'"
        ),
        cause: Some(Cause::RequestQueueFull),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[504],
        scope: Scope::Name,
        note: "the request waited for a free WSGI process for longer than queue-timeout",
        example: line!(
            "wsgi:error",
            "[remote 198.51.100.7:5] mod_wsgi (pid=7): Queue timeout expired for WSGI daemon process 'site'."
        ),
        source: SRC_WSGI,
        ..BASE
    },
    CauseRule {
        id: "apache.wsgi_died",
        needles: &[&[
            "closed connection before sending complete response headers",
            "Truncated or oversized response headers received from daemon process '",
        ]],
        regex: words!(
            r"(?:mod_wsgi \(pid=[0-9]+\): )?(?:WSGI[0-9]{4}: )?(?:Truncated or oversized response headers received from daemon|Daemon) process '(?<scope>[^']*)'"
        ),
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[500, 502],
        scope: Scope::Name,
        note: "the WSGI daemon died or closed the connection before it answered",
        example: line!(
            "wsgi:error",
            "[client 198.51.100.7:5] Truncated or oversized response headers received from daemon process 'site': /srv/app.wsgi"
        ),
        source: SRC_WSGI,
        ..BASE
    },
    CauseRule {
        id: "apache.wsgi_deadlock",
        needles: &[&[
            "Daemon process deadlock timer expired, stopping daemon process '",
            "Daemon process request time limit exceeded, stopping",
        ]],
        regex: words!(r"(?:mod_wsgi \(pid=[0-9]+\): )?(?:WSGI[0-9]{4}: )?Daemon process "),
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Lifecycle(ChangeKind::WorkerKilled),
        note: "a WSGI process hung and is stopped",
        example: line!(
            "wsgi:info",
            "mod_wsgi (pid=7): Daemon process deadlock timer expired, stopping daemon process 'site'."
        ),
        source: SRC_WSGI,
        ..BASE
    },
    // A process that ends as planned ends with code 0.
    CauseRule {
        id: "apache.wsgi_crashed",
        needles: &[&["' terminated by signal ", "' terminated normally, exit code "]],
        regex: words!(
            r"(?:mod_wsgi \(pid=[0-9]+\): )?(?:WSGI[0-9]{4}: )?Process '(?<scope>[^']*)' terminated (?:by signal|normally, exit code) [1-9]"
        ),
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        scope: Scope::Name,
        note: "a WSGI process crashed; until it runs again requests wait for the others, or find none",
        example: line!("wsgi:info", "mod_wsgi (pid=7): Process 'site' terminated by signal 11"),
        source: SRC_WSGI,
        ..BASE
    },
    CauseRule {
        id: "apache.wsgi_restarted",
        needles: &[&["' has died, deregister and restart it"]],
        regex: words!(
            r"(?:mod_wsgi \(pid=[0-9]+\): )?(?:WSGI[0-9]{4}: )?Process '(?<scope>[^']*)'"
        ),
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Lifecycle(ChangeKind::WorkerCrashed),
        scope: Scope::Name,
        note: "a WSGI process died and is started again",
        example: line!(
            "wsgi:info",
            "mod_wsgi (pid=7): Process 'site' has died, deregister and restart it."
        ),
        source: SRC_WSGI,
        ..BASE
    },
    CauseRule {
        id: "apache.wsgi_max_requests",
        needles: &[&["Maximum requests reached; "]],
        regex: words!(r"(?:mod_wsgi \(pid=[0-9]+\): )?(?:WSGI[0-9]{4}: )?Maximum requests reached"),
        note: "a WSGI process served maximum-requests and is replaced",
        example: line!(
            "wsgi:info",
            "mod_wsgi (pid=7): Maximum requests reached; shutting down daemon process 'site'."
        ),
        source: SRC_WSGI,
        ..BASE
    },
    CauseRule {
        id: "apache.qos_rate",
        needles: &[
            &["mod_qos("],
            &[
                "LimitCount",
                "QS_ClientEventBlockCount",
                "QS_EventPerSec",
                "QS_LocRequestPerSecLimit",
                "QS_ClientEventPerSecLimit",
            ],
        ],
        regex: words!(r"mod_qos\([0-9]+\): access denied, (?<scope>QS_\w+)"),
        cause: Some(Cause::RateLimited),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[500, 503],
        scope: Scope::Zone,
        note: "a mod_qos limit on how often something may happen refused the request",
        example: line!(
            "qos:error",
            "[client 198.51.100.7:5] mod_qos(067): access denied, QS_ClientEventLimitCount rule: event=QS_Limit, max=5, current=6, c=198.51.100.7, id=x"
        ),
        source: SRC_QOS,
        ..BASE
    },
    CauseRule {
        id: "apache.qos_connections",
        needles: &[&["mod_qos("], &["QS_"]],
        regex: words!(r"mod_qos\([0-9]+\): access denied, (?<scope>QS_\w+)"),
        cause: Some(Cause::ConnectionLimit),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[500, 503],
        scope: Scope::Zone,
        note: "a mod_qos limit on concurrent requests or connections refused the request",
        example: line!(
            "qos:error",
            "[client 198.51.100.7:5] mod_qos(010): access denied, QS_LocRequestLimit* rule: ^/checkout(3), concurrent requests=4, c=198.51.100.7, id=x"
        ),
        source: SRC_QOS,
        ..BASE
    },
    // mod_jk, in a log of its own.
    CauseRule {
        id: "apache.jk_refused",
        needles: &[&["connecting to backend failed. Tomcat is probably not started"]],
        regex: words!(r"[a-z_]+::jk_\w+\.c \([0-9]+\): \((?<scope>[^()]+)\) connecting"),
        cause: Some(Cause::UpstreamRefused),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[503],
        scope: Scope::Name,
        note: "Tomcat refused the connection",
        example: "[Fri Nov 20 21:21:39.745 2026] [17445:140022] [error] service::jk_ajp_common.c (2773): (app1) connecting to backend failed. Tomcat is probably not started or is listening on the wrong port (errno=111)",
        source: SRC_JK,
        ..BASE
    },
    CauseRule {
        id: "apache.jk_none_left",
        needles: &[&[
            "All tomcat instances failed, no more workers left",
            "all workers are in error state for session",
            "All tomcat instances are in error state",
        ]],
        regex: words!(r"[a-z_]+::jk_\w+\.c "),
        cause: Some(Cause::NoLiveUpstreams),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[503],
        note: "every Tomcat of the balancer is in error state",
        example: "[Fri Nov 20 21:21:39.745 2026] [17445:140022] [error] service::jk_lb_worker.c (1594): All tomcat instances failed, no more workers left",
        source: SRC_JK,
        ..BASE
    },
    CauseRule {
        id: "apache.jk_busy",
        needles: &[&[
            "All tomcat instances are busy or in error state",
            "Could not get endpoint for worker=",
        ]],
        regex: words!(r"[a-z_]+::[a-z_]+\.c "),
        cause: Some(Cause::ConnectionLimit),
        origin: Origin::Proxy,
        kind: RuleKind::FinalFailure,
        status: &[503],
        note: "every Tomcat of the balancer is busy or in error state",
        example: "[Fri Nov 20 21:21:39.745 2026] [17445:140022] [error] service::jk_lb_worker.c (1485): All tomcat instances are busy or in error state",
        source: SRC_JK,
        ..BASE
    },
    CauseRule {
        id: "apache.jk_timeout",
        needles: &[&["Timeout with waiting reply from tomcat"]],
        regex: words!(r"[a-z_]+::jk_\w+\.c \([0-9]+\): \((?<scope>[^()]+)\) Timeout"),
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[504],
        scope: Scope::Name,
        note: "Tomcat did not answer in time",
        example: "[Fri Nov 20 21:21:39.745 2026] [17445:140022] [error] ajp_get_reply::jk_ajp_common.c (2119): (app1) Timeout with waiting reply from tomcat. Tomcat is down, stopped or network problems (errno=110)",
        source: SRC_JK,
        ..BASE
    },
    CauseRule {
        id: "apache.jk_reset",
        needles: &[&[
            "Tomcat is down or refused connection. No response has been sent to the client",
        ]],
        regex: words!(r"[a-z_]+::jk_\w+\.c \([0-9]+\): \((?<scope>[^()]+)\) Tomcat"),
        cause: Some(Cause::UpstreamReset),
        origin: Origin::Proxy,
        kind: RuleKind::Failure,
        status: &[502, 503],
        scope: Scope::Name,
        note: "Tomcat closed the connection before it answered",
        example: "[Fri Nov 20 21:21:39.745 2026] [17445:140022] [error] ajp_get_reply::jk_ajp_common.c (2165): (app1) Tomcat is down or refused connection. No response has been sent to the client (yet)",
        source: SRC_JK,
        ..BASE
    },
    // The server itself.
    CauseRule {
        id: "apache.started",
        needles: &[&["configured -- resuming normal operations"]],
        regex: words!(r"(?:AH[0-9]{5}: )?(?<scope>Apache/\S*)"),
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStart),
        scope: Scope::Name,
        note: "the server started, or finished its restart",
        example: line!(
            "mpm_event:notice",
            "AH00489: Apache/2.4.71 (Debian) configured -- resuming normal operations"
        ),
        source: SRC_MPM,
        ..BASE
    },
    CauseRule {
        id: "apache.command_line",
        needles: &[&["AH00094: "]],
        regex: words!("AH00094: "),
        note: "the command line of the start",
        example: line!("core:notice", "AH00094: Command line: '/usr/sbin/apache2 -D FOREGROUND'"),
        source: SRC_MPM,
        ..BASE
    },
    CauseRule {
        id: "apache.graceful_restart",
        needles: &[&["Doing graceful restart", "Graceful restart requested, doing restart"]],
        regex: words!("(?:AH[0-9]{5}: )?(?:SIGUSR1|AP_SIG_GRACEFUL|Graceful)"),
        kind: RuleKind::Lifecycle(ChangeKind::ConfigReload),
        note: "the configuration is read again; requests under way finish. Rotation of logs does this too",
        example: line!("mpm_event:notice", "AH00493: SIGUSR1 received.  Doing graceful restart"),
        source: SRC_MPM,
        ..BASE
    },
    CauseRule {
        id: "apache.hard_restart",
        needles: &[&["SIGHUP received.  Attempting to restart"]],
        regex: words!("(?:AH[0-9]{5}: )?SIGHUP"),
        kind: RuleKind::Lifecycle(ChangeKind::ConfigReload),
        note: "the server restarts and drops the requests under way",
        example: line!("mpm_event:notice", "AH00494: SIGHUP received.  Attempting to restart"),
        source: SRC_MPM,
        ..BASE
    },
    CauseRule {
        id: "apache.stopped",
        needles: &[&["caught SIGTERM, shutting down"]],
        regex: words!("(?:AH[0-9]{5}: )?caught"),
        cause: Some(Cause::ServiceStopped),
        origin: Origin::LocalProcess,
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStop),
        note: "the server stops",
        example: line!("mpm_event:notice", "AH00491: caught SIGTERM, shutting down"),
        source: SRC_MPM,
        ..BASE
    },
    CauseRule {
        id: "apache.stopped_gracefully",
        needles: &[&["caught SIGWINCH, shutting down gracefully"]],
        regex: words!("(?:AH[0-9]{5}: )?caught"),
        cause: Some(Cause::ServiceStopped),
        origin: Origin::LocalProcess,
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStop),
        note: "the server stops once requests have finished",
        example: line!("mpm_event:notice", "AH00492: caught SIGWINCH, shutting down gracefully"),
        source: SRC_MPM,
        ..BASE
    },
    CauseRule {
        id: "apache.child_crashed",
        needles: &[&["child pid "], &[" exit signal "]],
        regex: words!("(?:AH0005[12]: )?child pid (?<scope>[0-9]+) exit signal"),
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        scope: Scope::Process,
        note: "a process crashed; its clients saw the connection reset",
        example: line!("core:notice", "AH00052: child pid 123 exit signal Segmentation fault (11)"),
        source: SRC_MPM,
        ..BASE
    },
    CauseRule {
        id: "apache.parent_crashed",
        needles: &[&["seg fault or similar nasty error detected in the parent process"]],
        regex: words!("(?:AH00060: )?seg fault"),
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStop),
        note: "the whole server crashed",
        example: line!(
            "core:notice",
            "AH00060: seg fault or similar nasty error detected in the parent process"
        ),
        source: SRC_MPM,
        ..BASE
    },
    CauseRule {
        id: "apache.slow_stop",
        needles: &[&["still did not exit, sending a SIG", "could not make child process "]],
        regex: words!("(?:AH0004[567]: )?(?:child process|could not make)"),
        kind: RuleKind::Lifecycle(ChangeKind::WorkerKilled),
        note: "a process does not stop when told to",
        example: line!(
            "core:warn",
            "AH00045: child process 123 still did not exit, sending a SIGTERM"
        ),
        source: SRC_MPM,
        ..BASE
    },
    CauseRule {
        id: "apache.unclean_shutdown",
        needles: &[&["Unclean shutdown of previous Apache run?"]],
        regex: words!("(?:AH00098: )?pid file"),
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        note: "the run before ended in a crash or a power loss",
        example: line!(
            "core:warn",
            "AH00098: pid file /run/apache2.pid overwritten -- Unclean shutdown of previous Apache run?"
        ),
        source: SRC_MPM,
        ..BASE
    },
    CauseRule {
        id: "apache.bind_failed",
        needles: &[&["make_sock: could not bind to address "]],
        regex: words!(r"(?:AH00072: )?make_sock: could not bind to address (?<scope>\S+)"),
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        scope: Scope::Name,
        note: "the port is taken: the server does not start",
        example: line!(
            "core:crit",
            "(98)Address already in use: AH00072: make_sock: could not bind to address 0.0.0.0:80"
        ),
        source: "Apache server/listen.c",
        ..BASE
    },
    CauseRule {
        id: "apache.no_memory",
        needles: &[&["Memory allocation failed, aborting process."]],
        cause: Some(Cause::MemoryExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        note: "Apache found no memory, and a process of it ended",
        example: line!("crit", "Memory allocation failed, aborting process."),
        source: "httpd server/main.c, abort_on_oom, which writes it without a time",
        ..BASE
    },
    CauseRule {
        id: "apache.no_lock",
        needles: &[
            &["Couldn't create the ", "Couldn't create accept lock", "could not create "],
            &["mutex", "lock"],
        ],
        regex: words!("(?:AH[0-9]{5}: )?[Cc]ould(?:n't| not) create (?:the )?(?<scope>[^ ]+)"),
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        scope: Scope::Name,
        note: "a lock could not be made: the server does not start. With error 28 no semaphore is left (ipcs -s)",
        example: line!(
            "core:emerg",
            "(28)No space left on device: AH00023: Couldn't create the mpm-accept mutex"
        ),
        source: "Apache server/util_mutex.c",
        ..BASE
    },
    CauseRule {
        id: "apache.limitipconn",
        needles: &[&[
            "^mod_limitipconn: Rejected, too many connections",
            "^Rejected, too many connections from this host",
        ]],
        cause: Some(Cause::ConnectionLimit),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[503],
        note: "one client had more connections than mod_limitipconn allows",
        example: line!(
            "error",
            "[client 198.51.100.7] mod_limitipconn: Rejected, too many connections from this host."
        ),
        source: "mod_limitipconn mod_limitipconn.c",
        ..BASE
    },
    CauseRule {
        id: "apache.config_failed",
        needles: &[&[
            "AH00015: ",
            "AH00016: ",
            "AH00017: ",
            "AH00018: ",
            "AH00019: ",
            "AH00020: ",
            "AH02312: ",
            "AH00526: ",
        ]],
        regex: words!("AH0(?:001[5-9]|0020|2312|0526): "),
        cause: Some(Cause::ConfigError),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        note: "the server does not start, or does not restart, with this configuration",
        example: line!("core:emerg", "AH00020: Configuration Failed, exiting"),
        source: "Apache server/main.c, modules/ssl/ssl_engine_log.c",
        ..BASE
    },
    CauseRule {
        id: "apache.piped_log_failed",
        needles: &[&["AH00106: ", "AH00107: "]],
        regex: words!("AH0010[67]: "),
        kind: RuleKind::Pressure,
        note: "a program that writes logs failed: lines may be missing",
        example: line!(
            "core:error",
            "AH00106: piped log program 'rotatelogs x' failed unexpectedly"
        ),
        source: "Apache server/log.c",
        ..BASE
    },
    // No reason for a 5xx.
    CauseRule {
        id: "apache.wsgi_exception",
        needles: &[&["^mod_wsgi (pid="], &["): Exception occurred processing WSGI script '"]],
        regex: words!(
            r"mod_wsgi \(pid=[0-9]+\): Exception occurred processing WSGI script '(?<scope>[^']*)'"
        ),
        origin: Origin::LocalProcess,
        kind: RuleKind::FinalFailure,
        status: &[500],
        scope: Scope::Path,
        note: "the WSGI application died of an exception",
        example: line!(
            "wsgi:error",
            "[client 198.51.100.7:5] mod_wsgi (pid=7): Exception occurred processing WSGI script '/srv/app.wsgi'."
        ),
        source: SRC_WSGI,
        ..BASE
    },
    CauseRule {
        id: "apache.wsgi_lifecycle",
        needles: &[&["^mod_wsgi (pid="]],
        note: "a WSGI process or interpreter starts or ends",
        example: line!("wsgi:info", "mod_wsgi (pid=7): Initializing Python."),
        source: SRC_WSGI,
        ..BASE
    },
    CauseRule {
        id: "apache.client_error",
        needles: &[&[
            "AH10244: ",
            "AH00128: ",
            "AH01276: ",
            "AH01630: ",
            "AH01617: ",
            "AH01618: ",
            "AH00126: ",
            "AH02032: ",
            "AH00037: ",
        ]],
        regex: words!("AH(?:10244|00128|01276|01630|01617|01618|00126|02032|00037): "),
        note: "the request was not valid, or asked for what is missing or denied: 4xx",
        example: line!(
            "core:error",
            "[client 198.51.100.7:5] AH10244: invalid URI path (/cgi-bin/.%2e/.%2e/bin/sh)"
        ),
        source: "Apache server/core.c, server/request.c, modules/aaa",
        ..BASE
    },
];
