"""How a pod ends without losing a request.

When a pod is deleted, two things begin at the same time: the kubelet ends the container, and the rest of the
cluster learns that the pod gets no more requests. So the server has to go on accepting them for a while
(`target.drain_delay_seconds`), and then to answer what it has begun, for as long as a request may take.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelberth.runtimes import Container
    from modelberth.spec import EndpointSpec, KubernetesTarget

__all__ = ["Draining", "draining"]

# That idle connections get to be closed with an answer. What goes through a gateway or is called often is on
# another pod by then; see "How it ends" in serving_image/README.md.
_IDLE_SECONDS: Final = 10
_MARGIN_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class Draining:
    """What a pod's end takes.

    Attributes:
        env: settings of our own server, which drains by itself
        lifecycle: of any other server's container, else empty
        grace_seconds: after which the kubelet kills what is left

    """

    env: Mapping[str, str]
    lifecycle: Mapping[str, Any]
    grace_seconds: int


def draining(container: Container, spec: EndpointSpec, target: KubernetesTarget) -> Draining:
    """Decide who waits.

    Other servers drop at the signal what they are computing (vLLM: vllm-project/vllm#43208; Triton:
    triton-inference-server/server#6230) or do not hear it (TensorFlow Serving: tensorflow/serving#1853). So
    the signal comes only when the longest request is over: the kubelet sleeps before it, which takes no
    program in the image (KEP-3960, on by default since Kubernetes 1.30).
    """
    delay = target.drain_delay_seconds
    longest = math.ceil(spec.limits.timeout.seconds)
    if container.engine == "onnxruntime":
        env = {
            "MODELBERTH_DRAIN_DELAY_SECONDS": str(delay),
            "MODELBERTH_DRAIN_SECONDS": str(_IDLE_SECONDS),
        }
        return Draining(env, {}, delay + _IDLE_SECONDS + longest + _MARGIN_SECONDS)
    waits = delay + longest
    return Draining({}, {"preStop": {"sleep": {"seconds": waits}}}, waits + _MARGIN_SECONDS)
