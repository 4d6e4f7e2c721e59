"""The rules by which documents are run: what breaks them goes red."""

from pathlib import Path

import pytest

from docs.markdown import Session, blocks, require_shape


def document(folder: Path, text: str) -> Path:
    file = folder / "GUIDE.md"
    file.write_text(text)
    return file


def run_all(document: Path) -> Session:
    session = Session(document.parent, {"PATH": "/usr/bin:/bin"})
    for block in blocks(document):
        session.run(block)
    return session


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("```\nx\n```\n", "GUIDE.md:1: nothing says how a block '' is run"),
        ("a\n```java\nx\n```\n", "GUIDE.md:2: nothing says how a block 'java' is run"),
        ("```sh cwd=x\nx\n```\n", "sh has no cwd"),
        ("```sh\nx\n", "not closed"),
    ],
)
def test_a_block_that_nobody_can_run(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        blocks(document(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("```text\nx\n```\n", "no commands before this output"),
        ("```sh\nexit 3\n```\n", "ended with 3"),
        ("```sh exit=3\ntrue\n```\n", "ended with 0"),
        ("```sh\nfalse\ntrue\n```\n", "ended with 1"),
        ("```sh\necho here\n```\n```text\nthere\n```\n", "GUIDE.md:4: this is shown"),
        ("```yaml\na: 1\n```\n", "which file"),
    ],
)
def test_a_block_that_does_not_do_what_it_says(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        run_all(document(tmp_path, text))


def test_a_document_is_one_session(tmp_path: Path) -> None:
    text = (
        "```yaml file=sub/a.txt\none 1\n```\n```python file=sub/a.txt append\ntwo 2\n```\n"
        "```sh in=sub\ncat a.txt\n```\n```text\none 7\n[…]\ntwo 8\n```\n"
    )
    assert run_all(document(tmp_path, text)).printed == "one 1\n\ntwo 2\n"


PRINTED = "setup 3.11 at /opt/pulumi\nmade http://127.0.0.1:20001/predict\nrevision 1f47cc92ecef\nin 7 s\n"


@pytest.mark.parametrize(
    "shown",
    [
        PRINTED,
        "[…]\nrevision 0000000000000\nin 0.5 s\n",
        "setup 3.12 at /x\n[…]\n",
        "[…]\nmade http://127.0.0.1:9/predict\n[…]\n",
        "setup […]\n[…]\nin […]\n",
    ],
)
def test_the_same_shape(shown: str) -> None:
    require_shape(PRINTED, shown, "here")


@pytest.mark.parametrize(
    "shown",
    [
        "setup 3.11 at /opt/bin/pulumi\n",
        "in 7 s\n",
        "[…]\nrevision 1f47cc92ecef\n",
        "[…]\nin 7 s\n[…]\nrevision 1f47cc92ecef\n[…]\n",
        "[…]\nmade http://127.0.0.1:9/other\n[…]\n",
        "[…]\nsetup 3.11 at pulumi\n[…]\n",
        PRINTED + "more\n",
        "more\n" + PRINTED,
    ],
)
def test_another_shape(shown: str) -> None:
    with pytest.raises(AssertionError, match=r"here: "):
        require_shape(PRINTED, shown, "here")
