"""What each target can do: `capabilities.toml`, checked against the spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from modelberth.spec import EndpointSpec, Target
from modelberth.spec.shape import leaves, models_in, tag_of

if TYPE_CHECKING:
    from datetime import date

__all__ = [
    "FEATURES",
    "TABLE",
    "Capability",
    "MatrixRow",
    "TargetTable",
    "captured",
    "load",
    "matrix",
    "paths",
    "read",
]

TABLE: Final = Path(__file__).with_name("capabilities.toml")

FEATURES: Final = {"model.uri": "model.scheme", "scaling.min": "scale_to_zero", "scaling.max": "autoscaling"}
"""Features that follow from fields, by the field that decides them and that is blamed."""


class MatrixRow(NamedTuple):
    """One line of the matrix: a spec path or feature, and for each target what it makes of it."""

    path: str
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Capability:
    """What one target makes of one path; `reason` ends a sentence that tells of a refusal."""

    values: tuple[str, ...] = ()
    at_most: str | int | None = None
    is_refused: bool = False
    reason: str = ""
    is_uncertain: bool = False

    def __str__(self) -> str:
        most = "" if self.at_most is None else f"≤ {self.at_most}"
        text = "no" if self.is_refused else ", ".join(self.values) or most or "yes"
        return f"{text} (?)" if self.is_uncertain else text


@dataclass(frozen=True, slots=True)
class TargetTable:
    """Everything that one target can do."""

    kind: str
    status: Literal["available", "planned"]
    extras: tuple[str, ...]
    """Of this package: what has to be installed beside it."""
    cold_start: str
    """How long a new replica takes until it answers, in words."""
    sources: tuple[str, ...]
    rows: Mapping[str, Capability] = field(repr=False)

    def row(self, path: str) -> Capability | None:
        """Return the row of a path, or the refusal of a part that it lies in; None where there is neither."""
        found = self.rows.get(path)
        while found is None and "." in path:
            path = path.rpartition(".")[0]
            above = self.rows.get(path)
            if above is not None and above.is_refused:
                found = above
        return found


@cache
def captured() -> date:
    """Return the day on which the vendors' documentation was last read for the table."""
    day: date = _toml()["captured"]
    return day


@cache
def load() -> Mapping[str, TargetTable]:
    """Return the table by the target's kind, in the order of the file."""
    return read(_toml())


def _toml() -> dict[str, Any]:
    # Imported here: with `difflib` in the spec it is what makes the import of the package slow.
    import tomllib  # noqa: PLC0415

    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def read(data: Mapping[str, Any]) -> Mapping[str, TargetTable]:
    """Check a table and put it into rows; raises `ValueError` for what is no target, no path or twofold."""
    kinds = [tag[1] for model in models_in(Target) if (tag := tag_of(model))]
    if sorted(kinds) != sorted(data["targets"]):
        raise ValueError(
            f"{TABLE.name}: the targets are {', '.join(kinds)}, not {', '.join(data['targets'])}"
        )
    targets = data["targets"]
    return {kind: _table(kind, _entire(entry, targets), data["sets"]) for kind, entry in targets.items()}


def _entire(entry: Mapping[str, Any], targets: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return an entry with the rows of the target that it is `like`; its own take their place."""
    if "like" not in entry:
        return entry
    shared = targets[entry["like"]]
    tables = ("values", "at_most", "because", "refused")
    own = {*entry.get("honoured", ()), *(path for name in tables for path in entry.get(name, {}))}
    rows = {
        name: {path: row for path, row in shared.get(name, {}).items() if path not in own}
        | entry.get(name, {})
        for name in tables
    }
    honoured = [path for path in shared["honoured"] if path not in own]
    return {**shared, **entry, **rows, "honoured": [*honoured, *entry.get("honoured", ())]}


def matrix() -> tuple[MatrixRow, ...]:
    """Return the whole table, one row for each leaf and feature, in the order of the spec."""
    tables = load().values()
    return tuple(
        MatrixRow(path, {table.kind: str(table.row(path) or "not yet") for table in tables})
        for path in paths()
    )


def paths() -> tuple[str, ...]:
    """Return every path that the table may name: the leaves of the spec, each with the feature it decides."""
    return tuple(
        name for leaf in leaves(EndpointSpec) for name in (leaf.path, FEATURES.get(leaf.path)) if name
    )


def _table(kind: str, entry: Mapping[str, Any], sets: Mapping[str, list[str]]) -> TargetTable:
    shared = [path for name in entry["sets"] for path in sets[name]]
    values, at_most, refused = entry["values"], entry.get("at_most", {}), entry.get("refused", {})
    reasons, uncertain = {**entry.get("because", {}), **refused}, entry.get("uncertain", [])
    named = [*entry["honoured"], *values, *at_most, *refused]

    known = set(paths())
    parts = {path.rsplit(".", depth)[0] for path in known for depth in range(path.count(".") + 1)}
    faults = {
        "no field of the spec": {*named, *shared} - known - {*refused} | {*refused} - parts,
        "has two rows": {path for path in named if named.count(path) > 1},
        "has no row": {*reasons, *uncertain} - {*named, *shared},
    }
    if entry["status"] not in {"available", "planned"}:
        raise ValueError(
            f"{TABLE.name}: target {kind}: the status is available or planned, not {entry['status']}"
        )
    for fault, found in faults.items():
        if found:
            raise ValueError(f"{TABLE.name}: target {kind}: {fault}: {', '.join(sorted(found))}")
    rows = {
        path: Capability(
            values=tuple(values.get(path, ())),
            at_most=at_most.get(path),
            is_refused=path in refused,
            reason=reasons.get(path, ""),
            is_uncertain=path in uncertain,
        )
        for path in dict.fromkeys([*shared, *named])
    }
    return TargetTable(
        kind, entry["status"], tuple(entry["extras"]), entry["cold_start"], tuple(entry["sources"]), rows
    )
