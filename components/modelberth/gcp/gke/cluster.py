"""`GcpCluster`: a Kubernetes cluster of GKE, closed and encrypted, with what makes its nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
from pulumi_gcp import container

from modelberth.arguments import clean_errors
from modelberth.errors import Problem, SpecError
from modelberth.gcp.encryption import EncryptionKey, GcpEncryptionKey, GcpEncryptionKeyArgs
from modelberth.gcp.gke import node_pool, roles
from modelberth.gcp.gke.control_plane import arguments, base_pool, problems
from modelberth.gcp.gke.existing import Cluster, document
from modelberth.gcp.gke.images import Repository
from modelberth.gcp.gke.names import account_name
from modelberth.gcp.names import name_problems
from modelberth.gcp.place import Place
from modelberth.kubernetes.managed_cluster import provider
from modelberth.spec.gke import Autopilot, NewGkeCluster, Standard

__all__ = ["GcpCluster", "GcpClusterArgs"]

_AGENTS = ("compute", "container")
"""Who encrypts with the key: disks of nodes, and Secrets."""
# What Google tells of nodes as the cluster's is that of some pool, and no number of nodes is the first.
_TOLD_BY_POOLS = ("initialNodeCount", "nodeConfig")


@dataclass(frozen=True)
class GcpClusterArgs:
    """What a cluster is made of."""

    place: Place
    name: str
    """Of the cluster, and the beginning of every other physical name."""
    settings: NewGkeCluster
    key: EncryptionKey | None = None
    """Encrypts Secrets and the disks of nodes: the agents of GKE and of Compute Engine may use it
    (`service_agents.toml`). None: one is made, in a key ring that Google never deletes, so who makes a
    cluster of the same name again has to give a key."""
    repositories: Sequence[Repository] = ()
    """In Artifact Registry, that the nodes pull from; no other."""
    labels: Mapping[str, str] = field(default_factory=dict)
    protect: bool = False
    """Refuse to delete the cluster and its key until this is off again."""
    after: Sequence[pulumi.Resource] = ()
    """What has to be there before: the APIs of the project, where these are enabled here."""

    def problems(self) -> Iterator[Problem]:
        """Yield what GKE would refuse."""
        yield from problems(self.settings, self.place)
        yield from name_problems("cluster", self.name, "name")
        if self.key is not None:
            yield from self.key.use_problems("key", *_AGENTS)


class GcpCluster(pulumi.ComponentResource):
    """A control plane, what it is encrypted with, the account of its nodes, and nodes."""

    cluster: Cluster

    def __init__(self, name: str, args: GcpClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelberth:index:GcpCluster", name, {"name": args.name}, opts)
        with clean_errors():
            if found := [*args.problems()]:
                raise SpecError(*found)
        self._args = args
        key = (args.key or self._key()).id
        account = account_name(args.name, "nodes")
        nodes = roles.register(name, account, args.place, args.repositories, self._child(args.after))
        is_autopilot = isinstance(args.settings.capacity, Autopilot)
        made = container.Cluster(
            f"{name}-cluster",
            **arguments(args, account=nodes.email, key=key),
            opts=self._lasting([*nodes.rights, *args.after], [] if is_autopilot else _TOLD_BY_POOLS),
        )
        config = document(args.name, made)
        pools = self._pools(made, nodes, key)
        self.cluster = Cluster(
            name=args.name,
            place=args.place,
            location=args.place.region,
            kubeconfig=config,
            provider=provider(f"{name}-provider", config, self, [made]),
            is_autopilot=is_autopilot,
            nodes=nodes,
            disk_key=key,
            ready=[made, *pools],
        )
        self.register_outputs({"name": made.name, "kubeconfig": config})

    def _key(self) -> EncryptionKey:
        args = self._args
        made = GcpEncryptionKeyArgs(
            place=args.place,
            ring=f"{args.name}-gke",
            key="cluster",
            services=_AGENTS,
            labels=args.labels,
            protect=args.protect,
            after=args.after,
        )
        return GcpEncryptionKey(f"{self.pulumi_resource_name}-key", made, self._child([])).key

    def _pools(
        self, made: container.Cluster, nodes: roles.NodeAccount, key: pulumi.Input[str]
    ) -> list[pulumi.Resource]:
        """Nodes for what needs no GPU: the cluster's own services are on them."""
        args = self._args
        if not isinstance(args.settings.capacity, Standard):
            return []
        pool = node_pool.register(
            f"{self.pulumi_resource_name}-nodes",
            base_pool(args.name, args.settings.capacity),
            args.place,
            self._child([]),
            cluster=made.name,
            location=args.place.region,
            account=nodes,
            key=key,
            labels=args.labels,
        )
        return [pool]

    def _child(self, after: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=[*after])

    def _lasting(self, after: Sequence[pulumi.Resource], ignored: Sequence[str]) -> pulumi.ResourceOptions:
        protect = self._args.protect or None
        return pulumi.ResourceOptions(
            parent=self, depends_on=[*after], protect=protect, ignore_changes=[*ignored]
        )
