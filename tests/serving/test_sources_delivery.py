"""A model is put into a folder for another process, whole or not at all."""

import errno
import hashlib
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
from modelberth_server.sources import delivery, fetch, hub, uri
from modelberth_server.sources.addresses import PrivateHosts
from modelberth_server.sources.delivery import Delivery
from modelberth_server.sources.fetch import Fetcher
from modelberth_server.sources.stream import Stream
from modelberth_server.sources.stream import save as stream_save
from serving.authorities import Authority
from serving.model_sources import DIGEST, Answer, Buckets, StandIn, buckets, sha256, write_package
from serving.models import IRIS

MODEL = IRIS.read_bytes()
PIN = sha256(MODEL)
COMMIT = "0123456789abcdef0123456789abcdef01234567"
SAVED = {"saved_model.pb": b"graph", "variables/variables.index": b"index"}
WEIGHTS = {"config.json": b"{}", "model-1.safetensors": b"weights"}
PICKLES = {"training_args.bin": b"\x80\x02.", "original/weights.pth": b"\x80\x02."}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Buckets]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    with buckets() as store:
        for name, value in {
            "ENDPOINT_URL": store.url,
            "ALLOW_HTTP": "true",
            "ACCESS_KEY_ID": "a",
            "SECRET_ACCESS_KEY": "b",
        }.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        yield store


@pytest.fixture
def fetcher(authority: Authority) -> Fetcher:
    tls = ssl.create_default_context(cafile=str(authority.cert))
    return Fetcher(Path("/nowhere"), PrivateHosts.of(["127.0.0.1"]), hub_token="hub-secret", tls=tls)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "volume" / "model"


def put(store: Buckets, place: str, files: dict[str, bytes]) -> str:
    """Lay a folder into a bucket, with the listing of its files; return the pin."""
    sums = "".join(f"{sha256(data)}  ./{name}\n" for name, data in files.items()).encode()
    store.objects |= {f"{place}/{name}": data for name, data in files.items()}
    store.objects[f"{place}/SHA256SUMS"] = sums
    return sha256(sums)


def packed(files: dict[str, bytes], below: str = "") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(f"{below}{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def refused(one: Delivery, target: Path, fetcher: Fetcher, *parts: str) -> None:
    with pytest.raises(ModelError) as caught:
        one.to(target, fetcher)
    for part in parts:
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not target.exists()
    left = [path.name for path in target.parent.iterdir()] if target.parent.is_dir() else []
    assert all(name.endswith(".lock") for name in left), left


def test_a_file_has_the_name_that_servers_look_for(site: StandIn, fetcher: Fetcher, target: Path) -> None:
    site.answers["/iris/3.onnx"] = Answer(body=MODEL)
    one = Delivery(f"{site.url}/iris/3.onnx", PIN, "onnx")
    assert one.to(target, fetcher)
    assert content(target) == {"model.onnx": MODEL}
    assert Package.read(target, PIN).onnx == MODEL
    assert (target.stat().st_mode & 0o777, (target / "model.onnx").stat().st_mode & 0o777) == (0o755, 0o644)
    # What is there is used, and what is damaged is not.
    assert not one.to(target, fetcher)
    assert len(site.seen) == 1
    (target / "model.onnx").write_bytes(MODEL[:-1])
    assert one.to(target, fetcher)
    assert content(target) == {"model.onnx": MODEL}


def test_a_package_keeps_its_form(cloud: Buckets, fetcher: Fetcher, target: Path, tmp_path: Path) -> None:
    pin = write_package(tmp_path / "package", {"words/en.txt": b"one two"})
    files = content(tmp_path / "package")
    cloud.objects |= {f"models/iris/{name}": data for name, data in files.items()}
    assert Delivery("s3://models/iris", pin, "onnx").to(target, fetcher)
    assert content(target) == files
    assert Package.read(target, pin).sha256 == pin


def test_an_archive_of_a_package_is_pinned_by_what_is_in_it(
    cloud: Buckets, fetcher: Fetcher, target: Path, tmp_path: Path
) -> None:
    pin = write_package(tmp_path / "package")
    archive = packed(content(tmp_path / "package"), "iris/")
    cloud.objects["models/iris.tar.gz"] = archive
    assert Delivery("s3://models/iris.tar.gz", pin, "onnx").to(target, fetcher)
    assert content(target) == content(tmp_path / "package")
    other = Delivery("s3://models/iris.tar.gz", sha256(archive), "onnx")
    with pytest.raises(ModelError, match=f"is an archive .* pin {pin}"):
        other.to(target.with_name("other"), fetcher)


@pytest.mark.parametrize(
    ("form", "files", "left_out"),
    [("savedmodel", SAVED, {}), ("safetensors", WEIGHTS, PICKLES), ("custom", {"a/b.bin": b"x"}, {})],
)
def test_a_folder_is_pinned_by_its_listing(
    form: str,
    files: dict[str, bytes],
    left_out: dict[str, bytes],
    cloud: Buckets,
    fetcher: Fetcher,
    target: Path,
) -> None:
    pin = put(cloud, "models/7", files | left_out)
    one = Delivery("s3://models/7", pin, form)
    assert one.to(target, fetcher)
    sums = cloud.objects["models/7/SHA256SUMS"]
    assert content(target) == {**files, "SHA256SUMS": sums}
    asked = len(cloud.seen)
    assert not one.to(target, fetcher)
    assert len(cloud.seen) == asked
    for name, data in files.items():
        (target / name).write_bytes(b"damaged")
        assert one.to(target, fetcher)
        assert (target / name).read_bytes() == data
    Delivery(f"file:{target}", pin, form).check()
    with pytest.raises(ModelError, match=f"SHA256SUMS has sha256 {pin}, expected {DIGEST}"):
        Delivery(f"file:{target}", DIGEST, form).check()
    (target / min(files)).unlink()
    with pytest.raises(ModelError, match=f"{min(files)} does not exist"):
        Delivery(f"file:{target}", pin, form).check()


@pytest.mark.parametrize(
    ("form", "files", "below"),
    [
        ("savedmodel", SAVED, ""),
        ("savedmodel", SAVED, "7/"),
        ("safetensors", WEIGHTS, "model/"),
        ("triton", {"iris/config.pbtxt": b"", "iris/1/model.onnx": MODEL}, ""),
        ("custom", {"weights/a.gguf": b"GGUF"}, ""),
    ],
)
def test_an_archive_of_another_format(
    form: str, files: dict[str, bytes], below: str, cloud: Buckets, fetcher: Fetcher, target: Path
) -> None:
    archive = packed(files | (PICKLES if form == "safetensors" else {}), below)
    cloud.objects["models/7.tar.gz"] = archive
    one = Delivery("s3://models/7.tar.gz", sha256(archive), form)
    assert one.to(target, fetcher)
    found = content(target)
    sums = found.pop("SHA256SUMS").decode()
    assert found == files
    assert sums.splitlines() == [f"{sha256(files[name])}  {name}" for name in sorted(files)]
    asked = len(cloud.seen)
    assert not one.to(target, fetcher)
    (target / min(files)).write_bytes(b"damaged")
    assert len(cloud.seen) == asked
    assert one.to(target, fetcher)


def blob(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


@pytest.fixture
def repository(site: StandIn, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, object]]:
    """A repository of the hub: the entries of its listing, which is served as they are at the end."""
    monkeypatch.setattr(uri, "HUB", site.url)
    monkeypatch.setattr(hub, "HUB", site.url)
    entries: dict[str, dict[str, object]] = {}
    for name, data in (WEIGHTS | PICKLES).items():
        entries[name] = {"rfilename": name, "blobId": blob(data)}
        if name.endswith(".safetensors"):
            entries[name]["lfs"] = {"sha256": sha256(data), "size": len(data)}
        site.answers[f"/org/name/resolve/{COMMIT}/{name}"] = Answer(body=data)
    return entries


def publish(site: StandIn, entries: dict[str, dict[str, object]]) -> None:
    body = json.dumps({"siblings": [*entries.values()]}).encode()
    site.answers[f"/api/models/org/name/revision/{COMMIT}?blobs=true"] = Answer(body=body)


def test_a_repository_of_the_hub_at_a_commit(
    site: StandIn, fetcher: Fetcher, target: Path, repository: dict[str, dict[str, object]]
) -> None:
    publish(site, repository)
    one = Delivery(f"hf://org/name@{COMMIT}", None, "safetensors")
    assert one.to(target, fetcher)
    assert {name: data for name, data in content(target).items() if name != "SHA256SUMS"} == WEIGHTS
    assert [path for path, _ in site.seen if "bin" in path or "pth" in path] == []
    assert {headers.get("authorization") for _, headers in site.seen} == {"Bearer hub-secret"}
    asked = len(site.seen)
    # The hub may be away.
    assert not one.to(target, fetcher)
    assert len(site.seen) == asked


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("config.json", {"blobId": "0" * 40}, "is the git blob"),
        ("model-1.safetensors", {"lfs": {"sha256": DIGEST}}, f"the hub lists {DIGEST}"),
        ("config.json", {"rfilename": "../config.json"}, "lies outside of its folder"),
        ("config.json", {"rfilename": 3}, "not a listing of files"),
        ("config.json", {"rfilename": "other.json"}, "status 404"),
    ],
)
def test_what_the_hub_lists_is_what_is_taken(
    name: str,
    change: dict[str, object],
    reason: str,
    site: StandIn,
    fetcher: Fetcher,
    target: Path,
    repository: dict[str, dict[str, object]],
) -> None:
    repository[name] |= change
    publish(site, repository)
    refused(Delivery(f"hf://org/name@{COMMIT}", None, "safetensors"), target, fetcher, reason)


def test_no_listing_no_model(site: StandIn, fetcher: Fetcher, target: Path, repository: object) -> None:
    address = f"/api/models/org/name/revision/{COMMIT}?blobs=true"
    one = Delivery(f"hf://org/name@{COMMIT}", None, "safetensors")
    for body in (b"", b"[]", b"{}", b'{"siblings": 3}', b'{"siblings": [3]}', b'{"siblings": [{}]}'):
        site.answers[address] = Answer(body=body)
        refused(one, target, fetcher, "not a listing of files")
    site.answers[address] = Answer(body=b'{"siblings": []}')
    refused(one, target, fetcher, "has 0 files")
    site.answers[address] = Answer(404)
    refused(one, target, fetcher, "status 404")


REFUSED = {
    "another digest": ("s3://models/7", DIGEST, "savedmodel", "expected " + DIGEST),
    "no listing": ("s3://models/none", DIGEST, "savedmodel", "in its SHA256SUMS"),
    "no pin": ("s3://models/7", None, "savedmodel", "may change"),
    "a folder at a revision": (
        "s3://models/7@v1",
        None,
        "savedmodel",
        "pinned by the sha256 of its SHA256SUMS",
    ),
    "an ONNX file": ("s3://models/7.onnx", DIGEST, "savedmodel", "the format is savedmodel"),
    "no form of an address": ("ftp://models/7", DIGEST, "onnx", "expected file:/PATH"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, cloud: Buckets, fetcher: Fetcher, target: Path) -> None:
    put(cloud, "models/7", SAVED)
    address, pin, form, reason = REFUSED[case]
    refused(Delivery(address, pin, form), target, fetcher, reason)


def test_a_listed_file_has_to_be_the_listed_one(cloud: Buckets, fetcher: Fetcher, target: Path) -> None:
    pin = put(cloud, "models/7", SAVED)
    one = Delivery("s3://models/7", pin, "savedmodel")
    cloud.objects["models/7/saved_model.pb"] = b"another"
    refused(one, target, fetcher, "saved_model.pb has sha256", "SHA256SUMS lists")
    del cloud.objects["models/7/saved_model.pb"]
    refused(one, target, fetcher, "saved_model.pb does not exist")


@pytest.mark.parametrize(
    ("form", "files"),
    [
        ("savedmodel", {"model.pb": b""}),
        ("safetensors", {"config.json": b"{}"}),
        ("safetensors", PICKLES | {"config.json": b"{}"}),
        ("triton", {"model.onnx": MODEL}),
    ],
)
def test_what_is_not_of_the_format_is_refused(
    form: str, files: dict[str, bytes], cloud: Buckets, fetcher: Fetcher, target: Path
) -> None:
    pin = put(cloud, "models/7", files)
    refused(Delivery("s3://models/7", pin, form), target, fetcher, f"holds no model of format {form}: found")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"{DIGEST}  ../x", "not the path of a file in the folder"),
        (f"{DIGEST}  /etc/passwd", "not the path of a file in the folder"),
        (f"{DIGEST}  a/../../x", "not the path of a file in the folder"),
        (f"{DIGEST}  SHA256SUMS", "not the path of a file in the folder"),
        (f"{DIGEST}  a\n{DIGEST} *a", "there twice"),
        (f"\\{DIGEST}  a\\\\b", "line 1: expected SHA256 and a path"),
        ("x  a", "line 1: expected SHA256 and a path"),
        ("", "lists 0 files"),
    ],
)
def test_a_bad_listing(line: str, reason: str, cloud: Buckets, fetcher: Fetcher, target: Path) -> None:
    cloud.objects["models/7/SHA256SUMS"] = line.encode()
    refused(Delivery("s3://models/7", sha256(line.encode()), "custom"), target, fetcher, reason)


@pytest.mark.parametrize("theirs", [MODEL, b"damaged"])
def test_two_at_once_without_locks(
    theirs: bytes, cloud: Buckets, fetcher: Fetcher, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another machine delivers while this one fetches, on a file system that locks nothing between them."""
    cloud.objects["models/3.onnx"] = MODEL

    def no_locks(_: Path) -> object:
        raise OSError(errno.ENOLCK, "No locks available")

    def save(stream: Stream, path: Path, *_: object) -> str:
        target.mkdir()
        (target / "model.onnx").write_bytes(theirs)
        return stream_save(stream, path, "theirs")

    monkeypatch.setattr(delivery, "locked", no_locks)
    monkeypatch.setattr(fetch, "save", save)
    assert Delivery("s3://models/3.onnx", PIN, "onnx").to(target, fetcher)
    assert content(target) == {"model.onnx": MODEL}
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_what_a_killed_one_left_goes(cloud: Buckets, fetcher: Fetcher, target: Path) -> None:
    cloud.objects["models/3.onnx"] = MODEL
    left = target.with_name(f".{target.name}.abc")
    (left / "new").mkdir(parents=True)
    assert Delivery("s3://models/3.onnx", PIN, "onnx").to(target, fetcher)
    assert not left.exists()


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "modelberth_server", "fetch", *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)


def test_the_command(cloud: Buckets, tmp_path: Path, target: Path) -> None:
    cloud.objects["models/3.onnx"] = MODEL
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "credentials").write_text(
        "[default]\naws_access_key_id = theirs\naws_secret_access_key = hidden\n"
    )
    store = {"AWS_ENDPOINT_URL": cloud.url, "AWS_ALLOW_HTTP": "true"}
    arguments = ("s3://models/3.onnx", "--to", str(target), "--sha256", PIN, "--credentials", str(secret))
    first, second = run(*arguments, **store), run(*arguments, **store)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert first.stdout.startswith("fetched s3://models/3.onnx in ")
    assert second.stdout.startswith("verified what was there of s3://models/3.onnx in ")
    assert content(target) == {"model.onnx": MODEL}
    assert ["Credential=theirs/" in headers["authorization"] for _, _, headers in cloud.seen] == [True]
    assert "hidden" not in first.stdout + first.stderr
    checked = run(f"file:{target}/model.onnx", "--sha256", PIN)
    assert (checked.returncode, checked.stdout.startswith("verified file:")) == (0, True), checked.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "error"),
    [
        (("s3://b/3.onnx", "--to", "/tmp/x", "--sha256", "abc"), 2, "--sha256: 'abc' is not 64"),
        (("s3://bucket/3.onnx", "--sha256", PIN), 2, "--to: needed for what is fetched"),
        (("file:/x", "--to", "/tmp/x", "--sha256", PIN), 2, "without effect for a file:"),
        (
            ("s3://b/3.onnx", "--to", "/tmp/x", "--sha256", PIN, "--credentials", "/none"),
            2,
            "/none cannot be",
        ),
        (("file:/none.onnx", "--sha256", PIN), 3, "/none.onnx"),
        ((f"file:{IRIS}", "--sha256", DIGEST), 3, f"has sha256 {PIN}, expected {DIGEST}"),
        ((f"file:{IRIS}",), 3, "nothing to verify it against"),
    ],
)
def test_the_command_says_what_is_wrong(arguments: tuple[str, ...], status: int, error: str) -> None:
    done = run(*arguments)
    assert done.returncode == status
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert error in done.stderr
    assert done.stderr.count("\n") == 1
