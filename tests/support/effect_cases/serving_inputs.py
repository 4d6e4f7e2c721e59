"""Inputs of resources that answer calls."""

from typing import Any

from support.plans import step

FUNCTION = "aws:lambda/function:Function"

ALIAS = "aws:lambda/alias:Alias"

SAGEMAKER = "aws:sagemaker/endpoint:Endpoint"

CONFIG = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"

RUN = "gcp:cloudrunv2/service:Service"

VERTEX = "gcp:vertex/aiEndpoint:AiEndpoint"

APP = "azure-native:app:ContainerApp"

ML = "azure-native:machinelearningservices:OnlineEndpoint"

ML_DEPLOYMENT = "azure-native:machinelearningservices:OnlineDeployment"

DEPLOYMENT = "kubernetes:apps/v1:Deployment"

STATEFUL = "kubernetes:apps/v1:StatefulSet"

HPA = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"

KEDA = "kubernetes:keda.sh/v1alpha1:ScaledObject"

ROUTE = "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute"

SERVICE = "kubernetes:core/v1:Service"

KSERVE = "kubernetes:serving.kserve.io/v1beta1:InferenceService"

PROCESS = "modelberth:local:Process"

TARGET = "aws:appautoscaling/target:Target"

OLD, NEW = "registry/model:1", "registry/model:2"


def workload(image: str, *, gpus: int = 0, replicas: int | None = None, **spec: Any) -> dict[str, Any]:
    container: dict[str, Any] = {"name": "server", "image": image}
    if gpus:
        container["resources"] = {"limits": {"nvidia.com/gpu": str(gpus)}}
    counted = {} if replicas is None else {"replicas": replicas}
    return {
        "metadata": {"name": "scoring", "namespace": "ml"},
        "spec": {**counted, "template": {"spec": {"containers": [container]}}, **spec},
    }


def probed(image: str, **more: Any) -> dict[str, Any]:
    """The same, and something asks the server whether it is ready."""
    made = workload(image, **more)
    made["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] = {"tcpSocket": {"port": 8080}}
    return made


def run_gpus(least: int) -> dict[str, Any]:
    """A Cloud Run service with so many instances of one GPU that are always there."""
    container = {"image": OLD, "resources": {"limits": {"nvidia.com/gpu": "1"}}}
    return {"template": {"scaling": {"minInstanceCount": least}, "containers": [container]}}


def surge(most: Any, missing: Any = 0) -> dict[str, Any]:
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": most, "maxUnavailable": missing}}


def scaler(target: str = "scoring", low: int = 2, high: int = 8, namespace: str = "ml") -> Any:
    reference = {"kind": "Deployment", "name": target}
    inputs = {
        "metadata": {"name": "scoring", "namespace": namespace},
        "spec": {"scaleTargetRef": reference, "minReplicas": low, "maxReplicas": high},
    }
    return step(HPA, inputs, inputs, name="scoring-scaler")


def variants(*weights: float, count: int = 2, machine: str = "ml.g5.12xlarge") -> dict[str, Any]:
    return {
        "productionVariants": [
            {
                "variantName": f"v{number}",
                "initialVariantWeight": weight,
                "initialInstanceCount": count,
                "instanceType": machine,
            }
            for number, weight in enumerate(weights, start=1)
        ]
    }


def sagemaker_target(endpoint: str = "scoring") -> Any:
    inputs = {
        "serviceNamespace": "sagemaker",
        "resourceId": f"endpoint/{endpoint}/variant/v1",
        "minCapacity": 1,
        "maxCapacity": 6,
    }
    return step(TARGET, inputs, inputs, name="scoring-target")


def to_config(new: Any, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"name": "scoring", "endpointConfigName": "a", **more}, {
        "name": "scoring",
        "endpointConfigName": new,
        **more,
    }


CONFIG_B = step(
    CONFIG, {"name": "a", **variants(1)}, {"name": "b", **variants(1)}, replaces=["name"], name="config"
)
