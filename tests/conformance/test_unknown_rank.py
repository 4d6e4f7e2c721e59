"""A model that leaves the number of dimensions open keeps its contracts with tensors of any."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from onnx import TensorProto

from conformance.faulty import Exchange, faulty
from conformance.platforms import PlatformProcess, assert_kept, started
from modelberth.conformance import Target, Verdict, examine
from serving.models import ModelFile, identity_model

PAIRS = [[1.5, 2.5], [3.5, 4.5]]
CONTRACTS = ("plain", "tensorflow", "open-inference", "grpc")


@pytest.fixture(scope="module")
def any_rank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlatformProcess]:
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    model = ModelFile.write(path, identity_model(("x", TensorProto.FLOAT, None)))
    environ = model.environ(HOST="127.0.0.1", PORT="0", MODELBERTH_GRPC_PORT="0")
    with started(environ) as server:
        yield server


@pytest.mark.parametrize("rows", [None, [1.5, 2.5], PAIRS, [PAIRS, PAIRS]])
def test_tensors_of_any_rank_come_and_go(any_rank: PlatformProcess, rows: list[Any] | None) -> None:
    grpc = f"127.0.0.1:{any_rank.port_of('gRPC')}"
    assert_kept(examine(Target(any_rank.url, grpc=grpc, rows=rows), CONTRACTS), *CONTRACTS)


def test_without_the_word_for_it_one_dimension_is_one(any_rank: PlatformProcess) -> None:
    """A server that says `[-1]` and no more, and answers with two dimensions, is told."""

    def silent(exchange: Exchange) -> None:
        if exchange.path == "/v2/models/model":
            body = json.loads(exchange.body)
            del body["outputs"][0]["parameters"]
            exchange.body = json.dumps(body).encode()

    with faulty(any_rank.url, silent) as url:
        report = examine(Target(url, rows=PAIRS), ["open-inference"])
    broken = [one.detail for one in report.findings if one.verdict is Verdict.BROKEN]
    assert broken
    assert any("expected x_out as FP32 [-1], as in the metadata" in one for one in broken), broken
