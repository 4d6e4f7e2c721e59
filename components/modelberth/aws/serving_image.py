"""`AwsServingImage`: the serving image in ECR, by its digest: built and pushed here, or there already."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, get_args

import pulumi

from modelberth.arguments import clean_errors
from modelberth.aws.place import Place
from modelberth.errors import Problem, SpecError, shown
from modelberth.image_source import RegistryRule, platform_problems, reference, source_problems
from modelberth.serving_image import BuildContext, BuildOptions, Platform
from modelberth.spec.aws import EcrImage
from modelberth.spec.rules import Matching

__all__ = ["AwsServingImage", "AwsServingImageArgs"]

_IMAGE: Final[Matching] = get_args(EcrImage)[1]
_PLATFORMS: Final[Mapping[str, Platform]] = {"arm64": "linux/arm64", "x86_64": "linux/amd64"}


@dataclass(frozen=True)
class AwsServingImageArgs:
    """An image that is built, or one that exists: one of `build` and `existing`."""

    place: Place
    build: BuildContext | None = None
    """What is built: `BuildContext.of("build/iris")`, in the program."""
    repository: pulumi.Input[str] | None = None
    """Where it is pushed: `url` of an `AwsRegistry` of the region."""
    existing: str | None = None
    """Image by digest, in ECR of the region: ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME@sha256:…"""
    architecture: str | None = None
    """Instruction set of who runs it, as Lambda names it: arm64 or x86_64. None: that of the build."""
    tag_beginning: str = "live-"
    """What the tag begins with; the content's digest follows. An `AwsRegistry` keeps `live*` for ever."""
    options: BuildOptions = field(default_factory=BuildOptions)

    def problems(self) -> Iterator[Problem]:
        """Yield what cannot be built, and what nothing in the place could run."""
        yield from source_problems(self, _registry(self.place))
        if self.build is None or self.architecture is None:
            return
        wanted = _PLATFORMS.get(self.architecture)
        if wanted is None:
            yield Problem("architecture", shown(self.architecture), " or ".join(_PLATFORMS))
        else:
            yield from platform_problems(self.build, wanted, f"architecture {self.architecture}")


class AwsServingImage(pulumi.ComponentResource):
    """One image for one architecture, known by its digest.

    It is pushed with `options.login`, or with what Docker on this machine is logged in with, such as ECR's
    credential helper (`"credHelpers": {"ACCOUNT.dkr.ecr.REGION.amazonaws.com": "ecr-login"}` in its
    config.json). The program may ask ECR for a login, since a component asks no cloud:

        token = ecr.get_authorization_token_output(registry_id=place.account)
        login = RegistryLogin(token.user_name, token.password)
    """

    reference: pulumi.Output[str]
    """The image by digest, as `image` of an endpoint's arguments takes it."""

    def __init__(
        self, name: str, args: AwsServingImageArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("modelberth:index:AwsServingImage", name, {}, opts)
        with clean_errors():
            if found := [*args.problems()]:
                raise SpecError(*found)
        self.reference = reference(name, args, args.repository, self)
        self.register_outputs({"reference": self.reference})


def _registry(place: Place) -> RegistryRule:
    """Return the rule of ECR, whose repository is of one image."""
    region, domain = re.escape(place.region), re.escape(place.domain)
    hint = "Lambda and SageMaker take images of their own region only."
    found = Matching(
        rf"[^/]+\.ecr\.{region}\.{domain}/.+", f"an image in ECR of {place.region}", f"{hint} Push it there."
    )
    pushed = Matching(
        rf"[0-9]{{12}}\.dkr\.ecr\.{region}\.{domain}/[a-z0-9]+([._/-][a-z0-9]+)*",
        f"a repository of {place.region}, ACCOUNT.dkr.ecr.{place.region}.{place.domain}/NAME",
        hint,
    )
    return RegistryRule((_IMAGE, found), pushed, contents=":")
