"""Policies of keys: what they open to whom, for which resource."""

from typing import Any

import pytest

from modelberth.aws.key_policy import (
    administration,
    for_alarms,
    for_budgets,
    for_functions,
    for_logs,
    for_queues,
    for_roles,
    use_problems,
)
from modelberth.aws.policies import Statement
from support.aws_blocks import (
    CHINA,
    GROUP,
    PLACE,
)
from support.iam import allows, document

LOGS = ("Service", "logs.eu-central-1.amazonaws.com")
EVERY_USE = (
    for_logs(PLACE, GROUP),
    for_functions(PLACE, "iris"),
    for_alarms(PLACE, "iris-alarms"),
    for_budgets(PLACE, "iris-alarms"),
    for_queues(PLACE, "iris-dead"),
    *for_roles(PLACE, ["arn:aws:iam::210987654321:role/deploy"], ["ecr", "s3"]),
)


def document_of(uses: tuple[Statement, ...]) -> Any:
    return document(administration(PLACE), *uses)


def test_the_account_administers_and_nobody_else_does() -> None:
    made = document_of(EVERY_USE)
    assert allows(made, "kms:ScheduleKeyDeletion", principal=("AWS", PLACE.root))()
    others = [
        (kind, who)
        for one in made["Statement"]
        for kind, names in one["Principal"].items()
        for who in names
        if who != PLACE.root
    ]
    assert len(others) >= 6
    for other in others:
        for action in ("kms:ScheduleKeyDeletion", "kms:PutKeyPolicy", "kms:DisableKeyRotation"):
            assert not allows(made, action, principal=other)({"aws:SourceAccount": PLACE.account})


def test_logs_of_one_group_are_encrypted_and_those_of_another_are_not() -> None:
    made = document_of((for_logs(PLACE, GROUP),))
    key = "kms:EncryptionContext:aws:logs:arn"
    group = f"arn:aws:logs:eu-central-1:123456789012:log-group:{GROUP}"
    use = allows(made, "kms:GenerateDataKey", principal=LOGS)
    assert use({key: group})
    assert not use({key: f"{group}-other"})
    assert not use({key: group.replace("123456789012", "210987654321")})
    assert not use()
    assert not allows(made, "kms:GenerateDataKey", principal=("Service", "logs.us-east-1.amazonaws.com"))(
        {key: group}
    )


def test_the_service_of_logs_has_the_domain_of_its_partition() -> None:
    (principal,) = for_logs(CHINA, GROUP).principals["Service"]
    assert principal == "logs.cn-north-1.amazonaws.com.cn"


def test_lambda_uses_the_key_for_one_function() -> None:
    made = document_of((for_functions(PLACE, "iris"),))
    use = allows(made, "kms:Decrypt", principal=("Service", "lambda.amazonaws.com"))
    key = "kms:EncryptionContext:aws:lambda:FunctionArn"
    assert use({key: "arn:aws:lambda:eu-central-1:123456789012:function:iris"})
    assert not use({key: "arn:aws:lambda:eu-central-1:123456789012:function:iris2"})
    assert not use()


@pytest.mark.parametrize(
    ("use", "service", "source"),
    [
        (for_alarms(PLACE, "alarms"), "cloudwatch", "arn:aws:cloudwatch:eu-central-1:{}:alarm:iris-errors"),
        (for_budgets(PLACE, "alarms"), "budgets", "arn:aws:budgets::{}:budget/iris"),
    ],
)
def test_alarms_of_the_account_reach_one_topic(use: Statement, service: str, source: str) -> None:
    decide = allows(
        document_of((use,)), "kms:GenerateDataKey", principal=("Service", f"{service}.amazonaws.com")
    )
    topic = "arn:aws:sns:eu-central-1:123456789012:alarms"

    def context(account: str = PLACE.account, to: str = topic) -> dict[str, str]:
        return {
            "aws:SourceArn": source.format(account),
            "aws:SourceAccount": account,
            "kms:EncryptionContext:aws:sns:topicArn": to,
        }

    assert decide(context())
    assert not decide({**context(), "aws:SourceAccount": "210987654321"})
    assert not decide({**context(), "aws:SourceArn": source.format("210987654321")})
    assert not decide(context(to=f"{topic}-other"))


def test_topics_of_the_account_deliver_to_one_queue() -> None:
    decide = allows(
        document_of((for_queues(PLACE, "dead"),)), "kms:Decrypt", principal=("Service", "sns.amazonaws.com")
    )
    context = {
        "aws:SourceArn": "arn:aws:sns:eu-central-1:123456789012:alarms",
        "kms:EncryptionContext:aws:sqs:arn": "arn:aws:sqs:eu-central-1:123456789012:dead",
    }
    assert decide(context)
    assert not decide({**context, "aws:SourceArn": "arn:aws:sns:eu-central-1:210987654321:alarms"})
    assert not decide(
        {**context, "kms:EncryptionContext:aws:sqs:arn": "arn:aws:sqs:eu-central-1:123456789012:x"}
    )


def test_roles_use_the_key_through_named_services_only() -> None:
    role = "arn:aws:iam::210987654321:role/deploy"
    made = document_of(for_roles(PLACE, [role], ["ecr"]))
    through = {"kms:ViaService": "ecr.eu-central-1.amazonaws.com"}
    assert allows(made, "kms:Decrypt", principal=("AWS", role))(through)
    assert not allows(made, "kms:Decrypt", principal=("AWS", role))()
    assert not allows(made, "kms:Decrypt", principal=("AWS", role))(
        {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}
    )
    grant = allows(made, "kms:CreateGrant", principal=("AWS", role))
    assert grant({**through, "kms:GrantIsForAWSResource": "true"})
    assert not grant({**through, "kms:GrantIsForAWSResource": "false"})


def test_a29_no_statement_of_ours_is_open() -> None:
    """A29: every principal of every use is named, and every service has a condition."""
    assert len(EVERY_USE) == 7
    assert not [*use_problems(PLACE, EVERY_USE, "uses")]
