"""The sample of requests and predictions: Vertex AI itself writes it to BigQuery."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from modelberth.errors import Problem, shown

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec
    from modelberth.spec.vertex import VertexTarget

__all__ = ["logging_config", "problems"]

_WHOLE: Final = 100


def logging_config(spec: EndpointSpec, target: VertexTarget) -> dict[str, Any] | None:
    """Return the endpoint's field; None: nothing is captured."""
    wanted = spec.monitoring.capture
    if wanted is None or target.capture is None:
        return None
    return {
        "enabled": True,
        "sampling_rate": wanted.percent / _WHOLE,
        "bigquery_destination": {"output_uri": target.capture},
    }


def problems(spec: EndpointSpec, target: VertexTarget) -> Iterator[Problem]:
    """Yield samples without a place, places without samples, and a place that Vertex AI may not write to.

    Its service agent has what it takes in its own project (Vertex AI, "Access control with IAM", role
    addition requirements for BigQuery).
    """
    if spec.monitoring.capture is None:
        if target.capture is not None:
            yield Problem("target.capture", shown(target.capture), "nothing without monitoring.capture")
        return
    own = f"bq://{target.project}."
    if target.capture is None:
        allowed = f"a dataset or table, {own}DATASET or {own}DATASET.TABLE, for the sample"
        yield Problem("target.capture", "nothing", allowed)
    elif not target.capture.startswith(own):
        hint = "Vertex AI writes the sample, as an agent that has its rights in its own project."
        allowed = f"a dataset or table of the endpoint's project, {own}DATASET"
        yield Problem("target.capture", shown(target.capture), allowed, hint)
