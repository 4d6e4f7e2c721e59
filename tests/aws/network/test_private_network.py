"""The private network: who may come in, what it leads to, and that nobody else's account is on either end."""

from dataclasses import replace
from typing import Any

import pulumi
import pytest

from modelberth.aws.network.endpoint_policies import statements
from modelberth.aws.network.private_network import AwsPrivateNetwork, AwsPrivateNetworkArgs
from modelberth.aws.network.services import interfaces, needed, s3
from support.aws_blocks import CHINA, NETWORK, PLACE, AwsRecorder, aws, outputs_of, regional
from support.iam import allows, document
from support.recording import run

__all__ = ["aws"]

OURS = {"aws:PrincipalAccount": PLACE.account, "aws:ResourceAccount": PLACE.account}
STRANGER = "210987654321"
OPEN = ("0.0.0.0/0", "::/0", "0.0.0.0/1", "8.8.8.0/24")


def registered(aws: AwsRecorder, args: AwsPrivateNetworkArgs = NETWORK) -> AwsRecorder:
    run(aws, lambda: AwsPrivateNetwork("private", args))
    return aws


def through(service: str, action: str, resource: str = "*") -> Any:
    """Whether the endpoint of a service lets a request through; to be called with its context."""
    found = s3() if service == "s3" else interfaces()[service]
    return allows(document(*statements(found, PLACE)), action, resource, ("AWS", "somebody"))


def test_every_service_has_an_endpoint_and_s3_a_way(aws: AwsRecorder) -> None:
    registered(aws)
    assert len(aws.of("VpcEndpoint")) == len(NETWORK.services) + 1 == 13
    assert {one.inputs["serviceName"] for one in aws.of("VpcEndpoint")} == {
        f"com.amazonaws.eu-central-1.{name}"
        for name in (
            *("lambda", "sagemaker.runtime", "sagemaker.api", "ecr.api", "ecr.dkr"),
            *("ec2", "eks", "eks-auth", "logs", "kms", "sts", "monitoring", "s3"),
        )
    }
    assert len(regional(aws)) == len(aws.resources) - sum(
        "modelberth" in one.type for one in aws.resources
    ) - sum(one.type == "pulumi:pulumi:Stack" for one in aws.resources)
    assert set(outputs_of(aws)["endpoints"]) == {*NETWORK.services, "s3"}
    assert outputs_of(aws)["endpoints"]["lambda"] == "private-lambda-id"


def test_the_usual_addresses_lead_to_the_interfaces(aws: AwsRecorder) -> None:
    """A39: private DNS, in every zone, behind the security group that is made here alone."""
    registered(aws)
    found = [one.inputs for one in aws.of("VpcEndpoint") if one.inputs["vpcEndpointType"] == "Interface"]
    assert len(found) == 12
    for one in found:
        assert one["privateDnsEnabled"] is True
        assert one["subnetIds"] == [*NETWORK.subnets.values()]
        assert one["securityGroupIds"] == ["private-group-id"]
    gateway = aws.named("private-s3").inputs
    assert gateway["vpcEndpointType"] == "Gateway"
    assert gateway["routeTableIds"] == [*NETWORK.route_tables]
    assert "privateDnsEnabled" not in gateway


def test_a39_only_who_is_named_comes_in_and_nothing_goes_out(aws: AwsRecorder) -> None:
    """A39 (EC2.18, EC2.19): HTTPS from given networks and groups; no rule for the way out."""
    registered(
        aws, replace(NETWORK, callers=("10.0.0.0/16", "fd00:1::/64"), caller_groups=("sg-0123456789",))
    )
    group = aws.named("private-group").inputs
    assert not {"ingress", "egress"} & set(group)
    rules = [one.inputs for one in aws.of("SecurityGroupIngressRule")]
    assert [(one["ipProtocol"], one["fromPort"], one["toPort"]) for one in rules] == [("tcp", 443, 443)] * 3
    keys = ("cidrIpv4", "cidrIpv6", "referencedSecurityGroupId")
    assert sorted((key, one[key]) for one in rules for key in keys if key in one) == [
        ("cidrIpv4", "10.0.0.0/16"),
        ("cidrIpv6", "fd00:1::/64"),
        ("referencedSecurityGroupId", "sg-0123456789"),
    ]
    assert not aws.of("SecurityGroupEgressRule")


@pytest.mark.parametrize("network", OPEN)
def test_a39_the_internet_is_no_caller(aws: AwsRecorder, network: str) -> None:
    """A39, the opposite: a rule that is open to the internet is refused, and nothing is registered."""
    args = replace(NETWORK, callers=("10.0.0.0/16", network))
    (found,) = args.problems()
    assert found.path == "callers[1]"
    with pytest.raises(pulumi.RunError, match=r"callers\[1\]"):
        registered(aws, args)
    assert not aws.of("SecurityGroup")


def test_every_endpoint_has_the_policy_of_its_service(aws: AwsRecorder) -> None:
    registered(aws)
    for name in NETWORK.services:
        service = interfaces()[name]
        assert aws.document(f"private-{service.role}") == document(*statements(service, PLACE))
    assert aws.document("private-s3") == document(*statements(s3(), PLACE))


@pytest.mark.parametrize(
    ("service", "action"),
    [
        ("lambda", "lambda:InvokeFunction"),
        ("sagemaker.runtime", "sagemaker:InvokeEndpoint"),
        ("sagemaker.api", "sagemaker:DescribeEndpoint"),
        ("ecr.api", "ecr:GetAuthorizationToken"),
        ("ecr.dkr", "ecr:BatchGetImage"),
        ("logs", "logs:PutLogEvents"),
        ("kms", "kms:Decrypt"),
        ("sts", "sts:AssumeRole"),
        ("monitoring", "cloudwatch:PutMetricData"),
        ("s3", "s3:GetObject"),
    ],
)
def test_a39_both_ends_are_of_the_account(service: str, action: str) -> None:
    """A39: neither credentials nor data of another account pass, in either direction."""
    passes = through(service, action)
    assert passes(OURS)
    assert passes({"aws:PrincipalAccount": PLACE.account}), "an action without a resource"
    assert not passes({**OURS, "aws:PrincipalAccount": STRANGER})
    assert not passes({**OURS, "aws:ResourceAccount": STRANGER})
    assert not passes()
    assert not through(service, "iam:CreateUser")(OURS)


def test_the_layers_of_images_come_without_a_principal_of_ones_own() -> None:
    layers = "arn:aws:s3:::prod-eu-central-1-starport-layer-bucket/a"
    assert through("s3", "s3:GetObject", layers)()
    assert not through("s3", "s3:PutObject", layers)()
    assert not through("s3", "s3:GetObject", layers.replace("layer-bucket", "other"))()


def test_a_service_account_becomes_a_role_of_the_account() -> None:
    role = PLACE.arn("iam", "role/iris")
    assert through("sts", "sts:AssumeRoleWithWebIdentity", role)()
    assert not through("sts", "sts:AssumeRoleWithWebIdentity", role.replace(PLACE.account, STRANGER))()
    assert not through("sts", "sts:AssumeRoleWithSAML", role)()


def test_another_account_is_let_through_where_it_is_named(aws: AwsRecorder) -> None:
    registered(aws, replace(NETWORK, accounts=(STRANGER,)))
    found = allows(aws.document("private-lambda"), "lambda:InvokeFunction", principal=("AWS", "somebody"))
    assert found({**OURS, "aws:ResourceAccount": STRANGER})
    assert not found({**OURS, "aws:ResourceAccount": "111111111111"})


def test_who_needs_what() -> None:
    assert needed("lambda") == ("lambda",)
    assert needed("sagemaker") == ("sagemaker.runtime",)
    assert needed("eks") == ("ecr.api", "ecr.dkr", "ec2", "eks", "eks-auth", "logs", "sts")
    assert needed("lambda", "sagemaker") == ("lambda", "sagemaker.runtime")
    assert needed() == ()
    assert all(kind in s3().needed_by for kind in ("lambda", "sagemaker", "eks"))


def test_in_china_some_services_have_another_name() -> None:
    assert interfaces()["lambda"].endpoint_service(CHINA) == "cn.com.amazonaws.cn-north-1.lambda"
    assert interfaces()["logs"].endpoint_service(CHINA) == "com.amazonaws.cn-north-1.logs"
    assert interfaces()["lambda"].endpoint_service(PLACE) == "com.amazonaws.eu-central-1.lambda"


def test_a_way_to_s3_alone_has_no_security_group(aws: AwsRecorder) -> None:
    registered(aws, replace(NETWORK, services=(), callers=(), caller_groups=()))
    assert [one.name for one in aws.of("VpcEndpoint")] == ["private-s3"]
    assert not aws.of("SecurityGroup")


def test_ids_may_be_made_beside(aws: AwsRecorder) -> None:
    made = pulumi.Output.from_input("vpc-0123456789abcdef0")
    registered(aws, replace(NETWORK, vpc=made, caller_groups=(pulumi.Output.from_input("sg-0123456789"),)))
    assert aws.named("private-from-group-0").inputs["referencedSecurityGroupId"] == "sg-0123456789"


A, B = NETWORK.subnets


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"subnets": {A: NETWORK.subnets[A]}}, "subnets"),
        ({"subnets": {**NETWORK.subnets, "us-east-1a": "subnet-0123456789abcdef7"}}, "subnets"),
        ({"subnets": {A: NETWORK.subnets[A], B: NETWORK.subnets[A]}}, "subnets"),
        ({"subnets": {**NETWORK.subnets, A: "vpc-0123456789abcdef0"}}, f"subnets.{A}"),
        ({"vpc": "subnet-0123456789abcdef0"}, "vpc"),
        ({"services": ("lambda", "dynamodb")}, "services[1]"),
        ({"services": ("lambda", "lambda")}, "services"),
        ({"services": (), "route_tables": ()}, "services"),
        ({"callers": (), "caller_groups": ()}, "callers"),
        ({"callers": ("10.0.0.1/16",)}, "callers[0]"),
        ({"caller_groups": ("everyone",)}, "caller_groups[0]"),
        ({"accounts": ("*",)}, "accounts[0]"),
        ({"name": "sg-private"}, "name"),
    ],
)
def test_what_aws_would_refuse_is_refused_before(aws: AwsRecorder, change: dict[str, Any], path: str) -> None:
    args = replace(NETWORK, **change)
    (found,) = args.problems()
    assert found.path == path
    with pytest.raises(pulumi.RunError):
        registered(aws, args)
    assert not aws.of("VpcEndpoint")


def test_in_a_local_zone_a_subnet_counts_too() -> None:
    zones = {"eu-central-1a": "subnet-0123456789abcdef0", "eu-central-1-ham-1a": "subnet-0123456789abcdef1"}
    assert not [*replace(NETWORK, subnets=zones).problems()]
