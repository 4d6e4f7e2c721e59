"""Measure Modelberth's server against other Python model servers and against the model itself.

    make bench-serving                                             everything, in about forty minutes
    make bench-serving ARGS="--only trees-1 --rivals fastapi,kserve --rounds 1"

Linux with two cores or more, and wrk. Makes an environment for each rival in `.bench/`.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

import own_server
from aims import judge
from contenders import NOT_TO_BE_HAD, OPTIONS, OURS, RIVALS, UNBATCHED, Contender
from curve import as_svg
from floor import Floor
from machine import Machine
from measurements import Figures
from onnx_models import MODELS, ServedModel
from rival_environments import install
from rounds import Bench, offered_loads, rounds, starts
from tables import as_markdown
from timing import BenchmarkError
from workloads import WORKLOADS

_QUIET = 1.5
_INTERRUPTED = 130  # what a POSIX shell gives for SIGINT
_PARTS = ("options", "starts", "curve")
_PACKAGES = ("onnxruntime", "numpy", "orjson", "uvloop", "httptools")
_SERVER_CORE, _CLIENT_CORE = 0, 1


def main() -> int:
    """Run what was asked for and print it; exit status 1 where something failed, or an aim with `--check`."""
    arguments = _arguments()
    load = os.getloadavg()[0]
    if load > _QUIET and not arguments.busy:
        print(f"error: the load is {load:.1f}, allowed: {_QUIET}; wait, or give --busy", file=sys.stderr)
        return 1
    if missing := [name for name in ("wrk", "taskset") if not shutil.which(name)]:
        print(
            f"error: {', '.join(missing)} not on PATH (Debian: apt install wrk util-linux)", file=sys.stderr
        )
        return 1
    if not {_SERVER_CORE, _CLIENT_CORE} <= os.sched_getaffinity(0):
        print(f"error: cores {_SERVER_CORE} and {_CLIENT_CORE} are needed", file=sys.stderr)
        return 1
    rivals = [rival for rival in RIVALS if rival.name in arguments.rivals]
    figures = Figures(
        _conditions(load, arguments), {one.name: _label(one) for one in (OURS, *OPTIONS, *RIVALS)}
    )
    try:
        own_server.install()
        for rival in rivals:
            install(rival.name)
        os.sched_setaffinity(0, {_CLIENT_CORE})
        with tempfile.TemporaryDirectory(prefix="mb-") as folder:
            _measure(Path(folder), rivals, arguments, figures)
    except BenchmarkError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; every server is ended", file=sys.stderr)
        return _INTERRUPTED
    return _report(figures, rivals, arguments)


def _measure(folder: Path, rivals: list[Contender], arguments: argparse.Namespace, figures: Figures) -> None:
    models = {name: ServedModel.make(name, folder) for name in MODELS}
    floor = Floor.build(folder)
    bench = Bench(folder, models, arguments.seconds, _SERVER_CORE, _CLIENT_CORE, floor)
    plan = {workload: [OURS, *rivals] for workload in WORKLOADS if workload.name in arguments.only}
    tiny = WORKLOADS[0]
    if "options" in arguments.only:
        plan[tiny] = [*plan.get(tiny, [OURS]), *OPTIONS]
    if plan:
        rounds(bench, plan, arguments.rounds, figures)
    if "starts" in arguments.only:
        starts(bench, [OURS, *rivals], tiny, arguments.starts, figures)
    if "curve" in arguments.only:
        offered_loads(bench, [OURS, UNBATCHED], tiny, arguments.rounds, figures)


def _report(figures: Figures, rivals: list[Contender], arguments: argparse.Namespace) -> int:
    aims = judge(figures, [rival.name for rival in rivals])
    table = as_markdown(figures, aims, NOT_TO_BE_HAD)
    print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures.as_json(), indent=1) + "\n")
        arguments.json.with_suffix(".md").write_text(table)
    if arguments.plot and figures.curves:
        labels = {"modelberth": "micro-batching (default)", "unbatched": "each request on its own"}
        curves = {labels[name]: points for name, points in figures.curves.items()}
        arguments.plot.write_text(as_svg(curves, "One row of JSON, 100 trees, one core, open loop"))
    missed = [aim for aim in aims if not aim.is_met]
    return int(bool(figures.failures) or (arguments.check and (bool(missed) or not aims)))


def _label(contender: Contender) -> str:
    return f"{contender.label} {contender.version}".strip()


def _conditions(load: float, arguments: argparse.Namespace) -> dict[str, str]:
    machine = Machine.here(engine="")
    return {
        "date": machine.date,
        "processor": f"{machine.processor}, {machine.cores} cores",
        "system": machine.system,
        "Python": machine.python,
        **{name: version(name) for name in _PACKAGES},
        "load before": f"{load:.1f}",
        "rounds": f"{arguments.rounds} of {arguments.seconds} s",
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-serving", description=__doc__.partition("\n")[0])
    parts = [*(workload.name for workload in WORKLOADS), *_PARTS]
    names = [rival.name for rival in RIVALS]
    parser.add_argument("--only", nargs="+", choices=parts, default=parts, help="not all")
    parser.add_argument(
        "--rivals", type=_names(names), default=names, help=f"with commas, of {','.join(names)}; or none"
    )
    parser.add_argument("--rounds", type=_count, default=5, help="of each measurement (5)")
    parser.add_argument("--seconds", type=_count, default=4, help="of each load (4)")
    parser.add_argument("--starts", type=_count, default=10, help="of each server (10)")
    parser.add_argument(
        "--json", type=Path, help="file for every measurement; the table goes beside it as .md"
    )
    parser.add_argument("--plot", type=Path, help="file for the curve over the offered load, SVG")
    parser.add_argument("--check", action="store_true", help="exit status 1 where an aim is missed")
    parser.add_argument("--busy", action="store_true", help=f"also at a load above {_QUIET}")
    return parser.parse_args()


def _names(allowed: list[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        names = [] if text == "none" else text.split(",")
        if unknown := [name for name in names if name not in allowed]:
            raise argparse.ArgumentTypeError(f"given {', '.join(unknown)}, allowed: {', '.join(allowed)}")
        return names

    return parse


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"given {number}, allowed: 1 or more")
    return number


if __name__ == "__main__":
    sys.exit(main())
