"""The resources of a program, as stand-ins for the clouds' providers made them: every input known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pulumi.runtime import mocks
from pulumi.runtime.proto import resource_pb2

from modelberth.preview.standins import StandInSettings
from modelberth.preview.standins.backend import Backend, Request
from modelberth.preview.standins.imitation.backend import Imitation
from modelberth.preview.standins.own import Own
from modelberth.preview.standins.paths import SIGNATURE
from modelberth.preview.standins.values import HIDDEN_VALUE, plain, read, write
from modelberth.provider.resource import Observed, Properties
from support.recording import Recorder, run

_SYSTEM: Final = "pulumi:"
_OWN: Final = "modelberth:"
_IDENTITIES: Final = ("arn", "bucket", "email", "keyId", "name", "selfLink", "url")


class RefusedError(AssertionError):
    """The stand-in does not take what a program asks for."""


@dataclass(frozen=True)
class Resource:
    """One resource after it was made."""

    urn: str
    token: str
    name: str
    """In the program."""
    id: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any] = field(default_factory=dict)
    dependencies: tuple[str, ...] = ()
    """URNs of what must be there before."""
    origins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Input → URNs of the resources whose outputs it is made of."""
    trigger: str = ""
    """Whose change replaces it, whatever the provider says."""

    @property
    def package(self) -> str:
        return self.token.partition(":")[0]

    @property
    def identities(self) -> tuple[str, ...]:
        """What other resources call it by, the longest first."""
        known = {self.id, *(self.outputs.get(key) for key in _IDENTITIES)}
        return tuple(
            sorted((text for text in known if isinstance(text, str) and text), key=len, reverse=True)
        )


@dataclass(frozen=True)
class Graph:
    """Resources of providers in an order in which they can be made; components and providers left out."""

    resources: tuple[Resource, ...]

    def __post_init__(self) -> None:
        before: set[str] = set()
        urns = {resource.urn for resource in self.resources}
        assert len(urns) == len(self.resources), "an URN stands twice"
        for resource in self.resources:
            late = urns.intersection(resource.dependencies) - before
            assert not late, f"{resource.urn} stands before what it needs: {', '.join(sorted(late))}"
            before.add(resource.urn)

    @classmethod
    def of_state(cls, resources: Iterable[Mapping[str, Any]]) -> Graph:
        """Read the resources of an exported state, such as the engine leaves after an `up` with stand-ins."""
        return cls(
            tuple(
                Resource(
                    urn=one["urn"],
                    token=one["type"],
                    name=one["urn"].rpartition("::")[2],
                    id=one.get("id", ""),
                    inputs=shown_value(one.get("inputs") or {}),
                    outputs=shown_value(one.get("outputs") or {}),
                    dependencies=tuple(one.get("dependencies") or ()),
                    origins={
                        key: tuple(urns or ())
                        for key, urns in (one.get("propertyDependencies") or {}).items()
                    },
                )
                for one in resources
                if one.get("custom") and not one.get("delete") and not one["type"].startswith(_SYSTEM)
            )
        )

    def of(self, *packages: str) -> tuple[Resource, ...]:
        return tuple(resource for resource in self.resources if resource.package in packages)

    def named(self, name: str) -> Resource:
        (found,) = [resource for resource in self.resources if resource.name == name]
        return found


def captured(program: Callable[[], Any], settings: StandInSettings, *, own: tuple[str, ...] = ()) -> Graph:
    """Run a program without an engine; its outputs are what stand-ins compute.

    Args:
        program: registers resources
        settings: where the stand-ins pretend to work
        own: what the types of Modelberth's own provider begin with that are asked for what they compute

    Raises:
        RefusedError: a stand-in refuses inputs: a wrong type, name or reference.

    """
    return capture(CapturingMonitor(settings, own), program)


def capture(monitor: CapturingMonitor, program: Callable[[], Any]) -> Graph:
    """Run a program against a monitor; raises as `captured` does."""
    mocks.set_mocks(monitor.recorder, project="shop", stack="dev", preview=False, monitor=monitor)
    run(monitor.recorder, program)
    if monitor.refused:
        raise RefusedError("\n".join(monitor.refused))
    return Graph(tuple(monitor.made))


@dataclass(frozen=True)
class Options:
    """What a program asks of the engine: inputs that stay as they are, and what replaces a resource."""

    ignored: tuple[str, ...] = ()
    trigger: str = ""


class CapturingMonitor(mocks.MockMonitor):
    """Answers as the engine with stand-ins would; what no stand-in is asked for is given back as it is."""

    def __init__(self, settings: StandInSettings, own: tuple[str, ...] = ()) -> None:
        self.recorder = Recorder()
        super().__init__(self.recorder)
        self._imitation, self._own = Imitation(settings), Own(Path.cwd())
        self._asked = own
        self.made: list[Resource] = []
        self.refused: list[str] = []

    def backend(self, token: str) -> Backend:
        """What stands in for a type's provider."""
        return self._own if token.startswith(_OWN) else self._imitation

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """As the engine does, with the types of all parents but the stack: ids are made from it."""
        above = "" if not parent or "::pulumi:pulumi:Stack::" in parent else f"{parent.split('::')[2]}$"
        return super().make_urn("", f"{above}{type_}", name)

    def observe(
        self,
        asked: Request,
        inputs: Properties,
        options: Options,
    ) -> tuple[Properties, Observed]:
        """Make a resource; its inputs as they were checked, and what came of it."""
        checked = self.check(asked, {}, inputs)
        if checked is None:
            return inputs, Observed(asked.name, inputs, inputs)
        return checked, self.backend(asked.type).create(asked, checked)

    def check(self, asked: Request, olds: Properties, inputs: Properties) -> Properties | None:
        """Check inputs; None where they are refused, which is noted."""
        checked = self.backend(asked.type).check(asked, olds, inputs)
        self.refused += [f"{asked.name}: {one.property}: {one.reason}" for one in checked.failures]
        return None if checked.failures else checked.inputs

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> Any:  # noqa: N802
        """Find what is there already, which is no resource of the program."""
        urn = self.make_urn(request.parent, request.type, request.name)
        asked = Request(urn, request.type, request.name)
        found = self.backend(request.type).read(asked, request.id, {}, {})
        outputs = {} if found is None else {**read(request.properties), **found.outputs}
        return resource_pb2.ReadResourceResponse(urn=urn, properties=write(outputs))

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> Any:  # noqa: N802
        urn = self.make_urn(request.parent, request.type, request.name)
        if not request.custom or request.type.startswith(_SYSTEM):
            return resource_pb2.RegisterResourceResponse(urn=urn, id=request.name, object=request.object)
        inputs: Properties = read(request.object)
        resource_id, outputs = request.name, dict(inputs)
        options = Options(tuple(request.ignoreChanges), str(request.replacement_trigger).strip())
        if not request.type.startswith(_OWN) or request.type.startswith(self._asked):
            asked = Request(urn, request.type, request.name)
            inputs, observed = self.observe(asked, inputs, options)
            resource_id, outputs = observed.id, dict(observed.outputs)
        self.made.append(
            Resource(
                urn=urn,
                token=request.type,
                name=request.name,
                id=resource_id,
                inputs=plain(inputs),
                outputs=plain(outputs),
                dependencies=tuple(request.dependencies),
                origins={key: tuple(one.urns) for key, one in request.propertyDependencies.items()},
                trigger=options.trigger,
            )
        )
        return resource_pb2.RegisterResourceResponse(urn=urn, id=resource_id, object=write(outputs))


def shown_value(value: Any) -> Any:
    """The value without the state's marks; a secret, which it has as ciphertext, by a word in its place."""
    match value:
        case Mapping() if SIGNATURE in value and ("ciphertext" in value or "plaintext" in value):
            return HIDDEN_VALUE
        case Mapping():
            return {key: shown_value(item) for key, item in value.items()}
        case list():
            return [shown_value(item) for item in value]
    return value


def resource(token: str, name: str, inputs: Mapping[str, Any], **more: Any) -> Resource:
    """A resource that no program made: for a small graph written by hand."""
    return Resource(
        f"urn:pulumi:dev::shop::{token}::{name}", token, name, more.pop("id", name), inputs, **more
    )


__all__ = [
    "CapturingMonitor",
    "Graph",
    "Options",
    "RefusedError",
    "Resource",
    "capture",
    "captured",
    "resource",
    "shown_value",
]
