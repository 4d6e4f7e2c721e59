"""What the stand-ins know of the services: data, each file with its date and source."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

__all__ = ["read"]


@cache
def read(name: str) -> Mapping[str, Any]:
    """A table by its name, such as `outputs`; read once, so it must not be changed."""
    return tomllib.loads((resources.files(__name__) / f"{name}.toml").read_text(encoding="utf-8"))
