"""What the engine asked of the stand-ins, in order."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from modelberth.preview.concealment import concealed
from modelberth.preview.standins.values import HIDDEN_VALUE, hidden, scrubbed, secret_texts
from modelberth.provider.resource import Properties

__all__ = ["DONE", "UNDER_WAY", "Call", "Journal"]

UNDER_WAY: Final = "under way"
DONE: Final = "done"


@dataclass(frozen=True)
class Call:
    """One call of the engine. `[secret]` stands in the place of each secret, and of what has its name."""

    operation: str
    """`check`, `diff`, `create`, `read`, `update`, `delete` or `invoke`."""
    type: str
    """Type token of the resource; of an invoke, the token of the function."""
    name: str = ""
    """Name of the resource in the program."""
    urn: str = ""
    inputs: Properties = field(default_factory=dict)
    """What the program asks for; of a read or delete, what the state has."""
    preview: bool = False
    """Whether a create, update or invoke was only a preview. A check does not know."""
    id: str = ""
    outcome: str = UNDER_WAY
    """`under way`, `done`, or the error that the engine was given."""


class Journal:
    """Every call, from several engines at once; one that hangs is there as well."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._lock = threading.Lock()

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls so far, in the order in which they came."""
        with self._lock:
            return tuple(self._calls)

    @contextmanager
    def record(self, call: Call) -> Iterator[Entry]:
        """Note a call, and at the end how it ended; an error that leaves the block is one of the call."""
        secrets = secret_texts(call.inputs)
        with self._lock:
            index = len(self._calls)
            self._calls.append(replace(call, inputs=concealed(hidden(call.inputs), "", HIDDEN_VALUE)))
        entry = Entry(call.id)
        try:
            yield entry
        except Exception as error:
            self._end(index, entry.id, scrubbed(str(error), secrets))
            raise
        self._end(index, entry.id, entry.outcome)

    def _end(self, index: int, resource_id: str, outcome: str) -> None:
        with self._lock:
            self._calls[index] = replace(self._calls[index], id=resource_id, outcome=outcome)


@dataclass
class Entry:
    """How a call under way ends."""

    id: str
    outcome: str = DONE
