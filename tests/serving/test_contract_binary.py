"""The binary tensor extension: bytes as its document shows them, and a named field for all that is not."""

import struct
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto

from modelberth_server.contracts.open_inference import infer
from modelberth_server.errors import RequestError
from modelberth_server.http.message import Request, Response
from modelberth_server.model.session import Model
from modelberth_server.raw_tensors import decode_raw, encode_raw
from modelberth_server.tensors import ONNX_DATATYPES
from serving.contracts import answer, open_model, refused, request, tensor
from serving.models import identity_model

KINDS = {
    "BOOL": (TensorProto.BOOL, np.array([[True, False]])),
    "INT8": (TensorProto.INT8, np.array([[-128, 127]], np.int8)),
    "UINT64": (TensorProto.UINT64, np.array([[0, 2**64 - 1]], np.uint64)),
    "FP16": (TensorProto.FLOAT16, np.array([[0.5, -65504]], np.float16)),
    "FP32": (TensorProto.FLOAT, np.array([[0.1, np.nan]], np.float32)),
    "FP64": (TensorProto.DOUBLE, np.array([[0.1, -np.inf]], np.float64)),
    "BYTES": (TensorProto.STRING, np.array([["", "é\U0001f600"]], np.object_)),
}
RAW = {name: encode_raw(array) for name, (_, array) in KINDS.items()}
TYPES = {datatype.name: datatype for datatype in ONNX_DATATYPES.values()}


@pytest.fixture(scope="module")
def model() -> Model:
    """It gives back a tensor of each datatype."""
    return open_model(identity_model(*((name, kind, [None, 2]) for name, (kind, _) in KINDS.items())))


@pytest.fixture(scope="module")
def one() -> Model:
    return open_model(identity_model(("x", TensorProto.FLOAT, [None, 2])))


def inputs() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "datatype": name,
            "shape": [1, 2],
            "parameters": {"binary_data_size": len(raw)},
        }
        for name, raw in RAW.items()
    ]


def send(model: Model, header: Any, raw: bytes, **headers: str) -> Response:
    text = orjson.dumps(header)
    usual = {"inference_header_content_length": str(len(text)), "content_type": "application/octet-stream"}
    return answer(infer, model, text + raw, **{**usual, **headers})


def parts(response: Response) -> tuple[Any, bytes]:
    """The JSON of a binary response and what follows it."""
    assert (response.status, response.content_type) == (200, b"application/octet-stream")
    size = int(dict(response.headers)[b"inference-header-content-length"])
    return orjson.loads(response.body[:size]), response.body[size:]


def test_the_bytes_are_those_of_the_document() -> None:
    assert RAW["BOOL"] == b"\x01\x00"
    assert RAW["INT8"] == b"\x80\x7f"
    assert RAW["UINT64"] == b"\x00" * 8 + b"\xff" * 8
    assert RAW["FP32"][:4] == struct.pack("<f", 0.1)
    assert RAW["BYTES"] == b"\x00\x00\x00\x00" + b"\x06\x00\x00\x00" + "é\U0001f600".encode()
    assert encode_raw(np.arange(6, dtype=np.int16).reshape(2, 3).T) == struct.pack("<6h", 0, 3, 1, 4, 2, 5)


def test_every_datatype_goes_in_and_comes_out(model: Model) -> None:
    request = {"id": "7", "inputs": inputs(), "parameters": {"binary_data_output": True}}
    header, raw = parts(send(model, request, b"".join(RAW.values())))
    assert (header["id"], header["model_name"], header["model_version"]) == ("7", "test", "1")
    assert header["outputs"] == [{**described, "name": f"{described['name']}_out"} for described in inputs()]
    assert raw == b"".join(RAW.values())


def test_each_output_says_how_it_travels(model: Model) -> None:
    wanted = [
        {"name": "INT8_out", "parameters": {"binary_data": True}},
        {"name": "BOOL_out"},
        {"name": "FP16_out", "parameters": {"binary_data": True}},
    ]
    header, raw = parts(send(model, {"inputs": inputs(), "outputs": wanted}, b"".join(RAW.values())))
    assert [output["name"] for output in header["outputs"]] == ["INT8_out", "BOOL_out", "FP16_out"]
    assert header["outputs"][1]["data"] == [True, False]
    assert "parameters" not in header["outputs"][1]
    assert raw == RAW["INT8"] + RAW["FP16"]
    unless = {"binary_data_output": True}
    request = {
        "inputs": inputs(),
        "parameters": unless,
        "outputs": [
            {"name": "INT8_out", "parameters": {"binary_data": False}},
            {"name": "BOOL_out"},
        ],
    }
    header, raw = parts(send(model, request, b"".join(RAW.values())))
    assert header["outputs"][0]["data"] == [-128, 127]
    assert raw == RAW["BOOL"]


def test_binary_in_json_out_and_json_in_binary_out(one: Model) -> None:
    raw = struct.pack("<4f", 1, 2, 3, 4)
    binary = {"name": "x", "datatype": "FP32", "shape": [2, 2], "parameters": {"binary_data_size": 16}}
    response = send(one, {"inputs": [binary]}, raw)
    assert response.content_type == b"application/json"
    assert orjson.loads(response.body)["outputs"][0]["data"] == [1, 2, 3, 4]
    text = {"inputs": [tensor("x", "FP32", [2, 2], [1, 2, 3, 4])], "parameters": {"binary_data_output": True}}
    assert parts(answer(infer, one, text))[1] == raw
    assert parts(send(one, text, b""))[1] == raw


@settings(deadline=None)
@given(cuts=st.sets(st.integers(0, 700), min_size=1, max_size=6))
def test_it_is_the_same_in_however_many_parts_the_body_comes(model: Model, cuts: set[int]) -> None:
    text = orjson.dumps({"inputs": inputs(), "parameters": {"binary_data_output": True}})
    body, ends = text + b"".join(RAW.values()), sorted(cuts)
    asked = request(
        b"", inference_header_content_length=str(len(text)), content_type="application/octet-stream"
    )
    pieces = [body[start:end] for start, end in zip([0, *ends], [*ends, len(body)], strict=True)]
    headers = asked.headers
    come = Request("POST", "/", headers, [bytearray(pieces[0]), *pieces[1:]], asked.sink)
    prediction = infer(model.signature, come)
    assert all(array.flags.aligned for array in prediction.inputs.values())
    response = prediction.encode(model.run(prediction.inputs, prediction.outputs))
    assert parts(response)[1] == body[len(text) :]
    assert come.body == body
    again = infer(model.signature, come)
    for name, array in prediction.inputs.items():
        assert repr(again.inputs[name]) == repr(array)


def test_a_tensor_is_a_view_of_the_body_where_it_lies_aligned(one: Model) -> None:
    raw, at = struct.pack("<4f", 1, 2, 3, 4), set()
    for spaces in range(8):
        header = (
            orjson.dumps(
                {
                    "inputs": [
                        {
                            "name": "x",
                            "datatype": "FP32",
                            "shape": [2, 2],
                            "parameters": {"binary_data_size": 16},
                        }
                    ]
                }
            )
            + b" " * spaces
        )
        body = request(
            header + raw,
            content_type="application/octet-stream",
            inference_header_content_length=str(len(header)),
        )
        array = infer(one.signature, body).inputs["x"]
        assert array.flags.aligned
        assert array.tolist() == [[1, 2], [3, 4]]
        at.add((len(header) % 4 == 0, np.shares_memory(array, np.frombuffer(body.body, np.uint8))))
    assert at == {(True, True), (False, False)}


@pytest.mark.parametrize(
    ("changes", "raw", "message"),
    [
        (
            {"parameters": {"binary_data_size": 15}},
            16,
            "inputs[0].data: 15 bytes, the shape [2, 2] of FP32 has 16",
        ),
        (
            {"parameters": {"binary_data_size": 17}},
            16,
            "inputs[0].parameters.binary_data_size: 17, the body has 16",
        ),
        (
            {"parameters": {"binary_data_size": -1}},
            16,
            "inputs[0].parameters.binary_data_size: -1, expected an in",
        ),
        (
            {"parameters": {"binary_data_size": True}},
            16,
            "inputs[0].parameters.binary_data_size: true, expected",
        ),
        (
            {"parameters": {"binary_data_size": 16.0}},
            16,
            "inputs[0].parameters.binary_data_size: 16.0, expected",
        ),
        (
            {"parameters": {"binary_data_size": "16"}},
            16,
            "inputs[0].parameters.binary_data_size: '16', expected",
        ),
        ({"shape": [2**62, 2]}, 16, "inputs[0].data: 16 bytes, the shape"),
        ({}, 20, "body: 4 bytes more than its tensors have"),
        ({"data": [1, 2, 3, 4]}, 16, "inputs[0].data: given, and parameters.binary_data_size too"),
        (
            {"parameters": {"shared_memory_region": "r"}},
            16,
            "inputs[0].parameters.shared_memory_region: not su",
        ),
    ],
)
def test_a_bad_tensor_is_named(one: Model, changes: dict[str, Any], raw: int, message: str) -> None:
    described = {"name": "x", "datatype": "FP32", "shape": [2, 2], "parameters": {"binary_data_size": 16}}
    with pytest.raises(RequestError) as caught:
        send(one, {"inputs": [{**described, **changes}]}, b"\0" * raw)
    assert caught.value.status == 400
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize("length", ["", "-1", "1.5", "x", "99", "9" * 30, "\xb2", "1_0"])
def test_a_bad_length_of_the_json_is_named(one: Model, length: str) -> None:
    message = f"inference-header-content-length: {length!r}"
    refused(
        infer,
        one,
        b"{}",
        message if len(length) < 30 else message[:60],
        inference_header_content_length=length,
    )


def test_the_json_has_to_be_json(one: Model) -> None:
    refused(infer, one, b"{}", "body: missing", inference_header_content_length="0")
    refused(infer, one, b'{"inputs": []}', "body: not JSON", inference_header_content_length="5")
    refused(infer, one, b"{}", "inputs: null, expected a list", inference_header_content_length="2")


def test_another_kind_of_body_is_refused(one: Model) -> None:
    octets = {"content_type": "application/octet-stream"}
    refused(
        infer,
        one,
        b"{}",
        "content-type: 'application/octet-stream', expected application/json",
        415,
        **octets,
    )
    length = {"inference_header_content_length": "2"}
    refused(infer, one, b"{}", "content-type: 'text/csv', expected", 415, content_type="text/csv", **length)
    refused(infer, one, b"{}", "content-encoding: 'gzip'", 415, content_encoding="gzip", **octets, **length)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("BOOL", b"\x01\x02", "x[1]: byte 2, expected 0 or 1"),
        ("FP32", b"\0" * 7, "x: 7 bytes, the shape [1, 2] of FP32 has 8"),
        ("BYTES", b"\0" * 7, "x: 7 bytes are too few for 2 elements of BYTES"),
        ("BYTES", b"\x09\0\0\0" + b"\0" * 8, "x: ends inside element 0 of 2"),
        ("BYTES", b"\x02\0\0\0ab\0\0", "x: ends before element 1 of 2"),
        ("BYTES", b"\x01\0\0\0\xff\0\0\0\0", "x: element 0 is not UTF-8"),
        ("BYTES", b"\0" * 9, "x: 1 bytes more than 2 elements"),
        ("BYTES", b"\xff\xff\xff\xff" * 2, "x: ends inside element 0 of 2"),
    ],
)
def test_bad_bytes_are_named(name: str, data: bytes, message: str) -> None:
    with pytest.raises(RequestError) as caught:
        decode_raw(data, TYPES[name], (1, 2), "x")
    assert (caught.value.status, caught.value.message) == (400, message)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1), cut=st.integers(0, 40))
def test_strings_come_back_and_no_cut_does_harm(texts: list[str], cut: int) -> None:
    data = encode_raw(np.array(texts, np.object_))
    assert decode_raw(data, TYPES["BYTES"], (len(texts),), "x").tolist() == texts
    if cut < len(data):
        with pytest.raises(RequestError, match=r"^x: "):
            decode_raw(data[:cut], TYPES["BYTES"], (len(texts),), "x")
