"""A slice of what `make fuzz` sends to the gRPC port, with a seed."""

import asyncio
import random
from pathlib import Path

import httpx
import psutil
import pytest

from serving.fuzz import grpc_attack
from serving.fuzz.calls import Calls
from serving.fuzz.judge import Judgement
from serving.fuzz.messages import Messages
from serving.fuzz.models import many_types
from serving.fuzz.ports import grpc_address
from serving.models import IRIS, ModelFile
from serving.processes import Launch

CALLS = 1200
FRAMES = 100


@pytest.mark.parametrize("kind", ["iris", "many types"])
def test_whatever_is_called_is_answered_or_refused_by_name(launch: Launch, tmp_path: Path, kind: str) -> None:
    model = ModelFile.at(IRIS) if kind == "iris" else ModelFile.write(tmp_path / "model.onnx", many_types())
    server = launch(model.environ(MODELBERTH_GRPC_PORT="0", MODELBERTH_MAX_CONCURRENCY="1000"))
    server.wait_until_ready()
    known = len(server.log)
    worker = psutil.Process(server.process.pid).children()
    metadata = httpx.get(f"{server.url}/v2/models/model", trust_env=False).json()
    calls = Calls(Messages(metadata, random.Random(20260101)))
    judgement = Judgement()
    address = grpc_address(server)

    asyncio.run(grpc_attack.send_calls(address, calls.some(CALLS), judgement))
    grpc_attack.send_frames(address, random.Random(1), FRAMES)
    # Still there, for those who mean well.
    asyncio.run(grpc_attack.send_calls(address, iter([calls.healthy()]), judgement))

    assert "\n".join(judgement.faults[:10]) == ""
    assert judgement.cases == CALLS + 1
    statuses = {status: 0 for _, status in judgement.answers}
    for (_, status), count in judgement.answers.items():
        statuses[status] += count
    # OK, INVALID_ARGUMENT, NOT_FOUND, RESOURCE_EXHAUSTED, UNIMPLEMENTED.
    assert statuses[0] > 200
    assert statuses[3] > 300
    assert {5, 8, 12} < statuses.keys()
    assert psutil.Process(server.process.pid).children() == worker
    # Of what strangers do to the port nothing is told but that an impatient one got no answer.
    told = server.log[known:].splitlines()
    assert [line for line in told if " status=504 " not in line] == []
