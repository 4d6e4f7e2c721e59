"""What may be wanted on a Vertex endpoint, and the step that follows from what is there."""

import pytest

from modelberth.provider.resource import ResourceError
from modelberth.provider.vertex.deployment import DUTY_CYCLE, Deployment, Desired, Share
from modelberth.provider.vertex.plan import Deploy, Mutate, Route, Undeploy, Wait, next_step
from modelberth.provider.vertex.resources import DeployedModel, Endpoint
from support.vertex_api import ENDPOINT, PARENT


def version(number: int, machine: str = "n1-standard-4", **changes: object) -> Deployment:
    return Deployment(f"{PARENT}/models/iris@{number}", machine, **changes)  # type: ignore[arg-type]


WANTED = Desired("o", ENDPOINT, (Share(version(1), 100),))
(ID,) = WANTED.deployments
SPEC = {"minReplicaCount": 1}


def found(*ids: str, traffic: dict[str, int] | None = None, owner: str = "o") -> Endpoint:
    return Endpoint(ENDPOINT, "e1", {one: DeployedModel(one, owner, SPEC) for one in ids}, traffic or {})


def test_each_step_follows_from_what_is_there() -> None:
    document = WANTED.document_of(version(1))
    gpu = version(1, accelerator_type="NVIDIA_TESLA_T4", accelerator_count=1, targets=((DUTY_CYCLE, 60),))
    followed = Desired("o", ENDPOINT, (Share(gpu, 100),))
    (with_gpu,) = followed.deployments
    there = Endpoint.of(
        {
            "name": ENDPOINT,
            "deployedModels": [
                {
                    "id": with_gpu,
                    "dedicatedResources": {
                        "minReplicaCount": 1,
                        "maxReplicaCount": 1,
                        "autoscalingMetricSpecs": [{"metricName": DUTY_CYCLE}],
                    },
                }
            ],
            "trafficSplit": {with_gpu: 100, "7": 0},
        }
    )
    steps = [
        (WANTED, found("1", traffic={"1": 100}), ("op-1", "op-2"), Wait("op-1")),
        (WANTED, found("1", traffic={"1": 100}), (), Deploy(document)),
        (WANTED, found("1", ID, traffic={"1": 100}), (), Route({ID: 100}, "e1")),
        (WANTED, found("1", ID, traffic={ID: 100}), (), Undeploy("1")),
        (WANTED, found("1", ID, traffic={ID: 100}, owner="another"), (), None),
        (WANTED, found("1", "2", traffic={"2": 100}), (), Undeploy("1")),
        (WANTED, found(ID, traffic={ID: 100}), (), None),
        (Desired("o", ENDPOINT, ()), found(ID, traffic={ID: 100}), (), Route({}, "e1")),
        (Desired("o", ENDPOINT, ()), found(ID), (), Undeploy(ID)),
        (followed, there, (), None),
    ]
    for desired, endpoint, running, step in steps:
        assert next_step(desired, endpoint, running) == step
    more = version(1, max_replicas=2)
    scaled = Desired("o", ENDPOINT, (Share(more, 100),))
    assert next_step(scaled, found(ID, traffic={ID: 100}), ()) == Mutate(scaled.document_of(more))


def test_a_deployment_is_asked_for_as_the_api_has_it() -> None:
    gpu = version(
        2,
        accelerator_type="NVIDIA_TESLA_T4",
        accelerator_count=2,
        max_replicas=3,
        targets=((DUTY_CYCLE, 80),),
        service_account="iris@shop-prod.iam.gserviceaccount.com",
        access_log=True,
    )
    assert WANTED.document_of(gpu) == {
        "id": WANTED.id_of(gpu),
        "displayName": "o",
        "model": f"{PARENT}/models/iris@2",
        "dedicatedResources": {
            "machineSpec": {
                "machineType": "n1-standard-4",
                "acceleratorType": "NVIDIA_TESLA_T4",
                "acceleratorCount": 2,
            },
            "minReplicaCount": 1,
            "maxReplicaCount": 3,
            "autoscalingMetricSpecs": [
                {
                    "metricName": "aiplatform.googleapis.com/prediction/online/accelerator/duty_cycle",
                    "target": 80,
                }
            ],
        },
        "serviceAccount": "iris@shop-prod.iam.gserviceaccount.com",
        "enableAccessLogging": True,
    }


@pytest.mark.parametrize(
    ("shares", "told"),
    [
        (((version(1), 60), (version(2), 30)), r"traffic: given iris@1: 60, iris@2: 30, .* They sum to 90\."),
        (((version(1), 110), (version(2), -10)), "allowed: percentages from 0 that sum to 100"),
        (((version(1), 50), (version(1), 50)), "allowed: each deployment once"),
    ],
)
def test_shares_that_are_not_all_of_the_requests_are_refused(
    shares: tuple[tuple[Deployment, int], ...], told: str
) -> None:
    with pytest.raises(ResourceError, match=told):
        Desired("o", ENDPOINT, tuple(Share(*one) for one in shares))


def test_deployments_that_cannot_be_are_refused() -> None:
    with pytest.raises(ResourceError, match=r"model: given '.*/models/iris', allowed: the name of a version"):
        Deployment(f"{PARENT}/models/iris", "n1-standard-4")
    for least, most in ((0, 1), (3, 2)):
        with pytest.raises(ResourceError, match=f"replicas: given {least} to {most}, .*not scale to zero"):
            version(1, min_replicas=least, max_replicas=most)


def test_an_id_follows_from_what_cannot_be_changed() -> None:
    same = {WANTED.id_of(version(1)), WANTED.id_of(version(1, max_replicas=9)), WANTED.id_of(version(1))}
    others = [
        version(2),
        version(1, "n1-standard-8"),
        version(1, service_account="a@b"),
        version(1, access_log=True),
    ]
    ids = same | {WANTED.id_of(one) for one in others}
    assert len(same) == 1
    assert len(ids) == 1 + len(others)
    assert all(len(one) == 10 and one.isdecimal() and one[0] != "0" for one in ids)
    assert Desired("o", f"{ENDPOINT}-2", ()).id_of(version(1)) not in ids
