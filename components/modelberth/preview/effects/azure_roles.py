"""Names of Azure's built-in roles, from `azure_roles.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Final

__all__ = ["role_name"]

_FILE: Final = Path(__file__).with_name("azure_roles.toml")


def role_name(definition: str) -> str:
    """The name of a role by the id of its definition, which may be a path; the id where it is not known."""
    role_id = str(definition).rpartition("/")[2].lower()
    return _names().get(role_id, role_id)


@cache
def _names() -> dict[str, str]:
    roles: dict[str, str] = tomllib.loads(_FILE.read_text(encoding="utf-8"))["roles"]
    return roles
