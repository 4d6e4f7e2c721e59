"""The repository's own stack `prod`: one model as a function, on an instance with a GPU and in a cluster."""

import json
import shutil
from typing import Any

import pytest
import yaml

from support.project import REPOSITORY, Project

pytestmark = pytest.mark.engine

FILE = REPOSITORY / "Pulumi.prod.yaml"
KINDS = {"iris-function": "lambda", "iris-instances": "sagemaker", "iris-cluster": "eks"}
MODEL = "`arn:aws:s3:::example-models/iris/model.onnx`: `s3:GetObject`"


def entries() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(FILE.read_text())["config"]["modelberth:endpoints"]
    return found


def test_the_entries_differ_in_their_names_and_targets_alone() -> None:
    specs = [{key: one for key, one in entry.items() if key not in {"name", "target"}} for entry in entries()]
    assert len(specs) == 3
    assert specs == [specs[0]] * 3
    assert {entry["name"]: entry["target"]["kind"] for entry in entries()} == KINDS


def test_the_preview_answers_who_may_call_what_is_read_and_what_it_costs_idle(project: Project) -> None:
    shutil.copy(FILE, project.folder)
    done = project.modelberth("preview", "--stack", "prod", "--offline", "--no-state", "--format", "json")
    assert done.returncode == 10, done.stdout + done.stderr
    report = json.loads(done.stdout)
    found = {endpoint["name"]: endpoint for endpoint in report["endpoints"]}
    assert {name: endpoint["target"] for name, endpoint in found.items()} == KINDS
    answers = {name: endpoint["answers"] for name, endpoint in found.items()}
    assert all(MODEL in answer["reads"] for answer in answers.values())
    assert "`lambda:InvokeFunction`" in answers["iris-function"]["callers"][0]
    assert "`sagemaker:InvokeEndpoint`" in answers["iris-instances"]["callers"][0]
    assert "the key that is made for callers" in answers["iris-cluster"]["callers"][0]
    assert "provisioned concurrency" in answers["iris-function"]["idle"]
    assert "ml.g5.xlarge" in answers["iris-instances"]["idle"]
    assert "cluster's nodes" in answers["iris-cluster"]["idle"]
    assert "ml.g5.xlarge" in answers["iris-instances"]["takes_down"][0]
