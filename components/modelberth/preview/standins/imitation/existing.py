"""What is there: the identifiers of everything that the programs of one server made."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["Existing"]

_IDENTITIES: Final = ("arn", "id", "name", "email", "selfLink", "keyId")
"""Outputs by which other resources refer to one, beside its id."""


class Existing:
    """Identifiers, upper and lower case alike. Calls come from several threads."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, str], frozenset[str]] = {}
        self._known: Counter[str] = Counter()
        self._lock = threading.Lock()

    def note(self, token: str, resource_id: str, outputs: Mapping[str, Any]) -> None:
        """Take over a resource that was made or seen, with its plain outputs."""
        named = (resource_id, *(outputs.get(name) for name in _IDENTITIES))
        known = frozenset(text.lower() for text in named if isinstance(text, str) and text)
        with self._lock:
            self._known.subtract(self._of.get((token, resource_id), frozenset()))
            self._of[token, resource_id] = known
            self._known.update(known)

    def forget(self, token: str, resource_id: str) -> None:
        """Take back what was deleted; what was never there is no error."""
        with self._lock:
            self._known.subtract(self._of.pop((token, resource_id), frozenset()))

    def __contains__(self, reference: str) -> bool:
        """Tell whether something has this identifier, or one that a version or part is named below."""
        text = reference.lower()
        ends = [*(match.start() for match in re.finditer("[:/]", text)), len(text)]
        with self._lock:
            return any(self._known[text[:end]] > 0 for end in ends)
