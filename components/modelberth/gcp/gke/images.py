"""Where nodes pull images from: repositories in Artifact Registry that their account has to read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from modelberth.errors import Problem, shown
from modelberth.kubernetes.registry.pull import rewritten

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Plan
    from modelberth.spec import EndpointSpec, GkeTarget

__all__ = ["Repository", "problems", "repositories"]

# Artifact Registry, "Names": LOCATION-docker.pkg.dev/PROJECT/REPOSITORY/IMAGE.
_ARTIFACT: Final = re.compile(
    r"(?P<location>[a-z0-9-]+)-docker\.pkg\.dev/(?P<project>[a-z][a-z0-9-]+)/(?P<name>[a-z][a-z0-9-]*)(/.*|[@:].*)?"
)
# Registries of other clouds that let nobody in without a login of theirs.
_CLOSED: Final = re.compile(
    r"(?P<host>[0-9]{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?|[a-z0-9]+\.azurecr\.(io|cn))/.*"
)


@dataclass(frozen=True, slots=True, order=True)
class Repository:
    """A repository in Artifact Registry.

    Attributes:
        project: that it lies in
        location: of it
        name: such as models

    """

    project: str
    location: str
    name: str

    @classmethod
    def of(cls, image: str) -> Repository | None:
        """Return the repository of an image, or of the beginning of one; None: it lies elsewhere."""
        found = _ARTIFACT.fullmatch(image)
        return None if found is None else cls(found["project"], found["location"], found["name"])


def repositories(pods: Plan) -> tuple[Repository, ...]:
    """Return every repository that pods pull from, the mirrors of other registries among them.

    What fetches and verifies a model is our own server's image, whatever engine serves it.
    """
    registry = pods.target.registry
    images = [pods.container(one).image for one in pods.revisions]
    pulled = [rewritten(one, registry) for one in (*images, pods.target.image) if one is not None]
    found = {Repository.of(one) for one in (*pulled, *registry.mirrors.values())}
    return tuple(sorted(one for one in found if one is not None))


def problems(spec: EndpointSpec, target: GkeTarget) -> Iterator[Problem]:
    """Yield images that no node of Google's could pull: another cloud's registry asks for its own login."""
    if target.registry.pull_secret is not None:
        return
    given = {
        "target.image": target.image,
        "target.previous_image": target.previous_image,
        "runtime.image": spec.runtime.image,
    }
    for path, image in given.items():
        found = _CLOSED.fullmatch("" if image is None else rewritten(image, target.registry))
        if found is not None:
            allowed = "an image in Artifact Registry, or in a registry that asks for no login"
            hint = f"Copy it there, or name a Secret with a login to {found['host']}: registry.pull_secret."
            yield Problem(path, shown(image), allowed, hint)
