"""The folder `.state/` of a checkout: the embedded default's backend, its login and its passphrase."""

from __future__ import annotations

import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from console import SetupError

if TYPE_CHECKING:
    from checkout import Checkout

__all__ = ["prepare"]

_PASSPHRASE_BYTES = 32
_WAY_OUT = "restore it from a backup; or, to begin anew, stop what the stacks run and remove {}"


def prepare(checkout: Checkout) -> None:
    """Make the folder and, once, its passphrase.

    Raises SetupError when the passphrase is empty, or lost while there is state that only it decrypts.
    """
    checkout.state.mkdir(mode=0o700, exist_ok=True)
    checkout.state.chmod(0o700)
    checkout.backend.mkdir(exist_ok=True)
    checkout.pulumi_home.mkdir(exist_ok=True)
    if checkout.passphrase.exists():
        if not checkout.passphrase.read_text().strip():
            raise SetupError(f"{checkout.passphrase} is empty: {_WAY_OUT.format(checkout.state)}")
        return
    if any(checkout.backend.glob(".pulumi/stacks/**/*.json")):
        raise SetupError(
            f"{checkout.passphrase} is missing, and only it decrypts the stacks in {checkout.backend}:"
            f" {_WAY_OUT.format(checkout.state)}"
        )
    # Written aside with mode 0600, then linked: it appears whole, and of two processes the first one stays.
    with tempfile.NamedTemporaryFile("w", dir=checkout.state, prefix="passphrase-") as new:
        new.write(secrets.token_urlsafe(_PASSPHRASE_BYTES) + "\n")
        new.flush()
        with suppress(FileExistsError):
            checkout.passphrase.hardlink_to(Path(new.name))
