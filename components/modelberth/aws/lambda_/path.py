"""What a request passes on its way: where the least fits through, that hop is the one that is named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelberth.aws.lambda_.front import front
from modelberth.aws.lambda_.limits import limits
from modelberth.errors import Problem
from modelberth.spec.quantities import Bytes

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec
    from modelberth.spec.aws import LambdaTarget

__all__ = ["problems"]


def problems(spec: EndpointSpec, target: LambdaTarget) -> Iterator[Problem]:
    """Yield limits of a request that a hop before the server undercuts, and hops that a region has not."""
    kind = front(spec, target).kind
    hops = limits().hops(kind)
    for hop in hops:
        if target.region in hop.absent:
            hint = (
                f"AWS offers {hop.title} in other regions. The other ways are in every one that has Lambda."
            )
            yield Problem("target.region", target.region, f"another region with target.front {kind}", hint)
    narrow = min(hops, key=lambda hop: hop.body_bytes)
    if spec.limits.max_body > narrow.body_bytes:
        size = Bytes(narrow.body_bytes)
        hint = f"The hop that binds is {narrow.title}."
        if len(hops) > 1:
            hint += (
                " A body that is no text passes it as base64; with target.front invoke it passes as it is."
            )
        yield Problem(
            "limits.max_body", str(spec.limits.max_body), f"at most {size} with target.front {kind}", hint
        )
    short = min(hops, key=lambda hop: hop.timeout_seconds)
    if spec.limits.timeout.seconds > short.timeout_seconds:
        hint = f"The hop that binds is {short.title}: it gives up then, a cold start included."
        allowed = f"at most {short.timeout_seconds} s with target.front {kind}"
        yield Problem("limits.timeout", str(spec.limits.timeout), allowed, hint)
