# ruff: noqa: E501 (a table is read by its lines)
"""Every bad input names the field, what was given and what is allowed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.errors import Problem, SpecError, join, shown
from modelberth.spec import EndpointDeployment, EndpointSpec, parse
from modelberth.spec.shape import leaves

DIGEST = "a" * 64
HEAVY = {"model": {"uri": "x"}, "weight": 60}


def spec_data(**changes: Any) -> dict[str, Any]:
    return {"name": "iris", "model": {"uri": "models/iris.onnx"}, **changes}


def problems_of(data: object, path: str = "endpoints[0]") -> dict[str, Problem]:
    with pytest.raises(SpecError) as caught:
        parse(EndpointSpec, data, path)
    return {problem.path: problem for problem in caught.value.problems}


# path below endpoints[0], the change that causes it, what is said of the value given, and part of what is allowed
BAD: list[tuple[str, dict[str, Any], str, str]] = [
    ("name", {"name": "I"}, "'I'", "3 to 32"),
    ("name", {"name": "a--b"}, "'a--b'", "single hyphens"),
    ("name", {"name": "iris-"}, "'iris-'", "no hyphen last"),
    ("name", {"name": "a" * 33}, "aaa", "3 to 32"),
    ("name", {"name": "iris\n"}, "'iris\\n'", "3 to 32"),
    ("name", {"name": None}, "nothing", "a text"),
    ("scalling", {"scalling": {"min": 1}}, "an unknown key", "Did you mean `scaling`?"),
    ("scaling.mx", {"scaling": {"mx": 1}}, "an unknown key", "Did you mean `max`?"),
    ("scaling", {"scaling": 3}, "3", "a mapping with the keys min, max"),
    ("scaling", {"scaling": None}, "nothing", "a mapping with the keys min, max"),
    ("scaling.max", {"scaling": {"max": 0}}, "0", "between 1 and 1000"),
    ("scaling.max", {"scaling": {"max": 1.5}}, "1.5", "a whole number"),
    ("scaling.max", {"scaling": {"max": "2"}}, "'2'", "Without quotes"),
    ("scaling.max", {"scaling": {"max": True}}, "true", "a whole number"),
    ("scaling.max", {"scaling": {"min": 3, "max": 2}}, "2", "not below scaling.min = 3"),
    ("scaling.min", {"scaling": {"min": 3}}, "3", "Give `max: 3` as well"),
    ("scaling.metric", {"scaling": {"metric": "cpus", "max": 2}}, "'cpus'", "Did you mean `cpu`?"),
    ("scaling.metric", {"scaling": {"metric": "cpu"}}, "cpu", "the number of replicas is fixed"),
    ("scaling.cooldown", {"scaling": {"cooldown": "1m"}}, "1m", "the number of replicas is fixed"),
    ("scaling.target", {"scaling": {"max": 2, "metric": "queue_depth"}}, "nothing", "for metric queue_depth"),
    ("scaling.target", {"scaling": {"max": 2, "metric": "cpu", "target": 101}}, "101", "percent"),
    ("scaling.idle_to_zero_after", {"scaling": {"max": 2, "idle_to_zero_after": "5m"}}, "5m", "Set scaling.min to 0"),
    ("model", {"model": None}, "nothing", "a mapping with the keys uri"),
    ("model.uri", {"model": {}}, "nothing", "a text"),
    ("model.uri", {"model": {"uri": ""}}, "''", "a path"),
    ("model.uri", {"model": {"uri": "ftp://h/x"}}, "'ftp://h/x'", "s3://BUCKET/KEY"),
    ("model.uri", {"model": {"uri": "http://h/x", "sha256": DIGEST}}, "'http://h/x'", "use https"),
    ("model.uri", {"model": {"uri": "s3://bucket", "sha256": DIGEST}}, "'s3://bucket'", "s3://BUCKET/KEY is expected"),
    ("model.uri", {"model": {"uri": "azblob://a/c", "sha256": DIGEST}}, "'azblob://a/c'", "azblob://ACCOUNT"),
    ("model.uri", {"model": {"uri": "hf://o/n@abc", "sha256": DIGEST}}, "'hf://***@abc'", "in `revision`"),
    ("model.uri", {"model": {"uri": "my model.onnx"}}, "'my model.onnx'", "percent-encoded"),
    ("model.uri", {"model": {"uri": "file://models/x.onnx"}}, "'file://models/x.onnx'", "file:PATH"),
    ("model.sha256", {"model": {"uri": "s3://b/k"}}, "nothing", "or `revision`, for a model from s3"),
    ("model.sha256", {"model": {"uri": "x", "sha256": "abc"}}, "'abc'", "64 hexadecimal digits"),
    ("model.revision", {"model": {"uri": "hf://o/n", "revision": "main"}}, "'main'", "never changes"),
    ("model.format", {"model": {"uri": "x.pkl", "format": "pickle"}}, "'pickle'", "A pickle runs code"),
    ("model.format", {"model": {"uri": "x", "format": "onyx"}}, "'onyx'", "Did you mean `onnx`?"),
    ("model.version", {"model": {"uri": "x", "version": 1.0}}, "1.0", "Put it in quotes"),
    ("runtime.image", {"runtime": {"image": "a/b:latest"}}, "'a/b:latest'", "by digest"),
    ("runtime.image", {"runtime": {"engine": "custom"}}, "nothing", "for engine custom"),
    ("runtime.args", {"runtime": {"args": "--x"}}, "'--x'", "a list"),
    ("runtime.args[1]", {"runtime": {"args": ["a", 2]}}, "2", "a text"),
    ("runtime.batching.max_delay", {"runtime": {"batching": {"max_delay": "1h"}}}, "1h", "between 0s and 10s"),
    ("resources.cpu", {"resources": {"cpu": 0}}, "0", "between 100m and 192"),
    ("resources.memory", {"resources": {"memory": "1Mi"}}, "1Mi", "between 128Mi and 4Ti"),
    ("resources.memory", {"resources": {"memory": "512m"}}, "'512m'", "`512Mi`"),
    ("resources.gpu.kind", {"resources": {"gpu": {}}}, "nothing", "one of t4, l4"),
    ("resources.gpu.count", {"resources": {"gpu": {"kind": "l4", "count": 0}}}, "0", "between 1 and 16"),
    ("rollout.strategy", {"rollout": {"strategy": "canry"}}, "'canry'", "Did you mean `canary`?"),
    ("rollout.strategy", {"rollout": {"max_surge": 1}}, "nothing", "one of rolling, recreate"),
    ("rollout.strategy", {"rollout": {"strategy": ["canary"]}}, "a list", "one of rolling, recreate"),
    ("rollout", {"rollout": "canary"}, "'canary'", "a mapping with strategy: rolling, recreate"),
    ("rollout.max_surge", {"rollout": {"strategy": "rolling", "max_surge": 0}}, "0", "no replica can ever"),
    ("rollout.max_surge", {"rollout": {"strategy": "rolling", "max_surge": "a"}}, "'a'", "25%"),
    ("rollout.steps", {"rollout": {"strategy": "canary", "steps": []}}, "a list", "1 entries or more"),
    ("rollout.steps[0].percent", {"rollout": {"strategy": "canary", "steps": [{}]}}, "nothing", "a whole number"),
    ("rollout.steps[1].percent", {"rollout": {"strategy": "canary", "steps": [{"percent": 9}, {"percent": 9}]}}, "9", "above 9"),
    ("rollout.guard.max_error_percent", {"rollout": {"strategy": "canary", "guard": {"max_error_percent": None}}}, "nothing", "max_latency_p99"),
    ("rollout.step", {"rollout": {"strategy": "canary", "previous": {"uri": "x"}, "step": 4}}, "4", "0 to 3, since there are 2 steps"),
    ("rollout.step", {"rollout": {"strategy": "canary", "step": 0}}, "0", "1 without rollout.previous"),
    ("rollout.active", {"rollout": {"strategy": "blue_green", "active": "previous"}}, "previous", "new without rollout.previous"),
    ("rollout.promoted", {"rollout": {"strategy": "shadow", "promoted": True}}, "true", "false without rollout.previous"),
    ("rollout.percent", {"rollout": {"strategy": "shadow", "percent": 0}}, "0", "between 1 and 100"),
    ("rollout.bake", {"rollout": {"strategy": "blue_green", "bake": "8d"}}, "8d", "between 0s and 7d"),
    ("variants", {"variants": {"one": HEAVY, "two": HEAVY}}, "60 + 60 = 120", "at most 100"),
    ("variants.one.weight", {"variants": {"one": {"model": {"uri": "x"}}}}, "nothing", "a whole number"),
    ("variants.B", {"variants": {"B": {"model": {"uri": "x"}, "weight": 1}}}, "'B'", "lower-case"),
    ("rollout.strategy", {"variants": {"one": {"model": {"uri": "x"}, "weight": 1}}, "rollout": {"strategy": "shadow"}}, "shadow", "while variants"),
    ("security.invokers[0]", {"security": {"invokers": ["*"]}}, "'*'", "kind: none"),
    ("security.invokers", {"security": {"invokers": ["a"], "auth": {"kind": "none"}}}, "1 with auth none", "an empty list"),
    ("security.invokers[1]", {"security": {"invokers": ["a", "a"]}}, "'a'", "each principal once"),
    ("security.network.public", {"security": {"network": {"public": "yes"}}}, "'yes'", "true or false"),
    ("security.network.egress[0]", {"security": {"network": {"egress": ["a b"]}}}, "'a b'", "an IP network"),
    ("security.auth.issuer", {"security": {"auth": {"kind": "jwt", "audience": "a", "issuer": "http://x.y"}}}, "'http://x.y'", "an https address"),
    ("security.auth.issuer", {"security": {"auth": {"kind": "jwt", "audience": "a", "issuer": "https://*.x.y"}}}, "'https://*.x.y'", "an https address"),
    ("security.auth.audience", {"security": {"auth": {"kind": "jwt", "issuer": "https://x.y"}}}, "nothing", "a text"),
    ("security.auth.kind", {"security": {"auth": {"kind": "basic"}}}, "'basic'", "one of platform, api_key, jwt, none"),
    ("security.tls.min_version", {"security": {"tls": {"min_version": 1.2}}}, "1.2", "one of 1.2, 1.3"),
    ("security.tls.certificate", {"security": {"tls": {"certificate": "arn:x"}}}, "'arn:x'", "without security.tls.domain"),
    ("limits.timeout", {"limits": {"timeout": "5x"}}, "'5x'", "a duration such as"),
    ("limits.timeout", {"limits": {"timeout": "2h"}}, "2h", "between 100ms and 1h"),
    ("limits.max_body", {"limits": {"max_body": "2Ti"}}, "2Ti", "between 1Ki and 1Gi"),
    ("limits.requests_per_second", {"limits": {"requests_per_second": float("nan")}}, "nan", "a finite number"),
    ("limits.requests_per_second", {"limits": {"requests_per_second": 0}}, "0", "above 0 and at most 1000000"),
    ("load.requests_per_month", {"load": {"requests_per_month": -1}}, "-1", "between 0 and 1000000000000"),
    ("load.request_time", {"load": {"request_time": "2h"}}, "2h", "between 1ms and 1h"),
    ("budget.monthly_usd", {"budget": {}}, "nothing", "a number"),
    ("monitoring.capture", {"monitoring": {"drift": {"reference": "x"}}}, "nothing", "compares captured"),
    ("monitoring.capture.hash_fields", {"monitoring": {"capture": {"drop_fields": ["a"], "hash_fields": ["a"]}}}, "a", "not in drop_fields"),
    ("monitoring.alerts.notify[0]", {"monitoring": {"alerts": {"notify": ["me"]}}}, "'me'", "mailto:ADDRESS"),
    ("monitoring.slo.availability", {"monitoring": {"slo": {"availability": 100}}}, "100", "50 or more and below 100"),
    ("labels", {"labels": ["a"]}, "a list", "a mapping"),
    ("labels.Team", {"labels": {"Team": "x"}}, "'Team'", "lower-case"),
    ("labels.team", {"labels": {"team": "A B"}}, "'A B'", "lower-case"),
    ("protect", {"protect": "yes"}, "'yes'", "true or false"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "change", "given_", "allowed"), BAD)
def test_bad_input_names_field_value_and_way_out(
    path: str, change: dict[str, Any], given_: str, allowed: str
) -> None:
    problems = problems_of(spec_data(**change))
    assert f"endpoints[0].{path}" in problems
    problem = problems[f"endpoints[0].{path}"]
    assert given_ in problem.given
    assert allowed in f"{problem.allowed} {problem.hint}"


def test_every_part_of_the_spec_is_among_the_bad_inputs() -> None:
    parts = {leaf.path.split(".")[0] for leaf in leaves(EndpointSpec)}
    assert parts == {path.partition(".")[0].partition("[")[0] for path, *_ in BAD} - {"scalling"}
    assert len(BAD) >= 80


def test_all_problems_come_at_once() -> None:
    data = spec_data(name="I", scaling={"max": 0}, limits={"timeout": "x", "concurrency": 0}, extra=1)
    with pytest.raises(SpecError) as caught:
        parse(EndpointSpec, data, "endpoints[3]")
    assert [problem.path for problem in caught.value.problems] == [
        "endpoints[3].name",
        "endpoints[3].scaling.max",
        "endpoints[3].limits.timeout",
        "endpoints[3].limits.concurrency",
        "endpoints[3].extra",
    ]
    lines = str(caught.value).splitlines()
    assert lines[0] == "5 problems:"
    assert lines[2] == "  endpoints[3].scaling.max: given 0, allowed: between 1 and 1000"
    assert len(lines) == 6


@pytest.mark.parametrize("data", [None, [], "iris", 3])
def test_what_is_no_mapping_is_refused_as_a_whole(data: object) -> None:
    (problem,) = problems_of(data).values()
    assert problem.path == "endpoints[0]"
    assert problem.allowed.startswith("a mapping with the keys name, model")


def test_a_tag_is_no_part_of_a_path() -> None:
    data = spec_data(target={"kind": "local", "port": 80, "drian": "1s"})
    with pytest.raises(SpecError) as caught:
        parse(EndpointDeployment, data, "endpoints[0]")
    assert [problem.path for problem in caught.value.problems] == [
        "endpoints[0].target.port",
        "endpoints[0].target.drian",
    ]
    assert caught.value.problems[1].hint == "Did you mean `drain`?"


def test_the_path_may_be_empty() -> None:
    assert list(problems_of(spec_data(protect=1), "")) == ["protect"]


SECRET = "hunter2-Zm9v"


@pytest.mark.parametrize(
    "change",
    [
        {"model": {"uri": f"https://user:{SECRET}@host/model.onnx", "sha256": DIGEST}},
        {"model": {"uri": f"https://host/model.onnx?sig={SECRET}", "sha256": DIGEST}},
        {"model": {"uri": f"s3://key:{SECRET}/x@bucket/model.onnx", "sha256": DIGEST}},
        {"password": SECRET},
        {"scaling": {"min": {"token": SECRET}}},
        {"security": {"auth": {"kind": "api_key", "secret": f"{SECRET} {SECRET}"}}},
        {"security": {"auth": {"kind": "api_key", "secret": {"value": SECRET}}}},
        {"labels": [SECRET]},
    ],
)
def test_no_secret_is_echoed(change: dict[str, Any]) -> None:
    with pytest.raises(SpecError) as caught:
        parse(EndpointSpec, spec_data(**change))
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value)
    with pytest.raises(ValueError) as raised:  # noqa: PT011 (pydantic's own, of which SpecError is none)
        EndpointSpec(**spec_data(**change))
    assert SECRET not in str(raised.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
top_level = st.fixed_dictionaries({}, optional=dict.fromkeys(EndpointSpec.model_fields, json_values))


@given(top_level | json_values)
def test_any_data_is_read_or_refused_with_known_paths(data: object) -> None:
    problems: tuple[Problem, ...] = ()
    try:
        parse(EndpointSpec, data, "endpoints[0]")
    except SpecError as error:
        problems = error.problems
    known = {"", *EndpointSpec.model_fields}
    for problem in problems:
        assert problem.path.startswith("endpoints[0]")
        assert problem.allowed
        first = (
            problem.path.removeprefix("endpoints[0]").removeprefix(".").partition(".")[0].partition("[")[0]
        )
        assert first in known or problem.given == "an unknown key"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nothing"),
        (False, "false"),
        (3, "3"),
        ("x", "'x'"),
        ({"a": 1}, "a mapping"),
        ([1], "a list"),
        ("https://a:b@c/d?e=f", "'https://***@c/d?***'"),
        (b"x", "something that is a bytes"),
    ],
)
def test_shown(value: object, text: str) -> None:
    assert shown(value) == text


def test_long_values_are_shortened() -> None:
    assert len(shown("x" * 1000)) == 82
    assert shown("x" * 1000).endswith("…'")


@pytest.mark.parametrize(
    ("prefix", "path", "joined"),
    [("a", "b", "a.b"), ("a", "[0]", "a[0]"), ("", "b", "b"), ("a", "", "a"), ("", "", "")],
)
def test_join(prefix: str, path: str, joined: str) -> None:
    assert join(prefix, path) == joined


def test_an_error_without_a_problem_cannot_be_made() -> None:
    with pytest.raises(TypeError):
        SpecError()
