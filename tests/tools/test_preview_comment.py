"""`tools/preview_comment.py` against a GitHub on the loopback interface."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "preview_comment.py"
MARKER = "<!-- modelberth-preview: shop/dev -->"
PREVIEW = f"{MARKER}\n**1 endpoint changes.**\n"
SHA, OTHER_SHA = "a" * 40, "b" * 40
TOKEN = "a-token-for-tests"
BOT, PERSON = "github-actions[bot]", "somebody"


@dataclass
class GitHub:
    """Pull requests and comments, behind the paths that the real one has."""

    pulls: list[dict[str, Any]] = field(default_factory=list)
    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    refuses: int = 0
    """HTTP status of every answer, where it is one."""
    address: str = ""

    def add_pull(self, number: int, head: str = "team:canary", sha: str = SHA) -> None:
        self.pulls.append({"number": number, "label": head, "head": {"sha": sha}})
        self.comments[number] = []

    def add_comment(self, pull: int, body: str, author: str = BOT) -> None:
        identifier = 100 + sum(map(len, self.comments.values()))
        self.comments[pull].append({"id": identifier, "body": body, "user": {"login": author}})

    def bodies(self, pull: int) -> list[str]:
        return [comment["body"] for comment in self.comments[pull]]

    def answer(self, method: str, path: str, query: dict[str, str], content: Any) -> Any:
        match [method, *path.removeprefix("/repos/team/shop").strip("/").split("/")]:
            case ["GET", "pulls"]:
                assert query["state"] == "open"
                return [pull for pull in self.pulls if pull["label"] == query["head"]]
            case ["GET", "issues", number, "comments"]:
                size, page = int(query["per_page"]), int(query["page"])
                return self.comments[int(number)][(page - 1) * size : page * size]
            case ["POST", "issues", number, "comments"]:
                self.add_comment(int(number), content["body"])
                return self.comments[int(number)][-1]
            case ["PATCH", "issues", "comments", identifier]:
                (found,) = [
                    comment
                    for comments in self.comments.values()
                    for comment in comments
                    if comment["id"] == int(identifier)
                ]
                found["body"] = content["body"]
                return found
        raise AssertionError(f"{method} {path}")


@pytest.fixture
def github() -> Iterator[GitHub]:
    state = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            assert self.headers["Authorization"] == f"Bearer {TOKEN}"
            parts = urlsplit(self.path)
            state.requests.append(f"{self.command} {parts.path}")
            length = int(self.headers.get("Content-Length") or 0)
            content = json.loads(self.rfile.read(length)) if length else None
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            answer = (
                {"message": "Resource not accessible by integration"}
                if state.refuses
                else state.answer(self.command, parts.path, query, content)
            )
            self.send_response(state.refuses or 200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        do_GET = do_POST = do_PATCH = do  # noqa: N815 - names of the base class

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        state.address = f"http://127.0.0.1:{server.server_port}"
        yield state
        server.shutdown()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "comment.md"
    made.write_text(PREVIEW)
    return made


def post(github: GitHub, file: Path, **environ: str) -> "subprocess.CompletedProcess[str]":
    given = {
        "GITHUB_API_URL": github.address,
        "GITHUB_REPOSITORY": "team/shop",
        "GITHUB_TOKEN": TOKEN,
        "HEAD_OWNER": "team",
        "HEAD_BRANCH": "canary",
        "HEAD_REPOSITORY": "team/shop",
        "HEAD_SHA": SHA,
        "RUN_URL": "https://github.example/runs/1",
        **environ,
    }
    done = subprocess.run(
        [sys.executable, SCRIPT, file],
        env={"PATH": os.environ["PATH"], **{key: value for key, value in given.items() if value}},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in done.stderr
    assert TOKEN not in done.stdout + done.stderr
    return done


def test_there_is_one_comment_which_follows_the_pull_request(github: GitHub, file: Path) -> None:
    github.add_pull(3)
    first = post(github, file)
    assert (first.returncode, first.stdout) == (0, "#3: posted\n"), first.stderr
    (body,) = github.bodies(3)
    assert body == (
        f"{MARKER}\nOf aaaaaaaaa, [log](https://github.example/runs/1).\n\n**1 endpoint changes.**\n"
    )
    file.write_text(PREVIEW.replace("1 endpoint changes", "Nothing changes"))
    assert post(github, file).stdout == "#3: updated\n"
    (body,) = github.bodies(3)
    assert "Nothing changes" in body


def test_only_its_own_comment_of_the_same_stack_is_written_over(github: GitHub, file: Path) -> None:
    github.add_pull(3)
    github.add_comment(3, PREVIEW, author=PERSON)
    github.add_comment(3, PREVIEW.replace("shop/dev", "shop/prod"))
    github.add_comment(3, f"Quoted:\n{PREVIEW}")
    others = github.bodies(3)
    assert post(github, file).stdout == "#3: posted\n"
    assert github.bodies(3)[:3] == others
    assert len(github.bodies(3)) == 4


def test_its_comment_is_found_behind_many_others(github: GitHub, file: Path) -> None:
    github.add_pull(3)
    for number in range(150):
        github.add_comment(3, f"talk {number}", author=PERSON)
    github.add_comment(3, PREVIEW)
    assert post(github, file).stdout == "#3: updated\n"
    assert len(github.bodies(3)) == 151


def test_a_fork_is_named_as_one(github: GitHub, file: Path) -> None:
    github.add_pull(3)
    github.add_pull(4, head="visitor:canary", sha=OTHER_SHA)
    done = post(github, file, HEAD_OWNER="visitor", HEAD_REPOSITORY="visitor/shop", HEAD_SHA=OTHER_SHA)
    assert done.stdout == "#4: posted\n"
    assert "**From a fork**: its code made what follows" in github.bodies(4)[0]
    assert github.bodies(3) == []


@pytest.mark.parametrize(
    ("pulls", "said"),
    [
        ([], "no open pull request has the commit aaaaaaaaa as its newest: nothing posted\n"),
        ([(3, OTHER_SHA)], "no open pull request has the commit aaaaaaaaa as its newest: nothing posted\n"),
        (
            [(3, SHA), (4, SHA)],
            "#3, #4 have the commit aaaaaaaaa, and the event does not say which: nothing posted\n",
        ),
    ],
)
def test_where_to_post_is_never_guessed(
    github: GitHub, file: Path, pulls: list[tuple[int, str]], said: str
) -> None:
    for number, sha in pulls:
        github.add_pull(number, sha=sha)
    done = post(github, file)
    assert (done.returncode, done.stdout) == (0, said)
    assert github.requests == ["GET /repos/team/shop/pulls"]


def test_a_run_without_a_preview_posts_nothing(github: GitHub, tmp_path: Path) -> None:
    done = post(github, tmp_path / "comment.md")
    assert (done.returncode, done.stdout) == (0, "no preview was made: nothing posted\n")
    assert github.requests == []


def test_a_preview_that_is_too_long_is_pointed_to(github: GitHub, file: Path) -> None:
    github.add_pull(3)
    file.write_text(PREVIEW + "x" * 65_536)
    assert post(github, file).stdout == "#3: posted\n"
    (body,) = github.bodies(3)
    assert body.endswith("The preview is longer than a comment may be; the log's summary has it.")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"# Hello\n", "comment.md, first line: given '# Hello', allowed: <!-- modelberth-preview:"),
        (b"", "comment.md, first line: given '', allowed: <!-- modelberth-preview:"),
        (
            b"<!-- modelberth-preview: a/b --> @team\n",
            "comment.md, first line: given '<!-- modelberth-preview: a/b --> @team', allowed:",
        ),
        (b"\xff\xfe", "comment.md: given bytes that are no text"),
        (b"x" * 300_000, "comment.md: given 300000 bytes, allowed: 262144"),
    ],
)
def test_what_is_no_preview_is_not_posted(github: GitHub, file: Path, content: bytes, said: str) -> None:
    github.add_pull(3)
    file.write_bytes(content)
    done = post(github, file)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {said}")
    assert github.requests == []


def test_a_refusal_of_githubs_is_told(github: GitHub, file: Path) -> None:
    github.refuses = 403
    done = post(github, file)
    assert done.returncode == 1
    assert "GitHub answered 403 to GET /pulls?" in done.stderr
    assert "Resource not accessible by integration" in done.stderr


def test_a_missing_variable_is_named(github: GitHub, file: Path) -> None:
    done = post(github, file, HEAD_SHA="", GITHUB_TOKEN="")
    assert done.returncode == 1
    assert done.stderr == (
        "error: HEAD_SHA, GITHUB_TOKEN: not set; preview-comment.yml sets them from the event\n"
    )
