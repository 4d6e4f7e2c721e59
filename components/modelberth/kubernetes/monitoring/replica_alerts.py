"""Alerts on the pods themselves, from kube-state-metrics and NVIDIA's DCGM exporter.

Where those do not run their series are missing, and the alerts stay silent.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from modelberth.kubernetes.monitoring.gpu_metrics import GpuMetric, gpu_labels, of_gpus
from modelberth.kubernetes.monitoring.queries import deployments, pods
from modelberth.kubernetes.monitoring.rule import Rule, alert

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Plan

__all__ = ["gpu_alerts", "of_own_gpus", "replica_alerts"]

_MEMORY_FULL: Final = 0.95
# vLLM takes 90 percent or more at its start, whatever comes.
_FILLS_MEMORY: Final = frozenset({"vllm"})


def replica_alerts(plan: Plan) -> Iterator[Rule]:
    """Yield the alerts on replicas that are missing or that do not stay."""
    name = plan.spec.name
    if names := deployments(plan):
        yield from _missing(plan, f'namespace="{plan.namespace}",deployment=~"{"|".join(names)}"')
    of_pods = f'namespace="{plan.namespace}",pod=~"{pods(plan)}"'
    waiting = f'kube_pod_container_status_waiting_reason{{{of_pods},reason="CrashLoopBackOff"}}'
    killed = f'kube_pod_container_status_last_terminated_reason{{{of_pods},reason="OOMKilled"}}'
    yield alert(
        plan,
        "ModelberthCrashLooping",
        f"max_over_time({waiting}[5m]) >= 1",
        severity="warning",
        lasting="5m",
        summary=f"{name}: {{{{ $labels.pod }}}} does not stay up",
        description="The container ends again and again; Kubernetes waits longer before each start.",
        runbook="`kubectl logs --previous` tells why it ended: a model that is not what its digest says ends "
        "with status 3, a wrong setting with 2.",
    )
    yield alert(
        plan,
        "ModelberthOutOfMemory",
        f"increase(kube_pod_container_status_restarts_total{{{of_pods}}}[15m]) > 0 "
        f"and on (namespace, pod, container) {killed} == 1",
        severity="warning",
        summary=f"{name}: {{{{ $labels.pod }}}} needed more memory than it may have",
        description=f"A replica has {plan.spec.resources.memory} (resources.memory) and was killed above it.",
        runbook="Raise resources.memory, or lower limits.concurrency, limits.max_body or the batch.",
    )


def _missing(plan: Plan, of: str) -> Iterator[Rule]:
    name = plan.spec.name
    yield alert(
        plan,
        "ModelberthNoReplica",
        f"kube_deployment_status_replicas_available{{{of}}} == 0 and on (namespace, deployment) "
        f"kube_deployment_spec_replicas{{{of}}} > 0",
        severity="critical",
        lasting="2m",
        summary=f"{name}: no replica of {{{{ $labels.deployment }}}} is ready",
        description="Nothing answers.",
        runbook="`kubectl describe pod`: a pull that fails, a node that is missing, or probes that the "
        "server does not answer; its log says what it waits for.",
    )
    yield alert(
        plan,
        "ModelberthReplicasMissing",
        f"kube_deployment_status_replicas_available{{{of}}} < on (namespace, deployment) "
        f"kube_deployment_spec_replicas{{{of}}}",
        severity="warning",
        lasting="15m",
        summary=f"{name}: only {{{{ $value }}}} replicas of {{{{ $labels.deployment }}}} are ready",
        description="Fewer than wanted for a quarter of an hour: the others do not start, or find no node.",
        runbook="`kubectl get pods`: Pending is a matter of nodes and quota, anything else of the container.",
    )
    if plan.is_autoscaled:
        most = plan.spec.scaling.max
        yield alert(
            plan,
            "ModelberthAtMaxReplicas",
            f"kube_deployment_spec_replicas{{{of}}} >= {most}",
            severity="warning",
            lasting="30m",
            summary=f"{name}: {{{{ $labels.deployment }}}} has been at {most} replicas for half an hour",
            description=f"scaling.max is {most}, so more load will not bring more replicas.",
            runbook="Raise scaling.max, if latency or refusals say that it is needed.",
        )


def of_own_gpus(plan: Plan, metric: GpuMetric) -> str:
    """Return a metric of the GPUs of the endpoint's pods, in parentheses."""
    return f"({of_gpus(metric, plan.namespace, pods(plan))})"


def gpu_alerts(plan: Plan) -> Iterator[Rule]:
    """Yield the alerts on NVIDIA's GPUs; AMD's exporter has other series."""
    gpu = plan.spec.resources.gpu
    if gpu is None or gpu.kind.startswith("mi"):
        return
    name = plan.spec.name
    # A label that a series does not have is nothing in the text.
    node = "".join(f"{{{{ $labels.{label} }}}}" for label in gpu_labels())
    yield alert(
        plan,
        "ModelberthGpuFault",
        f"{of_own_gpus(plan, 'fault')} > 0",
        severity="critical",
        lasting="1m",
        summary=f"{name}: GPU {{{{ $labels.gpu }}}} on {node}: XID {{{{ $value }}}}",
        description="The driver reported a fault of the GPU, or of the program on it.",
        runbook="NVIDIA's list of XIDs tells whose fault it is. 48, 63, 64, 74, 79, 94 and 95 are of the "
        "hardware: drain the node.",
    )
    if plan.spec.runtime.engine in _FILLS_MEMORY:
        return
    used, free = of_own_gpus(plan, "memory_used"), of_own_gpus(plan, "memory_free")
    yield alert(
        plan,
        "ModelberthGpuMemoryFull",
        f"{used} / ({used} + {free}) > {_MEMORY_FULL}",
        severity="warning",
        lasting="10m",
        summary=f"{name}: memory of GPU {{{{ $labels.gpu }}}} is {{{{ $value | humanizePercentage }}}} full",
        description="The next larger batch may not fit.",
        runbook="Lower runtime.batching.max_size, or ask for a GPU with more memory.",
    )
