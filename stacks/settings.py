"""The whole config of a stack, read into one model: nothing in it is passed over in silence."""

import json
from collections.abc import Mapping
from typing import Any, Self

import pulumi
from pulumi.runtime import config as runtime_config
from pydantic import BaseModel, ConfigDict, Field, model_validator

from modelberth.errors import Problem, SpecError
from modelberth.spec import EndpointDeployment, LocalTarget, parse


class Settings(BaseModel):
    """What `Pulumi.<stack>.yaml` holds under `config`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoints: tuple[EndpointDeployment, ...] = Field(
        description="The endpoints of the stack.", json_schema_extra={"minItems": 1}
    )

    @model_validator(mode="after")
    def _something_and_nothing_twice(self) -> Self:
        if not self.endpoints:
            raise SpecError(Problem("endpoints", "an empty list", "one endpoint or more"))
        problems = [
            *_repeated("name", [(i, e.name) for i, e in enumerate(self.endpoints)]),
            *_repeated(
                "target.port",
                [
                    (i, e.target.port)
                    for i, e in enumerate(self.endpoints)
                    if isinstance(e.target, LocalTarget)
                ],
            ),
        ]
        if problems:
            raise SpecError(*problems)
        return self


def load() -> Settings:
    """Read the stack's config.

    Raises:
        SpecError: every problem in it, each with its path.
    """
    # Newer language hosts set the config in memory, older ones in the environment.
    config = {**runtime_config.get_config_env(), **runtime_config.CONFIG.get()}
    return settings(config, pulumi.get_project(), runtime_config.is_config_secret)


def settings(config: Mapping[str, Any], project: str, is_secret: Any) -> Settings:
    """Read the config of `project` as the engine hands it over: `project:key` → text or JSON."""
    own = {key.removeprefix(f"{project}:"): key for key in config if key.startswith(f"{project}:")}
    secret = [
        Problem(
            name,
            "a secret",
            "plain values",
            "Name a secret by reference: what stands here goes into the state in the clear.",
        )
        for name, key in own.items()
        if is_secret(key)
    ]
    if secret:
        raise SpecError(*secret)
    return parse(Settings, {name: _value(config[key]) for name, key in own.items()})


def _value(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text


def _repeated(field: str, values: list[tuple[int, object]]) -> list[Problem]:
    """A problem for each value that an earlier endpoint has already; unset values repeat as they like."""
    first: dict[object, int] = {}
    problems = []
    for index, value in values:
        if value is None or first.setdefault(value, index) == index:
            continue
        problems.append(
            Problem(
                f"endpoints[{index}].{field}",
                repr(value),
                f"one that no other endpoint has (endpoints[{first[value]}] has it)",
            )
        )
    return problems
