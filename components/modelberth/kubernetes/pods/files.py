"""The folders that a server may write to, and the configuration files that it is started with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from modelberth.kubernetes.pods.part import PodPart
from modelberth.kubernetes.roles import role_of
from modelberth.naming import content_digest
from modelberth.spec.quantities import Bytes

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Manifest, Plan, Revision
    from modelberth.runtimes import Container

__all__ = ["SCRATCH", "config_maps", "configuration", "writable"]

SCRATCH: Final = "tmp"
"""Volume of every pod, mounted at /tmp."""

_CONFIG: Final = "config"
_SHARED_MEMORY: Final = "shared-memory"
# Bounds, so that nothing fills the node's disk. Our own server writes a few files of metrics; others compile
# for the GPU at the start and keep gigabytes of the result.
_OWN_SCRATCH: Final = Bytes(256 * 2**20)
_FOREIGN_SCRATCH: Final = Bytes(8 * 2**30)


def writable(container: Container) -> PodPart:
    """Return the volumes of /tmp and, where the server needs it, of /dev/shm; all else is read-only.

    An image that is not ours looks for its caches in the home of its user, and asks who that is: PyTorch ends
    where the user id has no name (vllm-project/vllm#31959, kserve/kserve#5666). So both are told.
    """
    is_own = container.engine == "onnxruntime"
    size = _OWN_SCRATCH if is_own else _FOREIGN_SCRATCH
    volumes = [{"name": SCRATCH, "emptyDir": {"sizeLimit": str(size)}}]
    mounts = [{"name": SCRATCH, "mountPath": "/tmp"}]  # noqa: S108 -- of the container
    if container.shared_memory is not None:
        limit = {"medium": "Memory", "sizeLimit": str(container.shared_memory)}
        volumes.append({"name": _SHARED_MEMORY, "emptyDir": limit})
        mounts.append({"name": _SHARED_MEMORY, "mountPath": "/dev/shm"})  # noqa: S108 -- of the container
    env = {} if is_own else {"HOME": "/tmp", "USER": "modelberth"}  # noqa: S108 -- of the container
    return PodPart(env=env, volumes=tuple(volumes), mounts=tuple(mounts))


def configuration(plan: Plan, revision: Revision) -> PodPart:
    """Return the volume and the mounts of the server's configuration files, each at its own path."""
    files = plan.container(revision).files
    if not files:
        return PodPart()
    volume = {"name": _CONFIG, "configMap": {"name": _name(plan, revision, files), "defaultMode": 0o444}}
    mounts = ({"name": _CONFIG, "mountPath": path, "subPath": _key(path), "readOnly": True} for path in files)
    return PodPart(volumes=(volume,), mounts=tuple(mounts))


def config_maps(plan: Plan) -> dict[str, Manifest]:
    """Return the ConfigMaps of the servers' configuration files.

    The name tells the content: a change is another ConfigMap, with which new pods start while the old ones
    keep theirs.
    """
    manifests: dict[str, Manifest] = {}
    for revision in plan.revisions:
        files = plan.container(revision).files
        if files:
            manifests[role_of("config", revision)] = {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": plan.metadata(_name(plan, revision, files), revision),
                "immutable": True,
                "data": {_key(path): text for path, text in sorted(files.items())},
            }
    return manifests


def _name(plan: Plan, revision: Revision, files: Mapping[str, str]) -> str:
    content = json.dumps(dict(files), sort_keys=True)
    return f"{plan.revision_name(revision)}-config-{content_digest(content)}"


def _key(path: str) -> str:
    # A key is one name of letters, digits, dots, hyphens and underscores.
    return path.removeprefix("/").replace("/", ".")
