"""Only the pinned bytes are loaded, and only if they are one whole ONNX model."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from modelberth_server.errors import ModelError
from modelberth_server.model import loading
from modelberth_server.model.reference import references
from modelberth_server.model.session import Model
from modelberth_server.settings import Settings
from serving.models import ModelFile, identity_model, onnx_model


def load(settings: Settings) -> Model:
    (reference,) = references(settings, {})
    return loading.load(reference, settings, {})


def settings(model: ModelFile, **environ: str) -> Settings:
    return Settings.from_environ(model.environ(**environ))


def refused(model: ModelFile, *parts: str) -> None:
    with pytest.raises(ModelError) as caught:
        load(settings(model))
    for part in (str(model.path), *parts):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_signature_is_the_models(iris: ModelFile) -> None:
    model = load(settings(iris, MODELBERTH_MODEL_NAME="iris", MODELBERTH_MODEL_VERSION="3"))
    signature = model.signature
    assert (signature.name, signature.version, signature.sha256) == ("iris", "3", iris.sha256)
    assert [spec.metadata() for spec in signature.inputs] == [
        {"name": "input", "datatype": "FP32", "shape": [-1, 4]}
    ]
    assert [spec.metadata() for spec in signature.outputs] == [
        {"name": "label", "datatype": "BYTES", "shape": [-1]},
        {"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]},
    ]


def test_every_flipped_byte_is_refused_by_its_sha256(iris: ModelFile, tmp_path: Path) -> None:
    good = iris.path.read_bytes()
    for place in range(len(good)):
        bad = bytearray(good)
        bad[place] ^= 1
        model = replace(iris, path=tmp_path / "model.onnx")
        model.path.write_bytes(bad)
        sha256 = ModelFile.at(model.path).sha256
        refused(model, f"has sha256 {sha256}, expected {iris.sha256}")
    assert len(good) > 600


def test_flipped_bytes_with_their_own_sha256_never_crash(iris: ModelFile, tmp_path: Path) -> None:
    """What a wrong pin lets through is the parser's to refuse, in one line."""
    good = iris.path.read_bytes()
    outcomes = {"loaded": 0, "refused": 0}
    for place in range(0, len(good), 2):
        bad = bytearray(good)
        bad[place] ^= 0xFF
        try:
            load(settings(ModelFile.write(tmp_path / "model.onnx", bytes(bad))))
        except ModelError:
            outcomes["refused"] += 1
        else:
            outcomes["loaded"] += 1
    assert sum(outcomes.values()) > 300
    assert min(outcomes.values()) > 20


@pytest.mark.parametrize(
    "data",
    [b"", b"\x80\x04\x95\x0e\x00\x00\x00\x00\x00\x00\x00.", b"PK\x03\x04", b"hello", b"location", b"\0" * 64],
)
def test_other_files_are_refused(data: bytes, tmp_path: Path) -> None:
    refused(ModelFile.write(tmp_path / "m", data), "is not an ONNX model")


def test_a_truncated_model_is_refused(iris: ModelFile, tmp_path: Path) -> None:
    good = iris.path.read_bytes()
    for size in range(1, len(good), 25):
        refused(ModelFile.write(tmp_path / "m", good[:size]), "is not an ONNX model")


def test_onnx_runtimes_own_format_is_refused(iris: ModelFile, tmp_path: Path) -> None:
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "m.ort")
    options.add_session_config_entry("session.save_model_format", "ORT")
    options.log_severity_level = 4
    onnxruntime.InferenceSession(iris.path.read_bytes(), options)
    refused(ModelFile.at(tmp_path / "m.ort"), "is not an ONNX model")


@pytest.mark.parametrize(
    ("name", "problem"),
    [("missing", "does not exist"), (".", "holds neither a modelberth.json nor an .onnx file")],
)
def test_no_file_is_refused(iris: ModelFile, tmp_path: Path, name: str, problem: str) -> None:
    refused(replace(iris, path=tmp_path / name), problem)


def test_a_file_that_cannot_be_read_is_refused(iris: ModelFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", denied)
    refused(iris, "cannot be read: Permission denied")


@pytest.mark.parametrize("kind", ["BFLOAT16"])
def test_tensors_without_a_json_form_are_refused(kind: str, tmp_path: Path) -> None:
    model = identity_model(("x", getattr(TensorProto, kind), [1]))
    refused(ModelFile.write(tmp_path / "m", model), "x is a tensor(bfloat16)", "no JSON form")


def test_a_zipmap_is_refused_with_the_way_out(tmp_path: Path) -> None:
    zipmap = helper.make_node("ZipMap", ["p"], ["z"], domain="ai.onnx.ml", classlabels_int64s=[0, 1])
    model = onnx_model([zipmap], [("p", TensorProto.FLOAT, [None, 2])], [])
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", 3))
    value = helper.make_map_type_proto(
        TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, [])
    )
    model.graph.output.append(helper.make_value_info("z", helper.make_sequence_type_proto(value)))
    refused(ModelFile.write(tmp_path / "m", model), "z is a seq(map(int64,tensor(float)))", "zipmap off")


def test_a_model_that_zeros_do_not_fit_is_served_unwarmed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gather = helper.make_node("Gather", ["table", "one_less"], ["y"])
    less = helper.make_node("Sub", ["x", "big"], ["one_less"])
    model = onnx_model(
        [less, gather],
        [("x", TensorProto.INT64, [None])],
        [("y", TensorProto.FLOAT, [None])],
        {"table": np.ones(5, np.float32), "big": np.array([100])},
    )
    loaded = load(settings(ModelFile.write(tmp_path / "m", model)))
    assert "no warm-up" in caplog.text
    (answer,) = loaded.inference().run({"x": np.array([101])}, ["y"])
    assert answer == [1]


def test_the_example_that_a_model_carries(iris: ModelFile, tmp_path: Path) -> None:
    assert load(settings(iris)).signature.example == [[5.1, 3.5, 1.4, 0.2]]
    plain = identity_model(("x", TensorProto.FLOAT, [None, 2]))
    assert load(settings(ModelFile.write(tmp_path / "plain.onnx", plain))).signature.example is None


@pytest.mark.parametrize("text", ["[[1, 2]", "{}", "[]", "7"])
def test_an_example_that_is_none_is_said_and_not_used(
    text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = identity_model(("x", TensorProto.FLOAT, [None, 2]))
    helper.set_model_props(model, {"modelberth.example": text})
    assert load(settings(ModelFile.write(tmp_path / "m.onnx", model))).signature.example is None
    assert "modelberth.example is not used" in caplog.text
