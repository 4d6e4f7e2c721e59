"""Endpoints in Amazon SageMaker AI on the real engine, by the repository's own program."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from support.aws.graph import ACCOUNT
from support.aws.life import AWS, accounts
from support.aws_changes import KINDS
from support.aws_plans import PROD
from support.aws_sagemaker import CANARY, MODES, REMOTE, SERVERLESS, mode
from support.clouds.change import merged
from support.clouds.life import Journey, became, endpoints, life_of_endpoints

pytestmark = pytest.mark.engine

HERE = Path(__file__)
GOLDEN = HERE.parent / "golden" / "sagemaker.json"
TABLE = HERE.parents[2] / "aws" / "golden" / "sagemaker_changes.json"
CHANGED = ("scaling.max", "security.identity", "security.key", "variants", "monitoring.slo", "target.vpc")
"""Fields whose rows in the table of changes the engine confirms: every kind of line is among them."""
NEXT = {**REMOTE, "uri": "s3://models/iris/4.onnx", "sha256": "c" * 64, "version": "4"}
TWO = {"scaling": {"min": 2, "max": 10}}

Changes = Sequence[tuple[str, str]]


def test_the_life_of_every_mode(tmp_path: Path) -> None:
    configs = {
        "minimal": MODES["minimal"].config,
        "everything": MODES["everything"].config,
        "prod": merged(MODES["minimal"].config, PROD),
    }
    modes = [merged(config, {"name": f"iris-{name}"}) for name, config in configs.items()]
    life = life_of_endpoints(AWS, tmp_path / "project", modes, GOLDEN, str(HERE))
    assert accounts(life.state) == {"aws": {ACCOUNT}, "aws-native": {ACCOUNT}}
    # SageMaker refuses to delete a configuration that an endpoint has, and a model that one names.
    for name in configs:
        roles = ("endpoint", "config", "model-model")
        went = [life.deleted.index(f"iris-{name}-sagemaker-{role}") for role in roles]
        assert went == sorted(went)


def test_changes_and_rollouts(tmp_path: Path) -> None:
    """The table of changes holds on the engine, and an endpoint is never without a configuration."""
    names = {path: f"row-{number}" for number, path in enumerate(CHANGED)}
    rows = {path: KINDS["sagemaker"].configs(path) for path in CHANGED}
    scaled = merged(mode().config, TWO)
    with endpoints(AWS, tmp_path / "project") as (journey, project):

        def deploy(which: int, **stories: Mapping[str, Any]) -> list[tuple[str, str]]:
            of_rows = [merged(rows[path][which], {"name": name}) for path, name in names.items()]
            told = [{**merged(scaled, story), "name": name} for name, story in stories.items()]
            project.configure(*of_rows, *told)
            return journey.up()

        deploy(0, plain={}, canary={}, moved={})
        before = journey.stack.resources()
        moved = {"target": {**scaled["target"], **SERVERLESS}, "scaling": {"min": 0, "max": 10}}
        first = deploy(1, plain={"model": NEXT}, canary={"model": NEXT, "rollout": _step(1)}, moved=moved)
        expected = json.loads(TABLE.read_text())
        for path, name in names.items():
            lines = sorted(line.partition(":")[0] for line in expected[path])
            assert became(first, f"{name}-sagemaker-") == lines, path

        after = journey.stack.resources()
        assert _operations(first, "plain-sagemaker-config") == ["create", "delete"]
        assert _operations(first, "plain-sagemaker-endpoint") == ["update"]
        order = [
            ("create", "plain-sagemaker-model-model"),
            ("create", "plain-sagemaker-config"),
            ("update", "plain-sagemaker-endpoint"),
            ("delete", "plain-sagemaker-config"),
            ("delete", "plain-sagemaker-model-model"),
        ]
        assert [one for one in first if one in order] == order
        # The physical name follows from the content, so the successor does not collide.
        old, new = (state["plain-sagemaker-config"]["inputs"]["name"] for state in (before, after))
        assert old != new
        assert after["plain-sagemaker-endpoint"]["inputs"]["endpointConfigName"] == new
        # The autoscaled count stays: SageMaker is told to keep it, and what scales it is not touched.
        assert [one for one in first if "plain-sagemaker-scaling" in one[1]] == []
        kept = after["plain-sagemaker-endpoint"]["inputs"]
        assert kept["retainAllVariantProperties"] is True
        assert kept["excludeRetainedVariantProperties"] == [{"variantPropertyType": "DesiredWeight"}]

        assert _weights(journey, "canary") == {"model": 10, "previous": 90}
        # No update makes instances serverless: the endpoint goes, and comes again by its name.
        assert _operations(first, "moved-sagemaker-endpoint") == ["delete", "create"]

        back = deploy(1, plain={"model": REMOTE}, canary={"model": NEXT, "rollout": _step(0)}, moved=moved)
        assert _operations(back, "moved-sagemaker-endpoint") == []
        assert _weights(journey, "canary") == {"model": 0, "previous": 100}
        assert "delete" not in _operations(back, "canary-sagemaker-endpoint")
        # What was there before is deployed again by the same name.
        assert journey.stack.resources()["plain-sagemaker-config"]["inputs"]["name"] == old


def _step(number: int) -> dict[str, Any]:
    return {**CANARY, "previous": REMOTE, "step": number}


def _operations(changes: Changes, name: str) -> list[str]:
    return [operation for operation, changed in changes if changed == name]


def _weights(journey: Journey, endpoint: str) -> dict[str, float]:
    """The share of each variant, in percent."""
    inputs = journey.stack.resources()[f"{endpoint}-sagemaker-config"]["inputs"]
    return {one["variantName"]: one["initialVariantWeight"] for one in inputs["productionVariants"]}
