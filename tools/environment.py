"""The environment of the embedded default: its Python, its Pulumi CLI, and state in the checkout's `.state/`.

    eval "$(python tools/environment.py)"         sets it in a shell
    python tools/environment.py -- COMMAND…       runs one command in it

It wins over what the person has set, such as `PULUMI_BACKEND_URL`, and leaves `~/.pulumi` and its login be.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import state
from checkout import Checkout
from console import SetupError, exit_code
from pulumi_cli import is_built_from_source
from record import SetupRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["shell_lines", "variables"]

_NOT_FOUND, _NOT_EXECUTABLE = 127, 126  # the exit codes that a POSIX shell gives


def variables(checkout: Checkout, environ: Mapping[str, str]) -> dict[str, str | None]:
    """Return the variables to set, and with None those to unset; prepares `.state/`.

    Raises SetupError when the checkout is not set up, or cannot be on PATH.
    """
    record = SetupRecord.read(checkout.record)
    if not record:
        raise SetupError("this checkout is not set up: run `make setup` first")
    if os.pathsep in str(checkout.root):
        raise SetupError(f"PATH cannot hold {checkout.root}: rename the folder, without {os.pathsep!r}")
    state.prepare(checkout)
    cli = Path(record.cli.path)
    first = [str(checkout.venv / "bin"), str(cli.parent)]
    rest = [folder for folder in environ.get("PATH", os.defpath).split(os.pathsep) if folder not in first]
    return {
        "PATH": os.pathsep.join([*first, *rest]),
        "PULUMI_BACKEND_URL": checkout.backend_url,
        "PULUMI_CONFIG_PASSPHRASE": None,  # it would win over the file
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(checkout.passphrase),
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true" if is_built_from_source(cli) else None,
        "PULUMI_HOME": str(checkout.pulumi_home),
        "PULUMI_PYTHON_CMD": None,  # it would win over the virtual environment
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PYTHONHOME": None,
        "VIRTUAL_ENV": str(checkout.venv),
    }


def shell_lines(values: Mapping[str, str | None]) -> str:
    """Write the variables as lines that a POSIX shell evaluates."""
    return "\n".join(
        f"unset {name}" if value is None else f"export {name}={shlex.quote(value)}"
        for name, value in values.items()
    )


def _execute(command: list[str], values: Mapping[str, str | None]) -> int:
    environ = {name: value for name, value in os.environ.items() if name not in values}
    environ |= {name: value for name, value in values.items() if value is not None}
    try:
        os.execvpe(command[0], command, environ)  # noqa: S606
    except FileNotFoundError:
        print(f"error: there is no command {command[0]}", file=sys.stderr)
        return _NOT_FOUND
    except OSError as error:
        print(f"error: {command[0]} cannot be started: {error.strerror}", file=sys.stderr)
        return _NOT_EXECUTABLE


def main() -> int:
    """Print the environment, or become the command that follows `--` in it."""
    arguments = sys.argv[1:]
    if arguments and (arguments[0] != "--" or len(arguments) == 1):
        print("usage: environment.py [-- COMMAND…]", file=sys.stderr)
        return 2
    values = variables(Checkout.here(), os.environ)
    if arguments:
        return _execute(arguments[1:], values)
    print(shell_lines(values))
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
