"""Where the nodes pull images from: mirrors for sites without a way out, and the Secret to pull with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from modelberth.kubernetes.pods.part import PodPart

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Plan, Revision
    from modelberth.spec.kubernetes import Registry

__all__ = ["pull", "rewritten"]

_HUB: Final = "docker.io"
# What may follow the beginning that a mirror stands for: a path, a tag or a digest, but no port.
_BOUNDARY: Final = re.compile(r"/|@|:[^/]*$|:[^/]*@|$")


def rewritten(image: str, registry: Registry) -> str:
    """Return the reference that the nodes pull: the longest beginning that has a mirror is replaced.

    A beginning ends at a boundary of the reference, so `quay.io/team` is none of `quay.io/teams/x`. A
    reference without a registry is Docker Hub's, as for the container runtime. Tag and digest stay.
    """
    for reference in (image, _with_registry(image)):
        fitting = [
            beginning
            for beginning in registry.mirrors
            if reference.startswith(beginning) and _BOUNDARY.match(reference, len(beginning))
        ]
        if fitting:
            longest = max(fitting, key=len)
            return registry.mirrors[longest] + reference[len(longest) :]
    return image


def pull(plan: Plan, _: Revision) -> PodPart:
    """Return what lets the kubelet pull the images of a pod."""
    secret = plan.target.registry.pull_secret
    return PodPart() if secret is None else PodPart(pod={"imagePullSecrets": [{"name": secret}]})


def _with_registry(image: str) -> str:
    first, slash, _ = image.partition("/")
    if slash and (first == "localhost" or "." in first or ":" in first):
        return image
    return f"{_HUB}/{image}" if slash else f"{_HUB}/library/{image}"
