"""Variables of containers by their names: in a list of them one more shifts all that follow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from modelberth.preview.plan import Difference, Marker, Step, differences

from .rule import entries, found

__all__ = ["by_name", "variables"]

_PLACE: Final = re.compile(r"(?P<container>.*\.(?:initC|c)ontainers\[\d+\])\.env\b.*")


def variables(inputs: Mapping[str, Any] | None, containers: str) -> dict[str, Any]:
    """Values by name, of all containers at a path such as `spec.template.spec.containers[]`."""
    return {
        name: given for _, listed in found(inputs, f"{containers}.env") for name, given in _of(listed).items()
    }


def by_name(step: Step, changed: Iterable[Difference]) -> tuple[Difference, ...]:
    """The differences for people: of an `env` those of the variables, the rest as they are."""
    told: list[Difference] = []
    seen: set[str] = set()
    for difference in changed:
        place = _PLACE.fullmatch(difference.path)
        if place is None:
            told.append(difference)
            continue
        container = place["container"]
        if container not in seen:
            seen.add(container)
            before, after = _env(step.before, container), _env(step.after, container)
            told += differences(before, after, f"{container}.env")
    return tuple(told)


def _env(inputs: Mapping[str, Any] | None, container: str) -> dict[str, Any]:
    """Of the container at a place such as `spec.template.spec.containers[0]`."""
    path = re.sub(r"\[\d+\]", "[]", container)
    lists = (listed for place, listed in found(inputs, f"{path}.env") if place == f"{container}.env")
    return _of(next(lists, ()))


def _of(env: Any) -> dict[str, Any]:
    return {
        str(one["name"]): one.get("value", one.get("valueFrom", Marker.ABSENT))
        for one in entries(env)
        if isinstance(one, Mapping) and "name" in one
    }
