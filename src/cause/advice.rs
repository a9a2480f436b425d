//! What to do about each cause: how it shows in logs, and next steps as commands.
//!
//! In: a [`Cause`]. Out: static texts, and the page of `logscan503 explain ID`.
//! Invariants: every cause has advice (the match is exhaustive); steps are commands where a command exists, with the
//! placeholders `{scope}` (peer, group, zone, unit or file of the incident) and `{host}`, which reports fill in.
//! Source: documentation of the named servers and tools; `sources` per cause.

use std::fmt::Write;

use crate::taxonomy::{Cause, Server};

/// What is known about a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advice {
    /// How it shows in logs.
    pub shows: &'static [&'static str],
    /// What to do, most useful first.
    pub next_steps: &'static [&'static str],
    /// Where this is documented.
    pub sources: &'static [&'static str],
}

/// The advice for a cause.
pub const fn advice(cause: Cause) -> &'static Advice {
    match cause {
        Cause::AppPoolStopped => &Advice {
            shows: &[
                "HTTPERR: 503 with reason Disabled and the pool name; nothing in the site log",
                "AppOffline instead of Disabled: rapid-fail protection did it",
            ],
            next_steps: &[
                "PowerShell: Get-WebAppPoolState -Name '{scope}'",
                "PowerShell: Start-WebAppPool -Name '{scope}'; if it stops again at once, read the crash before the next start",
                "PowerShell: Get-WinEvent -FilterHashtable @{LogName='System';ProviderName='Microsoft-Windows-WAS'} -MaxEvents 50",
            ],
            sources: &[
                "learn.microsoft.com: IIS application pools",
                "learn.microsoft.com: error logging in HTTP APIs (HTTPERR)",
            ],
        },
        Cause::AppPoolRecycling => &Advice {
            shows: &[
                "System event log: WAS 5074 to 5080 tell why a pool was recycled",
                "site log: a gap or a few slow requests; HTTPERR only when the new worker is slow",
            ],
            next_steps: &[
                "PowerShell: Get-ItemProperty 'IIS:\\AppPools\\{scope}' -Name recycling.periodicRestart",
                "appcmd list apppool \"{scope}\" /text:recycling",
                "allow overlapped recycling and preload the application (startMode AlwaysRunning)",
            ],
            sources: &["learn.microsoft.com: IIS application pools"],
        },
        Cause::RapidFailProtection => &Advice {
            shows: &[
                "System event log: several WAS 5009 or 5011, then 5002 for the pool",
                "HTTPERR: AppOffline from then on",
            ],
            next_steps: &[
                "PowerShell: Get-WinEvent -FilterHashtable @{LogName='Application';ProviderName='Application Error','.NET Runtime'} -MaxEvents 20",
                "fix the crash, then PowerShell: Start-WebAppPool -Name '{scope}'",
                "PowerShell: Get-ItemProperty 'IIS:\\AppPools\\{scope}' -Name failure",
            ],
            sources: &["learn.microsoft.com: IIS application pools"],
        },
        Cause::AppOffline => &Advice {
            shows: &[
                "IIS: app_offline.htm in the site root, 503 with sub-status 0",
                "a constant page while a deploy runs",
            ],
            next_steps: &[
                "PowerShell: Get-ChildItem -Recurse -Filter app_offline.htm C:\\inetpub",
                "check whether a deploy was interrupted; remove the file when it is over",
            ],
            sources: &["learn.microsoft.com: app_offline.htm"],
        },
        Cause::CpuLimit => &Advice {
            shows: &[
                "HTTPERR: 503 with reason AppShutdown and the pool name",
                "cgroups: throttled periods rise while latency rises",
            ],
            next_steps: &[
                "PowerShell: Get-ItemProperty 'IIS:\\AppPools\\{scope}' -Name cpu",
                "systemctl show {scope} -p CPUQuotaPerSecUSec",
                "kubectl top pod -A | sort -k3 -rn | head",
            ],
            sources: &["learn.microsoft.com: IIS application pools", "systemd.resource-control(5)"],
        },
        Cause::ProcessCrashed => &Advice {
            shows: &[
                "nginx: `worker process N exited on signal 11`; signal 9 means killed, often for memory",
                "systemd: `Main process exited, code=dumped`; IIS: WAS 5011 and Application Error 1000",
            ],
            next_steps: &[
                "journalctl -k --grep \"oom|segfault\" --since -1h",
                "coredumpctl list",
                "journalctl -u {scope} -n 100",
                "compare the first crash with the last deploy or module update",
            ],
            sources: &["nginx.org: core functionality", "coredumpctl(1)"],
        },
        Cause::StartupFailure => &Advice {
            shows: &[
                "nginx: `[emerg] bind() to ... failed (98`, `host not found in upstream`",
                "systemd: `Failed to start`; application log: exception while booting",
            ],
            next_steps: &[
                "nginx -t",
                "ss -ltnp",
                "journalctl -u {scope} -b -n 100",
                "systemctl status {scope}",
                "if a deploy came just before: roll program and configuration back together",
            ],
            sources: &["nginx.org: core functionality", "systemd.unit(5), systemd.service(5)"],
        },
        Cause::RestartLimitHit => &Advice {
            shows: &[
                "systemd: `Start request repeated too quickly`, `start-limit-hit`",
                "kubernetes: CrashLoopBackOff",
            ],
            next_steps: &[
                "journalctl -u {scope} -n 200, read the first failure, not the last",
                "systemctl reset-failed {scope} && systemctl start {scope}",
                "kubectl logs --previous POD",
            ],
            sources: &[
                "systemd.unit(5), systemd.service(5)",
                "kubernetes.io: debug services, pod lifecycle",
            ],
        },
        Cause::OomKilled => &Advice {
            shows: &[
                "kernel: `Out of memory: Killed process`, `oom-kill:constraint=`",
                "nginx: `exited on signal 9`; kubernetes: OOMKilled, exit code 137",
            ],
            next_steps: &[
                "journalctl -k --grep \"oom\" --since -2h",
                "systemctl show {scope} -p MemoryMax,MemoryPeak",
                "kubectl describe pod POD | grep -A5 \"Last State\"",
                "find what grew: compare memory of the process before the kill with its limit",
            ],
            sources: &["kernel.org: memory management, OOM", "systemd.resource-control(5)"],
        },
        Cause::ServiceStopped => &Advice {
            shows: &[
                "nginx: `signal 15 (SIGTERM) received`, `signal 3 (SIGQUIT) received`",
                "in front of it: connect() failed (111",
            ],
            next_steps: &[
                "systemctl status {scope}",
                "journalctl -u {scope} -n 50, to see who stopped it",
                "last -x | head; grep sudo /var/log/auth.log | tail",
            ],
            sources: &["nginx.org: core functionality", "systemd.unit(5), systemd.service(5)"],
        },
        Cause::NoLiveUpstreams => &Advice {
            shows: &[
                "nginx: `no live upstreams while connecting to upstream`, 502, `$upstream_addr` holds the group name",
                "ingress-nginx: 503 and `does not have any active Endpoint`; HAProxy: `<NOSRV>`, state SC--; Envoy: UH",
            ],
            next_steps: &[
                "nginx -T | grep -A15 \"upstream {scope}\"",
                "echo \"show servers state {scope}\" | socat stdio /run/haproxy/admin.sock, and `show stat` for last_chk of each server",
                "varnishadm backend.list -p",
                "curl -sv http://BACKEND/health for each server of the group, and look at the first that failed",
                "ss -ltnp on the backends: does the process listen?",
                "kubectl get endpointslices -A; kubectl get pods -o wide",
                "one refused connection disables a server for fail_timeout (10 s): consider max_fails and fail_timeout",
            ],
            sources: &[
                "nginx.org: ngx_http_upstream_module",
                "haproxy configuration manual: session state",
            ],
        },
        Cause::UpstreamRefused => &Advice {
            shows: &[
                "nginx: `connect() failed (111: Connection refused)`, 502; also errno 113, 101, and 2 for sockets",
                "HAProxy: SC--; Envoy: UF; Apache: AH00957, 503",
            ],
            next_steps: &[
                "ss -ltnp | grep {scope}, on the backend",
                "echo \"show servers state\" | socat stdio /run/haproxy/admin.sock: the address of {scope}, then ss -ltnp there",
                "varnishlog -g request -q 'FetchError' -i FetchError,BackendOpen,ReqURL",
                "systemctl status of the backend service; journalctl -u UNIT -n 100",
                "curl -sv http://{scope}/",
                "ls -l of the socket, when it is a unix socket",
                "nginx -T | grep -n {scope}: is the address still right?",
            ],
            sources: &["nginx.org: ngx_http_upstream_module", "nginx.org: ngx_http_proxy_module"],
        },
        Cause::UpstreamTimeout => &Advice {
            shows: &[
                "nginx: `upstream timed out (110`, 504; the words after `while` tell the phase",
                "HAProxy: sH--, sC--; Envoy: UT; Apache: AH01102, 504 or 502",
            ],
            next_steps: &[
                "phase connecting: packet loss, firewall or full accept queue: curl -o /dev/null -w \"%{time_connect}\" http://{scope}/",
                "phase response header: the application is slow: look for what it waits for (database, locks, CPU)",
                "nginx -T | grep -E \"_(connect|send|read)_timeout\"",
                "on the backend: top, vmstat 1, thread dump, slow query log",
            ],
            sources: &["nginx.org: ngx_http_proxy_module", "nginx.org: ngx_http_upstream_module"],
        },
        Cause::UpstreamReset => &Advice {
            shows: &[
                "nginx: `upstream prematurely closed connection`, `recv() failed (104`, 502",
                "HAProxy: SH--; Envoy: UC, UR; Apache: AH01102",
            ],
            next_steps: &[
                "journalctl -u UNIT of the backend at that second: crash, worker timeout, restart, memory kill",
                "keepalive of the backend shorter than that of the proxy gives resets on idle connections: compare keepalive_timeout on both sides",
                "dmesg -T | grep -iE \"oom|segfault\" on the backend",
            ],
            sources: &["nginx.org: ngx_http_proxy_module", "nginx.org: ngx_http_upstream_module"],
        },
        Cause::UpstreamDns => &Advice {
            shows: &[
                "nginx: `could not be resolved (3: Host not found)`, `(110: Operation timed out)`, `no resolver defined`, 502",
            ],
            next_steps: &[
                "dig +short {scope} @RESOLVER, with the address of the `resolver` directive",
                "nginx -T | grep -n resolver",
                "nginx does not read /etc/hosts or search domains for names in variables: use the full name",
                "kubectl -n kube-system logs -l k8s-app=kube-dns --tail=50",
            ],
            sources: &["nginx.org: resolver directive"],
        },
        Cause::UpstreamTls => &Advice {
            shows: &[
                "nginx: `SSL_do_handshake() failed ... while SSL handshaking to upstream`, `upstream SSL certificate verify error`, 502",
                "Envoy: UF with a TLS error in the transport failure reason",
            ],
            next_steps: &[
                "openssl s_client -connect {scope} -servername {host} </dev/null",
                "nginx -T | grep -E \"proxy_ssl_|proxy_pass\"",
                "`wrong version number` means plain HTTP on that port; `handshake failure` often means no SNI (proxy_ssl_server_name on) or a client certificate is wanted",
            ],
            sources: &["nginx.org: proxy_ssl_* directives"],
        },
        Cause::Upstream503 => &Advice {
            shows: &[
                "access log: last `$upstream_status` is 503; nginx writes no error line",
                "HAProxy: ---- with 503; CDN: origin status 503",
            ],
            next_steps: &[
                "read the log of {scope} at the same second: it made the 503",
                "curl -sv http://{scope}/PATH, past the proxy",
                "load the backend's logs with these to follow the requests to it",
            ],
            sources: &["nginx.org: ngx_http_upstream_module"],
        },
        Cause::UpstreamError => &Advice {
            shows: &[
                "access log: `$upstream_status` 500, 502 or 504 with a header time, turned into this status by `error_page`",
                "nginx with PHP: `PHP Fatal error` in FastCGI stderr",
            ],
            next_steps: &[
                "read the application log of {scope} at the same second",
                "nginx -T | grep -n -E \"error_page|intercept_errors\"",
            ],
            sources: &["nginx.org: ngx_http_proxy_module"],
        },
        Cause::UpstreamInvalidResponse => &Advice {
            shows: &[
                "nginx: `upstream sent too big header`, `upstream sent invalid header`, `upstream sent no valid HTTP/1.0 header`",
                "HAProxy: PH--; Envoy: UPE",
            ],
            next_steps: &[
                "curl -sv http://{scope}/PATH --raw | head -c 600",
                "too big: proxy_buffer_size / fastcgi_buffer_size, and find the cookie or header that grew",
                "no valid HTTP: wrong port or protocol (TLS or FastCGI port spoken to as HTTP)",
            ],
            sources: &["nginx.org: ngx_http_proxy_module"],
        },
        Cause::NoRoute => &Advice {
            shows: &[
                "Envoy: NR; Traefik and generated proxies: fixed 404 or 503 for unknown hosts",
                "HAProxy: <NOSRV> with no backend rule",
            ],
            next_steps: &[
                "curl -sv -H \"Host: {host}\" http://PROXY/",
                "nginx -T | grep -n server_name",
                "kubectl get ingress -A | grep {host}",
            ],
            sources: &["envoyproxy.io: response flags"],
        },
        Cause::WorkerLimit => &Advice {
            shows: &[
                "nginx: `worker_connections are not enough`, 500 or dropped; Apache: AH00484",
                "php-fpm: `reached pm.max_children`; in front: 504, or (11: Resource temporarily unavailable)",
            ],
            next_steps: &[
                "nginx -T | grep -E \"worker_(connections|processes|rlimit)\"",
                "ss -s; ss -tn state established | wc -l",
                "find what holds them: slow backends and long keepalives fill workers; more of them only buys time",
                "php-fpm: pm.max_children against memory, request_terminate_timeout",
            ],
            sources: &["nginx.org: core functionality", "php.net: FPM configuration"],
        },
        Cause::RequestQueueFull => &Advice {
            shows: &[
                "nginx: `connect() to unix:... failed (11: Resource temporarily unavailable)`, 502",
                "HTTPERR: QueueFull, 503; kernel: `Possible SYN flooding`",
            ],
            next_steps: &[
                "ss -lxn | grep {scope}; ss -ltn: Recv-Q against Send-Q is queue against limit",
                "the workers behind the socket are busy: look for what they wait for, then listen.backlog and net.core.somaxconn",
                "PowerShell: Get-ItemProperty 'IIS:\\AppPools\\{scope}' -Name queueLength",
            ],
            sources: &["listen(2)", "learn.microsoft.com: error logging in HTTP APIs (HTTPERR)"],
        },
        Cause::RequestQueueTimeout => &Advice {
            shows: &["HAProxy: sQ-- with 503; HTTPERR: AppPoolTimer with 503"],
            next_steps: &[
                "compare the queue time with the response time: slow service, or too few workers?",
                "echo \"show servers state\" | socat stdio /run/haproxy/admin.sock; show stat: qcur, scur against slim",
                "raise concurrency only with the memory for it; else shed earlier",
            ],
            sources: &["haproxy configuration manual: timeout queue"],
        },
        Cause::ConnectionLimit => &Advice {
            shows: &[
                "nginx: `limiting connections by zone`, 503; `$limit_conn_status` REJECTED",
                "HAProxy: maxconn; IIS: ConnLimit in HTTPERR",
            ],
            next_steps: &[
                "nginx -T | grep -n limit_conn",
                "count connections per client: ss -tn state established | awk '{print $4}' | sort | uniq -c | sort -rn | head",
                "behind a CDN or load balancer all clients share an address unless set_real_ip_from is set",
            ],
            sources: &["nginx.org: ngx_http_limit_conn_module"],
        },
        Cause::ConcurrencyLimit => &Advice {
            shows: &[
                "Envoy: UO, adaptive concurrency; serverless: throttles; IIS: 503.2 (appConcurrentRequestLimit)",
            ],
            next_steps: &[
                "compare the limit with requests in flight at the onset",
                "find the slow dependency first: concurrency rises when latency does",
            ],
            sources: &["envoyproxy.io: response flags", "learn.microsoft.com: IIS status codes"],
        },
        Cause::FdExhausted => &Advice {
            shows: &[
                "nginx: `(24: Too many open files)` in accept4(), socket() or open(); 500 or no answer",
                "HAProxy: reached system FD limit; Java: `Too many open files`",
            ],
            next_steps: &[
                "grep \"open files\" /proc/$(cat /run/nginx.pid)/limits",
                "ls /proc/PID/fd | wc -l, and by kind: ls -l /proc/PID/fd | awk '{print $NF}' | sort | uniq -c | sort -rn | head",
                "worker_rlimit_nofile above 2 x worker_connections; LimitNOFILE= in the unit (systemctl edit nginx); ulimits of the container",
                "cat /proc/sys/fs/file-nr, for (23: the whole system is out)",
            ],
            sources: &["nginx.org: core functionality", "systemd.exec(5)"],
        },
        Cause::PortExhausted => &Advice {
            shows: &["nginx: `connect() to ... failed (99: Cannot assign requested address)`, 502"],
            next_steps: &[
                "ss -tan | awk '{print $1}' | sort | uniq -c, many TIME-WAIT to {scope}?",
                "use upstream keepalive (keepalive N; proxy_http_version 1.1)",
                "sysctl net.ipv4.ip_local_port_range net.ipv4.tcp_tw_reuse",
            ],
            sources: &["nginx.org: ngx_http_upstream_module", "ip(7)"],
        },
        Cause::MemoryExhausted => &Advice {
            shows: &[
                "nginx: `malloc() failed (12`, `could not allocate node`, `ngx_slab_alloc() failed: no memory`",
                "PHP: `Allowed memory size of N bytes exhausted`; Java: OutOfMemoryError",
            ],
            next_steps: &[
                "free -m; systemctl show {scope} -p MemoryCurrent,MemoryMax",
                "a full zone: nginx -T | grep -E \"zone=\" and enlarge {scope}",
                "PHP: memory_limit, and the script named in the message",
            ],
            sources: &["nginx.org: ngx_http_limit_req_module", "php.net: memory_limit"],
        },
        Cause::DiskFull => &Advice {
            shows: &[
                "nginx: `failed (28: No space left on device)`, 500 or cut bodies; access lines get lost",
                "databases: read only or `could not extend file`",
            ],
            next_steps: &[
                "df -h; df -i",
                "du -xh --max-depth=2 / 2>/dev/null | sort -h | tail",
                "lsof +L1, deleted files that are still open",
                "logrotate -f /etc/logrotate.conf, when logs filled it",
            ],
            sources: &["df(1)", "nginx.org: client_body_temp_path"],
        },
        Cause::RateLimited => &Advice {
            shows: &[
                "nginx: `limiting requests, excess: N by zone`, 503 unless limit_req_status; `$limit_req_status` REJECTED",
                "CDN and gateways usually answer 429",
            ],
            next_steps: &[
                "nginx -T | grep -n limit_req",
                "who is it: count the clients of the rejected requests; one client is abuse, all of them is a limit too low or a shared address",
                "behind a proxy restore client addresses: set_real_ip_from, real_ip_header",
                "answer 429 instead: limit_req_status 429",
            ],
            sources: &["nginx.org: ngx_http_limit_req_module"],
        },
        Cause::CircuitBreakerOpen => &Advice {
            shows: &[
                "Envoy: UO (upstream overflow); resilience4j: CallNotPermittedException; Hystrix: short-circuited",
            ],
            next_steps: &[
                "find the failures that opened it: they are the cause",
                "Envoy: curl -s localhost:9901/clusters | grep -E \"cx_active|rq_pending|overflow\"",
            ],
            sources: &["envoyproxy.io: circuit breaking"],
        },
        Cause::OverloadShed => &Advice {
            shows: &[
                "Envoy: OM or overload manager; application: load shedding message; HAProxy: queue limits",
            ],
            next_steps: &[
                "compare the request rate with the same hour of other days",
                "add capacity, or lower demand (cache, batch jobs, bots)",
            ],
            sources: &["envoyproxy.io: overload manager"],
        },
        Cause::PolicyDenied => &Advice {
            shows: &[
                "ModSecurity: `Access denied with code 503`; WAF or CDN action; HAProxy: PR--",
            ],
            next_steps: &[
                "find the rule id in the audit log and test the request against it",
                "confirm that it is meant; a false positive hits one path or parameter",
            ],
            sources: &["modsecurity.org: reference manual"],
        },
        Cause::FaultInjected => &Advice {
            shows: &["Envoy: FI (fault filter abort), DI; chaos tooling announces its runs"],
            next_steps: &[
                "kubectl get virtualservice -A -o yaml | grep -A5 fault:",
                "ask who runs an experiment, and end it",
            ],
            sources: &["istio.io: fault injection"],
        },
        Cause::Maintenance => &Advice {
            shows: &[
                "nginx: `return 503` writes no error line: upstream fields `-`, request time 0.000, constant size",
                "a maintenance flag or page in the configuration",
            ],
            next_steps: &[
                "nginx -T | grep -n \"503\"",
                "ls -l of the flag file that the configuration tests",
                "confirm the window; send Retry-After with the page",
            ],
            sources: &["nginx.org: ngx_http_rewrite_module (return)"],
        },
        Cause::HealthCheckFailed => &Advice {
            shows: &[
                "nginx: `upstream server temporarily disabled` (passive); HAProxy: `Server b/s is DOWN, reason:`",
                "load balancers: unhealthy target; kubernetes: `Readiness probe failed`",
            ],
            next_steps: &[
                "curl -sv http://{scope}/HEALTH-PATH, as the checker does: same port, path, host",
                "echo \"show stat\" | socat stdio /run/haproxy/admin.sock | cut -d, -f1,2,18,37,57: state and last check of each server",
                "varnishadm backend.list -p",
                "if all members failed at once, suspect the check or a shared dependency",
                "nginx -T | grep -E \"max_fails|fail_timeout|health_check\"",
            ],
            sources: &[
                "nginx.org: ngx_http_upstream_module",
                "haproxy configuration manual: health checks",
            ],
        },
        Cause::NotReady => &Advice {
            shows: &[
                "kubernetes: readiness probe failing, pod not in endpoints; application answers 503 until it is warm",
            ],
            next_steps: &[
                "kubectl get pods -o wide; kubectl describe pod POD | tail -20",
                "let rollouts wait for readiness: maxUnavailable 0, a probe that tests what is needed",
            ],
            sources: &["kubernetes.io: debug services, pod lifecycle"],
        },
        Cause::Draining => &Advice {
            shows: &[
                "HAProxy: `Server b/s is going DOWN for maintenance` or drain; nginx: `gracefully shutting down`; targets deregistering",
            ],
            next_steps: &[
                "keep the old instance until the new one is ready; wait (preStop sleep) before stopping",
                "check the deregistration delay of the load balancer",
            ],
            sources: &["kubernetes.io: debug services, pod lifecycle", "haproxy management guide"],
        },
        Cause::DeployInProgress => &Advice {
            shows: &[
                "nginx: `signal 1 (SIGHUP) received ..., reconfiguring`; ingress: `backend reload required`",
                "unit restarts, image pulls, migration logs just before the onset",
            ],
            next_steps: &[
                "compare what changed: git log, helm history, kubectl rollout history",
                "kubectl rollout undo deployment/NAME, or roll back program and configuration together",
                "verify with requests on the affected paths",
            ],
            sources: &[
                "kubernetes.io: debug services, pod lifecycle",
                "nginx.org: core functionality",
            ],
        },
        Cause::DependencyDatabase => &Advice {
            shows: &[
                "application: `SQLSTATE[08006]`, `Too many connections` (1040), pool timeouts; PostgreSQL: `remaining connection slots`",
            ],
            next_steps: &[
                "pg_isready -h HOST; mysqladmin -h HOST ping",
                "count connections: SELECT count(*) FROM pg_stat_activity; SHOW PROCESSLIST",
                "restore the database first, then restart the application so that its pool reconnects",
            ],
            sources: &["postgresql.org: error codes", "dev.mysql.com: server error reference"],
        },
        Cause::DependencyCache => &Advice {
            shows: &[
                "application: RedisException, `Error 111 connecting to`, LOADING, MISCONF, READONLY",
            ],
            next_steps: &[
                "redis-cli -h HOST ping; redis-cli info | grep -E \"loading|used_memory|connected\"",
                "MISCONF means its disk is full; READONLY means a failover is under way",
            ],
            sources: &["redis.io: troubleshooting"],
        },
        Cause::DependencyQueue => &Advice {
            shows: &[
                "application: connection to broker lost, publish timeouts; RabbitMQ: memory or disk alarm blocks publishers",
            ],
            next_steps: &[
                "rabbitmqctl status | grep -A5 alarms; rabbitmqctl list_queues",
                "kafka-topics.sh --describe --under-replicated-partitions",
            ],
            sources: &["rabbitmq.com: alarms"],
        },
        Cause::DependencyHttp => &Advice {
            shows: &[
                "application: timeouts or 5xx of another service; nginx Lua: `lua tcp socket connect timed out`",
            ],
            next_steps: &[
                "curl -sv of the service from the application's host",
                "look at that service's own log and status page",
                "set a timeout shorter than that of the caller, and a fallback",
            ],
            sources: &["service documentation"],
        },
        Cause::AuthDependency => &Advice {
            shows: &[
                "nginx: `auth request unexpected status: N`, 500",
                "application: token or JWKS endpoint fails",
            ],
            next_steps: &[
                "nginx -T | grep -n -A3 auth_request",
                "curl -sv of the authorization endpoint",
                "read the log of the authorization service at the same second",
            ],
            sources: &["nginx.org: ngx_http_auth_request_module"],
        },
        Cause::DnsFailure => &Advice {
            shows: &[
                "nginx: `send() failed (111 ... while resolving, resolver:`; systemd-resolved: degraded feature set; `SERVFAIL`",
            ],
            next_steps: &[
                "dig {host} @RESOLVER; resolvectl status",
                "journalctl -u systemd-resolved -n 50",
                "kubectl -n kube-system get pods -l k8s-app=kube-dns",
            ],
            sources: &["nginx.org: resolver directive", "resolvectl(1)"],
        },
        Cause::ConfigError => &Advice {
            shows: &[
                "nginx: `[emerg] ... in FILE:LINE` (the old configuration keeps running), `redirection cycle`",
                "Apache: `Syntax error on line`; HAProxy: `Fatal errors found in configuration`",
            ],
            next_steps: &[
                "nginx -t",
                "look at the file and line of the message: {scope}",
                "test before reload: nginx -t && systemctl reload nginx",
            ],
            sources: &["nginx.org: core functionality"],
        },
        Cause::ConfigPermission => &Advice {
            shows: &[
                "nginx: `connect() to unix:... failed (13: Permission denied)`; `open() ... failed (13` for temporary files",
            ],
            next_steps: &[
                "namei -l PATH of the socket or directory",
                "ps -o user,group,cmd -C nginx; socket mode: listen.owner, listen.group, listen.mode",
                "ausearch -m avc -ts recent; getsebool httpd_can_network_connect",
                "dmesg | grep apparmor",
            ],
            sources: &["nginx.org: user directive", "selinux(8)"],
        },
        Cause::CertificateExpired => &Advice {
            shows: &[
                "nginx: `upstream SSL certificate verify error: (10:certificate has expired)`; alert `certificate expired`",
            ],
            next_steps: &[
                "openssl s_client -connect {scope} -servername {host} </dev/null | openssl x509 -noout -dates -subject",
                "renew it and reload; find why the renewal job did not run (systemctl list-timers)",
            ],
            sources: &["openssl-s_client(1)"],
        },
        Cause::ClientAborted => &Advice {
            shows: &[
                "nginx: 499 and `client prematurely closed connection`; HAProxy: CD--, CC--; Envoy: DC",
            ],
            next_steps: &[
                "compare with the response time: clients leave when answers are slow",
                "check the client or load balancer timeout in front",
            ],
            sources: &["nginx.org: proxy_ignore_client_abort"],
        },
        Cause::TrafficSurge => &Advice {
            shows: &[
                "access log: requests per second above the time before, errors follow the rise",
            ],
            next_steps: &[
                "who: count requests per client, agent and path before and during",
                "scale out or limit the few; cache what is asked for most",
                "protect the backend: limit_req, queue limits",
            ],
            sources: &["sre.google: handling overload"],
        },
        Cause::RetryStorm => &Advice {
            shows: &[
                "access log: the same client and target again within seconds; requests rise while successes fall",
            ],
            next_steps: &[
                "exponential backoff with jitter and at most 3 to 5 tries; send Retry-After",
                "nginx -T | grep -E \"proxy_next_upstream\": limit tries and time",
            ],
            sources: &["sre.google: addressing cascading failures"],
        },
        Cause::CachedError => &Advice {
            shows: &[
                "nginx: `$upstream_cache_status` HIT with an error status; CDN: hit with 5xx and a positive age",
            ],
            next_steps: &[
                "nginx -T | grep -E \"proxy_cache_valid|cache_use_stale\"",
                "purge the affected URLs once the origin is well",
                "do not cache 5xx, or for seconds only",
            ],
            sources: &["nginx.org: proxy_cache_valid"],
        },
        Cause::CdnOriginUnreachable => &Advice {
            shows: &[
                "Cloudflare: 52x; CloudFront: Origin... in x-edge-detailed-result-type; origin status empty or 0",
                "Varnish: `Backend fetch failed`, FetchError in varnishlog",
            ],
            next_steps: &[
                "varnishadm backend.list -p",
                "varnishlog -g request -q 'FetchError' -i FetchError,BackendOpen,ReqURL",
                "curl -sv --resolve {host}:443:ORIGIN-ADDRESS https://{host}/",
                "check that the origin's firewall admits the edge's current addresses",
                "openssl s_client -connect ORIGIN:443 -servername {host}",
            ],
            sources: &[
                "developers.cloudflare.com: 5xx errors",
                "docs.aws.amazon.com: CloudFront 5xx",
            ],
        },
        Cause::CdnFunctionError => &Advice {
            shows: &[
                "CloudFront: FunctionExecutionError, FunctionThrottledError, Lambda... in x-edge-detailed-result-type",
            ],
            next_steps: &[
                "read the function's log in the edge region",
                "publish the previous version of the function",
            ],
            sources: &["docs.aws.amazon.com: edge functions troubleshooting"],
        },
        Cause::CdnCapacity => &Advice {
            shows: &["CloudFront: CapacityExceeded in x-edge-detailed-result-type"],
            next_steps: &[
                "look at the provider's status page",
                "ask for a higher quota; lower what reaches the edge function",
            ],
            sources: &["docs.aws.amazon.com: CloudFront quotas"],
        },
    }
}

/// True unless a step is for the tools of other servers than those whose logs were read.
pub fn suits(step: &str, servers: &[Server]) -> bool {
    let is_windows = |server: &Server| matches!(server, Server::Iis | Server::Windows);
    let is_named = |server: &&Server| !matches!(server, Server::Unknown | Server::Application);
    if step.contains("PowerShell:") || step.starts_with("appcmd") {
        return servers.iter().any(is_windows);
    }
    // A proxy's own names for its servers are no addresses.
    let is_proxy = |server: &Server| matches!(server, Server::Haproxy);
    if step.contains("http://{scope}") || step.starts_with("ss -ltnp | grep {scope}") {
        return servers.is_empty() || !servers.iter().filter(is_named).all(is_proxy);
    }
    if step.starts_with("echo \"show") {
        return servers.is_empty() || servers.iter().any(is_proxy);
    }
    if step.starts_with("varnish") {
        return servers.is_empty() || servers.contains(&Server::Varnish);
    }
    if ["ss -", "journalctl", "systemctl", "dmesg"].iter().any(|tool| step.starts_with(tool)) {
        let mut named = servers.iter().filter(is_named).peekable();
        let has_no_shell = |server: &Server| is_windows(server) || server.is_managed();
        return named.peek().is_none() || !named.all(has_no_shell);
    }
    if step.starts_with("nginx -T") {
        let is_web = |server: &Server| {
            !matches!(
                server,
                Server::Unknown
                    | Server::Application
                    | Server::Dependency
                    | Server::Systemd
                    | Server::Kernel
                    | Server::Kubernetes
                    | Server::Windows
            )
        };
        return servers.contains(&Server::Nginx) || !servers.iter().any(is_web);
    }
    true
}

/// The page of `logscan503 explain ID`: meaning, typical role, signs, next steps, sources.
pub fn explain(cause: Cause) -> String {
    let advice = advice(cause);
    let mut page = format!("{cause}: {}\nrole: {}\n", cause.meaning(), cause.role());
    for (title, items) in [
        ("how it shows", advice.shows),
        ("next steps", advice.next_steps),
        ("sources", advice.sources),
    ] {
        let _ = write!(page, "\n{title}\n");
        for item in items {
            let _ = writeln!(page, "  - {item}");
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_signs_steps_and_sources() {
        for cause in Cause::ALL {
            let advice = advice(*cause);
            for texts in [advice.shows, advice.next_steps, advice.sources] {
                assert!(!texts.is_empty() && texts.iter().all(|text| !text.is_empty()), "{cause}");
            }
            assert!(explain(*cause).starts_with(cause.as_str()));
        }
    }

    #[test]
    fn steps_are_for_the_servers_whose_logs_were_read() {
        let check = |servers: &[Server], fitting: [bool; 3]| {
            let steps = ["PowerShell: Get-WebAppPoolState", "ss -ltn", "nginx -T"];
            assert_eq!(steps.map(|step| suits(step, servers)), fitting, "{servers:?}");
            assert!(suits("scale out", servers));
        };
        check(&[Server::Nginx, Server::Unknown], [false, true, true]);
        check(&[Server::Apache], [false, true, false]);
        check(&[Server::Cloudflare], [false, false, false]);
        check(&[Server::Cloudflare, Server::Nginx], [false, true, true]);
        check(&[Server::Iis, Server::Windows, Server::Unknown], [true, false, false]);
        check(&[Server::Nginx, Server::Iis], [true, true, true]);
        check(&[Server::Haproxy], [false, true, false]);
        let tools = |servers: &[Server]| {
            ["echo \"show stat\" | socat", "varnishadm backend.list", "curl http://{scope}/"]
                .map(|step| suits(step, servers))
        };
        assert_eq!(tools(&[Server::Haproxy]), [true, false, false]);
        assert_eq!(tools(&[Server::Varnish]), [false, true, true]);
        assert_eq!(tools(&[Server::Nginx]), [false, false, true]);
        check(&[], [false, true, true]);
    }

    #[test]
    fn placeholders_are_known() {
        for cause in Cause::ALL {
            for step in advice(*cause).next_steps {
                for (at, _) in step.match_indices('{') {
                    let rest = &step[at..];
                    let is_known = rest.starts_with("{scope}") || rest.starts_with("{host}");
                    // awk programs and curl formats have braces of their own.
                    assert!(
                        is_known
                            || rest.starts_with("{print")
                            || rest.starts_with("{time_")
                            || rest.starts_with("{LogName"),
                        "{step}"
                    );
                }
            }
        }
    }
}
