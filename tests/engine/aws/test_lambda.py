"""Endpoints in AWS Lambda on the real engine, by the repository's own program."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from support.aws.graph import ACCOUNT
from support.aws.life import AWS, accounts
from support.aws_changes import KINDS
from support.aws_plans import CANARY, MODES, REMOTE, mode
from support.clouds.change import merged
from support.clouds.life import MAIN, Journey, became, endpoints, life_of_endpoints

pytestmark = pytest.mark.engine

HERE = Path(__file__)
GOLDEN = HERE.parent / "golden" / "lambda.json"
TABLE = HERE.parents[2] / "aws" / "golden" / "lambda_changes.json"
CHANGED = (
    "model.uri",
    "scaling.max",
    "security.identity",
    "security.key",
    "security.tls.domain",
    "labels",
    "target.front",
    "target.vpc",
)
"""Fields whose rows in the table of changes the engine confirms: every kind of line is among them."""
NEXT = {**REMOTE, "uri": "s3://models/iris/4.onnx", "sha256": "c" * 64, "version": "4"}


def test_the_life_of_every_mode(tmp_path: Path) -> None:
    configs = [merged(MODES[mode].config, {"name": f"iris-{mode}"}) for mode in MAIN]
    life = life_of_endpoints(AWS, tmp_path / "project", configs, GOLDEN, str(HERE))
    assert accounts(life.state) == {"aws": {ACCOUNT}}


def test_changes_and_versions(tmp_path: Path) -> None:
    """The table of changes holds on the engine, and callers of an alias see no gap while it moves."""
    names = {path: f"row-{number}" for number, path in enumerate(CHANGED)}
    names["target.front"] = "iris"  # routes are named after their paths, which name the model
    rows = {path: KINDS["lambda"].configs(path) for path in CHANGED}
    smallest = merged(mode().config, {"scaling": {"min": 0}})
    with endpoints(AWS, tmp_path / "project") as (journey, project):

        def deploy(which: int, **stories: Mapping[str, Any]) -> list[tuple[str, str]]:
            of_rows = [merged(rows[path][which], {"name": name}) for path, name in names.items()]
            told = [{**merged(smallest, story), "name": name} for name, story in stories.items()]
            project.configure(*of_rows, *told)
            return journey.up()

        rolled = {"model": NEXT, "target": {"previous_version": "1"}}
        swap = {**rolled, "rollout": {"strategy": "blue_green", "previous": REMOTE}}
        deploy(0, plain={}, canary={}, swap={})
        first = deploy(1, plain={"model": NEXT}, canary={**rolled, "rollout": _step(1)}, swap=swap)
        expected = json.loads(TABLE.read_text())
        for path, name in names.items():
            lines = sorted(line.partition(":")[0] for line in expected[path])
            assert became(first, f"{name}-lambda-") == lines, path
        for name in ("plain", "canary", "swap"):
            assert _operations(first, f"{name}-lambda-function") == ["update"]
            assert _operations(first, f"{name}-lambda-alias") == ["update"]
            # The version is there before callers are sent to it.
            published = first.index(("update", f"{name}-lambda-function"))
            assert published < first.index(("update", f"{name}-lambda-alias"))
        assert _answering(journey, "plain") == ("2", None)
        assert _answering(journey, "canary") == ("2", {"1": 0.9})
        assert _answering(journey, "swap") == ("2", None)

        back = deploy(
            1,
            plain={"model": NEXT},
            canary={**rolled, "rollout": _step(0)},
            swap=merged(swap, {"rollout": {"active": "previous"}}),
        )
        # An alarm watches the new version while it has a part of the requests.
        assert became(back, "canary-lambda-") == ["gone monitoring-guard-errors", "in place alias"]
        assert became(back, "swap-lambda-") == ["in place alias"]
        assert len(back) == 3
        assert _answering(journey, "canary") == ("1", None)
        assert _answering(journey, "swap") == ("1", None)


def _step(number: int) -> dict[str, Any]:
    return {**CANARY, "previous": REMOTE, "step": number}


def _operations(changes: Sequence[tuple[str, str]], name: str) -> list[str]:
    return [operation for operation, changed in changes if changed == name]


def _answering(journey: Journey, endpoint: str) -> tuple[str, dict[str, float] | None]:
    """The version that an endpoint's alias names, and the share of another one."""
    alias = journey.stack.resources()[f"{endpoint}-lambda-alias"]["inputs"]
    return alias["functionVersion"], alias.get("routingConfig", {}).get("additionalVersionWeights")
