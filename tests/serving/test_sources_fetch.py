"""A model is fetched, checked against its pin and left where a second process finds it."""

import errno
import io
import json
import os
import ssl
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelberth_server.errors import ModelError
from modelberth_server.model.package import Package
from modelberth_server.sources import fetch, uri
from modelberth_server.sources.addresses import PrivateHosts
from modelberth_server.sources.fetch import Fetched, Fetcher
from serving.authorities import Authority
from serving.hostile_archives import entry, hostile, tar, zipped
from serving.model_sources import DIGEST, Answer, Buckets, StandIn, buckets, sha256, write_package
from serving.models import IRIS

MODEL = IRIS.read_bytes()
PIN = sha256(MODEL)


@pytest.fixture
def fetcher(tmp_path: Path, authority: Authority) -> Fetcher:
    return Fetcher(
        tmp_path / "models",
        PrivateHosts.of(["127.0.0.1"]),
        hub_token="hub-secret",
        tls=ssl.create_default_context(cafile=str(authority.cert)),
    )


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Buckets]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    with buckets() as store:
        environ = {
            "ENDPOINT_URL": store.url,
            "ALLOW_HTTP": "true",
            "ACCESS_KEY_ID": "a",
            "SECRET_ACCESS_KEY": "b",
        }
        for name, value in environ.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        yield store


def packaged(tmp_path: Path, prefix: str = "") -> tuple[str, dict[str, bytes]]:
    """The pin and the files of a package."""
    code = b"def preprocess(rows): return {'words': len(FILES['words/en.txt'])}"
    files = {"preprocess.py": code, "words/en.txt": b"one two"}
    pin = write_package(tmp_path, files, preprocess="preprocess.py")
    names = ["modelberth.json", "model.onnx", *files]
    return pin, {f"{prefix}{name}": (tmp_path / name).read_bytes() for name in names}


def refused(fetcher: Fetcher, address: str, pin: str | None, *parts: str) -> None:
    with pytest.raises(ModelError) as caught:
        fetcher.fetch(address, pin)
    for part in parts:
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)
    left = [path.name for path in fetcher.folder.iterdir()] if fetcher.folder.is_dir() else []
    assert all(name.endswith(".lock") for name in left), left


def test_a_file_over_https(site: StandIn, fetcher: Fetcher) -> None:
    site.answers["/iris/3.onnx?sig=secret"] = Answer(body=MODEL)
    address = f"{site.url}/iris/3.onnx?sig=secret"
    fetched = fetcher.fetch(address, PIN)
    assert (fetched.path.name, fetched.sha256) == ("3.onnx", PIN)
    assert Package.read(fetched.path, fetched.sha256).onnx == MODEL
    assert fetcher.fetch(address, PIN) == fetched
    assert len(site.seen) == 1
    assert fetcher.folder.stat().st_mode & 0o777 == 0o700
    fetched.path.write_bytes(MODEL[:-1])
    assert fetcher.fetch(address, PIN) == fetched
    assert fetched.path.read_bytes() == MODEL
    assert len(site.seen) == 2


def test_other_bytes_are_refused(site: StandIn, fetcher: Fetcher) -> None:
    for body in (MODEL[:-1], MODEL + b"\0", b"", b"<html>"):
        site.answers["/3.onnx"] = Answer(body=body)
        refused(fetcher, f"{site.url}/3.onnx", PIN, f"{site.url}/3.onnx", sha256(body), PIN, "check the pin")
    site.answers["/3.onnx"] = Answer(404)
    refused(fetcher, f"{site.url}/3.onnx", PIN, f"{site.url}/3.onnx: answered with status 404")


def test_a_private_host_needs_to_be_allowed(site: StandIn, fetcher: Fetcher) -> None:
    site.answers["/3.onnx"] = Answer(body=MODEL)
    strict = Fetcher(fetcher.folder, tls=fetcher.tls)
    refused(strict, f"{site.url}/3.onnx", PIN, "not a public one", "MODELBERTH_ALLOW_PRIVATE_HOSTS")
    assert site.seen == []


def test_a_file_from_a_store(cloud: Buckets, fetcher: Fetcher) -> None:
    cloud.objects["models/iris/3.onnx"] = MODEL
    fetched = fetcher.fetch("s3://models/iris/3.onnx", PIN)
    assert fetched.path.read_bytes() == MODEL
    refused(fetcher := Fetcher(fetcher.folder / "x"), "s3://models/iris/4.onnx", PIN, "4.onnx does not exist")
    cloud.versions["models/iris/3.onnx", "v1"] = MODEL
    assert fetcher.fetch("s3://models/iris/3.onnx@v1", None).sha256 == PIN


def test_a_package_file_by_file(cloud: Buckets, fetcher: Fetcher, tmp_path: Path) -> None:
    pin, files = packaged(tmp_path / "source", "models/iris/3/")
    cloud.objects = dict(files)
    fetched = fetcher.fetch("s3://models/iris/3", pin)
    package = Package.read(fetched.path, fetched.sha256)
    assert package.preprocess is not None
    assert package.preprocess([]) == {"words": 7}
    assert [path for _, path, _ in cloud.seen] == [*files]
    assert fetcher.fetch("s3://models/iris/3", pin) == fetched
    assert len(cloud.seen) == len(files)
    (fetched.path / "words/en.txt").write_bytes(b"other")
    fetcher.fetch("s3://models/iris/3", pin)
    assert (fetched.path / "words/en.txt").read_bytes() == b"one two"


def test_a_package_of_which_a_part_is_wrong(cloud: Buckets, fetcher: Fetcher, tmp_path: Path) -> None:
    pin, files = packaged(tmp_path / "source", "models/iris/")
    address = "s3://models/iris/"
    for name in files:
        cloud.objects = {**files, name: files[name] + b" "}
        refused(fetcher, address, pin, f"s3://{name} has sha256 {sha256(files[name] + b' ')}, expected ")
        cloud.objects = {key: data for key, data in files.items() if key != name}
        refused(fetcher, address, pin, f"s3://{name} does not exist")
    bad = json.loads(files["models/iris/modelberth.json"])
    bad["files"]["../evil.txt"] = sha256(b"x")
    text = json.dumps(bad).encode()
    cloud.objects = {**files, "models/iris/modelberth.json": text, "models/evil.txt": b"x"}
    refused(fetcher, address, sha256(text), "'../evil.txt' is not a relative path inside the package")


@pytest.mark.parametrize("form", ["tar.gz", "zip"])
@pytest.mark.parametrize("top", ["", "iris-3/"])
def test_an_archive_is_pinned_by_itself_or_by_its_manifest(
    site: StandIn, fetcher: Fetcher, tmp_path: Path, form: str, top: str
) -> None:
    inner, files = packaged(tmp_path / "source", top)
    data = (
        zipped(*files.items())
        if form == "zip"
        else tar(*((entry(name), body) for name, body in files.items()))
    )
    site.answers[f"/iris.{form}"] = Answer(body=data)
    address = f"{site.url}/iris.{form}"
    for pin in (inner, sha256(data)):
        fetched = fetcher.fetch(address, pin)
        assert fetched.sha256 == inner
        assert Package.read(fetched.path, fetched.sha256).sha256 == inner
    assert fetcher.fetch(address, inner).sha256 == inner
    assert len(site.seen) == 2
    refused(
        Fetcher(tmp_path / "x", fetcher.private_hosts, tls=fetcher.tls), address, DIGEST, sha256(data), inner
    )


def test_an_archive_of_a_bare_file(cloud: Buckets, fetcher: Fetcher) -> None:
    cloud.objects["models/iris.tar.gz"] = data = tar((entry("./net.onnx"), MODEL))
    for pin in (PIN, sha256(data)):
        fetched = fetcher.fetch("s3://models/iris.tar.gz", pin)
        assert (fetched.path.name, fetched.sha256) == ("net.onnx", PIN)
    cloud.objects["models/iris.tar"] = data = tar((entry("readme"), b"x"), packed=False)
    fresh = Fetcher(fetcher.folder / "x")
    refused(fresh, "s3://models/iris.tar", sha256(data), "neither a modelberth.json nor an .onnx file")


def test_a_checkpoint_named_onnx_is_not_unpacked(cloud: Buckets, fetcher: Fetcher) -> None:
    cloud.objects["models/net.onnx"] = data = zipped(
        ("archive/data.pkl", b"\x80\x02."), ("model.onnx", MODEL)
    )
    fetched = fetcher.fetch("s3://models/net.onnx", sha256(data))
    with pytest.raises(ModelError, match="PyTorch checkpoint"):
        Package.read(fetched.path, fetched.sha256)


# Without those that only a bound on their contents refuses: they are in test_sources_archive.
@pytest.mark.parametrize(
    "name", [name for name in hostile(Path("/")) if "bomb" not in name and "many" not in name]
)
def test_a_hostile_archive_leaves_nothing(
    cloud: Buckets, fetcher: Fetcher, tmp_path: Path, name: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    make, _ = hostile(outside)[name]
    cloud.objects["models/evil.zip"] = data = make()
    for pin in (sha256(data), PIN):
        refused(fetcher, "s3://models/evil.zip", pin, "s3://models/evil.zip")
    assert list(outside.iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} == {"outside", "models"}


def test_the_hub(site: StandIn, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uri, "HUB", site.url)
    commit = "0123456789abcdef0123456789abcdef01234567"
    site.answers[f"/org/name/resolve/{commit}/onnx/model.onnx"] = Answer(
        302, headers={"location": "/cdn?sig=1"}
    )
    site.answers["/cdn?sig=1"] = Answer(body=MODEL)
    fetched = fetcher.fetch(f"hf://org/name@{commit}/onnx/model.onnx", None)
    assert fetched.sha256 == PIN
    assert [headers.get("authorization") for _, headers in site.seen] == ["Bearer hub-secret", None]
    site.answers["/org/name/resolve/main/model.onnx"] = Answer(body=MODEL)
    assert fetcher.fetch("hf://org/name@main/model.onnx", PIN).sha256 == PIN
    other = Fetcher(fetcher.folder / "x", fetcher.private_hosts, tls=fetcher.tls)
    refused(
        other, "hf://org/name@main/model.onnx", None, "what it holds may change", "MODELBERTH_MODEL_SHA256"
    )
    other.fetch("hf://org/name@main/model.onnx", PIN)
    assert "authorization" not in site.seen[-1][1]


@pytest.mark.parametrize(
    "address", ["https://host.example/m.onnx", "s3://bucket/m.onnx", "hf://org/name@v1/m.onnx"]
)
def test_what_may_change_needs_a_pin(fetcher: Fetcher, address: str) -> None:
    refused(fetcher, address, None, address, "set MODELBERTH_MODEL_SHA256")


@pytest.mark.parametrize(
    "address", ["http://host/m.onnx", "ftp://host/m.onnx", "s3://B/m.onnx", "hf://org/name"]
)
def test_other_addresses_are_refused(fetcher: Fetcher, address: str) -> None:
    refused(fetcher, address, PIN, address, "expected")


def test_a_file_uri_is_used_where_it_lies(fetcher: Fetcher, tmp_path: Path) -> None:
    pin, files = packaged(tmp_path / "source")
    assert fetcher.fetch(f"file:{tmp_path}/source", pin) == Fetched(tmp_path / "source", pin)
    assert fetcher.fetch(f"file:{IRIS}", PIN) == Fetched(IRIS, PIN)
    assert not fetcher.folder.exists()
    archive = tmp_path / "iris.tar.gz"
    archive.write_bytes(tar(*((entry(name), data) for name, data in files.items())))
    fetched = fetcher.fetch(f"file:{archive}", sha256(archive.read_bytes()))
    assert fetched.sha256 == pin
    assert fetched.path.is_relative_to(fetcher.folder)
    assert archive.exists()


def test_a_folder_that_cannot_be_written(
    fetcher: Fetcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    refused(
        Fetcher(tmp_path / "file"),
        "s3://bucket/m.onnx",
        PIN,
        "MODELBERTH_MODEL_FOLDER",
        str(tmp_path / "file"),
    )

    def full(*_: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fetch, "save", full)
    refused(fetcher, f"file:{_tar(tmp_path)}", PIN, "MODELBERTH_MODEL_FOLDER", "No space left on device")


def _tar(folder: Path) -> Path:
    path = folder / "x.tar"
    with tarfile.open(path, "w") as archive:
        archive.addfile(entry("x"), io.BytesIO())
    return path


SECOND = """
import ssl, sys
from pathlib import Path
from modelberth_server.sources.addresses import PrivateHosts
from modelberth_server.sources.fetch import Fetcher
folder, address, pin, trusted = sys.argv[1:]
tls = ssl.create_default_context(cafile=trusted)
print(Fetcher(Path(folder), PrivateHosts.of(["127.0.0.1"]), tls=tls).fetch(address, pin).path)
"""


def test_several_processes_fetch_once(site: StandIn, fetcher: Fetcher, authority: Authority) -> None:
    site.answers["/3.onnx"] = Answer(body=MODEL)
    command = [
        sys.executable,
        "-c",
        SECOND,
        str(fetcher.folder),
        f"{site.url}/3.onnx",
        PIN,
        str(authority.cert),
    ]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    paths = {process.communicate(timeout=60)[0] for process in processes}
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len(paths) == len(site.seen) == 1
    assert Path(paths.pop().strip()).read_bytes() == MODEL
