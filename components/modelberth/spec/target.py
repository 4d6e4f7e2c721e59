"""Where an endpoint runs: one small model for each target, told apart by `kind`."""

from typing import Annotated, Literal

from pydantic import Field

from .aws import LambdaTarget
from .cloud_run import CloudRunTarget
from .eks import EksTarget
from .gke import GkeTarget
from .kubernetes import KubernetesTarget
from .quantities import Duration
from .rules import Count, Matching, Part, between
from .sagemaker import SageMakerTarget
from .vertex import VertexTarget

__all__ = [
    "AzureMLTarget",
    "CloudRunTarget",
    "ContainerAppsTarget",
    "EksTarget",
    "GkeTarget",
    "KubernetesTarget",
    "LambdaTarget",
    "LocalTarget",
    "SageMakerTarget",
    "Target",
    "VertexTarget",
]

_KIND = "The target."

AzureLocation = Annotated[str, Matching(r"[a-z]+[0-9]?", "an Azure location such as westeurope")]
ResourceGroup = Annotated[
    str, Matching(r"[A-Za-z0-9._()-]{0,89}[A-Za-z0-9_()-]", "the name of an Azure resource group")
]


class LocalTarget(Part):
    """The machine at hand: server processes on the loopback address."""

    kind: Literal["local"] = Field("local", description=_KIND)
    port: Count | None = Field(
        None, ge=1024, le=65535, description="TCP port on 127.0.0.1. Unset: a free one, which then stays."
    )
    drain: Annotated[Duration, between(Duration, "0s", "10m")] = Field(
        Duration(10_000),
        description="Time that requests in progress have to end before a process is stopped.",
    )


class ContainerAppsTarget(Part):
    """An app in Azure Container Apps."""

    kind: Literal["container_apps"] = Field("container_apps", description=_KIND)
    resource_group: ResourceGroup = Field(description="Existing resource group.")
    location: AzureLocation = Field(description="Azure location.")


class AzureMLTarget(Part):
    """A managed online endpoint in Azure Machine Learning."""

    kind: Literal["azure_ml"] = Field("azure_ml", description=_KIND)
    resource_group: ResourceGroup = Field(description="Existing resource group.")
    location: AzureLocation = Field(description="Azure location.")
    instance_type: (
        Annotated[str, Matching(r"Standard_[A-Za-z0-9_]+", "a machine size such as Standard_DS3_v2")] | None
    ) = Field(None, description="Machine size. Unset: the cheapest that holds `resources`.")


Target = Annotated[
    LocalTarget
    | LambdaTarget
    | SageMakerTarget
    | CloudRunTarget
    | VertexTarget
    | ContainerAppsTarget
    | AzureMLTarget
    | KubernetesTarget
    | EksTarget
    | GkeTarget,
    Field(discriminator="kind"),
]
