"""A graph replayed as API calls, in its order, against a simulation of AWS.

`replay.toml` names the calls of each type. Inputs go to the parameter with the same letters that the
service's own model has, which boto3 then holds every value against; an input that no call takes is an error.
What only AWS names, such as a key, gets another id than the stand-in gave it: later inputs get the real one.
Where the simulation does not have a call, the service's model judges its parameters all the same.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from botocore.exceptions import ParamValidationError
from botocore.validate import validate_parameters

from modelberth.preview.standins.imitation.defaults import DEFAULTS
from support.aws.graph import in_aws
from support.aws.replay_parameters import Call, ReplayError, parameters, put
from support.clouds.graph import Graph, Resource

__all__ = ["Replay", "ReplayError", "calls_of", "replay"]

_TABLE: Final = Path(__file__).with_suffix(".toml")
_UNNAMED: Final = "us-east-1"
"""S3 refuses to be told this region, and needs to be told any other."""
_EVERYWHERE: Final = frozenset({"region", DEFAULTS})


@dataclass(frozen=True, slots=True)
class _Row:
    calls: tuple[Call, ...]
    left_out: Mapping[str, str]
    unsupported: str
    spreads: bool
    """What is made of an output of it is not supported either."""
    where: Mapping[str, Any]
    """Unsupported only where these inputs have these values."""

    def lacking(self, one: Resource) -> str:
        """Why the simulation cannot make a resource; empty where it can."""
        return self.unsupported if self.where.items() <= one.inputs.items() else ""


@dataclass(frozen=True, slots=True)
class Replay:
    """What was done.

    Attributes:
        made: names of the resources that were made
        calls: `service.operation` of each call, in order
        unsupported: name of a resource → why the simulation cannot make it; only the parameters of its
            calls were judged
        names: what the stand-in called something → what the simulation does

    """

    made: tuple[str, ...]
    calls: tuple[str, ...]
    unsupported: Mapping[str, str]
    names: Mapping[str, str]


@cache
def _rows() -> Mapping[str, _Row]:
    table = tomllib.loads(_TABLE.read_text())["types"]
    return {
        token: _Row(
            tuple(Call(**call) for call in row.get("calls", ())),
            row.get("left_out", {}),
            row.get("unsupported", ""),
            row.get("spreads", False),
            row.get("where", {}),
        )
        for token, row in table.items()
    }


def calls_of(token: str) -> tuple[Call, ...]:
    """The calls that make a resource of a type."""
    return _rows()[token].calls


def replay(
    graph: Graph,
    client: Callable[[str], Any],
    *,
    existing: Mapping[str, str] = MappingProxyType({}),
    then: Callable[[Resource], None] = lambda _: None,
) -> Replay:
    """Make every resource of AWS.

    Args:
        graph: what to make
        client: gives boto3's client of a service
        existing: what the graph calls something that it does not make → what the simulation does
        then: called after each resource that was made

    Raises:
        ReplayError: a type has no row, an input goes nowhere, or a call is refused.

    """
    resources = in_aws(graph)
    if unknown := sorted({one.token for one in resources} - _rows().keys()):
        raise ReplayError(f"no row in {_TABLE.name} for {', '.join(unknown)}")
    made, done, unsupported, names = [], [], {}, dict(existing)
    missing: dict[str, str] = {}
    for one in resources:
        row = _rows()[one.token]
        needed = [missing[urn] for urns in one.origins.values() for urn in urns if urn in missing]
        lacking = row.lacking(one) or next(iter(needed), "")
        if lacking and (row.spreads or needed):
            missing[one.urn] = lacking
        given = {key: value for key, value in one.inputs.items() if value is not None}
        given = {key: value for key, value in given.items() if key not in {*_EVERYWHERE, *row.left_out}}
        taken: set[str] = set()
        for call in row.calls:
            inputs = {key: given[key] for key in given if call.takes is None or key in call.takes}
            taken |= inputs.keys()
            if call.when and call.when not in inputs:
                continue
            asked = _asked(one, call, _named(inputs, names), client(call.service), names)
            if not lacking:
                _do(one, call, asked, client(call.service), names)
                done.append(f"{call.service}.{call.operation}")
        if lost := given.keys() - taken:
            raise ReplayError(f"{one.name}: no call of {one.token} takes {', '.join(sorted(lost))}")
        if lacking:
            unsupported[one.name] = lacking
            continue
        made.append(one.name)
        then(one)
    return Replay(tuple(made), tuple(done), unsupported, names)


def _asked(
    one: Resource, call: Call, inputs: Mapping[str, Any], client: Any, names: Mapping[str, str]
) -> dict[str, Any]:
    """The parameters of a call, which the service's own model takes."""
    where = f"{one.name} by {call.service}.{call.operation}"
    method = client.meta.method_to_api_mapping[call.operation]
    shape = client.meta.service_model.operation_model(method).input_shape
    given = parameters(call, inputs, shape, where)
    region = client.meta.region_name
    own = {"{id}": names.get(one.id, one.id), "{region}": None if region == _UNNAMED else region}
    for target, value in call.constants.items():
        constant = own.get(value, value) if isinstance(value, str) else value
        if constant is not None:
            put(given, target, constant)
    try:
        validate_parameters(given, shape)
    except ParamValidationError as error:
        raise ReplayError(f"{where}: {error}") from error
    return given


def _do(one: Resource, call: Call, given: Mapping[str, Any], client: Any, names: dict[str, str]) -> None:
    where = f"{one.name} by {call.service}.{call.operation}"
    try:
        answer = getattr(client, call.operation)(**_older(given))
    except Exception as error:
        raise ReplayError(f"{where}: {error}") from error
    for output, path in call.same.items():
        expected, found = one.id if output == "id" else one.outputs.get(output), _at(answer, path)
        if expected != found:
            raise ReplayError(
                f"{where}: the stand-in gives {output} as {expected!r}, the answer has {found!r}"
            )
    for output, path in call.answers.items():
        names[one.id if output == "id" else str(one.outputs[output])] = str(_at(answer, path))


def _older(value: Any) -> Any:
    """The value with what the simulation does not know yet replaced by what it does."""
    match value:
        case str():
            return _known_values().get(value, value)
        case Mapping():
            return {key: _older(item) for key, item in value.items()}
        case list():
            return [_older(item) for item in value]
    return value


@cache
def _known_values() -> Mapping[str, str]:
    older: Mapping[str, str] = tomllib.loads(_TABLE.read_text())["older"]
    return older


def _named(value: Any, names: Mapping[str, str]) -> Any:
    """The value with the names that the simulation gave in the place of the stand-in's."""
    match value:
        case str():
            for standin in sorted(names, key=len, reverse=True):
                value = value.replace(standin, names[standin])
            return value
        case Mapping():
            return {key: _named(item, names) for key, item in value.items()}
        case list():
            return [_named(item, names) for item in value]
    return value


def _at(answer: Any, path: str) -> Any:
    for step in path.split("."):
        answer = answer[step]
    return answer
