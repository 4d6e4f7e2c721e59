"""What an object of a revision is called among the endpoint's resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Revision

__all__ = ["role_of"]


def role_of(role: str, revision: Revision) -> str:
    """Return the role of a revision's object; it follows from what also gives the object its name.

    Were it another while there are two revisions, the engine would take the object that stays for a new one,
    and delete it under its old role.
    """
    return role if revision.key == "main" else f"{role}-{revision.key}"
