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

from modelberth.preview.standins import names
from modelberth.preview.standins.backend import Request
from modelberth.preview.standins.difference import DEFAULTS
from modelberth.preview.standins.values import Secret, assign, hidden, plain
from modelberth.provider.resource import Properties

__all__ = ["identified", "is_fixed", "named"]

_AUTONAMED: Final = "pulumi.com/autonamed"
"""Annotation by which the Kubernetes provider knows a name that it chose itself."""


def named(request: Request, olds: Properties, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs with the name that the provider chooses where the program gives none.

    What it chose before stays. It is noted as the real providers do, so that they understand the state.
    """
    name = names.name_property(request.type)
    if name is None or _at(inputs, name) is not None:
        return dict(inputs)
    chosen = _at(olds, name) if _is_chosen(request.type, olds) else None
    if chosen is None:
        chosen = names.autoname(request.type, request.name, _seed(request, inputs))
    if chosen is None:
        return dict(inputs)
    filled = assign(inputs, name, chosen)
    if request.type.startswith("kubernetes:"):
        return assign(filled, f'metadata.annotations["{_AUTONAMED}"]', "true")
    return {**filled, DEFAULTS: sorted({*filled.get(DEFAULTS, []), name})}


def is_fixed(token: str, olds: Properties, news: Properties) -> bool:
    """Tell whether old and new would have one name, given by the program, and cannot be there at one time."""
    name = names.name_property(token)
    if name is None or _is_chosen(token, news):
        return False
    given = plain(_at(news, name))
    return given is not None and given == plain(_at(olds, name))


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


def _is_chosen(token: str, inputs: Properties) -> bool:
    if token.startswith("kubernetes:"):
        annotations = _at(inputs, "metadata.annotations") or {}
        return str(annotations.get(_AUTONAMED)).lower() == "true"
    return names.name_property(token) in (inputs.get(DEFAULTS) or [])


def _at(properties: Any, path: str) -> Any:
    for key in path.split("."):
        mapping = properties.value if isinstance(properties, Secret) else properties
        properties = mapping.get(key) if isinstance(mapping, Mapping) else None
    return properties
