"""The Open Inference Protocol: what its specification says, and a named field for all that is not it."""

from dataclasses import replace
from typing import Any

import pytest
from onnx import TensorProto, helper

from modelberth_server.contracts.open_inference import infer, model_metadata, server_metadata
from modelberth_server.model.session import Model
from serving.contracts import ask, open_model, refused, tensor
from serving.models import identity_model, onnx_model

EXAMPLES: dict[str, tuple[int, list[Any]]] = {
    "BOOL": (TensorProto.BOOL, [True, False]),
    "INT8": (TensorProto.INT8, [-128, 127]),
    "INT16": (TensorProto.INT16, [-(2**15), 2**15 - 1]),
    "INT32": (TensorProto.INT32, [-(2**31), 2**31 - 1]),
    "INT64": (TensorProto.INT64, [-(2**63), 2**63 - 1]),
    "UINT8": (TensorProto.UINT8, [0, 2**8 - 1]),
    "UINT16": (TensorProto.UINT16, [0, 2**16 - 1]),
    "UINT32": (TensorProto.UINT32, [0, 2**32 - 1]),
    "UINT64": (TensorProto.UINT64, [0, 2**64 - 1]),
    "FP16": (TensorProto.FLOAT16, [0.5, -65504]),
    "FP32": (TensorProto.FLOAT, [0.1, 3.4028234663852886e38]),
    "FP64": (TensorProto.DOUBLE, [0.1, 1e308]),
    "BYTES": (TensorProto.STRING, ["", "é\n😀"]),
}


@pytest.fixture(scope="module")
def model() -> Model:
    """It gives back a tensor of each datatype."""
    return open_model(
        identity_model(*((name, kind, [None, 2]) for name, (kind, _) in EXAMPLES.items())), "types"
    )


def request_inputs(**changes: Any) -> list[dict[str, Any]]:
    inputs = [tensor(name, name, [1, 2], data) for name, (_, data) in EXAMPLES.items()]
    inputs[0].update(changes)
    return inputs


def test_every_datatype_comes_back_flat_with_its_name(model: Model) -> None:
    response = ask(infer, model, {"inputs": request_inputs()})
    assert response.keys() == {"model_name", "model_version", "outputs"}
    assert (response["model_name"], response["model_version"]) == ("types", "1")
    assert response["outputs"] == [
        {
            "name": f"{name}_out",
            "datatype": name,
            "shape": [1, 2],
            "data": pytest.approx(data) if name == "FP32" else data,
        }
        for name, (_, data) in EXAMPLES.items()
    ]


def test_nested_data_is_the_same_tensor(model: Model) -> None:
    flat, nested = request_inputs(), request_inputs()
    for one in (*flat, *nested):
        one["shape"], one["data"] = [2, 2], one["data"] * 2
    for one in nested:
        one["data"] = [one["data"][:2], one["data"][2:]]
    assert ask(infer, model, {"inputs": nested}) == ask(infer, model, {"inputs": flat})


def test_the_id_is_echoed_and_null_members_count_as_absent(model: Model) -> None:
    request = {"id": "42", "parameters": {}, "inputs": request_inputs(), "outputs": []}
    assert ask(infer, model, request)["id"] == "42"
    assert "id" not in ask(infer, model, {**request, "id": None, "parameters": None, "outputs": None})


def test_requested_outputs_come_in_the_order_asked_for(model: Model) -> None:
    wanted = ["INT8_out", "BOOL_out"]
    response = ask(infer, model, {"inputs": request_inputs(), "outputs": [{"name": name} for name in wanted]})
    assert [output["name"] for output in response["outputs"]] == wanted


def test_foreign_parameters_are_free(model: Model) -> None:
    free = {"sequence_id": 7, "binary_data_output": False}
    request = {"parameters": free, "inputs": request_inputs(parameters=free)}
    assert len(ask(infer, model, request)["outputs"]) == len(EXAMPLES)


BAD_TENSORS: list[tuple[dict[str, Any], str]] = [
    ({"name": 1}, "inputs[0].name: 1, expected a string"),
    ({"name": "other"}, "inputs[0].name: 'other', the model takes BOOL, INT8"),
    ({"name": "INT8"}, "inputs[0].datatype: 'BOOL', the model takes INT8"),
    ({"datatype": "FP32"}, "inputs[0].datatype: 'FP32', the model takes BOOL"),
    ({"datatype": None}, "inputs[0].datatype: null, the model takes BOOL"),
    ({"shape": None}, "inputs[0].shape: null, expected a list"),
    ({"shape": [2]}, "inputs[0].shape: [2], the model takes [-1, 2]"),
    ({"shape": [1] * 33}, "inputs[0].shape: 33 dimensions, 32 are possible"),
    ({"shape": [1, 3]}, "inputs[0].shape: [1, 3], the model takes [-1, 2]"),
    ({"shape": [0, 2]}, "inputs[0].shape[0]: 0, expected an integer of at least 1"),
    ({"shape": [-1, 2]}, "inputs[0].shape[0]: -1, expected an integer of at least 1"),
    ({"shape": [True, 2]}, "inputs[0].shape[0]: true, expected an integer of at least 1"),
    ({"shape": [1.0, 2]}, "inputs[0].shape[0]: 1.0, expected an integer of at least 1"),
    ({"shape": [2**63, 2]}, f"inputs[0].data: 2 values, the shape [{2**63}, 2] has {2**64}"),
    ({"data": None}, "inputs[0].data: null, expected a list"),
    ({"data": []}, "inputs[0].data: 0 values, the shape [1, 2] has 2"),
    ({"data": [True]}, "inputs[0].data: 1 values, the shape [1, 2] has 2"),
    ({"data": [[True]]}, "inputs[0].data[0]: 1 value, the model takes 2"),
    ({"data": [[True, 1]]}, "inputs[0].data[0][1]: 1, expected true or false"),
    ({"data": [True, [False]]}, "inputs[0].data[1]: a list, expected true or false"),
    ({"dtype": "BOOL"}, "inputs[0]: unknown key 'dtype', allowed are name, shape"),
    ({"parameters": []}, "inputs[0].parameters: a list, expected an object"),
    ({"parameters": {"binary_data_size": 2}}, "inputs[0].parameters.binary_data_size: needs the header"),
    ({"parameters": {"binary_data": True}}, "inputs[0].parameters.binary_data: not supported here"),
    ({"parameters": {"shared_memory_region": "x"}}, "inputs[0].parameters.shared_memory_region: not supp"),
]


@pytest.mark.parametrize(("changes", "message"), BAD_TENSORS)
def test_a_bad_tensor_is_named(model: Model, changes: dict[str, Any], message: str) -> None:
    refused(infer, model, {"inputs": request_inputs(**changes)}, message)


BAD_REQUESTS: list[tuple[dict[str, Any], str]] = [
    ({"id": 42}, "id: 42, expected a string"),
    ({"input": []}, "body: unknown key 'input', allowed are id, parameters, inputs, outputs"),
    ({"inputs": None}, "inputs: null, expected a list"),
    ({"inputs": {}}, "inputs: an object, expected a list"),
    ({"inputs": [1]}, "inputs[0]: 1, expected an object"),
    ({"inputs": request_inputs()[1:]}, "inputs: BOOL missing"),
    ({"inputs": request_inputs()[:1] * 2}, "inputs[1].name: 'BOOL' was given before"),
    ({"outputs": "BOOL_out"}, "outputs: 'BOOL_out', expected a list"),
    ({"outputs": ["BOOL_out"]}, "outputs[0]: 'BOOL_out', expected an object"),
    ({"outputs": [{}]}, "outputs[0].name: null, expected a string"),
    ({"outputs": [{"name": "BOOL"}]}, "outputs[0].name: 'BOOL', the model gives BOOL_out"),
    ({"outputs": [{"name": "BOOL_out"}] * 2}, "outputs[1].name: 'BOOL_out' was given before"),
    (
        {"outputs": [{"name": "BOOL_out", "x": 1}]},
        "outputs[0]: unknown key 'x', allowed are name, parameters",
    ),
    (
        {"outputs": [{"name": "BOOL_out", "parameters": {"classification": 3}}]},
        "outputs[0].parameters.classification: not supported here, only binary_data is",
    ),
    ({"parameters": {"binary_data_output": 1}}, "parameters.binary_data_output: 1, expected true or false"),
    ({"parameters": {"binary_data_size": 8}}, "parameters.binary_data_size: not supported here"),
    (
        {"outputs": [{"name": "BOOL_out", "parameters": {"binary_data": "yes"}}]},
        "outputs[0].parameters.binary_data: 'yes', expected true or false",
    ),
    ({"parameters": 1}, "parameters: 1, expected an object"),
]


@pytest.mark.parametrize(("changes", "message"), BAD_REQUESTS)
def test_a_bad_request_is_named(model: Model, changes: dict[str, Any], message: str) -> None:
    refused(infer, model, {"inputs": request_inputs(), **changes}, message)


def test_what_only_the_model_can_refuse_is_the_clients_fault_too() -> None:
    """Two dynamic lengths that have to be equal, and are not."""
    add = open_model(
        onnx_model(
            [helper.make_node("Add", ["a", "b"], ["y"])],
            [("a", TensorProto.FLOAT, [None]), ("b", TensorProto.FLOAT, [None])],
            [("y", TensorProto.FLOAT, [None])],
        )
    )
    good = [tensor("b", "FP32", [2], [1, 2]), tensor("a", "FP32", [2], [3, 4])]
    assert ask(infer, add, {"inputs": good})["outputs"][0]["data"] == [4, 6]
    bad = [tensor("a", "FP32", [2], [1, 2]), tensor("b", "FP32", [3], [1, 2, 3])]
    refused(infer, add, {"inputs": bad}, "the model cannot take these inputs: ")


def test_metadata(model: Model) -> None:
    assert server_metadata().keys() == {"name", "version", "extensions"}
    assert server_metadata()["extensions"] == ["binary_tensor_data"]
    metadata = model_metadata(model.signature)
    assert metadata.keys() == {"name", "versions", "platform", "inputs", "outputs"}
    assert (metadata["name"], metadata["versions"]) == ("types", ["1"])
    assert metadata["inputs"] == [{"name": name, "datatype": name, "shape": [-1, 2]} for name in EXAMPLES]
    with_example = model_metadata(replace(model.signature, example=[[1.0]]))
    assert model_metadata(model.signature, ("1", "2")) == {**metadata, "versions": ["1", "2"]}
    assert with_example == {**metadata, "parameters": {"example": [[1.0]]}}


def test_a_client_may_repeat_the_model(model: Model) -> None:
    """As KServe's does; another model than the path's is a mistake."""
    repeated = {"model_name": model.signature.name, "model_version": model.signature.version}
    assert ask(infer, model, {"inputs": request_inputs(), **repeated})["outputs"]
    refused(infer, model, {"inputs": request_inputs(), "model_name": "other"}, "model_name: 'other'")
