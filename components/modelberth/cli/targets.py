"""`modelberth targets`: where an endpoint could run, where not and why, before a cent is spent."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Final

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from modelberth.capabilities import check
from modelberth.capability_table import TargetTable, load
from modelberth.cli.config import endpoints_of, entries_of, example_targets, with_endpoints
from modelberth.cli.engine import Engine
from modelberth.cli.failure import Exit, Failure
from modelberth.cli.options import AsJson, StackName, err, out
from modelberth.cli.planning import planned
from modelberth.cli.price_file import prices_for, today
from modelberth.cli.stack import Stack, open_stack
from modelberth.preview.assemble import assemble
from modelberth.preview.cost import Cost
from modelberth.preview.report import Outcome
from modelberth.spec import EndpointDeployment, Target
from modelberth.spec.gcp import GcpTarget

__all__ = ["Choice", "choices", "targets"]

_NOT_BUILT: Final = "not in this version"
_SHOWN: Final = 2


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One target for one endpoint."""

    target: str
    chosen: bool
    """Whether the stack's config names it."""
    status: str
    """`available` or `planned`."""
    refused: tuple[str, ...]
    """Why it does not fit, one sentence for each field; empty where it fits."""
    gpu: str
    scale_to_zero: str
    max_body: str
    max_timeout: str
    cold_start: str
    cost: str = _NOT_BUILT
    """Monthly cost in words, or why it cannot be told."""
    monthly_usd: tuple[float, float, float] | None = None
    """In US dollars at the least, the expected and the most load; None where it cannot be told."""
    unpriced: int = 0
    """Number of things that are billed and not in `monthly_usd`."""

    @property
    def fits(self) -> bool:
        """Whether the target honours every field of the spec, be it available or planned."""
        return not self.refused


def targets(
    stack: StackName = "dev",
    *,
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", help="Name of the endpoint. Unset: every one of the stack.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show every target for an endpoint: fits or refused because, cost, cold start, limits."""
    engine, found = open_stack(stack, passphrase=False)
    known = endpoints_of(found)
    asked = [deployment for deployment in known if endpoint in {None, deployment.name}]
    if not asked:
        names = ", ".join(deployment.name for deployment in known)
        raise Failure(Exit.USAGE, f"--endpoint: given {endpoint!r}, allowed: {names}")
    answers: dict[str, list[Choice]] = {}
    for deployment in asked:
        with err.status(f"Pricing {deployment.name}…"):
            answers[deployment.name] = [
                _priced(choice, deployment, engine, found) for choice in choices(deployment)
            ]
    if as_json:
        told = {
            name: [{**asdict(choice), "fits": choice.fits} for choice in row] for name, row in answers.items()
        }
        print(json.dumps({"stack": stack, "endpoints": told}, indent=2))
        return
    for name, row in answers.items():
        _show(name, row)


def choices(deployment: EndpointDeployment) -> tuple[Choice, ...]:
    """Judge every target: those that fit first, of these the ones that can be deployed to first."""
    judged = [_judged(deployment, table) for table in load().values()]
    return tuple(sorted(judged, key=lambda choice: (len(choice.refused), choice.status)))


def _judged(deployment: EndpointDeployment, table: TargetTable) -> Choice:
    chosen = deployment.target.kind == table.kind
    target = deployment.target if chosen else _example(deployment, table.kind)
    return Choice(
        target=table.kind,
        chosen=chosen,
        status=table.status,
        refused=tuple(
            f"{problem.path}: given {problem.given}, allowed: {problem.allowed}"
            for problem in check(deployment.spec, target)
            # that it is planned is said in a column of its own, and an example's own fields can be set
            if problem.path != "target.kind" and (chosen or not problem.path.startswith("target."))
        ),
        gpu=_cell(table, "resources.gpu.kind"),
        scale_to_zero=_cell(table, "scale_to_zero"),
        max_body=_cell(table, "limits.max_body", unlimited="no limit"),
        max_timeout=_cell(table, "limits.timeout", unlimited="no limit"),
        cold_start=table.cold_start,
    )


def _example(deployment: EndpointDeployment, kind: str) -> Target:
    """The example of a target that refuses least of the spec, with copies of models where it reads them."""
    found = [_mirroring(target, deployment) for target in example_targets(kind)]
    return min(found, key=lambda target: len(check(deployment.spec, target)))


def _mirroring(target: Target, deployment: EndpointDeployment) -> Target:
    if not isinstance(target, GcpTarget):
        return target
    uris = [one.uri for one in deployment.spec.models.values() if one.scheme in {"s3", "azblob"}]
    stores = {"/".join(uri.split("/", 3)[:3]) for uri in uris}
    return target.model_copy(update={"model_mirrors": dict.fromkeys(stores, "gs://example-models")})


def _cell(table: TargetTable, path: str, unlimited: str = "yes") -> str:
    cell = str(table.row(path) or "not yet")
    return cell.replace("yes", unlimited) if cell.startswith("yes") else cell


def _priced(choice: Choice, deployment: EndpointDeployment, engine: Engine, stack: Stack) -> Choice:
    """With what it costs: from a plan on stand-ins, with this target in the place of the config's."""
    if choice.status == "planned":
        return choice
    if not choice.fits:
        return replace(choice, cost="refused")
    entry = next(entry for entry in entries_of(stack) if entry.get("name") == deployment.name)
    if not choice.chosen:
        entry = {**entry, "target": _example(deployment, choice.target).model_dump(mode="json")}
    with with_endpoints(stack, [entry]) as config:
        plan = planned(engine, stack, offline=True, config=config)
    report = assemble(plan, prices_for(stack.folder), offline=True, today=today(), before="nothing")
    if report.outcome is Outcome.FAILED:
        return replace(choice, cost=f"cannot be told: {report.errors[0].message.splitlines()[-1]}")
    cost = Cost.total(found.after for found in report.endpoints if found.after is not None)
    least, expected, most = cost.least.usd, cost.expected.usd, cost.most.usd
    span = f" (${least:,.2f} to ${most:,.2f})" if least != most else ""
    missing = f"{len(cost.unpriced)} not estimated" if cost.unpriced else ""
    known = f"{'at least ' if missing else ''}${expected:,.2f}{span}" if cost.priced or not missing else ""
    return replace(
        choice,
        cost=" + ".join(filter(None, [known, missing])),
        monthly_usd=(least, expected, most),
        unpriced=len(cost.unpriced),
    )


def _shortened(kinds: str) -> str:
    """The first kinds of a list: `--json` has them all."""
    first = kinds.split(", ")
    return kinds if len(first) <= _SHOWN else ", ".join(first[:_SHOWN]) + f" + {len(first) - _SHOWN}"


def _show(name: str, row: list[Choice]) -> None:
    table = Table(
        title=f"Targets for {name}", title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=0
    )
    for heading in ("target", "fits", "cost of a month", "cold start", "to zero", "GPU", "body", "time"):
        table.add_column(heading, no_wrap=heading in {"target", "fits", "body", "time"})
    for choice in row:
        cells = (
            f"{choice.target} *" if choice.chosen else choice.target,
            "yes" if choice.fits else f"no: {len(choice.refused)}",
            choice.cost,
            choice.cold_start,
            choice.scale_to_zero,
            _shortened(choice.gpu),
            choice.max_body,
            choice.max_timeout,
        )
        table.add_row(*(Text(cell) for cell in cells))
    out.print(table)
    out.print("* named in the config. (?) not read in the vendor's own documentation.")
    for choice in row:
        for reason in choice.refused:
            out.print(Text(f"  {choice.target} refuses {reason}"))
    out.print()
