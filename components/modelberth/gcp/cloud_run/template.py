"""What a revision is made of: one container, and what an instance of it has."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from modelberth.gcp.cloud_run.billing import by_instances
from modelberth.gcp.cloud_run.gpu import offer
from modelberth.gcp.cloud_run.limits import limits
from modelberth.gcp.cloud_run.probes import probes
from modelberth.gcp.cloud_run.scaling import scaling
from modelberth.gcp.cloud_run.server import is_ours, server
from modelberth.gcp.cloud_run.sizes import size
from modelberth.gcp.cloud_run.watching import key_mount, key_volume

if TYPE_CHECKING:
    import pulumi

    from modelberth.gcp.cloud_run.server import Server
    from modelberth.gcp.plan import Plan
    from modelberth.spec import EndpointSpec
    from modelberth.spec.cloud_run import CloudRunTarget
    from modelberth.spec.gcp import DirectVpc

__all__ = ["SERVER", "template", "timeout_seconds"]

SERVER: Final = "server"
"""Name of the serving container."""

# The second generation: a whole Linux, which mounts of buckets and GPUs take.
_GENERATION: Final = "EXECUTION_ENVIRONMENT_GEN2"
_EGRESS: Final = {"all": "ALL_TRAFFIC", "private": "PRIVATE_RANGES_ONLY"}
# That a server's own answer, 504, comes before that of Cloud Run.
_MARGIN_SECONDS: Final = 5


def template(
    plan: Plan[CloudRunTarget],
    image: pulumi.Input[str],
    account: pulumi.Input[str],
    key: pulumi.Input[str],
) -> dict[str, Any]:
    """Return a revision as a service's template has it, all but its name.

    Labels are the service's alone: one more of them is no reason to start every instance anew.

    Args:
        plan: of the endpoint
        image: by digest
        account: e-mail address of the service account that it runs as
        key: full name of the key that encrypts the image

    Raises:
        SpecError: the engine cannot serve the model; `checks` tells it before.
        ValueError: no instance is so large; `checks` tells it before.

    """
    spec, target = plan.spec, plan.target
    started = server(spec, target)
    return _present(
        service_account=account,
        encryption_key=key,
        execution_environment=_GENERATION,
        max_instance_request_concurrency=spec.limits.concurrency,
        timeout=f"{timeout_seconds(spec)}s",
        scaling=scaling(spec),
        containers=[_container(plan, started, image)],
        volumes=[*([] if started.mount is None else [started.mount.volume]), *key_volume(target)],
        vpc_access=None if target.vpc is None else _vpc(target.vpc),
        **_accelerator(spec, target),
    )


def timeout_seconds(spec: EndpointSpec) -> int:
    """Return when Cloud Run ends a request, which a server of ours has then given up already."""
    own = math.ceil(spec.limits.timeout.seconds)
    return min(own + _MARGIN_SECONDS, limits().timeout_seconds) if is_ours(spec) else own


def _container(plan: Plan[CloudRunTarget], started: Server, image: pulumi.Input[str]) -> dict[str, Any]:
    spec, target = plan.spec, plan.target
    found = size(spec.resources)
    if found is None:
        raise ValueError("no instance is so large; `checks` tells it")
    return _present(
        name=SERVER,
        image=image,
        commands=[*started.entry_point],
        args=[*started.command],
        envs=[{"name": name, "value": value} for name, value in sorted(started.environment.items())],
        ports={"container_port": started.port},
        resources={
            "limits": found.limits,
            "cpu_idle": not by_instances(spec, target),
            # More processor time while the model is loaded.
            "startup_cpu_boost": True,
        },
        volume_mounts=[*([] if started.mount is None else [started.mount.place]), *key_mount(target)],
        **probes(started.ready, started.live, spec.limits.startup_timeout),
    )


def _vpc(vpc: DirectVpc) -> dict[str, Any]:
    interface = _present(network=vpc.network, subnetwork=vpc.subnetwork, tags=[*vpc.tags])
    return {"network_interfaces": [interface], "egress": _EGRESS[vpc.egress]}


def _accelerator(spec: EndpointSpec, target: CloudRunTarget) -> dict[str, Any]:
    found = offer(spec)
    if found is None:
        return {}
    return {
        "node_selector": {"accelerator": found.accelerator},
        "gpu_zonal_redundancy_disabled": not target.zonal_redundancy,
    }


def _present(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None and value != []}
