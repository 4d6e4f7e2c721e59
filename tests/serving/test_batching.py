"""What shares a batch shares nothing else: each answer is that of its own rows."""

import asyncio
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnxruntime
import orjson
import pytest
from onnx import ModelProto, TensorProto, helper

from serving.callers import Answer, Caller, at_once, post
from serving.models import ModelFile, onnx_model
from serving.processes import Launch, ServerProcess, predict, wait_until

REQUESTS = 1000
Row = list[float]


def dense() -> ModelProto:
    """A matrix product, an activation and a label: what a row gives depends on the row alone."""
    weights = np.random.default_rng(7).standard_normal((4, 3)).astype(np.float32)
    return onnx_model(
        [
            helper.make_node("MatMul", ["input", "weights"], ["product"]),
            helper.make_node("Tanh", ["product"], ["scores"]),
            helper.make_node("ArgMax", ["product"], ["label"], axis=1, keepdims=0),
        ],
        [("input", TensorProto.FLOAT, ["n", 4])],
        [("scores", TensorProto.FLOAT, ["n", 3]), ("label", TensorProto.INT64, ["n"])],
        {"weights": weights},
    )


def tensor(rows: list[Row], **more: Any) -> dict[str, Any]:
    return {"name": "input", "datatype": "FP32", "shape": [len(rows), 4], **more}


def plain(rows: list[Row]) -> bytes:
    return post("/predict", {"input": rows})


def score(rows: list[Row]) -> bytes:
    return post("/score", {"input_data": {"columns": list("abcd"), "data": rows}})


def by_row(rows: list[Row]) -> bytes:
    return post("/v1/models/model:predict", {"instances": rows})


def by_column(rows: list[Row]) -> bytes:
    return post("/v1/models/model/versions/1:predict", {"inputs": rows})


def infer(rows: list[Row]) -> bytes:
    return post("/v2/models/model/infer", {"inputs": [tensor(rows, data=rows)]})


def raw(rows: list[Row]) -> bytes:
    data = np.array(rows, "<f4").tobytes()
    header = orjson.dumps(
        {
            "inputs": [tensor(rows, parameters={"binary_data_size": len(data)})],
            "parameters": {"binary_data_output": True},
        }
    )
    return post("/v2/models/model/infer", header + data, f"inference-header-content-length: {len(header)}")


def csv(rows: list[Row]) -> bytes:
    text = "\n".join(",".join(map(repr, row)) for row in rows)
    return post("/invocations", text.encode(), "content-type: text/csv")


def npy(rows: list[Row]) -> bytes:
    file = io.BytesIO()
    np.save(file, np.array(rows, np.float32))
    headers = ("content-type: application/x-npy", "accept: application/x-npy")
    return post("/invocations", file.getvalue(), *headers)


def first_raw_output(answer: Answer) -> Any:
    length = int(answer.head.partition(b"inference-header-content-length: ")[2].split()[0])
    size = orjson.loads(answer.body[:length])["outputs"][0]["parameters"]["binary_data_size"]
    return np.frombuffer(answer.body[length : length + size], "<f4").reshape(-1, 3)


FORMS: dict[str, tuple[Callable[[list[Row]], bytes], Callable[[Answer], Any]]] = {
    "plain": (plain, lambda answer: answer.json["predictions"]),
    "score": (score, lambda answer: answer.json["predictions"]),
    "by row": (by_row, lambda answer: [row["scores"] for row in answer.json["predictions"]]),
    "by column": (by_column, lambda answer: answer.json["outputs"]["scores"]),
    "infer": (infer, lambda answer: np.reshape(answer.json["outputs"][0]["data"], (-1, 3))),
    "raw": (raw, first_raw_output),
    "csv": (csv, lambda answer: answer.json["predictions"]),
    "npy": (npy, lambda answer: np.load(io.BytesIO(answer.body), allow_pickle=False)),
}


def started(launch: Launch, folder: Path, model: ModelProto, **environ: str) -> ServerProcess:
    file = ModelFile.write(folder / "model.onnx", model)
    server = launch(file.environ(MODELBERTH_MAX_CONCURRENCY="2000", **environ))
    server.wait_until_ready()
    return server


def batches(server: ServerProcess) -> tuple[float, float]:
    """Number of batches that were computed, and of the requests in them."""
    text = httpx.get(f"{server.url}/metrics", trust_env=False).text
    count, total = (
        float(text.partition(f"\nmodelberth_batch_requests_{name}{{")[2].partition("} ")[2].split()[0])
        for name in ("count", "sum")
    )
    return count, total


def test_every_answer_is_that_of_its_own_rows(launch: Launch, tmp_path: Path) -> None:
    model = dense()
    server = started(launch, tmp_path, model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    random = np.random.default_rng(5)
    kinds = [list(FORMS)[index % len(FORMS)] for index in range(REQUESTS)]
    rows = [random.standard_normal((1 + index % 3, 4)).astype(np.float32) for index in range(REQUESTS)]
    answers = asyncio.run(
        at_once(
            server.address,
            [FORMS[kind][0](values.tolist()) for kind, values in zip(kinds, rows, strict=True)],
        )
    )
    assert len(answers) == REQUESTS
    for kind, values, answer in zip(kinds, rows, answers, strict=True):
        assert answer.status == 200, answer
        expected = session.run(["scores"], {"input": values})[0]
        np.testing.assert_allclose(FORMS[kind][1](answer), expected, rtol=1e-4, atol=1e-6)
    count, total = batches(server)
    assert total == REQUESTS
    # They did share batches, or this test has seen nothing.
    assert count < REQUESTS


def table() -> ModelProto:
    """A table of ten values: a row that asks for another one fails, and the whole batch with it."""
    return onnx_model(
        [helper.make_node("Gather", ["table", "input"], ["output"], axis=0)],
        [("input", TensorProto.INT64, ["n"])],
        [("output", TensorProto.FLOAT, ["n"])],
        {"table": np.arange(10, dtype=np.float32)},
    )


def test_a_row_that_the_model_cannot_take_fails_alone(launch: Launch, tmp_path: Path) -> None:
    server = started(launch, tmp_path, table())
    rows = [index % 10 if index % 7 else 99 for index in range(300)]
    answers = asyncio.run(at_once(server.address, [post("/predict", {"input": [row]}) for row in rows]))
    for row, answer in zip(rows, answers, strict=True):
        if row == 99:
            assert answer.status == 400
            assert answer.json["error"].startswith("the model cannot take these inputs: ")
        else:
            assert (answer.status, answer.json["predictions"]) == (200, [float(row)])


def mixing(operator: str, **attributes: Any) -> ModelProto:
    """A model that takes the mean, or the greatest value, of its batch from each of its rows."""
    return onnx_model(
        [
            helper.make_node(operator, ["input"], ["whole"], axes=[0], keepdims=1, **attributes),
            helper.make_node("Sub", ["input", "whole"], ["output"]),
        ],
        [("input", TensorProto.FLOAT, ["n", 2])],
        [("output", TensorProto.FLOAT, ["n", 2])],
    )


def with_example(model: ModelProto, rows: list[Row]) -> ModelProto:
    helper.set_model_props(model, {"modelberth.example": orjson.dumps(rows).decode()})
    return model


MIXING = {
    "mean": mixing("ReduceMean"),
    "greatest": mixing("ReduceMax"),
    # From rows like these nobody could tell.
    "mean, with equal rows as its example": with_example(mixing("ReduceMean"), [[1.0, 2.0]] * 3),
    "greatest, with the same greatest everywhere": with_example(
        mixing("ReduceMax"), [[3.0, 3.0], [3.0, 3.0], [3.0, 3.0]]
    ),
}


@pytest.mark.parametrize("case", MIXING)
def test_a_model_that_mixes_its_rows_is_not_batched(launch: Launch, tmp_path: Path, case: str) -> None:
    server = started(launch, tmp_path, MIXING[case])
    requests = [post("/predict", {"input": [[float(index), 1.0]]}) for index in range(200)]
    for answer in asyncio.run(at_once(server.address, requests)):
        # Alone each row is its own mean and its own greatest.
        assert answer.json["predictions"] == [[0.0, 0.0]]
    assert batches(server) == (200, 200)


def add() -> ModelProto:
    return onnx_model(
        [helper.make_node("Add", ["a", "b"], ["sum"])],
        [("a", TensorProto.FLOAT, ["n", 1]), ("b", TensorProto.FLOAT, ["m", 1])],
        [("sum", TensorProto.FLOAT, ["k", 1])],
    )


def test_inputs_with_other_numbers_of_rows_do_not_meet_those_of_another_caller(
    launch: Launch, tmp_path: Path
) -> None:
    """Two rows and one, and one and two: together they would fit."""
    server = started(launch, tmp_path, add())

    def request(a: list[float], b: list[float]) -> bytes:
        inputs = [
            {"name": name, "datatype": "FP32", "shape": [len(data), 1], "data": data}
            for name, data in (("a", a), ("b", b))
        ]
        return post("/v2/models/model/infer", {"inputs": inputs})

    cases = [request([1, 2], [10]), request([100], [1000, 2000]), request([5], [6])] * 60
    answers = asyncio.run(at_once(server.address, cases))
    sums = [answer.json["outputs"][0]["data"] for answer in answers]
    assert sums == [[11, 12], [1100, 2100], [11]] * 60


def dropping() -> ModelProto:
    """A model that leaves out rows below -100, which its warm-up does not contain."""
    return onnx_model(
        [
            helper.make_node("Greater", ["input", "low"], ["kept"]),
            helper.make_node("Compress", ["input", "kept"], ["output"], axis=0),
        ],
        [("input", TensorProto.FLOAT, ["n"])],
        [("output", TensorProto.FLOAT, ["k"])],
        {"low": np.float32(-100)},
    )


def test_a_model_that_turns_out_to_drop_rows_gives_nobody_the_rows_of_another(
    launch: Launch, tmp_path: Path
) -> None:
    server = started(launch, tmp_path, dropping())
    values = [float(index) if index % 5 else -200.0 for index in range(300)]
    answers = asyncio.run(at_once(server.address, [post("/predict", {"input": [one]}) for one in values]))
    assert [answer.json["predictions"] for answer in answers] == [
        [one] if one > -100 else [] for one in values
    ]


def test_callers_that_leave_and_those_that_are_late_leave_no_trace(slow: ModelFile, launch: Launch) -> None:
    server = launch(slow.environ(MODELBERTH_TIMEOUT_SECONDS="0.5", MODELBERTH_MAX_CONCURRENCY="64"))
    server.wait_until_ready()

    async def leave() -> list[int]:
        gone = [Caller(server.address) for _ in range(10)]
        late = [Caller(server.address) for _ in range(10)]
        leaving = [asyncio.create_task(one.ask(post("/predict", {"input": [10**9]}))) for one in gone]
        waiting = [asyncio.create_task(one.ask(post("/predict", {"input": [10**9]}))) for one in late]
        await asyncio.sleep(0.1)
        for task, caller in zip(leaving, gone, strict=True):
            task.cancel()
            caller.close()
        statuses = [(await one).status for one in waiting]
        for caller in late:
            caller.close()
        return statuses

    assert asyncio.run(leave()) == [504] * 10
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        wait_until(
            lambda: "\nmodelberth_in_flight 0.0" in client.get("/metrics").text, lambda: "still in flight"
        )
        assert predict(client, [10]).status_code == 200


def test_a_lone_request_is_not_delayed(launch: Launch, tmp_path: Path) -> None:
    """However long requests that arrive together may wait for more."""
    server = started(launch, tmp_path, dense(), MODELBERTH_BATCH_DELAY_MS="9000")
    began = time.monotonic()
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        assert predict(client, [[1, 2, 3, 4]]).status_code == 200
        assert predict(client, [[1, 2, 3, 4]]).status_code == 200
    assert time.monotonic() - began < 9


def test_requests_that_come_together_wait_for_more_no_longer_than_allowed(
    launch: Launch, tmp_path: Path
) -> None:
    server = started(launch, tmp_path, dense(), MODELBERTH_BATCH_DELAY_MS="50")
    requests = [plain([[float(index), 0.0, 0.0, 0.0]]) for index in range(8)]

    async def ask() -> None:
        for _ in range(10):
            answers = await at_once(server.address, requests)
            assert [answer.status for answer in answers] == [200] * 8

    asyncio.run(ask())
    count, total = batches(server)
    assert total == 80
    assert count <= 40
