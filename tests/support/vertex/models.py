"""Models of the fake Vertex AI, and their versions."""

import re

from support.vertex.world import Object, Refused, Seen, World


def upload(world: World, seen: Seen, parent: str) -> Object:
    body = seen.body
    name = body.get("parentModel") or f"{parent}/models/{body.get('modelId') or len(world.requests)}"
    if not re.fullmatch(r"[a-z_0-9][a-z0-9_-]{0,62}", name.rpartition("/")[2]):
        raise Refused("INVALID_ARGUMENT", f"model_id: {name}")
    if "parentModel" in body:
        versions_of(world, name)
    elif name in world.models:
        raise Refused("ALREADY_EXISTS", f"Model {name} already exists.")

    def finish() -> Object:
        versions = world.models.setdefault(name, {})
        number = str(len(versions) + 1)
        versions[number] = {**body["model"], "name": name, "versionId": number}
        world.hidden[name] = world.hidden[f"{name}@{number}"] = world.late
        return {"model": name, "modelVersionId": number}

    return world.begin("UploadModel", name, seen.verb, finish)


def model(world: World, seen: Seen, name: str, version: str | None) -> Object:
    world.arrived(f"{name}@{version}" if version else name)
    versions = versions_of(world, name)
    for number, found in versions.items():
        if version in (None, number) or version in found.get("versionAliases", ()):
            return found
    raise Refused("NOT_FOUND", f"The Model {name}@{version} does not exist.")


def versions(world: World, seen: Seen, name: str) -> Object:
    return {"models": list(versions_of(world, name).values())}


def delete_model(world: World, seen: Seen, name: str) -> Object:
    versions_of(world, name)
    everywhere = [one for endpoint in world.endpoints.values() for one in endpoint["deployedModels"]]
    if any(one["model"].partition("@")[0] == name for one in [*everywhere, *world.deploying.values()]):
        raise Refused("FAILED_PRECONDITION", f"The Model {name} is deployed or being deployed.")
    return world.begin("Delete", name, seen.verb, lambda: world.models.pop(name) and {})


def versions_of(world: World, name: str) -> dict[str, Object]:
    if name not in world.models:
        raise Refused("NOT_FOUND", f"The Model {name} does not exist.")
    return world.models[name]
