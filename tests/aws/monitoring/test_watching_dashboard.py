"""The dashboard as CloudWatch reads it."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from modelberth.aws.monitoring.dashboard import dashboard
from support.aws_watched import KINDS, LOG_GROUP, PROMISED, WHERE, watched

GOLDEN = Path(__file__).with_name("golden") / "dashboard.json"
AGAIN = "write it again: REGENERATE=1 pytest tests/aws/monitoring/test_watching_dashboard.py"
ENDPOINTS = {
    **{f"{kind}, promised": watched(kind, **PROMISED) for kind in KINDS},
    **{kind: watched(kind) for kind in KINDS},
}


def widgets(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(dashboard(ENDPOINTS[name]))["widgets"]
    return found


def test_the_dashboard_is_as_the_golden_file_says() -> None:
    body = json.loads(dashboard(ENDPOINTS["lambda-http-api, promised"]))
    text = json.dumps(body, indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("REGENERATE"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8"), AGAIN


@pytest.mark.parametrize("name", ENDPOINTS)
def test_it_has_the_eight_panels_of_a_cluster_and_they_do_not_overlap(name: str) -> None:
    found = widgets(name)
    assert [one["properties"]["title"] for one in found] == [
        *("Traffic", "Errors", "Latency", "Saturation"),
        *("Queue and batch", "Replicas", "Model versions", "Memory"),
    ]
    assert {(one["x"], one["y"]) for one in found} == {(x, y) for x in (0, 6, 12, 18) for y in (0, 6)}
    assert {(one["width"], one["height"]) for one in found} == {(6, 6)}
    assert {one["properties"]["region"] for one in found} == {"eu-central-1"}
    for one in found[:7]:
        assert one["type"] == "metric"
        assert any("visible" not in line[-1] for line in one["properties"]["metrics"]), one["properties"][
            "title"
        ]
    assert found[7]["type"] == "log"
    assert found[7]["properties"]["query"].startswith(f"SOURCE '{LOG_GROUP}' | fields ")


@pytest.mark.parametrize("name", ENDPOINTS)
def test_each_expression_uses_ids_of_its_own_panel(name: str) -> None:
    seen = 0
    for one in widgets(name)[:7]:
        lines = one["properties"]["metrics"]
        identities = [line[-1]["id"] for line in lines]
        assert len(set(identities)) == len(identities)
        for line in lines:
            expression = line[-1].get("expression")
            if expression is not None and not expression.startswith("SEARCH("):
                names = set(re.findall(r"(?<![A-Za-z_0-9.])[a-z][A-Za-z0-9_]*", expression))
                assert names <= set(identities), expression
                seen += 1
    assert seen >= 5


@pytest.mark.parametrize("name", ENDPOINTS)
def test_every_line_is_of_this_endpoint_alone(name: str) -> None:
    metrics = [
        line for one in widgets(name)[:7] for line in one["properties"]["metrics"] if isinstance(line[0], str)
    ]
    assert len(metrics) >= 12
    for line in metrics:
        named = dict(zip(line[2:-1:2], line[3:-1:2], strict=True))
        assert named, line
        assert set(named.values()) <= set(WHERE.values())


def test_versions_are_searched_for_by_the_dimension_that_tells_them_apart() -> None:
    search = widgets("lambda")[6]["properties"]["metrics"][0][0]["expression"]
    assert search == (
        'SEARCH(\'{AWS/Lambda,FunctionName,Resource,ExecutedVersion} MetricName="Invocations" '
        'FunctionName="shop-prod-iris" Resource="shop-prod-iris:live"\', \'Sum\', 60)'
    )


def test_promises_and_bounds_are_drawn() -> None:
    marks = {
        one["properties"]["title"]: one["properties"]["annotations"]["horizontal"]
        for one in widgets("lambda, promised")
        if "annotations" in one["properties"]
    }
    assert marks == {
        "Errors": [{"label": "promised at most", "value": 0.5}],
        "Latency": [{"label": "promised p99", "value": 300}],
        "Replicas": [{"label": "most", "value": 10}],
    }
    assert {
        one["properties"]["title"] for one in widgets("lambda") if "annotations" in one["properties"]
    } == {"Replicas"}
