"""Modelberth: describe an AI model endpoint once and deploy it anywhere with Pulumi.

Names are imported when they are first used: the supervisor and the command line need none of Pulumi.

A building block that each platform has its own of, such as a registry, has the platform before its name.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelberth._version import __version__
    from modelberth.aws.autoscaling import AwsAutoscaling, AwsAutoscalingArgs
    from modelberth.aws.eks.cluster import AwsCluster, AwsClusterArgs
    from modelberth.aws.eks.endpoint import EksEndpoint, EksEndpointArgs
    from modelberth.aws.eks.gpu_node_pool import AwsGpuNodePool, AwsGpuNodePoolArgs
    from modelberth.aws.encryption import AwsEncryptionKey, AwsEncryptionKeyArgs
    from modelberth.aws.identity import AwsIdentity, AwsIdentityArgs
    from modelberth.aws.lambda_.endpoint import LambdaEndpoint, LambdaEndpointArgs
    from modelberth.aws.model_store import AwsModelStore, AwsModelStoreArgs
    from modelberth.aws.monitoring.component import AwsMonitoring, AwsMonitoringArgs
    from modelberth.aws.monitoring.logs import AwsLogs, AwsLogsArgs
    from modelberth.aws.network.private_network import AwsPrivateNetwork, AwsPrivateNetworkArgs
    from modelberth.aws.prediction_pipeline import AwsPredictionPipeline, AwsPredictionPipelineArgs
    from modelberth.aws.registry import AwsRegistry, AwsRegistryArgs
    from modelberth.aws.sagemaker.endpoint import SageMakerEndpoint, SageMakerEndpointArgs
    from modelberth.aws.serving_image import AwsServingImage, AwsServingImageArgs
    from modelberth.contract import EndpointContract
    from modelberth.endpoint import ModelEndpoint, ModelEndpointArgs
    from modelberth.errors import Problem, SpecError
    from modelberth.gcp.cloud_run.endpoint import CloudRunEndpoint, CloudRunEndpointArgs
    from modelberth.gcp.encryption import GcpEncryptionKey, GcpEncryptionKeyArgs
    from modelberth.gcp.gke.cluster import GcpCluster, GcpClusterArgs
    from modelberth.gcp.gke.endpoint import GkeEndpoint, GkeEndpointArgs
    from modelberth.gcp.gke.gpu_node_pool import GcpGpuNodePool, GcpGpuNodePoolArgs
    from modelberth.gcp.identity import GcpIdentity, GcpIdentityArgs
    from modelberth.gcp.model_store import GcpModelStore, GcpModelStoreArgs
    from modelberth.gcp.monitoring.component import GcpMonitoring, GcpMonitoringArgs
    from modelberth.gcp.monitoring.logs import GcpLogs, GcpLogsArgs
    from modelberth.gcp.registry import GcpRegistry, GcpRegistryArgs
    from modelberth.gcp.services import GcpServices, GcpServicesArgs
    from modelberth.gcp.serving_image import GcpServingImage, GcpServingImageArgs
    from modelberth.gcp.vertex.endpoint import VertexEndpoint, VertexEndpointArgs
    from modelberth.gcp.vertex.garden import GcpModelGarden, GcpModelGardenArgs
    from modelberth.kubernetes.accelerators.node_pool import KubernetesGpuNodePool, KubernetesGpuNodePoolArgs
    from modelberth.kubernetes.endpoint import KubernetesEndpoint, KubernetesEndpointArgs
    from modelberth.kubernetes.registry.server import KubernetesRegistry, KubernetesRegistryArgs
    from modelberth.local.endpoint import LocalEndpoint, LocalEndpointArgs
    from modelberth.local.process import Process, ProcessArgs, Provider
    from modelberth.serving_image import BuildContext, BuildOptions, RegistryLogin
    from modelberth.spec import (
        CloudRunTarget,
        EksTarget,
        EndpointDeployment,
        EndpointSpec,
        GkeTarget,
        KubernetesTarget,
        LambdaTarget,
        LocalTarget,
        SageMakerTarget,
        Target,
        VertexTarget,
    )

_HOMES = {
    "AwsAutoscaling": "modelberth.aws.autoscaling",
    "AwsAutoscalingArgs": "modelberth.aws.autoscaling",
    "AwsCluster": "modelberth.aws.eks.cluster",
    "AwsClusterArgs": "modelberth.aws.eks.cluster",
    "AwsEncryptionKey": "modelberth.aws.encryption",
    "AwsEncryptionKeyArgs": "modelberth.aws.encryption",
    "AwsGpuNodePool": "modelberth.aws.eks.gpu_node_pool",
    "AwsGpuNodePoolArgs": "modelberth.aws.eks.gpu_node_pool",
    "AwsIdentity": "modelberth.aws.identity",
    "AwsIdentityArgs": "modelberth.aws.identity",
    "AwsLogs": "modelberth.aws.monitoring.logs",
    "AwsLogsArgs": "modelberth.aws.monitoring.logs",
    "AwsModelStore": "modelberth.aws.model_store",
    "AwsModelStoreArgs": "modelberth.aws.model_store",
    "AwsMonitoring": "modelberth.aws.monitoring.component",
    "AwsMonitoringArgs": "modelberth.aws.monitoring.component",
    "AwsPredictionPipeline": "modelberth.aws.prediction_pipeline",
    "AwsPredictionPipelineArgs": "modelberth.aws.prediction_pipeline",
    "AwsPrivateNetwork": "modelberth.aws.network.private_network",
    "AwsPrivateNetworkArgs": "modelberth.aws.network.private_network",
    "AwsRegistry": "modelberth.aws.registry",
    "AwsRegistryArgs": "modelberth.aws.registry",
    "AwsServingImage": "modelberth.aws.serving_image",
    "AwsServingImageArgs": "modelberth.aws.serving_image",
    "BuildContext": "modelberth.serving_image",
    "BuildOptions": "modelberth.serving_image",
    "CloudRunEndpoint": "modelberth.gcp.cloud_run.endpoint",
    "CloudRunEndpointArgs": "modelberth.gcp.cloud_run.endpoint",
    "CloudRunTarget": "modelberth.spec",
    "EksEndpoint": "modelberth.aws.eks.endpoint",
    "EksEndpointArgs": "modelberth.aws.eks.endpoint",
    "EksTarget": "modelberth.spec",
    "EndpointContract": "modelberth.contract",
    "EndpointDeployment": "modelberth.spec",
    "EndpointSpec": "modelberth.spec",
    "GcpCluster": "modelberth.gcp.gke.cluster",
    "GcpClusterArgs": "modelberth.gcp.gke.cluster",
    "GcpEncryptionKey": "modelberth.gcp.encryption",
    "GcpEncryptionKeyArgs": "modelberth.gcp.encryption",
    "GcpGpuNodePool": "modelberth.gcp.gke.gpu_node_pool",
    "GcpGpuNodePoolArgs": "modelberth.gcp.gke.gpu_node_pool",
    "GcpIdentity": "modelberth.gcp.identity",
    "GcpIdentityArgs": "modelberth.gcp.identity",
    "GcpLogs": "modelberth.gcp.monitoring.logs",
    "GcpLogsArgs": "modelberth.gcp.monitoring.logs",
    "GcpModelGarden": "modelberth.gcp.vertex.garden",
    "GcpModelGardenArgs": "modelberth.gcp.vertex.garden",
    "GcpModelStore": "modelberth.gcp.model_store",
    "GcpModelStoreArgs": "modelberth.gcp.model_store",
    "GcpMonitoring": "modelberth.gcp.monitoring.component",
    "GcpMonitoringArgs": "modelberth.gcp.monitoring.component",
    "GcpRegistry": "modelberth.gcp.registry",
    "GcpRegistryArgs": "modelberth.gcp.registry",
    "GcpServices": "modelberth.gcp.services",
    "GcpServicesArgs": "modelberth.gcp.services",
    "GcpServingImage": "modelberth.gcp.serving_image",
    "GcpServingImageArgs": "modelberth.gcp.serving_image",
    "GkeEndpoint": "modelberth.gcp.gke.endpoint",
    "GkeEndpointArgs": "modelberth.gcp.gke.endpoint",
    "GkeTarget": "modelberth.spec",
    "KubernetesEndpoint": "modelberth.kubernetes.endpoint",
    "KubernetesEndpointArgs": "modelberth.kubernetes.endpoint",
    "KubernetesGpuNodePool": "modelberth.kubernetes.accelerators.node_pool",
    "KubernetesGpuNodePoolArgs": "modelberth.kubernetes.accelerators.node_pool",
    "KubernetesRegistry": "modelberth.kubernetes.registry.server",
    "KubernetesRegistryArgs": "modelberth.kubernetes.registry.server",
    "KubernetesTarget": "modelberth.spec",
    "LambdaEndpoint": "modelberth.aws.lambda_.endpoint",
    "LambdaEndpointArgs": "modelberth.aws.lambda_.endpoint",
    "LambdaTarget": "modelberth.spec",
    "LocalEndpoint": "modelberth.local.endpoint",
    "LocalEndpointArgs": "modelberth.local.endpoint",
    "LocalTarget": "modelberth.spec",
    "ModelEndpoint": "modelberth.endpoint",
    "ModelEndpointArgs": "modelberth.endpoint",
    "Problem": "modelberth.errors",
    "Process": "modelberth.local.process",
    "ProcessArgs": "modelberth.local.process",
    "Provider": "modelberth.local.process",
    "RegistryLogin": "modelberth.serving_image",
    "SageMakerEndpoint": "modelberth.aws.sagemaker.endpoint",
    "SageMakerEndpointArgs": "modelberth.aws.sagemaker.endpoint",
    "SageMakerTarget": "modelberth.spec",
    "SpecError": "modelberth.errors",
    "Target": "modelberth.spec",
    "VertexEndpoint": "modelberth.gcp.vertex.endpoint",
    "VertexEndpointArgs": "modelberth.gcp.vertex.endpoint",
    "VertexTarget": "modelberth.spec",
    "__version__": "modelberth._version",
}

__all__ = [
    "AwsAutoscaling",
    "AwsAutoscalingArgs",
    "AwsCluster",
    "AwsClusterArgs",
    "AwsEncryptionKey",
    "AwsEncryptionKeyArgs",
    "AwsGpuNodePool",
    "AwsGpuNodePoolArgs",
    "AwsIdentity",
    "AwsIdentityArgs",
    "AwsLogs",
    "AwsLogsArgs",
    "AwsModelStore",
    "AwsModelStoreArgs",
    "AwsMonitoring",
    "AwsMonitoringArgs",
    "AwsPredictionPipeline",
    "AwsPredictionPipelineArgs",
    "AwsPrivateNetwork",
    "AwsPrivateNetworkArgs",
    "AwsRegistry",
    "AwsRegistryArgs",
    "AwsServingImage",
    "AwsServingImageArgs",
    "BuildContext",
    "BuildOptions",
    "CloudRunEndpoint",
    "CloudRunEndpointArgs",
    "CloudRunTarget",
    "EksEndpoint",
    "EksEndpointArgs",
    "EksTarget",
    "EndpointContract",
    "EndpointDeployment",
    "EndpointSpec",
    "GcpCluster",
    "GcpClusterArgs",
    "GcpEncryptionKey",
    "GcpEncryptionKeyArgs",
    "GcpGpuNodePool",
    "GcpGpuNodePoolArgs",
    "GcpIdentity",
    "GcpIdentityArgs",
    "GcpLogs",
    "GcpLogsArgs",
    "GcpModelGarden",
    "GcpModelGardenArgs",
    "GcpModelStore",
    "GcpModelStoreArgs",
    "GcpMonitoring",
    "GcpMonitoringArgs",
    "GcpRegistry",
    "GcpRegistryArgs",
    "GcpServices",
    "GcpServicesArgs",
    "GcpServingImage",
    "GcpServingImageArgs",
    "GkeEndpoint",
    "GkeEndpointArgs",
    "GkeTarget",
    "KubernetesEndpoint",
    "KubernetesEndpointArgs",
    "KubernetesGpuNodePool",
    "KubernetesGpuNodePoolArgs",
    "KubernetesRegistry",
    "KubernetesRegistryArgs",
    "KubernetesTarget",
    "LambdaEndpoint",
    "LambdaEndpointArgs",
    "LambdaTarget",
    "LocalEndpoint",
    "LocalEndpointArgs",
    "LocalTarget",
    "ModelEndpoint",
    "ModelEndpointArgs",
    "Problem",
    "Process",
    "ProcessArgs",
    "Provider",
    "RegistryLogin",
    "SageMakerEndpoint",
    "SageMakerEndpointArgs",
    "SageMakerTarget",
    "SpecError",
    "Target",
    "VertexEndpoint",
    "VertexEndpointArgs",
    "VertexTarget",
    "__version__",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
