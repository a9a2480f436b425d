//! What the event log of Windows says about IIS: WAS, W3SVC, worker processes, the ASP.NET Core module, .NET, services.
//!
//! In: nothing. Out: [`RULES`], part of the cause table. Events are known by provider and number, never by their text,
//! which is translated. English words stand beside some, for a text that was pasted without its event.
//! Source: IIS 10 event reference, ASP.NET Core 9, Windows Server 2022; provider names as in the exports of each tool.

use super::{BASE as NGINX_BASE, CauseRule, Events};
use crate::cause::{ChangeKind, RuleKind, Scope};
use crate::taxonomy::{Cause, Origin, Server};

/// What a row does not say.
const BASE: CauseRule = CauseRule { server: Server::Windows, ..NGINX_BASE };

/// As named data, in quotes (which PowerShell 5 escapes in JSON), or without in the English text.
const POOL: &str = r"(?-u)(?:AppPoolID['\x22]?\s*[>:]\s*\x22?(?<scope_of_data>[^<\x22\r\n]+?)(?:[<\x22\r\n]|\s*$)|pool (?:'|\\u0027)(?<scope>[^'\x22\r\n\\<]+)(?:'|\\u0027)|pool (?<scope_unquoted>[^'<\x22\r\n\\][^<\x22\r\n\\]*?)(?: has been | is invalid))";
const APPLICATION: &str = r"(?-u)Application (?:'|\\u0027)(?<scope>[^'\\]*)";
const ANY_APPLICATION: &str = r"(?-u)(?i-u)application (?:'|\\u0027)(?<scope>[^'\\]*)";
const PROGRAM: &str =
    r"(?-u)(?:Faulting application name: |Application: |program |<Data>)(?<scope>[\w.-]+\.exe)";
const SERVICE: &str =
    r"(?-u)(?:param1['\x22]?[>:] ?[\x22]?|^The )(?<scope>[^<\x22]+?)(?:<|\x22| service )";
const SRC_WAS: &str = "Microsoft: IIS events of WAS and W3SVC";
const SRC_WP: &str = "Microsoft: IIS W3SVC-WP events";
const SRC_ANCM: &str = "dotnet/aspnetcore src/Servers/IIS/AspNetCoreModuleV2/CommonLib/resources.h";
const SRC_SCM: &str = "Windows Service Control Manager messages";
const SRC_WER: &str = "Windows Error Reporting, .NET runtime";

/// Windows Process Activation Service; its short name is what older tools show as the source.
const WAS: &str = "Microsoft-Windows-WAS";
const WAS_SOURCE: &str = "WAS";
/// The ASP.NET Core module, its first version, and that of IIS Express.
const ANCM: &str = "IIS AspNetCore Module V2";
const ANCM_V1: &str = "IIS AspNetCore Module";
const ANCM_EXPRESS: &str = "IIS Express AspNetCore Module V2";

/// True for an expression whose scope stands in quotes in texts of any language.
pub(super) fn quotes_scope(regex: &str) -> bool {
    [POOL, APPLICATION, ANY_APPLICATION].contains(&regex)
}

/// The rows, in order of priority.
pub(super) const RULES: &[CauseRule] = &[
    CauseRule {
        id: "windows.was_rapid_fail",
        needles: &[&["is being automatically disabled due to a series of failures"]],
        events: &[
            Events { provider: WAS, ids: &[5002] },
            Events { provider: WAS_SOURCE, ids: &[5002] },
        ],
        regex: POOL,
        cause: Some(Cause::RapidFailProtection),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ServiceStop),
        scope: Scope::Name,
        note: "IIS disabled the pool after repeated crashes: HTTP.sys answers 503 until someone starts it",
        example: "Microsoft-Windows-WAS/5002: Application pool 'ShopPool' is being automatically disabled due to a series of failures in the process(es) serving that application pool.",
        source: SRC_WAS,
        ..BASE
    },
    CauseRule {
        id: "windows.was_crashed",
        needles: &[
            &["A process serving application pool "],
            &["suffered a fatal communication error", "terminated unexpectedly"],
        ],
        events: &[
            Events { provider: WAS, ids: &[5009, 5011] },
            Events { provider: WAS_SOURCE, ids: &[5009, 5011] },
        ],
        regex: POOL,
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        scope: Scope::Name,
        note: "a worker process of the pool died",
        example: "Microsoft-Windows-WAS/5011: A process serving application pool 'ShopPool' suffered a fatal communication error with the Windows Process Activation Service. The process id was '4840'.",
        source: SRC_WAS,
        ..BASE
    },
    CauseRule {
        id: "windows.was_hang",
        needles: &[&["A process serving application pool "], &["failed to respond to a ping"]],
        events: &[
            Events { provider: WAS, ids: &[5010] },
            Events { provider: WAS_SOURCE, ids: &[5010] },
        ],
        regex: POOL,
        cause: Some(Cause::WorkerLimit),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerKilled),
        scope: Scope::Name,
        note: "a worker process hung and is killed",
        example: "Microsoft-Windows-WAS/5010: A process serving application pool 'ShopPool' failed to respond to a ping. The process id was '9120'.",
        source: SRC_WAS,
        ..BASE
    },
    CauseRule {
        id: "windows.was_slow_start",
        needles: &[
            &["A process serving application pool "],
            &["exceeded time limits during start up"],
        ],
        events: &[
            Events { provider: WAS, ids: &[5012] },
            Events { provider: WAS_SOURCE, ids: &[5012] },
        ],
        regex: POOL,
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        scope: Scope::Name,
        note: "a worker process did not start in time",
        example: "Microsoft-Windows-WAS/5012: A process serving application pool 'ShopPool' exceeded time limits during start up.",
        source: SRC_WAS,
        ..BASE
    },
    CauseRule {
        id: "windows.was_slow_stop",
        events: &[
            Events { provider: WAS, ids: &[5013] },
            Events { provider: WAS_SOURCE, ids: &[5013] },
        ],
        regex: POOL,
        kind: RuleKind::Lifecycle(ChangeKind::WorkerKilled),
        scope: Scope::Name,
        note: "a worker process did not stop in time: requests may have been cut off",
        example: "Microsoft-Windows-WAS/5013: A process serving application pool 'ShopPool' exceeded time limits during shut down.",
        source: SRC_WAS,
        ..BASE
    },
    CauseRule {
        id: "windows.was_identity",
        events: &[
            Events { provider: WAS, ids: &[5021, 5057] },
            Events { provider: WAS_SOURCE, ids: &[5021, 5057] },
        ],
        regex: POOL,
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        scope: Scope::Name,
        note: "the account of the pool is not valid: no worker process starts",
        example: "Microsoft-Windows-WAS/5057: Application pool ApiPool has been disabled. The identity is invalid.",
        source: SRC_WAS,
        ..BASE
    },
    CauseRule {
        id: "windows.was_disabled",
        needles: &[
            &["pplication pool "],
            &["has been disabled. Windows Process Activation Service (WAS) "],
        ],
        events: &[
            Events { provider: WAS, ids: &[5059, 5189] },
            Events { provider: WAS_SOURCE, ids: &[5059, 5189] },
        ],
        regex: POOL,
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        scope: Scope::Name,
        note: "the worker process of the pool does not start: the pool is disabled",
        example: "Microsoft-Windows-WAS/5059: Application pool ApiPool has been disabled. Windows Process Activation Service (WAS) encountered a failure when it started a worker process to serve the application pool.",
        source: SRC_WAS,
        ..BASE
    },
    CauseRule {
        id: "windows.was_listener_failed",
        needles: &[&[
            "reported a listener channel failure",
            "encountered an error trying to connect to the listener channel",
        ]],
        events: &[
            Events { provider: WAS, ids: &[5138, 5139] },
            Events { provider: WAS_SOURCE, ids: &[5138, 5139] },
        ],
        regex: POOL,
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        scope: Scope::Name,
        note: "a worker process could not take requests",
        example: "Microsoft-Windows-WAS/5138: A worker process serving application pool 'local.Redirect' reported a listener channel failure.",
        source: SRC_WAS,
        ..BASE
    },
    CauseRule {
        id: "windows.was_memory_recycle",
        events: &[
            Events { provider: WAS, ids: &[5077, 5117] },
            Events { provider: WAS_SOURCE, ids: &[5077, 5117] },
        ],
        regex: POOL,
        cause: Some(Cause::MemoryExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        scope: Scope::Name,
        note: "a worker process reached its memory limit and is replaced",
        example: "Microsoft-Windows-WAS/5117: A worker process serving application pool 'ShopPool' has requested a recycle because it reached its private bytes memory limit.",
        source: SRC_WAS,
        ..BASE
    },
    CauseRule {
        id: "windows.was_unhealthy_recycle",
        events: &[
            Events { provider: WAS, ids: &[5078] },
            Events { provider: WAS_SOURCE, ids: &[5078] },
        ],
        regex: POOL,
        cause: Some(Cause::AppPoolRecycling),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ServiceStart),
        scope: Scope::Name,
        note: "a module said that it is unhealthy: the pool is recycled",
        example: "Microsoft-Windows-WAS/5078: An ISAPI reported an unhealthy condition to its worker process.",
        source: SRC_WAS,
        ..BASE
    },
    CauseRule {
        id: "windows.was_recycled",
        events: &[
            Events { provider: WAS, ids: &[5074, 5075, 5076] },
            Events { provider: WAS_SOURCE, ids: &[5074, 5075, 5076] },
        ],
        regex: POOL,
        kind: RuleKind::Lifecycle(ChangeKind::ConfigReload),
        scope: Scope::Name,
        note: "a worker process is replaced as planned: no request fails",
        example: "Microsoft-Windows-WAS/5074: A worker process with process id of '7712' serving application pool 'ShopPool' has requested a recycle because the worker process reached its allowed processing time limit.",
        source: SRC_WAS,
        ..BASE
    },
    CauseRule {
        id: "windows.was_recycled_by_admin",
        events: &[
            Events { provider: WAS, ids: &[5079, 5080, 5081] },
            Events { provider: WAS_SOURCE, ids: &[5079, 5080, 5081] },
        ],
        regex: POOL,
        kind: RuleKind::Lifecycle(ChangeKind::ConfigReload),
        scope: Scope::Name,
        note: "someone, or a change of configuration, recycled the pool",
        example: "Microsoft-Windows-WAS/5080: The worker processes serving application pool 'ShopPool' are being recycled due to 1 or more configuration changes.",
        source: SRC_WAS,
        ..BASE
    },
    CauseRule {
        id: "windows.was_idle",
        events: &[
            Events { provider: WAS, ids: &[5186, 5187] },
            Events { provider: WAS_SOURCE, ids: &[5186, 5187] },
        ],
        note: "a worker process ended because nothing was asked for",
        example: "Microsoft-Windows-WAS/5186: A worker process with process id of '7712' serving application pool 'OtherPool' was shutdown due to inactivity.",
        source: SRC_WAS,
        ..BASE
    },
    CauseRule {
        id: "windows.was_idle_cut",
        events: &[
            Events { provider: WAS, ids: &[5195] },
            Events { provider: WAS_SOURCE, ids: &[5195] },
        ],
        cause: Some(Cause::MemoryExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        note: "the machine is loaded: idle worker processes end sooner",
        example: "Microsoft-Windows-WAS/5195: The idle time-out was cut.",
        source: SRC_WAS,
        ..BASE
    },
    CauseRule {
        id: "windows.was_cpu_limit",
        events: &[
            Events { provider: WAS, ids: &[5025, 5026, 5027] },
            Events { provider: WAS_SOURCE, ids: &[5025, 5026, 5027] },
        ],
        regex: POOL,
        cause: Some(Cause::CpuLimit),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerKilled),
        scope: Scope::Name,
        note: "the pool reached its CPU limit",
        example: "Microsoft-Windows-WAS/5025: Application pool 'ShopPool' exceeded its job limit settings.",
        source: SRC_WAS,
        ..BASE
    },
    CauseRule {
        id: "windows.w3svc_disabled",
        events: &[
            Events { provider: "Microsoft-Windows-IIS-W3SVC", ids: &[1027, 1039, 1057, 1059] },
            Events { provider: "W3SVC", ids: &[1027, 1039, 1057, 1059] },
        ],
        regex: POOL,
        cause: Some(Cause::AppPoolStopped),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ServiceStop),
        scope: Scope::Name,
        note: "the pool is disabled",
        example: "Microsoft-Windows-IIS-W3SVC/1027: Application pool ShopPool has been disabled. The HTTP.sys request to enable the application pool failed.",
        source: SRC_WAS,
        ..BASE
    },
    CauseRule {
        id: "windows.w3svc_site_failed",
        events: &[
            Events { provider: "Microsoft-Windows-IIS-W3SVC", ids: &[1004, 1007, 1175] },
            Events { provider: "W3SVC", ids: &[1004, 1007, 1175] },
        ],
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        note: "a site could not register its address and is not started",
        example: "Microsoft-Windows-IIS-W3SVC/1004: The World Wide Web Publishing Service did not register the URL prefix http://*:80/ for site 1.",
        source: SRC_WAS,
        ..BASE
    },
    CauseRule {
        id: "windows.w3svc_wp_failed",
        events: &[
            Events {
                provider: "Microsoft-Windows-IIS-W3SVC-WP",
                ids: &[
                    2274, 2276, 2278, 2280, 2282, 2293, 2294, 2295, 2296, 2297, 2298, 2299, 2307,
                ],
            },
            Events {
                provider: "IIS-W3SVC-WP",
                ids: &[
                    2274, 2276, 2278, 2280, 2282, 2293, 2294, 2295, 2296, 2297, 2298, 2299, 2307,
                ],
            },
            Events {
                provider: "IIS-WMSVC",
                ids: &[
                    2274, 2276, 2278, 2280, 2282, 2293, 2294, 2295, 2296, 2297, 2298, 2299, 2307,
                ],
            },
        ],
        regex: r"(?-u)^(?s:.*?Module DLL (?<scope>[^\r\n]+?) failed to load)?",
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        scope: Scope::Path,
        note: "a worker process could not start: a module, or the configuration, cannot be loaded",
        example: r"Microsoft-Windows-IIS-W3SVC-WP/2280: The Module DLL C:\x.dll failed to load.  The data is the error.",
        source: SRC_WP,
        ..BASE
    },
    CauseRule {
        id: "windows.dotnet_crashed",
        events: &[Events { provider: ".NET Runtime", ids: &[1023, 1025, 1026] }],
        regex: PROGRAM,
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        scope: Scope::Name,
        note: "a .NET process ended with an unhandled exception",
        example: ".NET Runtime/1026: Application: w3wp.exe Framework Version: v4.0.30319 Description: The process was terminated due to an unhandled exception.",
        source: SRC_WER,
        ..BASE
    },
    CauseRule {
        id: "windows.application_error",
        needles: &[&["Faulting application name: "], &["aulting module name: "]],
        events: &[Events { provider: "Application Error", ids: &[1000, 1005] }],
        regex: PROGRAM,
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        scope: Scope::Name,
        note: "a process crashed",
        example: "Application Error/1000: Faulting application name: w3wp.exe, version: 10.0.20348.1",
        source: SRC_WER,
        ..BASE
    },
    CauseRule {
        id: "windows.application_hang",
        events: &[Events { provider: "Application Hang", ids: &[1002] }],
        regex: PROGRAM,
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerKilled),
        scope: Scope::Name,
        note: "a process hung and was closed",
        example: "Application Hang/1002: The program w3wp.exe version 10 stopped interacting with Windows and was closed.",
        source: SRC_WER,
        ..BASE
    },
    CauseRule {
        id: "windows.error_report",
        events: &[Events { provider: "Windows Error Reporting", ids: &[1001] }],
        note: "the report of a crash",
        example: "Windows Error Reporting/1001: Fault bucket 1, type 0",
        source: SRC_WER,
        ..BASE
    },
    CauseRule {
        id: "windows.aspnet_ended",
        events: &[
            Events { provider: "ASP.NET 4.0.30319.0", ids: &[1325, 1334] },
            Events { provider: "ASP.NET 2.0.50727.0", ids: &[1325, 1334] },
        ],
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        note: "an unhandled exception ended the worker process",
        example: "ASP.NET 4.0.30319.0/1325: An unhandled exception occurred and the process was terminated.",
        source: "Microsoft: ASP.NET health monitoring events",
        ..BASE
    },
    CauseRule {
        id: "windows.aspnet_request_failed",
        events: &[
            Events { provider: "ASP.NET 4.0.30319.0", ids: &[1309] },
            Events { provider: "ASP.NET 2.0.50727.0", ids: &[1309] },
        ],
        kind: RuleKind::Pressure,
        note: "an unhandled exception in a request: 500",
        example: "ASP.NET 4.0.30319.0/1309: Event code: 3005 Event message: An unhandled exception has occurred.",
        source: "Microsoft: ASP.NET health monitoring events",
        ..BASE
    },
    CauseRule {
        id: "windows.ancm_rapid_fail",
        events: &[
            Events { provider: ANCM, ids: &[1003] },
            Events { provider: ANCM_V1, ids: &[1003] },
            Events { provider: ANCM_EXPRESS, ids: &[1003] },
        ],
        cause: Some(Cause::RapidFailProtection),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        note: "the application died too often within a minute",
        example: "IIS AspNetCore Module V2/1003: Maximum rapid fail count per minute of '10' exceeded.",
        source: SRC_ANCM,
        ..BASE
    },
    CauseRule {
        id: "windows.ancm_start_failed",
        needles: &[
            &["pplication '"],
            &[
                "failed to start process with commandline",
                "failed to start application",
                "', ErrorCode",
            ],
        ],
        events: &[
            Events {
                provider: ANCM,
                ids: &[1000, 1007, 1008, 1009, 1010, 1020, 1028, 1029, 1031, 1034],
            },
            Events {
                provider: ANCM_V1,
                ids: &[1000, 1007, 1008, 1009, 1010, 1020, 1028, 1029, 1031, 1034],
            },
            Events {
                provider: ANCM_EXPRESS,
                ids: &[1000, 1007, 1008, 1009, 1010, 1020, 1028, 1029, 1031, 1034],
            },
        ],
        regex: ANY_APPLICATION,
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        scope: Scope::Name,
        note: "the ASP.NET Core application does not start",
        example: "IIS AspNetCore Module V2/1010: Failed to start application '/LM/W3SVC/1/ROOT', ErrorCode '0x8007023e'.",
        source: SRC_ANCM,
        ..BASE
    },
    // Texts without the name of the application: of the first version, and of the page that the module shows.
    CauseRule {
        id: "windows.ancm_start_failed_page",
        needles: &[&[
            "but either crashed or did not reponse within given time",
            "but either crashed or did not respond within",
            "ANCM In-Process Start Failure",
            "ANCM Out-Of-Process Startup Failure",
            "ASP.NET Core app failed to start",
            "HTTP Error 500.30 - ",
            "HTTP Error 500.31 - ",
            "HTTP Error 500.32 - ",
            "HTTP Error 500.33 - ",
            "HTTP Error 500.34 - ",
            "HTTP Error 500.35 - ",
            "HTTP Error 500.36 - ",
            "HTTP Error 500.37 - ",
            "HTTP Error 500.38 - ",
            "HTTP Error 502.5 - ",
        ]],
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        note: "the ASP.NET Core application does not start",
        example: "HTTP Error 500.30 - ANCM In-Process Start Failure",
        source: SRC_ANCM,
        ..BASE
    },
    CauseRule {
        id: "windows.http_sys_page",
        needles: &[&["^HTTP Error 503. The service is unavailable"]],
        cause: Some(Cause::AppPoolStopped),
        origin: Origin::LocalProcess,
        kind: RuleKind::Pressure,
        note: "HTTP.sys answered: the application pool is stopped, disabled or full",
        example: "HTTP Error 503. The service is unavailable.",
        source: "Microsoft: HTTP.sys, the page of a pool that is not available",
        ..BASE
    },
    CauseRule {
        id: "windows.ancm_exited",
        needles: &[&["^Application '"], &["hit unexpected managed exception"]],
        events: &[
            Events { provider: ANCM, ids: &[1011, 1018, 1035] },
            Events { provider: ANCM_V1, ids: &[1011, 1018, 1035] },
            Events { provider: ANCM_EXPRESS, ids: &[1011, 1018, 1035] },
        ],
        regex: APPLICATION,
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        scope: Scope::Name,
        note: "the ASP.NET Core application ended with an exception",
        example: r"IIS AspNetCore Module V2/1018: Application '/LM/W3SVC/1/ROOT' with physical root 'C:\shop\' hit unexpected managed exception.",
        source: SRC_ANCM,
        ..BASE
    },
    CauseRule {
        id: "windows.ancm_offline",
        needles: &[&["was recycled after detecting app_offline.htm"]],
        events: &[
            Events { provider: ANCM, ids: &[1012] },
            Events { provider: ANCM_V1, ids: &[1012] },
            Events { provider: ANCM_EXPRESS, ids: &[1012] },
        ],
        regex: APPLICATION,
        cause: Some(Cause::AppOffline),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::Deploy),
        scope: Scope::Name,
        note: "someone put app_offline.htm there: the application is taken offline",
        example: "IIS AspNetCore Module V2/1012: Application '/LM/W3SVC/1/ROOT' was recycled after detecting app_offline.htm.",
        source: SRC_ANCM,
        ..BASE
    },
    CauseRule {
        id: "windows.ancm_recycled",
        events: &[
            Events { provider: ANCM, ids: &[1013, 1021] },
            Events { provider: ANCM_V1, ids: &[1013, 1021] },
            Events { provider: ANCM_EXPRESS, ids: &[1013, 1021] },
        ],
        regex: APPLICATION,
        cause: Some(Cause::DeployInProgress),
        origin: Origin::LocalProcess,
        kind: RuleKind::Lifecycle(ChangeKind::Deploy),
        scope: Scope::Name,
        note: "the application is recycled for a change of its configuration",
        example: "IIS AspNetCore Module V2/1021: Application '/LM/W3SVC/1/ROOT' was recycled due to configuration change",
        source: SRC_ANCM,
        ..BASE
    },
    CauseRule {
        id: "windows.ancm_stop_failed",
        events: &[
            Events { provider: ANCM, ids: &[1005, 1022, 1024] },
            Events { provider: ANCM_V1, ids: &[1005, 1022, 1024] },
            Events { provider: ANCM_EXPRESS, ids: &[1005, 1022, 1024] },
        ],
        kind: RuleKind::Pressure,
        note: "the application did not stop in order",
        example: "IIS AspNetCore Module V2/1005: Failed to gracefully shutdown application 'MACHINE/WEBROOT/APPHOST/SHOP'.",
        source: SRC_ANCM,
        ..BASE
    },
    CauseRule {
        id: "windows.ancm_started",
        events: &[
            Events { provider: ANCM, ids: &[1001, 1032] },
            Events { provider: ANCM_V1, ids: &[1001, 1032] },
            Events { provider: ANCM_EXPRESS, ids: &[1001, 1032] },
        ],
        regex: APPLICATION,
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStart),
        scope: Scope::Name,
        note: "the ASP.NET Core application started",
        example: "IIS AspNetCore Module V2/1032: Application '/LM/W3SVC/1/ROOT' started successfully.",
        source: SRC_ANCM,
        ..BASE
    },
    CauseRule {
        id: "windows.ancm_stopped",
        events: &[
            Events { provider: ANCM, ids: &[1030, 1033] },
            Events { provider: ANCM_V1, ids: &[1030, 1033] },
            Events { provider: ANCM_EXPRESS, ids: &[1030, 1033] },
        ],
        regex: APPLICATION,
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStop),
        scope: Scope::Name,
        note: "the ASP.NET Core application stopped",
        example: "IIS AspNetCore Module V2/1033: Application '/LM/W3SVC/1/ROOT' has shutdown.",
        source: SRC_ANCM,
        ..BASE
    },
    CauseRule {
        id: "windows.low_memory",
        needles: &[&["Windows successfully diagnosed a low virtual memory condition"]],
        events: &[
            Events { provider: "Microsoft-Windows-Resource-Exhaustion-Detector", ids: &[2004] },
            Events { provider: "Resource-Exhaustion-Detector", ids: &[2004] },
        ],
        regex: r"(?-u)^(?s:.*?consumed the most virtual memory: (?<scope>\S+ \([0-9]+\)))?",
        cause: Some(Cause::MemoryExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        scope: Scope::Name,
        note: "Windows is out of memory",
        example: "Microsoft-Windows-Resource-Exhaustion-Detector/2004: Windows successfully diagnosed a low virtual memory condition.",
        source: "Windows Resource Exhaustion Detector",
        ..BASE
    },
    CauseRule {
        id: "windows.service_crashed",
        events: &[Events { provider: "Service Control Manager", ids: &[7031, 7034] }],
        regex: SERVICE,
        cause: Some(Cause::ServiceStopped),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        scope: Scope::Name,
        note: "a service ended unexpectedly",
        example: "Service Control Manager/7034: The World Wide Web Publishing Service service terminated unexpectedly.  It has done this 1 time(s).",
        source: SRC_SCM,
        ..BASE
    },
    CauseRule {
        id: "windows.service_start_failed",
        events: &[Events {
            provider: "Service Control Manager",
            ids: &[7000, 7001, 7009, 7023, 7024, 7038],
        }],
        regex: SERVICE,
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        scope: Scope::Name,
        note: "a service does not start",
        example: "Service Control Manager/7000: The World Wide Web Publishing Service service failed to start due to the following error: x",
        source: SRC_SCM,
        ..BASE
    },
    CauseRule {
        id: "windows.service_state",
        events: &[Events { provider: "Service Control Manager", ids: &[7035, 7036, 7040] }],
        regex: SERVICE,
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStart),
        scope: Scope::Name,
        note: "a service was started or stopped",
        example: "Service Control Manager/7036: The World Wide Web Publishing Service service entered the stopped state.",
        source: SRC_SCM,
        ..BASE
    },
    CauseRule {
        id: "windows.http_sys",
        events: &[
            Events { provider: "Microsoft-Windows-HttpEvent", ids: &[15005, 15006, 15007, 15021] },
            Events { provider: "HTTP", ids: &[15005, 15006, 15007, 15021] },
            Events { provider: "HttpEvent", ids: &[15005, 15006, 15007, 15021] },
        ],
        cause: Some(Cause::ConfigError),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ConfigError),
        note: "HTTP.sys could not bind an address, use a certificate, or write its log",
        example: "Microsoft-Windows-HttpEvent/15021: An error occurred while using SSL configuration for endpoint 0.0.0.0:443.",
        source: "Windows HTTP.sys events",
        ..BASE
    },
    CauseRule {
        id: "windows.iis_reset",
        events: &[
            Events { provider: "IIS-IISReset", ids: &[3201, 3202] },
            Events { provider: "Microsoft-Windows-IIS-IISReset", ids: &[3201, 3202] },
        ],
        cause: Some(Cause::ServiceStopped),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ServiceStop),
        note: "someone ran iisreset",
        example: r"Microsoft-Windows-IIS-IISReset/3201: IIS stop command received from user CORP\a.",
        source: "Microsoft: IIS reset events",
        ..BASE
    },
    CauseRule {
        id: "windows.reboot",
        events: &[
            Events { provider: "User32", ids: &[1074] },
            Events { provider: "EventLog", ids: &[6005, 6006, 6008, 6009] },
            Events { provider: "Microsoft-Windows-Kernel-Power", ids: &[41] },
        ],
        cause: Some(Cause::ServiceStopped),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ServiceStop),
        note: "the machine stopped or started",
        example: "User32/1074: The process x has initiated the restart of computer WEB01.",
        source: "Windows system events",
        ..BASE
    },
];
