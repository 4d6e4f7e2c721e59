from collections.abc import Iterator

import pytest

from support import kubernetes_api
from support.kubernetes_api import KubernetesApi


@pytest.fixture
def api() -> Iterator[KubernetesApi]:
    """A small API server of its own."""
    api = KubernetesApi()
    server = kubernetes_api.serve(api)
    yield api
    server.shutdown()
    server.server_close()
