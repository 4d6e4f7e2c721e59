"""Hostile clients: what they send costs them their connection, and nobody else anything."""

import contextlib
import re
import socket
import struct
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest

from serving.models import ModelFile
from serving.processes import Launch, ServerProcess, answer_on, launcher, predict, wait_until

BODY = b'{"input": [[5.1, 3.5, 1.4, 0.2]]}'
PREDICT = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)
LIVE = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST /predict HTTP/1.1\r\nhost: x\r\n"
LAST = b"GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"
HEADER_SECONDS = 0.5
MIB = 2**20


@pytest.fixture(scope="module")
def server(iris: ModelFile, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with launcher(tmp_path_factory.mktemp("faults")) as launch:
        server = launch(
            iris.environ(
                MODELBERTH_HEADER_TIMEOUT_SECONDS=str(HEADER_SECONDS), MODELBERTH_TIMEOUT_SECONDS="1"
            )
        )
        server.wait_until_ready()
        yield server
        assert "ERROR" not in server.log
        assert "Traceback" not in server.log


@pytest.fixture
def connection(server: ServerProcess) -> Iterator[socket.socket]:
    with socket.create_connection(server.address, timeout=10) as client:
        yield client


def resident(server: ServerProcess) -> int:
    """Bytes in memory of the processes that serve."""
    parent = psutil.Process(server.process.pid)
    return sum(process.memory_info().rss for process in (parent, *parent.children(recursive=True)))


def everything(client: socket.socket) -> bytes:
    """What arrives until the server closes."""
    return b"".join(iter(lambda: client.recv(65536), b""))


def error(answer: bytes) -> tuple[int, str]:
    """The status and message of the last answer, which has to be a refusal that ends the connection."""
    head, _, body = answer[answer.rindex(b"HTTP/1.1 ") :].partition(b"\r\n\r\n")
    assert b"\r\nconnection: close" in head
    message = re.fullmatch(rb'\{"error":"(.+)"\}', body)
    assert message is not None, answer
    return int(head[9:12]), message[1].decode()


def still_serves(server: ServerProcess) -> bool:
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        return predict(client, [[5.1, 3.5, 1.4, 0.2]]).json()["predictions"] == ["setosa"]


LENGTHS = b"content-length: 2\r\n"
REFUSED = {
    "two content-lengths": (POST + LENGTHS * 2 + b"\r\n{}", 400, "request: "),
    "two other content-lengths": (POST + LENGTHS + b"content-length: 9\r\n\r\n{}", 400, "request: "),
    "content-length and chunked": (
        POST + LENGTHS + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        "request: ",
    ),
    "chunked and content-length": (
        POST + b"transfer-encoding: chunked\r\n" + LENGTHS + b"\r\n0\r\n\r\n",
        400,
        "request: ",
    ),
    "a coding that is not spoken": (
        POST + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        400,
        "transfer-encoding: 'gzip, chunked', expected chunked",
    ),
    "a coding after chunked": (POST + b"transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400, "request: "),
    "two codings": (
        POST + b"transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n",
        400,
        "request: ",
    ),
    "nearly chunked": (POST + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n", 400, "transfer-encoding: "),
    "chunked after a tab": (POST + b"transfer-encoding:\tchunked\x0b\r\n\r\n0\r\n\r\n", 400, ""),
    "no content-length": (POST + b"content-length:\r\n\r\n", 400, "request: Empty Content-Length"),
    "a signed content-length": (POST + b"content-length: +2\r\n\r\n{}", 400, "request: "),
    "a negative content-length": (POST + b"content-length: -2\r\n\r\n{}", 400, "request: "),
    "a content-length with an underscore": (POST + b"content-length: 1_0\r\n\r\n{}", 400, "request: "),
    "an endless content-length": (POST + b"content-length: " + b"9" * 40 + b"\r\n\r\n{}", 400, "request: "),
    "a length beyond the limit": (POST + b"content-length: 1048577\r\n\r\n{}", 413, "body: more than the"),
    "a chunk size that overflows": (CHUNKED + b"f" * 20 + b"\r\n", 400, "request: Chunk size overflow"),
    "a chunk size that is none": (CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n", 400, "request: "),
    "a chunk that is longer than it says": (CHUNKED + b"2\r\n{}{}\r\n0\r\n\r\n", 400, "request: "),
    "bare line feeds": (b"GET /health/live HTTP/1.1\nhost: x\n\n", 400, "request: "),
    "bare line feeds between chunks": (CHUNKED + b"2\n{}\n0\n\n", 400, "request: "),
    "bare carriage returns": (b"GET /health/live HTTP/1.1\rhost: x\r\r", 400, "request: "),
    "a folded header": (LIVE[:-2] + b"x: a\r\n b\r\n\r\n", 400, "request: "),
    "a folded first header": (b"GET / HTTP/1.1\r\n host: x\r\n\r\n", 400, "request: "),
    "a space before the colon": (b"GET / HTTP/1.1\r\nhost : x\r\n\r\n", 400, "request: "),
    "a zero byte in a header": (LIVE[:-2] + b"x: a\0b\r\n\r\n", 400, "request: "),
    "a zero byte in the path": (b"GET /health\0 HTTP/1.1\r\nhost: x\r\n\r\n", 400, "request: "),
    "a header without a name": (LIVE[:-2] + b": x\r\n\r\n", 400, "request: "),
    "no host": (b"GET /health/live HTTP/1.1\r\n\r\n", 400, "host: this header is missing"),
    "two hosts": (LIVE[:-2] + b"Host: y\r\n\r\n", 400, "host: this header is there twice"),
    "HTTP/0.9": (b"GET /health/live\r\n\r\n", 400, ""),
    "HTTP/1.2": (b"GET /health/live HTTP/1.2\r\nhost: x\r\n\r\n", 400, "request: Invalid HTTP version"),
    "HTTP/2 without asking": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "request: "),
    "a method of one's own": (b"FETCH / HTTP/1.1\r\nhost: x\r\n\r\n", 400, "request: Invalid method"),
    "a tunnel": (b"CONNECT a:1 HTTP/1.1\r\nhost: x\r\n\r\n", 400, "method: CONNECT is for proxies"),
    "TLS": (bytes.fromhex("16030100c8010000c40303"), 400, "request: "),
    "ten thousand headers": (
        LIVE[:-2] + b"".join(b"h%d: 1\r\n" % index for index in range(10_000)) + b"\r\n",
        431,
        "headers: at most 128 ",
    ),
    "one header ten thousand times": (LIVE[:-2] + b"h: 1\r\n" * 10_000 + b"\r\n", 431, "headers: at most"),
    "a huge header": (LIVE[:-2] + b"h: " + b"x" * 100_000 + b"\r\n\r\n", 431, "headers: at most 128 "),
    "a huge target": (b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 414, "path: more than"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_two_servers_could_read_in_two_ways_ends_the_connection(
    server: ServerProcess, connection: socket.socket, case: str
) -> None:
    """An answer before it still arrives, and what is smuggled behind it is no request."""
    data, status, message = REFUSED[case]
    connection.sendall(LIVE + data + LIVE)
    answer = everything(connection)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.count(b"HTTP/1.1 ") == 2
    assert error(answer)[0] == status
    assert error(answer)[1].startswith(message)
    assert still_serves(server)


ENDLESS = {
    "header": POST + b"x: ",
    "name": POST + b"x",
    "target": b"GET /",
    "trailer": CHUNKED + b"0\r\nx: ",
    "chunk extension": CHUNKED + b"1;",
    "chunk size": CHUNKED + b"0",
}


@pytest.mark.parametrize("place", ENDLESS)
def test_what_never_ends_is_not_kept(server: ServerProcess, connection: socket.socket, place: str) -> None:
    before = resident(server)
    connection.sendall(ENDLESS[place])
    with contextlib.suppress(OSError):
        for _ in range(32 * 16):
            connection.sendall(b"0" * 65536)
    assert resident(server) - before < 4 * MIB
    assert error(answer_on(connection))[0] in (414, 431)
    assert still_serves(server)


def test_a_body_in_tiny_chunks_takes_no_more_memory_than_its_bytes(
    server: ServerProcess, connection: socket.socket
) -> None:
    before = resident(server)
    connection.sendall(CHUNKED)
    chunks = b"2\r\n  \r\n" * 2**15
    for _ in range(15):  # 960 KiB of the 1 MiB allowed, in half a million chunks
        connection.sendall(chunks)
    connection.sendall(b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY))
    assert b'"predictions":["setosa"]' in answer_on(connection)
    assert resident(server) - before < 8 * MIB


def test_a_trailer_is_no_header(connection: socket.socket) -> None:
    connection.sendall(CHUNKED + b"%x\r\n%s\r\n0\r\ncontent-type: text/plain\r\n\r\n" % (len(BODY), BODY))
    assert b'"predictions":["setosa"]' in answer_on(connection)


@pytest.mark.parametrize("first", [PREDICT, LIVE], ids=["computed", "at once"])
def test_a_thousand_pipelined_requests_are_answered(connection: socket.socket, first: bytes) -> None:
    connection.sendall(first + LIVE * 1000 + PREDICT + LAST)
    answer = everything(connection)
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 1003
    assert answer.count(b'"predictions":["setosa"]') == 1 + (first is PREDICT)
    assert answer.endswith(b'{"status":"live"}')


def test_a_thousand_offers_to_upgrade_are_declined(connection: socket.socket) -> None:
    offer = LIVE[:-2] + b"connection: upgrade\r\nupgrade: websocket\r\n\r\n"
    connection.sendall(offer * 1000 + LAST)
    assert everything(connection).count(b"HTTP/1.1 200 OK\r\n") == 1001


def test_pipelined_requests_are_answered_after_the_client_closed_its_side(connection: socket.socket) -> None:
    connection.sendall(PREDICT * 3 + LIVE)
    connection.shutdown(socket.SHUT_WR)
    answer = everything(connection)
    assert answer.count(b'"predictions":["setosa"]') == 3
    assert answer.endswith(b'{"status":"live"}')


def test_a_client_that_never_reads_is_not_answered_further(server: ServerProcess) -> None:
    """Else 35 bytes of a request would be kept as the 20 KiB of its answer."""
    before = resident(server)
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            client = stack.enter_context(socket.create_connection(server.address, timeout=10))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                client.send(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n" * 5000)
        assert still_serves(server)
        with socket.create_connection(server.address, timeout=10) as other:
            # Each of these comes after a turn of the loop in which all others could have been answered.
            for _ in range(200):
                other.sendall(LIVE)
                assert answer_on(other)
        assert resident(server) - before < 20 * MIB


VERSIONS = {
    "HTTP/1.0": b"GET /health/live HTTP/1.0\r\n\r\n",
    "HTTP/1.0 that would keep the connection": (
        b"GET /health/live HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"
    ),
    "absolute form": b"GET http://x/health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
}


@pytest.mark.parametrize("case", VERSIONS)
def test_older_and_longer_forms_are_answered_and_closed(connection: socket.socket, case: str) -> None:
    connection.sendall(VERSIONS[case])
    answer = everything(connection)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nconnection: close\r\n" in answer


def test_the_body_is_asked_for_where_the_client_waits_to_be_asked(connection: socket.socket) -> None:
    connection.sendall(POST + b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(BODY))
    assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(BODY)
    assert b'"predictions":["setosa"]' in answer_on(connection)


def test_a_body_that_is_too_long_is_not_asked_for(connection: socket.socket) -> None:
    connection.sendall(POST + b"expect: 100-continue\r\ncontent-length: 9999999\r\n\r\n")
    assert error(answer_on(connection))[0] == 413


def test_clients_that_reset_in_the_middle_of_a_body_leave_nothing(server: ServerProcess) -> None:
    for size in (1, 60, 100):
        with socket.create_connection(server.address, timeout=10) as client:
            client.sendall(PREDICT[:size])
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        wait_until(
            lambda: "\nmodelberth_connections 1.0" in client.get("/metrics").text,
            lambda: "connections are left",
        )
        assert "\nmodelberth_in_flight 0.0" in client.get("/metrics").text


SLOW = {
    "nothing but the begin": (b"GET /hea", b"l", "headers: they did not arrive in time"),
    "headers": (LIVE[:-2], b"x: y\r\n", "headers: they did not arrive in time"),
    "body": (POST + b"content-length: 99999\r\n\r\n", b" ", "body: it did not arrive in time"),
    "chunks": (CHUNKED, b"1\r\n \r\n", "body: it did not arrive in time"),
    "headers after another request": (LIVE + LIVE[:-2], b"x: y\r\n", "headers: they did not arrive in time"),
    "a body after another request": (
        PREDICT + POST + b"content-length: 99999\r\n\r\n",
        b" ",
        "body: it did not arrive in time",
    ),
}


@pytest.mark.parametrize("case", SLOW)
def test_a_client_that_trickles_is_told_so_and_cut(connection: socket.socket, case: str) -> None:
    """However much it sends in between: the time is that of the whole."""
    begin, drop, message = SLOW[case]
    connection.sendall(begin)
    received = b""
    connection.settimeout(0.05)
    started = time.monotonic()
    while b" 408 " not in received:
        assert time.monotonic() < started + 10, received
        with contextlib.suppress(TimeoutError):
            received += connection.recv(65536)
        connection.sendall(drop)
    connection.settimeout(10)
    while not received.endswith(b"}"):
        received += connection.recv(65536)
    assert error(received) == (408, message)


def test_a_client_that_stops_to_read_is_cut(slow_reader: socket.socket, reading: ServerProcess) -> None:
    """Other than a client that reads, however slowly."""
    with httpx.Client(base_url=reading.url, trust_env=False) as client:

        def connections() -> float:
            return float(client.get("/metrics").text.partition("\nmodelberth_connections ")[2].split()[0])

        assert connections() == 2
        wait_until(lambda: connections() == 1, lambda: "the connection is kept")
    assert len(everything(slow_reader)) < 6 * MIB


@pytest.fixture
def reading(iris: ModelFile, launch: Launch) -> ServerProcess:
    environ = iris.environ(MODELBERTH_HEADER_TIMEOUT_SECONDS="0.5", MODELBERTH_MAX_BODY_BYTES=str(32 * MIB))
    server = launch(environ)
    server.wait_until_ready()
    return server


@pytest.fixture
def slow_reader(reading: ServerProcess) -> Iterator[socket.socket]:
    """A client with an answer of several MiB before it, of which it has read the beginning."""
    rows = b",".join([b"[5.1,3.5,1.4,0.2]"] * 180_000)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(30)
        client.connect(reading.address)
        client.sendall(POST + b'content-length: %d\r\n\r\n{"input":[%s]}' % (len(rows) + 12, rows))
        head = client.recv(200)
        assert head.startswith(b"HTTP/1.1 200 OK")
        assert int(re.findall(rb"content-length: (\d+)", head)[0]) > 6 * MIB
        yield client


class Full:
    """A server with all the connections that it takes."""

    def __init__(self, server: ServerProcess, connections: list[socket.socket]) -> None:
        self.server = server
        self.connections = connections


LIMIT = 8


@pytest.fixture
def full(slow: ModelFile, launch: Launch) -> Iterator[Full]:
    server = launch(
        slow.environ(MODELBERTH_MAX_CONNECTIONS=str(LIMIT), MODELBERTH_HEADER_TIMEOUT_SECONDS="60")
    )
    server.wait_until_ready()
    with contextlib.ExitStack() as stack:
        yield Full(
            server,
            [stack.enter_context(socket.create_connection(server.address, timeout=30)) for _ in range(LIMIT)],
        )


def is_closed(client: socket.socket) -> bool:
    client.settimeout(0.2)
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


def test_one_connection_too_many_costs_the_one_that_was_idle_for_longest(full: Full) -> None:
    busy, *others = full.connections
    body = b'{"input": [300000]}'
    busy.sendall(POST + b"content-length: %d\r\n\r\n%s" % (len(body), body))
    for client in others:
        client.sendall(LIVE)
        assert b" 200 OK" in answer_on(client)
    oldest = others.pop(3)
    for client in others:
        # The time of the server has a resolution of 0.1 s.
        time.sleep(0.11 if client is others[0] else 0)
        client.sendall(LIVE)
        assert b" 200 OK" in answer_on(client)
    with socket.create_connection(full.server.address, timeout=30) as newcomer:
        newcomer.sendall(LIVE)
        assert b" 200 OK" in answer_on(newcomer)
        assert is_closed(oldest)
        assert not any(is_closed(client) for client in others)
        busy.settimeout(30)
        assert b'"predictions":' in answer_on(busy)


def test_a_burst_of_connections_does_not_exceed_the_limit(full: Full) -> None:
    with contextlib.ExitStack() as stack:
        burst = [
            stack.enter_context(socket.create_connection(full.server.address, timeout=30)) for _ in range(50)
        ]
        clients = [*full.connections, *burst]
        wait_until(
            lambda: sum(not is_closed(client) for client in clients) <= LIMIT,
            lambda: "more connections are open than the limit allows",
        )
        with socket.create_connection(full.server.address, timeout=30) as newcomer:
            newcomer.sendall(LIVE)
            assert b" 200 OK" in answer_on(newcomer)


LIMITED = """
import resource, sys
from modelberth_server.__main__ import main
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
sys.argv = ["modelberth_server"]
sys.exit(main())
"""


@pytest.mark.parametrize(("soft", "hard", "kept"), [(128, 128, 64), (128, 4096, 200)])
def test_more_connections_than_open_files_are_allowed_turn_no_client_away(
    iris: ModelFile, launch: Launch, soft: int, hard: int, kept: int
) -> None:
    server = launch(
        iris.environ(MODELBERTH_MAX_CONNECTIONS="1000"), code=LIMITED.format(soft=soft, hard=hard)
    )
    server.wait_until_ready()
    assert ("MODELBERTH_MAX_CONNECTIONS: 1000, but" in server.log) == (kept == 64)
    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(200):
            clients.append(stack.enter_context(socket.create_connection(server.address, timeout=30)))
            clients[-1].sendall(LIVE)
            assert b" 200 OK" in answer_on(clients[-1])
        for client in clients:
            client.setblocking(False)
        wait_until(
            lambda: sum(not is_gone(client) for client in clients) == kept,
            lambda: "another number of connections is kept",
        )


def is_gone(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True
    except BlockingIOError:
        return False
