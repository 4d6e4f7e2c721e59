"""One region's API: busy, late, slow, refusing; and the tokens that it is asked with."""

import json
import logging
import sys
import types
from typing import Any

import httpx
import pytest

from modelberth.provider.resource import ResourceError
from modelberth.provider.vertex import credentials
from modelberth.provider.vertex.client import VertexClient, address_of
from modelberth.provider.vertex.transport import ApiError, Transport
from support.vertex_api import ENDPOINT, PARENT, RefusedError, VertexApi
from support.vertex_client import TOKEN, Clock, client, plain

MODEL = f"{PARENT}/models/iris"
IMAGE = {"displayName": "shop", "containerSpec": {"imageUri": "europe-docker.pkg.dev/p/r/i@sha256:0"}}
DEPLOYED = {
    "id": "1234567890",
    "model": f"{MODEL}@1",
    "dedicatedResources": {"machineSpec": {"machineType": "n1-standard-4"}, "minReplicaCount": 1},
}


@pytest.mark.parametrize("status", ["UNAVAILABLE", "RESOURCE_EXHAUSTED"])
def test_a_busy_service_is_asked_again_and_less_and_less(vertex: VertexApi, status: str) -> None:
    clock = Clock()
    vertex.refusals["get"] = [RefusedError(status, "Quota exceeded for requests per minute")] * 5
    with client(vertex, clock, longest=5.0) as one:
        assert one.endpoint(ENDPOINT).name == ENDPOINT
    assert clock.slept == [1, 2, 4, 5, 5]
    vertex.refusals["get"] = [RefusedError(status, "Quota exceeded for requests per minute")] * 6
    with client(vertex) as one, pytest.raises(ApiError, match=f"GET {ENDPOINT}: {status}: Quota exceeded"):
        one.endpoint(ENDPOINT)


def test_it_is_asked_when_it_says(vertex: VertexApi) -> None:
    clock = Clock()
    vertex.retry_after = 17
    vertex.refusals["get"] = [RefusedError("RESOURCE_EXHAUSTED", "too fast")]
    with client(vertex, clock) as one:
        one.endpoint(ENDPOINT)
    assert clock.slept == [17]


@pytest.mark.parametrize(
    "message",
    [
        "The following quotas are exceeded: CustomModelServingT4GPUsPerProjectPerRegion",
        "The following quota metrics exceed quota limits: aiplatform.googleapis.com/custom_model_serving",
    ],
)
def test_a_stock_that_is_exhausted_is_told_at_once(vertex: VertexApi, message: str) -> None:
    clock = Clock()
    vertex.refusals["deployModel"] = [RefusedError("RESOURCE_EXHAUSTED", message)]
    with client(vertex, clock) as one, pytest.raises(ApiError, match=r"IAM & Admin > Quotas, or lower"):
        one.deploy(ENDPOINT, DEPLOYED)
    assert not clock.slept


@pytest.mark.parametrize(
    ("status", "message", "told"),
    [
        ("UNAUTHENTICATED", "no", "gcloud auth application-default login"),
        ("PERMISSION_DENIED", "no", r"Grant roles/aiplatform\.user"),
        (
            "PERMISSION_DENIED",
            "Vertex AI API has not been used in project 1",
            "gcloud services enable aiplat",
        ),
        (
            "INVALID_ARGUMENT",
            "machine_type: n1-standard-3.",
            r"INVALID_ARGUMENT: machine_type: n1-standard-3$",
        ),
    ],
)
def test_a_refusal_is_told_once_with_the_way_out(
    vertex: VertexApi, status: str, message: str, told: str
) -> None:
    vertex.refusals["get"] = [RefusedError(status, message)]
    with client(vertex) as one, pytest.raises(ApiError, match=told) as error:
        one.endpoint(ENDPOINT)
    assert len(vertex.requests) == 1
    assert TOKEN not in str(error.value)


def test_an_answer_of_another_form_is_told() -> None:
    sending = httpx.MockTransport(lambda _: httpx.Response(502, text="<html>\nbad gateway</html>"))
    transport = Transport("http://127.0.0.1:1", lambda: TOKEN, pace=Clock().pace(), sending=sending)
    with pytest.raises(ApiError, match="HTTP 502: <html> bad gateway</html>"):
        transport.request("GET", ENDPOINT)


def answered(error: Exception) -> tuple[list[str], VertexClient]:
    """A client whose requests all end in an error, and the requests."""
    seen: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.path)
        raise error

    transport = Transport(
        "http://127.0.0.1:1",
        lambda: TOKEN,
        pace=Clock().pace(attempts=3),
        sending=httpx.MockTransport(handle),
    )
    return seen, VertexClient(transport)


def test_what_may_have_begun_is_not_sent_twice_unless_its_id_is_ours(vertex: VertexApi) -> None:
    seen, one = answered(httpx.ReadTimeout("timed out"))
    with pytest.raises(ResourceError, match=r"no answer from http://127\.0\.0\.1:1: timed out"):
        one.upload(PARENT, IMAGE, model_id="iris")
    assert len(seen) == 3
    for error, times in ((httpx.ReadTimeout("timed out"), 1), (httpx.ConnectError("refused"), 3)):
        seen, one = answered(error)
        with pytest.raises(ResourceError, match="no answer"):
            one.upload(PARENT, IMAGE, parent_model=MODEL)
        assert len(seen) == times
    vertex.refusals["upload"] = [
        RefusedError("RESOURCE_EXHAUSTED", "too fast"),
        RefusedError("UNAVAILABLE", "busy"),
    ]
    with client(vertex) as real, pytest.raises(ApiError, match="busy"):
        real.upload(PARENT, IMAGE, parent_model=MODEL)
    assert len(vertex.sent("upload")) == 2


def test_a_model_is_uploaded_versioned_and_deleted(vertex: VertexApi) -> None:
    vertex.late = 2
    with client(vertex) as one:
        made = one.wait(one.upload(PARENT, IMAGE, model_id="shop").name, 600)
        assert made.response == {"model": f"{PARENT}/models/shop", "modelVersionId": "1"}
        assert one.model(f"{PARENT}/models/shop@1") is None, "reads are late"
        found = one.model(f"{PARENT}/models/shop@1", expected=True)
        assert found is not None
        assert found["containerSpec"] == IMAGE["containerSpec"]
        again = one.wait(one.upload(PARENT, IMAGE, parent_model=f"{PARENT}/models/shop").name, 600)
        assert again.response["modelVersionId"] == "2"
        with pytest.raises(ApiError, match="ALREADY_EXISTS"):
            one.upload(PARENT, IMAGE, model_id="shop")
        one.wait(one.delete_model(f"{PARENT}/models/shop").name, 600)
        assert one.model(f"{PARENT}/models/shop", expected=True) is None
    assert {seen.headers["authorization"] for seen in vertex.requests} == {f"Bearer {TOKEN}"}


def test_progress_is_told_once_a_stage(vertex: VertexApi, caplog: pytest.LogCaptureFixture) -> None:
    vertex.looks = 5
    with caplog.at_level(logging.INFO, "modelberth.provider.vertex"), client(vertex) as one:
        begun = one.deploy(ENDPOINT, DEPLOYED)
        assert one.wait(begun.name, 600).response["deployedModel"]["id"] == DEPLOYED["id"]
    told = [one.getMessage() for one in caplog.records if one.name.startswith("modelberth")]
    assert told == [f"{begun.name}: {stage}" for stage in ("starting deployment", "starting model server")]


def test_an_operation_is_waited_for_by_another_process_and_all_pages_are_read(vertex: VertexApi) -> None:
    vertex.looks = 9
    with client(vertex) as one:
        begun = [one.deploy(ENDPOINT, {**DEPLOYED, "id": str(number)}).name for number in range(1, 6)]
    with client(vertex) as another:
        assert another.running(ENDPOINT) == tuple(begun)
        another.wait(begun[3], 600)
        assert another.running(ENDPOINT) == (*begun[:3], begun[4])


def test_an_operation_that_nobody_knows_is_told(vertex: VertexApi) -> None:
    clock = Clock()
    with client(vertex, clock) as one, pytest.raises(ApiError, match="operations/99: NOT_FOUND"):
        one.wait(f"{ENDPOINT}/operations/99", 600)
    assert len(clock.slept) == 5


def test_a_wait_ends_in_time(vertex: VertexApi) -> None:
    vertex.looks = 10**6
    clock = Clock()
    with client(vertex, clock) as one:
        begun = one.deploy(ENDPOINT, DEPLOYED)
        with pytest.raises(ResourceError, match=r"has not ended after 100 s\. .* customTimeouts"):
            one.wait(begun.name, 100)
    assert clock.time == 100
    assert max(clock.slept) <= 30


def test_each_region_has_an_address() -> None:
    assert address_of("europe-west4") == "https://europe-west4-aiplatform.googleapis.com"


class AuthError(Exception):
    """As google.auth.exceptions.GoogleAuthError."""


def google_auth(monkeypatch: pytest.MonkeyPatch, *, found: bool = True, refreshes: bool = True) -> list[str]:
    """A google-auth whose tokens are valid once; what it was asked."""
    asked: list[str] = []

    class Credentials:
        token = ""
        valid = False

        def refresh(self, request: object) -> None:
            asked.append("refresh")
            if not refreshes:
                raise AuthError("Reauthentication is needed.")
            self.token, self.valid = f"t{len(asked)}", True

    def default(scopes: list[str]) -> tuple[Any, str]:
        asked.append(*scopes)
        if not found:
            raise AuthError("Your default credentials were not found.")
        return Credentials(), "shop-prod"

    modules = {
        "google.auth": {"default": default, "__path__": []},
        "google.auth.exceptions": {"GoogleAuthError": AuthError},
        "google.auth.transport": {"__path__": []},
        "google.auth.transport.requests": {"Request": object},
    }
    for name, content in modules.items():
        module = types.ModuleType(name)
        module.__dict__.update(content)
        monkeypatch.setitem(sys.modules, name, module)
    return asked


def test_a_token_is_asked_for_once_while_it_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = google_auth(monkeypatch)
    token = credentials.application_default()
    assert asked == ["https://www.googleapis.com/auth/cloud-platform"]
    assert [token(), token()] == ["t2", "t2"]
    assert asked[1:] == ["refresh"]


def test_missing_credentials_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    google_auth(monkeypatch, found=False)
    with pytest.raises(ResourceError, match=r"not found.*Log in: gcloud auth application-default login"):
        credentials.application_default()
    google_auth(monkeypatch, refreshes=False)
    with pytest.raises(ResourceError, match=r"Reauthentication is needed.*Log in again: gcloud auth"):
        credentials.application_default()()


def test_a_missing_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.auth", None)
    with pytest.raises(ResourceError, match=r"google-auth: not installed.*pip install 'modelberth\[gcp\]'"):
        credentials.application_default()


def test_the_request_is_json_below_v1(vertex: VertexApi) -> None:
    transport = Transport(f"{vertex.address}/", lambda: TOKEN, pace=Clock().pace(), sending=plain())
    found = transport.request("GET", ENDPOINT)
    assert json.dumps(found)
    assert [seen.path for seen in vertex.requests] == [f"/v1/{ENDPOINT}"]
    transport.close()
