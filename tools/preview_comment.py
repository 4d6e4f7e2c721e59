"""Post a preview as the one comment of its pull request; run by `.github/workflows/preview-comment.yml`.

    python3 tools/preview_comment.py FILE

FILE was written by the pull request's code, so it is text to check and to post, and tells nothing: which
pull request it is about comes from the event, as HEAD_OWNER, HEAD_BRANCH, HEAD_SHA, HEAD_REPOSITORY and
RUN_URL. GITHUB_TOKEN needs `pull-requests: write`. Needs the standard library only.
"""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["CommentError", "GitHub", "Run", "compose", "post", "read_preview"]

_LIMIT = 65_536  # characters of a comment: the API refuses more
_MARKER = re.compile(r"<!-- modelberth-preview: [\w.-]{1,100}/[\w.-]{1,100} -->")
_AUTHOR = "github-actions[bot]"
_PAGE = 100
_TIMEOUT_S = 30
_EVENT = ("HEAD_OWNER", "HEAD_BRANCH", "HEAD_SHA", "HEAD_REPOSITORY", "RUN_URL")
_RUNNER = ("GITHUB_API_URL", "GITHUB_REPOSITORY", "GITHUB_TOKEN")


class CommentError(Exception):
    """The preview cannot be posted; the message says why."""


@dataclass(frozen=True)
class Run:
    """The run that made the preview, as GitHub's event tells it."""

    owner: str
    branch: str
    sha: str
    repository: str
    """OWNER/NAME that the branch lies in; a fork's is another than the pull request's."""
    url: str


class GitHub:
    """The part of GitHub's API that a comment takes."""

    def __init__(self, address: str, repository: str, token: str) -> None:
        self.repository = repository
        self._root = f"{address}/repos/{repository}"
        self._token = token

    def pulls(self, run: Run) -> list[int]:
        """Numbers of the open pull requests whose newest commit is the run's."""
        query = urlencode({"state": "open", "head": f"{run.owner}:{run.branch}", "per_page": _PAGE})
        return [
            pull["number"] for pull in self._call("GET", f"/pulls?{query}") if pull["head"]["sha"] == run.sha
        ]

    def comments(self, pull: int) -> Iterator[Mapping[str, Any]]:
        """All comments of a pull request."""
        page = 1
        while found := self._call("GET", f"/issues/{pull}/comments?per_page={_PAGE}&page={page}"):
            yield from found
            if len(found) < _PAGE:
                return
            page += 1

    def write(self, pull: int, body: str, *, over: int | None) -> None:
        """Make a comment, or write over the one with the id `over`."""
        if over is None:
            self._call("POST", f"/issues/{pull}/comments", {"body": body})
        else:
            self._call("PATCH", f"/issues/comments/{over}", {"body": body})

    def _call(self, method: str, path: str, content: Mapping[str, str] | None = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the address is the runner's own, or the test's
            self._root + path,
            method=method,
            data=None if content is None else json.dumps(content).encode(),
            headers={
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310
                return json.load(response)
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")[:500]
            raise CommentError(f"GitHub answered {error.code} to {method} {path}: {said}") from None
        except OSError as error:
            raise CommentError(f"GitHub could not be reached: {method} {path}: {error}") from None


def read_preview(file: Path) -> tuple[str, str] | None:
    """Marker and text of a preview; None where none was made.

    Raises CommentError when the file is not a preview.
    """
    if not file.is_file():
        return None
    if file.stat().st_size > 4 * _LIMIT:
        raise CommentError(f"{file.name}: given {file.stat().st_size} bytes, allowed: {4 * _LIMIT}")
    try:
        marker, _, text = file.read_text(encoding="utf-8").partition("\n")
    except UnicodeDecodeError as error:
        raise CommentError(f"{file.name}: given bytes that are no text ({error}), allowed: UTF-8") from None
    if not _MARKER.fullmatch(marker):
        allowed = "<!-- modelberth-preview: PROJECT/STACK -->"
        raise CommentError(f"{file.name}, first line: given {marker[:80]!r}, allowed: {allowed}")
    return marker, text


def compose(marker: str, text: str, run: Run, repository: str) -> str:
    """The comment: the marker, where the preview comes from, the preview."""
    origin = f"Of {run.sha[:9]}, [log]({run.url})."
    if run.repository != repository:
        origin += " **From a fork**: its code made what follows, so check it against the changes."
    if len(f"{marker}\n{origin}\n\n{text}") > _LIMIT:
        text = "The preview is longer than a comment may be; the log's summary has it."
    return f"{marker}\n{origin}\n\n{text}"


def post(github: GitHub, run: Run, marker: str, text: str) -> str:
    """Post the preview, over an older one of the same stack; says what was done.

    Raises CommentError when GitHub refuses.
    """
    pulls = github.pulls(run)
    if not pulls:
        return f"no open pull request has the commit {run.sha[:9]} as its newest: nothing posted"
    if len(pulls) > 1:
        several = ", ".join(f"#{number}" for number in pulls)
        return f"{several} have the commit {run.sha[:9]}, and the event does not say which: nothing posted"
    older = next(
        (
            comment["id"]
            for comment in github.comments(pulls[0])
            # Whose it is, too: anybody can write the marker.
            if comment["user"]["login"] == _AUTHOR and comment["body"].partition("\n")[0].strip() == marker
        ),
        None,
    )
    github.write(pulls[0], compose(marker, text, run, github.repository), over=older)
    return f"#{pulls[0]}: {'posted' if older is None else 'updated'}"


def main() -> int:
    """Post the file that is named; it is no failure that there is nothing to post, or nowhere."""
    if len(sys.argv) != 2:
        print("usage: preview_comment.py FILE", file=sys.stderr)
        return 2
    try:
        print(_main(Path(sys.argv[1]), os.environ))
    except CommentError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _main(file: Path, environ: Mapping[str, str]) -> str:
    missing = [name for name in (*_EVENT, *_RUNNER) if not environ.get(name)]
    if missing:
        raise CommentError(f"{', '.join(missing)}: not set; preview-comment.yml sets them from the event")
    preview = read_preview(file)
    if preview is None:
        return "no preview was made: nothing posted"
    run = Run(*(environ[name] for name in _EVENT))
    return post(GitHub(*(environ[name] for name in _RUNNER)), run, *preview)


if __name__ == "__main__":
    sys.exit(main())
