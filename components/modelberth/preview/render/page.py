"""Lines for a terminal of any width, with or without colour, with or without UTF-8."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from .plain import plain

__all__ = ["Page"]

_ASCII: Final = str.maketrans(
    {
        "→": "->",
        "…": "...",
        "±": "+-",
        "✓": "=",
        "●": "*",
        "▲": "!",
        "✗": "x",
        "├": "|",
        "─": "-",
        "└": "`",
        "│": "|",
    }
)
_WORD: Final = re.compile(r"\s*\S+")


class Page:
    """Prints paragraphs that break between words only: a URN or a path stays in one piece to be copied."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._coloured = not console.no_color and console.color_system is not None
        self._utf8 = not console.options.ascii_only

    def gap(self) -> None:
        """An empty line."""
        self._console.print()

    def heading(self, text: str) -> None:
        """An empty line and a title."""
        self.gap()
        self.line(text, style="bold underline" if self._coloured else "")

    def line(self, text: str, style: str = "", *, indent: int = 0, mark: str = "") -> None:
        """A line that is never broken, after a mark without style."""
        self._print(indent, Text.assemble(self._shown(plain(mark)), self._styled(text, style, names=False)))

    def paragraph(
        self,
        text: str,
        style: str = "",
        *,
        indent: int = 0,
        mark: str = "",
        mark_style: str = "",
        names: bool = True,
        wrap: bool = True,
    ) -> None:
        """A text that is broken between words, with a mark that hangs at its left.

        Without `wrap` it is one line, so that an error can be searched for and copied.

        `names`: they stand in backticks in it; a colour, where there is one, takes the backticks' place.
        """
        lead = Text(self._shown(mark), mark_style)
        styled = self._styled(text, style, names=names)
        width = self._console.width - indent - lead.cell_len
        for line in self._wrapped(styled, width) if wrap else [styled]:
            self._print(indent, Text.assemble(lead, line))
            lead = Text(" " * lead.cell_len)

    def columns(self, header: tuple[str, ...], rows: list[tuple[str, ...]], indent: int = 2) -> None:
        """A table whose first column is a name; below each other where the width does not take it."""
        table = [tuple(map(self._shown, map(self._bare, row))) for row in [header, *rows]]
        widths = [max(cell_len(row[column]) for row in table) for column in range(len(header))]
        if indent + sum(widths) + 2 * (len(widths) - 1) <= self._console.width:
            for number, row in enumerate(table):
                cells = [row[0] + " " * (widths[0] - cell_len(row[0]))]
                cells += [" " * (w - cell_len(c)) + c for c, w in zip(row[1:], widths[1:], strict=True)]
                self._print(indent, Text("  ".join(cells), "" if number else "dim"))
            return
        lead = max(map(cell_len, table[0]))
        for row in table[1:]:
            self._print(indent, Text(row[0]))
            for name, cell in zip(table[0][1:], row[1:], strict=True):
                self._print(indent + 2, Text(f"{name}{' ' * (lead - cell_len(name))}  {cell}"))

    def _print(self, indent: int, text: Text) -> None:
        self._console.print(Text.assemble(" " * indent, text), soft_wrap=True, highlight=False)

    def _styled(self, text: str, style: str, *, names: bool) -> Text:
        parts = self._shown(plain(text)).split("`")
        if not names or not self._coloured or len(parts) % 2 == 0:
            return Text("`".join(parts), style)
        return Text.assemble(*((part, f"{style} cyan" if n % 2 else style) for n, part in enumerate(parts)))

    def _bare(self, text: str) -> str:
        return plain(text).replace("`", "")

    def _shown(self, text: str) -> str:
        text = text if self._utf8 and self._coloured else text.translate(_ASCII)
        return text if self._utf8 else text.encode("ascii", "backslashreplace").decode()

    def _wrapped(self, text: Text, width: int) -> Iterator[Text]:
        cuts, used = [], 0
        for word in _WORD.finditer(text.plain):
            size = cell_len(word[0])
            if used and used + size > width:
                cuts.append(word.start())
                size = cell_len(word[0].lstrip())
                used = 0
            used += size
        for line in text.divide(cuts):
            yield line[len(line.plain) - len(line.plain.lstrip()) :] if cuts else line
