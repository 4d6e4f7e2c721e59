"""The command: `python -m modelberth_server [serve] [--check]`, set by the environment; and `fetch`."""

import gc

if __name__ == "__main__":
    # What is imported stays, and to look through it for garbage again and again takes a tenth of a start.
    gc.disable()

import contextlib
import logging
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from modelberth_server.errors import StartError
from modelberth_server.platform import platform_environment
from modelberth_server.process.lifeline import Lifeline
from modelberth_server.process.parent import keep_up
from modelberth_server.process.sockets import Sockets
from modelberth_server.settings import Settings
from modelberth_server.telemetry.logs import configure

# Nothing heavier up here: the parent of the workers imports no more than this.

logger = logging.getLogger(__name__)


def main() -> int:
    """Serve the model, check that it could be served, or fetch it for another; return the exit status.

    0 after a drain, a good check or a fetch, 2 for bad settings, 3 for a model that is refused, 4 for an
    address that cannot be listened on.
    """
    try:
        if sys.argv[1:2] == ["fetch"]:
            from modelberth_server.sources.command import fetch  # noqa: PLC0415

            return fetch(sys.argv[2:])
        # SageMaker starts every image as `IMAGE serve`.
        check = sys.argv[1:] not in ([], ["serve"]) and _is_check(sys.argv[1:])
        environ = platform_environment(os.environ)
        settings = Settings.from_environ(environ)
        configure(settings.log_level, settings.log_format)
        if check:
            return _check(settings, environ)
        return _serve(settings, environ)
    except StartError as error:
        return _refused(error)


def _is_check(arguments: Sequence[str]) -> bool:
    """Tell whether `--check` is asked for; exit where there is no such argument, or for help."""
    import argparse  # noqa: PLC0415 -- with what it imports 2% of a start, and a server is started without any

    parser = argparse.ArgumentParser(
        prog="modelberth_server",
        description="Serve an ONNX model over HTTP.",
        epilog="`modelberth_server fetch --help`: fetch a model for another process, without serving it.",
    )
    parser.add_argument("command", nargs="?", choices=["serve"], help="what it does anyway")
    parser.add_argument("--check", action="store_true", help="load the model, describe it as JSON and exit")
    return bool(parser.parse_args(arguments).check)


def _serve(settings: Settings, environ: Mapping[str, str]) -> int:
    if "AWS_LAMBDA_RUNTIME_API" in environ and "AWS_LWA_PORT" not in environ:
        # With the Web Adapter beside it, it is the adapter that asks for invocations.
        with _importing():
            from modelberth_server.process.function import run  # noqa: PLC0415

        return run(settings, environ)
    if settings.s3_output_uri is not None:
        # Named and not refused, as what is without effect there: one environment may serve many targets.
        logger.warning(
            "MODELBERTH_S3_OUTPUT_URI: without effect outside AWS Lambda, and behind its Web Adapter"
        )
    # It asks to look for new versions, which is early before they were looked for at all.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    lifeline = Lifeline(settings.lifeline_fd)
    sockets = Sockets.open(settings)
    if settings.listen_fd is not None or settings.lifeline_fd is not None:
        # Somebody else keeps this process up.
        return _work(settings, environ, sockets, lifeline, None, settings.listen_fd is None)
    if settings.workers == 1:
        return keep_up(
            1, lambda _, tie, early: _work(settings, environ, sockets, tie, None, early), sockets.close
        )
    import tempfile  # noqa: PLC0415 -- half as much again as everything else that the parent imports

    with tempfile.TemporaryDirectory(prefix="modelberth-metrics-") as folder:
        return keep_up(
            settings.workers,
            lambda index, tie, early: _work(settings, environ, sockets, tie, (index, Path(folder)), early),
            sockets.close,
        )


def _work(
    settings: Settings,
    environ: Mapping[str, str],
    sockets: Sockets,
    lifeline: Lifeline,
    series: tuple[int, Path] | None,
    early: bool,  # noqa: FBT001 -- comes from the parent of the workers
) -> int:
    try:
        # The parent of the workers imports none of it.
        with _importing():
            from modelberth_server.process.worker import work  # noqa: PLC0415
            from modelberth_server.telemetry.workers import Worker  # noqa: PLC0415

        work(settings, environ, sockets, lifeline, Worker(*series) if series else None, early=early)
    except StartError as error:
        return _refused(error)
    return 0


def _check(settings: Settings, environ: Mapping[str, str]) -> int:
    """Describe each version on a line, after all that a start would refuse but a taken port."""
    from modelberth_server.access.access import Access  # noqa: PLC0415
    from modelberth_server.json_body import render  # noqa: PLC0415
    from modelberth_server.process.versions import load_versions  # noqa: PLC0415
    from modelberth_server.telemetry.telemetry import Telemetry  # noqa: PLC0415

    Access.from_settings(settings)
    # Without the environment: a check has no requests to trace.
    telemetry = Telemetry.from_settings(settings, {})
    signatures = [one.model.signature for one in load_versions(settings, environ)]
    for signature in signatures:
        telemetry.check(signature, signature.reference, signature.labels)
    for signature in signatures:
        description = {
            "name": signature.name,
            "version": signature.version,
            "sha256": signature.sha256,
            "inputs": [spec.metadata() for spec in signature.inputs],
            "outputs": [spec.metadata() for spec in signature.outputs],
        }
        print(render(description).decode())
    return 0


@contextlib.contextmanager
def _importing() -> Iterator[None]:
    """Import without collections, and keep what was imported out of all later ones."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _refused(error: StartError) -> int:
    print(f"error: {error}", file=sys.stderr, flush=True)
    return error.exit_code


if __name__ == "__main__":
    gc.freeze()
    gc.enable()
    sys.exit(main())
