"""The key of an endpoint: one that its spec names, or one that is made for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelberth.aws import key_policy
from modelberth.aws.encryption import AwsEncryptionKey, AwsEncryptionKeyArgs, EncryptionKey
from modelberth.aws.monitoring.notify import topic_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pulumi

    from modelberth.aws.plan import Plan
    from modelberth.aws.policies import Statement

__all__ = ["endpoint_key"]


def endpoint_key(
    name: str, plan: Plan[Any], uses: Sequence[Statement], opts: pulumi.ResourceOptions
) -> EncryptionKey:
    """Return what encrypts an endpoint's data.

    Args:
        name: logical, of a key that is made
        plan: of the endpoint
        uses: what services may do with it beside telling of alarms and the budget
        opts: of a key that is made

    Raises:
        SpecError: `security.key` is no key of the account and the region.

    """
    spec, place, topic = plan.spec, plan.place, topic_name(plan)
    if spec.security.key is not None:
        return EncryptionKey.from_existing(spec.security.key, place, "security.key")
    told = [key_policy.for_alarms(place, topic)]
    if spec.budget is not None:
        told.append(key_policy.for_budgets(place, topic))
    args = AwsEncryptionKeyArgs(
        place=place,
        alias=plan.named_by_kind(),
        uses=[*uses, *told],
        description=f"Encrypts what model endpoint {spec.name} leaves behind.",
        tags=plan.tags,
        protect=spec.protect,
    )
    return AwsEncryptionKey(name, args, opts).key
