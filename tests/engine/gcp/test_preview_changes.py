"""What a preview says of changes to endpoints in Google Cloud that are deployed, on the real engine."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from support.clouds.change import merged
from support.clouds.life import endpoints
from support.gcp.life import GCP
from support.project import Project

pytestmark = pytest.mark.engine

PLACE: Final = {
    "project": "shop-prod",
    "project_number": "123456789012",
    "region": "europe-west4",
    "image": f"europe-west4-docker.pkg.dev/shop-prod/models/iris@sha256:{'0' * 64}",
}
MODEL: Final = {"uri": "gs://models/iris/3.onnx", "sha256": "a" * 64, "version": "3"}
NEW: Final = {"uri": "gs://models/iris/4.onnx", "sha256": "b" * 64, "version": "4"}
CLUSTER: Final = {"kind": "new", "network": "shop", "subnetwork": "shop-eu", "capacity": {"kind": "standard"}}
BEFORE: Final[dict[str, dict[str, Any]]] = {
    "iris-run": {"target": {"kind": "cloud_run"}, "scaling": {"min": 1, "max": 3}},
    "iris-vertex": {
        "target": {"kind": "vertex", "machine_type": "n1-standard-8"},
        "scaling": {"min": 2, "max": 4, "metric": "cpu"},
    },
    "iris-gke": {"target": {"kind": "gke", "namespace": "models", "cluster": CLUSTER}},
}


def configured(project: Project, changes: dict[str, Any]) -> None:
    entries = [
        merged(
            {"name": name, "model": MODEL, **given, "target": {**PLACE, **given["target"]}},
            changes.get(name, {}),
        )
        for name, given in copy.deepcopy(BEFORE).items()
    ]
    (project.folder / "Pulumi.dev.yaml").write_text(
        yaml.safe_dump({"config": {"modelberth:endpoints": entries}})
    )


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Three endpoints as they are before each change."""
    folder: Path = tmp_path_factory.mktemp("deployed") / "project"
    with endpoints(GCP, folder) as (journey, project):
        configured(project, {})
        assert {operation for operation, _ in journey.up()} == {"create"}
        yield project


Found = dict[str, dict[str, list[dict[str, Any]]]]
"""The effects of a preview, by endpoint and kind."""


def previewed(project: Project, changes: dict[str, Any]) -> Found:
    configured(project, changes)
    done = project.modelberth("preview", "--offline", "--format", "json")
    assert done.returncode in {10, 11}, done.stdout + done.stderr
    found: Found = {}
    for endpoint in json.loads(done.stdout)["endpoints"]:
        by_kind = found.setdefault(endpoint["name"], {})
        for effect in endpoint["effects"]:
            by_kind.setdefault(effect["kind"], []).append(effect)
    assert found.keys() == BEFORE.keys()
    assert {name for name, kinds in found.items() if kinds.keys() != {"unchanged"}} == changes.keys()
    return found


def said(found: dict[str, list[dict[str, Any]]], kind: str) -> str:
    return "\n".join(effect["sentence"] for effect in found.get(kind, ()))


@pytest.fixture(scope="module")
def another_model(deployed: Project) -> Found:
    """Another model on Cloud Run and Vertex AI, and another cluster."""
    cluster = merged(CLUSTER, {"deletion_protection": False, "capacity": {"machine_type": "e2-standard-8"}})
    changes = {"iris-run": {"model": NEW}, "iris-vertex": {"model": NEW}}
    return previewed(deployed, {**changes, "iris-gke": {"target": {"cluster": cluster}}})


def test_a_new_model_on_cloud_run(another_model: Found) -> None:
    found = another_model["iris-run"]
    assert "gets a new revision; the old one serves until it is ready" in said(found, "rolling")
    assert "0% → 100%" in said(found, "traffic_moved")
    assert "'gs://models/iris/4.onnx'" in said(found, "permissions_widened")
    assert "'gs://models/iris/3.onnx'" in said(found, "permissions_narrowed")


def test_a_new_model_on_vertex(another_model: Found) -> None:
    found = another_model["iris-vertex"]
    assert "gets a new deployment; the old one serves until it is there" in said(found, "rolling")
    assert "nothing runs this version any more" in said(found, "removed")
    assert {effect["severity"] for effect in found["removed"]} == {"change"}


def test_a_cluster_that_may_be_deleted_and_has_other_machines(another_model: Found) -> None:
    found = another_model["iris-gke"]
    assert "`deletionProtection` true → false" in said(found, "protection_lifted")
    assert "makes its machines anew, some at a time" in said(found, "rolling")


@pytest.fixture(scope="module")
def opened(deployed: Project) -> Found:
    """An endpoint on Cloud Run that everybody may call, and a canary on Vertex AI."""
    security = {"network": {"public": True}, "auth": {"kind": "none"}}
    rollout = {"strategy": "canary", "previous": MODEL, "step": 1}
    changes = {
        "iris-run": {"security": security, "scaling": {"min": 0, "max": 2}},
        "iris-vertex": {"model": NEW, "rollout": rollout},
    }
    return previewed(deployed, changes)


def test_an_endpoint_that_is_opened_and_kept_smaller(opened: Found) -> None:
    found = opened["iris-run"]
    assert "everybody has roles/run.invoker" in said(found, "newly_public")
    assert "the whole internet may reach it" in said(found, "newly_public")
    assert {effect["severity"] for effect in found["newly_public"]} == {"danger"}
    assert "may have fewer instances" in said(found, "in_place")
    assert "waits for a cold start" in said(found, "in_place")


def test_a_canary_on_vertex(opened: Found) -> None:
    found = opened["iris-vertex"]
    assert "gets a new deployment; nothing else is stopped for it" in said(found, "rolling")
    assert "the new version 0% →" in said(found, "traffic_moved")
    assert "removed" not in found


def test_fewer_replicas_on_vertex(deployed: Project) -> None:
    changes = {"iris-vertex": {"scaling": {"min": 1, "max": 2, "metric": "cpu"}}}
    found = previewed(deployed, changes)["iris-vertex"]
    assert "`maxReplicas` 4 → 2" in said(found, "in_place")
    assert "leaves one replica at its least" in said(found, "protection_lifted")
    assert "rolling" not in found


def test_why_there_is_a_resource(deployed: Project) -> None:
    configured(deployed, {})
    done = deployed.modelberth("explain", "iris-vertex-vertex-deployed")
    assert done.returncode == 0, done.stdout + done.stderr
    told = " ".join(done.stdout.split())
    assert "What the endpoint runs: versions of the model on machines" in told
