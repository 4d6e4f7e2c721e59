"""The journal tells every call in order, how it ended, and no secret."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from modelberth.preview.standins.journal import Call, Journal
from modelberth.preview.standins.values import Secret
from modelberth.provider.resource import ResourceError

CANARY = "canary-7f3a9c"


def test_a_call_under_way_is_there_and_then_how_it_ended() -> None:
    journal = Journal()
    with journal.record(Call("create", "aws:x", "iris", preview=False)) as entry:
        assert [(call.operation, call.outcome) for call in journal.calls] == [("create", "under way")]
        entry.id = "id-1"
    assert [(call.id, call.outcome) for call in journal.calls] == [("id-1", "done")]


def test_a_failed_call_says_why_and_fails() -> None:
    journal = Journal()
    with pytest.raises(ResourceError), journal.record(Call("read", "aws:x", id="id-1")):
        raise ResourceError("not found")
    assert [(call.id, call.outcome) for call in journal.calls] == [("id-1", "not found")]


def test_no_secret_is_kept() -> None:
    journal = Journal()
    inputs = {"env": {"TOKEN": Secret(CANARY), "MODE": "on"}, "all": Secret({"x": CANARY})}
    with pytest.raises(ResourceError), journal.record(Call("create", "aws:x", inputs=inputs)):
        raise ResourceError(f"{CANARY} is refused")
    (call,) = journal.calls
    assert call.inputs == {"env": {"TOKEN": "[secret]", "MODE": "on"}, "all": "[secret]"}
    assert call.outcome == "[secret] is refused"
    assert CANARY not in repr(journal.calls)


def test_calls_of_several_engines_do_not_mix() -> None:
    journal, together = Journal(), threading.Barrier(8)

    def call(number: int) -> None:
        with journal.record(Call("create", "aws:x", f"r{number}")) as entry:
            together.wait(30)
            entry.id = f"id-{number}"

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(8)))
    assert {(each.name, each.id) for each in journal.calls} == {(f"r{n}", f"id-{n}") for n in range(8)}
