"""Where the server runs, and what that place says in variables of its own."""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Final

from modelberth_server.settings import VARIABLES

__all__ = ["Platform", "platform_environment", "platform_of"]


class Platform(StrEnum):
    """A place that runs containers, as far as the environment tells it apart."""

    LAMBDA = "lambda"
    SAGEMAKER = "sagemaker"
    VERTEX = "vertex"
    AZURE_ML = "azure_ml"
    CONTAINER_APPS = "container_apps"
    CLOUD_RUN = "cloud_run"
    KUBERNETES = "kubernetes"
    PLAIN = "plain"


# In this order: Azure ML and Knative run on Kubernetes, and Knative sets Cloud Run's variables.
_SIGNS: Final = (
    (Platform.LAMBDA, "AWS_LAMBDA_RUNTIME_API"),
    (Platform.SAGEMAKER, "SAGEMAKER_"),
    (Platform.VERTEX, "AIP_"),
    (Platform.AZURE_ML, "AZUREML_"),
    (Platform.CONTAINER_APPS, "CONTAINER_APP_NAME"),
    (Platform.KUBERNETES, "KUBERNETES_SERVICE_HOST"),
    (Platform.CLOUD_RUN, "K_SERVICE"),
)

# Our variable → what platforms call it, the first that is set. Sources:
# https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements
# https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
# https://github.com/aws/aws-lambda-web-adapter
# https://learn.microsoft.com/azure/container-apps/environment-variables
# https://learn.microsoft.com/azure/machine-learning/how-to-deploy-custom-container
_ALIASES: Final = {
    "PORT": ("AIP_HTTP_PORT", "SAGEMAKER_BIND_TO_PORT", "AWS_LWA_PORT", "CONTAINER_APP_PORT"),
    "MODELBERTH_MODEL_URI": ("AIP_STORAGE_URI",),
    "MODELBERTH_MODEL_PATH": ("AZUREML_MODEL_DIR",),
}
# One of these says which model to serve, and then no platform does.
_MODEL: Final = ("MODELBERTH_MODEL_PATH", "MODELBERTH_MODEL_URI", "MODELBERTH_MODELS_FILE")
SAGEMAKER_MODEL: Final = "/opt/ml/model"
"""Where SageMaker unpacks the model's archive."""


def platform_of(environ: Mapping[str, str]) -> Platform:
    """Tell the platform by the variables that it sets."""
    for platform, sign in _SIGNS:
        if any(name.startswith(sign) for name in environ):
            return platform
    return Platform.PLAIN


def platform_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with the platform's variables under the server's own names.

    What is set under the server's own name stays as it is.

    Raises:
        SettingsError: a platform's variable has a value that ours could not have.

    """
    result = dict(environ)
    has_model = any(environ.get(name) for name in _MODEL)
    for variable in VARIABLES:
        if variable.name in environ or (variable.name in _MODEL and has_model):
            continue
        for alias in _ALIASES.get(variable.name, ()):
            if text := environ.get(alias):
                replace(variable, name=alias).read(environ)
                result[variable.name] = text
                break
    if platform_of(environ) is Platform.SAGEMAKER and not any(result.get(name) for name in _MODEL):
        result["MODELBERTH_MODEL_PATH"] = SAGEMAKER_MODEL
    return result
