"""What cannot be had in Vertex AI: each refusal with its field, its value and the way out."""

import pkgutil
from importlib import import_module
from typing import Any

import pytest

import modelberth.gcp.vertex as rooms
from modelberth.capabilities import check
from modelberth.capability_table import load
from modelberth.errors import Problem, SpecError
from modelberth.gcp.vertex import checks
from modelberth.model_mirrors import mirrored
from modelberth.spec import EndpointDeployment, parse
from modelberth.spec.vertex import VertexTarget
from support.gcp_blocks import ACCOUNT, IMAGE, KEY, PLACE
from support.gcp_vertex import CANARY, FOLDER, GPU, IN_IMAGE, OTHER_IMAGE, PREVIOUS, REMOTE, mode

ELSEWHERE = IMAGE.replace("europe-west4", "europe-west1")
ANYWHERE = IMAGE.replace("europe-west4", "europe")
PUBLIC = {"network": {"public": True}}
DEDICATED = {"access": {"kind": "dedicated"}}
SHARED = {"access": {"kind": "shared"}}
PRIVATE = {"access": {"kind": "private_service_connect", "projects": ["shop-prod"]}}
OTHER = {"model": PREVIOUS, "weight": 10}
SCALED = {"min": 1, "max": 4}


def gpu(kind: str, count: int = 1, **fields: Any) -> dict[str, Any]:
    return {**GPU, "resources": {"gpu": {"kind": kind, "count": count, **fields}}}


def found(target: dict[str, Any] | None = None, **spec: Any) -> dict[str, Problem]:
    """What the rooms refuse, by field."""
    which = mode(target, **spec)
    deployment = parse(EndpointDeployment, which.config)
    assert isinstance(deployment.target, VertexTarget)
    given = mirrored(deployment.spec, deployment.target)
    problems = checks.check(given, deployment.target, has_image=which.image is not None)
    return {problem.path: problem for problem in problems}


def test_every_room_with_rules_is_asked() -> None:
    within = f"{rooms.__name__}."
    names = {one.name for one in pkgutil.iter_modules(rooms.__path__, within)}
    modules = {name: import_module(name) for name in names}
    with_rules = {name for name, module in modules.items() if "problems" in getattr(module, "__all__", ())}
    asked = {module.__name__ for module in checks._ROOMS}
    assert with_rules == {name for name in asked if name.startswith(within)} | {f"{within}images"}
    assert len(with_rules) == 9


REFUSED: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    # The image.
    ({"image": None}, {}, "target.image", "make image"),
    ({}, {"image": IMAGE, "runtime": {"image": IMAGE}}, "runtime.image", "the program itself"),
    ({"image": ELSEWHERE}, {}, "target.image", "LOCATION being europe-west4"),
    ({"image": ANYWHERE}, {}, "target.image", "of its own region"),
    ({}, {"runtime": {"image": ELSEWHERE}}, "runtime.image", "push it there"),
    (
        {},
        {"runtime": {"image": f"ghcr.io/shop/iris@sha256:{'1' * 64}"}},
        "runtime.image",
        "in Artifact Registry",
    ),
    ({"previous_image": OTHER_IMAGE}, {}, "target.previous_image", "nothing without rollout.previous"),
    (
        {"previous_image": OTHER_IMAGE.replace("west4", "west1")},
        {"rollout": CANARY},
        "target.previous_image",
        "LOCATION being europe-west4",
    ),
    (
        {},
        {"model": IN_IMAGE, "rollout": {**CANARY, "previous": {"uri": "models/b.onnx", "sha256": "b" * 64}}},
        "target.previous_image",
        "An image holds one model",
    ),
    (
        {},
        {"variants": {"cheap": {"model": {"uri": "models/b.onnx", "sha256": "b" * 64}, "weight": 10}}},
        "variants.cheap.model.uri",
        "into a bucket",
    ),
    # The model and its server.
    ({}, {"model": {**FOLDER, "revision": "17"}}, "model.revision", "by its sha256"),
    (
        {},
        {"rollout": {**CANARY, "previous": {**FOLDER, "revision": "17"}}},
        "rollout.previous.revision",
        "one object's",
    ),
    ({}, {"model": {**REMOTE, "uri": "https://example.com/3.onnx"}}, "model.uri", "copy the model"),
    (
        PRIVATE,
        {"model": {**REMOTE, "uri": "hf://org/name", "revision": "c" * 40}},
        "model.uri",
        "Google's own services alone",
    ),
    ({}, {"model": {**REMOTE, "format": "savedmodel"}}, "model.format", "set runtime.engine"),
    ({}, {"resources": {"gpu": {"kind": "l4"}}}, "resources.gpu", "on the CPU alone"),
    ({}, {"runtime": {"args": ["--fast"]}}, "runtime.args", "takes no arguments"),
    # Machines and accelerators.
    (
        {"machine_type": "e2-standard-2"},
        {"resources": {"cpu": "2"}},
        "target.machine_type",
        "e2-highcpu-4 is the cheapest",
    ),
    (
        {"machine_type": "n1-standard-4"},
        {"resources": {"memory": "14Gi"}},
        "target.machine_type",
        "Google keeps",
    ),
    ({"machine_type": "n1-standard-4"}, gpu("l4"), "target.machine_type", "g2-standard-4 is the cheapest"),
    ({"machine_type": "g2-standard-4"}, gpu("t4"), "target.machine_type", "n1-standard-2 is the cheapest"),
    ({"machine_type": "e2-standard-8"}, gpu("t4"), "target.machine_type", "takes 1 GPU(s) of kind t4"),
    ({"machine_type": "n1-standard-32"}, gpu("t4"), "target.machine_type", "It takes 2, 4 of them"),
    ({"machine_type": "g2-standard-24"}, gpu("l4"), "target.machine_type", "It takes 2 of them"),
    ({"machine_type": "g2-standard-4"}, {}, "target.machine_type", "ask for them in resources.gpu"),
    ({}, gpu("l4", 3), "resources.gpu.count", "1, 2, 4, 8 of kind l4"),
    ({}, gpu("h200", 1), "resources.gpu.count", "8 of kind h200"),
    ({}, {"resources": {"memory": "3Ti"}}, "resources", "target.machine_type"),
    ({}, {**GPU, "resources": {"cpu": "100", "gpu": {"kind": "l4"}}}, "resources", "one known machine"),
    ({}, gpu("l4", memory_min="40Gi"), "resources.gpu.memory_min", "a100-80gb"),
    ({}, gpu("b200", 8), "target.region", "a region with GPUs of kind b200"),
    ({}, gpu("b200", 8), "target.region", "As of 2026-11-22, europe-west4 has t4, v100, l4"),
    (
        {"region": "europe-west12", "image": IMAGE.replace("west4", "west12")},
        {**gpu("l4"), "runtime": {"engine": "custom", "image": IMAGE.replace("west4", "west12")}},
        "target.region",
        "europe-west12 has none",
    ),
    # The way in.
    (DEDICATED, {}, "target.access.kind", "security.network.public: true"),
    (SHARED, {}, "target.access.kind", "reached from the internet"),
    (PRIVATE, {"security": PUBLIC}, "security.network.public", "target.access dedicated"),
    ({}, {"limits": {"max_body": "10001Ki"}}, "limits.max_body", "private_service_connect"),
    (SHARED, {"security": PUBLIC, "limits": {"max_body": "2M"}}, "limits.max_body", "dedicated or private"),
    (SHARED, {"security": PUBLIC, "limits": {"timeout": "61s"}}, "limits.timeout", "at most 60 s"),
    (DEDICATED, {"security": PUBLIC, "limits": {"timeout": "11m"}}, "limits.timeout", "at most 600 s"),
    # Shares.
    ({}, {"rollout": {**CANARY, "previous": REMOTE}}, "rollout.previous", "another model than `model`"),
    (
        {},
        {"rollout": {"strategy": "blue_green", "previous": PREVIOUS}, "variants": {"cheap": OTHER}},
        "rollout.previous",
        "Only one thing at a time",
    ),
    ({}, {"variants": {"model": OTHER}}, "variants.model", "another name"),
    ({}, {"variants": {"previous": OTHER}}, "variants.previous", "another name"),
    (
        {},
        {"variants": {"same": {"model": REMOTE, "weight": 10}}},
        "variants.same.model",
        "add the weights up",
    ),
    (
        {},
        {"variants": {"first": OTHER, "second": OTHER}},
        "variants.second.model",
        "a model that no other share has",
    ),
    # Replicas.
    ({}, {"scaling": {**SCALED, "metric": "gpu"}}, "scaling.metric", "no GPU that could be busy"),
    ({}, {"scaling": {**SCALED, "target": 32.0}}, "scaling.target", "cpu or gpu takes a target"),
    ({}, {"scaling": {**SCALED, "metric": "cpu", "target": 0.4}}, "scaling.target", "1 to 100 (percent)"),
    # Keys, identities and callers.
    (
        {},
        {"security": {"key": KEY.replace("europe-west4", "europe-west1")}},
        "security.key",
        "a key in location europe-west4",
    ),
    (
        {},
        {"security": {"key": KEY.replace("shop-prod", "shop-test")}},
        "security.key",
        "a key of project shop-prod",
    ),
    (
        {},
        {"security": {"key": f"{KEY}/cryptoKeyVersions/1"}},
        "security.key",
        "Versions of a key are refused",
    ),
    ({}, {"security": {"identity": "iris"}}, "security.identity", "e-mail address of a service account"),
    (
        {},
        {"security": {"identity": "123456789012-compute@developer.gserviceaccount.com"}},
        "security.identity",
        "default account",
    ),
    (
        {},
        {"security": {"identity": ACCOUNT.replace("shop-prod", "shop-test")}},
        "security.identity",
        "another project's accounts",
    ),
    ({}, {"security": {"invokers": ["alice@example.com"]}}, "security.invokers[0]", "user:alice@example.com"),
    # The sample.
    ({}, {"monitoring": {"capture": {"percent": 1.0}}}, "target.capture", "bq://shop-prod.DATASET"),
    ({"capture": "bq://shop-prod.samples"}, {}, "target.capture", "nothing without monitoring.capture"),
    (
        {"capture": "bq://shop-test.samples"},
        {"monitoring": {"capture": {"percent": 1.0}}},
        "target.capture",
        "rights in its own project",
    ),
]


@pytest.mark.parametrize(("target", "spec", "path", "words"), REFUSED)
def test_a_refusal_names_the_field_and_the_way_out(
    target: dict[str, Any], spec: dict[str, Any], path: str, words: str
) -> None:
    problems = found(target, **spec)
    assert path in problems, problems
    assert words in str(problems[path])
    assert problems[path].given


def test_how_many_refusals_were_looked_at() -> None:
    assert len(REFUSED) == 59
    assert len({path for _, _, path, _ in REFUSED}) == 30


@pytest.mark.parametrize(
    ("target", "spec"),
    [
        ({}, {"limits": {"max_body": "10M", "timeout": "10m", "startup_timeout": "1h"}}),
        (SHARED, {"security": PUBLIC, "limits": {"max_body": "1500k", "timeout": "60s"}}),
        ({"machine_type": "n1-standard-4"}, {"resources": {"cpu": "3", "memory": "13Gi"}}),
        ({"machine_type": "n1-standard-32"}, gpu("t4", 2)),
        # What it holds is not known here, nor where it can be had.
        ({"machine_type": "h4-standard-8"}, {"resources": {"memory": "1Ti"}}),
        ({"machine_type": "a3-megagpu-8g"}, gpu("h100", 8)),
        ({}, gpu("rtx-pro-6000")),
        (DEDICATED, {"security": PUBLIC, "model": {**REMOTE, "uri": "https://example.com/3.onnx"}}),
        ({}, {"scaling": {**SCALED, "metric": "cpu", "target": 1.0}}),
        ({}, {"variants": {"whole": {**OTHER, "weight": 100}}}),
        ({"capture": "bq://shop-prod.samples.iris"}, {"monitoring": {"capture": {"percent": 0.1}}}),
    ],
)
def test_what_is_just_within_is_let_through(target: dict[str, Any], spec: dict[str, Any]) -> None:
    assert found(target, **spec) == {}


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"image": IMAGE.partition("@")[0]}, "image"),
        ({"image": f"ghcr.io/shop/iris@sha256:{'1' * 64}"}, "image"),
        ({"region": "europe"}, "region"),
        ({"project": PLACE.number}, "project"),
        ({"project_number": PLACE.project}, "project_number"),
        ({"machine_type": "N1_STANDARD"}, "machine_type"),
        ({"access": {"kind": "public"}}, "access.kind"),
        ({"access": {"kind": "private_service_connect"}}, "access.projects"),
        ({"access": {"kind": "private_service_connect", "projects": []}}, "access.projects"),
        ({"access": {"kind": "private_service_connect", "projects": ["12345678"]}}, "access.projects[0]"),
        ({"access": {"kind": "dedicated", "projects": ["shop-prod"]}}, "access.projects"),
        ({"capture": "gs://samples/iris"}, "capture"),
        ({"capture": "bq://shop-prod"}, "capture"),
        ({"model_garden": "publishers/google/models/gemma3@gemma-3-1b-it"}, "model_garden"),
    ],
)
def test_a_target_that_cannot_be_written(fields: dict[str, Any], path: str) -> None:
    target = {"project": PLACE.project, "project_number": PLACE.number, "region": PLACE.region, **fields}
    with pytest.raises(SpecError) as refused:
        parse(VertexTarget, target)
    assert path in {problem.path for problem in refused.value.problems}


def test_the_capabilities_say_of_each_limit_what_the_rooms_keep() -> None:
    rows = load()["vertex"].rows
    assert rows["limits.max_body"].at_most == "10M"
    assert rows["limits.timeout"].at_most == "10m"
    assert rows["scaling.metric"].values == ("concurrency", "cpu", "gpu")
    for path in (
        "scale_to_zero",
        "scaling.cooldown",
        "rollout.bake",
        "variants.*.shadow",
        "monitoring.tracing",
    ):
        assert rows[path].is_refused, path
        assert rows[path].reason, path


REFUSED_BY_CAPABILITIES: list[tuple[dict[str, Any], str, str]] = [
    ({"scaling": {"min": 0, "max": 2}}, "scaling.min", "keeps at least one replica"),
    (
        {"scaling": {**SCALED, "metric": "queue_depth", "target": 2.0}},
        "scaling.metric",
        "concurrency, cpu, gpu",
    ),
    (
        {"scaling": {"min": 1, "max": 2, "metric": "cpu", "cooldown": "1m"}},
        "scaling.cooldown",
        "last five minutes",
    ),
    ({"model": {**REMOTE, "uri": "s3://models/iris/3.onnx"}}, "model.uri", "target.model_mirrors"),
    ({"runtime": {"engine": "vllm", "image": IMAGE}}, "runtime.engine", "AIP_STORAGE_URI"),
    ({"resources": {"gpu": {"kind": "a10g"}}}, "resources.gpu.kind", "no machine"),
    ({"limits": {"timeout": "11m"}}, "limits.timeout", "another time"),
    ({"limits": {"requests_per_second": 10.0}}, "limits.requests_per_second", "no limit of a rate"),
    ({"rollout": {"strategy": "shadow", "previous": PREVIOUS}}, "rollout.strategy", "copies no requests"),
    ({"rollout": {**CANARY, "header": {}}}, "rollout.header", "by percentage only"),
    ({"rollout": {"strategy": "rolling", "max_surge": 2}}, "rollout.max_surge", "moves traffic"),
    ({"variants": {"next": {**OTHER, "shadow": True}}}, "variants.next.shadow", "cannot copy"),
    ({"security": {"auth": {"kind": "api_key"}}}, "security.auth.kind", "Google identities"),
    ({"security": {"auth": {"kind": "none"}, **PUBLIC}}, "security.auth.kind", "Google identities"),
    ({"security": {"network": {"egress": []}}}, "security.network.egress", "no setting"),
    ({"security": {"tls": {"domain": "iris.example.com"}}}, "security.tls.domain", "address of Google's"),
    ({"monitoring": {"tracing": {"percent": 5}}}, "monitoring.tracing", "Cloud Trace"),
]


@pytest.mark.parametrize(("spec", "path", "words"), REFUSED_BY_CAPABILITIES)
def test_what_no_endpoint_of_vertex_can(spec: dict[str, Any], path: str, words: str) -> None:
    deployment = parse(EndpointDeployment, mode(**spec).config)
    refused = {problem.path: problem for problem in check(deployment.spec, deployment.target)}
    assert path in refused, refused
    assert words in str(refused[path])
