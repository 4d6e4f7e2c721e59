"""The life of a cluster in a folder: up, images in, down without a trace."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from cache import exclusive
from cluster import binaries, packages
from cluster.binaries import Binaries
from cluster.control_plane import ControlPlane
from cluster.images import PAUSE, load, write_pause
from cluster.network import Network, free_number
from cluster.node import Node
from cluster.processes import Processes
from console import SetupError, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkout import Checkout

__all__ = ["Cluster", "lacking"]

_STEP = "cluster"
_RECORD = "cluster.json"
_NUMBERS = Path("/run/lock/modelberth-clusters")
_API_S = 60.0
_NODES_S = 90.0
_PODS_GONE_S = 30
_GRACE_S = 10.0
_SOCKET_PATH_BYTES = 107  # of a Unix socket's address on Linux: unix(7)
_LONGEST_SOCKET = "/node1/kubelet/device-plugins/kubelet.sock"  # in the folder of a cluster


@dataclass(frozen=True)
class Cluster:
    """A cluster whose files lie in `folder`: number `number` on this machine, with so many `nodes`."""

    folder: Path
    number: int
    nodes: int
    programs: Binaries
    environ: Mapping[str, str]

    @classmethod
    def up(cls, folder: Path, checkout: Checkout, environ: Mapping[str, str], *, nodes: int = 1) -> Self:
        """Start a cluster in `folder`, with the first number that is free; one that runs there stays.

        Raises SetupError when something is missing, and with the end of its log when a part of it fails; the
        logs stay in `folder`, and no process does.
        """
        reasons = lacking(checkout, environ)
        programs = binaries.find(checkout)
        if reasons or not programs:
            raise SetupError(f"no cluster can be started here: {'; '.join(reasons)}")
        folder = folder.absolute()
        longest = _SOCKET_PATH_BYTES - len(_LONGEST_SOCKET)
        if len(os.fsencode(folder)) > longest:
            raise SetupError(
                f"the path of {folder} is too long for the sockets in it: at most {longest} bytes"
            )
        running = cls.find(folder, checkout, environ)
        if running and running.is_ready():
            if running.nodes != nodes:
                raise SetupError(f"{folder} has a cluster of {running.nodes} nodes: end it first")
            return running
        if running:
            running.down()
        elif folder.exists() and any(folder.iterdir()):
            raise SetupError(f"{folder} is not empty, and no cluster is in it")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        environ = _environment(environ, folder)
        with exclusive(_NUMBERS, _STEP):
            cluster = cls(folder, free_number(), nodes, programs, environ)
            cluster._remember()
            cluster.network.make(environ)
        try:
            cluster._start()
        except BaseException:
            cluster._stop()
            raise
        return cluster

    @classmethod
    def find(cls, folder: Path, checkout: Checkout, environ: Mapping[str, str]) -> Self | None:
        """Return the cluster that was started in `folder` and not ended, in whatever condition it is."""
        record = folder.absolute() / _RECORD
        programs = binaries.find(checkout)
        if not record.exists() or not programs:
            return None
        known: dict[str, Any] = json.loads(record.read_text())
        own = _environment(environ, folder.absolute())
        return cls(folder.absolute(), known["number"], known["nodes"], programs, own)

    @property
    def network(self) -> Network:
        """Its addresses."""
        return Network(self.number, self.nodes)

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of who may do everything; it needs no other file."""
        return self.folder / "kubeconfig"

    @property
    def processes(self) -> Processes:
        """Its processes, and what they write."""
        return Processes(self.folder)

    def load(self, archive: Path, name: str) -> str:
        """Take the image in an OCI archive in on every node; return the `NAME@sha256:…` that pods name."""
        (reference,) = {load(node.socket, archive, name, self.environ) for node in self._nodes()}
        return reference

    def is_ready(self) -> bool:
        """Tell whether the API server and all nodes are ready."""
        done = self._kubectl("get", "nodes", "--output=json")
        if done.returncode:
            return False
        nodes = json.loads(done.stdout)["items"]
        conditions = [entry for node in nodes for entry in node["status"].get("conditions", [])]
        ready = [entry for entry in conditions if entry["type"] == "Ready" and entry["status"] == "True"]
        return len(ready) == self.nodes

    def down(self) -> None:
        """End the cluster and everything that ran in it, and remove its folder."""
        self._stop()
        shutil.rmtree(self.folder)

    def _start(self) -> None:
        plane, processes = self._plane(), self.processes
        plane.prepare(self.kubeconfig)
        processes.start("etcd", plane.etcd(), self.environ)
        processes.start("kube-apiserver", plane.api_server(), self.environ)
        nodes = self._nodes()
        for node in nodes:
            node.prepare(plane)
            processes.start(f"{node.name}-containerd", node.containerd(), self.environ)
        processes.wait("the API server answered", lambda: self._answers("/readyz"), _API_S)
        say(_STEP, f"the API server is at {plane.server}")
        processes.start("kube-controller-manager", plane.controller_manager(), self.environ)
        processes.start("kube-scheduler", plane.scheduler(), self.environ)
        pause = self.folder / "pause.oci.tar"
        write_pause(self.programs["pause"], pause)
        for node in nodes:
            processes.wait(f"containerd of {node.name} answered", node.answers, _API_S)
            load(node.socket, pause, PAUSE, self.environ)
            processes.start(f"{node.name}-kubelet", node.kubelet(), self.environ)
            processes.start(f"{node.name}-kube-proxy", node.kube_proxy(), self.environ)
        processes.start("metrics-server", plane.metrics_server(), self.environ)
        self._apply(plane.metrics_api())
        processes.wait("every node was ready", self.is_ready, _NODES_S)
        metrics = "/apis/metrics.k8s.io/v1beta1"
        processes.wait("metrics-server answered", lambda: self._answers(metrics), _API_S)
        say(_STEP, f"{self.nodes} {'node is' if self.nodes == 1 else 'nodes are'} ready")

    def _stop(self) -> None:
        processes = self.processes
        makers = ("kube-controller-manager", "kube-scheduler", "metrics-server")
        for name in makers:
            processes.stop(name, _GRACE_S)
        # While the kubelets run they take down pods and their networks in order.
        kubelets = [name for name in processes.names() if name.endswith("-kubelet")]
        if any(processes.is_running(name) for name in kubelets):
            grace = ("--grace-period=1", f"--timeout={_PODS_GONE_S}s")
            self._kubectl("delete", "pods", "--all", "--all-namespaces", *grace, timeout_s=_PODS_GONE_S + 5)
        for name in (*kubelets, *(f"node{index}-kube-proxy" for index in range(1, self.nodes + 1))):
            processes.stop(name, _GRACE_S)
        for node in self._nodes():
            if processes.is_running(f"{node.name}-containerd"):
                node.end_containers()
        # The API server would wait a minute for those who watch; nothing of etcd is kept.
        for name in processes.names():
            processes.stop(name, 2.0 if name == "kube-apiserver" else _GRACE_S)
        _unmount(self.folder)
        self.network.remove(self.environ)

    def _plane(self) -> ControlPlane:
        return ControlPlane(self.folder, self.programs, self.network, self.environ)

    def _nodes(self) -> list[Node]:
        return [
            Node(index, self.folder / f"node{index}", self.programs, self.network, self.environ)
            for index in range(1, self.nodes + 1)
        ]

    def _remember(self) -> None:
        (self.folder / _RECORD).write_text(json.dumps({"number": self.number, "nodes": self.nodes}))

    def _answers(self, path: str) -> bool:
        return self._kubectl("get", "--raw", path).returncode == 0

    def _apply(self, manifest: str) -> None:
        done = self._kubectl("apply", "--filename=-", manifest=manifest)
        if done.returncode:
            raise SetupError(f"the API server refuses what the cluster needs: {done.stderr}")

    def _kubectl(
        self, *arguments: str, manifest: str | None = None, timeout_s: float = 20.0
    ) -> subprocess.CompletedProcess[str]:
        command = [str(self.programs["kubectl"]), f"--kubeconfig={self.kubeconfig}", *arguments]
        with contextlib.suppress(subprocess.TimeoutExpired):
            return subprocess.run(
                command,
                env=self.environ,
                input=manifest,
                check=False,
                capture_output=True,
                text=True,
                timeout=timeout_s,
            )
        return subprocess.CompletedProcess(command, 1, "", f"no end after {timeout_s:.0f} s")


def lacking(checkout: Checkout, environ: Mapping[str, str]) -> list[str]:
    """Return what keeps a cluster from being started here; empty where one can be."""
    if platform.system() != "Linux":
        return [f"a node needs Linux, this is {platform.system()}"]
    reasons = [] if os.geteuid() == 0 else ["it takes root"]
    programs = packages.missing(environ)
    if programs:
        reasons.append(f"there is no {', no '.join(' or '.join(program.names) for program in programs)}")
    if not binaries.find(checkout):
        reasons.append(f"Kubernetes {binaries.version('kubernetes')} is not built")
    return reasons


def _environment(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return what the processes see: no proxy, and nobody's home."""
    return {"PATH": packages.search_path(environ), "HOME": str(folder), "LC_ALL": "C"}


def _unmount(folder: Path) -> None:
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    below = [path.replace("\\040", " ") for path in mounts if path.startswith(f"{folder}/")]
    for path in sorted(below, reverse=True):
        subprocess.run(["umount", "--lazy", path], check=False, capture_output=True)
