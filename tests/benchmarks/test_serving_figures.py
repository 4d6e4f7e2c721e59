"""The pure parts of the serving benchmark: what is read, compared and drawn. Nothing here takes a time."""

import importlib
import json
import math
import os
import re
import shutil
import socket
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
CONDITIONS = {"date": "2026-11-21", "load before": "0.1"}
LABELS = {"modelberth": "**Modelberth**", "slow": "Slow 1.0", "slower": "Slower 2.0"}


@pytest.fixture
def serving(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import a module of the serving benchmark, which is a program and no package."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.syspath_prepend(BENCHMARKS / "serving")

    def load(name: str) -> ModuleType:
        return importlib.import_module(name)

    return load


def sample(serving: Any, contender: str, **changed: Any) -> Any:
    """100 requests/s with a p99 of 20 ms, 100 µs of processor time each where the model takes 40."""
    figures = {
        "workload": "trees-1",
        "contract": "JSON",
        "round": 0,
        "requests": 400,
        "rate": 100.0,
        "p50": 0.01,
        "p99": 0.02,
        "cpu": 100e-6,
        "limit": 40e-6,
        "resident": 50 << 20,
    }
    return serving("measurements").Sample(contender=contender, **{**figures, **changed})


def figures(serving: Any, *samples: Any, **more: Any) -> Any:
    return serving("measurements").Figures(CONDITIONS, LABELS, list(samples), **more)


def verdicts(serving: Any, measured: Any) -> dict[str, bool]:
    return {aim.what: aim.is_met for aim in serving("aims").judge(measured, ["slow", "slower"])}


WRK = """Running 1s test @ http://127.0.0.1:1/predict
  1 threads and 16 connections
{"requests": 3000, "microseconds": 1500000, "p50": 700, "p99": 4100, "status": 0, "lost": 0}
"""


def test_wrk_output_is_read_in_seconds(serving: Any) -> None:
    load = serving("wrk").Load.parse(WRK)
    assert (load.requests, load.seconds, load.p50, load.p99) == (3000, 1.5, 0.0007, 0.0041)
    assert load.rate == 2000


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("Running 1s test", "no result"),
        (WRK + WRK, "no result"),
        (WRK.replace('"requests": 3000', '"requests": 0'), "of 0 requests"),
        (WRK.replace('"status": 0', '"status": 7'), "7 were answered with an error"),
        (WRK.replace('"lost": 0', '"lost": 2'), "2 connections or answers were lost"),
    ],
)
def test_a_load_with_errors_is_no_figure(serving: Any, output: str, said: str) -> None:
    with pytest.raises(serving("timing").BenchmarkError, match=said):
        serving("wrk").Load.parse(output)


def test_the_share_of_the_limit_is_of_processor_time(serving: Any) -> None:
    measured = figures(serving, *(sample(serving, "modelberth", cpu=cpu) for cpu in (80e-6, 160e-6, 100e-6)))
    ratio = measured.spread("trees-1", "modelberth", "ratio")
    assert (ratio.median, ratio.low, ratio.high) == pytest.approx((0.4, 0.25, 0.5))


@pytest.mark.parametrize(
    ("transport", "together", "reachable"),
    [(10e-6, 10e-6, 2.0), (10e-6, 80e-6, 0.8), (None, 10e-6, None), (10e-6, None, None)],
)
def test_the_reachable_share_is_of_transport_and_the_cheaper_way_to_compute(
    serving: Any, transport: float | None, together: float | None, reachable: float | None
) -> None:
    found = sample(serving, "modelberth", transport=transport, together=together).reachable
    assert found == (None if reachable is None else pytest.approx(reachable))


@pytest.mark.parametrize(
    ("transport", "said"),
    [
        (None, "0.4, aim at least 0.25: met"),
        (40e-6, "0.4, aim at least 0.25: met; the most that a server could reach here: 0.8"),
        (
            190e-6,
            "0.4, aim at least 0.25: met; the most that a server could reach here: 0.2, less than the aim",
        ),
    ],
)
def test_an_aim_tells_what_could_be_reached(serving: Any, transport: float | None, said: str) -> None:
    measured = figures(serving, sample(serving, "modelberth", transport=transport, together=10e-6))
    aims = [str(aim) for aim in serving("aims").judge(measured, [])]
    assert aims[0] == f"share of the in-process limit, trees-1: {said}"
    table = serving("tables").as_markdown(measured, [], {})
    assert ("**Modelberth** reaches 50% of that" in table) == (transport == 40e-6)
    assert "in process: 40.0 µs." in table


def test_figures_from_before_it_was_measured_are_read(serving: Any) -> None:
    written = figures(serving, sample(serving, "modelberth")).as_json()
    for name in ("transport", "together"):
        assert written["samples"][0].pop(name) is None
    read = serving("measurements").Figures.from_json(written)
    assert read.measured("trees-1", "modelberth", "reachable") is None


@pytest.mark.skipif(not shutil.which("cc") or not shutil.which("taskset"), reason="needs cc and taskset")
def test_the_bare_server_answers_each_request_once_with_the_same_bytes(serving: Any, tmp_path: Path) -> None:
    answer = b'HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{"sum": 3.0}'
    wire, running = serving("wire"), serving("running_server")
    exchange = wire.Exchange("/predict", {}, b"[1, 2]", lambda _, body: json.loads(body))
    port = running.free_port()
    command = serving("floor").Floor.build(tmp_path).command(port, answer, model=0.0001)
    core = min(os.sched_getaffinity(0))
    log = tmp_path / "log"
    with running.start(
        command, port, exchange, {"sum": np.array(3.0)}, ready=None, core=core, log=log
    ) as bare:
        assert serving("floor").answer_of(bare.address, exchange) == answer
        for length in (5, 300_000):
            request = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % length + b"x" * length
            with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
                client.sendall(request + request + request[:-1])
                received = b""
                while len(received) < 2 * len(answer):
                    received += client.recv(65536)
                client.settimeout(0.2)
                with pytest.raises(TimeoutError):
                    client.recv(1)
                client.settimeout(30)
                client.sendall(request[-1:])
                while len(received) < 3 * len(answer):
                    received += client.recv(65536)
            assert received == 3 * answer
        assert bare.tree.cpu_seconds() < 1


def test_the_aims_compare_with_the_best_rival(serving: Any) -> None:
    rivals = [sample(serving, "slow", rate=100.0, p99=0.03), sample(serving, "slower", rate=50.0, p99=0.02)]
    good = figures(serving, *rivals, sample(serving, "modelberth", rate=800.0, p99=0.02))
    assert verdicts(serving, good) == {
        "requests/s over the best rival's (Slow 1.0)": True,
        "p99 of one row": True,
        "share of the in-process limit, trees-1": True,
        "resident memory": True,
    }
    bad = figures(
        serving, *rivals, sample(serving, "modelberth", rate=799.0, p99=0.021, cpu=161e-6, resident=111 << 20)
    )
    assert set(verdicts(serving, bad).values()) == {False}


def test_the_start_is_compared_with_the_fastest_rival(serving: Any) -> None:
    start = serving("running_server").Start

    def judged(seconds: float, first: float) -> list[bool]:
        starts = {
            "modelberth": [start(seconds, first, 0.001)],
            "slow": [start(1.0, 0.1, 0.1)],
            "slower": [start(3.0, 0.1, 0.1)],
        }
        return list(verdicts(serving, figures(serving, starts=starts)).values())

    assert judged(0.5, 0.002) == [True, True, True]
    assert judged(0.51, 0.0021) == [False, False, False]


def test_nothing_measured_is_no_aim_met(serving: Any) -> None:
    assert serving("aims").judge(figures(serving), ["slow"]) == []


def test_figures_are_the_same_after_json(serving: Any) -> None:
    measured = figures(
        serving,
        sample(serving, "modelberth"),
        starts={"slow": [serving("running_server").Start(1.0, 0.2, 0.1)]},
        curves={"modelberth": [offered(serving, 100.0)]},
        failures=["slow, round 1: gone"],
    )
    written = json.loads(json.dumps(measured.as_json()))
    assert serving("measurements").Figures.from_json(written) == measured


def test_the_table_names_every_contender_aim_and_failure(serving: Any) -> None:
    measured = figures(
        serving,
        sample(serving, "modelberth", rate=1234.0),
        sample(serving, "modelberth", rate=2234.0, round=1),
        sample(serving, "slow"),
        failures=["slower, round 1: it ended"],
    )
    aims = serving("aims").judge(measured, ["slow", "slower"])
    table = serving("tables").as_markdown(measured, aims, {"Triton": "a container image"})
    assert "| **Modelberth** | JSON | 1,734 (1,234 to 2,234) | 10.0 | 20.0 | 100 | 0.400 |" in table
    assert "| Slow 1.0 | JSON | 100 | 10.0 | 20.0 | 100 | 0.400 |" in table
    assert "- resident memory: 50 MiB, aim at most 110 MiB: met" in table
    assert "- Triton: a container image" in table
    assert "- slower, round 1: it ended" in table
    assert "Image of" not in table, "a workload that was not run has no table"


def offered(serving: Any, rate: float, p99: float = 0.004) -> Any:
    return serving("open_loop").Offered(rate, rate * 0.9, 0.001, p99, 0)


def test_an_open_loop_charges_what_was_due_and_never_answered(serving: Any) -> None:
    due = [0.0, 0.5, 1.0, 1.5]
    seen = serving("open_loop").Offered.of(2.0, 2.0, due, [0.1, 0.7, 2.5, math.nan])
    assert seen.answered == 1, "two in two seconds; the third came after the end"
    assert seen.p50 == pytest.approx(0.2)
    assert seen.p99 == pytest.approx(5.5), "two seconds, five of patience, less the moment it was due"
    assert seen.lost == 1


@pytest.mark.parametrize(
    ("data", "complete"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length:2\r\nx: 1\r\n\r\n{}", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{", False),
        (b"HTTP/1.1 200 OK\r\nContent-Le", False),
    ],
)
def test_a_response_is_complete_with_its_last_byte(serving: Any, data: bytes, complete: bool) -> None:
    assert serving("open_loop")._is_complete(data) is complete


@pytest.mark.parametrize(
    "data", [b"", b"HTTP/1.1 429 Too Many\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"]
)
def test_another_response_is_an_error(serving: Any, data: bytes) -> None:
    with pytest.raises(serving("timing").BenchmarkError):
        serving("open_loop")._is_complete(data)


def test_the_plot_has_a_line_for_each_label_in_both_plots(serving: Any) -> None:
    curves = {
        "batched <default>": [offered(serving, rate) for rate in (10.0, 100.0, 1000.0)],
        "alone": [offered(serving, rate, 0.1 * rate) for rate in (10.0, 100.0, 1000.0)],
    }
    drawing = ET.fromstring(serving("curve").as_svg(curves, "One & all"))
    space = "{http://www.w3.org/2000/svg}"
    lines = drawing.findall(f".//{space}polyline")
    assert len(lines) == 4
    for line in lines:
        places = [tuple(map(float, place.split(","))) for place in line.attrib["points"].split()]
        assert len(places) == 3
        assert places == sorted(places), "the load grows to the right"
        assert all(0 <= x <= 420 and 0 <= y <= 300 for x, y in places)
    texts = {text.text for text in drawing.iter(f"{space}text")}
    assert {"One & all", "batched <default>", "alone", "p99, ms", "answered a second"} <= texts


@pytest.mark.parametrize(
    "contract", ["plain", "by-name", "instances", "open-inference", "open-inference-binary"]
)
def test_a_wrong_answer_is_told_from_a_right_one(serving: Any, contract: str, tmp_path: Path) -> None:
    """The answers are made here as each contract has them."""
    model = serving("onnx_models").ServedModel.make("logistic", tmp_path)
    rows = model.rows(3)
    expected = model.expected(rows)
    exchange = serving("wire").CONTRACTS[contract].exchange(model, rows)

    def judged(labels: Any) -> None:
        given = {**expected, "label": labels}
        serving("wire").check(exchange.read(*answer(contract, given)), expected)

    judged(expected["label"])
    for wrong in (expected["label"] + 1, expected["label"][:2]):
        with pytest.raises(serving("timing").BenchmarkError, match="output label is"):
            judged(wrong)


def answer(contract: str, given: dict[str, Any]) -> tuple[dict[str, str], bytes]:
    lists = {name: array.tolist() for name, array in given.items()}
    if contract == "plain":
        return {}, json.dumps({"predictions": lists.pop("label"), "outputs": lists}).encode()
    if not contract.startswith("open-inference"):
        return {}, json.dumps({"outputs": lists}).encode()
    types = {np.dtype(np.int64): "INT64", np.dtype(np.float32): "FP32"}
    outputs: list[dict[str, Any]] = [
        {"name": name, "shape": array.shape, "datatype": types[array.dtype]} for name, array in given.items()
    ]
    if contract == "open-inference":
        full = [
            {**output, "data": array.ravel().tolist()}
            for output, array in zip(outputs, given.values(), strict=True)
        ]
        return {}, json.dumps({"outputs": full}).encode()
    for output, array in zip(outputs, given.values(), strict=True):
        output["parameters"] = {"binary_data_size": array.nbytes}
    header = json.dumps({"outputs": outputs}).encode()
    body = header + b"".join(array.tobytes() for array in given.values())
    return {"inference-header-content-length": str(len(header))}, body


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_tree_holds_what_left_its_parent(serving: Any) -> None:
    tree = serving("process_tree").ProcessTree.new()
    # The child outlives its parent and is in a session of its own.
    program = "import subprocess, sys; subprocess.Popen(['sleep', '60'], start_new_session=True)"
    subprocess.run([sys.executable, "-c", program], env={**os.environ, **tree.environment}, check=True)
    (orphan,) = tree.processes()
    assert Path(f"/proc/{orphan}/comm").read_text() == "sleep\n"
    assert tree.resident_bytes() > 0
    tree.stop()
    assert tree.processes() == []


def test_processor_time_is_read_behind_any_name(serving: Any) -> None:
    stat = b"7 (a) b (c)) S 1 7 7 0 -1 4194304 100 0 0 0 11 22 33 44 20 0 1 0 5 6 7"
    assert serving("process_tree")._cpu_ticks(stat) == 11 + 22 + 33 + 44


def test_every_rival_is_locked_at_one_version(serving: Any) -> None:
    contenders = serving("contenders")
    ours = (BENCHMARKS.parent / "requirements" / "all.lock").read_text()
    runtime = re.search(r"^(onnxruntime==\S+)", ours, re.MULTILINE)
    assert runtime
    for rival in contenders.RIVALS:
        assert rival.version, rival.name
        locked = serving("rival_environments").lock_of(rival.name).read_text().splitlines()
        assert all(line.count("==") == 1 for line in locked), rival.name
        assert runtime[1] in locked, "every server computes with the same runtime"
    assert len(contenders.RIVALS) == 6
