"""Damaged and hostile models: refused by their digest, or cleanly, and never with the process."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from modelberth_server.errors import ModelError
from modelberth_server.model.package import Package
from serving.model_sources import DIGEST, sha256, write_package
from serving.models import IRIS

MODEL = IRIS.read_bytes()
FLIPS = 256

# Loads every model that it is given as `MODEL_0, MODEL_1, ...` with a pin that fits, and tries each once.
LOADER = """
import json, sys
from collections import Counter
from pathlib import Path
import hashlib
import numpy as np
from modelberth_server.errors import ModelError, RequestError
from modelberth_server.model.loading import load
from modelberth_server.model.reference import references
from modelberth_server.settings import Settings

outcomes = Counter()
for path in sorted(Path(sys.argv[1]).glob("*.onnx")):
    pin = hashlib.sha256(path.read_bytes()).hexdigest()
    environ = {"MODELBERTH_MODEL_PATH": str(path), "MODELBERTH_MODEL_SHA256": pin}
    try:
        settings = Settings.from_environ(environ)
        (reference,) = references(settings, {})
        model = load(reference, settings, environ)
    except ModelError as error:
        assert str(path) in str(error) and "\\n" not in str(error), error
        outcomes["refused"] += 1
        continue
    signature = model.signature
    shapes = {spec: [max(size, 1) for size in spec.shape] for spec in signature.inputs}
    inputs = {spec.name: np.ones(shape, spec.datatype.dtype) for spec, shape in shapes.items()}
    try:
        model.run(inputs, [spec.name for spec in signature.outputs])
    except RequestError:
        outcomes["answers with an error"] += 1
    else:
        outcomes["serves"] += 1
print(json.dumps(outcomes))
"""


def flipped(count: int) -> list[bytes]:
    """Copies of the model, each with another byte changed, at places spread over all of it."""
    copies = []
    for number in range(count):
        bad = bytearray(MODEL)
        bad[number * len(MODEL) // count] ^= 1 << number % 8
        copies.append(bytes(bad))
    assert len(set(copies)) == count
    return copies


@pytest.mark.parametrize("form", ["bare", "package"])
def test_flipped_bytes_are_refused_by_the_digest(form: str, tmp_path: Path) -> None:
    pin = write_package(tmp_path) if form == "package" else sha256(MODEL)
    path = tmp_path if form == "package" else tmp_path / "model.onnx"
    refused = 0
    for bad in flipped(FLIPS):
        (tmp_path / "model.onnx").write_bytes(bad)
        with pytest.raises(
            ModelError, match=f"model.onnx has sha256 {sha256(bad)}, expected {sha256(MODEL)}"
        ):
            Package.read(path, pin)
        refused += 1
    assert refused >= 200


def test_flipped_bytes_of_a_manifest_are_refused_by_its_pin(tmp_path: Path) -> None:
    pin = write_package(tmp_path, labels=["a", "b", "c"])
    good = (tmp_path / "modelberth.json").read_bytes()
    for place in range(len(good)):
        bad = bytearray(good)
        bad[place] ^= 1
        (tmp_path / "modelberth.json").write_bytes(bad)
        with pytest.raises(ModelError, match=f"modelberth.json has sha256 .*, expected {pin}"):
            Package.read(tmp_path, pin)
    assert len(good) >= 150


def test_flipped_bytes_of_a_manifest_with_their_own_pin_are_refused_or_harmless(tmp_path: Path) -> None:
    """Another name or label is a valid manifest; everything else is refused in a line."""
    write_package(tmp_path, labels=["a", "b", "c"])
    good = (tmp_path / "modelberth.json").read_bytes()
    outcomes = {"refused": 0, "read": 0, "told in several lines": 0}
    for place in range(len(good)):
        bad = bytearray(good)
        bad[place] ^= 1
        (tmp_path / "modelberth.json").write_bytes(bad)
        try:
            package = Package.read(tmp_path, sha256(bytes(bad)))
        except ModelError as error:
            outcomes["refused" if "\n" not in str(error) else "told in several lines"] += 1
        else:
            assert package.onnx == MODEL
            outcomes["read"] += 1
    assert outcomes["refused"] > 100
    assert outcomes["read"] > 3
    assert outcomes["told in several lines"] == 0


@pytest.mark.parametrize("form", ["bare", "package"])
def test_a_truncated_model_is_refused_by_the_digest(form: str, tmp_path: Path) -> None:
    pin = write_package(tmp_path) if form == "package" else sha256(MODEL)
    path = tmp_path if form == "package" else tmp_path / "model.onnx"
    for size in range(0, len(MODEL), 16):
        (tmp_path / "model.onnx").write_bytes(MODEL[:size])
        with pytest.raises(ModelError, match=r"model\.onnx has sha256 "):
            Package.read(path, pin)
    assert len(MODEL) // 16 > 40


def test_another_pin_is_refused(tmp_path: Path) -> None:
    write_package(tmp_path)
    for path, found in (
        (IRIS, sha256(MODEL)),
        (tmp_path, hashlib.sha256((tmp_path / "modelberth.json").read_bytes()).hexdigest()),
        (tmp_path / "model.onnx", sha256(MODEL)),
    ):
        with pytest.raises(
            ModelError, match=f"has sha256 {found}, expected {DIGEST}: check MODELBERTH_MODEL_SHA256"
        ):
            Package.read(path, DIGEST)


def test_models_with_a_fitting_digest_never_end_the_process(tmp_path: Path) -> None:
    """Damaged before they were pinned: one process gets them all, and is there at the end."""
    damaged = [
        *flipped(FLIPS),
        *(MODEL[:size] for size in range(0, len(MODEL), 32)),
        MODEL + MODEL,
        bytes(1000),
    ]
    for number, data in enumerate([MODEL, *damaged]):
        (tmp_path / f"{number:04}.onnx").write_bytes(data)
    result = subprocess.run(
        [sys.executable, "-c", LOADER, tmp_path], capture_output=True, text=True, timeout=240, check=False
    )
    assert result.returncode == 0, result.stderr[-2000:]
    outcomes = json.loads(result.stdout)
    assert sum(outcomes.values()) == len(damaged) + 1 > 270
    assert outcomes["refused"] > 50
    assert outcomes["serves"] > 50
