"""Plans from the real engine: of the stack as deployed, or on stand-ins with nothing but the program."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

from modelberth.cli.engine import Engine
from modelberth.cli.failure import Exit, Failure
from modelberth.cli.revisions import Range, Repository, Revision
from modelberth.cli.scratch import Scratch
from modelberth.cli.stack import Stack
from modelberth.preview.events import read_plan
from modelberth.preview.plan import Plan, Step
from modelberth.preview.render.failures import faults

__all__ = ["Comparison", "Seen", "compared", "planned"]

Seen = Callable[[Step], object]


@dataclass(frozen=True)
class Comparison:
    """What going from one revision to another would do."""

    plan: Plan
    revisions: Range
    empty: str
    """Why the base counts as nothing; empty where it does not."""


def planned(
    engine: Engine,
    stack: Stack,
    *,
    offline: bool,
    state: bool = False,
    config: Path | None = None,
    policy_packs: Sequence[Path] = (),
    seen: Seen | None = None,
) -> Plan:
    """What an update of the stack would do.

    Not `offline`: with the installed providers, and a look at what is deployed. `offline`: with stand-ins,
    against the `state` as it was last written, which must be there, or against nothing. `config` takes the
    place of the stack's file.
    """
    arguments = _policies(policy_packs)
    if not offline:
        file = stack.config() if config is None else config
        return _plan(engine, stack, file, ["--refresh", *arguments], seen)
    from modelberth.preview.standins import StandIns  # noqa: PLC0415 - brings Pulumi and gRPC

    with StandIns(own=True) as standins:
        if state:
            there = engine.within(stack.folder, {**os.environ, **standins.environment})
            return _plan(there, stack, stack.config() if config is None else config, arguments, seen)
        with Scratch.make(standins.environment) as scratch:
            alone = engine.within(stack.folder, scratch.environment)
            scratch.make_stack(alone, stack.project, stack.name)
            return _plan(alone, stack, scratch.config(config or stack.file), arguments, seen)


def compared(
    engine: Engine,
    stack: Stack,
    revisions: str,
    *,
    policy_packs: Sequence[Path] = (),
    seen: Seen | None = None,
) -> Comparison:
    """What going from one git revision to another would do.

    The base is brought up on stand-ins into a state that nobody keeps, the head is previewed against that:
    so aliases, replacements and what follows from them are the engine's own. Both are laid out in the same
    folder in turn: a path of the program's own folder is no difference between them.
    """
    from modelberth.preview.standins import StandIns  # noqa: PLC0415 - brings Pulumi and gRPC

    with StandIns(own=True) as standins, Scratch.make(standins.environment) as scratch:
        repository = Repository.around(stack.folder, scratch.folder)
        found = repository.range(revisions)
        inside = stack.folder.resolve().relative_to(repository.root)
        place = scratch.tree / inside
        alone = engine.within(place, {**scratch.environment, "PYTHONPATH": _editable(repository, scratch)})
        scratch.make_stack(alone, stack.project, stack.name)
        with _laid_out(repository, found.base, scratch, stack, inside):
            empty = _bring_up(alone, stack, place, scratch)
        with _laid_out(repository, found.head, scratch, stack, inside):
            file = place / stack.file.name
            if not file.is_file():
                more = "" if empty else " Taking the file away destroys nothing; `modelberth down` does."
                raise Failure(
                    Exit.NO_STACK, f"stack: given {stack.name!r}: {found.head} has no {file.name}.{more}"
                )
            plan = _plan(alone, stack, scratch.config(file), _policies(policy_packs), seen)
        return Comparison(_from_the_tree(plan, scratch.tree), found, empty)


def _plan(engine: Engine, stack: Stack, config: Path, more: Sequence[str], seen: Seen | None) -> Plan:
    arguments = ("preview", "--diff", "--stack", stack.name, "--config-file", str(config), *more)
    with closing(engine.events(*arguments)) as lines:
        return read_plan(lines, project=stack.project, stack=stack.name, seen=seen)


def _bring_up(engine: Engine, stack: Stack, place: Path, scratch: Scratch) -> str:
    """Deploy the base on stand-ins; why there is nothing to compare with, where there is not."""
    file = place / stack.file.name
    if not file.is_file():
        return f"it has no stack {stack.name!r}"
    arguments = ("up", "--yes", "--skip-preview", "--stack", stack.name)
    with closing(engine.events(*arguments, "--config-file", str(scratch.config(file)))) as lines:
        plan = read_plan(lines, project=stack.project, stack=stack.name)
    errors = faults(
        said for said in _from_the_tree(plan, scratch.tree).diagnostics if said.severity == "error"
    )
    if not errors:
        return ""
    where = f" ({errors[0].where or errors[0].resource})" if errors[0].where or errors[0].resource else ""
    return f"its program fails: {errors[0].message}{where}"


def _policies(packs: Sequence[Path]) -> list[str]:
    """Arguments for the engine, which runs in another folder than the person.

    Raises:
        Failure: there is no such folder.
    """
    missing = [pack for pack in packs if not pack.is_dir()]
    if missing:
        raise Failure(Exit.USAGE, f"--policy-pack: given {str(missing[0])!r}, allowed: an existing folder")
    return [word for pack in packs for word in ("--policy-pack", str(pack.resolve()))]


def _from_the_tree(plan: Plan, tree: Path) -> Plan:
    """The plan with messages that name files as the repository does."""
    inside = f"{tree}{os.sep}"
    told = (replace(said, message=said.message.replace(inside, "")) for said in plan.diagnostics)
    return replace(plan, diagnostics=tuple(told))


@contextmanager
def _laid_out(
    repository: Repository, revision: Revision, scratch: Scratch, stack: Stack, inside: Path
) -> Iterator[None]:
    """The files of a revision, with the project's own environment where its Pulumi.yaml looks for one."""
    repository.lay_out(revision, scratch.tree)
    place = scratch.tree / inside
    if (place / "Pulumi.yaml").is_file():
        content = yaml.safe_load((place / "Pulumi.yaml").read_text())
        name = _virtual_environment(content)
        if name and not (place / name).exists() and (stack.folder / name).exists():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).symlink_to((stack.folder / name).resolve())
    yield


def _virtual_environment(project: Any) -> str:
    match project:
        case {"runtime": {"options": {"virtualenv": str(name)}}} if not Path(name).is_absolute():
            return name
    return ""


def _editable(repository: Repository, scratch: Scratch) -> str:
    """Where a revision has the packages that are installed from this repository in editable mode.

    Without them on the path a revision's program would run with the packages of the working tree.
    """
    roots = []
    for distribution in metadata.distributions():
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
        if not (origin.get("dir_info") or {}).get("editable"):
            continue
        source = Path(unquote(urlsplit(origin.get("url", "")).path)).resolve()
        if not source.is_relative_to(repository.root):
            continue
        for package in (distribution.read_text("top_level.txt") or "").split():
            spec = importlib.util.find_spec(package)
            for location in (spec.submodule_search_locations or ()) if spec else ():
                above = Path(location).resolve().parent
                if above.is_relative_to(repository.root):
                    roots.append(str(scratch.tree / above.relative_to(repository.root)))
    return os.pathsep.join(dict.fromkeys(roots))
