"""What one property that changes does to calls: every row of the table, in its direction only."""

from pathlib import Path
from typing import Any

import pytest

from modelberth.kubernetes.crds import kinds
from modelberth.preview.effects import Kind, Severity, explain, settings
from modelberth.preview.effects.directions import DIRECTIONS, magnitude
from modelberth.preview.effects.effect import Calls
from modelberth.preview.effects.settings import Row, calls_after, rows, tell
from modelberth.preview.plan import Marker
from modelberth.preview.standins.sdk import types
from support.effect_cases.settings import changed
from support.plans import plan, step
from support.standin_tables import has_path

RUN, FUNCTION = "gcp:cloudrunv2/service:Service", "aws:lambda/function:Function"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
CUSTOM = tuple({f"kubernetes:{kind.api_version}:" for kind in kinds().values()} | {"kubernetes:keda.sh/"})
TELLS = [row for row in rows() if row.says]
SAFE = [row for row in rows() if row.why and "*" not in "".join(row.types + row.paths)]


def test_the_table_is_read() -> None:
    assert len(TELLS) > 35
    assert len(SAFE) > 20
    assert {row.when for row in rows()} <= set(DIRECTIONS)


def test_every_property_of_the_table_is_one_of_the_sdk() -> None:
    checked, unknown = 0, []
    for row in rows():
        for token, path, _, _ in changed(row):
            if "*" in token or token.startswith(("modelberth:", *CUSTOM)):
                continue
            if (
                "limits." in path
                or "[" in path.replace("[]", "")
                or "requests." in path
                or "annotations" in path
                or token.startswith("aws-native:")
            ):
                continue
            checked += 1
            if types.find(token) is None or not has_path(token, path):
                unknown.append((token, path))
    assert checked > 100
    assert not unknown


@pytest.mark.parametrize("row", TELLS, ids=lambda row: f"{row.types[0]} {row.paths[0]} {row.when}")
def test_a_row_tells_its_sentence_in_its_direction_only(row: Row) -> None:
    told = 0
    for token, path, before, after in changed(row):
        said = row.says.format(name="`scoring`")
        there = [e for e in tell(step(token, before, after), plan()) if e.sentence.startswith(said)]
        assert len(there) == 1, (token, path)
        assert (there[0].kind, there[0].severity, there[0].calls) == (row.kind, row.severity, row.calls)
        back = [e for e in tell(step(token, after, before), plan()) if e.sentence.startswith(said)]
        assert bool(back) is (row.when == "any"), (token, path)
        told += 1
    assert told


@pytest.mark.parametrize("row", SAFE, ids=lambda row: f"{row.types[0]} {row.paths[0]} {row.when}")
def test_a_safe_change_is_safe_in_its_direction_only(row: Row) -> None:
    checked = 0
    for token, path, before, after in changed(row):
        there, back = step(token, before, after), step(token, after, before)
        assert calls_after(there, there.differences) is Calls.SAFE, (token, path)
        wanted = Calls.SAFE if row.when == "any" else Calls.UNKNOWN
        assert calls_after(back, back.differences) is wanted, (token, path)
        checked += 1
    assert checked


def calls_of(token: str, before: Any, after: Any, **more: Any) -> set[Calls]:
    changed_step = step(token, before, after, **more)
    return {effect.calls for effect in explain(plan(changed_step), None, [changed_step])}


@pytest.mark.parametrize(
    ("token", "before", "after", "wanted"),
    [
        (RUN, {"labels": {"a": "1"}}, {"labels": {"a": "2"}}, {Calls.SAFE}),
        (RUN, {}, {"labels": {"a": "2"}}, {Calls.SAFE}),
        (RUN, {"customAudiences": []}, {"customAudiences": ["a"]}, {Calls.UNKNOWN}),
        (RUN, {"labels": {"a": "1"}, "x": 1}, {"labels": {"a": "2"}, "x": 2}, {Calls.UNKNOWN}),
        ("made:up:Thing", {"tags": {"a": "1"}}, {"tags": {"a": "2"}}, {Calls.UNKNOWN}),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", {"threshold": 1}, {"threshold": 2}, {Calls.SAFE}),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", {"threshold": 1}, None, {Calls.SAFE}),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", None, {"threshold": 1}, {Calls.SAFE}),
        ("aws:ecr/repository:Repository", None, {}, {Calls.SAFE}),
        ("kubernetes:networking.k8s.io/v1:NetworkPolicy", None, {"spec": {}}, {Calls.UNKNOWN}),
        ("aws:iam/rolePolicy:RolePolicy", {"role": "a"}, None, {Calls.UNKNOWN}),
        (FUNCTION, {"memorySize": 512}, {"memorySize": 1024}, {Calls.SAFE}),
        (
            FUNCTION,
            {"environment": {"variables": {}}},
            {"environment": {"variables": {"A": "1"}}},
            {Calls.UNKNOWN},
        ),
        (FUNCTION, {"memorySize": 512}, {"memorySize": Marker.UNKNOWN}, {Calls.UNKNOWN}),
    ],
)
def test_calls_are_safe_only_where_a_row_knows_it(
    token: str, before: Any, after: Any, wanted: set[Calls]
) -> None:
    assert calls_of(token, before, after) == wanted


def test_the_first_row_of_a_property_is_the_one_that_tells() -> None:
    off = step(FUNCTION, {"reservedConcurrentExecutions": 5}, {"reservedConcurrentExecutions": 0})
    (effect,) = tell(off, plan())
    assert (effect.kind, effect.severity) == (Kind.REMOVED, Severity.DANGER)


@pytest.mark.parametrize(
    ("token", "path", "before", "after", "told"),
    [
        ("aws:cloudwatch/logGroup:LogGroup", "retentionInDays", None, 7, True),
        ("aws:cloudwatch/logGroup:LogGroup", "retentionInDays", 0, 7, True),
        ("aws:cloudwatch/logGroup:LogGroup", "retentionInDays", 7, 0, False),
        ("aws:cloudwatch/logGroup:LogGroup", "retentionInDays", 7, None, False),
        (FUNCTION, "reservedConcurrentExecutions", None, 5, True),
        (FUNCTION, "reservedConcurrentExecutions", 5, -1, False),
        (FUNCTION, "timeout", None, 2, True),
        (FUNCTION, "timeout", None, 4, False),
    ],
)
def test_what_is_not_given_has_the_value_that_the_service_takes(
    token: str, path: str, before: Any, after: Any, told: bool
) -> None:
    sides = ({} if side is None else {path: side} for side in (before, after))
    assert bool([*tell(step(token, *sides), plan())]) is told


@pytest.mark.parametrize(
    ("given", "number"),
    [
        (3, 3.0),
        ("300s", 300.0),
        ("16Gi", 16 * 2.0**30),
        ("500m", 0.5),
        ("2", 2.0),
        (True, None),
        ("a", None),
        ("5x", None),
        (Marker.UNKNOWN, None),
    ],
)
def test_magnitudes(given: Any, number: float | None) -> None:
    assert magnitude(given) == number


@pytest.mark.parametrize(
    "row",
    [
        'types = ["a"]\npaths = ["b"]',
        'types = ["a"]\nwhy = "c"',
        'types = ["a"]\npaths = ["b"]\nwhy = "c"\nwhen = "up"',
    ],
)
def test_a_row_that_is_not_whole_is_refused(
    row: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(f"tells = []\n[[safe]]\n{row}\n")
    monkeypatch.setattr(settings, "_FILE", file)
    rows.cache_clear()
    try:
        with pytest.raises(ValueError, match="safe: wanted types, paths, why and when as one of any, raised"):
            rows()
    finally:
        rows.cache_clear()
