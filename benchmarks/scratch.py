"""A copy of the checkout's program in a folder of its own, set up as `make setup` leaves a checkout."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import environment
from checkout import Checkout
from pulumi_cli import on_path
from record import Program, SetupRecord, python_inputs
from timing import BenchmarkError, Cost, Finished, timed
from versions import printed_version

__all__ = ["Project", "Scratch", "scratch"]

_REPOSITORY = Path(__file__).resolve().parents[1]
_COPIED = ("Makefile", "Pulumi.yaml", "pyproject.toml", "requirements", "tools", "stacks", "models")
_PROGRAMS = Path(__file__).resolve().parent / "programs"
_CLOUDS = _REPOSITORY / "examples" / "clouds"
_CHANGES = 10  # the exit status of `modelberth preview` that found some
# A make above this one hands its own targets and variables down in these.
_OF_MAKE = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "ARGS", "STACK")


@dataclass(frozen=True)
class Project:
    """A Pulumi project in a folder."""

    folder: Path
    environ: Mapping[str, str]

    def configure(self, stack: str, **config: Any) -> None:
        """Write the stack's config; keys stand in the project's own namespace."""
        file = self.folder / f"Pulumi.{stack}.yaml"
        kept = yaml.safe_load(file.read_text()) if file.exists() else {}
        values = {f"{self.name}:{key}": value for key, value in config.items()}
        file.write_text(yaml.safe_dump({**kept, "config": values}))

    def config(self, stack: str) -> dict[str, Any]:
        """The stack's config in the project's own namespace."""
        values = yaml.safe_load((self.folder / f"Pulumi.{stack}.yaml").read_text())["config"]
        own = f"{self.name}:"
        return {key.removeprefix(own): value for key, value in values.items() if key.startswith(own)}

    @property
    def name(self) -> str:
        """The project's name."""
        return str(yaml.safe_load((self.folder / "Pulumi.yaml").read_text())["name"])

    def pulumi(self, *arguments: str) -> Finished:
        """Run the engine; it must succeed."""
        return timed(["pulumi", *arguments, "--non-interactive"], cwd=self.folder, environ=self.environ)

    def modelberth(self, *arguments: str) -> Cost:
        """Run a command that has to find changes."""
        command = ["modelberth", *arguments]
        return timed(command, cwd=self.folder, environ=self.environ, exit_status=_CHANGES).cost

    def make(self, target: str) -> Finished:
        """Run a target of the Makefile, as a person does."""
        command = ["make", "--no-print-directory", target, f"PYTHON={sys.executable}"]
        return timed(command, cwd=self.folder, environ=self.environ)


@dataclass(frozen=True)
class Scratch:
    """The project that is measured, and those that it is measured against; all share one backend."""

    endpoints: Project
    """The repository's own program."""
    by_hand: Project
    """The same resources with the same inputs, registered one by one without the package."""
    components_only: Project
    """As many resources as the embedded default has, none of which needs a provider."""
    clouds: Project
    """`examples/clouds`, whose providers have to be stood in for."""
    many_clouds: Project
    """As many endpoints of the same kinds as its config asks for."""
    engine: str
    """Version of the Pulumi CLI."""


@contextmanager
def scratch() -> Iterator[Scratch]:
    """Make the projects; at the end destroy what was deployed from them, and remove them.

    Raises:
        BenchmarkError: there is no usable Pulumi CLI on PATH.
    """
    outside = {name: value for name, value in os.environ.items() if name not in _OF_MAKE}
    # A server that could not be destroyed writes there until it sees that its folder is gone.
    with tempfile.TemporaryDirectory(prefix="modelberth-benchmark-", ignore_cleanup_errors=True) as name:
        checkout = Checkout.of(Path(name), outside)
        for item in _COPIED:
            _copy(_REPOSITORY / item, checkout.root / item)
        for program in _PROGRAMS.iterdir():
            _copy(program, checkout.root / program.name)
        _copy(_CLOUDS, checkout.root / "clouds")
        engine = _set_up(checkout, outside)
        (checkout.root / "clouds" / ".venv").symlink_to(checkout.venv)
        environ = {**outside, **environment.variables(checkout, outside)}
        inside = {name: value for name, value in environ.items() if value is not None}
        made = Scratch(
            endpoints=Project(checkout.root, inside),
            by_hand=Project(checkout.root / "by_hand", inside),
            components_only=Project(checkout.root / "components_only", inside),
            clouds=Project(checkout.root / "clouds", inside),
            many_clouds=Project(checkout.root / "many_clouds", inside),
            engine=engine,
        )
        try:
            yield made
        finally:
            for project in (made.endpoints, made.by_hand, made.components_only):
                _destroy(project)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def _set_up(checkout: Checkout, environ: Mapping[str, str]) -> str:
    """Lend the running virtual environment to the copy, with a record of its own; the engine's version."""
    found = shutil.which("pulumi", path=environ.get("PATH"))
    if found is None:
        raise BenchmarkError("pulumi is not on PATH; run the benchmarks with: make bench")
    checkout.venv.mkdir()
    for entry in Path(sys.prefix).iterdir():
        if entry.name != checkout.record.name:
            (checkout.venv / entry.name).symlink_to(entry)
    own = {**environ, "PULUMI_HOME": str(checkout.pulumi_home), "PULUMI_SKIP_UPDATE_CHECK": "true"}
    version = str(printed_version([found, "version"], own))
    cli = Program.of(Path(found))
    assert cli is not None
    seen = Program.of(on_path(checkout, environ))
    SetupRecord(python_inputs(checkout), cli, version, seen).write(checkout.record)
    return version


def _destroy(project: Project) -> None:
    """Take down every stack of the project; what cannot be taken down ends when its folder goes."""
    for file in sorted(project.folder.glob("Pulumi.*.yaml")):
        subprocess.run(
            ["pulumi", "destroy", "--yes", "--stack", file.name.split(".")[1], "--non-interactive"],
            cwd=project.folder,
            env=dict(project.environ),
            capture_output=True,
            check=False,
        )
