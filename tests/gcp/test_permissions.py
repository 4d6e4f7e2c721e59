"""What an identity may do: what its endpoint needs, and nothing beside it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from modelberth.gcp.grants import Condition, Grant, below
from modelberth.gcp.needs import Needs, Pods
from modelberth.gcp.permissions import grants, pod_member
from support.gcp_blocks import PLACE, spec
from support.gcp_iam import allows

BUCKET = "projects/_/buckets/models"
OBJECTS = f"{BUCKET}/objects"
MODEL = f"{OBJECTS}/iris/3.onnx"
SECRET = "projects/shop-prod/secrets/hub-token"
LOG = "projects/shop-prod/logs/iris"
NEEDS = Needs(spec(), PLACE, "run")
ALL = replace(
    NEEDS,
    spec=spec(monitoring={"tracing": {"percent": 5}}),
    capture="gs://samples/iris",
    secrets=(SECRET,),
)
GET, LIST, CREATE = "storage.objects.get", "storage.objects.list", "storage.objects.create"
ACCESS = "secretmanager.versions.access"


def served(uri: str, **fields: Any) -> Needs:
    model = {"uri": uri, "sha256": "a" * 64, "version": "3"}
    return replace(NEEDS, spec=spec(model=model, **fields))


def with_variants(count: int) -> Needs:
    """An endpoint whose traffic goes to its model and to others."""
    variants = {
        f"other{number}": {
            "model": {"uri": f"gs://models/iris/v{number}.onnx", "sha256": "b" * 64, "version": f"v{number}"},
            "weight": 1,
        }
        for number in range(count)
    }
    return replace(NEEDS, spec=spec(variants=variants))


def canaries() -> Iterator[tuple[str, str]]:
    """What no identity of `iris` is ever allowed: other models, other verbs, other secrets."""
    for name in (
        "iris/4.onnx",
        "iris/3.onnx.bak",
        "iris/3.onnx/part",
        "iris/3",
        "iris/",
        "iris2/3.onnx",
        "IRIS/3.onnx",
        "other/iris/3.onnx",
        'iris/3.onnx" || resource.name.startsWith("',
        "",
    ):
        yield GET, f"{OBJECTS}/{name}"
    yield GET, "projects/_/buckets/models2/objects/iris/3.onnx"
    yield GET, "projects/_/buckets/samples/objects/iris/1.json"
    yield CREATE, MODEL
    yield CREATE, "projects/_/buckets/samples/objects/iris2/1.json"
    yield LIST, "projects/_/buckets/models"
    yield LIST, "projects/_/buckets/samples"
    yield ACCESS, "projects/shop-prod/secrets/hub-token2/versions/1"
    yield ACCESS, "projects/shop-dev/secrets/hub-token/versions/1"
    yield "iam.serviceAccounts.getAccessToken", PLACE.service_account("admin")
    yield "iam.serviceAccountKeys.create", PLACE.service_account("shop-dev-iris")
    yield "cloudkms.cryptoKeyVersions.useToDecrypt", "projects/shop-prod/locations/europe-west4/keyRings/k"
    yield "artifactregistry.repositories.downloadArtifacts", "projects/shop-prod"
    yield "bigquery.tables.getData", "projects/shop-prod/datasets/orders"


def test_replicas_read_their_model_and_write_logs() -> None:
    found = grants(NEEDS)
    assert [one.role for one in found] == [
        "roles/logging.logWriter",
        "roles/storage.objectViewer",
    ]
    assert allows(found, GET, MODEL)
    assert allows(found, "logging.logEntries.create", LOG)
    assert not allows(found, "monitoring.timeSeries.create", "projects/shop-prod")
    assert not allows(found, "cloudtrace.traces.patch", "projects/shop-prod")
    assert not allows(found, ACCESS, f"{SECRET}/versions/1")


def test_whoever_needs_more_is_granted_it() -> None:
    found = grants(ALL)
    assert allows(found, GET, MODEL)
    assert allows(found, "cloudtrace.traces.patch", "projects/shop-prod")
    assert allows(found, CREATE, "projects/_/buckets/samples/objects/iris/1.json")
    assert allows(found, ACCESS, f"{SECRET}/versions/7")


def test_replicas_may_do_nothing_else() -> None:
    tried = [*canaries()]
    assert len(tried) == 23
    for needs in (NEEDS, ALL, replace(ALL, service="vertex"), replace(ALL, service="gke")):
        assert [one for one in tried if allows(grants(needs), *one)] == []


def test_the_canaries_see_a_right_that_is_too_wide() -> None:
    """The opposite: without a condition, with too short a prefix, or for the whole project."""
    viewer = "roles/storage.objectViewer"
    whole = Grant("whole", viewer, "bucket", "models")
    slashless = replace(whole, condition=Condition("short", below(f"{OBJECTS}/iris")))
    project = Grant("project", viewer, "project", "shop-prod")
    seen = {one.name: sum(allows([one], *tried) for tried in canaries()) for one in (whole, project)}
    assert seen == {"whole": 11, "project": 14}
    assert allows([slashless], GET, f"{OBJECTS}/iris2/3.onnx")
    with pytest.raises(KeyError):
        allows([replace(project, role="roles/editor")], GET, MODEL)


def test_a_package_is_what_lies_below_its_folder() -> None:
    for uri in ("gs://models/iris/3", "gs://models/iris/3/"):
        found = grants(served(uri))
        assert allows(found, GET, f"{OBJECTS}/iris/3/model.onnx")
        assert allows(found, GET, f"{OBJECTS}/iris/3/variables/1")
        for other in ("iris/30/model.onnx", "iris/3.onnx", "iris/3", "iris/model.onnx"):
            assert not allows(found, GET, f"{OBJECTS}/{other}")


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("gs://models/a%20b/3.onnx", "a b/3.onnx"),
        ("gs://models/%E2%82%AC/3.onnx", "€/3.onnx"),
        ("gs://models/a%22b/3.onnx", 'a"b/3.onnx'),
        ("gs://models/a%5C/3.onnx", "a\\/3.onnx"),
        ("gs://models/x%22)%20%7C%7C%20resource.name.startsWith(%22/3.onnx", None),
    ],
)
def test_a_name_is_a_name_and_never_an_expression(uri: str, name: str | None) -> None:
    found = grants(served(uri))
    assert not allows(found, GET, f"{OBJECTS}/other/3.onnx")
    wanted = name or 'x") || resource.name.startsWith("/3.onnx'
    assert allows(found, GET, f"{OBJECTS}/{wanted}")


def test_a_slash_alone_opens_no_bucket() -> None:
    found = grants(served("gs://models/%2F"))
    assert not allows(found, GET, MODEL)


def test_a_mount_lists_its_bucket_and_reads_no_more_of_it() -> None:
    found = grants(replace(served("gs://models/iris/3"), mounted=True))
    assert allows(found, LIST, BUCKET)
    assert allows(found, GET, f"{OBJECTS}/iris/3/model.onnx")
    assert not allows(found, GET, f"{OBJECTS}/iris/4/model.onnx")
    assert not allows(found, LIST, f"{BUCKET}2")


def test_the_model_before_and_the_variants_are_read_too() -> None:
    previous = {"uri": "gs://older/iris/2.onnx", "sha256": "b" * 64, "version": "2"}
    rollout = {"strategy": "blue_green", "previous": previous}
    found = grants(replace(NEEDS, spec=spec(rollout=rollout)))
    assert allows(found, GET, MODEL)
    assert allows(found, GET, "projects/_/buckets/older/objects/iris/2.onnx")
    found = grants(with_variants(2))
    assert allows(found, GET, f"{OBJECTS}/iris/v1.onnx")
    assert not allows(found, GET, f"{OBJECTS}/iris/v2.onnx")


def test_a_grant_keeps_its_name_when_others_come_and_go() -> None:
    def named(needs: Needs) -> dict[str, str]:
        return {one.condition.expression: one.name for one in grants(needs) if one.condition is not None}

    few, many = named(with_variants(1)), named(with_variants(3))
    assert (len(few), len(many)) == (2, 4)
    assert few.items() <= many.items()
    assert len({*many.values()}) == 4


def test_a_model_that_is_named_twice_is_granted_once() -> None:
    previous = {"uri": "gs://models/iris/3.onnx", "revision": "1712", "version": "2"}
    twice = replace(NEEDS, spec=spec(rollout={"strategy": "blue_green", "previous": previous}))
    assert grants(twice) == grants(NEEDS)


@pytest.mark.parametrize("uri", ["models/iris.onnx", "s3://models/iris/3.onnx", "hf://org/name"])
def test_a_model_from_elsewhere_needs_no_right(uri: str) -> None:
    pinned = {"revision": "a" * 40} if uri.startswith("hf") else {"sha256": "a" * 64}
    needs = replace(NEEDS, spec=spec(model={"uri": uri, **pinned}))
    assert [one.name for one in grants(needs)] == ["logs"]


def test_what_is_off_is_not_granted() -> None:
    pods = replace(ALL, service="gke")
    assert "logs" not in {one.name for one in grants(pods)}
    assert "traces" in {one.name for one in grants(pods)}


def test_pods_are_named_by_their_service_account() -> None:
    assert pod_member(NEEDS) is None
    pods = replace(NEEDS, service="gke", pods=Pods("serving", "iris"))
    assert pod_member(pods) == "serviceAccount:shop-prod.svc.id.goog[serving/iris]"
