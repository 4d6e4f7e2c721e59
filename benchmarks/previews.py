"""`pulumi preview` of a new stack: what components, spec and capabilities cost over plain registrations."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from comparison import Comparison, Race
from scratch import Project, Scratch
from timing import BenchmarkError, Cost

__all__ = ["compare", "require_same"]

AIM = 1.3


def compare(scratch: Scratch, rounds: int, sizes: Sequence[int]) -> Iterator[Comparison]:
    """For each size, a stack of so many endpoints that serve the same model."""
    for size in sizes:
        _make_stacks(scratch, size)
        require_same(*(_resources(project, size) for project in (scratch.endpoints, scratch.by_hand)))
        ours, by_hand = f"pulumi preview, {size} endpoint{'s'[: size > 1]}", "the same registered by hand"
        contestants = {ours: _preview(scratch.endpoints, size), by_hand: _preview(scratch.by_hand, size)}
        yield Race.run(contestants, rounds, warm_up=False).compare(ours, by_hand, AIM)


def require_same(ours: dict[str, Any], by_hand: dict[str, Any]) -> None:
    """Compare the inputs of two programs' resources by URN: a ratio of unequal work would say nothing.

    Raises:
        BenchmarkError: a resource is missing or differs.
    """
    unequal = sorted(urn for urn in ours.keys() | by_hand.keys() if ours.get(urn) != by_hand.get(urn))
    if unequal:
        urn = unequal[0]
        raise BenchmarkError(
            f"the program written by hand does not register what the stack registers; {len(unequal)} differ, "
            f"first {urn}: {by_hand.get(urn)}, not {ours.get(urn)}"
        )


def _resources(project: Project, size: int) -> dict[str, Any]:
    """The inputs that a preview shows, by URN; the one project named as the other.

    Of a component it counts that it is there: what ours registers of its spec is a cost of ours.
    """
    previewed = project.pulumi("preview", "--json", "--stack", _stack(size)).output.replace(
        "by-hand", "modelberth"
    )
    states = {step["urn"]: step["newState"] for step in json.loads(previewed)["steps"]}
    return {urn: state.get("inputs", {}) if state["custom"] else {} for urn, state in states.items()}


def _make_stacks(scratch: Scratch, size: int) -> None:
    """A new stack of `size` endpoints in both projects."""
    names = [f"iris-{index:03}" for index in range(size)]
    scratch.endpoints.configure(
        _stack(size),
        endpoints=[
            {"name": name, "model": {"uri": "file:models/iris/model.onnx"}, "target": {"kind": "local"}}
            for name in names
        ],
    )
    scratch.by_hand.configure(_stack(size), endpoints=names)
    for project in (scratch.endpoints, scratch.by_hand):
        project.pulumi("stack", "init", _stack(size), "--no-select")


def _preview(project: Project, size: int) -> Callable[[], Cost]:
    # The stack, the provider, and for each endpoint two components and a process.
    expected = f"+ {2 + 3 * size} to create"
    return lambda: project.pulumi("preview", "--stack", _stack(size)).require(expected)


def _stack(size: int) -> str:
    return f"size-{size}"
