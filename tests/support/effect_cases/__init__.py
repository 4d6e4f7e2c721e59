"""Changes of one resource, each with what it must, or must not, be called."""

from . import (
    addresses,
    aws_guards,
    callers,
    cluster_endpoints,
    counts,
    exposure,
    gcp_guards,
    guards,
    keys,
    life,
    networks,
    permissions,
    pods,
    rolling,
    traffic,
    vertex,
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
        gcp_guards,
        exposure,
        permissions,
        callers,
        networks,
        pods,
        keys,
        cluster_endpoints,
        vertex,
    )
    for case in module.CASES
]

__all__ = ["CASES", "Case"]
