"""Lock what the image is made of: `python3 serving_image/image/lock.py` writes two files in requirements/.

serving.lock is what it installs: the extra `serving-all` of pyproject.toml without the rest of the project.
native.lock is what compiles its request path, and is not in the image. Both are at the versions of all.lock
where that knows them, for the one Python and platform of the image; without environment markers, because a
tool that downloads for another Python would read them for its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["requirements"]

_ROOT = Path(__file__).resolve().parent.parent.parent
_EXTRA = "serving-all"
# mypyc, with what it asks for beside mypy, and a C compiler in a wheel.
_COMPILER = ("mypy[mypyc]", "ziglang>=0.15")


def requirements(extras: Mapping[str, list[str]], extra: str = _EXTRA) -> Iterator[str]:
    """Yield the requirements of `extra`, with those of the project's other extras that it names."""
    for requirement in extras[extra]:
        if requirement.startswith("modelberth["):
            yield from requirements(extras, requirement.removeprefix("modelberth[").removesuffix("]"))
        else:
            yield requirement


def main() -> int:
    """Write the lock files and return uv's exit status; arguments go to `uv pip compile`."""
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    return _lock("serving", requirements(extras)) or _lock("native", _COMPILER)


def _lock(name: str, wanted: Iterable[str]) -> int:
    python = tomllib.loads((Path(__file__).parent / "bases.toml").read_text())["python"]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / f"{name}.in"
        source.write_text("\n".join(sorted(wanted)) + "\n")
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
        command += ["--constraint", "requirements/all.lock", "--output-file", f"requirements/{name}.lock"]
        return subprocess.run([*command, *sys.argv[1:], source], cwd=_ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
