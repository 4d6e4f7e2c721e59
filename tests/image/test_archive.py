from pathlib import Path

import pytest

from archive import Image, differences
from image.oci_archives import write_archive

SYSTEM = {"usr/bin/python3": b"\x7fELF", "etc/passwd": b"root"}
MODEL = {"model/model.onnx": b"one"}


def test_an_archive_tells_its_digest_and_its_layers(tmp_path: Path) -> None:
    digest = write_archive(tmp_path / "a.tar", [SYSTEM, MODEL])

    image = Image(tmp_path / "a.tar")

    assert image.digest == digest
    assert [(layer.files, layer.bytes) for layer in image.layers] == [(2, 8), (1, 3)]
    assert image.config["config"]["User"] == "10001:10001"
    assert image.file("model/model.onnx") == b"one"
    with pytest.raises(KeyError, match="model/other"):
        image.file("model/other")


def test_the_same_files_are_the_same_image(tmp_path: Path) -> None:
    first, second = (write_archive(tmp_path / f"{name}.tar", [SYSTEM, MODEL]) for name in "ab")

    assert first == second
    assert differences(Image(tmp_path / "a.tar"), Image(tmp_path / "b.tar")) == []


def test_a_difference_is_named_by_layer_and_file(tmp_path: Path) -> None:
    write_archive(tmp_path / "a.tar", [SYSTEM, MODEL])
    write_archive(tmp_path / "b.tar", [{**SYSTEM, "etc/passwd": b"toor"}, {**MODEL, "model/more": b""}])

    found = differences(Image(tmp_path / "a.tar"), Image(tmp_path / "b.tar"))

    assert found == ["layer 1: etc/passwd", "layer 2: model/more"]


def test_a_time_that_got_into_a_layer_is_a_difference(tmp_path: Path) -> None:
    write_archive(tmp_path / "a.tar", [MODEL])
    write_archive(tmp_path / "b.tar", [MODEL], mtime=1)

    assert differences(Image(tmp_path / "a.tar"), Image(tmp_path / "b.tar")) == ["layer 1: model/model.onnx"]


def test_an_archive_of_two_images_is_refused(tmp_path: Path) -> None:
    write_archive(tmp_path / "a.tar", [MODEL], images=2)

    with pytest.raises(ValueError, match="holds 2 images, not one"):
        Image(tmp_path / "a.tar")
