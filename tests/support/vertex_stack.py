"""A stack on the real engine whose endpoint lies in the fake Vertex AI."""

import contextlib
import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from serving.model_sources import write_package
from support import vertex_api
from support.project import Project, plain
from support.vertex.containers import Containers
from support.vertex_api import ENDPOINT, PARENT, VertexApi

BUCKET = "gs://models/iris"
MODEL = f"{PARENT}/models/iris"
SETOSA = {"instances": [[5.1, 3.5, 1.4, 0.2]]}
PROGRAM = f"""
import pulumi
from modelberth.gcp.vertex.deployed_model import DeployedModel, DeployedModelArgs, Share
from modelberth.gcp.vertex.model import Model, ModelArgs
from modelberth.local.process import Provider

config = pulumi.Config()
provider = Provider("vertex", vertex_endpoint=config.require("address"))
opts = pulumi.ResourceOptions(provider=provider)
shares = []
for role, (revision, percent) in zip(("model", "previous"), config.require_object("shares")):
    digest = config.require("digest") if revision != "broken" else "0" * 64
    made = Model(role, ModelArgs(
        project="shop-prod", region="europe-west4", model_id="iris", display_name="shop-dev-iris",
        image="europe-west4-docker.pkg.dev/shop-prod/models/server@sha256:{"0" * 64}",
        env={{"MODELBERTH_REVISION": revision, "MODELBERTH_MODEL_SHA256": digest}}, artifact_uri="{BUCKET}",
        predict_route="/vertex/predict", health_route="/vertex/health"), opts)
    shares.append(Share(made.version_name, percent, "n1-standard-4", min_replicas=config.get_int("replicas")))
deployed = DeployedModel("deployed", DeployedModelArgs("shop-dev-iris", "{ENDPOINT}", shares), opts)
pulumi.export("ids", deployed.deployed_model_ids)
pulumi.export("traffic", deployed.traffic)
"""


class Stack:
    """A program with a model or two and what the endpoint runs, and its engine."""

    def __init__(self, folder: Path, api: VertexApi, digest: str) -> None:
        self.project, self.api, self.digest = Project(folder), api, digest
        (folder / ".state" / "backend").mkdir(parents=True)
        (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
        (folder / "__main__.py").write_text(PROGRAM)
        self.run("stack", "init", "dev")

    def run(self, *arguments: str, succeeds: bool = True) -> str:
        done = self.project.run("pulumi", *arguments, "--non-interactive")
        said = plain(done.stdout + done.stderr)
        assert (done.returncode == 0) == succeeds, said
        # Where a resource fails, Pulumi's SDK may lose its monitor in the middle of a call, and say so.
        assert not succeeds or "Traceback" not in said, said
        assert "fault of the provider" not in said, said
        return said

    def up(self, *shares: tuple[str, int], succeeds: bool = True, **config: object) -> str:
        """Deploy revisions of the model, each with its percentage of the requests."""
        return self.run("up", "--yes", "--skip-preview", *self.wanted(*shares, **config), succeeds=succeeds)

    def kill_up(self, when: Callable[[], bool], *shares: tuple[str, int], provider: bool) -> None:
        """The same, and `kill -9` of the engine once something happened, perhaps of the provider too."""
        command = ("pulumi", "up", "--yes", "--skip-preview", "--non-interactive", *self.wanted(*shares))
        with self.project.start(*command) as running:
            wait_until(when, lambda: running.poll() is None)
            below = psutil.Process(running.pid).children(recursive=True) if provider else []
            providers = [one for one in below if "pulumi-resource-modelberth" in " ".join(one.cmdline())]
            for one in (running, *providers):
                one.kill()
            assert bool(providers) == provider
            running.communicate(timeout=60)
        self.run("cancel", "--yes", "--stack", "dev")

    def interrupt_up(self, when: Callable[[], bool], *shares: tuple[str, int]) -> str:
        """The same, and Ctrl-C; what the engine says then."""
        command = ("pulumi", "up", "--yes", "--skip-preview", "--non-interactive", *self.wanted(*shares))
        with self.project.start(*command) as running:
            wait_until(when, lambda: running.poll() is None)
            running.send_signal(signal.SIGINT)
            said, _ = running.communicate(timeout=30)
        assert running.returncode != 0
        return plain(said)

    def found(self) -> dict[str, Any]:
        """What the state says of the endpoint."""
        (found,) = [one for one in self.project.state() if one["type"] == "modelberth:vertex:DeployedModel"]
        outputs: dict[str, Any] = found["outputs"]
        return outputs

    def begun(self, kind: str) -> int:
        """How many operations of a kind there were."""
        return sum(one.kind.endswith(f".{kind}OperationMetadata") for one in self.api.operations.values())

    def serving(self) -> dict[str, int]:
        """Percent of the requests by the revision that is deployed; all that is deployed is named."""
        endpoint = self.api.endpoints[ENDPOINT]
        revisions = {}
        for one in endpoint["deployedModels"]:
            version = self.api.models[MODEL][one["model"].partition("@")[2]]
            variables = {one["name"]: one["value"] for one in version["containerSpec"]["env"]}
            revisions[one["id"]] = variables["MODELBERTH_REVISION"]
        assert len(set(revisions.values())) == len(revisions), "deployed twice"
        return {revision: endpoint["trafficSplit"].get(one, 0) for one, revision in revisions.items()}

    def changes(self, *shares: tuple[str, int]) -> dict[str, int]:
        """What an update would do now, by operation."""
        wanted = self.wanted(*shares)
        summary: dict[str, int] = json.loads(self.run("preview", "--json", *wanted))["changeSummary"]
        return {operation: count for operation, count in summary.items() if operation != "same"}

    def wanted(self, *shares: tuple[str, int], **config: object) -> list[str]:
        given = {"address": self.api.address, "digest": self.digest, "shares": json.dumps(shares), **config}
        return [f"--config={key}={value}" for key, value in given.items()]


@contextlib.contextmanager
def stack(folder: Path, *, containers: bool = False) -> Iterator[Stack]:
    """A stack that nothing is deployed of yet; with containers, real model servers answer predictions."""
    api = VertexApi(looks=1)
    api.add_endpoint()
    server = vertex_api.serve(api)
    digest = "1" * 64
    if containers:
        bucket = folder / "bucket"
        bucket.mkdir()
        digest = write_package(bucket)
        api.containers = Containers(folder, {BUCKET: bucket})
    try:
        yield Stack(folder / "project", api, digest)
    finally:
        server.shutdown()
        server.server_close()
        if api.containers:
            api.containers.close()


def wait_until(happened: Callable[[], bool], may_go_on: Callable[[], bool] = lambda: True) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert may_go_on(), "it ended before"
        assert time.monotonic() < deadline
        time.sleep(0.01)
