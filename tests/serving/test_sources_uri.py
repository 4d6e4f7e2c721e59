"""Addresses are taken apart in one place, and shown without what may be secret."""

import pytest

from modelberth_server.sources.uri import Uri


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("s3://models/iris/3.onnx", ("s3", "models", "iris/3.onnx", None)),
        ("s3://models/iris/3.onnx@v.7_x", ("s3", "models", "iris/3.onnx", "v.7_x")),
        ("s3://models/a%20b%40c/3.onnx", ("s3", "models", "a b@c/3.onnx", None)),
        ("gs://models/iris/", ("gs", "models", "iris/", None)),
        ("gs://models/iris.onnx@1732", ("gs", "models", "iris.onnx", "1732")),
        ("azblob://account1/models/iris/3.onnx", ("azblob", "account1/models", "iris/3.onnx", None)),
        ("hf://org/na.me@abc", ("hf", "org/na.me", "", "abc")),
        ("hf://org/name@refs%2Fpr%2F1/onnx/model.onnx", ("hf", "org/name", "onnx/model.onnx", "refs/pr/1")),
        ("https://host.example:8443/a%20b.onnx", ("https", "host.example:8443", "a b.onnx", None)),
        ("https://[2606:4700::1]/m.onnx", ("https", "[2606:4700::1]", "m.onnx", None)),
        ("file:/srv/m.onnx", ("file", "", "/srv/m.onnx", None)),
        ("file:///srv/m%20n.onnx", ("file", "", "/srv/m n.onnx", None)),
    ],
)
def test_the_forms(text: str, parts: tuple[str, str, str, str | None]) -> None:
    uri = Uri.parse(text)
    assert (uri.scheme, uri.place, uri.path, uri.revision) == parts
    assert Uri.parse(str(uri)) == uri


@pytest.mark.parametrize(
    "text",
    [
        "http://host/m.onnx",
        "ftp://host/m.onnx",
        "m.onnx",
        "s3://",
        "s3://bucket",
        "s3://bucket/",
        "s3:bucket/m.onnx",
        "s3://Bucket/m.onnx",
        "s3://user:secret@bucket/m.onnx",
        "s3://bucket/a/../m.onnx",
        "s3://bucket/a/%2e%2e/m.onnx",
        "s3://bucket/m.onnx@",
        "s3://bucket/m.onnx?versionId=7",
        "s3://169.254.169.254@x/m.onnx",
        "azblob://account/container",
        "azblob://evil.example%2f/container/m.onnx",
        "azblob://host.example/container/m.onnx",
        "hf://org/name",
        "hf://org/name/m.onnx",
        "hf://org/name@",
        "hf://../name@abc",
        "https:///m.onnx",
        "https://user:secret@host/m.onnx",
        "https://host/a/%2e%2e/m.onnx",
        "https://host/a%0d%0aHost:x/m.onnx",
        "file:m.onnx",
        "file://host/m.onnx",
        "file:///a%00b",
    ],
)
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        Uri.parse(text)
    assert "secret" not in str(caught.value)


def test_a_query_is_sent_and_not_shown() -> None:
    uri = Uri.parse("https://host/m.onnx?X-Amz-Signature=secret#fragment")
    assert str(uri) == "https://host/m.onnx"
    assert uri.url == "https://host/m.onnx?X-Amz-Signature=secret"
    assert uri.child("a").path == "m.onnx/a"


@pytest.mark.parametrize(
    ("path", "folder"),
    [("m.onnx", False), ("m.tar.gz", False), ("M.ZIP", False), ("iris/3.1", True), ("iris/", True)],
)
def test_a_folder_is_told_by_its_name(path: str, folder: bool) -> None:
    assert Uri.parse(f"s3://bucket/{path}").is_folder is folder


def test_files_of_a_folder() -> None:
    assert str(Uri.parse("s3://bucket/iris/").child("a/b.onnx")) == "s3://bucket/iris/a/b.onnx"
    hub = Uri.parse("hf://org/name@refs%2Fpr%2F1").child("a b.onnx")
    assert hub.url == "https://huggingface.co/org/name/resolve/refs%2Fpr%2F1/a%20b.onnx"
