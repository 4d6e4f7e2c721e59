"""Which part of a stack's config a resource comes from: told by leaving parts out, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from modelberth.errors import join

from .plan import Difference, Marker, Plan, Step, differences

__all__ = ["Influence", "Keys", "Omission", "influence", "omissions", "without"]

Keys = tuple[str | int, ...]
"""Where something stands in the config: `("shop:endpoints", 0, "scaling", "min")`."""

_ABSENT: Final = object()


@dataclass(frozen=True)
class Omission:
    """One part of the config that can be left out."""

    keys: Keys
    value: Any
    """What stands there; a secret is still encrypted."""

    @property
    def path(self) -> str:
        """As it is written in messages: `shop:endpoints[0].scaling.min`."""
        path = ""
        for key in self.keys:
            path = join(path, f"[{key}]" if isinstance(key, int) else key)
        return path


@dataclass(frozen=True)
class Influence:
    """What a part of the config does to one resource."""

    omission: Omission
    makes: bool
    """Whether the resource is not there without it."""
    differences: tuple[Difference, ...] = ()
    """Inputs as they are with it (before) and without it (after)."""


def omissions(
    config: Mapping[str, Any],
    within: Keys = (),
    accepts: Callable[[Mapping[str, Any]], bool] = lambda _: True,
) -> Iterator[Omission]:
    """The parts at or below `within` that can be left out, in the order of the config.

    A value that cannot be left out alone, because the config is refused without it, gives way to the
    smallest part around it that can, at most all of `within`.
    """
    seen: set[Keys] = set()
    least = max(len(within), 1)
    for leaf in _leaves(_at(config, within), within):
        around = (leaf[:length] for length in range(len(leaf), least - 1, -1))
        keys = next((keys for keys in around if accepts(without(config, keys))), None)
        if keys is not None and keys not in seen:
            seen.add(keys)
            yield Omission(keys, _at(config, keys))


def without(config: Mapping[str, Any], keys: Keys) -> dict[str, Any]:
    """A copy without what stands there."""
    copy = deepcopy(dict(config))
    del _at(copy, keys[:-1])[keys[-1]]
    return copy


def influence(omission: Omission, step: Step, plan: Plan) -> Influence | None:
    """Compare a resource with the same one in the plan without that part; None where nothing differs.

    What is unknown on both sides counts as the same.
    """
    other = plan.by_urn.get(step.urn)
    if other is None:
        return Influence(omission, makes=True)
    found = [
        difference
        for difference in differences(step.inputs, other.inputs)
        if not (difference.before is Marker.UNKNOWN and difference.after is Marker.UNKNOWN)
    ]
    if step.protect != other.protect:
        found.append(Difference("protect", step.protect, other.protect))
    return Influence(omission, makes=False, differences=tuple(found)) if found else None


def _leaves(part: Any, keys: Keys) -> Iterator[Keys]:
    """Where values stand: a list of plain values and an encrypted value are one value each."""
    match part:
        case {"secure": str()} if len(part) == 1:
            yield keys
        case Mapping() if part:
            for key, value in part.items():
                yield from _leaves(value, (*keys, key))
        case [Mapping(), *_]:
            for index, value in enumerate(part):
                yield from _leaves(value, (*keys, index))
        case _ if part is not _ABSENT:
            yield keys


def _at(config: Any, keys: Sequence[str | int]) -> Any:
    for key in keys:
        try:
            config = config[key]
        except (KeyError, IndexError, TypeError):
            return _ABSENT
    return config
