"""What a request, and a month, may cost at most."""

from typing import Annotated

from pydantic import Field

from .quantities import Bytes, Duration
from .rules import Count, Number, Part, between

__all__ = ["Budget", "Limits"]


class Limits(Part):
    """Bounds of a request. The defaults fit every target, so that an endpoint can move without a change."""

    # The smallest body limit of a supported target is 1.5 MB (Vertex AI, shared public endpoint).
    max_body: Annotated[Bytes, between(Bytes, "1Ki", "1Gi")] = Field(
        Bytes(2**20), description="Greatest size of a request's body; more is answered with 413."
    )
    # The smallest time limit in front of a supported target is 30 s (Amazon API Gateway, HTTP API).
    timeout: Annotated[Duration, between(Duration, "100ms", "1h")] = Field(
        Duration(30_000), description="Time after which a request is given up and answered with 504."
    )
    concurrency: Count = Field(
        64,
        ge=1,
        le=10_000,
        description="Requests that one replica has in progress; more are answered with 429.",
    )
    requests_per_second: Number | None = Field(
        None,
        gt=0,
        le=1_000_000,
        description="Requests each second over all replicas; more are answered with 429. Unset: no limit of "
        "rate.",
    )
    startup_timeout: Annotated[Duration, between(Duration, "1s", "1h")] = Field(
        Duration(300_000),
        description="Time that a replica has to load the model and get ready before it counts as failed.",
    )


class Budget(Part):
    """What the endpoint may cost."""

    monthly_usd: Number = Field(
        gt=0,
        le=10_000_000,
        description="Cost of a month in US dollars. The preview fails where the cost at the expected load "
        "exceeds it; while the endpoint runs the alert is sent, nothing is stopped.",
    )
    alert_percent: Count = Field(
        80, ge=1, le=100, description="Share of the budget at which an alert is sent, in percent."
    )
