"""The measurements, in rounds over all servers: what else the machine does hits each of them."""

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPException
from itertools import cycle
from pathlib import Path
from subprocess import SubprocessError
from typing import Final

import wrk
from contenders import OURS, Contender
from floor import Floor, answer_of
from measurements import Figures, Sample
from onnx_models import Array, ServedModel, session
from open_loop import Offered, offer
from running_server import RunningServer, free_port, start
from timing import BenchmarkError
from wire import CONTRACTS, Exchange
from workloads import Workload

__all__ = ["Bench", "offered_loads", "rounds", "starts"]

_WARM_UP_SECONDS: Final = 1
_LIMIT_SECONDS: Final = 1.0
_CALLS: Final = 5
_SHARES: Final = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1)
"""Of the requests/s of the first server in closed loop."""


@dataclass(frozen=True)
class Bench:
    """Where servers run and how long they are loaded."""

    folder: Path
    models: dict[str, ServedModel]
    seconds: int
    server_core: int
    client_core: int
    floor: Floor | None = None
    """None where there is no C compiler: then nobody says what a server could reach at most."""

    @contextmanager
    def serving(self, contender: Contender, workload: Workload) -> Iterator[RunningServer]:
        """A contender that has answered the workload's request."""
        model = self.models[workload.model]
        scratch = self.folder / contender.name
        scratch.mkdir(exist_ok=True)
        port = free_port()
        exchange, expected = self.exchange(contender, workload)
        with start(
            contender.command(model, port, scratch),
            port,
            exchange,
            expected,
            ready=contender.ready,
            core=self.server_core,
            log=scratch / "log",
        ) as server:
            yield server

    def exchange(self, contender: Contender, workload: Workload) -> tuple[Exchange, dict[str, Array]]:
        """The request, and the outputs that are to come back."""
        name = contender.contract(workload)
        assert name is not None
        model = self.models[workload.model]
        rows = model.rows(workload.rows)
        exchange = CONTRACTS[name].exchange(model, rows)
        return replace(exchange, headers={**exchange.headers, **contender.headers}), model.expected(rows)

    def load(self, server: RunningServer, exchange: Exchange, workload: Workload, seconds: int) -> wrk.Load:
        """Load a server in closed loop."""
        return wrk.run(
            server.address,
            exchange,
            connections=workload.connections,
            seconds=seconds,
            core=self.client_core,
            body=self.folder / "body",
        )

    def cost(self, server: RunningServer, exchange: Exchange, workload: Workload) -> tuple[wrk.Load, float]:
        """Load a server in closed loop; what the client saw, and the server's processor seconds a request."""
        self.load(server, exchange, workload, _WARM_UP_SECONDS)
        before = server.tree.cpu_seconds()
        load = self.load(server, exchange, workload, self.seconds)
        return load, (server.tree.cpu_seconds() - before) / load.requests

    def transport(
        self, server: RunningServer, contender: Contender, workload: Workload, limit: float
    ) -> float | None:
        """Processor seconds of a bare server that answers the same request with the same bytes, unread."""
        if self.floor is None:
            return None
        exchange, expected = self.exchange(contender, workload)
        port = free_port()
        command = self.floor.command(port, answer_of(server.address, exchange), limit)
        log, core = self.folder / "floor-log", self.server_core
        with start(command, port, exchange, expected, ready=None, core=core, log=log) as bare:
            return self.cost(bare, exchange, workload)[1]

    def limit(self, workload: Workload, *, together: bool = False) -> float:
        """Processor seconds of ONNX Runtime for a request's rows, in this process on the server's core.

        Over as many arrays as there are connections: a server has no request twice in the same memory either.
        With `together` the rows of all connections are computed at once, as a server does that batches them.
        """
        model = self.models[workload.model]
        requests = workload.connections if together else 1
        arrays = [model.rows(workload.rows * requests) for _ in range(workload.connections)]
        feeds = cycle([{model.input: array} for array in arrays])
        run = session(model.file).run
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {self.server_core})
        try:
            calls, cpu = 0, 0.0
            for seconds in (_LIMIT_SECONDS / 5, _LIMIT_SECONDS):  # the first to warm up
                calls, end, began = 0, time.perf_counter() + seconds, time.thread_time()
                while time.perf_counter() < end:
                    for _ in range(_CALLS):  # the clock costs little next to them
                        run(None, next(feeds))
                    calls += _CALLS
                cpu = time.thread_time() - began
            return cpu / calls / requests
        finally:
            os.sched_setaffinity(0, before)


def rounds(bench: Bench, plan: Mapping[Workload, Sequence[Contender]], count: int, figures: Figures) -> None:
    """Measure every contender under its workloads, `count` times; a failure is noted and the next goes on."""
    # One start for all workloads of a model.
    loads: dict[tuple[str, Contender], list[Workload]] = {}
    for workload, contenders in plan.items():
        for contender in contenders:
            if contender.contract(workload):
                loads.setdefault((workload.model, contender), []).append(workload)
    for number in range(count):
        limits = {workload: bench.limit(workload) for workload in plan}
        first = number % len(loads)  # another one goes first each time
        for model, contender in [*loads, *loads][first : first + len(loads)]:
            workloads = loads[model, contender]
            what = f"{contender.name}, {model}, round {number + 1}"
            with _noted(figures, what), bench.serving(contender, workloads[0]) as server:
                for workload in workloads:
                    # Around the load: a machine that others use as well is another one a minute later.
                    before = bench.limit(workload) if contender is OURS else limits[workload]
                    sample = _sample(bench, contender, workload, server, number, before)
                    if contender is OURS:
                        limit = (before + bench.limit(workload)) / 2
                        transport = bench.transport(server, contender, workload, limit)
                        together = bench.limit(workload, together=True)
                        sample = replace(sample, limit=limit, transport=transport, together=together)
                    figures.samples.append(sample)
                    _say(sample)


def starts(
    bench: Bench, contenders: Sequence[Contender], workload: Workload, count: int, figures: Figures
) -> None:
    """Start each contender `count` times, in turns, after one start that does not count."""
    for number in range(count + 1):
        for contender in contenders:
            with (
                _noted(figures, f"{contender.name}, start {number}"),
                bench.serving(contender, workload) as server,
            ):
                if number:
                    figures.starts.setdefault(contender.name, []).append(server.start)
        print(f"starts: {number} of {count}", file=sys.stderr)


def offered_loads(
    bench: Bench, contenders: Sequence[Contender], workload: Workload, count: int, figures: Figures
) -> None:
    """Offer the same rates to each contender in turns, up to what the first cannot take, `count` times."""
    with _noted(figures, "offered loads"), ExitStack() as running:
        servers = {one: running.enter_context(bench.serving(one, workload)) for one in contenders}
        exchanges = {one: bench.exchange(one, workload)[0] for one in contenders}
        closed = [bench.load(servers[one], exchanges[one], workload, bench.seconds) for one in contenders]
        rates = [share * closed[0].rate for share in _SHARES]
        seen: dict[tuple[Contender, float], list[Offered]] = {}
        for number in range(count):
            for rate in rates:
                for one in contenders:
                    offered = offer(servers[one].address, exchanges[one], rate=rate, seconds=bench.seconds)
                    seen.setdefault((one, rate), []).append(offered)
            print(f"offered loads, round {number + 1}: up to {rates[-1]:.0f}/s", file=sys.stderr)
        for one in contenders:
            figures.curves[one.name] = [Offered.median(seen[one, rate]) for rate in rates]


def _sample(
    bench: Bench, contender: Contender, workload: Workload, server: RunningServer, number: int, limit: float
) -> Sample:
    exchange, expected = bench.exchange(contender, workload)
    server.ask(exchange, expected)
    load, cpu = bench.cost(server, exchange, workload)
    server.ask(exchange, expected)
    return Sample(
        workload=workload.name,
        contender=contender.name,
        contract=CONTRACTS[contender.contracts[workload.form]].label,
        round=number,
        requests=load.requests,
        rate=load.rate,
        p50=load.p50,
        p99=load.p99,
        cpu=cpu,
        limit=limit,
        resident=server.tree.resident_bytes(),
    )


@contextmanager
def _noted(figures: Figures, what: str) -> Iterator[None]:
    try:
        yield
    except (BenchmarkError, OSError, HTTPException, SubprocessError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        figures.failures.append(f"{what}: {' … '.join(dict.fromkeys([lines[0], lines[-1]]))}")
        print(f"{what}: {error}", file=sys.stderr)


def _say(sample: Sample) -> None:
    print(
        f"{sample.workload}, round {sample.round + 1}, {sample.contender}: {sample.rate:.0f}/s, "
        f"p99 {sample.p99 * 1e3:.1f} ms, {sample.cpu * 1e6:.0f} µs, {sample.ratio:.3f} of the limit",
        file=sys.stderr,
    )
