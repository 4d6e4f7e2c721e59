"""Text of the program, made fit to be shown: nothing in it moves a cursor, hides or turns around."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

__all__ = ["name", "one_line", "plain", "resource", "shortened"]

# Control sequences of ECMA-48: CSI, OSC, the other strings that ST ends, and the two-character ones.
_ANSI: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|(?:\x1b[PX^_]|[\x90\x98\x9e\x9f])[^\x1b\x9c]*(?:\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]"
)
# Controls, format characters (right-to-left overrides and zero-width ones among them), halves of
# surrogate pairs, private use, and the separators that some readers take for a line's end.
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_LONGEST_NAME: Final = 160


def plain(text: str, *, lines: bool = False) -> str:
    r"""Drop terminal sequences and write what cannot be seen as its escape, such as `\u202e`.

    `lines` keeps the ends of lines, and a tab becomes four spaces.
    """
    text = _ANSI.sub("", text)
    if not lines:
        return _visible(text)
    return "\n".join(map(_visible, text.replace("\r\n", "\n").replace("\t", "    ").split("\n")))


def _visible(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in _HIDDEN
        else character
        for character in text
    )


def one_line(text: str) -> str:
    """The same for a message: its lines and runs of blanks become single spaces."""
    return plain(" ".join(_ANSI.sub("", text).split()))


def name(text: str) -> str:
    """The same for a name, which no service lets be as long as what is cut here."""
    return shortened(one_line(text), _LONGEST_NAME)


def resource(urn: str) -> str:
    """Type and name of a resource, without the rest of its URN."""
    parts = urn.split("::", 3)
    return name(f"{parts[2].rpartition('$')[2]} {parts[3]}" if len(parts) == 4 else urn)


def shortened(text: str, longest: int) -> str:
    """At most `longest` characters of a text, with the length of the whole where it was cut."""
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text):,} characters)"
