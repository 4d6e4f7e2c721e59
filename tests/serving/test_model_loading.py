"""Only the pinned bytes are loaded, and only if they are one whole ONNX model."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from modelberth_server.errors import ModelError
from modelberth_server.model import external_data, loading
from modelberth_server.model.external_data import has_external_data
from modelberth_server.model.reference import references
from modelberth_server.model.session import Model
from modelberth_server.settings import Settings
from serving.models import ModelFile, identity_model, onnx_model

WEIGHTS = numpy_helper.from_array(np.ones((4, 2), np.float32), "w")


def load(settings: Settings) -> Model:
    (reference,) = references(settings)
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


def test_the_hashed_bytes_are_the_loaded_ones(
    iris: ModelFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is another one right after it was read: there is no second look at it."""
    path = tmp_path / "model.onnx"
    path.write_bytes(iris.path.read_bytes())
    read = Path.read_bytes

    def read_then_swap(self: Path) -> bytes:
        data = read(self)
        self.write_bytes(identity_model(("x", TensorProto.FLOAT, [1])).SerializeToString())
        return data

    monkeypatch.setattr(Path, "read_bytes", read_then_swap)
    model = load(settings(replace(iris, path=path)))
    monkeypatch.undo()
    assert [spec.name for spec in model.signature.inputs] == ["input"]
    assert ModelFile.at(path).sha256 != model.signature.sha256 == iris.sha256


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


@pytest.mark.parametrize(("name", "problem"), [("missing", "does not exist"), (".", "holds neither a modelberth.json nor an .onnx file")])
def test_no_file_is_refused(iris: ModelFile, tmp_path: Path, name: str, problem: str) -> None:
    refused(replace(iris, path=tmp_path / name), problem)


def test_a_file_that_cannot_be_read_is_refused(iris: ModelFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", denied)
    refused(iris, "cannot be read: Permission denied")


def external(tensor: TensorProto, location: str = "w.bin") -> TensorProto:
    copy = TensorProto()
    copy.CopyFrom(tensor)
    copy.ClearField("raw_data")
    copy.data_location = TensorProto.EXTERNAL
    copy.external_data.add(key="location", value=location)
    return copy


def matmul() -> ModelProto:
    return onnx_model(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        [("x", TensorProto.FLOAT, [None, 4])],
        [("y", TensorProto.FLOAT, [None, 2])],
        {"w": np.ones((4, 2), np.float32)},
    )


@pytest.mark.parametrize("location", ["w.bin", "../w.bin", "/etc/passwd"])
def test_a_model_in_several_files_is_refused(location: str, tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(WEIGHTS.raw_data)
    model = matmul()
    load(settings(ModelFile.write(tmp_path / "m.onnx", model)))
    model.graph.initializer[0].CopyFrom(external(model.graph.initializer[0], location))
    refused(ModelFile.write(tmp_path / "m.onnx", model), "external data")


def attribute(**content: Any) -> onnx.AttributeProto:
    return onnx.AttributeProto(name="value", **content)


def node(**content: Any) -> onnx.NodeProto:
    return onnx.NodeProto(op_type="Constant", output=["c"], attribute=[attribute(**content)])


HIDDEN = external(WEIGHTS)
SPARSE = onnx.SparseTensorProto(values=HIDDEN)
GRAPH = onnx.GraphProto(initializer=[HIDDEN])
HIDING_PLACES = {
    "initializer": ModelProto(graph=GRAPH),
    "sparse initializer": ModelProto(graph=onnx.GraphProto(sparse_initializer=[SPARSE])),
    "sparse indices": ModelProto(
        graph=onnx.GraphProto(sparse_initializer=[onnx.SparseTensorProto(indices=HIDDEN)])
    ),
    "attribute": ModelProto(graph=onnx.GraphProto(node=[node(t=HIDDEN)])),
    "attribute list": ModelProto(graph=onnx.GraphProto(node=[node(tensors=[WEIGHTS, HIDDEN])])),
    "sparse attribute": ModelProto(graph=onnx.GraphProto(node=[node(sparse_tensor=SPARSE)])),
    "sparse attribute list": ModelProto(graph=onnx.GraphProto(node=[node(sparse_tensors=[SPARSE])])),
    "body of a loop": ModelProto(graph=onnx.GraphProto(node=[node(g=GRAPH)])),
    "branches": ModelProto(graph=onnx.GraphProto(node=[node(graphs=[onnx.GraphProto(), GRAPH])])),
    "nested bodies": ModelProto(graph=onnx.GraphProto(node=[node(g=onnx.GraphProto(node=[node(g=GRAPH)]))])),
    "function": ModelProto(functions=[onnx.FunctionProto(node=[node(t=HIDDEN)])]),
    "function default": ModelProto(functions=[onnx.FunctionProto(attribute_proto=[attribute(t=HIDDEN)])]),
    "training": ModelProto(training_info=[onnx.TrainingInfoProto(initialization=GRAPH)]),
    "training algorithm": ModelProto(training_info=[onnx.TrainingInfoProto(algorithm=GRAPH)]),
}


@pytest.mark.parametrize("place", HIDING_PLACES)
def test_external_data_is_found_wherever_a_tensor_can_be(place: str) -> None:
    assert has_external_data(HIDING_PLACES[place].SerializeToString())


def test_the_word_location_elsewhere_is_no_external_data() -> None:
    model = matmul()
    model.doc_string = "location"
    model.metadata_props.add(key="location", value="w.bin")
    model.graph.node[0].name = "location"
    model.graph.initializer[0].doc_string = "location"
    assert not has_external_data(model.SerializeToString())


def test_the_walk_knows_every_field_that_leads_to_a_tensor() -> None:
    """Compared with the message types of the installed `onnx`."""
    found: dict[str, dict[int, str]] = {}
    types = [ModelProto.DESCRIPTOR]
    reach: dict[str, bool] = {}

    def reaches_tensor(kind: Any) -> bool:
        if kind.name == "TensorProto":
            return True
        if kind.name not in reach:
            reach[kind.name] = False
            reach[kind.name] = any(
                reaches_tensor(field.message_type) for field in kind.fields if field.message_type
            )
        return reach[kind.name]

    while types:
        kind = types.pop()
        name = kind.name.removesuffix("Proto")
        if name in found or name == "Tensor":
            continue
        inner = [field for field in kind.fields if field.message_type and reaches_tensor(field.message_type)]
        found[name] = {field.number: field.message_type.name.removesuffix("Proto") for field in inner}
        types += [field.message_type for field in inner]
    assert found == external_data._FIELDS


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
