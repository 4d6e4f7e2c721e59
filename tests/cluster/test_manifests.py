"""Every mode of an endpoint, whole, against the API server: a strict dry run in a restricted namespace.

A NetworkPolicy is among them as every other object; what its rules say is asserted in tests/kubernetes, since
the network of the tests' own cluster enforces none.
"""

import json
from collections import Counter
from collections.abc import Mapping

import pytest

from modelberth.kubernetes.checks import check
from modelberth.kubernetes.crds import kinds
from modelberth.kubernetes.plan import Plan
from modelberth.kubernetes.stages import stages
from support import delivery_modes, engine_modes, route_modes, watched_plans, workload_modes
from support.cluster import Namespace, Object
from support.endpoint_modes import MODES
from support.engine_modes import within


def plans() -> Mapping[str, Plan]:
    """Every plan that the tests of the rooms know and a person could have, by room and mode."""
    rooms: dict[str, Mapping[str, Plan]] = {
        "endpoint": {
            name: Plan.of(mode.deployment.spec, mode.target, "shop", "onprem") for name, mode in MODES.items()
        },
        "workload": {name: made for name, (made, _) in workload_modes.modes().items()},
        "route": route_modes.modes(),
        "delivery": delivery_modes.modes(),
        "kserve": engine_modes.kserve_modes(),
        "ray": engine_modes.ray_modes(),
        "watched": watched_plans.PLANS,
    }
    every = {f"{room}: {mode}": made for room, modes in rooms.items() for mode, made in modes.items()}
    return {mode: made for mode, made in every.items() if not check(made.spec, made.target)}


@pytest.mark.usefixtures("defined")
def test_the_api_server_takes_every_object_of_every_mode(namespace: Namespace) -> None:
    """Also Pod Security: it tells what it would do to the pods of a template."""
    space = namespace.name
    namespace.kubectl("label", "namespace", space, "pod-security.kubernetes.io/warn=restricted")
    manifests: list[Object] = []
    every = plans()
    assert len(every) >= 85
    for mode, made in every.items():
        of_mode = [dict(one) for one in stages(within(made, space)) if one["kind"] != "Namespace"]
        assert len(of_mode) > 4, mode
        manifests += of_mode
    done = namespace.try_apply(*manifests, dry_run=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("serverside-applied (server dry run)") == len(manifests) > 500
    assert "Warning" not in done.stderr, done.stderr
    found = Counter(one["kind"] for one in manifests)
    # A SecretProviderClass is somebody else's: a pod names it.
    assert set(kinds()) - {"SecretProviderClass"} <= set(found), "of these kinds nothing was made"
    assert '"secretProviderClass": "vault"' in json.dumps(manifests)
    assert found["NetworkPolicy"] >= len(every)


def test_what_pod_security_would_refuse_is_told(namespace: Namespace) -> None:
    """So that no warning above is none that nobody would give."""
    space = namespace.name
    namespace.kubectl("label", "namespace", space, "pod-security.kubernetes.io/warn=restricted")
    (deployment,) = stages(within(workload_modes.of_engine("onnxruntime"), space)).pods.values()
    bold = json.loads(json.dumps(deployment))
    bold["spec"]["template"]["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    done = namespace.try_apply(bold, dry_run=True)
    assert done.returncode == 0
    assert "Warning: would violate PodSecurity" in done.stderr
