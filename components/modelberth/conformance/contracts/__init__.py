"""The contracts by the names that `--contract` takes, in the order in which they are examined."""

from typing import Final

from modelberth.conformance.check import Contract
from modelberth.conformance.contracts import (
    azure_ml,
    binary,
    cloud_run,
    grpc_v2,
    kubernetes,
    open_inference,
    own,
    plain,
    sagemaker,
    tensorflow,
    vertex,
)

__all__ = ["CONTRACTS"]

CONTRACTS: Final[dict[str, Contract]] = {
    module.CONTRACT.name: module.CONTRACT
    for module in (
        plain,
        tensorflow,
        open_inference,
        binary,
        grpc_v2,
        sagemaker,
        vertex,
        azure_ml,
        cloud_run,
        kubernetes,
        own,
    )
}
