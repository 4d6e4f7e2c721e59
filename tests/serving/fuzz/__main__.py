"""`make fuzz`: at least 100,000 hostile cases against real servers, and what they did to them.

Most are HTTP; the others are calls to the gRPC port, and connections to both ports where they speak TLS.
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

from serving.authorities import Authority
from serving.fuzz import attack, grpc_attack, schema
from serving.fuzz.calls import Calls
from serving.fuzz.handshakes import Handshakes
from serving.fuzz.healthy import Healthy, percentile
from serving.fuzz.judge import Judgement
from serving.fuzz.messages import Messages
from serving.fuzz.models import many_types
from serving.fuzz.ports import grpc_address
from serving.fuzz.slow import Slow
from serving.fuzz.worker import Worker
from serving.models import IRIS, ModelFile
from serving.processes import Launch, ServerProcess, launcher

# Of the cases: streams with broken framing, each on its own connection; the rest are requests.
STREAMS = 0.15
ADMIN = 0.05
SETTLED_SECONDS = 2
MEASURED_SECONDS = 4


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description="Attack the model server.")
    parser.add_argument("--cases", type=int, default=120_000, help="of HTTP")
    parser.add_argument("--calls", type=int, default=20_000, help="to the gRPC port")
    parser.add_argument("--handshakes", type=int, default=6000, help="with the ports that speak TLS")
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
        for title, model in models.items() if arguments.calls else ():
            server = start(launch, model, MODELBERTH_GRPC_PORT="0")
            wrong += _call(title, server, arguments.calls // len(models), arguments.seed)
        if arguments.handshakes:
            wrong += _shake_hands(launch, models["iris"], folder, arguments.handshakes, arguments.seed)
        if arguments.slow:
            _trickle(start(launch, models["iris"]), arguments.slow, arguments.rounds)
    return 1 if wrong else 0


def start(launch: Launch, model: ModelFile, **more: str) -> ServerProcess:
    server = launch(
        model.environ(
            AIP_PREDICT_ROUTE="/vertex", MODELBERTH_ADMIN_PORT="0", MODELBERTH_MAX_CONCURRENCY="1000", **more
        )
    )
    server.wait_until_ready()
    return server


def _attack(title: str, server: ServerProcess, cases: int, seed: int) -> int:
    """Attack one server; return the number of faults."""
    metadata = httpx.get(f"{server.url}/v2/models/model", trust_env=False).json()
    messages = Messages(metadata, random.Random(seed))
    host, _, port = server.log.partition("admin routes on ")[2].split()[0].rpartition(":")
    worker = Worker(server)

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
    worker.warm()
    with Healthy(server.address, metadata) as healthy:
        began = time.monotonic()
        judgement = attack_with(cases)
        seconds = time.monotonic() - began
        latencies, failures = healthy.stop()
    _report(title, judgement, seconds)
    print(
        f"  a healthy client beside it: {len(latencies)} requests, p50 {percentile(latencies, 50):.2f} ms, "
        f"p99 {percentile(latencies, 99):.2f} ms"
    )
    return _conclude(worker, [*warm.faults, *judgement.faults, *failures])


def _call(title: str, server: ServerProcess, number: int, seed: int) -> int:
    """Attack the gRPC port of one server; return the number of faults."""
    metadata = httpx.get(f"{server.url}/v2/models/model", trust_env=False).json()
    calls = Calls(Messages(metadata, random.Random(seed)))
    address = grpc_address(server)
    worker = Worker(server)

    def attack_with(number: int) -> Judgement:
        judgement = Judgement()
        asyncio.run(grpc_attack.send_calls(address, calls.some(number), judgement))
        grpc_attack.send_frames(address, calls.messages.draw, int(number * STREAMS))
        return judgement

    warm = attack_with(number // 5)
    worker.warm()
    began = time.monotonic()
    judgement = attack_with(number)
    _report(f"gRPC, {title}", judgement, time.monotonic() - began)
    asyncio.run(grpc_attack.send_calls(address, iter([calls.healthy()]), judgement))
    return _conclude(worker, [*warm.faults, *judgement.faults])


def _shake_hands(launch: Launch, model: ModelFile, folder: Path, number: int, seed: int) -> int:
    """Attack the ports of one server that speaks TLS; return the number of faults."""
    authority = Authority(folder, "authority")
    pair = authority.issue("server")
    files = {"MODELBERTH_TLS_CERT_FILE": str(pair.cert), "MODELBERTH_TLS_KEY_FILE": str(pair.key)}
    server = start(launch, model, MODELBERTH_GRPC_PORT="0", **files)
    worker = Worker(server)
    faults: list[str] = []
    for share in (0.2, 1.0):
        worker.warm()
        cases: Counter[str] = Counter()
        for address in (server.address, grpc_address(server)):
            handshakes = Handshakes(address, authority.client(), random.Random(seed))
            handshakes.attack(int(number * share) // 2)
            cases += handshakes.cases
            faults += handshakes.faults
    answer = httpx.get(
        f"https://{server.url.partition('//')[2]}/health/ready", verify=authority.client(), trust_env=False
    )
    if answer.status_code != 200:
        faults.append(f"a healthy client: {answer.status_code}")
    print(f"\nTLS: {cases.total()} connections")
    for kind, count in sorted(cases.items()):
        print(f"  {kind:46}{count:8}")
    return _conclude(worker, faults)


def _conclude(worker: Worker, faults: list[str]) -> int:
    found = [*faults, *worker.faults()]
    print(f"  memory {worker.grown()}\n  {len(found)} faults")
    for fault in found[:20]:
        print(f"  FAULT {fault}")
    return len(found)


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
