"""Rows A1 to A39: each has a test that the default meets it, and one that the opposite is noticed."""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import pulumi
import pytest

from modelberth.aws.registry import AwsRegistryArgs
from modelberth.capabilities import check
from modelberth.errors import SpecError
from modelberth.preview.effects import Kind
from modelberth.spec import parse
from modelberth.spec.aws import Vpc
from support.aws.flips import FLIPS
from support.aws.graph import captured
from support.aws.samples import hardened
from support.aws.terraform import TERRAFORM
from support.aws_blocks import EXISTING, PLACE
from support.aws_plans import mode, registered
from support.clouds import controls
from support.clouds.audit import scan
from support.clouds.checkov_environment import program
from support.clouds.controls import guide, malformed, noticed, rows_of
from support.clouds.flips import flipped
from support.clouds.modes import components

TESTS: Final = Path(__file__).parent
TABLE: Final = TESTS / "controls.toml"
GUIDE: Final = TESTS.parents[1] / "docs" / "aws-controls.md"
AGAIN: Final = "write it again: REGENERATE=1 pytest tests/aws/test_controls.py"
ROWS: Final = rows_of(TABLE)


@cache
def directions() -> Mapping[str, Mapping[bool, tuple[str, ...]]]:
    return controls.directions(TESTS, "A", FLIPS)


def test_every_row_is_there() -> None:
    assert list(ROWS) == [f"A{number}" for number in range(1, 40)]
    assert malformed(ROWS) == []


def test_every_row_has_a_component_that_is_there() -> None:
    package = Path(__file__).parents[2] / "components" / "modelberth" / "aws"
    source = "\n".join(file.read_text(encoding="utf-8") for file in package.rglob("*.py"))
    tokens = {token.rpartition(":")[2] for token in components(source)}
    named = {component for row in ROWS.values() for component in row["by"]}
    assert len(named) >= 10
    assert named <= tokens


@pytest.mark.parametrize("row", ROWS)
def test_every_row_is_tested_in_both_directions(row: str) -> None:
    found = directions().get(row, {})
    assert found.get(False), f"{row}: no test whose docstring begins with it shows that it is met"
    assert found.get(True), f"{row}: no test whose docstring begins with it says 'the opposite'"


def test_a_test_names_no_row_that_is_not_there() -> None:
    assert directions().keys() == ROWS.keys()


def test_what_is_undone_goes_red(tmp_path: Path) -> None:
    """One scan: each row that checkov knows, undone in the good program, fails its check."""
    done = scan(TERRAFORM.plan(flipped(captured(hardened), FLIPS)), tmp_path, program())
    failed = {(one.check, one.name) for one in done.failures}
    assert {(flip.check, flip.of or flip.name) for flip in FLIPS} - failed == set()
    assert len({flip.row for flip in FLIPS}) >= 20


def test_an_opened_address_is_refused_or_told() -> None:
    """A6, A7, A37, the opposite: one field alone is refused; both together are told as a danger."""
    args = mode(security={"auth": {"kind": "none"}}).args
    assert [problem.path for problem in check(args.spec, args.target)] == ["security.auth.kind"]
    url, permission = "aws:lambda/functionUrl:FunctionUrl", "aws:lambda/permission:Permission"
    route = "aws:apigatewayv2/route:Route"
    key = "authorizationType"
    assert Kind.NEWLY_PUBLIC in noticed(url, {key: "AWS_IAM"}, {key: "NONE"})
    assert Kind.NEWLY_PUBLIC in noticed(permission, {"principal": "123456789012"}, {"principal": "*"})
    assert Kind.NEWLY_PUBLIC in noticed(route, {key: "AWS_IAM"}, {key: "NONE"})


def test_a_registry_that_keeps_nothing_is_refused() -> None:
    """A3, the opposite: a lifecycle that leaves no image, or that never begins."""
    args = AwsRegistryArgs(PLACE, "models/server", EXISTING, tagged_kept=0, untagged_days=0)
    assert [problem.path for problem in args.problems()] == ["tagged_kept", "untagged_days"]


def test_a_network_in_one_zone_is_refused() -> None:
    """A8, A18, the opposite: one subnet."""
    with pytest.raises(SpecError, match=r"vpc\.subnets: .*2 entries or more"):
        parse(Vpc, {"subnets": ["subnet-01234567"], "security_groups": ["sg-01234567"]}, "vpc")


def test_a_secret_is_no_argument() -> None:
    """A13, the opposite: the components take no variables that a secret could stand in."""
    with pytest.raises(pulumi.RunError, match=r"runtime\.env: "):
        mode(runtime={"env": {"DB_PASSWORD": "hunter2"}}).args  # noqa: B018 -- reading it is what is refused


def test_an_image_without_a_digest_is_refused() -> None:
    """A2, A14, the opposite: a tag, which somebody can move to code that nobody has looked at."""
    with pytest.raises(pulumi.RunError, match=r"target\.image: .*by digest"):
        mode({"image": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/iris:latest"}).args  # noqa: B018


_ENDPOINT: Final = "aws-native:sagemaker:Endpoint"
_CONFIG: Final = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
_ALARMS: Final = {"deploymentConfig": {"autoRollbackConfiguration": {"alarms": [{"alarmName": "errors"}]}}}
_IMDS: Final = {"metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 1}}
_DENY: Final = (
    '{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", '
    '"Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}'
)


def test_fewer_instances_are_noticed() -> None:
    """A15, the opposite: from two instances to one."""
    two, one = ({"productionVariants": [{"initialInstanceCount": count}]} for count in (2, 1))
    assert "one zone" in noticed(_CONFIG, two, one)[Kind.PROTECTION_LIFTED]
    assert Kind.PROTECTION_LIFTED not in noticed(_CONFIG, one, two)


def test_captured_requests_without_the_key_are_noticed() -> None:
    """A19, the opposite."""
    with_key = {"dataCaptureConfig": {"kmsKeyId": "key-1"}}
    assert Kind.KEY_CHANGED in noticed(_CONFIG, with_key, {"dataCaptureConfig": {}})


def test_a_deployment_that_no_longer_goes_back_is_noticed() -> None:
    """A20, the opposite."""
    assert "no longer goes back" in noticed(_ENDPOINT, _ALARMS, {})[Kind.PROTECTION_LIFTED]
    assert not noticed(_ENDPOINT, {}, _ALARMS)


def test_metadata_that_pods_reach_is_noticed() -> None:
    """A25, the opposite: IMDSv1, or a second hop."""
    template = "aws:ec2/launchTemplate:LaunchTemplate"
    for worse in ({"httpTokens": "optional"}, {"httpPutResponseHopLimit": 2}):
        after = {"metadataOptions": {**_IMDS["metadataOptions"], **worse}}
        assert Kind.PERMISSIONS_WIDENED in noticed(template, _IMDS, after)
    assert not noticed(template, {}, _IMDS)


def test_a_second_way_into_a_cluster_is_noticed() -> None:
    """A26, the opposite: the ConfigMap counts as well."""
    before, after = ({"accessConfig": {"authenticationMode": one}} for one in ("API", "API_AND_CONFIG_MAP"))
    assert Kind.PERMISSIONS_WIDENED in noticed("aws:eks/cluster:Cluster", before, after)


def test_a_cluster_that_may_be_deleted_is_noticed() -> None:
    """A27, the opposite."""
    before, after = {"deletionProtection": True}, {"deletionProtection": False}
    assert Kind.PROTECTION_LIFTED in noticed("aws:eks/cluster:Cluster", before, after)


def test_a_shorter_time_to_take_a_key_back_is_noticed() -> None:
    """A31, the opposite."""
    said = noticed("aws:kms/key:Key", {"deletionWindowInDays": 30}, {"deletionWindowInDays": 7})
    assert "7 days" in said[Kind.PROTECTION_LIFTED]


def test_a_bucket_that_takes_plain_requests_is_noticed() -> None:
    """A33, the opposite: the policy that denies them is emptied."""
    said = noticed("aws:s3/bucketPolicy:BucketPolicy", {"policy": _DENY}, {"policy": '{"Statement": []}'})
    assert "no longer denied" in said[Kind.PERMISSIONS_WIDENED]


def test_every_lambda_mode_meets_its_rows() -> None:
    """A9, A10, A38: in every mode, not in the smallest alone."""
    for which in ("minimal", "autoscaled", "api, tokens", "vpc", "canary", "everything"):
        recorder, _ = registered(which)
        (function,) = recorder.of("Function")
        assert function.inputs["kmsKeyArn"], which
        assert function.inputs["reservedConcurrentExecutions"] > 0, which
        assert all(queue.inputs["kmsMasterKeyId"] for queue in recorder.of("Queue")), which


def test_the_guide_is_current() -> None:
    said = guide(ROWS, _BEGINNING, _END)
    if os.environ.get("REGENERATE"):
        GUIDE.write_text(said, encoding="utf-8")
    assert GUIDE.read_text(encoding="utf-8") == said, AGAIN


_BEGINNING: Final = """\
# Controls of the AWS target

Written by a test from `tests/aws/controls.toml`; by their numbers the tests name the rows. Rules are named as
their catalogues do: AWS' Foundational Security Best Practices (`ECR.1`), checkov (`CKV_AWS_163`), the CIS
benchmarks, cdk-nag and prowler.

{rows} rows: {met} are met without a word of the program, {opened} until two fields together open them,
{asked} where a field asks for them, and {absent} has nothing to be about.

| row | what holds | by | when | rules |
|---|---|---|---|---|"""
_END: Final = """
Every row has a test that it holds and one that its opposite is noticed: refused when the config is read, told
by the explained preview as a danger, or found by checkov in the graph that the program makes.
"""
