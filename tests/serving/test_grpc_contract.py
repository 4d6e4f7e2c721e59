"""The gRPC form of the Open Inference Protocol: messages into arrays and back, without a server."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from modelberth_server.errors import RequestError
from modelberth_server.grpc_v2.contents import encode_contents, has_contents
from modelberth_server.grpc_v2.contract import infer, parse_infer
from modelberth_server.grpc_v2.inference_pb2 import ModelInferRequest, ModelInferResponse
from modelberth_server.http.message import Request, Response
from modelberth_server.model.signature import Signature
from modelberth_server.raw_tensors import decode_raw, encode_raw
from modelberth_server.tensors import ONNX_DATATYPES, TensorSpec

DATATYPES = {datatype.name: datatype for datatype in ONNX_DATATYPES.values()}


class NoSink:
    def answer(self, request: Request, response: Response) -> None:
        pytest.fail("a contract answers nothing")


def signature(*inputs: TensorSpec, outputs: tuple[TensorSpec, ...] | None = None) -> Signature:
    return Signature("m", "3", "0" * 64, inputs, inputs if outputs is None else outputs)


def tensor(name: str, datatype: str, *shape: int) -> TensorSpec:
    return TensorSpec(name, DATATYPES[datatype], shape)


def ask(served: Signature, message: ModelInferRequest) -> Any:
    body = message.SerializeToString()
    return infer(message)(served, Request("POST", "/v2/models/m/infer", {}, body, NoSink()))


def message(*inputs: dict[str, Any], **more: Any) -> ModelInferRequest:
    return ModelInferRequest(model_name="m", inputs=list(inputs), **more)


def x(**more: Any) -> dict[str, Any]:
    return {
        "name": "x",
        "datatype": "FP32",
        "shape": [1, 2],
        "contents": {"fp32_contents": [1.5, 2.5]},
        **more,
    }


FP32 = signature(tensor("x", "FP32", -1, 2))


@pytest.mark.parametrize("name", sorted(DATATYPES))
@pytest.mark.parametrize("raw", [True, False])
@settings(max_examples=20)
@given(data=st.data())
def test_every_datatype_comes_back_as_it_went_in(name: str, raw: bool, data: st.DataObject) -> None:
    datatype = DATATYPES[name]
    shape = data.draw(array_shapes(min_dims=1, max_dims=3, max_side=3))
    elements = st.text(max_size=5) if datatype.dtype.kind == "O" else None
    given_array = data.draw(arrays(datatype.dtype, shape, elements=elements))
    served = signature(TensorSpec("x", datatype, (-1,) * len(shape)))
    tensor_in: dict[str, Any] = {"name": "x", "datatype": name, "shape": list(shape)}
    if raw:
        asked = message(tensor_in, raw_input_contents=[encode_raw(given_array)])
    elif has_contents(datatype):
        asked = message({**tensor_in, "contents": encode_contents(given_array, datatype)})
    else:
        assert name == "FP16"
        with pytest.raises(RequestError, match="FP16 has no typed contents, use raw_input_contents"):
            ask(served, message(tensor_in))
        return
    prediction = ask(served, asked)
    taken = prediction.inputs["x"]
    assert taken.shape == shape
    assert taken.dtype == datatype.dtype
    np.testing.assert_array_equal(taken, given_array)

    response = prediction.encode([taken])
    answer = ModelInferResponse.FromString(response.body)
    (output,) = answer.outputs
    assert (output.name, output.datatype, tuple(output.shape)) == ("x", name, shape)
    if raw:
        assert not output.HasField("contents")
        returned = decode_raw(answer.raw_output_contents[0], datatype, shape, "raw")
        np.testing.assert_array_equal(returned, given_array)
    else:
        assert not answer.raw_output_contents
        assert output.contents == encode_contents(given_array, datatype)


def test_the_answer_names_model_version_and_request() -> None:
    prediction = ask(FP32, message(x(), id="seven"))
    answer = ModelInferResponse.FromString(prediction.encode([np.ones((1, 2), np.float32)]).body)
    assert (answer.model_name, answer.model_version, answer.id) == ("m", "3", "seven")


def test_outputs_are_those_asked_for_in_their_order() -> None:
    outputs = (tensor("a", "FP32", -1), tensor("b", "INT64", -1), tensor("c", "BYTES", -1))
    served = signature(tensor("x", "FP32", -1, 2), outputs=outputs)
    assert ask(served, message(x())).outputs == ("a", "b", "c")
    chosen = ask(served, message(x(), outputs=[{"name": "c"}, {"name": "a"}]))
    assert chosen.outputs == ("c", "a")
    body = chosen.encode([np.array(["é"], object), np.ones(1, np.float32)]).body
    answer = ModelInferResponse.FromString(body)
    assert [output.name for output in answer.outputs] == ["c", "a"]
    assert list(answer.outputs[0].contents.bytes_contents) == ["é".encode()]


def test_a_half_precision_output_makes_the_whole_answer_raw() -> None:
    served = signature(tensor("x", "FP32", -1, 2), outputs=(tensor("h", "FP16", -1), tensor("f", "FP32", -1)))
    body = ask(served, message(x())).encode([np.array([1.5], np.float16), np.array([2.5], np.float32)]).body
    answer = ModelInferResponse.FromString(body)
    assert list(answer.raw_output_contents) == [b"\x00\x3e", b"\x00\x00\x20\x40"]
    assert not any(output.HasField("contents") for output in answer.outputs)


REFUSED = {
    "no input": (message(), r"inputs: x missing"),
    "unknown input": (message(x(name="y")), r"inputs\[0\].name: 'y', the model takes x"),
    "twice": (message(x(), x()), r"inputs\[1\].name: 'x' was given before"),
    "datatype": (message(x(datatype="FP64")), r"inputs\[0\].datatype: 'FP64', the model takes FP32"),
    "rank": (message(x(shape=[2])), r"inputs\[0\].shape: \[2\], the model takes \[-1, 2\]"),
    "many dimensions": (message(x(shape=[1] * 33)), r"inputs\[0\].shape: 33 dimensions, 32 are possible"),
    "empty": (message(x(shape=[0, 2])), r"inputs\[0\].shape\[0\]: 0, expected an integer of at least 1"),
    "negative": (message(x(shape=[-1, 2])), r"inputs\[0\].shape\[0\]: -1, expected"),
    "too few": (
        message(x(shape=[2, 2])),
        r"inputs\[0\].contents.fp32_contents: 2 values, the shape \[2, 2\] has 4",
    ),
    "enormous": (
        message(x(shape=[1 << 62, 2])),
        r"inputs\[0\].contents.fp32_contents: 2 values, the shape .* has 9223372036854775808",
    ),
    "other field": (
        message(x(contents={"fp64_contents": [1, 2]})),
        r"inputs\[0\].contents.fp64_contents: elements of FP32 go into fp32_contents",
    ),
    "both forms": (
        message(x(), raw_input_contents=[b"\0" * 8]),
        r"inputs\[0\].contents: not possible together with raw_input_contents",
    ),
    "raw of another number": (
        message(x(), raw_input_contents=[b"", b""]),
        r"raw_input_contents: 2 entries for 1 inputs",
    ),
    "raw of another size": (
        message({"name": "x", "datatype": "FP32", "shape": [1, 2]}, raw_input_contents=[b"\0" * 7]),
        r"raw_input_contents\[0\]: 7 bytes, the shape \[1, 2\] of FP32 has 8",
    ),
    "unknown output": (message(x(), outputs=[{"name": "z"}]), r"outputs\[0\].name: 'z', the model gives x"),
    "output twice": (
        message(x(), outputs=[{"name": "x"}, {"name": "x"}]),
        r"outputs\[1\].name: 'x' was given before",
    ),
    "shared memory": (
        message(x(parameters={"shared_memory_region": {"string_param": "r"}})),
        r"inputs\[0\].parameters.shared_memory_region: this extension is not supported",
    ),
    "classification": (
        message(x(), outputs=[{"name": "x", "parameters": {"classification": {"int64_param": 1}}}]),
        r"outputs\[0\].parameters.classification: this extension is not supported",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_message_that_does_not_fit_is_refused_by_field(case: str) -> None:
    asked, complaint = REFUSED[case]
    with pytest.raises(RequestError, match=complaint) as refused:
        ask(FP32, asked)
    assert refused.value.status == 400


def test_a_parameter_without_effect_on_the_payload_is_free() -> None:
    assert ask(FP32, message(x(), parameters={"trace": {"bool_param": True}})).outputs == ("x",)


@pytest.mark.parametrize(
    ("datatype", "field", "value", "complaint"),
    [
        ("INT8", "int_contents", 128, r"int_contents\[1\]: 128 is beyond INT8"),
        ("UINT8", "uint_contents", 256, r"uint_contents\[1\]: 256 is beyond UINT8"),
        ("INT16", "int_contents", -32769, r"int_contents\[1\]: -32769 is beyond INT16"),
        ("BYTES", "bytes_contents", b"\xff", r"bytes_contents\[1\]: not UTF-8"),
    ],
)
def test_an_element_beyond_its_type_is_named(datatype: str, field: str, value: Any, complaint: str) -> None:
    good = b"a" if datatype == "BYTES" else 1
    asked = message({"name": "x", "datatype": datatype, "shape": [2], "contents": {field: [good, value]}})
    with pytest.raises(RequestError, match=complaint):
        ask(signature(tensor("x", datatype, -1)), asked)


@pytest.mark.parametrize(
    ("data", "count", "complaint"),
    [
        (b"", 1 << 40, "0 bytes are too few for 1099511627776 elements"),
        (b"\1\0\0\0", 1, "ends inside element 0 of 1"),
        (b"\5\0\0\0abcde\1\0", 2, "ends before element 1 of 2"),
        (b"\1\0\0\0a!", 1, "1 bytes more than 1 elements"),
        (b"\1\0\0\0\xff", 1, "element 0 is not UTF-8"),
        (b"\xff\xff\xff\xffabc", 1, "ends inside element 0 of 1"),
    ],
)
def test_raw_strings_that_lie_about_their_length_are_refused(data: bytes, count: int, complaint: str) -> None:
    with pytest.raises(RequestError, match=complaint):
        decode_raw(data, DATATYPES["BYTES"], (count,), "raw_input_contents[0]")


def test_a_raw_truth_value_is_zero_or_one() -> None:
    assert decode_raw(b"\0\1", DATATYPES["BOOL"], (2,), "r").tolist() == [False, True]
    with pytest.raises(RequestError, match=r"r\[1\]: byte 2, expected 0 or 1"):
        decode_raw(b"\0\2", DATATYPES["BOOL"], (2,), "r")


VALID = message(x()).SerializeToString()


@given(st.integers(0, len(VALID) - 1), st.binary(max_size=3))
def test_any_bytes_are_read_or_refused(at: int, splice: bytes) -> None:
    assert status_of(VALID) == 200
    assert status_of(VALID[:at] + splice + VALID[at + 1 :]) in (200, 400)
    assert status_of(VALID[:at]) == 400


def status_of(body: bytes) -> int:
    try:
        ask(FP32, parse_infer(body))
    except RequestError as error:
        return error.status
    return 200
