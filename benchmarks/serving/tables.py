"""The figures as Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from aims import Aim
from comparison import Spread
from measurements import Figures
from workloads import WORKLOADS

__all__ = ["as_markdown"]

_HEAD: Final = (
    "server",
    "contract",
    "requests/s",
    "p50 ms",
    "p99 ms",
    "CPU µs a request",
    "share of the limit",
)


def as_markdown(figures: Figures, aims: Sequence[Aim], missing: Mapping[str, str]) -> str:
    """A table for each workload, one of starts and memory, one of the curve, and what is to be reached.

    Medians of the rounds, with the lowest and the highest in brackets where they matter.
    """
    parts = [_conditions(figures)]
    parts += [_workload(figures, workload.name, workload.title) for workload in WORKLOADS]
    parts += [_starts(figures), _curves(figures), _list("Aims", map(str, aims))]
    parts.append(_list("Not to be had here", (f"{name}: {why}" for name, why in missing.items())))
    parts.append(_list("Failed", figures.failures))
    return "\n\n".join(part for part in parts if part) + "\n"


def _conditions(figures: Figures) -> str:
    return ", ".join(f"{name} {value}" for name, value in figures.conditions.items())


def _workload(figures: Figures, name: str, title: str) -> str:
    contenders = figures.contenders(name)
    if not contenders:
        return ""
    limit = Spread.of(one.limit for one in figures.samples if one.workload == name)
    rows = [
        (
            figures.labels[contender],
            figures.of(name, contender)[0].contract,
            _spread(figures.spread(name, contender, "rate"), "{:,.0f}"),
            f"{figures.spread(name, contender, 'p50').median * 1e3:.1f}",
            _spread(figures.spread(name, contender, "p99"), "{:.1f}", 1e3),
            _spread(figures.spread(name, contender, "cpu"), "{:,.0f}", 1e6),
            _spread(figures.spread(name, contender, "ratio"), "{:.3f}"),
        )
        for contender in contenders
    ]
    said = f"ONNX Runtime in process: {_spread(limit, '{:,.1f}', 1e6)} µs.{_reachable(figures, name)}"
    return f"### {title}\n\n{said}\n\n{_table(_HEAD, rows)}"


def _reachable(figures: Figures, workload: str) -> str:
    """What a server could do at most, and how far each contender comes for which that was measured."""
    said = ""
    for contender in figures.contenders(workload):
        most = figures.measured(workload, contender, "reachable")
        transport = figures.measured(workload, contender, "transport")
        together = figures.measured(workload, contender, "together")
        if most is None or transport is None or together is None:
            continue
        ratio = figures.spread(workload, contender, "ratio")
        said += (
            f" With the rows of all connections at once: {_spread(together, '{:,.1f}', 1e6)} µs a request."
            f" The same bytes read and answered unseen by a bare server in C:"
            f" {_spread(transport, '{:,.1f}', 1e6)} µs. No server could reach a larger share of the limit"
            f" than {_spread(most, '{:.3f}')}; {figures.labels[contender]} reaches"
            f" {ratio.median / most.median:.0%} of that."
        )
    return said


def _starts(figures: Figures) -> str:
    rows = []
    for contender in figures.labels:
        if contender not in figures.starts:
            continue
        resident = figures.of("trees-1", contender)
        rows.append(
            (
                figures.labels[contender],
                _spread(figures.start(contender), "{:.2f}"),
                f"{figures.start(contender, 'first_request').median * 1e3:.1f}",
                f"{figures.start(contender, 'second_request').median * 1e3:.1f}",
                f"{Spread.of(one.resident for one in resident).median / 2**20:.0f}" if resident else "",
            )
        )
    head = ("server", "start to first right answer, s", "first request, ms", "second, ms", "resident, MiB")
    return f"### Start and memory\n\n{_table(head, rows)}" if rows else ""


def _curves(figures: Figures) -> str:
    if not figures.curves:
        return ""
    names = list(figures.curves)
    head = (
        "offered/s",
        *(f"{figures.labels[name]}: {what}" for name in names for what in ("answered/s", "p50 ms", "p99 ms")),
    )
    rows = []
    for points in zip(*figures.curves.values(), strict=True):
        cells = [f"{points[0].rate:,.0f}"]
        for point in points:
            cells += [f"{point.answered:,.0f}", f"{point.p50 * 1e3:.2f}", f"{point.p99 * 1e3:.2f}"]
        rows.append(cells)
    return f"### Offered load, open loop, one row of JSON\n\n{_table(head, rows)}"


def _spread(spread: Spread, form: str, factor: float = 1) -> str:
    median, low, high = (form.format(value * factor) for value in (spread.median, spread.low, spread.high))
    return median if low == high else f"{median} ({low} to {high})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _list(title: str, items: Iterable[str]) -> str:
    lines = [f"- {item}" for item in items]
    return f"### {title}\n\n" + "\n".join(lines) if lines else ""
