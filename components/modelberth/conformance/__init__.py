"""Whether a model server keeps the contracts of the platforms and protocols that it is called by.

The checks follow the public specifications, so they hold for any server: KServe, Triton, TensorFlow Serving
or ours. What only we promise is a contract of its own, `modelberth`.
"""

from modelberth.conformance.contracts import CONTRACTS
from modelberth.conformance.examine import examine
from modelberth.conformance.finding import Finding, Report, Verdict
from modelberth.conformance.outcome import UnreachableError
from modelberth.conformance.target import Target

__all__ = ["CONTRACTS", "Finding", "Report", "Target", "UnreachableError", "Verdict", "examine"]
