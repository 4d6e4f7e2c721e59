"""What a version of a model may not be, before anybody is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelberth.errors import Problem, shown
from modelberth.provider.resource import UNKNOWN, Properties

__all__ = ["problems"]

# UploadModelRequest.model_id, Model, ModelContainerSpec, Port and EncryptionSpec of the reference
# (docs.cloud.google.com/vertex-ai/docs/reference/rest, read 2026-11-22); project ids: Resource Manager,
# "Creating and managing projects".
_TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "project": (
        r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]",
        "the id of a Google Cloud project, 6 to 30 lower-case letters, digits and hyphens",
    ),
    "region": (r"[a-z]+-[a-z]+[0-9]+", "a Google Cloud region such as europe-west4"),
    "modelId": (
        r"[a-z_][a-z0-9_-]{0,62}",
        "1 to 63 of a-z, 0-9, _ and -, the first one no digit and no hyphen",
    ),
    "displayName": (r"(?s).{1,128}", "1 to 128 characters"),
    "image": (
        r"([a-z0-9-]+-docker\.pkg\.dev|([a-z]+\.)?gcr\.io)/[^\s@:]+(:[\w.-]+)?(@sha256:[0-9a-f]{64})?",
        "an image in Artifact Registry, LOCATION-docker.pkg.dev/PROJECT/REPOSITORY/NAME@sha256:…",
    ),
    "predictRoute": (r"/\S*", "a path that begins with /"),
    "healthRoute": (r"/\S*", "a path that begins with /"),
    "artifactUri": (r"gs://[a-z0-9][a-z0-9_.-]{1,220}[a-z0-9](/[^\s#?]*)?", "gs://BUCKET/FOLDER"),
    "encryptionKey": (
        r"projects/[^/\s]+/locations/[^/\s]+/keyRings/[^/\s]+/cryptoKeys/[^/\s]+",
        "projects/PROJECT/locations/REGION/keyRings/RING/cryptoKeys/KEY",
    ),
}
_REQUIRED: Final = ("project", "region", "modelId", "displayName", "image")
_NUMBERS: Final[Mapping[str, tuple[int, int]]] = {
    "sharedMemoryMb": (1, 2**31 - 1),
    "deploymentTimeout": (1, 7200),
}
_PROBES: Final = ("startupProbe", "healthProbe", "livenessProbe")
_PROBE_NUMBERS: Final[Mapping[str, int]] = {
    "initialDelay": 0,
    "period": 1,
    "timeout": 1,
    "failureThreshold": 1,
    "successThreshold": 1,
}
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PORT: Final = range(1, 65536)
# Model.labels
_LABEL: Final = re.compile(r"[\w-]{0,64}")
_LABELS: Final = 64


def problems(inputs: Properties) -> Iterator[Problem]:
    """Everything that is wrong with the inputs; what is not known yet is left out."""
    for name, (pattern, allowed) in _TEXTS.items():
        given = inputs.get(name)
        if given is None and name not in _REQUIRED:
            continue
        if given != UNKNOWN and not (isinstance(given, str) and re.fullmatch(pattern, given)):
            yield Problem(name, shown(given), allowed)
    for name, (least, most) in _NUMBERS.items():
        given = inputs.get(name)
        if given not in (None, UNKNOWN) and not _is_number(given, least, most):
            yield Problem(name, shown(given), f"a whole number from {least} to {most}")
    for number, port in enumerate(_items(inputs.get("ports"))):
        if port != UNKNOWN and not _is_number(port, _PORT.start, _PORT.stop - 1):
            yield Problem(f"ports[{number}]", shown(port), "a port from 1 to 65535")
    for name in _PROBES:
        yield from _of_probe(name, inputs.get(name))
    yield from _of_key(inputs)
    yield from _of_variables(inputs.get("env"))
    yield from _of_labels(inputs.get("labels"))


def _of_probe(name: str, probe: object) -> Iterator[Problem]:
    if not isinstance(probe, Mapping):
        return
    if bool(probe.get("path")) == bool(probe.get("command")):
        both = "both" if probe.get("path") else "neither"
        yield Problem(name, both, "a path of an HTTP request or a command in the container")
    path = probe.get("path")
    if path not in (None, UNKNOWN) and not str(path).startswith("/"):
        yield Problem(f"{name}.path", shown(path), "a path that begins with /")
    port = probe.get("port")
    if port not in (None, UNKNOWN) and not _is_number(port, _PORT.start, _PORT.stop - 1):
        yield Problem(f"{name}.port", shown(port), "a port from 1 to 65535")
    for field, least in _PROBE_NUMBERS.items():
        given = probe.get(field)
        if given not in (None, UNKNOWN) and not _is_number(given, least, 2**31 - 1):
            yield Problem(f"{name}.{field}", shown(given), f"a whole number of {least} or more")


def _of_key(inputs: Properties) -> Iterator[Problem]:
    """EncryptionSpec: the key lies in the region of what it encrypts."""
    found = re.search(r"/locations/([^/]+)/", str(inputs.get("encryptionKey") or ""))
    region = inputs.get("region")
    if found and region != UNKNOWN and found[1] != region:
        given, allowed = shown(inputs["encryptionKey"]), f"a key in {shown(region)}, the region of the model"
        yield Problem("encryptionKey", given, allowed, "Vertex AI reads no key of another location.")


def _of_variables(given: object) -> Iterator[Problem]:
    for name in given if isinstance(given, Mapping) else ():
        if not _VARIABLE.fullmatch(str(name)):
            yield Problem("env", shown(name), "names of letters, digits and _, the first one no digit")


def _of_labels(given: object) -> Iterator[Problem]:
    if not isinstance(given, Mapping):
        return
    allowed = "lower-case letters, digits, _ and -, at most 64 of them"
    if len(given) > _LABELS:
        yield Problem("labels", f"{len(given)} of them", f"at most {_LABELS}")
    for key, value in given.items():
        if not key or not _is_label(str(key)):
            yield Problem("labels", shown(key), allowed)
        elif value != UNKNOWN and not _is_label(str(value)):
            yield Problem(f"labels.{key}", shown(value), allowed)


def _is_label(text: str) -> bool:
    return _LABEL.fullmatch(text) is not None and text == text.lower()


def _is_number(given: object, least: int, most: int) -> bool:
    return isinstance(given, int) and not isinstance(given, bool) and least <= given <= most


def _items(given: Any) -> list[Any]:
    return given if isinstance(given, list) else []
