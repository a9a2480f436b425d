//! What Kubernetes and Docker say: events, the kubelet, controllers, the container engine.
//!
//! In: nothing. Out: [`RULES`], part of the cause table.
//! Source: Kubernetes 1.31, moby 27, the folder named per row.

use super::{BASE as NGINX_BASE, CauseRule};
use crate::cause::{ChangeKind, RuleKind, Scope};
use crate::taxonomy::{Cause, Server};

/// What a row does not say.
const BASE: CauseRule = CauseRule { server: Server::Kubernetes, ..NGINX_BASE };

const SRC_KUBELET: &str = "Kubernetes pkg/kubelet, pkg/kubelet/events";
const SRC_CONTROLLER: &str = "Kubernetes pkg/controller";
const SRC_DOCKER: &str = "moby daemon/monitor.go, Docker Compose";

/// The rows, in order of priority.
pub(super) const RULES: &[CauseRule] = &[
    CauseRule {
        id: "kubernetes.readiness_failed",
        needles: &[&[
            "Readiness probe failed",
            "Readiness probe errored",
            r#"probeType="Readiness""#,
        ]],
        regex: "(?-u)^(?s:.*?statuscode: (?<detail>[0-9]+))?",
        cause: Some(Cause::HealthCheckFailed),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "a pod is not ready and gets no requests",
        example: "Readiness probe failed: HTTP probe failed with statuscode: 503",
        source: SRC_KUBELET,
        ..BASE
    },
    CauseRule {
        id: "kubernetes.liveness_killed",
        needles: &[&[
            "failed liveness probe, will be restarted",
            "failed startup probe, will be restarted",
        ]],
        regex: r"(?-u)^(?s:.*?Container (?<scope>\S+) failed)?",
        cause: Some(Cause::HealthCheckFailed),
        kind: RuleKind::Trigger(ChangeKind::WorkerKilled),
        scope: Scope::Name,
        note: "a container failed its liveness probe and is restarted",
        example: "Container app failed liveness probe, will be restarted",
        source: SRC_KUBELET,
        ..BASE
    },
    CauseRule {
        id: "kubernetes.liveness_failed",
        needles: &[&[
            "Liveness probe failed",
            "Liveness probe errored",
            "Startup probe failed",
            r#"probeType="Liveness""#,
            r#"probeType="Startup""#,
        ]],
        cause: Some(Cause::HealthCheckFailed),
        kind: RuleKind::Pressure,
        note: "a container does not answer its liveness probe",
        example: r#"Liveness probe failed: Get "http://10.0.0.5:8080/": dial tcp 10.0.0.5:8080: connect: no route"#,
        source: SRC_KUBELET,
        ..BASE
    },
    CauseRule {
        id: "kubernetes.image_pull",
        needles: &[&[
            "Back-off pulling image",
            "ErrImagePull",
            "ImagePullBackOff",
            "Failed to pull image",
        ]],
        regex: r#"(?-u)^(?s:.*?image "(?<scope>[^"]*)")?"#,
        cause: Some(Cause::StartupFailure),
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        scope: Scope::Name,
        note: "the image of a container cannot be had",
        example: r#"Back-off pulling image "shop:1.2""#,
        source: SRC_KUBELET,
        ..BASE
    },
    CauseRule {
        id: "kubernetes.crash_loop",
        needles: &[&["Back-off restarting failed container", "CrashLoopBackOff"]],
        regex: r"(?-u)^(?s:.*?failed container[ =](?<scope>[\w.-]+))?",
        cause: Some(Cause::RestartLimitHit),
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        scope: Scope::Name,
        note: "a container dies as soon as it starts: Kubernetes waits before it tries again",
        example: "Back-off restarting failed container app in pod shop-1_default(x)",
        source: SRC_KUBELET,
        ..BASE
    },
    CauseRule {
        id: "kubernetes.oom_killed",
        needles: &[&["OOMKilled", "OOMKilling", "System OOM encountered", "SystemOOM"]],
        regex: "(?-u)^(?s:.*?victim process: (?<scope>[^,]*))?",
        cause: Some(Cause::OomKilled),
        kind: RuleKind::Trigger(ChangeKind::WorkerKilled),
        scope: Scope::Name,
        note: "a container was killed for memory",
        example: "System OOM encountered, victim process: app, pid: 99",
        source: SRC_KUBELET,
        ..BASE
    },
    CauseRule {
        id: "kubernetes.container_start_failed",
        needles: &[&[
            "FailedMount",
            "FailedCreatePodSandBox",
            "CreateContainerConfigError",
            "CreateContainerError",
            "RunContainerError",
            "FailedAttachVolume",
            "MountVolume.SetUp failed",
        ]],
        cause: Some(Cause::StartupFailure),
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        note: "a container cannot start",
        example: r#"FailedMount MountVolume.SetUp failed for volume "conf""#,
        source: SRC_KUBELET,
        ..BASE
    },
    CauseRule {
        id: "kubernetes.unschedulable",
        needles: &[&["FailedScheduling", " nodes are available: "]],
        cause: Some(Cause::StartupFailure),
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        note: "no node has room for a pod",
        example: "0/3 nodes are available: 3 Insufficient memory.",
        source: "Kubernetes pkg/scheduler",
        ..BASE
    },
    CauseRule {
        id: "kubernetes.evicted_memory",
        needles: &[&["The node was low on resource: memory"]],
        cause: Some(Cause::MemoryExhausted),
        kind: RuleKind::Trigger(ChangeKind::WorkerKilled),
        note: "a pod was evicted: its node is short of memory",
        example: "The node was low on resource: memory. Threshold quantity: 100Mi, available: 90Mi.",
        source: SRC_KUBELET,
        ..BASE
    },
    CauseRule {
        id: "kubernetes.evicted_disk",
        needles: &[&[
            "The node was low on resource: ",
            "NodeHasDiskPressure",
            "EvictionThresholdMet",
        ]],
        cause: Some(Cause::DiskFull),
        kind: RuleKind::Trigger(ChangeKind::WorkerKilled),
        note: "a pod was evicted: its node is short of disk",
        example: "The node was low on resource: ephemeral-storage.",
        source: SRC_KUBELET,
        ..BASE
    },
    CauseRule {
        id: "kubernetes.node_not_ready",
        needles: &[&["NodeNotReady", "node status is now: NodeNotReady", "Node is not ready"]],
        regex: r"(?-u)^(?s:.*?Node (?<scope>\S+) status is now)?",
        cause: Some(Cause::HealthCheckFailed),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        scope: Scope::Name,
        note: "a node is not ready",
        example: "Node shop-1 status is now: NodeNotReady",
        source: SRC_CONTROLLER,
        ..BASE
    },
    CauseRule {
        id: "kubernetes.killing",
        needles: &[&[
            "^Stopping container ",
            "Killing Stopping container",
            "DeadlineExceeded Pod was active",
        ]],
        regex: r"(?-u)Stopping container (?<scope>\S+)|Deadline",
        cause: Some(Cause::DeployInProgress),
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStop),
        scope: Scope::Name,
        note: "a container is stopped: a deploy, a scale-down or an eviction",
        example: "Stopping container app",
        source: SRC_KUBELET,
        ..BASE
    },
    CauseRule {
        id: "kubernetes.scaled",
        needles: &[&["Scaled up replica set ", "Scaled down replica set "]],
        regex: r"(?-u)replica set (?<scope>\S+) (?:from [0-9]+ )?to (?<detail>[0-9]+)",
        cause: Some(Cause::DeployInProgress),
        kind: RuleKind::Lifecycle(ChangeKind::Deploy),
        scope: Scope::Name,
        note: "a deployment is rolled out or scaled",
        example: "Scaled up replica set shop-7f9 to 3 from 2",
        source: SRC_CONTROLLER,
        ..BASE
    },
    CauseRule {
        id: "kubernetes.progress_deadline",
        needles: &[&["ProgressDeadlineExceeded", "has timed out progressing"]],
        cause: Some(Cause::DeployInProgress),
        kind: RuleKind::Trigger(ChangeKind::StartFailure),
        note: "a rollout does not get done",
        example: r#"ReplicaSet "shop-7f9" has timed out progressing."#,
        source: SRC_CONTROLLER,
        ..BASE
    },
    CauseRule {
        id: "kubernetes.started",
        needles: &[&["^Started container ", "Created container "]],
        regex: r"(?-u)(?:Started|Created) container:? (?<scope>\S+)",
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStart),
        scope: Scope::Name,
        note: "a container started",
        example: "Started container app",
        source: SRC_KUBELET,
        ..BASE
    },
    CauseRule {
        id: "kubernetes.container_exited_137",
        needles: &[&[" exited with code 137", "exitCode=137"]],
        regex: r"(?-u)^(?s:.*?(?<scope>\S+) exited with)?",
        cause: Some(Cause::OomKilled),
        kind: RuleKind::Trigger(ChangeKind::WorkerKilled),
        scope: Scope::Name,
        note: "a container was killed: for memory, or because it did not stop in time",
        example: "web-1 exited with code 137",
        source: SRC_DOCKER,
        ..BASE
    },
    CauseRule {
        id: "kubernetes.container_exited_0",
        needles: &[&[" exited with code 0"]],
        kind: RuleKind::Lifecycle(ChangeKind::ServiceStop),
        note: "a container ended in order",
        example: "web-1 exited with code 0",
        source: SRC_DOCKER,
        ..BASE
    },
    CauseRule {
        id: "kubernetes.container_exited",
        needles: &[&[" exited with code ", "container die "]],
        regex: r"(?-u)^(?s:.*?(?<scope>\S+) exited with code (?<detail>[0-9]+))?",
        cause: Some(Cause::ProcessCrashed),
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        scope: Scope::Name,
        note: "a container died",
        example: "web-1 exited with code 1",
        source: SRC_DOCKER,
        ..BASE
    },
    CauseRule {
        id: "kubernetes.container_unhealthy",
        needles: &[&["health_status: unhealthy", "container oom "]],
        cause: Some(Cause::HealthCheckFailed),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "a container failed its health check",
        example: "container health_status: unhealthy abc (image=shop)",
        source: SRC_DOCKER,
        ..BASE
    },
    CauseRule {
        id: "kubernetes.container_forced",
        needles: &[&["using the force", "Container failed to exit within "]],
        kind: RuleKind::Lifecycle(ChangeKind::WorkerKilled),
        note: "a container did not stop when told to and was killed",
        example: "Container failed to exit within 10s of signal 15 - using the force",
        source: SRC_DOCKER,
        ..BASE
    },
];
