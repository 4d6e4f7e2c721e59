"""Samples of requests: where the server writes them, and the key by which it hashes fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from modelberth.capture_variables import capture_variables as shared_variables
from modelberth.errors import Problem, shown
from modelberth.gcp.cloud_run.billing import by_instances
from modelberth.gcp.objects import prefix_problems

if TYPE_CHECKING:
    from modelberth.spec import Capture, EndpointSpec
    from modelberth.spec.cloud_run import CloudRunTarget

__all__ = ["capture_variables", "key_mount", "key_volume", "problems"]

_VOLUME: Final = "capture-key"
_FOLDER: Final = "/var/run/secrets/modelberth/capture"
_FILE: Final = "key"
# Cloud Run Admin API v2, `EnvVar.value`: "the maximum length is 32768 bytes".
_LONGEST_VALUE: Final = 32_768


def capture_variables(spec: EndpointSpec, target: CloudRunTarget) -> dict[str, str]:
    """Tell our own server what to keep of its requests, and where."""
    capture = spec.monitoring.capture
    if capture is None or target.capture is None:
        return {}
    return shared_variables(capture, target.capture, f"{_FOLDER}/{_FILE}")


def key_volume(target: CloudRunTarget) -> list[dict[str, Any]]:
    """Return the volume with the key, read from Secret Manager; none where there is no key."""
    if target.capture_hash_key is None:
        return []
    items = [{"path": _FILE, "version": "latest"}]
    return [{"name": _VOLUME, "secret": {"secret": target.capture_hash_key, "items": items}}]


def key_mount(target: CloudRunTarget) -> list[dict[str, str]]:
    """Return where the container has the key."""
    return [] if target.capture_hash_key is None else [{"name": _VOLUME, "mount_path": _FOLDER}]


def problems(spec: EndpointSpec, target: CloudRunTarget) -> Iterator[Problem]:
    """Yield samples without a place, places without samples, and samples that would be lost."""
    capture = spec.monitoring.capture
    if capture is None:
        for path, given in (("capture", target.capture), ("capture_hash_key", target.capture_hash_key)):
            if given is not None:
                yield Problem(f"target.{path}", shown(given), "nothing without monitoring.capture")
        return
    if target.capture is None:
        yield Problem("target.capture", "nothing", "gs://BUCKET/PREFIX, since monitoring.capture is set")
    else:
        yield from prefix_problems(target.capture, "target.capture")
    if not by_instances(spec, target):
        hint = "Between two requests the server would have no processor to write its samples with."
        yield Problem("target.billing", target.billing, "instances with monitoring.capture", hint)
    yield from _field_problems(capture, target)


def _field_problems(capture: Capture, target: CloudRunTarget) -> Iterator[Problem]:
    for name in ("drop_fields", "hash_fields"):
        for place, listed in enumerate(getattr(capture, name)):
            if "," in listed:
                path = f"monitoring.capture.{name}[{place}]"
                yield Problem(path, shown(listed), "a name without a comma: the server's list is split there")
        size = len(",".join(getattr(capture, name)).encode())
        if size > _LONGEST_VALUE:
            hint = "Cloud Run takes no longer variable."
            allowed = f"{_LONGEST_VALUE} bytes of names with their commas"
            yield Problem(f"monitoring.capture.{name}", f"{size} bytes", allowed, hint)
    key = target.capture_hash_key
    if capture.hash_fields and key is None:
        allowed = "a secret in Secret Manager, since monitoring.capture.hash_fields are to be hashed"
        yield Problem("target.capture_hash_key", "nothing", allowed)
    if key is not None and not capture.hash_fields:
        allowed = "nothing without monitoring.capture.hash_fields"
        yield Problem("target.capture_hash_key", shown(key), allowed)
