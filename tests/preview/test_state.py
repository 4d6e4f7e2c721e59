"""How inputs and what a provider adds make the state of a resource."""

from typing import Any

import pytest
from pulumi.runtime import rpc

from modelberth.preview.standins.imitation.state import joined
from modelberth.preview.standins.values import Secret

ASSET = {rpc._special_sig_key: rpc._special_asset_sig, "text": "new"}


def test_what_is_computed_deep_inside_of_an_input_goes_over_it() -> None:
    given = {"configuration": {"ingress": {"targetPort": 8080}}, "name": "iris", "__defaults": ["name"]}
    computed = {"configuration": {"ingress": {"targetPort": 1, "fqdn": "iris.example"}}, "arn": "a"}
    assert joined(given, computed) == {
        "configuration": {"ingress": {"targetPort": 8080, "fqdn": "iris.example"}},
        "name": "iris",
        "arn": "a",
    }


def test_what_the_real_provider_had_added_wins_and_what_the_program_takes_back_is_gone() -> None:
    asked = {"configuration": {"ingress": {"targetPort": 80, "external": True}}}
    before = {
        "configuration": {
            "ingress": {"targetPort": 80, "external": True, "fqdn": "real", "transport": "Auto"}
        }
    }
    given = {"configuration": {"ingress": {"targetPort": 8080}}}
    computed = {"configuration": {"ingress": {"targetPort": 8080, "fqdn": "made up"}}}
    assert joined(given, computed, before, asked) == {
        "configuration": {"ingress": {"targetPort": 8080, "fqdn": "real", "transport": "Auto"}}
    }


@pytest.mark.parametrize(
    ("given", "state"),
    [
        ([{"name": "a"}], [{"name": "a", "probes": []}]),
        ([{"name": "a"}, {"name": "b"}], [{"name": "a"}, {"name": "b"}]),
        (["a"], ["a"]),
        (ASSET, ASSET),
        (None, [{"name": "old", "probes": []}]),
    ],
)
def test_lists_are_joined_where_they_are_as_long(given: Any, state: Any) -> None:
    before = {"containers": [{"name": "old", "probes": []}]}
    assert joined({"containers": given}, {}, before, {"containers": [{"name": "old"}]}) == {
        "containers": state
    }


def test_a_secret_stays_one_with_what_is_added_inside() -> None:
    found = joined({"data": Secret({"a": 1})}, {"data": {"a": 1, "b": 2}}, {"data": Secret({"a": 0, "c": 3})})
    assert found == {"data": Secret({"a": 1, "b": 2, "c": 3})}
