"""Two plots over the offered load as one SVG, written by hand: throughput, and p99 on a logarithmic axis."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from open_loop import Offered

__all__ = ["as_svg"]

_WIDTH, _HEIGHT = 420, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 30, 40, 50
_COLOURS: Final = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700")  # readable on white and for the colour-blind
_DASHES: Final = ("none", "6 4", "2 3", "8 3 2 3")


def as_svg(curves: Mapping[str, Sequence[Offered]], title: str) -> str:
    """Draw a line for each label; one point or more in each."""
    points = [point for line in curves.values() for point in line]
    offered = _Axis.linear(0, max(point.rate for point in points))
    plots = (
        (
            "answered a second",
            _Axis.linear(0, max(point.answered for point in points)),
            lambda point: point.answered,
        ),
        ("p99, ms", _Axis.logarithmic([point.p99 * 1e3 for point in points]), lambda point: point.p99 * 1e3),
    )
    width, height = 2 * _WIDTH, _HEIGHT + 20 * len(curves)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        "<style>text { font: 12px sans-serif }</style>",
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="{width // 2}" y="20" text-anchor="middle" font-weight="bold">{escape(title)}</text>',
    ]
    for index, (name, axis, value) in enumerate(plots):
        lines.append(f'<g transform="translate({index * _WIDTH} 0)">')
        lines += _plot(curves, name, offered, axis, value)
        lines.append("</g>")
    lines += [*_legend(list(curves)), "</svg>"]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class _Axis:
    """From values to 0…1."""

    low: float
    high: float
    ticks: tuple[float, ...]
    is_logarithmic: bool = False

    @classmethod
    def linear(cls, low: float, high: float) -> "_Axis":
        step = _step((high - low) / 5)
        count = math.ceil((high - low) / step)
        return cls(low, low + count * step, tuple(low + index * step for index in range(count + 1)))

    @classmethod
    def logarithmic(cls, values: Sequence[float]) -> "_Axis":
        low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
        high = max(high, low + 1)
        return cls(low, high, tuple(10.0**power for power in range(low, high + 1)), is_logarithmic=True)

    def share(self, value: float) -> float:
        at = math.log10(value) if self.is_logarithmic else value
        return (at - self.low) / (self.high - self.low)


def _step(rough: float) -> float:
    """Round up to 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= rough)


def _x(axis: _Axis, value: float) -> float:
    return _LEFT + axis.share(value) * (_WIDTH - _LEFT - _RIGHT)


def _y(axis: _Axis, value: float) -> float:
    return _HEIGHT - _BOTTOM - axis.share(value) * (_HEIGHT - _TOP - _BOTTOM)


def _plot(
    curves: Mapping[str, Sequence[Offered]],
    name: str,
    offered: _Axis,
    axis: _Axis,
    value: Callable[[Offered], float],
) -> Iterator[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    for tick in offered.ticks:
        x = _x(offered, tick)
        yield f'<path d="M{x:.1f} {bottom}v5" stroke="#57606a"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{tick:,.0f}</text>'
    for tick in axis.ticks:
        y = _y(axis, tick)
        yield f'<path d="M{_LEFT} {y:.1f}H{right}" stroke="#d0d7de"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:,g}</text>'
    yield f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" fill="none" stroke="#57606a"/>'
    middle = (_LEFT + right) / 2
    yield f'<text x="{middle}" y="{bottom + 38}" text-anchor="middle">offered a second</text>'
    up = f'transform="translate(16 {(_TOP + bottom) / 2}) rotate(-90)"'
    yield f'<text {up} text-anchor="middle">{name}</text>'
    for line, colour, dash in zip(curves.values(), _COLOURS, _DASHES, strict=False):
        places = " ".join(f"{_x(offered, point.rate):.1f},{_y(axis, value(point)):.1f}" for point in line)
        style = f'fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"'
        yield f'<polyline points="{places}" {style}/>'


def _legend(labels: Sequence[str]) -> Iterator[str]:
    for index, (label, colour, dash) in enumerate(zip(labels, _COLOURS, _DASHES, strict=False)):
        y = _HEIGHT + 20 * index + 6
        yield f'<path d="M{_LEFT} {y}h30" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>'
        yield f'<text x="{_LEFT + 38}" y="{y + 4}">{escape(label)}</text>'
