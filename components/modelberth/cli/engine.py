"""The Pulumi command-line program: found, new enough, and run."""

import json
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modelberth.cli.failure import Exit, Failure

OLDEST = (3, 250, 0)
"""First engine that the package is tested with."""


class Engine:
    """`pulumi` in a project's folder."""

    def __init__(self, project: Path) -> None:
        found = shutil.which("pulumi")
        if found is None:
            raise Failure(
                Exit.TOOL,
                "`pulumi` is not on PATH. In a checkout `make setup` brings it; elsewhere see "
                "https://www.pulumi.com/docs/install/",
            )
        self._executable = found
        self._project = project
        self._require_new_enough()

    def run(self, *arguments: str, quiet: bool = False) -> int:
        """Run a command for the person to see, or `quiet`ly; its exit status."""
        # Ctrl-C reaches the engine as well. It finishes what is under way and records it; wait for that.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return subprocess.run(
                [self._executable, *arguments, "--non-interactive"],
                cwd=self._project,
                check=False,
                stdout=subprocess.DEVNULL if quiet else None,
                preexec_fn=_restore_interrupt,
            ).returncode
        finally:
            signal.signal(signal.SIGINT, before)

    def ask(self, *arguments: str) -> Any:
        """Run a command that answers in JSON; its answer, or None where it failed."""
        asked = self._capture(arguments)
        return json.loads(asked.stdout) if asked.returncode == 0 and asked.stdout.strip() else None

    def do(self, *arguments: str, status: Exit, why: str, cwd: Path | None = None) -> None:
        """Run a command that must succeed, and show its output only where it does not."""
        done = self._capture(arguments, cwd)
        if done.returncode != 0:
            raise Failure(status, f"{why}: {done.stderr.strip() or done.stdout.strip()}")

    def _capture(
        self, arguments: Sequence[str], cwd: Path | None = None
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [self._executable, *arguments, "--non-interactive"],
            cwd=cwd or self._project,
            check=False,
            capture_output=True,
            text=True,
        )

    def _require_new_enough(self) -> None:
        said = subprocess.run(
            [self._executable, "version"], capture_output=True, text=True, check=False
        ).stdout
        version = re.match(r"v?(\d+)\.(\d+)\.(\d+)", said.strip())
        if version is None or tuple(map(int, version.groups())) < OLDEST:
            oldest = ".".join(map(str, OLDEST))
            raise Failure(
                Exit.TOOL,
                f"{self._executable} is version {said.strip() or 'unknown'}, needed: {oldest} or newer. "
                "In a checkout `make setup` brings one; elsewhere see https://www.pulumi.com/docs/install/",
            )


def _restore_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
