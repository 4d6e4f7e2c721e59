"""Changes of one resource, each with what it must, or must not, be called."""

from . import (
    addresses,
    aws_guards,
    callers,
    cluster_endpoints,
    counts,
    exposure,
    guards,
    keys,
    life,
    networks,
    permissions,
    pods,
    rolling,
    traffic,
)
from .case import Case

CASES: list[Case] = [
    case
    for module in (
        rolling,
        addresses,
        traffic,
        counts,
        life,
        guards,
        aws_guards,
        exposure,
        permissions,
        callers,
        networks,
        pods,
        keys,
        cluster_endpoints,
    )
    for case in module.CASES
]

__all__ = ["CASES", "Case"]
