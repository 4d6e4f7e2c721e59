"""Text for a comment on GitHub in which nothing but our own marks is markup.

A pull request from a fork names the resources, so every name, value and message is taken for hostile: it
makes no link, image, HTML, mention of a person, reference to an issue, formula, emoji or end of a block.
The rules are those of CommonMark, of GitHub's dialect (https://github.github.com/gfm/) and of what GitHub
looks for in the finished page, which it does not do inside of code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from .plain import plain

__all__ = ["code", "details", "escaped", "fenced", "prose", "within"]

# A blank of no width: GitHub reads `@name`, `#1`, `GH-1`, `www.` and `://` in the text of the page, where an
# entity no longer helps.
_APART: Final = "&#8203;"
_SPECIAL: Final = re.compile(r"(?i)[\\`*_\[\]<>&|~^{}!#@]|\$(?!\d)|:(?=\S)|\bwww(?=\.)|\bgh(?=-\d)")
_BEGINS_BLOCK: Final = re.compile(r"^(\s*)(?:([-+=])|(\d+)([.)])(?=\s|$))")
_PLAIN_CODE: Final = re.compile(r"[^`\\|]*[^`\\|\s][^`\\|]*")


def escaped(text: str) -> str:
    """Text of one line outside of code."""
    text = _SPECIAL.sub(_entity, plain(text))
    return _BEGINS_BLOCK.sub(lambda match: f"{match[1]}{match[3] or ''}&#{ord(match[2] or match[4])};", text)


def code(text: str) -> str:
    """Text of one line as code, also in the cell of a table."""
    text = plain(text)
    if _PLAIN_CODE.fullmatch(text):
        return f"`{text}`"
    return f"<code>{escaped(text) if text.strip() else '(empty)'}</code>"


def prose(text: str) -> str:
    """A sentence in which names stand in backticks; a name with a backtick in it ends as harmless text."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        parts[-2:] = ["`".join(parts[-2:])]
    return "".join(code(part) if number % 2 else escaped(part) for number, part in enumerate(parts))


def fenced(text: str, language: str = "") -> str:
    """A block of code that no line of the text can end."""
    text = plain(text, lines=True)
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def details(summary: str, text: str) -> str:
    """Fold a text. The summary is our own words only: nothing in it is read as Markdown."""
    return f"<details><summary>{summary}</summary>\n\n{text}\n\n</details>"


def within(items: Iterable[str], limit: int, more: Callable[[int], str], *, between: str = "\n") -> str:
    """As many items from the first on as fit into `limit` bytes, then how many `more` there are."""
    found = list(items)
    size = 0
    for number, item in enumerate(found):
        size += len((item + between).encode())
        if size > limit:
            return between.join([*found[:number], more(len(found) - number)])
    return between.join(found)


def _entity(match: re.Match[str]) -> str:
    found = match[0]
    if found == "$":
        # GitHub's documented way to keep a dollar from a formula; one before a digit ends none, so an amount
        # needs no such care.
        return "<span>$</span>"
    if found in {"@", ":"} or found.isalpha():
        return found + _APART
    return f"&#{ord(found)};" + (_APART if found == "#" else "")
