"""Physical names of what a service is made of: they follow from the plan, a revision's from its content."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from modelberth.gcp.cloud_run.limits import limits
from modelberth.naming import content_digest

if TYPE_CHECKING:
    from modelberth.gcp.plan import Plan
    from modelberth.spec.cloud_run import CloudRunTarget

__all__ = ["NEW", "PREVIOUS", "account_name", "revision_name", "service_name"]

NEW: Final = "new"
"""Tag of the revision that serves the endpoint's own model: it is reached by `https://new---SERVICE-…`."""
PREVIOUS: Final = "previous"
"""Tag of the revision that serves `rollout.previous`."""

_LONGEST_ACCOUNT: Final = 30


def service_name(plan: Plan[CloudRunTarget]) -> str:
    """Name of the service, which leaves room for the longest tag."""
    return plan.named(longest=limits().tag_and_service - max(len(NEW), len(PREVIOUS)))


def account_name(plan: Plan[CloudRunTarget]) -> str:
    """Name of the service account, where one is made."""
    return plan.named_by_kind(longest=_LONGEST_ACCOUNT)


def revision_name(service: str, content: Mapping[str, object]) -> str:
    """Name of a revision: the same for the same content, and another for any other.

    A name that was taken with another content is refused, and so would a name be that tells the model's
    version alone: a change of the image or of a variable makes a revision as well. The way back to a content
    that was served before names the revision that is still there.

    Args:
        service: its name, which a revision's begins with
        content: everything that the revision is made of, as JSON can hold it

    Raises:
        TypeError: there is something in the content that JSON cannot hold, such as an output.

    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return f"{service}-{content_digest(text)}"
