"""The table of names: complete, and by the rules that Google Cloud's own pages give."""

import pytest

from modelberth.gcp.names import name_problems, name_rules
from modelberth.naming import lettered, physical_name, shortened


@pytest.mark.parametrize("kind", name_rules())
def test_every_rule_takes_its_bounds_and_nothing_beyond(kind: str) -> None:
    rule = name_rules()[kind]
    assert rule.source.startswith("https://docs.cloud.google.com/")
    assert f"{rule.shortest} to {rule.longest} " in rule.allowed
    assert rule.takes("a" * rule.shortest)
    assert rule.takes("a" * rule.longest)
    assert not rule.takes("a" * (rule.longest + 1))
    assert not rule.takes("a" * (rule.shortest - 1))
    for kept in rule.beginnings:
        assert not rule.takes(f"{kept}abc")


def test_the_table_has_the_kinds_that_are_checked() -> None:
    assert {
        "bucket",
        "cluster",
        "dataset",
        "key",
        "key_ring",
        "log_bucket",
        "node_pool",
        "repository",
        "run_service",
        "secret",
        "service_account",
    } == {*name_rules()}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("service_account", "irises-"),
        ("service_account", "3-irises"),
        ("service_account", "Irises"),
        ("key_ring", "shop.dev"),
        ("key", "shop/dev"),
        ("bucket", "my-google-models"),
        ("bucket", "goog-models"),
        ("bucket", "models.example.com"),
        ("bucket", "-models"),
        ("repository", "Models"),
        ("repository", "models/server"),
        ("run_service", "iris-"),
        ("run_service", "iris_3"),
        ("cluster", "3-shop"),
        ("node_pool", "gpu_pool"),
        ("log_bucket", "_iris"),
        ("dataset", "shop-dev"),
        ("secret", "shop.key"),
    ],
)
def test_names_that_google_refuses(kind: str, name: str) -> None:
    (found,) = name_problems(kind, name, "field")
    assert found.path == "field"
    assert name in found.given


@pytest.mark.parametrize("kind", [kind for kind in name_rules() if kind != "dataset"])
def test_names_that_are_made_here_are_taken(kind: str) -> None:
    """A dataset alone takes no hyphens."""
    name = lettered(physical_name("3-shop", "dev", "iris", "role"))
    assert not [*name_problems(kind, shortened(name, name_rules()[kind].longest), "field")]


def test_a_refusal_says_how_long_the_name_is_and_what_google_keeps() -> None:
    (found,) = name_problems("bucket", "b" * 64, "bucket")
    assert found.hint == "It has 64 characters. Google Cloud keeps goog… for itself."
    (short,) = name_problems("service_account", "iris", "account")
    assert short.hint == ""
    assert short.allowed.startswith("6 to 30 ")
