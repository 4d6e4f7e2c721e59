"""The rules read inputs by their wire names: those of the cases are in the SDKs, so a typo is found."""

from collections.abc import Iterator, Mapping
from typing import Any

from modelberth.kubernetes.crds import kinds
from modelberth.preview.effects.explain import MODULES
from modelberth.preview.standins.imitation.replacements import unversioned
from modelberth.preview.standins.sdk import types
from support.effect_cases import CASES
from support.standin_tables import has_path

_CLOUDS = ("aws", "gcp", "azure-native", "kubernetes")
# Objects of custom resources: the SDK takes any input for them.
_CUSTOM = {"kubernetes:gateway.networking.k8s.io/v1:Gateway"} | {
    f"kubernetes:{kind.api_version}:{kind.kind}" for kind in kinds().values()
}
# Below these lie names of the person's own, or a document.
_FREE = {
    "additionalVersionWeights",
    "annotations",
    "data",
    "labels",
    "limits",
    "matchLabels",
    "policy",
    "requests",
    "selector",
    "tags",
    "traffic",
}


def _leaves(inputs: Any, place: str) -> Iterator[str]:
    if place.rpartition(".")[2] in _FREE:
        yield place
    elif isinstance(inputs, Mapping) and inputs:
        for key, item in inputs.items():
            yield from _leaves(item, f"{place}.{key}" if place else str(key))
    elif isinstance(inputs, list) and inputs and isinstance(inputs[0], Mapping):
        for item in inputs:
            yield from _leaves(item, f"{place}[]")
    else:
        yield place


def test_every_type_of_the_tables_is_one_of_an_sdk() -> None:
    tokens = {token for module in MODULES for token in module.RULES if "*" not in token}
    tokens = {token for token in tokens if token.startswith(tuple(f"{cloud}:" for cloud in _CLOUDS))}
    assert len(tokens) > 90
    assert not {token for token in tokens if types.find(token) is None}


def test_every_input_of_the_cases_is_one_of_the_sdk() -> None:
    checked, unknown = 0, set()
    for case in CASES:
        token = unversioned(case.step.type)
        if not token.startswith(tuple(f"{cloud}:" for cloud in _CLOUDS)) or token in _CUSTOM:
            continue
        for inputs in (case.step.before, case.step.after):
            for path in _leaves(inputs or {}, ""):
                if path and not has_path(token, path):
                    unknown.add((token, path))
                checked += 1
    assert checked > 500
    assert not unknown
