"""Images for a cluster that reaches no registry: taken in from archives, and the smallest one made here."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import subprocess
import tarfile
from typing import TYPE_CHECKING, Any

from console import CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["PAUSE", "load", "write_pause"]

PAUSE = "localhost/pause:1"

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def load(socket: Path, archive: Path, name: str, environ: Mapping[str, str]) -> str:
    """Take the image of an OCI `archive` into the containerd at `socket`; return its `NAME@sha256:…`.

    A pod finds it by that, which is how every manifest names it, and by `name` where that has a tag. Raises
    CommandError when containerd refuses it.
    """
    client: list[str | Path] = ["ctr", "--address", socket, "--namespace", "k8s.io", "images"]
    folder, slash, last = name.rpartition("/")
    last, colon, _ = last.partition(":")
    repository = f"{folder}{slash}{last}"
    reference = f"{repository}@{_digest_of(archive)}"
    _ctr([*client, "import", "--digests", "--base-name", repository, archive], environ)
    if colon:
        _ctr([*client, "tag", "--force", reference, name], environ)
    return reference


def write_pause(program: Path, archive: Path) -> None:
    """Write an OCI archive of the image that holds nothing but `program`, which it starts as nobody."""
    layer = _tar({"pause": program.read_bytes()}, mode=0o755)
    config = {
        "architecture": _ARCHITECTURES[platform.machine()],
        "os": "linux",
        "config": {"Entrypoint": ["/pause"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
    }
    described = json.dumps(config).encode()
    content = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": _descriptor(_CONFIG, described),
        "layers": [_descriptor(_LAYER, layer)],
    }
    manifest = json.dumps(content).encode()
    index = {"schemaVersion": 2, "manifests": [_descriptor(_MANIFEST, manifest)]}
    blobs = {f"blobs/sha256/{_digest(blob)[7:]}": blob for blob in (layer, described, manifest)}
    files = {"index.json": json.dumps(index).encode(), "oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}
    archive.write_bytes(_tar(blobs | files))


def _tar(files: Mapping[str, bytes], mode: int = 0o644) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.mode, entry.size = mode, len(content)
            archive.addfile(entry, io.BytesIO(content))
    return written.getvalue()


def _digest_of(archive: Path) -> str:
    with tarfile.open(archive) as content:
        index = content.extractfile("index.json")
        entries = json.load(index)["manifests"] if index else []
    if len(entries) != 1:
        raise CommandError(f"{archive} holds {len(entries)} images, not one")
    return str(entries[0]["digest"])


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _ctr(command: list[str | Path], environ: Mapping[str, str]) -> None:
    done = subprocess.run(command, env=environ, check=False, capture_output=True, text=True)
    if done.returncode:
        line = " ".join(str(word) for word in command)
        raise CommandError(f"`{line}` ended with code {done.returncode}: {done.stderr.strip()}")
