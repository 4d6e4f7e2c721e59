"""The fake Vertex AI refuses what the real one is documented to refuse."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from support import vertex_api
from support.vertex_api import ENDPOINT, PARENT, RefusedError, VertexApi

MODEL = f"{PARENT}/models/iris"
MACHINE = {"machineSpec": {"machineType": "n1-standard-4"}, "minReplicaCount": 1, "maxReplicaCount": 2}


class Caller:
    """Requests over HTTP, as anybody sends them."""

    def __init__(self) -> None:
        self.api = VertexApi(looks=1)
        self.api.add_endpoint()
        self.api.add_model(MODEL, versions=2)
        self.server = vertex_api.serve(self.api)
        transport = httpx.HTTPTransport(verify=False)
        self.http = httpx.Client(headers={"authorization": "Bearer x"}, transport=transport)

    def close(self) -> None:
        self.http.close()
        self.server.shutdown()
        self.server.server_close()

    def send(self, method: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
        answer = self.http.request(method, f"{self.api.address}/v1/{path}", json=body, params=query)
        found = answer.json()
        return answer.status_code, found.get("error", {}).get("status") or found

    def ended(self, path: str, body: Any) -> Any:
        """Begin an operation and see how it ends."""
        code, operation = self.send("POST", path, body)
        assert code == 200, operation
        assert not operation.get("done")
        return self.send("GET", operation["name"])[1]

    def deploy(self, number: str, **more: Any) -> tuple[int, Any]:
        model = {"id": number, "model": f"{MODEL}@1", "dedicatedResources": MACHINE, **more}
        return self.send("POST", f"{ENDPOINT}:deployModel", {"deployedModel": model})

    def deployed(self, *numbers: str) -> None:
        for number in numbers:
            assert self.send("GET", self.deploy(number)[1]["name"])[1]["done"]

    def split(self, split: dict[str, int], **more: str) -> tuple[int, Any]:
        return self.send("PATCH", ENDPOINT, {"trafficSplit": split, **more}, updateMask="trafficSplit")


@pytest.fixture
def caller() -> Iterator[Caller]:
    caller = Caller()
    yield caller
    caller.close()


@pytest.mark.parametrize(
    "split", [{"1": 99}, {"1": 60, "2": 50}, {"1": 110, "2": -10}, {"3": 100}, {"1": 50, "3": 50}]
)
def test_a_split_that_is_not_all_of_the_requests_or_names_what_is_not_there_is_refused(
    caller: Caller, split: dict[str, int]
) -> None:
    caller.deployed("1", "2")
    before = caller.send("GET", ENDPOINT)
    assert caller.split(split) == (400, "INVALID_ARGUMENT")
    assert caller.send("GET", ENDPOINT) == before
    assert caller.split({"1": 60, "2": 40})[0] == 200
    assert caller.split({})[0] == 200


def test_a_change_is_bound_to_its_etag(caller: Caller) -> None:
    caller.deployed("1")
    etag = caller.send("GET", ENDPOINT)[1]["etag"]
    assert caller.split({"1": 100}, etag=etag)[1]["etag"] != etag
    assert caller.split({"1": 100}, etag=etag) == (409, "ABORTED")
    assert caller.send("PATCH", ENDPOINT, {"trafficSplit": {}}) == (400, "INVALID_ARGUMENT")


def test_what_gets_requests_cannot_be_undeployed_unless_they_are_moved(caller: Caller) -> None:
    caller.deployed("1", "2")
    caller.split({"1": 100})
    path = f"{ENDPOINT}:undeployModel"
    assert caller.send("POST", path, {"deployedModelId": "1"}) == (400, "FAILED_PRECONDITION")
    moved = {"deployedModelId": "1", "trafficSplit": {"1": 100}}
    assert caller.send("POST", path, moved) == (400, "INVALID_ARGUMENT")
    code, operation = caller.send("POST", path, {**moved, "trafficSplit": {"2": 100}})
    assert code == 200
    assert caller.split({"1": 100}) == (400, "INVALID_ARGUMENT"), "it is being undeployed"
    assert caller.send("POST", path, {"deployedModelId": "1"}) == (404, "NOT_FOUND")
    assert caller.send("GET", operation["name"])[1]["done"]
    assert caller.ended(path, {"deployedModelId": "2"})["done"]
    assert caller.send("GET", ENDPOINT)[1]["trafficSplit"] == {}
    assert caller.send("POST", f"{ENDPOINT}:predict", {"instances": []}) == (400, "FAILED_PRECONDITION")


def test_requests_go_where_the_split_says(caller: Caller) -> None:
    caller.deployed("1", "2")
    caller.split({"1": 90, "2": 10})
    answers = [caller.send("POST", f"{ENDPOINT}:predict", {})[1]["deployedModelId"] for _ in range(100)]
    assert (answers.count("1"), answers.count("2")) == (90, 10)


def test_a_deployment_is_refused_for_its_id_its_model_its_replicas_and_the_quota(caller: Caller) -> None:
    assert caller.deploy("a") == (400, "INVALID_ARGUMENT")
    assert caller.deploy("12345678901") == (400, "INVALID_ARGUMENT")
    assert caller.deploy("1", model=f"{MODEL}@3") == (404, "NOT_FOUND")
    assert caller.deploy("1", dedicatedResources={**MACHINE, "minReplicaCount": 0}) == (
        400,
        "INVALID_ARGUMENT",
    )
    assert caller.deploy("1")[0] == 200
    assert caller.deploy("1") == (409, "ALREADY_EXISTS"), "it is being deployed"
    caller.api.quota = 3
    assert caller.deploy("2") == (429, "RESOURCE_EXHAUSTED")
    assert caller.send("GET", f"{PARENT}/endpoints/other") == (404, "NOT_FOUND")


def test_a_new_model_can_take_the_requests_as_it_comes(caller: Caller) -> None:
    model = {"id": "5", "model": MODEL, "dedicatedResources": MACHINE}
    body = {"deployedModel": model, "trafficSplit": {"0": 100}}
    assert caller.ended(f"{ENDPOINT}:deployModel", body)["done"]
    assert caller.send("GET", ENDPOINT)[1]["trafficSplit"] == {"5": 100}


def test_an_operation_that_fails_leaves_nothing(caller: Caller) -> None:
    caller.api.failures["deployModel"] = [RefusedError("INTERNAL", "Model server exited unexpectedly.")]
    body = {"deployedModel": {"id": "5", "model": MODEL, "dedicatedResources": MACHINE}}
    ended = caller.ended(f"{ENDPOINT}:deployModel", body)
    assert ended["error"] == {"code": 13, "message": "Model server exited unexpectedly."}
    assert "response" not in ended
    assert caller.send("GET", ENDPOINT)[1]["deployedModels"] == []
    assert caller.deploy("5")[0] == 200


def test_a_mutation_changes_replicas_alone(caller: Caller) -> None:
    caller.deployed("1")
    path, model = f"{ENDPOINT}:mutateDeployedModel", {"id": "1", "dedicatedResources": {"minReplicaCount": 2}}
    body = {"deployedModel": model, "updateMask": "dedicatedResources.minReplicaCount"}
    assert caller.ended(path, body)["done"]
    (found,) = caller.send("GET", ENDPOINT)[1]["deployedModels"]
    assert found["dedicatedResources"] == {**MACHINE, "minReplicaCount": 2}
    body["updateMask"] = "dedicatedResources.machineSpec"
    assert caller.send("POST", path, body) == (400, "INVALID_ARGUMENT")


IMAGE = {"displayName": "shop", "containerSpec": {"imageUri": "europe-docker.pkg.dev/p/r/i@sha256:0"}}
UPLOAD, SHOP = f"{PARENT}/models:upload", f"{PARENT}/models/shop"


def test_models_are_uploaded_once_seen_late_and_deleted_when_nothing_runs_them(caller: Caller) -> None:
    caller.api.late = 2
    body = {"modelId": "shop", "model": {**IMAGE, "versionAliases": ["blue"]}}
    code, operation = caller.send("POST", UPLOAD, body)
    assert caller.send("POST", UPLOAD, body) == (409, "ALREADY_EXISTS"), "while it is being uploaded"
    looks = [caller.send("GET", operation["name"])[0] for _ in range(3)]
    assert (code, looks) == (200, [404, 404, 200])
    assert [caller.send("GET", f"{SHOP}@1")[0] for _ in range(3)] == [404, 404, 200]
    assert [caller.send("GET", f"{SHOP}@blue")[0] for _ in range(3)] == [404, 404, 200]
    assert caller.send("GET", f"{SHOP}@blue")[1]["versionAliases"] == ["blue", "default"]
    assert caller.send("POST", UPLOAD, body) == (409, "ALREADY_EXISTS")
    assert caller.send("POST", UPLOAD, {"parentModel": f"{SHOP}-2", "model": IMAGE}) == (404, "NOT_FOUND")
    for bad in (
        {"modelId": "No", "model": IMAGE},
        {"modelId": "other", "model": {}},
        {"parentModel": SHOP, "model": {**IMAGE, "versionAliases": ["7"]}},
    ):
        assert caller.send("POST", UPLOAD, bad) == (400, "INVALID_ARGUMENT")
    assert caller.deploy("1")[0] == 200
    assert caller.send("DELETE", MODEL) == (400, "FAILED_PRECONDITION")
    assert len(caller.send("GET", f"{MODEL}:listVersions")[1]["models"]) == 2


def test_versions_share_words_and_have_aliases_of_their_own(caller: Caller) -> None:
    for alias in ("blue", "green", "red"):
        model = {**IMAGE, "displayName": alias, "versionAliases": [alias]}
        place = {"parentModel": SHOP} if SHOP in caller.api.models else {"modelId": "shop"}
        assert caller.ended(UPLOAD, {**place, "model": model})["done"]
    first = caller.send("GET", f"{SHOP}:listVersions")[1]
    rest = caller.send("GET", f"{SHOP}:listVersions", pageToken=first["nextPageToken"])[1]
    found = [*first["models"], *rest["models"]]
    assert "nextPageToken" not in rest
    assert [(one["displayName"], one["versionAliases"]) for one in found] == [
        ("red", ["blue", "default"]),
        ("red", ["green"]),
        ("red", ["red"]),
    ]
    labels = {"labels": {"a": "b"}}
    assert caller.send("PATCH", f"{SHOP}@2", labels, updateMask="labels")[1]["labels"] == {"a": "b"}
    wrong = caller.send("PATCH", f"{SHOP}@2", {"displayName": "x"}, updateMask="displayName,labels")
    assert wrong == (400, "FAILED_PRECONDITION")
    assert caller.send("DELETE", f"{SHOP}@1:deleteVersion") == (400, "FAILED_PRECONDITION"), "the default"
    merged = caller.send("POST", f"{SHOP}@3:mergeVersionAliases", {"versionAliases": ["default", "-red"]})
    assert merged[1]["versionAliases"] == ["default"]
    for number in "12":
        operation = caller.send("DELETE", f"{SHOP}@{number}:deleteVersion")[1]
        assert caller.send("GET", operation["name"])[1]["done"]
    assert caller.send("DELETE", f"{SHOP}@3:deleteVersion") == (400, "FAILED_PRECONDITION"), "the last one"
    assert caller.ended(UPLOAD, {"parentModel": SHOP, "model": IMAGE})["response"]["modelVersionId"] == "4"


def test_an_endpoint_has_labels(caller: Caller) -> None:
    body = {"labels": {"a": "b"}, "etag": "e0"}
    assert caller.send("PATCH", ENDPOINT, body, updateMask="labels")[1]["labels"] == {"a": "b"}
    assert caller.send("PATCH", ENDPOINT, body, updateMask="labels") == (409, "ABORTED")


def test_requests_are_recorded_and_need_a_token(caller: Caller) -> None:
    assert (
        caller.http.get(f"{caller.api.address}/v1/{ENDPOINT}", headers={"authorization": ""}).status_code
        == 401
    )
    caller.api.refusals["get"] = [RefusedError("RESOURCE_EXHAUSTED", "Quota exceeded")]
    caller.api.retry_after = 3
    answer = caller.http.get(f"{caller.api.address}/v1/{ENDPOINT}")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
    assert caller.send("GET", "projects/p/nothing") == (404, "NOT_FOUND")
    assert [seen.verb for seen in caller.api.requests] == ["get"] * 3
