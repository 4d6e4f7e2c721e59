"""Smaller and faster variants of a packaged model, each measured against the original on held-out rows."""

import modelberth_server  # noqa: F401 -- first: it turns off what ONNX Runtime would send
from modelberth.optimizing.choice import Floor, Verdict, judge
from modelberth.optimizing.held_out import HeldOut, Metric
from modelberth.optimizing.methods import Method, NotApplicableError
from modelberth.optimizing.original import Original
from modelberth.optimizing.outcome import Measured, Outcome, optimize

__all__ = [
    "Floor",
    "HeldOut",
    "Measured",
    "Method",
    "Metric",
    "NotApplicableError",
    "Original",
    "Outcome",
    "Verdict",
    "judge",
    "optimize",
]
