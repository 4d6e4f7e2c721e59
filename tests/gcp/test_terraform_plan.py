"""Graphs of Google Cloud as Terraform plans."""

import pytest

from modelberth.preview.standins.sdk import types
from support.clouds.graph import Graph, resource
from support.gcp.graph import in_gcp
from support.gcp.modes import MODES, graph_of
from support.gcp.terraform import TERRAFORM, type_of

# As Terraform's own documentation of the provider calls them.
KNOWN = {
    "gcp:artifactregistry/repository:Repository": "google_artifact_registry_repository",
    "gcp:billing/budget:Budget": "google_billing_budget",
    "gcp:cloudrunv2/service:Service": "google_cloud_run_v2_service",
    "gcp:container/nodePool:NodePool": "google_container_node_pool",
    "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember": "google_kms_crypto_key_iam_member",
    "gcp:logging/projectBucketConfig:ProjectBucketConfig": "google_logging_project_bucket_config",
    "gcp:monitoring/uptimeCheckConfig:UptimeCheckConfig": "google_monitoring_uptime_check_config",
    "gcp:projects/iAMCustomRole:IAMCustomRole": "google_project_iam_custom_role",
    "gcp:projects/iAMMember:IAMMember": "google_project_iam_member",
    "gcp:projects/service:Service": "google_project_service",
    "gcp:secretmanager/secretIamMember:SecretIamMember": "google_secret_manager_secret_iam_member",
    "gcp:serviceaccount/iAMMember:IAMMember": "google_service_account_iam_member",
    "gcp:storage/bucketIAMMember:BucketIAMMember": "google_storage_bucket_iam_member",
}


@pytest.mark.parametrize("token", KNOWN)
def test_a_type_follows_from_its_token(token: str) -> None:
    assert type_of(token) == KNOWN[token]
    assert types.lookup(token).inputs


def test_every_resource_of_every_mode_is_in_the_plan() -> None:
    planned = 0
    for mode in MODES:
        graph = graph_of(mode)
        made = TERRAFORM.plan(graph)
        assert len(made.addresses) == len(in_gcp(graph)), mode
        assert made.absent == [], mode
        planned += len(made.addresses)
    assert planned >= 1000


def test_forms_that_differ() -> None:
    made = TERRAFORM.plan(graph_of("blocks: minimal")).document
    values = {one["type"]: one["values"] for one in made["planned_values"]["root_module"]["resources"]}
    bucket = values["google_storage_bucket"]
    assert bucket["versioning"] == [{"enabled": True}]
    assert len(bucket["lifecycle_rule"]) == 2
    assert bucket["encryption"][0]["default_kms_key_name"].endswith("-key")
    expressions = {
        one["type"]: one["expressions"] for one in made["configuration"]["root_module"]["resources"]
    }
    (key,) = [
        name
        for name in expressions["google_artifact_registry_repository"]["kms_key_name"]["references"]
        if name.startswith("google_kms_crypto_key.") and not name.endswith(".id")
    ]
    assert key.endswith("-key-key")


def test_each_row_is_of_a_type_that_the_sdk_has() -> None:
    assert len(TERRAFORM.rows) >= 3
    for token, row in TERRAFORM.rows.items():
        known = types.lookup(token).inputs
        assert all(path.partition(".")[0] in known for path in row.names), token


def test_what_google_does_not_make_is_left_out() -> None:
    version = resource("modelberth:vertex:Model", "iris", {})
    assert TERRAFORM.plan(Graph((version,))).addresses == {}
