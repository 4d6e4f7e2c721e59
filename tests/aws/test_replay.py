"""Graphs made by API calls against moto: order, parameters and names."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

import boto3
import pytest
from moto import mock_aws

from support.aws import replay as replay_module
from support.aws.cloudformation_rules import rows
from support.aws.existing import MANAGED, furnish, publish
from support.aws.graph import captured, in_aws
from support.aws.modes import MODES, graph_of
from support.aws.replay import Replay, ReplayError, replay
from support.aws.samples import BARE, HARDENED, bare, hardened
from support.clouds.graph import Graph, resource

REGION = "us-east-1"


@cache
def client(service: str) -> Any:
    """One client of a service for all tests: moto answers it, with nothing in the account at first."""
    return boto3.client(
        service, region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing"
    )


@contextmanager
def account(*, managed: bool = False) -> Iterator[None]:
    """An empty account; AWS's own policies take a second to read."""
    with mock_aws(config={"iam": {"load_aws_managed_policies": managed}}):
        yield


@pytest.fixture
def empty() -> Iterator[None]:
    with account():
        yield


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_is_made_in_its_order(mode: str) -> None:
    graph = graph_of(mode)
    managed = any(str(one.inputs.get("policyArn")).startswith(MANAGED) for one in graph.resources)
    with account(managed=managed):
        done = replay(graph, client, existing=furnish(graph, client), then=publish(graph, client))
    assert sorted([*done.made, *done.unsupported]) == sorted(one.name for one in in_aws(graph))
    assert len(done.calls) >= len(done.made)


def test_what_is_made_is_as_it_was_asked_for() -> None:
    graph = captured(hardened)
    with account(managed=True):
        done = replay(graph, client, existing=furnish(graph, client))
        assert len(done.made) + len(done.unsupported) == len(in_aws(graph)) == HARDENED
        assert set(done.unsupported) == {"warm", "deployer", "deployer-may", "pods"}
        _as_asked(graph, done)


def _as_asked(graph: Graph, done: Replay) -> None:
    assert Counter(call.partition(".")[0] for call in done.calls)["s3"] == 15
    assert client("lambda").get_function(FunctionName="iris")["Configuration"]["MemorySize"] == 1024
    key = client("kms").describe_key(KeyId="alias/iris")["KeyMetadata"]
    assert client("kms").get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"]
    groups = client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/iris")["logGroups"]
    assert [(group["retentionInDays"], group["kmsKeyId"]) for group in groups] == [(365, key["Arn"])]
    assert done.names[graph.named("key").id] == key["KeyId"]
    (api,) = client("apigatewayv2").get_apis()["Items"]
    (route,) = client("apigatewayv2").get_routes(ApiId=api["ApiId"])["Items"]
    (integration,) = client("apigatewayv2").get_integrations(ApiId=api["ApiId"])["Items"]
    assert route["Target"] == f"integrations/{integration['IntegrationId']}"


def test_what_moto_cannot_make_is_told_and_judged_all_the_same() -> None:
    """The service's model judges the parameters of the calls that moto does not answer."""
    table = replay_module._rows()
    lacking = {token for token, row in table.items() if row.unsupported and not row.where}
    assert lacking == {
        "aws-native:sagemaker:EndpointConfig",
        "aws-native:sagemaker:InferenceComponent",
        "aws:cloudwatch/compositeAlarm:CompositeAlarm",
        "aws:eks/accessEntry:AccessEntry",
        "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
        "aws:eks/addon:Addon",
        "aws:eks/podIdentityAssociation:PodIdentityAssociation",
        "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
    }
    assert all(table[token].calls for token in lacking)
    assert table.keys() == rows().keys(), "one oracle knows types that the other does not"
    wrong = resource("aws:eks/addon:Addon", "one", {"clusterName": "iris", "addonName": ["vpc-cni"]})
    with pytest.raises(ReplayError, match="Invalid type for parameter addonName"):
        replay(Graph((wrong,)), client)


@pytest.mark.usefixtures("empty")
def test_a_bare_program_is_made_too() -> None:
    assert len(replay(captured(bare), client).made) == BARE


@pytest.mark.usefixtures("empty")
def test_the_wrong_order_is_noticed() -> None:
    graph = graph_of("lambda: minimal")
    loose = [replace(one, dependencies=(), origins={}) for one in graph.resources]
    with pytest.raises(ReplayError, match="NotFound"):
        replay(Graph(tuple(reversed(loose))), client)


@pytest.mark.parametrize(
    ("token", "inputs", "says"),
    [
        ("aws:kms/key:Key", {"colour": "red"}, "no call of aws:kms/key:Key takes colour"),
        ("aws:ecr/repository:Repository", {"name": "iris", "colour": "red"}, "no parameter for colour"),
        ("aws:ecr/repository:Repository", {"name": ["iris"]}, "Invalid type for parameter repositoryName"),
        ("aws:kms/alias:Alias", {"name": "alias/iris"}, "Missing required parameter"),
        ("aws:route53/zone:Zone", {}, "no row in replay.toml"),
    ],
)
@pytest.mark.usefixtures("empty")
def test_what_cannot_be_called(token: str, inputs: dict[str, Any], says: str) -> None:
    with pytest.raises(ReplayError, match=says):
        replay(Graph((resource(token, "one", inputs),)), client)


@pytest.mark.usefixtures("empty")
def test_an_arn_that_the_stand_in_gets_wrong_is_noticed() -> None:
    topic = resource("aws:sns/topic:Topic", "topic", {"name": "iris"}, outputs={"arn": "arn:aws:sns:::iris"})
    with pytest.raises(ReplayError, match="the stand-in gives arn as 'arn:aws:sns:::iris'"):
        replay(Graph((topic,)), client)
