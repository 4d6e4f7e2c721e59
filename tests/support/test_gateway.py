"""The stand-in that rollouts are measured at: whom it sends a request to, and what it says if it cannot."""

import contextlib
from collections.abc import Iterator, Sequence

import httpx
import pytest

from support.gateway import Backend, Gateway, Rule
from support.test_request_loop import CLOSING, OK, server

HOST = "iris.example.test"
BODY = b'{"input": [[5.1, 3.5, 1.4, 0.2]]}'
NOBODY = Backend("127.0.0.1", 1)


def rule(path: str = "/predict", *backends: Backend, timeout_s: float = 5, **more: object) -> Rule:
    fields = {"is_prefix": False, "headers": {}, "mirrors": [], **more}
    return Rule(path=path, backends=backends, timeout_s=timeout_s, **fields)  # type: ignore[arg-type]


@contextlib.contextmanager
def backend(weight: int, seen: list[int], content: bytes = OK) -> Iterator[Backend]:
    """A server that counts what it is asked."""

    def answer(number: int) -> bytes:
        seen.append(number)
        return content

    with server(answer) as url:
        yield Backend("127.0.0.1", httpx.URL(url).port or 0, weight)


def ask(rules: Sequence[Rule], times: int = 1, path: str = "/predict", **headers: str) -> httpx.Response:
    gateway = Gateway(rules={HOST: sorted(rules, key=lambda one: one.rank, reverse=True)})
    headers = {"host": HOST, **headers}
    with gateway.listening(), httpx.Client(trust_env=False) as client:
        answers = [client.post(f"{gateway.url}{path}", content=BODY, headers=headers) for _ in range(times)]
    assert len({answer.status_code for answer in answers}) == 1
    return answers[-1]


def test_requests_are_shared_by_the_weights() -> None:
    old: list[int] = []
    new: list[int] = []
    with backend(90, old) as most, backend(10, new, CLOSING) as least:
        assert ask([rule("/predict", most, least)], 1000).status_code == 200
    assert len(old) + len(new) == 1000
    assert 60 <= len(new) <= 140


def test_the_rule_with_more_headers_comes_first_and_a_copy_has_no_answer() -> None:
    by_share: list[int] = []
    by_header: list[int] = []
    copied: list[int] = []
    with backend(1, by_share) as one, backend(1, by_header) as other, backend(1, copied, CLOSING) as third:
        rules = [
            rule("/predict", one, mirrors=[(third, 100)]),
            rule("/predict", other, headers={"x-canary": "always"}),
        ]
        ask(rules, 5)
        ask(rules, 7, **{"X-Canary": "always"})
    assert (len(by_share), len(by_header), len(copied)) == (5, 7, 5)


@pytest.mark.parametrize(
    ("path", "host", "backends", "status"),
    [
        ("/predict", HOST, [NOBODY], 502),
        ("/other", HOST, [NOBODY], 404),
        ("/predict", "another.example.test", [NOBODY], 404),
        ("/predict", HOST, [Backend("127.0.0.1", 1, 0)], 500),
    ],
)
def test_what_goes_nowhere_is_refused_at_once(
    path: str, host: str, backends: Sequence[Backend], status: int
) -> None:
    answer = ask([rule("/predict", *backends)], path=path, host=host)
    assert answer.status_code == status
    assert "the stand-in gateway" in answer.json()["error"]


def test_a_prefix_ends_at_a_slash() -> None:
    one = rule("/v2/models", NOBODY, is_prefix=True)
    assert one.fits("/v2/models/iris", {})
    assert one.fits("/v2/models", {})
    assert not one.fits("/v2/modelsother", {})
