"""How many replicas each model has, and what adds one.

Vertex AI looks every 15 s at what the last five minutes needed, and keeps to the most of it ("Scale inference
nodes by using autoscaling"): that is the time after which a replica goes, and it cannot be set.

It counts no requests in progress. `concurrency`, which a spec has where it says nothing, is what Vertex AI
itself takes for that: how busy processors and GPUs are, whichever are busier. A number of requests cannot be
aimed at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from modelberth.errors import Problem, shown
from modelberth.gcp.vertex.deployed_model import CPU, DUTY_CYCLE

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec
    from modelberth.spec.vertex import VertexTarget

__all__ = ["problems", "targets"]

_USUAL_PERCENT: Final = 70


def targets(spec: EndpointSpec) -> dict[str, int] | None:
    """Return how busy a replica may be before there are more, in percent; None: it is never asked."""
    scaling = spec.scaling
    if scaling.min >= scaling.max:
        return None
    percent = round(scaling.target or _USUAL_PERCENT)
    return dict.fromkeys(_metrics(spec), percent)


def problems(spec: EndpointSpec, target: VertexTarget) -> Iterator[Problem]:
    """Yield a load that nothing measures, and an aim that rounds to none."""
    del target  # Every region has the same.
    scaling = spec.scaling
    if scaling.min >= scaling.max:
        return
    if scaling.metric == "gpu" and spec.resources.gpu is None:
        hint = "There is no GPU that could be busy."
        yield Problem("scaling.metric", shown(scaling.metric), "cpu without resources.gpu", hint)
    if scaling.target is not None and scaling.metric == "concurrency":
        hint = "Vertex AI counts no requests in progress; metric cpu or gpu takes a target in percent."
        yield Problem("scaling.target", shown(scaling.target), "nothing with metric concurrency", hint)
    elif scaling.target is not None and round(scaling.target) < 1:
        hint = "Vertex AI takes whole numbers."
        yield Problem("scaling.target", shown(scaling.target), "1 to 100 (percent)", hint)


def _metrics(spec: EndpointSpec) -> tuple[str, ...]:
    match spec.scaling.metric:
        case "cpu":
            return (CPU,)
        case "gpu":
            return (DUTY_CYCLE,)
        case _:
            return (CPU,) if spec.resources.gpu is None else (CPU, DUTY_CYCLE)
