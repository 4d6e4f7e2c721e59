"""The server as Vertex AI starts it and the component tells it, at the largest request of each way in."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from conformance.platforms import assert_kept, started
from modelberth.conformance import Target, examine
from modelberth.gcp.vertex.limits import limits
from modelberth.gcp.vertex.server import artifact_uri, environment, serving
from modelberth.gcp.vertex.versions import startup_probe
from modelberth.spec import EndpointSpec, parse
from serving.model_sources import write_package

EXAMPLE: Final = [[5.1, 3.5, 1.4, 0.2]]
ROW: Final = "[5.1,3.5,1.4,0.2]"
FOLDER: Final = "gs://models/iris/3"


@pytest.fixture
def package() -> Iterator[Path]:
    """A folder that holds a model."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def spec_of(package: Path, **given: Any) -> EndpointSpec:
    sha256 = write_package(package, example=EXAMPLE)
    return parse(EndpointSpec, {"name": "iris", "model": {"uri": f"{FOLDER}/", "sha256": sha256}, **given})


def variables(spec: EndpointSpec, package: Path) -> dict[str, str]:
    """What the component tells a container, and what Vertex AI does beside it.

    Source: "Custom container requirements for inference", variables set by Agent Platform. The folder is here
    one of this machine, and the port any that is free.
    """
    assert artifact_uri(spec.model) == FOLDER
    container = serving(spec, spec.model)
    from_vertex = {
        "AIP_MODE": "PREDICTION",
        "AIP_MODE_VERSION": "1.0.0",
        "AIP_FRAMEWORK": "CUSTOM_CONTAINER",
        "AIP_ENDPOINT_ID": "7061871393",
        "AIP_DEPLOYED_MODEL_ID": "1000000000",
        "AIP_MODEL_NAME": "7061871393",
        "AIP_VERSION_NAME": "1000000000",
        "AIP_PROJECT_NUMBER": "123456789012",
        "AIP_MACHINE_TYPE": "e2-standard-2",
        "AIP_HTTP_PORT": "0",
        "AIP_PREDICT_ROUTE": container.predict.path,
        "AIP_HEALTH_ROUTE": container.ready.path,
        "AIP_STORAGE_URI": package.as_uri(),
    }
    told = environment(spec, spec.model)
    assert not told.keys() & from_vertex.keys()
    here = {
        "HOST": "127.0.0.1",
        "MODELBERTH_LOG_FORMAT": "text",
        "MODELBERTH_MODEL_FOLDER": str(package.parent / f"{package.name}-fetched"),
    }
    return {**told, **from_vertex, **here}


def body(size: int) -> bytes:
    """A request of exactly so many bytes, as the API has it."""
    rows = (size - len('{"instances":[]}') + 1) // (len(ROW) + 1)
    text = f'{{"instances":[{",".join([ROW] * rows)}]'
    return (text + " " * (size - len(text) - 1) + "}").encode()


def test_the_container_keeps_the_contract_on_the_paths_that_the_version_names(package: Path) -> None:
    spec = spec_of(package)
    container = serving(spec, spec.model)
    with started(variables(spec, package)) as server:
        target = Target(server.url, predict_route=container.predict.path, health_route=container.ready.path)
        assert_kept(examine(target), "vertex", "open-inference")
        probe = startup_probe(spec, container.ready.path)
        assert (
            httpx.get(f"{server.url}{probe.path}", trust_env=False, timeout=probe.timeout).status_code == 200
        )
        live = httpx.get(f"{server.url}{container.live.path}", trust_env=False, timeout=10)
        assert live.status_code == 200


def test_a_model_with_another_digest_is_never_ready(package: Path) -> None:
    """The known-bad case: what the folder holds is not what the spec pins."""
    told = variables(spec_of(package), package)
    with pytest.raises(pytest.fail.Exception, match="expected " + "0" * 64):  # noqa: SIM117 - it is the start that fails
        with started({**told, "MODELBERTH_MODEL_SHA256": "0" * 64}):
            pass


@pytest.mark.parametrize("kind", ["dedicated", "shared"])
def test_the_largest_request_is_answered_and_a_larger_one_refused(kind: str, package: Path) -> None:
    size = limits().access[kind].body_bytes
    spec = spec_of(package, limits={"max_body": str(size), "timeout": "60s"})
    sent = body(size)
    assert len(sent) == size
    with started(variables(spec, package)) as server:
        route = f"{server.url}{serving(spec, spec.model).predict.path}"
        headers = {"content-type": "application/json"}
        answer = httpx.post(route, content=sent, headers=headers, trust_env=False, timeout=120)
        assert answer.status_code == 200, answer.text[:200]
        predictions = json.loads(answer.content)["predictions"]
        assert len(predictions) == sent.count(b"5.1") > 80_000
        larger = httpx.post(route, content=body(size + 1), headers=headers, trust_env=False, timeout=120)
        assert larger.status_code == 413
        assert httpx.get(f"{server.url}/health/ready", trust_env=False, timeout=10).status_code == 200
