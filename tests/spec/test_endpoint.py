import json
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from modelberth import spec as room
from modelberth.errors import SpecError
from modelberth.spec import (
    Bytes,
    Canary,
    Cpu,
    Duration,
    EndpointDeployment,
    EndpointSpec,
    LocalTarget,
    ModelSource,
    Resources,
    Rolling,
    Runtime,
    Scaling,
    parse,
)
from modelberth.spec.shape import leaves, models_in, settings, tag_of
from modelberth.spec.target import Target

from .test_parse import DIGEST, spec_data

# every leaf of the spec once, with a value that is not its default
FULL: dict[str, Any] = {
    "name": "iris-classifier",
    "model": {
        "uri": "s3://models/iris/3.onnx",
        "revision": "v3Kx",
        "sha256": DIGEST,
        "format": "safetensors",
        "version": "2026.11",
    },
    "runtime": {
        "engine": "custom",
        "image": f"ghcr.io/acme/serve:1.2@sha256:{DIGEST}",
        "threads": 4,
        "args": ["--verbose"],
        "batching": {"max_size": 32, "max_delay": "10ms"},
    },
    "resources": {"cpu": "500m", "memory": "2Gi", "gpu": {"kind": "l4", "count": 2, "memory_min": "16Gi"}},
    "scaling": {
        "min": 0,
        "max": 8,
        "metric": "gpu",
        "target": 60,
        "cooldown": "1m",
        "idle_to_zero_after": "20m",
    },
    "rollout": {
        "strategy": "canary",
        "steps": [{"percent": 5, "bake": "1h"}],
        "header": {"name": "x-try", "value": "new"},
        "guard": {"max_error_percent": 0.5, "max_latency_p99": "300ms"},
        "previous": {
            "uri": "s3://models/iris/2.onnx",
            "revision": "2",
            "sha256": "b" * 64,
            "format": "savedmodel",
            "version": "2",
        },
        "step": 2,
    },
    "security": {
        "identity": "arn:aws:iam::123456789012:role/serve",
        "invokers": [],
        "key": "alias/models",
        "network": {"public": True, "egress": ["*.example.com", "10.0.0.0/8"]},
        "auth": {"kind": "jwt", "issuer": "https://login.example.com/", "audience": "iris"},
        "tls": {"min_version": "1.3", "domain": "iris.example.com", "certificate": "arn:aws:acm:x"},
    },
    "limits": {
        "max_body": "5Mi",
        "timeout": "10s",
        "concurrency": 8,
        "requests_per_second": 100,
        "startup_timeout": "10m",
    },
    "load": {"requests_per_month": 5_000_000, "request_time": "20ms"},
    "budget": {"monthly_usd": 250, "alert_percent": 90},
    "monitoring": {
        "logs": {"retention_days": 365},
        "metrics": False,
        "tracing": {"percent": 1},
        "slo": {"availability": 99.9, "latency_p99": "200ms", "window_days": 28},
        "capture": {"percent": 2, "retention_days": 7, "drop_fields": ["name"], "hash_fields": ["id"]},
        "drift": {"reference": "s3://models/iris/train.parquet", "every": "12h", "threshold_percent": 20},
        "alerts": {"notify": ["mailto:team@example.com", "https://hooks.example.com/x"]},
    },
    "labels": {"team": "vision"},
    "protect": True,
}


def test_the_smallest_spec_has_the_documented_defaults() -> None:
    spec = parse(EndpointSpec, spec_data())
    assert spec.model.uri == "file:models/iris.onnx"
    assert spec.model.scheme == "file"
    assert (spec.model.format, spec.model.version, spec.model.sha256) == ("onnx", "1", None)
    assert (spec.scaling.min, spec.scaling.max) == (1, 1)
    assert spec.resources == Resources(cpu=Cpu(1000), memory=Bytes.parse("1Gi"))
    assert spec.rollout == Rolling()
    assert spec.security.auth.kind == "platform"
    assert spec.security.network.public is False
    assert spec.security.network.egress is None
    assert spec.security.tls.min_version == "1.2"
    assert spec.limits.max_body == 2**20
    assert spec.limits.timeout == Duration.parse("30s")
    assert spec.limits.concurrency == 64
    assert spec.limits.requests_per_second is None
    assert spec.protect is False


def test_a_full_spec_survives_its_plain_form() -> None:
    spec = parse(EndpointSpec, FULL)
    assert parse(EndpointSpec, spec.model_dump()) == spec
    assert parse(EndpointSpec, json.loads(spec.model_dump_json())) == spec
    told = {setting.leaf for setting in settings(spec) if not setting.is_default}
    # what cannot stand beside the rest: other strategies, other ways to authenticate, a second traffic split
    apart = {
        "rollout.max_surge",
        "rollout.max_unavailable",
        "rollout.bake",
        "rollout.percent",
        "rollout.active",
        "rollout.promoted",
        "security.invokers",
    }
    apart |= {"security.auth.header", "security.auth.secret"}
    assert {leaf.path for leaf in leaves(EndpointSpec)} - told == apart | {
        path for leaf in leaves(EndpointSpec) if (path := leaf.path).startswith("variants")
    }
    assert len(told) == 79


@pytest.mark.parametrize("data", [spec_data(), FULL])
def test_a_spec_cannot_be_changed(data: dict[str, Any]) -> None:
    spec = parse(EndpointSpec, data)
    with pytest.raises(ValidationError, match="frozen"):
        spec.name = "other"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        spec.scaling.max = 7  # type: ignore[misc]


@pytest.mark.parametrize(
    ("given", "uri", "path"),
    [
        ("models/x.onnx", "file:models/x.onnx", "models/x.onnx"),
        ("/opt/x.onnx", "file:/opt/x.onnx", "/opt/x.onnx"),
        ("file:x.onnx", "file:x.onnx", "x.onnx"),
        ("file:///opt/x.onnx", "file:/opt/x.onnx", "/opt/x.onnx"),
        ("./a:b.onnx", "file:./a:b.onnx", "./a:b.onnx"),
        ("s3://bucket/a/b", "s3://bucket/a/b", "//bucket/a/b"),
        ("hf://org/name", "hf://org/name", "//org/name"),
        (
            "oci://registry.example/team/model",
            "oci://registry.example/team/model",
            "//registry.example/team/model",
        ),
        ("azblob://account/container/blob", "azblob://account/container/blob", "//account/container/blob"),
        ("pvc://claim/x", "pvc://claim/x", "//claim/x"),
    ],
)
def test_a_uri_is_read_into_one_form(given: str, uri: str, path: str) -> None:
    model = ModelSource(uri=given, sha256=DIGEST)
    assert model.uri == uri
    assert model.path == path
    assert ModelSource(uri=model.uri, sha256=DIGEST) == model


@pytest.mark.parametrize("digest", [DIGEST.upper(), f"sha256:{DIGEST}", f" {DIGEST} "])
def test_a_digest_is_kept_in_lower_case(digest: str) -> None:
    assert ModelSource(uri="x", sha256=digest).sha256 == DIGEST


@pytest.mark.parametrize(
    "pin", [{"revision": "8f3a"}, {"sha256": DIGEST}, {"revision": "8f3a", "sha256": DIGEST}]
)
def test_a_remote_model_needs_a_pin_of_either_kind(pin: dict[str, str]) -> None:
    assert ModelSource(uri="hf://org/name", **pin).scheme == "hf"


def test_no_egress_and_unset_egress_differ() -> None:
    unset = parse(EndpointSpec, spec_data(security={"network": {}}))
    none = parse(EndpointSpec, spec_data(security={"network": {"egress": []}}))
    assert unset.security.network.egress is None
    assert none.security.network.egress == ()
    assert unset != none


@pytest.mark.parametrize(
    ("cpu", "threads", "wanted"), [("500m", None, 1), ("1", None, 1), ("3500m", None, 3), ("8", 2, 2)]
)
def test_threads_follow_the_cores(cpu: str, threads: int | None, wanted: int) -> None:
    spec = EndpointSpec(
        name="iris",
        model=ModelSource(uri="x"),
        runtime=Runtime(threads=threads),
        resources=Resources(cpu=Cpu.parse(cpu)),
    )
    assert spec.threads == wanted


def test_parts_are_made_in_python_as_well() -> None:
    assert Canary().steps[0].percent == 10
    assert Scaling(min=2, max=2).max == 2
    with pytest.raises(ValidationError, match=r"not below scaling\.min = 3"):
        Scaling(min=3, max=2)
    with pytest.raises(SpecError):
        Bytes.parse("3 apples")


def test_a_deployment_is_a_spec_and_its_place() -> None:
    deployment = parse(EndpointDeployment, {**FULL, "target": {"kind": "local", "port": 8081}})
    assert deployment.spec == parse(EndpointSpec, FULL)
    assert deployment.target == LocalTarget(port=8081)


TARGETS: list[dict[str, Any]] = [
    {"kind": "local"},
    {"kind": "lambda", "account": "123456789012", "region": "eu-central-1"},
    {
        "kind": "sagemaker",
        "account": "123456789012",
        "region": "us-gov-west-1",
        "mode": {"kind": "real_time", "instance_type": "ml.m7i.large"},
    },
    {
        "kind": "cloud_run",
        "project": "my-project",
        "project_number": "123456789012",
        "region": "europe-west4",
    },
    {
        "kind": "vertex",
        "project": "my-project",
        "project_number": "123456789012",
        "region": "us-central1",
        "machine_type": "n1-standard-4",
    },
    {"kind": "container_apps", "resource_group": "models", "location": "westeurope"},
    {
        "kind": "azure_ml",
        "resource_group": "models",
        "location": "eastus2",
        "instance_type": "Standard_DS3_v2",
    },
    {"kind": "kubernetes", "context": "prod", "namespace": "models"},
    {
        "kind": "eks",
        "account": "123456789012",
        "region": "eu-central-1",
        "cluster": {"kind": "existing", "name": "shared"},
        "namespace": "models",
    },
    {
        "kind": "gke",
        "project": "my-project",
        "project_number": "123456789012",
        "region": "europe-west4",
        "cluster": {"kind": "existing", "name": "shared"},
        "namespace": "models",
    },
]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: str(target["kind"]))
def test_every_target_is_chosen_by_its_kind(target: dict[str, Any]) -> None:
    deployment = parse(EndpointDeployment, spec_data(target=target))
    assert deployment.target.kind == target["kind"]


def test_no_target_is_forgotten() -> None:
    kinds = [tag[1] for model in models_in(Target) if (tag := tag_of(model))]
    assert kinds == [target["kind"] for target in TARGETS]
    assert len(kinds) == 10


@pytest.mark.parametrize("model", [EndpointSpec, *models_in(Target)])
def test_every_field_says_what_it_is(model: type[BaseModel]) -> None:
    fields = {leaf.path: leaf.field.description or "" for leaf in leaves(model)}
    assert fields
    assert [path for path, description in fields.items() if not description.endswith(".")] == []


def test_the_room_exports_its_names_in_order() -> None:
    assert room.__all__ == sorted(room.__all__)
    models = {
        name
        for name in room.__all__
        if isinstance(getattr(room, name), type) and issubclass(getattr(room, name), BaseModel)
    }
    assert {model.__name__ for model in models_in(Target)} <= models
    assert len(get_args(get_args(Target)[0])) == 10
