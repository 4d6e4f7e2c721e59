"""The comment of a pull request: harmless whatever the program is called, and short enough for GitHub."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from modelberth.preview.plan import Plan
from modelberth.preview.render import markdown, marker
from modelberth.preview.render.markdown import LIMIT
from modelberth.preview.report import Report
from support.hostile import HOSTILE, crowd, hostile
from support.reports import dangerous, failed, hundred, in_place, nothing, violated

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
GITHUB = 65_536
OURS = re.compile(
    r"<!-- modelberth-preview: shop/prod -->\n?"
    r"|<details><summary>(?:The whole message|How this is estimated|Raw diff: [\d,]+ resources?)</summary>\n?"
    r"|</details>\n?|</?code>|</?span>"
)
FOUND_LATER = re.compile(r"@\w|#\d|\bGH-\d|www\.|\w:\w|://", re.IGNORECASE)
BLOCKS = {"heading", "paragraph", "bullet_list", "list_item", "table", "thead", "tbody", "tr", "th", "td"}


def flat(tokens: list[Token]) -> list[Token]:
    return [inner for token in tokens for inner in (token, *flat(token.children or []))]


def require_harmless(text: str) -> int:
    """Fail on every mark that is not ours; how many tokens were looked at."""
    tokens = flat(PARSER.parse(text))
    folds = quiet = 0
    for token in tokens:
        match token.type:
            case "html_block" | "html_inline":
                assert OURS.fullmatch(token.content), token.content
                folds += ("<details>" in token.content) - ("</details>" in token.content)
                quiet += token.content in {"<code>", "<span>"}
                quiet -= token.content in {"</code>", "</span>"}
            case "text":
                assert quiet or not FOUND_LATER.search(token.content), token.content
            case "fence":
                assert token.info in {"", "diff", "mermaid"}
            case "inline" | "text_special" | "code_inline" | "softbreak" | "strong_open" | "strong_close":
                pass
            case kind:
                assert kind.rpartition("_")[0] in BLOCKS, f"{kind}: {token.content}"
        assert folds in {0, 1}
    assert (folds, quiet) == (0, 0)
    return len(tokens)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("fails", [False, True])
def test_no_name_becomes_markup(text: str, fails: bool) -> None:
    report = hostile(text)
    if fails:
        report = replace(report, plan=replace(report.plan, violations=()))
    shown = markdown(report)
    assert require_harmless(shown) > 50
    assert shown.count("<!-- modelberth-preview: shop/prod -->\n\n") == 1
    assert shown.startswith("<!-- modelberth-preview: shop/prod -->\n\n### ❌")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2066-\u2069]", shown)


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=60), st.sampled_from(HOSTILE))
def test_no_text_becomes_markup(text: str, more: str) -> None:
    assert require_harmless(markdown(hostile(text + more))) > 50


def test_the_check_sees_what_is_not_harmless() -> None:
    bad = [
        "[a](https://b.example)",
        "![a](b)",
        "<h1>",
        "hi @octocat",
        "#1",
        "> quote",
        "*it*",
        "</details>",
        "1. one",
    ]
    for text in bad:
        with pytest.raises(AssertionError):
            require_harmless(text)
    assert require_harmless("**`iris`** is fine") > 3


@pytest.mark.parametrize(
    "report",
    [
        hundred(),
        hostile("日" * 5000),
        hostile("`|" * 20_000),
        *(crowd(text * 60) for text in ("|`\\@#", "日`", "@")),
    ],
    ids=["hundred", "wide", "long", "marks", "bytes", "mentions"],
)
def test_the_largest_comment_fits(report: Report) -> None:
    shown = markdown(report)
    assert 2_000 < len(shown.encode()) <= LIMIT < GITHUB
    assert require_harmless(shown) > 50


def test_what_does_not_fit_is_said() -> None:
    shown = markdown(hundred())
    assert len(shown.encode()) > 50_000
    assert "Cut to fit into a comment: the command with `--diff` shows all of it." in shown
    assert re.search(r"^… [\d,]+ more lines$", shown, re.MULTILINE)
    assert re.search(r"^\d+ more endpoints change, none of them graver", shown, re.MULTILINE)
    assert "| total, at least |" in shown
    first = shown.index("#### Endpoints")
    assert shown.index("endpoint-007", first) < shown.index("endpoint-000", first)
    assert "cut" not in markdown(dangerous()).lower()


def test_the_parts_come_in_order() -> None:
    shown = markdown(dangerous())
    parts = ["<!--", "### ", "Refused", "3 endpoints change", "Monthly cost", "#### Endpoints", "#### Cost"]
    parts += [
        "Billed without",
        "Not estimated",
        "How this is estimated",
        "#### Budgets",
        "#### Picture",
        "Raw diff",
    ]
    places = [shown.index(part) for part in parts]
    assert places == sorted(places)
    assert len(places) == 13


def test_of_a_plan_that_broke_off_only_the_errors_are_shown() -> None:
    shown = markdown(failed())
    assert re.findall(r"^#### (.*)$", shown, re.MULTILINE) == ["Errors", "Notes"]
    assert shown.count("❌") == 5
    assert shown.index("KeyError: 'regin'") < shown.index("<details>") < shown.index("Traceback")


def test_a_broken_policy_is_no_failure() -> None:
    shown = markdown(violated())
    assert "#### Errors" not in shown
    assert "- ❌ policy `org-guard/no-token-in-environment`" in shown
    assert "- ⚠️ policy `org-guard/tags`" in shown
    assert "- ✅ `iris`" in shown


def test_no_secret_is_shown() -> None:
    for report in (in_place(), failed()):
        assert "hunter" not in markdown(report)
    assert "API_TOKEN: (secret), changed" in markdown(in_place())


def test_nothing_is_short() -> None:
    shown = markdown(nothing())
    assert shown.startswith("<!-- modelberth-preview: shop/prod -->\n\n### ✅")
    assert "unchanged: `iris`, `churn`" in shown
    assert "```" not in shown


def test_the_marker_is_one_line_whatever_the_names_are() -> None:
    assert marker("shop", "prod") == "<!-- modelberth-preview: shop/prod -->"
    assert marker("a-->\nb", "c d") == "<!-- modelberth-preview: a--__b/c_d -->"


def test_a_stack_without_anything_has_a_comment() -> None:
    shown = markdown(Report(plan=Plan(project="shop", stack="prod", steps=()), endpoints=(), offline=True))
    assert "Nothing changes." in shown
    assert "#### " not in shown
