"""The guide to watching an endpoint in Google Cloud: its example is watched, its tables are of what is."""

import re
from typing import Any

import pytest
import yaml

from docs.markdown import blocks
from modelberth.gcp.monitoring import budget, log_bucket, notify
from modelberth.gcp.monitoring.alerts import alerts
from modelberth.gcp.monitoring.component import GcpMonitoring, GcpMonitoringArgs
from modelberth.gcp.monitoring.logs import GcpLogs, GcpLogsArgs
from modelberth.gcp.monitoring.uptime import TOLD, caller
from modelberth.gcp.place import Place
from modelberth.gcp.plan import Plan
from modelberth.spec import EndpointDeployment, parse
from modelberth.spec.cloud_run import CloudRunTarget
from support.gcp_blocks import EXISTING, GcpRecorder, gcp
from support.gcp_watched import ENDPOINTS
from support.project import REPOSITORY
from support.recording import run

__all__ = ["gcp"]

GUIDE = REPOSITORY / "docs" / "gcp-monitoring.md"
ROWS = re.findall(r"(?m)^\| ((?:`[a-z0-9-]+`(?:, )?)+) \| (.+?) \| (.+?) \|$", GUIDE.read_text("utf-8"))


@pytest.fixture
def plan() -> Plan[CloudRunTarget]:
    """The endpoint of the example."""
    (block,) = blocks(GUIDE)
    deployment = parse(EndpointDeployment, yaml.safe_load(block.text))
    assert isinstance(deployment.target, CloudRunTarget)
    return Plan.of(deployment.spec, deployment.target, "shop", "prod")


def test_the_example_is_watched(plan: Plan[CloudRunTarget], gcp: GcpRecorder) -> None:
    for room in (budget, log_bucket, notify):
        assert [*room.problems(plan.spec, plan.target)] == []
    where = {"service": plan.named(), "location": plan.target.region}
    arguments: dict[str, Any] = {"capacity": 10, "warm": 2, "replicas": 10, "url": "https://iris.example.com"}

    def program() -> None:
        GcpLogs("iris-logs", GcpLogsArgs(plan, "cloud_run", where, EXISTING))
        GcpMonitoring("iris-monitoring", GcpMonitoringArgs(plan, "cloud_run", where, **arguments))

    run(gcp, program)
    kinds = (
        "AlertPolicy",
        "NotificationChannel",
        "Dashboard",
        "Budget",
        "UptimeCheckConfig",
        "ProjectExclusion",
    )
    assert [len(gcp.of(kind)) for kind in kinds] == [11, 2, 1, 1, 1, 1]
    assert gcp.named("iris-logs-bucket").inputs["retentionDays"] == 90


def test_the_table_has_every_alert() -> None:
    listed = [role for names, *_ in ROWS for role in re.findall(r"`([^`]+)`", names)]
    made = {role for endpoint in ENDPOINTS.values() for role in alerts(endpoint)}
    assert len(set(listed)) == len(listed)
    assert {*listed} == {*made, TOLD.role}
    assert len(listed) == 15


@pytest.mark.parametrize(("service", "kind"), [("Cloud Run", "run"), ("Vertex AI", "vertex")])
def test_what_one_service_alone_has_is_marked(service: str, kind: str) -> None:
    marked = {
        role for names, _, wanted in ROWS for role in re.findall(r"`([^`]+)`", names) if wanted == service
    }
    of = {
        one: {
            role for name, endpoint in ENDPOINTS.items() if name.startswith(one) for role in alerts(endpoint)
        }
        for one in ("run", "vertex")
    }
    assert marked == of[kind] - of["vertex" if kind == "run" else "run"]
    assert marked


def test_googles_account_and_command_are_those_that_are_used(plan: Plan[CloudRunTarget]) -> None:
    text = " ".join(GUIDE.read_text("utf-8").split())
    assert caller(Place("p", "NUMBER", "r")).removeprefix("serviceAccount:") in text
    command = log_bucket.read_command(plan, ENDPOINTS["run, warm"].signals)
    (shown,) = re.findall(r"gcloud logging read '[^']+' (.+?) The bucket is", text)
    options = {word.partition("=")[0] for word in shown.split() if word.startswith("--")}
    assert options < {word.partition("=")[0] for word in command.split() if word.startswith("--")}
    assert log_bucket.bucket_id(plan).endswith("-cloud-run-logs")
