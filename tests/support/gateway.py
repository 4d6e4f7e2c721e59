"""A stand-in for an implementation of the Gateway API: a controller that watches routes, and a small proxy.

It is none that anybody would run. It does what a route of this project asks for, by the text of the Gateway
API: the most specific path first, then the most headers; weights; copies; the time that a request may take.
It speaks HTTP/1.1 without TLS on this machine, connects anew for each request, so that the cluster itself
chooses the pod, and never tries a request twice.
"""

import asyncio
import contextlib
import json
import os
import random
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cluster import definitions
from support.cluster import Cluster, Namespace, Object, wait

NAME = "entrance"
_CONTROLLER = "modelberth.example/stand-in"
_LISTENER = "http"
_WITHOUT_CONNECTION = re.compile(rb"(?im)^connection:[^\r\n]*\r\n")
_GIVEN_UP_S = 10.0


def define(cluster: Cluster) -> bool:
    """Give the tests' own cluster the kinds; whether the cluster has them. Another is left as it is."""
    if cluster.own:
        # The table has the kinds that manifests are written of. Gateways are only referred to.
        routes = definitions.fetch(os.environ)["HTTPRoute"]
        paths = [routes, routes.with_name("gateway.networking.k8s.io_gateways.yaml")]
        files = [f"--filename={path}" for path in paths]
        cluster.kubectl("apply", "--server-side", *files)
        cluster.kubectl("wait", "--for=condition=Established", *files)
    return cluster.run("get", "gateways,httproutes").returncode == 0


@dataclass(frozen=True)
class Backend:
    """Where a request goes: a Service's address inside the cluster."""

    address: str
    port: int
    weight: int = 1


@dataclass(frozen=True)
class Rule:
    """A rule of a route; `rank` tells which of those that fit a request is taken."""

    path: str
    is_prefix: bool
    headers: Mapping[str, str]
    backends: Sequence[Backend]
    mirrors: Sequence[tuple[Backend, int]]
    timeout_s: float

    @property
    def rank(self) -> tuple[bool, int, int]:
        return (not self.is_prefix, len(self.path), len(self.headers))

    def fits(self, path: str, headers: Mapping[str, str]) -> bool:
        at_prefix = path == self.path or path.startswith(f"{self.path.rstrip('/')}/")
        return (
            at_prefix if self.is_prefix else path == self.path
        ) and self.headers.items() <= headers.items()


@dataclass
class Gateway:
    """A Gateway of a namespace with the routes of the namespace at it; without one, with `rules` alone."""

    namespace: Namespace | None = None
    rules: dict[str, list[Rule]] = field(default_factory=dict)
    """By host."""
    generations: dict[str, int] = field(default_factory=dict)
    """The routes that are in effect, by name, and which generation of each."""
    port: int = 0

    @classmethod
    @contextlib.contextmanager
    def running(cls, namespace: Namespace, host: str) -> Iterator["Gateway"]:
        """Make the Gateway, and send on what comes in until the block ends."""
        namespace.apply(entrance(host))
        _tell_status(namespace, "gateway", NAME, _gateway_status())
        gateway = cls(namespace)
        watching = gateway._watch()
        try:
            with gateway.listening():
                yield gateway
        finally:
            watching.kill()
            watching.wait()

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Send on what comes in, by the rules as they are, from a thread of its own."""
        stop, is_up = threading.Event(), threading.Event()
        thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(stop, is_up)), daemon=True, name="gateway"
        )
        thread.start()
        assert is_up.wait(_GIVEN_UP_S), "the stand-in gateway does not listen"
        try:
            yield
        finally:
            stop.set()
            thread.join(_GIVEN_UP_S)

    @property
    def _space(self) -> Namespace:
        assert self.namespace is not None
        return self.namespace

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_for(self, route: str) -> None:
        """Wait until the route as it is in the cluster now is in effect."""
        wanted = self._space.get("httproute", route)["metadata"]["generation"]
        wait(f"route {route} is in effect", lambda: self.generations.get(route) == wanted, 20)

    def _watch(self) -> "subprocess.Popen[str]":
        cluster = self._space.cluster
        command = [cluster.kubectl_program, f"--kubeconfig={cluster.kubeconfig}"]
        command += [f"--namespace={self._space.name}", "get", "httproutes", "--watch"]
        process = subprocess.Popen(
            [*command, "--output-watch-events", "--output=json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        threading.Thread(target=self._follow, args=(process,), daemon=True, name="routes").start()
        return process

    def _follow(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout
        with process.stdout as lines:
            for line in lines:
                event = json.loads(line)
                self._take(event["type"], event["object"])

    def _take(self, kind: str, route: Object) -> None:
        """Put a route into effect, all of it at once, and say so as its status."""
        name, spec = route["metadata"]["name"], route["spec"]
        generation = route["metadata"]["generation"]
        if kind == "DELETED":
            self.generations.pop(name, None)
            for host in spec["hostnames"]:
                self.rules.pop(host, None)
            return
        if self.generations.get(name) == generation:
            return  # its status alone has changed
        rules = [rule for one in spec["rules"] for rule in self._rules(one)]
        for host in spec["hostnames"]:
            self.rules[host] = sorted(rules, key=lambda rule: rule.rank, reverse=True)
        self.generations[name] = generation
        _tell_status(self._space, "httproute", name, _route_status(spec["parentRefs"], generation))

    def _rules(self, rule: Object) -> Iterator[Rule]:
        backends = [self._backend(one) for one in rule["backendRefs"]]
        mirrors = []
        for one in rule.get("filters", ()):
            assert one["type"] == "RequestMirror", f"no filter of the stand-in: {one['type']}"
            copy = one["requestMirror"]
            mirrors.append((self._backend(copy["backendRef"]), int(copy.get("percent", 100))))
        timeout_s = _seconds(rule.get("timeouts", {}).get("request", "0s")) or _GIVEN_UP_S
        for match in rule["matches"]:
            headers = {one["name"].lower(): one["value"] for one in match.get("headers", ())}
            is_prefix = match["path"]["type"] == "PathPrefix"
            yield Rule(match["path"]["value"], is_prefix, headers, backends, mirrors, timeout_s)

    def _backend(self, reference: Object) -> Backend:
        spec = self._space.get("service", reference["name"])["spec"]
        return Backend(spec["clusterIP"], int(reference["port"]), int(reference.get("weight", 1)))

    async def _serve(self, stop: threading.Event, is_up: threading.Event) -> None:
        server = await asyncio.start_server(self._converse, "127.0.0.1", 0, backlog=256)
        self.port = server.sockets[0].getsockname()[1]
        is_up.set()
        async with server:
            while not stop.is_set():
                await asyncio.sleep(0.1)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while True:
                head, body = await _message(reader)
                answer = await self._answer(head, body)
                writer.write(answer)
                await writer.drain()
                if b"connection: close" in head.lower():
                    break
        except (OSError, EOFError):
            pass  # the caller has gone
        finally:
            writer.close()

    async def _answer(self, head: bytes, body: bytes) -> bytes:
        lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines[1:])
        }
        path = lines[0].split(" ")[1].partition("?")[0]
        fitting = (rule for rule in self.rules.get(headers.get("host", ""), ()) if rule.fits(path, headers))
        rule = next(fitting, None)
        if rule is None or not sum(one.weight for one in rule.backends):
            return _refusal(404 if rule is None else 500, "no route of the gateway fits")
        request = _WITHOUT_CONNECTION.sub(b"", head).replace(b"\r\n", b"\r\nConnection: close\r\n", 1) + body
        for backend, percent in rule.mirrors:
            if random.randrange(100) < percent:
                task = asyncio.create_task(_copied(backend, request, rule.timeout_s))
                _COPIES.add(task)
                task.add_done_callback(_COPIES.discard)
        (backend,) = random.choices(rule.backends, [one.weight for one in rule.backends])
        try:
            async with asyncio.timeout(rule.timeout_s):
                return await _sent(backend, request)
        except TimeoutError:
            return _refusal(504, f"no answer of {backend.address} in {rule.timeout_s:g} s")
        except (OSError, EOFError) as error:
            return _refusal(502, f"{backend.address}: {type(error).__name__}")


_COPIES: set["asyncio.Task[None]"] = set()
"""Requests whose answers nobody waits for."""


async def _copied(backend: Backend, request: bytes, timeout_s: float) -> None:
    with contextlib.suppress(OSError, EOFError, TimeoutError):
        async with asyncio.timeout(timeout_s):
            await _sent(backend, request)


async def _sent(backend: Backend, request: bytes) -> bytes:
    """Send a request; the answer as the caller gets it, whose own connection goes on."""
    reader, writer = await asyncio.open_connection(backend.address, backend.port)
    try:
        writer.write(request)
        head, body = await _message(reader)
    finally:
        writer.close()
    return _WITHOUT_CONNECTION.sub(b"", head) + body


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?im)^content-length:\s*(\d+)", head)
    return head, await reader.readexactly(int(length[1])) if length else b""


def _refusal(status: int, reason: str) -> bytes:
    content = json.dumps({"error": f"the stand-in gateway: {reason}"}).encode()
    return b"HTTP/1.1 %d Refused\r\nContent-Length: %d\r\n\r\n%b" % (status, len(content), content)


def _seconds(duration: str) -> float:
    """A duration of the Gateway API (GEP-2257)."""
    units = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)(ms|h|m|s)", duration))


def entrance(host: str) -> Object:
    """A Gateway that takes the routes of its namespace for a host."""
    listener = {"name": _LISTENER, "protocol": "HTTP", "port": 80, "hostname": host}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": NAME},
        "spec": {"gatewayClassName": "stand-in", "listeners": [listener]},
    }


def _condition(kind: str, generation: int) -> Object:
    return {
        "type": kind,
        "status": "True",
        "reason": kind,
        "message": "by the stand-in of the tests",
        "observedGeneration": generation,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }


def _gateway_status() -> Object:
    of_listener = {
        "name": _LISTENER,
        "attachedRoutes": 0,
        "supportedKinds": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute"}],
        "conditions": [_condition(kind, 1) for kind in ("Accepted", "Programmed", "ResolvedRefs")],
    }
    conditions = [_condition(kind, 1) for kind in ("Accepted", "Programmed")]
    return {"conditions": conditions, "listeners": [of_listener]}


def _route_status(parents: Sequence[Any], generation: int) -> Object:
    conditions = [_condition(kind, generation) for kind in ("Accepted", "ResolvedRefs")]
    told = {"controllerName": _CONTROLLER, "conditions": conditions}
    return {"parents": [{"parentRef": parent, **told} for parent in parents]}


def _tell_status(namespace: Namespace, kind: str, name: str, status: Object) -> None:
    patch = json.dumps({"status": status})
    namespace.kubectl("patch", kind, name, "--subresource=status", "--type=merge", f"--patch={patch}")
