"""The dashboard as Cloud Monitoring reads it."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from modelberth.gcp.monitoring.dashboard import dashboard
from support.gcp_watched import ENDPOINTS, NEW, WHERE

GOLDEN = Path(__file__).with_name("golden") / "dashboards.json"
AGAIN = "write it again: REGENERATE=1 pytest tests/gcp/monitoring/test_watching_dashboard.py"


def tiles(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(dashboard(ENDPOINTS[name]))["mosaicLayout"]["tiles"]
    return found


def queries(tile: dict[str, Any]) -> list[str]:
    return [one["timeSeriesQuery"]["prometheusQuery"] for one in tile["widget"]["xyChart"]["dataSets"]]


def test_the_dashboards_are_as_the_golden_file_says() -> None:
    made = {name: json.loads(dashboard(ENDPOINTS[name])) for name in ("run, promised", "vertex, gpu")}
    text = json.dumps(made, indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("REGENERATE"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8"), AGAIN


@pytest.mark.parametrize("name", ENDPOINTS)
def test_it_has_the_eight_panels_of_a_cluster_and_they_do_not_overlap(name: str) -> None:
    found = tiles(name)
    assert [one["widget"]["title"] for one in found] == [
        *("Traffic", "Errors", "Latency", "Saturation"),
        *("Queue and batch", "Replicas", "Model versions", "Memory"),
    ]
    places = {(one.get("xPos", 0), one.get("yPos", 0)) for one in found}
    assert places == {(x, y) for x in (0, 12, 24, 36) for y in (0, 16)}
    assert {(one["width"], one["height"]) for one in found} == {(12, 16)}
    assert all(queries(one) for one in found)


@pytest.mark.parametrize("name", ENDPOINTS)
def test_every_line_is_of_this_endpoint_alone(name: str) -> None:
    kind = "cloud_run" if name.startswith("run") else "vertex"
    selectors = [
        one for tile in tiles(name) for query in queries(tile) for one in re.findall(r"(?<!\$)\{.*?\}", query)
    ]
    assert len(selectors) >= 16
    for one in selectors:
        assert all(f'="{value}"' in one for value in WHERE[kind].values())
        assert NEW[kind] not in one


def test_promises_and_bounds_are_drawn() -> None:
    marks = {
        tile["widget"]["title"]: tile["widget"]["xyChart"].get("thresholds")
        for tile in tiles("run, promised")
    }
    assert {title: found for title, found in marks.items() if found} == {
        "Errors": [{"label": "promised at most", "value": 0.5}],
        "Latency": [{"label": "promised p99", "value": 300}],
        "Replicas": [{"label": "most", "value": 10}],
    }


def test_gpus_are_shown_where_there_are_any() -> None:
    for name in ENDPOINTS:
        shown = [
            query for tile in tiles(name) for query in queries(tile) if re.search("gpu|accelerator", query)
        ]
        assert bool(shown) == (name == "vertex, gpu")


def empty(value: Any, path: str = "") -> list[str]:
    """Paths of what is empty or 0 in a document."""
    if not value:
        return [path]
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, one in inside for found in empty(one, f"{path}.{key}")]


@pytest.mark.parametrize("name", ENDPOINTS)
def test_it_has_nothing_that_google_would_leave_out_of_its_answer(name: str) -> None:
    """What is not in the answer shows as a change in each preview."""
    assert empty(json.loads(dashboard(ENDPOINTS[name]))) == []
    assert empty({"a": [{"b": 0}, {"c": ""}]}) == [".a.0.b", ".a.1.c"]
