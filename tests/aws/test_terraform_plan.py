"""Graphs as Terraform plans."""

import pytest

from modelberth.preview.standins.sdk import types
from support.aws.cloudformation_rules import rows
from support.aws.graph import captured
from support.aws.samples import HARDENED, hardened
from support.aws.terraform import TERRAFORM
from support.clouds.graph import Graph, resource
from support.clouds.terraform import UnmappedTypeError


def test_every_resource_is_in_the_plan() -> None:
    graph = captured(hardened)
    made = TERRAFORM.plan(graph)
    planned = made.document["planned_values"]["root_module"]["resources"]
    assert len(planned) == len(made.addresses) == len(graph.of("aws")) == HARDENED
    assert {one["address"] for one in planned} == set(made.addresses)
    assert len(made.document["resource_changes"]) == HARDENED
    assert made.addresses["aws_kms_key.key"].name == "key"


def test_forms_that_differ() -> None:
    made = TERRAFORM.plan(captured(hardened)).document["planned_values"]["root_module"]["resources"]
    values = {one["name"]: one["values"] for one in made}
    assert values["images"]["encryption_configuration"][0]["encryption_type"] == "KMS"
    assert values["function"]["environment"] == [{"variables": {"MODEL_NAME": "iris"}}]
    rule = values["models-encrypted"]["rule"][0]
    assert rule["apply_server_side_encryption_by_default"][0]["sse_algorithm"] == "aws:kms"
    assert values["configuration"]["data_capture_config"][0]["destination_s3_uri"].startswith("s3://")


def test_references_are_told() -> None:
    made = TERRAFORM.plan(captured(hardened)).document["configuration"]["root_module"]["resources"]
    expressions = {one["name"]: one["expressions"] for one in made}
    assert expressions["models-private"]["bucket"]["references"] == [
        "aws_s3_bucket.models.id",
        "aws_s3_bucket.models",
    ]
    assert (
        expressions["images"]["encryption_configuration"][0]["kms_key"]["references"][1] == "aws_kms_key.key"
    )
    assert expressions["errors"]["alarm_actions"]["references"][1] == "aws_sns_topic.alarms"
    assert expressions["key"] == {}


def test_each_row_is_of_a_type_that_the_sdk_has() -> None:
    table = TERRAFORM.rows
    for token, row in table.items():
        known = types.lookup(token).inputs
        assert all(path.partition(".")[0] in known for path in row.names), token
    absent = TERRAFORM.absent.keys()
    assert table.keys() | absent == rows().keys(), "both converters know the same types"
    assert not table.keys() & absent
    assert len({row.type for row in table.values()}) > 60


def test_an_unmapped_type_is_an_error() -> None:
    with pytest.raises(UnmappedTypeError, match=r"no row in terraform\.toml for aws:route53/zone:Zone"):
        TERRAFORM.plan(Graph((resource("aws:route53/zone:Zone", "zone", {}),)))
