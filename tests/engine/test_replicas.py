"""Replicas that an autoscaler takes over and gives back, under the real engine; the cluster is a small fake.

Without `--refresh`, so that the state knows only what Pulumi itself has set.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelberth.preview.standins import StandIns
from modelberth.preview.standins.cluster import Cluster
from support import kubernetes_api
from support.kubernetes_api import KubernetesApi
from support.project import Project

pytestmark = pytest.mark.engine

DEPLOYMENT = "/apis/apps/v1/namespaces/team/deployments/iris"
PROGRAM = """
import pulumi
import pulumi_kubernetes
from modelberth.kubernetes.autoscaling.autoscalers import owned
from modelberth.kubernetes.objects import register
from modelberth.kubernetes.plan import Plan
from modelberth.kubernetes.pods.workload import deployments
from modelberth.spec import EndpointDeployment, parse

config = pulumi.Config()
image = f"registry.example.com/iris@sha256:{config.require('digit') * 64}"
asked = parse(EndpointDeployment, {
    "name": "iris", "model": {"uri": "s3://models/iris.onnx", "sha256": "a" * 64},
    "scaling": {"min": config.require_int("min"), "max": config.require_int("max")},
    "target": {"kind": "kubernetes", "namespace": "team", "image": image}})
plan = Plan.of(asked.spec, asked.target, "shop", "dev")
(made,) = deployments(plan, dict.fromkeys(plan.revisions, ())).values()
annotations = {**made["metadata"].get("annotations", {}), "pulumi.com/skipAwait": "true"}
made = {**made, "metadata": {**made["metadata"], "name": "iris", "annotations": annotations}}
register("iris", {"deployment": made}, pulumi_kubernetes.Provider("cluster"), ignore_changes=owned(plan))
"""


class Stack:
    """A program with the Deployment of an endpoint."""

    def __init__(self, folder: Path, api: KubernetesApi, standins: StandIns) -> None:
        self.project, self.api, self.standins = Project(folder), api, standins
        (folder / ".state" / "backend").mkdir(parents=True)
        (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
        (folder / "__main__.py").write_text(PROGRAM)
        self.run("stack", "init", "dev")

    def run(self, *arguments: str) -> None:
        environment = dict(self.standins.environment)
        done = self.project.run("pulumi", *arguments, "--non-interactive", env=environment)
        assert done.returncode == 0, done.stdout + done.stderr

    def up(self, low: int, high: int, digit: int = 1) -> list[tuple[Any, str]]:
        """Deploy; of each write the replicas that it asks for, and whether it takes over what others own."""
        self.api.requests.clear()
        config = ("-c", f"min={low}", "-c", f"max={high}", "-c", f"digit={digit}")
        self.run("up", "--yes", "--skip-preview", *config)
        writes = [seen for seen in self.api.sent("PATCH") if "dryRun" not in seen.query]
        return [(seen.body["spec"].get("replicas"), seen.query["force"]) for seen in writes]

    def scale(self, replicas: int) -> None:
        """As the autoscaler does, which owns the number from then on."""
        live = self.api.objects[DEPLOYMENT]
        live["spec"]["replicas"] = replicas
        owned = {"f:spec": {"f:replicas": {}}}
        live["metadata"]["managedFields"] = [{"manager": "kube-controller-manager", "fieldsV1": owned}]


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    api = KubernetesApi()
    server = kubernetes_api.serve(api)
    reached = Cluster.from_kubeconfig(api.kubeconfig(tmp_path), timeout=30)
    with StandIns(packages=["kubernetes"], kubernetes=reached) as standins:
        yield Stack(tmp_path / "project", api, standins)
    server.shutdown()
    server.server_close()


def test_the_number_goes_to_an_autoscaler_and_back(stack: Stack) -> None:
    assert stack.up(3, 3) == [(3, "true")]
    assert stack.up(2, 6) == [(3, "false")], "the autoscaler has not had a turn: what runs goes on"
    stack.scale(5)
    assert stack.up(2, 6) == []
    assert stack.up(1, 6) == [], "bounds are the autoscaler's own"
    assert stack.up(1, 6, digit=2) == [(None, "false")], "it owns the number now"
    stack.scale(6)
    assert stack.up(3, 3, digit=2) == [(3, "true")], "the state has known 3 all the time"
    assert stack.up(3, 3, digit=2) == []
    stack.scale(2)
    stack.run("refresh", "--yes")
    assert stack.up(1, 6, digit=2) == [(None, "false")], "a refresh gives the autoscaler nothing back"
