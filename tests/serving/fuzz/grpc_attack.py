"""Sends calls to a gRPC port, a few at a time on a few channels, and broken HTTP/2 beside them."""

import asyncio
import random
import socket
from collections.abc import Iterator

import grpc
import grpc.aio

from serving.fuzz.call import Call
from serving.fuzz.judge import Judgement

Address = tuple[str, int]
CHANNELS = 4
CALLS = 4
SECONDS = 30
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


async def send_calls(address: Address, calls: Iterator[Call], judgement: Judgement) -> None:
    """Make all calls, and judge what each comes to."""
    async with asyncio.TaskGroup() as group:
        for _ in range(CHANNELS):
            group.create_task(_on_a_channel(address, calls, judgement))


async def _on_a_channel(address: Address, calls: Iterator[Call], judgement: Judgement) -> None:
    options = (
        ("grpc.enable_http_proxy", 0),
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.max_send_message_length", -1),
    )
    async with grpc.aio.insecure_channel("{}:{}".format(*address), options) as channel:

        async def send() -> None:
            for call in calls:
                judgement.call(call, *await _send(channel, call))

        async with asyncio.TaskGroup() as group:
            for _ in range(CALLS):
                group.create_task(send())


async def _send(channel: grpc.aio.Channel, call: Call) -> tuple[grpc.StatusCode, str]:
    invoke = channel.unary_unary(f"/inference.GRPCInferenceService/{call.method}")
    try:
        await invoke(call.data, **{"timeout": SECONDS, **dict(call.options)})
    except grpc.aio.AioRpcError as error:
        return error.code(), error.details() or ""
    return grpc.StatusCode.OK, ""


def send_frames(address: Address, draw: random.Random, number: int) -> None:
    """Send what is no HTTP/2, each on its own connection; at the end each is closed or reset."""
    for _ in range(number):
        with socket.create_connection(address, SECONDS) as client:
            frames = b"".join(_frame(draw) for _ in range(draw.choice([1, 3, 20])))
            try:
                client.sendall(draw.choice([PREFACE, PREFACE, PREFACE, b"", PREFACE[:-3]]) + frames)
                if draw.random() < 0.5:
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(1 << 16):
                        pass
                else:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            except TimeoutError:
                raise
            except OSError:
                # Closed before all was sent.
                continue


def _frame(draw: random.Random) -> bytes:
    """A frame of any type, whose length is at times not that of its payload."""
    payload = draw.randbytes(draw.choice([0, 4, 6, 8, 100, 5000]))
    length = draw.choice([len(payload), len(payload), len(payload), 0, 2**24 - 1])
    kind = draw.choice([*range(10), 255])
    stream = draw.choice([0, 1, 1, 3, 2, 2**31 - 1])
    return (
        length.to_bytes(3, "big") + bytes([kind, draw.randrange(256)]) + stream.to_bytes(4, "big") + payload
    )
