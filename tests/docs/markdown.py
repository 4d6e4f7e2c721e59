"""Fenced blocks of a document, and a session that runs them in order, as a reader would.

The info string of a block says how it is run:

    sh [exit=STATUS] [in=FOLDER]    commands; they end with STATUS, or 0
    text                            what the commands of the block before it print, compared in shape
    yaml file=PATH                  a file that the following commands find
    python file=PATH [append]       a program; `append`: the rest of one that was begun
    mermaid                         a picture

In `text`, `[…]` stands for any lines, or inside a line for any characters.
"""

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

KINDS: Mapping[str, set[str]] = {
    "sh": {"exit", "in"},
    "text": set(),
    "yaml": {"file"},
    "python": {"file", "append"},
    "mermaid": set(),
}
LEFT_OUT = "[…]"

# The suite cannot run inside itself: what it would run is shown instead.
INSTEAD = {"make test": "make --dry-run test"}

_SHAPES = [
    (r"\x1b\[[0-9;]*m", ""),
    (r"http://127\.0\.0\.1:\d+", "URL"),
    (r"""(?:(?<=[\s"'])|^)/[^\s"']+""", "PATH"),
    (r"\b(?=[0-9a-f]*\d)[0-9a-f]{12,64}\b", "HASH"),
    (r"\d+(?:\.\d+)*(?:e[+-]?\d+)?", "N"),
    (r"\s+", " "),
]


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the rest of its info string, its text, and where it begins."""

    language: str
    attributes: Mapping[str, str]
    text: str
    place: str


def blocks(document: Path) -> list[Block]:
    """Every fenced block of a document; one that no rule above covers is an error."""
    return list(_blocks(document.read_text(encoding="utf-8"), document.name))


def _blocks(text: str, name: str) -> Iterator[Block]:
    opened: tuple[str, str] | None = None
    content: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("```"):
            content.append(line)
        elif opened is None:
            opened, content = (line.removeprefix("```"), f"{name}:{number}"), []
        else:
            yield _block(*opened, "\n".join(content) + "\n")
            opened = None
    assert opened is None, f"{name}: the last block is not closed"


def _block(info: str, place: str, text: str) -> Block:
    language, *rest = info.split() or [""]
    attributes = {key: value for key, _, value in (item.partition("=") for item in rest)}
    assert language in KINDS, f"{place}: nothing says how a block {language!r} is run"
    unknown = attributes.keys() - KINDS[language]
    assert not unknown, f"{place}: {language} has no {', '.join(sorted(unknown))}"
    return Block(language, attributes, text, place)


@dataclass
class Session:
    """A folder and an environment in which the blocks of one document are run, in order."""

    folder: Path
    environment: dict[str, str]
    printed: str | None = field(default=None, init=False)
    """What the last commands printed, both streams together."""

    def run(self, block: Block) -> str:
        """Run a block; what it printed."""
        match block.language:
            case "sh":
                self.printed = self._shell(block)
            case "text":
                assert self.printed is not None, f"{block.place}: no commands before this output"
                require_shape(self.printed, block.text, block.place)
            case "yaml" | "python":
                self._write(block)
        return self.printed or ""

    def _shell(self, block: Block) -> str:
        script = "\n".join(INSTEAD.get(line, line) for line in block.text.splitlines())
        done = subprocess.run(
            ["sh", "-ec", script],
            cwd=self.folder / block.attributes.get("in", "."),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=240,
        )
        expected = int(block.attributes.get("exit", "0"))
        assert done.returncode == expected, f"{block.place}: ended with {done.returncode}\n{done.stdout}"
        return done.stdout

    def _write(self, block: Block) -> None:
        assert "file" in block.attributes, f"{block.place}: which file is this?"
        file = self.folder / block.attributes["file"]
        file.parent.mkdir(exist_ok=True)
        before = file.read_text() + "\n" if "append" in block.attributes else ""
        file.write_text(before + block.text)


def require_shape(printed: str, shown: str, place: str) -> None:
    """Compare what was printed with what a document shows, numbers, paths and digests aside."""
    lines = [_shape(line) for line in printed.strip().splitlines()]
    pattern = "".join(map(_pattern, shown.strip().splitlines()))
    assert re.fullmatch(pattern, "".join(f"{line}\n" for line in lines)), "\n".join(
        [f"{place}: this is shown:", shown, "--- but printed is, without numbers:", *lines]
    )


def _pattern(line: str) -> str:
    if line.strip() == LEFT_OUT:
        return r"(?:.*\n)*?"
    return re.escape(_shape(line)).replace(re.escape(LEFT_OUT), ".*") + r"\n"


def _shape(line: str) -> str:
    for pattern, name in _SHAPES:
        line = re.sub(pattern, name, line)
    return line.strip()
