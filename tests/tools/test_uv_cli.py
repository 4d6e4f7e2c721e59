from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from pathlib import Path

import pytest

import uv_cli
from console import SetupError
from package_index import Platform

NAME = "uv-0.13.9-py3-none-any.whl"
DEBIAN_NAME = "uv-0.13.9-py3-none-manylinux_2_17_x86_64.whl"
SCRIPT = b"#!/bin/sh\necho uv 0.13.9\n"


def wheel() -> bytes:
    """Make a wheel that pip accepts (PEP 427)."""
    files = {
        "uv-0.13.9.data/scripts/uv": SCRIPT,
        "uv-0.13.9.dist-info/METADATA": b"Metadata-Version: 2.1\nName: uv\nVersion: 0.13.9\n",
        "uv-0.13.9.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip('=')},{len(data)}\n"
        for name, data in files.items()
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in {**files, "uv-0.13.9.dist-info/RECORD": record.encode()}.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.fixture
def index(machine, serve, monkeypatch: pytest.MonkeyPatch):
    """Serve uv from an index that the person's environment names, and pin what it serves."""
    content = wheel()
    links = "".join(f'<a href="/files/{name}">{name}</a>' for name in (NAME, DEBIAN_NAME))
    files = {f"/files/{name}": content for name in (NAME, DEBIAN_NAME)}
    site = serve({"/simple/uv/": links.encode(), **files})
    pins = machine.folder / "uv.txt"
    pins.write_text(f"uv==0.13.9 \\\n    --hash=sha256:{hashlib.sha256(content).hexdigest()}\n")
    monkeypatch.setattr(uv_cli, "_PINS", pins)
    monkeypatch.setattr(Platform, "here", lambda: Platform("Linux", "x86_64", "glibc", (2, 36)))
    machine.environ["PIP_INDEX_URL"] = f"{site.url}/simple"
    return site


@pytest.fixture
def no_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uv_cli.importlib.util, "find_spec", lambda name: None)


def test_a_new_enough_uv_on_path_is_taken(machine, index, capsys: pytest.CaptureFixture[str]) -> None:
    program = machine.uv("0.8.0")
    assert uv_cli.find_or_install(machine.checkout, machine.environ) == program
    assert capsys.readouterr().out == f"uv        0.8.0 from PATH, {program}\n"
    assert index.requests == []
    assert not machine.checkout.cache.exists()


@pytest.mark.usefixtures("no_pip")
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo uv 0.7.22", "it is 0.7.22, 0.8.0 or newer is needed"),
        ("echo 'uv: command not found' >&2; exit 127", "ends with code 127: uv: command not found"),
        ("echo hello", "no version number in 'hello"),
    ],
)
def test_another_uv_on_path_is_skipped_with_the_reason(
    machine, index, script: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    program = machine.program("uv", script)
    found = uv_cli.find_or_install(machine.checkout, machine.environ)
    assert found == machine.checkout.cache / "uv-0.13.9" / "bin" / "uv"
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(f"uv        skipped {program}: ")
    assert reason in first


def test_pip_installs_it_once(machine, index, capsys: pytest.CaptureFixture[str]) -> None:
    program = uv_cli.find_or_install(machine.checkout, machine.environ)
    assert program.read_bytes() == SCRIPT
    assert capsys.readouterr().out == "uv        0.13.9 by pip, with a pinned hash\n"
    seen = len(index.requests)
    assert seen >= 2
    assert uv_cli.find_or_install(machine.checkout, machine.environ) == program
    assert capsys.readouterr().out == f"uv        0.13.9 from the cache, {program}\n"
    assert len(index.requests) == seen


@pytest.mark.usefixtures("no_pip")
def test_without_pip_it_is_downloaded_once(machine, index, capsys: pytest.CaptureFixture[str]) -> None:
    program = uv_cli.find_or_install(machine.checkout, machine.environ)
    assert program.read_bytes() == SCRIPT
    assert program.stat().st_mode & 0o111
    assert [path for path, _ in index.requests] == ["/simple/uv/", f"/files/{DEBIAN_NAME}"]
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("uv        pip: ")
    assert shown[1] == "uv        0.13.9 by download, with a pinned hash"
    assert uv_cli.find_or_install(machine.checkout, machine.environ) == program
    assert len(index.requests) == 2


def test_pip_that_is_kept_from_installing_is_no_obstacle(machine, index) -> None:
    machine.environ["PIP_REQUIRE_VIRTUALENV"] = "1"
    machine.environ["PIP_PYTHON"] = "/no/such/python"
    program = uv_cli.find_or_install(machine.checkout, machine.environ)
    assert program.read_bytes() == SCRIPT
    assert index.requests[-1][0] == f"/files/{DEBIAN_NAME}"


def test_a_wheel_that_is_not_pinned_is_installed_by_no_way(machine, index) -> None:
    uv_cli._PINS.write_text("uv==0.13.9 --hash=sha256:" + "0" * 64)
    with pytest.raises(SetupError) as error:
        uv_cli.find_or_install(machine.checkout, machine.environ)
    shown = str(error.value)
    assert "  - pip: " in shown
    assert "DO NOT MATCH" in shown
    assert "  - download: " in shown
    assert "is not a pinned file" in shown
    assert shown.splitlines()[-1].startswith("Install uv by hand (https://docs.astral.sh/uv/")
    assert [path.name for path in machine.checkout.cache.iterdir()] == ["lock"]


def test_the_pins_are_of_the_version_that_is_asked_for() -> None:
    asked = Path(uv_cli.__file__).with_name("uv.in").read_text().strip()
    pinned = Path(uv_cli.__file__).with_name("uv.txt").read_text()
    assert f"\n{asked} \\\n" in pinned
    assert pinned.count("--hash=sha256:") > 10
