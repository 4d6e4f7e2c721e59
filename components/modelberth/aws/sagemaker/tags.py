"""The endpoint's tags, as AWS' own resource provider has them: a list, where the other has a mapping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pulumi_aws_native import TagArgs

if TYPE_CHECKING:
    from modelberth.aws.plan import Plan

__all__ = ["tags"]


def tags(plan: Plan[Any]) -> list[TagArgs]:
    """Return the tags of everything that this provider makes."""
    return [TagArgs(key=key, value=value) for key, value in sorted(plan.tags.items())]
