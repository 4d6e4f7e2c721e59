"""An image as an OCI archive: its digest, its layers, and how two differ (OCI image specification 1.1)."""

from __future__ import annotations

import hashlib
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Image", "Layer", "differences"]


@dataclass(frozen=True)
class Layer:
    """One layer: `digest` is that of the compressed bytes, `diff_id` that of the tar within."""

    digest: str
    diff_id: str
    compressed_bytes: int
    bytes: int
    files: int


class Image:
    """The image in the archive at `path`.

    Raises ValueError when it holds no image, or not exactly one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        manifests = self._json("index.json")["manifests"]
        if len(manifests) != 1:
            raise ValueError(f"{path} holds {len(manifests)} images, not one")
        self.digest: str = manifests[0]["digest"]
        self._manifest = self._blob(self.digest)
        self.config: dict[str, Any] = self._blob(self._manifest["config"]["digest"])

    @property
    def layers(self) -> list[Layer]:
        """The layers, lowest first."""
        pairs = zip(self._manifest["layers"], self.config["rootfs"]["diff_ids"], strict=True)
        return [self._layer(entry, diff_id) for entry, diff_id in pairs]

    def members(self, layer: Layer) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
        """Yield what is in a layer, each with its contents; a folder or a link has none."""
        with tarfile.open(self.path) as archive:
            blob = archive.extractfile(_blob_name(layer.digest))
            with tarfile.open(fileobj=blob) as layer_archive:
                for member in layer_archive:
                    content = layer_archive.extractfile(member) if member.isfile() else None
                    yield member, content.read() if content else b""

    def file(self, name: str) -> bytes:
        """Return the contents of the file `name`, `usr/share/…`. Raises KeyError when there is none."""
        for layer in reversed(self.layers):
            for member, content in self.members(layer):
                if member.name == name and member.isfile():
                    return content
        raise KeyError(name)

    def _layer(self, entry: dict[str, Any], diff_id: str) -> Layer:
        size = files = 0
        with tarfile.open(self.path) as archive:
            blob = archive.extractfile(_blob_name(entry["digest"]))
            with tarfile.open(fileobj=blob) as layer:
                for member in layer:
                    size += member.size
                    files += not member.isdir()
        return Layer(entry["digest"], diff_id, entry["size"], size, files)

    def _blob(self, digest: str) -> dict[str, Any]:
        return self._json(_blob_name(digest))

    def _json(self, name: str) -> dict[str, Any]:
        with tarfile.open(self.path) as archive:
            file = archive.extractfile(name)
            assert file is not None
            loaded: dict[str, Any] = json.load(file)
        return loaded


def differences(first: Image, second: Image) -> list[str]:
    """Tell what differs between two images: files by layer, else fields of the configuration."""
    found = []
    layers, others = first.layers, second.layers
    if len(layers) != len(others):
        found.append(f"{len(layers)} and {len(others)} layers")
    for number, (layer, other) in enumerate(zip(layers, others, strict=False), 1):
        if layer.diff_id != other.diff_id:
            entries, other_entries = _entries(first, layer), _entries(second, other)
            names = sorted(
                name
                for name in entries.keys() | other_entries.keys()
                if entries.get(name) != other_entries.get(name)
            )
            found += [
                f"layer {number}: {name}" for name in names or ["the order or the headers of its files"]
            ]
        elif layer.digest != other.digest:
            found.append(f"layer {number}: its compression")
    if not found:  # the history names the layers: it differs wherever they do
        keys = sorted(first.config.keys() | second.config.keys())
        found = [f"configuration: {key}" for key in keys if first.config.get(key) != second.config.get(key)]
    return found


def _entries(image: Image, layer: Layer) -> dict[str, tuple[Any, ...]]:
    return {
        member.name: (
            member.type,
            member.mode & 0o7777,  # some engines repeat the type of the file in the bits above
            member.uid,
            member.gid,
            member.mtime,
            member.linkname,
            hashlib.sha256(content).hexdigest(),
        )
        for member, content in image.members(layer)
    }


def _blob_name(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")
