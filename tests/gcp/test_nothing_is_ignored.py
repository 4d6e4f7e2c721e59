"""Each field of a spec and its target, in each kind of endpoint: it changes something, or is refused.

What a change does is in golden/*_changes.json, which `test_changes` holds against the components; of pods in
GKE their objects are compared here. A field that does neither says why.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from gcp.test_every_resource import composed
from modelberth.gcp.gke.placement import pods
from modelberth.gcp.plan import Plan
from modelberth.kubernetes.managed_cluster import in_cluster
from modelberth.kubernetes.plan import Manifest
from modelberth.kubernetes.plan import Plan as PodPlan
from modelberth.spec import EndpointDeployment, EndpointSpec, GkeTarget, parse
from modelberth.spec.shape import leaves
from support import gcp_gke
from support.clouds.bad_input import refusals
from support.clouds.change import Change, Config, at, inside, merged, one
from support.endpoint_changes import manifests
from support.gcp.pod_changes import PODS
from support.gcp.spec_changes import SPEC, WORDS
from support.gcp_changes import KINDS

GOLDEN: Final = Path(__file__).parent / "golden"
LEAVES: Final = {"cloud_run": 118, "vertex": 110, "gke": 191}
COUNTS: Final = {
    "cloud_run": {"changes": 75, "refused": 35, "nothing": 7},
    "vertex": {"changes": 73, "refused": 31, "nothing": 5},
    "gke": {"changes": 177, "refused": 8, "nothing": 5},
}

_COSTS: Final = "expected of the endpoint: for the estimate of costs alone"
_GPU: Final = "a bound that the GPU has to hold, and is refused where it does not"
_HELD: Final = "the revision is named by target.previous_revision, and has its model already"
NO_EFFECT: Final[Mapping[str, Mapping[str, str]]] = {
    "cloud_run": {
        "resources.gpu.memory_min": _GPU,
        "load.requests_per_month": _COSTS,
        "load.request_time": _COSTS,
        **{f"rollout.previous.{name}": _HELD for name in ("revision", "sha256", "format", "version")},
    },
    "vertex": {
        "runtime.engine": "both engines take the image and the arguments as they are given",
        "resources.gpu.memory_min": _GPU,
        "load.requests_per_month": _COSTS,
        "load.request_time": _COSTS,
        "protect": "a mark in the state, which `test_every_resource` looks at",
    },
    "gke": {
        "resources.gpu.memory_min": _GPU,
        "load.requests_per_month": _COSTS,
        "load.request_time": _COSTS,
        "protect": "a mark in the state, which `test_every_resource` looks at",
        "target.key_rotation": "an input of the key that is generated, beside the objects",
    },
}
"""Fields whose change makes no resource another one, and why."""

_CANARY: Final = {"rollout": {"strategy": "canary", "previous": WORDS.previous, "step": 1}}
_SHADOW: Final = {"strategy": "shadow", "previous": WORDS.previous}
_HEADER: Final = merged(_CANARY, {"rollout": {"header": {"name": "x-new", "value": "yes"}}})
_CHEAP: Final = {"cheap": {"model": {**WORDS.previous, "format": "onnx"}, "weight": 30, "shadow": True}}
_VARIANTS: Final = {"variants": _CHEAP}
_CAPTURED: Final = {"monitoring": {"capture": {"retention_days": 90}}}
_DRIFT: Final = {
    "monitoring": {
        "capture": {},
        "drift": {"reference": "gs://models/iris/3.onnx", "every": "2h", "threshold_percent": 50},
    }
}
_TRACED: Final = {"monitoring": {"tracing": {"percent": 50.0}}}
_TOKEN: Final = {"kind": "jwt", "issuer": "https://login.example.com", "audience": "iris"}
_KEY: Final = {"kind": "api_key", "header": "x-caller", "secret": "iris-keys"}
_BUDGET: Final = {"budget": {"monthly_usd": 100, "alert_percent": 50}}

REFUSED: Final[Mapping[str, Config]] = {
    "resources.gpu.count": merged(WORDS.gpu, {"resources": {"gpu": {"count": 2}}}),
    "scaling.cooldown": {"scaling": {"min": 1, "max": 4, "cooldown": "10m"}},
    "scaling.idle_to_zero_after": {"scaling": {"min": 0, "max": 4, "idle_to_zero_after": "30m"}},
    "rollout.max_surge": {"rollout": {"strategy": "rolling", "max_surge": "50%"}},
    "rollout.max_unavailable": {"rollout": {"strategy": "rolling", "max_unavailable": 1}},
    **dict.fromkeys(["rollout.header", "rollout.header.name", "rollout.header.value"], _HEADER),
    "rollout.bake": {"rollout": {"strategy": "blue_green", "previous": WORDS.previous, "bake": "30m"}},
    "rollout.percent": {"rollout": {**_SHADOW, "percent": 20}},
    "rollout.promoted": {"rollout": {**_SHADOW, "promoted": True}},
    "variants": _VARIANTS,
    **dict.fromkeys(
        [f"variants.*.model.{name}" for name in ("uri", "revision", "sha256", "format", "version")], _VARIANTS
    ),
    "variants.*.weight": _VARIANTS,
    "variants.*.shadow": _VARIANTS,
    "security.invokers": {"security": {"invokers": [WORDS.invoker]}},
    "security.network.egress": {"security": {"network": {"egress": []}}},
    "security.auth.kind": {"security": {"auth": _TOKEN}},
    "security.auth.header": {"security": {"auth": _KEY}},
    "security.auth.secret": {"security": {"auth": _KEY}},
    "security.auth.issuer": {"security": {"auth": _TOKEN}},
    "security.auth.audience": {"security": {"auth": _TOKEN}},
    "security.tls.min_version": {"security": {"tls": {"min_version": "1.3"}}},
    "security.tls.domain": {"security": {"tls": {"domain": "iris.example.com"}}},
    "security.tls.certificate": {"security": {"tls": {"domain": "iris.example.com", "certificate": "iris"}}},
    "limits.requests_per_second": {"limits": {"requests_per_second": 50}},
    **dict.fromkeys(["budget", "budget.monthly_usd", "budget.alert_percent"], _BUDGET),
    "monitoring.logs.retention_days": {"monitoring": {"logs": {"retention_days": 90}}},
    "monitoring.metrics": {"monitoring": {"metrics": False}},
    **dict.fromkeys(["monitoring.tracing", "monitoring.tracing.percent"], _TRACED),
    "monitoring.capture.retention_days": _CAPTURED,
    "monitoring.capture.drop_fields": {"monitoring": {"capture": {"drop_fields": ["name"]}}},
    "monitoring.capture.hash_fields": {"monitoring": {"capture": {"hash_fields": ["name"]}}},
    "monitoring.drift": _DRIFT,
    **{f"monitoring.drift.{name}": _DRIFT for name in ("reference", "every", "threshold_percent")},
}
"""Fields that a kind may refuse, each with another value than the usual."""

_THERE: Final = gcp_gke.IMAGE.replace("europe-west4", "us-central1")
_PUBLIC: Final = {"security": WORDS.public}
_MADE: Final = {"target": {"cluster": {**gcp_gke.NEW, "name": None}}}
_POOL: Final = {**gcp_gke.GPU, "target": {**gcp_gke.WATCHED, "gpu_pool": gcp_gke.POOL}}
_SHARED: Final = merged(
    _POOL,
    {
        "target": {"gpu_pool": {"max": 4, "sharing": {"kind": "time_sharing", "pods": 4}}},
        "scaling": {"min": 1, "max": 4, "metric": "queue_depth", "target": 8},
    },
)
_CUT: Final = {
    "target": {"gpu_pool": {"sharing": {"kind": "mig", "partition": "1g.10gb", "pods": None}}},
    "resources": {"gpu": {"kind": "a100-80gb"}},
}
PLACES: Final[Mapping[str, Change]] = dict(
    [
        one("target.project", "shop-web"),
        one("target.project_number", "999999999999"),
        ("target.region", Change({"target": {"region": "us-central1", "image": _THERE}})),
        ("target.access.kind", Change({"target": {"access": {"kind": "shared"}}}, _PUBLIC)),
        ("target.cluster.kind", Change(_MADE)),
        *inside("cluster", {}, name="other", location="europe-west4-a"),
        ("target.cluster.capacity.kind", Change({"target": {"cluster": gcp_gke.STANDARD}}, _MADE)),
        ("target.gpu_pool.kind", Change({"target": {"gpu_pool": gcp_gke.CLASS}}, _POOL)),
        ("target.gpu_pool.sharing.kind", Change(_CUT, _SHARED)),
    ]
)
"""Fields that say where an endpoint is, or what another field's change is: all of it is made anew."""


def every(kind: str) -> list[str]:
    """Paths of all fields, those of the target below `target`; `target.kind` says which kind it is."""
    spec, target = leaves(EndpointSpec), leaves(KINDS[kind].target, "target.")
    found = dict.fromkeys(leaf.path for leaf in (*spec, *target))
    return [path for path in found if path != "target.kind"]


@cache
def golden(kind: str) -> Mapping[str, list[str]]:
    table: Mapping[str, list[str]] = json.loads((GOLDEN / f"{kind}_changes.json").read_text())
    return table


def objects(config: Config) -> dict[str, Manifest]:
    """The objects in a cluster."""
    read = parse(EndpointDeployment, config)
    assert isinstance(read.target, GkeTarget)
    plan = Plan.of(read.spec, read.target, "shop", "dev")
    return manifests(PodPlan.of(in_cluster(plan.spec), pods(plan, {}), "shop", "dev"))


def resources(config: Config) -> list[tuple[str, str, Any]]:
    """What a stack looks up, and registers in Google Cloud and in a cluster; components left out."""
    found = composed(config)
    return [
        (one.type, one.name, one.inputs)
        for one in (*found.resources, *found.reads)
        if not one.type.startswith("modelberth:index:")
    ]


def configs(kind: str, change: Change) -> tuple[Config, Config]:
    """The config before and after a change, of which a kind takes at least the first."""
    before = merged(KINDS[kind].smallest, change.before)
    after = merged(before, change.after)
    assert refusals(before) == ()
    return before, after


def is_refused(path: str, config: Config) -> bool:
    """Tell whether a refusal concerns a field: it, a part that holds it, or the choice of one."""
    field = path.replace("*", "cheap")
    choices = {f"{field.rpartition('.')[0]}.{tag}" for tag in ("kind", "strategy")}
    return any(
        problem.path == field or field.startswith(f"{problem.path}.") or problem.path in choices
        for problem in refusals(config)
    )


@cache
def verdict(kind: str, path: str) -> str:
    """What becomes of a field: `changes`, `refused` or `nothing`.

    Raises:
        KeyError: no change of the field is known.

    """
    if golden(kind).get(path):
        return "changes"
    if path in PLACES:
        # Nothing that is named after the number lies around a cluster that exists.
        is_made = (kind, path) == ("gke", "target.project_number")
        change = replace(PLACES[path], before=_MADE) if is_made else PLACES[path]
        before, after = configs(kind, change)
        return "changes" if resources(before) != resources(after) else "nothing"
    if kind == "gke" and path in PODS:
        return of_pods(kind, path, PODS[path])
    if path in REFUSED and is_refused(path, configs(kind, Change(REFUSED[path]))[1]):
        return "refused"
    if path in golden(kind):
        return "nothing"
    return of_pods(kind, path, PODS.get(path) or SPEC[path])


def of_pods(kind: str, path: str, change: Change) -> str:
    """What becomes of a field of pods."""
    before, after = configs(kind, change)
    if is_refused(path, after):
        return "refused"
    assert refusals(after) == ()
    return "changes" if objects(before) != objects(after) else "nothing"


def ignored(kind: str) -> Iterator[str]:
    """Yield fields that do nothing and say not why, and those that say why and do something."""
    for path in every(kind):
        if (verdict(kind, path) == "nothing") != (path in NO_EFFECT[kind]):
            yield path


@pytest.mark.parametrize("kind", KINDS)
def test_no_field_is_ignored_in_silence(kind: str) -> None:
    assert len(every(kind)) == LEAVES[kind] - 1
    assert [*ignored(kind)] == []
    assert NO_EFFECT[kind].keys() <= {*every(kind)}


@pytest.mark.parametrize("kind", KINDS)
def test_fields_do_one_of_three_things(kind: str) -> None:
    found = [verdict(kind, path) for path in every(kind)]
    counts = {word: found.count(word) for word in ("changes", "refused", "nothing")}
    assert counts == COUNTS[kind]


def test_every_change_is_looked_at() -> None:
    known = {path for kind in KINDS for path in every(kind)}
    for table in (PLACES, REFUSED, PODS):
        assert table.keys() <= known


def test_a_field_that_does_nothing_is_found() -> None:
    idle = Change({"load": {"requests_per_month": 5}})
    assert of_pods("gke", "load.requests_per_month", idle) == "nothing"
    assert of_pods("gke", "limits.timeout", Change({"limits": {"timeout": "20s"}})) == "changes"
    assert not is_refused("labels", merged(KINDS["vertex"].smallest, at("labels", {"team": "plants"})))
    with pytest.raises(KeyError):
        verdict("cloud_run", "security.moat")
