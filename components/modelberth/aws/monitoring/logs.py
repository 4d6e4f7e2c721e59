"""Where an endpoint logs: groups that are there before anything writes, encrypted, and not for ever.

A group that its writer makes has no retention and no key of ours.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pulumi
from pulumi_aws import cloudwatch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelberth.aws.encryption import EncryptionKey
    from modelberth.aws.plan import Plan

__all__ = ["TABLE", "AwsLogs", "AwsLogsArgs", "log_group", "retention_days"]

TABLE: Final = Path(__file__).with_name("retention.toml")


def retention_days(wanted: int) -> int:
    """Return the smallest number of days that CloudWatch takes and that is not below the one wanted.

    Raises:
        ValueError: it takes none as large.

    """
    found = next((days for days in _allowed() if days >= wanted), None)
    if found is None:
        raise ValueError(f"CloudWatch keeps logs for {max(_allowed())} days at most, not for {wanted}")
    return found


def log_group(plan: Plan[Any], name: str, key: EncryptionKey) -> dict[str, Any]:
    """Return the arguments of a log group.

    Args:
        plan: the endpoint
        name: physical; Lambda's are /aws/lambda/FUNCTION
        key: encrypts it

    """
    return {
        "name": name,
        "region": plan.target.region,
        "retention_in_days": retention_days(plan.spec.monitoring.logs.retention_days),
        "kms_key_id": key.arn,
        "tags": plan.tags,
    }


@dataclass(frozen=True)
class AwsLogsArgs:
    """Whose log groups.

    Attributes:
        plan: the endpoint
        groups: role → physical name
        key: encrypts them; lets CloudWatch Logs use it for these groups (`key_policy.for_logs`)

    """

    plan: Plan[Any]
    groups: Mapping[str, str]
    key: EncryptionKey


class AwsLogs(pulumi.ComponentResource):
    """The log groups of an endpoint."""

    groups: Mapping[str, cloudwatch.LogGroup]

    def __init__(self, name: str, args: AwsLogsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelberth:index:AwsLogs", name, {}, opts)
        self.groups = {
            role: cloudwatch.LogGroup(
                f"{name}-{role}",
                **log_group(args.plan, physical, args.key),
                opts=pulumi.ResourceOptions(parent=self),
            )
            for role, physical in args.groups.items()
        }
        self.register_outputs({"names": {role: group.name for role, group in self.groups.items()}})


@cache
def _allowed() -> tuple[int, ...]:
    return tuple(tomllib.loads(TABLE.read_text(encoding="utf-8"))["days"])
