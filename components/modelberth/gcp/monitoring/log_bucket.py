"""Where an endpoint's log lies: a bucket, what fills it, and what keeps a copy out of `_Default`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import pulumi

from modelberth.errors import Problem, shown

if TYPE_CHECKING:
    from modelberth.gcp.encryption import EncryptionKey
    from modelberth.gcp.monitoring.signals import Signals
    from modelberth.gcp.plan import Plan
    from modelberth.spec import EndpointSpec
    from modelberth.spec.gcp import ServiceTarget

__all__ = [
    "bucket",
    "bucket_id",
    "bucket_name",
    "exclusion",
    "key_users",
    "problems",
    "read_command",
    "sink",
]

# https://docs.cloud.google.com/logging/docs/buckets: custom retention is 1 to 3650 days.
_LONGEST_DAYS: Final = 3650
_LONGEST_NAME: Final = 100
# Both forms have the project's number: https://docs.cloud.google.com/logging/docs/routing/managed-encryption-storage
_OF_PROJECT: Final = r"(cmek-p|service-)(?P<number>[0-9]+)@.+"


def bucket_id(plan: Plan[Any]) -> str:
    """Return the name of the endpoint's log bucket."""
    return plan.named_by_kind("logs", longest=_LONGEST_NAME)


def bucket_name(plan: Plan[Any]) -> str:
    """Return its full name."""
    return f"{plan.place.parent}/buckets/{bucket_id(plan)}"


def bucket(plan: Plan[Any], key: EncryptionKey | None) -> dict[str, Any]:
    """Return the arguments of `pulumi_gcp.logging.ProjectBucketConfig`, which takes no labels.

    Args:
        plan: the endpoint
        key: encrypts it, in the same region; None: Google's own keys do

    """
    encrypted = {} if key is None else {"cmek_settings": {"kms_key_name": key.id}}
    return {
        "project": plan.target.project,
        "location": plan.target.region,
        "bucket_id": bucket_id(plan),
        "description": f"Log of model endpoint {plan.spec.name} in stack {plan.stack}.",
        "retention_days": plan.spec.monitoring.logs.retention_days,
        **encrypted,
    }


def sink(plan: Plan[Any], log_filter: pulumi.Input[str]) -> dict[str, Any]:
    """Return the arguments of `pulumi_gcp.logging.ProjectSink`.

    To a bucket of the sink's own project Cloud Logging writes by itself: nobody is granted anything.
    """
    return {
        "project": plan.target.project,
        "name": plan.named_by_kind("logs", longest=_LONGEST_NAME),
        "destination": f"logging.googleapis.com/{bucket_name(plan)}",
        "filter": log_filter,
        "description": f"Fills the log bucket of model endpoint {plan.spec.name}.",
        "unique_writer_identity": False,
    }


def exclusion(plan: Plan[Any], log_filter: pulumi.Input[str]) -> dict[str, Any]:
    """Return the arguments of `pulumi_gcp.logging.ProjectExclusion`, which is one of the sink `_Default`.

    What lay in that bucket too would be kept for its time and not for the endpoint's, without the endpoint's
    key, and be paid for twice.
    """
    return {
        "project": plan.target.project,
        "name": plan.named_by_kind("logs", longest=_LONGEST_NAME),
        "filter": log_filter,
        "description": f"Lies in the log bucket {bucket_id(plan)}.",
    }


def read_command(plan: Plan[Any], signals: Signals) -> str:
    """Return the command that prints the newest entries; without the bucket it would look in `_Default`."""
    return (
        f"gcloud logging read '{signals.log_filter}' --project={plan.target.project} "
        f"--bucket={bucket_id(plan)} --location={plan.target.region} --view=_AllLogs "
        "--freshness=1h --limit=50"
    )


def key_users(target: ServiceTarget) -> dict[str, str]:
    """Return who else has to be allowed to use the endpoint's key, for `GcpEncryptionKeyArgs.others`."""
    account = target.logging_account
    return {} if account is None else {"logging": f"serviceAccount:{account}"}


def problems(spec: EndpointSpec, target: ServiceTarget) -> Iterator[Problem]:
    """Yield a log that Cloud Logging does not keep as long, and an account that is another project's."""
    days = spec.monitoring.logs.retention_days
    if days > _LONGEST_DAYS:
        hint = "A sink of your own to Cloud Storage can keep it longer."
        yield Problem("monitoring.logs.retention_days", str(days), f"1 to {_LONGEST_DAYS} days", hint)
    account = target.logging_account
    found = None if account is None else re.fullmatch(_OF_PROJECT, account)
    if found is not None and found["number"] != target.project_number:
        hint = f"`gcloud logging settings describe --project={target.project}` prints it."
        allowed = f"Cloud Logging's account of project number {target.project_number}"
        yield Problem("target.logging_account", shown(account), allowed, hint)
