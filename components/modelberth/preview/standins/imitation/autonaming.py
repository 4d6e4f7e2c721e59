"""Physical names: chosen where the program gives none, and read from the id of what is there already.

The engine's own seed is another one in every run. Here a name follows from the resource and its inputs: two
runs of one program give the same names, and the successor of a replaced resource has a name of its own.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from modelberth.preview.standins.backend import Request
from modelberth.preview.standins.imitation import names
from modelberth.preview.standins.imitation.defaults import CREATE_BEFORE_DELETE, DEFAULTS
from modelberth.preview.standins.imitation.replacements import unversioned
from modelberth.preview.standins.values import assign, at, hidden, plain
from modelberth.provider.resource import Properties

__all__ = ["identified", "is_chosen", "is_fixed", "named"]

_AUTONAMED: Final = "pulumi.com/autonamed"
"""Annotation by which the Kubernetes provider knows a name that it chose itself."""

_KEEPING: Final = ("azure-native", "aws-native")
"""Providers that keep an old name also where the program once gave it."""


def named(request: Request, olds: Properties, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs with the name that the provider chooses where the program gives neither it nor a prefix.

    What it chose before stays; azure-native and aws-native keep any old name. It is noted as the real
    providers do, so that they understand the state.
    """
    name = names.name_property(request.type)
    if name is None or at(inputs, name) is not None or inputs.get(f"{name}Prefix") is not None:
        return dict(inputs)
    package = unversioned(request.type).partition(":")[0]
    kept = at(olds, name) if is_chosen(request.type, olds) or package in _KEEPING else None
    chosen = kept or names.autoname(request.type, request.name, _seed(request, inputs))
    if chosen is None:
        return dict(inputs)
    filled = assign(inputs, name, chosen)
    if package == "kubernetes":
        return assign(filled, f'metadata.annotations["{_AUTONAMED}"]', "true")
    if package == "azure-native":
        return {**filled, CREATE_BEFORE_DELETE: True} if not kept or is_chosen(request.type, olds) else filled
    if package == "aws-native":
        return filled
    return {**filled, DEFAULTS: sorted({*filled.get(DEFAULTS, []), name})}


def is_chosen(token: str, inputs: Properties) -> bool:
    """Tell whether the provider noted that it chose the name itself."""
    match unversioned(token).partition(":")[0]:
        case "kubernetes":
            annotations = at(inputs, "metadata.annotations") or {}
            return str(annotations.get(_AUTONAMED)).lower() == "true"
        case "azure-native":
            return inputs.get(CREATE_BEFORE_DELETE) is True
        case _:
            return names.name_property(token) in (inputs.get(DEFAULTS) or [])


def is_fixed(token: str, olds: Properties, news: Properties) -> bool:
    """Tell whether old and new would have one name, given by the program, and cannot be there at one time."""
    name = names.name_property(token)
    if name is None or is_chosen(token, news):
        return False
    given = plain(at(news, name))
    return given is not None and given == plain(at(olds, name))


def identified(token: str, resource_id: str) -> dict[str, Any]:
    """The inputs that the id of an imported resource gives away, which is a name or ends with one."""
    name = names.name_property(token)
    *place, last = re.split(r"[:/]", resource_id)
    inputs = assign({}, name, last) if name else {}
    if token.startswith("kubernetes:") and place:
        return assign(inputs, "metadata.namespace", place[0])
    if group := re.search(r"(?i)/resourceGroups/([^/]+)/", resource_id):
        return {**inputs, "resourceGroupName": group[1]}
    return inputs


def _seed(request: Request, inputs: Properties) -> str:
    text = json.dumps(hidden(inputs), sort_keys=True, default=str)
    return hashlib.sha256(f"{request.urn}\n{text}".encode()).hexdigest()
