"""Checks a resource's inputs against what its SDK declares, as strictly as the real provider would.

What the real ones do, and so what is done here:

- A provider bridged from a Terraform one (aws, gcp) refuses keys that it does not know, converts `"5"` to a
  number, `"true"` to a boolean and both the other way round, and takes a path for an asset. It cuts 1.5 to 1
  in silence where a whole number belongs, which is reported here. The few enums in its SDK are hints that lag
  behind the service (the runtimes of a Lambda), so any value passes.
- azure-native converts nothing. It drops unknown keys in silence and leaves enums to the service, which
  refuses nearly every value outside of them and ignores the case of letters: both are reported here, because
  neither is ever meant. Catalogues (sizes, versions, places, more than 30 values, or the first one of some to
  come) grow faster than an SDK and are not checked where the SDK says that it takes other values too.
- kubernetes converts nothing but quantities, which may be numbers, and refuses all the rest.

Sources: `MakeTerraformInput` of pulumi-terraform-bridge with `validatePrimitive` of Terraform's SDK,
`validateType` and `validateProperty` of pulumi-azure-native, the strict field validation of Kubernetes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelberth.preview.standins.paths import SIGNATURE, join
from modelberth.preview.standins.sdk.refusals import ARCHIVE, ASSET, allowed, refusal, unknown
from modelberth.preview.standins.sdk.shapes import (
    AnyValue,
    Asset,
    Choice,
    ListOf,
    MapOf,
    ObjectOf,
    OneOf,
    Property,
    Scalar,
    Shape,
)
from modelberth.preview.standins.sdk.types import ResourceType
from modelberth.provider.resource import UNKNOWN

__all__ = ["InputFailure", "check"]

_OF_THE_ENGINE: Final = {"version", "pluginDownloadURL", "pluginChecksums"}
"""What the engine adds to the configuration of a provider."""

_OF_AZURE_NATIVE: Final = "azureApiVersion"
"""What azure-native adds to the inputs of every resource."""

_QUANTITY: Final = re.compile(
    r"\b(limits|requests|capacity|hard|sizeLimit|averageValue|overhead|podFixed|divisor|default|defaultRequest"
    r"|max|min|maxLimitRequestRatio|target\.value)(\.[^.]+|\[\"[^\"]+\"\])?$"
)
"""Where Kubernetes has a quantity, which its API reads from a number as well as from a string."""

_SEPARATORS: Final = re.compile(r'[.\[\]"]+')

_CATALOGUE: Final = re.compile(r"size|location|region|currency|instance_?type|(?<!tls)version", re.IGNORECASE)
_ENUM_LENGTHS: Final = range(2, 31)


@dataclass(frozen=True, slots=True)
class InputFailure:
    """What is wrong with one property, such as `containers[0].image`; shows no value that may be secret."""

    property: str
    reason: str


def check(resource_type: ResourceType, inputs: Mapping[str, Any]) -> tuple[InputFailure, ...]:
    """Everything that is wrong with the inputs of a resource, or with the configuration of a provider.

    Values are plain: secrets unwrapped, resources replaced by their ids, assets and archives as mappings with
    the engine's signature. None is as good as absent; an unknown (`provider.resource.UNKNOWN`) always fits.
    In the configuration of a provider, what is not a string is JSON in a string.
    """
    return tuple(_Check(resource_type).resource(inputs))


@dataclass(frozen=True, slots=True)
class _Check:
    type: ResourceType

    def resource(self, inputs: Mapping[str, Any]) -> Iterator[InputFailure]:
        known = self.type.inputs
        if self.type.is_provider:
            own = {key: value for key, value in inputs.items() if key in known or key not in _OF_THE_ENGINE}
            inputs = {key: _decoded(known.get(key), value) for key, value in own.items()}
        if self.type.is_open:
            inputs = {key: value for key, value in inputs.items() if key in known}
        return self._properties("", known, inputs)

    def _properties(
        self, path: str, known: Mapping[str, Property], given: Mapping[str, Any]
    ) -> Iterator[InputFailure]:
        for key, value in given.items():
            if key.startswith("__") or key == _OF_AZURE_NATIVE or value is None:
                continue
            if key in known:
                yield from self._value(join(path, key), known[key].shape, value)
            else:
                yield InputFailure(join(path, key), unknown(key, known))
        for key, wanted in known.items():
            if wanted.is_required and given.get(key) is None:
                reason = f"missing, but required, allowed: {allowed(wanted.shape)}"
                yield InputFailure(join(path, key), reason)

    def _value(self, path: str, shape: Shape, value: Any) -> Iterator[InputFailure]:
        if value is None or value == UNKNOWN:
            return
        match shape, value:
            case OneOf(options), _:
                yield from self._one_of(path, options, value)
            case ListOf(element), list() | tuple():
                for index, item in enumerate(value):
                    yield from self._value(join(path, index), element, item)
            case MapOf(element), Mapping() if SIGNATURE not in value:
                for key, item in value.items():
                    yield from self._value(join(path, key), element, item)
            case ObjectOf(), Mapping() if SIGNATURE not in value:
                yield from self._properties(path, shape.properties, value)
            case _ if not self._fits(path, shape, value):
                yield self._refused(path, shape, value)

    def _fits(self, path: str, shape: Shape, value: Any) -> bool:
        """Whether a value that holds no other has the shape."""
        match shape:
            case AnyValue():
                return True
            case Choice():
                return isinstance(value, bool | int | float | str) and self._is_chosen(shape, value)
            case Asset():
                marks = {ASSET: shape.may_be_asset, ARCHIVE: shape.may_be_archive}
                is_path = self.type.is_bridged and isinstance(value, str)
                return is_path or (isinstance(value, Mapping) and marks.get(str(value.get(SIGNATURE)), False))
            case Scalar() if _is_scalar(shape, value) or (
                self.type.is_bridged and _is_converted(shape, value)
            ):
                return True
            case Scalar.STRING if self.type.package.name == "kubernetes":
                return _is_scalar(Scalar.NUMBER, value) and bool(_QUANTITY.search(path))
        return False

    def _is_chosen(self, choice: Choice, value: str | float) -> bool:
        if value in choice.values or self.type.is_bridged:
            return True
        if not choice.is_open or not isinstance(value, str) or self.type.package.name == "kubernetes":
            return False
        is_catalogue = len(choice.values) not in _ENUM_LENGTHS or bool(_CATALOGUE.search(choice.name))
        return is_catalogue or value.lower() in {str(known).lower() for known in choice.values}

    def _one_of(self, path: str, options: tuple[Shape, ...], value: Any) -> Iterator[InputFailure]:
        """Check against the variant that a constant (`type: 'Managed'`) selects; without one, the nearest."""
        variants = [option for option in options if isinstance(option, ObjectOf)]
        if isinstance(value, Mapping) and SIGNATURE not in value and variants:
            constants = [_constants(variant) for variant in variants]
            selected = [
                variant
                for variant, constant in zip(variants, constants, strict=True)
                if all(value.get(name) in (one, UNKNOWN) for name, one in constant.items())
            ]
            common = sorted(set.intersection(*map(set, constants)))
            if common and not selected:
                names = Choice("", tuple(constant[common[0]] for constant in constants))
                known = {common[0]: Property(common[0], names, is_required=True)}
                yield from self._properties(path, known, {common[0]: value.get(common[0])})
            else:
                tried = (tuple(self._value(path, variant, value)) for variant in selected or variants)
                yield from min(tried, key=len)
        elif all(any(self._value(path, option, value)) for option in options):
            yield self._refused(path, OneOf(options), value)

    def _refused(self, path: str, shape: Shape, value: Any) -> InputFailure:
        kind = self.type.token.rpartition(":")[2]
        return InputFailure(path, refusal([kind, *_SEPARATORS.split(path)], shape, value))


def _is_scalar(scalar: Scalar, value: Any) -> bool:
    match scalar:
        case Scalar.STRING:
            return isinstance(value, str)
        case Scalar.BOOLEAN:
            return isinstance(value, bool)
        case Scalar.INTEGER:
            return _is_scalar(Scalar.NUMBER, value) and float(value).is_integer()
        case Scalar.NUMBER:
            return isinstance(value, int | float) and not isinstance(value, bool)


def _is_converted(scalar: Scalar, value: Any) -> bool:
    """Whether Terraform's conversions make the scalar of the value."""
    match scalar, value:
        case Scalar.STRING, bool() | int() | float():
            return True
        case Scalar.BOOLEAN, str():
            return value in ("true", "false")
        case Scalar.INTEGER, str():
            return re.fullmatch(r"[+-]?\d+", value) is not None
        case Scalar.NUMBER, str():
            return re.fullmatch(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", value) is not None
    return False


def _constants(variant: ObjectOf) -> Mapping[str, str | int | float | bool]:
    """What tells a variant apart: the properties that allow one value only."""
    return {
        name: wanted.shape.values[0]
        for name, wanted in variant.properties.items()
        if isinstance(wanted.shape, Choice) and len(wanted.shape.values) == 1
    }


def _decoded(known: Property | None, value: Any) -> Any:
    """The value of a provider's configuration, which the SDK writes as JSON unless it is a string."""
    if known is None or not isinstance(value, str) or known.shape is Scalar.STRING:
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
