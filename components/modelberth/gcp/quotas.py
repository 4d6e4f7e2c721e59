"""What endpoints need of a project's quotas, so that nobody waits for a GPU that the project may not have.

Pure: it names quotas and numbers. `modelberth quota` reads what the project has.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any, Final

from modelberth.gcp.cloud_run.limits import limits
from modelberth.gcp.cloud_run.sizes import size
from modelberth.gcp.place import Place
from modelberth.spec import EndpointDeployment
from modelberth.spec.cloud_run import CloudRunTarget
from modelberth.spec.gke import GkeTarget, NewGkeCluster
from modelberth.spec.gke_nodes import Autopilot, ComputeClassPool, GkeNodePool, Mig, TimeSharing
from modelberth.spec.vertex import VertexTarget

__all__ = ["TABLE", "Need", "needs"]

TABLE: Final = Path(__file__).with_name("quotas.toml")

_EVERYWHERE: Final = "global"
_TWICE: Final = "twice: an update has the old and the new one for a while"


@dataclass(frozen=True, slots=True)
class Need:
    """How much of one quota the endpoints of a stack need together.

    Attributes:
        place: project and region; `global` for a quota of all regions
        service: whose quota it is, such as run.googleapis.com
        name: of the quota, its id in Cloud Quotas
        dimensions: what it is divided by beside the region, such as a family of GPUs
        value: least that suffices, in the quota's own unit
        why: what needs it, an endpoint each

    """

    place: Place
    service: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    value: int
    why: tuple[str, ...]

    @property
    def divided_by(self) -> dict[str, str]:
        """Every dimension, the region among them."""
        region = {} if self.place.region == _EVERYWHERE else {"region": self.place.region}
        return {**region, **dict(self.dimensions)}


def needs(endpoints: Iterable[EndpointDeployment]) -> tuple[Need, ...]:
    """Add up what the endpoints need, by place and quota; other clouds' endpoints need none of it."""
    found: dict[tuple[Place, str, str, tuple[tuple[str, str], ...]], Need] = {}
    for endpoint in endpoints:
        for need in _of(endpoint):
            key = (need.place, need.service, need.name, need.dimensions)
            before = found.get(key)
            found[key] = (
                need
                if before is None
                else replace(before, value=before.value + need.value, why=(*before.why, *need.why))
            )
    return tuple(found.values())


def _of(endpoint: EndpointDeployment) -> Iterator[Need]:
    match endpoint.target:
        case CloudRunTarget():
            yield from _instances(endpoint, endpoint.target)
        case VertexTarget():
            yield from _replicas(endpoint, endpoint.target)
        case GkeTarget():
            yield from _nodes(endpoint, endpoint.target)


def _instances(endpoint: EndpointDeployment, target: CloudRunTarget) -> Iterator[Need]:
    """Cloud Run counts the most instances of each revision that there is (pulumi/pulumi-gcp#3794)."""
    row, resources = _table()["cloud_run"], endpoint.spec.resources
    each, most = size(resources), endpoint.spec.scaling.max
    if each is None:
        return
    place, service = _place(target), row["service"]
    why = (f"{endpoint.name} has {most} instances at most, {_TWICE}",)
    for part, amount in (("processors", each.cpus), ("memory", each.memory_mib)):
        value = 2 * most * amount * row[part]["per"]
        yield Need(place, service, row[part]["quota"], (), value, why)
    if resources.gpu is not None and (offer := limits().gpus.get(resources.gpu.kind)):
        quota = offer.zonal_quota if target.zonal_redundancy else offer.quota
        value = 2 * most * resources.gpu.count * row["gpus"][resources.gpu.kind]
        yield Need(place, service, quota, (), value, why)


def _replicas(endpoint: EndpointDeployment, target: VertexTarget) -> Iterator[Need]:
    """Vertex AI counts a deployed model with its largest number of replicas."""
    row, gpu = _table()["vertex"], endpoint.spec.resources.gpu
    if gpu is None or gpu.kind not in row["gpus"]:
        return
    count = gpu.count * endpoint.spec.scaling.max
    why = f"{endpoint.name} has {count} of kind {gpu.kind} at most, {_TWICE}"
    yield Need(_place(target), row["service"], row["gpus"][gpu.kind], (), 2 * count, (why,))


def _nodes(endpoint: EndpointDeployment, target: GkeTarget) -> Iterator[Need]:
    """Nodes that a pool adds: those that a given cluster has already are in use of the quota already."""
    row, gpu = _table()["gke"], endpoint.spec.resources.gpu
    if gpu is None or gpu.kind not in row["gpus"] or not _makes_nodes(target):
        return
    pool, kind = target.gpu_pool, row["gpus"][gpu.kind]
    is_spot = pool is not None and pool.spot
    count = _whole(target, gpu.count * endpoint.spec.scaling.max)
    place, of_kind = _place(target), f"{endpoint.name} has {count} of kind {gpu.kind} at most"
    everywhere = replace(place, region=_EVERYWHERE)
    yield Need(everywhere, row["service"], row["everywhere"], (), count, (of_kind,))
    if is_spot and "spot" in kind:
        why = (f"{of_kind}, as spare capacity",)
        yield Need(place, row["service"], kind["spot"], (), count, why)
    # A compute class goes on to on-demand nodes where there is no spare capacity.
    if not is_spot or isinstance(pool, ComputeClassPool):
        family = (("gpu_family", kind["family"]),) if "family" in kind else ()
        yield Need(place, row["service"], kind["quota"], family, count, (of_kind,))


def _makes_nodes(target: GkeTarget) -> bool:
    cluster = target.cluster
    by_itself = isinstance(cluster, NewGkeCluster) and isinstance(cluster.capacity, Autopilot)
    return target.gpu_pool is not None or by_itself


def _whole(target: GkeTarget, gpus: int) -> int:
    """GPUs where pods share one; of a GPU in partitions, at least one."""
    pool = target.gpu_pool
    match pool.sharing if isinstance(pool, GkeNodePool) else None:
        case TimeSharing(pods=pods):
            return ceil(gpus / pods)
        case Mig():
            return 1
    return gpus


def _place(target: CloudRunTarget | VertexTarget | GkeTarget) -> Place:
    return Place(target.project, target.project_number, target.region)


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))
