"""Endpoints of the fake Vertex AI: what is deployed on them, and where requests go."""

import copy
import re

from support.vertex import models
from support.vertex.world import Object, RefusedError, Seen, World


def of(world: World, name: str) -> Object:
    if name not in world.endpoints:
        raise RefusedError("NOT_FOUND", f"The Endpoint {name} does not exist.")
    return world.endpoints[name]


def get(world: World, seen: Seen, name: str) -> Object:
    found = copy.deepcopy(of(world, name))
    shown = []
    for one in found["deployedModels"]:
        if world.hidden[one["id"]]:
            world.hidden[one["id"]] -= 1
        else:
            shown.append(one)
    found["deployedModels"] = shown + (list(world.deploying.values()) if world.shows_deploying else [])
    return found


def patch(world: World, seen: Seen, name: str) -> Object:
    endpoint = of(world, name)
    mask = seen.query.get("updateMask")
    if mask not in ("trafficSplit", "labels"):
        raise RefusedError("INVALID_ARGUMENT", f"updateMask: {mask}")
    if seen.body.get("etag", endpoint["etag"]) != endpoint["etag"]:
        raise RefusedError("ABORTED", "The etag does not match: the Endpoint was changed.")
    if mask == "labels":
        endpoint["labels"] = dict(seen.body["labels"])
        _touch(world, endpoint)
    else:
        _route(world, endpoint, seen.body["trafficSplit"])
    return endpoint


def deploy(world: World, seen: Seen, name: str) -> Object:
    endpoint, asked = of(world, name), copy.deepcopy(seen.body["deployedModel"])
    model, _, version = asked["model"].partition("@")
    found = models.get(world, seen, model, version or None)
    number = asked.setdefault("id", str(len(world.requests)))
    if not re.fullmatch("[0-9]{1,10}", number):
        raise RefusedError("INVALID_ARGUMENT", "deployed_model.id: 1 to 10 digits")
    if number in world.deploying or any(one["id"] == number for one in endpoint["deployedModels"]):
        raise RefusedError("ALREADY_EXISTS", f"DeployedModel {number} already exists.")
    if asked["dedicatedResources"].get("minReplicaCount", 0) < 1:
        raise RefusedError("INVALID_ARGUMENT", "dedicated_resources.min_replica_count: must be 1 or more")
    _charge(world, asked["dedicatedResources"])
    split = seen.body.get("trafficSplit") or {}
    _check(world, endpoint, split, {"0"})
    world.deploying[number] = asked
    containers = world.containers
    if containers:
        containers.start(name, asked, found)

    def finish() -> Object:
        if containers and containers.has_ended(number):
            raise RefusedError("INTERNAL", "Model server exited unexpectedly.")
        del world.deploying[number]
        endpoint["deployedModels"].append(asked)
        world.hidden[number] = world.late
        _touch(world, endpoint)
        if split:
            _route(world, endpoint, {number if one == "0" else one: share for one, share in split.items()})
        return {"deployedModel": asked}

    def undo() -> None:
        del world.deploying[number]
        if containers:
            containers.stop(number)

    def may_end() -> bool:
        return containers is None or containers.is_ready(number)

    return world.begin("DeployModel", name, seen.verb, finish, undo, may_end)


def undeploy(world: World, seen: Seen, name: str) -> Object:
    endpoint, number = of(world, name), seen.body["deployedModelId"]
    _serving(world, endpoint, number)
    split = seen.body.get("trafficSplit")
    if split:
        _check(world, endpoint, split, set(), {number})
    is_last = len(endpoint["deployedModels"]) == 1
    if not split and not is_last and endpoint["trafficSplit"].get(number):
        raise RefusedError("FAILED_PRECONDITION", f"DeployedModel {number} has traffic assigned to it.")
    if split or is_last:
        endpoint["trafficSplit"] = dict(split or {})
        _touch(world, endpoint)
    world.undeploying.add(number)

    def finish() -> Object:
        world.undeploying.remove(number)
        endpoint["deployedModels"] = [one for one in endpoint["deployedModels"] if one["id"] != number]
        if world.containers:
            world.containers.stop(number)
        _touch(world, endpoint)
        return {}

    return world.begin("UndeployModel", name, seen.verb, finish, lambda: world.undeploying.remove(number))


def mutate(world: World, seen: Seen, name: str) -> Object:
    endpoint, asked = of(world, name), seen.body["deployedModel"]
    found = _serving(world, endpoint, asked["id"])
    changed = dict(found["dedicatedResources"])
    for path in seen.body["updateMask"].split(","):
        first, _, leaf = path.partition(".")
        if first != "dedicatedResources" or leaf not in {
            "minReplicaCount",
            "maxReplicaCount",
            "requiredReplicaCount",
            "autoscalingMetricSpecs",
        }:
            raise RefusedError("INVALID_ARGUMENT", f"update_mask: {path} cannot be mutated")
        changed.pop(leaf, None)
        if leaf in asked["dedicatedResources"]:
            changed[leaf] = asked["dedicatedResources"][leaf]
    _charge(world, changed, instead_of=asked["id"])

    def finish() -> Object:
        found["dedicatedResources"] = changed
        _touch(world, endpoint)
        return {"deployedModel": found}

    return world.begin("MutateDeployedModel", name, seen.verb, finish)


def predict(world: World, seen: Seen, name: str) -> Object:
    """Answered by the models in turn, a hundred requests as the split has it."""
    endpoint = of(world, name)
    if not endpoint["trafficSplit"]:
        raise RefusedError("FAILED_PRECONDITION", f"Endpoint {name} doesn't have traffic_split.")
    turn, below = world.predictions % 100, 0
    world.predictions += 1
    for number, percent in endpoint["trafficSplit"].items():
        below += percent
        if turn < below:
            model = _serving(world, endpoint, number)["model"]
            if world.containers:
                world.containers.enter(number)
            return {"predictions": [0], "deployedModelId": number, "model": model}
    raise RefusedError("INTERNAL", "the split does not sum to 100")


def _route(world: World, endpoint: Object, split: dict[str, int]) -> None:
    _check(world, endpoint, split)
    endpoint["trafficSplit"] = dict(split)
    _touch(world, endpoint)


def _check(
    world: World,
    endpoint: Object,
    split: dict[str, int],
    coming: set[str] | None = None,
    going: set[str] | None = None,
) -> None:
    """Refuse a split that names what does not serve, or that is not all of the requests."""
    there = {one["id"] for one in endpoint["deployedModels"]} | (coming or set())
    if unknown := set(split) - (there - world.undeploying - (going or set())):
        raise RefusedError(
            "INVALID_ARGUMENT", f"traffic_split: no DeployedModel {', '.join(sorted(unknown))}"
        )
    if split and (sum(split.values()) != 100 or min(split.values()) < 0):
        raise RefusedError("INVALID_ARGUMENT", f"traffic_split: must sum to 100, got {sum(split.values())}")


def _serving(world: World, endpoint: Object, number: str) -> Object:
    for one in endpoint["deployedModels"]:
        if one["id"] == number and number not in world.undeploying:
            found: Object = one
            return found
    raise RefusedError("NOT_FOUND", f"DeployedModel {number} is not deployed.")


def _charge(world: World, dedicated: Object, *, instead_of: str = "") -> None:
    there = [one for endpoint in world.endpoints.values() for one in endpoint["deployedModels"]]
    every = [*there, *world.deploying.values()]
    counted = [one["dedicatedResources"] for one in every if one["id"] != instead_of]
    if sum(one.get("maxReplicaCount", one["minReplicaCount"]) for one in [*counted, dedicated]) > world.quota:
        quota = "CustomModelServingCPUsPerProjectPerRegion"
        raise RefusedError("RESOURCE_EXHAUSTED", f"The following quotas are exceeded: {quota}")


def _touch(world: World, endpoint: Object) -> None:
    endpoint["etag"] = f"e{len(world.requests)}-{world.predictions}"
