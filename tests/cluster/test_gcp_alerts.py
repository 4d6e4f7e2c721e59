"""Google Cloud's alerts: each fires when it should and stays silent otherwise, as Prometheus evaluates it.

Cloud Monitoring evaluates PromQL as Prometheus 2.44 does, up to how a rate is extrapolated (Google Cloud,
"PromQL compatibility"). What it counts anew in each minute is a counter here.
"""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from modelberth.gcp.monitoring.alert import Alert
from modelberth.gcp.monitoring.alerts import alerts
from modelberth.gcp.monitoring.dashboard import panels
from modelberth.gcp.monitoring.signals import Role, promql_name
from support.gcp_watched import ENDPOINTS, NEW

MINUTES = 60
LONG = 120
BOUNDS = (10, 50, 250, 350, 500, 10_000, 100_000)
"""Of the histograms that are made up: no page tells Google's."""
OLD = "shop-prod-iris-00000000"


@dataclass(frozen=True)
class Case:
    """Series from minute 0 on, a value a step, and whether an alert fires at a minute."""

    endpoint: str
    role: str
    fires: bool
    series: dict[str, str]
    at: int = MINUTES
    step: int = 1
    why: str = ""


def series(endpoint: str, role: Role, suffix: str = "", version: str = "", **more: str) -> str:
    """A series as Google would send it, with all that it is told by, and a label that nothing asks for."""
    signals = ENDPOINTS[endpoint].signals
    metric = signals.metrics[role]
    values = {label: signals.where[word] for label, word in signals.labels.items()}
    told = {label: pattern.replace("..", "xx") for label, pattern in metric.only.items()}
    labels = {
        "monitored_resource": signals.resource,
        **values,
        signals.version: version or OLD,
        "spot": "False",
        **told,
        **more,
    }
    name = promql_name(metric.name.format_map(signals.where)) + suffix
    told_by = ",".join(f'{label}="{value}"' for label, value in labels.items())
    return f"{name}{{{told_by}}}"


def counted(rate: float, step: int = 1, minutes: int = 5000) -> str:
    return f"0+{rate * step:g}x{minutes // step}"


def requests(
    endpoint: str, ok: float, failed: float = 0, *, step: int = 1, version: str = "", rejected: float = 0
) -> dict[str, str]:
    """Requests a minute, by how they ended; none of a kind has no series."""
    label = "response_code_class" if endpoint.startswith("run") else "response_code"
    found = {"2xx": ok, "4xx": rejected, "5xx": failed}
    return {
        series(endpoint, "requests", version=version, **{label: code}): counted(rate, step)
        for code, rate in found.items()
        if rate
    }


def refused(endpoint: str, rate: float, step: int = 1) -> dict[str, str]:
    return {series(endpoint, "refused"): counted(rate, step)}


def histogram(
    endpoint: str, role: Role, value: float, bounds: tuple[float, ...] = BOUNDS, version: str = ""
) -> dict[str, str]:
    """Ten a minute of one value."""
    return {
        series(endpoint, role, "_bucket", version, le=bound): counted(10 if value <= float(bound) else 0)
        for bound in (*map(str, bounds), "+Inf")
    }


def gauge(endpoint: str, role: Role, values: str, **more: str) -> dict[str, str]:
    return {series(endpoint, role, **more): values}


def burns() -> Iterator[Case]:
    """Thresholds of 99.5 percent: 7.2, 3, 1.5 and 0.5 percent."""
    rows = (("1h", 60, 1, 20, 5), ("6h", 360, 1, 5, 2), ("1d", 1440, 5, 2, 1), ("3d", 4320, 5, 0.8, 0.3))
    for endpoint in ("run, promised", "vertex, promised"):
        for window, at, step, fires, silent in rows:
            for failed, is_up in ((fires, True), (silent, False)):
                load = requests(endpoint, 100 - failed, failed, step=step)
                yield Case(endpoint, f"burn-{window}", is_up, load, at, step)
        yield Case(endpoint, "burn-1h", False, requests(endpoint, 50, rejected=50), why="the caller's fault")
        yield Case(endpoint, "burn-1h", False, {}, why="nobody calls")
        over = requests(endpoint, 50) | {next(iter(requests(endpoint, 0, 1))): "0+50x50 2500x100"}
        yield Case(endpoint, "burn-1h", True, over, 50, why="an outage")
        yield Case(endpoint, "burn-1h", False, over, 58, why="that is over")
        once = {next(iter(requests(endpoint, 0, 1))): "0x58 1x100"}
        yield Case(endpoint, "burn-1h", False, once, why="one request alone")
    run = "run, promised"
    yield Case(run, "burn-1h", True, requests(run, 90) | refused(run, 10), why="no replica is no success")
    yield Case(run, "burn-1h", False, requests(run, 95) | refused(run, 5))
    yield Case(run, "burn-1h", True, refused(run, 10), why="not one replica starts")


def failing() -> Iterator[Case]:
    for endpoint in ("run, warm", "vertex, warm"):
        yield Case(endpoint, "errors", True, requests(endpoint, 94, 6))
        yield Case(endpoint, "errors", False, requests(endpoint, 96, 4))
        once = {next(iter(requests(endpoint, 0, 1))): "0x58 1x100"}
        yield Case(endpoint, "errors", False, once, why="one request alone")
    run = "run, warm"
    yield Case(run, "refusals", True, requests(run, 98) | refused(run, 2))
    yield Case(run, "refusals", True, refused(run, 2), why="not one replica starts")
    yield Case(run, "refusals", False, requests(run, 995) | refused(run, 5))
    yield Case(run, "errors", False, requests("vertex, warm", 50, 50), why="another endpoint's")


def slow() -> Iterator[Case]:
    for endpoint, fast, long in (
        ("run, promised", 240, 340),
        ("vertex, promised", 240, 340),
        ("run, warm", 9_000, 90_000),
    ):
        yield Case(endpoint, "latency", True, histogram(endpoint, "latency", long))
        yield Case(endpoint, "latency", False, histogram(endpoint, "latency", fast))
    burst = {
        name: values.replace("0+10x", "0x50 0+10x")
        for name, values in histogram("run, warm", "latency", 90_000).items()
    }
    yield Case("run, warm", "latency", False, burst, why="for ten minutes only")


def replicas() -> Iterator[Case]:
    for endpoint, more in (("run, warm", {"state": "idle"}), ("vertex, warm", {})):
        yield Case(endpoint, "unavailable", True, gauge(endpoint, "replicas", "0x100", **more))
        yield Case(endpoint, "unavailable", True, {}, why="nothing is told any more")
        yield Case(endpoint, "unavailable", False, gauge(endpoint, "replicas", "1x100", **more))
        yield Case(
            endpoint, "unavailable", False, gauge(endpoint, "replicas", "1x45 0x55", **more), why="soon"
        )
        yield Case(endpoint, "at-max", True, gauge(endpoint, "active", "10x100"))
        yield Case(endpoint, "at-max", False, gauge(endpoint, "active", "9x100"))
        both = gauge(endpoint, "active", "5x100") | gauge(endpoint, "active", "5x100", version="other")
        yield Case(endpoint, "at-max", False, both, why="each of two versions has half of them")
        yield Case(
            endpoint, "at-max", False, gauge(endpoint, "active", "2x50 10x50"), why="for ten minutes only"
        )
    vertex = "vertex, warm"
    wanted = gauge(vertex, "wanted", "3x100")
    yield Case(vertex, "replicas-missing", True, wanted | gauge(vertex, "replicas", "2x100"))
    yield Case(vertex, "replicas-missing", False, wanted | gauge(vertex, "replicas", "3x100"))
    late = wanted | gauge(vertex, "replicas", "2x45 3x55")
    yield Case(vertex, "replicas-missing", False, late, why="one has come since")


def loads() -> Iterator[Case]:
    run, bounds = "run, warm", (1, 2, 4, 6, 8, 10, 12)
    yield Case(run, "saturation", True, histogram(run, "in_progress", 10, bounds), why="10 of 10")
    yield Case(run, "saturation", False, histogram(run, "in_progress", 6, bounds), why="6 of 10")
    yield Case("vertex, warm", "saturation", True, gauge("vertex, warm", "cpu_use", "3.8x100"), why="of 4")
    yield Case("vertex, warm", "saturation", False, gauge("vertex, warm", "cpu_use", "3.5x100"), why="of 4")
    one, tenths = "run, one each", (0.5, 0.8, 0.9, 0.95, 1)
    yield Case(one, "saturation", True, histogram(one, "cpu_use", 1, tenths))
    yield Case(one, "saturation", False, histogram(one, "cpu_use", 0.9, tenths))
    yield Case("vertex, gpu", "saturation", True, gauge("vertex, gpu", "gpu_use", "0.97x100"))
    yield Case("vertex, gpu", "saturation", False, gauge("vertex, gpu", "gpu_use", "0.9x100"))
    yield Case(run, "waiting", True, gauge(run, "queued", "2x100"))
    yield Case(run, "waiting", False, gauge(run, "queued", "0x100"))
    yield Case(run, "waiting", False, gauge(run, "queued", "0x52 9x48"), why="for a moment")


def guards() -> Iterator[Case]:
    for endpoint in ("run, promised", "vertex, promised"):
        new = NEW["cloud_run" if endpoint.startswith("run") else "vertex"]
        fine = requests(endpoint, 900)
        yield Case(endpoint, "guard-errors", True, fine | requests(endpoint, 95, 5, version=new))
        yield Case(endpoint, "guard-errors", False, fine | requests(endpoint, 1000, 5, version=new))
        yield Case(endpoint, "guard-errors", False, requests(endpoint, 1, 900), why="the previous one fails")
        fast, slower = (histogram(endpoint, "latency", value) for value in (200, 9_000))
        yield Case(endpoint, "guard-latency", True, fast | histogram(endpoint, "latency", 490, version=new))
        yield Case(
            endpoint, "guard-latency", False, slower | histogram(endpoint, "latency", 340, version=new)
        )


CASES = [*burns(), *failing(), *slow(), *replicas(), *loads(), *guards()]


def promtool(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)


def rule(alert: Alert) -> dict[str, str]:
    return {"alert": alert.role.replace("-", "_"), "expr": alert.expression, "for": f"{alert.lasting}s"}


def run_cases(folder: Path, cases: list[Case]) -> "subprocess.CompletedProcess[str]":
    """Run cases of one alert."""
    ((endpoint, role),) = {(case.endpoint, case.role) for case in cases}
    alert = alerts(ENDPOINTS[endpoint])[role]
    firing = f'sgn(count(ALERTS{{alertname="{role.replace("-", "_")}",alertstate="firing"}})) or vector(0)'
    tests = [
        {
            "name": f"{endpoint}: {role} {'fires' if case.fires else 'is silent'} {case.why}".strip(),
            "interval": f"{case.step}m",
            "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
            "promql_expr_test": [
                {
                    "expr": firing,
                    "eval_time": f"{case.at}m",
                    "exp_samples": [{"labels": "{}", "value": int(case.fires)}],
                }
            ],
        }
        for case in cases
    ]
    (folder / "rules.json").write_text(json.dumps({"groups": [{"name": "all", "rules": [rule(alert)]}]}))
    # Days in steps of a minute would take minutes.
    every = "60m" if cases[0].at > LONG else "1m"
    file = folder / "cases.json"
    file.write_text(json.dumps({"rule_files": ["rules.json"], "evaluation_interval": every, "tests": tests}))
    return promtool("test", "rules", str(file))


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_prometheus_reads_every_alert_and_every_query_of_the_dashboard(endpoint: str, tmp_path: Path) -> None:
    made = ENDPOINTS[endpoint]
    lines = [line.expression.replace("${__interval}", "1m") for panel in panels(made) for line in panel.lines]
    rules = [rule(alert) for alert in alerts(made).values()]
    rules += [{"record": f"line:{place}", "expr": line} for place, line in enumerate(lines)]
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"groups": [{"name": "all", "rules": rules}]}))
    checked = promtool("check", "rules", str(file))
    assert checked.returncode == 0, checked.stderr
    assert f"SUCCESS: {len(rules)} rules found" in checked.stdout
    assert len(rules) >= 18


@pytest.mark.parametrize("role", sorted({case.role for case in CASES}))
def test_an_alert_fires_and_stays_silent(role: str, tmp_path: Path) -> None:
    together: dict[tuple[str, bool], list[Case]] = {}
    for case in CASES:
        if case.role == role:
            together.setdefault((case.endpoint, case.at > LONG), []).append(case)
    for cases in together.values():
        done = run_cases(tmp_path, cases)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_of_each_kind_has_a_case_in_which_it_fires_and_one_in_which_it_is_silent() -> None:
    def of(endpoint: str) -> str:
        return endpoint.partition(",")[0]

    made = {(of(name), role) for name, endpoint in ENDPOINTS.items() for role in alerts(endpoint)}
    for fires in (True, False):
        cases = {(of(case.endpoint), case.role) for case in CASES if case.fires == fires}
        assert made - cases == set()
    assert len(made) == 25


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_without_traffic_nothing_fires_but_that_no_replica_is_ready(endpoint: str, tmp_path: Path) -> None:
    made = alerts(ENDPOINTS[endpoint])
    assert len(made) >= 5
    for role in made:
        done = run_cases(tmp_path, [Case(endpoint, role, role == "unavailable", {})])
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("fires", [True, False])
def test_a_case_that_is_wrong_goes_red(fires: bool, tmp_path: Path) -> None:
    right = next(case for case in CASES if case.role == "saturation" and case.fires == fires)
    wrong = Case(right.endpoint, right.role, not fires, right.series, right.at)
    done = run_cases(tmp_path, [wrong])
    assert done.returncode != 0
    assert "ALERTS" in done.stdout + done.stderr
