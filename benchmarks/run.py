"""Measure how fast Modelberth is, as ratios against what it is built on.

    make bench                                   everything, in a few minutes
    make bench ARGS="--only imports --rounds 9"

Needs the Pulumi CLI on PATH. Deploys from a temporary folder, and takes down what it deployed.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "tools"))

import deployments
import imports
import offline_previews
import previews
import servers
from comparison import Comparison
from console import SetupError
from machine import Machine
from report import as_json, as_table
from scratch import Scratch, scratch
from timing import BenchmarkError

_INTERRUPTED = 130  # what a POSIX shell gives for SIGINT
_Benchmark = Callable[[Scratch], Iterator[Comparison]]


def main() -> int:
    """Run what was asked for and print it; the exit status is 1 where something could not be measured."""
    arguments = _arguments()
    # A person's second run reads cached bytecode, and the second run is what is measured.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    rounds = arguments.rounds
    benchmarks: dict[str, _Benchmark] = {
        "imports": lambda _: imports.compare(rounds),
        "previews": lambda scratch: previews.compare(scratch, rounds, arguments.endpoints),
        "offline-previews": lambda scratch: offline_previews.compare(scratch, rounds, arguments.endpoints),
        "deployments": lambda scratch: deployments.compare(scratch, rounds),
        "serving": lambda scratch: servers.compare(scratch, rounds),
    }
    comparisons: list[Comparison] = []
    status = 0
    try:
        with scratch() as projects:
            machine = Machine.here(projects.engine)
            print(machine, file=sys.stderr)
            for comparison in chain.from_iterable(
                benchmarks[name](projects) for name in arguments.only or benchmarks
            ):
                comparisons.append(comparison)
                ratio = comparison.wall_ratio.median
                print(f"{comparison.subject}: {ratio:.2f} times {comparison.baseline}", file=sys.stderr)
    except (BenchmarkError, SetupError) as error:
        print(f"error: {error}", file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        print("interrupted; what was deployed is taken down", file=sys.stderr)
        status = _INTERRUPTED
    if comparisons:
        print(as_json(machine, comparisons) if arguments.json else as_table(comparisons))
    return status


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=_count, default=5, help="counted rounds of each comparison (5)")
    parser.add_argument(
        "--endpoints",
        type=_count,
        nargs="+",
        default=[1, 10, 30, 100],
        help="sizes of the stacks (1 10 30 100)",
    )
    parser.add_argument(
        "--only",
        nargs="+",
        choices=["imports", "previews", "offline-previews", "deployments", "serving"],
        help="not all",
    )
    parser.add_argument("--json", action="store_true", help="print every measurement, for machines")
    return parser.parse_args()


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"given {number}, allowed: 1 or more")
    return number


if __name__ == "__main__":
    sys.exit(main())
