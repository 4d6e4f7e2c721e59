"""`AwsServingImage`: the serving image in ECR, by its digest: built and pushed here, or there already."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, get_args

import pulumi

from modelberth.arguments import clean_errors
from modelberth.aws.place import Place
from modelberth.errors import Problem, SpecError, shown
from modelberth.serving_image import BuildContext, BuildOptions, build_problems, register
from modelberth.spec.aws import EcrImage
from modelberth.spec.rules import Matching

__all__ = ["AwsServingImage", "AwsServingImageArgs"]

_IMAGE: Final[Matching] = get_args(EcrImage)[1]
_REPOSITORY: Final = (
    r"[0-9]{12}\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/[a-z0-9]+([._/-][a-z0-9]+)*"
)
_PLATFORMS: Final = {"arm64": "linux/arm64", "x86_64": "linux/amd64"}


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
        if (self.build is None) == (self.existing is None):
            given = "neither" if self.build is None else "both"
            yield Problem("build", f"{given} of build and existing", "one of them")
        if self.existing is not None:
            yield from _existing_problems(self.existing, self.place)
            if self.repository is not None:
                yield Problem("repository", "a repository", "nothing with existing, which names its own")
        if self.build is not None:
            yield from build_problems(self.build, self.options, self.tag_beginning)
            yield from self._architecture_problems(self.build)
            yield from self._repository_problems()

    def _architecture_problems(self, build: BuildContext) -> Iterator[Problem]:
        if self.architecture is None:
            return
        wanted = _PLATFORMS.get(self.architecture)
        if wanted is None:
            yield Problem("architecture", shown(self.architecture), " or ".join(_PLATFORMS))
        elif wanted != build.platform:
            hint = f"Prepare the folder again with --platform {wanted}."
            yield Problem(
                "build.platform", build.platform, f"{wanted} for architecture {self.architecture}", hint
            )

    def _repository_problems(self) -> Iterator[Problem]:
        place = self.place
        host = f"ACCOUNT.dkr.ecr.{place.region}.{place.domain}"
        allowed = f"a repository of {place.region}, {host}/NAME"
        if self.repository is None:
            yield Problem("repository", "nothing", allowed)
        elif isinstance(self.repository, str):
            found = re.fullmatch(_REPOSITORY, self.repository)
            if found is None or found["region"] != self.place.region:
                hint = "Lambda and SageMaker take images of their own region only."
                yield Problem("repository", shown(self.repository), allowed, hint)
            elif self.options.cache is not None and self.options.cache.rpartition(":")[0] == self.repository:
                hint = "A cache moves its tag with each build, and an AwsRegistry lets no tag move."
                yield Problem("options.cache", shown(self.options.cache), "another repository's", hint)


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
        self.reference = self._reference(name, args)
        self.register_outputs({"reference": self.reference})

    def _reference(self, name: str, args: AwsServingImageArgs) -> pulumi.Output[str]:
        if args.build is None or args.repository is None:
            return pulumi.Output.from_input(str(args.existing))
        child = pulumi.ResourceOptions(parent=self)
        return register(f"{name}-image", args.repository, args.build, args.options, args.tag_beginning, child)


def _existing_problems(image: str, place: Place) -> Iterator[Problem]:
    if not _IMAGE.matches(image):
        yield Problem("existing", shown(image), _IMAGE.allowed, _IMAGE.hint)
    elif f".ecr.{place.region}.{place.domain}/" not in image:
        hint = "Lambda and SageMaker take images of their own region only: push it there."
        yield Problem("existing", shown(image), f"an image in ECR of {place.region}", hint)
