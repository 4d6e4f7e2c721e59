"""The executable `pulumi-resource-modelberth`: prints its port, then serves the engine until it is gone."""

import logging
import os
import signal
import sys
import threading
from pathlib import Path

from pulumi.runtime.proto import provider_pb2_grpc

from modelberth.provider import translation
from modelberth.provider.engine_log import EngineLog
from modelberth.provider.servicer import Servicer

_CALLS_AT_ONCE = 64
# A cancelled engine waits for the operations under way and records them: so do we.
_GRACE_SECONDS = 3600.0


def main() -> int:
    """Serve on a free loopback port until the engine, whose address is given, cancels, signals or dies."""
    # Before the port is printed: an engine that dies earlier has closed the pipe, which ends us there.
    parent = os.getppid()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    if len(sys.argv) > 1:
        logging.getLogger("modelberth.provider.kubernetes").addHandler(EngineLog(sys.argv[1]))
        # How far an operation of minutes is.
        vertex = EngineLog(sys.argv[1], logging.INFO)
        logging.getLogger("modelberth.provider.vertex").addHandler(vertex)
    server = translation.server(_CALLS_AT_ONCE)
    servicer = Servicer(Path.cwd())
    # Before the engine knows the port: from then on it may interrupt at any time.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: servicer.cancelled.set())
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    threading.Thread(target=_watch_parent, args=(parent, servicer.cancelled), daemon=True).start()
    servicer.cancelled.wait()
    server.stop(_GRACE_SECONDS).wait()
    return 0


def _watch_parent(parent: int, gone: threading.Event) -> None:
    """End with the engine even where it was killed: it kills nobody then, and we would stay for good."""
    while not gone.wait(1.0):
        if os.getppid() != parent:
            gone.set()


if __name__ == "__main__":
    sys.exit(main())
