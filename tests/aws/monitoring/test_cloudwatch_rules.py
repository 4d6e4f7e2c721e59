"""The evaluator that the alarms are tested with, against what AWS documents."""

import pytest

from support.cloudwatch import Metrics, composite, judged, state, value

# "Configuring how CloudWatch alarms treat missing data": data points (X breaches, 0 does not, - is missing),
# and the states with `breaching` and with `notBreaching`.
ALL_OF_THREE = {
    "0 - X - X": ("OK", "OK"),
    "0 - - - -": ("OK", "OK"),
    "- - - - -": ("ALARM", "OK"),
    "0 X X - X": ("ALARM", "ALARM"),
    "- - X - -": ("ALARM", "OK"),
}
TWO_OF_THREE = {
    "0 - X - X": ("ALARM", "ALARM"),
    "0 0 X 0 X": ("ALARM", "ALARM"),
    "0 - X - -": ("ALARM", "OK"),
    "- - - - 0": ("ALARM", "OK"),
    "- - - X -": ("ALARM", "OK"),
}
METRIC = {"namespace": "N", "metric_name": "M", "dimensions": {"D": "d"}, "period": 300, "stat": "Sum"}


@pytest.mark.parametrize(("needed", "table"), [(3, ALL_OF_THREE), (2, TWO_OF_THREE)])
def test_missing_data_lead_to_the_documented_states(needed: int, table: dict[str, tuple[str, str]]) -> None:
    for points, states in table.items():
        breaching = [{"X": True, "0": False, "-": None}[point] for point in points.split()]
        found = tuple(judged(breaching, 3, needed, missing) for missing in ("breaching", "notBreaching"))
        assert found == states, points


@pytest.mark.parametrize(
    ("expression", "a", "b", "expected"),
    [
        ("a / b", 6.0, 3.0, 2.0),
        ("a / b", 6.0, None, None),
        ("a / b", 6.0, 0.0, None),
        ("a + FILL(b, 0)", 6.0, None, 6.0),
        ("a + FILL(b, 0)", None, 3.0, None),
        ("IF(a > 1, a / b, 0)", 1.0, 3.0, 0.0),
        ("IF(a > 1, a / b, 0)", 6.0, 3.0, 2.0),
        ("IF(a > 1, a / b, 0)", None, 3.0, None),
    ],
)
def test_metric_math_knows_what_is_missing(
    expression: str, a: float | None, b: float | None, expected: float | None
) -> None:
    metrics = Metrics()
    queries = []
    for identity, number in (("a", a), ("b", b)):
        metric = {**METRIC, "metric_name": identity}
        if number is not None:
            metrics.put(metric, 0, (number, 1))
        queries.append({"id": identity, "metric": metric, "return_data": False})
    returned = {"id": "e", "expression": expression, "return_data": True}
    assert value([*queries, returned], metrics, 1) == expected


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [
        ("Sum", 199.0),
        ("SampleCount", 100.0),
        ("Maximum", 100.0),
        ("p50", 1.0),
        ("p99", 1.0),
        ("p99.5", 100.0),
    ],
)
def test_statistics_are_of_the_whole_period(statistic: str, expected: float) -> None:
    metrics = Metrics()
    metrics.put(METRIC, 0, (1.0, 99))
    metrics.put(METRIC, 4, (100.0, 1))
    metric = {**METRIC, "stat": statistic}
    assert metrics.point(metric, 5) == expected
    assert metrics.point(metric, 4) == {"Sum": 99.0, "SampleCount": 99.0}.get(statistic, 1.0)
    assert metrics.point(metric, 10) is None


def test_an_alarm_is_up_only_above_its_threshold() -> None:
    metrics = Metrics()
    metrics.put(METRIC, 0, (5.0, 1))
    alarm = {
        "comparison_operator": "GreaterThanThreshold",
        "evaluation_periods": 1,
        "datapoints_to_alarm": 1,
        "treat_missing_data": "notBreaching",
        "metric_queries": [{"id": "m", "metric": METRIC, "return_data": True}],
    }
    assert state({**alarm, "threshold": 4.9}, metrics, 5) == "ALARM"
    assert state({**alarm, "threshold": 5}, metrics, 5) == "OK"


def test_a_composite_alarm_needs_all_that_it_names() -> None:
    rule = {"alarm_rule": 'ALARM("a") AND ALARM("b")'}
    assert composite(rule, {"a": "ALARM", "b": "ALARM"}) == "ALARM"
    assert composite(rule, {"a": "ALARM", "b": "OK"}) == "OK"
