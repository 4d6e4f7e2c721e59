"""Where things lie: in this checkout, and in the cache that all checkouts of a person share."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Checkout"]


@dataclass(frozen=True)
class Checkout:
    """The paths of one checkout; `root` and `cache` are absolute."""

    root: Path
    cache: Path

    @classmethod
    def of(cls, root: Path, environ: Mapping[str, str]) -> Checkout:
        """Take the cache's place from `environ`, by the XDG Base Directory Specification.

        The specification says that a relative `XDG_CACHE_HOME` is invalid and to be ignored.
        """
        caches = Path(environ.get("XDG_CACHE_HOME", ""))
        if not caches.is_absolute():
            caches = Path(environ.get("HOME") or Path.home()) / ".cache"
        return cls(root=root.resolve(), cache=caches / "modelberth")

    @classmethod
    def here(cls) -> Checkout:
        """Return the checkout that this file lies in."""
        return cls.of(Path(__file__).parent.parent, os.environ)

    @property
    def requirements(self) -> Path:
        """The locked packages of a working checkout."""
        return self.root / "requirements" / "all.lock"

    @property
    def venv(self) -> Path:
        """The virtual environment."""
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """The virtual environment's interpreter."""
        return self.venv / "bin" / "python"

    @property
    def record(self) -> Path:
        """What the last set-up did; inside the environment, so that removing that removes this."""
        return self.venv / "modelberth-setup.json"

    @property
    def state(self) -> Path:
        """Everything that the embedded default keeps."""
        return self.root / ".state"

    @property
    def backend(self) -> Path:
        """The Pulumi backend of the embedded default."""
        return self.state / "backend"

    @property
    def backend_url(self) -> str:
        """Return the backend as Pulumi takes it.

        Without metadata files: the engine cannot read its state when a kill leaves one of them half written.
        """
        return f"{self.backend.as_uri()}?metadata=skip"

    @property
    def pulumi_home(self) -> Path:
        """Login, plugins and logs of the embedded default, apart from the person's own `~/.pulumi`."""
        return self.state / "home"

    @property
    def passphrase(self) -> Path:
        """The file with the passphrase that encrypts the secrets of the embedded default."""
        return self.state / "passphrase"

    @property
    def cached_bin(self) -> Path:
        """The Pulumi CLI that this project installed or built."""
        return self.cache / "bin"
