"""The guide to packages says what the server does."""

import re
from pathlib import Path

import numpy as np

from docs.markdown import blocks
from modelberth_server.model import discovery, manifest
from modelberth_server.model.package import Package
from modelberth_server.sources import archive, uri
from serving.model_sources import write_package

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "model-package.md"
TEXT = GUIDE.read_text(encoding="utf-8")


def test_its_package_is_one(tmp_path: Path) -> None:
    tree, code = blocks(GUIDE)
    assert (tree.language, code.language) == ("text", "python")
    files = {"preprocess.py": code.text.encode(), "words/en.txt": b"good bad"}
    pin = write_package(tmp_path / "iris", files, preprocess="preprocess.py")
    package = Package.read(tmp_path / "iris", pin)
    assert package.preprocess is not None
    counts = package.preprocess(["good and good", "bad"])["counts"]
    np.testing.assert_array_equal(counts, [[2, 0], [0, 1]])
    assert tree.text.split() == ["iris/", "modelberth.json", "model.onnx", "preprocess.py", "words/en.txt"]


def test_its_tables_are_complete() -> None:
    rows = re.findall(r"(?m)^\| (`.+?`) \| (required)? ?\|", TEXT)
    keys = {(name, bool(required)) for names, required in rows for name in re.findall(r"`([a-z]+)`", names)}
    assert {name for name, required in keys if required} == manifest._REQUIRED
    assert {name for name, required in keys if not required} == manifest._OPTIONAL
    assert set(re.findall(r"(?m)^\| `(\w+:\S+)` \|", TEXT)) == set(uri._SHAPES.values())


def test_its_numbers_are_the_servers() -> None:
    assert (
        f"{archive.MAX_FILES:,} members, {archive.MAX_BYTES >> 30} GiB or {archive.MAX_RATIO} times" in TEXT
    )
    for folder in (*(f"/{name}" for name in discovery.FOLDERS), f"${discovery.AZUREML}"):
        assert f"`{folder}`" in TEXT
    assert all(f"`{suffix}`" in TEXT for suffix in uri.FILES)
