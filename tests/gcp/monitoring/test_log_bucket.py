"""Where an endpoint logs: kept as long as is asked for, encrypted, and nowhere else."""

from typing import Any

import pulumi
import pytest
from pulumi_gcp import logging

from modelberth.gcp.monitoring.log_bucket import bucket_id, bucket_name, key_users, problems
from modelberth.gcp.monitoring.logs import GcpLogs, GcpLogsArgs
from modelberth.gcp.names import name_problems
from modelberth.spec.cloud_run import CloudRunTarget
from support.gcp_blocks import EXISTING, KEY, PLACE, GcpRecorder, gcp, outputs_of, spec
from support.gcp_watched import KINDS, LOGGING, TARGETS, WHERE, plan, watched
from support.recording import Registered, run

__all__ = ["gcp"]

BUCKET = "projects/shop-prod/locations/europe-west4/buckets/shop-prod-iris-cloud-run-logs"
RETENTION = {"monitoring": {"logs": {"retention_days": 400}}}


def unkept(buckets: list[Registered]) -> list[str]:
    """Names of buckets without a retention, or without a key of ours (row G7)."""
    return [
        one.name
        for one in buckets
        if not one.inputs.get("retentionDays")
        or not one.inputs.get("cmekSettings", {}).get("kmsKeyName", "").startswith("projects/")
    ]


def made(
    gcp: GcpRecorder, kind: str = "cloud_run", where: Any = None, key: Any = EXISTING, **fields: Any
) -> None:
    args = GcpLogsArgs(plan(kind, **fields), kind, where or WHERE[kind], key)
    run(gcp, lambda: GcpLogs("iris-logs", args))


def test_a_log_is_kept_and_encrypted(gcp: GcpRecorder) -> None:
    """Row G7."""
    made(gcp, **RETENTION)
    assert gcp.tree == [
        ("modelberth:index:GcpLogs", "iris-logs", "shop-dev"),
        ("gcp:logging/projectBucketConfig:ProjectBucketConfig", "iris-logs-bucket", "iris-logs"),
        ("gcp:logging/projectSink:ProjectSink", "iris-logs-sink", "iris-logs"),
        ("gcp:logging/projectExclusion:ProjectExclusion", "iris-logs-exclusion", "iris-logs"),
    ]
    (bucket,) = gcp.of("ProjectBucketConfig")
    assert unkept([bucket]) == []
    assert bucket.inputs == {
        "project": PLACE.project,
        "location": PLACE.region,
        "bucketId": "shop-prod-iris-cloud-run-logs",
        "description": "Log of model endpoint iris in stack prod.",
        "retentionDays": 400,
        "cmekSettings": {"kmsKeyName": KEY},
    }
    assert outputs_of(gcp) == {"bucket": BUCKET}


def test_a_log_without_an_end_or_a_key_is_noticed(gcp: GcpRecorder) -> None:
    """Row G7, the other way round."""

    def program() -> None:
        place = {"project": "p", "location": "l"}
        logging.ProjectBucketConfig("no-key", bucket_id="a", retention_days=30, **place)
        logging.ProjectBucketConfig("no-end", bucket_id="b", cmek_settings={"kms_key_name": KEY}, **place)

    run(gcp, program)
    assert unkept(gcp.of("ProjectBucketConfig")) == ["no-key", "no-end"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_into_the_bucket_is_what_stays_out_of_the_default_one(kind: str, gcp: GcpRecorder) -> None:
    made(gcp, kind)
    sink, exclusion = gcp.named("iris-logs-sink"), gcp.named("iris-logs-exclusion")
    assert sink.inputs["filter"] == exclusion.inputs["filter"] == watched(kind).signals.log_filter
    assert sink.inputs["destination"] == f"logging.googleapis.com/{bucket_name(plan(kind))}"
    assert sink.inputs["uniqueWriterIdentity"] is False
    for one in (sink, exclusion):
        assert one.inputs["project"] == PLACE.project
        assert one.inputs["name"] == bucket_id(plan(kind))
    # Nothing is lost between the two.
    assert [urn.rpartition("::")[2] for urn in sink.dependencies] == ["iris-logs-bucket"]
    assert [urn.rpartition("::")[2] for urn in exclusion.dependencies] == ["iris-logs-sink"]


def test_without_a_key_google_encrypts_with_its_own(gcp: GcpRecorder) -> None:
    made(gcp, key=None)
    (bucket,) = gcp.of("ProjectBucketConfig")
    assert "cmekSettings" not in bucket.inputs
    assert bucket.inputs["retentionDays"] == 30


def test_an_id_that_only_google_knows_reaches_the_filters(gcp: GcpRecorder) -> None:
    made(gcp, "vertex", {"endpoint": pulumi.Output.from_input("815"), "location": PLACE.region})
    for name in ("iris-logs-sink", "iris-logs-exclusion"):
        assert 'resource.labels.endpoint_id="815"' in gcp.named(name).inputs["filter"]


def test_who_uses_the_key_beside_others_is_named_by_the_target() -> None:
    assert key_users(TARGETS["cloud_run"]) == {"logging": f"serviceAccount:{LOGGING}"}
    place = {"project": PLACE.project, "project_number": PLACE.number, "region": PLACE.region}
    assert key_users(CloudRunTarget(**place)) == {}
    with pytest.raises(ValueError, match="the e-mail address of Cloud Logging's account"):
        CloudRunTarget(**place, logging_account="robot@shop-prod.iam.gserviceaccount.com")
    older = "cmek-p123456789012@gcp-sa-logging.iam.gserviceaccount.com"
    assert CloudRunTarget(**place, logging_account=older).logging_account == older


def test_a_log_is_kept_for_ten_years_at_most() -> None:
    target = TARGETS["cloud_run"]
    assert [*problems(spec(monitoring={"logs": {"retention_days": 3650}}), target)] == []
    (problem,) = problems(spec(monitoring={"logs": {"retention_days": 3651}}), target)
    assert str(problem) == (
        "monitoring.logs.retention_days: given 3651, allowed: 1 to 3650 days. "
        "A sink of your own to Cloud Storage can keep it longer."
    )


@pytest.mark.parametrize("kind", KINDS)
def test_names_are_taken(kind: str) -> None:
    for name in ("iris", "iris-of-a-name-that-goes-on-long"):
        assert [*name_problems("log_bucket", bucket_id(plan(kind, name=name)), "")] == []
