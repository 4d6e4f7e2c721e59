"""Sides that change one property in the direction of a row of the table of settings."""

import re
from collections.abc import Iterator
from typing import Any

from modelberth.preview.effects.settings import Row

_KEY = re.compile(r'\["[^"]+"\]|[^.\[]+(?:\[\])?')
_SIDES: dict[str, tuple[Any, Any]] = {
    "any": ("a", "b"),
    "raised": (1, 2),
    "lowered": (2, 1),
    "to_zero": (1, 0),
    "off": (True, False),
    "on": (False, True),
    "removed": ({"port": 1}, None),
}


def changed(row: Row) -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """Type, path, and the inputs before and after, for each type and property that a row names in full."""
    before, after = _SIDES[row.when]
    for token in row.types:
        for path in row.paths:
            if "*" not in path:
                yield _named(token), path, _inputs(path, before), _inputs(path, after)


def _named(token: str) -> str:
    return token.replace("autoscaling/*:", "autoscaling/v2:").replace("keda.sh/*:", "keda.sh/v1alpha1:")


def _inputs(path: str, leaf: Any) -> dict[str, Any]:
    inputs: Any = leaf
    for key in reversed(_KEY.findall(path)):
        name = key.strip('["]') if key.startswith("[") else key.removesuffix("[]")
        inputs = {name: [inputs] if key.endswith("[]") else inputs}
    return dict(inputs)
