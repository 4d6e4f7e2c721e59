import json
from pathlib import Path

import arro3.io
import httpx
import numpy as np

from serving.collector import Collector
from serving.models import ModelFile
from serving.processes import Launch

ROW = [5.1, 3.5, 1.4, 0.2]
CANARY = 4711.25


def test_a_server_is_watched_in_every_way(launch: Launch, iris: ModelFile, tmp_path: Path) -> None:
    """The real process: what it predicted is in the metrics, the log, the traces and the captured files."""
    folder = tmp_path / "samples"
    with Collector.listening() as collector:
        server = launch(
            iris.environ(
                MODELBERTH_MODEL_NAME="iris",
                MODELBERTH_ACCESS_LOG="all",
                MODELBERTH_LOG_FORMAT="json",
                MODELBERTH_CAPTURE_URI=folder.as_uri(),
                MODELBERTH_CAPTURE_PERCENT="100",
                MODELBERTH_CAPTURE_DROP_FIELDS="input[3]",
                MODELBERTH_DRAIN_SECONDS="0",
                OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
                NO_PROXY="127.0.0.1",
            )
        )
        server.wait_until_ready()
        url = server.log.partition("listening on ")[2].split('"')[0]
        with httpx.Client(base_url=f"http://{url}", trust_env=False) as client:
            body = {"input": [ROW, [*ROW[:3], CANARY]]}
            answer = client.post("/predict", json=body, headers={"x-request-id": "order-7"})
            assert answer.status_code == 200
            metrics = client.get("/metrics").text
        server.terminate()
        assert server.exit_status() == 0

    assert 'modelberth_predicted_rows_total{model="iris",version="1"} 2.0' in metrics
    assert 'modelberth_requests_total{code="200",route="/predict"} 1.0' in metrics

    lines = [json.loads(line) for line in server.log.splitlines()]
    (line,) = [line for line in lines if line.get("request_id") == "order-7"]
    assert (line["route"], line["status"], line["version"]) == ("/predict", 200, "1")
    assert str(CANARY) not in server.log

    names = [span.name for span in collector.spans]
    assert sorted(names) == ["POST /predict", "compute", "queue"]

    (path,) = folder.glob("date=*/*.parquet")
    table = arro3.io.read_parquet(path).read_all()
    columns = {name: table[name].to_pylist() for name in table.column_names}
    assert columns["request_id"] == ["order-7"] * 2
    assert [columns[f"input.input[{n}]"] for n in range(3)] == [[float(np.float32(x))] * 2 for x in ROW[:3]]
    assert "input.input[3]" not in columns
    predictions = answer.json()["predictions"]
    assert columns["output.label"] == predictions
