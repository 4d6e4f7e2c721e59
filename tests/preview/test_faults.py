"""Each fault goes off where and as often as it says, and one that does not is told."""

import threading
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from modelberth.preview.standins.backend import NotReadyError, Request
from modelberth.preview.standins.faults import Fault
from modelberth.preview.standins.injection import Injection
from modelberth.preview.standins.values import Secret
from modelberth.provider.resource import Observed, ResourceError
from modelberth.provider.translation import StatusError

FUNCTION = "aws:lambda/function:Function"
ROLE = "aws:iam/role:Role"


def about(name: str = "iris", token: str = FUNCTION, *, preview: bool = False) -> Request:
    return Request(f"urn:pulumi:dev::shop::{token}::{name}", token, name, preview=preview)


def test_a_failure_concerns_what_its_patterns_name_so_often() -> None:
    fault = Fault.fail("create", "aws:lambda/*", "iris-*", message="no capacity", times=2)
    injection = Injection([fault])
    injection.before("create", about("other"), {})
    injection.before("create", about("iris-1", ROLE), {})
    injection.before("update", about("iris-1"), {})
    injection.before("create", about("iris-1", preview=True), {})
    assert injection.unfired == (fault,)
    for _ in range(2):
        with pytest.raises(ResourceError, match="no capacity"):
            injection.before("create", about("iris-1"), {})
    injection.before("create", about("iris-1"), {})
    assert injection.unfired == ()


def test_a_check_goes_wrong_in_a_preview_too() -> None:
    injection = Injection([Fault.fail("check", message="refused")])
    with pytest.raises(ResourceError, match="refused"):
        injection.before("check", about(preview=True), {})


@pytest.mark.parametrize(
    ("token", "word"),
    [
        (FUNCTION, "ThrottlingException"),
        ("gcp:cloudrunv2/service:Service", "rateLimitExceeded"),
        ("azure-native:app:ContainerApp", "TooManyRequests"),
        ("kubernetes:core/v1:Namespace", "too many requests"),
        ("random:index/randomId:RandomId", "too many requests"),
    ],
)
def test_throttling_speaks_as_the_clouds_own_client(token: str, word: str) -> None:
    injection = Injection([Fault.throttle()])
    for _ in range(2):
        with pytest.raises(StatusError, match=word) as raised:
            injection.before("create", about(token=token), {})
        assert raised.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    injection.before("create", about(token=token), {})


@pytest.mark.parametrize("fault", [Fault.hang(), Fault.delay(600)])
def test_what_waits_ends_when_nobody_waits_for_it(fault: Fault) -> None:
    request, said = about(), []

    def call() -> None:
        with pytest.raises(ResourceError) as raised:
            Injection([fault]).before("create", request, {})
        said.append(str(raised.value))

    waiting = threading.Thread(target=call)
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    request.cancelled.set()
    waiting.join(30)
    assert said == ["create of iris was cancelled while it waited"]


def test_a_delay_goes_well() -> None:
    injection = Injection([Fault.delay(0.01)])
    injection.before("create", about(), {})
    assert injection.unfired == ()


def test_what_is_not_ready_is_there() -> None:
    injection, observed = Injection([Fault.partial("image not found")]), Observed("id-1", {}, {"arn": "a"})
    injection.after("create", about(preview=True), observed)
    with pytest.raises(NotReadyError) as raised:
        injection.after("create", about(), observed)
    assert raised.value.observed is observed
    assert raised.value.reasons == ("image not found",)
    injection.after("create", about(), observed)


@pytest.mark.parametrize(
    "inputs",
    [{"role": "arn:aws:iam::1:role/r"}, {"nested": [{"role": Secret("r-id")}]}],
    ids=["arn", "id in a secret"],
)
def test_what_was_just_made_is_not_found_at_once(inputs: dict[str, Any]) -> None:
    fault = Fault.eventually_consistent(ROLE, times=2)
    injection = Injection([fault])
    observed = Observed("r-id", {}, {"arn": "arn:aws:iam::1:role/r"})
    injection.before("create", about(), inputs)
    injection.after("create", about("role", ROLE), observed)
    injection.before("update", about("role", ROLE), {"id": "r-id"})
    injection.before("create", about(), {"role": "another", "name": "r-id"})
    assert injection.unfired == (fault,)
    for operation in ("create", "update"):
        with pytest.raises(ResourceError, match=f"{ROLE} 'role' not found: it was made a moment ago"):
            injection.before(operation, about(), inputs)
    injection.before("create", about(), inputs)
    assert injection.unfired == ()


def test_drift_is_found_in_what_was_asked_for_and_in_what_came_of_it() -> None:
    injection = Injection(
        [Fault.drift(FUNCTION, changes={"env.MODE": "off", "tags": None, "state": "Failed"})]
    )
    observed = Observed(
        "f", {"env": {"MODE": "on"}, "tags": {"a": "b"}}, {"env": {"MODE": "on"}, "state": "ok"}
    )
    found = injection.found(about(), observed)
    assert found == Observed("f", {"env": {"MODE": "off"}}, {"env": {"MODE": "off"}, "state": "Failed"})
    assert injection.found(about(token=ROLE), observed) == observed


def test_a_drift_that_cannot_be_is_told() -> None:
    injection = Injection([Fault.drift(changes={"name.first": "x"})])
    with pytest.raises(ResourceError, match=r"a drift that cannot be: path: given 'name\.first'"):
        injection.found(about(), Observed("f", {"name": "n"}, {"name": "n"}))


def test_what_is_gone_is_not_found() -> None:
    injection = Injection([Fault.gone(name="iris")])
    assert injection.found(about("other"), Observed("f")) == Observed("f")
    assert injection.found(about(), Observed("f")) is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Fault.fail("craete"), "on: given 'craete', allowed: check, diff, create"),  # type: ignore[arg-type]
        (lambda: Fault.fail(times=0), "times: given 0"),
        (lambda: Fault.delay(0), "seconds: given 0"),
        (lambda: Fault.eventually_consistent(ROLE, times=0), "times: given 0"),
        (lambda: Fault.drift(changes={}), "changes: given none"),
        (lambda: Fault.drift(changes={"a..b": 1}), "path: given 'a..b'"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(make: Callable[[], Fault], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
