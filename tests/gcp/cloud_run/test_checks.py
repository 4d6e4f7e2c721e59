"""What cannot be had in Cloud Run: each refusal with its field, its value and the way out."""

import pkgutil
from importlib import import_module
from typing import Any

import pulumi
import pytest

import modelberth.gcp.cloud_run as rooms
from modelberth.capabilities import check
from modelberth.errors import Problem, SpecError
from modelberth.gcp.cloud_run import checks
from modelberth.gcp.cloud_run.endpoint import CloudRunEndpointArgs
from modelberth.spec import parse
from modelberth.spec.cloud_run import CloudRunTarget
from support.gcp_blocks import KEY, PLACE
from support.gcp_cloud_run import (
    BALANCED,
    CALLER,
    CANARY,
    IMAGE,
    L4,
    OPEN,
    OTHER_IMAGE,
    PREVIOUS_REVISION,
    REMOTE,
    mode,
)

MOUNT = {"model_access": "mount"}
SAVED = {**REMOTE, "uri": "gs://models/iris", "format": "savedmodel"}
TFS = {"engine": "tensorflow-serving", "image": OTHER_IMAGE}
TRITON = {"engine": "triton", "image": OTHER_IMAGE}
VLLM = {"engine": "vllm", "image": OTHER_IMAGE}
WEIGHTS = {**REMOTE, "uri": "gs://models/iris", "format": "safetensors"}
NAMED = {"tls": {"domain": "iris.example.com"}}
BY_INSTANCES = {"billing": "instances"}
SAMPLES = {**BY_INSTANCES, "capture": "gs://samples/iris"}
SECRET = "projects/shop-prod/secrets/iris-hash"

# Field of the target, fields of the spec, path of the problem, words of it.
BAD: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    # The image.
    ({"image": None}, {}, "target.image", "make image"),
    ({}, {"image": IMAGE, "runtime": {"image": IMAGE}}, "runtime.image", "the program itself"),
    ({}, {"runtime": {"image": f"example.com/iris@sha256:{'1' * 64}"}}, "runtime.image", "remote repository"),
    (
        MOUNT,
        {"runtime": {"engine": "triton"}, "model": {**WEIGHTS, "format": "triton"}},
        "runtime.image",
        "engine triton",
    ),
    # Sizes, GPUs and regions.
    ({}, {"resources": {"cpu": "9"}}, "resources.cpu", "at most 8"),
    ({}, {"resources": {"memory": "33Gi"}}, "resources.memory", "at most 32Gi"),
    (
        {"region": "europe-west3", **MOUNT},
        {"resources": L4, "runtime": VLLM, "model": WEIGHTS},
        "target.region",
        "europe-west4",
    ),
    (
        MOUNT,
        {"resources": {"gpu": {"kind": "h100"}}, "runtime": VLLM, "model": WEIGHTS},
        "resources.gpu.kind",
        "l4, rtx-pro-6000",
    ),
    (
        MOUNT,
        {"resources": {"gpu": {"kind": "l4", "count": 2}}, "runtime": VLLM, "model": WEIGHTS},
        "resources.gpu.count",
        "at most 1",
    ),
    ({}, {"resources": L4}, "resources.gpu", "CPU alone"),
    ({"zonal_redundancy": True}, {}, "target.zonal_redundancy", "without resources.gpu"),
    # Time and requests.
    ({}, {"limits": {"startup_timeout": "11m"}}, "limits.startup_timeout", "at most 600 s"),
    (
        MOUNT,
        {"limits": {"startup_timeout": "31m"}, "resources": L4, "runtime": VLLM, "model": WEIGHTS},
        "limits.startup_timeout",
        "1800 s with a GPU",
    ),
    ({}, {"limits": {"max_body": "33Mi"}}, "limits.max_body", "at most 32Mi on target `cloud_run`"),
    ({}, {"limits": {"concurrency": 1001}}, "limits.concurrency", "at most 1000"),
    ({}, {"limits": {"requests_per_second": 5}}, "limits.requests_per_second", "scaling.max"),
    ({}, {"scaling": {"min": 1, "max": 4, "target": 63}}, "scaling.target", "6.4 to 60.8"),
    (
        {},
        {"scaling": {"min": 1, "max": 4, "metric": "queue_depth", "target": 3}},
        "scaling.metric",
        "concurrency, cpu",
    ),
    ({}, {"scaling": {"min": 1, "max": 4, "cooldown": "1m"}}, "scaling.cooldown", "decides itself"),
    # The model and its server.
    (
        MOUNT,
        {"model": {"uri": "https://example.com/iris.onnx", "sha256": "a" * 64}},
        "target.model_access",
        "download for a model from https",
    ),
    (MOUNT, {"model": {**REMOTE, "revision": "1700000000000000"}}, "model.revision", "sha256"),
    (MOUNT, {"model": {**REMOTE, "uri": "gs://models/iris.tar.gz"}}, "model.uri", "Nothing unpacks"),
    ({}, {"model": SAVED, "runtime": TFS}, "target.model_access", "downloads no models"),
    (
        MOUNT,
        {"model": SAVED, "runtime": {**TFS, "batching": {}}},
        "runtime.batching",
        "no files of configuration",
    ),
    (MOUNT, {"runtime": TRITON}, "model.format", "a repository that has its own config.pbtxt"),
    (
        MOUNT,
        {"model": SAVED, "runtime": TFS, "limits": {"max_body": "2Mi"}},
        "limits.max_body",
        "only the default",
    ),
    ({}, {"runtime": {"args": ["--quiet"]}}, "runtime.args", "takes no arguments"),
    ({}, {"model": {**REMOTE, "format": "savedmodel"}}, "model.format", "tensorflow-serving"),
    ({}, {"model": {"uri": "oci://example.com/iris", "sha256": "a" * 64}}, "model.uri", "model_mirrors"),
    ({}, {"model": {"uri": "s3://models/iris.onnx", "sha256": "a" * 64}}, "model.uri", "model_mirrors"),
    # Who may call, and whence.
    ({}, {"security": {"auth": {"kind": "api_key"}}}, "security.auth.kind", "platform, none"),
    (
        {},
        {"security": {"auth": {"kind": "jwt", "issuer": "https://a.example.com", "audience": "b"}}},
        "security.auth.kind",
        "IAM asks every caller",
    ),
    ({}, {"security": {"auth": {"kind": "none"}}}, "security.auth.kind", "private network"),
    ({}, {"security": {"invokers": ["shop@example.com"]}}, "security.invokers[0]", "user:shop@example.com"),
    ({}, {"security": {"invokers": [CALLER, "projectOwner:shop"]}}, "security.invokers[1]", "one member"),
    ({}, {"security": NAMED}, "security.tls.domain", "load_balancer"),
    (BALANCED, {}, "security.tls.domain", "the host name"),
    (BALANCED, {"security": {**OPEN, **NAMED}}, "target.ingress", "internal with security.network.public"),
    ({}, {"security": {"tls": {"min_version": "1.3"}}}, "security.tls.min_version", "1.2"),
    ({}, {"security": {"network": {"egress": []}}}, "security.network.egress", "target.vpc"),
    (
        {"vpc": {"subnetwork": "projects/host-net/regions/us-east4/subnetworks/shop"}},
        {},
        "target.vpc.subnetwork",
        "in europe-west4",
    ),
    # Keys and accounts of other places.
    (
        {},
        {"security": {"key": KEY.replace("europe-west4", "us-east4")}},
        "security.key",
        "in location europe-west4",
    ),
    ({}, {"security": {"key": f"{KEY}/cryptoKeyVersions/1"}}, "security.key", "Versions of a key"),
    ({}, {"security": {"key": KEY.replace(PLACE.project, PLACE.number)}}, "security.key", "by its id"),
    (
        {},
        {"security": {"identity": "123456789012-compute@developer.gserviceaccount.com"}},
        "security.identity",
        "default account",
    ),
    (
        {},
        {"security": {"identity": "iris@other-prod.iam.gserviceaccount.com"}},
        "security.identity",
        "of shop-prod",
    ),
    # Rollouts.
    ({}, {"rollout": CANARY}, "target.previous_revision", "`revision`"),
    (
        {"previous_revision": PREVIOUS_REVISION},
        {},
        "target.previous_revision",
        "nothing without rollout.previous",
    ),
    (
        {"previous_revision": PREVIOUS_REVISION},
        {"rollout": {**CANARY, "previous": REMOTE}},
        "rollout.previous",
        "another model",
    ),
    (
        {"previous_revision": PREVIOUS_REVISION},
        {"rollout": {**CANARY, "header": {}}},
        "rollout.header",
        "by percentage only",
    ),
    ({}, {"rollout": {"strategy": "shadow"}}, "rollout.strategy", "rolling, canary, blue_green"),
    ({}, {"rollout": {"strategy": "blue_green", "bake": "1h"}}, "rollout.bake", "rollout.previous"),
    ({}, {"variants": {"cheap": {"model": REMOTE, "weight": 10}}}, "variants", "one revision"),
    # Watching.
    ({}, {"budget": {"monthly_usd": 10}}, "target.billing_account", "gcloud billing projects describe"),
    ({}, {"monitoring": {"logs": {"retention_days": 3651}}}, "monitoring.logs.retention_days", "1 to 3650"),
    (
        {},
        {"monitoring": {"alerts": {"notify": ["arn:aws:sns:eu-central-1:123456789012:x"]}}},
        "monitoring.alerts.notify[0]",
        "https webhook",
    ),
    ({}, {"monitoring": {"metrics": False}}, "monitoring.metrics", "Cloud Monitoring counts"),
    ({}, {"monitoring": {"tracing": {}}}, "monitoring.tracing", "Cloud Trace"),
    (BY_INSTANCES, {"monitoring": {"capture": {}}}, "target.capture", "gs://BUCKET/PREFIX"),
    ({"capture": "gs://samples/iris"}, {"monitoring": {"capture": {}}}, "target.billing", "no processor"),
    ({"capture": "gs://samples/iris"}, {}, "target.capture", "nothing without monitoring.capture"),
    (
        SAMPLES,
        {"monitoring": {"capture": {"hash_fields": ["a"]}}},
        "target.capture_hash_key",
        "a secret in Secret Manager",
    ),
    (
        {**SAMPLES, "capture_hash_key": SECRET},
        {"monitoring": {"capture": {}}},
        "target.capture_hash_key",
        "hash_fields",
    ),
    (
        SAMPLES,
        {"monitoring": {"capture": {"drop_fields": ["a,b"]}}},
        "monitoring.capture.drop_fields[0]",
        "without a comma",
    ),
    (
        SAMPLES,
        {"monitoring": {"capture": {"retention_days": 7}}},
        "monitoring.capture.retention_days",
        "lifecycle",
    ),
]


def found(target: dict[str, Any] | None = None, **spec: Any) -> dict[str, Problem]:
    args = mode(target, **spec).args
    problems = check(args.spec, args.target, has_image="image" in spec)
    return {problem.path: problem for problem in problems}


def test_every_room_with_rules_is_asked() -> None:
    within = f"{rooms.__name__}."
    names = {one.name for one in pkgutil.iter_modules(rooms.__path__, within)}
    modules = {name: import_module(name) for name in names}
    with_rules = {name for name, module in modules.items() if "problems" in getattr(module, "__all__", ())}
    asked = {module.__name__ for module in checks._ROOMS}
    assert with_rules == {name for name in asked if name.startswith(within)} | {f"{within}service"}
    assert len(with_rules) == 13


@pytest.mark.parametrize(("target", "spec", "path", "words"), BAD)
def test_what_cannot_be_had_is_refused(
    target: dict[str, Any], spec: dict[str, Any], path: str, words: str
) -> None:
    problems = found(target, **spec)
    assert path in problems, problems
    assert words in str(problems[path])


def test_every_kind_of_bad_input_is_there() -> None:
    paths = {path.partition("[")[0] for _, _, path, _ in BAD}
    assert len(BAD) == 65
    assert len(paths) == 47
    assert not found()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("project", "123456789012", "belongs into `project_number`"),
        ("project_number", "shop-prod", "belongs into `project`"),
        ("region", "europe", "such as europe-west4"),
        ("image", "europe-west4-docker.pkg.dev/shop-prod/models/server:1", "digest"),
        ("previous_revision", "iris_1", "gcloud run revisions list"),
        ("binary_authorization", "signed", "platforms/cloudRun/policies/NAME"),
        ("capture_hash_key", f"{SECRET}/versions/1", "without a version"),
        ("ingress", "all", "load_balancer"),
        ("restart", -1, "0"),
        ("scaling", {}, "scaling"),
    ],
)
def test_a_target_that_cannot_be_written(field: str, value: Any, words: str) -> None:
    fields = {"project": PLACE.project, "project_number": PLACE.number, "region": PLACE.region, field: value}
    with pytest.raises(SpecError) as refused:
        parse(CloudRunTarget, fields)
    assert field in str(refused.value)
    assert words in str(refused.value)


def test_shares_that_are_not_the_whole_cannot_be_written() -> None:
    """No field holds a share of the traffic: the steps of a rollout do, and the rest is the other's."""
    shares = [name for name in CloudRunTarget.model_fields if "traffic" in name or "percent" in name]
    assert shares == []
    with pytest.raises(pulumi.RunError, match=r"steps\[1\].percent"):
        CloudRunEndpointArgs.parse(
            mode(rollout={**CANARY, "steps": [{"percent": 60}, {"percent": 60}]}).config
        )
