"""Build the Pulumi CLI and its Python language host from their Go modules.

For machines that reach a Go module proxy but not Pulumi's own downloads. `go.mod` and `go.sum` under `go/`
pin every module by hash. v3.79.0 is the last version of Pulumi's SDK module that holds the language host; it
works with the newer CLI as long as the virtual environment is active.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import go_toolchain
from console import CommandError, say
from go_toolchain import GoToolchain, NoToolchainError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from versions import Version

__all__ = ["BUILT_FROM_SOURCE", "NoToolchainError", "build", "required_go"]

# A file of this name beside the CLI says that it is one of ours, so that no plugin can be downloaded for it.
BUILT_FROM_SOURCE = "built-from-source"

_STEP = "pulumi"
_CLI = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
_SDK = "github.com/pulumi/pulumi/sdk/v3"
_LANGUAGE_HOST = f"{_SDK}/python/cmd/pulumi-language-python"


def required_go() -> Version:
    """Return the Go version that the CLI's module asks for."""
    return go_toolchain.required_go("cli")


def build(version: str, folder: Path, environ: Mapping[str, str]) -> None:
    """Build the CLI at `version`, which `go/cli/go.mod` pins, and the language host into the new `folder`.

    Raises NoToolchainError when Go is missing or too old, and CommandError when a build fails.
    """
    toolchain = GoToolchain.find("cli", environ)
    takes = "once for all checkouts, 3 to 10 minutes, 3 GB of disk"
    say(_STEP, f"building v{version} with Go {toolchain.version}: {takes}")
    folder.mkdir()
    stamp = f"-X {_SDK}/go/common/version.Version=v{version}"
    seconds = toolchain.build("cli", _CLI, folder, step=_STEP, stamp=stamp)
    seconds += toolchain.build("language-python", _LANGUAGE_HOST, folder, step=_STEP)
    # The host starts this script, which is a file of its module and not part of its binary.
    executor = "pulumi-language-python-exec"
    source = toolchain.source("language-python", _SDK) / "python" / "cmd" / executor
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
