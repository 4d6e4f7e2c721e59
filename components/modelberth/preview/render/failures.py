"""Why a preview failed: what is wrong and where, once each, and the traceback apart from it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from modelberth.preview.plan import Diagnostic

from .plain import name, plain, resource

__all__ = ["Fault", "faults"]

_PROBLEM: Final = " has a problem: "
_EXAMINE: Final = re.compile(r"\s*Examine values at '(?P<at>[^']*)'\.?")
_TRACEBACK: Final = "Traceback (most recent call last):"
_FRAME: Final = re.compile(r'^\s+File "(?P<file>[^"]+)", line (?P<line>\d+)', re.MULTILINE)
_LIBRARY: Final = re.compile(r"^<|/(?:site|dist)-packages/|/lib/python\d|/pulumi-language-python")
_SUMMARY: Final = re.compile(
    r"(preview|update) failed|an unhandled error occurred: program exited with non-zero exit code: \d+", re.I
)
"""What the engine and its language host say once more at the end."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, fit to be shown anywhere."""

    message: str
    """May have several lines."""
    resource: str = ""
    """Type and name."""
    property: str = ""
    where: str = ""
    """File and line of the program, from the folder of its entry point."""
    detail: str = ""
    """The whole text, where the message is only a part of it."""


def faults(errors: Iterable[Diagnostic], *, explained: bool = False) -> tuple[Fault, ...]:
    """Read each error once.

    What only says that there were errors is left out where there are others, or where they are `explained`
    elsewhere, as broken policies are.
    """
    found = list(dict.fromkeys(_fault(error) for error in errors))
    told = [fault for fault in found if not _SUMMARY.fullmatch(fault.message.rstrip("."))]
    return tuple(told if told or explained else found)


def _fault(error: Diagnostic) -> Fault:
    message = error.message.strip()
    if _TRACEBACK in message:
        return _thrown(error)
    return _invalid(message) or Fault(plain(message, lines=True), _named(error.urn))


def _invalid(message: str) -> Fault | None:
    """A check that failed, in one of the engine's two sentences (its sdk/go/common/diag/errors.go).

    The one about a property holds its value, which may be secret: all that could be the value is left out.
    """
    about, _, rest = message.partition(" resource '")
    who, of_property, what = rest.partition("': property ")
    if of_property:
        at, has_value, rest = what.partition(" value ")
        _, has_reason, reason = rest.rpartition(_PROBLEM)
    else:
        who, has_reason, reason = rest.partition(f"'{_PROBLEM}")
        at, has_value = "", " "
    if not (about.strip() and has_value and has_reason):
        return None
    if examined := _EXAMINE.search(reason):
        reason, at = _EXAMINE.sub("", reason), at or examined["at"].partition(".")[2]
    return Fault(plain(reason.strip(), lines=True), name(f"{about.split()[-1]} {who}"), name(at))


def _thrown(error: Diagnostic) -> Fault:
    """An exception: its own text, and the line of the program that is nearest to it."""
    last = error.message.rpartition(_TRACEBACK)[2]
    frames = list(_FRAME.finditer(last))
    # After the frames, each of which is indented, the exception's text begins at the margin.
    below = last[frames[-1].end() :].splitlines()[1:] if frames else last.strip().splitlines()
    start = next((number for number, line in enumerate(below) if line[:1].strip()), max(len(below) - 1, 0))
    own = [frame for frame in frames if not _LIBRARY.search(frame["file"])]
    where = ""
    if own:
        entry = posixpath.dirname(own[0]["file"])
        where = f"{posixpath.relpath(own[-1]['file'], entry or '.')}:{own[-1]['line']}"
    return Fault(
        plain("\n".join(below[start:]).strip(), lines=True) or "the program threw an exception",
        _named(error.urn),
        where=name(where),
        detail=plain(error.message.strip(), lines=True),
    )


def _named(urn: str) -> str:
    """Type and name; nothing for the stack itself, about which every error is."""
    return "" if not urn or "::pulumi:pulumi:Stack::" in urn else resource(urn)
