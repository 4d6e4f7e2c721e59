"""IAM's decision for one request, after "Policy evaluation logic" of its user guide, as far as we need it."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from modelberth.aws.policies import Statement, policy

_WILDCARD: Final = re.compile(r"\$\{([*?$])\}|(\*)|(\?)|(.)", re.DOTALL)


def document(*statements: Statement) -> Any:
    """The policy of the statements, as IAM reads it."""
    return json.loads(policy(*statements))


def allows(
    policies: Any, action: str, resource: str = "*", principal: tuple[str, str] | None = None
) -> Callable[..., bool]:
    """Bind a request; call the result with its context, `allows(…)({"aws:SecureTransport": "true"})`."""

    def decide(context: Mapping[str, str] | None = None) -> bool:
        found = [
            one["Effect"]
            for one in policies["Statement"]
            if _applies(one, action, resource, principal) and _holds(one.get("Condition", {}), context or {})
        ]
        return "Allow" in found and "Deny" not in found

    return decide


def denies(policies: Any, action: str, resource: str, context: Mapping[str, str]) -> bool:
    """Tell whether a statement refuses the request, whatever else allows it."""
    return any(
        one["Effect"] == "Deny"
        and _applies(one, action, resource, ("AWS", "somebody"))
        and _holds(one.get("Condition", {}), context)
        for one in policies["Statement"]
    )


def _applies(one: Any, action: str, resource: str, principal: tuple[str, str] | None) -> bool:
    if principal is not None:
        kind, who = principal
        if not any(named in {who, "*"} for named in one.get("Principal", {}).get(kind, [])):
            return False
    named = one.get("Resource")
    return any(_like(pattern.lower(), action.lower()) for pattern in one["Action"]) and (
        named is None or any(_like(pattern, resource) for pattern in named)
    )


def _holds(conditions: Any, context: Mapping[str, str]) -> bool:
    return all(
        _test(operator, context.get(key), [values] if isinstance(values, str) else values)
        for operator, tests in conditions.items()
        for key, values in tests.items()
    )


def _test(operator: str, given: str | None, values: Iterable[str]) -> bool:
    match operator:
        case "Null":
            return (given is None) is ([*values] == ["true"])
        case "StringNotEquals":
            return given is None or given not in values
        case "StringEqualsIfExists":
            return given is None or given in values
        case _ if given is None:
            return False
        case "StringEquals" | "Bool":
            return given in values
        case "ArnEquals" | "ArnLike" | "StringLike":
            return any(_like(value, given) for value in values)
        case "NumericLessThan":
            return any(float(given) < float(value) for value in values)
        case _:
            raise AssertionError(f"{operator} is not known here")


def _like(pattern: str, text: str) -> bool:
    parts = (
        re.escape(escaped or plain) if escaped or plain else ".*" if many else "."
        for escaped, many, _, plain in _WILDCARD.findall(pattern)
    )
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None
