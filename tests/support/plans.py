"""Plans made by hand: steps whose op and differences follow from what is before and after."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from modelberth.preview.plan import Op, Plan, Step, differences

ENDPOINT = "modelberth:index:ModelEndpoint"
STACK = "pulumi:pulumi:Stack"
_PREFIX = "urn:pulumi:prod::shop"

Inputs = Mapping[str, Any]


def urn(token: str, name: str) -> str:
    return f"{_PREFIX}::{token}::{name}"


def step(
    token: str,
    before: Inputs | None,
    after: Inputs | None,
    *,
    name: str = "scoring",
    replaces: Collection[str] = (),
    **more: Any,
) -> Step:
    """A step: created, deleted, the same, replaced (where a changed path is in `replaces`) or updated."""
    found = tuple(differences(before or {}, after or {})) if before is not None and after is not None else ()
    found = tuple(
        replace(difference, replaces=any(difference.path.startswith(path) for path in replaces))
        for difference in found
    )
    op = more.pop("op", None)
    if op is None and (before is None or after is None):
        op = Op.CREATE if before is None else Op.DELETE
    elif op is None and any(difference.replaces for difference in found):
        op = Op.REPLACE
    elif op is None:
        op = Op.UPDATE if found else Op.SAME
    return Step(urn=urn(token, name), op=op, before=before, after=after, **{"differences": found, **more})


def endpoint(
    before: Inputs | None = None, after: Inputs | None = None, *, name: str = "scoring", op: Op = Op.SAME
) -> Step:
    """The component around an endpoint's resources."""
    return Step(
        urn=urn(ENDPOINT, name),
        op=op,
        parent=urn(STACK, "shop-prod"),
        custom=False,
        before=before,
        after=after,
    )


def under(owner: Step, *steps: Step) -> tuple[Step, ...]:
    return tuple(replace(step, parent=owner.urn) for step in steps)


def plan(*steps: Step, op: Op = Op.SAME) -> Plan:
    stack = Step(urn=urn(STACK, "shop-prod"), op=op, custom=False)
    return Plan(project="shop", stack="prod", steps=(stack, *steps))
