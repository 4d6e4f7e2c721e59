"""Endpoints that between them take every way through the pods and what is around them."""

from collections.abc import Mapping
from typing import Any, Final

from modelberth.kubernetes.plan import Plan
from modelberth.kubernetes.pods.part import PodPart
from support.endpoint_plans import IMAGE, PREVIOUS, REMOTE, canary, plan

GPU: Final = {"gpu": {"kind": "l4", "count": 2}, "cpu": 4, "memory": "32Gi"}
FORMATS: Final = {
    "onnxruntime": "onnx",
    "tensorflow-serving": "savedmodel",
    "triton": "onnx",
    "vllm": "safetensors",
    "custom": "custom",
}
# As the rooms that own them give them.
TLS: Final = PodPart(
    env={"MODELBERTH_TLS_CERT_FILE": "/etc/tls/tls.crt", "MODELBERTH_TLS_KEY_FILE": "/etc/tls/tls.key"},
    volumes=({"name": "certificate", "secret": {"secretName": "iris-tls", "defaultMode": 0o440}},),
    mounts=({"name": "certificate", "mountPath": "/etc/tls", "readOnly": True},),
)
GPU_PLACE: Final = PodPart(
    limits={"nvidia.com/gpu": "2"},
    pod={
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-L4"},
    },
)


def of_engine(engine: str, **spec: Any) -> Plan:
    """The plan of an engine with a model that it takes; a GPU where its image runs on nothing else."""
    runtime = {"engine": engine, "image": IMAGE, **spec.pop("runtime", {})}
    resources = spec.pop("resources", GPU if engine == "vllm" else {})
    model = {**REMOTE, "format": FORMATS[engine]}
    return plan(spec.pop("target", None), model=model, runtime=runtime, resources=resources, **spec)


def modes() -> Mapping[str, tuple[Plan, tuple[PodPart, ...]]]:
    """Each plan by its name, with parts of its pods."""
    rest = {"model": {"version": "small", "uri": "s3://models/iris/s.onnx", "sha256": "c" * 64}, "weight": 60}
    return {
        **{engine: (of_engine(engine), (GPU_PLACE,) if engine == "vllm" else ()) for engine in FORMATS},
        "triton on GPUs": (of_engine("triton", resources=GPU), (GPU_PLACE,)),
        "TLS": (plan({"route": {"kind": "service", "tls": True}}), (TLS,)),
        "recreate": (plan(rollout={"strategy": "recreate"}), ()),
        "canary": (plan(rollout=canary(1), scaling={"min": 2, "max": 2}), ()),
        "blue-green": (plan(rollout={"strategy": "blue_green", "previous": PREVIOUS}), ()),
        "variants": (plan(variants={"small": rest}), ()),
        "to zero": (plan(scaling={"min": 0, "max": 3}), ()),
        "everything around": (
            plan(
                {
                    "create_namespace": True,
                    "namespace": "made",
                    "node_selector": {"example.com/pool": "models"},
                    "priority_class": "system-cluster-critical",
                    "registry": {"mirrors": {"registry.example.com": "mirror.internal:5000/hub"}},
                    "service_account_annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/x"},
                    "drain_delay_seconds": 30,
                },
                labels={"team": "search"},
                limits={"timeout": "90s", "startup_timeout": "45m"},
            ),
            (),
        ),
    }
