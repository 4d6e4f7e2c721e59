"""Endpoints of the fake Vertex AI: what is deployed on them, and where requests go."""

import copy
import re

from support.vertex.models import model
from support.vertex.world import Object, Refused, Seen, World


def found(world: World, name: str) -> Object:
    if name not in world.endpoints:
        raise Refused("NOT_FOUND", f"The Endpoint {name} does not exist.")
    return world.endpoints[name]


def endpoint(world: World, seen: Seen, name: str) -> Object:
    found = copy.deepcopy(found(world, name))
    shown = []
    for one in found["deployedModels"]:
        if world.hidden[one["id"]]:
            world.hidden[one["id"]] -= 1
        else:
            shown.append(one)
    found["deployedModels"] = shown + (list(world.deploying.values()) if world.shows_deploying else [])
    return found


def split(world: World, endpoint: Object, split: dict[str, int], *without: str) -> None:
    """Take over a split, unless it names what does not serve."""
    there = {one["id"] for one in endpoint["deployedModels"]} - world.undeploying - set(without)
    if unknown := set(split) - there:
        raise Refused("INVALID_ARGUMENT", f"traffic_split: no DeployedModel {', '.join(sorted(unknown))}")
    if split and (sum(split.values()) != 100 or min(split.values()) < 0):
        raise Refused("INVALID_ARGUMENT", f"traffic_split: must sum to 100, got {sum(split.values())}")
    endpoint["trafficSplit"] = dict(split)
    touch(world, endpoint)


def touch(world: World, endpoint: Object) -> None:
    endpoint["etag"] = f"e{len(world.requests)}"


def patch(world: World, seen: Seen, name: str) -> Object:
    endpoint = found(world, name)
    if seen.query.get("updateMask") != "trafficSplit":
        raise Refused("INVALID_ARGUMENT", f"updateMask: {seen.query.get('updateMask')}")
    if seen.body.get("etag", endpoint["etag"]) != endpoint["etag"]:
        raise Refused("ABORTED", "The etag does not match: the Endpoint was changed.")
    split(world, endpoint, seen.body["trafficSplit"])
    return endpoint


def deploy(world: World, seen: Seen, name: str) -> Object:
    endpoint, model = found(world, name), copy.deepcopy(seen.body["deployedModel"])
    model(world, seen, *(model["model"].split("@") + [None])[:2])
    model.setdefault("id", str(len(world.requests)))
    if not re.fullmatch("[0-9]{1,10}", model["id"]):
        raise Refused("INVALID_ARGUMENT", "deployed_model.id: 1 to 10 digits")
    if model["id"] in world.deploying or any(one["id"] == model["id"] for one in endpoint["deployedModels"]):
        raise Refused("ALREADY_EXISTS", f"DeployedModel {model['id']} already exists.")
    if model["dedicatedResources"].get("minReplicaCount", 0) < 1:
        raise Refused("INVALID_ARGUMENT", "dedicated_resources.min_replica_count: must be 1 or more")
    charge(world, model["dedicatedResources"])
    world.deploying[model["id"]] = model
    split = seen.body.get("trafficSplit") or {}

    def finish() -> Object:
        del world.deploying[model["id"]]
        endpoint["deployedModels"].append(model)
        world.hidden[model["id"]] = world.late
        if split:
            split(world, endpoint, {model["id"] if one == "0" else one: of for one, of in split.items()})
        touch(world, endpoint)
        return {"deployedModel": model}

    return world.begin("DeployModel", name, seen.verb, finish, lambda: world.deploying.pop(model["id"]))


def charge(world: World, dedicated: Object, *, instead_of: str = "") -> None:
    there = [one for endpoint in world.endpoints.values() for one in endpoint["deployedModels"]]
    counted = [one["dedicatedResources"] for one in [*there, *world.deploying.values()] if one["id"] != instead_of]
    if sum(one.get("maxReplicaCount", one["minReplicaCount"]) for one in [*counted, dedicated]) > world.quota:
        quota = "CustomModelServingCPUsPerProjectPerRegion"
        raise Refused("RESOURCE_EXHAUSTED", f"The following quotas are exceeded: {quota}")


def of(world: World, endpoint: Object, wanted: str) -> Object:
    for one in endpoint["deployedModels"]:
        if one["id"] == wanted and wanted not in world.undeploying:
            return dict(one) | {"at": one}
    raise Refused("NOT_FOUND", f"DeployedModel {wanted} is not deployed.")


def undeploy(world: World, seen: Seen, name: str) -> Object:
    endpoint, wanted = found(world, name), seen.body["deployedModelId"]
    of(world, endpoint, wanted)
    if split := seen.body.get("trafficSplit"):
        split(world, endpoint, split, wanted)
    if endpoint["trafficSplit"].get(wanted) and len(endpoint["deployedModels"]) > 1:
        raise Refused("FAILED_PRECONDITION", f"DeployedModel {wanted} has traffic assigned to it.")
    world.undeploying.add(wanted)
    if len(endpoint["deployedModels"]) == 1:
        endpoint["trafficSplit"] = {}

    def finish() -> Object:
        world.undeploying.remove(wanted)
        endpoint["deployedModels"] = [one for one in endpoint["deployedModels"] if one["id"] != wanted]
        touch(world, endpoint)
        return {}

    return world.begin("UndeployModel", name, seen.verb, finish, lambda: world.undeploying.remove(wanted))


def mutate(world: World, seen: Seen, name: str) -> Object:
    endpoint, asked = found(world, name), seen.body["deployedModel"]
    found = of(world, endpoint, asked["id"])["at"]
    paths = [one.split(".") for one in seen.body["updateMask"].split(",")]
    changed = dict(found["dedicatedResources"])
    for first, leaf in paths:
        if first != "dedicatedResources" or leaf == "machineSpec":
            raise Refused("INVALID_ARGUMENT", f"update_mask: {first}.{leaf} cannot be mutated")
        changed.pop(leaf, None)
        if leaf in asked["dedicatedResources"]:
            changed[leaf] = asked["dedicatedResources"][leaf]
    charge(world, changed, instead_of=asked["id"])

    def finish() -> Object:
        found["dedicatedResources"] = changed
        touch(world, endpoint)
        return {"deployedModel": found}

    return world.begin("MutateDeployedModel", name, seen.verb, finish)


def predict(world: World, seen: Seen, name: str) -> Object:
    endpoint = found(world, name)
    split = endpoint["trafficSplit"]
    if not split:
        raise Refused("FAILED_PRECONDITION", f"Endpoint {name} doesn't have traffic_split.")
    turn, below = len(world.requests) % 100, 0
    for one, percent in split.items():
        below += percent
        if turn < below:
            return {"predictions": [0], "deployedModelId": one, "model": of(world, endpoint, one)["model"]}
    raise Refused("INTERNAL", "the split does not sum to 100")
