"""What holds for each resource of each mode: its project, labels, provider, and place among the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any, Final

import pulumi
import pytest
from pulumi.runtime import mocks

from compose import compose
from modelberth.spec import parse
from settings import Settings
from support import gcp_cloud_run, gcp_gke, gcp_vertex
from support.clouds.naming import inputs_of
from support.gcp_blocks import PLACE
from support.gcp_gke import GkeMonitor, GkeRecorder
from support.gcp_vertex import VertexRecorder
from support.recording import Registered

MODES: Final[Mapping[str, Any]] = {
    **{f"cloud run: {name}": one.config for name, one in gcp_cloud_run.MODES.items() if one.image is None},
    **{f"vertex: {name}": one.config for name, one in gcp_vertex.MODES.items() if one.image is None},
    **{f"gke: {name}": config for name, config in gcp_gke.MODES.items()},
}
"""Every mode in which the program gives no image."""

PROVIDERS: Final = {
    "gcp": f"gcp-{PLACE.project}-{PLACE.region}",
    "modelberth:vertex": "vertex",
    "modelberth:kubernetes": "cluster",
}
"""By what a type begins with; that of the objects in a cluster is the cluster's."""
LASTING: Final = {
    "gcp:cloudrunv2/service:Service",
    "gcp:container/cluster:Cluster",
    "gcp:kms/cryptoKey:CryptoKey",
    "gcp:kms/keyRing:KeyRing",
    "gcp:logging/projectBucketConfig:ProjectBucketConfig",
    "gcp:logging/projectExclusion:ProjectExclusion",
    "gcp:logging/projectSink:ProjectSink",
    "gcp:vertex/aiEndpoint:AiEndpoint",
    "modelberth:vertex:DeployedModel",
}
"""Addresses, keys, logs and what is deployed: what nobody wants back after it is gone."""
_API: Final = "gcp:projects/service:Service"
_LABELS: Final = ("labels", "userLabels", "resourceLabels")
_OWN: Final = {"modelberth-project": "shop", "modelberth-stack": "dev", "modelberth-endpoint": "iris"}
# The labels of a channel say where messages go; those that tell whose it is are `userLabels`.
_NO_LABELS: Final = {("gcp:monitoring/notificationChannel:NotificationChannel", "labels")}


class AllRecorder(GkeRecorder, VertexRecorder):
    """Gives what Google would make of any kind of endpoint."""

    def __init__(self) -> None:
        VertexRecorder.__init__(self)
        self.reads: list[Registered] = []
        self._dns = True


@dataclass(frozen=True)
class Program:
    """What a stack of one endpoint registers."""

    resources: tuple[Registered, ...]
    reads: tuple[Registered, ...] = ()
    """What is there already, and looked up."""

    @cached_property
    def by_name(self) -> Mapping[str, Registered]:
        found = {one.name: one for one in self.resources}
        assert len(found) == len(self.resources), "two resources have one name"
        return found

    @property
    def ours(self) -> list[Registered]:
        """Components and resources; the engine's own left out."""
        return [one for one in self.resources if not one.type.startswith("pulumi:")]

    @property
    def in_google(self) -> list[Registered]:
        return [one for one in self.ours if one.type.startswith(("gcp:", "modelberth:vertex:"))]

    @property
    def apis(self) -> set[str]:
        return {one.name for one in self.resources if one.type == _API}

    def before(self, one: Registered) -> set[str]:
        """Names of everything that is there before a resource is made."""
        seen: set[str] = set()
        waiting = [*one.dependencies]
        while waiting:
            name = waiting.pop().rpartition("::")[2]
            if name not in seen:
                seen.add(name)
                waiting += self.by_name[name].dependencies if name in self.by_name else ()
        return seen

    def root(self, one: Registered) -> str:
        """Type of the outermost component that holds a resource."""
        while "::pulumi:pulumi:Stack::" not in one.parent:
            one = self.by_name[one.parent.rpartition("::")[2]]
        return one.type


@cache
def program(mode: str) -> Program:
    return composed(MODES[mode])


def composed(config: Mapping[str, Any]) -> Program:
    recorder = AllRecorder()
    mocks.set_mocks(recorder, project="shop", stack="dev", preview=False, monitor=GkeMonitor(recorder))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pulumi, "export", lambda *_: None)
        pulumi.runtime.test(lambda: compose(parse(Settings, {"endpoints": [config]})))()
    return Program(tuple(recorder.resources), tuple(recorder.reads))


def labelled(one: Registered) -> list[str]:
    """Which of a resource's inputs are labels, as its class says."""
    if one.type == "modelberth:vertex:Model":
        return ["labels"]
    if not one.type.startswith("gcp:"):
        return []
    return [name for name in _LABELS if name in inputs_of(one.type) and (one.type, name) not in _NO_LABELS]


def faults(found: Program) -> Iterator[str]:
    """Yield what is wrong with a program's resources in Google Cloud."""
    for one in found.in_google:
        takes_project = one.type.startswith("gcp:") and "project" in inputs_of(one.type)
        if takes_project and not one.inputs.get("project"):
            yield f"{one.name} has no project"
        for name in labelled(one):
            if not _OWN.items() <= (one.inputs.get(name) or {}).items():
                yield f"{one.name} does not say in {name} whose it is"
        if one.type != _API and (late := found.apis - found.before(one)):
            yield f"{one.name} does not come after {', '.join(sorted(late))}"
    for one in found.ours:
        if found.root(one) != "modelberth:index:ModelEndpoint":
            yield f"{one.name} is no part of the endpoint"
    yield from foreign(found)


def foreign(found: Program) -> Iterator[str]:
    """Yield resources of another provider than their type's."""
    for one in found.ours:
        if one.type.startswith("modelberth:index:"):
            continue
        package = one.type.partition(":")[0]
        wanted = PROVIDERS.get(package) or PROVIDERS.get(one.type.rpartition(":")[0])
        made_by = one.provider.split("::")[-2] if one.provider else "none"
        is_right = made_by.endswith("-provider") if package == "kubernetes" else made_by == wanted
        if not is_right:
            yield f"{one.name} is of provider {made_by}"


def protection(found: Program) -> dict[bool, set[str]]:
    """Types in Google Cloud that are protected, and those that are not."""
    return {is_on: {one.type for one in found.in_google if one.protect is is_on} for is_on in (True, False)}


@pytest.mark.parametrize("mode", MODES)
def test_each_resource_is_where_it_belongs(mode: str) -> None:
    found = program(mode)
    assert len(found.apis) >= 8
    assert [*faults(found)] == []


def test_all_modes_together_are_many() -> None:
    every = [one for mode in MODES for one in program(mode).in_google]
    assert len(MODES) >= 80
    assert len(every) >= 2500
    assert len({one.type for one in every}) >= 26
    assert sum(bool(labelled(one)) for one in every) >= 500


@pytest.mark.parametrize("mode", ["cloud run: everything", "vertex: everything", "gke: standard"])
def test_what_lasts_is_protected_when_it_is_asked_for(mode: str) -> None:
    config = MODES[mode]
    on, off = (protection(composed({**config, "protect": protect})) for protect in (True, False))
    assert on[True] == LASTING & (on[True] | on[False])
    assert len(on[True]) >= 3
    assert off[True] == set()


def test_a_resource_in_the_wrong_place_is_found() -> None:
    good = program("vertex: invoked")
    assert [*faults(good)] == []
    spoiled = {
        "iris-vertex-endpoint": {"inputs": {}, "dependencies": ()},
        "iris-vertex-deployed": {"provider": ""},
        "iris-vertex-key-key": {"parent": "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"},
    }
    bad = Program(tuple(replace(one, **spoiled.get(one.name, {})) for one in good.resources))
    found = [*faults(bad)]
    for wrong in (
        "iris-vertex-endpoint has no project",
        "iris-vertex-endpoint does not say in labels whose it is",
        "iris-vertex-deployed is of provider none",
        "iris-vertex-key-key is no part of the endpoint",
    ):
        assert wrong in found
    assert [one for one in found if one.startswith("iris-vertex-endpoint does not come after")]
