"""Archives are unpacked into their folder, or refused."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from modelberth_server.sources import archive
from modelberth_server.sources.archive import extract, is_archive
from modelberth_server.sources.stream import SourceError
from serving.hostile_archives import FEW_FILES, entry, hostile, tar, zipped

FILES = {"modelberth.json": b"{}", "words/en.txt": b"one", "model.onnx": bytes(3 << 20)}


def folder_of(path: Path) -> dict[str, bytes]:
    return {
        found.relative_to(path).as_posix(): found.read_bytes() for found in path.rglob("*") if found.is_file()
    }


def unpack(data: bytes, tmp_path: Path) -> Path:
    packed, into = tmp_path / "archive", tmp_path / "place/into"
    packed.write_bytes(data)
    into.mkdir(parents=True)
    extract(packed, into, "s3://bucket/a.tar.gz")
    return into


@pytest.mark.parametrize("form", ["tar", "tar.gz", "zip", "stored zip", "tar with folders", "GNU tar"])
def test_a_package(form: str, tmp_path: Path) -> None:
    members = [(entry(f"./{name}"), data) for name, data in FILES.items()]
    file = io.BytesIO()
    match form:
        case "zip":
            data = zipped(*FILES.items(), ("words/", b""))
        case "stored zip":
            data = zipped(*FILES.items(), method=zipfile.ZIP_STORED)
        case "tar with folders":
            folders = [(entry(name, tarfile.DIRTYPE), b"") for name in (".", "./words")]
            data = tar(*folders, *members)
        case "GNU tar":
            with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as writer:
                for info, content in members:
                    info.size = len(content)
                    writer.addfile(info, io.BytesIO(content))
            data = file.getvalue()
        case _:
            data = tar(*members, packed=form == "tar.gz")
    into = unpack(data, tmp_path)
    assert is_archive(tmp_path / "archive")
    assert folder_of(into) == FILES
    assert {path.stat().st_mode & 0o777 for path in into.rglob("*")} == {0o600, 0o700}


@pytest.mark.parametrize("name", hostile(Path("/")))
def test_a_hostile_archive_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_FILES", FEW_FILES)
    outside = tmp_path / "outside"
    outside.mkdir()
    make, message = hostile(outside)[name]
    with pytest.raises(SourceError, match=message) as caught:
        unpack(make(), tmp_path)
    assert str(caught.value).startswith("s3://bucket/a.tar.gz")
    assert "\n" not in str(caught.value)
    assert folder_of(outside) == {}
    found = {path.name for path in tmp_path.rglob("*") if not path.is_relative_to(tmp_path / "place/into")}
    assert found == {"archive", "outside", "place"}
    assert sum(map(len, folder_of(tmp_path / "place/into").values())) < 130 << 20


def test_a_full_disk_is_not_the_archives_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.open", full)
    with pytest.raises(OSError, match="No space left"):
        unpack(tar((entry("model.onnx"), b"x")), tmp_path)


def test_there_are_enough_of_them() -> None:
    assert len(hostile(Path("/"))) >= 45
