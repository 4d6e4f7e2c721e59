"""Models of the fake Vertex AI, and their versions."""

import copy
import re
from typing import Any

from support.vertex.world import Object, RefusedError, Seen, World

_PAGE = 2
"""So few that whoever reads the first page alone is found out."""
_ALIAS = re.compile(r"[a-z][a-zA-Z0-9-]{0,126}[a-z0-9-]")
_MUTABLE = {"model": {"displayName", "description", "labels"}, "version": {"versionDescription", "labels"}}
_SHARED = ("displayName", "description")
"""What is the model's and shows with each of its versions."""


def upload(world: World, seen: Seen, parent: str) -> Object:
    body = seen.body
    name = body.get("parentModel") or f"{parent}/models/{body.get('modelId') or len(world.requests)}"
    model = copy.deepcopy(body["model"])
    if not re.fullmatch(r"[a-z_0-9][a-z0-9_-]{0,62}", name.rpartition("/")[2]):
        raise RefusedError("INVALID_ARGUMENT", f"model_id: {name}")
    if not model.get("displayName") or not model.get("containerSpec", {}).get("imageUri"):
        raise RefusedError(
            "INVALID_ARGUMENT", "model: display_name and container_spec.image_uri are required"
        )
    aliases = model.pop("versionAliases", [])
    _check(aliases)
    if "parentModel" in body:
        _versions(world, name)
    elif name in world.models or name in world.uploading:
        raise RefusedError("ALREADY_EXISTS", f"Model {name} already exists.")
    else:
        world.uploading.add(name)

    def finish() -> Object:
        world.uploading.discard(name)
        there = world.models.setdefault(name, {})
        world.counted[name] += 1
        number = str(world.counted[name])
        there[number] = {**model, "name": name, "versionId": number, "versionAliases": []}
        _give(there, number, [*aliases, *(["default"] if len(there) == 1 else [])])
        _share(there, {field: model[field] for field in _SHARED if field in model})
        for unknown in (f"{name}@{number}", *(f"{name}@{alias}" for alias in aliases)):
            world.hidden[unknown] = world.late
        if number == "1":
            world.hidden[name] = world.late
        return {"model": name, "modelVersionId": number}

    return world.begin("UploadModel", name, seen.verb, finish, lambda: world.uploading.discard(name))


def get(world: World, seen: Seen, name: str, version: str | None) -> Object:
    world.arrived(f"{name}@{version}" if version else name)
    found = _version(world, name, version or "default")
    refs = [
        {"endpoint": endpoint["name"], "deployedModelId": one["id"]}
        for endpoint in world.endpoints.values()
        for one in endpoint["deployedModels"]
        if one["model"] == f"{name}@{found['versionId']}"
    ]
    return {**found, **({"deployedModels": refs} if refs else {})}


def versions(world: World, seen: Seen, name: str) -> Object:
    every, start = list(_versions(world, name).values()), int(seen.query.get("pageToken", 0))
    more = {"nextPageToken": str(start + _PAGE)} if len(every) > start + _PAGE else {}
    return {"models": every[start : start + _PAGE], **more}


def patch(world: World, seen: Seen, name: str, version: str | None) -> Object:
    fields = set(seen.query["updateMask"].split(","))
    found, kind = _version(world, name, version or "default"), "version" if version else "model"
    if not fields <= _MUTABLE[kind]:
        raise RefusedError("FAILED_PRECONDITION", f"update_mask: {sorted(fields)} is not all of the {kind}")
    changes = {field: seen.body.get(field) for field in fields}
    if version:
        found.update(changes)
    else:
        _share(_versions(world, name), changes)
    return found


def merge(world: World, seen: Seen, name: str, version: str) -> Object:
    aliases = seen.body["versionAliases"]
    _check([one.removeprefix("-") for one in aliases])
    found = _version(world, name, version)
    _give(_versions(world, name), found["versionId"], aliases)
    for alias in aliases:
        world.hidden.pop(f"{name}@{alias}", None)
    return found


def delete_version(world: World, seen: Seen, name: str, version: str) -> Object:
    found = _version(world, name, version)
    if len(_versions(world, name)) == 1:
        raise RefusedError("FAILED_PRECONDITION", f"{name}@{version} is the only version of the Model.")
    if "default" in found["versionAliases"]:
        raise RefusedError("FAILED_PRECONDITION", f"{name}@{version} is the default version of the Model.")
    _check_undeployed(world, name, f"{name}@{version}")

    def finish() -> Object:
        del world.models[name][version]
        return {}

    return world.begin("Delete", name, seen.verb, finish)


def delete(world: World, seen: Seen, name: str) -> Object:
    _versions(world, name)
    _check_undeployed(world, name, "")

    def finish() -> Object:
        del world.models[name]
        return {}

    return world.begin("Delete", name, seen.verb, finish)


def _check_undeployed(world: World, name: str, version: str) -> None:
    there = [one for endpoint in world.endpoints.values() for one in endpoint["deployedModels"]]
    for one in [*there, *world.deploying.values()]:
        if one["model"] == version or (not version and one["model"].partition("@")[0] == name):
            raise RefusedError("FAILED_PRECONDITION", f"The Model {name} is deployed or being deployed.")


def _versions(world: World, name: str) -> dict[str, Object]:
    if name not in world.models:
        raise RefusedError("NOT_FOUND", f"The Model {name} does not exist.")
    return world.models[name]


def _version(world: World, name: str, version: str) -> Object:
    for number, found in _versions(world, name).items():
        if version == number or version in found.get("versionAliases", ()):
            return found
    raise RefusedError("NOT_FOUND", f"The Model {name}@{version} does not exist.")


def _check(aliases: list[str]) -> None:
    for alias in aliases:
        if not _ALIAS.fullmatch(alias):
            raise RefusedError("INVALID_ARGUMENT", f"version_aliases: {alias}")


def _give(there: dict[str, Object], number: str, aliases: list[str]) -> None:
    """An alias is one version's: whoever had it loses it."""
    for alias in aliases:
        plain = alias.removeprefix("-")
        for one in there.values():
            if plain in one["versionAliases"]:
                one["versionAliases"].remove(plain)
        if plain == alias:
            there[number]["versionAliases"].append(alias)


def _share(there: dict[str, Object], changes: dict[str, Any]) -> None:
    for one in there.values():
        one.update(changes)
