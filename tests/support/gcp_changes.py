"""The kinds of endpoint in Google Cloud, and one change for each field of their specs and targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from modelberth.spec import CloudRunTarget, GkeTarget, VertexTarget
from support import gcp_cloud_run, gcp_gke, gcp_vertex
from support.clouds.change import Config, merged
from support.clouds.kinds import AROUND_PODS, Kind
from support.gcp.spec_changes import SPEC
from support.gcp.target_changes import CLOUD_RUN, GKE, VERTEX

__all__ = ["KINDS", "UNCHANGED"]

UNCHANGED: Final[Mapping[str, str]] = {
    "target.kind": "another kind is another component",
    "target.project": "everything is made in the other project, and deleted here",
    "target.project_number": "it goes with the project",
    "target.region": "everything is made there, and deleted here",
    "target.access.kind": "a change of target.access",
    "target.cluster.kind": "another cluster has another provider: all in it is made there",
    "target.cluster.name": "another cluster has another provider: all in it is made there",
    "target.cluster.location": "another cluster has another provider: all in it is made there",
    "target.cluster.capacity.kind": "a change of target.cluster.capacity",
    "target.gpu_pool.kind": "another pool is a change of target.gpu_pool",
    "target.gpu_pool.sharing.kind": "a change of target.gpu_pool.sharing",
}
"""Fields that have no change of their own, and why."""


def _of_service(config: Config) -> dict[str, Any]:
    """With what a rollout needs: the revision that it comes from."""
    if "previous" not in config.get("rollout", {}):
        return dict(config)
    return merged({"target": {"previous_revision": gcp_cloud_run.PREVIOUS_REVISION}}, config)


KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind(
            "cloud_run",
            gcp_cloud_run.mode().config,
            CloudRunTarget,
            SPEC,
            CLOUD_RUN,
            {**UNCHANGED, "resources.gpu.count": "an instance has one GPU"},
            _of_service,
        ),
        Kind("vertex", gcp_vertex.mode().config, VertexTarget, SPEC, VERTEX, UNCHANGED),
        Kind("gke", gcp_gke.config(), GkeTarget, SPEC, GKE, UNCHANGED, only=(*AROUND_PODS, "security.key")),
    )
}
