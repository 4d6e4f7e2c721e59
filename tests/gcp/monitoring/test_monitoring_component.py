"""`GcpMonitoring` as it is registered."""

from typing import Any

import pulumi
import pytest
from pulumi_gcp import storage

from modelberth.gcp.monitoring.component import GcpMonitoring, GcpMonitoringArgs
from support.gcp_blocks import PLACE, GcpRecorder, gcp, outputs_of
from support.gcp_watched import BILLING, KINDS, NEW, PROMISED, WHERE, plan
from support.recording import Registered, run

__all__ = ["gcp"]

COMPONENT = "modelberth:index:GcpMonitoring"
URL = "https://shop-prod-iris-123456789012.europe-west4.run.app"
PROBER = f"serviceAccount:service-{PLACE.number}@gcp-sa-monitoring-notification.iam.gserviceaccount.com"


def made(
    gcp: GcpRecorder,
    kind: str = "cloud_run",
    where: dict[str, Any] | None = None,
    *,
    url: str | None = None,
    signed: bool = False,
    **fields: Any,
) -> GcpMonitoring:
    asked = plan(kind, **fields)
    scaling = asked.spec.scaling
    args = GcpMonitoringArgs(
        asked,
        kind,
        where or WHERE[kind],
        capacity=10 if kind == "cloud_run" else None,
        warm=scaling.min,
        replicas=scaling.max,
        url=url,
        signed=signed,
    )
    found: GcpMonitoring = run(gcp, lambda: GcpMonitoring("iris-monitoring", args))
    return found


def after(one: Registered) -> set[str]:
    return {urn.rpartition("::")[2] for urn in one.dependencies}


def test_with_nothing_asked_for_there_are_alerts_and_a_dashboard(gcp: GcpRecorder) -> None:
    made(gcp)
    policy = "gcp:monitoring/alertPolicy:AlertPolicy"
    roles = [name.removeprefix("iris-monitoring-") for kind, name, _ in gcp.tree if kind == policy]
    assert roles == ["errors", "refusals", "latency", "unavailable", "saturation", "waiting"]
    assert [one for one in gcp.tree if one[0] != policy] == [
        (COMPONENT, "iris-monitoring", "shop-dev"),
        ("gcp:logging/metric:Metric", "iris-monitoring-refused", "iris-monitoring"),
        ("gcp:monitoring/dashboard:Dashboard", "iris-monitoring-dashboard", "iris-monitoring"),
    ]
    assert all(one.inputs.get("notificationChannels", []) == [] for one in gcp.of("AlertPolicy"))


@pytest.mark.parametrize(("kind", "policies"), [("cloud_run", 12), ("vertex", 10)])
def test_with_everything_each_has_its_place_and_labels(kind: str, policies: int, gcp: GcpRecorder) -> None:
    made(gcp, kind, {**WHERE[kind], "version": NEW[kind]}, **PROMISED)
    kinds = ("AlertPolicy", "NotificationChannel", "Dashboard", "Budget", "Metric")
    assert {one: len(gcp.of(one)) for one in kinds} == {
        "AlertPolicy": policies,
        "NotificationChannel": 2,
        "Dashboard": 1,
        "Budget": 1,
        "Metric": int(kind == "cloud_run"),
    }
    for one in gcp.resources:
        if one.type.startswith("gcp:"):
            assert one.parent.endswith(f"{COMPONENT}::iris-monitoring")
            assert one.name.startswith("iris-monitoring-")
            # A budget is the billing account's.
            assert (one.inputs.get("project") == PLACE.project) == (not one.type.endswith(":Budget")), (
                one.name
            )
    labelled = [*gcp.of("AlertPolicy"), *gcp.of("NotificationChannel")]
    assert all(one.inputs["userLabels"].items() >= plan(**PROMISED).labels.items() for one in labelled)


def test_alerts_and_budget_tell_the_channels(gcp: GcpRecorder) -> None:
    made(gcp, **PROMISED)
    channels = {one.inputs["type"]: f"{one.name}-id" for one in gcp.of("NotificationChannel")}
    for one in gcp.of("AlertPolicy"):
        assert one.inputs["notificationChannels"] == [channels["email"], channels["webhook_tokenauth"]]
    (budget,) = gcp.of("Budget")
    assert budget.inputs["billingAccount"] == BILLING
    assert budget.inputs["allUpdatesRule"]["monitoringNotificationChannels"] == [channels["email"]]


def test_the_address_of_a_webhook_is_a_secret(gcp: GcpRecorder) -> None:
    made(gcp, **PROMISED)
    labels = {one.inputs["type"]: one.inputs["labels"] for one in gcp.of("NotificationChannel")}
    assert labels["email"] == {"email_address": "iris@example.com"}
    assert "hooks.example.com" in str(labels["webhook_tokenauth"])
    assert labels["webhook_tokenauth"] != {"url": "https://hooks.example.com/iris"}, "not marked as a secret"


def test_alerts_come_after_the_metric_that_they_ask_for(gcp: GcpRecorder) -> None:
    made(gcp, **PROMISED)
    metric = gcp.named("iris-monitoring-refused")
    assert metric.inputs["name"] == "shop-prod-iris-cloud-run-refused"
    assert metric.inputs["filter"].endswith(
        ' AND log_id("run.googleapis.com/requests") AND textPayload:"The request was aborted because there '
        'was no available instance"'
    )
    assert 'resource.labels.service_name="shop-prod-iris"' in metric.inputs["filter"]
    for one in (*gcp.of("AlertPolicy"), *gcp.of("Dashboard")):
        assert "iris-monitoring-refused" in after(one)
    query = gcp.named("iris-monitoring-refusals").inputs["conditions"][0]["conditionPrometheusQueryLanguage"]
    assert "logging_googleapis_com:user_shop_prod_iris_cloud_run_refused{" in query["query"]


@pytest.mark.parametrize("kind", KINDS)
def test_ids_that_only_google_knows_reach_alerts_and_dashboard(kind: str, gcp: GcpRecorder) -> None:
    word = {"cloud_run": "service", "vertex": "endpoint"}[kind]
    later = {word: pulumi.Output.from_input("later"), "version": pulumi.Output.from_input("newer")}
    made(gcp, kind, {**WHERE[kind], **later}, **PROMISED)
    conditions = gcp.named("iris-monitoring-guard-latency").inputs["conditions"]
    query = conditions[0]["conditionPrometheusQueryLanguage"]["query"]
    assert '="later"' in query
    assert '="newer"' in query
    told = gcp.named("iris-monitoring-guard-latency").inputs["documentation"]["content"]
    assert '="later"' in told
    text = gcp.named("iris-monitoring-dashboard").inputs["dashboardJson"]
    assert "later" in text
    # It finds versions itself, and need not change with each.
    assert "newer" not in text


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_guard_changes_with_a_new_version(kind: str, gcp: GcpRecorder) -> None:
    asked = plan(kind, **PROMISED)

    def program() -> None:
        made = storage.Bucket("made", name=NEW[kind], location="EU")
        where = {**WHERE[kind], "version": made.name}
        GcpMonitoring("iris-monitoring", GcpMonitoringArgs(asked, kind, where, warm=2, replicas=10))

    run(gcp, program)
    found = {one.name for one in gcp.resources if "made" in after(one)}
    assert found == {"iris-monitoring-guard-errors", "iris-monitoring-guard-latency"}


def test_the_dashboard_has_an_address(gcp: GcpRecorder) -> None:
    made(gcp)
    address = "https://console.cloud.google.com/monitoring/dashboards/builder/iris-monitoring-dashboard-id"
    assert outputs_of(gcp) == {"dashboardUrl": f"{address}?project=shop-prod"}


def test_a_public_endpoint_is_called_from_outside(gcp: GcpRecorder) -> None:
    found = made(gcp, url=URL, **PROMISED)
    check = gcp.named("iris-monitoring-check").inputs
    assert check["monitoredResource"] == {
        "type": "uptime_url",
        "labels": {"project_id": "shop-prod", "host": URL.removeprefix("https://")},
    }
    assert check["httpCheck"] == {
        "requestMethod": "GET",
        "path": "/health/ready",
        "port": 443,
        "useSsl": True,
        "validateSsl": True,
    }
    assert (check["period"], check["project"]) == ("300s", PLACE.project)
    assert len(check["selectedRegions"]) == 3
    assert gcp.of("ServiceIamMember") == []
    alert = gcp.named("iris-monitoring-uptime")
    assert "uptime" in found.alerts
    (condition,) = alert.inputs["conditions"]
    assert (
        'metric.type="monitoring.googleapis.com/uptime_check/check_passed"'
        in (condition["conditionThreshold"]["filter"])
    )
    assert (
        'metric.labels.check_id="shop-prod-iris-cloud-run-uptime"'
        in condition["conditionThreshold"]["filter"]
    )
    assert (alert.inputs["severity"], len(alert.inputs["notificationChannels"])) == ("CRITICAL", 2)


def test_where_iam_asks_googles_account_for_it_is_let_in(gcp: GcpRecorder) -> None:
    made(gcp, url=URL, signed=True, **PROMISED)
    token = gcp.named("iris-monitoring-check").inputs["httpCheck"]["serviceAgentAuthentication"]
    assert token == {"type": "OIDC_TOKEN"}
    caller = gcp.named("iris-monitoring-caller")
    assert caller.inputs == {
        "project": PLACE.project,
        "location": PLACE.region,
        "name": "shop-prod-iris",
        "role": "roles/run.invoker",
        "member": PROBER,
    }
    # The first check of a project makes the account.
    assert "iris-monitoring-check" in after(caller)


def test_what_goes_to_zero_is_not_kept_awake(gcp: GcpRecorder) -> None:
    made(gcp, url=URL, scaling={"min": 0, "max": 3})
    assert gcp.of("UptimeCheckConfig") == []
    assert "iris-monitoring-uptime" not in [one.name for one in gcp.of("AlertPolicy")]


def test_a_private_endpoint_is_not_called(gcp: GcpRecorder) -> None:
    made(gcp, **PROMISED)
    assert gcp.of("UptimeCheckConfig") == []
