"""Definitions of the kinds that a plain cluster does not have, from the Go modules that publish them.

Which kinds, projects and releases: `components/modelberth/kubernetes/crds.toml`.
"""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console import SetupError, run

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TABLE", "apply", "fetch"]

TABLE = Path(__file__).parents[2] / "components/modelberth/kubernetes/crds.toml"

_STEP = "cluster"
_KIND = re.compile(r"^    kind: (\w+)$", re.MULTILINE)
_DOWNLOAD_S = 600
_APPLY_S = 300


def fetch(environ: Mapping[str, str]) -> dict[str, Path]:
    """Download the modules and return the file that defines each kind of the table.

    The Go toolchain checks what it downloads against the public checksum database, and downloads once.
    Raises SetupError without Go, where a module is not to be had, and for a kind that its module lacks.
    """
    table = tomllib.loads(TABLE.read_text())
    files: dict[str, Path] = {}
    for name, project in table["projects"].items():
        wanted = {kind for kind, entry in table["kinds"].items() if entry["project"] == name}
        folder = _module(project, environ)
        for path in sorted(folder.glob(project["files"])):
            files |= {kind: path for kind in _KIND.findall(path.read_text()) if kind in wanted}
        if missing := wanted - files.keys():
            raise SetupError(
                f"{project['module']} {project['release']} does not define {', '.join(sorted(missing))}"
                f" in {project['files']}"
            )
    return dict(sorted(files.items()))


def apply(kubectl: Path, kubeconfig: Path, environ: Mapping[str, str]) -> list[str]:
    """Give a cluster the definitions and wait until it serves them; return the kinds."""
    files = fetch(environ)
    paths = [f"--filename={path}" for path in dict.fromkeys(files.values())]
    # Server-side: the largest are too long for the annotation in which a client keeps what it has applied.
    commands = {
        "the definitions of kinds are applied": ["apply", "--server-side", "--force-conflicts", *paths],
        "the kinds are served": ["wait", "--for=condition=Established", f"--timeout={_APPLY_S}s", *paths],
    }
    for doing, arguments in commands.items():
        run(
            [kubectl, f"--kubeconfig={kubeconfig}", *arguments],
            step=_STEP,
            doing=doing,
            environ=environ,
            timeout_s=_APPLY_S,
        )
    return list(files)


def _module(project: Mapping[str, Any], environ: Mapping[str, str]) -> Path:
    """Return the folder of a project's module, downloaded where it is not there yet."""
    wanted = f"{project['module']}@{project['release']}"
    # Apart from any module or workspace around the checkout. A module may ask for a newer Go than this one,
    # which does not matter to its files but to `go`: it fetches that Go.
    own = {**environ, "GO111MODULE": "on", "GOWORK": "off", "GOFLAGS": "", "GOTOOLCHAIN": "auto"}
    try:
        done = subprocess.run(
            ["go", "mod", "download", "-json", wanted],
            env=own,
            cwd=TABLE.anchor,
            capture_output=True,
            text=True,
            timeout=_DOWNLOAD_S,
            check=False,
        )
    except OSError as error:
        raise SetupError(f"{wanted} cannot be downloaded: go cannot be started: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise SetupError(f"{wanted} is not downloaded after {_DOWNLOAD_S} s") from error
    answer = json.loads(done.stdout) if done.stdout.startswith("{") else {}
    if "Dir" not in answer:
        reason = answer.get("Error") or done.stderr.strip() or "no reason given"
        raise SetupError(f"{wanted} cannot be downloaded: {reason}")
    return Path(answer["Dir"])
