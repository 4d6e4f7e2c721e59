"""What providers add to inputs, in states that the real ones made."""

from typing import Any

import pytest

from modelberth.preview.standins.backend import Request
from modelberth.preview.standins.difference import compare
from modelberth.preview.standins.imitation import defaults
from modelberth.preview.standins.imitation.autonaming import named
from modelberth.preview.standins.values import Secret
from modelberth.provider.resource import UNKNOWN

APP = "azure-native:app:ContainerApp"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"


def request(token: str, **config: Any) -> Request:
    return Request(f"urn:pulumi:dev::shop::{token}::it", token, "it", config=config)


TOPIC = request("aws:sns/topic:Topic")


def test_a_default_that_the_provider_filled_in_is_kept() -> None:
    olds = {
        "name": "iris-1a2b3c4",
        "memory": 128,
        "own": "was given",
        "__defaults": ["name", "memory"],
        "blocks": [{"mode": "x", "size": 1, "__defaults": ["size"]}],
    }
    news = {"memory": 256, "blocks": [{"mode": "y"}, {"mode": "z"}]}
    assert defaults.keep(TOPIC, olds, news) == {
        "memory": 256,
        "name": "iris-1a2b3c4",
        "__defaults": ["name"],
        "blocks": [{"mode": "y", "size": 1, "__defaults": ["size"]}, {"mode": "z"}],
    }
    assert defaults.keep(TOPIC, {}, news) == news


@pytest.mark.parametrize(
    "token", [APP, "azure-native:app/v20240301:ContainerApp", "azure-native_app_v1:app:ContainerApp"]
)
def test_a_state_of_the_real_azure_native_shows_no_change(token: str) -> None:
    given = {"resourceGroupName": "models", "template": {"containers": [{"name": "iris", "image": "iris:1"}]}}
    state = {
        **given,
        "containerAppName": "it1a2b3c4d",
        "location": "northeurope",
        "azureApiVersion": "2025-01-01",
        "__createBeforeDelete": True,
    }
    asked = request(token.replace("_v1:", "_v20240301:"))
    news = named(asked, state, defaults.keep(asked, state, given))
    assert list(compare(state, news)) == []
    assert news["__createBeforeDelete"] is True


def test_a_place_comes_from_the_configuration_where_neither_state_nor_program_has_one() -> None:
    configured = request(APP, location="westus")
    assert defaults.keep(configured, {}, {})["location"] == "westus"
    assert defaults.keep(configured, {"location": "northeurope"}, {})["location"] == "northeurope"
    assert defaults.keep(configured, {}, {"location": "eastus"})["location"] == "eastus"
    assert defaults.keep(request(APP), {}, {}) == {}
    assert (
        defaults.keep(request("azure-native:authorization:RoleAssignment", location="westus"), {}, {}) == {}
    )


@pytest.mark.parametrize(
    ("before", "config", "kept"),
    [("default", {}, True), ("models", {"namespace": "models"}, True), ("models", {}, False)],
)
def test_a_namespace_that_was_left_to_the_provider_stays(
    before: str, config: dict[str, str], kept: bool
) -> None:
    state = {"metadata": {"name": "c", "namespace": before}}
    news = {"metadata": {"name": "c"}, "data": {"a": "b"}}
    found = defaults.keep(request(CONFIG_MAP, **config), state, news)
    assert found == {**news, "metadata": {"name": "c", **({"namespace": before} if kept else {})}}


@pytest.mark.parametrize("metadata", [UNKNOWN, {"namespace": "models"}, Secret({"namespace": "models"})])
def test_a_namespace_that_is_given_or_not_known_yet_is_left_alone(metadata: Any) -> None:
    news = {"metadata": metadata}
    assert defaults.keep(request(CONFIG_MAP), {"metadata": {"namespace": "default"}}, news) == news
