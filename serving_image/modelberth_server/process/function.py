"""The server as a function of AWS Lambda: no socket, one invocation at a time."""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import uvloop

from modelberth_server.access.access import Access
from modelberth_server.app import App
from modelberth_server.aws_lambda.response_stream import ResponseStream
from modelberth_server.aws_lambda.runtime import RuntimeClient, connect, report_init_error, serve
from modelberth_server.errors import StartError
from modelberth_server.process.rollout import Rollout
from modelberth_server.settings import Settings
from modelberth_server.telemetry.telemetry import Telemetry

__all__ = ["run"]

_LOG = logging.getLogger(__name__)

# What listens, or is for what listens. One environment may serve many targets, and the image sets the admin
# port, so they are named and not refused.
_WITHOUT_EFFECT: Final = (
    "MODELBERTH_ADMIN_PORT",
    "MODELBERTH_GRPC_PORT",
    "MODELBERTH_TLS_",
    "MODELBERTH_WORKERS",
)


def run(settings: Settings, environ: Mapping[str, str]) -> int:
    """Answer invocations until the platform ends the process; return the exit status of a failed start."""
    client = connect(environ)
    if names := settings.given(_WITHOUT_EFFECT):
        _LOG.warning("without effect on AWS Lambda: %s", ", ".join(names))
    try:
        uvloop.run(_serve(settings, environ, client))
    except StartError as error:
        report_init_error(client, error)
        print(f"error: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    return 0


async def _serve(settings: Settings, environ: Mapping[str, str], client: RuntimeClient) -> None:
    access = Access.from_settings(settings)
    telemetry = Telemetry.from_settings(settings, environ)
    app = App(settings, environ, access, telemetry)
    serving = asyncio.current_task()
    assert serving is not None
    # The platform gives half a second after it, enough for what is captured and not written yet.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, serving.cancel)
    await telemetry.start()
    await access.start()
    rollout = Rollout(settings, environ, app)
    following: asyncio.Task[None] | None = None
    try:
        await rollout.first()
        following = asyncio.create_task(rollout.follow())
        store = None
        if settings.s3_output_uri is not None:
            from modelberth_server.sources.object_store import ObjectStore  # noqa: PLC0415 -- 20 ms

            store = ObjectStore()
        stream = None
        if settings.lambda_response_mode == "streaming":
            stream = ResponseStream(environ["AWS_LAMBDA_RUNTIME_API"])
        # An event need not name the model, and a package may have.
        await serve(app.handle, replace(settings, model_name=app.state.name), client, store, stream)
    except asyncio.CancelledError:
        pass
    finally:
        app.close()
        if following is not None:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following
        await access.close()
        await telemetry.close()
