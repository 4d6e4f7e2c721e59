"""What a stranger makes of a valid message, field by field."""

import random
from collections.abc import Callable

import grpc

from modelberth_server.grpc_v2 import inference_pb2 as pb
from serving.fuzz.call import CONTENTS, INVALID, NAMES, OK, UNKNOWN_MODEL

SIZES = (0, -1, 2**31, 2**32, 2**62, 2**63 - 1, -(2**63))
DATATYPES = ("", "FP16", "fp32", "FP128", "BYTES\0", "INT8", "UINT64", "x" * 3000)


Codes = tuple[grpc.StatusCode, ...]
Mutation = Callable[[pb.ModelInferRequest, random.Random], Codes | None]
"""Changes the message, and returns the statuses that are right; None: it has no meaning for this message."""


def _model_name(message: pb.ModelInferRequest, draw: random.Random) -> Codes:
    message.model_name = draw.choice([*NAMES, "a/b", "model/", "../model", "model/versions/1"])
    return (UNKNOWN_MODEL,) if message.model_name else (INVALID,)


def _model_version(message: pb.ModelInferRequest, draw: random.Random) -> Codes:
    message.model_version = draw.choice([*NAMES[1:], "-1", "01", "9" * 50, "1/ready"])
    return (UNKNOWN_MODEL,)


def _input_name(message: pb.ModelInferRequest, draw: random.Random) -> Codes:
    draw.choice(message.inputs).name = draw.choice([*NAMES[:1], *NAMES[2:]])
    return (INVALID,)


def _datatype(message: pb.ModelInferRequest, draw: random.Random) -> Codes:
    draw.choice(message.inputs).datatype = draw.choice(DATATYPES)
    return (INVALID,)


def _size(message: pb.ModelInferRequest, draw: random.Random) -> Codes:
    tensor = draw.choice(message.inputs)
    tensor.shape[draw.randrange(len(tensor.shape))] = draw.choice(SIZES)
    return (INVALID,)


def _other_rows(message: pb.ModelInferRequest, draw: random.Random) -> Codes:
    tensor = draw.choice(message.inputs)
    tensor.shape[0] += draw.choice([1, 1000])
    return (INVALID,)


def _product_that_wraps(message: pb.ModelInferRequest, draw: random.Random) -> Codes:
    """The product of the sizes is 2**64 and more, of which 64 bits would keep nothing or what was sent."""
    tensor = draw.choice(message.inputs)
    tensor.shape[0] += 2**62
    return (INVALID,)


def _rank(message: pb.ModelInferRequest, draw: random.Random) -> Codes:
    tensor = draw.choice(message.inputs)
    rank = draw.choice([0, len(tensor.shape) + 1, 33, 20_000])
    tensor.shape[:] = [draw.choice([1, 2**62])] * rank
    return (INVALID,)


def _raw_length(message: pb.ModelInferRequest, draw: random.Random) -> Codes | None:
    if not message.raw_input_contents:
        return None
    at = draw.randrange(len(message.raw_input_contents))
    data = message.raw_input_contents[at]
    message.raw_input_contents[at] = draw.choice([b"", data[:-1], data + b"\0", data * 2, bytes(9000)])
    return (INVALID,)


def _raw_count(message: pb.ModelInferRequest, draw: random.Random) -> Codes | None:
    if not message.raw_input_contents:
        return None
    count = draw.choice([1, 1000])
    message.raw_input_contents.extend([b""] * count)
    return (INVALID,)


def _raw_text(message: pb.ModelInferRequest, draw: random.Random) -> Codes | None:
    if not message.raw_input_contents:
        return None
    for at, tensor in enumerate(message.inputs):
        if tensor.datatype == "BYTES":
            rest = message.raw_input_contents[at][4:]
            length = draw.choice([2**32 - 1, 2**31, len(rest) + 1])
            message.raw_input_contents[at] = draw.choice(
                [length.to_bytes(4, "little") + rest, b"\2\0\0\0\xc3\x28" * tensor.shape[0]]
            )
            return (INVALID,)
    return None


def _raw_and_typed(message: pb.ModelInferRequest, _: random.Random) -> Codes:
    if not message.raw_input_contents:
        message.raw_input_contents.extend([b""] * len(message.inputs))
    for tensor in message.inputs:
        tensor.contents.SetInParent()
    return (INVALID,)


def _contents_length(message: pb.ModelInferRequest, draw: random.Random) -> Codes | None:
    tensor = draw.choice(message.inputs)
    if message.raw_input_contents:
        return None
    values = getattr(tensor.contents, CONTENTS[tensor.datatype])
    if draw.random() < 0.5:
        values.extend(values[:1] * draw.choice([1, 5000]))
    else:
        values.pop()
    return (INVALID,)


def _contents_field(message: pb.ModelInferRequest, draw: random.Random) -> Codes | None:
    if message.raw_input_contents:
        return None
    tensor = draw.choice(message.inputs)
    others = {*CONTENTS.values(), "int_contents", "fp64_contents", "uint64_contents"}
    field = draw.choice(sorted(others - {CONTENTS[tensor.datatype]}))
    if draw.random() < 0.5:
        tensor.ClearField("contents")
    getattr(tensor.contents, field).extend([b"x"] if field == "bytes_contents" else [1])
    return (INVALID,)


def _no_utf8(message: pb.ModelInferRequest, draw: random.Random) -> Codes | None:
    for tensor in message.inputs:
        if tensor.datatype == "BYTES" and tensor.contents.bytes_contents:
            tensor.contents.bytes_contents[-1] = draw.choice([b"\xff", b"\xed\xa0\x80", b"a\xc3"])
            return (INVALID,)
    return None


def _no_number(message: pb.ModelInferRequest, draw: random.Random) -> Codes | None:
    """NaN and infinities are numbers of the protocol, unlike those of JSON."""
    for tensor in message.inputs:
        if tensor.contents.fp32_contents:
            tensor.contents.fp32_contents[0] = draw.choice([float("nan"), float("inf"), float("-inf")])
            return (OK,)
    return None


def _input_missing(message: pb.ModelInferRequest, draw: random.Random) -> Codes:
    at = draw.randrange(len(message.inputs))
    del message.inputs[at]
    if message.raw_input_contents and draw.random() < 0.5:
        del message.raw_input_contents[at]
    return (INVALID,)


def _input_twice(message: pb.ModelInferRequest, draw: random.Random) -> Codes:
    for _ in range(draw.choice([1, 2000])):
        message.inputs.add().CopyFrom(message.inputs[0])
        if message.raw_input_contents:
            message.raw_input_contents.append(message.raw_input_contents[0])
    return (INVALID,)


def _output(message: pb.ModelInferRequest, draw: random.Random) -> Codes:
    if message.outputs and draw.random() < 0.5:
        message.outputs.add(name=message.outputs[0].name)
    else:
        message.outputs.add(name=draw.choice(NAMES))
    return (INVALID,)


def _extension(message: pb.ModelInferRequest, draw: random.Random) -> Codes:
    holder = draw.choice([message, *message.inputs, *message.outputs])
    name = draw.choice(["classification", "shared_memory_region", "shared_memory_offset"])
    holder.parameters[name].int64_param = draw.choice([0, 2**62])
    return (INVALID,)


def _parameters(message: pb.ModelInferRequest, draw: random.Random) -> Codes:
    for index in range(draw.choice([1, 3000])):
        message.parameters[f"{index}\0é"].string_param = "x" * draw.choice([0, 30])
    return (OK,)


def _nothing(message: pb.ModelInferRequest, _: random.Random) -> Codes:
    del message.inputs[:]
    del message.raw_input_contents[:]
    return (INVALID,)


MUTATIONS: tuple[Mutation, ...] = (
    *(_model_name, _model_version, _input_name, _datatype, _datatype, _size, _size, _size, _other_rows),
    *(_product_that_wraps, _rank, _raw_length, _raw_length, _raw_count, _raw_text, _raw_and_typed),
    *(_contents_length, _contents_field, _no_utf8, _no_number, _input_missing, _input_twice, _output),
    *(_extension, _parameters, _nothing),
)
