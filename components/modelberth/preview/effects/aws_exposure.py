"""Where the inputs of resources of AWS let everybody in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .exposure import CONTROL_PLANE, INTERNET, Opening, guards, is_everywhere, opens
from .policy_documents import read_document
from .rule import Rules, at, entries, found

__all__ = ["RULES"]

_Inputs = Mapping[str, Any]


def _function_url(inputs: _Inputs) -> Iterator[Opening]:
    if inputs.get("authorizationType") == "NONE":
        yield Opening("authorizationType", "anybody may call it without credentials")


def _lambda_permission(inputs: _Inputs) -> Iterator[Opening]:
    limits = ("sourceArn", "sourceAccount", "principalOrgId")
    if inputs.get("principal") == "*" and not any(inputs.get(limit) for limit in limits):
        yield Opening("principal", "every AWS principal may call the function")


def _route(inputs: _Inputs) -> Iterator[Opening]:
    if inputs.get("authorizationType", "NONE") == "NONE" and not inputs.get("apiKeyRequired"):
        yield Opening("authorizationType", "anybody may call the route without credentials")


def _method(inputs: _Inputs) -> Iterator[Opening]:
    # A browser asks with OPTIONS before it sends credentials, so that one has to be open.
    if (
        inputs.get("authorization") == "NONE"
        and not inputs.get("apiKeyRequired")
        and inputs.get("httpMethod") != "OPTIONS"
    ):
        yield Opening("authorization", "anybody may call the method without credentials")


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
        yield Opening("internal", INTERNET, by_default="internal" not in inputs)


def _eks(inputs: _Inputs) -> Iterator[Opening]:
    public = at(inputs, "vpcConfig.endpointPublicAccess")
    ranges = at(inputs, "vpcConfig.publicAccessCidrs")
    if public is not False and (ranges is None or any(is_everywhere(one) for one in entries(ranges))):
        yield Opening("vpcConfig.endpointPublicAccess", CONTROL_PLANE, by_default=public is None)


RULES: Rules = {
    "aws:lambda/functionUrl:FunctionUrl": (opens(_function_url),),
    "aws:lambda/permission:Permission": (opens(_lambda_permission),),
    "aws:apigatewayv2/route:Route": (opens(_route),),
    "aws:apigateway/method:Method": (opens(_method),),
    "aws:s3/bucketPolicy:BucketPolicy": (opens(_policy),),
    "aws:s3/bucketAcl:BucketAcl": (opens(_acl),),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": (guards(_access_block),),
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
