"""A slice of what `make fuzz` does to the ports that speak TLS, with a seed."""

import random
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import psutil
import pytest

from modelberth_server.grpc_v2 import inference_pb2 as pb
from serving.authorities import Authority
from serving.fuzz.handshakes import Handshakes, Session
from serving.fuzz.ports import grpc_address
from serving.models import IRIS, ModelFile
from serving.processes import ServerProcess, launcher, wait_until

CONNECTIONS = 250
HEADER_SECONDS = 1.0


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "ours")


@pytest.fixture(scope="module")
def server(ours: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    pair = ours.issue("server")
    with launcher(tmp_path_factory.mktemp("tls")) as launch:
        server = launch(
            ModelFile.at(IRIS).environ(
                MODELBERTH_GRPC_PORT="0",
                MODELBERTH_HEADER_TIMEOUT_SECONDS=str(HEADER_SECONDS),
                MODELBERTH_TLS_CERT_FILE=str(pair.cert),
                MODELBERTH_TLS_KEY_FILE=str(pair.key),
            )
        )
        server.wait_until_ready()
        yield server


def answered(server: ServerProcess, ours: Authority) -> None:
    """Both ports answer who means well."""
    url = server.url.replace("http://", "https://")
    response = httpx.get(f"{url}/health/ready", verify=ours.client(), trust_env=False)
    assert response.status_code == 200
    credentials = grpc.ssl_channel_credentials(ours.cert.read_bytes())
    address = "{}:{}".format(*grpc_address(server))
    with grpc.secure_channel(address, credentials, (("grpc.enable_http_proxy", 0),)) as channel:
        invoke = channel.unary_unary("/inference.GRPCInferenceService/ServerReady")
        assert pb.ServerReadyResponse.FromString(invoke(b"", timeout=20)).ready


def port_of(server: ServerProcess, kind: str) -> tuple[str, int]:
    return server.address if kind == "http" else grpc_address(server)


def trusting(ours: Authority, kind: str) -> ssl.SSLContext:
    context = ours.client()
    context.set_alpn_protocols(["http/1.1" if kind == "http" else "h2"])
    return context


@pytest.mark.parametrize("kind", ["http", "grpc"])
def test_broken_handshakes_and_records_harm_nobody_else(
    server: ServerProcess, ours: Authority, kind: str
) -> None:
    answered(server, ours)
    known = len(server.log)
    before = psutil.Process(server.process.pid).children()
    handshakes = Handshakes(port_of(server, kind), trusting(ours, kind), random.Random(20260101))

    handshakes.attack(CONNECTIONS)

    assert "\n".join(handshakes.faults[:10]) == ""
    assert sum(handshakes.cases.values()) == CONNECTIONS
    assert len(handshakes.cases) == 17
    answered(server, ours)
    assert psutil.Process(server.process.pid).children() == before
    assert server.log[known:] == ""


@pytest.mark.parametrize("kind", ["http", "grpc"])
@pytest.mark.parametrize("said", ["nothing", "half a hello", "a hello"])
def test_a_handshake_that_does_not_go_on_is_ended(
    server: ServerProcess, ours: Authority, kind: str, said: str
) -> None:
    worker = psutil.Process(server.process.pid).children()[0]
    before = worker.num_fds()
    clients = [socket.create_connection(port_of(server, kind), 20) for _ in range(30)]
    try:
        for client in clients:
            hello = Session(client, trusting(ours, kind)).hello()
            client.sendall({"nothing": b"", "half a hello": hello[:200], "a hello": hello}[said])
        wait_until(lambda: worker.num_fds() >= before + len(clients), lambda: "not all were accepted")
        answered(server, ours)
        began = time.monotonic()
        for client in clients:
            while client.recv(1 << 16):
                pass
        assert time.monotonic() - began < 20
    finally:
        for client in clients:
            client.close()
    wait_until(lambda: worker.num_fds() <= before, lambda: f"{worker.num_fds()} files, {before} before")


def test_a_port_in_the_clear_is_noticed(ours: Authority, tmp_path: Path) -> None:
    with launcher(tmp_path) as launch:
        server = launch(ModelFile.at(IRIS).environ())
        server.wait_until_ready()
        handshakes = Handshakes(server.address, ours.client(), random.Random(1))
        handshakes.attack(60)
    assert any(fault.startswith("plain text: answered in the clear: b'HTTP") for fault in handshakes.faults)
    assert any(fault.startswith("broken record: ") for fault in handshakes.faults)
