"""The Kubernetes that tests run on: one that they start, or one that a person names."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checkout import Checkout
from cluster import life
from onprem import image

KUBECONFIG = "MODELBERTH_TEST_KUBECONFIG"
IMAGE = "MODELBERTH_TEST_CLUSTER_IMAGE"
IMAGE_FOLDER = "MODELBERTH_TEST_IMAGE"
REPOSITORY_NAME = "localhost/modelberth-server"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
NODES = 2  # a node that is drained needs another that takes its pods

Object = dict[str, Any]


def lacking() -> list[str]:
    """What keeps the tests from running here; a cluster that is named needs nothing but `kubectl`."""
    if os.environ.get(KUBECONFIG):
        return [] if shutil.which("kubectl") else ["kubectl is not on PATH"]
    return life.lacking(Checkout.here(), os.environ)


def not_run() -> str:
    """One line on why the tests of a real cluster do not run and what would change that; empty if they do."""
    reasons = lacking()
    if not reasons:
        return ""
    way = "run `make cluster-tools` as root, then the tests as root"
    return f"tests/cluster: not run, {'; '.join(reasons)}: {way}, or name a cluster by ${KUBECONFIG}"


@dataclass(frozen=True)
class Cluster:
    """A cluster, reached by its kubeconfig; `own` is what started it, where the tests did."""

    kubeconfig: Path
    kubectl_program: str
    own: life.Cluster | None = None

    @classmethod
    @contextmanager
    def running(cls) -> Iterator["Cluster"]:
        """The cluster that a person names, else one that lives until the block ends."""
        named = os.environ.get(KUBECONFIG)
        if named:
            yield cls(Path(named), "kubectl")
            return
        checkout = Checkout.here()
        folder = checkout.state / "cluster" / "test"
        left_by_a_kill = life.Cluster.find(folder, checkout, os.environ)
        if left_by_a_kill:
            left_by_a_kill.down()
        own = life.Cluster.up(folder, checkout, os.environ, nodes=NODES)
        try:
            yield cls(own.kubeconfig, str(own.programs["kubectl"]), own)
        finally:
            own.down()

    def run(
        self, *arguments: str, given: str | None = None, timeout_s: float = 120
    ) -> "subprocess.CompletedProcess[str]":
        """`kubectl`, whatever it ends with."""
        return subprocess.run(
            [self.kubectl_program, f"--kubeconfig={self.kubeconfig}", *arguments],
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )

    def kubectl(self, *arguments: str, given: str | None = None, timeout_s: float = 120) -> str:
        """What `kubectl` prints; it must succeed."""
        done = self.run(*arguments, given=given, timeout_s=timeout_s)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def load(self, archive: Path, name: str) -> str:
        """Take an image in, on every node; the reference by digest that pods name."""
        assert self.own, f"images of a cluster that is named are not this program's to load: set ${IMAGE}"
        return self.own.load(archive, name)

    @contextmanager
    def namespace(self, name: str, labels: Mapping[str, str] | None = None) -> Iterator["Namespace"]:
        """A namespace that is deleted, with all that is in it, when the block ends."""
        metadata = {"name": name, "labels": dict(RESTRICTED if labels is None else labels)}
        self.kubectl("delete", "namespace", name, "--ignore-not-found")
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        self.kubectl("create", "--filename=-", given=json.dumps(manifest))
        namespace = Namespace(self, name)
        try:
            # A controller makes it a moment later; until then every pod is refused for want of it.
            wait("the default ServiceAccount", lambda: bool(namespace.list("serviceaccounts")))
            yield namespace
        finally:
            # A cluster of the tests' own goes away as a whole; another is left as it was found.
            waits = "--wait=false" if self.own else "--wait=true"
            self.kubectl("delete", "namespace", name, "--ignore-not-found", waits)


@dataclass(frozen=True)
class Namespace:
    """A namespace of a cluster."""

    cluster: Cluster
    name: str

    def kubectl(self, *arguments: str, given: str | None = None, timeout_s: float = 120) -> str:
        """What `kubectl` prints in this namespace; it must succeed."""
        return self.cluster.kubectl(f"--namespace={self.name}", *arguments, given=given, timeout_s=timeout_s)

    def apply(self, *manifests: Object) -> None:
        """Apply manifests on the server's side, strictly: a field that it does not know is an error."""
        done = self.try_apply(*manifests)
        assert done.returncode == 0, done.stdout + done.stderr

    def try_apply(self, *manifests: Object, dry_run: bool = False) -> "subprocess.CompletedProcess[str]":
        """Apply manifests, or ask the server whether it would take them, whatever it answers."""
        document = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})
        options = ["--server-side", "--validate=strict", "--filename=-"]
        options += ["--dry-run=server"] if dry_run else []
        return self.cluster.run(f"--namespace={self.name}", "apply", *options, given=document)

    def get(self, kind: str, name: str) -> Object:
        """An object as it is now."""
        found: Object = json.loads(self.kubectl("get", kind, name, "--output=json"))
        return found

    def list(self, kind: str, selector: str = "") -> Sequence[Object]:
        """The objects of a kind, by name."""
        options = ["--output=json", *([f"--selector={selector}"] if selector else [])]
        items: list[Object] = json.loads(self.kubectl("get", kind, *options))["items"]
        return sorted(items, key=lambda item: str(item["metadata"]["name"]))

    def wait_for_rollout(self, deployment: str, timeout_s: int = 90) -> None:
        """Wait until every replica of a Deployment is there and ready; what keeps it is told."""
        options = (f"--namespace={self.name}", "rollout", "status", f"deployment/{deployment}")
        done = self.cluster.run(*options, f"--timeout={timeout_s}s", timeout_s=timeout_s + 10)
        assert done.returncode == 0, "\n".join([done.stdout + done.stderr, self.symptoms()])

    def pods(self, selector: str) -> Sequence[Object]:
        """The pods that are neither ending nor ended."""
        return [
            pod
            for pod in self.list("pods", selector)
            if "deletionTimestamp" not in pod["metadata"] and pod["status"]["phase"] in {"Pending", "Running"}
        ]

    def service_url(self, name: str) -> str:
        """The address of a Service within the cluster, which kube-proxy routes."""
        spec = self.get("service", name)["spec"]
        return f"http://{spec['clusterIP']}:{spec['ports'][0]['port']}"

    def symptoms(self) -> str:
        """What there is to say about pods that do not become ready."""
        events = self.kubectl("get", "events", "--sort-by=.lastTimestamp")
        logs = [
            self.cluster.run(f"--namespace={self.name}", "logs", pod["metadata"]["name"], "--tail=20").stdout
            for pod in self.list("pods")
        ]
        return "\n".join([events, *logs])


def wait(what: str, reached: Callable[[], bool], timeout_s: float = 60) -> None:
    """Wait until something is so; `what` is told when it never is."""
    deadline = time.monotonic() + timeout_s
    while not reached():
        assert time.monotonic() < deadline, f"not after {timeout_s:.0f} s: {what}"
        time.sleep(0.2)


def image_folder() -> Path:
    """The folder with the serving image, with the iris model in it, of this checkout as it is now.

    It is built where the sources have changed since the last time, which takes a few minutes, unless
    $MODELBERTH_TEST_IMAGE names a folder that `make image` wrote.
    """
    named = os.environ.get(IMAGE_FOLDER)
    if named:
        return Path(named)
    return image.build(Checkout.here(), os.environ).parent
