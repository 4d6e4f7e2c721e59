"""What an identity is granted: one role on one resource, where a condition may say on what below it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

__all__ = ["Condition", "Grant", "Scope", "below", "exactly"]

Scope = Literal["project", "bucket", "secret"]


@dataclass(frozen=True, slots=True)
class Condition:
    """When a grant holds.

    Attributes:
        title: what a person reads in the console, at most 100 characters
        expression: in the Common Expression Language, as far as IAM takes it

    """

    title: str
    expression: str


@dataclass(frozen=True, slots=True)
class Grant:
    """One role on one resource.

    Attributes:
        name: of the grant among those of an endpoint, such as `logs`; never a position: a grant that another
            one's removal moves would be made anew as what the old one then removes
        role: such as roles/logging.logWriter
        scope: the kind of resource
        resource: id of a project, name of a bucket, or `projects/PROJECT/secrets/SECRET`
        condition: None: the role holds for all of the resource

    """

    name: str
    role: str
    scope: Scope
    resource: str
    condition: Condition | None = None


def exactly(resource: str) -> str:
    """Return the expression that holds for one resource."""
    return f"resource.name == {_literal(resource)}"


def below(prefix: str) -> str:
    """Return the expression that holds for all resources whose names begin so."""
    return f"resource.name.startsWith({_literal(prefix)})"


def _literal(text: str) -> str:
    # A JSON string is one of the Common Expression Language too (its "Language Definition", "String and
    # Bytes Values"): an object's name cannot end it and go on as an expression.
    return json.dumps(text, ensure_ascii=False)
