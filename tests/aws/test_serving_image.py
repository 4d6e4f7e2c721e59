"""The serving image in ECR: what is built, how it is pushed, and that its digest is what is deployed."""

from dataclasses import replace
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from modelberth.aws.registry_policy import keeping
from modelberth.aws.serving_image import AwsServingImage, AwsServingImageArgs
from modelberth.serving_image import BuildOptions, RegistryLogin, by_digest
from support.aws_blocks import BUILD, CHINA, PLACE, REPOSITORY, AwsRecorder, outputs_of
from support.recording import RecordingMonitor, run

DIGEST = f"sha256:{'d' * 64}"
EXISTING = f"{REPOSITORY}@{DIGEST}"
ARGS = AwsServingImageArgs(PLACE, BUILD, REPOSITORY, architecture="arm64")


class Builder(AwsRecorder):
    """Pushes what it is told to build; `digest` is what came of it."""

    digest = DIGEST

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        identifier, outputs = super().new_resource(args)
        if args.typ == "docker-build:index:Image":
            outputs["digest"] = self.digest
        return identifier, outputs


@pytest.fixture
def aws() -> Builder:
    recorder = Builder()
    mocks.set_mocks(recorder, project="shop", stack="dev", preview=False, monitor=RecordingMonitor(recorder))
    return recorder


def built(aws: Builder, args: AwsServingImageArgs = ARGS) -> Any:
    run(aws, lambda: AwsServingImage("iris", args))
    return aws.named("iris-image").inputs


def test_what_is_deployed_is_the_digest(aws: Builder) -> None:
    """A2: a tag can be moved; no reference has one."""
    built(aws)
    assert aws.tree == [
        ("modelberth:index:AwsServingImage", "iris", "shop-dev"),
        ("docker-build:index:Image", "iris-image", "iris"),
    ]
    assert outputs_of(aws) == {"reference": f"{REPOSITORY}@{DIGEST}"}


def test_the_folder_is_built_as_it_says(aws: Builder) -> None:
    made = built(aws)
    assert made["context"] == {"location": BUILD.folder}
    assert made["dockerfile"] == {"location": f"{BUILD.folder}/Dockerfile"}
    assert made["buildArgs"] == dict(BUILD.arguments)
    assert (made["target"], made["platforms"]) == ("model", ["linux/arm64"])
    assert made["buildOnPreview"] is False


def test_lambda_and_sagemaker_take_the_manifest(aws: Builder) -> None:
    """One manifest with Docker's media types: an index or one of OCI's is refused by one of them or both."""
    made = built(aws)
    assert made["push"] is False
    (export,) = made["exports"]
    assert set(export) == {"raw"}
    assert dict(part.split("=") for part in export["raw"].split(",")) == {
        "type": "registry",
        "oci-mediatypes": "false",
        "rewrite-timestamp": "true",
    }
    # `exec` would build by the docker-buildx of the machine, whose default is an attestation and so an index.
    assert "exec" not in made


def test_the_tag_is_of_the_content_and_the_registry_keeps_it(aws: Builder) -> None:
    (tag,) = built(aws)["tags"]
    assert tag == f"{REPOSITORY}:live-{BUILD.content[:16]}"
    assert '"tagPatternList": ["live*"]' in keeping(("live*",), 1, 1)
    assert tag.rpartition(":")[2].startswith("live")


def test_a_login_is_a_secret_and_of_the_registrys_host(aws: Builder) -> None:
    login = RegistryLogin("AWS", "token-of-the-day")
    made = built(aws, replace(ARGS, options=BuildOptions(login=login)))
    secret = made["registries"]
    assert secret["4dabf18193072939515e22adb298388d"] == "1b47061264138c4ac30d75fd1eb44270"
    assert secret["value"] == [
        {"address": REPOSITORY.partition("/")[0], "username": "AWS", "password": "token-of-the-day"}
    ]


def test_without_a_login_what_docker_knows_counts(aws: Builder) -> None:
    assert "registries" not in built(aws)


def test_an_image_of_a_cache_and_a_builder_of_ones_own(aws: Builder) -> None:
    cache = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/models/cache:iris"
    made = built(aws, replace(ARGS, options=BuildOptions(cache=cache, builder="fast", in_preview=True)))
    assert made["cacheFrom"] == [{"registry": {"ref": cache}}]
    (to,) = made["cacheTo"]
    assert to["registry"]["ref"] == cache
    assert (to["registry"]["imageManifest"], to["registry"]["ociMediaTypes"]) == (True, True)
    assert made["builder"] == {"name": "fast"}
    assert made["buildOnPreview"] is True


def test_an_image_that_exists_is_built_by_nobody(aws: Builder) -> None:
    run(aws, lambda: AwsServingImage("iris", AwsServingImageArgs(PLACE, existing=EXISTING)))
    assert not aws.of("Image")
    assert outputs_of(aws) == {"reference": EXISTING}


def test_a_build_that_pushed_nothing_deploys_nothing() -> None:
    assert by_digest(REPOSITORY, DIGEST) == EXISTING
    with pytest.raises(pulumi.RunError, match="nothing was pushed"):
        by_digest(REPOSITORY, "")
    # In a preview nothing is built, and what is not known yet is no error.
    assert by_digest(REPOSITORY, "", is_preview=True) == f"{REPOSITORY}@"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"build": None, "repository": None}, "build"),
        ({"existing": EXISTING, "repository": None}, "build"),
        ({"build": None, "existing": EXISTING}, "repository"),
        ({"repository": None}, "repository"),
        ({"repository": "docker.io/library/iris"}, "repository"),
        ({"repository": REPOSITORY.replace("eu-central-1", "us-east-1")}, "repository"),
        ({"architecture": "x86_64"}, "build.platform"),
        ({"architecture": "riscv"}, "architecture"),
        ({"tag_beginning": "live:"}, "tag_beginning"),
        ({"build": replace(BUILD, content="abc")}, "build.content"),
        ({"build": replace(BUILD, platform="linux/s390x"), "architecture": None}, "build.platform"),
        ({"options": BuildOptions(cache="cache")}, "options.cache"),
        ({"options": BuildOptions(cache=f"{REPOSITORY}:cache")}, "options.cache"),
    ],
)
def test_what_could_not_be_built_or_run_is_refused(aws: Builder, change: dict[str, Any], path: str) -> None:
    args = replace(ARGS, **change)
    (found,) = [one for one in args.problems() if one.path == path]
    with pytest.raises(pulumi.RunError) as refused:
        built(aws, args)
    assert found.allowed in str(refused.value)
    assert not aws.of("Image")


@pytest.mark.parametrize(
    "image",
    [
        REPOSITORY,
        f"{REPOSITORY}:live-1",
        f"ghcr.io/models/iris@{DIGEST}",
        EXISTING.replace("eu-central-1", "us-east-1"),
        EXISTING.replace(".com/", ".com.cn/"),
    ],
)
def test_an_image_not_in_ecr_of_the_region_is_refused(image: str) -> None:
    (found,) = AwsServingImageArgs(PLACE, existing=image).problems()
    assert found.path == "existing"
    assert not [*AwsServingImageArgs(PLACE, existing=EXISTING).problems()]


def test_in_another_partition_the_registry_has_another_domain() -> None:
    image = f"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/iris@{DIGEST}"
    assert not [*AwsServingImageArgs(CHINA, existing=image).problems()]


def test_a_repository_may_be_made_beside(aws: Builder) -> None:
    made = built(aws, replace(ARGS, repository=pulumi.Output.from_input(REPOSITORY)))
    assert made["tags"] == [f"{REPOSITORY}:live-{BUILD.content[:16]}"]
