import tomllib

# ruff: noqa: E501 (a table is read by its lines)
from copy import deepcopy
from typing import Any

import pytest

from modelberth.capabilities import check, require
from modelberth.capability_table import TABLE, load, matrix, paths, read
from modelberth.errors import Problem, SpecError
from modelberth.spec import EndpointDeployment, EndpointSpec, parse
from modelberth.spec.shape import leaves, settings

DIGEST = "a" * 64
MODEL = {"uri": "models/iris.onnx"}
VARIANT = {"model": {"uri": "models/b.onnx"}, "weight": 10}
GCP = {"project": "my-project", "project_number": "123456789012", "region": "europe-west4"}
GCP_IMAGE = f"europe-west4-docker.pkg.dev/my-project/models/iris@sha256:{DIGEST}"
TARGETS: dict[str, dict[str, Any]] = {
    "local": {},
    "lambda": {
        "account": "123456789012",
        "region": "eu-central-1",
        "image": f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/iris@sha256:{DIGEST}",
    },
    "sagemaker": {
        "account": "123456789012",
        "region": "eu-central-1",
        "image": f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/iris@sha256:{DIGEST}",
    },
    "cloud_run": {**GCP, "image": GCP_IMAGE},
    "vertex": {**GCP, "image": GCP_IMAGE},
    "container_apps": {"resource_group": "models", "location": "westeurope"},
    "azure_ml": {"resource_group": "models", "location": "westeurope"},
    "kubernetes": {"image": f"registry.example.com/iris@sha256:{DIGEST}"},
    "eks": {
        "account": "123456789012",
        "region": "eu-central-1",
        "cluster": {"kind": "existing", "name": "models"},
        "image": f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/iris@sha256:{DIGEST}",
    },
    "gke": {**GCP, "cluster": {"kind": "existing", "name": "models"}, "image": GCP_IMAGE},
}
AVAILABLE = ("local", "lambda", "sagemaker", "cloud_run", "vertex", "kubernetes", "eks", "gke")


def check_on(kind: str, path: str = "", **changes: Any) -> tuple[Problem, ...]:
    data = {"name": "iris", "model": MODEL, **changes, "target": {"kind": kind, **TARGETS[kind]}}
    deployment = parse(EndpointDeployment, data)
    return check(deployment.spec, deployment.target, path)


def under(path: str, value: Any) -> dict[str, Any]:
    """`under("a.b", 1)` is `{"a": {"b": 1}}`."""
    for name in reversed(path.split(".")):
        value = {name: value}
    return value  # type: ignore[no-any-return]


PREVIOUS = {"uri": "s3://models/iris/2.onnx", "sha256": "a" * 64}


def canary(**changes: Any) -> dict[str, Any]:
    return {"rollout": {"strategy": "canary", **changes}}


def auth(**changes: Any) -> dict[str, Any]:
    return {"security": {"auth": changes}}


def gpu(**changes: Any) -> dict[str, Any]:
    return {"resources": {"gpu": {"kind": "l4", **changes}}}


CAPTURE: dict[str, Any] = {"capture": {}}

# Every leaf and feature, a change that takes it off its default, and where the refusal by `local` points to:
# nowhere if it is honoured.
ON_LOCAL: list[tuple[str, dict[str, Any], str]] = [
    ("name", {"name": "other"}, ""),
    ("model.uri", under("model.uri", "other.onnx"), ""),
    ("model.scheme", {"model": {"uri": "s3://bucket/key", "sha256": DIGEST}}, "model.uri"),
    ("model.revision", {"model": {**MODEL, "revision": "8f3a"}}, "model.revision"),
    ("model.sha256", {"model": {**MODEL, "sha256": DIGEST}}, ""),
    ("model.format", {"model": {**MODEL, "format": "savedmodel"}}, "model.format"),
    ("model.version", {"model": {**MODEL, "version": "7"}}, ""),
    ("runtime.engine", under("runtime.engine", "triton"), "runtime.engine"),
    ("runtime.image", under("runtime.image", f"r/i@sha256:{DIGEST}"), "runtime.image"),
    ("runtime.threads", under("runtime.threads", 2), ""),
    ("runtime.args", under("runtime.args", ["--x"]), "runtime.args"),
    ("runtime.batching", under("runtime.batching", {}), ""),
    ("runtime.batching.max_size", under("runtime.batching.max_size", 2), ""),
    ("runtime.batching.max_delay", under("runtime.batching.max_delay", "1ms"), ""),
    ("resources.cpu", under("resources.cpu", 2), "resources.cpu"),
    ("resources.memory", under("resources.memory", "2Gi"), "resources.memory"),
    ("resources.gpu", gpu(), "resources.gpu"),
    ("resources.gpu.kind", gpu(), "resources.gpu"),
    ("resources.gpu.count", gpu(count=2), "resources.gpu"),
    ("resources.gpu.memory_min", gpu(memory_min="8Gi"), "resources.gpu"),
    ("scaling.min", {"scaling": {"min": 16, "max": 16}}, ""),
    ("scale_to_zero", under("scaling.min", 0), "scaling.min"),
    ("scaling.max", {"scaling": {"min": 17, "max": 17}}, "scaling.max"),
    ("autoscaling", under("scaling.max", 2), "scaling.max"),
    ("scaling.metric", {"scaling": {"max": 2, "metric": "cpu"}}, "scaling.max"),
    ("scaling.target", {"scaling": {"max": 2, "target": 5}}, "scaling.max"),
    ("scaling.cooldown", {"scaling": {"max": 2, "cooldown": "1m"}}, "scaling.max"),
    ("scaling.idle_to_zero_after", {"scaling": {"min": 0, "idle_to_zero_after": "5m"}}, "scaling.idle_to_zero_after"),
    ("rollout.strategy", {"rollout": {"strategy": "recreate"}}, "rollout.strategy"),
    ("rollout.max_surge", {"rollout": {"strategy": "rolling", "max_surge": 2}}, "rollout.max_surge"),
    ("rollout.max_unavailable", {"rollout": {"strategy": "rolling", "max_unavailable": 1}}, "rollout.max_unavailable"),
    ("rollout.steps", canary(steps=[{"percent": 1}]), "rollout.strategy"),
    ("rollout.header", canary(header={}), "rollout.strategy"),
    ("rollout.header.name", canary(header={"name": "a"}), "rollout.strategy"),
    ("rollout.header.value", canary(header={"value": "a"}), "rollout.strategy"),
    ("rollout.guard.max_error_percent", canary(guard={"max_error_percent": 5}), "rollout.strategy"),
    ("rollout.guard.max_latency_p99", canary(guard={"max_latency_p99": "1s"}), "rollout.strategy"),
    ("rollout.previous", canary(previous=PREVIOUS), "rollout.strategy"),
    ("rollout.previous.uri", canary(previous=PREVIOUS), "rollout.strategy"),
    ("rollout.previous.revision", canary(previous={**PREVIOUS, "revision": "3"}), "rollout.strategy"),
    ("rollout.previous.sha256", canary(previous=PREVIOUS), "rollout.strategy"),
    ("rollout.previous.format", canary(previous={**PREVIOUS, "format": "savedmodel"}), "rollout.strategy"),
    ("rollout.previous.version", canary(previous={**PREVIOUS, "version": "0"}), "rollout.strategy"),
    ("rollout.step", canary(previous=PREVIOUS, step=2), "rollout.strategy"),
    ("rollout.bake", {"rollout": {"strategy": "blue_green", "bake": "1m"}}, "rollout.strategy"),
    (
        "rollout.active",
        {"rollout": {"strategy": "blue_green", "previous": PREVIOUS, "active": "previous"}},
        "rollout.strategy",
    ),
    ("rollout.percent", {"rollout": {"strategy": "shadow", "percent": 5}}, "rollout.strategy"),
    (
        "rollout.promoted",
        {"rollout": {"strategy": "shadow", "previous": PREVIOUS, "promoted": True}},
        "rollout.strategy",
    ),
    ("variants", {"variants": {"other": VARIANT}}, "variants"),
    ("variants.*.model.uri", {"variants": {"other": VARIANT}}, "variants"),
    ("variants.*.model.revision", {"variants": {"other": {**VARIANT, "model": {**MODEL, "revision": "1"}}}}, "variants"),
    ("variants.*.model.sha256", {"variants": {"other": {**VARIANT, "model": {**MODEL, "sha256": DIGEST}}}}, "variants"),
    ("variants.*.model.format", {"variants": {"other": {**VARIANT, "model": {**MODEL, "format": "custom"}}}}, "variants"),
    ("variants.*.model.version", {"variants": {"other": {**VARIANT, "model": {**MODEL, "version": "2"}}}}, "variants"),
    ("variants.*.weight", {"variants": {"other": VARIANT}}, "variants"),
    ("variants.*.shadow", {"variants": {"other": {**VARIANT, "shadow": True}}}, "variants"),
    ("security.identity", under("security.identity", "someone"), "security.identity"),
    ("security.invokers", under("security.invokers", ["someone"]), "security.invokers"),
    ("security.key", under("security.key", "alias/key"), "security.key"),
    ("security.network.public", under("security.network.public", True), "security.network.public"),
    ("security.network.egress", under("security.network.egress", []), "security.network.egress"),
    ("security.auth.kind", auth(kind="none"), "security.auth.kind"),
    ("security.auth.header", auth(kind="api_key", header="x-k"), "security.auth.kind"),
    ("security.auth.secret", auth(kind="api_key", secret="name"), "security.auth.kind"),
    ("security.auth.issuer", auth(kind="jwt", issuer="https://a.example", audience="a"), "security.auth.kind"),
    ("security.auth.audience", auth(kind="jwt", issuer="https://a.example", audience="a"), "security.auth.kind"),
    ("security.tls.min_version", under("security.tls.min_version", "1.3"), "security.tls.min_version"),
    ("security.tls.domain", under("security.tls.domain", "a.example"), "security.tls.domain"),
    ("security.tls.certificate", under("security.tls", {"domain": "a.example", "certificate": "x"}), "security.tls.certificate"),
    ("limits.max_body", under("limits.max_body", "101Mi"), "limits.max_body"),
    ("limits.timeout", under("limits.timeout", "5m"), ""),
    ("limits.concurrency", under("limits.concurrency", 1), ""),
    ("limits.requests_per_second", under("limits.requests_per_second", 5), "limits.requests_per_second"),
    ("limits.startup_timeout", under("limits.startup_timeout", "5s"), ""),
    ("load.requests_per_month", under("load.requests_per_month", 5), ""),
    ("load.request_time", under("load.request_time", "5s"), ""),
    ("budget", under("budget.monthly_usd", 5), "budget"),
    ("budget.monthly_usd", under("budget.monthly_usd", 5), "budget"),
    ("budget.alert_percent", {"budget": {"monthly_usd": 5, "alert_percent": 5}}, "budget"),
    ("monitoring.logs.retention_days", under("monitoring.logs.retention_days", 5), "monitoring.logs.retention_days"),
    ("monitoring.metrics", under("monitoring.metrics", False), "monitoring.metrics"),
    ("monitoring.tracing", under("monitoring.tracing", {}), "monitoring.tracing"),
    ("monitoring.tracing.percent", under("monitoring.tracing.percent", 1), "monitoring.tracing"),
    ("monitoring.slo", under("monitoring.slo", {}), "monitoring.slo"),
    ("monitoring.slo.availability", under("monitoring.slo.availability", 99), "monitoring.slo"),
    ("monitoring.slo.latency_p99", under("monitoring.slo.latency_p99", "1s"), "monitoring.slo"),
    ("monitoring.slo.window_days", under("monitoring.slo.window_days", 7), "monitoring.slo"),
    ("monitoring.capture", under("monitoring", CAPTURE), "monitoring.capture"),
    ("monitoring.capture.percent", under("monitoring.capture.percent", 5), "monitoring.capture"),
    ("monitoring.capture.retention_days", under("monitoring.capture.retention_days", 5), "monitoring.capture"),
    ("monitoring.capture.drop_fields", under("monitoring.capture.drop_fields", ["a"]), "monitoring.capture"),
    ("monitoring.capture.hash_fields", under("monitoring.capture.hash_fields", ["a"]), "monitoring.capture"),
    ("monitoring.drift", {"monitoring": {**CAPTURE, "drift": {"reference": "x"}}}, "monitoring.drift"),
    ("monitoring.drift.reference", {"monitoring": {**CAPTURE, "drift": {"reference": "x"}}}, "monitoring.drift"),
    ("monitoring.drift.every", {"monitoring": {**CAPTURE, "drift": {"reference": "x", "every": "2h"}}}, "monitoring.drift"),
    ("monitoring.drift.threshold_percent", {"monitoring": {**CAPTURE, "drift": {"reference": "x", "threshold_percent": 5}}}, "monitoring.drift"),
    ("monitoring.alerts.notify", under("monitoring.alerts.notify", ["mailto:a@example.com"]), "monitoring.alerts.notify"),
    ("labels", {"labels": {"team": "vision"}}, "labels"),
    ("protect", {"protect": True}, ""),
]  # fmt: skip


@pytest.mark.parametrize(("path", "change", "blamed"), ON_LOCAL, ids=[path for path, *_ in ON_LOCAL])
def test_local_honours_or_refuses_each_path(path: str, change: dict[str, Any], blamed: str) -> None:
    problems = check_on("local", "endpoints[0]", **change)
    if not blamed:
        assert problems == ()
        return
    found = {problem.path: problem for problem in problems}
    assert f"endpoints[0].{blamed}" in found
    problem = found[f"endpoints[0].{blamed}"]
    assert "on target `local`: " in problem.allowed
    assert problem.hint.startswith("The nearest target that can is `")


@pytest.mark.parametrize(("path", "change"), [(path, change) for path, change, _ in ON_LOCAL])
def test_each_change_really_sets_its_path(path: str, change: dict[str, Any]) -> None:
    spec = parse(EndpointSpec, {"name": "iris", "model": MODEL, **change})
    if path in {"model.scheme", "scale_to_zero", "autoscaling"}:
        return
    assert path in {setting.leaf for setting in settings(spec) if not setting.is_default}


def test_every_path_was_tried_on_local() -> None:
    assert [path for path, *_ in ON_LOCAL] == list(paths())
    assert len(ON_LOCAL) == len([*leaves(EndpointSpec)]) + 3
    assert sum(1 for *_, blamed in ON_LOCAL if not blamed) == 15


def test_local_has_a_row_for_every_path_with_a_reason_for_every_refusal() -> None:
    local = load()["local"]
    for path in paths():
        row = local.row(path)
        assert row is not None, path
        if row.is_refused or row.values or row.at_most is not None:
            assert row.reason, path
        assert not row.is_uncertain


@pytest.mark.parametrize("kind", TARGETS)
def test_the_defaults_fit_every_target(kind: str) -> None:
    assert [p.path for p in check_on(kind)] == ([] if kind in AVAILABLE else ["target.kind"])


def test_kubernetes_has_a_row_for_every_path_with_a_reason_for_every_refusal() -> None:
    row_of = load()["kubernetes"].row
    assert [path for path in paths() if (row := row_of(path)) is None or row.is_uncertain] == []
    refused = {path: row.reason for path in paths() if (row := row_of(path)) is not None and row.is_refused}
    assert [path for path, reason in refused.items() if not reason] == []
    assert set(refused) == {
        "rollout.bake",
        "security.invokers",
        "security.key",
        "budget",
        "budget.monthly_usd",
        "budget.alert_percent",
        "monitoring.logs.retention_days",
        "monitoring.capture.retention_days",
    }


# change, blamed path, what is allowed there
ON_KUBERNETES = [
    ({}, "", ""),
    (canary(header={}), "", ""),
    ({"rollout": {"strategy": "recreate"}}, "", ""),
    ({"rollout": {"strategy": "blue_green", "bake": "1m"}}, "rollout.bake", "only the default, 10m"),
    (canary(steps=[{"percent": 5, "bake": "1h"}]), "", ""),
    (under("security.invokers", ["someone"]), "security.invokers", "has a line for each"),
    (under("security.key", "alias/key"), "security.key", "neither takes a key"),
    (under("budget.monthly_usd", 5), "budget", "only the default, unset,"),
    (under("monitoring.logs.retention_days", 5), "monitoring.logs.retention_days", "own store of logs"),
    # what a choice of the target decides is told by its rooms
    (under("scaling.min", 0), "scaling.min", "1 or more with target.scaler hpa"),
    (canary(previous=PREVIOUS), "rollout.strategy", "with target.route service"),
    ({"variants": {"other": VARIANT}}, "variants", "none with target.route service"),
    (
        under("limits.requests_per_second", 5),
        "limits.requests_per_second",
        "unless target.route is an Envoy Gateway",
    ),
    (under("monitoring.tracing", {}), "target.otlp", "the address of a collector"),
    (under("monitoring.capture", {}), "target.capture", "a mapping with `uri`"),
    (under("monitoring.alerts.notify", ["mailto:a@example.com"]), "monitoring.alerts.notify", "operator"),
]


@pytest.mark.parametrize(("change", "blamed", "allowed"), ON_KUBERNETES)
def test_kubernetes_honours_or_refuses(change: dict[str, Any], blamed: str, allowed: str) -> None:
    problems = {problem.path: problem for problem in check_on("kubernetes", **change)}
    assert bool(problems) is bool(blamed), problems
    if blamed:
        assert allowed in problems[blamed].allowed


@pytest.mark.parametrize("kind", [kind for kind in TARGETS if kind not in AVAILABLE])
def test_a_planned_target_is_refused_as_such(kind: str) -> None:
    (problem,) = check_on(kind, "endpoints[1]")
    assert str(problem) == (
        f"endpoints[1].target.kind: given '{kind}', allowed: {', '.join(AVAILABLE)}. "
        f"`{kind}` cannot be deployed with this version."
    )


# target, change, blamed path, what is allowed there, hint
ELSEWHERE = [
    ("lambda", gpu(), "resources.gpu", "AWS Lambda has no GPUs", "`sagemaker`."),
    ("lambda", under("limits.max_body", "7Mi"), "limits.max_body", "at most 6Mi", "`local`"),
    ("lambda", under("limits.timeout", "16m"), "limits.timeout", "at most 15m", "`local`"),
    ("lambda", under("resources.memory", "11Gi"), "resources.memory", "at most 10240Mi", "`sagemaker`."),
    ("lambda", under("scaling.min", 0), "", "", ""),
    (
        "sagemaker",
        under("limits.requests_per_second", 5),
        "limits.requests_per_second",
        "the default",
        "`lambda`.",
    ),
    (
        "sagemaker",
        {"runtime": {"engine": "vllm"}, "model": {**MODEL, "format": "safetensors"}},
        "runtime.engine",
        "onnxruntime, custom",
        "`cloud_run`.",
    ),
    ("sagemaker", {"rollout": {"strategy": "shadow"}}, "", "", ""),
    ("cloud_run", gpu(kind="t4"), "resources.gpu.kind", "l4, rtx-pro-6000", "`sagemaker`."),
    ("cloud_run", gpu(count=2), "resources.gpu.count", "at most 1", "`sagemaker`."),
    ("cloud_run", canary(header={}), "rollout.header", "revisions split by percentage only", "`kubernetes`"),
    ("cloud_run", canary(), "", "", ""),
    ("vertex", under("scaling.min", 0), "scaling.min", "keeps at least one replica", "`lambda`."),
    ("vertex", under("limits.max_body", "11M"), "limits.max_body", "at most 10M", "`local`"),
    ("container_apps", under("limits.timeout", "241s"), "limits.timeout", "at most 4m", "`local`"),
    ("container_apps", gpu(kind="h100"), "resources.gpu.kind", "t4, a100-80gb", "`sagemaker`."),
    ("azure_ml", under("limits.timeout", "181s"), "limits.timeout", "at most 180s", "`local`"),
    ("azure_ml", {"scaling": {"min": 51, "max": 51}}, "scaling.max", "at most 50", "`lambda`."),
    ("azure_ml", under("scaling.max", 2), "scaling.metric", "cpu, gpu, requests_per_second", "`lambda`."),
]


@pytest.mark.parametrize(("kind", "change", "blamed", "allowed", "hint"), ELSEWHERE)
def test_limits_and_features_of_the_other_targets(
    kind: str, change: dict[str, Any], blamed: str, allowed: str, hint: str
) -> None:
    problems = check_on(kind, **change)
    planned, rest = problems[: kind not in AVAILABLE], problems[kind not in AVAILABLE :]
    assert [problem.path for problem in planned] == ["target.kind"] * (kind not in AVAILABLE)
    assert [problem.path for problem in rest] == ([blamed] if blamed else [])
    for problem in rest:
        assert allowed in problem.allowed
        assert f"on target `{kind}`" in problem.allowed
        assert hint in problem.hint


def test_the_nearest_target_refuses_least_of_the_rest() -> None:
    wanted = {**gpu(kind="a10g"), "scaling": {"min": 0, "max": 2}, "rollout": {"strategy": "shadow"}}
    hints = {problem.path: problem.hint for problem in check_on("local", **wanted)}
    assert hints["resources.gpu"] == "The nearest target that can is `sagemaker`."
    # many can scale to zero, but few can do the rest as well
    assert hints["scaling.min"] == "The nearest target that can is `sagemaker`."


def test_an_available_target_is_nearer_than_a_planned_one() -> None:
    problems = check_on("azure_ml", **under("limits.timeout", "10m"))
    assert problems[1].hint == "The nearest target that can is `local`."


def test_a_refused_choice_hides_what_stands_below_it() -> None:
    problems = check_on("local", **canary(steps=[{"percent": 1}], header={"name": "a"}))
    assert [problem.path for problem in problems] == ["rollout.strategy"]


def test_a_refused_secret_is_not_echoed(table: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    table["sets"]["security"].remove("security.auth.secret")
    monkeypatch.setattr("modelberth.capabilities.load", lambda: read(table))
    problems = check_on("container_apps", **auth(kind="api_key", secret="hunter2"))
    assert [problem.path for problem in problems] == ["target.kind", "security.auth.secret"]
    assert "hunter2" not in str(problems)


def test_require_raises_everything_at_once() -> None:
    deployment = parse(
        EndpointDeployment,
        {"name": "iris", "model": MODEL, "target": {"kind": "local"}, **gpu(), "protect": True, "scaling": {"max": 3}},
    )  # fmt: skip
    with pytest.raises(SpecError) as caught:
        require(deployment.spec, deployment.target, "endpoints[2]")
    assert [problem.path for problem in caught.value.problems] == [
        "endpoints[2].resources.gpu",
        "endpoints[2].scaling.max",
    ]
    allowed = parse(EndpointDeployment, {"name": "iris", "model": MODEL, "target": {"kind": "local"}})
    require(allowed.spec, allowed.target)


@pytest.fixture
def table() -> dict[str, Any]:
    return deepcopy(tomllib.loads(TABLE.read_text(encoding="utf-8")))


def test_what_no_target_can_is_said(table: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    table["sets"]["operation"].remove("protect")
    for kind in AVAILABLE:
        own = table["targets"][kind].get("honoured", [])  # `eks` and `gke` are like `kubernetes`
        if "protect" in own:
            own.remove("protect")
    monkeypatch.setattr("modelberth.capabilities.load", lambda: read(table))
    (problem,) = check_on("local", protect=True)
    assert problem.hint == "No target can."


def test_a_field_without_a_row_is_refused(table: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    table["targets"]["local"]["honoured"].remove("protect")
    monkeypatch.setattr("modelberth.capabilities.load", lambda: read(table))
    assert check_on("local") == ()
    (problem,) = check_on("local", protect=True)
    assert problem.path == "protect"
    assert problem.allowed == "only the default, false, on target `local`: it does not honour this field yet"


def test_a_limit_holds_for_the_default_as_well(
    table: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    table["targets"]["local"]["at_most"]["limits.max_body"] = "512Ki"
    monkeypatch.setattr("modelberth.capabilities.load", lambda: read(table))
    (problem,) = check_on("local")
    assert (problem.path, problem.given) == ("limits.max_body", "1Mi")
    assert problem.allowed.startswith("at most 512Ki on target `local`")


@pytest.mark.parametrize(
    ("section", "entry", "said"),
    [
        ("honoured", ["scaling.maximum"], "no field of the spec: scaling.maximum"),
        ("values", {"model.kind": ["a"]}, "no field of the spec: model.kind"),
        ("at_most", {"limits.body": 1}, "no field of the spec: limits.body"),
        ("refused", {"security.tsl": "a"}, "no field of the spec: security.tsl"),
        ("refused", {"name": "a"}, "has two rows: name"),
        ("because", {"budget.monthly_usd": "a"}, "has no row: budget.monthly_usd"),
        ("uncertain", ["budget.monthly_usd"], "has no row: budget.monthly_usd"),
    ],
)
def test_a_table_that_names_what_does_not_exist_is_refused(
    table: dict[str, Any], section: str, entry: Any, said: str
) -> None:
    local = table["targets"]["local"]
    local[section] = (
        [*local.get(section, []), *entry] if isinstance(entry, list) else {**local.get(section, {}), **entry}
    )
    with pytest.raises(ValueError, match=r"capabilities\.toml: target local") as caught:
        read(table)
    assert said in str(caught.value)


def test_a_status_is_one_of_two(table: dict[str, Any]) -> None:
    table["targets"]["local"]["status"] = "soon"
    with pytest.raises(ValueError, match="not soon"):
        read(table)


def test_a_table_without_a_target_is_refused(table: dict[str, Any]) -> None:
    del table["targets"]["vertex"]
    with pytest.raises(ValueError, match="vertex"):
        read(table)


def test_the_table_has_a_date_and_sources(table: dict[str, Any]) -> None:
    assert table["captured"].year >= 2026
    assert tuple(kind for kind, entry in load().items() if entry.status == "available") == AVAILABLE
    assert [kind for kind, entry in load().items() if not entry.sources] == []
    assert list(load()) == list(TARGETS)


def test_the_matrix_has_every_path_and_target() -> None:
    rows = {row.path: row.cells for row in matrix()}
    assert list(rows) == list(paths())
    assert all(list(cells) == list(TARGETS) for cells in rows.values())
    assert rows["resources.gpu"]["local"] == "no"
    assert rows["resources.gpu"]["kubernetes"] == "yes"
    assert rows["limits.max_body"]["lambda"] == "≤ 6Mi"
    assert rows["model.format"]["local"] == "onnx"
    assert rows["limits.max_body"]["cloud_run"] == "≤ 32Mi"
