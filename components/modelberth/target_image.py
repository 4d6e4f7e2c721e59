"""The serving image of an endpoint in a cloud: the spec's, the target's, or one that the program makes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pulumi

from modelberth.errors import Problem, shown

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec
    from modelberth.spec.rules import Matching

__all__ = ["ImageRule", "chosen", "chosen_for", "digest", "previous_problems", "problems"]


class _HasImage(Protocol):
    @property
    def image(self) -> str | None: ...


class _HasPrevious(_HasImage, Protocol):
    @property
    def previous_image(self) -> str | None: ...


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


def chosen_for(
    spec: EndpointSpec, target: _HasPrevious, given: pulumi.Input[str] | None, *, is_previous: bool
) -> pulumi.Input[str]:
    """Return the image that serves the endpoint's model, or `rollout.previous`; else as `chosen`."""
    if is_previous and target.previous_image is not None:
        return target.previous_image
    return chosen(spec, target, given)


def digest(image: pulumi.Input[str]) -> pulumi.Output[str]:
    """Return the digest of an image by digest."""
    found: pulumi.Output[str] = pulumi.Output.from_input(image).apply(lambda text: text.rpartition("@")[2])
    return found


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


def previous_problems(spec: EndpointSpec, target: _HasPrevious, store: str) -> Iterator[Problem]:
    """Yield models that no image can hold: one holds one model.

    Args:
        spec: of the endpoint
        target: its place
        store: scheme of the cloud's own store, such as `s3`

    """
    path, given, previous = "target.previous_image", target.previous_image, spec.previous
    if given is not None and previous is None:
        hint = "It is the image of the model that a rollout comes from."
        yield Problem(path, shown(given), "nothing without rollout.previous", hint)
    if previous is not None and previous.scheme == "file" and given is None:
        hint = "An image holds one model, and the endpoint's is in it."
        yield Problem(path, "nothing", f"the image that holds {previous.uri}", hint)
    for name, variant in spec.variants.items():
        if variant.model.scheme == "file":
            hint = "An image holds one model, and the endpoint's is in it: put the variant's into a bucket."
            yield Problem(f"variants.{name}.model.uri", shown(variant.model.uri), f"a uri of {store}", hint)
