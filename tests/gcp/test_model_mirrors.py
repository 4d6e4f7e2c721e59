"""One spec on several clouds: which copy of a model a target reads, and what holds it to the same bytes."""

from typing import Any

import pytest

from modelberth.capabilities import check
from modelberth.errors import Problem
from modelberth.gcp.plan import Plan
from modelberth.model_mirrors import mirrored, problems
from modelberth.spec import EndpointSpec, parse
from modelberth.spec.cloud_run import CloudRunTarget
from modelberth.spec.gcp import GcpTarget
from modelberth.spec.target import LocalTarget
from modelberth.spec.vertex import VertexTarget
from support.gcp_blocks import IMAGE

PIN = "a" * 64
PLACE = {"project": "shop-prod", "project_number": "123456789012", "region": "europe-west4"}
MIRRORS = {"s3://models": "gs://models-eu"}


def model(uri: str, **fields: Any) -> dict[str, Any]:
    return {"uri": uri, "sha256": PIN, **fields}


def spec(uri: str = "s3://models/iris/3.onnx", **fields: Any) -> EndpointSpec:
    return parse(EndpointSpec, {"name": "iris", "model": model(uri), **fields})


def target(mirrors: dict[str, str] | None = None, **fields: Any) -> CloudRunTarget:
    given = MIRRORS if mirrors is None else mirrors
    return parse(CloudRunTarget, {**PLACE, "model_mirrors": given, **fields})


def read(uri: str, mirrors: dict[str, str] | None = None) -> str:
    return mirrored(spec(uri), target(mirrors)).model.uri


@pytest.mark.parametrize(
    ("uri", "mirrors", "copy"),
    [
        ("s3://models/iris/3.onnx", MIRRORS, "gs://models-eu/iris/3.onnx"),
        ("s3://models/iris", {"s3://models/iris": "gs://copies/flowers"}, "gs://copies/flowers"),
        (
            "s3://models/iris/3.onnx",
            {"s3://models/": "gs://copies/of-aws/"},
            "gs://copies/of-aws/iris/3.onnx",
        ),
        (
            "azblob://shop/models/iris/3.onnx",
            {"azblob://shop/models": "gs://copies"},
            "gs://copies/iris/3.onnx",
        ),
        (
            "https://example.com/iris/3.onnx",
            {"https://example.com": "gs://copies"},
            "gs://copies/iris/3.onnx",
        ),
        ("hf://shop/iris/3.onnx", {"hf://shop/iris": "gs://copies/iris"}, "gs://copies/iris/3.onnx"),
    ],
)
def test_a_model_below_the_original_is_read_below_the_copy(
    uri: str, mirrors: dict[str, str], copy: str
) -> None:
    assert read(uri, mirrors) == copy


@pytest.mark.parametrize(
    ("uri", "mirrors"),
    [
        ("s3://models-of-others/iris.onnx", MIRRORS),
        ("s3://models/iris-next/3.onnx", {"s3://models/iris": "gs://copies"}),
        ("s3://other/models/iris.onnx", MIRRORS),
        ("gs://models/iris/3.onnx", MIRRORS),
        ("https://models/iris/3.onnx", MIRRORS),
        ("s3://models/iris/3.onnx", {}),
    ],
)
def test_a_beginning_ends_where_a_folder_does(uri: str, mirrors: dict[str, str]) -> None:
    """What begins with the same letters is no copy of anything."""
    assert read(uri, mirrors) == uri


def test_the_longest_beginning_counts_in_whatever_order() -> None:
    pairs = {
        "s3://models": "gs://all",
        "s3://models/iris": "gs://flowers",
        "s3://models/iris/old": "gs://archive",
    }
    for mirrors in (pairs, dict(reversed(pairs.items()))):
        assert read("s3://models/iris/old/1.onnx", mirrors) == "gs://archive/1.onnx"
        assert read("s3://models/iris/3.onnx", mirrors) == "gs://flowers/3.onnx"
        assert read("s3://models/digits/1.onnx", mirrors) == "gs://all/digits/1.onnx"


def test_the_previous_model_and_variants_are_read_from_their_copies_too() -> None:
    previous = {"strategy": "canary", "step": 1, "previous": model("s3://models/iris/2.onnx", version="2")}
    made = mirrored(spec(rollout=previous), target())
    assert [one.uri for one in made.models.values()] == [
        "gs://models-eu/iris/3.onnx",
        "gs://models-eu/iris/2.onnx",
    ]
    assert made.rollout.strategy == "canary"
    variants = {
        "next": {"model": model("s3://models/iris/4.onnx"), "weight": 10},
        "other": {"model": model("gs://elsewhere/iris.onnx"), "weight": 5},
    }
    told = mirrored(spec(variants=variants), target())
    assert [one.uri for one in told.models.values()] == [
        "gs://models-eu/iris/3.onnx",
        "gs://models-eu/iris/4.onnx",
        "gs://elsewhere/iris.onnx",
    ]
    assert [one.weight for one in told.variants.values()] == [10, 5]


def test_a_copy_has_the_same_bytes_and_no_revision_of_the_original() -> None:
    """A version of an object in S3 names nothing in Cloud Storage."""
    original = parse(
        EndpointSpec,
        {"name": "iris", "model": model("s3://models/iris/3.onnx", revision="v3Kx", version="3")},
    )
    copy = mirrored(original, target()).model
    assert (copy.sha256, copy.version, copy.revision) == (PIN, "3", None)
    assert original.model.revision == "v3Kx"


def test_nothing_else_of_a_spec_changes_and_a_second_time_nothing_at_all() -> None:
    original = spec(scaling={"min": 1, "max": 3}, labels={"team": "iris"})
    once = mirrored(original, target())
    assert once.model_copy(update={"model": original.model}) == original
    assert mirrored(once, target()) == once
    assert mirrored(original, target({})) == original
    assert mirrored(original, LocalTarget()) is original


def test_a_plan_has_the_copies() -> None:
    """So that rights, checks and containers all speak of what is read."""
    made = Plan.of(spec(), target(), "shop", "dev")
    assert made.spec.model.uri == "gs://models-eu/iris/3.onnx"


def unpinned(**fields: Any) -> EndpointSpec:
    by_revision = {"uri": "s3://models/iris/3.onnx", "revision": "v3Kx"}
    return parse(EndpointSpec, {"name": "iris", "model": by_revision, **fields})


def test_a_copy_that_nothing_holds_to_its_bytes_is_refused() -> None:
    (found,) = problems(unpinned(), target())
    assert (found.path, found.given) == ("model.sha256", "nothing")
    assert "'v3Kx'" in found.hint
    next_one = {"uri": "s3://models/iris/4.onnx", "revision": "v4"}
    several = unpinned(variants={"next": {"model": next_one, "weight": 5}})
    assert [one.path for one in problems(several, target())] == ["model.sha256", "variants.next.model.sha256"]
    assert found in check(unpinned(), target(image=IMAGE))


def test_a_revision_is_enough_where_the_original_is_read() -> None:
    elsewhere = {"s3://others": "gs://copies"}
    assert not [*problems(unpinned(), target(elsewhere))]
    assert not [*problems(spec(), target())]


@pytest.mark.parametrize("kind", [CloudRunTarget, VertexTarget])
def test_a_model_that_no_copy_is_known_of_is_refused_with_the_way_out(kind: type[GcpTarget]) -> None:
    here: Any = parse(kind, {**PLACE, "image": IMAGE})
    found = {one.path: one for one in check(spec(), here)}
    assert "target.model_mirrors" in found["model.uri"].allowed
    there: Any = parse(kind, {**PLACE, "image": IMAGE, "model_mirrors": MIRRORS})
    assert _refused(spec(), there) == []


def _refused(made: EndpointSpec, there: Any) -> list[Problem]:
    return [one for one in check(made, there) if one.path.startswith(("model", "target.kind"))]
