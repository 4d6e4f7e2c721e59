"""What of the server is compiled, and that it is."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from textwrap import indent

import pytest

import native
from checkout import Checkout
from compiled import compiled_server, installed_compiler
from context import ROOT
from image.narrowing import believed_to_be_none
from serving.forms import compiled

SOURCES = ROOT / "serving_image"
STAGE = SOURCES / "image" / "stages" / "native.py"
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="compiled for the image's system")


@pytest.fixture(scope="module")
def folder() -> Path:
    return Path(compiled()["PYTHONPATH"])


def run(*arguments: str | Path, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, STAGE, *arguments],
        env={**os.environ, "PYTHONPATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_pattern_has_a_reason_and_finds_modules() -> None:
    table = json.loads((STAGE.with_suffix(".json")).read_text())["modules"]
    found = native.modules(SOURCES)

    assert len(found) > 45
    assert all(reason.strip() for reason in table.values())
    assert SOURCES / "modelberth_server/http/connection.py" in found


def test_a_pattern_that_finds_nothing_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "native.json"
    table.write_text('{"modules": {"http/gone.py": "was there once"}}')
    monkeypatch.setattr(native, "_TABLE", table)

    with pytest.raises(native.CompileError, match=r"http/gone\.py matches no module"):
        native.modules(SOURCES)


def test_each_module_has_a_library_beside_its_source(folder: Path) -> None:
    libraries = {path.relative_to(folder) for path in folder.rglob(f"*{SUFFIX}")}
    wanted = {path.relative_to(SOURCES) for path in native.modules(SOURCES)}

    assert {path.with_name(path.name.removesuffix(SUFFIX) + ".py") for path in libraries} == {
        *wanted,
        Path("modelberth_server__mypyc.py"),
    }
    for path in wanted:
        assert (folder / path).read_bytes() == (SOURCES / path).read_bytes()


def test_the_compiled_modules_are_the_ones_that_load(folder: Path) -> None:
    assert run("--check", path=folder).returncode == 0

    as_python = run("--check", path=SOURCES)
    assert as_python.returncode == 1
    assert as_python.stderr.startswith("error: not compiled: modelberth_server.access.access, ")


def test_the_library_is_of_no_machine_in_particular(folder: Path) -> None:
    content = (folder / f"modelberth_server__mypyc{SUFFIX}").read_bytes()
    versions = {tuple(map(int, found)) for found in re.findall(rb"GLIBC_(\d+)\.(\d+)", content)}

    assert len(content) > 1_000_000
    assert versions
    assert max(versions) <= (2, 28)
    for place in (str(Path.home()), str(ROOT), "/tmp/", "unfinished-"):
        assert place.encode() not in content


def test_it_is_compiled_once(folder: Path) -> None:
    assert compiled_server(Checkout.here(), os.environ) == folder


def test_sources_that_are_wrong_are_refused_with_the_place(tmp_path: Path) -> None:
    shutil.copytree(SOURCES / "modelberth_server", tmp_path / "modelberth_server")
    wrong = tmp_path / "modelberth_server/http/date.py"
    wrong.write_text(wrong.read_text() + '\n\ndef wrong() -> int:\n    return "one"\n')
    line = len(wrong.read_text().splitlines())

    done = run(tmp_path, tmp_path / "out", path=installed_compiler(Checkout.here(), os.environ))

    assert done.returncode != 0
    assert f"modelberth_server/http/date.py:{line}: error: Incompatible return value" in (
        done.stdout + done.stderr
    )
    assert not (tmp_path / "out").exists()


def test_without_the_interpreters_headers_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path))

    with pytest.raises(native.CompileError, match=r"no Python\.h, .*apt-get install python3-dev"):
        native.compile_modules(SOURCES, tmp_path / "out")


def test_nothing_is_read_that_mypy_believes_to_be_none() -> None:
    found = {
        f"{path.relative_to(SOURCES)}:{line}"
        for path in native.modules(SOURCES)
        for line in believed_to_be_none(path.read_text())
    }

    assert not found


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("if self.a is not None:\n  return\nself.set()\nif self.a is None: pass", [6]),
        ("if self.b or self.a is not None:\n  return\nself.set()\nreturn self.a", [6]),
        ("if self.a is None and self.b:\n  self.set()\n  return self.a", [5]),
        ("if self.a is not None:\n  return\nself.a = make()\nreturn self.a", []),
        ("if self.a is not None:\n  self.set()\nreturn self.a", []),
        ("if self.a is None:\n  return self.a", []),
        ("self.set()\nreturn self.a", []),
    ],
)
def test_such_a_place_is_found(body: str, lines: list[int]) -> None:
    method = indent(body, "  ")
    assert believed_to_be_none(f"class C:\n def method(self):\n{method}\n") == lines
