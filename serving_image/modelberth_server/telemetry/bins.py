"""Into which bucket a value falls, and what share of the training data fell there."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from modelberth_server.errors import ModelError
from modelberth_server.tensors import Array

__all__ = ["DEFAULT_EDGES", "OTHER", "Bins", "Classes", "EdgeTable", "Edges", "bins_of"]

Indices = npt.NDArray[np.intp]

OTHER: Final = "other"
MISSING: Final = "missing"

# Scores of a classifier in tenths; a regression's values by magnitude.
DEFAULT_EDGES: Final = (
    *(-1000.0, -100.0, -10.0, -1.0),
    *(tenth / 10 for tenth in range(11)),
    *(10.0, 100.0, 1000.0),
)
MAX_BINS: Final = 100


@dataclass(frozen=True)
class Edges:
    """Numeric buckets as `numpy.histogram` counts them: half open, `[a,b)`, but the last closed, `[a,b]`.

    Below the first edge, above the last and NaN (`missing`) have buckets of their own.
    """

    edges: tuple[float, ...]
    counts: tuple[float, ...] | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Label values, in the order of the indices."""
        shown = [f"{edge:.6g}" for edge in self.edges]
        inner = [f"[{low},{high})" for low, high in pairwise(shown[:-1])]
        last = f"[{shown[-2]},{shown[-1]}]"
        return (f"(-Inf,{shown[0]})", *inner, last, f"({shown[-1]},+Inf)", MISSING)

    @cached_property
    def expected(self) -> Array | None:
        """Counts of the training data, in the order of `folded`."""
        return None if self.counts is None else np.array(self.counts)

    def folded(self, counts: Array) -> Array:
        """Put what lies outside of the edges into the outermost buckets; what is missing is left out."""
        inner = counts[1 : len(self.edges)].astype(np.float64)
        inner[0] += counts[0]
        inner[-1] += counts[len(self.edges)]
        return inner


class EdgeTable:
    """The edges of several columns, found at once: one by one costs four times as much.

    A value's bucket is the number of edges that it reaches; NaN reaches none, and has the last one.
    """

    def __init__(self, bins: Sequence[Edges]) -> None:
        # Filled up with NaN, which no value reaches.
        self._edges = np.full((max(len(of.edges) for of in bins), len(bins), 1), np.nan)
        for position, of in enumerate(bins):
            # The value that equals the last edge belongs to the last bucket.
            last = math.nextafter(of.edges[-1], math.inf)
            self._edges[: len(of.edges), position, 0] = (*of.edges[:-1], last)
        self._missing = np.array([[len(of.edges) + 1] for of in bins])

    def indices(self, columns: Array) -> Indices:
        """Find the bucket of each value, `[columns, rows]`."""
        values = np.ascontiguousarray(columns, np.float64)
        # MAX_BINS fits.
        found = np.zeros(values.shape, np.int8)
        for edges in self._edges:
            found += values >= edges
        return np.where(np.isnan(values), self._missing, found)


@dataclass(frozen=True)
class Classes:
    """Known values, each a bucket; all others share one."""

    values: tuple[Any, ...]
    shown: tuple[str, ...]
    counts: tuple[float, ...] | None = None

    @classmethod
    def of(cls, values: Sequence[Any], counts: Sequence[float] | None = None) -> "Classes":
        """Make the buckets of at most `MAX_BINS` values: the most frequent, or else the first."""
        if counts is None:
            kept = list(values[:MAX_BINS])
            return cls(tuple(kept), tuple(map(str, kept)))
        ranked = sorted(zip(values, counts, strict=True), key=lambda pair: -pair[1])
        kept = [value for value, _ in ranked[:MAX_BINS]]
        rest = math.fsum(count for _, count in ranked[MAX_BINS:])
        return cls(tuple(kept), tuple(map(str, kept)), (*(c for _, c in ranked[:MAX_BINS]), rest))

    @classmethod
    def numbered(cls, labels: Sequence[str | int]) -> "Classes":
        """Make the buckets of a classifier that gives the number of a label."""
        names = [str(label) for label in labels[:MAX_BINS]]
        return cls(tuple(range(len(names))), tuple(names))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Label values, in the order of the indices."""
        return (*self.shown, OTHER)

    @cached_property
    def expected(self) -> Array | None:
        """Counts of the training data, in the order of `folded`."""
        return None if self.counts is None else np.array(self.counts)

    def indices(self, column: Array) -> Indices:
        """Find the bucket of each value."""
        find, rest = self._index.get, len(self.values)
        return np.array([find(value, rest) for value in column.tolist()], np.intp)

    def folded(self, counts: Array) -> Array:
        """Return the counts that compare with `expected`."""
        return counts[: len(self.values) + 1].astype(np.float64)

    @cached_property
    def _index(self) -> dict[Any, int]:
        return {value: position for position, value in enumerate(self.values)}


Bins = Edges | Classes


def bins_of(value: Any, where: str) -> Bins:
    """Read one histogram of a package's reference.

    `{"edges": [k + 1 rising numbers], "counts": [k]}`, as `numpy.histogram` gives them, or
    `{"classes": [k values], "counts": [k]}`.

    Raises:
        ModelError: naming the field at fault.

    """
    if not isinstance(value, Mapping) or set(value) not in ({"edges", "counts"}, {"classes", "counts"}):
        raise ModelError(f"{where}: expected an object with edges and counts, or classes and counts")
    counts = _numbers(value["counts"], f"{where}.counts")
    if min(counts) < 0 or sum(counts) <= 0:
        raise ModelError(f"{where}.counts: expected numbers of at least 0, and one above")
    if "classes" in value:
        classes = value["classes"]
        if not isinstance(classes, list) or not all(type(item) in (str, int, bool) for item in classes):
            raise ModelError(f"{where}.classes: expected a list of strings or integers")
        if len(classes) != len(counts) or len(set(classes)) != len(classes):
            raise ModelError(f"{where}.classes: expected {len(counts)} different values, one for each count")
        return Classes.of(classes, counts)
    edges = _numbers(value["edges"], f"{where}.edges")
    if len(edges) > MAX_BINS + 1:
        raise ModelError(f"{where}.edges: {len(edges)}, at most {MAX_BINS + 1} are possible")
    if len(edges) != len(counts) + 1:
        raise ModelError(f"{where}.edges: {len(edges)}, expected one more than the {len(counts)} counts")
    if any(low >= high for low, high in pairwise(edges)):
        raise ModelError(f"{where}.edges: expected rising numbers")
    return Edges(tuple(edges), tuple(counts))


def _numbers(value: Any, where: str) -> list[float]:
    if not isinstance(value, list) or not value:
        raise ModelError(f"{where}: expected a list of numbers")
    for index, item in enumerate(value):
        if type(item) not in (int, float) or not math.isfinite(item):
            raise ModelError(f"{where}[{index}]: expected a finite number")
    return [float(item) for item in value]
