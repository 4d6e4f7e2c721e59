"""A manifest is read strictly, or not at all."""

import json
from typing import Any

import pytest

from modelberth_server.errors import ModelError
from modelberth_server.model.manifest import Manifest
from serving.model_sources import DIGEST

GOOD: dict[str, Any] = {
    "format": 1,
    "name": "iris",
    "version": "3",
    "model": "model.onnx",
    "files": {"model.onnx": DIGEST, "preprocess.py": DIGEST, "vocabulary/en.txt": DIGEST},
}
FULL = GOOD | {
    "preprocess": "preprocess.py",
    "labels": ["setosa", 7],
    "example": [[1, 2]],
    "parity": {"rows": 100},
    "metrics": {"accuracy": 0.97},
    "reference": {"inputs": {"x": [{"edges": [0, 1], "counts": [5]}]}},
}


def parse(value: Any) -> Manifest:
    return Manifest.parse(value if isinstance(value, bytes) else json.dumps(value).encode(), "the/manifest")


def test_every_field() -> None:
    manifest = parse(FULL)
    assert (manifest.name, manifest.version, manifest.model) == ("iris", "3", "model.onnx")
    assert dict(manifest.files) == FULL["files"]
    assert (manifest.preprocess, manifest.labels) == ("preprocess.py", ("setosa", 7))
    assert (manifest.example, manifest.parity, manifest.metrics) == (
        [[1, 2]],
        {"rows": 100},
        {"accuracy": 0.97},
    )
    assert manifest.reference == FULL["reference"]
    bare = parse(GOOD)
    assert bare.preprocess is bare.labels is bare.example is bare.reference is None


@pytest.mark.parametrize("key", sorted({"format", "name", "version", "model", "files"}))
def test_a_missing_key_is_named(key: str) -> None:
    with pytest.raises(ModelError, match=f"^the/manifest: {key}: missing"):
        parse({name: value for name, value in GOOD.items() if name != key})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format: 2, this server reads format 1"),
        ({"format": True}, "format: True, this server reads format 1"),
        ({"format": "1"}, "format: '1'"),
        ({"preproces": "preprocess.py"}, "'preproces': unknown key, known are example, files"),
        ({"name": "a b"}, "name: 'a b', expected 1 to 128 letters"),
        ({"name": 7}, "name: 7"),
        ({"version": "../3"}, "version: '../3'"),
        ({"model": "other.onnx"}, "model: 'other.onnx' is not among the files"),
        ({"model": "preprocess.py"}, "model: 'preprocess.py', expected the name of a .onnx file"),
        ({"preprocess": "model.onnx"}, "preprocess: 'model.onnx', expected the name of a .py file"),
        ({"preprocess": None}, "preprocess: None"),
        ({"files": []}, r"files: \[\], expected an object"),
        ({"files": {}}, "files: 0 of them"),
        ({"files": {f"{n}.onnx": DIGEST for n in range(1001)}}, "files: 1001 of them, allowed are 1 to 1000"),
        ({"files": {"model.onnx": DIGEST.replace("0", "A")}}, "files: model.onnx: 'AAA.*64 lower-case"),
        ({"files": {"model.onnx": 7}}, "files: model.onnx: 7"),
        ({"labels": []}, r"labels: \[\], expected a list that is not empty"),
        ({"labels": ["a", 1.5]}, "labels: 1.5, expected strings or whole numbers"),
        ({"labels": [True]}, "labels: True"),
        ({"example": {}}, "example: {}"),
        ({"parity": 1}, "parity: 1, expected an object"),
        ({"metrics": "good"}, "metrics: 'good', expected an object"),
        ({"reference": []}, "reference"),
    ],
)
def test_a_wrong_value_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        parse(GOOD | change)


@pytest.mark.parametrize(
    "name",
    [
        "../model.onnx",
        "a/../model.onnx",
        "/etc/passwd",
        "//host/share",
        "./model.onnx",
        "a//model.onnx",
        "a/",
        "..",
        "",
        "a\\model.onnx",
        "C:model.onnx",
        ".hidden/model.onnx",
        "model.onnx\n",
        "mo\0del.onnx",
        "model\u202e.onnx",
        "x" * 129,
        "a/" * 8 + "b",
        "*/_ORT_MEM_ADDR_/*",
    ],
)
def test_a_name_that_is_no_plain_path_inside_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match=r"files: .* is not a relative path inside the package"):
        parse(GOOD | {"files": GOOD["files"] | {name: DIGEST}})


def test_the_manifest_cannot_list_itself() -> None:
    with pytest.raises(ModelError, match="cannot list itself"):
        parse(GOOD | {"files": GOOD["files"] | {"modelberth.json": DIGEST}})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "Expecting value"),
        (b"\xff", "utf-8"),
        (b"[]", r"the manifest: \[\], expected an object"),
        (b'{"format": 1, "format": 1}', "'format': there twice"),
        (b'{"files": {"a": 1, "a": 2}}', "'a': there twice"),
        (b'{"metrics": NaN}', "metrics: nan, expected a finite number"),
        (b'{"metrics": {"auc": NaN}}', "metrics.auc: nan, expected a finite number"),
        (b'{"metrics": {"loss": [{"test": -Infinity}]}}', r"metrics.loss\[0\].test: -inf, expected"),
        (b'{"metrics": {"loss": 1e999}}', "metrics.loss: inf, expected a finite number"),
        (b"Infinity", "the manifest: inf, expected a finite number"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"format": ' + b"1" * 5000 + b"}", "integer string conversion"),
        (b" " * (16 << 20) + b"{}", "at most 16777216 are read"),
    ],
)
def test_what_is_no_strict_json_is_refused(text: bytes, message: str) -> None:
    with pytest.raises(ModelError, match=f"^the/manifest: .*{message}") as caught:
        parse(text)
    assert "\n" not in str(caught.value)
