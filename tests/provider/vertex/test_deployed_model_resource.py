"""What an endpoint runs, as a resource: created, changed, refreshed, imported and removed."""

from dataclasses import replace
from typing import Any

import pytest

from modelberth.provider.resource import UNKNOWN, Change, Observed, ResourceError, UnfinishedError
from modelberth.provider.vertex.deployed_model_resource import DeployedModel
from modelberth.provider.vertex.deployment import CPU, DUTY_CYCLE
from support.vertex_api import ENDPOINT, PARENT, RefusedError
from support.vertex_client import Crash
from support.vertex_resources import DEPLOYED, SHARE, World
from support.vertex_updates import check_history

GPU: dict[str, Any] = {
    **SHARE,
    "acceleratorType": "NVIDIA_TESLA_T4",
    "acceleratorCount": 1,
    "minReplicas": 1,
    "maxReplicas": 3,
    "targets": {DUTY_CYCLE: 70, CPU: 80},
    "serviceAccount": "iris@shop-prod.iam.gserviceaccount.com",
    "accessLog": True,
}
SECOND = {**SHARE, "model": f"{PARENT}/models/iris@2"}


def wanting(*shares: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**DEPLOYED, "shares": list(shares), **changes}


def there(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.api.endpoints[ENDPOINT]["deployedModels"]
    return found


def labels(world: World) -> dict[str, str]:
    found: dict[str, str] = world.api.endpoints[ENDPOINT].get("labels", {})
    return found


def test_all_that_is_asked_for_is_deployed(world: World) -> None:
    made = DeployedModel(world.settings).create(wanting(GPU), 0)
    (number,) = made.outputs["deployedModelIds"]
    assert there(world) == [
        {
            "id": number,
            "displayName": "shop-prod-iris",
            "model": SHARE["model"],
            "serviceAccount": GPU["serviceAccount"],
            "enableAccessLogging": True,
            "dedicatedResources": {
                "machineSpec": {
                    "machineType": "n1-standard-4",
                    "acceleratorType": "NVIDIA_TESLA_T4",
                    "acceleratorCount": 1,
                },
                "minReplicaCount": 1,
                "maxReplicaCount": 3,
                "autoscalingMetricSpecs": [
                    {"metricName": DUTY_CYCLE, "target": 70},
                    {"metricName": CPU, "target": 80},
                ],
            },
        }
    ]
    assert made.id == f"{ENDPOINT}/shop-prod-iris"
    assert made.outputs["traffic"] == {number: 100}
    assert made.outputs["status"] == "serving"
    assert list(labels(world).values()) == [made.outputs["holder"]]


def test_its_life(world: World) -> None:
    resource, world.api.endpoints[ENDPOINT]["labels"] = DeployedModel(world.settings), {"team": "a"}
    made = resource.create(DEPLOYED, 0)
    assert resource.read(made.id, made.inputs, made.outputs) == made
    canary = wanting({**SHARE, "percent": 90}, {**SECOND, "percent": 10})
    outputs = resource.update(made.id, made.outputs, canary, 0)
    first, second = outputs["deployedModelIds"]
    assert outputs["traffic"] == {first: 90, second: 10}
    assert resource.preview(canary, made.outputs) == outputs
    assert resource.read(made.id, canary, outputs) == Observed(made.id, canary, outputs)
    back = resource.update(made.id, outputs, DEPLOYED, 0)
    assert back == made.outputs
    resource.delete(made.id, back, 0)
    assert there(world) == []
    assert labels(world) == {"team": "a"}
    assert resource.read(made.id, made.inputs, back) is None
    resource.delete(made.id, back, 0)
    del world.api.endpoints[ENDPOINT]
    assert resource.read(made.id, made.inputs, back) is None
    resource.delete(made.id, back, 0)
    check_history_without_labels(world)


def check_history_without_labels(world: World) -> None:
    world.api.history = [one for one in world.api.history if ENDPOINT in one[0]]
    check_history(world.api, always_serves=False)


def test_what_a_renamed_resource_took_over_is_spared(world: World) -> None:
    resource = DeployedModel(world.settings)
    former, renamed = resource.create(DEPLOYED, 0), resource.create(DEPLOYED, 0)
    assert len(world.api.sent("deployModel")) == 1
    assert resource.read(former.id, former.inputs, former.outputs) is None
    resource.delete(former.id, former.outputs, 0)
    assert resource.read(renamed.id, renamed.inputs, renamed.outputs) == renamed
    resource.delete(renamed.id, renamed.outputs, 0)
    assert there(world) == []


def test_another_name_takes_the_requests_before_the_former_goes(world: World) -> None:
    resource = DeployedModel(world.settings)
    former, other = resource.create(DEPLOYED, 0), resource.create({**DEPLOYED, "name": "new"}, 0)
    assert len(there(world)) == 2
    resource.delete(former.id, former.outputs, 0)
    (left,) = there(world)
    assert world.api.endpoints[ENDPOINT]["trafficSplit"] == {left["id"]: 100}
    assert list(labels(world).values()) == [other.outputs["holder"]]


def moved(world: World) -> str:
    second = there(world)[1]["id"]
    world.api.endpoints[ENDPOINT]["trafficSplit"] = {second: 100}
    return "requests go to iris@2 (100 %), not to iris@1 (90 %) and iris@2 (10 %)|iris@2 (10 %) and iris@1"


def undeployed(world: World) -> str:
    there(world).pop()
    world.api.endpoints[ENDPOINT]["trafficSplit"] = {there(world)[0]["id"]: 100}
    return "iris@2 is not deployed"


def scaled(world: World) -> str:
    there(world)[0]["dedicatedResources"]["maxReplicaCount"] = 7
    return "iris@1 has other replicas or targets"


def left(world: World) -> str:
    there(world).append({**there(world)[0], "id": "5", "model": f"{PARENT}/models/iris@3"})
    return "iris@3 is still deployed"


@pytest.mark.parametrize("change", [moved, undeployed, scaled, left])
def test_a_refresh_tells_what_somebody_did_and_the_next_update_mends_it(world: World, change: Any) -> None:
    resource = DeployedModel(world.settings)
    canary = wanting({**SHARE, "percent": 90}, {**SECOND, "percent": 10})
    made = resource.create(canary, 0)
    told = change(world).split("|")
    observed = resource.read(made.id, made.inputs, made.outputs)
    assert observed is not None
    status = observed.outputs["status"]
    assert status.startswith("changed by somebody else: ")
    assert any(one in status for one in told), status
    assert resource.diff(canary, observed.outputs, canary) == [Change("status", from_inputs=False)]
    assert resource.update(made.id, observed.outputs, canary, 0) == made.outputs
    assert resource.read(made.id, made.inputs, made.outputs) == made


def test_nothing_of_ours_is_gone(world: World) -> None:
    resource = DeployedModel(world.settings)
    made = resource.create(DEPLOYED, 0)
    world.api.endpoints[ENDPOINT] |= {"deployedModels": [], "trafficSplit": {}}
    assert resource.read(made.id, made.inputs, made.outputs) is None


def test_other_places_replace_and_the_rest_is_changed_in_place(world: World) -> None:
    resource = DeployedModel(world.settings)
    made = resource.create(DEPLOYED, 0)
    for name, replaces in (("name", True), ("endpoint", True), ("shares", False)):
        assert resource.diff(DEPLOYED, {}, {**DEPLOYED, name: "x"}) == [Change(name, replaces=replaces)]
    assert resource.diff(DEPLOYED, {}, {**DEPLOYED, "configPath": "x"}) == []
    # An update that was cut off is taken back: no state knows of what it deployed.
    there(world).append({**there(world)[0], "id": "5"})
    for settings, changes in (
        (world.settings, [Change("status", from_inputs=False)]),
        (replace(world.settings, offline=True), []),
    ):
        assert DeployedModel(settings).diff(DEPLOYED, made.outputs, DEPLOYED) == changes
    world.api.refusals["get"] = [RefusedError("PERMISSION_DENIED", "no")]
    assert resource.diff(DEPLOYED, made.outputs, DEPLOYED) == [], (
        "who may not look is not kept from a preview"
    )


def test_a_failure_is_told_and_what_is_there_stays_in_the_state(world: World) -> None:
    resource = DeployedModel(world.settings)
    world.api.failures["deployModel"] = [RefusedError("INTERNAL", "Model server exited unexpectedly.")] * 2
    with pytest.raises(UnfinishedError, match="INTERNAL: Model server exited") as error:
        resource.create(DEPLOYED, 0)
    left = error.value.observed
    assert left.id == f"{ENDPOINT}/shop-prod-iris"
    assert left.outputs["deployedModelIds"] == []
    assert resource.diff(DEPLOYED, left.outputs, DEPLOYED) == [Change("status", from_inputs=False)]
    with pytest.raises(UnfinishedError):
        resource.update(left.id, left.outputs, DEPLOYED, 0)
    outputs = resource.update(left.id, left.outputs, DEPLOYED, 0)
    assert outputs["status"] == "serving"
    assert outputs["holder"] == left.outputs["holder"]
    with pytest.raises(ResourceError, match=r"endpoints/none: NOT_FOUND") as refused:
        resource.create({**DEPLOYED, "endpoint": f"{PARENT}/endpoints/none"}, 0)
    assert not isinstance(refused.value, UnfinishedError)
    assert world.clock.time < 60


def test_the_time_that_is_allowed_is_kept_to(world: World) -> None:
    world.api.looks = 10**6
    with pytest.raises(UnfinishedError, match=r"has not ended after 90 s\. .* customTimeouts"):
        DeployedModel(world.settings).create(DEPLOYED, 90)
    assert world.clock.time == pytest.approx(90)


def test_the_label_survives_who_writes_the_endpoint_meanwhile(world: World) -> None:
    world.api.refusals["patch"] = [RefusedError("ABORTED", "The etag does not match.")]
    made = DeployedModel(world.settings).create(DEPLOYED, 0)
    assert list(labels(world).values()) == [made.outputs["holder"]]


@pytest.mark.parametrize("answered", [False, True])
def test_a_create_that_ended_anywhere_is_taken_up(monkeypatch: pytest.MonkeyPatch, answered: bool) -> None:
    point = 0
    while True:
        point, world = point + 1, World(monkeypatch)
        resource = DeployedModel(world.settings)
        world.crash(point, answered=answered)
        try:
            resource.create(DEPLOYED, 0)
        except Crash:
            made = resource.create(DEPLOYED, 0)
            assert resource.read(made.id, made.inputs, made.outputs) == made
            assert len(there(world)) == 1
            check_history(world.api, always_serves=False)
        else:
            break
    assert point > 6


@pytest.mark.parametrize("answered", [False, True])
def test_a_destroy_that_ended_anywhere_is_taken_up(monkeypatch: pytest.MonkeyPatch, answered: bool) -> None:
    point = 0
    while True:
        point, world = point + 1, World(monkeypatch)
        resource = DeployedModel(world.settings)
        made = resource.create(DEPLOYED, 0)
        world.crash(point, answered=answered)
        try:
            resource.delete(made.id, made.outputs, 0)
        except Crash:
            resource.delete(made.id, made.outputs, 0)
            assert (there(world), labels(world)) == ([], {})
        else:
            break
    assert point > 6


def test_what_serves_is_imported_as_a_program_would_say_it(world: World) -> None:
    resource = DeployedModel(world.settings)
    made = resource.create(wanting({**GPU, "percent": 90}, {**SECOND, "percent": 10}), 0)
    for one in there(world):  # as the real one tells them
        one["model"] = one["model"].replace("projects/shop-prod", "projects/123456789012")
    observed = resource.read(made.id, {}, {})
    assert observed is not None
    shares = sorted(observed.inputs["shares"], key=lambda share: share["model"])
    assert shares == [{**GPU, "percent": 90}, {**SECOND, "percent": 10, "minReplicas": 1, "maxReplicas": 1}]
    assert {**observed.outputs, "shares": 0, "deployedModelIds": 0} == {
        **made.outputs,
        "shares": 0,
        "deployedModelIds": 0,
    }
    assert observed.outputs["status"] == "serving", "the ids follow from what is imported"
    with pytest.raises(ResourceError, match="id: given 'iris', allowed: projects/PROJECT/locations/REGION"):
        resource.read("iris/shop", {}, {})


def test_a_preview_knows_the_ids_where_it_knows_the_versions(world: World) -> None:
    resource = DeployedModel(world.settings)
    unknown = resource.preview(wanting({**SHARE, "model": UNKNOWN}), {})
    assert (unknown["deployedModelIds"], unknown["traffic"]) == (UNKNOWN, UNKNOWN)
    made = resource.create(DEPLOYED, 0)
    sent = len(world.api.requests)
    assert resource.preview(DEPLOYED, made.outputs) == made.outputs
    assert resource.check(DEPLOYED, {}).failures == []
    assert len(world.api.requests) == sent
