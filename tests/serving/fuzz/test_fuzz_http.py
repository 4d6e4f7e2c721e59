"""A slice of what `make fuzz` sends, with a seed: see there for the full number."""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from serving.fuzz import attack, schema
from serving.fuzz.judge import Judgement
from serving.fuzz.messages import Messages
from serving.fuzz.models import many_types
from serving.models import IRIS, ModelFile
from serving.processes import ServerProcess, launcher

REQUESTS = 1300
STREAMS = 300
ADMIN = 100


@pytest.fixture(scope="module", params=["iris", "many types"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("fuzz")
    iris = request.param == "iris"
    model = ModelFile.at(IRIS) if iris else ModelFile.write(folder / "model.onnx", many_types())
    with launcher(folder) as launch:
        server = launch(
            model.environ(
                AIP_PREDICT_ROUTE="/vertex", MODELBERTH_ADMIN_PORT="0", MODELBERTH_MAX_CONCURRENCY="1000"
            )
        )
        server.wait_until_ready()
        yield server


def test_whatever_is_sent_is_answered_or_refused_by_name(server: ServerProcess) -> None:
    metadata = httpx.get(f"{server.url}/v2/models/model", trust_env=False).json()
    messages = Messages(metadata, random.Random(20260101))
    host, _, port = server.log.partition("admin routes on ")[2].split()[0].rpartition(":")
    judgement = Judgement()
    before = [process.pid for process in psutil.Process(server.process.pid).children()]

    async def send() -> None:
        await attack.send_all(server.address, attack.requests(messages, REQUESTS), judgement)
        await attack.send_streams(server.address, attack.streams(messages, STREAMS), judgement)
        await attack.send_all((host, int(port)), attack.admin_requests(messages.draw, ADMIN), judgement)

    asyncio.run(send())
    assert "\n".join(judgement.faults[:10]) == ""
    assert judgement.cases == REQUESTS + STREAMS + ADMIN
    # Both sides of the border were visited often, on every route.
    statuses = {status: 0 for _, status in judgement.answers}
    for (_, status), count in judgement.answers.items():
        statuses[status] += count
    assert statuses[200] > 300
    assert statuses[400] > 300
    assert {404, 405, 413, 415} < statuses.keys()
    assert {"/predict", "/score", "/invocations", "/vertex", "/metrics"} < {
        route for route, status in judgement.answers if status == 200
    }
    assert [process.pid for process in psutil.Process(server.process.pid).children()] == before
    assert "Traceback" not in server.log


def test_the_server_does_what_it_says_of_itself(
    server: ServerProcess, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    exact = "iris" in request.node.name
    outcome = schema.attack(server, tmp_path, examples=4, seed=1, exact=exact)
    assert outcome.status == 0, outcome.output
    assert outcome.operations == 20
    assert outcome.cases > 200
    assert "Traceback" not in server.log
