from collections.abc import Iterator

import pytest

from support import vertex_api
from support.vertex_api import VertexApi
from support.vertex_resources import World


@pytest.fixture
def vertex() -> Iterator[VertexApi]:
    """A small Vertex AI API of its own, with an endpoint and three versions of a model."""
    api = VertexApi()
    api.add_endpoint()
    api.add_model(f"{vertex_api.PARENT}/models/iris", versions=3)
    server = vertex_api.serve(api)
    yield api
    server.shutdown()
    server.server_close()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """The same for our resources, without a server."""
    return World(monkeypatch)
