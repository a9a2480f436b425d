//! What the service manager and the kernel of Linux say: units that fail, stop and start, processes killed for memory.
//!
//! In: nothing. Out: [`RULES`], part of the cause table. Messages are those of `systemd` and `kernel` behind whatever
//! carried them (journal, syslog, `dmesg`).
//! Source: systemd 257 and Linux 6.12, the file named per row; older wordings where they differ.

use super::{BASE as NGINX_BASE, CauseRule};
use crate::cause::{ChangeKind, RuleKind, Scope};
use crate::taxonomy::{Cause, Origin, Server};

/// What a row does not say.
const BASE: CauseRule = CauseRule { server: Server::Systemd, ..NGINX_BASE };

const UNIT: &str = r"(?-u)(?<scope>[\w@.\\-]+\.(?:service|socket|scope|slice|mount|target)): ";
const RESULT: &str = r"(?-u)(?<scope>[\w@.\\-]+\.(?:service|socket|scope|slice|mount|target)): Failed with result '(?<detail>[a-z-]+)'";
const DESCRIPTION: &str = r"(?-u)(?:Started|Finished|Stopped|Stopping|Starting|Reloading|Reloaded|start(?:ing)?|stop(?:ping)?|for|\)) (?<scope>[^\n]+?)\.*(?:\n|$)";
const VICTIM: &str = r"(?-u)process (?<detail>\S+) \((?<scope>[^)]*)\)";
const COMM: &str = r"(?-u)(?<scope>[\w./:-]+)\[(?<detail>[0-9]+)\]";
const SRC_UNIT: &str = "systemd src/core/unit.c, service.c";
const SRC_COREDUMP: &str = "systemd src/coredump/coredump.c";
const SRC_OOM: &str = "Linux mm/oom_kill.c";
const SRC_FAULT: &str = "Linux arch/x86/mm/fault.c, traps.c";
const SRC_TCP: &str = "Linux net/ipv4";
const SRC_HANG: &str = "Linux kernel/hung_task.c, watchdog.c";
const SRC_BLOCK: &str = "Linux block/blk-core.c, fs/ext4/super.c";

/// The rows, in order of priority.
pub(super) const RULES: &[CauseRule] = &[
    // Special results first: the text of a result stays the same in every language.
    CauseRule {
        id: "systemd.start_limit",
        needles: &[&[
            "start-limit-hit",
            ": Start request repeated too quickly.",
            ": start request repeated too quickly",
        ]],
        regex: r"(?-u)^(?:(?<scope>[\w@.\\-]+\.(?:service|socket|scope|slice|mount|target)): )?",
        cause: Some(Cause::RestartLimitHit),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        scope: Scope::Name,
        note: "the unit failed too often in too short a time: systemd does not start it again",
        example: "nginx.service: Failed with result 'start-limit-hit'.",
        source: SRC_UNIT,
        ..BASE
    },
    CauseRule {
        id: "systemd.oom_result",
        needles: &[&[
            "Failed with result 'oom-kill'",
            "killed by the OOM killer",
            "process(es) in this unit",
        ]],
        regex: UNIT,
        cause: Some(Cause::OomKilled),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerKilled),
        scope: Scope::Name,
        note: "a process of the unit was killed for memory",
        example: "app.service: A process of this unit has been killed by the OOM killer.",
        source: SRC_UNIT,
        ..BASE
    },
    CauseRule {
        id: "systemd.oomd_killed",
        needles: &[&["^Killed /"], &[" due to memory pressure for ", " due to memory used "]],
        regex: r"(?-u)^Killed (?<scope>\S+)",
        cause: Some(Cause::OomKilled),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerKilled),
        scope: Scope::Name,
        note: "systemd-oomd killed a group of processes for memory",
        example: "Killed /system.slice/app.service due to memory pressure for /system.slice being 61.02% > 50.00% for > 20s with reclaim activity",
        source: "systemd src/oom/oomd-manager.c",
        ..BASE
    },
    CauseRule {
        id: "systemd.watchdog",
        needles: &[&["Failed with result 'watchdog'", ": Watchdog timeout", ": watchdog timeout"]],
        regex: UNIT,
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerKilled),
        scope: Scope::Name,
        note: "the service did not report to its watchdog and was killed",
        example: "app.service: Watchdog timeout (limit 30s)!",
        source: SRC_UNIT,
        ..BASE
    },
    CauseRule {
        id: "systemd.start_timeout",
        needles: &[&[
            ": start operation timed out. Terminating",
            ": Start operation timed out. Terminating",
            ": start-pre operation timed out",
            ": start-post operation timed out",
            "Timed out starting ",
            "Failed with result 'timeout'",
        ]],
        regex: r"(?-u)^(?:(?<scope>[\w@.\\-]+\.(?:service|socket|scope|slice|mount|target)): )?",
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        scope: Scope::Name,
        note: "the unit did not start in time",
        example: "app.service: start operation timed out. Terminating.",
        source: SRC_UNIT,
        ..BASE
    },
    CauseRule {
        id: "systemd.exec_failed",
        needles: &[&[
            ": Failed at step ",
            ": Failed to locate executable ",
            ": Failed to execute command: ",
            ": Failed to load environment files: ",
        ]],
        regex: UNIT,
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        scope: Scope::Name,
        note: "the program of the unit cannot be run",
        example: "app.service: Failed at step EXEC spawning /usr/bin/app: No such file or directory",
        source: "systemd src/core/execute.c",
        ..BASE
    },
    CauseRule {
        id: "systemd.resources_result",
        needles: &[&[
            "Failed with result 'resources'",
            "Failed with result 'protocol'",
            "Failed to schedule restart job: ",
            ", but unit isn't active.",
        ]],
        regex: UNIT,
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        scope: Scope::Name,
        note: "the unit could not start",
        example: "app.service: Failed with result 'resources'.",
        source: SRC_UNIT,
        ..BASE
    },
    CauseRule {
        id: "systemd.process_exited",
        needles: &[&[": Main process exited, code="], &["status=0/SUCCESS"]],
        note: "the main process ended without an error",
        example: "app.service: Main process exited, code=exited, status=0/SUCCESS",
        source: SRC_UNIT,
        ..BASE
    },
    CauseRule {
        id: "systemd.process_killed",
        needles: &[
            &[": Main process exited, code="],
            &["killed, status=15/TERM", "killed, status=2/INT"],
        ],
        note: "the main process was told to stop",
        example: "app.service: Main process exited, code=killed, status=15/TERM",
        source: SRC_UNIT,
        ..BASE
    },
    CauseRule {
        id: "systemd.process_died",
        needles: &[&[": Main process exited, code="]],
        regex: r"(?-u)(?<scope>[\w@.\\-]+\.(?:service|socket|scope)): Main process exited, code=\w+, status=(?<detail>\S+)",
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        scope: Scope::Name,
        note: "the main process of the unit died",
        example: "app.service: Main process exited, code=killed, status=11/SEGV",
        source: SRC_UNIT,
        ..BASE
    },
    CauseRule {
        id: "systemd.failed",
        needles: &[&[
            "Failed with result 'exit-code'",
            "Failed with result 'signal'",
            "Failed with result 'core-dump'",
            "Failed with result ",
        ]],
        regex: RESULT,
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        scope: Scope::Name,
        note: "the unit failed",
        example: "app.service: Failed with result 'exit-code'.",
        source: SRC_UNIT,
        ..BASE
    },
    CauseRule {
        id: "systemd.status_failed",
        needles: &[&["^Active: failed (Result: "]],
        regex: r"(?-u)Result: (?<detail>[^)]*)\)",
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        note: "the unit failed and is not running",
        example: "Active: failed (Result: exit-code) since Fri 2026-11-20 21:17:22 UTC; 22s ago",
        source: "systemd src/systemctl/systemctl-show.c",
        ..BASE
    },
    CauseRule {
        id: "systemd.control_process",
        needles: &[&[": Control process exited, code="]],
        regex: UNIT,
        kind: RuleKind::Pressure,
        scope: Scope::Name,
        note: "a helper command of the unit ended",
        example: "app.service: Control process exited, code=exited, status=1/FAILURE",
        source: SRC_UNIT,
        ..BASE
    },
    CauseRule {
        id: "systemd.reload_failed",
        needles: &[&["^Reload failed for "]],
        regex: DESCRIPTION,
        cause: Some(Cause::ConfigError),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ReloadFailed),
        scope: Scope::Name,
        note: "the unit could not read its configuration again",
        example: "Reload failed for nginx - high performance web server.",
        source: SRC_UNIT,
        ..BASE
    },
    CauseRule {
        id: "systemd.start_failed",
        needles: &[&["^Failed to start ", "^Dependency failed for ", "^Assertion failed for "]],
        regex: r"(?-u)^(?:Failed to start|Dependency failed for|Assertion failed for) (?<scope>[^\n]+?)\.*(?:\n|$)",
        cause: Some(Cause::StartupFailure),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        scope: Scope::Name,
        note: "the unit did not start",
        example: "Failed to start nginx - high performance web server.",
        source: SRC_UNIT,
        ..BASE
    },
    CauseRule {
        id: "systemd.left_over_process",
        needles: &[&[": Found left-over process "]],
        regex: UNIT,
        kind: RuleKind::Pressure,
        scope: Scope::Name,
        note: "a process of the run before is still there",
        example: "app.service: Found left-over process 99 (app) in control group while starting unit. Ignoring.",
        source: SRC_UNIT,
        ..BASE
    },
    CauseRule {
        id: "systemd.stop_timeout",
        needles: &[&[
            "' timed out. Killing",
            ": Stopping timed out",
            "Timed out stopping ",
            ": State 'stop-",
        ]],
        kind: RuleKind::Lifecycle(ChangeKind::WorkerKilled),
        note: "the unit does not stop when told to, and is killed",
        example: "app.service: State 'stop-sigterm' timed out. Killing.",
        source: SRC_UNIT,
        ..BASE
    },
    CauseRule {
        id: "systemd.runtime_limit",
        needles: &[&[": Service reached runtime time limit"]],
        regex: UNIT,
        cause: Some(Cause::ServiceStopped),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ServiceStop),
        scope: Scope::Name,
        note: "the service reached its runtime limit and is stopped",
        example: "app.service: Service reached runtime time limit. Stopping.",
        source: SRC_UNIT,
        ..BASE
    },
    CauseRule {
        id: "systemd.restart_scheduled",
        needles: &[&[": Scheduled restart job, restart counter is at "]],
        regex: r"(?-u)(?<scope>[\w@.\\-]+\.service): Scheduled restart job, restart counter is at (?<detail>[0-9]+)",
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStart),
        scope: Scope::Name,
        note: "systemd starts the unit again",
        example: "app.service: Scheduled restart job, restart counter is at 3.",
        source: SRC_UNIT,
        ..BASE
    },
    CauseRule {
        id: "systemd.skipped",
        needles: &[&["was skipped because ", " being skipped.", ": Skipped due to "]],
        note: "the unit was not to run now",
        example: "Condition check resulted in App being skipped.",
        source: SRC_UNIT,
        ..BASE
    },
    CauseRule {
        id: "systemd.consumed",
        needles: &[&[": Consumed "], &["CPU time"]],
        note: "what a unit used",
        example: "app.service: Consumed 4min 2.118s CPU time.",
        source: SRC_UNIT,
        ..BASE
    },
    CauseRule {
        id: "systemd.deactivated",
        needles: &[&[": Deactivated successfully.", ": Succeeded."]],
        note: "the unit ended in order",
        example: "app.service: Deactivated successfully.",
        source: SRC_UNIT,
        ..BASE
    },
    CauseRule {
        id: "systemd.reloading",
        needles: &[&["^Reloading ", "^Reloaded "]],
        regex: r"(?-u)^Reload(?:ing|ed) (?<scope>[^\n]+?)\.*(?:\n|$)",
        kind: RuleKind::Lifecycle(ChangeKind::ConfigReload),
        scope: Scope::Name,
        note: "a unit reads its configuration again",
        example: "Reloading nginx - high performance web server...",
        source: SRC_UNIT,
        ..BASE
    },
    CauseRule {
        id: "systemd.stopped",
        needles: &[&["^Stopping ", "^Stopped "]],
        regex: r"(?-u)^Stopp(?:ing|ed)(?: \(with error\))? (?<scope>[^\n]+?)\.*(?:\n|$)",
        cause: Some(Cause::ServiceStopped),
        origin: Origin::LocalProcess,
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStop),
        scope: Scope::Name,
        note: "a unit stops or has stopped",
        example: "Stopped nginx - high performance web server.",
        source: SRC_UNIT,
        ..BASE
    },
    CauseRule {
        id: "systemd.starting",
        needles: &[&["^Starting "]],
        regex: r"(?-u)^Starting [^\n]+\.\.\.",
        note: "a unit starts",
        example: "Starting nginx - high performance web server...",
        source: SRC_UNIT,
        ..BASE
    },
    CauseRule {
        id: "systemd.started",
        needles: &[&["^Started "]],
        regex: r"(?-u)^Started (?<scope>[^\n]+?)\.(?:\n|$)",
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStart),
        scope: Scope::Name,
        note: "a unit has started",
        example: "Started nginx - high performance web server.",
        source: SRC_UNIT,
        ..BASE
    },
    CauseRule {
        id: "systemd.rate_limited",
        needles: &[&["^Suppressed "], &[" messages from "]],
        regex: r"(?-u) messages from (?<scope>[^\n]+)",
        kind: RuleKind::Pressure,
        scope: Scope::Name,
        note: "the journal dropped messages: counts are lower bounds",
        example: "Suppressed 812 messages from app.service",
        source: "systemd src/journal/journald-rate-limit.c",
        ..BASE
    },
    CauseRule {
        id: "systemd.core_dumped",
        needles: &[&["^Process "], &[" dumped core.", " terminated abnormally "]],
        regex: r"(?-u)^Process (?<detail>[0-9]+) \((?<scope>[^)]*)\)",
        cause: Some(Cause::ProcessCrashed),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        scope: Scope::Name,
        note: "a process crashed and left a core dump",
        example: "Process 4242 (app) of user 33 dumped core.",
        source: SRC_COREDUMP,
        ..BASE
    },
    // The kernel.
    CauseRule {
        id: "systemd.kernel_oom_killed",
        server: Server::Kernel,
        needles: &[
            &[
                "Out of memory: Kill",
                "Memory cgroup out of memory: Kill",
                "oom-kill: Kill",
                "^Killed process ",
            ],
            &["process "],
        ],
        regex: VICTIM,
        cause: Some(Cause::OomKilled),
        kind: RuleKind::Trigger(ChangeKind::WorkerKilled),
        scope: Scope::Name,
        note: "the kernel killed a process for memory",
        example: "Out of memory: Killed process 1154 (php) total-vm:120284kB, anon-rss:19156kB, file-rss:3592kB, shmem-rss:0kB, UID:1002 pgtables:220kB oom_score_adj:0",
        source: SRC_OOM,
        ..BASE
    },
    CauseRule {
        id: "systemd.kernel_oom_choice",
        server: Server::Kernel,
        needles: &[&["oom-kill:constraint="]],
        regex: "(?-u)task=(?<scope>[^,]*),pid=(?<detail>[0-9]+)",
        cause: Some(Cause::OomKilled),
        kind: RuleKind::Pressure,
        scope: Scope::Name,
        note: "the kernel chose a process to kill for memory",
        example: "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=x,mems_allowed=0,oom_memcg=/a,task_memcg=/system.slice/app.service,task=app,pid=99,uid=33",
        source: SRC_OOM,
        ..BASE
    },
    CauseRule {
        id: "systemd.kernel_oom_start",
        server: Server::Kernel,
        needles: &[&[
            " invoked oom-killer: ",
            "oom_reaper: reaped process ",
            " are going to be killed due to memory.oom.group set",
            "Out of memory and no killable processes",
        ]],
        cause: Some(Cause::OomKilled),
        kind: RuleKind::Pressure,
        note: "memory ran out: the kernel looks for a process to kill",
        example: "supervisord invoked oom-killer: gfp_mask=0x100cca(GFP_HIGHUSER_MOVABLE), order=0, oom_score_adj=0",
        source: SRC_OOM,
        ..BASE
    },
    CauseRule {
        id: "systemd.kernel_segfault",
        server: Server::Kernel,
        needles: &[&[
            "]: segfault at ",
            " general protection fault",
            " trap divide error ",
            " trap invalid opcode ",
        ]],
        regex: COMM,
        cause: Some(Cause::ProcessCrashed),
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        scope: Scope::Name,
        note: "a process crashed",
        example: "app[4242]: segfault at 0 ip 00007f sp 00007f error 4 in libapp.so[7f+1]",
        source: SRC_FAULT,
        ..BASE
    },
    CauseRule {
        id: "systemd.kernel_syn_flood",
        server: Server::Kernel,
        needles: &[&["Possible SYN flooding on port "]],
        regex: r"(?-u)on port (?<scope>\S*[0-9])",
        cause: Some(Cause::RequestQueueFull),
        kind: RuleKind::Pressure,
        scope: Scope::Name,
        note: "the listen queue of a port was full: connections came faster than they were accepted",
        example: "TCP: request_sock_TCP: Possible SYN flooding on port 0.0.0.0:443. Sending cookies.",
        source: "Linux net/ipv4/tcp_input.c",
        ..BASE
    },
    CauseRule {
        id: "systemd.kernel_conntrack_full",
        server: Server::Kernel,
        needles: &[&["nf_conntrack: table full", "ip_conntrack: table full"]],
        cause: Some(Cause::ConnectionLimit),
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        note: "the connection tracking table was full: packets were dropped",
        example: "nf_conntrack: nf_conntrack: table full, dropping packet",
        source: "Linux net/netfilter/nf_conntrack_core.c",
        ..BASE
    },
    CauseRule {
        id: "systemd.kernel_tcp_memory",
        server: Server::Kernel,
        needles: &[&[
            "TCP: out of memory -- consider tuning tcp_mem",
            "TCP: too many orphaned sockets",
            "neighbor table overflow",
        ]],
        cause: Some(Cause::MemoryExhausted),
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        note: "the network stack ran out of memory",
        example: "TCP: out of memory -- consider tuning tcp_mem",
        source: SRC_TCP,
        ..BASE
    },
    CauseRule {
        id: "systemd.kernel_file_max",
        server: Server::Kernel,
        needles: &[&["VFS: file-max limit "], &[" reached"]],
        cause: Some(Cause::FdExhausted),
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        note: "the whole machine ran out of file handles",
        example: "VFS: file-max limit 9223 reached",
        source: "Linux fs/file_table.c",
        ..BASE
    },
    CauseRule {
        id: "systemd.kernel_pids_limit",
        server: Server::Kernel,
        needles: &[&["fork rejected by pids controller in "]],
        regex: r"(?-u)controller in (?<scope>\S+)",
        cause: Some(Cause::WorkerLimit),
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        scope: Scope::Name,
        note: "a group of processes reached its limit of tasks",
        example: "cgroup: fork rejected by pids controller in /system.slice/app.service",
        source: "Linux kernel/cgroup/pids.c",
        ..BASE
    },
    CauseRule {
        id: "systemd.kernel_hung",
        server: Server::Kernel,
        needles: &[&[" blocked for more than "], &[" seconds"]],
        regex: r"(?-u)task (?<scope>[^:\s]+):(?<detail>[0-9]+) blocked",
        cause: Some(Cause::UpstreamTimeout),
        kind: RuleKind::Pressure,
        scope: Scope::Name,
        note: "a process waits for a disk or a lock for very long",
        example: "INFO: task postgres:4242 blocked for more than 120 seconds.",
        source: SRC_HANG,
        ..BASE
    },
    CauseRule {
        id: "systemd.kernel_lockup",
        server: Server::Kernel,
        needles: &[&[
            "BUG: soft lockup - CPU#",
            "self-detected stall on CPU",
            "NMI watchdog: Watchdog detected hard LOCKUP",
        ]],
        cause: Some(Cause::ProcessCrashed),
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        note: "a processor hangs",
        example: "watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [app:4242]",
        source: SRC_HANG,
        ..BASE
    },
    CauseRule {
        id: "systemd.kernel_no_space",
        server: Server::Kernel,
        needles: &[&["critical space allocation error, dev "]],
        regex: r"(?-u)dev (?<scope>[\w-]+)",
        cause: Some(Cause::DiskFull),
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        scope: Scope::Name,
        note: "a disk has no space left",
        example: "critical space allocation error, dev dm-0, sector 1 op 0x1:(WRITE)",
        source: SRC_BLOCK,
        ..BASE
    },
    CauseRule {
        id: "systemd.kernel_disk_error",
        server: Server::Kernel,
        needles: &[&[
            "I/O error, dev ",
            "Buffer I/O error on dev",
            "EXT4-fs error (device ",
            "Remounting filesystem read-only",
            "metadata I/O error in ",
        ]],
        kind: RuleKind::Pressure,
        note: "a disk fails",
        example: "EXT4-fs (sda1): Remounting filesystem read-only",
        source: SRC_BLOCK,
        ..BASE
    },
    CauseRule {
        id: "systemd.kernel_no_pages",
        server: Server::Kernel,
        needles: &[&[": page allocation failure: order:"]],
        regex: r"(?-u)(?<scope>\S+): page allocation",
        cause: Some(Cause::MemoryExhausted),
        kind: RuleKind::Pressure,
        scope: Scope::Name,
        note: "the kernel found no memory for a process",
        example: "app: page allocation failure: order:4, mode:0x40cc0",
        source: "Linux mm/page_alloc.c",
        ..BASE
    },
    CauseRule {
        id: "systemd.no_space",
        server: Server::Application,
        needles: &[&["No space left on device", "ENOSPC: ", "Disk quota exceeded"]],
        cause: Some(Cause::DiskFull),
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        note: "a disk is full",
        example: "write /var/log/app.log: No space left on device",
        source: "the text of ENOSPC (28) and EDQUOT (122)",
        ..BASE
    },
];
