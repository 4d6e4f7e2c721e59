"""Which revisions answer, and in what shares.

Each share names its revision, never the latest one: a revision that was made by hand gets no requests. While
a rollout has a previous model, both revisions have a tag and with it an address of their own, whatever their
share: the new one can be tried with no share at all, and the way back needs no new revision.

Google deletes the oldest revisions without requests once a service has 1,000, and refuses to name one that is
gone: "Revision '…' does not exist or is deleted". The way back is then a deployment of the model as the
endpoint's own, with no `rollout.previous`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from modelberth.errors import Problem, shown
from modelberth.gcp.cloud_run.limits import limits
from modelberth.gcp.cloud_run.names import NEW, PREVIOUS, service_name
from modelberth.rollouts import same_model_problems

if TYPE_CHECKING:
    import pulumi
    from pulumi_gcp.cloudrunv2 import ServiceTrafficArgsDict

    from modelberth.gcp.plan import Plan
    from modelberth.spec import EndpointSpec
    from modelberth.spec.cloud_run import CloudRunTarget

__all__ = ["Share", "foreign_problems", "is_split", "problems", "same_problems", "shares"]

_WHOLE: Final = 100
_BY_REVISION: Final = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
_FOUND: Final = "It is `revision` of the endpoint's contract as long as that model is all there is."


@dataclass(frozen=True, slots=True)
class Share:
    """Who answers, and how often.

    Attributes:
        revision: its name
        percent: of the requests
        tag: that it is reached by, whatever its share

    """

    revision: pulumi.Input[str]
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


def shares(spec: EndpointSpec, new: pulumi.Input[str], previous: str | None) -> tuple[Share, ...]:
    """Return the shares, which are the whole of the requests together.

    Args:
        spec: its rollout says how far the new model has come
        new: name of the revision that serves the endpoint's model
        previous: name of the one that serves `rollout.previous`; None: there is none

    """
    if previous is None:
        return (Share(new, _WHOLE, NEW),)
    return (Share(new, spec.share, NEW), Share(previous, _WHOLE - spec.share, PREVIOUS))


def is_split(spec: EndpointSpec) -> bool:
    """Whether two revisions answer."""
    return 0 < spec.share < _WHOLE


def problems(spec: EndpointSpec, target: CloudRunTarget) -> Iterator[Problem]:
    """Yield a rollout without the revision that it comes from, and the other way round."""
    previous, revision = spec.previous, target.previous_revision
    if previous is None and revision is not None:
        hint = "It is the revision that a canary or a blue-green rollout comes from."
        yield Problem("target.previous_revision", shown(revision), "nothing without rollout.previous", hint)
    if previous is not None and revision is None:
        allowed = "the name of the revision that serves rollout.previous"
        yield Problem("target.previous_revision", "nothing", allowed, _FOUND)
    yield from same_model_problems(spec)


def foreign_problems(plan: Plan[CloudRunTarget]) -> Iterator[Problem]:
    """Yield a previous revision that is none of the service's."""
    revision, service = plan.target.previous_revision, service_name(plan)
    if revision is not None and not revision.startswith(f"{service}-"):
        most = limits().revisions
        hint = f"{_FOUND} Google keeps {most} revisions, and deletes the oldest that get no requests."
        yield Problem("target.previous_revision", shown(revision), f"a revision of {service}", hint)


def same_problems(target: CloudRunTarget, new: str) -> Iterator[Problem]:
    """Yield a previous revision that is the new one itself, whose name is known only once its image is."""
    if target.previous_revision == new:
        allowed = "another revision than the one that this update makes"
        yield Problem("target.previous_revision", shown(new), allowed, _FOUND)
