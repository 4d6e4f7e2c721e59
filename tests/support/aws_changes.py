"""One change for each field of a spec and of a target in AWS: what is changed, and what it is changed in.

A field that is missing here and that a kind of endpoint honours fails the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from modelberth.capability_table import load
from modelberth.spec import EksTarget, EndpointSpec, KubernetesTarget
from modelberth.spec.aws import AwsTarget, LambdaTarget
from modelberth.spec.sagemaker import SageMakerTarget
from modelberth.spec.shape import leaves
from support import aws_eks, aws_plans, aws_sagemaker
from support.aws_blocks import PLACE

__all__ = ["KINDS", "UNCHANGED", "Change", "Kind", "fields", "merged"]

Config = Mapping[str, Any]


def merged(config: Config, change: Config) -> dict[str, Any]:
    """Lay fields over a config, part by part; one that is None is taken out."""
    joined = {**config}
    for key, value in change.items():
        below = joined.get(key)
        is_part = isinstance(value, Mapping) and isinstance(below, Mapping)
        joined[key] = merged(below, value) if is_part else value
    return {key: value for key, value in joined.items() if value is not None}


_COMMIT: Final = "0123456789abcdef0123456789abcdef01234567"
_OTHER_IMAGE: Final = aws_plans.IMAGE.replace("1" * 64, "2" * 64)
_KEY: Final = f"arn:aws:kms:{PLACE.region}:{PLACE.account}:key/11111111-2222-3333-4444-555555555555"
_CANARY: Final = {"rollout": {"strategy": "canary", "previous": aws_plans.PREVIOUS, "step": 1}}
_GUARDED: Final = merged(
    _CANARY, {"rollout": {"guard": {"max_error_percent": 1, "max_latency_p99": "400ms"}}}
)
_BLUE_GREEN: Final = {"rollout": {"strategy": "blue_green", "previous": aws_plans.PREVIOUS}}
_SCALED: Final = {"scaling": {"min": 2, "max": 20, "target": 32}}
_CUSTOM: Final = {"runtime": {"engine": "custom", "image": aws_plans.IMAGE}, "model": {"format": "custom"}}
_TOLD_MORE: Final = merged(_CUSTOM, {"runtime": {"args": ["--quiet"]}})
_BATCHED: Final = {"runtime": {"batching": {"max_size": 16}}}
_TWO: Final = {"scaling": {"min": 2, "max": 10}}
_FOUR: Final = {"scaling": {"min": 4, "max": 10}}
_GPU: Final = aws_sagemaker.GPU
_BY_ITSELF: Final = merged(_GPU, {"resources": {"gpu": None}})
_SHADOW: Final = {"rollout": {"strategy": "shadow", "percent": 10, "previous": aws_plans.PREVIOUS}}
_OTHERS: Final = {**_TWO, "variants": {"cheap": {"model": aws_plans.PREVIOUS, "weight": 30}}}
_HUB: Final = {"model": {"uri": "hf://org/name/model.onnx", "sha256": "a" * 64, "revision": _COMMIT}}
_FROM_HUB: Final = merged(_CANARY, {"rollout": {"previous": _HUB["model"]}})
_FROM_OWN: Final = merged(merged(_CUSTOM, _CANARY), {"rollout": {"previous": {"format": "custom"}}})
_TOKENS: Final = {"security": aws_plans.TOKENS}
_CERTIFICATE: Final = f"arn:aws:acm:{PLACE.region}:{PLACE.account}:certificate/1"
_DOMAIN: Final = {
    "security": {
        **aws_plans.TOKENS,
        "tls": {
            "domain": "iris.example.com",
            "certificate": f"arn:aws:acm:{PLACE.region}:{PLACE.account}:certificate/1",
        },
    }
}
_SIGNED: Final = {"kind": "platform", "issuer": None, "audience": None}
_PROMISED: Final = {"monitoring": {"slo": {"availability": 99.5, "latency_p99": "300ms"}}}
_BUDGET: Final = {"budget": {"monthly_usd": 100}}
_TOLD: Final = {"monitoring": {"alerts": {"notify": ["mailto:oncall@example.com"]}}}


@dataclass(frozen=True)
class Change:
    """Fields over a kind's smallest config before an update, and those that are other in it."""

    after: Config
    before: Config = field(default_factory=dict)


def _at(path: str, value: object) -> dict[str, Any]:
    first, _, rest = path.partition(".")
    return {first: _at(rest, value) if rest else value}


def _one(path: str, value: object, before: Config | None = None) -> tuple[str, Change]:
    return path, Change(_at(path, value), before or {})


_SPEC: Final[Mapping[str, Change]] = dict(
    [
        _one("name", "rose"),
        _one("model.uri", "s3://models/iris/4.onnx"),
        _one("model.revision", _COMMIT[::-1], _HUB),
        _one("model.sha256", "c" * 64),
        _one("model.format", "onnx", _CUSTOM),
        _one("model.version", "4"),
        _one("runtime.engine", "custom", {"runtime": {"image": aws_plans.IMAGE}}),
        _one("runtime.image", _OTHER_IMAGE, {"runtime": {"image": aws_plans.IMAGE}}),
        _one("runtime.threads", 2),
        _one("runtime.args", ["--loud"], _TOLD_MORE),
        _one("runtime.batching", {}),
        _one("runtime.batching.max_size", 8, _BATCHED),
        _one("runtime.batching.max_delay", "10ms", _BATCHED),
        _one("resources.cpu", 2),
        _one("resources.memory", "4Gi"),
        _one("resources.gpu", {"kind": "a10g"}, _BY_ITSELF),
        _one("resources.gpu.kind", "l4", _GPU),
        _one("resources.gpu.count", 4, _GPU),
        _one("resources.gpu.memory_min", "20Gi", _GPU),
        _one("scaling.min", 3, _SCALED),
        _one("scaling.max", 30, _SCALED),
        _one("scaling.target", 16, _SCALED),
        _one("scaling.metric", "cpu", {"scaling": {"min": 2, "max": 20}}),
        _one("scaling.cooldown", "10m", _SCALED),
        ("rollout.strategy", Change(_BLUE_GREEN)),
        ("rollout.previous", Change(_CANARY)),
        _one("rollout.previous.uri", "s3://models/iris/1.onnx", _CANARY),
        _one("rollout.previous.revision", _COMMIT[::-1], _FROM_HUB),
        _one("rollout.previous.sha256", "d" * 64, _CANARY),
        _one("rollout.previous.format", "onnx", _FROM_OWN),
        _one("rollout.previous.version", "1", _CANARY),
        _one("rollout.steps", [{"percent": 20}, {"percent": 60}], _CANARY),
        _one("rollout.step", 2, _CANARY),
        _one("rollout.guard.max_error_percent", 2, _GUARDED),
        _one("rollout.guard.max_latency_p99", "500ms", _GUARDED),
        _one("rollout.max_surge", "50%", {**_FOUR, "rollout": {"strategy": "rolling"}}),
        _one("rollout.bake", "30m", {"rollout": {"strategy": "blue_green"}}),
        _one("rollout.percent", 20, _SHADOW),
        _one("rollout.promoted", True, _SHADOW),
        _one("rollout.active", "previous", _BLUE_GREEN),
        _one("variants", _OTHERS["variants"], _TWO),
        *(
            (f"variants.*.{path}", Change({"variants": {"cheap": _at(path, value)}}, _OTHERS))
            for path, value in (
                ("model.uri", "s3://models/iris/1.onnx"),
                ("model.sha256", "d" * 64),
                ("model.version", "1"),
                ("weight", 40),
                ("shadow", True),
            )
        ),
        (
            "variants.*.model.revision",
            Change(
                {"variants": {"cheap": {"model": {"revision": _COMMIT[::-1]}}}},
                merged(_OTHERS, {"variants": {"cheap": _HUB}}),
            ),
        ),
        (
            "variants.*.model.format",
            Change(
                {"variants": {"cheap": {"model": {"format": "onnx"}}}},
                merged(merged(_CUSTOM, _OTHERS), {"variants": {"cheap": {"model": {"format": "custom"}}}}),
            ),
        ),
        _one("security.identity", f"arn:aws:iam::{PLACE.account}:role/iris"),
        _one("security.invokers", [aws_plans.ROLE]),
        _one("security.key", _KEY),
        _one("security.network.public", True),
        _one("security.network.egress", []),
        ("security.auth.kind", Change({"security": {"auth": _SIGNED}}, _TOKENS)),
        _one("security.auth.issuer", "https://sign-in.example.com", _TOKENS),
        _one("security.auth.audience", "rose", _TOKENS),
        _one("security.tls.domain", "rose.example.com", _DOMAIN),
        _one("security.tls.certificate", f"{_CERTIFICATE}2", _DOMAIN),
        _one("limits.max_body", "2Mi"),
        _one("limits.timeout", "20s"),
        _one("limits.concurrency", 128, _SCALED),
        _one("limits.requests_per_second", 50, _TOKENS),
        _one("limits.startup_timeout", "2m"),
        _one("load.requests_per_month", 1_000_000),
        _one("load.request_time", "20ms"),
        ("budget", Change(_BUDGET)),
        _one("budget.monthly_usd", 200, _BUDGET),
        _one("budget.alert_percent", 50, {**_BUDGET, **_TOLD}),
        _one("monitoring.logs.retention_days", 90),
        _one("monitoring.metrics", False, {"security": aws_plans.PUBLIC}),
        _one("monitoring.tracing", {}),
        _one("monitoring.slo", {}),
        _one("monitoring.slo.availability", 99.9, _PROMISED),
        _one("monitoring.slo.latency_p99", "200ms", _PROMISED),
        _one("monitoring.slo.window_days", 7, _PROMISED),
        _one("monitoring.alerts.notify", ["mailto:oncall@example.com"]),
        _one("labels", {"team": "plants"}),
        _one("protect", True),
    ]
)  # fmt: skip

_VPC: Final = {"target": {"vpc": aws_plans.VPC}}
_URL: Final = {"security": aws_plans.PUBLIC, "target": {"front": {"kind": "function_url"}}}
_API: Final = {"security": aws_plans.PUBLIC, "target": {"front": {"kind": "http_api"}}}
_OTHER_VPC: Final = [f"{one[:-1]}f" for one in aws_plans.VPC["subnets"]]

_LAMBDA: Final[Mapping[str, Change]] = dict(
    [
        # AWS keeps no environments warm behind an alias with weights.
        ("rollout.previous", Change(_CANARY, {"scaling": {"min": 0}})),
        _one("target.architecture", "x86_64"),
        _one("target.image", _OTHER_IMAGE),
        _one("target.previous_version", "6", _CANARY),
        ("target.front", Change({"target": {"front": {"kind": "http_api"}}}, {"security": aws_plans.PUBLIC})),
        _one("target.front.streaming", True, merged(_URL, _TOLD_MORE)),
        _one("target.front.burst", 50, _API),
        _one("target.vpc", aws_plans.VPC),
        _one("target.vpc.subnets", _OTHER_VPC, _VPC),
        _one("target.vpc.security_groups", ["sg-0123456789abcdeff"], _VPC),
        _one("target.ephemeral_storage", "2Gi"),
    ]
)


_REAL_TIME: Final = {"target": {"mode": {"kind": "real_time"}}}
_COMPONENTS: Final = {"target": aws_sagemaker.COMPONENTS}
_ASYNC: Final = {"target": aws_sagemaker.ASYNC}
_TOPIC: Final = f"arn:aws:sns:{PLACE.region}:{PLACE.account}:done"
_IN_IMAGE: Final = {
    "model": {**aws_sagemaker.IN_IMAGE, "version": "3"},
    "rollout": {"strategy": "canary", "previous": {"uri": "models/old.onnx", "sha256": "b" * 64}},
    "target": {"previous_image": _OTHER_IMAGE},
}
_CAPTURED: Final = {"target": {"capture": "s3://samples/iris"}, "monitoring": {"capture": {"percent": 5.0}}}

_SAGEMAKER: Final[Mapping[str, Change]] = dict(
    [
        ("target.mode", Change({"target": aws_sagemaker.SERVERLESS})),
        _one("resources.memory", "32Gi"),
        _one("target.mode.instance_type", "ml.m8g.large", _REAL_TIME),
        _one("target.mode.inference_components", {}, _REAL_TIME),
        _one("target.mode.inference_components.max_instances", 2, _COMPONENTS),
        _one("target.mode.input", "s3://shop-requests/rose", _ASYNC),
        _one("target.mode.output", "s3://shop-answers/rose/", _ASYNC),
        _one("target.mode.success_topic", _TOPIC, _ASYNC),
        _one("target.mode.error_topic", _TOPIC, _ASYNC),
        _one("target.image", _OTHER_IMAGE),
        _one("target.previous_image", aws_sagemaker.OTHER_IMAGE, _IN_IMAGE),
        _one("target.vpc", aws_plans.VPC),
        _one("target.vpc.subnets", _OTHER_VPC, _VPC),
        _one("target.vpc.security_groups", ["sg-0123456789abcdeff"], _VPC),
        _one("target.capture", "s3://samples/rose", _CAPTURED),
        ("monitoring.capture", Change(_CAPTURED)),
        _one("monitoring.capture.percent", 10.0, _CAPTURED),
    ]
)


_NEW: Final = {"target": {"cluster": {**aws_eks.NEW, "name": None}}}
_MANAGED: Final = {"target": {"cluster": {**aws_eks.MANAGED, "name": None}}}
_WITH_GPUS: Final = {**aws_eks.GPU, "target": {**aws_eks.WATCHED}}
_POOL: Final = merged(_WITH_GPUS, {"target": {"gpu_pool": aws_eks.POOL}})
_OWN: Final = merged(_WITH_GPUS, {"target": {"gpu_pool": aws_eks.OWN}})
_ON_DEMAND: Final = {"spot": False, "on_demand_gpus": None}
_GROUP: Final = merged(_WITH_GPUS, {"target": {"gpu_pool": {**aws_eks.GROUP_POOL, "max": 3}}})
_ADMINISTRATORS: Final = [aws_eks.ADMINISTRATOR, f"arn:aws:iam::{PLACE.account}:role/operators"]
_THIRD: Final = [*aws_eks.SUBNETS, "subnet-0123456789abcdef2"]
_PUBLIC: Final = ["198.51.100.0/24"]


def _in(part: str, before: Config, **fields: object) -> list[tuple[str, Change]]:
    return [_one(f"target.{part}.{name}", value, before) for name, value in fields.items()]


_EKS: Final[Mapping[str, Change]] = dict(
    [
        *_in("cluster", _NEW, version="1.34", subnets=_THIRD, administrators=_ADMINISTRATORS),
        *_in("cluster", _NEW, public_access=_PUBLIC, log_retention_days=400, deletion_protection=False),
        ("target.cluster.capacity", Change({"target": {"cluster": aws_eks.MANAGED}}, _NEW)),
        *_in("cluster.capacity", _MANAGED, instance_types=["m8i.large"], min=3, max=6, disk="80Gi"),
        *_in("cluster.capacity", _MANAGED, ami_type="BOTTLEROCKET_x86_64"),
        _one("target.gpu_pool", aws_eks.POOL, _WITH_GPUS),
        *_in("gpu_pool", _POOL, gpus=8, instance_types=["g6.2xlarge"], on_demand_gpus=2),
        _one("target.gpu_pool.spot", True, merged(_POOL, {"target": {"gpu_pool": _ON_DEMAND}})),
        *_in("gpu_pool", _POOL, idle="30m", lifetime="48h", disk="200Gi", own=aws_eks.OWN["own"]),
        *_in("gpu_pool.own", _OWN, role="other-nodes", ami="al2023@v20261115"),
        *_in("gpu_pool", _GROUP, min=2, max=4, ami_type="AL2023_x86_64_NVIDIA"),
        *_in("gpu_pool", _GROUP, role=f"arn:aws:iam::{PLACE.account}:role/nodes"),
    ]
)
_AROUND: Final = ("name", "model.uri", "security.identity", "labels", "protect")
"""What of the spec is more than pods; the rest is a change of Kubernetes' objects, as in any cluster.

`security.key` is not: a cluster that is made here is encrypted with it, so another is made (tests/engine/aws).
"""


def _of_function(config: Config) -> dict[str, Any]:
    """With what a rollout needs: the version that it comes from, and nothing kept warm in a canary."""
    rollout = config.get("rollout", {})
    if "previous" not in rollout:
        return dict(config)
    cold = {"scaling": {"min": 0}} if rollout["strategy"] == "canary" else {}
    return merged({"target": {"previous_version": "7"}, **cold}, config)


@dataclass(frozen=True)
class Kind:
    """A kind of endpoint.

    Attributes:
        smallest: its smallest config
        target: the class of its target
        changes: one for each field of the target, and those of the spec that are other than elsewhere
        completed: adds what this kind needs beside the fields of the spec
        only: fields of the spec that are changed; None: all that the kind honours

    """

    smallest: Config
    target: type[AwsTarget]
    changes: Mapping[str, Change]
    completed: Callable[[Config], dict[str, Any]] = dict
    only: tuple[str, ...] | None = None

    def configs(self, path: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The config before and after the change of a field."""
        change = self.changes.get(path) or _SPEC[path]
        before = merged(self.smallest, change.before)
        return self.completed(before), self.completed(merged(before, change.after))


KINDS: Final[Mapping[str, Kind]] = {
    "lambda": Kind(aws_plans.mode().config, LambdaTarget, _LAMBDA, _of_function),
    "sagemaker": Kind(aws_sagemaker.mode().config, SageMakerTarget, _SAGEMAKER),
    "eks": Kind(aws_eks.config(), EksTarget, _EKS, only=_AROUND),
}

UNCHANGED: Final[Mapping[str, str]] = {
    "target.kind": "another kind is another component",
    "target.account": "another account has another provider: everything is made there, and deleted here",
    "target.region": "another region has another provider: everything is made there, and deleted here",
    "target.front.kind": "a change of target.front",
    "target.mode.kind": "a change of target.mode",
    "target.cluster.kind": "a change of target.cluster",
    "target.cluster.capacity.kind": "a change of target.cluster.capacity",
    "target.cluster": "another cluster has another provider: all in it is made there (tests/engine/aws)",
    "target.cluster.name": "another cluster has another provider: all in it is made there",
    "target.gpu_pool.kind": "another pool is a change of target.gpu_pool",
}
"""Fields that have no change of their own, and why."""


def fields(kind: str) -> Iterator[str]:
    """Every field that can be changed in an endpoint of a kind, in the order of the spec."""
    own, table = KINDS[kind], load()[kind]
    for leaf in leaves(EndpointSpec):
        row = table.row(leaf.path)
        if own.only is not None and leaf.path not in own.only:
            continue
        if row is not None and not row.is_refused and len(row.values) != 1:
            yield leaf.path
    # What pods in any cluster have is no part of a target in AWS.
    shared = {leaf.path for leaf in leaves(KubernetesTarget, "target.")} if own.target is EksTarget else set()
    every = [leaf.path for leaf in leaves(own.target, "target.") if leaf.path not in {*UNCHANGED, *shared}]
    yield from dict.fromkeys([*every, *(path for path in own.changes if path.startswith("target."))])
