"""Commands that end at every point of an update: the next one brings all of them home."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.vertex_api import VertexApi
from support.vertex_client import Crash
from support.vertex_updates import EVERY, check_converged, check_history, run, started


@pytest.mark.parametrize("late", [0, 2])
@pytest.mark.parametrize("shows_deploying", [False, True])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("nothing", "first"),
        ("first", "second"),
        ("second", "first"),
        ("first", "canary"),
        ("canary", "second"),
        ("first", "scaled"),
        ("scaled", "machine"),
        ("canary", "nothing"),
    ],
)
def test_a_command_that_ends_at_any_point_is_taken_up_by_the_next(
    before: str, after: str, late: int, shows_deploying: bool
) -> None:
    """Before each request and between it and its answer, also where reads are late."""

    def there() -> VertexApi:
        api = started(shows_deploying=shows_deploying)
        run(api, EVERY[before])
        api.late = late
        return api

    points = run(there(), EVERY[after])
    assert points >= 4
    for point, answered in itertools.product(range(1, points + 1), (False, True)):
        api = there()
        with pytest.raises(Crash):
            run(api, EVERY[after], point, answered=answered)
        run(api, EVERY[after])
        check_converged(api, EVERY[after])
        check_history(api, always_serves="nothing" not in (before, after))


@given(
    tries=st.lists(
        st.tuples(st.sampled_from(sorted(EVERY)), st.integers(1, 25), st.booleans()), min_size=1, max_size=5
    ),
    last=st.sampled_from(sorted(EVERY)),
    looks=st.integers(1, 3),
)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_any_number_of_commands_that_ended_anywhere_are_followed_by_one_that_does_not(
    tries: list[tuple[str, int, bool]], last: str, looks: int
) -> None:
    """Also where each wanted something else than the one before."""
    api = started(looks=looks)
    for name, point, answered in tries:
        try:
            run(api, EVERY[name], point, answered=answered)
        except Crash:
            continue
        check_converged(api, EVERY[name])
    run(api, EVERY[last])
    check_converged(api, EVERY[last])
    check_history(api, always_serves="nothing" not in {last, *(name for name, _, _ in tries)})
