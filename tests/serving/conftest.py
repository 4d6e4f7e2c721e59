import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from serving.authorities import Authority
from serving.model_sources import StandIn, web
from serving.models import IRIS, ModelFile, loop_model
from serving.processes import Launch, ServerProcess, launcher


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Start a server: `launch(environ, inherited=(), code=None)`; HOST is loopback, PORT a free one."""
    with launcher(tmp_path) as start:
        yield start


@pytest.fixture(scope="session")
def iris() -> ModelFile:
    return ModelFile.at(IRIS)


@pytest.fixture(scope="session")
def slow(tmp_path_factory: pytest.TempPathFactory) -> ModelFile:
    """A model that computes as long as its input says; see `loop_model`."""
    return ModelFile.write(tmp_path_factory.mktemp("slow") / "slow.onnx", loop_model())


@pytest.fixture(scope="session")
def iris_server(iris: ModelFile, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One server for all tests that only talk to it."""
    with launcher(tmp_path_factory.mktemp("iris")) as start:
        names = {"MODELBERTH_MODEL_NAME": "iris", "MODELBERTH_MODEL_VERSION": "3"}
        server = start(iris.environ(**names, MODELBERTH_REVISION="blue-7"))
        server.wait_until_ready()
        yield server
        assert "ERROR" not in server.log


@pytest.fixture
def client(iris_server: ServerProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=iris_server.url, trust_env=False) as http:
        yield http


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"), "ours")


@pytest.fixture
def site(authority: Authority) -> Iterator[StandIn]:
    """A web server with a certificate of `authority`, for models to be fetched from."""
    pair = authority.issue("server")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair.cert, pair.key)
    with web(tls) as started:
        yield started
