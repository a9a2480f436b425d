//! What applications and their servers say: PHP-FPM, gunicorn, uWSGI, Unicorn, Puma, Passenger, Node, PM2, Tomcat and
//! the JVM, .NET, Go, and circuit breakers.
//!
//! In: nothing. Out: [`RULES`], part of the cause table. These servers hardly ever answer 503 themselves: they stop
//! taking requests, and the server in front answers. So the rows explain no request; they are signals and changes.
//! Source: per row; wordings of several versions where they differ.

use super::{BASE as NGINX_BASE, CauseRule};
use crate::cause::{ChangeKind, RuleKind, Scope};
use crate::taxonomy::{Cause, Origin, Server};

/// What a row does not say.
const BASE: CauseRule = CauseRule { server: Server::Application, ..NGINX_BASE };

const MAYBE_POOL: &str = r"(?-u)^(?s:.*?\[pool (?<scope>[^\]]*)\])?";
const CHILD: &str = r"(?-u)\[pool (?<scope>[^\]]*)\] child (?<detail>[0-9]+)";
const PID: &str = "(?-u)pid: ?(?<scope>[0-9]+)";
const SIGNAL: &str = "(?-u)worker (?<scope>[0-9]+) .*?killed by signal (?<detail>[0-9]+)";
const APP: &str = r"(?-u)App \[(?<scope>[^\]]*)\]";
const SRC_FPM: &str = "php-src sapi/fpm/fpm/fpm_children.c, fpm_process_ctl.c, fpm_request.c";
const SRC_GUNICORN: &str = "gunicorn/arbiter.py, sock.py";
const SRC_UWSGI: &str = "uWSGI core/master_checks.c, master_utils.c, uwsgi.c";
const SRC_UNICORN: &str = "Unicorn lib/unicorn/http_server.rb";
const SRC_PUMA: &str = "Puma lib/puma/cluster.rb, runner.rb, thread_pool.rb";
const SRC_PASSENGER: &str = "Passenger src/agent/Core/Controller, ApplicationPool2, SpawningKit";
const SRC_UNIT: &str = "NGINX Unit src/nxt_main_process.c, nxt_router.c, nxt_controller.c";
const SRC_LITESPEED: &str = "OpenLiteSpeed src/extensions/extworker.cpp, httpextconnector.cpp";
const SRC_PM2: &str = "PM2 lib/God.js, lib/Worker.js";
const SRC_NODE: &str = "Node.js src/node_errors.cc, lib/internal/errors.js";
const SRC_TOMCAT: &str = "Apache Tomcat org/apache/catalina/core, tomcat/util/net";
const SRC_JVM: &str = "OpenJDK src/hotspot/share/utilities/debug.cpp, java.base";
const SRC_DOTNET: &str = "dotnet/aspnetcore src/Servers, dotnet/runtime";
const SRC_GO: &str = "Go src/runtime/panic.go, net/http/server.go";
const SRC_BREAKER: &str = "Resilience4j, Hystrix, Polly, pybreaker: texts of their exceptions";
const SRC_ERRNO: &str = "the text of EMFILE (24) and ENFILE (23)";

/// The rows, in order of priority.
pub(super) const RULES: &[CauseRule] = &[
    // PHP-FPM.
    CauseRule {
        id: "app.fpm_max_children",
        needles: &[&["server reached "], &["max_children setting ("]],
        regex: MAYBE_POOL,
        cause: Some(Cause::WorkerLimit),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        scope: Scope::Name,
        note: "every worker of a PHP-FPM pool is busy",
        example: "[pool www] server reached pm.max_children setting (8), consider raising it",
        source: SRC_FPM,
        ..BASE
    },
    CauseRule {
        id: "app.fpm_busy",
        needles: &[&["seems busy (you may need to increase "], &[".start_servers"]],
        regex: MAYBE_POOL,
        cause: Some(Cause::WorkerLimit),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        scope: Scope::Name,
        note: "a PHP-FPM pool has hardly an idle worker left",
        example: "[pool www] seems busy (you may need to increase pm.start_servers, or pm.min/max_spare_servers), spawning 8 children, there are 0 idle, and 9 total children",
        source: SRC_FPM,
        ..BASE
    },
    CauseRule {
        id: "app.fpm_process_max",
        needles: &[&[
            "The maximum number of processes has been reached. Please review your configuration",
        ]],
        cause: Some(Cause::WorkerLimit),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        note: "PHP-FPM reached process.max",
        example: "The maximum number of processes has been reached. Please review your configuration and consider raising 'process.max'",
        source: SRC_FPM,
        ..BASE
    },
    CauseRule {
        id: "app.fpm_terminated",
        needles: &[&["] child "], &[" execution timed out ("], &["terminating"]],
        regex: CHILD,
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerKilled),
        scope: Scope::Name,
        note: "a PHP script ran over request_terminate_timeout and was killed",
        example: r#"[pool www] child 99, script '/a.php' (request: "GET /a.php") execution timed out (30.123456 sec), terminating"#,
        source: SRC_FPM,
        ..BASE
    },
    CauseRule {
        id: "app.fpm_slow",
        needles: &[&["] child "], &[" executing too slow ("]],
        regex: CHILD,
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        scope: Scope::Name,
        note: "a PHP script runs for longer than request_slowlog_timeout",
        example: r#"[pool www] child 99, script '/a.php' (request: "GET /a.php") executing too slow (5.123456 sec), logging"#,
        source: SRC_FPM,
        ..BASE
    },
    CauseRule {
        id: "app.fpm_child_killed",
        needles: &[&["] child "], &[" exited on signal 9 "]],
        regex: CHILD,
        cause: Some(Cause::OomKilled),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerKilled),
        scope: Scope::Name,
        note: "a PHP-FPM worker was killed, mostly for memory",
        example: "[pool www] child 99 exited on signal 9 (SIGKILL) after 12.345678 seconds from start",
        source: SRC_FPM,
        ..BASE
    },
    CauseRule {
        id: "app.fpm_child_stopped",
        needles: &[
            &["] child "],
            &[" exited on signal 15 ", " exited on signal 3 ", " exited with code 0 "],
        ],
        note: "a PHP-FPM worker was told to stop",
        example: "[pool www] child 99 exited with code 0 after 12.345678 seconds from start",
        source: SRC_FPM,
        ..BASE
    },
    CauseRule {
        id: "app.fpm_child_crashed",
        needles: &[&["] child "], &[" exited on signal ", " exited with code "]],
        regex: CHILD,
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        scope: Scope::Name,
        note: "a PHP-FPM worker crashed",
        example: "[pool www] child 99 exited on signal 11 (SIGSEGV) after 12.345678 seconds from start",
        source: SRC_FPM,
        ..BASE
    },
    CauseRule {
        id: "app.fpm_restart_limit",
        needles: &[&["failed processes threshold ("], &["is reached, initiating reload"]],
        cause: Some(Cause::RestartLimitHit),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ServiceStart),
        note: "PHP-FPM restarts as a whole after too many crashes",
        example: "failed processes threshold (10 in 60 sec) is reached, initiating reload",
        source: SRC_FPM,
        ..BASE
    },
    CauseRule {
        id: "app.fpm_no_memory",
        needles: &[&["fork() failed: Cannot allocate memory", "unable to malloc new child"]],
        cause: Some(Cause::MemoryExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        note: "no memory for another worker",
        example: "fork() failed: Cannot allocate memory (12)",
        source: SRC_FPM,
        ..BASE
    },
    CauseRule {
        id: "app.fpm_bind_failed",
        needles: &[&[
            "unable to bind listening socket for address ",
            "Another FPM instance seems to already listen on ",
            "FPM initialization failed",
        ]],
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        note: "PHP-FPM does not start",
        example: "unable to bind listening socket for address '/run/php.sock': Permission denied (13)",
        source: SRC_FPM,
        ..BASE
    },
    CauseRule {
        id: "app.fpm_started",
        needles: &[&["^fpm is running, pid ", "^ready to handle connections"]],
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStart),
        note: "PHP-FPM started",
        example: "fpm is running, pid 12",
        source: SRC_FPM,
        ..BASE
    },
    CauseRule {
        id: "app.fpm_reload",
        needles: &[&[r#"reloading: execvp(""#, "^Reloading in progress ..."]],
        kind: RuleKind::Lifecycle(ChangeKind::ConfigReload),
        note: "PHP-FPM reads its configuration again",
        example: r#"reloading: execvp("/usr/sbin/php-fpm8.2", {"/usr/sbin/php-fpm8.2", "--nodaemonize"})"#,
        source: SRC_FPM,
        ..BASE
    },
    CauseRule {
        id: "app.fpm_stopped",
        needles: &[&["^Terminating ...", "^Finishing ..."]],
        cause: Some(Cause::ServiceStopped),
        origin: Origin::LocalProcess,
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStop),
        note: "PHP-FPM stops",
        example: "Terminating ...",
        source: SRC_FPM,
        ..BASE
    },
    // Where a server of applications takes requests: what proxies name as their backend.
    CauseRule {
        id: "app.listening",
        needles: &[&[
            "^Listening at: ",
            "^Uvicorn running on ",
            "^Now listening on: ",
            "^* Listening on ",
            "^Listening on http",
            "^ * Running on http",
            "^Running on http",
        ]],
        regex: r"(?-u)(?:https?|tcp)://(?<scope>[^\s/]+:[0-9]+)",
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStart),
        scope: Scope::Name,
        note: "the application server takes requests",
        example: "Listening at: http://127.0.0.1:8000 (30697)",
        source: "gunicorn/arbiter.py, uvicorn/server.py, Kestrel, puma/binder.rb, werkzeug/serving.py, hypercorn",
        ..BASE
    },
    // gunicorn.
    CauseRule {
        id: "app.gunicorn_timeout",
        needles: &[&["WORKER TIMEOUT (pid:"]],
        regex: PID,
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerKilled),
        scope: Scope::Process,
        note: "a worker did not answer within `timeout` and is killed",
        example: "WORKER TIMEOUT (pid:99)",
        source: SRC_GUNICORN,
        ..BASE
    },
    CauseRule {
        id: "app.gunicorn_oom",
        needles: &[&["was sent SIGKILL! Perhaps out of memory?"]],
        regex: PID,
        cause: Some(Cause::OomKilled),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerKilled),
        scope: Scope::Process,
        note: "a worker was killed: for memory, or after its timeout",
        example: "Worker (pid:99) was sent SIGKILL! Perhaps out of memory?",
        source: SRC_GUNICORN,
        ..BASE
    },
    CauseRule {
        id: "app.gunicorn_stopped",
        needles: &[
            &["^Worker (pid:"],
            &["was sent SIGTERM!", "was sent SIGINT!", "was sent SIGQUIT!"],
        ],
        note: "a worker was told to stop",
        example: "Worker (pid:99) was sent SIGTERM!",
        source: SRC_GUNICORN,
        ..BASE
    },
    CauseRule {
        id: "app.gunicorn_boot_failed",
        needles: &[&[
            "Worker failed to boot.",
            "App failed to load.",
            "Exception in worker process",
            ") exited with code 3",
        ]],
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        note: "the application does not start",
        example: "Reason: Worker failed to boot.",
        source: SRC_GUNICORN,
        ..BASE
    },
    CauseRule {
        id: "app.gunicorn_crashed",
        needles: &[
            &["Worker (pid:", "Worker with pid "],
            &["was sent SIG", ") exited with code ", " was terminated due to signal "],
        ],
        regex: "(?-u)pid:? ?(?<scope>[0-9]+)",
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        scope: Scope::Process,
        note: "a worker died",
        example: "Worker (pid:99) was sent SIGSEGV!",
        source: SRC_GUNICORN,
        ..BASE
    },
    CauseRule {
        id: "app.gunicorn_bind_failed",
        needles: &[&["^Connection in use: (", "^Can't connect to ("]],
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        note: "the port is taken: the server does not start",
        example: "Connection in use: ('0.0.0.0', 8000)",
        source: SRC_GUNICORN,
        ..BASE
    },
    CauseRule {
        id: "app.gunicorn_recycled",
        needles: &[&["Autorestarting worker after current request."]],
        note: "a worker served max_requests and is replaced",
        example: "Autorestarting worker after current request.",
        source: SRC_GUNICORN,
        ..BASE
    },
    CauseRule {
        id: "app.gunicorn_started",
        needles: &[&["^Starting gunicorn "]],
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStart),
        note: "gunicorn started",
        example: "Starting gunicorn 23.0.0",
        source: SRC_GUNICORN,
        ..BASE
    },
    CauseRule {
        id: "app.gunicorn_reload",
        needles: &[&["^Hang up: Master", "^Handling signal: hup"]],
        kind: RuleKind::Lifecycle(ChangeKind::ConfigReload),
        note: "gunicorn replaces its workers",
        example: "Handling signal: hup",
        source: SRC_GUNICORN,
        ..BASE
    },
    CauseRule {
        id: "app.gunicorn_stop",
        needles: &[&["^Shutting down: Master", "^Handling signal: term", "^Handling signal: int"]],
        cause: Some(Cause::ServiceStopped),
        origin: Origin::LocalProcess,
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStop),
        note: "gunicorn stops",
        example: "Shutting down: Master",
        source: SRC_GUNICORN,
        ..BASE
    },
    CauseRule {
        id: "app.gunicorn_request_failed",
        needles: &[&["^Error handling request "]],
        kind: RuleKind::Pressure,
        note: "an exception in a request: 500",
        example: "Error handling request /a?b",
        source: SRC_GUNICORN,
        ..BASE
    },
    // uWSGI.
    CauseRule {
        id: "app.uwsgi_queue_full",
        needles: &[&["uWSGI listen queue of socket "], &[" full !!!"]],
        regex: r#"(?-u)socket "(?<scope>[^"]*)".*\((?<detail>[0-9]+/[0-9]+)\)"#,
        cause: Some(Cause::RequestQueueFull),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        scope: Scope::Name,
        note: "the listen queue of the application is full",
        example: r#"*** uWSGI listen queue of socket "127.0.0.1:3031" (fd: 3) full !!! (101/100) ***"#,
        source: SRC_UWSGI,
        ..BASE
    },
    CauseRule {
        id: "app.uwsgi_harakiri",
        needles: &[&[
            "HARAKIRI ON WORKER ",
            "HARAKIRI !!! worker ",
            "HARAKIRI triggered by worker ",
        ]],
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerKilled),
        note: "a request ran over `harakiri` and its worker was killed",
        example: "*** HARAKIRI ON WORKER 2 (pid: 99, try: 1, graceful: no) ***",
        source: SRC_UWSGI,
        ..BASE
    },
    CauseRule {
        id: "app.uwsgi_harakiri_request",
        needles: &[&["HARAKIRI: --- uWSGI worker "]],
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        note: "the request that ran over `harakiri`",
        example: "HARAKIRI: --- uWSGI worker 2 (pid: 99) WAS managing request /a since Fri Nov 20 21:17:24 2026 ---",
        source: SRC_UWSGI,
        ..BASE
    },
    CauseRule {
        id: "app.uwsgi_killed",
        needles: &[&["^DAMN ! worker "], &["killed by signal 9 "]],
        regex: SIGNAL,
        cause: Some(Cause::OomKilled),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerKilled),
        scope: Scope::Process,
        note: "a worker was killed, mostly for memory",
        example: "DAMN ! worker 2 (pid: 99) died, killed by signal 9 :( trying respawn ...",
        source: SRC_UWSGI,
        ..BASE
    },
    CauseRule {
        id: "app.uwsgi_died",
        needles: &[
            &["^DAMN ! worker ", "^OOOPS ! worker ", "^!!! uWSGI process "],
            &[" died", " killed by signal ", " got Segmentation Fault !!!"],
        ],
        regex: "(?-u)(?:pid: ?|process )(?<scope>[0-9]+)",
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        scope: Scope::Process,
        note: "a worker died",
        example: "DAMN ! worker 2 (pid: 99) died, killed by signal 11 :( trying respawn ...",
        source: SRC_UWSGI,
        ..BASE
    },
    CauseRule {
        id: "app.uwsgi_respawn_limit",
        needles: &[&["worker respawning too fast !!!"]],
        cause: Some(Cause::RestartLimitHit),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        note: "workers die as soon as they start",
        example: "worker respawning too fast !!! i have to sleep a bit (2 seconds)...",
        source: SRC_UWSGI,
        ..BASE
    },
    CauseRule {
        id: "app.uwsgi_no_app",
        needles: &[&[
            "failed loading app in worker ",
            "no python application found, check your startup logs",
            "unable to load app 0 (",
        ]],
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        note: "the application was not loaded: every request is answered 500",
        example: "--- no python application found, check your startup logs for errors ---",
        source: SRC_UWSGI,
        ..BASE
    },
    CauseRule {
        id: "app.uwsgi_client_gone",
        needles: &[&["SIGPIPE: writing to a closed pipe/socket/fd", "OSError: write error"]],
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Unknown,
        kind: RuleKind::Pressure,
        note: "the server in front gave up before the application answered",
        example: "SIGPIPE: writing to a closed pipe/socket/fd (probably the client disconnected) on request /a (ip 10.0.0.1) !!!",
        source: SRC_UWSGI,
        ..BASE
    },
    CauseRule {
        id: "app.uwsgi_reload",
        needles: &[&[
            "...gracefully killing workers...",
            "^Gracefully killing worker ",
            "gracefully (RE)spawned uWSGI master process",
        ]],
        kind: RuleKind::Lifecycle(ChangeKind::ConfigReload),
        note: "uWSGI replaces its workers",
        example: "...gracefully killing workers...",
        source: SRC_UWSGI,
        ..BASE
    },
    CauseRule {
        id: "app.uwsgi_stopped",
        needles: &[&[
            "SIGINT/SIGQUIT received...killing workers",
            "SIGTERM received...killing workers",
            "goodbye to uWSGI.",
        ]],
        cause: Some(Cause::ServiceStopped),
        origin: Origin::LocalProcess,
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStop),
        note: "uWSGI stops",
        example: "SIGINT/SIGQUIT received...killing workers...",
        source: SRC_UWSGI,
        ..BASE
    },
    CauseRule {
        id: "app.uwsgi_started",
        needles: &[&["*** Starting uWSGI ", "spawned uWSGI master process (pid: "]],
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStart),
        note: "uWSGI started",
        example: "spawned uWSGI master process (pid: 12)",
        source: SRC_UWSGI,
        ..BASE
    },
    // Ruby: Unicorn, Puma, Passenger.
    CauseRule {
        id: "app.unicorn_timeout",
        needles: &[&["worker="], &[" timeout ("], &["), killing"]],
        regex: "(?-u)worker=(?<scope>[0-9]+) PID:(?<detail>[0-9]+)",
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerKilled),
        scope: Scope::Process,
        note: "a worker did not answer within `timeout` and is killed",
        example: "worker=1 PID:99 timeout (61s > 60s), killing",
        source: SRC_UNICORN,
        ..BASE
    },
    CauseRule {
        id: "app.unicorn_bind_failed",
        needles: &[&["^adding listener failed addr="]],
        regex: r"(?-u)addr=(?<scope>\S+)",
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        scope: Scope::Name,
        note: "the address is taken: the server does not start",
        example: "adding listener failed addr=0.0.0.0:8080 (in use)",
        source: SRC_UNICORN,
        ..BASE
    },
    CauseRule {
        id: "app.unicorn_ready",
        needles: &[&["^master process ready"]],
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStart),
        note: "Unicorn started",
        example: "master process ready",
        source: SRC_UNICORN,
        ..BASE
    },
    CauseRule {
        id: "app.unicorn_reload",
        needles: &[&["^reloading config_file=", r#"^executing [""#]],
        kind: RuleKind::Lifecycle(ChangeKind::ConfigReload),
        note: "Unicorn reads its configuration or its program again",
        example: "reloading config_file=/srv/unicorn.rb",
        source: SRC_UNICORN,
        ..BASE
    },
    CauseRule {
        id: "app.unicorn_stopped",
        needles: &[&["^gracefully stopping all workers", "^master complete"]],
        cause: Some(Cause::ServiceStopped),
        origin: Origin::LocalProcess,
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStop),
        note: "Unicorn stops",
        example: "master complete",
        source: SRC_UNICORN,
        ..BASE
    },
    CauseRule {
        id: "app.unicorn_reaped",
        needles: &[&["^reaped #<Process::Status: pid "], &["SIGKILL"]],
        regex: "(?-u)pid (?<scope>[0-9]+)",
        cause: Some(Cause::OomKilled),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerKilled),
        scope: Scope::Process,
        note: "a worker was killed, mostly for memory",
        example: "reaped #<Process::Status: pid 99 SIGKILL (signal 9)> worker=1",
        source: SRC_UNICORN,
        ..BASE
    },
    CauseRule {
        id: "app.puma_worker_timeout",
        needles: &[&["Terminating timed out worker"], &["failed to check in within "]],
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerKilled),
        note: "a worker hung and is killed",
        example: "! Terminating timed out worker (Worker 1 failed to check in within 60 seconds): 99",
        source: SRC_PUMA,
        ..BASE
    },
    CauseRule {
        id: "app.puma_boot_timeout",
        needles: &[&[
            "failed to boot within ",
            "! Unable to load application: ",
            "! Unable to start worker",
        ]],
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        note: "the application does not start",
        example: "! Unable to load application: LoadError: cannot load such file -- pg",
        source: SRC_PUMA,
        ..BASE
    },
    CauseRule {
        id: "app.puma_force_shutdown",
        needles: &[&["Detected force shutdown of a thread"]],
        cause: Some(Cause::DeployInProgress),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ServiceStop),
        note: "Puma cut off requests while it stopped, and answered them 503",
        example: "Detected force shutdown of a thread",
        source: SRC_PUMA,
        ..BASE
    },
    CauseRule {
        id: "app.puma_restart",
        needles: &[&[
            "* Restarting...",
            "- Gracefully shutting down workers...",
            "- Gracefully stopping, waiting for requests to finish",
            "* Starting phased worker restart",
        ]],
        kind: RuleKind::Lifecycle(ChangeKind::ConfigReload),
        note: "Puma restarts or stops",
        example: "- Gracefully stopping, waiting for requests to finish",
        source: SRC_PUMA,
        ..BASE
    },
    CauseRule {
        id: "app.puma_booted",
        needles: &[&["- Worker "], &[" booted in "]],
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStart),
        note: "a Puma worker started",
        example: "- Worker 0 (PID: 99) booted in 1.2s, phase: 0",
        source: SRC_PUMA,
        ..BASE
    },
    CauseRule {
        id: "app.puma_early_termination",
        needles: &[&["Early termination of worker"]],
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        note: "a worker died as it started",
        example: "Early termination of worker",
        source: SRC_PUMA,
        ..BASE
    },
    // LiteSpeed starts its applications (lsphp) itself.
    CauseRule {
        id: "app.litespeed_refused",
        needles: &[&["] Connection refused, restart!"]],
        regex: r"(?-u)\[(?<scope>[^\]]*)\] Connection refused",
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        scope: Scope::Name,
        note: "the application of LiteSpeed is not running: 503",
        example: "[uds://tmp/lshttpd/lsphp.sock] Connection refused, restart!",
        source: SRC_LITESPEED,
        ..BASE
    },
    CauseRule {
        id: "app.litespeed_timeout",
        needles: &[&[
            "ExtConn timed out while processing",
            "No request delivery notification has been received from LSAPI application",
        ]],
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        note: "the application of LiteSpeed did not answer in time: 503",
        example: "No request delivery notification has been received from LSAPI application, possible dead lock.",
        source: SRC_LITESPEED,
        ..BASE
    },
    // NGINX Unit.
    CauseRule {
        id: "app.unit_crashed",
        needles: &[&["^process ", "^app process "], &[" exited on signal "]],
        regex: "(?-u)process (?<scope>[0-9]+) exited on signal (?<detail>[0-9]+)",
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        scope: Scope::Process,
        note: "a process of an application crashed or was killed",
        example: "process 542 exited on signal 9",
        source: SRC_UNIT,
        ..BASE
    },
    CauseRule {
        id: "app.unit_start_failed",
        needles: &[&[
            r#"^failed to start application ""#,
            r#"^failed to start prototype ""#,
            "^failed to apply new conf",
            "^failed to apply previous configuration",
            r#"^Python failed to import module ""#,
        ]],
        regex: r#"(?-u)^[^"]*(?:"(?<scope>[^"]*))?"#,
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        scope: Scope::Name,
        note: "an application does not start under Unit",
        example: r#"failed to start application "blog""#,
        source: SRC_UNIT,
        ..BASE
    },
    CauseRule {
        id: "app.passenger_queue_full",
        needles: &[&["Request queue full", "Request queue is full. Returning an error"]],
        regex: r"(?-u)^(?s:.*?max\. size: (?<detail>[0-9]+))?",
        cause: Some(Cause::RequestQueueFull),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        note: "every process is busy and the queue of Passenger is full: 503",
        example: "[Client 14-14] Returning HTTP 503 due to: Request queue full (configured max. size: 100)",
        source: SRC_PASSENGER,
        ..BASE
    },
    CauseRule {
        id: "app.passenger_spawn_failed",
        needles: &[&[
            "Could not spawn process for application ",
            "Cannot spawn process for application",
            "A timeout occurred while spawning an application process",
            "An error occurred while starting up the preloader",
            "Cannot checkout session",
            "The application encountered the following error: ",
            "Web application could not be started",
        ]],
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        note: "the application does not start",
        example: "Could not spawn process for application /srv/app: The application process exited prematurely.",
        source: SRC_PASSENGER,
        ..BASE
    },
    CauseRule {
        id: "app.passenger_503",
        needles: &[&["Returning HTTP 503 due to: "]],
        cause: Some(Cause::WorkerLimit),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        note: "Passenger answered 503 itself",
        example: "[Client 1-2] Returning HTTP 503 due to: something else",
        source: SRC_PASSENGER,
        ..BASE
    },
    CauseRule {
        id: "app.passenger_overload",
        needles: &[&["Requests in queue: ", "The current pool size is full"]],
        kind: RuleKind::Pressure,
        note: "requests wait in the queue of Passenger",
        example: "Requests in queue: 99",
        source: SRC_PASSENGER,
        ..BASE
    },
    // Node.
    CauseRule {
        id: "app.node_memory",
        needles: &[&["JavaScript heap out of memory", "Ineffective mark-compacts near heap limit"]],
        cause: Some(Cause::MemoryExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        note: "the JavaScript heap is full: the process ends",
        example: "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
        source: SRC_NODE,
        ..BASE
    },
    CauseRule {
        id: "app.node_port_taken",
        needles: &[&["EADDRINUSE"]],
        regex: r"(?-u)^(?s:.*?address already in use (?<scope>\S+))?",
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        scope: Scope::Name,
        note: "the port is taken: the server does not start",
        example: "Error: listen EADDRINUSE: address already in use :::3000",
        source: SRC_NODE,
        ..BASE
    },
    CauseRule {
        id: "app.node_no_files",
        needles: &[&["EMFILE: too many open files", "connect EMFILE ", "Error: connect EMFILE"]],
        cause: Some(Cause::FdExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        note: "the process ran out of file handles",
        example: "EMFILE: too many open files, open '/srv/a'",
        source: SRC_NODE,
        ..BASE
    },
    CauseRule {
        id: "app.pm2_killed",
        needles: &[&["App ["], &["exited with code ["], &["via signal [SIGKILL]"]],
        regex: APP,
        cause: Some(Cause::OomKilled),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerKilled),
        scope: Scope::Name,
        note: "a process was killed, mostly for memory",
        example: "App [api:0] exited with code [0] via signal [SIGKILL]",
        source: SRC_PM2,
        ..BASE
    },
    CauseRule {
        id: "app.pm2_stopped",
        needles: &[&["App ["], &["exited with code [0]"]],
        regex: APP,
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStop),
        scope: Scope::Name,
        note: "a process ended in order",
        example: "App [api:0] exited with code [0] via signal [SIGINT]",
        source: SRC_PM2,
        ..BASE
    },
    CauseRule {
        id: "app.pm2_crashed",
        needles: &[&["App ["], &["exited with code ["]],
        regex: APP,
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        scope: Scope::Name,
        note: "a process died",
        example: "App [api:0] exited with code [1] via signal [SIGINT]",
        source: SRC_PM2,
        ..BASE
    },
    CauseRule {
        id: "app.pm2_memory",
        needles: &[&["restarted because it exceeds --max-memory-restart value"]],
        cause: Some(Cause::MemoryExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ServiceStart),
        note: "a process used more memory than it may and is restarted",
        example: "[PM2][WORKER] Process 0 restarted because it exceeds --max-memory-restart value (current_memory=600 max_memory_limit=500 [octets])",
        source: SRC_PM2,
        ..BASE
    },
    CauseRule {
        id: "app.pm2_restart_limit",
        needles: &[&["had too many unstable restarts ("]],
        regex: r"(?-u)Script (?<scope>\S+) had",
        cause: Some(Cause::RestartLimitHit),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        scope: Scope::Name,
        note: "the process died too often: PM2 does not start it again",
        example: r#"Script /srv/app.js had too many unstable restarts (16). Stopped. "errored""#,
        source: SRC_PM2,
        ..BASE
    },
    CauseRule {
        id: "app.pm2_started",
        needles: &[&["App ["], &["] online", "] starting in -"]],
        regex: APP,
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStart),
        scope: Scope::Name,
        note: "a process started",
        example: "App [api:0] online",
        source: SRC_PM2,
        ..BASE
    },
    // Tomcat and the JVM.
    CauseRule {
        id: "app.jvm_no_thread",
        needles: &[&["unable to create new native thread", "unable to create native thread"]],
        cause: Some(Cause::WorkerLimit),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        note: "no thread could be started: a limit of processes or memory",
        example: "java.lang.OutOfMemoryError: unable to create native thread: possibly out of memory or process/resource limits reached",
        source: SRC_JVM,
        ..BASE
    },
    CauseRule {
        id: "app.jvm_memory",
        needles: &[&[
            "java.lang.OutOfMemoryError",
            "There is insufficient memory for the Java Runtime Environment to continue",
        ]],
        regex: r"(?-u)^(?s:.*?java\.lang\.OutOfMemoryError: (?<detail>[^\n]+))?",
        cause: Some(Cause::MemoryExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        note: "the JVM is out of memory",
        example: "java.lang.OutOfMemoryError: Java heap space",
        source: SRC_JVM,
        ..BASE
    },
    CauseRule {
        id: "app.jvm_crashed",
        needles: &[&["A fatal error has been detected by the Java Runtime Environment"]],
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        note: "the JVM crashed",
        example: "# A fatal error has been detected by the Java Runtime Environment:",
        source: SRC_JVM,
        ..BASE
    },
    CauseRule {
        id: "app.jvm_rejected_shutdown",
        needles: &[&["RejectedExecutionException"], &["[Shutting down", "[Terminated"]],
        note: "work came in while the application stopped",
        example: "java.util.concurrent.RejectedExecutionException: Task T rejected from E[Shutting down, pool size = 1]",
        source: SRC_JVM,
        ..BASE
    },
    CauseRule {
        id: "app.jvm_rejected",
        needles: &[&[
            "RejectedExecutionException",
            "Executor rejected socket [",
            "Queue capacity is full",
        ]],
        cause: Some(Cause::WorkerLimit),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        note: "all threads are busy and their queue is full",
        example: "java.util.concurrent.RejectedExecutionException: Task T rejected from E[Running, pool size = 200, active threads = 200, queued tasks = 100]",
        source: SRC_TOMCAT,
        ..BASE
    },
    CauseRule {
        id: "app.tomcat_threads",
        needles: &[
            &["Maximum number of threads (", "All threads ("],
            &[") created for connector with address ", ") are currently busy, waiting."],
        ],
        regex: r"(?-u)threads \((?<detail>[0-9]+)\)",
        cause: Some(Cause::WorkerLimit),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        note: "every thread of a connector is busy: connections wait in the listen queue",
        example: "Maximum number of threads (200) created for connector with address null and port 8080",
        source: SRC_TOMCAT,
        ..BASE
    },
    CauseRule {
        id: "app.tomcat_no_files",
        needles: &[&["Socket accept failed"]],
        cause: Some(Cause::FdExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        note: "Tomcat cannot take connections",
        example: "Socket accept failed",
        source: SRC_TOMCAT,
        ..BASE
    },
    CauseRule {
        id: "app.tomcat_bind_failed",
        needles: &[&[
            "Socket bind failed: [",
            "Failed to initialize component [",
            "Failed to start component [",
        ]],
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        note: "a part of Tomcat does not start",
        example: r#"Failed to initialize component [Connector["http-nio-8080"]]"#,
        source: SRC_TOMCAT,
        ..BASE
    },
    CauseRule {
        id: "app.tomcat_context_failed",
        needles: &[&["Context ["], &["] startup failed due to previous errors"]],
        regex: r"(?-u)Context \[(?<scope>[^\]]*)\]",
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        scope: Scope::Name,
        note: "a web application does not start: 404",
        example: "Context [/shop] startup failed due to previous errors",
        source: SRC_TOMCAT,
        ..BASE
    },
    CauseRule {
        id: "app.tomcat_unavailable",
        needles: &[&[
            "] is currently unavailable",
            "] as unavailable",
            "Allocate exception for servlet [",
        ]],
        regex: r"(?-u)[Ss]ervlet \[(?<scope>[^\]]*)\]",
        cause: Some(Cause::NotReady),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        scope: Scope::Name,
        note: "a servlet says that it is unavailable: 503",
        example: "Marking servlet [shop] as unavailable",
        source: SRC_TOMCAT,
        ..BASE
    },
    CauseRule {
        id: "app.tomcat_stuck",
        needles: &[&["^Thread ["], &["has been active for "]],
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        note: "a request hangs",
        example: "Thread [http-nio-8080-exec-1] (id=[99]) has been active for [60,123] milliseconds (since [x]) to serve the same request for [/a] and may be stuck",
        source: SRC_TOMCAT,
        ..BASE
    },
    CauseRule {
        id: "app.tomcat_reload",
        needles: &[&["Reloading Context with name ["], &["has started"]],
        regex: r"(?-u)name \[(?<scope>[^\]]*)\]",
        cause: Some(Cause::DeployInProgress),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::Deploy),
        scope: Scope::Name,
        note: "a web application is reloaded: requests get 503 meanwhile",
        example: "Reloading Context with name [/shop] has started",
        source: SRC_TOMCAT,
        ..BASE
    },
    CauseRule {
        id: "app.tomcat_started",
        needles: &[&["^Server startup in "]],
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStart),
        note: "Tomcat started",
        example: "Server startup in [4123] milliseconds",
        source: SRC_TOMCAT,
        ..BASE
    },
    CauseRule {
        id: "app.tomcat_deploy",
        needles: &[&[
            "Deploying web application archive [",
            "Deploying web application directory [",
            "Undeploying context [",
        ]],
        regex: r"(?-u)\[(?<scope>[^\]]*)\]",
        kind: RuleKind::Lifecycle(ChangeKind::Deploy),
        scope: Scope::Path,
        note: "a web application is deployed",
        example: "Deploying web application archive [/srv/webapps/shop.war]",
        source: SRC_TOMCAT,
        ..BASE
    },
    CauseRule {
        id: "app.tomcat_stopped",
        needles: &[&["^Stopping service [", "^Pausing ProtocolHandler ["]],
        cause: Some(Cause::ServiceStopped),
        origin: Origin::LocalProcess,
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStop),
        note: "Tomcat stops",
        example: r#"Pausing ProtocolHandler ["http-nio-8080"]"#,
        source: SRC_TOMCAT,
        ..BASE
    },
    CauseRule {
        id: "app.spring_started",
        needles: &[
            &["^Started "],
            &[" seconds (process running for ", " seconds (JVM running for "],
        ],
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStart),
        note: "the application started",
        example: "Started ShopApplication in 4.1 seconds (process running for 4.9)",
        source: "Spring Boot StartupInfoLogger.java",
        ..BASE
    },
    CauseRule {
        id: "app.spring_failed",
        needles: &[&["APPLICATION FAILED TO START", "Application run failed"]],
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        note: "the application does not start",
        example: "Application run failed",
        source: "Spring Boot SpringApplication.java",
        ..BASE
    },
    // .NET and Go.
    CauseRule {
        id: "app.dotnet_threads",
        needles: &[&[
            "There were not enough free threads in the ThreadPool",
            r#"Heartbeat took longer than ""#,
            "the heartbeat has been running for ",
        ]],
        cause: Some(Cause::WorkerLimit),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        note: "the thread pool of .NET is starved",
        example: r#"Heartbeat took longer than "00:00:01" at "11/20/2026". This could be caused by thread pool starvation."#,
        source: SRC_DOTNET,
        ..BASE
    },
    CauseRule {
        id: "app.dotnet_memory",
        needles: &[&["System.OutOfMemoryException"]],
        cause: Some(Cause::MemoryExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        note: "the process is out of memory",
        example: "System.OutOfMemoryException: Exception of type was thrown.",
        source: SRC_DOTNET,
        ..BASE
    },
    CauseRule {
        id: "app.dotnet_crashed",
        needles: &[&[
            "^Unhandled exception. ",
            "^Fatal error. Internal CLR error",
            "^Process terminated. ",
        ]],
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        note: "the process ended with an unhandled exception",
        example: "Unhandled exception. System.InvalidOperationException: x",
        source: SRC_DOTNET,
        ..BASE
    },
    CauseRule {
        id: "app.dotnet_start_failed",
        needles: &[&["^Hosting failed to start", "^Unable to start Kestrel."]],
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        note: "the application does not start",
        example: "Hosting failed to start",
        source: SRC_DOTNET,
        ..BASE
    },
    CauseRule {
        id: "app.dotnet_started",
        needles: &[&["^Application started. Press Ctrl+C"]],
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStart),
        note: "the application started",
        example: "Application started. Press Ctrl+C to shut down.",
        source: SRC_DOTNET,
        ..BASE
    },
    CauseRule {
        id: "app.dotnet_stopped",
        needles: &[&["^Application is shutting down..."]],
        cause: Some(Cause::ServiceStopped),
        origin: Origin::LocalProcess,
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStop),
        note: "the application stops",
        example: "Application is shutting down...",
        source: SRC_DOTNET,
        ..BASE
    },
    CauseRule {
        id: "app.go_panic_request",
        needles: &[&["http: panic serving "]],
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        note: "a request failed with a panic; the process lives on",
        example: "http: panic serving 10.0.0.1:5: runtime error: invalid memory address",
        source: SRC_GO,
        ..BASE
    },
    CauseRule {
        id: "app.go_crashed",
        needles: &[&["^panic: ", "^fatal error: ", "goroutine 1 [running]:"]],
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        note: "the process ended with a panic",
        example: "panic: runtime error: index out of range [3] with length 3",
        source: SRC_GO,
        ..BASE
    },
    CauseRule {
        id: "app.go_no_files",
        needles: &[&[
            "accept4: too many open files",
            "socket: too many open files",
            "accept: too many open files",
        ]],
        cause: Some(Cause::FdExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        note: "the process ran out of file handles",
        example: "http: Accept error: accept tcp [::]:8080: accept4: too many open files; retrying in 5ms",
        source: SRC_GO,
        ..BASE
    },
    CauseRule {
        id: "app.go_server_closed",
        needles: &[&["http: Server closed"]],
        cause: Some(Cause::ServiceStopped),
        origin: Origin::LocalProcess,
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStop),
        note: "the server stops",
        example: "http: Server closed",
        source: SRC_GO,
        ..BASE
    },
    CauseRule {
        id: "app.no_files",
        needles: &[&["Too many open files", "too many open files"]],
        cause: Some(Cause::FdExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        note: "the process ran out of file handles",
        example: "OSError: [Errno 24] Too many open files",
        source: SRC_ERRNO,
        ..BASE
    },
    CauseRule {
        id: "app.port_taken",
        needles: &[&["Address already in use", "address already in use"]],
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        note: "the port is taken: the server does not start",
        example: "bind: Address already in use",
        source: "the text of EADDRINUSE (98)",
        ..BASE
    },
    CauseRule {
        id: "app.no_local_port",
        needles: &[&[
            "Cannot assign requested address",
            "cannot assign requested address",
            "EADDRNOTAVAIL",
        ]],
        cause: Some(Cause::PortExhausted),
        origin: Origin::Unknown,
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        note: "no local port was free for a connection",
        example: "dial tcp 10.0.0.5:80: connect: cannot assign requested address",
        source: "the text of EADDRNOTAVAIL (99)",
        ..BASE
    },
    CauseRule {
        id: "app.nextcloud_maintenance",
        needles: &[&["System in maintenance mode.", "Nextcloud is in maintenance mode"]],
        cause: Some(Cause::Maintenance),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        status: &[503],
        note: "the application is in maintenance mode and answers 503",
        example: r"Sabre\DAV\Exception\ServiceUnavailable: System in maintenance mode.",
        source: "Nextcloud apps/dav/lib/Connector/Sabre/MaintenancePlugin.php",
        ..BASE
    },
    // Circuit breakers: the caller refuses by itself.
    CauseRule {
        id: "app.breaker_open",
        needles: &[&[
            "is OPEN and does not permit further calls",
            "is FORCED_OPEN and does not permit",
            "is HALF_OPEN and does not permit",
            "Hystrix circuit short-circuited and is OPEN",
            "short-circuited and ",
            "The circuit is now open and is not allowing calls",
            "circuit breaker still open",
            "BrokenCircuitException",
            "IsolatedCircuitException",
        ]],
        regex: "(?-u)^(?s:.*?CircuitBreaker '(?<scope>[^']*)')?",
        cause: Some(Cause::CircuitBreakerOpen),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        scope: Scope::Name,
        note: "a circuit breaker is open: calls are refused at once",
        example: "CircuitBreaker 'stock' is OPEN and does not permit further calls",
        source: SRC_BREAKER,
        ..BASE
    },
    CauseRule {
        id: "app.breaker_opened",
        needles: &[&[
            "changed state from CLOSED to OPEN",
            "changed state from HALF_OPEN to OPEN",
            "circuit breaker opened",
        ]],
        regex: "(?-u)^(?s:.*?CircuitBreaker '(?<scope>[^']*)')?",
        cause: Some(Cause::CircuitBreakerOpen),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        scope: Scope::Name,
        note: "a circuit breaker opened: what it guards failed",
        example: "CircuitBreaker 'stock' changed state from CLOSED to OPEN",
        source: SRC_BREAKER,
        ..BASE
    },
    CauseRule {
        id: "app.breaker_closed",
        needles: &[&[
            "changed state from HALF_OPEN to CLOSED",
            "changed state from OPEN to CLOSED",
        ]],
        regex: "(?-u)^(?s:.*?CircuitBreaker '(?<scope>[^']*)')?",
        kind: RuleKind::StateUp,
        scope: Scope::Name,
        note: "a circuit breaker closed again",
        example: "CircuitBreaker 'stock' changed state from HALF_OPEN to CLOSED",
        source: SRC_BREAKER,
        ..BASE
    },
    CauseRule {
        id: "app.rate_limiter",
        needles: &[&["RateLimiter '"], &["' does not permit further calls"]],
        cause: Some(Cause::RateLimited),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        note: "a rate limiter inside the application refused",
        example: "RateLimiter 'stock' does not permit further calls",
        source: SRC_BREAKER,
        ..BASE
    },
    CauseRule {
        id: "app.bulkhead_full",
        needles: &[&["Bulkhead '"], &["' is full and does not permit"]],
        cause: Some(Cause::WorkerLimit),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        note: "a limit of concurrent calls inside the application refused",
        example: "Bulkhead 'stock' is full and does not permit further calls",
        source: SRC_BREAKER,
        ..BASE
    },
    CauseRule {
        id: "app.bulkhead_queue_full",
        needles: &[&[
            "could not be queued for execution",
            "could not acquire a semaphore for execution",
        ]],
        cause: Some(Cause::WorkerLimit),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        note: "a thread pool inside the application is full",
        example: "StockCommand could not acquire a semaphore for execution and no fallback available.",
        source: SRC_BREAKER,
        ..BASE
    },
    CauseRule {
        id: "app.time_limiter",
        needles: &[&["TimeLimiter '"], &["recorded a timeout exception"]],
        cause: Some(Cause::UpstreamTimeout),
        origin: Origin::Unknown,
        kind: RuleKind::Pressure,
        note: "a call inside the application ran out of time",
        example: "TimeLimiter 'stock' recorded a timeout exception.",
        source: SRC_BREAKER,
        ..BASE
    },
];
