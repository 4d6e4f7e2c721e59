"""What endpoints need of a project's quotas, and what Google says that it has, where it can be asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from typer.testing import CliRunner

from modelberth.cli import quota_gcp
from modelberth.cli.failure import Exit
from modelberth.cli.main import app
from modelberth.cli.quota_answer import Standing
from modelberth.cli.quota_gcp import answers
from modelberth.gcp.place import Place
from modelberth.gcp.quotas import TABLE, Need, _table, needs
from modelberth.provider.resource import ResourceError
from modelberth.spec import EndpointDeployment, parse
from support import gcp_cloud_run, gcp_gke, gcp_vertex

PLACE: Final = Place("shop-prod", "123456789012", "europe-west4")
L4: Final = "NvidiaL4GpuAllocNoZonalRedundancyPerProjectRegion"
FAMILY: Final = "GPUS-PER-GPU-FAMILY-per-project-region"


def deployed(config: Mapping[str, Any]) -> EndpointDeployment:
    return parse(EndpointDeployment, config)


def of(config: Mapping[str, Any]) -> dict[str, int]:
    return {one.name: one.value for one in needs([deployed(config)])}


def on_run(target: Mapping[str, Any] | None = None, **spec: Any) -> Mapping[str, Any]:
    runtime = {"engine": "triton", "image": gcp_cloud_run.OTHER_IMAGE}
    model = {"uri": "gs://models/iris/3", "sha256": "a" * 64, "format": "triton"}
    return gcp_cloud_run.mode(target, runtime=runtime, model=model, **spec).config


def test_an_update_has_the_old_revision_beside_the_new_one() -> None:
    found = of(on_run(resources={"gpu": {"kind": "l4"}}, scaling={"min": 0, "max": 3}))
    assert found[L4] == 2 * 3
    # 4 processors in thousandths, 16 GiB in bytes, for each of 6
    assert found["CpuAllocPerProjectRegion"] == 6 * 4 * 1000
    assert found["MemAllocPerProjectRegion"] == 6 * 16 * 2**30


def test_a_gpu_in_two_zones_has_a_quota_of_its_own() -> None:
    found = of(on_run({"zonal_redundancy": True}, resources={"gpu": {"kind": "l4"}}))
    assert "NvidiaL4GpuAllocPerProjectRegion" in found
    assert L4 not in found


def test_an_rtx_pro_6000_is_counted_in_thousandths() -> None:
    found = of(on_run(resources={"gpu": {"kind": "rtx-pro-6000"}}))
    assert found["NvidiaRtxPro6000GpuAllocNoZonalRedundancyPerProjectRegion"] == 2 * 1000


def test_endpoints_of_one_region_add_up_and_those_of_another_do_not() -> None:
    here = on_run(resources={"gpu": {"kind": "l4"}})
    there = on_run({"region": "europe-west1"}, resources={"gpu": {"kind": "l4"}})
    found = [one for one in needs([*map(deployed, (here, here, there))]) if one.name == L4]
    assert {one.place.region: one.value for one in found} == {"europe-west4": 4, "europe-west1": 2}
    both = next(one for one in found if one.place.region == "europe-west4")
    assert len(both.why) == 2
    assert all("an update has the old and the new one" in why for why in both.why)


def test_replicas_of_vertex_count_with_their_most() -> None:
    gpu = {"kind": "t4", "count": 2}
    config = gcp_vertex.mode(
        {"machine_type": "n1-standard-8"},
        **{**gcp_vertex.GPU, "resources": {"gpu": gpu}, "scaling": {"min": 1, "max": 3}},
    ).config
    assert of(config) == {"CustomModelServingT4GPUsPerProjectPerRegion": 2 * 2 * 3}
    assert of(gcp_vertex.mode().config) == {}


@pytest.mark.parametrize(
    ("which", "quota"),
    [
        ("existing, gpus of a pool", "NVIDIA-L4-GPUS-per-project-region"),
        ("autopilot, gpus", "NVIDIA-L4-GPUS-per-project-region"),
        ("standard, spare gpus", "PREEMPTIBLE-NVIDIA-T4-GPUS-per-project-region"),
    ],
)
def test_nodes_with_gpus_count_by_kind_and_market_and_in_all(which: str, quota: str) -> None:
    found = needs([deployed(gcp_gke.MODES[which])])
    by_name = {one.name: one for one in found}
    assert by_name.keys() == {quota, "GPUS-ALL-REGIONS-per-project"}
    assert by_name["GPUS-ALL-REGIONS-per-project"].divided_by == {}
    assert by_name[quota].divided_by == {"region": "europe-west4"}
    assert by_name[quota].value == by_name["GPUS-ALL-REGIONS-per-project"].value >= 1


def test_gpus_that_a_cluster_has_already_are_not_asked_for() -> None:
    assert of(gcp_gke.MODES["existing, gpus that are there"]) == {}
    assert of(gcp_gke.MODES["autopilot"]) == {}


def test_pods_that_share_a_gpu_need_fewer() -> None:
    config = gcp_gke.MODES["standard, gpus in turns"]
    # 4 pods at most, 4 of them on each
    assert of(config)["NVIDIA-L4-GPUS-per-project-region"] == 1


def test_a_family_is_a_dimension_of_one_quota() -> None:
    read = deployed(
        gcp_gke.with_gpus(gcp_gke.NEW, gcp_gke.CLASS, resources={"gpu": {"kind": "h100", "count": 8}})
    )
    found = {one.name: one for one in needs([read])}
    assert found["PREEMPTIBLE-NVIDIA-H100-GPUS-per-project-region"].value == found[FAMILY].value == 8
    assert found[FAMILY].divided_by == {"region": "europe-west4", "gpu_family": "NVIDIA_H100"}


def test_the_table_names_its_sources() -> None:
    table = _table()
    assert len(table["sources"]) == 4
    assert str(table["captured"]) == "2026-11-22"
    assert len(table["vertex"]["gpus"]) + len(table["gke"]["gpus"]) == 14
    assert TABLE.suffix == ".toml"


def need(value: int = 2, name: str = L4, dimensions: tuple[tuple[str, str], ...] = ()) -> Need:
    return Need(PLACE, "run.googleapis.com", name, dimensions, value, ("iris",))


def info(value: str | None, *places: str, **dimensions: str) -> dict[str, Any]:
    return {
        "dimensions": dimensions,
        "details": {} if value is None else {"value": value},
        "applicableLocations": [*places],
    }


class Google:
    """Cloud Quotas with one quota."""

    def __init__(self, *infos: Mapping[str, Any]) -> None:
        self.infos = infos
        self.asked: list[tuple[str, str]] = []

    def __call__(self, path: str, project: str) -> Mapping[str, Any]:
        self.asked.append((path, project))
        return {"quotaId": L4, "dimensionsInfos": [*self.infos]}


def test_a_quota_is_asked_for_by_its_name() -> None:
    google = Google(info("3", "europe-west4"))
    (found,) = answers([need()], google)
    assert (found.standing, found.value) == (Standing.ENOUGH, 3)
    path = f"projects/123456789012/locations/global/services/run.googleapis.com/quotaInfos/{L4}"
    assert google.asked == [(path, "shop-prod")]


def test_what_is_too_small_is_told_with_the_command_to_type() -> None:
    (found,) = answers([need(4)], Google(info("3", "europe-west4")))
    assert (found.standing, found.value) == (Standing.TOO_SMALL, 3)
    assert found.detail == (
        "3, and 4 are needed; ask for more: gcloud beta quotas preferences create --project=shop-prod "
        f"--service=run.googleapis.com --quota-id={L4} --preferred-value=4 --dimensions=region=europe-west4"
    )


@pytest.mark.parametrize(
    ("infos", "value"),
    [
        ([info("9", "us-central1"), info("3", "europe-west4")], 3),
        ([info("1", "europe-west4", "us-central1"), info("5", "europe-west4", region="europe-west4")], 5),
        ([info("7", "global")], 7),
        ([info("7", "europe-west4", region="us-central1"), info("2", "europe-west4")], 2),
        ([info(None, "europe-west4")], 0),
    ],
)
def test_the_closest_of_several_values_counts(infos: list[dict[str, Any]], value: float) -> None:
    (found,) = answers([need()], Google(*infos))
    assert found.value == value


def test_a_quota_of_all_regions_and_a_family() -> None:
    everywhere = Need(
        Place("shop-prod", "123456789012", "global"), "compute.googleapis.com", "ALL", (), 1, ()
    )
    (found,) = answers([everywhere], Google(info("4", "global")))
    assert found.value == 4
    h100 = need(9, FAMILY, (("gpu_family", "NVIDIA_H100"),))
    infos = [
        info("1", "europe-west4", gpu_family="NVIDIA_L4"),
        info("8", "europe-west4", gpu_family="NVIDIA_H100"),
    ]
    (found,) = answers([h100], Google(*infos))
    assert (found.standing, found.value) == (Standing.TOO_SMALL, 8)
    assert "--dimensions=region=europe-west4,gpu_family=NVIDIA_H100" in found.detail


def test_without_a_bound_everything_is_enough() -> None:
    (found,) = answers([need(10**9)], Google(info("-1", "europe-west4")))
    assert (found.standing, found.value, found.detail) == (Standing.ENOUGH, None, "without a bound")


def test_a_quota_that_the_region_has_not_is_skipped() -> None:
    (found,) = answers([need()], Google(info("3", "us-central1")))
    assert (found.standing, found.value) == (Standing.SKIPPED, None)
    assert found.detail == f"Google lists no quota {L4} in europe-west4"


def refusing(status: int, body: str) -> Any:
    def read(path: str, _project: str) -> Any:
        request = httpx.Request("GET", f"https://cloudquotas.googleapis.com/v1/{path}")
        httpx.Response(status, text=body, request=request).raise_for_status()

    return read


ENABLE: Final = "gcloud services enable cloudquotas.googleapis.com --project=shop-prod"
DISABLED: Final = {
    "status": "PERMISSION_DENIED",
    "message": "off",
    "details": [{"reason": "SERVICE_DISABLED"}],
}


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (
            403,
            json.dumps({"error": DISABLED}),
            f"Cloud Quotas is not enabled in shop-prod: {ENABLE}",
        ),
        (
            403,
            json.dumps({"error": {"status": "PERMISSION_DENIED", "message": "no right"}}),
            "Google could not be asked: PERMISSION_DENIED: no right",
        ),
        (404, "{}", f"Google lists no quota {L4} of run.googleapis.com"),
        (502, "<html>", "Google could not be asked: HTTP 502"),
        (500, "[]", "Google could not be asked: HTTP 500"),
    ],
)
def test_a_refusal_is_told_and_no_error(status: int, body: str, said: str) -> None:
    (found,) = answers([need()], refusing(status, body))
    assert (found.standing, found.value, found.detail) == (Standing.SKIPPED, None, said)


def test_no_network_is_told() -> None:
    def read(*_: str) -> Any:
        raise httpx.ConnectError("no route")

    (found,) = answers([need()], read)
    assert found.detail == "Google could not be asked: no route"


def test_without_credentials_all_are_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> Any:
        raise ResourceError("Google Cloud: no credentials: none found. Log in: gcloud auth login")

    monkeypatch.setattr(quota_gcp, "application_default", nobody)
    found = answers([need(1), need(2)])
    assert [one.standing for one in found] == [Standing.SKIPPED] * 2
    assert all("Log in" in one.detail for one in found)
    assert answers([]) == []


def test_over_https_the_project_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, Mapping[str, str]]] = []

    def get(url: str, *, headers: Mapping[str, str], timeout: float) -> httpx.Response:
        assert timeout > 0
        asked.append((url, headers))
        body = {"dimensionsInfos": [info("3", "europe-west4")]}
        return httpx.Response(200, json=body, request=httpx.Request("GET", url))

    monkeypatch.setattr(quota_gcp, "application_default", lambda: lambda: "token-1")
    monkeypatch.setattr(httpx, "get", get)
    (found,) = answers([need()])
    assert found.value == 3
    ((url, headers),) = asked
    assert url.startswith("https://cloudquotas.googleapis.com/v1/projects/123456789012/locations/global/")
    assert headers == {"authorization": "Bearer token-1", "x-goog-user-project": "shop-prod"}


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = json.dumps({"config": {"shop:endpoints": [on_run(resources={"gpu": {"kind": "l4"}})]}})
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text(config)
    monkeypatch.chdir(tmp_path)
    google = Google(info("1", "europe-west4"))
    monkeypatch.setattr(quota_gcp, "_over_https", lambda: google)
    done = CliRunner().invoke(app, ["quota"])
    assert done.exit_code == Exit.REFUSED
    said = " ".join(done.output.split())
    assert f"✗ {L4} (run.googleapis.com, shop-prod, europe-west4): 1, and 2 are needed" in said
    assert "iris has 1 instances at most" in said
    told = json.loads(CliRunner().invoke(app, ["quota", "--json"]).output)
    assert {one["name"]: one["standing"] for one in told["quotas"]}[L4] == "too_small"
    assert len(google.asked) == 6
