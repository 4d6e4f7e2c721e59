"""Physical names of what a function is made of: they follow from the plan, and ARNs follow from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from modelberth.aws.plan import Plan
    from modelberth.spec.aws import LambdaTarget

__all__ = ["LIVE", "access_log_group", "function_name", "log_group", "queue_name", "role_name"]

LIVE: Final = "live"
"""Name of the alias: everything calls this, never a version."""

# https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
_LONGEST_NAME: Final = 64


def function_name(plan: Plan[LambdaTarget]) -> str:
    """Name of the function."""
    return plan.named(longest=_LONGEST_NAME)


def log_group(plan: Plan[LambdaTarget]) -> str:
    """Name of the log group that the function writes to."""
    return f"/aws/lambda/{function_name(plan)}"


def access_log_group(plan: Plan[LambdaTarget]) -> str:
    """Name of the log group for an HTTP API's access log.

    The beginning is the one that AWS asks for, so that the account's policy for log deliveries does not grow
    with each API (CloudWatch Logs, "Log group resource policy size limit considerations").
    """
    return f"/aws/vendedlogs/apis/{plan.name}"


def queue_name(plan: Plan[LambdaTarget]) -> str:
    """Name of the queue for events that the function failed on."""
    return plan.named("dead-letters")


def role_name(plan: Plan[LambdaTarget]) -> str:
    """Name of the role that the function runs as: IAM is of no region, so the name has to tell it."""
    return plan.named(f"function-{plan.target.region}", longest=_LONGEST_NAME)
