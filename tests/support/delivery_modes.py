"""Endpoints that between them take every way that a model comes to a pod."""

from collections.abc import Mapping
from typing import Final

from modelberth.kubernetes.plan import Plan
from support.endpoint_plans import IMAGE, REMOTE, canary, plan
from support.workload_modes import GPU

PIN: Final = "a" * 64
COMMIT: Final = "0123456789abcdef0123456789abcdef01234567"
ARTIFACT: Final = f"oci://registry.example.com/iris-model@sha256:{'3' * 64}"
IN_CLAIM: Final = {"uri": "pvc://models/iris/3", "sha256": PIN, "version": "3"}
STORE: Final = {"credentials": "minio", "endpoint": "https://minio.example.com", "region": "eu-central-1"}


def modes() -> Mapping[str, Plan]:
    """Each plan by its name; none has a problem."""
    https = {"uri": "https://files.corp/iris/3.onnx", "sha256": PIN}
    hub = {"uri": "hf://org/name", "revision": COMMIT, "format": "safetensors"}
    saved = {"uri": "gs://bucket/7.tar.gz", "revision": "17", "format": "savedmodel", "version": "7"}
    repository = {"uri": "pvc://models/repository", "sha256": PIN, "format": "triton"}
    return {
        "in the image": plan({"delivery": {"kind": "image"}}),
        "download": plan(),
        "download, with credentials": plan({"delivery": {"kind": "download", "size": "2Gi", **STORE}}),
        "download from a private host": plan(
            {"delivery": {"kind": "download", "private_hosts": ["files.corp", "10.20.0.0/16"]}}, model=https
        ),
        "cache": plan({"delivery": {"kind": "cache", "storage_class": "nfs"}}, rollout=canary()),
        "cache of one pod": plan(
            {"delivery": {"kind": "cache", **STORE}}, scaling={"max": 1}, rollout={"strategy": "recreate"}
        ),
        "cache in a claim that exists": plan(
            {"delivery": {"kind": "cache", "claim": "shared"}}, model=REMOTE
        ),
        "image volume": plan(model={"uri": ARTIFACT, "sha256": PIN}),
        "claim": plan(model=IN_CLAIM),
        "claim, one file": plan(model={**IN_CLAIM, "uri": "pvc://models/iris/3.onnx"}),
        "claim for Triton": plan(model=repository, runtime={"engine": "triton", "image": IMAGE}),
        "hub for vLLM": plan(model=hub, runtime={"engine": "vllm", "image": IMAGE}, resources=GPU),
        "archive for TensorFlow Serving": plan(
            model=saved, runtime={"engine": "tensorflow-serving", "image": IMAGE}
        ),
    }
