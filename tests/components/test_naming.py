"""Physical names."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.errors import SpecError
from modelberth.naming import content_digest, lettered, physical_name, shortened

stacks = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?", fullmatch=True)
endpoints = st.from_regex(r"[a-z][a-z0-9]{0,30}", fullmatch=True)


def test_it_is_made_of_project_stack_endpoint_and_role() -> None:
    assert physical_name("My_Shop", "dev", "iris") == "my-shop-dev-iris"
    assert physical_name("shop", "dev", "iris", "role") == "shop-dev-iris-role"


@given(
    project=st.text(min_size=1, max_size=60), stack=stacks, endpoint=endpoints, longest=st.integers(24, 63)
)
def test_it_keeps_the_rules_of_every_service(project: str, stack: str, endpoint: str, longest: int) -> None:
    name = physical_name(project, stack, endpoint, longest=longest)
    assert len(name) <= longest
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name)
    assert name == physical_name(project, stack, endpoint, longest=longest)


def test_two_long_names_stay_two() -> None:
    one, two = (physical_name("shop", "dev", "a" * 80 + end) for end in "xy")
    assert one != two
    assert len(one) == len(two) == 63


def test_a_digest_in_a_name_never_changes() -> None:
    # `printf iris | sha256sum`: another digest would be another name, and replace what runs.
    assert content_digest("iris") == "47612b31"
    assert shortened("iris", 4) == "iris"
    assert shortened("iris-" * 9, 20) == f"iris-iris-i-{content_digest('iris-' * 9)}"


@pytest.mark.parametrize(("name", "expected"), [("3shop-dev", "m-3shop-dev"), ("shop-3-dev", "shop-3-dev")])
def test_a_name_can_begin_with_a_letter(name: str, expected: str) -> None:
    assert lettered(name) == expected


@pytest.mark.parametrize("stack", ["Dev", "dev_1", "-dev", "dev-", "", "dev.eu"])
def test_a_stack_name_that_no_resource_can_carry(stack: str) -> None:
    with pytest.raises(SpecError, match="lower-case letters") as refused:
        physical_name("shop", stack, "iris")
    assert refused.value.problems[0].given == repr(stack)
