"""The rate limit, on a clock that the test turns."""

import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelberth_server.access.rate_limit import MINUTE_NS, SECOND_NS, RateLimit, network
from modelberth_server.errors import RequestError


class Clock:
    def __init__(self) -> None:
        self.now = 10**15

    def __call__(self) -> int:
        return self.now


def refusal(limit: RateLimit, caller: str) -> int | None:
    """Return the seconds of `Retry-After`, or None where the caller is let in."""
    try:
        limit.take(caller)
    except RequestError as error:
        return int(dict(error.headers)["Retry-After"]) if error.status == 429 else -1
    return None


@pytest.mark.parametrize("per_minute", [1, 2, 7, 60, 599, 10_000])
def test_a_minutes_worth_at_once_and_not_one_more(per_minute: int) -> None:
    clock = Clock()
    limit = RateLimit(per_minute, clock=clock)
    taken = [refusal(limit, "a") for _ in range(per_minute)]
    assert taken == [None] * per_minute
    assert refusal(limit, "a") == -(-60 // per_minute)
    assert refusal(limit, "b") is None


def test_retry_after_is_the_first_second_that_works() -> None:
    clock = Clock()
    limit = RateLimit(7, clock=clock)
    for _ in range(7):
        limit.take("a")
    seconds = refusal(limit, "a")
    assert seconds == 9  # a token every 8.57 s
    clock.now += (seconds - 1) * SECOND_NS
    assert refusal(limit, "a") == 1
    clock.now += SECOND_NS
    assert refusal(limit, "a") is None


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 500), st.lists(st.integers(0, MINUTE_NS), min_size=1, max_size=200))
def test_never_more_than_the_bucket_and_what_flows_in(per_minute: int, pauses: list[int]) -> None:
    clock = Clock()
    limit = RateLimit(per_minute, clock=clock)
    start, admitted = clock.now, 0
    for pause in pauses:
        clock.now += pause
        for _ in range(per_minute + 1):
            admitted += refusal(limit, "a") is None
        assert admitted <= per_minute + (clock.now - start) // (MINUTE_NS // per_minute)
    assert admitted >= per_minute


def test_memory_is_bounded_and_the_busiest_are_kept() -> None:
    clock = Clock()
    limit = RateLimit(1, max_callers=100, clock=clock)
    limit.take("greedy")
    refused = 0
    for number in range(10_000):
        limit.take(f"stranger-{number}")
        # Who keeps on asking is not forgotten, however many others come.
        if number % 50 == 0:
            refused += refusal(limit, "greedy") is not None
    assert (len(limit), refused) == (100, 200)


def test_forgetting_early_is_logged_once_and_forgetting_late_never(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    limit = RateLimit(5, max_callers=3, clock=clock)
    with caplog.at_level(logging.WARNING):
        for number in range(10):
            limit.take(str(number))
            clock.now += MINUTE_NS
        assert not caplog.records
        for number in range(10):
            limit.take(f"again-{number}")
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("peer", "whose"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::99", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::99", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_an_address_stands_for_its_customer(peer: str, whose: str) -> None:
    assert network(peer) == whose
