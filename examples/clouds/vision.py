"""Image tagging on Google Cloud: needs a GPU, and nobody calls it at night, so it scales to zero."""

from typing import Annotated

import pulumi
from config import Canary, EndpointSettings
from pulumi_gcp import artifactregistry, cloudrunv2, serviceaccount
from pydantic import Field

_CALLS_AT_ONCE = 8  # fit into the memory of one L4


class VisionSettings(EndpointSettings):
    """Callers are IAM members, such as `serviceAccount:…`."""

    memory_mib: Annotated[int, Field(ge=16_384, le=32_768)]
    """Cloud Run gives a GPU only to an instance with 16 GiB and more."""
    location: str = "us-central1"
    """One that has the L4."""
    canary: Canary | None = None


class VisionService(pulumi.ComponentResource):
    """A Cloud Run service with an L4 for each instance."""

    url: pulumi.Output[str]

    def __init__(self, name: str, args: VisionSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("shop:index:VisionService", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        repository = artifactregistry.Repository(
            f"{name}-images",
            repository_id=f"{name}-images",
            location=args.location,
            format="DOCKER",
            docker_config={"immutable_tags": True},
            opts=child,
        )
        account = serviceaccount.Account(
            f"{name}-account", account_id=f"{name}-model", display_name=f"Runs the {name} model", opts=child
        )
        service = cloudrunv2.Service(
            f"{name}-service",
            name=name,
            location=args.location,
            ingress="INGRESS_TRAFFIC_ALL",
            deletion_protection=True,
            template=_template(name, args, repository, account),
            traffics=_traffic(args.canary),
            opts=child,
        )
        for member in ["allUsers"] if args.public else args.callers:
            cloudrunv2.ServiceIamMember(
                f"{name}-{member.rpartition(':')[2].partition('@')[0]}",
                name=service.name,
                location=service.location,
                role="roles/run.invoker",
                member=member,
                opts=child,
            )
        self.url = service.uri
        self.register_outputs({"url": self.url})


def _template(
    name: str, args: VisionSettings, repository: artifactregistry.Repository, account: serviceaccount.Account
) -> cloudrunv2.ServiceTemplateArgsDict:
    return {
        "service_account": account.email,
        "execution_environment": "EXECUTION_ENVIRONMENT_GEN2",
        "max_instance_request_concurrency": _CALLS_AT_ONCE,
        "scaling": {"min_instance_count": args.min_instances, "max_instance_count": args.max_instances},
        "node_selector": {"accelerator": "nvidia-l4"},
        "gpu_zonal_redundancy_disabled": True,
        "containers": [
            {
                "image": pulumi.Output.concat(repository.registry_uri, f"/{name}@", args.digest),
                "ports": {"container_port": 8080},
                "resources": {
                    "limits": {"cpu": "8", "memory": f"{args.memory_mib}Mi", "nvidia.com/gpu": "1"},
                    "cpu_idle": False,
                    "startup_cpu_boost": True,
                },
                "startup_probe": {
                    "http_get": {"path": "/healthz"},
                    "period_seconds": 10,
                    "failure_threshold": 24,
                },
            }
        ],
    }


def _traffic(canary: Canary | None) -> list[cloudrunv2.ServiceTrafficArgsDict]:
    latest = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
    if canary is None:
        return [{"type": latest, "percent": 100}]
    return [
        {"type": latest, "percent": canary.percent},
        {
            "type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION",
            "revision": canary.stable,
            "percent": 100 - canary.percent,
        },
    ]
