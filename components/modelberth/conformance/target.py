"""What to examine and with what."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Target"]


@dataclass(frozen=True)
class Target:
    """A server and what only its operator knows about it.

    Attributes:
        url: of the server, up to and without the paths of the contracts
        model: its name; None finds it out
        rows: to predict, as the row contracts take them; None takes the model's own example, or zeros
        headers: sent with every request; their values are never shown
        grpc: HOST:PORT of the Open Inference Protocol over gRPC
        admin: URL that `/metrics` is under, where that is another
        predict_route: path of Vertex AI's `AIP_PREDICT_ROUTE`
        health_route: path of Vertex AI's `AIP_HEALTH_ROUTE`
        ca: file (PEM) with the authorities of the server's certificate; None takes those of the system
        insecure: the certificate is not verified
        seconds: that an answer may take

    """

    url: str
    model: str | None = None
    rows: list[Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    grpc: str | None = None
    admin: str | None = None
    predict_route: str | None = None
    health_route: str | None = None
    ca: Path | None = None
    insecure: bool = False
    seconds: float = 60.0
