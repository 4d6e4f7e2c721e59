"""The graph of a program in AWS, as the converters get it."""

from typing import Any

import pulumi
import pytest
from pulumi_aws import iam, kms

from support.aws.graph import ACCOUNT, captured
from support.aws.samples import HARDENED, hardened
from support.clouds.graph import Graph, RefusedError, resource


def test_every_input_of_a_captured_program_is_known() -> None:
    graph = captured(hardened)
    assert len(graph.resources) == len(graph.of("aws")) == HARDENED
    key = graph.named("key")
    assert key.outputs["arn"] == f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{key.id}"
    assert graph.named("function").inputs["kmsKeyArn"] == key.outputs["arn"]
    assert graph.named("function").origins["kmsKeyArn"] == (key.urn,)
    assert graph.named("api-predict").inputs["target"] == f"integrations/{graph.named('api-function').id}"


def test_a_secret_is_its_value() -> None:
    graph = captured(lambda: kms.Key("key", description=pulumi.Output.secret("told")) and None)
    assert graph.named("key").inputs["description"] == "told"


def test_what_the_stand_in_refuses_is_an_error() -> None:
    def program() -> None:
        iam.Role("role", name="not a name", assume_role_policy="{}")

    with pytest.raises(RefusedError, match="not a name"):
        captured(program)


def test_the_graph_of_a_state() -> None:
    key: dict[str, Any] = {
        "urn": "urn:pulumi:dev::shop::aws:kms/key:Key::key",
        "type": "aws:kms/key:Key",
        "custom": True,
        "id": "k",
        "inputs": {"description": {"4dabf18193072939515e22adb298388d": "1b47", "ciphertext": "v1:x"}},
        "outputs": {"arn": "arn:key"},
    }
    alias = {
        "urn": "urn:pulumi:dev::shop::aws:kms/alias:Alias::alias",
        "type": "aws:kms/alias:Alias",
        "custom": True,
        "id": "alias/iris",
        "inputs": {"targetKeyId": "k"},
        "dependencies": [key["urn"]],
        "propertyDependencies": {"targetKeyId": [key["urn"]], "name": None},
    }
    stack = {"urn": "urn:pulumi:dev::shop::pulumi:pulumi:Stack::dev", "type": "pulumi:pulumi:Stack"}
    provider = {**stack, "type": "pulumi:providers:aws", "custom": True}
    graph = Graph.of_state([stack, provider, key, alias, {**key, "delete": True}])
    assert [one.name for one in graph.resources] == ["key", "alias"]
    assert graph.named("key").inputs == {"description": "[secret]"}
    assert graph.named("alias").origins == {"targetKeyId": (key["urn"],), "name": ()}


def test_a_graph_in_the_wrong_order_is_refused() -> None:
    key = resource("aws:kms/key:Key", "key", {})
    alias = resource("aws:kms/alias:Alias", "alias", {}, dependencies=(key.urn,))
    Graph((key, alias))
    with pytest.raises(AssertionError, match="stands before what it needs"):
        Graph((alias, key))
