"""The HTTP server: uvicorn, with an end that loses no request.

uvicorn's own end closes idle connections at once, and a client that is just about to use one of them loses
its request. Written against uvicorn 0.54; `tests/serving/test_drain.py` tells whether a newer one still fits.
"""

import asyncio
import logging
import math
import re
import signal
import socket
from types import FrameType
from typing import Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from modelberth_server.app import App
from modelberth_server.errors import ModelError, StartError
from modelberth_server.json_body import render
from modelberth_server.lifeline import Lifeline
from modelberth_server.listening import BACKLOG, address, listener
from modelberth_server.model import load
from modelberth_server.settings import Settings

__all__ = ["serve"]

# Longer than the idle time of the load balancers in front (60 s on AWS by default), so that it is they who
# close an idle connection, and none of their requests meets a closing one.
KEEP_ALIVE_SECONDS: Final = 75
POLL_SECONDS: Final = 0.05
_UPGRADE: Final = re.compile(rb"\r\n[Uu][Pp][Gg][Rr][Aa][Dd][Ee]:")

logger = logging.getLogger(__name__)


def serve(settings: Settings) -> None:
    """Serve until a signal or the end of the lifeline, then drain.

    Raises:
        StartError: the server cannot listen, or the model cannot be served.

    """
    server = _ModelServer(settings, Lifeline(settings.lifeline_fd))
    server.run(sockets=[listener(settings)])
    if server.failure is not None:
        raise server.failure


class _HttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 connection, corrected where it lets a client down."""

    def data_received(self, data: bytes) -> None:
        # httptools drops the body of a request that offers an upgrade, as the first one of Java's client does
        # (h2c). We take no such offer, and may leave it unheard. No JSON holds these bytes, only headers do.
        super().data_received(_UPGRADE.sub(b"\r\nignored-upgrade:", data))

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio says bool
        """Keep the connection for the response where the client has only closed its sending side."""
        if self.cycle is None or self.cycle.more_body or self.cycle.response_complete:
            return False
        self.cycle.keep_alive = False
        return True

    def send_400_response(self, msg: str) -> None:
        body = render({"error": msg})
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(
            body
        )
        self.transport.write(STATUS_LINE[400] + head + body)
        self.transport.close()

    def close_after_response(self) -> None:
        """Announce in the response being prepared, if there is one, that it is the last."""
        if self.cycle is not None and not self.cycle.response_started:
            self.cycle.keep_alive = False


class _ModelServer(uvicorn.Server):
    """Loads the model beside the running server, and drains at the end.

    With a socket of its own it answers health at once and predictions with 503 until the model is ready. With
    an inherited one it accepts nothing before: the connections wait in the socket's queue, or are served by
    the process that this one replaces.
    """

    def __init__(self, settings: Settings, lifeline: Lifeline) -> None:
        self._settings = settings
        self._lifeline = lifeline
        self._app = App(settings)
        self._loading: asyncio.Task[None] | None = None
        self._signalled = False
        self.failure: StartError | None = None
        super().__init__(
            uvicorn.Config(
                self._app,
                loop="uvloop",
                http=_HttpProtocol,
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                backlog=BACKLOG,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                # After the drain: what is in flight ends by its own timeout, so this only bounds a client
                # that does not read its response.
                timeout_graceful_shutdown=math.ceil(settings.timeout_seconds) + 1,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._lifeline.watch(self._drain_and_exit)
        if self._settings.listen_fd is None:
            await self._accept(sockets)
            self._loading = asyncio.create_task(self._become_ready())
        else:
            await self._become_ready(held_back=sockets)

    async def _accept(self, sockets: list[socket.socket] | None) -> None:
        await super().startup(sockets)
        logger.info("listening on %s", ", ".join(map(address, sockets or [])))

    async def _become_ready(self, held_back: list[socket.socket] | None = None) -> None:
        """Load the model, then accept from sockets that were held back until now, then tell."""
        settings = self._settings
        loop = asyncio.get_running_loop()
        try:
            model = await loop.run_in_executor(self._app.execution.pool, load, settings)
        except StartError as error:
            self._fail(error)
        except Exception as error:
            logger.exception("unexpected error while loading the model")
            self._fail(ModelError(f"MODELBERTH_MODEL_PATH: {settings.model_path}: {error!r}"))
        else:
            self._app.serve(model)
        if self.should_exit:
            return
        if held_back is not None:
            await self._accept(held_back)
        self._lifeline.tell("ready")
        logger.info(
            "ready: model %s version %s sha256 %s revision %s",
            *(settings.model_name, settings.model_version, settings.model_sha256),
            settings.revision or "(none)",
        )

    def _fail(self, failure: StartError) -> None:
        self.failure = failure
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.drain()
        for server in self.servers:
            server.close()
        for sock in sockets or []:
            sock.close()
        self._lifeline.tell("draining")
        # uvicorn sends these headers with every response to a request that comes from now on.
        self.config.encoded_headers.append((b"connection", b"close"))
        connections = self.server_state.connections
        for connection in connections:
            if isinstance(connection, _HttpProtocol):
                connection.close_after_response()
        seconds = 0.0 if self.failure else self._settings.drain_seconds
        logger.info("draining: %d connections, idle ones for at most %g s", len(connections), seconds)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            await self.on_tick(0)
            # Before the first look as well: a connection just accepted is not in the set yet.
            await asyncio.sleep(POLL_SECONDS)
            if not connections or loop.time() >= deadline:
                break
        await super().shutdown(sockets)
        self._app.execution.close()

    def handle_exit(self, sig: int, _frame: FrameType | None) -> None:
        """Drain at the first signal and end at the second; the exit status is 0 after a drain."""
        if self._signalled:
            signal.signal(sig, signal.SIG_DFL)
            signal.raise_signal(sig)
        self._signalled = True
        self._drain_and_exit()

    def _drain_and_exit(self) -> None:
        self.should_exit = True
