"""The stack `onprem` in a cluster on this machine: `make onprem`, `make onprem-down`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))

import bootstrap  # noqa: F401 - first: where this Python is too old, it starts a newer one
from checkout import Checkout
from console import exit_code
from onprem import life


def main() -> int:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(prog="onprem", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="build, start and deploy what is not there yet, and ask for a prediction")
    commands.add_parser("down", help="end the cluster and everything in it")
    act = {"up": life.up, "down": life.down}[parser.parse_args().command]
    act(Checkout.here(), os.environ)
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
