"""Rule for what encrypts: another key, or none any more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modelberth.preview.plan import Plan, Step

from .effect import Effect, Kind, Severity
from .rule import Rule, found
from .wording import code, listed, name, value

__all__ = ["encrypted"]


def encrypted(*paths: str, what: str = "what it stores") -> Rule:
    """Rule for a resource that names its key at one of the paths."""

    def rule(step: Step, _plan: Plan) -> Iterator[Effect]:
        if step.before is None or step.after is None:
            return
        for path in paths:
            before, after = _keys(step.before, path), _keys(step.after, path)
            if before == after:
                continue
            where = tuple(dict.fromkeys([*(place for place, _ in before), *(place for place, _ in after)]))
            old, new = (listed([value(key) for _, key in keys]) for keys in (before, after))
            if not after:
                said = f"loses its own key {old}: the service's key encrypts {what} from then on"
            elif not before:
                said = f"gets a key of its own, {new}, for {what}"
            else:
                said = (
                    f"gets another key for {what}, {old} → {new}: what the old one encrypted still needs it"
                )
            yield Effect(
                kind=Kind.KEY_CHANGED,
                severity=Severity.CHANGE if after else Severity.DANGER,
                sentence=f"{name(step)} {said} ({listed([code(place) for place in where])}).",
                urn=step.urn,
                paths=where,
            )

    return rule


def _keys(inputs: Mapping[str, Any], path: str) -> list[tuple[str, Any]]:
    return [(place, key) for place, key in found(inputs, path) if key not in (None, "")]
