"""A scalar and an input of unknown rank are told apart, in the words that each protocol has."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from onnx import ModelProto, TensorProto, helper

from modelberth_server.contracts import open_inference, plain
from modelberth_server.contracts.table import PredictionRoute
from modelberth_server.errors import SettingsError
from modelberth_server.model import loading
from modelberth_server.model.agreement import require_same_inputs
from modelberth_server.model.ranks import unranked
from modelberth_server.model.reference import references
from modelberth_server.model.session import Model
from modelberth_server.openapi import document
from modelberth_server.settings import Settings
from modelberth_server.tensors import ONNX_DATATYPES, TensorSpec
from serving.contracts import ask, tensor
from serving.models import ModelFile, identity_model, onnx_model

FLOAT = TensorProto.FLOAT
MIXED = identity_model(
    ("any", FLOAT, None), ("scalar", FLOAT, []), ("row", FLOAT, [None]), ("text", TensorProto.STRING, None)
)


def load(tmp_path: Path, proto: ModelProto) -> Model:
    settings = Settings.from_environ(ModelFile.write(tmp_path / "model.onnx", proto).environ())
    (reference,) = references(settings, {})
    return loading.load(reference, settings, {})


def test_what_declares_no_shape_is_found() -> None:
    assert unranked(MIXED.SerializeToString()) == {"any", "any_out", "text", "text_out"}
    assert unranked(identity_model(("x", FLOAT, [])).SerializeToString()) == set()
    with pytest.raises(ValueError, match="wire type"):
        unranked(b"\x0f")


def test_metadata_tell_an_unknown_rank(tmp_path: Path) -> None:
    model = load(tmp_path, MIXED)
    metadata = open_inference.model_metadata(model.signature)
    unknown = {"shape": [-1], "parameters": {"unknown_rank": True}}
    assert metadata["inputs"] == [
        {"name": "any", "datatype": "FP32", **unknown},
        {"name": "scalar", "datatype": "FP32", "shape": []},
        {"name": "row", "datatype": "FP32", "shape": [-1]},
        {"name": "text", "datatype": "BYTES", **unknown},
    ]
    assert [spec.unknown_rank for spec in model.signature.outputs] == [True, False, False, True]


def test_what_the_engine_infers_is_told(tmp_path: Path) -> None:
    model = load(
        tmp_path,
        onnx_model([helper.make_node("Neg", ["x"], ["y"])], [("x", FLOAT, [None, 3])], [("y", FLOAT, None)]),
    )
    (output,) = model.signature.outputs
    assert (output.shape, output.unknown_rank) == ((-1, 3), False)


@pytest.mark.parametrize(
    ("shape", "values"), [([], [1.5]), ([2], [1.5, 2.5]), ([2, 1, 2], [1.5, 2.5, 3.5, 4.5])]
)
def test_any_shape_is_taken_where_the_rank_is_unknown(
    tmp_path: Path, shape: list[int], values: list[float]
) -> None:
    model = load(tmp_path, identity_model(("x", FLOAT, None)))
    answer = ask(open_inference.infer, model, {"inputs": [tensor("x", "FP32", shape, values)]})
    assert answer["outputs"] == [{"name": "x_out", "datatype": "FP32", "shape": shape, "data": values}]


@pytest.mark.parametrize(("declared", "shape"), [(None, [1]), ([], [])])
def test_the_schema_of_a_tensor_without_dimensions(
    tmp_path: Path, declared: list[Any] | None, shape: list[int]
) -> None:
    model = load(tmp_path, identity_model(("x", FLOAT, declared)))
    route = PredictionRoute("/v2/models/{name}/infer", open_inference.infer)
    described = document(model.signature, [route], [])["paths"]["/v2/models/model/infer"]["post"]
    schema = described["requestBody"]["content"]["application/json"]["schema"]
    good = {"inputs": [tensor("x", "FP32", shape, [1.5])]}
    jsonschema.validate(good, schema)
    assert ask(open_inference.infer, model, good)["outputs"][0]["data"] == [1.5]
    for bad in (tensor("x", "FP32", shape, []), tensor("x", "FP32", shape, ["1"])):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"inputs": [bad]}, schema)
    told = "The rank is unknown" in str(schema)
    assert told is (declared is None)
    rows = document(model.signature, [PredictionRoute("/predict", plain.predict)], [])["paths"]["/predict"]
    assert ("The rank is unknown" in str(rows)) is (declared is None)


def test_a_spec_with_dimensions_has_a_rank() -> None:
    datatype = ONNX_DATATYPES["tensor(float)"]
    assert TensorSpec("x", datatype, (), unknown_rank=True).form == "any rank"
    assert TensorSpec("x", datatype, ()).form == "[]"
    with pytest.raises(ValueError, match=r"x: the shape \[-1\] has a rank"):
        TensorSpec("x", datatype, (-1,), unknown_rank=True)


def test_versions_of_another_rank_do_not_agree(tmp_path: Path) -> None:
    one, other = (load(tmp_path, identity_model(("x", FLOAT, shape))).signature for shape in (None, []))
    require_same_inputs("here", one, one)
    with pytest.raises(
        SettingsError, match=r"takes the input 'x' FP32 \[\], version '1' takes 'x' FP32 of any rank"
    ):
        require_same_inputs("here", other, one)
