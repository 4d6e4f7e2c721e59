"""Text of the program cannot become anything else, on a terminal or in a comment."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from modelberth.preview.render.markdown_text import code, escaped, fenced, prose, within
from modelberth.preview.render.plain import one_line, plain, shortened
from support.hostile import HOSTILE

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
OURS = {"<code>": 1, "</code>": -1, "<span>": 1, "</span>": -1}
# What GitHub looks for in the text of the finished page, outside of code.
FOUND_LATER = re.compile(r"@\w|#\d|\bGH-\d|www\.|\w:\w|://|\$(?!\d)", re.IGNORECASE)

texts = st.one_of(
    st.text(),
    st.text(alphabet="`*_[]()<>&|~#!@$\\:/-+=.\n \t1aw\u202e\x1b"),
    st.sampled_from(HOSTILE),
    st.builds("".join, st.lists(st.sampled_from(HOSTILE), min_size=2, max_size=3)),
)


def visible(markdown: str) -> str:
    """The text of one line of Markdown outside of code and of our spans; fails on all other markup."""
    tokens = PARSER.parse(markdown)
    assert [token.type for token in tokens] in ([], ["paragraph_open", "inline", "paragraph_close"]), markdown
    inside, text = 0, ""
    for token in (tokens[1].children or []) if tokens else []:
        assert token.type in {"text", "text_special", "code_inline", "html_inline", "entity"}, (
            token.type,
            markdown,
        )
        if token.type == "html_inline":
            assert token.content in OURS, markdown
            inside += OURS[token.content]
        elif token.type != "code_inline" and not inside:
            text += token.content
    assert inside == 0
    return text


@given(texts)
def test_escaped_text_is_text(text: str) -> None:
    assert not FOUND_LATER.search(visible(f"x {escaped(text)}"))
    visible(escaped(text))


@given(texts)
def test_code_is_code(text: str) -> None:
    assert visible(code(text)) == ""
    assert "|" not in code(text)
    assert "\n" not in code(text)


@given(texts, texts)
def test_a_sentence_around_a_name_is_text_and_code(name: str, rest: str) -> None:
    assert not FOUND_LATER.search(visible(f"- {prose(f'`{name}` is replaced: {rest}')}"[2:]))


@given(texts)
def test_a_row_of_a_table_keeps_its_cells(text: str) -> None:
    table = f"| a | b |\n|---|---|\n| {code(text)} | {prose(text)} |\n"
    cells = [token for token in PARSER.parse(table) if token.type == "td_open"]
    assert len(cells) == 2


@given(texts)
def test_a_block_of_code_ends_where_we_end_it(text: str) -> None:
    tokens = PARSER.parse(f"{fenced(text)}\n\nafter\n")
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]
    assert tokens[0].content == plain(text, lines=True) + "\n"


@given(texts)
def test_plain_text_can_be_printed_anywhere(text: str) -> None:
    shown = plain(text)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]", shown)
    assert plain(shown) == shown
    assert shown.encode().decode() == shown


def test_what_is_hidden_is_shown_or_dropped() -> None:
    assert plain("\x1b[31mred\x1b[0m") == "red"
    assert plain("\x1b]8;;https://evil.example\x07link\x1b]8;;\x1b\\") == "link"
    assert plain("\x1b]0;never closed") == ""
    assert plain("a\u202eb\u200bc\x00") == r"a\u202eb\u200bc\x00"
    assert plain("\ud800") == r"\ud800"
    assert plain("a\tb\nc", lines=True) == "a    b\nc"
    assert plain("naïve 日本 ✅ é") == "naïve 日本 ✅ é"
    assert one_line("  two\n  lines\t") == "two lines"
    assert shortened("x" * 1234, 5) == "xxxxx… (1,234 characters)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("`iris` is replaced", "`iris` is replaced"),
        ("$12.40 → $31.00 (+$18.60)", "$12.40 → $31.00 (+$18.60)"),
        ("costs $x$", "costs <span>$</span>x<span>$</span>"),
        ("by @octocat in #1", "by @&#8203;octocat in &#35;&#8203;1"),
        ("see www.evil.example", "see www&#8203;.evil.example"),
        ("1. one", "1&#46; one"),
        ("- one", "&#45; one"),
        ("1.5 GiB", "1.5 GiB"),
        ("`a`b`c`", "`a`b`c`"),
        ("one ` tick", "one &#96; tick"),
    ],
)
def test_a_sentence_stays_readable(text: str, expected: str) -> None:
    assert prose(text) == expected


def test_code_in_backticks_where_nothing_speaks_against_it() -> None:
    assert code("aws:s3/bucket:Bucket <x> @y") == "`aws:s3/bucket:Bucket <x> @y`"
    assert code("a|b") == "<code>a&#124;b</code>"
    assert code(" ") == "<code>(empty)</code>"


def test_what_does_not_fit_is_counted() -> None:
    items = ["aaaa", "bbbb", "cccc"]
    assert within(items, 15, "{} more".format) == "aaaa\nbbbb\ncccc"
    assert within(items, 14, "{} more".format) == "aaaa\nbbbb\n1 more"
    assert within(items, 1, "{} more".format) == "3 more"
    assert within(["→" * 5], 15, "{} more".format) == "1 more"
