"""Whether the live step of a rollout has lasted for its `bake`, before the new model gets more requests."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from modelberth.errors import Problem
from modelberth.kubernetes.api.api_server import MissingKindError
from modelberth.kubernetes.crds import api_version
from modelberth.provider.kubernetes.inquiry import Entry, Inquiry

__all__ = ["bakes"]

_ROUTE: Final = "HTTPRoute"
_UNITS: Final = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
_MINUTE: Final = timedelta(minutes=1)

_log = logging.getLogger(__name__)


def bakes(inquiry: Inquiry, entry: Entry) -> Iterator[Problem]:
    """A share of the requests that the new model is not yet to have.

    The route says which share is live, and the API server since when: it notes the time at which whoever owns
    a route's rules changed something of the route (`metadata.managedFields`). Weights and timeouts are in
    the rules, host, Gateway and labels beside them; a change of any of them begins the step anew, since what
    was seen before was seen of another route. So a step never counts as older than it is.

    Less than the live share is never held up, nor is a route with other models, or with none before.
    """
    try:
        kind = inquiry.server.kind(api_version(_ROUTE), _ROUTE)
    except MissingKindError:
        return  # told for the kind itself
    route = inquiry.get(kind.path(inquiry.namespace, str(entry["route"])))
    if route is None:
        return
    share = _share(route, entry)
    # Steps rise: the live one is the last whose share the new model has, also where they were changed since.
    number = sum(step["percent"] <= share for step in entry["steps"])
    if share >= entry["percent"] or not number:
        return
    step = entry["steps"][number - 1]
    bake = timedelta(seconds=step["bakeSeconds"])
    if not bake:
        return
    where = f"{_ROUTE} {inquiry.namespace}/{entry['route']}"
    since = _since(route)
    if since is None:
        _log.warning("%s was not checked: %s does not tell since when it is as it is", entry["path"], where)
        return
    # Both times are the cluster's: whoever deploys may have another idea of what time it is.
    now = inquiry.server.now()
    if (left := since + bake - now) <= timedelta():
        return
    kept = f"at most {number}" if "previous" in entry else "the model that the rollout comes from"
    yield Problem(
        str(entry["path"]),
        str(entry["given"]),
        f"{kept} until step {number} ({step['percent']} percent of the requests) has lasted {_span(bake)}",
        f"{where} is as it is since {_clock(since)}: it may go on in {_wait(left)}, at {_clock(now + left)}. "
        f"Run the same again then, or set rollout.steps[{number - 1}].bake: 0s.",
    )


def _share(route: Mapping[str, Any], entry: Entry) -> float:
    """What the new model gets now, in percent; 0 where the route has other models, or does not split.

    Of the route's rules the one with two backends has the weights, the new model's first.
    """
    for rule in route["spec"].get("rules") or ():
        match rule.get("backendRefs"):
            case [{"name": new, **first}, {"name": previous, **second}] if new == entry["new"]:
                weights = [int(str(one.get("weight", 1))) for one in (first, second)]
                if previous == entry.get("previous", previous) and sum(weights):
                    return 100 * weights[0] / sum(weights)
    return 0


def _since(route: Mapping[str, Any]) -> datetime | None:
    """When the rules' owner last changed something of the route; None where nobody wrote that down."""
    times = [
        datetime.fromisoformat(one["time"])
        for one in route["metadata"].get("managedFields") or ()
        if "f:rules" in (one.get("fieldsV1") or {}).get("f:spec", {}) and "time" in one
    ]
    return max(times, default=None)


def _span(span: timedelta) -> str:
    """A span in people's units, such as `2 h 50 min`, no finer than seconds and never too short."""
    seconds, parts = math.ceil(span.total_seconds()), []
    for unit, size in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts)


def _wait(span: timedelta) -> str:
    """A span that nobody waits for to the second, in minutes where it is longer than one."""
    return _span(span if span <= _MINUTE else math.ceil(span / _MINUTE) * _MINUTE)


def _clock(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
