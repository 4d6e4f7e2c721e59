"""What an account has before a program runs there: made in the simulation because the program names it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from support.clouds.graph import Graph, Resource

__all__ = ["MANAGED", "furnish", "publish"]

MANAGED: Final = "arn:aws:iam::aws:policy/"
"""What policies begin with that AWS itself keeps in every account."""
_NETWORK: Final = re.compile(r"\b(vpc|subnet|sg|rtb)-[0-9a-f]{8,17}\b")
_ROLE: Final = re.compile(r"^arn:aws:iam::\d{12}:role/([\w+=,.@/-]+)$")
_ROLES: Final = frozenset({"role", "executionRoleArn", "roleArn", "nodeRoleArn"})
_ANYBODY: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {
                "Service": [
                    "lambda.amazonaws.com",
                    "sagemaker.amazonaws.com",
                    "eks.amazonaws.com",
                    "ec2.amazonaws.com",
                ]
            },
        }
    ],
}
_ATTACHMENT: Final = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
_FUNCTION: Final = "aws:lambda/function:Function"


def furnish(graph: Graph, client: Callable[[str], Any]) -> dict[str, str]:
    """Make what the graph names and does not make: roles, buckets for records, a network.

    Returns:
        what the graph calls it → what the simulation does; both are the same where the caller gives the name

    """
    own = {text for one in graph.resources for text in one.identities}
    texts = [text for one in graph.resources for text in _texts(one.inputs)]
    made = _network({found[0] for text in texts for found in _NETWORK.finditer(text)} - own, client("ec2"))
    for one in graph.resources:
        for role in _roles(one, own):
            client("iam").create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(_ANYBODY))
            own |= {role, *(str(one.inputs.get(key)) for key in _ROLES)}
        if one.token == "aws:iam/userPolicyAttachment:UserPolicyAttachment":
            client("iam").create_user(UserName=one.inputs["user"])
        if one.token == "aws:eks/nodeGroup:NodeGroup" and one.inputs["clusterName"] not in own:
            own |= {one.inputs["clusterName"]}
            role = one.inputs["nodeRoleArn"]
            network = {"subnetIds": [made[subnet] for subnet in one.inputs["subnetIds"]]}
            eks = client("eks")
            eks.create_cluster(name=one.inputs["clusterName"], roleArn=role, resourcesVpcConfig=network)
        if one.token == "aws:s3/bucketLogging:BucketLogging" and one.inputs["targetBucket"] not in own:
            s3, region = client("s3"), client("s3").meta.region_name
            where = (
                {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
            )
            s3.create_bucket(Bucket=one.inputs["targetBucket"], **where)
            grants = {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/s3/LogDelivery"}
            s3.put_bucket_acl(
                Bucket=one.inputs["targetBucket"],
                AccessControlPolicy={
                    "Owner": s3.get_bucket_acl(Bucket=one.inputs["targetBucket"])["Owner"],
                    "Grants": [{"Grantee": grants, "Permission": right} for right in ("WRITE", "READ_ACP")],
                },
            )
    return made


def publish(graph: Graph, client: Callable[[str], Any]) -> Callable[[Resource], None]:
    """Publish versions of each function, up to the last that an alias names: earlier deployments did."""
    aliases = [one for one in graph.resources if one.token == "aws:lambda/alias:Alias"]

    def then(one: Resource) -> None:
        if one.token != _FUNCTION:
            return
        name = one.inputs["name"]
        named = {alias.inputs["functionVersion"] for alias in aliases if alias.inputs["functionName"] == name}
        functions = client("lambda")
        for number in range(2, max((int(version) for version in named), default=1) + 1):
            functions.update_function_configuration(FunctionName=name, Description=f"deployment {number}")
            assert functions.publish_version(FunctionName=name)["Version"] == str(number)

    return then


def _network(ids: set[str], ec2: Any) -> dict[str, str]:
    if not ids:
        return {}
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    zones = [one["ZoneName"] for one in ec2.describe_availability_zones()["AvailabilityZones"]]
    made: dict[str, str] = {}
    for number, one in enumerate(sorted(ids)):
        match one.partition("-")[0]:
            case "vpc":
                made[one] = vpc
            case "subnet":
                zone = zones[number % len(zones)]
                subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=zone)
                made[one] = subnet["Subnet"]["SubnetId"]
            case "sg":
                group = ec2.create_security_group(VpcId=vpc, GroupName=one, Description=one)
                made[one] = group["GroupId"]
            case _:
                made[one] = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    return made


def _roles(one: Resource, own: set[str]) -> Iterator[str]:
    if one.token == _ATTACHMENT and one.inputs["role"] not in own:
        yield one.inputs["role"]
    for key in _ROLES & one.inputs.keys():
        arn = one.inputs[key]
        if arn not in own and (found := _ROLE.match(str(arn))):
            yield found[1]


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for item in value.values():
                yield from _texts(item)
        case list():
            for item in value:
                yield from _texts(item)
