"""What a rollout says of the pods' replacement, against the one way that an engine of others has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelberth.spec.rollout import Recreate, Rolling

if TYPE_CHECKING:
    from modelberth.spec.quantities import Amount
    from modelberth.spec.rollout import Rollout

__all__ = ["unlike"]


def unlike(rollout: Rollout, max_surge: Amount, max_unavailable: Amount) -> str | None:
    """Return in words what a rollout wants, where that is another way; else None.

    Strategies with weights say how requests move, and nothing of the pods.
    """
    if isinstance(rollout, Recreate):
        return rollout.strategy
    if not isinstance(rollout, Rolling):
        return None
    if (rollout.max_surge, rollout.max_unavailable) == (max_surge, max_unavailable):
        return None
    return f"rolling with max_surge {rollout.max_surge} and max_unavailable {rollout.max_unavailable}"
