"""Lock what the image installs: `python3 serving_image/image/lock.py` writes requirements/serving.lock.

It is the extra `serving-all` of pyproject.toml without the rest of the project, at the versions of all.lock,
for the one Python and platform of the image; without environment markers, because a tool that downloads for
another Python would read them for its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["requirements"]

_ROOT = Path(__file__).resolve().parent.parent.parent
_EXTRA = "serving-all"


def requirements(extras: Mapping[str, list[str]], extra: str = _EXTRA) -> Iterator[str]:
    """Yield the requirements of `extra`, with those of the project's other extras that it names."""
    for requirement in extras[extra]:
        if requirement.startswith("modelberth["):
            yield from requirements(extras, requirement.removeprefix("modelberth[").removesuffix("]"))
        else:
            yield requirement


def main() -> int:
    """Write the lock file and return uv's exit status; arguments go to `uv pip compile`."""
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    python = tomllib.loads((Path(__file__).parent / "bases.toml").read_text())["python"]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "serving.in"
        source.write_text("\n".join(sorted(requirements(project["optional-dependencies"]))) + "\n")
        command = [
            sys.executable,
            "tools/uv_cli.py",
            "pip",
            "compile",
            "--quiet",
            "--generate-hashes",
            "--no-annotate",
        ]
        command += [
            "--custom-compile-command",
            "make lock",
            "--python-version",
            python,
            "--python-platform",
            "linux",
        ]
        command += ["--constraint", "requirements/all.lock", "--output-file", "requirements/serving.lock"]
        return subprocess.run([*command, *sys.argv[1:], source], cwd=_ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
