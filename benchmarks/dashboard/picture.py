"""Draw the dashboard of docs/kubernetes-monitoring.md from what real servers answered under load.

Starts four servers (two of each revision of a canary) and Prometheus, which scrapes them as it would scrape
pods, sends requests for two minutes, and asks Prometheus for every query of the dashboard. Needs Prometheus
(Debian package `prometheus`); everything is on the loopback address and ends with the program.

    python tools/environment.py -- python benchmarks/dashboard/picture.py docs/dashboard.svg
"""

import asyncio
import contextlib
import csv
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from modelberth.kubernetes.monitoring.dashboard import panels
from modelberth.kubernetes.plan import Plan, Revision
from modelberth.spec import EndpointDeployment, KubernetesTarget, parse
from panel_svg import Curve, Plot, as_svg

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = ROOT / "models" / "text-classification" / "package"
MESSAGES: Final = ROOT / "models" / "text-classification" / "data" / "messages.csv"
SECONDS: Final = 120
START_SECONDS: Final = 60
WINDOW: Final = "15s"
# Callers at the same time, from a second on: a quiet begin, a rush, and an end in which a replica is missing.
CALLERS: Final = ((0, 4), (30, 12), (60, 60), (80, 12))
# The rush is of callers who do not wait between two requests, and who send this many texts with each.
RUSH: Final = (60, 80)
RUSH_ROWS: Final = 400
KILLED_AT: Final = 95
SPEC: Final[dict[str, Any]] = {
    "name": "support-routing",
    "model": {"uri": "s3://models/support/2", "sha256": "2" * 64, "version": "2"},
    "limits": {"concurrency": 2},
    "scaling": {"min": 2, "max": 2},
    "rollout": {
        "strategy": "canary",
        "steps": [{"percent": 25}],
        "previous": {"uri": "s3://models/support/1", "sha256": "1" * 64, "version": "1"},
    },
    "monitoring": {"slo": {"availability": 99.0, "latency_p99": "100ms"}},
    "target": {"kind": "kubernetes", "image": f"registry.example.com/support@sha256:{'0' * 64}"},
}


@dataclass(frozen=True)
class Replica:
    """A server process that stands for a pod."""

    revision: Revision
    pod: str
    port: int
    process: "subprocess.Popen[bytes]"


def main() -> int:
    """Draw the picture into the file that the first argument names."""
    prometheus = shutil.which("prometheus")
    if prometheus is None:
        print("picture: no program `prometheus`: apt-get install prometheus", file=sys.stderr)
        return 1
    deployment = parse(EndpointDeployment, SPEC)
    assert isinstance(deployment.target, KubernetesTarget)
    plan = Plan.of(deployment.spec, deployment.target, "shop", "onprem")
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        replicas = [
            stack.enter_context(_server(plan, revision, number))
            for revision in plan.revisions
            for number in range(2)
        ]
        url = stack.enter_context(_prometheus(prometheus, Path(name), plan, replicas))
        begin = time.time()
        asyncio.run(_load(plan, replicas))
        time.sleep(2)
        plots = [Plot(panel.title, panel.unit, _curves(url, panel.queries, begin)) for panel in panels(plan)]
    empty = [plot.title for plot in plots if not any(curve.points for curve in plot.curves)]
    if empty:
        print(f"picture: no data for {', '.join(empty)}", file=sys.stderr)
        return 1
    story = f"canary at 25 percent, a rush from second {RUSH[0]} to {RUSH[1]}, a replica lost at {KILLED_AT}"
    title = f"{plan.namespace} / {plan.name}: {story}"
    Path(sys.argv[1]).write_text(as_svg(plots, title, SECONDS), encoding="utf-8")
    return 0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def _ending(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@contextlib.contextmanager
def _server(plan: Plan, revision: Revision, number: int) -> Iterator[Replica]:
    port = _free_port()
    environment = {
        **plan.container(revision).env,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "MODELBERTH_MODEL_PATH": str(PACKAGE),
        "MODELBERTH_MODEL_SHA256": hashlib.sha256((PACKAGE / "modelberth.json").read_bytes()).hexdigest(),
        "MODELBERTH_REVISION": plan.revision_name(revision),
        "MODELBERTH_DRAIN_SECONDS": "1",
        "MODELBERTH_LOG_LEVEL": "error",
        "PATH": os.environ["PATH"],
    }
    command = [sys.executable, "-m", "modelberth_server"]
    process = subprocess.Popen(command, env=environment)
    with _ending(process):
        _wait(f"http://127.0.0.1:{port}/health/ready", process)
        yield Replica(revision, f"{plan.revision_name(revision)}-{number}", port, process)


@contextlib.contextmanager
def _prometheus(program: str, folder: Path, plan: Plan, replicas: list[Replica]) -> Iterator[str]:
    port = _free_port()
    targets = [
        {
            "targets": [f"127.0.0.1:{replica.port}"],
            "labels": {
                "namespace": plan.namespace,
                "pod": replica.pod,
                "app_kubernetes_io_instance": plan.name,
                "modelberth_revision": replica.revision.key,
            },
        }
        for replica in replicas
    ]
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [{"job_name": "pods", "static_configs": targets}],
    }
    file = folder / "prometheus.yml"
    file.write_text(json.dumps(config))
    command = [
        *(program, f"--config.file={file}", f"--storage.tsdb.path={folder / 'data'}"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"),
    ]
    process = subprocess.Popen(command)
    with _ending(process):
        _wait(f"http://127.0.0.1:{port}/-/ready", process)
        yield f"http://127.0.0.1:{port}"


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, timeout=2).is_success:
                return
        time.sleep(0.1)
    raise TimeoutError(f"{url} did not get ready")


async def _load(plan: Plan, replicas: list[Replica]) -> None:
    chance = random.Random(7)
    with MESSAGES.open(encoding="utf-8", newline="") as file:
        texts = [row["message"] for row in csv.DictReader(file)]
    many = json.dumps({"instances": chance.choices(texts, k=RUSH_ROWS)}).encode()
    begin = time.monotonic()
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=100)
    async with httpx.AsyncClient(limits=limits, timeout=10) as client, asyncio.TaskGroup() as group:

        async def call(number: int) -> None:
            while (now := time.monotonic() - begin) < SECONDS:
                if number >= next(count for start, count in reversed(CALLERS) if now >= start):
                    await asyncio.sleep(0.2)
                    continue
                alive = [one for one in replicas if one.process.poll() is None]
                weights = [one.revision.weight for one in alive]
                replica = chance.choices(alive, weights)[0]
                is_rush = RUSH[0] <= now < RUSH[1]
                few = chance.choices(texts, k=chance.randint(1, 8))
                body = many if is_rush else json.dumps({"instances": few}).encode()
                with contextlib.suppress(httpx.HTTPError):
                    url = f"http://127.0.0.1:{replica.port}/predict"
                    await client.post(url, content=body, headers={"content-type": "application/json"})
                await asyncio.sleep(0 if is_rush else chance.uniform(0.02, 0.1))

        async def kill() -> None:
            await asyncio.sleep(KILLED_AT)
            lost = next(one for one in replicas if one.revision is not plan.main)
            lost.process.kill()

        for number in range(max(count for _, count in CALLERS)):
            group.create_task(call(number))
        group.create_task(kill())


def _curves(url: str, queries: Any, begin: float) -> tuple[Curve, ...]:
    found = []
    for query in queries:
        asked = {
            "query": query.expression.replace("$__rate_interval", WINDOW),
            "start": begin,
            "end": begin + SECONDS,
            "step": 1,
        }
        answer = httpx.get(f"{url}/api/v1/query_range", params=asked).raise_for_status().json()
        for series in sorted(answer["data"]["result"], key=lambda one: str(one["metric"])):
            label = query.legend
            for name, value in series["metric"].items():
                label = label.replace(f"{{{{{name}}}}}", value)
            points = tuple((float(at) - begin, float(value)) for at, value in series["values"])
            found.append(Curve(label, points))
    return tuple(found)


if __name__ == "__main__":
    sys.exit(main())
