"""Inputs of pulumi-aws as the parameters of an API call, in the shapes that boto3's models declare."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from modelberth.preview.standins.imitation.defaults import DEFAULTS

__all__ = ["Call", "ReplayError", "parameters", "put"]


class ReplayError(AssertionError):
    """The graph cannot be made as calls, or AWS's simulation refused one."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an API.

    Attributes:
        service: as boto3 names its clients
        operation: method of the client
        takes: the inputs that go into it; None for all
        when: the input without which it is not made
        rename: path of an input → parameter; dots lead into structures and `[]` into a list of one;
            none: the call itself says it
        each: elements of a list → a structure with further constants; `""` in it is the element's parameter
        single: policies as JSON whose lists of one become their element, which is how moto looks for them
        constants: parameters that the provider adds; `{id}` is the resource's own and
            `{region}` the client's
        answers: output of the stand-in → where the answer has it
        same: outputs of the stand-in that must be what the answer has

    """

    service: str
    operation: str
    takes: Sequence[str] | None = None
    when: str = ""
    rename: Mapping[str, str] = field(default_factory=dict)
    each: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    single: Sequence[str] = ()
    constants: Mapping[str, Any] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)
    same: Mapping[str, str] = field(default_factory=dict)


def parameters(call: Call, inputs: Mapping[str, Any], shape: Any, where: str) -> dict[str, Any]:
    """Return the parameters of a call.

    Args:
        call: what the table says of it
        inputs: those that it takes
        shape: of its input, as boto3's model has it
        where: for messages

    Raises:
        ReplayError: the call has no parameter for an input.

    """
    forms = {key: _single(value) if key in call.single else value for key, value in inputs.items()}
    return _structure(forms, shape, call, "", where)


def _structure(value: Mapping[str, Any], shape: Any, call: Call, path: str, where: str) -> dict[str, Any]:
    members = {_letters(name): name for name in shape.members}
    made: dict[str, Any] = {}
    for key, item in value.items():
        inside = f"{path}.{key}" if path else key
        if item is None or key == DEFAULTS:
            continue
        target = call.rename.get(inside, members.get(_letters(key)))
        if target == "":
            continue
        if target is None:
            known = ", ".join(sorted(shape.members))
            raise ReplayError(f"{where}: no parameter for {inside}; there are {known}")
        put(made, target, _value(item, _shape(shape, target), call, inside, where))
    return made


def _shape(shape: Any, target: str) -> Any:
    """The shape at a path of parameters; a map's is that of its values, a list's that of its elements."""
    for step in target.split("."):
        match shape.type_name:
            case "map":
                shape = shape.value
            case "list":
                shape = shape.member
            case _:
                shape = shape.members[step]
    return shape


def _value(value: Any, shape: Any, call: Call, path: str, where: str) -> Any:
    kind = shape.type_name
    match value:
        case _ if path in call.each:
            constants = {key: name for key, name in call.each[path].items() if key}
            items = value if isinstance(value, list) else [value]
            return [{**constants, call.each[path][""]: item} for item in items]
        case list() if kind == "map":
            return {item["name"]: item["values"] for item in value}
        case Mapping() if kind == "structure":
            return _structure(value, shape, call, path, where)
        case Mapping() if kind == "map":
            return {key: _value(item, shape.value, call, path, where) for key, item in value.items()}
        case Mapping() if kind == "list" and _is_pair(shape.member) and not _has(shape.member, value):
            key, other = sorted(shape.member.members, key=lambda name: "value" in name.lower())
            return [{key: name, other: item} for name, item in value.items()]
        case list() if kind == "structure" and len(value) == 1:
            return _structure(value[0], shape, call, path, where)
        case list() if kind == "list":
            return [_value(item, shape.member, call, path, where) for item in value]
        case _ if kind == "list":
            return [_value(value, shape.member, call, path, where)]
        case bool() if kind == "string":
            return json.dumps(value)
        case int() | float() if kind == "string":
            return str(value)
        case "true" | "false" if kind == "boolean":
            return value == "true"
        case str() if kind in {"integer", "long", "float", "double"}:
            return float(value) if kind in {"float", "double"} else int(value)
    return value


def _is_pair(shape: Any) -> bool:
    return shape.type_name == "structure" and len(shape.members) == 2


def _has(shape: Any, keys: Iterable[str]) -> bool:
    """Whether these are members of a structure, not keys of somebody's choice."""
    given = {_letters(key) for key in keys}
    return bool(given) and given <= {_letters(name) for name in shape.members}


def put(parameters: dict[str, Any], target: str, value: Any) -> None:
    """Lay a value at a path; the step `[]` is the only element of a list."""
    *way, last = target.replace(".[]", "[]").split(".")
    for step in way:
        if step.endswith("[]"):
            (parameters,) = parameters.setdefault(step[:-2], [{}])
        else:
            parameters = parameters.setdefault(step, {})
    if isinstance(parameters.get(last), list):
        parameters[last] += value
    else:
        parameters[last] = value


def _single(policy: str) -> str:
    def inside(value: Any) -> Any:
        match value:
            case [str() as only]:
                return only
            case list():
                return [inside(item) for item in value]
            case dict():
                return {key: inside(item) for key, item in value.items()}
        return value

    return json.dumps(inside(json.loads(policy)))


def _letters(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())
