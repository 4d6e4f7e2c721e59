"""A large body goes past the parser to memory of its own: nothing around it notices, no other changes."""

import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import pytest
from onnx import TensorProto

from modelberth_server.contracts.open_inference import infer
from modelberth_server.http import large_body
from modelberth_server.http.large_body import LARGE_BYTES, LargeBody
from modelberth_server.http.message import Request, Response
from modelberth_server.http.reading import BODY_SLICE_BYTES, SLICE_BYTES, Reader
from serving.callers import post
from serving.contracts import open_model
from serving.models import identity_model

LIMIT = 4 * LARGE_BYTES
GET = b"GET /after HTTP/1.1\r\nhost: x\r\n\r\n"
LENGTH = "inference-header-content-length: "
UPGRADE = ("connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAMAAABk")


@dataclass
class Taker:
    """It keeps what it gets, and is full when it is told to be."""

    taken: list[tuple[Request, bool]] = field(default_factory=list)
    proceeds: int = 0
    most: int = 1000

    @property
    def full(self) -> bool:
        return len(self.taken) >= self.most

    def take(self, request: Request, *, keep_alive: bool) -> None:
        self.taken.append((request, keep_alive))

    def proceed(self) -> None:
        self.proceeds += 1

    def answer(self, request: Request, response: Response) -> None:
        """Nobody answers here."""


def noise(size: int, seed: int = 1) -> bytes:
    """Bytes that hold what a parser would stop at."""
    made = bytearray(random.Random(seed).randbytes(size))
    made[size // 2 : size // 2 + len(GET)] = GET
    return bytes(made[:size])


def feed(reader: Reader, data: bytes, steps: list[int]) -> None:
    """Read as a connection does: by one piece of memory for all reads, and a large body's own."""
    shared = memoryview(bytearray(LARGE_BYTES))
    at = turn = 0
    while at < len(data) and reader.error is None:
        vacant = shared if reader.large is None else reader.large.vacant
        assert vacant, "there is no room for what comes"
        part = data[at : at + min(steps[turn % len(steps)], len(vacant))]
        vacant[: len(part)] = part
        if reader.large is None:
            reader.read(shared[: len(part)])
            shared[:] = b"\xff" * len(shared)
        else:
            reader.filled(len(part))
        at += len(part)
        turn += 1


SIZES = (
    *(0, 1, SLICE_BYTES, LARGE_BYTES - 1, LARGE_BYTES, LARGE_BYTES + 1),
    *(LARGE_BYTES + SLICE_BYTES, 2 * LARGE_BYTES, LIMIT),
)
STEPS = {
    "all that there is room for": [1 << 30],
    "bytes and blocks": [1, 16384, 3, 4096],
    "heads alone": [80, 1 << 30],
    "packets": [1448],
}


@pytest.mark.parametrize("steps", STEPS)
def test_bodies_of_any_size_come_whole_and_in_order_in_any_parts(steps: str) -> None:
    taker = Taker()
    bodies = [noise(size, seed) for seed, size in enumerate(SIZES)]
    sent = b"".join(post(f"/{len(body)}", body) + GET for body in bodies)
    reader = Reader(taker, "", LIMIT)
    feed(reader, sent, STEPS[steps])
    assert reader.error is None
    assert (reader.part, reader.large) == ("none", None)
    assert [request.path for request, _ in taker.taken] == [
        path for size in SIZES for path in (f"/{size}", "/after")
    ]
    # Compared at the end: what is read later may not have changed them.
    assert [request.body for request, _ in taker.taken] == [
        either for body in bodies for either in (body, b"")
    ]
    assert all(keep_alive for _, keep_alive in taker.taken)


def test_a_large_body_is_memory_of_its_own_and_read_only() -> None:
    taker = Taker()
    reader = Reader(taker, "", LIMIT)
    feed(reader, post("/a", noise(LARGE_BYTES * 2)) * 2, [1 << 30])
    (one,), (other,) = (request.parts for request, _ in taker.taken)
    assert isinstance(one, memoryview)
    assert isinstance(other, memoryview)
    assert one.readonly
    assert not np.shares_memory(np.frombuffer(one, np.uint8), np.frombuffer(other, np.uint8))


@pytest.mark.parametrize("spaces", range(18))
def test_a_tensor_behind_json_of_any_length_is_read_where_it_lies(spaces: int) -> None:
    model = open_model(identity_model(("x", TensorProto.FLOAT, [None, 2])))
    values = np.arange(LARGE_BYTES // 2, dtype=np.float32).reshape(-1, 2)
    tensor: dict[str, Any] = {"name": "x", "datatype": "FP32", "shape": values.shape}
    tensor["parameters"] = {"binary_data_size": values.nbytes}
    json = orjson.dumps({"inputs": [tensor]}) + b" " * spaces
    taker = Taker()
    sent = post(
        "/", json + values.tobytes(), f"{LENGTH}{len(json)}", "content-type: application/octet-stream"
    )
    feed(Reader(taker, "", LIMIT), sent, [1 << 30])
    ((request, _),) = taker.taken
    (body,) = request.parts
    array = infer(model.signature, request).inputs["x"]
    assert np.array_equal(array, values)
    assert np.shares_memory(array, np.frombuffer(body, np.uint8)), "the tensor was copied"


@pytest.mark.parametrize("length", ["", "x", "-5", "9" * 17, "9" * 4000, "²"])
def test_a_bad_length_of_the_json_is_left_to_the_contract(length: str) -> None:
    body = noise(LARGE_BYTES * 2)
    taker = Taker()
    feed(Reader(taker, "", LIMIT), post("/", body, LENGTH + length), [1 << 30])
    assert [request.body for request, _ in taker.taken] == [body]


@pytest.mark.parametrize(
    ("headers", "keep_alive"),
    [(("connection: close",), False), ((), True), (("expect: 100-continue",), True), (UPGRADE, True)],
)
def test_the_head_says_what_it_says_before_other_bodies(
    headers: tuple[str, ...], *, keep_alive: bool
) -> None:
    taker = Taker()
    body = noise(LARGE_BYTES * 2)
    feed(Reader(taker, "", LIMIT), post("/", body, *headers), [1 << 30])
    assert [(request.body, keep) for request, keep in taker.taken] == [(body, keep_alive)]
    assert taker.proceeds == headers.count("expect: 100-continue")


def test_a_body_above_the_limit_gets_no_memory() -> None:
    reader = Reader(Taker(), "", LIMIT)
    feed(reader, post("/", noise(LIMIT + 1)), [1 << 30])
    assert reader.error is not None
    assert (reader.error.status, reader.large) == (413, None)


def test_what_follows_a_large_body_waits_while_the_consumer_is_full() -> None:
    taker = Taker(most=1)
    reader = Reader(taker, "", LIMIT)
    body = noise(LARGE_BYTES * 2)
    # Of the first request the last bytes are in one read with all of the others.
    sent = post("/", body)
    feed(reader, sent[:-10], [1 << 30])
    assert reader.large is not None
    reader.large.vacant[:] = sent[-10:]
    reader.filled(10)
    shared = bytearray(GET + sent[:SLICE_BYTES])
    reader.read(memoryview(shared))
    shared[:] = b"\xff" * len(shared)
    assert len(taker.taken) == 1
    taker.most = 3
    reader.read_rest()
    feed(reader, sent[SLICE_BYTES:], [1 << 30])
    assert [request.body for request, _ in taker.taken] == [body, b"", body]


def test_what_is_kept_unread_is_no_memory_that_others_read_to() -> None:
    taker = Taker(most=1)
    reader = Reader(taker, "", LIMIT)
    bodies = [noise(BODY_SLICE_BYTES + 1, seed) for seed in range(3)]
    feed(reader, b"".join(post("/", body) for body in bodies), [1 << 30])
    assert len(taker.taken) == 1
    taker.most = 3
    reader.read_rest()
    assert [request.body for request, _ in taker.taken] == bodies


def test_a_body_that_is_not_waited_for_any_more_is_forgotten() -> None:
    reader = Reader(Taker(), "", LIMIT)
    feed(reader, post("/", noise(LIMIT))[:-1], [1 << 30])
    assert reader.large is not None
    reader.drop_rest()
    assert reader.large is None


def test_no_memory_for_a_body_is_an_error_of_its_request(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(large_body.np, "empty", no_memory)
    reader = Reader(Taker(), "", LIMIT)
    feed(reader, post("/", noise(LIMIT)), [1 << 30])
    assert reader.error is not None
    assert (reader.error.status, reader.error.close) == (500, True)


def test_bytes_are_taken_as_far_as_there_is_room() -> None:
    body = LargeBody(5, {}, [b"ab", bytearray(b"c")])
    assert body.take(memoryview(b"defg")) == 2
    assert not body.vacant
    assert body.take(b"h") == 0
    assert body.complete() == b"abcde"
