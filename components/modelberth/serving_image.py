"""The serving image, built and pushed by the program: what every cloud's `ServingImage` shares.

What is built is a folder that `serving_image/image/build.py --context` prepares: every file of it is pinned,
and the build needs no network but the base's registry. What is deployed is the digest, never the tag.

BuildKit's attestations stay off. `pulumi-docker-build` cannot ask for them (pulumi/pulumi-docker-build#73),
and they would turn the image into an index, which AWS Lambda and Amazon SageMaker refuse: "The image
manifest, config or layer media type for the source image is not supported" (aws/aws-lambda-roadmap#82),
"Unsupported manifest media type" (aws/amazon-sagemaker-feedback#180). SageMaker takes no OCI manifest at all,
so the manifest is Docker's. The bill of materials is a file in the image, its origin stands in its labels;
docs/image.md tells how both are attached to the pushed digest, which leaves the image as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import pulumi

from modelberth.errors import Problem, SpecError, join, shown

if TYPE_CHECKING:
    from pulumi_docker_build import RegistryArgs

__all__ = ["BuildContext", "BuildOptions", "RegistryLogin", "build_problems", "by_digest", "register"]

Platform = Literal["linux/amd64", "linux/arm64"]

_BUILD: Final = "build.json"
_DIGEST: Final = r"sha256:[0-9a-f]{64}"
_TAGGED: Final = (
    r"[a-z0-9][a-z0-9.-]*(:[0-9]+)?/[a-z0-9]+([._/-][a-z0-9]+)*:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
)
_TAG_BEGINNING: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}"
_CONTENT_DIGITS: Final = 16
# Docker's media types: one manifest, no index. Every time in the layers is SOURCE_DATE_EPOCH, so that the
# same content has the same digest, and a push of it again is none.
_EXPORT: Final = "type=registry,oci-mediatypes=false,rewrite-timestamp=true"


@dataclass(frozen=True, slots=True)
class BuildContext:
    """What is built.

    Attributes:
        folder: that `build.py --context` has prepared
        platform: of the image, one
        target: stage of the Dockerfile, `model` or `server`
        arguments: of the build; they stay readable in the image
        content: sha256 of all that decides what the image is

    """

    folder: str
    platform: Platform
    target: str
    arguments: Mapping[str, str]
    content: str

    @classmethod
    def of(cls, folder: str | Path, path: str = "build") -> BuildContext:
        """Read a folder that was prepared; for the program, whose components read no files.

        Args:
            folder: the one that `build.py --context` was given
            path: of the field that names it

        Raises:
            SpecError: it was not prepared.

        """
        try:
            told = json.loads((Path(folder) / _BUILD).read_text(encoding="utf-8"))
            return cls(
                str(folder),
                cast("Platform", str(told["platform"])),
                str(told["target"]),
                {str(name): str(value) for name, value in told["arguments"].items()},
                str(told["content"]),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            hint = f"python serving_image/image/build.py --context {folder} --model MODEL --platform PLATFORM"
            allowed = "a folder that was prepared for a build"
            raise SpecError(Problem(path, shown(str(folder)), allowed, hint)) from None


@dataclass(frozen=True, slots=True)
class RegistryLogin:
    """Who pushes. A new password of the same user is no change: those of clouds live for hours.

    Attributes:
        username: such as `AWS` for ECR
        password: kept as a secret of the stack's state

    """

    username: pulumi.Input[str]
    password: pulumi.Input[str]


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """How it is built.

    Attributes:
        login: to the registry; None: what Docker on this machine is logged in with, or has a helper for
        cache: image reference that layers are kept under and taken from. Its tag moves with each build, so it
            lies in another repository than images whose tags stay
        builder: name of a buildx builder; None: the current one
        in_preview: build in previews as well, and push nothing there

    """

    login: RegistryLogin | None = None
    cache: str | None = None
    builder: str | None = None
    in_preview: bool = False


def build_problems(
    build: BuildContext, options: BuildOptions, tag_beginning: str, path: str = ""
) -> Iterator[Problem]:
    """Yield what no registry would take.

    Args:
        build: what is built
        options: how
        tag_beginning: what its tag begins with
        path: of the arguments

    """
    if re.fullmatch(_TAG_BEGINNING, tag_beginning) is None:
        allowed = "1 to 100 letters, digits, '.', '_' or '-', a letter, digit or '_' first"
        yield Problem(join(path, "tag_beginning"), shown(tag_beginning), allowed)
    if build.platform not in {"linux/amd64", "linux/arm64"}:
        yield Problem(join(path, "build.platform"), shown(build.platform), "linux/amd64 or linux/arm64")
    if re.fullmatch(r"[0-9a-f]{64}", build.content) is None:
        yield Problem(join(path, "build.content"), shown(build.content), "a sha256 in 64 hexadecimal digits")
    if options.cache is not None and re.fullmatch(_TAGGED, options.cache) is None:
        allowed = "REGISTRY/NAME:TAG of a repository whose tags may move"
        yield Problem(join(path, "options.cache"), shown(options.cache), allowed)


def register(
    name: str,
    repository: pulumi.Input[str],
    build: BuildContext,
    options: BuildOptions,
    tag_beginning: str,
    opts: pulumi.ResourceOptions,
) -> pulumi.Output[str]:
    """Register the build and the push; the image's reference by digest.

    The tag is made of the content. Where tags stay what they are, a build that gave other bytes for the same
    content would be refused by the registry rather than deployed.

    Args:
        name: logical
        repository: such as ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME
        build: what is built
        options: how
        tag_beginning: what the tag begins with, such as `live-`
        opts: of the resource

    """
    import pulumi_docker_build as docker_build  # noqa: PLC0415 - only who builds in the program needs it

    to = pulumi.Output.from_input(repository)
    made = docker_build.Image(
        name,
        context={"location": build.folder},
        dockerfile={"location": f"{build.folder}/Dockerfile"},
        target=build.target,
        build_args=build.arguments,
        platforms=[docker_build.Platform(build.platform)],
        tags=[to.apply(lambda url: f"{url}:{tag_beginning}{build.content[:_CONTENT_DIGITS]}")],
        exports=[{"raw": _EXPORT}],
        push=False,  # the export does, and says how
        registries=None if options.login is None else [_registry(to, options.login)],
        build_on_preview=options.in_preview,
        builder=None if options.builder is None else {"name": options.builder},
        **_cache(options.cache),
        # The digest may be what another stack runs, and what a roll back needs.
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(retain_on_delete=True)),
    )
    is_preview = pulumi.runtime.is_dry_run()
    return pulumi.Output.all(to, made.digest).apply(
        lambda found: by_digest(str(found[0]), str(found[1] or ""), is_preview=is_preview)
    )


def by_digest(repository: str, digest: str, *, is_preview: bool = False) -> str:
    """Return the reference that is deployed.

    Raises:
        pulumi.RunError: the build gave no digest, because it has pushed nothing.

    """
    if not is_preview and re.fullmatch(_DIGEST, digest) is None:
        raise pulumi.RunError(f"{repository}: the build ended without a digest: nothing was pushed")
    return f"{repository}@{digest}"


def _registry(repository: pulumi.Output[str], login: RegistryLogin) -> RegistryArgs:
    from pulumi_docker_build import RegistryArgs  # noqa: PLC0415 - see `register`

    host = repository.apply(lambda url: url.partition("/")[0])
    return RegistryArgs(address=host, username=login.username, password=pulumi.Output.secret(login.password))


def _cache(reference: str | None) -> dict[str, Any]:
    if reference is None:
        return {}
    # ECR keeps a cache as an image with OCI's media types and as nothing else
    # (https://docs.docker.com/build/cache/backends/registry/). A cache that cannot be written ends no build.
    to = {
        "ref": reference,
        "mode": "max",
        "image_manifest": True,
        "oci_media_types": True,
        "ignore_error": True,
    }
    return {"cache_from": [{"registry": {"ref": reference}}], "cache_to": [{"registry": to}]}
