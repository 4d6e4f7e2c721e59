"""`make fuzz`: at least 100,000 hostile cases against real servers, and what they did to them.

Prints what was answered by route, kind and status; the memory of the servers against that after a warm-up
of the same mix; and the latency of a healthy client beside it, and beside clients that trickle or never read.
The exit status is 1 where any case was answered wrongly, a server died, or its memory grew beyond the bound.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx
import psutil

from serving.fuzz import attack, schema
from serving.fuzz.healthy import Healthy, percentile
from serving.fuzz.judge import Judgement
from serving.fuzz.messages import Messages
from serving.fuzz.models import many_types
from serving.fuzz.slow import Slow
from serving.models import IRIS, ModelFile
from serving.processes import Launch, ServerProcess, launcher

MIB = 1 << 20
# What the allocators of Python and C may keep between two rounds of the same mix.
ALLOWED_GROWTH = 8 * MIB
# Of the cases: streams with broken framing, each on its own connection; the rest are requests.
STREAMS = 0.15
ADMIN = 0.05
SETTLED_SECONDS = 2
MEASURED_SECONDS = 4


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description="Attack the model server.")
    parser.add_argument("--cases", type=int, default=120_000, help="0: only the slow clients")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--examples", type=int, default=400, help="of schemathesis for each operation")
    parser.add_argument("--slow", type=int, default=400, help="clients that trickle or never read")
    parser.add_argument("--rounds", type=int, default=5, help="pairs of measurements with and without them")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    with tempfile.TemporaryDirectory() as name, launcher(Path(name)) as launch:
        folder = Path(name)
        models = {
            "iris": ModelFile.at(IRIS),
            "many types": ModelFile.write(folder / "model.onnx", many_types()),
        }
        wrong = 0
        for title, model in models.items() if arguments.cases else ():
            server = start(launch, model)
            wrong += _attack(title, server, arguments.cases // len(models), arguments.seed)
            wrong += _schemathesis(server, folder, arguments.examples, arguments.seed, exact=title == "iris")
        _trickle(start(launch, models["iris"]), arguments.slow, arguments.rounds)
    return 1 if wrong else 0


def start(launch: Launch, model: ModelFile) -> ServerProcess:
    server = launch(
        model.environ(
            AIP_PREDICT_ROUTE="/vertex", MODELBERTH_ADMIN_PORT="0", MODELBERTH_MAX_CONCURRENCY="1000"
        )
    )
    server.wait_until_ready()
    return server


def _attack(title: str, server: ServerProcess, cases: int, seed: int) -> int:
    """Attack one server; return the number of faults."""
    metadata = httpx.get(f"{server.url}/v2/models/model", trust_env=False).json()
    messages = Messages(metadata, random.Random(seed))
    host, _, port = server.log.partition("admin routes on ")[2].split()[0].rpartition(":")
    worker = psutil.Process(server.process.pid).children()[0]

    def attack_with(number: int) -> Judgement:
        judgement = Judgement()
        streams, admin = int(number * STREAMS), int(number * ADMIN)

        async def send() -> None:
            requests = attack.requests(messages, number - streams - admin)
            await attack.send_all(server.address, requests, judgement)
            await attack.send_streams(server.address, attack.streams(messages, streams), judgement)
            await attack.send_all((host, int(port)), attack.admin_requests(messages.draw, admin), judgement)

        asyncio.run(send())
        return judgement

    warm = attack_with(cases // 5)
    before = worker.memory_info().rss
    with Healthy(server.address, metadata) as healthy:
        began = time.monotonic()
        judgement = attack_with(cases)
        seconds = time.monotonic() - began
        latencies, failures = healthy.stop()
    grown = worker.memory_info().rss - before
    faults = [*warm.faults, *judgement.faults, *failures]
    if psutil.Process(server.process.pid).children() != [worker]:
        faults.append("the worker died")
    if "Traceback" in server.log:
        faults.append(f"a traceback in the log: {server.log[server.log.index('Traceback') :][:3000]}")
    if grown > ALLOWED_GROWTH:
        faults.append(f"the memory grew by {grown / MIB:.1f} MiB, {ALLOWED_GROWTH / MIB:.0f} are allowed")
    _report(title, judgement, seconds)
    print(
        f"  memory {before / MIB:.1f} MiB after {warm.cases} cases, {grown / MIB:+.1f} MiB after "
        f"{judgement.cases} more\n  a healthy client beside it: {len(latencies)} requests, p50 "
        f"{percentile(latencies, 50):.2f} ms, p99 {percentile(latencies, 99):.2f} ms\n  {len(faults)} faults"
    )
    for fault in faults[:20]:
        print(f"  FAULT {fault}")
    return len(faults)


def _schemathesis(server: ServerProcess, folder: Path, examples: int, seed: int, *, exact: bool) -> int:
    outcome = schema.attack(server, folder, examples, seed, exact=exact)
    print(
        f"  schemathesis: {outcome.cases} cases for {outcome.operations} operations, "
        f"exit status {outcome.status}"
    )
    if outcome.status:
        print(outcome.output[-5000:])
    return int(outcome.status != 0)


def _report(title: str, judgement: Judgement, seconds: float) -> None:
    print(
        f"\n{title}: {judgement.cases} cases in {seconds:.0f} s, {judgement.silent} streams without an answer"
    )
    _table("route", judgement.answers)
    _table("kind", judgement.kinds)


def _table(head: str, tally: Counter[tuple[str, int]]) -> None:
    statuses = sorted({status for _, status in tally})
    print(f"  {head:46}" + "".join(f"{status:8}" for status in statuses))
    for name in sorted({name for name, _ in tally}):
        print(f"  {name:46}" + "".join(f"{tally[name, status] or '':8}" for status in statuses))


def _trickle(server: ServerProcess, clients: int, rounds: int) -> None:
    """Compare the healthy client with and without slow ones, in turns."""
    metadata = httpx.get(f"{server.url}/v2/models/model", trust_env=False).json()
    pairs: list[tuple[float, float]] = []
    for _ in range(rounds):
        pair: list[float] = []
        for number in (0, clients):
            with Slow(server.address, number):
                # What they asked for at first is answered, and none is cut off yet.
                time.sleep(SETTLED_SECONDS)
                with Healthy(server.address, metadata) as healthy:
                    time.sleep(MEASURED_SECONDS)
                    latencies, failures = healthy.stop()
                assert not failures, failures
            pair.append(percentile(latencies, 99))
        pairs.append((pair[0], pair[1]))
    ratios = sorted(slow / alone for alone, slow in pairs)
    alone, slow = (sorted(values)[len(values) // 2] for values in zip(*pairs, strict=True))
    print(
        f"\n{clients} slow clients (headers, bodies and answers, a third each): the p99 of a healthy one is "
        f"{slow:.2f} ms, {alone:.2f} ms without them; medians of {rounds}\n"
        f"  ratio {ratios[len(ratios) // 2]:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    )


if __name__ == "__main__":
    sys.exit(main())
