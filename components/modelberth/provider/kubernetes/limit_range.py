"""Whether a namespace takes an endpoint's pods and claims as they are: its LimitRanges.

The rules are those of the admission plugins LimitRanger and ResourceQuota (kubernetes/kubernetes,
plugin/pkg/admission/limitranger, pkg/quota/v1/evaluator/core/pods.go): what a container leaves open it gets
from a LimitRange, and then each of its amounts has to be within the bounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from modelberth.errors import Problem, shown
from modelberth.provider.kubernetes.amounts import NONE, amount_of, amounts_of, asked_by, written
from modelberth.provider.kubernetes.inquiry import Entry, Inquiry
from modelberth.provider.kubernetes.quota import quotas

__all__ = ["claims", "pods"]

_DEMANDED: Final = frozenset(
    f"{part}.{resource}" for part in ("requests", "limits") for resource in ("cpu", "memory")
)
"""Of a quota: each container of a pod has to say how much of it."""
_OWN_FIELDS: Final = frozenset({"cpu", "memory"})
_NO_LIMIT: Final = ("there is no limit.", "Let an administrator give the LimitRange a `default` for it.")


@dataclass(frozen=True)
class _Asked:
    """Requests and limits of a container, or of a pod; `entry` says where they come from."""

    what: str
    requests: Mapping[str, Decimal]
    limits: Mapping[str, Decimal]
    entry: Entry
    given: Mapping[str, Decimal] = field(default_factory=dict)
    """Limits that are the container's own."""

    def problem(self, resource: str, allowed: str, said: str, way_out: str = "") -> Problem:
        """Name the field that the amount comes from, with what stands there.

        Where `entry` has `given`, it is a setting that brings the container, and its amounts are fixed.
        """
        path, given = str(self.entry["path"]), self.entry.get("given")
        if given is None:
            path = f"{path}.{resource if resource in _OWN_FIELDS else 'gpu'}"
            amount = self.requests.get(resource, self.limits.get(resource))
            given = "nothing" if amount is None else written(amount)
            way_out = way_out or "Ask for less, or let an administrator change the LimitRange."
        else:
            way_out = way_out or "It is fixed: let an administrator change the LimitRange."
        return Problem(path, shown(given), allowed, f"{resource} of {self.what}: {said} {way_out}")


def pods(inquiry: Inquiry, entries: Sequence[Entry]) -> list[Problem]:
    """Every container and every pod is within the bounds, and has what a quota asks of each container."""
    found = _limit_ranges(inquiry)
    bounds = [(one, item) for one in found for item in one["spec"].get("limits") or ()]
    defaults = [item for _, item in bounds if item["type"] == "Container"]
    problems: list[Problem] = []
    for entry in entries:
        every = [(_with_defaults(one, defaults), bool(one.get("first"))) for one in entry["containers"]]
        containers = [one for one, _ in every]
        pod = _pod(entry, every)
        for asked in containers:
            problems += _above_default(asked)
        for one, item in bounds:
            concerned = {"Container": containers, "Pod": [pod]}.get(item["type"], [])
            problems += [problem for asked in concerned for problem in _outside(one, item, asked)]
        problems += _undeclared(inquiry, containers)
    return [*dict.fromkeys(problems)]


def claims(inquiry: Inquiry, entries: Sequence[Entry]) -> list[Problem]:
    """The size of every claim is within the bounds."""
    problems: list[Problem] = []
    for one in _limit_ranges(inquiry):
        for item in one["spec"].get("limits") or ():
            for entry in entries if item["type"] == "PersistentVolumeClaim" else ():
                size = amount_of(str(entry["storage"]))
                for kind, is_outside in (("max", Decimal.__gt__), ("min", Decimal.__lt__)):
                    bound = (item.get(kind) or {}).get("storage")
                    if bound is not None and is_outside(size, amount_of(str(bound))):
                        least = "at most" if kind == "max" else "at least"
                        problems.append(
                            Problem(
                                f"{entry['path']}.size",
                                shown(entry["storage"]),
                                f"{least} {bound}, as {_named(one)} has it for a claim",
                                "Take another size, or let an administrator change the LimitRange.",
                            )
                        )
    return problems


def _limit_ranges(inquiry: Inquiry) -> Sequence[Mapping[str, Any]]:
    if not inquiry.has_namespace:
        return []
    return inquiry.server.items(f"/api/v1/namespaces/{inquiry.namespace}/limitranges")


def _with_defaults(entry: Entry, defaults: Sequence[Mapping[str, Any]]) -> _Asked:
    """Fill in what a container leaves open: a request is then its limit, else the first default."""
    own = amounts_of(entry.get("limits"))
    requests = {**own, **amounts_of(entry.get("requests"))}
    limits = dict(own)
    for item in defaults:
        limits = {**amounts_of(item.get("default")), **limits}
        requests = {**amounts_of(item.get("defaultRequest")), **requests}
    return _Asked(f"container {entry['name']}", requests, limits, entry, own)


def _pod(entry: Entry, containers: Sequence[tuple[_Asked, bool]]) -> _Asked:
    def sums(part: str) -> Mapping[str, Decimal]:
        first = [getattr(one, part) for one, is_first in containers if is_first]
        return asked_by([getattr(one, part) for one, is_first in containers if not is_first], first)

    whose = next(one.entry for one, is_first in containers if not is_first)
    limits = sums("limits")
    return _Asked(f"pod {entry['name']}", sums("requests"), limits, whose, limits)


def _above_default(asked: _Asked) -> Iterator[Problem]:
    """A limit that comes from a LimitRange, and is less than what the container requests."""
    for resource, limit in asked.limits.items():
        request = asked.requests.get(resource, NONE)
        if resource not in asked.given and request > limit:
            yield asked.problem(
                resource,
                f"at most {written(limit)}, the limit that a LimitRange of the namespace gives it",
                f"its request is {written(request)}.",
            )


def _outside(limit_range: Mapping[str, Any], item: Mapping[str, Any], asked: _Asked) -> Iterator[Problem]:
    """What LimitRanger would refuse, in its order."""
    name = f"as {_named(limit_range)} has it for a {item['type'].lower()}"
    for resource, most in amounts_of(item.get("max")).items():
        limit, request = asked.limits.get(resource), asked.requests.get(resource, NONE)
        if limit is None:
            yield asked.problem(resource, f"a limit of at most {written(most)}, {name}", *_NO_LIMIT)
        # A default limit below the request is told as that.
        elif limit > most or (request > most and resource in asked.given):
            yield asked.problem(
                resource, f"at most {written(most)}, {name}", f"it is {written(max(limit, request))}."
            )
    for resource, least in amounts_of(item.get("min")).items():
        request = asked.requests.get(resource, NONE)
        if request < least:
            yield asked.problem(
                resource,
                f"at least {written(least)}, {name}",
                f"its request is {written(request)}.",
                "" if asked.entry.get("given") else "Ask for more, or let an administrator change it.",
            )
    for resource, ratio in amounts_of(item.get("maxLimitRequestRatio")).items():
        limit, request = asked.limits.get(resource), asked.requests.get(resource, NONE)
        allowed = f"a limit of at most {written(ratio)} times the request, {name}"
        if not limit:
            yield asked.problem(resource, allowed, *_NO_LIMIT)
        elif not request or limit / request > ratio:
            said = f"its request is {written(request)}, its limit {written(limit)}."
            yield asked.problem(resource, allowed, said, "Let an administrator change the LimitRange.")


def _undeclared(inquiry: Inquiry, containers: Sequence[_Asked]) -> Iterator[Problem]:
    """A quota on what a container does not say keeps out its whole pod."""
    for quota in quotas(inquiry):
        for demanded in sorted(_DEMANDED & (quota["spec"].get("hard") or {}).keys()):
            part, _, resource = demanded.partition(".")
            for asked in containers:
                if resource not in getattr(asked, part):
                    yield asked.problem(
                        resource,
                        f"a namespace without a quota on {demanded}, as {quota['metadata']['name']} has it",
                        "none is set, and under that quota every container needs one.",
                        f"Let an administrator take {demanded} out of the quota, or add a LimitRange with a "
                        "`default` for it.",
                    )


def _named(limit_range: Mapping[str, Any]) -> str:
    metadata = limit_range["metadata"]
    return f"LimitRange {metadata['name']} of namespace {metadata['namespace']}"
