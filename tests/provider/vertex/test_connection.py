"""Which address is asked, and what goes to it."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelberth.provider.resource import ResourceError, Settings
from modelberth.provider.servicer import refused_settings, settings_from
from modelberth.provider.vertex import connection
from support.vertex_api import ENDPOINT, PARENT, VertexApi

HERE = Path()


@pytest.fixture(autouse=True)
def afresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Clients of no other test; how often credentials were looked for."""
    looked: list[str] = []

    def none() -> None:
        looked.append("credentials")
        raise ResourceError("Google Cloud: no credentials")

    monkeypatch.setattr(connection, "application_default", none)
    forget = connection._client.cache_clear
    forget()
    yield looked
    forget()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_on_this_machine_gets_no_token(vertex: VertexApi, afresh: list[str], host: str) -> None:
    address = vertex.address.replace("127.0.0.1", host)
    settings = Settings(HERE, HERE, vertex_endpoint=address)
    client = connection.client_of(settings, "europe-west4")
    assert client.endpoint(ENDPOINT).name == ENDPOINT
    (seen,) = vertex.requests
    assert seen.headers["authorization"] == "Bearer anonymous"
    assert afresh == []
    assert connection.client_of(settings, "us-east1") is client
    client._transport.close()


def test_what_takes_long_ends_when_nobody_waits_any_more(vertex: VertexApi) -> None:
    vertex.looks = 10**6
    settings = Settings(HERE, HERE, vertex_endpoint=vertex.address)
    client = connection.client_of(settings, "europe-west4")
    model = {"id": "7", "model": f"{PARENT}/models/iris@1", "dedicatedResources": {"minReplicaCount": 1}}
    begun = client.deploy(ENDPOINT, model)
    started = time.monotonic()
    threading.Timer(0.3, settings.cancelled.set).start()
    with pytest.raises(
        ResourceError, match=r"Vertex AI: cancelled before GET .*\. Run the same again: it goes"
    ):
        client.wait(begun.name, 3600)
    assert time.monotonic() - started < 1, "in the middle of a wait of a second"
    client._transport.close()


@pytest.mark.parametrize("address", ["", "https://{region}-aiplatform-shop.p.googleapis.com"])
def test_any_other_is_asked_with_credentials(
    monkeypatch: pytest.MonkeyPatch, afresh: list[str], address: str
) -> None:
    settings = Settings(HERE, HERE, vertex_endpoint=address)
    with pytest.raises(ResourceError, match="no credentials"):
        connection.client_of(settings, "europe-west4")
    assert afresh == ["credentials"]
    asked: list[str] = []
    monkeypatch.setattr(connection, "_client", lambda address, _: asked.append(address))
    connection.client_of(settings, "europe-west4")
    expected = "https://europe-west4-aiplatform.googleapis.com"
    assert asked == [address.replace("{region}", "europe-west4") or expected]


@pytest.mark.parametrize(
    "address",
    [
        "http://vertex.example.com",
        "http://10.0.0.1",
        "ftp://127.0.0.1",
        "europe-west4-aiplatform.googleapis.com",
        "https://",
        "https://user:secret@example.com",
        "https://example.com?key=1",
        "https://[",
    ],
)
def test_an_address_where_others_may_read_the_token_is_refused(address: str) -> None:
    (refused,) = refused_settings({"vertexEndpoint": address})
    assert refused.property == "vertexEndpoint"
    assert refused.reason.startswith("vertexEndpoint: given '")
    assert "allowed: an https:// address, or an http:// one of this machine" in refused.reason
    assert "user:secret" not in refused.reason


def test_the_setting_arrives() -> None:
    good = [
        "http://127.0.0.1:1",
        "http://[::1]:1",
        "http://localhost",
        "https://{region}-x.p.googleapis.com/",
    ]
    for address in good:
        assert refused_settings({"vertexEndpoint": address, "root": "."}) == []
        assert settings_from(HERE, {"vertexEndpoint": address}).vertex_endpoint == address
    assert settings_from(HERE, {}).vertex_endpoint == ""
    (refused,) = refused_settings({"vertex": "x"})
    assert refused.reason == "unknown; known: root, stateDir, version, vertexEndpoint"
