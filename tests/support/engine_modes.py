"""Endpoints whose pods KServe or Ray starts, with what the rooms add to them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from modelberth.kubernetes.authentication import authentication
from modelberth.kubernetes.encryption import tls
from modelberth.kubernetes.models.delivery import delivery
from modelberth.kubernetes.monitoring.watching import watching
from modelberth.kubernetes.plan import Plan, Revision
from modelberth.kubernetes.pods.part import PodPart
from modelberth.kubernetes.registry.pull import pull
from support.endpoint_plans import IMAGE, PREVIOUS, canary, plan
from support.workload_modes import FORMATS, GPU, GPU_PLACE

RAY_IMAGE: Final = f"docker.io/rayproject/ray-llm:2.52.0-py311-cu128@sha256:{'5' * 64}"
WEIGHTS: Final = {"uri": "s3://models/llama", "sha256": "a" * 64, "version": "3", "format": "safetensors"}
OLDER: Final = {**WEIGHTS, "uri": "s3://models/llama-2", "version": "2"}
GATEWAY: Final = {"route": {"kind": "gateway", "gateway": "web", "proxies": ["gateways"]}}
DOMAIN: Final = {"tls": {"domain": "iris.example.com"}}
QUARTERS: Final = {"strategy": "rolling", "max_surge": "25%", "max_unavailable": "25%"}
ANEW: Final = {"strategy": "rolling", "max_surge": "100%", "max_unavailable": 0}


def kserve(engine: str = "onnxruntime", target: Mapping[str, Any] | None = None, **spec: Any) -> Plan:
    """The plan of an endpoint whose Deployments KServe makes."""
    if engine == "vllm":
        spec = {"model": WEIGHTS, "resources": GPU, "rollout": QUARTERS, **spec}
    elif engine != "onnxruntime":
        spec = {"model": {**PREVIOUS, "version": "3", "format": FORMATS[engine]}, **spec}
    runtime = {"engine": engine, "image": IMAGE, **spec.pop("runtime", {})}
    return plan({"engine": "kserve", **(target or {})}, runtime=runtime, **spec)


def ray(target: Mapping[str, Any] | None = None, **spec: Any) -> Plan:
    """The plan of an endpoint that Ray serves."""
    runtime = {"engine": "vllm", "image": RAY_IMAGE, **spec.pop("runtime", {})}
    spec = {"model": WEIGHTS, "resources": GPU, "rollout": ANEW, **spec}
    return plan({"engine": "ray", **(target or {})}, runtime=runtime, **spec)


def parts(made: Plan) -> dict[Revision, tuple[PodPart, ...]]:
    """What the rooms add to the pods of each revision."""
    rooms = (pull, delivery, authentication, tls, watching)
    place = () if made.spec.resources.gpu is None else (GPU_PLACE,)
    return {one: (*(room(made, one) for room in rooms), *place) for one in made.revisions}


def within(made: Plan, namespace: str) -> Plan:
    """The plan in another namespace."""
    target = made.target.model_copy(update={"namespace": namespace})
    return replace(made, target=target)


def kserve_modes() -> Mapping[str, Plan]:
    """Each plan by its name."""
    return {
        "onnxruntime": kserve(),
        "three replicas": kserve(scaling={"min": 3, "max": 3}),
        "autoscaled": kserve(scaling={"min": 1, "max": 4}),
        "to zero": kserve(scaling={"min": 0, "max": 2}),
        "recreate": kserve(rollout={"strategy": "recreate"}),
        "mirror and pull secret": kserve(
            target={"registry": {"pull_secret": "pull", "mirrors": {"registry.example.com": "in.example"}}}
        ),
        "canary": kserve(target=GATEWAY, rollout=canary(1), security=DOMAIN),
        "tensorflow-serving": kserve("tensorflow-serving"),
        "triton on GPUs": kserve("triton", resources=GPU),
        "custom": kserve("custom"),
        "vllm": kserve("vllm"),
        "vllm, autoscaled": kserve("vllm", scaling={"min": 1, "max": 4}),
        "vllm, canary": kserve("vllm", target=GATEWAY, rollout=canary(1, previous=OLDER), security=DOMAIN),
    }


def ray_modes() -> Mapping[str, Plan]:
    """Each plan by its name."""
    return {
        "vllm": ray(),
        "three replicas": ray(scaling={"min": 3, "max": 3}),
        "batching": ray(runtime={"batching": {"max_size": 64}}),
        "pull secret": ray({"registry": {"pull_secret": "pull"}}),
        "canary": ray(GATEWAY, rollout=canary(1, previous=OLDER), security=DOMAIN),
    }
