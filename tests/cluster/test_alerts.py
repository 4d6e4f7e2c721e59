"""Every alert fires when it should and stays silent when it should, as Prometheus' own tool evaluates it."""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelberth.kubernetes.monitoring.alerts import groups
from modelberth.kubernetes.monitoring.dashboard import panels
from modelberth.kubernetes.monitoring.queries import deployments
from modelberth.kubernetes.monitoring.watching import watching
from support.project import REPOSITORY
from support.watched_plans import PLANS

NEW, OLD = (one.key for one in PLANS["all"].revisions)
NAME = PLANS["all"].name
DEPLOYMENT = deployments(PLANS["all"])[0]
POD = f"{DEPLOYMENT}-7d9f-x2v1c"
MINUTES = 60
LONG = 120
MEBIBYTE = 2**20
# Names that the DCGM exporter has had since 4.9.
RENAMED = {
    "DCGM_FI_DEV_FB_FREE_BYTES",
    "DCGM_FI_DEV_FB_USED_BYTES",
    "DCGM_FI_DEV_GPU_UTIL_RATIO",
    "DCGM_FI_DEV_XID_ERROR",
}


@dataclass(frozen=True)
class Case:
    """Series from minute 0 on, a value a step, and whether an alert fires at a minute."""

    alert: str
    fires: bool
    series: dict[str, str]
    at: int = MINUTES
    plan: str = "all"
    step: int = 1
    why: str = ""


def labels(**more: str) -> str:
    all_of_them = {"namespace": "modelberth", "app_kubernetes_io_instance": NAME, **more}
    return ",".join(f'{name}="{value}"' for name, value in all_of_them.items())


def of_endpoint(name: str, **more: str) -> str:
    return (
        f"{name}{{{labels(modelberth_revision=more.pop('revision', OLD), instance='10.0.0.1:9090', **more)}}}"
    )


def requests(step: int = 1, revision: str = OLD, minutes: int = 5000, **rates: float) -> dict[str, str]:
    """Counters of requests a minute by code: `_200=99, _500=1`."""
    return {
        of_endpoint(
            "modelberth_requests_total", route="/predict", code=code[1:], revision=revision
        ): f"0+{rate * step:g}x{minutes // step}"
        for code, rate in rates.items()
    }


def latencies(revision: str = OLD, step: int = 1, minutes: int = 5000, **rates: float) -> dict[str, str]:
    """Buckets of a histogram: requests a minute up to each bound: `_0_05=90, _0_1=95, _Inf=100`."""
    found = {}
    for bound, rate in rates.items():
        le = "+Inf" if bound == "_Inf" else bound[1:].replace("_", ".")
        found[
            of_endpoint(
                "modelberth_request_duration_seconds_bucket", route="/predict", le=le, revision=revision
            )
        ] = f"0+{rate * step:g}x{minutes // step}"
    count = f"0+{rates['_Inf'] * step:g}x{minutes // step}"
    name = "modelberth_request_duration_seconds_count"
    return found | {of_endpoint(name, route="/predict", revision=revision): count}


def deployment(ready: str, wanted: str) -> dict[str, str]:
    of = f'namespace="modelberth",deployment="{DEPLOYMENT}"'
    return {
        f"kube_deployment_status_replicas_available{{{of}}}": ready,
        f"kube_deployment_spec_replicas{{{of}}}": wanted,
    }


def pod(name: str, value: str, pod_name: str = POD, **more: str) -> dict[str, str]:
    extra = "".join(f',{key}="{one}"' for key, one in more.items())
    return {f'{name}{{namespace="modelberth",pod="{pod_name}",container="server"{extra}}}': value}


def captured(kept: int, lost: int) -> dict[str, str]:
    return {
        of_endpoint("modelberth_capture_requests_total"): f"0+{kept}x100",
        of_endpoint("modelberth_capture_dropped_total", reason="store"): f"0+{lost}x100",
    }


def psi(kind: str, *values: float) -> dict[str, str]:
    one, column = ("input", "feature") if kind == "feature" else ("output", "column")
    return {
        of_endpoint(f"modelberth_{kind}_psi", model="iris", version="3", **{one: "X", column: str(place)}): (
            f"{value}x100"
        )
        for place, value in enumerate(values)
    }


def gpu(name: str, value: str, exported: bool = True, plan: str = "vllm") -> dict[str, str]:
    of, node = "exported_" if exported else "", "hostname" if name in RENAMED else "Hostname"
    pod_name = f"{deployments(PLANS[plan])[0]}-7d9f-x2v1c"
    return {f'{name}{{{of}namespace="modelberth",{of}pod="{pod_name}",gpu="0",{node}="node-1"}}': value}


def gpu_memory(used: int, suffix: str, unit: int, exported: bool = True) -> dict[str, str]:
    """The series of a GPU with 100 MiB, of which so many are used."""
    share = {"USED": used, "FREE": 100 - used}
    found = [
        gpu(f"DCGM_FI_DEV_FB_{kind}{suffix}", f"{size * unit}x100", exported, "triton")
        for kind, size in share.items()
    ]
    return found[0] | found[1]


def burns() -> Iterator[Case]:
    """Thresholds of 99.5 percent: 7.2, 3, 1.5 and 0.5 percent; of 99 percent below 80 ms: 14.4, 6, 3, 1."""
    rows = (("1h", 60, 1, 20, 5), ("6h", 360, 1, 5, 2), ("1d", 1440, 5, 2, 1), ("3d", 4320, 5, 0.8, 0.3))
    for window, at, step, fires, silent in rows:
        name = f"ModelberthErrorBudgetBurn{window}"
        yield Case(name, True, requests(step, _200=100 - fires, _503=fires), at, step=step)
        yield Case(name, False, requests(step, _200=100 - silent, _503=silent), at, step=step)
        for is_slow, share in ((True, 2 * fires), (False, 2 * silent)):
            # Between 50 and 100 ms there is nobody, so every slow one is slower than 100 ms.
            slow = latencies(step=step, _0_05=100 - share, _0_1=100 - share, _Inf=100)
            yield Case(f"ModelberthLatencyBudgetBurn{window}", is_slow, slow, at, step=step)
    over = requests(_200=80) | {
        of_endpoint("modelberth_requests_total", route="/predict", code="500"): "0+40x50 2000x100"
    }
    yield Case("ModelberthErrorBudgetBurn1h", True, over, 50, why="an outage")
    yield Case("ModelberthErrorBudgetBurn1h", False, over, 60, why="that is over")
    refused = requests(_200=50, _400=30, _429=20)
    yield Case("ModelberthErrorBudgetBurn1h", False, refused, why="no fault of the server")
    probes = {of_endpoint("modelberth_requests_total", route="/health/ready", code="503"): "0+60x100"}
    yield Case("ModelberthErrorBudgetBurn1h", False, requests(_200=1) | probes, why="probes do not count")
    # Of 30 between 50 and 100 ms, spread evenly, 12 are above 80 ms.
    between = latencies(_0_05=70, _0_1=100, _Inf=100)
    yield Case("ModelberthLatencyBudgetBurn1h", False, between, why="12 % slow, 14.4 % allowed")
    between = latencies(_0_05=60, _0_1=100, _Inf=100)
    yield Case("ModelberthLatencyBudgetBurn1h", True, between, why="16 % slow, 14.4 % allowed")
    down = requests(revision="main", _500=10)
    yield Case("ModelberthErrorBudgetBurn1h", True, down, plan="lenient", why="an outage is told always")
    half = requests(revision="main", _200=5, _500=5)
    yield Case("ModelberthErrorBudgetBurn1h", False, half, plan="lenient")
    new, old = (one.key for one in PLANS["shadow"].revisions)
    fine = requests(revision=old, _200=100)
    copies = fine | requests(revision=new, _500=100)
    yield Case("ModelberthErrorBudgetBurn1h", False, copies, plan="shadow", why="nobody hears from a copy")
    yield Case("ModelberthErrorBudgetBurn1h", True, fine | requests(revision=old, _500=50), plan="shadow")


def loads() -> Iterator[Case]:
    for busy, fires in ((60, True), (40, False)):
        in_flight = {of_endpoint("modelberth_in_flight"): f"{busy}x100"}
        yield Case("ModelberthSaturated", fires, in_flight, why=f"{busy} of 64")
    spread = {
        of_endpoint("modelberth_in_flight"): "64x100",
        of_endpoint("modelberth_in_flight").replace("10.0.0.1", "10.0.0.2"): "10x100",
    }
    yield Case("ModelberthSaturated", False, spread, why="the other replica has room")
    yield Case("ModelberthSaturated", False, {of_endpoint("modelberth_in_flight"): "0x50 64x5"}, at=55)
    yield Case("ModelberthRefusing", True, requests(_200=90, _429=10))
    yield Case("ModelberthRefusing", False, requests(_200=999, _429=1))
    yield Case("ModelberthNotScraped", True, {"up": "1x100"})
    yield Case("ModelberthNotScraped", False, {of_endpoint("modelberth_connections"): "1x100"})
    yield Case("ModelberthNotScraped", True, {of_endpoint("up"): "0x100"}, plan="triton")
    yield Case("ModelberthNotScraped", False, {of_endpoint("up"): "1x100"}, plan="triton")
    yield Case("ModelberthNotScraped", False, {"up": "1x100"}, plan="to zero")
    yield Case("ModelberthCaptureLosing", True, captured(80, 20))
    yield Case("ModelberthCaptureLosing", False, captured(99, 1))


def vllm() -> Iterator[Case]:
    def queue(running: int, waiting: int) -> dict[str, str]:
        return {
            of_endpoint("vllm:num_requests_running", revision="main"): f"{running}x100",
            of_endpoint("vllm:num_requests_waiting", revision="main"): f"{waiting}x100",
        }

    yield Case("ModelberthQueueGrowing", True, queue(10, 20), plan="vllm")
    yield Case("ModelberthQueueGrowing", False, queue(10, 5), plan="vllm")
    yield Case("ModelberthSaturated", True, queue(40, 20), plan="vllm")
    yield Case("ModelberthSaturated", False, queue(40, 5), plan="vllm")
    for used, fires in ((0.99, True), (0.5, False)):
        cache = {of_endpoint("vllm:kv_cache_usage_perc", pod="a"): f"{used}x100"}
        yield Case("ModelberthCacheFull", fires, cache, plan="vllm")
    for status, fires in (("5xx", True), ("4xx", False)):
        http = {
            of_endpoint(
                "http_requests_total", handler="/v1/completions", method="POST", status=status
            ): "0+50x100",
            of_endpoint(
                "http_requests_total", handler="/v1/completions", method="POST", status="2xx"
            ): "0+50x100",
        }
        yield Case("ModelberthErrorBudgetBurn1h", fires, http, plan="vllm")


def others() -> Iterator[Case]:
    for reason, fires in (("BACKEND", True), ("CANCELED", False)):
        model = {"model": "iris", "version": "3"}
        triton = {
            of_endpoint("nv_inference_request_success", **model): "0+50x100",
            of_endpoint("nv_inference_request_failure", **model, reason=reason): "0+50x100",
        }
        yield Case("ModelberthErrorBudgetBurn1h", fires, triton, plan="triton")
    for status, fires in (("INTERNAL", True), ("INVALID_ARGUMENT", False)):
        counts = {
            of_endpoint(":tensorflow:serving:request_count", model_name="iris", status="OK"): "0+50x100",
            of_endpoint(":tensorflow:serving:request_count", model_name="iris", status=status): "0+50x100",
        }
        yield Case("ModelberthErrorBudgetBurn1h", fires, counts, plan="tensorflow-serving")
    for fast, fires in ((50, True), (99, False)):
        # 80 ms lies between these bounds, in microseconds; Prometheus 3 writes 121440.0.
        slow = {
            of_endpoint(":tensorflow:serving:request_latency_bucket", le="67466.4"): f"0+{fast}x100",
            of_endpoint(":tensorflow:serving:request_latency_bucket", le="121440.0"): f"0+{fast}x100",
            of_endpoint(":tensorflow:serving:request_latency_count"): "0+100x100",
        }
        yield Case("ModelberthLatencyBudgetBurn1h", fires, slow, plan="tensorflow-serving")


def replicas() -> Iterator[Case]:
    yield Case("ModelberthNoReplica", True, deployment("0x100", "2x100"))
    yield Case("ModelberthNoReplica", False, deployment("1x100", "2x100"))
    yield Case("ModelberthNoReplica", False, deployment("0x100", "0x100"), why="scaled to zero")
    yield Case("ModelberthReplicasMissing", True, deployment("1x100", "2x100"))
    yield Case("ModelberthReplicasMissing", False, deployment("2x100", "2x100"))
    yield Case("ModelberthReplicasMissing", False, deployment("2x50 1x9", "2x100"), at=59, why="an update")
    yield Case("ModelberthAtMaxReplicas", True, deployment("4x100", "4x100"))
    yield Case("ModelberthAtMaxReplicas", False, deployment("3x100", "3x100"))
    waiting = "kube_pod_container_status_waiting_reason"
    yield Case("ModelberthCrashLooping", True, pod(waiting, "1x100", reason="CrashLoopBackOff"))
    yield Case("ModelberthCrashLooping", False, pod(waiting, "1x100", reason="ContainerCreating"))
    stranger = pod(waiting, "1x100", f"{NAME}x-{POD}", reason="CrashLoopBackOff")
    yield Case("ModelberthCrashLooping", False, stranger, why="another endpoint's")
    restarts, ended = (
        "kube_pod_container_status_restarts_total",
        "kube_pod_container_status_last_terminated_reason",
    )
    killed = pod(restarts, "0x50 1x50") | pod(ended, "0x50 1x50", reason="OOMKilled")
    yield Case("ModelberthOutOfMemory", True, killed)
    yield Case("ModelberthOutOfMemory", False, killed, at=90, why="long ago")
    yield Case(
        "ModelberthOutOfMemory", False, pod(restarts, "0x50 1x50") | pod(ended, "1x100", reason="Error")
    )


def gpus() -> Iterator[Case]:
    """Of exporters before release 4.9, and from it on; scraped with their own labels, or with others."""
    names = (("DCGM_FI_DEV_XID_ERRORS", "", 1), ("DCGM_FI_DEV_XID_ERROR", "_BYTES", MEBIBYTE))
    for exported, (fault, suffix, unit) in product((True, False), names):
        why = f"{fault}, exported {exported}"
        xid = gpu(fault, "0x50 79x50", exported)
        yield Case("ModelberthGpuFault", True, xid, plan="vllm", why=why)
        yield Case("ModelberthGpuFault", False, xid, at=40, plan="vllm", why=why)
        for used, fires in ((98, True), (50, False)):
            memory = gpu_memory(used, suffix, unit, exported)
            yield Case("ModelberthGpuMemoryFull", fires, memory, plan="triton", why=why)


def guards_and_drift() -> Iterator[Case]:
    fine = requests(_200=900)
    yield Case("ModelberthGuardErrors", True, fine | requests(revision=NEW, _200=95, _504=5))
    yield Case("ModelberthGuardErrors", False, fine | requests(revision=NEW, _200=1000, _504=5))
    yield Case("ModelberthGuardErrors", False, requests(_500=900), why="the previous model fails")
    slow, fast = ({"_0_05": share, "_0_1": share, "_0_25": 100, "_Inf": 100} for share in (90, 100))
    yield Case("ModelberthGuardLatency", True, latencies(NEW, **slow) | latencies(OLD, **fast))
    yield Case(
        "ModelberthGuardLatency", False, latencies(NEW, **{**fast, "_0_05": 100}) | latencies(OLD, **slow)
    )
    yield Case("ModelberthInputsDrifted", True, psi("feature", 0.5, 0.05, 0.05))
    yield Case("ModelberthInputsDrifted", False, psi("feature", 0.5, 0.05, 0.05, 0.05))
    yield Case("ModelberthPredictionsShifted", True, psi("prediction", 0.3))
    yield Case("ModelberthPredictionsShifted", False, psi("prediction", 0.2))


CASES = [
    *(*burns(), *loads(), *vllm(), *others(), *replicas(), *gpus(), *guards_and_drift()),
]


def promtool(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)


def rule_file(folder: Path, plan: str, alert: str = "") -> Path:
    """Write the rules of a plan; with an alert, only its group and those that its group computes from."""
    wanted = groups(PLANS[plan])
    if alert:
        of_alert = group_of(plan, alert)
        wanted = [one for one in wanted if one["name"] == of_alert or one["name"].endswith("/load")]
    # A rule file is YAML, of which JSON is a part.
    path = folder / f"{plan.replace(' ', '-')}.rules.json"
    path.write_text(json.dumps({"groups": wanted}))
    return path


def group_of(plan: str, alert: str) -> str:
    return next(
        (
            str(group["name"])
            for group in groups(PLANS[plan])
            if alert in {rule.get("alert") for rule in group["rules"]}
        ),
        "",
    )


def run_cases(
    folder: Path, plan: str, cases: list[Case], every: str = "1m"
) -> "subprocess.CompletedProcess[str]":
    firing = 'sgn(count(ALERTS{{alertname="{}",alertstate="firing"}})) or vector(0)'
    tests = [
        {
            "name": f"{case.alert} {'fires' if case.fires else 'is silent'} {case.why}".strip(),
            "interval": f"{case.step}m",
            "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
            "promql_expr_test": [
                {
                    "expr": firing.format(case.alert),
                    "eval_time": f"{case.at}m",
                    "exp_samples": [{"labels": "{}", "value": int(case.fires)}],
                }
            ],
        }
        for case in cases
    ]
    # Days in steps of a minute would take minutes.
    every = "60m" if cases[0].at > LONG else "1m"
    file = folder / "cases.json"
    file.write_text(
        json.dumps(
            {
                "rule_files": [rule_file(folder, plan, cases[0].alert).name],
                "evaluation_interval": every,
                "tests": tests,
            }
        )
    )
    return promtool("test", "rules", str(file))


@pytest.mark.parametrize("plan", PLANS)
def test_prometheus_reads_the_rules_and_every_query_of_the_dashboard(plan: str, tmp_path: Path) -> None:
    queries = [query for panel in panels(PLANS[plan]) for query in panel.queries]
    asked = [
        {"record": f"query:{place}", "expr": query.expression.replace("$__rate_interval", "1m")}
        for place, query in enumerate(queries)
    ]
    (tmp_path / "queries.json").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": asked}]}))
    checked = promtool("check", "rules", str(rule_file(tmp_path, plan)), str(tmp_path / "queries.json"))
    assert checked.returncode == 0, checked.stderr
    assert f"SUCCESS: {len(queries)} rules found" in checked.stdout
    assert len(queries) >= 11
    count = sum(len(group["rules"]) for group in groups(PLANS[plan]))
    assert f"SUCCESS: {count} rules found" in checked.stdout


@pytest.mark.parametrize("name", ["DCGM_FI_DEV_XID_ERRORS", "DCGM_FI_DEV_XID_ERROR"])
def test_a_fault_is_told_with_its_node(name: str, tmp_path: Path) -> None:
    (rule,) = [
        rule
        for group in groups(PLANS["vllm"])
        for rule in group["rules"]
        if rule.get("alert") == "ModelberthGpuFault"
    ]
    (series,) = gpu(name, "79x9", exported=False)
    found = dict(re.findall(r'(\w+)="([^"]*)"', series))
    told = {**rule["annotations"], "summary": "iris: GPU 0 on node-1: XID 79"}
    expected = {"exp_labels": {**found, **rule["labels"]}, "exp_annotations": told}
    test = {
        "interval": "1m",
        "input_series": [{"series": series, "values": "79x9"}],
        "alert_rule_test": [
            {"eval_time": "5m", "alertname": rule["alert"], "exp_alerts": [expected]},
        ],
    }
    rules = rule_file(tmp_path, "vllm", rule["alert"])
    file = tmp_path / "fault.json"
    file.write_text(json.dumps({"rule_files": [rules.name], "tests": [test]}))
    done = promtool("test", "rules", str(file))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("series", "busy"),
    [
        (gpu("DCGM_FI_DEV_GPU_UTIL", "40x100", plan="triton") | gpu_memory(75, "", 1), 0.4),
        (
            gpu("DCGM_FI_DEV_GPU_UTIL_RATIO", "0.4x100", plan="triton") | gpu_memory(75, "_BYTES", MEBIBYTE),
            0.4,
        ),
        ({}, None),
    ],
    ids=["before 4.9", "from 4.9 on", "no exporter"],
)
def test_the_dashboard_tells_the_same_of_a_gpu_by_either_name(
    series: dict[str, str], busy: float | None, tmp_path: Path
) -> None:
    (panel,) = [one for one in panels(PLANS["triton"]) if one.title == "GPU"]
    expected = zip(panel.queries, (busy, None if busy is None else 0.75), strict=True)
    asked = [
        {
            "expr": query.expression,
            "eval_time": "10m",
            "exp_samples": [] if value is None else [{"labels": '{gpu="0"}', "value": value}],
        }
        for query, value in expected
    ]
    given = [{"series": name, "values": values} for name, values in series.items()]
    file = tmp_path / "gpu.json"
    test = {"interval": "1m", "input_series": given, "promql_expr_test": asked}
    file.write_text(json.dumps({"rule_files": [], "tests": [test]}))
    done = promtool("test", "rules", str(file))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("plan", sorted({case.plan for case in CASES}))
def test_alerts_fire_and_stay_silent(plan: str, tmp_path: Path) -> None:
    together: dict[tuple[str, bool], list[Case]] = {}
    for case in CASES:
        if case.plan == plan:
            together.setdefault((group_of(plan, case.alert), case.at > LONG), []).append(case)
    for cases in together.values():
        done = run_cases(tmp_path, plan, cases)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_is_silent() -> None:
    alerts = {
        rule["alert"]
        for plan in PLANS.values()
        for group in groups(plan)
        for rule in group["rules"]
        if "alert" in rule
    }
    assert {case.alert for case in CASES if case.fires} == alerts
    assert {case.alert for case in CASES if not case.fires} == alerts
    assert len(alerts) == 25


@pytest.mark.parametrize("fires", [True, False])
def test_a_case_that_is_wrong_goes_red(fires: bool, tmp_path: Path) -> None:
    right = next(case for case in CASES if case.alert == "ModelberthSaturated" and case.fires == fires)
    wrong = Case(right.alert, not fires, right.series, right.at)
    done = run_cases(tmp_path, "all", [wrong])
    assert done.returncode != 0
    assert "ALERTS" in done.stdout + done.stderr


def test_the_guides_scrape_configuration_gives_series_the_labels_that_the_rules_ask_for(
    tmp_path: Path,
) -> None:
    made = PLANS["defaults"]
    annotations = watching(made, made.main).annotations
    pod_labels = made.labels(made.main)
    seen = {
        "__address__": "10.0.0.1",
        "__meta_kubernetes_namespace": made.namespace,
        "__meta_kubernetes_pod_name": "iris-1",
        "__meta_kubernetes_pod_ip": "10.0.0.1",
        **{f"__meta_kubernetes_pod_annotation_{sanitized(key)}": one for key, one in annotations.items()},
        **{f"__meta_kubernetes_pod_label_{sanitized(key)}": one for key, one in pod_labels.items()},
    }
    guide = (REPOSITORY / "docs" / "kubernetes-monitoring.md").read_text(encoding="utf-8")
    (written,) = re.findall(r"(?ms)^```yaml\n(rule_files:.*?)^```$", guide)
    config = yaml.safe_load(written)
    (job,) = config["scrape_configs"]
    # Debian's Prometheus is built without the discovery of Kubernetes: a file stands for what it finds.
    del job["kubernetes_sd_configs"], config["rule_files"]
    job["file_sd_configs"] = [{"files": ["pods.json"]}]
    address = seen.pop("__address__")
    (tmp_path / "pods.json").write_text(json.dumps([{"targets": [address], "labels": seen}]))
    file = tmp_path / "prometheus.json"
    file.write_text(json.dumps(config))
    done = promtool("check", "service-discovery", "--timeout=1s", str(file), job["job_name"])
    assert done.returncode == 0, done.stderr
    (target,) = json.loads(done.stdout)
    labels = target["labels"]
    assert (labels["__address__"], labels["__metrics_path__"]) == ("10.0.0.1:9090", "/metrics")
    assert (labels["namespace"], labels["pod"]) == (made.namespace, "iris-1")
    assert labels["app_kubernetes_io_instance"] == made.name
    assert labels["modelberth_revision"] == made.main.key


def sanitized(key: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_]", "_", key)


def test_what_a_person_is_told(tmp_path: Path) -> None:
    """Templates are filled in, and the labels by which alerts are routed are there."""
    expected: dict[str, Any] = {
        "exp_labels": {
            "severity": "critical",
            "namespace": "modelberth",
            "app_kubernetes_io_instance": NAME,
        },
        "exp_annotations": {
            "summary": "iris: 20% of the requests failed",
            "description": "The promise is that 99.5 percent succeed over 30 days. In the last 1h and 5m its "
            "budget was spent at 14.4 times the rate at which it would last, or faster: it is gone after 50 "
            "hours at most.",
            "runbook": "See that it is still so, compare the revisions on the dashboard, read the log lines "
            "of status 5xx, and roll back if it began with a change.",
        },
    }
    series = [{"series": name, "values": value} for name, value in requests(_200=80, _500=20).items()]
    told = [{"eval_time": "1h", "alertname": "ModelberthErrorBudgetBurn1h", "exp_alerts": [expected]}]
    tests = [{"interval": "1m", "input_series": series, "alert_rule_test": told}]
    file = tmp_path / "told.json"
    file.write_text(json.dumps({"rule_files": [rule_file(tmp_path, "all").name], "tests": tests}))
    done = promtool("test", "rules", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
