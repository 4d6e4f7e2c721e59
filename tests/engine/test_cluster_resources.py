"""Resources that ask a cluster, or keep a key in it, under the real engine; the cluster is a small fake."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import kubernetes_api
from support.kubernetes_api import KubernetesApi
from support.project import Project, plain

pytestmark = pytest.mark.engine

SECRET = "/api/v1/namespaces/team/secrets/iris-api-keys"
PROGRAM = """
import pulumi
from modelberth.kubernetes.api_key import ApiKey, ApiKeyArgs
from modelberth.kubernetes.preflight.requirements import RequiredObject, Requirements, RequirementsArgs

config = pulumi.Config()
needs = Requirements("needs", RequirementsArgs(
    namespace="team", instance="shop-dev-iris", kubeconfig="kubeconfig", config_path="endpoints[0]",
    objects=[RequiredObject("v1", "ConfigMap", "target.example", name=config.require("needs"))]))
key = ApiKey("key", ApiKeyArgs(
    name="iris-api-keys", namespace="team", endpoint="shop-dev-iris", kubeconfig="kubeconfig",
    rotation=config.get("rotation")), pulumi.ResourceOptions(depends_on=[needs]))
pulumi.export("fingerprint", key.fingerprint)
"""


class Stack:
    """A program with both resources, and all that was said and kept about it."""

    def __init__(self, folder: Path, api: KubernetesApi) -> None:
        self.project, self.api = Project(folder), api
        (folder / ".state" / "backend").mkdir(parents=True)
        (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
        (folder / "__main__.py").write_text(PROGRAM)
        api.kubeconfig(folder)
        api.objects["/api/v1/namespaces/team"] = {"metadata": {"name": "team"}}
        api.objects["/api/v1/namespaces/team/configmaps/there"] = {"metadata": {"name": "there"}}
        self.said, self.keys = "", [""]
        self.run("stack", "init", "dev")
        self.run("config", "set", "needs", "there")

    def run(self, *arguments: str, succeeds: bool = True) -> str:
        done = self.project.run("pulumi", *arguments, "--non-interactive")
        said = done.stdout + done.stderr
        assert (done.returncode == 0) == succeeds, said
        self.said += said
        if SECRET in self.api.objects:
            key = base64.b64decode(self.api.objects[SECRET]["data"]["key"]).decode()
            if key != self.keys[-1]:
                self.keys.append(key)
        return plain(said)

    def fingerprint(self) -> str:
        return str(json.loads(self.run("stack", "output", "--json"))["fingerprint"])

    def changes(self) -> dict[str, int]:
        """What `up` would do, by operation."""
        summary: dict[str, int] = json.loads(self.run("preview", "--json"))["changeSummary"]
        return summary


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    api = KubernetesApi()
    server = kubernetes_api.serve(api)
    yield Stack(tmp_path / "project", api)
    server.shutdown()
    server.server_close()


def test_a_key_lives_without_being_seen(stack: Stack) -> None:
    stack.run("up", "--yes", "--logtostderr", "-v=9")
    first = stack.fingerprint()
    assert len(first) == 12
    assert stack.changes() == {"same": 3}
    stack.run("config", "set", "rotation", "2")
    assert stack.changes() == {"same": 2, "update": 1}
    stack.run("up", "--yes", "--logtostderr", "-v=9")
    assert stack.fingerprint() != first
    stack.run("refresh", "--yes")
    assert stack.changes() == {"same": 3}
    del stack.api.objects[SECRET]
    stack.run("refresh", "--yes")
    assert stack.changes() == {"same": 2, "create": 1}
    stack.run("up", "--yes")
    stack.run("destroy", "--yes")
    assert SECRET not in stack.api.objects

    keys = stack.keys[1:]
    assert len(set(keys)) == 3
    files = [path for path in stack.project.folder.rglob("*") if path.is_file()]
    assert len(files) > 10
    kept = b"\n".join(path.read_bytes() for path in files) + stack.said.encode()
    assert first.encode() in kept
    for key in keys:
        assert key.encode() not in kept
        assert base64.b64encode(key.encode()) not in kept


def test_a_preview_says_what_the_cluster_lacks_and_nothing_is_made(stack: Stack) -> None:
    stack.run("config", "set", "needs", "gone")
    for command in (("preview",), ("up", "--yes", "--skip-preview")):
        said = stack.run(*command, succeeds=False)
        assert "endpoints[0].target.example: given 'gone', allowed: the name of an existing ConfigMap" in said
        assert "Traceback" not in said
    assert {seen.method for seen in stack.api.requests} == {"GET"}
    # A cluster that is unreachable keeps nobody from removing what does not lie in it.
    stack.run("destroy", "--yes")


def test_what_may_not_be_seen_is_told(stack: Stack) -> None:
    path = "/api/v1/namespaces/team/configmaps/there"
    stack.api.answers["GET", path] = kubernetes_api.status(403, "Forbidden", "configmaps is forbidden")
    said = stack.run("preview")
    assert "warning: target.example was not checked: cluster http://127.0.0.1" in said
    assert "configmaps is forbidden" in said
