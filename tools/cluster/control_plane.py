"""The commands of etcd, the API server, the controllers, the scheduler and metrics-server."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cluster.certificates import Authority, make_key
from cluster.network import in_namespace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cluster.binaries import Binaries
    from cluster.network import Network

__all__ = ["API_PORT", "ControlPlane"]

API_PORT = 6443
_ETCD = "http://127.0.0.1:2379"  # in the first node's own network
_METRICS_PORT = 4443

Command = list["str | Path"]


@dataclass(frozen=True)
class ControlPlane:
    """What runs beside the first node; its files lie in `folder`."""

    folder: Path
    binaries: Binaries
    network: Network
    environ: Mapping[str, str]

    @property
    def authority(self) -> Authority:
        """Who vouches for everybody in the cluster."""
        return Authority(self.folder, "ca", self.environ)

    @property
    def server(self) -> str:
        """The API server's address."""
        return f"https://{self._host}:{API_PORT}"

    @property
    def _host(self) -> str:
        return self.network.node(1)

    def prepare(self, admin: Path) -> None:
        """Make keys, certificates and kubeconfigs; `admin` is the file for who may do everything."""
        self.authority.make()
        self._proxy_authority.make()
        make_key(self.folder / "service-accounts.key", self.environ)
        names = ("kubernetes.default.svc", self._host, self.network.api_service)
        self.authority.issue("api-server", "kube-apiserver", "", names)
        self.authority.issue("api-server-to-kubelet", "kube-apiserver", "system:masters")
        self._proxy_authority.issue("api-server-proxy", "front-proxy-client")
        self.authority.issue("metrics-server", "metrics-server", "system:masters", (self._metrics_name,))
        self.kubeconfig("kube-controller-manager", "system:kube-controller-manager")
        self.kubeconfig("kube-scheduler", "system:kube-scheduler")
        self.kubeconfig("metrics-server", "metrics-server", "system:masters")
        self.authority.kubeconfig(
            admin, self.server, self.authority.issue("admin", "admin", "system:masters")
        )

    def kubeconfig(self, file: str, user: str, group: str = "") -> Path:
        """Make a certificate for a component, and the kubeconfig by which it reaches the API server."""
        identity = self.authority.issue(f"{file}-client", user, group)
        return self.authority.kubeconfig(self.folder / f"{file}.kubeconfig", self.server, identity)

    def etcd(self) -> Command:
        """Return etcd's command."""
        options = {
            "data-dir": self.folder / "etcd",
            "listen-client-urls": _ETCD,
            "advertise-client-urls": _ETCD,
            "listen-peer-urls": "http://127.0.0.1:2380",
        }
        return self._command("etcd", options)

    def api_server(self) -> Command:
        """Return the API server's command."""
        options = {
            "etcd-servers": _ETCD,
            "bind-address": self._host,
            "advertise-address": self._host,
            "secure-port": API_PORT,
            **self._tls("api-server"),
            "client-ca-file": self.authority.certificate,
            "authorization-mode": "Node,RBAC",
            "enable-admission-plugins": "NodeRestriction",
            "service-account-issuer": "https://kubernetes.default.svc",
            "service-account-key-file": self.folder / "service-accounts.key",
            "service-account-signing-key-file": self.folder / "service-accounts.key",
            "service-cluster-ip-range": self.network.services,
            "kubelet-certificate-authority": self.authority.certificate,
            "kubelet-client-certificate": self.folder / "api-server-to-kubelet.crt",
            "kubelet-client-key": self.folder / "api-server-to-kubelet.key",
            "kubelet-preferred-address-types": "InternalIP",
            "requestheader-client-ca-file": self._proxy_authority.certificate,
            "requestheader-allowed-names": "front-proxy-client",
            "requestheader-username-headers": "X-Remote-User",
            "requestheader-group-headers": "X-Remote-Group",
            "requestheader-extra-headers-prefix": "X-Remote-Extra-",
            "proxy-client-cert-file": self.folder / "api-server-proxy.crt",
            "proxy-client-key-file": self.folder / "api-server-proxy.key",
            "allow-privileged": "true",
        }
        return self._command(self.binaries["kube-apiserver"], options)

    def controller_manager(self) -> Command:
        """Return the controllers' command; an autoscaler decides every 5 seconds, and soon after a start."""
        options = {
            "kubeconfig": self.folder / "kube-controller-manager.kubeconfig",
            "service-account-private-key-file": self.folder / "service-accounts.key",
            "root-ca-file": self.authority.certificate,
            "cluster-signing-cert-file": self.authority.certificate,
            "cluster-signing-key-file": self.authority.key,
            "use-service-account-credentials": "true",
            "horizontal-pod-autoscaler-sync-period": "5s",
            "horizontal-pod-autoscaler-cpu-initialization-period": "20s",
            "horizontal-pod-autoscaler-initial-readiness-delay": "5s",
            "leader-elect": "false",
            "secure-port": 0,
        }
        return self._command(self.binaries["kube-controller-manager"], options)

    def scheduler(self) -> Command:
        """Return the scheduler's command."""
        options = {
            "kubeconfig": self.folder / "kube-scheduler.kubeconfig",
            "leader-elect": "false",
            "secure-port": 0,
        }
        return self._command(self.binaries["kube-scheduler"], options)

    def metrics_server(self) -> Command:
        """Return metrics-server's command, which asks the kubelets every 10 seconds: its lowest period."""
        kubeconfig = self.folder / "metrics-server.kubeconfig"
        options = {
            "kubeconfig": kubeconfig,
            "authentication-kubeconfig": kubeconfig,
            "authorization-kubeconfig": kubeconfig,
            "bind-address": self._host,
            "secure-port": _METRICS_PORT,
            **self._tls("metrics-server"),
            "kubelet-certificate-authority": self.authority.certificate,
            "kubelet-preferred-address-types": "InternalIP",
            "metric-resolution": "10s",
            "kubelet-request-timeout": "5s",
        }
        return self._command(self.binaries["metrics-server"], options)

    def metrics_api(self) -> str:
        """Return the manifest that makes the API server ask metrics-server, which runs beside it."""
        name, namespace = "metrics-server", "kube-system"
        metadata = {"name": name, "namespace": namespace}
        port = {"name": "https", "port": 443, "targetPort": _METRICS_PORT}
        items: list[dict[str, Any]] = [
            {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [port]}},
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {**metadata, "labels": {"kubernetes.io/service-name": name}},
                "addressType": "IPv4",
                "endpoints": [{"addresses": [self._host], "conditions": {"ready": True}}],
                "ports": [{"name": "https", "port": _METRICS_PORT, "protocol": "TCP"}],
            },
            {
                "apiVersion": "apiregistration.k8s.io/v1",
                "kind": "APIService",
                "metadata": {"name": "v1beta1.metrics.k8s.io"},
                "spec": {
                    "group": "metrics.k8s.io",
                    "version": "v1beta1",
                    "service": {"name": name, "namespace": namespace, "port": 443},
                    "caBundle": self.authority.encoded(),
                    "groupPriorityMinimum": 100,
                    "versionPriority": 100,
                },
            },
        ]
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})

    @property
    def _proxy_authority(self) -> Authority:
        return Authority(self.folder, "proxy-ca", self.environ)

    @property
    def _metrics_name(self) -> str:
        return "metrics-server.kube-system.svc"

    def _tls(self, name: str) -> dict[str, Path]:
        return {
            "tls-cert-file": self.folder / f"{name}.crt",
            "tls-private-key-file": self.folder / f"{name}.key",
        }

    def _command(self, program: str | Path, options: Mapping[str, object]) -> Command:
        words = [f"--{name}={value}" for name, value in options.items()]
        return [*in_namespace(self.network.namespace(1)), program, *words]
