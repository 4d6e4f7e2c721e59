"""The server as SageMaker starts it, at the largest request that each mode lets through."""

from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np
import pytest

from conformance.platforms import started
from modelberth.aws.sagemaker.limits import limits
from modelberth.aws.sagemaker.server import environment
from modelberth.conformance.contracts.sagemaker import npy
from modelberth.spec import EndpointSpec, parse
from serving.model_sources import write_package

EXAMPLE: Final = [[5.1, 3.5, 1.4, 0.2]]
ARRAY: Final = {"content-type": "application/x-npy", "accept": "application/x-npy"}
HEADER_BYTES: Final = 128
ROW_BYTES: Final = 16
# Of the largest asynchronous request, 1 GB, a part: not every machine has memory for the whole.
SIZES: Final = {
    "real_time": limits().modes["real_time"].body_bytes,
    "serverless": limits().modes["serverless"].body_bytes,
    "async": 50_000_000,
}


def variables(model: Path, max_body: int, timeout: str = "60s") -> dict[str, str]:
    """What the component tells a container, with the model where this test has put it."""
    config: dict[str, Any] = {
        "name": "iris",
        "model": {"uri": "s3://models/iris/", "sha256": write_package(model, example=EXAMPLE)},
        "limits": {"max_body": str(max_body), "timeout": timeout},
    }
    spec = parse(EndpointSpec, config)
    here = {
        "MODELBERTH_MODEL_PATH": str(model),
        "MODELBERTH_LOG_FORMAT": "text",
        "SAGEMAKER_BIND_TO_PORT": "0",
        "HOST": "127.0.0.1",
    }
    return {**environment(spec, spec.model), **here}


def array(size: int) -> bytes:
    """An array file of at most so many bytes."""
    rows = np.tile(np.array(EXAMPLE, dtype="<f4"), ((size - HEADER_BYTES) // ROW_BYTES, 1))
    return npy("<f4", rows.shape, rows.tobytes())


@pytest.mark.parametrize("mode", SIZES)
def test_the_largest_request_is_answered_and_a_larger_one_refused(mode: str, tmp_path: Path) -> None:
    size = SIZES[mode]
    body = array(size)
    assert size - ROW_BYTES - HEADER_BYTES < len(body) <= size
    with started(variables(tmp_path, size), "serve") as server:
        ping = httpx.get(f"{server.url}/ping", trust_env=False, timeout=2)
        assert ping.status_code == 200
        answer = httpx.post(
            f"{server.url}/invocations", content=body, headers=ARRAY, trust_env=False, timeout=60
        )
        assert answer.status_code == 200, answer.text[:200]
        assert answer.content.startswith(b"\x93NUMPY")
        larger = httpx.post(
            f"{server.url}/invocations",
            content=body + bytes(size),
            headers=ARRAY,
            trust_env=False,
            timeout=60,
        )
        assert larger.status_code == 413
        assert httpx.get(f"{server.url}/ping", trust_env=False, timeout=2).status_code == 200
