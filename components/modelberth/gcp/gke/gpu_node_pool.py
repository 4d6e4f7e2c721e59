"""`GcpGpuNodePool`: nodes with GPUs for a cluster of GKE, as a node pool or by a compute class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi

from modelberth.arguments import clean_errors
from modelberth.errors import Problem, SpecError, join
from modelberth.gcp.gke import compute_class, node_pool, roles
from modelberth.gcp.gke.existing import Cluster
from modelberth.gcp.gke.gpu_rules import problems
from modelberth.gcp.gke.names import account_name
from modelberth.gcp.gke.sizing import accelerator, machine
from modelberth.kubernetes.accelerators.table import KIND_LABEL, accelerators
from modelberth.kubernetes.objects import register
from modelberth.spec.gke import GkeNodePool, Mig, TimeSharing

if TYPE_CHECKING:
    from modelberth.gcp.gke.images import Repository
    from modelberth.spec.gke import GkePool
    from modelberth.spec.resources import Resources

__all__ = ["GcpGpuNodePool", "GcpGpuNodePoolArgs"]


@dataclass(frozen=True)
class GcpGpuNodePoolArgs:
    """Which GPUs, and what makes the nodes."""

    cluster: Cluster
    name: str
    """Beginning of the pool's name, or that of the compute class; unlike any other of the cluster."""
    resources: Resources
    """Of a replica: its GPUs, and what a node has to hold beside them."""
    pool: GkePool
    repositories: Sequence[Repository] = ()
    """That nodes pull from whose account is made here."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Of the machines."""


class GcpGpuNodePool(pulumi.ComponentResource):
    """Nodes that carry a label by which endpoints find them, and a taint that keeps everything else off."""

    def __init__(
        self, name: str, args: GcpGpuNodePoolArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        gpu = args.resources.gpu
        asked = {"kind": None if gpu is None else gpu.kind, "name": args.name}
        # What is in the cluster is made by its own provider, which the children have from here.
        inside = pulumi.ResourceOptions(providers=[args.cluster.provider])
        opts = pulumi.ResourceOptions.merge(opts, inside)
        super().__init__("modelberth:index:GcpGpuNodePool", name, asked, opts)
        with clean_errors():
            if gpu is None:
                raise SpecError(Problem("resources.gpu", "nothing", "the GPUs of a replica"))
            region = args.cluster.place.region
            found = [*problems(args.pool, args.resources, region, "pool"), *_mode(args)]
            if found:
                raise SpecError(*found)
        if isinstance(args.pool, GkeNodePool):
            self._nodes(args, args.pool)
        else:
            gpus = accelerator(args.pool, args.resources, region)
            assert gpus is not None, "problems tells it"
            made = {"class": compute_class.manifest(args.name, args.pool, gpu, gpus, self._key(args.cluster))}
            register(name, made, self, depends_on=args.cluster.ready)
        self.register_outputs({"name": args.name})

    @staticmethod
    def _key(cluster: Cluster) -> pulumi.Input[str] | None:
        """Return the key of disks, where the cluster does not give it to all nodes that it makes."""
        return None if cluster.is_autopilot else cluster.disk_key

    def _nodes(self, args: GcpGpuNodePoolArgs, pool: GkeNodePool) -> None:
        name, cluster = self.pulumi_resource_name, args.cluster
        child = pulumi.ResourceOptions(parent=self)
        node_pool.register(
            f"{name}-nodes",
            nodes(args.name, pool, args.resources, cluster.place.region, cluster.location),
            cluster.place,
            child,
            cluster=cluster.name,
            location=cluster.location,
            account=self._account(args, pool, child),
            key=cluster.disk_key,
            labels=args.labels,
            after=cluster.ready,
        )

    def _account(
        self, args: GcpGpuNodePoolArgs, pool: GkeNodePool, opts: pulumi.ResourceOptions
    ) -> roles.NodeAccount:
        if pool.service_account is not None:
            return roles.NodeAccount(pool.service_account)
        if args.cluster.nodes is not None:
            return args.cluster.nodes
        account = account_name(args.name, "nodes")
        name = self.pulumi_resource_name
        opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[*args.cluster.ready]))
        return roles.register(name, account, args.cluster.place, args.repositories, opts)


def nodes(
    name: str, pool: GkeNodePool, resources: Resources, region: str, location: str
) -> node_pool.NodePool:
    """Return the nodes of a pool.

    Args:
        name: beginning of the pool's name
        pool: as it was asked for
        resources: of a replica
        region: of the nodes
        location: region or zone of the cluster

    Raises:
        ValueError: no machine has such GPUs; `problems` tells it before.

    """
    found = machine(pool, resources, region)
    if found is None:
        raise ValueError("no machine has these GPUs; `problems` tells it")
    known = found.zones_in(region)
    vendor = accelerators()[found.accelerator.kind].vendor
    sharing: tuple[str, int] | None = None
    partition: str | None = None
    match pool.sharing:
        case TimeSharing(pods=pods):
            sharing = ("TIME_SHARING", pods)
        case Mig(partition=size):
            partition = size
    return node_pool.NodePool(
        name=name,
        machine_type=found.name,
        min=pool.min,
        max=pool.max,
        disk=pool.disk,
        zones=pool.zones or ((location,) if location in known else known),
        spot=pool.spot,
        gpus=node_pool.Gpus(found.accelerator.name, found.gpus, pool.driver, sharing, partition),
        labels={KIND_LABEL: found.accelerator.kind},
        taints={vendor.taint: "present"},
    )


def _mode(args: GcpGpuNodePoolArgs) -> list[Problem]:
    """Refuse nodes of one's own in Autopilot, which lets nobody add any."""
    if not (args.cluster.is_autopilot and isinstance(args.pool, GkeNodePool)):
        return []
    hint = "Google makes all nodes of a cluster in Autopilot."
    return [Problem(join("pool", "kind"), args.pool.kind, "compute_class with Autopilot", hint)]
