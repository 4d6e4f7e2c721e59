"""What a stranger makes of the bytes of a valid message, and of a call as a whole."""

import random
from collections.abc import Callable

import grpc

from modelberth_server.grpc_v2 import inference_pb2 as pb
from serving.fuzz.call import (
    INVALID,
    LATE,
    MAX_BODY_BYTES,
    NAMES,
    NO_METHOD,
    OK,
    TOO_LARGE,
    UNKNOWN_MODEL,
    Call,
    call,
)


def _flipped(data: bytes, draw: random.Random) -> Call:
    changed = bytearray(data)
    for _ in range(draw.choice([1, 1, 2, 8])):
        at = draw.randrange(len(changed) + 1)
        changed[at : at + draw.choice([0, 1, 1, 4])] = draw.randbytes(draw.choice([0, 1, 1, 3]))
    return call("flipped bytes", bytes(changed), OK, INVALID, UNKNOWN_MODEL)


def _cut(data: bytes, draw: random.Random) -> Call:
    return call("cut", data[: draw.randrange(len(data))], OK, INVALID)


def _noise(_: bytes, draw: random.Random) -> Call:
    data = draw.randbytes(draw.choice([1, 10, 100, 3000]))
    return call("noise", data, INVALID, UNKNOWN_MODEL)


def _name_that_is_no_utf8(data: bytes, draw: random.Random) -> Call:
    bad = draw.choice([b"\xff", b"\xc3\x28", b"\xed\xa0\x80"])
    field = draw.choice([b"\x0a", b"\x12", b"\x1a"])
    return call("a string that is no UTF-8", data + field + bytes([len(bad)]) + bad, INVALID)


def _unknown_field(data: bytes, draw: random.Random) -> Call:
    more = draw.choice([b"\xf8\x3f\x01", b"\xfa\x3f\x03abc", b"\xf9\x3f" + bytes(8)])
    return call("unknown field", data + more * draw.choice([1, 1000]), OK)


def _nested(_: bytes, draw: random.Random) -> Call:
    return call("nested", draw.choice([b"\x0b", b"\xfb\x3f"]) * draw.choice([99, 101, 200_000]), INVALID)


def _length(data: bytes, draw: random.Random) -> Call:
    """A field that is as long as its bytes say, which are more than there are."""
    tag = draw.choice([b"\x0a", b"\x2a", b"\x3a"])
    size = draw.choice([b"\xff\xff\xff\xff\x07", b"\xff" * 9 + b"\x01", b"\xff" * 20, b"\x80"])
    return call("a field too long", data + tag + size, INVALID)


def _packed(data: bytes, draw: random.Random) -> Call:
    """Numbers of an input as its only content: without name, datatype and, at times, without an end."""
    inner = b"\x1a" + draw.choice([b"\x0a" + b"\xff" * 9 + b"\x01", b"\x02\xff\xff", b"\x01\x80"])
    return call("packed numbers", data + b"\x2a" + bytes([len(inner)]) + inner, INVALID)


def _oversize(data: bytes, draw: random.Random) -> Call:
    more = b"\xfa\x3f\x80\x80\xc0\x00" + bytes(MAX_BODY_BYTES)
    compression = draw.choice([None, grpc.Compression.Gzip, grpc.Compression.Deflate])
    return call("oversize", data + more, TOO_LARGE, compression=compression)


def _bomb(_: bytes, draw: random.Random) -> Call:
    data = bytes(draw.choice([1 << 22, 1 << 24]))
    return call("bomb", data, TOO_LARGE, compression=grpc.Compression.Gzip)


BYTES: tuple[Callable[[bytes, random.Random], Call], ...] = (
    *(_flipped,) * 8,
    *(_cut,) * 4,
    *(_noise,) * 4,
    *(_name_that_is_no_utf8,) * 2,
    *(_unknown_field, _nested, _length, _packed),
    *(_oversize, _bomb),
)


def _other_method(message: pb.ModelInferRequest, draw: random.Random) -> Call:
    method = draw.choice(["RepositoryIndex", "", "modelinfer", "ModelInfer/", "ModelStreamInfer", "x" * 4000])
    return call("no such method", message.SerializeToString(), NO_METHOD, method=method)


def _state(_: pb.ModelInferRequest, draw: random.Random) -> Call:
    data = draw.choice([b"", draw.randbytes(50), b"\x0b" * 500])
    return call(
        "of the server", data, OK, method=draw.choice(["ServerLive", "ServerReady", "ServerMetadata"])
    )


def _model(message: pb.ModelInferRequest, draw: random.Random) -> Call:
    method = draw.choice(["ModelReady", "ModelMetadata"])
    asked = pb.ModelReadyRequest(name=message.model_name)
    kind, allowed = "valid", (OK,)
    data = asked.SerializeToString()
    match draw.randrange(4):
        case 1:
            data = pb.ModelReadyRequest(name=draw.choice([*NAMES, "a/b"])).SerializeToString()
            kind, allowed = "model name", (INVALID, UNKNOWN_MODEL)
        case 2:
            asked.version = draw.choice([*NAMES[1:], "1/ready"])
            kind, allowed, data = "model version", (UNKNOWN_MODEL,), asked.SerializeToString()
        case 3:
            kind, allowed, data = "noise", (INVALID, UNKNOWN_MODEL), draw.randbytes(40)
    return call(kind, data, *allowed, method=method)


def _metadata(message: pb.ModelInferRequest, draw: random.Random) -> Call:
    pair = draw.choice(
        [
            ("x-request-id", "a" * 3000),
            ("x-request-id", " ~"),
            ("x-a-bin", bytes(range(256))),
            ("traceparent", "00-" + "a" * 32 + "-" + "b" * 16 + "-01"),
            ("traceparent", "ff" * 99),
            ("authorization", "Basic"),
            ("content-length", "-1"),
            ("inference-header-content-length", "9" * 30),
            ("x-forwarded-for", "x" * 3000),
        ]
    )
    return call("metadata", message.SerializeToString(), OK, metadata=(pair,) * draw.choice([1, 2]))


def _much_metadata(message: pb.ModelInferRequest, draw: random.Random) -> Call:
    pairs = draw.choice([(("x-a", "a" * 90_000),), tuple((f"x-{index}", "a" * 90) for index in range(400))])
    return call("too much metadata", message.SerializeToString(), TOO_LARGE, metadata=pairs)


def _impatient(message: pb.ModelInferRequest, draw: random.Random) -> Call:
    """The one case in which no answer is right: it is what the caller asked for."""
    timeout = draw.choice([0.0001, 0.001, 0.003])
    return call("impatient", message.SerializeToString(), OK, LATE, timeout=timeout)


OTHERS = (
    _other_method,
    _state,
    _state,
    _model,
    _model,
    _model,
    _metadata,
    _metadata,
    _much_metadata,
    _impatient,
)
