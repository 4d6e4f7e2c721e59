"""What a reviewer asks of an endpoint, as every form of a report answers it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from modelberth.preview.cost.estimate import Cost
from modelberth.preview.effects.wording import listed
from modelberth.preview.report import EndpointReport

from .money import usd

__all__ = ["Answer", "answered", "idle_sentence"]

_FEW = 4


@dataclass(frozen=True)
class Answer:
    """A question and what answers it, a sentence without its end each."""

    question: str
    sentences: tuple[str, ...]


def answered(endpoint: EndpointReport) -> Iterator[Answer]:
    """Each question that the plan has an answer to; none for an endpoint that goes, or is left as it is."""
    if endpoint.answers is None or endpoint.unchanged:
        return
    said = endpoint.answers
    for question, sentences in (
        ("Who may call it", said.callers),
        ("What it may read", said.reads),
        ("What else it may do", said.does),
        ("What alone takes it down", said.takes_down),
        ("What it costs without a request", (idle_sentence(endpoint.after, endpoint.priced_on),)),
    ):
        if any(sentences):
            yield Answer(question, sentences)


def idle_sentence(cost: Cost | None, priced_on: tuple[date, date] | None) -> str:
    """A month without a single request: the sum, what it is made of, and what it leaves out.

    Empty where nothing is to be estimated. What is billed for its use alone costs nothing then, with a
    price or without.
    """
    if cost is None:
        return ""
    without = [one.why for one in cost.unpriced if one.idle]
    left_out = f"{len(without)} left out: {listed(list(dict.fromkeys(without)))}" if without else ""
    parts: dict[str, list[float]] = {}
    for line in cost.least.lines:
        parts.setdefault(line.what, []).append(line.usd)
    if not parts:
        return f"not estimated: {listed(list(dict.fromkeys(without)))}" if without else "nothing"
    by_cost = sorted(parts.items(), key=lambda part: -sum(part[1]))
    made_of = listed([_part(what, each) for what, each in by_cost], _FEW)
    days = "" if priced_on is None else f"; prices of {_days(*priced_on)}"
    at_least = "at least " if without else ""
    total = f"{at_least}{usd(cost.least.usd)} a month: {made_of}{days}"
    return f"{total}; {left_out}" if left_out else total


def _part(what: str, each: list[float]) -> str:
    return f"{what} {usd(sum(each))}" if len(each) == 1 else f"{len(each)} of {what} {usd(sum(each))}"


def _days(first: date, last: date) -> str:
    return f"{first}" if first == last else f"{first} to {last}"
