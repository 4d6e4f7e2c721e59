"""Which revisions answer, and in what shares.

Each share names its revision, never the latest one: a revision that was made by hand gets no requests. While
a rollout has a previous model, both revisions have a tag and with it an address of their own, whatever their
share: the new one can be tried with no share at all, and the way back needs no new revision.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from modelberth.errors import Problem, shown
from modelberth.gcp.cloud_run.names import NEW, PREVIOUS
from modelberth.spec.rollout import BlueGreen, Canary

if TYPE_CHECKING:
    from pulumi_gcp.cloudrunv2 import ServiceTrafficArgsDict

    from modelberth.spec import EndpointSpec, ModelSource
    from modelberth.spec.gcp import CloudRunTarget
    from modelberth.spec.rollout import Rollout

__all__ = ["Share", "percent", "problems", "shares"]

_WHOLE: Final = 100
_BY_REVISION: Final = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"


@dataclass(frozen=True, slots=True)
class Share:
    """Who answers, and how often.

    Attributes:
        revision: its name
        percent: of the requests
        tag: that it is reached by, whatever its share

    """

    revision: str
    percent: int
    tag: str

    @property
    def inputs(self) -> ServiceTrafficArgsDict:
        """The share as a service has it."""
        return {
            "type": _BY_REVISION,
            "revision": self.revision,
            "percent": self.percent,
            "tag": self.tag,
        }


def percent(rollout: Rollout) -> int:
    """Return the new model's share of the requests; the previous model has the rest."""
    match rollout:
        case Canary(previous=previous, steps=steps, step=step) if previous is not None:
            return (0, *(one.percent for one in steps), _WHOLE)[step]
        case BlueGreen(previous=previous, active="previous") if previous is not None:
            return 0
    return _WHOLE


def shares(rollout: Rollout, new: str, previous: str | None) -> tuple[Share, ...]:
    """Return the shares, which are the whole of the requests together.

    Args:
        rollout: says how far the new model has come
        new: name of the revision that serves the endpoint's model
        previous: name of the one that serves `rollout.previous`; None: there is none

    """
    if previous is None:
        return (Share(new, _WHOLE, NEW),)
    share = percent(rollout)
    return (Share(new, share, NEW), Share(previous, _WHOLE - share, PREVIOUS))


def problems(spec: EndpointSpec, target: CloudRunTarget) -> Iterator[Problem]:
    """Yield a rollout from a model to itself: one revision cannot have two shares."""
    del target  # Every region has the same.
    previous: ModelSource | None = getattr(spec.rollout, "previous", None)
    if previous is not None and previous == spec.model:
        hint = "It is the model that the rollout comes from; without it, leave it out."
        yield Problem("rollout.previous", shown(previous.uri), "another model than `model`", hint)
