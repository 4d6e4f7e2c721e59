"""Compile what every request passes through: `native.py SOURCE TARGET`; `native.py --check`: is it loaded?

The modules stay what they are, readable Python, and lie in the image beside what was made of them. mypyc, of
mypy's makers, turns their types into calls and fields of C, which takes a third off the cost of a small
request; zig's compiler makes one library of it. Both are Python packages (requirements/native.lock): neither
a compiler of the system nor a network is needed, and the same sources give the same bytes.

What it needs in the path for imports: those packages, and numpy with its types.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["CompileError", "compile_modules", "modules", "not_compiled"]

PACKAGE = "modelberth_server"
_TABLE = Path(__file__).parent / "native.json"
# Of what mypy cannot see into it assumes nothing.
_MYPY = "[mypy]\nfollow_imports = silent\nignore_missing_imports = True\n"
# A machine of another year, and a libc as old as the oldest that the wheels beside it take: zig would compile
# for this very processor.
_GLIBC = "2.28"
_FLAGS = ("-O3", "-g0", "-DNDEBUG", "-fwrapv", "-fPIC", "-shared", "-s")


class CompileError(Exception):
    """The sources do not compile, or something that compiling needs is missing."""


def modules(source: Path) -> list[Path]:
    """Return the files of the package in `source` that are compiled, by the patterns of `native.json`."""
    patterns: dict[str, str] = json.loads(_TABLE.read_text())["modules"]
    found: set[Path] = set()
    for pattern in patterns:
        files = {path for path in (source / PACKAGE).glob(pattern) if path.name != "__init__.py"}
        if not files:
            raise CompileError(f"native.json: {pattern} matches no module of {PACKAGE}")
        found |= files
    return sorted(found)


def compile_modules(source: Path, target: Path) -> int:
    """Put a library for each module of `source` below `target`, and the one that they share; return how many.

    Raises CompileError; mypy's and the compiler's own words are on standard error by then.
    """
    headers = Path(sysconfig.get_path("include"))
    if not (headers / "Python.h").is_file():
        raise CompileError(
            f"{headers}: no Python.h, the interpreter's headers (Debian: apt-get install python3-dev)"
        )
    with tempfile.TemporaryDirectory(prefix="modelberth-native-") as folder:
        work = Path(folder)
        shutil.copytree(source / PACKAGE, work / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
        (work / "mypy.ini").write_text(_MYPY)
        names = [str(path.relative_to(work)) for path in modules(work)]
        before = Path.cwd()
        os.chdir(work)  # the C that it writes would name any other folder
        try:
            return _compile(names, target.resolve(), headers)
        finally:
            os.chdir(before)


def not_compiled() -> list[str]:
    """Import every module that is to be compiled, and return those that are not."""
    package = importlib.import_module(PACKAGE)
    site = Path(str(package.__file__)).parent.parent
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    names = [".".join(path.relative_to(site).with_suffix("").parts) for path in modules(site)]
    return [name for name in names if not str(importlib.import_module(name).__file__).endswith(suffix)]


def _compile(names: list[str], target: Path, headers: Path) -> int:
    from mypyc.build import mypycify  # noqa: PLC0415 -- only where something is compiled

    # It ends the process where mypy finds an error.
    extensions = mypycify(["--config-file=mypy.ini", *names], group_name=PACKAGE)
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    commands = []
    for extension in extensions:
        library = target / f"{extension.name.replace('.', '/')}{suffix}"
        library.parent.mkdir(parents=True, exist_ok=True)
        commands.append(_command(extension.sources, [headers, *extension.include_dirs], library))
    # A cache of its own: nothing of another build can get in, and nothing stays.
    environ = {**os.environ, "ZIG_GLOBAL_CACHE_DIR": ".zig", "ZIG_LOCAL_CACHE_DIR": ".zig"}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        failed = [error for error in pool.map(partial(_run, environ), commands) if error]
    if failed:
        raise CompileError(failed[0])
    if len(commands) != len(names) + 1:
        raise CompileError(f"{len(names)} modules became {len(commands)} libraries, expected one more")
    return len(names)


def _command(sources: Iterable[str], includes: Iterable[str | Path], library: Path) -> list[str]:
    command = [sys.executable, "-m", "ziglang", "cc", *_FLAGS]
    command += ["-target", f"{platform.machine()}-linux-gnu.{_GLIBC}"]
    command += [f"-I{folder}" for folder in includes]
    # Debian's Python.h includes a file of the architecture's from there; zig has the C library's own.
    command += ["-idirafter", "/usr/include", "-o", str(library), *sources]
    return command


def _run(environ: Mapping[str, str], command: list[str]) -> str | None:
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    return f"{' '.join(command)}:\n{done.stderr}" if done.returncode else None


def main() -> int:
    """Do as the arguments say; exit status 1 where that fails."""
    if sys.argv[1:] == ["--check"]:
        if missing := not_compiled():
            print(f"error: not compiled: {', '.join(missing)}", file=sys.stderr)
        return int(bool(missing))
    source, target = map(Path, sys.argv[1:])
    try:
        count = compile_modules(source, target)
    except CompileError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"native: {count} modules compiled")
    return 0


if __name__ == "__main__":
    sys.exit(main())
