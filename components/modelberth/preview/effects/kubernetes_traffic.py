"""Which pods the calls to a Service, an HTTPRoute or an Ingress go to, and what happens to them on the way.

Two backends are the same where they lead to the same pods: a canary that is complete gives its route another
Service, and moves no call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from modelberth.preview.plan import Difference, Marker, Op, Plan, Step

from .cluster import Cluster, Pods, is_ready, place_of
from .directions import magnitude
from .effect import Calls, Effect, Kind, Severity
from .rule import Rules, at, found
from .wording import changes, listed, name, percent, value

__all__ = ["RULES"]

_Side = Literal["before", "after"]
_SIDES: Final[tuple[_Side, _Side]] = ("before", "after")
_MOST: Final = 6
_BY_HEADER: Final = " of the calls with header"


_Shares: TypeAlias = Mapping[object, tuple[Pods, float]]
"""Pods and their percent of the calls, by what tells pods apart."""


class _Moved(NamedTuple):
    """Pods that get another share of the calls."""

    pods: Pods
    words: str
    gains: bool


@dataclass(frozen=True, slots=True)
class _Way:
    """What one rule of a router does with its calls."""

    label: str
    shares: _Shares
    """Of who answers."""
    copies: _Shares
    """Of who gets a copy."""


def _selector(step: Step, plan: Plan) -> Iterator[Effect]:
    """A Service that selects other pods sends its calls elsewhere at once."""
    differences = step.changed("spec.selector")
    if step.op is not Op.UPDATE or not differences or step.before is None or step.after is None:
        return
    pods = {
        side: Pods(
            Cluster(plan, side).selected(at(inputs, "spec.selector"), place_of(inputs)), "the pods selected"
        )
        for side, inputs in zip(_SIDES, (step.before, step.after), strict=True)
    }
    if pods["before"].workloads and pods["before"].key == pods["after"].key:
        return
    who = f"{pods['after'].told('after')}" if pods["after"].workloads else "other pods"
    come = f" instead of {pods['before'].told('before')}" if pods["before"].workloads else ""
    yield Effect(
        kind=Kind.TRAFFIC_MOVED,
        severity=Severity.CHANGE,
        sentence=f"All calls to {name(step)} go to {who}{come} at once: {changes(differences)}.",
        urn=step.urn,
        paths=_paths(differences),
        calls=_awaited([pods["after"]]),
    )


def _moves(step: Step, plan: Plan) -> Iterator[Effect]:
    """A router that gives its calls to others, or to the same in other shares."""
    before, after = (_ways(step, plan, side) for side in _SIDES)
    if not before or not after:
        return
    differences = step.changed("spec.rules")
    moved = [
        one
        for label in dict.fromkeys([*after, *before])
        for one in _differing(label, *(_way(ways, label).shares for ways in (before, after)))
    ]
    if moved:
        yield Effect(
            kind=Kind.TRAFFIC_MOVED,
            severity=Severity.CHANGE,
            sentence=f"The calls to {name(step)} are split anew: {_told(moved)}.",
            urn=step.urn,
            paths=_paths(d for d in differences if not _is_of_copies(d) and ".timeouts" not in d.path),
            calls=_awaited([one.pods for one in moved if one.gains]),
        )
    elif backends := [d for d in differences if "backend" in d.path.lower() and not _is_of_copies(d)]:
        yield Effect(
            kind=Kind.IN_PLACE,
            severity=Severity.CHANGE,
            sentence=f"{name(step)} leads to the same pods in the same shares, by other Services.",
            urn=step.urn,
            paths=_paths(backends),
            calls=Calls.SAFE,
        )


def _copies(step: Step, plan: Plan) -> Iterator[Effect]:
    """Calls that are copied to somebody whose answers nobody gets."""
    before, after = (_ways(step, plan, side) for side in _SIDES)
    if not before or not after:
        return
    moved = [
        one
        for label in dict.fromkeys([*after, *before])
        for one in _differing(label, *(_copied(ways, label) for ways in (before, after)))
    ]
    if moved:
        yield Effect(
            kind=Kind.TRAFFIC_MOVED,
            severity=Severity.CHANGE,
            sentence=f"Calls to {name(step)} are copied to {_told(moved)}; their answers are dropped.",
            urn=step.urn,
            paths=_paths(d for d in step.changed("spec.rules") if _is_of_copies(d)),
            calls=Calls.SAFE,
        )


def _way(ways: Mapping[str, _Way], label: str) -> _Way:
    """The rule of these calls; what no rule of its own takes goes by the last."""
    return ways.get(label) or [*ways.values()][-1]


def _copied(ways: Mapping[str, _Way], label: str) -> _Shares:
    return ways[label].copies if label in ways else {}


def _differing(label: str, old: _Shares, new: _Shares) -> Iterator[_Moved]:
    for key in dict.fromkeys([*new, *old]):
        was, now = (shares[key][1] if key in shares else 0.0 for shares in (old, new))
        if round(was, 1) != round(now, 1):
            pods, side = (new[key][0], _SIDES[1]) if key in new else (old[key][0], _SIDES[0])
            yield _Moved(pods, f"{pods.told(side)}{label} {percent(was)} → {percent(now)}", now > was)


def _told(moved: Iterable[_Moved]) -> str:
    return listed([*dict.fromkeys(one.words for one in moved)], _MOST)


def _gateway(step: Step, _plan: Plan) -> Iterator[Effect]:
    """A route that another Gateway, or another listener, takes in."""
    differences = step.changed("spec.parentRefs")
    if step.op is Op.UPDATE and differences:
        yield Effect(
            kind=Kind.ADDRESS_CHANGED,
            severity=Severity.DANGER,
            sentence=f"Calls to {name(step)} come in at another Gateway or listener: at the one before they "
            f"fail from then on ({changes(differences)}).",
            urn=step.urn,
            paths=_paths(differences),
            calls=Calls.MAY_FAIL,
        )


def _timeouts(step: Step, _plan: Plan) -> Iterator[Effect]:
    """A time limit of the route for a call."""
    differences = [d for d in step.changed("spec.rules") if d.path.endswith("timeouts.request")]
    if step.op is not Op.UPDATE or not differences:
        return
    sides = [(magnitude(d.before), magnitude(d.after)) for d in differences]
    longer = all(old is not None and new is not None and new >= old for old, new in sides)
    said = "may take longer before the route ends them" if longer else "that take longer fail from then on"
    yield Effect(
        kind=Kind.IN_PLACE,
        severity=Severity.CHANGE,
        sentence=f"Calls to {name(step)} {said} ({changes(differences[:1])}).",
        urn=step.urn,
        paths=_paths(differences),
        calls=Calls.SAFE if longer else Calls.MAY_FAIL,
    )


def _ways(step: Step, plan: Plan, side: _Side) -> Mapping[str, _Way]:
    """By what tells the calls of a rule from others; nothing where a weight is not known yet."""
    cluster = Cluster(plan, side)
    inputs = cluster.inputs(step)
    read = _of_ingress if step.type.endswith(":Ingress") else _of_route
    ways = {way.label: way for way in read(inputs, cluster)}
    if any(isinstance(weight, Marker) for _, weight in found(inputs, "spec.rules[].backendRefs[].weight")):
        return {}
    if len(ways) > 1 and _are_alike(ways.values()):
        (first, *_) = ways.values()
        return {"": _Way("", first.shares, first.copies)}
    return ways


def _are_alike(ways: Iterable[_Way]) -> bool:
    """Whether no rule gives its calls to others than the rest do; what a header picks is always told."""
    labels = [way.label for way in ways]
    shares = [{key: share for key, (_, share) in way.shares.items()} for way in ways]
    return all(one == shares[0] for one in shares) and not any(_BY_HEADER in label for label in labels)


def _of_route(inputs: Mapping[str, Any] | None, cluster: Cluster) -> Iterator[_Way]:
    """Of an HTTPRoute: what a header picks first, since of two rules that fit the other is the usual one."""
    rules = [rule for _, rule in found(inputs, "spec.rules[]")]
    plain = [rule for rule in rules if not _headers(rule)]
    for number, rule in enumerate(rules, start=1):
        headers = _headers(rule)
        of_rule = f" of rule {number}" if len(plain) > 1 else ""
        backends = [(at(one, "name"), at(one, "weight", 1)) for _, one in found(rule, "backendRefs[]")]
        copies = {}
        for _, mirror in found(rule, "filters[].requestMirror"):
            pods = cluster.behind(at(mirror, "backendRef.name"), place_of(inputs))
            copies[pods.key] = (pods, _of_mirror(mirror))
        label = f"{_BY_HEADER} {headers}" if headers else of_rule
        yield _Way(label, _shared(backends, inputs, cluster), copies)


def _headers(rule: Any) -> str:
    pairs = [one for _, one in found(rule, "matches[].headers[]")]
    return listed([*dict.fromkeys(f"{at(one, 'name')} {value(at(one, 'value'))}" for one in pairs)])


def _of_mirror(mirror: Any) -> float:
    share = at(mirror, "percent")
    if share is None and isinstance(numerator := at(mirror, "fraction.numerator"), int):
        share = 100 * numerator / at(mirror, "fraction.denominator", 100)
    return float(share) if isinstance(share, int | float) else 100.0


def _of_ingress(inputs: Mapping[str, Any] | None, cluster: Cluster) -> Iterator[_Way]:
    """Of an Ingress: one backend for each path."""
    for _, rule in found(inputs, "spec.rules[]"):
        for _, path in found(rule, "http.paths[]"):
            label = f" at {value(str(at(rule, 'host', '*')) + str(at(path, 'path', '')))}"
            yield _Way(label, _shared([(at(path, "backend.service.name"), 1)], inputs, cluster), {})


def _shared(
    weights: Iterable[tuple[Any, Any]], inputs: Mapping[str, Any] | None, cluster: Cluster
) -> _Shares:
    total: dict[object, tuple[Pods, float]] = {}
    for service, weight in weights:
        if not isinstance(weight, Marker):
            pods = cluster.behind(service, place_of(inputs))
            total[pods.key] = (pods, total.get(pods.key, (pods, 0.0))[1] + weight)
    whole = sum(weight for _, weight in total.values())
    return {key: (pods, 100 * weight / whole) for key, (pods, weight) in total.items() if weight}


def _awaited(pods: Sequence[Pods]) -> Calls:
    """Safe where everybody who gets more calls is there before them."""
    workloads = [step for one in pods for step in one.workloads]
    is_known = all(one.workloads for one in pods)
    return Calls.SAFE if is_known and all(map(is_ready, workloads)) else Calls.UNKNOWN


def _is_of_copies(difference: Difference) -> bool:
    return ".filters" in difference.path


def _paths(differences: Any) -> tuple[str, ...]:
    return tuple(difference.path for difference in differences)


RULES: Rules = {
    "kubernetes:core/v1:Service": (_selector,),
    "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute": (_moves, _copies, _gateway, _timeouts),
    "kubernetes:networking.k8s.io/v1:Ingress": (_moves,),
}
