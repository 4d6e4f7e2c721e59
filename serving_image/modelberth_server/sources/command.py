"""`python -m modelberth_server fetch URI`: a model for another process, in an init container."""

import argparse
import os
import re
import time
from pathlib import Path

from modelberth_server.errors import SettingsError
from modelberth_server.settings import Settings
from modelberth_server.sources.addresses import PrivateHosts
from modelberth_server.sources.credentials import credentials
from modelberth_server.sources.delivery import FORMATS, Delivery
from modelberth_server.sources.fetch import Fetcher
from modelberth_server.telemetry.logs import configure

__all__ = ["fetch"]


def fetch(arguments: list[str]) -> int:
    """Fetch and verify a model, say so in one line, and return the exit status.

    Raises:
        StartError: bad settings, or a model that is refused.

    """
    parser = argparse.ArgumentParser(
        prog="modelberth_server fetch", description="Fetch a pinned model and verify it, without serving it."
    )
    parser.add_argument("uri", help="where it lies, as in MODELBERTH_MODEL_URI")
    parser.add_argument(
        "--to", type=Path, help="folder to fill; a file: is verified where it lies without it"
    )
    parser.add_argument("--sha256", help="its pin, as in MODELBERTH_MODEL_SHA256")
    parser.add_argument("--format", choices=FORMATS, default="onnx", help="what the server takes")
    parser.add_argument("--credentials", type=Path, help="folder of a mounted secret for the store")
    given = parser.parse_args(arguments)
    environ = dict(os.environ)
    settings = Settings.from_environ(environ)
    configure(settings.log_level, settings.log_format)
    if given.sha256 is not None and re.fullmatch(r"[0-9a-f]{64}", given.sha256) is None:
        raise SettingsError(f"--sha256: {given.sha256!r} is not 64 lower-case hexadecimal digits")
    if (given.to is None) != given.uri.startswith("file:"):
        raise SettingsError("--to: needed for what is fetched, and without effect for a file:")
    if given.credentials is not None:
        # The stores' clients read them from here alone.
        os.environ.update(credentials(given.credentials, environ))
    delivery = Delivery(given.uri, given.sha256, given.format)
    started = time.monotonic()
    if given.to is None:
        delivery.check()
        done = "verified"
    else:
        fetcher = Fetcher(given.to, PrivateHosts.of(settings.allow_private_hosts), os.environ.get("HF_TOKEN"))
        done = "fetched" if delivery.to(given.to, fetcher) else "verified what was there of"
    print(f"{done} {given.uri.partition('?')[0]} in {time.monotonic() - started:.1f} s", flush=True)
    return 0
