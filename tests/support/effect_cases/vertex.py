"""What an endpoint in Vertex AI runs: another version, other machines, other shares, other replicas."""

from typing import Any, Final

from modelberth.preview.effects import Kind
from modelberth.preview.effects.effect import Calls
from modelberth.preview.plan import Marker
from support.plans import step

from .case import CHANGE, DANGER, Case, silent, tells

_DEPLOYED: Final = "modelberth:vertex:DeployedModel"
_MODEL: Final = "modelberth:vertex:Model"
_VERSION: Final = "projects/p/locations/europe-west4/models/iris@{}"


def share(version: Any = 1, percent: int = 100, **more: Any) -> dict[str, Any]:
    """A deployment of one version."""
    model = version if isinstance(version, Marker) else _VERSION.format(version)
    return {"model": model, "percent": percent, "machineType": "n1-standard-4", **more}


def runs(*shares: dict[str, Any]) -> dict[str, Any]:
    """Inputs of what an endpoint runs."""
    endpoint = "projects/p/locations/europe-west4/endpoints/1"
    return {"name": "iris", "endpoint": endpoint, "shares": list(shares)}


_NEW: Final = Marker.UNKNOWN
_T4: Final = {"acceleratorType": "NVIDIA_TESLA_T4", "acceleratorCount": 2}

CASES: list[Case] = [
    tells(
        "vertex: another version",
        _DEPLOYED,
        runs(share(1)),
        runs(share(_NEW)),
        Kind.ROLLING,
        CHANGE,
        "gets a new deployment; the old one serves until it is there",
        facts={"calls": Calls.SAFE, "extra_gpus": 0},
    ),
    tells(
        "vertex: another version needs its GPUs beside the old one's",
        _DEPLOYED,
        runs(share(1, **_T4, minReplicas=2)),
        runs(share(2, **_T4, minReplicas=3)),
        Kind.ROLLING,
        CHANGE,
        "it needs 2 more GPUs from then on and 4 more GPUs for that time",
        facts={"extra_gpus": 4},
    ),
    tells(
        "vertex: another machine is another deployment",
        _DEPLOYED,
        runs(share(1)),
        runs({**share(1), "machineType": "n1-standard-8"}),
        Kind.ROLLING,
        CHANGE,
        "gets a new deployment",
        facts={"calls": Calls.UNKNOWN},
    ),
    tells(
        "vertex: a canary stops nothing",
        _DEPLOYED,
        runs(share(1)),
        runs(share(_NEW, 10), share(1, 90)),
        Kind.ROLLING,
        CHANGE,
        "nothing else is stopped for it",
    ),
    silent(
        "vertex: shares alone are no deployment",
        _DEPLOYED,
        runs(share(2, 10), share(1, 90)),
        runs(share(2, 50), share(1, 50)),
        Kind.ROLLING,
    ),
    silent(
        "vertex: replicas alone are no deployment",
        _DEPLOYED,
        runs(share(1)),
        runs(share(1, maxReplicas=3)),
        Kind.ROLLING,
    ),
    tells(
        "vertex: shares",
        _DEPLOYED,
        runs(share(2, 10), share(1, 90)),
        runs(share(2, 50), share(1, 50)),
        Kind.TRAFFIC_MOVED,
        CHANGE,
        "version 'iris@2' 10% → 50%",
        facts={"calls": Calls.SAFE},
    ),
    tells(
        "vertex: the first share of a canary",
        _DEPLOYED,
        runs(share(1)),
        runs(share(_NEW, 10), share(1, 90)),
        Kind.TRAFFIC_MOVED,
        CHANGE,
        "the new version 0% → 10%",
    ),
    silent(
        "vertex: one in place of one other is no split",
        _DEPLOYED,
        runs(share(1)),
        runs(share(2)),
        Kind.TRAFFIC_MOVED,
    ),
    tells(
        "vertex: fewer replicas",
        _DEPLOYED,
        runs(share(1, maxReplicas=4)),
        runs(share(1, maxReplicas=2)),
        Kind.IN_PLACE,
        CHANGE,
        "`maxReplicas` 4 → 2",
        facts={"calls": Calls.MAY_FAIL},
    ),
    tells(
        "vertex: more replicas",
        _DEPLOYED,
        runs(share(1, maxReplicas=2)),
        runs(share(1, maxReplicas=4)),
        Kind.IN_PLACE,
        CHANGE,
        "`shares[0].maxReplicas` 2 → 4",
        facts={"calls": Calls.SAFE},
    ),
    tells(
        "vertex: one replica is left",
        _DEPLOYED,
        runs(share(1, minReplicas=2)),
        runs(share(1, minReplicas=1, maxReplicas=2)),
        Kind.PROTECTION_LIFTED,
        DANGER,
        "leaves one replica",
    ),
    silent(
        "vertex: a second replica",
        _DEPLOYED,
        runs(share(1)),
        runs(share(1, minReplicas=2)),
        Kind.PROTECTION_LIFTED,
    ),
    tells(
        "vertex: requests are no longer logged",
        _DEPLOYED,
        runs(share(1, accessLog=True)),
        runs(share(1)),
        Kind.PROTECTION_LIFTED,
        DANGER,
        "no longer writes down",
    ),
    silent(
        "vertex: requests are logged",
        _DEPLOYED,
        runs(share(1)),
        runs(share(1, accessLog=True)),
        Kind.PROTECTION_LIFTED,
    ),
    tells(
        "vertex: nothing runs any more",
        _DEPLOYED,
        runs(share(1)),
        None,
        Kind.REMOVED,
        DANGER,
        "calls to it fail",
    ),
    tells(
        "vertex: a version goes once the new one is deployed",
        _MODEL,
        {"image": "a"},
        {"image": "b"},
        Kind.REPLACED,
        CHANGE,
        "once the new one is there",
        replaces=["image"],
        facts={"calls": Calls.SAFE},
    ),
    tells(
        "vertex: a version goes that still runs",
        _MODEL,
        {"image": "a"},
        None,
        Kind.REMOVED,
        DANGER,
        "Vertex AI refuses that",
        others=(step(_DEPLOYED, runs(share(1)), runs(share(1)), name="deployed"),),
        outputs_before={"versionName": _VERSION.format(1)},
    ),
    tells(
        "vertex: a version goes that ran",
        _MODEL,
        {"image": "a"},
        None,
        Kind.REMOVED,
        CHANGE,
        "nothing runs this version any more",
        others=(step(_DEPLOYED, runs(share(1)), runs(share(_NEW)), name="deployed"),),
        outputs_before={"versionName": _VERSION.format(1)},
        facts={"calls": Calls.SAFE},
    ),
    silent(
        "vertex: an account that is not known yet is no other one",
        _DEPLOYED,
        runs(share(1, serviceAccount="a")),
        runs(share(1, serviceAccount=_NEW)),
        Kind.ROLLING,
    ),
    tells(
        "vertex: another key for a model",
        _MODEL,
        {"encryptionKey": "a"},
        {"encryptionKey": "b"},
        Kind.KEY_CHANGED,
        CHANGE,
        "another key for the model",
        replaces=["encryptionKey"],
    ),
]
