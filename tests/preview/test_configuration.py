"""What a change of a provider's own configuration does to it, and so to all that it made."""

import json
from typing import Any

import pytest

from modelberth.preview.standins.imitation.configuration import difference, moved
from modelberth.preview.standins.sdk.types import lookup
from modelberth.preview.standins.values import Secret
from modelberth.provider.resource import UNKNOWN

HERE = "https://a.example"
THERE = "https://b.example"


def kubeconfig(server: str = HERE, **changes: Any) -> str:
    config = {
        "current-context": "c",
        "contexts": [
            {"name": "c", "context": {"cluster": "one", "user": "u"}},
            {"name": "d", "context": {"cluster": "two", "user": "u"}},
        ],
        "clusters": [
            {"name": "one", "cluster": {"server": server}},
            {"name": "two", "cluster": {"server": THERE}},
        ],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    return json.dumps({**config, **changes})


USERS = [{"name": "u", "user": {"token": "another"}}]


@pytest.mark.parametrize(
    ("package", "old", "new", "changed", "replacing"),
    [
        ("aws", {"region": "eu-west-1"}, {"region": "eu-west-1"}, [], []),
        ("aws", {"region": "eu-west-1"}, {"region": "us-east-1"}, ["region"], ["region"]),
        ("aws", {"region": "eu-west-1"}, {}, ["region"], ["region"]),
        # a state that did not note it says nothing about a move
        ("aws", {}, {"region": "us-east-1"}, ["region"], []),
        ("aws", {"profile": "a"}, {"profile": "b"}, ["profile"], []),
        ("aws", {"region": Secret("a")}, {"region": "a"}, [], []),
        ("gcp", {"project": "one-two", "region": "a"}, {"project": "two-one"}, ["project", "region"], []),
        ("azure-native", {"subscriptionId": "a"}, {"subscriptionId": "b"}, ["subscriptionId"], []),
        ("azure-native", {"location": "westeurope"}, {"location": "eastus"}, ["location"], []),
        ("aws-native", {"region": "a"}, {"region": "b"}, ["region"], []),
        ("kubernetes", {"namespace": "a"}, {"namespace": "b"}, ["namespace"], []),
        ("kubernetes", {"context": "a"}, {"context": "b"}, ["context"], []),
        (
            "kubernetes",
            {"kubeconfig": kubeconfig()},
            {"kubeconfig": kubeconfig(THERE)},
            ["kubeconfig"],
            ["kubeconfig"],
        ),
        (
            "kubernetes",
            {"kubeconfig": kubeconfig()},
            {"kubeconfig": kubeconfig(users=USERS)},
            ["kubeconfig"],
            [],
        ),
        (
            "kubernetes",
            {"kubeconfig": Secret(kubeconfig())},
            {"kubeconfig": Secret(kubeconfig()), "context": "d"},
            ["context"],
            ["context"],
        ),
        ("kubernetes", {"kubeconfig": "~/.kube/a"}, {"kubeconfig": "~/.kube/b"}, ["kubeconfig"], []),
        ("kubernetes", {"kubeconfig": "a:\tb"}, {"kubeconfig": "[1"}, ["kubeconfig"], []),
        ("kubernetes", {"kubeconfig": kubeconfig()}, {"kubeconfig": UNKNOWN}, ["kubeconfig"], ["kubeconfig"]),
        (
            "kubernetes",
            {"kubeconfig": kubeconfig(), "clusterIdentifier": "prod"},
            {"kubeconfig": kubeconfig(THERE), "clusterIdentifier": "prod"},
            ["kubeconfig"],
            [],
        ),
        (
            "kubernetes",
            {"clusterIdentifier": "prod"},
            {"clusterIdentifier": "test"},
            ["clusterIdentifier"],
            ["clusterIdentifier"],
        ),
        (
            "kubernetes",
            {"renderYamlToDirectory": "a"},
            {"renderYamlToDirectory": "b"},
            ["renderYamlToDirectory"],
            ["renderYamlToDirectory"],
        ),
    ],
)
def test_a_changed_configuration_does_what_it_does_with_the_real_provider(
    package: str, old: dict[str, Any], new: dict[str, Any], changed: list[str], replacing: list[str]
) -> None:
    found = difference(package, old, new)
    assert sorted(change.path for change in found.changes) == changed
    assert [change.path for change in found.changes if change.replaces] == replacing
    assert not found.delete_first


@pytest.mark.parametrize(
    ("token", "config", "outputs", "inputs", "moves"),
    [
        ("aws:sns/topic:Topic", {"region": "b"}, {"region": "a"}, {}, True),
        ("aws:sns/topic:Topic", {"region": "a"}, {"region": "a"}, {}, False),
        ("aws:sns/topic:Topic", {"region": "b"}, {"region": "a"}, {"region": "a"}, False),
        ("aws:sns/topic:Topic", {"region": UNKNOWN}, {"region": "a"}, {}, False),
        ("aws:sns/topic:Topic", {}, {"region": "a"}, {}, False),
        ("aws:sns/topic:Topic", {"region": "b"}, {}, {}, False),
        ("aws:iam/role:Role", {"region": "b"}, {"region": "a"}, {}, False),  # in no region
        ("gcp:compute/subnetwork:Subnetwork", {"region": "b"}, {"region": "a"}, {}, False),
    ],
)
def test_what_lies_in_a_region_follows_its_provider_on_aws(
    token: str, config: dict[str, Any], outputs: dict[str, Any], inputs: dict[str, Any], moves: bool
) -> None:
    found = moved(lookup(token), config, outputs, inputs)
    assert [(change.path, change.replaces) for change in found] == ([("region", True)] if moves else [])
