"""Objects by uri, on stand-ins for the three clouds' stores and on folders.

The stand-ins answer as `obstore` asks; they check no signature and were never compared with the real stores.
"""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelberth_server.sources.object_store import ObjectStore
from modelberth_server.sources.stream import SourceError
from modelberth_server.sources.uri import Uri
from serving.model_sources import Buckets, buckets

CLOUDS = {"s3": "s3://models", "gs": "gs://models", "azblob": "azblob://account1/models"}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Buckets]:
    for name in [name for name in os.environ if name.startswith(("AWS_", "GOOGLE_", "AZURE_"))]:
        monkeypatch.delenv(name)
    with buckets() as store:
        environ = {
            "AWS_ENDPOINT_URL": store.url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "id",
            "AWS_SECRET_ACCESS_KEY": "key",
            "GOOGLE_BASE_URL": store.url,
            "GOOGLE_ALLOW_HTTP": "true",
            "GOOGLE_BEARER_TOKEN": "token",
            "AZURE_STORAGE_ENDPOINT": store.url,
            "AZURE_ALLOW_HTTP": "true",
            "AZURE_STORAGE_ACCOUNT_KEY": "aGVsbG8=",
        }
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        yield store


@pytest.fixture(params=[*CLOUDS, "file"])
def root(request: pytest.FixtureRequest, cloud: Buckets, tmp_path: Path) -> str:
    return CLOUDS.get(request.param, f"file:{tmp_path}/store")


def test_what_is_put_is_got_and_listed(root: str) -> None:
    store = ObjectStore()
    objects = {
        f"{root}/in/a%20b.json": b"one",
        f"{root}/in/x/c.json": b"two",
        f"{root}/other/d.json": b"three",
    }
    for uri, data in objects.items():
        store.put(uri, b"before")
        store.put(uri, data)
    assert {uri: store.get(uri) for uri in objects} == objects
    assert store.list(f"{root}/in/") == sorted(uri for uri in objects if "/in/" in uri)
    assert store.list(f"{root}/in") == store.list(f"{root}/in/")
    with pytest.raises(SourceError, match=r"has 5 bytes, at most 4 are read"):
        store.get(f"{root}/other/d.json", 4)
    big = bytes(range(256)) * 40_000
    store.put(f"{root}/big", big)
    assert store.get(f"{root}/big") == big


def test_what_is_not_there_is_named(root: str) -> None:
    with pytest.raises(SourceError, match=r"does not exist|No such file") as caught:
        ObjectStore().get(f"{root}/missing.onnx")
    assert str(caught.value).startswith(f"{root}/missing.onnx")


@pytest.mark.parametrize("scheme", CLOUDS)
def test_a_version_is_asked_for(cloud: Buckets, scheme: str) -> None:
    path = "models/m.onnx"
    cloud.objects[path] = b"newest"
    cloud.versions[path, "17"] = b"pinned"
    store = ObjectStore()
    assert store.get(f"{CLOUDS[scheme]}/m.onnx") == b"newest"
    assert store.get(f"{CLOUDS[scheme]}/m.onnx@17") == b"pinned"
    for call in (store.list, lambda uri: store.put(uri, b"x")):
        with pytest.raises(SourceError, match="names a revision, which is only for reading"):
            call(f"{CLOUDS[scheme]}/m.onnx@17")


@pytest.mark.parametrize("scheme", CLOUDS)
@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_is_told_in_a_line_without_secrets(cloud: Buckets, scheme: str, status: int) -> None:
    cloud.fails = lambda _: status
    store = ObjectStore()
    for call in (store.get, lambda uri: store.put(uri, b"x"), store.list):
        with pytest.raises(SourceError) as caught:
            call(f"{CLOUDS[scheme]}/folder/m.onnx")
        message = str(caught.value)
        assert message.startswith(f"{CLOUDS[scheme]}/folder/m.onnx: ")
        assert "\n" not in message
        assert "aGVsbG8" not in message
        assert "token" not in message


@pytest.mark.parametrize("scheme", CLOUDS)
def test_requests_carry_the_environments_identity(cloud: Buckets, scheme: str) -> None:
    cloud.objects["models/m.onnx"] = b"x"
    ObjectStore().get(f"{CLOUDS[scheme]}/m.onnx")
    ((_, _, headers),) = cloud.seen
    expected = {
        "s3": "AWS4-HMAC-SHA256 Credential=id/",
        "gs": "Bearer token",
        "azblob": "SharedKey account1:",
    }
    assert headers["authorization"].startswith(expected[scheme])


@pytest.mark.parametrize("scheme", CLOUDS)
def test_plain_http_is_refused_unless_allowed(
    cloud: Buckets, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ALLOW_HTTP", "GOOGLE_ALLOW_HTTP", "AZURE_ALLOW_HTTP"):
        monkeypatch.delenv(name)
    with pytest.raises(SourceError):
        ObjectStore().get(f"{CLOUDS[scheme]}/m.onnx")
    assert cloud.seen == []


@pytest.mark.parametrize("uri", ["https://host/a", "hf://org/name@abc/a", "s3://Bucket/a", "m.onnx"])
def test_other_uris_are_refused(uri: str) -> None:
    for call in (ObjectStore().get, ObjectStore().list, lambda uri: ObjectStore().put(uri, b"")):
        with pytest.raises(SourceError):
            call(uri)


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """A reader sees the old bytes or the new ones."""
    store = ObjectStore()
    uri = f"file:{tmp_path}/a.bin"
    store.put(uri, bytes(1 << 20))
    done = threading.Event()
    seen: set[int] = set()

    def reads() -> None:
        while not done.is_set():
            data = store.get(uri)
            seen.add(len(data))
            assert len(set(data)) == 1

    reader = threading.Thread(target=reads)
    reader.start()
    for value in range(1, 40):
        store.put(uri, bytes([value]) * (1 << 20))
    done.set()
    reader.join()
    assert seen == {1 << 20}
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


def test_keys_with_any_characters_have_a_uri() -> None:
    for key in ("a b/c@d.json", "100%/x.json", "ä/ö?.json", "a#b"):
        assert Uri.parse(str(Uri("s3", "models", key))).path == key
