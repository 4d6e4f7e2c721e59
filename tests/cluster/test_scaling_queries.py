"""What KEDA asks Prometheus, answered by Prometheus itself from series that are given."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from modelberth.kubernetes.autoscaling.metrics import in_use, query
from modelberth.spec.runtime import Engine
from modelberth.spec.scaling import ScaleMetric
from support.gpu_plans import scaled

OF = 'namespace="modelberth",app_kubernetes_io_instance="shop-onprem-iris",modelberth_revision="{}",pod="{}"'
MAIN = "main"


def of(pod: str, revision: str = MAIN, more: str = "") -> str:
    return OF.format(revision, pod) + (f",{more}" if more else "")


def predictions(pod: str, route: str = "/predict") -> str:
    return of(pod, more=f'route="{route}",code="200"')


def gpu(pod: str, number: int, *, is_honoured: bool) -> str:
    """Labels of the DCGM exporter; Prometheus renames those that it has itself, unless it is told not to."""
    if is_honoured:
        return f'namespace="modelberth",pod="{pod}",gpu="{number}"'
    return f'namespace="gpus",pod="dcgm",exported_namespace="modelberth",exported_pod="{pod}",gpu="{number}"'


@dataclass(frozen=True)
class Case:
    """An expression, the series that there are, and its value; None: it has none."""

    name: str
    expression: str
    value: float | None
    series: dict[str, str] = field(default_factory=dict)
    at: str = "10m"


def asked(metric: ScaleMetric, engine: Engine = "onnxruntime", gpus: int = 2) -> str:
    more = {"resources": {"gpu": {"kind": "h100", "count": gpus}}} if metric == "gpu" else {}
    made = scaled(metric, "keda", engine, **more)
    return query(made, made.main)


def loads() -> Iterator[Case]:
    yield Case(
        "the sum of the replicas, without another revision",
        asked("concurrency"),
        7,
        {
            f"modelberth_in_flight{{{of('a')}}}": "3x40",
            f"modelberth_in_flight{{{of('b')}}}": "4x40",
            f"modelberth_in_flight{{{of('c', 'other')}}}": "50x40",
        },
    )
    vllm = {
        f"vllm:num_requests_running{{{of('a')}}}": "3x40",
        f"vllm:num_requests_waiting{{{of('a')}}}": "9x40",
    }
    yield Case("what runs and what waits", asked("concurrency", "vllm"), 12, vllm)
    yield Case("what waits", asked("queue_depth", "vllm"), 9, vllm)
    yield Case("nothing to scrape is no zero", asked("concurrency"), None)


def rates() -> Iterator[Case]:
    listening = {f"modelberth_connections{{{of('a')}}}": "1x40"}
    yield Case(
        "predictions, without probes",
        asked("requests_per_second"),
        3,
        {
            f"modelberth_requests_total{{{predictions('a')}}}": "0+60x40",
            f"modelberth_requests_total{{{predictions('b')}}}": "0+30x40",
            f"modelberth_requests_total{{{predictions('b', '/health/live')}}}": "0+300x40",
            **listening,
        },
    )
    yield Case("a server that nobody has called", asked("requests_per_second"), 0, listening)
    yield Case("no server", asked("requests_per_second"), None)


def uses() -> Iterator[Case]:
    made = scaled(scaler="keda")
    # Made at 5 minutes: one request, long over at most scrapes.
    once = {f"modelberth_requests_total{{{predictions('a')}}}": "0x10 1x40"}
    yield Case("a request two minutes ago", in_use(made, made.main), 1, once, at="6m")
    yield Case("no request since", in_use(made, made.main), 0, once, at="15m")
    yield Case("no replica", in_use(made, made.main), None)


def gpu_uses() -> Iterator[Case]:
    pod, other = "shop-onprem-iris-5d4f-abcde", "shop-onprem-iris-5d4f-fghij"
    yield Case(
        "the means of two replicas with two GPUs, without another revision",
        asked("gpu"),
        80,
        {
            f"DCGM_FI_DEV_GPU_UTIL{{{gpu(pod, 0, is_honoured=False)}}}": "80x40",
            f"DCGM_FI_DEV_GPU_UTIL{{{gpu(pod, 1, is_honoured=False)}}}": "40x40",
            f"DCGM_FI_DEV_GPU_UTIL{{{gpu(other, 2, is_honoured=False)}}}": "20x40",
            f"DCGM_FI_DEV_GPU_UTIL{{{gpu(other, 3, is_honoured=False)}}}": "20x40",
            f"DCGM_FI_DEV_GPU_UTIL{{{gpu('shop-onprem-iris--b-5d4f-klmno', 4, is_honoured=False)}}}": "99x40",
        },
    )
    yield Case(
        "a share, as newer exporters tell it",
        asked("gpu", gpus=1),
        60,
        {f"DCGM_FI_DEV_GPU_UTIL_RATIO{{{gpu(pod, 0, is_honoured=True)}}}": "0.6x40"},
    )


CASES = [*loads(), *rates(), *uses(), *gpu_uses()]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_prometheus_answers_with_what_replicas_should_follow(case: Case, tmp_path: Path) -> None:
    samples = [] if case.value is None else [{"labels": "{}", "value": case.value}]
    test = {
        "interval": "30s",
        "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
        "promql_expr_test": [{"expr": case.expression, "eval_time": case.at, "exp_samples": samples}],
    }
    file = tmp_path / "case.json"
    file.write_text(json.dumps({"rule_files": [], "tests": [test]}), encoding="utf-8")
    done = subprocess.run(
        ["promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # A test that could not fail would be of no use: with another value it does.
    test["promql_expr_test"][0]["exp_samples"] = [{"labels": "{}", "value": 12345}]  # type: ignore[index]
    file.write_text(json.dumps({"rule_files": [], "tests": [test]}), encoding="utf-8")
    assert subprocess.run(
        ["promtool", "test", "rules", str(file)], capture_output=True, check=False
    ).returncode
