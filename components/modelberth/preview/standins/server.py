"""`StandIns`: a server that stands in for every provider plugin of a program."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pulumi.runtime.proto import provider_pb2_grpc

from modelberth.preview.standins.backend import Backend, Difference, Request
from modelberth.preview.standins.faults import Fault
from modelberth.preview.standins.imitation import configuration
from modelberth.preview.standins.imitation.backend import Imitation
from modelberth.preview.standins.imitation.invokes import Answer, answer
from modelberth.preview.standins.injection import Injection
from modelberth.preview.standins.journal import Call
from modelberth.preview.standins.own import Own
from modelberth.preview.standins.sdk import packages as sdks
from modelberth.preview.standins.servicer import Servicer
from modelberth.preview.standins.settings import StandInSettings
from modelberth.preview.standins.values import plain
from modelberth.provider import translation
from modelberth.provider.resource import CheckFailure, Properties

__all__ = ["StandIns"]

_OWN: Final = "modelberth"
_KUBERNETES: Final = "kubernetes"
_CLOUDS: Final = frozenset({"aws", "aws-native", "azure-native", "gcp", _KUBERNETES})
"""Answered for without their SDK too, with the command that installs it: a plugin would reach the cloud."""
_CALLS_AT_ONCE: Final = 64
_GRACE_SECONDS: Final = 5.0


class StandIns:
    """One gRPC server on a free loopback port, to which the real engine attaches instead of starting plugins.

    Any number of engine runs may use it, one after the other or at once. Whether a type and its inputs are
    right is read from the SDKs of this process's own environment, so that it must be the program's.

    Args:
        packages: Names to serve; None for every installed SDK. The engine starts a plugin for any other.
        faults: What goes wrong.
        kubernetes: Stands behind the `kubernetes` package, such as a real cluster; None for an imitation.
        settings: Accounts, projects and places in what providers compute.
        invokes: Answers of functions, or how to find them from the arguments, by token.
        own: Serve Modelberth's own provider too. It is the real one, except that it starts no process.
        directory: Folder that paths in the own provider's inputs start from; None for the current one.

    Raises:
        ValueError: a package's SDK is not installed.
    """

    def __init__(
        self,
        packages: Collection[str] | None = None,
        *,
        faults: Sequence[Fault] = (),
        kubernetes: Backend | None = None,
        settings: StandInSettings | None = None,
        invokes: Mapping[str, Answer] | None = None,
        own: bool = False,
        directory: Path | None = None,
    ) -> None:
        self._packages = _chosen(packages, own=own)
        self._imitation = Imitation(settings or StandInSettings())
        self._own = Own(directory or Path.cwd())
        self._kubernetes = kubernetes or self._imitation
        self._invokes = dict(invokes or {})
        self._injection = Injection(faults)
        self._servicer = Servicer(
            self._backend, self._config_failures, _config_difference, self._answer, self._injection
        )
        self._server = translation.server(_CALLS_AT_ONCE)
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(self._servicer, self._server)
        self._port = 0

    def __enter__(self) -> Self:
        self._port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End calls that hang, and stop serving. Closing twice is no error; opening again is."""
        self._servicer.connections.close()
        self._server.stop(_GRACE_SECONDS).wait()

    @property
    def port(self) -> int:
        """The loopback port.

        Raises:
            RuntimeError: the stand-ins are not open.
        """
        if not self._port:
            raise RuntimeError(
                "the stand-ins are not open; use them in a block: with StandIns() as standins: ..."
            )
        return self._port

    @property
    def environment(self) -> Mapping[str, str]:
        """What the engine's environment needs, beside what it has."""
        return {
            "PULUMI_DEBUG_PROVIDERS": ",".join(f"{name}:{self.port}" for name in self._packages),
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }

    @property
    def calls(self) -> tuple[Call, ...]:
        """What the engine asked so far, in order."""
        return self._servicer.journal.calls

    @property
    def unfired(self) -> tuple[Fault, ...]:
        """The faults that did not go off."""
        return self._injection.unfired

    def _backend(self, token: str) -> Backend:
        package = token.partition(":")[0]
        if package == _OWN:
            return self._own
        return self._kubernetes if package == _KUBERNETES else self._imitation

    def _config_failures(self, request: Request, config: Properties) -> Sequence[CheckFailure]:
        backend = self._backend(request.type.rpartition(":")[2])
        failures = backend.config_failures(request, config)
        if backend in (self._own, self._imitation):
            return failures
        return [*self._imitation.config_failures(request, config), *failures]

    def _answer(self, request: Request, arguments: Properties) -> Properties:
        return answer(request.type, plain(arguments), self._imitation.settings_of(request), self._invokes)


def _config_difference(request: Request, olds: Properties, news: Properties) -> Difference:
    package = request.type.rpartition(":")[2]
    # A moved folder changes where new processes are made, never those that are there.
    return Difference() if package == _OWN else configuration.difference(package, olds, news)


def _chosen(packages: Collection[str] | None, *, own: bool) -> tuple[str, ...]:
    installed = sdks.installed().keys() - {_OWN}
    wanted = installed | _CLOUDS if packages is None else set(packages)
    if packages is not None and (unknown := wanted - installed):
        known = ", ".join(sorted(installed)) or "none"
        raise ValueError(f"packages: given {', '.join(sorted(unknown))}, allowed: an installed SDK: {known}")
    return (*sorted(wanted), *([_OWN] if own else []))
