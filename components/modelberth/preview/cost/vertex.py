"""Vertex AI: a deployed model is billed by its replicas, each a machine with its accelerators.

It keeps one replica at least: there is no scaling to zero (https://cloud.google.com/vertex-ai/pricing).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from .resource import Assumed, Charge, Gap, Pricer, Properties, Resource, each_serves_all
from .traffic import MONTH_HOURS, Amounts, replicas

__all__ = ["PRICED"]

_WHOLE: Final = 100
_WITH_GPUS: Final = ("a2-", "a3-", "a4-", "g2-", "g4-")
"""Families whose machines come with their GPUs (Vertex AI, "Configure compute resources for inference")."""


def _deployed(resource: Resource) -> Iterator[Charge | Gap | Assumed]:
    """Everything that one endpoint runs, each deployment with its share of the load."""
    shares = resource.properties.parts("shares")
    for share in shares:
        low = share.number("minReplicas", 1)
        high = max(low, share.number("maxReplicas", low))
        percent = share.number("percent", _WHOLE)
        # A replica that sees a tenth of the requests is as one that takes ten at a time.
        count = replicas(resource.load, low, high, _WHOLE / percent) if percent else Amounts(low, low, high)
        yield from _machines(
            share.text("machineType"),
            share.text("acceleratorType", ""),
            share.number("acceleratorCount", 1),
            count,
        )
        if low < high:
            yield Assumed(f"{resource.step.name}: one replica takes 1 request at a time")
    yield from each_serves_all(resource, "set of deployed models")
    if any(share.flag("accessLog", default=False) for share in shares):
        yield Gap("what it logs of each request is billed by the GiB and not estimated", idle=False)


def _from_garden(resource: Resource) -> Iterator[Charge | Gap | Assumed]:
    dedicated = resource.properties.part("deployConfig").part("dedicatedResources")
    machine = dedicated.part("machineSpec")
    if dedicated.flag("spot", default=False):
        yield Gap("Spot machines: their price changes and is not estimated")
        return
    low = dedicated.number("minReplicaCount")
    count = replicas(resource.load, low, dedicated.number("maxReplicaCount", low))
    yield from _machines(*_spec(machine), count)
    if count.least < count.most:
        yield Assumed(f"{resource.step.name}: one replica takes 1 request at a time")


def _spec(machine: Properties) -> tuple[str, str, float]:
    accelerator = machine.text("acceleratorType", "")
    return machine.text("machineType"), accelerator, machine.number("acceleratorCount", 1)


def _machines(kind: str, accelerator: str, each: float, count: Amounts) -> Iterator[Charge]:
    """The hours of replicas of one kind, `each` the accelerators of one."""
    hours = count.times(MONTH_HOURS)
    yield Charge(f"Vertex AI: {kind}", f"gcp.vertex.machine.{kind}", hours, f"{kind} on Vertex AI")
    if accelerator and not kind.startswith(_WITH_GPUS):
        price, subject = f"gcp.vertex.gpu.{accelerator}", f"{accelerator} on Vertex AI"
        yield Charge(f"Vertex AI: {accelerator}", price, hours.times(each), subject)


PRICED: Final[Mapping[str, Pricer]] = {
    "modelberth:vertex:DeployedModel": _deployed,
    "gcp:vertex/aiEndpointWithModelGardenDeployment:AiEndpointWithModelGardenDeployment": _from_garden,
}
"""Who prices a type, by the type's token."""
