"""The pod of a registry: Distribution, told by variables what differs from the configuration in its image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from modelberth.kubernetes.pods import hardening

if TYPE_CHECKING:
    from modelberth.kubernetes.registry.server import KubernetesRegistryArgs

__all__ = ["PORT", "pod", "scheme"]

PORT: Final = 5000
_DATA: Final = "/var/lib/registry"
_SECRETS: Final = "/var/run/secrets/registry"
_TLS, _USERS = f"{_SECRETS}/tls", f"{_SECRETS}/users"
# Readable by the pod's group, which the kubelet sets, and by nobody else.
_MODE: Final = 0o440
_DRAIN_SECONDS: Final = 60
_GRACE_SECONDS: Final = 75


def scheme(args: KubernetesRegistryArgs) -> str:
    """Return what it speaks, as a probe names it."""
    return "HTTP" if args.tls is None else "HTTPS"


def pod(args: KubernetesRegistryArgs, name: str) -> dict[str, Any]:
    """Return the pod's spec; `name` is that of its volume's claim."""
    volumes: list[dict[str, Any]] = [{"name": "data", "persistentVolumeClaim": {"claimName": name}}]
    mounts: list[dict[str, Any]] = [{"name": "data", "mountPath": _DATA}]
    for volume, secret, folder in (("tls", args.tls, _TLS), ("users", args.users, _USERS)):
        if secret is not None:
            volumes.append({"name": volume, "secret": {"secretName": secret, "defaultMode": _MODE}})
            mounts.append({"name": volume, "mountPath": folder, "readOnly": True})
    ask = {"httpGet": {"path": "/", "port": "registry", "scheme": scheme(args)}, "timeoutSeconds": 5}
    pull = {} if args.pull_secret is None else {"imagePullSecrets": [{"name": args.pull_secret}]}
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": hardening.of_pod(),
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        **pull,
        "containers": [
            {
                "name": "registry",
                "image": args.image,
                "imagePullPolicy": "IfNotPresent",
                "env": [{"name": key, "value": value} for key, value in sorted(_settings(args).items())],
                "ports": [{"name": "registry", "containerPort": PORT, "protocol": "TCP"}],
                "volumeMounts": mounts,
                "resources": {
                    "requests": {"cpu": "100m", "memory": "512Mi"},
                    "limits": {"memory": "512Mi"},
                },
                "readinessProbe": {**ask, "periodSeconds": 5},
                "livenessProbe": {**ask, "periodSeconds": 20, "failureThreshold": 6},
                "securityContext": hardening.of_container(),
                "terminationMessagePolicy": "FallbackToLogsOnError",
            }
        ],
        "volumes": volumes,
    }


def _settings(args: KubernetesRegistryArgs) -> dict[str, str]:
    """Overrides of the configuration in the image.

    Source: https://distribution.github.io/distribution/about/configuration/
    """
    settings = {
        "REGISTRY_HTTP_ADDR": f":{PORT}",
        "REGISTRY_HTTP_DRAINTIMEOUT": f"{_DRAIN_SECONDS}s",
        "REGISTRY_LOG_ACCESSLOG_DISABLED": "true",
        "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": _DATA,
        # What is pinned by its digest stays.
        "REGISTRY_STORAGE_DELETE_ENABLED": "false",
        # Distribution 3 looks for a collector of traces unless it is told that there is none.
        "OTEL_TRACES_EXPORTER": "none",
    }
    if args.tls is not None:
        settings |= {
            "REGISTRY_HTTP_TLS_CERTIFICATE": f"{_TLS}/tls.crt",
            "REGISTRY_HTTP_TLS_KEY": f"{_TLS}/tls.key",
        }
    if args.users is not None:
        settings |= {
            "REGISTRY_AUTH_HTPASSWD_REALM": "registry",
            "REGISTRY_AUTH_HTPASSWD_PATH": f"{_USERS}/htpasswd",
        }
    return settings
