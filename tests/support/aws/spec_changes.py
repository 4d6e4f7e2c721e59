"""One change for each field of a spec that some kind of endpoint in AWS honours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from support import aws_plans, aws_sagemaker
from support.aws.change import Change, at, merged, one
from support.aws_blocks import PLACE

__all__ = ["CANARY", "OTHER_IMAGE", "SPEC", "TOLD_MORE"]

_COMMIT: Final = "0123456789abcdef0123456789abcdef01234567"
OTHER_IMAGE: Final = aws_plans.IMAGE.replace("1" * 64, "2" * 64)
_KEY: Final = f"arn:aws:kms:{PLACE.region}:{PLACE.account}:key/11111111-2222-3333-4444-555555555555"
CANARY: Final = {"rollout": {"strategy": "canary", "previous": aws_plans.PREVIOUS, "step": 1}}
_GUARDED: Final = merged(CANARY, {"rollout": {"guard": {"max_error_percent": 1, "max_latency_p99": "400ms"}}})
_BLUE_GREEN: Final = {"rollout": {"strategy": "blue_green", "previous": aws_plans.PREVIOUS}}
_SCALED: Final = {"scaling": {"min": 2, "max": 20, "target": 32}}
_CUSTOM: Final = {"runtime": {"engine": "custom", "image": aws_plans.IMAGE}, "model": {"format": "custom"}}
TOLD_MORE: Final = merged(_CUSTOM, {"runtime": {"args": ["--quiet"]}})
_BATCHED: Final = {"runtime": {"batching": {"max_size": 16}}}
_TWO: Final = {"scaling": {"min": 2, "max": 10}}
_FOUR: Final = {"scaling": {"min": 4, "max": 10}}
_GPU: Final = aws_sagemaker.GPU
_BY_ITSELF: Final = merged(_GPU, {"resources": {"gpu": None}})
_SHADOW: Final = {"rollout": {"strategy": "shadow", "percent": 10, "previous": aws_plans.PREVIOUS}}
_OTHERS: Final = {**_TWO, "variants": {"cheap": {"model": aws_plans.PREVIOUS, "weight": 30}}}
_HUB: Final = {"model": {"uri": "hf://org/name/model.onnx", "sha256": "a" * 64, "revision": _COMMIT}}
_FROM_HUB: Final = merged(CANARY, {"rollout": {"previous": _HUB["model"]}})
_FROM_OWN: Final = merged(merged(_CUSTOM, CANARY), {"rollout": {"previous": {"format": "custom"}}})
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

SPEC: Final[Mapping[str, Change]] = dict(
    [
        one("name", "rose"),
        one("model.uri", "s3://models/iris/4.onnx"),
        one("model.revision", _COMMIT[::-1], _HUB),
        one("model.sha256", "c" * 64),
        one("model.format", "onnx", _CUSTOM),
        one("model.version", "4"),
        one("runtime.engine", "custom", {"runtime": {"image": aws_plans.IMAGE}}),
        one("runtime.image", OTHER_IMAGE, {"runtime": {"image": aws_plans.IMAGE}}),
        one("runtime.threads", 2),
        one("runtime.args", ["--loud"], TOLD_MORE),
        one("runtime.batching", {}),
        one("runtime.batching.max_size", 8, _BATCHED),
        one("runtime.batching.max_delay", "10ms", _BATCHED),
        one("resources.cpu", 2),
        one("resources.memory", "4Gi"),
        one("resources.gpu", {"kind": "a10g"}, _BY_ITSELF),
        one("resources.gpu.kind", "l4", _GPU),
        one("resources.gpu.count", 4, _GPU),
        one("resources.gpu.memory_min", "20Gi", _GPU),
        one("scaling.min", 3, _SCALED),
        one("scaling.max", 30, _SCALED),
        one("scaling.target", 16, _SCALED),
        one("scaling.metric", "cpu", {"scaling": {"min": 2, "max": 20}}),
        one("scaling.cooldown", "10m", _SCALED),
        ("rollout.strategy", Change(_BLUE_GREEN)),
        ("rollout.previous", Change(CANARY)),
        one("rollout.previous.uri", "s3://models/iris/1.onnx", CANARY),
        one("rollout.previous.revision", _COMMIT[::-1], _FROM_HUB),
        one("rollout.previous.sha256", "d" * 64, CANARY),
        one("rollout.previous.format", "onnx", _FROM_OWN),
        one("rollout.previous.version", "1", CANARY),
        one("rollout.steps", [{"percent": 20}, {"percent": 60}], CANARY),
        one("rollout.step", 2, CANARY),
        one("rollout.guard.max_error_percent", 2, _GUARDED),
        one("rollout.guard.max_latency_p99", "500ms", _GUARDED),
        one("rollout.max_surge", "50%", {**_FOUR, "rollout": {"strategy": "rolling"}}),
        one("rollout.bake", "30m", {"rollout": {"strategy": "blue_green"}}),
        one("rollout.percent", 20, _SHADOW),
        one("rollout.promoted", True, _SHADOW),
        one("rollout.active", "previous", _BLUE_GREEN),
        one("variants", _OTHERS["variants"], _TWO),
        *(
            (f"variants.*.{path}", Change({"variants": {"cheap": at(path, value)}}, _OTHERS))
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
        one("security.identity", f"arn:aws:iam::{PLACE.account}:role/iris"),
        one("security.invokers", [aws_plans.ROLE]),
        one("security.key", _KEY),
        one("security.network.public", True),
        one("security.network.egress", []),
        ("security.auth.kind", Change({"security": {"auth": _SIGNED}}, _TOKENS)),
        one("security.auth.issuer", "https://sign-in.example.com", _TOKENS),
        one("security.auth.audience", "rose", _TOKENS),
        one("security.tls.domain", "rose.example.com", _DOMAIN),
        one("security.tls.certificate", f"{_CERTIFICATE}2", _DOMAIN),
        one("limits.max_body", "2Mi"),
        one("limits.timeout", "20s"),
        one("limits.concurrency", 128, _SCALED),
        one("limits.requests_per_second", 50, _TOKENS),
        one("limits.startup_timeout", "2m"),
        one("load.requests_per_month", 1_000_000),
        one("load.request_time", "20ms"),
        ("budget", Change(_BUDGET)),
        one("budget.monthly_usd", 200, _BUDGET),
        one("budget.alert_percent", 50, {**_BUDGET, **_TOLD}),
        one("monitoring.logs.retention_days", 90),
        one("monitoring.metrics", False, {"security": aws_plans.PUBLIC}),
        one("monitoring.tracing", {}),
        one("monitoring.slo", {}),
        one("monitoring.slo.availability", 99.9, _PROMISED),
        one("monitoring.slo.latency_p99", "200ms", _PROMISED),
        one("monitoring.slo.window_days", 7, _PROMISED),
        one("monitoring.alerts.notify", ["mailto:oncall@example.com"]),
        one("labels", {"team": "plants"}),
        one("protect", True),
    ]
)  # fmt: skip
