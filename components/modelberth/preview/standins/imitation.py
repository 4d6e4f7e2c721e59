"""A cloud's provider, imitated from tables and from what the installed SDK says about each type.

Real defaults are not invented: what a provider fills in stands in no SDK. What it filled in before, in a
state that was made with the real one, is kept.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from modelberth.errors import HIDDEN
from modelberth.preview.standins import inputs as sdk_inputs
from modelberth.preview.standins import names, outputs, references, replacements, types
from modelberth.preview.standins.autonaming import identified, is_fixed, named
from modelberth.preview.standins.backend import Change, Difference, Request
from modelberth.preview.standins.difference import DEFAULTS, compare, keep_defaults
from modelberth.preview.standins.paths import leaves
from modelberth.preview.standins.settings import StandInSettings
from modelberth.preview.standins.values import has_unknown, hidden, plain, secret_texts
from modelberth.provider.resource import (
    UNKNOWN,
    Checked,
    CheckFailure,
    Observed,
    Properties,
)

__all__ = ["Imitation"]

_FROM_CONFIG: Final[Mapping[str, Mapping[str, str]]] = {
    "aws": {"region": "aws_region"},
    "gcp": {"project": "gcp_project", "region": "gcp_region"},
    "azure-native": {
        "subscriptionId": "azure_subscription",
        "tenantId": "azure_tenant",
        "location": "azure_location",
    },
    "kubernetes": {"context": "kubernetes_context"},
}
"""What a provider's configuration says better than the settings do."""


class _Failure(Protocol):
    """What every table of rules says of a property; equal where it says the same."""

    @property
    def reason(self) -> str: ...
    @property
    def property(self) -> str: ...


class Imitation:
    """Stands in for every package of which the environment has the SDK."""

    def __init__(self, settings: StandInSettings) -> None:
        self._settings = settings
        self._made: dict[str, dict[str, Properties]] = {}
        self._lock = threading.Lock()

    def check(self, request: Request, olds: Properties, news: Properties) -> Checked:
        """Hold inputs against the SDK's types, the service's name rules and what was made."""
        try:
            known = types.lookup(request.type)
        except types.UnknownType as error:
            return Checked(news, [CheckFailure("", _unknown(request.type, error))])
        inputs = named(request, olds, keep_defaults(olds, news))
        before = dict(leaves(plain(olds)))
        region = request.config.get("region")

        def check(values: Properties) -> Sequence[_Failure]:
            return (
                *sdk_inputs.check(known, values),
                *names.check(known.token, values),
                *self._broken_references(known.token, values, before, region),
            )

        return Checked(inputs, _worded(inputs, check))

    def diff(
        self,
        request: Request,
        resource_id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        news: Properties,
    ) -> Difference:
        """Compare inputs; the table of replacing properties says what a change takes."""
        self._note(request.type, resource_id, old_outputs)
        row = replacements.of(request.type)
        changes = [
            Change(path, kind, replaces=row is not None and row.replaces(path))
            for path, kind in compare(old_inputs, news)
        ]
        fixed = is_fixed(request.type, old_inputs, news)
        return Difference(changes, delete_first=fixed or (row is not None and row.delete_first))

    def create(self, request: Request, inputs: Properties) -> Observed:
        """Echo the inputs and add what the provider computes."""
        if request.preview:
            known = types.lookup(request.type)
            unknown = dict.fromkeys(outputs.unknown_in_preview(known, plain(inputs)), UNKNOWN)
            return Observed("", inputs, {**unknown, **_stored(inputs)})
        resource_id, computed = self._computed(request, inputs)
        observed = Observed(resource_id, inputs, _state(inputs, computed, {}))
        self._note(request.type, resource_id, observed.outputs)
        return observed

    def read(
        self, request: Request, resource_id: str, inputs: Properties, outputs: Properties
    ) -> Observed | None:
        """Find what was deployed; of what no state knows, something plausible."""
        if not inputs:
            inputs = identified(request.type, resource_id)
            _, computed = self._computed(request, inputs)
            outputs = {**computed, **inputs, **outputs}
        self._note(request.type, resource_id, outputs)
        return Observed(resource_id, inputs, outputs)

    def update(
        self, request: Request, resource_id: str, old_outputs: Properties, inputs: Properties
    ) -> Properties:
        """Echo the new inputs; of what was computed only that changes which follows from them."""
        known = types.lookup(request.type)
        # An optional input that the program takes back is gone; one that the provider always has stays.
        optional = {
            name for name in known.inputs if name in known.outputs and known.outputs[name].is_optional
        }
        kept = {name: value for name, value in old_outputs.items() if name not in optional}
        if not has_unknown(inputs):
            _, old = self._computed(request, {name: old_outputs.get(name) for name in inputs})
            _, new = self._computed(request, inputs)
            for name, value in new.items():
                if name in inputs:
                    kept[name] = value
                elif old.get(name) != value:
                    kept[name] = UNKNOWN if request.preview else value
        updated = _state(inputs, kept, old_outputs)
        self._note(request.type, resource_id, updated)
        return updated

    def delete(self, request: Request, resource_id: str, outputs: Properties) -> None:  # noqa: ARG002
        """Forget the resource."""
        with self._lock:
            self._made.get(request.type, {}).pop(resource_id, None)

    def config_failures(self, request: Request, config: Properties) -> Sequence[CheckFailure]:
        """Why a provider's configuration cannot be taken; nothing where it can."""
        try:
            known = types.lookup(request.type)
        except types.UnknownType as error:
            return [CheckFailure("", _unknown(request.type, error))]
        failures = _worded(config, lambda values: sdk_inputs.check(known, values))
        if not failures:
            try:
                self._settings_of(request.type.rpartition(":")[2], config)
            except ValueError as error:
                return [CheckFailure("", str(error))]
        return failures

    def settings_of(self, request: Request) -> StandInSettings:
        """The settings, as far as the provider's configuration does not say otherwise."""
        return self._settings_of(request.type.partition(":")[0], request.config)

    def _settings_of(self, package: str, config: Properties) -> StandInSettings:
        said = {
            field: plain(config[name])
            for name, field in _FROM_CONFIG.get(package, {}).items()
            if config.get(name) and not has_unknown(config[name])
        }
        return dataclasses.replace(self._settings, **said)

    def _broken_references(
        self, token: str, values: Properties, before: Properties, region: str | None
    ) -> Iterator[_Failure]:
        with self._lock:
            made = {token: dict(found) for token, found in self._made.items()}
        for failure in references.check(token, values, made, region):
            # What was deployed with a reference is not asked again: with `--target` this run may not have
            # seen what it refers to.
            if before.get(failure.property) != dict(leaves(values)).get(failure.property):
                yield failure

    def _computed(self, request: Request, inputs: Properties) -> tuple[str, Properties]:
        known, values, settings = types.lookup(request.type), plain(inputs), self.settings_of(request)
        computed = outputs.computed(known, request.urn, request.name, values, settings)
        return outputs.id(known, request.urn, request.name, values, settings), computed

    def _note(self, token: str, resource_id: str, state: Properties) -> None:
        with self._lock:
            self._made.setdefault(token, {})[resource_id] = plain(state)


def _stored(inputs: Properties) -> dict[str, Any]:
    return {name: value for name, value in inputs.items() if name != DEFAULTS and value is not None}


def _state(inputs: Properties, computed: Properties, before: Properties) -> dict[str, Any]:
    """The inputs and what is computed; what was added within an input, as to metadata, stays as it was."""
    state = {**computed, **_stored(inputs)}
    for name, added in computed.items():
        given, old = inputs.get(name), before.get(name)
        if isinstance(given, Mapping) and isinstance(added, Mapping):
            known = {**added, **old} if isinstance(old, Mapping) else added
            state[name] = {**{key: known[key] for key in added if key not in given}, **given}
    return state


def _worded(inputs: Properties, check: Callable[[Properties], Sequence[_Failure]]) -> list[CheckFailure]:
    """What a check of plain values says, without a word about the value of a secret."""
    # The wire does not keep the order of properties.
    found = sorted(check(plain(inputs)), key=lambda failure: failure.property)
    if not found:
        return []
    # What is still said when nobody looks at the secrets is not about one.
    clear = set(check(plain(hidden(inputs, UNKNOWN)))) if secret_texts(inputs) else set(found)
    # Without the property beside it: the engine would print what is there.
    return [
        CheckFailure("", f"{each.property}: {each.reason if each in clear else _of_secret(each.reason)}")
        for each in found
    ]


def _of_secret(reason: str) -> str:
    _, marker, allowed = reason.partition(", allowed: ")
    return f"given {HIDDEN}{marker}{allowed}" if marker else f"{HIDDEN} is refused"


def _unknown(token: str, error: types.UnknownType) -> str:
    if not isinstance(error, types.MissingPackage):
        return str(error)
    package = token.removeprefix("pulumi:providers:").partition(":")[0]
    return f"{error}. Install it: pip install pulumi-{package}"
