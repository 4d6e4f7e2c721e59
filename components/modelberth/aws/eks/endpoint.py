"""`EksEndpoint`: a model endpoint in a cluster of Amazon EKS, which is given or made for it.

Its pods are those of `KubernetesEndpoint`, object by object. What AWS adds is around them: the cluster, its
nodes, and the role by which these pods alone read their models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pulumi

from modelberth.arguments import asked, clean_errors, read_for
from modelberth.aws.eks import pod_identity
from modelberth.aws.eks.cluster import AwsCluster, AwsClusterArgs
from modelberth.aws.eks.existing import Cluster, existing
from modelberth.aws.eks.gpu_node_pool import AwsGpuNodePool, AwsGpuNodePoolArgs
from modelberth.aws.eks.names import cluster_name
from modelberth.aws.encryption import EncryptionKey
from modelberth.aws.needs import Pods
from modelberth.aws.plan import Plan
from modelberth.capabilities import require
from modelberth.contract import EndpointContract
from modelberth.errors import SpecError
from modelberth.kubernetes.endpoint import KubernetesEndpoint, KubernetesEndpointArgs
from modelberth.kubernetes.managed_cluster import given_problems, in_cluster
from modelberth.kubernetes.plan import Plan as PodPlan
from modelberth.spec import EksTarget, EndpointSpec
from modelberth.spec.eks import NewCluster

__all__ = ["EksEndpoint", "EksEndpointArgs"]


@dataclass(frozen=True)
class EksEndpointArgs:
    """What to serve, and in which cluster of which account and region."""

    spec: EndpointSpec
    target: EksTarget
    path: str = ""
    """Where the spec stands in the config, such as `endpoints[0]`: refusals begin with it."""
    namespace: pulumi.Resource | None = None
    """What makes the namespace, where the program does: it comes first, and need not be there yet."""
    cluster: Cluster | None = None
    """The cluster that `target.cluster` names, where the program itself makes it (`AwsCluster.cluster`)."""

    @classmethod
    def parse(cls, config: Mapping[str, object]) -> EksEndpointArgs:
        """Read the arguments from a mapping shaped like an entry of a stack's config.

        Raises:
            pulumi.RunError: the mapping is wrong; each problem has its path.

        """
        return cls(*read_for(EksTarget, config))


class EksEndpoint(pulumi.ComponentResource):
    """A cluster or the way into one, nodes with GPUs, the pods' role, and the pods."""

    contract: EndpointContract
    namespace: pulumi.Resource | None
    """The namespace, where the endpoint makes it: what else goes into it comes after it."""

    def __init__(self, name: str, args: EksEndpointArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelberth:index:EksEndpoint", name, asked(args.spec, args.target, opts), opts)
        with clean_errors():
            require(args.spec, args.target, args.path)
            if found := [*given_problems(args.target.cluster, args.cluster)]:
                raise SpecError(*(one.under(args.path) for one in found))
            project, stack = pulumi.get_project(), pulumi.get_stack()
            plan = Plan.of(args.spec, args.target, project, stack)
            pods = PodPlan.of(in_cluster(args.spec), args.target.as_kubernetes(), project, stack)
        self._plan = plan
        cluster = args.cluster or self._cluster()
        nodes = self._gpu_pool(cluster)
        role = pod_identity.register(name, plan, Pods(cluster.name, pods.namespace, pods.name), self._child())
        served = KubernetesEndpoint(
            f"{name}-pods",
            KubernetesEndpointArgs(
                pods.spec,
                pods.target,
                args.path,
                args.namespace,
                kubeconfig=cluster.kubeconfig,
                nodes_come=bool(nodes),
                after=[*cluster.ready, *nodes, *role],
            ),
            pulumi.ResourceOptions(parent=self, providers=[cluster.provider]),
        )
        self.namespace = served.namespace
        self.contract = replace(served.contract, target=plan.target.kind, region=plan.target.region)
        self.register_outputs({"contract": self.contract.to_dict(), "cluster": cluster.name})

    @property
    def url(self) -> pulumi.Output[str]:
        """Address of the endpoint: of its route, or inside the cluster."""
        return pulumi.Output.from_input(self.contract.url)

    def _cluster(self) -> Cluster:
        plan, name, settings = self._plan, self.pulumi_resource_name, self._plan.target.cluster
        if not isinstance(settings, NewCluster):
            return existing(name, settings.name, plan.place, self)
        key = plan.spec.security.key
        args = AwsClusterArgs(
            place=plan.place,
            name=cluster_name(plan),
            settings=settings,
            key=None if key is None else EncryptionKey.from_existing(key, plan.place, "security.key"),
            tags=plan.tags,
            protect=plan.spec.protect,
        )
        return AwsCluster(f"{name}-cluster", args, self._child()).cluster

    def _gpu_pool(self, cluster: Cluster) -> list[pulumi.Resource]:
        plan = self._plan
        pool, gpu = plan.target.gpu_pool, plan.spec.resources.gpu
        if pool is None or gpu is None:
            return []
        args = AwsGpuNodePoolArgs(cluster, plan.named("gpu", longest=52), gpu.kind, pool, plan.tags)
        return [AwsGpuNodePool(f"{self.pulumi_resource_name}-gpu", args, self._child())]

    def _child(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self)
