"""Policies of KMS keys: who may use a key, for which resource.

The account itself administers and lets its IAM policies decide (AWS KMS, "Default key policy": a key without
that statement can be used and mended by nobody but those it names). Services that call KMS as themselves are
named here, each for its one resource. S3, ECR, SageMaker and SQS call it as their caller: there the caller's
own policy decides, and nothing stands here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from modelberth.aws.place import Place
from modelberth.aws.policies import Statement, policy
from modelberth.errors import Problem, join

__all__ = [
    "administration",
    "for_alarms",
    "for_budgets",
    "for_functions",
    "for_logs",
    "for_queues",
    "for_roles",
    "key_policy",
    "use_problems",
    "via",
]

_KEY: Final = ("*",)
"""In the policy of a key, the key itself."""

_ENVELOPE: Final = ("kms:Decrypt", "kms:GenerateDataKey*")
_EVERY_USE: Final = (
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:ReEncrypt*",
    "kms:GenerateDataKey*",
    "kms:DescribeKey",
)
# AWS KMS, "Resource quotas": a key policy document has 32 KB at most.
_LONGEST_POLICY: Final = 32 * 1024


def key_policy(place: Place, uses: Sequence[Statement] = ()) -> str:
    """Return the document of a key that the account administers and `uses` open to services."""
    return policy(administration(place), *uses)


def administration(place: Place) -> Statement:
    """The account itself: what its IAM policies allow, they may allow of this key."""
    return Statement("Administration", ("kms:*",), _KEY, {"AWS": (place.root,)})


def for_logs(place: Place, *groups: str) -> Statement:
    """CloudWatch Logs, for log groups by their names (AWS, "Encrypt log data in CloudWatch Logs")."""
    contexts = [place.arn("logs", f"log-group:{group}") for group in groups]
    return Statement(
        "Logs",
        ("kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"),
        _KEY,
        {"Service": (f"logs.{place.region}.{place.domain}",)},
        {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": contexts}},
    )


def for_functions(place: Place, *functions: str) -> Statement:
    """Lambda, for what it keeps of functions by their names (AWS, "Encrypting Lambda .zip packages")."""
    contexts = [place.arn("lambda", f"function:{function}") for function in functions]
    return Statement(
        "Functions",
        ("kms:Decrypt", "kms:GenerateDataKey"),
        _KEY,
        {"Service": ("lambda.amazonaws.com",)},
        {"StringEquals": {"kms:EncryptionContext:aws:lambda:FunctionArn": contexts}},
    )


def for_alarms(place: Place, *topics: str) -> Statement:
    """CloudWatch, for what alarms of the account publish to topics by their names.

    AWS SNS, "Key management": `aws/sns`, SNS's own key, cannot be opened to CloudWatch.
    """
    return _publishing(place, "Alarms", "cloudwatch", place.arn("cloudwatch", "alarm:*"), topics)


def for_budgets(place: Place, *topics: str) -> Statement:
    """AWS Budgets, for what budgets of the account publish to topics by their names."""
    source = f"arn:{place.partition}:budgets::{place.account}:*"
    return _publishing(place, "Budgets", "budgets", source, topics)


def for_queues(place: Place, *queues: str) -> Statement:
    """SNS, for what topics of the account deliver to queues by their names."""
    contexts = [place.arn("sqs", queue) for queue in queues]
    return Statement(
        "Queues",
        _ENVELOPE,
        _KEY,
        {"Service": ("sns.amazonaws.com",)},
        {
            "ArnLike": {"aws:SourceArn": place.arn("sns", "*")},
            "StringEquals": {"kms:EncryptionContext:aws:sqs:arn": contexts},
        },
    )


def for_roles(place: Place, roles: Sequence[str], services: Sequence[str]) -> tuple[Statement, Statement]:
    """Roles by their ARNs, through services alone; those of this account need none of it, IAM allows them.

    The second statement lets them make the grants that services use the key by, and no other.

    Args:
        place: of the key
        roles: their ARNs, of any account
        services: as ARNs have them, such as `ecr`

    """
    principals = {"AWS": tuple(roles)}
    through = {"kms:ViaService": [via(place, service) for service in services]}
    return (
        Statement("Roles", _EVERY_USE, _KEY, principals, {"StringEquals": through}),
        Statement(
            "Grants",
            ("kms:CreateGrant",),
            _KEY,
            principals,
            {"StringEquals": through, "Bool": {"kms:GrantIsForAWSResource": "true"}},
        ),
    )


def via(place: Place, service: str) -> str:
    """Return a service of a region as the condition key `kms:ViaService` has it."""
    return f"{service}.{place.region}.{place.domain}"


def use_problems(place: Place, uses: Sequence[Statement], path: str) -> Iterator[Problem]:
    """Yield statements that open a key to more than one resource of one service, and a policy too long."""
    for index, use in enumerate(uses):
        field = join(path, f"[{index}]")
        if use.effect != "Allow":
            continue
        if "*" in [who for named in use.principals.values() for who in named] or not use.principals:
            allowed = "principals by name: a role's ARN, an account's root, a service"
            yield Problem(join(field, "principals"), "'*'" if use.principals else "nothing", allowed)
        if "Service" in use.principals and not use.conditions:
            hint = "Without one, the service would use the key for resources of other accounts as well."
            allowed = "an encryption context, aws:SourceArn or aws:SourceAccount for a service"
            yield Problem(join(field, "conditions"), "nothing", allowed, hint)
    sids = [use.sid for use in (administration(place), *uses)]
    if twice := sorted({sid for sid in sids if sids.count(sid) > 1}):
        yield Problem(path, f"sid {', '.join(twice)} twice", "statements with a sid of their own each")
    elif (length := len(key_policy(place, uses).encode())) > _LONGEST_POLICY:
        yield Problem(path, f"a policy of {length} bytes", f"at most {_LONGEST_POLICY} bytes")


def _publishing(place: Place, sid: str, service: str, source: str, topics: Sequence[str]) -> Statement:
    contexts = [place.arn("sns", topic) for topic in topics]
    return Statement(
        sid,
        _ENVELOPE,
        _KEY,
        {"Service": (f"{service}.amazonaws.com",)},
        {
            "ArnLike": {"aws:SourceArn": source},
            "StringEquals": {
                "aws:SourceAccount": place.account,
                "kms:EncryptionContext:aws:sns:topicArn": contexts,
            },
        },
    )
