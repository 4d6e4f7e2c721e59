"""What a repository in Artifact Registry keeps: its cleanup policies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from modelberth.errors import Problem, join, shown

if TYPE_CHECKING:
    from pulumi_gcp.artifactregistry import (
        RepositoryCleanupPolicyArgsDict,
        RepositoryCleanupPolicyConditionArgsDict,
    )

__all__ = ["cleanup", "kept_tag_problems"]

_DAY: Final = 86_400


def cleanup(kept_tags: Sequence[str], kept: int, untagged_days: int) -> list[RepositoryCleanupPolicyArgsDict]:
    """Return the cleanup policies, by Pulumi's names of the fields.

    What is to be kept is kept, whatever else is to be deleted (Artifact Registry, "Configure cleanup
    policies"). The beginnings of tags count only where the state of tags is `TAGGED`: with `ANY` they are not
    looked at. Tags that cannot change cannot be deleted either, so only what has no tag is.

    Args:
        kept_tags: beginnings of tags with an asterisk after them, such as `live*`, whose images stay
        kept: number of images of each name that stay, the newest first
        untagged_days: days that an image without a tag stays

    """
    beginnings = [tag.removesuffix("*") for tag in kept_tags]
    untagged: RepositoryCleanupPolicyConditionArgsDict = {
        "tag_state": "UNTAGGED",
        "older_than": f"{untagged_days * _DAY}s",
    }
    policies: list[RepositoryCleanupPolicyArgsDict] = [
        {"id": "delete-untagged", "action": "DELETE", "condition": untagged},
        {"id": "keep-newest", "action": "KEEP", "most_recent_versions": {"keep_count": kept}},
    ]
    if beginnings:
        tagged: RepositoryCleanupPolicyConditionArgsDict = {
            "tag_state": "TAGGED",
            "tag_prefixes": beginnings,
        }
        policies.append({"id": "keep-tags", "action": "KEEP", "condition": tagged})
    return policies


def kept_tag_problems(kept_tags: Sequence[str], path: str) -> Iterator[Problem]:
    """Yield patterns of tags that are not the beginning of some."""
    for index, tag in enumerate(kept_tags):
        beginning = tag.removesuffix("*")
        if not beginning or not tag.endswith("*") or "*" in beginning:
            hint = "Artifact Registry compares the beginnings of tags, not whole ones."
            yield Problem(join(path, f"[{index}]"), shown(tag), "the beginning of tags, such as live*", hint)
