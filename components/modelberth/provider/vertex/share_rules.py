"""What an endpoint may not be asked to run, before anybody is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from modelberth.errors import Problem, shown
from modelberth.provider.resource import UNKNOWN, Properties
from modelberth.provider.vertex.deployment import CPU, DUTY_CYCLE
from modelberth.provider.vertex.shares import desired_of

__all__ = ["has_unknown", "problems"]

# DeployedModel, MachineSpec, DedicatedResources and AutoscalingMetricSpec of the reference
# (docs.cloud.google.com/vertex-ai/docs/reference/rest, read 2026-11-22).
_NAME: Final = re.compile(r"[^/\s][^/]{0,127}")
_ENDPOINT: Final = re.compile(r"projects/[^/]+/locations/([^/]+)/endpoints/[^/]+")
_MODEL: Final = re.compile(r"projects/[^/]+/locations/([^/]+)/models/[^/@]+@[^/@]+")
_MACHINE: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
_ACCELERATOR: Final = re.compile(r"[A-Z][A-Z0-9_]+")
_ACCOUNT: Final = re.compile(r"[^@\s]+@[^@\s]+\.gserviceaccount\.com")
_METRICS: Final = (CPU, DUTY_CYCLE)


def problems(inputs: Properties) -> Iterator[Problem]:
    """Everything that is wrong with the inputs; what is not known yet is left out."""
    yield from _text("name", inputs.get("name"), _NAME, "1 to 128 characters without a slash")
    endpoint, shares = inputs.get("endpoint"), inputs.get("shares")
    allowed = "the name of an endpoint, projects/PROJECT/locations/REGION/endpoints/ID"
    yield from _text("endpoint", endpoint, _ENDPOINT, allowed)
    if shares == UNKNOWN:
        return
    if not isinstance(shares, Sequence) or isinstance(shares, str) or not shares:
        hint = "An endpoint that is to run nothing has no such resource."
        yield Problem("shares", shown(shares or None), "one model or more", hint)
        return
    found = [
        problem for number, share in enumerate(shares) for problem in _of_share(f"shares[{number}]", share)
    ]
    yield from found
    region = _ENDPOINT.fullmatch(str(endpoint))
    for number, share in enumerate(shares):
        model = _MODEL.fullmatch(str(share.get("model"))) if isinstance(share, Mapping) else None
        if region and model and region[1] != model[1]:
            allowed = f"a model of {region[1]}, the region of the endpoint"
            yield Problem(f"shares[{number}].model", shown(share["model"]), allowed)
    if not found:
        yield from _of_all(inputs)


def has_unknown(value: object) -> bool:
    """Whether any part of a value is only known after the deployment."""
    match value:
        case Mapping():
            return any(has_unknown(item) for item in value.values())
        case list() | tuple():
            return any(has_unknown(item) for item in value)
    return value == UNKNOWN


def _of_share(path: str, share: object) -> Iterator[Problem]:
    if not isinstance(share, Mapping):
        if share != UNKNOWN:
            yield Problem(path, shown(share), "a model and its share of the requests")
        return
    allowed = "the name of a version, projects/PROJECT/locations/REGION/models/ID@VERSION"
    yield from _text(f"{path}.model", share.get("model"), _MODEL, allowed)
    yield from _number(f"{path}.percent", share.get("percent"), 0, 100, "a whole number from 0 to 100")
    machine = share.get("machineType")
    yield from _text(f"{path}.machineType", machine, _MACHINE, "a machine type such as n1-standard-4")
    yield from _of_accelerator(path, share)
    yield from _of_replicas(path, share)
    yield from _of_targets(path, share)
    account = share.get("serviceAccount")
    if account is not None:
        allowed = "the e-mail address of a service account, NAME@PROJECT.iam.gserviceaccount.com"
        yield from _text(f"{path}.serviceAccount", account, _ACCOUNT, allowed)
    log = share.get("accessLog")
    if log not in (None, UNKNOWN) and not isinstance(log, bool):
        yield Problem(f"{path}.accessLog", shown(log), "true or false")


def _of_accelerator(path: str, share: Mapping[str, Any]) -> Iterator[Problem]:
    kind, count = share.get("acceleratorType"), share.get("acceleratorCount")
    if kind is not None:
        allowed = "an accelerator as the API names it, such as NVIDIA_TESLA_T4"
        yield from _text(f"{path}.acceleratorType", kind, _ACCELERATOR, allowed)
        yield from _number(f"{path}.acceleratorCount", count, 1, 16, "how many a machine has, 1 to 16")
    elif count:
        hint = f"{path}.acceleratorType says of what."
        yield Problem(f"{path}.acceleratorCount", shown(count), "nothing without a type", hint)


def _of_replicas(path: str, share: Mapping[str, Any]) -> Iterator[Problem]:
    least, most = share.get("minReplicas"), share.get("maxReplicas")
    if least is not None:
        allowed = "1 or more: Vertex AI does not scale to zero"
        yield from _number(f"{path}.minReplicas", least, 1, 2**31 - 1, allowed)
    if most is not None:
        floor = least if isinstance(least, int) else 1
        yield from _number(f"{path}.maxReplicas", most, floor, 2**31 - 1, f"{floor} or more, as minReplicas")


def _of_targets(path: str, share: Mapping[str, Any]) -> Iterator[Problem]:
    targets = share.get("targets")
    for metric, target in targets.items() if isinstance(targets, Mapping) else ():
        where = f"{path}.targets"
        if metric not in _METRICS:
            yield Problem(where, shown(metric), " or ".join(_METRICS))
        elif metric == DUTY_CYCLE and share.get("acceleratorType") is None:
            yield Problem(where, shown(metric), "without an accelerator the CPU's utilization alone")
        yield from _number(where, target, 1, 100, "a percentage from 1 to 100")


def _of_all(inputs: Properties) -> Iterator[Problem]:
    shares = inputs["shares"]
    if UNKNOWN in shares:
        return
    percents = [share["percent"] for share in shares]
    if UNKNOWN not in percents and sum(percents) != 100:
        given = ", ".join(map(str, percents))
        yield Problem(
            "shares", f"percentages {given}", "percentages that sum to 100", f"They sum to {sum(percents)}."
        )
    elif not has_unknown([inputs["name"], inputs["endpoint"], shares]):
        ids = [desired_of({**inputs, "shares": [{**share, "percent": 100}]}) for share in shares]
        if len({next(iter(one.deployments)) for one in ids}) < len(ids):
            hint = "Two of them are the same model on the same machines: add their percentages up."
            yield Problem("shares", "the same deployment twice", "each deployment once", hint)


def _text(path: str, given: object, pattern: re.Pattern[str], allowed: str) -> Iterator[Problem]:
    if given != UNKNOWN and not (isinstance(given, str) and pattern.fullmatch(given)):
        yield Problem(path, shown(given), allowed)


def _number(path: str, given: object, least: int, most: int, allowed: str) -> Iterator[Problem]:
    is_right = isinstance(given, int) and not isinstance(given, bool) and least <= given <= most
    if given != UNKNOWN and not is_right:
        yield Problem(path, shown(given), allowed)
