"""Every component of Google Cloud in each of its modes: the programs that checkov and the engine judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, Final

from modelberth.gcp.cloud_run.names import service_name
from modelberth.gcp.plan import Plan
from modelberth.kinds import KINDS
from modelberth.spec import CloudRunTarget, EndpointDeployment, parse
from support import gcp_cloud_run, gcp_gke, gcp_vertex
from support.clouds import modes
from support.clouds.change import merged
from support.clouds.graph import Graph
from support.gcp.graph import captured
from support.gcp.mode_blocks import BLOCKS

__all__ = ["MODES", "Program", "endpoint", "graph_of", "mode_of", "name_of", "renamed"]

Program = Callable[[str], Any]
"""Registers a mode under a name of the program's resources, which it begins all others with."""


def renamed(config: Mapping[str, Any], name: str, *, project: str = "modelberth") -> dict[str, Any]:
    """The config of an endpoint of another name, whose own the revision is that a rollout comes from."""
    changed = merged(config, {"name": name})
    revision = config["target"].get("previous_revision")
    if revision is None:
        return changed
    read = parse(EndpointDeployment, changed)
    assert isinstance(read.target, CloudRunTarget)
    service = service_name(Plan.of(read.spec, read.target, project, "dev"))
    own = f"{service}-{revision.rpartition('-')[2]}"
    return merged(changed, {"target": {"previous_revision": own}})


def endpoint(config: Mapping[str, Any], image: str | None, name: str) -> None:
    """Register the endpoint of a config under another name, by the component of its kind."""
    read = parse(EndpointDeployment, renamed(config, name, project="shop"))
    make, arguments = KINDS[read.target.kind].component()
    given = {} if image is None else {"image": image}
    make(name, arguments(read.spec, read.target, **given))


_ENDPOINTS: Final[Mapping[str, tuple[Mapping[str, Any], str | None]]] = {
    **{f"cloud run: {mode}": (one.config, one.image) for mode, one in gcp_cloud_run.MODES.items()},
    **{f"vertex: {mode}": (one.config, one.image) for mode, one in gcp_vertex.MODES.items()},
    **{f"gke: {mode}": (config, None) for mode, config in gcp_gke.MODES.items()},
}
"""Configs of endpoints, and the image that the program gives."""

MODES: Final[Mapping[str, Program]] = {
    **{f"blocks: {mode}": program for mode, program in BLOCKS.items()},
    **{mode: partial(endpoint, *given) for mode, given in _ENDPOINTS.items()},
}


@cache
def graph_of(mode: str) -> Graph:
    """The resources of a mode, which no other mode has under the same names."""
    return captured(lambda: MODES[mode](name_of(mode)))


def mode_of(name: str) -> str:
    """The mode that a resource belongs to, by the resource's name in the program."""
    return modes.mode_of(name, MODES)


def name_of(mode: str) -> str:
    """The beginning of the names of a mode's resources."""
    return modes.name_of(mode, MODES)
