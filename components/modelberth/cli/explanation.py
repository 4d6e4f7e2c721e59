"""What `modelberth explain` tells of one resource, for a person and for a machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from rich.text import Text

from modelberth.cli.omitted import Experiment
from modelberth.cli.options import out
from modelberth.cli.stack import Stack
from modelberth.preview.cost import Cost
from modelberth.preview.cost.resource import kind_of
from modelberth.preview.cost.rules import free
from modelberth.preview.plan import Difference, Step
from modelberth.preview.provenance import Influence
from modelberth.preview.render.money import usd
from modelberth.preview.render.plain import plain, shortened
from modelberth.preview.render.values import concealed, written

__all__ = ["Explanation", "form", "show", "turn_off"]

_WIDEST: Final = 60


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Everything that is told about one resource. Money in US dollars a month."""

    step: Step
    place: tuple[Step, ...]
    """What it is in, the stack first."""
    owner: Step | None
    """The endpoint that it belongs to."""
    purpose: str | None
    """What its type is for; None where the table does not know the type."""
    cost: Cost
    """Of the resource and of all in it."""
    experiment: Experiment

    @property
    def makers(self) -> tuple[Influence, ...]:
        """The parts of the config without which it is not there, the smallest first."""
        found = [influence for influence in self.experiment.influences if influence.makes]
        return tuple(sorted(found, key=lambda influence: -len(influence.omission.keys)))


def turn_off(explanation: Explanation, stack: Stack) -> str:
    """How to be rid of it."""
    file, owner, makers = stack.file.name, explanation.owner, explanation.makers
    own = explanation.experiment.endpoint
    if makers and makers[0].omission.keys != own:
        return f"Leave `{makers[0].omission.path}` out of {file}."
    if owner is None:
        which = "that was tried " if explanation.experiment.tried else ""
        return f"No setting {which}turns it off: it is the program's own."
    what = (
        "It is the whole endpoint"
        if explanation.step is owner
        else f"It belongs to {_kind(owner)} `{owner.name}` and cannot be turned off alone"
    )
    if makers:
        return f"{what}: take `{makers[0].omission.path}` out of {file}."
    if own:
        return f"{what}, the stack's only one: `modelberth down --stack {stack.name}` removes it."
    return f"{what}: no setting that was tried removes it."


def form(explanation: Explanation, stack: Stack) -> dict[str, Any]:
    """The JSON form."""
    step, tried, cost = explanation.step, explanation.experiment, explanation.cost
    return {
        "urn": step.urn,
        "type": step.type,
        "name": step.name,
        "place": [{"urn": part.urn, "type": part.type, "name": part.name} for part in explanation.place],
        "purpose": explanation.purpose,
        "caused_by": [
            {
                "path": influence.omission.path,
                "makes": influence.makes,
                "differences": [
                    {
                        "path": difference.path,
                        "with": _value(difference, difference.before),
                        "without": _value(difference, difference.after),
                    }
                    for difference in influence.differences
                ],
            }
            for influence in tried.influences
        ],
        "no_influence": list(tried.without_influence),
        "needed": dict(tried.needed),
        "not_tried": dict(tried.not_tried),
        "monthly_usd": {
            "least": cost.least.usd,
            "expected": cost.expected.usd,
            "most": cost.most.usd,
        },
        "cost_lines": [asdict(line) for line in cost.expected.lines],
        "unpriced": [asdict(unpriced) for unpriced in cost.unpriced],
        "turn_off": turn_off(explanation, stack),
    }


def _value(difference: Difference, value: Any) -> str:
    return written(concealed(value, difference.path))


def show(explanation: Explanation, stack: Stack) -> None:
    """Print it for a person."""
    step = explanation.step
    out.print(Text(f"{plain(step.name)}  {plain(step.type)}", style="bold"))
    _section("Why", _why(explanation))
    _section("Caused by", _causes(explanation.experiment))
    _section("Cost of a month", _costs(explanation))
    _section("Turn off", [turn_off(explanation, stack)])


def _section(title: str, lines: Sequence[str]) -> None:
    out.print(Text(f"\n{title}", style="bold"))
    for line in lines:
        out.print(Text(f"  {plain(line)}"))


def _why(explanation: Explanation) -> list[str]:
    chain = [*explanation.place, explanation.step]
    places = " → ".join(f"{part.name} ({_kind(part)})" for part in chain)
    return [
        f"{explanation.purpose[0].upper()}{explanation.purpose[1:]}."
        if explanation.purpose
        else f"What {explanation.step.type} is for is not known here; the program made it.",
        f"Place: {places}",
    ]


def _causes(tried: Experiment) -> list[str]:
    lines = []
    for influence in sorted(tried.influences, key=lambda influence: not influence.makes):
        if influence.makes:
            lines.append(f"{influence.omission.path}: without it the resource is not there")
            continue
        lines.append(f"{influence.omission.path} decides")
        lines += [
            f"  {difference.path}: {_side(difference, difference.before)}, "
            f"without it {_side(difference, difference.after)}"
            for difference in influence.differences
        ]
    if not lines:
        lines.append("No setting that was tried: it is there because the program makes it.")
    if tried.without_influence:
        lines.append(f"No influence: {', '.join(tried.without_influence)}")
    lines += [f"Needed: {path}: {why.removeprefix(f'{path}: ')}" for path, why in tried.needed.items()]
    if tried.not_tried:
        lines.append("Not tried: " + ", ".join(f"{path} ({why})" for path, why in tried.not_tried.items()))
    return lines


def _side(difference: Difference, value: Any) -> str:
    return shortened(_value(difference, value), _WIDEST)


def _costs(explanation: Explanation) -> list[str]:
    cost = explanation.cost
    if not (cost.most.lines or cost.unpriced):
        why = free(kind_of(explanation.step.type))
        return [f"Nothing: {why}." if why else "Nothing that is billed."]
    gaps = [f"not estimated: {unpriced.why}" for unpriced in cost.unpriced]
    if not cost.priced:
        return gaps
    least, expected, most = (usd(scenario.usd) for scenario in (cost.least, cost.expected, cost.most))
    return [
        f"{expected} at the expected load, {least} without a request, {most} at most",
        *(f"{usd(line.usd)}  {line.what}" for line in cost.expected.lines),
        *gaps,
    ]


def _kind(step: Step) -> str:
    return step.type.rpartition(":")[2]
