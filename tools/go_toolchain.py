"""The Go toolchain of this machine, and builds of the programs that a `go.mod` under `go/` pins."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from console import CommandError, run
from versions import Version, printed_version

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MODULES", "GoToolchain", "NoToolchainError", "required_go"]

MODULES = Path(__file__).parent / "go"

_FIRST_SWITCHING_GO = Version(1, 21, 0)  # from here on `go` itself fetches the toolchain that go.mod asks for


class NoToolchainError(Exception):
    """There is no Go toolchain here that can build the programs."""


def required_go(module: str) -> Version:
    """Return the Go version that the module in `go/` asks for."""
    return Version.parse((MODULES / module / "go.mod").read_text().partition("\ngo ")[2])


@dataclass(frozen=True)
class GoToolchain:
    """A `go` that builds for this machine; `version` is that of the compiler which it uses."""

    go: str
    version: Version
    environ: Mapping[str, str]

    @classmethod
    def find(cls, module: str, environ: Mapping[str, str]) -> Self:
        """Find the `go` on PATH. Raises NoToolchainError when Go is missing or too old for `module`."""
        # For this machine, whatever the person builds for; apart from any `go.work` around the checkout;
        # without cgo, which needs a C compiler.
        own = {name: value for name, value in environ.items() if name not in {"GOOS", "GOARCH"}}
        own |= {"CGO_ENABLED": "0", "GOWORK": "off"}
        needed = required_go(module)
        go = shutil.which("go", path=environ.get("PATH", ""))
        if not go:
            raise NoToolchainError(f"there is no Go on PATH ({needed} or newer is needed)")
        try:
            version = printed_version([go, "env", "GOVERSION"], {**own, "GOTOOLCHAIN": "local"})
        except ValueError as error:
            raise NoToolchainError(str(error)) from error
        if version >= needed:
            return cls(go, version, own)
        if version >= _FIRST_SWITCHING_GO and _output([go, "env", "GOTOOLCHAIN"], own) != "local":
            return cls(go, needed, own)
        raise NoToolchainError(f"{go} is Go {version}, {needed} or newer is needed")

    def build(self, module: str, package: str, folder: Path, *, step: str, stamp: str = "") -> float:
        """Build `package` of `module` into `folder` and return the seconds that it took.

        Raises CommandError when the build fails.
        """
        # -v names each package as it is compiled: that is the progress.
        flags = ["-v", "-mod=readonly", "-trimpath", "-ldflags", f"-s -w {stamp}".strip()]
        name = package.rpartition("/")[2]
        return run(
            [self.go, "build", *flags, "-o", folder / name, package],
            step=step,
            doing=f"building {name}",
            environ=self.environ,
            cwd=MODULES / module,
        )

    def source(self, module: str, dependency: str) -> Path:
        """Return the folder in Go's module cache that holds the sources of a `dependency` of `module`."""
        where = [self.go, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", dependency]
        return Path(_output(where, self.environ, cwd=MODULES / module))


def _output(command: list[str], environ: Mapping[str, str], cwd: Path | None = None) -> str:
    done = subprocess.run(command, env=environ, cwd=cwd, check=False, capture_output=True, text=True)
    if done.returncode:
        raise CommandError(f"`{' '.join(command)}` ended with code {done.returncode}:\n{done.stderr.strip()}")
    return done.stdout.strip()
