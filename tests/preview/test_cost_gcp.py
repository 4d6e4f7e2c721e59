"""Google: every sum is worked out by hand beside it, from the prices in the shipped file."""

from typing import Any

import pytest

from modelberth.preview.plan import Marker, Step
from support.costs import cost, load, provider, step, usd, why

MONTH = 730
SECONDS = 2_628_000


def service(
    limits: dict[str, str], low: int = 0, high: int = 1, *, location: str = "us-central1", **template: Any
) -> Step:
    resources = {"limits": limits, **template.pop("resources", {})}
    scaling = {"minInstanceCount": low, "maxInstanceCount": high}
    template = {"containers": [{"resources": resources}], "scaling": scaling, **template}
    return step("gcp:cloudrunv2/service:Service", {"location": location, "template": template})


L4 = {"cpu": "8", "memory": "32Gi", "nvidia.com/gpu": "1"}
GPU = {"nodeSelector": {"accelerator": "nvidia-l4"}, "gpuZonalRedundancyDisabled": True}
# a second: 8 x 0.000018 + 32 x 0.000002 + 0.0001867 = 0.0003947
A_SECOND = 0.0003947


def test_cloud_run_with_an_l4_from_zero() -> None:
    # a request every 2.6 s: the instance never stops
    assert usd(cost(service(L4, **GPU))) == (0, round(SECONDS * A_SECOND, 4), round(SECONDS * A_SECOND, 4))
    # a request every 7.3 h: each keeps it up for 0.1 s and 15 minutes
    seldom = cost(service(L4, **GPU), expected=load(100))
    assert usd(seldom)[1] == round(100 * 900.1 * A_SECOND, 4)
    assert any("stays up for 15 minutes" in said for said in seldom.assumptions)


def test_cloud_run_with_an_l4_that_is_always_up() -> None:
    assert usd(cost(service(L4, 1, **GPU))) == (round(SECONDS * A_SECOND, 4),) * 3


def test_zonal_redundancy_of_a_gpu_has_its_own_price() -> None:
    zonal = cost(service(L4, 1, nodeSelector={"accelerator": "nvidia-l4"}))
    assert usd(zonal)[0] == round(SECONDS * (A_SECOND - 0.0001867 + 0.0002909), 4)


def test_cloud_run_by_request() -> None:
    by_request = {"resources": {"cpuIdle": True}}
    found = cost(service({"cpu": "1", "memory": "512Mi"}, 0, 2, **by_request))
    # 100,000 s x (0.000024 + 0.5 x 0.0000025) + 1 x 0.40
    assert usd(found)[:2] == (0, round(2.4 + 0.125 + 0.40, 4))
    # two instances all month, each with 80 requests at a time of 0.1 s: 4,204.8 M requests
    assert usd(found)[2] == round(2 * SECONDS * 0.00002525 + 4204.8 * 0.40, 4)


def test_a_request_is_rounded_up_to_100_ms() -> None:
    by_request = {"resources": {"cpuIdle": True}}
    found = cost(
        service({"cpu": "1", "memory": "512Mi"}, 0, 2, **by_request), expected=load(1_000_000, "20ms")
    )
    assert usd(found)[1] == round(2.4 + 0.125 + 0.40, 4)


def test_least_instances_wait_at_the_idle_price() -> None:
    found = cost(service({"cpu": "1", "memory": "1Gi"}, 1, 1, resources={"cpuIdle": True}))
    idle, active = 2 * 0.0000025, 0.000024 + 0.0000025
    assert usd(found)[0] == round(SECONDS * idle, 4)
    assert usd(found)[1] == round((SECONDS - 100_000) * idle + 100_000 * active + 0.40, 4)
    # 80 at a time of 0.1 s: 2,102.4 M requests
    assert usd(found)[2] == round(SECONDS * active + 2102.4 * 0.40, 4)


@pytest.mark.parametrize(
    ("resources", "is_by_request"),
    [({"limits": {"cpu": "1"}}, False), ({"cpuIdle": True}, True), ({"cpuIdle": False}, False), (None, True)],
)
def test_who_says_nothing_of_the_processor(resources: dict[str, Any] | None, is_by_request: bool) -> None:
    container = {"resources": resources} if resources is not None else {}
    inputs = {"location": "europe-west1", "template": {"containers": [container]}}
    found = cost(step("gcp:cloudrunv2/service:Service", inputs))
    assert {line.price.startswith("gcp.run.instance") for line in found.expected.lines} == {not is_by_request}
    assert any("at most 100 instances" in said for said in found.assumptions)


def test_gke_with_a_pool_of_gpus() -> None:
    cluster = step(
        "gcp:container/cluster:Cluster", {"location": "us-central1-a", "removeDefaultNodePool": True}
    )
    pool = step(
        "gcp:container/nodePool:NodePool",
        {
            "location": "us-central1-a",
            "initialNodeCount": 1,
            "autoscaling": {"minNodeCount": 0, "maxNodeCount": 2},
            "nodeConfig": {
                "machineType": "g2-standard-4",
                "guestAccelerators": [{"type": "nvidia-l4", "count": 1}],
            },
        },
    )
    found = cost(cluster, pool)
    node = 0.70684 * MONTH
    assert usd(found) == (73, round(73 + node, 4), round(73 + 2 * node, 4))
    assert any("its L4 is included" in said for said in found.assumptions)


def test_a_regional_pool_has_nodes_in_three_zones() -> None:
    inputs = {"location": "us-central1", "nodeCount": 1, "nodeConfig": {"machineType": "e2-medium"}}
    assert usd(cost(step("gcp:container/nodePool:NodePool", inputs)))[0] == round(3 * 0.0335 * MONTH, 4)


RING = "projects/shop-prod/locations/{}/keyRings/shop"


@pytest.mark.parametrize("region", ["us-central1", "europe-west4", "asia-southeast1"])
def test_a_key_costs_the_same_in_every_region_that_its_ring_is_in(region: str) -> None:
    key = step("gcp:kms/cryptoKey:CryptoKey", {"keyRing": RING.format(region)})
    ring = step("gcp:kms/keyRing:KeyRing", {"location": region, "name": "shop"}, "ring")
    new = step("gcp:kms/cryptoKey:CryptoKey", {"keyRing": Marker.UNKNOWN})
    for found in (cost(key), cost(ring, new)):
        assert usd(found) == (0.06,) * 3
        assert {line.price for line in found.least.lines} == {f"gcp.kms.key@{region}"}


def test_a_key_of_a_ring_that_nobody_knows_has_no_price() -> None:
    found = cost(step("gcp:kms/cryptoKey:CryptoKey", {"keyRing": Marker.UNKNOWN}))
    assert why(found) == ["its region decides the price and cannot be told"]


def test_the_least_instances_of_a_former_revision_are_told() -> None:
    both = [{"revision": "iris-2", "percent": 10}, {"revision": "iris-1", "percent": 90}]
    template = {"revision": "iris-2", "containers": [{}]}
    inputs = {"location": "us-central1", "traffics": both}
    scaled = {**inputs, "template": {**template, "scaling": {"minInstanceCount": 1, "maxInstanceCount": 2}}}
    (said,) = why(cost(step("gcp:cloudrunv2/service:Service", scaled)))
    assert "1 other revision with a share or a tag" in said
    for alone in ({**inputs, "template": template}, {**scaled, "traffics": both[:1]}):
        assert why(cost(step("gcp:cloudrunv2/service:Service", alone))) == []


def test_a_gpu_that_the_price_file_does_not_know() -> None:
    pro = {"cpu": "20", "memory": "80Gi", "nvidia.com/gpu": "1"}
    template = {"nodeSelector": {"accelerator": "nvidia-rtx-pro-6000"}, "gpuZonalRedundancyDisabled": True}
    found = cost(service(pro, 1, **template))
    assert usd(found)[0] == round(SECONDS * (20 * 0.000018 + 80 * 0.000002), 4)
    said = "no price for nvidia-rtx-pro-6000 without zonal redundancy on Cloud Run in us-central1"
    assert why(found) == [said]


def test_machines_that_come_with_their_gpus_are_billed_once() -> None:
    config = {
        "machineType": "g4-standard-48",
        "guestAccelerators": [{"type": "nvidia-rtx-pro-6000", "count": 1}],
    }
    pool = {"location": "us-central1-a", "nodeCount": 1, "nodeConfig": config}
    assert sorted(why(cost(step("gcp:container/nodePool:NodePool", pool)))) == [
        "no price for g4-standard-48 in us-central1",
        "the disks of its machines are not estimated",
    ]


def test_nodes_of_a_compute_class_are_told() -> None:
    spec = {"priorities": [{"machineType": "g2-standard-4", "spot": True}, {"machineType": "g2-standard-4"}]}
    (said,) = why(cost(step("kubernetes:cloud.google.com/v1:ComputeClass", {"spec": spec})))
    assert said == "the nodes of g2-standard-4 that GKE makes for pods that wait: not estimated"


LOGS = "gcp:logging/projectBucketConfig:ProjectBucketConfig"
BY_USE = {
    LOGS: "what is written to it, which the program does not tell: 0.5 USD per GiB",
    "gcp:logging/metric:Metric": "what it counts of the log",
    "gcp:monitoring/alertPolicy:AlertPolicy": "the metrics that it reads from 2027-09-01 on",
    "gcp:monitoring/uptimeCheckConfig:UptimeCheckConfig": "how often it checks",
    "gcp:secretmanager/secret:Secret": "the values in it and how often they are read",
    "gcp:storage/bucket:Bucket": "what it stores and the requests to it",
    "gcp:artifactregistry/repository:Repository": "the images that it holds",
}


@pytest.mark.parametrize("token", BY_USE)
def test_what_is_billed_by_use_is_told(token: str) -> None:
    (said,) = why(cost(step(token, {"location": "europe-west4"})))
    assert said.startswith(f"billed for {BY_USE[token]}")


FREE = (
    "gcp:projects/service:Service",
    "gcp:projects/serviceIdentity:ServiceIdentity",
    "gcp:projects/iAMMember:IAMMember",
    "gcp:kms/keyRing:KeyRing",
    "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember",
    "gcp:serviceaccount/account:Account",
    "gcp:serviceaccount/iAMMember:IAMMember",
    "gcp:monitoring/notificationChannel:NotificationChannel",
    "gcp:monitoring/slo:Slo",
    "gcp:logging/projectSink:ProjectSink",
    "gcp:billing/budget:Budget",
)


@pytest.mark.parametrize("token", FREE)
def test_what_is_not_billed_is_left_out(token: str) -> None:
    found = cost(step(token, {"location": "europe-west4"}))
    assert (usd(found), why(found)) == ((0, 0, 0), [])


def test_vertex_never_goes_to_zero_and_says_what_is_doubtful() -> None:
    machine = {"machineType": "n1-standard-4", "acceleratorType": "NVIDIA_TESLA_T4", "acceleratorCount": 1}
    dedicated = {"machineSpec": machine, "minReplicaCount": 1, "maxReplicaCount": 2}
    kind = "gcp:vertex/aiEndpointWithModelGardenDeployment:AiEndpointWithModelGardenDeployment"
    found = cost(step(kind, {"location": "us-central1", "deployConfig": {"dedicatedResources": dedicated}}))
    hour = 0.21849885 + 0.4025
    assert usd(found) == (round(hour * MONTH, 4), round(hour * MONTH, 4), round(2 * hour * MONTH, 4))
    assert any("not read from the vendor's list" in said for said in found.assumptions)


def test_autopilot_is_not_estimated() -> None:
    found = cost(step("gcp:container/cluster:Cluster", {"location": "us-central1", "enableAutopilot": True}))
    assert usd(found)[0] == 73
    assert "Autopilot" in why(found)[0]


def test_the_region_of_the_provider() -> None:
    inputs = {"template": {"containers": [{}]}}
    found = cost(
        step("gcp:cloudrunv2/service:Service", inputs), around=[provider("gcp", region="europe-west3")]
    )
    assert {line.price.partition("@")[2] for line in found.expected.lines} == {"europe-west3"}
