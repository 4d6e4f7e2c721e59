"""`GcpServingImage`: the serving image in Artifact Registry, by its digest: built here, or there already."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, get_args

import pulumi

from modelberth.arguments import clean_errors
from modelberth.errors import Problem, SpecError, shown
from modelberth.gcp.place import Place
from modelberth.gcp.services import Kind
from modelberth.image_source import RegistryRule, platform_problems, reference, source_problems
from modelberth.serving_image import BuildContext, BuildOptions
from modelberth.spec.gcp import ArtifactImage
from modelberth.spec.rules import Matching

__all__ = ["GcpServingImage", "GcpServingImageArgs"]

_IMAGE: Final[Matching] = get_args(ArtifactImage)[1]
_NAME: Final = r"[a-z0-9]+([._/-][a-z0-9]+)*"
# Cloud Run, "Container runtime contract": "Cloud Run specifically supports the Linux x86_64 ABI format."
# Machines that Vertex AI predicts on are x86-64 too ("Configure compute resources for inference"), without
# A4X with GB200: who wants those leaves `kind` out. GKE has nodes of either.
_X86: Final = {"cloud_run": "Cloud Run", "vertex": "Vertex AI"}


@dataclass(frozen=True)
class GcpServingImageArgs:
    """An image that is built, or one that exists: one of `build` and `existing`."""

    place: Place
    build: BuildContext | None = None
    """What is built: `BuildContext.of("build/iris")`, in the program."""
    repository: pulumi.Input[str] | None = None
    """Where it is pushed: `url` of a `GcpRegistry` of the region."""
    image: str = "server"
    """Name of the image in the repository, which may hold several."""
    existing: str | None = None
    """Image by digest: LOCATION-docker.pkg.dev/PROJECT/REPOSITORY/NAME@sha256:…"""
    kind: Kind | None = None
    """Of endpoint that runs it, as far as it asks for a platform or a region. None: nothing is asked for."""
    tag_beginning: str = "live-"
    """What the tag begins with; the content's digest follows. A `GcpRegistry` keeps `live*` for ever."""
    options: BuildOptions = field(default_factory=BuildOptions)

    def problems(self) -> Iterator[Problem]:
        """Yield what cannot be built, and what an endpoint of the kind could not run."""
        yield from source_problems(self, _registry(self.place, self.kind))
        if re.fullmatch(_NAME, self.image) is None:
            allowed = "a name of lower-case letters and digits, with '.', '_', '-' or '/' between them"
            yield Problem("image", shown(self.image), allowed)
        if self.kind is not None and self.kind not in get_args(Kind):
            yield Problem("kind", shown(self.kind), f"one of {', '.join(get_args(Kind))}")
        if self.build is not None and self.kind in _X86:
            yield from platform_problems(self.build, "linux/amd64", _X86[self.kind])


class GcpServingImage(pulumi.ComponentResource):
    """One image for one architecture, known by its digest.

    It is pushed with `options.login`, or with what Docker on this machine is logged in with, such as Google's
    credential helper (`gcloud auth configure-docker REGION-docker.pkg.dev`). The program may ask Google for a
    login, since a component asks no cloud:

        token = organizations.get_client_config_output().access_token
        login = RegistryLogin("oauth2accesstoken", token)
    """

    reference: pulumi.Output[str]
    """The image by digest, as `image` of an endpoint's arguments takes it."""

    def __init__(
        self, name: str, args: GcpServingImageArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("modelberth:index:GcpServingImage", name, {}, opts)
        with clean_errors():
            if found := [*args.problems()]:
                raise SpecError(*found)
        whole = None if args.repository is None else pulumi.Output.concat(args.repository, "/", args.image)
        self.reference = reference(name, args, whole, self)
        self.register_outputs({"reference": self.reference})


def _registry(place: Place, kind: Kind | None) -> RegistryRule:
    """Return the rule of Artifact Registry, whose tags stay in a whole repository or in none of it.

    Vertex AI takes images of its own region alone: "Don't use a multi-regional repository" ("Custom container
    requirements for inference").
    """
    host = f"{place.region}-docker.pkg.dev"
    of_region = Matching(
        rf"{re.escape(host)}/.+",
        f"an image in Artifact Registry of {place.region}",
        "Vertex AI takes images of its own region only. Push it there.",
    )
    pushed = Matching(
        rf"{re.escape(host)}/[a-z0-9.:-]+/[a-z]([a-z0-9-]*[a-z0-9])?",
        f"a repository of {place.region}, {host}/PROJECT/NAME",
        "Elsewhere each new replica would fetch it from another region. The image's name is `image`.",
    )
    return RegistryRule((_IMAGE, of_region) if kind == "vertex" else (_IMAGE,), pushed, contents="/")
