"""Panels of a dashboard over time as one SVG, written by hand."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

__all__ = ["Curve", "Plot", "as_svg"]

_WIDTH, _HEIGHT, _COLUMNS = 320, 260, 4
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 24, 34, 70
_LEGEND_ROWS: Final = 3
# Readable on white, and told apart by the colour-blind (Okabe and Ito).
_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


@dataclass(frozen=True)
class Curve:
    """One line: points of seconds since the beginning, and the value."""

    label: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Plot:
    """One panel; `unit` is one of `reqps`, `percentunit`, `s` and `short`."""

    title: str
    unit: str
    curves: tuple[Curve, ...]


def as_svg(plots: Sequence[Plot], title: str, seconds: float) -> str:
    """Draw plots in rows of four, all over the same time."""
    width, height = _WIDTH * _COLUMNS, _HEIGHT * math.ceil(len(plots) / _COLUMNS) + 30
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        "<style>text { font: 11px sans-serif; fill: #24292f }</style>",
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="12" y="20" font-weight="bold">{escape(title)}</text>',
    ]
    for place, plot in enumerate(plots):
        row, column = divmod(place, _COLUMNS)
        lines.append(f'<g transform="translate({column * _WIDTH} {row * _HEIGHT + 30})">')
        lines += _plot(plot, seconds)
        lines.append("</g>")
    return "\n".join([*lines, "</svg>"]) + "\n"


def _plot(plot: Plot, seconds: float) -> Iterator[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    greatest = max((value for curve in plot.curves for _, value in curve.points), default=0.0)
    step = _step(max(greatest, 1e-9) / 4)
    top = step * max(1, math.ceil(greatest / step))
    box = f'x="4" y="4" width="{_WIDTH - 8}" height="{_HEIGHT - 8}" rx="4"'
    yield f'<rect {box} fill="none" stroke="#d0d7de"/>'
    yield f'<text x="14" y="22" font-weight="bold">{escape(plot.title)}</text>'
    for count in range(round(top / step) + 1):
        y = bottom - (bottom - _TOP) * count * step / top
        yield f'<path d="M{_LEFT} {y:.1f}H{right}" stroke="#eaeef2"/>'
        tick = _text(count * step, plot.unit)
        yield f'<text x="{_LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{tick}</text>'
    for quarter in range(5):
        x = _LEFT + (right - _LEFT) * quarter / 4
        yield f'<text x="{x:.1f}" y="{bottom + 15}" text-anchor="middle">{seconds * quarter / 4:.0f} s</text>'
    for curve, colour in zip(plot.curves, _COLOURS, strict=False):
        for run in _runs(curve.points):
            places = " ".join(
                f"{_LEFT + (right - _LEFT) * at / seconds:.1f},{bottom - (bottom - _TOP) * value / top:.1f}"
                for at, value in run
            )
            yield f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
    for place, (curve, colour) in enumerate(zip(plot.curves, _COLOURS, strict=False)):
        column, row = divmod(place, _LEGEND_ROWS)
        x, y = 16 + column * (_WIDTH - 20) // 2, bottom + 30 + 13 * row
        yield f'<path d="M{x} {y - 4}h14" stroke="{colour}" stroke-width="2"/>'
        yield f'<text x="{x + 19}" y="{y}">{escape(curve.label)}</text>'


def _runs(points: Sequence[tuple[float, float]]) -> Iterator[list[tuple[float, float]]]:
    """A gap in the data is a gap in the line."""
    run: list[tuple[float, float]] = []
    for at, value in points:
        if math.isnan(value) or (run and at - run[-1][0] > 5):
            if run:
                yield run
            run = []
        if not math.isnan(value):
            run.append((at, value))
    if run:
        yield run


def _step(rough: float) -> float:
    """Round up to 1, 2 or 5 times a power of ten."""
    power: float = 10.0 ** math.floor(math.log10(rough))
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= rough * 0.999)


def _text(value: float, unit: str) -> str:
    match unit:
        case "percentunit":
            return f"{value * 100:.3g} %"
        case "s":
            return f"{value * 1000:.3g} ms"
        case _:
            return f"{value:.4g}"
