"""Models on an endpoint of Vertex AI under the real engine: updated under traffic, mended, removed."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.request_loop import RequestLoop
from support.vertex_api import ENDPOINT, RefusedError
from support.vertex_stack import MODEL, SETOSA, Stack, stack, wait_until
from support.vertex_updates import check_history

pytestmark = pytest.mark.engine

FIRST, SECOND = ("first", 100), ("second", 100)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Stack]:
    with stack(tmp_path) as shop:
        yield shop


def test_updates_and_a_roll_back_under_traffic(tmp_path: Path) -> None:
    """Real model servers, started as Vertex AI starts them, answer callers who never retry."""
    with stack(tmp_path, containers=True) as shop:
        shop.up(FIRST)
        assert shop.serving() == {"first": 100}
        endpoint = shop.api.endpoints[ENDPOINT]
        loop = RequestLoop(
            f"{shop.api.address}/v1/{ENDPOINT}:predict",
            callers=3,
            pause_s=0.02,
            body=SETOSA,
            headers={"authorization": "Bearer x"},
            header="x-deployed-model",
        )
        ids = {*endpoint["trafficSplit"]}
        with loop.running() as counts:
            for shares in ((("second", 10), ("first", 90)), (SECOND,), (FIRST,)):
                said = shop.up(*shares)
                assert "moving the requests: " in said, "how far it is"
                assert shop.serving() == dict(shares)
                ids |= {*endpoint["trafficSplit"]}
                before = counts.ok
                wait_until(lambda before=before: counts.ok > before + 100)  # type: ignore[misc]
            said = shop.up(("broken", 100), succeeds=False)
            assert "INTERNAL: Model server exited unexpectedly" in said
            assert shop.serving() == {"first": 100}
            shop.up(FIRST)
            assert shop.changes(FIRST) == {}
        assert not counts.failed, counts
        assert counts.ok > 500
        assert set(counts.answered_by) == ids
        assert len(ids) == 3, "the first version went with its share, and was uploaded again"
        check_history(shop.api, always_serves=True)
        shop.run("destroy", "--yes")
        assert shop.serving() == {}
        assert shop.api.models == {}
        assert shop.project.state() == []
        assert shop.api.containers is not None
        assert len(shop.api.containers.ended) == len(shop.api.sent("deployModel"))


def test_what_somebody_did_by_hand_is_told_and_mended(shop: Stack) -> None:
    canary = (("second", 10), ("first", 90))
    shop.up(*canary)
    endpoint = shop.api.endpoints[ENDPOINT]
    second, first = shop.found()["deployedModelIds"]

    endpoint["trafficSplit"] = {first: 100}
    endpoint["deployedModels"][0]["dedicatedResources"]["maxReplicaCount"] = 5
    shop.api.models[MODEL]["1"]["displayName"] = "mine now"
    shop.run("refresh", "--yes")
    found = shop.found()
    assert re.fullmatch(r"changed by somebody else: iris@\d has other replicas or targets", found["status"])
    assert found["traffic"] == {first: 100}
    shop.up(*canary)
    assert shop.serving() == dict(canary)
    assert {one["displayName"] for one in shop.api.models[MODEL].values()} == {"shop-dev-iris"}

    endpoint["deployedModels"] = [one for one in endpoint["deployedModels"] if one["id"] == first]
    endpoint["trafficSplit"] = {first: 100}
    shop.run("up", "--refresh", "--yes", "--skip-preview", *shop.wanted(*canary))
    assert shop.serving() == dict(canary)
    assert shop.found()["traffic"] == {second: 10, first: 90}

    del shop.api.models[MODEL]["2"]
    shop.run("refresh", "--yes")
    assert shop.changes(*canary) == {"create": 1, "update": 1}, "a version that is gone"
    shop.run("destroy", "--yes")
    assert (shop.serving(), shop.api.models) == ({}, {})


@pytest.mark.parametrize(
    ("provider", "wanted"), [(False, FIRST), (True, SECOND)], ids=["engine", "engine and provider"]
)
def test_an_engine_that_is_killed_before_the_requests_move_is_followed_by_one_that_converges(
    shop: Stack, *, provider: bool, wanted: tuple[str, int]
) -> None:
    """Also where the provider outlives it, and another update wants something else; reads are late."""
    shop.up(FIRST)
    shop.api.late = 1
    shop.api.refusals["patch"] = [RefusedError("UNAVAILABLE", "The service is currently unavailable.")] * 5
    shop.kill_up(lambda: len(shop.api.refusals["patch"]) < 5, SECOND, provider=provider)
    assert len(shop.api.endpoints[ENDPOINT]["deployedModels"]) == 2
    shop.api.refusals["patch"].clear()
    shop.up(wanted)
    assert shop.serving() == dict([wanted])
    check_history(shop.api, always_serves=True)
    assert shop.begun("DeployModel") == 2, "a second attempt is refused by the id that it has"
    assert shop.begun("UploadModel") == 2
    assert len(shop.api.models[MODEL]) == 1
    assert shop.changes(wanted) == {}
    assert shop.serving() == dict([wanted]), "nobody undoes it"


def test_an_update_of_minutes_ends_with_the_engine_and_is_taken_up(shop: Stack) -> None:
    shop.up(FIRST)
    shop.api.looks = 10**6

    def deploying() -> bool:
        for one in shop.api.operations.values():
            one.looks = 1 if "UploadModel" in one.kind else one.looks
        return bool(shop.api.deploying)

    said = shop.interrupt_up(deploying, SECOND)
    assert "Vertex AI: cancelled before GET" in said
    assert "Run the same again: it goes on from there" in said
    assert shop.serving() == {"first": 100}
    shop.api.looks = 1
    for running in shop.api.operations.values():
        running.looks = 1
    shop.up(SECOND)
    assert shop.serving() == {"second": 100}
    assert shop.begun("DeployModel") == 2
    check_history(shop.api, always_serves=True)


def test_a_failure_is_told_and_the_former_model_serves_on(shop: Stack) -> None:
    shop.up(FIRST)
    shop.api.quota = 1
    said = shop.up(SECOND, succeeds=False)
    assert "RESOURCE_EXHAUSTED: The following quotas are exceeded: CustomModelServingCPUs" in said
    assert "IAM & Admin > Quotas, or lower scaling.max" in said
    assert shop.serving() == {"first": 100}
    shop.api.quota = 2
    shop.api.failures["deployModel"] = [RefusedError("INTERNAL", "Machine type is not available.")]
    said = shop.up(SECOND, succeeds=False)
    assert "INTERNAL: Machine type is not available" in said
    assert shop.serving() == {"first": 100}
    shop.up(FIRST)  # the change is taken back
    assert shop.serving() == {"first": 100}
    assert list(shop.api.models[MODEL]) == ["1"]
    check_history(shop.api, always_serves=True)


def test_a_create_that_fails_is_removed_by_a_destroy(shop: Stack) -> None:
    """What had been deployed before the failure would else stay for good, and its bill."""
    shop.api.failures["deployModel"] = [RefusedError("INTERNAL", "Model server exited unexpectedly.")]
    canary = (("second", 10), ("first", 90))
    assert "INTERNAL: Model server exited" in shop.up(*canary, succeeds=False)
    shop.run("destroy", "--yes")
    assert (shop.serving(), shop.api.models) == ({}, {})
    refused = shop.up(("second", 20), ("first", 90), succeeds=False)
    assert (
        "shares: given percentages 20, 90, allowed: percentages that sum to 100. They sum to 110" in refused
    )
