"""What nobody should find out from Google: refused before anything is made, with field, value and way out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pytest

from support import gcp_cloud_run, gcp_gke, gcp_vertex
from support.clouds.bad_input import Bad, refusals
from support.gcp_gke import NEW, POOL, STANDARD, with_gpus

ELSEWHERE: Final = "projects/shop-prod/locations/us-central1/keyRings/shop/cryptoKeys/iris"
OF_OTHERS: Final = "projects/other-prod/locations/europe-west4/keyRings/shop/cryptoKeys/iris"
IN_ECR: Final = f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/iris/server@sha256:{'1' * 64}"
SUBNET: Final = "projects/shop-prod/regions/us-central1/subnetworks/models"
IN_S3: Final = {"uri": "s3://models/iris.onnx", "sha256": "a" * 64}
SHARED: Final = {"access": {"kind": "shared"}}
NO_AUTH: Final = {"auth": {"kind": "none"}}


def in_cloud_run(target: Mapping[str, Any] | None = None, **spec: Any) -> Mapping[str, Any]:
    return gcp_cloud_run.mode(target, **spec).config


def in_vertex(target: Mapping[str, Any] | None = None, **spec: Any) -> Mapping[str, Any]:
    return gcp_vertex.mode(target, **spec).config


def in_gke(cluster: Mapping[str, Any] = NEW, target: Any = None, **spec: Any) -> Mapping[str, Any]:
    config: Mapping[str, Any] = gcp_gke.config(cluster, target, **spec)
    return config


def at(config: Mapping[str, Any], **target: str) -> Mapping[str, Any]:
    """The config with other fields of its target."""
    return {**config, "target": {**config["target"], **target}}


VLLM: Final = gcp_cloud_run.MODES["vllm on a GPU"].config
H200: Final = with_gpus(NEW, None, resources={"gpu": {"kind": "h200", "count": 8}})

BAD: Final = (
    # A region without the GPU.
    Bad("region", at(VLLM, region="europe-north1"), "target.region", "europe-north1", "europe-west4"),
    Bad("region", at(in_vertex(**gcp_vertex.GPU), region="europe-north2"), "target.region", "north2", "l4"),
    Bad("region", at(H200, region="europe-north1"), "resources.gpu.kind", "h200", "it is in europe-west1"),
    # A machine and a GPU that do not go together.
    Bad(
        "machine",
        in_vertex({"machine_type": "n1-standard-4"}, **gcp_vertex.GPU),
        "target.machine_type",
        "n1-standard-4",
        "g2-standard-4 is the cheapest known one",
    ),
    Bad(
        "machine",
        with_gpus(STANDARD, {**POOL, "machine_type": "n1-standard-4"}),
        "target.gpu_pool.machine_type",
        "n1-standard-4",
        "g2-standard-4",
    ),
    # A key in another location, or of another project.
    Bad("key", in_cloud_run(security={"key": ELSEWHERE}), "security.key", "us-central1", "europe-west4"),
    Bad("key", in_vertex(security={"key": OF_OTHERS}), "security.key", "other-prod", "project shop-prod"),
    Bad("key", in_gke(security={"key": ELSEWHERE}), "security.key", "us-central1", "its own location"),
    # A project's id in the place of its number, and the other way round.
    Bad(
        "project",
        at(in_cloud_run(), project_number="shop-prod"),
        "target.project_number",
        "shop-prod",
        "gcloud projects describe",
    ),
    Bad("project", at(in_vertex(), project="123456789012"), "target.project", "123456789012", "the id of"),
    # Size and time beyond a limit of the way in.
    Bad("limit", in_cloud_run(limits={"max_body": "33Mi"}), "limits.max_body", "33Mi", "at most 32Mi"),
    Bad("limit", in_cloud_run(limits={"timeout": "2h"}), "limits.timeout", "2h", "1h"),
    Bad("limit", in_vertex(limits={"max_body": "11M"}), "limits.max_body", "11M", "at most 10M"),
    Bad(
        "limit",
        in_vertex(SHARED, security=gcp_vertex.PUBLIC, limits={"max_body": "2Mi"}),
        "limits.max_body",
        "2Mi",
        "With target.access dedicated",
    ),
    # An image that is not in Artifact Registry by its digest.
    Bad("image", in_cloud_run({"image": "docker.io/iris:3"}), "target.image", "docker.io", "by digest"),
    Bad("image", in_vertex({"image": "docker.io/iris:3"}), "target.image", "docker.io", "by digest"),
    Bad("image", in_gke(target={"image": IN_ECR}), "target.image", "dkr.ecr", "Copy it there"),
    # Shares that nothing answers, or that are more than all.
    Bad(
        "share",
        in_cloud_run(rollout={**gcp_cloud_run.CANARY, "step": 1}),
        "target.previous_revision",
        "nothing",
        "`revision` of the endpoint's contract",
    ),
    Bad(
        "share",
        in_vertex(
            variants={
                name: {"model": {**gcp_vertex.PREVIOUS, "uri": f"gs://models/{name}.onnx"}, "weight": 60}
                for name in ("one", "two")
            }
        ),
        "variants",
        "120",
        "100",
    ),
    # A subnetwork or a zone of another region.
    Bad("network", in_cloud_run({"vpc": {"subnetwork": SUBNET}}), "target.vpc.subnetwork", SUBNET, "west4"),
    Bad("network", in_gke({**NEW, "subnetwork": SUBNET}), "target.cluster.subnetwork", SUBNET, "west4"),
    # A model in a store that Google's own identities cannot read.
    Bad("model", in_cloud_run(model=IN_S3), "model.uri", "s3://", "`target.model_mirrors` names"),
    Bad("model", in_vertex(model=IN_S3), "model.uri", "s3://", "`target.model_mirrors` names"),
    # A budget that nobody watches.
    Bad("budget", in_cloud_run(budget={"monthly_usd": 9}), "target.billing_account", "nothing", "gcloud"),
    Bad("budget", in_vertex(budget={"monthly_usd": 9}), "target.billing_account", "nothing", "gcloud"),
    # Public without authentication, or without the field that says so.
    Bad("public", in_cloud_run(security=NO_AUTH), "security.auth.kind", "none", "platform"),
    Bad("public", in_vertex(SHARED), "target.access.kind", "shared", "security.network.public"),
    # A caller whom nobody knows.
    Bad(
        "caller",
        in_cloud_run(security={"invokers": ["a@example.com"]}),
        "security.invokers[0]",
        "a@",
        "user:a@",
    ),
    Bad("caller", in_vertex(security={"invokers": ["allUsers"]}), "security.invokers[0]", "allUsers", "none"),
    # A name too long.
    Bad("name", {**in_cloud_run(), "name": "i" * 64}, "name", "iii", "3 to 32"),
    Bad("name", {**in_vertex(), "name": "i" * 64}, "name", "iii", "3 to 32"),
    Bad("name", {**in_gke(), "name": "i" * 64}, "name", "iii", "3 to 32"),
)
KINDS: Final = {
    "region", "machine", "key", "project", "limit", "image", "share", "network", "model", "budget", "public",
    "caller", "name",
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_bad_input_is_refused(bad: Bad) -> None:
    found = {problem.path: problem for problem in refusals(bad.config)}
    assert bad.path in found, [*map(str, found.values())]
    problem = found[bad.path]
    assert bad.given in problem.given
    assert bad.says in str(problem)
    assert problem.allowed


def test_every_kind_is_refused_by_two_targets_or_more() -> None:
    targets = {kind: {bad.config["target"]["kind"] for bad in BAD if bad.kind == kind} for kind in KINDS}
    assert {bad.kind for bad in BAD} == KINDS
    assert all(len(having) >= 2 for having in targets.values())


def test_the_same_without_the_fault_is_taken() -> None:
    for config in (
        in_cloud_run(),
        in_vertex(),
        in_gke(),
        in_cloud_run(security=gcp_cloud_run.OPEN),
        VLLM,
        H200,
    ):
        assert refusals(config) == ()
