"""`KubernetesGpuNodePool`: nodes with GPUs that are there already, and how many of them a namespace may hold.

For clusters of one's own. It makes no node and installs no driver: it labels and taints nodes, and sets a
quota.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pulumi

from modelberth.arguments import clean_errors
from modelberth.errors import Problem, SpecError, shown
from modelberth.kubernetes.accelerators.placement import extended_resource
from modelberth.kubernetes.accelerators.table import KIND_LABEL, accelerators
from modelberth.kubernetes.objects import register
from modelberth.kubernetes.preflight.requirements import (
    Devices,
    Permission,
    RequiredObject,
    Requirements,
    RequirementsArgs,
)
from modelberth.naming import physical_name
from modelberth.spec.kubernetes import DNS_LABEL, OBJECT_NAME, DeviceClaim, DevicePlugin, Mig

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Manifest
    from modelberth.spec.kubernetes import GpuAccess
    from modelberth.spec.resources import GpuKind

__all__ = ["KubernetesGpuNodePool", "KubernetesGpuNodePoolArgs", "node_patches", "quotas", "requirements"]


@dataclass(frozen=True)
class KubernetesGpuNodePoolArgs:
    """Which nodes, and how much of them for whom."""

    namespace: str
    """Existing namespace that the quota is for."""
    kind: GpuKind
    """Model of the nodes' GPUs."""
    gpus: int
    """Most GPUs (shares or slices, as `access` says) that pods of the namespace may hold at the same time."""
    nodes: tuple[str, ...] = ()
    """Names of the nodes that get the label and the taint. Empty: they have them already."""
    access: GpuAccess = field(default_factory=DevicePlugin)
    """How pods ask for GPUs: `target.gpu` of the endpoints."""
    taint: bool = True
    """Keep pods without a GPU off the nodes.

    The API server knows one owner of all taints of a node. So it is for nodes without other taints, a node
    that is cordoned cannot be changed, and one that was cordoned since keeps the taint when the pool goes.
    """
    context: str | None = None
    """Context of the kubeconfig in which the GPUs are counted first. None: its current one."""

    @property
    def resource(self) -> str | None:
        """Extended resource that the nodes offer; None with claims of devices."""
        return extended_resource(accelerators()[self.kind], self.access)


class KubernetesGpuNodePool(pulumi.ComponentResource):
    """Labels, taints and a quota, so that endpoints find the GPUs and share them."""

    def __init__(
        self, name: str, args: KubernetesGpuNodePoolArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(
            "modelberth:index:KubernetesGpuNodePool", name, {"kind": args.kind, "gpus": args.gpus}, opts
        )
        with clean_errors():
            if found := [*problems(args)]:
                raise SpecError(*found)
            physical = physical_name(pulumi.get_project(), pulumi.get_stack(), name)
        from pulumi_kubernetes.core.v1 import NodePatch  # noqa: PLC0415 - slow to import

        child = pulumi.ResourceOptions(parent=self)
        asked = Requirements(f"{name}-requirements", requirements(args, physical), child)
        after = pulumi.ResourceOptions(parent=self, depends_on=[asked])
        for role, fields in node_patches(args).items():
            NodePatch(f"{name}-{role}", after, **fields)
        register(name, quotas(args, physical), self, depends_on=[asked])
        self.register_outputs({"quota": physical})


def node_patches(args: KubernetesGpuNodePoolArgs) -> dict[str, dict[str, Any]]:
    """Return what is set on each node: the label that endpoints look for, and the taint that they tolerate.

    By server-side apply, so it stays beside what others have set, and goes with the pool.
    """
    taint = {"key": accelerators()[args.kind].vendor.taint, "value": "present", "effect": "NoSchedule"}
    spec = {"spec": {"taints": [taint]}} if args.taint else {}
    return {
        f"node-{node}": {"metadata": {"name": node, "labels": {KIND_LABEL: args.kind}}, **spec}
        for node in args.nodes
    }


def quotas(args: KubernetesGpuNodePoolArgs, name: str) -> dict[str, Manifest]:
    """Return the quota of the namespace.

    A pod beyond it is not made at all, and its ReplicaSet says why. So a rollout that surges needs room
    in it.
    """
    if isinstance(args.access, DeviceClaim):
        counted = f"{args.access.device_class}.deviceclass.resource.k8s.io/devices"
    else:
        counted = f"requests.{args.resource}"
    labels = {"app.kubernetes.io/managed-by": "modelberth"}
    return {
        "quota": {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": name, "namespace": args.namespace, "labels": labels},
            "spec": {"hard": {counted: str(args.gpus)}},
        }
    }


def requirements(args: KubernetesGpuNodePoolArgs, name: str) -> RequirementsArgs:
    """Return what the cluster has to have: without so many GPUs the quota is a promise that nobody can keep.

    Devices that are claimed are in no node's allocatable resources, so they are not counted.
    """
    counted = (Devices(args.resource, per_pod=1, pods=args.gpus, path="gpus"),) if args.resource else ()
    needed = [Permission("v1", "ResourceQuota", ("get", "create", "patch", "delete"))]
    if args.nodes:
        needed.append(Permission("v1", "Node", ("get", "patch")))
    nodes = [RequiredObject("v1", "Node", f"nodes[{place}]", node) for place, node in enumerate(args.nodes)]
    return RequirementsArgs(
        namespace=args.namespace,
        instance=name,
        context=args.context,
        devices=counted,
        objects=nodes,
        permissions=needed,
    )


def problems(args: KubernetesGpuNodePoolArgs) -> Iterator[Problem]:
    """Yield what a cluster would refuse, or could never give."""
    if not DNS_LABEL.matches(args.namespace):
        yield Problem("namespace", shown(args.namespace), DNS_LABEL.allowed)
    if args.gpus < 1:
        yield Problem("gpus", shown(args.gpus), "1 or more")
    for place, node in enumerate(args.nodes):
        if not OBJECT_NAME.matches(node):
            yield Problem(f"nodes[{place}]", shown(node), "the name of a node")
    if len(set(args.nodes)) < len(args.nodes):
        yield Problem("nodes", f"{len(args.nodes)} names", "each name once")
    accelerator = accelerators().get(args.kind)
    if accelerator is None:
        yield Problem("kind", shown(args.kind), ", ".join(accelerators()))
        return
    try:
        extended_resource(accelerator, args.access)
    except ValueError:
        allowed = f"device_plugin with {accelerator.vendor.title}'s {args.kind}"
        yield Problem("access", shown(args.access.kind), allowed)
        return
    if isinstance(args.access, Mig) and args.access.profile not in accelerator.slices:
        allowed = ", ".join(accelerator.slices) or f"nothing: kind {args.kind} has no slices"
        yield Problem("access.profile", shown(args.access.profile), allowed)
