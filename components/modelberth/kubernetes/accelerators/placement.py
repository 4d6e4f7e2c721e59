"""How a pod gets its GPUs: what it asks for, and which nodes it may run on.

The four ways of `target.gpu` are whole GPUs, shares in turns and MIG slices by the vendor's device plugin,
and claims of devices (dynamic resource allocation). A claim finds the node by the devices themselves; for the
others the node's labels tell the model of its GPUs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from modelberth.errors import Problem, shown
from modelberth.kubernetes.accelerators.table import (
    KIND_LABEL,
    Accelerator,
    Product,
    accelerators,
    own_choice,
    slice_memory,
)
from modelberth.kubernetes.pods.part import PodPart
from modelberth.naming import content_digest
from modelberth.spec.kubernetes import DeviceClaim, DevicePlugin, Mig, TimeSliced

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Manifest, Plan, Revision
    from modelberth.spec import EndpointSpec, KubernetesTarget
    from modelberth.spec.kubernetes import GpuAccess
    from modelberth.spec.resources import Gpu

__all__ = ["claim_templates", "extended_resource", "placement", "problems"]

# Of the claim in the pod, and of its only request.
_CLAIM: Final = "gpu"


def placement(plan: Plan, _: Revision) -> PodPart:
    """Return what gives a pod its GPUs; nothing where the spec asks for none.

    GPUs come as devices: neither a privilege nor a user of their own is needed, so Pod Security `restricted`
    holds with them.
    """
    gpu = plan.spec.resources.gpu
    if gpu is None:
        return PodPart()
    accelerator, access = accelerators()[gpu.kind], plan.target.gpu
    pod: dict[str, Any] = {
        "tolerations": [{"key": accelerator.vendor.taint, "operator": "Exists", "effect": "NoSchedule"}]
    }
    if plan.target.runtime_class is not None:
        pod["runtimeClassName"] = plan.target.runtime_class
    resource = extended_resource(accelerator, access)
    if resource is None:
        (template,) = claim_templates(plan).values()
        pod["resourceClaims"] = [{"name": _CLAIM, "resourceClaimTemplateName": template["metadata"]["name"]}]
        return PodPart(claims=(_CLAIM,), pod=pod)
    if not own_choice() & plan.target.node_selector.keys():
        pod["affinity"] = _affinity(accelerator, _products(accelerator, gpu, access), access)
    return PodPart(limits={resource: str(gpu.count)}, pod=pod)


def claim_templates(plan: Plan) -> dict[str, Manifest]:
    """Return the template from which each pod's claim is made; nothing unless `target.gpu` claims devices.

    A template can never be changed, so its name follows from its content: a change makes another one, and
    pods that are there keep the claims that they have.
    """
    gpu, access = plan.spec.resources.gpu, plan.target.gpu
    if gpu is None or not isinstance(access, DeviceClaim):
        return {}
    request = {
        "deviceClassName": access.device_class,
        "allocationMode": "ExactCount",
        "count": gpu.count,
        "selectors": [{"cel": {"expression": _selector(accelerators()[gpu.kind], gpu)}}],
    }
    spec = {"spec": {"devices": {"requests": [{"name": _CLAIM, "exactly": request}]}}}
    return {
        "device-claim": {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceClaimTemplate",
            "metadata": plan.metadata(f"{plan.name}-gpu-{content_digest(json.dumps(spec, sort_keys=True))}"),
            "spec": spec,
        }
    }


def extended_resource(accelerator: Accelerator, access: GpuAccess) -> str | None:
    """Return the resource that a container asks for by number; None where it claims devices.

    Raises:
        ValueError: the vendor's software does not offer GPUs in this way; `problems` tells it before.

    """
    vendor = accelerator.vendor
    match access:
        case DevicePlugin():
            return vendor.resource
        case TimeSliced() if vendor.shared is not None:
            return vendor.shared
        case Mig(profile=profile) if vendor.slice is not None:
            return vendor.slice.format(profile=profile)
        case DeviceClaim() if vendor.driver is not None:
            return None
        case _:
            raise ValueError(f"{vendor.title} does not offer {access.kind}")


def _products(accelerator: Accelerator, gpu: Gpu, access: GpuAccess) -> tuple[Product, ...]:
    profile = access.profile if isinstance(access, Mig) else None
    return accelerator.products_for(memory=gpu.memory_min, profile=profile)


def _affinity(accelerator: Accelerator, products: tuple[Product, ...], access: GpuAccess) -> dict[str, Any]:
    """One of several labels has to fit: not every cluster runs the vendor's labeller."""
    labels = {accelerator.vendor.label: tuple(product.label for product in products)}
    if products == accelerator.products:
        # These tell the kind alone, so not where some of its products would not do.
        labels[KIND_LABEL] = (accelerator.kind,)
        if isinstance(access, DevicePlugin):
            labels.update(accelerator.nodes)
    terms = [
        {"matchExpressions": [{"key": key, "operator": "In", "values": sorted(values)}]}
        for key, values in labels.items()
    ]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


def _selector(accelerator: Accelerator, gpu: Gpu) -> str:
    """Return a CEL expression over the attributes that NVIDIA's driver gives its devices.

    The driver is asked for first: to look up an attribute that another driver does not have is an error.
    """
    driver = accelerator.vendor.driver
    names = json.dumps([product.name for product in accelerator.products])
    terms = [f'device.driver == "{driver}"', f'device.attributes["{driver}"].productName in {names}']
    if gpu.memory_min is not None:
        wanted = f'quantity("{gpu.memory_min}")'
        terms.append(f'device.capacity["{driver}"].memory.compareTo({wanted}) >= 0')
    return " && ".join(terms)


def problems(spec: EndpointSpec, target: KubernetesTarget) -> Iterator[Problem]:
    """Yield what no node could give, and settings for GPUs where none is asked for."""
    gpu, access = spec.resources.gpu, target.gpu
    if gpu is None:
        if not isinstance(access, DevicePlugin):
            yield Problem("target.gpu.kind", shown(access.kind), "nothing without resources.gpu")
        if target.runtime_class is not None:
            yield Problem(
                "target.runtime_class", shown(target.runtime_class), "nothing without resources.gpu"
            )
        return
    accelerator = accelerators()[gpu.kind]
    try:
        extended_resource(accelerator, access)
    except ValueError:
        yield Problem(
            "target.gpu.kind",
            shown(access.kind),
            f"device_plugin with {accelerator.vendor.title}'s {gpu.kind}",
        )
        return
    if isinstance(access, Mig) and access.profile not in accelerator.slices:
        yield _no_such_slice(accelerator, access)
        return
    if isinstance(access, Mig | TimeSliced) and gpu.count > 1:
        yield Problem(
            "resources.gpu.count", str(gpu.count), f"1 with target.gpu {access.kind}", _ALONE[access.kind]
        )
    if gpu.memory_min is not None and not _products(accelerator, gpu, access):
        if isinstance(access, Mig):
            most, of = slice_memory(access.profile), f"a slice {access.profile}"
        else:
            most, of = accelerator.memory, f"a GPU of kind {gpu.kind}, as its driver tells it"
        yield Problem("resources.gpu.memory_min", str(gpu.memory_min), f"at most {most}, the memory of {of}")


_ALONE: Final = {
    "mig": "A process uses one slice and sees no other; choose a larger profile.",
    "time_sliced": "Two shares may be of the same GPU, and give no more of it than one.",
}


def _no_such_slice(accelerator: Accelerator, access: Mig) -> Problem:
    if accelerator.slices:
        return Problem(
            "target.gpu.profile",
            shown(access.profile),
            f"{', '.join(accelerator.slices)} on a GPU of kind {accelerator.kind}",
        )
    able = ", ".join(kind for kind, other in accelerators().items() if other.slices)
    return Problem(
        "target.gpu.kind",
        shown(access.kind),
        f"device_plugin, time_sliced or device_claim with kind {accelerator.kind}, which has no slices",
        f"Kinds with slices: {able}.",
    )
