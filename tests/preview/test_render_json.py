import json
from copy import deepcopy
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from modelberth.preview.assemble import assemble
from modelberth.preview.cost import Prices
from modelberth.preview.events import read_plan
from modelberth.preview.plan import Marker, Op
from modelberth.preview.render import schema, to_dict
from modelberth.preview.report import VERSION, Report
from support.hostile import HOSTILE, hostile
from support.reports import dangerous, failed, hundred, in_place, plan, readable, step

RECORDED = Path(__file__).with_name("recorded") / "replacements.jsonl"
PUBLISHED = json.loads((Path(__file__).parents[2] / "docs/reference/report.schema.json").read_text())


def closed(part: Any) -> Any:
    """The schema without room for fields that it does not name."""
    if isinstance(part, list):
        return [closed(item) for item in part]
    if not isinstance(part, dict):
        return part
    inner = {key: closed(item) for key, item in part.items()}
    return {**inner, "additionalProperties": False} if "properties" in inner else inner


CLOSED = jsonschema.Draft202012Validator(closed(PUBLISHED))


def through_json(report: Report) -> Any:
    return json.loads(json.dumps(to_dict(report), allow_nan=False))


@pytest.mark.parametrize(
    "report",
    [*(report for _, report in readable()), hundred(), *map(hostile, HOSTILE)],
)
def test_every_report_is_as_the_schema_says(report: Report) -> None:
    CLOSED.validate(through_json(report))
    CLOSED.validate(to_dict(report))


def test_a_run_of_the_engine_is_as_the_schema_says_and_keeps_its_secrets() -> None:
    with RECORDED.open() as lines:
        read = read_plan(lines, project="shop", stack="dev")
    report = assemble(read, Prices.load(), offline=True, today=date(2026, 11, 21), before="the state")
    form = through_json(report)
    CLOSED.validate(form)
    assert form["outcome"] in {"changes", "dangerous"}
    assert len(form["steps"]) == len(read.steps) > 5
    assert {"modelberth:marker": "secret"} in [
        one["before"] for made in form["steps"] for one in made["differences"]
    ]


def test_the_schema_is_one_and_sees_what_is_wrong() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    good = through_json(dangerous())
    breaks = [
        lambda form: form.pop("outcome"),
        lambda form: form.update(version=VERSION + 1),
        lambda form: form.update(extra=1),
        lambda form: form["endpoints"][0].update(severity=2),
        lambda form: form["endpoints"][0]["effects"][0].update(kind="moved"),
        lambda form: form["endpoints"][0]["cost"]["after"]["least"].update(usd="1"),
        lambda form: form["steps"][0].update(op="import"),
    ]
    for harm in breaks:
        form = deepcopy(good)
        harm(form)
        with pytest.raises(jsonschema.ValidationError):
            CLOSED.validate(form)
    assert len(breaks) == 7


def test_a_field_of_a_later_version_passes_the_published_schema() -> None:
    form = through_json(dangerous())
    form["later"] = form["endpoints"][0]["later"] = 1
    jsonschema.Draft202012Validator(PUBLISHED).validate(form)


def test_what_cannot_be_given_is_marked() -> None:
    before = {"a": Marker.SECRET, "b": 1, "c": [Marker.SECRET, "x"], "d": float("nan"), "apiToken": "hunter2"}
    after = {
        "a": Marker.UNKNOWN,
        "b": Marker.ABSENT,
        "c": [Marker.SECRET, "y"],
        "d": 1,
        "apiToken": "hunter3",
    }
    changed = step("aws:s3/bucket:Bucket", "x", Op.UPDATE, before, after)
    form = through_json(Report(plan=plan(changed), endpoints=(), offline=True))
    found = {one["path"]: (one["before"], one["after"]) for one in form["steps"][1]["differences"]}
    mark = "modelberth:marker"
    assert found == {
        "a": ({mark: "secret"}, {mark: "unknown"}),
        "b": (1, {mark: "absent"}),
        "c[1]": ("x", "y"),
        "d": ("nan", 1),
        "apiToken": ({mark: "secret"}, {mark: "secret"}),
    }


def test_the_outputs_of_the_stack_are_told() -> None:
    outputs = {
        "outputs_before": {"url": "http://a", "key": Marker.SECRET},
        "outputs_after": {"url": "http://b"},
    }
    form = through_json(Report(plan=plan(stack_step=outputs), endpoints=(), offline=True))
    assert form["outcome"] == "changes"
    assert form["outputs"] == [
        {"path": "url", "before": "http://a", "after": "http://b", "replaces": False},
        {
            "path": "key",
            "before": {"modelberth:marker": "secret"},
            "after": {"modelberth:marker": "absent"},
            "replaces": False,
        },
    ]


def test_sums_are_rounded_and_told_with_what_they_leave_out() -> None:
    form = through_json(dangerous())
    assert form["cost"] == {
        "before_usd": 1755.1,
        "after_usd": 1837.204,
        "unpriced": 1,
        "unpriced_before": 0,
        "comparable": True,
    }
    assert [endpoint["name"] for endpoint in form["endpoints"]] == ["churn", "iris", "ranker", ""]
    assert form["endpoints"][0]["effects"][1]["downtime_seconds"] == [240, 540]
    assert through_json(replace(dangerous(), endpoints=()))["cost"] is None


def test_errors_are_told_apart() -> None:
    form = through_json(failed())
    assert form["outcome"] == "failed"
    assert [(error["property"], error["where"], bool(error["detail"])) for error in form["errors"]] == [
        ("memorySize", "", False),
        ("role", "", False),
        ("", "compose.py:21", True),
        ("", "", False),
    ]


def test_no_secret_is_in_it() -> None:
    for report in (in_place(), failed()):
        assert "hunter" not in json.dumps(to_dict(report))
