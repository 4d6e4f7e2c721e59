"""Policy documents: who may do what to which resource, and under which conditions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Statement", "policy"]

Conditions = Mapping[str, Mapping[str, str | Sequence[str]]]
"""Operator → condition key → values, as in `{"StringEquals": {"aws:SourceAccount": "123456789012"}}`."""

_VERSION = "2012-10-17"


@dataclass(frozen=True, slots=True)
class Statement:
    """One rule of a policy.

    Attributes:
        sid: letters and digits, unlike any other of the policy
        actions: `SERVICE:ACTION`
        resources: ARNs; empty in the policy that says who may take on a role
        principals: kind (`AWS`, `Service`, `Federated`) → who; empty in a policy of an identity
        conditions: that must all hold
        effect: Allow or Deny

    """

    sid: str
    actions: Sequence[str]
    resources: Sequence[str] = ()
    principals: Mapping[str, Sequence[str]] = field(default_factory=dict)
    conditions: Conditions = field(default_factory=dict)
    effect: Literal["Allow", "Deny"] = "Allow"

    def to_dict(self) -> dict[str, Any]:
        """The statement as IAM reads it."""
        return {
            "Sid": self.sid,
            "Effect": self.effect,
            **(
                {"Principal": {kind: [*who] for kind, who in self.principals.items()}}
                if self.principals
                else {}
            ),
            "Action": [*self.actions],
            **({"Resource": [*self.resources]} if self.resources else {}),
            **(
                {"Condition": {key: dict(value) for key, value in self.conditions.items()}}
                if self.conditions
                else {}
            ),
        }


def policy(*statements: Statement) -> str:
    """Return a policy document as JSON, always the same text for the same statements.

    Raises:
        ValueError: two statements have one sid, of which IAM would refuse the policy.

    """
    sids = [statement.sid for statement in statements]
    if len(set(sids)) < len(sids):
        raise ValueError(f"a sid stands twice: {', '.join(sids)}")
    return json.dumps({"Version": _VERSION, "Statement": [one.to_dict() for one in statements]})
