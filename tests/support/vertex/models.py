"""Models of the fake Vertex AI, and their versions."""

import re

from support.vertex.world import Object, RefusedError, Seen, World


def upload(world: World, seen: Seen, parent: str) -> Object:
    body = seen.body
    name = body.get("parentModel") or f"{parent}/models/{body.get('modelId') or len(world.requests)}"
    if not re.fullmatch(r"[a-z_0-9][a-z0-9_-]{0,62}", name.rpartition("/")[2]):
        raise RefusedError("INVALID_ARGUMENT", f"model_id: {name}")
    if "parentModel" in body:
        _versions(world, name)
    elif name in world.models:
        raise RefusedError("ALREADY_EXISTS", f"Model {name} already exists.")

    def finish() -> Object:
        there = world.models.setdefault(name, {})
        number = str(len(there) + 1)
        there[number] = {**body["model"], "name": name, "versionId": number}
        world.hidden[f"{name}@{number}"] = world.late
        if number == "1":
            world.hidden[name] = world.late
        return {"model": name, "modelVersionId": number}

    return world.begin("UploadModel", name, seen.verb, finish)


def get(world: World, seen: Seen, name: str, version: str | None) -> Object:
    world.arrived(f"{name}@{version}" if version else name)
    for number, found in _versions(world, name).items():
        if version in (None, number) or version in found.get("versionAliases", ()):
            return found
    raise RefusedError("NOT_FOUND", f"The Model {name}@{version} does not exist.")


def versions(world: World, seen: Seen, name: str) -> Object:
    return {"models": list(_versions(world, name).values())}


def delete(world: World, seen: Seen, name: str) -> Object:
    _versions(world, name)
    there = [one for endpoint in world.endpoints.values() for one in endpoint["deployedModels"]]
    if any(one["model"].partition("@")[0] == name for one in [*there, *world.deploying.values()]):
        raise RefusedError("FAILED_PRECONDITION", f"The Model {name} is deployed or being deployed.")

    def finish() -> Object:
        del world.models[name]
        return {}

    return world.begin("Delete", name, seen.verb, finish)


def _versions(world: World, name: str) -> dict[str, Object]:
    if name not in world.models:
        raise RefusedError("NOT_FOUND", f"The Model {name} does not exist.")
    return world.models[name]
