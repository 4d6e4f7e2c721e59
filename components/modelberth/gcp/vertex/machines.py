"""Which machine a replica gets, and with which GPUs: a replica is a machine of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelberth.errors import Problem, shown
from modelberth.gcp.vertex.machine_table import accelerators, captured, machines
from modelberth.kubernetes.accelerators.table import accelerators as gpus

if TYPE_CHECKING:
    from modelberth.gcp.vertex.machine_table import Machine
    from modelberth.spec import EndpointSpec, Resources
    from modelberth.spec.resources import Gpu
    from modelberth.spec.vertex import VertexTarget

__all__ = ["accelerator", "machine_type", "problems", "processors"]


def machine_type(spec: EndpointSpec, target: VertexTarget) -> str | None:
    """Return the machine type of a replica; None: none that is known holds it."""
    return target.machine_type or _cheapest(spec.resources)


def accelerator(spec: EndpointSpec) -> tuple[str, int] | None:
    """Return the GPUs of a replica as the API names and counts them; None: there are none."""
    gpu = spec.resources.gpu
    return None if gpu is None else (accelerators()[gpu.kind].name, gpu.count)


def processors(spec: EndpointSpec, target: VertexTarget) -> int | None:
    """Return the processors of a replica's machine; None: they are not known."""
    machine = machines().get(machine_type(spec, target) or "")
    return None if machine is None else machine.whole


def problems(spec: EndpointSpec, target: VertexTarget) -> Iterator[Problem]:
    """Yield resources that no machine has, or not the one that the target names, or not in its region.

    A kind of GPU that Vertex AI has not at all is the capabilities' to refuse.
    """
    gpu = spec.resources.gpu
    if gpu is not None:
        if gpu.kind not in accelerators():
            return
        yield from _gpu_problems(gpu, target)
    if target.machine_type is None:
        if _cheapest(spec.resources) is None:
            yield _too_large(spec.resources)
        return
    known = machines().get(target.machine_type)
    if known is None or known.holds(spec.resources):
        return
    if not known.goes_with(gpu):
        yield _apart(known, spec.resources)
        return
    holding = _cheapest(spec.resources)
    hint = f"{holding} is the cheapest known one that does." if holding is not None else ""
    allowed = f"one that holds {_wanted(spec.resources)} beside what Google keeps of a machine"
    yield Problem("target.machine_type", shown(known.name), allowed, hint)


def _gpu_problems(gpu: Gpu, target: VertexTarget) -> Iterator[Problem]:
    found, memory = accelerators()[gpu.kind], gpus()[gpu.kind].memory
    if found.regions is not None and target.region not in found.regions:
        allowed = f"a region with GPUs of kind {gpu.kind}: {', '.join(sorted(found.regions))}"
        there = [
            kind
            for kind, one in accelerators().items()
            if one.regions is not None and target.region in one.regions
        ]
        hint = f"As of {captured()}, {target.region} has {', '.join(there) or 'none'}."
        yield Problem("target.region", shown(target.region), allowed, hint)
    if gpu.memory_min is not None and gpu.memory_min > memory:
        larger = [kind for kind in accelerators() if gpus()[kind].memory >= gpu.memory_min]
        hint = f"Vertex AI has that with {', '.join(larger)}." if larger else "No GPU of Vertex AI has that."
        yield Problem(
            "resources.gpu.memory_min", str(gpu.memory_min), f"at most {memory} on {gpu.kind}", hint
        )


def _too_large(resources: Resources) -> Problem:
    gpu = resources.gpu
    if gpu is not None:
        counts = sorted({count for one in machines().values() for count in one.counts(gpu.kind)})
        if gpu.count not in counts:
            listed = ", ".join(map(str, counts))
            hint = "A replica has a machine of its own, and all of its GPUs."
            return Problem("resources.gpu.count", str(gpu.count), f"{listed} of kind {gpu.kind}", hint)
    hint = "Name a machine that holds it in target.machine_type."
    return Problem("resources", _wanted(resources), "what one known machine of Vertex AI has", hint)


def _apart(machine: Machine, resources: Resources) -> Problem:
    """Say why a machine cannot be had with the GPUs that are asked for, or with none."""
    gpu, path = resources.gpu, "target.machine_type"
    if gpu is None:
        allowed = "one without GPUs, since there is no resources.gpu"
        hint = f"It has {machine.gpus} of kind {machine.gpu}: ask for them in resources.gpu."
        return Problem(path, shown(machine.name), allowed, hint)
    holding = _cheapest(resources)
    hint = f"{holding} is the cheapest known one." if holding is not None else ""
    counts = machine.counts(gpu.kind)
    if counts:
        listed = ", ".join(map(str, counts))
        hint = f"It takes {listed} of them. {hint}".strip()
    allowed = f"one that takes {gpu.count} GPU(s) of kind {gpu.kind}"
    return Problem(path, shown(machine.name), allowed, hint)


def _cheapest(resources: Resources) -> str | None:
    return next((one.name for one in machines().values() if one.holds(resources)), None)


def _wanted(resources: Resources) -> str:
    wanted = f"{resources.cpu} processors, {resources.memory} of memory"
    gpu = resources.gpu
    return wanted if gpu is None else f"{wanted} and {gpu.count} GPU(s) of kind {gpu.kind}"
