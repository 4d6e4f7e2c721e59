"""The command line: `modelberth up`, `preview`, `diff`, `down`, `recover` and what tells about a stack."""

import json
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any, NoReturn

import typer

from modelberth._version import __version__
from modelberth.cli.conformance import conformance
from modelberth.cli.doctor import doctor
from modelberth.cli.endpoints import Answer, ask
from modelberth.cli.engine import Engine
from modelberth.cli.explain import explain
from modelberth.cli.failure import Exit, Failure
from modelberth.cli.optimize import optimize
from modelberth.cli.options import AsJson, StackName, err, out
from modelberth.cli.package import package
from modelberth.cli.preview import checked, diff, preview
from modelberth.cli.prices import prices_app
from modelberth.cli.quota import quota
from modelberth.cli.recovery import (
    drop_torn_metadata,
    release_stale_lock,
    require_unlocked,
    restore_state,
    settle_pending,
)
from modelberth.cli.stack import Stack, open_stack
from modelberth.cli.targets import targets

app = typer.Typer(
    name="modelberth",
    help="Deploy AI model endpoints with Pulumi: a stack's way up and down.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer's callback
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def _root(
    *, version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False
) -> None: ...


@app.command()
def up(stack: StackName = "dev", *, as_json: AsJson = False) -> None:
    """Deploy the stack, then call each endpoint and print its address, a curl line and the reply.

    Serves the first time, the second time, after an edit and after a crash.
    """
    engine, found = open_stack(stack)
    _settle(found, engine)
    if found.ensure(engine):
        err.print(f"Stack {stack}: made")
    checked(engine, found, quiet=as_json)
    status = engine.run(
        *("up", "--yes", "--skip-preview", "--refresh", "--suppress-outputs", "--stack", stack),
        *("--config-file", str(found.config())),
        quiet=as_json,
    )
    if status != 0:
        require_unlocked(found)  # somebody else may have begun since we looked
        raise Failure(
            Exit.FAILED, f"stack {stack}: the deployment failed (pulumi ended with {status}), see above"
        )
    changed = _changed(engine, stack)
    answers = [ask(contract) for contract in _contracts(engine, stack)]
    if as_json:
        print(json.dumps({"stack": stack, "changes": changed, "endpoints": [asdict(a) for a in answers]}))
    else:
        out.print("No change: the stack is as described." if not changed else f"Done: {_told(changed)}.")
        for answer in answers:
            _show(answer)
    if not all(answer.ok for answer in answers):
        raise Failure(Exit.UNHEALTHY, "an endpoint does not answer as it should; its log tells why")


app.command()(preview)
app.command()(diff)
app.command()(conformance)
app.command()(doctor)
app.command()(explain)
app.command()(optimize)
app.command()(package)
app.command()(quota)
app.command()(targets)
app.add_typer(prices_app)


@app.command()
def down(stack: StackName = "dev") -> None:
    """Destroy all that the stack made. The stack's config and history stay."""
    engine, found = open_stack(stack)
    _settle(found, engine)
    if not found.exists(engine):
        out.print(f"Stack {stack} was never deployed: nothing to destroy.")
        return
    status = engine.run("destroy", "--yes", "--stack", stack, "--config-file", str(found.config()))
    if status != 0:
        require_unlocked(found)
        raise Failure(
            Exit.FAILED, f"stack {stack}: the destroy failed (pulumi ended with {status}), see above"
        )


@app.command()
def recover(stack: StackName = "dev") -> None:
    """Mend what a crash left behind: a damaged state, a stale lock, creates that were cut off."""
    engine, found = open_stack(stack)
    done = [
        restore_state(found),
        drop_torn_metadata(found),
        release_stale_lock(found, engine),
        settle_pending(found, engine),
    ]
    for sentence in filter(None, done):
        out.print(f"Stack {stack}: {sentence}")
    if not any(done):
        out.print(f"Stack {stack}: nothing to mend.")


def main() -> None:
    """Run the command; exit statuses are those of `Exit`, and 128 + the number of a signal that ended it."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    try:
        app()
    except Failure as failure:
        err.print(f"error: {failure}", markup=False)
        sys.exit(failure.status)


def _end(number: int, _: object) -> NoReturn:
    """Leave as after Ctrl-C: the engine is told, and what is temporary goes."""
    sys.exit(128 + number)


def _settle(stack: Stack, engine: Engine) -> None:
    done = [drop_torn_metadata(stack), release_stale_lock(stack, engine), settle_pending(stack, engine)]
    for sentence in filter(None, done):
        err.print(f"Stack {stack.name}: {sentence}")


def _changed(engine: Engine, stack: str) -> dict[str, int]:
    """What the last update did, by kind: {"create": 2}; without what stayed the same."""
    history = engine.ask("stack", "history", "--stack", stack, "--page-size", "1", "--json")
    changes: dict[str, int] = (history[0].get("resourceChanges") if history else None) or {}
    return {kind: count for kind, count in changes.items() if kind != "same"}


def _contracts(engine: Engine, stack: str) -> list[dict[str, Any]]:
    outputs = engine.ask("stack", "output", "--stack", stack, "--json") or {}
    return list((outputs.get("endpoints") or {}).values())


def _told(changes: dict[str, int]) -> str:
    words: dict[str, Callable[[int], str]] = {
        "create": "{} made".format,
        "update": "{} changed".format,
        "replace": "{} replaced".format,
        "delete": "{} removed".format,
    }
    return ", ".join(
        words[kind](count) if kind in words else f"{kind}: {count}" for kind, count in changes.items()
    )


def _show(answer: Answer) -> None:
    out.print(f"\n{answer.name}  {answer.url}", style="bold")
    out.print(f"  try    {answer.curl}", markup=False)
    out.print(f"  reply  {answer.reply}", markup=False)
    if answer.logs:
        out.print(f"  log    {answer.logs}", markup=False)
