"""What one property that changes does to calls and data: `settings.toml`.

A row of `safe` says why calls go on; a row of `tells` is a sentence for a reviewer. What no row knows is not
known: nothing is called harmless because nothing is written about it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from math import inf
from pathlib import Path
from typing import Any, Final

from modelberth.preview.plan import Difference, Marker, Op, Plan, Step, differences
from modelberth.preview.standins.imitation.replacements import unversioned

from .directions import DIRECTIONS
from .effect import Calls, Effect, Kind, Severity
from .rule import found
from .wording import changes, name

__all__ = ["Row", "Variable", "calls_after", "rows", "server_variables", "tell"]

_FILE: Final = Path(__file__).with_name("settings.toml")
_WHOLE: Final = "*"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row: which properties of which types, changed in which direction."""

    types: tuple[str, ...]
    paths: tuple[str, ...]
    """Such as `template.containers[].image`; `*`: whatever happens to the resource."""
    when: str = "any"
    default: Any = None
    """What the service takes where the property is not given."""
    endless: tuple[Any, ...] = ()
    """Values that mean no bound."""
    why: str = ""
    """Of a safe row: the reason."""
    says: str = ""
    """Of the others: the sentence, in which `{name}` stands for the resource."""
    kind: Kind = Kind.IN_PLACE
    severity: Severity = Severity.CHANGE
    calls: Calls = Calls.UNKNOWN
    of_callers: bool = False

    def fits(self, token: str) -> bool:
        """Whether the row is about a type, whatever API version its token names."""
        return any(fnmatchcase(unversioned(token), pattern) for pattern in self.types)

    def goes(self, before: Any, after: Any) -> bool:
        """Whether a property that changes so goes in the direction of the row."""
        return DIRECTIONS[self.when](self._meant(before), self._meant(after))

    def _meant(self, side: Any) -> Any:
        if side in (None, Marker.ABSENT):
            return self.default
        return inf if side in self.endless else side


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A variable of our own model server whose change in one direction lets calls fail."""

    name: str
    when: str
    says: str

    def goes(self, before: Any, after: Any) -> bool:
        """Whether a variable that changes so goes in the direction of the row."""
        return DIRECTIONS[self.when](before, after)


def calls_after(step: Step, changed: Iterable[Difference]) -> Calls:
    """`SAFE` where a row knows every one of the differences to be so."""
    fitting = [row for row in rows() if row.why and row.fits(step.type)]
    if any(_WHOLE in row.paths for row in fitting):
        return Calls.SAFE
    if step.op is Op.CREATE:
        return Calls.SAFE if any(fnmatchcase(step.type, token) for token in _made()) else Calls.UNKNOWN
    leaves = [leaf for difference in changed for leaf in _leaves(difference)]
    if not leaves or step.op not in {Op.UPDATE, Op.SAME}:
        return Calls.UNKNOWN
    return Calls.SAFE if all(_is_safe(leaf, fitting) for leaf in leaves) else Calls.UNKNOWN


def tell(step: Step, _plan: Plan) -> Iterator[Effect]:
    """Rule for every type: the sentences of the rows that fit a change, one for each property."""
    if step.before is None or step.after is None:
        return
    told: set[str] = set()
    for row in rows():
        if row.says and row.fits(step.type):
            moved = [d for d in _moved(row, step.before, step.after) if d.path not in told]
            told |= {difference.path for difference in moved}
            if moved:
                yield Effect(
                    kind=row.kind,
                    severity=row.severity,
                    sentence=f"{row.says.format(name=name(step))} ({changes(moved)}).",
                    urn=step.urn,
                    paths=tuple(difference.path for difference in moved),
                    calls=row.calls,
                    of_callers=row.of_callers,
                )


def _moved(row: Row, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    for path in row.paths:
        old, new = dict(found(before, path)), dict(found(after, path))
        for place in dict.fromkeys([*old, *new]):
            sides = old.get(place, Marker.ABSENT), new.get(place, Marker.ABSENT)
            if sides[0] != sides[1] and row.goes(*sides):
                yield Difference(place, *sides)


def _is_safe(leaf: Difference, fitting: Iterable[Row]) -> bool:
    path = re.sub(r"\[\d+\]", "[]", leaf.path)
    return any(
        re.match(rf"{re.escape(known)}($|[.\[])", path) is not None and row.goes(leaf.before, leaf.after)
        for row in fitting
        for known in row.paths
    )


def _leaves(difference: Difference) -> Iterator[Difference]:
    """A mapping that comes or goes as a whole is as many properties as it has."""
    sides = [{} if side is Marker.ABSENT else side for side in (difference.before, difference.after)]
    if all(isinstance(side, Mapping) for side in sides):
        yield from differences(sides[0], sides[1], difference.path)
    else:
        yield difference


@cache
def rows() -> tuple[Row, ...]:
    """Every row of the file.

    Raises:
        ValueError: a row that names no type, path or direction, or has neither reason nor sentence.
    """
    tables = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return (
        *(_row(given, "safe", calls=Calls.SAFE) for given in tables["safe"]),
        *(_row(given, "tells") for given in tables["tells"]),
    )


@cache
def server_variables() -> tuple[Variable, ...]:
    """Every variable of the file."""
    tables = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return tuple(Variable(**given) for given in tables["variables"])


@cache
def _made() -> tuple[str, ...]:
    """Types of which a new one shuts nothing."""
    return tuple(tomllib.loads(_FILE.read_text(encoding="utf-8"))["made"]["types"])


def _row(given: Mapping[str, Any], table: str, **more: Any) -> Row:
    wanted = "why" if table == "safe" else "says"
    if not (
        given.get("types")
        and given.get("paths")
        and given.get(wanted)
        and given.get("when", "any") in DIRECTIONS
    ):
        raise ValueError(
            f"{_FILE.name}: {table}: wanted types, paths, {wanted} and when as one of "
            f"{', '.join(DIRECTIONS)}, given {dict(given)}"
        )
    read = {key: item for key, item in given.items() if key not in {"types", "paths"}}
    if "severity" in read:
        read["severity"] = Severity[read["severity"].upper()]
    for key, kind in (("kind", Kind), ("calls", Calls)):
        if key in read:
            read[key] = kind(read[key])
    read |= {"types": tuple(given["types"]), "paths": tuple(given["paths"])}
    return Row(**{**read, "endless": tuple(given.get("endless", ()))}, **more)
