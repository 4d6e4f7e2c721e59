"""The serving image in Artifact Registry: where it is pushed, and that its digest is what is deployed."""

from dataclasses import replace
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from modelberth.gcp.registry_policy import cleanup
from modelberth.gcp.serving_image import GcpServingImage, GcpServingImageArgs
from modelberth.serving_image import BuildOptions, RegistryLogin
from support.gcp_blocks import BUILD, IMAGE, PLACE, REPOSITORY, GcpRecorder, outputs_of
from support.recording import RecordingMonitor, run

DIGEST = f"sha256:{'d' * 64}"
ARGS = GcpServingImageArgs(PLACE, BUILD, REPOSITORY, kind="cloud_run")
FOREIGN = REPOSITORY.replace("europe-west4", "us-central1")


class Builder(GcpRecorder):
    """Pushes what it is told to build."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        identifier, outputs = super().new_resource(args)
        if args.typ == "docker-build:index:Image":
            outputs["digest"] = DIGEST
        return identifier, outputs


@pytest.fixture
def gcp() -> Builder:
    recorder = Builder()
    mocks.set_mocks(recorder, project="shop", stack="dev", preview=False, monitor=RecordingMonitor(recorder))
    return recorder


def built(gcp: Builder, args: GcpServingImageArgs = ARGS) -> Any:
    run(gcp, lambda: GcpServingImage("iris", args))
    return gcp.named("iris-image").inputs


def test_what_is_deployed_is_the_digest(gcp: Builder) -> None:
    """A tag can be moved; no reference has one."""
    built(gcp)
    assert gcp.tree == [
        ("modelberth:index:GcpServingImage", "iris", "shop-dev"),
        ("docker-build:index:Image", "iris-image", "iris"),
    ]
    assert outputs_of(gcp) == {"reference": IMAGE}
    assert f"{REPOSITORY}/server@{DIGEST}" == IMAGE


def test_the_folder_is_built_as_it_says(gcp: Builder) -> None:
    made = built(gcp)
    assert made["context"] == {"location": BUILD.folder}
    assert made["buildArgs"] == dict(BUILD.arguments)
    assert (made["target"], made["platforms"]) == ("model", ["linux/amd64"])


def test_the_manifest_is_one_that_every_service_takes(gcp: Builder) -> None:
    """Cloud Run takes Docker's manifests and OCI's; an index it takes only with linux/amd64 in it."""
    made = built(gcp)
    (export,) = made["exports"]
    assert "oci-mediatypes=false" in export["raw"]
    assert "exec" not in made


def test_the_tag_is_of_the_content_and_the_registry_keeps_it(gcp: Builder) -> None:
    (tag,) = built(gcp)["tags"]
    assert tag == f"{REPOSITORY}/server:live-{BUILD.content[:16]}"
    (kept,) = [one for one in cleanup(("live*",), 1, 1) if one["id"] == "keep-tags"]
    assert tag.rpartition(":")[2].startswith(*kept["condition"]["tag_prefixes"])


def test_a_repository_holds_images_of_several_names(gcp: Builder) -> None:
    run(gcp, lambda: GcpServingImage("digits", replace(ARGS, image="vision/digits")))
    assert gcp.named("digits-image").inputs["tags"] == [
        f"{REPOSITORY}/vision/digits:live-{BUILD.content[:16]}"
    ]
    assert outputs_of(gcp) == {"reference": f"{REPOSITORY}/vision/digits@{DIGEST}"}


def test_a_login_is_of_the_registrys_host(gcp: Builder) -> None:
    login = RegistryLogin("oauth2accesstoken", "token-of-the-hour")
    made = built(gcp, replace(ARGS, options=BuildOptions(login=login)))
    assert made["registries"]["value"] == [
        {
            "address": "europe-west4-docker.pkg.dev",
            "username": "oauth2accesstoken",
            "password": "token-of-the-hour",
        }
    ]


def test_an_image_that_exists_is_built_by_nobody(gcp: Builder) -> None:
    run(gcp, lambda: GcpServingImage("iris", GcpServingImageArgs(PLACE, existing=IMAGE)))
    assert not gcp.of("Image")
    assert outputs_of(gcp) == {"reference": IMAGE}


def test_a_repository_may_be_made_beside(gcp: Builder) -> None:
    made = built(gcp, replace(ARGS, repository=pulumi.Output.from_input(REPOSITORY)))
    assert made["tags"] == [f"{REPOSITORY}/server:live-{BUILD.content[:16]}"]


def test_nodes_of_gke_have_either_instruction_set() -> None:
    arm = replace(BUILD, platform="linux/arm64")
    for kind in ("gke", None):
        assert not [*replace(ARGS, build=arm, kind=kind).problems()]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"build": None, "repository": None}, "build"),
        ({"existing": IMAGE, "repository": None}, "build"),
        ({"build": None, "existing": IMAGE}, "repository"),
        ({"repository": None}, "repository"),
        ({"repository": "docker.io/library/iris"}, "repository"),
        ({"repository": f"{REPOSITORY}/server"}, "repository"),
        ({"repository": FOREIGN}, "repository"),
        ({"repository": "europe-docker.pkg.dev/shop-prod/models"}, "repository"),
        ({"image": "Server"}, "image"),
        ({"image": "server:1"}, "image"),
        ({"kind": "lambda"}, "kind"),
        ({"build": replace(BUILD, platform="linux/arm64")}, "build.platform"),
        ({"tag_beginning": "live:"}, "tag_beginning"),
        ({"options": BuildOptions(cache=f"{REPOSITORY}/cache:iris")}, "options.cache"),
    ],
)
def test_what_could_not_be_built_or_run_is_refused(gcp: Builder, change: dict[str, Any], path: str) -> None:
    args = replace(ARGS, **change)
    (found,) = [one for one in args.problems() if one.path == path]
    with pytest.raises(pulumi.RunError) as refused:
        built(gcp, args)
    assert found.allowed in str(refused.value)
    assert not gcp.of("Image")


@pytest.mark.parametrize(
    "change",
    [
        {"repository": "europe-west4-docker.pkg.dev/images-of-all/models"},
        {"options": BuildOptions(cache="europe-west4-docker.pkg.dev/shop-prod/caches/iris:main")},
    ],
)
def test_what_can_be_is_not_refused(change: dict[str, Any]) -> None:
    """A registry may be another project's; a cache lies where tags move."""
    assert not [*replace(ARGS, **change).problems()]


@pytest.mark.parametrize(
    "image",
    [REPOSITORY, f"{REPOSITORY}/server:live-1", f"ghcr.io/models/iris@{DIGEST}", f"{REPOSITORY}@{DIGEST}x"],
)
def test_an_image_without_a_digest_or_elsewhere_is_refused(image: str) -> None:
    (found,) = GcpServingImageArgs(PLACE, existing=image).problems()
    assert found.path == "existing"
    assert not [*GcpServingImageArgs(PLACE, existing=IMAGE).problems()]


@pytest.mark.parametrize("place", ["us-central1", "europe"])
def test_vertex_ai_takes_images_of_its_own_region_alone(place: str) -> None:
    elsewhere = IMAGE.replace("europe-west4", place)
    (found,) = GcpServingImageArgs(PLACE, existing=elsewhere, kind="vertex").problems()
    assert (found.path, found.allowed) == ("existing", "an image in Artifact Registry of europe-west4")
    assert not [*GcpServingImageArgs(PLACE, existing=elsewhere, kind="cloud_run").problems()]
    assert not [*GcpServingImageArgs(PLACE, existing=IMAGE, kind="vertex").problems()]
