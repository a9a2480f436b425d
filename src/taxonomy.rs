//! Who generated a response, why, and how sure we are. The ids are a published contract.
//!
//! In: nothing. Out: the small vocabularies that every later floor speaks.
//! Invariants: `as_str` of each item is stable `snake_case`; `ALL` lists every item once.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

/// Defines a field-less enum with a stable id and a one-line meaning per item.
macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident { $($item:ident = $id:literal : $meaning:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name { $(#[doc = $meaning] $item,)* }
        impl $name {
            /// Every item, in declaration order.
            pub const ALL: &'static [$name] = &[$($name::$item,)*];
            /// The stable id used in every output.
            pub const fn as_str(self) -> &'static str { match self { $($name::$item => $id,)* } }
            /// One line, for people.
            pub const fn meaning(self) -> &'static str { match self { $($name::$item => $meaning,)* } }
            /// The item with this id, if there is one.
            pub fn from_id(id: &str) -> Option<Self> { Self::ALL.iter().copied().find(|item| item.as_str() == id) }
        }
        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result { out.pad(self.as_str()) }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> { out.serialize_str(self.as_str()) }
        }
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> { stringify!($name).into() }
            fn json_schema(_: &mut SchemaGenerator) -> Schema { open_vocabulary(&[$($id,)*]) }
        }
    };
}

/// The known ids, and the form of those that a later minor version may add.
fn open_vocabulary(ids: &[&str]) -> Schema {
    json_schema!({ "type": "string", "anyOf": [{ "enum": ids }, { "pattern": "^[a-z][a-z0-9_]*$" }] })
}

vocabulary! {
    /// Who generated a response, seen from the log's vantage point.
    Origin {
        LocalProcess = "local_process": "the server that wrote the line refused for its own reasons",
        Proxy = "proxy": "the server, acting as proxy, answered itself because no backend gave a valid answer",
        Upstream = "upstream": "a backend answered it and it was relayed",
        Cdn = "cdn": "a third-party edge generated it",
        Unknown = "unknown": "the evidence does not decide",
    }
}

vocabulary! {
    /// How sure a verdict is. Ordered: later items are surer.
    Confidence {
        Unknown = "unknown": "nothing speaks for it",
        Possible = "possible": "proximity in time, absence, or body size alone",
        Likely = "likely": "a state event covering the entries, or count-matched lines",
        Confirmed = "confirmed": "an explicit field or message about these very requests",
    }
}

vocabulary! {
    /// What kind of evidence a verdict rests on.
    Basis {
        ExplicitMessage = "explicit_message": "a log message says so",
        FieldValue = "field_value": "a field of the entry's own line says so",
        RequestJoin = "request_join": "an error line of the same client, request and time",
        ConnectionJoin = "connection_join": "an error line of the same connection",
        CountMatch = "count_match": "as many error lines as entries for one client or host and second",
        StateInterval = "state_interval": "a state event whose interval covers the entry",
        TimeWindow = "time_window": "proximity in time",
        BodySize = "body_size": "the size of the body matches a built-in page",
        Absence = "absence": "a log that would have recorded a failure has no line for it",
        Config = "config": "the server's configuration",
        UserMark = "user_mark": "an event the user placed",
    }
}

vocabulary! {
    /// The part a cause plays in an incident.
    Role {
        Trigger = "trigger": "a state change that set it off",
        Mechanism = "mechanism": "how the response came out",
        Amplifier = "amplifier": "what made it worse",
        Contributing = "contributing": "what helped it along",
    }
}

vocabulary! {
    /// The software that wrote a log.
    Server {
        Nginx = "nginx": "nginx, `OpenResty`, ingress-nginx",
        Iis = "iis": "Microsoft IIS, and HTTP.sys before it",
        Apache = "apache": "Apache HTTP Server",
        Envoy = "envoy": "Envoy, and Istio's proxies",
        Traefik = "traefik": "Traefik",
        Alb = "alb": "Application Load Balancer of AWS",
        Clb = "clb": "Classic Load Balancer of AWS",
        CloudFront = "cloudfront": "Amazon `CloudFront`",
        ApiGateway = "api_gateway": "Amazon API Gateway",
        Caddy = "caddy": "Caddy",
        Cloudflare = "cloudflare": "Cloudflare",
        Fastly = "fastly": "Fastly",
        Akamai = "akamai": "Akamai",
        AzureFrontDoor = "azure_front_door": "Azure Front Door",
        AzureAppGateway = "azure_app_gateway": "Azure Application Gateway",
        GoogleLb = "google_lb": "Google Cloud load balancers for HTTP",
        Haproxy = "haproxy": "the load balancer `HAProxy`",
        Varnish = "varnish": "Varnish Cache",
        Heroku = "heroku": "the router of Heroku",
        Lighttpd = "lighttpd": "lighttpd",
        Application = "application": "an application or its server: PHP-FPM, gunicorn, uWSGI, Puma, Node, Tomcat, .NET, Go",
        Dependency = "dependency": "a database, cache or queue, or a client of one",
        Systemd = "systemd": "the service manager of Linux",
        Kernel = "kernel": "the Linux kernel",
        Kubernetes = "kubernetes": "Kubernetes: events, kubelet, controllers",
        Windows = "windows": "the event log of Windows",
        Unknown = "unknown": "not known from the lines",
    }
}

impl Server {
    /// True for services that others run: there is no machine to log in to.
    pub const fn is_managed(self) -> bool {
        matches!(
            self,
            Server::Alb
                | Server::Clb
                | Server::CloudFront
                | Server::ApiGateway
                | Server::Cloudflare
                | Server::Fastly
                | Server::Akamai
                | Server::AzureFrontDoor
                | Server::AzureAppGateway
                | Server::GoogleLb
                | Server::Heroku
        )
    }

    /// True for logs that are delivered at least once, by a service that gives every request an id of its own, or by the
    /// shippers of containers: a line may come twice, in another file perhaps.
    pub const fn redelivers(self) -> bool {
        matches!(
            self,
            Server::Alb
                | Server::CloudFront
                | Server::ApiGateway
                | Server::Cloudflare
                | Server::AzureFrontDoor
                | Server::AzureAppGateway
                | Server::GoogleLb
                | Server::Envoy
        )
    }
}

vocabulary! {
    /// What an input, or a line of it, is for.
    LogRole {
        Access = "access": "one line per request",
        Error = "error": "messages of a server",
        Mixed = "mixed": "access and error lines in one stream",
        Unknown = "unknown": "not understood",
    }
}

vocabulary! {
    /// Why a response was generated. The typical role is given by [`Cause::role`].
    Cause {
        AppPoolStopped = "app_pool_stopped": "the application pool that serves the site is stopped",
        AppPoolRecycling = "app_pool_recycling": "the application pool is being recycled",
        RapidFailProtection = "rapid_fail_protection": "IIS disabled the pool after repeated worker crashes",
        AppOffline = "app_offline": "the application was taken offline on purpose",
        CpuLimit = "cpu_limit": "a CPU limit stopped the worker",
        ProcessCrashed = "process_crashed": "a worker process died",
        StartupFailure = "startup_failure": "the service or its configuration failed to start",
        RestartLimitHit = "restart_limit_hit": "the supervisor gave up restarting the service",
        OomKilled = "oom_killed": "the kernel killed a process for memory",
        ServiceStopped = "service_stopped": "the service was stopped",
        NoLiveUpstreams = "no_live_upstreams": "every backend of the group was marked down",
        UpstreamRefused = "upstream_refused": "the backend refused the connection",
        UpstreamTimeout = "upstream_timeout": "the backend did not answer in time",
        UpstreamReset = "upstream_reset": "the backend closed or reset the connection before it answered",
        UpstreamDns = "upstream_dns": "the backend's name could not be resolved",
        UpstreamTls = "upstream_tls": "the TLS handshake with the backend failed",
        Upstream503 = "upstream_503": "the backend itself answered 503",
        UpstreamError = "upstream_error": "the backend answered another 5xx that became this status here",
        UpstreamInvalidResponse = "upstream_invalid_response": "the backend sent something that is not a valid response",
        NoRoute = "no_route": "no rule selected a backend",
        WorkerLimit = "worker_limit": "all workers, threads or worker connections are in use",
        RequestQueueFull = "request_queue_full": "the request queue is full",
        RequestQueueTimeout = "request_queue_timeout": "the request waited in a queue for too long",
        ConnectionLimit = "connection_limit": "a configured connection limit rejected it",
        ConcurrencyLimit = "concurrency_limit": "a configured concurrency limit rejected it",
        FdExhausted = "fd_exhausted": "the process ran out of file descriptors",
        PortExhausted = "port_exhausted": "no local port was free for a connection to the backend",
        MemoryExhausted = "memory_exhausted": "memory, or a shared memory zone, ran out",
        DiskFull = "disk_full": "a disk is full",
        RateLimited = "rate_limited": "a configured rate limit rejected it",
        CircuitBreakerOpen = "circuit_breaker_open": "a circuit breaker is open",
        OverloadShed = "overload_shed": "load was shed on purpose",
        PolicyDenied = "policy_denied": "a policy rule denied it",
        FaultInjected = "fault_injected": "a fault was injected on purpose",
        Maintenance = "maintenance": "a maintenance rule answered it",
        HealthCheckFailed = "health_check_failed": "a health check took the backend out",
        NotReady = "not_ready": "the backend is not ready yet",
        Draining = "draining": "the backend is draining",
        DeployInProgress = "deploy_in_progress": "a deploy was under way",
        DependencyDatabase = "dependency_database": "a database the application needs failed",
        DependencyCache = "dependency_cache": "a cache the application needs failed",
        DependencyQueue = "dependency_queue": "a message queue the application needs failed",
        DependencyHttp = "dependency_http": "an HTTP service the application needs failed",
        AuthDependency = "auth_dependency": "the authorization service failed",
        DnsFailure = "dns_failure": "name resolution failed",
        ConfigError = "config_error": "the configuration is wrong",
        ConfigPermission = "config_permission": "a file or socket permission is wrong",
        CertificateExpired = "certificate_expired": "a certificate has expired",
        ClientAborted = "client_aborted": "the client gave up",
        TrafficSurge = "traffic_surge": "traffic rose above what was served before",
        RetryStorm = "retry_storm": "clients repeat failed requests at once",
        CachedError = "cached_error": "a cached error was served",
        CdnOriginUnreachable = "cdn_origin_unreachable": "the edge could not reach the origin",
        CdnFunctionError = "cdn_function_error": "a function at the edge failed",
        CdnCapacity = "cdn_capacity": "the edge ran out of capacity",
    }
}

impl Cause {
    /// The role this cause usually plays. A symptom (`upstream_*`, a full queue) is never a trigger.
    pub const fn role(self) -> Role {
        use Cause as C;
        match self {
            C::AppPoolStopped
            | C::AppPoolRecycling
            | C::RapidFailProtection
            | C::AppOffline
            | C::CpuLimit
            | C::ProcessCrashed
            | C::StartupFailure
            | C::RestartLimitHit
            | C::OomKilled
            | C::ServiceStopped
            | C::DiskFull
            | C::DeployInProgress
            | C::DependencyDatabase
            | C::DependencyCache
            | C::DependencyQueue
            | C::DependencyHttp
            | C::AuthDependency
            | C::DnsFailure
            | C::ConfigError
            | C::ConfigPermission
            | C::CertificateExpired
            | C::TrafficSurge => Role::Trigger,
            C::RetryStorm => Role::Amplifier,
            C::HealthCheckFailed | C::NotReady | C::Draining | C::ClientAborted => {
                Role::Contributing
            }
            _ => Role::Mechanism,
        }
    }
}

impl<'de> Deserialize<'de> for Cause {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let id = String::deserialize(input)?;
        Self::from_id(&id)
            .ok_or_else(|| serde::de::Error::custom(format!("`{id}` is not a known cause id")))
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let id = String::deserialize(input)?;
        Self::from_id(&id)
            .ok_or_else(|| serde::de::Error::custom(format!("`{id}` is not a known origin")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_snake_case_and_found_again() {
        let mut seen = std::collections::BTreeSet::new();
        for cause in Cause::ALL {
            let id = cause.as_str();
            assert!(id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'));
            assert!(seen.insert(id), "{id} twice");
            assert_eq!(Cause::from_id(id), Some(*cause));
        }
    }

    #[test]
    fn a_symptom_is_never_a_trigger() {
        for cause in Cause::ALL {
            if cause.as_str().starts_with("upstream_") || *cause == Cause::RequestQueueFull {
                assert_ne!(cause.role(), Role::Trigger, "{cause}");
            }
        }
    }

    #[test]
    fn confidence_is_ordered_from_unknown_to_confirmed() {
        assert!(Confidence::Unknown < Confidence::Possible);
        assert!(Confidence::Possible < Confidence::Likely);
        assert!(Confidence::Likely < Confidence::Confirmed);
    }
}
