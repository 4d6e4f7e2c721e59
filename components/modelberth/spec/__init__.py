"""What an endpoint is (`EndpointSpec`) and where it runs (`Target`): frozen values, known at preview."""

from .deployment import EndpointDeployment
from .endpoint import EndpointSpec
from .limits import Budget, Limits
from .load import Load
from .model import ModelSource
from .monitoring import Alerts, Capture, Drift, Logs, Monitoring, Slo, Tracing
from .parsing import parse
from .quantities import Amount, Bytes, Cpu, Duration
from .resources import Gpu, Resources
from .rollout import BlueGreen, Canary, CanaryStep, Guard, HeaderMatch, Recreate, Rolling, Rollout, Shadow
from .runtime import Batching, Runtime
from .scaling import Scaling
from .security import ApiKeyAuth, Auth, JwtAuth, Network, NoAuth, PlatformAuth, Security, Tls
from .target import (
    AzureMLTarget,
    CloudRunTarget,
    ContainerAppsTarget,
    EksTarget,
    GkeTarget,
    KubernetesTarget,
    LambdaTarget,
    LocalTarget,
    SageMakerTarget,
    Target,
    VertexTarget,
)
from .variants import Variant

__all__ = [
    "Alerts",
    "Amount",
    "ApiKeyAuth",
    "Auth",
    "AzureMLTarget",
    "Batching",
    "BlueGreen",
    "Budget",
    "Bytes",
    "Canary",
    "CanaryStep",
    "Capture",
    "CloudRunTarget",
    "ContainerAppsTarget",
    "Cpu",
    "Drift",
    "Duration",
    "EksTarget",
    "EndpointDeployment",
    "EndpointSpec",
    "GkeTarget",
    "Gpu",
    "Guard",
    "HeaderMatch",
    "JwtAuth",
    "KubernetesTarget",
    "LambdaTarget",
    "Limits",
    "Load",
    "LocalTarget",
    "Logs",
    "ModelSource",
    "Monitoring",
    "Network",
    "NoAuth",
    "PlatformAuth",
    "Recreate",
    "Resources",
    "Rolling",
    "Rollout",
    "Runtime",
    "SageMakerTarget",
    "Scaling",
    "Security",
    "Shadow",
    "Slo",
    "Target",
    "Tls",
    "Tracing",
    "Variant",
    "VertexTarget",
    "parse",
]
