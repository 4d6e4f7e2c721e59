"""Tell from a file's bytes what it is if it is no ONNX model, and what to do then."""

import bz2
import io
import lzma
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Foreign", "recognize"]

_UNPICKLING: Final = "loading a pickle runs code that the file brings along"
_EXPORT: Final = "export the model to ONNX (`modelberth package`)"


@dataclass(frozen=True)
class Foreign:
    """A kind of file that cannot be served as a model."""

    kind: str
    way_out: str
    runs_code: bool = False
    """Whether reading it as what it is runs code of the file: then it is refused in every place."""


def recognize(data: bytes) -> Foreign | None:
    """Name the format of bytes by their magic numbers; None: nothing known, so it may be ONNX.

    Nothing is unpacked but the first bytes of compressed data, and the directory of a zip.
    """
    if data.startswith(b"PK\x03\x04"):
        return _zip(data)
    for magic, unpack in _COMPRESSED.items():
        if data.startswith(magic):
            if _is_pickle(_beginning(unpack, data), whole=False):
                return _pickle("a compressed pickle, as joblib writes it")
            return Foreign("compressed data", "unpack it, or give an archive by MODELBERTH_MODEL_URI")
    if _is_pickle(data, whole=True):
        kind = "a PyTorch checkpoint (a pickle)" if data.startswith(_TORCH) else "a Python pickle"
        return _pickle(kind)
    for pattern, foreign in _MAGIC:
        if pattern.match(data):
            return foreign
    return None


def _pickle(kind: str) -> Foreign:
    return Foreign(kind, f"{_UNPICKLING}; {_EXPORT}", runs_code=True)


# The first pickle of a checkpoint before PyTorch 1.6: a magic number.
_TORCH: Final = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19"
_HDF5: Final = Foreign(
    "HDF5, as Keras writes it (.h5)",
    f"its Lambda layers run code when they are loaded; {_EXPORT}",
    runs_code=True,
)
_MAGIC: Final = (
    (re.compile(rb"\A\Z"), Foreign("an empty file", "copy it again")),
    # The signature is at 0, or at 512, 1024 and so on behind a block of the user's.
    (re.compile(rb"(?s)(.{512}|.{1024}|.{2048}|.{4096})?\x89HDF\r\n\x1a\n"), _HDF5),
    (
        re.compile(rb"version https://git-lfs\.github\.com/spec/"),
        Foreign(
            "a Git LFS pointer and not the file itself", "run `git lfs pull`, or fetch the file's content"
        ),
    ),
    (re.compile(rb"(?s).{4}TFL3"), Foreign("a TensorFlow Lite model", f"{_EXPORT} from the original")),
    (
        re.compile(rb"(?s).{4}ORTM"),
        Foreign("ONNX Runtime's own format (.ort)", "give the .onnx file it came from"),
    ),
    (re.compile(rb"(?s).{5}\0\0\0\{"), Foreign("safetensors: weights without a graph", _EXPORT)),
    (re.compile(rb"\x93NUMPY"), Foreign("a NumPy array", _EXPORT)),
    (re.compile(rb"GGUF"), Foreign("GGUF, as llama.cpp reads it", "name a runtime for it in the spec")),
    (
        re.compile(rb"(?s).{257}ustar"),
        Foreign("a tar archive", "unpack it, or give it by MODELBERTH_MODEL_URI"),
    ),
    (
        re.compile(rb"(?i)\s*<(!doctype )?html"),
        Foreign("an HTML page", "check the address it was fetched from"),
    ),
    (re.compile(rb"\s*<\?xml"), Foreign("XML", _EXPORT)),
    (re.compile(rb"\s*\{\s*[\"}]"), Foreign("JSON", "a package is given as its folder, not as its manifest")),
    (re.compile(rb"\x7fELF"), Foreign("a program or library", _EXPORT)),
)


def _zip(data: bytes) -> Foreign:
    import zipfile  # noqa: PLC0415 -- as pickletools below

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [member.filename for member in archive.infolist()[:10_000]]
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, EOFError):
        return Foreign("a broken zip archive", "copy it again")
    if any(name.endswith(("data.pkl", "constants.pkl")) for name in names):
        return _pickle("a PyTorch checkpoint (a zip with a pickle)")
    if any(name.endswith((".pkl", ".pickle", ".joblib")) for name in names):
        return _pickle("a zip archive with a pickle")
    if "model.weights.h5" in names or {"config.json", "metadata.json"} <= set(names):
        return Foreign("a Keras model (.keras)", f"its Lambda layers run code; {_EXPORT}", runs_code=True)
    if names and all(name.endswith(".npy") for name in names):
        return Foreign("NumPy arrays (.npz)", _EXPORT)
    return Foreign("a zip archive", "unpack it, or give it by MODELBERTH_MODEL_URI")


def _is_pickle(data: bytes, *, whole: bool) -> bool:
    """Protocols 2 to 5 by their first bytes; 0 and 1 have none, their opcodes are read, nothing is run."""
    if re.match(rb"\x80[\x02-\x05]", data):
        return True
    if not whole or not re.match(rb"[(c\]}il]", data) or not data.endswith(b"."):
        return False
    import pickletools  # noqa: PLC0415 -- for files that nobody should have brought

    calls = False
    try:
        for opcode, _, at in pickletools.genops(data):
            calls |= opcode.name in {"REDUCE", "INST", "OBJ", "BUILD"}
            if opcode.name == "STOP":
                return calls and at == len(data) - 1
    except ValueError:
        return False
    return False


_COMPRESSED: Final = {
    b"\x1f\x8b": lambda: zlib.decompressobj(31),
    b"\x78\x01": zlib.decompressobj,
    b"\x78\x5e": zlib.decompressobj,
    b"\x78\x9c": zlib.decompressobj,
    b"\x78\xda": zlib.decompressobj,
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\0": lzma.LZMADecompressor,
    b"\x5d\0\0": lzma.LZMADecompressor,
}


def _beginning(unpack: Callable[[], Any], data: bytes) -> bytes:
    try:
        beginning: bytes = unpack().decompress(data[: 1 << 20], 16)
    except (zlib.error, OSError, EOFError, lzma.LZMAError, ValueError):
        return b""
    return beginning
