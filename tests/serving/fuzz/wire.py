"""Streams that are no clean HTTP: each has a connection of its own, which the client then half closes."""

import random
from dataclasses import dataclass

from serving.fuzz.messages import Message

LIVE = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n"


@dataclass(frozen=True)
class Stream:
    """Bytes for a connection.

    Attributes:
        kind: for the tally
        data: what is sent
        answers: the least and the most responses that are right

    """

    kind: str
    data: bytes
    answers: tuple[int, int]
    reset: bool = False


def stream(message: Message, draw: random.Random) -> Stream:
    """Make a stream of a request."""
    return draw.choice(_MAKERS)(message, draw)


def _flipped(message: Message, draw: random.Random) -> Stream:
    data = bytearray(message.wire())
    end = data.index(b"\r\n\r\n") + 4
    for _ in range(draw.choice([1, 1, 2, 5])):
        at = draw.randrange(end)
        data[at : at + draw.choice([0, 1, 1, 2])] = draw.choice(
            [
                b"\r",
                b"\n",
                b"\0",
                b" ",
                b"\t",
                b":",
                b"\r\n",
                b"\xff",
                b"",
                draw.randbytes(1),
                draw.randbytes(4),
            ]
        )
    return Stream("flipped head", bytes(data), (0, 99))


def _cut(message: Message, draw: random.Random) -> Stream:
    data = message.wire()
    return Stream("cut", data[: draw.randrange(len(data))], (0, 1), reset=draw.random() < 0.3)


def _framing(message: Message, draw: random.Random) -> Stream:
    size = len(message.body)
    lines = draw.sample(
        [
            b"content-length: %d" % size,
            b"content-length: %d" % size,
            b"content-length: %d" % (size + 1),
            b"content-length: 0",
            b"Content-Length : %d" % size,
            b"content-length: %d, %d" % (size, size),
            b"content-length: 0x%x" % size,
            b"content-length: 99999999999",
            b"content-length: -1",
            b"transfer-encoding: chunked",
            b"transfer-encoding: chunked",
            b"Transfer-Encoding: \tchunked",
            b"transfer-encoding: xchunked",
            b"transfer-encoding: identity, chunked",
            b"transfer-encoding:\r\n chunked",
            b"transfer-encoding: chunked\r\n\tx",
            b"connection: close, te",
            b"expect: 100-continue",
            b"expect: x",
        ],
        draw.choice([1, 2, 2, 3]),
    )
    head = [b"POST %s HTTP/1.1" % message.path.encode("latin-1"), b"host: x", *lines]
    body = message.body if draw.random() < 0.5 else _chunks(message.body, draw)
    return Stream("framing", b"\r\n".join(head) + b"\r\n\r\n" + body + LIVE, (0, 99))


def _chunks(body: bytes, draw: random.Random) -> bytes:
    parts = []
    at = 0
    while at < len(body):
        size = draw.choice([1, 3, 1000])
        part = body[at : at + size]
        at += size
        parts.append(
            b"%x%s\r\n%s\r\n" % (len(part), draw.choice([b"", b"", b";a=b", b';a="\r"', b" ", b"\t"]), part)
        )
        if draw.random() < 0.02:
            parts.append(draw.choice([b"\r\n", b"-1\r\n", b"fffffffffffffffff\r\n", b"g\r\n", b"1\n"]))
    end = draw.choice([b"0\r\n\r\n", b"0\r\n\r\n", b"0\r\na: b\r\n\r\n", b"00\r\n\r\n", b"0\n\n", b""])
    return b"".join(parts) + end


def _chunked(message: Message, draw: random.Random) -> Stream:
    headers = b"".join(b"%s: %s\r\n" % header for header in message.headers)
    head = b"POST %s HTTP/1.1\r\nhost: x\r\n%stransfer-encoding: chunked\r\n\r\n"
    body = _chunks(message.body, draw)
    return Stream("chunked", head % (message.path.encode("latin-1"), headers) + body, (0, 2))


def _pipelined(message: Message, draw: random.Random) -> Stream:
    count = draw.choice([2, 17, 60])
    return Stream("pipelined", message.wire() * count + LIVE, (count + 1, count + 1))


def _version(message: Message, draw: random.Random) -> Stream:
    version = draw.choice(
        [
            b"HTTP/1.0",
            b"HTTP/0.9",
            b"HTTP/2.0",
            b"HTTP/1.2",
            b"http/1.1",
            b"",
            b"HTTP/1.1 ",
            b"ICE/1.0",
            b"RTSP/1.0",
        ]
    )
    return Stream("version", message.wire().replace(b"HTTP/1.1", version, 1), (0, 2))


def _target(message: Message, draw: random.Random) -> Stream:
    method, target = draw.choice(
        [
            (b"OPTIONS", b"*"),
            (b"GET", b"http://x/health/live"),
            (b"GET", b"http://x"),
            (b"GET", b"http://[::1]:99999/%"),
            (b"CONNECT", b"x:443"),
            (b"CONNECT", b"/"),
            (b"GET", b"health/live"),
            (b"GET", b"/\x80\xff"),
            (b"GET", b"/" + b"a" * 70_000),
            (b"GET", b"/ /"),
            (b"PRI", b"*"),
            (b"SOURCE", b"/"),
        ]
    )
    return Stream("target", b"%s %s HTTP/1.1\r\nhost: x\r\n\r\n" % (method, target) + message.wire(), (0, 2))


def _headers(_: Message, draw: random.Random) -> Stream:
    lines = draw.choice(
        [
            b"".join(b"h%d: 1\r\n" % index for index in range(10_000)),
            b"h: 1\r\n" * 129,
            b"h: " + b"x" * 100_000 + b"\r\n",
            b"h" * 70_000 + b": 1\r\n",
            b"x: y\r\n z\r\n",
            b"host: y\r\n",
            b": y\r\n",
            b"x\r\n",
            b"x: \0\r\n",
            b"upgrade: h2c\r\nconnection: upgrade\r\n",
            b"upgrade: websocket\r\nconnection: upgrade, close\r\n",
        ]
    )
    return Stream("headers", LIVE[:-2] + lines + b"\r\n" + LIVE, (1, 2))


def _upgrades(_: Message, draw: random.Random) -> Stream:
    offer = LIVE[:-2] + b"connection: upgrade\r\nupgrade: x\r\n\r\n"
    count = draw.choice([1, 3, 100])
    return Stream("upgrades", offer * count, (count, count))


def _oversize(message: Message, draw: random.Random) -> Stream:
    head = b"POST %s HTTP/1.1\r\nhost: x\r\n" % message.path.encode("latin-1")
    size = 2**20 + draw.choice([1, 2**33])
    if draw.random() < 0.7:
        return Stream("oversize", head + b"content-length: %d\r\n\r\n" % size + message.body, (1, 1))
    chunk = b"40000\r\n" + bytes(2**18) + b"\r\n"
    return Stream("oversize, chunked", head + b"transfer-encoding: chunked\r\n\r\n" + chunk * 5, (1, 1))


def _noise(_: Message, draw: random.Random) -> Stream:
    return Stream("noise", draw.randbytes(draw.choice([1, 10, 1000])), (0, 1), reset=draw.random() < 0.2)


_MAKERS = (
    *(_flipped,) * 8,
    *(_framing,) * 6,
    *(_chunked,) * 4,
    *(_cut,) * 3,
    *(_version,) * 2,
    *(_target,) * 2,
    *(_noise,) * 2,
    _pipelined,
    _headers,
    _upgrades,
    _oversize,
)
