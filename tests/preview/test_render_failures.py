import pytest

from modelberth.preview.plan import Diagnostic
from modelberth.preview.render.failures import Fault, faults
from support.reports import THROWN, failed, urn

URN = urn("modelberth:index:ModelEndpoint$aws:s3/bucket:Bucket", "store")


def one(message: str, where: str = "") -> Fault:
    (fault,) = faults([Diagnostic("error", message, where)])
    return fault


def test_a_failed_check_names_resource_and_property_and_not_the_value() -> None:
    said = "resource 'store': property acl value {hunter2 has a problem: no} has a problem: given x"
    assert one(f"aws:s3/bucket:Bucket {said}", URN) == Fault("given x", "aws:s3/bucket:Bucket store", "acl")


@pytest.mark.parametrize("name", ["a'b", "a\nb", "a resource 'b'", "x: property y value z"])
@pytest.mark.parametrize("path", ["acl", "a b", 'tags["x y"]', "a.b[0]"])
def test_the_value_is_never_shown(name: str, path: str) -> None:
    fault = one(
        f"t:i:T resource '{name}': property {path} value {{hunter2\nhunter2}} has a problem: no\ngood"
    )
    assert "hunter2" not in repr(fault)
    assert fault.message == "no\ngood"


def test_the_property_is_also_read_from_a_providers_hint() -> None:
    said = (
        "aws:s3/bucket:Bucket resource 'store' has a problem: Missing. Examine values at 'store.tags.team'."
    )
    assert one(said) == Fault("Missing.", "aws:s3/bucket:Bucket store", "tags.team")


def test_of_an_exception_its_text_and_the_programs_own_line_are_told() -> None:
    fault = one(THROWN)
    assert (fault.message, fault.where) == ("KeyError: 'regin'", "compose.py:21")
    assert fault.detail == THROWN.strip()


def test_of_a_chain_of_exceptions_the_last_one_counts() -> None:
    chain = (
        f"{THROWN}\nDuring handling of the above exception, another exception occurred:\n\n"
        "Traceback (most recent call last):\n"
        '  File "/p/__main__.py", line 3, in <module>\n    boom()\n'
        "ValueError: two\nlines\n"
    )
    fault = one(chain)
    assert (fault.message, fault.where) == ("ValueError: two\nlines", "__main__.py:3")


def test_a_line_above_the_entry_point_is_told_from_there() -> None:
    text = (
        "Traceback (most recent call last):\n"
        '  File "/p/stacks/__main__.py", line 3, in <module>\n    boom()\n'
        '  File "/p/lib/x.py", line 9, in boom\n    raise E\n'
        '  File "<frozen importlib>", line 1, in f\n'
        "E"
    )
    assert (one(text).message, one(text).where) == ("E", "../lib/x.py:9")


def test_a_traceback_without_frames_keeps_its_text() -> None:
    assert one("Traceback (most recent call last):\nRecursionError: deep").message == "RecursionError: deep"
    assert one("Traceback (most recent call last):").message == "the program threw an exception"


def test_each_error_is_told_once_and_the_summary_not_at_all() -> None:
    assert len(failed().errors) == 6
    assert len(faults(failed().errors)) == 4
    only = [Diagnostic("error", "preview failed")]
    assert [fault.message for fault in faults(only)] == ["preview failed"]
    assert faults(only, explained=True) == ()


def test_any_other_error_keeps_its_text_and_its_resource() -> None:
    assert one("\x1b[31mno plugin\x1b[0m\nfor aws", URN) == Fault(
        "no plugin\nfor aws", "aws:s3/bucket:Bucket store"
    )
