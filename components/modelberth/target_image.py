"""The serving image of an endpoint in a cloud: the spec's, the target's, or one that the program makes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from modelberth.errors import Problem, shown

if TYPE_CHECKING:
    import pulumi

    from modelberth.spec import EndpointSpec
    from modelberth.spec.rules import Matching

__all__ = ["ImageRule", "chosen", "problems"]


class _HasImage(Protocol):
    @property
    def image(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class ImageRule:
    """Which images a service takes.

    Attributes:
        form: of a reference
        within: a text that the reference has, such as `.ecr.eu-central-1.`; empty where none has to be
        allowed: in words
        elsewhere: what to do with an image that is not among them
        missing: how one comes to be where there is none

    """

    form: Matching
    within: str
    allowed: str
    elsewhere: str
    missing: str

    def takes(self, image: str) -> bool:
        """Tell whether a reference is among them."""
        return self.form.matches(image) and self.within in image


def chosen(spec: EndpointSpec, target: _HasImage, given: pulumi.Input[str] | None) -> pulumi.Input[str]:
    """Return the image that serves the endpoint's model.

    Args:
        spec: of the endpoint; its `runtime.image` comes first
        target: its place
        given: what the program itself gives

    Raises:
        ValueError: none is known; `problems` tells it before.

    """
    image = spec.runtime.image or target.image if given is None else given
    if image is None:
        raise ValueError("no image is known; `problems` tells it")
    return image


def problems(spec: EndpointSpec, target: _HasImage, rule: ImageRule, *, has_image: bool) -> Iterator[Problem]:
    """Yield an image that the service does not take, none at all, and one too many."""
    own = spec.runtime.image
    if own is not None and not rule.takes(own):
        yield Problem("runtime.image", shown(own), rule.allowed, rule.elsewhere)
    if own is None and target.image is None and not has_image:
        yield Problem("target.image", "nothing", rule.form.allowed, rule.missing)
    if has_image and (own or target.image) is not None:
        path, given = ("runtime.image", own) if own is not None else ("target.image", target.image)
        yield Problem(
            path, shown(given), "nothing where the program itself gives the image (`image` of the arguments)"
        )
