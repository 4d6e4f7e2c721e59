"""Sends the cases: requests with right framing many to a connection, anything else on one of its own."""

import asyncio
import itertools
import random
import socket
from collections.abc import Iterator

from serving.fuzz.judge import Judgement, read
from serving.fuzz.messages import Message, Messages
from serving.fuzz.mutations import mutated
from serving.fuzz.wire import Stream, stream

Address = tuple[str, int]
# Requests that are sent before the first of their responses is read.
AHEAD = 8
CONNECTIONS = 8
OPEN_ROUTES = (
    *(
        "/health/live",
        "/health/ready",
        "/ping",
        "/openapi.json",
        "/v2",
        "/v2/health/live",
        "/v2/health/ready",
    ),
    *("/v2/models/{name}", "/v2/models/{name}/ready", "/v2/models/{name}/versions/{version}"),
    *(
        "/v2/models/{name}/versions/{version}/ready",
        "/v1/models/{name}",
        "/v1/models/{name}/versions/{version}",
    ),
)
ADMIN_ROUTES = ("/metrics", "/health/live", "/health/ready", "/admin/versions")


def requests(messages: Messages, number: int) -> Iterator[Message]:
    """Make requests: valid ones, and mutations of them."""
    draw = messages.draw
    for _ in range(number):
        chance = draw.random()
        if chance < 0.06:
            route = draw.choice(OPEN_ROUTES)
            path = route.replace("{name}", messages.name).replace("{version}", messages.version)
            query = draw.choice(["", "?", "?a=b&c", "?%00", "?" + "q" * 3000])
            message = Message(route, path + query, method=draw.choice([b"GET", b"HEAD"]), kind="valid")
            yield message if draw.random() < 0.5 else _with_body(message, draw)
        elif chance < 0.2:
            yield messages.some()
        else:
            yield mutated(messages.some(), draw)


def admin_requests(draw: random.Random, number: int) -> Iterator[Message]:
    """Make requests for the admin port."""
    for _ in range(number):
        route = draw.choice(ADMIN_ROUTES)
        message = Message(route, route, method=b"GET")
        yield message if draw.random() < 0.5 else _with_body(message, draw)


def _with_body(message: Message, draw: random.Random) -> Message:
    """A body where none belongs changes nothing; another method does."""
    method = draw.choice([message.method, message.method, b"POST", b"DELETE"])
    allowed = {200} if method in (b"GET", b"HEAD") else {405}
    accept = draw.choice([b"", b"application/openmetrics-text; version=9", b"text/plain;version=x", b"\xff"])
    return message.changed(
        "body where none belongs",
        *allowed,
        method=method,
        body=draw.randbytes(draw.choice([1, 500])),
        headers=((b"accept", accept),),
    )


async def send_all(address: Address, messages: Iterator[Message], judgement: Judgement) -> None:
    """Send requests on a few connections at a time; a connection that is closed is replaced."""
    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(_send_some(address, messages, judgement))


async def _send_some(address: Address, messages: Iterator[Message], judgement: Judgement) -> None:
    pending: list[Message] = []
    while True:
        pending += _next(messages, AHEAD - len(pending))
        if not pending:
            return
        reader, writer = await asyncio.open_connection(*address)
        try:
            closed = False
            while pending and not closed:
                writer.write(b"".join(message.wire() for message in pending))
                received, at = b"", 0
                while pending and not closed:
                    response = read(received, at, head_only=pending[0].method == b"HEAD")
                    if response is None:
                        data = await asyncio.wait_for(reader.read(1 << 20), 30)
                        if not data:
                            judgement.lost(pending[0].kind, pending.pop(0).wire())
                            closed = True
                        received, at = received[at:] + data, 0
                        continue
                    at = response.end
                    judgement.message(pending.pop(0), response)
                    # What was sent behind it has to be sent again.
                    closed = response.headers.get(b"connection") == b"close"
                if not closed:
                    pending += _next(messages, AHEAD)
        finally:
            writer.transport.abort()


def _next(messages: Iterator[Message], number: int) -> list[Message]:
    return list(itertools.islice(messages, max(number, 0)))


async def send_streams(address: Address, streams: Iterator[Stream], judgement: Judgement) -> None:
    """Send streams, each on its own connection, a few at a time."""
    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(_send_streams(address, streams, judgement))


async def _send_streams(address: Address, streams: Iterator[Stream], judgement: Judgement) -> None:
    loop = asyncio.get_running_loop()
    for one in streams:
        with socket.socket() as client:
            client.setblocking(False)
            await loop.sock_connect(client, address)
            received = b""
            sending = asyncio.ensure_future(loop.sock_sendall(client, one.data))
            try:
                if one.reset:
                    await sending
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    judgement.stream(one, b"")
                    continue
                sending.add_done_callback(lambda done, client=client: _half_close(client, done))  # type: ignore[misc]
                while data := await asyncio.wait_for(loop.sock_recv(client, 1 << 18), 30):
                    received += data
            except TimeoutError:
                judgement.lost(f"stream {one.kind}", one.data)
                continue
            except ConnectionError:
                # A last response may be lost where the rest of what was sent was not read.
                pass
            finally:
                sending.cancel()
            judgement.stream(one, received)


def _half_close(client: socket.socket, done: "asyncio.Future[None]") -> None:
    if not done.cancelled() and done.exception() is None and client.fileno() >= 0:
        try:
            client.shutdown(socket.SHUT_WR)
        except OSError:
            return


def streams(messages: Messages, number: int) -> Iterator[Stream]:
    """Make streams of valid requests."""
    for _ in range(number):
        yield stream(messages.some(), messages.draw)
