"""The command: `python -m modelberth_server [--check]`, configured by the environment."""

import argparse
import logging
import os
import sys
from typing import Any

from modelberth_server.errors import StartError
from modelberth_server.json_body import render
from modelberth_server.model import Signature, load
from modelberth_server.server import serve
from modelberth_server.settings import Settings


def main() -> int:
    """Serve the model, or check that it could be served; return the exit status.

    0 after a drain or a good check, 2 for bad settings, 3 for a model that is refused, 4 for an address that
    cannot be listened on.
    """
    parser = argparse.ArgumentParser(prog="modelberth_server", description="Serve an ONNX model over HTTP.")
    parser.add_argument("--check", action="store_true", help="load the model, describe it as JSON and exit")
    arguments = parser.parse_args()
    try:
        settings = Settings.from_environ(os.environ)
        _log_to_stderr(settings.log_level)
        if arguments.check:
            print(render(_description(load(settings).signature)).decode())
        else:
            serve(settings)
    except StartError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _description(signature: Signature) -> dict[str, Any]:
    return {
        "name": signature.name,
        "version": signature.version,
        "sha256": signature.sha256,
        "inputs": [spec.metadata() for spec in signature.inputs],
        "outputs": [spec.metadata() for spec in signature.outputs],
    }


def _log_to_stderr(level: str) -> None:
    logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(message)s")
    # Its messages at start and end are said here already, in our words.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


if __name__ == "__main__":
    sys.exit(main())
