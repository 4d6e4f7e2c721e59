"""Members: whom IAM can name, and that everyone is named on purpose only."""

from typing import Any

import pytest

from modelberth.gcp.members import EVERYONE, invoker_problems, invokers, member_problems
from support.gcp_blocks import ACCOUNT, PLACE, spec

CALLER = f"serviceAccount:{ACCOUNT}"


@pytest.mark.parametrize(
    "member",
    [
        CALLER,
        PLACE.service_agent("serverless-robot-prod"),
        "serviceAccount:123456789012-compute@developer.gserviceaccount.com",
        "serviceAccount:shop-prod.svc.id.goog[serving/iris]",
        "user:ada@example.com",
        "user:Ada.Lovelace+models@example.co.uk",
        "group:data-scientists@example.com",
        "domain:example.com",
    ],
)
def test_one_member_is_taken(member: str) -> None:
    assert not [*member_problems(member, "readers.run")]


@pytest.mark.parametrize(
    ("member", "words"),
    [
        ("allUsers", "everybody"),
        ("allAuthenticatedUsers", "everybody"),
        ("allusers", "everybody"),
        (ACCOUNT, f"serviceAccount:{ACCOUNT}"),
        ("ada@example.com", "user:ada@example.com"),
        (f"user:{ACCOUNT}", f"serviceAccount:{ACCOUNT}"),
        (f"group:{ACCOUNT}", f"serviceAccount:{ACCOUNT}"),
        ("serviceAccount:ada@example.com", ""),
        ("user:*@example.com", ""),
        ("user:", ""),
        ("domain:*", ""),
        ("projectEditor:shop-prod", ""),
        ("deleted:user:ada@example.com?uid=1", ""),
        ("arn:aws:iam::123456789012:role/iris", ""),
        ("", ""),
    ],
)
def test_who_is_nobody_or_everybody_is_refused(member: str, words: str) -> None:
    (found,) = member_problems(member, "readers.run")
    assert found.path == "readers.run"
    assert "serviceAccount:EMAIL" in found.allowed
    assert words in found.hint
    assert bool(words) == bool(found.hint)


def test_g1_who_is_named_may_call_and_nobody_else() -> None:
    """G1: without invokers nobody is named, with them these."""
    assert invokers(spec()) == ()
    some = spec(security={"invokers": [CALLER, "group:shop@example.com"]})
    assert invokers(some) == (CALLER, "group:shop@example.com")
    assert not [*invoker_problems(some)]
    assert not [*invoker_problems(spec())]


def test_g1_everyone_may_call_what_is_public_and_asks_nobody() -> None:
    """G1, the opposite: both have to be said."""
    public = spec(security={"auth": {"kind": "none"}, "network": {"public": True}})
    assert invokers(public) == (EVERYONE,)
    assert not [*invoker_problems(public)]
    for half in ({"auth": {"kind": "none"}}, {"network": {"public": True}}):
        assert EVERYONE not in invokers(spec(security=half))
    (found,) = invoker_problems(spec(security={"auth": {"kind": "none"}}))
    assert found.path == "security.auth.kind"
    assert "security.network.public" in found.allowed


@pytest.mark.parametrize(
    "auth",
    [{"kind": "api_key"}, {"kind": "jwt", "issuer": "https://id.example.com", "audience": "iris"}],
)
def test_keys_and_tokens_name_no_member(auth: dict[str, Any]) -> None:
    found = spec(security={"auth": auth, "network": {"public": True}})
    assert invokers(found) == ()
    assert not [*invoker_problems(found)]


def test_an_invoker_of_another_cloud_is_refused() -> None:
    other = "arn:aws:iam::123456789012:role/shop"
    (found,) = invoker_problems(spec(security={"invokers": [CALLER, other]}))
    assert found.path == "security.invokers[1]"
    assert other in found.given
