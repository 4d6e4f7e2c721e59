"""APIs: those that a kind of endpoint needs are enabled, and stay so."""

import tomllib
from dataclasses import replace
from datetime import date
from typing import Any, get_args

import pulumi
import pytest

from modelberth.gcp.service_agents import agents
from modelberth.gcp.services import TABLE, GcpServices, GcpServicesArgs, Kind, needed, needs
from support.gcp_blocks import PLACE, GcpRecorder, gcp, outputs_of
from support.recording import run

__all__ = ["gcp"]

ARGS = GcpServicesArgs(PLACE, "cloud_run")


def test_every_api_is_needed_by_a_kind_and_says_what_for() -> None:
    assert isinstance(tomllib.loads(TABLE.read_text(encoding="utf-8"))["captured"], date)
    for api, need in needs().items():
        assert api.endswith(".googleapis.com")
        assert need.kinds
        assert {*need.kinds} <= {*get_args(Kind)}
        assert need.what
        assert need.source.startswith("https://docs.cloud.google.com/")


@pytest.mark.parametrize(
    ("kind", "own", "foreign"),
    [
        ("cloud_run", {"run", "binaryauthorization"}, {"aiplatform", "bigquery", "container"}),
        ("vertex", {"aiplatform", "bigquery"}, {"run", "container", "binaryauthorization"}),
        ("gke", {"container", "iamcredentials", "binaryauthorization"}, {"run", "aiplatform", "bigquery"}),
    ],
)
def test_a_kind_needs_its_own_apis_and_what_all_need(kind: Kind, own: set[str], foreign: set[str]) -> None:
    common = {"artifactregistry", "cloudkms", "compute", "containerscanning", "iam", "logging", "monitoring"}
    found = {api.removesuffix(".googleapis.com") for api in needed(kind)}
    assert own | common | {"storage", "cloudresourcemanager"} <= found
    assert not foreign & found


def test_whose_agents_use_keys_is_enabled_somewhere() -> None:
    """IAM makes the agent of an API only where it is enabled."""
    assert {agent.api for agent in agents().values()} <= {
        api for kind in get_args(Kind) for api in needed(kind)
    }


def test_the_apis_are_enabled_and_none_is_ever_disabled(gcp: GcpRecorder) -> None:
    made = run(gcp, lambda: GcpServices("apis", ARGS))
    registered = gcp.of("Service")
    assert [one.inputs["service"] for one in registered] == [*needed("cloud_run")]
    assert len(made.services) == len(registered) > 8
    for one in registered:
        assert one.inputs["project"] == PLACE.project
        assert one.inputs["disableOnDestroy"] is False
        assert one.inputs["disableDependentServices"] is False
        assert one.parent.endswith("::apis")
    assert "apis-run" in {one.name for one in registered}
    assert outputs_of(gcp) == {"services": [*needed("cloud_run")]}


def test_more_apis_are_added_and_none_is_there_twice(gcp: GcpRecorder) -> None:
    more = ("billingbudgets.googleapis.com", "run.googleapis.com")
    run(gcp, lambda: GcpServices("apis", replace(ARGS, more=more)))
    names = [one.inputs["service"] for one in gcp.of("Service")]
    assert names == sorted({*needed("cloud_run"), *more})
    assert len(names) == len(needed("cloud_run")) + 1


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"kind": "lambda"}, "kind"),
        ({"more": ("run",)}, "more[0]"),
        ({"more": ("run.googleapis.com", "https://run.googleapis.com")}, "more[1]"),
    ],
)
def test_what_is_no_api_is_refused(gcp: GcpRecorder, change: dict[str, Any], path: str) -> None:
    args = replace(ARGS, **change)
    (found,) = args.problems()
    assert found.path == path
    with pytest.raises(pulumi.RunError):
        run(gcp, lambda: GcpServices("apis", args))
    assert not gcp.of("Service")
