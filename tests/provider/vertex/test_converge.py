"""Updates of what runs on a Vertex endpoint: without a pause, and told where they cannot be."""

import itertools
import threading

import httpx
import pytest

from modelberth.provider.resource import ResourceError
from modelberth.provider.vertex.converge import converge
from modelberth.provider.vertex.transport import ApiError
from support.vertex_api import ENDPOINT, PARENT, RefusedError, VertexApi
from support.vertex_client import Clock, Crash, client
from support.vertex_updates import (
    CANARY,
    EVERY,
    FIRST,
    MACHINE,
    SCALED,
    SECOND,
    check_converged,
    check_history,
    run,
    started,
)

FOREIGN = {
    "id": "7",
    "displayName": "by-hand",
    "model": f"{PARENT}/models/iris@1",
    "dedicatedResources": {"machineSpec": {"machineType": "n1-standard-2"}, "minReplicaCount": 1},
}


@pytest.mark.parametrize(("before", "after"), list(itertools.product(EVERY, EVERY)))
def test_each_change_ends_as_wanted_and_a_second_run_changes_nothing(before: str, after: str) -> None:
    api = started()
    run(api, EVERY[before])
    check_converged(api, EVERY[before])
    run(api, EVERY[after])
    check_converged(api, EVERY[after])
    check_history(api, always_serves="nothing" not in (before, after))
    sent = len(api.requests)
    run(api, EVERY[after])
    assert {seen.method for seen in api.requests[sent:]} == {"GET"}


def test_the_new_model_is_there_before_the_requests_and_the_old_one_until_they_left(
    vertex: VertexApi,
) -> None:
    run(vertex, FIRST)
    sent = len(vertex.requests)
    run(vertex, SECOND)
    changes = [seen for seen in vertex.requests[sent:] if seen.method != "GET"]
    assert [seen.verb for seen in changes] == ["deployModel", "patch", "undeployModel"]
    assert "trafficSplit" not in changes[0].body
    (old,), (new,) = FIRST.deployments, SECOND.deployments
    assert changes[1].body["trafficSplit"] == {new: 100}
    assert changes[2].body == {"deployedModelId": old}


def test_replicas_are_changed_in_place(vertex: VertexApi) -> None:
    run(vertex, FIRST)
    run(vertex, SCALED)
    assert len(vertex.sent("deployModel")) == 1
    (mutation,) = vertex.sent("mutateDeployedModel")
    assert "machineSpec" not in mutation.body["updateMask"]


def test_requests_are_answered_all_the_time(vertex: VertexApi) -> None:
    """Updated under traffic, and rolled back."""
    vertex.looks = 20
    run(vertex, FIRST)
    answers: list[tuple[int, str]] = []
    ended = threading.Event()

    def ask() -> None:
        with httpx.Client(headers={"authorization": "Bearer x"}) as http:
            while not ended.is_set():
                answer = http.post(f"{vertex.address}/v1/{ENDPOINT}:predict", json={"instances": [[1]]})
                answers.append((answer.status_code, answer.json().get("model", "")))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        for wanted in (SECOND, CANARY, FIRST):
            run(vertex, wanted)
            seen = len(answers)
            while len(answers) < seen + 20:
                assert thread.is_alive()
    finally:
        ended.set()
        thread.join(10)
    assert len(answers) >= 60
    assert {status for status, _ in answers} == {200}
    assert {model.rpartition("@")[2] for _, model in answers} == {"1", "2"}
    assert answers[-1][1].endswith("@1")


def test_a_deployment_that_fails_is_told_and_what_served_still_serves(vertex: VertexApi) -> None:
    run(vertex, FIRST)
    vertex.failures["deployModel"] = [RefusedError("INTERNAL", "Model server exited unexpectedly.")]
    with pytest.raises(ApiError, match=r"endpoints/iris/operations/\d+: INTERNAL: Model server exited"):
        run(vertex, SECOND)
    check_converged(vertex, FIRST)
    run(vertex, SECOND)
    check_converged(vertex, SECOND)


def test_an_operation_of_a_former_command_that_fails_is_tried_again(vertex: VertexApi) -> None:
    run(vertex, FIRST)
    vertex.failures["deployModel"] = [RefusedError("INTERNAL", "no")]
    with pytest.raises(Crash):
        run(vertex, SECOND, 3, answered=True)
    assert vertex.deploying
    run(vertex, SECOND)
    check_converged(vertex, SECOND)
    assert len(vertex.sent("deployModel")) == 3


def test_without_quota_the_update_is_told_at_once_and_changes_nothing(vertex: VertexApi) -> None:
    vertex.quota = 1
    run(vertex, FIRST)
    with pytest.raises(ApiError, match=r"RESOURCE_EXHAUSTED: The following quotas.*lower scaling\.max"):
        run(vertex, SECOND)
    check_converged(vertex, FIRST)
    assert len(vertex.sent("deployModel")) == 2


def test_what_an_abandoned_update_left_does_not_hold_the_quota_of_the_next(vertex: VertexApi) -> None:
    vertex.quota = 2
    run(vertex, FIRST)
    with pytest.raises(Crash):
        run(vertex, SECOND, 3, answered=True)
    run(vertex, MACHINE)
    check_converged(vertex, MACHINE)


def test_what_others_deployed_stays_without_requests(vertex: VertexApi) -> None:
    vertex.endpoints[ENDPOINT] |= {"deployedModels": [FOREIGN], "trafficSplit": {"7": 100}}
    run(vertex, FIRST)
    assert [one["id"] for one in vertex.endpoints[ENDPOINT]["deployedModels"]] == ["7", *FIRST.deployments]
    assert vertex.endpoints[ENDPOINT]["trafficSplit"] == FIRST.traffic


def test_an_endpoint_that_changed_since_it_was_read_is_read_again(vertex: VertexApi) -> None:
    vertex.refusals["patch"] = [RefusedError("ABORTED", "The etag does not match.")]
    run(vertex, FIRST)
    check_converged(vertex, FIRST)
    assert len(vertex.sent("patch")) == 2


def test_a_refusal_that_stays_is_told(vertex: VertexApi) -> None:
    vertex.refusals["deployModel"] = [RefusedError("ALREADY_EXISTS", "DeployedModel exists.")] * 99
    with pytest.raises(ApiError, match="deployModel: ALREADY_EXISTS: DeployedModel exists"):
        run(vertex, FIRST)
    assert len(vertex.sent("deployModel")) == 7


def test_what_takes_too_long_goes_on_and_is_waited_for_by_the_next(vertex: VertexApi) -> None:
    vertex.looks = 50
    clock = Clock()
    with (
        client(vertex, clock) as one,
        pytest.raises(ResourceError, match=r"has not ended after 60 s\. It goes"),
    ):
        converge(one, FIRST, 60, clock.pace())
    run(vertex, FIRST)
    check_converged(vertex, FIRST)
    assert len(vertex.sent("deployModel")) == 1
