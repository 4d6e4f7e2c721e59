"""What an instance of Cloud Run has: the smallest size that holds a replica, its GPU, and what none holds."""

from datetime import date
from typing import Any

import pytest

from modelberth.capabilities import check
from modelberth.errors import Problem
from modelberth.gcp.cloud_run import gpu, path, sizes
from modelberth.gcp.cloud_run.limits import Shape, limits
from modelberth.gcp.cloud_run.sizes import Size, size
from modelberth.spec import Bytes, Cpu, EndpointSpec, Resources, parse
from modelberth.spec.cloud_run import CloudRunTarget
from modelberth.spec.resources import GpuKind
from support.gcp_blocks import IMAGE, spec

ROOMS = (sizes, gpu, path)
L4 = {"kind": "l4"}
RTX = {"kind": "rtx-pro-6000"}


def target(region: str = "europe-west4") -> CloudRunTarget:
    fields = {"project": "shop-prod", "project_number": "123456789012", "region": region, "image": IMAGE}
    return parse(CloudRunTarget, fields)


def found(region: str = "europe-west4", **fields: Any) -> list[Problem]:
    made = spec(**fields)
    return [problem for room in ROOMS for problem in room.problems(made, target(region))]


def resources(**fields: Any) -> Resources:
    return parse(Resources, fields)


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ({}, Size(1, 1024)),
        ({"cpu": "100m", "memory": "128Mi"}, Size(1, 512)),
        ({"cpu": "1", "memory": "4Gi"}, Size(1, 4096)),
        ({"cpu": "1", "memory": "4097Mi"}, Size(2, 4097)),
        ({"cpu": "1001m", "memory": "1Gi"}, Size(2, 1024)),
        ({"cpu": "3", "memory": "1Gi"}, Size(4, 2048)),
        ({"cpu": "5", "memory": "1Gi"}, Size(6, 4096)),
        ({"cpu": "1", "memory": "25Gi"}, Size(8, 25_600)),
        ({"cpu": "8", "memory": "32Gi"}, Size(8, 32_768)),
        ({"cpu": "1", "memory": "1000000001"}, Size(1, 954)),
        ({"gpu": L4}, Size(4, 16_384, 1)),
        ({"cpu": "4", "memory": "17Gi", "gpu": L4}, Size(6, 17_408, 1)),
        ({"cpu": "8", "memory": "32Gi", "gpu": L4}, Size(8, 32_768, 1)),
        ({"gpu": RTX}, Size(20, 81_920, 1)),
    ],
)
def test_a_replica_gets_the_smallest_size_that_holds_it(asked: dict[str, Any], got: Size) -> None:
    assert size(resources(**asked)) == got
    assert not found(resources=asked)


def test_no_size_gives_less_than_was_asked_for() -> None:
    """Every step of processors and memory up to the largest instance: enough, and a size of the table."""
    checked = 0
    shapes = {shape.cpus: shape for shape in limits().sizes}
    for millicores in range(250, 8001, 250):
        for mib in range(128, 32_769, 512):
            asked = Resources(cpu=Cpu(millicores), memory=Bytes(mib * 2**20))
            got = size(asked)
            assert got is not None
            assert got.cpus * 1000 >= millicores
            assert got.memory_mib >= mib
            assert shapes[got.cpus].least_mib <= got.memory_mib <= shapes[got.cpus].most_mib
            checked += 1
    assert checked == 32 * 64


def test_a_size_is_written_as_a_container_has_it() -> None:
    assert Size(2, 512).limits == {"cpu": "2", "memory": "512Mi"}
    assert Size(4, 16_384, 1).limits == {"cpu": "4", "memory": "16384Mi", "nvidia.com/gpu": "1"}


@pytest.mark.parametrize(
    ("asked", "field", "words"),
    [
        ({"cpu": "8001m"}, "resources.cpu", "at most 8"),
        ({"memory": "32769Mi"}, "resources.memory", "at most 32Gi"),
        ({"cpu": "9", "gpu": L4}, "resources.cpu", "at most 8 beside a GPU of kind l4"),
        ({"memory": "81Gi", "gpu": RTX}, "resources.memory", "at most 80Gi beside a GPU"),
        ({"gpu": {**L4, "memory_min": "24Gi"}}, "resources.gpu.memory_min", "at most 23034Mi on l4"),
        ({"gpu": {**RTX, "memory_min": "96Gi"}}, "resources.gpu.memory_min", "No GPU of Cloud Run"),
    ],
)
def test_what_no_instance_has_is_refused(asked: dict[str, Any], field: str, words: str) -> None:
    (problem,) = found(resources=asked)
    assert problem.path == field
    assert words in str(problem)


def test_a_larger_gpu_is_named() -> None:
    (problem,) = found(resources={"gpu": {**L4, "memory_min": "40Gi"}})
    assert problem.hint == "Cloud Run has that with rtx-pro-6000."


def test_processors_and_memory_are_refused_together() -> None:
    paths = [problem.path for problem in found(resources={"cpu": "16", "memory": "64Gi"})]
    assert paths == ["resources.cpu", "resources.memory"]
    assert size(resources(cpu="16", memory="64Gi")) is None


@pytest.mark.parametrize(
    ("region", "kinds"),
    [
        ("europe-west4", {"l4", "rtx-pro-6000"}),
        ("us-east4", {"l4"}),
        ("asia-south1", {"l4"}),
        ("asia-south2", {"rtx-pro-6000"}),
        ("europe-west3", set()),
    ],
)
def test_a_region_offers_its_gpus(region: str, kinds: set[str]) -> None:
    assert {kind for kind in limits().gpus if not found(region, resources={"gpu": {"kind": kind}})} == kinds


@pytest.mark.parametrize("kind", limits().gpus)
def test_a_gpu_is_offered_in_its_regions_and_in_no_other(kind: GpuKind) -> None:
    regions = limits().gpus[kind].regions
    for region in regions:
        assert not found(region, resources={"gpu": {"kind": kind}})
    (problem,) = found("europe-north1", resources={"gpu": {"kind": kind}})
    assert (problem.path, problem.given) == ("target.region", "'europe-north1'")
    assert all(region in problem.allowed for region in regions)
    assert len(regions) >= 4


def test_a_gpu_that_cloud_run_has_not_is_the_capabilities_to_refuse() -> None:
    made = spec(resources={"gpu": {"kind": "h100"}})
    assert gpu.offer(made) is None
    assert size(made.resources) is None
    assert not found(resources={"gpu": {"kind": "h100"}})
    assert "resources.gpu.kind" in {problem.path for problem in check(made, target())}


@pytest.mark.parametrize(
    ("asked", "field", "words"),
    [
        ({"max_body": Bytes(32 * 2**20 + 1)}, "limits.max_body", "at most 32Mi"),
        ({"concurrency": 1001}, "limits.concurrency", "at most 1000"),
    ],
)
def test_requests_that_cloud_run_does_not_let_through_are_refused(
    asked: dict[str, Any], field: str, words: str
) -> None:
    (problem,) = found(limits=asked)
    assert problem.path == field
    assert words in str(problem)


def test_the_largest_requests_pass() -> None:
    assert not found(limits={"max_body": "32Mi", "concurrency": 1000, "timeout": "1h"})


def test_the_table_says_what_is_refused_before() -> None:
    """The capabilities have two of its limits, kinds of GPU and the size of a body; specs the timeout."""
    body = Bytes(limits().body_bytes)

    def refused(**fields: Any) -> set[str]:
        made: EndpointSpec = spec(**fields)
        return {problem.path for problem in check(made, target())}

    assert not refused(limits={"max_body": body, "timeout": limits().timeout_seconds})
    assert refused(limits={"max_body": Bytes(body + 1)}) == {"limits.max_body"}
    by_gpu = {
        "runtime": {"engine": "custom", "image": IMAGE},
        "model": {"uri": "gs://models/iris", "sha256": "a" * 64, "format": "custom"},
    }
    for kind in limits().gpus:
        assert not refused(resources={"gpu": {"kind": kind}}, **by_gpu)
        assert refused(resources={"gpu": {"kind": kind, "count": 2}}, **by_gpu) == {"resources.gpu.count"}


def test_the_table_is_in_order_and_dated() -> None:
    every = {"": limits().sizes} | {kind: offer.sizes for kind, offer in limits().gpus.items()}
    for shapes in every.values():
        assert list(shapes) == sorted(shapes, key=lambda one: (one.cpus, one.most_mib))
        assert all(one.least_mib <= one.most_mib for one in shapes)
    assert Shape(4, 2048, 16_384) in limits().sizes
    assert date.fromisoformat(limits().captured) <= date.today()
    for offer in limits().gpus.values():
        assert offer.invited <= {*offer.regions}
