"""AWS policy documents, as JSON or as a mapping, read into grants."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from .grants import Grant
from .rule import entries, known
from .wording import value

__all__ = ["read_document"]


def read_document(document: Any, principal: str = "", *, resource: str = "") -> Iterator[Grant]:
    """The grants of a document; none where it is not known yet.

    Args:
        document: as given to a resource.
        principal: who has them; empty where the document itself says so.
        resource: name of what the document is attached to, for documents that name no resource or `*`.
    """
    for statement in _statements(document):
        principals = [principal] if principal else list(_principals(statement))
        actions = list(_names(statement, "Action", "any but"))
        resources = list(_names(statement, "Resource", "all but")) or [""]
        condition = json.dumps(statement.get("Condition") or {}, sort_keys=True, default=str)
        for who, action, target in product(principals, actions, resources):
            on_itself = bool(resource) and target in ("", "*")
            yield Grant(
                principal=who,
                action=action,
                resource=resource if on_itself else target,
                condition="" if condition == "{}" else condition,
                denies=statement.get("Effect") == "Deny",
                on_itself=on_itself,
            )


def _statements(document: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError:
            return
    if not isinstance(document, Mapping):
        return
    statements = document.get("Statement", ())
    for statement in [statements] if isinstance(statements, Mapping) else entries(statements):
        if isinstance(statement, Mapping):
            yield statement


def _names(statement: Mapping[str, Any], key: str, negated: str) -> Iterator[str]:
    if (excluded := statement.get(f"Not{key}")) is not None:
        # Everything but some: compared as a whole, since a longer list of exceptions is narrower.
        yield f"{negated} {', '.join(sorted(map(str, _several(excluded))))}"
    yield from map(str, filter(known, _several(statement.get(key))))


def _principals(statement: Mapping[str, Any]) -> Iterator[str]:
    if "NotPrincipal" in statement:
        yield "anyone but some"
    match statement.get("Principal"):
        case None:
            yield ""
        case str() as one:
            yield one if one == "*" else value(one)
        case Mapping() as by_kind:
            for kind, several in by_kind.items():
                for one in filter(known, _several(several)):
                    # Among AWS principals `*` is everybody, with or without an account of theirs.
                    yield "*" if one == "*" and kind == "AWS" else f"{_KINDS.get(kind, kind)} {value(one)}"


_KINDS = {"Service": "service", "Federated": "identity provider", "AWS": "AWS"}


def _several(given: Any) -> list[Any]:
    return (
        [given]
        if isinstance(given, str) or (not entries(given) and given is not None)
        else list(entries(given))
    )
