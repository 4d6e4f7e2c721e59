"""What the config asks for: targets that honour it, models that are there, packages that are installed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from importlib import metadata
from typing import Final
from urllib.parse import unquote

import yaml

from modelberth.capabilities import check
from modelberth.cli.config import endpoints_of
from modelberth.cli.failure import Failure
from modelberth.cli.price_file import today
from modelberth.preview.cost import PriceFileError, Prices
from modelberth.preview.cost.prices import MAX_AGE, OWN

from .finding import Check, Checkup, Finding

__all__ = ["PROGRAM"]

_MIB: Final = 1024**2
_ROOM: Final = 256 * _MIB
"""Free space that an endpoint on this machine needs beside its models, for its log and its state."""


def config(checkup: Checkup) -> Iterator[Finding]:
    """Whether the stack's config can be read."""
    file = checkup.stack.file
    if not file.is_file():
        known = sorted(f.name.split(".")[1] for f in file.parent.glob("Pulumi.*.yaml"))
        fix = f"use --stack {known[0]}" if known else f"write {file.name}; docs/reference/spec.md tells how"
        yield Finding.missing("config", f"no {file.name}; stacks: {', '.join(known) or 'none yet'}", fix)
        return
    key = f"{checkup.stack.project}:endpoints"
    written = yaml.safe_load(file.read_text()).get("config") or {}
    if key not in written and not checkup.is_checkout:
        told = f"no {key}: a program of its own, whose targets are not known here"
        yield Finding.optional("config", told)
        return
    try:
        found = endpoints_of(checkup.stack)
    except Failure as failure:
        yield Finding.missing(
            "config", str(failure), f"edit {file.name}; docs/reference/spec.md tells what fits"
        )
        return
    yield Finding.ok("config", ", ".join(f"{endpoint.name} → {endpoint.target.kind}" for endpoint in found))


def capabilities(checkup: Checkup) -> Iterator[Finding]:
    """Whether each endpoint's target honours its spec."""
    for index, endpoint in enumerate(checkup.deployments):
        name = f"target of {endpoint.name}"
        problems = check(endpoint.spec, endpoint.target, f"endpoints[{index}]")
        if problems:
            told = "; ".join(map(str, problems))
            fix = f"modelberth targets --stack {checkup.stack.name} --endpoint {endpoint.name}"
            yield Finding.missing(name, told, fix)
        else:
            yield Finding.ok(name, f"`{endpoint.target.kind}` honours all of it")


def models(checkup: Checkup) -> Iterator[Finding]:
    """Whether the models that lie on this machine are there, and their copies have room."""
    sizes = []
    for endpoint in checkup.deployments:
        if endpoint.model.scheme != "file":
            continue
        file = checkup.stack.folder / unquote(endpoint.model.path)
        name = f"model of {endpoint.name}"
        if file.is_file():
            sizes.append(file.stat().st_size)
            yield Finding.ok(name, f"{file}, {file.stat().st_size:,} bytes")
        else:
            yield Finding.missing(
                name,
                f"no file {file}",
                f"put the model there, or edit model.uri in {checkup.stack.file.name}",
            )
    if "local" in checkup.kinds:
        free, needed = shutil.disk_usage(checkup.stack.folder).free, sum(sizes) + _ROOM
        told = f"{free / _MIB:,.0f} MiB free for .state/local, needed: {needed / _MIB:,.0f} MiB"
        if free < needed:
            yield Finding.missing("disk", told, f"make room: df -h '{checkup.stack.folder}'")
        else:
            yield Finding.ok("disk", told)


def packages(checkup: Checkup) -> Iterator[Finding]:
    """Whether what each target needs is installed where the program runs."""
    folders = list(map(str, (checkup.environment / "lib").glob("python3.*/site-packages")))
    installed = {
        _normal(distribution.name): distribution.version
        for distribution in metadata.distributions(path=folders)
    }
    for extra in checkup.extras:
        wanted = _wanted(extra)
        absent = [name for name in wanted if name not in installed]
        name, whole = f"packages [{extra}]", f"modelberth[{extra}]"
        if absent:
            yield Finding.missing(name, f"not installed: {', '.join(absent)}", checkup.install(whole))
        else:
            yield Finding.ok(name, ", ".join(f"{name} {installed[name]}" for name in wanted))


def prices(checkup: Checkup) -> Iterator[Finding]:
    """The price file that estimates are made with."""
    day = today()
    try:
        found = Prices.choose(None, checkup.stack.folder, day)
    except PriceFileError as error:
        own = checkup.stack.folder / OWN
        yield Finding.missing(
            "prices", str(error), f"rm '{own}'" if error.file == own else "reinstall modelberth"
        )
        return
    age = found.age_days(day)
    if age > MAX_AGE.days:
        yield Finding.optional("prices", f"the oldest is {age} days old", "modelberth prices refresh")
    else:
        yield Finding.ok("prices", f"the oldest is {age} days old")


def _wanted(extra: str) -> list[str]:
    """The distributions of an extra, as the installed package names them."""
    mark = re.compile(rf"""extra == ['"]{extra}['"]""")
    return [
        _normal(re.split(r"[^\w.-]", requirement, maxsplit=1)[0])
        for requirement in metadata.requires("modelberth") or ()
        if mark.search(requirement)
    ]


def _normal(name: str) -> str:
    """Return the name as the packaging rules compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


PROGRAM: Final[tuple[Check, ...]] = (config, capabilities, models, packages, prices)
