"""`GkeEndpoint`: a model endpoint in a cluster of Google Kubernetes Engine, which is given or made for it.

Its pods are those of `KubernetesEndpoint`, object by object. What Google Cloud adds is around them: the
cluster, its nodes, and the account by which these pods alone read their models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pulumi

from modelberth.arguments import asked, clean_errors, read_for
from modelberth.capabilities import require
from modelberth.contract import EndpointContract
from modelberth.errors import SpecError
from modelberth.gcp.encryption import EncryptionKey
from modelberth.gcp.gke import workload_identity
from modelberth.gcp.gke.cluster import GcpCluster, GcpClusterArgs
from modelberth.gcp.gke.existing import Cluster, existing
from modelberth.gcp.gke.gpu_node_pool import GcpGpuNodePool, GcpGpuNodePoolArgs
from modelberth.gcp.gke.images import Repository, repositories
from modelberth.gcp.gke.names import cluster_name, pool_name
from modelberth.gcp.gke.placement import is_autopilot, pods
from modelberth.gcp.needs import Pods
from modelberth.gcp.plan import Plan
from modelberth.gcp.services import GcpServices, GcpServicesArgs
from modelberth.kubernetes.endpoint import KubernetesEndpoint, KubernetesEndpointArgs
from modelberth.kubernetes.managed_cluster import given_problems, in_cluster
from modelberth.kubernetes.plan import Plan as PodPlan
from modelberth.spec import EndpointSpec, GkeTarget
from modelberth.spec.gke import NewGkeCluster

__all__ = ["GkeEndpoint", "GkeEndpointArgs"]


@dataclass(frozen=True)
class GkeEndpointArgs:
    """What to serve, and in which cluster of which project and region."""

    spec: EndpointSpec
    target: GkeTarget
    path: str = ""
    """Where the spec stands in the config, such as `endpoints[0]`: refusals begin with it."""
    namespace: pulumi.Resource | None = None
    """What makes the namespace, where the program does: it comes first, and need not be there yet."""
    cluster: Cluster | None = None
    """The cluster that `target.cluster` names, where the program itself makes it (`GcpCluster.cluster`): its
    nodes have to read the images' repositories."""

    @classmethod
    def parse(cls, config: Mapping[str, object]) -> GkeEndpointArgs:
        """Read the arguments from a mapping shaped like an entry of a stack's config.

        Raises:
            pulumi.RunError: the mapping is wrong; each problem has its path.

        """
        return cls(*read_for(GkeTarget, config))


class GkeEndpoint(pulumi.ComponentResource):
    """The project's APIs, a cluster or the way into one, nodes with GPUs, the pods' account, and the pods."""

    contract: EndpointContract
    namespace: pulumi.Resource | None
    """The namespace, where the endpoint makes it: what else goes into it comes after it."""

    def __init__(self, name: str, args: GkeEndpointArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelberth:index:GkeEndpoint", name, asked(args.spec, args.target, opts), opts)
        with clean_errors():
            require(args.spec, args.target, args.path)
            if found := [*given_problems(args.target.cluster, args.cluster)]:
                raise SpecError(*(one.under(args.path) for one in found))
            project, stack = pulumi.get_project(), pulumi.get_stack()
            self._plan = plan = Plan.of(args.spec, args.target, project, stack)
            served = PodPlan.of(in_cluster(plan.spec), pods(plan, {}), project, stack)
        self._apis = GcpServices(
            f"{name}-apis", GcpServicesArgs(plan.place, "gke"), pulumi.ResourceOptions(parent=self)
        ).services
        self._pulled = repositories(served)
        cluster = args.cluster or self._cluster(self._pulled)
        nodes = self._gpu_pool(cluster)
        who = Pods(served.namespace, served.name)
        identity = workload_identity.register(name, plan, who, self, cluster.ready)
        inside = KubernetesEndpoint(
            f"{name}-pods",
            KubernetesEndpointArgs(
                served.spec,
                pods(plan, identity.annotations),
                args.path,
                args.namespace,
                kubeconfig=cluster.kubeconfig,
                nodes_come=bool(nodes) or is_autopilot(plan.target),
                after=[*cluster.ready, *nodes, *identity.ready],
            ),
            pulumi.ResourceOptions(parent=self, providers=[cluster.provider]),
        )
        self.namespace = inside.namespace
        self.contract = replace(inside.contract, target=plan.target.kind, region=plan.target.region)
        self.register_outputs({"contract": self.contract.to_dict(), "cluster": cluster.name})

    @property
    def url(self) -> pulumi.Output[str]:
        """Address of the endpoint: of its route, or inside the cluster."""
        return pulumi.Output.from_input(self.contract.url)

    def _cluster(self, pulled: Sequence[Repository]) -> Cluster:
        plan, name, settings = self._plan, self.pulumi_resource_name, self._plan.target.cluster
        key = plan.spec.security.key
        if not isinstance(settings, NewGkeCluster):
            location = settings.location or plan.place.region
            return existing(name, settings.name, plan.place, location, self, self._apis, key)
        args = GcpClusterArgs(
            place=plan.place,
            name=cluster_name(plan),
            settings=settings,
            key=None if key is None else EncryptionKey.from_existing(key, plan.place, "security.key"),
            repositories=pulled,
            labels=plan.labels,
            protect=plan.spec.protect,
            after=self._apis,
        )
        return GcpCluster(f"{name}-cluster", args, pulumi.ResourceOptions(parent=self)).cluster

    def _gpu_pool(self, cluster: Cluster) -> list[pulumi.Resource]:
        plan = self._plan
        pool, resources = plan.target.gpu_pool, plan.spec.resources
        if pool is None or resources.gpu is None:
            return []
        args = GcpGpuNodePoolArgs(cluster, pool_name(plan), resources, pool, self._pulled, plan.labels)
        return [GcpGpuNodePool(f"{self.pulumi_resource_name}-gpu", args, pulumi.ResourceOptions(parent=self))]
