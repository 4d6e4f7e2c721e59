"""A place for the engine that nobody keeps: a backend, a home and an environment of its own.

Nothing of the person's is in it: no login, no passphrase, no cloud credentials, no kubeconfig. So a program
that is only previewed here can be anybody's, as far as what it can reach through the environment.
"""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import yaml

from modelberth.cli.engine import Engine
from modelberth.cli.failure import Exit

__all__ = ["Scratch"]

_KEPT: Final = re.compile(r"PATH|LANG|LC_\w+|TZ|TMPDIR|SYSTEMROOT|VIRTUAL_ENV|NO_COLOR|TERM")
_OF_A_BACKEND: Final = {"encryptionsalt", "encryptedkey", "secretsprovider"}


@dataclass(frozen=True)
class Scratch:
    """A folder that is gone after use, and the environment for an engine in it."""

    folder: Path
    environment: Mapping[str, str]

    @classmethod
    @contextmanager
    def make(cls, more: Mapping[str, str]) -> Iterator[Scratch]:
        """Make one; `more` is added to the environment."""
        with tempfile.TemporaryDirectory(prefix="modelberth-") as name:
            folder = Path(name).resolve()
            for part in ("backend", "home", "tree"):
                (folder / part).mkdir()
            kept = {key: value for key, value in os.environ.items() if _KEPT.fullmatch(key)}
            yield cls(
                folder,
                {
                    **kept,
                    "HOME": str(folder / "home"),
                    "PULUMI_HOME": str(folder / "home"),
                    "PULUMI_BACKEND_URL": f"{(folder / 'backend').as_uri()}?metadata=skip",
                    "PULUMI_CONFIG_PASSPHRASE": secrets.token_urlsafe(),
                    "PULUMI_SKIP_UPDATE_CHECK": "true",
                    "PYTHONDONTWRITEBYTECODE": "1",
                    **more,
                },
            )

    @property
    def tree(self) -> Path:
        """Where a program's files may be laid out."""
        return self.folder / "tree"

    def make_stack(self, engine: Engine, project: str, stack: str) -> None:
        """Make the empty stack; in a folder of its own, because the engine writes to the stack's config."""
        place = self.folder / "init"
        place.mkdir()
        (place / "Pulumi.yaml").write_text(f"name: {project}\nruntime: python\n")
        engine.within(place, self.environment).do(
            *("stack", "init", stack, "--no-select"),
            status=Exit.FAILED,
            why="a place for the preview could not be made",
        )
        (self.folder / "salt").write_text((place / f"Pulumi.{stack}.yaml").read_text())

    def config(self, file: Path) -> Path:
        """A copy of a stack's config for this backend; its secrets, which cannot be read here, as stand-ins.

        The stand-in of a secret follows from its ciphertext: a secret that was changed shows as a change.
        """
        content = yaml.safe_load(file.read_text()) or {}
        kept = {key: value for key, value in content.items() if key not in _OF_A_BACKEND}
        salt = yaml.safe_load((self.folder / "salt").read_text()) or {}
        copy = self.folder / file.name
        copy.write_text(yaml.safe_dump({**_without_secrets(kept), **salt}, sort_keys=False))
        return copy


def _without_secrets(value: Any) -> Any:
    match value:
        case {"secure": str(ciphertext)} if len(value) == 1:
            return f"stand-in-for-a-secret-{sha256(ciphertext.encode()).hexdigest()[:12]}"
        case dict():
            return {key: _without_secrets(item) for key, item in value.items()}
        case list():
            return [_without_secrets(item) for item in value]
    return value
