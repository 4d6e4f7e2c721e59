"""Reports of endpoints in AWS, from what their components register, as if all of it were planned."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

from modelberth.preview.assemble import assemble
from modelberth.preview.cost import Prices
from modelberth.preview.plan import Marker, Op, Plan, Step
from modelberth.preview.report import EndpointReport
from support.recording import Registered

__all__ = ["reported"]

_PRICES: Final = Prices.load()
_TODAY: Final = date(2026, 11, 22)
_PROVIDER: Final = "pulumi:providers:aws-native"


def reported(
    component: str,
    args: Any,
    resources: Iterable[Registered],
    op: Op = Op.CREATE,
    *,
    keys_known: bool = False,
) -> EndpointReport:
    """The report of one endpoint.

    Args:
        component: its class, such as LambdaEndpoint
        args: with its spec and its target
        resources: what it registers
        op: what happens to all of it
        keys_known: whether the key is there, and so the policy that names it is known

    """
    token = f"modelberth:index:{component}"
    owner = Step(
        urn=f"urn:pulumi:dev::shop::{token}::iris",
        op=op,
        custom=False,
        after={"spec": args.spec.model_dump(), "target": args.target.model_dump()},
    )
    native = Step(
        urn=f"urn:pulumi:dev::shop::{_PROVIDER}::native", op=op, after={"region": args.target.region}
    )
    below = [_step(one, owner, op, keys_known=keys_known) for one in resources if one.type != token]
    plan = Plan(project="shop", stack="dev", steps=(owner, native, *below))
    report = assemble(plan, _PRICES, offline=True, today=_TODAY, before="nothing")
    return next(one for one in report.endpoints if one.urn == owner.urn)


def _step(one: Registered, owner: Step, op: Op, *, keys_known: bool) -> Step:
    inputs = dict(one.inputs)
    if one.name.endswith("-keys") and "policy" in inputs and not keys_known:
        inputs["policy"] = Marker.UNKNOWN  # as the engine sees it before the key is there
    return Step(
        urn=f"urn:pulumi:dev::shop::{one.type}::{one.name}",
        op=op,
        parent=owner.urn,
        custom=not one.type.startswith(("modelberth:index", "pulumi:")),
        after=inputs,
    )
