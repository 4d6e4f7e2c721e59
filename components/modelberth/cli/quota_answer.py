"""How one quota stands to what is needed of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelberth.aws.quotas import Need as AwsNeed
    from modelberth.gcp.quotas import Need as GcpNeed

__all__ = ["Answer", "Standing"]


class Standing(StrEnum):
    """How a quota stands to what is needed of it."""

    ENOUGH = "enough"
    TOO_SMALL = "too_small"
    SKIPPED = "skipped"
    """It could not be read; `detail` says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One quota.

    Attributes:
        need: what the endpoints need of it
        standing: whether it suffices
        value: as the account or the project has it; None: not read
        detail: a sentence for a person

    """

    need: AwsNeed | GcpNeed
    standing: Standing
    value: float | None
    detail: str
