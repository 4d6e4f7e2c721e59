"""The life of a stack in AWS on the real engine, and what has to be true of every one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from modelberth.preview.standins import StandIns, StandInSettings
from support.aws.graph import ACCOUNT
from support.aws_blocks import PLACE
from support.project import REPOSITORY, Project, copied
from support.standin_stack import Stack

__all__ = ["MAIN", "Journey", "accounts", "became", "endpoints", "of_program", "out_of_order", "protected"]

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


class Journey:
    """A stack from nothing to nothing, step by step."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

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


def accounts(state: State) -> dict[str, set[str]]:
    """The accounts that the providers of AWS work in, by package; one that takes any has `*`."""
    found: dict[str, set[str]] = {}
    for one in state.values():
        package = one["type"].removeprefix("pulumi:providers:")
        if package in {"aws", "aws-native"}:
            found.setdefault(package, set()).update(
                json.loads(one["inputs"].get("allowedAccountIds", '["*"]'))
            )
    return found


def protected(state: State) -> set[str]:
    """Names of what nobody may delete."""
    return {name for name, one in state.items() if one.get("protect")}


@contextmanager
def of_program(folder: Path, program: str) -> Iterator[Journey]:
    """A program of the tests, with the provider that the engine makes."""
    with _standins() as standins:
        stack = Stack.of(folder, standins, program, **_ENVIRONMENT)
        stack.run("config", "set", "aws:region", PLACE.region)
        yield Journey(stack)


@contextmanager
def endpoints(folder: Path) -> Iterator[tuple[Journey, Project]]:
    """The repository's own program, whose endpoints a test configures."""
    with copied(folder) as project, _standins() as standins:
        stack = Stack(project, standins, environment=_ENVIRONMENT)
        stack.run("stack", "init", "dev")
        yield Journey(stack), project


def _standins() -> StandIns:
    settings = StandInSettings(aws_account=ACCOUNT, aws_region=PLACE.region)
    return StandIns(["aws", "aws-native", "kubernetes"], settings=settings, own=True)
