"""A new model behind an endpoint: the one change that every reviewer wants to see by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelberth.preview.plan import Difference, Marker, Step

from .effect import Calls, Effect, Kind, Severity
from .rule import at
from .wording import changes, code, name

__all__ = ["new_model"]

_PARTS: Final = ("uri", "revision", "sha256", "version")


def new_model(owner: Step | None) -> Iterator[Effect]:
    """What the spec of an endpoint of ours says of its models before and after, variants included."""
    if owner is None:
        return
    before, after = at(owner.before, "spec"), at(owner.after, "spec")
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return
    yield from _effect(owner, "", before, after)
    variants = at(after, "variants", {})
    for variant in variants if isinstance(variants, Mapping) else ():
        old, new = at(before, f"variants.{variant}"), at(after, f"variants.{variant}")
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _effect(owner, str(variant), old, new)


def _effect(
    owner: Step, variant: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Effect]:
    sides = [(part, _part(before, part), _part(after, part)) for part in _PARTS]
    differences = [Difference(part, old, new) for part, old, new in sides if old != new]
    if not differences:
        return
    whose = f" as variant {code(variant)}" if variant else ""
    prefix = f"spec.variants.{variant}.model" if variant else "spec.model"
    text = changes(differences, len(_PARTS)).replace("`", "")
    yield Effect(
        kind=Kind.IN_PLACE,
        severity=Severity.CHANGE,
        sentence=f"{name(owner)} serves a new model{whose}: {text}.",
        urn=owner.urn,
        paths=tuple(f"{prefix}.{difference.path}" for difference in differences),
        calls=Calls.SAFE,  # how it gets there is told of the resources
    )


def _part(inputs: Mapping[str, Any], part: str) -> Any:
    return at(inputs, f"model.{part}", Marker.ABSENT)
