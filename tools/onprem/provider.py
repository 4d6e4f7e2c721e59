"""Who answers the engine for Kubernetes: Pulumi's plugin, or where it cannot be had a stand-in for it."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from console import CommandError, run, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["PLUGIN", "STAND_IN", "choose", "serving"]

PLUGIN, STAND_IN = "plugin", "stand-in"

_STEP = "provider"
_DOWNLOAD_S = 180.0


def choose(record: Path, environ: Mapping[str, str]) -> str:
    """Return `PLUGIN` where it is there or can be installed, else `STAND_IN`; say which, in one line.

    What was chosen stays so in `record`: the state of a cluster's objects is that of who made them.
    """
    wanted = version("pulumi-kubernetes")
    name = f"plugin pulumi-kubernetes {wanted}"
    if not record.exists():
        refusal = "" if _is_there(wanted, environ) else _install(wanted, environ)
        record.write_text(STAND_IN if refusal else PLUGIN)
        if refusal:
            say(_STEP, f"{name} cannot be installed: {refusal}")
    if record.read_text() == PLUGIN:
        say(_STEP, f"{name}, the vendor's own, applies to the cluster")
        return PLUGIN
    say(_STEP, f"no {name} here: this project's stand-in applies to the same cluster (docs/stand-ins.md)")
    return STAND_IN


@contextmanager
def serving(choice: str, kubeconfig: Path) -> Iterator[Mapping[str, str]]:
    """Give the variables that the engine needs for the cluster of `kubeconfig`, for as long as the block."""
    reached = {"KUBECONFIG": str(kubeconfig)}
    if choice == PLUGIN:
        yield reached
        return
    from modelberth.preview.standins import StandIns  # noqa: PLC0415 - takes a second
    from modelberth.preview.standins.cluster import Cluster  # noqa: PLC0415

    with StandIns(packages=["kubernetes"], kubernetes=Cluster.from_kubeconfig(kubeconfig)) as standins:
        yield {**standins.environment, **reached}


def _is_there(wanted: str, environ: Mapping[str, str]) -> bool:
    command = ["pulumi", "plugin", "ls", "--json"]
    listed = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    plugins = json.loads(listed.stdout) if listed.returncode == 0 else []
    return any((one.get("name"), one.get("version")) == ("kubernetes", wanted) for one in plugins)


def _install(wanted: str, environ: Mapping[str, str]) -> str:
    """Install the plugin; return why it cannot be, or nothing where it is there now."""
    command = ["pulumi", "plugin", "install", "resource", "kubernetes", f"v{wanted}"]
    try:
        run(command, step=_STEP, doing="installing the plugin", environ=environ, timeout_s=_DOWNLOAD_S)
    except CommandError as error:
        return str(error).strip().splitlines()[-1].removeprefix("error: ")
    return ""
