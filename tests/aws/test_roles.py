"""What each generated role may, by moto's IAM: all that its taker asks for, and no canary."""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core import set_initial_no_auth_action_count

from support.aws.access import permits, policies_of
from support.aws.existing import furnish
from support.aws.graph import ACCOUNT, captured
from support.aws.modes import MODES, graph_of, mode_of
from support.aws.replay import replay
from support.aws.samples import hardened
from support.aws.uses import uses
from support.clouds.graph import Graph, Resource

REGION = "us-east-1"
OTHER_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"
SOME_MODEL = "arn:aws:s3:::models/iris.onnx"

_WITHOUT_TAKER = ("blocks: ", "watching: ")
"""Modes that are parts of an endpoint: a role may be there for what is not."""

_OF_AUTO_MODE = frozenset({"ec2:RunInstances", "iam:PassRole"})
"""What AWS's own AmazonEKSComputePolicy allows a control plane under conditions, which moto does not read."""

CANARIES = (
    ("s3:GetObject", "arn:aws:s3:::payroll/2026.csv"),
    ("s3:ListAllMyBuckets", "*"),
    ("s3:DeleteObject", "{model}"),
    ("s3:PutObject", "{model}"),
    ("s3:GetObject", "{bucket}/other/model.onnx"),
    ("s3:PutBucketPolicy", "arn:aws:s3:::models"),
    ("kms:Decrypt", OTHER_KEY),
    ("kms:PutKeyPolicy", "{key}"),
    ("kms:ScheduleKeyDeletion", "{key}"),
    ("kms:CreateGrant", "{key}"),
    ("logs:PutLogEvents", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/payroll:log-stream:1"),
    ("logs:DeleteLogGroup", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/payroll"),
    ("lambda:UpdateFunctionCode", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:iris"),
    ("lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:payroll"),
    ("sqs:ReceiveMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:payroll"),
    ("sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:payroll"),
    ("sns:Publish", f"arn:aws:sns:{REGION}:{ACCOUNT}:payroll"),
    ("ecr:PutImage", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/models/iris"),
    ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/admin"),
    ("iam:CreateAccessKey", f"arn:aws:iam::{ACCOUNT}:user/admin"),
    ("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/iris"),
    ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/admin"),
    ("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:payroll"),
    ("ssm:GetParameter", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/payroll"),
    ("dynamodb:Scan", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/payroll"),
    ("ec2:RunInstances", "*"),
    ("sagemaker:CreateModel", f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/iris"),
    ("cloudtrail:StopLogging", f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/all"),
)


def roles(graph: Graph) -> Iterator[Resource]:
    yield from (one for one in graph.resources if one.token == "aws:iam/role:Role")


def allowed(graph: Graph) -> list[Any]:
    """Uses of roles that are refused, and canaries that are not."""
    wrong: list[Any] = []
    for role in roles(graph):
        policies = policies_of(graph, role.outputs["name"])
        needed = uses(graph, role.outputs["arn"])
        alone = mode_of(role.name).startswith(_WITHOUT_TAKER)
        assert needed or alone, f"nothing is known to take on {role.name}"
        wrong += [("refused", role.name, *use) for use in needed if not permits(policies, *use)]
        model = next(
            (on for action, on in needed if action.startswith("s3:GetObject")), "arn:aws:s3:::models/x"
        )
        key = next((on for action, on in needed if action == "kms:Decrypt"), OTHER_KEY)
        words = {"{model}": model, "{bucket}": model.partition("/")[0], "{key}": key}
        of_auto_mode = _OF_AUTO_MODE if ("ec2:DescribeInstances", "*") in needed else ()
        for action, on in CANARIES:
            for word, meant in words.items():
                on = on.replace(word, meant)  # noqa: PLW2901
            if action not in of_auto_mode and permits(policies, action, on):
                wrong.append(("allowed", role.name, action, on))
    return wrong


def test_every_role_may_what_it_is_used_for_and_no_canary() -> None:
    made = 0
    for mode in MODES:
        graph = graph_of(mode)
        assert allowed(graph) == [], mode
        made += len([*roles(graph)])
    assert made >= 20
    assert len(CANARIES) >= 25


@pytest.mark.parametrize(
    ("grown", "finding"),
    [
        ({"Action": "s3:*", "Resource": "*"}, ("allowed", "s3:DeleteObject")),
        ({"Action": "iam:PassRole", "Resource": "*"}, ("allowed", "iam:PassRole")),
        ({"Action": "kms:Decrypt", "Resource": "*"}, ("allowed", "kms:Decrypt")),
        (None, ("refused", "logs:PutLogEvents")),
    ],
    ids=["a service", "another role", "every key", "nothing at all"],
)
def test_a_role_with_other_rights_goes_red(grown: dict[str, Any] | None, finding: tuple[str, str]) -> None:
    statements = [] if grown is None else [{"Effect": "Allow", **grown}]
    found = allowed(_with_rights(graph_of("lambda: minimal"), statements, keep=grown is not None))
    assert finding in {(kind, action) for kind, _, action, _ in found}


def _with_rights(graph: Graph, statements: list[Any], *, keep: bool) -> Graph:
    changed = []
    for one in graph.resources:
        if one.token == "aws:iam/rolePolicy:RolePolicy":
            policy = json.loads(one.inputs["policy"])
            policy["Statement"] = [*(policy["Statement"] if keep else []), *statements]
            one = replace(one, inputs={**one.inputs, "policy": json.dumps(policy)})  # noqa: PLW2901
        changed.append(one)
    return Graph(tuple(changed))


def test_what_the_role_may_is_enforced() -> None:
    """End to end: the replayed role, taken on, reads its model and nothing else.

    Without the bucket's policy: moto reads no conditions, so that its rule against HTTP refuses everybody.
    """

    @cache
    def client(service: str, **credentials: str) -> Any:
        keys = credentials or {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        return boto3.client(service, region_name=REGION, **keys)

    wanted = ("aws:iam/", "aws:kms/", "aws:s3/")
    kept = [one for one in captured(hardened).resources if one.token.startswith(wanted)]
    own = [one for one in kept if one.name != "models-policy" and not one.name.startswith("cluster")]
    graph = Graph(tuple(own))
    with mock_aws():
        replay(graph, client, existing=furnish(graph, client))
        for name in ("iris/model.onnx", "other/model.onnx"):
            client("s3").put_object(Bucket="iris-models", Key=name, Body=b"model")
        trust = client("iam").get_role(RoleName="iris")["Role"]["AssumeRolePolicyDocument"]
        assert trust["Statement"][0]["Principal"] == {"Service": ["lambda.amazonaws.com"]}
        taken = client("sts").assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/iris", RoleSessionName="one")
        granted = taken["Credentials"]
        mine = client(
            "s3",
            aws_access_key_id=granted["AccessKeyId"],
            aws_secret_access_key=granted["SecretAccessKey"],
            aws_session_token=granted["SessionToken"],
        )
        _as_the_function(mine)


@set_initial_no_auth_action_count(0)
def _as_the_function(s3: Any) -> None:
    assert s3.get_object(Bucket="iris-models", Key="iris/model.onnx")["Body"].read() == b"model"
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.get_object(Bucket="iris-models", Key="other/model.onnx")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket="iris-models", Key="iris/model.onnx", Body=b"worse")
