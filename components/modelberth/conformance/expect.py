"""What an answer has to be; each of these raises DidNotHold where it is not."""

from typing import Any, TypeVar

from modelberth.conformance.outcome import DidNotHold
from modelberth.conformance.tensors import differ
from modelberth.conformance.web import Answer

__all__ = ["equal", "json_object", "length", "member", "refused", "refused_with_error", "success", "within"]

Kind = TypeVar("Kind")


def success(answer: Answer) -> Answer:
    """Expect the status 200."""
    if answer.status != 200:
        raise answer.unlike("200")
    return answer


def refused(answer: Answer, *statuses: int) -> Answer:
    """Expect that the caller is told to be at fault: one of the statuses, or any of 4xx."""
    if statuses and answer.status not in statuses:
        raise answer.unlike(" or ".join(map(str, statuses)))
    if not 400 <= answer.status <= 499 or answer.status == 429:  # of which no request is to blame for
        raise answer.unlike("4xx, for it is the caller's fault")
    return answer


def refused_with_error(answer: Answer) -> str:
    """Expect 4xx and a JSON object with `error`, the message; return it."""
    return member(json_object(refused(answer)), "error", str, answer)


def json_object(answer: Answer) -> dict[str, Any]:
    """Expect a JSON object as the body."""
    value = answer.json()
    if not isinstance(value, dict):
        raise answer.unlike("a JSON object")
    return value


def member(value: dict[str, Any], name: str, kind: type[Kind], answer: Answer) -> Kind:
    """Expect a member of a type."""
    found = value.get(name)
    if not isinstance(found, kind) or (isinstance(found, bool) and kind is int):
        raise answer.unlike(f"{name!r} that is a {kind.__name__}")
    return found


def length(values: list[Any], expected: int, what: str, answer: Answer) -> None:
    """Expect a list of a length."""
    if len(values) != expected:
        raise answer.unlike(f"{expected} {what}, not {len(values)}")


def equal(left: Any, right: Any, what: str) -> None:
    """Expect that two values of JSON are the same but for rounding."""
    if (difference := differ(left, right)) is not None:
        raise DidNotHold(f"{what} differ: {difference}")


def within(answer: Answer, seconds: float) -> None:
    """Expect an answer in a time."""
    if answer.seconds > seconds:
        raise DidNotHold(f"{answer.request}: took {answer.seconds:.2f} s, at most {seconds:g} s expected")
