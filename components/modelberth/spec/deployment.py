"""An endpoint and its place: what one entry of a stack's config holds."""

from __future__ import annotations

from pydantic import Field

from .endpoint import EndpointSpec
from .target import Target

__all__ = ["EndpointDeployment"]


class EndpointDeployment(EndpointSpec):
    """What is wanted and where, in one mapping."""

    target: Target = Field(description="Where the endpoint runs.")

    @property
    def spec(self) -> EndpointSpec:
        """What is wanted, without where."""
        return EndpointSpec.model_construct(
            self.model_fields_set - {"target"},
            **{name: getattr(self, name) for name in EndpointSpec.model_fields},
        )
