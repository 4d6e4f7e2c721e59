"""Previews on stand-in providers: of three endpoints, of ever more, and what the checks of inputs cost."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from comparison import Comparison, Race
from scratch import Project, Scratch
from timing import BenchmarkError, Cost, timed

__all__ = ["compare", "per_endpoint", "resources"]

LIMIT = 5.0
"""Seconds of the offline preview of three endpoints, on two cores that nobody else uses."""
ADDED = 1.2
"""What the stand-ins may take over a provider that accepts everything."""
LINEAR = 1.2
"""What an endpoint of many may take over one of few."""

_STACK = "dev"
_SERVED = Path(__file__).resolve().parent / "served.py"
_BY_KIND = (13, 5, 8)
"""Resources of each kind of endpoint in `examples/clouds`, in turn: the component and what is in it."""


def compare(scratch: Scratch, rounds: int, sizes: Sequence[int]) -> Iterator[Comparison]:
    """The example as a person previews it, then stacks of so many endpoints."""
    scratch.clouds.pulumi("stack", "init", _STACK, "--no-select")
    person = "modelberth preview --offline, 3 endpoints"
    checked, accepted = _names(3)
    race = Race.run(
        {
            person: lambda: scratch.clouds.modelberth(
                "preview", "--offline", "--no-state", "--stack", _STACK
            ),
            **_contestants(scratch.clouds, _STACK, 3),
        },
        rounds,
    )
    yield race.compare(person, accepted, limit=LIMIT)
    yield race.compare(checked, accepted, ADDED)

    contestants: dict[str, Callable[[], Cost]] = {}
    for size in sizes:
        contestants |= _contestants(scratch.many_clouds, _make_stack(scratch, size), size)
    race = Race.run(contestants, rounds, warm_up=False)
    for size in sizes:
        yield race.compare(*_names(size), ADDED)
    yield from per_endpoint({size: race.costs[_names(size)[0]] for size in sizes}, race.load)


def per_endpoint(costs: Mapping[int, Sequence[Cost]], load: float) -> Iterator[Comparison]:
    """What one more endpoint costs between two sizes, against what it costs between the two sizes before.

    `costs` are previews of so many endpoints, by round. The quickest round of each counts: a difference of
    two times that were both disturbed says nothing. The smallest size is left out: up to the next one the
    SDKs of more clouds are imported.
    """
    least = {size: _least(costs[size]) for size in sorted(costs)[1:]}
    for (small, middle), (_, large) in pairwise(pairwise(least)):
        pair = (
            _each(least[large], least[middle], large - middle),
            _each(least[middle], least[small], middle - small),
        )
        subject, baseline = (
            f"each endpoint from {middle} to {large}, under stand-ins",
            f"each endpoint from {small} to {middle}",
        )
        yield Comparison(subject, baseline, (pair,), load, LINEAR)


def resources(endpoints: int) -> int:
    """What a preview of so many endpoints creates, the stack itself included."""
    return 1 + sum(_BY_KIND[index % len(_BY_KIND)] for index in range(endpoints))


def _least(costs: Sequence[Cost]) -> Cost:
    return Cost(min(cost.wall for cost in costs), min(cost.cpu for cost in costs if cost.cpu is not None))


def _each(more: Cost, less: Cost, endpoints: int) -> Cost:
    """What each of so many endpoints adds.

    Raises:
        BenchmarkError: they added nothing, so that nothing can be told from them.
    """
    assert more.cpu is not None
    assert less.cpu is not None
    wall, cpu = more.wall - less.wall, more.cpu - less.cpu
    if min(wall, cpu) <= 0:
        raise BenchmarkError(
            f"{endpoints} more endpoints took {wall:.2f} s more, {cpu:.2f} s of processor time: "
            "the machine is too busy, or the sizes are too close"
        )
    return Cost(wall / endpoints, cpu / endpoints)


def _names(endpoints: int) -> tuple[str, str]:
    many = f"{endpoints} endpoint{'s'[: endpoints > 1]}"
    return f"pulumi preview under stand-ins, {many}", f"{many}, a provider that accepts everything"


def _contestants(project: Project, stack: str, endpoints: int) -> dict[str, Callable[[], Cost]]:
    return {
        name: _preview(project, stack, server, f"+ {resources(endpoints)} to create")
        for name, server in zip(_names(endpoints), ("standins", "accept-all"), strict=True)
    }


def _preview(project: Project, stack: str, server: str, expected: str) -> Callable[[], Cost]:
    command = [
        sys.executable,
        str(_SERVED),
        server,
        "pulumi",
        "preview",
        "--non-interactive",
        "--stack",
        stack,
    ]
    return lambda: timed(command, cwd=project.folder, environ=project.environ).require(expected)


def _make_stack(scratch: Scratch, size: int) -> str:
    stack = f"size-{size}"
    scratch.many_clouds.configure(stack, endpoints=size, **scratch.clouds.config(_STACK))
    scratch.many_clouds.pulumi("stack", "init", stack, "--no-select")
    return stack
