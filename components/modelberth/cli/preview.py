"""`modelberth preview` and `modelberth diff`: what a change does to callers and to the bill."""

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from modelberth.cli.engine import Engine
from modelberth.cli.failure import Exit, Failure
from modelberth.cli.options import PriceFile, StackName, err
from modelberth.cli.planning import Seen, compared, planned
from modelberth.cli.price_file import prices_for, today
from modelberth.cli.stack import Stack, open_stack
from modelberth.preview.assemble import assemble
from modelberth.preview.render import markdown, terminal, to_dict
from modelberth.preview.report import Outcome, Report

__all__ = ["checked", "diff", "preview"]

STATUS = {
    Outcome.NOTHING: Exit.OK,
    Outcome.CHANGES: Exit.CHANGES,
    Outcome.DANGEROUS: Exit.DANGEROUS,
    Outcome.REFUSED: Exit.REFUSED,
    Outcome.FAILED: Exit.FAILED,
}


class Format(StrEnum):
    """How a report is shown."""

    TERMINAL = "terminal"
    MARKDOWN = "markdown"
    JSON = "json"


AsFormat = Annotated[
    Format | None, typer.Option("--format", help="terminal, markdown (for a pull request's comment) or json.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Short for --format json.")]
Verbose = Annotated[bool, typer.Option("--diff", help="Show every property that changes.")]
PolicyPacks = Annotated[
    list[Path] | None,
    typer.Option("--policy-pack", help="Folder of a policy pack to check with; repeatable."),
]


def preview(
    stack: StackName = "dev",
    *,
    offline: Annotated[
        bool,
        typer.Option(
            "--offline",
            help="On stand-in providers: without credentials, plugins or a look at what runs.",
        ),
    ] = False,
    state: Annotated[
        bool,
        typer.Option("--state/--no-state", help="Offline: compare with the state, or with nothing."),
    ] = True,
    form: AsFormat = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    prices: PriceFile = None,
    policy_pack: PolicyPacks = None,
) -> None:
    """Show what `up` would do to callers and to the bill, and change nothing.

    Exit status: 0 nothing changes, 10 changes, 11 a dangerous one, 12 a policy or budget is broken, 1 the
    program fails.
    """
    shown_as = _form(form, as_json=as_json)
    if not state and not offline:
        raise Failure(Exit.USAGE, "--no-state: allowed with --offline only")
    engine, found = open_stack(stack, passphrase=not offline)
    read = prices_for(found.folder, prices)
    has_state = state and found.require_readable(engine)
    if not offline:
        found.ensure(engine)
    elif has_state:
        found.require_passphrase()
    with _progress(shown_as) as seen:
        plan = planned(
            engine, found, offline=offline, state=has_state, policy_packs=policy_pack or (), seen=seen
        )
    before = "what is deployed" if not offline else "the state as last written" if has_state else "nothing"
    report = assemble(plan, read, offline=offline, today=today(), before=before)
    _finish(report, shown_as, verbose=verbose)


def diff(
    revisions: Annotated[
        str,
        typer.Argument(
            metavar="BASE..HEAD",
            help="Two git revisions. BASE...HEAD: from where they parted. BASE alone: with the working tree.",
        ),
    ],
    stack: StackName = "dev",
    *,
    form: AsFormat = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    prices: PriceFile = None,
    policy_pack: PolicyPacks = None,
) -> None:
    """Show what going from one git revision to another does to callers and to the bill.

    Runs both programs on stand-in providers: no state, no credentials, no network. Exit status as `preview`.
    """
    shown_as = _form(form, as_json=as_json)
    engine, found = open_stack(stack, passphrase=False, file=False)
    read = prices_for(found.folder, prices)
    with _progress(shown_as) as seen:
        comparison = compared(engine, found, revisions, policy_packs=policy_pack or (), seen=seen)
    base, head = comparison.revisions.base, comparison.revisions.head
    report = assemble(
        comparison.plan,
        read,
        offline=True,
        today=today(),
        before=str(base),
        after=str(head),
        notes=[f"Compared with nothing: of {base} {comparison.empty}."] if comparison.empty else [],
    )
    _finish(report, shown_as, verbose=verbose)


def checked(engine: Engine, stack: Stack, *, quiet: bool) -> None:
    """Show what an update would do; end here with nothing touched where it must not begin."""
    with _progress(Format.JSON if quiet else Format.TERMINAL) as seen:
        plan = planned(engine, stack, offline=False, seen=seen)
    report = assemble(plan, prices_for(stack.folder), offline=False, today=today(), before="what is deployed")
    status = STATUS[report.outcome]
    if not quiet or status in {Exit.FAILED, Exit.REFUSED}:
        terminal(report, Console(soft_wrap=True, highlight=False, stderr=quiet))
    if status in {Exit.FAILED, Exit.REFUSED}:
        _require_sdk(report)
        raise Failure(status, f"stack {stack.name}: nothing was changed, the preview says why not")


def _form(form: Format | None, *, as_json: bool) -> Format:
    if as_json and form not in {None, Format.JSON}:
        raise Failure(Exit.USAGE, f"--format: given {form}, allowed: json, beside --json")
    return Format.JSON if as_json else form or Format.TERMINAL


class _Console(Console):
    """Leaves a pipe that nobody reads any more to its caller; rich would end with 1, as if we had failed."""

    def on_broken_pipe(self) -> None:
        """Say that it is broken."""
        raise BrokenPipeError


def _finish(report: Report, form: Format, *, verbose: bool) -> None:
    """Print the report and end with its outcome, also where nobody reads to the end (`| head`)."""
    try:
        match form:
            case Format.TERMINAL:
                terminal(report, _Console(highlight=False), verbose=verbose)
            case Format.MARKDOWN:
                sys.stdout.write(markdown(report))
            case Format.JSON:
                sys.stdout.write(json.dumps(to_dict(report), indent=2, allow_nan=False) + "\n")
        sys.stdout.flush()
    except OSError as error:
        # What Python has kept would fail once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise Failure(Exit.USAGE, f"the report cannot be written: {error.strerror}") from None
    _require_sdk(report)
    raise typer.Exit(STATUS[report.outcome])


def _require_sdk(report: Report) -> None:
    for error in report.errors:
        missing = re.search(r"No module named '(pulumi_(\w+))", error.message)
        asked = re.search(r"pip install '(modelberth\[[\w,]+\])'", error.message)
        if asked:
            told = f"the SDK of a target is not installed: pip install '{asked[1]}'"
            raise Failure(Exit.SDK, told)
        if missing:
            package = _EXTRAS.get(missing[2], missing[1])
            raise Failure(
                Exit.SDK, f"the program needs {missing[1]}, which is not installed: pip install {package!r}"
            )


_EXTRAS = {
    "aws": "modelberth[aws]",
    "aws_native": "modelberth[sagemaker]",
    "azure_native": "modelberth[azure]",
    "gcp": "modelberth[gcp]",
    "kubernetes": "modelberth[kubernetes]",
}


@contextmanager
def _progress(form: Format) -> Iterator[Seen | None]:
    """A word for the person while the engine works, on a terminal only."""
    if form is not Format.TERMINAL or not err.is_terminal:
        yield None
        return
    count = 0
    with err.status("Previewing…") as status:

        def seen(_: object) -> None:
            nonlocal count
            count += 1
            status.update(f"Previewing… {count} resources")

        yield seen
