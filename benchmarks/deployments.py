"""`make up` of the embedded default when it is up already, with a change and without one."""

from collections.abc import Callable, Iterator
from itertools import cycle

from comparison import Comparison, Race
from scratch import Project, Scratch
from timing import Cost, Finished

__all__ = ["compare"]

_STACK = "dev"
_SAME = "make up, no change"
_CHANGED = "make up, one setting changed"
_BY_HAND = "pulumi up, the same by hand"
_COMPONENTS = "pulumi up, 5 bare resources"


def compare(scratch: Scratch, rounds: int) -> Iterator[Comparison]:
    """Against `pulumi up --yes` (its preview is in it) of plain programs with the same number of resources.

    `make up` does more: it looks whether the checkout is ready, refreshes, and calls the endpoint.
    """
    _configure(scratch.endpoints, "1Mi")
    scratch.by_hand.configure(_STACK, endpoints=["iris"], max_body="1048576")
    scratch.components_only.configure(_STACK)
    scratch.endpoints.make("up").require("5 made")
    for project in (scratch.by_hand, scratch.components_only):
        project.pulumi("stack", "init", _STACK, "--no-select")
        _up(project).require("+ 5 created")

    race = Race.run(
        {
            _SAME: lambda: scratch.endpoints.make("up").require("No change: the stack is as described."),
            _BY_HAND: lambda: _up(scratch.by_hand).require("5 unchanged"),
            _COMPONENTS: lambda: _up(scratch.components_only).require("5 unchanged"),
        },
        rounds,
        warm_up=False,
    )
    yield race.compare(_SAME, _BY_HAND)
    yield race.compare(_SAME, _COMPONENTS)

    race = Race.run(
        {_CHANGED: _change(scratch.endpoints), _BY_HAND: _change_by_hand(scratch.by_hand)},
        rounds,
        warm_up=False,
    )
    yield race.compare(_CHANGED, _BY_HAND)


def _change(project: Project) -> Callable[[], Cost]:
    sizes = cycle(["2Mi", "1Mi"])

    def run() -> Cost:
        _configure(project, next(sizes))
        return project.make("up").require("Done: 2 changed.")

    return run


def _change_by_hand(project: Project) -> Callable[[], Cost]:
    sizes = cycle(["2097152", "1048576"])

    def run() -> Cost:
        project.configure(_STACK, endpoints=["iris"], max_body=next(sizes))
        return _up(project).require("~ 1 updated")

    return run


def _configure(project: Project, max_body: str) -> None:
    project.configure(
        _STACK,
        endpoints=[
            {
                "name": "iris",
                "model": {"uri": "file:models/iris/model.onnx"},
                "target": {"kind": "local"},
                "limits": {"max_body": max_body},
            }
        ],
    )


def _up(project: Project) -> Finished:
    return project.pulumi("up", "--yes", "--stack", _STACK)
