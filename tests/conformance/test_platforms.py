"""The real process, started as each platform starts it, keeps that platform's contract."""

import json
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from conformance.platforms import assert_kept, other_user, started
from modelberth.conformance import Report, Target, Verdict, examine
from serving.model_sources import write_package
from serving.models import ModelFile
from serving.processes import wait_until

SHA256 = "MODELBERTH_MODEL_SHA256"
EXAMPLE = [[5.1, 3.5, 1.4, 0.2]]
ROWS = json.dumps({"instances": EXAMPLE}).encode()


@pytest.fixture
def readable() -> Iterator[Path]:
    """A folder that other users can read."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def ended(report: Report, contract: str) -> Verdict:
    return report.contracts[contract]


@pytest.mark.parametrize("form", [{}, {"PYTHONPATH": ""}], ids=["compiled", "python"])
def test_plain_and_kubernetes(iris: ModelFile, form: dict[str, str]) -> None:
    environ = iris.environ(HOST="127.0.0.1", PORT="0", KUBERNETES_SERVICE_HOST="10.0.0.1", **form)
    with started({**environ, "MODELBERTH_DRAIN_DELAY_SECONDS": "60"}) as server:
        report = examine(Target(server.url))
        assert_kept(
            report, "plain", "tensorflow", "open-inference", "binary", "sagemaker", "azure-ml", "cloud-run",
            "kubernetes", "modelberth",
        )  # fmt: skip
        assert [ended(report, name) for name in ("grpc", "vertex")] == [Verdict.NOT_OFFERED] * 2
        assert report.count(Verdict.HELD) == 83
        # A pod that is taken away gets no new request, and is not restarted for that.
        server.terminate()
        ready = f"{server.url}/health/ready"
        wait_until(lambda: httpx.get(ready, trust_env=False).status_code == 503, lambda: server.log)
        draining = {one.check: one.verdict for one in examine(Target(server.url), ["kubernetes"]).findings}
        assert draining["the readiness probe succeeds within 1 s"] is Verdict.BROKEN
        assert draining["the liveness probe succeeds within 1 s"] is Verdict.HELD


def test_metrics_on_a_port_of_their_own(iris: ModelFile) -> None:
    environ = iris.environ(HOST="127.0.0.1", PORT="0", MODELBERTH_ADMIN_PORT="0")
    with started(environ) as server:
        ports = {
            connection.laddr.port
            for connection in psutil.Process(server.process.pid).net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        }
        (admin,) = ports - {server.address[1]}
        found = examine(Target(server.url), ["kubernetes", "modelberth"])
        assert found.count(Verdict.NOT_OFFERED) == 1
        assert found.count(Verdict.NOT_CHECKED) == 2
        assert found.held
        assert_kept(
            examine(Target(server.url, admin=f"http://127.0.0.1:{admin}"), ["kubernetes", "modelberth"]),
            "kubernetes",
            "modelberth",
        )


def test_sagemaker_without_root(readable: Path) -> None:
    """The documentation wishes for root: all that it needs is to read the model and to listen above 1024."""
    model = readable / "model"
    model.mkdir()
    sha256 = write_package(model, example=EXAMPLE)
    for path in (*model.iterdir(), model):
        path.chmod(0o555 if path.is_dir() else 0o444)
    environ = {
        "SAGEMAKER_BIND_TO_PORT": "0",
        "SAGEMAKER_SAFE_PORT_RANGE": "20000-20999",
        "SAGEMAKER_MULTI_MODEL": "false",
        "MODELBERTH_MODEL_PATH": str(model),
        SHA256: sha256,
        "HOST": "127.0.0.1",
    }
    with started(environ, "serve", user=other_user()) as server:
        users = psutil.Process(server.process.pid).uids()
        assert 0 not in users
        assert server.address[1] != 8080
        report = examine(Target(server.url))
        assert_kept(report, "sagemaker")
        # It is stopped with SIGTERM, and killed 30 s later.
        server.terminate()
        assert server.process.wait(30) == 0


def test_vertex(readable: Path) -> None:
    source = readable / "artifacts"
    source.mkdir()
    sha256 = write_package(source, example=EXAMPLE)
    predict = "/v1/endpoints/7/deployedModels/9:predict"
    health = "/v1/endpoints/7/deployedModels/9"
    environ = {
        "AIP_MODE": "PREDICTION",
        "AIP_FRAMEWORK": "CUSTOM_CONTAINER",
        "AIP_ENDPOINT_ID": "7",
        "AIP_DEPLOYED_MODEL_ID": "9",
        "AIP_HTTP_PORT": "0",
        "AIP_HEALTH_ROUTE": health,
        "AIP_PREDICT_ROUTE": predict,
        "AIP_STORAGE_URI": source.as_uri(),
        "MODELBERTH_MODEL_FOLDER": str(readable / "fetched"),
        SHA256: sha256,
        "HOST": "127.0.0.1",
    }
    with started(environ) as server:
        assert server.address[1] != 8080
        report = examine(Target(server.url, predict_route=predict, health_route=health))
        assert_kept(report, "vertex", "plain", "open-inference")


def test_azure_ml(readable: Path) -> None:
    version = readable / "azureml-models" / "iris" / "1"
    folder = version / "package"  # as a registered folder is mounted
    folder.mkdir(parents=True)
    sha256 = write_package(folder, example=EXAMPLE)
    environ = {"AZUREML_MODEL_DIR": str(version), SHA256: sha256, "HOST": "127.0.0.1", "PORT": "0"}
    with started(environ) as server:
        assert_kept(examine(Target(server.url)), "azure-ml", "plain")


def test_cloud_run(iris: ModelFile) -> None:
    environ = iris.environ(PORT="0", K_SERVICE="iris", K_REVISION="iris-00001", K_CONFIGURATION="iris")
    with started(environ) as server:
        assert server.address[0] == "0.0.0.0"  # it listens on all addresses by itself
        url = f"http://127.0.0.1:{server.address[1]}"
        assert_kept(examine(Target(url)), "cloud-run", "plain")
        with httpx.Client(base_url=url, trust_env=False) as client:
            headers = {"content-type": "application/json", "connection": "close"}
            assert client.post("/predict", content=ROWS, headers=headers).status_code == 200
        # It is stopped with SIGTERM, and killed 10 s later.
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(10) == 0


def test_container_apps(iris: ModelFile) -> None:
    environ = iris.environ(HOST="127.0.0.1", CONTAINER_APP_NAME="iris", CONTAINER_APP_PORT="0")
    with started(environ) as server:
        assert server.address[1] != 8080
        # Its probes are those of Kubernetes.
        assert_kept(examine(Target(server.url)), "kubernetes", "plain")


def test_every_contract_at_once(target: Target) -> None:
    report = examine(target)
    assert_kept(report, *report.contracts)
    assert report.count(Verdict.HELD) == 98
    assert report.count(Verdict.NOT_OFFERED) == report.count(Verdict.NOT_CHECKED) == 0
    assert report.model == "iris"
