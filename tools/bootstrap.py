"""Make this checkout ready: uv, the virtual environment with the locked packages, the Pulumi CLI.

    python3 tools/bootstrap.py

Idempotent, and quick when nothing changed. Everything in `tools/` needs the standard library only.
"""

from __future__ import annotations

import os
import shutil
import sys

# An older Python must come this far: the modules below use the syntax of 3.11.
if sys.version_info < (3, 11):  # noqa: UP036
    for name in ("python3.13", "python3.12", "python3.11"):
        newer = shutil.which(name)
        if newer:
            os.execv(newer, [newer] + sys.argv)  # noqa: RUF005, S606
    sys.exit(
        "error: Python 3.11 or newer is needed; {} is {}.{}. Install it (Debian, Ubuntu: apt install python3;"
        " macOS: brew install python), or name one that is not on PATH: make PYTHON=/path/to/python3".format(
            sys.executable, *sys.version_info[:2]
        )
    )

import platform
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi_cli
import uv_cli
from cache import exclusive
from checkout import Checkout
from console import SetupError, exit_code, run, say
from record import Program, SetupRecord, python_inputs

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["set_up"]


def set_up(checkout: Checkout, environ: Mapping[str, str]) -> SetupRecord:
    """Do what is not done yet, and return what there is now.

    Raises SetupError when something is missing that only the person can install.
    """
    record = SetupRecord.read(checkout.record)
    if record and _python_is_ready(record, checkout) and _cli_is_ready(record, checkout, environ):
        python = platform.python_version()
        say("setup", f"ready: Python {python} in .venv, Pulumi {record.cli_version} at {record.cli.path}")
        return record
    checkout.state.mkdir(mode=0o700, exist_ok=True)
    with exclusive(checkout.state / "setup.lock", "setup"):
        record = SetupRecord.read(checkout.record)
        if not record or not _python_is_ready(record, checkout):
            make_environment(checkout, environ)
        cli = pulumi_cli.find_or_install(checkout, environ)
        program = Program.of(cli.path)
        if not program:
            raise SetupError(f"{cli.path} was removed while it was set up: run the same command again")
        seen = Program.of(pulumi_cli.on_path(checkout, environ))
        record = SetupRecord(python_inputs(checkout), program, str(cli.version), seen)
        record.write(checkout.record)
    return record


def make_environment(checkout: Checkout, environ: Mapping[str, str]) -> None:
    """Make the virtual environment hold exactly the locked packages, and this project as editable."""
    uv = uv_cli.find_or_install(checkout, environ)
    checkout.record.unlink(missing_ok=True)
    version = platform.python_version()
    if _version_of(checkout) != version:
        run(
            [uv, "venv", "--clear", "--no-project", "--python", sys.executable, checkout.venv],
            step="python",
            doing="making the virtual environment",
            environ=environ,
        )
        say("python", f"{version} in .venv, made from {sys.executable}")
    target: list[str | Path] = ["--python", checkout.python]
    seconds = run(
        [uv, "pip", "sync", *target, "--require-hashes", checkout.requirements],
        step="packages",
        doing="installing the locked packages",
        environ=environ,
    )
    say("packages", f"those of {checkout.requirements.relative_to(checkout.root)}, in {seconds:.0f} s")
    run(
        [uv, "pip", "install", *target, "--no-deps", "--no-build-isolation", "--editable", "."],
        step="packages",
        doing="installing this project",
        environ=environ,
        cwd=checkout.root,  # "." because uv reads a path as a requirement, in which a # or ; would end it
    )
    say("packages", "this project, editable")


def _version_of(checkout: Checkout) -> str | None:
    settings = checkout.venv / "pyvenv.cfg"
    if not checkout.python.exists() or not settings.is_file():
        return None
    lines = (line.partition("=") for line in settings.read_text().splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == "version_info"), None)


def _python_is_ready(record: SetupRecord, checkout: Checkout) -> bool:
    return checkout.python.exists() and record.python_inputs == python_inputs(checkout)


def _cli_is_ready(record: SetupRecord, checkout: Checkout, environ: Mapping[str, str]) -> bool:
    seen = Program.of(pulumi_cli.on_path(checkout, environ))
    return record.on_path == seen and record.cli == Program.of(Path(record.cli.path))


def main() -> int:
    """Set this checkout up."""
    set_up(Checkout.here(), os.environ)
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
