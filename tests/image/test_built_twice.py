"""One digest from two builds, and one new layer from a new model. Each builds: half a minute an image."""

import json
import os
import subprocess
import sys
from pathlib import Path

from onnx import helper, load, save

from archive import Image, differences
from context import ROOT
from image.conftest import BuiltImage

IRIS = ROOT / "models" / "iris" / "model.onnx"


def build(built: BuiltImage, output: Path, model: Path, *options: str) -> Image:
    command = [sys.executable, "serving_image/image/build.py", "--base", built.base, "--model", str(model)]
    command += [
        "--name",
        "iris",
        "--tag",
        f"localhost/modelberth-test:{output.name}",
        "--output",
        str(output),
    ]
    done = subprocess.run(
        [*command, "--json", *options], cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    image = Image(output / "image.oci.tar")
    assert json.loads(done.stdout)["digest"] == image.digest
    return image


def test_another_model_changes_one_layer(built: BuiltImage, tmp_path: Path) -> None:
    changed = load(IRIS)
    helper.set_model_props(changed, {"note": "trained again"})
    save(changed, tmp_path / "model.onnx")

    first = build(built, tmp_path / "first", IRIS)
    second = build(built, tmp_path / "second", tmp_path / "model.onnx")

    assert first.digest != second.digest
    shared = [layer.digest for layer in first.layers[:-1]]
    assert len(shared) == 3
    assert [layer.digest for layer in second.layers[:-1]] == shared
    assert differences(first, second) == ["layer 4: model/model.onnx"]


def test_two_builds_from_nothing_are_one_image(built: BuiltImage, tmp_path: Path) -> None:
    first = build(built, tmp_path / "check", IRIS, "--check")

    assert Image(tmp_path / "check" / "again.oci.tar").digest == first.digest
    assert Image(tmp_path / "check" / "again.oci.tar").path != first.path
