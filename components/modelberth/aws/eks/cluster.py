"""`AwsCluster`: a Kubernetes cluster of Amazon EKS, closed and encrypted, with what makes its nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi
from pulumi_aws import cloudwatch, eks, iam

from modelberth.arguments import clean_errors
from modelberth.aws import key_policy
from modelberth.aws.eks import access, addons, network_policies, node_group, roles
from modelberth.aws.eks.control_plane import arguments, problems
from modelberth.aws.eks.existing import Cluster, document, security_group
from modelberth.aws.eks.names import log_group, role_name
from modelberth.aws.encryption import AwsEncryptionKey, AwsEncryptionKeyArgs, EncryptionKey
from modelberth.aws.monitoring.logs import retention_days
from modelberth.aws.names import name_problems
from modelberth.aws.place import Place
from modelberth.errors import SpecError
from modelberth.kubernetes.managed_cluster import provider
from modelberth.spec.eks import AutoMode, ManagedNodes, NewCluster

if TYPE_CHECKING:
    import pulumi_kubernetes

__all__ = ["AwsCluster", "AwsClusterArgs"]


@dataclass(frozen=True)
class AwsClusterArgs:
    """What a cluster is made of."""

    place: Place
    name: str
    """Of the cluster, and the beginning of every other physical name."""
    settings: NewCluster
    key: EncryptionKey | None = None
    """Encrypts Secrets and logs: CloudWatch Logs may use it (`key_policy.for_logs`). None: one is made."""
    tags: Mapping[str, str] = field(default_factory=dict)
    protect: bool = False
    """Refuse to delete the cluster, its logs and its key until this is off again."""


class AwsCluster(pulumi.ComponentResource):
    """A control plane, what it is encrypted with and logs to, who may enter it, and its nodes."""

    cluster: Cluster

    def __init__(self, name: str, args: AwsClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelberth:index:AwsCluster", name, {"name": args.name}, opts)
        with clean_errors():
            if found := [*problems(args.settings, args.place), *name_problems("cluster", args.name, "name")]:
                raise SpecError(*found)
        self._args = args
        key = args.key or self._key()
        logs = self._logs(key)
        control, control_rights = self._role("cluster-role")
        node, node_rights = self._role("node-role")
        made = eks.Cluster(
            f"{name}-cluster",
            **arguments(args, role=control.arn, node_role=node.arn, key=key.arn),
            opts=self._lasting([logs, *control_rights]),
        )
        entered = access.register(name, made.name, args.settings.administrators, args.place, self._child([]))
        config = document(args.place, args.name, made)
        inside = provider(f"{name}-provider", config, self, [made, *entered])
        self.cluster = Cluster(
            name=args.name,
            place=args.place,
            kubeconfig=config,
            provider=inside,
            subnets=list(args.settings.subnets),
            security_group=security_group(made),
            node_role=node.arn,
            ready=[*entered, *self._capacity(made, node.arn, node_rights, inside)],
        )
        self.register_outputs({"name": made.name, "kubeconfig": config})

    def _key(self) -> EncryptionKey:
        args = self._args
        made = AwsEncryptionKeyArgs(
            place=args.place,
            alias=f"{args.name}-eks",
            uses=[key_policy.for_logs(args.place, log_group(args.name))],
            description=f"Encrypts the Secrets and the logs of EKS cluster {args.name}.",
            tags=args.tags,
            protect=args.protect,
        )
        return AwsEncryptionKey(f"{self.pulumi_resource_name}-key", made, self._child([])).key

    def _logs(self, key: EncryptionKey) -> cloudwatch.LogGroup:
        """EKS would make the group itself, without a key and for ever."""
        args = self._args
        return cloudwatch.LogGroup(
            f"{self.pulumi_resource_name}-logs",
            name=log_group(args.name),
            retention_in_days=retention_days(args.settings.log_retention_days),
            kms_key_id=key.arn,
            region=args.place.region,
            tags=args.tags,
            opts=self._lasting([]),
        )

    def _role(self, which: str) -> tuple[iam.Role, list[pulumi.Resource]]:
        args = self._args
        is_auto = isinstance(args.settings.capacity, AutoMode)
        kind = roles.control_plane if which == "cluster-role" else roles.nodes
        role = kind(args.place, args.name, auto_mode=is_auto)
        physical = role_name(args.name, which.removesuffix("-role"), args.place)
        name = self.pulumi_resource_name
        return roles.register(name, physical, role, args.place, args.tags, self._child([]))

    def _capacity(
        self,
        made: eks.Cluster,
        node_role: pulumi.Output[str],
        node_rights: Sequence[pulumi.Resource],
        inside: pulumi_kubernetes.Provider,
    ) -> list[pulumi.Resource]:
        """What makes nodes, and what the pods on them need."""
        name, args = self.pulumi_resource_name, self._args
        place, tags, capacity = args.place, args.tags, args.settings.capacity
        if isinstance(capacity, AutoMode):
            first = [network_policies.register(f"{name}-network-policies", self, inside), *node_rights]
            on_nodes = (addon for addon in addons.ON_NODES if addon.name != "coredns")
            later = addons.register(name, [*on_nodes], made.name, place, tags, self._child(first))
            return [*first, *later]
        before = addons.register(name, addons.BEFORE_NODES, made.name, place, tags, self._child([]))
        group = node_group.register(
            name,
            _group(args.name, capacity),
            place,
            tags,
            self._child([]),
            cluster=made.name,
            role=node_role,
            subnets=list(args.settings.subnets),
            after=[*node_rights, *before],
        )
        return [group, *addons.register(name, addons.ON_NODES, made.name, place, tags, self._child([group]))]

    def _child(self, after: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=[*after])

    def _lasting(self, after: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
        protect = self._args.protect or None
        return pulumi.ResourceOptions(parent=self, depends_on=[*after], protect=protect)


def _group(name: str, capacity: ManagedNodes) -> node_group.NodeGroup:
    return node_group.NodeGroup(
        name=name,
        instance_types=capacity.instance_types,
        ami_type=capacity.ami_type,
        min=capacity.min,
        max=capacity.max,
        disk=capacity.disk,
    )
