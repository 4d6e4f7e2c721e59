import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelberth.preview.standins import StandIns
from modelberth.preview.standins.cluster import Cluster as Reached
from support.cluster import Cluster, Namespace
from support.project import Project

pytestmark = pytest.mark.engine

NAMESPACE = "modelberth-standin"
CANARY = "canary-5fd1c0"
PROGRAM = """
import pulumi
import pulumi_kubernetes as k8s

config = pulumi.Config()
meta = lambda name, **more: {"name": name, "namespace": namespace.metadata["name"], **more}
namespace = k8s.core.v1.Namespace("space", metadata={"name": "modelberth-standin"})
settings = k8s.core.v1.ConfigMap("settings", metadata={"namespace": namespace.metadata["name"]},
    data={"level": config.get("level") or "info"})
key = k8s.core.v1.Secret("key", metadata=meta("key"), string_data={"key": config.require_secret("key")})
labels = {"app": config.get("label") or "iris"}
server = k8s.apps.v1.Deployment("server", metadata=meta("server"), spec={
    "replicas": config.get_int("replicas") or 1,
    "selector": {"match_labels": labels},
    "template": {"metadata": {"labels": labels}, "spec": {"containers": [{
        "name": "server", "image": config.get("image") or "localhost/pause:1", "image_pull_policy": "Never",
        "resources": {"requests": {"cpu": "0.01"}, "limits": {"cpu": "1000m"}},
        "env_from": [{"config_map_ref": {"name": settings.metadata["name"]}}],
    }]}}})
k8s.core.v1.Service("address", metadata=meta("address"), spec={"selector": labels, "ports": [{"port": 80}]},
    opts=pulumi.ResourceOptions(depends_on=[server]))
k8s.autoscaling.v2.HorizontalPodAutoscaler("scaler", metadata=meta("scaler"), spec={
    "scale_target_ref": {"api_version": "apps/v1", "kind": "Deployment", "name": "server"},
    "min_replicas": 1, "max_replicas": 2,
    "metrics": [{"type": "Resource", "resource": {
        "name": "cpu", "target": {"type": "Utilization", "average_utilization": 70}}}]})
definition = k8s.apiextensions.v1.CustomResourceDefinition("definition",
    metadata={"name": "widgets.standin.modelberth.example"}, spec={
        "group": "standin.modelberth.example", "scope": "Namespaced",
        "names": {"kind": "Widget", "plural": "widgets", "singular": "widget"},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"open_apiv3_schema": {
            "type": "object", "properties": {"spec": {"type": "object", "properties": {
                "size": {"type": "integer"}}}}}}}]})
k8s.apiextensions.CustomResource("widget", api_version="standin.modelberth.example/v1", kind="Widget",
    metadata=meta("widget"), spec={"size": 3}, opts=pulumi.ResourceOptions(depends_on=[definition]))
pulumi.export("settings", settings.metadata["name"])
"""


class Stack:
    """The program on the real engine, which reaches the cluster through stand-ins."""

    def __init__(self, folder: Path, standins: StandIns, cluster: Cluster) -> None:
        self.project = Project(folder)
        self.cluster = cluster
        self.standins = standins
        (folder / ".state" / "backend").mkdir(parents=True)
        (folder / "Pulumi.yaml").write_text("name: standin\nruntime: python\n")
        (folder / "__main__.py").write_text(PROGRAM)
        self.said = ""

    def pulumi(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        done = self.project.run(
            "pulumi", *arguments, "--non-interactive", env=dict(self.standins.environment)
        )
        self.said += done.stdout + done.stderr
        return done

    def must(self, *arguments: str) -> str:
        done = self.pulumi(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def live(self, kind: str, name: str) -> dict[str, Any]:
        """An object of the program as it is in the cluster."""
        return Namespace(self.cluster, NAMESPACE).get(kind, name)

    def changes(self, *arguments: str) -> dict[str, int]:
        """How many resources an operation creates, updates, replaces and deletes, as its summary says."""
        summary = self.must(*arguments).rpartition("Resources:")[2]
        steps = re.findall(r"(\d+) (?:to )?(create|update|replace|delete)", summary)
        return {step: int(count) for count, step in steps}


@pytest.fixture
def stack(cluster: Cluster, tmp_path: Path) -> Iterator[Stack]:
    reached = Reached.from_kubeconfig(cluster.kubeconfig, timeout=60)
    with StandIns(packages=["kubernetes"], kubernetes=reached) as standins:
        stack = Stack(tmp_path / "program", standins, cluster)
        stack.must("stack", "init", "dev")
        stack.must("config", "set", "--secret", "key", CANARY)
        yield stack
    cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")
    cluster.kubectl("delete", "crd", "widgets.standin.modelberth.example", "--ignore-not-found")


def test_the_life_of_a_program_on_a_real_cluster(stack: Stack) -> None:
    assert stack.changes("preview") == {"create": 9}
    assert "not found" in stack.cluster.run("get", "ns", NAMESPACE).stderr, "a preview made the namespace"

    assert stack.changes("up", "--yes", "--skip-preview") == {"create": 9}
    assert stack.live("deployment", "server")["status"]["availableReplicas"] == 1
    assert stack.live("widget", "widget")["spec"] == {"size": 3}
    stack.must("up", "--yes", "--skip-preview", "--expect-no-changes")
    stack.must("refresh", "--yes", "--expect-no-changes")

    stack.must("config", "set", "replicas", "2")
    assert stack.changes("up", "--yes") == {"update": 1}
    assert stack.live("deployment", "server")["status"]["availableReplicas"] == 2
    stack.must("config", "set", "replicas", "1")
    stack.must("up", "--yes")

    before = stack.live("deployment", "server")["metadata"]["uid"]
    stack.must("config", "set", "label", "rose")
    assert stack.changes("up", "--yes") == {"replace": 1, "update": 1}
    assert stack.live("deployment", "server")["metadata"]["uid"] != before

    first = json.loads(stack.must("stack", "output", "--json"))["settings"]
    stack.must("config", "set", "level", "debug")
    assert stack.changes("up", "--yes") == {"replace": 1, "update": 1}
    second = json.loads(stack.must("stack", "output", "--json"))["settings"]
    assert second != first
    assert stack.live("configmap", second)["data"] == {"level": "debug"}
    assert first not in stack.cluster.kubectl("-n", NAMESPACE, "get", "configmaps", "-o", "name")

    stack.cluster.kubectl(
        "-n", NAMESPACE, "patch", "deployment", "server", "-p", '{"spec":{"minReadySeconds":1,"replicas":2}}'
    )
    drift = stack.pulumi("refresh", "--yes", "--expect-no-changes", "--diff")
    assert drift.returncode != 0
    assert "replicas: 1 => 2" in drift.stdout
    assert "minReadySeconds" not in drift.stdout.split("Resources:")[0].split("--outputs:--")[0]
    conflict = stack.pulumi("up", "--yes", "--skip-preview")
    assert conflict.returncode != 0
    assert 'Deployment modelberth-standin/server: spec.replicas belongs to "kubectl-patch"' in conflict.stdout

    stack.must("destroy", "--yes")
    assert NAMESPACE not in stack.cluster.kubectl("get", "namespaces", "-o", "name")
    assert "standin.modelberth" not in stack.cluster.kubectl("get", "crds", "-o", "name")
    assert CANARY not in stack.said
    assert CANARY not in "".join(path.read_text() for path in stack.project.folder.rglob("*.json"))


def test_what_does_not_become_ready_is_recorded_with_the_reason(stack: Stack) -> None:
    stack.must("config", "set", "image", "localhost/not-there:1")
    program = stack.project.folder / "__main__.py"
    program.write_text(
        PROGRAM.replace(
            'metadata=meta("server")',
            'metadata=meta("server", annotations={"pulumi.com/timeoutSeconds": "5"})',
        )
    )
    failed = stack.pulumi("up", "--yes", "--skip-preview")
    assert failed.returncode != 0
    assert "given up after 5 s: 0 of 1 replicas are available" in failed.stdout
    assert "ErrImageNeverPull" in failed.stdout
    stack.must("config", "rm", "image")
    mended = stack.changes("up", "--yes", "--skip-preview")
    assert mended == {"update": 1, "create": 1}
    stack.must("destroy", "--yes")
