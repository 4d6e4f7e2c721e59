"""What was measured, as values that can be written down and read again."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from comparison import Spread
from open_loop import Offered
from running_server import Start

__all__ = ["Figures", "Sample"]


@dataclass(frozen=True)
class Sample:
    """One contender under one workload in one round. Times in seconds."""

    workload: str
    contender: str
    contract: str
    round: int
    requests: int
    rate: float
    p50: float
    p99: float
    cpu: float
    """Processor time of the server's processes for one request."""
    limit: float
    """Processor time of ONNX Runtime in process for the same rows, in the same round."""
    resident: int
    """Bytes after the load."""
    transport: float | None = None
    """Processor time of a bare server for the same bytes; None where it was not measured."""
    together: float | None = None
    """As `limit`, but with the rows of all connections computed at once."""

    @property
    def ratio(self) -> float:
        """Share of a request's processor time that the model itself would take."""
        return self.limit / self.cpu

    @property
    def reachable(self) -> float | None:
        """The ratio of a server that is nothing but transport and model, in batches where that costs less."""
        if self.transport is None or self.together is None:
            return None
        return self.limit / (self.transport + min(self.limit, self.together))


@dataclass
class Figures:
    """All of a run; `starts` and `curves` by the contender's name."""

    conditions: Mapping[str, Any]
    labels: Mapping[str, str]
    """Of every contender, with its version."""
    samples: list[Sample] = field(default_factory=list)
    starts: dict[str, list[Start]] = field(default_factory=dict)
    curves: dict[str, list[Offered]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def of(self, workload: str, contender: str) -> list[Sample]:
        """The samples of all rounds."""
        return [one for one in self.samples if (one.workload, one.contender) == (workload, contender)]

    def contenders(self, workload: str) -> list[str]:
        """Who was measured under a workload, in the order of the labels."""
        measured = {one.contender for one in self.samples if one.workload == workload}
        return [name for name in self.labels if name in measured]

    def spread(self, workload: str, contender: str, figure: str) -> Spread:
        """Sum up one figure of a `Sample` over the rounds."""
        return Spread.of(getattr(one, figure) for one in self.of(workload, contender))

    def measured(self, workload: str, contender: str, figure: str) -> Spread | None:
        """As `spread`, over the rounds that have the figure; None where none has."""
        values = [getattr(one, figure) for one in self.of(workload, contender)]
        there = [value for value in values if value is not None]
        return Spread.of(there) if there else None

    def start(self, contender: str, figure: str = "answered") -> Spread:
        """Sum up one figure of a `Start` over the starts."""
        return Spread.of(getattr(one, figure) for one in self.starts[contender])

    def as_json(self) -> dict[str, Any]:
        """Everything, for `json.dumps`."""
        return {
            "conditions": dict(self.conditions),
            "labels": dict(self.labels),
            "samples": _dicts(self.samples),
            "starts": {name: _dicts(starts) for name, starts in self.starts.items()},
            "curves": {name: _dicts(points) for name, points in self.curves.items()},
            "failures": self.failures,
        }

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Self:
        """Read what `as_json` gave."""
        return cls(
            written["conditions"],
            written["labels"],
            [Sample(**one) for one in written["samples"]],
            {name: [Start(**one) for one in starts] for name, starts in written["starts"].items()},
            {name: [Offered(**one) for one in points] for name, points in written["curves"].items()},
            list(written["failures"]),
        )


def _dicts(values: Iterable[Any]) -> list[dict[str, Any]]:
    return [asdict(value) for value in values]
