//! What to do about each cause: how it shows in logs, and next steps as commands.
//!
//! In: a [`Cause`]. Out: static texts, and the page of `logscan503 explain ID`.
//! Invariants: every cause has advice (the match is exhaustive); steps are commands where a command exists, with the
//! placeholders `{scope}` (peer, group, zone, unit or file of the incident), `{socket}` (a scope that is a file) and
//! `{host}`, which reports fill in.
//! Source: documentation of the named servers and tools; `sources` per cause.

use std::fmt::Write;

use crate::taxonomy::{Cause, Server};

/// What is known about a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advice {
    /// How it shows in logs.
    pub shows: &'static [&'static str],
    /// What to do, most useful first.
    pub next_steps: &'static [Step],
    /// Where this is documented.
    pub sources: &'static [&'static str],
}

/// Something to do, by what it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing that is tied to a server.
    Any(&'static str),
    /// A shell on the servers' own machine.
    Shell(&'static str),
    /// PowerShell, or a tool of Windows.
    Windows(&'static str),
    /// The configuration of nginx.
    Nginx(&'static str),
    /// The configuration of Apache.
    Apache(&'static str),
    /// `HAProxy`'s socket for commands.
    Haproxy(&'static str),
    /// Varnish's tools.
    Varnish(&'static str),
    /// Kubernetes' tools.
    Kubernetes(&'static str),
    /// A scope that is an address: a proxy's own names for its servers are none.
    Address(&'static str),
}

impl Step {
    /// What to do, with placeholders.
    pub const fn text(self) -> &'static str {
        match self {
            Step::Any(text)
            | Step::Shell(text)
            | Step::Windows(text)
            | Step::Nginx(text)
            | Step::Apache(text)
            | Step::Haproxy(text)
            | Step::Varnish(text)
            | Step::Kubernetes(text)
            | Step::Address(text) => text,
        }
    }

    /// False for the tools of other servers than those whose logs were read.
    pub fn suits(self, servers: &[Server]) -> bool {
        let is_windows = |server: &Server| matches!(server, Server::Iis | Server::Windows);
        let has_no_shell = |server: &Server| is_windows(server) || server.is_managed();
        let is_named = |server: &&Server| !matches!(server, Server::Unknown | Server::Application);
        let all_named = |is: &dyn Fn(&Server) -> bool| {
            let mut named = servers.iter().filter(is_named).peekable();
            named.peek().is_some() && named.all(is)
        };
        match self {
            Step::Any(_) => true,
            Step::Shell(_) => !all_named(&has_no_shell),
            Step::Windows(_) => servers.iter().any(is_windows),
            Step::Nginx(_) => {
                let is_other = |server: &Server| {
                    is_web(*server) || is_windows(server) || *server == Server::Kubernetes
                };
                servers.contains(&Server::Nginx) || !servers.iter().any(is_other)
            }
            Step::Apache(_) => servers.is_empty() || servers.contains(&Server::Apache),
            Step::Haproxy(_) => servers.is_empty() || servers.contains(&Server::Haproxy),
            Step::Varnish(_) => servers.is_empty() || servers.contains(&Server::Varnish),
            Step::Kubernetes(_) => servers.is_empty() || servers.contains(&Server::Kubernetes),
            Step::Address(_) => {
                servers.is_empty()
                    || !servers
                        .iter()
                        .filter(is_named)
                        .all(|server| matches!(server, Server::Haproxy | Server::Heroku))
            }
        }
    }
}

/// True for servers that take requests.
fn is_web(server: Server) -> bool {
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
}

/// The advice for a cause.
pub const fn advice(cause: Cause) -> &'static Advice {
    use Step::{Address, Any, Apache, Haproxy, Kubernetes, Nginx, Shell, Varnish, Windows};
    match cause {
        Cause::AppPoolStopped => &Advice {
            shows: &[
                "HTTPERR: 503 with reason Disabled and the pool name; nothing in the site log",
                "AppOffline instead of Disabled: rapid-fail protection did it",
            ],
            next_steps: &[
                Windows("PowerShell: Get-WebAppPoolState -Name '{scope}'"),
                Windows(
                    "PowerShell: Start-WebAppPool -Name '{scope}'; if it stops again at once, read the crash before the next start",
                ),
                Windows(
                    "PowerShell: Get-WinEvent -FilterHashtable @{LogName='System';ProviderName='Microsoft-Windows-WAS'} -MaxEvents 50",
                ),
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
                Windows(
                    "PowerShell: Get-ItemProperty 'IIS:\\AppPools\\{scope}' -Name recycling.periodicRestart",
                ),
                Windows("appcmd list apppool \"{scope}\" /text:recycling"),
                Any(
                    "allow overlapped recycling and preload the application (startMode AlwaysRunning)",
                ),
            ],
            sources: &["learn.microsoft.com: IIS application pools"],
        },
        Cause::RapidFailProtection => &Advice {
            shows: &[
                "System event log: several WAS 5009 or 5011, then 5002 for the pool",
                "HTTPERR: AppOffline from then on",
            ],
            next_steps: &[
                Windows(
                    "PowerShell: Get-WinEvent -FilterHashtable @{LogName='Application';ProviderName='Application Error','.NET Runtime'} -MaxEvents 20",
                ),
                Windows("fix the crash, then PowerShell: Start-WebAppPool -Name '{scope}'"),
                Windows("PowerShell: Get-ItemProperty 'IIS:\\AppPools\\{scope}' -Name failure"),
            ],
            sources: &["learn.microsoft.com: IIS application pools"],
        },
        Cause::AppOffline => &Advice {
            shows: &[
                "IIS: app_offline.htm in the site root, 503 with sub-status 0",
                "a constant page while a deploy runs",
            ],
            next_steps: &[
                Windows("PowerShell: Get-ChildItem -Recurse -Filter app_offline.htm C:\\inetpub"),
                Any("check whether a deploy was interrupted; remove the file when it is over"),
            ],
            sources: &["learn.microsoft.com: app_offline.htm"],
        },
        Cause::CpuLimit => &Advice {
            shows: &[
                "HTTPERR: 503 with reason AppShutdown and the pool name",
                "cgroups: throttled periods rise while latency rises",
            ],
            next_steps: &[
                Windows("PowerShell: Get-ItemProperty 'IIS:\\AppPools\\{scope}' -Name cpu"),
                Shell("systemctl show {scope} -p CPUQuotaPerSecUSec"),
                Any("kubectl top pod -A | sort -k3 -rn | head"),
            ],
            sources: &["learn.microsoft.com: IIS application pools", "systemd.resource-control(5)"],
        },
        Cause::ProcessCrashed => &Advice {
            shows: &[
                "nginx: `worker process N exited on signal 11`; signal 9 means killed, often for memory",
                "systemd: `Main process exited, code=dumped`; IIS: WAS 5011 and Application Error 1000",
            ],
            next_steps: &[
                Shell("journalctl -k --grep \"oom|segfault\" --since -1h"),
                Any("coredumpctl list"),
                Shell("journalctl -u {scope} -n 100"),
                Any("compare the first crash with the last deploy or module update"),
            ],
            sources: &["nginx.org: core functionality", "coredumpctl(1)"],
        },
        Cause::StartupFailure => &Advice {
            shows: &[
                "nginx: `[emerg] bind() to ... failed (98`, `host not found in upstream`",
                "systemd: `Failed to start`; application log: exception while booting",
            ],
            next_steps: &[
                Nginx("nginx -t"),
                Shell("ss -ltnp"),
                Shell("journalctl -u {scope} -b -n 100"),
                Shell("systemctl status {scope}"),
                Any("if a deploy came just before: roll program and configuration back together"),
            ],
            sources: &["nginx.org: core functionality", "systemd.unit(5), systemd.service(5)"],
        },
        Cause::RestartLimitHit => &Advice {
            shows: &[
                "systemd: `Start request repeated too quickly`, `start-limit-hit`",
                "kubernetes: CrashLoopBackOff",
            ],
            next_steps: &[
                Shell("journalctl -u {scope} -n 200, read the first failure, not the last"),
                Shell("systemctl reset-failed {scope} && systemctl start {scope}"),
                Any("kubectl logs --previous POD"),
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
                Shell("journalctl -k --grep \"oom\" --since -2h"),
                Shell("systemctl show {scope} -p MemoryMax,MemoryPeak"),
                Any("kubectl describe pod POD | grep -A5 \"Last State\""),
                Any("find what grew: compare memory of the process before the kill with its limit"),
            ],
            sources: &["kernel.org: memory management, OOM", "systemd.resource-control(5)"],
        },
        Cause::ServiceStopped => &Advice {
            shows: &[
                "nginx: `signal 15 (SIGTERM) received`, `signal 3 (SIGQUIT) received`",
                "in front of it: connect() failed (111",
            ],
            next_steps: &[
                Shell("systemctl status {scope}"),
                Shell("journalctl -u {scope} -n 50, to see who stopped it"),
                Any("last -x | head; grep sudo /var/log/auth.log | tail"),
            ],
            sources: &["nginx.org: core functionality", "systemd.unit(5), systemd.service(5)"],
        },
        Cause::NoLiveUpstreams => &Advice {
            shows: &[
                "nginx: `no live upstreams while connecting to upstream`, 502, `$upstream_addr` holds the group name",
                "ingress-nginx: 503 and `does not have any active Endpoint`; HAProxy: `<NOSRV>`, state SC--; Envoy: UH",
            ],
            next_steps: &[
                Nginx("nginx -T | grep -A15 \"upstream {scope}\""),
                Haproxy(
                    "echo \"show servers state {scope}\" | socat stdio /run/haproxy/admin.sock, and `show stat` for last_chk of each server",
                ),
                Varnish("varnishadm backend.list -p"),
                Any(
                    "curl -sv http://BACKEND/health for each server of the group, and look at the first that failed",
                ),
                Shell("ss -ltnp on the backends: does the process listen?"),
                Any("kubectl get endpointslices -A; kubectl get pods -o wide"),
                Nginx(
                    "one refused connection disables a server for fail_timeout (10 s): consider max_fails and fail_timeout",
                ),
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
                Address("ss -ltnp | grep {scope}, on the backend"),
                Address("ls -l {socket}; ss -lxp | grep {socket}: does the program listen there?"),
                Haproxy(
                    "echo \"show servers state\" | socat stdio /run/haproxy/admin.sock: the address of {scope}, then ss -ltnp there",
                ),
                Varnish("varnishlog -g request -q 'FetchError' -i FetchError,BackendOpen,ReqURL"),
                Shell("systemctl status of the backend service; journalctl -u UNIT -n 100"),
                Address("curl -sv http://{scope}/"),
                Any("ls -l of the socket, when it is a unix socket"),
                Nginx("nginx -T | grep -n {scope}: is the address still right?"),
            ],
            sources: &["nginx.org: ngx_http_upstream_module", "nginx.org: ngx_http_proxy_module"],
        },
        Cause::UpstreamTimeout => &Advice {
            shows: &[
                "nginx: `upstream timed out (110`, 504; the words after `while` tell the phase",
                "HAProxy: sH--, sC--; Envoy: UT; Apache: AH01102, 504 or 502",
            ],
            next_steps: &[
                Address(
                    "phase connecting: packet loss, firewall or full accept queue: curl -o /dev/null -w \"%{time_connect}\" http://{scope}/",
                ),
                Any(
                    "phase response header: the application is slow: look for what it waits for (database, locks, CPU)",
                ),
                Nginx("nginx -T | grep -E \"_(connect|send|read)_timeout\""),
                Any("on the backend: top, vmstat 1, thread dump, slow query log"),
            ],
            sources: &["nginx.org: ngx_http_proxy_module", "nginx.org: ngx_http_upstream_module"],
        },
        Cause::UpstreamReset => &Advice {
            shows: &[
                "nginx: `upstream prematurely closed connection`, `recv() failed (104`, 502",
                "HAProxy: SH--; Envoy: UC, UR; Apache: AH01102",
            ],
            next_steps: &[
                Shell(
                    "journalctl -u UNIT of the backend at that second: crash, worker timeout, restart, memory kill",
                ),
                Any(
                    "keepalive of the backend shorter than that of the proxy gives resets on idle connections: compare keepalive_timeout on both sides",
                ),
                Shell("dmesg -T | grep -iE \"oom|segfault\" on the backend"),
            ],
            sources: &["nginx.org: ngx_http_proxy_module", "nginx.org: ngx_http_upstream_module"],
        },
        Cause::UpstreamDns => &Advice {
            shows: &[
                "nginx: `could not be resolved (3: Host not found)`, `(110: Operation timed out)`, `no resolver defined`, 502",
            ],
            next_steps: &[
                Any("dig +short {scope} @RESOLVER, with the address of the `resolver` directive"),
                Nginx("nginx -T | grep -n resolver"),
                Any(
                    "nginx does not read /etc/hosts or search domains for names in variables: use the full name",
                ),
                Any("kubectl -n kube-system logs -l k8s-app=kube-dns --tail=50"),
            ],
            sources: &["nginx.org: resolver directive"],
        },
        Cause::UpstreamTls => &Advice {
            shows: &[
                "nginx: `SSL_do_handshake() failed ... while SSL handshaking to upstream`, `upstream SSL certificate verify error`, 502",
                "Envoy: UF with a TLS error in the transport failure reason",
            ],
            next_steps: &[
                Any("openssl s_client -connect {scope} -servername {host} </dev/null"),
                Nginx("nginx -T | grep -E \"proxy_ssl_|proxy_pass\""),
                Any(
                    "`wrong version number` means plain HTTP on that port; `handshake failure` often means no SNI (proxy_ssl_server_name on) or a client certificate is wanted",
                ),
            ],
            sources: &["nginx.org: proxy_ssl_* directives"],
        },
        Cause::Upstream503 => &Advice {
            shows: &[
                "access log: last `$upstream_status` is 503; nginx writes no error line",
                "HAProxy: ---- with 503; CDN: origin status 503",
            ],
            next_steps: &[
                Any("read the log of {scope} at the same second: it made the 503"),
                Address("curl -sv http://{scope}/PATH, past the proxy"),
                Any("load the backend's logs with these to follow the requests to it"),
            ],
            sources: &["nginx.org: ngx_http_upstream_module"],
        },
        Cause::UpstreamError => &Advice {
            shows: &[
                "access log: `$upstream_status` 500, 502 or 504 with a header time, turned into this status by `error_page`",
                "nginx with PHP: `PHP Fatal error` in FastCGI stderr",
            ],
            next_steps: &[
                Any("read the application log of {scope} at the same second"),
                Nginx("nginx -T | grep -n -E \"error_page|intercept_errors\""),
            ],
            sources: &["nginx.org: ngx_http_proxy_module"],
        },
        Cause::UpstreamInvalidResponse => &Advice {
            shows: &[
                "nginx: `upstream sent too big header`, `upstream sent invalid header`, `upstream sent no valid HTTP/1.0 header`",
                "HAProxy: PH--; Envoy: UPE",
            ],
            next_steps: &[
                Address("curl -sv http://{scope}/PATH --raw | head -c 600"),
                Any(
                    "too big: proxy_buffer_size / fastcgi_buffer_size, and find the cookie or header that grew",
                ),
                Any(
                    "no valid HTTP: wrong port or protocol (TLS or FastCGI port spoken to as HTTP)",
                ),
            ],
            sources: &["nginx.org: ngx_http_proxy_module"],
        },
        Cause::NoRoute => &Advice {
            shows: &[
                "Envoy: NR; Traefik and generated proxies: fixed 404 or 503 for unknown hosts",
                "HAProxy: <NOSRV> with no backend rule",
            ],
            next_steps: &[
                Any("curl -sv -H \"Host: {host}\" http://PROXY/"),
                Nginx("nginx -T | grep -n server_name"),
                Any("kubectl get ingress -A | grep {host}"),
            ],
            sources: &["envoyproxy.io: response flags"],
        },
        Cause::WorkerLimit => &Advice {
            shows: &[
                "nginx: `worker_connections are not enough`, 500 or dropped; Apache: AH00484",
                "php-fpm: `reached pm.max_children`; in front: 504, or (11: Resource temporarily unavailable)",
            ],
            next_steps: &[
                Nginx("nginx -T | grep -E \"worker_(connections|processes|rlimit)\""),
                Shell("ss -s; ss -tn state established | wc -l"),
                Any(
                    "find what holds them: slow backends and long keepalives fill workers; more of them only buys time",
                ),
                Any("php-fpm: pm.max_children against memory, request_terminate_timeout"),
            ],
            sources: &["nginx.org: core functionality", "php.net: FPM configuration"],
        },
        Cause::RequestQueueFull => &Advice {
            shows: &[
                "nginx: `connect() to unix:... failed (11: Resource temporarily unavailable)`, 502",
                "HTTPERR: QueueFull, 503; kernel: `Possible SYN flooding`",
            ],
            next_steps: &[
                Shell("ss -lxn | grep {socket}: Recv-Q against Send-Q is queue against limit"),
                Shell("ss -ltn: Recv-Q against Send-Q is queue against limit"),
                Shell(
                    "the workers behind the socket are busy: look for what they wait for, then listen.backlog and net.core.somaxconn",
                ),
                Windows("PowerShell: Get-ItemProperty 'IIS:\\AppPools\\{scope}' -Name queueLength"),
            ],
            sources: &["listen(2)", "learn.microsoft.com: error logging in HTTP APIs (HTTPERR)"],
        },
        Cause::RequestQueueTimeout => &Advice {
            shows: &["HAProxy: sQ-- with 503; HTTPERR: AppPoolTimer with 503"],
            next_steps: &[
                Any(
                    "compare the queue time with the response time: slow service, or too few workers?",
                ),
                Haproxy(
                    "echo \"show servers state\" | socat stdio /run/haproxy/admin.sock; show stat: qcur, scur against slim",
                ),
                Any("raise concurrency only with the memory for it; else shed earlier"),
            ],
            sources: &["haproxy configuration manual: timeout queue"],
        },
        Cause::ConnectionLimit => &Advice {
            shows: &[
                "nginx: `limiting connections by zone`, 503; `$limit_conn_status` REJECTED",
                "HAProxy: maxconn; IIS: ConnLimit in HTTPERR",
                "Apache: AH00941 (all connections of a child to the backend in use), `mod_qos(...)`",
            ],
            next_steps: &[
                Nginx("nginx -T | grep -n limit_conn"),
                Apache(
                    "AH00941: answers of {scope} are slow or its pool is small: compare %D with the time before, then ProxyPass max= and acquire=",
                ),
                Shell(
                    "count connections per client: ss -tn state established | awk '{print $4}' | sed 's/:[0-9]*$//' | sort | uniq -c | sort -rn | head",
                ),
                Nginx(
                    "behind a CDN or load balancer all clients share an address unless set_real_ip_from is set",
                ),
                Apache(
                    "mod_qos: behind a load balancer all clients share an address unless mod_remoteip names them",
                ),
            ],
            sources: &["nginx.org: ngx_http_limit_conn_module", "httpd.apache.org: mod_proxy"],
        },
        Cause::ConcurrencyLimit => &Advice {
            shows: &[
                "Envoy: UO, adaptive concurrency; serverless: throttles; IIS: 503.2 (appConcurrentRequestLimit)",
            ],
            next_steps: &[
                Any("compare the limit with requests in flight at the onset"),
                Any("find the slow dependency first: concurrency rises when latency does"),
            ],
            sources: &["envoyproxy.io: response flags", "learn.microsoft.com: IIS status codes"],
        },
        Cause::FdExhausted => &Advice {
            shows: &[
                "nginx: `(24: Too many open files)` in accept4(), socket() or open(); 500 or no answer",
                "HAProxy: reached system FD limit; Java: `Too many open files`",
            ],
            next_steps: &[
                Nginx("grep \"open files\" /proc/$(cat /run/nginx.pid)/limits"),
                Any(
                    "ls /proc/PID/fd | wc -l, and by kind: ls -l /proc/PID/fd | awk '{print $NF}' | sort | uniq -c | sort -rn | head",
                ),
                Nginx("worker_rlimit_nofile above 2 x worker_connections"),
                Any("LimitNOFILE= in the unit of the service; ulimits of the container"),
                Any("cat /proc/sys/fs/file-nr, for (23: the whole system is out)"),
            ],
            sources: &["nginx.org: core functionality", "systemd.exec(5)"],
        },
        Cause::PortExhausted => &Advice {
            shows: &["nginx: `connect() to ... failed (99: Cannot assign requested address)`, 502"],
            next_steps: &[
                Shell("ss -tan | awk '{print $1}' | sort | uniq -c, many TIME-WAIT to {scope}?"),
                Any("use upstream keepalive (keepalive N; proxy_http_version 1.1)"),
                Any("sysctl net.ipv4.ip_local_port_range net.ipv4.tcp_tw_reuse"),
            ],
            sources: &["nginx.org: ngx_http_upstream_module", "ip(7)"],
        },
        Cause::MemoryExhausted => &Advice {
            shows: &[
                "nginx: `malloc() failed (12`, `could not allocate node`, `ngx_slab_alloc() failed: no memory`",
                "PHP: `Allowed memory size of N bytes exhausted`; Java: OutOfMemoryError",
            ],
            next_steps: &[
                Any("free -m; systemctl show {scope} -p MemoryCurrent,MemoryMax"),
                Any("a full zone: nginx -T | grep -E \"zone=\" and enlarge {scope}"),
                Any("PHP: memory_limit, and the script named in the message"),
            ],
            sources: &["nginx.org: ngx_http_limit_req_module", "php.net: memory_limit"],
        },
        Cause::DiskFull => &Advice {
            shows: &[
                "nginx: `failed (28: No space left on device)`, 500 or cut bodies; access lines get lost",
                "databases: read only or `could not extend file`",
            ],
            next_steps: &[
                Any("df -h; df -i"),
                Any("du -xh --max-depth=2 / 2>/dev/null | sort -h | tail"),
                Any("lsof +L1, deleted files that are still open"),
                Any("logrotate -f /etc/logrotate.conf, when logs filled it"),
            ],
            sources: &["df(1)", "nginx.org: client_body_temp_path"],
        },
        Cause::RateLimited => &Advice {
            shows: &[
                "nginx: `limiting requests, excess: N by zone`, 503 unless limit_req_status; `$limit_req_status` REJECTED",
                "CDN and gateways usually answer 429",
            ],
            next_steps: &[
                Nginx("nginx -T | grep -n limit_req"),
                Any(
                    "who is it: count the clients of the rejected requests; one client is abuse, all of them is a limit too low or a shared address",
                ),
                Any("behind a proxy restore client addresses: set_real_ip_from, real_ip_header"),
                Any("answer 429 instead: limit_req_status 429"),
            ],
            sources: &["nginx.org: ngx_http_limit_req_module"],
        },
        Cause::CircuitBreakerOpen => &Advice {
            shows: &[
                "Envoy: UO (upstream overflow); resilience4j: CallNotPermittedException; Hystrix: short-circuited",
            ],
            next_steps: &[
                Any("find the failures that opened it: they are the cause"),
                Any(
                    "Envoy: curl -s localhost:9901/clusters | grep -E \"cx_active|rq_pending|overflow\"",
                ),
            ],
            sources: &["envoyproxy.io: circuit breaking"],
        },
        Cause::OverloadShed => &Advice {
            shows: &[
                "Envoy: OM or overload manager; application: load shedding message; HAProxy: queue limits",
            ],
            next_steps: &[
                Any("compare the request rate with the same hour of other days"),
                Any("add capacity, or lower demand (cache, batch jobs, bots)"),
            ],
            sources: &["envoyproxy.io: overload manager"],
        },
        Cause::PolicyDenied => &Advice {
            shows: &[
                "ModSecurity: `Access denied with code 503`; WAF or CDN action; HAProxy: PR--",
            ],
            next_steps: &[
                Any("find the rule id in the audit log and test the request against it"),
                Any("confirm that it is meant; a false positive hits one path or parameter"),
            ],
            sources: &["modsecurity.org: reference manual"],
        },
        Cause::FaultInjected => &Advice {
            shows: &["Envoy: FI (fault filter abort), DI; chaos tooling announces its runs"],
            next_steps: &[
                Any("kubectl get virtualservice -A -o yaml | grep -A5 fault:"),
                Any("ask who runs an experiment, and end it"),
            ],
            sources: &["istio.io: fault injection"],
        },
        Cause::Maintenance => &Advice {
            shows: &[
                "nginx: `return 503` writes no error line: upstream fields `-`, request time 0.000, constant size",
                "a maintenance flag or page in the configuration",
            ],
            next_steps: &[
                Nginx("nginx -T | grep -n \"503\""),
                Any("ls -l of the flag file that the configuration tests"),
                Any("confirm the window; send Retry-After with the page"),
            ],
            sources: &["nginx.org: ngx_http_rewrite_module (return)"],
        },
        Cause::HealthCheckFailed => &Advice {
            shows: &[
                "nginx: `upstream server temporarily disabled` (passive); HAProxy: `Server b/s is DOWN, reason:`",
                "load balancers: unhealthy target; kubernetes: `Readiness probe failed`",
            ],
            next_steps: &[
                Address(
                    "curl -sv http://{scope}/HEALTH-PATH, as the checker does: same port, path, host",
                ),
                Haproxy(
                    "echo \"show stat\" | socat stdio /run/haproxy/admin.sock | cut -d, -f1,2,18,37,57: state and last check of each server",
                ),
                Varnish("varnishadm backend.list -p"),
                Kubernetes(
                    "kubectl describe pod POD | tail -20; kubectl get events --sort-by=.lastTimestamp | tail",
                ),
                Any("if all members failed at once, suspect the check or a shared dependency"),
                Nginx("nginx -T | grep -E \"max_fails|fail_timeout|health_check\""),
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
                Any("kubectl get pods -o wide; kubectl describe pod POD | tail -20"),
                Any(
                    "let rollouts wait for readiness: maxUnavailable 0, a probe that tests what is needed",
                ),
            ],
            sources: &["kubernetes.io: debug services, pod lifecycle"],
        },
        Cause::Draining => &Advice {
            shows: &[
                "HAProxy: `Server b/s is going DOWN for maintenance` or drain; nginx: `gracefully shutting down`; targets deregistering",
            ],
            next_steps: &[
                Any(
                    "keep the old instance until the new one is ready; wait (preStop sleep) before stopping",
                ),
                Any("check the deregistration delay of the load balancer"),
            ],
            sources: &["kubernetes.io: debug services, pod lifecycle", "haproxy management guide"],
        },
        Cause::DeployInProgress => &Advice {
            shows: &[
                "nginx: `signal 1 (SIGHUP) received ..., reconfiguring`; ingress: `backend reload required`",
                "unit restarts, image pulls, migration logs just before the onset",
            ],
            next_steps: &[
                Any("compare what changed: git log, helm history, kubectl rollout history"),
                Any(
                    "kubectl rollout undo deployment/NAME, or roll back program and configuration together",
                ),
                Any("verify with requests on the affected paths"),
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
                Any("pg_isready -h HOST; mysqladmin -h HOST ping"),
                Any("count connections: SELECT count(*) FROM pg_stat_activity; SHOW PROCESSLIST"),
                Any(
                    "restore the database first, then restart the application so that its pool reconnects",
                ),
            ],
            sources: &["postgresql.org: error codes", "dev.mysql.com: server error reference"],
        },
        Cause::DependencyCache => &Advice {
            shows: &[
                "application: RedisException, `Error 111 connecting to`, LOADING, MISCONF, READONLY",
            ],
            next_steps: &[
                Any(
                    "redis-cli -h HOST ping; redis-cli info | grep -E \"loading|used_memory|connected\"",
                ),
                Any("MISCONF means its disk is full; READONLY means a failover is under way"),
            ],
            sources: &["redis.io: troubleshooting"],
        },
        Cause::DependencyQueue => &Advice {
            shows: &[
                "application: connection to broker lost, publish timeouts; RabbitMQ: memory or disk alarm blocks publishers",
            ],
            next_steps: &[
                Any("rabbitmqctl status | grep -A5 alarms; rabbitmqctl list_queues"),
                Any("kafka-topics.sh --describe --under-replicated-partitions"),
            ],
            sources: &["rabbitmq.com: alarms"],
        },
        Cause::DependencyHttp => &Advice {
            shows: &[
                "application: timeouts or 5xx of another service; nginx Lua: `lua tcp socket connect timed out`",
            ],
            next_steps: &[
                Any("curl -sv of the service from the application's host"),
                Any("look at that service's own log and status page"),
                Any("set a timeout shorter than that of the caller, and a fallback"),
            ],
            sources: &["service documentation"],
        },
        Cause::AuthDependency => &Advice {
            shows: &[
                "nginx: `auth request unexpected status: N`, 500",
                "application: token or JWKS endpoint fails",
            ],
            next_steps: &[
                Nginx("nginx -T | grep -n -A3 auth_request"),
                Any("curl -sv of the authorization endpoint"),
                Any("read the log of the authorization service at the same second"),
            ],
            sources: &["nginx.org: ngx_http_auth_request_module"],
        },
        Cause::DnsFailure => &Advice {
            shows: &[
                "nginx: `send() failed (111 ... while resolving, resolver:`; systemd-resolved: degraded feature set; `SERVFAIL`",
            ],
            next_steps: &[
                Any("dig {host} @RESOLVER; resolvectl status"),
                Shell("journalctl -u systemd-resolved -n 50"),
                Any("kubectl -n kube-system get pods -l k8s-app=kube-dns"),
            ],
            sources: &["nginx.org: resolver directive", "resolvectl(1)"],
        },
        Cause::ConfigError => &Advice {
            shows: &[
                "nginx: `[emerg] ... in FILE:LINE` (the old configuration keeps running), `redirection cycle`",
                "Apache: `Syntax error on line`; HAProxy: `Fatal errors found in configuration`",
            ],
            next_steps: &[
                Nginx("nginx -t"),
                Any("look at the file and line of the message: {scope}"),
                Any("test before reload: nginx -t && systemctl reload nginx"),
            ],
            sources: &["nginx.org: core functionality"],
        },
        Cause::ConfigPermission => &Advice {
            shows: &[
                "nginx: `connect() to unix:... failed (13: Permission denied)`; `open() ... failed (13` for temporary files",
            ],
            next_steps: &[
                Any("namei -l PATH of the socket or directory"),
                Any(
                    "ps -o user,group,cmd -C nginx; socket mode: listen.owner, listen.group, listen.mode",
                ),
                Any("ausearch -m avc -ts recent; getsebool httpd_can_network_connect"),
                Shell("dmesg | grep apparmor"),
            ],
            sources: &["nginx.org: user directive", "selinux(8)"],
        },
        Cause::CertificateExpired => &Advice {
            shows: &[
                "nginx: `upstream SSL certificate verify error: (10:certificate has expired)`; alert `certificate expired`",
            ],
            next_steps: &[
                Any(
                    "openssl s_client -connect {scope} -servername {host} </dev/null | openssl x509 -noout -dates -subject",
                ),
                Any(
                    "renew it and reload; find why the renewal job did not run (systemctl list-timers)",
                ),
            ],
            sources: &["openssl-s_client(1)"],
        },
        Cause::ClientAborted => &Advice {
            shows: &[
                "nginx: 499 and `client prematurely closed connection`; HAProxy: CD--, CC--; Envoy: DC",
            ],
            next_steps: &[
                Any("compare with the response time: clients leave when answers are slow"),
                Any("check the client or load balancer timeout in front"),
            ],
            sources: &["nginx.org: proxy_ignore_client_abort"],
        },
        Cause::TrafficSurge => &Advice {
            shows: &[
                "access log: requests per second above the time before, errors follow the rise",
            ],
            next_steps: &[
                Any("who: count requests per client, agent and path before and during"),
                Any("scale out or limit the few; cache what is asked for most"),
                Any("protect the backend: limit_req, queue limits"),
            ],
            sources: &["sre.google: handling overload"],
        },
        Cause::RetryStorm => &Advice {
            shows: &[
                "access log: the same client and target again within seconds; requests rise while successes fall",
            ],
            next_steps: &[
                Any("exponential backoff with jitter and at most 3 to 5 tries; send Retry-After"),
                Nginx("nginx -T | grep -E \"proxy_next_upstream\": limit tries and time"),
            ],
            sources: &["sre.google: addressing cascading failures"],
        },
        Cause::CachedError => &Advice {
            shows: &[
                "nginx: `$upstream_cache_status` HIT with an error status; CDN: hit with 5xx and a positive age",
            ],
            next_steps: &[
                Nginx("nginx -T | grep -E \"proxy_cache_valid|cache_use_stale\""),
                Any("purge the affected URLs once the origin is well"),
                Any("do not cache 5xx, or for seconds only"),
            ],
            sources: &["nginx.org: proxy_cache_valid"],
        },
        Cause::CdnOriginUnreachable => &Advice {
            shows: &[
                "Cloudflare: 52x; CloudFront: Origin... in x-edge-detailed-result-type; origin status empty or 0",
                "Varnish: `Backend fetch failed`, FetchError in varnishlog",
            ],
            next_steps: &[
                Varnish("varnishadm backend.list -p"),
                Varnish("varnishlog -g request -q 'FetchError' -i FetchError,BackendOpen,ReqURL"),
                Any("curl -sv --resolve {host}:443:ORIGIN-ADDRESS https://{host}/"),
                Any("check that the origin's firewall admits the edge's current addresses"),
                Any("openssl s_client -connect ORIGIN:443 -servername {host}"),
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
                Any("read the function's log in the edge region"),
                Any("publish the previous version of the function"),
            ],
            sources: &["docs.aws.amazon.com: edge functions troubleshooting"],
        },
        Cause::CdnCapacity => &Advice {
            shows: &["CloudFront: CapacityExceeded in x-edge-detailed-result-type"],
            next_steps: &[
                Any("look at the provider's status page"),
                Any("ask for a higher quota; lower what reaches the edge function"),
            ],
            sources: &["docs.aws.amazon.com: CloudFront quotas"],
        },
    }
}

/// The page of `logscan503 explain ID`: meaning, typical role, signs, next steps, sources.
pub fn explain(cause: Cause) -> String {
    let advice = advice(cause);
    let mut page = format!("{cause}: {}\nrole: {}\n", cause.meaning(), cause.role());
    let steps: Vec<_> = advice.next_steps.iter().map(|step| step.text()).collect();
    for (title, items) in
        [("how it shows", advice.shows), ("next steps", &steps), ("sources", advice.sources)]
    {
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
            let steps: Vec<_> = advice.next_steps.iter().map(|step| step.text()).collect();
            for texts in [advice.shows, &steps, advice.sources] {
                assert!(!texts.is_empty() && texts.iter().all(|text| !text.is_empty()), "{cause}");
            }
            assert!(explain(*cause).starts_with(cause.as_str()));
        }
    }

    #[test]
    fn steps_are_for_the_servers_whose_logs_were_read() {
        let check = |servers: &[Server], fitting: [bool; 3]| {
            let steps = [Step::Windows("x"), Step::Shell("x"), Step::Nginx("x")];
            assert_eq!(steps.map(|step| step.suits(servers)), fitting, "{servers:?}");
            assert!(Step::Any("x").suits(servers));
        };
        check(&[Server::Nginx, Server::Unknown], [false, true, true]);
        check(&[Server::Apache], [false, true, false]);
        check(&[Server::Cloudflare], [false, false, false]);
        check(&[Server::Cloudflare, Server::Nginx], [false, true, true]);
        check(&[Server::Iis, Server::Windows, Server::Unknown], [true, false, false]);
        check(&[Server::Windows], [true, false, false]);
        check(&[Server::Nginx, Server::Iis], [true, true, true]);
        check(&[Server::Haproxy], [false, true, false]);
        let tools = |servers: &[Server]| {
            [Step::Haproxy("x"), Step::Varnish("x"), Step::Address("x")]
                .map(|step| step.suits(servers))
        };
        assert_eq!(tools(&[Server::Haproxy]), [true, false, false]);
        assert_eq!(tools(&[Server::Varnish]), [false, true, true]);
        assert_eq!(tools(&[Server::Nginx]), [false, false, true]);
        check(&[], [false, true, true]);
        assert!(!Step::Nginx("x").suits(&[Server::Kubernetes]));
        assert!(Step::Apache("x").suits(&[Server::Apache, Server::Varnish]));
        assert!(!Step::Apache("x").suits(&[Server::Nginx]));
        assert!(Step::Kubernetes("x").suits(&[Server::Kubernetes, Server::Nginx]));
        assert!(!Step::Kubernetes("x").suits(&[Server::Nginx]));
    }

    #[test]
    fn placeholders_are_known() {
        for cause in Cause::ALL {
            for step in advice(*cause).next_steps.iter().map(|step| step.text()) {
                for (at, _) in step.match_indices('{') {
                    let rest = &step[at..];
                    let names = ["{scope}", "{socket}", "{host}"];
                    let is_known = names.into_iter().any(|name| rest.starts_with(name));
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
