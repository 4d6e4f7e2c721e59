"""What happens to one endpoint, in a few words for the headline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from modelberth.preview.effects.effect import Calls, Effect, Kind, Severity
from modelberth.preview.effects.wording import code, span
from modelberth.preview.report import EndpointReport

from .plain import name

__all__ = ["happens", "happens_outside"]

# Of two effects of the same severity the first one here is the news.
_HAPPENS: Final = {
    Kind.REFUSED: "cannot be changed as planned",
    Kind.REMOVED: "is removed",
    Kind.CREATED: "is created",
    Kind.DATA_DELETED: "loses data",
    Kind.REGION_CHANGED: "moves to another region",
    Kind.REPLACED: "is replaced",
    Kind.NEWLY_PUBLIC: "becomes public",
    Kind.ADDRESS_CHANGED: "gets another address",
    Kind.PERMISSIONS_WIDENED: "may do more than before",
    Kind.PROTECTION_LIFTED: "loses its protection",
    Kind.KEY_CHANGED: "gets another key",
    Kind.UNKNOWN: "changes, and offline it is not known whether it is replaced",
    Kind.COUNT_RESET: "has its number of replicas set back",
    Kind.ROLLING: "is rolled over",
    Kind.TRAFFIC_MOVED: "has its traffic moved",
    Kind.PERMISSIONS_NARROWED: "may do less than before",
    Kind.IN_PLACE: "is changed in place",
    Kind.PROTECTED: "is protected now",
    Kind.UNCHANGED: "stays as it is",
}
_OF_CALLERS: Final = {
    Kind.PERMISSIONS_WIDENED: "lets more callers in",
    Kind.PERMISSIONS_NARROWED: "lets fewer callers in",
}
_OF_PARTS: Final = {
    Kind.REMOVED: ("loses {}", "loses {} parts"),
    Kind.CREATED: ("gets {}", "gets {} new parts"),
    Kind.REPLACED: ("has {} replaced", "has {} parts replaced"),
}
_ORDER: Final = tuple(_HAPPENS)
_CALLS: Final = {
    Calls.MAY_FAIL: "calls may fail",
    Calls.UNKNOWN: "whether calls fail is not known",
    Calls.SAFE: "no call fails",
}


def happens(endpoint: EndpointReport) -> str:
    """Such as `is rolled over, no call fails`: the gravest, how long that takes, and how calls fare."""
    gravest = [effect for effect in endpoint.effects if effect.severity is endpoint.severity]
    ranked = sorted(gravest, key=lambda effect: _rank(endpoint, effect))
    said = dict.fromkeys(
        _words(endpoint, effect.kind, gravest, of_callers=effect.of_callers) for effect in ranked
    )
    text = " and ".join(list(said)[: 2 if endpoint.severity is Severity.DANGER else 1])
    gpus = sum(effect.extra_gpus for effect in endpoint.effects)
    if gpus:
        text += f" (needs {gpus:,} more GPU{'s' if gpus > 1 else ''} for that time)"
    return ", ".join(filter(None, (text, _fate(endpoint, ranked))))


def happens_outside(endpoint: EndpointReport) -> str:
    """The same of what stands outside of all endpoints, of which nobody knows who calls it."""
    gravest = [effect for effect in endpoint.effects if effect.severity is endpoint.severity]
    kind = min((effect.kind for effect in gravest), key=_ORDER.index)
    return f"a resource outside of them {_HAPPENS[kind]}"


def _rank(endpoint: EndpointReport, effect: Effect) -> tuple[bool, int]:
    """Of what is no danger, a part that comes or goes is less news than what happens to the whole."""
    minor = effect.severity < Severity.DANGER and _is_part(endpoint, effect) and effect.kind in _OF_PARTS
    minor = minor or effect.kind in {Kind.IN_PLACE, Kind.PROTECTED, Kind.UNCHANGED}
    return minor, _ORDER.index(effect.kind)


def _words(endpoint: EndpointReport, kind: Kind, effects: Sequence[Effect], *, of_callers: bool) -> str:
    alike = [effect for effect in effects if effect.kind is kind]
    if kind in _OF_PARTS and all(_is_part(endpoint, effect) for effect in alike):
        names = list(dict.fromkeys(effect.urn.rpartition("::")[2] for effect in alike))
        one, many = _OF_PARTS[kind]
        return one.format(code(name(names[0]))) if len(names) == 1 else many.format(len(names))
    return _OF_CALLERS[kind] if of_callers and kind in _OF_CALLERS else _HAPPENS[kind]


def _is_part(endpoint: EndpointReport, effect: Effect) -> bool:
    return effect.urn not in ("", endpoint.urn)


def _fate(endpoint: EndpointReport, ranked: Sequence[Effect]) -> str:
    """How calls fare; nothing where the words before say it, or where there is nobody who calls."""
    times = [effect.downtime_seconds for effect in endpoint.effects if effect.downtime_seconds]
    if times:
        return f"calls fail for {span((max(low for low, _ in times), max(high for _, high in times)))}"
    whole = {effect.kind for effect in ranked if not _is_part(endpoint, effect)}
    if whole & {Kind.CREATED, Kind.REMOVED} or ranked[0].kind is Kind.UNKNOWN:
        return ""
    fares = {effect.calls for effect in endpoint.effects if effect.kind is not Kind.UNCHANGED}
    for calls in (Calls.MAY_FAIL, Calls.UNKNOWN):
        if calls in fares:
            return _CALLS[calls]
    return _CALLS[Calls.SAFE] if endpoint.severity < Severity.DANGER else ""
