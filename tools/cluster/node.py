"""A node: containerd, the kubelet and kube-proxy in a network namespace of their own."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cluster.images import PAUSE
from cluster.network import in_namespace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cluster.binaries import Binaries
    from cluster.control_plane import Command, ControlPlane
    from cluster.network import Network

__all__ = ["Node"]

_CNI = "/usr/lib/cni"

# Without the right to raise limits (CAP_SYS_RESOURCE) the scores by which the kernel ends processes stay as
# they are; a node's pods share the machine's kernel and its profiles, so none is loaded.
_CONTAINERD = """\
version = 2
root = "{folder}/containerd"
state = "{folder}/containerd-run"
[grpc]
  address = "{socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{folder}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{cni}"
    conf_dir = "{folder}/cni"
"""


@dataclass(frozen=True)
class Node:
    """The node with this `index`, from 1; its files lie in `folder`."""

    index: int
    folder: Path
    binaries: Binaries
    network: Network
    environ: Mapping[str, str]

    @property
    def name(self) -> str:
        """Its name in the cluster."""
        return f"node{self.index}"

    @property
    def socket(self) -> Path:
        """Where its containerd listens."""
        return self.folder / "containerd.sock"

    def prepare(self, control_plane: ControlPlane) -> None:
        """Write its configuration, and have it known to the cluster."""
        self.folder.mkdir()
        address = self.network.node(self.index)
        authority = control_plane.authority
        user = f"system:node:{self.name}"
        serving = authority.issue(f"{self.name}-serving", user, "", (address, self.name))
        kubelet = control_plane.kubeconfig(f"{self.name}-kubelet", user, "system:nodes")
        proxy = control_plane.kubeconfig(f"{self.name}-kube-proxy", "system:kube-proxy")
        (self.folder / "containerd.toml").write_text(
            _CONTAINERD.format(folder=self.folder, socket=self.socket, pause=PAUSE, cni=_CNI)
        )
        (self.folder / "cni").mkdir()
        self._write("cni/10-bridge.conflist", self._pod_network())
        settings = self._kubelet_settings() | {
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(authority.certificate)},
            },
            "tlsCertFile": str(serving.certificate),
            "tlsPrivateKeyFile": str(serving.key),
        }
        self._write("kubelet.json", settings)
        self._write("kube-proxy.json", self._proxy_settings(proxy))
        shutil.copy(kubelet, self.folder / "kubelet.kubeconfig")

    def containerd(self) -> Command:
        """Return containerd's command."""
        return self._command("containerd", "--config", self.folder / "containerd.toml")

    def kubelet(self) -> Command:
        """Return the kubelet's command."""
        return self._command(
            self.binaries["kubelet"],
            f"--config={self.folder / 'kubelet.json'}",
            f"--kubeconfig={self.folder / 'kubelet.kubeconfig'}",
            f"--root-dir={self.folder / 'kubelet'}",
            f"--hostname-override={self.name}",
            f"--node-ip={self.network.node(self.index)}",
            f"--containerd={self.socket}",
        )

    def kube_proxy(self) -> Command:
        """Return kube-proxy's command."""
        return self._command(self.binaries["kube-proxy"], f"--config={self.folder / 'kube-proxy.json'}")

    def answers(self) -> bool:
        """Tell whether its containerd does."""
        return self._ctr("version").returncode == 0

    def end_containers(self) -> None:
        """Kill every container that still runs: without a kubelet nothing else would."""
        for task in self._ctr("--namespace", "k8s.io", "tasks", "list", "--quiet").stdout.split():
            self._ctr("--namespace", "k8s.io", "tasks", "delete", "--force", task)

    def _ctr(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["ctr", "--address", str(self.socket), "--connect-timeout", "2s", *arguments]
        with contextlib.suppress(subprocess.TimeoutExpired):
            return subprocess.run(
                command, env=self.environ, check=False, capture_output=True, text=True, timeout=10
            )
        return subprocess.CompletedProcess(command, 1, "", "")

    def _pod_network(self) -> dict[str, Any]:
        bridge = {
            "type": "bridge",
            "bridge": "pods",
            "isGateway": True,
            "ipam": {
                "type": "host-local",
                "dataDir": str(self.folder / "addresses"),
                "ranges": [[{"subnet": self.network.pods_of(self.index)}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        }
        ports = {"type": "portmap", "capabilities": {"portMappings": True}}
        name = self.network.namespace(self.index)
        return {"cniVersion": "0.4.0", "name": name, "plugins": [bridge, ports]}

    def _kubelet_settings(self) -> dict[str, Any]:
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authorization": {"mode": "Webhook"},
            "containerRuntimeEndpoint": f"unix://{self.socket}",
            "clusterDomain": "cluster.local",
            "clusterDNS": [self.network.dns_service],
            "resolvConf": "",
            "podLogsDir": str(self.folder / "logs"),
            "volumePluginDir": str(self.folder / "volume-plugins"),
            # Works with control groups of version 1, 2 and both, whoever mounts them; what a container may
            # use is enforced, what all pods together leave to the machine is not.
            "cgroupDriver": "cgroupfs",
            "failCgroupV1": False,
            "cgroupsPerQOS": False,
            "enforceNodeAllocatable": [],
            "failSwapOn": False,
            # Settings of the kernel that are not this process's to change are left alone.
            "featureGates": {"KubeletInUserNamespace": True},
            # Images come from archives, so one that is dropped for space does not come back.
            "imageGCHighThresholdPercent": 100,
            "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%"},
            "nodeStatusUpdateFrequency": "5s",
        }

    def _proxy_settings(self, kubeconfig: Path) -> dict[str, Any]:
        return {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "clientConnection": {"kubeconfig": str(kubeconfig)},
            "hostnameOverride": self.name,
            "clusterCIDR": self.network.pods,
            "mode": "iptables",
            "iptables": {"minSyncPeriod": "100ms"},
            # The size of the table of connections belongs to the machine.
            "conntrack": {
                "maxPerCore": 0,
                "min": 0,
                "tcpEstablishedTimeout": "0s",
                "tcpCloseWaitTimeout": "0s",
            },
        }

    def _write(self, name: str, document: dict[str, Any]) -> None:
        (self.folder / name).write_text(json.dumps(document, indent=1))

    def _command(self, *words: str | Path) -> Command:
        return [*in_namespace(self.network.namespace(self.index)), *words]
