"""A worker: loads the model, serves it, drains at the end."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING

import uvloop

from modelberth_server.access.access import Access
from modelberth_server.app import App
from modelberth_server.http.limits import Limits
from modelberth_server.http.listening import address
from modelberth_server.http.server import HttpServer
from modelberth_server.process.heap import keep_freed
from modelberth_server.process.lifeline import Lifeline
from modelberth_server.process.rollout import Rollout
from modelberth_server.process.sockets import Sockets
from modelberth_server.settings import Settings
from modelberth_server.telemetry.telemetry import Telemetry
from modelberth_server.telemetry.workers import Worker

if TYPE_CHECKING:
    from modelberth_server.grpc_v2.server import GrpcServer

__all__ = ["work"]

logger = logging.getLogger(__name__)


def work(
    settings: Settings,
    environ: Mapping[str, str],
    sockets: Sockets,
    lifeline: Lifeline,
    series: Worker | None = None,
    *,
    early: bool,
) -> None:
    """Serve until a signal or the end of the lifeline, then drain.

    Args:
        settings: of the server
        environ: where platforms and OpenTelemetry say more
        sockets: to accept on
        lifeline: its end is the end of the worker; it hears when the worker is ready
        series: which of several workers this is, for metrics that are those of all
        early: accept at once, and answer that it is not ready yet, rather than when the model is

    Raises:
        StartError: the model or a setting is refused.

    """
    keep_freed(environ)
    uvloop.run(_Worker(settings, environ, sockets, lifeline, series, early=early).run())


class _Worker:
    """One life of a worker.

    An early one answers health at once and predictions with 503 until the model is ready. Any other accepts
    nothing before: the connections wait in the socket's queue, or are served by the process that this one
    replaces, or the others beside it.
    """

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
        sockets: Sockets,
        lifeline: Lifeline,
        series: Worker | None,
        *,
        early: bool,
    ) -> None:
        self._settings = settings
        self._environ = environ
        self._sockets = sockets
        self._lifeline = lifeline
        self._early = early
        self._access = Access.from_settings(settings)
        self._telemetry = Telemetry.from_settings(settings, environ, series)
        self._stop: asyncio.Event

    async def run(self) -> None:
        self._stop = asyncio.Event()
        app = App(self._settings, self._environ, self._access, self._telemetry)
        rollout = Rollout(self._settings, self._environ, app)
        limits = Limits.of(self._settings)
        server = HttpServer(app.handle, app.refuse, limits)
        admin = HttpServer(app.handle_admin, app.refuse, limits)
        self._telemetry.gauge(
            in_flight=lambda: app.execution.in_flight, connections=lambda: server.connections
        )
        grpc = None
        self._listen_to_signals(rollout)
        self._lifeline.watch(asyncio.get_running_loop(), self._stop.set)
        await self._telemetry.start()
        # It may ask an issuer of tokens, and health must not wait for that.
        admitting = asyncio.create_task(self._access.start())
        try:
            if self._sockets.admin is not None:
                await admin.accept(self._sockets.admin)
                logger.info("admin routes on %s", address(self._sockets.admin))
            if self._early:
                grpc = await self._accept(server, app)
            if await self._or_stop(asyncio.gather(rollout.first(), admitting)):
                if not self._early:
                    grpc = await self._accept(server, app)
                self._lifeline.tell("ready")
                following = asyncio.create_task(rollout.follow())
                await self._stop.wait()
                following.cancel()
            app.drain()
            self._lifeline.tell("draining")
            await asyncio.sleep(self._settings.drain_delay_seconds)
            draining = [server.drain(self._settings.drain_seconds)]
            if grpc is not None:
                draining.append(grpc.stop(self._settings.timeout_seconds))
            await asyncio.gather(*draining)
        finally:
            server.close()
            admin.close()
            app.close()
            await self._access.close()
            await self._telemetry.close()

    async def _accept(self, server: HttpServer, app: App) -> "GrpcServer | None":
        tls = self._access.tls
        await server.accept(self._sockets.main, tls.context if tls else None)
        logger.info("listening on %s", address(self._sockets.main))
        return None if self._settings.grpc_port is None else await self._serve_grpc(app)

    async def _serve_grpc(self, app: App) -> "GrpcServer":
        # gRPC is a third of the memory that the server takes without it.
        from modelberth_server.grpc_v2.server import serve  # noqa: PLC0415

        server = await serve(self._settings, app.handle)
        logger.info("gRPC on port %d", server.port)
        return server

    async def _or_stop(self, work: Awaitable[object]) -> bool:
        """Do the work, unless the end comes first; tell which it was."""
        working = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if working.done():
            working.result()
            return True
        working.cancel()
        # What comes of it is nobody's concern any more, and asyncio reports what nobody has looked at.
        await asyncio.gather(working, return_exceptions=True)
        return False

    def _listen_to_signals(self, rollout: Rollout) -> None:
        """Drain at the first signal and end at the second; look for new versions when told to."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled, number)
        loop.add_signal_handler(signal.SIGHUP, rollout.ask)

    def _signalled(self, number: signal.Signals) -> None:
        if self._stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self._stop.set()
