"""A managed node group: its instances take no metadata from pods, and their volumes are encrypted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pulumi
from pulumi_aws import ec2, eks

from modelberth.naming import content_digest, shortened

if TYPE_CHECKING:
    from modelberth.aws.place import Place
    from modelberth.spec.quantities import Bytes

__all__ = ["NodeGroup", "launch_template", "register", "volumes"]

# Amazon EKS, API CreateNodegroup: nodegroupName.
_LONGEST_NAME: Final = 63
_GIBI: Final = 2**30
_ROOT: Final = "/dev/xvda"
_BOTTLEROCKET_DATA: Final = "/dev/xvdb"
"""Where Bottlerocket keeps images and pods; its root holds the system alone and cannot be written."""


@dataclass(frozen=True)
class NodeGroup:
    """Nodes of one kind.

    Attributes:
        name: physical; the group's own ends in a digest
        instance_types: the preferred one first
        ami_type: as EKS names its kinds of images
        min: fewest nodes
        max: most nodes
        disk: size of what holds images and pods
        spot: spare capacity
        labels: of the nodes
        taints: key → value; pods that do not tolerate them are kept off

    """

    name: str
    instance_types: Sequence[str]
    ami_type: str
    min: int
    max: int
    disk: Bytes
    spot: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Mapping[str, str] = field(default_factory=dict)


def volumes(group: NodeGroup) -> list[dict[str, Any]]:
    """Return a node's volumes."""
    size = {"volume_size": -(-int(group.disk) // _GIBI)}
    kind = {"volume_type": "gp3", "encrypted": "true", "delete_on_termination": "true"}
    if group.ami_type.startswith("BOTTLEROCKET"):
        return [
            {"device_name": _ROOT, "ebs": kind},
            {"device_name": _BOTTLEROCKET_DATA, "ebs": {**kind, **size}},
        ]
    return [{"device_name": _ROOT, "ebs": {**kind, **size}}]


def launch_template(group: NodeGroup, place: Place, tags: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments of the template that the instances are launched by.

    With one hop the metadata service, by which a node's role could be taken on, answers the node itself and
    no pod (EKS, "Restrict access to the instance profile assigned to the worker node").
    """
    return {
        "name": group.name,
        "region": place.region,
        "update_default_version": True,
        "metadata_options": {
            "http_endpoint": "enabled",
            "http_tokens": "required",
            "http_put_response_hop_limit": 1,
            "instance_metadata_tags": "disabled",
        },
        "block_device_mappings": volumes(group),
        "tag_specifications": [
            {"resource_type": kind, "tags": {**tags, "Name": group.name}} for kind in ("instance", "volume")
        ],
        "tags": tags,
    }


def register(
    name: str,
    group: NodeGroup,
    place: Place,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
    *,
    cluster: pulumi.Input[str],
    role: pulumi.Input[str],
    subnets: pulumi.Input[Sequence[str]],
    after: Sequence[pulumi.Resource] = (),
) -> eks.NodeGroup:
    """Register a group and its template.

    Args:
        name: beginning of the resources' names
        group: what to make
        place: of the cluster
        tags: of all that has any
        opts: of all resources
        cluster: its name
        role: ARN of the nodes' role
        subnets: ids
        after: what nodes need to become ready

    """
    template = ec2.LaunchTemplate(f"{name}-template", **launch_template(group, place, tags), opts=opts)
    # How many nodes there are is an autoscaler's to say once they are there.
    later = pulumi.ResourceOptions(depends_on=[*after], ignore_changes=["scalingConfig.desiredSize"])
    return eks.NodeGroup(
        f"{name}-nodes",
        cluster_name=cluster,
        node_group_name=_named(group, role, subnets),
        node_role_arn=role,
        subnet_ids=subnets,
        ami_type=group.ami_type,
        capacity_type="SPOT" if group.spot else "ON_DEMAND",
        instance_types=[*group.instance_types],
        launch_template={"id": template.id, "version": template.latest_version.apply(str)},
        scaling_config={"min_size": group.min, "desired_size": max(group.min, 1), "max_size": group.max},
        update_config={"max_unavailable": 1},
        node_repair_config={"enabled": True},
        labels=dict(group.labels),
        taints=[{"key": key, "value": value, "effect": "NO_SCHEDULE"} for key, value in group.taints.items()],
        region=place.region,
        tags=tags,
        opts=pulumi.ResourceOptions.merge(opts, later),
    )


def _named(
    group: NodeGroup, role: pulumi.Input[str], subnets: pulumi.Input[Sequence[str]]
) -> pulumi.Output[str]:
    """Name a group by all that replaces it: the next one has its nodes before the last one's go.

    With the name of the last one it could not be made while that is there, and no pod would have a node.
    """

    def named(content: str) -> str:
        return shortened(f"{group.name}-{content_digest(content)}", _LONGEST_NAME)

    chosen = [group.ami_type, group.spot, *group.instance_types]
    return pulumi.Output.json_dumps([chosen, role, subnets]).apply(named)
