import io
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from modelberth.preview.render import terminal
from modelberth.preview.report import Report
from support.hostile import HOSTILE, hostile
from support.reports import dangerous, failed, hundred, in_place, readable

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def printed(
    report: Report, *, width: int = 80, colour: bool = False, encoding: str = "utf-8", verbose: bool = False
) -> str:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding)
    console = Console(
        file=out,
        width=width,
        force_terminal=colour,
        no_color=not colour,
        color_system="truecolor" if colour else None,
        legacy_windows=False,
    )
    terminal(report, console, verbose=verbose)
    out.flush()
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize(("name", "report"), list(readable()))
@pytest.mark.parametrize("width", [60, 80, 200])
def test_lines_keep_to_the_width(name: str, report: Report, width: int) -> None:
    lines = printed(report, width=width).splitlines()
    assert len(lines) > 5
    errors = False
    for line in lines:
        errors = line == "Errors" or (errors and line != "")
        if errors:  # never broken, so that one can search for them
            continue
        # Only a word that is longer than the line may pass its end.
        assert cell_len(line) <= width or len(line.split()) <= 2, line


def test_no_word_is_broken() -> None:
    wide = printed(dangerous(), width=1000).split()
    for width in (40, 61, 80):
        narrow = printed(dangerous(), width=width, verbose=True).split()
        long = {word for word in wide if len(word) > 20}
        assert long <= set(narrow)
        assert len(long) >= 8


def test_without_utf8_all_is_ascii() -> None:
    shown = printed(dangerous(), encoding="ascii")
    assert "! danger" in shown
    assert "$1,022 -> $1,107" in shown
    assert "+- churn-endpoint" in shown
    assert "\\xe9" in printed(hostile("café"), encoding="ascii")


def test_without_colour_words_and_ascii_tell_what_colours_tell() -> None:
    shown = printed(dangerous())
    assert "\x1b" not in shown
    assert not re.search(r"[✓●▲✗→…├]", shown)
    assert "x broken" in shown
    assert "café" in printed(hostile("café"))


def test_colours_and_signs_where_they_can_be() -> None:
    shown = printed(dangerous(), colour=True)
    plain = ANSI.sub("", shown)
    assert "▲ danger" in plain
    assert "├─ ± churn-endpoint (Endpoint), replaced" in plain
    assert "`" not in plain
    assert shown != plain


def test_a_long_raw_diff_is_shown_when_asked_for() -> None:
    assert "memorySize: 512 -> 1024" in printed(in_place())
    short = printed(hundred())
    assert "resources, 21,100 lines: shown with --diff" in short
    assert printed(hundred(3), width=200, verbose=True).count(": is created\n") == 33


def test_a_traceback_is_shown_when_asked_for() -> None:
    assert "at compose.py:21" in printed(failed())
    assert "Traceback" not in printed(failed())
    assert "Traceback (most recent call last):" in printed(failed(), verbose=True)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_moves_the_cursor(text: str) -> None:
    shown = printed(hostile(text), colour=True, verbose=True)
    assert not re.search(
        r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2066-\u2069]", ANSI.sub("", shown)
    )
    assert ANSI.sub("", shown).count("Modelberth preview of shop/prod") == 1


def test_no_secret_is_shown() -> None:
    for report in (in_place(), failed()):
        assert "hunter" not in printed(report, verbose=True)
