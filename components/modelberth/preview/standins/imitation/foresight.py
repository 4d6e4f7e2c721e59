"""What a preview shows of a resource to come: the inputs, and unknown what its provider would not know yet.

azure-native knows nothing but the inputs, nor what they leave out inside (`PreviewOutputs` of its source); in
an update, beside them, the name and the location. A bridged provider knows in an update all that it computed
before, but for what it marks (`revisions`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from modelberth.preview.standins.imitation import outputs
from modelberth.preview.standins.imitation.replacements import unversioned
from modelberth.preview.standins.paths import SIGNATURE
from modelberth.preview.standins.sdk.shapes import Choice, ListOf, MapOf, ObjectOf, Shape
from modelberth.preview.standins.sdk.types import ResourceType
from modelberth.provider.resource import UNKNOWN

__all__ = ["STABLE", "foreseen", "knows_little"]

STABLE: Final = ("name", "location")
"""What an update of azure-native is known to leave as it is."""


def foreseen(type_: ResourceType, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What the preview of a create adds to plain inputs, by output; of one that was given it is whole."""
    row = outputs.rows().get(unversioned(type_.token), {})
    given = {name: value for name, value in inputs.items() if value is not None}
    if knows_little(type_):
        nested = {
            name: _nested(value, type_.outputs[name].shape)
            for name, value in given.items()
            if name in type_.outputs
        }
        return {**dict.fromkeys(type_.outputs.keys() - given, UNKNOWN), **nested}
    if type_.package.name == "kubernetes":
        unknown = {"status"} & type_.outputs.keys()
    else:
        always = {name for name, declared in type_.outputs.items() if not declared.is_optional}
        unknown = always | (row.keys() & type_.outputs.keys())
    return {
        **dict.fromkeys(unknown - given.keys(), UNKNOWN),
        **outputs.added(given, dict.fromkeys(row, UNKNOWN)),
    }


def knows_little(type_: ResourceType) -> bool:
    """Tell whether the provider forgets in a preview what it computed before."""
    return unversioned(type_.token).startswith("azure-native:")


def _nested(value: Any, shape: Shape) -> Any:
    """A given value with what it leaves out unknown."""
    match shape, value:
        case ObjectOf(), Mapping() if SIGNATURE not in value:
            known = {
                key: _open(declared.shape) if value.get(key) is None else _nested(value[key], declared.shape)
                for key, declared in shape.properties.items()
            }
            return {**value, **known}
        case ListOf(element), list():
            return [_nested(item, element) for item in value]
        case MapOf(element), Mapping() if SIGNATURE not in value:
            return {key: _nested(item, element) for key, item in value.items()}
    return value


def _open(shape: Shape) -> Any:
    return shape.values[0] if isinstance(shape, Choice) and len(shape.values) == 1 else UNKNOWN
