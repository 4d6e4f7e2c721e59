"""Long-running operations of the fake Vertex AI (google.aip.dev/151)."""

from support.vertex.world import Object, RefusedError, Seen, World

_PAGE = 2
"""So few that whoever reads the first page alone is found out."""


def get(world: World, seen: Seen, name: str) -> Object:
    """Look at an operation, which brings it nearer to its end."""
    world.arrived(name)
    if name not in world.operations:
        raise RefusedError("NOT_FOUND", f"The Operation {name} does not exist.")
    running = world.operations[name]
    if "done" not in running.document:
        running.looks -= 1
        if running.looks <= 0 and running.may_end():
            running.document = {"done": True, **running.finish()}
    return world.told(name, running)


def listed(world: World, seen: Seen, of: str) -> Object:
    found = []
    start = int(seen.query.get("pageToken", 0))
    for name, running in world.operations.items():
        if name.startswith(f"{of}/operations/"):
            if not start and running.unlisted:
                running.unlisted -= 1
            elif not running.unlisted:
                found.append(world.told(name, running))
    more = {"nextPageToken": str(start + _PAGE)} if len(found) > start + _PAGE else {}
    return {"operations": found[start : start + _PAGE], **more}
