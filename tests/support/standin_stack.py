"""A stack on the real engine, whose clouds are stand-ins."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelberth.preview.standins import StandIns
from support.project import Project, plain


@dataclass
class Stack:
    """A program with a backend of its own, and all that its engine ever said."""

    project: Project
    standins: StandIns
    said: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    """More variables of the engine and the program."""

    @classmethod
    def of(cls, folder: Path, standins: StandIns, program: str, **environment: str) -> "Stack":
        """A program of one's own, in a folder that is not there yet."""
        (folder / ".state" / "backend").mkdir(parents=True)
        (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
        (folder / "__main__.py").write_text(program)
        stack = cls(Project(folder), standins, environment=environment)
        stack.run("stack", "init", "dev")
        return stack

    def run(self, *arguments: str, revision: str = "", fails: bool = False) -> str:
        environment = {**self.standins.environment, **self.environment, "REVISION": revision}
        done = self.project.run("pulumi", *arguments, "--non-interactive", env=environment)
        self.said.append(done.stdout + done.stderr)
        assert (done.returncode != 0) == fails, self.said[-1]
        return done.stdout if not fails else plain(self.said[-1])

    def outputs(self) -> dict[str, Any]:
        outputs: dict[str, Any] = json.loads(self.run("stack", "output", "--json"))
        return outputs

    def resources(self) -> dict[str, dict[str, Any]]:
        """What is in the state, by name."""
        return {each["urn"].rpartition("::")[2]: each for each in self.project.state()}

    def changes(self, since: int) -> list[tuple[str, str]]:
        """What was really made, changed or removed since so many calls."""
        calls = self.standins.calls[since:]
        made = ("create", "update", "delete")
        return [(call.operation, call.name) for call in calls if call.operation in made and not call.preview]
