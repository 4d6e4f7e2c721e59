"""Modelberth: describe an AI model endpoint once and deploy it anywhere with Pulumi.

Names are imported when they are first used: the supervisor and the command line need none of Pulumi.

A building block that each platform has its own of, such as a registry, has the platform before its name.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelberth._version import __version__
    from modelberth.contract import EndpointContract
    from modelberth.endpoint import ModelEndpoint, ModelEndpointArgs
    from modelberth.errors import Problem, SpecError
    from modelberth.kubernetes.accelerators.node_pool import KubernetesGpuNodePool, KubernetesGpuNodePoolArgs
    from modelberth.kubernetes.endpoint import KubernetesEndpoint, KubernetesEndpointArgs
    from modelberth.kubernetes.registry.server import KubernetesRegistry, KubernetesRegistryArgs
    from modelberth.local.endpoint import LocalEndpoint, LocalEndpointArgs
    from modelberth.local.process import Process, ProcessArgs, Provider
    from modelberth.spec import EndpointDeployment, EndpointSpec, KubernetesTarget, LocalTarget, Target

_HOMES = {
    "EndpointContract": "modelberth.contract",
    "EndpointDeployment": "modelberth.spec",
    "EndpointSpec": "modelberth.spec",
    "KubernetesEndpoint": "modelberth.kubernetes.endpoint",
    "KubernetesEndpointArgs": "modelberth.kubernetes.endpoint",
    "KubernetesGpuNodePool": "modelberth.kubernetes.accelerators.node_pool",
    "KubernetesGpuNodePoolArgs": "modelberth.kubernetes.accelerators.node_pool",
    "KubernetesRegistry": "modelberth.kubernetes.registry.server",
    "KubernetesRegistryArgs": "modelberth.kubernetes.registry.server",
    "KubernetesTarget": "modelberth.spec",
    "LocalEndpoint": "modelberth.local.endpoint",
    "LocalEndpointArgs": "modelberth.local.endpoint",
    "LocalTarget": "modelberth.spec",
    "ModelEndpoint": "modelberth.endpoint",
    "ModelEndpointArgs": "modelberth.endpoint",
    "Problem": "modelberth.errors",
    "Process": "modelberth.local.process",
    "ProcessArgs": "modelberth.local.process",
    "Provider": "modelberth.local.process",
    "SpecError": "modelberth.errors",
    "Target": "modelberth.spec",
    "__version__": "modelberth._version",
}

__all__ = [
    "EndpointContract",
    "EndpointDeployment",
    "EndpointSpec",
    "KubernetesEndpoint",
    "KubernetesEndpointArgs",
    "KubernetesGpuNodePool",
    "KubernetesGpuNodePoolArgs",
    "KubernetesRegistry",
    "KubernetesRegistryArgs",
    "KubernetesTarget",
    "LocalEndpoint",
    "LocalEndpointArgs",
    "LocalTarget",
    "ModelEndpoint",
    "ModelEndpointArgs",
    "Problem",
    "Process",
    "ProcessArgs",
    "Provider",
    "SpecError",
    "Target",
    "__version__",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
