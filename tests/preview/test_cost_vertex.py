"""Vertex AI: every sum is worked out by hand beside it, from the prices in the shipped file."""

from typing import Any

import pytest

from modelberth.preview.plan import Marker, Step
from support.costs import cost, load, step, usd, why

MONTH = 730
MACHINE, T4 = 0.21849885, 0.4025
ENDPOINT = "projects/shop-prod/locations/us-central1/endpoints/1"


def deployed(*shares: dict[str, Any], endpoint: Any = ENDPOINT) -> Step:
    return step(
        "modelberth:vertex:DeployedModel", {"name": "iris", "endpoint": endpoint, "shares": [*shares]}
    )


def share(percent: int = 100, machine: str = "n1-standard-4", **more: Any) -> dict[str, Any]:
    model = "projects/shop-prod/locations/us-central1/models/iris@1"
    return {"model": model, "percent": percent, "machineType": machine, **more}


def test_a_replica_is_always_paid_for() -> None:
    assert usd(cost(deployed(share()))) == (round(MACHINE * MONTH, 4),) * 3


def test_each_replica_has_its_accelerators() -> None:
    gpus = {"acceleratorType": "NVIDIA_TESLA_T4", "acceleratorCount": 2}
    found = cost(deployed(share(**gpus, minReplicas=1, maxReplicas=3)))
    hour = MACHINE + 2 * T4
    assert usd(found) == (round(hour * MONTH, 4), round(hour * MONTH, 4), round(3 * hour * MONTH, 4))
    assert {line.unit for line in found.most.lines} == {"h"}
    assert any("not read from the vendor's list" in said for said in found.assumptions)


def test_what_is_expected_of_a_deployment_is_its_share_of_the_load() -> None:
    # 26,280,000 requests of 1 s a month are 10 at a time: 9 and 1 of them
    busy = load(26_280_000, "1s")
    of_two = (share(90, maxReplicas=20), share(10, maxReplicas=20))
    assert usd(cost(deployed(*of_two), expected=busy))[1] == round(10 * MACHINE * MONTH, 4)
    one = cost(deployed(share(100, maxReplicas=20)), expected=busy)
    assert usd(one)[1] == round(10 * MACHINE * MONTH, 4)


def test_what_gets_no_request_keeps_its_least_replicas() -> None:
    both = cost(deployed(share(100), share(0, minReplicas=2, maxReplicas=4)), expected=load(26_280_000, "1s"))
    assert usd(both) == tuple(round(count * MACHINE * MONTH, 4) for count in (3, 3, 5))


def test_a_machine_without_a_price_is_told_and_not_guessed() -> None:
    found = cost(deployed(share(machine="g2-standard-8", acceleratorType="NVIDIA_L4", acceleratorCount=1)))
    assert usd(found) == (0, 0, 0)
    assert why(found) == ["no price for g2-standard-8 on Vertex AI in us-central1"]


def test_another_region_has_other_prices() -> None:
    (said,) = why(cost(deployed(share(), endpoint=ENDPOINT.replace("us-central1", "europe-west4"))))
    assert said == "no price for n1-standard-4 on Vertex AI in europe-west4 (known: us-central1)"


def test_the_region_of_an_endpoint_that_is_not_there_yet() -> None:
    made = step("gcp:vertex/aiEndpoint:AiEndpoint", {"location": "us-central1"}, "endpoint")
    found = cost(made, deployed(share(), endpoint=Marker.UNKNOWN))
    assert {line.price for line in found.least.lines} == {"gcp.vertex.machine.n1-standard-4@us-central1"}
    (lost,) = why(cost(deployed(share(), endpoint=Marker.UNKNOWN)))
    assert lost == "its region decides the price and cannot be told"


def test_a_log_of_requests_is_billed_by_what_is_written() -> None:
    (said,) = why(cost(deployed(share(accessLog=True))))
    assert "billed by the GiB" in said
    assert why(cost(deployed(share(accessLog=False)))) == []


def test_replicas_that_are_not_known_leave_the_whole_out() -> None:
    (said,) = why(cost(deployed(share(), share(0, minReplicas=Marker.UNKNOWN))))
    assert said == "shares[1].minReplicas decides the price and is known after the update only"


@pytest.mark.parametrize(
    ("token", "said"),
    [("modelberth:vertex:Model", []), ("gcp:vertex/aiEndpoint:AiEndpoint", [])],
)
def test_a_version_and_an_address_cost_nothing(token: str, said: list[str]) -> None:
    assert why(cost(step(token, {"location": "us-central1"}))) == said
