"""The life of a stack in a cloud on the real engine, and what has to be true of every one."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from modelberth.preview.standins import StandIns, StandInSettings
from support.clouds.change import Config, merged
from support.clouds.golden import inventory, same_as
from support.project import REPOSITORY, Project, copied
from support.standin_stack import Stack

__all__ = [
    "MAIN",
    "Cloud",
    "Journey",
    "Life",
    "became",
    "endpoints",
    "life_of_endpoints",
    "life_of_program",
    "of_program",
    "out_of_order",
    "protected",
]

MAIN: Final = ("minimal", "everything", "prod")
"""The modes that every component has."""

State = Mapping[str, Mapping[str, Any]]

_WORDS: Final[Mapping[tuple[str, ...], str]] = {
    ("create",): "new",
    ("create", "delete"): "replaced",
    ("delete",): "gone",
    ("update",): "in place",
}
_ENVIRONMENT: Final = {
    # The engine writes the whole state before and after each of hundreds of steps, else.
    "PULUMI_EXPERIMENTAL": "true",
    "PULUMI_SKIP_CHECKPOINTS": "true",
    "PYTHONPATH": str(REPOSITORY / "tests"),
}
_DEFAULT_PROVIDER: Final = "default_"


@dataclass(frozen=True)
class Cloud:
    """What clouds differ in.

    Attributes:
        packages: of Pulumi that stand-ins serve, that of clusters among them
        settings: where the stand-ins pretend to work
        config: of the provider that the engine makes where a program makes none
        said_elsewhere: inputs that other tests hold, in every resource, and inventories leave out

    """

    packages: tuple[str, ...]
    settings: StandInSettings
    config: Mapping[str, str]
    said_elsewhere: Collection[str]

    def standins(self) -> StandIns:
        """Return stand-ins that are not open yet."""
        return StandIns(self.packages, settings=self.settings, own=True)


@dataclass(frozen=True)
class Life:
    """What became of a stack.

    Attributes:
        state: after the first update, by name
        deleted: names in the order in which they went

    """

    state: State
    deleted: Sequence[str] = field(default=())


class Journey:
    """A stack from nothing to nothing, step by step."""

    def __init__(self, stack: Stack, cloud: Cloud) -> None:
        self.stack = stack
        self.cloud = cloud

    def preview(self) -> dict[str, str]:
        """What an update would do, by the name of the resource."""
        before = len(self.stack.standins.calls)
        told: dict[str, Any] = json.loads(self.stack.run("preview", "--json"))
        assert self.stack.changes(before) == [], "a preview makes nothing"
        return {step["urn"].rpartition("::")[2]: step["op"] for step in told["steps"] if step["op"] != "same"}

    def up(self, *arguments: str) -> list[tuple[str, str]]:
        """Deploy; what was made, changed and deleted in order."""
        before = len(self.stack.standins.calls)
        self.stack.run("up", "--yes", "--skip-preview", *arguments)
        return self.stack.changes(before)

    def again(self) -> list[tuple[str, str]]:
        """Deploy without a change, which has to change nothing."""
        return self.up("--expect-no-changes")

    def refused(self) -> str:
        """Try to destroy what is protected, which has to change nothing; what the engine says."""
        before = len(self.stack.standins.calls)
        # With its preview, as `modelberth down` does: that is what refuses before anything is gone. Without
        # it the engine takes away what needs the protected resources, until it comes to one.
        said = self.stack.run("destroy", "--yes", fails=True)
        assert self.stack.changes(before) == []
        return said

    def destroyed(self) -> tuple[list[str], State]:
        """Destroy; the names in the order in which they went, and the state before."""
        state, before = self.stack.resources(), len(self.stack.standins.calls)
        self.stack.run("destroy", "--yes", "--skip-preview")
        gone = self.stack.changes(before)
        assert {operation for operation, _ in gone} <= {"delete"}
        return [name for _, name in gone], state

    def life(self, unprotect: Callable[[], None], golden: Path, test: str) -> Life:
        """Live through it: all is made, left alone, held against the golden inventory, protected, taken away.

        Args:
            unprotect: makes everything destroyable, without another change
            golden: the inventory
            test: that holds it

        """
        planned = self.preview()
        made = self.up()
        assert {operation for operation, _ in made} == {"create"}
        state = self.stack.resources()
        assert planned == {
            name: "read" if one.get("external") else "create"
            for name, one in state.items()
            if not name.startswith(_DEFAULT_PROVIDER)
        }
        assert self.again() == []
        same_as(golden, inventory(state.values(), self.cloud.said_elsewhere), test)

        assert "cannot be deleted because it is protected" in self.refused()
        unprotect()
        assert protected(self.stack.resources()) == set()
        deleted, before = self.destroyed()
        assert len(deleted) == len(made)
        assert out_of_order(deleted, before) == []
        assert self.stack.resources() == {}
        return Life(state, deleted)


def life_of_program(cloud: Cloud, folder: Path, program: str, golden: Path, test: str) -> Life:
    """The life of a program of the tests."""
    with of_program(cloud, folder, program) as journey:

        def unprotect() -> None:
            journey.stack.run("state", "unprotect", "--all", "--yes")

        return journey.life(unprotect, golden, test)


def life_of_endpoints(
    cloud: Cloud,
    folder: Path,
    configs: Sequence[Config],
    golden: Path,
    test: str,
    guarded: Collection[str] = (),
) -> Life:
    """The life of endpoints that the repository's own program makes.

    Args:
        cloud: that they are in
        folder: that is not there yet
        configs: of the endpoints
        golden: the inventory
        test: that holds it
        guarded: names of resources that the cloud itself is told to keep: this is taken back first

    """
    with endpoints(cloud, folder) as (journey, project):
        project.configure(*map(dict, configs))

        def unprotect() -> None:
            project.configure(*(merged(one, {"protect": False}) for one in configs))
            assert sorted(journey.up()) == [("update", name) for name in sorted(guarded)]

        return journey.life(unprotect, golden, test)


def out_of_order(deleted: Sequence[str], state: State) -> list[tuple[str, str]]:
    """Pairs of a resource and one that needs it, the second of which was deleted later."""
    by_urn = {one["urn"]: name for name, one in state.items()}
    position = {name: index for index, name in enumerate(deleted)}
    return [
        (by_urn[needed], name)
        for name, one in state.items()
        for needed in one.get("dependencies") or ()
        if name in position and position.get(by_urn[needed], len(deleted)) < position[name]
    ]


def became(changes: Sequence[tuple[str, str]], endpoint: str) -> list[str]:
    """What changes did to an endpoint's resources, as the table of changes says it: without the inputs.

    `endpoint` is the beginning of the resources' names, such as `iris-lambda-`.
    """
    of: dict[str, list[str]] = {}
    for operation, name in changes:
        if name.startswith(endpoint):
            of.setdefault(name.removeprefix(endpoint), []).append(operation)
    return sorted(f"{_WORDS[tuple(sorted(done))]} {name}" for name, done in of.items())


def protected(state: State) -> set[str]:
    """Names of what nobody may delete."""
    return {name for name, one in state.items() if one.get("protect")}


@contextmanager
def of_program(cloud: Cloud, folder: Path, program: str) -> Iterator[Journey]:
    """A program of the tests, with the provider that the engine makes."""
    with cloud.standins() as standins:
        stack = Stack.of(folder, standins, program, **_ENVIRONMENT)
        for key, value in cloud.config.items():
            stack.run("config", "set", key, value)
        yield Journey(stack, cloud)


@contextmanager
def endpoints(cloud: Cloud, folder: Path) -> Iterator[tuple[Journey, Project]]:
    """The repository's own program, whose endpoints a test configures."""
    with copied(folder) as project, cloud.standins() as standins:
        stack = Stack(project, standins, environment=_ENVIRONMENT)
        stack.run("stack", "init", "dev")
        yield Journey(stack, cloud), project
