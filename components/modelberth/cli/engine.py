"""The Pulumi command-line program: found, new enough, and run."""

import copy
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from modelberth.cli.failure import Exit, Failure

OLDEST = (3, 250, 0)
"""First engine that the package is tested with."""

# Events one a line as they come, instead of one digest at the end.
_STREAMING = "PULUMI_ENABLE_STREAMING_JSON_PREVIEW"
# How it begins to say that the state or its secrets cannot be read.
_OF_THE_STATE = re.compile(
    r"passphrase|decrypt|authentication failed|snapshot|checkpoint|deserializ|unmarshal|invalid resource",
    re.I,
)
_PATIENCE = 10.0
"""Seconds that an engine has to end by itself."""


class Engine:
    """`pulumi` in a project's folder, with the environment of this process or one of its own."""

    def __init__(self, project: Path, environment: Mapping[str, str] | None = None) -> None:
        found = shutil.which("pulumi")
        if found is None:
            raise Failure(
                Exit.TOOL,
                "`pulumi` is not on PATH. In a checkout `make setup` brings it; elsewhere see "
                "https://www.pulumi.com/docs/install/",
            )
        self._executable = found
        self._project = project
        self._environment = None if environment is None else dict(environment)
        self._require_new_enough()

    def within(self, project: Path, environment: Mapping[str, str]) -> "Engine":
        """The same program in another folder and environment."""
        other = copy.copy(self)
        other._project, other._environment = project, dict(environment)  # noqa: SLF001 - its own kind
        return other

    def run(self, *arguments: str, quiet: bool = False) -> int:
        """Run a command for the person to see, or `quiet`ly; its exit status."""
        # Ctrl-C reaches the engine as well. It finishes what is under way and records it; wait for that.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            with subprocess.Popen(
                [self._executable, *arguments, "--non-interactive"],
                cwd=self._project,
                env=self._environment,
                stdout=subprocess.DEVNULL if quiet else None,
                preexec_fn=_restore_interrupt,  # noqa: PLW1509 - there are no threads yet
            ) as engine:
                try:
                    return engine.wait()
                except BaseException:  # told to end: so is the engine, which then records what it did
                    engine.send_signal(signal.SIGINT)
                    raise
        finally:
            signal.signal(signal.SIGINT, before)

    def events(self, *arguments: str) -> Generator[str, None, None]:
        """Run a preview or an update and give its events, one JSON text each, as they come.

        Raises:
            Failure: the engine itself refuses, before it runs the program.
        """
        environment = {**(os.environ if self._environment is None else self._environment), _STREAMING: "true"}
        begun = False
        with (
            tempfile.TemporaryFile("w+") as said,
            subprocess.Popen(
                [self._executable, *arguments, "--json", "--non-interactive"],
                cwd=self._project,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                encoding="utf-8",
                errors="replace",
                process_group=0,  # so that it can be ended with its language host and the program
            ) as engine,
        ):
            assert engine.stdout is not None
            try:
                for line in engine.stdout:
                    begun = begun or '"summaryEvent"' in line
                    yield line
                status = engine.wait()
            except BaseException:
                _end(engine)
                raise
            said.seek(0)
            text = said.read().strip()
        if status != 0 and not begun:
            raise Failure(
                Exit.STATE if _OF_THE_STATE.search(text) else Exit.FAILED, text.removeprefix("error: ")
            )

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
            env=self._environment,
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


def _end(engine: "subprocess.Popen[str]") -> None:
    """End an engine as Ctrl-C would, and after a while everything that it started."""
    try:
        engine.send_signal(signal.SIGINT)
        engine.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        pass
    finally:
        with suppress(ProcessLookupError):
            os.killpg(engine.pid, signal.SIGKILL)


def _restore_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
