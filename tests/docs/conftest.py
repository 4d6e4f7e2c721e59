import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from checkout import Checkout
from docs.markdown import Session
from pulumi_cli import find_or_install, on_path
from record import Program, SetupRecord, python_inputs
from support.project import REPOSITORY, VENV, Project, project

__all__ = ["project", "session"]


@pytest.fixture
def session(project: Project) -> Session:
    """A checkout that is set up, and a reader's environment: a home, a backend and an engine on PATH.

    The packages are those that the tests run with: a set-up of its own would need a package index.
    """
    folder = project.folder
    for name in ("Makefile", "pyproject.toml", "requirements", "tools"):
        source = REPOSITORY / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    venv = folder / ".venv"
    venv.unlink()
    venv.mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (venv / name).symlink_to(VENV / name)

    own = folder / "own"
    backend = own / ".backend"
    backend.mkdir(parents=True)
    shutil.copy(REPOSITORY / "models/iris/model.onnx", own)
    (own / ".venv").symlink_to(VENV)
    environment = {
        **project.environment,
        "PYTHON": sys.executable,
        "PULUMI_HOME": str(own / ".pulumi"),
        "PULUMI_BACKEND_URL": backend.as_uri(),
    }
    _record_the_set_up(Checkout.of(folder, environment), environment)
    _commit(folder)
    return Session(folder, environment)


def _commit(folder: Path) -> None:
    """A clone has a history."""
    (folder / ".gitignore").write_text(".venv\n.state\n/own\n")
    settings = ["-c", "user.name=Jo", "-c", "user.email=jo@example.com", "-c", "commit.gpgsign=false"]
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "one"]):
        subprocess.run(["git", *settings, *command], cwd=folder, check=True)


def _record_the_set_up(checkout: Checkout, environment: dict[str, str]) -> None:
    cli = find_or_install(checkout, environment)
    program = Program.of(cli.path)
    assert program is not None
    seen = Program.of(on_path(checkout, environment))
    SetupRecord(python_inputs(checkout), program, str(cli.version), seen).write(checkout.record)
