"""The stack `onprem` on a real cluster: the repository's own program and command, in real pods."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CompletedProcess, Popen
from typing import Any

import yaml

from modelberth.preview.standins import StandIns
from modelberth.preview.standins.cluster import Cluster as Reached
from support.cluster import Cluster, Namespace, Object
from support.project import REPOSITORY, VENV, Config, Project, copied, plain

OPEN = {"auth": {"kind": "none"}}
COMMITTED = yaml.safe_load((REPOSITORY / "Pulumi.onprem.yaml").read_text())["config"]["modelberth:endpoints"][
    0
]


@dataclass
class OnPrem:
    """A stack whose endpoint lives in a namespace of its own."""

    project: Project
    cluster: Cluster
    standins: StandIns
    image: str
    namespace: Namespace
    kubeconfig: Path
    """As whom the stack reaches the cluster."""
    said: list[str] = field(default_factory=list)
    """All that the command wrote."""

    @classmethod
    @contextmanager
    def running(
        cls, folder: Path, cluster: Cluster, image: str, namespace: str, kubeconfig: Path | None = None
    ) -> Iterator["OnPrem"]:
        """A stack that is not deployed yet; whatever is left of its namespace goes with the block.

        `kubeconfig` is as whom the stack reaches the cluster; unset: as who may do everything.

        The plugin of the Kubernetes provider can be had nowhere without its vendor's host. A stand-in takes
        its place in front of the same API server, and applies, waits and deletes as it does.
        """
        kubeconfig = kubeconfig or cluster.kubeconfig
        reached = Reached.from_kubeconfig(kubeconfig)
        with (
            copied(folder) as project,
            StandIns(packages=["kubernetes"], kubernetes=reached) as standins,
        ):
            project.stack = "onprem"
            space = Namespace(cluster, namespace)
            try:
                yield cls(project, cluster, standins, image, space, kubeconfig)
            finally:
                # A cluster of the tests' own goes away as a whole; another is left as it was found.
                wait = "--wait=false" if cluster.own else "--wait=true"
                cluster.kubectl("delete", "namespace", namespace, "--ignore-not-found", wait)

    def configure(self, **changes: Any) -> None:
        """The committed endpoint, with changes, as the only one of the stack."""
        self.project.configure(self.endpoint(**changes))

    def endpoint(self, **changes: Any) -> Config:
        """The committed endpoint with this image and namespace; mappings are merged, one level deep."""
        target = {**COMMITTED["target"], "image": self.image, "namespace": self.namespace.name}
        endpoint: Config = {**COMMITTED, "target": target}
        for name, value in changes.items():
            is_merged = isinstance(endpoint.get(name), dict) and isinstance(value, dict)
            endpoint[name] = {**endpoint[name], **value} if is_merged else value
        return endpoint

    def run(self, *arguments: str) -> "CompletedProcess[str]":
        """The command `modelberth`, whatever it ends with."""
        done = self.project.modelberth(*arguments, env=self._environment)
        self.said += [done.stdout, done.stderr]
        return done

    def start(self, *arguments: str) -> "Popen[str]":
        """The command `modelberth`, which goes on while other things happen."""
        command = [str(VENV / "bin" / "modelberth"), *arguments]
        return self.project.start(*command, env=self._environment)

    def up(self) -> dict[str, int]:
        """Deploy, which must succeed; how many resources each step concerned."""
        done = self.run("up", "--stack", "onprem", "--json")
        assert done.returncode == 0, "\n".join([done.stdout, done.stderr, self._symptoms()])
        changes: dict[str, int] = json.loads(done.stdout)["changes"]
        return {step: count for step, count in changes.items() if count}

    def refused(self, command: str = "up") -> str:
        """Try, which must fail with a message and no traceback; what was said, in one line."""
        done = self.run(command, "--stack", "onprem")
        said = plain(done.stdout + done.stderr)
        assert done.returncode != 0, said
        assert "Traceback" not in said, said
        return said

    def down(self) -> None:
        """Destroy, which must succeed."""
        done = self.run("down", "--stack", "onprem")
        assert done.returncode == 0, done.stdout + done.stderr

    @property
    def contract(self) -> Object:
        """What the stack exports of its endpoint."""
        (endpoint,) = self.project.endpoints().values()
        found: Object = endpoint
        return found

    @property
    def name(self) -> str:
        """Of the endpoint's objects."""
        return str(self.contract["url"]).partition("://")[2].partition(".")[0]

    @property
    def url(self) -> str:
        """The address of the endpoint's Service within the cluster."""
        return self.namespace.service_url(self.name)

    @property
    def key(self) -> str:
        """The callers' key, as whoever may read Secrets of the namespace gets it."""
        (secret,) = [one for one in self.namespace.list("secrets") if "api-keys" in one["metadata"]["name"]]
        return base64.b64decode(secret["data"]["key"]).decode()

    @property
    def _environment(self) -> dict[str, str]:
        return {**self.standins.environment, "KUBECONFIG": str(self.kubeconfig)}

    def _symptoms(self) -> str:
        known = self.cluster.run("get", "namespace", self.namespace.name).returncode == 0
        return self.namespace.symptoms() if known else ""
