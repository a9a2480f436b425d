//! What access lines say of themselves that were pasted without their time: who made the response, and why.
//!
//! In: nothing. Out: [`RULES`], part of the cause table. No text selects a row: the fields of such a line do
//! (`ErrorRecord::told`), by the decision table of its server. One row for each outcome that these tables have.

use super::{BASE as NGINX_BASE, CauseRule};
use crate::cause::{RuleKind, Scope};
use crate::taxonomy::{Cause, Origin, Server};

/// What a row does not say. Such a line is a request, but without a time it is no entry.
const BASE: CauseRule = CauseRule {
    server: Server::Unknown,
    kind: RuleKind::Pressure,
    scope: Scope::UpstreamPeer,
    source: "the decision table of the server that wrote the line",
    ..NGINX_BASE
};

/// A row for each pair of an origin and a cause.
macro_rules! rows {
    ($($origin:literal $cause:literal $origin_is:ident $cause_is:ident,)*) => {
        &[$(CauseRule {
            id: concat!("undated.", $origin, ".", $cause),
            cause: Some(Cause::$cause_is),
            origin: Origin::$origin_is,
            note: Cause::$cause_is.meaning(),
            example: concat!($origin, "/", $cause, ": an access line without its time"),
            ..BASE
        },)*]
    };
}

/// The rows.
pub(super) const RULES: &[CauseRule] = rows! {
    "local_process" "app_offline" LocalProcess AppOffline,
    "local_process" "app_pool_recycling" LocalProcess AppPoolRecycling,
    "local_process" "app_pool_stopped" LocalProcess AppPoolStopped,
    "local_process" "auth_dependency" LocalProcess AuthDependency,
    "local_process" "circuit_breaker_open" LocalProcess CircuitBreakerOpen,
    "local_process" "client_aborted" LocalProcess ClientAborted,
    "local_process" "concurrency_limit" LocalProcess ConcurrencyLimit,
    "local_process" "config_error" LocalProcess ConfigError,
    "local_process" "config_permission" LocalProcess ConfigPermission,
    "local_process" "connection_limit" LocalProcess ConnectionLimit,
    "local_process" "cpu_limit" LocalProcess CpuLimit,
    "local_process" "dependency_http" LocalProcess DependencyHttp,
    "local_process" "deploy_in_progress" LocalProcess DeployInProgress,
    "local_process" "disk_full" LocalProcess DiskFull,
    "local_process" "draining" LocalProcess Draining,
    "local_process" "fault_injected" LocalProcess FaultInjected,
    "local_process" "fd_exhausted" LocalProcess FdExhausted,
    "local_process" "health_check_failed" LocalProcess HealthCheckFailed,
    "local_process" "maintenance" LocalProcess Maintenance,
    "local_process" "memory_exhausted" LocalProcess MemoryExhausted,
    "local_process" "no_route" LocalProcess NoRoute,
    "local_process" "overload_shed" LocalProcess OverloadShed,
    "local_process" "policy_denied" LocalProcess PolicyDenied,
    "local_process" "port_exhausted" LocalProcess PortExhausted,
    "local_process" "process_crashed" LocalProcess ProcessCrashed,
    "local_process" "rapid_fail_protection" LocalProcess RapidFailProtection,
    "local_process" "rate_limited" LocalProcess RateLimited,
    "local_process" "request_queue_full" LocalProcess RequestQueueFull,
    "local_process" "request_queue_timeout" LocalProcess RequestQueueTimeout,
    "local_process" "startup_failure" LocalProcess StartupFailure,
    "local_process" "worker_limit" LocalProcess WorkerLimit,
    "proxy" "auth_dependency" Proxy AuthDependency,
    "proxy" "cached_error" Proxy CachedError,
    "proxy" "cdn_function_error" Proxy CdnFunctionError,
    "proxy" "cdn_origin_unreachable" Proxy CdnOriginUnreachable,
    "proxy" "circuit_breaker_open" Proxy CircuitBreakerOpen,
    "proxy" "client_aborted" Proxy ClientAborted,
    "proxy" "concurrency_limit" Proxy ConcurrencyLimit,
    "proxy" "config_error" Proxy ConfigError,
    "proxy" "config_permission" Proxy ConfigPermission,
    "proxy" "connection_limit" Proxy ConnectionLimit,
    "proxy" "dependency_http" Proxy DependencyHttp,
    "proxy" "deploy_in_progress" Proxy DeployInProgress,
    "proxy" "draining" Proxy Draining,
    "proxy" "fd_exhausted" Proxy FdExhausted,
    "proxy" "health_check_failed" Proxy HealthCheckFailed,
    "proxy" "maintenance" Proxy Maintenance,
    "proxy" "memory_exhausted" Proxy MemoryExhausted,
    "proxy" "no_live_upstreams" Proxy NoLiveUpstreams,
    "proxy" "no_route" Proxy NoRoute,
    "proxy" "overload_shed" Proxy OverloadShed,
    "proxy" "policy_denied" Proxy PolicyDenied,
    "proxy" "port_exhausted" Proxy PortExhausted,
    "proxy" "process_crashed" Proxy ProcessCrashed,
    "proxy" "rate_limited" Proxy RateLimited,
    "proxy" "request_queue_full" Proxy RequestQueueFull,
    "proxy" "request_queue_timeout" Proxy RequestQueueTimeout,
    "proxy" "startup_failure" Proxy StartupFailure,
    "proxy" "upstream_dns" Proxy UpstreamDns,
    "proxy" "upstream_error" Proxy UpstreamError,
    "proxy" "upstream_invalid_response" Proxy UpstreamInvalidResponse,
    "proxy" "upstream_refused" Proxy UpstreamRefused,
    "proxy" "upstream_reset" Proxy UpstreamReset,
    "proxy" "upstream_timeout" Proxy UpstreamTimeout,
    "proxy" "upstream_tls" Proxy UpstreamTls,
    "proxy" "worker_limit" Proxy WorkerLimit,
    "upstream" "cached_error" Upstream CachedError,
    "upstream" "upstream_503" Upstream Upstream503,
    "upstream" "upstream_error" Upstream UpstreamError,
    "upstream" "upstream_reset" Upstream UpstreamReset,
    "upstream" "upstream_timeout" Upstream UpstreamTimeout,
    "cdn" "auth_dependency" Cdn AuthDependency,
    "cdn" "cached_error" Cdn CachedError,
    "cdn" "cdn_capacity" Cdn CdnCapacity,
    "cdn" "cdn_function_error" Cdn CdnFunctionError,
    "cdn" "cdn_origin_unreachable" Cdn CdnOriginUnreachable,
    "cdn" "client_aborted" Cdn ClientAborted,
    "cdn" "config_error" Cdn ConfigError,
    "cdn" "connection_limit" Cdn ConnectionLimit,
    "cdn" "deploy_in_progress" Cdn DeployInProgress,
    "cdn" "health_check_failed" Cdn HealthCheckFailed,
    "cdn" "maintenance" Cdn Maintenance,
    "cdn" "no_live_upstreams" Cdn NoLiveUpstreams,
    "cdn" "no_route" Cdn NoRoute,
    "cdn" "policy_denied" Cdn PolicyDenied,
    "cdn" "rate_limited" Cdn RateLimited,
    "cdn" "upstream_dns" Cdn UpstreamDns,
    "cdn" "upstream_error" Cdn UpstreamError,
    "cdn" "upstream_invalid_response" Cdn UpstreamInvalidResponse,
    "cdn" "upstream_refused" Cdn UpstreamRefused,
    "cdn" "upstream_reset" Cdn UpstreamReset,
    "cdn" "upstream_timeout" Cdn UpstreamTimeout,
    "cdn" "upstream_tls" Cdn UpstreamTls,
};
