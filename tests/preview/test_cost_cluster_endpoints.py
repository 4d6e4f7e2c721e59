"""What an endpoint in a cluster costs: nodes, which are somebody else's, so GPUs are counted and no more."""

import pytest

from modelberth.kubernetes.plan import Plan
from support.costs import cost, step, why
from support.effect_cases.cluster_endpoints import CLAIM, SCALED, THREE, gpus
from support.endpoint_changes import manifests, token
from support.endpoint_plans import plan
from support.engine_modes import kserve, ray
from support.route_modes import modes
from support.workload_modes import GPU

NODES = "billed through the cluster's nodes"


def unpriced(made: Plan) -> list[str]:
    steps = [step(token(one), one, role) for role, one in manifests(made).items()]
    found = cost(*steps)
    assert (found.least.usd, found.most.usd) == (0, 0)
    return why(found)


@pytest.mark.parametrize(
    ("made", "counted"),
    [
        (plan(scaling=THREE), ""),
        (gpus(), " (3 x 2 nvidia.com/gpu)"),
        (gpus(CLAIM), " (3 x 2 gpu.nvidia.com)"),
        (gpus(scaling=SCALED), " (3 to 6 x 2 nvidia.com/gpu)"),
        (kserve("triton", resources=GPU, scaling=THREE), " (3 x 2 nvidia.com/gpu)"),
        (kserve("vllm", scaling=THREE), " (3 x 2 nvidia.com/gpu)"),
        (ray(scaling=THREE), " (3 x 2 nvidia.com/gpu)"),
    ],
    ids=["no GPU", "GPUs", "claims", "autoscaled", "KServe", "KServe's language model", "Ray"],
)
def test_the_gpus_are_counted(made: Plan, counted: str) -> None:
    assert unpriced(made) == [f"{NODES}{counted}"]


@pytest.mark.parametrize("mode", [name for name in modes() if not name.startswith("ingress")])
def test_nothing_but_its_pods_is_left_open(mode: str) -> None:
    made = modes()[mode]
    assert {one.partition(" (")[0] for one in unpriced(made)} == {NODES}


def test_an_ingress_may_have_a_load_balancer_of_a_cloud() -> None:
    assert len(unpriced(modes()["ingress"])) == 2
