"""A real Kubernetes on this machine, for tests: `python3 tools/cluster --help`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))

from checkout import Checkout
from cluster import binaries, packages
from cluster.life import Cluster
from console import SetupError, exit_code, say

_STEP = "cluster"


def _tools(checkout: Checkout) -> None:
    try:
        packages.install(os.environ)
    finally:
        # The longest part needs no rights: it is done whatever became of the packages.
        binaries.build(checkout, os.environ)
    say(_STEP, "ready: `make test-cluster` runs the tests, `python3 tools/cluster up` starts a cluster")


def _up(checkout: Checkout, folder: Path, nodes: int) -> None:
    started = time.monotonic()
    cluster = Cluster.up(folder, checkout, os.environ, nodes=nodes)
    say(_STEP, f"up after {time.monotonic() - started:.0f} s; logs are in {cluster.folder}")
    print(f"export KUBECONFIG={cluster.kubeconfig} PATH={cluster.programs.folder}:$PATH")


def _load(checkout: Checkout, folder: Path, archive: Path, name: str) -> None:
    cluster = Cluster.find(folder, checkout, os.environ)
    if not cluster:
        raise SetupError(f"no cluster was started in {folder}")
    say(_STEP, f"every node has {cluster.load(archive, name)}")


def _down(checkout: Checkout, folder: Path) -> None:
    cluster = Cluster.find(folder, checkout, os.environ)
    if cluster:
        cluster.down()
    say(_STEP, "down" if cluster else f"there is no cluster in {folder}")


def _parser(checkout: Checkout) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cluster", description=__doc__)
    folder = checkout.state / "cluster" / "here"
    parser.add_argument("--folder", type=Path, default=folder, help="where it lies (default: %(default)s)")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("tools", help="install what it needs (root), and build Kubernetes into the cache")
    up = commands.add_parser("up", help="start one and print how to reach it")
    up.add_argument("--nodes", type=int, default=1, help="default: %(default)s")
    load = commands.add_parser("load", help="take the image in an OCI archive in, on every node")
    load.add_argument("archive", type=Path)
    load.add_argument("name", help="such as localhost/modelberth-server")
    commands.add_parser("down", help="end it and everything in it")
    return parser


def main() -> int:
    """Do what the command line asks for."""
    checkout = Checkout.here()
    options = _parser(checkout).parse_args()
    match options.command:
        case "tools":
            _tools(checkout)
        case "up":
            _up(checkout, options.folder, options.nodes)
        case "load":
            _load(checkout, options.folder, options.archive, options.name)
        case "down":
            _down(checkout, options.folder)
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
