"""Long-running operations of the fake Vertex AI."""

from support.vertex.world import Object, Refused, Seen, World


def operation(world: World, seen: Seen, name: str) -> Object:
    world.arrived(name)
    if name not in world.operations:
        raise Refused("NOT_FOUND", f"The Operation {name} does not exist.")
    running = world.operations[name]
    if "done" not in running.document:
        running.looks -= 1
        if running.looks <= 0:
            running.document = {"done": True, **running.finish()}
    return world.told(name, running)


def operations(world: World, seen: Seen, of: str) -> Object:
    """Two on a page, so that whoever reads the first alone is found out."""
    listed = []
    for name, running in world.operations.items():
        if name.startswith(f"{of}/operations/"):
            running.unlisted -= 1
            if running.unlisted < 0:
                listed.append(world.told(name, running))
    start = int(seen.query.get("pageToken", 0))
    more = {"nextPageToken": str(start + 2)} if len(listed) > start + 2 else {}
    return {"operations": listed[start : start + 2], **more}
