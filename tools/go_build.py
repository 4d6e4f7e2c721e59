"""Build the Pulumi CLI and its Python language host from their Go modules.

For machines that reach a Go module proxy but not Pulumi's own downloads. `go.mod` and `go.sum` under `go/`
pin every module by hash. v3.79.0 is the last version of Pulumi's SDK module that holds the language host; it
works with the newer CLI as long as the virtual environment is active.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from console import CommandError, run, say
from versions import Version, printed_version

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BUILT_FROM_SOURCE", "NoToolchainError", "build", "required_go"]

# A file of this name beside the CLI says that it is one of ours, so that no plugin can be downloaded for it.
BUILT_FROM_SOURCE = "built-from-source"

_STEP = "pulumi"
_MODULES = Path(__file__).parent / "go"
_CLI = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
_SDK = "github.com/pulumi/pulumi/sdk/v3"
_LANGUAGE_HOST = f"{_SDK}/python/cmd/pulumi-language-python"
_FIRST_SWITCHING_GO = Version(1, 21, 0)  # from here on `go` itself fetches the toolchain that go.mod asks for


class NoToolchainError(Exception):
    """There is no Go toolchain here that can build the CLI."""


def required_go() -> Version:
    """Return the Go version that the CLI's module asks for."""
    return Version.parse((_MODULES / "cli" / "go.mod").read_text().partition("\ngo ")[2])


def build(version: str, folder: Path, environ: Mapping[str, str]) -> None:
    """Build the CLI at `version`, which `go/cli/go.mod` pins, and the language host into the new `folder`.

    Raises NoToolchainError when Go is missing or too old, and CommandError when a build fails.
    """
    # For this machine, whatever the person builds for; apart from any `go.work` around the checkout;
    # without cgo, which needs a C compiler.
    own = {name: value for name, value in environ.items() if name not in {"GOOS", "GOARCH"}}
    own |= {"CGO_ENABLED": "0", "GOWORK": "off"}
    go, toolchain = _toolchain(own)
    say(
        _STEP,
        f"building v{version} with Go {toolchain}: once for all checkouts, 3 to 10 minutes, 3 GB of disk",
    )
    folder.mkdir()
    stamp = f"-X {_SDK}/go/common/version.Version=v{version}"
    seconds = _go_build(go, "cli", _CLI, folder, own, stamp)
    seconds += _go_build(go, "language-python", _LANGUAGE_HOST, folder, own)
    # The host starts this script, which is a file of its module and not part of its binary.
    executor = "pulumi-language-python-exec"
    source = _sdk_source(go, own) / "python" / "cmd" / executor
    (folder / executor).write_text(ending_quietly(source.read_text()))
    (folder / executor).chmod(0o755)
    (folder / BUILT_FROM_SOURCE).write_text(f"{_CLI} v{version}\n{_LANGUAGE_HOST}\n")
    say(_STEP, f"built in {seconds:.0f} s")


def ending_quietly(executor: str) -> str:
    """Make the language host's script end without a word when the engine interrupts it.

    The engine interrupts it whenever a resource is refused, and has told why by then. The script of this
    old version would add the traceback of a KeyboardInterrupt.
    """
    head, main, tail = executor.partition('if __name__ == "__main__":\n')
    if not main:
        raise CommandError("the language host's script is not the one that tools/go pins")
    return f"{head}{main}    import signal\n\n    signal.signal(signal.SIGINT, signal.SIG_DFL)\n{tail}"


def _toolchain(environ: Mapping[str, str]) -> tuple[str, Version]:
    needed = required_go()
    go = shutil.which("go", path=environ.get("PATH", ""))
    if not go:
        raise NoToolchainError(f"there is no Go on PATH ({needed} or newer is needed)")
    try:
        version = printed_version([go, "env", "GOVERSION"], {**environ, "GOTOOLCHAIN": "local"})
    except ValueError as error:
        raise NoToolchainError(str(error)) from error
    if version >= needed:
        return go, version
    if version >= _FIRST_SWITCHING_GO and _go_output([go, "env", "GOTOOLCHAIN"], environ) != "local":
        return go, needed
    raise NoToolchainError(f"{go} is Go {version}, {needed} or newer is needed")


def _go_build(
    go: str, module: str, package: str, folder: Path, own: Mapping[str, str], stamp: str = ""
) -> float:
    # -v names each package as it is compiled: that is the progress.
    flags = ["-v", "-mod=readonly", "-trimpath", "-ldflags", f"-s -w {stamp}".strip()]
    return run(
        [go, "build", *flags, "-o", folder / package.rpartition("/")[2], package],
        step=_STEP,
        doing=f"building {package.rpartition('/')[2]}",
        environ=own,
        cwd=_MODULES / module,
    )


def _sdk_source(go: str, environ: Mapping[str, str]) -> Path:
    where = [go, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", _SDK]
    return Path(_go_output(where, environ, cwd=_MODULES / "language-python"))


def _go_output(command: list[str], environ: Mapping[str, str], cwd: Path | None = None) -> str:
    done = subprocess.run(command, env=environ, cwd=cwd, check=False, capture_output=True, text=True)
    if done.returncode:
        raise CommandError(f"`{' '.join(command)}` ended with code {done.returncode}:\n{done.stderr.strip()}")
    return done.stdout.strip()
