"""Plans of endpoints with GPUs, and with autoscalers, for tests without and with a cluster."""

from collections.abc import Iterator
from itertools import product
from typing import Any, Final, get_args

from modelberth.kubernetes.accelerators.table import accelerators
from modelberth.kubernetes.plan import Plan
from modelberth.spec.resources import GpuKind
from modelberth.spec.runtime import Engine
from modelberth.spec.scaling import ScaleMetric
from support.endpoint_plans import IMAGE, plan

KEDA: Final = {"kind": "keda", "prometheus": "http://prometheus.monitoring:9090"}
SCALERS: Final[dict[str, dict[str, str]]] = {"hpa": {"kind": "hpa"}, "keda": KEDA}
FORMATS: Final = {"vllm": "safetensors", "tensorflow-serving": "savedmodel"}


def with_gpu(gpu: dict[str, Any] | None = None, access: dict[str, Any] | None = None, **target: Any) -> Plan:
    """The plan of an endpoint that serves with Triton on GPUs; an L4 unless told otherwise."""
    return plan(
        target={**target, **({"gpu": access} if access else {})},
        model={"uri": "s3://models/iris/3.onnx", "sha256": "a" * 64, "version": "3"},
        runtime={"engine": "triton", "image": IMAGE},
        resources={"cpu": "100m", "memory": "128Mi", "gpu": {"kind": "l4", **(gpu or {})}},
    )


def accesses(kind: GpuKind) -> Iterator[dict[str, str]]:
    """Every way in which a pod can ask for GPUs of a kind."""
    accelerator = accelerators()[kind]
    yield {"kind": "device_plugin"}
    if accelerator.vendor.shared:
        yield {"kind": "time_sliced"}
    if accelerator.vendor.driver:
        yield {"kind": "device_claim"}
    yield from ({"kind": "mig", "profile": profile} for profile in accelerator.slices)


def scaled(
    metric: ScaleMetric = "concurrency",
    scaler: str = "hpa",
    engine: Engine = "onnxruntime",
    target: dict[str, Any] | None = None,
    **spec: Any,
) -> Plan:
    """The plan of an endpoint that scales with a metric."""
    scaling = {"min": 1, "max": 5, "metric": metric, **spec.pop("scaling", {})}
    if metric in {"requests_per_second", "queue_depth"}:
        scaling.setdefault("target", 12.5)
    if metric == "gpu" or engine == "vllm":
        spec.setdefault("resources", {"gpu": {"kind": "h100"}, "memory": "8Gi"})
    return plan(
        target={"scaler": SCALERS[scaler], **(target or {})},
        model={
            "uri": "s3://models/iris/3",
            "sha256": "a" * 64,
            "version": "3",
            "format": FORMATS.get(engine, "onnx"),
        },
        runtime={"engine": engine, "image": IMAGE},
        scaling=scaling,
        **spec,
    )


def all_scaled() -> Iterator[tuple[ScaleMetric, str, Engine]]:
    """Every metric with every autoscaler and engine, also those that do not go together."""
    yield from product(get_args(ScaleMetric), SCALERS, get_args(Engine))
