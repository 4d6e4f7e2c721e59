"""What is expected of an endpoint, for the estimate of its cost."""

from typing import Annotated

from pydantic import Field

from .quantities import Duration
from .rules import Count, Part, between

__all__ = ["Load"]


class Load(Part):
    """What is expected of the endpoint: for the cost estimate alone; nothing is deployed from it."""

    requests_per_month: Count = Field(
        1_000_000, ge=0, le=1_000_000_000_000, description="Requests in a month, spread evenly over it."
    )
    request_time: Annotated[Duration, between(Duration, "1ms", "1h")] = Field(
        Duration(100), description="Time that a replica spends on one request."
    )
