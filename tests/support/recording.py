"""Pulumi mocks that keep what mocks drop: options, parents and registered outputs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.rpc import deserialize_properties


@dataclass(frozen=True)
class Registered:
    """A resource as the program registered it."""

    type: str
    name: str
    parent: str
    """URN of the parent."""
    inputs: dict[str, Any]
    protect: bool
    providers: dict[str, str]
    provider: str
    """URN and id of its own provider."""
    dependencies: tuple[str, ...]
    """URNs of what comes before it."""
    timeouts: dict[str, str]
    aliases: tuple[str, ...]
    """Names that it had before."""
    ignored: tuple[str, ...]
    deleted_first: bool = False
    """Whether one that is replaced goes before the new one comes."""


@dataclass
class Recorder(mocks.Mocks):
    """Answers every registration and remembers it."""

    resources: list[Registered] = field(default_factory=list)
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]]]:
        raise AssertionError(f"a component called {args.token}: components never call a cloud")

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        made = {
            "url": "http://127.0.0.1:20000",
            "revision": "abc",
            "logFile": "/log",
            "modelSha256": "0" * 64,
            "port": 20000,
        }
        return f"{args.name}-id", {**args.inputs, **made}

    @property
    def tree(self) -> list[tuple[str, str, str]]:
        """Type, name and the parent's name of each resource, the stack left out."""
        return [
            (one.type, one.name, one.parent.rpartition("::")[2])
            for one in self.resources
            if one.type != "pulumi:pulumi:Stack"
        ]

    def named(self, name: str) -> Registered:
        (found,) = [resource for resource in self.resources if resource.name == name]
        return found


class RecordingMonitor(mocks.MockMonitor):
    """Keeps the requests that `MockMonitor` throws away."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self._recorder = recorder

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> Any:  # noqa: N802
        self._recorder.resources.append(
            Registered(
                type=request.type,
                name=request.name,
                parent=request.parent,
                inputs=deserialize_properties(request.object),
                protect=request.protect,
                providers=dict(request.providers),
                provider=request.provider,
                dependencies=tuple(request.dependencies),
                timeouts={
                    name: getattr(request.customTimeouts, name)
                    for name in ("create", "update", "delete")
                    if getattr(request.customTimeouts, name)
                },
                aliases=tuple(alias.spec.name for alias in request.aliases),
                ignored=tuple(request.ignoreChanges),
                deleted_first=request.deleteBeforeReplace,
            )
        )
        return super().RegisterResource(request)

    def RegisterResourceOutputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> Any:  # noqa: N802
        assert request.urn not in self._recorder.outputs, f"{request.urn} registered its outputs twice"
        self._recorder.outputs[request.urn] = deserialize_properties(request.outputs)
        return super().RegisterResourceOutputs(request)


def recording(*, preview: bool = False) -> Recorder:
    """A recorder that the next program registers with."""
    recorder = Recorder()
    monitor = RecordingMonitor(recorder)
    mocks.set_mocks(recorder, project="shop", stack="dev", preview=preview, monitor=monitor)
    return recorder


@pytest.fixture
def recorder() -> Recorder:
    return recording()


def run(recorder: Recorder, program: Callable[[], Any]) -> Any:
    """Run a program to its end, so that every registration has arrived; its outputs, resolved."""

    @pulumi.runtime.test
    def body() -> Any:
        result = program()
        box.append(result)
        return None

    box: list[Any] = []
    body()
    return box[0]
