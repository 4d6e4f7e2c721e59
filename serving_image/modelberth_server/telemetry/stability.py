"""Counts of a tensor's columns, and how far they are from those of the training data.

Population stability index, with a and e the shares of a bucket in the last rows and in the training data:
PSI = Σ (a - e) · ln(a / e). N. Siddiqi, "Credit Risk Scorecards", Wiley 2006, reads below 0.1 as stable,
0.1 to 0.25 as a shift to look at, above as a large one. Of rows from the same distribution it is expected
to be about (buckets - 1) · (1/rows + 1/training rows): B. Yurdakul, "Statistical Properties of Population
Stability Index", Western Michigan University 2018. So it is not shown for fewer than `LEAST_ROWS`.
"""

from collections.abc import Sequence
from typing import Final, cast

import numpy as np

from modelberth_server.telemetry.bins import Bins, Classes, Edges, EdgeTable
from modelberth_server.tensors import Array

__all__ = ["LEAST_ROWS", "WINDOW_ROWS", "Table", "stability_index"]

LEAST_ROWS: Final = 500
WINDOW_ROWS: Final = 10_000
"""The index is of the last one to two windows."""

# The index has no value for an empty bucket: its share counts as this much.
_LEAST_SHARE: Final = 1e-4


def stability_index(actual: Array, expected: Array) -> float:
    """Compute the population stability index of two rows of counts in the same buckets."""
    a = np.maximum(actual / actual.sum(), _LEAST_SHARE)
    e = np.maximum(expected / expected.sum(), _LEAST_SHARE)
    return float(((a - e) * np.log(a / e)).sum())


class Table:
    """Counts of the columns of one tensor.

    Args:
        labels: of all its series: model, version, tensor
        columns: that the tensor has
        bins: of the columns that are counted, the first ones

    """

    def __init__(self, labels: tuple[str, str, str], columns: int, bins: Sequence[Bins]) -> None:
        self.name = labels[2]
        self._columns = columns
        self._bins = tuple(bins)
        self._classes = [(position, of) for position, of in enumerate(bins) if isinstance(of, Classes)]
        numeric = {position: of for position, of in enumerate(bins) if isinstance(of, Edges)}
        self._numeric = list(numeric)
        self._edges = EdgeTable(list(numeric.values())) if numeric else None
        self._width = max(len(of.names) for of in bins)
        self.counts = np.zeros((len(bins), self._width), np.int64)
        self._starts = np.arange(len(bins))[:, np.newaxis] * self._width
        self._window = np.zeros_like(self.counts)
        self._window_before = np.zeros_like(self.counts)
        self._labels = [(*labels, str(position)) for position in range(len(bins))]
        self._series = [
            [(*own, name) for name in of.names] for own, of in zip(self._labels, bins, strict=True)
        ]

    @property
    def columns(self) -> int:
        """How many columns are counted."""
        return len(self._bins)

    def count(self, arrays: Sequence[Array | None]) -> None:
        """Count the rows of arrays `[rows]` or `[rows, columns]`; None: the output was not computed."""
        columns = self._joined(arrays)
        if columns is None:
            return
        watched = columns[:, : len(self._bins)].T
        places = np.empty(watched.shape, np.intp)
        if self._edges is not None:
            places[self._numeric] = self._edges.indices(watched[self._numeric])
        for position, classes in self._classes:
            places[position] = classes.indices(watched[position])
        places += self._starts
        more = np.bincount(places.reshape(-1), minlength=self.counts.size).reshape(self.counts.shape)
        self.counts += more
        self._window += more
        if self._window[0].sum() >= WINDOW_ROWS:
            self._window_before = self._window
            self._window = np.zeros_like(self.counts)

    def buckets(self) -> dict[tuple[str, ...], list[float]]:
        """Return the counts by bucket; of columns without a reference, where there are any."""
        found: dict[tuple[str, ...], list[float]] = {}
        for series, counts, of in zip(self._series, self.counts.tolist(), self._bins, strict=True):
            every = of.expected is not None
            # A column may have fewer buckets than the widest.
            found |= {
                labels: [count] for labels, count in zip(series, counts, strict=False) if every or count
            }
        return found

    def stability(self) -> dict[tuple[str, ...], list[float]]:
        """Return the index of each column, where there is a reference and there are rows enough."""
        recent = self._window + self._window_before
        found: dict[tuple[str, ...], list[float]] = {}
        for labels, counts, of in zip(self._labels, recent, self._bins, strict=True):
            actual = of.folded(counts)
            if of.expected is not None and actual.sum() >= LEAST_ROWS:
                found[labels] = [stability_index(actual, of.expected)]
        return found

    def _joined(self, arrays: Sequence[Array | None]) -> Array | None:
        """Return all rows, without what ONNX Runtime gave in another shape than the declared one."""
        try:
            joined: Array | None = np.concatenate(cast("Sequence[Array]", arrays))  # raises where one is None
        except ValueError:
            joined = None
        if joined is None or joined.size != len(joined) * self._columns:
            fitting = [
                array.reshape(-1, self._columns)
                for array in arrays
                if array is not None and array.ndim in (1, 2) and array.size == len(array) * self._columns
            ]
            if not fitting:
                return None
            joined = np.concatenate(fitting)
        return joined.reshape(-1, self._columns)
