"""Small OCI archives, written by the image specification, to read and to compare."""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any


def write_archive(path: Path, layers: list[dict[str, bytes]], *, images: int = 1, mtime: int = 0) -> str:
    """Write an image with `layers`, each of files by name; return the digest of its manifest."""
    blobs: dict[str, bytes] = {}

    def blob(content: bytes) -> tuple[str, int]:
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        blobs[digest] = content
        return digest, len(content)

    tars = [_tar(files, mtime) for files in layers]
    entries = [_descriptor(*blob(gzip.compress(tar, mtime=0))) for tar in tars]
    diff_ids = ["sha256:" + hashlib.sha256(tar).hexdigest() for tar in tars]
    config = {"config": {"User": "10001:10001"}, "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    manifest = {"config": _descriptor(*blob(json.dumps(config).encode())), "layers": entries}
    digest, size = blob(json.dumps(manifest).encode())
    index = json.dumps({"manifests": [_descriptor(digest, size)] * images}).encode()
    files = {
        "index.json": index,
        **{f"blobs/{name.replace(':', '/')}": blobs[name] for name in sorted(blobs)},
    }
    path.write_bytes(_tar(files, 0))
    return digest


def _descriptor(digest: str, size: int) -> dict[str, Any]:
    return {"digest": digest, "size": size}


def _tar(files: dict[str, bytes], mtime: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(content), mtime
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
