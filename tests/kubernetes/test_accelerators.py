"""How a pod comes to its GPUs, and what is refused before it waits for ever."""

import copy
import tomllib
from collections.abc import Callable
from typing import Any, get_args

import pytest

from modelberth.kubernetes.accelerators.placement import claim_templates, placement, problems
from modelberth.kubernetes.accelerators.table import (
    KIND_LABEL,
    TABLE,
    accelerators,
    own_choice,
    read,
    slice_memory,
)
from modelberth.kubernetes.plan import Plan
from modelberth.kubernetes.pods.pod import pod_template
from modelberth.spec import Bytes
from modelberth.spec.resources import GpuKind
from support.endpoint_plans import plan
from support.gpu_plans import accesses, with_gpu

EVERY = [(kind, access) for kind in get_args(GpuKind) for access in accesses(kind)]


def labels(made: Plan) -> dict[str, list[str]]:
    """The labels of which a node needs one, with the values that fit."""
    affinity = placement(made, made.main).pod["affinity"]["nodeAffinity"]
    terms = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    expressions = [one for term in terms for one in term["matchExpressions"]]
    assert len(expressions) == len(terms), "any one of the labels is enough"
    assert {one["operator"] for one in expressions} == {"In"}
    return {one["key"]: one["values"] for one in expressions}


def found(made: Plan) -> list[str]:
    return [str(problem) for problem in problems(made.spec, made.target)]


def expression(made: Plan) -> str:
    (template,) = claim_templates(made).values()
    (request,) = template["spec"]["spec"]["devices"]["requests"]
    (selector,) = request["exactly"]["selectors"]
    return str(selector["cel"]["expression"])


@pytest.mark.parametrize(
    ("gpu", "access", "limits"),
    [
        ({}, None, {"nvidia.com/gpu": "1"}),
        ({"count": 4}, None, {"nvidia.com/gpu": "4"}),
        ({"kind": "mi300x", "count": 8}, None, {"amd.com/gpu": "8"}),
        ({}, {"kind": "time_sliced"}, {"nvidia.com/gpu.shared": "1"}),
        ({"kind": "h100"}, {"kind": "mig", "profile": "1g.10gb"}, {"nvidia.com/mig-1g.10gb": "1"}),
        ({"kind": "h100"}, {"kind": "mig", "profile": "1g.10gb.me"}, {"nvidia.com/mig-1g.10gb.me": "1"}),
        ({}, {"kind": "device_claim"}, {}),
    ],
)
def test_a_container_asks_for_its_gpus(
    gpu: dict[str, Any], access: dict[str, Any] | None, limits: dict[str, str]
) -> None:
    made = with_gpu(gpu, access)
    part = placement(made, made.main)
    assert part.limits == limits
    assert len(part.claims) == (not limits)
    assert found(made) == []


def test_a_pod_without_gpus_gets_nothing_of_all_this() -> None:
    made = plan()
    part = placement(made, made.main)
    assert (part.limits, part.claims, part.pod, claim_templates(made)) == ({}, (), {}, {})
    assert found(made) == []


@pytest.mark.parametrize(("kind", "access"), EVERY)
def test_every_kind_is_placed_in_every_way_that_it_offers(kind: GpuKind, access: dict[str, str]) -> None:
    made = with_gpu({"kind": kind}, access, runtime_class="gpus")
    part = placement(made, made.main)
    vendor = accelerators()[kind].vendor
    assert found(made) == []
    assert part.pod["tolerations"] == [{"key": vendor.taint, "operator": "Exists", "effect": "NoSchedule"}]
    assert part.pod["runtimeClassName"] == "gpus"
    assert bool(part.limits) != bool(part.claims)
    if part.limits:
        assert vendor.label in labels(made)
        assert all(name.startswith(f"{vendor.taint.partition('/')[0]}/") for name in part.limits)
    pod = pod_template(made, made.main, [part])
    (container,) = pod["spec"]["containers"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod["spec"]["securityContext"]["runAsUser"] >= 10_000


def test_the_table_offers_what_it_should() -> None:
    """So that the parametrized test above is known to be about something."""
    ways = [access["kind"] for _, access in EVERY]
    assert {way: ways.count(way) for way in ways} == {
        "device_plugin": 12,
        "time_sliced": 11,
        "device_claim": 11,
        "mig": 45,
    }


def test_a_node_fits_by_any_label_that_says_its_model() -> None:
    assert labels(with_gpu({"kind": "h100"})) == {
        "nvidia.com/gpu.product": ["NVIDIA-H100-80GB-HBM3", "NVIDIA-H100-NVL", "NVIDIA-H100-PCIe"],
        KIND_LABEL: ["h100"],
        "cloud.google.com/gke-accelerator": ["nvidia-h100-80gb", "nvidia-h100-mega-80gb"],
        "eks.amazonaws.com/instance-gpu-name": ["h100"],
        "karpenter.k8s.aws/instance-gpu-name": ["h100"],
    }
    assert labels(with_gpu({"kind": "mi300x"})) == {
        "amd.com/gpu.product-name": ["AMD_Instinct_MI300X_OAM"],
        KIND_LABEL: ["mi300x"],
    }


@pytest.mark.parametrize(
    ("gpu", "access", "products"),
    [
        ({"kind": "h100", "memory_min": "90Gi"}, None, ["NVIDIA-H100-NVL"]),
        (
            {"kind": "v100", "memory_min": "17Gi"},
            None,
            ["Tesla-V100-PCIE-32GB", "Tesla-V100-SXM2-32GB", "Tesla-V100-SXM3-32GB"],
        ),
        ({"kind": "h100"}, {"kind": "mig", "profile": "1g.12gb"}, ["NVIDIA-H100-NVL"]),
    ],
)
def test_only_products_that_are_large_enough_are_left(
    gpu: dict[str, Any], access: dict[str, Any] | None, products: list[str]
) -> None:
    """The other labels tell the kind alone, so they would let in the smaller ones as well."""
    assert labels(with_gpu(gpu, access)) == {"nvidia.com/gpu.product": products}


def test_shares_and_slices_are_not_looked_for_by_labels_of_clouds() -> None:
    """There they have names of their own, which this release does not set."""
    for access in ({"kind": "time_sliced"}, {"kind": "mig", "profile": "3g.40gb"}):
        assert labels(with_gpu({"kind": "a100-80gb"}, access)).keys() == {
            "nvidia.com/gpu.product",
            KIND_LABEL,
        }


@pytest.mark.parametrize("label", sorted(own_choice()))
def test_who_names_the_nodes_is_not_corrected(label: str) -> None:
    made = with_gpu(node_selector={label: "mine"})
    assert "affinity" not in placement(made, made.main).pod
    other = with_gpu(node_selector={"team": "search"})
    assert "affinity" in placement(other, other.main).pod


def test_a_claim_asks_for_devices_by_model_and_memory() -> None:
    made = with_gpu({"kind": "a100-80gb", "count": 2, "memory_min": "40Gi"}, {"kind": "device_claim"})
    (template,) = claim_templates(made).values()
    (request,) = template["spec"]["spec"]["devices"]["requests"]
    exactly = request["exactly"]
    assert (template["apiVersion"], template["kind"]) == ("resource.k8s.io/v1", "ResourceClaimTemplate")
    assert (exactly["deviceClassName"], exactly["allocationMode"], exactly["count"]) == (
        "gpu.nvidia.com",
        "ExactCount",
        2,
    )
    assert expression(made) == (
        'device.driver == "gpu.nvidia.com" && device.attributes["gpu.nvidia.com"].productName in '
        '["NVIDIA A100 80GB PCIe", "NVIDIA A100-SXM4-80GB"] && '
        'device.capacity["gpu.nvidia.com"].memory.compareTo(quantity("40Gi")) >= 0'
    )
    assert "capacity" not in expression(with_gpu(access={"kind": "device_claim"}))
    pod = pod_template(made, made.main, [placement(made, made.main)])["spec"]
    (claim,) = pod["resourceClaims"]
    assert claim == {"name": "gpu", "resourceClaimTemplateName": template["metadata"]["name"]}
    assert pod["containers"][0]["resources"]["claims"] == [{"name": "gpu"}]
    assert "nodeAffinity" not in pod["affinity"], "the devices themselves lead to the node"


def test_another_claim_is_another_template() -> None:
    """The API server lets no template change."""

    def name(gpu: dict[str, Any], **access: str) -> str:
        made = with_gpu(gpu, {"kind": "device_claim", **access})
        (template,) = claim_templates(made).values()
        assert template["metadata"]["name"].startswith(f"{made.name}-gpu-")
        return str(template["metadata"]["name"])

    names = [
        name({}),
        name({"count": 2}),
        name({"memory_min": "8Gi"}),
        name({"kind": "t4"}),
        name({}, device_class="gpus.example.com"),
    ]
    assert len(set(names)) == len(names)
    assert name({}) == names[0]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (plan(target={"gpu": {"kind": "time_sliced"}}), ["target.gpu.kind"]),
        (plan(target={"runtime_class": "nvidia"}), ["target.runtime_class"]),
        (with_gpu({"memory_min": "24Gi"}), ["resources.gpu.memory_min"]),
        (with_gpu({"memory_min": "22Gi"}), []),
        (with_gpu({"kind": "h100", "memory_min": "94Gi"}), ["resources.gpu.memory_min"]),
        (with_gpu({"kind": "h100", "memory_min": "81Gi"}), []),
        (with_gpu({"memory_min": "24Gi"}, {"kind": "device_claim"}), ["resources.gpu.memory_min"]),
        (with_gpu({}, {"kind": "mig", "profile": "1g.5gb"}), ["target.gpu.kind"]),
        (with_gpu({"kind": "h100"}, {"kind": "mig", "profile": "1g.5gb"}), ["target.gpu.profile"]),
        (
            with_gpu({"kind": "h100", "count": 2}, {"kind": "mig", "profile": "1g.10gb"}),
            ["resources.gpu.count"],
        ),
        (
            with_gpu({"kind": "h100", "memory_min": "11Gi"}, {"kind": "mig", "profile": "1g.10gb"}),
            ["resources.gpu.memory_min"],
        ),
        (with_gpu({"count": 2}, {"kind": "time_sliced"}), ["resources.gpu.count"]),
        (with_gpu({"kind": "mi300x"}, {"kind": "time_sliced"}), ["target.gpu.kind"]),
        (with_gpu({"kind": "mi300x"}, {"kind": "device_claim"}), ["target.gpu.kind"]),
        (with_gpu({"kind": "mi300x"}, {"kind": "mig", "profile": "1g.5gb"}), ["target.gpu.kind"]),
    ],
)
def test_what_no_node_could_give_is_refused(made: Plan, expected: list[str]) -> None:
    assert [text.partition(":")[0] for text in found(made)] == expected


def test_a_refusal_says_what_there_is() -> None:
    (no_slice,) = found(with_gpu({"kind": "h200"}, {"kind": "mig", "profile": "1g.10gb"}))
    assert "1g.18gb, 1g.18gb.me, 1g.35gb, 2g.35gb, 3g.71gb, 4g.71gb, 7g.141gb" in no_slice
    (no_mig,) = found(with_gpu({}, {"kind": "mig", "profile": "1g.10gb"}))
    assert "a100-40gb, a100-80gb, h100, h200, b200, rtx-pro-6000" in no_mig
    (too_small,) = found(with_gpu({"memory_min": "24Gi"}))
    assert "at most 23034Mi, the memory of a GPU of kind l4" in too_small


def test_slices_are_smaller_than_their_gpu() -> None:
    checked = 0
    for accelerator in accelerators().values():
        for product in accelerator.products:
            for profile in product.slices:
                # Both are rounded: the whole GPU as one slice is named by a little more than it has.
                assert slice_memory(profile) <= Bytes(int(product.memory * 1.03)), (product.name, profile)
                checked += 1
    assert checked == 79


def drop_kind(data: dict[str, Any]) -> None:
    del data["kinds"]["l4"]


def add_kind(data: dict[str, Any]) -> None:
    data["kinds"]["l5"] = data["kinds"]["l4"]


def unknown_vendor(data: dict[str, Any]) -> None:
    data["kinds"]["l4"]["vendor"] = "other"


def label_without_source(data: dict[str, Any]) -> None:
    data["kinds"]["l4"]["nodes"]["cloud.example.com/gpu"] = ["l4"]


def unused_source(data: dict[str, Any]) -> None:
    data["sources"]["hearsay"] = "https://example.com"


@pytest.mark.parametrize("spoil", [drop_kind, add_kind, unknown_vendor, label_without_source, unused_source])
def test_a_wrong_table_is_an_error(spoil: Callable[[dict[str, Any]], None]) -> None:
    data = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    assert read(data).keys() == {*get_args(GpuKind)}
    spoilt = copy.deepcopy(data)
    spoil(spoilt)
    with pytest.raises(ValueError, match=r"accelerators\.toml"):
        read(spoilt)
