"""The server as an instance of Cloud Run starts it: the component's own variables, probes and time limits."""

import signal
import time
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np
import pytest

from conformance.platforms import PlatformProcess, assert_kept, started
from modelberth.conformance import Target, examine
from modelberth.conformance.contracts.sagemaker import npy
from modelberth.gcp.cloud_run.limits import limits
from modelberth.gcp.cloud_run.model import mount
from modelberth.gcp.cloud_run.template import template
from modelberth.gcp.plan import Plan
from modelberth.spec import EndpointSpec, parse
from modelberth.spec.cloud_run import CloudRunTarget
from serving.model_sources import write_package
from serving.models import IRIS, ModelFile

EXAMPLE: Final = [[5.1, 3.5, 1.4, 0.2]]
ARRAY: Final = {"content-type": "application/x-npy", "accept": "application/x-npy"}
HEADER_BYTES: Final = 128
ROW_BYTES: Final = 16
# What Cloud Run itself sets in a container, and the time that one has to end after SIGTERM.
OWN: Final = {
    "K_SERVICE": "shop-dev-iris",
    "K_REVISION": "shop-dev-iris-1",
    "K_CONFIGURATION": "shop-dev-iris",
}
TO_END_SECONDS: Final = 10


def container(model: dict[str, Any], target: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """The container of a revision, as the component describes it to Cloud Run."""
    place = {"project": "shop-prod", "project_number": "123456789012", "region": "europe-west4"}
    plan = Plan.of(
        parse(EndpointSpec, {"name": "iris", "model": model, **spec}),
        parse(CloudRunTarget, {**place, **target}),
        "shop",
        "dev",
    )
    (found,) = template(plan, "image", "account", "key")["containers"]
    made: dict[str, Any] = found
    return made


def variables(made: dict[str, Any], folder: Path) -> dict[str, str]:
    """Its variables and Cloud Run's, with free ports and the mounted folder where this test has put it."""
    told = {one["name"]: one["value"] for one in made["envs"]}
    for place in made.get("volume_mounts", []):
        told = {name: value.replace(place["mount_path"], str(folder), 1) for name, value in told.items()}
    assert told["MODELBERTH_ADMIN_PORT"] == "9090"
    here = {"PORT": "0", "MODELBERTH_ADMIN_PORT": "0", "MODELBERTH_LOG_FORMAT": "text"}
    return {**told, **OWN, **here}


def asked(server: PlatformProcess, path: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{server.address[1]}{path}", trust_env=False, timeout=2)


@pytest.mark.parametrize("form", ["file", "package"])
def test_an_instance_with_a_mounted_model_keeps_the_contract(form: str, tmp_path: Path) -> None:
    if form == "package":
        uri, pin = "gs://models/iris/3/", write_package(tmp_path, example=EXAMPLE)
    else:
        uri, pin = "gs://models/iris/model.onnx", ModelFile.at(IRIS).sha256
        (tmp_path / "model.onnx").write_bytes(IRIS.read_bytes())
    model = {"uri": uri, "sha256": pin}
    made = container(model, {"model_access": "mount"})
    assert made["volume_mounts"] == [
        mount(parse(EndpointSpec, {"name": "iris", "model": model}).model, "/mnt/models").place
    ]
    with started(variables(made, tmp_path)) as server:
        assert server.address[0] == "0.0.0.0"
        for probe in ("startup_probe", "liveness_probe"):
            assert made[probe]["http_get"]["port"] == made["ports"]["container_port"]
            before = time.monotonic()
            assert asked(server, made[probe]["http_get"]["path"]).status_code == 200
            assert time.monotonic() - before < made[probe]["timeout_seconds"]
        # Whoever may call reaches no metrics.
        assert asked(server, "/metrics").status_code == 404
        assert_kept(examine(Target(f"http://127.0.0.1:{server.address[1]}")), "cloud-run", "plain")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(TO_END_SECONDS) == 0


def test_a_server_that_has_no_model_yet_fails_the_startup_probe(tmp_path: Path) -> None:
    """Without its folder the server ends by itself, so that no revision of it gets requests."""
    made = container({"uri": "gs://models/iris/3/", "sha256": "a" * 64}, {"model_access": "mount"})
    process = PlatformProcess(variables(made, tmp_path / "missing"), tmp_path / "stderr")
    try:
        assert process.process.wait(TO_END_SECONDS) == 3
    finally:
        process.process.kill()
        process.process.wait()


def test_the_largest_request_is_answered_and_a_larger_one_refused(tmp_path: Path) -> None:
    size = limits().body_bytes
    pin = write_package(tmp_path, example=EXAMPLE)
    made = container(
        {"uri": "gs://models/iris/3/", "sha256": pin},
        {"model_access": "mount"},
        limits={"max_body": str(size), "timeout": "60s"},
    )
    rows = np.tile(np.array(EXAMPLE, dtype="<f4"), ((size - HEADER_BYTES) // ROW_BYTES, 1))
    body = npy("<f4", rows.shape, rows.tobytes())
    assert size - ROW_BYTES - HEADER_BYTES < len(body) <= size
    with started(variables(made, tmp_path)) as server:
        url = f"http://127.0.0.1:{server.address[1]}/invocations"
        answer = httpx.post(url, content=body, headers=ARRAY, trust_env=False, timeout=60)
        assert answer.status_code == 200, answer.text[:200]
        larger = httpx.post(url, content=body + bytes(size), headers=ARRAY, trust_env=False, timeout=60)
        assert larger.status_code == 413
        assert asked(server, made["liveness_probe"]["http_get"]["path"]).status_code == 200
