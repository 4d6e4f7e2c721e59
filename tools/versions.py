"""Version numbers, as programs print them."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["Version", "printed_version"]

_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


class Version(NamedTuple):
    """Major, minor and patch; what follows them (`-dev`, `+build`, `rc1`) does not count."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Version:
        """Find the first version in `text`, such as `v3.250.0`, `uv 0.13.9 (abc)` or `go1.26`.

        Raises ValueError when there is none.
        """
        found = _VERSION.search(text)
        if not found:
            raise ValueError(f"no version number in {text!r}")
        major, minor, patch = found.groups(default="0")
        return cls(int(major), int(minor), int(patch))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


def printed_version(
    command: Sequence[str | Path], environ: Mapping[str, str], cwd: Path | None = None
) -> Version:
    """Run `command` and read the version that it prints.

    Raises ValueError when it cannot be run, fails, hangs or prints no version.
    """
    try:
        # The first start of a program of 100 MB can take a while on macOS, which checks its signature.
        done = subprocess.run(
            command,
            env=environ,
            cwd=cwd,
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ValueError(f"{command[0]} does not run: {error}") from error
    if done.returncode:
        reason = (done.stderr or done.stdout).strip().splitlines()
        raise ValueError(
            f"{command[0]} ends with code {done.returncode}: {reason[-1] if reason else 'no output'}"
        )
    return Version.parse(done.stdout)
