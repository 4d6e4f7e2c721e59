"""Plans of every engine with all of their alerts."""

from typing import Any, Final

from modelberth.kubernetes.plan import Plan
from support.endpoint_plans import REMOTE, canary, plan

__all__ = ["GUARD", "PLANS"]

GUARD: Final = {"max_error_percent": 1.0, "max_latency_p99": "80ms"}
_IMAGE: Final = f"registry.example.com/server@sha256:{'2' * 64}"
_GPU: Final = {"gpu": {"kind": "l4", "count": 1}}


def _engine(name: str, model_format: str, **more: Any) -> Plan:
    model = {"uri": "s3://models/iris", "sha256": "a" * 64, "format": model_format, "version": "3"}
    return plan(model=model, runtime={"engine": name, "image": _IMAGE}, **more)


PLANS: Final = {
    "all": plan(
        target={"capture": {"uri": "s3://samples/iris"}},
        rollout=canary(1, guard=GUARD),
        scaling={"min": 1, "max": 4},
        resources={"cpu": "1"},
        monitoring={
            "slo": {"availability": 99.5, "latency_p99": "80ms"},
            "capture": {"percent": 1.0},
            "drift": {"reference": REMOTE["uri"]},
        },
    ),
    "defaults": plan(),
    "lenient": plan(monitoring={"slo": {"availability": 50.0}}),
    "one day": plan(monitoring={"slo": {"window_days": 1}}),
    "to zero": plan(scaling={"min": 0, "max": 2}),
    "shadow": plan(
        rollout={"strategy": "shadow", "previous": {**REMOTE, "sha256": "b" * 64, "version": "2"}},
        monitoring={"slo": {}},
    ),
    "vllm": _engine("vllm", "safetensors", resources=_GPU, monitoring={"slo": {"latency_p99": "2s"}}),
    "triton": _engine("triton", "triton", resources=_GPU, monitoring={"slo": {}}),
    "tensorflow-serving": _engine(
        "tensorflow-serving", "savedmodel", monitoring={"slo": {"latency_p99": "80ms"}}
    ),
}
