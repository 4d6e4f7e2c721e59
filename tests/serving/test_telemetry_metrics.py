import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families

from modelberth_server.http.message import Response
from modelberth_server.model.signature import Signature
from modelberth_server.telemetry.families import FAMILIES
from modelberth_server.telemetry.instruments import Histogram
from modelberth_server.telemetry.metrics import KEPT_RETIRED, Metrics
from modelberth_server.telemetry.telemetry import Telemetry
from modelberth_server.telemetry.workers import Worker
from serving.watching import IRIS, iris_batch, request, settings

Series = dict[str, dict[frozenset[tuple[str, str]], float]]


def scraped(telemetry: Telemetry, accept: str = "") -> Series:
    body, content_type = telemetry.render(accept)
    parse = open_metrics if "openmetrics" in content_type else text_string_to_metric_families
    series: Series = defaultdict(dict)
    for family in parse(body.decode()):
        for sample in family.samples:
            series[sample.name][frozenset(sample.labels.items())] = sample.value
    return series


def value(series: Series, name: str, /, **labels: str) -> float:
    return series[name][frozenset(labels.items())]


def plain() -> Telemetry:
    return Telemetry.from_settings(settings(), {})


def answer(telemetry: Telemetry, path: str = "/predict", status: int = 200) -> None:
    one = request(path)
    telemetry.started(one)
    telemetry.answered(one, Response(status, b""))


def compute(telemetry: Telemetry, rows: int, requests: int, signature: Signature = IRIS) -> None:
    inputs, outputs = iris_batch(rows)
    telemetry.batch(
        signature, [request() for _ in range(requests)], inputs, outputs, [0.003] * requests, 0.02
    )


def test_answers_are_counted_by_route_and_code() -> None:
    telemetry = plain()
    for path, status in (("/predict", 200), ("/predict", 200), ("/predict", 400), ("", 404)):
        answer(telemetry, path, status)

    series = scraped(telemetry)
    assert value(series, "modelberth_requests_total", route="/predict", code="200") == 2
    assert value(series, "modelberth_requests_total", route="/predict", code="400") == 1
    assert value(series, "modelberth_requests_total", route="other", code="404") == 1
    assert value(series, "modelberth_request_duration_seconds_count", route="/predict") == 3
    assert 0 < value(series, "modelberth_request_duration_seconds_sum", route="/predict") < 60


def test_a_histogram_has_inclusive_upper_bounds() -> None:
    histogram = Histogram((1.0, 2.0))
    for seconds in (0.5, 1.0, 1.5, 2.0, 2.5):
        histogram.observe(seconds)
    assert histogram.counts == [2, 2, 1]
    assert histogram.total == 7.5


def test_a_batch_is_counted_by_model_version() -> None:
    telemetry = plain()
    telemetry.serve(IRIS, "blue")
    compute(telemetry, rows=5, requests=2)
    compute(telemetry, rows=1, requests=1)

    series = scraped(telemetry)
    labels = {"model": "iris", "version": "3"}
    assert value(series, "modelberth_predictions_total", **labels) == 3
    assert value(series, "modelberth_predicted_rows_total", **labels) == 6
    assert value(series, "modelberth_queue_seconds_count", **labels) == 3
    assert value(series, "modelberth_queue_seconds_bucket", le="0.0025", **labels) == 0
    assert value(series, "modelberth_queue_seconds_bucket", le="0.005", **labels) == 3
    assert value(series, "modelberth_compute_seconds_count", **labels) == 2
    assert value(series, "modelberth_compute_seconds_sum", **labels) == pytest.approx(0.04)
    assert value(series, "modelberth_batch_rows_bucket", le="1.0", **labels) == 1
    assert value(series, "modelberth_batch_rows_bucket", le="8.0", **labels) == 2
    assert value(series, "modelberth_batch_requests_bucket", le="+Inf", **labels) == 2
    info = {"name": "iris", "version": "3", "sha256": "a" * 64, "revision": "blue"}
    assert value(series, "modelberth_model_info", **info) == 1


def test_gauges_are_what_was_said_last() -> None:
    telemetry = plain()
    for number in (3, 1):
        telemetry.gauge(in_flight=lambda number=number: number, connections=lambda number=number: number + 1)
    series = scraped(telemetry)
    assert value(series, "modelberth_in_flight") == 1
    assert value(series, "modelberth_connections") == 2
    assert value(series, "process_resident_memory_bytes") > 0


def test_retired_versions_leave_the_exposition_after_a_while() -> None:
    telemetry = plain()
    versions = [Signature("iris", str(n), "a" * 64, IRIS.inputs, IRIS.outputs) for n in range(20)]
    for signature in versions:
        telemetry.serve(signature, "")
        compute(telemetry, 1, 1, signature)
        telemetry.retire(signature)
        compute(telemetry, 1, 1, signature)  # what it was still computing

    series = scraped(telemetry)
    assert not series["modelberth_model_info"]
    kept = {
        dict(labels)["version"]: count for labels, count in series["modelberth_predictions_total"].items()
    }
    assert kept == {str(version): 2 for version in range(20 - KEPT_RETIRED, 20)}


def test_a_model_may_take_the_place_of_one_of_the_same_version() -> None:
    telemetry = plain()
    other = Signature("iris", "3", "b" * 64, IRIS.inputs, IRIS.outputs)
    telemetry.serve(IRIS, "")
    telemetry.serve(other, "")
    telemetry.retire(IRIS)
    compute(telemetry, 1, 1, other)
    series = scraped(telemetry)
    assert [dict(labels)["sha256"] for labels in series["modelberth_model_info"]] == ["b" * 64]
    assert series["modelberth_prediction_bucket_total"]
    telemetry.retire(other)
    assert not scraped(telemetry)["modelberth_model_info"]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "text/plain"),
        ("*/*", "text/plain"),
        ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.1", "application/openmetrics-text"),
        ("application/openmetrics-text; version=x; escaping=y", "application/openmetrics-text"),
        ("text/plain;version=%%;escaping=allow-utf-8", "text/plain"),
    ],
)
def test_the_exposition_is_what_the_scraper_accepts(accept: str, expected: str) -> None:
    telemetry = plain()
    answer(telemetry)
    assert telemetry.render(accept)[1].startswith(expected)
    assert value(scraped(telemetry, accept), "modelberth_requests_total", route="/predict", code="200") == 1


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({b"x-request-id": b"order 7/b"}, "order 7/b"),
        ({b"x-request-id": b"x" * 128}, "x" * 128),
        ({b"traceparent": b"00-" + b"ab" * 16 + b"-" + b"cd" * 8 + b"-01"}, "ab" * 16),
        (
            {b"x-request-id": b"", b"traceparent": b"cc-" + b"ab" * 16 + b"-" + b"cd" * 8 + b"-01-x"},
            "ab" * 16,
        ),
    ],
)
def test_a_caller_names_its_request(headers: dict[bytes, bytes], expected: str) -> None:
    one = request(headers=headers)
    plain().started(one)
    assert one.identifier == expected


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {b"x-request-id": b"x" * 129},
        {b"x-request-id": b"a\x1b[31m"},
        {b"x-request-id": b"a\nb"},
        {b"x-request-id": "é".encode()},
        {b"traceparent": b"00-" + b"0" * 32 + b"-" + b"cd" * 8 + b"-01"},
        {b"traceparent": b"ff-" + b"ab" * 16 + b"-" + b"cd" * 8 + b"-01"},
        {b"traceparent": b"00-" + b"AB" * 16 + b"-" + b"cd" * 8 + b"-01"},
    ],
)
def test_other_requests_get_names_of_their_own(headers: dict[bytes, bytes]) -> None:
    one, two = plain(), plain()
    names = set()
    for telemetry in (one, one, two):
        made = request(headers=headers)
        telemetry.started(made)
        assert made.identifier.isascii()
        assert made.identifier.isprintable()
        names.add(made.identifier)
    assert len(names) == 3


def test_every_family_has_a_valid_name_and_help() -> None:
    metrics = Metrics()
    metrics.publish()  # alone, there is nothing to do
    for name, family in FAMILIES.items():
        assert name == family.name
        assert name.startswith("modelberth_")
        assert name.endswith("_total") == (family.kind.value == "counter")
        assert family.documentation
        assert list(family.bounds) == sorted(set(family.bounds))
    assert len(FAMILIES) == 18


WORKER = """
import sys
from pathlib import Path
from modelberth_server.http.message import Response
from modelberth_server.telemetry.telemetry import Telemetry
from modelberth_server.telemetry.workers import Worker
from serving.test_telemetry_metrics import answer, compute
from serving.watching import IRIS, settings

telemetry = Telemetry.from_settings(settings(), {}, Worker(int(sys.argv[1]), Path(sys.argv[2])))
telemetry.serve(IRIS, "blue")
for line in sys.stdin:
    for _ in range(int(line)):
        answer(telemetry)
    compute(telemetry, 2, 1)
    telemetry.gauge(in_flight=lambda: 3, connections=lambda: 0)
    print(telemetry.render()[0].decode().count("# HELP"), flush=True)
"""


def test_workers_are_seen_as_one(tmp_path: Path) -> None:
    """Two processes, of which one is killed and replaced: nothing falls, and there are two files."""

    def start(index: int) -> "subprocess.Popen[str]":
        path = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
        return subprocess.Popen(
            [sys.executable, "-c", WORKER, str(index), str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": path},
            text=True,
        )

    def say(process: "subprocess.Popen[str]", count: int) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{count}\n")
        process.stdin.flush()
        assert int(process.stdout.readline()) >= 9

    watcher = Telemetry.from_settings(settings(), {}, Worker(2, tmp_path))
    one, two = start(0), start(1)
    processes = [one, two]
    try:
        say(one, 5)
        say(two, 7)
        series = scraped(watcher)
        assert value(series, "modelberth_requests_total", route="/predict", code="200") == 12
        assert value(series, "modelberth_request_duration_seconds_count", route="/predict") == 12
        assert value(series, "modelberth_predicted_rows_total", model="iris", version="3") == 4
        assert value(series, "modelberth_in_flight") == 6
        assert set(series["modelberth_model_info"].values()) == {1}
        assert "process_resident_memory_bytes" not in series

        two.kill()
        two.wait()
        processes.append(three := start(1))
        say(three, 1)
        series = scraped(watcher)
        assert value(series, "modelberth_requests_total", route="/predict", code="200") == 13
        assert value(series, "modelberth_in_flight") == 6
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"worker-{n}.json" for n in range(3)]


def test_a_worker_that_ends_leaves_its_counts_and_no_gauges(tmp_path: Path) -> None:
    ended, other = Metrics(Worker(0, tmp_path)), Metrics(Worker(1, tmp_path))
    ended.answered("/predict", 200)[0].value += 4
    ended.in_flight = other.in_flight = lambda: 2
    ended.withdraw()
    text = other.render()[0].decode()
    assert 'modelberth_requests_total{code="200",route="/predict"} 4.0' in text
    assert "modelberth_in_flight 2.0" in text


def test_a_broken_file_of_a_worker_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "worker-0.json").write_text('{"modelberth_requests_total": [')
    metrics = Metrics(Worker(1, tmp_path))
    metrics.answered("/predict", 200)[0].value += 1
    assert b"} 1.0" in metrics.render()[0]
    assert "worker-0.json" in caplog.text


def test_a_full_disk_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics(Worker(0, tmp_path / "missing"))
    for _ in range(3):
        metrics.publish()
    assert caplog.text.count("stay as they were") == 1
