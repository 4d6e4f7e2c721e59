"""Only the pinned bytes of a package are used, each read once."""

import os
from pathlib import Path

import numpy as np
import pytest

from modelberth_server.errors import ModelError
from modelberth_server.model.package import Package
from serving.model_sources import DIGEST, sha256, write_package
from serving.models import IRIS

STEP = b"""\
from dataclasses import dataclass
import numpy as np

@dataclass
class Scale:
    by: "float"

WORDS = FILES["words.txt"].decode().split()

def preprocess(instances):
    return {"input": np.array(instances, np.float32) * Scale(len(WORDS)).by}
"""


def refused(path: Path, pin: str | None, *parts: str) -> str:
    with pytest.raises(ModelError) as caught:
        Package.read(path, pin)
    for part in parts:
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_folder(tmp_path: Path) -> None:
    files = {"preprocess.py": STEP, "words.txt": b"one two"}
    more = {"labels": ["a", "b"], "example": [[1]], "reference": {"inputs": {}}}
    pin = write_package(tmp_path, files, preprocess="preprocess.py", **more)
    package = Package.read(tmp_path, pin)
    assert (package.path, package.sha256) == (tmp_path / "model.onnx", pin)
    assert package.onnx == IRIS.read_bytes()
    assert package.manifest is not None
    assert (package.manifest.name, package.manifest.version) == ("iris", "3")
    assert (package.labels, package.example, package.reference) == (("a", "b"), [[1]], {"inputs": {}})
    assert package.preprocess is not None
    np.testing.assert_array_equal(package.preprocess([[1, 2]])["input"], [[2, 4]])
    assert package.external == {}
    assert len(repr(package)) < 1000


@pytest.mark.parametrize("name", ["", "net.onnx"])
def test_a_bare_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "net.onnx").write_bytes(IRIS.read_bytes())
    package = Package.read(tmp_path / name, sha256(IRIS.read_bytes()))
    assert (package.path, package.onnx) == (tmp_path / "net.onnx", IRIS.read_bytes())
    assert (
        package.manifest
        is package.preprocess
        is package.labels
        is package.example
        is package.reference
        is None
    )


def test_without_a_pin_its_digest_is_told(tmp_path: Path) -> None:
    pin = write_package(tmp_path)
    assert Package.read(tmp_path, None).sha256 == pin


def test_the_manifests_pin_comes_before_everything(tmp_path: Path) -> None:
    write_package(tmp_path)
    (tmp_path / "modelberth.json").write_bytes(b"{not json")
    found = sha256(b"{not json")
    refused(
        tmp_path,
        DIGEST,
        "modelberth.json",
        f"has sha256 {found}, expected {DIGEST}",
        "deploy the package again",
    )


def test_each_file_is_the_listed_one(tmp_path: Path) -> None:
    pin = write_package(tmp_path, {"words.txt": b"one two"})
    for name in ("model.onnx", "words.txt"):
        good = (tmp_path / name).read_bytes()
        for bad in (good[:-1], good + b"\n", b"", b"X" + good[1:]):
            (tmp_path / name).write_bytes(bad)
            refused(tmp_path, pin, str(tmp_path / name), sha256(bad), sha256(good), "copy the package again")
        (tmp_path / name).unlink()
        refused(tmp_path, pin, f"{tmp_path / name} does not exist")
        (tmp_path / name).write_bytes(good)
    Package.read(tmp_path, pin)


def test_each_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pin = write_package(
        tmp_path, {"preprocess.py": b"def preprocess(rows): return 1"}, preprocess="preprocess.py"
    )
    opened: list[str] = []
    real = os.open

    def counted(path: Path, flags: int) -> int:
        opened.append(Path(path).name)
        return real(path, flags)

    monkeypatch.setattr(os, "open", counted)
    monkeypatch.setattr(Path, "open", None)
    Package.read(tmp_path, pin)
    assert sorted(opened) == ["model.onnx", "modelberth.json", "preprocess.py"]


def test_links_of_a_kubernetes_volume_are_followed(tmp_path: Path) -> None:
    pin = write_package(tmp_path / "..2026_11_21", {"words/en.txt": b"one"})
    (tmp_path / "..data").symlink_to("..2026_11_21")
    for name in ("modelberth.json", "model.onnx", "words"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    assert Package.read(tmp_path, pin).sha256 == pin


@pytest.mark.parametrize("name", ["modelberth.json", "model.onnx", "words/en.txt", "words"])
def test_a_link_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "package"
    pin = write_package(folder, {"words/en.txt": b"one"})
    Package.read(folder, pin)
    (folder / name).rename(tmp_path / "outside")
    (folder / name).symlink_to(tmp_path / "outside")
    refused(folder, pin, "is a link to", str(tmp_path / "outside"), "copy the file into the package")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    pin = write_package(tmp_path, {"words.txt": b"one"})
    path = tmp_path / "words.txt"
    path.unlink()
    path.symlink_to("words.txt")
    refused(tmp_path, pin, f"{path} cannot be read")
    path.unlink()
    path.symlink_to("nowhere")
    refused(tmp_path, pin, f"{path} does not exist (a link to nothing)")
    path.unlink()
    os.mkfifo(path)
    refused(tmp_path, pin, f"{path} is not a file")
    path.unlink()
    path.mkdir()
    refused(tmp_path, pin, f"{path} is not a file")
    refused(tmp_path / "missing", pin, "does not exist")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", pin, "holds neither a modelberth.json nor an .onnx file")


def test_unlisted_files_are_named_and_not_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pin = write_package(tmp_path)
    os.mkfifo(tmp_path / "preprocess.py")
    (tmp_path / ".gitattributes").touch()
    (tmp_path / "lost+found").mkdir()
    Package.read(tmp_path, pin)
    assert caplog.messages == [f"{tmp_path}: not listed in modelberth.json, and not read: 'preprocess.py'"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (b"x = 1\ndef preprocess(:\n", "line 2: SyntaxError: invalid syntax"),
        (
            b"\n\nimport no_such_module_here\n",
            "line 3: ModuleNotFoundError: No module named 'no_such_module_here'",
        ),
        (b"def f():\n    1 / 0\n\nf()\n", "line 2: ZeroDivisionError: division by zero"),
        (b"exit(0)\n", "line 1: SystemExit: 0"),
        (b"x = 1\n", "defines no function preprocess(instances)"),
        (b"preprocess = 1\n", "defines no function preprocess(instances)"),
        (b"open(__file__)\n", "the package's other files are in the global FILES"),
        (b"# coding: no-such\n", "SyntaxError"),
        (b"x = '\0'", "null bytes"),
        (b"FILES['a'] = b''\n", "line 1: TypeError"),
        (
            b"assert 'model.onnx' not in FILES and 'preprocess.py' not in FILES\nraise KeyError\n",
            "line 2: KeyError",
        ),
    ],
)
def test_a_step_that_fails_is_the_packages_fault(tmp_path: Path, code: bytes, message: str) -> None:
    pin = write_package(tmp_path, {"preprocess.py": code}, preprocess="preprocess.py")
    refused(tmp_path, pin, str(tmp_path / "preprocess.py"), message)


def test_two_versions_of_a_step_live_side_by_side(tmp_path: Path) -> None:
    steps = []
    for version in (1, 2, 1):
        folder = tmp_path / str(len(steps))
        code = b"BY = %d\ndef preprocess(rows): return {'x': BY}\n" % version
        write_package(folder, {"preprocess.py": code}, preprocess="preprocess.py")
        steps.append(Package.read(folder, None).preprocess)
    assert [step and step([])["x"] for step in steps] == [1, 2, 1]
    names = [step.__module__ for step in steps if step]
    assert names[0] == names[2] != names[1]
