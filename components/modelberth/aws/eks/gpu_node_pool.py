"""`AwsGpuNodePool`: nodes with GPUs for a cluster of EKS, by Karpenter or as a managed node group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi

from modelberth.arguments import clean_errors
from modelberth.aws.eks import karpenter, node_group, roles
from modelberth.aws.eks.existing import Cluster
from modelberth.aws.eks.limits import limits
from modelberth.aws.eks.names import role_name
from modelberth.errors import Problem, SpecError, join, shown
from modelberth.kubernetes.accelerators.table import KIND_LABEL, accelerators
from modelberth.kubernetes.objects import register
from modelberth.spec.eks import GpuNodeGroup, KarpenterPool

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Manifest
    from modelberth.spec.eks import GpuPool
    from modelberth.spec.resources import GpuKind

__all__ = ["AwsGpuNodePool", "AwsGpuNodePoolArgs", "problems"]


@dataclass(frozen=True)
class AwsGpuNodePoolArgs:
    """Which GPUs, and what makes the nodes."""

    cluster: Cluster
    name: str
    """Of the node class or group, and the beginning of the pools'; unlike any other of the cluster."""
    kind: GpuKind
    """Model of the GPUs."""
    pool: GpuPool
    tags: Mapping[str, str] = field(default_factory=dict)


class AwsGpuNodePool(pulumi.ComponentResource):
    """Nodes that carry a label by which endpoints find them, and a taint that keeps everything else off."""

    def __init__(
        self, name: str, args: AwsGpuNodePoolArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        # What is in the cluster is made by its own provider, which the children have from here.
        inside = pulumi.ResourceOptions(providers=[args.cluster.provider])
        asked = {"kind": args.kind, "name": args.name}
        opts = pulumi.ResourceOptions.merge(opts, inside)
        super().__init__("modelberth:index:AwsGpuNodePool", name, asked, opts)
        with clean_errors():
            if found := [*problems(args.pool, args.kind, "pool")]:
                raise SpecError(*found)
        match args.pool:
            case KarpenterPool():
                _register_pools(name, args, args.pool, self)
            case GpuNodeGroup():
                _register_group(name, args, args.pool, pulumi.ResourceOptions(parent=self))
        self.register_outputs({"name": args.name})


def problems(pool: GpuPool, kind: GpuKind, path: str) -> Iterator[Problem]:
    """Yield why no node of a pool could have such GPUs."""
    families = limits().families
    if kind not in families:
        allowed = f"nothing with kind {kind}, of which EC2 has none: {', '.join(families)}"
        yield Problem(path, "a pool", allowed)
        return
    for place, one in enumerate(pool.instance_types):
        if not limits().is_of_kind(one, kind):
            allowed = f"an instance type of {', '.join(families[kind])}, which have GPUs of kind {kind}"
            yield Problem(join(path, f"instance_types[{place}]"), shown(one), allowed)


def _register_pools(
    name: str, args: AwsGpuNodePoolArgs, pool: KarpenterPool, parent: pulumi.Resource
) -> None:
    """The class, then the pools: they are of the cluster, and of no namespace."""
    made_by = karpenter.node_class(pool)
    node_class: Manifest = {
        "apiVersion": made_by.api_version,
        "kind": made_by.kind,
        "metadata": {"name": args.name, "labels": {"app.kubernetes.io/managed-by": "modelberth"}},
        "spec": _class_spec(args, pool),
    }
    first = register(name, {"class": node_class}, parent, depends_on=args.cluster.ready)
    register(name, karpenter.node_pools(pool, args.kind, args.name), parent, depends_on=first)


def _class_spec(args: AwsGpuNodePoolArgs, pool: KarpenterPool) -> pulumi.Output[Mapping[str, object]]:
    cluster = args.cluster
    role = cluster.node_role if pool.own is None else pool.own.role

    def spec(told: list[object]) -> Mapping[str, object]:
        named, subnets, group = told
        if not named:
            raise pulumi.RunError(
                f"{cluster.name} has no role for nodes: turn Auto Mode's node pools on, or set gpu_pool.own"
            )
        assert isinstance(subnets, list)
        network = karpenter.Network([str(one) for one in subnets], str(group))
        return karpenter.node_class_spec(pool, str(named).rpartition("/")[2], network)

    return pulumi.Output.all(role, cluster.subnets, cluster.security_group).apply(spec)


def _register_group(
    name: str, args: AwsGpuNodePoolArgs, pool: GpuNodeGroup, opts: pulumi.ResourceOptions
) -> None:
    cluster = args.cluster
    role: pulumi.Input[str]
    after: list[pulumi.Resource] = [*cluster.ready]
    if pool.role is not None:
        role = pool.role
    else:
        kind = roles.nodes(cluster.place, cluster.name, auto_mode=False)
        physical = role_name(args.name, "node", cluster.place)
        made, rights = roles.register(name, physical, kind, cluster.place, args.tags, opts)
        role, after = made.arn, [*after, *rights]
    vendor = accelerators()[args.kind].vendor
    group = node_group.NodeGroup(
        name=args.name,
        instance_types=pool.instance_types,
        ami_type=pool.ami_type,
        min=pool.min,
        max=pool.max,
        disk=pool.disk,
        spot=pool.spot,
        labels={KIND_LABEL: args.kind},
        taints={vendor.taint: "present"},
    )
    node_group.register(
        name,
        group,
        cluster.place,
        args.tags,
        opts,
        cluster=cluster.name,
        role=role,
        subnets=cluster.subnets,
        after=after,
    )
