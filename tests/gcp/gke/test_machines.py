"""Machines with GPUs: the table, and which of them holds a replica."""

from typing import Any, get_args

import pytest

from modelberth.gcp.gke.machines import TABLE, captured, gpu_types, machines
from modelberth.gcp.gke.sizing import accelerator, candidates, machine, partitions, pods_per_node
from modelberth.kubernetes.accelerators.table import accelerators
from modelberth.spec import Bytes, parse
from modelberth.spec.gke import ComputeClassPool, GkeNodePool
from modelberth.spec.quantities import Cpu
from modelberth.spec.resources import GpuKind, Resources

REGION = "europe-west4"
KINDS = [kind for kind in get_args(GpuKind) if machines(kind)]


def pool(**changes: Any) -> GkeNodePool:
    return parse(GkeNodePool, {"kind": "node_pool", **changes})


def resources(kind: str = "l4", count: int = 1, **more: Any) -> Resources:
    return parse(Resources, {"gpu": {"kind": kind, "count": count}, **more})


def name_of(pool_: GkeNodePool, asked: Resources, region: str = REGION) -> str | None:
    found = machine(pool_, asked, region)
    return None if found is None else found.name


def test_the_table_has_a_date_and_sources_and_every_machine_is_whole() -> None:
    assert f"captured = {captured()}" in TABLE.read_text()
    assert TABLE.read_text().count("https://") == 4
    assert KINDS == ["t4", "l4", "v100", "a100-40gb", "a100-80gb", "h100", "h200", "b200", "rtx-pro-6000"]
    every = [one for kind in KINDS for one in machines(kind)]
    assert len(every) >= 130
    assert len({(one.name, one.gpus, one.accelerator.name) for one in every}) == len(every)
    for one in every:
        assert one.gpus in {1, 2, 4, 8, 16}
        assert Cpu(0) < one.cpu_for_pods < Cpu(one.cpus * 1000)
        assert one.memory_for_pods < one.memory
        assert one.zones is None or len(set(one.zones)) == len(one.zones) >= 7


def test_the_accelerators_are_those_that_kubernetes_tells_by_the_label() -> None:
    for name, one in gpu_types().items():
        assert name in accelerators()[one.kind].nodes["cloud.google.com/gke-accelerator"]
    labels = {
        name for kind in KINDS for name in accelerators()[kind].nodes["cloud.google.com/gke-accelerator"]
    }
    assert labels == gpu_types().keys()


def test_a_node_keeps_what_gke_says_it_keeps() -> None:
    """GKE, "Plan GKE Standard node sizes": of 16 GiB 1.0 + 0.8 + 0.8 GiB, of 4 processors 80m."""
    (node,) = [one for one in machines("l4") if one.name == "g2-standard-4"]
    assert node.cpu_for_pods == Cpu(4000 - 80 - 400)
    assert node.memory_for_pods == int(16 * 2**30 - (1 + 0.8 + 0.8) * 2**30) - (100 + 768) * 2**20


@pytest.mark.parametrize(
    ("asked", "changes", "chosen"),
    [
        (resources(), {}, "g2-standard-4"),
        (resources(memory="14Gi"), {}, "g2-standard-8"),
        (resources(cpu="12"), {}, "g2-standard-16"),
        (resources(count=2), {}, "g2-standard-24"),
        (resources(count=3), {}, "g2-standard-48"),
        (resources("t4"), {}, "n1-standard-2"),
        (resources("t4", 4, cpu="40"), {}, "n1-highcpu-64"),
        (resources("h100"), {}, "a3-highgpu-8g"),
        (resources("h100"), {"spot": True}, "a3-highgpu-1g"),
        (resources("a100-40gb", 16), {}, "a2-megagpu-16g"),
        (resources("l4"), {"machine_type": "g2-standard-12"}, "g2-standard-12"),
        (resources("a100-80gb"), {"sharing": {"kind": "mig", "partition": "1g.10gb"}}, "a2-ultragpu-1g"),
        (resources("a100-40gb"), {"sharing": {"kind": "mig", "partition": "1g.20gb"}}, None),
        (resources("l4", memory="500Gi"), {}, None),
        (resources("l40s"), {}, None),
    ],
)
def test_the_smallest_machine_that_holds_a_replica(
    asked: Resources, changes: dict[str, Any], chosen: str | None
) -> None:
    assert name_of(pool(**changes), asked) == chosen


def test_a_region_has_other_machines() -> None:
    assert name_of(pool(), resources("h100"), "europe-west2") == "a3-edgegpu-8g"
    assert name_of(pool(), resources("h100"), "europe-north1") == "a3-highgpu-8g"
    assert name_of(pool(), resources("h100"), "europe-west6") is None
    # Nobody has read where these are, so none is refused.
    assert name_of(pool(), resources("rtx-pro-6000"), "europe-west6") == "g4-standard-48"


def test_attached_gpus_go_with_machines_up_to_a_size() -> None:
    found = {one.gpus for one in machines("v100") if one.name == "n1-standard-16"}
    assert found == {2, 4, 8}
    assert [one.gpus for one in candidates(pool(machine_type="n1-standard-16"), resources("v100").gpu)] == [  # type: ignore[arg-type]
        2,
        4,
        8,
    ]


@pytest.mark.parametrize(
    ("name", "partition", "number"),
    [
        ("nvidia-tesla-a100", "1g.5gb", 7),
        ("nvidia-tesla-a100", "1g.10gb", 4),
        ("nvidia-tesla-a100", "3g.20gb", 2),
        ("nvidia-a100-80gb", "2g.20gb", 3),
        ("nvidia-h100-80gb", "7g.80gb", 1),
        ("nvidia-h200-141gb", "1g.35gb", 4),
        ("nvidia-h200-141gb", "3g.71gb", 2),
        ("nvidia-b200", "1g.23gb", 7),
        ("nvidia-rtx-pro-6000", "1g.24gb", 4),
    ],
)
def test_a_gpu_is_cut_as_nvidia_s_guide_has_it(name: str, partition: str, number: int) -> None:
    assert partitions(gpu_types()[name].product, partition) == number


@pytest.mark.parametrize(
    ("changes", "kind", "count", "each"),
    [
        ({"machine_type": "g2-standard-48"}, "l4", 1, 4),
        ({"machine_type": "g2-standard-48"}, "l4", 3, 1),
        ({"machine_type": "g2-standard-48", "sharing": {"kind": "time_sharing", "pods": 3}}, "l4", 1, 12),
        (
            {"machine_type": "a2-ultragpu-2g", "sharing": {"kind": "mig", "partition": "3g.40gb"}},
            "a100-80gb",
            1,
            4,
        ),
    ],
)
def test_replicas_of_a_node(changes: dict[str, Any], kind: str, count: int, each: int) -> None:
    asked, nodes = resources(kind, count), pool(**changes)
    node = machine(nodes, asked, REGION)
    assert node is not None
    assert asked.gpu is not None
    assert pods_per_node(nodes, node, asked.gpu) == each


def test_the_gpus_of_nodes_that_gke_makes_by_itself() -> None:
    def named(pool_: ComputeClassPool | None, kind: str) -> str | None:
        found = accelerator(pool_, resources(kind), REGION)
        return None if found is None else found.name

    of_mega = parse(ComputeClassPool, {"kind": "compute_class", "machine_types": ["a3-megagpu-8g"]})
    assert named(None, "h100") == "nvidia-h100-80gb"
    assert named(of_mega, "h100") == "nvidia-h100-mega-80gb"
    assert named(None, "l40s") is None
    assert accelerator(None, parse(Resources, {}), REGION) is None


def test_sizes_are_exact() -> None:
    (node,) = [one for one in machines("t4") if (one.name, one.gpus) == ("n1-standard-2", 1)]
    assert node.memory == Bytes(int(7.5 * 2**30))
