"""A base made from Debian's packages, for where no registry can be reached. Needs mmdebstrap."""

from __future__ import annotations

import re
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from console import SetupError, run, say
from context import EPOCH, bases
from engines import Build

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engines import Engine

__all__ = ["make"]

_STEP = "base"
_DEBIAN = {"x86_64": "amd64", "aarch64": "arm64"}


def make(engine: Engine, machine: str, folder: Path, environ: Mapping[str, str]) -> str:
    """Build the base with `engine` and return it by digest; `folder` gets the list of its packages' versions.

    Raises SetupError when mmdebstrap is not there or fails.
    """
    if not shutil.which("mmdebstrap", path=environ.get("PATH", "")):
        raise SetupError("--base debian needs mmdebstrap: apt-get install mmdebstrap")
    debian = bases()["debian"]
    tag = f"localhost/modelberth-base:{debian['suite']}-{_DEBIAN[machine]}"
    with tempfile.TemporaryDirectory(prefix="modelberth-base-") as name:
        context = Path(name)
        tree = context / "base.tar"
        command = ["mmdebstrap", "--variant=essential", f"--architectures={_DEBIAN[machine]}"]
        command += [f"--include={','.join(debian['packages'])}", debian["suite"], str(tree)]
        # mmdebstrap gives the same bytes for the same versions where this is set.
        environ = {**environ, "SOURCE_DATE_EPOCH": str(EPOCH)}
        seconds = run(command, step=_STEP, doing=f"Debian {debian['suite']}'s packages", environ=environ)
        versions = _versions(tree)
        (folder / "base-packages.txt").write_text("".join(f"{line}\n" for line in versions))
        dockerfile = context / "Dockerfile"
        dockerfile.write_text("FROM scratch\nADD base.tar /\n")
        build = Build(dockerfile, context, tag, {}, EPOCH)
        seconds += engine.build(build, folder / "base.oci.tar", environ)
    (folder / "base.oci.tar").unlink()
    reference = f"{tag.rpartition(':')[0]}@{engine.digest(tag, environ)}"
    say(_STEP, f"{reference}: {len(versions)} packages of Debian {debian['suite']}, {seconds:.0f} s")
    return reference


def _versions(tree: Path) -> list[str]:
    with tarfile.open(tree) as archive:
        status = archive.extractfile("./var/lib/dpkg/status")
        assert status is not None
        stanzas = status.read().decode().strip().split("\n\n")
    return sorted(
        " ".join(re.findall(r"^(?:Package|Version|Architecture): (\S+)$", stanza, re.MULTILINE))
        for stanza in stanzas
    )
