"""The stack's config as checked values: what a reviewer's change touches."""

from typing import Annotated, Self, TypeVar

import pulumi
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel


class Settings(BaseModel):
    """Plain values; an unknown key or a wrong type is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, alias_generator=to_camel)


class Canary(Settings):
    """Part of the calls goes to what this deployment makes; the rest stays with what is known to work."""

    stable: str
    """Version of the function, or revision of the service, that keeps the rest."""
    percent: Annotated[int, Field(ge=1, le=99)]


class EndpointSettings(Settings):
    """What every endpoint has."""

    digest: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
    """Of the image; a tag could change under us."""
    memory_mib: int
    min_instances: Annotated[int, Field(ge=0)]
    max_instances: Annotated[int, Field(ge=1, le=1000)]
    public: bool = False
    """Whether anybody may call it, without a credential."""
    callers: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Who may call it, in the cloud's own notation."""

    @model_validator(mode="after")
    def _require_order(self) -> Self:
        if self.min_instances > self.max_instances:
            raise ValueError(
                f"minInstances is {self.min_instances}, more than maxInstances {self.max_instances}"
            )
        return self


_S = TypeVar("_S", bound=Settings)


def read(config: pulumi.Config, key: str, kind: type[_S]) -> _S:
    """Read one key of the config; what is wrong ends the program with a message and no traceback."""
    try:
        return kind.model_validate_json(config.require(key))
    except ValidationError as error:
        wrong = "; ".join(
            f"{config.full_key(key)}{''.join(f'.{part}' for part in found['loc'])}: {found['msg']}"
            for found in error.errors()
        )
        raise pulumi.RunError(wrong) from None
