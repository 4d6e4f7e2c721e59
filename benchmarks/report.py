"""The figures as a table for people and as JSON for machines."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from comparison import Comparison, Spread
from machine import Machine
from timing import Cost

__all__ = ["as_json", "as_table"]

_HEAD = ("what", "against", "wall s", "cpu s", "wall ratio", "cpu ratio", "aim", "load")


def as_table(comparisons: Sequence[Comparison]) -> str:
    """A Markdown table. Seconds: median, `subject / baseline`. Ratios: median, and the lowest and highest."""
    rows = [_HEAD, *map(_row, comparisons)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [_line(row, widths) for row in rows]
    return "\n".join([lines[0], _line(["-" * width for width in widths], widths), *lines[1:]])


def as_json(machine: Machine, comparisons: Sequence[Comparison]) -> str:
    """Everything that was measured. Times in seconds."""
    results = [
        {
            **asdict(comparison),
            "pairs": [{"subject": asdict(one), "baseline": asdict(other)} for one, other in comparison.pairs],
            "wall_ratio": asdict(comparison.wall_ratio),
            "cpu_ratio": asdict(comparison.cpu_ratio) if comparison.cpu_ratio else None,
            "is_met": comparison.is_met,
            "is_within": comparison.is_within,
        }
        for comparison in comparisons
    ]
    return json.dumps({"machine": asdict(machine), "comparisons": results}, indent=2)


def _row(comparison: Comparison) -> tuple[str, ...]:
    subjects, baselines = zip(*comparison.pairs, strict=True)
    return (
        comparison.subject,
        comparison.baseline,
        f"{_wall(subjects)} / {_wall(baselines)}",
        f"{_cpu(subjects)} / {_cpu(baselines)}",
        _ratio(comparison.wall_ratio),
        _ratio(comparison.cpu_ratio),
        _verdict(comparison),
        f"{comparison.load:.1f}",
    )


def _verdict(comparison: Comparison) -> str:
    word = {True: "met", False: "MISSED"}
    said = []
    if comparison.is_met is not None:
        said.append(f"{comparison.aim:g} {word[comparison.is_met]}")
    if comparison.is_within is not None:
        said.append(f"{comparison.limit:g} s {word[comparison.is_within]}")
    return ", ".join(said)


def _wall(costs: Sequence[Cost]) -> str:
    return f"{Spread.of(cost.wall for cost in costs).median:.2f}"


def _cpu(costs: Sequence[Cost]) -> str:
    known = [cost.cpu for cost in costs if cost.cpu is not None]
    return f"{Spread.of(known).median:.2f}" if known else "-"


def _ratio(ratio: Spread | None) -> str:
    return f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})" if ratio else "-"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
