"""The loop that other tests trust: what it counts, and that it never tries twice."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from support.request_loop import Counts, RequestLoop

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n"setosa"'
CLOSING = b'HTTP/1.1 200 OK\r\nConnection: close\r\nX-Revision: b\r\nContent-Length: 8\r\n\r\n"setosa"'
OTHER = b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n"cactus"'
DOWN = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nlate"

Answer = Callable[[int], bytes]


@contextlib.contextmanager
def server(answer: Answer) -> Iterator[str]:
    """A server that gives `answer(n)` to the n-th request; no bytes close the connection."""
    seen, ready, address = iter(range(10**9)), threading.Event(), []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                await reader.readuntil(b'"input": [[5.1, 3.5, 1.4, 0.2]]}')
                content = answer(next(seen))
                writer.write(content)
                if not content or b"Connection: close" in content:
                    break
        writer.close()

    async def serve() -> None:
        listening = await asyncio.start_server(handle, "127.0.0.1", 0)
        address.append(listening.sockets[0].getsockname()[1])
        ready.set()
        while not over.is_set():
            await asyncio.sleep(0.01)
        listening.close()

    over = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(5)
    try:
        yield f"http://127.0.0.1:{address[0]}/predict"
    finally:
        over.set()
        thread.join()


def called(answer: Answer, requests: int = 60, **more: object) -> Counts:
    with server(answer) as url, RequestLoop(url, pause_s=0, **more).running() as counts:  # type: ignore[arg-type]
        deadline = time.monotonic() + 10
        while counts.sent < requests and time.monotonic() < deadline:
            time.sleep(0.001)
    assert counts.sent >= requests
    return counts


def test_every_request_is_answered_half_of_the_callers_on_one_connection() -> None:
    counts = called(lambda n: OK)
    assert counts.ok == counts.sent
    assert dict(counts.failed) == {}
    assert 2 < counts.connections < counts.sent


def test_a_connection_that_the_server_wants_closed_is_not_used_again() -> None:
    counts = called(lambda n: CLOSING, header="X-Revision")
    # Each of the four callers may have opened one more when the loop ended.
    assert counts.ok == counts.sent <= counts.connections <= counts.sent + 4
    assert dict(counts.answered_by) == {"b": counts.ok}


def test_a_mark_in_the_body_tells_who_answered() -> None:
    counts = called(lambda n: OTHER if n % 2 else OK, marks=(b'"setosa"', b'"cactus"'))
    assert counts.answered_by.keys() == {'"setosa"', '"cactus"'}
    assert counts.answered_by.total() == counts.ok == counts.sent
    neither = called(lambda n: OK, marks=(b'"rose"',))
    assert set(neither.failed) == {'another answer: "setosa"'}
    assert neither.ok == neither.answered_by.total() == 0


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (DOWN, "status 503: late"),
        (OTHER, 'another answer: "cactus"'),
        (b"", "no answer: IncompleteReadError"),
        (
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nhalf",
            "no answer: IncompleteReadError",
        ),
    ],
)
def test_what_fails_is_counted_once_with_its_reason(answer: bytes, reason: str) -> None:
    counts = called(lambda n: answer if n % 10 == 3 else OK)
    assert counts.ok + sum(counts.failed.values()) == counts.sent
    assert set(counts.failed) == {reason}
    assert counts.failed[reason] >= 6


def test_nobody_who_listens_is_a_failure_for_each_request() -> None:
    with server(lambda n: OK) as url:
        pass
    with RequestLoop(url).running() as counts:
        deadline = time.monotonic() + 10
        while counts.sent < 8 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert counts.ok == 0
    assert sum(counts.failed.values()) == counts.sent >= 8
    assert set(counts.failed) == {"no connection: ConnectionRefusedError"}
