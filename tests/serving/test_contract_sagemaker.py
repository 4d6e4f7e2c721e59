"""SageMaker's `/invocations`: JSON, CSV and npy, in and out."""

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from modelberth_server.contracts.plain import predict
from modelberth_server.contracts.sagemaker import invocations
from modelberth_server.errors import RequestError
from modelberth_server.model.session import Model
from serving.contracts import answer, ask, open_model, refused
from serving.models import identity_model, onnx_model

NPY = "application/x-npy"


@pytest.fixture(scope="module")
def model() -> Model:
    """A row of two numbers gives their sum first, and then twice the row."""
    return open_model(
        onnx_model(
            [
                helper.make_node("ReduceSum", ["x", "axes"], ["sum"], keepdims=0),
                helper.make_node("Add", ["x", "x"], ["x2"]),
            ],
            [("x", TensorProto.FLOAT, [None, 2])],
            [("sum", TensorProto.FLOAT, [None]), ("x2", TensorProto.FLOAT, [None, 2])],
            {"axes": np.array([1], np.int64)},
        )
    )


def single(kind: int, shape: list[int | None]) -> Model:
    return open_model(identity_model(("x", kind, shape)))


@pytest.fixture(scope="module")
def floats() -> Model:
    return single(TensorProto.FLOAT, [None])


def npy(array: Any, **how: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.asarray(array, **how), allow_pickle=True)
    return stream.getvalue()


def test_json_is_the_plain_contract_and_bare_rows(model: Model) -> None:
    rows = [[1, 2], [3, 4.5]]
    expected = ask(predict, model, {"input": rows})
    assert expected["predictions"] == [3, 7.5]
    for body in ({"instances": rows}, {"input": rows}, rows):
        for headers in ({}, {"content_type": "application/json; charset=utf-8"}, {"accept": "*/*"}):
            assert ask(invocations, model, body, **headers) == expected
    refused(invocations, model, [[1, 2], [3]], "body[1]: 1 value, the model takes 2")
    refused(invocations, model, 5, "body: 5, expected an object")
    refused(
        invocations, model, {"inputs": rows}, "body: expected exactly one key, input or instances; got 'inp"
    )
    refused(invocations, model, b"", "body: missing, expected JSON")


@pytest.mark.parametrize(
    "body",
    [
        b"1,2\n3,4.5",
        b"1,2\r\n3,4.5\r\n",
        b'1.0, 2e0\n"3",+4.5\n\n',
        b"01,2.\n3.00,.45e1\n",
    ],
)
def test_csv_has_a_line_for_each_row(model: Model, body: bytes) -> None:
    expected = ask(predict, model, {"input": [[1, 2], [3, 4.5]]})
    assert ask(invocations, model, body, content_type="text/csv") == expected
    headed = {"content_type": "text/csv; charset=utf-8; header=present"}
    assert ask(invocations, model, b"a,b\n" + body, **headed) == expected
    assert ask(invocations, model, body, content_type="text/csv;label_size=0;header=absent") == expected


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "body: empty"),
        (b"\n", "body: empty"),
        (
            b"a,b\n1,2",
            "body[0]: no value but text; a line of names has to be announced: text/csv; header=present",
        ),
        (b"1,2\n3,x", "body[1][1]: 'x', expected a number"),
        (b"1,2\n3,", "body[1][1]: '', expected a number"),
        (b"1,2\n3", "body[1]: 1 value, the model takes 2"),
        (b"1,2\n\n3,4", "body[1]: 0 values, the model takes 2"),
        (b"1,2,3", "body[0]: 3 values, the model takes 2"),
        (b"1;2", "body[0]: no value but text"),
        (b"1,nan", "body[0][1]: 'nan', expected a number"),
        (b"1,inf", "body[0][1]: 'inf', expected a number"),
        (b"1,1e400", "body[0][1]: '1e400', expected a number"),
        (b"1,1e39", "body[0][1]: 1e+39 is beyond FP32"),
        (b"1,1_0", "body[0][1]: '1_0', expected a number"),
        ("1,٣".encode(), "body[0][1]: '٣', expected a number"),
        (b"1,true", "body[0][1]: 'true', expected a number"),
        (b"1,--2", "body[0][1]: '--2', expected a number"),
        (b'1,"2', "body: not CSV: unexpected end of data"),
        (b"1,\xff", "body: not UTF-8 at byte 2"),
        (b"1," + b"9" * 200_000, "body: not CSV: field larger than field limit"),
    ],
)
def test_bad_csv_is_named(model: Model, body: bytes, message: str) -> None:
    refused(invocations, model, body, message, content_type="text/csv")


def test_csv_of_every_kind_of_value() -> None:
    for kind, body, expected in (
        (TensorProto.INT64, b"1\n-2\n", [1, -2]),
        (TensorProto.BOOL, b"true\nFalse\n", [True, False]),
        (TensorProto.STRING, 'a\n"b,""c\n"""\né\n'.encode(), ["a", 'b,"c\n"', "é"]),
    ):
        lines = single(kind, [None])
        assert ask(invocations, lines, body, content_type="text/csv")["predictions"] == expected
        table = single(kind, [None, 1])
        given = ask(invocations, table, body, content_type="text/csv")["predictions"]
        assert given == [[value] for value in expected]
        back = answer(invocations, lines, body, content_type="text/csv", accept="text/csv").body
        assert back == body.replace(b"False", b"false")
    whole = single(TensorProto.INT64, [None, 1])
    refused(invocations, whole, b"1\n1.5", "body[1][0]: '1.5', expected an integer", content_type="text/csv")
    large = b"1\n99999999999999999999"
    refused(invocations, whole, large, "body[1][0]: 9999999999", content_type="text/csv")


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(st.tuples(*[st.floats(-(2.0**99), 2.0**99, width=32)] * 2), min_size=1, max_size=4))
def test_csv_and_npy_say_what_json_says(model: Model, rows: list[tuple[float, float]]) -> None:
    expected = ask(invocations, model, {"input": rows})
    lines = "\n".join(f"{a!r},{b!r}" for a, b in rows).encode()
    assert ask(invocations, model, lines, content_type="text/csv") == expected
    assert ask(invocations, model, npy(rows), content_type=NPY) == expected


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", ">f8", "<f2", "|i1", "<u8", ">i2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_of_any_number_that_fits(model: Model, dtype: str, order: str) -> None:
    array = np.array([[1, 2], [3, 4], [5, 6]], dtype, order=order)  # type: ignore[call-overload]
    assert ask(invocations, model, npy(array), content_type=NPY)["predictions"] == [3, 7, 11]


def test_npy_of_other_kinds(floats: Model) -> None:
    for kind, values in (
        (TensorProto.STRING, ["a", "é"]),
        (TensorProto.BOOL, [True, False]),
        (TensorProto.INT8, [-128, 127]),
        (TensorProto.UINT64, [0, 2**64 - 1]),
    ):
        body = npy(np.array(values, np.uint64 if kind == TensorProto.UINT64 else None))
        assert ask(invocations, single(kind, [None]), body, content_type=NPY)["predictions"] == values
    assert ask(invocations, floats, npy([np.nan, 1, np.inf]), content_type=NPY)["predictions"] == [
        None,
        1,
        None,
    ]


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        (
            TensorProto.FLOAT,
            npy([1, None], dtype=object),
            "body: an npy file of '|O', the model takes FP32",
        ),
        (TensorProto.STRING, npy(["a"], dtype=object), "body: an npy file of '|O', the model takes BYTES"),
        (TensorProto.FLOAT, npy(["1"]), "body: an npy file of <U1, the model takes FP32"),
        (TensorProto.FLOAT, npy([True]), "body: an npy file of bool, the model takes FP32"),
        (TensorProto.INT64, npy([1.0]), "body: an npy file of float64, the model takes INT64"),
        (TensorProto.BOOL, npy([1]), "body: an npy file of int64, the model takes BOOL"),
        (TensorProto.STRING, npy([1]), "body: an npy file of int64, the model takes BYTES"),
        (TensorProto.FLOAT, npy([1j]), "body: an npy file of '<c16', the model takes FP32"),
        (
            TensorProto.FLOAT,
            npy([(1, 2)], dtype="i4,i4"),
            "body: not an npy file: its header is not that of one array",
        ),
        (
            TensorProto.FLOAT,
            npy(["2026-01-01"], dtype="M8[D]"),
            "body: an npy file of '<M8[D]', the model takes FP32",
        ),
        (TensorProto.FLOAT, npy([0, 1e39]), "body: element 1 of the npy file, 1e+39, is beyond FP32"),
        (TensorProto.INT8, npy([1, 128]), "body: element 1 of the npy file, 128, is beyond INT8"),
        (TensorProto.UINT64, npy([-1]), "body: element 0 of the npy file, -1, is beyond UINT64"),
        (
            TensorProto.INT64,
            npy([2**63], dtype=np.uint64),
            "body: element 0 of the npy file, 9223372036854775808",
        ),
        (TensorProto.FLOAT, npy([[1.0]]), "body: an npy file of shape [1, 1], the model takes [-1]"),
        (TensorProto.FLOAT, npy(1.0), "body: an npy file of shape [], the model takes [-1]"),
        (TensorProto.FLOAT, npy([], dtype="f4"), "body: an npy file of shape [0], the model takes [-1]"),
        (TensorProto.FLOAT, npy([1.0]) + b"x", "body: 9 bytes after the npy header, its shape has 8"),
        (TensorProto.FLOAT, npy([1.0])[:-1], "body: 7 bytes after the npy header, its shape has 8"),
        (TensorProto.FLOAT, b"", "body: not an npy file"),
        (TensorProto.FLOAT, b"PK\x03\x04 an npz is an archive", "body: not an npy file"),
        (TensorProto.FLOAT, npy([1.0])[:40], "body: not an npy file"),
        (
            TensorProto.FLOAT,
            b"\x93NUMPY\x03\x00" + npy([1.0])[8:],
            "body: not an npy file of version 1.0 or 2.0",
        ),
        (
            TensorProto.STRING,
            npy(["a"])[:-4] + b"\x00\xd8\x00\x00",
            "body: an npy file with a string that is",
        ),
        (TensorProto.STRING, npy(["a"])[:-4] + b"\xff" * 4, "body: an npy file with a string that is"),
    ],
)
def test_bad_npy_is_named(kind: int, body: bytes, message: str) -> None:
    refused(invocations, single(kind, [None]), body, message, content_type=NPY)


def header_only(text: str) -> bytes:
    data = text.encode()
    return b"\x93NUMPY\x01\x00" + len(data).to_bytes(2, "little") + data


@pytest.mark.parametrize(
    "text",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,)}\n",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,)}\n",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}\n",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}\n",
        "{'descr': '<U0', 'fortran_order': False, 'shape': (5,)}\n",
        "{'descr': '<f4', 'fortran_order': False, 'shape': 'x'}\n",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (True,)}\n",
        "{'descr': '<f4', 'shape': (1,)}\n",
        "{'descr': " + "[" * 300 + "}\n",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), " + " " * 2000 + "}\n",
        "__import__('os').abort()\n",
        "",
    ],
)
def test_a_hostile_npy_header_allocates_and_runs_nothing(text: str) -> None:
    refused(invocations, single(TensorProto.FLOAT, [None]), header_only(text), "body: ", content_type=NPY)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(at=st.integers(0, 135), value=st.integers(0, 255), cut=st.integers(0, 136))
def test_no_flip_in_an_npy_file_is_the_servers_fault(floats: Model, at: int, value: int, cut: int) -> None:
    good = npy([1.0])
    assert len(good) == 136
    data = bytearray(good)
    data[at] = value
    for body in (bytes(data), good[:cut]):
        refusal = None
        try:
            answer(invocations, floats, body, content_type=NPY)
        except RequestError as error:
            refusal = error
        assert refusal is None or (refusal.status, refusal.message[:6]) == (400, "body: ")


def test_the_answer_is_what_the_caller_accepts(model: Model) -> None:
    rows = [[1, 2], [3, 4.5]]
    for accept in ("text/csv", "text/csv;q=0.5, image/png", "application/json;q=0.1, text/csv", "text/*"):
        response = answer(invocations, model, rows, accept=accept)
        assert (response.content_type, response.body) == (b"text/csv", b"3.0\n7.5\n")
    response = answer(invocations, model, rows, accept="application/x-npy, text/csv;q=0.9")
    assert response.content_type == NPY.encode()
    assert np.load(io.BytesIO(response.body), allow_pickle=False).tolist() == [3, 7.5]
    for accept in (
        "",
        "*/*",
        "application/json, text/csv",
        "APPLICATION/JSON",
        "application/*",
        "text/csv;q=0, */*",
    ):
        assert answer(invocations, model, rows, accept=accept).content_type == b"application/json"
    for accept in ("image/png", "text/csv;q=0", "*/*;q=0", "text/csv;q=x", "text/csv;q=nan", ","):
        refused(invocations, model, rows, "accept: ", 406, accept=accept)
    refused(
        invocations, model, rows,
        "accept: 'image/png', this route answers application/json, text/csv, application/x-npy", 406,
        accept="image/png",
    )  # fmt: skip


def test_strings_and_wide_rows_as_csv_and_npy() -> None:
    texts = single(TensorProto.STRING, [None, 2])
    rows = [["a", 'b,"'], ["é", ""]]
    assert answer(invocations, texts, rows, accept="text/csv").body == 'a,"b,"""\né,\n'.encode()
    data = answer(invocations, texts, rows, accept=NPY).body
    assert np.load(io.BytesIO(data), allow_pickle=False).tolist() == rows
    cube = single(TensorProto.FLOAT, [None, 2, 2])
    assert answer(invocations, cube, [[[0.1, 2], [3, 4]]], accept="text/csv").body == b"0.1,2.0,3.0,4.0\n"
    refused(invocations, cube, b"1,2,3,4", "content-type: the model takes the shape [-1, 2, 2], which", 415,
            content_type="text/csv")  # fmt: skip


def test_other_types_are_refused_by_name(model: Model) -> None:
    for content_type, message in (
        (
            "application/octet-stream",
            "content-type: 'application/octet-stream', expected application/json, text",
        ),
        ("text/csv; charset=latin-1", "content-type: charset 'latin-1', expected utf-8"),
        ("text/csv; header=maybe", "content-type: header 'maybe', expected present or absent"),
        ("text/csv; label_size=1", "content-type: label_size '1', expected 0"),
    ):
        refused(invocations, model, b"1,2", message, 415, content_type=content_type)
    refused(invocations, model, b"1,2", "content-encoding: 'gzip'", 415, content_encoding="gzip")
    pair = open_model(identity_model(("a", TensorProto.FLOAT, [None]), ("b", TensorProto.FLOAT, [None])))
    for kind in ("text/csv", NPY):
        message = f"content-type: {kind} holds one input, the model takes a, b: send application/json"
        refused(invocations, pair, b"1,2", message, 415, content_type=kind)
    assert ask(invocations, pair, [{"a": 1, "b": 2}]) == {"predictions": [1], "outputs": {"b_out": [2]}}


def test_custom_attributes_come_back(model: Model) -> None:
    header = b"x-amzn-sagemaker-custom-attributes"
    for accept in ("application/json", "text/csv", NPY):
        response = answer(
            invocations, model, [[1, 2]], accept=accept, x_amzn_sagemaker_custom_attributes="trace=1 2"
        )
        assert dict(response.headers)[header] == b"trace=1 2"
    assert header not in dict(answer(invocations, model, [[1, 2]]).headers)
    for bad in ("x" * 1025, "a\r\nset-cookie: b", "é", "\0"):
        refused(
            invocations, model, [[1, 2]], "x-amzn-sagemaker-custom-attributes: expected",
            x_amzn_sagemaker_custom_attributes=bad,
        )  # fmt: skip
