"""The stack `prod` on Google Cloud: its specs as they are for AWS, with nothing changed but `target`."""

import json
from typing import Any

import pytest
import yaml

from engine.test_prod_stack import FILE, entries
from support.project import Project

pytestmark = pytest.mark.engine

IMAGE = f"us-central1-docker.pkg.dev/shop-prod/models/iris@sha256:{'0' * 64}"
PLACE: dict[str, Any] = {
    "project": "shop-prod",
    "project_number": "123456789012",
    "region": "us-central1",
    "image": IMAGE,
    "model_mirrors": {"s3://example-models": "gs://example-models-us"},
}
TARGETS: dict[str, dict[str, Any]] = {
    "iris-function": {"kind": "cloud_run", **PLACE},
    "iris-instances": {"kind": "vertex", **PLACE},
    "iris-cluster": {
        "kind": "gke",
        **PLACE,
        "namespace": "models",
        "cluster": {"kind": "existing", "name": "models"},
    },
}
COPY = "`gs://example-models-us/iris/model.onnx`: `roles/storage.objectViewer`"
AGENT = "iris-instances-vertex-agent-account"
"""Google's own agent administers the account that containers of Vertex AI run as; the preview warns of it."""


def moved() -> list[dict[str, Any]]:
    return [{**entry, "target": TARGETS[entry["name"]]} for entry in entries()]


def test_nothing_but_the_target_is_another() -> None:
    assert len(moved()) == len(entries()) == len(TARGETS) == 3
    for before, after in zip(entries(), moved(), strict=True):
        assert {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)} == {
            "target"
        }
        assert before["model"]["uri"].startswith("s3://example-models/")


@pytest.fixture
def report(project: Project) -> dict[str, Any]:
    """The preview of the three endpoints on stand-ins, by name."""
    stack = {"config": {"modelberth:endpoints": moved()}}
    (project.folder / FILE.name).write_text(yaml.safe_dump(stack))
    done = project.modelberth("preview", "--stack", "prod", "--offline", "--no-state", "--format", "json")
    assert done.returncode in {10, 11}, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_the_preview_answers_who_may_call_what_is_read_and_what_it_costs_idle(report: dict[str, Any]) -> None:
    found = {endpoint["name"]: endpoint for endpoint in report["endpoints"]}
    assert {name: endpoint["target"] for name, endpoint in found.items()} == {
        name: target["kind"] for name, target in TARGETS.items()
    }
    answers = {name: endpoint["answers"] for name, endpoint in found.items()}
    assert all(COPY in answer["reads"] for answer in answers.values())
    assert "`run.routes.invoke`" in answers["iris-function"]["callers"][0]
    assert "`aiplatform.endpoints.predict`" in answers["iris-instances"]["callers"][0]
    assert "the key that is made for callers" in answers["iris-cluster"]["callers"][0]
    assert "while one of the 1 least instances waits" in answers["iris-function"]["idle"]
    assert "e2-standard-2" in answers["iris-instances"]["idle"]
    assert "cluster's nodes" in answers["iris-cluster"]["idle"]
    assert "e2-standard-2" in answers["iris-instances"]["takes_down"][0]


def test_nothing_but_google_s_own_agent_is_a_danger(report: dict[str, Any]) -> None:
    dangers = {
        effect["urn"].rpartition("::")[2]
        for endpoint in report["endpoints"]
        for effect in endpoint["effects"]
        if effect["severity"] == "danger"
    }
    assert len(report["endpoints"]) == 3
    assert dangers <= {AGENT}
