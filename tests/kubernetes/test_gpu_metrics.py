"""The DCGM exporter's metrics as a table; what the queries answer is asked of Prometheus in tests/cluster."""

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import get_args

import pytest

from modelberth.kubernetes.monitoring import gpu_metrics
from modelberth.kubernetes.monitoring.gpu_metrics import TABLE, GpuMetric, gpu_labels, of_gpus

METRICS: tuple[GpuMetric, ...] = get_args(GpuMetric)


@pytest.mark.parametrize("metric", METRICS)
def test_every_release_of_the_exporter_has_one_name_for_a_metric(metric: GpuMetric) -> None:
    older, newer = gpu_metrics.gpu_metrics()[metric]
    assert (older.since, older.until) == (None, "4.8.4")
    assert (newer.since, newer.until) == ("4.9.0", None)
    assert older.name != newer.name
    for one in (older, newer):
        assert re.fullmatch("DCGM_FI_DEV_[A-Z_]+", one.name)
        assert one.source.startswith("https://")


def test_the_table_has_its_day_and_nothing_that_nobody_asks_for() -> None:
    data = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    assert isinstance(data["captured"], date)
    assert set(data["metrics"]) == set(METRICS)
    assert gpu_labels() == ("Hostname", "hostname")


def test_the_values_come_in_one_unit() -> None:
    share, percent = (of_gpus("busy", "modelberth", "iris-.*", times=times) for times in (1, 100))
    # Old first, each as Prometheus renames its labels and as it keeps them.
    assert [one.rpartition("}")[2] for one in share.split(" or ")] == [" * 0.01", " * 0.01", "", ""]
    assert [one.rpartition("}")[2] for one in percent.split(" or ")] == ["", "", " * 100", " * 100"]
    assert share.startswith('DCGM_FI_DEV_GPU_UTIL{exported_namespace="modelberth",exported_pod=~"iris-.*"}')
    assert ' or DCGM_FI_DEV_GPU_UTIL{namespace="modelberth",pod=~"iris-.*"}' in share


def test_a_source_that_is_not_listed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = tmp_path / "gpu_metrics.toml"
    text = TABLE.read_text(encoding="utf-8")
    wrong.write_text(text.replace('source = "release-49"', 'source = "hearsay"'), encoding="utf-8")
    monkeypatch.setattr(gpu_metrics, "TABLE", wrong)
    gpu_metrics._data.cache_clear()
    try:
        with pytest.raises(ValueError, match=r"sources not listed, or not used: hearsay, release-49"):
            gpu_labels.__wrapped__()
    finally:
        gpu_metrics._data.cache_clear()
