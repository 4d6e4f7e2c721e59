"""The dashboard as Grafana reads it."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from modelberth.kubernetes.monitoring.dashboard import dashboard, panels
from modelberth.kubernetes.plan import Plan
from support.endpoint_plans import plan
from support.watched_plans import PLANS

GOLDEN = Path(__file__).with_name("golden") / "dashboard.json"
AGAIN = "write it again: REGENERATE=1 pytest tests/kubernetes/test_dashboard.py"
LAST = {"vllm": "GPU", "triton": "GPU", "tensorflow-serving": "Memory"}


def model(made: Plan) -> dict[str, Any]:
    (config,) = dashboard(made).values()
    (text,) = config["data"].values()
    found: dict[str, Any] = json.loads(text)
    return found


def test_the_dashboard_is_as_the_golden_file_says() -> None:
    text = json.dumps(model(PLANS["all"]), indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("REGENERATE"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8"), AGAIN


@pytest.mark.parametrize("name", PLANS)
def test_it_has_eight_panels_that_do_not_overlap(name: str) -> None:
    found = model(PLANS[name])["panels"]
    titles = [panel["title"] for panel in found]
    assert titles == [
        *("Traffic", "Errors", "Latency", "Saturation"),
        *("Queue and batch", "Replicas", "Model versions", LAST.get(name, "Drift")),
    ]
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in found}
    assert places == {(x, y) for x in (0, 6, 12, 18) for y in (0, 8)}
    assert [panel["id"] for panel in found] == list(range(1, 9))
    for panel in found:
        assert panel["targets"], panel["title"]
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])


@pytest.mark.parametrize("name", PLANS)
def test_every_query_is_of_this_endpoint_alone(name: str) -> None:
    made = PLANS[name]
    queries = [query.expression for panel in panels(made) for query in panel.queries]
    asked = [query for query in queries if not query.startswith("vector(")]
    assert all(f'namespace="{made.namespace}"' in query and made.name in query for query in asked)
    assert len(asked) >= 10


def test_grafana_finds_it_by_its_label_and_knows_it_again() -> None:
    (config,) = dashboard(plan()).values()
    assert config["metadata"]["labels"]["grafana_dashboard"] == "1"
    uids = {model(made)["uid"] for made in (plan(), plan(name="rose"), plan(target={"namespace": "other"}))}
    assert len(uids) == 3
    assert all(len(uid) <= 40 for uid in uids)
    assert dashboard(plan()) == dashboard(plan())


def test_none_is_made_where_none_is_wanted_or_nothing_is_measured() -> None:
    assert dashboard(plan(target={"prometheus": {"grafana": False}})) == {}
    assert dashboard(plan(monitoring={"metrics": False})) == {}


def test_what_was_promised_is_drawn_beside_what_is_kept() -> None:
    legends = {query.legend: query.expression for panel in panels(PLANS["all"]) for query in panel.queries}
    assert legends["promised at most"] == "vector(0.005)"
    assert legends["promised p99"] == "vector(0.08)"
    assert "promised p99" not in {query.legend for panel in panels(plan()) for query in panel.queries}
