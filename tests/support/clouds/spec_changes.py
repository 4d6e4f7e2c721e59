"""One change for each field of a spec that some kind of endpoint in a cloud honours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from support.clouds.change import Change, Config, at, merged, one

__all__ = ["Words"]

_COMMIT: Final = "0123456789abcdef0123456789abcdef01234567"
_HUB: Final = {"model": {"uri": "hf://org/name/model.onnx", "sha256": "a" * 64, "revision": _COMMIT}}
_SCALED: Final = {"scaling": {"min": 2, "max": 20, "target": 32}}
_BATCHED: Final = {"runtime": {"batching": {"max_size": 16}}}
_TWO: Final = {"scaling": {"min": 2, "max": 10}}
_FOUR: Final = {"scaling": {"min": 4, "max": 10}}
_SIGNED: Final = {"kind": "platform", "issuer": None, "audience": None}
_PROMISED: Final = {"monitoring": {"slo": {"availability": 99.5, "latency_p99": "300ms"}}}
_BUDGET: Final = {"budget": {"monthly_usd": 100}}
_TOLD: Final = {"monitoring": {"alerts": {"notify": ["mailto:oncall@example.com"]}}}


@dataclass(frozen=True)
class Words:
    """What of a spec each cloud calls by names of its own.

    Attributes:
        models: folder of the models, such as s3://models/iris
        image: of a server
        other_image: of another one
        identity: that replicas run as
        invoker: that may call
        key: that encrypts
        tokens: `security` of an endpoint that takes tokens
        public: `security` of one that is public
        certificate: of an endpoint with a name of its own
        other_certificate: of the same
        gpu: fields of an endpoint with a GPU

    """

    models: str
    image: str
    other_image: str
    identity: str
    invoker: str
    key: str
    tokens: Config
    public: Config
    certificate: str
    other_certificate: str
    gpu: Config

    @property
    def previous(self) -> dict[str, Any]:
        """The model before."""
        return {"uri": f"{self.models}/2.onnx", "sha256": "b" * 64, "version": "2"}

    @property
    def canary(self) -> dict[str, Any]:
        """A canary in its first step after the beginning."""
        return {"rollout": {"strategy": "canary", "previous": self.previous, "step": 1}}

    @property
    def own_server(self) -> dict[str, Any]:
        """An endpoint whose server is the team's own."""
        return {"runtime": {"engine": "custom", "image": self.image}, "model": {"format": "custom"}}

    @property
    def told_more(self) -> dict[str, Any]:
        """A server of the team's own that is given an argument."""
        return merged(self.own_server, {"runtime": {"args": ["--quiet"]}})

    def changes(self) -> Mapping[str, Change]:
        """Return a change for each field."""
        canary, custom = self.canary, self.own_server
        guarded = merged(canary, {"rollout": {"guard": {"max_error_percent": 1, "max_latency_p99": "400ms"}}})
        blue_green = {"rollout": {"strategy": "blue_green", "previous": self.previous}}
        by_itself = merged(self.gpu, {"resources": {"gpu": None}})
        shadow = {"rollout": {"strategy": "shadow", "percent": 10, "previous": self.previous}}
        others = {**_TWO, "variants": {"cheap": {"model": self.previous, "weight": 30}}}
        from_hub = merged(canary, {"rollout": {"previous": _HUB["model"]}})
        from_own = merged(merged(custom, canary), {"rollout": {"previous": {"format": "custom"}}})
        tokens = {"security": self.tokens}
        tls = {"domain": "iris.example.com", "certificate": self.certificate}
        domain = {"security": {**self.tokens, "tls": tls}}
        return dict(
            [
                one("name", "rose"),
                one("model.uri", f"{self.models}/4.onnx"),
                one("model.revision", _COMMIT[::-1], _HUB),
                one("model.sha256", "c" * 64),
                one("model.format", "onnx", custom),
                one("model.version", "4"),
                one("runtime.engine", "custom", {"runtime": {"image": self.image}}),
                one("runtime.image", self.other_image, {"runtime": {"image": self.image}}),
                one("runtime.threads", 2),
                one("runtime.args", ["--loud"], self.told_more),
                one("runtime.batching", {}),
                one("runtime.batching.max_size", 8, _BATCHED),
                one("runtime.batching.max_delay", "10ms", _BATCHED),
                one("resources.cpu", 2),
                one("resources.memory", "4Gi"),
                one("resources.gpu", {"kind": "a10g"}, by_itself),
                one("resources.gpu.kind", "l4", self.gpu),
                one("resources.gpu.count", 4, self.gpu),
                one("resources.gpu.memory_min", "20Gi", self.gpu),
                one("scaling.min", 3, _SCALED),
                one("scaling.max", 30, _SCALED),
                one("scaling.target", 16, _SCALED),
                one("scaling.metric", "cpu", {"scaling": {"min": 2, "max": 20}}),
                one("scaling.cooldown", "10m", _SCALED),
                ("rollout.strategy", Change(blue_green)),
                ("rollout.previous", Change(canary)),
                one("rollout.previous.uri", f"{self.models}/1.onnx", canary),
                one("rollout.previous.revision", _COMMIT[::-1], from_hub),
                one("rollout.previous.sha256", "d" * 64, canary),
                one("rollout.previous.format", "onnx", from_own),
                one("rollout.previous.version", "1", canary),
                one("rollout.steps", [{"percent": 20}, {"percent": 60}], canary),
                one("rollout.step", 2, canary),
                one("rollout.guard.max_error_percent", 2, guarded),
                one("rollout.guard.max_latency_p99", "500ms", guarded),
                one("rollout.max_surge", "50%", {**_FOUR, "rollout": {"strategy": "rolling"}}),
                one("rollout.bake", "30m", {"rollout": {"strategy": "blue_green"}}),
                one("rollout.percent", 20, shadow),
                one("rollout.promoted", True, shadow),
                one("rollout.active", "previous", blue_green),
                one("variants", others["variants"], _TWO),
                *(
                    (f"variants.*.{path}", Change({"variants": {"cheap": at(path, value)}}, others))
                    for path, value in (
                        ("model.uri", f"{self.models}/1.onnx"),
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
                        merged(others, {"variants": {"cheap": _HUB}}),
                    ),
                ),
                (
                    "variants.*.model.format",
                    Change(
                        {"variants": {"cheap": {"model": {"format": "onnx"}}}},
                        merged(
                            merged(custom, others),
                            {"variants": {"cheap": {"model": {"format": "custom"}}}},
                        ),
                    ),
                ),
                one("security.identity", self.identity),
                one("security.invokers", [self.invoker]),
                one("security.key", self.key),
                one("security.network.public", True),
                one("security.network.egress", []),
                ("security.auth.kind", Change({"security": {"auth": _SIGNED}}, tokens)),
                one("security.auth.issuer", "https://sign-in.example.com", tokens),
                one("security.auth.audience", "rose", tokens),
                one("security.tls.domain", "rose.example.com", domain),
                one("security.tls.certificate", self.other_certificate, domain),
                one("limits.max_body", "2Mi"),
                one("limits.timeout", "20s"),
                one("limits.concurrency", 128, _SCALED),
                one("limits.requests_per_second", 50, tokens),
                one("limits.startup_timeout", "2m"),
                one("load.requests_per_month", 1_000_000),
                one("load.request_time", "20ms"),
                ("budget", Change(_BUDGET)),
                one("budget.monthly_usd", 200, _BUDGET),
                one("budget.alert_percent", 50, {**_BUDGET, **_TOLD}),
                one("monitoring.logs.retention_days", 90),
                one("monitoring.metrics", False, {"security": self.public}),
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
