"""What is no ONNX model is told from its bytes, and refused before anything reads it as what it is."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelberth_server.errors import ModelError
from modelberth_server.model.formats import recognize
from modelberth_server.model.package import Package
from serving.model_sources import sha256, write_package
from serving.models import IRIS


class Payload:
    """Would write a file if it were ever loaded."""

    def __init__(self, path: str = "/dev/null") -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return exec, (f"open({self.path!r}, 'w').write('loaded')",)


def zipped(members: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("x"))
    return file.getvalue()


def saved_array() -> bytes:
    file = io.BytesIO()
    np.save(file, np.ones(3))
    return file.getvalue()


def pickles(path: str = "/dev/null") -> dict[str, bytes]:
    payload = Payload(path)
    plain = {f"protocol {number}": pickle.dumps(payload, number) for number in range(6)}
    binary = plain["protocol 4"]
    torch = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19." + binary
    return plain | {
        "joblib, zlib": zlib.compress(binary),
        "joblib, zlib 1": zlib.compress(binary, 1),
        "joblib, gzip": gzip.compress(binary),
        "joblib, bz2": bz2.compress(binary),
        "joblib, xz": lzma.compress(binary),
        "joblib, lzma": lzma.compress(binary, lzma.FORMAT_ALONE),
        "torch before 1.6": torch,
        "torch": zipped({"archive/data.pkl": binary, "archive/version": b"3"}),
        "torch script": zipped({"net/constants.pkl": binary, "net/code/a.py": b""}),
        "zip": zipped({"model.pkl": binary}),
        "zip, joblib": zipped({"a/model.joblib": binary}),
    }


OTHERS = {
    "HDF5": (b"\x89HDF\r\n\x1a\n" + b"\0" * 64, "HDF5", True),
    "HDF5 behind a block": (b"\0" * 512 + b"\x89HDF\r\n\x1a\n", "HDF5", True),
    "Keras": (zipped({"config.json": b"{}", "metadata.json": b"{}", "model.weights.h5": b""}), "Keras", True),
    "zip": (zipped({"model.onnx": b"x"}), "a zip archive", False),
    "broken zip": (b"PK\x03\x04" + b"\0" * 30, "a broken zip archive", False),
    "npz": (zipped({"a.npy": saved_array()}), "NumPy arrays", False),
    "npy": (saved_array(), "a NumPy array", False),
    "gzip": (gzip.compress(b"hello"), "compressed data", False),
    "tar": (tarred(), "a tar archive", False),
    "empty": (b"", "an empty file", False),
    "LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7\n", "git lfs pull", False),
    "TFLite": (b"\x1c\0\0\0TFL3" + b"\0" * 20, "TensorFlow Lite", False),
    "ORT": (b"\x1c\0\0\0ORTM" + b"\0" * 20, "the .onnx file it came from", False),
    "safetensors": (struct.pack("<Q", 2) + b"{}", "safetensors", False),
    "GGUF": (b"GGUF\3\0\0\0", "GGUF", False),
    "HTML": (b"\n<!DOCTYPE html><html>", "check the address", False),
    "XML": (b"<?xml version='1.0'?>", "XML", False),
    "manifest": (json.dumps({"format": 1}).encode(), "as its folder", False),
    "ELF": (b"\x7fELF\2\1\1", "a program", False),
}


@pytest.mark.parametrize("form", pickles())
def test_a_pickle_is_told_in_every_form(form: str) -> None:
    foreign = recognize(pickles()[form])
    assert foreign is not None
    assert foreign.runs_code
    assert "pickle" in foreign.kind
    assert "export the model to ONNX" in foreign.way_out


@pytest.mark.parametrize("form", OTHERS)
def test_other_formats_are_told(form: str) -> None:
    data, told, runs_code = OTHERS[form]
    foreign = recognize(data)
    assert foreign is not None
    assert told in f"{foreign.kind}: {foreign.way_out}"
    assert foreign.runs_code is runs_code


@pytest.mark.parametrize(
    "data",
    [IRIS.read_bytes(), b"cat\ndog\n.", b"(a\n.", b"import numpy\n\nx = 1.", b"i\nj\nk\n", b"one two", b"]."],
)
def test_models_and_texts_are_not_mistaken(data: bytes) -> None:
    assert recognize(data) is None


@pytest.mark.parametrize("form", [*pickles(), *OTHERS])
def test_none_is_served_as_a_model(form: str, tmp_path: Path) -> None:
    """Though its digest is the pinned one; and nothing in it runs."""
    trace = tmp_path / "trace"
    data = pickles(str(trace)).get(form) or OTHERS[form][0]
    (tmp_path / "model.onnx").write_bytes(data)
    with pytest.raises(ModelError, match=r"model.onnx is not an ONNX model but .*: ") as caught:
        Package.read(tmp_path / "model.onnx", sha256(data))
    assert "\n" not in str(caught.value)
    assert not trace.exists()


@pytest.mark.parametrize("form", [*pickles(), "HDF5", "Keras"])
def test_nor_lies_a_pickle_beside_the_model(form: str, tmp_path: Path) -> None:
    data = pickles().get(form) or OTHERS[form][0]
    pin = write_package(tmp_path, {"words.txt": data})
    with pytest.raises(ModelError, match=r"words.txt is not .* but"):
        Package.read(tmp_path, pin)


@pytest.mark.parametrize("form", ["npy", "gzip", "zip", "manifest", "empty"])
def test_data_beside_the_model_may_have_any_harmless_form(form: str, tmp_path: Path) -> None:
    pin = write_package(tmp_path, {"data.bin": OTHERS[form][0]})
    assert Package.read(tmp_path, pin).sha256 == pin
