"""What every container of an endpoint may do: as much as Pod Security `restricted` lets it, and less.

Source: Kubernetes, "Pod Security Standards"; a user id from 10000 on and a read-only root are our own rules
on top, so that no id is one of the node's users and no container can change its own program.
"""

from __future__ import annotations

from typing import Any, Final

__all__ = ["USER", "of_container", "of_pod"]

USER: Final = 10001
"""User and group of every process, whatever the image says; files on volumes belong to the group."""


def of_pod() -> dict[str, Any]:
    """Return `securityContext` of a pod."""
    return {
        "fsGroup": USER,
        # Else the kubelet changes the owner of every file of a model cache at each start.
        "fsGroupChangePolicy": "OnRootMismatch",
        "runAsGroup": USER,
        "runAsNonRoot": True,
        "runAsUser": USER,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def of_container() -> dict[str, Any]:
    """Return `securityContext` of a container; GPUs come as devices, so it holds with them as well."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
