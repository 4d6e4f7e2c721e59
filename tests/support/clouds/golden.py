"""Golden files: read, or written again where REGENERATE is set."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from support.clouds.graph import shown_value

__all__ = ["inventory", "same_as"]

_OWN: Final = {"pulumi:pulumi:Stack"}
_PROVIDER: Final = "pulumi:providers:"


def inventory(resources: Iterable[Mapping[str, Any]], left_out: Collection[str]) -> dict[str, str]:
    """Type and key inputs by name, of resources as a state has them.

    Left out are some inputs by their names, and documents: they are other tests' to read.
    """
    found = {}
    for one in resources:
        if one["type"] in _OWN:
            continue
        given = shown_value(one.get("inputs") or {})
        inputs = {key: value for key, value in given.items() if _is_key(key, value, left_out)}
        if one["type"].startswith(_PROVIDER):
            inputs.pop("version", None)
        kept = json.dumps(inputs, sort_keys=True) if one.get("custom") and inputs else ""
        found[one["urn"].rpartition("::")[2]] = f"{one['type']} {kept}".rstrip()
    return dict(sorted(found.items()))


def same_as(golden: Path, found: object, test: str) -> None:
    """Hold something against a golden file.

    Raises:
        AssertionError: they differ.

    """
    if os.environ.get("REGENERATE"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(json.dumps(found, indent=1) + "\n")
    assert found == json.loads(golden.read_text()), f"write it again: REGENERATE=1 pytest {test}"


def _is_key(name: str, value: Any, left_out: Collection[str]) -> bool:
    if name.startswith("__") or name in left_out:
        return False
    return not (isinstance(value, str) and value.startswith("{"))
