"""What the component registers is what the provider takes: each mode, past the rules of both resources."""

from typing import Any

import pytest

from modelberth.provider.vertex import share_rules, version_rules
from support.gcp_vertex import MODES, registered


def whole(value: Any) -> Any:
    """Numbers as the provider gets them: a message between processes has no other than floats."""
    match value:
        case dict():
            return {name: whole(item) for name, item in value.items()}
        case list():
            return [whole(item) for item in value]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


@pytest.mark.parametrize("which", MODES)
def test_the_provider_refuses_nothing_that_is_registered(which: str) -> None:
    recorder, _ = registered(which)
    versions = recorder.of("Model")
    assert versions
    for each in versions:
        assert [*version_rules.problems(whole(each.inputs))] == [], each.name
    (deployed,) = recorder.of("DeployedModel")
    assert [*share_rules.problems(whole(deployed.inputs))] == []


def test_the_rules_refuse_what_they_are_there_for() -> None:
    """The known-bad case: the same inputs with one thing wrong."""
    recorder, _ = registered("autoscaled")
    (deployed,) = recorder.of("DeployedModel")
    inputs = whole(deployed.inputs)
    (share,) = inputs["shares"]
    wrong = {**inputs, "shares": [{**share, "percent": 99}]}
    assert [problem.path for problem in share_rules.problems(wrong)] == ["shares"]
    (version,) = recorder.of("Model")
    elsewhere = {**whole(version.inputs), "image": "ghcr.io/shop/iris"}
    assert [problem.path for problem in version_rules.problems(elsewhere)] == ["image"]
