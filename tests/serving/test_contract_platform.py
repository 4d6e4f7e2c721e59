"""Where the server runs, and what it makes of that place's variables."""

import pytest

from modelberth_server.errors import SettingsError
from modelberth_server.platform import Platform, platform_environment, platform_of

VERTEX = {"AIP_MODE": "PREDICTION", "AIP_HTTP_PORT": "8081", "AIP_STORAGE_URI": "gs://bucket/model"}
SIGNS = {
    Platform.LAMBDA: {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"},
    Platform.SAGEMAKER: {"SAGEMAKER_BIND_TO_PORT": "8082"},
    Platform.VERTEX: VERTEX,
    Platform.AZURE_ML: {"AZUREML_MODEL_DIR": "/var/azureml-app/azureml-models/iris/1"},
    Platform.CONTAINER_APPS: {"CONTAINER_APP_NAME": "iris", "CONTAINER_APP_PORT": "8083"},
    Platform.CLOUD_RUN: {"K_SERVICE": "iris", "PORT": "8080"},
    Platform.KUBERNETES: {"KUBERNETES_SERVICE_HOST": "10.0.0.1"},
    Platform.PLAIN: {"PATH": "/bin"},
}


@pytest.mark.parametrize("platform", Platform)
def test_each_platform_is_known_by_its_variables(platform: Platform) -> None:
    assert platform_of(SIGNS[platform]) is platform
    assert platform == platform.value == str(platform)


def test_a_platform_on_kubernetes_is_that_platform() -> None:
    cluster = SIGNS[Platform.KUBERNETES]
    assert platform_of({**cluster, **SIGNS[Platform.AZURE_ML]}) is Platform.AZURE_ML
    # Knative sets K_SERVICE too.
    assert platform_of({**cluster, **SIGNS[Platform.CLOUD_RUN]}) is Platform.KUBERNETES


@pytest.mark.parametrize(
    ("given", "added"),
    [
        (VERTEX, {"PORT": "8081", "MODELBERTH_MODEL_URI": "gs://bucket/model"}),
        ({"AIP_HTTP_PORT": "8081", "AIP_STORAGE_URI": ""}, {"PORT": "8081"}),
        (
            SIGNS[Platform.AZURE_ML],
            {"MODELBERTH_MODEL_PATH": "/var/azureml-app/azureml-models/iris/1"},
        ),
        (
            {"SAGEMAKER_BIND_TO_PORT": "8082"},
            {"PORT": "8082", "MODELBERTH_MODEL_PATH": "/opt/ml/model"},
        ),
        ({"AWS_LWA_PORT": "8084"}, {"PORT": "8084"}),
        (SIGNS[Platform.CONTAINER_APPS], {"PORT": "8083"}),
        (SIGNS[Platform.CLOUD_RUN], {}),
        ({}, {}),
    ],
)
def test_their_variables_get_our_names(given: dict[str, str], added: dict[str, str]) -> None:
    before = dict(given)
    assert platform_environment(given) == {**given, **added}
    assert given == before


@pytest.mark.parametrize(
    "explicit",
    [
        {"MODELBERTH_MODEL_PATH": "/model"},
        {"MODELBERTH_MODEL_URI": "s3://bucket/model"},
        {"MODELBERTH_MODELS_FILE": "/models.json"},
    ],
)
def test_our_own_variables_come_first(explicit: dict[str, str]) -> None:
    for given in (VERTEX, SIGNS[Platform.AZURE_ML], SIGNS[Platform.SAGEMAKER]):
        environ = {**given, **explicit, "PORT": "9000"}
        assert platform_environment(environ) == environ


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AIP_HTTP_PORT", "http"),
        ("SAGEMAKER_BIND_TO_PORT", "65536"),
        ("AWS_LWA_PORT", "-1"),
        ("AIP_STORAGE_URI", "ftp://bucket"),
    ],
)
def test_a_bad_value_is_named_as_the_platform_names_it(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{variable}: '{value}' is not "):
        platform_environment({variable: value})
