"""What one concern adds to a pod: the rooms of this folder each return one, and the pod joins them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["PodPart", "joined"]

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PodPart:
    """Fields of a pod and of its serving container, in the API's own words.

    Attributes:
        env: variables of the serving container; no value is a secret
        volumes: of the pod
        mounts: of the serving container
        init_containers: in the order in which they run
        limits: resource limits of the serving container beside cpu and memory
        claims: names of the pod's resource claims that the serving container uses
        annotations: of the pod
        pod: further fields of the pod's spec, such as tolerations

    """

    env: Mapping[str, str] = field(default_factory=dict)
    volumes: tuple[Fields, ...] = ()
    mounts: tuple[Fields, ...] = ()
    init_containers: tuple[Fields, ...] = ()
    limits: Mapping[str, str] = field(default_factory=dict)
    claims: tuple[str, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)
    pod: Fields = field(default_factory=dict)


def joined(parts: Iterable[PodPart]) -> PodPart:
    """Join parts into one.

    Raises:
        ValueError: two of them set the same variable, limit, annotation or field of the pod.

    """
    parts = tuple(parts)
    return PodPart(
        env=_merged("env", [part.env for part in parts]),
        volumes=tuple(volume for part in parts for volume in part.volumes),
        mounts=tuple(mount for part in parts for mount in part.mounts),
        init_containers=tuple(one for part in parts for one in part.init_containers),
        limits=_merged("limits", [part.limits for part in parts]),
        claims=tuple(claim for part in parts for claim in part.claims),
        annotations=_merged("annotations", [part.annotations for part in parts]),
        pod=_merged("pod", [part.pod for part in parts]),
    )


def _merged(what: str, mappings: list[Mapping[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for mapping in mappings:
        if both := merged.keys() & mapping.keys():
            raise ValueError(f"two parts of a pod set {what}: {', '.join(sorted(both))}")
        merged |= mapping
    return merged
