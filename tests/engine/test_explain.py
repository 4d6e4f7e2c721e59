"""`modelberth explain` and `targets` on the real engine, with neither passphrase nor login."""

import json
from pathlib import Path

import pytest

from support.project import Project, iris

pytestmark = pytest.mark.engine

NO_CREDENTIALS = {"PULUMI_CONFIG_PASSPHRASE": "", "PULUMI_BACKEND_URL": ""}


def files(project: Project) -> set[Path]:
    """Without what the engine's own start makes, and Python's."""
    found = {path.relative_to(project.folder) for path in project.folder.rglob("*")}
    return {path for path in found if not {"__pycache__", "home"} & {*path.parts}}


def test_explain_finds_the_field_by_leaving_it_out(project: Project) -> None:
    given = iris(
        model={"uri": "file:models/iris/model.onnx", "version": "2"},
        load={"requests_per_month": 5},
        limits={"concurrency": 64},
        protect=True,
    )
    project.configure(given, {**iris(), "name": "other"})
    before = files(project)
    done = project.modelberth("explain", "iris-local-process", "--json", env=NO_CREDENTIALS)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [part["name"] for part in told["place"]] == ["modelberth-dev", "iris", "iris-local"]
    assert told["purpose"].startswith("the model server on this machine")
    at = "modelberth:endpoints[0]"
    assert told["caused_by"] == [
        {"path": at, "makes": True, "differences": []},
        {
            "path": f"{at}.model.version",
            "makes": False,
            "differences": [
                {"path": "environment.MODELBERTH_MODEL_VERSION", "with": '"2"', "without": '"1"'}
            ],
        },
        {
            "path": f"{at}.protect",
            "makes": False,
            "differences": [{"path": "protect", "with": "true", "without": "false"}],
        },
    ]
    assert told["no_influence"] == [f"{at}.load.requests_per_month"]
    assert told["needed"] == {}
    assert told["not_tried"][f"{at}.limits.concurrency"] == "it is the default"
    assert told["monthly_usd"] == {"least": 0, "expected": 0, "most": 0}
    assert told["turn_off"].endswith(f"take `{at}` out of Pulumi.dev.yaml.")
    assert files(project) == before, "it leaves nothing behind"


def test_targets_prices_what_it_can(project: Project) -> None:
    done = project.modelberth("targets", "--json", env=NO_CREDENTIALS)
    assert done.returncode == 0, done.stderr
    first, *others = json.loads(done.stdout)["endpoints"]["iris"]
    assert (first["target"], first["chosen"], first["fits"]) == ("local", True, True)
    assert first["monthly_usd"] == [0, 0, 0]
    assert len(others) == 9
    costs = {other["target"]: other["cost"] for other in others}
    # A cluster's nodes are somebody's own.
    assert costs.pop("kubernetes") == costs.pop("eks") == costs.pop("gke") == "1 not estimated"
    assert costs.pop("lambda").startswith("at least $")
    # What the chosen instance costs is in no source that the prices are from.
    assert costs.pop("sagemaker") == "at least $4.60 + 4 not estimated"
    for kind in ("cloud_run", "vertex"):
        assert costs.pop(kind).startswith("at least $")
    assert set(costs.values()) == {"not in this version"}
