"""After a crash: stale locks, creates that were cut off, a damaged state file.

The engine's lock outlives it when it is killed, and a create that it could not record stays pending for
good. Names are deterministic, so a repeated create finds what the first one began.
"""

import json
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from modelberth.cli.engine import Engine
from modelberth.cli.failure import Exit, Failure
from modelberth.cli.stack import Stack

_PROCESS = "modelberth:local:Process"


def require_unlocked(stack: Stack) -> list[dict[str, str]]:
    """The holders of the stack's locks, all of them dead.

    Raises:
        Failure: a deployment that holds a lock is alive, or runs on another machine.
    """
    holders = [holder for file in _lock_files(stack) if (holder := _holder(file)) is not None]
    for holder in holders:
        if holder["hostname"] != socket.gethostname() or _is_alive(int(holder["pid"])):
            raise Failure(
                Exit.LOCKED,
                f"another deployment of stack {stack.name!r} runs: process {holder['pid']} of "
                f"{holder['username']} on {holder['hostname']}, since {holder['timestamp']}. "
                "Wait for its end and try again.",
            )
    return holders


def release_stale_lock(stack: Stack, engine: Engine) -> str:
    """Release the lock of a deployment that is dead; a sentence about it, or nothing."""
    holders = require_unlocked(stack)
    if not holders:
        return ""
    engine.do("cancel", "--yes", stack.name, status=Exit.STATE, why="the stale lock could not be released")
    return f"released the lock that process {holders[0]['pid']} left behind when it died"


def settle_pending(stack: Stack, engine: Engine) -> str:
    """Settle the operations that were cut off; a sentence about them, or nothing.

    A process has the id that its inputs name, so its create is written into the state as done: the refresh
    that follows finds it, or finds that it is not there. Otherwise it would run on unknown, where the
    endpoint is taken out of the config before the next deployment. Other creates are cleared and repeated.
    """
    state = stack.read_state()
    if not ((state or {}).get("latest") or {}).get("pending_operations"):
        return ""
    exported = engine.ask("stack", "export", "--stack", stack.name)
    deployment = exported["deployment"]
    pending = deployment["pending_operations"]
    adopted = [
        o["resource"] for o in pending if o["type"] == "creating" and o["resource"]["type"] == _PROCESS
    ]
    known = {resource["urn"] for resource in deployment["resources"]}
    deployment["resources"] += [
        {**resource, "id": resource["inputs"]["name"], "outputs": resource["inputs"]}
        for resource in adopted
        if resource["urn"] not in known
    ]
    deployment["pending_operations"] = [o for o in pending if o["resource"] not in adopted]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(exported, file)
        file.flush()
        engine.do(
            *("stack", "import", "--stack", stack.name, "--file", file.name),
            status=Exit.STATE,
            why="the operations that were cut off could not be settled",
        )
    engine.do(
        *("refresh", "--yes", "--skip-preview", "--clear-pending-creates", "--stack", stack.name),
        *("--config-file", str(stack.config())),
        status=Exit.STATE,
        why="the operations that were cut off could not be cleared",
    )
    names = ", ".join(operation["resource"]["urn"].rpartition("::")[2] for operation in pending)
    return f"the last deployment was cut off at {names}; what it began is taken over, not made twice"


def drop_torn_metadata(stack: Stack) -> str:
    """Remove the sidecar files (`.attrs`) that a kill left half written; a sentence about it, or nothing.

    The engine writes one beside each file and fails on an empty one ("failed to load checkpoint: EOF"), yet
    does without any.
    """
    folders = [stack.state_file.parent if stack.state_file else None, stack.lock_folder]
    sidecars = [file for folder in folders if folder is not None for file in folder.glob("*.attrs")]
    torn = [file for file in sidecars if _content(file) is None]
    for file in torn:
        file.unlink(missing_ok=True)
    return f"removed {len(torn)} half-written metadata files of the state" if torn else ""


def restore_state(stack: Stack) -> str:
    """Put the state before the damaged one back; a sentence about it, or nothing where it is sound."""
    try:
        stack.read_state()
    except Failure:
        file = stack.state_file
        assert file is not None
        backup = file.with_suffix(".json.bak")
        if not _is_sound(backup):
            raise Failure(
                Exit.STATE,
                f"the state of stack {stack.name!r} is damaged, and so is the one before it: "
                f"{file}, {backup}. "
                f"Look at older ones in {file.parents[2] / 'history'} and import one: "
                "pulumi stack import --file FILE",
            ) from None
        damaged = file.with_suffix(".json.damaged")
        file.replace(damaged)
        shutil.copyfile(backup, file)
        return f"put the state before the damaged one back; the damaged one is kept as {damaged}"
    return ""


def _lock_files(stack: Stack) -> list[Path]:
    folder = stack.lock_folder
    return sorted(folder.glob("*.json")) if folder is not None and folder.is_dir() else []


def _holder(lock: Path) -> dict[str, str] | None:
    try:
        holder: dict[str, str] = json.loads(lock.read_text())
    except FileNotFoundError:  # released between the listing and the reading
        return None
    except ValueError:
        raise Failure(
            Exit.STATE, f"the lock file {lock} is damaged; remove it when no deployment runs"
        ) from None
    return holder


def _is_alive(pid: int) -> bool:
    """Whether the process is there and is an engine: after a restart the number may be someone else's."""
    return "pulumi" in _name_of(pid)


def _name_of(pid: int) -> str:
    if not Path("/proc/self/comm").exists():
        command = ["/bin/ps", "-p", str(pid), "-o", "comm="]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    try:  # Linux, where a small system has no `ps`
        return Path(f"/proc/{pid}/comm").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _is_sound(file: Path) -> bool:
    return "checkpoint" in (_content(file) or {})


def _content(file: Path) -> Any:
    """What a JSON file holds; None where there is none, or it is damaged."""
    try:
        return json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        return None
