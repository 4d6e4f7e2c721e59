"""Where the stack's state lies, whether it can be read, and whether somebody is at work on it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from modelberth.cli.failure import Exit, Failure
from modelberth.cli.recovery import require_unlocked

from .finding import Check, Checkup, Finding

__all__ = ["STATE"]

_FILE: Final = "PULUMI_CONFIG_PASSPHRASE_FILE"
_TEXT: Final = "PULUMI_CONFIG_PASSPHRASE"
_BACKEND: Final = "PULUMI_BACKEND_URL"


def passphrase(checkup: Checkup) -> Iterator[Finding]:
    """Whether the passphrase is set; its value is not looked at."""
    try:
        checkup.stack.require_passphrase()
    except Failure as failure:
        fix = checkup.activate(f"export {_FILE}=FILE")
        yield Finding.missing("passphrase", str(failure).splitlines()[0], fix)
        return
    named = next((name for name in (_FILE, _TEXT) if name in checkup.environ), None)
    if named is None:
        yield Finding.optional("passphrase", "not set; needed only where it encrypts the stack's secrets")
    else:
        yield Finding.ok("passphrase", f"{named} is set")


def backend(checkup: Checkup) -> Iterator[Finding]:
    """Whether there is a backend, and it is one that can be written to. Never asks over the network."""
    url = checkup.environ.get(_BACKEND, "")
    parts = urlsplit(url)
    if parts.scheme == "file":
        folder = Path(unquote(parts.path))
        if not os.access(folder, os.W_OK):
            fix = checkup.activate(f"mkdir -p {shlex.quote(str(folder))}")
            yield Finding.missing("backend", f"{folder} is not there or cannot be written to", fix)
        else:
            yield Finding.ok("backend", str(folder))
    elif url:
        # a user's name and password may be part of it
        yield Finding.ok("backend", f"{parts.scheme}://{parts.hostname or ''}, which was not asked")
    elif "PULUMI_ACCESS_TOKEN" in checkup.environ or _logged_in(checkup).is_file():
        yield Finding.ok("backend", "the one of the login, which was not asked")
    else:
        fix = checkup.activate("pulumi login --local")
        yield Finding.missing("backend", f"{_BACKEND} is not set and there is no login", fix)


def state(checkup: Checkup) -> Iterator[Finding]:
    """Whether the state can be read, and nothing in it was cut off."""
    stack = checkup.stack
    recover = f"modelberth recover --stack {stack.name}"
    try:
        found = stack.read_state()
    except Failure as failure:
        newer = failure.status is Exit.NEWER
        update = "git pull && make setup" if checkup.is_checkout else checkup.install("modelberth") + " -U"
        yield Finding.missing("state", str(failure), update if newer else recover)
        return
    if stack.state_file is None:
        yield Finding.optional("state", "not a file of this machine: not looked at")
    elif found is None:
        yield Finding.ok("state", "none yet: the stack was never deployed from here")
    elif pending := (found.get("latest") or {}).get("pending_operations"):
        yield Finding.optional("state", f"{len(pending)} operations were cut off; `up` settles them", recover)
    else:
        yield Finding.ok("state", str(stack.state_file))


def lock(checkup: Checkup) -> Iterator[Finding]:
    """Whether another deployment of the stack runs, or left its lock behind."""
    stack = checkup.stack
    if stack.lock_folder is None:
        return
    try:
        stale = require_unlocked(stack)
    except Failure as failure:
        fix = "wait for its end" if failure.status is Exit.LOCKED else "remove the file"
        yield Finding.missing("lock", str(failure), fix)
        return
    if stale:
        dead = ", ".join(str(holder["pid"]) for holder in stale)
        told = f"left behind by process {dead}, which is dead; `up` releases it"
        yield Finding.optional("lock", told, f"modelberth recover --stack {stack.name}")
    else:
        yield Finding.ok("lock", "free")


def _logged_in(checkup: Checkup) -> Path:
    home = checkup.environ.get("PULUMI_HOME")
    return (Path(home) if home else checkup.home / ".pulumi") / "credentials.json"


STATE: Final[tuple[Check, ...]] = (passphrase, backend, state, lock)
