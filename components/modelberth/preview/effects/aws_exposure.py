"""Where the inputs of resources of AWS let everybody in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelberth.preview.plan import Op, Plan, Step

from .effect import Effect
from .exposure import (
    CONTROL_PLANE,
    FROM_OUTSIDE,
    INTERNET,
    UNSIGNED,
    Opening,
    guards,
    is_everywhere,
    opens,
)
from .policy_documents import read_document
from .rule import Rules, at, entries, found

__all__ = ["RULES"]

_Inputs = Mapping[str, Any]


def _function_url(inputs: _Inputs) -> Iterator[Opening]:
    if inputs.get("authorizationType") == "NONE":
        yield Opening("authorizationType", "anybody may call it without credentials", closed=UNSIGNED)


def _lambda_permission(inputs: _Inputs) -> Iterator[Opening]:
    limits = ("sourceArn", "sourceAccount", "principalOrgId")
    if inputs.get("principal") == "*" and not any(inputs.get(limit) for limit in limits):
        unsigned = inputs.get("functionUrlAuthType") == "NONE"
        by_address = unsigned or inputs.get("invokedViaFunctionUrl") is True
        lets = "anybody may call the function by its address, without credentials"
        yield Opening("principal", lets if by_address else "every AWS principal may call the function")


def _route(inputs: _Inputs) -> Iterator[Opening]:
    if inputs.get("authorizationType", "NONE") == "NONE" and not inputs.get("apiKeyRequired"):
        lets = "anybody may call the route without credentials"
        yield Opening("authorizationType", lets, closed=UNSIGNED)


def _method(inputs: _Inputs) -> Iterator[Opening]:
    # A browser asks with OPTIONS before it sends credentials, so that one has to be open.
    if (
        inputs.get("authorization") == "NONE"
        and not inputs.get("apiKeyRequired")
        and inputs.get("httpMethod") != "OPTIONS"
    ):
        lets = "anybody may call the method without credentials"
        yield Opening("authorization", lets, closed=UNSIGNED)


def _policy(inputs: _Inputs) -> Iterator[Opening]:
    for grant in read_document(inputs.get("policy")):
        if grant.principal == "*" and not grant.denies and not grant.condition:
            yield Opening("policy", f"everybody may do {grant.action}")


def _acl(inputs: _Inputs) -> Iterator[Opening]:
    if str(inputs.get("acl", "")).startswith(("public-", "authenticated-")):
        yield Opening("acl", "everybody may read the bucket's objects")


def _access_block(inputs: _Inputs) -> Iterator[Opening]:
    for flag in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"):
        if inputs.get(flag, False) is False:
            yield Opening(flag, "the bucket may be opened to everybody")


def _security_group(inputs: _Inputs) -> Iterator[Opening]:
    for place, rule in found(inputs, "ingress[]"):
        for key in ("cidrBlocks", "ipv6CidrBlocks"):
            if any(is_everywhere(one) for one in entries(at(rule, key))):
                yield Opening(f"{place}.{key}", f"{INTERNET} on port {at(rule, 'fromPort', 'any')}")


def _security_group_rule(inputs: _Inputs) -> Iterator[Opening]:
    if inputs.get("type") == "ingress":
        for key in ("cidrBlocks", "ipv6CidrBlocks"):
            if any(is_everywhere(one) for one in entries(inputs.get(key))):
                yield Opening(key, f"{INTERNET} on port {inputs.get('fromPort', 'any')}")


def _ingress_rule(inputs: _Inputs) -> Iterator[Opening]:
    for key in ("cidrIpv4", "cidrIpv6"):
        if is_everywhere(inputs.get(key)):
            yield Opening(key, f"{INTERNET} on port {inputs.get('fromPort', 'any')}")


def _load_balancer(inputs: _Inputs) -> Iterator[Opening]:
    if inputs.get("internal", False) is False:
        default = "internal" not in inputs
        yield Opening("internal", INTERNET, by_default=default, closed=FROM_OUTSIDE)


def _eks(inputs: _Inputs) -> Iterator[Opening]:
    public = at(inputs, "vpcConfig.endpointPublicAccess")
    ranges = at(inputs, "vpcConfig.publicAccessCidrs")
    if public is not False and (ranges is None or any(is_everywhere(one) for one in entries(ranges))):
        yield Opening("vpcConfig.endpointPublicAccess", CONTROL_PLANE, by_default=public is None)


def _trust(inputs: _Inputs) -> Iterator[Opening]:
    for grant in read_document(inputs.get("assumeRolePolicy")):
        if grant.principal == "*" and not grant.denies and not grant.condition:
            yield Opening("assumeRolePolicy", "everybody with an AWS account may take the role")


def _database(inputs: _Inputs) -> Iterator[Opening]:
    if inputs.get("publiclyAccessible") is True:
        yield Opening("publiclyAccessible", "it gets an address on the internet", closed=FROM_OUTSIDE)


_guarded: Final = guards(_access_block)


def _block(step: Step, plan: Plan) -> Iterator[Effect]:
    """A block that goes together with its bucket opens nothing."""
    bucket = at(step.before, "bucket")
    gone = (
        other
        for other in plan.by_type.get("aws:s3/bucket:Bucket", ())
        if other.op is Op.DELETE and not other.retain
    )
    if step.op is Op.DELETE and any(
        bucket in (at(other.before, "bucket"), *(other.outputs_before.get(key) for key in ("id", "bucket")))
        for other in gone
    ):
        return
    yield from _guarded(step, plan)


RULES: Rules = {
    "aws:iam/role:Role": (opens(_trust),),
    "aws:rds/instance:Instance": (opens(_database),),
    "aws:rds/clusterInstance:ClusterInstance": (opens(_database),),
    "aws:sqs/queuePolicy:QueuePolicy": (opens(_policy),),
    "aws:sns/topicPolicy:TopicPolicy": (opens(_policy),),
    "aws:lambda/functionUrl:FunctionUrl": (opens(_function_url),),
    "aws:lambda/permission:Permission": (opens(_lambda_permission),),
    "aws:apigatewayv2/route:Route": (opens(_route),),
    "aws:apigateway/method:Method": (opens(_method),),
    "aws:s3/bucketPolicy:BucketPolicy": (opens(_policy),),
    "aws:s3/bucketAcl:BucketAcl": (opens(_acl),),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": (_block,),
    "aws:ecr/repositoryPolicy:RepositoryPolicy": (opens(_policy),),
    "aws:kms/key:Key": (opens(_policy),),
    "aws:kms/keyPolicy:KeyPolicy": (opens(_policy),),
    "aws:secretsmanager/secretPolicy:SecretPolicy": (opens(_policy),),
    "aws:ec2/securityGroup:SecurityGroup": (opens(_security_group),),
    "aws:ec2/securityGroupRule:SecurityGroupRule": (opens(_security_group_rule),),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": (opens(_ingress_rule),),
    "aws:lb/loadBalancer:LoadBalancer": (opens(_load_balancer),),
    "aws:eks/cluster:Cluster": (opens(_eks),),
}
