"""A check, and a contract of several checks."""

from collections.abc import Callable
from dataclasses import dataclass

from modelberth.conformance.subject import Subject

__all__ = ["Check", "Contract"]


@dataclass(frozen=True)
class Check:
    """Something that has to hold.

    Attributes:
        name: what has to hold, as a sentence
        source: the specification that asks for it
        run: asks the server; returns where it holds, raises DidNotHold, NotOffered or NotChecked

    """

    name: str
    source: str
    run: Callable[[Subject], None]


@dataclass(frozen=True)
class Contract:
    """What a platform or a protocol expects of a server.

    Attributes:
        name: as `--contract` takes it
        find: raises NotOffered where the server does not speak it at all
        checks: in the order in which they run

    """

    name: str
    find: Callable[[Subject], None]
    checks: tuple[Check, ...]
