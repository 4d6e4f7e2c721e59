"""A stack's config, read whole."""

import json
from typing import Any

import pytest

from modelberth.errors import SpecError
from modelberth.spec import LocalTarget
from settings import Settings, settings

IRIS = {"name": "iris", "model": {"uri": "model.onnx"}, "target": {"kind": "local"}}


def read(endpoints: Any, secret: tuple[str, ...] = (), **more: str) -> Settings:
    config = {
        "shop:endpoints": endpoints if isinstance(endpoints, str) else json.dumps(endpoints),
        "aws:region": "x",
    }
    config |= {f"shop:{key}": value for key, value in more.items()}
    return settings(config, "shop", lambda key: key.removeprefix("shop:") in secret)


def problems(endpoints: Any, secret: tuple[str, ...] = (), **more: str) -> list[str]:
    with pytest.raises(SpecError) as refused:
        read(endpoints, secret, **more)
    return [str(problem) for problem in refused.value.problems]


def test_it_reads_endpoints_and_their_targets() -> None:
    (endpoint,) = read([{**IRIS, "target": {"kind": "local", "port": 8080}}]).endpoints
    assert endpoint.target == LocalTarget(port=8080)
    assert endpoint.spec.name == "iris"
    assert endpoint.spec.model.uri == "file:model.onnx"
    assert not hasattr(endpoint.spec, "target")


def test_an_unknown_key_is_named_with_the_nearest_known_one() -> None:
    (problem,) = problems([IRIS], endpoint="1")
    assert problem.startswith("endpoint: given an unknown key")
    assert "Did you mean `endpoints`?" in problem
    (problem,) = problems([{**IRIS, "scalin": {}}])
    assert problem.startswith("endpoints[0].scalin: given an unknown key")
    assert "Did you mean `scaling`?" in problem


def test_every_problem_is_told_at_once() -> None:
    found = problems([{**IRIS, "scaling": {"max": 0}}, {"name": "x"}])
    paths = sorted(problem.partition(":")[0] for problem in found)
    assert paths == [
        "endpoints[0].scaling.max",
        "endpoints[1].model",
        "endpoints[1].name",
        "endpoints[1].target",
    ]


@pytest.mark.parametrize("given", ["five", "5", "{}", "[]", "null"])
def test_endpoints_of_the_wrong_type(given: str) -> None:
    (problem,) = problems(given)
    assert problem.startswith("endpoints: given")


def test_no_endpoints_at_all() -> None:
    with pytest.raises(SpecError, match="endpoints: given nothing"):
        settings({}, "shop", lambda _: False)


def test_names_and_ports_that_stand_twice() -> None:
    twin = {**IRIS, "target": {"kind": "local", "port": 8080}}
    found = problems([twin, {**twin, "name": "other"}, {**IRIS, "name": "iris"}])
    assert [problem.partition(":")[0] for problem in found] == [
        "endpoints[2].name",
        "endpoints[1].target.port",
    ]


def test_a_secret_in_the_config_is_refused_and_never_shown() -> None:
    (problem,) = problems(json.dumps([{**IRIS, "name": "hunter2"}]), ("endpoints",))
    assert "a secret" in problem
    assert "hunter2" not in problem
