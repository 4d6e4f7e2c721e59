"""Where a cloud's `ServingImage` comes from: a build that is pushed to its registry, or an image in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pulumi

from modelberth.errors import Problem, shown
from modelberth.serving_image import build_problems, register

if TYPE_CHECKING:
    from modelberth.serving_image import BuildContext, BuildOptions, Platform
    from modelberth.spec.rules import Matching

__all__ = ["ImageSource", "RegistryRule", "platform_problems", "reference", "source_problems"]


class ImageSource(Protocol):
    """One of `build`, which is pushed to `repository`, and `existing`, an image by digest."""

    @property
    def build(self) -> BuildContext | None:
        """What is built."""

    @property
    def repository(self) -> pulumi.Input[str] | None:
        """Where it is pushed."""

    @property
    def existing(self) -> str | None:
        """Image by digest."""

    @property
    def tag_beginning(self) -> str:
        """What the tag of a build begins with."""

    @property
    def options(self) -> BuildOptions:
        """How it is built."""


@dataclass(frozen=True, slots=True)
class RegistryRule:
    """What a cloud's registry holds.

    Attributes:
        images: what the reference of one by digest matches: the form, and where it has to lie
        repository: what images are pushed to
        contents: what follows a repository in the reference of what it holds: `:` and a tag where it is of
            one image, `/` and a name where it is of several

    """

    images: tuple[Matching, ...]
    repository: Matching
    contents: str


def source_problems(source: ImageSource, rule: RegistryRule) -> Iterator[Problem]:
    """Yield what cannot be built or pushed, and an image that is not in the registry."""
    build, existing = source.build, source.existing
    if (build is None) == (existing is None):
        given = "neither" if build is None else "both"
        yield Problem("build", f"{given} of build and existing", "one of them")
    if existing is not None:
        yield from _existing_problems(existing, rule)
        if source.repository is not None:
            yield Problem("repository", "a repository", "nothing with existing, which names its own")
    if build is not None:
        yield from build_problems(build, source.options, source.tag_beginning)
        yield from _repository_problems(source, rule)


def platform_problems(build: BuildContext, wanted: Platform, whose: str) -> Iterator[Problem]:
    """Yield a build for another platform than `wanted`, that of `whose`."""
    if build.platform != wanted:
        hint = f"Prepare the folder again with --platform {wanted}."
        yield Problem("build.platform", build.platform, f"{wanted} for {whose}", hint)


def reference(
    name: str, source: ImageSource, repository: pulumi.Input[str] | None, parent: pulumi.Resource
) -> pulumi.Output[str]:
    """Return the image by digest, and register its build where there is one.

    Args:
        name: logical, of the component
        source: of the image
        repository: that the build's tags are of
        parent: of the build

    """
    if source.build is None or repository is None:
        return pulumi.Output.from_input(str(source.existing))
    child = pulumi.ResourceOptions(parent=parent)
    return register(f"{name}-image", repository, source.build, source.options, source.tag_beginning, child)


def _existing_problems(image: str, rule: RegistryRule) -> Iterator[Problem]:
    wrong = next((one for one in rule.images if not one.matches(image)), None)
    if wrong is not None:
        yield Problem("existing", shown(image), wrong.allowed, wrong.hint)


def _repository_problems(source: ImageSource, rule: RegistryRule) -> Iterator[Problem]:
    repository, cache = source.repository, source.options.cache
    if repository is None:
        yield Problem("repository", "nothing", rule.repository.allowed)
    elif isinstance(repository, str):
        if not rule.repository.matches(repository):
            yield Problem("repository", shown(repository), rule.repository.allowed, rule.repository.hint)
        elif cache is not None and cache.startswith(f"{repository}{rule.contents}"):
            hint = "A cache moves its tag with each build, and here no tag can move."
            yield Problem("options.cache", shown(cache), "another repository's", hint)
