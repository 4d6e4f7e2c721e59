from collections.abc import Iterator

import pytest

from conformance.platforms import PlatformProcess, started
from modelberth.conformance import Target
from serving.models import IRIS, ModelFile


@pytest.fixture(scope="session")
def iris() -> ModelFile:
    return ModelFile.at(IRIS)


@pytest.fixture(scope="session")
def server(iris: ModelFile) -> Iterator[PlatformProcess]:
    """One server that speaks every contract, for all tests that only ask it."""
    environ = iris.environ(
        HOST="127.0.0.1",
        PORT="0",
        MODELBERTH_MODEL_NAME="iris",
        MODELBERTH_MODEL_VERSION="3",
        MODELBERTH_GRPC_PORT="0",
        AIP_PREDICT_ROUTE="/vertex/predict",
        AIP_HEALTH_ROUTE="/vertex/health",
    )
    with started(environ) as process:
        yield process


@pytest.fixture(scope="session")
def target(server: PlatformProcess) -> Target:
    return Target(
        server.url,
        grpc=f"127.0.0.1:{server.port_of('gRPC')}",
        predict_route="/vertex/predict",
        health_route="/vertex/health",
    )
