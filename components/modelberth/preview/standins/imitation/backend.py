"""A cloud's provider, imitated from tables and from what the installed SDK says about each type.

Real defaults are not invented: what a provider fills in stands in no SDK. What it filled in before, in a
state that was made with the real one, is kept.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from modelberth.errors import HIDDEN
from modelberth.preview.standins.backend import Change, Difference, Request
from modelberth.preview.standins.difference import compare
from modelberth.preview.standins.imitation import (
    configuration,
    defaults,
    names,
    outputs,
    references,
    replacements,
    revisions,
    service_rules,
)
from modelberth.preview.standins.imitation.autonaming import identified, is_chosen, is_fixed, named
from modelberth.preview.standins.imitation.existing import Existing
from modelberth.preview.standins.imitation.foresight import STABLE, foreseen, knows_little
from modelberth.preview.standins.imitation.state import joined
from modelberth.preview.standins.paths import leaves
from modelberth.preview.standins.sdk import inputs as sdk_inputs
from modelberth.preview.standins.sdk import types
from modelberth.preview.standins.settings import StandInSettings
from modelberth.preview.standins.values import has_unknown, hidden, plain, secret_texts
from modelberth.provider.resource import (
    UNKNOWN,
    Checked,
    CheckFailure,
    Observed,
    Properties,
    ResourceError,
)

__all__ = ["Imitation"]

_FROM_CONFIG: Final[Mapping[str, Mapping[str, str]]] = {
    "aws": {"region": "aws_region"},
    "aws-native": {"region": "aws_region"},
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
        self._existing = Existing()

    def check(self, request: Request, olds: Properties, news: Properties) -> Checked:
        """Hold inputs against the SDK's types, the service's rules and the forms of references."""
        try:
            known = types.lookup(request.type)
        except types.UnknownType as error:
            return Checked(news, [CheckFailure("", _unknown(request.type, error))])
        inputs = named(request, olds, defaults.keep(request, olds, news))
        region = request.config.get("region")

        def check(values: Properties) -> Sequence[_Failure]:
            found: tuple[_Failure, ...] = (
                *sdk_inputs.check(known, values),
                *names.check(known.token, values),
                *references.check(known.token, values, region=region),
            )
            told = {failure.property for failure in found}
            ruled = service_rules.check(known.token, values)
            return (*found, *(failure for failure in ruled if failure.property not in told))

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
        self._existing.note(request.type, resource_id, plain(old_outputs))
        row = replacements.under(request.type, plain(request.config))
        changes = [
            Change(path, kind, replaces=row is not None and row.replaces(path))
            for path, kind in compare(old_inputs, news)
        ]
        if (known := types.find(request.type)) and not any(change.path == "region" for change in changes):
            changes += configuration.moved(known, request.config, old_outputs, news)
        fixed = is_fixed(request.type, old_inputs, news)
        first = row is not None and row.delete_first and not is_chosen(request.type, old_inputs)
        return Difference(changes, delete_first=fixed or first)

    def create(self, request: Request, inputs: Properties) -> Observed:
        """Echo the inputs and add what the provider computes."""
        if request.preview:
            return Observed("", inputs, joined(inputs, foreseen(types.lookup(request.type), plain(inputs))))
        self._require_references(request, inputs, {})
        resource_id, computed = self._computed(request, inputs)
        observed = Observed(resource_id, inputs, joined(inputs, computed))
        self._existing.note(request.type, resource_id, plain(observed.outputs))
        return observed

    def read(
        self, request: Request, resource_id: str, inputs: Properties, outputs: Properties
    ) -> Observed | None:
        """Find what was deployed; of what no state knows, something plausible."""
        # A program that looks something up hands over what tells where it is, and that alone.
        if not inputs or inputs == outputs:
            inputs = {**identified(request.type, resource_id), **inputs}
            _, computed = self._computed(request, inputs)
            outputs = {**computed, **inputs, **outputs}
        self._existing.note(request.type, resource_id, plain(outputs))
        return Observed(resource_id, inputs, outputs)

    def update(
        self,
        request: Request,
        resource_id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        inputs: Properties,
    ) -> Properties:
        """Echo the new inputs; of what was computed only that changes which follows from them."""
        known = types.lookup(request.type)
        if request.preview and knows_little(known):
            stable = {name: old_outputs[name] for name in STABLE if name in old_outputs}
            return joined(inputs, {**foreseen(known, plain(inputs)), **stable})
        # An optional input that the program takes back is gone; one that the provider always has stays.
        taken = {name for name in old_inputs if inputs.get(name) is None}
        gone = {name for name in taken if name in known.outputs and known.outputs[name].is_optional}
        kept = {name: value for name, value in old_outputs.items() if name not in gone}
        renewed = self._renewed(request, old_inputs, old_outputs, inputs)
        updated = joined(inputs, renewed, kept, old_inputs)
        if not request.preview:
            self._require_references(request, inputs, old_inputs)
            self._existing.note(request.type, resource_id, plain(updated))
        return updated

    def delete(self, request: Request, resource_id: str, outputs: Properties) -> None:  # noqa: ARG002
        """Forget the resource."""
        self._existing.forget(request.type, resource_id)

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

    def _require_references(self, request: Request, inputs: Properties, before: Properties) -> None:
        """Insist that what the inputs refer to is there, but for what was deployed with the same reference.

        Raises:
            ResourceError: something is not, and could only have been made here.
        """
        old, new = dict(leaves(plain(before))), dict(leaves(plain(inputs)))

        def check(values: Properties) -> Sequence[_Failure]:
            found = references.check(request.type, values, self._existing, request.config.get("region"))
            return [each for each in found if old.get(each.property) != new.get(each.property)]

        if failures := _worded(inputs, check):
            raise ResourceError("; ".join(failure.reason for failure in failures))

    def _renewed(
        self, request: Request, old_inputs: Properties, old_outputs: Properties, inputs: Properties
    ) -> dict[str, Any]:
        """What is computed anew in an update, because it follows from an input or counts changes."""
        paths = [path for path, _ in compare(old_inputs, inputs)]
        renewed: dict[str, Any] = {}
        number = revisions.following(request.type, plain(old_outputs))
        if not has_unknown(inputs):
            _, old = self._computed(request, old_inputs)
            _, new = self._computed(request, inputs)
            renewed |= {name: value for name, value in new.items() if name in inputs}
            follows = {name for name, value in new.items() if old.get(name, value) != value} - inputs.keys()
            renewed |= {name: UNKNOWN if request.preview else new[name] for name in follows}
        for rule in revisions.due(request.type, paths, plain(inputs)):
            if not request.preview:
                _, counted = self._computed(request, inputs, number)
                renewed |= {name: counted[name] for name in rule.outputs if name in counted}
            elif rule.is_foreseen:
                renewed |= dict.fromkeys(rule.outputs, UNKNOWN)
        return renewed

    def _computed(self, request: Request, inputs: Properties, revision: int = 1) -> tuple[str, Properties]:
        known, values, settings = types.lookup(request.type), plain(inputs), self.settings_of(request)
        computed = outputs.computed(known, request.urn, request.name, values, settings, revision)
        return outputs.id(known, request.urn, request.name, values, settings), computed


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
