"""The end of a server costs no request: not in flight, not on an idle connection, not across a hand-over."""

import asyncio
import http.client
import json
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from serving.callers import Caller, get, post
from serving.models import ModelFile
from serving.processes import Launch, ServerProcess, wait_until

FLOWER = [[5.1, 3.5, 1.4, 0.2]]
BODY = json.dumps({"input": FLOWER})
JSON = {"content-type": "application/json"}
CLIENTS = 4
REQUESTS = 3000
CALLERS = 8
TERMINATIONS = 3
PER_TERMINATION = 2000


@pytest.fixture
def server(iris: ModelFile, launch: Launch) -> ServerProcess:
    server = launch(iris.environ(MODELBERTH_DRAIN_SECONDS="60"))
    server.wait_until_ready()
    return server


@pytest.fixture
def connection(server: ServerProcess) -> Iterator[http.client.HTTPConnection]:
    """A client that never looks whether its connection is still open, and never tries again."""
    with closing(http.client.HTTPConnection(*server.address, timeout=30)) as client:
        yield client


def ask(
    connection: http.client.HTTPConnection, path: str = "/predict"
) -> tuple[http.client.HTTPResponse, str]:
    connection.request(*(("POST", path, BODY, JSON) if path == "/predict" else ("GET", path)))
    response = connection.getresponse()
    return response, response.read().decode()


def refuses_connections(server: ServerProcess) -> bool:
    try:
        socket.create_connection(server.address, timeout=30).close()
    except ConnectionRefusedError:
        return True
    return False


def test_an_idle_connection_gets_one_more_answer(
    server: ServerProcess, connection: http.client.HTTPConnection
) -> None:
    response, _ = ask(connection)
    assert response.getheader("connection") is None
    server.terminate()
    server.wait_for_log("draining")
    assert refuses_connections(server)
    response, body = ask(connection)
    assert (response.status, json.loads(body)["predictions"]) == (200, ["setosa"])
    assert response.getheader("connection") == "close"
    # That was the last connection: there is nothing left to wait for.
    assert server.exit_status() == 0


def test_readiness_says_that_it_drains(server: ServerProcess, connection: http.client.HTTPConnection) -> None:
    ask(connection)
    server.terminate()
    server.wait_for_log("draining")
    response, body = ask(connection, "/health/ready")
    assert (response.status, json.loads(body)["status"]) == (503, "draining")
    assert server.exit_status() == 0


def test_a_request_in_flight_is_answered(slow: ModelFile, launch: Launch) -> None:
    server = launch(slow.environ())
    server.wait_until_ready()
    with closing(http.client.HTTPConnection(*server.address, timeout=30)) as client:
        client.request("POST", "/predict", json.dumps({"input": [200_000]}), JSON)
        with closing(http.client.HTTPConnection(*server.address, timeout=30)) as other:
            wait_until(
                lambda: "\nmodelberth_in_flight 1.0" in ask(other, "/metrics")[1], lambda: "not in flight"
            )
            server.terminate()
            server.wait_for_log("draining")
            assert ask(other, "/health/live")[0].status == 200
        response = client.getresponse()
        assert (response.status, response.getheader("connection")) == (200, "close")
    assert server.exit_status() == 0


def test_a_body_that_arrives_during_the_drain_is_answered(server: ServerProcess) -> None:
    head = f"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: {len(BODY)}\r\n\r\n".encode()
    with socket.create_connection(server.address, timeout=30) as client:
        client.sendall(head + BODY[:5].encode())
        ask_other = http.client.HTTPConnection(*server.address, timeout=30)
        with closing(ask_other):
            assert ask(ask_other)[0].status == 200
        server.terminate()
        server.wait_for_log("draining")
        client.sendall(BODY[5:].encode())
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nconnection: close\r\n" in answer
    assert server.exit_status() == 0


def test_the_drain_of_silent_connections_is_bounded(iris: ModelFile, launch: Launch) -> None:
    server = launch(iris.environ(MODELBERTH_DRAIN_SECONDS="0.2"))
    server.wait_until_ready()
    with (
        closing(http.client.HTTPConnection(*server.address, timeout=30)) as idle,
        socket.create_connection(server.address) as silent,
        socket.create_connection(server.address) as stuck,
    ):
        ask(idle)
        stuck.sendall(b"POST /predict HTTP/1.1\r\nhost: ")
        server.terminate()
        assert server.exit_status() == 0
        assert silent.recv(1) == b""


def test_a_second_signal_ends_it_at_once(
    server: ServerProcess, connection: http.client.HTTPConnection
) -> None:
    ask(connection)
    server.terminate()
    server.wait_for_log("draining")
    server.terminate()
    assert server.exit_status() == -signal.SIGTERM


class Loop(threading.Thread):
    """A client that asks again and again on one connection, opening a new one only when told `close`."""

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__()
        self._address = address
        self.stop = threading.Event()
        self.answered = 0
        self.closed = 0
        self.failure: Exception | None = None

    def run(self) -> None:
        with closing(http.client.HTTPConnection(*self._address, timeout=30)) as connection:
            try:
                while not self.stop.is_set():
                    response, body = ask(connection)
                    if (response.status, json.loads(body)["predictions"]) != (200, ["setosa"]):
                        raise AssertionError(f"{response.status}: {body}")  # noqa: TRY301 -- one way out
                    self.closed += response.getheader("connection") == "close"
                    self.answered += 1
            except Exception as failure:  # noqa: BLE001 -- the test reports it
                self.failure = failure


def test_no_request_fails_across_hand_overs(iris: ModelFile, launch: Launch) -> None:
    """Three servers, one after the other, on one inherited socket."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as sock:

        def start(revision: str) -> ServerProcess:
            environ = iris.environ(MODELBERTH_LISTEN_FD=str(sock.fileno()), MODELBERTH_REVISION=revision)
            server = launch(environ, inherited=(sock.fileno(),))
            server.wait_until_ready()
            return server

        server = start("r0")
        clients = [Loop(sock.getsockname()[:2]) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        try:
            for turn, revision in enumerate(("r1", "r2"), start=1):
                successor = start(revision)
                server.terminate()
                assert server.exit_status() == 0
                server = successor
                goal = REQUESTS * turn // 2
                wait_until(
                    lambda goal=goal: (  # type: ignore[misc]
                        sum(client.answered for client in clients) >= goal
                        or any(client.failure for client in clients)
                    ),
                    lambda: "the clients stopped",
                )
        finally:
            for client in clients:
                client.stop.set()
            for client in clients:
                client.join()
    assert [client.failure for client in clients] == [None] * CLIENTS
    assert sum(client.answered for client in clients) >= REQUESTS
    # Every client met the drain of both servers that ended.
    assert all(client.closed >= 2 for client in clients)


class Followers:
    """Callers as a load balancer makes them: they look at readiness, and keep their connections till told."""

    def __init__(self, ready: Callable[[], list[tuple[str, int]]]) -> None:
        self._ready = ready
        self.stop = False
        self.answered = 0
        self.failures: list[str] = []

    async def ask(self) -> None:
        request = post("/predict", {"input": FLOWER})
        while not self.stop and not self.failures:
            servers = self._ready()
            if not servers:
                await asyncio.sleep(0.01)
                continue
            await self._ask(servers[self.answered % len(servers)], request)

    async def _ask(self, address: tuple[str, int], request: bytes) -> None:
        """Ask on one connection until the server ends it, or is not ready any more."""
        with Caller(address) as caller:
            while not self.stop and address in self._ready():
                try:
                    answer = await caller.ask(request)
                    assert answer.status == 200, answer
                    assert answer.json["predictions"] == ["setosa"], answer
                except (OSError, asyncio.IncompleteReadError, AssertionError) as failure:
                    self.failures.append(repr(failure))
                    return
                self.answered += 1


@pytest.mark.parametrize("workers", ["1", "2"])
def test_no_request_of_those_who_follow_readiness_is_lost(
    iris: ModelFile, launch: Launch, workers: str
) -> None:
    """Each server has a port of its own; whoever ends has said before that it is not ready."""
    probes_seconds = 0.05
    servers: list[ServerProcess] = []
    ready: set[tuple[str, int]] = set()

    def start() -> ServerProcess:
        server = launch(
            iris.environ(
                MODELBERTH_DRAIN_DELAY_SECONDS="0.5",
                MODELBERTH_DRAIN_SECONDS="30",
                MODELBERTH_WORKERS=workers,
            )
        )
        server.wait_until_ready()
        return server

    async def probe(followers: Followers) -> None:
        """Look at every server as Kubernetes does: what does not say that it is ready is not."""
        while not followers.stop:
            for server in servers:
                try:
                    with Caller(server.address) as caller:
                        fine = (await caller.ask(get("/health/ready"))).status == 200
                except (OSError, asyncio.IncompleteReadError):
                    fine = False
                (ready.add if fine else ready.discard)(server.address)
            await asyncio.sleep(probes_seconds)

    async def hand_over() -> Followers:
        followers = Followers(lambda: sorted(ready))
        servers.extend([await asyncio.to_thread(start), await asyncio.to_thread(start)])
        probing = asyncio.create_task(probe(followers))
        asking = [asyncio.create_task(followers.ask()) for _ in range(CALLERS)]
        for _ in range(TERMINATIONS):
            goal = followers.answered + PER_TERMINATION
            while followers.answered < goal and not followers.failures:
                await asyncio.sleep(0.01)
            old = servers[0]
            old.terminate()
            assert await asyncio.to_thread(old.exit_status) == 0
            servers.append(await asyncio.to_thread(start))
            servers.remove(old)
        followers.stop = True
        await asyncio.gather(probing, *asking)
        return followers

    followers = asyncio.run(hand_over())
    assert followers.failures == []
    assert followers.answered >= TERMINATIONS * PER_TERMINATION
    # It was seen to be not ready while it still answered: the log of each has its drain, and no error.
    assert all("ERROR" not in server.log for server in servers)


def test_new_connections_are_answered_during_the_delay_though_it_is_not_ready(
    iris: ModelFile, launch: Launch
) -> None:
    server = launch(iris.environ(MODELBERTH_DRAIN_DELAY_SECONDS="1.5", MODELBERTH_DRAIN_SECONDS="30"))
    server.wait_until_ready()
    server.terminate()

    def readiness() -> int:
        with closing(http.client.HTTPConnection(*server.address, timeout=30)) as client:
            return ask(client, "/health/ready")[0].status

    wait_until(lambda: readiness() == 503, lambda: "it is still ready")
    with closing(http.client.HTTPConnection(*server.address, timeout=30)) as client:
        response, body = ask(client)
        assert (response.status, json.loads(body)["predictions"]) == (200, ["setosa"])
        # It may be used again: it is not draining yet.
        assert response.getheader("connection") is None
        server.wait_for_log("draining")
        response, _ = ask(client)
        assert (response.status, response.getheader("connection")) == (200, "close")
    assert server.exit_status() == 0


def test_pipelined_requests_that_have_arrived_are_answered_before_the_end(
    slow: ModelFile, launch: Launch
) -> None:
    server = launch(slow.environ())
    server.wait_until_ready()
    body = json.dumps({"input": [100_000]}).encode()
    request = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    with socket.create_connection(server.address, timeout=30) as client:
        client.sendall(request * 5)
        assert client.recv(12) == b"HTTP/1.1 200"
        server.terminate()
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 4
    assert answer.count(b"\r\nconnection: close\r\n") == 1
    assert server.exit_status() == 0
