"""Endpoints in Vertex AI on the real engine, by the repository's own program."""

from pathlib import Path

import pytest

from support.clouds.change import merged
from support.clouds.life import MAIN, became, endpoints, life_of_endpoints
from support.gcp.life import GCP
from support.gcp.modes import renamed
from support.gcp_vertex import MODES

pytestmark = pytest.mark.engine

HERE = Path(__file__)
GOLDEN = HERE.parent / "golden" / "vertex.json"
NEXT = {"uri": "gs://models/iris/4.onnx", "sha256": "c" * 64, "version": "4"}


def test_the_life_of_every_mode(tmp_path: Path) -> None:
    configs = [renamed(MODES[mode].config, f"iris-{mode}") for mode in MAIN]
    life = life_of_endpoints(GCP, tmp_path / "project", configs, GOLDEN, str(HERE))
    # Vertex AI refuses to delete an endpoint that something is deployed on, and a version that is deployed.
    for mode in MAIN:
        beginning = f"iris-{mode}-vertex-"
        deployed = life.deleted.index(f"{beginning}deployed")
        versions = [name for name in life.deleted if name.startswith(f"{beginning}model-")]
        assert len(versions) >= 1
        after = (f"{beginning}endpoint", *versions, f"{beginning}key-aiplatform-grant")
        assert all(life.deleted.index(name) > deployed for name in after)


def test_another_model_is_there_before_the_old_one_goes(tmp_path: Path) -> None:
    """No update deletes what an endpoint still runs, and none replaces the endpoint or what runs on it."""
    with endpoints(GCP, tmp_path / "project") as (journey, project):
        config = renamed(MODES["minimal"].config, "iris")
        project.configure(config)
        journey.up()
        project.configure(merged(config, {"model": NEXT}))
        steps = journey.up()
        models = [step for step in steps if step[1].startswith("iris-vertex-model-")]
        assert [operation for operation, _ in models] == ["create", "delete"]
        new, old = models
        assert steps.index(new) < steps.index(("update", "iris-vertex-deployed")) < steps.index(old)
        assert not [line for line in became(steps, "iris-vertex-") if line.startswith("replaced")]
