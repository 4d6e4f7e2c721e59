"""A version of a model: made once, whatever happens to the command, told of by a refresh, and removed."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from modelberth.provider.resource import UNKNOWN, Change, Observed, ResourceError
from modelberth.provider.vertex.model_resource import Model
from modelberth.provider.vertex.transport import ApiError
from support.vertex_api import ENDPOINT, PARENT, RefusedError
from support.vertex_client import Crash
from support.vertex_resources import EVERYTHING, IMAGE, OTHER, VERSION, World

SHOP = f"{PARENT}/models/shop"
SECOND = {**VERSION, "image": OTHER}


def versions(world: World) -> dict[str, dict[str, Any]]:
    return world.api.models.get(SHOP, {})


def deployed(world: World, version: str) -> None:
    world.api.endpoints[ENDPOINT]["deployedModels"] = [{"id": "7", "model": version}]


def test_all_that_is_asked_for_is_uploaded(world: World) -> None:
    made = Model(world.settings).create(EVERYTHING, 0)
    (upload,) = world.api.sent("upload")
    model = upload.body["model"]
    aliases = model.pop("versionAliases")
    assert upload.body == {"modelId": "shop", "model": model}
    assert model == {
        "displayName": "shop-prod",
        "description": "Which iris it is",
        "versionDescription": "with more trees",
        "labels": {"endpoint": "iris"},
        "artifactUri": "gs://models/iris/3",
        "encryptionSpec": {"kmsKeyName": EVERYTHING["encryptionKey"]},
        "containerSpec": {
            "imageUri": IMAGE,
            "command": ["serve"],
            "args": ["--fast"],
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            "ports": [{"containerPort": 8080}, {"containerPort": 9090}],
            "predictRoute": "/predict",
            "healthRoute": "/health",
            "startupProbe": {
                "httpGet": {"path": "/health", "port": 8080},
                "periodSeconds": 10,
                "failureThreshold": 60,
            },
            "healthProbe": {"httpGet": {"path": "/ready"}, "timeoutSeconds": 5, "successThreshold": 1},
            "livenessProbe": {"exec": {"command": ["test", "-f", "/alive"]}, "initialDelaySeconds": 30},
            "sharedMemorySizeMb": "512",
            "deploymentTimeout": "1800s",
        },
    }
    assert [alias.partition("-")[0] for alias in aliases] == ["default", "c", "h"]
    assert made.id == made.outputs["versionName"] == f"{SHOP}@1"
    assert made.outputs["modelName"] == SHOP
    assert made.outputs["versionId"] == "1"
    assert made.outputs["status"] == "registered"
    assert made.outputs["holder"] == aliases[2].removeprefix("h-")


def test_versions_of_a_model_come_and_go_and_the_last_one_takes_it_along(world: World) -> None:
    resource = Model(world.settings)
    first, second = resource.create(VERSION, 0), resource.create(SECOND, 0)
    assert [first.id, second.id] == [f"{SHOP}@1", f"{SHOP}@2"]
    assert world.api.sent("upload")[1].body["parentModel"] == SHOP
    assert "default" in versions(world)["2"]["versionAliases"]
    resource.delete(second.id, second.outputs, 0)
    assert list(versions(world)) == ["1"]
    assert "default" in versions(world)["1"]["versionAliases"]
    resource.delete(first.id, first.outputs, 0)
    assert SHOP not in world.api.models
    resource.delete(first.id, first.outputs, 0)  # gone already
    again = resource.create(SECOND, 0)
    assert again.id == f"{SHOP}@3", "a number is given once"


@pytest.mark.parametrize("late", [0, 2])
@pytest.mark.parametrize("inputs", [VERSION, SECOND])
def test_a_create_that_ended_anywhere_is_taken_up_and_nothing_is_uploaded_twice(
    monkeypatch: pytest.MonkeyPatch, late: int, inputs: dict[str, Any]
) -> None:
    def there() -> World:
        world = World(monkeypatch)
        if inputs is SECOND:
            Model(world.settings).create(VERSION, 0)
        world.api.late = late
        world.sending.count = 0
        return world

    world = there()
    Model(world.settings).create(inputs, 0)
    points = world.sending.count
    assert points >= 6
    for point in range(1, points + 1):
        for answered in (False, True):
            world = there()
            before = len(versions(world))
            world.crash(point, answered=answered)
            with pytest.raises(Crash):
                Model(world.settings).create(inputs, 0)
            world.crash(0)
            made = Model(world.settings).create(inputs, 0)
            assert len(versions(world)) == before + 1, (point, answered)
            assert made.id == f"{SHOP}@{before + 1}"
            assert f"h-{made.outputs['holder']}" in versions(world)[str(before + 1)]["versionAliases"]
            assert Model(world.settings).diff(inputs, made.outputs, inputs) == []


def test_versions_that_are_made_and_removed_at_once_are_one_models(world: World) -> None:
    every = [{**VERSION, "args": [str(number)]} for number in range(6)]
    resource = Model(world.settings)
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda inputs: resource.create(inputs, 0), every))
        assert sorted(one.id for one in made) == [f"{SHOP}@{number}" for number in range(1, 7)]
        assert "parentModel" not in world.api.sent("upload")[0].body
        list(pool.map(lambda one: resource.delete(one.id, one.outputs, 0), made))
    assert SHOP not in world.api.models


def test_what_a_renamed_resource_took_over_is_spared(world: World) -> None:
    resource = Model(world.settings)
    former, renamed = resource.create(VERSION, 0), resource.create(VERSION, 0)
    assert former.id == renamed.id
    assert resource.read(former.id, former.inputs, former.outputs) is None
    resource.delete(former.id, former.outputs, 0)
    found = resource.read(renamed.id, renamed.inputs, renamed.outputs)
    assert found == renamed
    resource.delete(renamed.id, renamed.outputs, 0)
    assert not versions(world)


def test_a_change_of_words_is_written_and_of_anything_else_another_version(world: World) -> None:
    resource = Model(world.settings)
    words = {"displayName", "description", "versionDescription", "labels"}
    for name, value in EVERYTHING.items():
        (change,) = resource.diff(EVERYTHING, {}, {**EVERYTHING, name: "other"})
        assert change == Change(name, replaces=name not in words)
        removed = {key: old for key, old in EVERYTHING.items() if key != name}
        assert resource.diff(EVERYTHING, {}, removed) == [change]
        assert resource.diff(EVERYTHING, {}, {**EVERYTHING, name: value, "configPath": "x"}) == []
    assert resource.diff(VERSION, {}, {**VERSION, "args": []}) == []


def test_words_are_written_in_place(world: World) -> None:
    resource = Model(world.settings)
    made = resource.create(EVERYTHING, 0)
    versions(world)["1"]["labels"]["somebody"] = "else"
    changed = {**EVERYTHING, "displayName": "new", "versionDescription": "", "labels": {"team": "a"}}
    outputs = resource.update(made.id, made.outputs, changed, 0)
    found = versions(world)["1"]
    assert found["displayName"] == "new"
    assert found["versionDescription"] == ""
    assert found["labels"] == {"team": "a", "somebody": "else"}
    assert {seen.query["updateMask"] for seen in world.api.sent("patch")} == {
        "displayName",
        "versionDescription,labels",
    }
    assert outputs == {**made.outputs, **changed}
    sent = len(world.api.requests)
    resource.update(made.id, outputs, changed, 0)
    assert [seen.method for seen in world.api.requests[sent:]] == ["GET"]


def test_a_refresh_tells_what_somebody_did_and_the_next_update_mends_it(world: World) -> None:
    resource = Model(world.settings)
    made = resource.create(EVERYTHING, 0)
    assert resource.read(made.id, made.inputs, made.outputs) == made
    found = versions(world)["1"]
    found["displayName"], found["labels"], found["versionAliases"] = "mine now", {}, ["default"]
    observed = resource.read(made.id, made.inputs, made.outputs)
    assert observed is not None
    status = observed.outputs["status"]
    assert status.startswith("changed by somebody else: displayName, labels, alias c-")
    assert resource.diff(EVERYTHING, observed.outputs, EVERYTHING) == [Change("status", from_inputs=False)]
    outputs = resource.update(made.id, observed.outputs, EVERYTHING, 0)
    assert outputs == made.outputs
    assert resource.read(made.id, made.inputs, outputs) == made
    del world.api.models[SHOP]
    assert resource.read(made.id, made.inputs, made.outputs) is None
    with pytest.raises(ResourceError, match=r"models/shop@1 is gone; run `pulumi refresh`"):
        resource.update(made.id, outputs, EVERYTHING, 0)


def test_a_version_that_is_deployed_is_deleted_once_it_is_not(world: World) -> None:
    resource = Model(world.settings)
    made = resource.create(VERSION, 0)
    deployed(world, made.id)
    with pytest.raises(
        ResourceError, match=rf"shop@1 cannot be deleted: it is deployed on {ENDPOINT}. Undep"
    ):
        resource.delete(made.id, made.outputs, 0)
    waited, sleep = 0, world.clock.sleep

    def undeployed_meanwhile(seconds: float) -> None:
        nonlocal waited
        waited += 1
        if waited == 2:
            world.api.endpoints[ENDPOINT]["deployedModels"] = []
        sleep(seconds)

    world.clock.sleep = undeployed_meanwhile  # type: ignore[method-assign]
    resource.delete(made.id, made.outputs, 0)
    assert not versions(world)


def test_an_upload_that_fails_is_told_and_leaves_nothing(world: World) -> None:
    resource = Model(world.settings)
    world.api.failures["upload"] = [RefusedError("INVALID_ARGUMENT", "Image not found.")]
    with pytest.raises(ApiError, match=r"operations/1: INVALID_ARGUMENT: Image not found"):
        resource.create(VERSION, 0)
    assert SHOP not in world.api.models
    world.api.refusals["upload"] = [RefusedError("ALREADY_EXISTS", "Model exists.")] * 9
    with pytest.raises(ApiError, match="ALREADY_EXISTS"):
        resource.create(VERSION, 0)
    assert len(world.api.sent("upload")) == 1 + 6


def test_an_upload_that_takes_too_long_goes_on_and_is_taken_up(world: World) -> None:
    world.api.looks = 30
    with pytest.raises(ResourceError, match=r"has not ended after 60 s\. It goes on without us"):
        Model(world.settings).create(VERSION, 60)
    assert Model(world.settings).create(VERSION, 0).id == f"{SHOP}@1"
    assert len(world.api.sent("upload")) == 1


def test_a_version_is_imported_as_a_program_would_say_it(world: World) -> None:
    resource = Model(world.settings)
    made = resource.create(EVERYTHING, 0)
    for name in (made.id, f"{SHOP}@default", SHOP):
        assert resource.read(name, {}, {}) == Observed(made.id, EVERYTHING, made.outputs)
    assert resource.diff(EVERYTHING, made.outputs, EVERYTHING) == []
    with pytest.raises(
        ResourceError, match=r"id: given 'shop', allowed: projects/PROJECT/locations/REGION/mo"
    ):
        resource.read("shop", {}, {})
    with pytest.raises(ResourceError, match=r"models/iris@1, allowed: a model with a container"):
        resource.read(f"{PARENT}/models/iris@1", {}, {})


def test_a_preview_knows_what_follows_from_the_inputs(world: World) -> None:
    resource = Model(world.settings)
    new = resource.preview(VERSION, {})
    assert (new["modelName"], new["versionName"], new["versionId"]) == (SHOP, UNKNOWN, UNKNOWN)
    assert resource.preview({**VERSION, "modelId": UNKNOWN}, {})["modelName"] == UNKNOWN
    made = resource.create(VERSION, 0)
    assert resource.preview(VERSION, made.outputs) == made.outputs
    sent = len(world.api.requests)
    assert resource.identity({**VERSION, "image": UNKNOWN}) == UNKNOWN
    assert resource.identity(VERSION).startswith(f"{SHOP}@c-")
    assert resource.check(VERSION, {}).failures == []
    assert len(world.api.requests) == sent
