"""The decision table: which targets fit an endpoint, and why not the others."""

from typing import Any

import pytest

from modelberth.capability_table import load
from modelberth.cli.targets import Choice, choices
from modelberth.spec import EndpointDeployment, parse

HUB = {"uri": "hf://org/name", "revision": "1" * 40, "sha256": "0" * 64}
HOST = {"security": {"tls": {"domain": "iris.example.com"}}}
AZURE = {"kind": "azure_ml", "resource_group": "models", "location": "westeurope"}


def judged(**spec: Any) -> dict[str, Choice]:
    entry = {"name": "iris", "model": HUB, "target": AZURE, **spec}
    found = choices(parse(EndpointDeployment, entry))
    assert sorted(choice.target for choice in found) == sorted(load()), "every target is judged once"
    fits = [choice.fits for choice in found]
    assert fits == sorted(fits, reverse=True), "those that fit come first"
    return {choice.target: choice for choice in found}


def fitting(found: dict[str, Choice]) -> set[str]:
    return {target for target, choice in found.items() if choice.fits}


@pytest.mark.parametrize(
    ("spec", "fits"),
    [
        pytest.param(
            {"model": {"uri": "model.onnx"}, "target": {"kind": "local"}}, set(load()), id="the default"
        ),
        # Our own server has no use for one.
        pytest.param({"resources": {"gpu": {"kind": "l4"}}}, set(), id="a GPU"),
        pytest.param(
            {
                "model": {"uri": "https://models.example.com/a.onnx", "sha256": "0" * 64},
                "resources": {"gpu": {"kind": "t4"}},
                "runtime": {"engine": "triton", "image": f"registry.example.com/triton@sha256:{'0' * 64}"},
                "security": {"auth": {"kind": "none"}},
            },
            {"container_apps", "kubernetes", "eks", "gke"},
            id="a GPU for Triton",
        ),
        pytest.param(
            {"limits": {"max_body": "20Mi"}},
            {"sagemaker", "cloud_run", "container_apps", "azure_ml", "kubernetes", "eks", "gke"},
            id="a body of 20 MiB",
        ),
        pytest.param(
            {"scaling": {"min": 0, "max": 3}},
            {"lambda", "sagemaker", "cloud_run", "container_apps", "kubernetes", "eks", "gke"},
            id="down to no replica",
        ),
        pytest.param(
            {"limits": {"timeout": "30m"}}, {"cloud_run", "kubernetes", "eks", "gke"}, id="half an hour"
        ),
    ],
)
def test_which_targets_fit(spec: dict[str, Any], fits: set[str]) -> None:
    assert fitting(judged(**spec)) == fits


def test_a_refusal_names_the_field_the_value_and_what_is_allowed() -> None:
    (refused,) = judged(limits={"max_body": "20Mi"})["lambda"].refused
    assert refused.startswith("limits.max_body: given 20Mi, allowed: at most 6Mi on target `lambda`: ")


def test_every_refusal_of_a_target_is_told() -> None:
    refused = judged(resources={"gpu": {"kind": "l4"}}, limits={"timeout": "30m", "max_body": "20Mi"})
    assert [reason.partition(":")[0] for reason in refused["lambda"].refused] == [
        "resources.gpu",
        "limits.max_body",
        "limits.timeout",
    ]


def test_the_one_of_the_config_is_marked_and_a_planned_one_is_no_refusal() -> None:
    found = judged()
    assert [choice.target for choice in found.values() if choice.chosen] == ["azure_ml"]
    assert (found["azure_ml"].status, found["azure_ml"].fits) == ("planned", True)


def test_of_those_that_fit_the_ones_that_can_be_deployed_to_come_first() -> None:
    found = list(judged(model={"uri": "model.onnx"}, target={"kind": "local"}).values())
    assert [choice.status for choice in found] == [*["available"] * 8, *["planned"] * 2]
    first = ["local", "lambda", "sagemaker", "cloud_run", "vertex", "kubernetes", "eks", "gke"]
    assert [choice.target for choice in found[:8]] == first


@pytest.mark.parametrize(
    "spec",
    [
        {"scaling": {"min": 0, "max": 3}},
        {"variants": {"other": {"model": {**HUB, "version": "2"}, "weight": 10}}, **HOST},
        {"limits": {"requests_per_second": 5}, **HOST},
        {"scaling": {"min": 0, "max": 3}, "limits": {"requests_per_second": 5}, **HOST},
        {"monitoring": {"tracing": {}}},
    ],
    ids=["to zero", "variants", "a rate", "to zero at a rate", "traces"],
)
def test_a_cluster_fits_with_what_it_can_have(spec: dict[str, Any]) -> None:
    assert judged(**spec)["kubernetes"].refused == ()


def test_what_the_spec_lacks_for_a_cluster_is_told() -> None:
    refused = judged(limits={"requests_per_second": 5})["kubernetes"].refused
    assert len(refused) == 1


def test_limits_and_cold_starts_come_from_the_table() -> None:
    found = judged()
    assert (found["lambda"].max_body, found["lambda"].max_timeout) == ("≤ 6Mi", "≤ 15m")
    assert found["lambda"].gpu == "no"
    assert found["vertex"].scale_to_zero == "no"
    assert all(choice.cold_start for choice in found.values())
