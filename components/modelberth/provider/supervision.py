"""The provider's side of a supervisor: start one, wait for it, and ask how its endpoint is."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from typing import Final

from modelberth.local.listener import LOOPBACK
from modelberth.local.run_directory import Desired, RunDirectory, Status
from modelberth.provider.resource import ResourceError

SERVING: Final = "serving"
"""State of an endpoint that answers as it should."""

_START_SECONDS = 10.0
_LOOK_TIMEOUT = 5.0
_POLL = 0.02
_LAST_LINES = 20


def under_way(directory: RunDirectory, wanted: Desired) -> Desired | None:
    """What is wanted under the serial that a living supervisor works on, so that it is not started twice."""
    found, status = directory.read_desired(), directory.read_status()
    if found is None or directory.supervisor() is None:
        return None
    if status is not None and status.failed_serial == found.serial:
        return None
    same = replace(wanted, serial=found.serial)
    return same if same == replace(found, uid=wanted.uid) else None


def start(directory: RunDirectory) -> "subprocess.Popen[bytes]":
    """Start a supervisor in its folder; what it says goes to the log there."""
    log = directory.open_log()
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "modelberth.local.supervisor", str(directory.path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            # A session of its own: it outlives the engine, and a Ctrl-C in the terminal is not for it.
            start_new_session=True,
        )
    finally:
        os.close(log)


def wait(directory: RunDirectory, desired: Desired, started: "subprocess.Popen[bytes] | None") -> Status:
    """Wait until the supervisor serves what is desired, or says why it cannot, or ends without a word."""
    deadline = time.monotonic() + desired.startup_timeout + _START_SECONDS
    while time.monotonic() < deadline:
        is_starting = started is not None and started.poll() is None
        is_alive = is_starting or directory.supervisor() is not None
        # Read after the look at the supervisor: what it said last stands there by then.
        status = directory.read_status()
        if status is not None and status.failed_serial == desired.serial:
            raise ResourceError(status.failure)
        if not is_alive:
            break
        if status is not None and status.serial == desired.serial:
            return status
        time.sleep(_POLL)
    log = directory.log_file.read_text(errors="replace").splitlines()
    last_words = "\n".join(log[-_LAST_LINES:]) or "without a word"
    raise ResourceError(f"the supervisor ended or did not answer: {last_words}")


def health(desired: Desired, status: Status | None) -> str:
    """`serving`, or what is wrong with what answers on the port."""
    import httpx  # noqa: PLC0415 - 55 ms of every start of the provider, and a refresh alone needs it

    if status is None:
        return "unhealthy: not serving yet"
    try:
        answer = httpx.get(
            f"http://{LOOPBACK}:{status.port}/health/ready", timeout=_LOOK_TIMEOUT, trust_env=False
        )
        body = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        return f"unhealthy: no valid answer ({type(error).__name__})"
    if answer.status_code != httpx.codes.OK:
        return f"unhealthy: not ready (HTTP {answer.status_code})"
    if body.get("revision") != desired.revision:
        return f"unhealthy: answers as revision {body.get('revision')!r}, not {desired.revision!r}"
    return SERVING
